/* A primary's way back, driven by signals, probes and rows in a registry: to its end, back again, held up, undone by a person. */
#include "test_store_changes_rig.h"

#include "base/mem.h"
#include "incident/returning.h"
#define read policy_of /* unistd.h has one */
#include "test_model_config_rig.h"
#undef read

#include <math.h>

#define SECOND_US 1000000LL
#define TICK_US (5 * SECOND_US)
#define BEGIN (490000 * 3600 * SECOND_US)

static const char *const yaml =
    "providers:\n  one: {dialect: openai, base_url: 'http://127.0.0.1:1/v1'}\n  two: {dialect: openai, base_url: 'http://127.0.0.1:2/v1'}\n"
    "models:\n  chat: {targets: [{provider: one, model: gpt-a}, {provider: two, model: gpt-b}], degraded: {serve: message, message: later}}\n"
    "applications:\n  helpdesk: {}\n"
    "alerts:\n"
    "  - {name: slow-chat, when: {metric: latency.p90, window: 5m, above: 2s}, severity: critical, actions: [{fail_over: {model: chat}}]}\n"
    "grants: [{rule: slow-chat, action: fail_over, scope: {model: chat}, at_most: 9/h}]\n";

struct world {
    struct rig *rig;
    struct registry *r;
    struct policy *policy;
    struct signals *signals;
    struct arena arena, tick;
    struct action_services services;
    struct provider_seen seen;   /* probes of `one` */
    bool probed, incomplete;
    bool broken;                 /* the primary fails what it is asked */
    int64_t primary_us;          /* how long it takes */
    int64_t now;
    double asked;                /* of the primary, not yet a whole request */
    int published;
    struct returning_result last;
    struct error error;
};

static enum fault publish(void *ctx, struct error *error) {
    (void)error;
    ((struct world *)ctx)->published++;
    return FAULT_NONE;
}

static int setup(void **state) {
    struct world *w = test_calloc(1, sizeof *w);
    void *rig = NULL;
    char problems[4096];
    if (!digest_start() || rig_setup(&rig) != 0) return -1;
    w->rig = rig;
    arena_init(&w->arena, 64 << 10, 64 << 20);
    arena_init(&w->tick, 64 << 10, 64 << 20);
    w->r = open_registry(w->rig);
    w->policy = policy_of(yaml, problems, sizeof problems);
    if (w->policy == NULL) fail_msg("%s", problems);
    w->signals = signals_new();
    w->services = (struct action_services){.ctx = w, .publish = publish};
    w->now = BEGIN;
    w->primary_us = SECOND_US / 2;
    *state = w;
    return 0;
}
static int teardown(void **state) {
    struct world *w = *state;
    void *rig = w->rig;
    assert_int_equal(first_bad(w->r), 0);
    signals_free(w->signals);
    registry_close(w->r);
    policy_drop(w->policy);
    arena_deinit(&w->arena);
    arena_deinit(&w->tick);
    test_free(w);
    return rig_teardown(&rig);
}

static struct action_row row(struct world *w, int64_t number) {
    const struct actions_filter f = {.number = number};
    struct action_row *all;
    unsigned n;
    assert_int_equal(actions_list(w->r, &f, &w->arena, &all, &n, NULL), FAULT_NONE);
    assert_int_equal(n, 1);
    return all[0];
}

static int64_t fail_over(struct world *w, int64_t lasts_us) {
    struct action_outcome o;
    const struct action_call c = {.registry = w->r, .policy = w->policy, .services = &w->services, .at_us = w->now, .arena = &w->arena, .alert = 3,
                                  .fired_us = w->now, .rule = alert_rule_find(&w->policy->alerts, SLICE("slow-chat")),
                                  .spec = {.kind = INTERVENTION_FAIL_OVER, .model = SLICE("chat"), .per_minute = -1, .lasts_us = lasts_us},
                                  .who = {.name = SLICE("quarterdeck"), .automatic = true}, .evidence = SLICE("{\"value\":3}")};
    if (action_take(&c, &o, &w->error) != FAULT_NONE) fail_msg("%s", w->error.text);
    assert_int_equal(o.row.state, ACTION_IN_FORCE);
    w->published = 0;
    return o.row.number;
}

