"""Where nothing can be switched on, or a setting cannot be used, the log says so once and the app runs."""

from __future__ import annotations

import pytest

from otel_savetrace.analysis.calls import is_attempt
from tests.e2e import traffic
from tests.fixture_app import OWN_FOLDER, TO_A_FILE, StartApp

OFF = {
    "a disabled SDK": (
        {"OTEL_SDK_DISABLED": "true"},
        ["otel-savetrace is off: OTEL_SDK_DISABLED is true. The app runs without it."],
    ),
    "a provider that takes no processor": (
        # As where OTEL_CONFIG_FILE has no tracer_provider: nothing sets up the SDK's provider.
        {"OTEL_PYTHON_CONFIGURATOR": "none"},
        [
            "otel-savetrace is off: the tracer provider (ProxyTracerProvider) takes no span processor."
            " The app runs without it."
        ],
    ),
    "its own switch": ({"OTEL_SAVETRACE_ENABLED": "false"}, []),
}


@pytest.mark.parametrize("case", OFF)
def test_switched_off_the_app_runs_and_one_line_says_why(start_app: StartApp, case: str) -> None:
    """With nothing to write to, one line in the log says why, and the app saves; our own switch is silent."""
    variables, said = OFF[case]
    app = start_app({**TO_A_FILE, **variables}, options=("--workers", "2"))
    answers = traffic.tell(1, 20, 0).send(app)
    app.stop()
    assert any(answer.saved for answer in answers)
    assert app.warnings() == said
    assert app.spans() == []


def test_switched_off_plain_opentelemetry_goes_on(start_app: StartApp) -> None:
    """With our own switch off, spans are those of OpenTelemetry and carry nothing of ours."""
    variables = {"OTEL_SAVETRACE_ENABLED": "false", "OTEL_TRACES_EXPORTER": "otlp_json_file"}
    app = start_app({**TO_A_FILE, **variables}, options=("--workers", "1"))
    traffic.tell(1, 20, 0).send(app, users=1)
    app.stop()
    spans = app.logged_spans()
    assert {span.kind for span in spans} == {"server", "client"}
    assert not [span for span in spans if is_attempt(span)]
    assert not [
        name for span in spans for name in span.attributes if "savetrace" in name or "storymap" in name
    ]


BAD_VALUES = {
    "OTEL_SAVETRACE_ENABLED": ("perhaps", "true"),
    "OTEL_SAVETRACE_FILE": (OWN_FOLDER, "no file"),
    "OTEL_SAVETRACE_KEY_PATTERN": ("storymapjs/{storymap.id", "no pattern"),
    "OTEL_SAVETRACE_REQUEST_ATTRIBUTES": ("storymap.id", "no request attribute"),
    "OTEL_SAVETRACE_SAVE_ROUTES": ("save/", "what is learned"),
    "OTEL_SAVETRACE_PROPAGATE": ("maybe", "off"),
}


@pytest.mark.parametrize("options", [(), ("--preload",)], ids=["", "preloaded"])
def test_a_bad_value_is_one_warning_and_its_default_is_used(
    start_app: StartApp, options: tuple[str, ...]
) -> None:
    """Each bad value is one line for all workers: the variable, its value, what is used instead."""
    values = {name: value for name, (value, _) in BAD_VALUES.items()}
    exporter = {"OTEL_TRACES_EXPORTER": "otlp_json_file"}
    # Workers that come after a few requests: none says it again.
    workers = ("--workers", "3", "--max-requests", "4", *options)
    app = start_app({**TO_A_FILE, **values, **exporter}, options=workers)
    answers = traffic.tell(1, 20, 0).send(app)
    app.stop()
    assert any(answer.saved for answer in answers)
    lines = app.warnings()
    assert len(lines) == len(BAD_VALUES)
    for name, (value, instead) in BAD_VALUES.items():
        value = value.replace(OWN_FOLDER, str(app.process.folder))
        (line,) = [line for line in lines if f"{name}={value!r}" in line]
        assert f"{instead} is used instead" in line
