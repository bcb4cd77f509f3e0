"""Which failed save a save retries."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import NamedTuple, TypeVar

from otel_savetrace.capture.retry.contents import Written, is_elsewhere
from otel_savetrace.capture.retry.record import UNKNOWN, Marks, Record


class Match(IntEnum):
    """How a save is known to retry a failed one, the surest first."""

    THING = 0
    """It saves the same thing."""
    CONTENT = 1
    """It saves the same content for the same user under another name, which the request did not choose."""
    FORM = 2
    """Of one of them nothing is known but its request, which has the other's form."""


class Present(NamedTuple):
    """A save that may be a retry: its marks, whether it came to write, and what."""

    marks: Marks
    wrote: bool
    written: Written


_Failed = TypeVar("_Failed")


def retried_of(candidates: Iterable[_Failed], match_of: Callable[[_Failed], Match | None]) -> list[_Failed]:
    """Return those of the failed saves that a save retries, the surest first and newest first within that.

    `candidates` come newest first. Where something surer tells, an equal form tells nothing: it may be that
    of another thing's save, whose own retry is still to come.
    """
    matches = [(match, one) for one in candidates if (match := match_of(one)) is not None]
    surer = [pair for pair in matches if pair[0] is not Match.FORM]
    return [one for _, one in sorted(surer or matches, key=lambda pair: pair[0])]


def match(failed: Record, present: Present) -> Match | None:
    """Return how a save retries a failed one, None where it does not; both have marks of one key."""
    marks = present.marks
    if _equal(failed.marks.thing, marks.thing):
        return Match.THING
    # Before storage a key's parts are not known: what the request names is all that both can have.
    if not (failed.wrote and present.wrote) and _equal(failed.marks.of_request, marks.of_request):
        return Match.THING
    if failed.marks.user == marks.user and is_elsewhere(failed.contents, present.written):
        return Match.CONTENT
    at_most_one_tells = failed.taken_over or UNKNOWN in (failed.marks.thing, marks.thing)
    if at_most_one_tells and failed.marks.form == marks.form:
        return Match.FORM
    return None


def _equal(one: bytes, other: bytes) -> bool:
    return one == other != UNKNOWN
