"""`savetrace jaeger-ui-config`: for a real Jaeger, whole or not at all."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sysconfig
from pathlib import Path

import pytest

from otel_savetrace.demo.binaries import collector_folder
from otel_savetrace.demo.processes import base_environment
from tests.commands.test_list_saves import run
from tests.fixture_jaeger import StartJaeger

SAVETRACE = Path(sysconfig.get_path("scripts")) / "savetrace"
COMMAND = "jaeger-ui-config"


def test_it_is_the_shipped_file() -> None:
    """Without a name of one's own it prints what collector/jaeger/ui.json says."""
    ran = run(COMMAND)
    assert (ran.exit_code, ran.stderr) == (0, "")
    assert json.loads(ran.stdout) == json.loads((collector_folder() / "jaeger" / "ui.json").read_text())


@pytest.mark.parametrize(
    ("words", "variables", "service"),
    [
        (["--service", "maps & co"], {}, "maps%20%26%20co"),
        ([], {"OTEL_SERVICE_NAME": "atlas"}, "atlas"),
        (["--service", "maps"], {"OTEL_SERVICE_NAME": "atlas"}, "maps"),
    ],
)
def test_the_searches_name_the_service(words: list[str], variables: dict[str, str], service: str) -> None:
    """The one that was given, else that of the environment."""
    ran = run(COMMAND, *words, **variables)
    urls = [pattern["url"] for pattern in json.loads(ran.stdout)["linkPatterns"]]
    searches = [url for url in urls if url.startswith("search?")]
    assert searches
    assert [url for url in searches if not url.startswith(f"search?service={service}&")] == []


def test_a_real_jaeger_serves_it(start_jaeger: StartJaeger, tmp_path: Path) -> None:
    """A Jaeger that is started with the file has every link in its page, and no dollar sign was eaten."""
    file = tmp_path / "ui.json"
    assert run(COMMAND, "--service", "my maps", "--output", file).exit_code == 0
    jaeger = start_jaeger("memory", JAEGER_UI=str(file))
    page = (jaeger.get("/") or b"").decode()
    _, _, embedded = page.partition("JAEGER_CONFIG = ")
    served, _ = json.JSONDecoder().raw_decode(embedded)
    assert served == json.loads(file.read_text())


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    """It replaces what stood there, anybody may read it, and nothing else is left in the folder."""
    file = tmp_path / "ui.json"
    file.write_text("before")
    ran = run(COMMAND, "--output", file)
    assert (ran.exit_code, ran.stdout, ran.stderr) == (0, "", "")
    assert json.loads(file.read_text())["topTagPrefixes"][0] == "savetrace."
    assert file.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    """A folder that is not there, or one of that name: a sentence, exit code 2, nothing left behind."""
    missing, folder = tmp_path / "missing" / "ui.json", tmp_path / "folder"
    folder.mkdir()
    for output in (missing, folder):
        ran = run(COMMAND, "--output", output)
        assert (ran.exit_code, ran.stdout) == (2, "")
        assert ran.stderr.startswith(f"Error: {output} cannot be written: ")
        assert ran.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == [folder]


def test_a_service_of_blanks_is_refused() -> None:
    """A name of nothing is one sentence and exit code 2."""
    ran = run(COMMAND, "--service", "  ")
    assert (ran.exit_code, ran.stdout) == (2, "")
    assert ran.stderr.startswith("Error: --service names nothing")


def test_a_person_is_told_where_to_put_it() -> None:
    """On a terminal a few words on standard error say so; a pipe gets the configuration alone."""
    shown, terminal = pty.openpty()
    with open(terminal, "wb") as output:  # noqa: PTH123 - a descriptor, no path
        ran = subprocess.run(  # noqa: S603 - our own program
            [SAVETRACE, COMMAND],
            env=base_environment(), stdout=output, stderr=subprocess.PIPE, text=True, check=True,
        )  # fmt: skip
    os.close(shown)
    assert "config_file: /etc/jaeger/ui.json" in ran.stderr
    assert "--query.ui-config" in ran.stderr
