/* Suites as people write them: what is read, what is refused and where, and that one content is one version. */
#include "quality/suite.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;
static struct problems problems;
static struct suite suite;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 65536, 256 << 20);
    problems = (struct problems){0};
    suite = (struct suite){.repeat = 0};
    return digest_start() ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    suite_deinit(&suite);
    arena_deinit(&arena);
    return 0;
}

/* ---- files that are not on a disk ---- */

struct fake {
    const char *path, *text;
};
static unsigned reads;
static enum fault read_fake(void *ctx, struct slice path, struct arena *a, struct slice *ret, struct error *error) {
    reads++;
    for (const struct fake *f = ctx; f->path != NULL; f++) {
        if (!slice_is(path, f->path)) continue;
        *ret = arena_slice(a, slice_of(f->text));
        return FAULT_NONE;
    }
    return error_set(error, FAULT_NOT_FOUND, "no such file");
}

static const char *told(void) {
    static struct buffer out;
    static char text[16384];
    buffer_init(&out, 1 << 20);
    problems_write(&problems, &out);
    snprintf(text, sizeof text, "%s", buffer_text(&out));
    buffer_deinit(&out);
    return text;
}

static void read_it(const char *text, const struct fake *files) {
    struct file_source source = {(void *)(uintptr_t)files, read_fake};
    suite_deinit(&suite);
    if (suite_read(slice_of(text), "s.yaml", files ? &source : NULL, &arena, &suite, &problems) != FAULT_NONE) fail_msg("%s", told());
}

static void refused(int line, const char *text, const struct fake *files, const char *words) {
    struct file_source source = {(void *)(uintptr_t)files, read_fake};
    struct suite s;
    problems = (struct problems){0};
    if (suite_read(slice_of(text), "s.yaml", files ? &source : NULL, &arena, &s, &problems) == FAULT_NONE) {
        suite_deinit(&s);
        fail_msg("%d: not refused: %s", line, text);
    }
    if (strstr(told(), words) == NULL) fail_msg("%d: expected: %s\nfound: %s", line, words, told());
}
#define REFUSED(text, files, words) refused(__LINE__, text, files, words)

static const char *request(unsigned at) {
    static struct buffer out;
    static char text[65536];
    struct error error = {.fault = FAULT_NONE};
    buffer_init(&out, 1 << 20);
    if (suite_write_request(&suite, &suite.cases[at], NULL, SLICE_NULL, &arena, &out, &error) != FAULT_NONE) fail_msg("%s", error.text);
    snprintf(text, sizeof text, "%s", buffer_text(&out));
    buffer_deinit(&out);
    return text;
}

/* ---- reading ---- */

static const char example[] = "suite: helpdesk-core\n"
                              "prompt: helpdesk-answer            # or inline messages, or model: + messages:\n"
                              "repeat: 5\n"
                              "require:\n"
                              "  - {pass_rate: {at_least: 0.90}, confidence: 0.95}\n"
                              "  - {tag: safety, pass_rate: {at_least: 1.0}}\n"
                              "checks:\n"
                              "  - {type: word-count, max: 120}\n"
                              "cases:\n"
                              "  - id: reset-password\n"
                              "    vars: {question: \"How do I reset my password?\"}\n"
                              "    checks:\n"
                              "      - {type: icontains, value: \"reset link\"}\n"
                              "      - {type: judge, rubric: \"polite and correct\", judge: support-judge, threshold: 0.7}\n"
                              "    tags: [account, safety]\n";

static void test_example(void **state) {
    (void)state;
    size_t cursor = 0;
    struct slice judge;
    read_it(example, NULL);
    assert_true(slice_is(suite.name, "helpdesk-core") && slice_is(suite.prompt_name, "helpdesk-answer") && !suite.has_prompt);
    assert_int_equal(suite.repeat, 5);
    assert_int_equal(suite.n_requirements, 2);
    assert_true(suite.requirements[0].bound == 0.9 && suite.requirements[0].confidence == 0.95 && !suite.requirements[0].at_most);
    assert_true(slice_is(suite.requirements[1].tag, "safety") && suite.requirements[1].confidence == 0);
    assert_int_equal(suite_check_count(&suite, &suite.cases[0]), 3);
    assert_int_equal(suite_check_at(&suite, &suite.cases[0], 0)->type, CHECK_TYPE_WORD_COUNT);
    assert_int_equal(suite_check_at(&suite, &suite.cases[0], 2)->type, CHECK_TYPE_JUDGE);
    assert_int_equal(suite_check_at(&suite, &suite.cases[0], 2)->line, 14);
    assert_int_equal(suite.cases[0].line, 10);
    assert_true(suite_case_has_tag(&suite.cases[0], SLICE("account")) && !suite_case_has_tag(&suite.cases[0], SLICE("acc")));
    assert_true(suite.max_errors == 0.05 && suite.scope == RATE_CASES_LIKE_THESE && suite.cases[0].weight == 1 && isnan(suite.cases[0].threshold));
    /* the judge may be in the registry: its name is kept, and it can be lent */
    assert_true(suite_next_missing_judge(&suite, &cursor, &judge) && slice_is(judge, "support-judge"));
    assert_false(suite_next_missing_judge(&suite, &cursor, &judge));
    assert_true(suite_lend_judge(&suite, &(struct judge){.name = judge, .n_models = 1}, &arena));
    cursor = 0;
    assert_false(suite_next_missing_judge(&suite, &cursor, &judge));
}

