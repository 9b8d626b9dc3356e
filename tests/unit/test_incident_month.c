/* A month of healthy traffic through all that may raise an alarm: the watchers, a calibrated rule and an anomaly rule, held by watching.c. Azure's
 * trace, stretched to weeks with a daily cycle: four weeks to learn from, a month in which alarms are counted, and then three hours that are ill. It is looked each two minutes, to be quick. */
#include "incident/calibrate.h"
#include "incident/watch_provider.h"
#include "incident/watching.h"
#include "quality/watch_latency.h"
#include "quality/watch_output.h"
#include "stats/random.h"
#include "test_store_rig.h"

#include <math.h>

#include <stdio.h>
#include <string.h>

#define SECOND 1000000LL
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)
#define START (20700 * DAY)
#define LEARNED (START + 28 * DAY)
#define ENDS (LEARNED + 30 * DAY)
enum { REQUESTS = 20000, KEPT = 1 << 18, FINDINGS = 64, SEEDS = 2 };
enum { FOUND, CALIBRATED, ODD, RULES };

static struct { double gap_s; int64_t input, output; } trace[REQUESTS];
static unsigned n_trace;
static struct provider providers[2] = {{.name = "openai", .base_url = "https://a"}, {.name = "anthropic", .base_url = "https://b"}};
static struct target targets[2] = {{.provider = &providers[0], .model = "gpt"}, {.provider = &providers[1], .model = "claude"}};
static struct model_route route = {.name = "support", .targets = targets, .n_targets = 2};

struct kept { int64_t end_us; struct signal_value value; };
struct opened { char key[200]; bool open; };
struct world {
    struct random random;
    struct policy *policy;
    struct signals *signals;
    struct watch_latency *latency;
    struct watch_output *output;
    struct watch_provider *provider;
    void *rig;
    struct registry *registry;
    struct watching *watching;
    struct anomalies *anomalies;
    struct arena arena;
    struct alert_rule rules[RULES];
    struct threshold accepted;
    struct kept *kept[RULES];
    unsigned n_kept[RULES];
    struct opened opened[FINDINGS];
    unsigned n_opened, at, alarms[RULES];
    struct finding now[FINDINGS];
    unsigned n_now;
    struct slice unsure[FINDINGS];
    unsigned n_unsure;
    double next_us;
    bool ill;
};

static double draw_normal(struct random *r) { return sqrt(-2 * log(random_unit(r))) * cos(2 * M_PI * random_unit(r)); }
static bool draw(struct random *r, double chance) { return random_unit(r) < chance; }

static struct signal_series all = {.by = SIGNAL_BY_BIT(APPLICATION)};

static void ask(struct world *w, int64_t at_us) {
    struct record r;
    char id[64];
    double day = sin(2 * M_PI * (double)(at_us % DAY) / (double)DAY), slow = exp(0.25 * draw_normal(&w->random) + 0.1 * day) * (w->ill ? 4 : 1);
    const struct target *t = &targets[draw(&w->random, 0.5)];
    bool fails = draw(&w->random, w->ill ? 0.5 : 0.004);
    record_init(&r);
    record_id_new(&r.id, at_us);
    r.application = SLICE("helpdesk");
    r.request_type = trace[w->at].output < 100 ? SLICE("short") : SLICE("chat");
    r.time_us = at_us;
    r.usage.input = trace[w->at].input;
    r.usage.output = trace[w->at].output;
    r.duration_us = (int64_t)(1e6 * slow * (0.3 + 0.0002 * (double)r.usage.input + 0.01 * (double)r.usage.output));
    r.stream = true;
    r.ttft_us = fails ? -1 : r.duration_us / 4;
    r.error = fails ? FAULT_UP_SERVER : FAULT_NONE;
    r.status = fails ? RECORD_ERROR : RECORD_OK;
    r.provider = slice_of(t->provider->name);
    r.target_model = slice_of(t->model);
    r.n_attempts = 1;
    r.attempts[0] = (struct record_attempt){.provider = r.provider, .model = r.target_model, .error = r.error, .http_status = fails ? 503 : 200};
    signals_record(w->signals, &r);
    watch_provider_record(w->provider, &r);
    watch_latency_record(w->latency, &r);
    watch_output_record(w->output, &r);
    if (fails || !draw(&w->random, 0.2)) return;
    (void)snprintf(id, sizeof id, "%s", draw(&w->random, w->ill ? 0.5 : 0.02) ? "fail" : "pass");
    char body[256];
    (void)snprintf(body, sizeof body, "[{\"metric\":\"q\",\"type\":\"judge\",\"scale\":\"1-5\",\"verdict\":\"pass\",\"score\":%g},"
                   "{\"metric\":\"f\",\"type\":\"faithful\",\"verdict\":\"%s\",\"score\":1}]", draw(&w->random, 0.2) ? 0.75 : 1, id);
    struct scored s = {.record = r.id, .application = r.application, .request_type = r.request_type, .prompt = SLICE("support"), .version = SLICE("1"),
                       .time_us = at_us, .chance_e15 = SCORED_CHANCE_ONE / 5, .state = SCORED_DONE, .length = SCORED_LENGTH_USUAL, .body = slice_of(body)};
    signals_scored(w->signals, &s);
    watch_output_scored(w->output, &s, false);
}

