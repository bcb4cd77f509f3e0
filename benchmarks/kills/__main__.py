"""Run with ``python -m benchmarks.kills [--kills N] [--seed N] [KIND …]``.

Workers of real gunicorn save to a real S3 server and are killed (SIGKILL) at random moments. What users got,
what the app wrote down of each save that it began, and the spans are held against one another: a save in
flight is one that the app began and that its user had no answer to. Exit code 1 where one of them is told of
never or twice, or a span is of no save. A span that comes twice, where a process is killed between handing it
over and noting that, has the same ids, and is read as one.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.kills.crowd import Crowd, Sent, kill_at_random
from otel_savetrace import attributes as attribute
from otel_savetrace.capture.in_flight.record import read
from otel_savetrace.demo import servers
from otel_savetrace.demo.faults import Plan, Rule, SlowAnswer
from otel_savetrace.demo.front import Front
from otel_savetrace.demo.processes import LOOPBACK, Process, answers, free_port
from otel_savetrace.spans.otlp_lines import spans_of_line
from otel_savetrace.spans.reading import Account, each_once
from otel_savetrace.spans.rows import Span

KINDS = {
    "sync": ("--workers", "4", "--preload"),
    "gthread": ("--workers", "3", "--threads", "4", "--preload"),
    "gevent": ("--workers", "3", "--worker-class", "gevent", "--preload"),
}
_PATCHED_FIRST = {"OTEL_PYTHON_AUTO_INSTRUMENTATION_EXPERIMENTAL_GEVENT_PATCH": "patch_all"}
_USERS = 6
_STORE_SECONDS = 0.05
_BETWEEN = (0.1, 0.9)
_CHECKOUT = Path(__file__).parents[2]


def main() -> None:
    """Kill, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--kills", type=int, default=200, help="of each kind of worker")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="a folder for all that was written")
    parser.add_argument("kinds", nargs="*", choices=[*KINDS, []], metavar="KIND", help=", ".join(KINDS))
    chosen = parser.parse_args()
    good = True
    kinds = [kind for kind in KINDS if kind != "gevent" or importlib.util.find_spec("gevent") is not None]
    for kind in chosen.kinds or kinds:
        with tempfile.TemporaryDirectory() as made:
            good &= _run(kind, chosen.kills, chosen.seed, chosen.keep or Path(made))
    sys.exit(0 if good else 1)


def _run(kind: str, kills: int, seed: int, folder: Path) -> bool:
    folder.mkdir(parents=True, exist_ok=True)
    store = free_port()
    plan = Plan((Rule(SlowAnswer(_STORE_SECONDS), "storymapjs/", times=None),))
    with servers.s3_server(folder / "store", store, announce=print):
        servers.make_bucket(store)
        with Front(store, plan, folder / "journal.jsonl") as front:
            app = _app(kind, front.url, folder)
            with app:
                port = int(app.command[app.command.index("--bind") + 1].partition(":")[2])
                with Crowd(port, _USERS) as crowd:
                    kill_at_random(app, kills, _BETWEEN, seed)
                _until_told(folder)
                app.stop(grace_seconds=30)
    return _compare(kind, kills, crowd.sent, folder)


def _app(kind: str, store: str, folder: Path) -> Process:
    port = free_port()
    made = servers.app_server(
        folder,
        port,
        storage_url=store,
        gunicorn=KINDS[kind],
        tracing={
            "OTEL_SERVICE_NAME": "kills",
            "OTEL_TRACES_EXPORTER": "none",
            "OTEL_METRICS_EXPORTER": "none",
            "OTEL_LOGS_EXPORTER": "none",
            "OTEL_SAVETRACE_FILE": str(folder / "spans.jsonl"),
            "OTEL_SAVETRACE_IN_FLIGHT": str(folder / "in-flight"),
            "OTEL_SAVETRACE_KEY_PATTERN": servers.KEY_PATTERN,
            "OTEL_SAVETRACE_SAVE_ROUTES": "/save/<save_id>",
            "PYTHONPATH": os.pathsep.join([str(_CHECKOUT), os.environ.get("PYTHONPATH", "")]),
            **(_PATCHED_FIRST if kind == "gevent" else {}),
            "BEGUN": str(folder / "begun"),
        },
    )
    command = [*made.command[:-1], "benchmarks.kills.app:app"]
    ready = answers(f"http://{LOOPBACK}:{port}/")
    return Process("app", command, environment=made.environment, folder=folder, ready=ready)


