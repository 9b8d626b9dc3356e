/* wire_alert_watchers.c - the table of watchers that look on the watch's thread. */
#include "wire_alert_parts.h"
#include "wire_watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "quality/watch_tell.h"
#include "store/findings.h"

#include <stdio.h>

#define SECOND_US 1000000LL
#define DAY_US (86400 * SECOND_US)

enum fault alert_wire_found_but(struct alert_wire *w, const struct findings_look *look, int64_t now_us, struct error *error) {
    struct findings_change change = {0};
    struct error second;
    int64_t *ids = mem_new_array(int64_t, look->n_seen + 1);
    enum fault fault = findings_put(w->registry, look, now_us, ids, &change, error);
    for (size_t i = 0; fault == FAULT_NONE && i < look->n_seen; i++) {
        if (ids[i] == 0) continue;
        struct finding f = look->seen[i];
        f.id = ids[i];
        watch_wire_opened(NULL, &f);
    }
    if (fault == FAULT_NONE && (look->n_seen > 0 || change.cleared > 0)) w->kept.known = false; /* titles and evidence change too */
    mem_free(ids);
    /* At once: a watcher that after a kill does not remember that it found this would say that it is over. */
    w->keep_now |= change.opened > 0 || change.cleared > 0;
    if (w->keep_now) (void)!alert_wire_keep(w, now_us, true, &second); /* failed: again at the tick's end, which tells of it */
    return fault;
}

enum fault alert_wire_found(struct alert_wire *w, uint64_t kinds, const struct finding *seen, unsigned n, int64_t now_us, struct error *error) {
    return alert_wire_found_but(w, &(struct findings_look){.kinds = kinds, .application = SLICE_NULL, .seen = seen, .n_seen = n}, now_us, error);
}

/* ---- the watchers ---- */

static double wanted_of(const struct alert_tick *t, double share) { return share * (t->policy->alerts.wanted_alarms > 0 ? t->policy->alerts.wanted_alarms : 1); }

static enum fault look_latency(struct alert_wire *w, struct alert_tick *t, struct error *error) {
    struct findings_look look = {.kinds = FINDING_BIT(LATENCY_OVER_BUDGET) | FINDING_BIT(LATENCY_WORSE) | FINDING_BIT(USERS_GAVE_UP), .application = SLICE_NULL};
    struct finding *found = NULL;
    struct slice *unsure = NULL;
    unsigned n = 0, n_unsure = 0;
    enum fault fault = watch_latency_learn(w->latency, w->s.ledger, w->signals, t->now_us, error);
    if (fault == FAULT_NONE)
        fault = watch_latency_look(w->latency, t->policy, w->signals, wanted_of(t, WATCH_SHARE_LATENCY), t->now_us, t->arena, &found, &n, &unsure, &n_unsure, error);
    look.seen = found, look.n_seen = n, look.unsure = unsure, look.n_unsure = n_unsure;
    return fault == FAULT_NONE ? alert_wire_found_but(w, &look, t->now_us, error) : fault;
}

static enum fault look_output(struct alert_wire *w, struct alert_tick *t, struct error *error) {
    struct findings_look look = {.kinds = FINDING_BIT(OUTPUT_WORSE), .application = SLICE_NULL};
    struct finding *found = NULL;
    struct slice *unsure = NULL;
    unsigned n = 0, n_unsure = 0;
    enum fault fault = watch_output_look(w->output, t->policy, wanted_of(t, WATCH_SHARE_OUTPUT), t->now_us, t->arena, &found, &n, &unsure, &n_unsure, error);
    look.seen = found, look.n_seen = n, look.unsure = unsure, look.n_unsure = n_unsure;
    return fault == FAULT_NONE ? alert_wire_found_but(w, &look, t->now_us, error) : fault;
}

/* The scheduler's watchers, and these: all are told of when they are silent. */
void alert_wire_jobs(void *ctx, void (*each)(void *arg, const struct job_state *j), void *arg) {
    enum { TIMES = 3, LEAST_S = 60 }; /* its own cadence so often, at least */
    struct alert_wire *w = ctx;
    if (w->s.jobs != NULL) w->s.jobs(w->s.ctx, each, arg);
    for (unsigned i = 0; i < n_alert_watchers; i++) {
        int64_t good_us = w->watchers[i].good_us, age_us = good_us > 0 ? clock_us() - good_us : 0;
        int64_t every_us = alert_watchers[i].every_us > w->every_us ? alert_watchers[i].every_us : w->every_us; /* it looks at ticks */
        struct job_state j = {.name = alert_watchers[i].name, .every_s = every_us / SECOND_US, .age_s = age_us / SECOND_US};
        j.overdue = j.age_s > TIMES * j.every_s && j.age_s > LEAST_S;
        snprintf(j.error, sizeof j.error, "%s", w->watchers[i].error);
        each(arg, &j);
    }
}

static enum fault look_self(struct alert_wire *w, struct alert_tick *t, struct error *error) {
    struct finding *found = NULL;
    unsigned n = 0;
    enum fault fault = self_wire_look(w->self, w->signals, t->arena, &found, &n, error);
    return fault == FAULT_NONE ? alert_wire_found(w, SELF_WIRE_KINDS, found, n, t->now_us, error) : fault;
}

