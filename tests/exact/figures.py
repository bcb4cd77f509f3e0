"""How often a fact was what was counted elsewhere, for a table in the run's summary."""

from __future__ import annotations

import dataclasses
from collections import Counter, defaultdict
from collections.abc import Iterator

_MOST_EXAMPLES = 3


@dataclasses.dataclass
class Figures:
    """Comparisons by fact, in the order first compared; `examples` has the first differences of each."""

    title: str
    compared: Counter[str] = dataclasses.field(default_factory=Counter)
    equal: Counter[str] = dataclasses.field(default_factory=Counter)
    examples: dict[str, list[str]] = dataclasses.field(default_factory=lambda: defaultdict(list))

    def equals(self, fact: str, told: object, truth: object, about: object) -> None:
        """Compare what a span told with what was counted; `about` says of what, should they differ."""
        self.holds(fact, told == truth, f"told {told!r}, counted {truth!r}: {about}")

    def holds(self, fact: str, held: bool, otherwise: str) -> None:
        """Note whether a comparison held; `otherwise` says what it was if it did not."""
        self.compared[fact] += 1
        self.equal[fact] += held
        if not held and len(self.examples[fact]) < _MOST_EXAMPLES:
            self.examples[fact].append(otherwise)

    def differences(self) -> list[str]:
        """Return a line for each of the first differences of each fact."""
        return [f"{fact}: {example}" for fact, examples in self.examples.items() for example in examples]

    def table(self) -> Iterator[str]:
        """Yield the table's lines: fact, compared, equal, percent."""
        width = max(map(len, self.compared))
        yield f"{'fact':<{width}}  compared    equal        %"
        for fact, compared in self.compared.items():
            share = 100 * self.equal[fact] / compared
            yield f"{fact:<{width}}  {compared:>8,}  {self.equal[fact]:>7,}  {share:>7.2f}"
