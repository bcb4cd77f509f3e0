"""HTTP to a Jaeger: one request at a time, patient with a busy server, and each way of failing a sentence."""

from __future__ import annotations

import http
import json
import os
import re
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import urllib3
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError, ReadTimeoutError

from otel_savetrace.errors import SourceError

SAVETRACE_JAEGER_HEADERS = "SAVETRACE_JAEGER_HEADERS"
"""Environment variable: headers sent to Jaeger, as in `OTEL_EXPORTER_OTLP_HEADERS`: `name=value,…`."""

TIMEOUT_SECONDS = 30.0
CONNECT_SECONDS = 10.0

MOST_BYTES = 64_000_000
"""An answer longer than this is not read to its end: less is asked for."""

TRIES = 4
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 60
BUSY = frozenset({429, 502, 503})
"""Answers after which the same is asked again, later: when `Retry-After` says, else after a growing while."""

_CHUNK_BYTES = 1 << 20
_LIMIT = re.compile(
    r"depth|too.?(many|large|big)|larger than|exceed|exhausted|max.?(traces|window)|timeout", re.IGNORECASE
)
"""How storages word that more was asked for than they give: memory, Elasticsearch, ClickHouse, gRPC."""


class TooMuchAskedError(SourceError):
    """Jaeger cannot give so much at once; the text is for a person where less cannot be asked for."""


class Connection:
    """What answers at `address`, which is kept without the password that it may have been given with."""

    def __init__(self, address: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        parts = urllib.parse.urlsplit(address)
        self.address = without_password(address)
        self.timeout_seconds = timeout_seconds
        self._headers = {"Accept": "application/json", "User-Agent": "otel-savetrace", **_given_headers()}
        if parts.username is not None:
            name, password = (urllib.parse.unquote(part or "") for part in (parts.username, parts.password))
            self._headers |= urllib3.util.make_headers(basic_auth=f"{name}:{password}")
        self._pool = _pool(self.address)

    def answers(self, path: str, parameters: Mapping[str, str]) -> tuple[list[dict[str, Any]], int]:
        """Return the objects of an answer, none where nothing was found, and its size in bytes."""
        status, body = self.ask(path, parameters)
        if status != http.HTTPStatus.OK:
            self._refuse(status, body)
            return [], len(body)
        try:
            found = list(_objects(body))
        except ValueError:
            raise self.not_a_jaeger() from None
        if not all(isinstance(one, dict) for one in found):
            raise self.not_a_jaeger()
        return found, len(body)

    def ask(self, path: str, parameters: Mapping[str, str]) -> tuple[int, bytes]:
        """Return the status and the body of an answer, whatever they are."""
        try:
            answer = self._pool.request(
                "GET",
                self.address + path,
                fields=dict(parameters) or None,
                headers=self._headers,
                timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=self.timeout_seconds),
                retries=_Patience(),
                preload_content=False,
            )
            body = bytearray()
            while piece := answer.read(_CHUNK_BYTES):
                body += piece
                if len(body) > MOST_BYTES:
                    answer.close()
                    raise TooMuchAskedError(
                        f"Jaeger's answer is longer than {MOST_BYTES // 1_000_000} MB, for one trace or one"
                        f" microsecond: {self.address} holds what cannot be read; ask for another time with"
                        " --since."
                    )
            answer.release_conn()
        except ReadTimeoutError:
            raise TooMuchAskedError(
                f"The Jaeger at {self.address} did not answer within {self.timeout_seconds:g} s:"
                " ask for less with --since, or try again."
            ) from None
        except HTTPError as error:
            raise self._unreachable(error) from None
        return answer.status, bytes(body)

    def _unreachable(self, error: HTTPError) -> SourceError:
        reason = error.reason if isinstance(error, MaxRetryError) else error
        if isinstance(reason, urllib3.exceptions.SSLError):
            why = f"its certificate or its TLS is not accepted ({reason})"
        elif isinstance(reason, urllib3.exceptions.ConnectTimeoutError) and not isinstance(
            reason, NewConnectionError
        ):
            why = "nothing answers there in time"
        elif isinstance(reason, NewConnectionError):
            cause = reason.__cause__ or reason.__context__
            why = (cause.strerror or str(cause)) if isinstance(cause, OSError) else str(reason)
        elif isinstance(reason, urllib3.exceptions.ProtocolError):
            return TooMuchAskedError(
                f"The answer of {self.address} broke off ({reason.args[-1]}): look at Jaeger's log;"
                " it may have run out of memory."
            )
        else:
            why = str(reason)
        return SourceError(
            f"No Jaeger answers at {self.address}: {why}. Give the address of Jaeger's page, such as"
            " http://localhost:16686, and look whether it runs and whether this machine may reach it."
        )

    def _refuse(self, status: int, body: bytes) -> None:
        """Raise what an answer that is none says; return where it says that nothing was found."""
        phrase = _phrase(status)
        if status in {http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN}:
            raise SourceError(
                f"{self.address} lets nobody in without a login ({phrase}): write user:password@ before the"
                f" host, or set {SAVETRACE_JAEGER_HEADERS} to 'Authorization=Bearer%20TOKEN'."
            )
        if status in BUSY:
            raise SourceError(
                f"{self.address} has no time for this ({phrase}), and had none after {TRIES} more tries:"
                " try later, or ask for less with --since."
            )
        if status == http.HTTPStatus.GATEWAY_TIMEOUT:
            raise TooMuchAskedError(
                f"The Jaeger at {self.address} did not answer in time ({phrase}): ask for less with --since,"
                " or try again."
            )
        told = _told(body)
        if told is None:
            raise self.not_a_jaeger(f" (it answers {phrase})")
        if status == http.HTTPStatus.NOT_FOUND:
            return
        if _LIMIT.search(told):
            raise TooMuchAskedError(
                f"A limit of the storage behind {self.address} is reached ({told}): raise it in Jaeger's"
                " configuration, or ask for less with --since."
            )
        raise SourceError(f"The Jaeger at {self.address} refused the search: {told} (status {status}).")

    def not_a_jaeger(self, because: str = "") -> SourceError:
        """Return the error that what answers is something else."""
        return SourceError(
            f"What answers at {self.address} is not Jaeger's query API{because}:"
            " give the address of Jaeger's page, such as http://localhost:16686; behind a login,"
            f" {SAVETRACE_JAEGER_HEADERS} may carry what lets one in."
        )


