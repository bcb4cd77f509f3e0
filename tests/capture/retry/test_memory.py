"""Failed saves of clients without cookies, as one process remembers them."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import flask
import pytest

from otel_savetrace import RequestAttribute, Settings
from otel_savetrace import attributes as attribute
from otel_savetrace.capture.key_pattern import KeyPattern
from otel_savetrace.capture.retry.contents import Contents
from otel_savetrace.capture.retry.memory import (
    MOST_EPISODES,
    MOST_OF_A_CLIENT,
    MOST_RECORDS,
    Memory,
)
from otel_savetrace.capture.retry.record import UNKNOWN, Marks, Record
from tests.capture.retry.saving import DENIED, UNAVAILABLE, assert_no_retry, assert_retry
from tests.fixture_capture import Captured, facts
from tests.raw_store import RawStore

MakeClient = Callable[..., Any]

BY_HEADER = Settings(
    cookie=False,
    request_attributes=(
        RequestAttribute("map.id", "form", "id"),
        RequestAttribute("device", "header", "X-Device"),
    ),
)
BY_KEY = Settings(key_patterns=(KeyPattern.parse("maps/{map.user}/{map.id}/{map.file}"),))
KEPT = 1_800

FORM = {"id": "m1", "d": "{}"}


def _record(span_id: int, milliseconds: int = 2**45) -> Record:
    marks = Marks(UNKNOWN, UNKNOWN, UNKNOWN, UNKNOWN)
    return Record(span_id, span_id, 1, span_id, marks, False, Contents(), None, milliseconds, 1, "E")


def _save(maps: flask.Flask, device: str | None, form: dict[str, str] = FORM, cookies: str = "") -> None:
    headers = {name: value for name, value in (("X-Device", device), ("Cookie", cookies)) if value}
    maps.test_client(use_cookies=False).post("/save/", data=form, headers=headers)


@pytest.mark.parametrize("settings", [BY_HEADER])
def test_a_client_without_cookies_is_remembered(
    maps: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """A chain of a client without cookies is whole within a process, marked as remembered, and ends."""
    store.script = [DENIED, UNAVAILABLE]
    for _ in range(4):
        _save(maps, "d1")
    first, second, third, next_save = captured.saves
    assert_retry(second, first, 2, "memory")
    assert_retry(third, second, 3, "memory")
    assert_no_retry(next_save)


@pytest.mark.parametrize("settings", [BY_HEADER])
def test_two_users_on_one_document(maps: flask.Flask, captured: Captured, store: RawStore) -> None:
    """Of two clients on one document, one failing and the other saving, the second retries nothing."""
    store.script = [DENIED]
    for device in ("d1", "d2", "d1"):
        _save(maps, device)
    failed, of_other, retry = captured.saves
    assert_no_retry(of_other)
    assert_retry(retry, failed, 2, "memory")


@pytest.mark.parametrize("settings", [BY_HEADER])
def test_a_save_of_something_else(maps: flask.Flask, captured: Captured, store: RawStore) -> None:
    """A save of another thing by the same client neither uses nor clears what is remembered."""
    store.script = [DENIED]
    _save(maps, "d1")
    _save(maps, "d1", {"id": "m2", "d": "another"})
    _save(maps, "d1")
    failed, other, retry = captured.saves
    assert_no_retry(other)
    assert_retry(retry, failed, 2, "memory")


@pytest.mark.parametrize("settings", [BY_HEADER])
@pytest.mark.parametrize("cookies", [("theme=dark", "theme=dark"), ("", "theme=dark"), ("theme=dark", "")])
def test_a_client_that_has_cookies_is_not_remembered(
    maps: flask.Flask, captured: Captured, store: RawStore, cookies: tuple[str, str]
) -> None:
    """Of a client that brought any cookie, before or now, nothing is known by memory."""
    store.script = [DENIED]
    for brought in cookies:
        _save(maps, "d1", cookies=brought)
    assert_no_retry(captured.saves[1])


@pytest.mark.parametrize("settings", [BY_HEADER])
def test_a_client_that_nothing_tells_is_not_remembered(
    maps: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """Without an attribute that a client is known by, nothing is remembered."""
    store.script = [DENIED]
    _save(maps, None)
    _save(maps, None)
    assert_no_retry(captured.saves[1])


@pytest.mark.parametrize("settings", [BY_KEY])
def test_a_first_failure_that_the_cookie_tells(
    maps: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """A browser that gets its first cookie by a failure is known by it, and not by memory as well."""
    browser = maps.test_client()
    store.script = [DENIED]
    for _ in range(3):
        browser.post("/save/", data=FORM)
    failed, retry, next_save = captured.saves
    assert_retry(retry, failed, 2, "cookie")
    assert_no_retry(next_save)


@pytest.mark.parametrize("settings", [BY_KEY])
def test_a_browser_that_says_that_it_sends_its_cookies(
    maps: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """Where a browser says that it is on the app's own page, the cookie tells all, and memory nothing."""
    store.script = [DENIED]
    for _ in range(2):
        maps.test_client(use_cookies=False).post(
            "/save/", data=FORM, headers={"Sec-Fetch-Site": "same-origin"}
        )
    assert_no_retry(captured.saves[1])


