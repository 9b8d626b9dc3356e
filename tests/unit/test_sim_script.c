#include "base/clock.h"
#include "base/digest.h"
#include "sim/book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

/* ---- reading ---- */

static void mistakes_name_their_line(void **state) {
    (void)state;
    static const struct {
        const char *text, *error;
    } wrong[] = {
        {"rules:\n  - do: {staus: 500}\n", "s.yaml:2:10: unknown action \"staus\"; did you mean \"status\"?"},
        {"rules:\n  - do:\n      reset: tail\n",
         "s.yaml:3:7: reset: expected `head` or a number of tokens, found \"tail\""},
        {"rules:\n  - match: {modle: x}\n    do: {empty: true}\n",
         "s.yaml:2:13: unknown key \"modle\"; did you mean \"model\"?"},
        {"rules:\n  - name: x\n    from: soon\n",
         "s.yaml:3:5: expected a duration such as 350ms or 2s, found \"soon\""},
        {"rules:\n  - name: x\n", "s.yaml:2:5: expected a rule with `do`, found a map"},
        {"rules: {}\n", "s.yaml:1:1: expected a list of rules, found a map"},
        {"\nrulez: []\n", "s.yaml:2:1: unknown key \"rulez\"; did you mean \"rules\"?"},
        {"models:\n  m:\n    per_token: {median: 18, sigma: 0.2}\n",
         "s.yaml:3:17: expected a duration such as 350ms or 2s, found \"18\""},
        {"rules:\n  - nth: 0\n    do: {}\n",
         "s.yaml:2:5: expected a number from 1, or a range such as 2..5 or 4.., found \"0\""},
        {"rules:\n  - match: {nth: 5..2}\n    do: {}\n",
         "s.yaml:2:13: expected a number from 1, or a range such as 2..5 or 4.., found \"5..2\""},
        {"rules:\n  - probability: 1.5\n    do: {}\n",
         "s.yaml:2:5: expected a number from 0 to 1, found \"1.5\""},
        {"rules:\n  - do: {framing: lfcr}\n", "s.yaml:2:10: framing: expected lf, crlf, cr, found \"lfcr\""},
        {"rules:\n  - do: {error: {kind: x}}\n",
         "s.yaml:2:18: unknown key \"kind\" in error; expected type, code, message, param"},
        {"rules:\n  - do: {status: 99}\n",
         "s.yaml:2:10: status: expected a status from 200 to 599, found \"99\""},
        {"rules:\n  - do: {flood: 5 GiB}\n",
         "s.yaml:2:10: flood: expected a size such as 100MB, found \"5 GiB\""},
        {"rules:\n  - hours: 9-11\n    do: {}\n",
         "s.yaml:2:5: expected hours such as 09:00-11:00, or over midnight 22:00-06:00, found \"9-11\""},
        {"rules:\n  - weekdays: fri-mon\n    do: {}\n",
         "s.yaml:2:5: expected a day such as sat, or days such as mon-fri, found \"fri-mon\""},
        {"status_page:\n  - {name: x, impact: bad}\n", "s.yaml:2:15: expected minor, major or critical, found \"bad\""},
        {"rules:\n  - match: {header.X-Test: a}\n    do: {}\n",
         "s.yaml:2:13: expected a lower-case header name, found \"a\""},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct error error = {0};
        assert_null(script_new(slice_of(wrong[i].text), "s.yaml", &error));
        assert_string_equal(error.text, wrong[i].error);
    }
    struct error error = {0};
    assert_null(script_new(SLICE("rules: [\n"), "s.yaml", &error));
    assert_true(slice_starts(slice_of(error.text), SLICE("s.yaml: line ")));
}

static void nothing_is_a_script(void **state) {
    (void)state;
    struct error error;
    struct script *s = script_new(SLICE(""), "s.yaml", &error);
    struct profile p;
    assert_non_null(s);
    assert_int_equal(script_rules(s), 0);
    script_profile(s, SLICE("any"), &p);
    assert_true(p.first_token.median == 350e3 && p.per_token.sigma == 0.25);
    assert_true(script_takes_key(s, SLICE_NULL));
    script_free(s);
    script_free(NULL);
}

static void profiles(void **state) {
    (void)state;
    struct error error;
    struct profile p;
    struct script *s =
        script_new(SLICE("models:\n  gpt-4o*:\n    version: v1\n    first_token: {median: 1.5s}\n    "
                         "context: 8192\n  '*': {output: {median: 9, sigma: 0}}\nkeys: [a, b]\n"),
                   "s.yaml", &error);
    assert_non_null(s);
    script_profile(s, SLICE("gpt-4o-mini"), &p);
    assert_true(slice_is(p.version, "v1"));
    assert_true(p.first_token.median == 1500e3 && p.first_token.sigma == 0.35);
    assert_int_equal(p.context, 8192);
    script_profile(s, SLICE("other"), &p);
    assert_true(p.output.median == 9);
    assert_true(script_takes_key(s, SLICE("b")));
    assert_false(script_takes_key(s, SLICE("c")) || script_takes_key(s, SLICE_NULL));
    script_free(s);
}

