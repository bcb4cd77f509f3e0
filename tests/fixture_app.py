"""Somebody's app under gunicorn in a fresh environment, before a real S3 server with faults on the way."""

from __future__ import annotations

import dataclasses
import json
import re
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Protocol

import pytest

from otel_savetrace.capture.guard import ANNOUNCEMENT
from otel_savetrace.demo import servers
from otel_savetrace.demo.faults import Plan
from otel_savetrace.demo.front import Front
from otel_savetrace.demo.journal import Seen, read_journal
from otel_savetrace.demo.processes import LOOPBACK, Process, answers, free_port
from otel_savetrace.spans.otlp import spans_of
from otel_savetrace.spans.rows import Span
from tests.fixture_wheel import Installation

EDITOR = "editor:app"
MAPS = "maps:app"
STOPPABLE = "stoppable:app"
GREEDY = "greedy:app"
SAMPLE = servers.APP
READY_PATHS = {EDITOR: "/", MAPS: "/", STOPPABLE: "/", GREEDY: "/", SAMPLE: "/select/"}

KEY_PATTERN = servers.KEY_PATTERN
USER_NAMED = frozenset(re.findall(r"\{(.+?)\}", KEY_PATTERN))
"""Attributes that stand on spans because the key pattern names them."""

NOTHING_GOES_WRONG = Plan()

OWN_FOLDER = "{folder}"
"""Stands in a variable's value for the folder of the app that is started."""

SAVE_ROUTES = "POST /save/<storymap_id>,POST /rejected/<storymap_id>,/broken/<storymap_id>"
"""The editor's routes that are saves though they may never reach storage."""

TO_A_FILE = {
    "OTEL_SERVICE_NAME": "editor",
    "OTEL_TRACES_EXPORTER": "none",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_SAVETRACE_FILE": f"{OWN_FOLDER}/spans.jsonl",
    "OTEL_SAVETRACE_KEY_PATTERN": KEY_PATTERN,
    "OTEL_SAVETRACE_REQUEST_ATTRIBUTES": "storymap.id=view:storymap_id",
    "OTEL_SAVETRACE_SAVE_ROUTES": SAVE_ROUTES,
    # The editor has no sessions, and so no secret key of its own.
    "OTEL_SAVETRACE_COOKIE_SECRET": "known to the editor's workers",
}
"""Switches tracing on for the editor, with spans in a file of the app's folder and nowhere else."""

_SOURCES = Path(__file__).parent / "e2e" / "app"
_ANSWER_SECONDS = 90.0


@dataclasses.dataclass
class App:
    """An app that runs; `spans_file` is where OTEL_SAVETRACE_FILE points, `front` what it stores through."""

    process: Process
    port: int
    spans_file: Path
    front: Front

    def exchange(self, method: str, path: str, body: bytes = b"", headers: str = "") -> bytes:
        """Send one request, with these header lines too, and return its answer, byte for byte."""
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: editor\r\nConnection: close\r\n"
            "User-Agent: a user's browser\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(body)}\r\n{headers}\r\n"
        )
        with socket.create_connection((LOOPBACK, self.port), timeout=_ANSWER_SECONDS) as sock:
            sock.sendall(head.encode() + body)
            return b"".join(iter(lambda: sock.recv(65_536), b""))

    def stop(self) -> None:
        """Stop it as an operator does: SIGTERM to gunicorn, whose workers export their last spans."""
        self.process.stop(grace_seconds=60.0)

    def spans(self) -> list[Span]:
        """Return every span in its file, in the order written, repeats included."""
        return spans_in(self.spans_file.read_text().splitlines()) if self.spans_file.exists() else []

    def logged_spans(self) -> list[Span]:
        """Return every span that the exporter `otlp_json_file` wrote to standard output."""
        return spans_in(line for line in self.log_lines() if line.startswith('{"resourceSpans"'))

    def log_lines(self) -> list[str]:
        """Return what it and its workers logged."""
        return self.process.log.read_text().splitlines()

    def warnings(self) -> list[str]:
        """Return the log lines that name us; in a traceback's paths the cache folder has our name."""
        return [line for line in self.log_lines() if "otel-savetrace" in line and 'File "' not in line]

    def journal(self) -> list[Seen]:
        """Return what went over the wire to the store."""
        return read_journal(self.front.journal)


