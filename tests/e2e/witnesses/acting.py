"""What a user does so that each ending comes about, and the statuses that their pages got."""

from __future__ import annotations

import os
import signal

from otel_savetrace import attributes
from tests.e2e.witnesses.endings import BEFORE_THREADS, CLICKS
from tests.e2e.witnesses.relay import Relay
from tests.e2e.witnesses.user import User
from tests.eventually import eventually
from tests.logs.site import BODY_LIMIT

Got = dict[str, int | None]
"""Statuses that pages got, by the endings' names."""

_GIVES_UP_SECONDS = 1.0


def act_before_threads(user: User, impatient: int, relay: Relay) -> Got:
    """Save before an app that serves several at once.

    At the port `impatient` is a server that does not wait long; `relay` is the way to the other one.
    """
    user.log("in")
    # What a worker was told and has not exported dies with it: this one has nothing to tell yet.
    got: Got = {"killed": _killed(user)}
    got["well"] = user.edit("well").save()
    got["large"] = user.edit("large").save("x" * BODY_LIMIT)
    got["refused"] = user.edit("refused").save()
    got["logged-out"] = _logged_out(user)
    got["gone"] = user.edit("gone").save(timeout=_GIVES_UP_SECONDS)
    got["given-up"] = user.edit("given-up", impatient).save()
    _close_the_tab(user)
    got["closed"] = None
    got["cut"] = _cut(user, relay)
    got["first-click"], got["second-click"] = _clicked_twice(user)
    got["offline"] = _offline(user, relay)
    user.wait_until_told(len(got))
    reached = sum(ending.app is not None for ending in BEFORE_THREADS.values())
    eventually(lambda: user.written(attributes.STORED) == reached, "the app's word on each save")
    return got


def act_before_one_worker(user: User) -> Got:
    """Save before an app that serves one after the other, and that is not there in the end."""
    user.log("in")
    nobody = user.edit("nobody")
    got: Got = {"limit": user.edit("limit").save()}
    got["busy"], got["queued"] = _queued(user)
    user.wait_until_told(len(got))
    user.app.stop()
    got["nobody"] = nobody.save()
    user.app.process.start()
    user.wait_until_told(len(got))
    return got


def _killed(user: User) -> int:
    editor = user.edit("killed")
    os.kill(user.begin(editor), signal.SIGKILL)
    return editor.got()


def _logged_out(user: User) -> int:
    editor = user.edit("logged-out")
    user.log("out")
    status = editor.save()
    user.log("in")
    return status


def _close_the_tab(user: User) -> None:
    editor = user.edit("closed")
    user.begin(editor)
    editor.page.close(run_before_unload=True)


def _cut(user: User, relay: Relay) -> int:
    editor = user.edit("cut", relay.port)
    user.begin(editor)
    _take_network_away(user, relay)
    status = editor.got()
    _give_network_back(user, relay)
    return status


def _offline(user: User, relay: Relay) -> int:
    editor = user.edit("offline", relay.port)
    _take_network_away(user, relay)
    status = editor.save()
    _give_network_back(user, relay)
    return status


def _take_network_away(user: User, relay: Relay) -> None:
    # The browser knows first: it sends again what broke off on a connection that had served before.
    user.context.set_offline(True)
    relay.cut()


def _give_network_back(user: User, relay: Relay) -> None:
    relay.mend()
    user.context.set_offline(False)


def _clicked_twice(user: User) -> tuple[int, int]:
    editor = user.edit(CLICKS)
    user.begin(editor)
    second = editor.save()
    return editor.got(), second


def _queued(user: User) -> tuple[int, int]:
    busy, queued = user.edit("busy"), user.edit("queued")
    user.begin(busy)
    status = queued.save()
    return busy.got(), status
