/* Streams written for clients of the other wire: from neutral events, and from real streams end to end. */
#include "test_dialect_support.h"

static void start(struct kit *k, bool include_usage) {
    kit_start(k);
    k->writer = (struct stream_writer){
        .id = SLICE("msg_1"), .model = SLICE("m"), .created = 7, .include_usage = include_usage};
    k->reader.endpoint = ENDPOINT_CHAT;
}

static void put(struct kit *k, enum dialect_id to, struct event e) {
    dialect_of(to)->write_event(&k->writer, &e, &k->out);
}

/* One data of the source, through both dialects. */
static void relay(struct kit *k, enum dialect_id from, const char *data) {
    struct event events[LIMIT_EVENTS_PER_CHUNK];
    unsigned n = 0;
    bool usage_only;
    enum dialect_id to = from == DIALECT_OPENAI ? DIALECT_ANTHROPIC : DIALECT_OPENAI;
    arena_reset(&k->scratch);
    k->reader.arena = &k->scratch;
    assert_int_equal(
        dialect_of(from)->read_event(&k->reader, SLICE(""), slice_of(data), events, &n, &usage_only),
        FAULT_NONE);
    for (unsigned i = 0; i < n; i++) put(k, to, events[i]);
}

/* The Anthropic frames in k->out as short lines: "start 0 text", "delta 0 {...}", "stop 0". Checks that the
 * event's name is its type. */
static void outline(struct kit *k, struct buffer *lines) {
    const char *at = buffer_text(&k->out);
    while (*at != 0) {
        const char *end = strstr(at, "\n\n");
        assert_non_null(end);
        assert_int_equal(strncmp(at, "event: ", 7), 0);
        const char *name = at + 7, *data = strstr(at, "\ndata: ") + 7;
        size_t name_len = strcspn(name, "\n");
        struct json_doc d;
        assert_int_equal(json_read(slice_make(data, (size_t)(end - data)), &k->arena, UINT16_MAX, &d, NULL),
                         FAULT_NONE);
        assert_true(
            slice_eq(json_string(&d, json_get(&d, 0, "type"), &k->arena), slice_make(name, name_len)));
        int64_t index = -1;
        json_get_i64(&d, json_get(&d, 0, "index"), &index);
        if (slice_starts(slice_of(name), SLICE("content_block_start"))) {
            struct slice type =
                json_string(&d, json_get(&d, json_get(&d, 0, "content_block"), "type"), &k->arena);
            buffer_printf(lines, "start %d " SLICE_FMT "\n", (int)index, SLICE_ARG(type));
        } else if (slice_starts(slice_of(name), SLICE("content_block_delta"))) {
            uint32_t delta = json_get(&d, 0, "delta"), cursor = JSON_NONE, key, value = JSON_NONE;
            while (json_each_member(&d, delta, &cursor, &key, &value)) continue;
            struct slice text = json_string(&d, value, &k->arena);
            buffer_printf(lines, "delta %d " SLICE_FMT "\n", (int)index, SLICE_ARG(text));
        } else if (slice_starts(slice_of(name), SLICE("content_block_stop"))) {
            buffer_printf(lines, "stop %d\n", (int)index);
        } else if (slice_starts(slice_of(name), SLICE("message_delta"))) {
            struct slice reason =
                json_string(&d, json_get(&d, json_get(&d, 0, "delta"), "stop_reason"), &k->arena);
            buffer_printf(lines, "finish " SLICE_FMT " " SLICE_FMT "\n", SLICE_ARG(reason),
                          SLICE_ARG(json_raw(&d, json_get(&d, 0, "usage"))));
        } else {
            buffer_printf(lines, "%.*s\n", (int)name_len, name);
        }
        at = end + 2;
    }
}

static void check_outline(struct kit *k, const char *want) {
    struct buffer lines;
    buffer_init(&lines, 1 << 20);
    outline(k, &lines);
    assert_string_equal(buffer_text(&lines), want);
    buffer_deinit(&lines);
}

#define CHUNK(choice) "{\"id\":\"chatcmpl-1\",\"model\":\"gpt\",\"choices\":[{\"index\":0," choice "}]}"
#define DELTA(delta) CHUNK("\"delta\":{" delta "},\"finish_reason\":null")
#define BEGIN(index, id, name)                                                                               \
    DELTA("\"tool_calls\":[{\"index\":" #index ",\"id\":\"" id                                               \
          "\",\"type\":\"function\",\"function\":{\"name\":\"" name "\",\"arguments\":\"\"}}]")
