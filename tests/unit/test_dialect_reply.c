/* Whole replies: reading both wires, and writing what one said on the other. */
#include "test_dialect_support.h"

static const char openai_chat[] =
    "{\"id\":\"chatcmpl-9\",\"object\":\"chat.completion\",\"created\":1700000000,\"model\":\"gpt-4o-2024-08-"
    "06\",\"choices\":[{\"index\":0,"
    "\"message\":{\"role\":\"assistant\",\"content\":\"It is "
    "\\\"sunny\\\".\",\"refusal\":null,\"reasoning_content\":\"hm\",\"tool_calls\":["
    "{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"weather\",\"arguments\":\"{"
    "\\\"city\\\": \\\"Ulm\\\"}\"}}]},"
    "\"logprobs\":null,\"finish_reason\":\"tool_calls\"}],\"usage\":{\"prompt_tokens\":100,\"completion_"
    "tokens\":20,\"total_tokens\":120,"
    "\"prompt_tokens_details\":{\"cached_tokens\":60,\"cache_write_tokens\":30,\"audio_tokens\":0},"
    "\"completion_tokens_details\":{\"reasoning_tokens\":8,\"audio_tokens\":0}},\"service_tier\":\"default\","
    "\"system_fingerprint\":\"fp_9\"}";

static const char anthropic_message[] =
    "{\"id\":\"msg_9\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"claude-sonnet-4-5\","
    "\"content\":["
    "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"sig\"},{\"type\":\"redacted_thinking\","
    "\"data\":\"x\"},"
    "{\"type\":\"text\",\"text\":\"It is \"},{\"type\":\"text\",\"text\":\"sunny.\"},"
    "{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web_search\",\"input\":{}},"
    "{\"type\":\"tool_use\",\"id\":\"toolu_1\",\"name\":\"weather\",\"input\":{\"city\": \"Ulm\", \"n\": "
    "1.50}}],"
    "\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":10,\"cache_creation_"
    "input_tokens\":30,"
    "\"cache_read_input_tokens\":60,\"cache_creation\":{\"ephemeral_5m_input_tokens\":20,\"ephemeral_1h_"
    "input_tokens\":10},"
    "\"output_tokens\":20,\"service_tier\":\"standard\"}}";

static enum fault reads(struct kit *k, enum dialect_id id, enum endpoint e, bool with_parts,
                        const char *body) {
    return dialect_of(id)->read_reply(slice_of(body), e, with_parts, &k->arena, &k->reply, &k->failure);
}

static void translates(enum dialect_id from, const char *body, enum dialect_id to, const char *want) {
    struct kit k;
    kit_start(&k);
    assert_int_equal(reads(&k, from, ENDPOINT_CHAT, true, body), FAULT_NONE);
    dialect_of(to)->write_reply(&k.reply, &k.out);
    CHECK_OUT(&k, want);
    kit_end(&k);
}

static void test_openai_metadata(void **state) {
    (void)state;
    struct kit k;
    kit_start(&k);
    assert_int_equal(reads(&k, DIALECT_OPENAI, ENDPOINT_CHAT, false, openai_chat), FAULT_NONE);
    assert_text(k.reply.id, "chatcmpl-9");
    assert_text(k.reply.model, "gpt-4o-2024-08-06");
    assert_text(k.reply.fingerprint, "fp_9");
    assert_text(k.reply.service_tier, "default");
    assert_int_equal(k.reply.created, 1700000000);
    assert_int_equal(k.reply.finish, FINISH_TOOL_CALLS);
    assert_text(k.reply.finish_raw, "tool_calls");
    assert_true(k.reply.has_output);
    assert_null(k.reply.parts);
    const struct usage *u = &k.reply.usage;
    assert_int_equal(u->input, 100);
    assert_int_equal(u->cache_read, 60);
    assert_int_equal(u->cache_write, 30);
    assert_int_equal(u->cache_write_1h, USAGE_NULL);
    assert_int_equal(u->input_audio, 0);
    assert_int_equal(u->output, 20);
    assert_int_equal(u->reasoning, 8);
    kit_end(&k);
}

static void test_openai_parts(void **state) {
    (void)state;
    struct kit k;
    kit_start(&k);
    assert_int_equal(reads(&k, DIALECT_OPENAI, ENDPOINT_CHAT, true, openai_chat), FAULT_NONE);
    assert_int_equal(k.reply.n_parts, 3);
    assert_int_equal(k.reply.parts[0].type, PART_THINKING);
    assert_text(k.reply.parts[1].text, "It is \"sunny\".");
    assert_text(k.reply.parts[2].arguments, "{\"city\": \"Ulm\"}");
    kit_end(&k);
}

