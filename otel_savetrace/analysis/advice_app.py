"""Next steps where the app, its worker, another service, or what stands before it was the reason."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence

from otel_savetrace import attributes
from otel_savetrace.analysis import advice_limits, values
from otel_savetrace.analysis.advice_retries import worker_limit
from otel_savetrace.analysis.calls import Call
from otel_savetrace.analysis.candidates import TIME
from otel_savetrace.analysis.case import Case, extent_of_time, listed
from otel_savetrace.analysis.errors import kind_of
from otel_savetrace.analysis.patience import SETTINGS, lasted, limits_of, settings_within, trying_of
from otel_savetrace.analysis.retries import SPARE
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.words import count, duration

TOO_LARGE = 413

_ATTEMPT = "\0"
_NUMBERED = re.compile(r"\battempt ([0-9]+)")

OUT_OF_MEMORY = "out_of_memory"
"""What `attributes.KILLED_BY` says of the kernel's out-of-memory killer."""

MOST_KINDS = 4
"""Kinds of what saves were doing as they ended that are named."""

WORTH_RAISING = 2.0
"""A limit is raised at most to so many times what it is: whoever waits for it has limits of their own."""

EARLY = 0.9
"""A worker that ended before this share of its limit was not ended by it."""


def exception(case: Case) -> Iterator[str]:
    """Which exception, on which route."""
    yield f"Read the traceback of {case.codes}, raised on {_routes(case)}: storage was not the reason."
    stored = sum(save.stored == attributes.YES for save in case.failed)
    if stored:
        yield (
            f"In {count(stored, 'save')} all had been stored before: the user was told of a failure all"
            " the same."
        )


def rejected(case: Case) -> Iterator[str]:
    """What the user was told; where the request was too large, by how much."""
    if any(save.status_code == TOO_LARGE for save in case.failed):
        yield from advice_limits.request_too_large(case)
        return
    told = listed(save.user_error for save in case.failed if save.user_error)
    said = f" ({told})" if told else ""
    yield f"Find out in the app's own code why it said no on {_routes(case)}{said}."


def session(case: Case) -> Iterator[str]:
    """Whether sessions end, or are not known everywhere."""
    found = case.condition
    if found is not None and found.operator == "=" and found.attribute != TIME:
        yield (
            f"Hold the secret key and the session's store of {found.attribute} {found.value} against the"
            f" others': sessions are not known there, on {_routes(case)}."
        )
    else:
        yield (
            f"See how long sessions last, and that every worker has the same secret key: {_routes(case)}"
            " found"
            " none, or one that had ended."
        )
    yield "Let the page keep what was edited until the login is done."


def dependency(case: Case) -> Iterator[str]:
    """Which service, and whether everything was stored all the same."""
    named = listed(
        case.dependencies[save.trace_id] for save in case.failed if save.trace_id in case.dependencies
    )
    yield (
        f"See to {named or 'the service that the save needs besides the store'}: {case.codes} on"
        f" {_routes(case)}."
    )
    stored = sum(save.stored == attributes.YES for save in case.failed)
    if stored:
        yield f"In {count(stored, 'save')} the object was stored, and what the service holds may not fit it."


def killed(case: Case) -> Iterator[str]:
    """What ended them, what was being done, and how long it may take against the worker's limit."""
    took = [save.seconds for save in case.failed if save.seen]
    ended = f" They ended after {extent_of_time(took)}." if took else ""
    first, *others = _what_ended(case, took)
    yield f"{first}{ended}"
    yield from others
    doing = _under_way(case)
    if doing:
        yield f"When they ended: {doing}."
    if any(save.stored == attributes.YES for save in case.failed):
        yield _stored_all_the_same(case)


def _what_ended(case: Case, took: Sequence[float]) -> Iterator[str]:
    """Yield what to do about each thing that ended saves, the most frequent first."""
    codes = Counter(_stopped_by(save) for save in case.failed)
    for code, _ in codes.most_common():
        if code == WORKER_TIMEOUT:
            yield _limit_struck(case)
        elif code in _STOPPED_BY:
            yield _STOPPED_BY[code]
    if not codes.keys() <= {WORKER_TIMEOUT, *_STOPPED_BY}:
        yield _ended_without_a_word(case, took)


def _stopped_by(save: Save) -> str:
    """Return a save's code; of one killed outright the worker's limit, where that is known to have struck."""
    told = save.span.attributes.get(attributes.KILLED_BY)
    return WORKER_TIMEOUT if told == WORKER_TIMEOUT else kind_of(save)[0]