#define ARGS(index, text)                                                                                    \
    DELTA("\"tool_calls\":[{\"index\":" #index ",\"function\":{\"arguments\":\"" text "\"}}]")
#define FINISH(reason) CHUNK("\"delta\":{},\"finish_reason\":\"" reason "\"")
#define OPENAI_USAGE                                                                                         \
    "{\"choices\":[],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":4,\"total_tokens\":16,\"prompt_"  \
    "tokens_details\":{\"cached_tokens\":2}}}"
#define USAGE_LINE " {\"input_tokens\":10,\"cache_read_input_tokens\":2,\"output_tokens\":4}\n"

static void outlines(const char *const *data, const char *want) {
    struct kit k;
    start(&k, false);
    for (; *data != NULL; data++) relay(&k, DIALECT_OPENAI, *data);
    check_outline(&k, want);
    kit_end(&k);
}
#define OUTLINES(want, ...) outlines((const char *const[]){__VA_ARGS__, NULL}, want)

static void test_text_for_anthropic_in_full(void **state) {
    (void)state;
    struct kit k;
    start(&k, false);
    k.writer.id = SLICE("chatcmpl-1");
    relay(&k, DIALECT_OPENAI, DELTA("\"role\":\"assistant\",\"content\":\"\""));
    relay(&k, DIALECT_OPENAI, DELTA("\"content\":\"Hi \\\"you\\\"\""));
    relay(&k, DIALECT_OPENAI, FINISH("stop"));
    relay(&k, DIALECT_OPENAI, OPENAI_USAGE);
    relay(&k, DIALECT_OPENAI, "[DONE]");
    CHECK_OUT(&k,
              "event: message_start\ndata: "
              "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":"
              "\"assistant\",\"model\":\"m\","
              "\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":0,"
              "\"output_tokens\":1}}}\n\n"
              "event: content_block_start\ndata: "
              "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":"
              "\"\"}}\n\n"
              "event: content_block_delta\ndata: "
              "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":"
              "\"Hi \\\"you\\\"\"}}\n\n"
              "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
              "event: message_delta\ndata: "
              "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\",\"stop_sequence\":null},"
              "\"usage\":{\"input_tokens\":10,\"cache_read_input_tokens\":2,\"output_tokens\":4}}\n\n"
              "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    kit_end(&k);
}

static void test_thinking_text_and_tools_for_anthropic(void **state) {
    (void)state;
    OUTLINES("message_start\nstart 0 thinking\ndelta 0 hm\nstop 0\nstart 1 text\ndelta 1 Look\ndelta 1 "
             "ing\nstop 1\n"
             "start 2 tool_use\ndelta 2 {\"a\"\ndelta 2 :\"}\"}\nstop 2\nstart 3 tool_use\ndelta 3 {}\nstop "
             "3\nfinish tool_use" USAGE_LINE "message_stop\n",
             DELTA("\"reasoning_content\":\"hm\""), DELTA("\"content\":\"Look\""),
             DELTA("\"content\":\"ing\""), BEGIN(0, "call_a", "f"), ARGS(0, "{\\\"a\\\""),
             ARGS(0, ":\\\"}\\\"}"), BEGIN(1, "call_b", "g"), ARGS(1, "{}"), FINISH("tool_calls"),
             OPENAI_USAGE, "[DONE]");
}

static void test_interleaved_tools_for_anthropic(void **state) {
    (void)state;
    /* both begin before either has its arguments, and the fragments alternate */
    OUTLINES("message_start\nstart 0 tool_use\nstart 1 tool_use\ndelta 0 {\"a\"\ndelta 1 {\"b\"\ndelta 0 "
             ":1}\nstop 0\ndelta 1 :2}\nstop 1\n"
             "finish tool_use" USAGE_LINE "message_stop\n",
             BEGIN(0, "a", "f"), BEGIN(1, "b", "g"), ARGS(0, "{\\\"a\\\""), ARGS(1, "{\\\"b\\\""),
             ARGS(0, ":1}"), ARGS(1, ":2}"), FINISH("tool_calls"), OPENAI_USAGE, "[DONE]");
    /* three calls, the first whole only when the third is under way, and text between */
    OUTLINES("message_start\nstart 0 tool_use\ndelta 0 {\"s\":\"{\nstart 1 tool_use\ndelta 1 {}\nstop "
             "1\nstart 2 text\ndelta 2 also\ndelta 0 \\\"}\"\nstop 2\n"
             "start 3 tool_use\ndelta 3 {}\ndelta 0 }\nstop 0\nstop 3\nfinish tool_use" USAGE_LINE
             "message_stop\n",
             BEGIN(0, "a", "f"), ARGS(0, "{\\\"s\\\":\\\"{"), BEGIN(1, "b", "g"), ARGS(1, "{}"),
             DELTA("\"content\":\"also\""), ARGS(0, "\\\\\\\"}\\\""), BEGIN(2, "c", "h"), ARGS(2, "{}"),
             ARGS(0, "}"), FINISH("tool_calls"), OPENAI_USAGE, "[DONE]");
    /* blanks behind a call that is closed vanish; a call cut short is closed at the end */
    OUTLINES("message_start\nstart 0 tool_use\ndelta 0 {}\nstop 0\nstart 1 tool_use\ndelta 1 {\"b\nstop "
             "1\nfinish max_tokens" USAGE_LINE "message_stop\n",
             BEGIN(0, "a", "f"), ARGS(0, "{}"), BEGIN(1, "b", "g"), ARGS(0, " \\n"), ARGS(1, "{\\\"b"),
             FINISH("length"), OPENAI_USAGE, "[DONE]");
    /* no arguments at all */
    OUTLINES("message_start\nstart 0 tool_use\nstart 1 tool_use\ndelta 1 {}\nstop 1\nstop 0\nfinish "
             "tool_use" USAGE_LINE "message_stop\n",
             BEGIN(0, "a", "f"), BEGIN(1, "b", "g"), ARGS(1, "{}"), FINISH("stop"), OPENAI_USAGE, "[DONE]");
}

static void test_usage_at_odd_places_for_anthropic(void **state) {
    (void)state;
    const char *with_finish =
        "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":"
        "12,\"completion_tokens\":4,\"prompt_tokens_details\":{\"cached_tokens\":2}}}";
    OUTLINES("message_start\nstart 0 text\ndelta 0 a\nstop 0\nfinish end_turn" USAGE_LINE "message_stop\n",
             DELTA("\"content\":\"a\""), with_finish, "[DONE]");
    OUTLINES("message_start\nstart 0 text\ndelta 0 a\nstop 0\nfinish end_turn" USAGE_LINE "message_stop\n",
             OPENAI_USAGE, DELTA("\"content\":\"a\""), FINISH("stop"), "[DONE]");
    OUTLINES("message_start\nstart 0 text\ndelta 0 a\nstop 0\nfinish end_turn "
             "{\"input_tokens\":0,\"output_tokens\":0}\nmessage_stop\n",
             DELTA("\"content\":\"a\""), FINISH("stop"), "[DONE]");
    /* no finish reason: the end still closes what is open */
    OUTLINES("message_start\nstart 0 text\ndelta 0 a\nstop 0\nfinish end_turn" USAGE_LINE "message_stop\n",
             OPENAI_USAGE, DELTA("\"content\":\"a\""), "[DONE]");
}

static void test_refusals_for_anthropic(void **state) {
    (void)state;
    OUTLINES("message_start\nstart 0 text\ndelta 0 I can't\nstop 0\nfinish refusal" USAGE_LINE
             "message_stop\n",
             DELTA("\"refusal\":\"I can't\""), FINISH("stop"), OPENAI_USAGE, "[DONE]");
    OUTLINES("message_start\nfinish refusal" USAGE_LINE "message_stop\n", FINISH("content_filter"),
             OPENAI_USAGE, "[DONE]");
}

static void test_more_for_anthropic(void **state) {
    (void)state;
    struct kit k;
    start(&k, false);
    put(&k, DIALECT_ANTHROPIC, (struct event){.type = EVENT_PING});
    CHECK_OUT(&k, "event: ping\ndata: {\"type\":\"ping\"}\n\n");
    put(&k, DIALECT_ANTHROPIC,
        (struct event){.type = EVENT_THINKING, .signature = SLICE("alone")}); /* no thinking to sign */
    put(&k, DIALECT_ANTHROPIC, (struct event){.type = EVENT_THINKING, .text = SLICE("t")});
    put(&k, DIALECT_ANTHROPIC, (struct event){.type = EVENT_THINKING, .signature = SLICE("sig")});
    put(&k, DIALECT_ANTHROPIC,
        (struct event){.type = EVENT_TOOL_ARGS, .index = 3, .text = SLICE("{}")}); /* never begun */
    put(&k, DIALECT_ANTHROPIC,
        (struct event){.type = EVENT_FINISH, .finish = FINISH_STOP_SEQUENCE, .stop_sequence = SLICE("END")});
    put(&k, DIALECT_ANTHROPIC, (struct event){.type = EVENT_END});
    put(&k, DIALECT_ANTHROPIC, (struct event){.type = EVENT_END});
    put(&k, DIALECT_ANTHROPIC, (struct event){.type = EVENT_TEXT, .text = SLICE("late")});
    assert_non_null(
        strstr(buffer_text(&k.out), "\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"END\""));
    check_outline(&k, "ping\nmessage_start\nstart 0 thinking\ndelta 0 t\ndelta 0 sig\nstop 0\nfinish "
                      "stop_sequence {\"input_tokens\":0,\"output_tokens\":0}\nmessage_stop\n");
    kit_end(&k);
}

static void test_more_tools_than_are_told_apart(void **state) {
    (void)state;
    struct kit k;
    start(&k, false);
    for (unsigned i = 0; i < STREAM_TOOLS + 2; i++) {
        put(&k, DIALECT_ANTHROPIC,
            (struct event){.type = EVENT_TOOL_BEGIN, .index = i, .id = SLICE("t"), .name = SLICE("f")});
        put(&k, DIALECT_ANTHROPIC,
            (struct event){.type = EVENT_TOOL_ARGS, .index = i, .text = i % 2 ? SLICE("{}") : SLICE("{")});
    }
    put(&k, DIALECT_ANTHROPIC, (struct event){.type = EVENT_END});
    struct buffer lines;
    buffer_init(&lines, 1 << 20);
    outline(&k, &lines);
    unsigned starts = 0, stops = 0;
    for (const char *at = buffer_text(&lines); *at != 0; at = strchr(at, '\n') + 1) {
        starts += strncmp(at, "start ", 6) == 0;
        stops += strncmp(at, "stop ", 5) == 0;
    }
    assert_int_equal(starts, STREAM_TOOLS + 2);
    assert_int_equal(stops, STREAM_TOOLS + 2);
    buffer_deinit(&lines);
    kit_end(&k);
}

static void test_the_end_that_a_provider_forgot(void **state) {
    (void)state;
    struct kit k; /* same wire: everything but the terminal event has been passed on */
    start(&k, true);
    k.writer.started = k.writer.finished = true;
    put(&k, DIALECT_ANTHROPIC, (struct event){.type = EVENT_END});
    CHECK_OUT(&k, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
    buffer_clear(&k.out);
    k.writer.ended = false;
    put(&k, DIALECT_OPENAI, (struct event){.type = EVENT_END});
    CHECK_OUT(&k, "data: [DONE]\n\n");
    kit_end(&k);
}

#define HEAD                                                                                                 \
    "data: "                                                                                                 \
    "{\"id\":\"chatcmpl-1\",\"object\":\"chat.completion.chunk\",\"created\":7,\"model\":\"m\",\"choices\":" \
    "["
#define OPENAI_CHUNK(delta, finish, usage)                                                                   \
    HEAD "{\"index\":0,\"delta\":{" delta "},\"finish_reason\":" finish "}]" usage "}\n\n"

static void anthropic_to_openai(bool include_usage, const char *want) {
    static const char *const source[] = {
        "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"model\":\"claude\",\"usage\":{\"input_"
        "tokens\":10,\"cache_read_input_tokens\":2,\"output_tokens\":1}}}",
        "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}",
        "{\"type\":\"ping\"}",
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}",
        "{\"type\":\"content_block_stop\",\"index\":0}",
        "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"id\":"
        "\"toolu_1\",\"name\":\"f\",\"input\":{}}}",
        "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_"
        "json\":\"{\\\"a\\\":\"}}",
        "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"input_json_delta\",\"partial_"
        "json\":\"1}\"}}",
        "{\"type\":\"content_block_stop\",\"index\":1}",
        "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},"
        "\"usage\":{\"output_tokens\":4}}",
        "{\"type\":\"message_stop\"}",
    };
    struct kit k;
    start(&k, include_usage);
    for (size_t i = 0; i < sizeof source / sizeof source[0]; i++) relay(&k, DIALECT_ANTHROPIC, source[i]);
    CHECK_OUT(&k, want);
    kit_end(&k);
}

#define ANTHROPIC_AS_OPENAI(usage)                                                                           \
    OPENAI_CHUNK("\"role\":\"assistant\",\"content\":\"\"", "null", usage)                                   \
    OPENAI_CHUNK("\"content\":\"Hi\"", "null", usage)                                                        \
    OPENAI_CHUNK("\"tool_calls\":[{\"index\":0,\"id\":\"toolu_1\",\"type\":\"function\",\"function\":{"      \
                 "\"name\":\"f\",\"arguments\":\"\"}}]",                                                     \
                 "null", usage)                                                                              \
    OPENAI_CHUNK("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"a\\\":\"}}]", "null",      \
                 usage)                                                                                      \
    OPENAI_CHUNK("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"1}\"}}]", "null", usage)        \
    OPENAI_CHUNK("", "\"tool_calls\"", usage)

static void test_anthropic_for_openai(void **state) {
    (void)state;
    anthropic_to_openai(false, ANTHROPIC_AS_OPENAI("") "data: [DONE]\n\n");
    anthropic_to_openai(true, ANTHROPIC_AS_OPENAI(",\"usage\":null") HEAD
                        "],\"usage\":{\"prompt_tokens\":12,\"completion_tokens\":4,\"total_tokens\":16,"
                        "\"prompt_tokens_details\":{\"cached_tokens\":2}}}\n\ndata: [DONE]\n\n");
}

static void test_more_for_openai(void **state) {
    (void)state;
    struct kit k;
    start(&k, false);
    put(&k, DIALECT_OPENAI, (struct event){.type = EVENT_PING});
    put(&k, DIALECT_OPENAI, (struct event){.type = EVENT_ERROR, .fault = FAULT_UP_SERVER});
    CHECK_OUT(&k, "");
    put(&k, DIALECT_OPENAI, (struct event){.type = EVENT_THINKING, .text = SLICE("hm")});
    put(&k, DIALECT_OPENAI, (struct event){.type = EVENT_THINKING, .signature = SLICE("sig")});
    put(&k, DIALECT_OPENAI, (struct event){.type = EVENT_REFUSAL, .text = SLICE("no")});
    put(&k, DIALECT_OPENAI, (struct event){.type = EVENT_FINISH, .finish = FINISH_REFUSAL});
    put(&k, DIALECT_OPENAI, (struct event){.type = EVENT_FINISH, .finish = FINISH_STOP});
    put(&k, DIALECT_OPENAI, (struct event){.type = EVENT_END});
    put(&k, DIALECT_OPENAI, (struct event){.type = EVENT_END});
    CHECK_OUT(&k, OPENAI_CHUNK("\"role\":\"assistant\",\"content\":\"\"", "null", "")
                      OPENAI_CHUNK("\"reasoning_content\":\"hm\"", "null", "")
                          OPENAI_CHUNK("\"refusal\":\"no\"", "null", "")
                              OPENAI_CHUNK("", "\"content_filter\"", "") "data: [DONE]\n\n");
    kit_end(&k);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_for_anthropic_in_full),
        cmocka_unit_test(test_thinking_text_and_tools_for_anthropic),
        cmocka_unit_test(test_interleaved_tools_for_anthropic),
        cmocka_unit_test(test_usage_at_odd_places_for_anthropic),
        cmocka_unit_test(test_refusals_for_anthropic),
        cmocka_unit_test(test_more_for_anthropic),
        cmocka_unit_test(test_more_tools_than_are_told_apart),
        cmocka_unit_test(test_the_end_that_a_provider_forgot),
        cmocka_unit_test(test_anthropic_for_openai),
        cmocka_unit_test(test_more_for_openai),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
