/* promptfoo configurations as suites: each mapping, each thing left out, and what suite_read says of it all. */
#include "quality/import_promptfoo.h"

#include "quality/suite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

struct rig {
    struct arena arena;
    struct import m;
    struct problems problems;
    struct import_suite *suites;
    unsigned n;
    enum fault fault;
    struct buffer told;
};

static const char *const files[][2] = {
    {"two.txt", "First {{q}}\n---\n\nSecond {{q}}\n"},
    {"chat.json", "[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":{{q | dump}}}]"},
    {"chat.yaml", "- {role: user, content: \"Y {{q}}\"}\n"},
    {"tests.csv", "q,__expected,__description,__threshold,__prefix\n\"a\nb\",icontains:x,One,0.5,P\nc,\"grade: is short\",Two,,\n"},
    {"t/a.yaml", "- vars: {q: from yaml}\n"},
    {"t/b.jsonl", "{\"vars\":{\"q\":\"from jsonl\"}}\n\nprose\n"},
    {"long.txt", " the text \n"},
    {"check.js", "module.exports = (output) => output.length > 1;\n"},
    {"check.py", "def fine(output, context):\n    return True\n"},
    {"schema.json", "{\"type\":\"object\"}"},
    {"vars.yaml", "q: of a file\n"},
    {"default.yaml", "assert: [{type: contains, value: d}]\n"},
};

static enum fault read_one(void *ctx, struct slice path, struct arena *arena, struct slice *ret, struct error *error) {
    (void)ctx;
    (void)arena;
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (slice_is(path, files[i][0])) {
            *ret = slice_of(files[i][1]);
            return FAULT_NONE;
        }
    return error_set(error, FAULT_IO, "no such file");
}

static enum fault glob_all(void *ctx, struct slice pattern, struct arena *arena, struct slice **ret, unsigned *ret_n, struct error *error) {
    (void)ctx;
    (void)error;
    struct slice *all = arena_new_array(arena, struct slice, 2);
    *ret_n = 0;
    if (!slice_is(pattern, "t/*")) return FAULT_NONE;
    all[0] = SLICE("t/a.yaml");
    all[1] = SLICE("t/b.jsonl");
    *ret = all;
    *ret_n = 2;
    return FAULT_NONE;
}

static const struct import_files beside = {.source = {.read = read_one}, .glob = glob_all};
static const struct import_map maps[] = {{{"openai:gpt-5", 12}, {"support-chat", 12}}, {{"http://x", 8}, {"own", 3}}};

static struct rig *import_text(const char *text) {
    struct rig *r = test_calloc(1, sizeof *r);
    arena_init(&r->arena, 4096, 64u << 20);
    buffer_init(&r->told, 1u << 20);
    import_init(&r->m, &r->arena);
    r->m.files = &beside;
    r->m.maps = maps;
    r->m.n_maps = sizeof maps / sizeof *maps;
    r->fault = import_promptfoo(&r->m, slice_of(text), "pf.yaml", SLICE_NULL, &r->suites, &r->n, &r->problems);
    for (const struct import_note *n = r->m.first; n != NULL; n = n->next)
        if (n->loss == IMPORT_LEFT_OUT) buffer_printf(&r->told, "%s:%d: " SLICE_FMT ": " SLICE_FMT "\n", n->file, n->line, SLICE_ARG(n->where), SLICE_ARG(n->why));
    problems_write(&r->problems, &r->told);
    return r;
}

static void drop(struct rig *r) {
    buffer_deinit(&r->told);
    arena_deinit(&r->arena);
    test_free(r);
}

