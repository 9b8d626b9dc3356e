/* Reading heads, and splicing: what every request goes through. */
#include "test_dialect_support.h"

static void refuses(enum dialect_id id, enum endpoint e, const char *body, enum fault fault,
                    const char *words) {
    struct kit k;
    kit_start(&k);
    assert_int_equal(kit_head(&k, id, e, body), fault);
    if (strstr(k.error.text, words) == NULL)
        fail_msg("%s: wanted \"%s\", found \"%s\"", body, words, k.error.text);
    kit_end(&k);
}

static const struct provider somewhere = {.name = "p", .base_url = "http://models.example"};

static void splices(enum dialect_id id, enum endpoint e, const char *body, const char *model, bool usage,
                    const char *want) {
    struct kit k;
    kit_start(&k);
    assert_int_equal(kit_head(&k, id, e, body), FAULT_NONE);
    assert_int_equal(dialect_of(id)->splice(&k.call, &(struct target){.provider = &somewhere, .model = model}, usage, &k.out),
                     FAULT_NONE);
    CHECK_OUT(&k, want);
    kit_end(&k);
}

static void test_openai_chat_head(void **state) {
    (void)state;
    struct kit k;
    kit_start(&k);
    const char *body = "{\"model\":\"support-chat\",\"stream\":true,\"stream_options\":{\"include_usage\":"
                       "true},\"max_tokens\":100,"
                       "\"max_completion_tokens\":200,\"user\":\"u1\",\"messages\":["
                       "{\"role\":\"developer\",\"content\":\"Be kind.\"},"
                       "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hello\"},{\"type\":"
                       "\"image_url\",\"image_url\":{\"url\":\"https://x/y\"}}]},"
                       "{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[]},"
                       "{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"Line\\none\"},{"
                       "\"type\":\"text\",\"text\":\"two\"}]}]}";
    assert_int_equal(kit_head(&k, DIALECT_OPENAI, ENDPOINT_CHAT, body), FAULT_NONE);
    assert_text(k.call.model, "support-chat");
    assert_true(k.call.stream);
    assert_true(k.call.include_usage);
    assert_int_equal(k.call.max_tokens, 200);
    assert_text(k.call.end_user, "u1");
    assert_text(k.call.system_text, "Be kind.\n\nLine\none\n\ntwo");
    assert_int_equal(k.call.n_images_total, 1);
    assert_int_equal(k.call.text_bytes, 8 + 5 + 2 + 9 + 3);
    kit_end(&k);
}

static void test_system_text_is_borrowed_when_single(void **state) {
    (void)state;
    struct kit k;
    kit_start(&k);
    const char *body = "{\"messages\":[{\"content\":\"Be kind.\",\"role\":\"system\"}],\"model\":\"m\"}";
    assert_int_equal(kit_head(&k, DIALECT_OPENAI, ENDPOINT_CHAT, body), FAULT_NONE);
    assert_ptr_equal(k.call.system_text.at, strstr(body, "Be kind."));
    assert_false(k.call.stream);
    assert_int_equal(k.call.max_tokens, -1);
    assert_true(slice_is_null(k.call.end_user));
    kit_end(&k);
}

static void test_many_system_messages_stay_linear(void **state) {
    (void)state;
    enum { MESSAGES = 20000 };
    struct kit k;
    struct buffer body;
    kit_start(&k);
    buffer_init(&body, 16 << 20);
    buffer_printf(&body, "{\"model\":\"m\",\"messages\":[{}");
    for (int i = 0; i < MESSAGES; i++)
        buffer_printf(&body, ",{\"role\":\"system\",\"content\":\"\\u0041 line of text\"}");
    buffer_printf(&body, "]}");
    assert_int_equal(kit_head(&k, DIALECT_OPENAI, ENDPOINT_CHAT, buffer_text(&body)), FAULT_NONE);
    assert_int_equal(k.call.system_text.len, MESSAGES * 14 + (MESSAGES - 1) * 2);
    buffer_deinit(&body);
    kit_end(&k);
}

static void test_openai_responses_head(void **state) {
    (void)state;
    struct kit k;
    kit_start(&k);
    const char *body = "{\"model\":\"m\",\"instructions\":\"Be "
                       "brief.\",\"max_output_tokens\":77,\"max_tokens\":1,\"stream\":true,\"input\":["
                       "{\"role\":\"developer\",\"content\":\"And kind.\"},"
                       "{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"Hello\"},{"
                       "\"type\":\"input_image\",\"file_id\":\"f\"}]},"
                       "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"},"
                       "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"sun\"}]}";
    assert_int_equal(kit_head(&k, DIALECT_OPENAI, ENDPOINT_RESPONSES, body), FAULT_NONE);
    assert_text(k.call.system_text, "Be brief.\n\nAnd kind.");
    assert_int_equal(k.call.max_tokens, 77);
    assert_int_equal(k.call.n_images_total, 1);
    assert_int_equal(k.call.text_bytes, 9 + 9 + 5 + 2 + 3);
    assert_int_equal(
        kit_head(&k, DIALECT_AZURE, ENDPOINT_RESPONSES, "{\"model\":\"m\",\"input\":\"Hi you\"}"),
        FAULT_NONE);
    assert_int_equal(k.call.text_bytes, 6);
    kit_end(&k);
}

