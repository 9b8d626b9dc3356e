/* Ticks of the watch against a registry: told once whatever is killed, grouped, muted, escalated, bounded in a storm. */
#include "incident/notice.h"
#include "incident/watching.h"
#include "model/config.h"

#include "test_store_rig.h"

#include <math.h>

#define S 1000000LL
#define T0 (RIG_START + 3600 * S)

struct world {
    struct rig *rig;
    struct registry *r;
    struct watching *w;
    struct signals *signals;
    struct arena arena, tick;
    struct alert_policy policy;
    struct alert_rule rules[4];
    struct alert_receiver receivers[3];
    struct escalation_step steps[2];
    struct escalation escalation;
    const struct policy *names;
    struct oncall_person people[1];
    struct finding *findings;
    unsigned n_findings;
    struct silence silence;
    unsigned n_silences;
    struct watching_result result;
    int64_t now;
    struct error error;
};

#define ok(w, call)                                                \
    do {                                                           \
        (w)->error = (struct error){0};                            \
        if ((call) != FAULT_NONE) fail_msg("%s", (w)->error.text); \
    } while (0)

static int setup(void **state) {
    struct world *w = test_calloc(1, sizeof *w);
    void *rig = NULL;
    if (rig_setup(&rig) != 0) return -1;
    w->rig = rig;
    arena_init(&w->arena, 64 << 10, 256 << 20);
    arena_init(&w->tick, 64 << 10, 512 << 20);
    w->r = registry_open(w->rig->dir, &w->error);
    w->w = watching_new();
    w->signals = signals_new();
    w->now = T0;
    alert_policy_defaults(&w->policy);
    w->policy.grouping = (struct alert_grouping){.wait_us = 5 * S, .repeat_us = 4 * 3600 * S};
    w->receivers[0] = (struct alert_receiver){.name = SLICE("ops"), .send_resolved = true};
    w->receivers[1] = (struct alert_receiver){.name = SLICE("boss"), .send_resolved = true};
    w->receivers[2] = (struct alert_receiver){.name = SLICE("quiet"), .send_resolved = false};
    w->policy.receivers = w->receivers;
    w->policy.n_receivers = 3;
    w->steps[0] = (struct escalation_step){.kind = ESCALATE_RECEIVER, .name = SLICE("ops"), .wait_us = 60 * S};
    w->steps[1] = (struct escalation_step){.kind = ESCALATE_RECEIVER, .name = SLICE("boss"), .wait_us = 60 * S};
    w->escalation = (struct escalation){.name = SLICE("night"), .steps = w->steps, .n_steps = 2};
    w->policy.escalations = &w->escalation;
    w->policy.n_escalations = 1;
    w->rules[0] = (struct alert_rule){.name = SLICE("broken"), .when = {.test = ALERT_FINDING, .findings = FINDING_BIT(UNKNOWN_PRICE)}, .severity = ALERT_ERROR,
                                      .notify = {SLICE("ops"), SLICE("quiet")}, .n_notify = 2, .calibrate = true};
    w->policy.rules = w->rules;
    w->policy.n_rules = 1;
    *state = w;
    return w->r == NULL ? -1 : 0;
}

static int teardown(void **state) {
    struct world *w = *state;
    void *rig = w->rig;
    watching_free(w->w);
    signals_free(w->signals);
    registry_close(w->r);
    arena_deinit(&w->arena);
    arena_deinit(&w->tick);
    rig_teardown(&rig);
    test_free(w);
    return 0;
}

static struct finding finding(int64_t id, const char *application) {
    return (struct finding){.id = id, .kind = FINDING_UNKNOWN_PRICE, .application = slice_of(application), .title = SLICE("no price"), .evidence = SLICE("{}"),
                            .command = SLICE("quarterdeck model price x")};
}