static void test_requests(void **state) {
    (void)state;
    read_it("suite: s\nmodel: small\nmessages: [{role: system, content: Be brief.}, {role: user, content: 'Q: {{q}}'}]\n"
            "parameters: {temperature: 0, seed: 7}\ncases: [{vars: {q: 'a \"b\" {{q}}'}}, {vars: {q: 1.50}}]\n",
            NULL);
    assert_string_equal(request(0), "{\"model\":\"small\",\"messages\":[{\"role\":\"system\",\"content\":\"Be brief.\"},"
                                    "{\"role\":\"user\",\"content\":\"Q: a \\\"b\\\" {{q}}\"}],\"seed\":7,\"temperature\":0}");
    assert_non_null(strstr(request(1), "Q: 1.50"));
    assert_true(slice_is(suite.cases[1].id, "case-2"));
    /* input: at its place, or appended; a conversation of its own */
    read_it("suite: s\nmodel: m\nmessages: [{role: user, content: '<{{input}}>'}]\ncases: [{input: hi}]\n", NULL);
    assert_string_equal(request(0), "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"<hi>\"}]}");
    read_it("suite: s\nmodel: m\nprompt: {messages: [{role: system, content: x}]}\n"
            "cases: [{input: \"h\\u00fc\\\"\"}, {input: [{role: user, content: a}, {role: assistant, content: b}, {role: user, content: c}]}]\n",
            NULL);
    assert_string_equal(request(0), "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"x\"},{\"role\":\"user\",\"content\":\"h\xc3\xbc\\\"\"}]}");
    assert_non_null(strstr(request(1), "[{\"role\":\"system\",\"content\":\"x\"},{\"role\":\"user\",\"content\":\"a\"},{\"role\":\"assistant\""));
    assert_true(suite.cases[0].about.n_vars == 1 && slice_is(suite.cases[0].about.vars[0].name, "input"));
    /* no prompt at all */
    read_it("suite: s\nmodel: m\ncases: [{input: hi}]\n", NULL);
    assert_string_equal(request(0), "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}");
}

static void test_files(void **state) {
    (void)state;
    static const struct fake files[] = {
        {"prompts/p.md", "---\nprompt: p\nmodel: m\nmessages: [{role: system, content: 'file:sys.md'}]\n---\n\nAnswer {{q}}\n"},
        {"prompts/sys.md", "Be kind.\n"},
        {"long.txt", "file:not-a-file {{q}}"},
        {"data/more.jsonl", "{\"id\":\"l1\",\"vars\":{\"q\":\"file:/etc/passwd\"}}\n\n{\"id\":\"l3\",\"vars\":{\"q\":\"x\"}}\n"},
        {"data/c.yaml", "- {id: y1, vars: {q: 'file:deep.txt'}}\n"},
        {"data/deep.txt", "deep"},
        {NULL, NULL},
    };
    reads = 0;
    read_it("suite: s\nprompt: 'file:prompts/p.md'\ncases:\n - {id: a, vars: {q: 'file:long.txt'}}\n - {id: b, vars: {q: 'file:long.txt'}}\n"
            " - file:data/more.jsonl\n - file:data/c.yaml\n",
            files);
    assert_int_equal(reads, 6); /* each file once */
    assert_int_equal(suite.n_cases, 5);
    assert_string_equal(request(0), "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Be kind.\\n\"},"
                                    "{\"role\":\"user\",\"content\":\"Answer file:not-a-file {{q}}\"}]}");
    assert_non_null(strstr(request(2), "Answer file:/etc/passwd")); /* data names no file */
    assert_non_null(strstr(request(4), "Answer deep"));
    assert_int_equal(suite.cases[3].line, 3);
    /* the canonical form needs no file, though texts in it look like their names */
    struct digest before = suite.digest;
    struct slice canonical = suite.canonical;
    read_it(arena_text(&arena, canonical), NULL);
    assert_true(digest_eq(&before, &suite.digest) && slice_eq(canonical, suite.canonical));
    assert_non_null(strstr(request(2), "Answer file:/etc/passwd"));
    REFUSED("suite: s\nprompt: 'file:prompts/p.md'\ncases: [{vars: {q: 'file:none.txt'}}]\n", files, "s.yaml:3: file:none.txt: no such file");
    REFUSED("suite: s\nmodel: m\ncases: [{input: 'file:/etc/passwd'}]\n", NULL, "s.yaml:3: file:/etc/passwd: no file can be read here");
}

