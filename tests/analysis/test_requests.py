"""Requests whose own span says little, or is not there: what their storage calls tell of them."""

from __future__ import annotations

from collections.abc import Callable

from opentelemetry.trace import SpanKind

from otel_savetrace import attributes as names
from otel_savetrace.analysis.episodes import episodes
from otel_savetrace.analysis.saves import Save
from tests.fixture_spans import ROUTE, Facts, SpanFile

ReadSaves = Callable[[], list[Save]]

WRITTEN: Facts = {
    "storymap.user_id": "ada", "storymap.id": "my-map", names.S3_BUCKET: "maps", names.S3_KEY: "ada/my-map",
    names.CONTENT_HASH: "crc32:00000001", names.CONTENT_SIZE: 12_000,
}  # fmt: skip


def cut(span_file: SpanFile, at: float, *, written: bool = True, ended: bool = True) -> None:
    """Write what a worker leaves that is killed in the middle of a save: of SIGKILL not even its own span."""
    server = span_file.span(f"POST {ROUTE}", at, kind=SpanKind.SERVER)
    server.set_attributes({"http.method": "POST", "http.route": ROUTE})
    if written:
        call = span_file.span("S3.PutObject", at + 0.1, server, SpanKind.CLIENT)
        call.set_attributes(WRITTEN)
        call.end(call.start_time + 10**9 if call.start_time else None)
    if ended:
        server.end(server.start_time + 2 * 10**9 if server.start_time else None)


def test_a_killed_workers_save_is_known_by_its_calls(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Its span ended without an answer and without what was saved: the call tells, and the retry finds it."""
    cut(span_file, 0.0)
    (save,) = read_saves()
    assert (save.outcome, save.answered, save.seen) == ("unknown", "no", True)
    assert save.thing == {"storymap.user_id": "ada", "storymap.id": "my-map"}
    span_file.save(10.0)
    (episode,) = episodes(read_saves())
    assert (episode.state, episode.paired_by, len(episode.failed)) == ("recovered", "inferred", 1)


def test_a_request_that_died_before_it_could_store_is_a_save(
    span_file: SpanFile, read_saves: ReadSaves
) -> None:
    """A span without an answer counts on a route that others save by, and on no other."""
    cut(span_file, 0.0, written=False)
    assert read_saves() == []
    span_file.save(10.0)
    assert [(save.outcome, save.answered) for save in read_saves()] == [
        ("unknown", "no"),
        ("succeeded", "yes"),
    ]


def test_a_request_whose_span_is_missing_is_known_by_its_calls(
    span_file: SpanFile, read_saves: ReadSaves
) -> None:
    """Calls whose request is not there are one save, unknown until the very same comes again."""
    cut(span_file, 0.0, ended=False)
    (save,) = read_saves()
    assert (save.outcome, save.answered, save.route, save.seconds) == ("unknown", "unseen", "", 1.0)
    assert episodes([save]) == []
    span_file.save(10.0)
    (episode,) = episodes(read_saves())
    assert [one.answered for one in episode.failed] == ["unseen"]


def test_a_queues_task_is_no_request(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """A write below a consumer's span, or below nothing at all, is nobody's save."""
    elsewhere = span_file.span("publish", 0.0, kind=SpanKind.PRODUCER)
    task = span_file.span("task", 0.0, elsewhere, SpanKind.CONSUMER)
    for parent in (task, None):
        call = span_file.span("S3.PutObject", 0.1, parent, SpanKind.CLIENT)
        call.set_attributes(WRITTEN)
        call.end()
    task.end()
    assert read_saves() == []
