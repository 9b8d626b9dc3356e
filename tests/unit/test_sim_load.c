#include "base/digest.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/money.h"
#include "sim/load.h"
#include "sim/load_prompt.h"
#include "sim/load_reply.h"
#include "sim/simulator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- one answer ---- */

struct read {
    struct load_reply reply;
    struct arena scratch;
};

static void read_answer(struct read *r, bool anthropic, int status, bool stream, const char *text) {
    arena_init(&r->scratch, 4096, 1 << 20);
    load_reply_init(&r->reply, anthropic, stream);
    load_reply_head(&r->reply, status, stream);
    for (size_t i = 0; text[i] != '\0'; i++)
        load_reply_feed(&r->reply, slice_make(text + i, 1), 1000 + (int64_t)i, &r->scratch);
    load_reply_end(&r->reply, 9999, &r->scratch);
}

static void forget(struct read *r) {
    load_reply_deinit(&r->reply);
    arena_deinit(&r->scratch);
}

#define CHUNK(delta, finish)                                                                                 \
    "data: {\"choices\":[{\"delta\":" delta ",\"finish_reason\":" finish "}],\"usage\":null}\n\n"
#define HELLO                                                                                                \
    CHUNK("{\"role\":\"assistant\",\"content\":\"\"}", "null")                                               \
    CHUNK("{\"content\":\"Hel\"}", "null") CHUNK("{\"content\":\"lo\"}", "null")
#define USAGE "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":2}}\n\n"

