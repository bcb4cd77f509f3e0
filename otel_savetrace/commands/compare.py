"""`savetrace compare`: a failed save and its retry side by side."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Sequence

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
    read_source,
    service_option,
    since_option,
    source_or_default,
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
from otel_savetrace.spans.reading import Query, Reading

DAY_NANOSECONDS = 24 * 3600 * 10**9

SAVE_ID = re.compile(r"(?P<trace>[0-9a-f]{4,32})(:(?P<span>[0-9a-f]{16}))?")
"""How a save is named: a trace id or its beginning, and the span id too where a trace holds several saves."""


@click.command(epilog=SOURCE_HELP)
@click.argument("words", nargs=-1, metavar="[SOURCE] [A B]")
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
    """Hold two saves against each other.

    A and B are trace ids, or beginnings of some. Instead of them, --storymap or --where takes the latest
    failed save that fits, and its retry; --episode takes the whole way from the first failure to the save
    that worked, and shows what came between.
    """
    selection = Selection(conditions, storymap, since_nanoseconds, service, until_nanoseconds)
    episode = None
    if of_episode:
        reading, episode = _episode(_only_source(words), _save_id(of_episode), selection)
        a, b = _ends(episode, reading)
    elif selection.names_something:
        reading, a, b = _latest_failure(_only_source(words), selection)
    else:
        reading, a, b = _named(words, selection)
    if a.span == b.span:
        raise Refusal(f"Both are the same save, of trace {a.trace_id}: give two.")
    compared = differences.compare(a, b)
    if as_json:
        document = compare_document(reading, compared)
        if episode:
            document["episode"] = episode_document(episode, reading.jaeger_address)
        click.echo(json.dumps(document, ensure_ascii=False, indent=2))
    else:
        if episode:
            Console().print(episode_view(episode))
        Console().print(comparison(compared, reading.jaeger_address), crop=False)
    tell_skipped(reading)


def _only_source(words: Sequence[str]) -> str:
    if len(words) > 1:
        raise Refusal("With --episode, --storymap or --where give the source only, and no traces.")
    return source_or_default(words[0] if words else None)


def _episode(source: str, wanted: re.Match[str], selection: Selection) -> tuple[Reading, Episode]:
    reading = read_source(source, _around(source, wanted["trace"], selection))
    found = saves(reading.spans)
    save = _the_save(found, wanted, reading, how_far(reading, selection))
    for episode in episodes(found):
        if save in episode.members:
            return reading, episode
    raise TraceNotFoundError(
        f"The save of trace {save.trace_id} {save.outcome}, and no failed save came before it in"
        f" {reading.name}: `savetrace episodes` shows those that failed."
    )


def _around(source: str, trace: str, selection: Selection) -> Query:
    """Return what to ask a source for the saves that a save may belong with: a day before and after it.

    Of a source that finds a trace by its id, that trace is read first, to know its time.
    """
    if len(trace) < WHOLE_TRACE_ID or selection.since_nanoseconds is not None:
        return selection.query
    held = read_source(source, Query(trace_ids=(trace,))).spans if "://" in source else ()
    moments = [span.start_nanoseconds for span in held if span.trace_id == trace]
    if not moments:
        return selection.query
    return dataclasses.replace(
        selection.query,
        start_nanoseconds=min(moments) - DAY_NANOSECONDS,
        end_nanoseconds=max(moments) + DAY_NANOSECONDS,
    )


def _ends(episode: Episode, reading: Reading) -> tuple[Save, Save]:
    """Return the save that failed first and the one that worked."""
    first = episode.failed[0]
    if episode.recovered_by is None:
        raise TraceNotFoundError(
            f"No save that worked followed trace {first.trace_id} in {reading.name}:"
            " give two traces to compare it with another save."
        )
    return first, episode.recovered_by


def _latest_failure(source: str, selection: Selection) -> tuple[Reading, Save, Save]:
    reading = read_source(source, selection.query)
    found = [one for one in episodes(saves(reading.spans)) if selection.fits(one.failed[-1])]
    if not found:
        looked = how_far(reading, selection)
        raise TraceNotFoundError(f"No failed save with {selection.described()} is in {source}{looked}.")
    latest = max(found, key=lambda episode: episode.failed[-1].span.start_nanoseconds)
    failed = latest.failed[-1]
    if latest.recovered_by is None:
        raise TraceNotFoundError(
            f"The latest failed save with {selection.described()} (trace {failed.trace_id}) has no successful"
            f" retry in {source}: give two traces to compare it with another save."
        )
    return reading, failed, latest.recovered_by


def _named(words: Sequence[str], selection: Selection) -> tuple[Reading, Save, Save]:
    if len(words) not in {2, 3}:
        raise Refusal("Give two traces, or --storymap ID, or --where NAME=VALUE, or --episode TRACE.")
    *given, a, b = words
    wanted = [_save_id(word) for word in (a, b)]
    source = source_or_default(given[0] if given else None)
    traces = tuple(match["trace"] for match in wanted)
    reading = read_source(source, dataclasses.replace(selection.query, trace_ids=traces))
    found = saves(reading.spans)
    looked = how_far(reading, selection) if min(map(len, traces)) < WHOLE_TRACE_ID else ""
    first, second = (_the_save(found, match, reading, looked) for match in wanted)
    return reading, first, second


def _save_id(word: str) -> re.Match[str]:
    match = SAVE_ID.fullmatch(word.lower())
    if match is None:
        raise Refusal(f"{word!r} is no trace id: give 32 hex digits, or at least the first 4 of them.")
    return match


def _the_save(found: Sequence[Save], wanted: re.Match[str], reading: Reading, looked: str) -> Save:
    trace, span = wanted["trace"], wanted["span"]
    fitting = [
        save for save in found if save.trace_id.startswith(trace) and span in {None, save.span.span_id}
    ]
    if len(fitting) == 1:
        return fitting[0]
    traces = sorted({save.trace_id for save in fitting})
    if len(traces) > 1:
        raise TraceNotFoundError(
            f"{trace} begins {len(traces)} traces in {reading.name} ({traces[0]}, {traces[1]} ...):"
            " give more digits."
        )
    if fitting:
        ids = " or ".join(f"{trace}:{save.span.span_id}" for save in fitting)
        raise TraceNotFoundError(f"Trace {trace} in {reading.name} holds {len(fitting)} saves: give {ids}.")
    if any(held.trace_id.startswith(trace) for held in reading.spans):
        raise TraceNotFoundError(
            f"Trace {trace} is in {reading.name}, but no save{f' {span}' if span else ''} is in it."
        )
    raise TraceNotFoundError(
        f"No trace {trace} is in {reading.name}{looked}: `savetrace list` shows the saves that are."
    )
