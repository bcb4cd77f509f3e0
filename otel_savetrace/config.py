"""Settings, read once from a mapping of environment variables."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, TypeVar, cast
from urllib.parse import urlsplit

from otel_savetrace import environment_variables as variable
from otel_savetrace.capture.key_pattern import KeyPattern, check_attribute_name
from otel_savetrace.errors import SettingError

KeyMode = Literal["plain", "hash", "none"]
RequestSource = Literal["form", "args", "view", "json", "header", "session"]

_LONGEST_COOKIE = 24 * 60 * 60
_KEY_MODES = ("plain", "hash", "none")
_REQUEST_SOURCES = ("form", "args", "view", "json", "header", "session")
_SECRET_HEADERS = frozenset(
    ("authorization", "cookie", "proxy-authorization", "x-amz-security-token", "x-api-key", "x-csrf-token")
)
_LONGEST_SELECTOR = 250
# What stands in a path, an attribute's value and a policy's source list alike as it is.
_SITE_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)+/?")
_HOST = re.compile(r"[A-Za-z0-9.-]+(?::[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?")
_WORDS = {
    "true": True,
    "on": True,
    "1": True,
    "yes": True,
    "false": False,
    "off": False,
    "0": False,
    "no": False,
}

_Value = TypeVar("_Value")


@dataclasses.dataclass(frozen=True)
class RequestAttribute:
    """An attribute of the save that is taken from one field of the request."""

    name: str
    source: RequestSource
    field: str


@dataclasses.dataclass(frozen=True)
class Settings:
    """What capture does; each field is one variable of `otel_savetrace.environment_variables`.

    `save_routes` holds ``/rule`` (any method) or ``METHOD /rule``, `login_routes` paths. `in_flight` is a
    folder, or whether one is chosen.
    """

    enabled: bool = True
    file: Path | None = None
    key_patterns: tuple[KeyPattern, ...] = ()
    request_attributes: tuple[RequestAttribute, ...] = ()
    save_routes: frozenset[str] = frozenset()
    propagate: bool = False
    login_routes: frozenset[str] = frozenset()
    keys: KeyMode = "plain"
    log: bool = False
    cookie: bool = True
    cookie_secret: str | None = dataclasses.field(default=None, repr=False)
    cookie_seconds: int = 30 * 60
    in_flight: Path | bool = True
    browser: bool = False
    browser_path: str | None = None
    browser_endpoint: str | None = None
    browser_error_selector: str | None = None
    browser_text: bool = True

    @property
    def key_names(self) -> frozenset[str]:
        """The names of the attributes that object keys give."""
        return frozenset(name for pattern in self.key_patterns for name in pattern.names)

    @classmethod
    def read(cls, environment: Mapping[str, str], refuse: Callable[[SettingError], None]) -> Settings:
        """Read every variable; a value that cannot be used goes to `refuse` and its default is used instead.

        `refuse` may raise the error it is given, where a bad setting should stop the program.
        """
        reader = _Reader(environment, refuse)
        return cls(
            enabled=reader.value(variable.OTEL_SAVETRACE_ENABLED, _switch, cls.enabled, "true"),
            file=reader.value(variable.OTEL_SAVETRACE_FILE, _file, cls.file, "no file"),
            key_patterns=reader.value(
                variable.OTEL_SAVETRACE_KEY_PATTERN, _key_patterns, cls.key_patterns, "no pattern"
            ),
            request_attributes=reader.value(
                variable.OTEL_SAVETRACE_REQUEST_ATTRIBUTES,
                _request_attributes,
                cls.request_attributes,
                "no request attribute",
            ),
            save_routes=reader.value(
                variable.OTEL_SAVETRACE_SAVE_ROUTES, _save_routes, cls.save_routes, "what is learned"
            ),
            propagate=reader.value(variable.OTEL_SAVETRACE_PROPAGATE, _switch, cls.propagate, "off"),
            login_routes=reader.value(
                variable.OTEL_SAVETRACE_LOGIN_ROUTES, _login_routes, cls.login_routes, "what is learned"
            ),
            keys=reader.value(
                variable.OTEL_SAVETRACE_KEYS, _key_mode, cls.keys, "'none', the safest,", "none"
            ),
            log=reader.value(variable.OTEL_SAVETRACE_LOG, _switch, cls.log, "off"),
            cookie=reader.value(variable.OTEL_SAVETRACE_COOKIE, _switch, cls.cookie, "on"),
            cookie_secret=environment.get(variable.OTEL_SAVETRACE_COOKIE_SECRET, "").strip() or None,
            cookie_seconds=reader.value(
                variable.OTEL_SAVETRACE_COOKIE_SECONDS, _seconds, cls.cookie_seconds, "1800"
            ),
            in_flight=reader.value(
                variable.OTEL_SAVETRACE_IN_FLIGHT, _in_flight, cls.in_flight, "a folder of our choice"
            ),
            browser=reader.value(variable.OTEL_SAVETRACE_BROWSER, _switch, cls.browser, "off"),
            browser_path=reader.value(
                variable.OTEL_SAVETRACE_BROWSER_PATH, _site_path, cls.browser_path, "no path"
            ),
            browser_endpoint=reader.value(
                variable.OTEL_SAVETRACE_BROWSER_ENDPOINT, _endpoint, cls.browser_endpoint, "the path"
            ),
            browser_error_selector=reader.value(
                variable.OTEL_SAVETRACE_BROWSER_ERROR_SELECTOR,
                _selector,
                cls.browser_error_selector,
                "no selector",
            ),
            browser_text=reader.value(
                variable.OTEL_SAVETRACE_BROWSER_TEXT, _switch, cls.browser_text, "'off', the safest,", False
            ),
        )


@dataclasses.dataclass(frozen=True)
class _Reader:
    environment: Mapping[str, str]
    refuse: Callable[[SettingError], None]

    def value(
        self,
        name: str,
        parse: Callable[[str], _Value],
        default: _Value,
        instead: str,
        fallback: _Value | None = None,
    ) -> _Value:
        """Return what `parse` makes of the variable, `default` where it is not set.

        Where its value cannot be used: `fallback`, if that differs from the default; `instead` names it.
        """
        text = self.environment.get(name, "").strip()
        if not text:
            return default
        try:
            return parse(text)
        except ValueError as error:
            self.refuse(SettingError(f"{name}={text!r} cannot be used: {error}; {instead} is used instead."))
            return default if fallback is None else fallback


def _switch(text: str) -> bool:
    if text.lower() not in _WORDS:
        raise ValueError("it is neither 'true' nor 'false'")
    return _WORDS[text.lower()]


def _seconds(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and 0 < int(text) <= _LONGEST_COOKIE):
        raise ValueError(f"it is no whole number of seconds from 1 to {_LONGEST_COOKIE}, which is a day")
    return int(text)


def _key_mode(text: str) -> KeyMode:
    if text.lower() not in _KEY_MODES:
        raise ValueError(f"it is none of {', '.join(_KEY_MODES)}")
    return cast(KeyMode, text.lower())


def _login_routes(text: str) -> frozenset[str]:
    for entry in _entries(text):
        if not entry.startswith("/"):
            raise ValueError(f"{entry!r} is not a path, as '/login' is")
    return frozenset(_entries(text))


def _site_path(text: str) -> str:
    if not _SITE_PATH.fullmatch(text) or {".", ".."} & set(text.split("/")):
        raise ValueError("it is not a path, as '/telemetry/browser' is")
    return text


def _endpoint(text: str) -> str:
    if text.startswith("/"):
        return _site_path(text)
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.netloc):
        raise ValueError("it is neither 'https://host:port' nor a path, as '/v1/traces' is")
    path = _site_path("/v1/traces" if parts.path in ("", "/") else parts.path)
    if parts.query or parts.fragment:
        raise ValueError("it has a query or a fragment")
    return f"{parts.scheme}://{parts.netloc}{path}"


def _selector(text: str) -> str:
    if len(text) > _LONGEST_SELECTOR or not text.isprintable():
        raise ValueError(f"it is no selector in one line of at most {_LONGEST_SELECTOR} characters")
    return text


def _file(text: str) -> Path:
    path = Path(text).expanduser().absolute()
    if path.is_dir():
        raise ValueError("it is a folder; name a file in it")
    return path


def _in_flight(text: str) -> Path | bool:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    path = Path(text).expanduser()
    if not path.is_absolute():
        raise ValueError("it is neither 'off' nor the absolute path of a folder")
    return path


def _entries(text: str) -> list[str]:
    return [entry.strip() for entry in text.split(",") if entry.strip()]


def _key_patterns(text: str) -> tuple[KeyPattern, ...]:
    return tuple(KeyPattern.parse(entry) for entry in _entries(text))


def _request_attributes(text: str) -> tuple[RequestAttribute, ...]:
    return tuple(_request_attribute(entry) for entry in _entries(text))


def _request_attribute(entry: str) -> RequestAttribute:
    name, equals, origin = entry.partition("=")
    source, colon, field = origin.partition(":")
    name, source, field = name.strip(), source.strip(), field.strip()
    if not (equals and colon and field):
        raise ValueError(f"{entry!r} is not of the form 'storymap.id=form:id'")
    check_attribute_name(name)
    if source not in _REQUEST_SOURCES:
        raise ValueError(f"{source!r} in {entry!r} is none of {', '.join(_REQUEST_SOURCES)}")
    if source == "header" and field.lower() in _SECRET_HEADERS:
        raise ValueError(f"the header {field!r} holds a secret and is never recorded")
    return RequestAttribute(name, cast(RequestSource, source), field)


def _save_routes(text: str) -> frozenset[str]:
    return frozenset(_save_route(entry) for entry in _entries(text))


def _save_route(entry: str) -> str:
    *method, rule = entry.split()
    if not rule.startswith("/") or len(method) > 1:
        raise ValueError(f"{entry!r} is not of the form '/rule' or 'POST /rule'")
    return " ".join([*(word.upper() for word in method), rule])
