"""Storage calls that were read before the request that made them: a span is written when it ends."""

from __future__ import annotations

from otel_savetrace.spans.otlp_outline import Kept

MOST_TRACES = 10_000
"""Traces whose calls are kept at once: some 50 MB."""

MOST_CALLS = 64
"""Calls of one trace that are kept."""


class Waiting:
    """Calls by the numbers of their traces; the oldest trace goes first where they are too many."""

    def __init__(self) -> None:
        self._calls: dict[int, list[Kept]] = {}

    def add(self, trace: int, call: Kept) -> int | None:
        """Keep a call; return the trace whose calls are dropped for it."""
        calls = self._calls.setdefault(trace, [])
        if len(calls) < MOST_CALLS:
            calls.append(call)
        if len(self._calls) <= MOST_TRACES:
            return None
        oldest = next(iter(self._calls))
        del self._calls[oldest]
        return oldest

    def taken(self, trace: int) -> list[Kept]:
        """Return a trace's calls, and keep them no longer."""
        return self._calls.pop(trace, [])

    def traces(self) -> list[int]:
        """Return the traces that still wait."""
        return list(self._calls)
