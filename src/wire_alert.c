/* wire_alert.c - see wire_alert.h. */
#include "wire_alert_parts.h"
#include "wire_watch.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/virtual_time.h"
#include "control/console_topic.h"

#include <math.h>
#include <stdio.h>

#define SECOND_US 1000000LL
#define SLOW_US (2 * SECOND_US)            /* a tick that takes longer is told */
#define ACTING_MOST_US (15 * SECOND_US)    /* longer than a writer of the registry waits for another */
#define KEEP_ANOMALIES_US (300 * SECOND_US)
#define READ_AGAIN_US (60 * SECOND_US)     /* what was kept is read again, whatever the version says */
#define ANOMALIES SLICE("watch.anomalies")
#define PROVIDERS SLICE("watch.providers")
#define LATENCY SLICE("watch.latency")
#define OUTPUT SLICE("watch.output")
enum { TICK_FIRST = 64 << 10, TICK_MOST = 512 << 20, KEPT_FIRST = 16 << 10, KEPT_MOST = 256 << 20, MEMORY_MOST = 32 << 20 };

/* ---- what is kept over a restart ---- */

static void load_blob(struct alert_wire *w, struct slice name, struct arena *arena, enum fault (*read)(struct alert_wire *w, struct slice body, struct error *error)) {
    struct slice body = SLICE_NULL;
    struct error error = {.fault = FAULT_NONE};
    int64_t at_us = 0;
    enum fault fault = registry_kept(w->registry, name, arena, &body, &at_us, &error);
    if (fault == FAULT_NONE && !slice_is_null(body)) fault = read(w, body, &error);
    if (fault != FAULT_NONE) log_event(LOG_WARN, "what the watch had learned cannot be read, and is learned again", "why", error.text, NULL);
}

static enum fault read_anomalies(struct alert_wire *w, struct slice body, struct error *error) { return anomalies_read(w->anomalies, body, error); }
static enum fault read_providers(struct alert_wire *w, struct slice body, struct error *error) { return watch_provider_read(w->providers, body, error); }

static enum fault read_latency(struct alert_wire *w, struct slice body, struct error *error) { return watch_latency_read(w->latency, body, error); }
static enum fault read_output(struct alert_wire *w, struct slice body, struct error *error) { return watch_output_read(w->output, body, error); }

/* The alert clock is not before what it was, however the wall's was set meanwhile. */
static void begin_clock(struct alert_wire *w, struct arena *arena) {
    struct slice memory = SLICE_NULL;
    struct error error;
    struct json_doc d;
    int64_t kept_us = 0;
    w->clock_us = clock_wall_us();
    w->mono_us = clock_us();
    if (alerts_memory(w->registry, arena, &memory, &error) == FAULT_NONE && !slice_is_null(memory) && json_read(memory, arena, 1, &d, &error) == FAULT_NONE &&
        json_get_i64(&d, json_get(&d, 0, "clock_us"), &kept_us) && kept_us > w->clock_us)
        w->clock_us = kept_us;
}

static struct slice write_memory(struct alert_wire *w, struct arena *arena) {
    char position[FOLLOW_TEXT];
    follow_format(&w->follow, position);
    return arena_printf(arena, "{\"position\":\"%s\",\"clock_us\":%lld}", position, (long long)w->clock_us);
}

enum fault alert_wire_keep(struct alert_wire *w, int64_t now_us, bool at_once, struct error *error) {
    struct buffer b;
    struct json_writer out;
    int64_t mono_us = clock_us();
    if (!at_once && mono_us - w->anomalies_kept_us < virtual_time_cadence(KEEP_ANOMALIES_US)) return FAULT_NONE;
    w->anomalies_kept_us = mono_us;
    buffer_init(&b, MEMORY_MOST);
    json_start(&out, &b);
    anomalies_write(w->anomalies, &out);
    enum fault fault = b.overflow ? FAULT_NONE : registry_keep(w->registry, ANOMALIES, buffer_slice(&b), now_us, error);
    buffer_clear(&b);
    json_start(&out, &b);
    watch_provider_write(w->providers, &out);
    if (fault == FAULT_NONE && !b.overflow) fault = registry_keep(w->registry, PROVIDERS, buffer_slice(&b), now_us, error);
    buffer_clear(&b);
    json_start(&out, &b);
    watch_latency_write(w->latency, &out);
    if (fault == FAULT_NONE && !b.overflow) fault = registry_keep(w->registry, LATENCY, buffer_slice(&b), now_us, error);
    buffer_clear(&b);
    json_start(&out, &b);
    watch_output_write(w->output, &out);
    if (fault == FAULT_NONE && !b.overflow) fault = registry_keep(w->registry, OUTPUT, buffer_slice(&b), now_us, error);
    buffer_deinit(&b);
    if (fault == FAULT_NONE) w->keep_now = false;
    return fault;
}

