"""Which settings came from where, and what is not told of them."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from otel_savetrace import Settings, environment_variables
from otel_savetrace.doctor import settings
from otel_savetrace.doctor.as_json import doctor_document
from otel_savetrace.doctor.examination import examine
from otel_savetrace.doctor.secrets import Secrets
from tests.doctor.asking import answered, asking, delivered, only, told

OURS = sorted(name for name in vars(environment_variables) if name.startswith("OTEL_SAVETRACE_"))


def test_every_variable_of_ours_is_told_with_where_it_is_from(tmp_path: Path) -> None:
    """Set, refused or by default: each variable is told once, as capture itself reads it."""
    file = tmp_path / "spans.jsonl"
    asked = asking(
        {"OTEL_SAVETRACE_FILE": str(file), "OTEL_SAVETRACE_KEYS": "maybe", "OTEL_SAVETRACE_SAVE_ROUTES": " "}
    )
    given = told(settings.ours(asked))
    assert given == [
        ("OTEL_SAVETRACE_FILE", "ok", f"{file} (environment)"),
        (
            "OTEL_SAVETRACE_KEYS",
            "failure",
            "maybe is refused: it is none of plain, hash, none; 'none', the safest, is used instead",
        ),
    ]
    by_default = only(settings.by_default(asked))
    assert "ENABLED on" in by_default.said
    assert "KEY_PATTERN none" in by_default.said
    named = [name for name in OURS if f"{name.removeprefix('OTEL_SAVETRACE_')} " in by_default.said]
    assert sorted([*named, "OTEL_SAVETRACE_FILE", "OTEL_SAVETRACE_KEYS"]) == OURS


@pytest.mark.parametrize("secret", ["abc", "a longer one"])
def test_what_cookies_are_signed_with_is_not_told(secret: str) -> None:
    """Of the cookie's secret, long or short, it is told that it is set, and how long a cookie is good."""
    variables = {"OTEL_SAVETRACE_COOKIE_SECRET": secret, "OTEL_SAVETRACE_COOKIE_SECONDS": "60"}
    assert told(settings.ours(asking(variables))) == [
        ("OTEL_SAVETRACE_COOKIE_SECONDS", "ok", "60 (environment)"),
        ("OTEL_SAVETRACE_COOKIE_SECRET", "ok", "not shown (environment)"),
    ]
    assert secret not in repr(Settings(cookie_secret=secret))


def test_a_file_that_cannot_be_written_is_a_failure(tmp_path: Path) -> None:
    """The system's own reason is told, and what to do."""
    in_the_way = tmp_path / "a file"
    in_the_way.touch()
    asked = asking({"OTEL_SAVETRACE_FILE": str(in_the_way / "spans.jsonl")})
    failed = list(settings.ours(asked))[-1]
    assert failed.state == "failure"
    assert failed.said == f"{in_the_way}/spans.jsonl cannot be written: {os.strerror(errno.EEXIST)}"


def test_a_folder_for_saves_in_flight_that_cannot_be_used_is_a_warning(tmp_path: Path) -> None:
    """The reason is told, and what is lost; where a record can be kept, or none is wanted, nothing is."""
    open_to_others = tmp_path / "in-flight"
    open_to_others.mkdir(mode=0o755)
    for given, said in (
        (str(open_to_others), f"killed outright: it is not this user's alone: {open_to_others}"),
        (str(tmp_path / "alone"), ""),
        ("off", ""),
    ):
        found = [
            one for one in settings.ours(asking({"OTEL_SAVETRACE_IN_FLIGHT": given})) if one.state != "ok"
        ]
        assert [one.state for one in found] == (["warning"] if said else [])
        assert all(one.said.endswith(said) for one in found)
    assert list((tmp_path / "alone").iterdir()) == []


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"": "on"}, [("", "failure", "nowhere to report to")]),
        ({"": "yes", "_PATH": "no path"}, [("", "failure", "nowhere to report to")]),
        ({"": "on", "_PATH": "/telemetry/browser"}, []),
        ({"": "on", "_ENDPOINT": "https://collector:4319"}, []),
        ({"_PATH": "/telemetry/browser"}, []),
        ({"": "off", "_ENDPOINT": "/v1/traces"}, [("_ENDPOINT", "warning", "no script")]),
        ({"": "on", "_ENDPOINT": "http://collector"}, [("_ENDPOINT", "warning", "no TLS")]),
    ],
)  # fmt: skip
def test_what_keeps_browsers_silent_is_told(
    variables: dict[str, str], expected: list[tuple[str, str, str]]
) -> None:
    """Asked to tell and with nowhere to do so, or told where and not asked: each has its line."""
    asked = asking({f"OTEL_SAVETRACE_BROWSER{name}": value for name, value in variables.items()})
    found = list(settings.pages(asked))
    assert [(one.subject.removeprefix("OTEL_SAVETRACE_BROWSER"), one.state) for one in found] == [
        (subject, state) for subject, state, _ in expected
    ]
    assert all(words in one.said for one, (_, _, words) in zip(found, expected, strict=True))


