"""Jaeger's query API, `/api/v3`, over HTTP: one request at a time, and each way of failing a sentence.

Jaeger 2.13 spells its parameters `query.service_name`, later ones `query.serviceName`; each ignores the
other's, so both are sent. Before 2.19 a search of `/api/v3` takes no attributes: there `/api/traces`, which
is gone after 2.20, is asked which traces have them, and each is read by its id.

An answer is one JSON object however long it is (jaeger#6467), so whoever asks keeps it short.
"""

from __future__ import annotations

import dataclasses
import datetime
import functools
import http
import json
import os
import re
import urllib.parse
import urllib.request
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
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

SHOWN_SERVICES = 8

_CHUNK_BYTES = 1 << 20
_LIMIT = re.compile(
    r"depth|too.?(many|large|big)|larger than|exceed|exhausted|max.?(traces|window)|timeout", re.IGNORECASE
)
"""How storages word that more was asked for than they give: memory, Elasticsearch, ClickHouse, gRPC."""


class TooMuchAskedError(SourceError):
    """Jaeger cannot give so much at once; the text is for a person where less cannot be asked for."""


@dataclasses.dataclass(frozen=True, slots=True)
class Search:
    """Which traces: of a service, with a span of that name, and one with these attributes."""

    service: str
    operation: str | None = None
    attributes: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """What one search found.

    `resources` are OTLP's ``ResourceSpans`` as they came; `found` counts the traces, those among them that
    were not read because they were known before; `begins` is the earliest start of each that was read, in
    nanoseconds since 1970; `size` is in bytes.
    """

    resources: Sequence[Mapping[str, Any]]
    found: int
    begins: Mapping[str, int]
    size: int


