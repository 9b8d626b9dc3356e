/* watch_provider.c - see watch_provider.h: one look, from what was counted to verdicts. What is counted is watch_provider_learn.c's, what is said
 * watch_provider_tell.c's. */
#include "incident/watch_provider_private.h"

#include "quality/watch_tell.h"
#include "stats/proportion.h"

#include <math.h>

#define STATISTICS 5              /* trials, trials and probes, probes in a row, rise, slow first tokens */
#define LIVE_CELLS 6u            /* 60 s and the cell that is filling */
#define SLOW_CELLS 12u           /* two minutes, the same */
#define RECENT_CELLS 15u
#define PROBE_AGE_US 75000000LL  /* probes that stand beside the last minute's trials */
#define ASKED_AGE_US 120000000LL /* whether a host was reached is known so long */
#define FORGET_US 1800000000LL   /* of something that failed, and of which nothing was heard since */
#define PROBE_GENERIC 0.01
#define PROBE_LEAST_RATE 0.001
#define PROBES_A_MONTH 86400.0   /* one each 30 s */
#define LEAST_SHARE 0.1          /* of failures, and no less than twice what is normal: less is not an outage */
#define SLOW_NORMAL 0.1          /* share of slow first tokens that is held normal: 5 %, and as much again for the hours of the day */
#define SLOW_SHARE 0.5
#define SLOW_OVER 0.25
#define NORMAL_MOVED 0.15        /* of the rate that the detector holds normal: then it begins anew */
#define PROBE_SETTLED_US 60000000LL
#define WELL_LEAST 10.0

static const char *const verdicts[] = {"well", "them", "us", "slow", "unsure", "idle"};
const char *provider_verdict_name(enum provider_verdict v) { return verdicts[v]; }

struct look {
    struct watch_provider *w;
    const struct policy *policy;
    struct signals *signals;
    const struct provider_seen *seen;
    unsigned n_seen;
    int64_t now_us;
    struct arena *arena;
    double chance, probe_chance; /* that one series' one look may be wrong by */
    double alarms;               /* a month, of one series and one of the STATISTICS */
    struct provider_health *rows;
    unsigned n, cap;
};

static const struct provider_seen *seen_of(const struct look *l, const char *provider) {
    for (unsigned i = 0; i < l->n_seen; i++)
        if (slice_is(l->seen[i].provider, provider)) return &l->seen[i];
    return NULL;
}

/* ---- probes ---- */

static double probe_normal(struct provider_series *s) {
    if (s->probe_high == 0) {
        double high = s->probes < PROVIDER_LEAST ? PROBE_GENERIC : proportion_at_most(s->probes_failed, s->probes, 0.95);
        s->probe_high = high > PROBE_LEAST_RATE ? high : PROBE_LEAST_RATE;
    }
    return s->probe_high;
}

static bool is_recent(const struct look *l, const struct provider_probe *p, int64_t age_us) { return p->at_us > l->now_us - age_us; }

static void count_probes(const struct look *l, struct provider_ground *g, struct provider_series *s) {
    if (g->seen == NULL) return;
    unsigned n = g->seen->n_probes < PROVIDER_PROBES ? g->seen->n_probes : PROVIDER_PROBES;
    for (unsigned i = 0; i < n; i++) {
        const struct provider_probe *p = &g->seen->probes[i];
        if (is_recent(l, p, PROBE_AGE_US)) {
            g->probes++;
            g->probes_failed += !p->ok;
        }
        if (!p->ok && g->run == i && is_recent(l, p, ASKED_AGE_US)) g->run++;
    }
    for (unsigned i = n; i-- > 0;) { /* those of an outage are no baseline, nor those that may be its first */
        const struct provider_probe *p = &g->seen->probes[i];
        if (p->at_us <= s->probe_us || p->at_us > l->now_us - PROBE_SETTLED_US) continue;
        s->probe_us = p->at_us;
        if (s->failing_us != 0) continue;
        if (s->probes >= PROVIDER_PROBE_BASE) {
            s->probes /= 2;
            s->probes_failed /= 2;
        }
        s->probes++;
        s->probes_failed += !p->ok;
        s->probe_high = 0;
    }
}

