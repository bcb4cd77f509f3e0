"""What a request's raw bytes say, counted anew: the truth that attributes of the head are held against."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes, urlsplit

from tests.raw_store import Seen

VIRTUAL_HOST = "s3.test"
"""Host of clients that name their bucket in it; only a proxy resolves it."""

METADATA = b"x-amz-meta-"
_SEPARATOR = b": "


def headers_of(seen: Seen) -> list[tuple[bytes, bytes]]:
    """Return names and values in the order sent."""
    split = [line.partition(_SEPARATOR) for line in seen.header_lines]
    return [(name, value) for name, _, value in split]


def section_bytes(seen: Seen) -> int:
    """Return the bytes of all header names and values."""
    return sum(len(name) + len(value) for name, value in headers_of(seen))


def metadata_bytes(seen: Seen) -> int:
    """Return the bytes of user metadata: names without their prefix, and values."""
    return sum(
        len(name.lower().removeprefix(METADATA)) + len(value)
        for name, value in headers_of(seen)
        if name.lower().startswith(METADATA)
    )


def largest_headers(seen: Seen) -> str:
    """Return the five largest headers as ``Name=bytes``, largest first, ties in the order sent."""
    sizes = [(name.decode(), len(name) + len(value)) for name, value in headers_of(seen)]
    sizes.sort(key=lambda size: -size[1])
    return " ".join(f"{name}={size}" for name, size in sizes[:5])


def bucket_and_key(seen: Seen) -> tuple[str, str]:
    """Return the bucket, and the key as it stands in the request line, percent-encoded."""
    path = urlsplit(seen.target).path.removeprefix("/")
    host = (seen.header("Host") or "").partition(":")[0]
    if host.endswith("." + VIRTUAL_HOST):
        return host.removesuffix("." + VIRTUAL_HOST), path
    bucket, _, key = path.partition("/")
    return bucket, key


def key_bytes(seen: Seen) -> int:
    """Return the bytes of the key as S3 counts it: UTF-8, decoded from the request line."""
    return len(unquote_to_bytes(bucket_and_key(seen)[1]))


def query_of(seen: Seen) -> str:
    """Return the target's query."""
    return urlsplit(seen.target).query


def invocation_of(seen: Seen) -> str:
    """Return the name that botocore gives all requests of one call."""
    return seen.header("amz-sdk-invocation-id") or ""


def content_of(seen: Seen) -> bytes:
    """Return the content of a body, out of chunks, and out of aws-chunked ones where it has those, too."""
    body = seen.body
    if seen.header("Transfer-Encoding") == "chunked":
        body = _unchunked(body)
    if "aws-chunked" in (seen.header("Content-Encoding") or ""):
        body = _unchunked(body)
    return body


def _unchunked(body: bytes) -> bytes:
    content = bytearray()
    while body:
        line, _, body = body.partition(b"\r\n")
        size = int(line.partition(b";")[0], 16)
        if size == 0:
            break  # trailers follow
        content += body[:size]
        body = body[size + 2 :]
    return bytes(content)
