"""Next steps where something was too large: which part of it, how large, and what would have fitted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from otel_savetrace import attributes
from otel_savetrace.analysis.calls import Attempt, Call
from otel_savetrace.analysis.candidates import HEADER
from otel_savetrace.analysis.case import Case, extent, middle, numbers
from otel_savetrace.analysis.facts import headers_in
from otel_savetrace.analysis.notices import HEADER_SECTION_LIMIT, METADATA_LIMIT
from otel_savetrace.analysis.slugs import longest_part, part_limit
from otel_savetrace.analysis.values import text
from otel_savetrace.analysis.words import count

NAME_LIMIT = 255
"""Bytes of a file's name on most file systems: the longest part of a key where objects are kept as files."""

NGINX_BODY = 1_048_576
"""nginx's default of client_max_body_size (ngx_http_core_module)."""

ONE_PUT = 5 * 1024**3
"""Bytes that Amazon S3 takes in one PUT (user guide, "Uploading objects")."""

GROWN = 1.5
"""A header that is larger by this factor than in saves that worked has grown."""

MOST_GROWN = 3

OF_TRACERS = "It is a tracer's, and S3 does not read it: OTEL_PROPAGATORS says what is sent along."

ORIGINS: Mapping[str, str] = {
    "baggage": OF_TRACERS,
    "tracestate": OF_TRACERS,
    "x-amzn-trace-id": OF_TRACERS,
    "x-amz-security-token": "It is the session token of temporary credentials: its issuer decides its"
    " length.",
    "content-type": "The app sets it: cut what follows the media type.",
    "content-disposition": "The app sets it: cut the file name in it.",
    "x-amz-tagging": "The app sets it: S3 takes 10 tags, of 128 and 256 characters.",
}


def header_too_large(case: Case) -> Iterator[str]:
    """Which header, how large, and what grew between."""
    grown = grown_headers(case)
    if grown:
        name, held, usual = grown[0]
        yield (
            f"Make the header {name} smaller: {held:,.0f} bytes in failed"
            f" saves{_before(usual)}.{_origin(name)}"
        )
        if len(grown) > 1:
            others = (f"{one} {size:,.0f}{_before(before)}" for one, size, before in grown[1:MOST_GROWN])
            yield f"Others grew, too: {'; '.join(others)}."
    else:
        yield (
            "Send fewer or smaller headers: savetrace compare shows the largest of a failed save and its"
            " retry."
        )
    failed = _of_attempts(case, attributes.HEADER_SECTION_BYTES)
    worked = numbers(case.of_worked_attempts(attributes.HEADER_SECTION_BYTES))
    said = _between(failed, worked, "The header section")
    if failed and min(failed) <= HEADER_SECTION_LIMIT:
        yield f"{said}Amazon S3 takes {HEADER_SECTION_LIMIT:,}: the limit is the store's own, or a proxy's."
    else:
        yield f"{said}Amazon S3 takes {HEADER_SECTION_LIMIT:,} bytes of names and values (PutObject)."


def key_too_long(case: Case) -> Iterator[str]:
    """The limit of a slug that would have kept every key within 1,024 bytes, or a store's own on a part."""
    lengths = numbers(case.of_calls(attributes.KEY_LEN))
    if lengths and min(lengths) > attributes.KEY_LIMIT:
        yield from _whole_key(case, lengths)
    else:
        yield from _part_of_key(case)


def metadata_too_large(case: Case) -> Iterator[str]:
    """How much there is, which of it grew, and where it can go."""
    failed = numbers(case.of_attempts(attributes.METADATA_BYTES))
    worked = numbers(case.of_worked_attempts(attributes.METADATA_BYTES))
    grown = [one for one in grown_headers(case) if one[0].lower().startswith("x-amz-meta-")]
    name, held, usual = grown[0] if grown else ("", 0.0, 0.0)
    which = f", most of all {name}: {held:,.0f} bytes{_before(usual)}" if name else ""
    yield f"Put what is long into the object, or into one beside it{which}."
    yield (
        f"{_between(failed, worked, 'User metadata')}Amazon S3 takes {METADATA_LIMIT:,} bytes of user"
        " metadata, names and"
        " values"
        " together."
    )


def content_too_large(case: Case) -> Iterator[str]:
    """The smallest that failed, the largest that worked, and whose limit lies between."""
    failed = numbers(case.of_calls(attributes.CONTENT_SIZE))
    worked = numbers(case.of_worked_calls(attributes.CONTENT_SIZE))
    if failed and min(failed) > ONE_PUT:
        yield "Upload in parts (upload_fileobj): Amazon S3 takes 5 GiB in one PUT."
    elif "413" in case.kinds:
        yield (
            "Raise the limit of the proxy before the store: a bare 413 is no answer of S3's own"
            f" (nginx: client_max_body_size{_of_nginx(failed, worked)})."
        )
    else:
        yield f"Raise the limit of {case.endpoint or 'the store'}, or refuse such content with a word on it."
    said = _between(failed, worked, "The content")
    if said:
        yield said.strip()