static void finishes(const char *choice, enum finish want, bool has_output) {
    struct kit k;
    char body[512];
    kit_start(&k);
    snprintf(body, sizeof body, "{\"choices\":[%s]}", choice);
    assert_int_equal(reads(&k, DIALECT_OPENAI, ENDPOINT_CHAT, false, body), FAULT_NONE);
    assert_int_equal(k.reply.finish, want);
    assert_int_equal(k.reply.has_output, has_output);
    assert_true(usage_is_null(&k.reply.usage));
    kit_end(&k);
}

static void test_openai_finishes(void **state) {
    (void)state;
    finishes("{\"message\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}", FINISH_STOP, true);
    finishes("{\"message\":{\"content\":\"\"},\"finish_reason\":\"length\"}", FINISH_LENGTH, false);
    finishes("{\"message\":{\"content\":null},\"finish_reason\":\"content_filter\"}", FINISH_REFUSAL, false);
    finishes("{\"message\":{\"content\":null,\"refusal\":\"no\"},\"finish_reason\":\"stop\"}", FINISH_REFUSAL,
             true);
    finishes("{\"message\":{\"content\":null,\"tool_calls\":[{\"id\":\"a\"}]},\"finish_reason\":\"stop\"}",
             FINISH_TOOL_CALLS, true);
    finishes("{\"message\":{\"content\":\"x\",\"tool_calls\":[]},\"finish_reason\":\"stop\"}", FINISH_STOP,
             true);
    finishes("{\"message\":{\"function_call\":{\"name\":\"f\"}},\"finish_reason\":\"function_call\"}",
             FINISH_TOOL_CALLS, true);
    finishes("{\"message\":{\"content\":\"x\"},\"finish_reason\":\"eos\"}", FINISH_OTHER, true);
    finishes("{\"message\":{\"content\":\"x\"},\"finish_reason\":null}", FINISH_UNSET, true);
    finishes("{\"message\":{\"content\":\"\"},\"finish_reason\":\"stop\"},{\"message\":{\"content\":"
             "\"second\"},\"finish_reason\":\"length\"}",
             FINISH_STOP, true);
    finishes("{\"finish_reason\":\"content_filter\",\"content_filter_results\":{}}", FINISH_REFUSAL, false);
    finishes("", FINISH_UNSET, false);
}

static void test_usage_of_other_servers(void **state) {
    (void)state;
    struct kit k;
    kit_start(&k);
    assert_int_equal(reads(&k, DIALECT_OPENAI, ENDPOINT_CHAT,
                           false, /* xAI: reasoning beside completion_tokens */
                           "{\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,\"total_"
                           "tokens\":35,\"completion_tokens_details\":{\"reasoning_tokens\":20}}}"),
                     FAULT_NONE);
    assert_int_equal(k.reply.usage.output, 25);
    assert_int_equal(reads(&k, DIALECT_OPENAI, ENDPOINT_CHAT, false, /* DeepSeek */
                           "{\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"prompt_cache_hit_tokens\":4,"
                           "\"completion_tokens\":null}}"),
                     FAULT_NONE);
    assert_int_equal(k.reply.usage.cache_read, 4);
    assert_int_equal(k.reply.usage.output, USAGE_NULL);
    assert_int_equal(reads(&k, DIALECT_OPENAI, ENDPOINT_CHAT, false,
                           "{\"choices\":[],\"usage\":{\"prompt_tokens\":-1,\"completion_tokens\":1.5,"
                           "\"total_tokens\":99999999999999999999}}"),
                     FAULT_NONE);
    assert_true(usage_is_null(&k.reply.usage));
    kit_end(&k);
}

