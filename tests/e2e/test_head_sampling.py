"""An app that samples its traces as they begin: what a retry then knows of its failure."""

from __future__ import annotations

import requests

from otel_savetrace import attributes as attribute
from otel_savetrace.analysis.saves import saves
from otel_savetrace.demo import faults
from otel_savetrace.demo.faults import Plan, Rule
from otel_savetrace.demo.processes import LOOPBACK
from tests.fixture_app import TO_A_FILE, StartApp

STORYMAPS = [f"map-{number}" for number in range(60)]
"""At half of all traces a quarter of the pairs is recorded whole: none in one run of thirty million."""


def test_a_retry_names_none_but_recorded_failures(start_app: StartApp) -> None:
    """What is not sampled leaves no cookie, so that no retry leads to a trace that nobody has."""
    app = start_app(
        {
            **TO_A_FILE,
            "OTEL_SAVETRACE_COOKIE_SECRET": "the same for all workers",
            "OTEL_TRACES_SAMPLER": "traceidratio",
            "OTEL_TRACES_SAMPLER_ARG": "0.5",
        },
        plan=Plan(tuple(Rule(faults.OPERATION_ABORTED, f"storymapjs/ada/{one}/") for one in STORYMAPS)),
        options=("--workers", "2"),
    )
    cookies = 0
    with requests.Session() as browser:
        browser.trust_env = False
        for storymap in STORYMAPS:
            failed, worked = (
                browser.post(f"http://{LOOPBACK}:{app.port}/save/{storymap}", b"{}", timeout=60)
                for _ in range(2)
            )
            assert ("error" in failed.json(), "error" in worked.json()) == (True, False)
            cookies += len(failed.cookies)
    app.stop()
    made = saves(app.spans())
    failures = {save.trace_id for save in made if save.outcome == "failed"}
    retried = [save.span.attributes.get(attribute.PREVIOUS_TRACE_ID) for save in made]
    named = {trace_id for trace_id in retried if trace_id is not None}
    assert 0 < len(failures) < len(STORYMAPS)
    assert cookies == len(failures)
    assert named
    assert named <= failures
