"""A line of an access log: nginx's combined format, gunicorn's, HAProxy's httplog, or JSON.

What may follow the combined format's own fields is read by name (``rt=0.012 urt="0.011"``); a ``traceparent``
is known wherever it stands.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from otel_savetrace.logs import access_json
from otel_savetrace.logs.access_fields import HAPROXY, Request, from_fields, trace_id_in
from otel_savetrace.logs.envelope import unwrapped

ASKED_EARLY = re.compile(
    rb"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] \"([A-Z]{3,20}) (/[^ ?\"\\]{0,2000})[ ?]"
)
"""Method and path in a line of the combined format, found without reading all of it."""

_TIME = re.compile(r"\[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d(?:\.\d{1,6})?(?: [+-]\d{4})?\] ")
_ASKED = re.compile(r'"((?:[^"\\]|\\.){0,16384})" (\d{3}) (\d{1,18}|-)(?= |$)')
_QUOTED = re.compile(r' ?"((?:[^"\\]|\\.){0,16384})"')
_NAMED = re.compile(r'([A-Za-z_]\w{0,40})[=:](?:"((?:[^"\\]|\\.){0,512})"|([^\s",]{1,512}))')

_HAPROXY = re.compile(
    r"(?P<backend>[^\s/]{1,256})/(?P<server>\S{1,256}) (?:-?\d{1,9}/){4}\+?(?P<total>-?\d{1,9})"
    r" (?P<status>-?\d{1,3}) \+?\d{1,18} \S{1,512} \S{1,512} (?P<flags>[\w-]{4}) "
)
_LAST_QUOTED = re.compile(r'"([^"]{1,16384})"?$')

_SHORT: Mapping[str, str] = {
    "cl": "content_length", "rid": "request_id", "rl": "request_length", "rt": "request_time",
    "uht": "upstream_header_time", "upstream": "upstream_addr", "urt": "upstream_response_time",
    "us": "upstream_status",
}  # fmt: skip
"""Short names that people give to what they add to the combined format."""

_ENDED_BY_HAPROXY: Mapping[str, str] = {
    "C": "499",
    "c": "408",
    "S": "502",
    "s": "504",
    "P": "503",
    "R": "503",
}
"""Statuses for what HAProxy's first termination flag tells, where it logs none: 499 is nginx's own number.

HAProxy configuration manual, "Session state at disconnection".
"""


def read(line: bytes) -> Request | None:
    """Return the request that a line tells of; None where it is no line of an access log."""
    text, held = unwrapped(line)
    if held:
        fields = access_json.fields_of(held)
        if "traceparent" not in fields and "trace_id" not in fields:
            fields["traceparent"] = (trace_id_in(text) and text) or ""
        return from_fields(fields)
    if '"' not in text:
        return None
    found = _TIME.search(text)
    if found is None:
        return None
    before, time, after = text[: found.start()], found[0], text[found.end() :]
    return _combined(before, time, after) or _haproxy(before, time, after)


def _combined(before: str, time: str, after: str) -> Request | None:
    asked = _ASKED.match(after)
    if asked is None:
        return None
    fields = {"time_local": time, "request": asked[1], "status": asked[2]}
    who = before.split()
    if len(who) >= 3:
        fields["remote_addr"] = who[-3]
    rest = after[asked.end() :]
    referer = _QUOTED.match(rest)
    agent = _QUOTED.match(rest, referer.end()) if referer else None
    if agent is not None:
        fields["http_user_agent"] = agent[1]
        rest = rest[agent.end() :]
    for name, quoted, bare in _NAMED.findall(rest):
        told = access_json.fields_of({_SHORT.get(name, name): quoted or bare})
        fields = {**told, **fields}
    fields.setdefault("traceparent", rest)
    return from_fields(fields)


def _haproxy(before: str, time: str, after: str) -> Request | None:
    _, _, told = after.partition(" ")
    found, asked = _HAPROXY.match(told), _LAST_QUOTED.search(told)
    if found is None or asked is None:
        return None
    flags, status, total = found["flags"], found["status"], int(found["total"])
    of_its_own = flags[0] != "-"
    if not status.isdecimal() or status == "0":
        status = _ENDED_BY_HAPROXY.get(flags[0], "")
    client = (before.split() or [""])[-1].rpartition(":")[0]
    fields = {
        "request": asked[1],
        "status": status,
        "remote_addr": client,
        "request_time": f"{max(total, 0) / 1000:.3f}",
        "upstream_status": "-" if of_its_own else status,
        "upstream_header_time": "-" if of_its_own else "0",
        "upstream_addr": f"{found['backend']}/{found['server']}",
        "traceparent": told,
    }
    begun = from_fields({**fields, "time_local": time}, HAPROXY)
    if begun is None:
        return None
    # HAProxy tells when a request came, the others when it was over.
    return dataclasses.replace(begun, end=begun.end + max(total, 0) * 10**6, precision=10**6)
