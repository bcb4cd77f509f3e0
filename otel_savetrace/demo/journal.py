"""What a front saw on the wire, request by request, as lines of JSON."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path

RESET = "reset"
CLOSED = "closed"


@dataclasses.dataclass
class Seen:
    """One request as it came over the wire.

    `connection` and `request` count from 1, the latter on its connection. `head` is the head's bytes, each
    as one character (latin-1); `body_bytes` counts the body on the wire, chunk sizes and trailers included,
    up to the answer. `answered` is the final status, ``reset``, or ``closed`` where it was never answered.
    `fault` is the fault's class, None where the store itself answered. Times are seconds since 1970.
    """

    connection: int
    request: int
    method: str
    target: str
    head: str
    head_bytes: int
    expects_continue: bool
    began: float
    body_bytes: int = 0
    continued: bool = False
    fault: str | None = None
    answered: int | str = CLOSED
    code: str | None = None
    request_id: str | None = None
    host_id: str | None = None
    ended: float = 0.0

    @property
    def reused(self) -> bool:
        """Whether its connection had carried a request before."""
        return self.request > 1


class Journal:
    """Appends to the file `path` while its ``with`` block lasts; each line is there for readers at once."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("a", encoding="utf-8")

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def note(self, seen: Seen) -> None:
        """Write one request, which ends now."""
        seen.ended = time.time()
        self._file.write(json.dumps(dataclasses.asdict(seen)) + "\n")
        self._file.flush()


def read_journal(path: Path) -> list[Seen]:
    """Read what a front wrote to `path`, in the order in which requests were answered."""
    return [Seen(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]
