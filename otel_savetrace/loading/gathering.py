"""Sources as archives: files are taken as they are; what can be read only once is written down first."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from otel_savetrace.errors import SourceError
from otel_savetrace.loading.archive import Archive
from otel_savetrace.spans.files import files_of
from otel_savetrace.spans.reading import Query
from otel_savetrace.spans.sources import STANDARD_INPUT


def gather(sources: Sequence[str], query: Query, folder: Path) -> list[Archive]:
    """Return an archive for each source; `folder` keeps what has to be written down.

    Raises `SourceError` where a source cannot be read.
    """
    return [_archive(source, query, folder / f"source-{number}") for number, source in enumerate(sources)]


def _archive(source: str, query: Query, written: Path) -> Archive:
    if source == STANDARD_INPUT:
        with written.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        return Archive("file", "standard input", [written])
    scheme, separator, _ = source.partition("://")
    if separator:
        raise SourceError(f"{source} cannot be read yet {scheme}.")
    path = Path(source)
    return Archive("folder" if path.is_dir() else "file", source, files_of(path))
