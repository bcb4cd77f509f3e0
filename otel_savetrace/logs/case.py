"""A save while logs are joined to it."""

from __future__ import annotations

import dataclasses
from typing import TypeAlias

from otel_savetrace.analysis.saves import Save
from otel_savetrace.spans.rows import Span

Witness: TypeAlias = tuple[int, str]
"""Number of a log, and the scope of the rows in it that are told by one program."""


@dataclasses.dataclass(slots=True)
class Case:
    """A save and the row that stands for it by now.

    `told_by` has of each log that told of it the number and the scope of its row.
    """

    save: Save
    row: Span
    told_by: set[Witness]
    traced: bool
