"""What holds of every cookie: hypothesis makes up bytes, headers, records, things and users."""

from __future__ import annotations

import random
from typing import Any

import flask
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span

from otel_savetrace import RequestAttribute, Settings
from otel_savetrace import attributes as attribute
from otel_savetrace.capture.key_pattern import KeyPattern
from otel_savetrace.capture.retry import brought
from otel_savetrace.capture.retry.contents import Content, Contents, contents_of, is_elsewhere, is_same
from otel_savetrace.capture.retry.record import DIGEST_BYTES, LONGEST_CODE, Marks, Record
from otel_savetrace.capture.retry.retries import Retries
from otel_savetrace.capture.retry.seal import LONGEST_VALUE, Seal
from otel_savetrace.capture.save import Save
from otel_savetrace.capture.span_writer import Known
from otel_savetrace.capture.state import StorageCall

NAMED = Settings(
    key_patterns=(KeyPattern.parse("maps/{map.user}/{map.id}/{map.file}"),),
    request_attributes=(RequestAttribute("map.id", "view", "map_id"),),
)
SEAL = Seal(b"secret", "maps")

digests = st.binary(min_size=DIGEST_BYTES, max_size=DIGEST_BYTES)
sizes = st.integers(0, 2**63)
contents = st.builds(Content, st.integers(0, 2**32 - 1), sizes)
records = st.builds(
    Record,
    trace_id=st.integers(1, 2**128 - 1),
    span_id=st.integers(1, 2**64 - 1),
    trace_flags=st.integers(0, 255),
    first_trace_id=st.integers(1, 2**128 - 1),
    marks=st.builds(Marks, digests, digests, digests, digests),
    wrote=st.booleans(),
    contents=st.builds(Contents, st.integers(0, 65_535), st.none() | contents, st.none() | contents),
    inbound=st.none() | sizes,
    milliseconds=st.integers(0, 2**63),
    attempt=st.integers(1, 65_535),
    error_code=st.text(max_size=LONGEST_CODE // 4),
    path_length=st.integers(0, 256),
)
names = st.text("ab/é", min_size=1, max_size=3)


@given(records)
def test_a_record_comes_back_as_it_was(record: Record) -> None:
    """What a cookie carries is read as it was written, and is shorter than the longest that is read."""
    value = SEAL.sign(record)
    assert SEAL.read(value.encode(), 60) == record
    assert len(value) < LONGEST_VALUE


@given(records, st.text())
def test_no_error_code_makes_it_longer(record: Record, code: str) -> None:
    """However long an error code is, and whatever stands in it, the value stays within its bounds."""
    value = SEAL.sign(record._replace(error_code=code))
    assert len(value) < LONGEST_VALUE
    assert isinstance(SEAL.read(value.encode(), 60), Record)


@given(st.binary())
def test_no_bytes_make_a_record_raise_otherwise(packed: bytes) -> None:
    """Bytes that are signed with the right key are a record or malformed, never anything else."""
    value = SEAL._signer.sign(brought_value(packed))
    assert isinstance(SEAL.read(value, 60), Record) or SEAL.read(value, 60) == "malformed"


def brought_value(packed: bytes) -> bytes:
    """Return bytes as a cookie holds them."""
    from itsdangerous.encoding import base64_encode

    return base64_encode(packed)


@given(st.text() | st.binary().map(lambda header: header.decode("latin-1")))
def test_no_cookie_header_raises(header: str) -> None:
    """Whatever stands in a Cookie header, reading it raises nothing and finds nothing that is ours."""
    ours, _ = brought.read({"HTTP_COOKIE": header}, [SEAL], 60)
    assert ours == []


values = st.text('ab.=; "\\\x00\xff', max_size=20) | st.binary(max_size=900).map(
    lambda value: value.decode("latin-1")
)


@given(st.lists(st.tuples(st.sampled_from(["savetrace_00000000", "savetrace_0000000a", "a"]), values)))
def test_no_value_raises(pairs: list[tuple[str, str]]) -> None:
    """Whatever value comes under a name of ours, each is refused for a reason that is in the contract."""
    header = "; ".join(f"{name}={value}" for name, value in pairs)
    ours, reasons = brought.read({"HTTP_COOKIE": header}, [SEAL], 60)
    assert ours == []
    assert set(reasons) <= {"forged", "oversized", "malformed", "too_many"}
    assert len(reasons) == len(set(reasons))


class _Visit:
    """Saves through `Retries` itself, as a watched app would: a request, an outcome, an answer."""

    def __init__(self) -> None:
        self.app = flask.Flask("maps")
        self.app.secret_key = "secret"
        self.app.add_url_rule("/save/<path:map_id>", "save", methods=["POST"])
        self.retries = Retries(NAMED)
        self.tracer = TracerProvider().get_tracer("tests")

    def save(
        self, map_id: str, user: str, content: bytes, cookies: dict[str, str], *, works: bool
    ) -> tuple[Known, Span]:
        """Save, and leave in `cookies` what a browser would be left with."""
        header = "; ".join(f"{name}={value}" for name, value in cookies.items())
        span: Any = self.tracer.start_span("save")
        save = Save(span, None)
        parameters = {"Bucket": "b", "Key": f"maps/{user}/{map_id}", "Body": content}
        call = StorageCall(span, "PutObject", parameters)
        call.content_hash = f"crc32:{random.Random(content).getrandbits(32):08x}"  # noqa: S311 - no secret
        save.begin(call)
        save.add(call, None, None)
        save.answer = self.app.response_class("saved" if works else "not saved")
        known: Known = {attribute.OUTCOME: attribute.SUCCEEDED if works else attribute.FAILED}
        known |= {"map.user": user, "map.id": map_id, attribute.ERROR_CODE: "SlowDown"}
        with self.app.test_request_context(
            f"/save/{map_id}", method="POST", headers={"Cookie": header} if header else {}
        ):
            request = flask.request._get_current_object()  # type: ignore[attr-defined]  # a werkzeug LocalProxy
            self.retries.note(self.app, request, save, known)
        for line in save.answer.headers.getlist("Set-Cookie"):
            name, _, rest = line.partition("=")
            assert len(line) < 1_024
            assert name.startswith("savetrace_")
            value = rest.partition(";")[0]
            cookies[name] = value
            if not value:
                del cookies[name]
        assert len(cookies) <= brought.MOST
        return known, span


steps = st.lists(
    st.tuples(names, st.sampled_from(["ada", "ben"]), st.binary(min_size=1, max_size=2), st.booleans()),
    max_size=15,
)


@given(steps)
@settings(deadline=None)
def test_nothing_crosses_documents_or_users(saves: list[tuple[str, str, bytes, bool]]) -> None:
    """In one browser, whoever uses it and whatever is saved, a retry is the same user's and document's."""
    visit, cookies = _Visit(), dict[str, str]()
    failures: dict[str, tuple[str, str, bytes]] = {}
    for map_id, user, content, works in saves:
        known, span = visit.save(map_id, user, content, cookies, works=works)
        before = known.get(attribute.PREVIOUS_TRACE_ID)
        if before is not None:
            its_id, its_user, its_content = failures[str(before)]
            assert (its_user, its_id) == (user, map_id)
            assert known[attribute.SAME_CONTENT] is (its_content == content)
        if not works:
            trace_id = f"{span.get_span_context().trace_id:032x}"
            failures[trace_id] = (map_id, user, content)
        if works:
            again, _ = visit.save(map_id, user, content, cookies, works=True)
            assert attribute.SAVE_ATTEMPT not in again, "what worked is over"


@given(st.lists(contents, max_size=5), st.integers(0, 5))
def test_a_save_that_got_less_far_wrote_the_same(written: list[Content], as_far: int) -> None:
    """What failed after some of its objects is the same content as the whole of it, and so is the reverse."""
    part = written[:as_far]
    for failed, now in ((part, written), (written, part)):
        assert is_same(contents_of(failed), now) is (True if failed and now else None)


@given(st.lists(st.just(Content(0, 0)), min_size=1), st.lists(contents, min_size=1))
def test_empty_objects_tell_nothing(empty: list[Content], written: list[Content]) -> None:
    """A save whose first object, or whose all, is empty is not found again by that."""
    assert not is_elsewhere(contents_of(empty), [*empty, *written])


@given(st.lists(contents, min_size=1, max_size=5), st.lists(contents, min_size=1, max_size=5))
def test_other_content_is_never_the_same(one: list[Content], other: list[Content]) -> None:
    """Two saves whose objects all differ did not write the same, neither here nor under another name."""
    if set(one) & set(other):
        return
    if sorted(item.size for item in one) != sorted(item.size for item in other):
        assert is_same(contents_of(one), other) is False
        assert not is_elsewhere(contents_of(one), other)
