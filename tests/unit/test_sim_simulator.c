#include "test_sim_stream.h"

/* ---- answers ---- */

static void whole_and_streamed_are_the_same(void **state) {
    (void)state;
    struct sim_rig r;
    struct sim_reply whole = {.want_header = "x-request-id"}, streamed = {.want_header = "content-type"};
    struct heard h;
    struct json_doc d;
    rig_open(&r, NULL, 0);
    rig_post(&r, "/v1/chat/completions", chat_body(&r, "gpt-4o-mini", false, "", 44), &whole);
    assert_int_equal(whole.status, 200);
    assert_true(slice_starts(slice_of(whole.header), SLICE("req_")));
    read_doc(&r, buffer_slice(&whole.body), &d);
    assert_text_at(&d, "object", "chat.completion");
    assert_text_at(&d, "model", "gpt-4o-mini-2024-07-18");
    assert_text_at(&d, "choices.0.finish_reason", "stop");
    assert_int_equal(number_at(&d, "usage.prompt_tokens"), 374);
    assert_int_equal(number_at(&d, "usage.completion_tokens"), 44);
    assert_int_equal(number_at(&d, "usage.total_tokens"), 418);
    rig_post(&r, "/chat/completions",
             chat_body(&r, "gpt-4o-mini", true, ",\"stream_options\":{\"include_usage\":true}", 44),
             &streamed);
    assert_string_equal(streamed.header, "text/event-stream; charset=utf-8");
    hear(&r, &streamed, &h);
    assert_true(
        slice_eq(buffer_slice(&h.text), json_string(&d, node_at(&d, "choices.0.message.content"), &r.arena)));
    assert_int_equal(h.tokens, 44);
    assert_int_equal(h.events, 44 + 4); /* role, finish, usage, [DONE] */
    assert_int_equal(h.usages, 1);
    assert_int_equal(h.completion, 44);
    assert_string_equal(h.finish, "stop");
    assert_true(h.done);
    forget(&whole, NULL);
    forget(&streamed, &h);
    stream_of(&r, "gpt-4o-mini", &streamed, &h);
    assert_int_equal(h.usages, 0); /* nobody asked */
    forget(&streamed, &h);
    assert_int_equal(stat_of(&r, "models.gpt-4o-mini.output_tokens"), 44 + 44 + 30);
    rig_close(&r);
}

static void anthropic_stream(void **state) {
    (void)state;
    struct sim_rig r;
    struct sim_reply reply = {.want_header = "anthropic-ratelimit-requests-limit"};
    struct heard h;
    rig_open(&r, NULL, 0);
    rig_post(&r, "/v1/messages",
             "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":99,\"stream\":true,\"messages\":[{\"role\":"
             "\"user\",\"content\":\"[sim input=50 output=20 cached=30] hi\"}]}",
             &reply);
    hear(&r, &reply, &h);
    assert_string_equal(h.order, "message_start ping content_block_start content_block_delta "
                                 "content_block_stop message_delta message_stop ");
    assert_string_equal(reply.header, "10000");
    assert_int_equal(h.tokens, 20);
    assert_int_equal(h.prompt, 20); /* 50 less the 30 from the cache */
    assert_int_equal(h.completion, 20);
    assert_string_equal(h.finish, "end_turn");
    forget(&reply, &h);
    rig_post(&r, "/v1/messages",
             "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":999,\"stream\":true,\"tool_choice\":{\"type\":"
             "\"tool\",\"name\":\"look\"},\"tools\":[{\"name\":\"look\","
             "\"input_schema\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}},"
             "\"required\":[\"n\"]}}],\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
             &reply);
    hear(&r, &reply, &h);
    struct json_doc d;
    int64_t n;
    read_doc(&r, buffer_slice(&h.text), &d);
    assert_true(json_get_i64(&d, json_get(&d, 0, "n"), &n));
    assert_string_equal(h.finish, "tool_use");
    forget(&reply, &h);
    rig_post(
        &r, "/v1/messages/count_tokens",
        "{\"model\":\"claude-sonnet-4-5\",\"messages\":[{\"role\":\"user\",\"content\":\"one two three\"}]}",
        &reply);
    assert_true(slice_is(buffer_slice(&reply.body), "{\"input_tokens\":10}"));
    forget(&reply, NULL);
    rig_close(&r);
}

static void responses_stream(void **state) {
    (void)state;
    struct sim_rig r;
    struct sim_reply reply = {0};
    struct heard h;
    rig_open(&r, NULL, 0);
    rig_post(&r, "/v1/responses",
             "{\"model\":\"gpt-5-mini\",\"stream\":true,\"input\":\"[sim input=50 output=20] hi\"}", &reply);
    hear(&r, &reply, &h);
    assert_string_equal(
        h.order,
        "response.created response.in_progress response.output_item.added response.content_part.added "
        "response.output_text.delta response.output_text.done response.content_part.done "
        "response.output_item.done "
        "response.completed ");
    assert_int_equal(h.tokens, 20);
    assert_int_equal(h.completion, 20);
    forget(&reply, &h);
    rig_close(&r);
}

