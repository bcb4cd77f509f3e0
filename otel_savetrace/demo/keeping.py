"""What is left of the demo when it is over: its spans, for the commands that come next."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from otel_savetrace.demo import binaries, nginx
from otel_savetrace.errors import SaveTraceError

SPANS = "spans.jsonl"
JOURNAL = "journal.jsonl"


def refuse_what_is_not_new(folder: Path | None) -> None:
    """Raise `SaveTraceError` where files of another run could mix with this one's."""
    if folder is not None and folder.exists() and any(folder.iterdir()):
        raise SaveTraceError(f"{folder} is not empty: name a new folder to keep the demo's files in.")


def keep(from_folder: Path, folder: Path | None) -> Path:
    """Copy what a run left to `folder` and return the path of the spans.

    Spans, the journal of what was on the wire, logs; to the user's cache, where there is no folder, the spans
    and a front server's log alone, in place of those of the run before.
    """
    target = binaries.cache_folder() / "demo" if folder is None else folder
    target.mkdir(parents=True, exist_ok=True)
    if folder is None:
        (target / nginx.LOG).unlink(missing_ok=True)
        for log in from_folder.rglob(nginx.LOG):
            _copy(log, target)
        return _copy(from_folder / SPANS, target)
    logs = sorted(from_folder.rglob("*.log"))
    hosts = [file for file in logs if file.stem == "app"]
    for file in logs:
        # The logs of several hosts bear the same name: each goes by its host's.
        name = f"{file.parent.name}.log" if file in hosts and len(hosts) > 1 else file.name
        _copy(file, target, name)
    if (from_folder / JOURNAL).exists():  # else no front was there to write one
        _copy(from_folder / JOURNAL, target)
    return _copy(from_folder / SPANS, target)


def sources(spans: Path) -> list[str]:
    """Return what a report of a run reads: its spans, and the front server's log where there is one."""
    log = spans.parent / nginx.LOG
    return [str(spans), *([str(log)] if log.exists() else [])]


def _copy(file: Path, folder: Path, name: str | None = None) -> Path:
    """Copy beside the target first: whoever reads the target meanwhile reads a whole file."""
    with tempfile.TemporaryDirectory(dir=folder) as beside:
        copied = Path(shutil.copy(file, beside))
        return copied.replace(folder / (name or file.name))
