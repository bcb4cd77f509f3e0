"""The file of one process: a head, then slots of one save each; how both are laid out and read.

A slot's first byte is set last when a save begins and cleared first when it is let go, so a process may be
killed between any two instructions. Texts carry a checksum that is seeded by the save's span id: one that was
half written, or is of the save that had the slot before, does not fit and is left out.
"""

from __future__ import annotations

import dataclasses
import json
import re
import struct
from collections.abc import Iterator, Mapping
from typing import Any
from zlib import crc32

MAGIC = b"savetrc1"
HEAD_BYTES = 16_384
SLOT_BYTES = 2_560
SLOTS = 128
FILE_BYTES = HEAD_BYTES + SLOTS * SLOT_BYTES

# Of the head: what it is, and what changes while the process lives.
_MAGIC = struct.Struct("<8sHH")
ALIVE = struct.Struct("<QQI")
"""When the process last said that it lives (ns), its cgroup's kills for memory, saves unrecorded."""
ALIVE_AT = 16
REASON_AT, REASON_BYTES = 48, 16
"""Why the process died, by one who saw it (`otel_savetrace.capture.in_flight.gunicorn_master`)."""
FACTS_AT = 64

# Of a slot.
HELD = 1
CHECKSUM = struct.Struct("<I")
BASE = struct.Struct("<16sQQBBHIQ")
"""Trace id, span id, parent's (0: none), trace flags, parent is remote, 0, number in its process, start
(ns)."""
BASE_AT = 4
STEP = struct.Struct("<BBBBHHQQQ24s")
"""Step, stored, wrote, 0, attempt, attempts allowed (0: not known), when (ns); the call's span id (0: none is
under way), its start (ns), its operation."""
STEP_AT = 56
STORED_AT = 1
"""Where in a step it stands whether all was stored."""
ANSWER = struct.Struct("<BBHIQ")
"""Outcome, 0, HTTP status (0: none), 0, when (ns)."""
ANSWER_AT = 120
NAMES_AT, NAMES_END = 136, 360
DOING_AT, DOING_END = 360, 512
OBJECT_AT, OBJECT_END = 512, 1_800
ABOUT_AT, ABOUT_END = 1_800, SLOT_BYTES
"""What a save tells when it is answered stands where its object stood, and may be as long as both."""

SECTION = struct.Struct("<IH")
"""Checksum and bytes of the text that follows."""
_FACTS = struct.Struct("<II")
SEPARATOR = "\0"
_WORD = re.compile(r"\w+", re.ASCII)

IN_THE_APP, PREPARING, ATTEMPT, BACKING_OFF, FINISHING = range(5)
NO, YES, UNKNOWN = range(3)
UNANSWERED, SUCCEEDED, FAILED = range(3)

LONGEST_FACTS = HEAD_BYTES - FACTS_AT - _FACTS.size
LONGEST_ABOUT = ABOUT_END - ABOUT_AT - SECTION.size
LONGEST_NAMES = NAMES_END - NAMES_AT - SECTION.size
LONGEST_OBJECT = OBJECT_END - OBJECT_AT - SECTION.size
LONGEST_ANSWER = ABOUT_END - OBJECT_AT - SECTION.size
LONGEST_DOING = DOING_END - DOING_AT - SECTION.size

Value = str | int | float | bool


@dataclasses.dataclass(frozen=True)
class Dead:
    """What a file tells of its process; times are nanoseconds since the epoch.

    `facts` is what it wrote of itself (`otel_savetrace.capture.in_flight.keeping`), `reason` why it died,
    where that was seen.
    """

    facts: Mapping[str, Any]
    alive: int
    killed_for_memory: int
    unrecorded: int
    reason: str | None
    saves: tuple[Unfinished, ...]


@dataclasses.dataclass(frozen=True)
class Unfinished:
    """One save as its slot tells; times are nanoseconds since the epoch, 0 where there is none.

    `names` are the attributes that its span began with, `object` are bucket and key, `about` the others that
    are known; `seen` is when it was last looked at, and what it was doing.
    """

    trace_id: int
    span_id: int
    parent_span_id: int | None
    parent_is_remote: bool
    trace_flags: int
    number: int
    started: int
    step: int
    stored: int
    wrote: bool
    attempt: int
    attempts_allowed: int
    stepped: int
    call_span_id: int
    call_started: int
    operation: str
    outcome: int
    status: int
    answered: int
    name: str
    names: Mapping[str, str]
    object: tuple[str, str] | None
    about: Mapping[str, Value]
    seen: tuple[int, str] | None


def section(text: bytes, seed: int = 0) -> bytes:
    """Return `text` as it stands in a slot; `seed` is the low half of the save's span id."""
    return SECTION.pack(crc32(text, seed), len(text)) + text


def new_head(facts: Mapping[str, Any]) -> bytes:
    """Return the head of a new file; `facts` too long to be held lack their resource."""
    text = json.dumps(facts, default=str).encode()
    if len(text) > LONGEST_FACTS:
        text = json.dumps({**facts, "resource": None}, default=str).encode()
    head = bytearray(FACTS_AT)
    _MAGIC.pack_into(head, 0, MAGIC, SLOT_BYTES, SLOTS)
    return bytes(head) + _FACTS.pack(crc32(text), len(text)) + text


