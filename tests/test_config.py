"""Settings read from a mapping."""

from __future__ import annotations

from pathlib import Path

import pytest

from otel_savetrace import RequestAttribute, Settings, environment_variables
from otel_savetrace.capture.key_pattern import KeyPattern
from otel_savetrace.errors import SettingError


def _read(**environment: str) -> tuple[Settings, list[str]]:
    refused: list[str] = []
    settings = Settings.read(
        {f"OTEL_SAVETRACE_{name}": value for name, value in environment.items()},
        lambda error: refused.append(str(error)),
    )
    return settings, refused


def test_an_empty_environment_gives_the_defaults() -> None:
    """Nothing set, or set to nothing, is the default and no complaint."""
    assert _read() == _read(FILE="", KEY_PATTERN=" ") == (Settings(), [])


def test_good_values_are_read() -> None:
    """Every variable reaches its field."""
    settings, refused = _read(
        ENABLED="False",
        FILE="/var/lib/spans.jsonl",
        KEY_PATTERN="maps/{map.id}/{map.file}, other/{map.id}",
        REQUEST_ATTRIBUTES="map.id=form:id, map.user=session:uid",
        SAVE_ROUTES="post /save/, /publish/<id>",
        PROPAGATE="on",
        LOGIN_ROUTES="/select/, /login",
        KEYS="Hash",
        LOG="on",
        IN_FLIGHT="/run/saves",
        BROWSER="on",
        BROWSER_PATH="/telemetry/browser",
        BROWSER_ENDPOINT="https://collector.example:4319",
        BROWSER_ERROR_SELECTOR="#error > .message",
        BROWSER_TEXT="off",
    )
    assert refused == []
    assert not settings.enabled
    assert settings.file == Path("/var/lib/spans.jsonl")
    assert [pattern.text for pattern in settings.key_patterns] == [
        "maps/{map.id}/{map.file}",
        "other/{map.id}",
    ]
    assert settings.request_attributes == (
        RequestAttribute("map.id", "form", "id"),
        RequestAttribute("map.user", "session", "uid"),
    )
    assert settings.save_routes == {"POST /save/", "/publish/<id>"}
    assert settings.propagate
    assert settings.login_routes == {"/select/", "/login"}
    assert settings.keys == "hash"
    assert settings.log
    assert settings.in_flight == Path("/run/saves")
    assert settings.browser
    assert settings.browser_path == "/telemetry/browser"
    assert settings.browser_endpoint == "https://collector.example:4319/v1/traces"
    assert settings.browser_error_selector == "#error > .message"
    assert not settings.browser_text


@pytest.mark.parametrize(("word", "kept"), [("off", False), ("ON", True)])
def test_a_record_of_saves_in_flight_is_switched_by_a_word(word: str, kept: bool) -> None:
    """A word switches it, anything else is a folder."""
    settings, refused = _read(IN_FLIGHT=word)
    assert (settings.in_flight, refused) == (kept, [])


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("http://127.0.0.1:4319/", "http://127.0.0.1:4319/v1/traces"),
        ("https://[::1]:4319/otlp/v1/traces", "https://[::1]:4319/otlp/v1/traces"),
        ("/v1/traces", "/v1/traces"),
    ],
)
def test_a_collector_for_browsers_is_an_address_or_a_path(given: str, read: str) -> None:
    """An address without a path gets OTLP's own; one with a path, and a path of the same site, stay."""
    settings, refused = _read(BROWSER_ENDPOINT=given)
    assert (settings.browser_endpoint, refused) == (read, [])


