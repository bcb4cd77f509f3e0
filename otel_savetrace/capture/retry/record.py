"""What a failed save leaves for its retry, and its form in a cookie: some 130 bytes, none of them a name."""

from __future__ import annotations

import struct
from typing import NamedTuple

from otel_savetrace.capture.retry.contents import Content, Contents

DIGEST_BYTES = 8
UNKNOWN = bytes(DIGEST_BYTES)
"""Stands for the digest of what is not known; nothing equals it."""

LONGEST_CODE = 48
"""Most bytes of an error code that are kept."""

MOST_ATTEMPTS = 65_535

_VERSION = 1
_WROTE, _WHOLE, _FIRST, _INBOUND, _TAKEN_OVER = 1, 2, 4, 8, 16

# Version, which of the rest is known, trace flags; ids; marks; contents; inbound size, time, attempt, path.
_FORM = struct.Struct(">BBB 16s8s16s 8s8s8s8s HIQIQ QQHH")


class Marks(NamedTuple):
    """Keyed digests, `DIGEST_BYTES` each, by which two saves are known to be of one thing.

    `thing`: what is being saved. `of_request`: the same as far as the request alone names it, for a save that
    dies before storage. `form`: the request's form, for one of which nothing else is known. `user`: who
    saves, by which route, and what else the request names: all that stays when the app chooses another key.
    """

    thing: bytes
    of_request: bytes
    form: bytes
    user: bytes


class Record(NamedTuple):
    """A failed save.

    `milliseconds` since the epoch is when it was answered, `inbound` the size of its request's body in bytes,
    None where the request did not say. `attempt` is 1 for the first failure. `path_length` is how many
    characters of the request's path its cookie is limited to. `taken_over` says that it told nothing of what
    it saves, so that its marks of that are those of the failed save whose form it had.
    """

    trace_id: int
    span_id: int
    trace_flags: int
    first_trace_id: int
    marks: Marks
    wrote: bool
    contents: Contents
    inbound: int | None
    milliseconds: int
    attempt: int
    error_code: str
    path_length: int = 0
    taken_over: bool = False

    def pack(self) -> bytes:
        """Return it as bytes."""
        whole, first = self.contents.whole, self.contents.first
        known = (
            _WROTE * self.wrote
            | _WHOLE * (whole is not None)
            | _FIRST * (first is not None)
            | _INBOUND * (self.inbound is not None)
            | _TAKEN_OVER * self.taken_over
        )
        return (
            _FORM.pack(
                _VERSION, known, self.trace_flags,
                self.trace_id.to_bytes(16, "big"), self.span_id.to_bytes(8, "big"),
                self.first_trace_id.to_bytes(16, "big"),
                *self.marks,
                min(self.contents.objects, 65_535), *(whole or (0, 0)), *(first or (0, 0)),
                self.inbound or 0, self.milliseconds, min(self.attempt, MOST_ATTEMPTS), self.path_length,
            )
            + self.error_code.encode("utf-8", "replace")[:LONGEST_CODE]
        )  # fmt: skip

    @classmethod
    def unpack(cls, packed: bytes) -> Record:
        """Read one back; raises ValueError where these bytes are none."""
        if not _FORM.size <= len(packed) <= _FORM.size + LONGEST_CODE or packed[0] != _VERSION:
            raise ValueError("this is no record of a failed save, or one of another version")
        (
            _, known, trace_flags, trace_id, span_id, first_trace_id,
            thing, of_request, form, user,
            objects, whole_checksum, whole_size, first_checksum, first_size,
            inbound, milliseconds, attempt, path_length,
        ) = _FORM.unpack_from(packed)  # fmt: skip
        return cls(
            int.from_bytes(trace_id, "big"),
            int.from_bytes(span_id, "big"),
            trace_flags,
            int.from_bytes(first_trace_id, "big"),
            Marks(thing, of_request, form, user),
            bool(known & _WROTE),
            Contents(
                objects,
                Content(whole_checksum, whole_size) if known & _WHOLE else None,
                Content(first_checksum, first_size) if known & _FIRST else None,
            ),
            inbound if known & _INBOUND else None,
            milliseconds,
            attempt,
            packed[_FORM.size :].decode("utf-8", "ignore"),
            path_length,
            bool(known & _TAKEN_OVER),
        )