static void look(struct world *w) {
    struct watching_sources s = {.policy = &w->policy, .names = w->names, .signals = w->signals, .findings = w->findings, .n_findings = w->n_findings, .silences = &w->silence,
                                 .n_silences = w->n_silences, .now_us = w->now, .clock_us = w->now, .complete = true};
    arena_reset(&w->tick);
    if (watching_is_stale(w->w)) ok(w, watching_load(w->w, w->r, &w->error));
    ok(w, watching_tick(w->w, &s, &w->tick, &w->result, &w->error));
}

static void keep(struct world *w) {
    int64_t *numbers = test_calloc(w->result.look.n_rows + 1, sizeof *numbers);
    ok(w, alerts_commit(w->r, &w->result.look, numbers, &w->error));
    watching_kept(w->w, &w->result, numbers);
    test_free(numbers);
}

static void tick(struct world *w, int64_t seconds) {
    w->now += seconds * S;
    look(w);
    keep(w);
}

static void killed(struct world *w) { /* all that is in memory is gone */
    watching_free(w->w);
    w->w = watching_new();
}

/* "ops firing 1|boss firing 1": receivers, statuses and alerts of all notices so far. */
static const char *told(struct world *w) {
    static char text[4096];
    struct notice *all = NULL;
    unsigned n = 0;
    size_t at = 0;
    text[0] = 0;
    ok(w, notices_list(w->r, SLICE_NULL, 1000, &w->arena, &all, &n, &w->error));
    for (unsigned i = n; i-- > 0 && at < sizeof text - 200;) {
        struct notice_alerts a;
        ok(w, notice_read(all[i].body, &w->arena, &a, &w->error));
        at += (size_t)snprintf(text + at, sizeof text - at, "%s" SLICE_FMT " " SLICE_FMT " %lld", at > 0 ? "|" : "", SLICE_ARG(all[i].receiver), SLICE_ARG(all[i].status),
                               (long long)a.n + (long long)a.left_out);
    }
    return text;
}

static struct alert_row *row(struct world *w, int64_t number) {
    struct alerts_filter f = {.number = number, .limit = 1};
    struct alert_row *rows = NULL;
    unsigned n = 0;
    ok(w, alerts_list(w->r, &f, &w->arena, &rows, &n, &w->error));
    assert_int_equal(n, 1);
    return rows;
}

static void each_transition_is_told_once(void **state) {
    struct world *w = *state;
    struct finding f[] = {finding(1, "a"), finding(2, "b")};
    w->findings = f, w->n_findings = 2;
    tick(w, 5);
    assert_string_equal(told(w), ""); /* the group waits */
    assert_int_equal(w->result.next_us, w->now + 5 * S);
    tick(w, 5);
    assert_string_equal(told(w), "ops firing 2|quiet firing 2");
    for (int i = 0; i < 20; i++) tick(w, 5);
    assert_string_equal(told(w), "ops firing 2|quiet firing 2");
    w->n_findings = 1;
    tick(w, 5);
    tick(w, 5);
    assert_string_equal(told(w), "ops firing 2|quiet firing 2|ops resolved 1");
    tick(w, 4 * 3600); /* one still fires, and nobody has it */
    assert_string_equal(told(w), "ops firing 2|quiet firing 2|ops resolved 1|ops firing 1|quiet firing 1");
    tick(w, 5);
    assert_string_equal(told(w), "ops firing 2|quiet firing 2|ops resolved 1|ops firing 1|quiet firing 1");
}

/* Every way to be killed in six ticks: before or after the commit of each; the same is told. */
static void once_across_kills(void **state) {
    struct world *w = *state;
    struct finding f[] = {finding(1, "a")};
    unsigned base = 0;
    for (unsigned ways = 0; ways < 1u << 6; ways++) {
        f[0].id = (int64_t)ways + 1;
        w->findings = f;
        for (unsigned step = 0; step < 6; step++) {
            w->n_findings = step < 3; /* fires in the first, is over in the fourth */
            w->now += 5 * S;
            if (ways >> step & 1) { /* killed between the look and its commit: looked at again */
                look(w);
                killed(w);
            }
            look(w);
            keep(w);
            if (ways >> ((step + 1) % 6) & 1) killed(w); /* and right after one */
        }
        struct notice *all = NULL;
        unsigned n = 0;
        ok(w, notices_list(w->r, SLICE("ops"), 1000, &w->arena, &all, &n, &w->error));
        if (n != base + 2) fail_msg("ways %x: %u notices, expected %u", ways, n - base, 2);
        assert_true(slice_is(all[0].status, "resolved") && slice_is(all[1].status, "firing"));
        base = n;
    }
}