/* ---- what the past is read from: windows as they were seen ---- */

static enum fault past(void *ctx, const struct signal_past *q,
                       bool (*each)(void *arg, const struct signal_series *series, int64_t end_us, const struct signal_value *value), void *arg,
                       struct error *error) {
    struct world *w = ctx;
    unsigned of = q->signal == SIGNAL_ERRORS ? ODD : CALIBRATED;
    (void)error;
    for (unsigned i = 0; i < w->n_kept[of]; i++)
        if (w->kept[of][i].end_us >= q->from_us && w->kept[of][i].end_us <= q->to_us && !each(arg, &all, w->kept[of][i].end_us, &w->kept[of][i].value)) break;
    return FAULT_NONE;
}

static void keep(struct world *w, unsigned of, int64_t now_us, int64_t window_us, int64_t step_us) {
    if (now_us % step_us != 0 || w->n_kept[of] == KEPT) return;
    struct signal_view *v = signals_view(w->signals, all.by, NULL, window_us);
    w->kept[of][w->n_kept[of]++] = (struct kept){now_us, signal_view_value(v, w->rules[of].when.signal, SLICE_NULL, &all)};
}

/* ---- looking ---- */

static void found(struct world *w, const struct finding *f, unsigned n, const struct slice *unsure, unsigned n_unsure) {
    for (unsigned i = 0; i < n && w->n_now < FINDINGS; i++) w->now[w->n_now++] = f[i];
    for (unsigned i = 0; i < n_unsure && w->n_unsure < FINDINGS; i++) w->unsure[w->n_unsure++] = unsure[i];
}

/* As the store does: by key, and what is unsure stays as it was. Its alert stays then too. */
static void number_them(struct world *w) {
    bool seen[FINDINGS] = {false};
    for (unsigned i = 0; i < w->n_now; i++) {
        unsigned k = 0;
        while (k < w->n_opened && !slice_is(w->now[i].key, w->opened[k].key)) k++;
        assert_true(k < FINDINGS && w->now[i].key.len < sizeof w->opened->key);
        if (k == w->n_opened) (void)snprintf(w->opened[w->n_opened++].key, sizeof w->opened->key, SLICE_FMT, SLICE_ARG(w->now[i].key));
        w->now[i].id = k + 1;
        seen[k] = w->opened[k].open = true;
    }
    for (unsigned k = 0; k < w->n_opened; k++) {
        bool stays = false;
        for (unsigned i = 0; i < w->n_unsure && !seen[k]; i++) stays = stays || (w->opened[k].open && slice_is(w->unsure[i], w->opened[k].key));
        if (!seen[k]) w->opened[k].open = stays;
        if (stays && w->n_now < FINDINGS)
            w->now[w->n_now++] = (struct finding){.id = k + 1, .kind = FINDING_LATENCY_WORSE, .key = slice_of(w->opened[k].key), .title = SLICE("unsure"), .evidence = SLICE("{}")};
    }
}

