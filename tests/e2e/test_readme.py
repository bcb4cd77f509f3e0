"""README's commands, run as a new user runs them; its tables, made from the code."""

from __future__ import annotations

import http.cookiejar
import os
import re
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.tables import README, with_tables
from otel_savetrace.demo.processes import LOOPBACK, Process, base_environment, free_port, listens
from tests.fixture_collector import Collector
from tests.fixture_jaeger import POLL_SECONDS, Jaeger
from tests.fixture_wheel import CLI, LOCK, copy_of_dependencies
from tests.raw_store import RawStore, refused

APP = """
import boto3, flask

app = flask.Flask(__name__)
app.secret_key = "of this test"
storage = boto3.client("s3")


@app.post("/login/")
def login():
    flask.session["uid"] = "ada"
    return ""


@app.post("/save/")
def save():
    key = f"storymapjs/{flask.session['uid']}/{flask.request.form['id']}/draft.json"
    try:
        storage.put_object(Bucket="storymaps", Key=key, Body=flask.request.form["d"])
    except Exception:
        return {"error": "Unable to save"}
    return {"saved": True}
"""


def _steps() -> dict[int, str]:
    """README's shell blocks under "in four steps", by the step's number."""
    text = README.read_text(encoding="utf-8")
    section = text.split("## Your own app, in four steps", 1)[1].split("\n## ", 1)[0]
    numbered = re.split(r"^(\d)\. ", section, flags=re.MULTILINE)[1:]
    blocks = {}
    for number, words in zip(numbered[0::2], numbered[1::2], strict=True):
        lines = re.search(r"```sh\n(.*?)```", words, re.DOTALL)
        assert lines, f"step {number} has no commands"
        blocks[int(number)] = "\n".join(line.strip() for line in lines[1].splitlines())
    return blocks


class User:
    """Somebody who follows README in a folder of their own, with a virtual environment and an app in it.

    What otel-savetrace asks for is in the environment already: to install it takes a quarter of a minute.
    """

    def __init__(self, folder: Path, wheel: Path, store: RawStore) -> None:
        self.folder = folder
        self.port = free_port()
        self._environment = {
            **base_environment(),
            "PATH": f"{folder / 'venv' / 'bin'}:{os.environ['PATH']}",
            "PIP_FIND_LINKS": str(wheel.parent),
            "PIP_CONSTRAINT": str(LOCK),
            "PIP_NO_COMPILE": "1",  # bytecode is made of what is imported, when it is
            "GUNICORN_CMD_ARGS": f"--bind {LOOPBACK}:{self.port} --no-control-socket",
            "AWS_ENDPOINT_URL_S3": store.address,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def says(self, commands: str) -> str:
        """Run commands in a shell and return what they print; they must succeed."""
        # pip finds its index, cache and certificates where the machine's user has set them.
        pip = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        done = subprocess.run(  # noqa: S603 - README's own commands
            ["/bin/bash", "-ec", commands],
            env={**pip, **self._environment},
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, f"{commands}\n{done.stdout}{done.stderr}"
        return done.stdout

    def app(self, commands: str) -> Process:
        """The app, started by commands whose last is opentelemetry-instrument."""
        return Process(
            "app",
            [
                "/bin/bash",
                "-ec",
                commands.replace("opentelemetry-instrument", "exec opentelemetry-instrument"),
            ],
            environment=self._environment,
            folder=self.folder,
            ready=listens(self.port),
        )

    def saves_and_saves_again(self) -> list[str]:
        """Press save twice with the same content; return what the app answered."""
        browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        form = urllib.parse.urlencode({"id": "my-map", "d": '{"slides": []}'}).encode()
        site = f"http://{LOOPBACK}:{self.port}"
        browser.open(f"{site}/login/", b"")
        return [browser.open(f"{site}/save/", form).read().decode() for _ in range(2)]


@pytest.fixture(scope="module")
def prepared(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[User, RawStore]]:
    """A user who has done step 1."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "app.py").write_text(APP)
    store = RawStore()
    user = User(folder, wheel, store)
    copy_of_dependencies(folder / "venv", wheel, CLI)
    _put_pip_into(folder / "venv")
    user.says("pip install --quiet flask boto3 gunicorn")
    user.says(_steps()[1])
    yield user, store
    store.stop()


def _put_pip_into(environment: Path) -> None:
    pip = environment / "bin" / "pip"
    pip.write_text(f"#!/bin/sh\nexec '{sys.executable}' -m pip --python '{environment}' \"$@\"\n")
    pip.chmod(0o755)


def _fails_once(store: RawStore) -> None:
    store.script = [refused("503 Slow Down", "SlowDown")] * 3


def _wait_until_found(jaeger: Jaeger, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not jaeger.search("storymap", {"savetrace.outcome": "failed"}):
        assert time.monotonic() < deadline, f"no failed save came to Jaeger in {seconds:g} s"
        time.sleep(POLL_SECONDS)


def test_the_four_steps_with_a_file(prepared: tuple[User, RawStore]) -> None:
    """Steps 1 to 3 as they stand show the failed save, and it beside its retry."""
    user, store = prepared
    _fails_once(store)
    with user.app(_steps()[2]):
        first, second = user.saves_and_saves_again()
    assert ("error" in first, "error" in second) == (True, False)
    said = user.says(_steps()[3])
    assert "my-map" in said
    assert "503 SlowDown" in said
    assert "the same content was saved at the first attempt" in " ".join(said.split())


def test_step_four_with_collector_and_jaeger(
    prepared: tuple[User, RawStore], collector: Collector, jaeger: Jaeger
) -> None:
    """Step 4 as it stands, but for its ports, finds the failed save in Jaeger."""
    user, store = prepared
    _fails_once(store)
    ports = {"http://127.0.0.1:4317": f"http://{collector.grpc}", "http://127.0.0.1:16686": jaeger.url}
    export, look = (
        re.sub(r"http://[\d.:]+", lambda address: ports[address[0]], line)
        for line in _steps()[4].splitlines()
    )
    with user.app(f"{export}\n{_steps()[2].replace('OTEL_TRACES_EXPORTER=none ', '')}"):
        user.saves_and_saves_again()
    _wait_until_found(jaeger)
    assert "SlowDown" in user.says(look)


def test_the_tables_are_made_from_the_code() -> None:
    """README's tables of variables and attributes are what ``python -m docs.tables`` writes."""
    text = README.read_text(encoding="utf-8")
    assert text == with_tables(text)


def test_the_first_command() -> None:
    """``make demo`` ends by showing failed saves that recovered, and what to do next."""
    done = subprocess.run(
        ["make", "demo"],  # noqa: S607 - README's words
        cwd=README.parent,
        env={name: value for name, value in os.environ.items() if not name.startswith("MAKE")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "recovered" in done.stdout
    assert "savetrace compare" in done.stdout