static void test_openai_embeddings_head(void **state) {
    (void)state;
    struct kit k;
    kit_start(&k);
    assert_int_equal(
        kit_head(&k, DIALECT_OPENAI, ENDPOINT_EMBEDDINGS, "{\"model\":\"e\",\"input\":\"four\"}"),
        FAULT_NONE);
    assert_int_equal(k.call.text_bytes, 4);
    assert_int_equal(
        kit_head(&k, DIALECT_OPENAI, ENDPOINT_EMBEDDINGS, "{\"model\":\"e\",\"input\":[\"four\",\"five5\"]}"),
        FAULT_NONE);
    assert_int_equal(k.call.text_bytes, 9);
    assert_int_equal(
        kit_head(&k, DIALECT_OPENAI, ENDPOINT_EMBEDDINGS, "{\"model\":\"e\",\"input\":[[1,2],[3]]}"),
        FAULT_NONE);
    assert_int_equal(k.call.text_bytes, 12);
    assert_int_equal(kit_head(&k, DIALECT_OPENAI, ENDPOINT_EMBEDDINGS, "{\"model\":\"e\"}"), FAULT_NONE);
    kit_end(&k);
}

static void test_anthropic_head(void **state) {
    (void)state;
    struct kit k;
    kit_start(&k);
    const char *body =
        "{\"model\":\"claude\",\"max_tokens\":1024,\"stream\":true,\"metadata\":{\"user_id\":\"u9\"},"
        "\"system\":[{\"type\":\"text\",\"text\":\"One\",\"cache_control\":{\"type\":\"ephemeral\"}},{"
        "\"type\":\"text\",\"text\":\"Two\"}],"
        "\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"},"
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"s\"}"
        ","
        "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"n\",\"input\":{\"a\":1}}]},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":["
        "{\"type\":\"text\",\"text\":\"done\"},{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":"
        "\"https://x\"}}]}]}]}";
    assert_int_equal(kit_head(&k, DIALECT_ANTHROPIC, ENDPOINT_CHAT, body), FAULT_NONE);
    assert_text(k.call.model, "claude");
    assert_true(k.call.stream);
    assert_int_equal(k.call.max_tokens, 1024);
    assert_text(k.call.end_user, "u9");
    assert_text(k.call.system_text, "One\n\nTwo");
    assert_int_equal(k.call.n_images_total, 1);
    assert_int_equal(k.call.text_bytes, 8 + 5 + 2 + 7 + 4);
    assert_int_equal(kit_head(&k, DIALECT_ANTHROPIC, ENDPOINT_COUNT_TOKENS,
                              "{\"model\":\"c\",\"system\":\"S\",\"messages\":[]}"),
                     FAULT_NONE);
    assert_text(k.call.system_text, "S");
    kit_end(&k);
}

static void test_refusals_name_the_field(void **state) {
    (void)state;
    refuses(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"messages\":[]", FAULT_BAD_JSON, "line 1, column 15");
    refuses(DIALECT_OPENAI, ENDPOINT_CHAT, "", FAULT_BAD_JSON, "");
    refuses(DIALECT_OPENAI, ENDPOINT_CHAT, "[]", FAULT_BAD_REQUEST, "expected an object, found array");
    refuses(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"messages\":[]}", FAULT_BAD_REQUEST, "model: missing");
    refuses(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"model\":\"\"}", FAULT_BAD_REQUEST, "model: expected");
    refuses(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"model\":7}", FAULT_BAD_REQUEST,
            "model: expected a string, found number");
    refuses(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"model\":null}", FAULT_BAD_REQUEST,
            "model: expected a string, found null");
    refuses(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"model\":\"m\",\"stream\":\"true\"}", FAULT_BAD_REQUEST,
            "stream: expected a boolean, found string");
    refuses(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"model\":\"m\",\"stream_options\":[]}", FAULT_BAD_REQUEST,
            "stream_options: expected an object, found array");
    refuses(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"model\":\"m\",\"stream_options\":{\"include_usage\":1}}",
            FAULT_BAD_REQUEST, "stream_options.include_usage: expected a boolean, found number");
    refuses(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"model\":\"m\",\"messages\":\"hi\"}", FAULT_BAD_REQUEST,
            "messages: expected an array, found string");
    refuses(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"model\":\"m\",\"max_tokens\":\"9\"}", FAULT_BAD_REQUEST,
            "max_tokens: expected a whole number, found string");
    refuses(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"model\":\"m\",\"user\":{}}", FAULT_BAD_REQUEST,
            "user: expected a string");
    refuses(DIALECT_OPENAI, ENDPOINT_RESPONSES, "{\"model\":\"m\",\"input\":5}", FAULT_BAD_REQUEST,
            "input: expected a string or an array, found number");
    refuses(DIALECT_ANTHROPIC, ENDPOINT_CHAT, "{\"model\":\"m\",\"stream\":0}", FAULT_BAD_REQUEST,
            "stream: expected a boolean");
    refuses(DIALECT_ANTHROPIC, ENDPOINT_CHAT, "{\"model\":\"m\",\"system\":7}", FAULT_BAD_REQUEST,
            "system: expected");
    refuses(DIALECT_ANTHROPIC, ENDPOINT_CHAT, "{\"model\":\"m\",\"messages\":{}}", FAULT_BAD_REQUEST,
            "messages: expected an array");
}

