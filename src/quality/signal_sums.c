/* signal_sums.c - see signal_sums.h. */
#include "quality/signal_sums.h"

#include "base/mem.h"
#include "store/ledger.h"

#include <math.h>

/* How much of each array a family uses. */
static const struct {
    unsigned counts, weights, times;
} shapes[FAMILIES] = {
    [FAMILY_EXCHANGES] = {SIGNAL_COUNTS, 0, SIGNAL_TIMES},
    [FAMILY_ATTEMPTS] = {TRIED_TRUNCATED + 1, 0, 1},
    [FAMILY_SCORES] = {SCORED_VALUES + 1, SIGNAL_WEIGHTS, 0},
};

enum signal_family signal_family_of(enum signal s) {
    switch (signal_info(s).source) {
    case SIGNAL_OF_RECORDS: return FAMILY_EXCHANGES;
    case SIGNAL_OF_ATTEMPTS: return FAMILY_ATTEMPTS;
    case SIGNAL_OF_SCORES: return FAMILY_SCORES;
    case SIGNAL_OF_SPENDING:
    case SIGNAL_OF_SELF: break;
    }
    return FAMILY_READINGS;
}

/* ---- a cell that is filling ---- */

void signal_sums_init(struct signal_sums *s) { *s = (struct signal_sums){.last_us = 0}; }

void signal_sums_deinit(struct signal_sums *s) {
    for (unsigned i = 0; i < SIGNAL_TIMES; i++) histogram_deinit(&s->times[i]);
}

void signal_sums_clear(struct signal_sums *s) {
    memset(s->counts, 0, sizeof s->counts);
    memset(s->weights, 0, sizeof s->weights);
    for (unsigned i = 0; i < SIGNAL_TIMES; i++) {
        struct histogram *h = &s->times[i];
        *h = (struct histogram){.buckets = h->buckets, .capacity = h->capacity};
    }
    s->last_us = 0;
}

static void newest(int64_t *last_us, int64_t at_us) {
    if (at_us > *last_us) *last_us = at_us;
}

/* Providers report counts: a silly one must not wrap the sum. */
static void add_held(int64_t *sum, int64_t n) {
    if (__builtin_add_overflow(*sum, n, sum)) *sum = n < 0 ? INT64_MIN : INT64_MAX;
}

bool signal_is_declined(const struct record *r) {
    return slice_is(r->finish_reason, "refusal") || slice_is(r->finish_reason, "content_filter") || r->error == FAULT_UP_CONTENT_POLICY;
}

void signal_sums_merge(struct signal_sums *into, const struct signal_sums *from) {
    for (unsigned i = 0; i < SIGNAL_COUNTS; i++) add_held(&into->counts[i], from->counts[i]);
    for (unsigned i = 0; i < SIGNAL_WEIGHTS; i++) into->weights[i] += from->weights[i];
    for (unsigned i = 0; i < SIGNAL_TIMES; i++) histogram_merge(&into->times[i], &from->times[i]);
    newest(&into->last_us, from->last_us);
}

static void add_times(struct signal_sums *s, const struct record *r) { /* as the rollups do, so that the past can be read from them */
    if (r->status != RECORD_REFUSED && r->duration_us >= 0) histogram_add(&s->times[TIME_WHOLE], r->duration_us);
    if (r->ttft_us < 0) return;
    histogram_add(&s->times[TIME_FIRST], r->ttft_us);
    if (r->usage.output > 1 && r->duration_us >= r->ttft_us)
        histogram_add(&s->times[TIME_TOKEN], (r->duration_us - r->ttft_us) / (r->usage.output - 1));
}

void signal_sums_exchange(struct signal_sums *s, const struct record *r, const struct signal_marks *m, int64_t at_us) {
    int64_t *c = s->counts;
    bool declined = signal_is_declined(r), answered = r->status == RECORD_OK || r->status == RECORD_TRUNCATED;
    c[SUM_ALL]++;
    c[SUM_REFUSED] += r->status == RECORD_REFUSED;
    c[SUM_CANCELLED] += r->status == RECORD_CANCELLED;
    c[SUM_ERRORS] += r->status == RECORD_ERROR || r->status == RECORD_DEGRADED;
    c[SUM_TRUNCATED] += r->status == RECORD_TRUNCATED;
    c[SUM_FINISHED] += answered || declined;
    c[SUM_DECLINED] += declined;
    c[SUM_ALIKE] += m->alike;
    c[SUM_SLOW] += m->alike && m->slow;
    c[SUM_ASKED] += m->asked;
    c[SUM_ASKED_AGAIN] += m->asked && m->again;
    c[SUM_GAVE_UP] += m->gave_up;
    if (answered && r->usage.output >= 0) {
        c[SUM_COUNTED]++;
        add_held(&c[SUM_OUTPUT], r->usage.output);
    }
    if (money_is_known(r->cost_nano)) {
        c[SUM_PRICED]++;
        add_held(&c[SUM_COST], r->cost_nano);
    }
    add_times(s, r);
    newest(&s->last_us, at_us);
}