@pytest.mark.parametrize("settings", [BY_HEADER])
def test_a_browser_that_got_no_cookie(maps: flask.Flask, captured: Captured, store: RawStore) -> None:
    """Where the answer carried no cookie, a browser on the app's own page is remembered as any client."""
    store.script = [DENIED]
    headers = {"Sec-Fetch-Site": "same-origin", "X-Device": "d1"}
    for _ in range(2):
        maps.test_client(use_cookies=False).post("/save/", data=FORM, headers=headers)
    assert_retry(captured.saves[1], captured.saves[0], 2, "memory")


@pytest.mark.parametrize("settings", [BY_HEADER])
def test_an_exception_that_is_let_out(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """Where an app lets exceptions out, no answer of it can carry a cookie, and its saves are remembered."""
    app = flask.Flask("maps")
    app.config["PROPAGATE_EXCEPTIONS"] = True
    client = client_of(store)

    @app.post("/save/")
    def save() -> str:
        client.put_object(Bucket="bucket", Key="k", Body=b"1")
        return "saved"

    store.script = [DENIED]
    with pytest.raises(client.exceptions.ClientError):
        _save(app, "d1")
    _save(app, "d1")
    assert_retry(captured.saves[1], captured.saves[0], 2, "memory")


@pytest.mark.parametrize("settings", [BY_HEADER])
def test_a_double_submit_is_no_retry(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """Of two saves under way at once, one failing and the other saving, neither retries the other."""
    app = flask.Flask("maps")
    client = client_of(store)
    second_is_there, first_has_failed = threading.Event(), threading.Event()

    @app.post("/save/")
    def save() -> str:
        if "second" in flask.request.args:
            second_is_there.set()
            assert first_has_failed.wait(10)
        else:
            assert second_is_there.wait(10)
        client.put_object(Bucket="bucket", Key="k", Body=b"1")
        return "saved"

    def press(which: str) -> None:
        app.test_client(use_cookies=False).post(f"/save/?{which}", headers={"X-Device": "d1"})

    store.script = [DENIED]
    second = threading.Thread(target=press, args=("second",))
    second.start()
    press("first")
    first_has_failed.set()
    second.join(10)
    assert [facts(span)[attribute.OUTCOME] for span in captured.saves] == ["failed", "succeeded"]
    for span in captured.saves:
        assert_no_retry(span)


def test_only_so_many_are_remembered() -> None:
    """At most eight of a client and a thousand of all are held, the oldest out first."""
    memory = Memory(KEPT)
    for number in range(MOST_OF_A_CLIENT + 2):
        memory.remember("one", _record(number))
    assert [one.span_id for one in memory.failed_saves_of("one")] == [*range(2, MOST_OF_A_CLIENT + 2)]
    for number in range(MOST_RECORDS):
        memory.remember(number, _record(number))
    assert memory.failed_saves_of("one") == []
    assert sum(len(memory.failed_saves_of(number)) for number in range(MOST_RECORDS)) == MOST_RECORDS


def test_who_failed_last_is_remembered_longest() -> None:
    """The client whose last failure is the longest ago is the first to be forgotten."""
    memory = Memory(KEPT)
    for client in ("one", "two", "one", *range(MOST_RECORDS - 2)):
        memory.remember(client, _record(len(str(client))))
    assert memory.failed_saves_of("one") != []
    memory.remember("another", _record(1))
    assert memory.failed_saves_of("one") != []
    assert memory.failed_saves_of("two") == []


def test_only_so_many_episodes_are_remembered() -> None:
    """At most a thousand episodes that ended well are known, the oldest out first."""
    memory = Memory(KEPT)
    for number in range(MOST_EPISODES + 1):
        memory.note_worked(number)
    assert len(memory.worked) == MOST_EPISODES
    assert 0 not in memory.worked
    assert MOST_EPISODES in memory.worked


def test_what_is_too_old_is_forgotten() -> None:
    """A failed save is remembered for as long as its cookie would be good, and leaves nothing behind."""
    memory = Memory(KEPT)
    memory.remember("one", _record(1, milliseconds=0))
    assert memory.holds_failed
    assert memory.failed_saves_of("one") == []
    assert not memory.holds_failed


def test_forgetting_leaves_nothing() -> None:
    """What is forgotten is gone; forgetting what is not there does nothing."""
    memory = Memory(KEPT)
    memory.remember("one", _record(1))
    memory.remember("one", _record(1))
    memory.forget("one", 2)
    memory.forget("two", 1)
    assert memory.holds_failed
    memory.forget("one", 1)
    assert not memory.holds_failed


def test_a_fork_begins_with_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that was forked off remembers nothing of its parent's, and waits for no lock of it."""
    memory = Memory(KEPT)
    memory.remember("one", _record(1))
    memory.note_worked(1)
    memory._lock.acquire()  # as a thread of the parent may hold it
    monkeypatch.setattr(os, "getpid", lambda: -1)
    assert memory.failed_saves_of("one") == []
    assert not memory.worked
    assert not memory.holds_failed
