"""What is drawn of a distribution tells what the values tell."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as some

from otel_savetrace import attributes as names
from otel_savetrace.analysis import candidates
from otel_savetrace.analysis.findings import Condition, Distribution
from otel_savetrace.report.page.distribution_charts import histogram
from otel_savetrace.report.page.distribution_data import BINS, MOST_VALUES, Histogram, Values, drawn

NUMBERS = some.lists(some.floats(-1e12, 1e12) | some.integers(0, 2**50), min_size=1, max_size=60)


@given(NUMBERS, NUMBERS)
def test_every_number_stands_in_a_bin(failed: list[float], succeeded: list[float]) -> None:
    """Bins hold each number once; the shares of a side are one; the chart has room for all of them."""
    found = drawn(Distribution("app.size", tuple(failed), tuple(succeeded)), None)
    assert isinstance(found, Histogram)
    for side, values in (("failed", failed), ("succeeded", succeeded)):
        rows = [row for row in found.bins if row["side"] == side]
        assert sum(row["saves"] for row in rows) == len(values)
        assert sum(row["share"] for row in rows) == pytest.approx(1.0)
        assert len(rows) <= BINS
    assert min(row["from"] for row in found.bins) <= min(*failed, *succeeded)
    assert max(row["to"] for row in found.bins) >= max(*failed, *succeeded)


def test_what_is_not_recorded_is_counted() -> None:
    """A save without the attribute is in no bin, and the page says how many those are."""
    found = drawn(Distribution("app.size", (1, None, 3), (None, None, 2.5)), None)
    assert isinstance(found, Histogram)
    assert found.missing == {"failed": 1, "succeeded": 2}


@pytest.mark.parametrize("name", [names.PROCESS_ID, "app.shard", "app.kind.id"])
def test_numbers_that_name_something_are_no_amounts(name: str) -> None:
    """A process, or what an attribute's name calls an id, is told apart and not measured."""
    found = drawn(Distribution(name, (47, 47), (47, 48)), Condition(name, "=", 47, 1.0, 0.5))
    assert isinstance(found, Values)
    assert [(row.value, row.failed, row.succeeded) for row in found.rows] == [("47", 2, 1), ("48", 0, 1)]


def test_few_values_are_shown_and_the_rest_counted() -> None:
    """Of many values those that most failed saves have stand first; the others are one row."""
    failed = tuple(f"host-{number}" for number in range(40)) + ("host-0",) * 10
    found = drawn(Distribution("host.name", failed, ("host-99", None)), None)
    assert isinstance(found, Values)
    assert len(found.rows) == MOST_VALUES + 1
    assert found.rows[0].value == "host-0"
    assert found.rows[0].failed_share == pytest.approx(11 / 50)
    assert found.rows[-1].value.endswith("others")
    assert sum(row.failed for row in found.rows) == 50
    assert sum(row.succeeded for row in found.rows) == 2


def test_pairs_are_told_by_how_they_changed() -> None:
    """Of pairs of names each change is counted, the most frequent first."""
    pairs = (("a", "b"), ("a", "b"), ("a", "a"), ("b", None))
    found = drawn(Distribution("host.name", ("a",), ("b",), pairs), None)
    assert isinstance(found, Values)
    assert [(one.failed, one.succeeded, one.episodes) for one in found.changes] == [
        ("a", "b", 2), ("a", "a", 1), ("b", "not recorded", 1),
    ]  # fmt: skip


def test_a_stretch_of_time_is_drawn_with_both_its_ends() -> None:
    """When saves began is drawn as time, with a line at either end of the condition's stretch."""
    noon = datetime.datetime(2027, 3, 2, 12, tzinfo=datetime.timezone.utc)
    at = tuple(int(noon.timestamp()) + 60 * minute for minute in range(30))
    stretch = Condition(candidates.TIME, "=", "2027-03-02T12:05:00Z/2027-03-02T12:10:00Z", 1.0, 0.0)
    found = drawn(Distribution(candidates.TIME, at[5:11], at[:5]), stretch)
    assert isinstance(found, Histogram)
    assert found.of_time
    rules = [layer["data"]["values"][0]["bound"] for layer in histogram(found, stretch)["layer"][1:]]
    assert rules == [(noon.timestamp() + 60 * minute) * 1000 for minute in (5, 10)]


def test_a_bound_is_drawn_where_it_parts_the_values() -> None:
    """The condition's number has a line on its own attribute, and on no other."""
    bound = Condition(names.CONTENT_SIZE, ">=", 5_000, 1.0, 0.0)
    for name, lines in ((names.CONTENT_SIZE, 1), (names.KEY_LEN, 0)):
        found = drawn(Distribution(name, (6_000, 7_000), (10, 4_000)), bound)
        assert isinstance(found, Histogram)
        assert len(histogram(found, bound)["layer"]) == 1 + lines
