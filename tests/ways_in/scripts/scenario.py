"""One fixed run through what an app does to S3, told without what differs from one run to the next.

With the argument ``no-signals`` Flask finds no blinker.
"""

from __future__ import annotations

import io
import ssl
import sys
from collections import Counter
from collections.abc import Callable
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

if "no-signals" in sys.argv:
    sys.modules["blinker"] = None  # type: ignore[assignment]  # how Python is told that there is none

import boto3
import botocore.endpoint
import flask
import trustme
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from opentelemetry.sdk.trace import ReadableSpan

from otel_savetrace import attributes as attribute
from tests.fixture_backoff import ShortSleep
from tests.fixture_capture import Captured, facts
from tests.raw_store import Answer, RawStore, Seen, closed, refused, reset
from tests.ways_in.s3_answers import ENOUGH, object_of, page
from tests.ways_in.scripts.switched_on import CREDENTIALS, switch_on, tell

SLOW_DOWN = refused("503 Slow Down", "SlowDown")
DENIED = refused("403 Forbidden", "AccessDenied")
PART = 5 * 1024 * 1024
IN_PARTS = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, use_threads=False)
IN_THREADS = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART)
LONG = b"x" * (PART + 10)

SET_BY_THE_CLIENT = frozenset(
    (attribute.CONNECT_TIMEOUT_SECONDS, attribute.READ_TIMEOUT_SECONDS, attribute.PATIENCE_SECONDS)
)
SAVES = (
    ("well", [SLOW_DOWN]), ("in-parts", [object_of(5)] * ENOUGH), ("told", [DENIED]), ("untold", [reset] * 3),
)  # fmt: skip
BELOW = "calls below it"

OF_THE_MOMENT = frozenset(
    (attribute.PEER_PORT, attribute.ENDPOINT, attribute.PROCESS_ID, attribute.REQUEST_ID)
)
"""Attributes that no two runs share, beside all times that were measured."""

OF_THE_VERSION = frozenset(
    (
        attribute.HEADER_BYTES, attribute.HEADER_SECTION_BYTES, attribute.LARGEST_HEADERS,
        attribute.SIGNED_HEADERS, attribute.CONTENT_SIZE_SENT, attribute.BODY_BYTES_SENT,
    )
)  # fmt: skip
"""Attributes that follow what a version of botocore sends; each is held against the wire instead."""

Step = tuple[str, list[Answer], Callable[[Any], object]]

STEPS: tuple[Step, ...] = (
    ("put, refused, put", [SLOW_DOWN], lambda s3: _put(s3, Metadata={"title": "a title"})),
    ("put, reset, closed, put", [reset, closed], lambda s3: _put(s3, Key="maps/ü €.json")),
    ("put in vain", [SLOW_DOWN] * 3, lambda s3: _put(s3)),
    ("put, denied", [DENIED], lambda s3: _put(s3)),
    ("text", [], lambda s3: _put(s3, Body="Straße")),
    ("bytearray", [], lambda s3: _put(s3, Body=bytearray(b"12345"))),
    ("stream", [SLOW_DOWN], lambda s3: _put(s3, Body=io.BytesIO(b"12345"))),
    ("nothing", [], lambda s3: _put(s3, Body=b"")),
    ("after nothing", [], lambda s3: _put(s3)),
    ("get", [], lambda s3: s3.get_object(Bucket="bucket", Key="maps/1")["Body"].read()),
    ("head", [], lambda s3: s3.head_object(Bucket="bucket", Key="maps/1")),
    ("delete", [], lambda s3: s3.delete_object(Bucket="bucket", Key="maps/1")),
    ("list", [page(["a"])], lambda s3: s3.list_objects_v2(Bucket="bucket", Prefix="maps/")),
    ("copy", [object_of(5)], lambda s3: s3.copy_object(Bucket="bucket", Key="to", CopySource="old/from")),
    ("copy, error in a 200", [refused("200 OK", "InternalError")] * 3,
     lambda s3: s3.copy_object(Bucket="bucket", Key="to", CopySource="old/from")),
    ("upload in parts", [object_of(5)] * ENOUGH,
     lambda s3: s3.upload_fileobj(io.BytesIO(LONG), "bucket", "maps/long", Config=IN_PARTS)),
    ("cut answer", [lambda visit: visit.send("200 OK")], lambda s3: _put(s3)),
    ("presigned", [], lambda s3: s3.generate_presigned_url("get_object", {"Bucket": "b", "Key": "k"})),
)  # fmt: skip
"""Name, answers of the store (after them: stored), and what is done."""

RUNS = (("http", "standard", STEPS), ("https", "standard", STEPS), ("http", "legacy", STEPS[:4]))
"""Scheme, retry mode and steps."""


def _put(s3: Any, **more: Any) -> None:
    s3.put_object(**{"Bucket": "bucket", "Key": "maps/1", "Body": b"12345", **more})


def _client(store: RawStore, trusted: Path, mode: str) -> Any:
    config = Config(
        s3={"addressing_style": "path"},
        retries={"mode": mode, "total_max_attempts": 3},
        connect_timeout=60,
        read_timeout=60,
    )
    session = boto3.Session()
    return session.client("s3", endpoint_url=store.address, verify=str(trusted), config=config, **CREDENTIALS)


