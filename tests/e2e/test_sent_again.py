"""A browser that sends a save again by itself: one click and one trace, but two requests."""

from __future__ import annotations

from pathlib import Path

from playwright.sync_api import Browser

from otel_savetrace.analysis.disagreement import sayings
from otel_savetrace.analysis.saves import saves
from otel_savetrace.demo import servers
from otel_savetrace.demo.faults import Plan, Rule, SlowAnswer
from otel_savetrace.demo.nginx import LOG
from otel_savetrace.spans.sources import read_all
from tests.e2e.witnesses.relay import relay_to
from tests.e2e.witnesses.user import BROWSER_TELLS, User
from tests.fixture_app import SAMPLE, StartApp
from tests.logs.site import site_before

PLAN = Plan((Rule(SlowAnswer(2.0), "storymapjs/", skip=1),))
"""The first save goes well, and leaves a connection that has served before; the second is held back."""

NGINX_SECONDS = 60


def test_what_the_browser_sends_again_is_told_as_its_user_got_it(
    start_app: StartApp, nginx_program: Path, chromium: Browser, tmp_path: Path
) -> None:
    """A connection breaks off amid a save: nginx has a 499 and a 200, and the user saw nothing of it."""
    tracing = {**servers.tracing_to(Path("spans.jsonl")), **BROWSER_TELLS}
    app = start_app(tracing, plan=PLAN, app=SAMPLE, options=("--threads", "4"))
    with site_before(app, tmp_path / "nginx", NGINX_SECONDS) as site, relay_to(site.port) as relay:
        with chromium.new_context() as context:
            user = User(context, app, relay.port)
            user.log("in")
            editor = user.edit("broken-off")
            assert editor.save() == 200
            user.wait_until_told(saves=1)  # on a connection that is free again
            user.begin(editor)
            relay.break_off()
            assert editor.got() == 200
            user.wait_until_told(saves=2)
        app.stop()
    sources = [str(app.spans_file), str(tmp_path / "nginx" / LOG)]
    _, left, sent_again = saves(span for reading in read_all(sources) for span in reading.spans)
    assert left.trace_id == sent_again.trace_id
    assert [(save.outcome, save.stored) for save in (left, sent_again)] == [("succeeded", "yes")] * 2
    said = [dict(sayings(save)) for save in (left, sent_again)]
    assert [(one["nginx"], one["app"]) for one in said] == [("499", "200"), ("200", "200")]
    assert all(one["browser"].startswith("200 after") for one in said)
