"""Faults that a store or the way to it can have, and the plan of who meets which.

A plan is data: the same plan meets the same requests with the same faults. `Front` carries it out.
"""

from __future__ import annotations

import dataclasses
import datetime
import email.utils
import http
import urllib.parse
from typing import Literal


@dataclasses.dataclass(frozen=True)
class ErrorAnswer:
    """The store answers with an S3 error, and never sees the request.

    With `keep_alive` the body is read first and the connection stays; without, the answer comes at once,
    where a client waits for ``100 Continue`` before its body, and ends the connection. The Date header is
    `clock_ahead` seconds ahead of ours.
    """

    status: int
    code: str
    message: str
    keep_alive: bool = True
    clock_ahead: float = 0.0

    def as_bytes(self, method: str, request_id: str, host_id: str) -> bytes:
        """Return the answer to a `method` request as Amazon S3 would write it."""
        body = (
            '<?xml version="1.0" encoding="UTF-8"?>\n'
            f"<Error><Code>{self.code}</Code><Message>{self.message}</Message>"
            f"<RequestId>{request_id}</RequestId><HostId>{host_id}</HostId></Error>"
        ).encode()
        now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.clock_ahead)
        lines = [
            f"HTTP/1.1 {self.status} {http.HTTPStatus(self.status).phrase}",
            f"x-amz-request-id: {request_id}",
            f"x-amz-id-2: {host_id}",
            "Content-Type: application/xml",
            f"Content-Length: {len(body)}",
            f"Date: {email.utils.format_datetime(now, usegmt=True)}",
            "Server: AmazonS3",
            *([] if self.keep_alive else ["Connection: close"]),
        ]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        return head if method == "HEAD" else head + body


@dataclasses.dataclass(frozen=True)
class Reset:
    """The connection is reset (RST).

    `moment` is ``head``: once the request's head is there, the store sees nothing; ``body``: after
    `body_bytes` of the body; ``answer``: when the store has answered, so that it has what the client does
    not know of.
    """

    moment: Literal["head", "body", "answer"]
    body_bytes: int = 0


@dataclasses.dataclass(frozen=True)
class SlowAnswer:
    """The store's own answer, held back for `seconds`."""

    seconds: float


@dataclasses.dataclass(frozen=True)
class FlippedBit:
    """One bit of the body's first byte is the other way round when the store gets it."""


Fault = ErrorAnswer | Reset | SlowAnswer | FlippedBit

SLOW_DOWN = ErrorAnswer(503, "SlowDown", "Please reduce your request rate.")
INTERNAL_ERROR = ErrorAnswer(
    500, "InternalError", "We encountered an internal error. Please try again.", keep_alive=False
)
REQUEST_TIME_TOO_SKEWED = ErrorAnswer(
    403,
    "RequestTimeTooSkewed",
    "The difference between the request time and the current time is too large.",
    clock_ahead=20 * 60,
)
REQUEST_TIMEOUT = ErrorAnswer(
    400,
    "RequestTimeout",
    "Your socket connection to the server was not read from or written to within the timeout period."
    " Idle connections will be closed.",
    keep_alive=False,
)
EXPIRED_TOKEN = ErrorAnswer(400, "ExpiredToken", "The provided token has expired.")
OPERATION_ABORTED = ErrorAnswer(
    409, "OperationAborted", "A conflicting conditional operation is currently in progress. Try again."
)


@dataclasses.dataclass(frozen=True)
class Rule:
    """Whom a fault meets.

    Requests by `method` for keys that begin with `key_prefix`, and with `on_reused` only those that come on
    a connection that carried one before; only those whose body is said to be longer than `body_over` bytes.
    Of these it leaves `skip` alone and meets the next `times`, None for all, or of those each `every`-th.
    """

    fault: Fault
    key_prefix: str = ""
    method: str = "PUT"
    skip: int = 0
    times: int | None = 1
    on_reused: bool = False
    body_over: int = -1
    every: int = 1

    def fits(self, method: str, key: str, reused: bool, body: int) -> bool:
        """Whether a request is one of those that the rule counts."""
        return (
            method == self.method
            and key.startswith(self.key_prefix)
            and (reused or not self.on_reused)
            and body > self.body_over
        )

    def meets(self, count: int) -> bool:
        """Whether it is carried out on the request that `count` of those counted came before."""
        past = count - self.skip
        return past >= 0 and (self.times is None or past < self.times) and past % self.every == 0


@dataclasses.dataclass(frozen=True)
class RateLimit:
    """Answers SlowDown to writes beyond `per_second`, of which `burst` may come at once.

    Counted for each user's folder, as Amazon S3 does by prefix, or for each `object`, as Google Cloud Storage
    does: one a second (https://cloud.google.com/storage/quotas#objects).
    """

    per_second: float
    burst: int
    each: Literal["folder", "object"] = "folder"


@dataclasses.dataclass(frozen=True)
class Plan:
    """Rules in order; where several are due for one request, the first is carried out.

    `idle_limit_seconds`: a connection that carried nothing for longer is forgotten without a word, and
    whatever comes on it then is answered with a reset, as by NAT gateways and network load balancers.
    """

    rules: tuple[Rule, ...] = ()
    idle_limit_seconds: float | None = None
    rate_limit: RateLimit | None = None


class Progress:
    """How far a plan was carried out: what each rule counted, and what the rate limit has left."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self._counted = [0] * len(plan.rules)
        self._left: dict[str, tuple[float, float]] = {}

    def decide(self, method: str, target: str, reused: bool, body: int = 0, now: float = 0.0) -> Fault | None:
        """Return the fault that the next request meets, None for none.

        `target` is as in its request line, `body` the length that its head announces, `now` in seconds.
        """
        key = key_of(target)
        due = None
        for index, rule in enumerate(self.plan.rules):
            if rule.fits(method, key, reused, body):
                count = self._counted[index]
                self._counted[index] += 1
                if due is None and rule.meets(count):
                    due = rule.fault
        if due is None and self.plan.rate_limit and method == "PUT" and key:
            limit = self.plan.rate_limit
            return self._throttled(limit, key if limit.each == "object" else _folder(key), now)
        return due

    def _throttled(self, limit: RateLimit, counted: str, now: float) -> Fault | None:
        left, then = self._left.get(counted, (float(limit.burst), now))
        left = min(float(limit.burst), left + (now - then) * limit.per_second)
        throttled = left < 1
        self._left[counted] = (left if throttled else left - 1, now)
        return SLOW_DOWN if throttled else None


def _folder(key: str) -> str:
    """Return the folder that is one user's: ``storymapjs/{user}``."""
    return "/".join(key.split("/")[:2])


def key_of(target: str) -> str:
    """Return the object key in a path-style request target ``/bucket/key?query``; empty for the bucket."""
    path = target.partition("?")[0]
    return urllib.parse.unquote(path.lstrip("/").partition("/")[2])
