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


def limits_used(saves: Sequence[Save]) -> tuple[LimitUse, ...]:
    """Return each limit of which anything is known, the one that is most used up first."""
    largest: dict[str, dict[str, int]] = defaultdict(dict)
    refused: dict[str, int] = {}
    for save in saves:
        if has_worked(save):
            thing = named(save)
            for name, size in _sizes(save).items():
                largest[name][thing] = max(size, largest[name].get(thing, 0))
        elif save.outcome == "failed":
            for name, size in _refused(save):
                refused[name] = min(size, refused.get(name, size))
    found = [*_documented(largest, refused), *_seen(largest, refused)]
    return tuple(sorted(found, key=lambda use: (-use.largest / use.most, use.limit)))


def largest_share(held: Mapping[str, AttributeValue]) -> float | None:
    """Return the share of a limit used, of the one that is used most; None where nothing is known."""
    shares = [(integer(held.get(name)) or 0) / most for name, (_, most) in LIMITS.items() if name in held]
    return max(shares, default=None)


def _documented(largest: Mapping[str, Mapping[str, int]], refused: Sizes) -> Iterator[LimitUse]:
    for name, (said, most) in LIMITS.items():
        in_force = KEY_PART if name == attributes.KEY_LEN else name
        if largest.get(name) and not _is_seen(in_force, largest, refused):
            yield _use(said, most, largest[name])


def _seen(largest: Mapping[str, Mapping[str, int]], refused: Sizes) -> Iterator[LimitUse]:
    for name, said in SEEN.items():
        if _is_seen(name, largest, refused):
            yield _use(f"{said} (least refused)", refused[name], largest[name])


def _is_seen(name: str, largest: Mapping[str, Mapping[str, int]], refused: Sizes) -> bool:
    """Return whether a limit below the documented one was seen, and nothing that large was taken."""
    if name not in refused or not largest.get(name):
        return False
    documented = LIMITS[name][1] if name in LIMITS else refused[name]
    return max(largest[name].values()) < refused[name] <= documented


def _use(said: str, most: int, things: Mapping[str, int]) -> LimitUse:
    nearest = sorted(things.items(), key=lambda item: (-item[1], item[0]))[:MOST_THINGS]
    return LimitUse(said, "By", most, max(things.values()), tuple(nearest))


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
    if call.key:
        yield KEY_PART, max(len(part.encode()) for part in call.key.split("/"))
