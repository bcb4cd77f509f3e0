"""Which attributes may be the condition of a failure, and in which order they stand near its cause.

What failing brings with it is none: a status, a duration, a count of retries, an error's text. Neither is
what differs between any two saves: an id, a port, a hash.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence

from otel_savetrace import attributes
from otel_savetrace.analysis import conventions, ranking, witnesses

DERIVED = "derived."
"""How the names of attributes begin that no span carries, and that are made of what spans carry."""

HEADER = f"{attributes.LARGEST_HEADERS}."
"""Bytes of one of the largest headers, as an attribute; the header's name follows, in lower case."""

HOUR = f"{DERIVED}hour_of_day"
MINUTE = f"{DERIVED}minute_of_hour"
SINCE_DEPLOY = f"{DERIVED}seconds_since_deploy"
LIMIT_SHARE = f"{DERIVED}limit_share"
TIME = f"{DERIVED}time"

MEASURED_BEFORE = frozenset(
    {
        *ranking.SET,
        attributes.CLOCK_SKEW_SECONDS,
        attributes.CONNECTION_AGE_SECONDS,
        attributes.CONNECTION_IDLE_SECONDS,
        attributes.CREDENTIAL_EXPIRES_IN_SECONDS,
        attributes.QUEUE_SECONDS,
        attributes.RELOAD_AGE_SECONDS,
        attributes.SERVER_AGE_SECONDS,
        attributes.WORKER_AGE_SECONDS,
    }
)
"""Lengths of time that stand before the outcome; any other is longer or shorter by the failure itself."""

BROUGHT_BY_FAILING = frozenset(
    {
        *ranking.CONSEQUENCES,
        attributes.CONTINUE,
        attributes.COOKIE_REFUSED,
        attributes.OBJECTS,
        attributes.RESEND_COUNT,
        attributes.RETRY_ATTEMPT,
        attributes.RETRY_QUOTA_EXHAUSTED,
        "http.status_text",
        "otel.status_code",
        "otel.status_description",
        "retry_attempts",
    }
)
"""What stands on a save by how it went; the store's word on a head that was sent is an answer, too."""

IDENTIFYING = frozenset(
    {
        attributes.CONTENT_HASH,
        attributes.EXTENDED_REQUEST_ID,
        attributes.LARGEST_HEADERS,
        attributes.REQUEST_ID,
        "aws.requestId",
        "client.port",
        "http.client_port",
        "net.peer.port",
        "net.sock.peer.port",
        "process.command_args",
        "thread.id",
        "thread.name",
    }
)
"""What differs between any two saves, or says in one text what others say in parts."""

OUTCOME_NAMESPACES = frozenset({"error", "exception", "otel"})

OUTCOME_WORDS = frozenset(
    """
    answer code duration elapsed err error errors exc exception exceptions fail failed fails failure
    failures latency message msg ok outcome reason response result results retried retries retry stack
    stacktrace status succeeded success successful took traceback
    """.split()  # noqa: SIM905 - words are read more easily than quotes
)
"""Words in the names of attributes that no convention explains, and that tell how a save ended."""

NUMBERS_THAT_NAME = frozenset(
    {
        attributes.CONNECTION_PID,
        attributes.PEER_PORT,
        attributes.PROCESS_ID,
        "net.host.port",
        "process.parent_pid",
        "server.port",
    }
)
"""Numbers of which none is more than another."""

IN_ORDER = frozenset(
    {
        attributes.CONNECTION,
        attributes.CONNECTION_AGE_SECONDS,
        attributes.CONNECTION_IDLE_SECONDS,
        attributes.CONNECTION_REQUESTS,
        attributes.CREDENTIAL_EXPIRES_IN_SECONDS,
        attributes.POOL_IN_USE,
        attributes.RELOAD_AGE_SECONDS,
        attributes.REQUESTS_IN_FLIGHT,
        attributes.REQUESTS_SERVED,
        attributes.SERVER_AGE_SECONDS,
        attributes.WORKER_AGE_SECONDS,
        HOUR,
        MINUTE,
        SINCE_DEPLOY,
    }
)
"""What any second save finds otherwise than the first: a retry is no fair control for it."""

OF_THE_TIME = frozenset(
    {
        attributes.APP_VERSION,
        attributes.RELOAD_AGE_SECONDS,
        attributes.SERVER_AGE_SECONDS,
        attributes.WORKER_AGE_SECONDS,
        HOUR,
        MINUTE,
        SINCE_DEPLOY,
    }
)
"""What most saves of one moment have in common: saves near in time cannot tell."""

