"""What to do where the app, its worker, another service or what stands before it was the reason."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis.causes import cause_of
from otel_savetrace.analysis.findings import Condition
from otel_savetrace.analysis.save import BROWSER_CODE
from otel_savetrace.analysis.saves import Save
from otel_savetrace.spans.rows import AttributeValue
from tests.analysis.made_case import advised, made_attempt, made_call, made_save, worked_with

Held = Mapping[str, AttributeValue]

PATIENT: Held = {
    names.RETRY_MODE: "standard", names.ATTEMPTS_ALLOWED: 6, names.CONNECT_TIMEOUT_SECONDS: 10.0,
    names.READ_TIMEOUT_SECONDS: 60.0, names.PATIENCE_SECONDS: 451.0, names.ATTEMPTS: 3,
}  # fmt: skip
SYNC: Held = {names.WORKER_TIMEOUT_SECONDS: 30, names.WORKER_CLASS: "sync"}


def refused_by_app(code: str, **facts: AttributeValue) -> Save:
    """A save that the app itself failed."""
    return made_save(outcome=names.FAILED, code=code, facts=facts)


def died(seconds: float, *, storing: bool = True) -> Save:
    """A save whose worker ended, as it stored or after it."""
    ends = seconds if storing else seconds / 2
    sent = made_attempt("SystemExit" if storing else None, seconds=ends)
    return made_save(made_call(sent, facts=PATIENT, seconds=ends), outcome=names.UNKNOWN, seconds=seconds)


def at_the_front(status: int, seconds: float) -> Save:
    """A save as a front server's log tells it."""
    return made_save(
        outcome=names.FAILED,
        facts={"http.response.status_code": status},
        scope="nginx access log",
        seconds=seconds,
    )


def test_exception() -> None:
    """Exception and route are told, and where all was stored before."""
    steps = advised("app.exception", [refused_by_app("app.errors.Boom", **{names.STORED: names.YES})])
    assert steps.startswith("Read the traceback of app.errors.Boom, raised on POST /charts/keep:")
    assert "In 1 save all had been stored before" in steps


def test_rejected() -> None:
    """What the user was told is quoted."""
    save = refused_by_app("error_in_answer", **{names.USER_ERROR: "title missing"})
    assert advised("app.rejected", [save]) == (
        "Find out in the app's own code why it said no on POST /charts/keep (title missing)."
    )


def test_session_on_one_host() -> None:
    """Sessions that one host alone does not know are a matter of its secret key."""
    save = refused_by_app("login_redirect")
    steps = advised("app.session", [save], condition=Condition(names.HOST_NAME, "=", "app-2", 1.0, 0.4))
    assert steps.startswith(
        "Hold the secret key and the session's store of host.name app-2 against the others'"
    )
    assert advised("app.session", [save]).startswith("See how long sessions last")


def test_dependency() -> None:
    """The service that failed is named, with the saves that are stored in part."""
    save = refused_by_app("psycopg2.OperationalError", **{names.STORED: names.YES})
    steps = advised("app.dependency", [save], dependencies={save.trace_id: "postgresql"})
    assert steps.startswith("See to postgresql: psycopg2.OperationalError on POST /charts/keep.")
    assert "In 1 save the object was stored" in steps


def test_killed_at_the_limit() -> None:
    """Where workers end at their limit, settings are told with which the client gives up first."""
    steps = advised("process.killed", [died(30.2), died(30.9)], [worked_with(call=PATIENT, save=SYNC)])
    assert steps.startswith(
        "Let the client give up first: the worker is killed after 30 s (gunicorn --timeout), and a"
        " storage call"
        " may go on for 7 min 31 s. Config(connect_timeout=2, read_timeout="
    )
    assert "They ended after 30 s to 31 s." in steps
    assert "When they ended: 2 saves in PutObject, attempt 3 of 6." in steps


def test_killed_in_another_call() -> None:
    """The settings of the calls that were cut count, not those of more patient ones."""
    patient: Held = {**PATIENT, names.PATIENCE_SECONDS: 999.0}
    reading = made_call(made_attempt(), facts=patient, operation="GetObject")
    steps = advised("process.killed", [died(30.2)], [made_save(reading, facts=SYNC)])
    assert "a storage call may go on for 7 min 31 s" in steps


