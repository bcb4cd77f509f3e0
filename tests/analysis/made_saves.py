"""Saves made without a file: what the pairing reads of them, and nothing else."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from otel_savetrace import attributes as names
from otel_savetrace.analysis.pairing import Key
from otel_savetrace.analysis.saves import Save
from otel_savetrace.spans.rows import AttributeValue, Span

NOON = 1_795_521_600_000_000_000
ROUTE = "/storymap/save/"


def made_save(
    name: str,
    at: float,
    outcome: str = names.SUCCEEDED,
    *,
    seconds: float = 1.0,
    user: str | None = "ada",
    thing: str | None = "my-map",
    content: str | None = "draft",
    body_size: int | None = None,
    route: str = ROUTE,
    program: str = "Firefox",
    client: str | None = None,
    service: str = "storymap",
    after: Save | None = None,
    paired_by: str = "cookie",
    answered: bool = True,
    seen: bool = True,
) -> Save:
    """Make a save that began `at` seconds from noon; its ids are made of `name`.

    `after` is the failed save that it is recorded to be the retry of. With `user` or `thing` None nothing is
    known of it, as of a save that died early.
    """
    told = {"map.user_id": user, "map.id": thing}
    known = {name: value for name, value in told.items() if value is not None}
    held: dict[str, AttributeValue] = {"http.method": "POST", "http.route": route, "http.user_agent": program}
    held |= known
    if outcome != names.UNKNOWN:
        held[names.OUTCOME] = outcome
    if answered:
        held["http.status_code"] = 200
    if client is not None:
        held["client.id"] = client
    if content is not None:
        held[names.CONTENT_HASH], held[names.CONTENT_SIZE] = f"crc32:{content}", len(content)
    if body_size is not None:
        held[names.REQUEST_BODY_SIZE] = body_size
    if after is not None:
        held[names.PREVIOUS_TRACE_ID], held[names.PREVIOUS_SPAN_ID] = key(after)
        held[names.PAIRED_BY] = paired_by
    return Save(_span(name, at, seconds, service, held if seen else known), (), known, seen)


def key(save: Save) -> Key:
    """Return what the pairing knows a save by."""
    return save.trace_id, save.span.span_id


def _span(name: str, at: float, seconds: float, service: str, held: Mapping[str, AttributeValue]) -> Span:
    trace_id = hashlib.sha256(name.encode()).hexdigest()[:32]
    start = NOON + round(at * 1e9)
    return Span(
        trace_id=trace_id, span_id=trace_id[:16], parent_span_id=None, name="", kind="server", scope="",
        scope_version="", service=service, start_nanoseconds=start,
        end_nanoseconds=start + round(seconds * 1e9), status="unset", status_message="", attributes=held,
        resource={}, links=(), events=(),
    )  # fmt: skip
