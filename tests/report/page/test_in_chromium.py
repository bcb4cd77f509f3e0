"""The page in a real Chromium, without a network."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, ViewportSize, expect

from tests.fixture_chromium import OpenPage, Visit, visit
from tests.fixture_page import HOSTILE, INCIDENTS, JAEGER, made_page

CONTRAST = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
"""Finds all text whose contrast to what is behind it is less than it is called with."""

AA = f"{CONTRAST}(4.5)"

PHONE: ViewportSize = {"width": 360, "height": 740}
FIRST_EPISODE = "details.episode >> nth=0"
LISTED = "details.episode:not([hidden])"


@pytest.fixture(scope="module")
def opened(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visit]:
    """Open the page of two faults for all tests that only look at it."""
    with visit(chromium, tmp_path_factory.mktemp("page"), made_page("two faults")) as made:
        yield made


@pytest.mark.parametrize("incident", INCIDENTS)
def test_the_page_asks_for_nothing_and_fits_a_phone(incident: str, open_page: OpenPage) -> None:
    """Whatever there is to show, charts are drawn offline, the console stays empty, nothing is too wide."""
    with open_page(made_page(incident)) as visit:
        places = visit.of_each("[data-chart]", "!!one.querySelector('svg path, svg text')")
        assert all(places)
        assert bool(places) == (incident != "nothing")
        visit.open_all()
        visit.page.set_viewport_size(PHONE)
        assert visit.found("document.documentElement.scrollWidth") <= PHONE["width"]
        assert (visit.asked_for, visit.complaints) == ([], [])


def test_hostile_values_are_text(open_page: OpenPage) -> None:
    """Markup in things, users, routes, codes, messages and names is shown as it is, and none of it runs."""
    with open_page(made_page("hostile")) as visit:
        visit.open_all()
        for point in visit.page.query_selector_all("[data-chart] svg path[aria-roledescription]")[:8]:
            point.hover(force=True)
        assert visit.found("window.hurt ?? null") is None
        assert visit.found("document.images.length") == 0
        assert visit.count("script") == 3
        assert visit.count("i, [onload], [onerror]") == 0
        told = visit.found("document.body.textContent")
        assert all(one[:20] in told for one in HOSTILE)
        assert "\u202e" not in told
        hrefs = visit.of_each("[href]", "one.getAttribute('href')")
        assert all(href.startswith(("#", JAEGER)) for href in hrefs)
        assert (visit.asked_for, visit.complaints) == ([], [])


def test_what_a_value_would_run_the_browser_refuses(open_page: OpenPage) -> None:
    """Were a script to get into the page after all, the page's policy keeps it from running."""
    with open_page(made_page("one failure")) as visit:
        visit.found(
            "document.body.append(Object.assign(document.createElement('script'), {text: 'window.hurt = 1'}))"
        )
        visit.found(
            "document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=\"window.hurt = 2\">')"
        )
        assert visit.found("window.hurt ?? null") is None
        assert len(visit.complaints) >= 2


def test_the_answer_stands_first(opened: Visit) -> None:
    """The heading says what happens to users; causes, errors and their shares follow."""
    assert re.match(r"\d+ of \d+ saves failed", opened.page.inner_text("h1"))
    told = opened.told()
    for expected in (
        "ReadTimeoutError",
        "network.read_timeout",
        "storage.header_too_large",
        "What to do",
    ):
        assert expected in told


def test_every_verdict_shows_failed_against_succeeded(opened: Visit) -> None:
    """Each verdict has its distribution, and that of its pairs: of numbers a chart, of names a table."""
    of_each = opened.of_each(".verdict", "one.querySelectorAll('.distribution').length")
    assert len(of_each) == 2
    assert all(of_each)
    values = opened.page.inner_text("table.values >> nth=0")
    assert "10.0.0.3" in values
    assert "episodes" in opened.page.inner_text("table.values >> nth=1")
    assert opened.count("[data-chart$=pairs] svg") >= 1


def test_keys_lead_through_the_episodes(open_page: OpenPage) -> None:
    """J and K go from episode to episode, Enter opens one, / searches, Escape ends the search."""
    with open_page(made_page("two faults")) as visit:
        keyboard = visit.page.keyboard
        for key in ("j", "j", "k", "Enter"):
            keyboard.press(key)
        assert visit.count("details.episode[open]") == 1
        assert visit.found("document.querySelector('details.episode').open")
        everything = visit.count(LISTED)
        keyboard.press("/")
        keyboard.type("headersection")
        some = visit.count(LISTED)
        assert 0 < some < everything
        assert visit.page.inner_text("#shown") == f"{some} of {everything}"
        keyboard.press("Escape")
        assert visit.count(LISTED) == everything
        visit.page.uncheck("input[value=recovered]")
        assert visit.count(LISTED) < everything