def request_too_large(case: Case) -> Iterator[str]:
    """Where the user's own request was refused for its size, by a front server or by the app."""
    failed = numbers(case.of_saves(attributes.REQUEST_BODY_SIZE))
    worked = numbers(case.of_worked(attributes.REQUEST_BODY_SIZE))
    if case.cause.startswith("front."):
        whose = f"the front server's limit (nginx: client_max_body_size{_of_nginx(failed, worked)})"
    else:
        whose = "the app's own limit (Flask: MAX_CONTENT_LENGTH)"
    yield f"Raise {whose}, or tell the user before the request is sent."
    if failed:
        yield _between(failed, worked, "The request's body").strip()


def grown_headers(case: Case) -> list[tuple[str, float, float]]:
    """Return the headers that are larger than where saves work: name, usual bytes, and those there (or 0).

    An attempt names its five largest: what is not among them is smaller than each of them. A retry that
    worked is held against its own failure, before all others.
    """
    failed, worked = _headers(case.attempts()), _headers(case.worked_attempts())
    found = []
    for name, held in failed.items():
        paired = numbers(retry.get(HEADER + name.lower()) for _, retry in case.pairs)
        before = paired or worked.get(name, [])
        usual = middle(before) if before else 0.0
        if middle(held) > GROWN * usual:
            found.append((name, middle(held), usual))
    return sorted(found, key=lambda one: (one[2] - one[1], one[0]))


def _headers(attempts: Iterator[Attempt]) -> dict[str, list[float]]:
    sizes: dict[str, list[float]] = {}
    for attempt in attempts:
        for name, size in headers_in(text(attempt.span.attributes.get(attributes.LARGEST_HEADERS)) or ""):
            sizes.setdefault(name, []).append(float(size))
    return sizes


def _whole_key(case: Case, lengths: Sequence[float]) -> Iterator[str]:
    said = f"{extent(lengths)} in failed saves; Amazon S3 takes {attributes.KEY_LIMIT:,} of UTF-8."
    limit = part_limit(case.calls, case.worked_calls)
    if limit is None:
        over = round(max(lengths)) - attributes.KEY_LIMIT
        yield f"Make keys shorter by {count(over, 'byte')} of UTF-8 (not characters) at least."
    else:
        part = f", which follows {limit.before}" if limit.before else ""
        yield (
            f"Cut the longest part of the key{part}, to {count(limit.most, 'byte')} of UTF-8 (not"
            " characters):"
            " every key seen would then have fitted."
        )
    yield f"Keys had {said}"


def _part_of_key(case: Case) -> Iterator[str]:
    failed, worked = _longest_parts(case.calls), _longest_parts(case.worked_calls)
    if failed and min(failed) > NAME_LIMIT:
        yield (
            f"Cut each part of the key to {NAME_LIMIT} bytes of UTF-8 (not characters): a store that keeps"
            " objects as files takes no longer one (versitygw, SeaweedFS, MinIO)."
        )
    else:
        yield f"Ask whoever runs {case.endpoint or 'the store'} which names it takes: {case.codes}."
    said = _between(failed, worked, "The longest part of a key")
    yield f"{said}Amazon S3 limits no part, but the whole key, to {attributes.KEY_LIMIT:,} bytes."


def _longest_parts(calls: Iterable[Call]) -> list[float]:
    return [float(part) for call in calls if (part := longest_part(call)) is not None]


def _of_attempts(case: Case, name: str) -> list[float]:
    return numbers(case.of_attempts(name))


def _before(usual: float) -> str:
    return f", {usual:,.0f} where saves work" if usual else ", none of the largest where saves work"


def _origin(name: str) -> str:
    origin = ORIGINS.get(name.lower(), "")
    if name.lower().startswith("x-amz-meta-"):
        origin = (
            f"It is user metadata, of which S3 takes {METADATA_LIMIT:,} bytes: put it into an object instead."
        )
    return f" {origin}" if origin else ""


def _between(failed: Sequence[float], worked: Sequence[float], what: str) -> str:
    """Say between which sizes the limit lies that is in force; empty where no size is known."""
    if not failed:
        return ""
    most = f", {round(max(worked)):,} at most where saves worked" if worked else ""
    return f"{what} had {extent(failed)} in failed saves{most}. "


def _of_nginx(failed: Sequence[float], worked: Sequence[float]) -> str:
    fits = failed and min(failed) > NGINX_BODY >= max(worked, default=0.0)
    return f", {NGINX_BODY:,} bytes where it says nothing, which fits" if fits else ""


ADVICE: Mapping[str, Callable[[Case], Iterator[str]]] = {
    "storage.header_too_large": header_too_large,
    "storage.key_too_long": key_too_long,
    "storage.metadata_too_large": metadata_too_large,
    "storage.content_too_large": content_too_large,
    "front.too_large": request_too_large,
}
