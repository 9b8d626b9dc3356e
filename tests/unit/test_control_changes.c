/* Models and prices, keys, reload, audit, status: what the API says of the policy, and what it changes. */
#include "test_control_rig.h"

/* ---- models and prices ---- */

static void models(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(200, desk_get(d, "/api/v1/models"));
    EXPECT(d, "models.0.name", "support-chat");
    EXPECT(d, "models.0.order", "listed");
    EXPECT(d, "models.0.targets.0.provider", "main");
    EXPECT(d, "models.0.targets.0.usd_per_mtok.input", "0.15");
    EXPECT(d, "models.0.targets.0.usd_per_mtok.output", "0.6");
    EXPECT(d, "models.0.targets.0.breaker.state", "open");
    EXPECT(d, "models.0.targets.0.breaker.failure_rate", "0.75");
    EXPECT(d, "models.0.targets.0.breaker.next_probe", "2025-11-08T10:00:15.000000Z");
    EXPECT(d, "models.0.targets.1.usd_per_mtok", "null");
    EXPECT(d, "models.0.targets.1.breaker", "null");
    d->s.targets = NULL;
    EXPECT_STATUS(200, desk_get(d, "/api/v1/models"));
    EXPECT(d, "models.0.targets.0.breaker", "null");
    d->s.policy = NULL;
    EXPECT_STATUS(503, desk_get(d, "/api/v1/models"));
}

static void quotes(void **state) {
    struct desk *d = *state;
    static const char *const same[] = {
        "provider=openai&model=gpt-4o-mini", "model=openai/gpt-4o-mini", "provider=main&model=gpt-4o-mini", "model=main/gpt-4o-mini",
        "model=openai%2Fgpt-4o-mini-2024-07-18",
    };
    for (unsigned i = 0; i < sizeof same / sizeof *same; i++) {
        char target[160];
        snprintf(target, sizeof target, "/api/v1/prices/quote?%s&input=1001&cache_read=1&output=333", same[i]);
        EXPECT_STATUS(200, desk_get(d, target));
        EXPECT(d, "provider", "openai");
        EXPECT(d, "exact_usd", "0.000349875"); /* 1000 * 0.15 + 1 * 0.075 + 333 * 0.6 */
        EXPECT(d, "cost_nanousd", "349875");
        EXPECT(d, "cost_usd", "0.000349875");
        EXPECT(d, "why_unknown", "null");
    }
    EXPECT_STATUS(200, desk_get(d, "/api/v1/prices/quote?model=openai/gpt-4o-mini&input=1&cache_read=1"));
    EXPECT(d, "exact_usd", "0.000000075");
    EXPECT(d, "lines.0.meter", "cache_read");
    EXPECT(d, "lines.0.tokens", "1");
    EXPECT(d, "lines.0.usd_per_mtok", "0.075");
    EXPECT_STATUS(404, desk_get(d, "/api/v1/prices/quote?model=openai/no-such-model"));
    EXPECT_MESSAGE(d, "no price for `no-such-model` of this provider");
    EXPECT_STATUS(404, desk_get(d, "/api/v1/prices/quote?model=support-chat"));
    EXPECT_MESSAGE(d, "such as main/gpt-4o-mini");
    d->s.policy = NULL; /* the built-in table needs no configuration */
    EXPECT_STATUS(200, desk_get(d, "/api/v1/prices/quote?model=openai/gpt-4o-mini&output=1000000"));
    EXPECT(d, "cost_usd", "0.6");
}

/* ---- keys ---- */

static unsigned audit_count(struct desk *d) {
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit"));
    return json_size(&d->doc, json_get(&d->doc, 0, "entries"));
}

static void make_key(struct desk *d, char key[64]) {
    EXPECT_STATUS(201, desk_do(d, "POST", "/api/v1/keys", "{\"application\":\"support\",\"name\":\"ci.1\",\"reason\":\"the \\\"pipeline\\\"\"}"));
    snprintf(key, 64, "%s", desk_at(d, "key"));
}