OWN: Mapping[str, Sequence[str]] = {
    "client.forked_connection": (attributes.CONNECTION_PID,),
    "client.pool_exhausted": (attributes.POOL_IN_USE,),
    "network.stale_connection": (attributes.CONNECTION_IDLE_SECONDS, attributes.CONNECTION),
    "storage.content_too_large": (attributes.CONTENT_SIZE, "http.request.body.size"),
    "storage.header_too_large": (HEADER, attributes.HEADER_SECTION_BYTES, attributes.HEADER_BYTES),
    "storage.key_too_long": (attributes.KEY_LEN, attributes.KEY_LEN_SENT),
    "storage.metadata_too_large": (attributes.METADATA_BYTES, HEADER, attributes.HEADER_SECTION_BYTES),
    "front.too_large": ("http.request.body.size",),
    "front.timeout": (attributes.QUEUE_SECONDS,),
    "front.client_gone": (attributes.QUEUE_SECONDS,),
}
"""What a cause is about by its very name: asked first, and for itself."""

NEARNESS: Sequence[Sequence[str]] = (
    (attributes.CONNECTION_PID, attributes.PEER_ADDRESS, attributes.PROCESS_ID),
    (
        attributes.HOST_NAME, "service.instance.id", "k8s.pod.name", "container.id",
        "http.host", "net.host.name", "net.host.port",
    ),
    (
        attributes.CONNECTION_IDLE_SECONDS, attributes.CONNECTION, attributes.CONNECTION_REQUESTS,
        attributes.CONNECTION_AGE_SECONDS, attributes.POOL_IN_USE, attributes.REQUESTS_SERVED,
        attributes.WORKER_AGE_SECONDS, attributes.SERVER_AGE_SECONDS, attributes.RELOAD_AGE_SECONDS,
    ),
    (
        attributes.CREDENTIAL_EXPIRES_IN_SECONDS, attributes.CREDENTIAL_KIND, attributes.CLOCK_SKEW_SECONDS,
        attributes.ENDPOINT, attributes.REGION, attributes.S3_BUCKET, attributes.RETRY_MODE,
        attributes.ATTEMPTS_ALLOWED, *sorted(ranking.SET), attributes.POOL_SIZE,
        attributes.SIGNATURE_VERSION, attributes.ADDRESSING_STYLE, attributes.SENT_BY,
        attributes.WORKER_CLASS,
    ),
    (attributes.APP_VERSION,),
    # What kind of save it is decides how its heads look, not the other way round.
    ("http.route",),
    (
        HEADER, attributes.METADATA_BYTES, attributes.HEADER_SECTION_BYTES, attributes.HEADER_BYTES,
        attributes.SIGNED_HEADERS,
    ),
    (attributes.KEY_LEN, attributes.KEY_LEN_SENT),
    (attributes.CONTENT_SIZE, attributes.REQUEST_BODY_SIZE),
    ("url.path",),
)  # fmt: skip
"""What stands nearest to a cause first; attributes in a row stand side by side, in their order."""

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@functools.lru_cache(maxsize=4096)
def is_candidate(name: str) -> bool:
    """Return whether an attribute may be a condition, by its name alone."""
    if (
        name in BROUGHT_BY_FAILING
        or name in IDENTIFYING
        or name in witnesses.NO_CONDITIONS
        or name.startswith("http.response")
    ):
        return False
    described = attributes.REGISTRY.get(name)
    if described is not None:
        return described.unit != "s" or name in MEASURED_BEFORE
    if name.partition(".")[0] in OUTCOME_NAMESPACES:
        return False
    return is_explained(name) or not OUTCOME_WORDS & words(name)


@functools.lru_cache(maxsize=4096)
def is_explained(name: str) -> bool:
    """Return whether it is known, by us or a convention, what an attribute is."""
    return name.startswith(DERIVED) or not conventions.own_names({name: ""})


def words(name: str) -> set[str]:
    """Return the words of a name, in lower case: ``app.lastError_text`` has last, error and text."""
    return {word.lower() for word in _WORD.findall(name)}


def nearness(name: str, cause: str) -> tuple[int, int]:
    """Return how far an attribute stands from a cause, the nearest lowest; what no list has stands last."""
    for place, own in enumerate(OWN.get(cause, ())):
        if _is(name, own):
            return -1, place
    for row, names in enumerate(NEARNESS):
        for place, known in enumerate(names):
            if _is(name, known):
                return row, place
    return len(NEARNESS), 0 if is_explained(name) else 1


def is_own(name: str, cause: str) -> bool:
    """Return whether a cause is about this attribute by its very name."""
    return any(_is(name, own) for own in OWN.get(cause, ()))


def _is(name: str, known: str) -> bool:
    return name == known or (known == HEADER and name.startswith(HEADER))
