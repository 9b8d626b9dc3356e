/* How a rollout stood over time, over the API; and pages of versions. */
#include "test_control_rig.h"

#include "change/judging.h"
#include "store/rollout_points.h"
#include "store/rollouts.h"

#include <math.h>

#define PROMPT(n) "{\"prompt\":\"answer\",\"model\":\"support-chat\",\"messages\":[{\"role\":\"system\",\"content\":\"Be polite " n ".\"}]}"

static void commit(struct desk *d, struct change *c) {
    struct error error = {.fault = FAULT_NONE};
    bool fresh;
    c->kind = SLICE("prompt");
    c->name = SLICE("answer");
    c->audit = (struct audit_entry){.at_us = DESK_NOW, .actor = SLICE("ada"), .action = SLICE("rollout.start")};
    if (changes_commit(d->s.registry, c, &fresh, &error) != FAULT_NONE) fail_msg("%s", error.text);
}

static void two_versions(struct desk *d) {
    struct change c = {.n_moves = 1, .production = 1};
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts", PROMPT("one")));
    c.moves[0] = (struct change_move){1, VERSION_DRAFT, VERSION_PRODUCTION};
    commit(d, &c);
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts", PROMPT("two")));
}

static int64_t started(struct desk *d) {
    struct rollout_row row = {.candidate = 2, .control = 1, .plan = SLICE("{\"way\":\"canary\"}"), .stage = STAGE_CANARY, .weight_ppm = 50000, .started_us = DESK_NOW,
                              .started_by = SLICE("ada")};
    struct change c = {.n_moves = 1, .rollout = &row};
    c.moves[0] = (struct change_move){2, VERSION_DRAFT, VERSION_CANARY};
    commit(d, &c);
    return row.number;
}

static void judged(struct desk *d, const struct judging *j, int64_t number, int64_t at_us) {
    const struct rollout_row row = {.stage = STAGE_CANARY, .step = 1, .weight_ppm = 50000};
    struct error error = {.fault = FAULT_NONE};
    struct rollout_point p;
    judging_point(j, &row, at_us, &d->arena, &p);
    if (rollout_point_put(d->s.registry, number, &p, &error) != FAULT_NONE) fail_msg("%s", error.text);
}

static void history(void **state) {
    struct desk *d = *state;
    struct judging *j = arena_new(&d->arena, struct judging);
    two_versions(d);
    EXPECT_STATUS(404, desk_get(d, "/api/v1/rollouts/answer/history"));
    EXPECT_STATUS(404, desk_get(d, "/api/v1/rollouts/nobody/history"));
    int64_t number = started(d);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/rollouts/answer/history"));
    assert_int_equal(json_size(&d->doc, json_get(&d->doc, 0, "points")), 0);

    j->n = 3;
    j->answers[0] = (struct guard_answer){.metric = SLICE("error_rate"), .effect = NAN, .interval = {0, INFINITY}, .margin = 1.5, .n_candidate = 3};
    j->answers[1] = (struct guard_answer){.metric = SLICE("score:\"helpful\""), .effect = -0.02, .interval = {-0.1, 0.06}, .margin = 0.05, .n_candidate = 40, .n_control = 41};
    j->answers[2] = (struct guard_answer){.metric = SLICE("judge"), .effect = 0.5, .interval = {0.1, 0.9}, .margin = 0.05, .verdict = GUARD_FAILED};
    judged(d, j, number, DESK_NOW);
    j->answers[0].verdict = GUARD_SUCCESSFUL;
    judged(d, j, number, DESK_NOW + 60000000);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/rollouts/answer/history"));
    assert_int_equal(json_size(&d->doc, json_get(&d->doc, 0, "points")), 6);
    EXPECT(d, "points.0.at", "2025-11-08T10:00:00.000000Z");
    EXPECT(d, "points.0.metric", "error_rate");
    EXPECT(d, "points.0.scale", "ratio");
    EXPECT(d, "points.0.effect", "null"); /* not known is not 0 */
    EXPECT(d, "points.0.low", "0");
    EXPECT(d, "points.0.high", "null");
    EXPECT(d, "points.0.threshold", "1.5");
    EXPECT(d, "points.0.weight", "5");
    EXPECT(d, "points.1.metric", "score:\"helpful\"");
    EXPECT(d, "points.1.threshold", "-0.05");
    EXPECT(d, "points.1.n_control", "41");
    EXPECT(d, "points.2.threshold", "0.45");
    EXPECT(d, "points.2.verdict", "Failed");
    EXPECT(d, "points.3.verdict", "Successful");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/rollouts/answer/history?rollout=1"));
    EXPECT_STATUS(404, desk_get(d, "/api/v1/rollouts/answer/history?rollout=2"));
    EXPECT_STATUS(404, desk_get(d, "/api/v1/rollouts/answer/history?kind=knowledge"));
    EXPECT_STATUS(400, desk_get(d, "/api/v1/rollouts/answer/history?rollout=0"));
}

static void pages_of_versions(void **state) {
    struct desk *d = *state;
    two_versions(d);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/prompts/answer/versions?limit=1"));
    assert_int_equal(json_size(&d->doc, json_get(&d->doc, 0, "versions")), 1);
    EXPECT(d, "versions.0.version", "2");
    EXPECT(d, "next", "2");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/prompts/answer/versions?limit=1&before=2"));
    EXPECT(d, "versions.0.version", "1");
    EXPECT(d, "next", "null");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/prompts/answer/versions"));
    assert_int_equal(json_size(&d->doc, json_get(&d->doc, 0, "versions")), 2);
    EXPECT(d, "next", "null");
    EXPECT_STATUS(400, desk_get(d, "/api/v1/prompts/answer/versions?limit=0"));
}

static void what_waits_is_in_the_list(void **state) {
    struct desk *d = *state;
    two_versions(d);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/prompts"));
    EXPECT(d, "subjects.0.serving.version", "1");
    EXPECT(d, "subjects.0.latest.version", "2");
    EXPECT(d, "subjects.0.latest.state", "draft");
    assert_int_equal(json_size(&d->doc, json_get(&d->doc, json_item(&d->doc, json_get(&d->doc, 0, "subjects"), 0), "on_their_way")), 0);
    (void)started(d);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/prompts"));
    EXPECT(d, "subjects.0.on_their_way.0.version", "2");
    EXPECT(d, "subjects.0.on_their_way.0.state", "canary");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/prompts", "{\"prompt\":\"another\",\"model\":\"support-chat\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}"));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/prompts"));
    EXPECT(d, "subjects.0.name", "another");
    EXPECT(d, "subjects.0.serving", "null");
    EXPECT(d, "subjects.1.serving.version", "1");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, desk_setup, desk_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(history), TEST(pages_of_versions), TEST(what_waits_is_in_the_list)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
