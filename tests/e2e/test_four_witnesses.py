"""Browser, nginx, app and store tell of the same saves: a real Chromium, nginx, gunicorn and S3 server."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser

from otel_savetrace import attributes
from otel_savetrace.analysis.disagreement import disagreement, sayings
from otel_savetrace.commands.group import savetrace
from otel_savetrace.demo import servers
from otel_savetrace.demo.nginx import LOG
from tests.e2e.witnesses.acting import act_before_one_worker, act_before_threads
from tests.e2e.witnesses.endings import CLICKS, ENDINGS, PLAN
from tests.e2e.witnesses.relay import relay_to
from tests.e2e.witnesses.told import Told, Truth
from tests.e2e.witnesses.user import BROWSER_TELLS, User
from tests.fixture_app import SAMPLE, App, StartApp
from tests.fixture_jaeger import make_jaeger
from tests.logs.site import site_before

NGINX_SECONDS = 60
WORKER_SECONDS = 3
ATTEMPTS = 8
"""So many, with botocore's own waits between them, last longer than a worker may."""

BROWSER = attributes.BROWSER_SERVICE.format(service=servers.SERVICE)


@pytest.fixture(scope="module")
def told(
    start_app_of_session: StartApp,
    nginx_program: Path,
    jaeger_program: Path,
    chromium: Browser,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Told]:
    """Let a user save in a browser until all is told."""
    folder = tmp_path_factory.mktemp("front")
    jaeger = make_jaeger(jaeger_program, folder / "jaeger", "memory", {})
    tracing = {
        **servers.tracing_to(Path("spans.jsonl"), otlp_endpoint=f"http://{jaeger.otlp}"),
        **BROWSER_TELLS,
    }

    def start(*options: str, attempts: int = 3) -> App:
        more = {"STORAGE_ATTEMPTS": str(attempts)}
        return start_app_of_session({**tracing, **more}, plan=PLAN, app=SAMPLE, options=options)

    with jaeger.process:
        threads = start("--threads", "8")
        impatient = site_before(threads, folder / "impatient")
        patient = _user(chromium, threads, folder / "nginx")
        with patient as user, impatient as other, relay_to(user.port) as relay:
            got = act_before_threads(user, other.port, relay)
        one = start("--timeout", str(WORKER_SECONDS), attempts=ATTEMPTS)
        with _user(chromium, one, folder / "one") as user:
            got |= act_before_one_worker(user)
        logs = [folder / name / LOG for name in ("nginx", "impatient", "one")]
        yield Told(tuple(map(str, (threads.spans_file, one.spans_file, *logs))), got, jaeger)


@contextmanager
def _user(chromium: Browser, app: App, folder: Path) -> Iterator[User]:
    """Have a user of an app behind an nginx; the app has told everything when the block is left."""
    with site_before(app, folder, NGINX_SECONDS) as site, chromium.new_context() as context:
        yield User(context, app, site.port)
        app.stop()


def test_the_browser_got_what_was_meant(told: Told) -> None:
    """What the other tests rest on: each of the ways to fail was met."""
    assert told.got == {name: ending.got for name, ending in ENDINGS.items()}


def test_each_save_is_one_whoever_tells_of_it(told: Told) -> None:
    """So many saves there were, and so many there are, each told of by all whom it reached."""
    for name, save in told.saves.items():
        reached = {"nginx": name != "offline", "app": True, "store": ENDINGS[name].stored is not None}
        who = ["browser", *(one for one, is_reached in reached.items() if is_reached)]
        assert [one for one, _ in sayings(save)] == who, name


def test_who_is_right_for_the_user(told: Told) -> None:
    """Each save is what the browser got; of those that went on without their user the report says so."""
    assert {
        name: (save.outcome, save.error_code or "", save.stored) for name, save in told.saves.items()
    } == {name: (ending.outcome, ending.code, ending.stored) for name, ending in ENDINGS.items()}
    for name, status in {"gone": 499, "closed": 499, "cut": 499, "given-up": 504}.items():
        said = str(disagreement(told.saves[name]))
        assert said.endswith(
            f"nginx: {status}; app: 200; store: stored. The browser is right for the user: it failed, and is"
            " stored all the same"
        ), name