/* The YAML and the JSON are the same suite, and suite_read takes it. */
static void is_a_suite(const struct import_suite *s) {
    struct arena arena;
    struct suite yaml, json;
    struct problems problems = {0};
    arena_init(&arena, 4096, 256u << 20);
    enum fault f = suite_read(s->yaml, "out.yaml", NULL, &arena, &yaml, &problems);
    if (f != FAULT_NONE) fprintf(stderr, "%s in\n" SLICE_FMT "\n", problems.count > 0 ? problems.items[0].text : "", SLICE_ARG(s->yaml));
    assert_int_equal(f, FAULT_NONE);
    assert_int_equal(suite_read(s->json, "out.json", NULL, &arena, &json, &problems), FAULT_NONE);
    assert_memory_equal(&yaml.digest, &json.digest, sizeof yaml.digest);
    assert_int_equal(yaml.n_cases, s->n_cases);
    suite_deinit(&yaml);
    suite_deinit(&json);
    arena_deinit(&arena);
}

/* One suite, with nothing left out, that holds `part`. */
static void gives(const char *text, const char *part) {
    struct rig *r = import_text(text);
    assert_string_equal(buffer_text(&r->told), "");
    assert_int_equal(r->fault, FAULT_NONE);
    assert_int_equal(r->n, 1);
    if (!slice_contains(r->suites[0].json, slice_of(part))) assert_string_equal(arena_text(&r->arena, r->suites[0].json), part);
    is_a_suite(&r->suites[0]);
    drop(r);
}

static void leaves(const char *text, const char *told) {
    struct rig *r = import_text(text);
    assert_string_equal(buffer_text(&r->told), told);
    for (unsigned i = 0; i < r->n; i++) is_a_suite(&r->suites[i]);
    drop(r);
}

#define TOP "prompts: ['{{q}}']\nproviders: [openai:gpt-5]\n"

