"""Who waits for whom, as configured and as seen, and what to change where the outer gives up first."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis.findings import Patience
from otel_savetrace.analysis.patience import limit_seen, patience_found
from otel_savetrace.analysis.retries import Retries, fitting, least, longest_backoffs
from otel_savetrace.analysis.saves import Save
from otel_savetrace.analysis.witnesses import APP_STATUS, FRONT_SECONDS, FRONT_STATUS
from otel_savetrace.spans.rows import AttributeValue
from tests.analysis.made_case import made_attempt, made_call, made_save

Held = Mapping[str, AttributeValue]

PATIENT: Held = {
    names.RETRY_MODE: "standard", names.ATTEMPTS_ALLOWED: 3, names.CONNECT_TIMEOUT_SECONDS: 60.0,
    names.READ_TIMEOUT_SECONDS: 60.0, names.PATIENCE_SECONDS: 363.0,
}  # fmt: skip
QUICK: Held = {**PATIENT, names.READ_TIMEOUT_SECONDS: 2.0, names.PATIENCE_SECONDS: 15.0}
SYNC: Held = {names.WORKER_CLASS: "sync", names.WORKER_TIMEOUT_SECONDS: 30}


def worked(call: Held, save: Held = SYNC, seconds: float = 0.5) -> Save:
    """A save that worked."""
    return made_save(made_call(made_attempt(), facts=call), facts=save, seconds=seconds)


def ended(status: int, seconds: float) -> Save:
    """A save as a front server's log tells it."""
    return made_save(
        outcome=names.FAILED,
        facts={"http.response.status_code": status},
        seconds=seconds,
        scope="nginx access log",
    )


def died(seconds: float) -> Save:
    """A save whose worker was killed."""
    call = made_call(made_attempt("SystemExit", seconds=seconds), seconds=seconds, facts=PATIENT)
    return made_save(call, outcome=names.UNKNOWN, seconds=seconds)


def found(*saves: Save) -> Patience:
    """What is said of some saves."""
    patience = patience_found(saves)
    assert patience is not None
    return patience


def test_nothing_known() -> None:
    """Where no wait is recorded, and none seen, nothing is said."""
    assert patience_found([made_save(), made_save(outcome=names.FAILED)]) is None


def test_calls_outlast_the_worker() -> None:
    """Where a call may go on for longer than its worker, it is told, with settings that fit."""
    patience = found(worked(PATIENT))
    assert [(who, seconds) for who, seconds, _ in patience.waits] == [
        ("one storage call", 363.0),
        ("the worker", 30.0),
    ]
    assert patience.says[0] == (
        "A storage call may go on for 6 min 3 s, but its worker is killed after 30 s."
        " Config(connect_timeout=2, read_timeout=6, retries={'mode': 'standard', 'total_max_attempts': 3})"
        " gives up after 27 s at most."
    )


def test_in_order() -> None:
    """Where the inner gives up first, nothing is to be changed."""
    assert found(worked(QUICK)).says == (
        "Storage calls give up before anybody who waits for them, as they should.",
    )


def test_the_apps_own_tries() -> None:
    """An app that makes a call twice waits twice as long, and each has half of the worker's limit."""
    again = made_call(made_attempt(), facts={**QUICK, names.APP_RETRY_ATTEMPT: 1})
    patience = found(made_save(made_call(made_attempt("SlowDown"), facts=QUICK), again, facts=SYNC))
    assert ("the app's own tries", 30.0) in [(who, seconds) for who, seconds, _ in patience.waits]
    patience = found(made_save(again, facts={**SYNC, names.WORKER_TIMEOUT_SECONDS: 20}))
    assert patience.says[0].startswith("A storage call, which the app makes 2 times, may go on for 30 s, but")
    assert "total_max_attempts': 2}) gives up after 9.0 s at most each time" in patience.says[0]
    patience = found(made_save(again, facts={**SYNC, names.WORKER_TIMEOUT_SECONDS: 5}))
    assert patience.says[0].endswith("needs gunicorn --timeout of 7 s or more.")


def test_killed_just_there() -> None:
    """Saves without an answer that end where the worker's limit is are counted as killed by it."""
    patience = found(worked(PATIENT), died(30.2), died(30.9), died(12.0), died(33.5))
    assert patience.waits[-1] == ("the worker", 30.0, "as configured; 2 saves ended just there")
    assert "its worker is killed after 30 s (2 saves ended so)" in patience.says[0]


