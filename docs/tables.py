"""Writes README's tables of variables and attributes from the code that defines them.

Run with ``python -m docs.tables``. A test fails where the README is not what this would write.
"""

from __future__ import annotations

import re
from pathlib import Path

from otel_savetrace import environment_variables
from otel_savetrace.attributes import REGISTRY, Attribute

README = Path(__file__).parents[1] / "README.md"

_VARIABLE = re.compile(r'"""\n\.\. envvar:: (\w+)\n\n(.*?)\n?"""', re.DOTALL)


def variables() -> str:
    """Return the table of environment variables, from the words beside each constant."""
    source = Path(environment_variables.__file__).read_text(encoding="utf-8")
    rows = [
        f"| `{name}` | {' '.join(text.split()).replace('``', '`').replace('|', chr(92) + '|')} |"
        for name, text in _VARIABLE.findall(source)
    ]
    return "\n".join(["| variable | meaning |", "|---|---|", *rows])


def attributes() -> str:
    """Return the table of attributes, from the registry."""
    rows = [
        f"| `{one.name}` | {', '.join(one.stands_on)} | {one.type}{f', {one.unit}' if one.unit else ''} |"
        f" {one.meaning}{_absence(one)}{' *Personal.*' if one.personal else ''} |"
        for one in REGISTRY.values()
    ]
    return "\n".join(["| attribute | on | type | meaning |", "|---|---|---|---|", *rows])


def _absence(one: Attribute) -> str:
    return "" if one.absent is None else f" Absent: `{str(one.absent).lower()}`."


def with_tables(text: str) -> str:
    """Return a README with both tables made anew between their marks."""
    for mark, table in (("variables", variables()), ("attributes", attributes())):
        before, after = f"<!-- {mark} -->\n", f"\n<!-- /{mark} -->"
        between = re.compile(f"{before}.*?{after.lstrip()}", re.DOTALL)
        text, found = between.subn((before + table + after).replace("\\", r"\\"), text)
        if found != 1:
            raise ValueError(f"README has {found} places marked <!-- {mark} -->, not one")
    return text


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text(encoding="utf-8")), encoding="utf-8")