static void a_key_lives_and_dies(void **state) {
    struct desk *d = *state;
    struct registry_key *keys;
    struct digest digest;
    unsigned n;
    char key[64], other[64];
    make_key(d, key);
    EXPECT(d, "in_force", "true");
    EXPECT(d, "why_not", "null");
    assert_int_equal(strlen(key), 46);
    assert_int_equal(strspn(key + 3, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"), 43);
    assert_memory_equal(key, desk_at(d, "hint"), 7);
    assert_int_equal(d->reloads, 1);
    assert_int_equal(registry_keys(d->s.registry, &d->arena, &keys, &n, NULL), FAULT_NONE);
    assert_int_equal(n, 1);
    digest_sha256(slice_of(key), &digest);
    assert_true(digest_eq(&digest, &keys[0].digest));
    EXPECT_STATUS(409, desk_do(d, "POST", "/api/v1/keys", "{\"application\":\"support\",\"name\":\"ci.1\"}"));
    EXPECT_STATUS(201, desk_do(d, "POST", "/api/v1/keys", "{\"application\":\"billing\",\"name\":\"ci.1\"}"));
    snprintf(other, sizeof other, "%s", desk_at(d, "key"));
    assert_string_not_equal(key, other);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/keys"));
    assert_int_equal(json_size(&d->doc, json_get(&d->doc, 0, "keys")), 3);
    assert_null(strstr(buffer_text(&d->answer.body), key + 8)); /* the secret is nowhere */
    EXPECT_STATUS(200, desk_get(d, "/api/v1/keys?application=support"));
    EXPECT(d, "keys.0.name", "ci.1");
    EXPECT(d, "keys.0.source", "registry");
    EXPECT(d, "keys.0.revoked_at", "null");
    EXPECT(d, "keys.0.created_at", "2025-11-08T10:00:00.000000Z");
    EXPECT(d, "keys.1.name", "file-key");
    EXPECT(d, "keys.1.source", "configuration");
    clock_advance(5 * SECOND);
    EXPECT_STATUS(200, desk_do(d, "DELETE", "/api/v1/keys/support/ci%2E1?reason=leaked", ""));
    EXPECT(d, "in_force", "true");
    assert_int_equal(d->reloads, 3);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/keys?application=support"));
    EXPECT(d, "keys.0.revoked_at", "2025-11-08T10:00:05.000000Z");
    EXPECT_STATUS(404, desk_do(d, "DELETE", "/api/v1/keys/support/none", ""));
    EXPECT_STATUS(404, desk_do(d, "DELETE", "/api/v1/keys/support/file-key", "")); /* the file's is the file's */
    assert_int_equal(audit_count(d), 3);
    EXPECT(d, "entries.0.action", "key.revoke");
    EXPECT(d, "entries.0.subject", "support/ci.1");
    EXPECT(d, "entries.0.reason", "leaked");
    EXPECT(d, "entries.2.action", "key.create");
    EXPECT(d, "entries.2.reason", "the \"pipeline\"");
    EXPECT(d, "entries.1.reason", "null");
    assert_null(strstr(buffer_text(&d->answer.body), key + 8));
}

static void a_change_that_is_not_in_force_says_so(void **state) {
    struct desk *d = *state;
    char key[64];
    d->reload_fault = FAULT_CONFIG;
    make_key(d, key); /* the secret is shown all the same: it is shown only once */
    assert_int_equal(strlen(key), 46);
    EXPECT(d, "in_force", "false");
    assert_non_null(strstr(desk_at(d, "why_not"), "lisen: unknown key"));
    EXPECT_STATUS(400, desk_do(d, "DELETE", "/api/v1/keys/support/ci.1", ""));
    EXPECT(d, "error.code", "invalid_config");
    EXPECT_MESSAGE(d, "still accepted");
    EXPECT(d, "error.problems.1", "and:4:1: more");
    assert_int_equal(audit_count(d), 2);
    d->reload_fault = FAULT_NONE;
    EXPECT_STATUS(200, desk_do(d, "DELETE", "/api/v1/keys/support/ci.1", "")); /* again, once it can be */
    d->s.reload = NULL;
    EXPECT_STATUS(201, desk_do(d, "POST", "/api/v1/keys", "{\"application\":\"support\",\"name\":\"later\"}"));
    EXPECT(d, "in_force", "false");
    d->s.policy = NULL; /* beside a stopped server, without a configuration */
    EXPECT_STATUS(201, desk_do(d, "POST", "/api/v1/keys", "{\"application\":\"whoever\",\"name\":\"later\"}"));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/keys"));
}

static void the_actor_is_who_asked(void **state) {
    struct desk *d = *state;
    desk_configure(d, DESK_CONFIG DESK_TOKENS);
    d->q = (struct api_request){.peer = "192.0.2.7", .token = SLICE("editor-token-0000")};
    EXPECT_STATUS(201, desk_send(d, "POST", "/api/v1/keys", "{\"application\":\"support\",\"name\":\"a\"}"));
    desk_configure(d, DESK_CONFIG);
    d->q = (struct api_request){.peer = "127.0.0.1"};
    EXPECT_STATUS(200, desk_send(d, "DELETE", "/api/v1/keys/support/a", ""));
    assert_int_equal(audit_count(d), 2);
    EXPECT(d, "entries.1.actor", "ed");
    EXPECT(d, "entries.0.actor", "local");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/keys?application=support"));
    EXPECT(d, "keys.0.created_by", "ed");
}

/* ---- reload, audit ---- */

static void reloads(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/reload", "{\"reason\":\"new model\"}"));
    EXPECT(d, "revision", "2");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/reload", ""));
    EXPECT(d, "revision", "3");
    d->reload_fault = FAULT_CONFIG;
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/reload", ""));
    EXPECT(d, "error.code", "invalid_config");
    EXPECT(d, "error.problems.0", "quarterdeck.yaml:3:1: lisen: unknown key");
    EXPECT(d, "error.problems.2", "absent");
    assert_int_equal(audit_count(d), 2); /* a refused one changed nothing */
    EXPECT(d, "entries.1.reason", "new model");
    EXPECT(d, "entries.0.detail.revision", "3");
    d->s.reload = NULL;
    EXPECT_STATUS(503, desk_do(d, "POST", "/api/v1/reload", ""));
}

static void the_audit_log_goes_in_pages(void **state) {
    struct desk *d = *state;
    for (unsigned i = 0; i < 5; i++) EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/reload", ""));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit?limit=2"));
    EXPECT(d, "entries.0.number", "5");
    EXPECT(d, "next_before", "4");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit?limit=2&before=4"));
    EXPECT(d, "entries.0.number", "3");
    EXPECT(d, "next_before", "2");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit?limit=2&before=2"));
    EXPECT(d, "entries.0.number", "1");
    EXPECT(d, "next_before", "null");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit/verify"));
    EXPECT(d, "whole", "true");
    EXPECT(d, "first_bad", "null");
    EXPECT(d, "entries", "5");
}

