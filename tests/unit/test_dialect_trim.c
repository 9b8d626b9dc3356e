/* What a policy takes from a call: the spliced bytes, the counts, and what is left alone. */
#include "dialect/trim.h"
#include "test_dialect_support.h"

#include <stdlib.h>

#define O DIALECT_OPENAI
#define A DIALECT_ANTHROPIC
#define CHAT ENDPOINT_CHAT
#define RESPONSES ENDPOINT_RESPONSES

static const struct provider somewhere = {.name = "p", .base_url = "http://models.example"};
static const struct request_policy nothing = {
    .max_output_tokens = -1, .history = {.keep_last = -1, .max_tokens = -1, .keep_system = true}};

static struct request_policy cap(int64_t tokens) {
    struct request_policy r = nothing;
    r.max_output_tokens = tokens;
    return r;
}

static struct request_policy last(int64_t turns) {
    struct request_policy r = nothing;
    r.history.keep_last = turns;
    return r;
}

static void trim(struct kit *k, enum dialect_id id, enum endpoint e, const char *body,
                 const struct request_policy *asked) {
    assert_int_equal(kit_head(k, id, e, body), FAULT_NONE);
    trim_call(dialect_of(id), asked, &k->arena, &k->call);
}

static void sends(enum dialect_id id, enum endpoint e, struct request_policy asked,
                  const struct target *target, const char *body, const char *want) {
    struct kit k;
    kit_start(&k);
    trim(&k, id, e, body, &asked);
    assert_int_equal(dialect_of(id)->splice(&k.call, target, true, &k.out), FAULT_NONE);
    CHECK_OUT(&k, want);
    kit_end(&k);
}

static void caps(enum dialect_id id, enum endpoint e, const char *model, int64_t max_output, const char *body,
                 const char *want) {
    sends(id, e, cap(50), &(struct target){.provider = &somewhere, .model = model, .max_output = max_output},
          body, want);
}

static void limits_are_lowered(void **state) {
    (void)state;
    caps(O, CHAT, "m", -1, "{\"max_tokens\" : 51 ,\"model\":\"x\"}",
         "{\"max_tokens\" : 50 ,\"model\":\"m\"}");
    caps(O, CHAT, "m", -1, "{\"model\":\"x\",\"max_tokens\":50}", "{\"model\":\"m\",\"max_tokens\":50}");
    caps(O, CHAT, "m", -1, "{\"model\":\"x\",\"max_tokens\":7,\"max_completion_tokens\":5.1e1}",
         "{\"model\":\"m\",\"max_tokens\":7,\"max_completion_tokens\":50}");
    caps(O, CHAT, "m", -1, "{\"max_completion_tokens\":900,\"model\":\"x\",\"max_tokens\":800}",
         "{\"max_completion_tokens\":50,\"model\":\"m\",\"max_tokens\":50}");
    caps(O, CHAT, "m", -1, "{\"model\":\"x\",\"max_tokens\":-1}", "{\"model\":\"m\",\"max_tokens\":50}");
    caps(A, CHAT, "m", -1, "{\"max_tokens\":64000,\"model\":\"x\"}", "{\"max_tokens\":50,\"model\":\"m\"}");
    caps(O, RESPONSES, "o3", -1, "{\"model\":\"x\",\"max_output_tokens\":51,\"max_tokens\":99}",
         "{\"model\":\"o3\",\"max_output_tokens\":50,\"max_tokens\":99}");
}

