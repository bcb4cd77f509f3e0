"""What `OTEL_SAVETRACE_KEYS=hash` and `none` add to a save over `plain`: microseconds of CPU of its thread.

Run with ``python -m benchmarks.key_hiding [--rounds N] [--saves N]``. A Flask app in this process saves one
object over a real connection; each round makes the same saves in every mode, so that a machine that slows
down slows all of them. Printed is the median over the rounds of the difference to plain, with its quartiles.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from typing import Any

import boto3
import flask
from botocore.config import Config
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from opentelemetry.sdk.trace import TracerProvider

import otel_savetrace
from otel_savetrace import Settings
from otel_savetrace.capture.key_pattern import KeyPattern
from otel_savetrace.config import KeyMode
from tests.raw_store import RawStore, refused

PATTERN = KeyPattern.parse("storymapjs/{storymap.user_id}/{storymap.id}/{storymap.file}")
MODES: tuple[KeyMode, ...] = ("plain", "hash", "none")


def _app(store: RawStore) -> flask.Flask:
    client = boto3.client(
        "s3",
        endpoint_url=store.address,
        region_name="us-east-1",
        aws_access_key_id="key",
        aws_secret_access_key="secret",  # noqa: S106 - of a store in this process
        config=Config(retries={"mode": "standard", "max_attempts": 0}, s3={"addressing_style": "path"}),
    )
    app = flask.Flask("maps")

    @app.post("/save/<storymap_id>")
    def save(storymap_id: str) -> dict[str, str]:
        key = f"storymapjs/0cc175b9c0f1b6a831c399e269772661/{storymap_id}/draft.json"
        try:
            client.put_object(Bucket="maps", Key=key, Body=b"x" * 5_000)
        except client.exceptions.ClientError as error:
            return {"error": str(error)}
        return {"id": storymap_id}

    return app


def _microseconds(save: Callable[[], Any], saves: int) -> float:
    """Return the CPU time of one save in this thread."""
    save()
    began = time.thread_time()
    for _ in range(saves):
        save()
    return (time.thread_time() - began) / saves * 1e6


def _measure(rounds: int, saves: int, *, failing: bool) -> None:
    provider = TracerProvider()
    flask_instrumentor: Any = FlaskInstrumentor()
    botocore: Any = BotocoreInstrumentor()  # type: ignore[no-untyped-call]  # OpenTelemetry's, untyped
    flask_instrumentor.instrument(tracer_provider=provider)
    botocore.instrument(tracer_provider=provider)
    store = RawStore()
    user = _app(store).test_client()

    def save() -> None:
        if failing:
            store.script = [refused("503 Slow Down", "SlowDown")]
        assert ("error" in user.post("/save/my-map").get_json()) == failing
        store.seen.clear()

    costs: dict[str, list[float]] = {mode: [] for mode in MODES}
    for _ in range(rounds):
        for mode in MODES:
            otel_savetrace.instrument(provider, Settings(keys=mode, key_patterns=(PATTERN,)))
            costs[mode].append(_microseconds(save, saves))
            otel_savetrace.uninstrument()
    store.stop()
    botocore.uninstrument()
    flask_instrumentor.uninstrument()
    print(
        f"{'failing' if failing else 'succeeding'} saves, plain: {statistics.median(costs['plain']):.0f} µs"
    )
    for mode in MODES[1:]:
        added = [cost - plain for cost, plain in zip(costs[mode], costs["plain"], strict=True)]
        low, middle, high = statistics.quantiles(added, n=4)
        print(f"  {mode} adds {middle:.0f} µs (quartiles {low:.0f} to {high:.0f})")


def main() -> None:
    """Measure saves that succeed, then saves that fail."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--saves", type=int, default=50)
    chosen = parser.parse_args()
    for failing in (False, True):
        _measure(chosen.rounds, chosen.saves, failing=failing)


if __name__ == "__main__":
    main()
