"""What differs between two saves: their calls and attempts held against each other, then every attribute.

Nothing is concluded here. A difference between two saves may be the cause, a consequence, or chance.
"""

from __future__ import annotations

import dataclasses
import difflib
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from otel_savetrace import attributes
from otel_savetrace.analysis import content, conventions, identity, ranking
from otel_savetrace.analysis.absence import meant
from otel_savetrace.analysis.calls import Attempt, Call, call_name
from otel_savetrace.analysis.saves import Save
from otel_savetrace.spans.rows import AttributeValue, Span

COUNTERS = frozenset({attributes.RETRY_ATTEMPT, attributes.RESEND_COUNT})
"""An attempt's own number: equal by the way attempts are paired."""

OF_CALL = ranking.CONSEQUENCES | COUNTERS | {attributes.KEY_LEN}
"""What a call or a timeline tells of an attempt."""

TOTALS = frozenset({attributes.BACKOFF_SECONDS, attributes.HEADER_BYTES})
"""Sums and maxima of the attempts, which tell nothing where the attempts themselves are recorded."""

SAME_FACT: Mapping[str, str] = {
    **{old: new for new, old in conventions.OLD_NAMES.items()},
    "retry_attempts": attributes.RETRY_ATTEMPTS,
}
"""Names under which an instrumentation writes what another name says too."""


@dataclasses.dataclass(frozen=True, slots=True)
class CallPair:
    """A storage call of each save; `None` where the other save has none to hold against it."""

    a: Call | None
    b: Call | None


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """One attribute whose values differ.

    `where` says on what it stands (``save``, ``process``, ``PutObject draft.json``, ``attempt 1``); a value
    is `None` where it is not recorded. `consequence`: the outcome itself brings it with it.
    """

    attribute: str
    where: str
    a: AttributeValue
    b: AttributeValue
    consequence: bool


@dataclasses.dataclass(frozen=True, slots=True)
class Comparison:
    """Two saves held against each other.

    `differences` has those that stood before the outcome first. `equal` is what both carry alike, `noise`
    names what differs between any two requests. `seconds_between` runs from the end of the one that began
    first to the start of the other.
    """

    a: Save
    b: Save
    calls: tuple[CallPair, ...]
    differences: tuple[Difference, ...]
    equal: Mapping[str, AttributeValue]
    noise: tuple[str, ...]
    same_content: bool | None
    same_thing: bool
    seconds_between: float


def compare(a: Save, b: Save) -> Comparison:
    """Hold two saves against each other, whatever became of either."""
    calls = tuple(_paired_calls(a.calls, b.calls))
    compared = list(_once(_compared(a, b, calls)))
    unequal = [found for found in compared if found.a != found.b]
    telling = [found for found in unequal if not ranking.is_noise(found.attribute, found.a, found.b)]
    first, second = sorted((a, b), key=lambda save: save.span.start_nanoseconds)
    return Comparison(
        a=a,
        b=b,
        calls=calls,
        differences=tuple(sorted(telling, key=_rank)),
        equal=_equal(compared, {found.attribute for found in unequal}),
        noise=tuple(sorted({found.attribute for found in unequal} - {found.attribute for found in telling})),
        same_content=content.same_content(a, b),
        same_thing=identity.identity(a) == identity.identity(b),
        seconds_between=content.seconds_between(first, second),
    )


def _paired_calls(calls_a: tuple[Call, ...], calls_b: tuple[Call, ...]) -> Iterator[CallPair]:
    """Pair calls of the same operation and key in their order, then what is left by operation alone."""
    matcher = difflib.SequenceMatcher(None, _told_apart(calls_a), _told_apart(calls_b), autojunk=False)
    for _, start_a, end_a, start_b, end_b in matcher.get_opcodes():
        for a, b in itertools.zip_longest(calls_a[start_a:end_a], calls_b[start_b:end_b]):
            if a and b and a.operation != b.operation:
                yield CallPair(a, None)
                yield CallPair(None, b)
            else:
                yield CallPair(a, b)


