"""Browser, nginx, app and store tell of the same saves: a real Chromium, nginx, gunicorn and S3 server."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Page

from otel_savetrace import attributes
from otel_savetrace.analysis.causes import cause_of
from otel_savetrace.analysis.disagreement import disagreement, sayings
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.capture.in_flight.record import ATTEMPT
from otel_savetrace.commands.group import savetrace
from otel_savetrace.demo import servers
from otel_savetrace.demo.faults import Plan, Rule, SlowAnswer
from otel_savetrace.demo.nginx import LOG
from otel_savetrace.demo.processes import LOOPBACK
from otel_savetrace.spans.sources import read_all
from tests.capture.in_flight.watching import records
from tests.eventually import eventually
from tests.fixture_app import OWN_FOLDER, SAMPLE, App, StartApp
from tests.fixture_jaeger import Jaeger, make_jaeger
from tests.logs.site import BODY_LIMIT, site_before

IN_FLIGHT = "in-flight"
TOLD_AT = "/telemetry/browser"
GIVES_UP_SECONDS = 1.0
NGINX_SECONDS = 60

# The page gives up, and the worker is killed, while the store still holds its answer back.
PLAN = Plan((Rule(SlowAnswer(4.0), "storymapjs/", skip=1, times=2),))

VIA = b'"savetrace.browser.via"'
STORED = b'"savetrace.stored"'
KILLED = b'"worker_killed"'

SAVE = """([text, timeout]) => new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.onloadend = () => resolve(request.status);
    request.open("POST", "/storymap/save/");
    request.setRequestHeader("Content-Type", "application/x-www-form-urlencoded");
    request.timeout = timeout;
    request.send("id=my-map&d=" + encodeURIComponent(JSON.stringify({text})));
})"""
"""Saves a draft as an editor's script does, and returns the status: 0 where no answer came."""


@dataclasses.dataclass(frozen=True)
class Told:
    """What was left: the spans of app and browser, nginx's log, what the page saw, and a Jaeger."""

    spans: Path
    log: Path
    seen: Mapping[str, int]
    jaeger: Jaeger

    def saves(self) -> dict[str, Save]:
        """Return the saves by what became of them for the browser."""
        found = saves(
            span for reading in read_all([str(self.spans), str(self.log)]) for span in reading.spans
        )
        by_size = sorted(found, key=lambda save: save.span.start_nanoseconds)
        return dict(zip(("well", "gone", "large", "killed", "offline"), by_size, strict=True))


def _use(page: Page, app: App) -> dict[str, int]:
    """Save a draft well, and too slowly, too large, as the worker is killed, without a network."""

    def save(text: str, timeout: float = 0.0) -> int:
        status: int = page.evaluate(SAVE, [text, round(timeout * 1_000)])
        return status

    seen = {"well": save("a"), "gone": save("b", GIVES_UP_SECONDS), "large": save("x" * BODY_LIMIT)}
    # What a worker was told and has not exported dies with it.
    eventually(lambda: _told(app, VIA) == len(seen), "what the browser tells of each save so far")
    eventually(lambda: _told(app, STORED) == 2, "what the app tells of both that reached it")
    seen["killed"] = _killed(page, app)
    page.context.set_offline(offline=True)
    seen["offline"] = save("c")
    page.context.set_offline(offline=False)
    page.reload()
    eventually(lambda: _told(app, VIA) == len(seen), "what the browser tells of each save")
    eventually(lambda: _told(app, KILLED), "what the next worker tells of the killed one's save")
    return seen


def _killed(page: Page, app: App) -> int:
    """Save while the worker is killed outright, and return the status that the page got."""
    page.evaluate(f"void ({SAVE})(['k', 0]).then((status) => (window.killed = status))")
    os.kill(eventually(lambda: _storing(app), "a worker that stores"), signal.SIGKILL)
    page.wait_for_function("window.killed !== undefined")
    status: int = page.evaluate("window.killed")
    return status


def _storing(app: App) -> int | None:
    """Return the process in which a save is in the middle of storing."""
    for one in records(app.spans_file.parent / IN_FLIGHT):
        if any(save.step == ATTEMPT for save in one.saves):
            process: int = one.facts["process"][attributes.PROCESS_ID]
            return process
    return None


def _told(app: App, attribute: bytes) -> int:
    """Return how many spans with an attribute are written."""
    return app.spans_file.read_bytes().count(attribute) if app.spans_file.exists() else 0


