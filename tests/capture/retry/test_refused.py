"""Cookies that are not used, and why: forged, foreign, expired, replayed, oversized, malformed, too many."""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable
from typing import Any

import flask
import pytest
from itsdangerous import TimestampSigner

from otel_savetrace import Settings
from otel_savetrace import attributes as attribute
from otel_savetrace.capture.retry.seal import LONGEST_VALUE
from tests.capture.retry.saving import (
    DENIED,
    assert_no_retry,
    assert_retry,
    cookies_set,
    is_taken_back,
)
from tests.fixture_capture import Captured, facts
from tests.fixture_retries import SECRET_KEY, make_maps
from tests.raw_store import RawStore

MakeClient = Callable[..., Any]


def _cookie_of(answer: Any) -> tuple[str, str]:
    """Return name and value of the one cookie of ours that an answer sets."""
    ((name, line),) = cookies_set(answer).items()
    return name, line.partition("=")[2].partition(";")[0]


def _fail(app: flask.Flask, store: RawStore, thing: str = "m1") -> tuple[str, str]:
    """Let a save fail, and return its cookie."""
    store.script = [DENIED]
    return _cookie_of(app.test_client().post(f"/raw/{thing}", data=thing.encode()))


def _save_with(app: flask.Flask, *cookies: tuple[str, str], thing: str = "m1") -> Any:
    """Save with these cookies, whatever a browser would make of them."""
    header = "; ".join(f"{name}={value}" for name, value in cookies)
    browser = app.test_client(use_cookies=False)
    return browser.post(f"/raw/{thing}", data=thing.encode(), headers={"Cookie": header})


def _assert_refused(captured: Captured, *reasons: str) -> None:
    """Assert that the last save retries nothing, and says these reasons."""
    assert_no_retry(captured.saves[-1])
    assert facts(captured.saves[-1])[attribute.COOKIE_REFUSED].split() == list(reasons)


def _changed(value: str) -> str:
    """Change the first character of what is signed."""
    return ("B" if value[0] == "A" else "A") + value[1:]


def test_a_forged_cookie(maps: flask.Flask, captured: Captured, store: RawStore) -> None:
    """A cookie of which one character was changed is refused, and neither used nor taken back."""
    name, value = _fail(maps, store)
    answer = _save_with(maps, (name, _changed(value)))
    _assert_refused(captured, "forged")
    assert not cookies_set(answer)