static void assertions(void **state) {
    (void)state;
    static const char *const forms[][2] = {
        {"{type: equals, value: 42}", "{\"type\":\"equals\",\"value\":42}"},
        {"{type: equals, value: {a: [1]}}", "{\"type\":\"equals\",\"value\":{\"a\":[1]}}"},
        {"{type: not-icontains, value: x, weight: 0, metric: m}", "{\"type\":\"not-icontains\",\"value\":\"x\",\"weight\":0,\"metric\":\"m\"}"},
        {"{type: contains-any, value: 'a, b'}", "{\"type\":\"contains-any\",\"value\":\"a, b\"}"},
        {"{type: icontains-all, value: [a, b]}", "{\"type\":\"icontains-all\",\"value\":[\"a\",\"b\"]}"},
        {"{type: starts-with, value: '{{q}}'}", "{\"type\":\"starts-with\",\"value\":\"{{q}}\"}"},
        {"{type: regex, value: '^a+$'}", "{\"type\":\"regex\",\"value\":\"^a+$\"}"},
        {"{type: is-json}", "{\"type\":\"is-json\"}"},
        {"{type: is-json, value: {properties: {a: {format: date}}}}", "\"formats\":\"assert\"}"},
        {"{type: contains-json, value: 'type: object'}", "{\"type\":\"contains-json\",\"value\":{\"type\":\"object\"}}"},
        {"{type: is-json, value: file://schema.json}", "{\"type\":\"is-json\",\"value\":{\"type\":\"object\"}}"},
        {"{type: levenshtein, value: x, threshold: 2}", "{\"type\":\"levenshtein\",\"value\":\"x\",\"threshold\":2}"},
        {"{type: rouge-n, value: x, threshold: 0.5}", "{\"type\":\"rouge-n\",\"value\":\"x\",\"threshold\":0.5}"},
        {"{type: bleu, value: [x, y]}", "{\"type\":\"bleu\",\"value\":[\"x\",\"y\"]}"},
        {"{type: word-count, value: {min: 1, max: 9}}", "{\"type\":\"word-count\",\"value\":{\"min\":1,\"max\":9}}"},
        {"{type: not-is-refusal}", "{\"type\":\"not-is-refusal\"}"},
        {"{type: latency, threshold: 900}", "{\"type\":\"latency\",\"threshold\":900}"},
        {"{type: cost, threshold: 0.001}", "{\"type\":\"cost\",\"threshold\":0.001}"},
        {"{type: finish-reason, value: stop}", "{\"type\":\"finish-reason\",\"value\":\"stop\"}"},
        {"{type: tool-call-f1, value: [a], threshold: 0.8}", "{\"type\":\"tool-call-f1\",\"value\":[\"a\"],\"threshold\":0.8}"},
        {"{type: similar, value: x, threshold: 0.8}", "{\"type\":\"similar\",\"value\":\"x\",\"model\":\"text-embedding-3-large\",\"threshold\":0.8}"},
        {"{type: 'similar:cosine', value: x, provider: 'openai:embedding:small'}", "{\"type\":\"similar\",\"value\":\"x\",\"model\":\"small\"}"},
        {"{type: javascript, value: 'output.length < 9', threshold: 0.5}", "{\"type\":\"javascript\",\"value\":\"output.length < 9\",\"threshold\":0.5}"},
        {"{type: javascript, value: file://check.js}", "{\"type\":\"javascript\",\"value\":\"module.exports = (output) => output.length > 1;\\n\"}"},
        {"{type: python, value: 'file://check.py:fine'}", "def get_assert(output, context):\\n    return fine(output, context)\\n\"}"},
        {"{type: llm-rubric, value: polite}", "{\"type\":\"judge\",\"rubric\":\"polite\",\"judge\":\"grader\"}"},
        {"{type: llm-rubric, value: polite, threshold: 0.8}", "{\"type\":\"judge\",\"rubric\":\"polite\",\"judge\":\"grader-1-5\",\"threshold\":0.8}"},
        {"{type: llm-rubric, value: polite, provider: 'openai:gpt-5'}", "\"judges\":{\"grader\":{\"model\":\"support-chat\",\"scale\":\"binary\"}}"},
        {"{type: not-model-graded-closedqa, value: rude}", "{\"type\":\"not-judge\",\"rubric\":\"rude\",\"judge\":\"grader\"}"},
        {"{type: g-eval, value: [short, true]}", "{\"type\":\"judge\",\"rubric\":\"1. short\\n2. \",\"threshold\":0.7,\"judge\":\"grader-1-5\"}"},
        {"{type: factuality, value: 'It is {{q}}'}", "Reference: It is {{q}}\",\"judge\":\"grader\"}"},
        {"{type: answer-relevance, threshold: 0.7}", "{\"type\":\"relevant\",\"judge\":\"grader\",\"threshold\":0.7}"},
        {"{type: context-faithfulness}", "{\"type\":\"faithful\",\"threshold\":0,\"judge\":\"grader\"}"},
        {"{type: assert-set, weight: 2, metric: m, assert: [{type: equals, value: a}, {type: equals, value: b, weight: 3}]}",
         "{\"type\":\"equals\",\"value\":\"a\",\"weight\":0.5,\"metric\":\"m\"},{\"type\":\"equals\",\"value\":\"b\",\"weight\":1.5,\"metric\":\"m\"}"},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char text[1024];
        snprintf(text, sizeof text, TOP "tests:\n  - vars: {q: x, context: c}\n    assert:\n      - %s\n", forms[i][0]);
        gives(text, forms[i][1]);
    }
}

