"""How near saves that worked come to a limit, before others fail by it.

Documented limits are Amazon S3's: user guide, "Naming Amazon S3 objects" (1,024 bytes of a key) and
"User-defined object metadata" (2,048 bytes); API reference, "PutObject" (a header section of 8,192 bytes).
Where the store, or the front server, was seen to refuse less, that limit is in force, and takes their place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from otel_savetrace import attributes
from otel_savetrace.analysis.calls import Call
from otel_savetrace.analysis.causes import cause_of
from otel_savetrace.analysis.errors import named
from otel_savetrace.analysis.findings import LimitUse
from otel_savetrace.analysis.notices import HEADER_SECTION_LIMIT, METADATA_LIMIT
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.slugs import longest_part
from otel_savetrace.analysis.troubled import has_worked
from otel_savetrace.analysis.values import integer
from otel_savetrace.spans.rows import AttributeValue

LIMITS: Mapping[str, tuple[str, int]] = {
    attributes.KEY_LEN: ("object key", attributes.KEY_LIMIT),
    attributes.HEADER_SECTION_BYTES: ("header section", HEADER_SECTION_LIMIT),
    attributes.METADATA_BYTES: ("user metadata", METADATA_LIMIT),
}
"""Amazon S3's limits in bytes, by the attribute that is held against them; other stores have their own."""

KEY_PART = "part of a key"
"""Stores that keep objects as files limit each part of a key, and refuse it as they do a key too long."""

SEEN: Mapping[str, str] = {
    KEY_PART: "part of an object key",
    attributes.HEADER_SECTION_BYTES: "header section",
    attributes.METADATA_BYTES: "user metadata",
    attributes.CONTENT_SIZE: "content of an object",
    attributes.REQUEST_BODY_SIZE: "body of a request",
}
"""What may be seen to be refused for its size."""

TOO_LARGE = 413

MOST_THINGS = 5

Sizes = Mapping[str, int]
"""The largest of each measure in one save, in bytes, by attribute."""

Sized = tuple[int, int]
"""Less than nothing by as many bytes as a save has, and its place: the largest come first."""


def limits_used(saves: Sequence[Save]) -> tuple[LimitUse, ...]:
    """Return each limit of which anything is known, the one that is most used up first."""
    taken: dict[str, list[Sized]] = defaultdict(list)
    refused: dict[str, int] = {}
    for number, save in enumerate(saves):
        if has_worked(save):
            for name, size in _sizes(save).items():
                taken[name].append((-size, number))
        elif save.outcome == "failed":
            for name, size in _refused(save):
                refused[name] = min(size, refused.get(name, size))
    found = [
        LimitUse(said, "By", most, -min(taken[name])[0], _nearest(taken[name], saves))
        for name, said, most in _in_force(taken, refused)
    ]
    return tuple(sorted(found, key=lambda use: (-use.largest / use.most, use.limit)))


def largest_share(held: Mapping[str, AttributeValue]) -> float | None:
    """Return the share of a limit used, of the one that is used most; None where nothing is known."""
    shares = [(integer(held.get(name)) or 0) / most for name, (_, most) in LIMITS.items() if name in held]
    return max(shares, default=None)


def _in_force(taken: Mapping[str, Sequence[Sized]], refused: Sizes) -> Iterator[tuple[str, str, int]]:
    """Yield each limit that is known: its measure, what it is on, and the bytes it allows."""
    for name, (said, most) in LIMITS.items():
        instead = KEY_PART if name == attributes.KEY_LEN else name
        if taken.get(name) and not _is_seen(instead, taken, refused):
            yield name, said, most
    for name, said in SEEN.items():
        if _is_seen(name, taken, refused):
            yield name, f"{said} (least refused)", refused[name]


def _is_seen(name: str, taken: Mapping[str, Sequence[Sized]], refused: Sizes) -> bool:
    """Return whether a limit below the documented one was seen, and nothing that large was taken."""
    if name not in refused or not taken.get(name):
        return False
    documented = LIMITS[name][1] if name in LIMITS else refused[name]
    return -min(taken[name])[0] < refused[name] <= documented


def _nearest(taken: Sequence[Sized], saves: Sequence[Save]) -> tuple[tuple[str, int], ...]:
    """Return the things with the largest saves; what a save is of is asked of few, since it takes long."""
    found: dict[str, int] = {}
    for size, number in sorted(taken):
        found.setdefault(named(saves[number]), -size)
        if len(found) == MOST_THINGS:
            break
    return tuple(found.items())


def _refused(save: Save) -> Iterator[tuple[str, int]]:
    """Yield the size by which a save was refused, with its measure."""
    cause, sizes = cause_of(save).name, _sizes(save)
    name = _measure(cause, save, sizes)
    if name is not None and name in sizes:
        yield name, sizes[name]


def _measure(cause: str, save: Save, sizes: Sizes) -> str | None:
    if cause == "storage.key_too_long":
        return KEY_PART if sizes.get(attributes.KEY_LEN, 0) <= attributes.KEY_LIMIT else None
    if cause == "front.too_large" or (cause == "app.rejected" and save.status_code == TOO_LARGE):
        return attributes.REQUEST_BODY_SIZE
    return {
        "storage.header_too_large": attributes.HEADER_SECTION_BYTES,
        "storage.metadata_too_large": attributes.METADATA_BYTES,
        "storage.content_too_large": attributes.CONTENT_SIZE,
    }.get(cause)


def _sizes(save: Save) -> dict[str, int]:
    found: dict[str, int] = {}
    body = integer(save.span.attributes.get(attributes.REQUEST_BODY_SIZE))
    if body is not None:
        found[attributes.REQUEST_BODY_SIZE] = body
    for call in save.calls:
        if call.writes:
            for name, size in _sizes_of(call):
                found[name] = max(size, found.get(name, 0))
    return found


def _sizes_of(call: Call) -> Iterator[tuple[str, int]]:
    measured = (*LIMITS, attributes.CONTENT_SIZE)
    for held in (call.span.attributes, *(attempt.span.attributes for attempt in call.attempts)):
        for name in measured:
            size = integer(held.get(name))
            if size is not None:
                yield name, size
    part = longest_part(call)
    if part is not None:
        yield KEY_PART, part