def _limit_struck(case: Case) -> str:
    limit = worker_limit(case)
    if limit is not None:
        return _give_up_first(case, limit)
    kinds = listed(str(kind) for kind in case.of_saves(attributes.WORKER_CLASS))
    return (
        f"Find what held up the whole worker: gunicorn's limit (--timeout) strikes a worker{_of_kind(kinds)}"
        " only where nothing of it runs any more, whatever a single request does."
    )


def _of_kind(kinds: str) -> str:
    return f" of the kind {kinds}" if kinds else ""


def _ended_without_a_word(case: Case, took: Sequence[float]) -> str:
    limit = worker_limit(case)
    if OUT_OF_MEMORY in case.of_saves(attributes.KILLED_BY):
        return "Give the app more memory, or find what takes it: the kernel killed these workers."
    crashes = _CRASHES & set(case.of_saves(attributes.KILLED_BY))
    if crashes:
        return f"Find what crashes the app's process ({listed(sorted(crashes))}): code in C, a driver's say."
    if limit is not None and took and max(took) < EARLY * limit:
        return (
            f"Find out what ended these workers before their limit of {duration(limit)}: a deploy, the"
            " kernel's out-of-memory killer, a crash."
        )
    if limit is not None:
        return _give_up_first(case, limit)
    return (
        "Look in the server's log for WORKER TIMEOUT, SIGKILL or the kernel's out-of-memory killer: nothing"
        " more was heard of these workers."
    )


WORKER_TIMEOUT = "worker_timeout"
"""Code of a save that gunicorn's limit stopped, and what `attributes.KILLED_BY` says of one killed for it."""

_CRASHES = {"SIGBUS", "SIGFPE", "SIGILL", "SIGSEGV"}
"""Signals that a process brings upon itself."""

_STOPPED_BY: Mapping[str, str] = {
    "worker_stopped": (
        "Give workers more time to end: these were told to stop (a deploy, a reload, SIGTERM) and not let"
        " finish. gunicorn waits --graceful-timeout, systemd TimeoutStopSec, Kubernetes"
        " terminationGracePeriodSeconds."
    ),
    "worker_recycled": (
        "Give recycled workers more time to end (gunicorn --graceful-timeout), or recycle fewer at once"
        " (--max-requests, --max-requests-jitter)."
    ),
    "greenlet_killed": "Find what kills greenlets in the app: these saves were ended in the middle by it.",
    "request_timeout": "Raise the app's own limit on a request, or make saves faster.",
    "cancelled": "Find what cancels requests in the app: these saves were ended in the middle by it.",
}
"""What to do where the save itself says what stopped it, beside the worker's limit."""


def front_timeout(case: Case) -> Iterator[str]:
    """The front's patience against the worker's, and the store's."""
    took = [lasted(save) for save in case.failed]
    limit = worker_limit(case)
    yield (
        f"Let the app give up before the front server does, which was after {extent_of_time(took)} (nginx:"
        " proxy_read_timeout)."
    )
    if limit is not None and limit > min(took):
        yield (
            f"Its worker goes on for up to {duration(limit)}, for nobody: set proxy_read_timeout above that,"
            " or gunicorn's --timeout below."
        )
    settings = settings_within(trying_of([*case.failed, *case.worked]), min(took), SETTINGS["front"])
    if settings is not None:
        yield f"{settings}."
    if any(save.stored == attributes.YES for save in case.failed):
        yield _stored_all_the_same(case)


def bad_gateway(case: Case) -> Iterator[str]:
    """Whether workers are killed behind the front."""
    took = [lasted(save) for save in case.failed]
    limit = limits_of([*case.failed, *case.worked]).get("worker")
    if limit is not None and limit.saves and min(took) >= EARLY * limit.seconds:
        yield (
            f"Look for WORKER TIMEOUT in the server's log: the front server got no answer after"
            f" {extent_of_time(took)}, just where workers end ({duration(limit.seconds)})."
        )
    else:
        yield (
            f"See what the front server's error log says of these requests: they got no answer after"
            f" {extent_of_time(took)}. At once means that nothing listened, or that its queue was full."
        )


def client_gone(case: Case) -> Iterator[str]:
    """Who did not wait, and for how long."""
    limit = limits_of(case.failed).get("browser")
    if limit is not None:
        yield (
            f"Raise the page's own limit, which ends saves after {duration(limit.seconds)}, or make saves"
            " faster:"
            f" {count(limit.saves, 'save')} ended just there."
        )
    else:
        took = extent_of_time([lasted(save) for save in case.failed])
        yield (
            f"Make saves faster, or tell users to wait: they were gone after {took}, at no time in"
            " particular."
        )
    yield _stored_all_the_same(case)


