/* Budgets, limits and approvals over the API: what is refused changes nothing, what changes is audited, once. */
#include "test_control_rig.h"

#include "store/registry_allowances.h"

#define GOOD "{\"limit_usd\":2,\"window\":\"day\",\"scope\":{\"application\":\"support\"}}"

static unsigned stored(struct desk *d) {
    struct registry_allowance *all;
    struct error error;
    unsigned n = 0;
    assert_int_equal(registry_allowances(d->s.registry, &d->arena, &all, &n, &error), FAULT_NONE);
    return n;
}

static unsigned audited(struct desk *d) {
    struct audit_entry *log;
    struct error error;
    unsigned n = 0;
    assert_int_equal(registry_audit_list(d->s.registry, 0, 1000, &d->arena, &log, &n, &error), FAULT_NONE);
    return n;
}

static void what_is_wrong_changes_nothing(void **state) {
    struct desk *d = *state;
    static const struct {
        int status;
        const char *target, *body, *words;
    } rows[] = {
        {409, "/api/v1/budgets/growth-month", GOOD, "desk.yaml, line 15"},
        {400, "/api/v1/budgets/x", "{\"limit_usd\":2,\"windov\":\"day\"}", "2 problems"},
        {400, "/api/v1/budgets/x", "{\"name\":\"y\",\"limit_usd\":2,\"window\":\"day\"}", "the name of the path (`x`)"},
        {400, "/api/v1/budgets/x", "[" GOOD "]", "problem"},
        {400, "/api/v1/budgets/x", "{\"limits\":[{\"name\":\"x\",\"concurrent\":1}]}", "expected one budget"},
        {400, "/api/v1/budgets/x", "", "problem"},
        {400, "/api/v1/budgets/x", "{\"limit_usd\":", "problem"},
        {400, "/api/v1/limits/x", GOOD, "problem"},
        {409, "/api/v1/budgets", "[{\"name\":\"a\",\"limit_usd\":2,\"window\":\"day\"},{\"name\":\"growth-month\",\"limit_usd\":2,\"window\":\"day\"}]", "growth-month"},
        {400, "/api/v1/approvals/support/x", "{\"up_to_usd\":0}", "US dollars above 0"},
        {400, "/api/v1/approvals/support/x", "{}", "up_to_usd is missing"},
        {400, "/api/v1/approvals/support/x", "{\"up_to_usd\":1,\"until\":\"2020-01-01\"}", "a time to come"},
        {404, "/api/v1/approvals/suport/x", "{\"up_to_usd\":1}", "did you mean `support`?"}};
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        EXPECT_STATUS(rows[i].status, desk_do(d, "PUT", rows[i].target, rows[i].body));
        EXPECT_MESSAGE(d, rows[i].words);
    }
    EXPECT_STATUS(400, desk_do(d, "PUT", "/api/v1/budgets/x?file=b.yaml", "{\"limit_usd\":2,\"windov\":\"day\"}"));
    EXPECT(d, "error.problems.1", "b.yaml:1:16: windov: unknown key; did you mean `window`?");
    EXPECT_STATUS(404, desk_do(d, "DELETE", "/api/v1/budgets/x", ""));
    EXPECT_STATUS(409, desk_do(d, "DELETE", "/api/v1/budgets/growth-month", ""));
    EXPECT_STATUS(404, desk_do(d, "DELETE", "/api/v1/approvals/support/x", ""));
    EXPECT_STATUS(404, desk_do(d, "GET", "/api/v1/limits/x", ""));
    EXPECT_STATUS(200, desk_do(d, "PUT", "/api/v1/budgets/x?dry_run=true", GOOD));
    EXPECT(d, "changes.0.change", "added");
    EXPECT(d, "in_force", "false");
    assert_int_equal(stored(d) + audited(d) + d->reloads, 0);
}

