"""What the doctor found."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Literal

State = Literal["ok", "note", "warning", "failure"]
"""``note``: to be known, neither good nor bad; a ``warning`` may bite; a ``failure`` costs traces now."""


@dataclasses.dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, what was seen there, and what to do about it.

    `subject` is short; `said` a sentence or a value. A warning and a failure always have a `todo`.
    """

    subject: str
    state: State
    said: str
    todo: str = ""

    def __post_init__(self) -> None:
        if self.state in {"warning", "failure"} and not self.todo:
            raise ValueError(f"{self.subject}: {self.said!r} does not say what to do")


@dataclasses.dataclass(frozen=True, slots=True)
class Group:
    """The findings of one question, in the order in which they are read."""

    title: str
    findings: Sequence[Finding]

    @property
    def name(self) -> str:
        """The title as a script knows it: ``does_a_span_arrive``."""
        return self.title.rstrip("?").lower().replace(" ", "_")


def ok(subject: str, said: str) -> Finding:
    """Return what is as it should be."""
    return Finding(subject, "ok", said)


def note(subject: str, said: str, todo: str = "") -> Finding:
    """Return what is to be known."""
    return Finding(subject, "note", said, todo)


def warning(subject: str, said: str, todo: str) -> Finding:
    """Return what may bite."""
    return Finding(subject, "warning", said, todo)


def failure(subject: str, said: str, todo: str) -> Finding:
    """Return what costs traces."""
    return Finding(subject, "failure", said, todo)
