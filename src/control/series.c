#include "control/series.h"

#include "base/mem.h"
#include "base/table.h"
#include "stats/mean.h"
#include "stats/proportion.h"
#include "stats/quantile.h"
#include "store/scored_sums.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define CONFIDENCE 0.95
#define MINUTE_US 60000000LL
#define HOUR_US (60 * MINUTE_US)
#define DAY_US (24 * HOUR_US)
enum { POINTS_WANTED = 420, POINTS_MOST = 4 << 20 }; /* 128 MiB of them */

static const struct {
    const char *name, *unit;
    unsigned quantile;
    enum rollup_histogram histogram;
} metrics[] = {
#define METRIC(symbol, name, unit, quantile, histogram, meaning) {name, unit, quantile, histogram},
    SERIES_TABLE(METRIC)
#undef METRIC
};

const char *series_name(enum series_metric m) { return metrics[m].name; }
const char *series_unit(enum series_metric m) { return metrics[m].unit; }
unsigned series_without(enum series_metric m) { return metrics[m].quantile > 0 ? ROLLUP_WITHOUT_ALL & ~(1u << metrics[m].histogram) : ROLLUP_WITHOUT_ALL; }

bool series_ask_parse(struct slice name, struct series_ask *ret) {
    for (unsigned i = 0; i < SERIES_METRICS; i++) {
        if (!slice_is(name, metrics[i].name)) continue;
        *ret = (struct series_ask){(enum series_metric)i, name, SLICE_NULL};
        return true;
    }
    struct slice head = SLICE("quality.");
    if (!slice_starts(name, head) || name.len == head.len) return false;
    *ret = (struct series_ask){SERIES_QUALITY, name, slice_make(name.at + head.len, name.len - head.len)};
    return true;
}

void series_names(char out[SERIES_NAMES_TEXT]) {
    size_t n = 0;
    for (unsigned i = 0; i < SERIES_METRICS && n < SERIES_NAMES_TEXT; i++)
        n += (size_t)snprintf(out + n, SERIES_NAMES_TEXT - n, "%s%s", i > 0 ? ", " : "", metrics[i].name);
}

/* ---- one point ---- */

static struct series_point share(uint64_t k, uint64_t n) {
    if (n == 0) return SERIES_UNKNOWN;
    struct interval i = proportion_wilson((double)k, (double)n, CONFIDENCE);
    return (struct series_point){(double)k / (double)n, (double)n, i.low, i.high};
}

static struct series_point sum(double value, uint64_t n) { return (struct series_point){value, (double)n, NAN, NAN}; }

static struct series_point quantile(const struct histogram *h, double q) {
    uint64_t first, last;
    double unused;
    struct series_point p = SERIES_UNKNOWN;
    if (h->count == 0) return p;
    p.n = (double)h->count;
    p.value = histogram_quantile(h, q) / 1000;
    if (!quantile_ranks(h->count, q, CONFIDENCE, &first, &last)) return p;
    histogram_rank(h, first, &p.low, &unused);
    histogram_rank(h, last, &unused, &p.high);
    p.low /= 1000;
    p.high /= 1000;
    return p;
}

static struct series_point mean_cost(const struct rollup *r, uint64_t priced) {
    if (priced == 0) return SERIES_UNKNOWN;
    double n = (double)priced, total = (double)r->cost_nano;
    struct series_point p = {total / n / 1e9, n, NAN, NAN};
    if (priced < 2 || r->plain > 0) return p; /* squares are not known of all */
    double variance = (r->cost_square - total * total / n) / (n - 1);
    if (!(variance > 0)) return p; /* all cost the same, which says nothing about the next */
    struct estimate e = {p.value, sqrt(variance / n) / 1e9, n - 1, {NAN, NAN}, (size_t)priced, (size_t)priced};
    struct interval i = mean_interval(&e, n, 0, 0, CONFIDENCE);
    p.low = fmax(i.low, 0);
    p.high = i.high;
    return p;
}

