/* Pairs of versions, each with the class that a person gave it. What is called minor by mistake goes to everybody without a reviewer, so the
 * table is full of what looks small and is not. */
#include "change/classify.h"
#include "change/text_diff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 64 << 10, 256 << 20);
    return digest_start() ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

/* ---- one message's text ---- */

struct pair {
    const char *before, *after;
    enum change_class class;
};

#define MINOR CHANGE_MINOR
#define MODERATE CHANGE_MODERATE
#define MAJOR CHANGE_MAJOR

static const struct pair texts[] = {
    /* white space and lines */
    {"Be polite. Answer the question.", "Be polite.  Answer the question.", MINOR},
    {"Be polite. Answer the question.", "Be polite.\n\nAnswer the question.\n", MINOR},
    {"Be polite.\r\nAnswer.", "Be polite.\nAnswer.", MINOR},
    {"Be\tpolite.", "Be polite.", MINOR},
    /* punctuation */
    {"Be polite and answer the question", "Be polite and answer the question.", MINOR},
    {"Be polite, brief and exact.", "Be polite, brief, and exact.", MINOR},
    {"Be polite; then answer.", "Be polite. Then answer.", MINOR},
    {"Don't guess.", "Don\xE2\x80\x99t guess.", MINOR},
    {"Say \"hello\" first.", "Say \xE2\x80\x9Chello\xE2\x80\x9D first.", MINOR},
    {"Be polite - always.", "Be polite \xE2\x80\x94 always.", MINOR},
    /* Markdown */
    {"- be polite\n- be brief", "* be polite\n* be brief", MINOR},
    {"- be polite\n- be brief", "1. be polite\n2. be brief", MINOR},
    {"Rules:\nbe polite", "## Rules\n\nbe polite", MINOR},
    {"Be polite.", "Be **polite**.", MINOR},
    {"Use the name `support`.", "Use the name support.", MINOR},
    {"be polite.", "Be polite.", MINOR},
    {"Rules\nbe polite", "Rules\n-----\nbe polite", MINOR},
    {"Hello {{name}}!", "Hello {{ name }}!", MINOR},
    /* words: a typo may have been a meaning, so a person looks */
    {"Never recieve payments.", "Never receive payments.", MODERATE},
    {"Answer now.", "Answer not.", MODERATE},
    {"You are a helpful assistant.", "You are an helpful assistant.", MODERATE},
    {"Be polite.", "Be polite. Ask for the order number.", MODERATE},
    {"Be polite. Ask for the order number.", "Be polite.", MODERATE},
    {"Be brief.", "Be thorough.", MODERATE},
    {"Help the customer in the US.", "Help the customer in the us.", MODERATE},
    {"Read it when Apple is named.", "Read it when apple is named.", MODERATE},
    {"You MUST refuse.", "You must refuse.", MODERATE},
    /* negations */
    {"Do promise refunds.", "Do not promise refunds.", MODERATE},
    {"You can promise refunds.", "You can't promise refunds.", MODERATE},
    {"Answer with a source.", "Answer without a source.", MODERATE},
    {"Antworte immer.", "Antworte nie.", MODERATE},
    {"\xE5\x8F\xAF\xE4\xBB\xA5\xE9\x80\x80\xE6\xAC\xBE", "\xE4\xB8\x8D\xE5\x8F\xAF\xE4\xBB\xA5\xE9\x80\x80\xE6\xAC\xBE", MODERATE}, /* may, may not refund */
    /* numbers, signs and operators */
    {"At most 50 words.", "At most 500 words.", MODERATE},
    {"At most 1.5 pages.", "At most 15 pages.", MODERATE},
    {"Credit up to 1,000 USD.", "Credit up to 1000 USD.", MODERATE},
    {"Below -5 degrees, warn.", "Below 5 degrees, warn.", MODERATE},
    {"Subtract: 10 - 5", "Subtract: 10 5", MODERATE},
    {"A discount of 10%.", "A discount of 10.", MODERATE},
    {"Costs $5.", "Costs 5.", MODERATE},
    {"Refuse when x != y.", "Refuse when x = y.", MODERATE},
    {"Refuse when x >= 3.", "Refuse when x > 3.", MODERATE},
    {"Escalate if !done.", "Escalate if done.", MODERATE},
    {"Look at *.txt only.", "Look at txt only.", MODERATE},
    {"We write C++ here.", "We write C here.", MODERATE},
    {"Use step 1 and 2.", "Use step 1 and 3.", MODERATE},
    {"1. greet\n2. answer", "1. greet\n3. answer", MODERATE}, /* no list's next number */
    {"Pass --force.", "Pass force.", MODERATE},
    {"Read user_id.", "Read user id.", MODERATE},
    {"Hello {{name}}!", "Hello {{surname}}!", MODERATE},
    {"Return [] if none.", "Return if none.", MODERATE},
    {"Run:\n```\nif x:\n    y\n```", "Run:\n```\nif x:\ny\n```", MODERATE}, /* white space of code */
    {"Be polite.", "Be po\xE2\x80\x8Blite.", MODERATE},                      /* U+200B, seen by nobody */
    {"- [ ] check", "- [x] check", MODERATE},
    /* the form of the answer, and another text altogether */
    {"Answer the question.", "Answer the question as JSON.", MAJOR},
    {"Answer in XML with the tags a and b.", "Answer in YAML with the tags a and b.", MAJOR},
    {"You help people with their parcels. You know where each parcel is because you have a tool for it. You never guess. You say so when you do not know, and you give the number of "
     "the service line when somebody is upset about what has happened to them.",
     "Act as a senior lawyer. Draft contracts from bullet lists. Each clause gets a heading. Where local law differs between countries mention that difference, cite statutes, and "
     "propose two alternative wordings together with risks, in a table sorted by severity please, because clients want clarity above everything else.",
     MAJOR},
};