def test_a_front_of_which_nothing_is_known() -> None:
    """nginx's default is told where calls may go on for longer, and nothing of a front server was seen."""
    said = "nginx gives up after 60 s where proxy_read_timeout says nothing else."
    assert found(worked(PATIENT)).says[-1].endswith(said)
    assert not any(said in one for one in found(worked(QUICK)).says)
    saves = [ended(504, 90.0 + tenth / 100) for tenth in range(5)]
    assert not any(said in one for one in found(worked(PATIENT), *saves).says)


def test_limits_in_order() -> None:
    """A front server that outlasts the worker is as it should be."""
    saves = [ended(504, 60.0 + tenth / 100) for tenth in range(5)]
    assert found(worked(QUICK), *saves).says == (
        "Storage calls give up before anybody who waits for them, as they should.",
    )


def test_a_front_keeps_its_time() -> None:
    """A front server ends saves to the moment: where one went on for seconds more, its limit is not seen."""
    saves = [ended(504, 60.0 + tenth / 100) for tenth in range(5)]
    assert patience_found([*saves, ended(504, 64.0)]) is None


def test_how_the_worst_is_made_up() -> None:
    """Attempts, limits and mode that the longest call is made of are told beside it."""
    assert found(worked(PATIENT)).waits[0][2] == (
        "at worst: 3 attempts of 60 s to connect and 60 s to read, and the waits between (standard mode)"
    )


def test_a_single_attempt_gives_nothing_up() -> None:
    """A call that may not try again shows nothing of retries."""
    once: Held = {**QUICK, names.ATTEMPTS_ALLOWED: 1}
    call = made_call(made_attempt("SlowDown"), facts=once)
    waits = found(made_save(call, outcome=names.FAILED, facts=SYNC)).waits
    assert [who for who, _, _ in waits] == ["one storage call", "the worker"]


def test_several_workers() -> None:
    """Of several configured limits the shortest counts: it is the first to cut a save."""
    saves = [worked(PATIENT, save={**SYNC, names.WORKER_TIMEOUT_SECONDS: limit}) for limit in (120, 40, 90)]
    assert found(*saves).waits[-1] == ("the worker", 40.0, "as configured")


def test_a_limit_without_calls() -> None:
    """Where no call tells how long it may go on, none is said to give up in time."""
    saves = [ended(504, 60.0 + tenth / 100) for tenth in range(5)]
    assert found(*saves).says == ()


def test_a_workers_limit_as_seen() -> None:
    """Where no limit is recorded, saves without an answer that end together show it."""
    assert ("the worker", 45.0, "as seen: 6 saves ended just there") in found(
        *(died(45.0 + tenth / 10) for tenth in range(6)), died(3.0)
    ).waits


@pytest.mark.parametrize(("status", "who"), [(504, "the front server"), (499, "the browser")])
def test_seen_at_the_front(status: int, who: str) -> None:
    """What a front server's log shows to end together is its own limit (504), or the browser's (499)."""
    saves = [ended(status, 60.0 + tenth / 100) for tenth in range(5)]
    assert found(worked(PATIENT, save={}), *saves).waits[-1] == (
        who,
        60.0,
        "as seen: 5 saves ended just there",
    )


def test_what_a_front_logged_of_a_traced_save() -> None:
    """Of a save that the app and a front server tell of, the front server's length counts, not the app's."""
    seen: Held = {FRONT_STATUS: 504, FRONT_SECONDS: 60.0, APP_STATUS: 200, "http.response.status_code": 504}
    saves = [made_save(outcome=names.FAILED, facts=seen, seconds=70.0 + number) for number in range(5)]
    found_so = found(worked(PATIENT, save={}), *saves).waits
    assert found_so[-1] == ("the front server", 60.0, "as seen: 5 saves ended just there")


def test_a_front_that_gives_up_before_the_worker() -> None:
    """A limit that ends before that of whom it waits for is named with the setting to change."""
    saves = [ended(504, 20.0 + tenth / 100) for tenth in range(5)]
    assert (
        "The front server gives up after 20 s, and the worker goes on for up to 30 s for nobody:"
        " set nginx proxy_read_timeout above that, or gunicorn --timeout below."
    ) in found(worked(QUICK), *saves).says


def test_no_room_at_all() -> None:
    """Where not even one attempt fits, the least limit that has room for one is told."""
    says = found(worked(PATIENT, save={**SYNC, names.WORKER_TIMEOUT_SECONDS: 2})).says[0]
    assert says.endswith(
        "Even Config(connect_timeout=2, read_timeout=1,"
        " retries={'mode': 'standard', 'total_max_attempts': 1})"
        " needs gunicorn --timeout of 4 s or more."
    )


def test_slow_answers_are_waited_for() -> None:
    """Settings leave twice the time of the slowest answer that was seen, with fewer attempts for it."""
    slow = made_call(made_attempt(facts={names.FIRST_BYTE_SECONDS: 8.0}), facts=PATIENT)
    assert (
        "Config(connect_timeout=2, read_timeout=25, retries={'mode': 'standard', 'total_max_attempts': 1})"
        in found(made_save(slow, facts=SYNC)).says[0]
    )


