"""How well failed saves and their retries were found: precision and recall against the crowd's diary."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Set

from otel_savetrace import attributes as attribute
from otel_savetrace.analysis.episodes import episodes
from otel_savetrace.analysis.saves import Save
from otel_savetrace.spans.rows import Span
from tests.e2e.crowd.client import PRESS_HEADER
from tests.e2e.crowd.diary import Pair

CAPTURED_HEADER = f"http.request.header.{PRESS_HEADER.lower().replace('-', '_')}"
"""Where OpenTelemetry's own instrumentation writes the number of a press: no part of what pairs."""

OF_A_RETRY = frozenset(
    (
        attribute.SAVE_ATTEMPT, attribute.PREVIOUS_TRACE_ID, attribute.PREVIOUS_SPAN_ID,
        attribute.FIRST_TRACE_ID, attribute.PREVIOUS_ERROR_CODE, attribute.SAME_CONTENT,
        attribute.SECONDS_SINCE_FAILURE, attribute.AUTOMATIC_RETRY, attribute.PAIRED_BY,
        attribute.COOKIE_REFUSED,
    )
)  # fmt: skip
"""What the app alone can say of a save that is a retry."""


@dataclasses.dataclass(frozen=True)
class Score:
    """Pairs that were found, against those that there were."""

    way: str
    found: Set[Pair]
    true: Set[Pair]

    @property
    def precision(self) -> float:
        """Share of the found pairs that are true; 1 where none was found."""
        return len(self.found & self.true) / len(self.found) if self.found else 1.0

    @property
    def recall(self) -> float:
        """Share of the true pairs that were found; 1 where there is none."""
        return len(self.found & self.true) / len(self.true) if self.true else 1.0


def table(scores: Iterable[Score]) -> Iterator[str]:
    """Yield the lines of a table of scores."""
    scores = list(scores)
    width = max(len(score.way) for score in scores)
    yield f"{'paired by':<{width}}   true  found  wrong  missed  precision  recall"
    for score in scores:
        wrong, missed = len(score.found - score.true), len(score.true - score.found)
        yield (
            f"{score.way:<{width}}  {len(score.true):>5}  {len(score.found):>5}  {wrong:>5}  {missed:>6}"
            f"  {score.precision:>9.3f}  {score.recall:>6.3f}"
        )


def press_of(span: Span) -> int:
    """Return the number of the press that a server span is of."""
    captured = span.attributes[CAPTURED_HEADER]
    assert isinstance(captured, tuple)
    return int(str(captured[0]))


def pairs_told(saves: Iterable[Save], paired_by: str) -> list[tuple[str, str]]:
    """Return the pairs of trace ids that the saves themselves tell, as the app has written them."""
    return [
        (str(save.span.attributes[attribute.PREVIOUS_TRACE_ID]), save.trace_id)
        for save in saves
        if save.span.attributes.get(attribute.PAIRED_BY) == paired_by
    ]


def pairs_of_episodes(saves: Iterable[Save]) -> list[tuple[str, str]]:
    """Return the pairs of trace ids that the desk makes of the saves."""
    return [(pair.previous[0], pair.retry[0]) for episode in episodes(saves) for pair in episode.pairs]


def without_cookie_or_memory(spans: Iterable[Span]) -> list[Span]:
    """Return the spans as an app writes them that knows nothing of retries."""
    return [
        dataclasses.replace(
            span,
            attributes={name: value for name, value in span.attributes.items() if name not in OF_A_RETRY},
            links=(),
        )
        for span in spans
    ]
