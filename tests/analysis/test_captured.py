"""What capture writes into its own file is read back as the saves that were made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask
import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis.differences import compare
from otel_savetrace.analysis.episodes import episodes
from otel_savetrace.analysis.headline import headline
from otel_savetrace.analysis.saves import saves
from otel_savetrace.config import Settings
from otel_savetrace.environment_variables import OTEL_SAVETRACE_FILE, OTEL_SAVETRACE_KEY_PATTERN
from otel_savetrace.errors import SettingError
from otel_savetrace.spans.otlp_json import read_path
from tests.fixture_capture import Captured
from tests.raw_store import RawStore, refused, reset

PATTERN = "storymapjs/{storymap.user_id}/{storymap.id}/{storymap.file}"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Write every span to a file, and name the parts of the key."""

    def refuse(error: SettingError) -> None:
        raise error

    return Settings.read(
        {OTEL_SAVETRACE_FILE: str(tmp_path / "spans.jsonl"), OTEL_SAVETRACE_KEY_PATTERN: PATTERN}, refuse
    )


def test_a_failure_and_its_retry_come_back_from_the_file(
    captured: Captured, store: RawStore, client_of: Callable[..., Any], tmp_path: Path
) -> None:
    """A save that failed after two refusals, and its retry, whose first try was reset, are one episode."""
    client = client_of(store, retries=1)
    app = flask.Flask("maps")

    @app.post("/storymap/save/")
    def save() -> dict[str, str]:
        try:
            client.put_object(Bucket="maps", Key="storymapjs/ada/my-map/draft.json", Body=b"x" * 500)
        except client.exceptions.ClientError:
            return {"error": "Unable to save StoryMap"}
        return {"ok": "yes"}

    store.script = [refused("503 Slow Down", "SlowDown"), refused("503 Slow Down", "SlowDown"), reset]
    for _ in range(2):
        app.test_client().post("/storymap/save/")
    captured.provider.force_flush()
    reading = read_path(tmp_path / "spans.jsonl")
    assert reading.skipped == ()
    (episode,) = episodes(saves(reading.spans))
    failed, retry = episode.failed[0], episode.recovered_by
    assert retry is not None
    assert (episode.state, episode.same_content) == ("recovered", True)
    assert (failed.error_code, failed.user_error) == ("SlowDown", "Unable to save StoryMap")
    assert failed.thing == {
        "storymap.user_id": "ada", "storymap.id": "my-map", "storymap.file": "draft.json",
    }  # fmt: skip
    told = [[attempt.outcome for call in save.calls for attempt in call.attempts] for save in (failed, retry)]
    assert told == [["503 SlowDown", "503 SlowDown"], ["connection reset", "200"]]
    heads = [attempt.header_bytes for save in (failed, retry) for attempt in save.calls[0].attempts]
    assert heads == [len(seen.head) for seen in store.seen]
    assert [attempt.connection for attempt in failed.calls[0].attempts] == ["new", "reused"]
    assert [attempt.connection_requests for attempt in failed.calls[0].attempts] == [0, 1]
    assert (failed.stage, failed.stored, retry.stored) == ("storage", "no", "yes")
    assert retry.calls[0].attempts[0].errno == "ECONNRESET"
    said = headline(compare(failed, retry))
    assert said.startswith("The earlier save failed: SlowDown after 2 of 2 attempts; ")
    assert said.endswith(" later the same content was saved after 1 retry by the client.")


def test_saves_that_differ_in_one_thing_differ_in_that(
    captured: Captured, store: RawStore, client_of: Callable[..., Any], tmp_path: Path
) -> None:
    """Of two real saves of one worker, user metadata differs: what neither writes is no difference."""
    client = client_of(store)
    app = flask.Flask("maps")

    @app.post("/storymap/save/")
    def save() -> dict[str, str]:
        about = {"note": "x" * 40} if flask.request.args else {}
        client.put_object(Bucket="maps", Key="storymapjs/ada/my-map/a ä.json", Body=b"x", Metadata=about)
        return {}

    for _ in range(2):  # so that both find a connection that was used
        client.get_object(Bucket="maps", Key="x")["Body"].read()
    for query in ("", "?noted=1"):
        app.test_client().post(f"/storymap/save/{query}")
    captured.provider.force_flush()
    plain, noted = saves(read_path(tmp_path / "spans.jsonl").spans)
    found = {
        one.attribute: (one.a, one.b) for one in compare(plain, noted).differences if not one.consequence
    }
    assert found.pop(names.METADATA_BYTES) == (0, 44)
    assert set(found) <= {
        names.HEADER_BYTES, names.HEADER_SECTION_BYTES, names.LARGEST_HEADERS, names.SIGNED_HEADERS,
        "url.path", "http.url", "url.query",
    }  # fmt: skip
    heads = [len(seen.head) for seen in store.seen[-2:]]
    assert found[names.HEADER_BYTES] == (heads[0], heads[1])
