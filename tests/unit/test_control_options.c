#include "control/options.h"
#include "control/suggest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define USAGE "quarterdeck thing do [options] [NAME]"

static bool flag, given;
static const char *text;
static int64_t integer, duration;
static double number;

static const struct option_spec specs[] = {
    {.name = "json", .type = OPTION_FLAG, .value = &flag, .help = "as JSON"},
    {.name = "config", .letter = 'c', .type = OPTION_TEXT, .value = &text, .metavar = "FILE", .help = "file", .given = &given},
    {.name = "limit", .letter = 'n', .type = OPTION_INTEGER, .value = &integer, .metavar = "N", .help = "how many"},
    {.name = "speed", .type = OPTION_NUMBER, .value = &number, .metavar = "X", .help = "factor"},
    {.name = "wait", .type = OPTION_DURATION, .value = &duration, .metavar = "TIME", .help = "how long"},
};
static const struct option_spec strict[] = {
    {.name = "reason", .letter = 'h', .type = OPTION_TEXT, .value = &text, .metavar = "TEXT", .help = "why", .required = true},
};

/* What the call printed, on either stream. */
static char printed[4096];

struct capture {
    int saved[2], pipe[2];
};

static void capture_start(struct capture *c) {
    fflush(NULL);
    assert_int_equal(pipe(c->pipe), 0);
    for (int i = 0; i < 2; i++) {
        c->saved[i] = dup(i + 1);
        dup2(c->pipe[1], i + 1);
    }
}

static void capture_end(struct capture *c) {
    fflush(NULL);
    for (int i = 0; i < 2; i++) {
        dup2(c->saved[i], i + 1);
        close(c->saved[i]);
    }
    close(c->pipe[1]);
    ssize_t n = read(c->pipe[0], printed, sizeof printed - 1);
    printed[n > 0 ? n : 0] = 0;
    close(c->pipe[0]);
}

static char *args[16];
static int positional;

#define PARSE(table, ...) parse(table, sizeof table / sizeof *table, (const char *[]){__VA_ARGS__, NULL})

static int parse(const struct option_spec *table, unsigned n, const char *const *words) {
    int argc = 0;
    for (; words[argc]; argc++) args[argc] = (char *)(uintptr_t)words[argc];
    flag = given = false;
    text = NULL;
    integer = 10;
    number = 1.5;
    duration = 30000000;
    positional = -1;
    struct capture c;
    capture_start(&c);
    int code = options_parse(argc, args, table, n, USAGE, &positional);
    capture_end(&c);
    return code;
}

#define SAYS(words) \
    if (!strstr(printed, words)) fail_msg("wanted \"%s\" in: %s", words, printed)

static void test_forms(void **state) {
    (void)state;
    assert_int_equal(PARSE(specs, "a", "--json", "-c", "f.yaml", "b", "--limit=7", "--speed", "0.25", "--wait", "2h"), -1);
    assert_true(flag && given);
    assert_string_equal(text, "f.yaml");
    assert_int_equal(integer, 7);
    assert_true(number == 0.25);
    assert_int_equal(duration, 7200000000);
    assert_int_equal(positional, 2);
    assert_string_equal(args[0], "a");
    assert_string_equal(args[1], "b");
    assert_string_equal(printed, "");
}

static void test_defaults_stay(void **state) {
    (void)state;
    assert_int_equal(PARSE(specs, "--", "--json", "-c"), -1);
    assert_false(flag || given);
    assert_int_equal(integer, 10);
    assert_int_equal(positional, 2);
    assert_string_equal(args[0], "--json");
    assert_string_equal(args[1], "-c");
}

static void test_values_that_look_like_options(void **state) {
    (void)state;
    assert_int_equal(PARSE(specs, "--config", "-1h", "-", "-5"), -1);
    assert_string_equal(text, "-1h");
    assert_int_equal(positional, 2);
    assert_int_equal(PARSE(specs, "--limit", "-3"), -1);
    assert_int_equal(integer, -3);
    assert_int_equal(PARSE(specs, "--config=--json=x"), -1);
    assert_string_equal(text, "--json=x");
    assert_int_equal(PARSE(specs, "--config="), -1);
    assert_string_equal(text, "");
    assert_int_equal(PARSE(specs, "--config", "--json"), 2);
    SAYS("--config needs a value, found '--json'");
    assert_int_equal(PARSE(specs, "--config", "-n"), 2);
    assert_int_equal(PARSE(specs, "-c"), 2);
    SAYS("-c needs a value (FILE)");
    assert_int_equal(PARSE(specs, "-c", "a", "-c", "b"), -1);
    assert_string_equal(text, "b");
}

