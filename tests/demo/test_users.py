"""Users save in the sample app under gunicorn, and press the button again when they saw it fail."""

from __future__ import annotations

import itertools
import threading
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_savetrace.demo import servers, story, users
from otel_savetrace.demo.front import Front
from otel_savetrace.demo.journal import RESET, Seen, read_journal
from otel_savetrace.demo.processes import LOOPBACK, free_port

SEED = 3


@pytest.fixture(scope="module")
def told() -> story.Story:
    """Tell a short story."""
    return story.tell(SEED, story.SMALLEST)


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Name the front's journal."""
    return tmp_path_factory.mktemp("front") / "journal.jsonl"


@pytest.fixture(scope="module")
def address(
    tmp_path_factory: pytest.TempPathFactory, s3_program: Path, told: story.Story, journal: Path
) -> Iterator[str]:
    """Run the app, without tracing, before a front and a real S3 server."""
    folder = tmp_path_factory.mktemp("site")
    store_port, port = free_port(), free_port()
    with servers.s3_server(folder / "store", store_port, announce=print):
        servers.make_bucket(store_port)
        with (
            Front(store_port, told.plan, journal) as front,
            servers.app_server(folder / "app", port, storage_url=front.url, tracing={}),
        ):
            yield f"http://{LOOPBACK}:{port}"


@pytest.fixture(scope="module")
def presses(address: str, told: story.Story) -> list[users.Press]:
    """Let everybody save until they are done."""
    pressed: list[users.Press] = []
    crowd = users.Crowd((address,), told.authors, SEED, pressed.append)
    with crowd:
        crowd.wait()
    return pressed


def test_everything_is_saved_in_the_end(presses: list[users.Press], told: story.Story) -> None:
    """Each user's saves end with a press that saved, and are as many as the story has steps."""
    for author in told.authors:
        own = [press for press in presses if press.user == author.name]
        saved = [press.what for press in own if press.error is None]
        assert saved == [step.what for step in author.steps]
        assert own[-1].error is None


def test_a_failed_save_is_pressed_again(presses: list[users.Press]) -> None:
    """After every failure the same user presses the same button once more; at the third press it is saved."""
    by_user: dict[str, list[users.Press]] = defaultdict(list)
    for press in presses:
        by_user[press.user].append(press)
    failures = 0
    for own in by_user.values():
        for before, after in itertools.pairwise(own):
            if before.error is not None:
                failures += 1
                assert (after.what, after.number) == (before.what, before.number + 1)
    assert failures == 5
    assert [press.error for press in presses if press.number == 3] == [None]


def test_users_see_what_an_editor_shows(presses: list[users.Press]) -> None:
    """Users see the app's own text, which names no storage error; what never reached storage says why."""
    seen = sorted((press.user, press.what, press.error) for press in presses if press.error is not None)
    assert [(user, what) for user, what, _ in seen] == [
        ("ada", "save"),
        ("bruno", "image"),
        ("chidi", "publish"),
        ("chidi", "publish"),
        ("dalia", "save"),
    ]
    told = [error for _, _, error in seen]
    assert told[:4] == ["Unable to save StoryMap"] * 4
    assert told[4] is not None
    assert told[4].startswith("The StoryMap could not be read")


def test_the_wire_saw_the_faults(presses: list[users.Press], journal: Path) -> None:
    """Six refusals exhaust the client, two do not; a page fails six times; a reused connection is reset."""
    seen = read_journal(journal)
    assert len(presses) > 0
    assert _refused(seen, "SlowDown", 503) == [2, 6]
    assert _refused(seen, "InternalError", 500) == [6]
    assert [line.reused for line in seen if line.answered == RESET] == [True]


def test_an_app_that_is_gone_is_an_error_that_the_user_sees(told: story.Story) -> None:
    """With nothing listening every press fails with what jQuery would say, and the user gives up at last."""
    pressed: list[users.Press] = []
    author = told.authors[0]
    stop = _NoPause()
    nobody = users.Hosts((f"http://{LOOPBACK}:{free_port()}",), 0.0)
    users.User(nobody, author, users.chance_of(SEED, author), pressed.append, stop).run()
    assert {press.error for press in pressed} == {"error"}
    assert [press.number for press in pressed] == [1, 2, 3, 4, 5] * len(author.steps)


def test_users_stop_when_they_are_told_to(told: story.Story) -> None:
    """A user who is told to stop does not begin another save."""
    pressed: list[users.Press] = []
    author = told.authors[0]
    stop = threading.Event()
    stop.set()
    nobody = users.Hosts((f"http://{LOOPBACK}:{free_port()}",), 0.0)
    users.User(nobody, author, users.chance_of(SEED, author), pressed.append, stop).run()
    assert pressed == []


class _NoPause(threading.Event):
    def wait(self, timeout: float | None = None) -> bool:
        return False


def _refused(seen: list[Seen], code: str, status: int) -> list[int]:
    """Count refusals with `code` for each object, fewest first."""
    counts: dict[str, int] = defaultdict(int)
    for line in seen:
        if line.code == code:
            assert line.answered == status
            counts[line.target] += 1
    return sorted(counts.values())
