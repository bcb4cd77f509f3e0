"""Causes in plain words: each a clause that a person understands who has never seen a report."""

from __future__ import annotations

from collections.abc import Mapping

from otel_savetrace.analysis.causes import UNEXPLAINED

CAUSE_WORDS: Mapping[str, str] = {
    "storage.throttled": "the store turned requests away, since they came faster than it takes them",
    "storage.internal_error": "the store failed inside",
    "storage.clock_skew": "the app's clock and the store's are too far apart",
    "storage.signature": "the store did not accept the request's signature",
    "storage.credentials": "the credentials had expired, were missing, or are unknown to the store",
    "storage.access_denied": "the store does not let these credentials write there",
    "storage.header_too_large": "the request's headers were larger than the store takes",
    "storage.key_too_long": "the object's key was longer than the store takes",
    "storage.metadata_too_large": "the object's metadata was larger than the store takes",
    "storage.content_too_large": "the content was larger than the store takes",
    "storage.checksum": "the store did not accept the content's checksum",
    "storage.conflict": "another write to the same object stood in the way",
    "storage.not_found": "the bucket, the upload or the object was not there",
    "network.stale_connection": "a kept-alive connection was used that the other side had already closed",
    "network.reset": "the connection to the store broke off",
    "network.connect_timeout": "no connection to the store was made in time",
    "network.read_timeout": "the store did not answer in time",
    "network.dns": "the store's host name was not resolved",
    "network.tls": "the TLS handshake with the store failed",
    "network.refused": "the connection to the store was refused",
    "client.forked_connection": "a worker used a connection that was opened before it was forked",
    "client.pool_exhausted": "the S3 client had no connection left in its pool",
    "client.retry_quota": "the S3 client had used up its quota of retries",
    "client.invalid_parameter": "the S3 client refused the request and sent nothing",
    "app.exception": "the app itself raised an error, and storage was not the reason",
    "app.rejected": "the app itself refused the save",
    "app.session": "the user's session had ended",
    "app.dependency": "another service that the save needs had failed",
    "process.killed": "the worker was ended in the middle of the save",
    "front.too_large": "the front server refused the request as too large",
    "front.timeout": "the front server gave up waiting for the app",
    "front.bad_gateway": "the front server got no answer from the app",
    "front.client_gone": "the user was gone before the answer",
    "browser.network": "the request, or its answer, was lost between the browser and the server",
    UNEXPLAINED: "nothing that was recorded separates the saves that failed from those that worked",
}


def cause_in_words(cause: str) -> str:
    """Return the clause for a cause; a cause that has none yet is told by its name."""
    return CAUSE_WORDS.get(cause, cause)


def sentence(clause: str) -> str:
    """Return a clause as a sentence begins; what follows keeps its capitals."""
    return clause[:1].upper() + clause[1:]
