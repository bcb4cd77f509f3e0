"""What is secret is gone from everything that a span carries, and the rest is as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest
from opentelemetry.trace import Status, StatusCode

from tests.collector.saves import sending_to
from tests.fixture_collector import RECEIVING, StartCollector

KEY_ID = "ASIAIOSFODNN7EXAMPLE"
SIGNATURE = "fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024"
TOKEN = "IQoJb3JpZ2luX2VjEMb//////////wEaCXVzLWVhc3QtMSJGMEQCIBp0SECRET"
COOKIE = "eyJ1aWQiOiJtYXJpYSJ9.Z0NvZA.s3cr3tS1gnatur3"
SIGNED_URL = (
    f"https://s3.amazonaws.com/b/k?X-Amz-Credential={KEY_ID}%2F20260101%2Fus-east-1"
    f"&X-Amz-Security-Token={TOKEN}&X-Amz-Signature={SIGNATURE}"
)
AUTHORIZATION = (
    f"AWS4-HMAC-SHA256 Credential={KEY_ID}/20260101/us-east-1/s3/aws4_request, "
    f"SignedHeaders=host;x-amz-date, Signature={SIGNATURE}"
)
OURS = "AAECAwQFBgcICQoLDA0ODw.aSVNaA.0wn-c00kie_s1gnature"
SECRETS = (KEY_ID, SIGNATURE, TOKEN, COOKIE, OURS, "0paque-value", "hunter2", "maria.smith")

LAYERS = (*RECEIVING, "30-archive.yaml")

LEAKS: dict[str, Any] = {
    "http.request.header.authorization": [AUTHORIZATION],
    "http.request.header.cookie": [f"session={COOKIE}"],
    "http.request.header.x_amz_security_token": [TOKEN],
    "http.response.header.set-cookie": [f"session={COOKIE}; HttpOnly"],
    "http.response.header.set_cookie": [f"savetrace_0badf00d={OURS}; HttpOnly", "editor=0paque-value"],
    "app.cookies": f"theme=dark, savetrace_0badf00d={OURS}",
    "http.request.header.x-note": [f"Bearer {COOKIE}"],
    "aws.auth.account.access_key": KEY_ID,
    "http.target": "/storymap/save/?user=maria.smith",
    "http.url": SIGNED_URL,
    "url.full": SIGNED_URL,
    "url.query": "user=maria.smith",
    "app.db_password": "hunter2",
    "app.note": f"signed with {KEY_ID}",
    "app.curl": f"curl -H 'Authorization: {AUTHORIZATION}'",
    "app.cookie_line": f"Cookie: session={COOKIE}",
}
HARMLESS: dict[str, Any] = {
    "savetrace.outcome": "failed",
    "savetrace.error_code": "SlowDown",
    "savetrace.header_bytes": 8202,
    "savetrace.backoff_seconds": 0.25,
    "aws.s3.key": "storymapjs/maria/basic-plan/draft.json",
    "aws.request_id": "4442587FB7D0A2F9",
    "aws.extended_request_id": "vlR7PnpV2Ce81l0PRw6jlUpck7Jo5ZsQjryTjKlc5aLWGVHPZLj5NeC6qMa0emYBDXOo6QBU0Wo=",
    "http.request.header.content-length": ["12345"],
    "http.route": "/storymap/save/",
    "aws.s3.bucket": "session-storymaps",
    "savetrace.content_hash": "crc32:0badf00d",
    "savetrace.save_attempt": 2,
    "savetrace.previous_trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "savetrace.previous_span_id": "00f067aa0ba902b7",
    "savetrace.first_trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    "savetrace.previous_error_code": "SlowDown",
    "savetrace.same_content": True,
    "savetrace.seconds_since_failure": 2.125,
    "savetrace.automatic_retry": True,
    "savetrace.paired_by": "cookie",
    "savetrace.cookie_refused": "forged expired",
    "savetrace.largest_headers": "Authorization=285 Cookie=120 User-Agent=179",
}


@pytest.fixture
def archive_text(start_collector: StartCollector) -> str:
    """Archive a save that leaks in every place a span has, and give the file's text."""
    collector = start_collector(LAYERS)
    with sending_to(collector.grpc) as sender:
        span = sender.tracer.start_span(f"GET {SIGNED_URL}", attributes={**LEAKS, **HARMLESS})
        span.add_event("exception", {"exception.message": f"cannot reach {SIGNED_URL}"})
        span.set_status(Status(StatusCode.ERROR, f"cannot reach {SIGNED_URL}"))
        span.end()
    return (collector.archive / "spans.jsonl").read_text()


def test_no_secret_is_left_anywhere(archive_text: str) -> None:
    """Attributes, lists, events, status and name: no secret stands in the line that is kept."""
    assert [secret for secret in SECRETS if secret in archive_text] == []


def test_what_is_harmless_stays_as_it_was(archive_text: str) -> None:
    """Values that are no secrets keep their text, number and type, and nothing of the layer's own is left."""
    (span,) = json.loads(archive_text)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    kept = {attribute["key"]: attribute["value"] for attribute in span["attributes"]}
    for name, value in HARMLESS.items():
        assert kept[name] == as_otlp(value), name
    assert set(kept) == {*LEAKS, *HARMLESS, "redaction.masked.count"}
    assert span["name"].startswith("GET https://s3.amazonaws.com/b/k?")
    assert span["status"]["message"].startswith("cannot reach https://s3.amazonaws.com/b/k?")


def as_otlp(value: Any) -> dict[str, Any]:
    """Write a value as OTLP JSON does."""
    if isinstance(value, list):
        return {"arrayValue": {"values": [as_otlp(item) for item in value]}}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}
