"""Incidents that happen to users in the browser, who have a real one here."""

from __future__ import annotations

from otel_savetrace import attributes
from otel_savetrace.demo.faults import Plan, RateLimit, Rule, SlowAnswer
from otel_savetrace.demo.incidents import cast
from otel_savetrace.demo.incidents.disturbance import Disturbance
from otel_savetrace.demo.incidents.incident import Host, Incident
from otel_savetrace.demo.nginx import Nginx

_TAKES_ITS_TIME = Plan((Rule(SlowAnswer(1.0), "storymapjs/", times=None),))

IN_BROWSER = (
    Incident(
        "network-gone",
        "Users lose their network in the middle of a save: of its upload, or while they wait for the answer.",
        "browser.network",
        cast.in_browser("network_gone"),
        hosts=(Host(gunicorn=("--threads", "8")),),
        plan=_TAKES_ITS_TIME,
        in_browser=True,
    ),
    Incident(
        "tab-closed",
        "Users close the tab before the answer is there, and open the editor again; the app goes on.",
        "front.client_gone",
        cast.in_browser("tab_closed"),
        hosts=(Host(gunicorn=("--threads", "8")),),
        plan=_TAKES_ITS_TIME,
        nginx=Nginx(),
        in_browser=True,
    ),
    Incident(
        "page-timeout",
        "Every fourth answer of the store takes two seconds; the page waits for one, the app goes on.",
        "browser.network",
        cast.in_browser(),
        hosts=(Host(gunicorn=("--threads", "8"), environment={"FLASK_EDITOR_TIMEOUT_SECONDS": "1"}),),
        plan=Plan((Rule(SlowAnswer(2.0), "storymapjs/", skip=3, times=None, every=4),)),
        in_browser=True,
    ),
    Incident(
        "error-in-200",
        "The store is started anew, twice; the app answers 200 with an error in it, which the page shows.",
        "network.refused",
        cast.in_browser(),
        hosts=(Host(gunicorn=("--threads", "8"), environment={"STORAGE_ATTEMPTS": "1"}),),
        plan=None,
        disturbance=Disturbance("restart", 1.5, 6.0, 2),
        in_browser=True,
    ),
    Incident(
        "logged-out",
        "Users log out in another tab: the save is led to the start page, which the editor cannot read.",
        "app.session",
        cast.in_browser("logged_out"),
        hosts=(Host(gunicorn=("--threads", "8")),),
        in_browser=True,
    ),
    Incident(
        "two-clicks",
        "Users click twice, and the store takes one write of an object a second.",
        "storage.throttled",
        cast.in_browser("clicked_twice"),
        conditions=(attributes.BROWSER_OVERLAPPING, attributes.REQUESTS_IN_FLIGHT),
        hosts=(Host(gunicorn=("--threads", "8"), environment={"STORAGE_ATTEMPTS": "1"}),),
        plan=Plan(rate_limit=RateLimit(per_second=1, burst=1, each="object")),
        in_browser=True,
    ),
)
