"""What apps do with S3: each operation is given a client, a bucket of its own, and chance, if it asks."""

from __future__ import annotations

import contextlib
import hashlib
import io
import random
from collections.abc import Callable
from typing import Any

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

Operation = Callable[[Any, str, random.Random], object]

KEYS = ("maps/ada/1/draft.json", "maps/Zoë Größe/ünter den Linden.json", "地図/🗺/+ &=?#%.json", "k" * 900)
PART = 5 * 1024 * 1024
"""Smallest part that s3transfer makes."""

_IN_PARTS = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=3)


def chance_of(seed: object) -> random.Random:
    """Return chance that is the same for the same seed."""
    return random.Random(str(seed))  # noqa: S311 - traffic, no secret


def _content(chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice((0, 1, 700, 3_000, 90_000)))


def _metadata(chance: random.Random) -> dict[str, str]:
    # botocore sends US-ASCII only; apps encode the rest (RFC 2047, percent).
    values = ("a title", "=?UTF-8?B?w7xudGVy?=", "%C3%BCnter", "x" * 300)
    return {f"name-{number}": chance.choice(values) for number in range(chance.randrange(4))}


def put(client: Any, bucket: str, chance: random.Random) -> object:
    """Put bytes, with metadata or none."""
    key, body = chance.choice(KEYS), _content(chance)
    return client.put_object(Bucket=bucket, Key=key, Body=body, Metadata=_metadata(chance))


def put_text(client: Any, bucket: str, chance: random.Random) -> object:
    """Put a str."""
    return client.put_object(Bucket=bucket, Key=chance.choice(KEYS), Body="Straße " * chance.randrange(99))


def put_stream(client: Any, bucket: str, chance: random.Random) -> object:
    """Put a stream."""
    return client.put_object(Bucket=bucket, Key=chance.choice(KEYS), Body=io.BytesIO(_content(chance)))


def put_with_headers(client: Any, bucket: str, chance: random.Random) -> object:
    """Put with what else an app says of an object."""
    return client.put_object(
        Bucket=bucket,
        Key=chance.choice(KEYS),
        Body=_content(chance),
        ACL="public-read",
        ContentType="application/json",
        CacheControl="max-age=0",
        Tagging="a=b&c=d",
        WebsiteRedirectLocation="/" + "r" * chance.randrange(1_000),
    )


def put_sha256(client: Any, bucket: str, chance: random.Random) -> object:
    """Put with a checksum of the app's choice."""
    key, body = chance.choice(KEYS), _content(chance)
    return client.put_object(Bucket=bucket, Key=key, Body=body, ChecksumAlgorithm="SHA256")


def put_if_absent(client: Any, bucket: str, chance: random.Random) -> object:
    """Put on a condition."""
    return client.put_object(Bucket=bucket, Key=chance.choice(KEYS), Body=_content(chance), IfNoneMatch="*")


def get(client: Any, bucket: str, chance: random.Random) -> object:
    """Get an object and read it."""
    return client.get_object(Bucket=bucket, Key=chance.choice(KEYS))["Body"].read()


def get_range(client: Any, bucket: str, chance: random.Random) -> object:
    """Get a range."""
    return client.get_object(Bucket=bucket, Key=chance.choice(KEYS), Range="bytes=0-6")["Body"].read()


def head(client: Any, bucket: str, chance: random.Random) -> object:
    """Ask for an object's head."""
    return client.head_object(Bucket=bucket, Key=chance.choice(KEYS))


def delete(client: Any, bucket: str, chance: random.Random) -> object:
    """Delete an object."""
    return client.delete_object(Bucket=bucket, Key=chance.choice(KEYS))


def delete_objects(client: Any, bucket: str, chance: random.Random) -> object:
    """Delete several at once."""
    objects = [{"Key": f"{number}/{key}"} for number, key in enumerate(KEYS[: chance.randrange(1, 5)])]
    return client.delete_objects(Bucket=bucket, Delete={"Objects": objects})


def copy(client: Any, bucket: str, chance: random.Random) -> object:
    """Copy an object."""
    source = {"Bucket": "from", "Key": chance.choice(KEYS)}
    return client.copy_object(Bucket=bucket, Key=chance.choice(KEYS), CopySource=source)


def list_v1(client: Any, bucket: str, _: random.Random) -> object:
    """List every page, by markers."""
    return list(client.get_paginator("list_objects").paginate(Bucket=bucket, Prefix="maps/ü", Delimiter="/"))


def list_v2(client: Any, bucket: str, _: random.Random) -> object:
    """List every page, by tokens."""
    return list(client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix="maps/ü"))


def multipart(client: Any, bucket: str, chance: random.Random) -> object:
    """Make an object of parts, one after another, one of them a copy."""
    where = {"Bucket": bucket, "Key": chance.choice(KEYS)}
    upload = {"UploadId": client.create_multipart_upload(**where, Metadata=_metadata(chance))["UploadId"]}
    parts = [
        client.upload_part(**where, **upload, PartNumber=number, Body=_content(chance)) for number in (1, 2)
    ]
    copied = client.upload_part_copy(**where, **upload, PartNumber=3, CopySource="from/k")
    tags = [part.get("ETag", "none") for part in parts] + [copied["CopyPartResult"]["ETag"]]
    made = [{"PartNumber": number, "ETag": tag} for number, tag in enumerate(tags, 1)]
    return client.complete_multipart_upload(**where, **upload, MultipartUpload={"Parts": made})


def aborted_multipart(client: Any, bucket: str, chance: random.Random) -> object:
    """Begin an object of parts and give up."""
    where = {"Bucket": bucket, "Key": chance.choice(KEYS)}
    upload = client.create_multipart_upload(**where)["UploadId"]
    client.upload_part(**where, UploadId=upload, PartNumber=1, Body=_content(chance))
    return client.abort_multipart_upload(**where, UploadId=upload)


def upload_in_threads(client: Any, bucket: str, chance: random.Random) -> object:
    """Upload a stream that boto3 cuts in parts and sends in threads."""
    content = io.BytesIO(hashlib.sha256(chance.randbytes(8)).digest() * (2 * PART // 32 + 5))
    return client.upload_fileobj(content, bucket, chance.choice(KEYS), Config=_IN_PARTS)


SMALL: tuple[Operation, ...] = (
    put, put_text, put_stream, put_with_headers, put_sha256, put_if_absent, get, get_range, head, delete,
    delete_objects, copy, list_v1, list_v2, multipart, aborted_multipart,
)  # fmt: skip
"""Everything but what sends megabytes."""

PUTS = (put, put_text, put_stream, put_with_headers, put_sha256)


def attempt(operation: Operation, client: Any, bucket: str, chance: random.Random, *expected: type) -> object:
    """Run an operation as an app does that catches what S3 and the network may raise."""
    with contextlib.suppress(ClientError, *expected):
        return operation(client, bucket, chance)
    return None
