"""versitygw's access log, of the fields of Amazon S3's own (S3 user guide, "Server access log format")."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

_LINE = re.compile(
    r"\S+ \S+ \[[^\]]*\] \S+ \S+ (?P<request_id>[A-Z0-9]{16}) s3_(?P<operation>\w+) .* (?P<target>/\S*)"
    r" (?P<status>\d{3}) (?P<code>\S+) \d+ (?P<size>\d+) \d+ \d+ - .* - (?P<host_id>\S+)(?: \S+){5} arn:"
)


class Logged(NamedTuple):
    """A request as the server logged it; `target` as sent, `size` the object's bytes."""

    request_id: str
    operation: str
    target: str
    status: int
    code: str | None
    size: int
    host_id: str


def read(path: Path) -> list[Logged]:
    """Return every request in the log, in the order answered."""
    return [_parsed(line) for line in path.read_text(encoding="utf-8").splitlines() if " s3_" in line]


def _parsed(line: str) -> Logged:
    found = _LINE.match(line)
    assert found is not None, f"a line of another form: {line}"
    fields = found.groupdict()
    code = None if fields["code"] == "-" else fields["code"]
    return Logged(
        fields["request_id"],
        fields["operation"],
        fields["target"],
        int(fields["status"]),
        code,
        int(fields["size"]),
        fields["host_id"],
    )
