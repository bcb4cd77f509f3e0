/** Names of attributes; `otel_savetrace/attributes.py` says what each means, and a test holds both together. */

export const METHOD = "http.request.method";
export const STATUS = "http.response.status_code";
export const BODY_SIZE = "http.request.body.size";
export const ADDRESS = "url.full";
export const TEMPLATE = "url.template";
export const ERROR_TYPE = "error.type";

export const OUTCOME = "savetrace.outcome";
export const ERROR_CODE = "savetrace.error_code";
export const USER_ERROR = "savetrace.user_error";
export const SAVE_ATTEMPT = "savetrace.save_attempt";
export const PREVIOUS_TRACE_ID = "savetrace.previous_trace_id";
export const PREVIOUS_SPAN_ID = "savetrace.previous_span_id";
export const FIRST_TRACE_ID = "savetrace.first_trace_id";
export const PREVIOUS_ERROR_CODE = "savetrace.previous_error_code";
export const SAME_CONTENT = "savetrace.same_content";
export const SECONDS_SINCE_FAILURE = "savetrace.seconds_since_failure";
export const AUTOMATIC_RETRY = "savetrace.automatic_retry";
export const PAIRED_BY = "savetrace.paired_by";

export const VIA = "savetrace.browser.via";
export const JOINED = "savetrace.browser.joined";
export const BODY_HASH = "savetrace.browser.body_hash";
export const OVERLAPPING = "savetrace.browser.overlapping";
export const ONLINE = "savetrace.browser.online";
export const PAGE_AGE_SECONDS = "savetrace.browser.page_age_seconds";
export const TIMEOUT_SECONDS = "savetrace.browser.timeout_seconds";
export const REDIRECTED_TO = "savetrace.browser.redirected_to";
export const KEPT_SECONDS = "savetrace.browser.kept_seconds";

export const SUCCEEDED = "succeeded";
export const FAILED = "failed";
export const UNKNOWN = "unknown";
export const SCOPE = "otel_savetrace.browser";
