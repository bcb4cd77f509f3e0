"""aiobotocore, which shares some of botocore's classes: not recorded, and not harmed."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fixture_packages import Packages
from tests.fixture_script import RunScript

ASYNCHRONOUS = (
    "aiobotocore==3.10.0", "botocore==1.43.117", "boto3==1.43.117", "s3transfer==0.19.3",
    "aiohttp==3.14.5", "aiohappyeyeballs==2.7.1", "aioitertools==0.13.0", "aiosignal==1.4.0",
    "async-timeout==5.0.1", "attrs==26.1.0", "frozenlist==1.8.0", "multidict==7.1.0", "propcache==0.5.4",
    "yarl==1.25.1",
)  # fmt: skip


@pytest.fixture(scope="module")
def found(packages: Packages, run_script: RunScript) -> Any:
    """What aiobotocore and boto3 sent and got in one process, without tracing and with it."""
    return run_script("tests.ways_in.scripts.aio", packages(ASYNCHRONOUS))


def test_an_asynchronous_client_works_as_without_tracing(found: Any) -> None:
    """Through refusals and retries its puts succeed, with heads as long as without tracing."""
    assert found["traced"] == found["untraced"]
    assert set(found["traced"]["statuses"]) == {200}


def test_an_asynchronous_client_is_not_recorded_as_what_it_is_not(found: Any) -> None:
    """No attempt is claimed of a client of which nothing of the wire is seen."""
    assert found["asynchronous attempts"] == 0


def test_boto3_beside_it_is_recorded(found: Any) -> None:
    """A client of boto3 in the same process is recorded as ever."""
    assert found["boto3"] == found["boto3, as sent"]
    assert len(found["boto3"]) == 1
