"""Ctrl-C is one KeyboardInterrupt, at a moment that leaves nothing half done."""

from __future__ import annotations

import signal
import tempfile
from pathlib import Path

import pytest
from rich.console import Console

from otel_savetrace.demo.interruption import Interruption
from otel_savetrace.demo.stage import Stage


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_the_first_signal_interrupts(number: signal.Signals) -> None:
    """SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt where they come."""
    with pytest.raises(KeyboardInterrupt), Interruption():
        signal.raise_signal(number)


def test_later_signals_do_nothing() -> None:
    """What is done after the first signal is not interrupted by a second."""
    put_away = False
    with Interruption() as interruption:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGTERM)
            put_away = True
    assert put_away
    assert interruption.happened


def test_a_held_step_is_whole() -> None:
    """A signal during a held step interrupts at the end of it."""
    done: list[str] = []

    def step(interruption: Interruption) -> None:
        with interruption.held():
            signal.raise_signal(signal.SIGINT)
            done.append("step")
        done.append("more")

    with Interruption() as interruption, pytest.raises(KeyboardInterrupt):
        step(interruption)
    assert done == ["step"]


def test_a_long_held_step_can_look() -> None:
    """A held step that looks whether it was interrupted ends there."""
    done: list[str] = []

    def step(interruption: Interruption) -> None:
        with interruption.held():
            interruption.check()
            signal.raise_signal(signal.SIGINT)
            done.append("before")
            interruption.check()
            done.append("after")

    with Interruption() as interruption, pytest.raises(KeyboardInterrupt):
        step(interruption)
    assert done == ["before"]


def test_what_is_put_away_is_not_interrupted_again() -> None:
    """A held step after the interruption runs to its end and raises nothing."""
    with Interruption() as interruption:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with interruption.held():
            signal.raise_signal(signal.SIGINT)


def test_the_handlers_before_are_back_after() -> None:
    """After the block the process handles signals as before."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with Interruption():
        assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) != before
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_what_was_ignored_stays_ignored() -> None:
    """Under ``nohup``, which ignores SIGHUP, a closed terminal interrupts nothing."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with Interruption() as interruption:
            signal.raise_signal(signal.SIGHUP)
        assert not interruption.happened
    finally:
        signal.signal(signal.SIGHUP, before)


def test_the_stages_folder_is_gone_though_the_signal_came_as_it_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal between the making of the folder and the noting of it leaves no folder."""
    make = tempfile.mkdtemp

    def make_and_interrupt(suffix: str | None, prefix: str | None, _: str | None) -> str:
        folder = make(suffix, prefix, tmp_path)
        signal.raise_signal(signal.SIGINT)
        return folder

    monkeypatch.setattr(tempfile, "mkdtemp", make_and_interrupt)
    console = Console(quiet=True)
    with pytest.raises(KeyboardInterrupt), Interruption() as interruption, Stage(console, interruption):
        pass
    assert list(tmp_path.iterdir()) == []