def _told_apart(calls: tuple[Call, ...]) -> list[tuple[str, str | None, int]]:
    """Return each call's operation and key, and how often it was made before: an app may retry by itself."""
    seen: Counter[tuple[str, str | None]] = Counter()
    told = []
    for call in calls:
        kind = (call.operation, call.key)
        told.append((*kind, seen[kind]))
        seen[kind] += 1
    return told


def _compared(a: Save, b: Save, calls: tuple[CallPair, ...]) -> Iterator[Difference]:
    attempts_known = all(any(call.attempts for call in save.calls) for save in (a, b))
    left_out = TOTALS if attempts_known else frozenset()
    of_save = left_out | (_told_by_calls(a) & _told_by_calls(b))
    brought = _brought_by_calls(a, b)
    for found in _compared_values(_held(a.span), _held(b.span), "save", of_save):
        yield dataclasses.replace(found, consequence=True) if found.attribute in brought else found
    pairs = [(pair.a, pair.b) for pair in calls if pair.a and pair.b]
    for call_a, call_b in pairs:
        where = call_name(call_a)
        yield from _compared_values(_held(call_a.span), _held(call_b.span), where, left_out)
        for number, (one, other) in enumerate(zip(call_a.attempts, call_b.attempts, strict=False), start=1):
            place = f"attempt {number}" if len(pairs) == 1 else f"attempt {number} of {where}"
            # What came of an attempt is told by the timelines.
            yield from _compared_values(
                _held_with_key(one, call_a), _held_with_key(other, call_b), place, OF_CALL
            )
    yield from _compared_values(a.span.resource, b.span.resource, "process", frozenset())


def _told_by_calls(save: Save) -> frozenset[str]:
    """Return what a save only repeats of one of its objects: of the first, or of the one that failed."""
    names = {attributes.S3_BUCKET, attributes.S3_KEY, *save.thing}
    return frozenset(name for name in names if any(name in call.span.attributes for call in save.calls))


def _brought_by_calls(a: Save, b: Save) -> frozenset[str]:
    """Return what only one of the saves can say, where the other made no storage call at all."""
    if bool(a.calls) == bool(b.calls):
        return frozenset()
    of_calls = {name for name, described in attributes.REGISTRY.items() if "call" in described.stands_on}
    return frozenset({*of_calls, attributes.OBJECTS, *_told_by_calls(a), *_told_by_calls(b)})


def _compared_values(
    held_a: Mapping[str, AttributeValue],
    held_b: Mapping[str, AttributeValue],
    where: str,
    left_out: frozenset[str],
) -> Iterator[Difference]:
    for name in dict.fromkeys((*held_a, *held_b)):
        if name not in left_out:
            a, b = meant(held_a, name), meant(held_b, name)
            yield Difference(name, where, a, b, ranking.is_consequence(name, a, b))


def _held(span: Span) -> dict[str, AttributeValue]:
    held = {SAME_FACT.get(name, name): value for name, value in span.attributes.items()}
    if held.get(attributes.ERROR_TYPE) == held.get(attributes.ERROR_CODE):
        held.pop(attributes.ERROR_TYPE, None)
    return held


def _held_with_key(attempt: Attempt, call: Call) -> dict[str, AttributeValue]:
    """Return what stands on an attempt, and the length of its key, which stands on its call."""
    return {attributes.KEY_LEN: call.span.attributes.get(attributes.KEY_LEN), **_held(attempt.span)}


def _once(compared: Iterable[Difference]) -> Iterator[Difference]:
    """Leave out what a call or attempt merely repeats of the save above it."""
    seen: set[str] = set()
    for found in compared:
        told = repr((found.attribute, found.a, found.b))
        if told not in seen:
            seen.add(told)
            yield found


def _rank(found: Difference) -> tuple[bool, tuple[int, int]]:
    """Put what stood before the outcome first."""
    return found.consequence, ranking.rank(found.attribute)


def _equal(compared: list[Difference], differing: set[str]) -> dict[str, AttributeValue]:
    """Return what differs nowhere, with the value that stands highest: on the save, else on a call."""
    held: dict[str, AttributeValue] = {}
    for found in sorted(
        compared, key=lambda found: (ranking.registry_place(found.attribute), found.attribute)
    ):
        if found.attribute not in differing:
            held.setdefault(found.attribute, found.a)
    return held
