"""A real nginx before a traced app: what its logs and the traces tell of the same saves is joined."""

from __future__ import annotations

import dataclasses
import datetime
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis.causes import cause_of
from otel_savetrace.analysis.known_routes import path_of
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.analysis.witnesses import APP_STATUS, FRONT_STATUS, WITNESSES
from otel_savetrace.demo.faults import ErrorAnswer, Plan, Rule, SlowAnswer
from otel_savetrace.demo.nginx import LOG
from otel_savetrace.spans.reading import Reading
from otel_savetrace.spans.sources import read, read_all
from tests.eventually import eventually
from tests.fixture_app import TO_A_FILE, App, StartApp
from tests.fixture_collector import RECEIVING, make_collector
from tests.logs.site import BODY_LIMIT, TIMEOUT_SECONDS, site_before

ORDINARY = 30
GONE_SECONDS = 0.2

TOO_LARGE = ErrorAnswer(400, "RequestHeaderSectionTooLarge", "Your request header section is too large")
PLAN = Plan(
    (
        Rule(SlowAnswer(TIMEOUT_SECONDS + 0.7), "storymapjs/ada/slow/"),
        Rule(SlowAnswer(GONE_SECONDS + 0.5), "storymapjs/ada/left/"),
        Rule(TOO_LARGE, "storymapjs/ada/refused/"),
    )
)

TRACED = ORDINARY + 3
"""Saves that reach the app."""

FORMATS = (LOG, "timed.log", "combined.log")


@dataclasses.dataclass(frozen=True)
class Visited:
    """What was left behind: the app's spans and log, nginx's logs in `folder`, the answers that users got."""

    spans: Path
    app_log: Path
    folder: Path
    answers: Mapping[str, int]


def _visit(app: App, folder: Path) -> Visited:
    answers: dict[str, int] = {}
    with site_before(app, folder) as site:
        for number in range(ORDINARY):
            answers[f"map-{number}"] = site.send(f"/save/map-{number}?user=ada", b"x" * (100 + number))
            assert site.send(f"/load/map-{number}", method="GET") == 200
        answers["refused"] = site.send("/save/refused")
        answers["slow"] = site.send("/save/slow")
        site.leave("/save/left", GONE_SECONDS)
        answers["large"] = site.send("/save/large", b"x" * (BODY_LIMIT + 1))
        app.stop()
        answers["down"] = site.send("/save/down")
    return Visited(app.spans_file, app.process.log, folder, answers)