static void exchange(struct world *w, bool primary_first) {
    struct record *r = mem_new(struct record);
    record_init(r);
    bool fails = primary_first && w->broken;
    r->application = SLICE("helpdesk"), r->model = SLICE("chat"), r->status = RECORD_OK;
    r->provider = primary_first && !fails ? SLICE("one") : SLICE("two"), r->target_model = primary_first && !fails ? SLICE("gpt-a") : SLICE("gpt-b");
    r->duration_us = primary_first ? w->primary_us : SECOND_US / 2, r->ttft_us = -1;
    r->time_us = w->now - r->duration_us;
    if (primary_first) r->attempts[r->n_attempts++] = (struct record_attempt){.provider = SLICE("one"), .model = SLICE("gpt-a"), .error = fails ? FAULT_UP_SERVER : FAULT_NONE, .ms = 500};
    if (!primary_first || fails) r->attempts[r->n_attempts++] = (struct record_attempt){.provider = SLICE("two"), .model = SLICE("gpt-b"), .ms = 500};
    signals_record(w->signals, r);
    mem_free(r);
}

/* Five seconds of traffic at 100 requests a second, of which the row's share asks the primary first, and a look. */
static void tick(struct world *w, int64_t number) {
    struct action_row was = row(w, number);
    bool moved_away = was.state == ACTION_IN_FORCE || was.state == ACTION_RETURNING;
    w->now += TICK_US;
    w->asked += 500 * (moved_away ? was.share_ppm / 1e6 : 1);
    for (int i = 0; i < 500; i++) {
        exchange(w, w->asked >= 1);
        if (w->asked >= 1) w->asked -= 1;
    }
    signals_at(w->signals, w->now);
    w->seen = (struct provider_seen){.provider = SLICE("one"), .n_probes = w->probed ? 5 : 0};
    for (unsigned k = 0; k < w->seen.n_probes; k++) w->seen.probes[k] = (struct provider_probe){.at_us = w->now - (int64_t)k * SECOND_US, .ok = !w->broken};
    arena_reset(&w->tick);
    const struct returning_sources s = {.registry = w->r, .policy = w->policy, .signals = w->signals, .seen = &w->seen, .n_seen = 1, .services = &w->services,
                                        .now_us = w->now, .complete = !w->incomplete, .arena = &w->tick};
    if (returning_look(&s, &w->last, &w->error) != FAULT_NONE) fail_msg("%s", w->error.text);
    assert_int_equal(w->published > 0, w->last.moved + w->last.expired > 0); /* once for all of a look, and only then */
    assert_true(w->published <= 1);
    w->published = 0;
}

/* Ticks until it is at this share (or has ended); how long that took, in seconds. */
static int until(struct world *w, int64_t number, uint32_t share_ppm, enum action_state state, int most_s) {
    int64_t began = w->now;
    for (;;) {
        struct action_row now = row(w, number);
        if (now.share_ppm == share_ppm && now.state == state) return (int)((w->now - began) / SECOND_US);
        if (w->now - began > most_s * SECOND_US) fail_msg("after %d s it is %s at %u", most_s, action_state_name(now.state), now.share_ppm);
        tick(w, number);
    }
}

static unsigned audited(struct world *w, const char *action) {
    const struct audit_filter f = {.action = slice_of(action)};
    struct audit_entry *all;
    unsigned n;
    assert_int_equal(registry_audit_find(w->r, &f, 1000, &w->arena, &all, &n, NULL), FAULT_NONE);
    return n;
}

static void comes_back(void **state) {
    struct world *w = *state;
    int64_t number = fail_over(w, 0);
    assert_in_range(until(w, number, 10000, ACTION_RETURNING, 300), 60, 60);
    assert_int_equal(w->last.n_findings, 1);
    const struct finding *f = &w->last.findings[0];
    assert_int_equal(f->kind, FINDING_PRIMARY_RETURNS);
    assert_true(slice_is(f->key, "[\"primary_returns\",1]"));
    assert_true(slice_is(f->title, "traffic of chat was moved away from one/gpt-a; 1 % of it is back"));
    assert_true(slice_is(f->command, "quarterdeck action show 1"));
    assert_in_range(until(w, number, 100000, ACTION_RETURNING, 300), 40, 60); /* 5 a second: 30 in 40 s, with the cells of signals */
    assert_in_range(until(w, number, 500000, ACTION_RETURNING, 300), 30, 40);
    assert_in_range(until(w, number, 1000000, ACTION_RETURNED, 300), 30, 40);
    assert_int_equal(w->last.n_findings, 0);
    struct action_row back = row(w, number);
    assert_true(slice_is(back.ended_by, "quarterdeck") && slice_contains(back.ended_why, SLICE("attempts at 50 %: 0 failed; the rule's signal 0.5")));
    assert_true(slice_contains(back.evidence, SLICE("{\"alert\":{\"value\":3},\"relapses\":0,\"coming_back\":[{\"at\":")));
    assert_int_equal(audited(w, "action.return"), 3);
    assert_int_equal(audited(w, "action.returned"), 1);
    tick(w, number);
    assert_int_equal(audited(w, "action"), 5); /* it is over */
    /* the same again within the hour: as if it had relapsed */
    number = fail_over(w, 0);
    assert_in_range(until(w, number, 10000, ACTION_RETURNING, 300), 120, 120);
}

