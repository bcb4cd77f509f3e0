"""A real page of a real app in a real Chromium, with the script that ships in it."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import shutil
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.sync_api import Browser, BrowserContext, Frame, Page

import otel_savetrace
from otel_savetrace.demo import binaries
from otel_savetrace.demo.processes import LOOPBACK, Process, answers, base_environment, free_port
from otel_savetrace.spans.otlp import spans_of
from otel_savetrace.spans.rows import Span
from tests.browser.receiver import ARRIVAL_SECONDS, Receiver
from tests.fixture_chromium import running_chromium
from tests.fixture_once import made_once
from tests.fixture_real_parts import missing
from tests.fixture_wheel import CHECKOUT, installing

SOURCES = CHECKOUT / "browser"
SCRIPT = Path(otel_savetrace.__file__).parent / "browser" / "savetrace.js"

TAG = 'data-service="editor-browser" data-save="GET /rename/&lt;thing&gt;"'
"""What stands in the script's tag where a test does not say otherwise."""

SHOWING = f'{TAG} data-error-selector="#error, .flash"'
"""The same, where the page says in which elements it shows errors."""

KEPT = "Object.keys(localStorage).filter((key) => key.startsWith('savetrace.record.'))"
"""In the page: what is kept for the next one."""

PACKAGES = "package.json", "package-lock.json"


@pytest.fixture(scope="session")
def node_packages() -> Path:
    """The folder of the packages that the script is built with, once for each package-lock.json."""
    if shutil.which("npm") is None:
        missing("There is no npm: install Node.js 20 or later (https://nodejs.org), `apt-get install npm`.")
    wanted = hashlib.sha256(b"".join((SOURCES / name).read_bytes() for name in PACKAGES)).hexdigest()[:16]
    return made_once(binaries.cache_folder() / f"node-{wanted}", _install) / "node_modules"


def _install(folder: Path) -> None:
    folder.mkdir()
    for name in PACKAGES:
        shutil.copy(SOURCES / name, folder)
    command: list[str | Path] = [
        "npm",
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--prefix",
        folder,
    ]
    done = installing(command)
    if done.returncode:
        missing(f"npm could not install the packages of {SOURCES / PACKAGES[1]}:\n{done.stdout}")


@dataclasses.dataclass(frozen=True)
class Site:
    """The app under gunicorn, traced by OpenTelemetry into `spans_file`."""

    port: int
    spans_file: Path

    @property
    def address(self) -> str:
        """Where it stands: `http://127.0.0.1:8000`."""
        return f"http://{LOOPBACK}:{self.port}"

    def served(self, span: Span) -> list[Span]:
        """Return the app's own spans in a browser's trace, once they are written."""
        deadline = time.monotonic() + ARRIVAL_SECONDS
        while not (found := [one for one in self._spans() if one.trace_id == span.trace_id]):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        return found

    def _spans(self) -> Iterator[Span]:
        # Its last line may be half written.
        lines = self.spans_file.read_text().split("\n")[:-1] if self.spans_file.exists() else []
        return (one for line in lines for one in spans_of(json.loads(line)) if isinstance(one, Span))

    def release(self, thing: str) -> None:
        """Let the answers to saves of one thing go."""
        request = urllib.request.Request(f"{self.address}/release/{thing}", b"")  # noqa: S310 - http
        urllib.request.urlopen(request).close()  # noqa: S310 - http


@pytest.fixture(scope="session")
def receiver_of_session() -> Iterator[Receiver]:
    """Run the server that spans are sent to."""
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture
def receiver(receiver_of_session: Receiver) -> Receiver:
    """Have nothing arrived yet."""
    receiver_of_session.clear()
    return receiver_of_session