static void watchers_look(struct world *w, int64_t now_us) {
    struct error error;
    struct finding *f;
    struct slice *unsure;
    struct provider_health *h;
    struct provider_seen seen[2] = {{.provider = SLICE("openai")}, {.provider = SLICE("anthropic")}};
    unsigned n, n_unsure;
    w->n_now = w->n_unsure = 0;
    if (now_us % (10 * MINUTE) == 0) assert_int_equal(watch_latency_learn(w->latency, NULL, w->signals, now_us, &error), FAULT_NONE);
    assert_int_equal(watch_latency_look(w->latency, w->policy, w->signals, 0.25, now_us, &w->arena, &f, &n, &unsure, &n_unsure, &error), FAULT_NONE);
    found(w, f, n, unsure, n_unsure);
    assert_int_equal(watch_output_look(w->output, w->policy, 0.5, now_us, &w->arena, &f, &n, &unsure, &n_unsure, &error), FAULT_NONE);
    found(w, f, n, unsure, n_unsure);
    assert_int_equal(watch_provider_look(w->provider, w->policy, w->signals, seen, 2, now_us, &w->arena, &h, &n, &error), FAULT_NONE);
    assert_int_equal(watch_provider_findings(h, n, seen, 2, &w->arena, &f, &n, &error), FAULT_NONE);
    found(w, f, n, NULL, 0);
    number_them(w);
}

static void tick(struct world *w, int64_t now_us) {
    struct watching_sources s = {.policy = &w->policy->alerts, .signals = w->signals, .anomalies = w->anomalies, .findings = w->now, .n_findings = w->n_now,
                                 .thresholds = &w->accepted, .n_thresholds = 1, .now_us = now_us, .clock_us = now_us, .complete = true};
    struct watching_result r;
    struct error error;
    if (watching_tick(w->watching, &s, &w->arena, &r, &error) != FAULT_NONE) fail_msg("%s", error.text);
    int64_t numbers[FINDINGS];
    assert_true(r.look.n_rows <= FINDINGS);
    if (r.look.n_rows > 0) assert_int_equal(alerts_commit(w->registry, &r.look, numbers, &error), FAULT_NONE);
    for (size_t i = 0; i < r.look.n_transitions; i++)
        for (unsigned k = 0; k < RULES && r.look.transitions[i].to == ALERT_FIRING; k++)
            w->alarms[k] += slice_eq(r.look.rows[r.look.transitions[i].alert].rule, w->rules[k].name);
    watching_kept(w->watching, &r, numbers);
}

static void minute(struct world *w, int64_t now_us) {
    for (; w->next_us <= (double)now_us; w->at = (w->at + 1) % n_trace) {
        if (w->next_us > 0) ask(w, (int64_t)w->next_us);
        double rate = 1 + 0.6 * sin(2 * M_PI * (double)(now_us % DAY) / (double)DAY - 1);
        w->next_us = (w->next_us > 0 ? w->next_us : START) + 1e6 * 180 * trace[(w->at + 1) % n_trace].gap_s / rate;
    }
    arena_reset(&w->arena);
    signals_at(w->signals, now_us);
    watchers_look(w, now_us);
    if (now_us <= LEARNED) {
        keep(w, CALIBRATED, now_us, w->rules[CALIBRATED].when.window_us, w->rules[CALIBRATED].for_us / 2 / MINUTE * MINUTE);
        keep(w, ODD, now_us, anomaly_cell_us(&w->rules[ODD].when), anomaly_cell_us(&w->rules[ODD].when));
        return;
    }
    tick(w, now_us);
}

static void learn(struct world *w) {
    struct history h = {w, past};
    struct error error;
    struct calibration_proposal p;
    struct calibrate_request q = {.rule = &w->rules[CALIBRATED], .from_us = START, .to_us = LEARNED, .alarms_per_month = 1, .history = &h, .threshold = 10, .clear = 10};
    assert_int_equal(calibrate(&q, &w->arena, &p, &error), FAULT_NONE);
    assert_true(p.enough && p.expected_high <= 1);
    w->accepted = (struct threshold){.number = 1, .rule = w->rules[CALIBRATED].name, .of = w->rules[CALIBRATED].digest, .value = p.threshold, .clear = p.clear};
    assert_int_equal(anomalies_learn(w->anomalies, &w->rules[ODD], &h, LEARNED + HOUR, &error), FAULT_NONE);
}