struct series_point series_of_rollup(enum series_metric m, const struct rollup *r) {
    uint64_t judged = r->count - r->by_status[RECORD_REFUSED] - r->by_status[RECORD_CANCELLED], priced = r->count - r->unpriced;
    uint64_t errors = r->by_status[RECORD_ERROR] + r->by_status[RECORD_DEGRADED];
    if (metrics[m].quantile > 0) return quantile(&r->histograms[metrics[m].histogram], metrics[m].quantile / 1000.0);
    switch (m) {
    case SERIES_REQUESTS: return sum((double)r->count, r->count);
    case SERIES_ERRORS: return sum((double)errors, judged);
    case SERIES_ERROR_RATE: return share(errors, judged);
    case SERIES_REFUSED: return sum((double)r->by_status[RECORD_REFUSED], r->count);
    case SERIES_TRUNCATED_RATE: return share(r->by_status[RECORD_TRUNCATED], judged);
    case SERIES_COST: return sum(r->count > 0 && priced == 0 ? NAN : (double)r->cost_nano / 1e9, priced);
    case SERIES_COST_PER_REQUEST: return mean_cost(r, priced);
    case SERIES_INPUT_TOKENS: return sum((double)r->input, r->count);
    case SERIES_OUTPUT_TOKENS: return sum((double)r->output, r->count);
    case SERIES_CACHE_HITS: return sum(r->plain > 0 ? NAN : (double)r->cache_hits, r->count - r->plain);
    case SERIES_SAVED: return sum(r->plain > 0 ? NAN : (double)r->saved_nano / 1e9, r->cache_hits);
    default: return SERIES_UNKNOWN;
    }
}

struct series_point series_of_scores(const struct weighted_sums *s) {
    struct estimate e = weighted_of_sums(s, 0, 1, CONFIDENCE);
    return (struct series_point){e.value, s->n, e.interval.low, e.interval.high};
}

/* ---- what is told apart ---- */

static const struct {
    const char *name;
    unsigned rollup;
    size_t offset;
    int scored; /* -1: scores are not kept by it */
} bys[] = {
    [SERIES_BY_NOTHING] = {"", 0, 0, SCORED_BY_NOTHING},
    [SERIES_BY_APPLICATION] = {"application", BY_APPLICATION, offsetof(struct rollup, application), SCORED_BY_APPLICATION},
    [SERIES_BY_REQUEST_TYPE] = {"request_type", BY_REQUEST_TYPE, offsetof(struct rollup, request_type), SCORED_BY_REQUEST_TYPE},
    [SERIES_BY_MODEL] = {"model", BY_MODEL, offsetof(struct rollup, model), -1},
    [SERIES_BY_PROMPT] = {"prompt", BY_PROMPT, offsetof(struct rollup, prompt), SCORED_BY_PROMPT},
    [SERIES_BY_PROVIDER] = {"provider", BY_PROVIDER, offsetof(struct rollup, provider), -1},
};

bool series_by_parse(struct slice name, enum series_by *ret) {
    for (unsigned i = SERIES_BY_APPLICATION; i < sizeof bys / sizeof *bys; i++) {
        if (!slice_is(name, bys[i].name)) continue;
        *ret = (enum series_by)i;
        return true;
    }
    return false;
}

/* ---- steps ---- */

int64_t series_choose_step(const struct series_query *q) {
    static const int64_t steps[] = {MINUTE_US, 5 * MINUTE_US, HOUR_US, 2 * HOUR_US, 6 * HOUR_US, DAY_US};
    int64_t span = q->to_us - q->from_us;
    /* what few rows are kept of: of prompts days and hours alone, of other combinations days */
    bool prompts = q->by == SERIES_BY_PROMPT || !slice_is_null(q->prompt), provider = q->by == SERIES_BY_PROVIDER || q->by == SERIES_BY_MODEL || !slice_is_null(q->provider) || !slice_is_null(q->model);
    bool type = q->by == SERIES_BY_REQUEST_TYPE || !slice_is_null(q->request_type), many = prompts + provider + type > 1;
    unsigned least = many && span > 2 * DAY_US ? 5 : prompts && span > 8 * DAY_US ? 5 : (prompts || many) && span > 3 * HOUR_US ? 2 : 0;
    for (unsigned i = least; i < sizeof steps / sizeof *steps; i++)
        if (span / steps[i] <= POINTS_WANTED) return steps[i];
    return (span / SERIES_STEPS / DAY_US + 1) * DAY_US;
}

