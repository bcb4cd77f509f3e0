"""One save, one more witness: what its row is once a front server, or the user's browser, has been heard.

What the user got is what the browser says, else what the front server sent, else what the app said. Whether
it is stored stays what the app or the store told: nobody before them knows.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from otel_savetrace import attributes
from otel_savetrace.analysis import conventions, values
from otel_savetrace.analysis import witnesses as witness
from otel_savetrace.analysis.save import Save
from otel_savetrace.spans.rows import AttributeValue, Span

FAILED_FROM = 400
"""A status from here on is a failure; any other may still carry an error in its answer."""

_OF_THE_FAILURE = frozenset(
    {attributes.ERROR_CODE, attributes.ERROR_TYPE, attributes.STAGE, attributes.USER_ERROR}
)
"""What stands on a save that failed, and on no other."""

_KEPT_OF_BROWSER = (
    "url.path", "url.full", attributes.REQUEST_BODY_SIZE, attributes.USER_ERROR,
)  # fmt: skip
"""What a browser tells of a save that saves of the app tell as well: the rest would set the two apart."""

_BROWSERS = attributes.BROWSER_SERVICE.format(service="")


def heard(told: Span, another: str) -> dict[str, AttributeValue]:
    """Return a row's attributes with one witness more."""
    known = values.text(told.attributes.get(witness.WITNESSES)) or witness.TRACE
    named = known if another in known.split(", ") else f"{known}, {another}"
    return {**told.attributes, witness.WITNESSES: named}


def with_front(save: Save, told: Span, row: Span, *, traced: bool) -> Span:
    """Return the row of a save with what a front server's own row tells.

    `told` is the save's row by now, `save` what it was before any front server was heard. `traced`: the app
    has a trace of it.
    """
    if not save.seen and traced:
        # The request's own span was lost, with its worker most likely: the line stands for it.
        held = {**heard(told, row.scope), **row.attributes, witness.APP_STATUS: witness.NO_ANSWER}
        held[witness.WITNESSES] = heard(told, row.scope)[witness.WITNESSES]
        return dataclasses.replace(
            row, trace_id=save.trace_id, span_id=save.span.span_id, service=save.span.service,
            resource=save.span.resource, attributes=held,
        )  # fmt: skip
    held = {**_of_request(row, told), **heard(told, row.scope)}
    status = values.integer(row.attributes.get(witness.FRONT_STATUS)) or 0
    of_front = {name: value for name, value in row.attributes.items() if name in witness.OF_THE_FRONT_SERVER}
    before = values.integer(held.get(witness.FRONT_STATUS))
    if before is None or (before < FAILED_FROM <= status):
        held |= of_front
        held |= _what_the_front_sent(save, status, traced=traced)
    else:
        held = {**of_front, **held}
    # An app that does not say its name is not the front server all the same.
    service = told.service if traced else told.service or row.service
    return dataclasses.replace(told, attributes=held, service=service)


def with_browser(save: Save, row: Span) -> Span:
    """Return the row of a save with what the browser's own span tells.

    A browser that did not see the end does not say how it went.
    """
    told, outcome = row.attributes, row.attributes.get(attributes.OUTCOME)
    held = {
        **_of_retry(row), **_of_request(row, save.span), **heard(save.span, witness.BROWSER),
        **_of_browser(row), **_status_seen(save, _status(row)),
    }  # fmt: skip
    failed = attributes.FAILED in {outcome, save.outcome}
    if outcome == attributes.SUCCEEDED and not _calls_its_own_answer_a_failure(save, row):
        held = {name: value for name, value in held.items() if name not in _OF_THE_FAILURE}
        held[attributes.OUTCOME] = attributes.SUCCEEDED
    elif failed and outcome != attributes.SUCCEEDED:
        held[witness.BROWSER_CODE] = told.get(attributes.ERROR_CODE)
        held[attributes.OUTCOME] = attributes.FAILED
        held[attributes.USER_ERROR] = told.get(attributes.USER_ERROR) or save.user_error
    return dataclasses.replace(save.span, attributes=_known(held))