static void what_was_over_before_it_was_told_is_told_in_order(void **state) {
    struct world *w = *state;
    struct finding f[] = {finding(1, "a")};
    w->policy.grouping.wait_us = 30 * S;
    w->findings = f, w->n_findings = 1;
    tick(w, 5);
    w->n_findings = 0;
    tick(w, 5);
    w->n_findings = 1;
    tick(w, 5);
    assert_string_equal(told(w), "");
    tick(w, 30);
    assert_string_equal(told(w), "ops firing 1|quiet firing 1|ops resolved 1|ops firing 1|quiet firing 1");
}

static void a_critical_one_does_not_wait_and_is_escalated(void **state) {
    struct world *w = *state;
    struct finding f[] = {finding(1, "a")};
    struct audit_entry entry = {.actor = SLICE("anna"), .action = SLICE("alert.acknowledge"), .reason = SLICE("mine")};
    w->rules[0].severity = ALERT_CRITICAL;
    w->rules[0].notify[0] = SLICE("night");
    w->rules[0].n_notify = 1;
    w->findings = f, w->n_findings = 1;
    tick(w, 5);
    assert_string_equal(told(w), "ops firing 1");
    tick(w, 55);
    assert_string_equal(told(w), "ops firing 1");
    killed(w);
    tick(w, 5);
    assert_string_equal(told(w), "ops firing 1|boss firing 1");
    w->n_findings = 0;
    tick(w, 5);
    assert_string_equal(told(w), "ops firing 1|boss firing 1|ops resolved 1|boss resolved 1");
    w->n_findings = 1; /* again; this time somebody takes it up before the second step */
    tick(w, 5);
    entry.at_us = w->now + S;
    ok(w, alert_acknowledged(w->r, 1, &entry, NULL, 0, &w->error));
    watching_changed(w->w);
    for (int i = 0; i < 40; i++) tick(w, 5);
    assert_string_equal(told(w), "ops firing 1|boss firing 1|ops resolved 1|boss resolved 1|ops firing 1");
    assert_int_equal(row(w, 1)->state, ALERT_ACKNOWLEDGED);
}

/* Nobody has it after the last step: it begins anew when it is time to repeat; and one that flaps after its end calls again. */
static void an_escalation_that_nobody_took_up_begins_anew(void **state) {
    struct world *w = *state;
    struct finding f[] = {finding(1, "a")};
    w->rules[0].severity = ALERT_CRITICAL;
    w->rules[0].notify[0] = SLICE("night");
    w->rules[0].n_notify = 1;
    w->findings = f, w->n_findings = 1;
    tick(w, 5);
    tick(w, 65);
    tick(w, 65);
    assert_string_equal(told(w), "ops firing 1|boss firing 1");
    tick(w, 4 * 3600);
    assert_string_equal(told(w), "ops firing 1|boss firing 1|ops firing 1");
    for (int i = 0; i < 60 && row(w, 1)->state != ALERT_FLAPPING; i++) { /* on and off */
        w->n_findings = !w->n_findings;
        tick(w, 5);
    }
    assert_int_equal(row(w, 1)->state, ALERT_FLAPPING);
    assert_true(row(w, 1)->escalation_due_us > w->now);
}