def browser(case: Case) -> Iterator[str]:
    """Between the browser and the front: what the browser said of it."""
    limit = limits_of(case.failed).get("browser")
    if limit is not None:
        yield (
            f"Raise the page's own limit, which ends saves after {duration(limit.seconds)}, or make saves"
            f" faster: {count(limit.saves, 'save')} ended just there."
        )
    elif "page_closed" in case.kinds:
        yield "Let the page ask before it is left while a save is under way (beforeunload)."
    elif "blocked" in case.kinds:
        yield (
            "Find the rule of the page's own policy (CSP), or the extension of these users' browsers, that"
            f" forbids {_routes(case)}."
        )
    yield "Let the page keep the content and try again: the request, or its answer, was lost on the way."
    if any(save.stored for save in case.failed):
        yield _stored_all_the_same(case)


def _stored_all_the_same(case: Case) -> str:
    stored = sum(save.stored == attributes.YES for save in case.failed)
    of_all = f"{stored:,} of {count(len(case.failed), 'save')}" if len(case.failed) > 1 else "the save"
    said = f"{of_all} {'are' if stored > 1 else 'is'}" if stored else "what was asked for may be"
    return f"Let a retry write the same key: {said} stored all the same, whatever the user was told."


def _give_up_first(case: Case, limit: float) -> str:
    trying = trying_of(case.failed)
    if not trying.seconds:
        trying = trying_of(case.worked)
    settings = settings_within(trying, limit, SETTINGS["worker"])
    why = f"the worker is killed after {duration(limit)} (gunicorn --timeout)"
    if not trying.seconds or trying.seconds <= limit:
        return f"Find out what takes so long, or raise the limit: {why}."
    if settings is None:
        return f"Raise gunicorn's --timeout, or let the client give up sooner: {why}, and {trying.said}."
    raised = ""
    if trying.seconds <= WORTH_RAISING * limit:
        raised = f" Or set {SETTINGS['worker']} to {math.ceil(trying.seconds / SPARE)} s or more."
    return f"Let the client give up first: {why}, and {trying.said}. {settings}.{raised}"


def _under_way(case: Case) -> str:
    """Say how many of the saves were at what as they ended: in which storage call, at which attempt of it."""
    alike: dict[str, list[int]] = {}
    for save in case.failed:
        doing, attempt = _without_attempt(_doing(save))
        alike.setdefault(doing, []).append(attempt)
    ordered = sorted(alike.items(), key=lambda item: (-len(item[1]), item[0]))
    told = [
        f"{count(len(attempts), 'save')} {doing.replace(_ATTEMPT, _extent(attempts))}"
        for doing, attempts in ordered[:MOST_KINDS]
    ]
    rest = sum(len(attempts) for _, attempts in ordered[MOST_KINDS:])
    return "; ".join([*told, *([f"{count(rest, 'other')}"] if rest else [])])


def _without_attempt(doing: str) -> tuple[str, int]:
    """Return what a save was doing with the number of the attempt apart from it."""
    found = _NUMBERED.search(doing)
    if found is None:
        return doing, 0
    return doing[: found.start()] + _ATTEMPT + doing[found.end() :], int(found[1])


def _extent(numbers: Sequence[int]) -> str:
    low, high = min(numbers), max(numbers)
    return f"attempt {low}" if low == high else f"attempt {low} to {high}"


def _doing(save: Save) -> str:
    told = values.text(save.span.attributes.get(attributes.DOING))
    if told is not None:
        return f"in {told}" if told.startswith("attempt") else told
    last = max(save.calls, key=lambda call: call.span.start_nanoseconds, default=None)
    if last is None:
        return "had called no storage"
    if not _was_cut(save, last):
        return f"had ended {last.operation}, and did something else"
    allowed = f" of {last.attempts_allowed}" if last.attempts_allowed else ""
    return (
        f"in {last.operation}, attempt {last.attempts_made}{allowed}"
        if last.attempts_made
        else f"in {last.operation}"
    )


def _was_cut(save: Save, last: Call) -> bool:
    """Return whether a save's last storage call was still under way: it ended with its save, or badly."""
    code = values.text(last.span.attributes.get(attributes.ERROR_CODE))
    return code is not None or last.span.end_nanoseconds >= save.span.end_nanoseconds


def _routes(case: Case) -> str:
    return listed(save.route for save in case.failed if save.route) or "an unknown route"


ADVICE: Mapping[str, Callable[[Case], Iterator[str]]] = {
    "app.exception": exception,
    "app.rejected": rejected,
    "app.session": session,
    "app.dependency": dependency,
    "process.killed": killed,
    "front.timeout": front_timeout,
    "front.bad_gateway": bad_gateway,
    "front.client_gone": client_gone,
    "browser.network": browser,
}
