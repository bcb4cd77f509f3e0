"""Every cause that a report names: what it means in words, the codes and exceptions that tell of it.

A new cause is a new row here, and nothing else. Codes of the store: Amazon S3 API reference, "Error
responses"; Google Cloud Storage, "HTTP status and error codes for XML"; and where they have their own MinIO
(``cmd/api-errors.go``), versitygw (``s3err/s3err.go``), SeaweedFS (``s3api_errors.go``) and Ceph's gateway
(``rgw_common.cc``). Classes: botocore.exceptions, urllib3.exceptions, aiohttp, http.client, and the standard
library's own below them.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping

UNEXPLAINED = "unexplained"
RESET = "network.reset"
STALE = "network.stale_connection"
CONNECT_TIMEOUT = "network.connect_timeout"
READ_TIMEOUT = "network.read_timeout"
REFUSED = "network.refused"
TLS = "network.tls"
KEY_TOO_LONG = "storage.key_too_long"
HEADER_TOO_LARGE = "storage.header_too_large"
METADATA_TOO_LARGE = "storage.metadata_too_large"
CONTENT_TOO_LARGE = "storage.content_too_large"
FORKED = "client.forked_connection"
QUOTA = "client.retry_quota"
INVALID_PARAMETER = "client.invalid_parameter"
EXCEPTION = "app.exception"
REJECTED = "app.rejected"
SESSION = "app.session"
DEPENDENCY = "app.dependency"
KILLED = "process.killed"
LOST_ON_THE_WAY = "browser.network"


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One cause; `words` is a clause that a person understands who has never seen a report.

    `codes` the store answers, or its status where it gave no code; `likely` codes have more than one reason,
    of which this is the usual one. `exceptions` are classes that a storage call, or its innermost failure,
    raised; `errnos` the system's names for an error; `phrases` stand in the text of an outer exception.
    `statuses` a front server answered by itself; `browser` is what a browser said. Words are
    parted by blanks.
    """

    name: str
    words: str
    codes: str = ""
    likely: str = ""
    exceptions: str = ""
    errnos: str = ""
    phrases: tuple[str, ...] = ()
    statuses: str = ""
    browser: str = ""