@pytest.fixture(scope="module")
def visited(
    start_app_of_session: StartApp, nginx_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Visited:
    """Let users save through nginx, some of them in vain."""
    logging = {**TO_A_FILE, "OTEL_SAVETRACE_LOG": "on"}
    app = start_app_of_session(logging, plan=PLAN, options=("--threads", "4"))
    return _visit(app, tmp_path_factory.mktemp("front") / "nginx")


def _read(visited: Visited, *logs: str) -> tuple[dict[str, Save], list[Reading]]:
    readings = read_all([str(visited.spans), *(str(visited.folder / log) for log in logs)])
    found = saves(span for reading in readings for span in reading.spans)
    by_thing = {(path_of(save.span) or "").rpartition("/")[2]: save for save in found}
    assert len(by_thing) == len(found), "a save with two witnesses is one save"
    return by_thing, readings


def test_users_got_what_was_meant(visited: Visited) -> None:
    """What the other tests rest on: each of the ways to fail was met."""
    assert Counter(visited.answers.values()) == {200: ORDINARY + 1, 504: 1, 413: 1, 502: 1}


@pytest.mark.parametrize("log", FORMATS)
def test_a_save_and_its_line_are_one(visited: Visited, log: str) -> None:
    """In any format, each trace is joined with its own line, and what has no trace stands for itself."""
    found, (_, reading) = _read(visited, log)
    assert len(found) == TRACED + 2
    assert {thing for thing, save in found.items() if FRONT_STATUS not in save.span.attributes} == set()
    alone = {thing for thing, save in found.items() if "trace" not in str(save.span.attributes[WITNESSES])}
    assert alone == {"large", "down"}
    for thing, status in visited.answers.items():
        assert found[thing].status_code == status
    told = {skipped.why: skipped.count for skipped in reading.skipped}
    assert told == {"a request that is no save": ORDINARY}


@pytest.mark.parametrize("log", FORMATS)
def test_who_is_right_for_the_user(visited: Visited, log: str) -> None:
    """Where nginx and the app disagree, the save failed as nginx says, and is stored as the app says."""
    found, _ = _read(visited, log)
    for thing, status, cause in (("slow", 504, "front.timeout"), ("left", 499, "front.client_gone")):
        save = found[thing]
        assert (save.outcome, save.stored, save.status_code) == ("failed", "yes", status)
        assert (save.span.attributes[APP_STATUS], cause_of(save).name) == (200, cause)
        assert save.calls
    assert found["map-1"].outcome == "succeeded"


def test_causes_of_what_the_app_never_saw(visited: Visited) -> None:
    """A body too large and an app that is down are told by nginx alone, by their own names."""
    found, _ = _read(visited, LOG)
    assert {thing: cause_of(found[thing]).name for thing in ("large", "down", "refused")} == {
        "large": "front.too_large", "down": "front.bad_gateway", "refused": "storage.header_too_large",
    }  # fmt: skip
    assert found["large"].span.attributes[names.REQUEST_BODY_SIZE] == BODY_LIMIT + 1
    # Its route and what it was of are known as those of the saves that have traces.
    assert (found["large"].route, found["large"].thing) == (
        "POST /save/<storymap_id>", {"storymap.id": "large"}
    )  # fmt: skip


def test_three_logs_of_one_server_are_one_witness_more(visited: Visited) -> None:
    """However many logs tell of a save, it is one."""
    found, _ = _read(visited, *FORMATS)
    assert len(found) == TRACED + 2
    assert Counter(save.outcome for save in found.values())["failed"] == 5


@pytest.mark.parametrize("log", FORMATS)
def test_a_log_alone_tells_what_it_can(visited: Visited, log: str) -> None:
    """Without traces whatever may store is taken for a save; a 200 is not called a success."""
    (reading,) = read_all([str(visited.folder / log)])
    found = saves(reading.spans)
    assert Counter(save.outcome for save in found) == {"unknown": ORDINARY + 1, "failed": 4}
    assert Counter(cause_of(save).name for save in found if save.outcome == "failed") == {
        "front.too_large": 1, "front.bad_gateway": 1, "front.timeout": 1, "front.client_gone": 1,
    }  # fmt: skip


def test_the_format_is_json_whatever_is_in_a_request(visited: Visited) -> None:
    """Each line of the documented format is JSON, a browser's name with quotes in it included."""
    lines = (visited.folder / LOG).read_text().splitlines()
    assert {json.loads(line)["http_user_agent"] for line in lines} == {'a "browser"'}
    assert len(lines) == 2 * ORDINARY + 5


def test_the_apps_own_lines_tell_its_saves(visited: Visited) -> None:
    """Of the log alone each save is known, with the store's code; what the user got of it is not."""
    (reading,) = read_all([str(visited.app_log)])
    found = saves(reading.spans)
    assert len(found) == TRACED
    (failed,) = [save for save in found if save.outcome == "failed"]
    assert (failed.error_code, failed.stored) == ("RequestHeaderSectionTooLarge", "no")
    assert cause_of(failed).name == "storage.header_too_large"
    assert failed.thing == {names.S3_KEY: "storymapjs/ada/refused/draft.json"}
    assert {save.stored for save in found if save is not failed} == {"yes"}


def test_the_apps_lines_and_its_traces_are_one(visited: Visited) -> None:
    """A line and a span of one call are one save, by the ids that the line ends in."""
    traces, log = read_all([str(visited.spans), str(visited.app_log)])
    found = saves((*traces.spans, *log.spans))
    assert len(found) == TRACED == len(saves(log.spans))
    assert {save.span.attributes[WITNESSES] for save in found} == {"trace, storage log"}


def _with_times(visited: Visited, log: Path) -> Path:
    """Write the app's lines as logging does where it is set up to: with their time, and without our ids."""
    calls = {span.span_id: span for span in read(str(visited.spans)).spans}
    written = []
    for line in visited.app_log.read_text().splitlines():
        text, ids, rest = line.partition(" trace_id=")
        if ids:
            call = calls[rest.rpartition("=")[2]]
            begins = text.startswith("[SAVE_ATTEMPT]")
            nanoseconds = call.start_nanoseconds if begins else call.end_nanoseconds
            moment = datetime.datetime.fromtimestamp(nanoseconds / 1e9, tz=datetime.timezone.utc)
            written.append(
                f"{moment:%Y-%m-%d %H:%M:%S},{moment.microsecond // 1000:03} WARNING storage {text}"
            )
    log.write_text("\n".join(written))
    return log


@pytest.mark.parametrize("log", [LOG, "timed.log"])
def test_lines_of_app_and_nginx_are_joined_without_a_trace(
    visited: Visited, log: str, tmp_path: Path
) -> None:
    """With no trace at all, what the app stored and what its user got stand together."""
    told = visited.app_log if log == LOG else _with_times(visited, tmp_path / "app.log")
    readings = read_all([str(told), str(visited.folder / log)])
    found = saves(span for reading in readings for span in reading.spans)
    assert len(found) == TRACED + 2
    left = [save for save in found if save.status_code == 499]
    assert [(save.outcome, save.stored, cause_of(save).name) for save in left] == [
        ("failed", "yes", "front.client_gone")
    ]
    assert Counter(save.outcome for save in found) == {"succeeded": ORDINARY, "failed": 5}


def test_without_times_and_ids_nothing_is_joined(visited: Visited, tmp_path: Path) -> None:
    """Lines that say neither when nor of what trace count once: as saves, and not as requests again."""
    log = tmp_path / "app.log"
    log.write_text(
        "\n".join(line.partition(" trace_id=")[0] for line in visited.app_log.read_text().splitlines())
    )
    app, nginx = read_all([str(log), str(visited.folder / "timed.log")])
    assert len(saves((*app.spans, *nginx.spans))) == TRACED + 4
    told = {skipped.why: skipped.count for skipped in nginx.skipped}
    assert told == {
        "a request that is no save": ORDINARY,
        "a request that may be that of a save in a log without times: not joined": ORDINARY + 1,
    }


def test_a_collector_makes_spans_of_the_log(visited: Visited, otelcol_program: Path, tmp_path: Path) -> None:
    """What the Collector makes of nginx's log tells the same of each save as the log itself."""
    layers = (*RECEIVING, "30-archive.yaml", "40-jaeger.yaml", "50-queue.yaml", "70-front-logs.yaml")
    settings = {"COLLECTOR_FRONT_LOGS": str(visited.folder / LOG)}
    collector = make_collector(otelcol_program, tmp_path / "collector", layers, settings)
    requests = len((visited.folder / LOG).read_text().splitlines()) - ORDINARY
    with collector.process:
        # Read bytes: a line may be half written.
        eventually(lambda: _spans_written(collector.archive) == requests, "a span of each request")
    spans = collector.archived()
    app = read(str(visited.spans)).spans
    found = {_thing(save): save for save in saves((*app, *spans))}
    by_log, _ = _read(visited, LOG)
    assert {thing: _told(save) for thing, save in found.items()} == {
        thing: _told(save) for thing, save in by_log.items()
    }
    # nginx's span stands above the app's.
    of_app = [save.span for save in found.values() if save.calls]
    assert len(of_app) == TRACED
    assert {span.parent_span_id for span in of_app} <= {span.span_id for span in spans}
    assert {span.name for span in spans} == {"POST"}
    failed = [span for span in spans if span.attributes.get(names.OUTCOME) == names.FAILED]
    assert Counter(span.attributes["http.response.status_code"] for span in failed) == {
        413: 1, 499: 1, 502: 1, 504: 1,
    }  # fmt: skip


def _spans_written(folder: Path) -> int:
    return sum(file.read_bytes().count(b'"spanId"') for file in folder.glob("*") if file.is_file())


def _thing(save: Save) -> str:
    return (path_of(save.span) or "").rpartition("/")[2]


def _told(save: Save) -> tuple[object, ...]:
    cause = cause_of(save).name if save.outcome == "failed" else None
    held = save.span.attributes
    return (
        save.outcome, save.status_code, save.stored, save.user_error, cause, save.route, dict(save.thing),
        held.get(APP_STATUS), held[WITNESSES], held.get(names.REQUEST_BODY_SIZE),
    )  # fmt: skip
