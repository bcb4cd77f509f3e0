"""Codes and phrases of failures."""

from __future__ import annotations

import socket

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from otel_savetrace.capture.failure import Failure, of_exception, of_response


class AppError(Exception):
    """An app's own exception, raised in place of a storage error."""


def _raised(outer: BaseException, inner: BaseException, *, explicit: bool) -> BaseException:
    try:
        try:
            raise inner
        except BaseException as error:
            if explicit:
                raise outer from error
            raise outer  # noqa: B904 - the implicit context is the case under test
    except BaseException as error:
        return error


@pytest.mark.parametrize("explicit", [True, False])
def test_the_code_survives_the_apps_own_exceptions(explicit: bool) -> None:
    """The S3 code is found beneath whatever exceptions the app has raised in its place."""
    s3 = ClientError({"Error": {"Code": "SlowDown"}}, "PutObject")
    wrapped = _raised(AppError("twice"), _raised(AppError("once"), s3, explicit=explicit), explicit=explicit)
    assert of_exception(wrapped).code == "SlowDown"


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (
            ConnectionClosedError(endpoint_url="u", error=OSError("a", ConnectionResetError(104, "x"))),
            Failure("ConnectionResetError", "connection reset", "ConnectionResetError", "ECONNRESET"),
        ),
        (
            ReadTimeoutError(endpoint_url="u", error=_raised(OSError("a"), TimeoutError("b"), explicit=True)),
            Failure("ReadTimeoutError", "read timeout", "TimeoutError"),
        ),
        (
            EndpointConnectionError(endpoint_url="u", error=ConnectionRefusedError(111, "x")),
            Failure("ConnectionRefusedError", "connection refused", "ConnectionRefusedError", "ECONNREFUSED"),
        ),
        (
            EndpointConnectionError(endpoint_url="u", error=socket.gaierror(socket.EAI_NONAME, "x")),
            Failure("gaierror", "name not resolved", "gaierror", "EAI_NONAME"),
        ),
        (AppError(), Failure("AppError", "AppError", "AppError")),
    ],
)
def test_the_innermost_exception_names_the_failure(error: BaseException, failure: Failure) -> None:
    """Without a code from the wire the innermost exception's class is the code."""
    assert of_exception(error) == failure


def test_an_exception_that_is_its_own_cause_ends() -> None:
    """A ring of causes is walked once."""
    first, second = AppError(), AppError()
    first.__cause__, second.__cause__ = second, first
    assert of_exception(first).code == "AppError"


@pytest.mark.parametrize(
    ("status", "code", "phrase"),
    [
        (200, None, None),
        (304, None, None),
        (503, "SlowDown", "503 SlowDown"),
        (404, "404", "404"),
        (200, "InternalError", "200 InternalError"),
        (502, None, "502"),
        (502, "<html>&nbsp;</html>", "502"),
    ],
)
def test_answers(status: int, code: str | None, phrase: str | None) -> None:
    """An answer is a failure by its code or its status; a code that is no code never names a span."""
    failure = of_response(status, code)
    assert (failure.phrase if failure else None) == phrase