static void test_responses_reply(void **state) {
    (void)state;
    struct kit k;
    kit_start(&k);
    const char *body =
        "{\"id\":\"resp_1\",\"object\":\"response\",\"created_at\":5,\"status\":\"completed\",\"error\":null,"
        "\"incomplete_details\":null,\"model\":\"gpt-5\",\"output\":["
        "{\"type\":\"reasoning\",\"id\":\"r\",\"summary\":[{\"type\":\"summary_text\",\"text\":\"hm\"}]},"
        "{\"type\":\"message\",\"role\":\"assistant\",\"content\":[{\"type\":\"output_text\",\"text\":\"Hi\","
        "\"annotations\":[]},{\"type\":\"refusal\",\"refusal\":\"no\"}]},"
        "{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"f\",\"arguments\":\"{}\"}],"
        "\"usage\":{\"input_tokens\":10,\"input_tokens_details\":{\"cached_tokens\":0},\"output_tokens\":5,"
        "\"output_tokens_details\":{\"reasoning_tokens\":2},\"total_tokens\":15}}";
    assert_int_equal(reads(&k, DIALECT_OPENAI, ENDPOINT_RESPONSES, false, body), FAULT_NONE);
    assert_int_equal(k.reply.finish, FINISH_TOOL_CALLS);
    assert_int_equal(k.reply.created, 5);
    assert_int_equal(k.reply.usage.cache_read, 0);
    assert_int_equal(k.reply.usage.reasoning, 2);
    assert_true(k.reply.has_output);
    assert_int_equal(reads(&k, DIALECT_OPENAI, ENDPOINT_RESPONSES, true, body), FAULT_NONE);
    assert_int_equal(k.reply.n_parts, 4);
    assert_text(k.reply.parts[0].text, "hm");
    assert_text(k.reply.parts[2].text, "no");
    assert_text(k.reply.parts[3].id, "c1");
    assert_int_equal(reads(&k, DIALECT_OPENAI, ENDPOINT_RESPONSES, false,
                           "{\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":\"max_output_"
                           "tokens\"},\"output\":[]}"),
                     FAULT_NONE);
    assert_int_equal(k.reply.finish, FINISH_LENGTH);
    assert_false(k.reply.has_output);
    assert_int_equal(
        reads(
            &k, DIALECT_OPENAI, ENDPOINT_RESPONSES, false,
            "{\"status\":\"failed\",\"error\":{\"code\":\"server_error\",\"message\":\"x\"},\"output\":[]}"),
        FAULT_UP_SERVER);
    kit_end(&k);
}

static void test_embeddings_and_counts(void **state) {
    (void)state;
    struct kit k;
    kit_start(&k);
    assert_int_equal(
        reads(&k, DIALECT_OPENAI, ENDPOINT_EMBEDDINGS, true,
              "{\"object\":\"list\",\"data\":[{\"object\":\"embedding\",\"index\":0,\"embedding\":[0.1,0.2]}]"
              ",\"model\":\"e\",\"usage\":{\"prompt_tokens\":3,\"total_tokens\":3}}"),
        FAULT_NONE);
    assert_int_equal(k.reply.usage.input, 3);
    assert_int_equal(k.reply.usage.output, USAGE_NULL);
    assert_true(k.reply.has_output);
    assert_int_equal(reads(&k, DIALECT_OPENAI, ENDPOINT_EMBEDDINGS, true, "{\"model\":\"e\"}"),
                     FAULT_UP_MALFORMED);
    assert_int_equal(reads(&k, DIALECT_ANTHROPIC, ENDPOINT_COUNT_TOKENS, false, "{\"input_tokens\":2095}"),
                     FAULT_NONE);
    assert_true(usage_is_null(&k.reply.usage)); /* nothing was used */
    assert_true(k.reply.has_output);
    kit_end(&k);
}

static void test_anthropic_reply(void **state) {
    (void)state;
    struct kit k;
    kit_start(&k);
    assert_int_equal(reads(&k, DIALECT_ANTHROPIC, ENDPOINT_CHAT, false, anthropic_message), FAULT_NONE);
    assert_int_equal(k.reply.usage.input, 100);
    assert_int_equal(k.reply.usage.cache_write, 30);
    assert_int_equal(k.reply.usage.cache_write_1h, 10);
    assert_int_equal(k.reply.usage.cache_read, 60);
    assert_text(k.reply.service_tier, "standard");
    assert_int_equal(k.reply.finish, FINISH_TOOL_CALLS);
    assert_true(k.reply.has_output);
    assert_int_equal(reads(&k, DIALECT_ANTHROPIC, ENDPOINT_CHAT, true, anthropic_message), FAULT_NONE);
    assert_int_equal(k.reply.n_parts, 4);
    assert_text(k.reply.parts[0].signature, "sig");
    assert_text(k.reply.parts[3].arguments, "{\"city\": \"Ulm\", \"n\": 1.50}");
    assert_int_equal(
        reads(&k, DIALECT_ANTHROPIC, ENDPOINT_CHAT, false, "{\"content\":[],\"stop_reason\":\"end_turn\"}"),
        FAULT_NONE);
    assert_false(k.reply.has_output);
    kit_end(&k);
}

