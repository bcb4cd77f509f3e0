"""Storage lines: whoever wrote them, in whatever envelope, each save is known by its own lines alone."""

from __future__ import annotations

import datetime
import gzip
import json
import os
from collections.abc import Iterable
from pathlib import Path

import pytest
import zstandard

from otel_savetrace import attributes as names
from otel_savetrace.analysis.causes import cause_of
from otel_savetrace.analysis.episodes import episodes
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.analysis.troubled import trouble_among
from otel_savetrace.logs.reading import read_log_lines
from otel_savetrace.spans.reading import Skipped
from otel_savetrace.spans.sources import read

KEY = "storymapjs/user/map/draft.json"
FACTS = f"key={KEY} key_len={len(KEY)} content_size=12345"
ATTEMPT = f"[SAVE_ATTEMPT] save_json: {FACTS}"
SUCCESS = f"[SAVE_SUCCESS] save_json: key={KEY}"
SLOW_DOWN = "[STORAGE_ERROR] ClientError: SlowDown in save_json()"
OF_KEY = f"[STORAGE_ERROR] Key: {KEY}... (len={len(KEY)})"
OF_SIZE = "[STORAGE_ERROR] Content size: 12345"
RESPONSE = (
    "[STORAGE_ERROR] Error response: {'Error': {'Code': 'SlowDown', 'Message': 'Please reduce your request"
    " rate.'}, 'ResponseMetadata': {'RequestId': 'R1', 'HostId': 'H1', 'HTTPStatusCode': 503, 'HTTPHeaders':"
    " {'server': 'AmazonS3'}, 'RetryAttempts': 4}}"
)
NOON = datetime.datetime(2026, 11, 24, 12, tzinfo=datetime.timezone.utc)


def told(*lines: str) -> tuple[list[Save], dict[str, int]]:
    """Return the saves of a log, oldest first, and what of it was not read."""
    reading = read_log_lines([f"{line}\n".encode() for line in lines], "app.log")
    return saves(reading.spans), {skipped.why: skipped.count for skipped in reading.skipped}


def at(seconds: float) -> str:
    """Return a time as logging writes it."""
    return (NOON + datetime.timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]


def outcomes(found: Iterable[Save]) -> list[str]:
    """Return what became of saves."""
    return [save.error_code or save.outcome for save in found]


def test_the_same_save_failed_and_worked() -> None:
    """Pattern 1 of the strategy: one key, one size, an error and then a success: two saves, one episode."""
    found, skipped = told(
        "[SAVE_ATTEMPT] save_json: key=storymapjs/user/map/draft.json... key_len=856 content_size=12345",
        "[STORAGE_ERROR] ClientError: RequestHeaderSectionTooLarge",
        "[SAVE_ATTEMPT] save_json: key=storymapjs/user/map/draft.json... key_len=856 content_size=12345",
        "[SAVE_SUCCESS] save_json: key=storymapjs/user/map/draft.json...",
    )
    assert (outcomes(found), skipped) == (["RequestHeaderSectionTooLarge", "succeeded"], {})
    (episode,) = episodes(found)
    assert (episode.state, episode.same_content) == ("recovered", None)


def test_lines_that_say_little_are_read() -> None:
    """Pattern 2 of the strategy has no keys, and an end that says nothing: what is under way is meant."""
    found, skipped = told(
        "[SAVE_ATTEMPT] save_json: key_len=856 content_size=12345",
        "[STORAGE_ERROR] ClientError: RequestHeaderSectionTooLarge",
        "[SAVE_ATTEMPT] save_json: key_len=745 content_size=10000",
        "[SAVE_SUCCESS]",
        "[SAVE_ATTEMPT] save_json",
        "[SAVE_SUCCESS] save_json",
    )
    assert outcomes(found) == ["RequestHeaderSectionTooLarge", "succeeded", "succeeded"]
    assert [save.span.attributes.get(names.CONTENT_SIZE) for save in found] == [12345, 10000, None]
    assert skipped == {}


