/* What is normal for a provider: trials and first tokens by record, in cells of the last minutes and a baseline of the last weeks. */
#include "base/mem.h"
#include "incident/watch_provider_private.h"
#include "quality/watch_tell.h"
#include "stats/proportion.h"

#include <limits.h>
#include <stdio.h>

#define WEEK_US (7 * 86400000000LL)
#define DAY_US 86400000000LL
#define SHORT_BLOCK_US 60000000LL
#define LONG_BLOCK_US 600000000LL
#define SHORT_UNTIL 2000.0       /* trials of the baseline: then blocks are long */
#define REFUSE_CHANCE 1e-6
#define GENERIC_FAILURES 0.05
#define LEAST_RATE 0.002

enum provider_cause provider_cause_of(enum fault f) {
    switch ((int)f) {
    case FAULT_UP_SERVER:
    case FAULT_UP_OVERLOADED: return CAUSE_SERVER;
    case FAULT_UP_RATE_LIMITED:
    case FAULT_UP_QUOTA: return CAUSE_LIMITED;
    case FAULT_UP_TIMEOUT:
    case FAULT_UP_STALLED: return CAUSE_TIMEOUT;
    case FAULT_UP_CONNECT: return CAUSE_CONNECT;
    case FAULT_UP_RESET:
    case FAULT_UP_TRUNCATED:
    case FAULT_UP_MALFORMED:
    case FAULT_UP_TOO_LARGE: return CAUSE_BROKEN;
    case FAULT_UP_AUTH: return CAUSE_AUTH;
    default: return PROVIDER_CAUSES;
    }
}

/* ---- series ---- */

struct provider_series *provider_series_of(struct watch_provider *w, struct slice provider, struct slice model, bool add) {
    char name[2 * LIMIT_LABEL + 2];
    int n = snprintf(name, sizeof name, SLICE_FMT "\n" SLICE_FMT, SLICE_ARG(provider), SLICE_ARG(model));
    if (n < 0 || (size_t)n >= sizeof name) return NULL;
    struct slice key = slice_make(name, (size_t)n);
    struct provider_series *s = table_get(&w->by_name, key);
    if (s != NULL || !add) return s;
    if (w->by_name.count >= PROVIDER_SERIES) {
        w->left_out++;
        return NULL;
    }
    s = mem_new(struct provider_series);
    s->provider = mem_copy(name, provider.len + 1);
    s->provider[provider.len] = 0;
    s->model = mem_text(name + provider.len + 1);
    for (unsigned i = 0; i < PROVIDER_CONTEXTS; i++) {
        histogram_init(&s->block.ttft[i]);
        for (unsigned k = 0; k < 2; k++) histogram_init(&s->normal[k].ttft[i]);
    }
    table_put(&w->by_name, key, s);
    return s;
}

static void series_free(struct provider_series *s) {
    for (unsigned i = 0; i < PROVIDER_CONTEXTS; i++) {
        histogram_deinit(&s->block.ttft[i]);
        for (unsigned k = 0; k < 2; k++) histogram_deinit(&s->normal[k].ttft[i]);
    }
    mem_free(s->provider);
    mem_free(s->model);
    mem_free(s);
}

struct watch_provider *watch_provider_new(void) {
    struct watch_provider *w = mem_new(struct watch_provider);
    table_init(&w->by_name);
    return w;
}

void watch_provider_free(struct watch_provider *w) {
    size_t cursor = 0;
    struct slice key;
    void *s;
    if (w == NULL) return;
    while (table_next(&w->by_name, &cursor, &key, &s)) series_free(s);
    table_deinit(&w->by_name);
    mem_free(w);
}

double provider_series_trials(const struct provider_series *s) { return s->normal[0].n + s->normal[1].n; }
double provider_series_failures(const struct provider_series *s) { return s->normal[0].failed + s->normal[1].failed; }

double provider_normal_high(const struct provider_series *s) { return s->normal_high > 0 ? s->normal_high : GENERIC_FAILURES; }