/* ---- matching ---- */

struct rig {
    struct book *book;
    struct arena arena;
};

static const char *header_value;

static struct slice header_of(void *ctx, const char *name) {
    (void)ctx;
    return strcmp(name, "x-test") == 0 && header_value != NULL ? slice_of(header_value) : SLICE_NULL;
}

static void load(struct rig *r, const char *text) {
    struct error error = {0};
    struct script *s = script_new(slice_of(text), "test", &error);
    if (s == NULL) fail_msg("%s", error.text);
    book_load(r->book, s);
}

/* The status that a request gets; 0 without a rule that says one. */
static int64_t ask(struct rig *r, const char *model, const char *key, const char *question) {
    struct ask a = {.model = slice_of(model), .question = slice_of(question)};
    struct book_request q = {
        &a, {SLICE("/v1/chat/completions"), a.model, a.question, false, NULL, header_of, SLICE("You are KIND.")}, slice_of(key)};
    struct book_verdict v;
    book_begin(r->book, &q, &v);
    int64_t status = v.bad_key ? 401 : v.act.status;
    book_end(r->book, &v, BOOK_ANSWERED, 10, 20);
    book_release(&v);
    return status;
}

static int open_rig(void **state) {
    struct rig *r = test_calloc(1, sizeof *r);
    clock_fake(1000000, 1000000);
    r->book = book_new(7, 2);
    header_value = NULL;
    *state = r;
    return 0;
}

static int close_rig(void **state) {
    struct rig *r = *state;
    book_free(r->book);
    test_free(r);
    return 0;
}

static void nth_is_counted_by_rule_model_and_key(void **state) {
    struct rig *r = *state;
    load(r, "rules:\n  - match: {nth: 2..3}\n    do: {status: 500}\n  - match: {model: b, nth: 1}\n    do: "
            "{status: 503}\n");
    static const int64_t want[] = {0, 500, 500, 0, 0};
    for (int i = 0; i < 5; i++) assert_int_equal(ask(r, "a", "k", "x"), want[i]);
    assert_int_equal(ask(r, "a", "other key", "x"), 0);
    assert_int_equal(ask(r, "a", "other key", "x"), 500);
    assert_int_equal(ask(r, "b", "k", "x"),
                     503); /* the second rule sees its first; the first rule's count of b is 1 */
    assert_int_equal(ask(r, "b", "k", "x"), 500);
    load(r, "rules:\n  - nth: 3..\n    do: {status: 500}\n");
    assert_int_equal(ask(r, "a", "k", "x"), 0); /* counters start anew with a script */
    assert_int_equal(ask(r, "a", "k", "x"), 0);
    assert_int_equal(ask(r, "a", "k", "x"), 500);
    book_reset(r->book);
    assert_int_equal(ask(r, "a", "k", "x"), 0);
}

static void every_and_probability(void **state) {
    struct rig *r = *state;
    load(r, "rules:\n  - every: 3\n    do: {status: 500}\n");
    for (int i = 1; i <= 12; i++) assert_int_equal(ask(r, "a", "k", "x"), i % 3 == 0 ? 500 : 0);
    load(r, "rules:\n  - probability: 0.2\n    do: {status: 500}\n");
    int first = 0, again = 0;
    bool same = true, hits[1000];
    for (int i = 0; i < 1000; i++) first += hits[i] = ask(r, "a", "k", "x") == 500;
    book_reset(r->book);
    for (int i = 0; i < 1000; i++) {
        bool hit = ask(r, "a", "k", "x") == 500;
        same = same && hit == hits[i];
        again += hit;
    }
    assert_true(same);
    assert_int_equal(first, again);
    assert_in_range(first, 150, 250);
}

static void times_are_the_scripts(void **state) {
    struct rig *r = *state;
    load(r, "rules:\n  - from: 10s\n    to: 70s\n    do: {status: 503}\n"); /* at speed 2: from 5 s to 35 s */
    assert_int_equal(ask(r, "a", "k", "x"), 0);
    clock_advance(4999999);
    assert_int_equal(ask(r, "a", "k", "x"), 0);
    clock_advance(1);
    assert_int_equal(ask(r, "a", "k", "x"), 503);
    clock_advance(29999999);
    assert_int_equal(ask(r, "a", "k", "x"), 503);
    clock_advance(1);
    assert_int_equal(ask(r, "a", "k", "x"), 0);
}