static void put_prompt(struct prompt *p, struct prompt_message *m, const char *text) {
    *m = (struct prompt_message){.role = SLICE("system"), .content = slice_of(text)};
    *p = (struct prompt){.name = SLICE("p"), .model = SLICE("m"), .messages = m, .n_messages = 1};
}

static void texts_have_their_class(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct prompt before, after;
        struct prompt_message a, b;
        struct classification c;
        put_prompt(&before, &a, texts[i].before);
        put_prompt(&after, &b, texts[i].after);
        for (int way = 0; way < 2; way++) { /* the way back is a change of the same size */
            assert_int_equal(classify_prompt(way ? &after : &before, way ? &before : &after, &arena, &c), FAULT_NONE);
            if (c.class != texts[i].class)
                fail_msg("%s -> %s (way %d): expected %s, found " SLICE_FMT, texts[i].before, texts[i].after, way, change_class_name(texts[i].class), SLICE_ARG(c.reasons[0]));
            assert_true(c.n_reasons > 0 && slice_contains(c.reasons[0], slice_of(change_class_name(c.class)))); /* the worst is told first */
        }
    }
}

/* ---- whole prompts ---- */

static const char whole[] = "prompt: p\nmodel: openai/gpt-4o-2024-08-06\nparameters: {temperature: 0.5, max_tokens: 1000, top_p: 0.9, response_format: {type: text}}\n"
                            "messages:\n- {role: system, content: Be polite.}\n- {role: user, content: Where is it?}\n- {role: assistant, content: On its way.}\n"
                            "- {role: user, content: '{{question}}'}\nvariables: {question: {required: true, max_chars: 8000}}\n"
                            "tools: [{type: function, function: {name: find}}]\n";

struct swap {
    const char *from, *to, *reason; /* reason: words of the first */
    enum change_class class;
};

