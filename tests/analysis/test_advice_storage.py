"""What to do where the store refused, with the rates, clocks, headers and saves that the rows tell."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from otel_savetrace import attributes as names
from otel_savetrace.analysis.case import shared_folder
from otel_savetrace.spans.rows import AttributeValue
from tests.analysis.made_case import (
    ENDPOINT,
    advised,
    failed_by,
    made_attempt,
    made_call,
    made_save,
    worked_with,
)

Held = Mapping[str, AttributeValue]


def test_rate_of_a_prefix() -> None:
    """The rate at which a prefix was refused is told beside the highest of it that was not."""
    refused = [
        failed_by("SlowDown", key=f"charts/ada/{number}.json", at=10.0 + number / 100, seconds=0.01)
        for number in range(7)
    ]
    calm = [worked_with(key="charts/ada/x.json", at=second) for second in (20.0, 20.4, 20.7, 30.0)]
    elsewhere = [worked_with(key="charts/bo/x.json", at=40.0 + n / 100) for n in range(50)]
    steps = advised("storage.throttled", refused, [*calm, *elsewhere])
    assert steps.startswith(
        "Send fewer writes at once under charts/ada/: refused at 7 requests a second, none refused at up to 3"
    )


def test_rate_of_an_object() -> None:
    """Where only writes of an object that came soon after another were refused, their distance is told."""
    refused = [failed_by("SlowDown", key=f"charts/{n}.json", at=10.0 * n + 0.2) for n in range(5)]
    # Of two at once the store may have the later first.
    refused.append(failed_by("SlowDown", key="charts/2.json", at=19.9))
    times = [10.0 * n + later for n in range(5) for later in (0.0, 1.5)]
    calm = [worked_with(key=f"charts/{at // 10:.0f}.json", at=at) for at in times]
    assert advised("storage.throttled", refused, calm).startswith(
        "Write no object twice within 1.5 s: every write that was refused began within 200 ms of another of"
        " the same object, none that was taken within 1.5 s (those that were traced)."
    )
    taken_at_once = worked_with(key="charts/0.json", at=1.6)
    assert "under charts/" in advised("storage.throttled", refused, [*calm, taken_at_once])
    of_other_objects = [failed_by("SlowDown", key="charts/x.json", at=5.0), *refused]
    assert "under charts/" in advised("storage.throttled", of_other_objects, calm)
    assert "under charts/" in advised("storage.throttled", refused[:4], calm)
    assert "under charts/" in advised("storage.throttled", refused, calm[:8])


def test_rate_of_an_object_at_amazon() -> None:
    """Amazon counts by prefix: its store is not said to count by object, however it looks."""
    amazon = {names.ENDPOINT: "https://s3.eu-west-1.amazonaws.com"}
    refused = [
        failed_by("SlowDown", call=amazon, key=f"charts/{n}.json", at=10.0 * n + 0.2) for n in range(5)
    ]
    calm = [
        worked_with(key=f"charts/{n}.json", at=10.0 * n + later) for n in range(5) for later in (0.0, 1.5)
    ]
    assert "under charts/" in advised("storage.throttled", refused, calm)


def test_writes_whose_keys_are_not_known_are_of_no_object() -> None:
    """Where keys are left out of the traces, nothing is said of one and the same object."""
    refused = [failed_by("SlowDown", key=None, at=10.0 * n + 0.2) for n in range(5)]
    calm = [worked_with(key=None, at=10.0 * n + later) for n in range(5) for later in (0.0, 1.5)]
    steps = advised("storage.throttled", refused, calm)
    assert steps.startswith("Send fewer writes at once: refused at 2 requests a second")
    assert "object" not in steps


@pytest.mark.parametrize(
    ("endpoint", "said"),
    [
        ("https://s3.eu-west-1.amazonaws.com", "Amazon S3 takes 3,500 writes a second of each prefix"),
        (ENDPOINT, "Ask whoever runs https://store.example which rate it is set to take."),
    ],
)
def test_whose_rate(endpoint: str, said: str) -> None:
    """Amazon's rate is told of Amazon's store alone."""
    steps = advised("storage.throttled", [failed_by("SlowDown", call={names.ENDPOINT: endpoint})])
    assert said in steps
    assert ("3,500" in steps) is ("amazonaws" in endpoint)


def test_retries_in_force_when_throttled() -> None:
    """Mode and attempts in force are told of what was throttled, and how many saves a retry saved."""
    call: Held = {names.RETRY_MODE: "legacy", names.ATTEMPTS_ALLOWED: 2, names.ATTEMPTS: 2}
    saved = made_save(made_call(made_attempt("SlowDown"), made_attempt()))
    steps = advised("storage.throttled", [failed_by("SlowDown", call=call)], [saved, worked_with()])
    assert (
        "In force is retry mode legacy, at most 2 attempts; 2 attempts a call were not enough."
        " 1 call that met the same worked at a later attempt. Config(retries="
    ) in steps


def test_request_ids() -> None:
    """Whoever runs the store is asked with a request id of a failed attempt."""
    steps = advised("storage.internal_error", [failed_by("InternalError", {names.REQUEST_ID: "ABC123"})])
    assert steps.startswith(
        "Ask whoever runs https://store.example about InternalError, with request ids such as ABC123."
    )


def test_full_store() -> None:
    """A store without room needs room, and no retries."""
    assert advised("storage.internal_error", [failed_by("XMinioStorageFull")]) == (
        "Make room in https://store.example: it has none left (XMinioStorageFull)."
    )


@pytest.mark.parametrize(
    ("skew", "said"),
    [
        (1_200, "Set the clock of app-2, 20 min behind the store's, and"),
        (-1_200, "Set the clock of app-2, 20 min ahead of the store's, and"),
    ],
)
def test_which_clock(skew: int, said: str) -> None:
    """The host whose clock is off is named, with by how much and on which side; others are not."""
    saves = [
        failed_by("RequestTimeTooSkewed", {names.CLOCK_SKEW_SECONDS: skew}, save={names.HOST_NAME: "app-2"}),
        failed_by("RequestTimeTooSkewed", {names.CLOCK_SKEW_SECONDS: 2}, save={names.HOST_NAME: "app-1"}),
    ]
    steps = advised("storage.clock_skew", saves)
    assert steps.startswith(said)
    assert "app-1" not in steps
    assert (
        "S3 refuses from 15 min on; botocore neither corrects its clock nor tries again (boto3#1252)."
        in steps
    )


def test_right_clocks() -> None:
    """Where the clocks are right, requests were held up after they were signed, and no clock is blamed."""
    save = failed_by(
        "RequestTimeTooSkewed",
        {names.CLOCK_SKEW_SECONDS: 1},
        save={names.HOST_NAME: "app-1"},
        seconds=1_000.0,
    )
    steps = advised("storage.clock_skew", [save])
    assert steps.startswith("The clocks of app-1 are right (within 1.0 s): find out what held requests up")
    assert "They took 16 min 40 s in all." in steps


def test_headers_signed_in_failures_only() -> None:
    """A header that is signed in failed requests alone is named, and a tracer's with the known defects."""
    steps = advised(
        "storage.signature",
        [failed_by("SignatureDoesNotMatch", call={names.SIGNED_HEADERS: "baggage;host;x-amz-date"})],
        [worked_with(call={names.SIGNED_HEADERS: "host;x-amz-date"})],
    )
    assert "Signed in the failed requests only: baggage." in steps
    assert "two tracers that both write `baggage` break the signature (sentry-python#7031" in steps


