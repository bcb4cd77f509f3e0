"""How far long work has come: a bar on standard error, on a terminal only."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    ProgressColumn,
    Task,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.text import Text

from otel_savetrace.loading.archive import At
from otel_savetrace.spans.reading import Heard

LEAST_BYTES = 20_000_000
"""What is less is read before anybody would look at a bar."""


class _Done(ProgressColumn):
    """How much of a step is done: in bytes, or where those are not known before, how many traces came."""

    def __init__(self) -> None:
        super().__init__()
        self._bytes = DownloadColumn()

    def render(self, task: Task) -> Text:
        """Return it in words."""
        traces = task.fields.get("traces")
        return self._bytes.render(task) if traces is None else Text(f"{traces:,} traces")


class Progress:
    """A bar for each step that takes long enough; each step takes the place of the one before."""

    def __init__(self, *, shown: bool | None = None) -> None:
        self._bars = Bars(
            TextColumn("{task.description}"), BarColumn(), _Done(), TimeRemainingColumn(),
            console=Console(stderr=True), transient=True,
            disable=not (sys.stderr.isatty() if shown is None else shown),
        )  # fmt: skip

    def __enter__(self) -> Progress:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def step(self, what: str, size: int) -> At | None:
        """Begin a step of `size` bytes; return what is to be told how many are done, None where none is."""
        if self._bars.disable or size < LEAST_BYTES:
            return None
        task = self._only(what, size)
        return lambda done: self._bars.update(task, completed=done)

    def share(self, what: str) -> Heard | None:
        """Begin a step that is told which share of it is done, and how many traces were read."""
        if self._bars.disable:
            return None
        task = self._only(what, 1.0)
        return lambda share, traces: self._bars.update(task, completed=share, traces=traces)

    def _only(self, what: str, total: float) -> TaskID:
        for task in self._bars.task_ids:
            self._bars.remove_task(task)
        return self._bars.add_task(what, total=total)