def test_every_stop_of_the_keyboard_is_seen(open_page: OpenPage) -> None:
    """Whatever Tab leads to has an outline while it has the focus."""
    with open_page(made_page("two faults")) as visit:
        for _ in range(25):
            visit.page.keyboard.press("Tab")
            seen = visit.found(
                "[document.activeElement.tagName, getComputedStyle(document.activeElement).outlineStyle]"
            )
            assert seen[0] in {"A", "BUTTON", "INPUT", "SUMMARY"}, seen
            assert seen[1] != "none", seen


def test_a_stretch_of_time_is_marked_with_the_mouse(open_page: OpenPage) -> None:
    """Dragging across the failed saves lists the episodes of that stretch alone, until Escape."""
    with open_page(made_page("by chance")) as visit:
        everything = visit.count(LISTED)
        box = visit.page.locator("[data-chart=failed-over-time]").bounding_box()
        assert box is not None
        mouse, middle = visit.page.mouse, box["y"] + box["height"] / 2
        mouse.move(box["x"] + box["width"] * 0.8, middle)
        mouse.down()
        mouse.move(box["x"] + box["width"] * 0.95, middle, steps=5)
        mouse.up()
        expect(visit.page.locator(LISTED)).not_to_have_count(everything)
        assert visit.count(LISTED) < everything
        assert visit.count(LISTED) > 0
        visit.page.keyboard.press("Escape")
        expect(visit.page.locator(LISTED)).to_have_count(everything)


def test_an_example_leads_to_its_episode(open_page: OpenPage) -> None:
    """A verdict's example opens its episode with both saves side by side, and Jaeger's page is a link."""
    with open_page(made_page("two faults")) as visit:
        link = visit.page.locator(".examples a[href^='#episode-']").first
        name = (link.get_attribute("href") or "").removeprefix("#")
        link.click()
        visit.page.wait_for_selector(f"details[id='{name}'][open]")
        episode = visit.page.locator(f"details[id='{name}']")
        assert episode.locator(".side").count() == 2
        assert "What differs" in episode.inner_text()
        jaeger = visit.page.locator(".examples a.outside").first
        assert re.fullmatch(rf"{JAEGER}/trace/\w{{32}}\.\.\.\w{{32}}", jaeger.get_attribute("href") or "")


def test_text_stands_out_from_what_is_behind_it(opened: Visit) -> None:
    """All text has the contrast of WCAG 2.2 AA, 4.5 to 1, in light, in dark and on paper."""
    opened.open_all()
    opened.page.emulate_media(color_scheme="dark")
    assert opened.found(AA) == []
    opened.page.emulate_media(media="print")
    assert opened.found(AA) == []
    opened.page.emulate_media(media="screen", color_scheme="light")
    assert opened.found(AA) == []


def test_light_and_dark_can_be_changed(open_page: OpenPage) -> None:
    """The page is as dark as the system, until its button or T says otherwise; charts follow."""
    colours = (
        "[getComputedStyle(document.body).backgroundColor,"
        " getComputedStyle(document.querySelector('[data-chart] svg text')).fill]"
    )
    with open_page(made_page("one failure"), color_scheme="dark") as visit:
        dark = visit.found(colours)
        visit.page.keyboard.press("t")
        light = visit.found(colours)
        assert dark[0] != light[0]
        assert dark[1] != light[1]
        visit.page.click("#theme")
        assert visit.found(colours) == dark


def test_the_page_prints(open_page: OpenPage) -> None:
    """On paper all is dark on white even from a dark screen; what only works on a screen is left out."""
    with open_page(made_page("two faults"), color_scheme="dark") as visit:
        visit.page.click(FIRST_EPISODE)
        assert visit.page.pdf(format="A4").startswith(b"%PDF")
        visit.page.emulate_media(media="print")
        for screen_only in ("nav", "#theme", ".filters"):
            assert not visit.page.locator(screen_only).is_visible()
        assert visit.page.locator(".sides").first.is_visible()
        assert visit.found("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


def test_without_javascript_all_text_is_there(open_page: OpenPage) -> None:
    """The answer, causes, steps and every episode can be read and opened; the page says what is missing."""
    with open_page(made_page("two faults"), java_script_enabled=False) as visit:
        told = visit.told()
        for expected in (
            "saves failed",
            "What to do",
            "10.0.0.3",
            "Without JavaScript the charts stay empty",
        ):
            assert expected in told
        assert not visit.page.locator(".filters").is_visible()
        visit.page.click(FIRST_EPISODE)
        assert visit.page.locator(".sides").first.is_visible()


def test_a_reader_of_the_screen_finds_its_way(opened: Visit) -> None:
    """Headings skip no level, tables have captions, charts and inputs have names, ids are unique."""
    levels = opened.of_each("h1, h2, h3, h4", "Number(one.tagName[1])")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    assert all(opened.of_each("table", "one.caption"))
    assert all(opened.of_each("input", "one.labels.length || one.ariaLabel"))
    names = opened.of_each("[data-chart]", "one.querySelector('svg').ariaLabel ?? one.ariaLabel")
    assert all(name and len(name) > 10 for name in names)
    ids = opened.of_each("[id]", "one.id")
    assert len(set(ids)) == len(ids)
    assert [opened.count(name) for name in ("nav", "main", "footer")] == [1, 1, 1]
