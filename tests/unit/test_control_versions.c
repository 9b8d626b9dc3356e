/* Versions over the API: made once, compared, refused, shown, and fetched by applications with their own key. */
#include "test_control_rig.h"

#include "store/changes.h"

#define PROMPT(system)                                                                                          \
    "prompt: answer\nversion: v1\nmodel: support-chat\nparameters: {temperature: 0.5}\nmessages:\n- {role: system, content: '" system "'}\n" \
    "- {role: user, content: '{{question}}'}\nvariables: {question: {required: true, max_chars: 80}}\nsuites: [core]\nowner: anna@example.org\n"
#define SECOND_PROMPT "{\"prompt\":\"answer\",\"model\":\"support-chat\",\"parameters\":{\"temperature\":0.5},\"messages\":[{\"role\":\"system\",\"content\":\"Be polite and very brief.\"}," \
    "{\"role\":\"user\",\"content\":\"{{question}}\"}],\"variables\":{\"question\":{\"required\":true,\"max_chars\":80}},\"suites\":[\"core\"],\"owner\":\"anna@example.org\"}"

static void serve(struct desk *d, int64_t version) {
    struct change c = {.kind = SLICE("prompt"), .name = SLICE("answer"), .n_moves = 1, .production = version};
    struct error error = {.fault = FAULT_NONE};
    bool fresh;
    c.moves[0] = (struct change_move){version, VERSION_DRAFT, VERSION_PRODUCTION};
    c.audit = (struct audit_entry){.at_us = DESK_NOW, .actor = SLICE("ada"), .action = SLICE("rollout.promote")};
    if (changes_commit(d->s.registry, &c, &fresh, &error) != FAULT_NONE) fail_msg("%s", error.text);
}

static void made_once(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(404, desk_get(d, "/api/v1/prompts/answer/versions"));
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts?dry_run=true", PROMPT("Be polite.")));
    EXPECT(d, "change", "new");
    EXPECT(d, "version", "0");
    EXPECT_STATUS(404, desk_get(d, "/api/v1/prompts/answer/versions"));
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts?author=Ann&reason=first&ticket=OPS-1&commit=c0ffee", PROMPT("Be polite.")));
    EXPECT(d, "change", "new");
    EXPECT(d, "class", "major");
    EXPECT(d, "author", "Ann");
    EXPECT(d, "commit", "c0ffee");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts?author=Bob", PROMPT("Be polite.")));
    EXPECT(d, "change", "same");
    EXPECT(d, "author", "Ann");
    EXPECT_STATUS(409, desk_do(d, "POST", "/api/v1/prompts?dry_run=true", PROMPT("Be polite and very brief."))); /* v1 is another content */
    EXPECT_MESSAGE(d, "has other content as `v1` already (version 1)");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts?dry_run=true", SECOND_PROMPT));
    EXPECT(d, "diff", "  variable question, required, at most 80 characters\n  [system]\n- Be polite.\n+ Be polite and very brief.\n  [user]\n  {{question}}\n");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts?reason=second", SECOND_PROMPT));
    EXPECT(d, "change", "changed");
    EXPECT(d, "class", "moderate");
    EXPECT(d, "parent", "1");
    EXPECT(d, "compared.parent.version", "1");
    EXPECT(d, "compared.parent.tokens_more", "3");
    EXPECT(d, "compared.launched", "null");
    /* gpt-4o-mini: 0.15 USD a million */
    long tokens = strtol(desk_at(d, "tokens"), NULL, 10);
    double cost = strtod(desk_at(d, "cost_per_call_usd"), NULL);
    assert_true(tokens > 10 && tokens < 40);
    assert_true(cost > (double)tokens * 0.15e-6 - 1e-12 && cost < (double)tokens * 0.15e-6 + 1e-12);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/prompts/answer/versions"));
    EXPECT(d, "versions.0.version", "2");
    EXPECT(d, "versions.1.why", "first");
    EXPECT(d, "production", "null");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/prompts/answer/versions/v1"));
    EXPECT(d, "version", "1");
    EXPECT(d, "content.messages.0.content", "Be polite.");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/prompts"));
    EXPECT(d, "subjects.0.newest", "2");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit"));
    assert_int_equal(json_size(&d->doc, json_get(&d->doc, 0, "entries")), 2); /* what changed nothing is no change */
}

