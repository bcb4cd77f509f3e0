"""Next steps where no answer came from the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence

from otel_savetrace import attributes
from otel_savetrace.analysis import values
from otel_savetrace.analysis.advice_retries import retries
from otel_savetrace.analysis.case import Case, extent, extent_of_time, middle, most_common, numbers
from otel_savetrace.analysis.decisive import failed_call
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.words import count, duration

BELOW = 0.8
"""A connection is given up after this share of the shortest idle time that was too long."""

TIGHT = 0.5
"""From this share of the limit on, what an answer usually takes leaves too little of it."""

USUAL_TIMEOUT_SECONDS = 60.0
"""botocore's own connect_timeout and read_timeout."""

AT_ONCE_SECONDS = 0.1
"""So near lie the end of one request and the beginning of the idle time before the next, if they are"
" one's."""


def stale_connection(case: Case) -> Iterator[str]:
    """The shortest idle time among the failures, the keep-alive to set below it, and where."""
    idle = numbers(case.of_attempts(attributes.CONNECTION_IDLE_SECONDS))
    who = case.peers or case.endpoint or "the other side"
    if not idle:
        yield f"Raise the keep-alive of {who} above the longest pause between two saves of one worker."
        yield from retries(case)
        return
    worked = numbers(case.of_worked_attempts(attributes.CONNECTION_IDLE_SECONDS))
    safe = [seconds for seconds in worked if seconds < min(idle)]
    fine = f" (up to {duration(max(safe))} worked)" if safe else ""
    yield (
        f"Reuse no connection to {who} that idled for {duration(min(idle))} or longer{fine}: give it up"
        " in the"
        f" app after {duration(_below(min(idle), safe))}, or let {who} keep it for longer than"
        f" {duration(max(idle))}, the longest pause seen to fail."
    )
    yield (
        "Where to set it: at the other side nginx keepalive_timeout, HAProxy timeout http-keep-alive, a load"
        " balancer's idle timeout. botocore has no setting for it: make a new client after such a pause. Its"
        " tcp_keepalive=True only lets the system send probes, on Linux after two idle hours"
        " (net.ipv4.tcp_keepalive_time), and a server's own time limit runs on all the same."
    )
    yield from _stale_again(case)
    yield from retries(case)


def reset(case: Case) -> Iterator[str]:
    """How far it had come, and whether it may be stored all the same."""
    where = f" ({case.peers})" if case.peers else ""
    yield f"Look at what stands between app and store{where}: it broke connections in use.{_how_far(case)}"
    took = [attempt.seconds for attempt in case.attempts()]
    if took and min(took) >= 1.0 and max(took) - min(took) <= 0.1 * max(took):
        yield (
            f"They broke after {extent_of_time(took)}, one like the other: that is somebody's limit of time."
        )
    stored = sum(save.stored == attributes.UNKNOWN for save in case.failed)
    if stored:
        yield (
            f"Let a retry write the same key: {count(stored, 'failed save')} may be stored all the same,"
            " since"
            " only the answer is known to be lost."
        )
    yield from retries(case)


def connect_timeout(case: Case) -> Iterator[str]:
    """How long was waited for a connection, and how long one takes where it is made."""
    waited = numbers(case.of_calls(attributes.CONNECT_TIMEOUT_SECONDS))
    where = case.peers or case.endpoint or "the store"
    took = numbers(case.of_worked_attempts(attributes.TCP_SECONDS))
    usual = f", where {duration(middle(took))} is usual" if took else ""
    within = f" within {duration(max(waited))}" if waited else " in time"
    yield (
        f"Find out why {where} took no connection{within}{usual}: a firewall that drops, an address that"
        " is no"
        " longer there, or a full queue of connections."
    )
    if waited and took and max(waited) > 10 * max(took) and max(waited) > 5.0:
        yield (
            f"Lower connect_timeout, now {duration(max(waited))}: none that was made took more than"
            f" {duration(max(took))}, and a second attempt comes the sooner."
        )
    yield from retries(case)


def read_timeout(case: Case) -> Iterator[str]:
    """How long was waited for an answer, how long answers take, and whether an empty object spoiled it."""
    if case.kinds & {"RequestTimeout", "408"}:
        yield (
            f"Find out why the body did not reach the store in time ({case.codes}): a slow way, a body"
            " that is"
            f" shorter than announced, or a process that stopped while it sent.{_how_far(case)}"
        )
        yield from retries(case)
        return
    waited = numbers(case.of_calls(attributes.READ_TIMEOUT_SECONDS))
    took = numbers(case.of_worked_attempts(attributes.FIRST_BYTE_SECONDS))
    spoiled = _after_empty(case)
    if spoiled:
        yield (
            f"Upgrade botocore to 1.43.77 or later: {count(spoiled, 'failed save')} came on a connection"
            " right"
            " after a PUT of no bytes, which spoils it for the next (botocore#3755)."
        )
    where = case.peers or case.endpoint or "the store"
    within = f" within {duration(max(waited))}" if waited else " in time"
    usual = (
        f" Where saves worked it took {duration(middle(took))}, {duration(max(took))} at most."
        if took
        else ""
    )
    yield f"Find out why {where} did not answer{within} (read_timeout).{usual}"
    if waited and took and max(took) >= TIGHT * min(waited):
        yield (
            f"Raise read_timeout, now {duration(min(waited))}, above {duration(2 * max(took))}: slow answers"
            f" come that late (botocore's own is {duration(USUAL_TIMEOUT_SECONDS)})."
        )
    elif waited and took and min(waited) >= USUAL_TIMEOUT_SECONDS:
        yield (
            f"Lower read_timeout, now {duration(min(waited))}: what does not answer within"
            f" {duration(max(10 * max(took), 1.0))} hardly ever will, and a second attempt comes the sooner."
        )
    yield from _expect(case)
    yield from retries(case)