@pytest.mark.parametrize(
    ("code", "cause"),
    [
        ("RequestHeaderSectionTooLarge", "storage.header_too_large"),
        ("KeyTooLongError", "storage.key_too_long"),
        ("SlowDown", "storage.throttled"),
    ],
)
def test_an_app_that_logs_errors_alone(code: str, cause: str) -> None:
    """Pattern 3 of the strategy: where no attempt is logged at all, each error is a save that failed."""
    found, _ = told(f"[STORAGE_ERROR] ClientError: {code} (90% of errors)")
    assert [(save.outcome, cause_of(save).name, save.stored) for save in found] == [("failed", cause, "no")]


def test_an_error_is_told_whole() -> None:
    """The lines of an error say what was saved and what the store answered."""
    found, skipped = told(
        f"{at(0)} {ATTEMPT}", *(f"{at(2)} {line}" for line in (SLOW_DOWN, OF_KEY, OF_SIZE, RESPONSE))
    )
    (save,) = found
    (call,) = save.calls
    assert (save.seconds, save.error_code, skipped) == (2.0, "SlowDown", {})
    assert (call.operation, call.key, call.attempts_made) == ("PutObject", KEY, 5)
    held = call.span.attributes
    assert (held[names.REQUEST_ID], held[names.EXTENDED_REQUEST_ID], held[names.RESPONSE_STATUS]) == (
        "R1",
        "H1",
        503,
    )
    assert (held[names.KEY_LEN], held[names.CONTENT_SIZE]) == (len(KEY), 12345)


def test_an_answer_in_many_lines_is_read() -> None:
    """An answer that was printed over several lines is one answer, and its lines are no others'."""
    wrapped = [RESPONSE[:70], *(RESPONSE[start : start + 60] for start in range(70, len(RESPONSE), 60))]
    found, _ = told(ATTEMPT, SLOW_DOWN, *wrapped, ATTEMPT, SUCCESS)
    assert outcomes(found) == ["SlowDown", "succeeded"]
    assert found[0].calls[0].span.attributes[names.REQUEST_ID] == "R1"


@pytest.mark.parametrize(
    ("line", "code", "cause"),
    [
        ("ClientError: An error occurred (SlowDown) when calling the PutObject operation: Please",
         "SlowDown", "storage.throttled"),
        ("botocore.exceptions.ReadTimeoutError: Read timeout on endpoint URL: 'x'",
         "ReadTimeoutError", "network.read_timeout"),
        ("EndpointConnectionError: Could not connect to the endpoint URL: 'x' in save_json()",
         "EndpointConnectionError", "network.refused"),
        ("ConnectionClosedError: ConnectionResetError in PutObject()",
         "ConnectionResetError", "network.reset"),
    ],
)  # fmt: skip
def test_errors_in_words(line: str, code: str, cause: str) -> None:
    """Where the code stands in a sentence, or there is none, the save is known by it all the same."""
    found, _ = told(ATTEMPT, f"[STORAGE_ERROR] {line}")
    assert [(save.error_code, cause_of(save).name) for save in found] == [(code, cause)]
    assert found[0].stored == ("no" if line.startswith("ClientError") else "unknown")


ENVELOPES = {
    "gunicorn": "[2026-11-24 12:00:{second:02} +0000] [{pid}] [WARNING] {line}",
    "logging": "2026-11-24 12:00:{second:02},000 WARNING [storage] ({pid}) pid[{pid}]: {line}",
    "syslog": "Nov 24 12:00:{second:02} host gunicorn[{pid}]: {line}",
    "RFC 5424": "<28>1 2026-11-24T12:00:{second:02}.000Z host gunicorn {pid} - - {line}",
    "journald": "2026-11-24T12:00:{second:02}+0000 host gunicorn[{pid}]: {line}",
    "docker": (
        '{{"log":"{line}\\n","stream":"stderr","time":"2026-11-24T12:00:{second:02}.000000000Z","pid":{pid}}}'
    ),
    "journald's JSON": (
        '{{"MESSAGE":"{line}","__REALTIME_TIMESTAMP":"17642{pid}","_PID":"{pid}",'
        '"time":"2026-11-24T13:00:{second:02}+01:00"}}'
    ),
}


