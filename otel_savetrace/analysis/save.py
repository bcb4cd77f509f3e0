"""One save: a request meant to store something, and what its spans tell of it.

What the spans do not carry is `None` or empty here: a trace of plain OpenTelemetry, without our attributes,
gives what it can.
"""

from __future__ import annotations

import dataclasses
import datetime
from collections.abc import Mapping
from typing import Literal, cast

from otel_savetrace import attributes
from otel_savetrace.analysis import conventions, values
from otel_savetrace.analysis.calls import Call
from otel_savetrace.spans.rows import AttributeValue, Span

BROWSER = "browser"
"""Stage of a save that failed for its user, and of which the app knows no failure."""

BROWSER_CODE = "savetrace.browser.error_code"
"""What went wrong as the browser saw it; made at the desk, of what was joined (see `witnesses`)."""

BROWSER_CONTENT = "savetrace.browser.content"
"""Hash and size of what the page sent, in one word; made at the desk."""

Outcome = Literal["succeeded", "failed", "unknown"]
Answered = Literal["yes", "no", "unseen"]

Route = tuple[str, AttributeValue, str]
"""Service, method and route."""


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
        """The failure that mattered; without our attribute, that of the last storage call, if it failed.

        Of a save that failed for its user alone, it is what the browser said.
        """
        held = self.span.attributes
        recorded = values.text(held.get(attributes.ERROR_CODE)) or values.text(held.get(BROWSER_CODE))
        if recorded or self.outcome == "succeeded" or not self.calls:
            return recorded
        return self.calls[-1].error_code

    @property
    def stage(self) -> str | None:
        """Where a failed save failed, as `attributes.STAGE` has it: ``storage``, ``network``.

        ``browser`` where the app knows of no failure.
        """
        held = self.span.attributes
        stage = values.text(held.get(attributes.STAGE))
        by_browser = BROWSER_CODE in held and attributes.ERROR_CODE not in held
        return BROWSER if stage is None and by_browser else stage

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
    def sent(self) -> str | None:
        """Hash and size of what the page sent, where the browser tells them."""
        return values.text(self.span.attributes.get(BROWSER_CONTENT))

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


def route_of(span: Span) -> Route | None:
    """Return service, method and route of a request; None where its route is not known."""
    route = values.text(span.attributes.get("http.route"))
    return (
        (span.service, conventions.either(span.attributes, "http.request.method"), route) if route else None
    )


def answer_missing(span: Span) -> bool:
    """Return whether a request's span tells of no answer."""
    return conventions.either(span.attributes, "http.response.status_code") is None
