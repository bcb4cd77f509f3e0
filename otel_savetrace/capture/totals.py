"""What the storage calls of one save came to; they may run in several threads."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from typing import NamedTuple, cast

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.content import Piece, hash_of_pieces, hash_of_several
from otel_savetrace.capture.failure import Failure
from otel_savetrace.capture.span_writer import SECONDS_DECIMALS, Known
from otel_savetrace.capture.state import StorageCall

_MOST_OBJECTS = 1000
MOST_RAISED = 8

# Answers to a read by which an app asks whether something is there.
_ABSENCE = frozenset(("304", "404", "412", "NoSuchKey", "NotFound", "PreconditionFailed"))
# What these send is no object until CompleteMultipartUpload.
_PARTIAL = frozenset(("AbortMultipartUpload", "CreateMultipartUpload", "UploadPart", "UploadPartCopy"))

# After one of these the object is there, whole.
_STORING = frozenset(("CompleteMultipartUpload", "CopyObject", "PutObject"))
_CLEANING_UP = "AbortMultipartUpload"

Target = tuple[str | None, str | None]
"""Bucket and key."""

Deed = tuple[Target, int, str]
"""What a call is to do: its object, the number of a part (0 for the whole), its operation."""


class StorageFailure(NamedTuple):
    """A call that failed and that no later call of the save has mended; `stage` as in `attributes.STAGE`."""

    target: Target
    failure: Failure
    stage: str


class Totals:
    """The sums over a save's storage calls. Sizes are bytes, times seconds.

    What is kept of each object is held to 1,000 objects, and so is `open`, the calls that have not ended.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.calls = 0
        self.attempts = 0
        self.retries = 0
        self.app_retries = 0
        self.backoff_seconds = 0.0
        self.header_bytes = 0
        self.key_len = 0
        self.pieces: dict[Target, dict[int, Piece]] = {}
        self.failures: dict[Deed, StorageFailure] = {}
        self.repeated: dict[Deed, int] = {}
        self.written: dict[Target, str] = {}
        self.objects: dict[Target, Mapping[str, str]] = {}
        self.raised: list[str] = []
        self.open: list[StorageCall] = []

    @property
    def wrote(self) -> bool:
        """Whether any call means, or meant, to write."""
        return bool(self.written) or any(call.writes for call in self.open)

    @property
    def first_written(self) -> Target | None:
        """The object that the save first meant to write, of those whose call has ended."""
        return next(iter(self.written), None)

    @property
    def failure(self) -> StorageFailure | None:
        """The last failure that no later call for the same object has mended."""
        return next(reversed(self.failures.values()), None)

    def begin(self, call: StorageCall) -> None:
        """Note that a storage call begins; one that the app itself repeats is told so."""
        call.app_retry = self.repetition_of(call)
        if len(self.open) < _MOST_OBJECTS:
            self.open.append(call)

    def unfinished(self) -> list[StorageCall]:
        """Return the calls that have not ended, in the order of their beginning."""
        # One whose end an error of ours has hidden has an ended span.
        return [call for call in self.open.copy() if call.span.is_recording()]

    def take_unfinished(self) -> None:
        """Take in the calls that have not ended, as far as they came: nobody will wait for them.

        They run in other threads, which go on: whether they store what they were told is not known.
        """
        with self.lock:
            for call in self.unfinished():
                self._add(call, attribute.UNKNOWN)
            self.open.clear()

    def repetition_of(self, call: StorageCall) -> int:
        """Return how often the app has by itself repeated this call, which failed before and now begins."""
        if not self.failures:
            return 0
        deed = _deed_of(call)
        with self.lock:
            if deed not in self.failures or call.operation == _CLEANING_UP:
                return 0
            self.repeated[deed] = self.repeated.get(deed, 0) + 1
            self.app_retries += 1
            return self.repeated[deed]

    def add(self, call: StorageCall, failure: Failure | None, raised: str | None) -> None:
        """Take in a storage call that has ended; `raised` is the class of the exception that the app got."""
        with self.lock:
            if call in self.open:
                self.open.remove(call)
            target = (call.bucket, call.key)
            self._note_failure(target, call, failure, raised)
            self._add(call, _stored_by(call, failure, self.written.get(target)))

    def _add(self, call: StorageCall, stored: str) -> None:
        self.calls += 1
        self.attempts += call.attempts
        self.retries += call.retries
        self.backoff_seconds += call.backoff_seconds
        self.header_bytes = max(self.header_bytes, call.header_bytes)
        target = (call.bucket, call.key)
        if len(self.objects) < _MOST_OBJECTS:
            self.objects[target] = call.object
        if call.writes:
            self._note_written(target, call, stored)

    def _note_failure(
        self, target: Target, call: StorageCall, failure: Failure | None, raised: str | None
    ) -> None:
        if failure is None:
            if self.failures:
                self._mend(_deed_of(call), call)
            return
        if raised is not None and len(self.raised) < MOST_RAISED:
            self.raised.append(raised)
        if failure.code in _ABSENCE and not call.writes:
            return
        deed = _deed_of(call)
        if len(self.failures) < _MOST_OBJECTS:
            self.failures.pop(deed, None)  # the last stands last
            self.failures[deed] = StorageFailure(target, failure, _stage_of(call, failure))

    def _mend(self, deed: Deed, call: StorageCall) -> None:
        """Forget the failures that a call which worked has made good: no reading and no clean-up stores."""
        self.failures.pop(deed, None)
        if call.operation in _STORING:
            for other in [one for one in self.failures if one[0] == deed[0]]:
                del self.failures[other]

    def _note_written(self, target: Target, call: StorageCall, stored: str) -> None:
        self.key_len = max(self.key_len, call.key_len or 0)
        if target in self.written or len(self.written) < _MOST_OBJECTS:
            self.written[target] = stored
        if call.has_content and (target in self.pieces or len(self.pieces) < _MOST_OBJECTS):
            part = call.part if isinstance(call.part, int) else 0
            pieces = self.pieces.setdefault(target, {})
            if (0 in pieces) == bool(part):
                pieces.clear()  # written whole before and in parts now, or the other way round
            pieces[part] = Piece(call.content_size, call.content_hash)

    def stored(self) -> str | None:
        """Return `attributes.STORED` of the save; None where it tried to write nothing."""
        outcomes = self._outcomes()
        for outcome in (attribute.NO, attribute.UNKNOWN):
            if outcome in outcomes:
                return outcome
        return attribute.YES if outcomes else None

    def _outcomes(self) -> Collection[str]:
        if not self.open:
            return self.written.values()
        written = self.written.copy()
        for call in self.unfinished():
            if call.writes:
                target = (call.bucket, call.key)
                written[target] = _stored_yet_by(call, written.get(target))
        return written.values()

    def attributes(self) -> Known:
        """Return the attributes of the save that its storage calls give."""
        with self.lock:
            return self._attributes()

    def _attributes(self) -> Known:
        known: Known = {
            attribute.CALLS: self.calls,
            attribute.OBJECTS: len(self.written),
            attribute.ATTEMPTS: self.attempts,
            attribute.RETRY_ATTEMPTS: self.retries,
        }
        if self.app_retries:
            known[attribute.APP_RETRY_ATTEMPTS] = self.app_retries
        if self.retries:
            known[attribute.BACKOFF_SECONDS] = round(self.backoff_seconds, SECONDS_DECIMALS)
        if self.header_bytes:
            known[attribute.HEADER_BYTES] = self.header_bytes
        if self.key_len:
            known[attribute.KEY_LEN] = self.key_len
        self._add_content(known)
        target = self.failure.target if self.failure else self.first_written
        if target is not None:
            known.update(self.objects.get(target, {}))
        return known

    def _add_content(self, known: Known) -> None:
        if not self.pieces:
            return
        sizes: list[int | None] = []
        hashes: list[str | None] = []
        for pieces in self.pieces.values():
            if len(pieces) == 1:
                (piece,) = pieces.values()
                sizes.append(piece.size)
                hashes.append(piece.hash)
                continue
            sizes += [piece.size for piece in pieces.values()]
            hashes.append(hash_of_pieces([pieces[part] for part in sorted(pieces)]))
        if None not in sizes:
            known[attribute.CONTENT_SIZE] = sum(cast(list[int], sizes))
        if None not in hashes:
            known[attribute.CONTENT_HASH] = hash_of_several(cast(list[str], hashes))