@pytest.mark.parametrize("name", ENVELOPES)
def test_workers_lines_are_told_apart_by_their_process(name: str) -> None:
    """Two workers that save one thing at once write among each other; each end is its own beginning's."""

    def line(second: int, pid: int, text: str) -> str:
        return ENVELOPES[name].format(second=second, pid=pid, line=text)

    found, skipped = told(
        line(0, 11, ATTEMPT),
        line(1, 22, ATTEMPT),
        line(2, 11, SLOW_DOWN),
        line(3, 22, SUCCESS),
        line(4, 11, OF_KEY),
        line(5, 11, ATTEMPT),
        line(6, 11, SUCCESS),
    )
    assert skipped == {}
    told_by = [(save.span.attributes[names.PROCESS_ID], save.error_code or save.outcome) for save in found]
    assert told_by == [(11, "SlowDown"), (22, "succeeded"), (11, "succeeded")]
    assert [save.time for save in found] == [
        NOON + datetime.timedelta(seconds=second) for second in (0, 1, 5)
    ]
    assert [save.seconds for save in found] == [2.0, 2.0, 1.0]


def test_kubernetes_tells_the_time() -> None:
    """A container's log as the kubelet keeps it."""
    found, _ = told(
        f"2026-11-24T12:00:00.000000001Z stderr F {ATTEMPT}", f"2026-11-24T12:00:01.5Z stderr F {SUCCESS}"
    )
    assert [(save.time.minute, round(save.seconds, 3)) for save in found] == [(0, 1.5)]


def test_what_fits_several_is_joined_to_none() -> None:
    """Without a process two saves of one thing at once cannot be told apart, and are not."""
    found, skipped = told(ATTEMPT, ATTEMPT, SUCCESS, SLOW_DOWN)
    assert outcomes(found) == ["unknown", "unknown"]
    assert skipped == {"a storage line that several saves under way fit equally well": 2}
    trouble = trouble_among(found, found)
    assert (trouble.failed, trouble.undetermined.saves) == ([], 2), "nobody was seen to be killed"


def test_other_keys_and_sizes_tell_saves_apart() -> None:
    """Without a process the key does, where there is one, and else the size."""
    other = KEY.replace("/map/", "/other/")
    found, skipped = told(
        ATTEMPT,
        f"[SAVE_ATTEMPT] save_json: key={other} key_len={len(other)} content_size=9",
        "[STORAGE_ERROR] ClientError: SlowDown in put()",
        f"[STORAGE_ERROR] Key: {other} (len={len(other)})",
        SUCCESS,
    )
    assert (outcomes(found), skipped) == (["succeeded", "SlowDown"], {})


def test_an_attempt_without_an_end_is_unknown() -> None:
    """What has neither success nor error is not known; of a worker that timed out it is known why."""
    begun = f"[2026-11-24 12:00:00 +0000] [11] [WARNING] {ATTEMPT}"
    killed = "[2026-11-24 12:00:30 +0000] [1] [CRITICAL] WORKER TIMEOUT (pid:11)"
    later = [f"[2026-11-24 12:05:00 +0000] [22] [WARNING] {line}" for line in (ATTEMPT, SUCCESS)]
    found, _ = told(begun, killed, *later)
    assert outcomes(found) == ["unknown", "succeeded"]
    assert [cause_of(save).name for save in trouble_among(found, found).failed] == ["process.killed"]


def test_a_worker_that_ended_has_nothing_under_way() -> None:
    """A new worker may have the number of one that was killed: its saves are its own."""
    killed = "[2026-11-24 12:00:30 +0000] [1] [CRITICAL] WORKER TIMEOUT (pid:11)"
    again = [f"[2026-11-24 12:01:00 +0000] [11] [WARNING] {line}" for line in (ATTEMPT, SUCCESS)]
    found, skipped = told(f"[2026-11-24 12:00:00 +0000] [11] [WARNING] {ATTEMPT}", killed, *again)
    assert (outcomes(found), skipped) == (["unknown", "succeeded"], {"a line that tells of no save": 1})