void signal_sums_rollup(struct signal_sums *s, const struct rollup *r) {
    static const enum rollup_histogram as[SIGNAL_TIMES] = {[TIME_WHOLE] = ROLLUP_DURATION, [TIME_FIRST] = ROLLUP_FIRST_TOKEN, [TIME_TOKEN] = ROLLUP_PER_TOKEN};
    int64_t *c = s->counts;
    add_held(&c[SUM_ALL], (int64_t)r->count);
    add_held(&c[SUM_REFUSED], (int64_t)r->by_status[RECORD_REFUSED]);
    add_held(&c[SUM_CANCELLED], (int64_t)r->by_status[RECORD_CANCELLED]);
    add_held(&c[SUM_ERRORS], (int64_t)(r->by_status[RECORD_ERROR] + r->by_status[RECORD_DEGRADED]));
    add_held(&c[SUM_TRUNCATED], (int64_t)r->by_status[RECORD_TRUNCATED]);
    add_held(&c[SUM_PRICED], (int64_t)(r->count - r->unpriced));
    add_held(&c[SUM_COST], r->cost_nano);
    for (unsigned i = 0; i < SIGNAL_TIMES; i++) histogram_merge(&s->times[i], &r->histograms[as[i]]);
    newest(&s->last_us, r->start_us);
}

bool signal_attempt_counts(const struct record *r, unsigned attempt) { return r->attempts[attempt].error != FAULT_BREAKER_OPEN; }

enum fault signal_attempt_fault(const struct record *r, unsigned attempt) {
    enum fault f = r->attempts[attempt].error;
    bool cut = attempt + 1 == r->n_attempts && r->status == RECORD_TRUNCATED && (f == FAULT_UP_RESET || f == FAULT_UP_STALLED);
    return cut ? FAULT_UP_TRUNCATED : f;
}

bool signal_fault_is_limit(enum fault f) { return f == FAULT_UP_RATE_LIMITED || f == FAULT_UP_QUOTA; }
bool signal_fault_is_timeout(enum fault f) { return f == FAULT_UP_TIMEOUT || f == FAULT_UP_STALLED; }

bool signal_fault_is_theirs(enum fault f) {
    switch (f) {
    case FAULT_UP_RATE_LIMITED:
    case FAULT_UP_OVERLOADED:
    case FAULT_UP_SERVER:
    case FAULT_UP_TIMEOUT:
    case FAULT_UP_STALLED:
    case FAULT_UP_CONNECT:
    case FAULT_UP_RESET:
    case FAULT_UP_TRUNCATED:
    case FAULT_UP_MALFORMED: return true;
    default: return false;
    }
}

int64_t signal_attempt_first_us(const struct record *r, unsigned attempt) {
    if (attempt + 1 != r->n_attempts || r->ttft_us < 0) return -1;
    enum fault f = r->attempts[attempt].error;
    if (f != FAULT_NONE && r->status != RECORD_TRUNCATED) return -1;
    if (attempt == 0) return r->ttft_us;
    int64_t began_us = r->duration_us - (int64_t)r->attempts[attempt].ms * 1000;
    return began_us < 0 ? r->ttft_us : r->ttft_us > began_us ? r->ttft_us - began_us : 0;
}

void signal_sums_attempt(struct signal_sums *s, const struct record *r, unsigned attempt, int64_t at_us) {
    enum fault f = signal_attempt_fault(r, attempt);
    int64_t first_us = signal_attempt_first_us(r, attempt);
    s->counts[TRIED_ALL]++;
    s->counts[TRIED_JUDGED] += f != FAULT_CANCELLED;
    s->counts[TRIED_FAILED] += signal_fault_is_theirs(f);
    s->counts[TRIED_LIMITED] += signal_fault_is_limit(f);
    s->counts[TRIED_TIMEOUT] += signal_fault_is_timeout(r->attempts[attempt].error);
    s->counts[TRIED_TRUNCATED] += f == FAULT_UP_TRUNCATED;
    if (first_us >= 0) histogram_add(&s->times[0], first_us);
    newest(&s->last_us, at_us);
}

