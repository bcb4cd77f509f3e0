"""What to do where something was too large: which part, by how much, and what would have fitted."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis.candidates import HEADER
from otel_savetrace.analysis.findings import Condition
from otel_savetrace.analysis.saves import Save
from otel_savetrace.capture.text import shortened
from otel_savetrace.spans.rows import AttributeValue
from tests.analysis.made_case import advised, failed_by, made_save, worked_with

Held = Mapping[str, AttributeValue]

CODE = "RequestHeaderSectionTooLarge"


def with_headers(headers: str, section: int) -> Held:
    """Facts of an attempt."""
    return {names.LARGEST_HEADERS: headers, names.HEADER_SECTION_BYTES: section}


def key_of(slug: str, file: str) -> str:
    """A key as an app makes it."""
    return f"charts/ada/{slug}/{file}"


def too_long(key: str) -> Save:
    """A save whose key was refused, recorded as capture does: cut to as many bytes as S3 takes."""
    held: Held = {
        names.S3_KEY: shortened(key, names.KEY_LIMIT),
        names.KEY_LEN: len(key.encode()),
    }
    return failed_by("KeyTooLongError", call=held)


def test_the_header_that_grew() -> None:
    """The header that grew most is named first, with its size there and where saves work."""
    failed = failed_by(CODE, with_headers("baggage=7340 Authorization=221 Cookie=600", 8_300))
    worked = worked_with(with_headers("Authorization=221 baggage=120 Cookie=300", 900))
    steps = advised("storage.header_too_large", [failed], [worked])
    assert steps.startswith(
        "Make the header baggage smaller: 7,340 bytes in failed saves, 120 where saves work."
    )
    assert "OTEL_PROPAGATORS" in steps
    assert "Others grew, too: Cookie 600, 300 where saves work." in steps
    assert "Authorization" not in steps
    assert "The header section had 8,300 bytes in failed saves, 900 at most where saves worked." in steps
    assert "Amazon S3 takes 8,192 bytes of names and values (PutObject)." in steps


def test_a_header_that_came_anew() -> None:
    """A header that is not among the largest where saves work is told as such, with no size made up."""
    failed = failed_by(CODE, with_headers("x-amz-meta-history=7900", 8_300))
    steps = advised(
        "storage.header_too_large", [failed], [worked_with(with_headers("Authorization=221", 900))]
    )
    assert (
        "x-amz-meta-history smaller: 7,900 bytes in failed saves, none of the largest where saves work."
        in steps
    )
    assert "It is user metadata, of which S3 takes 2,048 bytes" in steps


def test_what_a_retry_sent() -> None:
    """What grew is held against the retry of the same save before all others."""
    failed = failed_by(CODE, with_headers("Cookie=7340", 8_300))
    worked = worked_with(with_headers("Cookie=7000", 7_800))
    pairs = [({HEADER + "cookie": 7_340}, {HEADER + "cookie": 40})]
    steps = advised("storage.header_too_large", [failed], [worked], pairs=pairs)
    assert steps.startswith(
        "Make the header Cookie smaller: 7,340 bytes in failed saves, 40 where saves work."
    )


def test_another_limit_than_s3s() -> None:
    """A head that Amazon S3 would have taken met another limit, and that is said."""
    failed = [failed_by(CODE, with_headers("Cookie=3000", section)) for section in (8_300, 4_100)]
    steps = advised("storage.header_too_large", failed)
    assert "Amazon S3 takes 8,192: the limit is the store's own, or a proxy's." in steps


def test_slug_limit() -> None:
    """A slug cut to the limit that is advised makes every key seen fit, and one byte more does not."""
    files = ("data.json", "published.json")
    failed = [too_long(key_of("s" * 1_100, files[0])), too_long(key_of("s" * 1_200, files[0]))]
    worked = [worked_with(key=key_of("short", file)) for file in files]
    steps = advised("storage.key_too_long", failed, worked)
    assert steps.startswith(
        "Cut the longest part of the key, which follows charts/ada/, to 998 bytes of UTF-8 (not characters)"
    )
    assert max(len(key_of("s" * 998, file).encode()) for file in files) == names.KEY_LIMIT
    assert "Keys had 1,121 to 1,221 bytes in failed saves; Amazon S3 takes 1,024 of UTF-8." in steps


def test_slug_limit_of_other_users() -> None:
    """The longest name before the slug counts, of whoever it is, and no user's folder is said to be all's."""
    failed = [
        too_long(f"charts/{user}/{'s' * 1_050}/data.json") for user in ("ada", "someone-with-a-long-name")
    ]
    steps = advised("storage.key_too_long", failed, [worked_with(key="charts/bo/plan/data.json")])
    longest = len("charts/someone-with-a-long-name//data.json")
    assert f"Cut the longest part of the key, to {names.KEY_LIMIT - longest} bytes of UTF-8" in steps


def test_keys_with_fewer_parts() -> None:
    """Keys of another shape, and those that are hidden, tell nothing of what stands beside a slug."""
    worked = [
        worked_with(key=key_of("short", "data.json")),
        worked_with(key="an-export-with-a-name-as-long-as-this.zip"),
        worked_with(key="charts/an-export-with-a-name-as-long-as-this-one.zip"),
        worked_with(key="sha256:0123456789abcdef", call={names.KEY_LEN: 900}),
    ]
    steps = advised("storage.key_too_long", [too_long(key_of("s" * 1_100, "data.json"))], worked)
    assert "to 1,003 bytes of UTF-8" in steps


def test_slug_in_another_alphabet() -> None:
    """Bytes are counted, not characters."""
    failed = [too_long(key_of("ж" * 600, "data.json"))]
    steps = advised("storage.key_too_long", failed, [worked_with(key=key_of("план", "data.json"))])
    assert f"to {names.KEY_LIMIT - len(key_of('', 'data.json')):,} bytes" in steps


@pytest.mark.parametrize("key", ["sha256:0123456789abcdef", None])
def test_hidden_keys(key: str | None) -> None:
    """Where keys are hidden, it is told by how much the longest passes the limit."""
    saves = [failed_by("KeyTooLongError", call={names.KEY_LEN: length}, key=key) for length in (1_030, 1_100)]
    assert advised("storage.key_too_long", saves) == (
        "Make keys shorter by 76 bytes of UTF-8 (not characters) at least.\n"
        "Keys had 1,030 to 1,100 bytes in failed saves; Amazon S3 takes 1,024 of UTF-8."
    )


def test_what_follows_is_not_known() -> None:
    """Where the end of the keys was cut off, and no other tells what follows, no limit is made up."""
    steps = advised("storage.key_too_long", [too_long(key_of("s" * 1_100, "data.json"))])
    assert steps.startswith("Make keys shorter by 97 bytes")


def test_a_key_of_many_parts() -> None:
    """Where no part of a key is long enough to be cut, no limit of a part is advised."""
    assert advised("storage.key_too_long", [too_long("a/" * 600 + "data.json")]).startswith(
        "Make keys shorter"
    )


def test_a_files_name() -> None:
    """A store that keeps objects as files limits each part of a key."""
    steps = advised(
        "storage.key_too_long",
        [failed_by("KeyTooLongError", key=key_of("s" * length, "data.json")) for length in (258, 300)],
        [worked_with(key=key_of("s" * 244, "data.json"))],
    )
    assert steps.startswith("Cut each part of the key to 255 bytes of UTF-8 (not characters)")
    assert (
        "The longest part of a key had 258 to 300 bytes in failed saves, 244 at most where saves worked."
        in steps
    )


def test_a_hidden_name() -> None:
    """A hash is as long as any other: of hidden keys no part is measured."""
    hidden = failed_by("KeyTooLongError", key="sha256:0123456789abcdef", call={names.KEY_LEN: 300})
    assert "part of a key" not in advised("storage.key_too_long", [hidden])


def test_a_name_that_is_not_long() -> None:
    """A name that is refused though no part of it is long is not to be cut."""
    steps = advised("storage.key_too_long", [failed_by("XMinioInvalidObjectName", key="charts//x")])
    assert steps.startswith(
        "Ask whoever runs https://store.example which names it takes: XMinioInvalidObjectName."
    )
    assert "Cut" not in steps


def test_metadata() -> None:
    """The metadata that grew is named, with the limit of all of it."""
    failed = failed_by(
        "MetadataTooLarge", {names.METADATA_BYTES: 2_300, names.LARGEST_HEADERS: "x-amz-meta-note=2200"}
    )
    worked = worked_with({names.METADATA_BYTES: 140, names.LARGEST_HEADERS: "x-amz-meta-note=100"})
    steps = advised("storage.metadata_too_large", [failed], [worked])
    assert "most of all x-amz-meta-note: 2,200 bytes, 100 where saves work" in steps
    assert "User metadata had 2,300 bytes in failed saves, 140 at most where saves worked." in steps
    assert "Amazon S3 takes 2,048 bytes of user metadata" in steps


@pytest.mark.parametrize(
    ("code", "size", "said"),
    [
        (
            "EntityTooLarge",
            6 * 1024**3,
            "Upload in parts (upload_fileobj): Amazon S3 takes 5 GiB in one PUT.",
        ),
        ("EntityTooLarge", 200_000, "Raise the limit of https://store.example"),
        (
            "413",
            1_200_000,
            "(nginx: client_max_body_size, 1,048,576 bytes where it says nothing, which fits)",
        ),
        ("413", 900_000, "(nginx: client_max_body_size)."),
    ],
)
def test_content(code: str, size: int, said: str) -> None:
    """Whose limit content met is told by the code and by the size, nginx's default where it fits alone."""
    failed = failed_by(code, call={names.CONTENT_SIZE: size})
    steps = advised("storage.content_too_large", [failed], [worked_with(call={names.CONTENT_SIZE: 150_000})])
    assert said in steps
    assert f"The content had {size:,} bytes in failed saves, 150,000 at most where saves worked." in steps


def test_one_put_is_not_all() -> None:
    """Where smaller content fails as well, parts are no cure."""
    failed = [failed_by("EntityTooLarge", call={names.CONTENT_SIZE: size}) for size in (6 * 1024**3, 200_000)]
    assert "in parts" not in advised("storage.content_too_large", failed)


@pytest.mark.parametrize(
    ("cause", "whose"),
    [("front.too_large", "nginx: client_max_body_size"), ("app.rejected", "Flask: MAX_CONTENT_LENGTH")],
)
def test_request(cause: str, whose: str) -> None:
    """A request too large is told by its size, and by whose limit it met."""
    failed = made_save(
        outcome=names.FAILED,
        facts={names.REQUEST_BODY_SIZE: 900_000, "http.response.status_code": 413},
    )
    condition = Condition(names.REQUEST_BODY_SIZE, ">=", 900_000, 1.0, 0.0)
    worked = [worked_with(save={names.REQUEST_BODY_SIZE: 700_000})]
    steps = advised(cause, [failed], worked, condition=condition)
    assert whose in steps
    assert "Look for a limit" not in steps
    assert (
        "The request's body had 900,000 bytes in failed saves, 700,000 at most where saves worked." in steps
    )