def test_an_end_without_a_beginning_is_no_save() -> None:
    """A log that was rotated between two lines of a save has half of it: counted, and where."""
    reading = read_log_lines([line.encode() for line in (SUCCESS, ATTEMPT, SUCCESS)], "app.log")
    assert outcomes(saves(reading.spans)) == ["succeeded"]
    assert reading.skipped == (
        Skipped("the end of a save whose [SAVE_ATTEMPT] the log does not have", 1, "app.log, line 1"),
    )


def test_calls_of_one_trace_are_one_save() -> None:
    """An app that OpenTelemetry's own logging format tells the trace of: two objects, one save."""
    prefix = (
        f"{at(0)} WARNING [storage] [trace_id={'a' * 32} span_id={'b' * 16} resource.service.name=maps] - "
    )
    second = ATTEMPT.replace("draft", "index")
    found, _ = told(
        *(prefix + line for line in (ATTEMPT, SUCCESS, second, SUCCESS.replace("draft", "index")))
    )
    assert [(save.trace_id, len(save.calls), save.outcome) for save in found] == [("a" * 32, 2, "succeeded")]


def test_a_key_may_look_like_anything() -> None:
    """A key with our own words in it is a key."""
    strange = "maps/ key_len=3 content_size=9 type=x attempts=7/[SAVE_SUCCESS] ü"
    length = len(strange.encode())
    found, _ = told(f"[SAVE_ATTEMPT] PutObject: key={strange} key_len={length} content_size=4 type=-")
    (save,) = found
    held = save.span.attributes
    assert (save.thing[names.S3_KEY], held[names.KEY_LEN], held[names.CONTENT_SIZE]) == (strange, length, 4)


def test_rotated_and_packed_files_are_one_log(tmp_path: Path) -> None:
    """A save that began before the log was rotated ends after it, however the older part is packed."""
    (tmp_path / "app.log.2.gz").write_bytes(gzip.compress(f"{at(0)} {ATTEMPT}\n".encode()))
    middle = f"{at(1)} {SUCCESS}\n{at(2)} {ATTEMPT}\n{at(3)} {SLOW_DOWN}\n{at(4)} {ATTEMPT}\n"
    (tmp_path / "app.log.1.zst").write_bytes(zstandard.compress(middle.encode()))
    (tmp_path / "app.log").write_text(f"{at(5)} {SUCCESS}\n")
    reading = read(str(tmp_path))
    found = saves(reading.spans)
    assert outcomes(found) == ["succeeded", "SlowDown", "succeeded"]
    assert [save.seconds for save in found] == [1.0, 1.0, 1.0]
    assert (reading.kind, reading.skipped) == ("folder", ())


def test_a_year_that_is_not_told_is_that_of_the_file(tmp_path: Path) -> None:
    """syslog tells no year: a line of December in a file last written in January is of the year before."""
    log = tmp_path / "syslog"
    log.write_text(f"Dec 31 23:59:58 host app[1]: {ATTEMPT}\nJan  1 00:00:01 host app[1]: {SUCCESS}\n")
    written = datetime.datetime(2026, 1, 1, 0, 0, 5, tzinfo=datetime.timezone.utc).timestamp()
    os.utime(log, (written, written))
    (save,) = saves(read(str(log)).spans)
    assert (save.time.year, save.seconds) == (2025, 3.0)


def test_the_same_log_gives_the_same_ids(tmp_path: Path) -> None:
    """Whoever looks twice finds a save under the same id."""
    log = tmp_path / "app.log"
    log.write_text(json.dumps({"message": ATTEMPT, "time": "2026-11-24T12:00:00Z"}) + "\n")
    assert [span.trace_id for span in read(str(log)).spans] == [
        span.trace_id for span in read(str(log)).spans
    ]
