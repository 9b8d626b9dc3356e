/* The watcher of rules: rules that cry wolf, and thresholds that were learned of what is not usual any more. */
#include "incident/calibrate.h"
#include "incident/watch_rules.h"
#include "stats/random.h"
#include "store/alert_firings.h"

#include "test_store_rig.h"

#include <math.h>

#define DAY 86400000000LL
#define HOUR 3600000000LL
#define NOW (RIG_START + 200 * DAY)

struct world {
    struct rig *rig;
    struct registry *r;
    struct arena arena;
    struct error error;
    struct alert_rule rules[2];
    struct alert_policy policy;
    struct history history;
    int64_t shift_us;
    unsigned opened;
    bool stop;
};

#define ok(w, call)                                                    \
    do {                                                               \
        (w)->error = (struct error){0};                                \
        if ((call) != FAULT_NONE) fail_msg("%s", (w)->error.text);     \
    } while (0)

static enum fault past(void *ctx, const struct signal_past *q,
                       bool (*each)(void *arg, const struct signal_series *series, int64_t end_us, const struct signal_value *value), void *arg,
                       struct error *error) {
    struct world *w = ctx;
    struct signal_series series = {.by = 0};
    (void)error;
    for (int64_t end = q->from_us; end <= q->to_us; end += q->step_us) {
        struct random r = {(uint64_t)end * 2654435761u};
        double z = sqrt(-2 * log(random_unit(&r))) * cos(2 * M_PI * random_unit(&r));
        struct signal_value v = {.value = exp(0.1 * z) * (w->shift_us > 0 && end >= w->shift_us ? 1.8 : 1), .n = 100, .hits = NAN};
        if (!each(arg, &series, end, &v)) break;
    }
    return FAULT_NONE;
}

static int setup(void **state) {
    struct world *w = test_calloc(1, sizeof *w);
    void *rig = NULL;
    if (rig_setup(&rig) != 0) return -1;
    w->rig = rig;
    arena_init(&w->arena, 4 << 10, 16 << 20);
    w->r = registry_open(w->rig->dir, &w->error);
    w->history = (struct history){w, past};
    for (unsigned i = 0; i < 2; i++)
        w->rules[i] = (struct alert_rule){.name = i == 0 ? SLICE("slow") : SLICE("it's late"), .severity = ALERT_CRITICAL, .calibrate = true,
                                          .when = {.test = ALERT_ABOVE, .signal = SIGNAL_LATENCY_P99, .window_us = HOUR, .threshold = 2, .clear = 2}};
    w->policy = (struct alert_policy){.rules = w->rules, .n_rules = 2};
    *state = w;
    return w->r == NULL ? -1 : 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    void *rig = w->rig;
    registry_close(w->r);
    arena_deinit(&w->arena);
    rig_teardown(&rig);
    test_free(w);
    return 0;
}

static bool stopping(void *ctx) { return ((struct world *)ctx)->stop; }
static void opened(void *ctx, const struct finding *f) {
    assert_true(f->id > 0);
    ((struct world *)ctx)->opened++;
}

static unsigned look(struct world *w, struct finding **ret) {
    struct watch_rules look = {w->r, &w->history, &w->policy, stopping, opened, w};
    struct findings_filter f = {.states = 1u << FINDING_OPEN, .limit = 10};
    unsigned n = 0;
    ok(w, watch_rules(&look, NOW, &w->error));
    ok(w, findings_list(w->r, &f, &w->arena, ret, &n, &w->error));
    return n;
}

static int64_t number;

static void fired(struct world *w, const char *rule, int64_t at_us, bool acted, bool ends) {
    struct alert_row row = {.number = number, .rule = slice_of(rule), .series = SLICE("{}"), .fingerprint = SLICE("0011223344556677"), .state = ALERT_FIRING,
                            .since_us = at_us, .fired_us = at_us, .times = 1, .value = 2, .n = 1, .threshold = NAN, .useful = acted ? SLICE("acted") : SLICE_NULL};
    struct alert_transition t = {.at_us = at_us, .from = ALERT_PENDING, .to = ALERT_FIRING};
    struct alerts_look l = {.rows = &row, .n_rows = 1, .transitions = &t, .n_transitions = 1, .now_us = at_us};
    ok(w, alerts_commit(w->r, &l, &number, &w->error));
    if (!ends) return;
    row.number = number;
    row.state = ALERT_RESOLVED;
    row.useful = SLICE_NULL;
    t = (struct alert_transition){.at_us = at_us + HOUR, .from = ALERT_FIRING, .to = ALERT_RESOLVED};
    ok(w, alerts_commit(w->r, &l, &number, &w->error));
}