static void strcat_one(char *to, size_t size, const char *text) { snprintf(to + strlen(to), size - strlen(to), "%s", text); }

static void the_audit_log_is_found_by_what_changed(void **state) {
    struct desk *d = *state;
    static const struct {
        const char *actor, *action, *subject;
        int64_t at_us;
    } all[] = {{"ann", "prompt.apply", "prompt:a@1", 1000000}, {"bob", "prompt.submit", "prompt:a@1", 2000000}, {"ann", "rollout.start", "prompt:a", 3000000},
               {"ann", "prompt.apply", "prompt:ab@1", 4000000}, {"bob", "promptly", "prompt:b", 5000000}};
    static const struct {
        const char *query, *numbers;
    } cases[] = {{"", "5 4 3 2 1"}, {"?subject=prompt:a", "3 2 1"}, {"?subject=prompt%3Aa%401", "2 1"}, {"?subject=prompt", ""}, {"?actor=bob", "5 2"},
                 {"?action=prompt", "4 2 1"}, {"?action=prompt.apply", "4 1"}, {"?from=1970-01-01T00:00:03Z", "5 4 3"}, {"?to=1970-01-01T00:00:03Z", "2 1"},
                 {"?from=1970-01-01T00:00:02Z&to=1970-01-01T00:00:04Z&actor=ann", "3"}, {"?subject=prompt:a&before=3", "2 1"}, {"?actor=%25", ""}};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++) {
        struct audit_entry e = {.at_us = all[i].at_us, .actor = slice_of(all[i].actor), .action = slice_of(all[i].action), .subject = slice_of(all[i].subject)};
        assert_int_equal(registry_audit(d->s.registry, &e, NULL), FAULT_NONE);
    }
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[200], numbers[64] = "", at[32];
        snprintf(path, sizeof path, "/api/v1/audit%s", cases[i].query);
        EXPECT_STATUS(200, desk_get(d, path));
        for (unsigned k = 0;; k++) {
            snprintf(at, sizeof at, "entries.%u.number", k);
            const char *number = desk_at(d, at);
            if (strcmp(number, "absent") == 0) break;
            if (k > 0) strcat_one(numbers, sizeof numbers, " ");
            strcat_one(numbers, sizeof numbers, number);
        }
        if (strcmp(numbers, cases[i].numbers) != 0) fail_msg("%s: expected `%s`, found `%s`", path, cases[i].numbers, numbers);
    }
    EXPECT_STATUS(400, desk_get(d, "/api/v1/audit?from=yesterday"));
}

