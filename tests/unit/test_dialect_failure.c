/* What providers' failures mean, and what ours look like. */
#include "test_dialect_support.h"

struct headers {
    const char *pairs[8]; /* name, value, ..., NULL */
};

static struct slice get(void *ctx, const char *name) {
    const struct headers *h = ctx;
    for (int i = 0; h->pairs[i] != NULL; i += 2)
        if (strcmp(h->pairs[i], name) == 0) return slice_of(h->pairs[i + 1]);
    return SLICE_NULL;
}

#define NOW INT64_C(1700000000000000) /* 2023-11-14 22:13:20 UTC */

static void read_error(struct kit *k, int status, struct headers *h, const char *body) {
    dialect_of(DIALECT_OPENAI)
        ->read_error(status, (struct header_source){h, get}, slice_of(body), NOW, &k->arena, &k->failure);
}

static void means(int status, const char *body, enum fault want) {
    struct kit k;
    struct headers none = {{NULL}};
    kit_start(&k);
    read_error(&k, status, &none, body);
    if (k.failure.fault != want)
        fail_msg("%d %s: wanted %s, found %s", status, body, fault_name(want), fault_name(k.failure.fault));
    kit_end(&k);
}

static void test_status_alone(void **state) {
    (void)state;
    static const struct {
        int status;
        enum fault fault;
    } rows[] = {{400, FAULT_UP_BAD_REQUEST}, {401, FAULT_UP_AUTH},        {402, FAULT_UP_QUOTA},
                {403, FAULT_UP_AUTH},        {404, FAULT_UP_NOT_FOUND},   {405, FAULT_UP_BAD_REQUEST},
                {408, FAULT_UP_SERVER},      {409, FAULT_UP_SERVER},      {410, FAULT_UP_NOT_FOUND},
                {413, FAULT_UP_BAD_REQUEST}, {422, FAULT_UP_BAD_REQUEST}, {429, FAULT_UP_RATE_LIMITED},
                {500, FAULT_UP_SERVER},      {501, FAULT_UP_SERVER},      {502, FAULT_UP_SERVER},
                {503, FAULT_UP_OVERLOADED},  {504, FAULT_UP_TIMEOUT},     {520, FAULT_UP_SERVER},
                {529, FAULT_UP_OVERLOADED},  {302, FAULT_UP_MALFORMED}};
    static const char *const bodies[] = {"",
                                         "{}",
                                         "[]",
                                         "null",
                                         "\"x\"",
                                         "<html>x</html>",
                                         "upstream went away",
                                         "{\"error\":{\"mess",
                                         "{\"error\":null}",
                                         "\xff\xfe"};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        for (size_t j = 0; j < sizeof bodies / sizeof bodies[0]; j++)
            means(rows[i].status, bodies[j], rows[i].fault);
    assert_int_equal(dialect_fault_of_status(200), FAULT_NONE);
    assert_int_equal(fault_retry(dialect_fault_of_status(408)), RETRY_SAME);
    assert_int_equal(fault_retry(dialect_fault_of_status(409)), RETRY_SAME);
    means(200, "", FAULT_UP_SERVER); /* asked about a success: still a failure */
}

static void test_context_overflow(void **state) {
    (void)state;
    static const char *const texts[] = {
        "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000 tokens.",
        "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
        "Your prompt is longer than the model's context length",
        "Input tokens exceed the configured limit of 272000 tokens.",
        "the request exceeds the available context size. try increasing the context size",
        "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096",
        "Please reduce the length. Current length is 9000 while limit is 8192",
        "prompt is too long: 210000 tokens > 200000 maximum",
        "Your input exceeds the context window of this model.",
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        char body[512];
        assert_true(dialect_is_context_overflow(slice_of(texts[i])));
        snprintf(body, sizeof body,
                 "{\"error\":{\"message\":\"%s\",\"type\":\"invalid_request_error\",\"code\":null}}",
                 texts[i]);
        means(400, body, FAULT_UP_CONTEXT);
        means(500, body, FAULT_UP_SERVER); /* a server's trouble is never ours */
        means(503, body, FAULT_UP_OVERLOADED);
        snprintf(body, sizeof body, "{\"error\":{\"message\":\"%s (string_above_max_length)\"}}", texts[i]);
        means(400, body, FAULT_UP_BAD_REQUEST);
    }
    means(400,
          "{\"error\":{\"message\":\"x\",\"type\":\"invalid_request_error\",\"param\":\"messages\",\"code\":"
          "\"context_length_exceeded\"}}",
          FAULT_UP_CONTEXT);
    means(400, "{\"error\":{\"message\":\"prompt is too long\",\"code\":\"string_above_max_length\"}}",
          FAULT_UP_BAD_REQUEST);
    means(400,
          "{\"error\":\"Input validation error: `inputs` tokens + `max_new_tokens` must be <= "
          "4096\",\"error_type\":\"validation\"}",
          FAULT_UP_CONTEXT);
    means(400,
          "{\"object\":\"error\",\"message\":\"This model's maximum context length is 4096 "
          "tokens.\",\"code\":400}",
          FAULT_UP_CONTEXT);
    means(400, "{\"error\":{\"message\":\"cut, code\",\"code\":\"context_length_exceeded\",\"par",
          FAULT_UP_CONTEXT);
    means(413, "{\"error\":{\"message\":\"This model's maximum context length is 4096 tokens.\"}}",
          FAULT_UP_CONTEXT);
    assert_false(dialect_is_context_overflow(SLICE("the current length is fine")));
}

