"""What the raw store answers, told bucket by bucket before requests come, and what it did answer."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from email.utils import formatdate
from typing import Literal

from tests.exact import wire
from tests.raw_store import WHOLE, Answer, RawStore, Reception, Seen, Visit, closed, reset, silent

Outcome = Literal["success", "error", "error inside", "no etag", "reset", "closed", "silent"]
ERRORLESS: tuple[Outcome, ...] = ("success", "no etag")
UNANSWERED: tuple[Outcome, ...] = ("reset", "closed", "silent")

PAGES = 3
"""Pages that every list has."""

_UPLOAD = b"<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>"
_COMPLETED = b'<CompleteMultipartUploadResult><ETag>"e"</ETag></CompleteMultipartUploadResult>'
_COPIED = b'<CopyObjectResult><ETag>"e"</ETag></CopyObjectResult>'
_PART_COPIED = b'<CopyPartResult><ETag>"e"</ETag></CopyPartResult>'
_DELETED = b"<DeleteResult></DeleteResult>"


@dataclasses.dataclass(frozen=True)
class Step:
    """What one request meets. `date` is the Date header: seconds ahead of our clock, text as is, or none."""

    outcome: Outcome = "success"
    status: int = 200
    code: str | None = None
    reception: Reception = WHOLE
    date: int | str | None = 0


STORED = Step()


@dataclasses.dataclass(frozen=True)
class Exchange:
    """A request and what it met.

    `answered` (`time.monotonic`) and `clock` (seconds since 1970) are from before the answer's first byte;
    `date` is the Date header's seconds since 1970, None where it had none that is a date.
    """

    seen: Seen
    step: Step
    status: int | None
    code: str | None
    request_id: str | None
    host_id: str | None
    date: int | None
    answered: float
    clock: float


class Script:
    """Answers for `stores`: the steps told for a request's bucket, one after another, then success.

    `clock` is what their Date headers are told by, in seconds since 1970.
    """

    def __init__(self, *stores: RawStore, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.exchanges: list[Exchange] = []
        self._steps: dict[tuple[str, str], deque[Step]] = defaultdict(deque)
        self._then: dict[str, Step] = {}
        self._met: Counter[str] = Counter()
        self._came = threading.Condition()
        self._taken = threading.local()  # a connection's thread receives a request and then answers it
        for store in stores:
            store.receive, store.choose = self._receive, self._choose

    def tell(self, bucket: str, *steps: Step, method: str = "", then: Step = STORED) -> None:
        """Let the next requests to `bucket`, of one `method` if given, meet `steps`, and all others `then`.

        What was told before is forgotten.
        """
        self._steps[bucket, method] = deque(steps)
        self._then[bucket] = then

    def wait_for(self, bucket: str, requests: int) -> None:
        """Wait until so many requests to `bucket` have come."""
        with self._came:
            self._came.wait_for(lambda: self._met[bucket] >= requests)

    def _receive(self, head: bytes) -> Reception:
        seen = Seen(0, 0, head, b"", 0.0)
        bucket, _ = wire.bucket_and_key(seen)
        steps = self._steps[bucket, seen.method] or self._steps[bucket, ""]
        try:
            step = steps.popleft()
        except IndexError:  # another connection's thread may have had the last
            step = self._then.get(bucket, STORED)
        step = _fitted(step, seen)
        self._taken.step = step
        return step.reception

    def _choose(self, seen: Seen) -> Answer:
        step: Step = self._taken.step

        def answer(visit: Visit) -> None:
            exchange = _exchange(seen, step, self._clock())
            with self._came:
                self.exchanges.append(exchange)
                self._met[wire.bucket_and_key(seen)[0]] += 1
                self._came.notify_all()
            _send(visit, exchange)

        return answer


def _fitted(step: Step, seen: Seen) -> Step:
    """Return what a request can meet of `step`: not each has a body to hold back or an ETag to lack."""
    if seen.header("Expect") is None:
        step = dataclasses.replace(step, reception=WHOLE)
    copies = seen.header("x-amz-copy-source") is not None
    if step.outcome == "no etag" and (seen.method != "PUT" or copies):
        return dataclasses.replace(step, outcome="success")
    completes = seen.method == "POST" and wire.query_of(seen).startswith("uploadId")
    if step.outcome == "error inside" and not (copies or completes):
        return dataclasses.replace(step, outcome="error", status=500)
    return step


def _exchange(seen: Seen, step: Step, clock: float) -> Exchange:
    answered = time.monotonic()
    if step.outcome in UNANSWERED:
        return Exchange(seen, step, None, None, None, None, None, answered, clock)
    status = step.status
    if status == 200 and seen.method == "DELETE":
        status = 204
    code = step.code
    if seen.method == "HEAD" and status >= 400:
        code = str(status)  # an answer without body has no code
    name = f"{seen.connection}.{seen.number}"
    date = int(clock) + step.date if isinstance(step.date, int) else None
    return Exchange(seen, step, status, code, f"R{name}", f"host/{name}+=", date, answered, clock)


def _send(visit: Visit, exchange: Exchange) -> None:
    step = exchange.step
    if step.outcome in UNANSWERED:
        {"reset": reset, "closed": closed, "silent": silent}[step.outcome](visit)
        return
    headers = f"x-amz-request-id: {exchange.request_id}\r\nx-amz-id-2: {exchange.host_id}\r\n"
    if exchange.date is not None:
        headers += f"Date: {formatdate(exchange.date, usegmt=True)}\r\n"
    elif isinstance(step.date, str):
        headers += f"Date: {step.date}\r\n"
    body, confirmed = b"", False
    if step.code is not None:
        body = f"<Error><Code>{step.code}</Code><Message>so it is</Message></Error>".encode()
    elif step.outcome == "success":
        body, confirmed = _content(exchange.seen)
    if confirmed:
        headers += 'ETag: "e"\r\n'
    visit.send(f"{exchange.status} So It Is", body if exchange.status != 204 else b"", headers)


def _content(seen: Seen) -> tuple[bytes, bool]:
    """Return what S3 answers when all is well: a body, and whether an ETag stands in the head."""
    query, method = wire.query_of(seen), seen.method
    if method == "POST":
        uploads = _UPLOAD if query.startswith("uploads") else _COMPLETED
        return (_DELETED if query.startswith("delete") else uploads), False
    if seen.header("x-amz-copy-source"):
        return (_PART_COPIED if "partNumber" in query else _COPIED), False
    if method == "GET" and not wire.bucket_and_key(seen)[1]:
        return _page(query), False
    return (b"content" if method == "GET" else b""), True


def _page(query: str) -> bytes:
    """Return a page of a list; where it begins says how many came before."""
    fields = dict(field.partition("=")[::2] for field in query.split("&"))
    begins = fields.get("continuation-token") or fields.get("marker") or "0"
    page = int(begins) + 1
    more = page < PAGES
    return (
        f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>"
        f"<Contents><Key>k{page}</Key><Size>1</Size></Contents>"
        + (f"<NextContinuationToken>{page}</NextContinuationToken><NextMarker>{page}</NextMarker>" * more)
        + "</ListBucketResult>"
    ).encode()
