"""A storage call as a log tells it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from otel_savetrace.logs.storage_lines import Answer, Facts, Ids


@dataclasses.dataclass(slots=True, eq=False)
class LoggedCall:
    """A storage call as a log tells it; times in nanoseconds since 1970.

    `result` is ``succeeded``, ``unconfirmed`` (nobody knows whether it is stored), ``failed``, or None where
    its end is not there. `timed`: the log says when, else the times tell no more than the order. `kind` and
    `code` are the exception's class and the store's code.
    """

    function: str | None
    facts: Facts
    ids: Ids | None
    trace_id: str | None
    process: str | None
    start: int
    end: int
    where: str
    timed: bool
    result: str | None = None
    attempts: int | None = None
    kind: str | None = None
    code: str | None = None
    answer: Answer | None = None


def together(facts: Iterable[Facts]) -> Facts:
    """Return what several lines tell of one call: the whole key, where one has it, and what came first."""
    whole = Facts()
    for one in facts:
        better = one.key is not None and (whole.key is None or (whole.cut and not one.cut))
        whole = Facts(
            one.key if better else whole.key,
            one.cut if better else whole.cut,
            one.key_len if whole.key_len is None else whole.key_len,
            one.content_size if whole.content_size is None else whole.content_size,
        )
    return whole
