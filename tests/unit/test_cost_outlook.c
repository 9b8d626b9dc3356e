/* Outlooks that remember hours say what outlooks that read all of them say. */
#include "cost/outlook.h"
#include "model/config.h"

#include "test_store_rig.h"

#define HOUR 3600000000LL
#define NOW (RIG_START + 10 * HOUR + 600000000LL)
#define USD 1000000000LL

static const char yaml[] = "providers: {main: {dialect: openai, base_url: 'http://127.0.0.1:1/v1'}}\n"
                           "models: {chat: {targets: [{provider: main, model: gpt-4o-mini}]}}\n"
                           "applications: {support: {}}\n"
                           "budgets: [{name: month, scope: {application: support}, limit_usd: 300, window: month, mode: soft}]\n";

struct world {
    struct rig *rig;
    struct ledger *ledger;
    struct recorder *recorder;
    struct policy *policy;
    struct outlook_memory *outlooks;
    uint64_t number;
};

static int setup(void **state) {
    struct world *x = test_calloc(1, sizeof *x);
    struct config_source source = {0};
    struct problems problems = {0};
    struct arena arena;
    void *rig = NULL;
    if (rig_setup(&rig) != 0) return -1;
    x->rig = rig;
    arena_init(&arena, 4096, 1 << 20);
    if (config_read(SLICE(yaml), "test", &source, NULL, &arena, &x->policy, &problems) != FAULT_NONE) fail_msg("line %d: %s", problems.items[0].line, problems.items[0].text);
    arena_deinit(&arena);
    x->ledger = rig_ledger(x->rig);
    x->recorder = rig_recorder(x->rig);
    x->outlooks = outlook_memory_new();
    *state = x;
    return 0;
}

static int teardown(void **state) {
    struct world *x = *state;
    void *rig = x->rig;
    outlook_memory_free(x->outlooks);
    ledger_close(x->ledger);
    recorder_close(x->recorder);
    policy_drop(x->policy);
    rig_teardown(&rig);
    test_free(x);
    return 0;
}

static void keep(struct world *x, int64_t time_us, int64_t cost_nano) {
    struct record r;
    rig_record(&r, time_us, x->number++);
    r.cost_nano = cost_nano;
    r.charge = (struct charge){1u << CHARGE_INPUT, {[CHARGE_INPUT] = cost_nano}};
    rig_append_record(x->recorder, 0, &r);
}

static void forgets_no_hour(struct world *x, const struct budget_view *v, int64_t now_us) {
    struct budget_outlook whole, remembered;
    rig_drain(x->ledger, x->recorder);
    assert_int_equal(outlook_of_budget(x->ledger, NULL, v, now_us, &whole, NULL), FAULT_NONE);
    assert_int_equal(outlook_of_budget(x->ledger, x->outlooks, v, now_us, &remembered, NULL), FAULT_NONE);
    assert_int_equal(remembered.days, whole.days);
    assert_int_equal(remembered.expected_nano, whole.expected_nano);
    assert_true(remembered.plan_ratio == whole.plan_ratio);
    assert_true(whole.expected_nano > 0);
}

/* With what was read before or without: hour after hour, over midnight, after a pause, when hours of yesterday come late. */
static void outlooks_that_remember(void **state) {
    struct world *x = *state;
    const struct budget_view view = {.budget = &x->policy->budgets[0], .spent_nano = 178 * USD, .values = {SLICE("support")}, .window = {RIG_START - 7 * RIG_DAY, RIG_START + 23 * RIG_DAY}}, *v = &view;
    for (int64_t h = 12 * 24; h > 0; h--) keep(x, NOW - h * HOUR, USD + h * USD / 50);
    for (int64_t h = 0; h < 40; h += 3) {
        forgets_no_hour(x, v, NOW + h * HOUR);
        keep(x, NOW + h * HOUR, 3 * USD);
        keep(x, NOW + (h - 11) * HOUR, 2 * USD);
    }
    forgets_no_hour(x, v, NOW + 15 * RIG_DAY);
    forgets_no_hour(x, v, NOW + 18 * RIG_DAY);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(outlooks_that_remember, setup, teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
