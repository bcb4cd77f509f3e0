"""A save's storage calls and attempts as lines of a timeline."""

from __future__ import annotations

import dataclasses

from rich.text import Text

from otel_savetrace.analysis.calls import Attempt, Call
from otel_savetrace.analysis.differences import call_name
from otel_savetrace.analysis.words import count, duration
from otel_savetrace.report.wording import ASIDE, FAILED, SUCCEEDED

ONE_LINE_WIDTH = 66
"""Columns from which an attempt's facts stand on the line of its bar; with less they stand below it."""

NUMBER_WIDTH = 2
SHORTEST_BAR = 9
LONGEST_BAR = 32

OUTCOME_WIDTH = 18
"""Columns kept for an outcome and its mark: ``✗ 503 SlowDown``, ``✗ connection reset``."""

FACTS_WIDTH = 36
"""Columns kept for an attempt's facts where they stand beside its bar."""


@dataclasses.dataclass(frozen=True, slots=True)
class Marks:
    """What a timeline is drawn with."""

    ran: str
    waited: str
    failed: str
    succeeded: str
    between: str


LINES = Marks(ran="━", waited="╌", failed="✗", succeeded="✓", between=" · ")
LETTERS = Marks(ran="=", waited=".", failed="x", succeeded="+", between=", ")
"""For a terminal that knows ASCII only."""


@dataclasses.dataclass(frozen=True, slots=True)
class Timeline:
    """Draws one save. All that is held side by side shares `seconds`, the time from left to right."""

    begins_nanoseconds: int
    seconds: float
    width: int
    marks: Marks

    @property
    def bar_width(self) -> int:
        """Columns of the bar."""
        beside = OUTCOME_WIDTH + NUMBER_WIDTH + (FACTS_WIDTH if self.width >= ONE_LINE_WIDTH else 0)
        return max(SHORTEST_BAR, min(LONGEST_BAR, self.width - beside))

    def call(self, call: Call) -> list[Text]:
        """Return the lines of a storage call: its name, then its attempts."""
        lines = [self._call_title(call)]
        ended = call.span.start_nanoseconds
        for number, attempt in enumerate(call.attempts, start=1):
            lines += self._attempt(number, attempt, ended)
            ended = attempt.span.end_nanoseconds
        if not call.attempts:
            bar = self._bar(call.span.start_nanoseconds, call.span.end_nanoseconds, None, call.failed)
            said = Text(
                f" {call.error_code or 'failed'}" if call.failed else " no error", _style(call.failed)
            )
            lines += [Text("  ") + bar + said, Text("  attempts are not recorded", ASIDE)]
        return lines

    def _call_title(self, call: Call) -> Text:
        made, allowed = call.attempts_made, call.attempts_allowed
        told = ""
        if made:
            told = f"  {made} of {count(allowed, 'attempt')}" if allowed else f"  {count(made, 'attempt')}"
        title = Text(call_name(call), "bold")
        title.truncate(max(0, self.width - len(told)), overflow="ellipsis")
        return title.append(told, f"not bold {ASIDE}")

    def axis(self) -> Text:
        """Return the line that says how long the bars' width is."""
        end = duration(self.seconds)
        return Text("  0" + end.rjust(self.bar_width - 1), ASIDE)

    def _attempt(self, number: int, attempt: Attempt, waited_from: int) -> list[Text]:
        failed = not attempt.succeeded
        start, end = attempt.span.start_nanoseconds, attempt.span.end_nanoseconds
        line = Text(f"{number} ", ASIDE)
        line.append_text(self._bar(start, end, waited_from if number > 1 else None, failed))
        mark = self.marks.failed if failed else self.marks.succeeded
        outcome = Text(f" {mark} {attempt.outcome}", _style(failed))
        below = [Text(f"  {facts}", ASIDE) for facts in self._fitted(_facts(attempt))]
        if line.cell_len + outcome.cell_len > self.width:
            return [line, Text(" ") + outcome, *below]
        line.append_text(outcome)
        facts = self.marks.between.join(_facts(attempt))
        column = max(line.cell_len + 1, NUMBER_WIDTH + self.bar_width + OUTCOME_WIDTH + 1)
        if self.width >= ONE_LINE_WIDTH and column + len(facts) <= self.width:
            line.append(" " * (column - line.cell_len))
            line.append(facts, ASIDE)
            return [line]
        return [line, *below]

    def _fitted(self, facts: list[str]) -> list[str]:
        """Return the facts joined into as few lines as the width allows."""
        lines = facts[:1]
        for fact in facts[1:]:
            joined = f"{lines[-1]}{self.marks.between}{fact}"
            lines[-1:] = [joined] if NUMBER_WIDTH + len(joined) <= self.width else [lines[-1], fact]
        return lines

    def _bar(self, start: int, end: int, waited_from: int | None, failed: bool) -> Text:
        first, last = self._column(start), self._column(end)
        bar = [" "] * self.bar_width
        if waited_from is not None:
            for column in range(self._column(waited_from), first):
                bar[column] = self.marks.waited
        for column in range(first, last + 1):
            bar[column] = self.marks.ran
        drawn = Text("".join(bar))
        drawn.stylize(ASIDE, 0, first)
        drawn.stylize(_style(failed), first, last + 1)
        return drawn

    def _column(self, nanoseconds: int) -> int:
        share = (nanoseconds - self.begins_nanoseconds) / 1e9 / (self.seconds or 1)
        return min(self.bar_width - 1, max(0, int(share * self.bar_width)))


def _facts(attempt: Attempt) -> list[str]:
    facts = []
    waited = None if attempt.backoff_seconds is None else duration(attempt.backoff_seconds)
    idle = None if attempt.connection_idle_seconds is None else duration(attempt.connection_idle_seconds)
    if waited:
        facts.append(f"after {waited}")
    if attempt.connection:
        # A connection that idled while its own client waited says nothing new.
        facts.append(f"{attempt.connection}, idle {idle}" if idle and idle != waited else attempt.connection)
    if attempt.header_bytes is not None:
        facts.append(f"head {attempt.header_bytes:,} B")
    return facts


def _style(failed: bool) -> str:
    return FAILED if failed else SUCCEEDED