static void a_kept_head_shows_what_was_cut_off(void **state) {
    struct desk *d = *state;
    char head[80], path[200];
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit/verify"));
    EXPECT(d, "head", "null");
    for (unsigned i = 0; i < 3; i++) EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/reload", ""));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit/verify"));
    snprintf(head, sizeof head, "%s", desk_at(d, "head"));
    assert_int_equal(strlen(head), 64);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit?limit=1"));
    EXPECT(d, "entries.0.chain", head);
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/reload", ""));
    snprintf(path, sizeof path, "/api/v1/audit/verify?head=%s", head);
    EXPECT_STATUS(200, desk_get(d, path));
    EXPECT(d, "whole", "true");
    EXPECT(d, "kept_head_entry", "3");
    path[strlen(path) - 1] ^= 1;
    EXPECT_STATUS(200, desk_get(d, path));
    EXPECT(d, "whole", "false");
    EXPECT(d, "first_bad", "null");
    EXPECT(d, "kept_head_entry", "null");
    EXPECT_STATUS(400, desk_get(d, "/api/v1/audit/verify?head=abc"));
    EXPECT_MESSAGE(d, "expected the 64 hex digits");

    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit/export?after=1&limit=2"));
    assert_string_equal(d->answer.content_type, "application/jsonl");
    const char *text = buffer_text(&d->answer.body);
    assert_true(strncmp(text, "{\"number\":2,", 12) == 0 && strstr(text, "\n{\"number\":3,") != NULL && strstr(text, "\"number\":4") == NULL);
    assert_non_null(strstr(text, "\"detail\":\"{\\\"revision\\\":3}\"")); /* as it is hashed */
    assert_non_null(strstr(text, head));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit/export?after=4"));
    assert_int_equal(d->answer.body.len, 0);
}

/* ---- the server ---- */

static void states(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(200, desk_get(d, "/api/v1/status"));
    EXPECT(d, "version", VERSION);
    EXPECT(d, "uptime_seconds", "60");
    EXPECT(d, "revision", "1");
    EXPECT(d, "models", "3");
    EXPECT(d, "recorder.lost", "0");
    EXPECT(d, "ledger", "null");
    EXPECT_STATUS(200, desk_get(d, "/healthz"));
    EXPECT(d, "status", "ok");
    EXPECT_STATUS(200, desk_get(d, "/readyz"));
    d->ready = false;
    EXPECT_STATUS(503, desk_get(d, "/readyz"));
    EXPECT(d, "why_not", "starting or stopping");
    EXPECT_STATUS(200, desk_get(d, "/metrics"));
    assert_non_null(strstr(buffer_text(&d->answer.body), "# TYPE quarterdeck_exchanges_total counter"));
    assert_string_equal(d->answer.content_type, "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_STATUS(200, desk_get(d, "/"));
    assert_non_null(strstr(buffer_text(&d->answer.body), "<title>Quarterdeck</title>"));
    struct control_services all = d->s;
    d->s = (struct control_services){.ctx = NULL}; /* nothing at all */
    EXPECT_STATUS(200, desk_get(d, "/api/v1/status"));
    EXPECT(d, "ready", "false");
    EXPECT(d, "revision", "null");
    EXPECT(d, "uptime_seconds", "null");
    EXPECT_STATUS(503, desk_get(d, "/readyz"));
    EXPECT_STATUS(503, desk_get(d, "/metrics"));
    EXPECT_STATUS(503, desk_get(d, "/api/v1/keys"));
    EXPECT_STATUS(503, desk_get(d, "/api/v1/audit"));
    EXPECT_STATUS(503, desk_get(d, "/api/v1/audit/verify"));
    d->s = all;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, desk_setup, desk_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(models), TEST(quotes), TEST(a_key_lives_and_dies), TEST(a_change_that_is_not_in_force_says_so),
        TEST(the_actor_is_who_asked), TEST(reloads), TEST(the_audit_log_goes_in_pages), TEST(the_audit_log_is_found_by_what_changed),
        TEST(a_kept_head_shows_what_was_cut_off),
        TEST(states),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