def is_held(content: bytes, slot: int) -> bool:
    """Return whether a slot of a file holds a save."""
    return content[HEAD_BYTES + slot * SLOT_BYTES] == HELD


def read(content: bytes) -> Dead | None:
    """Return what a file's content tells, None where it is no whole file of this layout.

    A slot that does not bear out its own checksum is left out.
    """
    if len(content) != FILE_BYTES or _MAGIC.unpack_from(content) != (MAGIC, SLOT_BYTES, SLOTS):
        return None
    facts = _facts(content)
    if facts is None:
        return None
    alive, killed, unrecorded = ALIVE.unpack_from(content, ALIVE_AT)
    return Dead(facts, alive, killed, unrecorded, _reason(content), tuple(_saves(content)))


def _reason(content: bytes) -> str | None:
    held = content[REASON_AT : REASON_AT + REASON_BYTES].rstrip(b"\0").decode("ascii", "replace")
    return held if _WORD.fullmatch(held) else None


def _facts(content: bytes) -> Mapping[str, Any] | None:
    checksum, length = _FACTS.unpack_from(content, FACTS_AT)
    start = FACTS_AT + _FACTS.size
    text = content[start : start + length]
    if length > LONGEST_FACTS or crc32(text) != checksum:
        return None
    return _mapping(text)


def _saves(content: bytes) -> Iterator[Unfinished]:
    for slot in range(SLOTS):
        if is_held(content, slot):
            start = HEAD_BYTES + slot * SLOT_BYTES
            save = _save(content[start : start + SLOT_BYTES])
            if save is not None:
                yield save


def _save(slot: bytes) -> Unfinished | None:
    (checksum,) = CHECKSUM.unpack_from(slot, BASE_AT)
    start = BASE_AT + CHECKSUM.size
    base = slot[start : start + BASE.size]
    if crc32(base) != checksum:
        return None
    trace_id, span_id, parent, flags, remote, _, number, started = BASE.unpack(base)
    seed = span_id & 0xFFFFFFFF
    names = _text(slot, NAMES_AT, LONGEST_NAMES)
    if names is None or not any(trace_id) or not span_id:
        return None
    told = _text(slot, OBJECT_AT, LONGEST_ANSWER, seed) or ""
    bucket, parted, key = told.partition(SEPARATOR)
    name, *pairs = names.split(SEPARATOR)
    step, stored, wrote, _, attempt, allowed, stepped, call, call_started, operation = STEP.unpack_from(
        slot, STEP_AT
    )
    outcome, _, status, _, answered = ANSWER.unpack_from(slot, ANSWER_AT)
    return Unfinished(
        trace_id=int.from_bytes(trace_id, "big"),
        span_id=span_id,
        parent_span_id=parent or None,
        parent_is_remote=bool(remote),
        trace_flags=flags,
        number=number,
        started=started,
        step=step,
        stored=min(stored, UNKNOWN),
        wrote=bool(wrote),
        attempt=attempt,
        attempts_allowed=allowed,
        stepped=stepped,
        call_span_id=call,
        call_started=call_started,
        operation=operation.rstrip(b"\0").decode("ascii", "replace"),
        outcome=outcome if outcome <= FAILED else UNANSWERED,
        status=status,
        answered=answered,
        name=name,
        names=_pairs(pairs),
        object=(bucket, key) if parted and not told.startswith("{") else None,
        about=_values(told) if told.startswith("{") else _about(slot, seed),
        seen=_seen(slot, seed),
    )


def _text(slot: bytes, at: int, longest: int, seed: int = 0) -> str | None:
    checksum, length = SECTION.unpack_from(slot, at)
    text = slot[at + SECTION.size : at + SECTION.size + length]
    if not 0 < length <= longest or crc32(text, seed) != checksum:
        return None
    return text.decode("utf-8", "replace")


def _about(slot: bytes, seed: int) -> Mapping[str, Value]:
    text = _text(slot, ABOUT_AT, LONGEST_ABOUT, seed)
    if text is None:
        return {}
    return _values(text) if text.startswith("{") else _pairs(text.split(SEPARATOR))


def _values(text: str) -> Mapping[str, Value]:
    held = _mapping(text) or {}
    return {name: value for name, value in held.items() if isinstance(value, (str, int, float))}


def _seen(slot: bytes, seed: int) -> tuple[int, str] | None:
    text = _text(slot, DOING_AT, LONGEST_DOING, seed)
    when, _, doing = (text or "").partition(SEPARATOR)
    return (int(when), doing) if when.isdecimal() and doing else None


def _pairs(parts: list[str]) -> dict[str, str]:
    return dict(zip(parts[::2], parts[1::2], strict=True)) if len(parts) % 2 == 0 else {}


def _mapping(text: str | bytes) -> Mapping[str, Any] | None:
    try:
        held = json.loads(text)
    except ValueError:
        return None
    return held if isinstance(held, dict) else None