ROWS = (
    Row(
        "storage.throttled",
        "the store turned requests away, since they came faster than it takes them",
        codes="""
            429 BandwidthLimitExceeded EC2ThrottledException ErrRequestBytesExceed ErrTooManyRequest
            LimitExceededException PriorRequestNotComplete ProvisionedThroughputExceededException
            RateLimitExceeded RequestLimitExceeded RequestThrottled RequestThrottledException ServerBusy
            SlowDown ThrottledException Throttling ThrottlingException TooManyRequests
            TooManyRequestsException""",
        # MinIO says so too where it has lost its quorum of disks.
        likely="SlowDownRead SlowDownWrite",
    ),
    Row(
        "storage.internal_error",
        "the store failed inside",
        codes="""
            InternalError InternalFailure InternalServerError ServiceFailure XMinioBackendDown
            XMinioServerNotInitialized""",
        likely="""
            500 502 503 504 507 BackendError BadGateway GatewayTimeout InsufficientStorage ServiceUnavailable
            XMinioStorageFull""",
    ),
    Row(
        "storage.clock_skew",
        "the app's clock and the store's are too far apart",
        codes="RequestExpired RequestInTheFuture RequestTimeTooSkewed",
    ),
    Row(
        "storage.signature",
        "the store did not accept the request's signature",
        codes="""
            AuthorizationHeaderMalformed AuthorizationParametersError AuthorizationQueryParametersError
            IncompleteSignature InvalidSignatureException MalformedSecurityHeader MissingSecurityHeader
            SignatureDoesNotMatch""",
    ),
    Row(
        "storage.credentials",
        "the credentials had expired, were missing, or are unknown to the store",
        codes="""
            ExpiredToken ExpiredTokenException InvalidAccessKeyId InvalidClientTokenId InvalidSecurity
            InvalidToken InvalidTokenId MissingAuthenticationToken NotSignedUp TokenRefreshRequired
            UnrecognizedClientException""",
        exceptions="""
            CredentialRetrievalError MetadataRetrievalError NoAuthTokenError NoCredentialsError
            PartialCredentialsError SSOTokenLoadError TokenRetrievalError UnauthorizedSSOTokenError""",
        phrases=("Unable to locate credentials",),
    ),
    Row(
        "storage.access_denied",
        "the store does not let these credentials write there",
        codes="""
            AccessDenied AccessDeniedException AccountProblem AllAccessDisabled UnauthorizedAccess
            UserSuspended""",
        likely="401 403 Forbidden",
    ),
    Row(
        HEADER_TOO_LARGE,
        "the request's headers were larger than the store takes",
        codes="431 RequestHeaderFieldsTooLarge RequestHeaderSectionTooLarge",
    ),
    Row(
        KEY_TOO_LONG,
        "the object's key was longer than the store takes",
        codes="414 KeyTooLong KeyTooLongError",
        likely="InvalidObjectName XMinioInvalidObjectName",
    ),
    Row(
        METADATA_TOO_LARGE,
        "the object's metadata was larger than the store takes",
        codes="MetadataTooLarge",
    ),
    Row(
        CONTENT_TOO_LARGE,
        "the content was larger than the store takes",
        codes="413 ContentTooLarge EntityTooLarge MaxMessageLengthExceeded RequestEntityTooLarge",
    ),
    Row(
        "storage.checksum",
        "the store did not accept the content's checksum",
        codes="""
            BadDigest ChecksumMismatch CrcMismatch InvalidChecksum InvalidDigest MalformedTrailer
            MalformedTrailerError XAmzContentChecksumMismatch XAmzContentSHA256Mismatch""",
        # Stores that do not know trailing checksums miss the length or a feature, or read broken chunks.
        likely="411 InvalidChunkSizeError MissingContentLength NotImplemented",
        exceptions="FlexibleChecksumError",
    ),
    Row(
        "storage.conflict",
        "another write to the same object stood in the way",
        codes="409 412 ConditionalRequestConflict OperationAborted PreconditionFailed",
        # An object whose key ends where a folder of the other one's begins.
        likely="""
            ExistingObjectIsDirectory ExistingObjectIsFile ObjectParentIsFile XMinioObjectExistsAsDirectory
            XMinioParentIsObject""",
    ),
    Row(
        "storage.not_found",
        "the bucket, the upload or the object was not there",
        codes="NoSuchBucket NoSuchKey NoSuchUpload NoSuchVersion",
        likely="404 NotFound",
    ),
    Row(STALE, "a kept-alive connection was used that the other side had already closed"),
    Row(
        RESET,
        "the connection to the store broke off",
        likely="IncompleteBody",
        exceptions="""
            BadStatusLine BrokenPipeError ClientPayloadError ConnectionAbortedError ConnectionClosedError
            ConnectionResetError IncompleteRead IncompleteReadError MissingETag ProtocolError
            RemoteDisconnected ResponseStreamingError ServerDisconnectedError SSLEOFError
            SSLZeroReturnError""",
        errnos="ECONNABORTED ECONNRESET ENOTCONN EPIPE",
        phrases=("Connection reset by peer", "EOF occurred in violation of protocol"),
    ),
    Row(
        CONNECT_TIMEOUT,
        "no connection to the store was made in time",
        exceptions="ConnectionTimeoutError ConnectTimeout ConnectTimeoutError",
        phrases=("Connect timeout on endpoint",),
    ),
    Row(
        READ_TIMEOUT,
        "the store did not answer in time",
        codes="RequestTimeout",
        likely="408",
        exceptions="ReadTimeout ReadTimeoutError ServerTimeoutError SocketTimeoutError TimeoutError timeout",
        phrases=("Read timed out", "Read timeout on endpoint"),
    ),
    Row(
        "network.dns",
        "the store's host name was not resolved",
        exceptions="ClientConnectorDNSError NameResolutionError gaierror",
        phrases=(
            "Name or service not known",
            "Temporary failure in name resolution",
            "nodename nor servname provided",
            "No address associated with hostname",
            "NameResolutionError",
        ),
    ),
    Row(
        TLS,
        "the TLS handshake with the store failed",
        exceptions="""
            CertificateError ClientConnectorCertificateError ClientConnectorSSLError SSLCertVerificationError
            SSLError""",
        phrases=("CERTIFICATE_VERIFY_FAILED",),
    ),
    Row(
        REFUSED,
        "the connection to the store was refused",
        exceptions="ConnectionRefusedError EndpointConnectionError NewConnectionError ProxyConnectionError",
        errnos="ECONNREFUSED EHOSTDOWN EHOSTUNREACH ENETDOWN ENETUNREACH",
        phrases=("Connection refused", "Network is unreachable", "No route to host"),
    ),
    Row(FORKED, "a worker used a connection that was opened before it was forked"),
    Row(
        "client.pool_exhausted",
        "the S3 client had no connection left in its pool",
        exceptions="ClosedPoolError EmptyPoolError FullPoolError PoolTimeout",
    ),
    Row(QUOTA, "the S3 client had used up its quota of retries"),
    Row(
        INVALID_PARAMETER,
        "the call had a parameter that the S3 client, or the store, does not take",
        codes="InvalidBucketName InvalidStorageClass InvalidTag MalformedACLError MalformedXML",
        likely="InvalidArgument",
        exceptions="""
            InvalidRegionError MissingParametersError ParamValidationError UnknownParameterError
            ValidationError""",
        phrases=("Parameter validation failed",),
    ),
    Row(EXCEPTION, "the app itself raised an error, and storage was not the reason"),
    Row(REJECTED, "the app itself refused the save", browser="error_in_answer error_shown"),
    Row(SESSION, "the user's session had ended", browser="login_redirect"),
    Row(DEPENDENCY, "another service that the save needs had failed"),
    Row(
        KILLED,
        "the worker was ended in the middle of the save",
        exceptions="GreenletExit KeyboardInterrupt SystemExit worker_killed",
    ),
    Row("front.too_large", "the front server refused the request as too large", statuses="413"),
    Row("front.timeout", "the front server gave up waiting for the app", statuses="504"),
    Row("front.bad_gateway", "the front server got no answer from the app", statuses="502 503"),
    Row(
        "front.client_gone",
        "the user was gone before the answer",
        exceptions="ClientDisconnected",
        statuses="499",
    ),
    Row(
        LOST_ON_THE_WAY,
        "the request, or its answer, was lost between the browser and the server",
        # nginx waited in vain for the rest of the request.
        statuses="408",
        browser="aborted blocked network_error offline page_closed timeout",
    ),
    Row(UNEXPLAINED, "nothing that was recorded names the cause"),
)

