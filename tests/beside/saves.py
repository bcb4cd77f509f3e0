"""The saves that are made beside everything, and what their traces say of them."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from otel_savetrace import attributes as attribute
from otel_savetrace.analysis.calls import is_attempt, is_call
from otel_savetrace.demo import faults
from otel_savetrace.demo.faults import ErrorAnswer, Fault, Plan, Reset, Rule
from otel_savetrace.spans.rows import Span
from tests.fixture_app import App

ACCESS_DENIED = ErrorAnswer(403, "AccessDenied", "Access Denied")
LOST = "lost"
"""The save whose database goes away after its PUT, where the app has a database."""

_USERS = 8
_TWO_PARTS = b"image" * 1_100_000


@dataclasses.dataclass(frozen=True)
class Press:
    """A press of a button: a request to `way` for the storymap `name`; those for its `file` meet a fault."""

    name: str
    way: str
    body: bytes = b'{"slides": []}'
    fault: Fault | None = None
    times: int = 1
    file: str = ""
    method: str = "PUT"

    @property
    def rule(self) -> Rule | None:
        """The part of the plan that is about it."""
        if self.fault is None:
            return None
        return Rule(self.fault, f"storymapjs/ada/{self.name}/{self.file}", self.method, times=self.times)


PRESSES = (
    Press("well", "save"),
    Press("slowed-down-once", "save", fault=faults.SLOW_DOWN),
    # Two calls of the app, of two attempts each.
    Press("always-slowed-down", "save", fault=faults.SLOW_DOWN, times=4),
    Press("refused", "save", fault=ACCESS_DENIED, times=2),
    Press("refused-once", "save", fault=ACCESS_DENIED),
    Press("reset", "save", fault=Reset("head")),
    Press("reset-once-stored", "save", fault=Reset("answer")),
    Press("published", "publish"),
    Press("half-published", "publish", fault=ACCESS_DENIED, file="index.html"),
    Press("image", "image", b"\xff\xd8"),
    Press("image-tried-again", "image", b"\xff\xd8", fault=faults.INTERNAL_ERROR),
    Press("image-in-parts", "image", _TWO_PARTS),
    Press("rejected", "rejected", b""),
    Press("broken", "broken", b""),
)
PLAN = Plan(tuple(press.rule for press in PRESSES if press.rule is not None))

SAVE_ROUTES = ",".join(
    f"POST /{way}/<storymap_id>" for way in ("save", "publish", "image", "rejected", "broken")
)


def send(app: App, presses: Sequence[Press] = PRESSES) -> dict[str, bytes]:
    """Send everything, eight at a time, and return the answers by storymap."""
    with ThreadPoolExecutor(_USERS) as pool:
        answers = pool.map(lambda one: app.exchange("POST", f"/{one.way}/{one.name}", one.body), presses)
        return {press.name: answer for press, answer in zip(presses, answers, strict=True)}


@dataclasses.dataclass(frozen=True)
class Traced:
    """What a trace says of a save: its facts, and those of each call and of its attempts, with their names.

    Calls that ran side by side have no order; here they are sorted by what they say.
    """

    facts: dict[str, Any]
    calls: list[tuple[str, dict[str, Any], list[tuple[str, dict[str, Any]]]]]


_VARYING = {
    attribute.PROCESS_ID, attribute.REQUESTS_SERVED, attribute.REQUESTS_IN_FLIGHT, attribute.REQUEST_ID,
    attribute.EXTENDED_REQUEST_ID, attribute.ENDPOINT, attribute.PEER_PORT, attribute.CONNECTION,
    attribute.CONNECTION_REQUESTS, attribute.POOL_IN_USE, attribute.CONTINUE,
}  # fmt: skip
"""What two runs of the same saves need not have in common, times aside."""

_SETTINGS = {attribute.CONNECT_TIMEOUT_SECONDS, attribute.READ_TIMEOUT_SECONDS, attribute.PATIENCE_SECONDS}


def _compared(name: str) -> bool:
    known = attribute.REGISTRY.get(name)
    if known is None:
        return name.startswith("storymap.")
    return name not in _VARYING and (known.unit != "s" or name in _SETTINGS)


def _facts(span: Span) -> dict[str, Any]:
    return {name: value for name, value in span.attributes.items() if _compared(name)}


def saves(spans: Sequence[Span]) -> dict[str, Span]:
    """Return the saves by storymap; no storymap may have two."""
    found: dict[str, Span] = {}
    for span in spans:
        if span.kind == "server" and span.parent_span_id is None and span.name != "GET /":
            storymap = str(span.attributes["http.target"]).rpartition("/")[2]
            assert storymap not in found, f"{storymap} has two server spans"
            found[storymap] = span
    return found


def traced(spans: Sequence[Span]) -> dict[str, Traced]:
    """Return what the traces say, by storymap."""
    children: dict[str | None, list[Span]] = defaultdict(list)
    for span in sorted(spans, key=lambda span: span.start_nanoseconds):
        children[span.parent_span_id].append(span)
    of_trace = defaultdict(list)
    for span in filter(is_call, spans):
        attempts = [(one.name, _facts(one)) for one in filter(is_attempt, children[span.span_id])]
        of_trace[span.trace_id].append((span.name, _facts(span), attempts))
    return {
        storymap: Traced(_facts(save), sorted(of_trace[save.trace_id], key=repr))
        for storymap, save in saves(spans).items()
    }
