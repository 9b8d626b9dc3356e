#include "test_sim_rig.h"

#include "io/sse.h"
#include "sim/token.h"

/* What a stream said. */
struct heard {
    struct buffer text;   /* content, or arguments of tools */
    unsigned events, tokens, comments, broken, errors, usages;
    int64_t prompt, completion;
    bool done;            /* [DONE] or message_stop */
    char finish[32], order[1024]; /* order: the event names, once for runs of the same */
};

static void note(struct heard *h, struct slice name) {
    char text[64];
    (void)snprintf(text, sizeof text, SLICE_FMT " ", SLICE_ARG(name));
    size_t len = strlen(h->order), n = strlen(text);
    if (name.len == 0 || (len >= n && strcmp(h->order + len - n, text) == 0)) return;
    (void)snprintf(h->order + len, sizeof h->order - len, "%s", text);
}

static void hear_usage(struct heard *h, const struct json_doc *d, uint32_t usage) {
    if (json_type(d, usage) != JSON_OBJECT) return;
    h->usages++;
    json_get_i64(d, json_get(d, usage, "prompt_tokens"), &h->prompt);
    json_get_i64(d, json_get(d, usage, "input_tokens"), &h->prompt);
    json_get_i64(d, json_get(d, usage, "completion_tokens"), &h->completion);
    json_get_i64(d, json_get(d, usage, "output_tokens"), &h->completion);
}

static void hear_event(struct sim_rig *r, struct heard *h, const struct sse_event *e) {
    static const char *const texts[] = {"choices.0.delta.content", "choices.0.delta.tool_calls.0.function.arguments", "delta.text", "delta.partial_json", "delta"};
    static const char *const finishes[] = {"choices.0.finish_reason", "delta.stop_reason"};
    struct json_doc d;
    if (!e->has_data) {
        h->comments++;
        return;
    }
    h->events++;
    note(h, e->name);
    if (slice_is(e->data, "[DONE]") || slice_is(e->name, "message_stop") || slice_is(e->name, "response.completed")) h->done = true;
    if (slice_is(e->data, "[DONE]")) return;
    if (json_read(e->data, &r->arena, UINT16_MAX, &d, NULL) != FAULT_NONE) {
        h->broken++;
        return;
    }
    if (json_get(&d, 0, "error") != JSON_NONE) h->errors++;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct slice text = json_string(&d, node_at(&d, texts[i]), &r->arena);
        if (text.len > 0) h->tokens++;
        buffer_append(&h->text, text);
    }
    for (size_t i = 0; i < sizeof finishes / sizeof finishes[0]; i++) {
        struct slice word = json_string(&d, node_at(&d, finishes[i]), &r->arena);
        if (word.len > 0) (void)snprintf(h->finish, sizeof h->finish, SLICE_FMT, SLICE_ARG(word));
    }
    hear_usage(h, &d, json_get(&d, 0, "usage"));
    hear_usage(h, &d, node_at(&d, "message.usage"));
    hear_usage(h, &d, node_at(&d, "response.usage"));
}

static void hear(struct sim_rig *r, const struct sim_reply *reply, struct heard *h) {
    struct sse_reader reader;
    struct sse_event e;
    *h = (struct heard){.prompt = -1, .completion = -1};
    buffer_init(&h->text, 1 << 20);
    sse_reader_init(&reader);
    for (size_t at = 0; at < reply->body.len;) { /* in pieces: a body may be over an event's limit */
        size_t n = reply->body.len - at < 65536 ? reply->body.len - at : 65536;
        assert_int_equal(sse_reader_feed(&reader, slice_make(reply->body.at + at, n)), FAULT_NONE);
        while (sse_reader_next(&reader, &e)) hear_event(r, h, &e);
        at += n;
    }
    if (sse_reader_end(&reader, &e)) hear_event(r, h, &e);
    sse_reader_deinit(&reader);
}

static const char *chat_body(struct sim_rig *r, const char *model, bool stream, const char *more, int output) {
    return arena_printf(&r->arena, "{\"model\":\"%s\",\"stream\":%s%s,\"messages\":[{\"role\":\"user\",\"content\":\"[sim input=374 output=%d] Where is my parcel?\"}]}",
                        model, stream ? "true" : "false", more, output).at;
}