static void left_out(void **state) {
    (void)state;
    static const char *const forms[][2] = {
        {"{type: webhook, value: 'http://x'}", "webhook: no addresses are called; exec can run a program that does"},
        {"{type: meteor, value: x}", "meteor: there is no such check; similar is near"},
        {"{type: 'trajectory:tool-used', value: x}", "trajectory:tool-used: answers hold no traces; tool-call looks at tools"},
        {"{type: contians, value: x}", "contians: no check has that name"},
        {"{type: contains, value: x, transform: output.trim()}", "contains: the answer would have to be transformed first"},
        {"{type: contains, value: '{{q | upper}}'}", "contains: `value` of contains: expected the name of a variable within {{ }}, found `q | upper`"},
        {"{type: llm-rubric, value: '{% if q %}a{% endif %}'}", "llm-rubric: expected {{name}} as the only template syntax, found {% ... %}"},
        {"{type: javascript, value: \"output == '{{q}}'\"}", "javascript: its code holds a template; context.vars has the variables"},
        {"{type: regex, value: '('}", "regex: `value` of regex: expected a regular expression, but at character 2 of `(`: missing closing parenthesis"},
        {"{type: contains, value: x, threshold: 0.5}", "`threshold` of contains: it passes or fails, and has none"},
        {"{type: contains, value: x, flavour: y}", "`flavour` of contains: it has no counterpart"},
        {"{type: contains, value: file://gone.txt}", "the file `file://gone.txt`: no such file"},
        {"{type: assert-set, threshold: 0.5, assert: [{type: is-json}]}",
         "assert-set: it passes at a threshold, whichever of its assertions fail; a case has a `threshold` of all its checks"},
        {"{$ref: '#/assertionTemplates/gone'}", "$ref: nothing is there"},
        {"{value: x}", "assertion: it has no type"},
    };
    for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
        char text[1024], told[1024];
        snprintf(text, sizeof text, TOP "tests:\n  - vars: {q: x}\n    assert:\n      - %s\n", forms[i][0]);
        snprintf(told, sizeof told, "pf.yaml:6: tests[0].assert[0]: %s\n", forms[i][1]);
        leaves(text, told);
    }
    leaves(TOP "tests:\n  - vars: {q: x}\n    providerOutput: y\n  - vars: {q: x}\n    options: {transform: y}\n    colour: red\noutputPath: x\n",
           "pf.yaml:9: configuration: `outputPath`: `eval run --out` says where reports go\n"
           "pf.yaml:5: tests[0]: the test: it has a `providerOutput`, and a suite's cases are all asked of the run's model\n"
           "pf.yaml:8: tests[1]: `colour` of a test: it has no counterpart\n"
           "pf.yaml:7: tests[1]: `transform` of options: checks see the answer as it is\n");
    leaves("prompts: [file://p.py, 'a {{ x | b }}']\nproviders: ['http://y', {id: openai:a, delay: 1, config: {apiKey: k}}]\n",
           "pf.yaml:1: prompts[0]: the prompt `file://p.py`: expected a text or a .txt, .md, .json, .jsonl or .yaml file; code is not run\n"
           "pf.yaml:1: prompts[1]: the prompt: expected the name of a variable within {{ }}, found `x | b`\n"
           "pf.yaml:2: providers[0]: the provider `http://y` is no model that the gateway asks; --map \"http://y=MODEL\" says which is meant\n"
           "pf.yaml:2: providers[1]: `delay` of a provider: it has no counterpart\n"
           "pf.yaml:2: providers[1]: `apiKey` of a config: the gateway's configuration of the model has it, or nothing\n");
    leaves("- a\n", "pf.yaml:1: expected a configuration of promptfoo: a map with `prompts`, `providers` and `tests`\n");
}