static void a_limit_is_added_where_none_is(void **state) {
    (void)state;
    caps(O, CHAT, "gpt-4o", -1, "{\"model\":\"x\"}", "{\"model\":\"gpt-4o\",\"max_tokens\":50}");
    caps(O, CHAT, "o3-mini", -1, "{\"model\":\"x\",\"n\":1}",
         "{\"model\":\"o3-mini\",\"max_completion_tokens\":50,\"n\":1}");
    caps(O, CHAT, "openai/gpt-5", -1, "{\"model\":\"x\"}",
         "{\"model\":\"openai/gpt-5\",\"max_completion_tokens\":50}");
    caps(O, CHAT, "m", -1, "{\"stream\":true,\"model\":\"x\"}",
         "{\"stream\":true,\"model\":\"m\",\"stream_options\":{\"include_usage\":true},\"max_tokens\":50}");
    caps(O, CHAT, "m", -1, "{\"max_tokens\":null,\"model\":\"x\"}", "{\"max_tokens\":50,\"model\":\"m\"}");
    caps(O, CHAT, "o1", -1, "{\"max_tokens\":null,\"model\":\"x\"}",
         "{\"max_tokens\":null,\"model\":\"o1\",\"max_completion_tokens\":50}");
    caps(O, CHAT, "m", 20, "{\"model\":\"x\"}", "{\"model\":\"m\",\"max_tokens\":20}"); /* what it can give */
    caps(O, CHAT, "m", 20, "{\"model\":\"x\",\"max_tokens\":60}", "{\"model\":\"m\",\"max_tokens\":50}");
    caps(A, CHAT, "m", -1, "{\"model\":\"x\"}", "{\"model\":\"m\",\"max_tokens\":50}");
    caps(O, RESPONSES, "m", -1, "{\"model\":\"x\"}", "{\"model\":\"m\",\"max_output_tokens\":50}");
    caps(O, ENDPOINT_EMBEDDINGS, "m", -1, "{\"model\":\"x\"}", "{\"model\":\"m\"}");
    caps(A, ENDPOINT_COUNT_TOKENS, "m", -1, "{\"model\":\"x\"}", "{\"model\":\"m\"}");
    const struct provider own = {.name = "p", .base_url = "https://api.openai.com/v1"};
    sends(O, CHAT, cap(50), &(struct target){.provider = &own, .model = "ft:x"}, "{\"model\":\"x\"}",
          "{\"model\":\"ft:x\",\"max_completion_tokens\":50}");
}

static void capped(const char *body, int64_t max_tokens, int64_t output_cap) {
    struct kit k;
    const struct request_policy asked = cap(50);
    kit_start(&k);
    trim(&k, DIALECT_OPENAI, ENDPOINT_CHAT, body, &asked);
    assert_int_equal(k.call.max_tokens, max_tokens);
    assert_int_equal(k.call.output_cap, output_cap);
    kit_end(&k);
}

static void the_call_tells_of_its_cap(void **state) {
    (void)state;
    capped("{\"model\":\"m\",\"max_tokens\":20}", 20, -1);
    capped("{\"model\":\"m\",\"max_tokens\":51}", 50, 50);
    capped("{\"model\":\"m\",\"max_tokens\":51,\"max_completion_tokens\":9}", 50, 50); /* of two limits the larger is feared */
    capped("{\"model\":\"m\",\"max_tokens\":-1}", 50, 50);
    capped("{\"model\":\"m\"}", -1, 50); /* the reservation may know better than the cap */
}

/* The translated call, from the client's dialect to the target's. */
static void writes(enum dialect_id from, enum dialect_id to, struct request_policy asked, int64_t max_output,
                   const char *body, const char *want) {
    struct kit k;
    const struct target target = {.provider = &somewhere, .model = "m", .max_output = max_output};
    kit_start(&k);
    trim(&k, from, ENDPOINT_CHAT, body, &asked);
    assert_int_equal(dialect_of(from)->read_body(&k.arena, &k.call, &k.error), FAULT_NONE);
    assert_int_equal(dialect_of(to)->write_call(&k.call, &target, &k.out, &k.error), FAULT_NONE);
    CHECK_OUT(&k, want);
    kit_end(&k);
}

#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define HI_BLOCK "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}]"

static void translated_calls_are_capped(void **state) {
    (void)state;
    writes(O, A, cap(50), -1, "{\"model\":\"x\"," HI "}", "{\"model\":\"m\",\"max_tokens\":50," HI_BLOCK "}");
    writes(O, A, cap(9000), -1, "{\"model\":\"x\"," HI "}", /* a cap raises nothing */
           "{\"model\":\"m\",\"max_tokens\":4096," HI_BLOCK "}");
    writes(O, A, cap(9000), 800, "{\"model\":\"x\"," HI "}",
           "{\"model\":\"m\",\"max_tokens\":800," HI_BLOCK "}");
    writes(O, A, cap(50), 800, "{\"model\":\"x\",\"max_tokens\":60," HI "}",
           "{\"model\":\"m\",\"max_tokens\":50," HI_BLOCK "}");
    writes(A, O, cap(50), -1, "{\"model\":\"x\"," HI "}", "{\"model\":\"m\"," HI ",\"max_tokens\":50}");
    writes(A, O, nothing, -1, "{\"model\":\"x\"," HI "}", "{\"model\":\"m\"," HI "}");
}

