"""What a save that works, and that no failed one came before, pays for knowing failures and retries."""

from __future__ import annotations

import statistics
import timeit

import flask
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Span

from otel_savetrace import attributes as attribute
from otel_savetrace.capture.retry.watch import RetryWatch
from otel_savetrace.capture.save import Save
from otel_savetrace.capture.span_writer import Known
from otel_savetrace.config import Settings

_TIMES = 20_000
_ROUNDS = 15
_OTHER_COOKIES = "session=" + "x" * 200 + "; _ga=GA1.1.1234567890.1234567890"


def retries() -> None:
    """Print it: the median of rounds and their range, in microseconds, less an empty call."""
    app = flask.Flask(__name__, instance_path="/nowhere")
    app.secret_key = "secret"  # noqa: S105 - of an app that is only measured
    watch, span = RetryWatch(Settings()), TracerProvider().get_tracer("benchmark").start_span("save")
    with app.test_request_context("/save", method="POST", headers={"Cookie": _OTHER_COOKIES}) as context:
        taken = _taken(watch, app, context.request, span)
    low, middle, high = min(taken), statistics.median(taken), max(taken)
    print(f"a save that works pays {middle:.2f} ({low:.2f}-{high:.2f}) µs for knowing failures and retries")


def _taken(watch: RetryWatch, app: flask.Flask, request: flask.Request, span: Span) -> list[float]:
    save, known = Save(span, None), _worked()

    def nothing(app: flask.Flask, request: flask.Request, save: Save, known: Known) -> None:
        pass

    return [
        (
            timeit.timeit(lambda: watch.note(app, request, save, known), number=_TIMES)
            - timeit.timeit(lambda: nothing(app, request, save, known), number=_TIMES)
        )
        / _TIMES
        * 1e6
        for _ in range(_ROUNDS)
    ]


def _worked() -> Known:
    return {attribute.OUTCOME: attribute.SUCCEEDED}