/* A step of nobody is told with the next one; a last one is told to everybody. */
static void nobody_on_call_is_told(void **state) {
    struct world *w = *state;
    struct finding f[] = {finding(1, "a")};
    struct notice *all = NULL;
    struct notice_alerts a;
    unsigned n = 0;
    w->people[0] = (struct oncall_person){.name = SLICE("anna"), .receiver = SLICE("quiet")};
    w->policy.people = w->people, w->policy.n_people = 1;
    w->steps[0] = (struct escalation_step){.kind = ESCALATE_SCHEDULE, .name = SLICE("gone"), .wait_us = 60 * S};
    w->rules[0].severity = ALERT_CRITICAL;
    w->rules[0].notify[0] = SLICE("night");
    w->rules[0].n_notify = 1;
    w->findings = f, w->n_findings = 1;
    tick(w, 5);
    assert_string_equal(told(w), "boss firing 1");
    ok(w, notices_list(w->r, SLICE_NULL, 1, &w->arena, &all, &n, &w->error));
    ok(w, notice_read(all[0].body, &w->arena, &a, &w->error));
    assert_true(slice_is(a.why, "escalation night: step 1 of 2: nobody is on call in gone; step 2 of 2: boss"));
    w->n_findings = 0;
    tick(w, 5);
    w->steps[1] = w->steps[0];
    w->n_findings = 1;
    tick(w, 5);
    assert_string_equal(told(w), "boss firing 1|boss resolved 1|quiet firing 1");
}

static void a_silence_mutes_and_its_end_tells(void **state) {
    struct world *w = *state;
    struct finding f[] = {finding(1, "a"), finding(2, "b")};
    w->silence = (struct silence){.number = 7, .matchers = SLICE("[\"rule=brok*\",\"application=a\"]"), .from_us = T0, .to_us = T0 + 60 * S};
    w->n_silences = 1;
    w->rules[0].severity = ALERT_CRITICAL;
    w->findings = f, w->n_findings = 2;
    tick(w, 5);
    assert_string_equal(told(w), "ops firing 1|quiet firing 1"); /* the other, in the very tick in which both began */
    assert_int_equal(row(w, 1)->silence, 7);
    tick(w, 60);
    assert_string_equal(told(w), "ops firing 1|quiet firing 1|ops firing 1|quiet firing 1");
    assert_int_equal(row(w, 1)->silence, 0);
}

static void a_muted_one_that_is_over_is_not_told(void **state) {
    struct world *w = *state;
    struct finding f[] = {finding(1, "a")};
    w->silence = (struct silence){.number = 7, .matchers = SLICE("[\"rule=*\"]"), .from_us = T0, .to_us = T0 + 60 * S};
    w->n_silences = 1;
    w->findings = f, w->n_findings = 1;
    tick(w, 5);
    w->n_findings = 0;
    for (int i = 0; i < 30; i++) tick(w, 5);
    assert_string_equal(told(w), "");
}

static void inhibited_by_its_cause(void **state) {
    struct world *w = *state;
    struct finding f[] = {finding(1, "a"), finding(2, "b")};
    struct alert_inhibition i = {.source = SLICE("cause"), .target = SLICE("brok*"), .equal = SIGNAL_BY_BIT(APPLICATION)};
    w->rules[1] = w->rules[0];
    w->rules[1].name = SLICE("cause");
    w->rules[1].when.where = (struct signal_series){.by = SIGNAL_BY_BIT(APPLICATION)};
    w->rules[1].when.where.is[SIGNAL_BY_APPLICATION] = SLICE("a");
    w->policy.n_rules = 2;
    w->policy.inhibitions = &i;
    w->policy.n_inhibitions = 1;
    w->findings = f, w->n_findings = 2;
    tick(w, 5);
    tick(w, 5);
    assert_string_equal(told(w), "ops firing 1|quiet firing 1|ops firing 1|quiet firing 1"); /* cause of a, broken of b */
    assert_true(slice_is(row(w, 1)->muted_by, "cause") && slice_is_null(row(w, 2)->muted_by));
}

/* An outage mutes the latency and the budget that it explains, not those of an application that has nothing there; what an action leaves open comes
 * from the evidence. */
