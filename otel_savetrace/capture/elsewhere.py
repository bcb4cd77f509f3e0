"""A request looked at from elsewhere while it lives: from another thread, or as the process ends."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from contextvars import Context
from typing import Any, ParamSpec

from flask.globals import _cv_app, _cv_request

from otel_savetrace.capture.save import Save, current_save

_Parameters = ParamSpec("_Parameters")


class Circumstances:
    """Flask's own contexts of the request that runs here, held weakly.

    Where a teardown function of the app raises, OpenTelemetry's is not called, and the request's span ends
    when Python clears the request away: whoever kept the request would keep the span from ending.
    """

    __slots__ = ("_app", "_request")

    def __init__(self) -> None:
        app: Any = _cv_app.get(None)
        request: Any = _cv_request.get(None)
        self._app = None if app is None else weakref.ref(app)
        self._request = None if request is None else weakref.ref(request)

    def run(
        self,
        save: Save,
        function: Callable[_Parameters, object],
        *arguments: _Parameters.args,
        **named: _Parameters.kwargs,
    ) -> None:
        """Call `function` as within the request; of one that is gone nothing is called."""
        app = self._app() if self._app is not None else None
        request = self._request() if self._request is not None else None
        if app is None or request is None:
            return

        def within() -> None:
            _cv_app.set(app)
            _cv_request.set(request)
            current_save.set(save)
            function(*arguments, **named)

        Context().run(within)
