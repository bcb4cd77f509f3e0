"""What went wrong, as one code and one short phrase: from the wire, else from the innermost exception."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

_CODE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_DEEPEST = 10

# A bare time-out does not say what was waited for; botocore's class around it does.
_TIMEOUTS = frozenset(("TimeoutError", "timeout"))
_NAMED_TIMEOUTS = ("ConnectTimeoutError", "ReadTimeoutError")

_PHRASES = {
    "BrokenPipeError": "broken pipe",
    "ConnectTimeoutError": "connect timeout",
    "ConnectionAbortedError": "connection aborted",
    "ConnectionRefusedError": "connection refused",
    "ConnectionResetError": "connection reset",
    "IncompleteRead": "answer cut short",
    "NoCredentialsError": "no credentials",
    "ReadTimeoutError": "read timeout",
    "RemoteDisconnected": "connection closed",
    "SSLCertVerificationError": "TLS certificate refused",
    "SSLEOFError": "TLS connection closed",
    "SSLError": "TLS error",
    "gaierror": "name not resolved",
}


class Failure(NamedTuple):
    """A failure's `code` (``SlowDown``, ``ConnectionResetError``) and the `phrase` that names an attempt."""

    code: str
    phrase: str


def of_response(status: int, code: object) -> Failure | None:
    """Return the failure that a store's answer tells, or None where it tells of success.

    `code` is the S3 error code parsed from the body, if any; a body that is no S3 error gives the status.
    """
    word = code if isinstance(code, str) and _CODE.fullmatch(code) else None
    if word is None and status < 400:
        return None
    if word is None or word == str(status):
        return Failure(str(status), str(status))
    return Failure(word, f"{status} {word}")


def of_exception(error: BaseException) -> Failure:
    """Return what an exception tells: the S3 code it carries, else the class of its innermost cause."""
    chain = list(_chain(error))
    for link in reversed(chain):
        code = _wire_code(link)
        if code is not None:
            return Failure(code, code)
    names = [type(link).__name__ for link in chain]
    name = names[-1]
    if name in _TIMEOUTS:
        name = next((named for named in names if named in _NAMED_TIMEOUTS), name)
    return Failure(name, _PHRASES.get(name, name))


def _wire_code(error: BaseException) -> str | None:
    response = getattr(error, "response", None)
    if not isinstance(response, dict) or not isinstance(response.get("Error"), dict):
        return None
    code = response["Error"].get("Code")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes, outermost first, however botocore, urllib3 or Python keep them."""
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen and len(seen) < _DEEPEST:
        seen.add(id(link))
        yield link
        link = _cause(link)


def _cause(error: BaseException) -> BaseException | None:
    kept = getattr(error, "kwargs", None)
    inner = kept.get("error") if isinstance(kept, dict) else None
    if isinstance(inner, BaseException):
        return inner
    if error.__cause__ is not None:
        return error.__cause__
    for argument in error.args:
        if isinstance(argument, BaseException):
            return argument
    return None if error.__suppress_context__ else error.__context__