def test_usual_time_of_retries() -> None:
    """How long calls usually took that used up their attempts is told beside the worst."""
    calls = [
        made_call(*[made_attempt("SlowDown")] * 3, facts=PATIENT, seconds=seconds)
        for seconds in (2.0, 4.0, 9.0)
    ]
    waits = found(*(made_save(call, outcome=names.FAILED, facts=SYNC) for call in calls)).waits
    assert waits[1] == (
        "a storage call that gave up", 4.0, "usually, as seen: 3 calls used up all attempts, 9.0 s at most"
    )  # fmt: skip


def test_a_worker_without_limit() -> None:
    """Of a worker that is not killed for a slow request no limit is made up."""
    patience = found(worked(PATIENT, save={names.WORKER_CLASS: "gthread"}))
    assert [who for who, _, _ in patience.waits] == ["one storage call"]
    assert (
        "A gthread worker is not killed for a slow request: who stands before it gives up first."
        in patience.says
    )


def test_a_limit_that_nobody_recorded() -> None:
    """Failures of the app that all end at one moment show a limit, and that nothing tells whose it is."""
    short = [made_save(outcome=names.FAILED, code="Timeout", seconds=4.0 + n / 100) for n in range(6)]
    assert patience_found(short) is None
    just = [made_save(outcome=names.FAILED, code="Timeout", seconds=6.0 + n / 100) for n in range(6)]
    assert found(*just).waits[-1][1] == 6.0
    saves = [made_save(outcome=names.FAILED, code="Timeout", seconds=20.0 + n / 100) for n in range(6)]
    assert (
        "6 failed saves ended just at 20 s, which is no limit that was recorded: look for it in the app"
        " and in"
        " what it waits for."
    ) in found(*saves).says


def test_failures_of_the_store_are_no_limit() -> None:
    """Refusals that take equally long, as by fixed waits between retries, are nobody's limit."""
    calls = [made_call(made_attempt("SlowDown"), seconds=20.0) for _ in range(6)]
    assert patience_found([made_save(call, outcome=names.FAILED, seconds=20.1) for call in calls]) is None


@pytest.mark.parametrize(
    ("lengths", "others"),
    [
        ([30.0, 30.1, 30.2, 30.3], []),  # too few
        ([5.0, 9.0, 14.0, 20.0, 30.0, 44.0], []),  # spread
        ([30.0, 30.1, 30.1, 30.2, 30.3, 50.0], []),  # one went on
        ([2.0, 4.0, 8.0, 12.0, 16.0, 24.0, 30.0, 30.1, 30.1, 30.2, 30.3], []),  # more ended before
        ([30.0, 30.1, 30.1, 30.2, 30.3], [41.0]),  # one worked later
        ([0.5] * 9, []),  # too short
    ],
)
def test_what_is_no_limit(lengths: list[float], others: list[float]) -> None:
    """Few, spread or short lengths show no limit, and neither do those that other saves outlast."""
    assert limit_seen(lengths, others, 0.25) is None


def test_longest_backoffs() -> None:
    """Waits double from a second on, to 20 s at most in all modes but legacy."""
    assert longest_backoffs("standard", 7) == 1 + 2 + 4 + 8 + 16 + 20
    assert longest_backoffs("legacy", 7) == 63
    assert longest_backoffs("standard", 1) == 0


@pytest.mark.parametrize("limit", [3.5, 7.0, 12.0, 30.0, 60.0, 120.0, 600.0])
@pytest.mark.parametrize("mode", ["legacy", "standard"])
@pytest.mark.parametrize("attempts", [1, 3, 5, 10])
def test_what_fits_is_within(limit: float, mode: str, attempts: int) -> None:
    """Settings that are said to fit end within the limit, and never wait for longer than those in force."""
    now = Retries(mode, attempts, 60.0, 60.0)
    fits = fitting(now, limit)
    assert fits is not None
    assert fits.worst_seconds <= limit
    assert fits.read_seconds <= now.read_seconds
    assert fits.attempts <= attempts


def test_attempts_that_are_worth_it() -> None:
    """Attempts are given up rather than time for an answer: a dozen of a second each are no patience."""
    assert fitting(Retries("standard", 6, 10.0, 60.0), 15.0) == Retries("standard", 2, 2.0, 4.0)


def test_least() -> None:
    """A single attempt is the least that is tried."""
    assert least(Retries("standard", 3, 60.0, 60.0), 1.2) == Retries("standard", 1, 2.0, 3.0)
