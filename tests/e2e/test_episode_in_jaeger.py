"""Somebody presses save until it works: real cookies, Collector and Jaeger, and the way through its pages."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from otel_savetrace import attributes as attribute
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.demo import faults
from otel_savetrace.demo.faults import Plan, Rule
from otel_savetrace.demo.processes import LOOPBACK
from tests.collector.saves import SERVICE
from tests.fixture_app import TO_A_FILE, App, StartApp
from tests.fixture_collector import ALL_LAYERS, make_collector
from tests.fixture_jaeger import Jaeger, make_jaeger
from tests.jaeger_page import OPEN_FAILED, Page, assert_walkable

FAILURES = 3
ATTEMPTS_OF_A_SAVE = 3
RIVERS = "storymapjs/ada/rivers/"

TRACED = {
    **{name: value for name, value in TO_A_FILE.items() if name != "OTEL_TRACES_EXPORTER"},
    "OTEL_SERVICE_NAME": SERVICE,
    "OTEL_SAVETRACE_COOKIE_SECRET": "the same for all workers",
    # Somebody wants to see every header.
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": ".*",
    "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_RESPONSE": ".*",
}


@dataclasses.dataclass(frozen=True)
class Episode:
    """What a browser was given to keep, and the saves it made, as the app's own file has them."""

    app: App
    jaeger: Jaeger
    cookies: tuple[str, ...]

    @property
    def saves(self) -> list[Save]:
        """The saves of the storymap that failed, the first one first."""
        made = saves(self.app.spans())
        return [save for save in made if save.thing["storymap.id"] == "rivers"]


@pytest.fixture(scope="module")
def episode(
    jaeger_program: Path,
    otelcol_program: Path,
    start_app_of_session: StartApp,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Episode]:
    """Save three times in vain and once well, with an ordinary save before, where no ordinary one is kept."""
    folder = tmp_path_factory.mktemp("episode")
    jaeger = make_jaeger(jaeger_program, folder / "jaeger", "badger", {})
    settings = {"COLLECTOR_JAEGER": jaeger.otlp, "COLLECTOR_KEEP_PERCENT": "0"}
    collector = make_collector(otelcol_program, folder / "collector", ALL_LAYERS, settings)
    with jaeger.process, collector.process:
        app = start_app_of_session(
            {**TRACED, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.grpc}"},
            plan=Plan((Rule(faults.SLOW_DOWN, RIVERS, times=FAILURES * ATTEMPTS_OF_A_SAVE),)),
            options=("--workers", "2"),
        )
        app.exchange("POST", "/save/harbours", b'{"slides": []}')
        cookies = _press_until_it_works(app)
        app.stop()
        episode = Episode(app, jaeger, tuple(cookies))
        made = {save.trace_id for save in episode.saves}
        jaeger.wait_for(Counter(span.trace_id for span in app.spans() if span.trace_id in made))
        yield episode


def _press_until_it_works(app: App) -> list[str]:
    """Save as a browser does, and return each cookie that it is given."""
    given: list[str] = []
    with requests.Session() as browser:
        browser.trust_env = False
        for _ in range(FAILURES + 1):
            # Each time on a connection of its own: any worker may have it.
            headers = {"Connection": "close"}
            answer = browser.post(
                f"http://{LOOPBACK}:{app.port}/save/rivers", b'{"slides": []}', headers=headers, timeout=60
            )
            assert answer.ok
            given += [cookie.value or "" for cookie in answer.cookies]
        assert "error" not in answer.json()
        assert not browser.cookies
    return given


def test_an_episode_is_in_jaeger_and_walked_both_ways(episode: Episode) -> None:
    """Of saves that failed thrice and then worked each leads to the others; only what tells is kept."""
    made = episode.saves
    assert [save.outcome for save in made] == ["failed"] * FAILURES + ["succeeded"]
    assert_walkable(episode.jaeger, [save.trace_id for save in made])
    assert episode.jaeger.search(SERVICE, {}) == {save.trace_id for save in made}


def test_each_save_says_which_it_retries(episode: Episode) -> None:
    """The attempts count 1 to 4; each names the one before, and the first; Jaeger shows the link, too."""
    made = episode.saves
    for number, (before, save) in enumerate(itertools.pairwise(made), start=2):
        held = save.span.attributes
        assert held[attribute.SAVE_ATTEMPT] == number
        assert held[attribute.PREVIOUS_TRACE_ID] == before.trace_id
        assert held[attribute.PREVIOUS_SPAN_ID] == before.span.span_id
        assert held[attribute.FIRST_TRACE_ID] == made[0].trace_id
        (link,) = (link for span in episode.jaeger.spans(save.trace_id) for link in span.get("links", []))
        assert (link["traceId"], link["spanId"]) == (before.trace_id, before.span.span_id)
        opened = Page(episode.jaeger, save.trace_id).link(OPEN_FAILED).url
        assert opened == f"trace/{before.trace_id}?uiFind={before.span.span_id}"
    assert attribute.SAVE_ATTEMPT not in made[0].span.attributes


def test_no_cookie_reaches_jaeger_though_every_header_is_recorded(episode: Episode) -> None:
    """The app recorded the cookies with all other headers; beyond the Collector only their names are left."""
    assert len(episode.cookies) == FAILURES
    recorded = json.dumps([save.span.attributes for save in episode.saves], default=str)
    assert [cookie for cookie in episode.cookies if cookie not in recorded] == []
    in_jaeger = json.dumps([episode.jaeger.spans(save.trace_id) for save in episode.saves])
    assert "http.response.header.set_cookie" in in_jaeger
    assert [cookie for cookie in episode.cookies if cookie in in_jaeger] == []
