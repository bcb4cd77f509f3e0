"""One cause's failed saves and all that was found out about them: what advice is made of."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from otel_savetrace import attributes
from otel_savetrace.analysis import values
from otel_savetrace.analysis.calls import Attempt, Call
from otel_savetrace.analysis.comparisons import Comparison
from otel_savetrace.analysis.decisive import failed_call, first_attempt_alike, last_attempt
from otel_savetrace.analysis.errors import kind_of
from otel_savetrace.analysis.findings import Condition
from otel_savetrace.analysis.saves import Save
from otel_savetrace.spans.rows import AttributeValue


@dataclasses.dataclass(frozen=True)
class Case:
    """The failed saves of a cause, beside those that `worked`.

    `dependencies` names failed services by trace.
    """

    cause: str
    failed: Sequence[Save]
    comparison: Comparison
    condition: Condition | None
    worked: Sequence[Save]
    dependencies: Mapping[str, str]

    def calls(self) -> Iterator[Call]:
        """Yield the call by which each save failed, where it failed by one."""
        for save in self.failed:
            call = failed_call(save)
            if call is not None:
                yield call

    def attempts(self) -> Iterator[Attempt]:
        """Yield the attempt that first failed as the call did."""
        for call in self.calls():
            attempt = first_attempt_alike(call)
            if attempt is not None:
                yield attempt

    def last_attempts(self) -> Iterator[Attempt]:
        """Yield the attempt after which each call gave up."""
        for call in self.calls():
            attempt = last_attempt(call)
            if attempt is not None:
                yield attempt

    def of_calls(self, name: str) -> list[AttributeValue]:
        """Return one attribute of the failed calls, of those that have it."""
        return _held((call.span.attributes for call in self.calls()), name)

    def of_attempts(self, name: str) -> list[AttributeValue]:
        """Return one attribute of the failed attempts, of those that have it."""
        return _held((attempt.span.attributes for attempt in self.attempts()), name)

    def of_saves(self, name: str) -> list[AttributeValue]:
        """Return one attribute of the failed saves, of those that have it."""
        return _held((save.span.attributes for save in self.failed), name)

    def of_controls(self, name: str) -> list[AttributeValue]:
        """Return one attribute of the saves near in time that worked, of those that have it."""
        rows = self.comparison.near
        told = zip(rows.column(name), rows.failed, strict=True)
        return [held for held, failed in told if not failed and held is not None]

    @property
    def codes(self) -> str:
        """The codes that the saves failed with, the most frequent first, as a person lists them."""
        counted = Counter(kind_of(save)[0] for save in self.failed)
        return ", ".join(
            code for code, _ in sorted(counted.items(), key=lambda item: (-item[1], item[0]))[:3]
        )

    @property
    def retries(self) -> str:
        """The retry mode and the attempts in force, as a clause; empty where they are not known."""
        mode = most_common(self.of_calls(attributes.RETRY_MODE))
        allowed = most_common(self.of_calls(attributes.ATTEMPTS_ALLOWED))
        if mode is None or allowed is None:
            return ""
        return f"retry mode {mode}, {allowed} attempt{'' if allowed == 1 else 's'} at most"


def numbers(held: Iterable[AttributeValue]) -> list[float]:
    """Return what of some values is a number."""
    return [number for number in map(values.number, held) if number is not None]


def most_common(held: Iterable[AttributeValue]) -> AttributeValue:
    """Return the most frequent value; None of nothing."""
    counted = Counter(held)
    return min(counted, key=lambda value: (-counted[value], str(value))) if counted else None


def middle(held: Sequence[float]) -> float:
    """Return the median as a value that was seen."""
    return sorted(held)[len(held) // 2]


def _held(spans: Iterable[Mapping[str, AttributeValue]], name: str) -> list[AttributeValue]:
    return [held[name] for held in spans if held.get(name) is not None]
