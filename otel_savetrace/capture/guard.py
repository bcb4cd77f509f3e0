"""The one guard between otel-savetrace and the app it runs in.

Every function of ours that a library or the app calls is called through `Guard.run`; the app's own call is
made outside it. An error of ours is logged once for each kind and counted, and the app goes on.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from typing import ParamSpec, TypeVar

logger = logging.getLogger("otel_savetrace")

ANNOUNCEMENT = "otel-savetrace caught an error of its own"
"""How the guard's log line begins; tests look for it in the logs of the processes they start."""

_MOST_KINDS = 64

_Parameters = ParamSpec("_Parameters")
_Result = TypeVar("_Result")


class Guard:
    """Runs our code so that no exception of ours reaches the app.

    `caught` counts what was caught by (moment, exception class); it holds at most 64 kinds. Only `Exception`
    is caught: a worker that is told to stop (`SystemExit`) or a greenlet's time-out belongs to the app.
    """

    def __init__(self) -> None:
        self.caught: Counter[tuple[str, str]] = Counter()

    def run(
        self,
        moment: str,
        function: Callable[_Parameters, _Result],
        *arguments: _Parameters.args,
        **named: _Parameters.kwargs,
    ) -> _Result | None:
        """Return what `function` returns, or None where it raised; `moment` says when, for the log."""
        try:
            return function(*arguments, **named)
        except Exception as error:
            self._note(moment, error)
            return None

    def _note(self, moment: str, error: Exception) -> None:
        kind = (moment, type(error).__qualname__)
        if kind in self.caught:
            self.caught[kind] += 1
        elif len(self.caught) < _MOST_KINDS:
            self.caught[kind] = 1
            logger.warning(
                "%s when %s; the app is not affected, some facts of the trace are missing. "
                "Further errors of this kind are not logged.",
                ANNOUNCEMENT,
                moment,
                exc_info=error,
            )


guard = Guard()
"""The process's guard."""
