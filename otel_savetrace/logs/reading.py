"""Reads logs: storage lines and access lines, in one file or several, in any mix; line by line.

A row is kept for each save; of saves that worked only so many of one log, so that a log of any length is
read in bounded memory. Each line of something else is counted by what it is.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from otel_savetrace import attributes
from otel_savetrace.analysis.errors import kind_of
from otel_savetrace.analysis.known_routes import STORING_METHODS, Routes
from otel_savetrace.analysis.save import Save
from otel_savetrace.logs import access_lines
from otel_savetrace.logs.access_fields import Request
from otel_savetrace.logs.access_rows import row_of
from otel_savetrace.logs.envelope import LONGEST_LINE, Line, opened
from otel_savetrace.logs.storage_calls import StorageCalls
from otel_savetrace.logs.storage_lines import TAG
from otel_savetrace.logs.storage_rows import Rows, StorageRows
from otel_savetrace.spans.files import lines_of
from otel_savetrace.spans.reading import Account, Ending, Query, Reading
from otel_savetrace.spans.rows import Span

MOST_WORKED = 150_000
MOST_FAILED = 75_000
"""Saves of one file that are kept: some 0.7 gigabytes of memory."""

NO_SAVE = "a request that is no save"
TOO_LONG = f"a storage line that begins after more than {LONGEST_LINE:,} bytes of something else"
OTHER_LINE = "a line that tells of no save"
TOO_MANY_WORKED = f"a save that did not fail, after the first {MOST_WORKED:,} of one file"
TOO_MANY_FAILED = f"a save that failed, after the first {MOST_FAILED:,} of one file"

LOOKED_AT = 4 << 20
"""Bytes of a file by which it is told what it is."""

_TAGS = (b"[SAVE_ATTEMPT]", b"[SAVE_SUCCESS]", b"[SAVE_UNKNOWN]", b"[STORAGE_ERROR]")
_OTLP = (b'"resourceSpans"', b'"resourceLogs"', b'"resourceMetrics"', b'"resourceProfiles"')
_WORKER_ENDED = re.compile(
    r"WORKER TIMEOUT \(pid:\s?(\d{1,10})\)|Worker \(pid:\s?(\d{1,10})\) was sent SIG\w+"
)

ANY = Routes()
ALL = Query()


def is_log(lines: Iterable[bytes]) -> bool:
    """Return whether the lines, read as far as is needed, are a log's and not OTLP's."""
    passed = 0
    for line in lines:
        if any(mark in line for mark in _OTLP):
            return False
        if any(tag in line for tag in _TAGS) or access_lines.read(line) is not None:
            return True
        passed += len(line)
        if passed > LOOKED_AT:
            break
    return False


def is_log_file(file: Path) -> bool:
    """Return whether a file is a log. Raises `SourceError` where it cannot be read."""
    return file.is_file() and is_log(lines_of(file, Account()))


def read_log_files(files: Sequence[Path], name: str, routes: Routes = ANY, query: Query = ALL) -> Reading:
    """Read files that make one log, the oldest first. Raises `SourceError` where one cannot be read."""
    account = Account()
    log = _Log(name, routes, query, account)
    spans = [row for file in files for row in log.rows(lines_of(file, account), str(file), _written(file))]
    return log.reading((*spans, *log.rest()))


def read_log_lines(lines: Iterable[bytes], name: str, routes: Routes = ANY, query: Query = ALL) -> Reading:
    """Read a log from an open stream of lines."""
    account = Account()
    log = _Log(name, routes, query, account)
    return log.reading((*log.rows(lines, name, time.time_ns()), *log.rest()))


def _written(file: Path) -> int:
    try:
        return file.stat().st_mtime_ns
    except OSError:
        return time.time_ns()


class _Log:
    """One log, in as many files as it was rotated to."""

    def __init__(self, name: str, routes: Routes, query: Query, account: Account) -> None:
        self._name = name
        self._written = 0
        self._routes = routes
        self._since = query.start_nanoseconds or 0
        self._account = account
        self._calls = StorageCalls(account)
        self._saves = StorageRows(name)
        self._has_storage_lines = False
        self._latest: int | None = None
        self._untimed = 0
        self._room = {True: MOST_FAILED, False: MOST_WORKED}
        self._counted: Counter[Ending] = Counter()

    def rows(self, lines: Iterable[bytes], name: str, written: int) -> Iterator[Span]:
        """Yield a row for each save of one file, the rows of its calls after it.

        `written` is when the file's last line was, in nanoseconds since 1970.
        """
        self._written = written
        for number, line in enumerate(lines, start=1):
            where = f"{name}, line {number}"
            for save in self._saves_of(line, where):
                yield from self._kept(save, where)

    def reading(self, spans: tuple[Span, ...]) -> Reading:
        """Return what was read, of which `spans` are the rows."""
        return Reading("log", self._name, spans, self._account.skipped(), counted=self._counted)

    def rest(self) -> Iterator[Span]:
        """Yield the rows of what had not ended."""
        ended = f"the end of {self._name}"
        for call in self._calls.finish():
            for save in self._saves.take(call):
                yield from self._kept(save, ended)
        for save in self._saves.finish():
            yield from self._kept(save, ended)

    def _saves_of(self, line: bytes, where: str) -> Iterator[Rows]:
        if any(tag in line for tag in _TAGS):
            self._has_storage_lines = True
            held = opened(line, self._written, TAG)
            if TAG.match(held.text) is None:
                self._account.add(TOO_LONG, where)
                return
            for call in self._calls.take(held, self._time(held.time), where):
                yield from self._saves.take(call)
            return
        asked = access_lines.ASKED_EARLY.search(line)
        if asked is not None and not self._may_save(asked[1].decode(), asked[2].decode("utf-8", "replace")):
            # Most lines are of no save: they are not looked at any further.
            self._account.add(NO_SAVE, where)
            return
        request = access_lines.read(line)
        if request is not None:
            yield from self._request(request, where)
        elif line.strip():
            self._account.add(OTHER_LINE, where)
            if self._has_storage_lines:
                yield from self._aside(opened(line, self._written, TAG), where)

    def _request(self, request: Request, where: str) -> Iterator[Rows]:
        if self._may_save(request.method, request.path):
            known = self._routes.known(request.method, request.path)
            yield (row_of(request, known, self._name, where),)
        else:
            self._account.add(NO_SAVE, where)

    def _may_save(self, method: str, path: str) -> bool:
        if self._routes:
            return self._routes.known(method, path) is not None
        return method in STORING_METHODS

    def _aside(self, line: Line, where: str) -> Iterator[Rows]:
        """Take a line without a tag: more of an answer, or the end of a worker."""
        if line.time is not None:
            self._time(line.time)
        calls = list(self._calls.take(line, self._latest or self._written, where))
        ended = _WORKER_ENDED.search(line.text)
        if ended is not None:
            host = (line.process or "").rpartition(":")[0]
            calls += self._calls.gone(f"{host}:{ended[1] or ended[2]}")
        for call in calls:
            yield from self._saves.take(call)

    def _time(self, told: int | None) -> int:
        """Return when a line was written; one that does not say comes after the one before it.

        That may be long after: such a time tells the order of lines, and nothing else.
        """
        if told is not None:
            self._latest, self._untimed = told, 0
            return told
        self._untimed += 1
        return (self._written if self._latest is None else self._latest) + self._untimed * 1_000

    def _kept(self, save: Rows, where: str) -> Iterator[Span]:
        """Leave out what is older than was asked for, and what would be too much to keep."""
        own = save[0]
        if own.start_nanoseconds < self._since:
            return
        failed = own.attributes.get(attributes.OUTCOME) == attributes.FAILED
        self._room[failed] -= 1
        if self._room[failed] < 0:
            self._account.add(TOO_MANY_FAILED if failed else TOO_MANY_WORKED, where)
            code, stage = kind_of(Save(own, (), {})) if failed else ("", None)
            outcome = str(own.attributes.get(attributes.OUTCOME, attributes.UNKNOWN))
            self._counted[outcome, code, stage] += 1
            return
        yield from save