static void what_a_rule_matches(void **state) {
    struct rig *r = *state;
    load(r, "keys: [k]\nrules:\n"
            "  - match: {model: 'gpt-*-mini'}\n    do: {status: 501}\n"
            "  - match: {user_contains: Invoice}\n    do: {status: 502}\n"
            "  - match: {header.x-test: 'a*'}\n    do: {status: 503}\n    stop: true\n"
            "  - match: {path: '*/embeddings'}\n    do: {status: 504}\n"
            "  - match: {stream: true}\n    do: {status: 505}\n"
            "  - match: {header.x-test: b}\n    do: {status: 506}\n"
            "  - match: {system_contains: kind, user_contains: rude}\n    do: {status: 507}\n"
            "  - match: {system_contains: unkind}\n    do: {status: 508}\n");
    assert_int_equal(ask(r, "gpt-4o-mini", "k", "hi"), 501);
    assert_int_equal(ask(r, "gpt-4o", "k", "hi"), 0);
    assert_int_equal(ask(r, "gpt-4o-mini", "k", "my inVOICE is late"), 502); /* the later one replaces */
    assert_int_equal(ask(r, "gpt-4o", "stranger", "hi"), 401);
    header_value = "abc";
    assert_int_equal(ask(r, "gpt-4o-mini", "k", "hi"), 503);
    header_value = "b";
    assert_int_equal(ask(r, "gpt-4o", "k", "hi"), 506);
    assert_int_equal(ask(r, "gpt-4o", "k", "a rude one"), 507);
}

/* Of a request so long and so asked, at this time of the week (1970-01-01 was a Thursday). */
static int64_t ask_at(struct rig *r, int64_t wall_s, uint64_t tokens, bool json) {
    struct ask a = {.model = SLICE("m")};
    struct book_request q = {&a, {.path = SLICE("/v1/chat/completions"), .model = a.model, .header = header_of, .input_tokens = tokens, .json = json, .wall_us = wall_s * 1000000}, SLICE("k")};
    struct book_verdict v;
    book_begin(r->book, &q, &v);
    int64_t status = v.act.status;
    book_end(r->book, &v, BOOK_ANSWERED, 10, 20);
    book_release(&v);
    return status;
}

static void hours_length_and_form(void **state) {
    enum { HOUR = 3600, DAY = 86400 };
    struct rig *r = *state;
    load(r, "rules:\n  - {hours: '09:00-11:00', weekdays: mon-fri, match: {min_tokens: 100}, do: {status: 500}}\n"
            "  - {hours: '22:00-06:00', weekdays: sat, do: {status: 501}}\n  - {match: {json: true}, do: {status: 502}}\n");
    assert_int_equal(ask_at(r, 9 * HOUR - 1, 100, false), 0);
    assert_int_equal(ask_at(r, 9 * HOUR, 100, false), 500);
    assert_int_equal(ask_at(r, 9 * HOUR, 99, false), 0);
    assert_int_equal(ask_at(r, 11 * HOUR - 1, 5000, false), 500);
    assert_int_equal(ask_at(r, 11 * HOUR, 5000, false), 0);
    assert_int_equal(ask_at(r, DAY + 10 * HOUR, 100, false), 500);     /* Friday */
    assert_int_equal(ask_at(r, 2 * DAY + 10 * HOUR, 100, false), 0);   /* Saturday */
    assert_int_equal(ask_at(r, 2 * DAY + 23 * HOUR, 100, false), 501); /* the hours of its own day, at both ends */
    assert_int_equal(ask_at(r, 2 * DAY + 5 * HOUR, 100, false), 501);
    assert_int_equal(ask_at(r, 3 * DAY + 5 * HOUR, 100, false), 0);
    assert_int_equal(ask_at(r, 12 * HOUR, 1, true), 502);
}

static void what_a_listing_gets(void **state) {
    struct rig *r = *state;
    struct script_request q = {.path = SLICE("/v1/models"), .model = SLICE(""), .header = header_of};
    load(r, "rules:\n  - {do: {status: 500}}\n  - {match: {path: '*', header.x-test: a}, do: {status: 503}}\n");
    assert_int_equal(book_listing(r->book, &q, SLICE("k")), 0); /* a rule about answers is none about probes */
    header_value = "a";
    assert_int_equal(book_listing(r->book, &q, SLICE("k")), 503);
}

static bool page_says(struct rig *r, const char *words) {
    struct buffer out;
    buffer_init(&out, 4096);
    book_write_status(r->book, &out);
    bool says = slice_contains(buffer_slice(&out), slice_of(words));
    buffer_deinit(&out);
    return says;
}