static void translated_history_is_cut(void **state) {
    (void)state;
    struct request_policy asked = last(1);
    const char *body =
        "{\"model\":\"x\",\"messages\":[{\"role\":\"system\",\"content\":\"A\"},"
        "{\"role\":\"user\",\"content\":[{\"type\":\"input_audio\"}]}," /* has no counterpart; gone */
        "{\"role\":\"developer\",\"content\":\"B\"},{\"role\":\"user\",\"content\":\"hi\"},"
        "{\"role\":\"system\",\"content\":\"C\"}]}";
    writes(DIALECT_OPENAI, DIALECT_ANTHROPIC, asked, -1, body,
           "{\"model\":\"m\",\"max_tokens\":4096,\"system\":\"A\\n\\nB\\n\\nC\"," HI_BLOCK "}");
    asked.history.keep_system = false;
    writes(DIALECT_OPENAI, DIALECT_ANTHROPIC, asked, -1, body,
           "{\"model\":\"m\",\"max_tokens\":4096,\"system\":\"C\"," HI_BLOCK "}");
}

static void counts_follow_the_cut(void **state) {
    (void)state;
    struct kit k;
    const struct request_policy asked = last(1);
    kit_start(&k);
    trim(&k, DIALECT_OPENAI, ENDPOINT_CHAT,
         "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
         "\"12345\"},"
         "{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://x/y\"}}]},"
         "{\"role\":\"assistant\",\"content\":\"123\"},{\"role\":\"user\",\"content\":\"1234567\"}]}",
         &asked);
    assert_int_equal(k.call.tokens_saved, 2 + 800 + 1);
    assert_int_equal(k.call.text_bytes, 7);
    assert_int_equal(k.call.n_images_total, 0);
    assert_true(call_drops(&k.call, 0) && call_drops(&k.call, 1) && !call_drops(&k.call, 2));
    kit_end(&k);
}

static void stays(enum dialect_id id, enum endpoint e, const char *body, int64_t saved) {
    struct kit k;
    const struct request_policy asked = last(1);
    const struct target same = {.provider = &somewhere, .model = "m"};
    kit_start(&k);
    trim(&k, id, e, body, &asked);
    assert_int_equal(k.call.tokens_saved, saved);
    assert_int_equal(dialect_of(id)->splice(&k.call, &same, false, &k.out), FAULT_NONE);
    CHECK_OUT(&k, body);
    kit_end(&k);
}

static void what_is_not_known_is_left_alone(void **state) {
    (void)state;
#define U "{\"role\":\"user\",\"content\":\"hi\"}"
    stays(O, CHAT, "{\"model\":\"m\",\"messages\":[" U "]}", 0);
    stays(O, CHAT, "{\"model\":\"m\"}", -1);
    stays(O, CHAT, "{\"model\":\"m\",\"messages\":[]}", -1);
    stays(O, CHAT, "{\"model\":\"m\",\"messages\":[" U ",7," U "]}", -1);
    stays(O, CHAT, "{\"model\":\"m\",\"messages\":[" U ",{\"role\":\"robot\"}," U "]}", -1);
    stays(O, CHAT, "{\"model\":\"m\",\"messages\":[" U ",{\"role\":\"user\",\"role\":\"assistant\"}," U "]}",
          -1);
    stays(O, CHAT, "{\"model\":\"m\",\"messages\":[" U ",{\"role\":\"tool\",\"content\":\"\"}," U "]}", -1);
    stays(A, CHAT, "{\"model\":\"m\",\"messages\":[" U ",{\"role\":\"tool\",\"content\":\"\"}," U "]}", -1);
    stays(A, ENDPOINT_COUNT_TOKENS, "{\"model\":\"m\",\"messages\":[" U "," U "]}", -1);
    stays(O, RESPONSES, "{\"model\":\"m\",\"input\":\"hi\"}", -1);
    stays(O, RESPONSES, "{\"model\":\"m\",\"input\":[" U "," U "],\"conversation\":\"c\"}", -1);
    stays(O, RESPONSES, "{\"model\":\"m\",\"input\":[" U ",{\"x\":1}," U "]}", -1);
    stays(O, RESPONSES, "{\"model\":\"m\",\"input\":[" U ",{\"type\":\"function_call_output\"}," U "]}", -1);
}

