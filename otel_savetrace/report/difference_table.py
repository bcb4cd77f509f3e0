"""What differs between two saves, what stands out in each, and what is equal, for a terminal."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from otel_savetrace import attributes
from otel_savetrace.analysis import ranking
from otel_savetrace.analysis.differences import Comparison, Difference
from otel_savetrace.analysis.notices import notices
from otel_savetrace.analysis.words import count
from otel_savetrace.report.wording import (
    ASIDE,
    NOT_TRUE,
    OUTCOME_STYLES,
    printable,
    short_name,
    use,
    value,
)
from otel_savetrace.spans.rows import AttributeValue

TOLD_ABOVE = frozenset(
    {
        *ranking.OF_THE_RETRY,
        attributes.CAUGHT_EXCEPTIONS,
        attributes.OUTCOME,
        attributes.STAGE,
        attributes.STORED,
        attributes.USER_ERROR,
    }
)
"""What stands beneath each save already."""


def what_stands_out(comparison: Comparison) -> Iterator[RenderableType]:
    """Yield what stands out in either save by itself."""
    a, b = notices(comparison.a), notices(comparison.b)
    names = [heading for heading, _ in _headings(comparison)]
    told = [
        *((names[0], said) for said in a if said not in b),
        *((names[1], said) for said in b if said not in a),
        *(("both", said) for said in a if said in b),
    ]
    if not told:
        return
    yield Text("What stands out", "bold")
    for whose, said in told:
        line = Text(f"{whose}: ", NOT_TRUE).append(printable(said), "not bold default")
        yield Padding(line, (0, 0, 0, 2), expand=False)
    yield Text()


def what_differs(comparison: Comparison, width: int) -> RenderableType:
    """Return the table of what differed before the outcome, `width` columns wide."""
    before = _with_use([found for found in comparison.differences if not found.consequence])
    if not before:
        return Text("What differs: nothing of what was recorded before the outcome.", "bold")
    table = Table(
        title="What differs", title_style="bold", title_justify="left", box=box.SIMPLE_HEAD,
        border_style=ASIDE, header_style=ASIDE, pad_edge=False, show_edge=False, width=width,
    )  # fmt: skip
    table.add_column("", ratio=4, overflow="fold")
    for heading, style in _headings(comparison):
        table.add_column(heading, ratio=3, overflow="fold", style=style)
    for found in before:
        name = Text(short_name(found.attribute))
        if found.where != "save":
            name.append(f" ({printable(found.where)})", ASIDE)
        table.add_row(name, *_values(found))
    return table


def _with_use(differences: list[Difference]) -> list[Difference]:
    """Return the differences, with a connection's use in one line where one was new and one reused."""
    at = {found.where for found in differences if found.attribute == attributes.CONNECTION}
    folded = {(found.where, found.attribute): found for found in differences}
    told = []
    for found in differences:
        if found.where in at and found.attribute in ranking.CONNECTION_USE:
            continue
        if found.attribute == attributes.CONNECTION:
            uses = [folded.get((found.where, name)) for name in ranking.CONNECTION_USE]
            a = _use(found.a, [None if one is None else one.a for one in uses])
            b = _use(found.b, [None if one is None else one.b for one in uses])
            told.append(dataclasses.replace(found, a=a, b=b))
        else:
            told.append(found)
    return told


def _use(connection: AttributeValue, known: list[AttributeValue]) -> AttributeValue:
    if connection != attributes.REUSED:
        return connection
    requests, idle, age = known
    parts = [use(str(connection), requests)]
    parts += [
        f"{said} {value(name, held)}"
        for said, name, held in (
            ("idle", attributes.CONNECTION_IDLE_SECONDS, idle),
            ("open", attributes.CONNECTION_AGE_SECONDS, age),
        )
        if held is not None
    ]
    return ", ".join(parts)


def _headings(comparison: Comparison) -> list[tuple[str, str]]:
    outcomes = [comparison.a.outcome, comparison.b.outcome]
    if outcomes[0] == outcomes[1]:
        return [(f"{outcomes[0]} (first given)", ""), (f"{outcomes[1]} (second given)", "")]
    return [(outcome, OUTCOME_STYLES[outcome]) for outcome in outcomes]


def _values(found: Difference) -> tuple[Text, Text]:
    if found.attribute == attributes.LARGEST_HEADERS:
        a, b = (str(held or "").split() for held in (found.a, found.b))
        return _words(a, b), _words(b, a)
    first, second = (Text(value(found.attribute, held)) for held in (found.a, found.b))
    described = attributes.REGISTRY.get(found.attribute)
    if described and described.unit == "By" and isinstance(found.a, int) and isinstance(found.b, int):
        second.append(f" ({found.b - found.a:+,})", ASIDE)
    return first, second


def _words(those: list[str], others: list[str]) -> Text:
    """Return the words that the others lack: of five headers one may be another."""
    return Text(printable(" ".join(word for word in those if word not in others)) or "-")


def what_is_folded(comparison: Comparison) -> Iterator[RenderableType]:
    """Yield a line each for what came with the outcome, what is equal, and what always differs."""
    yield from _line("Came with the outcome", _consequences(comparison))
    told = [
        f"{short_name(name)} {value(name, held)}"
        for name, held in comparison.equal.items()
        if ranking.is_looked_at(name)
        and name != attributes.LARGEST_HEADERS
        and name not in comparison.a.thing
    ]
    others = len(comparison.equal) - len(told)
    yield from _line("Equal in both", [*told, *([f"and {count(others, 'other')}"] if others else [])])
    yield from _line("Differs between any two requests", [short_name(name) for name in comparison.noise])


def _consequences(comparison: Comparison) -> list[str]:
    """Return what the outcome brought with it, of save and calls the save's; the outcome itself is above."""
    told: dict[str, str] = {}
    for found in comparison.differences:
        if found.attribute in ranking.CONSEQUENCES and found.attribute not in TOLD_ABOVE:
            a, b = (value(found.attribute, held) for held in (found.a, found.b))
            told.setdefault(found.attribute, f"{short_name(found.attribute)} {a} vs {b}")
    return list(told.values())


def _line(title: str, parts: list[str]) -> Iterator[RenderableType]:
    if parts:
        told = Text(f"{title}: ")
        told.append(", ".join(parts), ASIDE)
        yield told


def ids_for_support(comparison: Comparison) -> Iterator[RenderableType]:
    """Yield the store's own ids of the failure: what its support asks for first."""
    for save in (comparison.a, comparison.b):
        failing = [call for call in save.calls if call.failed]
        if not failing:
            continue
        held = failing[-1].span.attributes
        named = [("request id", attributes.REQUEST_ID), ("host id", attributes.EXTENDED_REQUEST_ID)]
        yield from _line(
            "For the store's support",
            [f"{said} {value(name, held[name])}" for said, name in named if name in held],
        )
