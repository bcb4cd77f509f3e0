"""Reads spans from Jaeger's query API, `/api/v3`.

Jaeger 2.13 spells its parameters `query.service_name`, later ones `query.serviceName`; each ignores the
other's, so both are sent. Attributes are sent too: Jaeger 2.13 ignores them and answers more than was asked.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any

from otel_savetrace.errors import SourceError
from otel_savetrace.spans.otlp import NotOtlpError, spans_of
from otel_savetrace.spans.reading import Account, Query, Reading, each_once
from otel_savetrace.spans.rows import Span

SEARCH_DEPTH = 200
"""Most traces asked for in one request: an answer that full is asked again in halves of its time."""

SHORTEST_WINDOW_NANOSECONDS = 1_000
"""Jaeger stores times in microseconds: a window cannot be halved below one."""

DEFAULT_LOOKBACK_NANOSECONDS = 24 * 3600 * 10**9
"""How far back is read where the query does not say; Jaeger cannot be asked without times."""

TIMEOUT_SECONDS = 30.0

WHOLE_TRACE_ID = 32

PAGES = ("search", "trace", "api", "monitor", "compare")
"""Beginnings of Jaeger's own pages: an address copied from the browser is cut there."""


def read_jaeger(address: str, query: Query, timeout_seconds: float = TIMEOUT_SECONDS) -> Reading:
    """Read every span of the traces that fit the query, however many there are.

    Raises `SourceError` where nothing answers at `address`, in time, or what answers is no Jaeger.
    """
    jaeger = _Jaeger(base_address(address), timeout_seconds)
    account = Account()
    if query.trace_ids and all(len(trace_id) == WHOLE_TRACE_ID for trace_id in query.trace_ids):
        found = [span for trace_id in query.trace_ids for span in jaeger.trace(trace_id, account)]
    else:
        found = list(_search(jaeger, query, account))
    return Reading("jaeger", address, each_once(found), account.skipped(), jaeger.address)


def base_address(address: str) -> str:
    """Return the address that Jaeger stands under, also from one of its pages: `http://host/base/search?…`."""
    parts = urllib.parse.urlsplit(address)
    segments = []
    for segment in parts.path.strip("/").split("/"):
        if segment in PAGES:
            break
        segments.append(segment)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, "/".join(segments), "", "")).rstrip("/")


def _search(jaeger: _Jaeger, query: Query, account: Account) -> Iterator[Span]:
    end = query.end_nanoseconds or time.time_ns()
    start = end - DEFAULT_LOOKBACK_NANOSECONDS if query.start_nanoseconds is None else query.start_nanoseconds
    for service in [query.service] if query.service else jaeger.services():
        yield from _search_window(jaeger, _Window(service, start, end), query.attributes, account)


@dataclasses.dataclass(frozen=True, slots=True)
class _Window:
    service: str
    start_nanoseconds: int
    end_nanoseconds: int

    def halves(self) -> tuple[_Window, _Window]:
        middle = (self.start_nanoseconds + self.end_nanoseconds) // 2
        return (
            dataclasses.replace(self, start_nanoseconds=middle),
            dataclasses.replace(self, end_nanoseconds=middle),
        )


def _search_window(
    jaeger: _Jaeger, window: _Window, attributes: Mapping[str, str], account: Account
) -> Iterator[Span]:
    """Halves share a nanosecond, so that no trace falls between them; `each_once` takes out the double."""
    waiting = [window]
    while waiting:
        current = waiting.pop()
        spans = list(jaeger.traces(current, attributes, account))
        full = len({span.trace_id for span in spans}) >= SEARCH_DEPTH
        if not full:
            yield from spans
        elif current.end_nanoseconds - current.start_nanoseconds > SHORTEST_WINDOW_NANOSECONDS:
            waiting.extend(current.halves())
        else:
            yield from spans
            account.add(f"possibly more than {SEARCH_DEPTH} traces in one microsecond", jaeger.address)