static void a_finding_says_what_it_is_about(void **state) {
    struct world *w = *state;
    static const char config[] =
        "providers: {one: {dialect: openai, base_url: \"http://127.0.0.1:1\"}, two: {dialect: openai, base_url: \"http://127.0.0.1:2\"}}\n"
        "models: {chat: {targets: [{provider: one, model: x}]}, draw: {targets: [{provider: two, model: z}]}}\n"
        "applications: {helpdesk: {models: [chat]}, studio: {models: [draw]}}\n";
    const struct config_source source = {.env = NULL};
    struct problems problems;
    struct policy *names = NULL;
    struct finding f[] = {
        {.id = 1, .kind = FINDING_PROVIDER_FAILING, .title = SLICE("one: THEM"), .evidence = SLICE("{\"provider\":\"one\",\"upstream_model\":null}")},
        {.id = 2, .kind = FINDING_LATENCY_WORSE, .application = SLICE("helpdesk"), .title = SLICE("slow"), .evidence = SLICE("{\"application\":\"helpdesk\",\"request_type\":\"chat\"}")},
        {.id = 3, .kind = FINDING_LATENCY_WORSE, .application = SLICE("studio"), .title = SLICE("slow"), .evidence = SLICE("{\"application\":\"studio\",\"request_type\":\"\"}")},
        {.id = 4, .kind = FINDING_BUDGET_BURN, .application = SLICE("helpdesk"), .title = SLICE("burns"), .evidence = SLICE("{\"budget\":\"day\"}")}};
    assert_int_equal(config_read(slice_of(config), "quarterdeck.yaml", &source, NULL, &w->arena, &names, &problems), FAULT_NONE);
    w->names = names;
    w->rules[1] = w->rules[0];
    w->rules[0].name = SLICE("outage");
    w->rules[0].when.findings = FINDING_BIT(PROVIDER_FAILING);
    w->rules[0].actions[0].kind = INTERVENTION_OPEN_BREAKER;
    w->rules[0].n_actions = 1;
    w->rules[1].when.findings = FINDING_BIT(LATENCY_WORSE) | FINDING_BIT(BUDGET_BURN);
    w->policy.n_rules = 2;
    w->findings = f, w->n_findings = 4;
    tick(w, 5);
    assert_int_equal(w->result.n_actions, 1);
    assert_true(slice_is(w->result.actions[0].spec.provider, "one"));
    tick(w, 5);
    assert_true(slice_is(row(w, 2)->muted_by, "outage") && slice_is_null(row(w, 3)->muted_by) && slice_is(row(w, 4)->muted_by, "outage"));
    assert_true(slice_contains(row(w, 2)->labels, SLICE("\"request_type\":\"chat\"")) && slice_contains(row(w, 4)->labels, SLICE("\"budget\":\"day\"")));
    assert_string_equal(told(w), "ops firing 1|quiet firing 1|ops firing 1|quiet firing 1"); /* the outage, and what it does not explain */
    policy_drop(names);
    w->names = NULL;
}

/* What it says of its numbers is never older than a minute; a kill changes nothing of it. */
static void a_firing_one_says_how_bad_it_is_now(void **state) {
    struct world *w = *state;
    struct finding f[] = {finding(1, "a")};
    w->findings = f, w->n_findings = 1;
    tick(w, 5);
    f[0].title = SLICE("two models without a price");
    tick(w, 5);
    assert_true(slice_is(row(w, 1)->summary, "no price"));
    tick(w, 55);
    assert_true(slice_is(row(w, 1)->summary, "two models without a price"));
    killed(w);
    tick(w, 5);
    assert_int_equal(w->result.look.n_rows, 0); /* nothing new: nothing is written */
    assert_string_equal(told(w), "ops firing 1|quiet firing 1");
}

static void a_rule_that_is_gone_resolves(void **state) {
    struct world *w = *state;
    struct finding f[] = {finding(1, "a")};
    w->findings = f, w->n_findings = 1;
    tick(w, 5);
    tick(w, 5);
    w->policy.n_rules = 0;
    tick(w, 5);
    tick(w, 5);
    assert_string_equal(told(w), "ops firing 1|quiet firing 1|ops resolved 1");
    assert_int_equal(row(w, 1)->state, ALERT_RESOLVED);
}

