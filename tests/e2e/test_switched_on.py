"""An unchanged app under gunicorn, switched on by environment variables only."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import Any

import pytest

from otel_savetrace import attributes as attribute
from otel_savetrace.analysis.calls import is_attempt, is_call
from otel_savetrace.demo.faults import key_of
from otel_savetrace.demo.journal import Seen
from otel_savetrace.demo.processes import LOOPBACK, free_port
from otel_savetrace.spans.rows import Span
from tests.e2e import traffic
from tests.e2e.traffic import Answer
from tests.fixture_app import KEY_PATTERN, OWN_FOLDER, App, StartApp

TO_A_FILE = {
    "OTEL_SERVICE_NAME": "editor",
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_SAVETRACE_FILE": f"{OWN_FOLDER}/spans.jsonl",
    "OTEL_SAVETRACE_KEY_PATTERN": KEY_PATTERN,
    "OTEL_SAVETRACE_REQUEST_ATTRIBUTES": "storymap.id=view:storymap_id",
    "OTEL_SAVETRACE_SAVE_ROUTES": traffic.SAVE_ROUTES,
}

WORKERS = {
    "sync": ("--workers", "2"),
    "sync, preloaded": ("--workers", "2", "--preload"),
    "gthread": ("--workers", "2", "--threads", "4"),
    "gthread, preloaded": ("--workers", "2", "--threads", "4", "--preload"),
    "gthread, recycled": ("--workers", "2", "--threads", "4", "--max-requests", "60"),
}

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
        found[str(span.attributes[attribute.REQUEST_METHOD]), str(key)].append(
            (
                span.attributes[attribute.HEADER_BYTES],
                span.attributes[attribute.CONNECTION],
                span.attributes.get(attribute.RESPONSE_STATUS),
                span.attributes.get(attribute.REQUEST_ID),
                span.attributes.get(attribute.EXTENDED_REQUEST_ID),
            )
        )
    return found


def _saves(spans: Iterable[Span]) -> list[Span]:
    return [span for span in spans if span.kind == "server" and attribute.OUTCOME in span.attributes]


@pytest.fixture(scope="module", params=list(WORKERS))
def ended(request: pytest.FixtureRequest, start_app_of_session: StartApp) -> tuple[App, list[Answer]]:
    """An app that has been through hundreds of saves, faults among them, and was told to end."""
    threaded = "gthread" in request.param
    # A worker without threads waits out its client's backoff: fewer of them need not be waited for.
    told = traffic.tell(len(request.param), 300, 0.15 if threaded else 0.04)
    app = start_app_of_session(TO_A_FILE, plan=told.plan, options=WORKERS[request.param])
    answers = told.send(app)
    app.stop()
    return app, answers


def test_every_request_to_the_store_is_an_attempt_and_as_the_wire_had_it(
    ended: tuple[App, list[Answer]],
) -> None:
    """Attempts and journal agree on every request: head bytes, connection, status, the store's ids."""
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
    # Uploads run in threads of s3transfer, of which the request's span does not know.
    told = {
        answer.request.storymap_id: attribute.SUCCEEDED if answer.saved else attribute.FAILED
        for answer in answers
        if answer.request.way != "image"
    }
    assert set(told.values()) == {attribute.SUCCEEDED, attribute.FAILED}
    assert recorded == told


def test_nothing_is_said_in_the_log(ended: tuple[App, list[Answer]]) -> None:
    """While all is well, otel-savetrace logs nothing."""
    app, _ = ended
    assert app.warnings() == []


@pytest.fixture(scope="module")
def untraced(start_app_of_session: StartApp) -> tuple[App, list[Answer]]:
    """The app without tracing, after saves one at a time."""
    return _run_one_at_a_time(start_app_of_session, {})


@pytest.fixture(scope="module")
def traced(start_app_of_session: StartApp) -> tuple[App, list[Answer]]:
    """The app with tracing, after the same saves."""
    return _run_one_at_a_time(start_app_of_session, TO_A_FILE)


def _run_one_at_a_time(start: StartApp, tracing: dict[str, str]) -> tuple[App, list[Answer]]:
    told = traffic.tell(4, 60, 0.15)
    app = start(tracing, plan=told.plan, options=("--workers", "1"))
    answers = told.send(app, users=1)
    # Only what this run has stored: the store is the session's.
    stored = [answer.request for answer in answers if answer.saved and answer.request.way == "save"]
    answers += [Answer(one, app.exchange("GET", f"/load/{one.storymap_id}")) for one in stored[:10]]
    answers.append(Answer(stored[0], app.exchange("GET", "/load/never-saved")))
    app.stop()
    return app, answers


def test_users_get_the_same_bytes_as_without_tracing(
    traced: tuple[App, list[Answer]], untraced: tuple[App, list[Answer]]
) -> None:
    """Faults or none, every byte of every answer but its date is the same as without tracing."""
    plain = _answers(*untraced)
    assert len({answer[:12] for answer in plain}) >= 5, "answers of too few kinds"
    assert _answers(*traced) == plain


def _answers(app: App, answers: list[Answer]) -> list[bytes]:
    """What users got; an error's text names the port of the front, of which each app has its own."""
    return [answer.without_date.replace(b":%d/" % app.front.port, b":PORT/") for answer in answers]


