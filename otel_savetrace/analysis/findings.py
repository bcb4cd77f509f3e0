"""What a report says, as data: made by the analysis, shown by the terminal, the page and ``--json`` alike.

The words are those of the report's contract; each class is one object of its JSON. Times are aware datetimes
in UTC, shares are between 0 and 1, p values are corrected for everything that was tried.
"""

from __future__ import annotations

import dataclasses
import datetime
from typing import Literal

from otel_savetrace.spans.reading import Skipped
from otel_savetrace.spans.rows import AttributeValue

Confidence = Literal["high", "medium", "low"]
Operator = Literal["=", "!=", "<=", ">=", "<", ">"]
PatternName = Literal[
    "same_data_different_outcome",
    "different_data_different_outcome",
    "dominant_error",
    "no_storage_error",
]


@dataclasses.dataclass(frozen=True, slots=True)
class SourceSeen:
    """One source and what it gave."""

    kind: str
    name: str
    spans: int
    saves: int
    skipped: tuple[Skipped, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class SaveCounts:
    """Saves by what the user got."""

    total: int
    succeeded: int
    failed: int
    unknown: int


@dataclasses.dataclass(frozen=True, slots=True)
class EpisodeCounts:
    """Episodes by how they ended."""

    total: int
    recovered: int
    abandoned: int
    open: int


@dataclasses.dataclass(frozen=True, slots=True)
class Share:
    """`count` of `total`, with Wilson's interval at 95 %."""

    count: int
    total: int
    low: float
    high: float

    @property
    def value(self) -> float:
        """The share itself, 0 of nothing."""
        return self.count / self.total if self.total else 0.0


@dataclasses.dataclass(frozen=True, slots=True)
class ErrorFound:
    """Failed saves of one code and stage.

    `share` is of all failed saves. `intermittent`: an episode with it recovered with the same content; None
    where nobody tried again, or the content is not known. `routes` and `things` are the most frequent.
    """

    code: str
    stage: str | None
    saves: int
    share: Share
    intermittent: bool | None
    user_saw: tuple[str, ...]
    routes: tuple[tuple[str, int], ...] = ()
    things: tuple[tuple[str, int], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class PatternFound:
    """Whether one of the four patterns holds, None where that cannot be said; `says` is one sentence."""

    pattern: PatternName
    holds: bool | None
    episodes: int
    share: float
    says: str


@dataclasses.dataclass(frozen=True, slots=True)
class Condition:
    """Under what a cause strikes: the shares of failed and of succeeded saves for which it is true."""

    attribute: str
    operator: Operator
    value: AttributeValue
    failed_share: float
    succeeded_share: float


@dataclasses.dataclass(frozen=True, slots=True)
class Evidence:
    """An attribute that separates failed from succeeded saves: its usual value on either side.

    `paired`: within episodes, each pair its own control. `folded` names attributes that say the same.
    """

    attribute: str
    failed: AttributeValue
    succeeded: AttributeValue
    p: float
    paired: bool
    folded: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Example:
    """A failed save and its retry by their trace ids, to be opened side by side."""

    failed: str
    retry: str | None
    compare_url: str | None


@dataclasses.dataclass(frozen=True, slots=True)
class Distribution:
    """An attribute's values among a verdict's failed saves and among the succeeded ones held against them.

    A value is None where it is not recorded. `pairs` are failed and succeeded within the same episode.
    """

    attribute: str
    failed: tuple[AttributeValue, ...]
    succeeded: tuple[AttributeValue, ...]
    pairs: tuple[tuple[AttributeValue, AttributeValue], ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """One cause, how sure it is, under which condition it strikes, what shows it, and what to do next.

    `distributions` are for who draws them: the condition's attribute first, at least one of every verdict.
    """

    cause: str
    confidence: Confidence
    episodes: int
    saves: int
    share: float
    condition: Condition | None
    because: tuple[Evidence, ...]
    next: tuple[str, ...]
    examples: tuple[Example, ...]
    distributions: tuple[Distribution, ...] = dataclasses.field(default=(), compare=False, repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class Undetermined:
    """Failed saves of which nothing can be said, and why."""

    saves: int
    why: str


@dataclasses.dataclass(frozen=True, slots=True)
class Unsaid:
    """Of how many saves something is not known, and what and why."""

    saves: int
    why: str


@dataclasses.dataclass(frozen=True, slots=True)
class LimitUse:
    """How near saves come to a documented limit, the nearest things first with the share of it they use."""

    limit: str
    unit: str
    most: int
    largest: int
    nearest: tuple[tuple[str, int], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Patience:
    """Who waits how long for whom, in seconds, innermost first, and which to change."""

    waits: tuple[tuple[str, float, str], ...]
    says: tuple[str, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Sample:
    """How many saves were looked at closely, where there were too many to look at each.

    Of those that `failed` (or were never answered), `failed_read`; of those that `worked`, `worked_read`.
    """

    failed: int
    failed_read: int
    worked: int
    worked_read: int


@dataclasses.dataclass(frozen=True, slots=True)
class Report:
    """All of it. `start` and `end` are the first and the last save's, None where there is none.

    `saves` counts all saves, whether there is a `sample` or not.
    """

    sources: tuple[SourceSeen, ...]
    start: datetime.datetime | None
    end: datetime.datetime | None
    saves: SaveCounts
    episodes: EpisodeCounts
    errors: tuple[ErrorFound, ...]
    patterns: tuple[PatternFound, ...]
    verdicts: tuple[Verdict, ...]
    undetermined: Undetermined
    limits: tuple[LimitUse, ...] = ()
    patience: Patience | None = None
    sample: Sample | None = None
    unsaid: tuple[Unsaid, ...] = ()
