"""The whole way: an app under gunicorn, OTLP, the real Collector, the real Jaeger, and back to a person."""

from __future__ import annotations

import dataclasses
import datetime
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from otel_savetrace import attributes as attribute
from otel_savetrace.analysis.calls import is_attempt
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.commands.group import savetrace
from otel_savetrace.demo import faults
from otel_savetrace.demo.faults import Plan, Rule
from otel_savetrace.spans import sources
from otel_savetrace.spans.reading import Query
from otel_savetrace.spans.rows import Span
from tests.e2e import traffic
from tests.e2e.traffic import Answer, Request
from tests.fixture_app import TO_A_FILE, App, StartApp
from tests.fixture_collector import ALL_LAYERS, Collector, StartCollector, make_collector
from tests.fixture_jaeger import POLL_SECONDS, Jaeger, StartJaeger, Storage, make_jaeger
from tests.fixture_wheel import Installation
from tests.jaeger_query import find_traces

SERVICE = TO_A_FILE["OTEL_SERVICE_NAME"]
ARRIVAL_SECONDS = 60.0


def _to(collector: Collector, protocol: str | None) -> dict[str, str]:
    """Variables that send spans to the Collector, and to the file: the truth to hold Jaeger against."""
    variables = {name: value for name, value in TO_A_FILE.items() if name != "OTEL_TRACES_EXPORTER"}
    if protocol is None:
        return {**variables, "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.grpc}"}
    return {
        **variables,
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{collector.http}",
        "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
    }


@dataclasses.dataclass
class Story:
    """What was saved, and where its traces are: `rivers` failed by SlowDown, then was saved again."""

    app: App
    jaeger: Jaeger

    @property
    def in_file(self) -> list[Save]:
        """The saves, from the app's own file."""
        return saves(self.app.spans())

    def of(self, storymap_id: str) -> list[Save]:
        """The saves of one storymap, the first one first."""
        return [save for save in self.in_file if save.thing.get("storymap.id") == storymap_id]


WAYS: dict[str, tuple[Storage, str | None]] = {
    "the distro's default, Badger": ("badger", None),
    "http/protobuf, memory": ("memory", "http/protobuf"),
}


@pytest.fixture(scope="module", params=WAYS)
def told(
    request: pytest.FixtureRequest,
    jaeger_program: Path,
    otelcol_program: Path,
    start_app_of_session: StartApp,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Story]:
    """A story that has gone all the way to Jaeger."""
    storage, protocol = WAYS[request.param]
    folder = tmp_path_factory.mktemp("way")
    jaeger = make_jaeger(jaeger_program, folder / "jaeger", storage, {})
    to_jaeger = {"COLLECTOR_JAEGER": jaeger.otlp}
    collector = make_collector(otelcol_program, folder / "collector", ALL_LAYERS, to_jaeger)
    with jaeger.process, collector.process:
        app = start_app_of_session(
            _to(collector, protocol),
            plan=Plan(
                (
                    Rule(faults.SLOW_DOWN, "storymapjs/ada/rivers/", times=3),
                    Rule(faults.SLOW_DOWN, "storymapjs/ada/rescued/", times=1),
                    Rule(faults.INTERNAL_ERROR, "storymapjs/ada/trains/", times=3),
                )
            ),
            options=("--workers", "2"),
        )
        for storymap_id in ("rivers", "rivers", "rescued", "trains", "harbours"):
            app.exchange("POST", f"/save/{storymap_id}", b'{"slides": []}')
        app.exchange("POST", "/rejected/harbours", b"{}")
        app.stop()
        jaeger.wait_for(Counter(span.trace_id for span in app.spans()), ARRIVAL_SECONDS)
        yield Story(app, jaeger)


