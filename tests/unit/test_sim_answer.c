#include "base/digest.h"
#include "sim/answer.h"
#include "sim/token.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static struct ask read_ask(enum ask_api api, const char *body) {
    struct ask ask = {0};
    struct ask_problem problem;
    if (!ask_read(api, slice_of(body), SLICE_NULL, 7, &arena, &ask, &problem))
        fail_msg("%s: %s", problem.text, body);
    return ask;
}

static struct answer answer_to(const struct ask *ask) {
    struct act act;
    struct profile profile;
    struct answer answer;
    act_init(&act);
    profile_init(&profile);
    answer_make(ask, &act, &profile, 7, &arena, &answer);
    return answer;
}

static struct answer answer_chat(const char *body) {
    struct ask ask = read_ask(ASK_CHAT, body);
    return answer_to(&ask);
}

static struct slice text_of(const struct answer *a) {
    assert_int_equal(a->choices[0].n_parts, 1);
    return a->choices[0].parts[0].text;
}

static bool same_text(const struct answer *a, const struct answer *b) {
    return slice_eq(text_of(a), text_of(b));
}

/* ---- tokens ---- */

static void tokens(void **state) {
    (void)state;
    static const char text[] = "Hello, providers: 12345 \xC3\xA9!?...\n\n  x";
    static const char *const parts[] = {"Hello", ",",         " provid", "ers", ":",      " 123",
                                        "45",    " \xC3\xA9", "!?.",     "..",  "\n\n  x"};
    struct slice rest = SLICE(text);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        size_t n = token_length(rest);
        if (!slice_is(slice_make(rest.at, n), parts[i]))
            fail_msg("token %zu is \"" SLICE_FMT "\"", i, SLICE_ARG(slice_make(rest.at, n)));
        rest = slice_make(rest.at + n, rest.len - n);
    }
    assert_int_equal(rest.len, 0);
    assert_int_equal(token_count(SLICE(text)), 11);
    assert_int_equal(token_cut(SLICE(text), 3), 13);
    assert_int_equal(token_cut(SLICE(text), 1000), sizeof text - 1);
    assert_int_equal(token_count(SLICE("")), 0);
}

/* ---- what answers depend on ---- */

static void the_same_in_every_api_and_form(void **state) {
    (void)state;
    struct answer a = answer_chat("{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Be "
                                  "kind.\"},{\"role\":\"user\",\"content\":\"Why is the sky blue?\"}]}");
    struct answer streamed = answer_chat("{\"stream\":true,\"stream_options\":{\"include_usage\":true},"
                                         "\"messages\":[{\"role\":\"developer\",\"content\":\"Be kind.\"},"
                                         "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Why "
                                         "is the sky blue?\"}]}],\"model\":\"m\"}");
    struct ask ask = read_ask(
        ASK_MESSAGES, "{\"model\":\"m\",\"max_tokens\":2000,\"system\":\"Be "
                      "kind.\",\"messages\":[{\"role\":\"user\",\"content\":\"Why is the sky blue?\"}]}");
    struct answer anthropic = answer_to(&ask);
    ask = read_ask(ASK_RESPONSES,
                   "{\"model\":\"m\",\"instructions\":\"Be kind.\",\"input\":\"Why is the sky blue?\"}");
    struct answer responses = answer_to(&ask);
    assert_true(same_text(&a, &streamed) && same_text(&a, &anthropic) && same_text(&a, &responses));
    assert_true(slice_eq(a.id, anthropic.id));
    assert_int_equal(a.created, responses.created);
    assert_int_equal(a.input, anthropic.input);
}

static void other_content_other_answer(void **state) {
    (void)state;
    struct answer a = answer_chat(
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Why is the sky blue?\"}]}");
    struct answer model = answer_chat(
        "{\"model\":\"n\",\"messages\":[{\"role\":\"user\",\"content\":\"Why is the sky blue?\"}]}");
    struct answer text = answer_chat(
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Why is the sea blue?\"}]}");
    struct answer seed = answer_chat("{\"model\":\"m\",\"seed\":5,\"messages\":[{\"role\":\"user\","
                                     "\"content\":\"Why is the sky blue?\"}]}");
    assert_false(same_text(&a, &model) || same_text(&a, &text) || same_text(&a, &seed));
    struct answer one =
        answer_chat("{\"model\":\"fb-s01-a\",\"messages\":[{\"role\":\"user\",\"content\":\"Why?\"}]}");
    struct answer two =
        answer_chat("{\"model\":\"openai/fb-ok\",\"messages\":[{\"role\":\"user\",\"content\":\"Why?\"}]}");
    assert_true(same_text(&one, &two));
    assert_int_equal(one.output, 60);
}

