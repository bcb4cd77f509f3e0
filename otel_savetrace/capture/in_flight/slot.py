"""The slot of one save: what the hooks store in it while the save lives."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from itertools import chain
from types import MappingProxyType
from typing import Any
from zlib import crc32

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.in_flight import record
from otel_savetrace.capture.in_flight.process_file import ProcessFile
from otel_savetrace.capture.save import Save
from otel_savetrace.capture.state import StorageCall
from otel_savetrace.capture.text import shortened

_STORED = {attribute.NO: record.NO, attribute.YES: record.YES, attribute.UNKNOWN: record.UNKNOWN}
_NOTHING: Mapping[str, Any] = MappingProxyType({})
_HALF = 0xFFFFFFFF
# Looked up once: a save pays for each dot.
_HELD, _BASE_AT, _STEP_AT, _ANSWER_AT = record.HELD, record.BASE_AT, record.STEP_AT, record.ANSWER_AT
_pack_base, _pack_checksum, _pack_section = record.BASE.pack, record.CHECKSUM.pack, record.SECTION.pack
_pack_step, _pack_answer = record.STEP.pack_into, record.ANSWER.pack_into
_NOT_STEPPED = bytes(record.NAMES_AT - record.STEP_AT)
_MOST = 65_535
_LAST = (attribute.S3_KEY, attribute.USER_ERROR)
"""What is cut first where there is no room for all."""


class Slot:
    """Writes to the slot at `at` in `file`; once it was let go, what is written goes nowhere.

    `answered` is when what became of the save was known (nanoseconds since 1970, 0: not yet); `owed` is how
    many exporters have not had its span.
    """

    __slots__ = ("_about", "_file", "_seed", "answered", "at", "owed", "save")

    def __init__(self, file: ProcessFile, at: int, save: Save, exporters: int, names: bytes) -> None:
        """Take the slot; `names` is what `names_section` made of the save's span."""
        span: Any = save.span  # the SDK's
        trace_id, span_id, _, flags = span.context[:4]
        parent = span.parent
        self._file: ProcessFile | None = file
        self.at = at
        self.save: Save | None = save
        self.answered = 0
        self._about: Mapping[str, Any] = _NOTHING
        self.owed = exporters
        self._seed = span_id & _HALF
        base = _pack_base(
            trace_id.to_bytes(16, "big"),
            span_id,
            0 if parent is None else parent.span_id,
            flags,
            parent is not None and parent.is_remote,
            0,
            save.number,
            span.start_time,
        )
        mapped = file.map
        if mapped is not None:
            whole = _pack_checksum(crc32(base)) + base + names
            start = at + _BASE_AT
            mapped[start : start + len(whole)] = whole
            mapped[at] = _HELD

    def tell(self, about: Mapping[str, Any]) -> None:
        """Write attributes of the save, all texts; those told before stay."""
        self._about = {**self._about, **about} if self._about else about
        self._write(record.ABOUT_AT, _texts(self._about))

    def tell_object(self, bucket: str, key: str) -> None:
        """Write which object the save stores now."""
        text = f"{bucket}{record.SEPARATOR}{key}".encode("utf-8", "replace")
        if len(text) <= record.LONGEST_OBJECT:
            self._write(record.OBJECT_AT, text)

    def call_begins(self, call: StorageCall) -> None:
        """Note that a storage call that writes begins."""
        self._step(record.PREPARING, self._stored(), 0, call)

    def attempt_begins(self, call: StorageCall) -> None:
        """Note that a request goes to the store: from here on nobody knows whether it stores the object."""
        self._step(record.ATTEMPT, record.UNKNOWN, call.attempts, call)

    def attempt_failed(self, call: StorageCall) -> None:
        """Note that it failed, and that another one follows if one may."""
        if call.is_last_attempt:
            self._step(record.FINISHING, self._stored(), call.attempts, call)
        else:
            self._step(record.BACKING_OFF, self._stored(), call.attempts + 1, call)

    def call_ended(self) -> None:
        """Note that a storage call is over."""
        file = self._file
        mapped = file.map if file is not None else None
        if mapped is not None:
            _pack_step(
                mapped, self.at + _STEP_AT,
                record.IN_THE_APP, self._stored(), 1, 0, 0, 0, time.time_ns(), 0, 0, b"",
            )  # fmt: skip

    def look(self) -> None:
        """Write what the save is doing at this moment; not for the thread that it runs in."""
        save = self.save
        if save is not None:
            told = f"{time.time_ns()}{record.SEPARATOR}{save.doing()}".encode()
            self._write(record.DOING_AT, told[: record.LONGEST_DOING])

    def answer(self, known: Mapping[str, Any], status: int) -> None:
        """Note what became of the save: all that its span tells, where it failed or retries a failed one."""
        self.answered = now = time.time_ns()
        failed = known.get(attribute.OUTCOME) == attribute.FAILED
        if failed or attribute.SAVE_ATTEMPT in known:
            self._write(record.OBJECT_AT, _json({**self._about, **known}, record.LONGEST_ANSWER))
        file = self._file
        mapped = file.map if file is not None else None
        if mapped is not None:
            stored = _STORED.get(known.get(attribute.STORED, ""), record.NO)
            mapped[self.at + _STEP_AT + record.STORED_AT] = stored
            outcome = record.FAILED if failed else record.SUCCEEDED
            _pack_answer(mapped, self.at + _ANSWER_AT, outcome, 0, status, 0, now)

    def let_go(self) -> ProcessFile | None:
        """Free the slot; returns its file the first time."""
        file, self._file = self._file, None
        self.save = None  # it holds the slot in its turn
        if file is not None and file.map is not None:
            file.map[self.at] = 0
        return file

    def _stored(self) -> int:
        totals = self.save.totals if self.save is not None else None
        return _STORED.get((totals.stored() if totals is not None else None) or "", record.NO)

    def _step(self, step: int, stored: int, number: int, call: StorageCall) -> None:
        file = self._file
        mapped = file.map if file is not None else None
        if mapped is None:
            return
        span: Any = call.span  # the SDK's
        allowed = call.client.get(attribute.ATTEMPTS_ALLOWED, 0)
        _pack_step(
            mapped, self.at + _STEP_AT,
            step, stored, 1, 0, number & _MOST, int(allowed) & _MOST,
            time.time_ns(), span.context.span_id, span.start_time, call.operation.encode(),
        )  # fmt: skip

    def _write(self, at: int, text: bytes) -> None:
        file = self._file
        mapped = file.map if file is not None else None
        if mapped is not None:
            whole = _pack_section(crc32(text, self._seed), len(text)) + text
            start = self.at + at
            mapped[start : start + len(whole)] = whole


