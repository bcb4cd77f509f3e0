"""The registry of attributes, held against real runs both ways."""

from __future__ import annotations

import http.cookiejar
import time
import urllib.parse
import urllib.request
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from otel_savetrace.analysis.calls import is_attempt, is_call
from otel_savetrace.attributes import (
    CONNECTION_PID,
    CREDENTIAL_EXPIRES_IN_SECONDS,
    DOING,
    FROM_RECORD,
    KILLED_BY,
    OUTCOME,
    REGISTRY,
    RELOAD_AGE_SECONDS,
    RETRY_QUOTA_EXHAUSTED,
    S3_KEY,
    SEARCHED_LIMIT,
    SENT_BY,
    TLS_SECONDS,
    USER_ERROR,
    AttributeType,
    SpanKind,
)
from otel_savetrace.demo import faults, servers, story
from otel_savetrace.demo.faults import Plan, Reset, Rule
from otel_savetrace.demo.processes import LOOPBACK
from otel_savetrace.demo.users import Crowd
from otel_savetrace.spans.rows import Span
from tests.e2e import traffic
from tests.fixture_app import OWN_FOLDER, SAMPLE, TO_A_FILE, USER_NAMED, App, StartApp

TYPES: dict[AttributeType, type] = {"string": str, "int": int, "double": float, "boolean": bool}

WORKERS = ("--workers", "1", "--threads", "8", "--log-level", "critical")
"""One process, and quiet: in the plain run spans go to the log, one line after the other."""

CUT = "…"

RARE = {
    ("attempt", CONNECTION_PID): "tests/ways_in/test_fork.py",
    ("attempt", TLS_SECONDS): "tests/exact/test_times.py",
    ("call", CREDENTIAL_EXPIRES_IN_SECONDS): "tests/capture/test_client.py",
    ("call", FROM_RECORD): "tests/capture/in_flight/test_killed.py",
    ("call", RETRY_QUOTA_EXHAUSTED): "tests/capture/test_client.py",
    ("call", SENT_BY): "tests/ways_in/test_crt.py",
    ("save", DOING): "tests/capture/test_stopped.py",
    ("save", FROM_RECORD): "tests/capture/in_flight/test_killed.py",
    ("save", KILLED_BY): "tests/capture/in_flight/test_memory.py",
    ("save", RELOAD_AGE_SECONDS): "tests/e2e/test_stopped.py",
}
"""Attributes that these runs cannot give, and the tests that see them written."""

ELSEWHERE: SpanKind = "browser"
"""Spans of this kind are made in browsers: tests/browser/test_registry.py sees them."""

LONG_USERS = ("ü" * 127, "/".join(["long", *["x" * 100] * 11]))
"""One that is too long for a name, one that makes the whole key too long."""


def _kind(span: Span) -> SpanKind | None:
    if is_attempt(span):
        return "attempt"
    if is_call(span):
        return "call"
    return "save" if span.kind == "server" else None


def _names(spans: Iterable[Span]) -> dict[SpanKind, set[str]]:
    """Names of attributes by the kind of span that they stand on."""
    names: dict[SpanKind, set[str]] = defaultdict(set)
    for span in spans:
        kind = _kind(span)
        if kind is not None:
            names[kind] |= set(span.attributes)
    return names


def _tell() -> traffic.Traffic:
    """Make up traffic; the save with the longest key fails, so that its error's text is long too.

    So does the first save of a user who presses save again.
    """
    told = traffic.tell(3, 150, 0.2)
    reset = Rule(Reset("head"), "storymapjs/long/", times=3)
    refused = Rule(faults.REQUEST_TIME_TOO_SKEWED, "storymapjs/retrying/", times=1)
    return traffic.Traffic(told.requests, Plan((*told.plan.rules, reset, refused)))


def _send_everything(app: App, told: traffic.Traffic) -> None:
    """Send the traffic, and what is longer than any limit: a user's name, a key, an error's text."""
    told.send(app)
    _press_save_again(app)
    for user in LONG_USERS:
        app.exchange("POST", f"/save/long?user={urllib.parse.quote(user)}", b"{}")
    app.exchange("POST", "/publish/titled?title_length=9000", b"{}")
    app.exchange("POST", f"/save/{'y' * 256}", b"{}")
    app.stop()


