"""How long a request waited before the app, by what front servers write."""

from __future__ import annotations

import time

import flask
import pytest

from otel_savetrace import Settings
from otel_savetrace import attributes as attribute
from otel_savetrace.capture.waiting import queue_seconds
from tests.fixture_capture import Captured, facts

STARTED = 1_700_000_002_500_000_000
"""When the app had the request: two and a half seconds after what the headers say."""

ARABIC_DIGIT = "\N{ARABIC-INDIC DIGIT ONE}"


@pytest.mark.parametrize(
    "header",
    [
        "t=1700000000.000",
        "1700000000",
        "t=1700000000000",
        "1700000000000",
        "t=1700000000000000",
        "1700000000000000",
        "t=1700000000.000000000",
        "1700000000000000000",
        " t=1700000000.000 ",
        "t=1700000000.000, t=1700000002.000",
    ],
)
def test_the_forms_that_front_servers_write(header: str) -> None:
    """Seconds as nginx writes them, milliseconds of HAProxy and Heroku, Apache's microseconds, the first."""
    assert queue_seconds(header, STARTED) == 2.5


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("t=1700000002.499", 0.001),
        ("1700000002499.9", 0.0),
        ("t=1700000003.499", 0.0),
        ("t=1700000003.501", None),
        ("t=1699999402.500", 600.0),
        ("t=1699999402.499", None),
        ("", None),
        ("t=", None),
        ("soon", None),
        ("t=17000000001", None),
        ("t=1700000000.0000000000", None),
        ("t=-1700000000.000", None),
        (f"t={ARABIC_DIGIT * 10}", None),
        ("t=" + "1" * 100_000, None),
    ],
)
def test_what_cannot_be_is_left_out(header: str, seconds: float | None) -> None:
    """A second of clocks that differ is no wait; the future, long ago and what is no time say nothing."""
    assert queue_seconds(header, STARTED) == seconds


@pytest.mark.parametrize("settings", [Settings(save_routes=frozenset({"/save/"}))])
def test_a_save_tells_how_long_it_waited(captured: Captured) -> None:
    """By the header of its own request; without one nothing is told."""
    app = flask.Flask("maps")

    @app.post("/save/")
    def save() -> str:
        return "saved"

    app.test_client().post("/save/", headers={"X-Request-Start": f"t={time.time() - 30:.3f}"})
    app.test_client().post("/save/")
    waited, straight = map(facts, captured.saves)
    assert 30 <= waited[attribute.QUEUE_SECONDS] < 60
    assert attribute.QUEUE_SECONDS not in straight
