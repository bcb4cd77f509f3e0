"""aiobotocore beside capture: an asynchronous client that shares some of botocore's classes."""

from __future__ import annotations

import asyncio
import importlib
from typing import Any

import boto3
from botocore.config import Config
from opentelemetry.instrumentation.botocore import AiobotocoreInstrumentor

from otel_savetrace import attributes as attribute
from tests.fixture_capture import facts
from tests.raw_store import RawStore, refused
from tests.ways_in.scripts.switched_on import CREDENTIALS, switch_on, tell

PUTS = 20


async def _put_all(store: RawStore) -> list[int]:
    """Put many objects at once by one client; return the statuses."""
    session: Any = importlib.import_module("aiobotocore.session").get_session()
    config = {"endpoint_url": store.address, **CREDENTIALS}
    async with session.create_client("s3", **config) as client:
        puts = [client.put_object(Bucket="bucket", Key=f"maps/{n:02}", Body=b"12345") for n in range(PUTS)]
        answers = await asyncio.gather(*puts)
        fetched = await client.get_object(Bucket="bucket", Key="maps/00")
        async with fetched["Body"] as body:
            assert await body.read() == b"content"
    return [answer["ResponseMetadata"]["HTTPStatusCode"] for answer in answers]


def _run() -> dict[str, Any]:
    store = RawStore()
    store.script = [refused("503 Slow Down", "SlowDown")] * 3
    statuses = asyncio.run(_put_all(store))
    return {
        "statuses": statuses,
        "trace headers": [seen.header("X-Amzn-Trace-Id") for seen in store.seen],
        "heads": sorted(len(seen.head) for seen in store.seen),
    }


def main() -> None:
    """Put without tracing and with it, then by boto3 in the same process."""
    untraced = _run()
    # As opentelemetry-instrument does where aiobotocore is installed.
    instrumentor: Any = AiobotocoreInstrumentor
    instrumentor().instrument()
    captured = switch_on()
    traced = _run()
    attempts = len(captured.attempts)
    store = RawStore()
    client = boto3.client("s3", endpoint_url=store.address, config=Config(), **CREDENTIALS)
    client.put_object(Bucket="bucket", Key="k", Body=b"1")
    tell(
        {
            "untraced": untraced,
            "traced": traced,
            "asynchronous attempts": attempts,
            "boto3": [facts(span)[attribute.HEADER_BYTES] for span in captured.attempts],
            "boto3, as sent": [len(seen.head) for seen in store.seen],
        }
    )


if __name__ == "__main__":
    main()