@pytest.fixture(scope="module")
def told(
    start_app_of_session: StartApp,
    nginx_program: Path,
    jaeger_program: Path,
    chromium: Browser,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Told]:
    """Let a user save in a browser."""
    folder = tmp_path_factory.mktemp("front")
    jaeger = make_jaeger(jaeger_program, folder / "jaeger", "memory", {})
    tracing = {
        **servers.tracing_to(Path("spans.jsonl"), otlp_endpoint=f"http://{jaeger.otlp}"),
        "OTEL_SAVETRACE_FILE": f"{OWN_FOLDER}/spans.jsonl",
        "OTEL_SAVETRACE_IN_FLIGHT": f"{OWN_FOLDER}/{IN_FLIGHT}",
        "OTEL_SAVETRACE_BROWSER": "on",
        "OTEL_SAVETRACE_BROWSER_PATH": TOLD_AT,
    }
    with jaeger.process:
        app = start_app_of_session(tracing, plan=PLAN, app=SAMPLE, options=("--threads", "4"))
        with site_before(app, folder / "nginx", NGINX_SECONDS) as site:
            context = chromium.new_context()
            page = context.new_page()
            page.goto(f"http://{LOOPBACK}:{site.port}/login/?name=ada")
            seen = _use(page, app)
            context.close()
            app.stop()
        yield Told(app.spans_file, folder / "nginx" / LOG, seen, jaeger)


def test_the_browser_got_what_was_meant(told: Told) -> None:
    """What the other tests rest on: each of the ways to fail was met."""
    assert told.seen == {"well": 200, "gone": 0, "large": 413, "killed": 502, "offline": 0}


def test_each_save_is_one_whoever_tells_of_it(told: Told) -> None:
    """Five saves there were, and five there are: of three all witnesses tell, of the last one only."""
    who = {name: [one for one, _ in sayings(save)] for name, save in told.saves().items()}
    assert who == {
        "well": ["browser", "nginx", "app", "store"], "gone": ["browser", "nginx", "app", "store"],
        "large": ["browser", "nginx", "app"], "killed": ["browser", "nginx", "app", "store"],
        "offline": ["browser", "app"],
    }  # fmt: skip


def test_who_is_right_for_the_user(told: Told) -> None:
    """Each save is what the browser got; of the one that it gave up it is told that it is stored."""
    found = told.saves()
    assert {
        name: (
            save.outcome,
            save.error_code,
            save.stored,
            cause_of(save).name if save.outcome == "failed" else "",
        )
        for name, save in found.items()
    } == {
        "well": ("succeeded", None, "yes", ""),
        "gone": ("failed", "timeout", "yes", "front.client_gone"),
        "large": ("failed", "413", None, "front.too_large"),
        "killed": ("failed", "worker_killed", "unknown", "process.killed"),
        "offline": ("failed", "offline", None, "browser.network"),
    }
    said = str(disagreement(found["gone"]))
    assert (
        "nginx: 499; app: 200; store: stored. The browser is right for the user: it failed, and is stored"
        in said
    )


def test_each_is_one_trace_in_jaeger_with_the_truth_on_it(told: Told) -> None:
    """Browser, app, and what the app did stand under one id; a worker that was killed lacks nothing there."""
    truth: dict[str, set[tuple[str, str, str | None]]] = {
        "well": {("browser", "succeeded", None), ("save", "succeeded", None)},
        "gone": {("browser", "failed", "timeout"), ("save", "succeeded", None)},
        "large": {("browser", "failed", "413")},
        "killed": {("browser", "failed", "502"), ("save", "failed", "worker_killed")},
        "offline": {("browser", "failed", "offline")},
    }
    for name, save in told.saves().items():
        told.jaeger.wait_for({save.trace_id: len(truth[name])}, at_least=True)
        assert set(map(_truth, told.jaeger.spans(save.trace_id))) - {None} == truth[name]


def _truth(span: Mapping[str, Any]) -> tuple[str, str, str | None] | None:
    """Return who tells of a save by a span, with its outcome and code; None of a span of another kind."""
    held = {one["key"]: one["value"].get("stringValue") for one in span["attributes"]}
    if attributes.OUTCOME not in held:
        return None
    who = "browser" if "savetrace.browser.via" in held else "save"
    return who, str(held[attributes.OUTCOME]), held.get(attributes.ERROR_CODE)


def test_the_report_names_each_cause(told: Told) -> None:
    """`savetrace report` on what is left has each cause once, and the pattern that storage was no reason."""
    asked = CliRunner().invoke(savetrace, ["report", str(told.spans), str(told.log), "--json"])
    document: dict[str, Any] = json.loads(asked.stdout)
    assert document["saves"] == {"total": 5, "succeeded": 1, "failed": 4, "unknown": 0}
    assert {(one["cause"], one["saves"]) for one in document["verdicts"]} == {
        ("front.client_gone", 1), ("front.too_large", 1), ("process.killed", 1),
        ("browser.network", 1),
    }  # fmt: skip
    assert {one["pattern"]: one["holds"] for one in document["patterns"]}["no_storage_error"] is True
