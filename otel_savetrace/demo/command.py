"""`savetrace demo`: saves that fail and work again, on real servers, and what there is to see of them."""

from __future__ import annotations

import dataclasses
import functools
import sys
import time
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from otel_savetrace.demo import backend, epilogue, keeping, servers, story
from otel_savetrace.demo.faults import Plan
from otel_savetrace.demo.front import Front
from otel_savetrace.demo.incidents.catalogue import INCIDENTS
from otel_savetrace.demo.incidents.incident import Incident
from otel_savetrace.demo.incidents.play import play
from otel_savetrace.demo.interruption import Interruption
from otel_savetrace.demo.processes import LOOPBACK, Process, free_port
from otel_savetrace.demo.progress import watch
from otel_savetrace.demo.stage import Stage
from otel_savetrace.demo.users import Crowd
from otel_savetrace.errors import SaveTraceError

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


@dataclasses.dataclass(frozen=True)
class Options:
    """What the user asked for; `keep` is None for the user's cache folder."""

    seed: int
    saves: int
    jaeger: bool
    wait: bool
    keep: Path | None
    incident: Incident | None


def _list_faults(ctx: click.Context, _parameter: click.Parameter, asked: bool) -> None:
    if not asked or ctx.resilient_parsing:
        return
    names = Table.grid(padding=(0, 2))
    for incident in INCIDENTS.values():
        needs = f" Needs {incident.needs}." if incident.needs else ""
        says = Text.assemble(incident.says, (needs, "dim"))
        names.add_row(Text(incident.name, style="bold", no_wrap=True), says)
    Console().print(names)
    ctx.exit()


@click.command()
@click.option("--jaeger", is_flag=True, help="Send the spans through the real Collector to a real Jaeger.")
@click.option("--seed", default=1, show_default=True, help="The same seed tells the same story.")
@click.option(
    "--saves",
    type=click.IntRange(min=story.SMALLEST),
    default=60,
    show_default=True,
    help="How many saves, about.",
)
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Keep spans, logs and what was seen on the wire in this new folder.",
)
@click.option("--wait/--no-wait", default=None, help="With --jaeger: stay up until Ctrl-C, or do not.")
@click.option(
    "--fault",
    type=click.Choice(list(INCIDENTS)),
    metavar="NAME",
    help="Play one incident, and report on it; --list-faults names them.",
)
@click.option(
    "--list-faults",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_faults,
    help="Say what each NAME of --fault is, and exit.",
)
def demo(
    jaeger: bool, seed: int, saves: int, keep: Path | None, wait: bool | None, fault: str | None
) -> None:
    """Watch saves to S3 fail and work again, and see what differed.

    A storymap editor with no tracing in it runs under gunicorn and saves to a real S3 server. Faults happen
    on the way; users press save again. Nothing is left running.
    """
    keeping.refuse_what_is_not_new(keep)
    if fault and jaeger:
        raise SaveTraceError("--fault and --jaeger do not go together: the report reads the file of spans.")
    stays = jaeger and (sys.stdout.isatty() if wait is None else wait)
    options = Options(seed, saves, jaeger, stays, keep, INCIDENTS[fault] if fault else None)
    console = Console()
    try:
        with Interruption() as interruption, Stage(console, interruption) as stage:
            _play(stage, options)
    except KeyboardInterrupt:
        console.print("Stopped; nothing is left running.")
        raise SystemExit(INTERRUPTED) from None


def _play(stage: Stage, options: Options) -> None:
    console = stage.console
    if options.incident:
        spans = play(stage, options.incident, options.seed, options.keep)
        epilogue.report_on(console, spans)
        return
    told = story.tell(options.seed, options.saves)
    console.print(Text("A storymap editor saves to S3, faults happen, users press save again.", style="bold"))
    console.print()
    behind = _start_backend(stage) if options.jaeger else None
    front = _start_store(stage, told.plan, options.seed)
    spans = stage.folder / keeping.SPANS
    tracing = servers.tracing_to(spans, otlp_endpoint=behind.otlp if behind else None)
    port = free_port()
    app = servers.app_server(stage.folder / "app", port, storage_url=front.url, tracing=tracing)
    stage.start(app, f"The app: gunicorn, {servers.WORKERS} workers, under opentelemetry-instrument")
    address = f"http://{LOOPBACK}:{port}"
    console.print()
    watch(console, told.authors, functools.partial(Crowd, (address,), told.authors, options.seed))
    app.stop()  # its last spans are exported as it ends
    with stage.whole():
        kept = keeping.keep(stage.folder, options.keep)
    epilogue.show(console, kept, behind, stays=options.wait)
    if behind and options.wait:
        _stay(stage, app, address)


def _start_backend(stage: Stage) -> backend.Backend:
    behind = backend.backend(stage.folder / "backend", announce=stage.announce)
    stage.start(behind.jaeger, f"Jaeger: {behind.page}")
    stage.start(behind.collector, "The OpenTelemetry Collector before it")
    return behind


def _start_store(stage: Stage, plan: Plan, seed: int) -> Front:
    port = free_port()
    store = servers.s3_server(stage.folder / "store", port, announce=stage.announce)
    stage.start(store, f"An S3 server: {Path(store.command[0]).name.partition('-')[0]}")
    servers.make_bucket(port)
    front = stage.enter(Front(port, plan, stage.folder / keeping.JOURNAL, seed=seed))
    stage.say("A front before it, where the faults happen")
    return front


def _stay(stage: Stage, app: Process, address: str) -> None:
    """Keep everything up, the app with it, until Ctrl-C, which is then no failure."""
    stage.console.print()
    stage.start(app, f"The editor is up again, to try it yourself: {address}")
    try:
        stage.console.print("\n  Ctrl-C ends it all.")
        while True:
            time.sleep(60)
    except KeyboardInterrupt:
        stage.console.print("  Ended.")
