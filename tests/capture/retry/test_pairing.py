"""How surely a save is known to retry a failed one, by their marks and contents alone."""

from __future__ import annotations

import pytest

from otel_savetrace.capture.retry.contents import Content, contents_of
from otel_savetrace.capture.retry.pairing import Match, Present, match, retried_of
from otel_savetrace.capture.retry.record import UNKNOWN, Marks, Record

ONE, TWO, FORM, USER = (bytes([number]) * 8 for number in range(1, 5))
WRITTEN = [Content(1, 5)]


def _failed(marks: Marks, *, wrote: bool = True, written: list[Content] = WRITTEN) -> Record:
    return Record(1, 1, 1, 1, marks, wrote, contents_of(written), None, 0, 1, "E")


@pytest.mark.parametrize(
    ("failed", "now", "expected"),
    [
        (Marks(ONE, ONE, FORM, USER), Marks(ONE, ONE, FORM, USER), Match.THING),
        # Their requests name the same, their keys do not: another user's, say.
        (Marks(ONE, ONE, FORM, USER), Marks(TWO, ONE, FORM, FORM), None),
        (Marks(ONE, UNKNOWN, FORM, USER), Marks(TWO, UNKNOWN, FORM, USER), Match.CONTENT),
        (Marks(ONE, UNKNOWN, FORM, USER), Marks(TWO, UNKNOWN, FORM, FORM), None),
        (Marks(UNKNOWN, UNKNOWN, FORM, USER), Marks(ONE, ONE, FORM, ONE), Match.FORM),
        (Marks(ONE, ONE, FORM, ONE), Marks(UNKNOWN, UNKNOWN, FORM, USER), Match.FORM),
        (Marks(UNKNOWN, UNKNOWN, FORM, ONE), Marks(ONE, ONE, USER, USER), None),
    ],
)
def test_two_saves_that_came_to_write(failed: Marks, now: Marks, expected: Match | None) -> None:
    """Of two saves that wrote, keys tell; else content and user, else the form where no thing is known."""
    assert match(_failed(failed), Present(now, True, WRITTEN)) is expected


@pytest.mark.parametrize(("failed_wrote", "wrote"), [(False, True), (True, False), (False, False)])
def test_one_that_died_before_storage(failed_wrote: bool, wrote: bool) -> None:
    """Where one did not come to write, what both requests name is enough."""
    failed = _failed(Marks(ONE, ONE, FORM, USER), wrote=failed_wrote, written=[])
    assert match(failed, Present(Marks(TWO, ONE, USER, FORM), wrote, [])) is Match.THING


def test_the_surest_comes_first() -> None:
    """The same thing goes before the same content, newest first; a form counts where nothing else does."""
    matches = {"form": Match.FORM, "none": None, "thing": Match.THING, "content": Match.CONTENT}
    matches["an older thing"] = Match.THING
    assert retried_of(matches, matches.get) == ["thing", "an older thing", "content"]
    assert retried_of(["none", "form"], matches.get) == ["form"]


def test_one_that_told_nothing_itself_is_known_by_its_form() -> None:
    """What a save took over from the one before is a guess: an equal form still tells of its own retry."""
    failed = _failed(Marks(ONE, ONE, FORM, USER), wrote=False, written=[])
    now = Present(Marks(TWO, TWO, FORM, ONE), True, WRITTEN)
    assert match(failed, now) is None
    assert match(failed._replace(taken_over=True), now) is Match.FORM
    assert Record.unpack(failed._replace(taken_over=True).pack()).taken_over
