"""What the script sends, as tests make it."""

from __future__ import annotations

import json
import time
from typing import Any

from otel_savetrace.attributes import BROWSER_SCOPE
from tests.fixture_browser import PATH, Site

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SPAN_ID = "b7ad6b7169203331"
OF_OUR_PAGE = {"Sec-Fetch-Site": "same-origin"}


def value(of: Any) -> dict[str, Any]:
    """Write a value as OpenTelemetry's JavaScript does."""
    kind = {str: "stringValue", bool: "boolValue", int: "intValue", float: "doubleValue"}[type(of)]
    return {kind: of}


def span(told: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    """Make a span of a second that ends now; `fields` stand in place of its own, those that are None go."""
    now = time.time_ns()
    made = {
        "traceId": TRACE_ID,
        "spanId": SPAN_ID,
        "name": "POST /save",
        "kind": 3,
        "startTimeUnixNano": str(now - 10**9),
        "endTimeUnixNano": str(now),
        "attributes": [{"key": key, "value": value(of)} for key, of in (told or {}).items()],
        "droppedAttributesCount": 0,
        "events": [],
        "droppedEventsCount": 0,
        "status": {"code": 0},
        "links": [],
        "droppedLinksCount": 0,
        "flags": 257,
        **fields,
    }
    return {name: held for name, held in made.items() if held is not None}


def request(*spans: Any, scope: Any = None) -> dict[str, Any]:
    """Make the request that exports spans."""
    scope = {"name": BROWSER_SCOPE, "version": "0.1.0"} if scope is None else scope
    resource = {"attributes": [{"key": "service.name", "value": {"stringValue": "somebody else"}}]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": scope, "spans": [*spans]}]}]}


def send(
    site: Site, body: Any, headers: dict[str, str] | None = None, path: str = PATH, **options: Any
) -> Any:
    """Send a body to a site's address, as its own page does unless `headers` say otherwise."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    return site.app.test_client().post(
        path,
        data=data,
        headers=OF_OUR_PAGE if headers is None else headers,
        **{"content_type": "application/json", **options},
    )