/* ---- is it us ---- */

static bool is_local(const char *url) {
    static const char *const here[] = {"://127.", "://localhost", "://[::1]"};
    for (size_t i = 0; i < sizeof here / sizeof *here; i++)
        if (slice_contains(slice_of(url), slice_of(here[i]))) return true;
    return false;
}

static struct slice host_of(const char *url) {
    const char *from = strstr(url, "://");
    from = from != NULL ? from + 3 : url;
    return slice_make(from, strcspn(from, "/?#"));
}

/* Other hosts that were asked in the last minutes, and those that answered anything at all. Another account at the same host is no other host. What runs on this machine says nothing of the network, unless
 * all does. */
static void count_others(const struct look *l, struct provider_ground *g, const struct provider *self) {
    bool all_local = true;
    for (unsigned i = 0; i < l->policy->n_providers; i++) all_local &= is_local(l->policy->providers[i].base_url);
    for (unsigned i = 0; i < l->policy->n_providers; i++) {
        const struct provider *p = &l->policy->providers[i];
        const struct provider_seen *seen = seen_of(l, p->name);
        struct provider_sums sums = {.n = 0};
        const struct provider_series *s = provider_series_of(l->w, slice_of(p->name), SLICE(""), false);
        bool other = p != self && !slice_eq(host_of(p->base_url), host_of(self->base_url)) && (all_local || !is_local(p->base_url));
        if (s != NULL) provider_series_sums(s, l->now_us, LIVE_CELLS, &sums);
        bool probed = seen != NULL && seen->n_probes > 0 && is_recent(l, &seen->probes[0], ASKED_AGE_US);
        bool probe_reached = probed && (seen->probes[0].ok || (seen->probes[0].fault != FAULT_UP_CONNECT && seen->probes[0].fault != FAULT_UP_TIMEOUT));
        bool live_reached = sums.n > sums.causes[CAUSE_CONNECT] + sums.causes[CAUSE_TIMEOUT];
        if (other && (probed || sums.n > 0)) {
            g->asked++;
            g->reached += probed ? probe_reached : live_reached;
        }
        bool page = seen != NULL && seen->has_page && seen->page_us > l->now_us - ASKED_AGE_US && p->status_page != NULL && (all_local || !is_local(p->status_page));
        g->asked += page;
        g->reached += page && !seen->page_failed;
    }
}

static enum provider_verdict blame(const struct provider_ground *g) {
    switch (g->cause) {
    case CAUSE_AUTH:
    case CAUSE_LIMITED: return PROVIDER_US;
    case CAUSE_CONNECT:
    case CAUSE_TIMEOUT:
        if (g->asked > 0) return g->reached > 0 ? PROVIDER_THEM : PROVIDER_US;
        return g->cause == CAUSE_CONNECT ? PROVIDER_UNSURE : PROVIDER_THEM;
    default: return PROVIDER_THEM;
    }
}

/* ---- one series ---- */

static void find_cause(struct provider_ground *g) {
    double counts[PROVIDER_CAUSES];
    memcpy(counts, g->sums.causes, sizeof counts);
    for (unsigned i = 0; g->seen != NULL && i < g->run && i < PROVIDER_PROBES; i++) {
        enum provider_cause c = provider_cause_of(g->seen->probes[i].fault);
        counts[c == PROVIDER_CAUSES ? CAUSE_SERVER : c]++;
    }
    g->cause = CAUSE_SERVER;
    for (unsigned i = 0; i < PROVIDER_CAUSES; i++)
        if (counts[i] > counts[g->cause]) g->cause = (enum provider_cause)i;
}

