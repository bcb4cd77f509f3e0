"""The files of a path, and their lines, however they are packed."""

from __future__ import annotations

import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, cast

import zstandard

from otel_savetrace.errors import SourceError
from otel_savetrace.spans.reading import Account

GZIP_BEGINS = b"\x1f\x8b"
ZSTANDARD_BEGINS = b"\x28\xb5\x2f\xfd"
DAMAGED = "the rest of a file that is cut off or damaged"

_ROTATED = re.compile(r"(?P<name>.+?)\.(?P<number>\d{1,6})?(?:\.?(?:gz|zst))?")
_BUFFER_BYTES = 8 << 20
"""More than most lines are long: a line that lies in the buffer is copied once."""

_PACKED_BYTES = 1 << 16
_LINES_BETWEEN = 16


def files_of(path: Path) -> list[Path]:
    """Return a file, or all files in a folder and below that are not hidden, the oldest of each name first.

    Raises `SourceError` where there is none.
    """
    try:
        if not path.exists():
            raise SourceError(
                f"There is no file or folder {path}: give the path of OTLP JSON lines or of a log,"
                " or a Jaeger address."
            )
        if not path.is_dir():
            return [path]
        found = [file for file in path.rglob("*") if file.is_file() and not file.name.startswith(".")]
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error.strerror or error}.") from error
    if not found:
        raise SourceError(f"The folder {path} holds no file: give the folder that the spans are written to.")
    return sorted(found, key=_age)


def _age(file: Path) -> tuple[str, str, int, str]:
    """Return what sorts rotated files: ``log.2.gz`` was written before ``log.1``, and that before ``log``."""
    rotated = _ROTATED.fullmatch(file.name)
    name, number = (rotated["name"], int(rotated["number"] or 0)) if rotated else (file.name, 0)
    return str(file.parent), name, -number, file.name


def lines_of(file: Path, account: Account, at: Callable[[int], None] | None = None) -> Iterator[bytes]:
    """Yield each line of a file, unpacked; what is damaged is counted. Raises `SourceError`.

    `at` is told now and then how many bytes of the file have been read.
    """
    try:
        with file.open("rb", buffering=_BUFFER_BYTES) as plain:
            for number, line in enumerate(_unpacked(cast("io.BufferedReader", plain))):
                if at is not None and not number % _LINES_BETWEEN:
                    at(plain.tell())
                yield line
            if at is not None:
                at(plain.tell())
    except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError):
        account.add(DAMAGED, str(file))
    except OSError as error:
        raise SourceError(f"{file} cannot be read: {error.strerror or error}.") from error


def _unpacked(plain: io.BufferedReader) -> Iterator[bytes]:
    """Yield the lines of a file by what it begins with, whatever its name."""
    # Not read: a pipe cannot be wound back.
    begins = plain.peek(len(ZSTANDARD_BEGINS))
    if begins.startswith(ZSTANDARD_BEGINS):
        yield from _lines(_zstandard_frames(plain))
    elif begins.startswith(GZIP_BEGINS):
        with gzip.open(plain) as unpacked:
            yield from unpacked
    else:
        yield from plain


def _zstandard_frames(plain: BinaryIO) -> Iterator[bytes]:
    # Its own stream reader ends without a word where a file is cut off.
    unpacker = None
    while packed := plain.read(_PACKED_BYTES):
        while packed:
            unpacker = unpacker or zstandard.ZstdDecompressor().decompressobj()
            yield unpacker.decompress(packed)
            packed = unpacker.unused_data if unpacker.eof else b""
            unpacker = None if unpacker.eof else unpacker
    if unpacker is not None:
        raise EOFError


def _lines(pieces: Iterable[bytes]) -> Iterator[bytes]:
    begun = b""
    for piece in pieces:
        *whole, begun = (begun + piece).split(b"\n")
        for line in whole:
            yield line + b"\n"
    if begun:
        yield begun
