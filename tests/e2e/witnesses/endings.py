"""The ways for a save to end, and the truth about each: what its user got, what is stored, what is told.

They stand in the order in which they are acted. Each has a storymap of its own, by whose id the store knows
what to do to it.
"""

from __future__ import annotations

import dataclasses
import hashlib

from otel_savetrace.demo.faults import EXPIRED_TOKEN, SLOW_DOWN, Fault, Plan, Rule, SlowAnswer

USER = "ada"

CLICKS = "clicks"
"""The storymap that is saved twice at once: the first save is `first-click`, the second `second-click`."""

Told = tuple[str, str | None]
"""An outcome, and a code where it is not that the save succeeded."""

_SUCCEEDED: Told = ("succeeded", None)


@dataclasses.dataclass(frozen=True)
class Ending:
    """What became of a save.

    `got` is the status that its page got, 0 for no answer, None where there was no page any more. `code` and
    `cause` are the report's, empty where it worked. `stored` is None where the app never heard of it.
    `browser` and `app` are what their own spans say, None where there is no such span; `calls` is how many
    spans of calls of the store there are.
    """

    got: int | None
    code: str
    cause: str
    stored: str | None
    browser: Told
    app: Told | None
    calls: int = 1

    @property
    def outcome(self) -> str:
        """What it was for the user."""
        return "failed" if self.code else "succeeded"


def _failed(
    got: int | None,
    code: str,
    cause: str,
    stored: str | None = None,
    *,
    browser: Told | str,
    app: Told | str | None = None,
    calls: int = 1,
) -> Ending:
    """Return what became of a save that failed; who tells no more than a code says that it failed."""
    told_by_browser = ("failed", browser) if isinstance(browser, str) else browser
    told_by_app = ("failed", app) if isinstance(app, str) else app
    return Ending(got, code, cause, stored, told_by_browser, told_by_app, calls if app else 0)


_SAVED = Ending(200, "", "", "yes", _SUCCEEDED, _SUCCEEDED)

BEFORE_THREADS = {
    "killed": _failed(502, "worker_killed", "process.killed", "unknown", browser="502", app="worker_killed"),
    "well": _SAVED,
    "large": _failed(413, "413", "front.too_large", browser="413"),
    "refused": _failed(
        200, "ExpiredToken", "storage.credentials", "no",
        browser="error_in_answer", app="ExpiredToken", calls=2,
    ),
    "logged-out": _failed(
        200, "login_redirect", "app.session", "no", browser="login_redirect", app="login_redirect", calls=0
    ),
    "gone": _failed(0, "timeout", "front.client_gone", "yes", browser="timeout", app=_SUCCEEDED),
    "given-up": _failed(504, "504", "front.timeout", "yes", browser="504", app=_SUCCEEDED),
    "closed": _failed(
        None, "page_closed", "front.client_gone", "yes", browser=("unknown", "page_closed"), app=_SUCCEEDED
    ),
    "cut": _failed(0, "offline", "browser.network", "yes", browser="offline", app=_SUCCEEDED),
    "first-click": _SAVED,
    "second-click": _SAVED,
    "offline": _failed(0, "offline", "browser.network", browser="offline"),
}  # fmt: skip
"""Of an app whose one worker serves several at once."""

BEFORE_ONE_WORKER = {
    # gunicorn answers in the name of what it has stopped.
    "limit": _failed(500, "worker_timeout", "process.killed", "no", browser="500", app="worker_timeout"),
    "busy": _SAVED,
    "queued": _SAVED,
    "nobody": _failed(502, "502", "front.bad_gateway", browser="502"),
}
"""Of an app whose one worker serves one after the other, and is killed where that takes too long."""

ENDINGS = {**BEFORE_THREADS, **BEFORE_ONE_WORKER}


def _meets(storymap: str, fault: Fault, times: int | None = 1) -> Rule:
    user_id = hashlib.md5(USER.encode(), usedforsecurity=False).hexdigest()
    return Rule(fault, f"storymapjs/{user_id}/{storymap}/", times=times)


_HELD_BACK = SlowAnswer(4.0)
"""While the store holds its answer back something else ends the save."""

PLAN = Plan(
    (
        _meets("refused", EXPIRED_TOKEN, times=None),
        _meets("limit", SLOW_DOWN, times=None),
        *(_meets(storymap, _HELD_BACK) for storymap in ("killed", "gone", "given-up", "closed", "cut")),
        *(_meets(storymap, SlowAnswer(1.5)) for storymap in (CLICKS, "busy")),
    )
)
