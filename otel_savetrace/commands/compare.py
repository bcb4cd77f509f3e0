"""`savetrace compare`: a failed save and its retry side by side."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import click
from rich.console import Console

from otel_savetrace.analysis import differences
from otel_savetrace.analysis.episodes import Episode, episodes
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.commands.options import (
    SOURCE_HELP,
    Selection,
    how_far,
    json_option,
    read_sources,
    service_option,
    since_option,
    sources_or_default,
    spans_of,
    storymap_option,
    tell_skipped,
    until_option,
    where_option,
)
from otel_savetrace.commands.refusal import Refusal
from otel_savetrace.errors import TraceNotFoundError
from otel_savetrace.report.as_json import compare_document
from otel_savetrace.report.episodes_json import episode_document
from otel_savetrace.report.terminal import comparison, episode_view
from otel_savetrace.spans.jaeger import WHOLE_TRACE_ID
from otel_savetrace.spans.reading import Query, Reading, jaeger_address

DAY_NANOSECONDS = 24 * 3600 * 10**9

Readings: TypeAlias = Sequence[Reading]
"""What each of several sources gave."""

SAVE_ID = re.compile(r"(?P<trace>[0-9a-f]{4,32})(:(?P<span>[0-9a-f]{16}))?")
"""How a save is named: a trace id or its beginning, and the span id too where a trace holds several saves."""


@click.command(epilog=SOURCE_HELP)
@click.argument("words", nargs=-1, metavar="[SOURCE]... [A B]")
@click.option(
    "--episode",
    "of_episode",
    metavar="TRACE",
    help="The first failed save of the episode that this trace belongs to, and the save that worked.",
)
@where_option
@storymap_option
@service_option
@since_option
@until_option
@json_option
def compare(
    words: tuple[str, ...],
    of_episode: str | None,
    conditions: tuple[tuple[str, str], ...],
    storymap: str | None,
    service: str | None,
    since_nanoseconds: int | None,
    until_nanoseconds: int | None,
    as_json: bool,
) -> None:
    """Hold two saves against each other, as all sources tell of them.

    A and B are trace ids, or beginnings of some. Instead of them, --storymap or --where takes the latest
    failed save that fits, and its retry; --episode takes the whole way from the first failure to the save
    that worked, and shows what came between.
    """
    selection = Selection(conditions, storymap, since_nanoseconds, service, until_nanoseconds)
    episode = None
    if of_episode:
        readings, episode = _episode(_only_sources(words), _save_id(of_episode), selection)
        a, b = _ends(episode, readings)
    elif selection.names_something:
        readings, a, b = _latest_failure(_only_sources(words), selection)
    else:
        readings, a, b = _named(words, selection)
    if a.span == b.span:
        raise Refusal(f"Both are the same save, of trace {a.trace_id}: give two.")
    compared = differences.compare(a, b)
    pages = jaeger_address(readings)
    if as_json:
        document = compare_document(readings, compared)
        if episode:
            document["episode"] = episode_document(episode, pages)
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        if episode:
            Console().print(episode_view(episode))
        Console().print(comparison(compared, pages), crop=False)
    for reading in readings:
        tell_skipped(reading)


def _only_sources(words: Sequence[str]) -> tuple[str, ...]:
    if any(SAVE_ID.fullmatch(word.lower()) and not Path(word).exists() for word in words):
        raise Refusal("With --episode, --storymap or --where give sources only, and no traces.")
    return sources_or_default(words)


def _names(readings: Readings) -> str:
    return " and ".join(reading.name for reading in readings)


def _looked(readings: Readings, selection: Selection) -> str:
    return next(filter(None, (how_far(reading, selection) for reading in readings)), "")


def _episode(
    sources: tuple[str, ...], wanted: re.Match[str], selection: Selection
) -> tuple[Readings, Episode]:
    readings = read_sources(sources, _around(sources, wanted["trace"], selection))
    found = saves(spans_of(readings))
    save = _the_save(found, wanted, readings, _looked(readings, selection))
    for episode in episodes(found):
        if save in episode.members:
            return readings, episode
    raise TraceNotFoundError(
        f"The save of trace {save.trace_id} {save.outcome}, and no failed save came before it in"
        f" {_names(readings)}: `savetrace episodes` shows those that failed."
    )


def _around(sources: tuple[str, ...], trace: str, selection: Selection) -> Query:
    """Return what to ask sources for the saves that a save may belong with: a day before and after it.

    Of a source that finds a trace by its id, that trace is read first, to know its time.
    """
    if len(trace) < WHOLE_TRACE_ID or selection.since_nanoseconds is not None:
        return selection.query
    asked = tuple(source for source in sources if "://" in source)
    held = spans_of(read_sources(asked, Query(trace_ids=(trace,))) if asked else ())
    moments = [span.start_nanoseconds for span in held if span.trace_id == trace]
    if not moments:
        return selection.query
    return dataclasses.replace(
        selection.query,
        start_nanoseconds=min(moments) - DAY_NANOSECONDS,
        end_nanoseconds=max(moments) + DAY_NANOSECONDS,
    )


def _ends(episode: Episode, readings: Readings) -> tuple[Save, Save]:
    """Return the save that failed first and the one that worked."""
    first = episode.failed[0]
    if episode.recovered_by is None:
        raise TraceNotFoundError(
            f"No save that worked followed trace {first.trace_id} in {_names(readings)}:"
            " give two traces to compare it with another save."
        )
    return first, episode.recovered_by


def _latest_failure(sources: tuple[str, ...], selection: Selection) -> tuple[Readings, Save, Save]:
    readings = read_sources(sources, selection.query)
    found = [one for one in episodes(saves(spans_of(readings))) if selection.fits(one.failed[-1])]
    where = _names(readings)
    if not found:
        looked = _looked(readings, selection)
        raise TraceNotFoundError(f"No failed save with {selection.described()} is in {where}{looked}.")
    latest = max(found, key=lambda episode: episode.failed[-1].span.start_nanoseconds)
    failed = latest.failed[-1]
    if latest.recovered_by is None:
        raise TraceNotFoundError(
            f"The latest failed save with {selection.described()} (trace {failed.trace_id}) has no successful"
            f" retry in {where}: give two traces to compare it with another save."
        )
    return readings, failed, latest.recovered_by


def _named(words: Sequence[str], selection: Selection) -> tuple[Readings, Save, Save]:
    if len(words) < 2:
        raise Refusal("Give two traces, or --storymap ID, or --where NAME=VALUE, or --episode TRACE.")
    *given, a, b = words
    wanted = [_save_id(word) for word in (a, b)]
    traces = tuple(match["trace"] for match in wanted)
    readings = read_sources(tuple(given), dataclasses.replace(selection.query, trace_ids=traces))
    found = saves(spans_of(readings))
    looked = _looked(readings, selection) if min(map(len, traces)) < WHOLE_TRACE_ID else ""
    first, second = (_the_save(found, match, readings, looked) for match in wanted)
    return readings, first, second


def _save_id(word: str) -> re.Match[str]:
    match = SAVE_ID.fullmatch(word.lower())
    if match is None:
        raise Refusal(f"{word!r} is no trace id: give 32 hex digits, or at least the first 4 of them.")
    return match


def _the_save(found: Sequence[Save], wanted: re.Match[str], readings: Readings, looked: str) -> Save:
    trace, span = wanted["trace"], wanted["span"]
    where = _names(readings)
    fitting = [
        save for save in found if save.trace_id.startswith(trace) and span in {None, save.span.span_id}
    ]
    if len(fitting) == 1:
        return fitting[0]
    traces = sorted({save.trace_id for save in fitting})
    if len(traces) > 1:
        raise TraceNotFoundError(
            f"{trace} begins {len(traces)} traces in {where} ({traces[0]}, {traces[1]} ...):"
            " give more digits."
        )
    if fitting:
        ids = " or ".join(f"{trace}:{save.span.span_id}" for save in fitting)
        raise TraceNotFoundError(f"Trace {trace} in {where} holds {len(fitting)} saves: give {ids}.")
    if any(held.trace_id.startswith(trace) for held in spans_of(readings)):
        raise TraceNotFoundError(
            f"Trace {trace} is in {where}, but no save{f' {span}' if span else ''} is in it."
        )
    raise TraceNotFoundError(
        f"No trace {trace} is in {where}{looked}: `savetrace list` shows the saves that are."
    )
