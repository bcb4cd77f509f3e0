"""Where an exception comes from."""

from __future__ import annotations

import pytest
from botocore.exceptions import ConnectionClosedError
from urllib3.exceptions import ProtocolError

from otel_savetrace.capture.origin import is_dependency


class AppError(Exception):
    """An app's own exception."""


def _raised(outer: BaseException, inner: BaseException) -> BaseException:
    try:
        try:
            raise inner
        except BaseException as error:
            raise outer from error
    except BaseException as error:
        return error


NETWORK = ConnectionClosedError(endpoint_url="u", error=ProtocolError("a", ConnectionResetError(104, "x")))


@pytest.mark.parametrize(
    ("error", "of_a_dependency"),
    [
        (AppError(), False),
        (LookupError(), False),
        (ProtocolError("a"), True),
        (_raised(AppError(), ProtocolError("a")), True),
        (NETWORK, False),
        (_raised(AppError(), NETWORK), False),
        (_raised(ProtocolError("another service's"), NETWORK), True),
    ],
    ids=["app", "builtin", "package", "wrapped package", "storage", "wrapped storage", "package last"],
)
def test_what_led_to_a_failure_of_storage_is_storages(error: BaseException, of_a_dependency: bool) -> None:
    """A package's exception, bare or inside the app's own, is a dependency's; inside botocore's it is not."""
    assert is_dependency(error, "maps.app") is of_a_dependency


@pytest.mark.parametrize("inner", [LookupError(), NETWORK], ids=["its own failure", "storage"])
def test_an_app_that_is_installed_is_no_dependency(inner: BaseException) -> None:
    """An exception of an app that pip has installed, as any package, is the app's own."""
    error = _raised(ProtocolError("as if it were the app's"), inner)
    assert not is_dependency(error, "urllib3.app")
    assert is_dependency(error, "maps.app")