void signal_sums_score(struct signal_sums *s, double score, double weight, bool good, bool failed, int64_t at_us) {
    s->counts[SCORED_VALUES]++;
    s->weights[WEIGHT_ALL] += weight;
    s->weights[WEIGHT_SQUARES] += weight * weight;
    s->weights[WEIGHT_SCORE] += weight * score;
    s->weights[WEIGHT_GOOD] += good ? weight : 0;
    s->weights[WEIGHT_FAILED] += failed ? weight : 0;
    newest(&s->last_us, at_us);
}

/* ---- adding up ---- */

struct signal_total *signal_total_new(void) {
    struct signal_total *t = mem_new(struct signal_total);
    histogram_init(&t->scratch);
    return t;
}

void signal_total_free(struct signal_total *t) {
    if (t == NULL) return;
    histogram_deinit(&t->scratch);
    mem_free(t);
}

void signal_total_clear(struct signal_total *t) {
    memset(t->counts, 0, sizeof t->counts);
    memset(t->weights, 0, sizeof t->weights);
    t->last_us = 0;
    for (unsigned i = 0; i < SIGNAL_TIMES; i++) {
        struct signal_spread *d = &t->times[i];
        if (d->to > d->from) memset(d->at + d->from, 0, (size_t)(d->to - d->from) * sizeof d->at[0]);
        d->count = d->zero = 0;
        d->min = d->max = 0;
        d->from = d->to = 0;
    }
}

static void spread_widen(struct signal_spread *d, uint64_t count, uint64_t zero, int64_t min, int64_t max) {
    if (d->count == 0 || min < d->min) d->min = min;
    if (d->count == 0 || max > d->max) d->max = max;
    d->count += count;
    d->zero += zero;
}

/* `index` is the histogram's, from -1. */
static inline void spread_add(struct signal_spread *d, int32_t index, uint64_t count) {
    int32_t at = index + 1;
    if (d->to == d->from) d->from = at, d->to = at + 1;
    if (at < d->from) d->from = at;
    if (at >= d->to) d->to = at + 1;
    d->at[at] += (uint32_t)count;
}

void signal_total_add_histogram(struct signal_total *t, unsigned time, const struct histogram *h) {
    if (h->count == 0) return;
    spread_widen(&t->times[time], h->count, h->zero, h->min, h->max);
    for (uint32_t i = 0; i < h->used; i++) spread_add(&t->times[time], h->buckets[i].index, h->buckets[i].count);
}

void signal_total_add(struct signal_total *t, enum signal_family f, const struct signal_sums *s) {
    for (unsigned i = 0; i < shapes[f].counts; i++) add_held(&t->counts[i], s->counts[i]);
    for (unsigned i = 0; i < shapes[f].weights; i++) t->weights[i] += s->weights[i];
    for (unsigned i = 0; i < shapes[f].times; i++) signal_total_add_histogram(t, i, &s->times[i]);
    newest(&t->last_us, s->last_us);
}

/* ---- packed ---- counts; weights as they are; each histogram: count, zero, min, max - min, how many buckets, then of each how far
 * behind the one before and its count; the time of the last. Only this file reads what it wrote. */

enum { PACKED_MOST = 10 * (SIGNAL_COUNTS + 1) + 8 * SIGNAL_WEIGHTS + SIGNAL_TIMES * (10 * 5 + SIGNAL_BUCKETS * 8) };

static inline uint8_t *put(uint8_t *at, uint64_t n) {
    for (; n >= 0x80; n >>= 7) *at++ = (uint8_t)(n | 0x80);
    *at++ = (uint8_t)n;
    return at;
}

static inline const uint8_t *take(const uint8_t *at, uint64_t *ret) {
    uint64_t n = *at & 0x7F;
    for (unsigned shift = 7; *at++ & 0x80; shift += 7) n |= (uint64_t)(*at & 0x7F) << shift;
    *ret = n;
    return at;
}

static uint8_t *put_spread(uint8_t *at, const struct signal_spread *d) {
    at = put(at, d->count);
    if (d->count == 0) return at;
    uint64_t used = 0;
    for (int32_t i = d->from; i < d->to; i++) used += d->at[i] > 0;
    at = put(at, d->zero);
    at = put(at, (uint64_t)d->min);
    at = put(at, (uint64_t)(d->max - d->min));
    at = put(at, used);
    for (int32_t i = d->from, last = 0; i < d->to; i++) {
        if (d->at[i] == 0) continue;
        at = put(at, (uint64_t)(i - last));
        at = put(at, d->at[i]);
        last = i;
    }
    return at;
}

