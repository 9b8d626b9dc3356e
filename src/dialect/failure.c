#include "dialect/failure.h"
#include "dialect/fields.h"

#include <stdio.h>

enum {
    MESSAGE_SHOWN = 1000,
    MESSAGE_READ = 8192
}; /* bytes of a provider's message that are kept, and searched */

enum { CODE, TYPE, MESSAGE, STATUS, INNER, INNER_OLD, DETAIL, WORDS };
static const struct field error_fields[WORDS] = {
    [CODE] = FIELD("code"),     [TYPE] = FIELD("type"),        [MESSAGE] = FIELD("message"),
    [STATUS] = FIELD("status"), [INNER] = FIELD("innererror"), [INNER_OLD] = FIELD("inner_error"),
    [DETAIL] = FIELD("detail"),
};

/* What an error says of itself. */
struct words {
    struct slice code, type, inner, status, message;
    int number; /* the code when it is an HTTP status, else 0 */
};

/* Codes and types by which providers name their errors; the first row that matches any of them decides. */
static const struct {
    const char *word;
    enum fault fault;
} known_words[] = {
    {"content_policy_violation", FAULT_UP_CONTENT_POLICY},
    {"content_filter", FAULT_UP_CONTENT_POLICY},
    {"ResponsibleAIPolicyViolation", FAULT_UP_CONTENT_POLICY},
    {"content_policy", FAULT_UP_CONTENT_POLICY},
    {"moderation_blocked", FAULT_UP_CONTENT_POLICY},
    {"invalid_prompt", FAULT_UP_CONTENT_POLICY},
    {"data_inspection_failed", FAULT_UP_CONTENT_POLICY},
    {"context_length_exceeded", FAULT_UP_CONTEXT},
    {"context_window_exceeded", FAULT_UP_CONTEXT},
    {"model_context_window_exceeded", FAULT_UP_CONTEXT},
    {"exceed_context_size_error", FAULT_UP_CONTEXT},
    {"insufficient_quota", FAULT_UP_QUOTA},
    {"billing_error", FAULT_UP_QUOTA},
    {"billing_hard_limit_reached", FAULT_UP_QUOTA},
    {"billing_not_active", FAULT_UP_QUOTA},
    {"insufficient_balance", FAULT_UP_QUOTA},
    {"overloaded_error", FAULT_UP_OVERLOADED},
    {"engine_overloaded_error", FAULT_UP_OVERLOADED},
    {"overloaded", FAULT_UP_OVERLOADED},
    {"slow_down", FAULT_UP_OVERLOADED},
    {"UNAVAILABLE", FAULT_UP_OVERLOADED},
    {"rate_limit_exceeded", FAULT_UP_RATE_LIMITED},
    {"rate_limit_error", FAULT_UP_RATE_LIMITED},
    {"RateLimitReached", FAULT_UP_RATE_LIMITED},
    {"too_many_requests", FAULT_UP_RATE_LIMITED},
    {"RESOURCE_EXHAUSTED", FAULT_UP_RATE_LIMITED},
    {"authentication_error", FAULT_UP_AUTH},
    {"permission_error", FAULT_UP_AUTH},
    {"invalid_api_key", FAULT_UP_AUTH},
    {"account_deactivated", FAULT_UP_AUTH},
    {"UNAUTHENTICATED", FAULT_UP_AUTH},
    {"PERMISSION_DENIED", FAULT_UP_AUTH},
    {"model_not_found", FAULT_UP_NOT_FOUND},
    {"not_found_error", FAULT_UP_NOT_FOUND},
    {"DeploymentNotFound", FAULT_UP_NOT_FOUND},
    {"NotFoundError", FAULT_UP_NOT_FOUND},
    {"NOT_FOUND", FAULT_UP_NOT_FOUND},
    {"timeout_error", FAULT_UP_TIMEOUT},
    {"DEADLINE_EXCEEDED", FAULT_UP_TIMEOUT},
    {"server_error", FAULT_UP_SERVER},
    {"api_error", FAULT_UP_SERVER},
    {"internal_error", FAULT_UP_SERVER},
    {"InternalServerError", FAULT_UP_SERVER},
    {"INTERNAL", FAULT_UP_SERVER},
    {"invalid_request_error", FAULT_UP_BAD_REQUEST},
    {"BadRequestError", FAULT_UP_BAD_REQUEST},
    {"INVALID_ARGUMENT", FAULT_UP_BAD_REQUEST},
};