/* What is run is what the version names: code of a file is part of it, and is run as it stands there. */
static void test_code_in_files(void **state) {
    (void)state;
    static const struct fake one[] = {{"c/t.py", "def get_assert(output, context):\n    return \"x\" in output\n"}, {"bad.py", "output == {{q}}"}, {NULL, NULL}},
                             two[] = {{"c/t.py", "def get_assert(output, context):\n    return \"y\" in output\n"}, {NULL, NULL}};
    static const char text[] = "suite: s\nmodel: m\nchecks:\n - {type: contains, value: x}\n - {type: not-python, value: 'file:c/t.py', threshold: 0.5}\ncases: [{id: a, input: x}]\n";
    read_it(text, one);
    assert_int_equal(suite.n_checks, 2);
    assert_true(slice_is(suite.checks[1].texts[0].text, one[0].text));
    assert_true(suite.checks[1].negated && suite.checks[1].line == 5 && suite.checks[1].threshold == 0.5);
    struct digest first = suite.digest;
    struct slice canonical = suite.canonical;
    read_it(arena_text(&arena, canonical), NULL);
    assert_true(slice_eq(canonical, suite.canonical));
    read_it(text, two);
    assert_false(digest_eq(&first, &suite.digest));
    REFUSED(text, NULL, "s.yaml:5: file:c/t.py: no file can be read here");
    REFUSED("suite: s\nmodel: m\nchecks:\n - {type: javascript, value: 'file:no.js'}\ncases: [{id: a, input: x}]\n", one, "s.yaml:4: file:no.js: no such file");
    REFUSED("suite: s\nmodel: m\nchecks:\n - {type: python, value: 'file:bad.py'}\ncases: [{id: a, input: x}]\n", one, "s.yaml:4: `value` of python: expected code without {{q}}");
    REFUSED("suite: s\nmodel: m\nfiles: false\nchecks:\n - {type: python, value: 'file:c/t.py'}\ncases: [{id: a, input: x}]\n", one, "s.yaml:5: `value` of python: expected code");
}

/* Files of cases may name others, and one may name itself: that ends. */
static void test_files_in_circles(void **state) {
    (void)state;
    static const struct fake files[] = {{"a.yaml", "- {id: a, input: x}\n- file:b.yaml\n"}, {"b.yaml", "- file:c.yaml\n- file:c.yaml\n"},
                                        {"c.yaml", "- file:b.yaml\n- file:b.yaml\n"}, {"d.yaml", "- file:e.yaml\n"}, {"e.yaml", "- {id: e, input: y}\n"}, {NULL, NULL}};
    reads = 0;
    REFUSED("suite: s\nmodel: m\ncases: file:a.yaml\n", files, "b.yaml:1: cases: expected at most 8 files that name each other; does one name itself?");
    assert_true(reads < 2000);
    problems = (struct problems){0};
    read_it("suite: s\nmodel: m\ncases: file:d.yaml\n", files);
    assert_int_equal(suite.n_cases, 1);
}

/* What is compared with its like is bounded: a hostile suite costs its reader a second at most. */
static void test_bounds(void **state) {
    (void)state;
    struct buffer text;
    buffer_init(&text, 1 << 20);
    for (int i = 0; i < 3000; i++) buffer_printf(&text, "%sv%d: {model: m, scale: binary}", i ? ", " : "suite: s\nmodel: m\njudges: {", i);
    buffer_append(&text, SLICE("}\ncases: [{id: a, input: x}]\n"));
    REFUSED(buffer_text(&text), NULL, "s.yaml:3: judges: expected at most 100, found 3000");
    buffer_clear(&text);
    for (int i = 0; i < 20000; i++) buffer_printf(&text, "%sv%d: x", i ? ", " : "suite: s\nmodel: m\ncases: [{id: a, input: x, vars: {", i);
    buffer_append(&text, SLICE("}}]\n"));
    REFUSED(buffer_text(&text), NULL, "s.yaml:3: vars: expected at most 1000, found 20000");
    buffer_deinit(&text);
}

