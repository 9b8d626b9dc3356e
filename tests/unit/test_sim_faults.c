#include "test_sim_stream.h"

static void broken_streams(void **state) {
    (void)state;
    static const struct {
        const char *model;
        enum http_result result;
        unsigned tokens, broken, errors, comments;
        const char *finish;
        bool done;
    } cases[] = {
        {"sim-ok", HTTP_OK, 30, 0, 0, 0, "stop", true},
        {"sim-reset0", HTTP_CUT, 0, 0, 0, 0, "", false},
        {"sim-reset12", HTTP_CUT, 12, 0, 0, 0, "", false},
        {"sim-reset99", HTTP_OK, 30, 0, 0, 0, "stop", true},
        {"sim-cut12", HTTP_OK, 12, 0, 0, 0, "", false},
        {"sim-bad12", HTTP_OK, 30, 1, 0, 0, "stop", true},
        {"sim-err12", HTTP_OK, 12, 0, 1, 0, "", true},
        {"sim-err", HTTP_OK, 0, 0, 1, 0, "", true},
        {"sim-nodone", HTTP_OK, 30, 0, 0, 0, "stop", false},
        {"sim-nofinish", HTTP_OK, 30, 0, 0, 0, "", true},
        {"sim-empty", HTTP_OK, 0, 0, 0, 0, "stop", true},
        {"sim-filterout", HTTP_OK, 30, 0, 0, 0, "content_filter", true},
        {"sim-ping", HTTP_OK, 30, 0, 0, 30, "stop", true},
        {"sim-crlf", HTTP_OK, 30, 0, 0, 0, "stop", true},
        {"sim-cr", HTTP_OK, 30, 0, 0, 0, "stop", true},
        {"sim-split", HTTP_OK, 30, 0, 0, 0, "stop", true},
        {"sim-split-cr-bad3-cut7", HTTP_OK, 7, 1, 0, 0, "", false},
        {"sim-azure", HTTP_OK, 30, 0, 0, 0, "stop", true},
    };
    static const double speeds[] = {0, 1};
    for (size_t s = 0; s < 2; s++) {
        struct sim_rig r;
        rig_open(&r, NULL, speeds[s]);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct sim_reply reply = {0};
            struct heard h;
            stream_of(&r, cases[i].model, &reply, &h);
            if (reply.result != cases[i].result || h.tokens != cases[i].tokens ||
                h.broken != cases[i].broken || h.errors != cases[i].errors ||
                h.comments != cases[i].comments || strcmp(h.finish, cases[i].finish) != 0 ||
                h.done != cases[i].done)
                fail_msg("%s at speed %g: result %d, %u tokens, %u broken, %u errors, %u comments, finish "
                         "'%s', done %d",
                         cases[i].model, speeds[s], (int)reply.result, h.tokens, h.broken, h.errors,
                         h.comments, h.finish, h.done);
            forget(&reply, &h);
        }
        assert_int_equal(stat_of(&r, "total.active"), 0);
        rig_close(&r);
    }
}

static void every_byte_alone(void **state) {
    (void)state;
    struct sim_rig r;
    struct sim_reply plain = {0}, split = {0};
    rig_open(&r, "rules:\n  - match: {header.x-test: split}\n    do: {split: true}\n", 0);
    rig_post(&r, "/v1/chat/completions", chat_body(&r, "m", true, "", 5), &plain);
    rig_start(&r, "POST", "/v1/chat/completions", "x-test: split", chat_body(&r, "m", true, "", 5), &split);
    assert_true(rig_finish(&r, &split));
    assert_true(slice_eq(buffer_slice(&plain.body), buffer_slice(&split.body)));
    assert_true(split.pieces > split.body.len / 2); /* the first few leave with the head */
    reply_deinit(&plain);
    reply_deinit(&split);
    rig_close(&r);
}

