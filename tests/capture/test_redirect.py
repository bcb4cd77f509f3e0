"""Redirects to a login told from those after a save."""

from __future__ import annotations

import flask
import pytest

from otel_savetrace.capture.redirect import Redirects

SAVE = ("maps", "POST", "/save/")
ADAPTER = flask.Flask("maps")
ADAPTER.add_url_rule("/map/<map_id>", "map", lambda map_id: map_id)
ADAPTER.add_url_rule("/select/", "select", lambda: "")


def _is_login(redirects: Redirects, location: str, *, wrote: bool, status: int = 302) -> bool:
    adapter = ADAPTER.url_map.bind("maps.example")
    return redirects.is_login(
        SAVE, flask.Response(status=status, headers={"Location": location}), adapter, wrote
    )


def test_a_redirect_that_wrote_nothing_is_a_login() -> None:
    """Of a save's route, a redirect without anything written was to log in, wherever it points."""
    redirects = Redirects(frozenset())
    assert _is_login(redirects, "/select/", wrote=False)
    assert _is_login(redirects, "https://accounts.example/o/oauth2?next=/save/", wrote=False, status=303)


def test_where_saves_are_sent_afterwards_is_no_login() -> None:
    """A place to which saves that wrote are sent is no login, whichever map it shows; others still are."""
    redirects = Redirects(frozenset())
    assert not _is_login(redirects, "/map/1", wrote=True)
    assert not _is_login(redirects, "/map/2?same=1", wrote=False)
    assert _is_login(redirects, "/select/", wrote=False)


@pytest.mark.parametrize("status", [200, 301, 307, 308])
def test_only_what_follows_a_post_counts(status: int) -> None:
    """A request that is to be made again elsewhere has not been sent to log in."""
    assert not _is_login(Redirects(frozenset()), "/select/", wrote=False, status=status)


def test_named_logins_are_the_only_ones() -> None:
    """Where paths of logins are named, these count, written or not, and nothing else does."""
    redirects = Redirects(frozenset(["/select/"]))
    assert _is_login(redirects, "/select/?next=1", wrote=True)
    assert not _is_login(redirects, "/map/1", wrote=False)


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more places are remembered than the limit."""
    monkeypatch.setattr("otel_savetrace.capture.redirect._MOST_PLACES", 3)
    redirects = Redirects(frozenset())
    for number in range(10):
        _is_login(redirects, f"/elsewhere/{number}", wrote=True)
    assert len(redirects._after_saves) == 3
