"""One sentence in plain words on two saves. It never says more than the two saves carry."""

from __future__ import annotations

from otel_savetrace import attributes
from otel_savetrace.analysis.differences import Comparison
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.words import count, duration


def headline(comparison: Comparison) -> str:
    """Say what became of each save, in the order they were made, and whether the content was the same."""
    a, b = comparison.a, comparison.b
    first, second = (a, b) if a.span.start_nanoseconds <= b.span.start_nanoseconds else (b, a)
    gap, content = _gap(comparison.seconds_between), _content(comparison)
    said = f"{_first(first)}; {gap} {content} {_second(second, first)}."
    return said if comparison.same_thing else f"{said} These are saves of two different things."


def _first(save: Save) -> str:
    if save.outcome == "failed":
        return f"The earlier save failed: {_failure(save)}{_stored(save)}"
    if save.outcome == "succeeded":
        return f"The earlier save succeeded{_attempts_of_success(save)}{_stored(save)}"
    return "How the earlier save ended is not known"


def _second(save: Save, first: Save) -> str:
    if save.outcome == "failed":
        return f"failed{' too' if first.outcome == 'failed' else ''}: {_failure(save)}{_stored(save)}"
    if save.outcome == "succeeded":
        said = "was saved" if save.told_truly else "was said to be saved"
        return f"{said}{_attempts_of_success(save)}{_stored(save)}"
    return "was sent again, and how that ended is not known"


def _stored(save: Save) -> str:
    if save.told_truly:
        return ""
    return {
        attributes.YES: ", and yet is stored",
        attributes.NO: ", and yet is not stored",
        attributes.UNKNOWN: ", which the store has not confirmed",
    }[save.stored or attributes.UNKNOWN]


def _gap(seconds: float) -> str:
    return "while it still ran," if seconds < 0 else f"{duration(seconds)} later"


def _content(comparison: Comparison) -> str:
    if comparison.same_content is None:
        return "content that may or may not be the same"
    return "the same content" if comparison.same_content else "other content"


def _failure(save: Save) -> str:
    code = save.error_code or (f"HTTP {save.status_code}" if save.status_code else "no reason recorded")
    if not save.calls:
        return f"{code}, with no storage call made"
    if not any(call.failed for call in save.calls):
        return f"{code}, although no storage call failed"
    failing = [call for call in save.calls if call.failed and call.error_code == save.error_code]
    if not failing:
        return f"{code}, which is no storage call's error"
    if len(failing) > 1:
        attempts = count(save.attempts_made, "attempt")
        return f"{code} after {attempts} over {len(save.calls)} storage calls"
    made, allowed = failing[0].attempts_made, failing[0].attempts_allowed
    if not made:
        return code if made is None else f"{code}, with nothing sent"
    if made == allowed == 1:
        return f"{code} at the only attempt"
    return (
        f"{code} after {made} of {allowed} attempts" if allowed else f"{code} after {count(made, 'attempt')}"
    )


def _attempts_of_success(save: Save) -> str:
    retries = [call.attempts_made - 1 for call in save.calls if call.attempts_made]
    if not retries or len(retries) < len(save.calls):
        return ""
    if any(call.failed for call in save.calls):
        return f" after {count(save.attempts_made, 'attempt')} over {len(save.calls)} storage calls"
    return (
        f" after {count(sum(retries), 'retry', 'retries')} by the client"
        if sum(retries)
        else " at the first attempt"
    )