@pytest.fixture(scope="session")
def site(
    receiver_of_session: Receiver, node_packages: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    """Run the app."""
    folder = tmp_path_factory.mktemp("site")
    port = free_port()
    site = Site(port, folder / "spans.jsonl")
    environment = {
        **base_environment(),
        "PYTHONPATH": str(CHECKOUT),
        "ENDPOINT": receiver_of_session.endpoint,
        "SCRIPT": str(SCRIPT),
        "JQUERY": str(node_packages / "jquery" / "dist" / "jquery.min.js"),
        "TAG": TAG,
        "OTEL_SERVICE_NAME": "editor",
        "OTEL_TRACES_EXPORTER": "none",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_LOGS_EXPORTER": "none",
        "OTEL_SAVETRACE_FILE": str(site.spans_file),
        "OTEL_BSP_SCHEDULE_DELAY": "20",
    }
    program = Path(sys.executable).parent
    command: list[str | Path] = [
        program / "opentelemetry-instrument", program / "gunicorn", "--bind", f"{LOOPBACK}:{port}",
        "--threads", "16", "--graceful-timeout", "1", "--log-level", "warning", "tests.browser.site:app",
    ]  # fmt: skip
    ready = answers(f"{site.address}/savetrace.js")
    with Process("site", command, environment=environment, folder=folder, ready=ready):
        yield site


class OpenPage(Protocol):
    """Opens a page of the app in a tab that the tests of a module share: a new one costs half a second."""

    def __call__(self, path: str = "/", **query: str) -> Page:
        """Open `path`."""


class OpenTab(Protocol):
    """Opens a page of the app in a tab of its own."""

    def __call__(
        self, path: str = "/", *, context: BrowserContext | None = None, script: str = "", **query: str
    ) -> Page:
        """Open `path`, as the user whose `context` another page has, else as one who was never here.

        `script` runs in each page of a new user before all others.
        """


@pytest.fixture(scope="package")
def chromium(chromium_program: Path) -> Iterator[Browser]:
    """Run Chromium, one for all modules here: its start costs as much as twenty saves."""
    with running_chromium(chromium_program) as browser:
        yield browser


@pytest.fixture(scope="package")
def shared(chromium: Browser) -> Iterator[BrowserContext]:
    """What a user's pages have in common."""
    context = chromium.new_context()
    yield context
    context.close()


@pytest.fixture(scope="package")
def complaints() -> list[str]:
    """Errors of pages that nothing caught."""
    return []


@pytest.fixture(scope="package")
def first_tab(shared: BrowserContext, site: Site, complaints: list[str]) -> Page:
    """The tab of `editor`."""
    page = shared.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(site.address)
    return page


@pytest.fixture(scope="package")
def second_tab(shared: BrowserContext, complaints: list[str]) -> Page:
    """The tab of `open_page`."""
    page = shared.new_page()
    page.on("pageerror", lambda error: complaints.append(str(error)))
    return page


@pytest.fixture
def editor(first_tab: Page, complaints: list[str]) -> Iterator[Page]:
    """A page that was opened before, and stays as it is."""
    yield first_tab
    first_tab.unroute_all()
    assert complaints == []


@pytest.fixture
def open_page(second_tab: Page, site: Site, complaints: list[str]) -> Iterator[OpenPage]:
    """Open pages, one after the other."""

    def open_one(path: str = "/", **query: str) -> Page:
        second_tab.goto(f"{site.address}{path}?{urllib.parse.urlencode(query)}")
        return second_tab

    yield open_one
    second_tab.unroute_all()
    assert complaints == []


@pytest.fixture
def open_tab(chromium: Browser, site: Site) -> Iterator[OpenTab]:
    """Open tabs."""
    complaints: list[str] = []
    with contextlib.ExitStack() as stack:

        def open_one(
            path: str = "/", *, context: BrowserContext | None = None, script: str = "", **query: str
        ) -> Page:
            if context is None:
                context = chromium.new_context()
                context.add_init_script(script)
                stack.callback(context.close)
            page = context.new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(f"{site.address}{path}?{urllib.parse.urlencode(query)}")
            return page

        yield open_one
    assert complaints == []


def save_by_fetch(page: Page | Frame, path: str, body: str = "{}", **options: Any) -> Any:
    """Save with `fetch` as apps do, and return what they would see: status and text, or the error's name."""
    return page.evaluate(
        """async ([path, options]) => {
          try {
            const answer = await fetch(path, options);
            const text = await answer.text();
            return [answer.status, text];
          } catch (error) {
            return error.name;
          }
        }""",
        [path, {"method": "POST", "body": body, **options}],
    )


def save_by_xhr(page: Page, path: str, body: str = "{}", timeout: int = 0) -> Any:
    """Save with `XMLHttpRequest`, and return what the app would see: the event, and the status."""
    return page.evaluate(
        """([path, body, timeout]) => new Promise((resolve) => {
          const request = new XMLHttpRequest();
          for (const name of ["load", "error", "abort", "timeout"]) {
            request["on" + name] = () => resolve([name, request.status, request.responseText]);
          }
          request.open("POST", path);
          request.timeout = timeout;
          request.send(body);
        })""",
        [path, body, timeout],
    )


def save_by_jquery(page: Page, path: str, timeout: int = 0) -> Any:
    """Save with jQuery as StoryMapJS does, and return what its handlers are told."""
    return page.evaluate(
        """([path, timeout]) => new Promise((resolve) => {
          jQuery.ajax(path, {
            type: "POST", data: {id: "map", d: "{}"}, dataType: "json", timeout,
            success: (data) => resolve(["success", data]),
            error: (_, status) => resolve([status, null]),
          });
        })""",
        [path, timeout],
    )