static void openai_answers(void **state) {
    (void)state;
    static const struct {
        int status;
        bool stream;
        const char *text, *error;
        int64_t input, output;
        uint64_t pieces;
    } cases[] = {
        {200, true, HELLO CHUNK("{}", "\"stop\"") USAGE "data: [DONE]\n\n", "", 9, 2, 2},
        {200, true, HELLO CHUNK("{}", "\"stop\""), "", -1, -1,
         2}, /* no [DONE]: the finish reason was there */
        {200, true, HELLO, "truncated", -1, -1, 2},
        {200, true, HELLO "data: [DONE]\n\n", "truncated", -1, -1, 2},
        {200, true, "", "truncated", -1, -1, 0},
        {200, true,
         HELLO
         "data: {\"error\":{\"message\":\"x\",\"type\":\"server_error\",\"code\":null}}\n\ndata: [DONE]\n\n",
         "in_stream server_error", -1, -1, 2},
        {200, true, HELLO "data: {\"half\n\n", "malformed_event", -1, -1, 2},
        {200, false,
         "{\"choices\":[{\"message\":{\"content\":\"x\"}}],\"usage\":{\"prompt_tokens\":5,\"completion_"
         "tokens\":1}}",
         "", 5, 1, 0},
        {200, false, "{\"choices\":", "malformed_answer", -1, -1, 0},
        {429, false, "{\"error\":{\"message\":\"x\",\"type\":\"requests\",\"code\":\"rate_limit_exceeded\"}}",
         "http_429 rate_limit_exceeded", -1, -1, 0},
        {502, false, "<html>", "http_502", -1, -1, 0},
        {200, false, "{\"error\":{\"type\":\"server_error\"}}", "in_stream server_error", -1, -1, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct read r;
        read_answer(&r, false, cases[i].status, cases[i].stream, cases[i].text);
        assert_string_equal(r.reply.error, cases[i].error);
        assert_int_equal(r.reply.failed, cases[i].error[0] != '\0');
        assert_int_equal(r.reply.input, cases[i].input);
        assert_int_equal(r.reply.output, cases[i].output);
        assert_int_equal(r.reply.pieces, cases[i].pieces);
        forget(&r);
    }
}

static void anthropic_answers(void **state) {
    (void)state;
    static const char start[] =
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"usage\":{\"input_tokens\":5,"
        "\"cache_read_input_tokens\":20,\"cache_creation_input_tokens\":3,\"output_tokens\":1}}}\n\n"
        "event: content_block_delta\ndata: "
        "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"x\"}}\n\n"
        "event: message_delta\ndata: "
        "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},\"usage\":{\"output_tokens\":7}"
        "}\n\n";
    static const char stop[] = "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
    char text[1024];
    struct read r;
    (void)snprintf(text, sizeof text, "%s%s", start, stop);
    read_answer(&r, true, 200, true, text);
    assert_false(r.reply.failed);
    assert_int_equal(r.reply.input, 28);
    assert_int_equal(r.reply.output, 7);
    assert_int_equal(r.reply.pieces, 1);
    forget(&r);
    read_answer(&r, true, 200, true, start);
    assert_string_equal(r.reply.error, "truncated");
    forget(&r);
}

/* ---- runs ---- */

/* All at once: nothing in these runs waits for a time to come. */
static void make_trace(struct buffer *out, unsigned n) {
    buffer_init(out, 1 << 20);
    for (unsigned i = 0; i < n; i++)
        buffer_printf(out, "2026-01-01 00:00:00,%u,%u\n", 10 + i * 37, 1 + i % 50);
}

struct run {
    struct loop *loop;
    struct simulator *simulator;
    struct load_options options;
    struct buffer trace;
    char url[64];
    struct load_result result;
};

static void open_run(struct run *r, const char *script, unsigned requests) {
    struct error error = {0};
    *r = (struct run){.loop = loop_new(&error)};
    assert_non_null(r->loop);
    struct simulator_options o = {
        .host = "127.0.0.1", .seed = 1, .script = slice_of(script), .script_name = "test"};
    r->simulator = simulator_new(r->loop, &o, &error);
    if (r->simulator == NULL) fail_msg("%s", error.text);
    make_trace(&r->trace, requests);
    (void)snprintf(r->url, sizeof r->url, "http://127.0.0.1:%u/", simulator_port(r->simulator));
    r->options = (struct load_options){.url = r->url,
                                       .key = "sk-load",
                                       .model = "m",
                                       .stream = true,
                                       .trace = buffer_slice(&r->trace),
                                       .trace_name = "test",
                                       .speed = 1,
                                       .context_growth = 1,
                                       .exact = true,
                                       .seed = 1};
}

static void execute(struct run *r) {
    struct error error = {0};
    if (load_run(r->loop, &r->options, NULL, NULL, NULL, &r->result, &error) != FAULT_NONE)
        fail_msg("%s", error.text);
}

static void close_run(struct run *r) {
    load_result_deinit(&r->result);
    simulator_free(r->simulator);
    loop_free(r->loop);
    buffer_deinit(&r->trace);
}

static void totals_equal_the_traces(void **state) {
    (void)state;
    static const struct {
        bool anthropic, stream;
    } forms[] = {{false, true}, {false, false}, {true, true}, {true, false}};
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct run r;
        open_run(&r, "keys: [sk-load]\n", 120);
        r.options.anthropic = forms[i].anthropic;
        r.options.stream = forms[i].stream;
        execute(&r);
        assert_int_equal(r.result.ok, 120);
        assert_int_equal(r.result.failed, 0);
        assert_int_equal(r.result.expected_input_tokens, 120 * 10 + 37 * 119 * 120 / 2);
        assert_int_equal(r.result.all.input_tokens, r.result.expected_input_tokens);
        assert_int_equal(r.result.all.output_tokens, r.result.expected_output_tokens);
        assert_int_equal(r.result.by_context[0].requests, 7);  /* 10 .. 232 */
        assert_int_equal(r.result.by_context[1].requests, 21); /* .. 1009 */
        assert_int_equal(r.result.by_context[2].requests, 83);
        assert_int_equal(r.result.by_context[3].requests, 9);
        assert_int_equal(r.result.all.total.count, 120);
        assert_int_equal(r.result.all.first_token.count, forms[i].stream ? 120 : 0);
        assert_int_equal(r.result.all.unpriced, 120);
        close_run(&r);
    }
}

