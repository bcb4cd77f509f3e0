"""Whatever tracing does, users and the store get what they would get without it."""

from __future__ import annotations

import re

import pytest

from otel_savetrace.demo.journal import Seen
from otel_savetrace.demo.processes import LOOPBACK, free_port
from tests.e2e import traffic
from tests.e2e.traffic import Answer
from tests.fixture_app import TO_A_FILE, App, StartApp

SAVES = 60

_COOKIE = re.compile(
    rb"Set-Cookie: savetrace_[0-9a-f]{8}=[A-Za-z0-9_.-]+;"
    rb" Max-Age=1800; HttpOnly; Path=/[a-z]+/; SameSite=Lax\r\n"
)


@pytest.fixture(scope="module")
def untraced(start_app_of_session: StartApp) -> tuple[App, list[Answer]]:
    """The app without tracing, after saves one at a time."""
    return _run_one_at_a_time(start_app_of_session, {})


@pytest.fixture(scope="module")
def traced(start_app_of_session: StartApp) -> tuple[App, list[Answer]]:
    """The app with tracing, after the same saves."""
    return _run_one_at_a_time(start_app_of_session, TO_A_FILE)


def _run_one_at_a_time(start: StartApp, tracing: dict[str, str]) -> tuple[App, list[Answer]]:
    told = traffic.tell(4, SAVES, 0.15)
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
    """Faults or none, every byte of every answer but its date and our cookie's line is as without tracing."""
    plain = _answers(*untraced)
    assert len({answer[:12] for answer in plain}) >= 5, "answers of too few kinds"
    assert [_COOKIE.sub(b"", answer) for answer in _answers(*traced)] == plain


def test_only_the_answer_to_a_failed_save_carries_our_cookie(traced: tuple[App, list[Answer]]) -> None:
    """Each answer to a save that failed, and no other answer, has one line more, which sets our cookie."""
    answers = traced[1]
    failed_saves = [number < SAVES and not answer.saved for number, answer in enumerate(answers)]
    assert 5 < sum(failed_saves) < SAVES
    assert [len(_COOKIE.findall(answer.raw)) for answer in answers] == failed_saves


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
    """Spans that cannot be written or sent cost no save; without our cookie, no answer differs by a byte."""
    variables, said = NOWHERE[case]
    often = {"OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_SAVETRACE_COOKIE": "off"}
    app, answers = _run_one_at_a_time(start_app, {**TO_A_FILE, **variables, **often})
    assert [line for line in app.log_lines() if said in line]
    assert _answers(app, answers) == _answers(*untraced)