CAUSES: Mapping[str, Row] = {row.name: row for row in ROWS}
"""Every row by its cause's name."""


def _by_word(words: Callable[[Row], str]) -> dict[str, str]:
    return {word: row.name for row in ROWS for word in words(row).split()}


OF_CODES = _by_word(lambda row: f"{row.codes} {row.likely}")
"""Causes by the code that a store answered, or by its status where it gave no code."""

LIKELY = frozenset(_by_word(lambda row: row.likely))
"""Codes that have more than one reason."""

OF_EXCEPTIONS = _by_word(lambda row: row.exceptions)
"""Causes by the class of an exception."""

OF_ERRNOS = _by_word(lambda row: row.errnos)
"""Causes by the system's name for an error."""

OF_THE_FRONT = {int(status): cause for status, cause in _by_word(lambda row: row.statuses).items()}
"""Causes by the status that a front server answered by itself."""

OF_BROWSERS = _by_word(lambda row: row.browser)
"""Causes by what a browser says went wrong."""

IN_TEXTS = {phrase: row.name for row in ROWS for phrase in row.phrases}
"""What plain OpenTelemetry leaves of an inner exception: a phrase in the outer one's text or its trace."""

VAGUE = frozenset({"400", "BadRequest", "InvalidArgument", "InvalidRequest", "MetadataTooLarge", "Unknown"})
"""Refusals of whatever a store does not take: which limit the request passed tells more.

MinIO answers a head of more than 8 KB with MetadataTooLarge, and metadata of more than 2 KB with
InvalidArgument; servers that give up in the middle of a head know no S3 code yet.
"""

DEPENDENCIES = frozenset(
    """
    MySQLdb aiomysql asyncpg cassandra cx_Oracle elasticsearch grpc httpx kafka kombu memcache motor neo4j
    opensearchpy oracledb peewee pika psycopg psycopg2 pymemcache pymongo pymssql pymysql redis requests
    sqlalchemy sqlite3
    """.split()  # noqa: SIM905 - words are read more easily than quotes
)
"""Packages whose exceptions tell of another service that the save needs."""

OWN_DOING = frozenset(
    """
    CheckViolation DataError DuplicateKeyError ForeignKeyViolation IntegrityError NotNullViolation
    NotSupportedError ProgrammingError UniqueViolation
    """.split()  # noqa: SIM905 - as above
)
"""Exceptions of databases by which they refuse what the app asked of them, and work (PEP 249)."""

CLIENTS = frozenset({"aiobotocore", "aiohttp", "boto3", "botocore", "s3transfer", "urllib3"})
"""Packages whose exceptions tell of a storage call, where no span does."""


def in_texts(texts: Iterable[str]) -> str | None:
    """Return the cause that a phrase in one of the texts names."""
    return next((cause for text in texts for phrase, cause in IN_TEXTS.items() if phrase in text), None)
