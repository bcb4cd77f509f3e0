"""What otel-savetrace is tested beside: which packages, and the variables that their makers ask for."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from otel_savetrace.demo.processes import LOOPBACK, free_port
from tests.fixture_beside import INSTRUMENTATIONS

# Both distributions ask the cloud's metadata service at start, whose address is no loopback one. As a rule
# the way there is a proxy's, and here the proxy is a port that refuses.
_NO_CLOUD = {"http_proxy": f"http://{LOOPBACK}:{free_port()}", "no_proxy": LOOPBACK}

_ELASTIC = {"OTEL_EXPERIMENTAL_RESOURCE_DETECTORS": "process_runtime,telemetry_distro,service_instance,otel"}

AWS = {
    **_NO_CLOUD,
    "OTEL_PYTHON_DISTRO": "aws_distro",
    "OTEL_PYTHON_CONFIGURATOR": "aws_configurator",
}
"""What AWS's documentation says to set, as its distribution brings OpenTelemetry's along."""

KEEPS_LOG_LINES = {"OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION": "false"}
"""What README says to set where `opentelemetry-instrumentation-logging` is installed."""


@dataclasses.dataclass(frozen=True)
class Environment:
    """One thing to stand beside.

    `installed` names the virtual environment, `instrumentations` those of `INSTRUMENTATIONS` that are loaded;
    with `database` the app has one.
    """

    installed: str
    instrumentations: tuple[str, ...] = ()
    variables: Mapping[str, str] = dataclasses.field(default_factory=dict)
    database: bool = False

    @property
    def tracing(self) -> dict[str, str]:
        """The variables that make it so."""
        left_out = [name for name in INSTRUMENTATIONS if name not in self.instrumentations]
        return {"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ",".join(left_out), **self.variables}


UNTRACED = Environment("open")
"""Where the app runs without any tracing."""

PLAIN = "plain"
ENVIRONMENTS = {
    PLAIN: Environment("open"),
    "urllib3": Environment("open", ("urllib3",)),
    "threading": Environment("open", ("threading",)),
    # Where the lines go to stands in the log as well, so that a test can look for ours.
    "logging": Environment("open", ("logging",), {"OTEL_LOGS_EXPORTER": "console"}),
    "psycopg2": Environment("open", ("psycopg2",), database=True),
    "elastic": Environment("elastic", (), _ELASTIC),
    "elastic and all": Environment(
        "elastic", INSTRUMENTATIONS, {**_ELASTIC, **KEEPS_LOG_LINES}, database=True
    ),
    "aws and all": Environment("aws", INSTRUMENTATIONS, {**AWS, **KEEPS_LOG_LINES}, database=True),
}
"""By name. AWS's distribution cannot be had without the instrumentations, nor together with Elastic's."""
