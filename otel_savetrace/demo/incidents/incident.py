"""What an incident is: who saves, on which hosts, to which store, over what way, and what goes wrong."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Mapping

from otel_savetrace.demo.faults import Plan
from otel_savetrace.demo.incidents.disturbance import Disturbance
from otel_savetrace.demo.nginx import Nginx
from otel_savetrace.demo.processes import LOOPBACK
from otel_savetrace.demo.story import Author

Cast = Callable[[random.Random], tuple[Author, ...]]
"""Makes up the users and what they save."""

NO_FAULTS = Plan()


@dataclasses.dataclass(frozen=True)
class Host:
    """A host that the app runs on: its gunicorn's options, what its environment has besides.

    `store_name` is the name under which it looks for the store. `trusts_store`: whether it has the
    certificate of a store that speaks TLS.
    """

    name: str = "app-1"
    gunicorn: tuple[str, ...] = ("--workers", "2")
    environment: Mapping[str, str] = dataclasses.field(default_factory=dict)
    store_name: str = LOOPBACK
    trusts_store: bool = True


@dataclasses.dataclass(frozen=True)
class Incident:
    """One incident, and what the report should find in its spans.

    `says` is one sentence on what goes wrong. `cause` is the report's word for it; `conditions` are the
    attributes by which it may say whom it strikes, none where it strikes whoever is there.

    `plan` is what the front before the store does; None, and the app talks to the store itself. `tls`: the
    front speaks TLS, or the store where there is no front. `largest_object`: bytes that the store's system
    lets it write into one file. `disturbance` is what is done to store or app while users save.
    `nginx` is what stands before the first host's app, where something does.
    `on_one_core`: store and app share one core of the machine, and the app goes first.
    `in_browser`: the users have windows of a real Chromium, and the app's pages have our script in them.
    `only_versitygw`: SeaweedFS has no such limit or fault.
    """

    name: str
    says: str
    cause: str
    cast: Cast
    conditions: tuple[str, ...] = ()
    hosts: tuple[Host, ...] = (Host(),)
    plan: Plan | None = NO_FAULTS
    tls: bool = False
    largest_object: int | None = None
    nginx: Nginx | None = None
    on_one_core: bool = False
    in_browser: bool = False
    only_versitygw: bool = False
    disturbance: Disturbance | None = None

    @property
    def needs(self) -> str:
        """What must be installed for it beside the demo itself; empty where nothing must."""
        needed = {"nginx": self.nginx is not None, "Chromium": self.in_browser}
        return " and ".join(program for program, is_needed in needed.items() if is_needed)
