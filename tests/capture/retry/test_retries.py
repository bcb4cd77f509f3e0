"""Which failed save a save retries, as its cookie tells, from a browser to a store that refuses."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import flask
import pytest

from otel_savetrace import RequestAttribute, Settings
from otel_savetrace import attributes as attribute
from tests.capture.retry.saving import (
    DENIED,
    UNAVAILABLE,
    assert_no_retry,
    assert_retry,
    cookies_set,
    is_taken_back,
    of_a_retry,
)
from tests.fixture_capture import Captured, facts
from tests.fixture_retries import NAMED, make_maps
from tests.raw_store import RawStore, stored

MakeClient = Callable[..., Any]

named = pytest.mark.parametrize("settings", [NAMED])
named_or_not = pytest.mark.parametrize("settings", [Settings(), NAMED], ids=["by key", "by name"])


def _form(map_id: str = "m1", body: str = "{}") -> dict[str, str]:
    return {"id": map_id, "d": body}


@named_or_not
def test_a_chain_is_whole(maps: flask.Flask, captured: Captured, store: RawStore) -> None:
    """A save that fails three times and then works: attempts 1 to 4, each linked to the one before."""
    user = maps.test_client()
    store.script = [DENIED, UNAVAILABLE, DENIED]
    answers = [user.post("/save/", data=_form()) for _ in range(5)]
    first, *retries, next_save = captured.saves
    for attempt, (failed, retry) in enumerate(zip([first, *retries], retries, strict=False), 2):
        assert_retry(retry, failed, attempt)
        assert first.context is not None
        assert facts(retry)[attribute.FIRST_TRACE_ID] == f"{first.context.trace_id:032x}"
        assert facts(retry)[attribute.SAME_CONTENT] is True
    assert [facts(save)[attribute.OUTCOME] for save in captured.saves] == ["failed"] * 3 + ["succeeded"] * 2
    assert_no_retry(first)
    assert_no_retry(next_save)
    names = [list(cookies_set(answer)) for answer in answers]
    assert names == [names[0]] * 4 + [[]], "one cookie, set anew and taken back"
    assert len(names[0]) == 1
    assert is_taken_back(cookies_set(answers[3])[names[0][0]])


@named_or_not
def test_a_save_of_something_else_neither_uses_nor_clears(
    maps: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """Between a failure and its retry, saves of another thing and by another route change nothing."""
    user = maps.test_client()
    store.script = [DENIED]
    user.post("/save/", data=_form())
    between = [
        user.post("/save/", data=_form("m2", "another thing")),
        user.post("/raw/m1", data=b"{}"),
        user.get("/login/nobody"),
    ]
    user.post("/save/", data=_form(body="changed since"))
    failed, other, other_route, _, retry = captured.saves
    assert_no_retry(other)
    assert_no_retry(other_route)
    assert_retry(retry, failed, 2)
    assert facts(retry)[attribute.SAME_CONTENT] is False
    assert not any(cookies_set(answer) for answer in between)


@named_or_not
def test_two_things_that_fail_at_once_are_kept_apart(
    maps: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """Two documents in two tabs: each has a cookie of its own, and each retry finds its own failure."""
    user = maps.test_client()
    store.script = [DENIED, UNAVAILABLE]
    for map_id in ("m1", "m2", "m1", "m2"):
        user.post("/save/", data=_form(map_id, f"of {map_id}"))
    one, two, retry_of_one, retry_of_two = captured.saves
    assert_retry(retry_of_one, one, 2)
    assert_retry(retry_of_two, two, 2)


def test_at_most_eight_are_kept(maps: flask.Flask, captured: Captured, store: RawStore) -> None:
    """The ninth thing that fails takes the oldest one's cookie back; eight are known by theirs."""
    user = maps.test_client()
    things = [f"m{number}" for number in range(9)]
    store.script = [DENIED] * 9
    answers = [user.post("/save/", data=_form(thing, f"of {thing}")) for thing in things]
    (first_name,) = cookies_set(answers[0])
    assert [len(cookies_set(answer)) for answer in answers] == [1] * 8 + [2]
    assert is_taken_back(cookies_set(answers[8])[first_name])
    for thing in things:
        user.post("/save/", data=_form(thing, f"of {thing}"))
    failed, retries = captured.saves[:9], captured.saves[9:]
    assert_no_retry(retries[0])
    for retry, one in zip(retries[1:], failed[1:], strict=True):
        assert_retry(retry, one, 2)


