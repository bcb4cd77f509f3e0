"""Where to look first, by the condition under which a cause strikes: a host, an address, a version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from otel_savetrace import attributes
from otel_savetrace.analysis import candidates
from otel_savetrace.analysis.case import share_said
from otel_savetrace.analysis.findings import Condition
from otel_savetrace.analysis.words import duration

PLACES: Mapping[str, str] = {
    "container.id": "container",
    "k8s.node.name": "node",
    "k8s.pod.name": "pod",
    "service.instance.id": "instance",
    attributes.HOST_NAME: "host",
    attributes.PROCESS_ID: "process",
}
"""Where an app runs, by the attributes that tell."""

STORES: Mapping[str, str] = {
    attributes.ENDPOINT: "endpoint",
    attributes.PEER_ADDRESS: "address",
    attributes.REGION: "region",
    attributes.S3_BUCKET: "bucket",
}
"""Where an object goes."""

LARGE: Mapping[str, str] = {
    attributes.CONTENT_SIZE: "content",
    attributes.KEY_LEN: "keys",
    attributes.METADATA_BYTES: "user metadata",
    attributes.HEADER_SECTION_BYTES: "header sections",
    attributes.REQUEST_BODY_SIZE: "requests",
}
"""What may be large, by the attributes that tell, all of them bytes."""

BEGINS: Mapping[str, str] = {
    attributes.RELOAD_AGE_SECONDS: "a server that was reloaded",
    attributes.SERVER_AGE_SECONDS: "a server that was started",
    attributes.WORKER_AGE_SECONDS: "a new worker",
}
"""What may not be ready yet, by the attributes that tell how old it is."""

GROWS_OLD = frozenset({attributes.REQUESTS_SERVED, attributes.WORKER_AGE_SECONDS})


def is_of_size(condition: Condition | None) -> bool:
    """Return whether a cause strikes what is large: no second attempt is smaller."""
    return condition is not None and condition.attribute in LARGE and _is_above(condition)


def _is_above(condition: Condition) -> bool:
    return condition.operator in {">", ">="}


def look_first(cause: str, condition: Condition | None) -> Iterator[str]:
    """Yield where to look first, where the condition is a place, a time, a wait, two clicks, or a size.

    Of what a cause is about by its very name its own steps tell.
    """
    if condition is None:
        return
    shares = f"{share_said(condition.failed_share)} of the failed saves"
    others = f"{share_said(condition.succeeded_share)} of those that worked"
    if condition.attribute == attributes.QUEUE_SECONDS:
        yield from _of_waiting(condition, shares, others)
    elif condition.attribute == attributes.BROWSER_OVERLAPPING:
        yield from _of_two_clicks(condition, shares, others)
    elif candidates.is_own(condition.attribute, cause):
        return
    elif condition.attribute == candidates.TIME:
        begins, _, ends = str(condition.value).partition("/")
        yield f"Ask what was done or broke between {begins} and {ends}: {shares} began then, and {others}."
    elif condition.operator == "=":
        yield from _of_value(condition, shares, others)
    else:
        yield from _of_bound(condition, shares, others)


def _of_waiting(condition: Condition, shares: str, others: str) -> Iterator[str]:
    if _is_above(condition) and isinstance(condition.value, (int, float)):
        yield (
            f"See what keeps all workers busy, or run more of them (gunicorn --workers, --threads): {shares}"
            f" had waited {duration(condition.value)} or more for one, and {others}."
        )


def _of_two_clicks(condition: Condition, shares: str, others: str) -> Iterator[str]:
    if _is_above(condition):
        yield (
            "Take no second click while a save is under way, as by a button that is disabled until its answer"
            f" is there: {shares} began while the page waited for another, and {others}."
        )


def _of_bound(condition: Condition, shares: str, others: str) -> Iterator[str]:
    name, value = condition.attribute, condition.value
    if name in GROWS_OLD and _is_above(condition):
        yield (
            f"It strikes workers that have served for long: {shares} met it so, and {others}. End workers"
            " earlier (gunicorn --max-requests), and look for what they use up."
        )
    elif not isinstance(value, (int, float)):
        return
    elif name in BEGINS and condition.operator in {"<", "<="}:
        yield (
            f"Let {BEGINS[name]} be ready before it gets requests: {shares} came within {duration(value)} of"
            f" its beginning, and {others}."
        )
    elif is_of_size(condition):
        yield (
            f"Look for a limit on the size of {LARGE[name]}: {shares} had {value:,.0f} bytes or more, and"
            f" {others}."
        )


def _of_value(condition: Condition, shares: str, others: str) -> Iterator[str]:
    name, value = condition.attribute, condition.value
    if name in PLACES:
        yield f"Look at {PLACES[name]} {value} first: {shares} ran there, and {others}."
    elif name in STORES:
        yield f"Look at {STORES[name]} {value} first: {shares} went there, and {others}."
    elif name == attributes.APP_VERSION:
        yield (
            f"Go back from version {value}, or hold it against the one before: {shares} ran it, and {others}."
        )
