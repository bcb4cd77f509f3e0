"""Many clients at once, who go through their scenarios; between two rounds the app is started anew."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from tests.e2e.crowd.client import Client
from tests.e2e.crowd.diary import Diary
from tests.e2e.crowd.scenarios import Party, Restart, Together

AT_ONCE = 8
"""Parties that are at work at the same time."""


class Crowd:
    """Runs `parties` against the site at `address`; `restart` starts the app anew."""

    def __init__(self, address: str, parties: Sequence[Party], restart: Callable[[], None]) -> None:
        self.diary = Diary()
        self.restarted = 0
        self._restart = restart
        self._runs = [_run(party, self._clients(address, party)) for party in parties]

    def _clients(self, address: str, party: Party) -> list[Client]:
        return [Client(address, name, party, self.diary, lambda: self.restarted) for name in party.names]

    def run(self) -> Diary:
        """Let everybody go on until they wait for a restart; restart; and so on until all are done."""
        waiting = self._runs
        with ThreadPoolExecutor(AT_ONCE) as pool:
            while waiting := [
                run for run, more in zip(waiting, pool.map(_goes_on, waiting), strict=True) if more
            ]:
                self._restart()
                self.restarted += 1
        return self.diary


def _goes_on(run: Iterator[None]) -> bool:
    """Run a party until it waits for a restart; False when it is done instead."""
    return next(run, _DONE) is not _DONE


_DONE = object()


def _run(party: Party, clients: list[Client]) -> Iterator[None]:
    for client in clients:
        client.log_in()
    for scenario in party.scenarios:
        for step in scenario.steps:
            if isinstance(step, Restart):
                yield
            elif isinstance(step, Together):
                _press_together(clients, step, scenario.kind)
            else:
                client = clients[step.who]
                client.send(client.prepare(step), scenario.kind)


def _press_together(clients: list[Client], step: Together, kind: str) -> None:
    clicks: dict[int, int] = {}
    prepared = []
    documents = [press.document for press in step.presses]
    for press in step.presses:
        twice = documents.count(press.document) > 1
        ready = clients[press.who].prepare(press, clicks.get(press.document), overlaps=twice)
        clicks[press.document] = ready.click
        prepared.append((clients[press.who], ready))
    with ThreadPoolExecutor(len(prepared)) as pool:
        for sent in [pool.submit(client.send, ready, kind) for client, ready in prepared]:
            sent.result()