static void test_problems_in_files(void **state) {
    (void)state;
    static const struct fake files[] = {
        {"bad.jsonl", "{\"id\":\"a\",\"vars\":{\"q\":\"x\"}}\n{\"id\":\"a\",\"vars\":{\"q\":\"x\"}}\n{\"id\":\"c\",\"vras\":{}}\n{\"id\":\"d\"}\n"},
        {"p.yaml", "prompt: p\nmodel: m\nmessages:\n  - {role: user, content: '{{q}}'}\n"},
        {"bad.yaml", "prompt: p\nmessages:\n  - {role: usr, content: x}\n"},
        {"broken.jsonl", "{\"id\":\"a\"}\n{\"id\n"},
        {NULL, NULL},
    };
    static const char text[] = "suite: s\nprompt: file:p.yaml\ncases: file:bad.jsonl\n";
    REFUSED(text, files, "bad.jsonl:2: id: `a` is already the case at line 1");
    REFUSED(text, files, "bad.jsonl:3: case: unknown key \"vras\"; did you mean `vars`?");
    REFUSED(text, files, "bad.jsonl:4: case d: the prompt holds {{q}}, and there is no such variable");
    REFUSED("suite: s\nprompt: file:bad.yaml\ncases: [{input: x}]\n", files, "bad.yaml:3: role: expected system, developer, user, assistant or tool, found \"usr\"; did you mean `user`?");
    REFUSED("suite: s\nprompt: file:p.yaml\ncases: file:broken.jsonl\n", files, "broken.jsonl:2:");
    REFUSED("suite: s\nprompt: file:p.yaml\ncases: file:x.txt\n", files, "s.yaml:3: cases: expected a file of cases that ends in");
}

