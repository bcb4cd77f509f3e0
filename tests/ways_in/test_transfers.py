"""Transfers that boto3 makes in threads: each call stands in the trace of the save that asked for it."""

from __future__ import annotations

import io
import threading
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flask
import pytest
from boto3.exceptions import S3UploadFailedError
from boto3.s3.transfer import TransferConfig
from opentelemetry.sdk.trace import ReadableSpan

from otel_savetrace import attributes as attribute
from tests.fixture_capture import Captured, facts
from tests.raw_store import RawStore, Visit, refused
from tests.ways_in.s3_answers import ENOUGH, object_of

MakeClient = Callable[..., Any]

MEGABYTE = 1024 * 1024
PART = 5 * MEGABYTE
"""The smallest part that S3 takes, in bytes."""

SIZE = 2 * PART + 7
CONTENT = bytes(range(256)) * (SIZE // 256) + b"x" * (SIZE % 256)
IN_PARTS = TransferConfig(multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=4)
WHOLE = TransferConfig(multipart_threshold=10 * PART)
IN_PARTS_WITHOUT_THREADS = TransferConfig(
    multipart_threshold=PART, multipart_chunksize=PART, use_threads=False
)

UPLOADED_IN_PARTS = Counter(
    {"S3.CreateMultipartUpload": 1, "S3.UploadPart": 3, "S3.CompleteMultipartUpload": 1}
)


@pytest.fixture
def client(store: RawStore, client_of: MakeClient) -> Any:
    """A client of a store that takes uploads in parts."""
    store.script = [object_of(SIZE)] * ENOUGH
    return client_of(store)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file of three parts."""
    path = tmp_path / "image.jpg"
    path.write_bytes(CONTENT)
    return path


def _save(work: Callable[[], object]) -> None:
    """Do `work` in a request to an app of its own."""
    app = flask.Flask("maps")

    @app.post("/save/")
    def save() -> str:
        work()
        return "saved"

    app.test_client().post("/save/")


def _span_id(span: ReadableSpan) -> int:
    assert span.context is not None
    return int(span.context.span_id)


def _parents(spans: list[ReadableSpan]) -> set[int | None]:
    return {span.parent.span_id if span.parent else None for span in spans}


@pytest.mark.parametrize("how", [IN_PARTS, IN_PARTS_WITHOUT_THREADS], ids=["in threads", "without threads"])
@pytest.mark.parametrize("way", ["upload_file", "upload_fileobj"])
def test_an_upload_in_parts_is_one_object_of_its_save(
    captured: Captured, store: RawStore, client: Any, source: Path, way: str, how: TransferConfig
) -> None:
    """Every call of an upload in parts stands below its save, whose totals are the store's own counts."""

    def upload() -> None:
        if way == "upload_file":
            client.upload_file(str(source), "bucket", "maps/image.jpg", Config=how)
        else:
            client.upload_fileobj(io.BytesIO(CONTENT), "bucket", "maps/image.jpg", Config=how)

    _save(upload)
    (save,) = captured.saves
    assert Counter(span.name for span in captured.calls) == UPLOADED_IN_PARTS
    assert _parents(captured.calls) == {_span_id(save)}
    assert _parents(captured.attempts) == {_span_id(call) for call in captured.calls}
    known = facts(save)
    assert known[attribute.CALLS] == known[attribute.ATTEMPTS] == len(store.seen) == 5
    assert known[attribute.HEADER_BYTES] == max(len(seen.head) for seen in store.seen)
    assert known[attribute.CONTENT_SIZE] == SIZE
    assert known[attribute.OBJECTS] == 1
    assert known[attribute.STORED] == attribute.YES
    assert known[attribute.S3_KEY] == "maps/image.jpg"
    assert (known[attribute.OUTCOME], known.get(attribute.APP_RETRY_ATTEMPTS, 0)) == ("succeeded", 0)


def test_the_parts_of_an_upload_are_told_apart(captured: Captured, client: Any, source: Path) -> None:
    """Each part tells its own size and hash; parts of one upload are no repetition of one another."""
    client.upload_file(str(source), "bucket", "maps/image.jpg", Config=IN_PARTS)
    parts = [facts(call) for call in captured.calls if call.name == "S3.UploadPart"]
    pieces = [CONTENT[start : start + PART] for start in range(0, SIZE, PART)]
    told = {(part[attribute.CONTENT_SIZE], part[attribute.CONTENT_HASH]) for part in parts}
    assert told == {(len(piece), f"crc32:{zlib.crc32(piece):08x}") for piece in pieces}
    assert not [part for part in parts if attribute.APP_RETRY_ATTEMPT in part]


def test_the_same_content_has_the_same_hash_in_parts_and_whole(
    captured: Captured, client: Any, source: Path
) -> None:
    """A save's hash is its content's, whether boto3 sent it in one piece or in several."""
    _save(lambda: client.upload_file(str(source), "bucket", "maps/image.jpg", Config=WHOLE))
    _save(lambda: client.upload_file(str(source), "bucket", "maps/image.jpg", Config=IN_PARTS))
    whole, in_parts = (facts(save) for save in captured.saves)
    assert whole[attribute.CONTENT_HASH] == f"crc32:{zlib.crc32(CONTENT):08x}"
    assert in_parts[attribute.CONTENT_HASH] == whole[attribute.CONTENT_HASH]


def test_two_saves_at_once_keep_their_calls_apart(
    captured: Captured, store: RawStore, client: Any, source: Path
) -> None:
    """Two uploads in parts, under way at the same moment in one process: each call is its own save's."""
    both_begun = threading.Barrier(2, timeout=60)
    usual = object_of(SIZE)

    def meet(visit: Visit) -> None:
        if b"?uploads" in visit.seen.head.split(b"\r\n", 1)[0]:
            both_begun.wait()
        usual(visit)

    store.script = [meet] * ENOUGH
    app = flask.Flask("maps")

    @app.post("/save/<name>")
    def save(name: str) -> str:
        client.upload_file(str(source), "bucket", f"maps/{name}", Config=IN_PARTS)
        return "saved"

    users = [threading.Thread(target=app.test_client().post, args=(f"/save/{name}",)) for name in "ab"]
    for user in users:
        user.start()
    for user in users:
        user.join()
    assert len(captured.saves) == 2
    for one in captured.saves:
        known = facts(one)
        name = str(known["http.target"]).rpartition("/")[2]
        own = [call for call in captured.calls if facts(call)[attribute.S3_KEY] == f"maps/{name}"]
        assert Counter(call.name for call in own) == UPLOADED_IN_PARTS
        assert _parents(own) == {_span_id(one)}
        assert (known[attribute.CALLS], known[attribute.CONTENT_SIZE]) == (5, SIZE)
        assert known[attribute.S3_KEY] == f"maps/{name}"


def test_a_part_that_is_refused_fails_the_save(
    captured: Captured, store: RawStore, client: Any, source: Path
) -> None:
    """Where a part is refused, the save says so, and that nothing was stored; the clean-up mends nothing."""
    usual = object_of(SIZE)

    def refuse_second(visit: Visit) -> None:
        second = b"partNumber=2" in visit.seen.head
        (refused("403 Forbidden", "AccessDenied") if second else usual)(visit)

    store.script = [refuse_second] * ENOUGH

    def upload() -> None:
        client.upload_file(str(source), "bucket", "maps/image.jpg", Config=IN_PARTS)

    _save(upload)
    known = facts(captured.saves[0])
    assert "S3.AbortMultipartUpload" in [call.name for call in captured.calls]
    assert (known[attribute.OUTCOME], known[attribute.ERROR_CODE]) == ("failed", "AccessDenied")
    assert (known[attribute.STAGE], known[attribute.STORED]) == ("storage", attribute.NO)
    # Of a part that was under way when the other was refused the store may not have had the whole.
    assert known[attribute.CALLS] == len(captured.calls)
    assert known[attribute.ATTEMPTS] == len(captured.attempts)
    assert _parents(captured.calls) == {_span_id(captured.saves[0])}


def test_an_upload_that_fails_tells_the_app_what_it_would_without_us(
    captured: Captured, store: RawStore, client: Any, source: Path
) -> None:
    """The exception of a failed upload is boto3's own."""
    store.script = [refused("403 Forbidden", "AccessDenied")]
    with pytest.raises(S3UploadFailedError, match="AccessDenied"):
        client.upload_file(str(source), "bucket", "maps/image.jpg", Config=WHOLE)
    assert facts(captured.calls[0])[attribute.ERROR_CODE] == "AccessDenied"


@pytest.mark.parametrize("way", ["download_file", "download_fileobj"])
def test_a_download_in_parts_is_the_requests_that_asked_for_it(
    captured: Captured, store: RawStore, client: Any, tmp_path: Path, way: str
) -> None:
    """Ranges that boto3 fetches in threads stand below the request, which is no save; the app gets all."""
    target = tmp_path / "fetched"

    def download() -> None:
        if way == "download_file":
            client.download_file("bucket", "maps/image.jpg", str(target), Config=IN_PARTS)
        else:
            with target.open("wb") as file:
                client.download_fileobj("bucket", "maps/image.jpg", file, Config=IN_PARTS)

    _save(download)
    assert target.read_bytes() == b"x" * SIZE
    (request,) = captured.saves
    assert _parents(captured.calls) == {_span_id(request)}
    assert len(captured.attempts) == len(store.seen)
    heads = sorted(facts(span)[attribute.HEADER_BYTES] for span in captured.attempts)
    assert heads == sorted(len(seen.head) for seen in store.seen)
    assert attribute.OUTCOME not in facts(request)


@pytest.mark.parametrize(
    ("how", "calls"),
    [
        (WHOLE, Counter({"S3.HeadObject": 1, "S3.CopyObject": 1})),
        (
            IN_PARTS,
            Counter(
                {
                    "S3.HeadObject": 1,
                    "S3.CreateMultipartUpload": 1,
                    "S3.UploadPartCopy": 3,
                    "S3.CompleteMultipartUpload": 1,
                }
            ),
        ),
    ],
    ids=["whole", "in parts"],
)
def test_a_copy_is_a_save_of_what_it_copies_to(
    captured: Captured, store: RawStore, client: Any, how: TransferConfig, calls: Counter[str]
) -> None:
    """`copy` in boto3's threads is a save of one object, the target's, with all its calls below it."""
    _save(lambda: client.copy({"Bucket": "old", "Key": "from"}, "bucket", "maps/to", Config=how))
    (save,) = captured.saves
    assert Counter(span.name for span in captured.calls) == calls
    assert _parents(captured.calls) == {_span_id(save)}
    known = facts(save)
    assert known[attribute.CALLS] == known[attribute.ATTEMPTS] == len(store.seen)
    assert (known[attribute.S3_BUCKET], known[attribute.S3_KEY]) == ("bucket", "maps/to")
    assert (known[attribute.OBJECTS], known[attribute.STORED]) == (1, attribute.YES)
    assert known[attribute.OUTCOME] == "succeeded"


def test_threads_that_boto3_reuses_keep_nothing_of_an_earlier_save(
    captured: Captured, store: RawStore, client: Any
) -> None:
    """One transfer manager that serves save after save: every call is below the save that was live then."""
    from boto3.s3.transfer import create_transfer_manager

    with create_transfer_manager(client, TransferConfig(max_concurrency=1)) as manager:

        def upload() -> None:
            manager.upload(io.BytesIO(b"1"), "bucket", "maps/1").result()

        for _ in range(3):
            _save(upload)
        manager.upload(io.BytesIO(b"1"), "bucket", "maps/none").result()
    assert [_parents([call]) for call in captured.calls] == [
        *({_span_id(save)} for save in captured.saves),
        {None},
    ]
    assert [facts(save)[attribute.CALLS] for save in captured.saves] == [1, 1, 1]
