/* Reading stream events, told as one line of text each. */
#include "test_dialect_support.h"

static void tell_usage(struct buffer *out, const struct usage *u) {
#define USAGE(field)                                                                                         \
    if (u->field >= 0) buffer_printf(out, " " #field "=%lld", (long long)u->field);
    USAGE_TABLE(USAGE)
#undef USAGE
}

static void tell(struct buffer *out, const struct event *e) {
    static const char *const names[] = {"start",  "text",  "thinking", "refusal", "tool", "args",
                                        "finish", "usage", "ping",     "error",   "end"};
    buffer_printf(out, "%s", names[e->type]);
    if (e->type == EVENT_START)
        buffer_printf(out, " " SLICE_FMT " " SLICE_FMT " " SLICE_FMT " " SLICE_FMT " %lld", SLICE_ARG(e->id),
                      SLICE_ARG(e->model), SLICE_ARG(e->fingerprint), SLICE_ARG(e->service_tier),
                      (long long)e->created);
    if (event_is_output(e->type)) buffer_printf(out, " %u", e->index);
    if (e->id.len > 0 && e->type == EVENT_TOOL_BEGIN) buffer_printf(out, " " SLICE_FMT, SLICE_ARG(e->id));
    if (e->name.len > 0) buffer_printf(out, " " SLICE_FMT, SLICE_ARG(e->name));
    if (e->type == EVENT_FINISH)
        buffer_printf(out, " %s " SLICE_FMT, finish_name(e->finish), SLICE_ARG(e->finish_raw));
    if (e->type == EVENT_ERROR) buffer_printf(out, " %s:", fault_name(e->fault));
    if (e->text.len > 0) buffer_printf(out, " " SLICE_FMT, SLICE_ARG(e->text));
    if (e->signature.len > 0) buffer_printf(out, " signed " SLICE_FMT, SLICE_ARG(e->signature));
    if (e->type == EVENT_USAGE) tell_usage(out, &e->usage);
    buffer_printf(out, "\n");
}

/* One event into k->out; "malformed" and "(usage only)" are told too. */
static void feed(struct kit *k, enum dialect_id id, const char *name, const char *data) {
    struct event events[LIMIT_EVENTS_PER_CHUNK];
    unsigned n = 99;
    bool usage_only = false;
    arena_reset(&k->scratch);
    k->reader.arena = &k->scratch;
    enum fault f =
        dialect_of(id)->read_event(&k->reader, slice_of(name), slice_of(data), events, &n, &usage_only);
    if (f != FAULT_NONE) {
        assert_int_equal(f, FAULT_UP_MALFORMED);
        buffer_printf(&k->out, "malformed\n");
        return;
    }
    for (unsigned i = 0; i < n; i++) tell(&k->out, &events[i]);
    if (usage_only) buffer_printf(&k->out, "(usage only)\n");
}

static void reads(enum dialect_id id, enum endpoint e, const char *const *events, const char *want) {
    struct kit k;
    kit_start(&k);
    k.reader.endpoint = e;
    for (; *events != NULL; events++) feed(&k, id, "", *events);
    CHECK_OUT(&k, want);
    kit_end(&k);
}

#define CHAT(...) reads(DIALECT_OPENAI, ENDPOINT_CHAT, (const char *const[]){__VA_ARGS__, NULL}, WANT)
#define CHUNK(choices) "{\"id\":\"c1\",\"choices\":[" choices "]}"
#define DELTA(delta) CHUNK("{\"index\":0,\"delta\":{" delta "},\"finish_reason\":null}")
#define TOOLS(pieces) DELTA("\"tool_calls\":[" pieces "]")

static void test_openai_text(void **state) {
    (void)state;
#define WANT                                                                                                 \
    "start c1 gpt-4o-mini-2024-07-18 fp_1 default 1700000000\n"                                              \
    "text 0 Hi\n"                                                                                            \
    "text 0 \"q\"\n\n"                                                                                       \
    "finish stop stop\n"                                                                                     \
    "usage input=10 cache_read=4 input_audio=0 output=7 reasoning=2\n(usage only)\n"                         \
    "end\n"
    CHAT("{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"gpt-4o-mini-"
         "2024-07-18\","
         "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_1\",\"choices\":[{\"index\":0,\"delta\":{"
         "\"role\":\"assistant\","
         "\"content\":\"\",\"refusal\":null},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null,"
         "\"obfuscation\":\"x\"}",
         "{\"id\":\"c1\",\"created\":1700000000,\"model\":\"gpt-4o-mini-2024-07-18\",\"system_fingerprint\":"
         "\"fp_1\","
         "\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hi\"},\"finish_reason\":null}],\"usage\":null}",
         DELTA("\"content\":\"\\u0022q\\u0022\\n\""),
         CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}"),
         "{\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":7,\"total_"
         "tokens\":17,"
         "\"prompt_tokens_details\":{\"cached_tokens\":4,\"audio_tokens\":0},\"completion_tokens_details\":{"
         "\"reasoning_tokens\":2}}}",
         "[DONE]", "[DONE]");
#undef WANT
}