def test_a_cookie_of_another_app_with_the_same_key(
    maps: flask.Flask, captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """A cookie that another app of the host has signed, be it with the same key, is nothing to this one."""
    other = make_maps(client_of(store), SECRET_KEY, "other")
    foreign = _fail(other, store)
    _save_with(maps, foreign)
    _assert_refused(captured, "forged")
    _save_with(other, foreign)
    assert_retry(captured.saves[-1], captured.saves[0], 2)


def test_an_app_with_another_key(
    maps: flask.Flask, captured: Captured, store: RawStore, client_of: MakeClient
) -> None:
    """A cookie of an app of the same name with another key is refused."""
    foreign = _fail(make_maps(client_of(store), "another key"), store)
    _save_with(maps, foreign)
    _assert_refused(captured, "forged")


@pytest.mark.parametrize(("ago", "reasons"), [(1_000, ()), (1_900, ("expired",)), (-60, ())])
def test_an_old_cookie(
    maps: flask.Flask,
    captured: Captured,
    store: RawStore,
    monkeypatch: pytest.MonkeyPatch,
    ago: int,
    reasons: tuple[str, ...],
) -> None:
    """A cookie is good for half an hour, also one of a host whose clock is a minute ahead."""
    with monkeypatch.context() as earlier:
        earlier.setattr(TimestampSigner, "get_timestamp", lambda _: int(time.time()) - ago)
        cookie = _fail(maps, store)
    _save_with(maps, cookie)
    if reasons:
        _assert_refused(captured, *reasons)
    else:
        assert_retry(captured.saves[1], captured.saves[0], 2)


@pytest.mark.parametrize("settings", [Settings(cookie_seconds=60)])
def test_how_long_is_settable(
    maps: flask.Flask, captured: Captured, store: RawStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`OTEL_SAVETRACE_COOKIE_SECONDS` says how long, to us and to the browser."""
    with monkeypatch.context() as earlier:
        earlier.setattr(TimestampSigner, "get_timestamp", lambda _: int(time.time()) - 70)
        store.script = [DENIED]
        answer = maps.test_client().post("/raw/m1", data=b"m1")
    assert "Max-Age=60;" in answer.headers["Set-Cookie"]
    _save_with(maps, _cookie_of(answer))
    _assert_refused(captured, "expired")


def test_a_replayed_cookie(maps: flask.Flask, captured: Captured, store: RawStore) -> None:
    """A cookie whose retry has worked is refused from then on, every one of its chain, and taken back."""
    first = _fail(maps, store)
    store.script = [DENIED]
    second = _cookie_of(_save_with(maps, first))
    _save_with(maps, second)
    for cookie in (first, second):
        answer = _save_with(maps, cookie)
        _assert_refused(captured, "replayed")
        assert is_taken_back(cookies_set(answer)[cookie[0]])


def test_a_retry_that_was_clicked_twice(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """A cookie that came before its retry had worked is no replay: either click is the retry."""
    maps, clicks = make_maps(client_of(store), SECRET_KEY), list[tuple[str, str]]()

    @maps.before_request
    def click_again() -> None:
        while clicks:
            contextvars.Context().run(_save_with, maps, clicks.pop())

    cookie = _fail(maps, store)
    clicks.append(cookie)
    _save_with(maps, cookie)
    failed, second, first = captured.saves
    assert (first.start_time or 0) < (second.start_time or 0)
    for retry in (first, second):
        assert_retry(retry, failed, 2)


def test_an_oversized_cookie(maps: flask.Flask, captured: Captured, store: RawStore) -> None:
    """A value that is longer than any of ours is refused unread, as one of a kilobyte is."""
    name, _ = _fail(maps, store)
    for length in (LONGEST_VALUE + 1, 1_100):
        _save_with(maps, (name, "A" * length))
        _assert_refused(captured, "oversized")


@pytest.mark.parametrize("value", ["", "x", "a.b", "a.b.c.d", "ü.b.c"])
def test_a_malformed_cookie(maps: flask.Flask, captured: Captured, store: RawStore, value: str) -> None:
    """A value that has not the form of ours is refused as such."""
    name, _ = _fail(maps, store)
    _save_with(maps, (name, value))
    _assert_refused(captured, "malformed")


def test_a_record_of_another_version(
    maps: flask.Flask, captured: Captured, store: RawStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is signed with the app's key, yet is no record that we know, is refused as malformed."""
    from otel_savetrace.capture.retry import record

    with monkeypatch.context() as later:
        later.setattr(record, "_VERSION", 2)
        cookie = _fail(maps, store)
    _save_with(maps, cookie)
    _assert_refused(captured, "malformed")


def test_too_many_cookies(maps: flask.Flask, captured: Captured, store: RawStore) -> None:
    """Of more than eight of ours the eight newest are looked at, and the save says so."""
    cookies = [_fail(maps, store, f"m{number}") for number in range(9)]
    _save_with(maps, *cookies, thing="m0")
    _assert_refused(captured, "too_many")
    _save_with(maps, *cookies, thing="m8")
    assert_retry(captured.saves[-1], captured.saves[8], 2)


def test_a_heap_of_forged_cookies_is_not_gone_through(
    maps: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """Of hundreds that bear a name of ours the last few are looked at; a good one among them is found."""
    name, value = _fail(maps, store)
    heap = [(f"savetrace_{number:08x}", "a.b.c") for number in range(300)]
    _save_with(maps, *heap, (name, value))
    retry = captured.saves[1]
    assert_retry(retry, captured.saves[0], 2)
    assert facts(retry)[attribute.COOKIE_REFUSED].split() == ["too_many", "forged"]


def test_a_refused_one_beside_a_good_one(maps: flask.Flask, captured: Captured, store: RawStore) -> None:
    """A good cookie is used whatever else comes with it; names that only begin as ours are the app's own."""
    name, value = _fail(maps, store)
    _save_with(maps, ("savetrace_00000000", "a.b.c"), ("savetrace_color", "red"), (name, value))
    assert_retry(captured.saves[1], captured.saves[0], 2)
    assert facts(captured.saves[1])[attribute.COOKIE_REFUSED] == "forged"


def test_only_saves_look_at_cookies(maps: flask.Flask, captured: Captured, store: RawStore) -> None:
    """A request that is no save says nothing of a cookie, refused or not."""
    name, _ = _fail(maps, store)
    maps.test_client().get("/login/ada", headers={"Cookie": f"{name}=a.b.c"})
    assert not any(key.startswith("savetrace.") for key in facts(captured.saves[1]))
