"""Which cause a code stands for: S3's own codes, those of stores that speak its protocol, and exceptions.

Codes: Amazon S3 API reference, "Error responses"; MinIO, versitygw and SeaweedFS where they have their own.
Classes: botocore.exceptions, urllib3.exceptions, http.client, and the standard library's own below them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

RESET = "network.reset"
READ_TIMEOUT = "network.read_timeout"
TLS = "network.tls"


def _table(words: Mapping[str, str]) -> dict[str, str]:
    return {code: cause for cause, codes in words.items() for code in codes.split()}


OF_THE_STORE: Mapping[str, str] = _table(
    {
        "storage.throttled": """
            429 BandwidthLimitExceeded EC2ThrottledException LimitExceededException PriorRequestNotComplete
            ProvisionedThroughputExceededException RequestLimitExceeded RequestThrottled
            RequestThrottledException SlowDown SlowDownRead SlowDownWrite ThrottledException Throttling
            ThrottlingException TooManyRequests TooManyRequestsException""",
        "storage.internal_error": """
            500 502 503 504 BadGateway GatewayTimeout InternalError InternalFailure InternalServerError
            ServiceFailure ServiceUnavailable XMinioServerNotInitialized""",
        "storage.clock_skew": "RequestExpired RequestInTheFuture RequestTimeTooSkewed",
        "storage.signature": """
            AuthorizationHeaderMalformed AuthorizationQueryParametersError IncompleteSignature
            InvalidSignatureException MissingSecurityHeader SignatureDoesNotMatch""",
        "storage.credentials": """
            ExpiredToken ExpiredTokenException InvalidAccessKeyId InvalidClientTokenId InvalidSecurity
            InvalidToken InvalidTokenId MissingAuthenticationToken NotSignedUp TokenRefreshRequired
            UnrecognizedClientException""",
        "storage.access_denied": """
            401 403 AccessDenied AccessDeniedException AccountProblem AllAccessDisabled Forbidden
            UnauthorizedAccess""",
        "storage.header_too_large": "431 RequestHeaderFieldsTooLarge RequestHeaderSectionTooLarge",
        "storage.key_too_long": "414 KeyTooLong KeyTooLongError XMinioInvalidObjectName",
        "storage.metadata_too_large": "MetadataTooLarge",
        "storage.content_too_large": """
            413 ContentTooLarge EntityTooLarge MaxMessageLengthExceeded RequestEntityTooLarge""",
        "storage.checksum": """
            411 BadDigest InvalidChecksum InvalidDigest MalformedTrailer MalformedTrailerError
            MissingContentLength NotImplemented XAmzContentChecksumMismatch XAmzContentSHA256Mismatch""",
        "storage.conflict": "409 412 ConditionalRequestConflict OperationAborted PreconditionFailed",
        "storage.not_found": "404 NoSuchBucket NoSuchKey NoSuchUpload NoSuchVersion NotFound",
        RESET: "IncompleteBody",
        READ_TIMEOUT: "408 RequestTimeout",
        "client.invalid_parameter": """
            InvalidArgument InvalidBucketName InvalidStorageClass InvalidTag MalformedACLError
            MalformedXML""",
    }
)  # fmt: skip
"""Causes by the code that a store answered, or by its status where it gave no code."""

LIKELY = frozenset(
    """
    401 403 404 411 500 502 503 504 InvalidArgument MissingContentLength NotImplemented IncompleteBody
    XMinioInvalidObjectName
    """.split()  # noqa: SIM905 - words are read more easily than quotes
)
"""Codes that have more than one reason, of which the table names the usual one."""

OF_EXCEPTIONS: Mapping[str, str] = _table(
    {
        RESET: """
            BadStatusLine BrokenPipeError ConnectionAbortedError ConnectionClosedError ConnectionResetError
            IncompleteRead IncompleteReadError MissingETag ProtocolError RemoteDisconnected
            ResponseStreamingError SSLEOFError SSLZeroReturnError""",
        "network.connect_timeout": "ConnectTimeout ConnectTimeoutError",
        READ_TIMEOUT: "ReadTimeout ReadTimeoutError TimeoutError timeout",
        "network.dns": "NameResolutionError gaierror",
        TLS: "CertificateError SSLCertVerificationError SSLError",
        "network.refused": """
            ConnectionRefusedError EndpointConnectionError NewConnectionError ProxyConnectionError""",
        "client.pool_exhausted": "ClosedPoolError EmptyPoolError FullPoolError PoolTimeout",
        "client.invalid_parameter": """
            InvalidRegionError MissingParametersError ParamValidationError UnknownParameterError
            ValidationError""",
        "storage.credentials": """
            CredentialRetrievalError MetadataRetrievalError NoAuthTokenError NoCredentialsError
            PartialCredentialsError SSOTokenLoadError TokenRetrievalError UnauthorizedSSOTokenError""",
        "storage.checksum": "FlexibleChecksumError",
        "process.killed": "SystemExit",
        "front.client_gone": "ClientDisconnected",
    }
)  # fmt: skip
"""Causes by the class of the exception that a storage call, or its innermost failure, raised."""

OF_ERRNO: Mapping[str, str] = {
    "ECONNREFUSED": "network.refused",
    "EHOSTUNREACH": "network.refused",
    "ENETUNREACH": "network.refused",
    "ETIMEDOUT": "network.connect_timeout",
    "ECONNRESET": RESET,
    "EPIPE": RESET,
}
"""Causes by the system's name for an error, where the exception's class is `OSError`."""

IN_MESSAGES: Mapping[str, str] = {
    "Connection refused": "network.refused",
    "Name or service not known": "network.dns",
    "Temporary failure in name resolution": "network.dns",
    "NameResolutionError": "network.dns",
    "Network is unreachable": "network.refused",
    "CERTIFICATE_VERIFY_FAILED": TLS,
    "Read timed out": READ_TIMEOUT,
    "Read timeout on endpoint": READ_TIMEOUT,
    "Connect timeout on endpoint": "network.connect_timeout",
}
"""What plain OpenTelemetry leaves of an inner exception: a phrase in the outer one's text or its trace."""

OF_THE_FRONT: Mapping[int, str] = {
    413: "front.too_large",
    499: "front.client_gone",
    502: "front.bad_gateway",
    503: "front.bad_gateway",
    504: "front.timeout",
}
"""Causes by the status that a front server answered by itself."""

DEPENDENCIES = frozenset(
    """
    MySQLdb aiomysql asyncpg cassandra elasticsearch httpx kafka memcache motor opensearchpy peewee pika
    psycopg psycopg2 pymemcache pymongo pymysql redis requests sqlalchemy sqlite3
    """.split()  # noqa: SIM905 - as above
)
"""Packages whose exceptions tell of another service that the save needs."""


def in_messages(texts: Iterable[str]) -> str | None:
    """Return the cause that a phrase in one of the texts names."""
    return next((cause for text in texts for phrase, cause in IN_MESSAGES.items() if phrase in text), None)