def of_browser_alone(row: Span) -> Span:
    """Return the row of a save that nothing but a browser's span tells of."""
    told = row.attributes
    agent = told.get("user_agent.original") or row.resource.get("user_agent.original")
    held = {
        **{name: told.get(name) for name in _KEPT_OF_BROWSER},
        **_of_retry(row),
        **_of_browser(row),
        "http.request.method": conventions.either(told, "http.request.method"),
        "user_agent.original": agent,
        "http.response.status_code": _status(row),
        attributes.OUTCOME: told.get(attributes.OUTCOME, attributes.UNKNOWN),
        witness.WITNESSES: witness.BROWSER,
        witness.BROWSER_CODE: told.get(attributes.ERROR_CODE),
    }
    service = row.service.removesuffix(_BROWSERS)
    return dataclasses.replace(
        row, kind="server", service=service, resource={"service.name": service}, attributes=_known(held)
    )


def _known(held: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    return {name: value for name, value in held.items() if value is not None}


def _of_browser(row: Span) -> dict[str, AttributeValue]:
    """Return what a browser says, by the names that it has on the row of a save."""
    told, status = row.attributes, _status(row)
    return {
        witness.BROWSER_OUTCOME: told.get(attributes.OUTCOME),
        witness.BROWSER_SAID: told.get(attributes.ERROR_CODE) or (str(status) if status else None),
        witness.BROWSER_STATUS: status,
        witness.BROWSER_SECONDS: values.seconds(row),
        witness.BROWSER_SPAN_ID: row.span_id,
        witness.BROWSER_CONTENT: _content(row),
        attributes.BROWSER_TIMEOUT_SECONDS: told.get(attributes.BROWSER_TIMEOUT_SECONDS),
        attributes.BROWSER_OVERLAPPING: told.get(attributes.BROWSER_OVERLAPPING, 0),
    }


def _content(row: Span) -> str | None:
    """Return hash and size of what the page sent, where both are known."""
    sent = values.content(row, attributes.BROWSER_BODY_HASH, attributes.REQUEST_BODY_SIZE)
    return sent and f"{sent[0]} {sent[1]}"


def _of_retry(row: Span) -> dict[str, AttributeValue]:
    """Return which failed save a browser remembers from before; what the app knows of it stands first."""
    return {
        name: row.attributes[name]
        for name in (attributes.PREVIOUS_TRACE_ID, attributes.PREVIOUS_SPAN_ID, attributes.PAIRED_BY)
        if attributes.PREVIOUS_TRACE_ID in row.attributes and name in row.attributes
    }


def _status(row: Span) -> int | None:
    # A request that got no answer has status 0 in a browser.
    return values.integer(conventions.either(row.attributes, "http.response.status_code")) or None


def _status_seen(save: Save, status: int | None) -> Mapping[str, AttributeValue]:
    if status is None or _is_same_answer(save, status) or witness.FRONT_STATUS in save.span.attributes:
        return {}
    of_app = witness.NO_ANSWER if save.status_code is None else save.status_code
    return {"http.response.status_code": status, witness.APP_STATUS: of_app}


def _is_same_answer(save: Save, status: int | None) -> bool:
    """Return whether a browser's status may be that of the app's own answer; a browser follows redirects."""
    of_app = save.status_code
    return status in {None, of_app} or (of_app is not None and 300 <= of_app < FAILED_FROM)


def _calls_its_own_answer_a_failure(save: Save, row: Span) -> bool:
    """Return whether the very answer that the browser took for a success was a failure to the app.

    It alone knows what its words mean. An answer with another status was another one: a server on the way
    had tried again.
    """
    return save.outcome == "failed" and _is_same_answer(save, _status(row))


def _of_request(row: Span, told: Span) -> dict[str, AttributeValue]:
    """Return what a row knows of its request, for a save of which nothing else does."""
    if conventions.either(told.attributes, "http.request.method") is not None:
        return {}
    names = {
        "http.request.method", "http.route", "url.path", "user_agent.original", "client.address",
        attributes.REQUEST_BODY_SIZE, *conventions.own_names(row.attributes),
    }  # fmt: skip
    return {name: value for name, value in row.attributes.items() if name in names}


def _what_the_front_sent(save: Save, status: int, *, traced: bool) -> Mapping[str, AttributeValue]:
    """Return what changes by the status that the front server sent."""
    of_app = save.status_code
    changed: dict[str, AttributeValue] = {}
    if traced and of_app != status:
        changed[witness.APP_STATUS] = witness.NO_ANSWER if of_app is None else of_app
    if of_app != status and (status >= FAILED_FROM or of_app is None):
        changed["http.response.status_code"] = status
    if status >= FAILED_FROM and save.outcome != "failed":
        changed[attributes.OUTCOME] = attributes.FAILED
        phrase = witness.phrase(status)
        if phrase is not None:
            changed[attributes.USER_ERROR] = phrase
    return changed
