"""A save's storage calls and attempts as lines of a timeline."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from rich.text import Text

from otel_savetrace.analysis.calls import Attempt, Call, call_name
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.words import alike, count, duration
from otel_savetrace.report.wording import ASIDE, FAILED, SUCCEEDED, UNKNOWN, printable, use

NUMBER_WIDTH = 2
SHORTEST_BAR = 9
LONGEST_BAR = 32

SHORTEST_OUTCOME = 15
"""Columns kept for an outcome, its mark and the space before it: `` ✗ 503 SlowDown``."""

LONGEST_OUTCOME = 20
"""A longer outcome stands below its bar where there is no room for both."""

GAP = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Marks:
    """What a timeline is drawn with."""

    ran: str
    waited: str
    failed: str
    succeeded: str


LINES = Marks(ran="━", waited="╌", failed="✗", succeeded="✓")
LETTERS = Marks(ran="=", waited=".", failed="x", succeeded="+")
"""For a terminal that knows ASCII only."""


@dataclasses.dataclass(frozen=True, slots=True)
class Layout:
    """How the saves that stand side by side share their columns and their scale.

    The whole bar stands for `seconds`. `one_line`: an attempt's facts stand beside its bar, else below.
    """

    width: int
    bar_width: int
    outcome_width: int
    one_line: bool
    seconds: float
    marks: Marks


def layout(saves: Sequence[Save], width: int, marks: Marks) -> Layout:
    """Return the layout in which all attempts of the saves stand alike, each save in `width` columns."""
    attempts = [attempt for save in saves for call in save.calls for attempt in call.attempts]
    outcomes = [_outcome(attempt, marks).cell_len for attempt in attempts]
    facts = [len(", ".join(attempt_facts(attempt))) for attempt in attempts]
    seconds = max(save.seconds for save in saves)
    widest = max(SHORTEST_OUTCOME, *outcomes, 0)
    beside = width - NUMBER_WIDTH - widest - GAP - max([*facts, 0])
    if beside >= SHORTEST_BAR:
        return Layout(width, min(LONGEST_BAR, beside), widest, True, seconds, marks)
    widest = min(widest, LONGEST_OUTCOME)
    bar_width = max(SHORTEST_BAR, min(LONGEST_BAR, width - NUMBER_WIDTH - widest))
    return Layout(width, bar_width, widest, False, seconds, marks)


@dataclasses.dataclass(frozen=True, slots=True)
class Timeline:
    """Draws the calls of one save."""

    begins_nanoseconds: int
    layout: Layout

    def call(self, call: Call) -> list[Text]:
        """Return the lines of a storage call: its name, then its attempts."""
        lines = [self._call_title(call)]
        if call.app_retry:
            lines.append(Text(f"  the app's own retry {call.app_retry}", ASIDE))
        ended = call.span.start_nanoseconds
        for number, attempt in enumerate(call.attempts, start=1):
            lines += self._attempt(number, attempt, ended)
            ended = attempt.span.end_nanoseconds
        if not call.attempts:
            bar = self._bar(call.span.start_nanoseconds, call.span.end_nanoseconds, None, call.failed)
            lines += [Text("  ") + bar + _outcome_of_call(call), Text(f"  {why_no_attempts(call)}", ASIDE)]
        return lines

    def axis(self) -> Text:
        """Return the line that says how long the bars' width is."""
        end = duration(self.layout.seconds)
        return Text("  0" + end.rjust(self.layout.bar_width - 1), ASIDE)

    def _call_title(self, call: Call) -> Text:
        made, allowed = call.attempts_made, call.attempts_allowed
        told = ""
        if made:
            told = f"  {made} of {count(allowed, 'attempt')}" if allowed else f"  {count(made, 'attempt')}"
        title = Text(printable(call_name(call)), "bold")
        title.truncate(max(0, self.layout.width - len(told)), overflow="ellipsis")
        return title.append(told, f"not bold {ASIDE}")

    def _attempt(self, number: int, attempt: Attempt, waited_from: int) -> list[Text]:
        start, end = attempt.span.start_nanoseconds, attempt.span.end_nanoseconds
        line = Text(f"{number} ", ASIDE)
        line.append_text(self._bar(start, end, waited_from if number > 1 else None, not attempt.succeeded))
        outcome, facts = _outcome(attempt, self.layout.marks), attempt_facts(attempt)
        if self.layout.one_line:
            outcome.pad_right(self.layout.outcome_width - outcome.cell_len + GAP)
            told = Text(", ".join(facts), ASIDE)
            return [line + outcome + told]
        below = [Text(f"  {part}", ASIDE) for part in self._fitted(facts)]
        if outcome.cell_len > self.layout.width - line.cell_len:
            return [line, Text(" ") + outcome, *below]
        return [line + outcome, *below]

    def _fitted(self, facts: list[str]) -> list[str]:
        """Return the facts joined into as few lines as the width allows."""
        lines = facts[:1]
        for fact in facts[1:]:
            joined = f"{lines[-1]}, {fact}"
            fits = NUMBER_WIDTH + len(joined) <= self.layout.width
            lines[-1:] = [joined] if fits else [lines[-1], fact]
        return lines

    def _bar(self, start: int, end: int, waited_from: int | None, failed: bool) -> Text:
        first, last = self._column(start), self._column(end)
        bar = [" "] * self.layout.bar_width
        if waited_from is not None:
            for column in range(self._column(waited_from), first):
                bar[column] = self.layout.marks.waited
        for column in range(first, last + 1):
            bar[column] = self.layout.marks.ran
        drawn = Text("".join(bar))
        drawn.stylize(ASIDE, 0, first)
        drawn.stylize(_style(failed), first, last + 1)
        return drawn

    def _column(self, nanoseconds: int) -> int:
        share = (nanoseconds - self.begins_nanoseconds) / 1e9 / (self.layout.seconds or 1)
        return min(self.layout.bar_width - 1, max(0, int(share * self.layout.bar_width)))