static void context_growth(void **state) {
    (void)state;
    struct run r;
    open_run(&r, "", 10);
    r.options.context_growth = 1.5;
    execute(&r);
    int64_t want = 0;
    for (unsigned i = 0; i < 10; i++) want += (int64_t)((10 + i * 37) * 1.5 + 0.5);
    assert_int_equal(r.result.all.input_tokens, want);
    close_run(&r);
}

static void failures_are_named(void **state) {
    (void)state;
    struct run r;
    open_run(&r,
             "rules:\n  - every: 4\n    do: {status: 429}\n  - every: 10\n    do: {cut: 0}\n    stop: true\n",
             40);
    execute(&r);
    assert_int_equal(r.result.sent, 40);
    assert_int_equal(r.result.failed, 10 + 2); /* 20 and 40 are both: the status decides */
    assert_int_equal(r.result.n_errors, 2);
    for (unsigned i = 0; i < 2; i++) {
        bool cut = strcmp(r.result.errors[i].name, "truncated") == 0;
        if (!cut) assert_string_equal(r.result.errors[i].name, "http_429 rate_limit_exceeded");
        assert_int_equal(r.result.errors[i].count, cut ? 2 : 10);
    }
    assert_int_equal(r.result.all.errors, 12);
    assert_int_equal(r.result.all.total.count, 28);
    close_run(&r);
}

static void more_than_may_be_under_way(void **state) {
    (void)state;
    struct run r;
    open_run(&r, "", 50);
    r.options.max_in_flight = 20;
    execute(&r);
    assert_int_equal(r.result.planned, 50);
    assert_int_equal(r.result.sent + r.result.not_sent, 50);
    assert_int_equal(r.result.ok, r.result.sent);
    assert_int_equal(r.result.not_sent, 30);
    close_run(&r);
    open_run(&r, "", 50);
    r.options.requests = 5;
    execute(&r);
    assert_int_equal(r.result.sent, 5);
    close_run(&r);
}

static void costs_come_from_the_head(void **state) {
    (void)state;
    struct run r;
    open_run(&r, "rules:\n  - every: 2\n    do: {headers: {x-quarterdeck-cost-usd: \"0.0025\"}}\n", 10);
    execute(&r);
    assert_int_equal(r.result.all.unpriced, 5);
    assert_int_equal(r.result.all.cost_nano, 5 * 2500000);
    close_run(&r);
}

static void options_are_checked(void **state) {
    (void)state;
    struct run r;
    struct error error;
    open_run(&r, "", 1);
    r.options.speed = 0;
    assert_int_equal(load_run(r.loop, &r.options, NULL, NULL, NULL, &r.result, &error), FAULT_BAD_REQUEST);
    r.options.speed = 1;
    r.options.trace = SLICE("nonsense");
    assert_int_equal(load_run(r.loop, &r.options, NULL, NULL, NULL, &r.result, &error), FAULT_BAD_REQUEST);
    assert_true(slice_starts(slice_of(error.text), SLICE("test:1: expected")));
    close_run(&r);
}

/* ---- reports ---- */

