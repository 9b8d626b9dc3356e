/* One part of a configuration file replaced where it stands: what else is there stays byte for byte. */
#include "base/mem.h"
#include "model/config_edit.h"
#include "model/config_secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const file =
    "# ours\n"
    "listen: 127.0.0.1:4000   # behind the proxy\n"
    "server:\n"
    "  max_body: 1MiB\n"
    "\n"
    "providers:\n"
    "  # the main one\n"
    "  openai:\n"
    "    dialect: openai          # wire\n"
    "    base_url: \"https://api.openai.com/v1\"\n"
    "    api_key: ${OPENAI_KEY}\n"
    "  spare: {dialect: openai, base_url: https://spare/v1}\n"
    "models:\n"
    "  chat:\n"
    "    targets:\n"
    "      - provider: openai   # first\n"
    "        model: gpt-4o\n"
    "      - {provider: spare, model: mini}\n"
    "    retry: {attempts: 2}\n"
    "alerts:\n"
    "- name: slow\n"
    "  when: {metric: latency.p99, above: 2s}\n"
    "  # why it is\n"
    "  summary: |\n"
    "    It is slow.\n"
    "    Very.\n"
    "\n"
    "- {name: errors, when: {metric: errors.rate, above: 5%}}\n"
    "oncall:\n"
    "# the end\n";

struct try {
    struct arena arena;
    struct buffer out;
    struct error error;
};

static int set_up(void **state) {
    struct try *t = mem_new(struct try);
    arena_init(&t->arena, 4096, 64 << 20);
    buffer_init(&t->out, 1 << 20);
    *state = t;
    return 0;
}

static int tear_down(void **state) {
    struct try *t = *state;
    buffer_deinit(&t->out);
    arena_deinit(&t->arena);
    mem_free(t);
    return 0;
}

/* `path`: "models/chat/retry"; `json` NULL: taken out. */
static enum fault edit(struct try *t, const char *text, const char *path, const char *json) {
    struct config_path p = {.n = 0};
    struct slice rest = slice_of(path);
    struct yaml_node *value = NULL;
    struct json_doc doc;
    while (rest.len > 0) slice_cut(rest, '/', &p.steps[p.n++], &rest);
    if (json != NULL) {
        assert_int_equal(json_read(slice_of(json), &t->arena, UINT16_MAX, &doc, &t->error), FAULT_NONE);
        value = config_from_json(&doc, 0, &t->arena);
    }
    buffer_clear(&t->out);
    return config_edit(slice_of(text), &p, value, &t->arena, &t->out, &t->error);
}

/* The file with `was` replaced by `now`, once: what the edit is to make of it. */
static void expect_only(struct try *t, const char *text, const char *was, const char *now) {
    const char *at = strstr(text, was);
    assert_non_null(at);
    struct slice want = arena_printf(&t->arena, "%.*s%s%s", (int)(at - text), text, now, at + strlen(was));
    assert_string_equal(buffer_text(&t->out), arena_text(&t->arena, want));
}

#define CHANGES(path, json, was, now)                                                   \
    do {                                                                                \
        enum fault fault_ = edit(t, file, path, json);                                  \
        if (fault_ != FAULT_NONE) fail_msg("%s: %s", path, t->error.text);              \
        expect_only(t, file, was, now);                                                 \
    } while (0)

static void scalars(void **state) {
    struct try *t = *state;
    CHANGES("listen", "\"0.0.0.0:80\"", "127.0.0.1:4000", "0.0.0.0:80");
    CHANGES("server/max_body", "\"2MiB\"", "1MiB", "2MiB");
    CHANGES("providers/openai/base_url", "\"http://x/v1\"", "\"https://api.openai.com/v1\"", "http://x/v1");
    CHANGES("providers/openai/api_key", "\"${OTHER}\"", "${OPENAI_KEY}", "\"${OTHER}\"");
    CHANGES("models/chat/retry/attempts", "3", "attempts: 2", "attempts: 3");
    CHANGES("alerts/errors/when/above", "\"7%\"", "above: 5%", "above: 7%");
    CHANGES("alerts/slow/summary", "\"Slow: see # runbook\"", "|\n    It is slow.\n    Very.", "\"Slow: see # runbook\"");
    CHANGES("listen", "\"4000\"", "127.0.0.1:4000", "\"4000\""); /* a text, not a number */
    CHANGES("providers/openai/dialect", "\"a\\nb\\\"c\\\\ \\u00e9\"", "dialect: openai          # wire", "dialect: \"a\\nb\\\"c\\\\ é\"          # wire");
}

