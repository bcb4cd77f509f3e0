"""A seam: one method or function of a library replaced by ours, and put back exactly as it was."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from otel_savetrace.capture.guard import logger

Method = Callable[..., Any]

_INHERITED = object()


class Seam:
    """Replaces `owner.name` by what `wrap` makes of it; `owner` is a class, a module or one object.

    `wrap` is given the method that stood there and returns one of the same signature. A library version that
    lacks the method costs the facts named in `carries`, said once in the log, and nothing else.
    """

    def __init__(self, owner: object, name: str, wrap: Callable[[Method], Method], carries: str) -> None:
        self._owner: Any = owner
        self._name = name
        self._wrap = wrap
        self._carries = carries
        self._before: object = _INHERITED
        self._ours: Method | None = None

    @property
    def _title(self) -> str:
        return str(getattr(self._owner, "__name__", type(self._owner).__name__))

    def install(self) -> None:
        """Put our method in place; a second call does nothing."""
        if self._ours is not None:
            return
        original = getattr(self._owner, self._name, None)
        if original is None:
            logger.warning(
                "otel-savetrace: %s.%s is not in this version of the library; %s cannot be recorded.",
                self._title,
                self._name,
                self._carries,
            )
            return
        self._before = self._owner.__dict__.get(self._name, _INHERITED)
        self._ours = functools.wraps(original)(self._wrap(original))
        setattr(self._owner, self._name, self._ours)

    def remove(self) -> None:
        """Put back what stood there; where somebody has wrapped our method since, say that it must stay."""
        if self._ours is None:
            return
        if self._owner.__dict__.get(self._name) is not self._ours:
            logger.warning(
                "otel-savetrace: %s.%s was wrapped by another tool since; "
                "ours stays inside it until the process ends.",
                self._title,
                self._name,
            )
            return
        if self._before is _INHERITED:
            delattr(self._owner, self._name)
        else:
            setattr(self._owner, self._name, self._before)
        self._ours = None
