"""A crowd saves, fails and tries again on two hosts; what is paired is held against its own diary.

``SAVETRACE_SEED`` makes another crowd. The figures stand at the end of the run.
"""

from __future__ import annotations

import dataclasses
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path

import pytest

from otel_savetrace import attributes as attribute
from otel_savetrace.analysis.saves import Save, saves
from otel_savetrace.demo.faults import Plan
from otel_savetrace.spans.rows import Span
from tests.e2e.crowd import score
from tests.e2e.crowd.crowd import Crowd
from tests.e2e.crowd.diary import Diary, Entry, Pair
from tests.e2e.crowd.scenarios import ELSEWHERE, NOT_WRITTEN, PartyKind, plan, rules_of
from tests.e2e.crowd.score import Score
from tests.e2e.crowd.site import SERVICE, running_site, tracing_to
from tests.exact.figures import Figures
from tests.fixture_collector import ALL_LAYERS, make_collector
from tests.fixture_figures import PrintAfterRun
from tests.fixture_jaeger import Jaeger, make_jaeger
from tests.fixture_wheel import Installation

SEED = os.environ.get("SAVETRACE_SEED", "crowd")
PARTIES: tuple[PartyKind, ...] = ("person",) * 28 + ("couple",) * 11 + ("script",) * 13
SCENARIOS = 10
SAMPLE = 20
"""Retries that are looked for in Jaeger."""


@dataclasses.dataclass
class Outcome:
    """What the crowd did, and what was captured of it: `spans` are those of the Collector's archive."""

    diary: Diary
    spans: tuple[Span, ...]
    jaeger: Jaeger

    @cached_property
    def saves(self) -> list[Save]:
        """Every save that was captured."""
        return saves(self.spans)

    @cached_property
    def save_of(self) -> dict[int, Save]:
        """Saves by the number of their press."""
        return {score.press_of(save.span): save for save in self.saves}

    def clicks(self, traces: Iterable[tuple[str, str]]) -> frozenset[Pair]:
        """Return pairs of traces as the diary has them."""
        press_of = {save.trace_id: press for press, save in self.save_of.items()}
        return frozenset(
            self.diary.as_clicks((press_of[failed], press_of[retry]) for failed, retry in traces)
        )

    def retries_by_cookie(self) -> list[tuple[Entry, Entry]]:
        """Return failures and their retries of clients that keep cookies."""
        return [(failed, retry) for failed, retry in self.diary.retries() if retry.keeps_cookies]

    def is_late(self, second: Entry) -> bool:
        """Return whether a busy host began the second of two clicks when the first was done: a replay."""
        began = self.save_of[second.number].span.start_nanoseconds
        return any(
            self.save_of[first.number].span.end_nanoseconds <= began
            for first in self.diary.entries.values()
            if first.click == second.click and first is not second
        )


@pytest.fixture(scope="module")
def outcome(
    jaeger_program: Path,
    otelcol_program: Path,
    nginx_program: Path,
    app_installation: Installation,
    store_port: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Outcome]:
    """Run the crowd to its end."""
    folder = tmp_path_factory.mktemp("crowd")
    jaeger = make_jaeger(jaeger_program, folder / "jaeger", "memory", {})
    to_jaeger = {"COLLECTOR_JAEGER": jaeger.otlp}
    collector = make_collector(otelcol_program, folder / "collector", ALL_LAYERS, to_jaeger)
    parties = plan(SEED, PARTIES, SCENARIOS)
    faults = Plan(tuple(rule for party in parties for rule in rules_of(party)))
    tracing = tracing_to(f"http://{collector.grpc}")
    with jaeger.process, collector.process:
        with running_site(app_installation, nginx_program, store_port, folder, faults, tracing) as site:
            diary = Crowd(site.address, parties, site.restart).run()
        yield Outcome(diary, collector.archived(), jaeger)


def test_the_crowd_did_what_was_planned(outcome: Outcome) -> None:
    """Each press ended as planned and is one save; of 500 episodes, a fifth of the retried span a restart."""
    assert outcome.diary.misplanned() == []
    told = Counter(score.press_of(save.span) for save in outcome.saves)
    assert told == dict.fromkeys(outcome.diary.entries, 1)
    assert outcome.diary.episodes() >= 500
    retried, over_a_restart = outcome.diary.retried_episodes()
    assert over_a_restart >= 0.2 * retried


