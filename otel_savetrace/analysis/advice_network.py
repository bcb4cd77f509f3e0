"""Next steps where no answer came from the store, or the client sent nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from otel_savetrace import attributes
from otel_savetrace.analysis.case import Case, most_common, numbers
from otel_savetrace.analysis.decisive import call_like, first_attempt_alike
from otel_savetrace.analysis.words import count, duration

STALE = "https://github.com/boto/botocore/issues/2014"
FORK = "https://github.com/boto/botocore/issues/1246"
ZERO_LENGTH = "https://github.com/boto/botocore/issues/3755"
RETRIES = "https://boto3.amazonaws.com/v1/documentation/api/latest/guide/retries.html"


def stale_connection(case: Case) -> Iterator[str]:
    """The shortest idle time among the failures, and where to set what against it."""
    idle = numbers(case.of_attempts(attributes.CONNECTION_IDLE_SECONDS))
    longest = max(_idle_of_worked(case), default=None)
    where = _peers(case) or "the store, or what stands before it"
    if idle:
        worked = f"; up to {duration(longest)} of idling were seen to work" if longest is not None else ""
        yield (
            f"{where} closes connections that idled for {duration(min(idle))} (the shortest among the"
            " failures"
            f"{worked}). Set its keep-alive above the longest pause between two saves,"
            f" {duration(max(idle))} here:"
            " nginx keepalive_timeout, HAProxy timeout http-keep-alive, a load balancer's idle timeout."
        )
        yield (
            "Where that is not yours to set, give up connections in the app before: botocore has no"
            " limit of its"
            f" own, so make a new client after {duration(min(idle) * 0.8)} without a save, or save"
            " through a proxy"
            " that keeps its own connections alive."
        )
    else:
        yield (
            f"{where} closes connections that the client keeps: raise its keep-alive above the longest pause."
        )
    in_force = f" (now: {case.retries})" if case.retries else ""
    yield (
        f"Allow a retry{in_force}: a second attempt goes over a new connection ({STALE})."
        f" Config(retries={{'mode': 'standard', 'total_max_attempts': 3}}), see {RETRIES}."
    )


def reset(case: Case) -> Iterator[str]:
    """When and where it was reset."""
    sent = numbers(case.of_attempts(attributes.BODY_BYTES_SENT))
    sizes = numbers(case.of_calls(attributes.CONTENT_SIZE))
    where = _peers(case)
    how_far = ""
    if sent and sizes:
        how_far = f" {max(sent):,.0f} bytes at most had been sent, of {min(sizes):,.0f} to {max(sizes):,.0f}."
    yield (
        f"Look at what stands between app and store{f' ({where})' if where else ''}: it broke connections"
        " that"
        f" were in use.{how_far}"
    )
    stored = sum(save.stored == attributes.UNKNOWN for save in case.failed)
    if stored:
        yield (
            f"In {count(stored, 'save')} the content may be stored all the same: an answer that was lost"
            " looks"
            " like a save that failed. Let a retry write the same key."
        )
    if case.retries:
        yield (
            f"In force are {case.retries}; botocore repeats a reset by itself where attempts are left"
            f" ({RETRIES})."
        )


def timeout(case: Case) -> Iterator[str]:
    """How long was waited, for whom."""
    connecting = case.cause == "network.connect_timeout"
    name = attributes.CONNECT_TIMEOUT_SECONDS if connecting else attributes.READ_TIMEOUT_SECONDS
    setting = "connect_timeout" if connecting else "read_timeout"
    waited = numbers(case.of_calls(name))
    where = _peers(case) or "the store"
    limit = f" within {duration(max(waited))} ({setting})" if waited else ""
    yield f"Ask why {where} did not {'accept a connection' if connecting else 'answer'}{limit}."
    if not connecting:
        took = numbers(case.of_controls(attributes.READ_TIMEOUT_SECONDS))
        if waited and took and max(waited) <= 5:
            yield (
                f"{setting} is short: botocore's own is 60 s. Raise it to what the store needs at its"
                " slowest."
            )
        if 0.0 in numbers(case.of_calls(attributes.CONTENT_SIZE)) or _zero_length_before(case):
            yield (
                "Before botocore 1.43.77 a PUT of no bytes spoils its connection, and the next one waits"
                " for the"
                f" whole timeout ({ZERO_LENGTH}): upgrade botocore."
            )


def refused(case: Case) -> Iterator[str]:
    """Who refused."""
    endpoint = most_common(case.of_calls(attributes.ENDPOINT))
    yield (
        f"Nothing took connections at {endpoint or 'the endpoint'} then: was it being restarted, or is"
        " the address"
        " wrong on some host?"
    )


def dns(case: Case) -> Iterator[str]:
    """Which name."""
    endpoint = most_common(case.of_calls(attributes.ENDPOINT))
    yield (
        f"Resolve the name in {endpoint or 'the endpoint'} on the hosts that failed: a wrong name fails"
        " always, an"
        " overloaded resolver now and then (a cache on the host helps: nscd, systemd-resolved, NodeLocal"
        " DNSCache)."
    )


def tls(case: Case) -> Iterator[str]:
    """Whose certificate."""
    yield (
        f"Look at the certificate that {_peers(case) or 'the endpoint'} shows, and at the authorities"
        " that the"
        f" failing hosts trust (AWS_CA_BUNDLE, verify=): {case.codes}."
    )


def forked(case: Case) -> Iterator[str]:
    """Make the client after the fork."""
    pids = {str(pid) for pid in case.of_attempts(attributes.CONNECTION_PID)}
    by = f" (process {', '.join(sorted(pids)[:3])})" if pids else ""
    yield (
        f"Make the S3 client after the fork: connections opened before it{by} are shared by several"
        " workers, and"
        f" one's content may end up in the other's object ({FORK})."
    )
    yield (
        "With gunicorn --preload: make it in post_fork, or at its first use; check what was stored meanwhile."
    )


def pool(case: Case) -> Iterator[str]:
    """How many connections, for how many."""
    size = most_common(case.of_calls(attributes.POOL_SIZE))
    used = numbers(case.of_attempts(attributes.POOL_IN_USE))
    much = f" ({max(used):.0f} were in use, {size} are kept)" if used and size is not None else ""
    yield (
        f"Raise max_pool_connections in the client's Config to the number of threads that save at once{much}."
    )


def retry_quota(case: Case) -> Iterator[str]:
    """What emptied it."""
    yield (
        f"Earlier failures had used up the client's retry quota, so {case.codes} was not tried again"
        f" ({case.retries or 'retry settings unknown'}): a client starts with 500 tokens, and each retry"
        " takes 5"
        f" (10 after a timeout) until calls work again ({RETRIES})."
    )
    yield "See to the failures that came before; retry mode legacy has no such quota."


def invalid_parameter(case: Case) -> Iterator[str]:
    """What was refused."""
    operations = Counter(call.operation for call in case.calls())
    what = f" of {operations.most_common(1)[0][0]}" if operations else ""
    yield f"Check the parameters{what} before the call: {case.codes} is refused each time that it is tried."


def _idle_of_worked(case: Case) -> list[float]:
    found = []
    for save in case.worked[:: max(len(case.worked) // 2_000, 1)]:
        call = call_like(save, None)
        attempt = first_attempt_alike(call) if call else None
        if attempt is not None and attempt.connection_idle_seconds is not None:
            found.append(attempt.connection_idle_seconds)
    return found


def _zero_length_before(case: Case) -> bool:
    """Return whether a failed attempt came on a connection whose save wrote an empty object before."""
    return any(
        call.span.attributes.get(attributes.CONTENT_SIZE) == 0 for save in case.failed for call in save.calls
    )


def _peers(case: Case) -> str:
    """Return the addresses connected to, as a person lists them."""
    counted = Counter(str(peer) for peer in case.of_attempts(attributes.PEER_ADDRESS))
    ordered = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(peer for peer, _ in ordered[:3])
    return f"{shown} and {len(ordered) - 3} more" if len(ordered) > 3 else shown


ADVICE: Mapping[str, Callable[[Case], Iterator[str]]] = {
    "network.stale_connection": stale_connection,
    "network.reset": reset,
    "network.connect_timeout": timeout,
    "network.read_timeout": timeout,
    "network.refused": refused,
    "network.dns": dns,
    "network.tls": tls,
    "client.forked_connection": forked,
    "client.pool_exhausted": pool,
    "client.retry_quota": retry_quota,
    "client.invalid_parameter": invalid_parameter,
}
