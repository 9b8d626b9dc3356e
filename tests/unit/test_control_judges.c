/* Labels of judges over the API: what they calibrate, what adds up, what voids them, who may. */
#include "test_control_rig.h"

#include "control/judge_book.h"
#include "store/definitions.h"

#include <math.h>

#define RUBRIC "polite"

static struct digest identity_of(const char *model, const char *rubric) {
    struct judge j = {.n_models = 1, .scale = JUDGE_BINARY};
    struct check c = {.type = CHECK_TYPE_JUDGE, .threshold = NAN, .rubric = slice_of(rubric)};
    struct digest d;
    j.models[0] = slice_of(model);
    judge_identity(&j, &c, &d);
    return d;
}

struct labels {
    unsigned first, both_pass, missed, let_through, both_fail; /* first: number of the first example */
};

static void put(struct buffer *out, unsigned *example, unsigned times, bool people, bool judge) {
    for (; times > 0; times--, ++*example)
        buffer_printf(out, "%s[\"%016x\",%d,%d,%s,%s]", buffer_text(out)[out->len - 1] == '[' ? "" : ",", *example, people, judge,
                      people ? "true" : "false", judge ? "true" : "false");
}

static char *sitting(struct desk *d, const char *model, const char *rubric, struct labels l) {
    char hex[2 * DIGEST_BYTES + 1];
    struct digest id = identity_of(model, rubric);
    struct buffer out;
    digest_hex(id.bytes, DIGEST_BYTES, hex);
    buffer_init(&out, 1 << 20);
    buffer_printf(&out, "{\"judge\":{\"model\":\"%s\"},\"check\":{\"type\":\"judge\",\"rubric\":\"%s\"},\"identity\":\"%s\",\"scale\":\"pass\","
                        "\"source\":\"labels.jsonl\",\"errors\":2,\"contested\":1,\"pairs\":[", model, rubric, hex);
    put(&out, &l.first, l.both_pass, true, true);
    put(&out, &l.first, l.missed, true, false);
    put(&out, &l.first, l.let_through, false, true);
    put(&out, &l.first, l.both_fail, false, false);
    buffer_append(&out, SLICE("]}"));
    char *text = arena_text(&d->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return text;
}

static int add(struct desk *d, struct labels l) {
    return desk_do(d, "POST", "/api/v1/judges/strict/calibrations", sitting(d, "large", RUBRIC, l));
}

static void labels_calibrate(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(201, add(d, (struct labels){1, 72, 8, 5, 15}));
    EXPECT(d, "state", "calibrated");
    EXPECT(d, "in_force.n", "100");
    EXPECT(d, "in_force.sensitivity.value", "0.9");
    EXPECT(d, "in_force.specificity.value", "0.75");
    EXPECT(d, "in_force.counts.let_through", "5");
    EXPECT(d, "in_force.table.1.0", "8");
    EXPECT(d, "errors", "2");
    EXPECT(d, "contested", "1");
    EXPECT(d, "drift", "null");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/calibrations"));
    EXPECT(d, "judges.0.name", "strict");
    EXPECT(d, "judges.0.judge.models.0", "large");
    EXPECT(d, "judges.0.check.rubric", RUBRIC);
    EXPECT(d, "judges.1", "absent");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit"));
    EXPECT(d, "entries.0.action", "judge.calibrate");
    EXPECT(d, "entries.0.subject", "strict");
    EXPECT(d, "entries.0.detail.labels", "100");
    struct digest id = identity_of("large", RUBRIC);
    struct judge_calibration c;
    struct error error;
    assert_int_equal(judge_book_find(d->s.evaluations, &id, &d->arena, &c, &error), FAULT_NONE);
    assert_true(c.n == 100 && c.sensitivity == 0.9 && c.sensitivity_n == 80 && c.specificity == 0.75 && c.specificity_n == 20 &&
                c.at_us == DESK_NOW && slice_is(c.judge, "strict") && c.kappa > 0.6 && c.kappa < 0.63);
}

static void another_rubric_or_model_is_another_judge(void **state) {
    struct desk *d = *state;
    struct judge_calibration c;
    struct error error;
    EXPECT_STATUS(201, add(d, (struct labels){1, 72, 8, 5, 15}));
    const struct digest others[] = {identity_of("large", "rude"), identity_of("larger", RUBRIC)};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(judge_book_find(d->s.evaluations, &others[i], &d->arena, &c, &error), FAULT_NONE);
        assert_true(c.n == 0 && isnan(c.sensitivity));
    }
    EXPECT_STATUS(201, desk_do(d, "POST", "/api/v1/judges/strict/calibrations", sitting(d, "large", "rude", (struct labels){1, 5, 0, 0, 5})));
    EXPECT(d, "state", "too_few_labels");
    EXPECT(d, "in_force.n", "10");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/calibrations?name=strict"));
    EXPECT(d, "judges.0.state", "too_few_labels");
    EXPECT(d, "judges.1.state", "calibrated");
}