/* A stream of 30 tokens by a model that fails as its name says. */
static void stream_of(struct sim_rig *r, const char *model, struct sim_reply *reply, struct heard *h) {
    rig_post(r, "/v1/chat/completions", chat_body(r, model, true, "", 30), reply);
    hear(r, reply, h);
}

static void forget(struct sim_reply *reply, struct heard *h) {
    reply_deinit(reply);
    if (h != NULL) buffer_deinit(&h->text);
}

static int64_t stat_of(struct sim_rig *r, const char *path) {
    struct sim_reply reply = {0};
    struct json_doc d;
    rig_get(r, "/sim/stats", &reply);
    read_doc(r, buffer_slice(&reply.body), &d);
    int64_t n = number_at(&d, path);
    reply_deinit(&reply);
    return n;
}

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
    rig_post(&r, "/chat/completions", chat_body(&r, "gpt-4o-mini", true, ",\"stream_options\":{\"include_usage\":true}", 44), &streamed);
    assert_string_equal(streamed.header, "text/event-stream; charset=utf-8");
    hear(&r, &streamed, &h);
    assert_true(slice_eq(buffer_slice(&h.text), json_string(&d, node_at(&d, "choices.0.message.content"), &r.arena)));
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
             "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":99,\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"[sim input=50 output=20 cached=30] hi\"}]}", &reply);
    hear(&r, &reply, &h);
    assert_string_equal(h.order, "message_start ping content_block_start content_block_delta content_block_stop message_delta message_stop ");
    assert_string_equal(reply.header, "10000");
    assert_int_equal(h.tokens, 20);
    assert_int_equal(h.prompt, 20); /* 50 less the 30 from the cache */
    assert_int_equal(h.completion, 20);
    assert_string_equal(h.finish, "end_turn");
    forget(&reply, &h);
    rig_post(&r, "/v1/messages",
             "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":999,\"stream\":true,\"tool_choice\":{\"type\":\"tool\",\"name\":\"look\"},\"tools\":[{\"name\":\"look\","
             "\"input_schema\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\"}},\"required\":[\"n\"]}}],\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", &reply);
    hear(&r, &reply, &h);
    struct json_doc d;
    int64_t n;
    read_doc(&r, buffer_slice(&h.text), &d);
    assert_true(json_get_i64(&d, json_get(&d, 0, "n"), &n));
    assert_string_equal(h.finish, "tool_use");
    forget(&reply, &h);
    rig_post(&r, "/v1/messages/count_tokens", "{\"model\":\"claude-sonnet-4-5\",\"messages\":[{\"role\":\"user\",\"content\":\"one two three\"}]}", &reply);
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
    rig_post(&r, "/v1/responses", "{\"model\":\"gpt-5-mini\",\"stream\":true,\"input\":\"[sim input=50 output=20] hi\"}", &reply);
    hear(&r, &reply, &h);
    assert_string_equal(h.order, "response.created response.in_progress response.output_item.added response.content_part.added "
                                 "response.output_text.delta response.output_text.done response.content_part.done response.output_item.done "
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
    rig_post(&r, "/openai/deployments/gpt-4o/chat/completions?api-version=2024-06-01", "{\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", &reply);
    assert_true(slice_starts(buffer_slice(&reply.body), SLICE("data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\"")));
    assert_true(slice_contains(buffer_slice(&reply.body), SLICE("\"model\":\"gpt-4o-2024-08-06\"")));
    forget(&reply, NULL);
    rig_post(&r, "/v1/embeddings", "{\"model\":\"text-embedding-3-small\",\"dimensions\":256,\"input\":[\"a\",\"b c\"]}", &reply);
    read_doc(&r, buffer_slice(&reply.body), &d);
    assert_int_equal(json_size(&d, node_at(&d, "data")), 2);
    assert_int_equal(json_size(&d, node_at(&d, "data.1.embedding")), 256);
    assert_int_equal(number_at(&d, "usage.prompt_tokens"), 3);
    forget(&reply, NULL);
    rig_post(&r, "/v1/embeddings", "{\"model\":\"text-embedding-3-small\",\"encoding_format\":\"base64\",\"input\":\"a\"}", &reply);
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
        rig_open(&r, "models:\n  '*': {first_token: {median: 400ms, sigma: 0}, per_token: {median: 20ms, sigma: 0}}\n", speeds[i]);
        rig_post(&r, "/v1/chat/completions", chat_body(&r, "m", true, "", 101), &reply);
        first[i] = reply.first_us;
        total[i] = reply.done_us;
        if (i == 0) assert_true(reply.pieces >= 95); /* one token at a time */
        reply_deinit(&reply);
        rig_post(&r, "/v1/chat/completions", chat_body(&r, "m", false, "", 101), &reply);
        assert_true(llabs(reply.done_us - total[i]) < 30000); /* an answer that is not streamed takes as long */
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
    rig_open(&r, "rules:\n  - match: {user_contains: parcel}\n    do: {first_token: 20s, early_head: true}\n", 0);
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
    r.client = http_client_new(r.loop, N);
    for (int i = 0; i < N; i++) rig_start(&r, "POST", "/v1/chat/completions", NULL, chat_body(&r, "m", true, "", 40), &replies[i]);
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

/* ---- faults ---- */

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
            if (reply.result != cases[i].result || h.tokens != cases[i].tokens || h.broken != cases[i].broken || h.errors != cases[i].errors ||
                h.comments != cases[i].comments || strcmp(h.finish, cases[i].finish) != 0 || h.done != cases[i].done)
                fail_msg("%s at speed %g: result %d, %u tokens, %u broken, %u errors, %u comments, finish '%s', done %d", cases[i].model, speeds[s],
                         (int)reply.result, h.tokens, h.broken, h.errors, h.comments, h.finish, h.done);
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
        {"sim-429", 429, "rate_limit_exceeded"}, {"sim-quota", 429, "insufficient_quota"}, {"sim-context", 400, "context_length_exceeded"},
        {"sim-filter", 400, "content_filter"},   {"sim-503", 503, "service_unavailable"},  {"sim-what", 404, "model_not_found"},
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
    rig_post(&r, "/v1/messages", "{\"model\":\"sim-529\",\"max_tokens\":5,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", &reply);
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
    rig_post(&r, "/v1/chat/completions", chat_body(&r, "m", false, "", 30), &reply); /* half of it, and the rest later */
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
        {"sim-reset5", HTTP_CUT, false}, {"sim-cut5", HTTP_OK, false}, {"sim-bad", HTTP_OK, false}, {"sim-nojson", HTTP_OK, false}, {"sim-err", HTTP_OK, true},
    };
    struct sim_rig r;
    rig_open(&r, NULL, 0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sim_reply reply = {0};
        struct json_doc d;
        rig_post(&r, "/v1/chat/completions", chat_body(&r, cases[i].model, false, "", 30), &reply);
        assert_int_equal(reply.status, 200);
        assert_int_equal(reply.result, cases[i].result);
        assert_int_equal(json_read(buffer_slice(&reply.body), &r.arena, UINT16_MAX, &d, NULL) == FAULT_NONE, cases[i].json);
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
        (void)snprintf(script, sizeof script, "rules:\n  - do: {status: 429, retry_after: 2.5s, retry_form: %s}\n", cases[i].form);
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
             "  - do: {version: new-1, fingerprint: fp_x, say: 'word for word', cached: 0.5, reasoning: 7, headers: {x-extra: hello}}\n",
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
    rig_start(&r, "POST", "/v1/chat/completions", "api-key: sk-1", chat_body(&r, "small", false, "", 3), &reply);
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
    assert_true(slice_contains(buffer_slice(&reply.body), SLICE("script:2:10: unknown action \\\"stauts\\\"; did you mean \\\"status\\\"?")));
    reply_deinit(&reply);
    rig_post(&r, "/sim/reset", "", &reply);
    assert_int_equal(reply.status, 200);
    reply_deinit(&reply);
    assert_int_equal(stat_of(&r, "total.requests"), 0);
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
