"""A page's file is there as a whole or not at all."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from otel_savetrace.report.page.file import check_writable, write_whole


def test_a_file_is_replaced_as_a_whole(tmp_path: Path) -> None:
    """What stood there is replaced, keeps its mode, and nothing else is left in the folder."""
    file = tmp_path / "page.html"
    file.write_text("before")
    file.chmod(0o640)
    check_writable(file)
    assert file.read_text() == "before"
    assert write_whole(file, "ä") == 2
    assert file.read_text(encoding="utf-8") == "ä"
    assert file.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [file]


def test_who_reads_meanwhile_sees_the_file_of_before(tmp_path: Path) -> None:
    """A file that is open keeps its text while another takes its place."""
    file = tmp_path / "page.html"
    file.write_text("before")
    with file.open() as reading:
        write_whole(file, "after")
        assert reading.read() == "before"


def test_a_link_is_followed(tmp_path: Path) -> None:
    """The file that a link leads to is written, and the link stays."""
    link, file = tmp_path / "latest.html", tmp_path / "page.html"
    link.symlink_to(file.name)
    write_whole(link, "text")
    assert link.is_symlink()
    assert file.read_text() == "text"


def test_checking_leaves_nothing(tmp_path: Path) -> None:
    """A file that is not there yet is not there after the check either."""
    check_writable(tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "missing/page.html", "a-file/page.html", "x" * 300])
def test_where_nothing_can_be_written_is_said_at_once(name: str, tmp_path: Path) -> None:
    """A folder, a folder that is not there, a file for a folder and an endless name are refused."""
    (tmp_path / "a-file").touch()
    with pytest.raises(OSError):  # noqa: PT011 - of several kinds, each with the system's own words
        check_writable(tmp_path / name)


def test_what_may_not_be_written_is_not_replaced_either(tmp_path: Path) -> None:
    """The folder would allow it; a program that runs is a file that even root may not write to."""
    program = tmp_path / "page.html"
    shutil.copy(shutil.which("sleep") or "", program)
    with subprocess.Popen([program, "60"]) as running:  # noqa: S603 - the system's own program
        try:
            with pytest.raises(OSError, match="busy"):
                check_writable(program)
        finally:
            running.kill()


def test_what_is_no_file_is_not_replaced() -> None:
    """A device, such as a terminal, is refused, and stays what it is."""
    with pytest.raises(FileExistsError):
        check_writable(Path(os.devnull))
    assert not Path(os.devnull).is_file()