bool series_align(struct series_query *q) {
    if (q->from_us < 0) q->from_us = 0;
    q->from_us -= q->from_us % q->step_us;
    q->to_us += (q->step_us - q->to_us % q->step_us) % q->step_us;
    return (q->to_us - q->from_us) / q->step_us <= SERIES_STEPS;
}

/* ---- reading ---- */

struct reading {
    const struct series_query *q;
    struct series_set set;
    struct table by_label;
    int64_t oldest_us; /* begin of the first day with records; INT64_MAX: there is none */
    unsigned ask;      /* of the scores that are read */
    bool too_large;
};

/* What a step without exchanges has: nothing where something is known of it. */
static struct series_point empty(const struct reading *r, unsigned ask, unsigned step) {
    static const struct rollup nothing;
    int64_t start = r->q->from_us + step * r->q->step_us;
    if (start > r->q->now_us || start + r->q->step_us <= r->oldest_us) return SERIES_UNKNOWN;
    return series_of_rollup(r->q->asks[ask].metric, &nothing);
}

/* NULL: there is no room. */
static struct series_line *line_of(struct reading *r, struct slice label) {
    static const char none = 0;
    struct slice key = slice_is_null(label) ? slice_make(&none, 1) : label; /* no label holds a NUL */
    struct series_set *s = &r->set;
    struct series_line *line = table_get(&r->by_label, key);
    size_t points = (size_t)s->n_asks * s->n_steps;
    if (line != NULL) return line;
    if ((s->n_lines + 1) * points > POINTS_MOST) {
        r->too_large = true;
        return NULL;
    }
    line = mem_new(struct series_line);
    line->label = slice_is_null(label) ? label : slice_make(mem_copy(label.at, label.len), label.len);
    line->points = mem_new_array(struct series_point, points + 1);
    for (unsigned a = 0; a < s->n_asks; a++)
        for (unsigned i = 0; i < s->n_steps; i++) line->points[a * s->n_steps + i] = empty(r, a, i);
    s->lines = mem_resize(s->lines, (s->n_lines + 1) * sizeof *s->lines);
    s->lines[s->n_lines++] = line;
    table_put(&r->by_label, key, line);
    return line;
}

static bool add_rollup(void *ctx, const struct rollup *u) {
    struct reading *r = ctx;
    struct slice label = SLICE_NULL;
    if (r->q->by != SERIES_BY_NOTHING) memcpy(&label, (const char *)u + bys[r->q->by].offset, sizeof label);
    struct series_line *line = line_of(r, label);
    if (line == NULL) return false;
    int64_t step = (u->start_us - r->q->from_us) / r->q->step_us;
    line->requests += (double)u->count;
    for (unsigned a = 0; a < r->set.n_asks && step >= 0 && step < r->set.n_steps; a++)
        if (r->q->asks[a].metric != SERIES_QUALITY) line->points[a * r->set.n_steps + (unsigned)step] = series_of_rollup(r->q->asks[a].metric, u);
    return true;
}

static bool add_scores(void *ctx, const struct scored_sum *s) {
    struct reading *r = ctx;
    struct series_line *line = line_of(r, s->label);
    if (line == NULL) return false;
    int64_t step = (s->start_us - r->q->from_us) / r->q->step_us;
    if (step >= 0 && step < r->set.n_steps) line->points[r->ask * r->set.n_steps + (unsigned)step] = series_of_scores(&s->sums);
    return true;
}