def test_a_failed_save_is_found_by_what_is_known_of_it(told: Story) -> None:
    """By storymap, outcome and code Jaeger finds those saves and no others, by either of its APIs."""
    failed, retry = (save.trace_id for save in told.of("rivers"))
    trains, rejected = told.of("trains")[0].trace_id, told.of("harbours")[1].trace_id
    searches: list[tuple[Mapping[str, str], set[str]]] = [
        ({"storymap.id": "rivers"}, {failed, retry}),
        ({attribute.OUTCOME: "failed"}, {failed, trains, rejected}),
        ({attribute.ERROR_CODE: "InternalError", attribute.OUTCOME: "failed"}, {trains}),
        (
            {"storymap.id": "rivers", attribute.OUTCOME: "failed", attribute.ERROR_CODE: "SlowDown"},
            {failed},
        ),
    ]
    for wanted, expected in searches:
        assert told.jaeger.search(SERVICE, wanted) == expected
        assert find_traces(told.jaeger.process.environment["JAEGER_GRPC"], SERVICE, wanted) == expected


def test_jaegers_comparison_shows_the_attempts_and_nothing_else(told: Story) -> None:
    """Held against each other as Jaeger's page does it, failure and retry differ in their attempts only."""
    failed, retry = (_nodes(_from_jaeger(told, save.trace_id)) for save in told.of("rivers"))
    differing = {node: failed[node] - retry[node] for node in failed | retry if failed[node] != retry[node]}
    way = ((SERVICE, "POST /save/<storymap_id>"), (SERVICE, "S3.PutObject"))
    assert differing == {
        (*way, (SERVICE, "attempt: 503 SlowDown"), False): 3,
        (*way, (SERVICE, "attempt: 200"), False): -1,
    }


def _from_jaeger(told: Story, trace_id: str) -> list[Span]:
    return list(sources.read(told.jaeger.url, Query(trace_ids=(trace_id,))).spans)


def _nodes(spans: list[Span]) -> Counter[tuple[object, ...]]:
    """Count spans per node as Jaeger's page does: the path of service and operation, and whether a leaf."""
    by_id = {span.span_id: span for span in spans}
    parents = {span.parent_span_id for span in spans}

    def path(span: Span) -> tuple[object, ...]:
        above = by_id.get(span.parent_span_id or "")
        return (*(path(above) if above else ()), (span.service, span.name))

    return Counter((*path(span), span.span_id in parents) for span in spans)


def test_the_spans_in_jaeger_are_those_in_the_file(told: Story) -> None:
    """Every span of the file is in Jaeger, with the same attributes, names, status and place."""
    in_jaeger = {span.span_id: span for span in sources.read(told.jaeger.url).spans}
    in_file = {span.span_id: span for span in told.app.spans()}
    assert in_jaeger.keys() == in_file.keys()
    assert any(map(is_attempt, in_file.values()))
    for span_id, span in in_file.items():
        assert _content(in_jaeger[span_id]) == _content(span)


def _content(span: Span) -> dict[str, Any]:
    # Jaeger keeps microseconds, and on Badger no attributes of links.
    content = dataclasses.asdict(span)
    for link in content["links"]:
        del link["attributes"]
    for name in ("start_nanoseconds", "end_nanoseconds", "events", "resource"):
        del content[name]
    return content


def test_list_says_the_same_of_jaeger_and_of_the_file(told: Story, cli_installation: Installation) -> None:
    """`savetrace list` gives the same saves and episodes, whichever of the two it reads."""
    documents = [_json(cli_installation, "list", source) for source in _sources(told)]
    assert [len(document["saves"]) for document in documents] == [6, 6]
    assert _flat(documents[0]) == pytest.approx(_flat(documents[1]), abs=5e-6)


def test_compare_says_the_same_of_jaeger_and_of_the_file(told: Story, cli_installation: Installation) -> None:
    """`savetrace compare` gives the same comparison, whichever of the two it reads."""
    traces = [save.trace_id for save in told.of("rivers")]
    documents = [_json(cli_installation, "compare", source, *traces) for source in _sources(told)]
    assert documents[0]["compare_url"] == f"{told.jaeger.url}/trace/{traces[0]}...{traces[1]}"
    assert _flat(documents[0]) == pytest.approx(_flat(documents[1]), abs=5e-6)


def test_report_says_the_same_of_jaeger_and_of_the_file(told: Story) -> None:
    """`savetrace report` gives the same verdicts on the same figures, whichever of the two it reads."""
    documents = []
    for source in _sources(told):
        ran = CliRunner().invoke(savetrace, ["report", "--json-episodes", source])
        assert (ran.exit_code, ran.stderr) == (0, ""), ran
        documents.append(json.loads(ran.stdout))
    in_jaeger, in_file = documents
    assert in_jaeger["saves"]["failed"] == 3
    assert _flat(in_jaeger) == pytest.approx(_flat(in_file), abs=5e-6)


