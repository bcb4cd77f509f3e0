"""Who waits for whom: the storage call, the worker, the front server, the browser.

Each should give up before whoever waits for it. A limit is known as configured, where capture recorded it, or
as seen: many saves of one fate that end just there, and hardly one that goes on for longer.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from otel_savetrace import attributes
from otel_savetrace.analysis import values
from otel_savetrace.analysis.calls import Call
from otel_savetrace.analysis.causes import cause_of
from otel_savetrace.analysis.findings import Patience
from otel_savetrace.analysis.retries import SPARE, Retries, fitting, least, retries_of
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.troubled import has_worked
from otel_savetrace.analysis.witnesses import BROWSER_SECONDS, FRONT_SECONDS
from otel_savetrace.analysis.words import count, duration

FEW = 5
"""With fewer saves that end together a limit is not seen."""

SHORTEST_SECONDS = 1.0
"""What ends sooner ran into no limit of time."""

SPREAD = 0.05
"""Saves that one limit ends differ by this share of it at most, and by what its keeper needs to notice."""

KEEPER_SECONDS: Mapping[str, float] = {"worker": 1.5, "front": 0.25, "browser": 0.25, "other": 0.25}
"""How long after its limit a save may still go on: gunicorn's arbiter looks once a second."""

OUTLIVED = 0.05
"""For so many of the saves that a limit ended, as a share, one may have gone on for longer."""

UNRECORDED_SECONDS = 5.0
"""What nothing recorded explains is taken for a limit from here on: shorter waits have many reasons."""

OUTWARDS = ("worker", "front", "browser")
"""Who waits for a save, the innermost first."""

NAMES: Mapping[str, str] = {
    "worker": "the worker",
    "front": "the front server",
    "browser": "the browser",
    "other": "something not recorded",
}

SETTINGS: Mapping[str, str] = {
    "worker": "gunicorn --timeout",
    "front": "nginx proxy_read_timeout",
    "browser": "the page's own limit",
}

FATES: Mapping[str, str] = {
    "front.bad_gateway": "worker",
    "front.client_gone": "browser",
    "front.timeout": "front",
    "process.killed": "worker",
}
"""Whose limit ends saves of a cause: a front server's 502 is what it has where a worker is killed."""

PAGE_TIMEOUT = "timeout"
"""What a browser says of a save that its page gave up after a limit of the page's own."""

NGINX_SECONDS = 60.0
"""nginx's default of proxy_read_timeout (ngx_http_proxy_module)."""


@dataclasses.dataclass(frozen=True, slots=True)
class Limit:
    """How long somebody waits; `saves` of those that were seen to end just there."""

    seconds: float
    saves: int
    configured: bool = False

    @property
    def known(self) -> str:
        """How it is known, as a clause."""
        seen = f"{count(self.saves, 'save')} ended just there" if self.saves else ""
        if self.configured:
            return f"as configured{'; ' if seen else ''}{seen}"
        return f"as seen: {seen}"


@dataclasses.dataclass(frozen=True, slots=True)
class Trying:
    """How long saves may try to reach the store: by their most patient call, which `retries` are set for.

    `tries` is how often the app was seen to make one call for the same object; `gave_up` are the lengths, in
    seconds, of calls that used up their attempts; `slowest_seconds` is the longest that an answer took to
    come, 0 where none is known.
    """

    call_seconds: float
    retries: Retries | None
    tries: int
    gave_up: Sequence[float]
    slowest_seconds: float

    @property
    def seconds(self) -> float:
        """The longest that a save may be about one storage call; 0 where that is not known."""
        return self.call_seconds * self.tries

    @property
    def said(self) -> str:
        """How long that is, as a clause that begins no sentence."""
        often = f", which the app makes {self.tries} times," if self.tries > 1 else ""
        return f"a storage call{often} may go on for {duration(self.seconds)}"


def patience_found(saves: Sequence[Save]) -> Patience | None:
    """Return the waits that are known; None where none is."""
    trying, limits = trying_of(saves), limits_of(saves)
    waits = (*_inner(trying), *((NAMES[who], one.seconds, one.known) for who, one in limits.items()))
    if not waits:
        return None
    return Patience(waits, tuple(_says(trying, limits, _unlimited(saves))))