static void begin(struct world *w, uint64_t seed) {
    *w = (struct world){.random = {seed}, .policy = policy_new(), .signals = signals_new(), .latency = watch_latency_new(), .output = watch_output_new(),
                        .provider = watch_provider_new(), .watching = watching_new(), .anomalies = anomalies_new(), .at = (unsigned)(seed * 1000)};
    struct error error;
    arena_init(&w->arena, 1 << 20, 256 << 20);
    assert_int_equal(rig_setup(&w->rig), 0);
    w->registry = registry_open(((struct rig *)w->rig)->dir, &error);
    assert_non_null(w->registry);
    assert_int_equal(watching_load(w->watching, w->registry, &error), FAULT_NONE);
    for (unsigned k = 0; k < RULES; k++) w->kept[k] = test_calloc(KEPT, sizeof *w->kept[k]);
    w->rules[FOUND] = (struct alert_rule){.name = SLICE("found"), .when = {.test = ALERT_FINDING, .findings = ~0ull}};
    w->rules[CALIBRATED] = (struct alert_rule){.name = SLICE("slow"), .calibrate = true, .for_us = 5 * MINUTE,
        .when = {.test = ALERT_ABOVE, .signal = SIGNAL_LATENCY_P95, .by = all.by, .window_us = HOUR, .threshold = 10, .clear = 10, .min_samples = 20}};
    w->rules[ODD] = (struct alert_rule){.name = SLICE("odd"),
        .when = {.test = ALERT_ANOMALY, .signal = SIGNAL_ERRORS, .by = all.by, .window_us = 30 * MINUTE, .alarms_per_month = 1, .min_samples = 10}};
    for (unsigned k = 0; k < RULES; k++) digest_sha256(w->rules[k].name, &w->rules[k].digest);
    w->policy->providers = providers;
    w->policy->n_providers = 2;
    w->policy->models = &route;
    w->policy->n_models = 1;
    alert_policy_defaults(&w->policy->alerts);
    w->policy->alerts.wanted_alarms = 1;
    w->policy->alerts.rules = w->rules;
    w->policy->alerts.n_rules = RULES;
}

static void end(struct world *w) {
    for (unsigned k = 0; k < RULES; k++) test_free(w->kept[k]);
    watching_free(w->watching);
    registry_close(w->registry);
    rig_teardown(&w->rig);
    anomalies_free(w->anomalies);
    watch_provider_free(w->provider);
    watch_output_free(w->output);
    watch_latency_free(w->latency);
    signals_free(w->signals);
    policy_drop(w->policy);
    arena_deinit(&w->arena);
}

static void no_more_alarms_than_promised(void **state) {
    (void)state;
    unsigned sum[RULES] = {0};
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct world w;
        begin(&w, seed);
        int64_t now_us = START + 2 * MINUTE;
        for (; now_us <= ENDS; now_us += 2 * MINUTE) {
            minute(&w, now_us);
            if (now_us == LEARNED) learn(&w);
        }
        for (unsigned k = 0; k < RULES; k++) sum[k] += w.alarms[k];
        unsigned former[RULES] = {w.alarms[FOUND], w.alarms[CALIBRATED], w.alarms[ODD]};
        w.ill = true;
        for (; now_us <= ENDS + 3 * HOUR; now_us += 2 * MINUTE) minute(&w, now_us);
        for (unsigned k = 0; k < RULES; k++)
            if (w.alarms[k] == former[k]) fail_msg("rule " SLICE_FMT " saw nothing of three hours that were ill", SLICE_ARG(w.rules[k].name));
        end(&w);
    }
    for (unsigned k = 0; k < RULES; k++)
        if (sum[k] > SEEDS) fail_msg("rule %u: %u alarms in %d months, one a month promised", k, sum[k], SEEDS);
}

static int read_trace(void **state) {
    FILE *f = fopen("tests/data/azure_trace.csv", "r");
    char line[256];
    (void)state;
    if (f == NULL) return -1;
    while (fgets(line, sizeof line, f) != NULL && n_trace < REQUESTS) {
        double ms;
        long long input, output;
        if (sscanf(line, "%lf,%lld,%lld", &ms, &input, &output) != 3) continue;
        trace[n_trace].gap_s = ms / 1000;
        trace[n_trace].input = input;
        trace[n_trace++].output = output;
    }
    (void)fclose(f);
    return n_trace > 1000 ? 0 : -1;
}

int main(void) {
    if (!digest_start()) return 1;
    all.is[SIGNAL_BY_APPLICATION] = SLICE("helpdesk");
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_more_alarms_than_promised)};
    return cmocka_run_group_tests(tests, read_trace, NULL);
}
