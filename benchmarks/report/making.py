"""Many spans out of few: those that the demo captured, again and again with other ids, times and users.

What is multiplied went through the real capture path, so that each line is as long, as wide and as mixed as
production's. Rounds in which everything works are put between, until one save in fifty fails.
"""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

FAILED_SHARE = 0.02
"""Share of saves that fail, or less where fewer do in what is multiplied."""

OUTCOME = re.compile(rb'"savetrace\.outcome","value":\{"stringValue":"(\w+)"')

BATCH = 512
"""Spans a line: OpenTelemetry's batch processor hands over so many at most."""

ROUND_NANOSECONDS = 60 * 10**9
IDS = re.compile(rb'"(?:[0-9a-f]{32}|[0-9a-f]{16})"')
TIMES = re.compile(rb'(?<=TimeUnixNano":")\d{19}(?=")')
USER = re.compile(rb'(?<="key":"storymap\.user_id","value":\{"stringValue":")[^"]*(?=")')


@dataclasses.dataclass(frozen=True)
class Place:
    """Below what a span stands: its resource and its scope, as JSON."""

    resource: bytes
    scope: bytes


@dataclasses.dataclass(frozen=True)
class Template:
    """A span as JSON, in pieces between what changes from copy to copy: ids, times and user names."""

    place: Place
    pieces: Sequence[bytes]
    changing: Sequence[tuple[str, bytes]]

    def copy(self, number: int, shift: int, ids: Mapping[bytes, bytes]) -> bytes:
        """Return the span of one more copy, `shift` nanoseconds later."""
        made = [self.pieces[0]]
        for (kind, text), piece in zip(self.changing, self.pieces[1:], strict=True):
            if kind == "id":
                made.append(ids[text])
            elif kind == "time":
                made.append(b"%d" % (int(text) + shift))
            else:
                made.append(b"%b-%d" % (text, number))
            made.append(piece)
        return b"".join(made)


def make(seed: Path, target: Path, spans: int) -> int:
    """Write at least `spans` spans to `target`, multiplied from those of the file `seed`; return how many."""
    whole, quiet = _templates(seed)
    every = _rounds(seed)
    written = 0
    with target.open("wb") as file:
        for number in itertools.count():
            story = quiet if number % every else whole
            for batch in _batches(_copies(story, number)):
                file.write(_line(batch))
                written += len(batch)
                if written >= spans:
                    return written
    return written


def _rounds(seed: Path) -> int:
    """Return of how many rounds one must have failures, for as many as are wanted in all."""
    outcomes = OUTCOME.findall(seed.read_bytes())
    return max(round(outcomes.count(b"failed") / len(outcomes) / FAILED_SHARE), 1)


def _templates(seed: Path) -> tuple[list[Template], list[Template]]:
    """Return all spans of the seed in order, and those of the saves that worked at once."""
    found: list[tuple[str, Template]] = []
    troubled: set[str] = set()
    with seed.open("rb") as lines:
        for line in lines:
            for place, span in _spans(orjson.loads(line)):
                text = orjson.dumps(span)
                found.append((span["traceId"], _template(place, text)))
                if span.get("status", {}).get("code") == 2 or span.get("links") or b'"failed"' in text:
                    troubled.add(span["traceId"])
    return [one for _, one in found], [one for trace, one in found if trace not in troubled]


def _spans(entry: Mapping[str, Any]) -> Iterator[tuple[Place, dict[str, Any]]]:
    for resource in entry["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            place = Place(orjson.dumps(resource["resource"]), orjson.dumps(scope["scope"]))
            for span in scope["spans"]:
                yield place, span


def _template(place: Place, span: bytes) -> Template:
    changes = sorted(
        (*((one.start() + 1, one.end() - 1, "id") for one in IDS.finditer(span)),
         *((one.start(), one.end(), "time") for one in TIMES.finditer(span)),
         *((one.start(), one.end(), "user") for one in USER.finditer(span)))
    )  # fmt: skip
    pieces, end = [], 0
    for start, after, _ in changes:
        pieces.append(span[end:start])
        end = after
    return Template(
        place, (*pieces, span[end:]), tuple((kind, span[start:after]) for start, after, kind in changes)
    )


def _copies(story: Sequence[Template], number: int) -> Iterator[tuple[Place, bytes]]:
    ids: dict[bytes, bytes] = _OtherIds(number)
    for template in story:
        yield template.place, template.copy(number, number * ROUND_NANOSECONDS, ids)


class _OtherIds(dict[bytes, bytes]):
    """The id that stands in one copy for each id of the seed, of the same length."""

    def __init__(self, number: int) -> None:
        self._salt = number.to_bytes(8, "big")

    def __missing__(self, seen: bytes) -> bytes:
        made = hashlib.blake2b(seen, digest_size=len(seen) // 2, key=self._salt).hexdigest().encode()
        self[seen] = made
        return made


def _batches(spans: Iterator[tuple[Place, bytes]]) -> Iterator[list[tuple[Place, bytes]]]:
    while batch := list(itertools.islice(spans, BATCH)):
        yield batch


def _line(batch: Sequence[tuple[Place, bytes]]) -> bytes:
    """Return a line as an exporter writes it: spans below their scope, scopes below their resource."""
    resources: dict[bytes, dict[bytes, list[bytes]]] = defaultdict(lambda: defaultdict(list))
    for place, span in batch:
        resources[place.resource][place.scope].append(span)
    below = [
        b'{"resource":%b,"scopeSpans":[%b]}'
        % (resource, b",".join(b'{"scope":%b,"spans":[%b]}' % (s, b",".join(of)) for s, of in scopes.items()))
        for resource, scopes in resources.items()
    ]
    return b'{"resourceSpans":[%b]}\n' % b",".join(below)