def _known(span: ReadableSpan) -> dict[str, Any]:
    """Return what we tell on a span, as far as it is the same for every version and run."""
    measured = {name for name in facts(span) if name.endswith("_seconds")} - SET_BY_THE_CLIENT
    left_out = OF_THE_MOMENT | OF_THE_VERSION | measured
    return {
        name: value
        for name, value in facts(span).items()
        if name in attribute.REGISTRY and name not in left_out
    }


def _as_the_wire_had_it(attempt: ReadableSpan, seen: Seen, of_connection: dict[int, int]) -> dict[str, bool]:
    """Hold an attempt's facts against the request that the store saw; `of_connection` counts those before."""
    known = facts(attempt)
    lines = [line.partition(b":") for line in seen.head.split(b"\r\n")[1:-2]]
    before = of_connection.get(seen.connection, 0)
    return {
        "head": known[attribute.HEADER_BYTES] == len(seen.head),
        "header section": known[attribute.HEADER_SECTION_BYTES]
        == sum(len(name) + len(value.strip()) for name, _, value in lines),
        "connection": known[attribute.CONNECTION] == (attribute.REUSED if before else attribute.NEW),
        "requests before": known.get(attribute.CONNECTION_REQUESTS, 0) == before,
        "no trace header": seen.header("X-Amzn-Trace-Id") is None,
    }


def _signed(call: ReadableSpan, seen: Seen) -> bool:
    told = facts(call).get(attribute.SIGNED_HEADERS)
    return told is not None and f"SignedHeaders={told}," in (seen.header("Authorization") or "")


def _step(captured: Captured | None, store: RawStore, s3: Any, step: Step) -> dict[str, Any]:
    """Do one step and return what the app, the store and the trace had of it."""
    _, answers, work = step
    store.script = list(answers)
    before = len(store.seen)
    of_connection: dict[int, int] = {}
    for seen in store.seen:
        of_connection[seen.connection] = of_connection.get(seen.connection, 0) + 1
    try:
        work(s3)
        raised = None
    except Exception as error:
        raised = type(error).__name__
    requests = store.seen[before:]
    store.script = []
    found: dict[str, Any] = {"raised": raised, "heads": [len(seen.head) for seen in requests]}
    if captured is None:
        return found
    wire = []
    for attempt, seen in zip(captured.attempts, requests, strict=True):
        wire.append(_as_the_wire_had_it(attempt, seen, of_connection))
        of_connection[seen.connection] = of_connection.get(seen.connection, 0) + 1
    found["wire"] = wire
    found["signed"] = all(_signed(call, requests[-1]) for call in captured.calls if len(captured.calls) == 1)
    found["attempts"] = [(span.name, _known(span)) for span in captured.attempts]
    found["calls"] = [(span.name, _known(span)) for span in captured.calls]
    captured.exporter.clear()
    return found


def _saves(captured: Captured, store: RawStore, s3: Any) -> list[dict[str, Any]]:
    """Save through an app: well, in parts, with the error told in a 200, with nobody to catch it."""
    app = flask.Flask("maps")
    app.secret_key = "of this run"

    @app.post("/save/<name>")
    def save(name: str) -> Any:
        try:
            if name == "in-parts":
                s3.upload_fileobj(io.BytesIO(LONG), "bucket", f"maps/{name}", Config=IN_THREADS)
            else:
                _put(s3, Key=f"maps/{name}")
        except Exception:
            if name != "told":
                raise
            return {"error": "Not saved."}
        return {"saved": True}

    app.logger.disabled = True  # it tells of the exception that nobody catches
    for name, answers in SAVES:
        store.script = list(answers)
        app.test_client().post(f"/save/{name}")
    parents = Counter(call.parent.span_id for call in captured.calls if call.parent is not None)
    return [{**_known(span), BELOW: parents[span.context.span_id]} for span in captured.saves if span.context]


def _run(captured: Captured | None, authority: trustme.CA, trusted: Path) -> dict[str, Any]:
    certificate = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(certificate)
    found: dict[str, Any] = {}
    for scheme, mode, steps in RUNS:
        store = RawStore(certificate if scheme == "https" else None)
        s3 = _client(store, trusted, mode)
        for step in steps:
            found[f"{step[0]}, {scheme}, {mode}"] = _step(captured, store, s3, step)
        if captured is not None:
            found[f"saves, {scheme}, {mode}"] = _saves(captured, store, s3)
            captured.exporter.clear()
        s3.close()
    return found


def main() -> None:
    """Do every step without tracing, then with it."""
    botocore.endpoint.time = ShortSleep
    authority = trustme.CA()
    with TemporaryDirectory() as folder:
        trusted = Path(folder) / "authority.pem"
        authority.cert_pem.write_to_path(trusted)
        untraced = _run(None, authority, trusted)
        traced = _run(switch_on(), authority, trusted)
    versions = {name: metadata.version(name) for name in ("botocore", "flask", "urllib3")}
    tell({"versions": versions, "untraced": untraced, "traced": traced})


if __name__ == "__main__":
    main()
