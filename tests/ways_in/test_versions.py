"""botocore from 1.34, Flask from 2.2: the same run, in a process of its own, tells the same of each."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from otel_savetrace import attributes as attribute
from tests.fixture_packages import Packages
from tests.fixture_script import RunScript

SCENARIO = "tests.ways_in.scripts.scenario"

NEWEST = "newest"
VERSIONS: dict[str, tuple[tuple[str, ...], ...]] = {
    "boto3 1.34, urllib3 1.26, Flask 2.2": (
        ("boto3==1.34.0", "botocore==1.34.0", "s3transfer==0.9.0", "urllib3==1.26.20"),
        ("flask==2.2.0", "werkzeug==2.2.0"),
    ),
    "boto3 1.35, Flask 2.3": (
        ("boto3==1.35.99", "botocore==1.35.99", "s3transfer==0.10.4"),
        ("flask==2.3.3", "werkzeug==2.3.8"),
    ),
    # The first to send checksums by itself.
    "boto3 1.36, Flask 3.0": (
        ("boto3==1.36.0", "botocore==1.36.0", "s3transfer==0.11.0"),
        ("flask==3.0.0", "werkzeug==3.0.1"),
    ),
    "boto3 1.40, Flask 3.1": (
        ("boto3==1.40.0", "botocore==1.40.0", "s3transfer==0.13.0"),
        ("flask==3.1.0", "werkzeug==3.1.3"),
    ),
    # The last in which a zero-length put spoils its connection.
    "boto3 1.43.76": (("boto3==1.43.76", "botocore==1.43.76", "s3transfer==0.19.0"),),
    NEWEST: (),
}
"""By name the folders of packages that go before the environment's, which are the newest that we test."""

WITHOUT_CHECKSUMS = ("boto3 1.34, urllib3 1.26, Flask 2.2", "boto3 1.35, Flask 2.3")
"""Those whose botocore computes no CRC-32: of a stream, which is not read, no hash can be known."""

OLD = [name for name in VERSIONS if name != NEWEST]
FOUND_AT_ONCE = 2


@pytest.fixture(scope="module")
def found(packages: Packages, run_script: RunScript) -> dict[str, Any]:
    """What the run found under each set of versions."""

    def run(name: str) -> Any:
        return run_script(SCENARIO, *(packages(folder) for folder in VERSIONS[name]))

    with ThreadPoolExecutor(FOUND_AT_ONCE) as threads:
        return dict(zip(VERSIONS, threads.map(run, VERSIONS), strict=True))


@pytest.mark.parametrize("name", OLD)
def test_the_versions_are_those_meant(found: dict[str, Any], name: str) -> None:
    """The run has imported the versions that it is named for."""
    wanted = dict(one.split("==") for folder in VERSIONS[name] for one in folder)
    told = found[name]["versions"]
    assert {package: told[package] for package in told if package in wanted} == {
        package: version for package, version in wanted.items() if package in told
    }


@pytest.mark.parametrize("name", VERSIONS)
def test_every_attempt_is_as_the_wire_had_it(found: dict[str, Any], name: str) -> None:
    """Head, header section, connection and signature agree with the store's own count, under any version."""
    for step, had in found[name]["traced"].items():
        if step.startswith("saves"):
            continue
        assert had["signed"], step
        assert len(had["wire"]) == len(had["heads"])
        assert [one for one in had["wire"] if not all(one.values())] == [], step


@pytest.mark.parametrize("name", VERSIONS)
def test_every_head_is_as_long_as_without_tracing(found: dict[str, Any], name: str) -> None:
    """Requests, their heads' lengths and the app's exceptions are those of the run without tracing."""
    for step, without in found[name]["untraced"].items():
        had = found[name]["traced"][step]
        assert (had["heads"], had["raised"]) == (without["heads"], without["raised"]), step


@pytest.mark.parametrize("name", OLD)
def test_attempts_and_calls_are_told_as_by_the_newest(found: dict[str, Any], name: str) -> None:
    """What is told of each step is what is told with the newest versions."""
    newest = found[NEWEST]["traced"]
    for step, had in found[name]["traced"].items():
        if step.startswith("saves"):
            continue
        for kind in ("attempts", "calls"):
            told, meant = had[kind], newest[step][kind]
            if name in WITHOUT_CHECKSUMS and step.startswith(("stream", "upload in parts")):
                told, meant = _without_hash(told), _without_hash(meant)
            assert told == meant, step


def _without_hash(spans: list[Any]) -> list[Any]:
    return [
        (name, {key: value for key, value in known.items() if key != attribute.CONTENT_HASH})
        for name, known in spans
    ]


@pytest.mark.parametrize("name", OLD)
def test_saves_are_told_as_by_the_newest(found: dict[str, Any], name: str) -> None:
    """Outcome, code, stage, totals and caught exceptions of saves are those of the newest versions."""
    steps = [step for step in found[name]["traced"] if step.startswith("saves")]
    assert len(steps) == 3
    for step in steps:
        for save, meant in zip(found[name]["traced"][step], found[NEWEST]["traced"][step], strict=True):
            # Before 1.43 botocore had no exception class of that name.
            if save.get(attribute.CAUGHT_EXCEPTIONS) == "ClientError":
                save[attribute.CAUGHT_EXCEPTIONS] = "AccessDenied"
            if name in WITHOUT_CHECKSUMS and save.get(attribute.S3_KEY) == "maps/in-parts":
                meant = {key: value for key, value in meant.items() if key != attribute.CONTENT_HASH}
            assert save == meant, step


def test_the_newest_tells_what_it_should(found: dict[str, Any]) -> None:
    """What all are compared with is right itself: names of attempts, outcomes, what was stored."""
    traced = found[NEWEST]["traced"]
    for where in ("http, standard", "http, legacy"):
        names = [name for name, _ in traced[f"put, reset, closed, put, {where}"]["attempts"]]
        assert names == ["attempt: connection reset", "attempt: connection closed", "attempt: 200"]
    for where in ("http, standard", "https, standard", "http, legacy"):
        saves: list[Mapping[str, Any]] = traced[f"saves, {where}"]
        assert [save["calls below it"] for save in saves] == [1, 4, 1, 1]
        assert [
            (save[attribute.OUTCOME], save.get(attribute.STAGE), save[attribute.STORED]) for save in saves
        ] == [
            (attribute.SUCCEEDED, None, attribute.YES),
            (attribute.SUCCEEDED, None, attribute.YES),
            (attribute.FAILED, attribute.STORAGE, attribute.NO),
            (attribute.FAILED, attribute.NETWORK, attribute.UNKNOWN),
        ]


OLDEST = OLD[0]
NO_SIGNALS = (
    "otel-savetrace: Flask has no signals without blinker, which is not installed; "
    "storage calls are recorded, saves are not.\n"
)


def test_a_flask_without_blinker_costs_the_saves_facts_only(
    found: dict[str, Any], packages: Packages, run_script: RunScript
) -> None:
    """Flask 2.2 without blinker: one line says what is missing, calls and attempts are told in full."""
    folders = [packages(folder) for folder in VERSIONS[OLDEST]]
    without = run_script(SCENARIO, *folders, arguments=("no-signals",), said=NO_SIGNALS)["traced"]
    for step, had in found[OLDEST]["traced"].items():
        if step.startswith("saves"):
            assert not [save for save in without[step] if attribute.OUTCOME in save]
            assert len(without[step]) == len(had)
        else:
            assert without[step] == had, step