def test_the_store_gets_the_same_requests_as_without_tracing(
    traced: tuple[App, list[Answer]], untraced: tuple[App, list[Answer]]
) -> None:
    """No byte is added to what goes to the store: the same requests, headers and lengths as without us."""
    requests, plain = ([_shape(seen) for seen in app.journal()] for app, _ in (traced, untraced))
    assert requests == plain


def _shape(seen: Seen) -> tuple[object, ...]:
    headers = [line.partition(":") for line in seen.head.split("\r\n")[1:-2]]
    lengths = [(name, len(value)) for name, _, value in headers]
    return seen.method, seen.target, seen.head_bytes, seen.body_bytes, seen.request, seen.answered, lengths


OFF = {
    "a disabled SDK": (
        {"OTEL_SDK_DISABLED": "true"},
        ["otel-savetrace is off: OTEL_SDK_DISABLED is true. The app runs without it."],
    ),
    "a provider that takes no processor": (
        # As where OTEL_CONFIG_FILE has no tracer_provider: nothing sets up the SDK's provider.
        {"OTEL_PYTHON_CONFIGURATOR": "none"},
        [
            "otel-savetrace is off: the tracer provider (ProxyTracerProvider) takes no span processor."
            " The app runs without it."
        ],
    ),
    "its own switch": ({"OTEL_SAVETRACE_ENABLED": "false"}, []),
}


@pytest.mark.parametrize("case", OFF)
def test_switched_off_the_app_runs_and_one_line_says_why(start_app: StartApp, case: str) -> None:
    """With nothing to write to, one line in the log says why, and the app saves; our own switch is silent."""
    variables, said = OFF[case]
    app = start_app({**TO_A_FILE, **variables}, options=("--workers", "2"))
    answers = traffic.tell(1, 20, 0).send(app)
    app.stop()
    assert any(answer.saved for answer in answers)
    assert app.warnings() == said
    assert app.spans() == []


def test_switched_off_plain_opentelemetry_goes_on(start_app: StartApp) -> None:
    """With our own switch off, spans are those of OpenTelemetry and carry nothing of ours."""
    variables = {"OTEL_SAVETRACE_ENABLED": "false", "OTEL_TRACES_EXPORTER": "otlp_json_file"}
    app = start_app({**TO_A_FILE, **variables}, options=("--workers", "1"))
    traffic.tell(1, 20, 0).send(app, users=1)
    app.stop()
    spans = app.logged_spans()
    assert {span.kind for span in spans} == {"server", "client"}
    assert not [span for span in spans if is_attempt(span)]
    assert not [
        name for span in spans for name in span.attributes if "savetrace" in name or "storymap" in name
    ]


NOWHERE = {
    "a disk that is full": ({"OTEL_SAVETRACE_FILE": "/dev/full"}, "No space left on device"),
    "a Collector that is not there": (
        {
            "OTEL_TRACES_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{LOOPBACK}:{free_port()}",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        },
        "Failed to export",
    ),
}


@pytest.mark.parametrize("case", NOWHERE)
def test_with_nowhere_to_put_its_spans_the_app_saves_as_without_tracing(
    start_app: StartApp, untraced: tuple[App, list[Answer]], case: str
) -> None:
    """Spans that cannot be written or sent cost no save, and no user gets another answer."""
    variables, said = NOWHERE[case]
    often = {"OTEL_BSP_SCHEDULE_DELAY": "50"}
    app, answers = _run_one_at_a_time(start_app, {**TO_A_FILE, **variables, **often})
    assert [line for line in app.log_lines() if said in line]
    assert _answers(app, answers) == _answers(*untraced)


BAD_VALUES = {
    "OTEL_SAVETRACE_ENABLED": ("perhaps", "true"),
    "OTEL_SAVETRACE_FILE": (OWN_FOLDER, "no file"),
    "OTEL_SAVETRACE_KEY_PATTERN": ("storymapjs/{storymap.id", "no pattern"),
    "OTEL_SAVETRACE_REQUEST_ATTRIBUTES": ("storymap.id", "no request attribute"),
    "OTEL_SAVETRACE_SAVE_ROUTES": ("save/", "what is learned"),
    "OTEL_SAVETRACE_PROPAGATE": ("maybe", "off"),
}


@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["", "preloaded"])
def test_a_bad_value_is_one_warning_and_its_default_is_used(
    start_app: StartApp, options: tuple[str, ...]
) -> None:
    """Each bad value is one line for all workers: the variable, its value, what is used instead."""
    values = {name: value for name, (value, _) in BAD_VALUES.items()}
    exporter = {"OTEL_TRACES_EXPORTER": "otlp_json_file"}
    # Workers that come after a few requests: none says it again.
    workers = ("--workers", "3", "--max-requests", "4", *options)
    app = start_app({**TO_A_FILE, **values, **exporter}, options=workers)
    answers = traffic.tell(1, 20, 0).send(app)
    app.stop()
    assert any(answer.saved for answer in answers)
    lines = app.warnings()
    assert len(lines) == len(BAD_VALUES)
    for name, (value, instead) in BAD_VALUES.items():
        value = value.replace(OWN_FOLDER, str(app.process.folder))
        (line,) = [line for line in lines if f"{name}={value!r}" in line]
        assert f"{instead} is used instead" in line
