"""Causes in plain words, as the table of causes has them."""

from __future__ import annotations

from otel_savetrace.analysis.cause_codes import CAUSES


def cause_in_words(cause: str) -> str:
    """Return the clause for a cause; one that the table does not have is told by its name."""
    row = CAUSES.get(cause)
    return row.words if row else cause


def sentence(clause: str) -> str:
    """Return a clause as a sentence begins; what follows keeps its capitals."""
    return clause[:1].upper() + clause[1:]
