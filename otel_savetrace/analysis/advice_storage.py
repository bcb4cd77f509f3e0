"""Next steps where the store refused for another reason than a size.

Sources: Amazon S3 user guide ("Best practices design patterns", "Blocking public access") and API reference
("Error responses"), botocore's configuration reference, and the threads named with each defect.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping

from otel_savetrace import attributes
from otel_savetrace.analysis import values
from otel_savetrace.analysis.advice_retries import retries
from otel_savetrace.analysis.advice_throttled import throttled
from otel_savetrace.analysis.calls import Call
from otel_savetrace.analysis.case import (
    Case,
    extent_of_time,
    listed,
    middle,
    most_common,
    numbers,
    shared_folder,
)
from otel_savetrace.analysis.decisive import failed_call
from otel_savetrace.analysis.notices import SKEW_LIMIT_SECONDS
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.words import count, duration

REWRITTEN = frozenset(
    {"BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"}
)
"""Codes of content that is not what its checksum says."""

FETCHED = frozenset(
    {"CredentialRetrievalError", "MetadataRetrievalError", "NoCredentialsError", "TokenRetrievalError"}
)
"""Exceptions of a client that did not get credentials, and sent nothing."""

FULL = frozenset({"507", "InsufficientStorage", "XMinioStorageFull"})
"""Codes of a store whose disks are full."""

SHUT_OFF = frozenset({"AccountProblem", "AllAccessDisabled", "UserSuspended"})
"""Codes of an account that may do nothing at all."""

IN_THE_WAY = frozenset(
    {
        "ExistingObjectIsDirectory",
        "ExistingObjectIsFile",
        "ObjectParentIsFile",
        "XMinioObjectExistsAsDirectory",
        "XMinioParentIsObject",
    }
)
"""Codes of stores that keep objects as files, for a key that ends where a folder of another begins."""

TRACERS = ("baggage", "traceparent", "tracestate")


def internal_error(case: Case) -> Iterator[str]:
    """Request ids to ask about, and whether retries help."""
    ids = case.of_attempts(attributes.REQUEST_ID)
    quote = f", with request ids such as {ids[0]}" if ids else ""
    of = case.endpoint or "the store"
    if case.kinds & FULL:
        yield f"Make room in {of}: it has none left ({case.codes})."
        return
    yield f"Ask whoever runs {of} about {case.codes}{quote}."
    if case.kinds & {"502", "504", "BadGateway", "GatewayTimeout"}:
        yield "A 502 or 504 is of a proxy that got no answer of the store behind it: ask for its log, too."
    yield from retries(case)


def clock_skew(case: Case) -> Iterator[str]:
    """By how much, and on which host."""
    limit = duration(SKEW_LIMIT_SECONDS)
    skews = _skews_by_host(case)
    off = {host: skew for host, skew in skews.items() if abs(skew) >= SKEW_LIMIT_SECONDS}
    if off:
        told = listed(f"{host}, {_off(skew)}" for host, skew in off.items())
        yield f"Set the clock of {told}, and let chrony or systemd-timesyncd keep it."
    elif skews:
        took = [attempt.seconds for attempt in case.attempts()]
        yield (
            f"The clocks of {listed(skews)} are right (within {duration(max(map(abs, skews.values())))}):"
            f" find out what held requests up after they were signed. They took {extent_of_time(took)} in"
            " all."
        )
    else:
        where = f" of {case.hosts}" if case.hosts else ""
        yield f"Hold the clock{where} against the store's, and let chrony or systemd-timesyncd keep it."
    yield f"S3 refuses from {limit} on; botocore neither corrects its clock nor tries again (boto3#1252)."


def signature(case: Case) -> Iterator[str]:
    """Where the key is from, which headers are signed, and who may change them."""
    where = f" on {case.hosts}" if case.hosts else ""
    kind = values.text(most_common(case.of_calls(attributes.CREDENTIAL_KIND)))
    source = f" (botocore has it from: {kind})" if kind else ""
    if "AuthorizationHeaderMalformed" in case.kinds:
        region = most_common(case.of_calls(attributes.REGION))
        yield f"Check the client's region{f', now {region}' if region else ''}: requests are signed for it."
    yield f"Check that the secret key{where} is the store's present one{source}."
    yield from _signed(case)


def credentials(case: Case) -> Iterator[str]:
    """Where the credentials are from, and when they end."""
    kind = values.text(most_common(case.of_calls(attributes.CREDENTIAL_KIND)))
    left = numbers(case.of_calls(attributes.CREDENTIAL_EXPIRES_IN_SECONDS))
    where = f" on {case.hosts}" if case.hosts else ""
    if case.kinds & FETCHED:
        yield (
            f"Find out why botocore got no credentials{where} ({case.codes}). An instance's metadata"
            " service is"
            " asked once, for a second: AWS_METADATA_SERVICE_TIMEOUT and AWS_METADATA_SERVICE_NUM_ATTEMPTS"
            " allow more."
        )
        return
    source = f" (botocore has them from: {kind})" if kind else ""
    yield f"Renew or correct the credentials{where}{source}: the store answered {case.codes}."
    ended = [-seconds for seconds in left if seconds <= 0]
    if ended:
        yield (
            f"They had ended {extent_of_time(ended)} before. What is passed to a client as it is made is"
            " never"
            " renewed: let botocore fetch credentials itself."
        )


def access_denied(case: Case) -> Iterator[str]:
    """What was refused, to whom, and what in the request may need a right of its own."""
    operations = listed(call.operation for call in case.calls)
    bucket = listed(str(one) for one in case.of_calls(attributes.S3_BUCKET))
    prefix = shared_folder([str(key) for key in case.of_calls(attributes.S3_KEY)])
    if case.kinds & SHUT_OFF:
        yield (
            f"Ask whoever runs {case.endpoint or 'the store'} about the account: it is shut off"
            f" ({case.codes})."
        )
        return
    yield (
        f"Hold the policies of the user and of bucket {bucket or 'in question'} against what was refused:"
        f" {operations or 'the request'}{f' on {prefix}' if prefix else ''}."
    )
    signed = set(_signed_headers(case.calls))
    if "x-amz-acl" in signed:
        yield (
            "The requests set an ACL: Block Public Access refuses public ones, and s3:PutObjectAcl allows"
            " any."
        )
    if "x-amz-server-side-encryption-aws-kms-key-id" in signed:
        yield "The requests name a KMS key, which needs kms:GenerateDataKey."
    if any(call.operation in {"HeadObject", "GetObject"} for call in case.calls):
        yield "Without s3:ListBucket, S3 answers 403 for an object that is only not there."


def checksum(case: Case) -> Iterator[str]:
    """Content changed on the way, or a checksum that the store does not know."""
    worked = case.endpoint in case.of_worked_calls(attributes.ENDPOINT)
    if case.kinds & REWRITTEN:
        yield (
            f"Content arrived otherwise than it was sent ({case.codes}): look for what stands between app and"
            f" store{f' ({case.peers})' if case.peers else ''}, or a host with failing memory."
            " The checksum kept it out: leave it on."
        )
        return
    trailing = "x-amz-trailer" in set(_signed_headers(case.calls))
    sent = ", here as a trailer after the body" if trailing else ""
    but = " It takes them in other saves, so look at what else differs." if worked else ""
    if case.is_amazon:
        yield f"Look at what stands between app and store: Amazon S3 knows the checksums of botocore.{but}"
        return
    yield (
        "Set AWS_REQUEST_CHECKSUM_CALCULATION=when_required: from botocore 1.36 on each upload carries a"
        f" checksum{sent}, and some stores do not take it (boto3#4392, #4398).{but}"
    )


def conflict(case: Case) -> Iterator[str]:
    """Which other save wrote the same object at the same time."""
    if case.kinds & IN_THE_WAY:
        keys = listed(str(key) for key in case.of_calls(attributes.S3_KEY))
        yield (
            f"Rename what is saved as {keys or 'these keys'}: a key of another object ends where a folder"
            " of it"
            " begins, or the reverse, which stores that keep objects as files do not take (S3 does)."
        )
        return
    others = _overlapping(case)
    if others:
        yield (
            f"Keep a save from starting before the one before it has ended: in {len(others):,} of"
            f" {count(len(case.failed), 'failed save')} another wrote the same object meanwhile,"
            f" such as {others[0]}."
        )
    else:
        yield (
            f"Find who else writes these objects ({case.codes}): none of the saves seen did so at that time."
        )
    if case.kinds & {"412", "PreconditionFailed"}:
        yield "A condition was sent along (If-Match, If-None-Match): read the object again before the retry."


def not_found(case: Case) -> Iterator[str]:
    """What was not there."""
    bucket = listed(str(one) for one in case.of_calls(attributes.S3_BUCKET))
    operations = listed(call.operation for call in case.calls)
    if "NoSuchUpload" in case.kinds:
        yield (
            "Find out what ended the uploads before they were complete: a lifecycle rule"
            " (AbortIncompleteMultipartUpload), or a second completion."
        )
    elif "NoSuchKey" in case.kinds:
        yield (
            f"Find out why {operations or 'the request'} found no object before the write, in bucket"
            f" {bucket or 'in question'}: it was deleted, or never stored."
        )
    else:
        at = f" at {case.endpoint}" if case.endpoint else ""
        yield f"Check that bucket {bucket or 'in question'} is there, and the one meant{at} ({case.codes})."
    used = {str(one) for one in case.of_worked_calls(attributes.S3_BUCKET)}
    if bucket and used and not used & {str(one) for one in case.of_calls(attributes.S3_BUCKET)}:
        yield f"Saves that worked wrote to {listed(sorted(used))}."


def _skews_by_host(case: Case) -> dict[str, float]:
    """Return the median of what the clocks of each host and the store differed by, in seconds."""
    by_host: dict[str, list[float]] = defaultdict(list)
    for save in case.failed:
        host = save.span.attributes.get(attributes.HOST_NAME) or save.span.resource.get(attributes.HOST_NAME)
        call = failed_call(save)
        for attempt in call.attempts if call else ():
            skew = values.number(attempt.span.attributes.get(attributes.CLOCK_SKEW_SECONDS))
            if skew is not None:
                by_host[str(host or "the app's host")].append(skew)
    return {host: middle(skews) for host, skews in by_host.items()}


def _off(skew: float) -> str:
    """Say on which side of the store's a clock is; `skew` is the store's minus ours."""
    return f"{duration(abs(skew))} {'behind' if skew > 0 else 'ahead of'} the store's"


def _signed(case: Case) -> Iterator[str]:
    signed = _signed_headers(case.calls)
    if not signed:
        return
    usual = set(_signed_headers(case.worked_calls))
    more = [name for name in signed if usual and name not in usual]
    if more:
        yield f"Signed in the failed requests only: {', '.join(more)}. Nothing on the way may change them."
    else:
        yield f"Nothing between app and store may change a signed header: {', '.join(signed)}."
    if set(TRACERS) & set(signed):
        yield (
            "A tracer's header is signed: two tracers that both write `baggage` break the signature"
            " (sentry-python#7031, dd-trace-py#19477)."
        )


def _signed_headers(calls: Iterable[Call]) -> list[str]:
    """Return the names of all headers that were signed, in their order."""
    named: dict[str, None] = {}
    for call in calls:
        told = values.text(call.span.attributes.get(attributes.SIGNED_HEADERS)) or ""
        named.update(dict.fromkeys(filter(None, told.split(";"))))
    return list(named)


def _overlapping(case: Case) -> list[str]:
    """Return the trace of another save for each failed one whose object that wrote at the same time."""
    writing: dict[str, list[Save]] = defaultdict(list)
    for save in (*case.failed, *case.worked):
        for key in {call.key for call in save.calls if call.writes and call.key}:
            writing[key].append(save)
    found = []
    for save in case.failed:
        call = failed_call(save)
        others = writing.get(call.key, []) if call and call.key else []
        found += [other.trace_id for other in others if other is not save and _overlap(other, save)][:1]
    return found


def _overlap(one: Save, other: Save) -> bool:
    return (
        one.span.start_nanoseconds < other.span.end_nanoseconds
        and other.span.start_nanoseconds < one.span.end_nanoseconds
    )


ADVICE: Mapping[str, Callable[[Case], Iterator[str]]] = {
    "storage.throttled": throttled,
    "storage.internal_error": internal_error,
    "storage.clock_skew": clock_skew,
    "storage.signature": signature,
    "storage.credentials": credentials,
    "storage.access_denied": access_denied,
    "storage.checksum": checksum,
    "storage.conflict": conflict,
    "storage.not_found": not_found,
}