static void refusals(void **state) {
    (void)state;
    static const struct {
        const char *model;
        int status;
        const char *code;
    } cases[] = {
        {"sim-429", 429, "rate_limit_exceeded"},         {"sim-quota", 429, "insufficient_quota"},
        {"sim-context", 400, "context_length_exceeded"}, {"sim-filter", 400, "content_filter"},
        {"sim-503", 503, "service_unavailable"},         {"sim-what", 404, "model_not_found"},
    };
    struct sim_rig r;
    rig_open(&r, NULL, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sim_reply reply = {0};
        struct json_doc d;
        rig_post(&r, "/v1/chat/completions", chat_body(&r, cases[i].model, true, "", 5), &reply);
        assert_int_equal(reply.status, cases[i].status);
        read_doc(&r, buffer_slice(&reply.body), &d);
        assert_text_at(&d, "error.code", cases[i].code);
        reply_deinit(&reply);
    }
    struct sim_reply reply = {0};
    struct json_doc d;
    rig_post(&r, "/v1/messages",
             "{\"model\":\"sim-529\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
             &reply);
    assert_int_equal(reply.status, 529);
    read_doc(&r, buffer_slice(&reply.body), &d);
    assert_text_at(&d, "type", "error");
    assert_text_at(&d, "error.type", "overloaded_error");
    reply_deinit(&reply);
    rig_close(&r);
}

static void resets_and_silence_before_the_head(void **state) {
    (void)state;
    struct sim_rig r;
    struct sim_reply reply = {0};
    rig_open(&r, NULL, 1);
    rig_post(&r, "/v1/chat/completions", chat_body(&r, "sim-reset", true, "", 5), &reply);
    assert_int_equal(reply.result, HTTP_RESET);
    reply_deinit(&reply);
    rig_post(&r, "/v1/chat/completions", chat_body(&r, "fb-s06-no-response", true, "", 5), &reply);
    assert_int_equal(reply.result, HTTP_RESET);
    assert_in_range(reply.done_us, 119000000, 121000000);
    reply_deinit(&reply);
    rig_start(&r, "POST", "/v1/chat/completions", NULL, chat_body(&r, "sim-stall3", true, "", 5), &reply);
    assert_false(rig_finish(&r, &reply));
    assert_int_equal(stat_of(&r, "models.sim-stall3.active"), 1);
    http_transfer_cancel(reply.transfer);
    for (int i = 0; i < 5000 && stat_of(&r, "models.sim-stall3.active") > 0; i++) rig_turn(&r);
    assert_int_equal(stat_of(&r, "models.sim-stall3.aborted_by_client"), 1);
    assert_int_equal(stat_of(&r, "models.sim-stall3.output_tokens"), 3);
    reply_deinit(&reply);
    rig_close(&r);
}

static void stall_goes_on(void **state) {
    (void)state;
    struct sim_rig r;
    struct sim_reply reply = {0};
    struct heard h;
    rig_open(&r, "rules:\n  - do: {stall: 10, stall_for: 30s}\n", 0);
    rig_post(&r, "/v1/chat/completions", chat_body(&r, "m", true, "", 30), &reply);
    hear(&r, &reply, &h);
    assert_int_equal(h.tokens, 30);
    assert_in_range(reply.done_us, 30000000, 30100000);
    forget(&reply, &h);
    rig_post(&r, "/v1/chat/completions", chat_body(&r, "m", false, "", 30),
             &reply); /* half of it, and the rest later */
    struct json_doc d;
    read_doc(&r, buffer_slice(&reply.body), &d);
    assert_int_equal(number_at(&d, "usage.completion_tokens"), 30);
    assert_in_range(reply.done_us, 30000000, 30100000);
    reply_deinit(&reply);
    rig_close(&r);
}