static void prompts_and_providers(void **state) {
    (void)state;
    gives("prompts: 'Say {{q}}'\nproviders: openai:gpt-5\ntests: [{vars: {q: x}}]\n",
          "\"model\":\"support-chat\",\"messages\":[{\"role\":\"user\",\"content\":\"Say {{q}}\"}],\"cases\":[{\"vars\":{\"q\":\"x\"}}]");
    gives("prompts: [file://chat.json]\nproviders: ['http://x']\ntests: [{vars: {q: x}}]\n",
          "\"model\":\"own\",\"messages\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":\"{{q}}\"}]");
    gives("prompts: [{id: file://chat.yaml, label: L}]\nproviders: [{openai:chat:m: {config: {temperature: 0.5}}}]\ntests: [{vars: {q: x}}]\n",
          "\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"Y {{q}}\"}],\"parameters\":{\"temperature\":0.5}");
    struct rig *r = import_text("description: My Set\nprompts: [file://two.txt]\nproviders: [a:x, a:y, {id: a:z, config: {max_tokens: 5}}]\ntests: [{vars: {q: x}}]\n");
    assert_string_equal(buffer_text(&r->told), "");
    assert_int_equal(r->n, 4); /* two prompts; x and y ask alike, z does not */
    assert_true(slice_is(r->suites[0].name, "my-set-two-x") && slice_is(r->suites[1].name, "my-set-two-z") && slice_is(r->suites[2].name, "my-set-two-x-2"));
    assert_true(r->suites[0].n_others == 1 && slice_is(r->suites[0].others[0], "y") && r->suites[1].n_others == 0);
    for (unsigned i = 0; i < r->n; i++) is_a_suite(&r->suites[i]);
    drop(r);
    /* a test for one provider makes a suite of each */
    r = import_text("prompts: ['{{q}}']\nproviders: [a:x, a:y]\ntests: [{vars: {q: x}}, {vars: {q: y}, providers: ['a:y']}]\n");
    assert_true(r->n == 2 && r->suites[0].n_cases == 1 && r->suites[1].n_cases == 2);
    drop(r);
}

static void tests_of_all_kinds(void **state) {
    (void)state;
    /* combinations in one cluster, lists of numbers are one value, parts of a map are variables */
    gives(TOP "tests: [{description: Two by, vars: {q: [a, b], n: [1, 2], m: {k: v}, l: [c, d]}}]\n",
          "{\"id\":\"two-by-4\",\"vars\":{\"q\":\"b\",\"n\":\"[1,2]\",\"m\":\"{\\\"k\\\":\\\"v\\\"}\",\"m.k\":\"v\",\"l\":\"d\"},\"cluster\":\"tests[0]\"}");
    gives(TOP "tests: [{vars: {q: [a, b]}, options: {disableVarExpansion: true}}]\n", "\"cases\":[{\"vars\":{\"q\":\"[\\\"a\\\",\\\"b\\\"]\"}}]");
    /* default vars and assertions, metadata, thresholds, templates in variables, files */
    gives(TOP "defaultTest: {vars: {who: me}, metadata: {a: 1}, assert: [{type: is-json}], threshold: 0.5}\n"
              "tests: [{vars: {q: 'for {{who}}'}, metadata: {a: [x, y]}}]\n",
          "\"checks\":[{\"type\":\"is-json\"}],\"cases\":[{\"vars\":{\"who\":\"me\",\"q\":\"for me\"},\"tags\":[\"a=x\",\"a=y\"],\"threshold\":0.5}]");
    gives(TOP "defaultTest: file://default.yaml\ntests: [{vars: file://vars.yaml, options: {disableDefaultAsserts: true}}, {vars: {q: file://long.txt}}]\n",
          "\"cases\":[{\"vars\":{\"q\":\"of a file\"}},{\"vars\":{\"q\":\"the text\"},\"checks\":[{\"type\":\"contains\",\"value\":\"d\"}]}]");
    gives(TOP "scenarios: [{config: [{vars: {q: a}}, {vars: {q: b}}], tests: [{assert: [{$ref: '#/assertionTemplates/t'}]}]}]\nassertionTemplates: {t: {type: is-json}}\n",
          "\"cases\":[{\"vars\":{\"q\":\"a\"},\"checks\":[{\"type\":\"is-json\"}]},{\"vars\":{\"q\":\"b\"},\"checks\":[{\"type\":\"is-json\"}]}]");
    gives(TOP "tests: file://tests.csv\n", "\"content\":\"{{__prefix}}{{q}}{{__suffix}}\"");
    gives(TOP "tests: [file://tests.csv]\n",
          "{\"id\":\"one\",\"vars\":{\"q\":\"a\\nb\",\"__prefix\":\"P\",\"__suffix\":\"\"},\"threshold\":0.5,\"checks\":[{\"type\":\"icontains\",\"value\":\"x\"}]}");
    gives(TOP "tests: [{vars: {q: x}, options: {prefix: 'Be {{q}}. '}}]\n", "\"content\":\"Be {{q}}. {{q}}\"");
    leaves("prompts: [file://chat.json]\nproviders: [openai:gpt-5]\ntests: [{vars: {q: x}, options: {prefix: 'Be kind. '}}]\n",
           "pf.yaml:1: tests: `prefix` and `suffix` of options: the prompt chat is a list of messages; put them into one of these\n");
    gives(TOP "tests: [{vars: {q: 'file:x'}}]\nevaluateOptions: {repeat: 3}\n", "\"files\":false");
    /* what a file has wrong is told with its own line */
    leaves(TOP "tests: ['t/*']\n", "t/b.jsonl:3: tests[0]: the line is no JSON: line 1, column 1: expected a value, found 'p'\n");
    struct rig *r = import_text(TOP "tests: [{vars: {other: x}}]\n");
    assert_true(r->m.n_differs == 1 && slice_contains(r->suites[0].json, SLICE("\"vars\":{\"other\":\"x\",\"q\":\"\"}")));
    drop(r);
    leaves(TOP "tests: [{vars: {q: [a, b, c, d, e, f, g, h, i, j], r: [a, b, c, d, e, f, g, h, i, j], s: [a, b, c, d, e, f, g, h, i, j], "
               "t: [a, b, c, d, e, f, g, h, i, j], u: [a, b, c, d, e, f, g, h, i, j], v: [a, b]}}]\n",
           "pf.yaml:3: tests[0]: the test: its variables make 200000 combinations, a suite has at most 100000 cases\n");
}