/* ---- length ---- */

static void max_tokens_and_stops(void **state) {
    (void)state;
    struct answer whole = answer_chat(
        "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Tell me about refunds\"}]}");
    struct answer cut = answer_chat("{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\","
                                    "\"content\":\"Tell me about refunds\"}]}");
    assert_int_equal(whole.choices[0].finish, ANSWER_STOP);
    assert_int_equal(cut.choices[0].finish, ANSWER_LENGTH);
    assert_int_equal(cut.output, 9);
    assert_int_equal(token_count(text_of(&cut)), 9);
    assert_true(slice_starts(text_of(&whole), text_of(&cut)));
    struct answer stopped = answer_chat("{\"model\":\"m\",\"stop\":[\"nowhere\",\".\"],\"messages\":[{"
                                        "\"role\":\"user\",\"content\":\"Tell me about refunds\"}]}");
    assert_int_equal(stopped.choices[0].finish, ANSWER_STOP_SEQUENCE);
    assert_true(slice_is(stopped.choices[0].stop, "."));
    assert_false(slice_contains(text_of(&stopped), SLICE(".")));
    assert_true(slice_contains(text_of(&whole), SLICE("refunds")));
}

static void exact_hint(void **state) {
    (void)state;
    static const int outputs[] = {1, 2, 44, 1000, 5000};
    for (size_t i = 0; i < sizeof outputs / sizeof outputs[0]; i++) {
        char body[256];
        (void)snprintf(body, sizeof body,
                       "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"x y "
                       "z\"},{\"role\":\"user\",\"content\":"
                       "\"[sim input=374 output=%d cached=128] hello there\"}]}",
                       outputs[i]);
        struct answer a = answer_chat(body);
        assert_int_equal(a.input, 374);
        assert_int_equal(a.cached, 128);
        assert_int_equal(a.output, outputs[i]);
        assert_int_equal(a.tokens, outputs[i]);
        assert_int_equal(token_count(text_of(&a)), outputs[i]);
        assert_int_equal(a.choices[0].finish, ANSWER_STOP);
    }
    struct answer a = answer_chat("{\"model\":\"m\",\"max_tokens\":10,\"messages\":[{\"role\":\"user\","
                                  "\"content\":\"[sim input=1 output=44]\"}]}");
    assert_int_equal(a.output, 10);
    assert_int_equal(a.choices[0].finish, ANSWER_LENGTH);
    struct ask ask = read_ask(ASK_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"["
                                        "sim input=9 output=3]  Where is my parcel? \"}]}");
    assert_true(slice_is(ask.question, "Where is my parcel?"));
}