@dataclasses.dataclass(frozen=True, slots=True)
class _Jaeger:
    address: str
    timeout_seconds: float

    def services(self) -> list[str]:
        answer = self._get("/api/v3/services", {})
        services = answer[0].get("services") if len(answer) == 1 else None
        if services is not None and not isinstance(services, list):
            raise self._not_a_jaeger()
        return [str(service) for service in services or []]

    def trace(self, trace_id: str, account: Account) -> Iterator[Span]:
        path = f"/api/v3/traces/{trace_id}"
        return self._spans(self._get(path, {"raw_traces": "true", "rawTraces": "true"}), account)

    def traces(self, window: _Window, attributes: Mapping[str, str], account: Account) -> Iterator[Span]:
        start, end = _rfc3339(window.start_nanoseconds), _rfc3339(window.end_nanoseconds)
        # Raw: as they were sent, before Jaeger's own adjustments of clocks.
        parameters = {
            "query.service_name": window.service, "query.serviceName": window.service,
            "query.start_time_min": start, "query.startTimeMin": start,
            "query.start_time_max": end, "query.startTimeMax": end,
            "query.num_traces": str(SEARCH_DEPTH), "query.searchDepth": str(SEARCH_DEPTH),
            "query.raw_traces": "true", "query.rawTraces": "true",
        }  # fmt: skip
        if attributes:
            parameters["query.attributes"] = json.dumps(dict(attributes))
        return self._spans(self._get("/api/v3/traces", parameters), account)

    def _spans(self, answers: list[dict[str, Any]], account: Account) -> Iterator[Span]:
        try:
            for span in (span for answer in answers for span in spans_of(answer.get("result") or {})):
                if isinstance(span, Span):
                    yield span
                else:
                    account.add(str(span), self.address)
        except (NotOtlpError, AttributeError):
            raise self._not_a_jaeger() from None

    def _get(self, path: str, parameters: Mapping[str, str]) -> list[dict[str, Any]]:
        """Return the objects of an answer, none where nothing was found; long answers may hold several."""
        address = f"{self.address}{path}"
        if parameters:
            address += "?" + urllib.parse.urlencode(parameters)
        request = urllib.request.Request(address, headers={"Accept": "application/json"})  # noqa: S310 - only http(s) reaches this
        try:
            with urllib.request.urlopen(request, timeout=self.timeout_seconds) as answer:  # noqa: S310 - as above
                body = answer.read()
        except urllib.error.HTTPError as error:
            return self._refusal(error)
        except TimeoutError:
            raise self._too_slow() from None
        except urllib.error.URLError as error:
            if isinstance(error.reason, TimeoutError):
                raise self._too_slow() from None
            raise SourceError(f"No Jaeger answers at {self.address}: {_reason(error)}.") from None
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise SourceError(f"The answer of {self.address} broke off: {error!r}.") from None
        return self._objects(body)

    def _refusal(self, error: urllib.error.HTTPError) -> list[dict[str, Any]]:
        with contextlib.closing(error):
            try:
                told = json.loads(error.read())["error"]["message"]
            except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError):
                raise self._not_a_jaeger(f" (it answers {error.code} {error.reason})") from None
        if error.code == http.HTTPStatus.NOT_FOUND:
            return []
        raise SourceError(f"The Jaeger at {self.address} refused the search: {told} (status {error.code}).")

    def _objects(self, body: bytes) -> list[dict[str, Any]]:
        decoder = json.JSONDecoder()
        found: list[dict[str, Any]] = []
        try:
            text = body.decode().strip()
            while text:
                entry, length = decoder.raw_decode(text)
                text = text[length:].lstrip()
                found.append(entry)
        except ValueError:
            raise self._not_a_jaeger() from None
        if not all(isinstance(entry, dict) for entry in found):
            raise self._not_a_jaeger()
        return found

    def _not_a_jaeger(self, because: str = "") -> SourceError:
        return SourceError(
            f"What answers at {self.address} is not Jaeger's query API{because}:"
            " give the address of Jaeger's page, such as http://localhost:16686."
        )

    def _too_slow(self) -> SourceError:
        return SourceError(
            f"The Jaeger at {self.address} did not answer within {self.timeout_seconds:g} s:"
            " ask for less with --since, or try again."
        )


def _reason(error: urllib.error.URLError) -> str:
    reason = error.reason
    return (reason.strerror or str(reason)) if isinstance(reason, OSError) else str(reason)


def _rfc3339(nanoseconds: int) -> str:
    seconds, fraction = divmod(nanoseconds, 10**9)
    moment = datetime.datetime.fromtimestamp(seconds, tz=datetime.timezone.utc)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{fraction:09d}Z"
