"""The way into the command line."""

from __future__ import annotations

import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from otel_savetrace.cli import NEEDED
from otel_savetrace.commands.refusal import INTERRUPTED, READER_GONE
from otel_savetrace.demo.processes import base_environment
from tests.fixture_spans import SpanFile

SAVETRACE = Path(sysconfig.get_path("scripts")) / "savetrace"

WITHOUT = """
import sys
sys.modules[sys.argv.pop(1)] = None
from otel_savetrace.cli import main
main()
"""
"""Runs the command line where a module cannot be imported; it stands in for an install without the extra."""


def run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program with nothing of this process's environment."""
    return subprocess.run(  # noqa: S603 - our own programs
        [str(word) for word in words],
        env={**base_environment(), **environment}, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("module", NEEDED)
def test_without_the_extra_it_says_how_to_install_it(module: str) -> None:
    """One sentence names what is missing and what to install, and the exit code is 2."""
    ran = run(sys.executable, "-c", WITHOUT, module, "--help")
    assert (ran.returncode, ran.stdout) == (2, "")
    assert (
        ran.stderr
        == f"savetrace needs {module}, which is not installed: pip install 'otel-savetrace[cli]'.\n"
    )


def test_without_the_demos_extra_the_other_commands_work(span_file: SpanFile) -> None:
    """Where flask is missing, the demo says so when it is run, and `list` needs none of it."""
    span_file.save()
    ran = run(sys.executable, "-c", WITHOUT, "boto3", "list", span_file.path)
    assert (ran.returncode, ran.stderr) == (0, "")
    asked_for_help = run(sys.executable, "-c", WITHOUT, "boto3", "--help")
    assert asked_for_help.returncode == 0


def test_a_pipe_gets_no_colours_and_any_letter(span_file: SpanFile) -> None:
    """Piped output has no escapes, and a terminal that knows ASCII only gets other letters escaped."""
    span_file.save(storymap="Ødegård")
    piped = run(SAVETRACE, "list", span_file.path, PYTHONUTF8="1")
    assert "\x1b" not in piped.stdout
    assert "Ødegård" in piped.stdout
    plain = run(SAVETRACE, "list", span_file.path, PYTHONIOENCODING="ascii", COLUMNS="120")
    assert plain.returncode == 0
    assert "\\xd8deg\\xe5rd" in plain.stdout


def test_a_reader_that_has_gone_ends_it_quietly(span_file: SpanFile) -> None:
    """`savetrace list | head` ends without a traceback when head has seen enough."""
    for number in range(50):
        span_file.save(float(number))
    listing = subprocess.Popen(  # noqa: S603 - our own program
        [str(SAVETRACE), "list", "--json", str(span_file.path)],
        env=base_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert listing.stdout is not None
    listing.stdout.close()
    assert listing.stderr is not None
    told = listing.stderr.read()
    listing.stderr.close()
    listing.wait()
    assert (listing.returncode, told) == (READER_GONE, "")


def test_an_interruption_is_clean(tmp_path: Path) -> None:
    """Ctrl-C while it waits for its input ends it with one word and no traceback."""
    listing = subprocess.Popen(  # noqa: S603 - our own program
        [str(SAVETRACE), "list", "-"],
        env=base_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    assert listing.stdin is not None
    # More than a pipe holds: once all is taken, it is known to be reading.
    listing.stdin.write(b"{}\n" * 100_000)
    listing.stdin.flush()
    listing.send_signal(signal.SIGINT)
    _, told = listing.communicate()
    assert listing.returncode == INTERRUPTED
    assert told.decode().strip() == "Aborted!"
