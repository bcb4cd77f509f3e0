"""The layout of the file: what is read of it when it is torn, foreign or hostile."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.in_flight import record
from otel_savetrace.capture.in_flight.process_file import ProcessFile
from otel_savetrace.capture.in_flight.record import read
from otel_savetrace.capture.in_flight.slot import Slot, names_section
from otel_savetrace.capture.save import Save

FACTS = {"boot": "this one", "resource": {"service.name": "maps"}}


@pytest.fixture(scope="module")
def content(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A file with one save in it, whose object and user are known."""
    file = ProcessFile(tmp_path_factory.mktemp("in-flight"), "app", FACTS)
    save = Save(TracerProvider().get_tracer("flask").start_span("POST /save"), None)
    slot = Slot(file, file.free.pop(), save, 1, names_section("POST /save", {"http.route": "/save"}))
    slot.tell({"map.user": "ada"})
    slot.tell_object("bucket", "key")
    whole = file.path.read_bytes()
    file.remove()
    return whole


def test_what_was_written_is_read(content: bytes) -> None:
    """Facts of the process and the save come back as they were."""
    held = read(content)
    assert held is not None
    assert held.facts == FACTS
    (save,) = held.saves
    assert (save.name, save.names, save.object, save.about) == (
        "POST /save", {"http.route": "/save"}, ("bucket", "key"), {"map.user": "ada"},
    )  # fmt: skip


@given(
    at=st.integers(0, record.SLOT_BYTES - 1) | st.integers(0, 400),
    garbage=st.binary(min_size=1, max_size=64),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300)
def test_whatever_is_overwritten_nothing_is_invented(content: bytes, at: int, garbage: bytes) -> None:
    """Bytes of a slot replaced by others: the save is read as whose it is, or not at all; no text is new."""
    (truth,) = _saves(content)
    slots = content[record.HEAD_BYTES :]
    torn = content[: record.HEAD_BYTES] + (slots[:at] + garbage + slots[at + len(garbage) :])[: len(slots)]
    for save in _saves(torn):
        assert (save.trace_id, save.span_id) == (truth.trace_id, truth.span_id)
        assert (save.started, save.name) == (truth.started, truth.name)
        assert save.object in {truth.object, None}
        assert save.about in ({}, truth.about)


def _saves(content: bytes) -> tuple[record.Unfinished, ...]:
    held = read(content)
    assert held is not None
    return held.saves


@given(st.binary(max_size=200))
def test_what_is_no_file_of_ours_is_not_read(garbage: bytes) -> None:
    """Garbage, and garbage of the right length, is no file; nothing is raised."""
    assert read(garbage) is None
    assert read(garbage.ljust(record.FILE_BYTES, b"\1")) is None


def test_a_head_that_is_torn_is_not_read(content: bytes) -> None:
    """Facts that do not bear out their checksum make no file."""
    at = content.index(b"this one")
    assert read(content[:at] + b"that one" + content[at + 8 :]) is None


def test_texts_of_the_save_before_are_left_out(tmp_path: Path) -> None:
    """A slot used again tells nothing of the save that had it before."""
    file = ProcessFile(tmp_path, "app", FACTS)
    tracer = TracerProvider().get_tracer("flask")
    at = file.free.pop()
    for told in (True, False):
        save = Save(tracer.start_span("POST /save"), None)
        slot = Slot(file, at, save, 1, names_section("POST /save", {}))
        if told:
            slot.tell({"map.user": "ada"})
            slot.tell_object("bucket", "key")
            slot.look()
            slot.let_go()
    (read_again,) = _saves(file.path.read_bytes())
    file.remove()
    assert (read_again.object, read_again.about, read_again.seen) == (None, {}, None)


@pytest.mark.parametrize("value", ["x" * 5_000, "ж" * 2_500, "a\0b", "\udcff"])
def test_an_answer_too_long_or_odd_keeps_what_is_searched_for(tmp_path: Path, value: str) -> None:
    """What does not fit is shortened or left out, longest first; codes and ids stay."""
    file = ProcessFile(tmp_path, "app", FACTS)
    save = Save(TracerProvider().get_tracer("flask").start_span("POST /save"), None)
    slot = Slot(file, file.free.pop(), save, 1, names_section("POST /save", {}))
    slot.tell({"map.user": value, "map.id": "m1"})
    (before,) = _saves(file.path.read_bytes())
    slot.answer(
        {
            attribute.OUTCOME: attribute.FAILED, attribute.ERROR_CODE: "SlowDown",
            attribute.USER_ERROR: value, attribute.S3_KEY: value, attribute.ATTEMPTS: 3,
        }, 500,
    )  # fmt: skip
    (after,) = _saves(file.path.read_bytes())
    file.remove()
    assert before.about["map.id"] == "m1"
    assert after.about["map.id"] == "m1"
    assert (after.about[attribute.ERROR_CODE], after.about[attribute.ATTEMPTS]) == ("SlowDown", 3)
    assert (after.outcome, after.status) == (record.FAILED, 500)


def test_facts_too_long_lose_the_resource(tmp_path: Path) -> None:
    """A resource that passes the head's room is left out; the rest of the file can be used."""
    file = ProcessFile(tmp_path, "app", {"boot": "b", "resource": {"long": "x" * 20_000}})
    held = read(file.path.read_bytes())
    file.remove()
    assert held is not None
    assert held.facts == {"boot": "b", "resource": None}