static void what_the_system_says(void **state) {
    (void)state;
    struct ask ask = read_ask(ASK_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"developer\",\"content\":\"Be kind.\"},"
                                        "{\"role\":\"system\",\"content\":[{\"type\":\"text\",\"text\":\"Be short.\"}]},"
                                        "{\"role\":\"user\",\"content\":\"hi\"}]}");
    assert_true(slice_is(ask.system, "Be kind.\nBe short."));
    ask = read_ask(ASK_MESSAGES, "{\"model\":\"m\",\"max_tokens\":9,\"system\":\"Be kind.\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
    assert_true(slice_is(ask.system, "Be kind."));
    ask = read_ask(ASK_RESPONSES, "{\"model\":\"m\",\"instructions\":\"Be kind.\",\"input\":\"hi\"}");
    assert_true(slice_is(ask.system, "Be kind."));
    assert_int_equal(read_ask(ASK_CHAT, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}").system.len, 0);
}

static void several_choices(void **state) {
    (void)state;
    struct answer a = answer_chat(
        "{\"model\":\"m\",\"n\":3,\"messages\":[{\"role\":\"user\",\"content\":\"Name a colour\"}]}");
    assert_int_equal(a.n_choices, 3);
    assert_false(slice_eq(a.choices[0].parts[0].text, a.choices[1].parts[0].text));
    uint64_t sum = 0;
    for (int i = 0; i < 3; i++) sum += token_count(a.choices[i].parts[0].text);
    assert_int_equal(a.output, sum);
}

/* ---- tools ---- */

#define TOOLS                                                                                                \
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"parameters\":{\"type\":"     \
    "\"object\",\"properties\":"                                                                             \
    "{\"city\":{\"type\":\"string\"}},\"required\":[\"city\"]}}},{\"type\":\"function\",\"function\":{"      \
    "\"name\":\"book_table\"}}],"

static enum answer_kind kind_of(const struct answer *a) {
    return a->choices[0].parts[0].kind;
}

static void tool_choice(void **state) {
    (void)state;
    struct answer a = answer_chat("{\"model\":\"m\"," TOOLS
                                  "\"messages\":[{\"role\":\"user\",\"content\":\"How are you?\"}]}");
    assert_int_equal(kind_of(&a), ANSWER_TEXT);
    a = answer_chat("{\"model\":\"m\"," TOOLS
                    "\"messages\":[{\"role\":\"user\",\"content\":\"Please Get Weather for Paris\"}]}");
    assert_int_equal(kind_of(&a), ANSWER_TOOL);
    assert_true(slice_is(a.choices[0].parts[0].name, "get_weather"));
    assert_int_equal(a.choices[0].finish, ANSWER_TOOLS);
    a = answer_chat(
        "{\"model\":\"m\"," TOOLS
        "\"tool_choice\":\"none\",\"messages\":[{\"role\":\"user\",\"content\":\"get_weather now\"}]}");
    assert_int_equal(kind_of(&a), ANSWER_TEXT);
    a = answer_chat(
        "{\"model\":\"m\"," TOOLS
        "\"tool_choice\":\"required\",\"messages\":[{\"role\":\"user\",\"content\":\"How are you?\"}]}");
    assert_int_equal(kind_of(&a), ANSWER_TOOL);
    a = answer_chat(
        "{\"model\":\"m\"," TOOLS
        "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"book_table\"}},\"messages\":"
        "[{\"role\":\"user\",\"content\":\"How are you?\"}]}");
    assert_true(slice_is(a.choices[0].parts[0].name, "book_table"));
    assert_true(slice_is(a.choices[0].parts[0].text, "{}"));
    a = answer_chat("{\"model\":\"m\"," TOOLS "\"messages\":[{\"role\":\"user\",\"content\":\"get_weather\"},"
                    "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"x\","
                    "\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"arguments\":\"{}\"}}]},{"
                    "\"role\":\"tool\",\"tool_call_id\":\"x\",\"content\":\"sun\"}]}");
    assert_int_equal(kind_of(&a), ANSWER_TEXT);
}

static void parallel_calls(void **state) {
    (void)state;
    unsigned twice = 0;
    for (int i = 0; i < 60; i++) {
        char body[600];
        (void)snprintf(
            body, sizeof body,
            "{\"model\":\"m\"," TOOLS
            "\"tool_choice\":\"required\",\"messages\":[{\"role\":\"user\",\"content\":\"try %d\"}]}",
            i);
        struct answer a = answer_chat(body);
        twice += a.choices[0].n_parts == 2;
        (void)snprintf(body, sizeof body,
                       "{\"model\":\"m\"," TOOLS "\"tool_choice\":\"required\",\"parallel_tool_calls\":false,"
                       "\"messages\":[{\"role\":\"user\",\"content\":\"try %d\"}]}",
                       i);
        a = answer_chat(body);
        assert_int_equal(a.choices[0].n_parts, 1);
    }
    assert_in_range(twice, 5, 30);
}

/* ---- JSON ---- */

static void json_formats(void **state) {
    (void)state;
    struct json_doc d;
    struct answer a = answer_chat("{\"model\":\"m\",\"response_format\":{\"type\":\"json_object\"},"
                                  "\"messages\":[{\"role\":\"user\",\"content\":\"JSON please\"}]}");
    assert_int_equal(json_read(text_of(&a), &arena, UINT16_MAX, &d, NULL), FAULT_NONE);
    assert_int_equal(json_type(&d, 0), JSON_OBJECT);
    static const char schema[] = "\"schema\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":"
                                 "\"integer\",\"minimum\":3,\"maximum\":4}},\"required\":[\"n\"]}";
    char body[512];
    (void)snprintf(body, sizeof body,
                   "{\"model\":\"m\",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":"
                   "\"x\",%s}},\"messages\":[{\"role\":\"user\",\"content\":\"go\"}]}",
                   schema);
    a = answer_chat(body);
    int64_t n = 0;
    assert_int_equal(json_read(text_of(&a), &arena, UINT16_MAX, &d, NULL), FAULT_NONE);
    assert_true(json_get_i64(&d, json_get(&d, 0, "n"), &n) && n >= 3 && n <= 4);
    (void)snprintf(body, sizeof body,
                   "{\"model\":\"m\",\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"x\",%s}},"
                   "\"input\":\"go\"}",
                   schema);
    struct ask ask = read_ask(ASK_RESPONSES, body);
    a = answer_to(&ask);
    assert_int_equal(json_read(text_of(&a), &arena, UINT16_MAX, &d, NULL), FAULT_NONE);
    assert_true(json_get_i64(&d, json_get(&d, 0, "n"), &n) && n >= 3 && n <= 4);
}

/* ---- refusals of requests ---- */

static void problems(void **state) {
    (void)state;
    static const struct {
        enum ask_api api;
        const char *body, *param;
    } wrong[] = {
        {ASK_CHAT, "{", NULL},
        {ASK_CHAT, "[]", NULL},
        {ASK_CHAT, "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", "model"},
        {ASK_CHAT, "{\"model\":\"m\"}", "messages"},
        {ASK_CHAT, "{\"model\":\"m\",\"messages\":[1]}", "messages"},
        {ASK_CHAT, "{\"model\":\"m\",\"max_tokens\":0,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
         "max_tokens"},
        {ASK_CHAT, "{\"model\":\"m\",\"n\":99,\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", "n"},
        {ASK_CHAT,
         "{\"model\":\"m\",\"tool_choice\":\"required\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]"
         "}",
         "tool_choice"},
        {ASK_CHAT,
         "{\"model\":\"m\"," TOOLS "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"zzz\"}},"
         "\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
         "tool_choice"},
        {ASK_MESSAGES, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}",
         "max_tokens"},
        {ASK_EMBEDDINGS, "{\"model\":\"m\"}", "input"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct ask ask = {.n = 77};
        struct ask_problem problem;
        assert_false(ask_read(wrong[i].api, slice_of(wrong[i].body), SLICE_NULL, 7, &arena, &ask, &problem));
        assert_int_equal(ask.n, 77);
        assert_true(problem.text[0] != '\0');
        if (wrong[i].param != NULL) assert_string_equal(problem.param, wrong[i].param);
        else assert_null(problem.param);
    }
}

/* ---- embeddings ---- */

static double likeness(const char *a, const char *b) {
    enum { N = 1536 };
    static float x[N], y[N];
    double sum = 0, length = 0;
    answer_embedding(slice_of(a), 7, N, x);
    answer_embedding(slice_of(b), 7, N, y);
    for (int i = 0; i < N; i++) {
        sum += (double)x[i] * y[i];
        length += (double)x[i] * x[i];
    }
    assert_true(fabs(length - 1) < 1e-5);
    return sum;
}

static void embeddings(void **state) {
    (void)state;
    double same = likeness("my card was declined", "my card was declined");
    double near = likeness("my card was declined", "why was my card declined today");
    double far = likeness("my card was declined", "exchange rates for holidays abroad");
    assert_true(same > 0.999);
    assert_true(near > 0.6 && near < same);
    assert_true(far < 0.3);
    assert_true(likeness("", "") > 0.999);
}

static int open_arena(void **state) {
    (void)state;
    arena_init(&arena, 65536, 256 << 20);
    return 0;
}

static int close_arena(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tokens),
        cmocka_unit_test(the_same_in_every_api_and_form),
        cmocka_unit_test(other_content_other_answer),
        cmocka_unit_test(max_tokens_and_stops),
        cmocka_unit_test(exact_hint), cmocka_unit_test(what_the_system_says),
        cmocka_unit_test(several_choices),
        cmocka_unit_test(tool_choice),
        cmocka_unit_test(parallel_calls),
        cmocka_unit_test(json_formats),
        cmocka_unit_test(problems),
        cmocka_unit_test(embeddings),
    };
    return digest_start() ? cmocka_run_group_tests(tests, open_arena, close_arena) : 1;
}
