"""How a request was signed and with what kind of credentials; never the credentials themselves.

The seam is botocore's `RequestSigner.sign`, which every request passes before it is sent.
"""

from __future__ import annotations

import time
from typing import Any

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.seam import Method
from otel_savetrace.capture.state import StorageCall, current_call
from otel_savetrace.capture.text import shortened

UNSIGNED = "none"

_SIGNED_HEADERS = "SignedHeaders="
_ASYMMETRIC = "AWS4-ECDSA-P256-SHA256"


def wrap_sign(original: Method) -> Method:
    """Wrap `RequestSigner.sign(operation_name, request, …)`."""

    def sign(signer: Any, *arguments: Any, **named: Any) -> Any:
        result = original(signer, *arguments, **named)
        call = current_call.get()
        if call is not None and not call.attempts and call.recording:
            guard.run("a request is signed", _note_credentials, call, signer)
        return result

    return sign


def _note_credentials(call: StorageCall, signer: Any) -> None:
    credentials = signer._credentials
    if credentials is None:
        return
    call.request_facts[attribute.CREDENTIAL_KIND] = shortened(
        str(credentials.method or "explicit"), attribute.SEARCHED_LIMIT
    )
    # Read as it lies there: asking the credentials themselves might fetch new ones.
    expires = getattr(credentials, "_expiry_time", None)
    if expires is not None:
        call.request_facts[attribute.CREDENTIAL_EXPIRES_IN_SECONDS] = int(expires.timestamp() - time.time())


def note_signature(call: StorageCall, request: Any, configured: object) -> None:
    """Note a prepared request's signature version and the names of the headers that it covers.

    `configured` is the client's signature version. Source: AWS Signature Version 4, "Authorization header".
    """
    authorization = request.headers.get("Authorization", b"")
    text = authorization.decode("latin-1") if isinstance(authorization, bytes) else str(authorization)
    if not text:
        version = UNSIGNED
    elif text.startswith(_ASYMMETRIC):
        version = "v4a"
    else:
        version = configured if isinstance(configured, str) else "unknown"
    call.request_facts[attribute.SIGNATURE_VERSION] = version
    names = text.partition(_SIGNED_HEADERS)[2].partition(",")[0]
    if names:
        call.request_facts[attribute.SIGNED_HEADERS] = shortened(names, attribute.SEARCHED_LIMIT)
