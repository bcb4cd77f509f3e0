"""What the commands that read saves have in common: the source, and which saves are meant."""

from __future__ import annotations

import dataclasses
import datetime
import os
import re
import time
from collections.abc import Iterable, Mapping, Sequence

import click

from otel_savetrace import attributes
from otel_savetrace.analysis.absence import meant
from otel_savetrace.analysis.conventions import own_names
from otel_savetrace.analysis.episodes import WINDOW_SECONDS
from otel_savetrace.analysis.findings import SourceSeen
from otel_savetrace.analysis.saves import Save
from otel_savetrace.commands.refusal import Refusal
from otel_savetrace.environment_variables import OTEL_SAVETRACE_FILE
from otel_savetrace.loading.progress import Progress
from otel_savetrace.spans.jaeger_http import SAVETRACE_JAEGER_HEADERS
from otel_savetrace.spans.reading import Query, Reading, each_once
from otel_savetrace.spans.rows import AttributeValue, Span
from otel_savetrace.spans.sources import read_all

SAVETRACE_SOURCE = "SAVETRACE_SOURCE"
"""Environment variable: the source where none is given. `OTEL_SAVETRACE_FILE` comes next."""

SOURCE_HELP = f"""
SOURCE is the address of a Jaeger (http://localhost:16686), a file or folder, or - for standard input. A file
is one of OTLP JSON lines, an app's log with [SAVE_ATTEMPT] lines, or an access log of nginx, gunicorn or
HAProxy; rotated, .gz and .zst too. What several sources tell of one save is joined. Of a Jaeger the last 24
hours are read, or those before --until, unless --since says otherwise; where it wants a login, write
http://user:password@host, or its headers in {SAVETRACE_JAEGER_HEADERS}. Without SOURCE, the variable
{SAVETRACE_SOURCE} is used, else {OTEL_SAVETRACE_FILE}.
"""

IN_MEMORY = """
All spans of a source are held in memory, which takes twice to three times the bytes of a file that is not
packed; gigabytes are for savetrace report.
"""

LENGTH = re.compile(r"(?P<number>\d+(\.\d+)?)(?P<unit>[smhdw])")
UNIT_SECONDS: Mapping[str, int] = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}


def source_or_default(given: str | None, environment: Mapping[str, str] | None = None) -> str:
    """Return the source given, else the one that the environment names."""
    held = os.environ if environment is None else environment
    source = given or held.get(SAVETRACE_SOURCE) or held.get(OTEL_SAVETRACE_FILE)
    if not source:
        raise Refusal(
            "No source is given: name a Jaeger address, a file or a folder,"
            f" or set {SAVETRACE_SOURCE} or {OTEL_SAVETRACE_FILE}."
        )
    return source


