"""A head, measured."""

from __future__ import annotations

import pytest

from otel_savetrace.capture import head

LINES = [
    b"PUT /bucket/k HTTP/1.1",
    b"Host: h",
    b"x-amz-meta-a: bc",
    b"X-Amz-Meta-D: ",
    b"User-Agent: " + b"u" * 40,
]
HEAD = b"\r\n".join(LINES)


def test_a_head_is_counted_with_every_crlf() -> None:
    """The bytes of a head are those sent, up to and with the empty line."""
    assert head.bytes_of(HEAD) == len(HEAD + b"\r\n\r\n")


def test_a_section_is_names_and_values() -> None:
    """The header section counts names and values, neither separators nor the request line."""
    assert head.section_bytes_of(HEAD) == sum(len(line) - len(b": ") for line in LINES[1:])


def test_metadata_is_counted_without_its_prefix() -> None:
    """User metadata counts names without the prefix, in either case, and values."""
    assert head.metadata_bytes_of(HEAD) == len(b"a" + b"bc" + b"D")
    assert head.metadata_bytes_of(HEAD.replace(b"-meta-", b"-data-").replace(b"-Meta-", b"-data-")) == 0


def test_the_largest_headers_come_first_and_equals_in_order_sent() -> None:
    """Five headers at most, by the bytes of name and value, those of one size in order sent."""
    largest = head.LargestHeaders()
    many = b"\r\n".join(
        [b"GET / HTTP/1.1", *(b"%c: 1" % letter for letter in b"abcdefg"), b"long: " + b"1" * 9]
    )
    assert largest.of(many) == "long=13 a=2 b=2 c=2 d=2"
    assert largest.of(HEAD).startswith("User-Agent=50 x-amz-meta-a=14 ")


def test_a_value_is_found_by_its_whole_name() -> None:
    """A header's value is that of the header so named, not of one whose name ends alike."""
    assert head.value_of(HEAD, b"Host") == b"h"
    assert head.value_of(HEAD, b"Agent") == b""
    assert head.value_of(HEAD, b"User-Agent") == b"u" * 40


def test_heads_of_one_shape_and_other_names_are_told_apart() -> None:
    """A head whose lines are as long as another's, with other names, has its own largest headers."""
    largest = head.LargestHeaders()
    for one, other in (
        (b"abc: 12345", b"xyz: 12345"),
        (b"ab: 123456", b"abc: 12345"),
        (b"abc: 12345", b"abc: 54321"),
    ):
        for line in (one, other, one):
            name = line.partition(b":")[0].decode()
            assert largest.of(b"GET / HTTP/1.1\r\n" + line) == f"{name}=8"


def test_remembered_shapes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """No more shapes of heads are remembered than the limit."""
    monkeypatch.setattr(head, "_MOST_SHAPES", 3)
    largest = head.LargestHeaders()
    for length in range(20):
        assert largest.of(b"GET / HTTP/1.1\r\na: " + b"x" * length) == f"a={length + 1}"
        assert len(largest._known) <= 3
