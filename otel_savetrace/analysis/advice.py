"""What to do next about a cause: concrete, with this data's own figures and the limit or defect behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from otel_savetrace.analysis import advice_app, advice_network, advice_storage
from otel_savetrace.analysis.case import Case
from otel_savetrace.analysis.words import count

Advice = Callable[[Case], Iterator[str]]

BY_CAUSE: Mapping[str, Advice] = {**advice_storage.ADVICE, **advice_network.ADVICE, **advice_app.ADVICE}
"""Steps by cause; each is one sentence or two."""


def advise(case: Case) -> tuple[str, ...]:
    """Return next steps, the most promising first."""
    return tuple(BY_CAUSE.get(case.cause, _unexplained)(case))


def _unexplained(case: Case) -> Iterator[str]:
    if case.condition is not None:
        yield (
            f"{case.codes} is no cause that is known here. What sets these saves apart is"
            f" {case.condition.attribute}: look at what else that stands for."
        )
    else:
        yield (
            f"Nothing that was recorded separates {count(len(case.failed), 'save')} that failed with"
            f" {case.codes} from those that worked. Open a failed save beside its retry: savetrace compare."
        )
    yield "Ask whoever runs the store, with the request ids of the failed attempts (aws.request_id)."