static void broken_whole_answers(void **state) {
    (void)state;
    static const struct {
        const char *model;
        enum http_result result;
        bool json;
    } cases[] = {
        {"sim-reset5", HTTP_CUT, false}, {"sim-cut5", HTTP_OK, false}, {"sim-bad", HTTP_OK, false},
        {"sim-nojson", HTTP_OK, false},  {"sim-err", HTTP_OK, true},
    };
    struct sim_rig r;
    rig_open(&r, NULL, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sim_reply reply = {0};
        struct json_doc d;
        rig_post(&r, "/v1/chat/completions", chat_body(&r, cases[i].model, false, "", 30), &reply);
        assert_int_equal(reply.status, 200);
        assert_int_equal(reply.result, cases[i].result);
        assert_int_equal(json_read(buffer_slice(&reply.body), &r.arena, UINT16_MAX, &d, NULL) == FAULT_NONE,
                         cases[i].json);
        reply_deinit(&reply);
    }
    rig_close(&r);
}

static void flood(void **state) {
    (void)state;
    struct sim_rig r;
    struct sim_reply reply = {0};
    rig_open(&r, "rules:\n  - do: {flood: 20MB}\n", 0);
    rig_post(&r, "/v1/chat/completions", chat_body(&r, "m", true, "", 30), &reply);
    assert_int_equal(reply.result, HTTP_OK);
    assert_true(reply.body.len > 20000000);
    assert_null(memchr(reply.body.at, '\n', reply.body.len));
    reply_deinit(&reply);
    rig_close(&r);
}

