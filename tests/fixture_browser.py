"""Somebody's Flask app in this process, with its pages and browsers watched; the script is a stand-in."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import flask
import pytest

import otel_savetrace
from otel_savetrace.capture.browser import watch
from otel_savetrace.capture.browser.script import Script
from tests.fixture_capture import Captured

STAND_IN = b"/* stands in for the script */ document.documentElement.dataset.ran = 'yes'\n"

PAGE = "<!doctype html><html><head><title>Maps</title></head><body>\u00e9</body></html>"

PATH = "/telemetry/browser"

ON = otel_savetrace.Settings(browser=True, browser_path=PATH)


@dataclasses.dataclass(frozen=True)
class Site:
    """The app, and what was captured of it."""

    app: flask.Flask
    captured: Captured
    script: Script
    log: pytest.LogCaptureFixture

    def get(self, path: str, **options: Any) -> Any:
        """Send a GET, past every server."""
        return self.app.test_client().get(path, **options)

    def tag(self, path: str = "/", **options: Any) -> str:
        """Return the tag in a page, empty where it has none."""
        _, mark, after = self.get(path, **options).text.partition("<script src=")
        return mark + after.partition("</script>")[0] if mark else ""

    def said(self) -> list[str]:
        """Return what we logged."""
        return [record.getMessage() for record in self.log.records if record.name == "otel_savetrace"]


class OpenSite(Protocol):
    """Opens a site; one at a time."""

    def __call__(self, settings: otel_savetrace.Settings = ON) -> Site:
        """Switch capture on, and make an app that answers `PAGE` at `/`."""


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a stand-in in the script's place."""
    file = tmp_path / "savetrace.js"
    file.write_bytes(STAND_IN)
    monkeypatch.setattr(watch, "FILE", file)
    return file


@pytest.fixture
def open_site(instrumented: Captured, stand_in: Path, caplog: pytest.LogCaptureFixture) -> Iterator[OpenSite]:
    """Open sites."""
    caplog.set_level(logging.INFO, "otel_savetrace")

    def open_one(settings: otel_savetrace.Settings = ON) -> Site:
        assert otel_savetrace.instrument(instrumented.provider, settings)
        app = flask.Flask("maps")
        app.add_url_rule("/", view_func=lambda: PAGE, endpoint="page")
        return Site(app, instrumented, Script(stand_in.read_bytes(), settings.browser_path), caplog)

    yield open_one
    otel_savetrace.uninstrument()
