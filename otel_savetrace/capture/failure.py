"""What went wrong, as one code and one short phrase: from the wire, else from the innermost exception."""

from __future__ import annotations

import errno
import re
import socket
from collections.abc import Iterator
from typing import Any, NamedTuple

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


_TLS = "ssl"
_LOOKUP_ERRORS = {
    number: name for name, number in vars(socket).items() if name.startswith("EAI_")
}  # getaddrinfo has numbers of its own


class Failure(NamedTuple):
    """A failure's `code` (``SlowDown``, ``ConnectionResetError``) and the `phrase` that names an attempt.

    Where no answer came, `exception` is the innermost exception's class and `errno` the system's name for its
    number (``ECONNRESET``).
    """

    code: str
    phrase: str
    exception: str | None = None
    errno: str | None = None


MISSING_ETAG = Failure("MissingETag", "200 without ETag")
"""An answer cut short: success to boto3, yet S3 confirms every object it stores by its ETag."""


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
    chain = list(chain_of(error))
    for link in reversed(chain):
        code = _wire_code(link)
        if code is not None:
            return Failure(code, code)
    names = [type(link).__name__ for link in chain]
    name = names[-1]
    if name in _TIMEOUTS:
        name = next((named for named in names if named in _NAMED_TIMEOUTS), name)
    return Failure(name, _PHRASES.get(name, name), names[-1], _errno(chain))


def of_recorded(span: Any) -> Failure:
    """Return what a span that ended in an error tells: the exception it recorded, else its `error.type`."""
    recorded: Any = next(
        (event.attributes for event in reversed(span.events) if event.name == "exception"), {}
    )
    exception = str(recorded.get("exception.type", "")).rpartition(".")[2]
    name = exception or str(span.attributes.get("error.type", "")).rpartition(".")[2] or span.name
    code = name if _CODE.fullmatch(name) else "error"
    return Failure(code, code, exception or None)


def _errno(chain: list[BaseException]) -> str | None:
    for link in reversed(chain):
        number = getattr(link, "errno", None)
        if isinstance(link, OSError) and isinstance(number, int):
            if type(link).__module__ == _TLS:
                return None  # the number is OpenSSL's
            names = _LOOKUP_ERRORS if isinstance(link, socket.gaierror) else errno.errorcode
            return names.get(number)
    return None


def _wire_code(error: BaseException) -> str | None:
    response = getattr(error, "response", None)
    if not isinstance(response, dict) or not isinstance(response.get("Error"), dict):
        return None
    code = response["Error"].get("Code")
    return code if isinstance(code, str) and _CODE.fullmatch(code) else None


def chain_of(error: BaseException) -> Iterator[BaseException]:
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