def test_killed_though_calls_are_quick() -> None:
    """Where storage calls give up in time, something else takes so long."""
    quick: Held = {**PATIENT, names.PATIENCE_SECONDS: 12.0}
    sent = made_attempt("SystemExit", seconds=9.0)
    dead = made_save(made_call(sent, facts=quick, seconds=9.0), outcome=names.UNKNOWN, seconds=30.3)
    steps = advised("process.killed", [dead], [worked_with(call=quick, save=SYNC)])
    assert steps.startswith(
        "Find out what takes so long, or raise the limit: the worker is killed after 30 s"
    )
    assert "Config(" not in steps


def test_cut_in_a_call_without_a_code() -> None:
    """A call that ended as its save did was under way, whether it has a code or not."""
    call = made_call(made_attempt(seconds=30.2), facts=PATIENT, seconds=30.2)
    steps = advised("process.killed", [made_save(call, outcome=names.UNKNOWN, seconds=30.2)])
    assert "When they ended: 1 save in PutObject, attempt 3 of 6." in steps


def test_killed_before_the_limit() -> None:
    """Workers that ended long before their limit were not ended by it."""
    steps = advised("process.killed", [died(2.0)], [worked_with(call=PATIENT, save=SYNC)])
    assert steps.startswith("Find out what ended these workers before their limit of 30 s: a deploy")
    assert "Config(" not in steps


def test_killed_without_a_limit() -> None:
    """Where no limit is known, none is made up."""
    steps = advised("process.killed", [died(4.0)], [worked_with()])
    assert steps.startswith("Look in the server's log for WORKER TIMEOUT, SIGKILL")
    assert "They ended after 4.0 s." in steps


def test_killed_elsewhere() -> None:
    """What a save did as its worker ended is told apart from storing."""
    steps = advised("process.killed", [died(30.2, storing=False), made_save(outcome=names.UNKNOWN)])
    assert "1 save had called no storage; 1 save had ended PutObject, and did something else" in steps


def test_front_timeout() -> None:
    """The front's limit is told as it was seen, with the worker that goes on for nobody."""
    saves = [at_the_front(504, 20.0)]
    steps = advised("front.timeout", saves, [worked_with(call=PATIENT, save=SYNC)])
    assert "which was after 20 s (nginx: proxy_read_timeout)" in steps
    assert "Its worker goes on for up to 30 s, for nobody" in steps
    assert "Config(connect_timeout=2" in steps


@pytest.mark.parametrize(
    ("seconds", "said"), [(30.0, "Look for WORKER TIMEOUT"), (0.01, "See what the front")]
)
def test_bad_gateway(seconds: float, said: str) -> None:
    """A 502 that comes just where workers end is told to be their end; one that comes at once is not."""
    saves = [at_the_front(502, seconds + tenth / 1000) for tenth in range(6)]
    assert advised("front.bad_gateway", saves, [worked_with(save=SYNC)]).startswith(said)


def test_users_who_leave() -> None:
    """Saves that all end at one moment met the page's limit; others, users who went."""
    together = [at_the_front(499, 45.0 + tenth / 100) for tenth in range(6)]
    assert advised("front.client_gone", together).startswith(
        "Raise the page's own limit, which ends saves after 45 s"
    )
    apart = [at_the_front(499, 3.0 * number) for number in range(1, 7)]
    assert "they were gone after 3.0 s to 18 s, at no time in particular" in advised(
        "front.client_gone", apart
    )


def test_a_worker_that_says_what_stopped_it() -> None:
    """A save that was stopped in the middle is killed by its own word: what to do, and what it was doing."""
    held: Held = {
        names.STAGE: names.PROCESS, names.KILLED_BY: "out_of_memory",
        names.DOING: "backing off before attempt 8 of 12 of PutObject",
    }  # fmt: skip
    save = refused_by_app("worker_killed", **held)
    assert cause_of(save).name == "process.killed"
    steps = advised("process.killed", [save])
    assert steps.startswith(
        "Give the app more memory, or find what takes it: the kernel killed these workers."
    )
    assert "1 save backing off before attempt 8 of 12 of PutObject" in steps
    held = {names.STAGE: names.PROCESS, names.STORED: names.YES}
    steps = advised("process.killed", [refused_by_app("worker_stopped", **held)])
    assert "--graceful-timeout" in steps
    assert "Let a retry write the same key: the save is stored all the same" in steps


def stopped(code: str, doing: str, *, seconds: float = 30.4, **facts: AttributeValue) -> Save:
    """A save that was stopped in the middle, as it says itself."""
    held = {names.STAGE: names.PROCESS, names.DOING: doing, **SYNC, **facts}
    sent = made_attempt("SlowDown", seconds=0.1)
    call = made_call(sent, code="SystemExit", facts=PATIENT, seconds=seconds)
    return made_save(call, outcome=names.FAILED, code=code, facts=held, seconds=seconds)