/* Texts by which servers without a code of their own tell of a context overflow. */
static const char *const context_texts[] = {
    "maximum context length is",
    "exceed context limit",
    "is longer than the model's context length",
    "input tokens exceed the configured limit",
    "exceeds the available context size",           /* llama.cpp */
    "exceeds the maximum number of tokens allowed", /* Gemini */
    "`inputs` tokens + `max_new_tokens` must be",   /* TGI */
    "context_length_exceeded",
    "exceeds the context window",
    "exceeds the model's context window",
    "prompt is too long", /* Anthropic */
};

bool dialect_is_context_overflow(struct slice message) {
    if (slice_contains_nocase(message, SLICE("string_above_max_length")))
        return false; /* one field's own limit */
    for (size_t i = 0; i < sizeof context_texts / sizeof context_texts[0]; i++)
        if (slice_contains_nocase(message, slice_of(context_texts[i]))) return true;
    return slice_contains_nocase(message, SLICE("current length is")) && /* Cerebras */
           slice_contains_nocase(message, SLICE("while limit is"));
}

enum fault dialect_fault_of_status(int status) {
    switch (status) {
    case 401:
    case 403: return FAULT_UP_AUTH;
    case 402: return FAULT_UP_QUOTA;
    case 404:
    case 410: return FAULT_UP_NOT_FOUND;
    case 408:
    case 409:
    case 424:
    case 425: return FAULT_UP_SERVER; /* passing trouble: the providers' own clients retry these */
    case 429: return FAULT_UP_RATE_LIMITED;
    case 503:
    case 529: return FAULT_UP_OVERLOADED;
    case 504: return FAULT_UP_TIMEOUT;
    default: break;
    }
    if (status >= 500) return FAULT_UP_SERVER;
    if (status >= 400) return FAULT_UP_BAD_REQUEST;
    return status >= 200 && status < 300 ? FAULT_NONE : FAULT_UP_MALFORMED; /* a redirect is no answer */
}

/* ---- reading ---- */

/* A code as text: OpenAI has strings, vLLM and Google numbers. */
static struct slice word_of(const struct json_doc *d, uint32_t node, struct arena *arena) {
    struct slice s = json_string(d, node, arena);
    return json_type(d, node) == JSON_NUMBER ? json_raw(d, node) : slice_is_null(s) ? SLICE("") : s;
}

static struct slice cut(struct slice s, size_t most) {
    if (s.len <= most) return s;
    s.len = most;
    while (s.len > 0 && ((unsigned char)s.at[s.len] & 0xC0) == 0x80) s.len--; /* not inside a character */
    return s;
}

static void read_words(const struct json_doc *d, uint32_t node, struct arena *arena, struct words *w) {
    uint32_t at[WORDS];
    int64_t number;
    *w = (struct words){.message = SLICE("")};
    if (json_type(d, node) == JSON_STRING) {
        w->message = cut(json_string(d, node, arena), MESSAGE_READ);
        return;
    }
    fields_find(d, node, error_fields, WORDS, at);
    w->code = word_of(d, at[CODE], arena);
    w->type = word_of(d, at[TYPE], arena);
    w->status = word_of(d, at[STATUS], arena);
    w->message = word_of(d, at[MESSAGE], arena);
    if (w->message.len == 0) w->message = word_of(d, at[DETAIL], arena);
    w->message = cut(w->message, MESSAGE_READ);
    uint32_t inner = at[INNER] != JSON_NONE ? at[INNER] : at[INNER_OLD];
    w->inner = word_of(d, json_get(d, inner, "code"), arena);
    if (slice_to_i64(w->code, &number) && number >= 400 && number < 600) w->number = (int)number;
}

