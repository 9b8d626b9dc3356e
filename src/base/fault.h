/* fault.h - the one table of what can go wrong, and the error value that carries it.
 *
 * A fault has a stable name (the `error.code` of replies, the `error` of records, the label of
 * metrics), a text, the HTTP status a client sees, and a retry class that routing follows. Fallible
 * functions return `enum fault` (FAULT_NONE is 0) and take an optional `struct error *` for the words.
 * Messages are lower case and factual: what was expected, what was found. */
#ifndef BASE_FAULT_H
#define BASE_FAULT_H

#include "base/limits.h"
#include "base/slice.h"

/* What routing may do about a failed attempt. */
enum retry_class {
    RETRY_NEVER,  /* the client's own doing, or nothing to gain: answer it */
    RETRY_SAME,   /* passing trouble: again here after a pause, then the next target */
    RETRY_NEXT,   /* this target is no use now: the next one at once */
    RETRY_LARGER, /* only a target with a larger context window */
};

/* FAULT(symbol, name, HTTP status, retry class, text) */
#define FAULT_TABLE(FAULT)                                                                                    \
    FAULT(NONE, "none", 200, RETRY_NEVER, "no error")                                                         \
    /* the client's request */                                                                                \
    FAULT(BAD_REQUEST, "invalid_request", 400, RETRY_NEVER, "the request is malformed")                       \
    FAULT(BAD_JSON, "invalid_json", 400, RETRY_NEVER, "the body is not valid JSON")                           \
    FAULT(UNTRANSLATABLE, "unsupported_field", 400, RETRY_NEVER, "a field has no counterpart at the target")   \
    FAULT(UNAUTHENTICATED, "invalid_api_key", 401, RETRY_NEVER, "the API key is missing or unknown")          \
    FAULT(FORBIDDEN, "model_not_allowed", 403, RETRY_NEVER, "the key may not do this")                        \
    FAULT(NO_SUCH_MODEL, "model_not_found", 404, RETRY_NEVER, "no such model")                                \
    FAULT(NOT_FOUND, "not_found", 404, RETRY_NEVER, "no such resource")                                       \
    FAULT(NO_SUCH_PROMPT, "prompt_not_found", 404, RETRY_NEVER, "no such prompt is registered")              \
    FAULT(NO_SUCH_VERSION, "prompt_version_not_found", 404, RETRY_NEVER, "the prompt has no such version or label") \
    FAULT(NO_VARIABLE, "prompt_variable_missing", 400, RETRY_NEVER, "a variable that the prompt requires is missing") \
    FAULT(LONG_VARIABLE, "prompt_variable_too_long", 400, RETRY_NEVER, "a variable has more characters than the prompt allows") \
    FAULT(UNKNOWN_VARIABLE, "prompt_variable_unknown", 400, RETRY_NEVER, "the prompt has no such variable")  \
    FAULT(BAD_METHOD, "method_not_allowed", 405, RETRY_NEVER, "the method is not allowed here")               \
    FAULT(CLIENT_TIMEOUT, "request_timeout", 408, RETRY_NEVER, "the request did not arrive in time")          \
    FAULT(CONFLICT, "conflict", 409, RETRY_NEVER, "the resource exists or has changed")                       \
    FAULT(TOO_LARGE, "request_too_large", 413, RETRY_NEVER, "the body is over the limit")                     \
    FAULT(HEADERS_TOO_LARGE, "headers_too_large", 431, RETRY_NEVER, "the headers are over the limit")         \
    FAULT(CANCELLED, "client_closed_request", 499, RETRY_NEVER, "the client closed the connection")           \
    FAULT(BAD_TOKEN, "invalid_token", 401, RETRY_NEVER, "the operator token is missing or unknown")           \
    FAULT(SIGN_IN, "sign_in_failed", 401, RETRY_NEVER, "name and password do not match")                      \
    FAULT(TOO_MANY_ATTEMPTS, "too_many_attempts", 429, RETRY_NEVER, "too many failed attempts to sign in")    \
    FAULT(CSRF, "csrf_mismatch", 403, RETRY_NEVER, "the request does not come from this console's page")      \
    FAULT(NOT_PERMITTED, "permission_denied", 403, RETRY_NEVER, "the operator's role may not do this")        \
    /* the provider's answer */                                                                               \
    FAULT(UP_BAD_REQUEST, "provider_invalid_request", 400, RETRY_NEVER, "the provider refused the request")   \
    FAULT(UP_CONTEXT, "context_length_exceeded", 400, RETRY_LARGER, "the input exceeds the context window")   \
    FAULT(UP_CONTENT_POLICY, "content_policy_violation", 400, RETRY_NEVER, "the provider's content policy")   \
    FAULT(UP_AUTH, "provider_auth", 502, RETRY_NEXT, "the provider refused our credential")                   \
    FAULT(UP_QUOTA, "provider_quota", 429, RETRY_NEXT, "the provider account's quota is used up")             \
    FAULT(UP_NOT_FOUND, "provider_not_found", 502, RETRY_NEXT, "the provider does not know the model")        \
    FAULT(UP_RATE_LIMITED, "provider_rate_limited", 429, RETRY_SAME, "the provider limits our rate")          \
    FAULT(UP_OVERLOADED, "provider_overloaded", 503, RETRY_SAME, "the provider is overloaded")                \
    FAULT(UP_SERVER, "provider_error", 502, RETRY_SAME, "the provider failed")                                \
    FAULT(UP_TIMEOUT, "provider_timeout", 504, RETRY_NEXT, "the provider did not answer in time")             \
    FAULT(UP_STALLED, "provider_stalled", 504, RETRY_NEXT, "the provider's stream stalled")                   \
    FAULT(UP_CONNECT, "provider_unreachable", 502, RETRY_SAME, "no connection to the provider")               \
    FAULT(UP_RESET, "provider_reset", 502, RETRY_SAME, "the provider closed the connection early")            \
    FAULT(UP_TRUNCATED, "provider_truncated", 502, RETRY_SAME, "the stream ended without its last event")     \
    FAULT(UP_MALFORMED, "provider_malformed", 502, RETRY_SAME, "the provider's answer could not be read")     \
    FAULT(UP_TOO_LARGE, "provider_too_large", 502, RETRY_NEXT, "the provider's answer is over the limit")     \
    FAULT(BREAKER_OPEN, "breaker_open", 503, RETRY_NEXT, "the target is resting after failures")              \
    FAULT(NO_TARGET, "no_target_available", 503, RETRY_NEVER, "no target could answer")                       \
    /* money and rate */                                                                                      \
    FAULT(APPROVAL_REQUIRED, "approval_required", 402, RETRY_NEVER, "the request may cost more than is allowed without approval") \
    FAULT(UNKNOWN_PRICE, "unknown_price", 403, RETRY_NEVER, "no price of the model is known and unknown_price is block") \
    FAULT(BUDGET_EXCEEDED, "budget_exceeded", 429, RETRY_NEVER, "a budget is used up")                        \
    FAULT(RATE_LIMITED, "rate_limited", 429, RETRY_NEVER, "a rate limit is reached")                          \
    FAULT(KEY_THROTTLED, "key_throttled", 429, RETRY_NEVER, "the key is throttled by an action")              \
    FAULT(KEY_FROZEN, "key_frozen", 403, RETRY_NEVER, "the key is frozen by an action")                       \
    /* our own */                                                                                             \
    FAULT(OVERLOADED, "overloaded", 503, RETRY_NEVER, "this server is at its limit")                          \
    FAULT(RECORDER_FULL, "recorder_full", 503, RETRY_NEVER, "records cannot be written and recorder.on_full is refuse") \
    FAULT(NO_SPACE, "no_space", 507, RETRY_NEVER, "the disk is full")                                         \
    FAULT(IO, "io_error", 500, RETRY_NEVER, "a file or socket operation failed")                              \
    FAULT(CORRUPT, "corrupt", 500, RETRY_NEVER, "stored data failed its check")                               \
    FAULT(CONFIG, "invalid_config", 400, RETRY_NEVER, "the configuration has errors")                         \
    FAULT(NOT_RUNNING, "not_running", 503, RETRY_NEVER, "this needs a running server")                        \
    FAULT(SHUTTING_DOWN, "shutting_down", 503, RETRY_NEVER, "the server is stopping")                         \
    FAULT(INTERNAL, "internal_error", 500, RETRY_NEVER, "internal error")

enum fault {
#define FAULT(symbol, name, status, retry, text) FAULT_##symbol,
    FAULT_TABLE(FAULT)
#undef FAULT
        FAULT_COUNT
};

const char *fault_name(enum fault f);
const char *fault_text(enum fault f);
int fault_status(enum fault f);
enum retry_class fault_retry(enum fault f);
bool fault_from_name(struct slice name, enum fault *ret);

/* A fault with its words. `text` falls back to fault_text when nobody said more. */
struct error {
    enum fault fault;
    char text[LIMIT_ERROR_TEXT];
};

/* Fills *e (NULL is allowed) and returns `f`, so that a function can `return error_set(...)`. */
enum fault error_set(struct error *e, enum fault f, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#define MUST_CHECK __attribute__((warn_unused_result))

#endif