static void lend_providers(struct alert_wire *w, const struct alert_tick *t) {
    struct json_writer out;
    char at[CLOCK_TEXT], since[CLOCK_TEXT];
    clock_format(t->now_us, at);
    pthread_mutex_lock(&w->lock);
    buffer_clear(&w->providers_seen);
    json_start(&out, &w->providers_seen);
    json_array(&out);
    for (unsigned i = 0; i < t->n_health; i++) {
        const struct provider_health *h = &t->health[i];
        if (h->since_us > 0) clock_format(h->since_us, since);
        json_object(&out);
        json_member_string(&out, "provider", h->provider);
        json_member_string(&out, "upstream_model", h->upstream_model);
        json_member_text(&out, "verdict", provider_verdict_name(h->verdict));
        json_member_string(&out, "line", h->words);
        json_member_text(&out, "looked", at);
        json_member_text(&out, "since", h->since_us > 0 ? since : NULL);
        json_member_raw(&out, "evidence", h->evidence);
        json_object_end(&out);
    }
    json_array_end(&out);
    if (w->providers_seen.overflow) buffer_clear(&w->providers_seen);
    pthread_mutex_unlock(&w->lock);
}

static enum fault look_providers(struct alert_wire *w, struct alert_tick *t, struct error *error) {
    struct finding *found = NULL;
    unsigned n = 0;
    enum fault fault = watch_provider_look(w->providers, t->policy, w->signals, t->seen, t->n_seen, t->now_us, t->arena, &t->health, &t->n_health, error);
    if (fault == FAULT_NONE) fault = watch_provider_findings(t->health, t->n_health, t->seen, t->n_seen, t->arena, &found, &n, error);
    if (fault != FAULT_NONE) return fault;
    lend_providers(w, t);
    return alert_wire_found(w, FINDING_BIT(PROVIDER_FAILING) | FINDING_BIT(PROVIDER_SLOW) | FINDING_BIT(VENDOR_INCIDENT), found, n, t->now_us, error);
}

static enum fault look_returning(struct alert_wire *w, struct alert_tick *t, struct error *error) {
    struct returning_sources s = {.registry = w->registry, .policy = t->policy, .signals = w->signals, .seen = t->seen, .n_seen = t->n_seen,
                                  .health = t->health, .n_health = t->n_health, .thresholds = w->kept.thresholds, .n_thresholds = w->kept.n_thresholds,
                                  .services = &w->s.actions, .now_us = t->now_us, .complete = t->complete, .arena = t->arena};
    struct returning_result result = {0};
    struct error second;
    enum fault fault = returning_look(&s, &result, error);
    enum fault put = alert_wire_found(w, FINDING_BIT(PRIMARY_RETURNS), result.findings, result.n_findings, t->now_us, fault == FAULT_NONE ? error : &second);
    return fault == FAULT_NONE ? put : fault;
}

static enum fault look_baselines(struct alert_wire *w, struct alert_tick *t, struct error *error) {
    struct history_ledger from = {.ledger = w->s.ledger, .evaluations = w->evaluations};
    struct history past = history_of(&from);
    const struct alert_rule *due = anomalies_due(w->anomalies, &t->policy->alerts, t->now_us);
    return due == NULL ? FAULT_NONE : anomalies_learn(w->anomalies, due, &past, t->now_us, error);
}

static enum fault look_retention(struct alert_wire *w, struct alert_tick *t, struct error *error) {
    enum fault fault = actions_prune(w->registry, t->now_us - ALERT_HISTORY_DAYS * DAY_US, error);
    return fault == FAULT_NONE ? alerts_prune(w->registry, t->now_us - ALERT_HISTORY_DAYS * DAY_US, error) : fault;
}

const struct alert_watcher alert_watchers[] = {
    {"providers", 5 * SECOND_US, look_providers},
    {"latency", 5 * SECOND_US, look_latency},
    {"output", 10 * SECOND_US, look_output},
    {"self", 5 * SECOND_US, look_self},
    {"returning", 5 * SECOND_US, look_returning},
    {"baselines", 15 * SECOND_US, look_baselines},
    {"alert_history", 3600 * SECOND_US, look_retention},
};
const unsigned n_alert_watchers = sizeof alert_watchers / sizeof *alert_watchers;

/* ---- each in its time ---- */

static void tell(struct alert_wire *w, unsigned i, const char *now) {
    char *before = w->watchers[i].error;
    if (now[0] != 0 && strcmp(before, now) != 0) log_event(LOG_ERROR, "a watcher failed; it is tried again", "watcher", alert_watchers[i].name, "error", now, NULL);
    if (now[0] == 0 && before[0] != 0) log_event(LOG_INFO, "a watcher is well again", "watcher", alert_watchers[i].name, NULL);
    snprintf(before, sizeof w->watchers[i].error, "%s", now);
}

static void read_lateness(struct alert_wire *w, unsigned i, int64_t mono_us) {
    struct signal_series of = {.by = SIGNAL_BY_BIT(WATCHER)};
    int64_t late_us = mono_us - w->watchers[i].good_us - alert_watchers[i].every_us - w->every_us;
    of.is[SIGNAL_BY_WATCHER] = slice_of(alert_watchers[i].name);
    signals_read(w->signals, SIGNAL_WATCH_SILENT, &of, late_us > 0 ? (double)late_us / 1e6 : 0);
}

void alert_wire_watch(struct alert_wire *w, struct alert_tick *t) {
    for (unsigned i = 0; i < n_alert_watchers && !atomic_load(&w->stopping); i++) {
        struct error error = {.fault = FAULT_NONE};
        int64_t mono_us = clock_us();
        if (w->watchers[i].good_us == 0) w->watchers[i].good_us = mono_us;
        bool due = w->watchers[i].begun_us == 0 || mono_us - w->watchers[i].begun_us >= alert_watchers[i].every_us - w->every_us / 2;
        if (due) {
            w->watchers[i].begun_us = mono_us;
            enum fault fault = alert_watchers[i].look(w, t, &error);
            if (fault == FAULT_NONE) w->watchers[i].good_us = clock_us();
            tell(w, i, fault == FAULT_NONE ? "" : error.text);
        }
        read_lateness(w, i, clock_us());
    }
}
