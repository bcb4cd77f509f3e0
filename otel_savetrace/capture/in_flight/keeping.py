"""Saves in flight kept: the parts put together, switched on and off, and told of forks and of the end."""

from __future__ import annotations

import atexit
import os
import weakref
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from otel_savetrace import attributes as attribute
from otel_savetrace.capture import in_flight
from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.in_flight.claiming import Claims
from otel_savetrace.capture.in_flight.folder import app_of, boot, folder_of
from otel_savetrace.capture.in_flight.gunicorn_master import Master
from otel_savetrace.capture.in_flight.memory_kills import MemoryKills
from otel_savetrace.capture.in_flight.missing_spans import missing_spans
from otel_savetrace.capture.in_flight.process_file import ProcessFile, close_inherited
from otel_savetrace.capture.in_flight.record import Dead
from otel_savetrace.capture.in_flight.recorder import Hide, Recorder
from otel_savetrace.capture.in_flight.watch import Watch
from otel_savetrace.capture.seam import Method, Seam
from otel_savetrace.capture.worker import worker
from otel_savetrace.config import Settings


class InFlight:
    """Keeps the record of saves in flight and writes what dead processes owe.

    `is_save` says of a span's name whether the request that runs here is a save by its route.
    """

    def __init__(self, settings: Settings, provider: Any, is_save: Callable[[str], bool]) -> None:
        self._settings = settings
        self._provider = provider
        self._scope = InstrumentationScope(attribute.SCOPE, version("otel-savetrace"))
        self._seams = [
            Seam(exporter, "export", self._wrap_export, "which spans are handed over")
            for exporter in _batch_exporters(provider)
        ]
        self._recorder = Recorder(
            self._make_file,
            is_save,
            settings.request_attributes,
            settings.key_names,
            hide_of(settings),
            len(self._seams),
        )
        self._watch = Watch(self._beat, self._look)
        self._master = Master(self._place)
        self._claims: Claims | None = None
        self._kills: MemoryKills | None = None
        self._killed_for_memory = 0

    def start(self) -> None:
        """Begin to keep."""
        for seam in self._seams:
            seam.install()
        in_flight.recorder = self._recorder
        before, after = weakref.WeakMethod(self._before_fork), weakref.WeakMethod(self._after_fork)
        os.register_at_fork(before=lambda: _call(before), after_in_child=lambda: _call(after))
        atexit.register(self._recorder.end)

    def stop(self) -> None:
        """Keep nothing any more."""
        in_flight.recorder = None
        atexit.unregister(self._recorder.end)
        self._watch.stop()
        self._master.stop()
        self._recorder.stop()
        for seam in reversed(self._seams):
            seam.remove()

    def _before_fork(self) -> None:
        if in_flight.recorder is self._recorder:
            guard.run("a process is to be forked", self._master.before_fork)

    def _after_fork(self) -> None:
        if in_flight.recorder is self._recorder:
            guard.run("a process was forked", self._begin_again)

    def _begin_again(self) -> None:
        close_inherited()
        file = self._recorder.file
        self._recorder.begin_again()
        if file is not None:
            file.close()
        self._claims = self._kills = None
        self._killed_for_memory = 0
        self._watch.start_again()

    def _make_file(self) -> ProcessFile:
        folder, app = self._place()
        kills = self._own_kills()
        resource = self._provider.resource.attributes
        facts = {
            "boot": boot(),
            "cgroup": kills.cgroup,
            "resource": dict(resource),
            "process": {
                name: value
                for name, value in worker.attributes(resource).items()
                if name not in _OF_THE_MOMENT
            },
        }
        file = ProcessFile(folder, app, facts)
        self._killed_for_memory = kills.count()
        file.beat(self._killed_for_memory)
        self._watch.start()
        return file

    def _place(self) -> tuple[Path, str]:
        resource: Mapping[str, object] = self._provider.resource.attributes
        folder = folder_of(
            self._settings.in_flight if isinstance(self._settings.in_flight, Path) else None, os.environ
        )
        return folder, app_of(resource, os.environ, self._settings.file)

    def _own_kills(self) -> MemoryKills:
        if self._kills is None:
            self._kills = MemoryKills()
        return self._kills

    def _beat(self) -> None:
        self._recorder.look()
        if self._recorder.file is not None:
            self._recorder.file.beat(self._killed_for_memory)

    def _look(self) -> bool:
        if self._recorder.ending:
            return False
        if self._claims is None:
            try:
                folder, app = self._place()
            except OSError:
                return False  # said at the first save
            self._claims = Claims(folder, app, boot(), self._own_kills(), self._report)
        again = self._claims.look()
        file = self._recorder.file
        if file is not None:
            self._killed_for_memory = self._own_kills().count()
            file.beat(self._killed_for_memory)
            file.freshen()
        return again

    def _report(self, dead: Dead, for_memory: bool) -> bool:
        """Write what a dead process owes and see that it is handed over; returns whether it may have been.

        Not so where this process ends meanwhile, and its exporters take nothing any more.
        """
        for span in missing_spans(
            dead, self._settings, self._scope, self._provider.resource, for_memory=for_memory
        ):
            # Past whoever hides keys: what the file holds is hidden already.
            for processor in self._provider._active_span_processor._span_processors:
                # One that counts on having seen a span's start must not keep it from the others.
                guard.run("a missing span is handed on", processor.on_end, span)
        return bool(self._provider.force_flush()) or not self._recorder.ending

    def _wrap_export(self, original: Method) -> Method:
        def export(spans: Any, *arguments: Any, **named: Any) -> Any:
            try:
                return original(spans, *arguments, **named)
            finally:
                guard.run("spans were exported", self._recorder.exported, spans)

        return export


_OF_THE_MOMENT = frozenset(
    (
        attribute.RELOAD_AGE_SECONDS,
        attribute.REQUESTS_IN_FLIGHT,
        attribute.SERVER_AGE_SECONDS,
        attribute.WORKER_AGE_SECONDS,
    )
)


def hide_of(settings: Settings) -> Hide | None:
    """Return what makes of attributes what may stand in a file, None where they may as they are."""
    if settings.keys == "plain":
        return None
    from otel_savetrace.capture.keys.hash import hash_of

    named = settings.key_names | {one.name for one in settings.request_attributes} | {attribute.S3_KEY}
    free = {name for name, known in attribute.REGISTRY.items() if known.personal} - named

    def hide(about: Mapping[str, Any]) -> Mapping[str, Any]:
        shown = {name: value for name, value in about.items() if name not in free}
        for name in named & shown.keys():
            if settings.keys == "hash":
                shown[name] = hash_of(str(shown[name]))
            else:
                del shown[name]
        return shown

    return hide


def _batch_exporters(provider: Any) -> list[Any]:
    """Return the exporters for which all sampled spans wait in memory."""
    chain = getattr(provider, "_active_span_processor", None)
    processors = getattr(chain, "_span_processors", ())
    batches = (
        getattr(processor, "_batch_processor", None)
        for processor in processors
        # A processor of its own mind may leave spans out, and nobody would know of which.
        if type(processor).on_end is BatchSpanProcessor.on_end
    )
    exporters = (getattr(batch, "_exporter", None) for batch in batches)
    return [
        exporter for exporter in exporters if hasattr(exporter, "__dict__") and hasattr(exporter, "export")
    ]


def _call(method: weakref.WeakMethod[Callable[[], None]]) -> None:
    found = method()
    if found is not None:
        found()