class _Patience(urllib3.Retry):
    """What is asked again, unchanged: what a busy server turned away. After a silence less is asked for."""

    def __init__(self, **options: Any) -> None:
        once = {"total": None, "connect": 0, "read": 0, "other": 0, "redirect": 3}
        waiting = {
            "status": TRIES,
            "status_forcelist": BUSY,
            "raise_on_status": False,
            "backoff_factor": FIRST_WAIT_SECONDS,
            "backoff_jitter": FIRST_WAIT_SECONDS,
            "backoff_max": LONGEST_WAIT_SECONDS,
            "retry_after_max": LONGEST_WAIT_SECONDS,
        }
        super().__init__(**{**once, **waiting, **options})

    def increment(
        self,
        method: str | None = None,
        url: str | None = None,
        response: BaseHTTPResponse | None = None,
        error: Exception | None = None,
        *given: Any,
        **named: Any,
    ) -> _Patience:
        """Count a try."""
        if isinstance(error, ReadTimeoutError):
            raise error
        return super().increment(method, url, response, error, *given, **named)


def without_password(address: str) -> str:
    """Return an address without the name and the password in it: it is printed, and stands in reports."""
    parts = urllib.parse.urlsplit(address)
    return urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2])).rstrip("/")


def _pool(address: str) -> urllib3.PoolManager:
    parts = urllib.parse.urlsplit(address)
    proxy = urllib.request.getproxies().get(parts.scheme)
    if proxy and not urllib.request.proxy_bypass(parts.netloc):
        return urllib3.ProxyManager(proxy, maxsize=1)
    return urllib3.PoolManager(maxsize=1)


def _given_headers() -> dict[str, str]:
    pairs = (
        one.partition("=") for one in os.environ.get(SAVETRACE_JAEGER_HEADERS, "").split(",") if "=" in one
    )
    return {name.strip(): urllib.parse.unquote(value.strip()) for name, _, value in pairs}


def _objects(body: bytes) -> Iterator[Any]:
    """Yield the objects of an answer: one, or several one after the other."""
    try:
        yield orjson.loads(body)
        return
    except orjson.JSONDecodeError:
        pass
    decoder = json.JSONDecoder()
    text, place = body.decode().strip(), 0
    if not text:
        raise ValueError
    while place < len(text):
        one, place = decoder.raw_decode(text, place)
        yield one
        while place < len(text) and text[place].isspace():
            place += 1


def _told(body: bytes) -> str | None:
    """Return the message of Jaeger's own refusal; None where it is not Jaeger that refuses."""
    try:
        answer = orjson.loads(body)
        told = answer["error"]["message"] if "error" in answer else answer["errors"][0]["msg"]
    except (ValueError, KeyError, TypeError, IndexError):
        return None
    return str(told)


def _phrase(status: int) -> str:
    try:
        return f"{status} {http.HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