/* Forgotten suites can be bound to the same content. */
static void bound_later(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts", SECOND_PROMPT));
    char *other = arena_text(&d->arena, SLICE(SECOND_PROMPT));
    memcpy(strstr(other, "\"core\""), "\"cure\"", 6);
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts?dry_run=true", other));
    EXPECT(d, "change", "bound");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/prompts/answer/versions/1"));
    EXPECT(d, "suites.0", "core");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts", other));
    EXPECT(d, "change", "bound");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/prompts/answer/versions/1"));
    EXPECT(d, "suites.0", "cure");
    EXPECT(d, "class", "major");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts", other));
    EXPECT(d, "change", "same");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit"));
    EXPECT(d, "entries.0.action", "prompt.bind");
}

static void gated(struct desk *d, int64_t version, const char *gate) {
    struct change c = {.kind = SLICE("prompt"), .name = SLICE("answer"), .gate_version = version, .gate = slice_of(gate)};
    struct error error = {.fault = FAULT_NONE};
    bool fresh;
    c.audit = (struct audit_entry){.at_us = DESK_NOW, .actor = SLICE("quarterdeck"), .action = SLICE("prompt.gate")};
    if (changes_commit(d->s.registry, &c, &fresh, &error) != FAULT_NONE) fail_msg("%s", error.text);
}

/* Not only with its parent: small changes add up, and the best one may be long gone. */
static void compared_with_launched_and_best(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts", PROMPT("Be polite.")));
    EXPECT(d, "compared.best", "null");
    serve(d, 1);
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts", SECOND_PROMPT));
    EXPECT(d, "compared.best", "null"); /* no gate has run core */
    gated(d, 1, "{\"suites\":[{\"suite\":\"core\",\"pass_rate\":0.5}]}");
    gated(d, 2, "{\"suites\":[{\"suite\":\"core\",\"pass_rate\":0.75},{\"suite\":\"more\",\"pass_rate\":0}]}");
    char *third = arena_text(&d->arena, SLICE(SECOND_PROMPT));
    memcpy(strstr(third, "Be polite and"), "Be polite, or", 13);
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts", third));
    EXPECT(d, "compared.parent.version", "1");
    EXPECT(d, "compared.parent.pass_rate", "null");
    EXPECT(d, "compared.launched.class", "moderate");
    EXPECT(d, "compared.best.version", "2");
    EXPECT(d, "compared.best.pass_rate", "0.75");
    EXPECT(d, "compared.best.class", "moderate");
    gated(d, 3, "{\"suites\":[{\"suite\":\"other\",\"pass_rate\":1}]}"); /* of something else */
    char *fourth = arena_text(&d->arena, SLICE(SECOND_PROMPT));
    memcpy(strstr(fourth, "\"support-chat\""), "\"another-chat\"", 14);
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts?dry_run=true", fourth));
    EXPECT(d, "compared.best.version", "2");
    EXPECT(d, "compared.best.class", "major");
}

