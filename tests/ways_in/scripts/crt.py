"""Uploads by AWS Common Runtime, which sends what botocore only drafts: what is recorded of them."""

from __future__ import annotations

import io
import os
from typing import Any

import boto3
import boto3.crt
import flask
from boto3.s3.transfer import TransferConfig
from s3transfer.crt import (
    BotocoreCRTCredentialsWrapper,
    BotocoreCRTRequestSerializer,
    CRTTransferManager,
    create_s3_crt_client,
)

from tests.fixture_capture import Captured, facts
from tests.raw_store import RawStore, refused, stored
from tests.ways_in.scripts.switched_on import CREDENTIALS, switch_on, tell

SIZE = 5000
BY_CRT = TransferConfig(preferred_transfer_client="crt")


def _plain_client(**named: Any) -> Any:
    """Make boto3's client of the runtime for plain http; boto3 itself only ever asks for TLS."""
    return create_s3_crt_client(**{**named, "use_ssl": False})


def _by_boto3(store: RawStore) -> None:
    boto3.crt.create_s3_crt_client = _plain_client
    # boto3 lets one process of a host have the runtime; the others transfer as ever.
    boto3.crt.PROCESS_LOCK_NAME = f"boto3-{os.getpid()}"
    boto3.client("s3").upload_fileobj(io.BytesIO(b"x" * SIZE), "bucket", "maps/boto3", Config=BY_CRT)


def _by_s3transfer(store: RawStore) -> None:
    session = boto3.Session(**CREDENTIALS)._session
    wrapper = BotocoreCRTCredentialsWrapper(session.get_credentials())
    runtime = _plain_client(
        region="us-east-1", crt_credentials_provider=wrapper.to_crt_credentials_provider()
    )
    serializer = BotocoreCRTRequestSerializer(
        session, {"region_name": "us-east-1", "endpoint_url": store.address}
    )
    with CRTTransferManager(runtime, serializer) as manager:
        manager.upload(io.BytesIO(b"x" * SIZE), "bucket", "maps/s3transfer").result()


def _by_botocore(store: RawStore) -> None:
    """Put as ever, with the runtime installed: botocore then uses its checksums and signers."""
    client = boto3.client("s3")
    client.put_object(Bucket="bucket", Key="maps/botocore", Body=io.BytesIO(b"x" * SIZE))
    client.close()


WAYS = {"boto3": _by_boto3, "s3transfer": _by_s3transfer, "botocore": _by_botocore}


def _run(way: str, answer: Any) -> dict[str, Any]:
    """Save once in that way; return what the app and the store had of it."""
    store = RawStore()
    store.script = [answer] * 20
    os.environ["AWS_ENDPOINT_URL"] = store.address
    app = flask.Flask("maps")
    app.secret_key = "of this run"
    raised = []

    @app.post("/save/")
    def save() -> dict[str, Any]:
        try:
            WAYS[way](store)
        except Exception as error:
            raised.append(type(error).__name__)
            return {"error": "not saved"}
        return {}

    app.test_client().post("/save/")
    boto3.crt.CRT_S3_CLIENT = None  # the next store has another address
    return {
        "raised": raised,
        "requests": [(seen.method, len(seen.head), len(seen.body)) for seen in store.seen],
    }


def _run_all(captured: Captured | None) -> dict[str, Any]:
    """Save by each way, to a store that takes it and to one that does not."""
    found = {}
    for way in WAYS:
        for outcome, answer in (("stored", stored), ("refused", refused("403 Forbidden", "AccessDenied"))):
            had = found[f"{way}, {outcome}"] = _run(way, answer)
            if captured is not None:
                had["attempts"] = [facts(span) for span in captured.attempts]
                had["calls"] = [facts(span) for span in captured.calls]
                had["saves"] = [facts(span) for span in captured.saves]
                captured.exporter.clear()
    return found


def main() -> None:
    """Do everything without tracing, then with it."""
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
    }
    untraced = _run_all(None)
    tell({"untraced": untraced, "traced": _run_all(switch_on())})


if __name__ == "__main__":
    main()