def test_secret_key_of_a_host() -> None:
    """Where a signature is wrong on one host, its secret key is held against the store's."""
    save = failed_by(
        "SignatureDoesNotMatch", call={names.CREDENTIAL_KIND: "env"}, save={names.HOST_NAME: "app-2"}
    )
    assert advised("storage.signature", [save]) == (
        "Check that the secret key on app-2 is the store's present one (botocore has it from: env)."
    )


def test_region() -> None:
    """A malformed authorization is about the region that was signed for."""
    save = failed_by("AuthorizationHeaderMalformed", call={names.REGION: "us-east-1"})
    assert advised("storage.signature", [save]).startswith("Check the client's region, now us-east-1:")


def test_expired_credentials() -> None:
    """How long credentials had ended is told, and that those passed to a client are not renewed."""
    saves = [
        failed_by(
            "ExpiredToken",
            call={names.CREDENTIAL_EXPIRES_IN_SECONDS: left, names.CREDENTIAL_KIND: "explicit"},
        )
        for left in (-60, -7_200)
    ]
    steps = advised("storage.credentials", saves)
    assert "Renew or correct the credentials (botocore has them from: explicit)" in steps
    assert "They had ended 60 s to 2 h 0 min before." in steps


def test_credentials_that_last() -> None:
    """Nothing is said to have ended where credentials had time left, or nothing tells."""
    for held in ({names.CREDENTIAL_EXPIRES_IN_SECONDS: 600}, {}):
        assert "ended" not in advised("storage.credentials", [failed_by("InvalidAccessKeyId", call=held)])


def test_credentials_that_did_not_come() -> None:
    """A client without credentials was refused by nobody: the metadata service is what to look at."""
    save = made_save(
        made_call(code="NoCredentialsError"), outcome=names.FAILED, stage=names.CLIENT,
        facts={names.HOST_NAME: "app-2"},
    )  # fmt: skip
    steps = advised("storage.credentials", [save])
    assert steps.startswith("Find out why botocore got no credentials on app-2 (NoCredentialsError).")
    assert "AWS_METADATA_SERVICE_NUM_ATTEMPTS" in steps