def limits_of(saves: Sequence[Save]) -> dict[str, Limit]:
    """Return the limits that are known, innermost first: ``worker``, ``front``, ``browser``, ``other``."""
    ended: dict[str, list[float]] = {who: [] for who in NAMES}
    worked = sorted(lasted(save) for save in saves if has_worked(save))
    for save in saves:
        fate = _fate(save)
        if fate is not None:
            ended[fate].append(lasted(save))
    found = {who: limit_seen(lengths, worked, KEEPER_SECONDS[who]) for who, lengths in ended.items()}
    configured = [save.worker_timeout_seconds for save in saves if save.worker_timeout_seconds]
    if configured:
        least = min(configured)
        found["worker"] = Limit(
            least, _just_at(least, sorted(ended["worker"]), KEEPER_SECONDS["worker"]), True
        )
    pages = [values.number(save.span.attributes.get(attributes.BROWSER_TIMEOUT_SECONDS)) for save in saves]
    told = [seconds for seconds in pages if seconds]
    if told:
        least = min(told)
        found["browser"] = Limit(
            least, _just_at(least, sorted(ended["browser"]), KEEPER_SECONDS["browser"]), True
        )
    return {who: limit for who, limit in found.items() if limit is not None}


def lasted(save: Save) -> float:
    """Return how long a save took, in seconds, for whoever stands outermost of those that tell of it."""
    held = save.span.attributes
    told = (values.number(held.get(name)) for name in (BROWSER_SECONDS, FRONT_SECONDS))
    return next((seconds for seconds in told if seconds is not None), save.seconds)


def limit_seen(ended: Sequence[float], worked: Sequence[float], keeper_seconds: float) -> Limit | None:
    """Return where so many of the lengths `ended` lie together that a limit ended them; None of others.

    The window that holds most of them counts, if it holds most of those that went on for a while, and hardly
    a save went on beyond it, whether it worked or not. `worked` is in order.
    """
    long = sorted(length for length in ended if length >= SHORTEST_SECONDS)
    together, begins = max(((_just_at(one, long, keeper_seconds), -one) for one in long), default=(0, 0.0))
    latest = _latest(-begins, keeper_seconds)
    beyond = sum(len(lengths) - bisect.bisect_right(lengths, latest) for lengths in (long, worked))
    if together < max(FEW, len(long) / 2) or beyond > OUTLIVED * together:
        return None
    return Limit(-begins, together)


def trying_of(saves: Sequence[Save]) -> Trying:
    """Return how long the saves may try, and did."""
    calls = [call for save in saves for call in save.calls]
    worst = max(calls, key=lambda call: call.patience_seconds or 0.0, default=None)
    answers = [
        values.number(attempt.span.attributes.get(attributes.FIRST_BYTE_SECONDS))
        for call in calls
        for attempt in call.attempts
        if attempt.succeeded
    ]
    return Trying(
        call_seconds=(worst.patience_seconds or 0.0) if worst else 0.0,
        retries=retries_of(worst) if worst else None,
        tries=1 + max((call.app_retry for call in calls), default=0),
        gave_up=[call.seconds for call in calls if _used_up(call)],
        slowest_seconds=max((seconds for seconds in answers if seconds is not None), default=0.0),
    )


def settings_within(trying: Trying, limit_seconds: float, setting: str) -> str | None:
    """Return settings with which all tries of a save end within a limit, or the least limit that has room.

    `setting` is what the limit is set by. None where the present settings are not known.
    """
    if trying.retries is None:
        return None
    each = " each time" if trying.tries > 1 else ""
    found = fitting(trying.retries, limit_seconds / trying.tries, trying.slowest_seconds)
    if found is not None:
        return f"{found.config} gives up after {duration(found.worst_seconds)} at most{each}"
    one = least(trying.retries, trying.slowest_seconds)
    needed = math.ceil(one.worst_seconds * trying.tries / SPARE)
    return f"Even {one.config} needs {setting} of {needed} s or more"


def _inner(trying: Trying) -> Iterator[tuple[str, float, str]]:
    retries = trying.retries
    if trying.call_seconds:
        how = "at worst, as configured"
        if retries is not None:
            how = (
                f"at worst: {count(retries.attempts, 'attempt')} of {duration(retries.connect_seconds)} to"
                f" connect and {duration(retries.read_seconds)} to read, and the waits between"
                f" ({retries.mode} mode)"
            )
        yield "one storage call", trying.call_seconds, how
        if trying.tries > 1:
            often = f"the app was seen to make one call {trying.tries} times"
            yield "the app's own tries", trying.seconds, f"at worst: {often}"
    if trying.gave_up:
        most = f", {duration(max(trying.gave_up))} at most" if len(trying.gave_up) > 1 else ""
        yield (
            "a storage call that gave up",
            median(trying.gave_up),
            f"usually, as seen: {count(len(trying.gave_up), 'call')} used up all attempts{most}",
        )


