"""A failed save and what ended it: paired by thing and user, never across two of either."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest

from otel_savetrace.analysis.content import same_content
from otel_savetrace.analysis.episodes import WINDOW_SECONDS, Episode, episodes
from otel_savetrace.analysis.saves import Save
from tests.fixture_spans import FAILED_PUT, RESET, Put, SpanFile

ReadSaves = Callable[[], list[Save]]

OTHER = ("crc32:00000002", 9_000)


def told(found: list[Episode]) -> list[tuple[str, int, bool | None]]:
    """Say of each episode its state, how many saves failed, and whether the content was the same."""
    return [(episode.state, len(episode.failed), episode.same_content) for episode in found]


def test_failures_and_the_success_after_them_are_one_episode(
    span_file: SpanFile, read_saves: ReadSaves
) -> None:
    """Two failed saves and the one that worked are one episode; successes before and after are in none."""
    span_file.save(0.0)
    first = span_file.save(10.0, [FAILED_PUT], outcome="failed")
    span_file.save(20.0, [Put([RESET])], outcome="failed")
    ended = span_file.save(30.0)
    span_file.save(40.0)
    (episode,) = episodes(read_saves())
    assert told([episode]) == [("recovered", 2, True)]
    assert episode.failed[0].trace_id == first
    assert episode.recovered_by is not None
    assert episode.recovered_by.trace_id == ended
    assert episode.seconds == pytest.approx(30.0 - 11.662)


@pytest.mark.parametrize(
    "retry",
    [
        {"user": "bob"},
        {"storymap": "other-map"},
        {"http__route": "/storymap/publish/"},
        {"enduser__id": "bob"},
    ],
)
def test_another_user_thing_or_route_is_no_retry(
    span_file: SpanFile, read_saves: ReadSaves, retry: dict[str, str]
) -> None:
    """A save by someone else, of something else or on another route ends no episode."""
    span_file.save(0.0, [FAILED_PUT], outcome="failed")
    span_file.save(10.0, [Put(content=OTHER)], **retry)  # type: ignore[arg-type]  # one of several keywords
    assert told(episodes(read_saves())) == [("open", 1, None)]


def test_a_retry_of_another_file_of_the_same_thing_is_one(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """The ids name the thing: which of its files failed does not matter."""
    index = dataclasses.replace(FAILED_PUT, file="index.html")
    span_file.save(0.0, [Put(file="published.json"), index], outcome="failed", file_named=True)
    span_file.save(10.0, [Put(file="published.json")], file_named=True)
    assert [save.thing["storymap.file"] for save in read_saves()] == ["index.html", "published.json"]
    assert [episode.state for episode in episodes(read_saves())] == ["recovered"]


def test_a_save_after_the_window_is_no_retry(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """A success later than the window leaves the episode abandoned; one just within it ends it."""
    span_file.save(0.0, [FAILED_PUT], outcome="failed")
    span_file.save(WINDOW_SECONDS + 10.0)
    span_file.save(10_000.0, [FAILED_PUT], outcome="failed")
    span_file.save(10_000.0 + WINDOW_SECONDS)
    assert told(episodes(read_saves())) == [("abandoned", 1, None), ("recovered", 1, True)]


def test_the_end_of_the_data_is_not_the_end_of_the_window(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """A failure with less data after it than the window is open: none can say how it went on."""
    span_file.save(0.0, [FAILED_PUT], outcome="failed", storymap="given-up")
    span_file.save(WINDOW_SECONDS, [FAILED_PUT], outcome="failed", user="eve")
    span_file.save(WINDOW_SECONDS + 60.0, storymap="another", user="bob")
    assert told(episodes(read_saves())) == [("abandoned", 1, None), ("open", 1, None)]


def test_an_end_that_was_not_seen_ends_no_episode(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """A save whose outcome is unknown is neither a failure nor a recovery."""
    span_file.save(0.0, [FAILED_PUT], outcome="failed")
    span_file.save(10.0, outcome="unknown")
    ended = span_file.save(20.0)
    (episode,) = episodes(read_saves())
    assert told([episode]) == [("recovered", 1, True)]
    assert episode.recovered_by is not None
    assert episode.recovered_by.trace_id == ended


def test_content_is_compared_object_by_object(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Equal hash and size of each object that both wrote is the same content; a side unknown is no answer."""
    span_file.save(0.0, [Put(file="a"), Put(file="b")])
    span_file.save(1.0, [Put(file="a")])
    span_file.save(2.0, [Put(file="a", content=OTHER)])
    span_file.save(3.0, [Put(file="a", content=None)])
    span_file.save(4.0, [Put(file="a"), Put(file="b", content=OTHER)])
    both, first, changed, unknown, half_changed = read_saves()
    assert same_content(both, first) is True
    assert same_content(both, changed) is False
    assert same_content(both, half_changed) is False
    assert same_content(both, unknown) is None


def test_saves_of_which_nothing_is_known_are_not_paired(span_file: SpanFile, read_saves: ReadSaves) -> None:
    """Two saves that tell neither thing nor user are never taken for the same."""
    span_file.save(0.0, [FAILED_PUT], outcome=None, http__status_code=500)
    span_file.save(1.0, outcome=None, savetrace__outcome="succeeded")
    assert told(episodes(read_saves())) == [("open", 1, None)]