static void members(void **state) {
    struct try *t = *state;
    CHANGES("server/idle_timeout", "\"10s\"", "max_body: 1MiB\n", "max_body: 1MiB\n  idle_timeout: 10s\n");
    CHANGES("server/tls/cert", "\"file:c.pem\"", "max_body: 1MiB\n", "max_body: 1MiB\n  tls: {cert: file:c.pem}\n");
    CHANGES("recorder/sync", "\"each\"", "oncall:\n", "oncall:\nrecorder: {sync: each}\n");
    CHANGES("oncall/people", "{\"anna\":{\"receiver\":\"ops\"}}", "oncall:", "oncall: {people: {anna: {receiver: ops}}}");
    CHANGES("models/chat/retry", "{\"attempts\":2,\"backoff\":\"1s\"}", "{attempts: 2}", "{attempts: 2, backoff: 1s}");
    CHANGES("models/chat/retry", NULL, "    retry: {attempts: 2}\n", "");
    CHANGES("providers/openai/api_key", NULL, "    api_key: ${OPENAI_KEY}\n", "");
    CHANGES("providers/spare", NULL, "  spare: {dialect: openai, base_url: https://spare/v1}\n", "");
    CHANGES("server/max_body", NULL, "server:\n  max_body: 1MiB", "server: {}");
    CHANGES("alerts/slow/name", "\"slower\"", "name: slow", "name: slower");
    CHANGES("providers/new", "{\"dialect\":\"anthropic\",\"base_url\":\"https://a.example/v1\",\"headers\":{\"x-long-name\":\"a value that fills the line\"}}",
            "base_url: https://spare/v1}\n", "base_url: https://spare/v1}\n  new:\n    dialect: anthropic\n    base_url: https://a.example/v1\n    headers: {x-long-name: a value that fills the line}\n");
    assert_int_equal(edit(t, file, "providers/nobody", NULL), FAULT_NOT_FOUND);
}

static void lists(void **state) {
    struct try *t = *state;
    CHANGES("models/chat/targets/#2/model", "\"nano\"", "model: mini", "model: nano");
    CHANGES("models/chat/targets", "[{\"provider\":\"openai\",\"model\":\"gpt-4o\"}]", "      - {provider: spare, model: mini}\n", "");
    CHANGES("models/chat/targets", "[{\"provider\":\"spare\",\"model\":\"mini\"}]", "      - provider: openai   # first\n        model: gpt-4o\n", "");
    CHANGES("models/chat/targets", "[{\"provider\":\"openai\",\"model\":\"gpt-4o\",\"weight\":9},{\"provider\":\"spare\",\"model\":\"mini\"}]", "model: gpt-4o\n", "model: gpt-4o\n        weight: 9\n");
    CHANGES("models/chat/targets", "[{\"provider\":\"openai\",\"model\":\"gpt-4o\"},{\"provider\":\"spare\",\"model\":\"mini\"},{\"provider\":\"third\",\"model\":\"m\"}]",
            "model: mini}\n", "model: mini}\n      - {provider: third, model: m}\n");
    CHANGES("alerts/new", "{\"name\":\"new\",\"when\":{\"metric\":\"requests\",\"above\":0}}", "above: 5%}}\n", "above: 5%}}\n- {name: new, when: {metric: requests, above: 0}}\n");
    CHANGES("alerts/errors", NULL, "- {name: errors, when: {metric: errors.rate, above: 5%}}\n", "");
    CHANGES("alerts/slow/for", "\"5m\"", "Very.\n", "Very.\n  for: 5m\n");
}

