"""The saves of this process that have a slot: which request gets one, and when it is let go.

A request that is no save costs one look at its route. A slot is let go once every exporter that sends in
batches has had the save's span: until then the span is nowhere but in the memory of this process.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from otel_savetrace.capture.guard import guard, logger
from otel_savetrace.capture.in_flight.process_file import ProcessFile
from otel_savetrace.capture.in_flight.record import SLOTS
from otel_savetrace.capture.in_flight.slot import Slot, names_section
from otel_savetrace.capture.request_fields import request_attributes
from otel_savetrace.capture.save import Save
from otel_savetrace.capture.state import StorageCall
from otel_savetrace.config import RequestAttribute

_SAMPLED = 1
_MOST_NAMES = 1_000
_LONGEST_WAIT = 300 * 10**9
"""Nanoseconds after which a span that no exporter had was dropped, by a full queue or a filter."""
_BEGINNINGS = ("http.method", "http.request.method", "http.route")
"""What a server span begins with and a reader knows a route by, under old and new names."""

Hide = Callable[[Mapping[str, str]], Mapping[str, str]]


class Recorder:
    """Gives slots to saves, in a file that `make_file` makes for each process at its first save.

    `is_save` says of a span's name whether a request that runs here is one by its route, `asked` are the
    attributes that a request gives, `in_keys` the names of those that an object's key gives. `hide` makes of
    attributes what may stand in a file, `exporters` is how many send in batches.
    """

    def __init__(
        self,
        make_file: Callable[[], ProcessFile],
        is_save: Callable[[str], bool],
        asked: tuple[RequestAttribute, ...],
        in_keys: Collection[str],
        hide: Hide | None,
        exporters: int,
    ) -> None:
        self._make_file = make_file
        self._is_save = is_save
        self._asked = asked
        # What the key tells anyway is not asked for while a save is served.
        self._wanted = tuple(one for one in asked if one.name not in in_keys)
        self._hide = hide
        self._exporters = exporters
        self._names: dict[str, bytes] = {}
        self.begin_again()

    def begin_again(self) -> None:
        """Forget everything, in a child that was just forked: what there is is its parent's."""
        self.file: ProcessFile | None = None
        self._off = self.ending = False
        self._making = threading.Lock()
        self._slots: dict[int, Slot] = {}

    def request_starts(self, save: Save) -> None:
        """Give a request a slot whose route says that it is a save."""
        if self._is_save(save.span.name):  # type: ignore[attr-defined]  # the SDK's
            self._begin(save)

    def call_begins(self, save: Save, call: StorageCall) -> None:
        """Give a request a slot that is about to store something, and tell what."""
        slot = save.slot or self._begin(save)
        if slot is None:
            return
        call.slot = slot
        if save.totals is not None and save.totals.written:
            slot.call_begins(call)  # else nothing is stored yet, and the first attempt follows at once
        if self._hide is not None:
            slot.tell(self._hide(call.object))
        elif call.bucket is not None and call.key is not None:
            slot.tell_object(call.bucket, call.key)
        if self._wanted:
            self._tell_of_request(slot)

    def answer(self, save: Save, known: Mapping[str, Any]) -> None:
        """Note what became of a save that has a slot; `known` is all that its span tells."""
        if save.slot is not None:
            status = save.answer.status_code if save.answer is not None else 0
            save.slot.answer(known if self._hide is None else self._hide(known), status)

    def request_ends(self, save: Save) -> None:
        """Let a slot go whose save's span needs no exporter any more; see that no other is kept for ever."""
        slot = save.slot
        if slot is None:
            return
        if not self._exporters:
            self._let_go(save.span.get_span_context().span_id)
        elif not slot.answered:
            slot.answered = time.time_ns()

    def exported(self, spans: Iterable[Any]) -> None:
        """Note that an exporter has had these spans, and let go of the slots of saves among them."""
        slots = self._slots
        if not slots:
            return
        for span in spans:
            span_id = span.context.span_id
            slot = slots.get(span_id)
            if slot is not None:
                slot.owed -= 1
                if slot.owed <= 0:
                    self._let_go(span_id)

    def look(self) -> None:
        """Write down what each save is doing at this moment; not for a thread that serves."""
        long_ago = time.time_ns() - _LONGEST_WAIT
        for span_id, slot in tuple(self._slots.items()):
            if not slot.answered:
                guard.run("a save in flight is looked at", self._look_at, slot)
            elif slot.answered < long_ago:
                self._let_go(span_id)

    def _look_at(self, slot: Slot) -> None:
        slot.look()
        save = slot.save
        if save is not None and save.circumstances is not None and self._asked:
            save.circumstances.run(save, self._tell_of_request, slot, self._asked)

    def _tell_of_request(self, slot: Slot, wanted: tuple[RequestAttribute, ...] | None = None) -> None:
        about = dict(request_attributes(self._wanted if wanted is None else wanted))
        if about:
            slot.tell(about if self._hide is None else self._hide(about))

    def end(self) -> None:
        """Note that the process ends: its file goes away with the last save that is handed over.

        A save that is still under way then is never answered, and stays for others to tell of.
        """
        self.ending = True
        self._clear_away()

    def stop(self) -> None:
        """Record nothing any more."""
        self._off = True
        file, self.file = self.file, None
        if file is not None:
            file.remove()

    def _clear_away(self) -> None:
        if self.file is not None and self.file.is_empty:
            self.stop()

    def _begin(self, save: Save) -> Slot | None:
        span: Any = save.span
        context = span.context
        if not context.trace_flags & _SAMPLED:
            return None
        file = self.file or self._own_file()
        if file is None:
            return None
        try:
            at = file.free.pop()
        except IndexError:
            freed = self._recycled(file)
            if freed is None:
                return None
            at = freed
        names = self._names.get(span.name) or self._names_of(span)
        save.slot = self._slots[context.span_id] = slot = Slot(file, at, save, self._exporters, names)
        return slot

    def _recycled(self, file: ProcessFile) -> int | None:
        """Return the slot of the save that waits longest to be handed over; None where all are under way."""
        for span_id, slot in tuple(self._slots.items()):
            if slot.answered:
                self._let_go(span_id)
                return file.free.pop() if file.free else None
        if not file.unrecorded:
            logger.warning(
                "otel-savetrace: more than %d saves of this process are in flight or wait to be exported;"
                " those beyond are lost if it is killed outright.",
                SLOTS,
            )
        file.unrecorded += 1
        return None

    def _own_file(self) -> ProcessFile | None:
        with self._making:
            if self.file is None and not self._off:
                try:
                    self.file = self._make_file()
                except OSError as error:
                    self._off = True
                    logger.warning(
                        "otel-savetrace: no record of saves in flight is kept (%s%s): of a process killed"
                        " outright they are lost. OTEL_SAVETRACE_IN_FLIGHT names a folder for them.",
                        error.strerror or error,
                        f": {error.filename}" if error.filename else "",
                    )
            return self.file

    def _let_go(self, span_id: int) -> None:
        slot = self._slots.pop(span_id, None)
        file = slot.let_go() if slot is not None else None
        if file is not None and slot is not None:
            file.free.append(slot.at)
            if self.ending:
                self._clear_away()

    def _names_of(self, span: Any) -> bytes:
        held = span.attributes or {}
        began_with = {name: str(held[name]) for name in _BEGINNINGS if name in held}
        if len(self._names) >= _MOST_NAMES:
            self._names.clear()
        names = self._names[span.name] = names_section(span.name, began_with)
        return names
