"""What retries are in force against a failure that passes, what they did, and which would do."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Set

from otel_savetrace import attributes
from otel_savetrace.analysis.advice_condition import is_of_size
from otel_savetrace.analysis.calls import Call
from otel_savetrace.analysis.case import Case, extent, most_common, numbers
from otel_savetrace.analysis.retries import fitting, longest_backoffs, retries_of
from otel_savetrace.analysis.words import count, duration
from otel_savetrace.spans.rows import AttributeValue

USUAL_MODE = "standard"
FEW = 3
"""Attempts that ride out what passes at once, as botocore's default since 1.44."""

ENOUGH = 5
"""Attempts from which on more of them only make the user wait."""


def retries(case: Case) -> Iterator[str]:
    """Yield what is in force, whether it helps others, and settings that fit into the worker's limit.

    Against what strikes by its size no retry helps.
    """
    if is_of_size(case.condition):
        return
    mode = most_common(case.of_calls(attributes.RETRY_MODE))
    allowed = most_common(case.of_calls(attributes.ATTEMPTS_ALLOWED))
    if not isinstance(mode, str) or not isinstance(allowed, int):
        return
    saved = saved_by_retries(case)
    helped = f" {count(saved, 'call')} that met the same worked at a later attempt." if saved else ""
    if allowed <= 1:
        yield f"Let the client try again: retry mode {mode} allows 1 attempt. {_settings(case)}{helped}"
        return
    made = [float(call.attempts_made) for call in case.calls if call.attempts_made]
    did = f"; {extent(made, 'attempt')} a call were not enough" if made else ""
    more = f" {_settings(case)}" if allowed < ENOUGH else ""
    yield f"In force is retry mode {mode}, at most {count(allowed, 'attempt')}{did}.{helped}{more}"


def saved_by_retries(case: Case) -> int:
    """Return how many of the calls that worked had first failed as the failed ones did."""
    codes = {attempt.span.attributes.get(attributes.ERROR_CODE) for attempt in case.attempts()} - {None}
    return sum(_had(call, codes) for call in case.worked_calls)


def worker_limit(case: Case) -> float | None:
    """Return the shortest limit of a worker, in seconds; None where none is recorded."""
    limits = numbers(case.of_saves(attributes.WORKER_TIMEOUT_SECONDS)) or numbers(
        case.of_worked(attributes.WORKER_TIMEOUT_SECONDS)
    )
    return min(limits, default=None)


def _had(call: Call, codes: Set[AttributeValue]) -> bool:
    return any(attempt.span.attributes.get(attributes.ERROR_CODE) in codes for attempt in call.attempts[:-1])


def _settings(case: Case) -> str:
    """Return settings whose retries a worker lives to see, where its limit is recorded."""
    limit = worker_limit(case)
    now = next((found for call in case.calls if (found := retries_of(call)) is not None), None)
    if limit is None or now is None:
        waits = duration(longest_backoffs(USUAL_MODE, FEW))
        return (
            f"Config(retries={{'mode': '{USUAL_MODE}', 'total_max_attempts': {FEW}}}) waits for up to {waits}"
            " between them."
        )
    wanted = dataclasses.replace(now, mode=USUAL_MODE, attempts=FEW)
    fits = wanted if wanted.worst_seconds <= limit else fitting(wanted, limit)
    if fits is None or fits.attempts == 1:
        return f"The worker's {duration(limit)} leave no room for it: raise gunicorn's --timeout first."
    return f"{fits.config} ends within the worker's {duration(limit)}."
