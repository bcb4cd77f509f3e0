"""Which request a plan's faults meet, and what an error of the store looks like."""

from __future__ import annotations

from otel_savetrace.demo import faults

PUT = "PUT"


def met(progress: faults.Progress, *targets: str, reused: bool = False) -> list[faults.Fault | None]:
    """Let the plan decide over PUTs to `targets`, one after another."""
    return [progress.decide(PUT, target, reused) for target in targets]


def test_a_rule_leaves_some_alone_and_meets_the_next() -> None:
    """A rule lets its first `skip` requests pass, meets the next `times`, and is done."""
    progress = faults.Progress(faults.Plan((faults.Rule(faults.SLOW_DOWN, "a/", skip=1, times=2),)))
    assert met(progress, *["/bucket/a/x"] * 4) == [None, faults.SLOW_DOWN, faults.SLOW_DOWN, None]


def test_other_keys_and_methods_do_not_count() -> None:
    """Requests for other keys, by other methods and to the bucket itself neither meet a fault nor count."""
    progress = faults.Progress(faults.Plan((faults.Rule(faults.SLOW_DOWN, "a/", skip=1),)))
    assert met(progress, "/bucket/b/x", "/bucket", "/bucket/?list-type=2") == [None, None, None]
    assert progress.decide("GET", "/bucket/a/x", False) is None
    assert met(progress, "/bucket/a/x", "/bucket/a/x") == [None, faults.SLOW_DOWN]


def test_a_rule_for_reused_connections_waits_for_one() -> None:
    """With `on_reused` a request on a new connection passes, the next on a reused one meets the fault."""
    reset = faults.Reset("head")
    progress = faults.Progress(faults.Plan((faults.Rule(reset, on_reused=True),)))
    assert met(progress, "/bucket/a") == [None]
    assert met(progress, "/bucket/a", reused=True) == [reset]


def test_the_first_of_several_due_rules_is_carried_out() -> None:
    """Of two rules due for one request the first decides, and the second counts the request as well."""
    rules = (faults.Rule(faults.SLOW_DOWN), faults.Rule(faults.INTERNAL_ERROR, times=2))
    progress = faults.Progress(faults.Plan(rules))
    assert met(progress, *["/bucket/a"] * 3) == [faults.SLOW_DOWN, faults.INTERNAL_ERROR, None]


def test_keys_are_compared_as_the_app_wrote_them() -> None:
    """A percent-encoded target with a query is the key that the app asked for."""
    assert faults.key_of("/bucket/%C3%BC%20ber/a%2Bb.json?x-id=PutObject") == "ü ber/a+b.json"
    assert faults.key_of("/bucket") == ""


def test_an_error_is_written_as_amazon_s3_writes_it() -> None:
    """An error answer has S3's XML, both request ids, a true length, and no body for HEAD."""
    head, _, body = faults.SLOW_DOWN.as_bytes("PUT", "ID1", "HOST1").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert b"\r\nx-amz-request-id: ID1\r\nx-amz-id-2: HOST1\r\n" in head
    assert f"\r\nContent-Length: {len(body)}\r\n".encode() in head
    assert b"<Code>SlowDown</Code>" in body
    assert b"<RequestId>ID1</RequestId><HostId>HOST1</HostId>" in body
    assert faults.SLOW_DOWN.as_bytes("HEAD", "ID1", "HOST1").endswith(b"\r\n\r\n")


def test_a_rate_is_counted_by_folder_or_by_object() -> None:
    """One write a second of each user's folder stops another object's; of each object only its own."""
    targets = ("/bucket/storymapjs/ada/m/a", "/bucket/storymapjs/ada/m/b", "/bucket/storymapjs/ada/m/a")
    folder = faults.Progress(faults.Plan(rate_limit=faults.RateLimit(1, 1)))
    each = faults.Progress(faults.Plan(rate_limit=faults.RateLimit(1, 1, each="object")))
    assert met(folder, *targets) == [None, faults.SLOW_DOWN, faults.SLOW_DOWN]
    assert met(each, *targets) == [None, None, faults.SLOW_DOWN]