@named_or_not
def test_a_failure_that_stores_several_objects(
    maps: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """A create whose second object fails comes back under another id; user and content tell that it is it."""
    user = maps.test_client()
    user.get("/login/ada")
    store.script = [stored, DENIED]
    content = {"title": "map", "d": '{"slides": []}'}
    user.post("/create/", data=content)
    user.post("/create/", data=content)
    user.post("/create/", data=content)
    _, failed, retry, next_create = captured.saves
    assert facts(failed)[attribute.OUTCOME] == "failed"
    assert_retry(retry, failed, 2)
    assert_no_retry(next_create)


def test_a_failed_retry_under_another_name(maps: flask.Flask, captured: Captured, store: RawStore) -> None:
    """A retry that goes to another key and fails has a cookie of its own; the one before is taken back."""
    user = maps.test_client()
    store.script = [stored, DENIED, stored, DENIED]
    first, second, third, _ = (user.post("/create/", data={"title": "map", "d": "{}"}) for _ in range(4))
    (before,) = cookies_set(first)
    (own,) = cookies_set(second).keys() - {before}
    assert is_taken_back(cookies_set(second)[before])
    assert [is_taken_back(line) for line in cookies_set(third).values()] == [True]
    assert [*cookies_set(third)] == [own]
    assert_retry(captured.saves[1], captured.saves[0], 2)
    assert_retry(captured.saves[2], captured.saves[1], 3)
    assert_no_retry(captured.saves[3])


def test_another_create_of_other_content_is_no_retry(
    maps: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """A create of something else by the same user is not taken for the retry of one that failed."""
    user = maps.test_client()
    store.script = [stored, DENIED]
    user.post("/create/", data={"title": "map", "d": "one thing"})
    user.post("/create/", data={"title": "map", "d": "quite another"})
    assert_no_retry(captured.saves[1])


@pytest.mark.parametrize("settings", [Settings(), NAMED], ids=["by address", "by name"])
def test_the_same_content_of_another_thing_is_no_retry(
    maps: flask.Flask, captured: Captured, store: RawStore, settings: Settings
) -> None:
    """Where the request itself names the thing, the same content of another one is not taken for a retry."""
    user = maps.test_client()
    store.script = [DENIED]
    for map_id in ("m1", "m2", "m1"):
        if settings is NAMED:
            user.post("/save/", data=_form(map_id))
        else:
            user.post(f"/raw/{map_id}", data=b"{}")
    failed, other, retry = captured.saves
    assert_no_retry(other)
    assert_retry(retry, failed, 2)


@named
def test_another_user_of_the_browser_with_the_same_content_is_no_retry(
    maps: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """Who logs in after a failure in the same browser, and saves the same content, retries nobody's save."""
    browser = maps.test_client()
    browser.get("/login/ada")
    store.script = [DENIED]
    browser.post("/save/", data=_form())
    browser.get("/login/ben")
    browser.post("/save/", data=_form())
    browser.get("/login/ada")
    browser.post("/save/", data=_form())
    failed, of_ben, retry = (span for span in captured.saves if attribute.OUTCOME in facts(span))
    assert_no_retry(of_ben)
    assert_retry(retry, failed, 2)


@named_or_not
def test_another_user_of_the_document_is_no_retry(
    maps: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """Of two users on one document one fails and the other saves: no retry; the first one's retry is one."""
    ada, ben = maps.test_client(), maps.test_client()
    for user in (ada, ben):
        user.get("/login/shared")
    store.script = [DENIED]
    ada.post("/save/", data=_form())
    ben.post("/save/", data=_form())
    ada.post("/save/", data=_form())
    *_, failed, of_ben, retry = captured.saves
    assert_no_retry(of_ben)
    assert_retry(retry, failed, 2)


SAVES_EARLY = Settings(save_routes=frozenset(["/save/"]))
NAMED_EARLY = Settings(
    save_routes=frozenset(["/save/"]),
    key_patterns=NAMED.key_patterns,
    request_attributes=NAMED.request_attributes,
)


@pytest.mark.parametrize("how", ["early", "refused"])
@pytest.mark.parametrize("settings", [SAVES_EARLY, NAMED_EARLY], ids=["by form", "by name"])
def test_a_save_that_fails_before_storage(
    maps: flask.Flask, captured: Captured, store: RawStore, how: str
) -> None:
    """A save that dies before storage, by an exception or a 4xx, is a link of the chain as any other."""
    user = maps.test_client()
    user.get("/login/ada")
    store.script = [DENIED]
    user.post("/save/", data=_form(), headers={"Die": how})
    user.post("/save/", data=_form())
    user.post("/save/", data=_form(), headers={"Die": how})
    user.post("/save/", data=_form())
    user.post("/save/", data=_form())
    _, first, *retries, next_save = captured.saves
    for attempt, (failed, retry) in enumerate(zip([first, *retries], retries, strict=False), 2):
        assert_retry(retry, failed, attempt)
    assert attribute.SAME_CONTENT not in facts(retries[0]), "one side is not known"
    assert_no_retry(next_save)


@pytest.mark.parametrize("settings", [SAVES_EARLY])
def test_what_was_saved_outlives_an_early_death(
    maps: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """A retry that dies before it can tell what it saves is of what the one before it saved."""
    user = maps.test_client()
    store.script = [DENIED]
    user.post("/save/", data=_form())
    user.post("/save/", data=_form(), headers={"Die": "early"})
    user.post("/save/", data=_form(body="changed in between"))
    failed, early, retry = captured.saves
    assert_retry(early, failed, 2)
    assert_retry(retry, early, 3)


@pytest.mark.parametrize("settings", [SAVES_EARLY])
def test_an_early_death_is_still_found_by_the_form_that_it_had(
    maps: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """One that dies too soon, and is taken for the retry of another thing of its length, finds its own."""
    user = maps.test_client()
    store.script = [DENIED]
    user.post("/save/", data=_form("m1", "of one"))
    user.post("/save/", data=_form("m2", "of two"), headers={"Die": "early"})
    user.post("/save/", data=_form("m2", "of two"))
    _, early, retry = captured.saves
    assert_retry(retry, early, 3)


@pytest.mark.parametrize("settings", [SAVES_EARLY])
def test_an_early_death_is_told_from_others_by_its_query(
    maps: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """Of a save that dies too soon to name what it saves, the query of its address may still tell."""
    user = maps.test_client()
    user.post("/save/?map=m1", data=_form("m1", "of one"), headers={"Die": "early"})
    user.post("/save/?map=m2", data=_form("m2", "of two"))
    user.post("/save/?map=m1", data=_form("m1", "of one"))
    early, other, retry = captured.saves
    assert_no_retry(other)
    assert_retry(retry, early, 2)


@named
def test_ids_that_are_cut_are_told_apart(maps: flask.Flask, captured: Captured, store: RawStore) -> None:
    """Two ids that are alike as far as an attribute can hold them name two things."""
    user = maps.test_client()
    user.get("/login/ada")
    one, two = (f"{'x' * attribute.SEARCHED_LIMIT}{number}" for number in (1, 2))
    store.script = [DENIED]
    for map_id, body in ((one, "{}"), (two, "[]"), (one, "{ }")):
        user.post("/save/", data=_form(map_id, body))
    _, failed, other, retry = captured.saves
    assert_no_retry(other)
    assert_retry(retry, failed, 2)


def test_another_method_is_another_save(captured: Captured, store: RawStore, client_of: MakeClient) -> None:
    """What one method failed to save, another of the same address does not retry."""
    app = flask.Flask("maps")
    app.secret_key = "of this test"
    client = client_of(store)

    def save() -> str:
        client.put_object(Bucket="bucket", Key="k", Body=b"1")
        return "saved"

    app.add_url_rule("/save/", view_func=save, methods=["POST", "PUT"])
    user = app.test_client()
    store.script = [DENIED]
    user.post("/save/")
    user.put("/save/")
    user.post("/save/")
    failed, other, retry = captured.saves
    assert_no_retry(other)
    assert_retry(retry, failed, 2)


@pytest.mark.parametrize("settings", [NAMED_EARLY])
def test_what_the_request_names_is_enough(maps: flask.Flask, captured: Captured) -> None:
    """Where request attributes name the thing, a save that died early is known by a retry of another size."""
    user = maps.test_client()
    user.get("/login/ada")
    user.post("/save/", data=_form(), headers={"Die": "refused"})
    user.post("/save/", data=_form("m2", "something else of another size"))
    user.post("/save/", data=_form(body="more than before"))
    _, failed, other, retry = captured.saves
    assert_no_retry(other)
    assert_retry(retry, failed, 2)
    assert facts(retry)[attribute.SAME_CONTENT] is False, "the requests' sizes differ"


@pytest.mark.parametrize("settings", [SAVES_EARLY])
def test_an_early_failure_of_another_form_is_no_retry(maps: flask.Flask, captured: Captured) -> None:
    """Where nothing names the thing, a save of another size or from another page is no retry."""
    user = maps.test_client()
    user.post("/save/", data=_form(), headers={"Die": "early", "Referer": "http://localhost/edit/m1"})
    user.post("/save/", data=_form(), headers={"Referer": "http://localhost/edit/m2"})
    user.post("/save/", data=_form(body="much longer"), headers={"Referer": "http://localhost/edit/m1"})
    for span in captured.saves[1:]:
        assert_no_retry(span)


@pytest.mark.parametrize(
    "settings", [Settings(request_attributes=(RequestAttribute("client.id", "header", "X-Client-Id"),))]
)
def test_a_clients_own_id_says_nothing_of_the_thing(
    maps: flask.Flask, captured: Captured, store: RawStore
) -> None:
    """A page that was loaded anew, with another id of its own, brings the cookie of the same thing."""
    user = maps.test_client()
    store.script = [DENIED]
    for client_id in ("a", "b"):
        user.post("/save/", data=_form(body=client_id), headers={"X-Client-Id": client_id})
    assert_retry(captured.saves[1], captured.saves[0], 2)


def test_time_and_haste(maps: flask.Flask, captured: Captured, store: RawStore) -> None:
    """A retry says how long after the failure it came; one within a second is marked as a script's."""
    user = maps.test_client()
    store.script = [DENIED]
    for _ in range(2):
        user.post("/save/", data=_form())
    failed, retry = captured.saves
    assert failed.end_time is not None
    assert retry.start_time is not None
    seconds = of_a_retry(retry)[attribute.SECONDS_SINCE_FAILURE]
    between = (retry.start_time - failed.end_time) / 1e9
    assert between - 0.001 <= seconds <= between + (failed.end_time - (failed.start_time or 0)) / 1e9 + 0.001
    assert of_a_retry(retry)[attribute.AUTOMATIC_RETRY] is True


def test_a_retry_after_a_while(
    maps: flask.Flask, captured: Captured, store: RawStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retry that comes a minute and a half after the failure says so, and is not marked as a script's."""
    user = maps.test_client()
    store.script = [DENIED]
    with monkeypatch.context() as earlier:
        ago = SimpleNamespace(time_ns=lambda: time.time_ns() - 90_000_000_000)
        earlier.setattr("otel_savetrace.capture.retry.saved.time", ago)
        user.post("/save/", data=_form())
    user.post("/save/", data=_form())
    said = of_a_retry(captured.saves[1])
    assert 90 <= said[attribute.SECONDS_SINCE_FAILURE] < 120
    assert attribute.AUTOMATIC_RETRY not in said


@pytest.mark.parametrize("settings", [Settings(cookie_secret="s" * 20)])
def test_a_secret_of_the_settings_does_without_the_apps(
    captured: Captured, store: RawStore, client_of: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    """An app without a secret key has cookies where the settings name a secret; nothing is logged."""
    user = make_maps(client_of(store), None).test_client()
    store.script = [DENIED]
    for _ in range(2):
        user.post("/raw/m1", data=b"1")
    failed, retry = captured.saves
    assert_retry(retry, failed, 2)
    assert not [record for record in caplog.records if record.name == "otel_savetrace"]


def test_without_a_secret_one_line_says_so(
    captured: Captured, store: RawStore, client_of: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Without any secret no cookie is set, and one line for each app says how to switch it on."""
    client = client_of(store)
    users = [make_maps(client, None, name).test_client() for name in ("one", "two")]
    store.script = [DENIED] * 4
    with caplog.at_level(logging.WARNING, "otel_savetrace"):
        answers = [user.post("/raw/m1", data=b"1") for user in users for _ in range(2)]
    assert not any(cookies_set(answer) for answer in answers)
    said = [record.getMessage() for record in caplog.records if record.name == "otel_savetrace"]
    assert len(said) == 2
    assert all("OTEL_SAVETRACE_COOKIE_SECRET" in line for line in said)
    for span in captured.saves:
        assert_no_retry(span)


@pytest.mark.parametrize("settings", [Settings(cookie=False)])
def test_cookies_may_be_switched_off(
    maps: flask.Flask, captured: Captured, store: RawStore, caplog: pytest.LogCaptureFixture
) -> None:
    """With `OTEL_SAVETRACE_COOKIE=off` no cookie is set, none is read, and nothing is logged about it."""
    user = maps.test_client()
    user.set_cookie("savetrace_00000000", "x.y.z")
    store.script = [DENIED]
    answers = [user.post("/raw/m1", data=b"1") for _ in range(2)]
    assert not any(cookies_set(answer) for answer in answers)
    assert attribute.COOKIE_REFUSED not in facts(captured.saves[0])
    assert_no_retry(captured.saves[1])
    assert not [record for record in caplog.records if record.name == "otel_savetrace"]


def test_a_secret_key_that_was_changed(maps: flask.Flask, captured: Captured, store: RawStore) -> None:
    """A cookie signed with a key that has become a fallback is read; the retry's own has the new key."""
    user = maps.test_client()
    store.script = [DENIED] * 2
    user.post("/raw/m1", data=b"1")
    maps.config["SECRET_KEY_FALLBACKS"] = [maps.secret_key]
    maps.secret_key = "the new one"
    user.post("/raw/m1", data=b"1")
    maps.config["SECRET_KEY_FALLBACKS"] = None
    user.post("/raw/m1", data=b"1")
    user.post("/raw/m1", data=b"1")
    first, second, third, next_save = captured.saves
    assert_retry(second, first, 2)
    assert_retry(third, second, 3)
    assert_no_retry(next_save)


@pytest.mark.parametrize("mode", ["hash", "none"])
def test_with_hidden_keys_it_works_too(
    instrumented: Captured, store: RawStore, client_of: MakeClient, mode: Any
) -> None:
    """With keys hashed or left out, a retry is known as ever, and nothing of a key is in the cookie."""
    import otel_savetrace

    hidden = Settings(key_patterns=NAMED.key_patterns, request_attributes=NAMED.request_attributes, keys=mode)
    assert otel_savetrace.instrument(instrumented.provider, hidden)
    try:
        user = make_maps(client_of(store), "secret").test_client()
        store.script = [DENIED]
        answers = [user.post("/save/", data=_form("a-long-name")) for _ in range(2)]
    finally:
        otel_savetrace.uninstrument()
    failed, retry = instrumented.saves
    assert_retry(retry, failed, 2)
    assert "a-long-name" not in str(answers[0].headers)
    assert "a-long-name" not in str(facts(retry))


def test_the_apps_own_retry_is_another_thing(
    captured: Captured, store: RawStore, client_of: MakeClient, short_backoff: None
) -> None:
    """An app's own loop and botocore's retries are told within one save, which retries none before it."""
    app = flask.Flask("maps")
    client = client_of(store, retries=1)

    @app.post("/save/")
    def save() -> str:
        try:
            client.put_object(Bucket="bucket", Key="k", Body=b"1")
        except Exception:
            client.put_object(Bucket="bucket", Key="k", Body=b"1")
        return "saved"

    store.script = [UNAVAILABLE] * 3
    app.test_client().post("/save/")
    (span,) = captured.saves
    assert_no_retry(span)
    assert facts(span)[attribute.APP_RETRY_ATTEMPTS] == 1
    assert facts(span)[attribute.RETRY_ATTEMPTS] == len(store.seen) - 2 == 2


def test_a_save_that_works_and_brings_no_cookie_loads_nothing(
    maps: flask.Flask, captured: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a failure and without a cookie of ours, what pairs saves is not even made."""
    import otel_savetrace.capture.retry.retries as behind

    monkeypatch.setattr(behind, "Retries", None)  # calling it would be caught by the guard
    user = maps.test_client()
    user.get("/login/ada")
    user.post("/save/", data=_form())
    assert facts(captured.saves[1])[attribute.OUTCOME] == "succeeded"
