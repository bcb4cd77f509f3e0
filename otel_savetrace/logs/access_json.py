"""A line of an access log in JSON, whatever its fields are called.

People name them as nginx names its variables, as OpenTelemetry or Elastic name theirs, or by a word: all of
these stand for one of nginx's variables here.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping

_VARIABLES: Mapping[str, str] = {
    "msec": "msec",
    "time_iso8601": "timeiso8601 timestamp time ts date datetime",
    "time_local": "timelocal",
    "request": "request requestline",
    "request_method": "requestmethod method verb httpmethod httprequestmethod",
    "request_uri": "requesturi uri path url urlpath urloriginal requestpath httptarget",
    "status": "status statuscode responsecode responsestatus httpstatus httpresponsestatuscode",
    "request_time": "requesttime requesttimeseconds durationseconds",
    "upstream_response_time": "upstreamresponsetime upstreamtime",
    "upstream_status": "upstreamstatus",
    "upstream_header_time": "upstreamheadertime",
    "upstream_addr": "upstreamaddr upstreamaddress upstream",
    "request_length": "requestlength",
    "content_length": "contentlength httpcontentlength requestbodysize httprequestbodysize",
    "remote_addr": "remoteaddr remoteaddress remoteip clientip clientaddress client",
    "http_user_agent": "httpuseragent useragent agent useragentoriginal",
    "request_id": "requestid httpxrequestid xrequestid reqid",
    "trace_id": "traceid oteltraceid opentelemetrytraceid",
    "traceparent": "traceparent httptraceparent xamzntraceid httpxamzntraceid",
}

_BY_NAME = {name: variable for variable, names in _VARIABLES.items() for name in names.split()}
_NO_LETTER = re.compile(r"[^a-z0-9]+")
_DEEPEST = 4


def fields_of(held: Mapping[str, object]) -> dict[str, str]:
    """Return what a JSON object tells, by the names of nginx's variables."""
    found: dict[str, str] = {}
    for names, value in _leaves(held, (), _DEEPEST):
        # The whole name counts for more than its last part.
        for name in ("".join(names), names[-1]):
            variable = _BY_NAME.get(name)
            if variable is not None:
                found.setdefault(variable, value)
                break
    return found


@functools.lru_cache(maxsize=4096)  # a log names its fields alike in each line
def _letters(name: str) -> str:
    return _NO_LETTER.sub("", name.lower())


def _leaves(
    held: Mapping[str, object], above: tuple[str, ...], depth: int
) -> Iterator[tuple[tuple[str, ...], str]]:
    for name, value in held.items():
        names = (*above, _letters(str(name)))
        if isinstance(value, dict):
            if depth:
                yield from _leaves(value, names, depth - 1)
        elif isinstance(value, (str, int, float)) and not isinstance(value, bool):
            yield names, str(value)
