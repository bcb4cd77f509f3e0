"""`OTEL_SAVETRACE_KEYS=hash` and `none`: which keys a trace is about, and that none of them leaves in a span.

Nothing of this module is loaded where keys are shown plain. Elsewhere every span that ends is kept back until
the request that it belongs to has ended, since an app's or a database's span may quote a key that a storage
call names only later. Then all of them are redacted and handed on, to whichever processors and exporters
there are.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from typing import Any
from urllib.parse import unquote

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import Span

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.key_pattern import KeyPattern
from otel_savetrace.capture.keys.redaction import KeyRedaction
from otel_savetrace.capture.keys.text import KeyWords
from otel_savetrace.capture.text import shortened
from otel_savetrace.config import Settings

MOST_TRACES = 1_000
MOST_WAITING = 512
"""Spans of one trace that are kept back; past it they go on with what is known of the trace's keys."""
MOST_WORDS = 2_000
"""Keys and parts of keys that are looked for in one trace; past it every free text of it is hidden whole."""

_KEY_PARAMETERS = ("Key", "Prefix", "Marker", "KeyMarker", "StartAfter")
_SOURCE_PARAMETERS = ("CopySource", "RenameSource")
_LONG_PART = 8
_NO_NAME = frozenset(("", ".", ".."))


class _Trace:
    """What is known of one trace in this process."""

    __slots__ = ("everything", "keys", "roots", "waiting", "words")

    def __init__(self, *, everything: bool = False) -> None:
        self.roots: set[int] = set()
        self.waiting: deque[ReadableSpan] = deque()
        self.words = KeyWords()
        self.keys: set[str] = set()
        self.everything = everything