def _deed_of(call: StorageCall) -> Deed:
    return (call.bucket, call.key), call.part if isinstance(call.part, int) else 0, call.operation


def _stage_of(call: StorageCall, failure: Failure) -> str:
    # A store's code without its answer is another call's: one part was refused, the others break off with it.
    if call.status is not None or failure.exception is None:
        return attribute.STORAGE
    return attribute.NETWORK if call.attempts else attribute.CLIENT


def _stored_yet_by(call: StorageCall, before: str | None) -> str:
    """Return what a call that has not ended would have stored if its process died now."""
    if call.operation in _PARTIAL:
        return before or attribute.NO
    attempt = call.attempt
    if call.doubtful or (attempt is not None and attempt.leaving) or before == attribute.UNKNOWN:
        return attribute.UNKNOWN
    answered = attempt is None and call.attempts > 0 and call.answered is None
    return attribute.YES if answered else attribute.NO


def _stored_by(call: StorageCall, failure: Failure | None, before: str | None) -> str:
    if call.operation in _PARTIAL:
        return before or attribute.NO
    if failure is None:
        return attribute.UNKNOWN if call.sent_by is not None or call.incomplete else attribute.YES
    return attribute.UNKNOWN if call.doubtful or before == attribute.UNKNOWN else attribute.NO
