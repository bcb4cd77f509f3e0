"""The page as one file: how large it is, what it leaves out, and what may run in it."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re

import pytest

from otel_savetrace.analysis.episodes import Episode
from otel_savetrace.analysis.exhibits import Exhibits, moments
from otel_savetrace.analysis.findings import Example
from otel_savetrace.report.page.document import MOST_ERRORS, MOST_VERDICTS, html
from otel_savetrace.report.page.episode_cards import MOST_CARDS
from otel_savetrace.report.page.episode_points import MOST_POINTS
from tests.analysis.made_saves import made_save
from tests.fixture_page import JAEGER, exhibited, made_page
from tests.fixture_report import REPORT

BUDGET_BYTES = 2_000_000
"""What any page may have: the charting library takes 0.9 MB of it."""

MANY = 10_000


def many_episodes(many: int = MANY) -> list[Episode]:
    """Return episodes that came one after the other, of things with names as long as keys may be."""
    return [
        Episode(
            (made_save(f"failed {number}", 10.0 * number, "failed", thing=f"{'map ' * 200}{number}"),),
            made_save(f"worked {number}", 10.0 * number + 4.0, thing=f"{'map ' * 200}{number}"),
            "recovered",
        )
        for number in range(many)
    ]


def without_scripts(page: str) -> str:
    """Return what of a page is no script."""
    return re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def test_ten_thousand_episodes_fit_into_the_budget() -> None:
    """Of so many the page shows and draws some, says how many those are, and stays small."""
    episodes = many_episodes()
    saves = [save for episode in episodes for save in episode.members]
    page = html(REPORT, Exhibits(list(moments(saves)), episodes, JAEGER))
    assert len(page.encode()) < BUDGET_BYTES
    assert page.count("<details") == MOST_CARDS
    assert f"Of 10,000 episodes {MOST_CARDS} are shown" in page
    drawn = re.search(r"\((\S+) of 10,000, evenly drawn\)", page)
    assert drawn is not None
    assert MOST_POINTS / 2 < int(drawn[1].replace(",", "")) <= MOST_POINTS


def test_errors_and_causes_without_end_are_counted() -> None:
    """Where each failure has a code of its own, the page shows the first of them and says how many more."""
    report = dataclasses.replace(
        REPORT,
        errors=tuple(dataclasses.replace(REPORT.errors[0], code=f"Error{number}") for number in range(1_000)),
        verdicts=REPORT.verdicts[:1] * 1_000,
    )
    page = html(report, Exhibits([], []))
    assert len(page.encode()) < BUDGET_BYTES
    for sentence in (f"and {1_000 - MOST_ERRORS} rarer errors", f"and {1_000 - MOST_VERDICTS} rarer causes"):
        assert sentence in page


def test_the_examples_of_a_verdict_are_among_those_shown() -> None:
    """However old an episode is, it is on the page where a verdict names it."""
    report, exhibits = exhibited(
        [save for episode in many_episodes(400) for save in episode.members], jaeger=None
    )
    named = {example.failed for verdict in report.verdicts for example in verdict.examples}
    page = html(report, exhibits)
    assert named
    assert all(
        f'<details class="card episode recovered" id="episode-{trace_id}' in page for trace_id in named
    )


@pytest.mark.parametrize("incident", ["two faults", "hostile"])
def test_the_policy_names_the_scripts_and_the_style(incident: str) -> None:
    """Nothing may be loaded, and only what stands on the page may run: each part by its own hash."""
    page = made_page(incident)
    policy = re.search(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    assert policy is not None
    told = policy[1].replace("&#39;", "'")
    assert "default-src 'none'" in told
    assert "unsafe" not in told
    parts = re.findall(r'<script type="module">(.*?)</script>', page, re.DOTALL)
    parts += re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    assert len(parts) == 3
    for part in parts:
        assert base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() in told


def test_no_link_runs_anything() -> None:
    """An address that is none of the web's is not made a link, whoever gave it."""
    bad = "javascript:alert(1)"
    verdict = dataclasses.replace(REPORT.verdicts[0], examples=(Example("a" * 32, "b" * 32, bad),))
    report = dataclasses.replace(REPORT, verdicts=(verdict,))
    page = without_scripts(html(report, Exhibits([], many_episodes(3), bad)))
    assert bad not in page
    assert "_blank" not in page


def test_nothing_has_an_address_to_load_from() -> None:
    """There is no element that loads; the only addresses are links that a person may follow."""
    page = without_scripts(made_page("two faults"))
    assert not re.search(r"<(link|img|iframe|object|embed|source)\b|\bsrc=|url\(|@import", page)
    assert set(re.findall(r'"(https?://[^/"]*)', page)) == {JAEGER}
