"""How near saves that worked come to a limit, documented or seen to be in force."""

from __future__ import annotations

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis.findings import LimitUse
from otel_savetrace.analysis.limits import largest_share, limits_used
from otel_savetrace.analysis.saves import Save
from tests.analysis.made_case import failed_by, made_save, worked_with


def used(*saves: Save) -> dict[str, LimitUse]:
    """What is used of each limit."""
    return {one.limit: one for one in limits_used(saves)}


def test_documented_limits() -> None:
    """Key, header section and user metadata are held against Amazon S3's limits, the most used first."""
    save = worked_with({names.HEADER_SECTION_BYTES: 2_048, names.METADATA_BYTES: 1_024}, {names.KEY_LEN: 768})
    assert [(one.limit, one.largest, one.most) for one in limits_used([save])] == [
        ("object key", 768, 1_024),
        ("user metadata", 1_024, 2_048),
        ("header section", 2_048, 8_192),
    ]


def test_nothing_known() -> None:
    """Of saves that tell no size, nothing is said."""
    assert limits_used([made_save()]) == ()


def test_nearest_things() -> None:
    """The five things that come nearest are named, each by its largest save."""
    saves = [
        worked_with(call={names.KEY_LEN: length}, thing=f"plan-{length % 7}") for length in range(100, 120)
    ]
    assert used(*saves)["object key"].nearest == (
        ("plan-0", 119), ("plan-6", 118), ("plan-5", 117), ("plan-4", 116), ("plan-3", 115),
    )  # fmt: skip


def test_only_what_worked() -> None:
    """What failed has passed its limit: the nearest are those that still work."""
    saves = [
        worked_with(call={names.KEY_LEN: 900}),
        failed_by("KeyTooLongError", call={names.KEY_LEN: 1_100}),
        failed_by("SlowDown", call={names.KEY_LEN: 1_000}),
    ]
    assert used(*saves)["object key"].largest == 900


def test_a_part_of_a_key() -> None:
    """A store that refuses a key far below 1,024 bytes limits its parts, and that limit takes the place."""
    saves = [
        worked_with(key=f"charts/{'n' * 244}/data.json"),
        failed_by("KeyTooLongError", key=f"charts/{'n' * 258}/data.json"),
        failed_by("KeyTooLongError", key=f"charts/{'n' * 300}/data.json"),
    ]
    found = used(*saves)
    assert "object key" not in found
    assert found["part of an object key (least refused)"].most == 258
    assert found["part of an object key (least refused)"].largest == 244


def test_a_whole_key_that_is_too_long() -> None:
    """A key that passes 1,024 bytes says nothing of a limit on its parts."""
    saves = [
        worked_with(key=f"charts/{'n' * 200}/data.json"),
        failed_by("KeyTooLongError", key=f"charts/{'n' * 1_100}/data.json"),
    ]
    assert list(used(*saves)) == ["object key"]


def test_hidden_keys() -> None:
    """Of keys that are hidden no part is known, and S3's own limit stands."""
    saves = [
        worked_with(key="[key]", call={names.KEY_LEN: 200}),
        failed_by("KeyTooLongError", key="sha256:0123456789abcdef", call={names.KEY_LEN: 300}),
    ]
    assert used(*saves)["object key"].largest == 200


def test_a_smaller_head() -> None:
    """Where less than the documented is refused, and more than was ever taken, that is the limit."""
    saves = [
        worked_with({names.HEADER_SECTION_BYTES: 3_000}),
        failed_by("RequestHeaderSectionTooLarge", {names.HEADER_SECTION_BYTES: 4_100}),
    ]
    assert used(*saves)["header section (least refused)"].most == 4_100
    assert "header section" not in used(*saves)


def test_refused_beyond_the_documented() -> None:
    """What is refused beyond the documented limit shows no other one."""
    saves = [
        worked_with({names.HEADER_SECTION_BYTES: 5_000}),
        failed_by("RequestHeaderSectionTooLarge", {names.HEADER_SECTION_BYTES: 9_000}),
    ]
    assert used(*saves)["header section"].most == 8_192


def test_refused_for_something_else() -> None:
    """A size that others passed is no limit, whatever the code says."""
    saves = [
        worked_with({names.HEADER_SECTION_BYTES: 900}),
        worked_with({names.HEADER_SECTION_BYTES: 5_000}),
        failed_by("RequestHeaderSectionTooLarge", {names.HEADER_SECTION_BYTES: 4_100}),
    ]
    assert list(used(*saves)) == ["header section", "object key"]


@pytest.mark.parametrize(("scope", "stage"), [("nginx access log", None), ("flask", names.APP)])
def test_body_of_a_request(scope: str, stage: str | None) -> None:
    """A body's limit is known where a front server, or the app, was seen to refuse one."""
    saves = [
        worked_with(save={names.REQUEST_BODY_SIZE: 900_000}),
        made_save(
            outcome=names.FAILED, stage=stage, scope=scope,
            facts={names.REQUEST_BODY_SIZE: 1_100_000, "http.response.status_code": 413},
        ),
    ]  # fmt: skip
    found = used(*saves)["body of a request (least refused)"]
    assert (found.most, found.largest) == (1_100_000, 900_000)


def test_share_of_a_limit() -> None:
    """The share that counts is that of the limit which is used most."""
    assert largest_share({names.KEY_LEN: 512, names.METADATA_BYTES: 1_536}) == 0.75
    assert largest_share({names.CONTENT_SIZE: 10**9}) is None
