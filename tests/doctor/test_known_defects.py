"""Versions and settings that are known to bite."""

from __future__ import annotations

from typing import Any

import pytest

from otel_savetrace.doctor import known_defects, loading, versions
from tests.doctor.asking import answered, delivered, only, states, told


@pytest.mark.parametrize(
    ("version", "state"), [("1.43.76", "warning"), ("1.43.77", "ok"), ("1.44.8", "ok"), ("2.0", "ok")]
)
def test_botocore_is_told_by_its_version(version: str, state: str) -> None:
    """Before 1.43.77 a PUT of no bytes spoils its connection: a warning that says which version mends it."""
    found = only(known_defects.botocore(answered(distributions={"versions": {"botocore": version}})))
    assert found.state == state
    assert ("1.43.77" in found.todo) == (state == "warning")


@pytest.mark.parametrize(
    ("variables", "version", "noted"),
    [
        ({"AWS_ENDPOINT_URL_S3": "http://store"}, "1.44.8", True),
        ({"AWS_ENDPOINT_URL": "http://store"}, "1.44.8", True),
        ({"AWS_ENDPOINT_URL": "http://store"}, "1.35.99", False),
        ({}, "1.44.8", False),
        (
            {"AWS_ENDPOINT_URL": "http://store", "AWS_REQUEST_CHECKSUM_CALCULATION": "when_required"},
            "1.44.8",
            False,
        ),
    ],
)
def test_checksums_are_told_where_the_store_is_not_amazons(
    variables: dict[str, str], version: str, noted: bool
) -> None:
    """Only where another store is named, and botocore sends them unasked."""
    found = told(
        known_defects.botocore(answered(variables, distributions={"versions": {"botocore": version}}))
    )
    assert any(subject == "checksums" for subject, _, _ in found) == noted


@pytest.mark.parametrize(
    ("described", "state", "said"),
    [
        ("ParentBased{root:AlwaysOnSampler,remoteParentNotSampled:AlwaysOffSampler}", "ok", ""),
        ("AlwaysOnSampler", "ok", ""),
        ("AlwaysOffSampler", "failure", "every trace"),
        ("ParentBased{root:AlwaysOffSampler,remoteParentSampled:AlwaysOnSampler}", "failure", "every trace"),
        ("ParentBased{root:TraceIdRatioBased{0.25},remote}", "warning", "it keeps 0.25 of all traces"),
        ("TraceIdRatioBased{1.0}", "ok", ""),
    ],
)
def test_a_sampler_that_drops_is_told(described: str, state: str, said: str) -> None:
    """By OpenTelemetry's own description of the sampler that stands in the app."""
    found = only(known_defects.sampler(answered(loading={"sampler": described})))
    assert found.state == state
    assert said in found.said


@pytest.mark.parametrize(
    ("exporter", "expected"),
    [
        ({}, [("export timeout", "ok")]),
        ({"timeout_seconds": 10.0}, [("export timeout", "note")]),
        ({"timeout_seconds": 2.0}, [("export timeout", "warning")]),
        ({"queue_size": 100}, [("export timeout", "ok"), ("export queue", "warning")]),
        ({"delay_seconds": 60.0}, [("export timeout", "ok"), ("export delay", "warning")]),
        ({"kind": "file", "timeout_seconds": None}, []),
    ],
)
def test_an_exporter_that_gives_up_early_is_told(
    exporter: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """Its timeout, queue and delay are held against what rides out a Collector's restart."""
    found = told(known_defects.export_patience(answered(canary={"deliveries": [delivered(**exporter)]})))
    assert [(subject, state) for subject, state, _ in found] == expected


def test_the_instrumentation_that_takes_log_lines_is_told() -> None:
    """Installed and not disabled it is a warning."""
    installed = {"versions": {"opentelemetry-instrumentation-logging": "0.66b1"}}
    off = ({known_defects.LOG_AUTO_INSTRUMENTATION: "False"}, {loading.DISABLED: "redis,logging"})
    assert states(known_defects.logging_instrumentation(answered())) == ["ok"]
    assert states(known_defects.logging_instrumentation(answered(distributions=installed))) == ["warning"]
    for variables in off:
        asked = answered(variables, distributions=installed)
        assert states(known_defects.logging_instrumentation(asked)) == ["ok"]


def test_releases_that_do_not_belong_together_are_told() -> None:
    """OpenTelemetry's packages pin one another: two releases at once are a warning."""
    apart = {
        "opentelemetry-api": "1.45.1",
        "opentelemetry-sdk": "1.44.0",
        "opentelemetry-instrumentation": "0.66b1",
        "opentelemetry-instrumentation-flask": "0.66b1",
        "opentelemetry-instrumentation-botocore": "0.65b0",
    }
    found = [
        one for one in versions.versions(answered(distributions={"versions": apart})) if one.state != "note"
    ]
    assert states(found) == ["warning", "warning"]
    assert "api 1.45.1, sdk 1.44.0" in found[0].said
    assert "0.65b0, 0.66b1" in found[1].said
    told_once = next(one for one in versions.versions(answered(distributions={"versions": apart}))
                     if one.subject == "instrumentations")  # fmt: skip
    assert told_once.said == "flask 0.66b1; botocore 0.65b0"