def _until_told(folder: Path) -> None:
    """Wait until no file is left but those of workers that live."""
    end = time.monotonic() + 30.0
    while time.monotonic() < end and len(list((folder / "in-flight").glob("[!.]*"))) > 4:
        time.sleep(0.1)
    time.sleep(6.0)  # each worker looks every five seconds


def _spans(folder: Path, account: Account) -> Iterator[Span]:
    """Yield every span of the file, repeats included; a worker killed as it writes leaves half a line."""
    with (folder / "spans.jsonl").open("rb") as lines:
        for number, line in enumerate(lines, 1):
            yield from spans_of_line(line, f"line {number}", account)


def _compare(kind: str, kills: int, sent: list[Sent], folder: Path) -> bool:
    begun = set((folder / "begun").read_text().split())
    by_trace: dict[str, list[Span]] = {}
    account = Account()
    spans = list(_spans(folder, account))
    repeated = Counter((span.trace_id, span.span_id) for span in spans)
    for span in each_once(spans):
        if span.kind == "server" and span.name.startswith("POST"):
            by_trace.setdefault(span.trace_id, []).append(span)
    known = {one.trace_id for one in sent}
    in_flight = [one for one in sent if one.save_id in begun and one.status is None]
    # Their worker was killed between the beginning of the span and the first line of the view.
    in_flight += [
        one for one in sent if one not in in_flight and one.status is None and one.trace_id in by_trace
    ]
    answered = [one for one in sent if one.status is not None]
    times = Counter(min(len(by_trace.get(one.trace_id, [])), 2) for one in in_flight)
    of_answered = Counter(min(len(by_trace.get(one.trace_id, [])), 2) for one in answered)
    told = [span for one in in_flight for span in by_trace.get(one.trace_id, [])[:1]]
    codes = Counter(str(span.attributes.get(attribute.ERROR_CODE, "answered by the app")) for span in told)
    wrong = [
        one
        for one in answered
        for span in by_trace.get(one.trace_id, [])
        if span.attributes.get(attribute.OUTCOME) != attribute.SUCCEEDED
    ]
    recovered = sum(
        bool(span.attributes.get(attribute.FROM_RECORD))
        for one in answered
        for span in by_trace.get(one.trace_id, [])
    )
    invented = [trace for trace in by_trace if trace not in known]
    left = list((folder / "in-flight").iterdir())
    print(f"{kind}: {kills} kills, {len(sent)} saves sent, {len(answered)} answered")
    print(f"  in flight when killed {len(in_flight)}: once {times[1]}, never {times[0]}, twice {times[2]}")
    print(f"    what they say: {dict(codes)}")
    print(f"  answered: once {of_answered[1]}, never {of_answered[0]}, twice {of_answered[2]};")
    print(f"    {recovered} of them told by another process; {len(wrong)} said to have failed")
    print(f"  traces of no save: {len(invented)}")
    twice = sum(count > 1 for count in repeated.values())
    print(
        f"  spans of any kind: {len(repeated)}; came twice, with the same ids, and are read as one: {twice}"
    )
    print(f"  lines half written: {sum(one.count for one in account.skipped())}")
    held = [read(path.read_bytes()) for path in left]
    print(f"  files left: {len(left)}, with saves: {[len(one.saves) for one in held if one]}", flush=True)
    return not (times[0] or times[2] or of_answered[0] or of_answered[2] or invented or wrong)


if __name__ == "__main__":
    main()
