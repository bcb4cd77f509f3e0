"""An unchanged app under gunicorn whose keys are not to be shown: none is anywhere in its file of spans."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.keys.hash import hash_of
from otel_savetrace.demo import faults
from otel_savetrace.demo.faults import Fault, Plan, Reset, Rule
from tests.commands.test_list_saves import run
from tests.fixture_app import TO_A_FILE, App, StartApp
from tests.key_forms import leaks

USER = "Ada Løvelace"
WAYS = ("publish", "publish", "save", "replace", "image", "rejected", "broken")
OPTIONS = {"hash": ("--threads", "4"), "none": ("--workers", "2", "--preload")}
MAPS = ("plan of 100%", "two + two", "schöner Plan")

FAULTS: tuple[Fault, ...] = (faults.SLOW_DOWN, Reset("head"), Reset("answer"))
"""What each map's first publishing meets until botocore gives up."""
SECRETS = [f"{USER}/{map_id}" for map_id in MAPS]
HIDDEN_FILES = ("draft.json", "published.json", "old.json", "image.jpg")


@pytest.fixture(scope="module", params=["hash", "none"])
def ended(request: pytest.FixtureRequest, start_app_of_session: StartApp) -> tuple[str, App]:
    """An app to which every storymap was sent in every way, and which was told to end."""
    variables = {
        **TO_A_FILE,
        "OTEL_SAVETRACE_KEYS": request.param,
        "OTEL_SAVETRACE_REQUEST_ATTRIBUTES": "storymap.id=view:storymap_id,storymap.user_id=args:user",
    }
    rules = [
        Rule(fault, f"storymapjs/{USER}/{map_id}/", times=3)
        for fault, map_id in zip(FAULTS, MAPS, strict=True)
    ]
    app = start_app_of_session(variables, plan=Plan(tuple(rules)), options=OPTIONS[request.param])

    def use(map_id: str) -> None:
        for way in WAYS:
            app.exchange("POST", f"/{way}/{quote(map_id)}?user={quote(USER)}", b"{}")

    with ThreadPoolExecutor(len(MAPS)) as users:
        list(users.map(use, MAPS))
    app.stop()
    return request.param, app


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from (text for one in value.values() for text in _texts(one))
    elif isinstance(value, list):
        yield from (text for one in value for text in _texts(one))


def test_no_key_is_in_the_file(ended: tuple[str, App]) -> None:
    """No user, storymap or file name stands in the file in any form."""
    _, app = ended
    raw = app.spans_file.read_text()
    decoded = "\n".join(text for line in raw.splitlines() for text in _texts(json.loads(line)))
    assert len(app.spans()) > len(MAPS) * len(WAYS) * 3
    found = [leak for text in (raw, decoded) for secret in SECRETS for leak in leaks(text, secret)]
    found += [name for name in HIDDEN_FILES if name in raw]
    assert found == []


def test_every_span_is_exported_once(ended: tuple[str, App]) -> None:
    """As many requests as were sent are in the file, with every attempt that went to the store."""
    _, app = ended
    spans = app.spans()
    assert len({(span.trace_id, span.span_id) for span in spans}) == len(spans)
    served = [span for span in spans if span.kind == "server" and span.name != "GET /"]
    assert len(served) == len(MAPS) * len(WAYS)
    assert len([span for span in spans if span.name.startswith(attribute.ATTEMPT_NAME)]) == len(app.journal())


def test_a_failure_is_paired_with_its_retry(ended: tuple[str, App]) -> None:
    """Hashed, storymaps are still found, and each failed publishing is one story with the one that worked."""
    mode, app = ended
    if mode == "none":
        return  # nothing is left to tell one storymap from another by
    for map_id in MAPS:
        shown = hash_of(map_id)
        listed = run("list", "--json", app.spans_file, "--where", f"storymap.id={shown}")
        (episode,) = [one for one in json.loads(listed.stdout)["episodes"] if one["state"] == "recovered"]
        (failed,) = episode["failed"]
        failure = ("--storymap", shown, "--where", f"savetrace.error_code={failed['error_code']}")
        compared = json.loads(run("compare", "--json", app.spans_file, *failure).stdout)
        a, b = compared["a"], compared["b"]
        assert (a["trace_id"], b["trace_id"]) == (failed["trace_id"], episode["recovered_by"]["trace_id"])
        assert compared["same_thing"]
        assert a["calls"][0]["key"] == hash_of(f"storymapjs/{USER}/{map_id}/published.json")