static void wolves(void **state) {
    struct world *w = *state;
    struct finding *f;
    number = 0;
    for (unsigned i = 0; i < 19; i++) fired(w, "slow", NOW - (60 - i) * DAY, i % 7 == 0, true); /* 3 of 19 */
    assert_int_equal(look(w, &f), 0); /* too few to say so */
    fired(w, "slow", NOW - 20 * DAY, false, false);
    assert_int_equal(look(w, &f), 0); /* somebody may yet act on it */
    fired(w, "slow", NOW - 19 * DAY, false, true);
    assert_int_equal(look(w, &f), 1);
    assert_int_equal(f->kind, FINDING_RULE_CRIES_WOLF);
    assert_true(slice_is(f->command, "quarterdeck alert calibrate 'slow'"));
    assert_non_null(strstr(arena_text(&w->arena, f->title), "rule slow cries wolf: 2 of its last 20 alerts were acted on"));
    assert_non_null(strstr(arena_text(&w->arena, f->title), "`severity: error` instead of critical"));
    assert_int_equal(w->opened, 1);
    fired(w, "slow", NOW - 10 * DAY, true, true);
    assert_int_equal(look(w, &f), 1); /* 3 of 20 */
    fired(w, "slow", NOW - 9 * DAY, true, true);
    fired(w, "slow", NOW - 8 * DAY, true, true);
    assert_int_equal(look(w, &f), 0);
    struct calibrate_span *spans;
    unsigned n;
    ok(w, calibrate_incidents(w->r, SLICE("slow"), NOW - 30 * DAY, NOW, &w->arena, &spans, &n, &w->error));
    assert_int_equal(n, 3);
    assert_true(spans[0].from_us == NOW - 10 * DAY && spans[0].to_us == NOW - 10 * DAY + HOUR && spans[1].from_us > spans[0].from_us);
}

static void accepted(struct world *w, int64_t at_us) {
    struct threshold t = {.rule = w->rules[1].name, .of = w->rules[1].digest, .value = 1.5, .clear = 1.4, .rationale = SLICE("{}"), .by = SLICE("ann"), .made_us = at_us};
    struct audit_entry e = {.at_us = at_us, .actor = SLICE("ann"), .action = SLICE("threshold.accept"), .subject = SLICE("x")};
    ok(w, threshold_put(w->r, &t, &e, &w->error));
    ok(w, threshold_decide(w->r, t.number, true, &e, &w->error));
}

static void shifts(void **state) {
    struct world *w = *state;
    struct finding *f;
    accepted(w, NOW - 20 * DAY);
    assert_int_equal(look(w, &f), 0);
    w->shift_us = NOW - 30 * DAY; /* before: it was learned of that */
    assert_int_equal(look(w, &f), 0);
    w->shift_us = NOW - 6 * DAY;
    assert_int_equal(look(w, &f), 1);
    assert_int_equal(f->kind, FINDING_BASELINE_SHIFTED);
    assert_non_null(strstr(arena_text(&w->arena, f->command), "quarterdeck alert calibrate 'it'\\''s late' --from "));
    w->stop = true;
    w->shift_us = 0;
    struct watch_rules again = {w->r, &w->history, &w->policy, stopping, opened, w};
    assert_int_equal(watch_rules(&again, NOW, &w->error), FAULT_SHUTTING_DOWN);
    w->stop = false;
    w->rules[1].digest.bytes[0] ^= 1; /* the rule says something else now: nothing of it is in force */
    w->shift_us = NOW - 6 * DAY;
    assert_int_equal(look(w, &f), 0);
    struct threshold t, stale, *all;
    unsigned n;
    ok(w, thresholds_list(w->r, SLICE_NULL, SLICE_NULL, &w->arena, &all, &n, &w->error));
    assert_false(calibrate_in_force(all, n, &w->rules[1], &t, &stale));
    assert_int_equal(stale.number, all[0].number);
    w->rules[1].digest.bytes[0] ^= 1;
    assert_true(calibrate_in_force(all, n, &w->rules[1], &t, &stale) && t.value == 1.5 && stale.number == 0);
    assert_false(calibrate_in_force(all, n, &w->rules[0], &t, &stale));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(wolves, setup, teardown),
        cmocka_unit_test_setup_teardown(shifts, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