static void sittings_add_up(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(201, add(d, (struct labels){1, 40, 4, 3, 13}));
    EXPECT_STATUS(201, add(d, (struct labels){101, 10, 1, 0, 4})); /* new examples */
    EXPECT(d, "in_force.n", "75");
    EXPECT(d, "sitting.n", "15");
    EXPECT(d, "drift.drifted", "false");
    EXPECT_STATUS(201, add(d, (struct labels){101, 11, 0, 0, 4})); /* the same ones, asked again */
    EXPECT(d, "in_force.n", "75");
    EXPECT(d, "in_force.counts.missed", "4");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/judges/strict/calibrations"));
    EXPECT(d, "sittings.2.in_force.n", "60");
    EXPECT(d, "sittings.3", "absent");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/calibrations"));
    EXPECT(d, "judges.0.in_force.n", "75");
    EXPECT(d, "judges.1", "absent");
}

static void apply(struct desk *d, const char *rubric) {
    struct slice body = arena_printf(&d->arena, "{\"suite\":\"helpdesk\",\"judges\":{\"strict\":{\"model\":\"large\"}},\"checks\":[{\"type\":\"word-count\",\"max\":9}],"
                                     "\"cases\":[{\"id\":\"a\",\"checks\":[{\"type\":\"judge\",\"rubric\":\"%s\"}]}]}", rubric);
    struct definition x = {.kind = SLICE("suite"), .name = SLICE("helpdesk"), .body = body, .registered = true, .at_us = DESK_NOW};
    struct error error;
    bool new;
    digest_sha256(body, &x.digest);
    assert_int_equal(definition_put(d->s.evaluations, &x, &new, &error), FAULT_NONE);
}

/* What a registered suite asks of its judge is listed, labelled or not: a changed rubric shows as a judge that nobody knows. */
static void judges_of_suites_are_listed(void **state) {
    struct desk *d = *state;
    apply(d, RUBRIC);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/calibrations"));
    EXPECT(d, "judges.0.state", "uncalibrated");
    EXPECT(d, "judges.0.used_by.0", "helpdesk");
    EXPECT(d, "judges.0.in_force", "null");
    EXPECT(d, "judges.1", "absent");
    EXPECT_STATUS(201, add(d, (struct labels){1, 72, 8, 5, 15}));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/calibrations"));
    EXPECT(d, "judges.0.state", "calibrated");
    EXPECT(d, "judges.0.used_by.0", "helpdesk");
    EXPECT(d, "judges.1", "absent");
    apply(d, "polite and short");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/calibrations"));
    EXPECT(d, "judges.0.state", "calibrated");
    EXPECT(d, "judges.0.used_by.0", "absent");
    EXPECT(d, "judges.1.state", "uncalibrated");
    EXPECT(d, "judges.1.check.rubric", "polite and short");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/calibrations?name=other"));
    EXPECT(d, "judges.0", "absent");
}