#define S "suite: s\nmodel: m\n"
static void test_refused(void **state) {
    (void)state;
    REFUSED("- x\n", NULL, "s.yaml:1: suite: expected a map");
    REFUSED("", NULL, "s.yaml:1: suite: expected a map");
    REFUSED("suite: s\ncases:\n  bad: [\n", NULL, "s.yaml:4: ");
    REFUSED(S "case: []\n", NULL, "s.yaml:3: suite: unknown key \"case\"; did you mean `cases`?");
    REFUSED(S "case: []\n", NULL, "s.yaml:1: suite: expected `cases`");
    REFUSED(S "cases: []\n", NULL, "cases: expected at least one");
    REFUSED("suite: a/b\nmodel: m\ncases: [{input: x}]\n", NULL, "s.yaml:1: suite: expected a name");
    REFUSED(S "repeat: 0\ncases: [{input: x}]\n", NULL, "s.yaml:3: repeat: expected a whole number from 1 to 1000, found 0");
    REFUSED(S "repeat: 2\nrepeat: 3\ncases: [{input: x}]\n", NULL, "duplicate key");
    REFUSED("{\"suite\":\"s\",\"model\":\"m\",\n\"repeat\":2,\n\"repeat\":3,\"cases\":[{\"input\":\"x\"}]}", NULL, "s.yaml:3: suite: `repeat` is declared twice");
    REFUSED(S "require: [{pass_rate: 0.9}]\ncases: [{input: x}]\n", NULL, "s.yaml:3: pass_rate: expected a map such as {at_least: 0.9}, found 0.9");
    REFUSED(S "require: [{pass_rate: {at_least: 90}}]\ncases: [{input: x}]\n", NULL, "s.yaml:3: pass_rate: expected a number from 0 to 1, found 90");
    REFUSED(S "require: [{pass_rate: {at_least: 0.9}, score: {at_least: 1}}]\ncases: [{input: x}]\n", NULL, "found several");
    REFUSED(S "require: [{pass_rate: {at_least: 0.9}, confidence: 95}]\ncases: [{input: x}]\n", NULL, "s.yaml:3: confidence");
    REFUSED(S "require:\n  - {tag: safty, pass_rate: {at_least: 0.9}}\ncases: [{input: x, tags: [safety]}]\n", NULL, "s.yaml:4: require: no case has the tag `safty`; did you mean `safety`?");
    REFUSED(S "scope: these-case\ncases: [{input: x}]\n", NULL, "did you mean `these-cases`?");
    REFUSED(S "cases:\n  - input: x\n    checks:\n      - {type: regex, value: 'a('}\n", NULL, "s.yaml:6: `value` of regex");
    REFUSED(S "cases:\n  - input: x\n    checks:\n      - type: is-json\n        value:\n          type: object\n          properties: {a: {minimum: x}}\n", NULL, "s.yaml:9: the schema of is-json");
    REFUSED(S "checks: [{type: contians, value: x}]\ncases: [{input: x}]\n", NULL, "s.yaml:3: unknown type of check \"contians\", did you mean `contains`?");
    REFUSED(S "checks: [{type: judge, rubric: nice}]\ncases: [{input: x}]\n", NULL, "s.yaml:3: judge: expected a `judge`, since the suite declares none");
    REFUSED(S "judges: {a: {model: l, scale: binary}}\nchecks: [{type: judge}]\ncases: [{input: x}]\n", NULL, "s.yaml:4: judge: expected a `rubric`");
    REFUSED(S "judges: {a: {model: l, scale: binray}}\ncases: [{input: x}]\n", NULL, "s.yaml:3:");
    REFUSED(S "checks: [{type: contains}]\ncases:\n  - {id: a, input: x}\n", NULL, "s.yaml:5: case a: contains at line 3 compares with `expected`, which the case does not have");
    REFUSED(S "judges: {a: {model: l, scale: binary}}\nchecks: [{type: faithful}]\ncases: [{id: a, input: x}]\n", NULL, "s.yaml:5: case a: faithful at line 4 needs a `context`");
    REFUSED(S "checks: [{type: contains, value: 'a {{b}}'}]\ncases: [{id: a, input: x}]\n", NULL, "s.yaml:4: case a: contains at line 3 holds {{b}}");
    REFUSED(S "cases: [{id: a}]\n", NULL, "s.yaml:3: case a: there is neither a prompt nor an `input`: say `prompt:` or `messages:` in the suite, with {{name}} for its variables");
    REFUSED(S "messages: [{role: user, content: '{{input}}'}]\ncases: [{input: [{role: user, content: x}]}]\n", NULL, "is no text but messages");
    REFUSED(S "prompt: p\nmessages: [{role: user, content: x}]\ncases: [{input: x}]\n", NULL, "s.yaml:3: suite: expected either a `prompt` or its parts");
    REFUSED(S "triggers: [{schedule: '0 6 * *'}]\ncases: [{input: x}]\n", NULL, "s.yaml:3: schedule: expected five fields (minute");
    REFUSED(S "triggers: [model-chnage]\ncases: [{input: x}]\n", NULL, "did you mean `model-change`?");
    REFUSED(S "run_as: {application: a}\ncases: [{input: x}]\n", NULL, "s.yaml:3: run_as");
    REFUSED(S "cases: [{input: x, weight: 0}]\n", NULL, "s.yaml:3: weight");
    REFUSED(S "cases: [{input: x, vars: {input: y}}]\n", NULL, "s.yaml:3: vars: `input` is the case's own");
}

static void test_all_at_once(void **state) {
    (void)state;
    static const char text[] = S "repeat: x\ncases:\n  - {id: a, input: x, chekcs: []}\n  - {id: a, input: y}\n  - {id: b, input: z, checks: [{type: regex, value: '['}]}\n";
    REFUSED(text, NULL, "s.yaml:3: repeat");
    assert_int_equal(problems.count, 4);
    for (unsigned i = 1; i < 4; i++) assert_int_equal(problems.items[i].line, 4 + (int)i);
}

/* ---- one content is one version ---- */

static void same(const char *a, const char *b) {
    read_it(a, NULL);
    struct digest first = suite.digest;
    read_it(b, NULL);
    if (!digest_eq(&first, &suite.digest)) fail_msg("%s\n%s\n" SLICE_FMT, a, b, SLICE_ARG(suite.canonical));
}

