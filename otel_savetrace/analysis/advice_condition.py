"""Where to look first, by the condition under which a cause strikes: a host, an address, a version."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from otel_savetrace import attributes
from otel_savetrace.analysis import candidates
from otel_savetrace.analysis.case import share_said
from otel_savetrace.analysis.findings import Condition

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

GROWS_OLD = frozenset({attributes.REQUESTS_SERVED, attributes.WORKER_AGE_SECONDS})


def is_of_size(condition: Condition | None) -> bool:
    """Return whether a cause strikes what is large: no second attempt is smaller."""
    return condition is not None and condition.attribute in LARGE and condition.operator in {">", ">="}


def look_first(cause: str, condition: Condition | None) -> Iterator[str]:
    """Yield where to look first, where the condition is a place, a time, or a size that is not all there is.

    Of what a cause is about by its very name its own steps tell.
    """
    if condition is None or candidates.is_own(condition.attribute, cause):
        return
    name, value = condition.attribute, condition.value
    shares = f"{share_said(condition.failed_share)} of the failed saves"
    others = f"{share_said(condition.succeeded_share)} of those that worked"
    if name == candidates.TIME:
        begins, _, ends = str(value).partition("/")
        yield f"Ask what was done or broke between {begins} and {ends}: {shares} began then, and {others}."
    elif name in GROWS_OLD and condition.operator in {">", ">="}:
        yield (
            f"It strikes workers that have served for long: {shares} met it so, and {others}. End workers"
            " earlier (gunicorn --max-requests), and look for what they use up."
        )
    elif is_of_size(condition) and isinstance(value, (int, float)):
        yield (
            f"Look for a limit on the size of {LARGE[name]}: {shares} had {value:,.0f} bytes or more, and"
            f" {others}."
        )
    elif condition.operator != "=":
        return
    elif name in PLACES:
        yield f"Look at {PLACES[name]} {value} first: {shares} ran there, and {others}."
    elif name in STORES:
        yield f"Look at {STORES[name]} {value} first: {shares} went there, and {others}."
    elif name == attributes.APP_VERSION:
        yield (
            f"Go back from version {value}, or hold it against the one before: {shares} ran it, and {others}."
        )