/* ---- what people decided ---- */

static enum fault read_kept(struct alert_wire *w, int64_t now_us, struct error *error) {
    enum { DAY_S = 86400 };
    struct kept_words *k = &w->kept;
    int64_t version = 0, mono_us = clock_us();
    enum fault fault = registry_version(w->registry, &version, error);
    if (fault != FAULT_NONE || (k->known && version == k->version && mono_us - k->read_us < READ_AGAIN_US)) return fault;
    arena_reset(&k->arena);
    k->known = false;
    fault = findings_open(w->registry, &k->arena, &k->findings, &k->n_findings, error);
    if (fault == FAULT_NONE) fault = silences_list(w->registry, true, now_us, &k->arena, &k->silences, &k->n_silences, error);
    if (fault == FAULT_NONE) fault = thresholds_list(w->registry, SLICE_NULL, SLICE("accepted"), &k->arena, &k->thresholds, &k->n_thresholds, error);
    if (fault == FAULT_NONE)
        fault = oncall_overrides(w->registry, now_us - 14 * DAY_S * SECOND_US, now_us + DAY_S * SECOND_US, &k->arena, &k->overrides, &k->n_overrides, error);
    if (fault != FAULT_NONE) {
        k->n_findings = k->n_silences = k->n_thresholds = k->n_overrides = 0;
        return fault;
    }
    k->known = true;
    k->version = version;
    k->read_us = mono_us;
    return FAULT_NONE;
}

/* ---- actions ---- */

static void tell_action(const struct wanted_action *a, const struct action_outcome *o, struct arena *arena) {
    char alert[24];
    snprintf(alert, sizeof alert, "%lld", (long long)a->alert);
    log_event(LOG_WARN, "an alert wants an action", "alert", alert, "rule", arena_text(arena, a->rule->name), "action", intervention_name(a->spec.kind), "state",
              action_state_name(o->row.state), "words", arena_text(arena, o->words), NULL);
}

/* True: done, or refused for good. */
static bool carry_out(struct alert_wire *w, struct policy *p, const struct wanted_action *a, struct arena *arena, bool *ret_did) {
    struct error error = {.fault = FAULT_NONE};
    struct action_outcome outcome;
    struct action_call call = {.registry = w->registry, .policy = p, .services = &w->s.actions, .spec = a->spec, .rule = a->rule, .alert = a->alert, .firing = a->firing, .fired_us = a->fired_us,
                               .who = {.name = SLICE("quarterdeck"), .automatic = true}, .evidence = a->evidence, .at_us = clock_wall_us(), .arena = arena};
    call.why = arena_printf(arena, "alert %lld of rule " SLICE_FMT, (long long)a->alert, SLICE_ARG(a->rule->name));
    enum fault fault = action_take(&call, &outcome, &error);
    if (fault != FAULT_NONE) {
        log_event(LOG_ERROR, "an action that an alert wants failed; it is tried again", "action", intervention_name(a->spec.kind), "why", error.text, NULL);
        return false;
    }
    if (!outcome.already) tell_action(a, &outcome, arena);
    *ret_did |= outcome.row.state == ACTION_IN_FORCE || outcome.row.state == ACTION_DONE;
    return true;
}

