"""A source is read by what it is."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest

from otel_savetrace.errors import SourceError
from otel_savetrace.spans.sources import read
from tests.fixture_spans import SpanFile


def test_a_path_is_read_as_a_file(span_file: SpanFile) -> None:
    """A path of a file gives its spans, under the name that was given."""
    span_file.save()
    reading = read(str(span_file.path))
    assert (reading.kind, reading.name, len(reading.spans)) == ("file", str(span_file.path), 3)


def test_a_dash_is_standard_input(span_file: SpanFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` reads what is piped in."""
    span_file.save()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(span_file.path.read_bytes())))
    assert len(read("-").spans) == 3


def test_a_web_address_is_read_as_a_jaeger() -> None:
    """An address of a web server is asked as a Jaeger is, whatever the case of its scheme."""
    with pytest.raises(SourceError, match="No Jaeger answers"):
        read("HTTP://127.0.0.1:1")


def test_another_scheme_is_refused(tmp_path: Path) -> None:
    """A source of a kind that is not known is refused by name."""
    with pytest.raises(SourceError, match="ftp://host/spans cannot be read"):
        read("ftp://host/spans")
