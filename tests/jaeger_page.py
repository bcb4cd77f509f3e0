"""What Jaeger's page makes of its configured links, and what it asks for when one is followed.

After jaeger-ui, packages/jaeger-ui/src: `model/link-patterns` fills a pattern in, `api/jaeger` (until Jaeger
2.18) and `SearchTracePage/url` with `api/v3/client` (from 2.19) ask. The page itself is not in the binaries
that the tests build.
"""

from __future__ import annotations

import dataclasses
import json
import re
import time
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from tests.fixture_jaeger import Jaeger
from tests.jaeger_query import find_traces

COMPARE = "Compare with the failed save"
OPEN_FAILED = "Open the failed save"
OPEN_FIRST = "Open the first failed save"
ALL_RETRIES = "All retries of the first failed save"
ALL_OF_STORYMAP = "All saves of this storymap"
FIND_RETRY = "Find the retry of this save"
FIND_ALL_RETRIES = "Find all retries of this save, if it was the first to fail"

BESIDE_TITLE = {FIND_RETRY, FIND_ALL_RETRIES, ALL_OF_STORYMAP}
ON_RETRY = {COMPARE, OPEN_FAILED, OPEN_FIRST, ALL_RETRIES}

_PARAMETER = re.compile(r"#\{([^{}]*)\}")
_LOOKBACK = re.compile(r"lookback=(\d+)([hdw])")
_SECONDS = {"h": 3_600, "d": 86_400, "w": 604_800}
_MICROSECONDS = 1_000_000


@dataclasses.dataclass(frozen=True)
class Link:
    """A link as the page shows it: beside an attribute, or beside the trace's title where `key` is None."""

    key: str | None
    text: str
    url: str


@dataclasses.dataclass(frozen=True)
class Page:
    """Jaeger's page of one trace.

    `additions` is how often it applies a link's ``add``: as it gathers the values and again as it fills them
    in, up to v2.20 at least; 1 stands for a page in which that is mended.
    """

    jaeger: Jaeger
    trace_id: str
    additions: int = 2

    def links(self) -> list[Link]:
        """Return every link on the page."""
        answer = self.jaeger.get_json(f"/api/traces/{self.trace_id}")
        assert answer is not None, self.trace_id
        (trace,) = answer["data"]
        patterns = served_configuration(self.jaeger)["linkPatterns"]
        return [*_beside_title(patterns, trace, self.additions), *_beside_attributes(patterns, trace)]

    def link(self, text: str) -> Link:
        """Return the one link with this text."""
        (found,) = (link for link in self.links() if link.text == text)
        return found

    def follow(self, text: str) -> set[str]:
        """Follow the one link with this text and return the traces that the next page shows."""
        return follow(self.jaeger, self.link(text).url)


def assert_walkable(jaeger: Jaeger, episode: Sequence[str]) -> None:
    """Check that from each save of an episode the links lead to the one before, the one after, and all.

    `episode` are its traces, the first failed save first.
    """
    first, *retries = episode
    for before, this, after in zip([None, *episode], episode, [*retries, None], strict=False):
        page = Page(jaeger, this)
        assert {link.text for link in page.links()} == (BESIDE_TITLE | ON_RETRY if before else BESIDE_TITLE)
        assert page.follow(FIND_RETRY) == ({after} if after else set())
        assert page.follow(FIND_ALL_RETRIES) == (set(retries) if this == first else set())
        if before:
            assert page.follow(COMPARE) == {before, this}
            assert page.link(COMPARE).url == f"trace/{before}...{this}"
            assert page.follow(OPEN_FAILED) == {before}
            assert page.follow(OPEN_FIRST) == {first}
            assert page.follow(ALL_RETRIES) == set(retries)


def served_configuration(jaeger: Jaeger) -> Mapping[str, Any]:
    """Return the configuration that stands in Jaeger's page."""
    page = (jaeger.get("/") or b"").decode()
    found = re.search(r"JAEGER_CONFIG = (?=\{)", page)
    assert found, page
    configuration, _ = json.JSONDecoder().raw_decode(page, found.end())
    return configuration  # type: ignore[no-any-return]  # read from JSON


def follow(jaeger: Jaeger, url: str) -> set[str]:
    """Ask Jaeger what the page at `url` asks for, and return the traces that it shows.

    A search is asked both ways, that of Jaeger until 2.18 and that since, which must agree.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.path.startswith("trace/"):
        ids = parts.path.removeprefix("trace/").split("...")
        return {trace_id for trace_id in ids if jaeger.get(f"/api/traces/{trace_id}") is not None}
    assert parts.path == "search"
    until_2_18 = {trace["traceID"] for trace in jaeger.get_json(f"/api/traces?{parts.query}")["data"]}
    assert _asked_since_2_19(jaeger, parts.query) == until_2_18, url
    return until_2_18


def _asked_since_2_19(jaeger: Jaeger, query: str) -> set[str]:
    asked = dict(urllib.parse.parse_qsl(query))
    if lookback := _LOOKBACK.search(query):
        end = int(time.time()) + 1
        start = end - int(lookback[1]) * _SECONDS[lookback[2]]
    else:
        # A search with one of them alone is refused.
        start, end = int(asked["start"]) // _MICROSECONDS, int(asked["end"]) // _MICROSECONDS + 1
    return find_traces(
        jaeger.process.environment["JAEGER_GRPC"],
        asked["service"],
        json.loads(asked["tags"]),
        between=(start, end),
        depth=int(asked["limit"]),
    )


def _beside_title(
    patterns: Sequence[Mapping[str, str]], trace: Mapping[str, Any], additions: int
) -> Iterator[Link]:
    known = _of_trace(trace)

    def value(parameter: str) -> Any:
        name, *formats = (part.strip() for part in parameter.split("|"))
        added = 0
        for formatting in formats:
            formatter, amount = formatting.split()
            assert formatter == "add"
            added += additions * int(amount)
        return known[name] + added if formats else known[name]

    for pattern in patterns:
        if pattern["type"] == "traces":
            yield Link(None, pattern["text"], _filled(pattern["url"], value))


def _beside_attributes(patterns: Sequence[Mapping[str, str]], trace: Mapping[str, Any]) -> Iterator[Link]:
    known = {f"trace.{name}": value for name, value in _of_trace(trace).items()}
    for span in trace["spans"]:
        own = {tag["key"]: tag["value"] for tag in span["tags"]}
        process = {tag["key"]: tag["value"] for tag in trace["processes"][span["processID"]]["tags"]}
        for pattern in patterns:
            if pattern["type"] == "tags" and pattern["key"] in own:
                # A parameter that is not known takes the link off the page; ours have all they need.
                values = {**known, **process, **own}
                yield Link(pattern["key"], pattern["text"], _filled(pattern["url"], values.__getitem__))


def _filled(template: str, value: Callable[[str], Any]) -> str:
    # encodeURIComponent leaves these.
    return _PARAMETER.sub(lambda found: urllib.parse.quote(str(value(found[1])), safe="!'()*"), template)


def _of_trace(trace: Mapping[str, Any]) -> dict[str, Any]:
    starts = [span["startTime"] for span in trace["spans"]]
    ends = [span["startTime"] + span["duration"] for span in trace["spans"]]
    return {"traceID": trace["traceID"], "startTime": min(starts), "endTime": max(ends)}