static void test_azure_first_chunk_and_bare_choices(void **state) {
    (void)state;
#define WANT "start az gpt-4o   0\ntext 0 A\nfinish refusal content_filter\n"
    CHAT("{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"prompt_filter_results\":[{\"prompt_"
         "index\":0}]}",
         "{\"id\":\"az\",\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"finish_reason\":null,\"content_"
         "filter_results\":{}}]}",
         "{\"id\":\"az\",\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"A\"}}]}",
         "{\"id\":\"az\",\"model\":\"gpt-4o\",\"choices\":[{\"index\":0,\"finish_reason\":\"content_filter\","
         "\"delta\":{}}]}");
#undef WANT
}

static void test_start_fills_gaps(void **state) {
    (void)state;
#define WANT "start c1    0\nstart c1 m   0\nstart c1 m  flex 5\n"
    CHAT("{\"id\":\"c1\",\"choices\":[]}", "{\"id\":\"c1\",\"model\":\"m\",\"choices\":[]}",
         "{\"id\":\"c1\",\"model\":\"m\",\"choices\":[]}",
         "{\"id\":\"c1\",\"model\":\"m\",\"created\":5,\"service_tier\":\"flex\",\"choices\":[]}");
#undef WANT
}

static void test_openai_tools(void **state) {
    (void)state;
#define WANT                                                                                                 \
    "start c1    0\n"                                                                                        \
    "tool 0 call_a weather\nargs 0 {\"city\n"                                                                \
    "args 0 \":1}\n"                                                                                         \
    "tool 1 call_b time\nargs 0  \n"                                                                         \
    "args 1 {}\n"                                                                                            \
    "finish tool_calls tool_calls\n"
    CHAT(TOOLS("{\"index\":0,\"id\":\"call_a\",\"type\":\"function\",\"function\":{\"name\":\"weather\","
               "\"arguments\":\"\"}}"),
         TOOLS("{\"index\":0,\"function\":{\"arguments\":\"{\\\"city\"}}"),
         TOOLS("{\"index\":0,\"function\":{\"arguments\":\"\\\":1}\"}}"),
         TOOLS("{\"index\":1,\"id\":\"call_b\",\"function\":{\"name\":\"time\",\"arguments\":\"\"}},{"
               "\"index\":0,\"function\":{\"arguments\":\" \"}}"),
         TOOLS("{\"index\":1,\"function\":{\"arguments\":\"{}\"}}"),
         CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}"));
#undef WANT
}

static void test_openai_tools_of_loose_servers(void **state) {
    (void)state;
    /* every call has index 0, or none, and another id; one repeats id and name in every piece */
#define WANT                                                                                                 \
    "start c1    0\n"                                                                                        \
    "tool 0 a f\nargs 0 {}\ntool 1 b g\nargs 1 {}\n"                                                         \
    "tool 2 c h\nargs 2 {\nargs 2 }\n"                                                                       \
    "finish tool_calls stop\n"
    CHAT(TOOLS("{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}},"
               "{\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}"),
         TOOLS("{\"id\":\"c\",\"function\":{\"name\":\"h\",\"arguments\":\"{\"}}"),
         TOOLS("{\"id\":\"c\",\"function\":{\"name\":\"h\",\"arguments\":\"}\"}}"),
         CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}"));
#undef WANT
}