void provider_series_learned(struct provider_series *s) {
    struct histogram all;
    histogram_init(&all);
    for (unsigned i = 0; i < PROVIDER_CONTEXTS; i++) {
        struct histogram h;
        histogram_init(&h);
        for (unsigned k = 0; k < 2; k++) histogram_merge(&h, &s->normal[k].ttft[i]);
        s->slow_us[i] = (double)h.count >= PROVIDER_LEAST ? (int64_t)histogram_quantile(&h, 0.95) : 0;
        histogram_merge(&all, &h);
        histogram_deinit(&h);
    }
    double n = provider_series_trials(s), high = n < PROVIDER_LEAST ? GENERIC_FAILURES : proportion_at_most(provider_series_failures(s), n, 0.95);
    s->normal_high = high > LEAST_RATE ? high : LEAST_RATE;
    s->normal_p95_us = (double)all.count >= PROVIDER_LEAST ? (int64_t)histogram_quantile(&all, 0.95) : 0;
    histogram_deinit(&all);
}

/* ---- blocks ---- */

static void block_clear(struct provider_block *b) {
    b->n = b->failed = b->first = b->slow = 0;
    for (unsigned i = 0; i < PROVIDER_CONTEXTS; i++) {
        histogram_deinit(&b->ttft[i]);
        histogram_init(&b->ttft[i]);
    }
}

/* Surely worse than normal. */
static bool is_bad(const struct provider_series *s, const struct provider_block *b) {
    double normal = provider_normal_high(s);
    bool fails = b->failed >= (normal + PROVIDER_RISE_MARGIN) * b->n && watch_tail(b->failed, b->n, normal) <= REFUSE_CHANCE;
    bool slow = b->slow >= 0.5 * b->first && watch_tail(b->slow, b->first, 0.1) <= REFUSE_CHANCE;
    return b->n > 0 && (fails || slow);
}

static void block_end(struct provider_series *s) {
    struct provider_block *b = &s->block;
    struct provider_normal *now = &s->normal[0];
    bool bad = is_bad(s, b), lasts = s->refused_since_us != 0 && b->since_us - s->refused_since_us >= DAY_US;
    if (!bad) s->refused_since_us = 0;
    else if (s->refused_since_us == 0) s->refused_since_us = b->since_us;
    if (!bad || lasts) {
        if (now->since_us == 0) now->since_us = b->since_us;
        if (b->since_us - now->since_us >= WEEK_US) { /* the older week makes room */
            struct provider_normal old = s->normal[1];
            s->normal[1] = *now;
            for (unsigned i = 0; i < PROVIDER_CONTEXTS; i++) {
                histogram_deinit(&old.ttft[i]);
                histogram_init(&now->ttft[i]);
            }
            now->since_us = b->since_us;
            now->n = now->failed = 0;
        }
        now->n += b->n;
        now->failed += b->failed;
        for (unsigned i = 0; i < PROVIDER_CONTEXTS; i++) histogram_merge(&now->ttft[i], &b->ttft[i]);
        provider_series_learned(s);
    }
    block_clear(b);
}

static struct provider_block *block_at(struct provider_series *s, int64_t at_us) {
    struct provider_block *b = &s->block;
    if (b->since_us != 0 && at_us >= b->to_us) block_end(s);
    if (b->since_us == 0 || at_us >= b->to_us) {
        int64_t length = provider_series_trials(s) < SHORT_UNTIL ? SHORT_BLOCK_US : LONG_BLOCK_US;
        b->since_us = at_us - at_us % length;
        b->to_us = b->since_us + length;
    }
    return b;                    /* what comes late counts in the block that is filling */
}

/* ---- cells ---- */

/* NULL: it is older than all that are kept. */
static struct provider_cell *cell_at(struct provider_series *s, int64_t at_us) {
    int64_t at = at_us / PROVIDER_CELL_US;
    struct provider_cell *c = &s->cells[(uint64_t)at % PROVIDER_CELLS];
    if (c->at > at) return NULL;
    if (c->at < at) *c = (struct provider_cell){.at = at};
    return c;
}