static void test_content_policy(void **state) {
    (void)state;
    means(400, "{\"error\":{\"code\":\"content_policy_violation\",\"message\":\"x\"}}",
          FAULT_UP_CONTENT_POLICY);
    means(400,
          "{\"error\":{\"code\":\"content_filter\",\"message\":\"The response was "
          "filtered\",\"innererror\":{\"code\":\"ResponsibleAIPolicyViolation\"}}}",
          FAULT_UP_CONTENT_POLICY);
    means(400, "{\"error\":{\"code\":null,\"inner_error\":{\"code\":\"ResponsibleAIPolicyViolation\"}}}",
          FAULT_UP_CONTENT_POLICY);
    means(400,
          "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Output blocked by "
          "content filtering policy\"}}",
          FAULT_UP_CONTENT_POLICY);
    assert_int_equal(fault_retry(FAULT_UP_CONTENT_POLICY), RETRY_NEVER);
}

static void test_rates_and_quotas(void **state) {
    (void)state;
    means(429,
          "{\"error\":{\"message\":\"You exceeded your current "
          "quota\",\"type\":\"insufficient_quota\",\"code\":\"insufficient_quota\"}}",
          FAULT_UP_QUOTA);
    means(429,
          "{\"error\":{\"message\":\"Rate limit reached for "
          "gpt-4\",\"type\":\"requests\",\"code\":\"rate_limit_exceeded\"}}",
          FAULT_UP_RATE_LIMITED);
    means(429,
          "{\"error\":{\"message\":\"Request too large for gpt-4 on tokens per min (TPM): Limit 10000, "
          "Requested 20000.\",\"type\":\"tokens\",\"code\":\"rate_limit_exceeded\"}}",
          FAULT_UP_CONTEXT);
    means(413,
          "{\"error\":{\"message\":\"Request too large for model `x` on tokens per minute (TPM): Limit "
          "6000\",\"code\":\"rate_limit_exceeded\"}}",
          FAULT_UP_CONTEXT);
    means(413,
          "{\"type\":\"error\",\"error\":{\"type\":\"request_too_large\",\"message\":\"Request exceeds the "
          "maximum size\"}}",
          FAULT_UP_BAD_REQUEST);
    means(429, "{\"error\":{\"code\":\"429\",\"message\":\"Requests have exceeded call rate limit\"}}",
          FAULT_UP_RATE_LIMITED);
    means(429, "{\"error\":{\"type\":\"engine_overloaded_error\",\"message\":\"x\"}}", FAULT_UP_OVERLOADED);
    means(429, "[{\"error\":{\"code\":429,\"message\":\"x\",\"status\":\"RESOURCE_EXHAUSTED\"}}]",
          FAULT_UP_RATE_LIMITED);
    means(400,
          "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"Your credit "
          "balance is too low to access the Anthropic API.\"}}",
          FAULT_UP_QUOTA);
    means(400, "{\"error\":{\"message\":\"line 429 of the prompt\",\"type\":\"invalid_request_error\"}}",
          FAULT_UP_BAD_REQUEST);
    means(400, "{\"error\":{\"message\":\"x\",\"type\":\"rate_limit_error\"}}", FAULT_UP_RATE_LIMITED);
}