class StartApp(Protocol):
    """Starts an app; more than one may run at once."""

    def __call__(
        self,
        tracing: Mapping[str, str],
        *,
        plan: Plan = NOTHING_GOES_WRONG,
        app: str = EDITOR,
        options: Sequence[str] = (),
    ) -> App:
        """Start `app` under gunicorn with `options`, its requests to the store meeting `plan`.

        `tracing` are the variables that switch tracing on, `OWN_FOLDER` in them standing for the app's
        folder; without any, opentelemetry-instrument is not there.
        """


@pytest.fixture(scope="session")
def store_port(s3_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Run a real S3 server with the bucket that the apps save to."""
    port = free_port()
    with servers.s3_server(tmp_path_factory.mktemp("store"), port, announce=print):
        servers.make_bucket(port)
        yield port


@pytest.fixture(scope="session")
def start_app_of_session(
    app_installation: Installation, store_port: int, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[StartApp]:
    """Start apps that end with the session."""
    with starter(app_installation, store_port, tmp_path_factory.mktemp("apps")) as start:
        yield start


@pytest.fixture
def start_app(app_installation: Installation, store_port: int, tmp_path: Path) -> Iterator[StartApp]:
    """Start apps that end with the test."""
    with starter(app_installation, store_port, tmp_path) as start:
        yield start


@contextmanager
def starter(installation: Installation, store_port: int, folder: Path) -> Iterator[StartApp]:
    """Start apps of `installation` that end with the block, each in a folder of its own in `folder`."""
    started: list[App] = []
    with ExitStack() as stack:

        def start(
            tracing: Mapping[str, str],
            *,
            plan: Plan = NOTHING_GOES_WRONG,
            app: str = EDITOR,
            options: Sequence[str] = (),
        ) -> App:
            port = free_port()
            own = folder / f"app-{port}"
            own.mkdir()
            front = stack.enter_context(Front(store_port, plan, own / "journal.jsonl"))
            made = _make(installation, own, port, front, app, options, tracing)
            started.append(made)
            stack.enter_context(made.process)
            return made

        yield start
    for app in started:
        caught = [line for line in app.log_lines() if ANNOUNCEMENT in line]
        assert not caught, f"the guard caught something in the app; {app.process.log}:\n{caught[0]}"


def _make(
    installation: Installation,
    folder: Path,
    port: int,
    front: Front,
    app: str,
    options: Sequence[str],
    tracing: Mapping[str, str],
) -> App:
    tracing = {name: value.replace(OWN_FOLDER, str(folder)) for name, value in tracing.items()}
    spans_file = Path(tracing.get("OTEL_SAVETRACE_FILE", folder / "spans.jsonl"))
    command: list[str | Path] = [installation.program("opentelemetry-instrument")] if tracing else []
    command += [
        installation.program("gunicorn"), "--bind", f"{LOOPBACK}:{port}", "--worker-tmp-dir", folder,
        "--pythonpath", _SOURCES, *options, app,
    ]  # fmt: skip
    # The store's address and credentials are the demo's; its command, of this environment, is not ours.
    environment = servers.app_server(folder, port, storage_url=front.url, tracing=tracing).environment
    ready = answers(f"http://{LOOPBACK}:{port}{READY_PATHS[app]}")
    process = Process("app", command, environment=environment, folder=folder, ready=ready)
    return App(process, port, spans_file, front)


def spans_in(lines: Iterable[str]) -> list[Span]:
    """Return the spans of OTLP JSON lines, repeats included; each must be readable."""
    spans: list[Span] = []
    for line in lines:
        for span in spans_of(json.loads(line)):
            assert isinstance(span, Span), f"{span}: {line}"
            spans.append(span)
    return spans