def test_failed_saves_and_their_retries_are_paired(outcome: Outcome, print_after_run: PrintAfterRun) -> None:
    """By cookie every pair is found and none that is not; by all three ways, or inferred alone, nearly so."""
    diary = outcome.diary
    bare = saves(score.without_cookie_or_memory(outcome.spans))
    by_cookie = Score(
        "cookie",
        outcome.clicks(score.pairs_told(outcome.saves, "cookie")),
        diary.pairs(keeps_cookies=True),
    )
    by_memory = Score(
        "memory (of one process)",
        outcome.clicks(score.pairs_told(outcome.saves, "memory")),
        diary.pairs(keeps_cookies=False),
    )
    inferred = Score("inferred", outcome.clicks(score.pairs_of_episodes(bare)), diary.pairs())
    by_all = Score("all three", outcome.clicks(score.pairs_of_episodes(outcome.saves)), diary.pairs())
    print_after_run(
        f"Retries of {diary.episodes():,} episodes, {len(diary.entries):,} saves, SAVETRACE_SEED={SEED}",
        score.table([by_cookie, by_memory, inferred, by_all]),
    )
    assert (by_cookie.precision, by_cookie.recall) == (1.0, 1.0)
    assert min(by_all.precision, by_all.recall) >= 0.99
    assert inferred.precision >= 0.97


def test_what_a_retry_says_of_the_failed_save_is_true(
    outcome: Outcome, figures_of: Callable[[str], Figures]
) -> None:
    """Which save failed, which try it is, the first trace, content and code are the diary's."""
    figures = figures_of(f"What retries by cookie say of the failed save, SAVETRACE_SEED={SEED}")
    for failed, retry in outcome.retries_by_cookie():
        if not outcome.is_late(retry):
            _compare(figures, outcome, failed, retry)
    assert not figures.differences(), "\n".join(figures.differences())


def _compare(figures: Figures, outcome: Outcome, failed: Entry, retry: Entry) -> None:
    before, span = outcome.save_of[failed.number].span, outcome.save_of[retry.number].span
    chain = outcome.diary.chain(retry)
    first = outcome.save_of[chain[0].number].trace_id
    truth = {
        attribute.PREVIOUS_TRACE_ID: before.trace_id,
        attribute.PREVIOUS_SPAN_ID: before.span_id,
        attribute.FIRST_TRACE_ID: first,
        attribute.SAVE_ATTEMPT: len(chain),
        attribute.PREVIOUS_ERROR_CODE: before.attributes[attribute.ERROR_CODE],
    }
    for name, true in truth.items():
        figures.equals(name, span.attributes.get(name), true, retry)
    links = [(link.trace_id, link.span_id) for link in span.links]
    figures.equals("link", links, [(before.trace_id, before.span_id)], retry)
    same = span.attributes.get(attribute.SAME_CONTENT)
    if same is not None or not NOT_WRITTEN & {failed.trouble, retry.trouble}:
        # A page that names the storymap's address is another one at another address.
        true = failed.content == retry.content and retry.kind != ELSEWHERE
        figures.equals(attribute.SAME_CONTENT, same, true, retry)


def test_a_chain_of_retries_is_walked_in_jaeger(outcome: Outcome) -> None:
    """By a failed save's trace id Jaeger finds its retry, which links back; by the first one's, the chain."""
    retries = outcome.retries_by_cookie()
    for failed, retry in retries[:: len(retries) // SAMPLE]:
        before, save = outcome.save_of[failed.number], outcome.save_of[retry.number]
        first = outcome.save_of[outcome.diary.chain(retry)[0].number]
        outcome.jaeger.wait_for_saves([save.trace_id])
        found = outcome.jaeger.search(SERVICE, {attribute.PREVIOUS_TRACE_ID: before.trace_id})
        assert save.trace_id in found
        assert found <= outcome.jaeger.search(SERVICE, {attribute.FIRST_TRACE_ID: first.trace_id})
        (span,) = [span for span in outcome.jaeger.spans(save.trace_id) if "parentSpanId" not in span]
        (link,) = span["links"]
        assert (link["traceId"], link["spanId"]) == (before.trace_id, before.span.span_id)
