"""Values, times and names as they are printed."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Iterable

from rich.text import Text

from otel_savetrace import attributes
from otel_savetrace.analysis import candidates
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.words import count, duration
from otel_savetrace.spans.rows import AttributeValue

FAILED = "red"
SUCCEEDED = "green"
UNKNOWN = "yellow"
ASIDE = "bright_black"

NOT_TRUE = "bold yellow"
"""The user was told what is not so, or not for sure."""

STORED_WORDS = {
    ("failed", attributes.YES): "yet stored",
    ("failed", attributes.UNKNOWN): "may be stored",
    ("succeeded", attributes.NO): "yet not stored",
    ("succeeded", attributes.UNKNOWN): "not confirmed",
}

OUTCOME_STYLES = {"failed": FAILED, "succeeded": SUCCEEDED, "unknown": UNKNOWN}
STATE_STYLES = {"recovered": SUCCEEDED, "abandoned": FAILED, "open": UNKNOWN}

SHORT_ID = 8
"""Digits of a trace id that are printed at least; more where two would look the same."""

MOST_LETTERS = 200
"""Of a name, a code or a message; who made it may have made it as long as they like."""

MOST_LETTERS_OF_NAME = 100
MOST_LETTERS_OF_A_STEP = 1_000
"""Of sentences, into which names and messages may have come whole."""

LONG_HASH = re.compile(r"[0-9a-f]{16,}")
"""Ids such as an MD5 sum, of which a person reads the beginning only."""


def printable(text: str) -> str:
    """Return text that does nothing to a terminal but be read.

    Keys, routes and messages are what users and servers made them: control characters in them are shown as
    escapes, so that none can move the cursor, change what stands elsewhere, or turn the line around.
    """
    return "".join(
        one if one.isprintable() else " " if one.isspace() else one.encode("unicode_escape").decode()
        for one in text
    )


def shortened(text: str, most: int = MOST_LETTERS) -> str:
    """Return text as `printable` does, and of a long one only its beginning."""
    shown = printable(text[: most + 1])
    return shown if len(text) <= most and len(shown) <= most else f"{shown[: most - 1].rstrip()}…"


def value(name: str, held: AttributeValue) -> str:
    """Return an attribute's value with its unit; a dash where it is not recorded."""
    if held is None:
        return "-"
    described = attributes.REGISTRY.get(name)
    unit = described.unit if described else ""
    if isinstance(held, (int, float)) and not isinstance(held, bool):
        if unit == "s":
            return f"-{duration(-held)}" if held < 0 else duration(held) if held else "0 s"
        if unit == "By":
            return f"{held:,} B"
    return printable(held) if isinstance(held, str) else json.dumps(held)


def use(connection: str, requests: AttributeValue) -> str:
    """Return whether a connection was new, and what it had carried: ``reused after 3 requests``."""
    if isinstance(requests, int) and requests:
        return f"{printable(connection)} after {count(requests, 'request')}"
    return printable(connection)


def short_name(name: str) -> str:
    """Return an attribute's name without the part in front that says whose it is, where it is ours."""
    return shortened(name.removeprefix("savetrace.").removeprefix(candidates.DERIVED), MOST_LETTERS_OF_NAME)


def moment(time: datetime.datetime) -> str:
    """Return a time to the second, with its zone."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"


def thing(save: Save) -> str:
    """Return what was saved in one short line, values only, the user last: ``my-map / draft.json``."""
    names = sorted(save.thing, key=lambda name: "user" in name)
    return " / ".join(without_long_ids(printable(save.thing[name])) for name in names)


def without_long_ids(text: str) -> str:
    """Return text with the beginning only of each id that nobody reads to its end."""
    return LONG_HASH.sub(lambda found: f"{found[0][:SHORT_ID]}…", text)


def outcome(save: Save) -> Text:
    """Return what became of a save: of a failed one the code tells more than the word."""
    said = save.error_code if save.outcome == "failed" else None
    return Text(printable(said or save.outcome), OUTCOME_STYLES[save.outcome])


def stored(save: Save) -> Text | None:
    """Return whether what the user was told is true of the store, where it is not, or not for sure."""
    said = STORED_WORDS.get((save.outcome, save.stored or ""))
    return None if said is None else Text(said, ASIDE if save.told_truly else NOT_TRUE)


def named_thing(save: Save) -> Text:
    """Return the route, and what was saved with its names, whole: what a person copies into a search."""
    told = Text(f"{printable(save.route)}  ")
    for name, part in save.thing.items():
        told.append(f"{printable(name)}=", ASIDE)
        told.append(f"{printable(part)}  ")
    told.rstrip()
    return told


def short_ids(trace_ids: Iterable[str]) -> dict[str, str]:
    """Return each trace id shortened to as few digits, at least eight, as tell all of them apart."""
    whole = set(trace_ids)
    length = SHORT_ID
    while len({trace_id[:length] for trace_id in whole}) < len(whole):
        length += 1
    return {trace_id: trace_id[:length] for trace_id in whole}
