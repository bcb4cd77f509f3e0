"""What a save is known by: who saved, what was saved, with what content."""

from __future__ import annotations

from typing import TypeAlias

from otel_savetrace import attributes
from otel_savetrace.analysis import conventions
from otel_savetrace.analysis.save import Save
from otel_savetrace.analysis.values import text

Names: TypeAlias = tuple[tuple[str, str], ...]
"""Attributes with their values, in the order of their names."""

Identity: TypeAlias = tuple[str, str, Names, Names]


def user(save: Save) -> Names:
    """Return the attributes that tell who saved; empty where none does."""
    return tuple(sorted((name, value) for name, value in save.thing.items() if attributes.names_user(name)))


def thing(save: Save) -> Names:
    """Return the attributes that tell what was saved, whoever did; empty where none does.

    Those whose names end in `id` (or `uid`, `uuid`, `guid`); where none does, all that do not name the user;
    where there is none either, bucket and key of the first object that it wrote.
    """
    rest = {
        name: value
        for name, value in save.thing.items()
        if not attributes.names_user(name) and not conventions.names_client(name)
    }
    naming = {name: value for name, value in rest.items() if attributes.names_it(name)}
    return tuple(sorted((naming or rest or _first_object(save)).items()))


def identity(save: Save) -> Identity:
    """Return what two saves of the same thing by the same user have in common, and no other two.

    Service and route, user and thing. A save of which neither is known stands alone. Where no attribute names
    a user, two people who save one thing are not told apart.
    """
    who, what = user(save), thing(save)
    alone = () if who or what else (("", f"{save.trace_id} {save.span.span_id}"),)
    return save.span.service, save.route, who, what or alone


def first_content(save: Save) -> tuple[str, int] | None:
    """Return hash and size of the first object that it wrote, else of all; `None` where it is not known.

    A save that fails half-way has not written what its retry writes in the end, but began with the same.
    """
    written = [call for call in save.calls if call.writes]
    return written[0].content or save.content if written else save.content


def agent(save: Save) -> Names:
    """Return what tells with what program it was saved: its name, and ids that the client sent of itself."""
    held = save.span.attributes
    told = {name: text(value) for name, value in held.items() if conventions.names_client(name)}
    told["user_agent.original"] = text(conventions.either(held, "user_agent.original"))
    return tuple(sorted((name, value) for name, value in told.items() if value))


def _first_object(save: Save) -> dict[str, str]:
    names = (attributes.S3_BUCKET, attributes.S3_KEY)
    holders = [*(call.span for call in save.calls if call.writes), save.span]
    for holder in holders:
        found = {name: str(holder.attributes[name]) for name in names if name in holder.attributes}
        if found:
            return found
    return {}
