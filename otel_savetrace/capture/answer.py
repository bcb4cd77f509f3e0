"""What an attempt came to: the store's answer, an exception, or an answer that nobody sent."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.failure import MISSING_ETAG, Failure, of_exception, of_response
from otel_savetrace.capture.state import Attempt, StorageCall

_CRT_HOME = "s3transfer.crt"
# S3 confirms these by an ETag, at the answer's root or inside the result named here.
_CONFIRMED_BY = {
    "CompleteMultipartUpload": "",
    "CopyObject": "CopyObjectResult",
    "PutObject": "",
    "UploadPart": "",
    "UploadPartCopy": "CopyPartResult",
}
# An error inside a 200, which botocore before 1.35 does not read.
_CODE_INSIDE = re.compile(rb"<Error>.*?<Code>([A-Za-z0-9._-]{1,64})</Code>", re.DOTALL)
_LONGEST_ERROR = 4_096
# Told by S3 before it does anything: 501 NotImplemented, 503 SlowDown and ServiceUnavailable.
_NOT_DONE = (501, 503)


def outcome_of(
    call: StorageCall, attempt: Attempt, answer: tuple[Any, BaseException | None]
) -> tuple[Mapping[str, str] | None, Failure | None] | None:
    """Note what an attempt came to; returns the answer's headers and the failure, None if it was not seen."""
    success, error = answer
    headers, failure = None, None
    call.status = None
    if success is not None:
        http_response, parsed = success
        sent_by = _sent_by(attempt, http_response)
        if sent_by is not None:
            _was_not_seen(call, sent_by)
            return None
        call.status, headers = http_response.status_code, parsed["ResponseMetadata"]["HTTPHeaders"]
        failure = _failure_of(call, http_response, parsed)
    elif error is not None:
        failure = of_exception(error)
    call.answered = failure
    if failure is not None:
        call.doubtful = call.doubtful or _is_doubtful(attempt, call.status, failure)
    return headers, failure


def _sent_by(attempt: Attempt, http_response: Any) -> str | None:
    """Return who sent the request where botocore did not: then its answer is made up, and says nothing."""
    if attempt.head is not None:
        return None
    home = type(http_response.raw).__module__
    if home.startswith("urllib3."):
        return None  # sent, only not seen
    return attribute.CRT if home == _CRT_HOME else attribute.HANDLER


def _was_not_seen(call: StorageCall, sent_by: str) -> None:
    call.attempts -= 1
    call.sent_by = sent_by
    call.doubtful = True


def _failure_of(call: StorageCall, http_response: Any, parsed: Mapping[str, Any]) -> Failure | None:
    failure = of_response(http_response.status_code, (parsed.get("Error") or {}).get("Code"))
    if failure is None and call.operation in _CONFIRMED_BY:
        result = parsed.get(_CONFIRMED_BY[call.operation], parsed)
        if not result.get("ETag"):
            inside = _CODE_INSIDE.search(http_response.content[:_LONGEST_ERROR])
            return (
                MISSING_ETAG if inside is None else of_response(http_response.status_code, inside[1].decode())
            )
    return failure


def _is_doubtful(attempt: Attempt, status: int | None, failure: Failure) -> bool:
    """Return whether the store may have done what it was told, though it did not say so."""
    if status is None:
        return attempt.head is not None
    return failure is MISSING_ETAG or status < 300 or (status >= 500 and status not in _NOT_DONE)