void provider_series_sums(const struct provider_series *s, int64_t now_us, unsigned cells, struct provider_sums *ret) {
    int64_t newest = now_us / PROVIDER_CELL_US, latest_us = 0;
    *ret = (struct provider_sums){.n = 0};
    for (unsigned i = 0; i < PROVIDER_CELLS; i++) {
        const struct provider_cell *c = &s->cells[i];
        if (c->at > newest || c->at + cells < newest) continue; /* the one that is filling comes on top */
        ret->n += c->n;
        ret->first += c->first;
        ret->slow += c->slow;
        for (unsigned k = 0; k < PROVIDER_CAUSES; k++) {
            ret->causes[k] += c->causes[k];
            ret->failed += c->causes[k];
        }
        if (c->last_us > latest_us && c->status != 0) {
            latest_us = c->last_us;
            ret->status = c->status;
        }
        if (c->last_us > ret->last_us) ret->last_us = c->last_us;
    }
}

static unsigned context_of(int64_t input_tokens) {
    static const char *const names[PROVIDER_CONTEXTS] = {"<1k", "1k-4k", "4k-16k", "16k-64k", ">=64k", ""};
    struct slice context = signal_context(input_tokens);
    for (unsigned i = 0; i < PROVIDER_CONTEXTS; i++)
        if (slice_is(context, names[i])) return i;
    return PROVIDER_CONTEXTS - 1;
}

struct provider_trial { int64_t at_us, ttft_us; unsigned context; enum provider_cause cause; int status; };

static void learn(struct provider_series *s, const struct provider_trial *t, bool failed, bool known, bool slow) {
    struct provider_block *b = block_at(s, t->at_us);
    b->n++;
    b->failed += failed;
    b->first += known;
    b->slow += slow;
    if (t->ttft_us >= 0) histogram_add(&b->ttft[t->context], t->ttft_us);
    s->good = failed ? 0 : s->good < UINT_MAX ? s->good + 1 : s->good;
}

static void count(struct provider_series *s, const struct provider_trial *t, bool learns) {
    if (s == NULL) return;
    bool failed = t->cause != PROVIDER_CAUSES, known = t->ttft_us >= 0 && s->slow_us[t->context] > 0;
    bool slow = known && t->ttft_us > s->slow_us[t->context];
    if (learns) learn(s, t, failed, known, slow);
    struct provider_cell *c = cell_at(s, t->at_us);
    if (c == NULL) return;
    c->n++;
    c->first += known;
    c->slow += slow;
    if (failed) c->causes[t->cause]++;
    if (failed && t->cause == CAUSE_SERVER) c->status = t->status;
    if (t->at_us > c->last_us) c->last_us = t->at_us;
}

static void take(struct watch_provider *w, const struct record *r, bool learns) {
    struct provider_trial t = {.at_us = r->time_us + r->duration_us, .context = context_of(r->usage.input)};
    for (unsigned i = 0; i < r->n_attempts; i++) {
        const struct record_attempt *a = &r->attempts[i];
        bool again = a->error == FAULT_CANCELLED || a->error == FAULT_BREAKER_OPEN, new_provider = true;
        for (unsigned k = 0; k < i; k++) {
            bool same = slice_eq(a->provider, r->attempts[k].provider);
            new_provider &= !same;
            again |= same && slice_eq(a->model, r->attempts[k].model);
        }
        if (again) continue;
        t.cause = provider_cause_of(a->error);
        t.status = a->http_status;
        t.ttft_us = r->stream && r->n_attempts == 1 && a->error == FAULT_NONE ? r->ttft_us : -1;
        count(provider_series_of(w, a->provider, a->model, true), &t, learns);
        if (new_provider) count(provider_series_of(w, a->provider, SLICE(""), true), &t, learns);
    }
}

void watch_provider_record(struct watch_provider *w, const struct record *r) { take(w, r, true); }
void watch_provider_former(struct watch_provider *w, const struct record *r) { take(w, r, false); }
