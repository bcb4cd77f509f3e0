"""The lines of `OTEL_SAVETRACE_LOG` in the log of an unchanged app, as an operator greps them."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Callable

import pytest

from otel_savetrace import attributes as attribute
from otel_savetrace.analysis.calls import is_call
from otel_savetrace.demo import faults
from otel_savetrace.demo.faults import Plan, Reset, Rule, key_of
from tests.e2e import traffic
from tests.fixture_app import TO_A_FILE, App, StartApp

WORKERS = ("--workers", "2", "--threads", "4", "--log-level", "critical")
SLOW, BROKEN, LONG = "slow", "reset", "long"
SAVES = 40

TOO_LARGE = faults.ErrorAnswer(
    400, "RequestHeaderSectionTooLarge", "Your request header section is too large"
)
PLAN = Plan(
    (
        Rule(faults.SLOW_DOWN, f"storymapjs/ada/{SLOW}/", times=3),
        Rule(Reset("head"), f"storymapjs/ada/{BROKEN}/", times=3),
        Rule(TOO_LARGE, f"storymapjs/ada/{LONG}/"),
    )
)
IDS = re.compile(r" trace_id=([0-9a-f]{32}) span_id=([0-9a-f]{16})$")

Grep = Callable[[str], list[str]]


def _save(app: App, storymap_id: str) -> None:
    app.exchange("POST", f"/save/{storymap_id}", json.dumps({"title": "x" * 500}).encode())


def _send(app: App) -> None:
    """Let each of three saves fail and be pressed again, amid many users' other saves."""
    for storymap_id in (SLOW, BROKEN, LONG):
        _save(app, storymap_id)
        _save(app, storymap_id)
    app.exchange("POST", "/broken/one")
    traffic.tell(5, SAVES, 0.0).send(app)
    app.stop()


@pytest.fixture(scope="module")
def logged(start_app_of_session: StartApp) -> App:
    """An app that has ended, its lines in its log."""
    app = start_app_of_session({**TO_A_FILE, "OTEL_SAVETRACE_LOG": "on"}, plan=PLAN, options=WORKERS)
    _send(app)
    return app


@pytest.fixture(scope="module")
def grep(logged: App) -> Grep:
    """Run a shell command on the app's log, named LOG in it, and return the lines that it prints."""

    def run(command: str) -> list[str]:
        whole = command.replace("LOG", shlex.quote(str(logged.process.log)))
        ran = subprocess.run(["/bin/sh", "-c", whole], capture_output=True, text=True, check=True)  # noqa: S603 - ours
        return ran.stdout.splitlines()

    return run


def test_the_error_and_its_answer_are_found(logged: App, grep: Grep) -> None:
    """What grep finds under [STORAGE_ERROR] tells each error's code and the store's whole answer."""
    failed = {
        str(span.attributes[attribute.S3_KEY]).split("/")[2]: span.attributes[attribute.ERROR_CODE]
        for span in logged.spans()
        if is_call(span) and attribute.ERROR_CODE in span.attributes
    }
    found = grep(r'grep "\[STORAGE_ERROR\]" LOG | tail -50')
    errors = [line for line in found if "() trace_id=" in line]
    codes = [re.sub(IDS, "", line) for line in errors]
    assert codes == [
        "[STORAGE_ERROR] ClientError: SlowDown in PutObject()",
        f"[STORAGE_ERROR] ConnectionClosedError: {failed[BROKEN]} in PutObject()",
        "[STORAGE_ERROR] ClientError: RequestHeaderSectionTooLarge in PutObject()",
    ]
    assert any(
        "Error response: {'Error': {'Code': 'SlowDown', 'Message': 'Please reduce" in line for line in found
    )
    assert any("Error response: none, ConnectionClosedError: Connection was closed" in line for line in found)
    assert any("Boto3 configuration: endpoint=http" in line for line in found)


def test_the_attempt_that_failed_is_found(grep: Grep) -> None:
    """What grep finds of the failed attempts says what was being saved."""
    found = grep(r'grep "\[SAVE_ATTEMPT\]" LOG | grep -B 2 -A 10 "STORAGE_ERROR"')
    failed = [line for line in found if line.startswith("[STORAGE_ERROR]")]
    assert len(failed) == 3
    for storymap_id, line in zip((SLOW, BROKEN, LONG), failed, strict=True):
        key = f"storymapjs/ada/{storymap_id}/draft.json"
        assert f"key={key} key_len={len(key)} content_size=513 type=- attempts=" in line


@pytest.mark.parametrize("storymap_id", [SLOW, BROKEN, LONG])
def test_the_retry_is_found_by_its_key(grep: Grep, storymap_id: str) -> None:
    """A storymap's lines tell failed, then succeeded, with equal length and size."""
    found = grep(f'grep "key=storymapjs/ada/{storymap_id}" LOG')
    assert [line.partition(" ")[0] for line in found] == [
        "[SAVE_ATTEMPT]", "[STORAGE_ERROR]", "[SAVE_ATTEMPT]", "[SAVE_SUCCESS]",
    ]  # fmt: skip
    assert len({re.findall(r"key_len=\d+ content_size=\d+", line)[0] for line in found}) == 1


def test_lines_agree_with_the_wire_and_the_trace(logged: App) -> None:
    """Requests told are requests seen by the store's front, and a line's ids are those of its call's span."""
    lines = [line for line in logged.log_lines() if line.startswith("[S")]
    assert all(IDS.search(line) for line in lines)
    ended = [line for line in lines if " attempts=" in line]
    told = sum(int(attempts) for line in ended for attempts in re.findall(r" attempts=(\d+)", line))
    assert told == sum(seen.method == "PUT" for seen in logged.journal())
    begun = [line for line in lines if line.startswith("[SAVE_ATTEMPT]")]
    assert len(begun) == len(ended) > SAVES
    calls = {(span.trace_id, span.span_id): span for span in filter(is_call, logged.spans())}
    for line in begun:
        found = IDS.search(line)
        assert found is not None
        call = calls[found[1], found[2]]
        key, size = call.attributes[attribute.S3_KEY], call.attributes.get(attribute.CONTENT_SIZE)
        assert f" key={key} " in line
        assert f" content_size={size} " in line or size is None or "content_size=unknown" in line
    assert {key_of(seen.target) for seen in logged.journal() if seen.method == "PUT"} == {
        key for line in begun for key in re.findall(r"key=(\S+)", line)
    }


def test_the_apps_own_lines_stay_as_they_were(logged: App, start_app: StartApp) -> None:
    """Whoever reads the app's own log finds the same lines there as without ours."""
    without = start_app(TO_A_FILE, plan=PLAN, options=WORKERS)
    _send(without)
    own = [line for line in logged.log_lines() if not IDS.search(line)]
    timeless = [re.sub(r"\[\d{4}-.*?\]", "", line) for line in own]
    assert any("Exception on /broken/one [POST]" in line for line in own)
    assert timeless == [re.sub(r"\[\d{4}-.*?\]", "", line) for line in without.log_lines()]
