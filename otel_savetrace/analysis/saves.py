"""Saves out of spans: a request, the storage calls it made, the HTTP attempts each of them took.

A save is a server span that says its outcome, or one with S3 writes below it. What the spans do not carry
is `None` or empty here: a trace of plain OpenTelemetry, without our attributes, gives what it can.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Iterable, Mapping, Set
from typing import Literal, cast

from otel_savetrace import attributes
from otel_savetrace.analysis import conventions, values
from otel_savetrace.analysis.calls import Call
from otel_savetrace.analysis.requests import Request, requests
from otel_savetrace.spans.rows import AttributeValue, Span

Outcome = Literal["succeeded", "failed", "unknown"]
Answered = Literal["yes", "no", "unseen"]


@dataclasses.dataclass(frozen=True, slots=True)
class Save:
    """One HTTP request meant to store something.

    `thing` is what was saved, by the names that the user gave (``storymap.id`` …), else bucket and key. Where
    its own span is not there, it is not `seen`, and `span` is what its storage calls tell.
    """

    span: Span
    calls: tuple[Call, ...]
    thing: Mapping[str, str]
    seen: bool = True

    @property
    def trace_id(self) -> str:
        """Trace id, in hex."""
        return self.span.trace_id

    @property
    def time(self) -> datetime.datetime:
        """When the request began, in UTC."""
        return datetime.datetime.fromtimestamp(self.span.start_nanoseconds / 1e9, tz=datetime.timezone.utc)

    @property
    def seconds(self) -> float:
        """How long the request took."""
        return values.seconds(self.span)

    @property
    def outcome(self) -> Outcome:
        """What the user got.

        Without our attribute a status of 400 or more is a failure; any other may still carry an error in
        its answer: unknown.
        """
        recorded = self.span.attributes.get(attributes.OUTCOME)
        if recorded in {attributes.SUCCEEDED, attributes.FAILED}:
            return cast("Outcome", recorded)
        return "failed" if (self.status_code or 0) >= 400 else "unknown"

    @property
    def answered(self) -> Answered:
        """Whether the app gave an answer.

        `no`: its span ended without one, as of a worker that is killed; `unseen`: its span is not there.
        """
        if not self.seen:
            return "unseen"
        known = self.outcome != "unknown" or self.status_code is not None
        return "yes" if known else "no"

    @property
    def error_code(self) -> str | None:
        """The failure that mattered; without our attribute, that of the last storage call, if it failed."""
        recorded = values.text(self.span.attributes.get(attributes.ERROR_CODE))
        if recorded or self.outcome == "succeeded" or not self.calls:
            return recorded
        return self.calls[-1].error_code

    @property
    def stage(self) -> str | None:
        """Where a failed save failed, as `attributes.STAGE` has it: ``storage``, ``network``."""
        return values.text(self.span.attributes.get(attributes.STAGE))

    @property
    def stored(self) -> str | None:
        """Whether all that it tried to write is in the store: ``yes``, ``no``, ``unknown``."""
        return values.text(self.span.attributes.get(attributes.STORED))

    @property
    def told_truly(self) -> bool:
        """Whether what the user was told may stand: not so for a failure that is stored, or the reverse."""
        return (self.outcome, self.stored) not in {
            ("failed", attributes.YES),
            ("succeeded", attributes.NO),
            ("succeeded", attributes.UNKNOWN),
        }

    @property
    def caught_exceptions(self) -> str | None:
        """Classes of the exceptions that the app caught, parted by spaces."""
        return values.text(self.span.attributes.get(attributes.CAUGHT_EXCEPTIONS))

    @property
    def app_retries(self) -> int:
        """Storage calls by which the app itself repeated another."""
        return values.integer(self.span.attributes.get(attributes.APP_RETRY_ATTEMPTS)) or 0

    @property
    def patience_seconds(self) -> float | None:
        """The longest that any of its storage calls may take."""
        return max((call.patience_seconds for call in self.calls if call.patience_seconds), default=None)

    @property
    def worker_timeout_seconds(self) -> float | None:
        """How long a request may take before its worker is killed."""
        return values.number(self.span.attributes.get(attributes.WORKER_TIMEOUT_SECONDS))

    @property
    def user_error(self) -> str | None:
        """What the user was told."""
        return values.text(self.span.attributes.get(attributes.USER_ERROR))

    @property
    def status_code(self) -> int | None:
        """HTTP status of the app's answer."""
        return values.integer(conventions.either(self.span.attributes, "http.response.status_code"))

    @property
    def method(self) -> str | None:
        """HTTP method of the request."""
        return values.text(conventions.either(self.span.attributes, "http.request.method"))

    @property
    def route(self) -> str:
        """Method and route, the same for a save and its retry."""
        route = values.text(self.span.attributes.get("http.route"))
        return f"{self.method} {route}" if self.method and route else self.span.name

    @property
    def content(self) -> tuple[str, int] | None:
        """Hash and size of all that was to be stored, where both are known."""
        return values.content(self.span)

    @property
    def attempts_made(self) -> int | None:
        """HTTP requests sent to the store, over all calls; `None` where some were not seen."""
        if any(call.sent_by is not None for call in self.calls):
            return None
        recorded = values.integer(self.span.attributes.get(attributes.ATTEMPTS))
        if recorded is not None:
            return recorded
        counts = [call.attempts_made for call in self.calls]
        return None if None in counts else sum(cast("list[int]", counts))


Route = tuple[str, AttributeValue, str]
"""Service, method and route."""


def saves(spans: Iterable[Span], routes: Set[Route] = frozenset()) -> list[Save]:
    """Return every save in the spans, oldest first.

    A request without an answer is one too where others on its route are: it died before it could store.
    `routes` are known to be saves' beside those that the spans show.
    """
    sure: list[Request] = []
    others: list[Request] = []
    for one in requests(spans):
        (sure if attributes.OUTCOME in one.span.attributes or one.writes else others).append(one)
    known = {*routes, *(route_of(one.span) for one in sure)} - {None}
    cut = [one for one in others if answer_missing(one.span) and route_of(one.span) in known]
    names = thing_names(one for one in sure if one.seen)
    made = [Save(one.span, one.calls, thing_of(one, names), one.seen) for one in (*sure, *cut)]
    return sorted(made, key=lambda save: (save.span.start_nanoseconds, save.trace_id, save.span.span_id))


def route_of(span: Span) -> Route | None:
    """Return service, method and route of a request; None where its route is not known."""
    route = values.text(span.attributes.get("http.route"))
    return (
        (span.service, conventions.either(span.attributes, "http.request.method"), route) if route else None
    )


def answer_missing(span: Span) -> bool:
    """Return whether a request's span tells of no answer."""
    return conventions.either(span.attributes, "http.response.status_code") is None


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
