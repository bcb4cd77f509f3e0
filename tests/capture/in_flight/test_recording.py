"""What stands in a process's file while its saves live, and what does not."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

import otel_savetrace
from otel_savetrace import attributes as attribute
from otel_savetrace.capture import in_flight
from otel_savetrace.capture.in_flight import record
from otel_savetrace.capture.in_flight.missing_spans import doing_of
from otel_savetrace.capture.in_flight.record import Unfinished
from otel_savetrace.capture.key_pattern import KeyPattern
from otel_savetrace.capture.save import live_save
from otel_savetrace.config import RequestAttribute
from tests.capture.in_flight.watching import records
from tests.fixture_capture import Captured
from tests.raw_store import RawStore, Visit, refused, reset, stored

USER, MAP, TITLE = "0123456789abcdef", "my-map", "a-private-title"
KEY = f"maps/{USER}/{MAP}/draft.json"

Look = Callable[[], list[Unfinished]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the record is kept."""
    return tmp_path / "in-flight"


@pytest.fixture
def settings(folder: Path, request: pytest.FixtureRequest) -> otel_savetrace.Settings:
    """Settings as a user has them, with the record in `folder`; a test gives others as a dict."""
    made = otel_savetrace.Settings(
        in_flight=folder,
        key_patterns=(KeyPattern.parse("maps/{map.user}/{map.id}/{map.file}"),),
        request_attributes=(
            RequestAttribute("map.id", "view", "map_id"),
            RequestAttribute("map.title", "form", "title"),
        ),
    )
    return dataclasses.replace(made, **getattr(request, "param", {}))


@dataclasses.dataclass
class Site:
    """An app that saves; `look` is called in the view before it stores, and `after` once it has."""

    store: RawStore
    client: Any
    look: Callable[[], object] = lambda: None
    after: Callable[[], object] = lambda: None

    def app(self, name: str = "maps") -> flask.Flask:
        """Return the app."""
        app = flask.Flask(name)
        app.secret_key = "of this test"

        @app.post("/save/<map_id>")
        def save(map_id: str) -> str:
            assert flask.request.form["title"] == TITLE
            self.look()
            self.client.put_object(Bucket="bucket", Key=KEY, Body=b"content")
            self.after()
            return "saved"

        @app.get("/load")
        def load() -> str:
            self.look()
            return "loaded"

        return app

    def save(self, app: flask.Flask) -> int:
        """Save once; returns the status."""
        return app.test_client().post(f"/save/{MAP}", data={"title": TITLE}).status_code


@pytest.fixture
def site(captured: Captured, store: RawStore, client_of: Callable[..., Any]) -> Site:
    """The app and its store."""
    return Site(store, client_of(store, retries=1))


@pytest.fixture
def now(folder: Path) -> Look:
    """Give what stands in the record at this moment."""
    return lambda: [save for one in records(folder) for save in one.saves]


def _during(site: Site, look: Look, *answers: Callable[[Visit], None]) -> list[list[Unfinished]]:
    """Save once; returns what stood in the record as each request reached the store."""
    seen: list[list[Unfinished]] = []

    def looking(answer: Callable[[Visit], None]) -> Callable[[Visit], None]:
        def give(visit: Visit) -> None:
            seen.append(look())
            answer(visit)

        return give

    site.store.script = [looking(answer) for answer in answers]
    site.save(site.app())
    return seen


def test_a_save_in_its_attempt(site: Site, now: Look, captured: Captured) -> None:
    """While the store has the request: whose span it is, what is stored, and that nobody knows whether."""
    (((save,),)) = _during(site, now, stored)
    (span,) = captured.saves
    assert span.context is not None
    assert (save.trace_id, save.span_id) == (span.context.trace_id, span.context.span_id)
    assert save.started == span.start_time
    assert save.parent_span_id is None
    assert save.name == span.name == "POST /save/<map_id>"
    assert save.names == {"http.method": "POST", "http.route": "/save/<map_id>"}
    assert save.object == ("bucket", KEY)
    assert save.about == {"map.title": TITLE}
    assert (save.stored, save.wrote, save.outcome) == (record.UNKNOWN, True, record.UNANSWERED)
    assert doing_of(save) == "attempt 1 of 2 of PutObject"
    (call,) = captured.calls
    assert call.context is not None
    assert (save.call_span_id, save.call_started) == (call.context.span_id, call.start_time)