class KeyPrivacy:
    """Notes the keys of each trace and hides them in its spans, at most 1,000 traces at a time.

    No lock is held, since spans of one trace end in several threads and a fork may come at any moment: what
    is shared are dictionaries, sets and deques, whose single steps are whole.
    """

    def __init__(self, settings: Settings, span_limits: Any) -> None:
        self._patterns = settings.key_patterns
        self._literals = frozenset(_literals(settings.key_patterns))
        names = settings.key_names
        # Without a pattern nobody can say which of them are parts of a key.
        self.request_attributes = tuple(
            one for one in settings.request_attributes if not names or one.name in names
        )
        limits = (
            getattr(span_limits, name, None) for name in ("max_attribute_length", "max_span_attribute_length")
        )
        self._redaction = KeyRedaction(
            frozenset(names | {one.name for one in self.request_attributes}),
            frozenset(limit for limit in limits if limit),
            hashed=settings.keys == "hash",
        )
        self._traces: dict[int, _Trace] = {}
        self._forgotten: deque[_Trace] = deque()
        self._process = os.getpid()

    def note_call(self, span: Span, parameters: Mapping[str, Any]) -> None:
        """Note the keys that an S3 call names, of whichever operation."""
        self.note_keys(span.get_span_context().trace_id, keys_named(parameters))

    def note_keys(self, trace_id: int, keys: Iterable[str]) -> None:
        """Note keys, or beginnings of keys, of a trace."""
        trace = self._trace(trace_id)
        for key in keys:
            if not key or key in trace.keys or self._is_full(trace):
                continue
            trace.keys.add(key)
            parts = self._parts(key)
            for part in parts:
                self._add(trace, part)
            covered = any(len(part) >= _LONG_PART and part != key for part in parts)
            self._add(trace, key, limit=attribute.KEY_LIMIT, made_of_others=covered)

    def note_parts(self, trace_id: int, values: Iterable[str]) -> None:
        """Note values that a request gave and that keys are made of."""
        trace = self._trace(trace_id)
        for value in values:
            for part in {value, *value.split("/")} - _NO_NAME:
                if not self._is_full(trace):
                    self._add(trace, part)

    def starts(self, span: Any) -> None:
        """Note that a span starts: one without a parent in this process is what the others wait for."""
        if span.parent is not None and not span.parent.is_remote:
            return
        self._trace(span.context.trace_id, seen_from_its_start=True).roots.add(span.context.span_id)

    def ends(self, span: ReadableSpan) -> Iterable[ReadableSpan]:
        """Take a span that has ended, and return those that may go on now, redacted, as they ended.

        One that could not be redacted goes nowhere.
        """
        if span.context is None:
            return ()
        trace = self._trace(span.context.trace_id)
        trace.roots.discard(span.context.span_id)
        trace.waiting.append(span)
        # Looked at after the span was put there: whoever ends the last root sees it, or this does.
        go_on = not trace.roots or len(trace.waiting) > MOST_WAITING
        released = self._released(trace) if go_on else ()
        return chain(self._of_forgotten(), released) if self._forgotten else released

    def all_waiting(self) -> Iterator[ReadableSpan]:
        """Yield every span that is still kept back, redacted as far as keys are known."""
        for trace in list(self._own_traces().values()):
            yield from self._released(trace)
        yield from self._of_forgotten()

    def _of_forgotten(self) -> Iterator[ReadableSpan]:
        while True:
            try:
                trace = self._forgotten.popleft()
            except IndexError:
                return
            yield from self._released(trace)

    def _released(self, trace: _Trace) -> Iterator[ReadableSpan]:
        while True:
            try:
                span = trace.waiting.popleft()
            except IndexError:
                return
            if guard.run("the keys in a span are hidden", self._redact, span, trace):
                yield span

    def _redact(self, span: ReadableSpan, trace: _Trace) -> bool:
        self._redaction.redact(span, trace.words, everything=trace.everything)
        return True

    def _parts(self, key: str) -> frozenset[str]:
        parts = {part for part in key.split("/") if part not in self._literals}
        for pattern in self._patterns:
            taken = pattern.take_apart(key)
            if taken is not None:
                parts.update(taken.values(), *(value.split("/") for value in taken.values()))
                break
        return frozenset(parts - _NO_NAME)

    def _add(
        self, trace: _Trace, word: str, *, limit: int = attribute.SEARCHED_LIMIT, made_of_others: bool = False
    ) -> None:
        shown = self._redaction.shown(word)
        trace.words.add(word, shown, made_of_others=made_of_others)
        cut = shortened(word, limit)
        if cut != word:
            trace.words.add(cut, shown, made_of_others=True)

    @staticmethod
    def _is_full(trace: _Trace) -> bool:
        trace.everything = trace.everything or len(trace.words) >= MOST_WORDS
        return trace.everything

    def _trace(self, trace_id: int, *, seen_from_its_start: bool = False) -> _Trace:
        """Return a trace; of one whose start was not seen, or is forgotten, every free text is hidden."""
        traces = self._own_traces()
        trace = traces.get(trace_id)
        if trace is None:
            if len(traces) >= MOST_TRACES:
                self._forget(traces)
            trace = traces.setdefault(trace_id, _Trace(everything=not seen_from_its_start))
        return trace

    def _own_traces(self) -> dict[int, _Trace]:
        if self._process != os.getpid():
            self._process = os.getpid()
            for trace in list(self._traces.values()):
                trace.roots.clear()
                trace.waiting.clear()  # the parent's to hand on
            self._forgotten.clear()
        return self._traces

    def _forget(self, traces: dict[int, _Trace]) -> None:
        """Forget what has ended of the oldest quarter; where nothing of it has, the oldest of all."""
        oldest = list(traces.items())[: MOST_TRACES // 4]
        ended = [trace_id for trace_id, trace in oldest if not trace.roots]
        for trace_id in ended or [oldest[0][0]]:
            forgotten = traces.pop(trace_id, None)
            if forgotten is not None and forgotten.waiting:
                self._forgotten.append(forgotten)


def keys_named(parameters: Mapping[str, Any]) -> Iterator[str]:
    """Yield the object keys, and the beginnings of keys, that the parameters of an S3 call name."""
    for name in _KEY_PARAMETERS:
        if isinstance(parameters.get(name), str):
            yield parameters[name]
    for name in _SOURCE_PARAMETERS:
        yield from _keys_of_source(parameters.get(name))
    to_delete = parameters.get("Delete")
    objects = to_delete.get("Objects") if isinstance(to_delete, Mapping) else None
    for one in objects if isinstance(objects, (list, tuple)) else ():
        if isinstance(one, Mapping) and isinstance(one.get("Key"), str):
            yield one["Key"]


def _keys_of_source(source: Any) -> Iterator[str]:
    """Yield the key of a `CopySource`: a mapping, or ``bucket/key?versionId=…``, percent-encoded or not."""
    if isinstance(source, Mapping):
        source = source.get("Key")
        if isinstance(source, str):
            yield source
    elif isinstance(source, str):
        path = source.lstrip("/").partition("?versionId=")[0]
        path = path.rpartition(":")[2] if path.startswith("arn:") else path  # accesspoint/NAME/object/KEY
        key = path.partition("/object/")[2] or path.partition("/")[2]
        yield key
        yield unquote(key)


def _literals(patterns: Iterable[KeyPattern]) -> Iterator[str]:
    for pattern in patterns:
        yield from (piece for piece in pattern.text.split("/") if "{" not in piece)