static const uint8_t *take_spread(const uint8_t *at, struct signal_spread *d) {
    uint64_t count, zero, min, spread, used, step, n;
    at = take(at, &count);
    if (count == 0) return at;
    at = take(at, &zero);
    at = take(at, &min);
    at = take(at, &spread);
    at = take(at, &used);
    spread_widen(d, count, zero, (int64_t)min, (int64_t)(min + spread));
    for (int32_t i = 0; used > 0; used--) {
        at = take(at, &step);
        at = take(at, &n);
        i += (int32_t)step;
        spread_add(d, i - 1, n);
    }
    return at;
}

struct signal_packed *signal_pack(const struct signal_total *t, enum signal_family f, int64_t slot) {
    uint8_t bytes[PACKED_MOST], *at = bytes;
    for (unsigned i = 0; i < shapes[f].counts; i++) at = put(at, (uint64_t)t->counts[i] << 1 ^ (uint64_t)(t->counts[i] >> 63));
    for (unsigned i = 0; i < shapes[f].weights; i++, at += sizeof(double)) memcpy(at, &t->weights[i], sizeof(double));
    for (unsigned i = 0; i < shapes[f].times; i++) at = put_spread(at, &t->times[i]);
    at = put(at, (uint64_t)(t->last_us > 0 ? t->last_us : 0));
    size_t len = (size_t)(at - bytes);
    struct signal_packed *p = mem_alloc(sizeof *p + len);
    p->slot = slot;
    p->len = (uint32_t)len;
    memcpy(p->bytes, bytes, len);
    return p;
}

void signal_total_add_packed(struct signal_total *t, enum signal_family f, const struct signal_packed *p) {
    const uint8_t *at = p->bytes;
    uint64_t n;
    for (unsigned i = 0; i < shapes[f].counts; i++) {
        at = take(at, &n);
        add_held(&t->counts[i], (int64_t)(n >> 1 ^ (0 - (n & 1))));
    }
    for (unsigned i = 0; i < shapes[f].weights; i++, at += sizeof(double)) {
        double w;
        memcpy(&w, at, sizeof w);
        t->weights[i] += w;
    }
    for (unsigned i = 0; i < shapes[f].times; i++) at = take_spread(at, &t->times[i]);
    (void)take(at, &n);
    newest(&t->last_us, (int64_t)n);
}

/* ---- values ---- */

static struct signal_value share_of(int64_t hits, int64_t n) {
    return (struct signal_value){.value = n > 0 ? (double)hits / (double)n : NAN, .n = (double)n, .hits = (double)hits};
}

static struct signal_value mean_of(int64_t sum, int64_t n, double unit) {
    return (struct signal_value){.value = n > 0 ? (double)sum * unit / (double)n : NAN, .n = (double)n, .hits = NAN};
}

/* The sum of nothing is 0, and known. Of what has no price it is unknown. */
static struct signal_value sum_of(int64_t sum, int64_t n, int64_t all, double unit) {
    return (struct signal_value){.value = n > 0 || all == 0 ? (double)sum * unit : NAN, .n = (double)n, .hits = NAN};
}

static struct signal_value quantile_of_time(struct signal_total *t, unsigned time, double q) {
    const struct signal_spread *d = &t->times[time];
    struct signal_value v = {.value = NAN, .n = (double)d->count, .hits = NAN};
    struct histogram *h = &t->scratch;
    if (d->count == 0) return v;
    uint32_t most = (uint32_t)(d->to - d->from);
    if (most > h->capacity) {
        h->buckets = mem_resize(h->buckets, most * sizeof *h->buckets);
        h->capacity = most;
    }
    h->used = 0;
    for (int32_t i = d->from; i < d->to; i++)
        if (d->at[i] > 0) h->buckets[h->used++] = (struct histogram_bucket){.index = i - 1, .count = d->at[i]};
    h->count = d->count, h->zero = d->zero, h->min = d->min, h->max = d->max;
    v.value = histogram_quantile(h, q) * 1e-6;
    return v;
}