def names_section(name: str, began_with: Mapping[str, Any]) -> bytes:
    """Return what a slot begins with after its base: no step yet, a span's name and what it began with."""
    parts = [name, *chain.from_iterable(began_with.items())]
    if any(record.SEPARATOR in part for part in parts):
        parts = ["request"]
    text = record.SEPARATOR.join(parts).encode()
    if len(text) > record.LONGEST_NAMES:
        text = shortened(name, record.LONGEST_NAMES).encode()
    return _NOT_STEPPED + record.section(text)


def _texts(about: Mapping[str, Any]) -> bytes:
    """Return attributes that are all texts in the form that costs least; in JSON where they do not fit."""
    text = record.SEPARATOR.join(chain.from_iterable(about.items()))
    if text.count(record.SEPARATOR) == 2 * len(about) - 1:
        packed = text.encode("utf-8", "replace")
        if len(packed) <= record.LONGEST_ABOUT:
            return packed
    return _json(about, record.LONGEST_ABOUT)


def _json(about: Mapping[str, Any], longest: int) -> bytes:
    held = dict(about)
    packed = json.dumps(held).encode()
    for name in (*_LAST, *sorted(held, key=lambda one: -len(str(held[one])))):
        over = len(packed) - longest
        if over <= 0:
            break
        value = held.get(name)
        if isinstance(value, str) and len(value.encode("utf-8", "replace")) > over + 8 and value.isascii():
            held[name] = shortened(value, len(value) - over - 8)
        else:
            held.pop(name, None)
        packed = json.dumps(held).encode()
    return packed
