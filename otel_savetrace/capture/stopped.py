"""A request that is stopped in the middle: by its worker's time limit, a signal, a greenlet that is killed.

Then an exception that is no `Exception` passes through everything: no error handler of the app sees it, no
signal of Flask's tells of it, and botocore, OpenTelemetry and the app clean up on its way. What was being
done is noted by the first of our hooks that it passes; what became of the save by the last, which stands
around `Flask.full_dispatch_request`, where the request's span still lives. The exception goes on untouched.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, NamedTuple

from otel_savetrace import attributes as attribute
from otel_savetrace.capture import doing
from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.origin import is_installed
from otel_savetrace.capture.save import Save, live_save
from otel_savetrace.capture.seam import Method
from otel_savetrace.capture.span_writer import Known
from otel_savetrace.capture.text import shortened
from otel_savetrace.capture.worker import worker

WORKER_TIMEOUT = "worker_timeout"
"""Error code of a save that gunicorn's time limit stopped (SIGABRT)."""

WORKER_STOPPED = "worker_stopped"
"""Error code of a save whose process was told to end: SIGTERM, SIGINT, SIGQUIT, a reload."""

WORKER_RECYCLED = "worker_recycled"
"""Error code of a save whose gunicorn worker had served its `max_requests`, and ended."""

GREENLET_KILLED = "greenlet_killed"
"""Error code of a save whose greenlet was killed in a worker that lives on."""

REQUEST_TIMEOUT = "request_timeout"
"""Error code of a save that a time-out of gevent's or eventlet's stopped, which nobody caught."""

CANCELLED = "cancelled"
"""Error code of a save whose asyncio task was cancelled."""

ENDING = frozenset(("GreenletExit", "KeyboardInterrupt", "SystemExit"))
"""Exceptions by which a process or a greenlet ends; an app that catches one only puts that off."""

_ABORTED = "handle_abort"
_BY_CLASS = {
    "asyncio.CancelledError": CANCELLED,
    "eventlet.Timeout": REQUEST_TIMEOUT,
    "gevent.Timeout": REQUEST_TIMEOUT,
}
_KILLED = "greenlet.GreenletExit"
_GUNICORN = "gunicorn"
# What stands between a client and what it waits for.
_BETWEEN = frozenset(("eventlet", "gevent", "greenlet", "opentelemetry", "otel_savetrace", "wrapt"))


class Stop(NamedTuple):
    """Why a request stopped, and what it was doing; `exception` tells this stop's exception from others."""

    code: str
    doing: str
    exception: int

    def attributes(self) -> Known:
        """Return what a request tells of it."""
        return {
            attribute.DOING: shortened(self.doing, attribute.SEARCHED_LIMIT),
            attribute.STAGE: attribute.PROCESS,
            attribute.ERROR_CODE: self.code,
            attribute.ERROR_TYPE: self.code,
        }


def wrap_full_dispatch_request(stopped: Callable[[Any, Stop], None]) -> Callable[[Method], Method]:
    """Return the wrapper of `Flask.full_dispatch_request`, which calls `stopped` with app and stop."""

    def wrap(original: Method) -> Method:
        def full_dispatch_request(app: Any, *arguments: Any, **named: Any) -> Any:
            try:
                return original(app, *arguments, **named)
            except Exception:
                raise
            except BaseException as error:
                guard.run("a request is stopped", _stops, stopped, app, error)
                raise

        return full_dispatch_request

    return wrap


def _stops(stopped: Callable[[Any, Stop], None], app: Any, error: BaseException) -> None:
    save = live_save()
    if save is not None:
        stop = _note(save, error, None, app.import_name)
        save.uncaught = frozenset((type(error).__name__,))
        stopped(app, stop)


def is_stop(error: BaseException | None) -> bool:
    """Return whether an exception stops a request: no error handler of the app is meant to see it."""
    return error is not None and not isinstance(error, Exception)


def note(error: BaseException, told: str | None = None) -> None:
    """Note what the request that runs here is doing while `error`, which stops it, passes a hook of ours.

    `told` says what that is, where the request itself does not know it any more.
    """
    save = live_save()
    if save is not None:
        _note(save, error, told, "")


def _note(save: Save, error: BaseException, told: str | None, app: str) -> Stop:
    stop: Stop | None = save.stop
    if stop is None or stop.exception != id(error):
        told = told or save.doing()
        if told == doing.IN_THE_APP:
            told = _doing_by(error.__traceback__, app)
        stop = save.stop = Stop(code_of(error), told, id(error))
    return stop


def of_process(save: Save) -> Stop:
    """Return the stop of a request that its process, which ends, leaves behind."""
    return Stop(_ending() or WORKER_STOPPED, save.doing(), 0)


def code_of(error: BaseException) -> str:
    """Return the error code of a save that `error` stops."""
    for base in type(error).__mro__:
        name = f"{base.__module__.partition('.')[0]}.{base.__name__}"
        if name in _BY_CLASS:
            return _BY_CLASS[name]
        if name == _KILLED:
            return _ending() or GREENLET_KILLED
    if isinstance(error, KeyboardInterrupt):
        return WORKER_STOPPED
    handler = _signal_handler(error.__traceback__)
    if handler is None:
        return type(error).__name__  # the app's own doing: `sys.exit()` in a view
    return WORKER_TIMEOUT if handler.f_code.co_name == _ABORTED else WORKER_STOPPED


def _ending() -> str | None:
    """Return why the whole worker ends, None where it lives on."""
    if not worker.is_ending:
        return None
    return WORKER_RECYCLED if worker.has_served_its_most else WORKER_STOPPED


def _signal_handler(traceback: TracebackType | None) -> FrameType | None:
    """Return the frame of the signal handler that raised: Python hands the frame it interrupts to it."""
    return next((frame for frame in _frames(traceback) if _is_handler(frame)), None)


def _is_handler(frame: FrameType) -> bool:
    code = frame.f_code
    arguments = code.co_varnames[: code.co_argcount]
    return any(isinstance(frame.f_locals.get(name), FrameType) for name in arguments)


def _frames(traceback: TracebackType | None) -> Iterator[FrameType]:
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next


def _doing_by(traceback: TracebackType | None, app: str) -> str:
    """Return what a request was doing by the package whose code ran innermost, beside the standard library.

    That is the only trace of a client that OpenTelemetry does not instrument.
    """
    packages = []
    for frame in _frames(traceback):
        if _is_handler(frame):
            break
        packages.append(str(frame.f_globals.get("__name__", "")).partition(".")[0])
    own = app.partition(".")[0]
    innermost = next(
        (one for one in reversed(packages) if one not in _BETWEEN and one not in sys.stdlib_module_names), own
    )
    if innermost == _GUNICORN:
        return "reading the request"
    return doing.in_package(innermost) if innermost != own and is_installed(innermost) else doing.IN_THE_APP