def _outcome_of_call(call: Call) -> Text:
    if call.failed:
        return Text(f" {printable(call.error_code or 'failed')}", FAILED)
    return Text(" no error", SUCCEEDED) if call.sent_by is None else Text(" not known", UNKNOWN)


def why_no_attempts(call: Call) -> str:
    """Return why a call has no attempts to show."""
    if call.sent_by is not None:
        return f"sent by {printable(call.sent_by)}: attempts cannot be seen"
    return "nothing was sent" if call.attempts_made == 0 else "attempts are not recorded"


def _outcome(attempt: Attempt, marks: Marks) -> Text:
    mark = marks.succeeded if attempt.succeeded else marks.failed
    return Text(f" {mark} {printable(attempt.outcome)}", _style(not attempt.succeeded))


def attempt_facts(attempt: Attempt) -> list[str]:
    """Return what is known of the wire, in few words each: its wait, connection, head."""
    facts = []
    waited, idle = attempt.backoff_seconds, attempt.connection_idle_seconds
    if waited is not None:
        facts.append(f"after {duration(waited)}")
    if attempt.errno:
        facts.append(printable(attempt.errno))
    if attempt.connection:
        # A connection that idled while its own client waited is the one of the attempt before.
        kept = waited is not None and (idle is None or alike(idle, waited))
        facts += [printable(attempt.connection)] if kept else _use(attempt)
    if attempt.connection_pid is not None:
        facts.append(f"opened by process {attempt.connection_pid}")
    if attempt.header_bytes is not None:
        facts.append(f"head {attempt.header_bytes:,} B")
    if attempt.errno and attempt.body_bytes_sent is not None:
        facts.append(f"{attempt.body_bytes_sent:,} B of the body")
    return facts


def _use(attempt: Attempt) -> list[str]:
    """Return what is known of an attempt's connection; its age where that is not just its idle time."""
    idle, age = attempt.connection_idle_seconds, attempt.connection_age_seconds
    facts = [use(attempt.connection or "", attempt.connection_requests)]
    if idle is not None:
        facts.append(f"idle {duration(idle)}")
    if age is not None and not alike(age, idle or 0):
        facts.append(f"open {duration(age)}")
    return facts


def _style(failed: bool) -> str:
    return FAILED if failed else SUCCEEDED