static void refused(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/prompts?file=p.yaml", "prompt: x\nmessages: [{role: user, content: '{{quetsion}}'}]\nvariables: {question: {}}\n"));
    EXPECT(d, "error.problems.0", "p.yaml:1: {{quetsion}} is in a message and not in `variables`; did you mean `question`?");
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/prompts", "messages: [{role: user, content: a}]\n"));
    EXPECT(d, "error.problems.0", "body:1: expected the key `prompt`, its name");
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/prompts", "prompt: x\nversion: 7\nmessages: [{role: user, content: a}]\n"));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/prompts", "prompt: x\nversion: deadbeef\nmessages: [{role: user, content: a}]\n"));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/prompts", "prompt: x\nmessages: [{role: user, content: 'file:/etc/passwd'}]\n"));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/prompts", ""));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/prompts", "\xFF"));
#define SECRET_PROMPT "prompt: x\nmessages: [{role: user, content: 'use sk-" "proj-a8Fk2LmQ9zXc7VbN4pRt6YwE1uIo'}]\n"
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/prompts?dry_run=true", SECRET_PROMPT));
    EXPECT_MESSAGE(d, "lint refuses x for 1 secret");
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/prompts", SECRET_PROMPT));
#define KEY "sk-" "proj-a8Fk2LmQ9zXc7VbN4pRt6YwE1uIo"
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/prompts", "prompt: x\nmessages: [{role: user, content: '{{k}}'}]\nvariables: {k: {default: '" KEY "'}}\n"));
    assert_null(strstr(buffer_text(&d->answer.body), "a8Fk2"));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/prompts", "prompt: x\nmessages: [{role: user, content: a}]\nparameters: {metadata: {note: '" KEY "'}}\n"));
    assert_null(strstr(buffer_text(&d->answer.body), "a8Fk2"));
    EXPECT_STATUS(404, desk_get(d, "/api/v1/prompts/x/versions"));
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts?allow_secrets=true", SECRET_PROMPT));
    EXPECT(d, "lint.0.rule", "secret");
    EXPECT(d, "cost_per_call_usd", "null"); /* no model, no price */
    EXPECT_STATUS(404, desk_get(d, "/api/v1/prompts/anwser/versions"));
    EXPECT_STATUS(404, desk_get(d, "/api/v1/prompts/x/versions/9"));
    EXPECT_STATUS(404, desk_get(d, "/api/v1/prompts/x/versions/1/diff"));
    EXPECT_MESSAGE(d, "is the first version");
}

static void differences(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts", PROMPT("Be polite.")));
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts", SECOND_PROMPT));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/prompts/answer/versions/2/diff"));
    EXPECT(d, "from", "1");
    EXPECT(d, "to", "2");
    EXPECT(d, "messages.0.pieces.1.text", " and very brief");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/prompts/answer/versions/2/diff?to=v1"));
    EXPECT(d, "from", "2");
    EXPECT(d, "messages.0.pieces.1.op", "remove");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/prompts/answer/versions/2/diff?to=2"));
    EXPECT(d, "text", "");
    EXPECT(d, "class", "minor");
    EXPECT_STATUS(404, desk_get(d, "/api/v1/prompts/answer/versions/2/diff?to=9"));
}

static void labels(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts", PROMPT("Be polite.")));
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts/answer/labels/staging", "{\"version\":\"v1\",\"reason\":\"try\"}"));
    EXPECT(d, "version", "1");
    EXPECT(d, "before", "null");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/prompts/answer?label=staging"));
    EXPECT(d, "version", "1");
    EXPECT_STATUS(409, desk_do(d, "POST", "/api/v1/prompts/answer/labels/staging", "{\"version\":\"1\",\"if_revision\":1}"));
    EXPECT_MESSAGE(d, "label staging -> 1");
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/prompts/answer/labels/production", "{\"version\":\"1\"}"));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/prompts/answer/labels/7", "{\"version\":\"1\"}"));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/prompts/answer/labels/deadbeef", "{\"version\":\"1\"}"));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/prompts/answer/labels/v1", "{\"version\":\"1\"}"));
    EXPECT_STATUS(404, desk_do(d, "POST", "/api/v1/prompts/answer/labels/staging", "{\"version\":\"2\"}"));
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts/answer/labels/staging", "{}"));
    EXPECT(d, "version", "null");
    EXPECT(d, "before", "1");
    EXPECT_STATUS(404, desk_get(d, "/api/v1/prompts/answer?label=staging"));
}

static int with_key(struct desk *d, const char *token, const char *tag, const char *target) {
    d->q = (struct api_request){.peer = "192.0.2.7", .token = token ? slice_of(token) : SLICE_NULL, .if_none_match = tag ? slice_of(tag) : SLICE_NULL};
    return desk_send(d, "GET", target, "");
}

