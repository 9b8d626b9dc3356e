/* Which text of a request may be worded otherwise, and that all else counts. */
#include "dialect/question.h"
#include "test_dialect_support.h"

#define O DIALECT_OPENAI
#define A DIALECT_ANTHROPIC
#define CHAT ENDPOINT_CHAT
#define RESPONSES ENDPOINT_RESPONSES

static void words(enum dialect_id id, enum endpoint e, const char *body, const char *want) {
    struct kit k;
    kit_start(&k);
    assert_int_equal(kit_head(&k, id, e, body), FAULT_NONE);
    uint32_t node = question_wording(&k.call);
    assert_text(node == JSON_NONE ? SLICE_NULL : json_string(&k.call.doc, node, &k.arena), want);
    kit_end(&k);
}

static void the_last_text_of_a_user(void **state) {
    (void)state;
    words(O, CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\\u00e4\"}]}", "aä");
    words(O, CHAT,
          "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"b\"}]"
          "}]}",
          "b");
    words(A, CHAT, "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":\"c\"}]}",
          "c");
    words(O, RESPONSES, "{\"model\":\"m\",\"input\":\"d\"}", "d");
    words(O, RESPONSES, "{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":\"e\"}]}", "e");
    words(O, RESPONSES,
          "{\"model\":\"m\",\"input\":[{\"type\":\"message\",\"role\":\"user\",\"content\":[{\"type\":"
          "\"input_text\",\"text\":\"f\"}]}]}",
          "f");
}

static void nothing_else(void **state) {
    (void)state;
#define M(inside) "{\"model\":\"m\",\"messages\":[" inside "]}"
    words(O, CHAT, "{\"model\":\"m\"}", NULL);
    words(O, CHAT, M(""), NULL);
    words(O, CHAT, M("{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\",\"content\":\"b\"}"),
          NULL);
    words(O, CHAT, M("{\"role\":\"system\",\"content\":\"a\"}"), NULL);
    words(O, CHAT, M("{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":\"a\"}"), NULL);
    words(O, CHAT,
          M("{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"text\",\"text\":"
            "\"b\"}]}"),
          NULL);
    words(O, CHAT, M("{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\",\"text\":\"a\"}]}"), NULL);
    words(O, CHAT, M("{\"role\":\"user\",\"content\":\"a\",\"content\":\"b\"}"),
          NULL); /* which one counts is not known */
    words(O, CHAT,
          "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_"
          "url\":{\"url\":\"u\"}}]},"
          "{\"role\":\"user\",\"content\":\"a\"}]}",
          NULL);
    words(A, CHAT,
          "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":\"user\",\"content\":"
          "[{\"type\":\"tool_result\",\"tool_use_id\":\"t\",\"content\":\"a\"}]}]}",
          NULL);
    words(O, RESPONSES, "{\"model\":\"m\",\"input\":\"d\",\"previous_response_id\":\"r\"}", NULL);
    words(O, RESPONSES,
          "{\"model\":\"m\",\"input\":[{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"x\"}"
          "]}",
          NULL);
    words(O, ENDPOINT_EMBEDDINGS, "{\"model\":\"m\",\"input\":\"d\"}", NULL);
}

/* Whether two bodies are one question, but for their wording. */
static bool one_class(enum dialect_id id, bool with_caller, const char *a, const char *b) {
    struct kit k[2];
    const char *bodies[2] = {a, b};
    for (int i = 0; i < 2; i++) {
        kit_start(&k[i]);
        assert_int_equal(kit_head(&k[i], id, CHAT, bodies[i]), FAULT_NONE);
        uint32_t node = question_wording(&k[i].call);
        assert_true(node != JSON_NONE);
        question_write(dialect_of(id), &k[i].call, with_caller, node, &k[i].out);
    }
    bool same = slice_eq(buffer_slice(&k[0].out), buffer_slice(&k[1].out));
    kit_end(&k[0]);
    kit_end(&k[1]);
    return same;
}

static void only_the_wording_may_differ(void **state) {
    (void)state;
#define Q(text)                                                                                              \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":" \
    "\"" text "\"}]"
    assert_true(one_class(O, false, Q("a") "}", Q("quite another text") "}"));
    assert_true(one_class(O, false, Q("a") ",\"user\":\"anna\"}", Q("b") "}"));
    assert_false(one_class(O, true, Q("a") ",\"user\":\"anna\"}", Q("a") "}"));
    assert_false(one_class(O, false, Q("a") ",\"temperature\":0}", Q("a") ",\"temperature\":1}"));
    assert_false(one_class(O, false, Q("a") ",\"tools\":[]}", Q("a") "}"));
    assert_false(one_class(O, false, Q("a") "}",
                           "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"t\"},"
                           "{\"role\":\"user\",\"content\":\"a\"}]}"));
    /* what one writes into the text does not become structure */
    assert_true(one_class(O, false, Q("a") "}", Q("\\\"},{\\\"role\\\":\\\"user") "}"));
    assert_true(one_class(O, false, "{\"messages\":[{\"role\":\"user\",\"content\":\"a\"}],\"model\":\"m\"}",
                          "{ \"model\":\"m\", \"messages\":[{\"role\":\"user\",\"content\":\"b\"}] }"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_text_of_a_user),
        cmocka_unit_test(nothing_else),
        cmocka_unit_test(only_the_wording_may_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