static void carry_out_all(struct alert_wire *w, struct policy *p, const struct watching_result *r, struct arena *arena) {
    for (unsigned i = 0; i < r->n_actions;) {
        int64_t alert = r->actions[i].alert;
        bool all = true, did = false;
        for (; i < r->n_actions && r->actions[i].alert == alert; i++) all &= carry_out(w, p, &r->actions[i], arena, &did);
        if (all) watching_acted(w->watching, alert, did);
    }
}

/* ---- one tick ---- */

static enum fault commit(struct alert_wire *w, struct watching_result *r, struct arena *arena, struct error *error) {
    r->look.memory = write_memory(w, arena);
    int64_t *numbers = mem_new_array(int64_t, r->look.n_rows + 1);
    enum fault fault = alerts_commit(w->registry, &r->look, numbers, error);
    if (fault == FAULT_NONE) watching_kept(w->watching, r, numbers);
    mem_free(numbers);
    return fault;
}

static enum fault hold_rules(struct alert_wire *w, struct alert_tick *t, struct watching_result *r, struct error *error) {
    struct kept_words *k = &w->kept;
    struct watching_sources s = {.policy = &t->policy->alerts, .names = t->policy, .signals = w->signals, .anomalies = w->anomalies, .findings = k->findings,
                                 .n_findings = k->n_findings, .silences = k->silences, .n_silences = k->n_silences, .thresholds = k->thresholds,
                                 .n_thresholds = k->n_thresholds, .overrides = k->overrides, .n_overrides = k->n_overrides, .now_us = t->now_us,
                                 .clock_us = w->clock_us, .complete = t->complete};
    enum fault fault = watching_is_stale(w->watching) ? watching_load(w->watching, w->registry, error) : FAULT_NONE;
    if (fault == FAULT_NONE) fault = watching_tick(w->watching, &s, t->arena, r, error);
    if (fault == FAULT_NONE) fault = commit(w, r, t->arena, error);
    if (fault != FAULT_CONFLICT) return fault;
    fault = watching_load(w->watching, w->registry, error); /* somebody was faster: with their word in it, again */
    if (fault == FAULT_NONE) fault = watching_tick(w->watching, &s, t->arena, r, error);
    return fault == FAULT_NONE ? commit(w, r, t->arena, error) : fault;
}

static enum fault hold_and_act(struct alert_wire *w, struct alert_tick *t, struct watching_result *r, struct error *error) {
    atomic_store(&w->acting_us, clock_us());
    enum fault fault = hold_rules(w, t, r, error);
    atomic_store(&w->acting_us, clock_us());
    if (fault == FAULT_NONE) carry_out_all(w, t->policy, r, t->arena);
    atomic_store(&w->acting_us, 0);
    return fault;
}

static void lend_views(struct alert_wire *w, const struct watching_result *r, int64_t now_us) {
    struct rule_view *views = mem_new_array(struct rule_view, r->rules + 1);
    for (unsigned i = 0; i < r->rules; i++) {
        const struct rule_seen *s = &r->seen[i];
        views[i] = (struct rule_view){.series = s->series, .pending = s->pending, .firing = s->firing, .silent = s->silent, .worst = s->worst,
                                      .threshold = s->threshold, .clear = s->clear, .threshold_number = s->threshold_number, .at_us = now_us};
        snprintf(views[i].name, sizeof views[i].name, SLICE_FMT, SLICE_ARG(s->rule->name));
        snprintf(views[i].idle, sizeof views[i].idle, "%s", s->idle);
    }
    pthread_mutex_lock(&w->lock);
    struct rule_view *former = w->views;
    w->views = views;
    w->n_views = r->rules;
    pthread_mutex_unlock(&w->lock);
    mem_free(former);
}

