"""Every incident that the demo can play, by name."""

from __future__ import annotations

import random

from otel_savetrace import attributes
from otel_savetrace.demo.faults import FlippedBit, Plan, RateLimit, Reset, Rule
from otel_savetrace.demo.incidents import cast
from otel_savetrace.demo.incidents.before_storage import BEFORE_STORAGE
from otel_savetrace.demo.incidents.disturbance import Disturbance
from otel_savetrace.demo.incidents.in_browser import IN_BROWSER
from otel_savetrace.demo.incidents.incident import Host, Incident
from otel_savetrace.demo.story import Author

_SECOND_HOST = (attributes.HOST_NAME, attributes.PROCESS_ID)
_SIZE = (attributes.CONTENT_SIZE, attributes.REQUEST_BODY_SIZE)
_KEY = "on-loopback-until-last-week"
# Bodies with a trailer, as botocore sends them over TLS, are an incident of their own: unread-end.
_PLAIN_BODIES = {"AWS_REQUEST_CHECKSUM_CALCULATION": "when_required"}


def _two_hosts(second: Host, *, both: dict[str, str] | None = None) -> tuple[Host, ...]:
    return Host(environment=both or {}), second


def _one_in_a_hurry(chance: random.Random) -> tuple[Author, ...]:
    """Five users at their usual pace, and one whose script imports image after image."""
    others = [
        cast.author(index, [cast.an_image(chance) for _ in range(6)], pauses=(0.8, 1.4))
        for index in range(1, 6)
    ]
    script = cast.author(0, [cast.an_image(chance) for _ in range(25)], pauses=(0.01, 0.03))
    return (script, *others)