def test_a_slip_of_the_pen_is_noticed() -> None:
    """A variable that looks like ours and is none is a warning that names the one it looks like."""
    variables = [{"name": name, "given": False, "value": "", "refused": None} for name in OURS]
    asked = answered(
        {"OTEL_SAVETRACE_FIEL": "x", "OTEL_SAVETRACE_CACHE": "x"}, settings={"variables": variables}
    )
    warned = only(settings.unknown(asked))
    assert (warned.subject, warned.state) == ("OTEL_SAVETRACE_FIEL", "warning")
    assert warned.todo == "unset it, or call it OTEL_SAVETRACE_FILE"


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, [("OTEL_SERVICE_NAME", "warning", "not set: the app's spans are filed under storymap")]),
        (
            {"OTEL_RESOURCE_ATTRIBUTES": "service.name=maps"},
            [("OTEL_RESOURCE_ATTRIBUTES", "note", "not shown (environment)")],
        ),
        (
            {"OTEL_SERVICE_NAME": "maps", "AWS_RETRY_MODE": "standard", "AWS_SECRET_ACCESS_KEY": "abcdefgh"},
            [
                ("AWS_RETRY_MODE", "note", "standard (environment)"),
                ("OTEL_SERVICE_NAME", "note", "maps (environment)"),
            ],
        ),
        (
            {"OTEL_SERVICE_NAME": "maps", "OTEL_EXPORTER_OTLP_HEADERS": "api-key=abcdefgh, x-tenant=1"},
            [
                ("OTEL_EXPORTER_OTLP_HEADERS", "note", "api-key, x-tenant, values not shown (environment)"),
                ("OTEL_SERVICE_NAME", "note", "maps (environment)"),
            ],
        ),
    ],
)
def test_what_others_are_set_to_is_told(
    variables: dict[str, str], expected: list[tuple[str, str, str]]
) -> None:
    """Variables of OpenTelemetry and AWS that have a say are told; of credentials not even the name."""
    assert told(settings.others(answered(variables))) == expected


SECRETS = {
    "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20hedgehog1",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS": "x-key=hedgehog2",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://me:hedgehog3@collector:4317",
    "OTEL_SAVETRACE_COOKIE_SECRET": "hedgehog4",
    "AWS_SECRET_ACCESS_KEY": "hedgehog5",
    "AWS_SESSION_TOKEN": "hedgehog6",
    "OTEL_RESOURCE_ATTRIBUTES": "team=hedgehog7",
    "OTEL_PYTHON_EXPORTER_OTLP_HTTP_CREDENTIAL_PROVIDER": "hedgehog8",
}


def test_no_secret_is_told() -> None:
    """Neither the settings nor what an exporter quotes in its error hold a secret of the environment."""
    failed: dict[str, Any] = delivered(
        "export",
        "",
        "refused Bearer hedgehog1 and Bearer%20hedgehog1 at http://me:hedgehog3@collector:4317 for hedgehog5",
        endpoint="me:hedgehog3@collector:4317",
    )
    asked = answered({**SECRETS, "OTEL_SERVICE_NAME": "maps"}, canary={"deliveries": [failed]})
    document = json.dumps(doctor_document(list(examine(asked))))
    assert "refused **** and **** at" in document
    assert "hedgehog" not in document
    assert "OTEL_EXPORTER_OTLP_HEADERS" in document


def test_words_that_are_no_secret_stay() -> None:
    """Short values and those of other variables are part of too many words to be taken out."""
    secrets = Secrets({"SECRET_KEY": "test", "OTEL_SERVICE_NAME": "storymap"})
    assert secrets.without("a test of storymap at http://jaeger:16686/x@y") == (
        "a test of storymap at http://jaeger:16686/x@y"
    )


def test_who_signs_in_is_taken_out_of_an_address() -> None:
    """A name and password in an address are hidden wherever it comes from, an argument too."""
    assert Secrets({}).without("No Jaeger answers at http://ada:hedgehog@jaeger:16686.") == (
        "No Jaeger answers at http://****@jaeger:16686."
    )