static void test_the_rest(void **state) {
    (void)state;
    means(404, "{\"error\":{\"message\":\"The model `x` does not exist\",\"code\":\"model_not_found\"}}",
          FAULT_UP_NOT_FOUND);
    means(404, "{\"error\":{\"code\":\"DeploymentNotFound\",\"message\":\"x\"}}", FAULT_UP_NOT_FOUND);
    means(400, "{\"error\":{\"code\":\"model_not_found\",\"message\":\"x\"}}", FAULT_UP_NOT_FOUND);
    means(401, "{\"error\":{\"code\":\"invalid_api_key\",\"message\":\"x\"}}", FAULT_UP_AUTH);
    means(403, "{\"type\":\"error\",\"error\":{\"type\":\"permission_error\",\"message\":\"x\"}}",
          FAULT_UP_AUTH);
    means(400,
          "[{\"error\":{\"code\":400,\"message\":\"API key not valid. Please pass a valid API "
          "key.\",\"status\":\"INVALID_ARGUMENT\"}}]",
          FAULT_UP_AUTH);
    means(500, "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}",
          FAULT_UP_OVERLOADED);
    means(529, "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}",
          FAULT_UP_OVERLOADED);
    means(500, "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"x\"}}", FAULT_UP_SERVER);
    means(504, "{\"type\":\"error\",\"error\":{\"type\":\"timeout_error\",\"message\":\"x\"}}",
          FAULT_UP_TIMEOUT);
    means(500, "{\"error\":{\"code\":\"content_filter\",\"message\":\"x\"}}", FAULT_UP_SERVER);
}

static void test_words_are_kept(void **state) {
    (void)state;
    struct kit k;
    struct headers none = {{NULL}};
    kit_start(&k);
    read_error(&k, 400, &none,
               "{\"error\":{\"message\":\"no \\\"such\\\" "
               "thing\",\"type\":\"invalid_request_error\",\"code\":null}}");
    assert_text(k.failure.message, "no \"such\" thing");
    assert_text(k.failure.code, "invalid_request_error");
    assert_int_equal(k.failure.retry_after_us, -1);
    assert_int_equal(k.failure.should_retry, -1);
    read_error(&k, 400, &none, "{\"error\":{\"message\":\"m\",\"type\":\"t\",\"code\":1234}}");
    assert_text(k.failure.code, "1234");
    read_error(&k, 502, &none, " <!DOCTYPE html><html>Bad gateway</html>");
    assert_text(k.failure.message, "");
    read_error(&k, 502, &none, "upstream connect error\n");
    assert_text(k.failure.message, "upstream connect error");
    read_error(&k, 404, &none, "{\"detail\":\"Not Found\"}");
    assert_text(k.failure.message, "Not Found");
    buffer_printf(&k.out, "{\"error\":{\"message\":\"");
    for (int i = 0; i < 1500; i++)
        buffer_printf(&k.out, "\xC3\xA9"); /* e acute: the cut falls between characters */
    buffer_printf(&k.out, "\"}}");
    read_error(&k, 400, &none, buffer_text(&k.out));
    assert_int_equal(k.failure.message.len, 1000);
    assert_true(slice_is_utf8(k.failure.message));
    kit_end(&k);
}

static void waits(const char *name, const char *value, int64_t want_us) {
    struct headers h = {{name, value, NULL}};
    int64_t us = dialect_retry_after_us((struct header_source){&h, get}, NOW);
    if (us != want_us)
        fail_msg("%s: %s: wanted %lld, found %lld", name, value, (long long)want_us, (long long)us);
}

static void test_retry_after(void **state) {
    (void)state;
    const int64_t second = 1000000, day = 24 * 3600 * second;
    waits("retry-after-ms", "1500", 1500000);
    waits("retry-after-ms", " 0.5 ", 500);
    waits("x-ms-retry-after-ms", "250", 250000);
    waits("retry-after", "2", 2 * second);
    waits("retry-after", "0", 0);
    waits("retry-after", "1.5", 1500000);
    waits("retry-after", "Tue, 14 Nov 2023 22:13:50 GMT", 30 * second);
    waits("retry-after", "Tue, 14 Nov 2023 22:13:00 GMT", -1); /* past */
    waits("retry-after", "-5", -1);
    waits("retry-after", "soon", -1);
    waits("retry-after", "", -1);
    waits("retry-after", "1e300", day);
    waits("retry-after", "86401", day);
    waits("retry-after", "Tue, 14 Nov 2034 22:13:50 GMT", day);
    waits("retry-after-ms", "nan", -1);
    waits("other", "1", -1);
    struct headers all = {{"retry-after-ms", "-1", "x-ms-retry-after-ms", "7", "retry-after", "9", NULL}};
    assert_int_equal(dialect_retry_after_us((struct header_source){&all, get}, NOW), 7000);
    assert_int_equal(dialect_retry_after_us((struct header_source){NULL, NULL}, NOW), -1);
}

