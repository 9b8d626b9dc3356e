#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "cost/token_count.h"

#define GPT SLICE("gpt-4o-mini")
#define NOBODY SLICE_NULL

static void test_encoding_of_model(void **state) {
    static const struct {
        const char *provider, *model;
        enum token_encoding encoding;
    } cases[] = {
        {"openai", "gpt-4o", TOKEN_O200K},
        {"openai", "gpt-4o-mini-2024-07-18", TOKEN_O200K},
        {"openai", "GPT-4.1-nano", TOKEN_O200K},
        {NULL, "gpt-5.1", TOKEN_O200K},
        {NULL, "o1", TOKEN_O200K},
        {NULL, "o3-mini", TOKEN_O200K},
        {NULL, "o4-mini-2025-04-16", TOKEN_O200K},
        {NULL, "chatgpt-4o-latest", TOKEN_O200K},
        {"groq", "openai/gpt-oss-120b", TOKEN_O200K},
        {"openai", "ft:gpt-4o-mini-2024-07-18:acme::abc", TOKEN_O200K},
        {"openai", "gpt-4", TOKEN_CL100K},
        {"openai", "gpt-4-turbo-2024-04-09", TOKEN_CL100K},
        {"openai", "gpt-3.5-turbo", TOKEN_CL100K},
        {"azure", "gpt-35-turbo", TOKEN_CL100K},
        {"openai", "text-embedding-3-small", TOKEN_CL100K},
        {"openai", "text-embedding-ada-002", TOKEN_CL100K},
        {"openai", "gpt-4.9", TOKEN_ESTIMATE}, /* unknown to us is unknown */
        {"openai", "gpt-40", TOKEN_ESTIMATE},
        {"openai", "o10", TOKEN_ESTIMATE},
        {"openai", "o", TOKEN_ESTIMATE},
        {"openai", "", TOKEN_ESTIMATE},
        {"anthropic", "claude-sonnet-4-5", TOKEN_ESTIMATE},
        {"Anthropic", "gpt-4o", TOKEN_ESTIMATE},
        {NULL, "llama-3.1-70b", TOKEN_ESTIMATE},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(token_encoding_of(slice_of(cases[i].provider), slice_of(cases[i].model)),
                         cases[i].encoding);
    assert_string_equal(token_encoding_name(TOKEN_CL100K), "cl100k_base");
    assert_string_equal(token_encoding_name(TOKEN_ESTIMATE), "estimate");
}

static struct token_count count_text(const char *model, struct slice text, size_t whole,
                                     const struct token_calibration *calibration) {
    struct token_counter c;
    token_counter_init(&c, BPE_LONGEST_LOOP, whole, calibration);
    struct token_count n = token_count_text(&c, NOBODY, slice_of(model), text);
    token_counter_deinit(&c);
    return n;
}

static void test_text(void **state) {
    (void)state;
    struct token_count n =
        count_text("gpt-4o", SLICE("don't DON'T we're they've y'all's 'tis"), TOKEN_WHOLE_LOOP, NULL);
    assert_int_equal(n.tokens, 9);
    assert_true(n.exact && n.whole);
    n = count_text("gpt-4", SLICE("don't DON'T we're they've y'all's 'tis"), TOKEN_WHOLE_LOOP, NULL);
    assert_int_equal(n.tokens, 14);
    assert_int_equal(n.encoding, TOKEN_CL100K);
    n = count_text("claude", SLICE("don't DON'T we're they've y'all's 'tis"), TOKEN_WHOLE_LOOP, NULL);
    assert_int_equal(n.tokens, 9);
    assert_false(n.exact);
    assert_int_equal(count_text("gpt-4o", SLICE(""), TOKEN_WHOLE_LOOP, NULL).tokens, 0);
    assert_int_equal(count_text("gpt-4o", SLICE_NULL, TOKEN_WHOLE_LOOP, NULL).tokens, 0);
}

static struct token_count count_call(const char *model, enum endpoint endpoint, const char *json,
                                     size_t whole) {
    struct token_counter c;
    struct arena arena;
    struct call call = {.endpoint = endpoint};
    arena_init(&arena, 4096, 64u << 20);
    assert_int_equal(json_read(slice_of(json), &arena, UINT16_MAX, &call.doc, NULL), FAULT_NONE);
    token_counter_init(&c, BPE_LONGEST_LOOP, whole, NULL);
    struct token_count n = token_count_call(&c, NOBODY, slice_of(model), &call);
    token_counter_deinit(&c);
    arena_deinit(&arena);
    return n;
}

/* gpt-tokenizer's countChatCompletionTokens says 38 for these messages with gpt-4o. */
static void test_chat(void **state) {
    static const char chat[] =
        "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"You are a helpful assistant.\"},"
        "{\"role\":\"user\",\"name\":\"ada\",\"content\":\"Where is my parcel? It's "
        "\\\"late\\\"\\n\\u00e9\\u4e2d\"},"
        "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"Let me look.\"}]}]}";
    (void)state;
    struct token_count n = count_call("gpt-4o", ENDPOINT_CHAT, chat, TOKEN_WHOLE_LOOP);
    assert_int_equal(n.tokens, 38);
    assert_true(n.exact && n.whole);
    assert_false(count_call("claude-3-5-haiku", ENDPOINT_CHAT, chat, TOKEN_WHOLE_LOOP).exact);
    assert_int_equal(count_call("gpt-4o", ENDPOINT_CHAT, "{\"messages\":[]}", TOKEN_WHOLE_LOOP).tokens, 3);
}

static void test_what_is_no_text(void **state) {
    static const char *const inexact[] = {
        "{\"messages\":[{\"role\":\"user\",\"content\":\"hello "
        "world\"}],\"tools\":[{\"type\":\"function\"}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":\"hello "
        "world\"},{\"role\":\"assistant\",\"content\":null,"
        "\"tool_calls\":[{\"id\":\"1\"}]}]}",
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hello world\"},"
        "{\"type\":\"image_url\",\"image_url\":{\"url\":\"x\"}}]},{\"role\":\"tool\",\"content\":\"1\"}]}",
    };
    (void)state;
    struct token_count plain =
        count_call("gpt-4o", ENDPOINT_CHAT,
                   "{\"messages\":[{\"role\":\"user\",\"content\":\"hello world\"}]}", TOKEN_WHOLE_LOOP);
    assert_int_equal(plain.tokens, 3 + 1 + 2 + 3);
    assert_true(plain.exact);
    for (unsigned i = 0; i < sizeof inexact / sizeof inexact[0]; i++) {
        struct token_count n = count_call("gpt-4o", ENDPOINT_CHAT, inexact[i], TOKEN_WHOLE_LOOP);
        assert_false(n.exact);
        assert_true(n.tokens > plain.tokens);
    }
}

static void test_images(void **state) {
    struct token_counter c;
    struct call call = {.endpoint = ENDPOINT_CHAT, .n_images_total = 2};
    (void)state;
    token_counter_init(&c, BPE_LONGEST_LOOP, TOKEN_WHOLE_LOOP, NULL);
    struct token_count n = token_count_call(&c, NOBODY, GPT, &call);
    assert_int_equal(n.tokens, 2 * TOKEN_PER_IMAGE + 3);
    assert_false(n.exact);
    assert_false(n.whole);
    token_counter_deinit(&c);
}

static void test_other_endpoints(void **state) {
    (void)state;
    struct token_count n = count_call("text-embedding-3-small", ENDPOINT_EMBEDDINGS,
                                      "{\"input\":[\"hello world\",\"hello world\"]}", TOKEN_WHOLE_LOOP);
    assert_int_equal(n.tokens, 4);
    assert_true(n.exact);
    n = count_call("text-embedding-3-small", ENDPOINT_EMBEDDINGS, "{\"input\":[[1,2,3],[4]]}",
                   TOKEN_WHOLE_LOOP);
    assert_int_equal(n.tokens, 4);
    n = count_call("gpt-4o", ENDPOINT_RESPONSES,
                   "{\"instructions\":\"hello world\",\"input\":\"hello world\"}", TOKEN_WHOLE_LOOP);
    assert_int_equal(n.tokens, 4 + 3);
    assert_false(n.exact);
    n = count_call(
        "claude", ENDPOINT_CHAT,
        "{\"system\":[{\"type\":\"text\",\"text\":\"hello "
        "world\"}],\"messages\":[{\"role\":\"user\",\"content\":"
        "[{\"type\":\"tool_result\",\"content\":[{\"type\":\"text\",\"text\":\"hello world\"}]}]}]}",
        TOKEN_WHOLE_LOOP);
    assert_int_equal(n.tokens, 2 + 3 + 1 + 2 + 3);
}

/* What a history policy holds back is not sent, and not counted. */
static void test_dropped_messages(void **state) {
    static const char text[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"hello world\"},"
                               "{\"role\":\"user\",\"content\":\"hello world\"}]}";
    struct token_counter c;
    struct arena arena;
    struct call call = {.endpoint = ENDPOINT_CHAT};
    (void)state;
    arena_init(&arena, 4096, 1 << 20);
    assert_int_equal(json_read(slice_of(text), &arena, UINT16_MAX, &call.doc, NULL), FAULT_NONE);
    call.messages_node = json_get(&call.doc, 0, "messages");
    token_counter_init(&c, BPE_LONGEST_LOOP, TOKEN_WHOLE_LOOP, NULL);
    assert_int_equal(token_count_call(&c, NOBODY, GPT, &call).tokens, 2 * (3 + 1 + 2) + 3);
    call.dropped = (const bool[]){true, false};
    assert_int_equal(token_count_call(&c, NOBODY, GPT, &call).tokens, 3 + 1 + 2 + 3);
    token_counter_deinit(&c);
    arena_deinit(&arena);
}

/* The same call as a body without a document. */
static void test_body(void **state) {
    struct part text = {.type = PART_TEXT, .text = SLICE("hello world")};
    struct message m = {.role = ROLE_USER, .parts = &text, .n_parts = 1};
    struct tool tool = {.name = SLICE("hello world"), .schema = SLICE("{}")};
    struct call call = {.endpoint = ENDPOINT_CHAT, .has_body = true, .messages = &m, .n_messages = 1};
    struct token_counter c;
    (void)state;
    token_counter_init(&c, BPE_LONGEST_LOOP, TOKEN_WHOLE_LOOP, NULL);
    struct token_count n = token_count_call(&c, NOBODY, GPT, &call);
    assert_int_equal(n.tokens, 3 + 1 + 2 + 3);
    assert_true(n.exact);
    call.tools = &tool;
    call.n_tools = 1;
    n = token_count_call(&c, NOBODY, GPT, &call);
    assert_int_equal(n.tokens, 3 + 1 + 2 + 3 + 2 + 1);
    assert_false(n.exact);
    token_counter_deinit(&c);
}

/* Above `whole`, windows stand for the text: near the count, and never called exact. */
static void test_sample(void **state) {
    struct buffer b;
    (void)state;
    buffer_init(&b, 4u << 20);
    assert_true(buffer_append(&b, SLICE("{\"messages\":[{\"role\":\"user\",\"content\":\"")));
    for (unsigned i = 0; i < 40000; i++)
        assert_true(buffer_printf(&b, "%s line %u, caf\303\251 \346\274\242\345\255\227; ",
                                  i % 3 ? "parcel" : "order", i * 7919));
    assert_true(buffer_append(&b, SLICE("\"},{\"role\":\"user\",\"content\":\"and now?\"}]}")));
    struct token_count all = count_call("gpt-4o", ENDPOINT_CHAT, buffer_text(&b), TOKEN_WHOLE_TOOL);
    struct token_count some = count_call("gpt-4o", ENDPOINT_CHAT, buffer_text(&b), TOKEN_WHOLE_LOOP);
    assert_true(all.exact && all.whole);
    assert_false(some.exact || some.whole);
    assert_in_range(some.tokens, all.tokens * 98 / 100, all.tokens * 102 / 100);
    buffer_deinit(&b);
}

static void test_calibration_learns(void **state) {
    static struct token_calibration c;
    uint32_t n = 9;
    (void)state;
    token_calibration_init(&c);
    assert_float_equal(token_calibration_factor(&c, SLICE("claude"), &n), 1, 0);
    assert_int_equal(n, 0);
    assert_true(token_calibration_update(&c, SLICE("claude"), 1000, 1200));
    assert_float_equal(token_calibration_factor(&c, SLICE("claude"), &n), 1.2, 1e-6);
    assert_int_equal(n, 1);
    assert_true(token_calibration_update(&c, SLICE("claude"), 1000, 1400)); /* the first ones are averaged */
    assert_float_equal(token_calibration_factor(&c, SLICE("claude"), NULL), 1.3, 1e-6);
    assert_float_equal(token_calibration_factor(&c, SLICE("gemini"), NULL), 1, 0);
    struct token_count t =
        count_text("claude", SLICE("one two three four five six seven eight nine ten"), TOKEN_WHOLE_LOOP, &c);
    assert_int_equal(t.plain, 10);
    assert_int_equal(t.tokens, 13);
    assert_int_equal(count_text("gpt-4o", SLICE("one two"), TOKEN_WHOLE_LOOP, &c).tokens, 2);
}

static void test_calibration_refuses(void **state) {
    static struct token_calibration c;
    (void)state;
    token_calibration_init(&c);
    const struct {
        int64_t ours, provider;
    } bad[] = {{1000, 0}, {1000, -5}, {1000, INT64_MAX}, {1000, 249},   {1000, 4001},
               {49, 60},  {0, 10},    {-1000, -1200},    {INT64_MAX, 1}};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(token_calibration_update(&c, SLICE("m"), bad[i].ours, bad[i].provider));
    assert_float_equal(token_calibration_factor(&c, SLICE("m"), NULL), 1, 0);
}

/* One wild observation hardly moves what is settled; a lasting change is followed. */
static void test_calibration_is_robust(void **state) {
    static struct token_calibration c;
    (void)state;
    token_calibration_init(&c);
    for (unsigned i = 0; i < 200; i++) assert_true(token_calibration_update(&c, SLICE("m"), 1000, 1100));
    assert_true(token_calibration_update(&c, SLICE("m"), 1000, 4000));
    assert_true(token_calibration_factor(&c, SLICE("m"), NULL) < 1.1 * 1.009);
    for (unsigned i = 0; i < 400; i++) assert_true(token_calibration_update(&c, SLICE("m"), 1000, 1500));
    assert_float_equal(token_calibration_factor(&c, SLICE("m"), NULL), 1.5, 0.005);
}

static void test_calibration_full(void **state) {
    static struct token_calibration c;
    char name[16];
    (void)state;
    token_calibration_init(&c);
    for (unsigned i = 0; i < TOKEN_CALIBRATION_MODELS; i++) {
        snprintf(name, sizeof name, "m%u", i);
        assert_true(token_calibration_update(&c, slice_of(name), 1000, 1000 + (int64_t)i));
    }
    assert_false(token_calibration_update(&c, SLICE("one more"), 1000, 2000));
    assert_float_equal(token_calibration_factor(&c, SLICE("one more"), NULL), 1, 0);
    for (unsigned i = 0; i < TOKEN_CALIBRATION_MODELS; i++) {
        snprintf(name, sizeof name, "m%u", i);
        assert_float_equal(token_calibration_factor(&c, slice_of(name), NULL), 1 + i / 1000.0, 1e-6);
    }
}

enum { THREADS = 4, UPDATES = 2000 };

static void *update(void *at) {
    for (unsigned i = 0; i < UPDATES; i++) {
        (void)!token_calibration_update(at, i % 2 ? SLICE("a") : SLICE("b"), 1000, i % 2 ? 1200 : 800);
        double f = token_calibration_factor(at, SLICE("a"), NULL);
        if (f < 0.999 || f > 1.201) return at;
    }
    return NULL;
}

static void test_calibration_threads(void **state) {
    static struct token_calibration c;
    pthread_t threads[THREADS];
    uint32_t n;
    (void)state;
    token_calibration_init(&c);
    for (unsigned i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, update, &c), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        void *wrong;
        assert_int_equal(pthread_join(threads[i], &wrong), 0);
        assert_null(wrong);
    }
    assert_float_equal(token_calibration_factor(&c, SLICE("a"), &n), 1.2, 1e-5);
    assert_int_equal(n, THREADS * UPDATES / 2); /* no update was lost */
    assert_float_equal(token_calibration_factor(&c, SLICE("b"), NULL), 0.8, 1e-5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encoding_of_model),
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_chat),
        cmocka_unit_test(test_what_is_no_text),
        cmocka_unit_test(test_images),
        cmocka_unit_test(test_other_endpoints),
        cmocka_unit_test(test_dropped_messages),
        cmocka_unit_test(test_body),
        cmocka_unit_test(test_sample),
        cmocka_unit_test(test_calibration_learns),
        cmocka_unit_test(test_calibration_refuses),
        cmocka_unit_test(test_calibration_is_robust),
        cmocka_unit_test(test_calibration_full),
        cmocka_unit_test(test_calibration_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