static const struct swap swaps[] = {
    {"temperature: 0.5", "temperature: 0.8", "parameter temperature: 0.5 -> 0.8", MODERATE},
    {"temperature: 0.5", "temperature: 0.2", "parameter temperature", MODERATE},
    {"temperature: 0.5", "temperature: 0.81", "more than 0.3 apart", MAJOR},
    {"temperature: 0.5", "temperature: 0.50", "written another way", MINOR},
    {"temperature: 0.5, ", "", "no longer 0.5", MAJOR},
    {"temperature: 0.5", "temperature: 0.5, seed: 7", "parameter seed", MODERATE},
    {"temperature: 0.5", "temperature: 0.5, stop: [END]", "parameter stop", MAJOR},
    {"temperature: 0.5", "temperature: 0.5, reasoning_effort: high", "reasoning_effort", MAJOR},
    {"max_tokens: 1000", "max_tokens: 1200", "max_tokens", MODERATE},
    {"max_tokens: 1000", "max_tokens: 100", "more than 256 apart", MAJOR},
    {"top_p: 0.9", "top_p: 1", "top_p", MODERATE},
    {"top_p: 0.9", "top_p: 0.5", "top_p", MAJOR},
    {"{type: text}", "{type: json_object}", "response_format", MAJOR},
    {"openai/gpt-4o-2024-08-06", "openai/gpt-4o-2024-11-20", "model: openai/gpt-4o-2024-08-06 -> openai/gpt-4o-2024-11-20", MAJOR},
    {"openai/gpt-4o-2024-08-06", "anthropic/claude-sonnet-4", "model", MAJOR},
    {"model: openai/gpt-4o-2024-08-06\n", "", "whatever the caller says", MAJOR},
    {"content: On its way.", "content: It is lost.", "example 1: changed", MODERATE},
    {"content: On its way.", "content: 'On its way!'", "example 1: only white space", MINOR},
    {"- {role: user, content: Where is it?}\n- {role: assistant, content: On its way.}\n", "", "examples: 1 before, 0 now", MODERATE},
    {"- {role: system, content: Be polite.}", "- {role: system, content: Be polite.}\n- {role: user, content: A}\n- {role: assistant, content: B}", "examples: 1 before, 2 now", MODERATE},
    {"- {role: system", "- {role: developer, content: Obey.}\n- {role: system", "messages: system, user before, developer, system, user now", MAJOR},
    {"role: system", "role: developer", "messages: system, user before", MAJOR},
    {"- {role: user, content: '{{question}}'}", "- {role: user, content: '{{question}}'}\n- {role: assistant, content: Sure}", "messages", MAJOR}, /* words in the model's mouth */
    {"- {role: user, content: '{{question}}'}", "- {role: user, content: [{type: text, text: '{{question}}'}]}", "its parts changed", MAJOR},
    {"tools: [{type: function, function: {name: find}}]", "tools: [{type: function, function: {name: find}}, {type: function, function: {name: pay}}]", "tools: 1 before, 2 now", MAJOR},
    {"tools: [{type: function, function: {name: find}}]", "tools: []", "tools: 1 before, 0 now", MAJOR},
    {"name: find", "name: find, description: any", "tools: changed", MAJOR},
    {"max_chars: 8000}", "max_chars: 8000}, tone: {default: calm}", "variable tone: added", MAJOR},
    {"{required: true, max_chars: 8000}", "{max_chars: 8000}", "no longer required", MAJOR},
    {"max_chars: 8000", "max_chars: 9000", "max_chars 8000 -> 9000", MODERATE},
    {"Be polite.", "Be polite!", "message 1 (system): only white space", MINOR},
    {"Be polite.", "Be very polite.", "message 1 (system): the wording changed: added \"very\"", MODERATE},
    {"Be polite.", "Be 2 times polite.", "a number changed", MODERATE},
    {"Be polite.", "Be not polite.", "a negation changed", MODERATE},
};

static void read_whole(const char *text, struct prompt *ret) {
    struct problems problems = {0};
    if (prompt_read_file(slice_of(text), "p.yaml", NULL, &arena, ret, &problems) != FAULT_NONE) fail_msg("%s\n%s", problems.items[0].text, text);
}