static void test_mistakes(void **state) {
    (void)state;
    assert_int_equal(PARSE(specs, "--jsno"), 2);
    SAYS("quarterdeck thing do: unknown option '--jsno', did you mean `--json`?");
    assert_int_equal(PARSE(specs, "--xyzzy=3"), 2);
    SAYS("unknown option '--xyzzy' (see");
    assert_int_equal(PARSE(specs, "-x"), 2);
    SAYS("unknown option '-x'");
    assert_int_equal(PARSE(specs, "-cfile"), 2);
    assert_int_equal(PARSE(specs, "---json"), 2);
    assert_int_equal(PARSE(specs, "--=x"), 2);
    assert_int_equal(PARSE(specs, "--json=true"), 2);
    SAYS("--json takes no value");
    assert_int_equal(positional, -1);
    char *line_end = strchr(printed, '\n');
    assert_non_null(line_end);
    assert_string_equal(line_end, "\n");
}

static void test_bad_values(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        {"--limit", ""},    {"--limit", "1.5"},  {"--limit", "0x10"}, {"--limit", "9223372036854775808"},
        {"--limit", " 1"},  {"--speed", "fast"}, {"--speed", "nan"},  {"--speed", "inf"},
        {"--speed", "1e9999"}, {"--wait", "5"},  {"--wait", "-5s"},   {"--wait", "1x"},
        {"--wait", "s"},    {"--wait", "1.2.3s"}, {"--wait", "99999999999999d"}, {"--wait", ""},
    };
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (PARSE(specs, bad[i][0], bad[i][1]) != 2) fail_msg("%s '%s' was taken", bad[i][0], bad[i][1]);
        SAYS("expected");
        assert_int_equal(integer, 10);
        assert_int_equal(duration, 30000000);
        assert_true(number == 1.5);
    }
    assert_int_equal(PARSE(specs, "--limit", "9223372036854775807", "--wait", "0"), -1);
    assert_true(integer == INT64_MAX);
    assert_int_equal(duration, 0);
    assert_int_equal(PARSE(specs, "--wait", "1.5ms"), -1);
    assert_int_equal(duration, 1500);
    assert_int_equal(PARSE(specs, "--wait", "0.5d"), -1);
    assert_true(duration == 43200000000);
}

static void test_required_and_help(void **state) {
    (void)state;
    assert_int_equal(PARSE(strict, "x"), 2);
    SAYS("--reason is required");
    assert_int_equal(PARSE(strict, "-h", "why"), -1); /* a letter of its own goes before help's */
    assert_string_equal(text, "why");
    assert_int_equal(PARSE(strict, "x", "--help"), 0);
    SAYS("(required)");
    assert_int_equal(PARSE(specs, "--nonsense", "-h"), 0);
    SAYS("usage: " USAGE);
    SAYS("-c, --config FILE");
    SAYS("how many (default 10)");
    SAYS("how long (default 30s)");
    assert_int_equal(PARSE(specs, "--", "--help"), -1);
}

static void test_suggestions(void **state) {
    (void)state;
    static const struct {
        const char *word, *best;
    } cases[] = {
        {"modle", "model"}, {"mod", "model"}, {"latancy", "latency"}, {"q", NULL}, {"", NULL},
        {"zzzzzz", NULL}, {"recrod", "record"}, {"recordrecordrecordrecordrecordrecordrecordrecordrecord", NULL},
    };
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct suggestion s;
        suggestion_start(&s, slice_of(cases[i].word));
        suggestion_offer(&s, "model");
        suggestion_offer(&s, "latency");
        suggestion_offer(&s, "record");
        if (cases[i].best) assert_string_equal(s.best, cases[i].best);
        else assert_null(s.best);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),     cmocka_unit_test(test_defaults_stay),
        cmocka_unit_test(test_mistakes),  cmocka_unit_test(test_values_that_look_like_options),
        cmocka_unit_test(test_bad_values), cmocka_unit_test(test_required_and_help),
        cmocka_unit_test(test_suggestions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