class Jaeger:
    """A Jaeger; `address` is that of its page, without the password that it may have been given with."""

    def __init__(self, address: str, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        parts = urllib.parse.urlsplit(address)
        self.address = without_password(address)
        self.timeout_seconds = timeout_seconds
        self._headers = {"Accept": "application/json", "User-Agent": "otel-savetrace", **_given_headers()}
        if parts.username is not None:
            name, password = (urllib.parse.unquote(part or "") for part in (parts.username, parts.password))
            self._headers |= urllib3.util.make_headers(basic_auth=f"{name}:{password}")
        self._pool = _pool(self.address)

    def services(self) -> list[str]:
        """Return the names of all services that it knows."""
        return [str(name) for name in self._list("/api/v3/services", {}, "services")]

    def operations(self, service: str) -> list[str]:
        """Return the names of a service's spans; none where they are not known."""
        held = self._list("/api/v3/operations", {"service": service}, "operations")
        return sorted({str(one.get("name")) for one in held if isinstance(one, dict)})

    def trace(self, trace_id: str) -> Page:
        """Return a trace by its id; no span where it is not there."""
        return self._page(f"/api/v3/traces/{trace_id}", {"raw_traces": "true", "rawTraces": "true"})

    def find(
        self, search: Search, start: int, end: int, depth: int, known: Container[str] = frozenset()
    ) -> Page:
        """Return at most `depth` traces that began from `start` to `end`, in nanoseconds since 1970.

        Those `known` may be left out. Raises `TooMuchAskedError` where fewer, or a shorter time, may do.
        """
        if search.attributes and not self._takes_attributes:
            return self._find_by_id(search, start, end, depth, known)
        return self._page("/api/v3/traces", _parameters(search, start, end, depth))

    @functools.cached_property
    def _takes_attributes(self) -> bool:
        # Who reads them complains of what is none.
        asked = {**_parameters(Search("savetrace"), 0, 1_000, 1), "query.attributes": "{"}
        status, body = self._ask("/api/v3/traces", asked)
        return status == http.HTTPStatus.BAD_REQUEST and b"query.attributes" in body

    def _find_by_id(self, search: Search, start: int, end: int, depth: int, known: Container[str]) -> Page:
        asked = {
            "service": search.service,
            "tags": json.dumps(dict(search.attributes)),
            "start": str(start // 1_000),
            "end": str(end // 1_000),
            "limit": str(depth),
        }
        if search.operation is not None:
            asked["operation"] = search.operation
        ids = [str(one.get("traceID")).rjust(32, "0") for one in self._list("/api/traces", asked, "data")]
        read = [self.trace(trace_id) for trace_id in ids if trace_id not in known]
        return Page(
            [resource for page in read for resource in page.resources],
            len(ids),
            {trace_id: begins for page in read for trace_id, begins in page.begins.items()},
            sum(page.size for page in read),
        )

    def _list(self, path: str, parameters: Mapping[str, str], name: str) -> list[Any]:
        held = [answer.get(name) for answer in self._answers(path, parameters)[0]]
        found = held[0] if held else None
        if found is not None and not isinstance(found, list):
            raise self._not_a_jaeger()
        return found or []

    def _page(self, path: str, parameters: Mapping[str, str]) -> Page:
        answers, size = self._answers(path, parameters)
        try:
            resources = [
                one for answer in answers for one in (answer.get("result") or {}).get("resourceSpans") or ()
            ]
            begins = _begins(resources)
        except (AttributeError, KeyError, TypeError, ValueError):
            raise self._not_a_jaeger() from None
        return Page(resources, len(begins), begins, size)

    def _answers(self, path: str, parameters: Mapping[str, str]) -> tuple[list[dict[str, Any]], int]:
        """Return the objects of an answer, none where nothing was found, and its size in bytes."""
        status, body = self._ask(path, parameters)
        if status != http.HTTPStatus.OK:
            self._refuse(status, body)
            return [], len(body)
        try:
            found = list(_objects(body))
        except ValueError:
            raise self._not_a_jaeger() from None
        if not all(isinstance(one, dict) for one in found):
            raise self._not_a_jaeger()
        return found, len(body)

    def _ask(self, path: str, parameters: Mapping[str, str]) -> tuple[int, bytes]:
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
            raise self._not_a_jaeger(f" (it answers {phrase})")
        if status == http.HTTPStatus.NOT_FOUND:
            return
        if _LIMIT.search(told):
            raise TooMuchAskedError(
                f"A limit of the storage behind {self.address} is reached ({told}): raise it in Jaeger's"
                " configuration, or ask for less with --since."
            )
        raise SourceError(f"The Jaeger at {self.address} refused the search: {told} (status {status}).")

    def _not_a_jaeger(self, because: str = "") -> SourceError:
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


def _parameters(search: Search, start: int, end: int, depth: int) -> dict[str, str]:
    # Raw: as they were sent, before Jaeger's own adjustments of clocks.
    asked = {
        "query.service_name": search.service, "query.serviceName": search.service,
        "query.start_time_min": rfc3339(start), "query.startTimeMin": rfc3339(start),
        "query.start_time_max": rfc3339(end), "query.startTimeMax": rfc3339(end),
        "query.num_traces": str(depth), "query.searchDepth": str(depth),
        "query.raw_traces": "true", "query.rawTraces": "true",
    }  # fmt: skip
    if search.operation is not None:
        asked |= dict.fromkeys(("query.operation_name", "query.operationName"), search.operation)
    if search.attributes:
        asked["query.attributes"] = json.dumps(dict(search.attributes))
    return asked


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


def _begins(resources: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    begins: dict[str, int] = {}
    for span in spans_in(resources):
        # What cannot be read is counted by whoever reads the spans.
        trace_id, start = str(span.get("traceId")), str(span.get("startTimeUnixNano"))
        at = int(start) if start.isdigit() else 0
        begins[trace_id] = min(at, begins.get(trace_id, at))
    return begins


def spans_in(resources: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """Yield OTLP's spans as they came."""
    for resource in resources:
        for scope in resource.get("scopeSpans") or ():
            yield from scope.get("spans") or ()


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


def rfc3339(nanoseconds: int) -> str:
    """Return a time since 1970 as Jaeger takes it."""
    seconds, fraction = divmod(nanoseconds, 10**9)
    moment = datetime.datetime.fromtimestamp(seconds, tz=datetime.timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"
