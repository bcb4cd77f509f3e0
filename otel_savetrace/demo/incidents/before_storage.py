"""Incidents that storage never hears of, or that it did as it was told in: worker, front server, user."""

from __future__ import annotations

from otel_savetrace import attributes
from otel_savetrace.demo.faults import Plan, RateLimit, Rule, SlowAnswer
from otel_savetrace.demo.incidents import cast
from otel_savetrace.demo.incidents.disturbance import Disturbance
from otel_savetrace.demo.incidents.incident import Host, Incident
from otel_savetrace.demo.nginx import Nginx

BEFORE_STORAGE = (
    Incident(
        "killed-worker",
        "The store's process hangs for four seconds, three times; gunicorn kills workers after two.",
        "process.killed",
        cast.cast(cast.an_image, steps=14),
        hosts=(Host(gunicorn=("--workers", "3", "--timeout", "2")),),
        disturbance=Disturbance("stall", 4.0, 1.0, 3),
    ),
    Incident(
        "worker-time-limit",
        "The store takes two writes in five seconds of each user; the app tries up to eight times, and"
        " gunicorn kills workers after two seconds, while they wait for their next attempt.",
        "process.killed",
        cast.cast(cast.a_draft, users=2, steps=5),
        hosts=(Host(gunicorn=("--workers", "2", "--timeout", "2"), environment={"STORAGE_ATTEMPTS": "8"}),),
        plan=Plan(rate_limit=RateLimit(per_second=0.4, burst=3)),
    ),
    Incident(
        "killed-outright",
        "Two workers are killed outright (SIGKILL), as by a kernel that has no memory left.",
        "process.killed",
        cast.cast(cast.an_image, steps=8),
        hosts=(Host(gunicorn=("--workers", "2")),),
        plan=Plan((Rule(SlowAnswer(0.4), "storymapjs/", times=None),)),
        disturbance=Disturbance("kill", 0.0, 1.2, 2, of="app"),
    ),
    Incident(
        "front-too-large",
        "nginx before the app takes bodies of 180 kB, and images come as base64: the app hears of none.",
        "front.too_large",
        cast.cast(cast.image_of_any_size, presses=2),
        conditions=(attributes.REQUEST_BODY_SIZE,),
        nginx=Nginx(body_limit=180_000),
    ),
    Incident(
        "front-timeout",
        "The store's process hangs for 2.5 seconds, twice; nginx before the app waits for one, and the app"
        " goes on and stores it.",
        "front.timeout",
        cast.cast(cast.an_image, steps=10),
        hosts=(Host(gunicorn=("--threads", "8")),),
        nginx=Nginx(timeout_seconds=1),
        disturbance=Disturbance("stall", 2.5, 0.8, 2),
    ),
    Incident(
        "user-gone",
        "Every fifth answer of the store takes two seconds; the page gives up after one, the app goes on.",
        "front.client_gone",
        cast.cast(cast.an_image, patience=1.0),
        hosts=(Host(gunicorn=("--threads", "8")),),
        plan=Plan((Rule(SlowAnswer(2.0), "storymapjs/", skip=4, times=None, every=5),)),
        nginx=Nginx(),
    ),
    Incident(
        "front-bad-gateway",
        "The app is started anew, and is not there for a second and a half: nginx before it answers 502.",
        "front.bad_gateway",
        cast.cast(cast.an_image),
        hosts=(Host(gunicorn=("--threads", "4")),),
        nginx=Nginx(),
        disturbance=Disturbance("restart", 1.5, 0.8, 1, of="app"),
    ),
    Incident(
        "queueing",
        "One worker serves one save at a time, each takes a third of a second, and there are five users: who"
        " waits for more than a second gives up.",
        "front.client_gone",
        cast.cast(cast.an_image, users=5, steps=9, pauses=(0.4, 2.2), presses=2, patience=1.0),
        conditions=(attributes.QUEUE_SECONDS, attributes.REQUESTS_IN_FLIGHT),
        hosts=(Host(gunicorn=("--workers", "1")),),
        plan=Plan((Rule(SlowAnswer(0.33), "storymapjs/", times=None),)),
        nginx=Nginx(),
    ),
)
