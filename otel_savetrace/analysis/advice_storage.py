"""Next steps where the store refused.

Sources: Amazon S3 user guide and API reference for limits; the threads named with each defect.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping

from otel_savetrace import attributes
from otel_savetrace.analysis.candidates import HEADER
from otel_savetrace.analysis.case import Case, middle, most_common, numbers
from otel_savetrace.analysis.facts import headers_in
from otel_savetrace.analysis.notices import HEADER_SECTION_LIMIT, METADATA_LIMIT, SKEW_LIMIT_SECONDS
from otel_savetrace.analysis.values import text
from otel_savetrace.analysis.words import duration

NAME_LIMIT = 255
"""Bytes of a file's name on most file systems: stores that keep objects as files have it for each segment."""

GROWN = 1.5
"""A header that is larger by this factor than in saves that worked has grown."""

RATE = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html"
KEYS = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html"
METADATA = "https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html"
PUT_OBJECT = "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html"
CHECKSUMS = "https://github.com/boto/boto3/issues/4392"
SKEW = "https://github.com/boto/boto3/issues/1252"
SIGNATURE = "https://github.com/aws/aws-cli/issues/986"
BAGGAGE = "https://github.com/getsentry/sentry-python/issues/7031"


def throttled(case: Case) -> Iterator[str]:
    """The prefix and rate seen, retry mode and attempts in force."""
    busiest = _busiest_second(case)
    prefix = _prefix([str(key) for key in case.of_calls(attributes.S3_KEY)])
    where = f" under {prefix}" if prefix else ""
    yield (
        f"Spread or slow the writes{where}: up to {busiest:,} storage requests a second were seen when it"
        f" refused. Amazon S3 takes 3,500 writes a second for each prefix ({RATE}); other stores have limits"
        " of their own, set by whoever runs them."
    )
    in_force = f" (now: {case.retries})" if case.retries else ""
    yield (
        f"Let the client wait for longer rather than fail{in_force}: Config(retries={{'mode': 'adaptive',"
        " 'total_max_attempts': 5}) slows down by itself; keep the sum of all waits below the worker's limit."
    )


def internal_error(case: Case) -> Iterator[str]:
    """What the store answered, and whether retries are allowed."""
    ids = case.of_attempts(attributes.REQUEST_ID)
    quote = f", such as {ids[0]}" if ids else ""
    yield f"The store itself failed ({case.codes}): ask whoever runs it, with the request ids{quote}."
    if case.retries:
        yield (
            f"In force are {case.retries}. These errors pass: more attempts"
            " (Config(retries={'mode': 'standard', 'total_max_attempts': 5})) save what is saved by hand now."
        )


def clock_skew(case: Case) -> Iterator[str]:
    """By how much, and on which host."""
    skews = numbers(case.of_attempts(attributes.CLOCK_SKEW_SECONDS))
    hosts = sorted({str(host) for host in case.of_saves(attributes.HOST_NAME)})
    where = f" on {', '.join(hosts[:3])}" if hosts else ""
    much = f" It is off by {duration(abs(middle(skews)))}." if skews else ""
    yield (
        f"Set the clock{where}, and let chrony or systemd-timesyncd keep it.{much} S3 refuses from"
        f" {duration(SKEW_LIMIT_SECONDS)} on, and botocore neither corrects it nor retries ({SKEW})."
    )


def signature(case: Case) -> Iterator[str]:
    """Which headers are signed, and who may change them."""
    signed = text(most_common(case.of_calls(attributes.SIGNED_HEADERS)))
    what = f" Signed are {signed.replace(';', ', ')}." if signed else ""
    yield (
        "Check that the secret key is the store's present one wherever the app runs, and that nothing between"
        f" app and store changes a signed header ({SIGNATURE}).{what}"
    )
    if signed and {"baggage", "traceparent"} & set(signed.split(";")):
        yield f"Two tracers that both write `baggage` break the signature: let one of them do it ({BAGGAGE})."


def credentials(case: Case) -> Iterator[str]:
    """Where the credentials are from, and when they end."""
    kind = text(most_common(case.of_calls(attributes.CREDENTIAL_KIND)))
    left = numbers(case.of_calls(attributes.CREDENTIAL_EXPIRES_IN_SECONDS))
    whence = f" (botocore has them from: {kind})" if kind else ""
    yield (
        f"Renew or correct the credentials{whence}, and start the workers anew: the store answered"
        f" {case.codes}."
    )
    if left and min(left) <= 0:
        yield (
            f"They had ended {duration(-min(left))} before. Credentials that are passed to the client are"
            " never"
            " renewed: let botocore fetch them (an instance's or a pod's role)."
        )


