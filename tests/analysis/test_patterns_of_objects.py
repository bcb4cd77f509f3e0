"""Which pattern is seen where a save stores several objects."""

from __future__ import annotations

from otel_savetrace import attributes as names
from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.patterns import patterns_found
from otel_savetrace.analysis.saves import Save

from .made_case import made_attempt, made_call, made_save

DATA, PAGE = "charts/ada/plan/data.json", "charts/ada/plan/page.html"


def _second_of_two(code: str | None, at: float) -> Save:
    """Make a save of two objects, whose second fails with `code` where there is one."""
    outcome = names.FAILED if code else names.SUCCEEDED
    calls = (made_call(made_attempt(), key=DATA, at=at), made_call(made_attempt(code), key=PAGE, at=at))
    return made_save(*calls, outcome=outcome, at=at)


def test_objects_of_one_save_are_no_change() -> None:
    """Of a save of several objects the one that failed is held against the same one of its retry."""
    failed = _second_of_two("BadRequest", 0.0)
    episode = Episode((failed,), _second_of_two(None, 9.0), "recovered", ())
    found = {one.pattern: one for one in patterns_found([failed], [episode])}
    assert "something else was stored" not in found["different_data_different_outcome"].says