static void fetched_by_applications(void **state) {
    struct desk *d = *state;
    static const char key[] = "qd-0123456789abcdef";
    desk_configure(d, DESK_CONFIG DESK_TOKENS);
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts", PROMPT("Be polite.")));
    EXPECT_STATUS(404, with_key(d, key, NULL, "/api/v1/prompts/answer")); /* none is in production */
    EXPECT_STATUS(200, with_key(d, key, NULL, "/api/v1/prompts/answer?version=1"));
    EXPECT(d, "label", "null");
    serve(d, 1);
    EXPECT_STATUS(200, with_key(d, key, NULL, "/api/v1/prompts/answer"));
    EXPECT(d, "label", "production");
    EXPECT(d, "human", "v1");
    EXPECT(d, "messages.1.content", "{{question}}");
    EXPECT(d, "parameters.temperature", "0.5");
    EXPECT(d, "variables.question.max_chars", "80");
    assert_string_equal(d->answer.extra_header[0], "etag");
    const char *tag = d->answer.extra_header[1];
    assert_true(strlen(tag) == 66 && strstr(tag, desk_at(d, "hash")) == tag + 1);
    EXPECT_STATUS(304, with_key(d, key, tag, "/api/v1/prompts/answer?label=production"));
    assert_int_equal(d->answer.body.len, 0);
    assert_string_equal(d->answer.extra_header[1], tag);
    EXPECT_STATUS(304, with_key(d, key, arena_text(&d->arena, arena_printf(&d->arena, "\"x\" , W/%s", tag)), "/api/v1/prompts/answer"));
    EXPECT_STATUS(304, with_key(d, key, "*", "/api/v1/prompts/answer"));
    EXPECT_STATUS(200, with_key(d, key, "\"x\"", "/api/v1/prompts/answer"));
    EXPECT_STATUS(200, with_key(d, "viewer-token-0000", NULL, "/api/v1/prompts/answer"));
    EXPECT_STATUS(404, with_key(d, key, NULL, "/api/v1/prompts/answer?label=staging"));
    EXPECT_STATUS(400, with_key(d, key, NULL, "/api/v1/prompts/answer?label=production&version=1"));
    /* that route and no other, and no other key */
    EXPECT_STATUS(401, with_key(d, key, NULL, "/api/v1/prompts"));
    EXPECT_STATUS(401, with_key(d, key, NULL, "/api/v1/prompts/answer/versions"));
    EXPECT_STATUS(401, with_key(d, "qd-0123456789abcdeX", NULL, "/api/v1/prompts/answer"));
    EXPECT_STATUS(401, with_key(d, NULL, NULL, "/api/v1/prompts/answer"));
}

static void knowledge(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/knowledge", "knowledge: kb\ndocuments: [{id: a, hash: h1}, {id: b, hash: h2}]\nsuites: [core]\n"));
    EXPECT(d, "tokens", "null");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/knowledge", "knowledge: kb\ndocuments: [{id: b, hash: h2}, {id: a, hash: h1}]\nsuites: [core]\n"));
    EXPECT(d, "change", "same");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/knowledge", "knowledge: kb\ndocuments: [{id: b, hash: h3}, {id: c, hash: h1}]\n"));
    EXPECT(d, "class", "major");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/knowledge/kb/versions/2/diff"));
    EXPECT(d, "text", "- a h1\n+ c h1\n~ b h2 -> h3\n");
    EXPECT(d, "documents.documents.2.before", "h2");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/knowledge/kb?version=1"));
    EXPECT(d, "documents.0.id", "a");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/knowledge/kb/versions/1"));
    EXPECT_STATUS(404, desk_get(d, "/api/v1/prompts/kb/versions"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_setup, desk_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(made_once), TEST(bound_later), TEST(compared_with_launched_and_best), TEST(refused), TEST(differences), TEST(labels), TEST(fetched_by_applications), TEST(knowledge)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