static void test_no_reply_at_all(void **state) {
    (void)state;
    static const char *const bodies[] = {
        "", "<html>", "[]", "\"x\"", "{}", "{\"choices\":{}}", "{\"choices\":[{\"mess"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        struct kit k;
        kit_start(&k);
        assert_int_equal(reads(&k, DIALECT_OPENAI, ENDPOINT_CHAT, false, bodies[i]), FAULT_UP_MALFORMED);
        assert_int_equal(k.failure.fault, FAULT_UP_MALFORMED);
        assert_int_equal(reads(&k, DIALECT_ANTHROPIC, ENDPOINT_CHAT, true, bodies[i]), FAULT_UP_MALFORMED);
        kit_end(&k);
    }
}

static void test_error_inside_a_200(void **state) {
    (void)state;
    struct kit k;
    kit_start(&k);
    const char *body =
        "{\"error\":{\"message\":\"Rate limit\",\"type\":\"requests\",\"code\":\"rate_limit_exceeded\"}}";
    assert_int_equal(reads(&k, DIALECT_OPENAI, ENDPOINT_CHAT, false, body), FAULT_UP_RATE_LIMITED);
    assert_text(k.failure.message, "Rate limit");
    assert_text(k.failure.code, "rate_limit_exceeded");
    body = "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}";
    assert_int_equal(reads(&k, DIALECT_ANTHROPIC, ENDPOINT_CHAT, false, body), FAULT_UP_OVERLOADED);
    kit_end(&k);
}

static void test_openai_to_anthropic(void **state) {
    (void)state;
    translates(
        DIALECT_OPENAI, openai_chat, DIALECT_ANTHROPIC,
        "{\"id\":\"msg_9\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"gpt-4o-2024-08-06\","
        "\"content\":["
        "{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"\"},{\"type\":\"text\",\"text\":\"It is "
        "\\\"sunny\\\".\"},"
        "{\"type\":\"tool_use\",\"id\":\"call_1\",\"name\":\"weather\",\"input\":{\"city\": \"Ulm\"}}],"
        "\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":10,\"cache_creation_"
        "input_tokens\":30,"
        "\"cache_read_input_tokens\":60,\"output_tokens\":20}}");
    translates(DIALECT_OPENAI,
               "{\"id\":\"x\",\"model\":\"m\",\"choices\":[{\"message\":{\"content\":null,\"refusal\":\"I "
               "can't.\"},\"finish_reason\":\"stop\"}]}",
               DIALECT_ANTHROPIC,
               "{\"id\":\"msg_x\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[{"
               "\"type\":\"text\",\"text\":\"I can't.\"}],"
               "\"stop_reason\":\"refusal\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":0,\"output_"
               "tokens\":0}}");
    translates(DIALECT_OPENAI,
               "{\"id\":\"x\",\"model\":\"m\",\"choices\":[{\"message\":{\"content\":\"\",\"tool_calls\":[{"
               "\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}},"
               "{\"id\":\"b\",\"function\":{\"name\":\"g\",\"arguments\":\"{bro\\\"ken\"}}]},\"finish_"
               "reason\":\"stop\"}]}",
               DIALECT_ANTHROPIC,
               "{\"id\":\"msg_x\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"m\",\"content\":[{"
               "\"type\":\"tool_use\",\"id\":\"a\",\"name\":\"f\",\"input\":{}},"
               "{\"type\":\"tool_use\",\"id\":\"b\",\"name\":\"g\",\"input\":{\"malformed_arguments\":\"{"
               "bro\\\"ken\"}}],"
               "\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":0,\"output_"
               "tokens\":0}}");
}