static void report(void **state) {
    (void)state;
    struct run r;
    struct buffer json, table;
    struct arena arena;
    struct json_doc d;
    struct error error;
    arena_init(&arena, 4096, 1 << 20);
    buffer_init(&json, 1 << 20);
    buffer_init(&table, 1 << 20);
    open_run(&r, "rules:\n  - do: {headers: {x-quarterdeck-cost-usd: \"0.5\"}}\n", 30);
    execute(&r);
    load_write_json(&r.options, &r.result, &json);
    assert_int_equal(json_read(buffer_slice(&json), &arena, UINT16_MAX, &d, &error), FAULT_NONE);
    int64_t n;
    assert_true(json_get_i64(&d, json_get(&d, json_get(&d, 0, "all"), "input_tokens"), &n));
    assert_int_equal(n, r.result.all.input_tokens);
    assert_int_equal(json_size(&d, json_get(&d, 0, "by_context")), LOAD_CONTEXT_BUCKETS);
    assert_true(json_get_i64(&d, json_get(&d, json_get(&d, 0, "all"), "cost_usd"), &n));
    assert_int_equal(n, 15);
    assert_int_equal(load_write_table(&r.result, SLICE_NULL, &table, &error), FAULT_NONE);
    assert_true(slice_contains(buffer_slice(&table), SLICE("30 ok, 0 failed")));
    assert_false(slice_contains(buffer_slice(&table), SLICE("x1.00")));
    buffer_clear(&table);
    assert_int_equal(load_write_table(&r.result, buffer_slice(&json), &table, &error), FAULT_NONE);
    assert_true(slice_contains(buffer_slice(&table), SLICE("500.0000 x1.00")));
    assert_int_equal(load_write_table(&r.result, SLICE("{"), &table, &error), FAULT_BAD_JSON);
    close_run(&r);
    buffer_deinit(&json);
    buffer_deinit(&table);
    arena_deinit(&arena);
}

/* ---- by a prompt ---- */

static void prompts_and_their_variables(void **state) {
    (void)state;
    static const char file[] = "{\"question\": \"Where is \\u00fc?\"}\r\n\n{\"question\":\"Why?\",\"n\":2}";
    struct load_lines l;
    struct error error;
    struct buffer out;
    buffer_init(&out, 1000);
    assert_int_equal(load_lines_read(slice_of(file), "v.jsonl", &l, &error), FAULT_NONE);
    assert_int_equal(l.n, 2);
    load_prompt_body(&l, 3, false, true, &out);
    assert_string_equal(buffer_text(&out), "{\"prompt_variables\":{\"question\":\"Why?\",\"n\":2},\"messages\":[],\"stream\":true,"
                                           "\"stream_options\":{\"include_usage\":true}}");
    buffer_clear(&out);
    load_prompt_body(&l, 0, true, false, &out);
    assert_string_equal(buffer_text(&out), "{\"prompt_variables\":{\"question\": \"Where is \\u00fc?\"},\"messages\":[]}");
    buffer_deinit(&out);
    load_lines_deinit(&l);
    assert_int_equal(load_lines_read(SLICE("{}\n[1]\n"), "v.jsonl", &l, &error), FAULT_BAD_JSON);
    assert_string_equal(error.text, "v.jsonl:2: expected a JSON object of variables");
    assert_int_equal(load_lines_read(SLICE("\n \n"), "v.jsonl", &l, &error), FAULT_BAD_REQUEST);
}

static void users_are_drawn_alike(void **state) {
    (void)state;
    struct dice dice = dice_of(1, 1);
    unsigned of[3] = {0};
    char user[LOAD_USER];
    for (int i = 0; i < 3000; i++) {
        load_user(&dice, 3, user);
        assert_true(strncmp(user, "x-quarterdeck-user: user-", 25) == 0 && user[25] >= '1' && user[25] <= '3');
        of[user[25] - '1']++;
    }
    for (int i = 0; i < 3; i++) assert_true(of[i] > 850 && of[i] < 1150);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(openai_answers),
        cmocka_unit_test(prompts_and_their_variables),
        cmocka_unit_test(users_are_drawn_alike),
        cmocka_unit_test(anthropic_answers),
        cmocka_unit_test(totals_equal_the_traces),
        cmocka_unit_test(context_growth),
        cmocka_unit_test(failures_are_named),
        cmocka_unit_test(more_than_may_be_under_way),
        cmocka_unit_test(costs_come_from_the_head),
        cmocka_unit_test(options_are_checked),
        cmocka_unit_test(report),
    };
    return digest_start() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