def test_a_save_that_has_stored(site: Site, now: Look) -> None:
    """After the store's answer it is known to be stored, and the app is at work."""
    seen: list[Unfinished] = []
    site.after = lambda: seen.extend(now())
    site.save(site.app())
    assert [(save.stored, doing_of(save), save.call_span_id) for save in seen] == [
        (record.YES, "in the app", 0)
    ]


@pytest.mark.parametrize(
    ("answer", "known"), [(refused("503 Slow Down", "SlowDown"), record.NO), (reset, record.UNKNOWN)]
)
def test_between_two_attempts(
    site: Site, now: Look, monkeypatch: pytest.MonkeyPatch, answer: Callable[[Visit], None], known: int
) -> None:
    """A refusal stores nothing, after a reset nobody knows; the next attempt is named."""
    seen: list[Unfinished] = []
    monkeypatch.setattr("botocore.endpoint.time.sleep", lambda _: seen.extend(now()))
    _during(site, now, answer, stored)
    assert [(save.stored, doing_of(save)) for save in seen] == [
        (known, "backing off before attempt 2 of 2 of PutObject")
    ]


def test_a_request_that_is_answered_leaves_its_slot(site: Site, now: Look) -> None:
    """No span waits in memory here: once the request is over, nothing stands in the record."""
    site.save(site.app())
    assert now() == []


def test_an_answer_stays_until_its_span_is_handed_over(
    site: Site, now: Look, instrumented: Captured, settings: otel_savetrace.Settings
) -> None:
    """A span that waits to be exported is kept in the record, with what became of the save, until it is."""
    otel_savetrace.uninstrument()
    exporter = InMemorySpanExporter()
    instrumented.provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=3_600_000))
    otel_savetrace.instrument(instrumented.provider, settings)
    app = site.app()
    site.store.script = [refused("403 Forbidden", "AccessDenied"), stored]
    assert [site.save(app), site.save(app)] == [500, 200]
    failed, worked = sorted(now(), key=lambda save: save.started)
    assert (failed.outcome, failed.status, worked.outcome, worked.status) == (
        record.FAILED, 500, record.SUCCEEDED, 200,
    )  # fmt: skip
    assert failed.about[attribute.ERROR_CODE] == "AccessDenied"
    assert failed.about[attribute.S3_KEY] == KEY
    assert worked.stored == record.YES
    instrumented.provider.force_flush()
    assert now() == []


class _Choosy(BatchSpanProcessor):
    """Somebody's processor that exports what it likes."""

    def on_end(self, span: ReadableSpan) -> None:
        """Export nothing."""


def test_a_processor_that_leaves_spans_out_is_not_waited_for(
    site: Site, now: Look, instrumented: Captured, settings: otel_savetrace.Settings
) -> None:
    """Where nobody can know which spans it will export, a save leaves its slot at its end."""
    otel_savetrace.uninstrument()
    instrumented.provider.add_span_processor(_Choosy(InMemorySpanExporter()))
    otel_savetrace.instrument(instrumented.provider, settings)
    site.save(site.app())
    assert now() == []