/* Minutes that are over, each once; values of a month from what came lately. */
static void feed_rise(const struct look *l, struct provider_series *s) {
    int64_t minute = l->now_us / 60000000 - 1;
    double n = 0, failed = 0;
    if (minute <= s->minute || provider_series_trials(s) < PROVIDER_LEAST) return;
    for (unsigned i = 0; i < PROVIDER_CELLS; i++) {
        const struct provider_cell *c = &s->cells[i];
        if (c->at * PROVIDER_CELL_US / 60000000 != minute) continue;
        n += c->n;
        for (unsigned k = 0; k < PROVIDER_CAUSES; k++) failed += c->causes[k];
    }
    s->minute = minute;
    if (n == 0) return;
    if (s->rise_ready && fabs(provider_normal_high(s) + PROVIDER_RISE_MARGIN - s->rise.normal) > NORMAL_MOVED * s->rise.normal) s->rise_ready = s->rises;
    if (!s->rise_ready) {        /* as many values a month as the baseline had in its time */
        int64_t since = s->normal[1].since_us != 0 ? s->normal[1].since_us : s->normal[0].since_us;
        double span = (double)(l->now_us - since), month = provider_series_trials(s) * (double)WATCH_MONTH_US / (span > 60e6 ? span : 60e6);
        detector_begin(&s->rise, provider_normal_high(s), PROVIDER_RISE_MARGIN, detector_threshold(month, l->alarms));
        s->rise_ready = true;
    }
    s->rises |= detector_take_counts(&s->rise, (uint64_t)n, (uint64_t)failed);
}

/* The chance of at least so many failures, were all as normal; 1 where they would be no outage. */
static double chance_of(double failed, double n, double rate) {
    double least = 2 * rate > LEAST_SHARE ? fmin(2 * rate, 0.95) : LEAST_SHARE;
    return n > 0 && failed >= least * n ? watch_tail(failed, n, rate) : 1;
}

/* The least likely of three: trials, trials and probes together, probes in a row; over what it may be: at most 1 is an alarm. */
static double weigh_failures(const struct look *l, const struct provider_ground *g, struct provider_series *s, struct provider_health *h) {
    double probe_rate = probe_normal(s), run = g->sums.n - g->sums.failed < WELL_LEAST ? pow(probe_rate, g->run) : 1;
    double live = chance_of(g->sums.failed, g->sums.n, g->normal);
    double both = g->probes > 0 ? chance_of(g->sums.failed + g->probes_failed, g->sums.n + g->probes, fmax(g->normal, probe_rate)) : 1;
    bool by_run = run / l->probe_chance < fmin(live, both) / l->chance;
    h->chance = by_run ? run : fmin(live, both);
    h->threshold = by_run ? l->probe_chance : l->chance;
    return h->chance / h->threshold;
}

static bool is_well(const struct provider_ground *g, const struct provider_series *s, int64_t now_us) {
    struct provider_sums recent;
    provider_series_sums(s, now_us, RECENT_CELLS, &recent);
    bool few = g->sums.n >= WELL_LEAST && g->sums.failed <= fmax(LEAST_SHARE / 2, g->normal) * g->sums.n;
    if (few && g->run == 0 && (!s->rises || recent.failed <= (g->normal + PROVIDER_RISE_MARGIN) * recent.n)) return true;
    double risen = s->rises ? detector_estimate(&s->rise) : 1; /* of a rate that had risen, so many that its next failure should have come five times */
    if (s->good >= fmax(WELL_LEAST, risen > 0 ? 5 / risen : 0) && g->run == 0 && g->sums.failed == 0) return true; /* in a row, however long they took */
    bool probes_well = g->seen != NULL && g->seen->n_probes >= 3 && g->run == 0 && g->seen->probes[1].ok && g->seen->probes[2].ok &&
                       g->seen->probes[2].at_us >= s->failing_us;
    return probes_well && g->sums.n < WELL_LEAST && g->sums.failed == 0;
}