_ALL = (
    Incident(
        "stale-connection",
        "Something between app and store forgets connections that idled for two seconds.",
        "network.stale_connection",
        cast.cast(cast.an_image, steps=8, pauses=(0.6, 2.6)),
        conditions=(attributes.CONNECTION_IDLE_SECONDS,),
        hosts=(Host(gunicorn=("--workers", "4")),),
        plan=Plan(idle_limit_seconds=2.0),
    ),
    Incident(
        "throttled",
        "The store takes two writes a second into each user's folder; one user imports images by script.",
        "storage.throttled",
        _one_in_a_hurry,
        conditions=("storymap.user_id", "storymap.id"),
        plan=Plan(rate_limit=RateLimit(per_second=2, burst=4)),
    ),
    Incident(
        "reset",
        "Something between app and store resets connections in the middle of uploads larger than 128 KiB.",
        "network.reset",
        cast.cast(cast.image_of_any_size, presses=2),
        conditions=_SIZE,
        plan=Plan((Rule(Reset("body", 65_536), times=None, body_over=131_072),)),
    ),
    Incident(
        "lost-answer",
        "Every sixth write is stored, and the connection reset before the answer is out.",
        "network.reset",
        cast.cast(cast.an_image),
        plan=Plan((Rule(Reset("answer"), "storymapjs/", skip=5, times=None, every=6),)),
    ),
    Incident(
        "checksum",
        "A proxy with a broken memory flips one bit in every sixth upload; the store compares checksums.",
        "storage.checksum",
        cast.cast(cast.an_image),
        plan=Plan((Rule(FlippedBit(), "storymapjs/", skip=5, times=None, every=6),)),
    ),
    Incident(
        "read-timeout",
        "The store's process hangs for 2.5 seconds, three times; the app's client waits for one.",
        "network.read_timeout",
        cast.cast(cast.an_image, steps=14),
        hosts=(
            Host(
                gunicorn=("--workers", "2", "--threads", "4"),
                environment={"STORAGE_TIMEOUT_SECONDS": "1"},
            ),
        ),
        disturbance=Disturbance("stall", 2.5, 0.8, 3),
    ),
    Incident(
        "refused",
        "The store is started anew three times, and is not there for a second and a half.",
        "network.refused",
        cast.cast(cast.an_image, steps=14),
        plan=None,
        disturbance=Disturbance("restart", 1.5, 0.8, 3),
    ),
    Incident(
        "dns",
        "One of two hosts was given a name for the store that nobody resolves.",
        "network.dns",
        cast.cast(cast.anything),
        conditions=(*_SECOND_HOST, attributes.ENDPOINT),
        hosts=_two_hosts(Host("app-2", store_name="s3.storage.invalid")),
    ),
    Incident(
        "tls",
        "One of two hosts does not have the certificate of the store's authority.",
        "network.tls",
        cast.cast(cast.anything),
        conditions=_SECOND_HOST,
        hosts=_two_hosts(Host("app-2", environment=_PLAIN_BODIES, trusts_store=False), both=_PLAIN_BODIES),
        tls=True,
    ),
    Incident(
        "signature",
        "The store's secret key was changed, and one of two hosts still has the old one.",
        "storage.signature",
        cast.cast(cast.anything),
        conditions=_SECOND_HOST,
        hosts=_two_hosts(Host("app-2", environment={"AWS_SECRET_ACCESS_KEY": _KEY})),
    ),
    Incident(
        "credentials",
        "The store's user was replaced, and one of two hosts still has the access key of the old one.",
        "storage.credentials",
        cast.cast(cast.anything),
        conditions=_SECOND_HOST,
        hosts=_two_hosts(Host("app-2", environment={"AWS_ACCESS_KEY_ID": "demo-of-last-week"})),
    ),
    Incident(
        "session",
        "One of two hosts was given another secret key, and knows nobody who logged in at the other.",
        "app.session",
        cast.cast(cast.anything),
        conditions=_SECOND_HOST,
        hosts=_two_hosts(
            Host("app-2", environment={"FLASK_SECRET_KEY": "the other one's"}),
            both={"FLASK_SECRET_KEY": "the first one's"},
        ),
    ),
    Incident(
        "header-too-large",
        "Images whose media type drags a history of 8 KB along; the store takes heads of 8 KiB.",
        "storage.header_too_large",
        cast.cast(cast.image_with_any_media_type, presses=2),
        conditions=(
            attributes.HEADER_BYTES,
            attributes.HEADER_SECTION_BYTES,
            attributes.LARGEST_HEADERS,
            attributes.REQUEST_BODY_SIZE,
        ),
        only_versitygw=True,
    ),
    Incident(
        "key-too-long",
        "Images whose names are captions; the store keeps them as files, whose names end at 255 bytes.",
        "storage.key_too_long",
        cast.cast(cast.image_with_any_name, presses=2, first=cast.an_image),
        conditions=(attributes.KEY_LEN, attributes.KEY_LEN_SENT, attributes.HEADER_BYTES),
    ),
    Incident(
        "store-file-limit",
        "The store's system lets no file grow beyond 128 KiB.",
        "storage.internal_error",
        cast.cast(cast.image_of_any_size, presses=2),
        conditions=_SIZE,
        largest_object=131_072,
        only_versitygw=True,
    ),
    Incident(
        "request-too-large",
        "The app takes requests of 180 kB, and images come as base64.",
        "app.rejected",
        cast.cast(cast.image_of_any_size, presses=2),
        conditions=(attributes.REQUEST_BODY_SIZE,),
        hosts=(Host(environment={"FLASK_MAX_CONTENT_LENGTH": "180000"}),),
    ),
    Incident(
        "nested-groups",
        "Drafts with groups within groups, a hundred thousand deep, which Python's JSON does not read.",
        "app.exception",
        cast.cast(cast.nested_draft, presses=2),
    ),
    Incident(
        "forked-connection",
        "The app opens its TLS connections to the store before gunicorn forks: all workers share them.",
        "client.forked_connection",
        cast.cast(cast.an_image, users=8, pauses=(0.0, 0.02)),
        conditions=(attributes.CONNECTION_PID, attributes.REQUESTS_SERVED, attributes.CONNECTION_AGE_SECONDS),
        hosts=(
            Host(
                # A user whose connection to the app stays would meet one worker only.
                gunicorn=("--workers", "4", "--threads", "4", "--preload", "--keep-alive", "0"),
                environment={
                    "STORAGE_CONNECTIONS_AT_START": "10",
                    # Whose answer another worker has read waits for it in vain.
                    "STORAGE_TIMEOUT_SECONDS": "5",
                    **_PLAIN_BODIES,
                },
            ),
        ),
        tls=True,
    ),
    Incident(
        "unread-end",
        "Nobody made this one: the store reads an upload but for its last five bytes, takes those for the"
        " next request, and answers whoever comes next on that connection: bad request.",
        "unexplained",
        cast.cast(cast.a_publication, users=8, steps=15, pauses=(0.0, 0.02)),
        conditions=(attributes.CONNECTION,),
        hosts=(Host(gunicorn=("--workers", "1", "--threads", "8")),),
        plan=None,
        tls=True,
        on_one_core=True,
        only_versitygw=True,
    ),
)

INCIDENTS = {incident.name: incident for incident in (*_ALL, *BEFORE_STORAGE, *IN_BROWSER)}
