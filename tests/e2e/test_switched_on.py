"""An unchanged app under gunicorn, switched on by environment variables only."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import pytest

from otel_savetrace import attributes as attribute
from otel_savetrace.analysis.calls import is_attempt, is_call
from otel_savetrace.demo.faults import key_of
from otel_savetrace.demo.journal import Seen
from otel_savetrace.spans.rows import Span
from tests.e2e import traffic
from tests.e2e.traffic import Answer
from tests.fixture_app import TO_A_FILE, App, StartApp
from tests.fixture_packages import Packages

WORKERS = {
    "sync": ("--workers", "2"),
    "sync, preloaded": ("--workers", "2", "--preload"),
    "gthread": ("--workers", "2", "--threads", "4"),
    "gthread, preloaded": ("--workers", "2", "--threads", "4", "--preload"),
    "gthread, recycled": ("--workers", "2", "--threads", "4", "--max-requests", "60"),
    "gevent": ("--workers", "2", "--worker-class", "gevent"),
    "gevent, preloaded": ("--workers", "2", "--worker-class", "gevent", "--preload"),
}
GEVENT = ("gevent==26.9.0", "greenlet==3.5.6", "zope.event==6.2", "zope.interface==8.7")
PATCHED_FIRST = {"OTEL_PYTHON_AUTO_INSTRUMENTATION_EXPERIMENTAL_GEVENT_PATCH": "patch_all"}
"""Lets gevent patch the standard library before OpenTelemetry loads botocore.

gunicorn does it after, too late: then botocore fails to make a client (RecursionError), with otel-savetrace
or without.
"""

ByRequest = dict[tuple[str, str], list[Any]]
"""Per method and key, in order of time."""


def _seen(journal: Iterable[Seen]) -> ByRequest:
    """What the front counted of each request, as far as an attempt says it too."""
    found: ByRequest = defaultdict(list)
    for seen in sorted(journal, key=lambda seen: seen.began):
        answered = isinstance(seen.answered, int)
        found[seen.method, key_of(seen.target)].append(
            (
                seen.head_bytes,
                attribute.REUSED if seen.reused else attribute.NEW,
                seen.answered if answered else None,
                seen.code,
                seen.request_id if answered else None,
                seen.host_id if answered else None,
            )
        )
    return found


def _recorded(spans: Iterable[Span]) -> ByRequest:
    """The same, as the attempts say it."""
    spans = list(spans)
    calls = {span.span_id: span for span in spans if is_call(span)}
    found: ByRequest = defaultdict(list)
    for span in sorted(filter(is_attempt, spans), key=lambda span: span.start_nanoseconds):
        key = calls[span.parent_span_id or ""].attributes[attribute.S3_KEY]
        status = span.attributes.get(attribute.RESPONSE_STATUS)
        found[str(span.attributes[attribute.REQUEST_METHOD]), str(key)].append(
            (
                span.attributes[attribute.HEADER_BYTES],
                span.attributes[attribute.CONNECTION],
                status,
                span.attributes.get(attribute.ERROR_CODE) if status else None,
                span.attributes.get(attribute.REQUEST_ID),
                span.attributes.get(attribute.EXTENDED_REQUEST_ID),
            )
        )
    return found


def _saves(spans: Iterable[Span]) -> list[Span]:
    return [span for span in spans if span.kind == "server" and attribute.OUTCOME in span.attributes]


@pytest.fixture(scope="module", params=list(WORKERS))
def ended(
    request: pytest.FixtureRequest, start_app_of_session: StartApp, packages: Packages
) -> tuple[App, list[Answer]]:
    """An app that has been through hundreds of saves, faults among them, and was told to end."""
    threaded = "gthread" in request.param or "gevent" in request.param
    tracing = dict(TO_A_FILE)
    if "gevent" in request.param:
        tracing |= {"PYTHONPATH": str(packages(GEVENT)), **PATCHED_FIRST}
    # A worker without threads waits out its client's backoff: fewer of them need not be waited for.
    told = traffic.tell(len(request.param), 300, 0.15 if threaded else 0.04)
    app = start_app_of_session(tracing, plan=told.plan, options=WORKERS[request.param])
    answers = told.send(app)
    app.stop()
    return app, answers


def test_every_request_to_the_store_is_an_attempt_and_as_the_wire_had_it(
    ended: tuple[App, list[Answer]],
) -> None:
    """Attempts and journal agree on every request: head bytes, connection, status, code, the store's ids."""
    app, _ = ended
    seen, recorded = _seen(app.journal()), _recorded(app.spans())
    assert len(seen) > 300
    assert recorded == seen


