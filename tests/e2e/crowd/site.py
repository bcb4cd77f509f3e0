"""The site: two hosts with an app of several workers each, behind one front server, before one store."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path

from otel_savetrace.capture.guard import ANNOUNCEMENT
from otel_savetrace.demo import servers
from otel_savetrace.demo.faults import Plan
from otel_savetrace.demo.front import Front
from otel_savetrace.demo.processes import LOOPBACK, Process, answers, free_port
from tests.e2e.crowd.client import CLIENT_HEADER, PRESS_HEADER
from tests.fixture_nginx import make_nginx
from tests.fixture_wheel import Installation

SERVICE = "storymap"

_APP = "storymaps:app"
_SOURCES = Path(__file__).parent.parent / "app"
# More threads than requests at once: what a client sends at once runs at once. Workers are replaced amid the
# traffic, as StoryMapJS has it.
_OPTIONS = ("--workers", "2", "--threads", "16", "--max-requests", "150", "--max-requests-jitter", "50")


@dataclasses.dataclass
class Site:
    """A running site; `address` is where its users find it."""

    address: str
    hosts: tuple[Process, ...]

    def restart(self) -> None:
        """Start the app anew on every host, as a new version of it is brought out."""
        self._on_every_host(Process.restart)

    def start(self) -> None:
        """Start the app on every host."""
        self._on_every_host(Process.start)

    def stop(self) -> None:
        """Stop the app on every host: its workers export their last spans."""
        self._on_every_host(lambda host: host.stop(grace_seconds=60.0))

    def log_lines(self) -> list[str]:
        """Return what the app and its workers logged."""
        return [line for host in self.hosts for line in host.log.read_text().splitlines()]

    def _on_every_host(self, does: Callable[[Process], None]) -> None:
        with ThreadPoolExecutor(len(self.hosts)) as pool:
            list(pool.map(does, self.hosts))


def tracing_to(otlp_endpoint: str) -> dict[str, str]:
    """Return the variables that switch tracing on as README recommends, to a Collector's gRPC address.

    OpenTelemetry's own instrumentation captures the number of a press, by which the diary knows its save.
    """
    return {
        "OTEL_SERVICE_NAME": SERVICE,
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_EXPORTER_OTLP_ENDPOINT": otlp_endpoint,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
        "OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_SERVER_REQUEST": PRESS_HEADER,
        "OTEL_SAVETRACE_KEY_PATTERN": "storymapjs/{storymap.owner_id}/{storymap.id}/{storymap.file}",
        "OTEL_SAVETRACE_REQUEST_ATTRIBUTES": (
            "storymap.id=form:id,storymap.owner_id=form:owner,"
            f"storymap.user_id=session:uid,storymap.api_user=header:{CLIENT_HEADER}"
        ),
        "OTEL_SAVETRACE_SAVE_ROUTES": "POST /storymap/create/,POST /storymap/save/,POST /storymap/publish/",
        "OTEL_SAVETRACE_LOGIN_ROUTES": "/select/",
    }


@contextmanager
def running_site(
    installation: Installation,
    nginx_program: Path,
    store_port: int,
    folder: Path,
    plan: Plan,
    tracing: Mapping[str, str],
) -> Iterator[Site]:
    """Run the site while the block lasts; `tracing` switches tracing on."""
    with ExitStack() as stack:
        front = stack.enter_context(Front(store_port, plan, folder / "journal.jsonl"))
        ports = free_port(), free_port()
        hosts = tuple(
            _host(installation, folder / f"host-{number}", port, front, tracing)
            for number, port in enumerate(ports, start=1)
        )
        nginx, address = make_nginx(nginx_program, folder / "nginx", ports)
        site = Site(address, hosts)
        stack.callback(site.stop)
        site.start()
        stack.enter_context(nginx)
        yield site
    caught = [line for line in site.log_lines() if ANNOUNCEMENT in line]
    assert not caught, f"the guard caught something in the app: {caught[0]}"


def _host(
    installation: Installation, folder: Path, port: int, front: Front, tracing: Mapping[str, str]
) -> Process:
    folder.mkdir()
    command: list[str | Path] = [
        installation.program("opentelemetry-instrument"), installation.program("gunicorn"),
        "--bind", f"{LOOPBACK}:{port}", "--worker-tmp-dir", folder, "--pythonpath", _SOURCES, *_OPTIONS, _APP,
    ]  # fmt: skip
    # Two hosts are told apart by their resource.
    tracing = {**tracing, "OTEL_RESOURCE_ATTRIBUTES": f"host.name={folder.name}"}
    environment = servers.app_server(folder, port, storage_url=front.url, tracing=tracing).environment
    ready = answers(f"http://{LOOPBACK}:{port}/")
    return Process(folder.name, command, environment=environment, folder=folder, ready=ready)
