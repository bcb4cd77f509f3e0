"""What is left of the saves: spans in files, nginx's logs, a Jaeger; and what they say of each ending."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any, NamedTuple

from otel_savetrace import attributes
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.spans.sources import read_all
from tests.e2e.witnesses.acting import Got
from tests.e2e.witnesses.endings import ENDINGS
from tests.fixture_jaeger import Jaeger


class Truth(NamedTuple):
    """What a span says became of a save; `who` is `browser` or `app`."""

    who: str
    outcome: str
    code: str | None
    stored: str | None


@dataclasses.dataclass(frozen=True)
class Seen:
    """A span as Jaeger has it."""

    name: str
    span_id: str
    parent_span_id: str
    held: Mapping[str, Any]

    @property
    def truth(self) -> Truth | None:
        """What it says became of a save, None of a span that says nothing of that."""
        if attributes.OUTCOME not in self.held:
            return None
        who = "browser" if attributes.BROWSER_VIA in self.held else "app"
        code, stored = (self.held.get(name) for name in (attributes.ERROR_CODE, attributes.STORED))
        return Truth(who, self.held[attributes.OUTCOME], code, stored)


def _seen(span: Mapping[str, Any]) -> Seen:
    held = {one["key"]: next(iter(one["value"].values())) for one in span["attributes"]}
    return Seen(span["name"], span["spanId"], span.get("parentSpanId", ""), held)


@dataclasses.dataclass(frozen=True)
class Told:
    """`sources` are the files for a report, `got` what the pages got."""

    sources: tuple[str, ...]
    got: Got
    jaeger: Jaeger

    @functools.cached_property
    def saves(self) -> dict[str, Save]:
        """The report's saves by their endings, which came about one after the other."""
        found = saves(span for reading in read_all(self.sources) for span in reading.spans)
        in_order = sorted(found, key=lambda save: save.span.start_nanoseconds)
        return dict(zip(ENDINGS, in_order, strict=True))

    @functools.cached_property
    def spans(self) -> dict[str, list[Seen]]:
        """What Jaeger has in the traces of the saves, by their endings, once all that is to come is there."""
        found = {}
        for name, save in self.saves.items():
            ending = ENDINGS[name]
            self.jaeger.wait_for({save.trace_id: 1 + bool(ending.app) + ending.calls}, at_least=True)
            found[name] = [_seen(span) for span in self.jaeger.spans(save.trace_id)]
        return found

    def said(self, name: str, who: str) -> Mapping[str, Any]:
        """Return what the app, or the browser, says of a save in Jaeger."""
        (held,) = (one.held for one in self.spans[name] if one.truth is not None and one.truth.who == who)
        return held
