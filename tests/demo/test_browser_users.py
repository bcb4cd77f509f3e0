"""Users with a real browser say what is missing where there is none, and end when they are to."""

from __future__ import annotations

import random
import sys
from pathlib import Path

import pytest

from otel_savetrace.demo import mishaps
from otel_savetrace.demo.browser_users import BrowserCrowd
from otel_savetrace.demo.incidents.catalogue import INCIDENTS
from otel_savetrace.demo.incidents.play import crowd_of
from otel_savetrace.demo.processes import LOOPBACK, free_port
from otel_savetrace.demo.story import Author, Step
from otel_savetrace.demo.users import Crowd, Press
from otel_savetrace.errors import RealPartError

ADA = Author("ada", "Rivers of Norway", "rivers-of-norway", (Step("create"),))


def note(_: Press) -> None:
    """Forget a press."""


def nowhere() -> tuple[str, ...]:
    """Return an address where nothing listens."""
    return (f"http://{LOOPBACK}:{free_port()}",)


def test_without_playwright(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said what to install, and an incident without a browser does not need it."""
    monkeypatch.delitem(sys.modules, "otel_savetrace.demo.browser_users")
    monkeypatch.setitem(sys.modules, "playwright.async_api", None)
    with pytest.raises(RealPartError, match=r"pip install 'otel-savetrace\[demo-browser\]'"):
        crowd_of(INCIDENTS["two-clicks"])
    assert crowd_of(INCIDENTS["throttled"]) is Crowd


def test_without_chromium(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It is said what to install."""
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", str(tmp_path))
    with (
        BrowserCrowd(nowhere(), (), 1, note) as crowd,
        pytest.raises(RealPartError, match=r"apt-get install chromium.*playwright install chromium"),
    ):
        crowd.wait()


@pytest.mark.usefixtures("chromium_on_path")
def test_a_site_that_is_not_there() -> None:
    """A browser that cannot do its part ends the crowd with what it says, and not with a trace of calls."""
    with (
        BrowserCrowd(nowhere(), (ADA,), 1, note) as crowd,
        pytest.raises(RealPartError, match=r"The browser did not do its part: .*net::ERR_"),
    ):
        crowd.wait()


@pytest.mark.usefixtures("chromium_on_path")
def test_a_crowd_that_is_stopped() -> None:
    """When its block ends it ends too, wherever its users are."""
    with BrowserCrowd(nowhere(), (ADA,), 1, note) as crowd:
        pass
    crowd.wait()


def test_every_mishap_is_played() -> None:
    """Whatever can happen to a user happens in one of the incidents."""
    made = {
        step.mishap
        for incident in INCIDENTS.values()
        if incident.in_browser
        for author in incident.cast(random.Random(1))  # noqa: S311 - a story, no secret
        for step in author.steps
    }
    assert made - {None} == set(mishaps.MISHAPS)
