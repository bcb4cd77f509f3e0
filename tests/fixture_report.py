"""Reports of an incident that no demo makes: recipes saved by a kitchen app, as the analysis tells."""

from __future__ import annotations

import dataclasses
import datetime

from otel_savetrace import attributes as names
from otel_savetrace.analysis.findings import (
    Condition,
    EpisodeCounts,
    ErrorFound,
    Evidence,
    Example,
    LimitUse,
    Patience,
    PatternFound,
    Report,
    SaveCounts,
    Share,
    SourceSeen,
    Undetermined,
    Verdict,
)
from otel_savetrace.spans.reading import Skipped

BEGINS = datetime.datetime(2027, 3, 2, 9, 12, 1, 500_000, tzinfo=datetime.timezone.utc)
ENDS = BEGINS + datetime.timedelta(minutes=50)
JAEGER = "http://jaeger.example.org:16686"

STALE = Verdict(
    cause="network.stale_connection",
    confidence="high",
    episodes=8,
    saves=9,
    share=0.75,
    condition=Condition(names.CONNECTION_IDLE_SECONDS, ">=", 60.2, 1.0, 0.031),
    because=(
        Evidence(
            names.CONNECTION_IDLE_SECONDS, 61.4, 1.2, 0.00002, paired=True,
            folded=(names.CONNECTION_AGE_SECONDS,),
        ),
        Evidence(names.CONNECTION, "reused", "new", 0.013, paired=False),
    ),
    next=(
        "Close idle connections sooner than the other side does: the shortest idle time among the failures is"
        " 60 s, so set the client's keep-alive below it, to 55 s.",
        "Let botocore try again: with retries of one attempt more, 8 of 9 would have been saved.",
    ),
    examples=(
        Example("a" * 32, "b" * 32, f"{JAEGER}/trace/{'a' * 32}...{'b' * 32}"),
        Example("c" * 32, "d" * 32, None),
        Example("e" * 32, None, None),
    ),
)  # fmt: skip

TOO_LONG = Verdict(
    cause="storage.key_too_long",
    confidence="low",
    episodes=2,
    saves=3,
    share=0.25,
    condition=None,
    because=(),
    next=("Cut slugs to 180 bytes.",),
    examples=(),
)

PATTERNS = (
    PatternFound("same_data_different_outcome", True, 8, 0.8, "8 of 10 recovered with the same content."),
    PatternFound(
        "different_data_different_outcome", None, 2, 0.2, "In 2 the key was shorter when it worked: too few."
    ),
    PatternFound("dominant_error", True, 9, 0.75, "ConnectionClosedError is 75 % (47 to 91 %) of failures."),
    PatternFound("no_storage_error", False, 0, 0.0, "Storage refused or broke in every failed save."),
)

REPORT = Report(
    sources=(
        SourceSeen("jaeger", JAEGER, 3_120, 412, (Skipped("a span without a trace id", 2, "page 3"),)),
    ),
    start=BEGINS,
    end=ENDS,
    saves=SaveCounts(412, 399, 12, 1),
    episodes=EpisodeCounts(11, 10, 1, 0),
    errors=(
        ErrorFound(
            "ConnectionClosedError", "network", 9, Share(9, 12, 0.468, 0.911), True,
            ("Your recipe could not be saved", "500 Internal Server Error"),
            (("PUT /recipes/<slug>", 9),), (("grandma / apple-pie", 2), ("joe / stew", 1)),
        ),
        ErrorFound("KeyTooLongError", "storage", 3, Share(3, 12, 0.089, 0.532), False, ("no",)),
    ),
    patterns=PATTERNS,
    verdicts=(STALE, TOO_LONG),
    undetermined=Undetermined(1, "Its trace has no storage call, and nothing of the app's exception."),
    limits=(
        LimitUse("bytes of a key", "By", 1024, 998, (("apple-pie", 998), ("stew", 412))),
        LimitUse("bytes of a header section", "By", 8192, 2210, ()),
    ),
    patience=Patience(
        waits=(
            ("one storage call", 181.0, "3 attempts of 60 s, as configured"),
            ("the worker", 30.0, "as configured"),
            ("the front server", 60.0, "as seen: 4 saves ended just there"),
        ),
        says=("A storage call may take 181 s, but its worker is killed after 30 s: read_timeout to 8 s.",),
    ),
)  # fmt: skip

NONE_FAILED = dataclasses.replace(
    REPORT,
    saves=SaveCounts(412, 412, 0, 0),
    episodes=EpisodeCounts(0, 0, 0, 0),
    errors=(),
    verdicts=(),
    undetermined=Undetermined(0, ""),
    patience=None,
)

NOTHING = Report(
    sources=(SourceSeen("file", "spans.jsonl", 12, 0, ()),),
    start=None,
    end=None,
    saves=SaveCounts(0, 0, 0, 0),
    episodes=EpisodeCounts(0, 0, 0, 0),
    errors=(),
    patterns=PATTERNS,
    verdicts=(),
    undetermined=Undetermined(0, ""),
)

UNEXPLAINED = dataclasses.replace(
    REPORT,
    verdicts=(Verdict("unexplained", "medium", 11, 12, 1.0, None, (), ("Name the key's pattern.",), ()),),
)
