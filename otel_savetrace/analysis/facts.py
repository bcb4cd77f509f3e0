"""All that is known of a save by the time that it fails or works, in one flat mapping.

Save, resource, the call that mattered and one of its attempts, each attribute under its newest name; where
two of them carry one name, the attempt's word counts before the call's, and that before the save's. And what
can be derived: the hour, the time since the last deploy, each of the largest headers, the share of a limit
that is used.
"""

from __future__ import annotations

import bisect
import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from otel_savetrace import attributes
from otel_savetrace.analysis import candidates, limits
from otel_savetrace.analysis.absence import KNOWN_WITH, meant
from otel_savetrace.analysis.calls import Attempt
from otel_savetrace.analysis.decisive import Deed, call_like, failed_call, first_attempt_alike
from otel_savetrace.analysis.differences import SAME_FACT
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.values import number, seconds, text
from otel_savetrace.spans.rows import AttributeValue, Span

Facts = Mapping[str, AttributeValue]

METHOD = attributes.REQUEST_METHOD

CLOCKS_AGREE_WITHIN_SECONDS = 1
"""The store's Date header has whole seconds (RFC 9110, 5.6.7): less tells when in a second a save came."""


@dataclasses.dataclass(frozen=True, slots=True)
class Deploys:
    """When the app came in a new version, or all its workers anew: by service, nanoseconds since 1970."""

    moments: Mapping[str, tuple[int, ...]]

    def seconds_since(self, span: Span) -> float | None:
        """Return the time since the last one before a span began; None where none was seen."""
        moments = self.moments.get(span.service, ())
        index = bisect.bisect_right(moments, span.start_nanoseconds)
        return (span.start_nanoseconds - moments[index - 1]) / 1e9 if index else None


def facts_of(save: Save, deploys: Deploys, deed: Deed | None = None) -> dict[str, AttributeValue]:
    """Return the facts of a save; of one that worked, of its call that did `deed` where it has one."""
    held: dict[str, AttributeValue] = {}
    call = failed_call(save) or call_like(save, deed)
    attempt = first_attempt_alike(call) if call else None
    held.update(_of(save.span.resource))
    held.update(_of(save.span.attributes))
    held.update(_meant(save.span.attributes))
    for span in (call.span if call else None, attempt.span if attempt else None):
        if span is not None:
            # The method is the user's, whatever goes to the store: what sent none is no other kind of save.
            held.update((name, value) for name, value in _of(span.attributes, span) if name != METHOD)
            held.update(_meant(span.attributes))
    held.update(save.thing)
    held.update(_derived(save, held, deploys))
    held.update(_headers(attempt))
    return held


def _of(
    held: Mapping[str, AttributeValue], answered: Span | None = None
) -> Iterator[tuple[str, AttributeValue]]:
    """Yield what of the attributes may be a condition; `answered` is the span that the Date came with."""
    for name, value in held.items():
        known = SAME_FACT.get(name, name)
        if known == attributes.CLOCK_SKEW_SECONDS:
            yield known, _clear_skew(value, seconds(answered) if answered else 0.0)
        elif candidates.is_candidate(known):
            yield known, value if isinstance(value, (str, int, float)) else str(value)


def _clear_skew(value: AttributeValue, took_seconds: float) -> AttributeValue:
    """Return no skew where the clocks may agree: an answer that took long to come was dated long before."""
    skew = number(value)
    if skew is None:
        return value
    behind = CLOCKS_AGREE_WITHIN_SECONDS + took_seconds
    return 0 if -behind <= skew <= CLOCKS_AGREE_WITHIN_SECONDS else value


def _meant(held: Mapping[str, AttributeValue]) -> Iterator[tuple[str, AttributeValue]]:
    for name in KNOWN_WITH:
        value = meant(held, name)
        if value is not None and candidates.is_candidate(name):
            yield name, value


def _derived(save: Save, held: Facts, deploys: Deploys) -> Iterator[tuple[str, AttributeValue]]:
    yield candidates.HOUR, save.time.hour
    yield candidates.MINUTE, save.time.minute
    since = deploys.seconds_since(save.span)
    if since is not None:
        yield candidates.SINCE_DEPLOY, since
    # Of a save that was never sent less is known, and the largest share of less is smaller.
    share = limits.largest_share(held) if limits.LIMITS.keys() <= held.keys() else None
    if share is not None:
        yield candidates.LIMIT_SHARE, share


def _headers(attempt: Attempt | None) -> Iterator[tuple[str, AttributeValue]]:
    if attempt is not None:
        told = text(attempt.span.attributes.get(attributes.LARGEST_HEADERS)) or ""
        for name, size in headers_in(told):
            yield candidates.HEADER + name.lower(), size


def headers_in(largest: str) -> Iterator[tuple[str, int]]:
    """Yield each header and its bytes of a value of `attributes.LARGEST_HEADERS`."""
    for one in largest.split():
        name, _, size = one.rpartition("=")
        if name and size.isdecimal():
            yield name, int(size)


def deploys_among(saves: Iterable[Save]) -> Deploys:
    """Return when a version of the app was first seen after another; `saves` come oldest first."""
    versions: dict[str, set[AttributeValue]] = {}
    moments: dict[str, list[int]] = {}
    for save in saves:
        version = save.span.attributes.get(attributes.APP_VERSION) or save.span.resource.get(
            attributes.APP_VERSION
        )
        if version is None:
            continue
        seen = versions.setdefault(save.span.service, set())
        if seen and version not in seen:
            moments.setdefault(save.span.service, []).append(save.span.start_nanoseconds)
        seen.add(version)
    return Deploys({service: tuple(sorted(found)) for service, found in moments.items()})