static void other_addresses(void **state) {
    (void)state;
    struct sim_rig r;
    struct sim_reply reply = {0};
    struct json_doc d;
    struct heard h;
    rig_open(&r, NULL, 0);
    rig_post(&r, "/openai/deployments/gpt-4o/chat/completions?api-version=2024-06-01",
             "{\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", &reply);
    assert_true(slice_starts(buffer_slice(&reply.body),
                             SLICE("data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\"")));
    assert_true(slice_contains(buffer_slice(&reply.body), SLICE("\"model\":\"gpt-4o-2024-08-06\"")));
    forget(&reply, NULL);
    rig_post(&r, "/v1/embeddings",
             "{\"model\":\"text-embedding-3-small\",\"dimensions\":256,\"input\":[\"a\",\"b c\"]}", &reply);
    read_doc(&r, buffer_slice(&reply.body), &d);
    assert_int_equal(json_size(&d, node_at(&d, "data")), 2);
    assert_int_equal(json_size(&d, node_at(&d, "data.1.embedding")), 256);
    assert_int_equal(number_at(&d, "usage.prompt_tokens"), 3);
    forget(&reply, NULL);
    rig_post(&r, "/v1/embeddings",
             "{\"model\":\"text-embedding-3-small\",\"encoding_format\":\"base64\",\"input\":\"a\"}", &reply);
    read_doc(&r, buffer_slice(&reply.body), &d);
    assert_int_equal(json_raw(&d, node_at(&d, "data.0.embedding")).len, 1536 * 4 / 3 * 4 + 2);
    forget(&reply, NULL);
    rig_get(&r, "/v1/models", &reply);
    read_doc(&r, buffer_slice(&reply.body), &d);
    assert_text_at(&d, "data.0.id", "gpt-4o");
    forget(&reply, NULL);
    rig_get(&r, "/v1/chat/completions", &reply);
    assert_int_equal(reply.status, 405);
    forget(&reply, NULL);
    rig_get(&r, "/nowhere", &reply);
    assert_int_equal(reply.status, 404);
    forget(&reply, NULL);
    rig_post(&r, "/v1/chat/completions", "{\"model\":\"m\",\"messages\":[]}", &reply);
    assert_int_equal(reply.status, 400);
    read_doc(&r, buffer_slice(&reply.body), &d);
    assert_text_at(&d, "error.param", "messages");
    forget(&reply, NULL);
    (void)h;
    rig_close(&r);
}

/* ---- times ---- */

static void times_follow_the_law(void **state) {
    (void)state;
    static const double speeds[] = {1, 10};
    int64_t first[2], total[2];
    for (int i = 0; i < 2; i++) {
        struct sim_rig r;
        struct sim_reply reply = {0};
        rig_open(
            &r,
            "models:\n  '*': {first_token: {median: 400ms, sigma: 0}, per_token: {median: 20ms, sigma: 0}}\n",
            speeds[i]);
        rig_post(&r, "/v1/chat/completions", chat_body(&r, "m", true, "", 101), &reply);
        first[i] = reply.first_us;
        total[i] = reply.done_us;
        if (i == 0) assert_true(reply.pieces >= 95); /* one token at a time */
        reply_deinit(&reply);
        rig_post(&r, "/v1/chat/completions", chat_body(&r, "m", false, "", 101), &reply);
        assert_true(llabs(reply.done_us - total[i]) <
                    30000); /* an answer that is not streamed takes as long */
        reply_deinit(&reply);
        rig_close(&r);
    }
    assert_in_range(first[0], 400000, 415000);
    assert_in_range(total[0], 2400000, 2430000);
    assert_in_range(first[1], 40000, 55000);
    assert_in_range(total[1], 240000, 270000);
}

static void named_times_at_speed_0(void **state) {
    (void)state;
    struct sim_rig r;
    struct sim_reply reply = {0};
    rig_open(&r, "rules:\n  - match: {user_contains: parcel}\n    do: {first_token: 20s, early_head: true}\n",
             0);
    rig_post(&r, "/v1/chat/completions", chat_body(&r, "m", true, "", 5), &reply);
    assert_true(reply.head_us < 1000000);
    assert_in_range(reply.first_us, 20000000, 20100000);
    reply_deinit(&reply);
    rig_close(&r);
}

static void many_streams_at_a_time(void **state) {
    (void)state;
    enum { N = 300 };
    static struct sim_reply replies[N];
    struct sim_rig r;
    struct heard h;
    rig_open(&r, NULL, 1);
    http_client_free(r.client);
    r.client = http_client_new(r.loop, N + 10);
    for (int i = 0; i < N; i++)
        rig_start(&r, "POST", "/v1/chat/completions", NULL, chat_body(&r, "m", true, "", 40), &replies[i]);
    while (stat_of(&r, "total.active") < N) rig_turn(&r);
    for (int i = 0; i < N; i++) {
        assert_true(rig_finish(&r, &replies[i]));
        hear(&r, &replies[i], &h);
        assert_int_equal(h.tokens, 40);
        assert_true(h.done);
        forget(&replies[i], &h);
    }
    assert_int_equal(stat_of(&r, "total.active"), 0);
    assert_int_equal(stat_of(&r, "total.answered"), N);
    rig_close(&r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_and_streamed_are_the_same),
        cmocka_unit_test(anthropic_stream),
        cmocka_unit_test(responses_stream),
        cmocka_unit_test(other_addresses),
        cmocka_unit_test(times_follow_the_law),
        cmocka_unit_test(named_times_at_speed_0),
        cmocka_unit_test(many_streams_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
