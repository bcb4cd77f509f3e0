"""Two saves held against each other: whether they stored the same, and the time between."""

from __future__ import annotations

from collections.abc import Iterator

from otel_savetrace.analysis.saves import Save


def same_content(a: Save, b: Save) -> bool | None:
    """Return whether two saves stored the same: hash and size are equal for each object that both wrote.

    Of a save that stored nothing the browser may know what was sent. Had it sent something else, what is
    stored might be the same for all that.
    """
    objects_a, objects_b = dict(_objects(a)), dict(_objects(b))
    shared = objects_a.keys() & objects_b.keys()
    if shared:
        return all(objects_a[name] == objects_b[name] for name in shared)
    if a.content is None or b.content is None:
        return True if a.sent is not None and a.sent == b.sent else None
    return a.content == b.content


def seconds_between(a: Save, b: Save) -> float:
    """Return the time from the end of one save to the start of another; negative where they overlap."""
    return (b.span.start_nanoseconds - a.span.end_nanoseconds) / 1e9


def _objects(save: Save) -> Iterator[tuple[tuple[str, str], tuple[str, int]]]:
    """Yield each object written and its content, the last one where a key was written again."""
    for call in save.calls:
        if call.writes and call.key and call.content:
            yield (call.operation, call.key), call.content