def test_what_was_denied() -> None:
    """Operation, bucket and folder that were refused are named, and rights that the headers need."""
    steps = advised(
        "storage.access_denied",
        [failed_by("AccessDenied", call={names.SIGNED_HEADERS: "host;x-amz-acl;x-amz-date"})],
    )
    assert "bucket charts against what was refused: PutObject on charts/ada/plan/." in steps
    assert "s3:PutObjectAcl" in steps
    assert "ListBucket" not in steps
    assert "KMS" not in steps


def test_an_account_that_is_shut_off() -> None:
    """No policy helps an account that may do nothing."""
    assert advised("storage.access_denied", [failed_by("UserSuspended")]) == (
        "Ask whoever runs https://store.example about the account: it is shut off (UserSuspended)."
    )


def test_denied_reads() -> None:
    """A read that is denied may only have found nothing."""
    assert "s3:ListBucket" in advised(
        "storage.access_denied", [failed_by("AccessDenied", operation="HeadObject")]
    )


def test_content_changed_on_the_way() -> None:
    """Content that does not fit its checksum is no reason to leave the checksum out."""
    steps = advised("storage.checksum", [failed_by("BadDigest", {names.PEER_ADDRESS: "10.0.0.7"})])
    assert "look for what stands between app and store (10.0.0.7)" in steps
    assert "leave it on" in steps
    assert "when_required" not in steps


def test_a_store_that_knows_no_checksums() -> None:
    """A checksum that a store does not know is left out by a setting, with the version it came with."""
    call: Held = {names.SIGNED_HEADERS: "host;x-amz-trailer"}
    steps = advised("storage.checksum", [failed_by("NotImplemented", call=call)])
    assert steps == (
        "Set AWS_REQUEST_CHECKSUM_CALCULATION=when_required: from botocore 1.36 on each upload carries a"
        " checksum, here as a trailer after the body, and some stores do not take it (boto3#4392, #4398)."
    )
    assert "It takes them in other saves" in advised(
        "storage.checksum", [failed_by("NotImplemented", call=call)], [worked_with()]
    )


def test_amazon_knows_checksums() -> None:
    """Amazon's own store is not to be sent none."""
    call: Held = {names.ENDPOINT: "https://s3.amazonaws.com"}
    assert "when_required" not in advised("storage.checksum", [failed_by("InvalidChecksum", call=call)])


def test_two_saves_at_once() -> None:
    """Another save that wrote the same object meanwhile is named by its trace, and no other is."""
    failed = failed_by("OperationAborted", at=10.0, seconds=1.0)
    other = worked_with(at=10.5, seconds=1.0)
    beside = worked_with(key="charts/bo/data.json", at=10.4, seconds=1.0)
    later = worked_with(at=20.0)
    steps = advised("storage.conflict", [failed], [beside, other, later])
    assert (
        f"in 1 of 1 failed save another wrote the same object meanwhile, such as {other.trace_id}." in steps
    )
    assert "none of the saves seen did so" in advised("storage.conflict", [failed], [beside, later])


def test_a_condition_was_sent() -> None:
    """A precondition is told of where the store said that one failed."""
    assert "If-None-Match" in advised("storage.conflict", [failed_by("PreconditionFailed")])
    assert "If-None-Match" not in advised("storage.conflict", [failed_by("OperationAborted")])


def test_keys_in_each_others_way() -> None:
    """A key that is a folder of another is to be renamed, not saved at another time."""
    steps = advised("storage.conflict", [failed_by("ExistingObjectIsDirectory")])
    assert steps.startswith("Rename what is saved as charts/ada/plan/data.json:")


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("NoSuchBucket", "Check that bucket charts is there, and the one meant at https://store.example"),
        ("NoSuchUpload", "AbortIncompleteMultipartUpload"),
        ("NoSuchKey", "Find out why GetObject found no object before the write, in bucket charts"),
    ],
)
def test_what_was_not_there(code: str, said: str) -> None:
    """Bucket, upload and object are told apart."""
    operation = "GetObject" if code == "NoSuchKey" else "PutObject"
    assert said in advised("storage.not_found", [failed_by(code, operation=operation)])


def test_another_bucket() -> None:
    """The bucket that saves work with is named where it is another one."""
    worked = [worked_with(call={names.S3_BUCKET: "charts-2"})]
    said = "Saves that worked wrote to charts-2."
    assert said in advised("storage.not_found", [failed_by("NoSuchBucket")], worked)
    assert said not in advised("storage.not_found", [failed_by("NoSuchBucket")], [*worked, worked_with()])


def test_shared_folder() -> None:
    """Only whole folders count, and only those that all keys begin with."""
    assert shared_folder(["a/bc/x", "a/bd/x"]) == "a/"
    assert shared_folder(["a/b/c", "a/b/d"]) == "a/b/"
    assert shared_folder(["x", "y"]) == ""
    assert shared_folder([]) == ""
