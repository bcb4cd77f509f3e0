"""A body that notes whatever is done to it, so that two runs can be compared touch by touch."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

Touch = tuple[str, tuple[object, ...]]
"""What was asked of a body, and with which arguments."""


class WatchedBody:
    """A stream in `touches` of which stands every attribute that anybody asked it for, and every call.

    One that is not `seekable` has neither `seek` nor `tell`, as a socket's or a pipe's.
    """

    def __init__(self, content: bytes, *, seekable: bool = True) -> None:
        self.touches: list[Touch] = []
        self._stream = io.BytesIO(content)
        self._seekable = seekable

    def __getattr__(self, name: str) -> Any:
        if not self._seekable and name in ("seek", "tell"):
            self.touches.append((f"no {name}", ()))
            raise AttributeError(name)
        if name == "seekable" and not self._seekable:
            return self._noting(name, lambda: False)
        found = getattr(self._stream, name)
        return self._noting(name, found) if callable(found) else found

    def _noting(self, name: str, method: Callable[..., object]) -> Callable[..., object]:
        def noted(*arguments: object) -> object:
            self.touches.append((name, arguments))
            return method(*arguments)

        self.touches.append((f"asked for {name}", ()))
        return noted


class CountedBody(WatchedBody):
    """One that has a length and can be iterated over, and notes when anybody does."""

    def __len__(self) -> int:
        self.touches.append(("len", ()))
        return len(self._stream.getvalue())

    def __iter__(self) -> Any:
        self.touches.append(("iter", ()))
        return iter(self._stream)
