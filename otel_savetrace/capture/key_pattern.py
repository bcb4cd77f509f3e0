"""Object keys taken apart by a pattern such as ``maps/{storymap.user_id}/{storymap.id}/{storymap.file}``."""

from __future__ import annotations

import dataclasses
import re

from otel_savetrace.attributes import REGISTRY

_PLACE = re.compile(r"\{([^{}]*)\}")
_ATTRIBUTE_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*")
_RESERVED = ("savetrace.", "otel.", "http.", "aws.", "network.", "error.", "rpc.", "url.", "server.")


def check_attribute_name(name: str) -> None:
    """Raise ValueError, with the reason, where `name` cannot be an attribute of the user's own."""
    if not _ATTRIBUTE_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not an attribute name (letters, digits, '_' and '.')")
    if name in REGISTRY or name.startswith(_RESERVED):
        raise ValueError(f"the attribute name {name!r} is taken by OpenTelemetry or otel-savetrace")


@dataclasses.dataclass(frozen=True)
class KeyPattern:
    """How keys are made. A name stands for one segment (no ``/``), at the pattern's end for all the rest."""

    text: str
    names: tuple[str, ...]
    expression: re.Pattern[str]

    @classmethod
    def parse(cls, text: str) -> KeyPattern:
        """Read a pattern; raises ValueError, with the reason, where it cannot be one."""
        literals = _PLACE.split(text)
        names = tuple(literals[1::2])
        literals = literals[0::2]
        if not names:
            raise ValueError(
                f"{text!r} names no part of a key, as in 'maps/{{storymap.id}}/{{storymap.file}}'"
            )
        if any("{" in literal or "}" in literal for literal in literals):
            raise ValueError(f"a brace in {text!r} has no partner")
        if "" in literals[1:-1]:
            raise ValueError(f"two names in {text!r} touch; put something between them")
        for name in names:
            check_attribute_name(name)
        if len(set(names)) != len(names):
            raise ValueError(f"a name stands twice in {text!r}")
        return cls(text, names, re.compile(_expression(literals), re.DOTALL))

    def take_apart(self, key: str) -> dict[str, str] | None:
        """Return the parts of `key` by attribute name, or None where the pattern does not fit."""
        fit = self.expression.fullmatch(key)
        return dict(zip(self.names, fit.groups(), strict=True)) if fit else None


def _expression(literals: list[str]) -> str:
    *before, last = map(re.escape, literals)
    rest = "(.+)" if not last else "([^/]+?)"
    return "([^/]+?)".join(before) + rest + last
