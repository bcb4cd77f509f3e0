"""What to do next about a cause: concrete, with this data's own figures and the limit or defect behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from otel_savetrace import attributes
from otel_savetrace.analysis import advice_app, advice_client, advice_limits, advice_network, advice_storage
from otel_savetrace.analysis.advice_app import TOO_LARGE
from otel_savetrace.analysis.advice_condition import is_of_size, look_first
from otel_savetrace.analysis.case import Case
from otel_savetrace.analysis.words import count

Advice = Callable[[Case], Iterator[str]]

BY_CAUSE: Mapping[str, Advice] = {
    **advice_storage.ADVICE,
    **advice_limits.ADVICE,
    **advice_network.ADVICE,
    **advice_client.ADVICE,
    **advice_app.ADVICE,
}
"""Steps by cause; each is a sentence or two, the first says what to do."""


def advise(case: Case) -> tuple[str, ...]:
    """Return next steps, the most promising first."""
    steps = list(BY_CAUSE.get(case.cause, unexplained)(case))
    return (*steps[:1], *(() if _told(case) else look_first(case.cause, case.condition)), *steps[1:])


def _told(case: Case) -> bool:
    """Return whether a size, which is the condition, is told of already: of what an app refused for it."""
    return is_of_size(case.condition) and any(save.status_code == TOO_LARGE for save in case.failed)


def unexplained(case: Case) -> Iterator[str]:
    """What sets these saves apart, or that nothing does; whom to ask."""
    failed = f"{count(len(case.failed), 'save')} that failed with {case.codes}"
    if case.condition is not None:
        yield (
            f"Find out what goes along with {case.condition.attribute}, which sets these saves apart:"
            f" {case.codes} names no cause by itself."
        )
        if case.condition.attribute == attributes.CONNECTION and case.condition.value == attributes.REUSED:
            yield (
                "Only what comes on a reused connection fails: the request before it may have left something"
                " there. Let the store close connections after each answer, as a trial, or look at the bytes"
                " with a recording proxy."
            )
    else:
        yield (
            f"Open one beside its retry (savetrace compare): nothing that was recorded separates {failed}"
            " from those that worked. Record more of what may matter (OTEL_SAVETRACE_REQUEST_ATTRIBUTES)."
        )
    ids = case.of_attempts(attributes.REQUEST_ID)
    if ids:
        yield f"Ask whoever runs the store, with request ids such as {ids[0]} (aws.request_id of attempts)."
