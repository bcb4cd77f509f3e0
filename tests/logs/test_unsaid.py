"""A report of logs says what it cannot say, and names the right cause all the same."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from otel_savetrace.commands.group import savetrace

ATTEMPT = "[SAVE_ATTEMPT] save_json: key=storymapjs/user/map/draft.json... key_len=856 content_size=12345"
SUCCESS = "[SAVE_SUCCESS] save_json: key=storymapjs/user/map/draft.json..."


def run(*words: str | Path, text: str | None = None) -> str:
    """Run a command in this process, wide enough for sentences, and return what it printed."""
    done = CliRunner().invoke(savetrace, [str(word) for word in words], input=text, env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    return done.stdout


def test_it_says_what_a_storage_log_does_not_know(tmp_path: Path) -> None:
    """The strategy's own example: the cause is found; what the user got, and connections, are not claimed."""
    log = tmp_path / "error.log"
    log.write_text(
        f"{ATTEMPT}\n[STORAGE_ERROR] ClientError: RequestHeaderSectionTooLarge\n{ATTEMPT}\n{SUCCESS}\n"
    )
    shown = " ".join(run("report", log).split())
    assert "1 of 2 saves failed" in shown
    assert "storage.header_too_large, low confidence" in shown
    for said in ("what the user got is not in it", "no connections, headers", "does not say when"):
        assert said in shown


def test_it_says_what_an_access_log_does_not_know(tmp_path: Path) -> None:
    """Without traces nobody knows which routes save, and an answer of 200 may hold an error."""
    log = tmp_path / "access.log"
    lines = [
        f'10.0.0.9 - - [24/Nov/2026:12:00:{second:02} +0000] "POST /save/m HTTP/1.1" {status} 157 "-" "agent"'
        for second, status in enumerate([200, 200, 413, 413, 413, 413, 413, 499])
    ]
    log.write_text("\n".join(lines))
    shown = " ".join(run("report", log).split())
    assert "6 of 8 saves failed" in shown
    assert "front.too_large" in shown
    assert "front.client_gone" in shown
    for said in (
        "by their method alone",
        "not what was saved, by whom",
        "may have told the user of an error",
    ):
        assert said in shown


@pytest.mark.parametrize("command", ["report", "list", "episodes"])
def test_every_command_reads_a_log_from_a_pipe(command: str) -> None:
    """What is piped in may be a log."""
    text = f"{ATTEMPT}\n[STORAGE_ERROR] ClientError: SlowDown\n{ATTEMPT}\n{SUCCESS}\n"
    assert "SlowDown" in run(command, "-", text=text)