static void relapses(void **state) {
    struct world *w = *state;
    int64_t number = fail_over(w, 0);
    (void)until(w, number, 100000, ACTION_RETURNING, 300);
    w->broken = true;
    assert_in_range(until(w, number, 0, ACTION_IN_FORCE, 60), 10, 30);
    assert_int_equal(row(w, number).step, 0);
    assert_true(slice_contains(row(w, number).evidence, SLICE("\"relapses\":1,")));
    assert_int_equal(audited(w, "action.relapse"), 1);
    w->broken = false;
    assert_in_range(until(w, number, 10000, ACTION_RETURNING, 300), 120, 120); /* twice as long */
    (void)until(w, number, 1000000, ACTION_RETURNED, 600);
}

static void slow_is_not_well(void **state) {
    struct world *w = *state;
    int64_t number = fail_over(w, 0);
    w->primary_us = 3 * SECOND_US; /* answers, and as late as when the rule fired */
    (void)until(w, number, 10000, ACTION_RETURNING, 300);
    assert_in_range(until(w, number, 0, ACTION_IN_FORCE, 120), 30, 60);
    struct slice evidence = row(w, number).evidence;
    if (!slice_contains(evidence, SLICE("above its threshold 2"))) fail_msg("%s", arena_text(&w->arena, evidence));
}

static void probes_hold_it(void **state) {
    struct world *w = *state;
    int64_t number = fail_over(w, 0);
    w->probed = w->broken = true;
    for (int i = 0; i < 100; i++) tick(w, number);
    assert_int_equal(row(w, number).share_ppm, 0);
    assert_int_equal(audited(w, "action.return"), 0);
    w->broken = false;
    assert_in_range(until(w, number, 10000, ACTION_RETURNING, 60), 0, 5); /* it has rested long enough */
    w->broken = true;
    assert_in_range(until(w, number, 0, ACTION_IN_FORCE, 60), 0, 5); /* before its own traffic says so */
}

static void nothing_while_the_ledger_is_behind(void **state) {
    struct world *w = *state;
    int64_t number = fail_over(w, 0);
    w->incomplete = true;
    for (int i = 0; i < 50; i++) tick(w, number);
    assert_int_equal(row(w, number).share_ppm, 0);
    w->incomplete = false;
    (void)until(w, number, 100000, ACTION_RETURNING, 300);
    w->incomplete = w->broken = true; /* what is known to be wrong is */
    (void)until(w, number, 0, ACTION_IN_FORCE, 60);
}

static void a_persons_word(void **state) {
    struct world *w = *state;
    int64_t number = fail_over(w, 0);
    (void)until(w, number, 10000, ACTION_RETURNING, 300);
    struct action_outcome o;
    const struct action_call c = {.registry = w->r, .services = &w->services, .who = {.name = SLICE("anna")}, .at_us = w->now, .arena = &w->arena};
    assert_int_equal(action_undo(&c, number, &o, &w->error), FAULT_NONE);
    w->published = 0;
    for (int i = 0; i < 50; i++) tick(w, number);
    assert_int_equal(row(w, number).state, ACTION_UNDONE);
    assert_int_equal(w->last.n_findings, 0);
}

static void with_an_end_of_its_own(void **state) {
    struct world *w = *state;
    int64_t number = fail_over(w, 300 * SECOND_US);
    for (int i = 0; i < 59; i++) tick(w, number);
    assert_int_equal(row(w, number).share_ppm, 0);
    assert_int_equal(row(w, number).state, ACTION_IN_FORCE);
    tick(w, number);
    assert_int_equal(w->last.expired, 1);
    assert_int_equal(row(w, number).state, ACTION_EXPIRED);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(comes_back),         TEST(relapses),       TEST(slow_is_not_well),      TEST(probes_hold_it), TEST(nothing_while_the_ledger_is_behind),
        TEST(a_persons_word),     TEST(with_an_end_of_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