static void test_openai_tool_index_out_of_range(void **state) {
    (void)state;
#define WANT "start c1    0\ntool 0 a f\nargs 0 {\nargs 0 }\ntool 1 b g\n"
    CHAT(TOOLS("{\"index\":4000000000,\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"{\"}}"),
         TOOLS("{\"index\":-5,\"function\":{\"arguments\":\"}\"}}"),
         TOOLS("{\"index\":128,\"id\":\"b\",\"function\":{\"name\":\"g\"}}"));
#undef WANT
}

static void test_openai_function_call(void **state) {
    (void)state;
#define WANT "start c1    0\ntool 0 f\nargs 0 {\"a\nargs 0 \":1}\nfinish tool_calls function_call\n"
    CHAT(DELTA("\"function_call\":{\"name\":\"f\",\"arguments\":\"{\\\"a\"}"),
         DELTA("\"function_call\":{\"arguments\":\"\\\":1}\"}"),
         CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"function_call\"}"));
#undef WANT
}

static void test_openai_reasoning_and_refusal(void **state) {
    (void)state;
#define WANT "start c1    0\nthinking 0 hm\nthinking 0 also\nrefusal 0 I can't.\nfinish refusal stop\n"
    CHAT(DELTA("\"content\":null,\"reasoning_content\":\"hm\""),
         DELTA("\"reasoning\":\"also\",\"reasoning_content\":null"), DELTA("\"refusal\":\"I can't.\""),
         CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}"));
#undef WANT
}

static void test_openai_other_content(void **state) {
    (void)state;
#define WANT "start c1    0\ntext 0 one\ntext 0\ntext 0 word\n"
    CHAT(DELTA("\"content\":[{\"type\":\"text\",\"text\":\"one\"},{\"type\":\"thinking\"}]"),
         DELTA("\"audio\":{\"data\":\"AAAA\"}"), DELTA("\"audio\":{\"transcript\":\"word\"}"),
         DELTA("\"role\":\"assistant\""), CHUNK("{\"index\":0,\"delta\":null}"),
         CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"\"}"));
#undef WANT
}

static void test_openai_usage_with_the_finish(void **state) {
    (void)state;
#define WANT                                                                                                 \
    "text 0 a\nusage input=3 output=1\n"                                                                     \
    "finish length length\nusage input=3 output=0\n"
    CHAT("{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}],\"usage\":{\"prompt_tokens\":3,"
         "\"completion_tokens\":1}}",
         "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"length\"}],\"usage\":{\"prompt_"
         "tokens\":3,\"completion_tokens\":0}}");
#undef WANT
}

static void test_openai_several_choices(void **state) {
    (void)state;
    struct kit k;
    kit_start(&k);
    feed(&k, DIALECT_OPENAI, "", "{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}");
    feed(&k, DIALECT_OPENAI, "",
         "{\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\",\"tool_calls\":[{\"index\":0,\"id\":\"x\","
         "\"function\":{\"name\":\"f\"}}]}}]}");
    feed(&k, DIALECT_OPENAI, "", "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}");
    assert_false(k.reader.finished); /* the other one is under way */
    feed(&k, DIALECT_OPENAI, "", "{\"choices\":[{\"index\":1,\"delta\":{},\"finish_reason\":\"length\"}]}");
    assert_true(k.reader.finished);
    CHECK_OUT(&k, "text 0 a\ntext 1 b\ntool 0 x f\nfinish tool_calls stop\n");
    kit_end(&k);
}

static void test_openai_end_without_done(void **state) {
    (void)state;
    struct kit k;
    kit_start(&k);
    feed(&k, DIALECT_OPENAI, "", DELTA("\"content\":\"a\""));
    assert_false(k.reader.finished);
    feed(&k, DIALECT_OPENAI, "", CHUNK("{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}"));
    assert_true(k.reader.finished);
    kit_end(&k);
}

