"""Uploads that boto3 makes in threads (`upload_file`, `upload_fileobj`, `copy`) are the save's they are for.

The seams are s3transfer's `BoundedExecutor.submit` (a task is handed to a thread) and `Task.__call__` (it
runs there). Each task runs in a copy of the context it was handed over in, so its spans stand in the trace of
the save and its calls count among the save's.
"""

from __future__ import annotations

import contextvars
from typing import Any

from otel_savetrace.capture.guard import guard
from otel_savetrace.capture.seam import Method

_CONTEXT = "_otel_savetrace_context"


def wrap_submit(original: Method) -> Method:
    """Wrap `BoundedExecutor.submit(task, tag, block)`."""

    def submit(executor: Any, task: Any, *arguments: Any, **named: Any) -> Any:
        guard.run("a transfer is handed to a thread", _keep_context, task)
        return original(executor, task, *arguments, **named)

    return submit


def wrap_task(original: Method) -> Method:
    """Wrap `Task.__call__()`."""

    def __call__(task: Any, *arguments: Any, **named: Any) -> Any:  # noqa: N807 - the method's own name
        context: contextvars.Context | None = task.__dict__.pop(_CONTEXT, None)
        if context is None:
            return original(task, *arguments, **named)
        return context.run(original, task, *arguments, **named)

    return __call__


def _keep_context(task: Any) -> None:
    setattr(task, _CONTEXT, contextvars.copy_context())
