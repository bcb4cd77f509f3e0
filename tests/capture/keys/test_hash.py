"""A key's hash can be made at a shell, to search for it."""

from __future__ import annotations

import re
import subprocess

import pytest

from docs.tables import README
from otel_savetrace.capture.keys.hash import hash_of


@pytest.mark.parametrize("word", ["my-map", 'it\'s 100% "new"', "schöner Plan", "日本語"])
def test_the_hash_is_what_readme_tells_to_search_for(word: str) -> None:
    """README's command prints the hash of any word."""
    found = re.search(
        r'--storymap ("sha256:\$\(printf %s my-map \|.*?\)")', README.read_text(encoding="utf-8")
    )
    assert found, "README tells no way to make a hash"
    command = f"printf %s {found[1].replace('my-map', '$1')}"
    ran = subprocess.run(  # noqa: S603 - README's own words
        ["/bin/sh", "-c", command.replace("$1", '"$1"'), "sh", word],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout == hash_of(word)
    assert re.fullmatch("sha256:[0-9a-f]{16}", ran.stdout)