static void publish(struct alert_wire *w, const struct watching_result *r) {
    static const enum alert_state shown[] = {ALERT_PENDING, ALERT_FIRING, ALERT_ACKNOWLEDGED, ALERT_FLAPPING, ALERT_NODATA};
    for (unsigned i = 0; i < sizeof shown / sizeof *shown; i++)
        for (unsigned s = 0; s < ALERT_SEVERITIES; s++) {
            const char *labels[METRIC_LABELS] = {alert_state_name(shown[i]), alert_severity_name((enum alert_severity)s)};
            metric_set(metric_cell(w->shard, METRIC_ALERTS, labels), r->states[shown[i]][s]);
        }
    struct signals_stats stats;
    signals_stats(w->signals, &stats);
    metric_set(metric_cell(w->shard, METRIC_WATCH_SERIES, (const char *[METRIC_LABELS]){NULL}), stats.series);
    metric_set(metric_cell(w->shard, METRIC_WATCH_BYTES, (const char *[METRIC_LABELS]){NULL}), (int64_t)stats.bytes);
}

struct collected { struct provider_seen *all; unsigned n, room; struct arena *arena; };

static struct slice copy(struct arena *arena, struct slice s) { return arena_slice(arena, s); }

static void collect(void *arg, const struct provider_seen *s) {
    struct collected *c = arg;
    if (c->n == c->room) return;
    struct provider_seen *one = &c->all[c->n++];
    *one = *s;
    one->provider = copy(c->arena, s->provider);
    one->page_error = copy(c->arena, s->page_error);
    for (unsigned i = 0; i < s->n_probes; i++) one->probes[i].why = copy(c->arena, s->probes[i].why);
    one->page.words = copy(c->arena, s->page.words);
    one->page.incidents = arena_new_array(c->arena, struct vendor_incident, s->page.n_incidents + 1);
    if (one->page.incidents == NULL) one->page.n_incidents = 0;
    for (unsigned i = 0; i < one->page.n_incidents; i++) {
        struct vendor_incident v = s->page.incidents[i];
        one->page.incidents[i] = v;
        one->page.incidents[i].id = copy(c->arena, v.id);
        one->page.incidents[i].name = copy(c->arena, v.name);
        one->page.incidents[i].status = copy(c->arena, v.status);
        one->page.incidents[i].url = copy(c->arena, v.url);
    }
}

static void collect_probes(struct alert_wire *w, struct alert_tick *t) {
    struct collected c = {.room = t->policy->n_providers, .arena = t->arena};
    c.all = arena_new_array(t->arena, struct provider_seen, c.room + 1);
    if (w->s.probes != NULL && c.all != NULL) w->s.probes(w->s.ctx, collect, &c);
    t->seen = c.all;
    t->n_seen = c.n;
}

static void advance_clock(struct alert_wire *w, int64_t now_us) {
    int64_t mono_us = clock_us();
    w->clock_us = alert_clock(w->clock_us, mono_us - w->mono_us, now_us);
    w->mono_us = mono_us;
}

static enum fault tick(struct alert_wire *w, struct policy *p, struct arena *arena, struct error *error) {
    struct alert_tick t = {.policy = p, .arena = arena, .now_us = clock_wall_us()};
    struct watching_result result;
    if (p->server.watch.every_us > 0) w->every_us = p->server.watch.every_us;
    w->next_us = 0;
    advance_clock(w, t.now_us);
    enum fault fault = alert_wire_feed(w, p, t.now_us, &t.complete, error);
    if (fault == FAULT_NONE) fault = read_kept(w, t.now_us, error);
    if (fault != FAULT_NONE) return fault;
    collect_probes(w, &t);
    alert_wire_watch(w, &t);
    fault = read_kept(w, t.now_us, error); /* what they found */
    if (fault == FAULT_NONE) fault = hold_and_act(w, &t, &result, error);
    if (fault != FAULT_NONE) return fault;
    w->next_us = result.next_us;
    if (w->s.changed != NULL && result.look.n_transitions + result.n_actions > 0) w->s.changed(w->s.ctx, CONSOLE_ALERTS | CONSOLE_ACTIONS | CONSOLE_AUDIT);
    if (result.look.n_notices > 0 && w->s.notices_left != NULL) w->s.notices_left(w->s.ctx); /* they tell what was done */
    if (t.complete) lend_views(w, &result, t.now_us);
    publish(w, &result);
    return alert_wire_keep(w, t.now_us, w->keep_now, error);
}