static void test_should_retry(void **state) {
    (void)state;
    static const struct {
        const char *value;
        int want;
    } rows[] = {{"true", 1}, {"False", 0}, {"maybe", -1}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kit k;
        struct headers h = {{"x-should-retry", rows[i].value, "retry-after", "3", NULL}};
        kit_start(&k);
        read_error(&k, 429, &h, "");
        assert_int_equal(k.failure.should_retry, rows[i].want);
        assert_int_equal(k.failure.retry_after_us, 3000000);
        kit_end(&k);
    }
}

static void test_our_errors(void **state) {
    (void)state;
    struct kit k;
    kit_start(&k);
    const struct dialect *openai = dialect_of(DIALECT_OPENAI), *anthropic = dialect_of(DIALECT_ANTHROPIC);
    openai->write_error(FAULT_NO_SUCH_MODEL, "no model \"x\"", &(struct error_notes){.request_id = "req_1", .estimate_usd = "0.61"}, &k.out);
    CHECK_OUT(&k,
              "{\"error\":{\"message\":\"no model "
              "\\\"x\\\"\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":\"model_not_found\",\"estimate_usd\":0.61}}");
    buffer_clear(&k.out);
    anthropic->write_error(FAULT_NO_SUCH_MODEL, "no model \"x\"", &(struct error_notes){.request_id = "req_1", .estimate_usd = "0.61"}, &k.out);
    CHECK_OUT(&k, "{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\",\"message\":\"no model "
                  "\\\"x\\\"\",\"code\":\"model_not_found\",\"estimate_usd\":0.61},\"request_id\":\"req_1\"}");
    buffer_clear(&k.out);
    openai->write_stream_error(FAULT_UP_TRUNCATED, NULL, &k.out);
    CHECK_OUT(&k, "data: {\"error\":{\"message\":\"the stream ended without its last "
                  "event\",\"type\":\"server_error\",\"param\":null,\"code\":\"provider_truncated\"}}\n\n");
    buffer_clear(&k.out);
    anthropic->write_stream_error(FAULT_UP_OVERLOADED, "", &k.out);
    CHECK_OUT(
        &k,
        "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"the "
        "provider is overloaded\",\"code\":\"provider_overloaded\"}}\n\n");
    kit_end(&k);
}

static void test_every_fault_has_a_type(void **state) {
    (void)state;
    static const struct {
        enum fault fault;
        const char *openai, *anthropic;
    } rows[] = {
        {FAULT_BAD_REQUEST, "invalid_request_error", "invalid_request_error"},
        {FAULT_UNAUTHENTICATED, "authentication_error", "authentication_error"},
        {FAULT_FORBIDDEN, "permission_error", "permission_error"},
        {FAULT_TOO_LARGE, "invalid_request_error", "request_too_large"},
        {FAULT_UP_RATE_LIMITED, "rate_limit_error", "rate_limit_error"},
        {FAULT_UP_QUOTA, "insufficient_quota", "rate_limit_error"},
        {FAULT_INTERNAL, "server_error", "api_error"},
        {FAULT_OVERLOADED, "server_error", "overloaded_error"},
        {FAULT_UP_TIMEOUT, "server_error", "timeout_error"},
        {FAULT_CONFLICT, "invalid_request_error", "invalid_request_error"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kit k;
        char want[128];
        kit_start(&k);
        dialect_of(DIALECT_AZURE)->write_error(rows[i].fault, NULL, NULL, &k.out);
        snprintf(want, sizeof want, "\"type\":\"%s\"", rows[i].openai);
        assert_non_null(strstr(buffer_text(&k.out), want));
        buffer_clear(&k.out);
        dialect_of(DIALECT_ANTHROPIC)->write_error(rows[i].fault, NULL, NULL, &k.out);
        snprintf(want, sizeof want, "\"error\":{\"type\":\"%s\"", rows[i].anthropic);
        assert_non_null(strstr(buffer_text(&k.out), want));
        snprintf(want, sizeof want, "\"code\":\"%s\"", fault_name(rows[i].fault));
        assert_non_null(strstr(buffer_text(&k.out), want));
        kit_end(&k);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_alone),   cmocka_unit_test(test_context_overflow),
        cmocka_unit_test(test_content_policy), cmocka_unit_test(test_rates_and_quotas),
        cmocka_unit_test(test_the_rest),       cmocka_unit_test(test_words_are_kept),
        cmocka_unit_test(test_retry_after),    cmocka_unit_test(test_should_retry),
        cmocka_unit_test(test_our_errors),     cmocka_unit_test(test_every_fault_has_a_type),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