@pytest.mark.parametrize(
    ("name", "value", "why", "instead"),
    [
        ("ENABLED", "maybe", "neither 'true' nor 'false'", "true"),
        ("FILE", "/", "it is a folder", "no file"),
        ("KEY_PATTERN", "maps/", "names no part", "no pattern"),
        ("KEY_PATTERN", "maps/{a}{b}", "touch", "no pattern"),
        ("KEY_PATTERN", "maps/{a}/{a}", "stands twice", "no pattern"),
        ("KEY_PATTERN", "maps/{a}/}", "brace", "no pattern"),
        ("KEY_PATTERN", "maps/{savetrace.outcome}", "taken", "no pattern"),
        ("KEY_PATTERN", "maps/{no name}", "not an attribute name", "no pattern"),
        ("REQUEST_ATTRIBUTES", "map.id=id", "not of the form", "no request attribute"),
        ("REQUEST_ATTRIBUTES", "map.id=cookie:id", "none of form", "no request attribute"),
        ("REQUEST_ATTRIBUTES", "map.id=header:Authorization", "secret", "no request attribute"),
        ("SAVE_ROUTES", "save", "not of the form", "what is learned"),
        ("PROPAGATE", "2", "neither", "off"),
        ("LOGIN_ROUTES", "login", "not a path", "what is learned"),
        ("LOG", "2", "neither", "off"),
        ("IN_FLIGHT", "saves", "neither 'off' nor the absolute path", "a folder of our choice"),
        ("BROWSER", "2", "neither", "off"),
        ("BROWSER_PATH", "telemetry", "not a path", "no path"),
        ("BROWSER_PATH", "/", "not a path", "no path"),
        ("BROWSER_PATH", "/a//b", "not a path", "no path"),
        ("BROWSER_PATH", "/a/../b", "not a path", "no path"),
        ("BROWSER_PATH", '/"><script>', "not a path", "no path"),
        ("BROWSER_ENDPOINT", "ftp://collector", "neither 'https://host:port'", "the path"),
        ("BROWSER_ENDPOINT", "https://user:word@collector", "neither 'https://host:port'", "the path"),
        ("BROWSER_ENDPOINT", "https://collector; script-src *", "neither 'https://host:port'", "the path"),
        ("BROWSER_ENDPOINT", "https://collector/v1?key=1", "a query", "the path"),
        ("BROWSER_ERROR_SELECTOR", "#a\n#b", "no selector", "no selector"),
        ("BROWSER_ERROR_SELECTOR", "#" * 251, "no selector", "no selector"),
    ],
)
def test_a_bad_value_names_variable_value_reason_and_fallback(
    name: str, value: str, why: str, instead: str
) -> None:
    """One sentence for a bad value: the variable, the value, the reason, what is used instead."""
    settings, (sentence,) = _read(**{name: value})
    assert sentence.startswith(f"OTEL_SAVETRACE_{name}={value!r} cannot be used: ")
    assert why in sentence
    assert sentence.endswith(f"; {instead} is used instead.")
    assert settings == Settings()


def test_a_caller_may_stop_at_a_bad_value() -> None:
    """Where `refuse` raises, reading stops there."""

    def refuse(error: SettingError) -> None:
        raise error

    with pytest.raises(SettingError, match="OTEL_SAVETRACE_ENABLED"):
        Settings.read({"OTEL_SAVETRACE_ENABLED": "maybe"}, refuse)


def test_every_variable_is_a_documented_constant() -> None:
    """Each constant is its own name, is documented beside it, and is what OpenTelemetry registers."""
    source = Path(environment_variables.__file__).read_text()
    names = [name for name in dir(environment_variables) if name.startswith("OTEL_")]
    assert names
    for name in names:
        assert getattr(environment_variables, name) == name
        assert f".. envvar:: {name}" in source


def test_a_bad_word_for_texts_keeps_them_in_the_browser() -> None:
    """A word that cannot be used lets no text leave the browser."""
    settings, (sentence,) = _read(BROWSER_TEXT="nein")
    assert not settings.browser_text
    assert sentence.endswith("'off', the safest, is used instead.")


def test_a_bad_word_for_keys_hides_them() -> None:
    """A key mode that cannot be used, as one misspelt, leaves no key in a trace rather than every one."""
    settings, (sentence,) = _read(KEYS="hsah")
    assert settings.keys == "none"
    assert "none of plain, hash, none" in sentence
    assert sentence.endswith("'none', the safest, is used instead.")


def test_names_that_keys_give_are_those_of_all_patterns() -> None:
    """Whichever pattern fits a key, its names are known before."""
    settings = Settings(key_patterns=tuple(map(KeyPattern.parse, ("maps/{map.id}", "users/{map.user}"))))
    assert settings.key_names == {"map.id", "map.user"}