def read_conditions(
    ctx: click.Context, param: click.Parameter, given: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """Return each ``NAME=VALUE`` as a pair; a value may hold further equals signs."""
    pairs = []
    for one in given:
        name, equals, wanted = one.partition("=")
        if not equals or not name:
            raise Refusal(f"--where {one} is not NAME=VALUE, such as storymap.id=my-map.")
        pairs.append((name, wanted))
    return tuple(pairs)


def read_length(ctx: click.Context, param: click.Parameter, given: str) -> float:
    """Return a length of time in seconds."""
    length = LENGTH.fullmatch(given)
    if length is None:
        raise Refusal(f"{param.opts[0]} {given} is no length of time, such as 90s, 30m or 2h.")
    return _seconds(length)


def read_time(ctx: click.Context, param: click.Parameter, given: str | None) -> int | None:
    """Return a time, or a length back from now, in nanoseconds since 1970; without a zone it is UTC."""
    if given is None:
        return None
    length = LENGTH.fullmatch(given)
    if length:
        return time.time_ns() - int(_seconds(length) * 1e9)
    try:
        moment = datetime.datetime.fromisoformat(given.replace("Z", "+00:00"))
    except ValueError:
        raise Refusal(
            f"{param.opts[0]} {given} is neither a length (90m, 24h, 7d) nor a time (2026-11-24T22:00)."
        ) from None
    in_its_zone = moment if moment.tzinfo else moment.replace(tzinfo=datetime.timezone.utc)
    return int(in_its_zone.timestamp() * 1e9)


def _seconds(length: re.Match[str]) -> float:
    return float(length["number"]) * UNIT_SECONDS[length["unit"]]


def sources_or_default(given: Sequence[str]) -> tuple[str, ...]:
    """Return the sources given, else the one that the environment names."""
    return tuple(given) or (source_or_default(None),)


def read_sources(given: tuple[str, ...], query: Query) -> list[Reading]:
    """Read every source given, or the one that the environment names; a terminal is told how far it is."""
    with Progress() as progress:
        return read_all(sources_or_default(given), query, progress.share)


def read_source(source: str, query: Query) -> Reading:
    """Read one source; a terminal is told how far it is."""
    (reading,) = read_sources((source,), query)
    return reading


def spans_of(readings: Iterable[Reading]) -> tuple[Span, ...]:
    """Return the spans of several readings, one after the other, and each once."""
    return each_once(span for reading in readings for span in reading.spans)


where_option = click.option(
    "--where", "conditions", multiple=True, callback=read_conditions, metavar="NAME=VALUE",
    help="Only saves with this attribute; repeatable.",
)  # fmt: skip
storymap_option = click.option(
    "--storymap", metavar="ID",
    help="Only saves with an attribute of your own that ends in .id and has this value.",
)  # fmt: skip
since_option = click.option(
    "--since", "since_nanoseconds", callback=read_time, metavar="TIME",
    help="Only saves since then: 24h, 7d, 2026-11-24T22:00.",
)  # fmt: skip
until_option = click.option(
    "--until", "until_nanoseconds", callback=read_time, metavar="TIME",
    help="Only saves that began before then: 2h (ago), 2026-11-24T23:00.",
)  # fmt: skip
service_option = click.option(
    "--service", metavar="NAME", help="Only saves of this service: of a Jaeger no other is read."
)
window_option = click.option(
    "--window", "window_seconds", callback=read_length, default=f"{WINDOW_SECONDS / 60:.0f}m",
    show_default=True, metavar="LENGTH", help="How long after a failure a save is still its retry: 90s, 2h.",
)  # fmt: skip
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a picture.")


@dataclasses.dataclass(frozen=True, slots=True)
class Selection:
    """Which saves are meant."""

    conditions: tuple[tuple[str, str], ...] = ()
    storymap: str | None = None
    since_nanoseconds: int | None = None
    service: str | None = None
    until_nanoseconds: int | None = None
    window_seconds: float = WINDOW_SECONDS

    @property
    def names_something(self) -> bool:
        """Whether it says which thing was saved."""
        return bool(self.conditions or self.storymap)

    @property
    def query(self) -> Query:
        """What a source is asked for: what fits, and the retries, which may fit less well."""
        naming = {
            name: wanted for name, wanted in self.conditions if _is_own(name) and attributes.names_it(name)
        }
        return Query(self.since_nanoseconds, self._last_retry, naming, self.service, thing_id=self.storymap)

    @property
    def _last_retry(self) -> int | None:
        """When the last save may begin that is a retry of one meant."""
        if self.until_nanoseconds is None:
            return None
        return self.until_nanoseconds + round(self.window_seconds * 1e9)

    def described(self) -> str:
        """Return it in words, for a sentence: ``storymap.id=my-map and …``."""
        told = [f"{name}={wanted}" for name, wanted in self.conditions]
        return " and ".join([*told, *([f"an .id of {self.storymap}"] if self.storymap else [])])

    def fits(self, save: Save) -> bool:
        """Return whether a save is meant."""
        begins = save.span.start_nanoseconds
        if self.since_nanoseconds is not None and begins < self.since_nanoseconds:
            return False
        if self.until_nanoseconds is not None and begins >= self.until_nanoseconds:
            return False
        if self.service not in {None, save.span.service}:
            return False
        held = {**save.span.attributes, **save.thing}
        if any(not _is(meant(held, name), wanted) for name, wanted in self.conditions):
            return False
        ids = [value for name, value in save.thing.items() if name.endswith(".id")]
        return self.storymap is None or self.storymap in ids


def _is(held: AttributeValue, wanted: str) -> bool:
    return held is not None and str(held) == wanted


def _is_own(name: str) -> bool:
    return bool(own_names({name: ""}))


def how_far(reading: Reading | SourceSeen, selection: Selection) -> str:
    """Return, for a sentence that something was not found, how far back was looked; empty where all was."""
    if reading.kind != "jaeger" or selection.since_nanoseconds is not None:
        return ""
    hours = "the last 24 hours" if selection.until_nanoseconds is None else "the 24 hours before --until"
    return f" of {hours} (--since reads further back)"


def tell_skipped(reading: Reading | SourceSeen) -> None:
    """Say on standard error what of a source was not read."""
    for skipped in reading.skipped:
        first = "first at " if skipped.count > 1 else "at "
        click.echo(f"Skipped {skipped.count:,} x {skipped.why} ({first}{skipped.where}).", err=True)
