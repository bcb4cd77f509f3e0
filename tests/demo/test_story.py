"""The demo's story: the same for the same seed, and with room for everything that goes wrong."""

from __future__ import annotations

import pytest

from otel_savetrace.demo import story
from otel_savetrace.demo.faults import INTERNAL_ERROR, SLOW_DOWN, Reset

SEEDS = range(200)


def test_the_same_seed_tells_the_same_story() -> None:
    """Two stories of one seed are equal, those of two seeds are not."""
    assert story.tell(7, 60) == story.tell(7, 60)
    assert story.tell(7, 60) != story.tell(8, 60)


@pytest.mark.parametrize(("wanted", "told"), [(story.SMALLEST, 20), (60, 60), (63, 60), (1, 20)])
def test_a_story_has_about_as_many_saves_as_asked_for(wanted: int, told: int) -> None:
    """The steps of all authors are as many as wanted, in equal parts, and never too few for the faults."""
    assert sum(len(author.steps) for author in story.tell(1, wanted).authors) == told


@pytest.mark.parametrize("saves", [story.SMALLEST, 60])
def test_every_fault_finds_a_request_and_a_save_after_it(saves: int) -> None:
    """Whatever the seed: each fault's requests are made, and the user's last draft or image is spared."""
    for seed in SEEDS:
        told = story.tell(seed, saves)
        authors = {author.name: [step.what for step in author.steps] for author in told.authors}
        for rule in told.plan.rules:
            if rule.fault == SLOW_DOWN:
                # One PUT of draft.json for each save, and one for the storymap's making.
                assert 0 < rule.skip < authors["ada"].count("save") + 1
            elif rule.fault == INTERNAL_ERROR:
                assert authors["chidi"].count("publish") >= 1
            else:
                # Two workers have a connection each: of three images two came to the same worker.
                assert isinstance(rule.fault, Reset)
                assert authors["bruno"].count("image") >= 3
        assert [step.what for author in told.authors for step in author.steps if step.cut] == ["save"]


def test_the_exhausted_client_meets_more_errors_than_it_has_patience() -> None:
    """Ada's fault lasts for both of the app's tries with three requests each, and no longer."""
    ada_rule = story.tell(1, 60).plan.rules[0]
    assert (ada_rule.fault, ada_rule.times) == (SLOW_DOWN, 6)