def _press_save_again(app: App) -> None:
    """Save twice with a browser's cookies, one that somebody has made up, and through a front server."""
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
    address = f"http://{LOOPBACK}:{app.port}/save/again?user=retrying"
    for _ in range(2):
        browser.open(address, b"{}").close()
    app.exchange("POST", "/save/again?user=retrying", b"{}", headers="Cookie: savetrace_00000000=a.b.c\r\n")
    app.exchange("POST", "/save/queued", b"{}", headers=f"X-Request-Start: t={time.time():.3f}\r\n")


@pytest.fixture(scope="module")
def plain(start_app_of_session: StartApp) -> list[Span]:
    """Spans of OpenTelemetry alone."""
    told = _tell()
    alone = {"OTEL_SAVETRACE_ENABLED": "false", "OTEL_TRACES_EXPORTER": "otlp_json_file"}
    app = start_app_of_session({**TO_A_FILE, **alone}, plan=told.plan, options=WORKERS)
    _send_everything(app, told)
    return app.logged_spans()


@pytest.fixture(scope="module")
def ours(start_app_of_session: StartApp) -> list[Span]:
    """Spans of the same traffic with otel-savetrace, and of the demo's users and faults."""
    told = _tell()
    app = start_app_of_session(TO_A_FILE, plan=told.plan, options=WORKERS)
    _send_everything(app, told)
    sample = _demo(start_app_of_session)
    return [*app.spans(), *sample.spans()]


def _demo(start: StartApp) -> App:
    """The demo's sample app, after its story has been told."""
    told = story.tell(1, story.SMALLEST)
    tracing = servers.tracing_to(Path(f"{OWN_FOLDER}/spans.jsonl"))
    app = start(tracing, plan=told.plan, app=SAMPLE, options=("--workers", "2"))
    with Crowd((f"http://{LOOPBACK}:{app.port}",), told.authors, 1, lambda _: None) as crowd:
        crowd.wait()
    app.stop()
    return app


def _ours_of(span: Span, plain_names: dict[SpanKind, set[str]]) -> Iterator[str]:
    """Names of the attributes that stand on a span because of us, but for those that users named."""
    kind = _kind(span)
    if kind is not None:
        yield from set(span.attributes) - plain_names[kind] - USER_NAMED


def test_every_attribute_written_is_registered_for_where_it_stands(
    ours: list[Span], plain: list[Span]
) -> None:
    """What plain OpenTelemetry does not write is in the registry, for this kind of span."""
    plain_names = _names(plain)
    assert set(plain_names) == {"save", "call"}
    written = {(_kind(span), name) for span in ours for name in _ours_of(span, plain_names)}
    registered = {(kind, name) for name, entry in REGISTRY.items() for kind in entry.stands_on}
    assert written - registered == set()


def test_every_registered_attribute_is_written_where_it_says(ours: list[Span]) -> None:
    """Each attribute of the registry was seen on each kind of span that it says, but for the rare ones."""
    names = _names(ours)
    missing = {
        (kind, name)
        for name, entry in REGISTRY.items()
        for kind in entry.stands_on
        if kind != ELSEWHERE and name not in names[kind]
    }
    assert missing == set(RARE)


def test_every_value_has_the_type_that_is_registered(ours: list[Span]) -> None:
    """A value's type on the wire is the registry's."""
    wrong = {
        (name, type(value))
        for span in ours
        if _kind(span) is not None
        for name, value in span.attributes.items()
        if name in REGISTRY and type(value) is not TYPES[REGISTRY[name].type]
    }
    assert wrong == set()


def test_every_text_keeps_to_its_limit(ours: list[Span]) -> None:
    """No text is longer, in UTF-8 bytes, than the registry says; what was longer is cut and marked."""
    cut = set()
    for span in ours:
        for name, value in span.attributes.items():
            if name not in REGISTRY and name not in USER_NAMED:
                continue
            limit = REGISTRY[name].limit if name in REGISTRY else SEARCHED_LIMIT
            if isinstance(value, str):
                assert limit is not None
                assert len(value.encode()) <= limit, (name, value)
                cut |= {name} if value.endswith(CUT) else set()
    assert cut >= {S3_KEY, USER_ERROR, "storymap.user_id", "storymap.id"}


def test_every_save_says_its_outcome(ours: list[Span]) -> None:
    """A request that wrote to the store carries an outcome."""
    wrote = {span.trace_id for span in ours if span.name == "S3.PutObject" and span.parent_span_id}
    served = {span.trace_id: span for span in ours if span.kind == "server"}
    assert wrote
    assert not [trace for trace in wrote if OUTCOME not in served[trace].attributes]
