"""The signature on a cookie, and the key of the digests in it: both come from one secret."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from typing import Literal

import flask
from itsdangerous import BadSignature, TimestampSigner
from itsdangerous.encoding import base64_decode, base64_encode

from otel_savetrace.capture.retry.record import Record

Reason = Literal["forged", "expired", "replayed", "oversized", "malformed", "too_many"]
"""Why a cookie is not used: `attributes.COOKIE_REFUSED`."""

LONGEST_VALUE = 640
"""Most characters of a cookie's value; ours have some 300."""

_PURPOSE = b"otel-savetrace: a failed save"
_PARTS = 3


class Seal:
    """Signs for one app with one secret. `key` is what digests are keyed with."""

    def __init__(self, secret: bytes, application: str) -> None:
        salt = _PURPOSE + b" of " + application.encode("utf-8", "surrogatepass")
        self._signer = TimestampSigner(secret, salt=salt, key_derivation="hmac", digest_method=hashlib.sha256)
        self.key = hashlib.blake2b(secret, digest_size=32, person=b"savetrace digest").digest()

    def sign(self, record: Record) -> str:
        """Return a cookie's value."""
        return self._signer.sign(base64_encode(record.pack())).decode()

    def read(self, value: bytes, seconds: int) -> Record | Reason:
        """Return what a cookie's value says, or why it is refused; `seconds` is how long one may be used.

        Hosts' clocks differ, so one that is from the future is taken, as long as it is not from that far.
        """
        try:
            packed, signed = self._signer.unsign(value, return_timestamp=True)
        except BadSignature:
            return "forged"
        if abs(time.time() - signed.timestamp()) > seconds + 1:  # it has whole seconds
            return "expired"
        try:
            return Record.unpack(base64_decode(packed))
        except (BadSignature, ValueError):
            return "malformed"


def reason_of_form(value: bytes) -> Reason | None:
    """Return why a value cannot be a cookie's of ours, whoever signed it."""
    if len(value) > LONGEST_VALUE:
        return "oversized"
    return None if value.count(b".") == _PARTS - 1 and value.isascii() else "malformed"


def secrets_of(app: flask.Flask, own: str | None) -> Iterator[bytes]:
    """Yield an app's secrets, the one to sign with first: `own`, else those of its configuration."""
    if own is not None:
        yield own.encode()
        return
    fallbacks = app.config.get("SECRET_KEY_FALLBACKS") or ()
    for secret in (app.secret_key, *fallbacks):
        if secret and isinstance(secret, (str, bytes)):
            yield secret.encode() if isinstance(secret, str) else secret