def test_calls_and_saves_say_what_the_wire_says(ended: tuple[App, list[Answer]]) -> None:
    """Attempts, retries, largest head and content of a call are its requests'; a save's are their sums."""
    app, answers = ended
    spans = app.spans()
    wire = _seen(app.journal())
    bodies = {answer.request.storymap_id: answer.request.body for answer in answers}
    puts: dict[str, list[Span]] = defaultdict(list)
    for call in spans:
        if call.name != "S3.PutObject":
            continue
        puts[call.trace_id].append(call)
        key = str(call.attributes[attribute.S3_KEY])
        sent = wire["PUT", key]
        assert call.attributes[attribute.ATTEMPTS] == len(sent)
        assert call.attributes[attribute.RETRY_ATTEMPTS] == len(sent) - 1
        assert call.attributes[attribute.ATTEMPTS_ALLOWED] == 3
        assert call.attributes[attribute.HEADER_BYTES] == max(head for head, *_ in sent)
        assert call.attributes[attribute.KEY_LEN] == len(key)
        if not key.endswith("index.html"):
            assert call.attributes[attribute.CONTENT_SIZE] == len(bodies[key.split("/")[2]])
    written = [save for save in _saves(spans) if puts[save.trace_id]]
    assert written
    for save in written:
        calls = [span for span in spans if is_call(span) and span.trace_id == save.trace_id]
        assert save.attributes[attribute.CALLS] == len(calls)
        for total in (attribute.ATTEMPTS, attribute.RETRY_ATTEMPTS):
            assert save.attributes[total] == sum(int(str(call.attributes[total])) for call in calls)


def test_every_save_is_in_the_file_exactly_once(ended: tuple[App, list[Answer]]) -> None:
    """After SIGTERM the file holds one server span for each request that users sent, and no span twice."""
    app, answers = ended
    spans = app.spans()
    served = Counter(span.attributes["http.target"] for span in spans if span.kind == "server")
    assert {path: served[path] for path in served if path != "/"} == {
        answer.request.path: 1 for answer in answers
    }
    assert len({(span.trace_id, span.span_id) for span in spans}) == len(spans)


def test_the_outcome_is_what_the_user_got(ended: tuple[App, list[Answer]]) -> None:
    """Each save failed or succeeded for the trace as it did for the user, and is found by its storymap."""
    app, answers = ended
    recorded = {
        span.attributes["storymap.id"]: span.attributes[attribute.OUTCOME] for span in _saves(app.spans())
    }
    told = {
        answer.request.storymap_id: attribute.SUCCEEDED if answer.saved else attribute.FAILED
        for answer in answers
    }
    assert set(told.values()) == {attribute.SUCCEEDED, attribute.FAILED}
    assert recorded == told


def test_saves_tell_the_worker_that_served_them(ended: tuple[App, list[Answer]]) -> None:
    """Process, kind of worker and its patience are gunicorn's own; no two requests have the same number."""
    app, _ = ended
    booted = {int(pid) for pid in re.findall(r"Booting worker with pid: (\d+)", "\n".join(app.log_lines()))}
    kind = "gevent" if "gevent" in app.process.command else "gthread"
    kind = kind if {"gevent", "--threads"} & set(app.process.command) else "sync"
    numbers = set()
    saves = _saves(app.spans())
    for save in saves:
        told = save.attributes
        assert told[attribute.PROCESS_ID] in booted
        assert told[attribute.WORKER_CLASS] == kind
        # gunicorn's own default; workers of other kinds are not killed for one slow request.
        assert told.get(attribute.WORKER_TIMEOUT_SECONDS) == (30 if kind == "sync" else None)
        numbers.add((told[attribute.PROCESS_ID], told[attribute.REQUESTS_SERVED]))
    assert len(numbers) == len(saves)


def test_nothing_is_said_in_the_log(ended: tuple[App, list[Answer]]) -> None:
    """While all is well, otel-savetrace logs nothing."""
    app, _ = ended
    assert app.warnings() == []
