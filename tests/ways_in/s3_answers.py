"""Answers of the raw store that boto3's transfers and resources need: upload ids, ETags in XML, lists."""

from __future__ import annotations

from collections.abc import Sequence

from tests.raw_store import Answer, Visit

_ID = "x-amz-request-id: R\r\nx-amz-id-2: H\r\n"
_STARTED = b"<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>"
_COMPLETED = b'<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>'
_COPIED = b'<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>'
_PART_COPIED = b'<CopyPartResult><ETag>"e"</ETag></CopyPartResult>'

ENOUGH = 64
"""More requests than any test here makes: what a script is repeated to."""


def object_of(size: int) -> Answer:
    """Answer as a store whose every object is `size` bytes ``x``: multipart uploads, copies, ranges."""

    def answer(visit: Visit) -> None:
        line = visit.seen.head.split(b"\r\n", 1)[0]
        method = visit.seen.method
        if method == "POST":
            visit.send("200 OK", _STARTED if b"?uploads" in line else _COMPLETED, _ID)
        elif visit.seen.header("x-amz-copy-source"):
            visit.send("200 OK", _PART_COPIED if b"partNumber" in line else _COPIED, _ID)
        elif method == "GET":
            _send_range(visit, size)
        elif method == "HEAD":
            _send_size(visit, size)
        elif method == "DELETE":
            visit.send("204 No Content", b"", _ID)
        else:
            visit.send("200 OK", b"", f'ETag: "e"\r\n{_ID}')

    return answer


def _send_range(visit: Visit, size: int) -> None:
    asked = visit.seen.header("Range")
    first, last = 0, size - 1
    if asked is not None:
        start, _, end = asked.removeprefix("bytes=").partition("-")
        first, last = int(start), int(end) if end else last
    status = "200 OK" if asked is None else "206 Partial Content"
    span = f"Content-Range: bytes {first}-{last}/{size}\r\n" if asked is not None else ""
    visit.send(status, b"x" * (last - first + 1), f'ETag: "e"\r\n{span}{_ID}')


def _send_size(visit: Visit, size: int) -> None:
    head = f'HTTP/1.1 200 OK\r\nContent-Length: {size}\r\nETag: "e"\r\n{_ID}\r\n'
    visit.sock.sendall(head.encode())


def page(keys: Sequence[str], token: str | None = None) -> Answer:
    """Answer with one page of a list; `token` says that another follows."""
    contents = "".join(f"<Contents><Key>{key}</Key><Size>1</Size></Contents>" for key in keys)
    more = f"<NextContinuationToken>{token}</NextContinuationToken>" if token else ""
    listed = (
        f"<ListBucketResult><IsTruncated>{'true' if token else 'false'}</IsTruncated>"
        f"{contents}{more}</ListBucketResult>"
    )
    return lambda visit: visit.send("200 OK", listed.encode(), _ID)