def refused(case: Case) -> Iterator[str]:
    """Who refused, and whether it takes connections otherwise."""
    where = case.peers or case.endpoint or "the store"
    if case.endpoint is not None and case.endpoint in case.of_worked_calls(attributes.ENDPOINT):
        yield (
            f"Find out why nothing listened at {where} at times: a restart, a crash, or a backend that is"
            " taken"
            " out too late."
        )
        yield from retries(case)
    else:
        on = f" on {case.hosts}" if case.hosts else ""
        yield f"Check the endpoint{on}: no save that was seen got through to {case.endpoint or where}."


def dns(case: Case) -> Iterator[str]:
    """Which name, and whether it is resolved otherwise."""
    name = (case.endpoint or "").partition("://")[2] or "the store's name"
    on = f" on {case.hosts}" if case.hosts else ""
    if case.endpoint is not None and case.endpoint in case.of_worked_calls(attributes.ENDPOINT):
        yield (
            f"Look at the resolver{on}: {name} is resolved at other times. A cache on the host rides out"
            " what it"
            " drops (systemd-resolved, NodeLocal DNSCache)."
        )
        yield from retries(case)
    else:
        yield f"Check the name {name}{on}: no save that was seen got it resolved."


def tls(case: Case) -> Iterator[str]:
    """Whose certificate, and who does not trust it."""
    on = f" on {case.hosts}" if case.hosts else ""
    at = case.endpoint or case.peers or "the endpoint"
    yield (
        f"Check which authorities are trusted{on} (AWS_CA_BUNDLE, verify=), and {at}'s certificate:"
        f" {case.codes}."
    )
    if case.endpoint is not None and case.endpoint in case.of_worked_calls(attributes.ENDPOINT):
        yield "The same endpoint is trusted in saves that worked, so the certificate itself is not all wrong."


def _below(shortest: float, worked: list[float]) -> float:
    """Return after how long to give a connection up: what worked is near enough, where it is below."""
    return max([BELOW * shortest, *(seconds for seconds in worked if seconds <= 0.9 * shortest)])


def _stale_again(case: Case) -> Iterator[str]:
    """Tell of calls of which every attempt came on a connection that had been kept: their pool holds many."""
    again = [call for call in case.calls if len(call.attempts) > 1]
    all_kept = [call for call in again if all(one.connection == attributes.REUSED for one in call.attempts)]
    if all_kept:
        size = values.integer(most_common(case.of_calls(attributes.POOL_SIZE)))
        pool = f" (max_pool_connections is {size})" if size is not None else ""
        yield (
            f"In {count(len(all_kept), 'call')} each attempt met another kept connection: fewer"
            f" kept{pool}, or"
            " more attempts than are kept, get to a new one."
        )


def _how_far(case: Case) -> str:
    """Say how much of the body had been sent, where that is known."""
    told = [
        (sent, size)
        for call in case.calls
        if (size := values.integer(call.span.attributes.get(attributes.CONTENT_SIZE))) is not None
        for attempt in call.attempts[-1:]
        if (sent := attempt.body_bytes_sent) is not None
    ]
    if not told:
        return ""
    cut = [sent for sent, size in told if sent < size]
    if not cut:
        return " Each body had been sent whole: the answer was what did not come."
    of = extent([float(size) for sent, size in told if sent < size])
    return f" {extent([float(sent) for sent in cut])} had been sent, of {of}."


def _expect(case: Case) -> Iterator[str]:
    """Tell where nobody ever answers `Expect: 100-continue`; where a store only hangs, that says nothing."""
    worked = list(case.worked_attempts())
    unanswered = case.of_worked_attempts(attributes.CONTINUE).count(attributes.UNANSWERED)
    if worked and unanswered > len(worked) / 2:
        yield (
            "Each upload waits a second for an answer to `Expect: 100-continue` that does not come, in saves"
            " that work, too: some proxies hold it back (botocore#3613)."
        )


def _after_empty(case: Case) -> int:
    """Return how many failed attempts came on a connection whose last request had put an empty object.

    The connection is known by its process, and by its idle time, which begins where that request ended.
    """
    ended: dict[object, list[float]] = defaultdict(list)
    for save in case.worked:
        for call in save.calls:
            if call.writes and call.span.attributes.get(attributes.CONTENT_SIZE) == 0:
                ends = [attempt.span.end_nanoseconds / 1e9 for attempt in call.attempts[-1:]]
                ended[save.span.attributes.get(attributes.PROCESS_ID)] += ends
    ended.pop(None, None)
    return sum(_idled_since(save, ended) for save in case.failed)


def _idled_since(save: Save, ended: Mapping[object, Sequence[float]]) -> bool:
    call = failed_call(save)
    attempt = call.attempts[0] if call and call.attempts else None
    if attempt is None or attempt.connection_idle_seconds is None:
        return False
    since = attempt.span.start_nanoseconds / 1e9 - attempt.connection_idle_seconds
    moments = ended.get(save.span.attributes.get(attributes.PROCESS_ID), ())
    return any(abs(moment - since) <= AT_ONCE_SECONDS for moment in moments)


ADVICE: Mapping[str, Callable[[Case], Iterator[str]]] = {
    "network.stale_connection": stale_connection,
    "network.reset": reset,
    "network.connect_timeout": connect_timeout,
    "network.read_timeout": read_timeout,
    "network.refused": refused,
    "network.dns": dns,
    "network.tls": tls,
}