/* ---- any conversation: what is sent is the client's text with exactly the dropped messages gone ---- */

static void space(struct buffer *b) {
    for (int i = rand() % 3; i > 0; i--) buffer_byte(b, " \n\t"[rand() % 3]);
}

static void member(struct buffer *b, bool *first, const char *text) {
    if (!*first) buffer_byte(b, ',');
    *first = false;
    space(b);
    buffer_append(b, slice_of(text));
    space(b);
}

static void any_messages(struct buffer *b, enum dialect_id id) {
    static const char *const openai[] = {
        "{\"role\":\"user\",\"content\":\"],[{\\\"\"}",
        "{ \"content\" : [{\"type\":\"text\",\"text\":\"a\"}] , \"role\":\"user\"}",
        "{\"role\":\"assistant\",\"content\":\"\\u00e9 \xE2\x82\xAC\"}",
        "{\"role\":\"system\",\"content\":\"s\"}",
        "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"1\"}]}",
        "{\"role\":\"tool\",\"tool_call_id\":\"1\",\"content\":\"r\"}"};
    static const char *const anthropic[] = {
        "{\"role\":\"user\",\"content\":\"],[{\\\"\"}",
        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}",
        "{\"role\":\"assistant\",\"content\":\"b\"}",
        "{\"role\":\"assistant\",\"content\":[]}",
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"1\",\"name\":\"f\",\"input\":{"
        "\"k\":[1]}}]}",
        "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":\"1\"}]}"};
    bool first = true, open = false;
    buffer_append(b, SLICE("\"messages\":["));
    for (int i = 1 + rand() % 12; i > 0; i--) {
        int kind = open ? 5 : rand() % 5;
        if (rand() % 100 == 0) kind = 5; /* at times without a call */
        open = kind == 4;
        member(b, &first, id == DIALECT_ANTHROPIC ? anthropic[kind] : openai[kind]);
    }
    buffer_byte(b, ']');
}

static void any_body(struct buffer *b, enum dialect_id id) {
    static const char *const others[] = {"\"max_tokens\":100", "\"max_completion_tokens\" : 200",
                                         "\"x\":[{},\"]\"]"};
    static const unsigned orders[][5] = {{0, 1, 2, 3, 4}, {4, 3, 2, 1, 0}, {2, 4, 0, 3, 1}, {1, 0, 4, 2, 3}};
    const unsigned *order = orders[rand() % 4];
    bool first = true;
    buffer_clear(b);
    space(b);
    buffer_byte(b, '{');
    for (unsigned i = 0; i < 5; i++) {
        struct buffer messages;
        buffer_init(&messages, 1 << 16);
        if (order[i] == 0) any_messages(&messages, id);
        if (order[i] == 0) member(b, &first, buffer_text(&messages));
        if (order[i] == 1) member(b, &first, "\"model\":\"x\"");
        if (order[i] > 1 && rand() % 2) member(b, &first, others[order[i] - 2]);
        buffer_deinit(&messages);
    }
    buffer_byte(b, '}');
    space(b);
}

static unsigned check_messages(const struct call *call, const struct json_doc *after, uint32_t messages) {
    uint32_t a = JSON_NONE, b = JSON_NONE, was, is, index = 0;
    unsigned dropped = 0;
    for (; json_each_item(&call->doc, call->messages_node, &a, &was); index++) {
        if (call_drops(call, index)) {
            dropped++;
            continue;
        }
        assert_true(json_each_item(after, messages, &b, &is));
        assert_true(slice_eq(json_raw(&call->doc, was), json_raw(after, is)));
    }
    assert_false(json_each_item(after, messages, &b, &is));
    return dropped;
}