static void test_digest(void **state) {
    (void)state;
    static const char yaml[] = "suite: s\nmodel: m\nrepeat: 1\nmax_errors: 0.05\n# a comment\nchecks:\n- {type: is-json, value: {type: object, required: [a]}}\n"
                               "judges: {b: {model: x, scale: binary}, a: {model: y, scale: 1-5}}\n"
                               "cases:\n- {id: a, input: \"h\\u00fc\", vars: {x: 1, y: two}, weight: 1.0, tags: t}\n",
                      json[] = "{\"cases\":[{\"tags\":[\"t\"],\"vars\":{\"y\":\"two\",\"x\":\"1\"},\"input\":\"h\xc3\xbc\",\"id\":\"a\"}],"
                               "\"judges\":{\"a\":{\"scale\":\"1-5\",\"model\":\"y\"},\"b\":{\"model\":\"x\",\"scale\":\"binary\"}},"
                               "\"checks\":[{\"value\":{\"required\":[\"a\"],\"type\":\"object\"},\"type\":\"is-json\"}],\"model\":\"m\",\"suite\":\"s\"}";
    same(yaml, json);
    struct digest first = suite.digest;
    read_it("suite: s\nmodel: m\ncases: [{id: a, input: x, expected: 'false'}]\n", NULL);
    assert_false(digest_eq(&first, &suite.digest));
    same("suite: s\nmodel: m\ncases: [{id: a, input: x, expected: [1, {b: 2}]}]\n", "suite: s\nmodel: m\ncases: [{id: a, input: x, expected: '[1,{\"b\":2}]'}]\n");
}

/* Any suite is read back from its canonical form to the same form. */
static const char *pick(unsigned *seed, const char *const *from, unsigned n) {
    *seed = *seed * 1103515245u + 12345u;
    return from[(*seed >> 16) % n];
}

static void test_canonical(void **state) {
    (void)state;
    static const char *const texts[] = {"plain", "file:x", "\xe4\xb8\xad\xe6\x96\x87 \xf0\x9f\x98\x80", "a\\\"b\\nc\\u0001", "1.0", "null", "{{q}}", " "};
    static const char *const checks[] = {"{\"type\":\"contains\",\"value\":1.0}", "{\"value\":\"a\",\"type\":\"not-icontains\",\"weight\":0.50}",
                                         "{\"type\":\"equals\",\"value\":{\"b\":[1,2],\"a\":null}}", "{\"type\":\"regex\",\"value\":\"a\\\\d+\"}",
                                         "{\"type\":\"judge\",\"rubric\":\"r\",\"judge\":\"elsewhere\"}", "{\"type\":\"tool-call\",\"name\":\"f\",\"arguments\":{\"z\":1,\"a\":2}}"};
    static const char *const heads[] = {"\"repeat\":3,", "\"scope\":\"these-cases\",", "\"max_errors\":0.5,\"description\":\"d\",", "\"request_type\":\"chat\",",
                                        "\"triggers\":[\"model-change\",{\"schedule\":\"0 6 * * 1\",\"zone\":\"Europe/Berlin\"}],",
                                        "\"run_as\":{\"application\":\"a\",\"key\":\"k\"},", "\"require\":[{\"score\":{\"at_most\":0.25},\"confidence\":0.9}],", ""};
    unsigned seed = 42;
    for (int round = 0; round < 300; round++) {
        struct buffer text;
        buffer_init(&text, 1 << 20);
        buffer_printf(&text, "{\"files\":false,%s\"suite\":\"s\",\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}],\"checks\":[%s],\"cases\":[",
                      pick(&seed, heads, 8), round % 3 ? "{{q}} {{input}}" : "file:y", pick(&seed, checks, 6));
        for (int i = 0; i < round % 4 + 1; i++) {
            buffer_printf(&text, "%s{\"vars\":{\"q\":\"%s\",\"b\":\"%s\"},\"input\":\"%s\",", i ? "," : "", pick(&seed, texts, 8), pick(&seed, texts, 8), pick(&seed, texts, 8));
            buffer_printf(&text, "\"expected\":\"%s\",\"context\":\"%s\",\"tags\":[\"%s\"],\"threshold\":0.%d,\"checks\":[%s]}", pick(&seed, texts, 8),
                          pick(&seed, texts, 8), pick(&seed, texts, 8), i + 1, pick(&seed, checks, 6));
        }
        buffer_append(&text, SLICE("]}"));
        read_it(buffer_text(&text), NULL);
        struct digest first = suite.digest;
        struct slice canonical = suite.canonical;
        read_it(arena_text(&arena, canonical), NULL);
        if (!slice_eq(canonical, suite.canonical)) fail_msg(SLICE_FMT "\n" SLICE_FMT, SLICE_ARG(canonical), SLICE_ARG(suite.canonical));
        assert_true(digest_eq(&first, &suite.digest));
        buffer_deinit(&text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_example, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_requests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_code_in_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_files_in_circles, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_problems_in_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_all_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_digest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_canonical, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