def test_a_span_that_was_dropped_is_not_waited_for(
    site: Site,
    now: Look,
    instrumented: Captured,
    settings: otel_savetrace.Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What no exporter has had after five minutes was dropped: its slot is free again."""
    otel_savetrace.uninstrument()
    exporter = InMemorySpanExporter()
    instrumented.provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=3_600_000))
    otel_savetrace.instrument(instrumented.provider, settings)
    site.save(site.app())
    recorder = in_flight.recorder
    assert recorder is not None
    recorder.look()
    assert len(now()) == 1
    later = time.time_ns() + 301 * 10**9
    monkeypatch.setattr("time.time_ns", lambda: later)
    recorder.look()
    assert now() == []


def test_a_request_that_is_no_save_is_not_recorded(site: Site, now: Look, folder: Path) -> None:
    """One that stores nothing, on a route that never did, makes no file."""
    seen: list[Unfinished] = []
    site.look = lambda: seen.extend(now())
    site.app().test_client().get("/load")
    assert seen == []
    assert not folder.exists()


def test_a_save_on_a_learned_route_is_recorded_from_its_beginning(site: Site, now: Look) -> None:
    """The second save on a route has its slot before it stores; so has none of another app's like it."""
    seen: list[list[Unfinished]] = []
    site.look = lambda: seen.append(now())
    app = site.app()
    site.save(app)
    site.save(app)
    site.save(site.app("another"))
    assert [[(save.wrote, save.stored) for save in saves] for saves in seen] == [
        [],
        [(False, record.NO)],
        [],
    ]


def test_a_look_from_elsewhere_tells_what_it_does_and_what_its_request_has_given(
    site: Site, now: Look
) -> None:
    """What the app has read of its request since, and what is waited for, a thread of ours writes down."""
    seen: list[Unfinished] = []

    def look() -> None:
        recorder = in_flight.recorder
        assert recorder is not None
        thread = threading.Thread(target=recorder.look)
        thread.start()
        thread.join()
        seen.extend(now())

    app = site.app()
    site.save(app)
    site.look = look
    site.save(app)
    (save,) = seen
    assert save.about == {"map.id": MAP, "map.title": TITLE}
    assert save.object is None
    assert doing_of(save) == "in the app"


@pytest.mark.parametrize("settings", [{"keys": "hash"}, {"keys": "none"}], indirect=True, ids=str)
@pytest.mark.parametrize("answer", [stored, refused("403 Forbidden", "AccessDenied")])
def test_no_key_stands_in_the_file_where_none_may(
    site: Site, folder: Path, now: Look, captured: Captured, answer: Callable[[Visit], None]
) -> None:
    """With hidden keys no key, part of one or text of the app is in the file at any moment."""
    contents: list[bytes] = []
    site.after = lambda: contents.extend(path.read_bytes() for path in folder.iterdir())
    ((save,),) = _during(site, now, lambda visit: (site.after(), answer(visit))[-1])  # type: ignore[func-returns-value]
    contents += [path.read_bytes() for path in folder.iterdir()]
    assert save.wrote
    for content in contents:
        assert not any(word.encode() in content for word in (USER, MAP, TITLE, KEY))


def test_a_save_without_a_free_slot_goes_on(
    site: Site, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """With every slot taken saves go on unrecorded: one line says so, and the file how often."""
    app = site.app()
    site.save(app)
    recorder = in_flight.recorder
    assert recorder is not None
    assert recorder.file is not None
    recorder.file.free.clear()
    assert [site.save(app), site.save(app)] == [200, 200]
    recorder.file.beat(0)
    (held,) = records(folder)
    assert held.unrecorded >= 2
    assert [line for line in caplog.messages if "in flight" in line] == [
        "otel-savetrace: more than 128 saves of this process are in flight or wait to be exported;"
        " those beyond are lost if it is killed outright."
    ]


@pytest.mark.parametrize("settings", [{"in_flight": False}], indirect=True, ids=str)
def test_it_can_be_switched_off(site: Site, folder: Path) -> None:
    """Switched off there is no file, no thread and no slot."""
    seen: list[Any] = []
    site.after = lambda: seen.append(live_save())
    assert site.save(site.app()) == 200
    assert [save.slot for save in seen] == [None]
    assert in_flight.recorder is None
    assert not folder.exists()
    assert "savetrace-in-flight" not in {thread.name for thread in threading.enumerate()}


def test_a_refused_folder_costs_one_line(
    captured: Captured,
    store: RawStore,
    client_of: Callable[..., Any],
    folder: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A folder that others may enter is not used: one line says so, and saves go on."""
    folder.mkdir()
    folder.chmod(0o755)
    site = Site(store, client_of(store))
    app = site.app()
    assert [site.save(app) for _ in range(3)] == [200, 200, 200]
    (line,) = [one.getMessage() for one in caplog.records if "in flight" in one.getMessage()]
    assert "it is not this user's alone" in line
    assert str(folder) in line
    assert "OTEL_SAVETRACE_IN_FLIGHT" in line


@pytest.fixture(autouse=True)
def _threads_end() -> Iterator[None]:
    """Wait for the thread of the test before, so that one test never sees another's."""
    yield
    for thread in threading.enumerate():
        if thread.name == "savetrace-in-flight":
            thread.join()