uint32_t failure_pick(const struct json_doc *d, uint32_t root, uint32_t error, uint32_t object) {
    enum json_type t = json_type(d, error);
    if (t == JSON_OBJECT || (t == JSON_STRING && json_raw(d, error).len > 2)) return error;
    return json_is(d, object, "error") ? root : JSON_NONE;
}

uint32_t failure_find(const struct json_doc *d, uint32_t root) {
    if (json_type(d, root) == JSON_ARRAY)
        root = json_item(d, root, 0); /* Google wraps its errors in a list */
    return failure_pick(d, root, json_get(d, root, "error"), json_get(d, root, "object"));
}

/* ---- classing ---- */

static bool says(const struct words *w, const char *word) {
    return slice_is(w->code, word) || slice_is(w->type, word) || slice_is(w->inner, word) ||
           slice_is(w->status, word);
}

static enum fault fault_of_words(const struct words *w) {
    for (size_t i = 0; i < sizeof known_words / sizeof known_words[0]; i++)
        if (says(w, known_words[i].word)) return known_words[i].fault;
    return FAULT_NONE;
}

static enum fault fault_of_text(const struct words *w) {
    static const struct {
        const char *text;
        enum fault fault;
    } texts[] = {
        {"credit balance is too low", FAULT_UP_QUOTA}, /* Anthropic, as a 400 */
        {"blocked by content filtering policy",
         FAULT_UP_CONTENT_POLICY},            /* Anthropic, without a type of its own */
        {"api key not valid", FAULT_UP_AUTH}, /* Gemini, as a 400 */
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (slice_contains_nocase(w->message, slice_of(texts[i].text))) return texts[i].fault;
    return FAULT_NONE;
}

static bool is_overflow(const struct words *w) {
    return !says(w, "string_above_max_length") && dialect_is_context_overflow(w->message);
}

/* "Request too large for gpt-4 ... on tokens per min": more in one request than the rate allows in a minute.
 */
static bool is_request_over_rate(const struct words *w) {
    return slice_contains_nocase(w->message, SLICE("request too large")) &&
           slice_contains_nocase(w->message, SLICE("tokens per"));
}

/* A 5xx is the server's trouble whatever its text says: only overload and time-out are told apart. */
static enum fault class_server(int status, enum fault by_words) {
    if (by_words == FAULT_UP_OVERLOADED || by_words == FAULT_UP_TIMEOUT) return by_words;
    return dialect_fault_of_status(status);
}

static enum fault class_client(int status, const struct words *w, enum fault by_words, enum fault by_text) {
    if (by_words == FAULT_UP_CONTENT_POLICY || by_words == FAULT_UP_QUOTA) return by_words;
    if (status == 401 || status == 402 || status == 404) return dialect_fault_of_status(status);
    if (by_text != FAULT_NONE) return by_text;
    if (status == 403) return FAULT_UP_AUTH;
    if ((status == 429 || status == 413) && is_request_over_rate(w)) return FAULT_UP_CONTEXT;
    if (status == 429) return by_words == FAULT_UP_OVERLOADED ? by_words : FAULT_UP_RATE_LIMITED;
    if (by_words == FAULT_UP_CONTEXT || is_overflow(w)) return FAULT_UP_CONTEXT;
    if (by_words != FAULT_NONE && by_words != FAULT_UP_BAD_REQUEST) return by_words;
    return dialect_fault_of_status(status);
}

static enum fault class_unmarked(const struct words *w, enum fault by_words, enum fault by_text) {
    if (by_words == FAULT_UP_BAD_REQUEST || by_words == FAULT_NONE) {
        if (by_text != FAULT_NONE) return by_text;
        if (is_overflow(w)) return FAULT_UP_CONTEXT;
    }
    return by_words != FAULT_NONE ? by_words : FAULT_UP_SERVER;
}

static enum fault class_words(int status, const struct words *w) {
    enum fault by_words = fault_of_words(w), by_text = fault_of_text(w);
    if (status >= 200 && status < 300) status = 0; /* an error inside a good status */
    if (status == 0) status = w->number;
    if (status >= 500) return class_server(status, by_words);
    if (status >= 400) return class_client(status, w, by_words, by_text);
    if (status != 0) return dialect_fault_of_status(status);
    return class_unmarked(w, by_words, by_text);
}

void failure_of_node(const struct json_doc *d, uint32_t node, int status, struct arena *arena,
                     struct upstream_error *ret) {
    struct words w;
    read_words(d, node, arena, &w);
    *ret = (struct upstream_error){.fault = class_words(status, &w),
                                   .message = arena_slice(arena, cut(w.message, MESSAGE_SHOWN)),
                                   .code = w.code.len > 0 ? w.code : w.type,
                                   .retry_after_us = -1,
                                   .should_retry = -1};
    ret->code = arena_slice(arena, ret->code);
}

enum fault failure_malformed(struct upstream_error *ret) {
    *ret = (struct upstream_error){.fault = FAULT_UP_MALFORMED,
                                   .message = SLICE(""),
                                   .code = SLICE(""),
                                   .retry_after_us = -1,
                                   .should_retry = -1};
    return FAULT_UP_MALFORMED;
}

/* The first known word that stands quoted in a JSON text that was cut. */
static struct slice quoted_word(struct slice text) {
    char quoted[64];
    for (size_t i = 0; i < sizeof known_words / sizeof known_words[0]; i++) {
        int len = snprintf(quoted, sizeof quoted, "\"%s\"", known_words[i].word);
        if (slice_contains(text, slice_make(quoted, (size_t)len))) return slice_of(known_words[i].word);
    }
    return SLICE("");
}

/* No JSON: the text itself is all there is. A page of HTML is nothing to show anyone. */
static void failure_of_text(int status, struct slice body, struct arena *arena, struct upstream_error *ret) {
    struct slice text = slice_trim(body);
    struct words w = {.message = cut(text, MESSAGE_READ)};
    if (slice_starts(text, SLICE("{"))) w.code = quoted_word(text);
    ret->code = w.code.len > 0 ? w.code : SLICE("");
    ret->fault = class_words(status, &w);
    if (slice_starts(text, SLICE("<")) || !slice_is_utf8(cut(text, MESSAGE_SHOWN))) text = SLICE("");
    ret->message = arena_slice(arena, cut(text, MESSAGE_SHOWN));
}

static struct slice header(struct header_source headers, const char *name) {
    return headers.get == NULL ? SLICE_NULL : slice_trim(headers.get(headers.ctx, name));
}

void failure_read(int status, struct header_source headers, struct slice body, int64_t now_wall_us,
                  struct arena *arena, struct upstream_error *ret) {
    enum { KEEP_DEPTH = 5 };
    struct json_doc d;
    struct upstream_error found = {.message = SLICE(""), .code = SLICE("")};
    if (json_read(body, arena, KEEP_DEPTH, &d, NULL) == FAULT_NONE) {
        uint32_t node = failure_find(&d, 0);
        failure_of_node(&d, node == JSON_NONE ? 0 : node, status, arena, &found);
    } else {
        failure_of_text(status, body, arena, &found);
    }
    found.retry_after_us = dialect_retry_after_us(headers, now_wall_us);
    struct slice should = header(headers, "x-should-retry");
    found.should_retry = slice_eq_nocase(should, SLICE("true"))    ? 1
                         : slice_eq_nocase(should, SLICE("false")) ? 0
                                                                   : -1;
    *ret = found;
}
