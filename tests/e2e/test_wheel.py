"""The built wheel in a fresh environment: what it brings, what it carries, what it says."""

from __future__ import annotations

import json
import re
import zipfile
from importlib.metadata import version
from pathlib import Path

import pytest

from otel_savetrace import environment_variables
from tests.fixture_wheel import CHECKOUT, Installation

NEEDED = {
    "opentelemetry-api",
    "opentelemetry-sdk",
    "opentelemetry-distro",
    "opentelemetry-exporter-otlp-proto-grpc",
    "opentelemetry-exporter-otlp-proto-http",
    "opentelemetry-exporter-otlp-json-file",
    "opentelemetry-instrumentation-flask",
    "opentelemetry-instrumentation-botocore",
}
OF_OPENTELEMETRY = {
    "certifi", "charset-normalizer", "googleapis-common-protos", "grpcio", "idna", "packaging", "protobuf",
    "requests", "typing-extensions", "urllib3", "wrapt",
    # Older Pythons need these too.
    "importlib-metadata", "zipp",
}  # fmt: skip
"""What OpenTelemetry itself asks for."""

VARIABLES = sorted(name for name in vars(environment_variables) if name.startswith("OTEL_SAVETRACE_"))


def _distributions(installation: Installation) -> set[str]:
    """Names, normalized, of what is installed."""
    return {
        re.sub(r"[-_.]+", "-", path.name.split("-")[0]).lower()
        for path in installation.site_packages.glob("*.dist-info")
    }


def test_the_base_install_brings_opentelemetry_and_nothing_else(base_installation: Installation) -> None:
    """Whoever installs otel-savetrace into a production app gets OpenTelemetry with it, and no more."""
    brought = _distributions(base_installation) - {"otel-savetrace"}
    ours = {name for name in brought if not name.startswith("opentelemetry-")}
    assert brought >= NEEDED
    assert ours <= OF_OPENTELEMETRY


def test_the_cli_extra_brings_the_command_line(cli_installation: Installation) -> None:
    """With the extra `[cli]` the command runs and knows its version."""
    said = cli_installation.run("savetrace", "--version")
    assert (said.returncode, said.stderr) == (0, "")
    assert version("otel-savetrace") in said.stdout


def test_the_cli_extra_needs_no_s3_client_and_no_flask(cli_installation: Installation) -> None:
    """The command line reads spans: it brings neither the app's framework nor its S3 client."""
    assert not _distributions(cli_installation) & {"boto3", "botocore", "flask", "gunicorn"}


@pytest.mark.parametrize("arguments", [(), ("--version",), ("list", "spans.jsonl")], ids=" ".join)
@pytest.mark.parametrize("where", ["base_installation", "app_installation"])
def test_without_the_extra_one_sentence_says_how_to_install_it(
    request: pytest.FixtureRequest, where: str, arguments: tuple[str, ...]
) -> None:
    """`savetrace` without `[cli]` is one sentence and exit code 2, beside a Flask that brings click too."""
    installation: Installation = request.getfixturevalue(where)
    said = installation.run("savetrace", *arguments)
    assert said.returncode == 2
    assert said.stdout == ""
    assert re.fullmatch(r"savetrace needs .*pip install 'otel-savetrace\[cli\]'\.\n", said.stderr)


def test_opentelemetry_shows_a_flag_for_each_variable(base_installation: Installation) -> None:
    """`opentelemetry-instrument --help` lists every variable of ours."""
    said = base_installation.run("opentelemetry-instrument", "--help")
    shown = set(re.findall(r"^ +--(savetrace_\w+)", said.stdout, re.MULTILINE))
    assert shown == {name.removeprefix("OTEL_").lower() for name in VARIABLES}


def test_each_flag_sets_its_variable(base_installation: Installation) -> None:
    """What a flag is given is what the program under it finds in its environment."""
    values = {
        "OTEL_SAVETRACE_ENABLED": "false",
        "OTEL_SAVETRACE_FILE": "spans.jsonl",
        "OTEL_SAVETRACE_KEY_PATTERN": "maps/{storymap.id}",
        "OTEL_SAVETRACE_REQUEST_ATTRIBUTES": "storymap.id=form:id",
        "OTEL_SAVETRACE_SAVE_ROUTES": "POST /save/",
        "OTEL_SAVETRACE_PROPAGATE": "on",
        "OTEL_SAVETRACE_LOGIN_ROUTES": "/login",
        "OTEL_SAVETRACE_KEYS": "hash",
        "OTEL_SAVETRACE_LOG": "on",
        "OTEL_SAVETRACE_COOKIE": "off",
        "OTEL_SAVETRACE_COOKIE_SECRET": "of this test",
        "OTEL_SAVETRACE_COOKIE_SECONDS": "60",
        "OTEL_SAVETRACE_IN_FLIGHT": "/run/saves",
        "OTEL_SAVETRACE_BROWSER": "on",
        "OTEL_SAVETRACE_BROWSER_PATH": "/telemetry/browser",
        "OTEL_SAVETRACE_BROWSER_ENDPOINT": "https://collector.example:4319",
        "OTEL_SAVETRACE_BROWSER_ERROR_SELECTOR": "#error",
        "OTEL_SAVETRACE_BROWSER_TEXT": "off",
    }
    assert sorted(values) == VARIABLES
    flags = [
        part for name, value in values.items() for part in (f"--{name.removeprefix('OTEL_').lower()}", value)
    ]
    tell = "import json, os; print(json.dumps({n: v for n, v in os.environ.items() if 'SAVETRACE' in n}))"
    python = base_installation.program("python")
    said = base_installation.run("opentelemetry-instrument", *flags, python, "-c", tell)
    assert json.loads(said.stdout) == values


def test_importing_it_imports_nothing_of_opentelemetry(base_installation: Installation) -> None:
    """A plain import is silent under `-W error` and leaves OpenTelemetry alone."""
    tell = "import otel_savetrace, sys; print([n for n in sys.modules if n.startswith('opentelemetry')])"
    said = base_installation.run("python", "-W", "error", "-c", tell)
    assert (said.returncode, said.stdout, said.stderr) == (0, "[]\n", "")


def test_its_names_are_there_when_asked_for(base_installation: Installation) -> None:
    """Every public name can be imported from the base install, without Flask and boto3."""
    tell = "import otel_savetrace as o; print(all(callable(getattr(o, name)) for name in o.__all__))"
    said = base_installation.run("python", "-W", "error", "-c", tell)
    assert (said.returncode, said.stdout, said.stderr) == (0, "True\n", "")


def test_the_wheel_carries_types_and_the_collectors_configuration(wheel: Path) -> None:
    """py.typed and every file of collector/ are in the wheel, byte for byte; no test is."""
    with zipfile.ZipFile(wheel) as archive:
        carried = {name: archive.read(name) for name in archive.namelist()}
    assert "otel_savetrace/py.typed" in carried
    assert not [name for name in carried if not name.startswith(("otel_savetrace/", "otel_savetrace-"))]
    for file in (CHECKOUT / "collector").rglob("*"):
        if file.is_file():
            name = f"otel_savetrace/collector/{file.relative_to(CHECKOUT / 'collector').as_posix()}"
            assert carried[name] == file.read_bytes(), name