def test_a_limit_that_struck_amid_retries() -> None:
    """What the saves were doing is put together, and settings with which the client gives up before."""
    saves = [
        stopped(
            "worker_timeout",
            f"backing off before attempt {number} of 6 of PutObject, repetition 1 by the app",
        )
        for number in (5, 3, 4)
    ]
    saves.append(stopped("worker_timeout", "attempt 6 of 6 of PutObject: waiting for the answer"))
    steps = advised("process.killed", saves)
    assert steps.startswith(
        "Let the client give up first: the worker is killed after 30 s (gunicorn --timeout), and a storage"
        " call may go on for 7 min 31 s. Config("
    )
    assert "They ended after 30 s" in steps
    assert (
        "When they ended: 3 saves backing off before attempt 3 to 5 of 6 of PutObject, repetition 1 by the"
        " app; 1 save in attempt 6 of 6 of PutObject: waiting for the answer." in steps
    )
    assert "Or set gunicorn --timeout" not in steps


def test_a_limit_that_is_a_little_too_low() -> None:
    """Where a little more time would do, that is said too, with what is used of a limit at most."""
    quick = {names.ATTEMPTS_ALLOWED: 3, names.READ_TIMEOUT_SECONDS: 5.0, names.PATIENCE_SECONDS: 48.0}
    sent = made_attempt("SystemExit", seconds=30.4)
    call = made_call(sent, facts={**PATIENT, **quick}, seconds=30.4)
    held: Held = {names.STAGE: names.PROCESS, **SYNC}
    save = made_save(call, outcome=names.FAILED, code="worker_timeout", facts=held, seconds=30.4)
    assert "Or set gunicorn --timeout to 54 s or more." in advised("process.killed", [save])


def test_a_limit_that_strikes_whole_workers() -> None:
    """A worker that serves many at once is stopped where something blocks all of it, not by one save."""
    held: Held = {names.STAGE: names.PROCESS, names.WORKER_CLASS: "gevent", names.DOING: "in the app"}
    steps = advised("process.killed", [refused_by_app("worker_timeout", **held)])
    assert steps.startswith(
        "Find what held up the whole worker: gunicorn's limit (--timeout) strikes a worker of"
    )
    assert "of the kind gevent only where" in steps


@pytest.mark.parametrize(
    ("by", "todo"),
    [
        ("worker_timeout", "Let the client give up first"),
        ("SIGSEGV", "Find what crashes the app's process (SIGSEGV)"),
        ("SIGKILL", "Find out what ended these workers before their limit of 30 s"),
    ],
)
def test_what_killed_a_worker_outright(by: str, todo: str) -> None:
    """The limit that struck, a crash of its own, or nobody knows what: each has its step."""
    steps = advised(
        "process.killed", [stopped("worker_killed", "in the app", seconds=3.0, **{names.KILLED_BY: by})]
    )
    assert steps.startswith(todo)


def test_saves_that_several_things_stopped() -> None:
    """Each thing that stopped saves has its step, the most frequent first."""
    saves = [
        stopped("greenlet_killed", "in the app"),
        *(stopped("worker_stopped", "waiting for postgresql") for _ in range(2)),
        stopped("worker_killed", "in the app", seconds=3.0),
    ]
    steps = advised("process.killed", saves).splitlines()
    assert [step.split(":")[0] for step in steps[:3]] == [
        "Give workers more time to end",
        "Find what kills greenlets in the app",
        "Let the client give up first",
    ]
    assert "2 saves in the app; 2 saves waiting for postgresql" in steps[3]


def test_what_only_a_browser_saw() -> None:
    """Who closed the page, was offline or blocked is told by the browser, and so is what to do."""
    closed = made_save(outcome=names.FAILED, facts={BROWSER_CODE: "page_closed", names.STORED: names.YES})
    steps = advised("browser.network", [closed])
    assert "Let the page ask before it is left" in steps
    assert "the save is stored all the same" in steps
    blocked = made_save(outcome=names.FAILED, facts={BROWSER_CODE: "blocked"})
    assert "forbids POST /charts/keep" in advised("browser.network", [blocked])


def test_what_the_front_gave_up_may_be_stored() -> None:
    """Saves that the app went on with for nobody are told to be stored."""
    held: Held = {"http.response.status_code": 504, names.STORED: names.YES}
    saves = [made_save(outcome=names.FAILED, facts=held), made_save(outcome=names.FAILED, facts={})]
    assert "1 of 2 saves is stored all the same" in advised("front.timeout", saves)