def _sources(told: Story) -> tuple[str, str]:
    return told.jaeger.url, str(told.app.spans_file)


def _json(installation: Installation, command: str, *arguments: str) -> Any:
    said = installation.run("savetrace", command, "--json", *arguments)
    assert (said.returncode, said.stderr) == (0, ""), said
    return json.loads(said.stdout)


def _flat(document: Any, place: str = "") -> dict[str, Any]:
    """Every value by its place; without what names the source. Times become seconds since 1970."""
    entries: Iterable[tuple[Any, Any]]
    if isinstance(document, dict):
        entries = ((name, held) for name, held in document.items() if name not in {"sources", "compare_url"})
    elif isinstance(document, list):
        entries = enumerate(document)
    elif place.endswith("/time"):
        return {place: datetime.datetime.fromisoformat(document.replace("Z", "+00:00")).timestamp()}
    else:
        return {place: document}
    return {key: held for name, part in entries for key, held in _flat(part, f"{place}/{name}").items()}


class Users:
    """Users who save one storymap after another until they are told to end; `answers` is what they got."""

    def __init__(self, app: App, threads: int = 4) -> None:
        self.app = app
        self.answers: list[Answer] = []
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(user,)) for user in range(threads)]

    def _run(self, user: int) -> None:
        number = user * 10_000
        while not self._end.is_set():
            self.answers += traffic.send(self.app, [Request(number, "save", b'{"slides": []}')], users=1)
            number += 1

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Let them save for as long as the block runs."""
        for thread in self._threads:
            thread.start()
        try:
            yield
        finally:
            self._end.set()
            for thread in self._threads:
                thread.join()

    def wait_for(self, more: int) -> None:
        """Return once `more` saves were answered from now on."""
        goal = len(self.answers) + more
        _until(lambda: len(self.answers) >= goal, f"{goal} saves")


def _until(holds: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + ARRIVAL_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"not within {ARRIVAL_SECONDS:g} s: {what}"
        time.sleep(POLL_SECONDS)


def test_every_save_is_found_though_jaeger_and_the_collector_are_killed(
    start_jaeger: StartJaeger, start_collector: StartCollector, start_app: StartApp
) -> None:
    """Each, then both, are killed amid traffic and come back: every save of every user is there, whole."""
    jaeger = start_jaeger("badger")
    collector = start_collector(jaeger=jaeger)
    # By default the exporter gives a batch up after ten seconds, and spans beyond 2,048 while it waits.
    patient = {
        "OTEL_EXPORTER_OTLP_TIMEOUT": "60",
        "OTEL_BSP_MAX_QUEUE_SIZE": "100000",
        "OTEL_BSP_SCHEDULE_DELAY": "100",
    }
    app = start_app({**_to(collector, None), **patient}, options=("--workers", "2", "--threads", "4"))
    users = Users(app)
    with users.at_work():
        users.wait_for(50)
        for part in (jaeger.process, collector.process):
            part.kill()
            users.wait_for(50)
            part.start()
            users.wait_for(50)
        jaeger.process.kill()
        collector.process.kill()
        users.wait_for(50)
        collector.process.start()
        users.wait_for(50)
        jaeger.process.start()
    app.stop()
    made = {answer.request.storymap_id for answer in users.answers}
    assert all(answer.saved for answer in users.answers)
    assert {save.thing["storymap.id"] for save in saves(app.spans())} == made

    _until(lambda: len(_ids(jaeger)) >= len(app.spans()), "every span in Jaeger")
    assert _ids(jaeger) == {(span.trace_id, span.span_id) for span in app.spans()}
    found = Counter(save.thing["storymap.id"] for save in saves(sources.read(jaeger.url).spans))
    assert found == dict.fromkeys(made, 1)


def _ids(jaeger: Jaeger) -> set[tuple[str, str]]:
    return {(span.trace_id, span.span_id) for span in sources.read(jaeger.url).spans}
