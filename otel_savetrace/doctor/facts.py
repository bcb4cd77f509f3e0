"""What the half inside the app's environment answers with: JSON of these shapes, one a part."""

from __future__ import annotations

from typing import TypedDict


class EntryPoint(TypedDict):
    """A name under which OpenTelemetry finds an object, and where that is: ``module:object``."""

    name: str
    value: str


class Distributions(TypedDict):
    """Python, what is installed, and what OpenTelemetry finds, by group, the first found first."""

    python: str
    executable: str
    versions: dict[str, str]
    entry_points: dict[str, list[EntryPoint]]
    gevent: bool


class SettingFacts(TypedDict):
    """One variable of ours: `value` as given or by default, `refused` the reason why it is not used."""

    name: str
    given: bool
    value: str
    refused: str | None


class Settings(TypedDict):
    """Every variable of ours, and whether OTEL_SAVETRACE_FILE can be written (`None`: it can, or none is).

    `in_flight_error` is why no record of saves in flight can be kept, `None` where one can, or need not be.
    """

    variables: list[SettingFacts]
    file: str | None
    file_error: str | None
    in_flight_error: str | None


class SeamFacts(TypedDict):
    """One place in a library where capture stands."""

    place: str
    carries: str
    in_place: bool


class Loading(TypedDict):
    """What is switched on behind opentelemetry-instrument.

    `flask` and `botocore` are ``instrumented``, ``not instrumented`` or ``not installed``.
    """

    opentelemetry: bool
    provider: str
    takes_processors: bool
    switched_on: bool
    processor: bool
    flask: str
    botocore: str
    request_watch: bool
    call_hooks: bool
    seams: list[SeamFacts]
    caught: list[str]
    sampler: str
    service_name: str


class Trial(TypedDict):
    """What was recorded of one save with one object, which `status` answered, and what the store received."""

    status: int
    saves: int
    calls: int
    attempts: int
    outcome: str
    header_bytes: int
    header_bytes_received: int


class ExporterFacts(TypedDict):
    """Where spans are sent, as OpenTelemetry has resolved it. `kind`: grpc, http, file, console, other.

    `queue_size` and `delay_seconds` are those of the processor before it.
    """

    class_name: str
    kind: str
    endpoint: str
    secure: bool
    timeout_seconds: float | None
    queue_size: int | None
    delay_seconds: float | None


class Delivery(TypedDict):
    """What became of one span given to one exporter.

    `stage` is how far it got: ``name`` (not resolved), ``connect`` (refused or no answer), ``tls`` (no
    agreement), ``export`` (an answer that is a no, or none), ``delivered``. `status` is the answer's.
    """

    exporter: ExporterFacts
    stage: str
    status: str
    detail: str
    seconds: float


class Canary(TypedDict):
    """The span that was sent, when (seconds since 1970), and what became of it at each exporter."""

    trace_id: str
    service: str
    sent_seconds: float
    deliveries: list[Delivery]


class ClientFacts(TypedDict):
    """One botocore client: how long its calls may take, and how many connections it has open."""

    service: str
    mode: str
    attempts: int
    connect_timeout_seconds: float | None
    read_timeout_seconds: float | None
    patience_seconds: float | None
    open_connections: int


class AppFacts(TypedDict):
    """What stands after the app was imported."""

    app: str
    error: str | None
    clients: list[ClientFacts]


class GunicornFacts(TypedDict):
    """gunicorn's settings as it reads them itself, and what could not be read."""

    error: str | None
    worker_class: str
    timeout_seconds: int
    preload: bool