/* From then on only what came since counts, and that may be too little. */
static void a_drift_voids_what_was_before(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(201, add(d, (struct labels){1, 150, 10, 5, 35}));
    EXPECT(d, "state", "calibrated");
    EXPECT_STATUS(201, add(d, (struct labels){1001, 8, 6, 5, 1}));
    EXPECT(d, "drift.drifted", "true");
    EXPECT(d, "drift.before_n", "200");
    EXPECT(d, "drift.agreement", "0.45");
    EXPECT(d, "state", "drifted");
    EXPECT(d, "in_force.n", "20");
    EXPECT_STATUS(201, add(d, (struct labels){2001, 60, 8, 4, 28}));
    EXPECT(d, "in_force.n", "120");
    EXPECT(d, "state", "calibrated");
    assert_string_not_equal(desk_at(d, "drifted_at"), "null");
}

static void what_is_no_sitting_is_refused(void **state) {
    struct desk *d = *state;
    static const struct {
        const char *from, *to, *says;
    } bad[] = {
        {"\"judge\":{\"model\":\"large\"}", "\"judge\":{\"modle\":\"large\"}", "did you mean `model`"},
        {"\"judge\":{\"model\":\"large\"}", "\"judge\":7", "expected `judge` and `check`"},
        {"\"type\":\"judge\"", "\"type\":\"regex\"", "judge, faithful or relevant"},
        {"\"rubric\":\"polite\"", "\"rubric\":\"rude!!\"", "worded by another version"},
        {"\"scale\":\"pass\"", "\"scale\":\"1-10\"", "pass, 1-5 or pairwise"},
        {"\"errors\":2", "\"errors\":-", "line 1"},
        {"\"errors\":2", "\"errors\":\"x\"", "whole numbers"},
        {"[\"0000000000000001\"", "[\"000000000000000x\"", "pairs[0]"},
        {"[\"0000000000000001\",1,1", "[\"0000000000000001\",2,1", "pairs[0]"},
        {"\"pairs\":[", "\"pairs\":[7,", "pairs[0]"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        char *text = sitting(d, "large", RUBRIC, (struct labels){1, 2, 0, 0, 2}), *at = strstr(text, bad[i].from);
        assert_non_null(at);
        char *body = arena_text(&d->arena, arena_printf(&d->arena, "%.*s%s%s", (int)(at - text), text, bad[i].to, at + strlen(bad[i].from)));
        int status = desk_do(d, "POST", "/api/v1/judges/strict/calibrations", body);
        if (status != 400 && status != 409) fail_msg("%s: %d", bad[i].to, status);
        EXPECT_MESSAGE(d, bad[i].says);
    }
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/judges/strict/calibrations", sitting(d, "large", RUBRIC, (struct labels){1, 0, 0, 0, 0})));
    EXPECT_STATUS(404, desk_get(d, "/api/v1/judges/strict/calibrations"));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit"));
    EXPECT(d, "entries.0", "absent");
}

static void a_viewer_reads_and_an_editor_labels(void **state) {
    struct desk *d = *state;
    desk_configure(d, DESK_CONFIG DESK_TOKENS);
    d->q = (struct api_request){.token = SLICE("viewer-token-0000")};
    EXPECT_STATUS(403, desk_send(d, "POST", "/api/v1/judges/strict/calibrations", sitting(d, "large", RUBRIC, (struct labels){1, 1, 0, 0, 1})));
    EXPECT_STATUS(200, desk_send(d, "GET", "/api/v1/calibrations", ""));
    d->q.token = SLICE("editor-token-0000");
    EXPECT_STATUS(201, desk_send(d, "POST", "/api/v1/judges/strict/calibrations", sitting(d, "large", RUBRIC, (struct labels){1, 1, 0, 0, 1})));
    EXPECT(d, "by", "ed");
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, desk_setup, desk_teardown)
    const struct CMUnitTest tests[] = {
        T(labels_calibrate), T(judges_of_suites_are_listed), T(another_rubric_or_model_is_another_judge), T(sittings_add_up), T(a_drift_voids_what_was_before),
        T(what_is_no_sitting_is_refused), T(a_viewer_reads_and_an_editor_labels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
