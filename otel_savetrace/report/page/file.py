"""The file that a page becomes: there as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


def check_writable(path: Path) -> None:
    """Raise `OSError` if a file cannot be put there; what stands there stays as it is."""
    target = _target(path)
    if target.exists():
        # The folder alone would let a file be replaced that nobody may write to.
        target.open("ab").close()
    with _beside(target):
        pass


def write_whole(path: Path, text: str) -> int:
    """Write a file and return its bytes; who reads meanwhile sees what stood there before.

    A link is followed. Raises `OSError`, and leaves nothing behind then.
    """
    target = _target(path)
    with _beside(target) as (file, beside):
        written = file.write(text.encode())
        file.close()
        if target.exists():
            beside.chmod(target.stat().st_mode & 0o777)
        beside.replace(target)
    return written


def _target(path: Path) -> Path:
    target = Path(os.path.realpath(path))
    if target.exists() and not target.is_file():
        # A terminal, say, which would be replaced by a file of its name.
        raise FileExistsError(f"{path} is no file")
    return target


@contextlib.contextmanager
def _beside(target: Path) -> Iterator[tuple[BinaryIO, Path]]:
    """Yield a new file in the same folder, and remove it unless it was given another name."""
    beside = target.with_name(f".savetrace-{secrets.token_hex(4)}")
    with beside.open("xb") as file:
        try:
            yield file, beside
        finally:
            beside.unlink(missing_ok=True)
