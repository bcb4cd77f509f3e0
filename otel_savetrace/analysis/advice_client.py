"""Next steps where the S3 client itself was the reason."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from otel_savetrace import attributes
from otel_savetrace.analysis.case import Case, extent, listed, most_common, numbers
from otel_savetrace.analysis.words import count

QUOTA = "a client has 500 tokens; a retry takes 5, from botocore 1.44 on 14 unless it was throttled"
"""botocore.retries.quota and botocore.retries.standard, 1.43.77 and 1.44.8."""


def forked_connection(case: Case) -> Iterator[str]:
    """Whose connection it was, and what may have come of it."""
    openers = {str(pid) for call in case.calls for one in call.attempts if (pid := one.connection_pid)}
    by = f" (here by process {listed(sorted(openers))})" if openers else ""
    yield (
        "Make the S3 client after the fork (with gunicorn --preload in post_fork, or at its first use):"
        f" connections opened before{by} are shared by several workers (botocore#1246)."
    )
    shared = sum(
        any(attempt.connection_pid is not None for attempt in call.attempts) for call in case.worked_calls
    )
    if shared:
        yield (
            f"Check the objects of {count(shared, 'save')} that worked over such a connection: one worker's"
            " content may have ended up in another's object."
        )


def pool_exhausted(case: Case) -> Iterator[str]:
    """How many connections are kept, for how many that save at once."""
    size = most_common(case.of_calls(attributes.POOL_SIZE))
    used = numbers(case.of_attempts(attributes.POOL_IN_USE))
    kept = f", now {size}," if size is not None else ""
    much = f" ({max(used):.0f} were in use)" if used else ""
    yield f"Raise max_pool_connections{kept} to as many as save at once in one process{much}."


def retry_quota(case: Case) -> Iterator[str]:
    """What emptied it, and what comes of that."""
    mode = most_common(case.of_calls(attributes.RETRY_MODE))
    allowed = most_common(case.of_calls(attributes.ATTEMPTS_ALLOWED))
    made = [float(call.attempts_made) for call in case.calls if call.attempts_made]
    of = f", of {allowed} allowed" if allowed is not None else ""
    did = f" They made {extent(made, 'attempt')}{of}." if made else ""
    yield (
        f"See to what failed before: it used up the client's retries, so {case.codes} was not tried"
        f" again.{did}"
    )
    yield (
        f"In retry mode {mode or 'standard'} {QUOTA}, and calls that work give some back; mode legacy has"
        " none."
    )


def invalid_parameter(case: Case) -> Iterator[str]:
    """What was refused, and where."""
    operations = listed(call.operation for call in case.calls)
    routes = listed(save.route for save in case.failed if save.route)
    on = f" on {routes}" if routes else ""
    yield (
        f"Check what is passed to {operations or 'the S3 client'}{on}: {case.codes} comes of the request"
        " itself."
    )


ADVICE: Mapping[str, Callable[[Case], Iterator[str]]] = {
    "client.forked_connection": forked_connection,
    "client.pool_exhausted": pool_exhausted,
    "client.retry_quota": retry_quota,
    "client.invalid_parameter": invalid_parameter,
}