/* Texts that YAML could take for something else. */
static void yaml(void **state) {
    (void)state;
    static const char *const texts[] = {"yes", "null", "1e3", "", " a", "a: b", "# a", "- a", "a\nb", "a\n b\n", "a\n\n\nb\n\n", "\na", "a \nb", "\ta\nb", "{{q}}",
                                        "caf\xC3\xA9\n\xE2\x82\xAC", "a\xE2\x80\xA8\nb", "\xEF\xBB\xBF\n", "a\r\nb", "it's \"so\"\n", "---\na", "x\n---\n...\n", "\\n\n"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct arena arena;
        struct buffer json, out;
        struct json_writer w;
        struct json_doc d;
        struct declared back;
        struct yaml_node *root;
        int line;
        arena_init(&arena, 4096, 1u << 20);
        buffer_init(&json, 1 << 16);
        buffer_init(&out, 1 << 16);
        json_start(&w, &json);
        json_object(&w);
        json_member_text(&w, "k", texts[i]);
        json_key(&w, texts[i]);
        json_array(&w);
        json_put_text(&w, texts[i]);
        json_array(&w);
        json_array_end(&w);
        json_object(&w);
        json_member_text(&w, "long enough to be no flow: 1234567890 1234567890 1234567890 1234567890 1234567890", texts[i]);
        json_member_text(&w, "b", texts[i]);
        json_object_end(&w);
        json_array_end(&w);
        json_object_end(&w);
        assert_int_equal(json_read(buffer_slice(&json), &arena, UINT16_MAX, &d, NULL), FAULT_NONE);
        import_write_yaml(&d, 0, &arena, &out);
        assert_int_equal(yaml_read(buffer_slice(&out), &arena, &root, &line, NULL), FAULT_NONE);
        assert_int_equal(declared_from_yaml(root, &arena, &back, NULL), FAULT_NONE);
        assert_string_equal(arena_text(&arena, back.doc.text), buffer_text(&json));
        buffer_deinit(&json);
        buffer_deinit(&out);
        arena_deinit(&arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(assertions), cmocka_unit_test(left_out), cmocka_unit_test(prompts_and_providers),
        cmocka_unit_test(tests_of_all_kinds), cmocka_unit_test(yaml),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