static void usage_in_odd_places(void **state) {
    (void)state;
    static const struct {
        const char *place, *options;
        unsigned usages;
        int64_t completion; /* the last one told */
    } cases[] = {
        {"normal", "", 0, -1},
        {"normal", ",\"stream_options\":{\"include_usage\":true}", 1, 30},
        {"none", ",\"stream_options\":{\"include_usage\":true}", 0, -1},
        {"always", "", 1, 30},
        {"finish", "", 1, 30},
        {"every", "", 33, 30}, /* role, 30 tokens, finish, and the extra one */
        {"first", "", 1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sim_rig r;
        struct sim_reply reply = {0};
        struct heard h;
        char script[64];
        (void)snprintf(script, sizeof script, "rules:\n  - do: {usage: %s}\n", cases[i].place);
        rig_open(&r, script, 0);
        rig_post(&r, "/v1/chat/completions", chat_body(&r, "m", true, cases[i].options, 30), &reply);
        hear(&r, &reply, &h);
        if (h.usages != cases[i].usages || h.completion != cases[i].completion || h.broken > 0)
            fail_msg("%s: %u usages, the last %lld", cases[i].place, h.usages, (long long)h.completion);
        forget(&reply, &h);
        rig_close(&r);
    }
}

static void retry_after_forms(void **state) {
    (void)state;
    static const struct {
        const char *form, *header, *value;
    } cases[] = {
        {"seconds", "retry-after", "2.500"},
        {"ms", "retry-after-ms", "2500"},
        {"azure_ms", "x-ms-retry-after-ms", "2500"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sim_rig r;
        struct sim_reply reply = {.want_header = cases[i].header};
        char script[128];
        (void)snprintf(script, sizeof script,
                       "rules:\n  - do: {status: 429, retry_after: 2.5s, retry_form: %s}\n", cases[i].form);
        rig_open(&r, script, 0);
        rig_post(&r, "/v1/chat/completions", chat_body(&r, "m", true, "", 30), &reply);
        assert_int_equal(reply.status, 429);
        assert_string_equal(reply.header, cases[i].value);
        reply_deinit(&reply);
        rig_close(&r);
    }
    struct sim_rig r;
    struct sim_reply reply = {.want_header = "retry-after"};
    int64_t at = 0;
    rig_open(&r, "rules:\n  - do: {status: 503, retry_after: 30s, retry_form: date}\n", 0);
    rig_post(&r, "/v1/chat/completions", chat_body(&r, "m", true, "", 30), &reply);
    assert_true(clock_parse_http_date(slice_of(reply.header), &at));
    assert_in_range(at - RIG_WALL, 30000000, 32000000);
    reply_deinit(&reply);
    rig_close(&r);
}

static void what_else_a_script_says(void **state) {
    (void)state;
    struct sim_rig r;
    struct sim_reply reply = {.want_header = "x-extra"};
    struct json_doc d;
    rig_open(&r,
             "models: {small: {context: 100}}\nkeys: [sk-1]\nrules:\n"
             "  - do: {version: new-1, fingerprint: fp_x, say: 'word for word', cached: 0.5, reasoning: 7, "
             "headers: {x-extra: hello}}\n",
             0);
    const char *body = chat_body(&r, "m", false, "", 3);
    rig_post(&r, "/v1/chat/completions", body, &reply);
    assert_int_equal(reply.status, 401);
    reply_deinit(&reply);
    rig_start(&r, "POST", "/v1/chat/completions", "authorization: Bearer sk-1", body, &reply);
    assert_true(rig_finish(&r, &reply));
    read_doc(&r, buffer_slice(&reply.body), &d);
    assert_string_equal(reply.header, "hello");
    assert_text_at(&d, "model", "new-1");
    assert_text_at(&d, "system_fingerprint", "fp_x");
    assert_text_at(&d, "choices.0.message.content", "word for word");
    assert_int_equal(number_at(&d, "usage.prompt_tokens_details.cached_tokens"), 187);
    assert_int_equal(number_at(&d, "usage.completion_tokens_details.reasoning_tokens"), 7);
    reply_deinit(&reply);
    rig_start(&r, "POST", "/v1/chat/completions", "api-key: sk-1", chat_body(&r, "small", false, "", 3),
              &reply);
    assert_true(rig_finish(&r, &reply));
    assert_int_equal(reply.status, 400);
    assert_true(slice_contains(buffer_slice(&reply.body), SLICE("context_length_exceeded")));
    reply_deinit(&reply);
    rig_close(&r);
}

static void a_script_while_it_runs(void **state) {
    (void)state;
    struct sim_rig r;
    struct sim_reply reply = {0}, running = {0};
    struct heard h;
    rig_open(&r, "rules:\n  - do: {say: 'one two three four five six'}\n", 1);
    rig_start(&r, "POST", "/v1/chat/completions", NULL, chat_body(&r, "m", true, "", 6), &running);
    while (running.body.len == 0) rig_turn(&r);
    rig_post(&r, "/sim/script", "rules:\n  - do: {status: 500}\n", &reply);
    assert_true(slice_is(buffer_slice(&reply.body), "{\"models\":0,\"rules\":1}"));
    reply_deinit(&reply);
    rig_post(&r, "/v1/chat/completions", chat_body(&r, "m", true, "", 6), &reply);
    assert_int_equal(reply.status, 500);
    reply_deinit(&reply);
    assert_true(rig_finish(&r, &running)); /* with the words of the script it began under */
    hear(&r, &running, &h);
    assert_true(slice_is(buffer_slice(&h.text), "one two three four five six"));
    forget(&running, &h);
    rig_post(&r, "/sim/script", "rules:\n  - do: {stauts: 500}\n", &reply);
    assert_int_equal(reply.status, 400);
    assert_true(
        slice_contains(buffer_slice(&reply.body),
                       SLICE("script:2:10: unknown action \\\"stauts\\\"; did you mean \\\"status\\\"?")));
    reply_deinit(&reply);
    rig_post(&r, "/sim/reset", "", &reply);
    assert_int_equal(reply.status, 200);
    reply_deinit(&reply);
    assert_int_equal(stat_of(&r, "total.requests"), 0);
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(broken_streams),
        cmocka_unit_test(every_byte_alone),
        cmocka_unit_test(refusals),
        cmocka_unit_test(resets_and_silence_before_the_head),
        cmocka_unit_test(stall_goes_on),
        cmocka_unit_test(broken_whole_answers),
        cmocka_unit_test(flood),
        cmocka_unit_test(usage_in_odd_places),
        cmocka_unit_test(retry_after_forms),
        cmocka_unit_test(what_else_a_script_says),
        cmocka_unit_test(a_script_while_it_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