static void test_anthropic_to_openai(void **state) {
    (void)state;
    translates(DIALECT_ANTHROPIC, anthropic_message, DIALECT_OPENAI,
               "{\"id\":\"chatcmpl-9\",\"object\":\"chat.completion\",\"created\":0,\"model\":\"claude-"
               "sonnet-4-5\",\"choices\":[{\"index\":0,\"message\":"
               "{\"role\":\"assistant\",\"content\":\"It is "
               "sunny.\",\"refusal\":null,\"reasoning_content\":\"hm\",\"tool_calls\":[{\"id\":\"toolu_1\","
               "\"type\":\"function\","
               "\"function\":{\"name\":\"weather\",\"arguments\":\"{\\\"city\\\": \\\"Ulm\\\", \\\"n\\\": "
               "1.50}\"}}]},\"logprobs\":null,\"finish_reason\":\"tool_calls\"}],"
               "\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":20,\"total_tokens\":120,\"prompt_"
               "tokens_details\":{\"cached_tokens\":60,\"cache_write_tokens\":30}}}");
    translates(DIALECT_ANTHROPIC,
               "{\"id\":\"msg_a\",\"model\":\"c\",\"content\":[{\"type\":\"text\",\"text\":\"I will "
               "not.\"}],\"stop_reason\":\"refusal\"}",
               DIALECT_OPENAI,
               "{\"id\":\"chatcmpl-a\",\"object\":\"chat.completion\",\"created\":0,\"model\":\"c\","
               "\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":null,"
               "\"refusal\":\"I will not.\"},\"logprobs\":null,\"finish_reason\":\"content_filter\"}]}");
}

static void test_anthropic_finishes_for_openai(void **state) {
    (void)state;
    static const char *const rows[][2] = {
        {"end_turn", "stop"},       {"stop_sequence", "stop"},
        {"max_tokens", "length"},   {"model_context_window_exceeded", "length"},
        {"tool_use", "tool_calls"}, {"refusal", "content_filter"},
        {"pause_turn", "stop"},     {"other", "stop"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kit k;
        char body[200], want[64];
        kit_start(&k);
        snprintf(body, sizeof body, "{\"content\":[],\"stop_reason\":\"%s\"}", rows[i][0]);
        snprintf(want, sizeof want, "\"finish_reason\":\"%s\"", rows[i][1]);
        assert_int_equal(reads(&k, DIALECT_ANTHROPIC, ENDPOINT_CHAT, true, body), FAULT_NONE);
        dialect_of(DIALECT_OPENAI)->write_reply(&k.reply, &k.out);
        assert_non_null(strstr(buffer_text(&k.out), want));
        kit_end(&k);
    }
}

static void test_finishes_for_anthropic(void **state) {
    (void)state;
    static const struct {
        enum finish finish;
        const char *word;
    } rows[] = {{FINISH_STOP, "end_turn"},
                {FINISH_LENGTH, "max_tokens"},
                {FINISH_TOOL_CALLS, "tool_use"},
                {FINISH_REFUSAL, "refusal"},
                {FINISH_STOP_SEQUENCE, "stop_sequence"},
                {FINISH_PAUSE, "pause_turn"},
                {FINISH_OTHER, "end_turn"},
                {FINISH_UNSET, "end_turn"}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct kit k;
        char want[128];
        kit_start(&k);
        k.reply = (struct reply){.finish = rows[i].finish, .stop_sequence = SLICE("END")};
        usage_init(&k.reply.usage);
        k.reply.usage.input = 9, k.reply.usage.cache_write = 8, k.reply.usage.cache_write_1h = 5;
        dialect_of(DIALECT_ANTHROPIC)->write_reply(&k.reply, &k.out);
        snprintf(want, sizeof want, "\"stop_reason\":\"%s\",\"stop_sequence\":%s,", rows[i].word,
                 rows[i].finish == FINISH_STOP_SEQUENCE ? "\"END\"" : "null");
        assert_non_null(strstr(buffer_text(&k.out), want));
        assert_non_null(strstr(buffer_text(&k.out),
                               "\"input_tokens\":1,\"cache_creation_input_tokens\":8,\"cache_creation\":{"
                               "\"ephemeral_5m_input_tokens\":3,\"ephemeral_1h_input_tokens\":5}"));
        kit_end(&k);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openai_metadata),        cmocka_unit_test(test_openai_parts),
        cmocka_unit_test(test_openai_finishes),        cmocka_unit_test(test_usage_of_other_servers),
        cmocka_unit_test(test_responses_reply),        cmocka_unit_test(test_embeddings_and_counts),
        cmocka_unit_test(test_anthropic_reply),        cmocka_unit_test(test_no_reply_at_all),
        cmocka_unit_test(test_error_inside_a_200),     cmocka_unit_test(test_openai_to_anthropic),
        cmocka_unit_test(test_anthropic_to_openai),    cmocka_unit_test(test_anthropic_finishes_for_openai),
        cmocka_unit_test(test_finishes_for_anthropic),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