/* A model has no probes of its own: what failed with its provider is well again with it. */
static bool is_well_with(const struct provider_ground *g, struct provider_series *s) {
    if (g->whole == NULL) return false;
    s->with_whole |= g->whole->failing_us != 0;
    return s->with_whole && g->whole->failing_us == 0 && g->sums.failed == 0;
}

/* What is told of it until it is over, when the last minute says little of it. */
static void keep_worst(const struct provider_ground *g, struct provider_series *s, int64_t now_us) {
    const struct provider_sums *was = &s->worst, *is = &g->sums;
    if (is->failed == 0 || (was->n > 0 && (is->failed - g->normal * is->n) / sqrt(is->n) <= (was->failed - g->normal * was->n) / sqrt(was->n))) return;
    s->worst = *is;
    s->worst_us = now_us;
}

static void judge_failures(const struct look *l, struct provider_ground *g, struct provider_series *s, struct provider_health *h) {
    double over = weigh_failures(l, g, s, h);
    if (s->failing_us == 0 && (over <= 1 || s->rises)) {
        s->failing_us = l->now_us;
        s->with_whole = false;
    }
    if (s->failing_us != 0 && over > 1 && (is_well_with(g, s) || is_well(g, s, l->now_us) || l->now_us - s->seen_us >= FORGET_US)) {
        s->failing_us = 0;
        s->rises = s->rise_ready = false; /* begun anew with what is normal now */
    }
    g->by_rise = s->rises && over > 1;
    if (s->failing_us == 0) s->worst = (struct provider_sums){.n = 0};
    else keep_worst(g, s, l->now_us);
    if (s->failing_us != 0) h->verdict = blame(g);
}

static void judge_slow(const struct look *l, struct provider_series *s, struct provider_health *h) {
    struct provider_sums t;
    provider_series_sums(s, l->now_us, SLOW_CELLS, &t);
    h->slow = (struct signal_value){t.first > 0 ? t.slow / t.first : NAN, t.first, t.slow, t.last_us};
    double chance = t.first > 0 && t.slow >= SLOW_SHARE * t.first ? watch_tail(t.slow, t.first, SLOW_NORMAL) : 1;
    if (s->slow_since_us == 0 && chance <= l->chance) s->slow_since_us = l->now_us;
    else if (s->slow_since_us != 0 && ((t.first >= WELL_LEAST && t.slow < SLOW_OVER * t.first) || l->now_us - s->seen_us >= FORGET_US)) s->slow_since_us = 0;
    if (s->slow_since_us == 0 || s->failing_us != 0) return;
    h->verdict = PROVIDER_SLOW;
    h->chance = chance;
    h->threshold = l->chance;
}

static struct signal_value share_of(double hits, const struct provider_sums *t) {
    return (struct signal_value){t->n > 0 ? hits / t->n : NAN, t->n, hits, t->last_us};
}

static void judge(struct look *l, const struct provider *p, struct provider_series *s, const struct provider_series *of) {
    struct provider_health *h = &l->rows[l->n++];
    bool whole = s->model[0] == 0;
    struct provider_ground g = {.series = s, .whole = of, .seen = whole ? seen_of(l, p->name) : NULL, .normal = provider_normal_high(s),
                                .learned = provider_series_trials(s) >= PROVIDER_LEAST};
    provider_series_sums(s, l->now_us, LIVE_CELLS, &g.sums);
    count_probes(l, &g, s);
    if (g.sums.n > 0 || g.probes > 0 || s->seen_us == 0) s->seen_us = l->now_us;
    feed_rise(l, s);
    find_cause(&g);
    count_others(l, &g, p);
    *h = (struct provider_health){.provider = arena_slice(l->arena, slice_of(s->provider)),
                                  .upstream_model = whole ? SLICE_NULL : arena_slice(l->arena, slice_of(s->model)),
                                  .errors = share_of(g.sums.failed, &g.sums), .limited = share_of(g.sums.causes[CAUSE_LIMITED], &g.sums),
                                  .timeouts = share_of(g.sums.causes[CAUSE_TIMEOUT], &g.sums), .truncated = share_of(g.sums.causes[CAUSE_BROKEN], &g.sums),
                                  .ttft_p95 = {.value = NAN, .hits = NAN},
                                  .normal_errors = g.learned ? provider_series_failures(s) / provider_series_trials(s) : NAN,
                                  .normal_ttft_p95 = s->normal_p95_us > 0 ? (double)s->normal_p95_us / 1e6 : NAN};
    h->verdict = g.sums.n > 0 ? PROVIDER_WELL : g.probes == 0 ? PROVIDER_IDLE : g.run == 0 ? PROVIDER_WELL : PROVIDER_UNSURE;
    judge_failures(l, &g, s, h);
    judge_slow(l, s, h);
    h->since_us = s->failing_us != 0 ? s->failing_us : s->slow_since_us;
    provider_tell(h, &g, l->signals, l->now_us, l->arena);
}