/* Once when it begins to fail or fails in another way, once when it is well again. */
static void tell(struct alert_wire *w, const char *now, int64_t took_us) {
    char seconds[24];
    if (now[0] != 0 && strcmp(w->failing, now) != 0) log_event(LOG_ERROR, "the watch could not look; the tick is taken again", "why", now, NULL);
    if (now[0] == 0 && w->failing[0] != 0) log_event(LOG_INFO, "the watch looks again", NULL);
    snprintf(w->failing, sizeof w->failing, "%s", now);
    if (took_us < SLOW_US) return;
    snprintf(seconds, sizeof seconds, "%.1f", (double)took_us / 1e6);
    log_event(LOG_WARN, "a tick of the watch took long", "seconds", seconds, NULL);
}

static void look(struct alert_wire *w, struct arena *arena) {
    struct error error = {.fault = FAULT_NONE};
    struct policy *p = w->s.policy(w->s.ctx);
    int64_t begun_us = clock_us();
    enum fault fault = tick(w, p, arena, &error);
    int64_t took_us = clock_us() - begun_us;
    policy_drop(p);
    if (fault == FAULT_NONE) atomic_store(&w->succeeded_us, clock_us());
    else watching_changed(w->watching); /* from what is kept, again */
    tell(w, fault == FAULT_NONE ? "" : error.text, took_us);
    metric_add(metric_cell(w->shard, METRIC_WATCH_TICKS, (const char *[METRIC_LABELS]){fault == FAULT_NONE ? "ok" : "failed"}), 1);
    metric_observe_us(metric_cell(w->shard, METRIC_WATCH_TICK, (const char *[METRIC_LABELS]){NULL}), took_us);
    arena_reset(arena);
}

static void *alert_main(void *arg) {
    struct alert_wire *w = arg;
    struct arena arena;
    struct error error;
    (void)pthread_setname_np(pthread_self(), "qd-watch"); /* as top and perf show it */
    arena_init(&arena, TICK_FIRST, TICK_MOST);
    begin_clock(w, &arena);
    load_blob(w, ANOMALIES, &arena, read_anomalies);
    load_blob(w, PROVIDERS, &arena, read_providers);
    load_blob(w, LATENCY, &arena, read_latency);
    load_blob(w, OUTPUT, &arena, read_output);
    arena_reset(&arena);
    while (!atomic_load(&w->stopping)) {
        int64_t begun_us = clock_us();
        look(w, &arena);
        int64_t wait_us = w->every_us - (clock_us() - begun_us);
        if (w->next_us > 0 && w->next_us - w->clock_us < wait_us) wait_us = w->next_us - w->clock_us;
        if (!atomic_load(&w->stopping)) (void)mailbox_wait(w->wake, wait_us > SECOND_US / 10 ? wait_us : SECOND_US / 10);
        while (mailbox_take(w->wake) != NULL) continue;
    }
    if (w->following && alert_wire_keep(w, clock_wall_us(), true, &error) != FAULT_NONE)
        log_event(LOG_ERROR, "what the watch learned could not be kept", "error", error.text, NULL);
    arena_deinit(&arena);
    return NULL;
}

/* ---- from other threads ---- */

void alert_wire_ask(struct alert_wire *w) {
    if (w == NULL) return;
    (void)!mailbox_post(w->wake, w); /* full: it is awake, or about to be */
}

bool alert_wire_acts(struct alert_wire *w) {
    int64_t since_us = atomic_load(&w->acting_us);
    return since_us != 0 && clock_us() - since_us < ACTING_MOST_US;
}

int64_t alert_wire_age_us(struct alert_wire *w) { return clock_us() - atomic_load(&w->succeeded_us); }

static void changed(void *ctx) {
    struct alert_wire *w = ctx;
    watching_changed(w->watching);
    alert_wire_ask(w);
}

static void each_view(void *ctx, void (*each)(void *arg, const struct rule_view *v), void *arg) {
    struct alert_wire *w = ctx;
    pthread_mutex_lock(&w->lock);
    unsigned n = w->n_views;
    struct rule_view *views = n > 0 ? mem_copy(w->views, n * sizeof *views) : NULL;
    pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < n; i++) each(arg, &views[i]);
    mem_free(views);
}