static void what_changes_is_audited_once(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(200, desk_do(d, "PUT", "/api/v1/budgets/x?reason=first", GOOD));
    EXPECT(d, "changes.0.change", "added");
    EXPECT(d, "changes.0.before", "null");
    EXPECT(d, "changes.0.after.limit_usd", "2");
    EXPECT(d, "changes.0.after.mode", "hard");
    EXPECT(d, "in_force", "true");
    EXPECT_STATUS(200, desk_do(d, "PUT", "/api/v1/budgets/x", GOOD));
    EXPECT(d, "changes.0.change", "unchanged");
    assert_int_equal(audited(d), 1);
    /* YAML is as good, and what was answered is the object to send again */
    EXPECT_STATUS(200, desk_do(d, "PUT", "/api/v1/budgets/x", "limit_usd: 3\nwindow: week\nalert_at: [0.5]\nreason: more\n"));
    const char *after = desk_at(d, "changes.0.after");
    EXPECT_STATUS(200, desk_do(d, "PUT", "/api/v1/budgets/x", after));
    EXPECT(d, "changes.0.change", "unchanged");
    EXPECT_STATUS(200, desk_do(d, "PUT", "/api/v1/limits/l", "{\"requests_per_minute\":5,\"burst\":\"90s\",\"scope\":{\"tag\":\"plan=*\"}}"));
    EXPECT(d, "changes.0.after.burst", "90s");
    EXPECT(d, "changes.0.after.scope.tag", "plan=*");
    EXPECT_STATUS(200, desk_do(d, "PUT", "/api/v1/limits/l", desk_at(d, "changes.0.after")));
    EXPECT(d, "changes.0.change", "unchanged");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/budgets/x"));
    EXPECT(d, "source", "registry");
    EXPECT(d, "budget.window", "week");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/budgets/growth-month"));
    EXPECT(d, "place", "desk.yaml:15");
    EXPECT_STATUS(200, desk_do(d, "DELETE", "/api/v1/budgets/x?reason=over", ""));
    EXPECT(d, "changes.0.change", "removed");
    assert_int_equal(audited(d), 4);
    assert_int_equal(stored(d), 1);
}

static void not_in_force_says_so(void **state) {
    struct desk *d = *state;
    d->reload_fault = FAULT_CONFIG;
    EXPECT_STATUS(200, desk_do(d, "PUT", "/api/v1/budgets/x", GOOD));
    EXPECT(d, "in_force", "false");
    assert_non_null(strstr(desk_at(d, "why_not"), "lisen"));
    d->s.reload = NULL;
    EXPECT_STATUS(200, desk_do(d, "PUT", "/api/v1/approvals/support/x", "{\"up_to_usd\":\"2.50\",\"reason\":\"why\"}"));
    EXPECT(d, "in_force", "false");
    EXPECT(d, "after.up_to_usd", "2.5");
    assert_int_equal(stored(d), 2);
}

static void there_is_an_end(void **state) {
    struct desk *d = *state;
    struct buffer body;
    buffer_init(&body, 1 << 20);
    for (int i = 0; i <= LIMIT_BUDGETS - 1; i++) buffer_printf(&body, "- {name: b%d, limit_usd: 1, window: day}\n", i);
    EXPECT_STATUS(409, desk_do(d, "PUT", "/api/v1/budgets", buffer_text(&body))); /* and the file's one */
    EXPECT_MESSAGE(d, "expected at most 256 budgets, found 257");
    assert_int_equal(stored(d), 0);
    EXPECT_STATUS(200, desk_do(d, "PUT", "/api/v1/budgets", strchr(buffer_text(&body), '\n') + 1));
    EXPECT_STATUS(409, desk_do(d, "PUT", "/api/v1/budgets/one-more", GOOD));
    EXPECT_STATUS(200, desk_do(d, "PUT", "/api/v1/budgets/b1", GOOD)); /* instead of another */
    buffer_deinit(&body);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, desk_setup, desk_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(what_is_wrong_changes_nothing), TEST(what_changes_is_audited_once), TEST(not_in_force_says_so),
                                       TEST(there_is_an_end)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
