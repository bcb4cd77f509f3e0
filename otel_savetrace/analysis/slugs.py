"""To how many bytes one part of a key has to be cut so that the whole stays within the limit."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from otel_savetrace import attributes
from otel_savetrace.analysis import values
from otel_savetrace.analysis.calls import Call

CUT = "…"
"""The end of a key that was recorded in part only: `attributes.S3_KEY` holds as many bytes as S3 takes."""


@dataclasses.dataclass(frozen=True, slots=True)
class PartLimit:
    """`most` bytes of the part of a key that comes after `before`, the folders that all keys begin with."""

    before: str
    most: int


@dataclasses.dataclass(frozen=True, slots=True)
class _Key:
    """A key in parts, and its length in bytes; of one that was `cut` the last part goes on."""

    parts: tuple[str, ...]
    length: int
    cut: bool

    def before(self, place: int) -> int:
        """Bytes of what stands before a part, slashes included."""
        return sum(_bytes(part) + 1 for part in self.parts[:place])

    def after(self, place: int) -> int | None:
        """Bytes of what stands after a part; None where that was cut off."""
        if self.cut and len(self.parts) == place + 1:
            return None
        return self.length - self.before(place) - _bytes(self.parts[place])


def longest_part(call: Call) -> int | None:
    """Return the bytes of the longest part of a call's key; None where the key is hidden, or was cut."""
    key = _key(call)
    return None if key is None or key.cut else max(_bytes(part) for part in key.parts)


def part_limit(failed: Iterable[Call], worked: Iterable[Call]) -> PartLimit | None:
    """Return to what the longest part of the keys has to be cut; None where it cannot be told.

    What stands before and after that part is taken to be as long as in the longest of all keys seen, those of
    saves that worked included: a slug that fits with one file has to fit with all.
    """
    too_long = [found for call in failed if (found := _key(call)) is not None]
    places = {_longest_place(one) for one in too_long}
    if len(places) != 1:
        return None
    (place,) = places
    others = [found for call in worked if (found := _key(call)) is not None and len(found.parts) > place]
    known = [*too_long, *others]
    after = max((rest for one in known if (rest := one.after(place)) is not None), default=None)
    if after is None:
        return None
    most = attributes.KEY_LIMIT - max(one.before(place) for one in known) - after
    shared = {one.parts[:place] for one in too_long}
    before = "".join(f"{part}/" for part in shared.pop()) if len(shared) == 1 else ""
    return PartLimit(before, most) if most > 0 else None


def _key(call: Call) -> _Key | None:
    key, length = call.key, values.integer(call.span.attributes.get(attributes.KEY_LEN))
    if key is None or length is None:
        return None
    held = _bytes(key)
    if held == length:
        return _Key(tuple(key.split("/")), length, cut=False)
    if not key.endswith(CUT) or held > length:
        return None  # a hash stands for it
    return _Key(tuple(key.removesuffix(CUT).split("/")), length, cut=True)


def _longest_place(key: _Key) -> int:
    lengths = [_bytes(part) for part in key.parts]
    return lengths.index(max(lengths))


def _bytes(text: str) -> int:
    # A key may hold half a character, for which UTF-8 has no bytes.
    return len(text.encode("utf-8", "surrogatepass"))
