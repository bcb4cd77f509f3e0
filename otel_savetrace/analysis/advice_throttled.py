"""What to do where a store refused what came too fast: how fast that was, for what it counts together."""

from __future__ import annotations

import bisect
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from operator import itemgetter

from otel_savetrace import attributes
from otel_savetrace.analysis.advice_retries import retries
from otel_savetrace.analysis.calls import Attempt
from otel_savetrace.analysis.case import Case, extent, shared_folder
from otel_savetrace.analysis.words import duration

WRITES_A_SECOND = 3_500
"""Writes that Amazon S3 takes of one prefix in a second (user guide, "Best practices design patterns")."""

ENOUGH = 5
"""So many refused, and so many taken, are needed to say that a store counts writes by object."""


def throttled(case: Case) -> Iterator[str]:
    """The object or prefix and rate seen, retry mode and attempts in force."""
    yield _of_object(case) or _of_prefix(case)
    if case.is_amazon:
        yield (
            f"Amazon S3 takes {WRITES_A_SECOND:,} writes a second of each prefix, and more only after a"
            " while: spread the keys over several."
        )
    else:
        yield f"Ask whoever runs {case.endpoint or 'the store'} which rate it is set to take."
    yield from retries(case)


def _of_object(case: Case) -> str | None:
    """Return what to do where writes were refused for nothing but another of the same object before them."""
    if case.is_amazon:
        return None
    refused, taken = _distances(case)
    if min(len(refused), len(taken)) < ENOUGH or max(refused) >= min(taken):
        return None
    return (
        f"Write no object twice within {duration(min(taken))}: every write that was refused began"
        f" within {duration(max(refused))} of another of the same object, none that was taken within"
        f" {duration(min(taken))} (those that were traced)."
    )


def _of_prefix(case: Case) -> str:
    prefix = shared_folder([str(key) for key in case.of_calls(attributes.S3_KEY)])
    refused, taken = _rates(case, prefix)
    where = f" under {prefix}" if prefix else ""
    seen = f": refused at {extent(refused, 'request')} a second" if refused else ""
    fewer = f", none refused at up to {max(taken):,}" if refused and taken else ""
    return f"Send fewer writes at once{where}{seen}{fewer} (those that were traced)."


def _distances(case: Case) -> tuple[list[float], list[float]]:
    """Return how far from the nearest write of the same object that was taken others began, in seconds.

    Of the refused, infinite where there is none, or where the key is not known; of the taken, from the one
    before, of those that have one. Of two at once the store may have had the later first.
    """
    refused: dict[str, list[int]] = defaultdict(list)
    taken: dict[str, list[int]] = defaultdict(list)
    for start, key, attempt in sorted(_attempts(case), key=itemgetter(0)):
        is_refused = attempt.span.attributes.get(attributes.ERROR_CODE) in case.kinds
        (refused if is_refused else taken)[key].append(start)
    taken.pop("", None)  # of any object
    return (
        [_nearest(start, taken.get(key, [])) for key, starts in refused.items() for start in starts],
        [(one - before) / 1e9 for starts in taken.values() for before, one in itertools.pairwise(starts)],
    )


def _nearest(start: int, others: Sequence[int]) -> float:
    place = bisect.bisect(others, start)
    return min((abs(start - one) / 1e9 for one in others[max(place - 1, 0) : place + 1]), default=math.inf)


def _rates(case: Case, prefix: str) -> tuple[list[float], list[float]]:
    """Return the requests in each second in which one was refused, and in each other."""
    seen: Counter[int] = Counter()
    refused: set[int] = set()
    for start, key, attempt in _attempts(case):
        if key.startswith(prefix):
            second = start // 10**9
            seen[second] += 1
            if attempt.span.attributes.get(attributes.ERROR_CODE) in case.kinds:
                refused.add(second)
    return [seen[one] for one in refused], [number for one, number in seen.items() if one not in refused]


def _attempts(case: Case) -> Iterator[tuple[int, str, Attempt]]:
    """Yield the attempts of writes, each with when it began, in nanoseconds since 1970, and its key.

    The key is empty where it is not known.
    """
    for save in (*case.failed, *case.worked):
        for call in save.calls:
            for attempt in call.attempts if call.writes else ():
                yield attempt.span.start_nanoseconds, call.key or "", attempt
