"""Firefox tells of saves what Chromium tells: another engine, and no hand of a test in its pages."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.demo.processes import Process, base_environment
from otel_savetrace.spans.rows import Span
from tests.browser.conftest import Site
from tests.browser.receiver import Receiver, began, path_of
from tests.fixture_real_parts import debian_program

SAVING = """<script>addEventListener("load", async () => {
  const save = (path, options) => fetch(path, {method: "POST", body: "{}", ...options})
    .then((one) => one.text(), String);
  const xhr = (path, timeout) => new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.onloadend = resolve;
    request.open("POST", path);
    request.timeout = timeout;
    request.send("{}");
  });
  await save("/save/well");
  await save("/broken/it");
  await save("/sorry/it");
  await save("/expired/it");
  await save("/waiting/slow", {signal: AbortSignal.timeout(200)});
  await xhr("/save/xhr", 0);
  await xhr("/waiting/late", 200);
  await new Promise((resolve) => jQuery.ajax("/waiting/jquery",
    {type: "POST", timeout: 200, complete: () => resolve()}));
  await Promise.all([save("/save/twice"), save("/save/twice")]);
  await save("/flaky/firefox");
  await save("/flaky/firefox");
  form.submit();
});</script>"""
"""Saves in every way, tries again at once what failed, and leaves by a form."""

SAVES = 13


@pytest.fixture
def told(site: Site, receiver: Receiver, tmp_path: Path) -> Iterator[list[Span]]:
    """What a page told that was opened in Firefox, up to the form's end."""
    program = debian_program("firefox-esr", "firefox-esr")
    profile = tmp_path / "profile"
    profile.mkdir()
    address = f"{site.address}/?{urllib.parse.urlencode({'before': SAVING})}"
    command: list[str | Path] = [program, "--headless", "--no-remote", "--profile", profile, address]
    environment = {**base_environment(), "HOME": str(tmp_path), "MOZ_CRASHREPORTER_DISABLE": "1"}
    with Process("firefox", command, environment=environment, folder=tmp_path, ready=lambda: True):
        spans = receiver.wait(lambda spans: len(spans) >= SAVES, "saves")
        yield sorted(spans, key=began)


def test_what_firefox_tells(told: list[Span], site: Site) -> None:
    """Each save has its outcome and code, and stands in one trace with the app's."""
    assert [
        (path_of(one), one.attributes[names.OUTCOME], one.attributes.get(names.ERROR_CODE)) for one in told
    ] == [
        ("/save/well", "succeeded", None),
        ("/broken/it", "failed", "502"),
        ("/sorry/it", "failed", "error_in_answer"),
        ("/expired/it", "failed", "login_redirect"),
        ("/waiting/slow", "failed", "timeout"),
        ("/save/xhr", "succeeded", None),
        ("/waiting/late", "failed", "timeout"),
        ("/waiting/jquery", "failed", "timeout"),
        ("/save/twice", "succeeded", None),
        ("/save/twice", "succeeded", None),
        ("/flaky/firefox", "failed", "503"),
        ("/flaky/firefox", "succeeded", None),
        ("/form/saved", "succeeded", None),
    ]
    *_, once, again, failed, retry, _ = told
    assert [one.attributes.get(names.BROWSER_OVERLAPPING) for one in (once, again, failed, retry)] == [
        None, 1, None, None,
    ]  # fmt: skip
    assert retry.attributes[names.PREVIOUS_SPAN_ID] == failed.span_id
    for waiting in ("slow", "late", "jquery"):
        site.release(waiting)
    for one in told[:-1]:
        assert site.served(one)[0].parent_span_id == one.span_id
