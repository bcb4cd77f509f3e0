"""A request as an access log tells it, made of fields by the names of nginx's variables.

https://nginx.org/en/docs/varindex.html says what each variable holds.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

from otel_savetrace.logs import times

NGINX, HAPROXY, UNKNOWN_SERVER = "nginx", "haproxy", ""

NOTHING = frozenset({"", "-"})
"""How servers write that there is no value."""

_TRACEPARENT = re.compile(r"(?<![0-9a-f-])[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?![0-9a-f-])")
_X_AMZN_TRACE_ID = re.compile(r"Root=1-([0-9a-f]{8})-([0-9a-f]{24})(?![0-9a-f])")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_METHOD = re.compile(r"[A-Z]{3,20}")
_PROTOCOL = re.compile(r" HTTP/\d(?:\.\d)?$")
_ESCAPED = re.compile(r"\\x([0-9A-Fa-f]{2})")


@dataclasses.dataclass(frozen=True, slots=True)
class Request:
    """One request, as it was logged when it ended.

    `end` is in nanoseconds since 1970 and true to `precision` nanoseconds: a log that has whole seconds has
    cut off the rest. `seconds` is how long it took from its first byte to the last of its answer, where that
    is known. `path` is without its query, which may hold secrets. `trace_ids` may be those of its trace, and
    are where it is `traced`. `upstream_answered`: whether the app gave the answer itself.
    """

    server: str
    end: int
    precision: int
    seconds: float | None
    method: str
    path: str
    status: int
    trace_ids: tuple[str, ...] = ()
    request_id: str | None = None
    upstream_status: str | None = None
    upstream_answered: bool | None = None
    upstream_seconds: float | None = None
    upstream_address: str | None = None
    body_size: int | None = None
    request_bytes: int | None = None
    client: str | None = None
    agent: str | None = None
    traced: bool = False


def from_fields(fields: Mapping[str, str], server: str = UNKNOWN_SERVER) -> Request | None:
    """Return a request of what a line tells by the names of nginx's variables; None where too little is told.

    A status, a time, a method and a path there must be.
    """
    ended = _ended(fields)
    asked = _asked(fields)
    status = _integer(fields.get("status"))
    if ended is None or asked is None or status is None:
        return None
    end, precision = ended
    seconds = [_number(one) for one in re.split("[,:]", fields.get("upstream_response_time", ""))]
    known = [one for one in seconds if one is not None]
    of_nginx = server or (NGINX if fields.keys() & _ONLY_NGINX_HAS else UNKNOWN_SERVER)
    return Request(
        server=of_nginx,
        end=end,
        precision=precision,
        seconds=_number(fields.get("request_time")),
        method=asked[0],
        path=asked[1],
        status=status,
        trace_ids=_trace_ids(fields),
        request_id=_text(fields.get("request_id")),
        upstream_status=_upstream_status(fields.get("upstream_status")),
        upstream_answered=_upstream_answered(fields),
        upstream_seconds=sum(known) if known else None,
        upstream_address=_text(fields.get("upstream_addr")),
        body_size=_integer(fields.get("content_length")),
        request_bytes=_integer(fields.get("request_length")),
        client=_text(fields.get("remote_addr")),
        agent=_unescaped(_text(fields.get("http_user_agent"))),
        traced=bool(
            trace_id_in(fields.get("traceparent", "")) or _TRACE_ID.fullmatch(fields.get("trace_id", ""))
        ),
    )


_ONLY_NGINX_HAS = frozenset({"msec", "upstream_addr", "upstream_response_time", "upstream_status"})


def trace_id_in(text: str) -> str | None:
    """Return the trace id of a ``traceparent`` or an ``X-Amzn-Trace-Id`` that stands somewhere in `text`."""
    found = _TRACEPARENT.search(text)
    if found is not None:
        return found[1]
    amazons = _X_AMZN_TRACE_ID.search(text)
    return amazons[1] + amazons[2] if amazons else None


def _ended(fields: Mapping[str, str]) -> tuple[int, int] | None:
    exact = fields.get("msec")
    if exact is not None:
        moment = times.epoch(exact)
        if moment is not None:
            return moment, times.SECOND // 1000 if "." in exact else times.SECOND
    for name in ("time_iso8601", "time_local"):
        told = fields.get(name, "")[:64]
        for read in (times.iso, times.common_log, times.epoch):
            moment = read(told)
            if moment is not None:
                return moment, times.SECOND if moment % times.SECOND == 0 else times.SECOND // 1000
    return None


def _asked(fields: Mapping[str, str]) -> tuple[str, str] | None:
    method, target = fields.get("request_method"), fields.get("request_uri")
    if method is None or target is None:
        method, _, target = _PROTOCOL.sub("", fields.get("request", "")).partition(" ")
    path = _path(target)
    return (method, path) if path and _METHOD.fullmatch(method) else None


def _path(target: str) -> str:
    path = target.partition("?")[0].partition("#")[0]
    if "://" in path[:16]:
        # A proxy's absolute form.
        path = "/" + path.partition("://")[2].partition("/")[2]
    return path if path.startswith("/") else ""


def _trace_ids(fields: Mapping[str, str]) -> tuple[str, ...]:
    told = (fields.get(name, "") for name in ("trace_id", "request_id"))
    found = [
        trace_id_in(fields.get("traceparent", "")),
        *(one if _TRACE_ID.fullmatch(one) else None for one in told),
    ]
    return tuple(dict.fromkeys(one for one in found if one))


def _upstream_answered(fields: Mapping[str, str]) -> bool | None:
    """Return whether the last app server that was asked answered; None where that is not known.

    Where none did, nginx writes its own 502 or 504 in the place of that server's status: only the time at
    which a head came tells the two apart.
    """
    head = fields.get("upstream_header_time")
    if head is not None:
        return _number(_last(head)) is not None
    status = fields.get("upstream_status")
    if status is None:
        return None
    last = _last(status)
    return None if last in {"502", "504"} else last == fields.get("status")


def _last(told: str) -> str:
    return re.split("[,:]", told)[-1].strip()


def _upstream_status(told: str | None) -> str | None:
    """Return it as nginx has it: parted by commas where several were asked, `-` where none answered."""
    if told is None:
        return None
    return told.replace(" : ", ", ")[:100] if told not in NOTHING else "-"


def _text(told: str | None) -> str | None:
    return None if told is None or told in NOTHING else told[:512]


def _unescaped(told: str | None) -> str | None:
    return told and _ESCAPED.sub(lambda found: chr(int(found[1], 16)), told)


def _integer(told: str | None) -> int | None:
    return int(told) if told is not None and told.isascii() and told.isdigit() and len(told) < 19 else None


def _number(told: str | None) -> float | None:
    if told is None or not told.strip().replace(".", "", 1).isdecimal() or len(told) > 24:
        return None
    return float(told)
