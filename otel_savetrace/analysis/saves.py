"""Saves out of spans: a request, the storage calls it made, the HTTP attempts each of them took.

A save is a server span that says its outcome, or one with S3 writes below it.
"""

from __future__ import annotations

from collections.abc import Iterable, Set

from otel_savetrace import attributes
from otel_savetrace.analysis import conventions
from otel_savetrace.analysis.hearing import heard, parted
from otel_savetrace.analysis.requests import Request, requests
from otel_savetrace.analysis.save import Answered, Outcome, Route, Save, answer_missing, route_of
from otel_savetrace.spans.rows import Span

__all__ = [
    "Answered", "Outcome", "Route", "Save", "answer_missing", "route_of", "saves", "thing_names", "thing_of",
]  # fmt: skip


def saves(spans: Iterable[Span], routes: Set[Route] = frozenset()) -> list[Save]:
    """Return every save in the spans, oldest first.

    A request without an answer is one too where others on its route are: it died before it could store. What
    browsers and front servers tell of a save stands on it; where the app knows nothing, they tell alone.
    `routes` are known to be saves' beside those that the spans show.
    """
    own, of_witnesses = parted(spans)
    found = heard(_of_the_app(own, routes), of_witnesses, routes)
    return sorted(found, key=lambda save: (save.span.start_nanoseconds, save.trace_id, save.span.span_id))


def _of_the_app(spans: Iterable[Span], routes: Set[Route]) -> list[Save]:
    sure: list[Request] = []
    others: list[Request] = []
    for one in requests(spans):
        (sure if attributes.OUTCOME in one.span.attributes or one.writes else others).append(one)
    known = {*routes, *(route_of(one.span) for one in sure)} - {None}
    cut = [one for one in others if answer_missing(one.span) and route_of(one.span) in known]
    names = thing_names(one for one in sure if one.seen)
    return [Save(one.span, one.calls, thing_of(one, names), one.seen) for one in (*sure, *cut)]


def thing_names(found: Iterable[Request]) -> frozenset[str]:
    """Return the names that tell what was saved, empty where they cannot be learned.

    They stand on a save and on its calls alike; other instrumentations' own attributes do not.
    """
    return frozenset(
        name
        for one in found
        for name in conventions.own_names(one.span.attributes)
        if any(name in call.span.attributes for call in one.calls)
    )


def thing_of(request: Request, names: frozenset[str]) -> dict[str, str]:
    """Return what a request saved, by the attributes of these names, else by bucket and key."""
    writing = [call.span for call in request.calls if call.writes]
    # A worker that is killed writes nothing more on its request's span: the calls tell what was saved.
    for holder in (request.span, *writing):
        own = {name: str(holder.attributes[name]) for name in conventions.own_names(holder.attributes)}
        # Who saved it always counts: without it, two people's saves could be taken for one person's.
        known = {name: own[name] for name in own if not names or name in names or attributes.names_user(name)}
        if known:
            return known
    for holder in (request.span, *writing):
        found = {
            name: str(holder.attributes[name])
            for name in (attributes.S3_BUCKET, attributes.S3_KEY)
            if name in holder.attributes
        }
        if found:
            return found
    return {}
