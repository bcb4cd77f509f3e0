"""What is known of a save by the time that it fails or works, and what can be derived of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from otel_savetrace import attributes as names
from otel_savetrace.analysis import candidates
from otel_savetrace.analysis.calls import Attempt
from otel_savetrace.analysis.facts import Deploys, deploys_among, facts_of, headers_in
from otel_savetrace.analysis.saves import Save
from otel_savetrace.spans.rows import AttributeValue
from tests.analysis.made_incident import NOON, Fault, made_incident
from tests.analysis.made_spans import failed_save

NO_DEPLOYS = Deploys({})

REFUSED = Fault("InternalError", of_save={"http.response.status_code": 500})


def _failed() -> Save:
    return made_incident(1, lambda moment: REFUSED, saves=1)[0]


def _worked(**held: AttributeValue) -> Save:
    (save,) = made_incident(1, lambda moment: moment.of_save.update(held), saves=1)
    return save


def test_save_call_attempt_and_resource_are_told_together() -> None:
    """One attribute of each stands in the same mapping: user's request, storage call, connection, service."""
    facts = facts_of(_worked(), NO_DEPLOYS)
    told = {
        "http.route",
        names.PROCESS_ID,
        names.RETRY_MODE,
        names.KEY_LEN,
        names.PEER_ADDRESS,
        "service.name",
    }
    assert told <= facts.keys()


def test_what_failing_brings_with_it_is_not_among_them() -> None:
    """No status, code, stage, message, count of attempts, or time that a step took."""
    facts = facts_of(_failed(), NO_DEPLOYS)
    marks = {
        "http.response.status_code", names.OUTCOME, names.ERROR_CODE, names.STAGE, names.USER_ERROR,
        names.ATTEMPTS, names.FIRST_BYTE_SECONDS, names.CONTENT_HASH,
    }  # fmt: skip
    assert not marks & facts.keys()


def test_old_names_are_told_by_the_new_ones() -> None:
    """An attribute is one attribute, whichever version of the conventions an instrumentation follows."""
    facts = facts_of(_worked(**{"http.user_agent": "Firefox"}), NO_DEPLOYS)
    assert facts["user_agent.original"] == "Firefox"
    assert "http.user_agent" not in facts


def test_the_attempts_word_counts_before_the_calls_and_that_before_the_saves() -> None:
    """Of a name that stands on several spans the one nearest to the wire is told."""
    save = _worked(**{names.HEADER_BYTES: 1, names.KEY_LEN: 2})
    (call,) = save.calls
    (attempt,) = call.attempts
    facts = facts_of(save, NO_DEPLOYS)
    assert facts[names.HEADER_BYTES] == attempt.span.attributes[names.HEADER_BYTES]
    assert facts[names.KEY_LEN] == call.span.attributes[names.KEY_LEN] != 2


def test_what_is_not_written_where_it_is_usual_is_told_as_usual() -> None:
    """A new connection has carried no request, and metadata that is not told is none."""
    save = _worked()
    (call,) = save.calls
    (attempt,) = call.attempts
    fresh = {
        name: value for name, value in attempt.span.attributes.items() if name != names.CONNECTION_REQUESTS
    }
    told = dataclasses.replace(attempt, span=dataclasses.replace(attempt.span, attributes=fresh))
    save = dataclasses.replace(save, calls=(dataclasses.replace(call, attempts=(told,)),))
    assert facts_of(save, NO_DEPLOYS)[names.CONNECTION_REQUESTS] == 0
    assert facts_of(save, NO_DEPLOYS)[names.METADATA_BYTES] == 0


def test_when_in_a_second_a_save_was_made_is_no_skew_of_a_clock() -> None:
    """The store tells whole seconds: a clock told to be one off agrees, one two off does not."""
    told = {names.CLOCK_SKEW_SECONDS: -1}, {names.CLOCK_SKEW_SECONDS: 2}
    saves = [_with_attempt(_worked(), held) for held in told]
    assert [facts_of(save, NO_DEPLOYS)[names.CLOCK_SKEW_SECONDS] for save in saves] == [0, 2]


def _with_attempt(save: Save, held: Mapping[str, AttributeValue]) -> Save:
    (call,) = save.calls
    (attempt,) = call.attempts
    span = dataclasses.replace(attempt.span, attributes={**attempt.span.attributes, **held})
    return dataclasses.replace(
        save, calls=(dataclasses.replace(call, attempts=(dataclasses.replace(attempt, span=span),)),)
    )