static void test_fields_given_twice_are_refused(void **state) {
    (void)state;
    refuses(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"model\":\"a\",\"model\":\"b\"}", FAULT_BAD_REQUEST,
            "model: given twice");
    refuses(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"model\":\"a\",\"mod\\u0065l\":\"b\"}", FAULT_BAD_REQUEST,
            "model: given twice");
    refuses(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"model\":\"a\",\"stream\":true,\"stream\":false}",
            FAULT_BAD_REQUEST, "stream: given twice");
    refuses(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"model\":\"a\",\"stream_options\":{},\"stream_options\":{}}",
            FAULT_BAD_REQUEST, "stream_options: given twice");
    refuses(DIALECT_OPENAI, ENDPOINT_CHAT,
            "{\"model\":\"a\",\"stream_options\":{\"include_usage\":true,\"include_usage\":false}}",
            FAULT_BAD_REQUEST, "stream_options.include_usage: given twice");
    refuses(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"messages\":[],\"model\":\"a\",\"messages\":[]}",
            FAULT_BAD_REQUEST, "messages: given twice");
    refuses(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"model\":\"a\",\"max_tokens\":1,\"max_tokens\":9}",
            FAULT_BAD_REQUEST, "max_tokens: given twice");
    refuses(DIALECT_ANTHROPIC, ENDPOINT_CHAT, "{\"model\":\"a\",\"system\":\"x\",\"system\":\"y\"}",
            FAULT_BAD_REQUEST, "system: given twice");
    refuses(DIALECT_ANTHROPIC, ENDPOINT_CHAT, "{\"model\":\"a\",\"model\":\"a\"}", FAULT_BAD_REQUEST,
            "model: given twice");
}

static void test_nulls_count_as_absent(void **state) {
    (void)state;
    struct kit k;
    kit_start(&k);
    assert_int_equal(kit_head(&k, DIALECT_OPENAI, ENDPOINT_CHAT,
                              "{\"model\":\"m\",\"stream\":null,\"stream_options\":null,\"max_tokens\":null,"
                              "\"user\":null,\"messages\":null}"),
                     FAULT_NONE);
    assert_false(k.call.stream);
    assert_int_equal(k.call.max_tokens, -1);
    assert_int_equal(kit_head(&k, DIALECT_OPENAI, ENDPOINT_CHAT, "{\"model\":\"m\",\"max_tokens\":1e3}"),
                     FAULT_NONE);
    assert_int_equal(k.call.max_tokens, 1000);
    assert_int_equal(kit_head(&k, DIALECT_OPENAI, ENDPOINT_CHAT, "{\"model\":\"m\",\"max_tokens\":-1}"),
                     FAULT_NONE);
    assert_int_equal(k.call.max_tokens, -1);
    kit_end(&k);
}

static void test_splice_changes_the_model_alone(void **state) {
    (void)state;
    splices(DIALECT_OPENAI, ENDPOINT_CHAT,
            "  {\t\"messages\" : [ {\"role\":\"user\",\"content\":\"h\\u00e9 \xE2\x82\xAC\"} ],\r\n \"x\":1, "
            "\"x\":2 , \"model\" :  \"mine\" ,\"n\":1.0e+0 } \n",
            "gpt \"4\"", false,
            "  {\t\"messages\" : [ {\"role\":\"user\",\"content\":\"h\\u00e9 \xE2\x82\xAC\"} ],\r\n \"x\":1, "
            "\"x\":2 , \"model\" :  \"gpt \\\"4\\\"\" ,\"n\":1.0e+0 } \n");
    splices(DIALECT_ANTHROPIC, ENDPOINT_CHAT, "{\"stream\":true,\"model\":\"c\"}", "claude", true,
            "{\"stream\":true,\"model\":\"claude\"}");
    splices(DIALECT_AZURE, ENDPOINT_EMBEDDINGS, "{\"model\":\"e\",\"stream\":true,\"input\":[]}", "ada", true,
            "{\"model\":\"ada\",\"stream\":true,\"input\":[]}");
    splices(DIALECT_OPENAI, ENDPOINT_RESPONSES, "{\"model\":\"m\",\"stream\":true}", "o", true,
            "{\"model\":\"o\",\"stream\":true}");
    splices(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"mod\\u0065l\":\"m\"}", "o", false, "{\"mod\\u0065l\":\"o\"}");
}

