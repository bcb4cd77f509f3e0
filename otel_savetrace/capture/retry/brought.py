"""The cookies of ours that a request brought, read or refused."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from otel_savetrace.capture.retry.record import Record
from otel_savetrace.capture.retry.seal import Reason, Seal, reason_of_form
from otel_savetrace.capture.retry.watch import COOKIE

MOST = 8
"""Cookies of ours that a browser holds at most for one path."""

_NAME = re.compile(COOKIE + "[0-9a-f]{8}")
_MOST_LOOKED_AT = 3 * MOST  # other apps of the same host may have as many


class Brought(NamedTuple):
    """A cookie that is ours, and the seal that it bears."""

    name: str
    record: Record
    seal: Seal


def read(
    environ: Mapping[str, Any], seals: Sequence[Seal], seconds: int
) -> tuple[list[Brought], list[Reason]]:
    """Return the cookies that are ours, newest first, and why others were refused, each reason once."""
    reasons: list[Reason] = []
    found = _named(environ.get("HTTP_COOKIE", ""))
    if len(found) > _MOST_LOOKED_AT:
        found = found[-_MOST_LOOKED_AT:]  # browsers send the newest last (RFC 6265, 5.4)
        reasons.append("too_many")
    ours: list[Brought] = []
    for name, value in found:
        told = _read_one(value, seals, seconds)
        if isinstance(told, tuple):
            ours.append(Brought(name, *told))
        else:
            reasons.append(told)
    ours.sort(key=lambda one: one.record.milliseconds, reverse=True)
    if len(ours) > MOST:
        reasons.append("too_many")
    return ours[:MOST], list(dict.fromkeys(reasons))


def _named(header: str) -> list[tuple[str, bytes]]:
    """Return name and value of the cookies that bear a name of ours, as they stand in the header."""
    pairs = [pair.strip().partition("=") for pair in header.split(";") if COOKIE in pair]
    named = {name.strip(): value.strip() for name, _, value in pairs if _NAME.fullmatch(name.strip())}
    return [(name, value.encode("latin-1", "replace")) for name, value in named.items()]


def _read_one(value: bytes, seals: Sequence[Seal], seconds: int) -> tuple[Record, Seal] | Reason:
    """Return what a cookie says and its seal, or why it is refused; it is forged where no seal is its own."""
    reason = reason_of_form(value)
    for seal in seals if reason is None else ():
        told = seal.read(value, seconds)
        if isinstance(told, Record):
            return told, seal
        if told != "forged":
            return told
    return reason or "forged"