static void the_vendors_page(void **state) {
    struct rig *r = *state;
    load(r, "status_page:\n  - {name: Elevated errors, impact: major, from: 20s, to: 40s}\n"); /* at speed 2: from 10 s to 20 s */
    assert_true(page_says(r, "\"indicator\":\"none\"") && page_says(r, "\"incidents\":[]"));
    clock_advance(15000000);
    assert_true(page_says(r, "\"indicator\":\"major\"") && page_says(r, "\"name\":\"Elevated errors\""));
    assert_true(page_says(r, "\"started_at\":\"1970-01-01T00:00:11.000000Z\"")); /* it was loaded at 00:00:01 */
    clock_advance(5000000);
    assert_true(page_says(r, "\"incidents\":[]"));
}

static void patterns(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *text;
        bool match;
    } cases[] = {
        {"", "", true},         {"", "a", false},
        {"*", "", true},        {"*", "anything", true},
        {"a*", "abc", true},    {"*c", "abc", true},
        {"a*c", "abc", true},   {"a*c", "ac", true},
        {"a*c", "abd", false},  {"a*b*c", "a1b2b3c", true},
        {"abc", "abcd", false}, {"abcd", "abc", false},
        {"**", "x", true},      {"*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(profile_matches(slice_of(cases[i].pattern), slice_of(cases[i].text)),
                         cases[i].match);
}

static void statistics(void **state) {
    struct rig *r = *state;
    struct buffer out;
    buffer_init(&out, 1 << 20);
    load(r, "rules:\n  - name: all\n    do: {empty: true}\n");
    ask(r, "m1", "k", "x");
    ask(r, "m1", "k", "x");
    ask(r, "m2", "k", "x");
    book_write_stats(r->book, &out);
    struct slice text = buffer_slice(&out);
    assert_true(slice_contains(
        text, SLICE("\"m1\":{\"requests\":2,\"active\":0,\"answered\":2,\"refused\":0,\"broken\":0,\"aborted_"
                    "by_client\":0,\"input_tokens\":20,\"output_tokens\":40}")));
    assert_true(slice_contains(text, SLICE("\"total\":{\"requests\":3,")));
    assert_true(slice_contains(text, SLICE("{\"name\":\"all\",\"met\":3}")));
    buffer_deinit(&out);
}

/* ---- the page about it ---- */

static void read_page(struct buffer *page) {
    FILE *file = fopen("docs/simulator.md", "rb");
    assert_non_null(file);
    char *at = buffer_reserve(page, 1 << 18);
    page->len = fread(at, 1, 1 << 18, file);
    (void)fclose(file);
}

static void the_pages_examples_are_scripts(void **state) {
    (void)state;
    struct buffer page;
    unsigned examples = 0;
    buffer_init(&page, 1 << 20);
    read_page(&page);
    const char *at = page.at, *end = page.at + page.len;
    while ((at = memmem(at, (size_t)(end - at), "```yaml\n", 8)) != NULL) {
        at += 8;
        const char *stop = memmem(at, (size_t)(end - at), "```", 3);
        struct error error = {0};
        assert_non_null(stop);
        struct script *s = script_new(slice_make(at, (size_t)(stop - at)), "docs/simulator.md", &error);
        if (s == NULL) fail_msg("%s", error.text);
        assert_true(script_rules(s) > 0);
        script_free(s);
        examples++;
    }
    assert_int_equal(examples, 3);
    buffer_deinit(&page);
}

static void the_page_tells_every_action(void **state) {
    (void)state;
    struct buffer page;
    buffer_init(&page, 1 << 20);
    read_page(&page);
#define ACT(name, type, field, help)                                                                         \
    if (!slice_contains(buffer_slice(&page), SLICE("| `" #name "` (")) ||                                    \
        !slice_contains(buffer_slice(&page), SLICE("| " help " |")))                                         \
        fail_msg("docs/simulator.md does not have: " #name ": " help);
    ACT_TABLE(ACT)
#undef ACT
    buffer_deinit(&page);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_name_their_line),
        cmocka_unit_test(nothing_is_a_script),
        cmocka_unit_test(profiles),
        cmocka_unit_test_setup_teardown(nth_is_counted_by_rule_model_and_key, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(every_and_probability, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(times_are_the_scripts, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(what_a_rule_matches, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(hours_length_and_form, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(what_a_listing_gets, open_rig, close_rig),
        cmocka_unit_test_setup_teardown(the_vendors_page, open_rig, close_rig),
        cmocka_unit_test(patterns),
        cmocka_unit_test_setup_teardown(statistics, open_rig, close_rig),
        cmocka_unit_test(the_pages_examples_are_scripts),
        cmocka_unit_test(the_page_tells_every_action),
    };
    return digest_start() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