def _says(trying: Trying, limits: Mapping[str, Limit], unlimited: str | None) -> Iterator[str]:
    wrong = [*_calls_outlast(trying, limits), *_limits_outlast(limits)]
    yield from wrong
    if "other" in limits:
        other = limits["other"]
        yield (
            f"{count(other.saves, 'failed save')} ended just at {duration(other.seconds)}, which is no limit"
            " that was recorded: look for it in the app and in what it waits for."
        )
    if unlimited is not None and "worker" not in limits:
        yield f"A {unlimited} worker is not killed for a slow request: who stands before it gives up first."
    if not wrong and trying.seconds and set(limits) - {"other"}:
        yield "Storage calls give up before anybody who waits for them, as they should."
    if trying.seconds > NGINX_SECONDS and "front" not in limits:
        yield (
            f"The front server's limit was not recorded. nginx gives up after {duration(NGINX_SECONDS)} where"
            " proxy_read_timeout says nothing else."
        )


def _calls_outlast(trying: Trying, limits: Mapping[str, Limit]) -> Iterator[str]:
    """Yield the first limit that ends a save whose storage calls still try, and what to change."""
    known = [(who, limits[who]) for who in OUTWARDS if who in limits]
    who, limit = min(known, key=lambda one: one[1].seconds, default=("", None))
    if limit is None or trying.seconds <= limit.seconds:
        return
    ends = "its worker is killed" if who == "worker" else f"{NAMES[who]} gives up"
    seen = f" ({count(limit.saves, 'save')} ended so)" if limit.saves else ""
    settings = settings_within(trying, limit.seconds, SETTINGS[who])
    change = settings or f"Set {SETTINGS[who]} above {duration(trying.seconds)}"
    yield (
        f"{trying.said[:1].upper()}{trying.said[1:]}, but {ends} after {duration(limit.seconds)}{seen}."
        f" {change}."
    )


def _limits_outlast(limits: Mapping[str, Limit]) -> Iterator[str]:
    """Yield each limit that ends before that of whom it waits for."""
    known = [(who, limits[who].seconds) for who in OUTWARDS if who in limits]
    for (inner, longer), (outer, shorter) in itertools.pairwise(known):
        if shorter < longer:
            yield (
                f"{NAMES[outer].capitalize()} gives up after {duration(shorter)}, and {NAMES[inner]} goes on"
                f" for up to {duration(longer)} for nobody: set {SETTINGS[outer]} above that, or"
                f" {SETTINGS[inner]} below."
            )


def _fate(save: Save) -> str | None:
    """Return whose limit may have ended a save, by how it ended."""
    if has_worked(save) or (save.outcome == "unknown" and save.answered != "no"):
        return None
    cause = cause_of(save).name
    known = "browser" if save.error_code == PAGE_TIMEOUT else FATES.get(cause)
    # A store that does not answer, or refuses, has limits and reasons of its own.
    own = cause.startswith(("app.", "unexplained")) and save.seconds >= UNRECORDED_SECONDS
    return known or ("other" if own else None)


def _just_at(begins: float, lengths: Sequence[float], keeper_seconds: float) -> int:
    """Return how many of the lengths, which are in order, lie where a limit may have ended them."""
    latest = _latest(begins, keeper_seconds)
    return bisect.bisect_right(lengths, latest) - bisect.bisect_left(lengths, begins)


def _latest(begins: float, keeper_seconds: float) -> float:
    return begins * (1 + SPREAD) + keeper_seconds


def _used_up(call: Call) -> bool:
    allowed = call.attempts_allowed
    return call.failed and allowed is not None and allowed > 1 and call.attempts_made == allowed


def _unlimited(saves: Sequence[Save]) -> str | None:
    """Return the kind of worker that most saves ran in, where gunicorn puts no limit on its requests."""
    kinds = Counter(
        kind
        for save in saves
        if (kind := values.text(save.span.attributes.get(attributes.WORKER_CLASS))) is not None
    )
    kind = max(sorted(kinds), key=lambda one: kinds[one], default=None)
    return None if kind == "sync" else kind