def access_denied(case: Case) -> Iterator[str]:
    """What was refused to whom."""
    operations = sorted({call.operation for call in case.calls()})
    bucket = most_common(case.of_calls(attributes.S3_BUCKET))
    prefix = _prefix([str(key) for key in case.of_calls(attributes.S3_KEY)])
    yield (
        f"Hold the policies of the user and of bucket {bucket} against what was refused:"
        f" {', '.join(operations)} on {prefix or 'its keys'}."
    )
    yield "An ACL in the request is refused where the bucket has them switched off (Object Ownership)."


def header_too_large(case: Case) -> Iterator[str]:
    """Which header, how large, and what grew."""
    grown = _grown_headers(case)
    sections = numbers(case.of_attempts(attributes.HEADER_SECTION_BYTES))
    size = f" The failed requests had {min(sections):,.0f} to {max(sections):,.0f} bytes." if sections else ""
    if grown:
        name, failed, usual = grown[0]
        before = f", {usual:,.0f} where saves work" if usual else ", and among the largest nowhere else"
        yield f"Make {name} smaller: it has {failed:,.0f} bytes in failed saves{before}."
    else:
        yield "Send fewer or smaller headers: savetrace compare shows the largest of each request."
    yield f"Amazon S3 takes {HEADER_SECTION_LIMIT:,} bytes of header names and values ({PUT_OBJECT}).{size}"
    if grown and grown[0][0].lower() in {"baggage", "tracestate", "x-amzn-trace-id"}:
        yield "It is a tracer's: OTEL_PROPAGATORS says what is sent along, and S3 reads none of it."


def key_too_long(case: Case) -> Iterator[str]:
    """The slug limit that would have kept every key within the limit, or a store's own limit on a name."""
    keys = [str(key) for key in case.of_calls(attributes.S3_KEY)]
    lengths = numbers(case.of_calls(attributes.KEY_LEN))
    if lengths and min(lengths) > attributes.KEY_LIMIT:
        limit = _segment_limit(keys, lengths)
        if limit is not None:
            yield (
                f"Cut the longest part of the key at {limit:,} bytes of UTF-8 (not characters): every key"
                " that"
                f" failed would then have had at most {attributes.KEY_LIMIT:,} bytes, which S3 takes"
                f" ({KEYS})."
            )
        yield f"They had {min(lengths):,.0f} to {max(lengths):,.0f} bytes."
        return
    segments = [len(segment.encode()) for key in keys for segment in key.split("/")]
    longest = f" The longest among those that failed had {max(segments):,}." if segments else ""
    yield (
        f"Cut each part of the key at {NAME_LIMIT} bytes of UTF-8 (not characters): stores that keep"
        " objects as"
        f" files (versitygw, SeaweedFS, MinIO) take no longer one.{longest}"
    )
    yield f"Amazon S3 has no such limit, but {attributes.KEY_LIMIT:,} bytes for the whole key ({KEYS})."


def metadata_too_large(case: Case) -> Iterator[str]:
    """How much there is, and where it can go."""
    sizes = numbers(case.of_attempts(attributes.METADATA_BYTES))
    size = f" Failed saves sent {min(sizes):,.0f} to {max(sizes):,.0f}." if sizes else ""
    yield (
        f"Put what is long into the object, or an object beside it: S3 takes {METADATA_LIMIT:,} bytes of user"
        f" metadata, names and values together ({METADATA}).{size}"
    )


def content_too_large(case: Case) -> Iterator[str]:
    """The smallest that failed, the largest that worked."""
    failed = numbers(case.of_calls(attributes.CONTENT_SIZE))
    worked = numbers(case.of_controls(attributes.CONTENT_SIZE))
    seen = f" The smallest that failed had {min(failed):,.0f} bytes" if failed else ""
    if failed and worked:
        seen += f", the largest that worked {max(worked):,.0f}"
    yield (
        "Raise the limit of the store, or of the proxy before it (nginx: client_max_body_size), or refuse"
        " such"
        f" content before it is sent.{seen}{'.' if seen else ''}"
    )


