"""Storage lines put together: which line of which process ends which attempt.

Our own lines carry the ids of their call. Others are told apart by process, function, key and sizes; where
several attempts under way fit a line equally well, it is joined to none and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from otel_savetrace.logs.envelope import Line
from otel_savetrace.logs.logged_call import LoggedCall, together
from otel_savetrace.logs.storage_error import StorageError, note
from otel_savetrace.logs.storage_lines import Begun, Ended, Facts, Ids, More, Raised, read
from otel_savetrace.spans.reading import Account

MOST_OPEN = 256
"""Attempts of one process that are kept waiting for their end; the oldest goes first."""

MOST_WAITING = 4_096
"""Attempts with ids, errors and processes that are kept at once."""

LONGEST_SECONDS = 900.0
"""An attempt without an end for so long has none: what comes then ends a later one."""

MOST_ANSWER = 16_384
MOST_ANSWER_LINES = 200

AMBIGUOUS = "a storage line that several saves under way fit equally well"
WITHOUT_ATTEMPT = "the end of a save whose [SAVE_ATTEMPT] the log does not have"
WITHOUT_ERROR = "a further line of an error whose first line the log does not have"


class StorageCalls:
    """Takes the lines of one log, in their order, and gives each call when it is over."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._open: dict[str | None, list[LoggedCall]] = {}
        self._by_ids: dict[Ids, LoggedCall] = {}
        self._errors: list[StorageError] = []
        self._answering: StorageError | None = None
        self._orphans: list[LoggedCall] = []
        self._attempts_seen = False

    def take(self, line: Line, time: int, where: str) -> Iterator[LoggedCall]:
        """Take one line; yield the calls that are over by it."""
        record = read(line.text)
        if record is None:
            self._go_on(line)
            return
        self._answering = None
        if not isinstance(record, More):
            yield from self._settle([one for one in self._errors if self._is_over(one, record.ids, line)])
        if isinstance(record, Begun):
            yield from self._begin(record, line, time, where)
        elif isinstance(record, Ended):
            yield from self._end(record, line, time, where)
        elif isinstance(record, Raised):
            self._raise(record, line, time, where)
        else:
            yield from self._add(record, line, where)

    def gone(self, process: str) -> Iterator[LoggedCall]:
        """Yield what a process that ended had begun."""
        yield from self._settle([one for one in self._errors if one.line.process == process])
        yield from self._open.pop(process, [])

    def finish(self) -> Iterator[LoggedCall]:
        """Yield what is left: attempts whose end is not there."""
        yield from self._settle(self._errors)
        for calls in self._open.values():
            yield from calls
        yield from self._by_ids.values()
        if not self._attempts_seen:
            # Of an app that logs no attempts, each error is a save that failed.
            yield from self._orphans
            return
        for orphan in self._orphans:
            self._account.add(WITHOUT_ATTEMPT, orphan.where)

    def _begin(self, record: Begun, line: Line, time: int, where: str) -> Iterator[LoggedCall]:
        self._attempts_seen = True
        ids, facts = record.ids, record.facts
        trace_id = ids[0] if ids else line.trace_id
        call = LoggedCall(
            record.function, facts, ids, trace_id, line.process, time, time, where, line.time is not None
        )
        if ids:
            self._by_ids[ids] = call
            if len(self._by_ids) > MOST_WAITING:
                yield self._by_ids.pop(next(iter(self._by_ids)))
            return
        under_way = self._open.setdefault(line.process, [])
        while under_way and (
            len(under_way) >= MOST_OPEN or time - under_way[0].start > LONGEST_SECONDS * 1e9
        ):
            yield under_way.pop(0)
        under_way.append(call)
        if len(self._open) > MOST_WAITING:
            yield from self._open.pop(next(iter(self._open)))

    def _end(self, record: Ended, line: Line, time: int, where: str) -> Iterator[LoggedCall]:
        found = self._under_way(record.ids, record.function, record.facts, line)
        if len(found) > 1:
            self._account.add(AMBIGUOUS, where)
            return
        call = found[0] if found else self._without_attempt(record, line, time, where)
        self._close(call)
        call.end, call.attempts = max(time, call.start), record.attempts
        call.result = "succeeded" if record.sure else "unconfirmed"
        call.facts = together([call.facts, record.facts])
        if found:
            yield call
        else:
            self._keep(call)

    def _raise(self, record: Raised, line: Line, time: int, where: str) -> None:
        found = self._under_way(record.ids, record.function, Facts(), line)
        error = StorageError(record, line, time, where, found)
        self._errors.append(error)
        self._claim(error)

    def _claim(self, error: StorageError) -> None:
        """Take the one call that an error can have ended from those under way."""
        if len(error.calls) == 1:
            self._close(error.calls[0])

    def _add(self, record: More, line: Line, where: str) -> Iterator[LoggedCall]:
        waiting = [
            one for one in self._errors
            if (one.line.process, one.raised.ids) == (line.process, record.ids) and one.lacks(record)
        ]  # fmt: skip
        if not waiting:
            self._account.add(WITHOUT_ERROR, where)
            return
        if line.process is None and len({(one.raised.kind, one.raised.code) for one in waiting}) > 1:
            # Two processes wrote at once, and nothing tells whose line it is.
            self._account.add(AMBIGUOUS, where)
            return
        error = waiting[0]
        error.facts.append(record.facts)
        if len(error.calls) > 1:
            error.calls = [
                call for call in error.calls if record.facts.fits(call.facts) and self._is_under_way(call)
            ]
            self._claim(error)
        if record.answer is not None:
            error.answer = record.answer[:MOST_ANSWER]
            self._answering = error
        if record.attempts is not None:
            error.attempts = record.attempts
            yield from self._settle([error])

    def _go_on(self, line: Line) -> None:
        """Add a line without a tag to the answer that is being told, where that is not yet whole."""
        error = self._answering
        if error is None or line.process not in {None, error.line.process}:
            return
        if error.answer.count("{") <= error.answer.count("}") or error.answer_lines >= MOST_ANSWER_LINES:
            self._answering = None
            return
        error.answer_lines += 1
        error.answer = (error.answer + line.text)[:MOST_ANSWER]

    def _is_over(self, error: StorageError, ids: Ids | None, line: Line) -> bool:
        """Return whether an error has no further line: its process writes of something else by now."""
        error.lines_left -= 1
        if error.raised.ids is not None or ids is not None:
            return error.raised.ids == ids or error.lines_left <= 0
        return (line.process is not None and line.process == error.line.process) or error.lines_left <= 0

    def _settle(self, errors: Iterable[StorageError]) -> Iterator[LoggedCall]:
        """End the calls that errors tell of, of which no further line comes."""
        for error in list(errors):
            self._errors = [one for one in self._errors if one is not error]
            found = error.calls
            if len(found) > 1:
                found = [call for call in found if self._is_under_way(call)]
            if len(found) > 1:
                self._account.add(AMBIGUOUS, error.where)
                continue
            call = (
                found[0]
                if found
                else self._without_attempt(error.raised, error.line, error.time, error.where)
            )
            self._close(call)
            call.end = max(error.time, call.start)
            note(call, error)
            if found:
                yield call
            else:
                self._keep(call)

    def _under_way(self, ids: Ids | None, function: str | None, facts: Facts, line: Line) -> list[LoggedCall]:
        """Return the calls under way that a line may speak of."""
        if ids is not None:
            call = self._by_ids.get(ids)
            return [call] if call else []
        found = [
            call for call in self._open.get(line.process, ())
            if facts.fits(call.facts)
            and (None in {line.trace_id, call.trace_id} or line.trace_id == call.trace_id)
        ]  # fmt: skip
        # An error may be told by another function than the one that began; a name that fits counts for more.
        return [call for call in found if function is not None and call.function == function] or found

    def _without_attempt(self, record: Ended | Raised, line: Line, time: int, where: str) -> LoggedCall:
        trace_id = record.ids[0] if record.ids else line.trace_id
        timed = line.time is not None
        return LoggedCall(
            record.function, Facts(), record.ids, trace_id, line.process, time, time, where, timed
        )

    def _keep(self, call: LoggedCall) -> None:
        if len(self._orphans) < MOST_WAITING and not self._attempts_seen:
            self._orphans.append(call)
        else:
            self._account.add(WITHOUT_ATTEMPT, call.where)

    def _is_under_way(self, call: LoggedCall) -> bool:
        return call in self._open.get(call.process, ())

    def _close(self, call: LoggedCall) -> None:
        if call.ids:
            self._by_ids.pop(call.ids, None)
        elif self._is_under_way(call):
            self._open[call.process].remove(call)