static void test_openai_errors_inside_a_stream(void **state) {
    (void)state;
    static const struct {
        const char *name, *data, *want;
    } rows[] = {
        {"",
         "{\"error\":{\"message\":\"too "
         "long\",\"type\":\"invalid_request_error\",\"code\":\"context_length_exceeded\"}}",
         "error context_length_exceeded: too long\n"},
        {"", "{\"error\":{\"message\":\"busy\",\"code\":429}}", "error provider_rate_limited: busy\n"},
        {"", "{\"error\":{\"message\":\"This model's maximum context length is 8192 tokens.\",\"code\":400}}",
         "error context_length_exceeded: This model's maximum context length is 8192 tokens.\n"},
        {"", "{\"error\":{\"message\":\"maximum context length is 1\",\"code\":500}}",
         "error provider_error: maximum context length is 1\n"},
        {"", "{\"error\":{\"message\":\"got 429 somewhere\",\"code\":null}}",
         "error provider_error: got 429 somewhere\n"},
        {"", "{\"error\":\"it broke\"}", "error provider_error: it broke\n"},
        {"", "{\"object\":\"error\",\"message\":\"bad\",\"type\":\"BadRequestError\",\"code\":400}",
         "error provider_invalid_request: bad\n"},
        {"error", "{\"message\":\"lost\"}", "error provider_error: lost\n"},
        {"", "{\"error\":null,\"choices\":[]}", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kit k;
        kit_start(&k);
        feed(&k, DIALECT_OPENAI, rows[i].name, rows[i].data);
        CHECK_OUT(&k, rows[i].want);
        assert_int_equal(k.reader.failed, rows[i].want[0] != 0);
        kit_end(&k);
    }
}

static void test_malformed_and_empty_events(void **state) {
    (void)state;
    static const enum dialect_id ids[] = {DIALECT_OPENAI, DIALECT_ANTHROPIC};
    for (size_t i = 0; i < 2; i++) {
        struct kit k;
        kit_start(&k);
        feed(&k, ids[i], "", "{\"choices\":[{\"delta\":{\"content\":\"unfinis");
        feed(&k, ids[i], "", "[1]");
        feed(&k, ids[i], "", "");
        feed(&k, ids[i], "", "{}");
        feed(&k, ids[i], "", "{\"type\":\"new_kind\",\"x\":1}");
        CHECK_OUT(&k, "malformed\nmalformed\n");
        kit_end(&k);
    }
}

static void test_too_many_events_in_one(void **state) {
    (void)state;
    struct kit k;
    struct buffer data;
    kit_start(&k);
    buffer_init(&data, 1 << 20);
    buffer_printf(&data, "{\"choices\":[{\"delta\":{\"tool_calls\":[{}");
    for (int i = 0; i < 100; i++)
        buffer_printf(&data, ",{\"index\":%d,\"id\":\"%d\",\"function\":{\"name\":\"f\"}}", i, i);
    buffer_printf(&data, "]}}]}");
    feed(&k, DIALECT_OPENAI, "", buffer_text(&data));
    CHECK_OUT(&k, "malformed\n");
    buffer_deinit(&data);
    kit_end(&k);
}

#define RESPONSES(...)                                                                                       \
    reads(DIALECT_OPENAI, ENDPOINT_RESPONSES, (const char *const[]){__VA_ARGS__, NULL}, WANT)

static void test_responses(void **state) {
    (void)state;
#define WANT                                                                                                 \
    "start resp_1 gpt-5   9\n"                                                                               \
    "thinking 0 hm\ntext 0 Hel\ntext 0 lo\n"                                                                 \
    "tool 0 call_1 f\nargs 0 {}\n"                                                                           \
    "start resp_1 gpt-5  default 0\nusage input=10 cache_read=3 output=5 reasoning=1\nfinish tool_calls "    \
    "completed\nend\n"
    RESPONSES(
        "{\"type\":\"response.created\",\"sequence_number\":0,\"response\":{\"id\":\"resp_1\",\"model\":"
        "\"gpt-5\",\"created_at\":9,\"status\":\"in_progress\",\"error\":null,\"usage\":null}}",
        "{\"type\":\"response.in_progress\",\"response\":{\"id\":\"resp_1\",\"model\":\"gpt-5\",\"error\":"
        "null}}",
        "{\"type\":\"response.reasoning_summary_text.delta\",\"delta\":\"hm\"}",
        "{\"type\":\"response.output_item.added\",\"output_index\":1,\"item\":{\"type\":\"message\"}}",
        "{\"type\":\"response.output_text.delta\",\"output_index\":1,\"delta\":\"Hel\"}",
        "{\"type\":\"response.output_text.delta\",\"delta\":\"lo\"}",
        "{\"type\":\"response.output_item.added\",\"output_index\":2,\"item\":{\"type\":\"function_call\","
        "\"call_id\":\"call_1\",\"name\":\"f\",\"arguments\":\"\"}}",
        "{\"type\":\"response.function_call_arguments.delta\",\"output_index\":2,\"delta\":\"{}\"}",
        "{\"type\":\"response.function_call_arguments.done\",\"output_index\":2,\"arguments\":\"{}\"}",
        "{\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"model\":\"gpt-5\",\"service_"
        "tier\":\"default\",\"status\":\"completed\",\"error\":null,\"usage\":{\"input_tokens\":10,"
        "\"input_tokens_details\":{\"cached_tokens\":3},\"output_tokens\":5,\"output_tokens_details\":{"
        "\"reasoning_tokens\":1},\"total_tokens\":15}}}",
        "[DONE]");
#undef WANT
}

static void test_responses_ends(void **state) {
    (void)state;
#define WANT "refusal 0 no\nfinish refusal completed\nend\n"
    RESPONSES("{\"type\":\"response.refusal.delta\",\"delta\":\"no\"}",
              "{\"type\":\"response.completed\",\"response\":{\"status\":\"completed\"}}");
#undef WANT
#define WANT "finish length max_output_tokens\nend\n"
    RESPONSES("{\"type\":\"response.incomplete\",\"response\":{\"status\":\"incomplete\",\"incomplete_"
              "details\":{\"reason\":\"max_output_tokens\"}}}");
#undef WANT
#define WANT "finish refusal content_filter\nend\n"
    RESPONSES("{\"type\":\"response.incomplete\",\"response\":{\"status\":\"incomplete\",\"incomplete_"
              "details\":{\"reason\":\"content_filter\"}}}");
#undef WANT
#define WANT "error provider_rate_limited: slow\n"
    RESPONSES("{\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":\"rate_"
              "limit_exceeded\",\"message\":\"slow\"}}}");
#undef WANT
#define WANT "error content_policy_violation: flagged\n"
    RESPONSES("{\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":"
              "\"invalid_prompt\",\"message\":\"flagged\"}}}");
#undef WANT
#define WANT "error provider_error: oops\n"
    RESPONSES("{\"type\":\"error\",\"code\":\"server_error\",\"message\":\"oops\",\"param\":null,\"sequence_"
              "number\":3}");
#undef WANT
    struct kit k; /* the event's name will do */
    kit_start(&k);
    k.reader.endpoint = ENDPOINT_RESPONSES;
    feed(&k, DIALECT_OPENAI, "response.output_text.delta", "{\"delta\":\"x\"}");
    feed(&k, DIALECT_OPENAI, "error", "{\"message\":\"y\"}");
    CHECK_OUT(&k, "text 0 x\nerror provider_error: y\n");
    kit_end(&k);
}

#define MESSAGES(...) reads(DIALECT_ANTHROPIC, ENDPOINT_CHAT, (const char *const[]){__VA_ARGS__, NULL}, WANT)

static void test_anthropic_stream(void **state) {
    (void)state;
#define WANT                                                                                                 \
    "start msg_1 claude-sonnet-4-5-20250929  standard 0\n"                                                   \
    "usage input=2125 cache_read=100 cache_write=2000 cache_write_1h=500\n"                                  \
    "ping\nthinking 0 hm\nthinking 0 signed abc\ntext 0 Hi\n"                                                \
    "tool 0 toolu_1 weather\nargs 0 {\"a\":\nargs 0 1}\n"                                                    \
    "finish tool_calls tool_use\n"                                                                           \
    "usage input=2125 cache_read=100 cache_write=2000 cache_write_1h=500 output=15\n"                        \
    "end\n"
    MESSAGES(
        "{\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"type\":\"message\",\"role\":"
        "\"assistant\",\"model\":\"claude-sonnet-4-5-20250929\",\"content\":[],"
        "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":25,\"cache_creation_input_"
        "tokens\":2000,\"cache_read_input_tokens\":100,"
        "\"cache_creation\":{\"ephemeral_5m_input_tokens\":1500,\"ephemeral_1h_input_tokens\":500},\"output_"
        "tokens\":1,\"service_tier\":\"standard\"}}}",
        "{\"type\":\"ping\"}",
        "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\",\"thinking\":"
        "\"\",\"signature\":\"\"}}",
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\",\"thinking\":"
        "\"hm\"}}",
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\",\"signature\":"
        "\"abc\"}}",
        "{\"type\":\"content_block_stop\",\"index\":0}",
        "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}",
        "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}",
        "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":\"citations_delta\",\"citation\":{"
        "}}}",
        "{\"type\":\"content_block_stop\",\"index\":1}",
        "{\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"server_tool_use\","
        "\"id\":\"s\",\"name\":\"web_search\",\"input\":{}}}",
        "{\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"input_json_delta\",\"partial_"
        "json\":\"{\\\"query\\\"\"}}",
        "{\"type\":\"content_block_start\",\"index\":3,\"content_block\":{\"type\":\"tool_use\",\"id\":"
        "\"toolu_1\",\"name\":\"weather\",\"input\":{}}}",
        "{\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":\"input_json_delta\",\"partial_"
        "json\":\"\"}}",
        "{\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":\"input_json_delta\",\"partial_"
        "json\":\"{\\\"a\\\":\"}}",
        "{\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":\"input_json_delta\",\"partial_"
        "json\":\"1}\"}}",
        "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\",\"stop_sequence\":null},"
        "\"usage\":{\"input_tokens\":null,\"cache_read_input_tokens\":null,\"output_tokens\":15}}",
        "{\"type\":\"message_stop\"}");
#undef WANT
}

static void test_anthropic_cache_counted_at_the_end(void **state) {
    (void)state;
#define WANT "start m c   0\nusage input=10\nusage input=40 cache_read=30 output=5\n"
    MESSAGES("{\"type\":\"message_start\",\"message\":{\"id\":\"m\",\"model\":\"c\",\"usage\":{\"input_"
             "tokens\":10,\"output_tokens\":1}}}",
             "{\"type\":\"message_delta\",\"delta\":{},\"usage\":{\"cache_read_input_tokens\":30,\"output_"
             "tokens\":5}}");
#undef WANT
#define WANT                                                                                                 \
    "usage cache_write=7 cache_write_1h=3 output=5\nusage input=8 cache_write=7 cache_write_1h=3 output=5\n"
    MESSAGES("{\"type\":\"message_delta\",\"usage\":{\"cache_creation\":{\"ephemeral_5m_input_tokens\":4,"
             "\"ephemeral_1h_input_tokens\":3},\"output_tokens\":5}}",
             "{\"type\":\"message_delta\",\"usage\":{\"input_tokens\":1}}");
#undef WANT
}

static void test_anthropic_finishes(void **state) {
    (void)state;
    static const struct {
        const char *word;
        enum finish finish;
    } rows[] = {{"end_turn", FINISH_STOP},
                {"max_tokens", FINISH_LENGTH},
                {"stop_sequence", FINISH_STOP_SEQUENCE},
                {"tool_use", FINISH_TOOL_CALLS},
                {"pause_turn", FINISH_PAUSE},
                {"refusal", FINISH_REFUSAL},
                {"model_context_window_exceeded", FINISH_LENGTH},
                {"new_one", FINISH_OTHER}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kit k;
        char data[256], want[256];
        kit_start(&k);
        snprintf(data, sizeof data,
                 "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"%s\",\"stop_details\":null}}",
                 rows[i].word);
        snprintf(want, sizeof want, "finish %s %s\n", finish_name(rows[i].finish), rows[i].word);
        feed(&k, DIALECT_ANTHROPIC, "", data);
        CHECK_OUT(&k, want);
        assert_true(k.reader.finished);
        kit_end(&k);
    }
}

static void test_anthropic_errors_and_names(void **state) {
    (void)state;
    struct kit k;
    kit_start(&k);
    feed(&k, DIALECT_ANTHROPIC, "error",
         "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}");
    feed(&k, DIALECT_ANTHROPIC, "",
         "{\"type\":\"error\",\"error\":{\"type\":\"api_error\",\"message\":\"Internal\"}}");
    feed(&k, DIALECT_ANTHROPIC, "",
         "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow\"}}");
    feed(&k, DIALECT_ANTHROPIC, "", "{\"error\":{\"type\":\"timeout_error\",\"message\":\"late\"}}");
    feed(&k, DIALECT_ANTHROPIC, "",
         "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":\"prompt is too "
         "long: 3 > 2\"}}");
    feed(&k, DIALECT_ANTHROPIC, "message_stop", "{}");
    CHECK_OUT(
        &k, "error provider_overloaded: Overloaded\nerror provider_error: Internal\nerror "
            "provider_rate_limited: slow\n"
            "error provider_timeout: late\nerror context_length_exceeded: prompt is too long: 3 > 2\nend\n");
    kit_end(&k);
}

static void test_anthropic_whole_input_at_once(void **state) {
    (void)state;
#define WANT "tool 0 t f\nargs 0 {\"a\": [1]}\ntool 1 u g\nargs 1 {}\n"
    MESSAGES("{\"type\":\"content_block_start\",\"index\":500,\"content_block\":{\"type\":\"tool_use\","
             "\"id\":\"t\",\"name\":\"f\",\"input\":{\"a\": [1]}}}",
             "{\"type\":\"content_block_start\",\"index\":501,\"content_block\":{\"type\":\"tool_use\","
             "\"id\":\"u\",\"name\":\"g\",\"input\":{}}}",
             "{\"type\":\"content_block_delta\",\"index\":501,\"delta\":{\"type\":\"input_json_delta\","
             "\"partial_json\":\"{}\"}}");
#undef WANT
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openai_text),
        cmocka_unit_test(test_azure_first_chunk_and_bare_choices),
        cmocka_unit_test(test_start_fills_gaps),
        cmocka_unit_test(test_openai_tools),
        cmocka_unit_test(test_openai_tools_of_loose_servers),
        cmocka_unit_test(test_openai_tool_index_out_of_range),
        cmocka_unit_test(test_openai_function_call),
        cmocka_unit_test(test_openai_reasoning_and_refusal),
        cmocka_unit_test(test_openai_other_content),
        cmocka_unit_test(test_openai_usage_with_the_finish),
        cmocka_unit_test(test_openai_several_choices),
        cmocka_unit_test(test_openai_end_without_done),
        cmocka_unit_test(test_openai_errors_inside_a_stream),
        cmocka_unit_test(test_malformed_and_empty_events),
        cmocka_unit_test(test_too_many_events_in_one),
        cmocka_unit_test(test_responses),
        cmocka_unit_test(test_responses_ends),
        cmocka_unit_test(test_anthropic_stream),
        cmocka_unit_test(test_anthropic_cache_counted_at_the_end),
        cmocka_unit_test(test_anthropic_finishes),
        cmocka_unit_test(test_anthropic_errors_and_names),
        cmocka_unit_test(test_anthropic_whole_input_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
