"""What others put around a line of a log: docker, Kubernetes, journald, syslog, gunicorn, logging.

They tell when it was written, and by which process. What stands within is the line as the app wrote it.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

import orjson

from otel_savetrace.logs import times

LONGEST_LINE = 64 * 1024
"""Bytes of a line that are looked at; whoever writes longer ones wrote no save's line."""

_LONGEST_PREFIX = 400
_MOST_ENVELOPES = 3
_MESSAGES = ("log", "MESSAGE", "message", "msg", "event", "text")
_TIMES = ("time", "@timestamp", "timestamp", "asctime", "ts", "created", "__REALTIME_TIMESTAMP")
_PROCESSES = ("_PID", "pid", "process", "process_id", "SYSLOG_PID")
_HOSTS = ("_HOSTNAME", "hostname", "host")

_TRACES = ("trace_id", "otelTraceID", "traceId")

_HEX = re.compile(r"[0-9a-f]{32}")
_TRACE_ID = re.compile(r"\btrace_id=([0-9a-f]{32})\b")
_CRI = re.compile(r"\S{20,40} (?:stdout|stderr) [FP] ")
_SYSLOG_PROCESS = re.compile(r"(?:(?P<host>[\w.-]{1,255}) )?[\w./-]{1,64}\[(?P<pid>\d{1,10})\]:")
_RFC_5424 = re.compile(r"<\d{1,3}>1 \S{1,40} (?P<host>\S{1,255}) \S{1,48} (?P<pid>\d{1,10}) ")
_BRACKETED = re.compile(r"\[(?P<pid>\d{1,10})\]")


@dataclasses.dataclass(frozen=True, slots=True)
class Line:
    """A line without its envelope: `time` in nanoseconds since 1970, `process` names one on one host.

    `trace_id` is what OpenTelemetry puts before an app's own lines, in hex.
    """

    text: str
    time: int | None
    process: str | None
    trace_id: str | None = None


def opened(line: bytes, not_after: int, tag: re.Pattern[str]) -> Line:
    """Return a line without what others put around it.

    `tag` is what the app's own part begins with, if it is there: what stands before it is looked through for
    a time and a process. `not_after` is when the log was last written, in nanoseconds since 1970.
    """
    text = line[:LONGEST_LINE].decode("utf-8", "replace").rstrip("\r\n")
    held: Mapping[str, Any] = {}
    if text.startswith("{"):
        held = _object(text)
        text = next((held[name] for name in _MESSAGES if isinstance(held.get(name), str)), text)
        text = text.rstrip("\r\n")
    time, process = _time(held), _process(held)
    tagged = tag.search(text)
    begin = tagged.start() if tagged else 0
    before = text[: min(begin or _LONGEST_PREFIX, _LONGEST_PREFIX)]
    if before:
        time = _time_before(before, not_after) if time is None else time
        process = process or _process_before(before)
    trace_id = _TRACE_ID.search(before) if begin else None
    return Line(text[begin:], time, process, trace_id[1] if trace_id else _traced(held))


def unwrapped(line: bytes) -> tuple[str, Mapping[str, Any]]:
    """Return a line's text without what others put around it, and what it holds where it is a JSON object."""
    text = line[:LONGEST_LINE].decode("utf-8", "replace").rstrip("\r\n")
    held: Mapping[str, Any] = {}
    for _ in range(_MOST_ENVELOPES):
        found = _CRI.match(text)
        begins = text.find("{", found.end() if found else 0, _LONGEST_PREFIX)
        held = _object(text[begins:]) if text.endswith("}") and begins >= 0 else {}
        inner = next((held[name] for name in _MESSAGES[:2] if isinstance(held.get(name), str)), None)
        if inner is None:
            break
        text = inner.rstrip("\r\n")
    return text, held


def _object(text: str) -> Mapping[str, Any]:
    try:
        held = orjson.loads(text)
    except orjson.JSONDecodeError:
        return {}
    return held if isinstance(held, dict) else {}


def _time(held: Mapping[str, Any]) -> int | None:
    for name in _TIMES:
        value = held.get(name)
        moment = times.iso(value[:64]) if isinstance(value, str) else None
        if moment is None and isinstance(value, (int, float, str)):
            moment = times.epoch(value)
        if moment is not None:
            return moment
    return None


def _process(held: Mapping[str, Any]) -> str | None:
    pid = next((held[name] for name in _PROCESSES if str(held.get(name, "")).isdecimal()), None)
    host = next((held[name] for name in _HOSTS if isinstance(held.get(name), str)), "")
    return f"{host}:{pid}" if pid is not None else None


def _traced(held: Mapping[str, Any]) -> str | None:
    told = (str(held.get(name, "")) for name in _TRACES)
    return next((one for one in told if _HEX.fullmatch(one)), None)


def _time_before(before: str, not_after: int) -> int | None:
    for read in (times.iso, times.common_log):
        found = read(before)
        if found is not None:
            return found
    return times.syslog(before, not_after)


def _process_before(before: str) -> str | None:
    found = _RFC_5424.match(before) or _SYSLOG_PROCESS.search(before)
    if found is not None:
        return f"{found['host'] or ''}:{found['pid']}"
    bracketed = _BRACKETED.search(before)
    return f":{bracketed['pid']}" if bracketed else None