static struct signal_value of_scores(const struct signal_total *t, enum signal which) {
    const double *w = t->weights;
    struct signal_value v = {.value = NAN, .n = w[WEIGHT_SQUARES] > 0 ? w[WEIGHT_ALL] * w[WEIGHT_ALL] / w[WEIGHT_SQUARES] : 0, .hits = NAN};
    if (w[WEIGHT_ALL] <= 0) return v;
    if (which == SIGNAL_QUALITY_SCORE) {
        v.value = w[WEIGHT_SCORE] / w[WEIGHT_ALL];
        return v;
    }
    v.value = (which == SIGNAL_QUALITY_GOOD ? w[WEIGHT_GOOD] : w[WEIGHT_FAILED]) / w[WEIGHT_ALL];
    if (which == SIGNAL_FORMAT_VALID) v.value = 1 - v.value;
    v.hits = v.value * v.n;
    return v;
}

static struct signal_value of_attempts(struct signal_total *t, enum signal which) {
    const int64_t *c = t->counts;
    switch (which) {
    case SIGNAL_PROVIDER_REQUESTS: return sum_of(c[TRIED_ALL], c[TRIED_ALL], c[TRIED_ALL], 1);
    case SIGNAL_PROVIDER_ERRORS: return share_of(c[TRIED_FAILED], c[TRIED_JUDGED]);
    case SIGNAL_PROVIDER_LIMITED: return share_of(c[TRIED_LIMITED], c[TRIED_JUDGED]);
    case SIGNAL_PROVIDER_TIMEOUTS: return share_of(c[TRIED_TIMEOUT], c[TRIED_JUDGED]);
    case SIGNAL_PROVIDER_TRUNCATED: return share_of(c[TRIED_TRUNCATED], c[TRIED_JUDGED]);
    default: return quantile_of_time(t, 0, signal_info(which).quantile);
    }
}

static struct signal_value of_exchanges(struct signal_total *t, enum signal which) {
    const int64_t *c = t->counts;
    int64_t judged = c[SUM_ALL] - c[SUM_REFUSED] - c[SUM_CANCELLED];
    switch (which) {
    case SIGNAL_REQUESTS: return sum_of(c[SUM_ALL], c[SUM_ALL], c[SUM_ALL], 1);
    case SIGNAL_ERRORS: return share_of(c[SUM_ERRORS], judged);
    case SIGNAL_REFUSED: return share_of(c[SUM_REFUSED], c[SUM_ALL]);
    case SIGNAL_TRUNCATED: return share_of(c[SUM_TRUNCATED], judged);
    case SIGNAL_LATENCY_SLOW: return share_of(c[SUM_SLOW], c[SUM_ALIKE]);
    case SIGNAL_RETRIES: return share_of(c[SUM_ASKED_AGAIN], c[SUM_ASKED]);
    case SIGNAL_GAVE_UP: return sum_of(c[SUM_GAVE_UP], c[SUM_ASKED], c[SUM_ALL], 1);
    case SIGNAL_OUTPUT_TOKENS: return mean_of(c[SUM_OUTPUT], c[SUM_COUNTED], 1);
    case SIGNAL_REFUSALS: return share_of(c[SUM_DECLINED], c[SUM_FINISHED]);
    case SIGNAL_COST_PER_REQUEST: return mean_of(c[SUM_COST], c[SUM_PRICED], 1e-9);
    case SIGNAL_COST_TOTAL: return sum_of(c[SUM_COST], c[SUM_PRICED], c[SUM_ALL], 1e-9);
    case SIGNAL_LATENCY_P50:
    case SIGNAL_LATENCY_P90:
    case SIGNAL_LATENCY_P95:
    case SIGNAL_LATENCY_P99: return quantile_of_time(t, TIME_WHOLE, signal_info(which).quantile);
    case SIGNAL_PER_TOKEN_P50:
    case SIGNAL_PER_TOKEN_P95:
    case SIGNAL_PER_TOKEN_P99: return quantile_of_time(t, TIME_TOKEN, signal_info(which).quantile);
    default: return quantile_of_time(t, TIME_FIRST, signal_info(which).quantile);
    }
}

struct signal_value signal_total_value(struct signal_total *t, enum signal which) {
    struct signal_value v = {.value = NAN, .hits = NAN};
    switch (signal_family_of(which)) {
    case FAMILY_EXCHANGES: v = of_exchanges(t, which); break;
    case FAMILY_ATTEMPTS: v = of_attempts(t, which); break;
    case FAMILY_SCORES: v = of_scores(t, which); break;
    default: break;
    }
    v.last_us = t->last_us;
    return v;
}
