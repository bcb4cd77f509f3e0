"""How far long work has come: a bar on standard error, on a terminal only."""

from __future__ import annotations

import sys
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bars

from otel_savetrace.loading.archive import At

LEAST_BYTES = 20_000_000
"""What is less is read before anybody would look at a bar."""


class Progress:
    """A bar for each step that takes long enough; each step takes the place of the one before."""

    def __init__(self, *, shown: bool | None = None) -> None:
        self._bars = Bars(
            TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(),
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
        for task in self._bars.task_ids:
            self._bars.remove_task(task)
        task = self._bars.add_task(what, total=size)
        return lambda done: self._bars.update(task, completed=done)