/* ---- all of them ---- */

static bool is_shown(const struct look *l, const struct provider_series *s) {
    struct provider_sums sums;
    provider_series_sums(s, l->now_us, RECENT_CELLS, &sums);
    return sums.n > 0 || s->failing_us != 0 || s->slow_since_us != 0;
}

static void judge_models(struct look *l, const struct provider *p, const struct provider_series *whole) {
    for (unsigned i = 0; i < l->policy->n_models; i++) {
        const struct model_route *m = &l->policy->models[i];
        for (unsigned k = 0; k < m->n_targets; k++) {
            if (m->targets[k].provider != p || l->n == l->cap) continue;
            struct provider_series *s = provider_series_of(l->w, slice_of(p->name), slice_of(m->targets[k].model), false);
            bool had = false;
            for (unsigned j = 0; s != NULL && j < l->n; j++)
                had |= slice_is(l->rows[j].provider, p->name) && slice_eq(l->rows[j].upstream_model, slice_of(s->model));
            if (s != NULL && !had && is_shown(l, s)) judge(l, p, s, whole);
        }
    }
}

enum fault watch_provider_look(struct watch_provider *w, const struct policy *p, struct signals *s, const struct provider_seen *seen, unsigned n_seen,
                               int64_t now_us, struct arena *arena, struct provider_health **ret, unsigned *ret_n, struct error *error) {
    struct look l = {.w = w, .policy = p, .signals = s, .seen = seen, .n_seen = n_seen, .now_us = now_us, .arena = arena};
    double wanted = p->alerts.wanted_alarms > 0 ? p->alerts.wanted_alarms : 1;
    unsigned series = 0;
    l.cap = p->n_providers;
    for (unsigned i = 0; i < p->n_models; i++) l.cap += p->models[i].n_targets;
    for (unsigned i = 0; i < p->n_providers; i++) (void)provider_series_of(w, slice_of(p->providers[i].name), SLICE(""), true);
    series = (unsigned)w->by_name.count > 0 ? (unsigned)w->by_name.count : 1;
    l.alarms = wanted * WATCH_SHARE_PROVIDER / STATISTICS / series;
    l.chance = l.alarms / ((double)WATCH_MONTH_US / (double)PROVIDER_LOOK_US);
    l.probe_chance = l.alarms / PROBES_A_MONTH;
    l.rows = arena_new_array(arena, struct provider_health, l.cap + 1);
    if (l.rows == NULL) return error_set(error, FAULT_TOO_LARGE, "a look at the providers has no room");
    for (unsigned i = 0; i < p->n_providers; i++) {
        struct provider_series *whole = provider_series_of(w, slice_of(p->providers[i].name), SLICE(""), false);
        if (whole == NULL || l.n == l.cap) continue;
        judge(&l, &p->providers[i], whole, NULL);
        judge_models(&l, &p->providers[i], whole);
    }
    if (arena_is_full(arena)) return error_set(error, FAULT_TOO_LARGE, "a look at the providers has no room");
    *ret = l.rows;
    *ret_n = l.n;
    return FAULT_NONE;
}
