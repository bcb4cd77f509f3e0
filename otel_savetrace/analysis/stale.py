"""Which broken connections were stale: kept alive by the client, and closed by the other side meanwhile."""

from __future__ import annotations

from collections.abc import Sequence

from otel_savetrace import attributes
from otel_savetrace.analysis import values
from otel_savetrace.analysis.calls import Attempt
from otel_savetrace.analysis.decisive import call_like, failed_call, first_attempt_alike
from otel_savetrace.analysis.saves import Save

SOON_SECONDS = 5.0
"""On a connection that is closed already an attempt fails at once; a later failure cut it as it ran."""

FEW = 5
"""With fewer connections on a side nothing can be said of what is usual."""

SURELY = 0.01

USUAL = 0.9
"""So large a share of the connections that worked had idled for a usual time."""


def stale_among(reset: Sequence[Save], succeeded: Sequence[Save]) -> list[Save]:
    """Return those saves, of some whose connection broke, that broke on a stale one.

    Each came on a reused connection, and nothing was heard on it. Where such connections broke no more often
    than new ones, and had not idled longer than those that worked, staleness is no reason. Where new ones
    broke as silently, only those are stale that had idled for unusually long.
    """
    silent = [save for save in reset if _was_silent(_attempt(save))]
    candidates = [save for save in silent if _may_be_stale(_attempt(save))]
    if not candidates or not succeeded:
        return candidates
    broken = [found for found in map(_attempt, silent) if found is not None]
    worked = [found for found in map(_attempt, succeeded) if found is not None]
    if not _is_a_reason(candidates, broken, worked):
        return []
    return candidates if len(candidates) == len(silent) else _idled_unusually(candidates, worked)


def _is_a_reason(candidates: Sequence[Save], broken: Sequence[Attempt], worked: Sequence[Attempt]) -> bool:
    if len(candidates) < FEW:
        return _share_reused(broken) >= _share_reused(worked)
    return _breaks_reused_rather(broken, worked) or _idled_longer(candidates, worked)


def _was_silent(attempt: Attempt | None) -> bool:
    return attempt is not None and not was_heard_of(attempt)


def _may_be_stale(attempt: Attempt | None) -> bool:
    return attempt is not None and attempt.connection == attributes.REUSED and attempt.seconds <= SOON_SECONDS


def was_heard_of(attempt: Attempt) -> bool:
    """Return whether the other side said anything on a request's connection before it broke.

    botocore sends its head with ``Expect: 100-continue``, and the body once the store has said so, or after
    a second of silence.
    """
    held = attempt.span.attributes
    if attributes.RESPONSE_STATUS in held or attributes.FIRST_BYTE_SECONDS in held:
        return True
    return attributes.CONTINUE_SECONDS in held and (attempt.body_bytes_sent or 0) > 0


def _attempt(save: Save) -> Attempt | None:
    call = failed_call(save) or call_like(save, None)
    return None if call is None else first_attempt_alike(call)


def _breaks_reused_rather(broken: Sequence[Attempt | None], worked: Sequence[Attempt]) -> bool:
    from scipy import stats

    table = [_by_connection(broken), _by_connection(worked)]
    return bool(stats.fisher_exact(table, alternative="greater").pvalue < SURELY)


def _share_reused(attempts: Sequence[Attempt | None]) -> float:
    reused, new = _by_connection(attempts)
    return reused / max(reused + new, 1)


def _by_connection(attempts: Sequence[Attempt | None]) -> tuple[int, int]:
    held = [attempt.connection for attempt in attempts if attempt is not None]
    return held.count(attributes.REUSED), held.count(attributes.NEW)


def _idled_longer(candidates: Sequence[Save], worked: Sequence[Attempt]) -> bool:
    from scipy import stats

    broken = _idle([_attempt(save) for save in candidates])
    usual = _idle(worked)
    if len(broken) < FEW or len(usual) < FEW:
        return True
    return bool(stats.mannwhitneyu(broken, usual, alternative="greater").pvalue < SURELY)


def _idled_unusually(candidates: Sequence[Save], worked: Sequence[Attempt]) -> list[Save]:
    usual = sorted(_idle(worked))
    if not usual:
        return list(candidates)
    longest = usual[int(USUAL * (len(usual) - 1))]
    return [save for save in candidates if max(_idle([_attempt(save)]), default=longest) >= longest]


def _idle(attempts: Sequence[Attempt | None]) -> list[float]:
    told = [
        values.number(attempt.span.attributes.get(attributes.CONNECTION_IDLE_SECONDS))
        for attempt in attempts
        if attempt is not None
    ]
    return [seconds for seconds in told if seconds is not None]
