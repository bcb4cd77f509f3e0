"""The lines of an episode in a terminal: each save, and how it stands to the failed one that it retries."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence

from rich.text import Text

from otel_savetrace.analysis.content import same_content, seconds_between
from otel_savetrace.analysis.disagreement import disagreement, sayings
from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.words import count, duration
from otel_savetrace.report.timeline import Marks
from otel_savetrace.report.wording import (
    ASIDE,
    NOT_TRUE,
    OUTCOME_STYLES,
    STATE_STYLES,
    UNKNOWN,
    outcome,
    printable,
    short_ids,
    stored,
    thing,
)

ENDS = {
    "abandoned": "no save that worked followed",
    "open": "the data ends too soon to say",
}

CONTENT = {True: "same content", False: "other content", None: "content not known"}

SHORTEST_TEXT = 24
"""What the user saw stands in the same line where there is so much room for it, else beneath."""

GAP = "  "


class EpisodeLines:
    """What all episodes of one print have in common: width, marks, columns, how long a trace id is."""

    def __init__(self, width: int, marks: Marks, episodes: Sequence[Episode]) -> None:
        self._width, self._marks = width, marks
        saves = [save for episode in episodes for save in episode.members]
        self._ids = short_ids(save.trace_id for save in saves)
        self._one_day = len({save.time.date() for save in saves}) == 1
        self._lines = {id(episode): list(self._lines_of(episode)) for episode in episodes}
        held = [line for lines in self._lines.values() for line in lines]
        self._columns = _Columns(*(max((part(line).cell_len for line in held), default=0) for part in _PARTS))

    def episode(self, episode: Episode) -> Iterator[Text]:
        """Yield one episode: its heading, then each save with what stands between it and the one before."""
        yield self._heading(episode)
        for line in self._lines[id(episode)]:
            if self._width >= self._columns.beside + SHORTEST_TEXT:
                yield self._beside(line)
                yield from self._told_beneath(line)
            elif self._width >= self._columns.beneath:
                yield from self._beneath(line)
            else:
                yield from (Text("  ").append_text(part) for part in line.parts() if part)

    def _heading(self, episode: Episode) -> Text:
        mark = {"recovered": self._marks.succeeded, "abandoned": self._marks.failed, "open": "?"}
        said = Text(f"{mark[episode.state]} {episode.state}", f"bold {STATE_STYLES[episode.state]}")
        if episode.seconds is not None:
            said.append(f" after {duration(max(0.0, episode.seconds))}", "not bold")
        else:
            said.append(f", {ENDS[episode.state]}", "not bold")
        last = episode.recovered_by or episode.failed[-1]
        said.append(f"  {thing(last) or thing(episode.failed[0]) or 'not recorded'}", "bold default")
        return said.append(f"  {printable(last.route)}", f"not bold {ASIDE}")

    def _lines_of(self, episode: Episode) -> Iterator[_Line]:
        by_retry = {one.retry: one for one in episode.pairs}
        by_key = {(save.trace_id, save.span.span_id): save for save in episode.members}
        for save in episode.members:
            pair = by_retry.get((save.trace_id, save.span.span_id))
            failed = by_key.get(pair.previous) if pair else None
            first = save is episode.failed[0]
            yield _Line(
                Text(f"{save.time:%H:%M:%S}" if self._one_day else f"{save.time:%Y-%m-%d %H:%M:%S}"),
                self._became(save),
                _details(save),
                Text("" if first or pair else "sent meanwhile") if failed is None else _later(failed, save),
                Text("" if failed is None else CONTENT[same_content(failed, save)], ASIDE),
                Text(pair.paired_by if pair else "", ASIDE),
                Text(f"“{printable(save.user_error)}”" if save.user_error else "", ASIDE),
                _witnesses(save),
                Text(self._ids[save.trace_id], ASIDE),
            )

    def _became(self, save: Save) -> Text:
        mark = {"failed": self._marks.failed, "succeeded": self._marks.succeeded}.get(save.outcome, "?")
        said = outcome(save) if save.answered == "yes" else Text("no answer", UNKNOWN)
        return Text(f"{mark} ", OUTCOME_STYLES[save.outcome]).append_text(said)

    def _beside(self, line: _Line) -> Text:
        columns = self._columns
        row = _row(
            (line.time, columns.time), (line.became, columns.became), (line.details, columns.details),
            (line.since, columns.since), (line.content, columns.content), (line.paired_by, columns.paired_by),
            (line.saw, self._width - columns.beside),
        )  # fmt: skip
        return row.append(GAP).append_text(line.trace)

    def _told_beneath(self, line: _Line) -> Iterator[Text]:
        rest = self._width - self._columns.time - 2 * len(GAP)
        for part in _fitting(line.told, rest):
            row = _row((Text(), self._columns.time), (part, rest))
            row.rstrip()
            yield row

    def _beneath(self, line: _Line) -> Iterator[Text]:
        columns = self._columns
        rest = self._width - columns.time - 2 * len(GAP)
        room = rest - columns.trace - len(GAP)
        told = _listed(line.became, line.details)
        fits = told.cell_len <= room
        yield (
            _row((line.time, columns.time), (told if fits else line.became, room))
            .append(GAP)
            .append_text(line.trace)
        )
        for part in (Text() if fits else line.details, line.relation, line.saw, *_fitting(line.told, rest)):
            if part:
                row = _row((Text(), columns.time), (part, rest))
                row.rstrip()
                yield row


@dataclasses.dataclass(frozen=True, slots=True)
class _Line:
    """One save, in parts: those from `since` on say how it stands to the failed save that it retries."""

    time: Text
    became: Text
    details: Text
    since: Text
    content: Text
    paired_by: Text
    saw: Text
    told: Sequence[Text]
    trace: Text

    @property
    def relation(self) -> Text:
        """How it stands to the failed save that it retries."""
        return _listed(self.since, self.content, self.paired_by)

    def parts(self) -> Iterator[Text]:
        """Yield what a terminal too narrow for columns shows, a line each."""
        yield Text(" ").join([self.time, self.became])
        yield self.details
        yield self.relation
        yield self.saw
        yield from self.told
        yield self.trace


_PARTS: Sequence[Callable[[_Line], Text]] = (
    lambda line: line.time,
    lambda line: line.became,
    lambda line: line.details,
    lambda line: line.since,
    lambda line: line.content,
    lambda line: line.paired_by,
    lambda line: line.trace,
)


@dataclasses.dataclass(frozen=True, slots=True)
class _Columns:
    """How wide each part is at its widest."""

    time: int
    became: int
    details: int
    since: int
    content: int
    paired_by: int
    trace: int

    @property
    def beside(self) -> int:
        """Columns taken where all stands in one line, without what the user saw."""
        parts = (self.time, self.became, self.details, self.since, self.content, self.paired_by, self.trace)
        return sum(parts) + len(GAP) * (len(parts) + 1)

    @property
    def beneath(self) -> int:
        """Columns taken at least where all but what became of it has lines of its own."""
        return self.time + self.became + self.trace + 3 * len(GAP)


def _row(*cells: tuple[Text, int]) -> Text:
    """Return the cells side by side, each cut or filled to its width."""
    row = Text(no_wrap=True, overflow="ignore")
    for cell, width in cells:
        fitted = cell.copy()
        fitted.truncate(width, overflow="ellipsis", pad=True)
        row.append(GAP).append_text(fitted)
    return row


def _listed(*parts: Text) -> Text:
    """Return the parts that are not empty, each as it is, with commas between."""
    listed = Text()
    for part in filter(None, parts):
        listed.append(", " if listed else "", ASIDE).append_text(part)
    return listed


def _details(save: Save) -> Text:
    said = [stored(save)]
    if save.attempts_made is not None:
        made = save.attempts_made
        said.insert(0, Text(count(made, "attempt") if made else "nothing sent", ASIDE))
    return _listed(*(part for part in said if part is not None))


def _witnesses(save: Save) -> list[Text]:
    """Return what each of several witnesses says of a save; marked where they disagree."""
    style = ASIDE if disagreement(save) is None else NOT_TRUE
    return [Text(f"{printable(who)}: {printable(what)}", style) for who, what in sayings(save)]


def _fitting(parts: Sequence[Text], room: int) -> Sequence[Text]:
    """Return the parts in one line where there is room for it, else each in its own."""
    together = _listed(*parts)
    return [together] if parts and together.cell_len <= room else parts


def _later(failed: Save, save: Save) -> Text:
    return Text(f"{duration(max(0.0, seconds_between(failed, save)))} later")
