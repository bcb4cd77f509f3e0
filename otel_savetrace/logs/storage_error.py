"""An error of a storage call, in as many lines as a log has of it."""

from __future__ import annotations

import dataclasses

from otel_savetrace.logs.envelope import Line
from otel_savetrace.logs.logged_call import LoggedCall, together
from otel_savetrace.logs.storage_lines import Facts, More, Raised, answer

LINES_OF_AN_ERROR = 64
"""An error is whole when so many storage lines have followed its first."""


@dataclasses.dataclass(slots=True, eq=False)
class StorageError:
    """An error whose lines are still coming in; `calls` are those that it may have ended."""

    raised: Raised
    line: Line
    time: int
    where: str
    calls: list[LoggedCall]
    lines_left: int = LINES_OF_AN_ERROR
    facts: list[Facts] = dataclasses.field(default_factory=list)
    attempts: int | None = None
    answer: str = ""
    answer_lines: int = 0

    def lacks(self, record: More) -> bool:
        """Return whether this line may be one of its own that has not come yet."""
        if record.answer is not None:
            return not self.answer
        if record.attempts is None and any(_tell_the_same(record.facts, facts) for facts in self.facts):
            return False
        return not self.calls or any(record.facts.fits(call.facts) for call in self.calls)


def note(call: LoggedCall, error: StorageError) -> None:
    """Put what an error tells on the call that it ended."""
    raised, told = error.raised, answer(error.answer)
    unnamed = raised.code == raised.kind and told.code is not None
    call.result, call.kind, call.answer = "failed", raised.kind, told
    call.code = told.code if unnamed else raised.code
    call.attempts = error.attempts
    if call.attempts is None and told.retries is not None:
        call.attempts = told.retries + 1
    call.facts = together([call.facts, *error.facts])


def _tell_the_same(one: Facts, other: Facts) -> bool:
    """Return whether two lines tell the same of an error: its key, or its size."""
    return (one.key is not None and other.key is not None) or (
        one.key is None and other.key is None and None not in (one.content_size, other.content_size)
    )
