"""What a store answered to a failed call, whole but for what is secret, as text for a log."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from otel_savetrace.capture.text import shortened

_LONGEST = 8_192
_LONGEST_VALUE = 2_048
_DEEPEST = 5
_CUT = "(cut)"

# S3 answers a signature that does not match with all it was made from, a token that has run out with it.
_SECRET_NAME = re.compile(
    "accesskey|authorization|canonicalrequest|cookie|credential|password|secret|signature|stringtosign|token"
)
_SECRET_VALUE = re.compile(
    r"(?P<name>(?i:\b(?:X-Amz-)?(?:AWSAccessKeyId|Credential|Security-Token|Signature)=))[^&,\s\"'<>]+"
    r"|(?P<scheme>://)[^/@\s]+(?=@)"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
)

NO_CODE = "Unknown"
"""How botocore words an error without a code."""

_ALWAYS = ("HTTPStatusCode", "HostId", "RequestId", "RetryAttempts")


def is_error(result: Mapping[str, Any] | None) -> bool:
    """Return whether an answer, as botocore parsed it, tells of an error."""
    return result is not None and isinstance(result.get("Error"), Mapping)


def code_of(result: Mapping[str, Any] | None) -> str:
    """Return the code of an error, `NO_CODE` where it has none."""
    held = (result or {}).get("Error")
    return str(held.get("Code", NO_CODE)) if isinstance(held, Mapping) else NO_CODE


def retries_of(result: Mapping[str, Any] | None) -> int | None:
    """Return how often botocore sent the request again, None where no answer came."""
    retries = _metadata(result).get("RetryAttempts")
    return retries if isinstance(retries, int) else None


def told(result: Mapping[str, Any] | None, error: BaseException | None, *, keys: str, sent: bool) -> str:
    """Return the whole answer without secrets, or in what way there was none.

    `keys` is how object keys may be shown: anything but ``plain`` leaves out every text that may hold one,
    and only the code and the store's ids are left. `sent` says whether any request went out; where none did
    the exception may quote what the app passed, its content too, and only its class is told.
    """
    if result is None:
        text = f": {error}" if error is not None and sent and keys == "plain" and _is_botocores(error) else ""
        return shortened(f"none, {type(error).__name__}{without_secrets(text)}", _LONGEST_VALUE)
    if keys != "plain":
        held = {name: value for name, value in _metadata(result).items() if name in _ALWAYS}
        result = {"Error": {"Code": code_of(result)}, "ResponseMetadata": held}
    return shortened(str(_cleaned(result)), _LONGEST)


def without_secrets(text: str) -> str:
    """Return `text` with credentials, signatures and tokens cut out of it."""
    return _SECRET_VALUE.sub(lambda found: (found["name"] or found["scheme"] or "") + _CUT, text)


def _is_botocores(error: BaseException) -> bool:
    return type(error).__module__.startswith("botocore.")


def _metadata(result: Mapping[str, Any] | None) -> Mapping[str, Any]:
    held = (result or {}).get("ResponseMetadata")
    return held if isinstance(held, Mapping) else {}


def _cleaned(held: object, depth: int = 0) -> object:
    if depth > _DEEPEST:
        return _CUT
    if isinstance(held, Mapping):
        return {
            name: _CUT if _SECRET_NAME.search(_letters(name)) else _cleaned(value, depth + 1)
            for name, value in held.items()
        }
    if isinstance(held, (list, tuple)):
        return [_cleaned(value, depth + 1) for value in held]
    if isinstance(held, (int, float)) or held is None:
        return held
    return shortened(without_secrets(str(held)), _LONGEST_VALUE)


def _letters(name: object) -> str:
    return str(name).lower().replace("-", "").replace("_", "")