/* All members in their order, with their own bytes but for model, messages and limits. */
static unsigned check_spliced(struct kit *k, const struct json_doc *after) {
    const struct json_doc *before = &k->call.doc;
    uint32_t a = JSON_NONE, b = JSON_NONE, key_a, key_b, value_a, value_b;
    bool added = k->call.output_cap >= 0 && k->call.max_tokens < 0;
    unsigned dropped = 0;
    assert_int_equal(json_size(after, 0), json_size(before, 0) + added);
    while (json_each_member(before, 0, &a, &key_a, &value_a)) {
        int64_t n, m;
        assert_true(json_each_member(after, 0, &b, &key_b, &value_b));
        assert_true(slice_eq(json_raw(before, key_a), json_raw(after, key_b)));
        if (value_a == k->call.model_node) {
            assert_true(json_is(after, value_b, "m"));
            if (added) assert_true(json_each_member(after, 0, &b, &key_b, &value_b));
        } else if (value_a == k->call.messages_node) {
            dropped = check_messages(&k->call, after, value_b);
        } else if (k->call.output_cap >= 0 && json_get_i64(before, value_a, &n) && n > k->call.output_cap &&
                   (value_a == k->call.limit_nodes[0] || value_a == k->call.limit_nodes[1])) {
            assert_true(json_get_i64(after, value_b, &m) && m == k->call.output_cap);
        } else {
            assert_true(slice_eq(json_raw(before, value_a), json_raw(after, value_b)));
        }
    }
    return dropped;
}

/* A client that drops the same messages itself would be counted alike. */
static void check_counts(struct kit *k, enum dialect_id id, struct slice spliced) {
    struct call again = {.endpoint = ENDPOINT_CHAT};
    assert_int_equal(dialect_of(id)->read_head(spliced, &k->arena, &again, &k->error), FAULT_NONE);
    assert_int_equal(again.text_bytes, k->call.text_bytes);
    assert_int_equal(again.n_images_total, k->call.n_images_total);
    assert_true(slice_eq(again.system_text, k->call.system_text));
}

static void any_call(void **state) {
    (void)state;
    const struct target target = {.provider = &somewhere, .model = "m"};
    unsigned dropped = 0, whole = 0;
    struct buffer body;
    buffer_init(&body, 1 << 16);
    srand(20261121);
    for (unsigned round = 0; round < 4000; round++) {
        struct kit k;
        struct json_doc after;
        enum dialect_id id = rand() % 2 ? DIALECT_OPENAI : DIALECT_ANTHROPIC;
        struct request_policy asked = {.max_output_tokens = rand() % 2 ? -1 : 50 + 50 * (rand() % 5),
                                       .history = {.keep_last = rand() % 3 == 0 ? -1 : 1 + rand() % 4,
                                                   .max_tokens = rand() % 2 ? -1 : rand() % 30,
                                                   .keep_system = rand() % 2,
                                                   .keep_first = rand() % 2}};
        kit_start(&k);
        any_body(&body, id);
        trim(&k, id, ENDPOINT_CHAT, buffer_text(&body), &asked);
        assert_int_equal(dialect_of(id)->splice(&k.call, &target, false, &k.out), FAULT_NONE);
        assert_int_equal(json_read(buffer_slice(&k.out), &k.arena, UINT16_MAX, &after, NULL), FAULT_NONE);
        unsigned gone = check_spliced(&k, &after);
        dropped += gone;
        whole += gone == 0;
        check_counts(&k, id, buffer_slice(&k.out));
        kit_end(&k);
    }
    assert_true(dropped > 1000 && whole > 500);
    buffer_deinit(&body);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(limits_are_lowered),
        cmocka_unit_test(a_limit_is_added_where_none_is),
        cmocka_unit_test(the_call_tells_of_its_cap),
        cmocka_unit_test(translated_calls_are_capped),
        cmocka_unit_test(translated_history_is_cut),
        cmocka_unit_test(counts_follow_the_cut),
        cmocka_unit_test(what_is_not_known_is_left_alone),
        cmocka_unit_test(any_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
