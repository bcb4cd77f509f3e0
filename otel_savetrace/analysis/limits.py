"""How near saves come to documented limits, before they fail by them.

Amazon S3 user guide, "Naming Amazon S3 objects" (1,024 bytes of a key) and "User-defined object metadata"
(2,048 bytes); API reference, "PutObject" (a header section of 8,192 bytes).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from otel_savetrace import attributes
from otel_savetrace.analysis.calls import Call
from otel_savetrace.analysis.errors import named
from otel_savetrace.analysis.findings import LimitUse
from otel_savetrace.analysis.notices import HEADER_SECTION_LIMIT, METADATA_LIMIT
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.values import integer
from otel_savetrace.spans.rows import AttributeValue

LIMITS: Mapping[str, tuple[str, int]] = {
    attributes.KEY_LEN: ("object key", attributes.KEY_LIMIT),
    attributes.HEADER_SECTION_BYTES: ("header section", HEADER_SECTION_LIMIT),
    attributes.METADATA_BYTES: ("user metadata", METADATA_LIMIT),
}
"""Amazon S3's limits in bytes, by the attribute that is held against them; other stores have their own."""

MOST_THINGS = 5


def limits_used(saves: Sequence[Save]) -> tuple[LimitUse, ...]:
    """Return each limit of which anything is known, the one that is most used up first."""
    largest: dict[str, dict[str, int]] = {name: {} for name in LIMITS}
    for save in saves:
        for name, size in _sizes(save):
            things = largest[name]
            thing = named(save)
            things[thing] = max(size, things.get(thing, 0))
    found = [
        LimitUse(LIMITS[name][0], "By", LIMITS[name][1], max(things.values()), _nearest(things))
        for name, things in largest.items()
        if things
    ]
    return tuple(sorted(found, key=lambda use: -use.largest / use.most))


def largest_share(held: Mapping[str, AttributeValue]) -> float | None:
    """Return the share of a limit used, of the one that is used most; None where nothing is known."""
    shares = [(integer(held.get(name)) or 0) / most for name, (_, most) in LIMITS.items() if name in held]
    return max(shares, default=None)


def _sizes(save: Save) -> list[tuple[str, int]]:
    found: dict[str, int] = {}
    for call in save.calls:
        if call.writes:
            for name, size in _sizes_of(call):
                found[name] = max(size, found.get(name, 0))
    return list(found.items())


def _sizes_of(call: Call) -> list[tuple[str, int]]:
    told = [call.span.attributes, *(attempt.span.attributes for attempt in call.attempts)]
    sizes = [(name, integer(held.get(name))) for held in told for name in LIMITS if name in held]
    return [(name, size) for name, size in sizes if size is not None]


def _nearest(things: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    return tuple(sorted(things.items(), key=lambda item: (-item[1], item[0]))[:MOST_THINGS])