static unsigned each_provider(void *ctx, struct slice only, struct json_writer *out) {
    struct alert_wire *w = ctx;
    struct arena arena;
    struct json_doc d;
    uint32_t cursor = JSON_NONE, item;
    unsigned n = 0;
    arena_init(&arena, 64 << 10, 64 << 20);
    pthread_mutex_lock(&w->lock);
    struct slice seen = arena_slice(&arena, slice_make(w->providers_seen.len > 0 ? w->providers_seen.at : "", w->providers_seen.len));
    pthread_mutex_unlock(&w->lock);
    if (seen.len > 0 && json_read(seen, &arena, 2, &d, NULL) == FAULT_NONE)
        while (json_each_item(&d, 0, &cursor, &item)) {
            if (!slice_is_null(only) && !slice_eq(json_string(&d, json_get(&d, item, "provider"), &arena), only)) continue;
            json_put_raw(out, json_raw(&d, item));
            n++;
        }
    arena_deinit(&arena);
    return n;
}

void alert_wire_lend(struct alert_wire *w, struct control_services *services) {
    services->alert_ctx = w;
    services->rules_seen = each_view;
    services->providers = each_provider;
    services->alerts_changed = changed;
}

/* ---- birth and end ---- */

struct alert_wire *alert_wire_new(const struct alert_sources *s, struct error *error) {
    struct alert_wire *w = mem_new(struct alert_wire);
    w->s = *s;
    w->shard = metric_shard_new(s->metrics);
    w->wake = mailbox_new(4);
    w->watching = watching_new();
    w->signals = signals_new();
    w->anomalies = anomalies_new();
    w->providers = watch_provider_new();
    w->every_us = ALERT_TICK_US;
    table_init(&w->refilled);
    buffer_init(&w->providers_seen, MEMORY_MOST);
    w->latency = watch_latency_new();
    w->output = watch_output_new();
    w->self = self_wire_new(&(struct self_sources){.ctx = s->ctx, .policy = s->policy, .budgets = s->budgets, .jobs_ctx = w, .jobs = alert_wire_jobs, .ledger = s->ledger,
                                                   .writer = s->writer, .recorder = s->recorder, .data_dir = s->data_dir, .config = s->config});
    table_init(&w->scored[0]);
    table_init(&w->scored[1]);
    arena_init(&w->kept.arena, KEPT_FIRST, KEPT_MOST);
    pthread_mutex_init(&w->lock, NULL);
    atomic_init(&w->succeeded_us, clock_us());
    w->registry = registry_open(s->data_dir, error);
    if (w->registry != NULL) w->evaluations = evaluations_open(s->data_dir, error);
    if (w->evaluations != NULL) return w;
    alert_wire_free(w);
    return NULL;
}

enum fault alert_wire_start(struct alert_wire *w, struct error *error) {
    w->running = pthread_create(&w->thread, NULL, alert_main, w) == 0;
    return w->running ? FAULT_NONE : error_set(error, FAULT_IO, "cannot start the thread of the watch");
}

void alert_wire_stop(struct alert_wire *w) {
    if (w == NULL || !w->running) return;
    atomic_store(&w->stopping, true);
    alert_wire_ask(w);
    pthread_join(w->thread, NULL);
    w->running = false;
}

void alert_wire_free(struct alert_wire *w) {
    if (w == NULL) return;
    alert_wire_stop(w);
    watching_free(w->watching);
    signals_free(w->signals);
    anomalies_free(w->anomalies);
    watch_provider_free(w->providers);
    buffer_deinit(&w->providers_seen);
    watch_latency_free(w->latency);
    watch_output_free(w->output);
    self_wire_free(w->self);
    table_deinit(&w->refilled);
    table_deinit(&w->scored[0]);
    table_deinit(&w->scored[1]);
    arena_deinit(&w->kept.arena);
    evaluations_close(w->evaluations);
    registry_close(w->registry);
    mailbox_free(w->wake);
    pthread_mutex_destroy(&w->lock);
    mem_free(w->views);
    mem_free(w);
}
