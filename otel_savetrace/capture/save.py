"""One save: a request to the app that means to store something, and the totals over its storage calls."""

from __future__ import annotations

import threading
from contextvars import ContextVar

from opentelemetry.trace import Span

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.content import hash_of_several
from otel_savetrace.capture.failure import Failure
from otel_savetrace.capture.state import StorageCall, object_attributes

_MOST_OBJECTS = 1000

Target = tuple[str | None, str | None]
"""Bucket and key."""


class Save:
    """A request and what its storage calls came to; they may run in several threads.

    Sizes are bytes, times seconds.
    """

    __slots__ = (
        "attempts", "backoff_seconds", "calls", "contents", "exception", "failures", "first_written",
        "header_bytes", "key_len", "lock", "outer", "retries", "span", "user_attributes",
    )  # fmt: skip

    def __init__(self, span: Span, outer: Save | None) -> None:
        self.span = span
        self.outer = outer
        self.lock = threading.Lock()
        self.calls = 0
        self.attempts = 0
        self.retries = 0
        self.backoff_seconds = 0.0
        self.header_bytes = 0
        self.key_len = 0
        self.contents: dict[tuple[Target, int], tuple[int | None, str | None]] = {}
        self.failures: dict[Target, Failure] = {}
        self.first_written: Target | None = None
        self.user_attributes: dict[Target, dict[str, str]] = {}
        self.exception: Failure | None = None

    @property
    def wrote(self) -> bool:
        """Whether any of its calls meant to change what is stored."""
        return self.first_written is not None

    @property
    def storage_failure(self) -> tuple[Target, Failure] | None:
        """The last object whose call failed and that no later call of the request has mended."""
        return next(reversed(self.failures.items()), None)

    def add(self, call: StorageCall, failure: Failure | None) -> None:
        """Take in a storage call that has ended."""
        with self.lock:
            self._add(call, failure)

    def _add(self, call: StorageCall, failure: Failure | None) -> None:
        self.calls += 1
        self.attempts += call.attempts
        self.retries += call.retries
        self.backoff_seconds += call.backoff_seconds
        self.header_bytes = max(self.header_bytes, call.header_bytes)
        target = (call.bucket, call.key)
        self._note_failure(target, failure)
        if len(self.user_attributes) < _MOST_OBJECTS:
            self.user_attributes[target] = call.user_attributes
        if call.writes:
            self._note_written(target, call)

    def _note_failure(self, target: Target, failure: Failure | None) -> None:
        self.failures.pop(target, None)
        if failure is not None and len(self.failures) < _MOST_OBJECTS:
            self.failures[target] = failure

    def _note_written(self, target: Target, call: StorageCall) -> None:
        self.first_written = self.first_written or target
        self.key_len = max(self.key_len, call.key_len or 0)
        if call.has_content and len(self.contents) < _MOST_OBJECTS:
            self.contents[target, call.part] = (call.content_size, call.content_hash)

    def totals(self) -> dict[str, str | int | float]:
        """Return the attributes of the save that its storage calls give."""
        with self.lock:
            return self._totals()

    def _totals(self) -> dict[str, str | int | float]:
        known: dict[str, str | int | float] = {
            attribute.CALLS: self.calls,
            attribute.ATTEMPTS: self.attempts,
            attribute.RETRY_ATTEMPTS: self.retries,
        }
        if self.retries:
            known[attribute.BACKOFF_SECONDS] = self.backoff_seconds
        if self.header_bytes:
            known[attribute.HEADER_BYTES] = self.header_bytes
        if self.key_len:
            known[attribute.KEY_LEN] = self.key_len
        known.update(self._content())
        known.update(self._target())
        return known

    def _content(self) -> dict[str, str | int]:
        known: dict[str, str | int] = {}
        sizes = [size for size, _ in self.contents.values()]
        hashes = [hash_ for _, hash_ in self.contents.values()]
        if sizes and None not in sizes:
            known[attribute.CONTENT_SIZE] = sum(size for size in sizes if size is not None)
        if hashes and None not in hashes:
            known[attribute.CONTENT_HASH] = hash_of_several([hash_ for hash_ in hashes if hash_ is not None])
        return known

    def _target(self) -> dict[str, str]:
        target = self.storage_failure[0] if self.storage_failure else self.first_written
        if target is None:
            return {}
        return {**self.user_attributes.get(target, {}), **object_attributes(*target)}


current_save: ContextVar[Save | None] = ContextVar("otel_savetrace_save", default=None)
"""The request that runs in this thread or greenlet, whether it turns out to be a save or not."""


def live_save() -> Save | None:
    """Return the request that runs here, None where its span has ended or there is none."""
    save = current_save.get()
    return save if save is not None and save.span.is_recording() else None
