"""What stands out in one save by itself, whatever it is held against.

Each notice says what was recorded, and no more. Limits: Amazon S3 user guide, "Naming Amazon S3 objects"
(1,024 bytes of a key) and "User-defined object metadata" (2,048 bytes); API reference, "PutObject" (a header
section of 8,192 bytes); error `RequestTimeTooSkewed` (15 minutes).
"""

from __future__ import annotations

from collections.abc import Iterator

from otel_savetrace import attributes
from otel_savetrace.analysis.calls import Call, call_name
from otel_savetrace.analysis.disagreement import disagreement
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.values import integer
from otel_savetrace.analysis.words import duration

HEADER_SECTION_LIMIT = 8_192
METADATA_LIMIT = 2_048
SKEW_LIMIT_SECONDS = 900

STORED_NOTICES = {
    ("failed", attributes.YES): "the user was told of a failure, yet everything is stored",
    ("failed", attributes.UNKNOWN): "it may be stored all the same: an answer of the store is missing",
    ("succeeded", attributes.NO): "the user was told of success, yet not everything is stored",
    ("succeeded", attributes.UNKNOWN): "the user was told of success, and the store has not confirmed it",
}


def notices(save: Save) -> list[str]:
    """Return what stands out, one clause each and each kind once: the weightiest first."""
    # Who disagrees says whether it is stored as well.
    told = disagreement(save) or STORED_NOTICES.get((save.outcome, save.stored or ""))
    found = [told, _patience(save)]
    found += [
        next((said for call in save.calls for said in kind(call)), None)
        for kind in (_foreign, _not_seen, _too_long, _clock, _credentials, _quota, _pool, _unanswered)
    ]
    return [said for said in found if said is not None]


def _patience(save: Save) -> str | None:
    patience, timeout = save.patience_seconds, save.worker_timeout_seconds
    if patience is None or timeout is None or patience <= timeout:
        return None
    return f"one call may go on for {duration(patience)}, and the worker is killed after {duration(timeout)}"


def _foreign(call: Call) -> Iterator[str]:
    for number, attempt in enumerate(call.attempts, start=1):
        if attempt.connection_pid is not None:
            yield (
                f"the connection of attempt {number} of {call_name(call)} was opened by process"
                f" {attempt.connection_pid}: two processes share one socket"
            )


def _not_seen(call: Call) -> Iterator[str]:
    if call.sent_by == attributes.CRT:
        yield f"{call_name(call)} was sent by the AWS Common Runtime: what became of it was not seen"
    elif call.sent_by is not None:
        yield f"{call_name(call)} was answered by a {call.sent_by} in the app: nothing was seen of the store"


def _too_long(call: Call) -> Iterator[str]:
    key_len = integer(call.span.attributes.get(attributes.KEY_LEN)) or 0
    if key_len > attributes.KEY_LIMIT:
        yield f"the key of {call_name(call)} has {key_len:,} bytes; S3 takes {attributes.KEY_LIMIT:,}"
    for number, attempt in enumerate(call.attempts, start=1):
        for name, said, limit in (
            (attributes.HEADER_SECTION_BYTES, "header names and values", HEADER_SECTION_LIMIT),
            (attributes.METADATA_BYTES, "user metadata", METADATA_LIMIT),
        ):
            held = integer(attempt.span.attributes.get(name)) or 0
            if held > limit:
                whose = f"attempt {number} of {call_name(call)}"
                yield f"{whose} has {held:,} bytes of {said}; S3 takes {limit:,}"


def _clock(call: Call) -> Iterator[str]:
    for attempt in call.attempts:
        skew = integer(attempt.span.attributes.get(attributes.CLOCK_SKEW_SECONDS)) or 0
        if abs(skew) >= SKEW_LIMIT_SECONDS:
            side = "ahead of" if skew > 0 else "behind"
            yield (
                f"the store's clock is {duration(abs(skew))} {side} the app's, and S3 takes up to"
                f" {duration(SKEW_LIMIT_SECONDS)}"
            )


def _credentials(call: Call) -> Iterator[str]:
    left = integer(call.span.attributes.get(attributes.CREDENTIAL_EXPIRES_IN_SECONDS))
    if left is not None and left <= 0:
        yield f"the credentials had run out {duration(-left)} before {call_name(call)}"


def _quota(call: Call) -> Iterator[str]:
    if call.span.attributes.get(attributes.RETRY_QUOTA_EXHAUSTED) is True:
        yield f"{call_name(call)} was not retried: earlier failures had used up the client's retry quota"


def _pool(call: Call) -> Iterator[str]:
    size = integer(call.span.attributes.get(attributes.POOL_SIZE))
    for attempt in call.attempts:
        in_use = integer(attempt.span.attributes.get(attributes.POOL_IN_USE))
        if size is not None and in_use is not None and in_use > size:
            yield f"{in_use} connections of the client were in use, and it keeps {size}"


def _unanswered(call: Call) -> Iterator[str]:
    for number, attempt in enumerate(call.attempts, start=1):
        if attempt.span.attributes.get(attributes.CONTINUE) == attributes.UNANSWERED:
            yield (
                f"nothing answered `Expect: 100-continue` of attempt {number} of {call_name(call)}:"
                " the body went out after a second of waiting"
            )