static void whole_prompts_have_their_class(void **state) {
    (void)state;
    struct prompt before, after;
    struct classification c;
    read_whole(whole, &before);
    for (size_t i = 0; i < sizeof swaps / sizeof *swaps; i++) {
        const char *at = strstr(whole, swaps[i].from);
        assert_non_null(at);
        struct slice text = arena_printf(&arena, "%.*s%s%s", (int)(at - whole), whole, swaps[i].to, at + strlen(swaps[i].from));
        read_whole(arena_text(&arena, text), &after);
        assert_int_equal(classify_prompt(&before, &after, &arena, &c), FAULT_NONE);
        if (c.class != swaps[i].class || !slice_contains(c.reasons[0], slice_of(swaps[i].reason)))
            fail_msg("%s -> %s: expected %s (%s), found %s: " SLICE_FMT, swaps[i].from, swaps[i].to, change_class_name(swaps[i].class), swaps[i].reason, change_class_name(c.class),
                     SLICE_ARG(c.reasons[0]));
    }
    assert_int_equal(classify_prompt(NULL, &after, &arena, &c), FAULT_NONE);
    assert_int_equal(c.class, MAJOR);
    assert_int_equal(classify_prompt(&before, &before, &arena, &c), FAULT_NONE);
    assert_int_equal(c.class, MINOR);
}

/* Whatever is changed in words, nothing else makes it minor. */
static void words_are_never_form(void **state) {
    (void)state;
    static const char base[] = "Answer the question of the customer in at most 120 words. Do not promise refunds over 50 USD, and never name Mr. Smith.";
    static const char *const words[] = {"Answer", "question", "customer", "120", "not", "refunds", "50", "USD", "never", "Smith", "at most", "over"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        const char *at = strstr(base, words[i]);
        struct slice without = arena_printf(&arena, "%.*s%s", (int)(at - base), base, at + strlen(words[i]));
        struct slice other = arena_printf(&arena, "%.*s%sx%s", (int)(at - base), base, words[i], at + strlen(words[i]));
        struct slice twice = arena_printf(&arena, "%.*s%s %s", (int)(at - base), base, words[i], at);
        assert_false(text_differs_only_in_form(slice_of(base), without));
        assert_false(text_differs_only_in_form(slice_of(base), other));
        assert_false(text_differs_only_in_form(slice_of(base), twice));
    }
}

/* ---- knowledge bases ---- */

static struct manifest *made(size_t n) {
    struct manifest *m = arena_new(&arena, struct manifest);
    m->name = SLICE("kb");
    m->documents = arena_new_array(&arena, struct document, n + 1);
    m->n_documents = n;
    for (size_t i = 0; i < n; i++) m->documents[i] = (struct document){.id = arena_printf(&arena, "d%06zu", i), .hash = SLICE("sha256:1")};
    return m;
}

static void knowledge_bases(void **state) {
    (void)state;
    struct manifest *before = made(100), *after = made(100);
    struct classification c;
    assert_int_equal(classify_manifest(NULL, after, &arena, &c), FAULT_NONE);
    assert_int_equal(c.class, MAJOR);
    for (int i = 0; i < 10; i++) after->documents[i].hash = SLICE("sha256:2");
    assert_int_equal(classify_manifest(before, after, &arena, &c), FAULT_NONE);
    assert_int_equal(c.class, MODERATE);
    assert_true(slice_contains(c.reasons[1], SLICE("10 changed, such as d000000")));
    after->n_documents--; /* an eleventh of a hundred */
    assert_int_equal(classify_manifest(before, after, &arena, &c), FAULT_NONE);
    assert_int_equal(c.class, MAJOR);
    assert_true(slice_contains(c.reasons[0], SLICE("11 of 100")));
    after = made(0);
    assert_int_equal(classify_manifest(before, after, &arena, &c), FAULT_NONE);
    assert_int_equal(c.class, MAJOR);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(texts_have_their_class), cmocka_unit_test(whole_prompts_have_their_class), cmocka_unit_test(words_are_never_form),
                                       cmocka_unit_test(knowledge_bases)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