def checksum(case: Case) -> Iterator[str]:
    """Default checksums against stores that do not know them; content changed on the way."""
    yield (
        "Where the store is not Amazon's, set AWS_REQUEST_CHECKSUM_CALCULATION=when_required: from boto3 1.36"
        f" on every upload has a checksum, and some stores do not take it ({CHECKSUMS})."
    )
    if "BadDigest" in case.codes or "Mismatch" in case.codes:
        yield (
            "If the store knows checksums, the content changed on the way: look for a proxy that rewrites"
            " bodies,"
            " a failing host, or two processes on one connection."
        )


def conflict(case: Case) -> Iterator[str]:
    """Two writes at once."""
    yield (
        f"Two requests wrote the same key at once ({case.codes}): keep a second save from starting before the"
        " first has ended, or read again and repeat the write."
    )


def not_found(case: Case) -> Iterator[str]:
    """What was not there."""
    buckets = sorted({str(bucket) for bucket in case.of_calls(attributes.S3_BUCKET)})
    named = f" {', '.join(buckets[:3])}" if buckets else ""
    yield f"Check that the bucket{named} is there, and is the one meant, at this endpoint: {case.codes}."
    if "NoSuchUpload" in case.codes:
        yield "A lifecycle rule may end uploads before they are complete (AbortIncompleteMultipartUpload)."


def _busiest_second(case: Case) -> int:
    """Return the most storage requests in one second, of those near the failures."""
    seconds = {save.span.start_nanoseconds // 10**9 for save in case.failed}
    around = {second + shift for second in seconds for shift in (-1, 0, 1)}
    counted = Counter(
        attempt.span.start_nanoseconds // 10**9
        for saves in (case.failed, case.worked)
        for save in saves
        if save.span.start_nanoseconds // 10**9 in around
        for call in save.calls
        for attempt in call.attempts
    )
    return max(counted.values(), default=len(case.failed))


def _prefix(keys: list[str]) -> str:
    """Return what all keys begin with, up to a slash."""
    shared = list(itertools.takewhile(lambda parts: len(set(parts)) == 1, zip(*_folders(keys), strict=False)))
    return "".join(f"{parts[0]}/" for parts in shared)


def _folders(keys: list[str]) -> list[list[str]]:
    return [key.split("/")[:-1] for key in keys]


def _grown_headers(case: Case) -> list[tuple[str, float, float]]:
    """Return the headers that are larger than where saves work: name, usual bytes there, and elsewhere."""
    sizes: dict[str, list[float]] = {}
    names: dict[str, str] = {}
    for attempt in case.attempts():
        for name, size in headers_in(text(attempt.span.attributes.get(attributes.LARGEST_HEADERS)) or ""):
            sizes.setdefault(name.lower(), []).append(size)
            names[name.lower()] = name
    found = []
    for key, held in sizes.items():
        usual = numbers(case.of_controls(HEADER + key))
        if not usual or middle(held) > GROWN * middle(usual):
            found.append((names[key], middle(held), middle(usual) if usual else 0.0))
    return sorted(found, key=lambda one: one[2] - one[1])


def _segment_limit(keys: list[str], lengths: list[float]) -> int | None:
    """Return to how many bytes the longest part of each key may grow; None where keys are hidden."""
    if len(keys) != len(lengths):
        return None
    limits = []
    for key, length in zip(keys, lengths, strict=True):
        longest = max(len(segment.encode()) for segment in key.split("/"))
        if len(key.encode()) < length:
            return None  # the key was cut, or hidden
        limits.append(longest - (int(length) - attributes.KEY_LIMIT))
    return max(min(limits), 1)


ADVICE: Mapping[str, Callable[[Case], Iterator[str]]] = {
    "storage.throttled": throttled,
    "storage.internal_error": internal_error,
    "storage.clock_skew": clock_skew,
    "storage.signature": signature,
    "storage.credentials": credentials,
    "storage.access_denied": access_denied,
    "storage.header_too_large": header_too_large,
    "storage.key_too_long": key_too_long,
    "storage.metadata_too_large": metadata_too_large,
    "storage.content_too_large": content_too_large,
    "storage.checksum": checksum,
    "storage.conflict": conflict,
    "storage.not_found": not_found,
}