def test_the_time_of_day_is_derived() -> None:
    """Hour and minute are those at which the request began, in UTC."""
    save = _worked()
    span = dataclasses.replace(save.span, start_nanoseconds=NOON + (2 * 60 + 7) * 60 * 10**9)
    facts = facts_of(dataclasses.replace(save, span=span), NO_DEPLOYS)
    assert (facts[candidates.HOUR], facts[candidates.MINUTE]) == (14, 7)


def test_the_time_since_a_deploy_is_derived_once_one_was_seen() -> None:
    """A second version tells when it came; before it, or with one version only, nothing is said."""
    made = made_incident(2, lambda moment: None, saves=40)
    deploys = deploys_among(made)
    came = next(save for save in made if save.span.attributes[names.APP_VERSION] == "1.5.0")
    before, after = made[0], made[-1]
    assert candidates.SINCE_DEPLOY not in facts_of(before, deploys)
    since = (after.span.start_nanoseconds - came.span.start_nanoseconds) / 1e9
    assert facts_of(after, deploys)[candidates.SINCE_DEPLOY] == since
    assert facts_of(came, deploys)[candidates.SINCE_DEPLOY] == 0.0
    assert deploys_among(made[:3]).moments == {}


def test_each_large_header_is_a_number_of_its_own() -> None:
    """Names are told in lower case; what is no header and a number is passed over."""
    assert list(headers_in("Authorization=320 x-amz-meta-a=b=12 broken =4 odd=x")) == [
        ("Authorization", 320), ("x-amz-meta-a=b", 12),
    ]  # fmt: skip
    (save,) = made_incident(3, lambda moment: moment.headers.update({"Baggage": 7_000}), saves=1)
    assert facts_of(save, NO_DEPLOYS)[f"{candidates.HEADER}baggage"] == 7_000


def test_the_share_of_a_limit_is_that_of_the_one_used_most() -> None:
    """A head of 4 KiB uses half of what S3 takes, a key of 100 bytes a tenth."""

    def set_sizes(moment: object) -> None:
        moment.section, moment.key_len = 4_096, 100  # type: ignore[attr-defined]  # a Moment

    (save,) = made_incident(4, set_sizes, saves=1)
    assert facts_of(save, NO_DEPLOYS)[candidates.LIMIT_SHARE] == 0.5


def test_of_what_was_not_sent_no_share_of_a_limit_is_known() -> None:
    """A save that never came to the wire has no head, and the key's share is not the largest by that."""
    save = _worked()
    unsent = dataclasses.replace(
        save, calls=tuple(dataclasses.replace(call, attempts=()) for call in save.calls)
    )
    assert candidates.LIMIT_SHARE not in facts_of(unsent, NO_DEPLOYS)


def test_the_kind_of_save_stands_nearer_than_how_its_heads_look() -> None:
    """The route decides which headers are sent; where a cause is about the head, the head goes first."""
    heads = (names.HEADER_BYTES, names.SIGNED_HEADERS, names.METADATA_BYTES)
    for cause in ("storage.internal_error", "storage.access_denied"):
        route = candidates.nearness("http.route", cause)
        assert all(route < candidates.nearness(head, cause) for head in heads)
    cause = "storage.header_too_large"
    assert candidates.nearness(names.HEADER_BYTES, cause) < candidates.nearness("http.route", cause)


def test_the_method_is_the_users() -> None:
    """A save that never reached the store has the same method as one that did."""
    attempt = {"http.request.method": "PUT"}
    save = failed_save("SlowDown", of_save={"http.request.method": "POST"}, attempts=[attempt])
    assert facts_of(save, NO_DEPLOYS)["http.request.method"] == "POST"


def test_an_answer_that_took_long_was_dated_long_before() -> None:
    """A Date header as old as the answer took to come is no skew of a clock; one that is older still is."""
    for skew, known in ((-1, 0), (-30, -30), (2, 2)):
        save = failed_save("SlowDown", attempts=[{names.CLOCK_SKEW_SECONDS: skew}])
        assert facts_of(save, NO_DEPLOYS)[names.CLOCK_SKEW_SECONDS] == known
    slow = failed_save("SlowDown", attempts=[{names.CLOCK_SKEW_SECONDS: -4}])
    (attempt,) = slow.calls[0].attempts
    ended = attempt.span.start_nanoseconds + 4 * 10**9
    longer = Attempt(dataclasses.replace(attempt.span, end_nanoseconds=ended))
    save = dataclasses.replace(slow, calls=(dataclasses.replace(slow.calls[0], attempts=(longer,)),))
    assert facts_of(save, NO_DEPLOYS)[names.CLOCK_SKEW_SECONDS] == 0
