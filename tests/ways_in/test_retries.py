"""A failed save and its retry, in different processes of real servers, with real clients' cookies."""

from __future__ import annotations

import http.cookiejar
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from otel_savetrace import attributes as attribute
from otel_savetrace.demo import faults
from otel_savetrace.demo.faults import Plan, Rule
from otel_savetrace.demo.processes import LOOPBACK
from otel_savetrace.spans.rows import Span
from tests.fixture_app import TO_A_FILE, App, StartApp

Press = Callable[[App, str], None]
"""Saves a document by an app, with the cookies of one browser."""

EPISODES = 12
OWN_PAGE = {"Sec-Fetch-Site": "same-origin"}
"""What a browser says of a request from the app's own page, with which it sends its cookies."""

REFUSED = faults.REQUEST_TIME_TOO_SKEWED  # which boto3 does not send again


def _with_requests() -> Press:
    session = requests.Session()
    session.headers.update(OWN_PAGE)

    def press(app: App, document: str) -> None:
        session.post(f"http://{LOOPBACK}:{app.port}/save/{document}", data=b"{}", timeout=60).close()

    return press


def _with_cookiejar() -> Press:
    jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar())
    browser = urllib.request.build_opener(jar)
    browser.addheaders += OWN_PAGE.items()

    def press(app: App, document: str) -> None:
        browser.open(f"http://{LOOPBACK}:{app.port}/save/{document}", b"{}", timeout=60).close()

    return press


BROWSERS = {"requests": _with_requests, "cookiejar": _with_cookiejar}


def _saves_of(app: App, document: str) -> list[Span]:
    """Return the saves of a document by an app, in the order of time."""
    found = [
        span
        for span in app.spans()
        if span.kind == "server" and span.attributes.get("storymap.id") == document
    ]
    return sorted(found, key=lambda span: span.start_nanoseconds)


def _chain(*saves: Span) -> list[tuple[object, ...]]:
    """Return what retries should say, each the retry of the one before and all of the first."""
    return [
        (attempt, failed.trace_id, failed.span_id, saves[0].trace_id, "cookie")
        for attempt, failed in enumerate(saves[:-1], 2)
    ]


def _said(*retries: Span) -> list[tuple[object, ...]]:
    """Return what they say."""
    names = (
        attribute.SAVE_ATTEMPT,
        attribute.PREVIOUS_TRACE_ID,
        attribute.PREVIOUS_SPAN_ID,
        attribute.FIRST_TRACE_ID,
        attribute.PAIRED_BY,
    )
    return [tuple(retry.attributes.get(name) for name in names) for retry in retries]


def test_a_retry_on_another_host_and_after_a_deploy(start_app: StartApp) -> None:
    """A save that fails on two hosts and works after a deploy is one chain, for each kind of client."""
    plan = Plan(tuple(Rule(REFUSED, f"storymapjs/ada/{name}/", times=1) for name in BROWSERS))
    presses = {name: make() for name, make in BROWSERS.items()}
    first, second = start_app(TO_A_FILE, plan=plan), start_app(TO_A_FILE, plan=plan)
    for host in (first, second):
        for name, press in presses.items():
            press(host, name)
        host.stop()
    deployed = start_app(TO_A_FILE)
    for _ in range(2):
        for name, press in presses.items():
            press(deployed, name)
    deployed.stop()
    for name in BROWSERS:
        saves = [save for app in (first, second, deployed) for save in _saves_of(app, name)]
        assert [save.attributes[attribute.OUTCOME] for save in saves] == ["failed"] * 2 + ["succeeded"] * 2
        assert _said(*saves[1:3]) == _chain(*saves[:3])
        assert attribute.SAVE_ATTEMPT not in saves[3].attributes
        assert len({save.attributes[attribute.PROCESS_ID] for save in saves}) == 3


@pytest.mark.parametrize("options", [("--workers", "2"), ("--workers", "2", "--preload")])
def test_two_workers(start_app: StartApp, options: tuple[str, ...]) -> None:
    """Whichever of two workers gets a retry, it knows the failure; a save that worked is over for both."""
    documents = [f"doc-{number}" for number in range(EPISODES)]
    plan = Plan(tuple(Rule(REFUSED, f"storymapjs/ada/{one}/", times=2) for one in documents))
    app = start_app(TO_A_FILE, plan=plan, options=options)
    makes = list(BROWSERS.values())

    def episode(number: int) -> None:
        press = makes[number % len(makes)]()
        for _ in range(4):
            press(app, documents[number])

    with ThreadPoolExecutor(4) as users:
        list(users.map(episode, range(EPISODES)))
    app.stop()
    crossed = 0
    for document in documents:
        saves = _saves_of(app, document)
        assert _said(*saves[1:3]) == _chain(*saves[:3])
        assert attribute.SAVE_ATTEMPT not in saves[3].attributes
        crossed += len({save.attributes[attribute.PROCESS_ID] for save in saves}) > 1
    assert crossed, "every episode has stayed in one worker"
