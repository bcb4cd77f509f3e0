"""What an incident of the benchmark is, and what a report should find in it."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Mapping

from benchmarks.diagnosis.crowd import Habits
from benchmarks.diagnosis.store import Rule


@dataclasses.dataclass(frozen=True)
class Truth:
    """A cause at work, and the attributes that name whom it strikes, none where it strikes by chance."""

    cause: str
    condition: frozenset[str] = frozenset()


@dataclasses.dataclass(frozen=True)
class Host:
    """A host of the app: what its environment has besides, and its gunicorn's options."""

    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    gunicorn: tuple[str, ...] = ("--workers", "2", "--threads", "4")


@dataclasses.dataclass(frozen=True)
class Incident:
    """One incident.

    `rule` makes the store's rule from a source of chance. `addresses` are the store's on loopback, and
    `listening` those at which it answers, all where None. `too_few`: a cause is told, yet nobody can be sure.
    """

    name: str
    truths: tuple[Truth, ...]
    rule: Callable[[random.Random], Rule] = lambda _: lambda _: None
    hosts: tuple[Host, ...] = (Host(),)
    habits: Habits = dataclasses.field(default_factory=Habits)
    addresses: tuple[str, ...] = ("127.0.0.1",)
    listening: tuple[str, ...] | None = None
    too_few: bool = False
    unresolved: bool = False