static enum fault read_scores(struct reading *r, struct evaluations *e, struct error *error) {
    const struct series_query *q = r->q;
    /* scores know the model that answered, not the name that was asked for */
    if (e == NULL || bys[q->by].scored < 0 || !slice_is_null(q->provider) || !slice_is_null(q->model)) return FAULT_NONE;
    int64_t step = q->step_us > HOUR_US ? q->step_us : HOUR_US; /* they are kept by the hour */
    struct scored_sums_query ask = {.from_us = q->from_us, .to_us = q->to_us, .step_us = step, .by = (enum scored_by)bys[q->by].scored,
                                    .metric = q->asks[r->ask].of, .application = q->application, .request_type = q->request_type, .prompt = q->prompt};
    return scored_sums(e, &ask, add_scores, r, error);
}

static int by_requests(const void *a, const void *b) {
    const struct series_line *x = *(struct series_line *const *)a, *y = *(struct series_line *const *)b;
    if (x->requests != y->requests) return x->requests < y->requests ? 1 : -1;
    if (slice_is_null(x->label) || slice_is_null(y->label)) return slice_is_null(x->label) - slice_is_null(y->label);
    int order = memcmp(x->label.at, y->label.at, x->label.len < y->label.len ? x->label.len : y->label.len);
    return order != 0 ? order : (x->label.len > y->label.len) - (x->label.len < y->label.len);
}

enum fault series_read(struct ledger *l, struct evaluations *e, const struct series_query *q, struct series_set *ret, struct error *error) {
    struct reading r = {.q = q, .oldest_us = INT64_MAX};
    struct rollup_query ask = {.from_us = q->from_us, .to_us = q->to_us, .step_us = q->step_us, .by = BY_TIME | bys[q->by].rollup,
                               .application = q->application, .request_type = q->request_type, .model = q->model, .provider = q->provider, .prompt = q->prompt, .without = ROLLUP_WITHOUT_ALL};
    for (unsigned i = 0; i < q->n_asks; i++) ask.without &= series_without(q->asks[i].metric);
    r.set.n_steps = (unsigned)((q->to_us - q->from_us) / q->step_us);
    r.set.n_asks = q->n_asks;
    table_init(&r.by_label);
    enum fault fault = ledger_oldest(l, &r.oldest_us, error);
    if (r.oldest_us == 0) r.oldest_us = INT64_MAX;
    if (q->by == SERIES_BY_NOTHING) line_of(&r, SLICE_NULL);
    if (fault == FAULT_NONE) fault = ledger_rollup(l, &ask, add_rollup, &r, error);
    for (r.ask = 0; r.ask < q->n_asks && fault == FAULT_NONE; r.ask++)
        if (q->asks[r.ask].metric == SERIES_QUALITY) fault = read_scores(&r, e, error);
    if (fault == FAULT_NONE && r.too_large)
        fault = error_set(error, FAULT_TOO_LARGE, "too many series of too many points: ask for fewer metrics, a longer step or a shorter window");
    table_deinit(&r.by_label);
    if (r.set.n_lines > 1) qsort(r.set.lines, r.set.n_lines, sizeof *r.set.lines, by_requests);
    if (fault != FAULT_NONE) series_free(&r.set);
    else *ret = r.set;
    return fault;
}

void series_free(struct series_set *s) {
    for (unsigned i = 0; i < s->n_lines; i++) {
        mem_free((char *)s->lines[i]->label.at);
        mem_free(s->lines[i]->points);
        mem_free(s->lines[i]);
    }
    mem_free(s->lines);
    *s = (struct series_set){0};
}

/* ---- writing ---- */

void series_put_number(struct json_writer *w, double value, const char *unit) {
    char text[48];
    if (!isfinite(value)) {
        json_put_null(w);
        return;
    }
    bool whole = value == floor(value) && fabs(value) < 1e15;
    int n = snprintf(text, sizeof text, whole ? "%.0f" : strcmp(unit, "ms") == 0 ? "%.3f" : "%.9g", value);
    json_put_raw(w, slice_make(text, (size_t)n));
}

void series_put_point(struct json_writer *w, const struct series_point *p, const char *unit) {
    series_put_number(w, p->value, unit);
    series_put_number(w, p->n, "count");
    series_put_number(w, p->low, unit);
    series_put_number(w, p->high, unit);
}
