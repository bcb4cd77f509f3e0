"""What other distributions take away or add, and that they were there at all."""

from __future__ import annotations

import pytest

from otel_savetrace.analysis.calls import is_call
from otel_savetrace.spans.rows import Span
from tests.beside.environments import ENVIRONMENTS
from tests.fixture_beside_runs import RunBeside

OF_ELASTIC = [name for name, one in ENVIRONMENTS.items() if one.installed == "elastic"]
OF_AWS = [name for name, one in ENVIRONMENTS.items() if one.installed == "aws"]


def _calls(run_beside: RunBeside, name: str) -> list[Span]:
    calls = [span for span in run_beside(name).spans if is_call(span)]
    assert calls
    return calls


@pytest.mark.parametrize("name", OF_ELASTIC)
def test_what_elastics_sampler_loses_is_given_again(run_beside: RunBeside, name: str) -> None:
    """Elastic's sampler drops what a call is given at its start; what S3 calls are found by is there."""
    for call in _calls(run_beside, name):
        assert call.resource["telemetry.distro.name"] == "elastic"
        assert "server.address" not in call.attributes, "nothing was lost: the test shows nothing"
        operation = call.name.removeprefix("S3.")
        given = {name: call.attributes.get(name) for name in ("rpc.system", "rpc.service", "rpc.method")}
        assert given == {"rpc.system": "aws-api", "rpc.service": "S3", "rpc.method": operation}


@pytest.mark.parametrize("name", OF_AWS)
def test_awss_distribution_is_loaded_and_keeps_its_own(run_beside: RunBeside, name: str) -> None:
    """What AWS's distribution adds to calls and resources is there beside ours."""
    for call in _calls(run_beside, name):
        assert str(call.resource["telemetry.auto.version"]).endswith("-aws")
        assert {"aws.region", "aws.auth.region", "aws.auth.account.access_key"} <= set(call.attributes)