def test_each_is_one_trace_in_jaeger_with_the_truth_on_it(told: Told) -> None:
    """Browser, app, and what the app did stand under one id, the browser's span above all the others."""
    for name, seen in told.spans.items():
        ending = ENDINGS[name]
        of_browser = Truth("browser", *ending.browser, stored=None)
        expected = [of_browser]
        if ending.app is not None:
            expected.append(Truth("app", *ending.app, stored=ending.stored))
        assert Counter(one.truth for one in seen if one.truth is not None) == Counter(expected), name
        assert sum(one.name == "S3.PutObject" for one in seen) == ending.calls, name
        ids = {one.span_id for one in seen}
        assert [one.truth for one in seen if one.parent_span_id not in ids] == [of_browser], name


def test_jaeger_has_no_other_trace_of_a_save(told: Told) -> None:
    """There are as many traces as saves: none is told twice, or in two halves."""
    traces = {name: save.trace_id for name, save in told.saves.items()}
    assert len(set(traces.values())) == len(ENDINGS)
    assert told.jaeger.search(BROWSER, {}) == set(traces.values())
    of_app = [
        told.jaeger.search(servers.SERVICE, {attributes.OUTCOME: outcome})
        for outcome in (attributes.SUCCEEDED, attributes.FAILED)
    ]
    assert set().union(*of_app) == {trace for name, trace in traces.items() if ENDINGS[name].app}


def test_a_second_click_says_that_the_first_was_under_way(told: Told) -> None:
    """Of two saves of a storymap at once the second is told apart, and the first says nothing of it."""
    first, second = (told.said(name, "browser") for name in ("first-click", "second-click"))
    assert attributes.BROWSER_OVERLAPPING not in first
    assert second[attributes.BROWSER_OVERLAPPING] == "1"
    names = ("first-click", "second-click")
    assert {told.said(name, "app")[servers.STORYMAP_ID] for name in names} == {CLICKS}


def test_a_save_that_waited_says_for_how_long(told: Told) -> None:
    """It came while the save before it was under way, and waited until that had ended."""
    waited = told.said("queued", "app")[attributes.QUEUE_SECONDS]
    busy, queued = (told.saves[name].span for name in ("busy", "queued"))
    assert queued.start_nanoseconds - waited * 1e9 < busy.end_nanoseconds <= queued.start_nanoseconds


def test_a_save_stopped_at_the_time_limit_says_what_it_was_doing(told: Told) -> None:
    """It was among its attempts, of which it had made several, with waits between them."""
    said = told.said("limit", "app")
    assert f" of {ATTEMPTS} of PutObject" in said[attributes.DOING]
    assert int(said[attributes.RETRY_ATTEMPTS]) > 0
    assert said[attributes.BACKOFF_SECONDS] > 0
    assert float(said[attributes.WORKER_TIMEOUT_SECONDS]) == WORKER_SECONDS


def test_the_report_names_each_cause(told: Told) -> None:
    """`savetrace report` has each failed save under its cause, and sees that storage was mostly no reason."""
    asked = CliRunner().invoke(savetrace, ["report", *told.sources, "--json"])
    document: dict[str, Any] = json.loads(asked.stdout)
    failed = {name: ending for name, ending in ENDINGS.items() if ending.code}
    worked = len(ENDINGS) - len(failed)
    assert document["saves"] == {
        "total": len(ENDINGS), "succeeded": worked, "failed": len(failed), "unknown": 0,
    }  # fmt: skip
    causes = {
        example["failed"]: verdict["cause"]
        for verdict in document["verdicts"]
        for example in verdict["examples"]
    }
    assert causes == {told.saves[name].trace_id: ending.cause for name, ending in failed.items()}
    assert {one["pattern"]: one["holds"] for one in document["patterns"]}["no_storage_error"] is True