static void not_here(void **state) {
    struct try *t = *state;
    static const char *const aliased = "a: &A {x: 1}\nb: *A\nc:\n  <<: *A\n  y: 2\n";
    assert_int_equal(edit(t, aliased, "b/x", "2"), FAULT_CONFLICT);
    assert_non_null(strstr(t->error.text, "alias"));
    assert_int_equal(edit(t, aliased, "a/x", "2"), FAULT_CONFLICT); /* b would become another one, too */
    assert_int_equal(edit(t, aliased, "c/x", "2"), FAULT_CONFLICT);
    assert_int_equal(edit(t, aliased, "c/y", "3"), FAULT_NONE);
    expect_only(t, aliased, "y: 2", "y: 3");
    assert_int_equal(edit(t, "a: [1\n", "a", "2"), FAULT_CONFIG);
    assert_int_equal(edit(t, "", "a", "2"), FAULT_CONFLICT);
    assert_int_equal(edit(t, "a: 1\n", "a/b", "2"), FAULT_CONFLICT);
}

static void forms(void **state) {
    struct try *t = *state;
    assert_int_equal(edit(t, "{\"a\": {\"b\": 1}, \"c\": 2}", "a/b", "\"x\""), FAULT_NONE);
    assert_string_equal(buffer_text(&t->out), "{\"a\": {\"b\": x}, \"c\": 2}");
    assert_int_equal(edit(t, "{\"a\": {\"b\": 1}, \"c\": 2}", "a/d", "true"), FAULT_NONE);
    assert_string_equal(buffer_text(&t->out), "{\"a\": {b: 1, d: true}, \"c\": 2}");
    assert_int_equal(edit(t, "a: 1", "b", "\"ä: #\""), FAULT_NONE); /* no line break at the end */
    assert_string_equal(buffer_text(&t->out), "a: 1\nb: \"ä: #\"");
    assert_int_equal(edit(t, "a: 1\r\nb: 2\r\n", "a", "3"), FAULT_NONE);
    assert_string_equal(buffer_text(&t->out), "a: 3\r\nb: 2\r\n");
    assert_int_equal(edit(t, "a:\n  - x: 1\n    y: 2\n", "a/#1/x", NULL), FAULT_NONE);
    assert_string_equal(buffer_text(&t->out), "a:\n  - y: 2\n");
    assert_int_equal(edit(t, "a:\n  'k 1': 1\n  \"k 2\": 2\n", "a/k 1", NULL), FAULT_NONE);
    assert_string_equal(buffer_text(&t->out), "a:\n  \"k 2\": 2\n");
}

static void addresses_with_a_credential(void **state) {
    (void)state;
    static const struct {
        const char *address;
        bool secret;
    } all[] = {{"https://host/v1", false},           {"https://host/v1?api-version=2024", false}, {"https://u:word@host/v1", true},         {"https://host/v1@2", false},
               {"https://host/v1?key=abc123", true}, {"https://host/v1?a=1&Token=abc", true},     {"https://host/v1?key=${KEY}", false}, {"https://host/v1?key=${KEY:-abc}", true}};
    const struct slice steps[] = {SLICE("providers"), SLICE("openai"), SLICE("base_url")};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        struct yaml_node n = {.type = YAML_SCALAR, .text = slice_of(all[i].address)};
        if (config_is_secret(steps, 3, &n) != all[i].secret) fail_msg("%s", all[i].address);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(scalars, set_up, tear_down),   cmocka_unit_test_setup_teardown(members, set_up, tear_down),
        cmocka_unit_test_setup_teardown(lists, set_up, tear_down),     cmocka_unit_test_setup_teardown(not_here, set_up, tear_down),
        cmocka_unit_test_setup_teardown(forms, set_up, tear_down), cmocka_unit_test(addresses_with_a_credential),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