static void test_splice_asks_for_usage(void **state) {
    (void)state;
    const char *want = "{\"model\":\"o\",\"stream_options\":{\"include_usage\":true},\"stream\":true}";
    splices(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"model\":\"m\",\"stream\":true}", "o", true, want);
    splices(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"model\":\"m\",\"stream\":true}", "o", false,
            "{\"model\":\"o\",\"stream\":true}");
    splices(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"model\":\"m\",\"stream\":false}", "o", true,
            "{\"model\":\"o\",\"stream\":false}");
    splices(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"stream\":true,\"stream_options\":null,\"model\":\"m\"}", "o",
            true, "{\"stream\":true,\"stream_options\":{\"include_usage\":true},\"model\":\"o\"}");
    splices(DIALECT_OPENAI, ENDPOINT_CHAT, "{\"stream\":true,\"model\":\"m\",\"stream_options\":{ }}", "o",
            true, "{\"stream\":true,\"model\":\"o\",\"stream_options\":{\"include_usage\":true }}");
    splices(DIALECT_OPENAI, ENDPOINT_CHAT,
            "{\"stream\":true,\"model\":\"m\",\"stream_options\":{\"include_obfuscation\":false}}", "o", true,
            "{\"stream\":true,\"model\":\"o\",\"stream_options\":{\"include_usage\":true,\"include_"
            "obfuscation\":false}}");
    splices(DIALECT_OPENAI, ENDPOINT_CHAT,
            "{\"stream_options\":{\"include_usage\": false},\"stream\":true,\"model\":\"m\"}", "o", true,
            "{\"stream_options\":{\"include_usage\": true},\"stream\":true,\"model\":\"o\"}");
    splices(DIALECT_OPENAI, ENDPOINT_CHAT,
            "{\"stream_options\":{\"include_usage\":null},\"stream\":true,\"model\":\"m\"}", "o", true,
            "{\"stream_options\":{\"include_usage\":true},\"stream\":true,\"model\":\"o\"}");
    const char *asked = "{\"model\":\"o\",\"stream\":true,\"stream_options\":{\"include_usage\":true}}";
    splices(DIALECT_OPENAI, ENDPOINT_CHAT, asked, "o", true, asked);
}

static void test_splice_reports_overflow(void **state) {
    (void)state;
    struct kit k;
    struct buffer small;
    kit_start(&k);
    buffer_init(&small, 16);
    assert_int_equal(kit_head(&k, DIALECT_OPENAI, ENDPOINT_CHAT, "{\"model\":\"m\"}"), FAULT_NONE);
    const struct target target = {.provider = &somewhere, .model = "a-long-model-name"};
    assert_int_equal(dialect_of(DIALECT_OPENAI)->splice(&k.call, &target, false, &small), FAULT_TOO_LARGE);
    buffer_deinit(&small);
    kit_end(&k);
}

static void test_a_full_arena_is_an_error(void **state) {
    (void)state;
    struct kit k;
    struct arena tiny;
    kit_start(&k);
    arena_init(&tiny, 256, 512);
    k.call.endpoint = ENDPOINT_CHAT;
    char body[2048]; /* the tape fits, the decoded system text does not */
    snprintf(body, sizeof body,
             "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"\\u0041%01000d\"}]}", 0);
    assert_int_equal(dialect_of(DIALECT_OPENAI)->read_head(slice_of(body), &tiny, &k.call, &k.error),
                     FAULT_TOO_LARGE);
    arena_deinit(&tiny);
    kit_end(&k);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_openai_chat_head),
        cmocka_unit_test(test_system_text_is_borrowed_when_single),
        cmocka_unit_test(test_many_system_messages_stay_linear),
        cmocka_unit_test(test_openai_responses_head),
        cmocka_unit_test(test_openai_embeddings_head),
        cmocka_unit_test(test_anthropic_head),
        cmocka_unit_test(test_refusals_name_the_field),
        cmocka_unit_test(test_fields_given_twice_are_refused),
        cmocka_unit_test(test_nulls_count_as_absent),
        cmocka_unit_test(test_splice_changes_the_model_alone),
        cmocka_unit_test(test_splice_asks_for_usage),
        cmocka_unit_test(test_splice_reports_overflow),
        cmocka_unit_test(test_a_full_arena_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