static void a_storm_is_grouped_and_bounded(void **state) {
    struct world *w = *state;
    enum { STORM = 10000 };
    struct finding *all = test_calloc(STORM, sizeof *all);
    for (int i = 0; i < STORM; i++) all[i] = finding(i + 1, "a");
    w->findings = all, w->n_findings = STORM;
    w->rules[0].notify[1] = SLICE("night"); /* and all of them escalate */
    tick(w, 5);
    assert_int_equal(w->result.firing, STORM);
    tick(w, 5);
    tick(w, 60);
    /* one notice for each receiver and step; the receivers of the escalation are told 10,000 in one */
    assert_string_equal(told(w), "ops firing 10000|ops firing 10000|boss firing 10000");
    struct notice *notices = NULL;
    unsigned n = 0;
    ok(w, notices_list(w->r, SLICE_NULL, 10, &w->arena, &notices, &n, &w->error));
    for (unsigned i = 0; i < n; i++) assert_true(notices[i].body.len <= 1 << 20);
    w->n_findings = 0;
    tick(w, 5);
    tick(w, 5);
    assert_string_equal(told(w), "ops firing 10000|ops firing 10000|boss firing 10000|ops resolved 10000|boss resolved 10000");
    /* more than rows may be: those that fire stay, the rest is counted */
    test_free(all);
    enum { FLOOD = LIMIT_ALERT_ROWS + 500 };
    all = test_calloc(FLOOD, sizeof *all);
    for (int i = 0; i < FLOOD; i++) all[i] = finding(1000000 + i, "b");
    w->findings = all, w->n_findings = FLOOD;
    tick(w, 5);
    tick(w, 5);
    assert_int_equal(w->result.firing, LIMIT_ALERT_ROWS); /* what was over made room */
    assert_int_equal(w->result.left_out, 500);
    test_free(all);
}

static void the_alert_clock_does_not_step(void **state) {
    (void)state;
    assert_int_equal(alert_clock(100 * S, 5 * S, 105 * S), 105 * S);
    assert_int_equal(alert_clock(100 * S, 5 * S, 3705 * S), 110 * S); /* an hour forward: twice as fast at most */
    assert_int_equal(alert_clock(100 * S, 5 * S, 5 * S), 102500000);  /* back: half as fast, never back */
    assert_int_equal(alert_clock(100 * S, -5 * S, 5 * S), 100 * S);
    int64_t clock = 0, wall = -3600 * S;
    for (int i = 0; i < 3600; i++) {
        int64_t next = alert_clock(clock, 5 * S, wall += 5 * S);
        assert_true(next > clock);
        clock = next;
    }
    assert_int_equal(clock, wall); /* in the end they agree */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_transition_is_told_once, setup, teardown),
        cmocka_unit_test_setup_teardown(once_across_kills, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_over_before_it_was_told_is_told_in_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_critical_one_does_not_wait_and_is_escalated, setup, teardown),
        cmocka_unit_test_setup_teardown(an_escalation_that_nobody_took_up_begins_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_on_call_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_silence_mutes_and_its_end_tells, setup, teardown),
        cmocka_unit_test_setup_teardown(a_muted_one_that_is_over_is_not_told, setup, teardown),
        cmocka_unit_test_setup_teardown(inhibited_by_its_cause, setup, teardown),
        cmocka_unit_test_setup_teardown(a_finding_says_what_it_is_about, setup, teardown),
        cmocka_unit_test_setup_teardown(a_firing_one_says_how_bad_it_is_now, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rule_that_is_gone_resolves, setup, teardown),
        cmocka_unit_test_setup_teardown(a_storm_is_grouped_and_bounded, setup, teardown),
        cmocka_unit_test_setup_teardown(the_alert_clock_does_not_step, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
