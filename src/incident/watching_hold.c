/* Rules against signals and findings. */
#include "base/json.h"
#include "base/mem.h"
#include "incident/watching_private.h"

#include <math.h>
#include <stdio.h>

enum { SERIES_TEXT = 16 << 10 };

struct held {                    /* one rule of one tick */
    struct tick *t;
    const struct alert_rule *r;
    struct rule_seen *seen;
    struct signal_view *view;
    const struct threshold *of_series[64]; /* accepted ones of single series */
    unsigned n_of_series;
    bool has_alerts;
    struct buffer key;
};

static bool digest_is(const struct digest *a, const struct digest *b) { return memcmp(a->bytes, b->bytes, DIGEST_BYTES) == 0; }

/* The rule's own unless a person accepted another one for this very condition. */
static void find_thresholds(struct held *h) {
    h->seen->threshold = h->r->when.threshold;
    h->seen->clear = h->r->when.clear;
    if (h->r->when.test != ALERT_ABOVE && h->r->when.test != ALERT_BELOW) {
        h->seen->threshold = h->seen->clear = NAN;
        return;
    }
    for (unsigned i = 0; i < h->t->s->n_thresholds; i++) {
        const struct threshold *t = &h->t->s->thresholds[i];
        if (!slice_eq(t->rule, h->r->name) || !digest_is(&t->of, &h->r->digest)) continue;
        if (!slice_is_null(t->series)) {
            if (h->n_of_series < sizeof h->of_series / sizeof *h->of_series) h->of_series[h->n_of_series++] = t;
            continue;
        }
        h->seen->threshold = t->value;
        h->seen->clear = t->clear;
        h->seen->threshold_number = t->number;
    }
}

static void threshold_of(const struct held *h, struct slice series, struct observation *o) {
    o->threshold = h->seen->threshold;
    o->clear = h->seen->clear;
    o->threshold_number = h->seen->threshold_number;
    for (unsigned i = 0; i < h->n_of_series; i++)
        if (slice_eq(h->of_series[i]->series, series)) {
            o->threshold = h->of_series[i]->value;
            o->clear = h->of_series[i]->clear;
            o->threshold_number = h->of_series[i]->number;
        }
}

static void note_worst(struct held *h, double value) {
    struct rule_seen *s = h->seen;
    if (isnan(value)) return;
    bool below = h->r->when.test == ALERT_BELOW;
    if (isnan(s->worst) || (below ? value < s->worst : value > s->worst)) s->worst = value;
}

static void count_state(struct rule_seen *s, const struct alert *a) {
    s->pending += a->row.state == ALERT_PENDING;
    s->firing += (ALERT_ACTIVE >> a->row.state & 1) != 0;
}

static void take(struct held *h, struct slice series, enum alert_observed observed, const struct observation *o) {
    struct alert *a = h->has_alerts ? watching_find(h->t->w, h->r->name, series) : NULL;
    if (a == NULL && observed == OBSERVED_NOTHING && h->r->no_data == NO_DATA_FIRES) observed = OBSERVED_BEYOND;
    if (a == NULL && observed != OBSERVED_BEYOND) return;
    if (a == NULL) a = watching_add(h->t, h->r, series);
    if (a == NULL) return;
    h->has_alerts = true;
    watching_step(h->t, a, h->r, observed, o, SLICE_NULL);
    count_state(h->seen, a);
}

static bool each_series(void *ctx, const struct signal_series *series, const struct signal_value *value) {
    struct held *h = ctx;
    const struct alert_rule *r = h->r;
    struct observation o = {.value = value, .view = h->view, .series = series};
    struct anomaly_look look;
    enum alert_observed observed;
    h->seen->series++;
    bool named = false;
    if (h->has_alerts || h->n_of_series > 0) {
        buffer_clear(&h->key);
        signal_series_write(series, &h->key);
        named = true;
    }
    if (r->when.test == ALERT_ANOMALY) {
        if (h->t->s->anomalies == NULL) return true;
        look = anomaly_look(h->t->s->anomalies, r, h->view, series, h->t->s->now_us);
        observed = look.observed;
        o.anomaly = &look;
        o.threshold = isnan(look.level) ? look.limit : look.level;
        o.clear = NAN;
        if (look.why != NULL && h->seen->idle[0] == '\0') snprintf(h->seen->idle, sizeof h->seen->idle, "%s", look.why);
    } else {
        threshold_of(h, named ? buffer_slice(&h->key) : SLICE_NULL, &o);
        observed = alert_observe(&r->when, o.threshold, o.clear, value->value, value->n);
    }
    note_worst(h, value->value);
    h->seen->silent += observed == OBSERVED_NOTHING;
    bool fires = observed == OBSERVED_BEYOND || (observed == OBSERVED_NOTHING && r->no_data == NO_DATA_FIRES);
    if (!h->has_alerts && !fires) return true; /* the many */
    if (!named) {
        buffer_clear(&h->key);
        signal_series_write(series, &h->key);
    }
    take(h, buffer_slice(&h->key), observed, &o);
    return !arena_is_full(h->t->arena);
}

static bool is_about(const struct alert_rule *r, const struct finding *f) {
    if (!(r->when.findings >> f->kind & 1)) return false;
    return !(r->when.where.by & SIGNAL_BY_BIT(APPLICATION)) || slice_eq(r->when.where.is[SIGNAL_BY_APPLICATION], f->application);
}

static void hold_findings(struct held *h) {
    for (unsigned i = 0; i < h->t->s->n_findings; i++) {
        const struct finding *f = &h->t->s->findings[i];
        struct observation o = {.finding = f, .threshold = NAN, .clear = NAN};
        struct json_writer w;
        if (!is_about(h->r, f)) continue;
        h->seen->series++;
        buffer_clear(&h->key);
        json_start(&w, &h->key);
        json_object(&w);
        json_member_i64(&w, "finding", f->id);
        json_member_text(&w, "kind", finding_kind_name(f->kind));
        if (f->application.len > 0) json_member_string(&w, "application", f->application);
        json_object_end(&w);
        take(h, buffer_slice(&h->key), OBSERVED_BEYOND, &o);
        if (arena_is_full(h->t->arena)) return;
    }
}

static void hold_one(struct tick *t, const struct alert_rule *r, struct rule_seen *seen) {
    struct held h = {.t = t, .r = r, .seen = seen};
    *seen = (struct rule_seen){.rule = r, .worst = NAN};
    h.has_alerts = table_get(&t->w->per_rule, r->name) != NULL;
    buffer_init(&h.key, SERIES_TEXT);
    find_thresholds(&h);
    if (r->when.test == ALERT_FINDING) {
        hold_findings(&h);
    } else {
        h.view = signals_view(t->s->signals, r->when.by, &r->when.where, r->when.window_us);
        signal_view_each(h.view, r->when.signal, r->when.of, each_series, &h);
        if (seen->series == 0)
            snprintf(seen->idle, sizeof seen->idle, "nothing with these labels was seen in the last hour");
    }
    t->ret->series += seen->series;
    buffer_deinit(&h.key);
}

void watching_hold(struct tick *t) {
    struct watching *w = t->w;
    unsigned n = t->s->policy->n_rules;
    if (n > w->seen_room) w->seen = mem_resize(w->seen, (w->seen_room = n) * sizeof *w->seen);
    w->n_seen = n;
    for (unsigned i = 0; i < n; i++) hold_one(t, &t->s->policy->rules[i], &w->seen[i]);
}
