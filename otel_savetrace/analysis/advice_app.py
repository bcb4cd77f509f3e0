"""Next steps where the app, its worker, another service, or what stands before it was the reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from otel_savetrace import attributes
from otel_savetrace.analysis.case import Case, most_common, numbers
from otel_savetrace.analysis.words import duration


def exception(case: Case) -> Iterator[str]:
    """Which exception, on which route."""
    yield f"Read the traceback of {case.codes}, raised on {_routes(case)}; storage was not the reason."


def rejected(case: Case) -> Iterator[str]:
    """What the user was told."""
    told = most_common(save.user_error for save in case.failed if save.user_error)
    said = f", and told the user: {told}" if told else ""
    yield f"The app itself said no on {_routes(case)}{said}. Whether it should is for its own code to say."


def session(case: Case) -> Iterator[str]:
    """How sessions end."""
    yield (
        f"The session had ended, or was not known, on {_routes(case)}: see how long sessions last, and"
        " that every"
        " worker and host has the same secret key. What was edited meanwhile should survive the login."
    )


def dependency(case: Case) -> Iterator[str]:
    """Which service."""
    named = Counter(
        case.dependencies[save.trace_id] for save in case.failed if save.trace_id in case.dependencies
    )
    service = ", ".join(name for name, _ in named.most_common(3))
    yield f"See to {service or 'the service'} that the save needs besides the store: {case.codes}."
    stored = sum(save.stored == attributes.YES for save in case.failed)
    if stored:
        yield f"In {stored:,} of these saves everything was stored, and the user was told of a failure."


def killed(case: Case) -> Iterator[str]:
    """The worker's limit against what calls may take."""
    limits = numbers(case.of_saves(attributes.WORKER_TIMEOUT_SECONDS)) or numbers(
        case.of_controls(attributes.WORKER_TIMEOUT_SECONDS)
    )
    longest = max((save.seconds for save in case.failed), default=0.0)
    patience = [
        save.patience_seconds for save in (*case.failed, *case.worked[-200:]) if save.patience_seconds
    ]
    if limits:
        may = f" One storage call alone may take {duration(max(patience))}." if patience else ""
        yield (
            f"The worker is killed when a request takes {duration(min(limits))} (gunicorn's --timeout);"
            " these saves"
            f" had gone on for up to {duration(longest)}.{may}"
        )
        yield (
            "Make the client give up first: fewer attempts, a shorter read_timeout, and no retries of the"
            " app's own"
            " around it; or raise --timeout above what all of them may take."
        )
    else:
        yield (
            f"These saves have no end: after up to {duration(longest)} nothing more is heard of their"
            " worker. Look in"
            " the server's log for WORKER TIMEOUT, SIGKILL, or the kernel's out-of-memory killer."
        )


def too_large(case: Case) -> Iterator[str]:
    """The front's limit."""
    sizes = numbers(case.of_saves(attributes.REQUEST_BODY_SIZE))
    seen = f" The smallest refused had {min(sizes):,.0f} bytes." if sizes else ""
    yield (
        "Raise the front server's limit (nginx: client_max_body_size), or refuse earlier with a word on"
        f" it.{seen}"
    )


def front_timeout(case: Case) -> Iterator[str]:
    """The front's patience."""
    longest = max((save.seconds for save in case.failed), default=0.0)
    yield (
        f"The front server gave up after {duration(longest)} (nginx: proxy_read_timeout): let the app"
        " give up before"
        " it does, or raise it above the worker's limit."
    )


def bad_gateway(case: Case) -> Iterator[str]:
    """Nothing behind the front."""
    yield (
        "Nothing answered behind the front server: a worker that was killed, a restart, or a full queue."
        " Its error"
        " log says which, at the times of the failed saves."
    )


def client_gone(case: Case) -> Iterator[str]:
    """Who did not wait."""
    longest = max((save.seconds for save in case.failed), default=0.0)
    yield (
        f"The browser was gone before the answer, after up to {duration(longest)}: its own time limit, or"
        " the user's"
        " patience. What it asked for may have been saved."
    )


def browser(case: Case) -> Iterator[str]:
    """Between the browser and the front."""
    yield (
        "The request never arrived, or its answer never came back: let the page keep the content and try"
        " again."
    )


def _routes(case: Case) -> str:
    counted = Counter(save.route for save in case.failed)
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(route for route, _ in ordered[:2] if route) or "an unknown route"


ADVICE: Mapping[str, Callable[[Case], Iterator[str]]] = {
    "app.exception": exception,
    "app.rejected": rejected,
    "app.session": session,
    "app.dependency": dependency,
    "process.killed": killed,
    "front.too_large": too_large,
    "front.timeout": front_timeout,
    "front.bad_gateway": bad_gateway,
    "front.client_gone": client_gone,
    "browser.network": browser,
}
