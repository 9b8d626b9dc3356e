#include "quality/summary_private.h"

#include "base/mem.h"

#include <math.h>

const char *summary_verdict_name(enum summary_verdict v) {
    static const char *const names[] = {"passed", "failed", "inconclusive"};
    return names[v];
}

bool summary_families(const struct suite *suite, uint32_t *ret) {
    struct table seen;
    bool any = false;
    table_init(&seen);
    for (uint32_t i = 0; i < suite->n_cases; i++) {
        const struct suite_case *c = &suite->cases[i];
        ret[i] = i;
        if (slice_is_null(c->cluster)) continue;
        any = true;
        uintptr_t first = (uintptr_t)table_get(&seen, c->cluster);
        if (first) ret[i] = (uint32_t)(first - 1);
        else table_put(&seen, c->cluster, (void *)((uintptr_t)i + 1));
    }
    table_deinit(&seen);
    return any;
}

uint32_t summary_families_again(uint32_t *family, size_t n, size_t most) {
    uint32_t *seen = mem_new_array(uint32_t, most + 1), next = 0;
    for (size_t i = 0; i < n; i++) {
        if (seen[family[i]] == 0) seen[family[i]] = ++next;
        family[i] = seen[family[i]] - 1;
    }
    mem_free(seen);
    return next;
}

struct summary *summary_new(const struct suite *suite, unsigned repeat, size_t planned) {
    struct summary *s = mem_new(struct summary);
    s->suite = suite;
    s->repeat = repeat ? repeat : 1;
    s->planned = planned;
    s->free_extra = SUMMARY_NONE;
    s->first = mem_new_array(uint32_t, suite->n_cases + 1);
    s->cluster = mem_new_array(uint32_t, suite->n_cases + 1);
    for (unsigned i = 0; i < suite->n_cases; i++) s->first[i] = SUMMARY_NONE;
    s->clustered = summary_families(suite, s->cluster);
    table_init(&s->by_identity);
    table_init(&s->by_metric);
    return s;
}

void summary_free(struct summary *s) {
    if (s == NULL) return;
    for (size_t i = 0; i < s->n_judges; i++) mem_free((void *)s->judges[i].name.at);
    for (size_t i = 0; i < s->n_metrics; i++) mem_free((void *)s->metrics[i].at);
    for (size_t i = 0; i < s->n_calibrations; i++) mem_free((void *)s->calibrations[i].judge.at);
    table_deinit(&s->by_identity);
    table_deinit(&s->by_metric);
    mem_free(s->first);
    mem_free(s->cluster);
    mem_free(s->rows);
    mem_free(s->extras);
    mem_free(s->judges);
    mem_free(s->metrics);
    mem_free(s->calibrations);
    mem_free(s->stopped);
    mem_free(s);
}

/* Room for one more. */
static void *grown(void *array, size_t n, size_t *capacity, size_t size) {
    if (n < *capacity) return array;
    *capacity = *capacity ? *capacity * 2 : 16;
    return mem_resize(array, *capacity * size);
}

static struct slice own(struct slice text) {
    char *copy = mem_alloc(text.len + 1);
    if (text.len > 0) memcpy(copy, text.at, text.len);
    return slice_make(copy, text.len);
}

static uint32_t judge_index(struct summary *s, const struct result_check *c) {
    struct slice key = slice_make((const char *)c->judge_identity.bytes, DIGEST_BYTES);
    uintptr_t found = (uintptr_t)table_get(&s->by_identity, key);
    if (found) return (uint32_t)(found - 1);
    s->judges = grown(s->judges, s->n_judges, &s->judges_capacity, sizeof *s->judges);
    struct judge_seen *j = &s->judges[s->n_judges];
    *j = (struct judge_seen){.name = own(c->judge), .identity = c->judge_identity};
    for (size_t i = 0; i < s->n_calibrations; i++) {
        if (!digest_eq(&s->calibrations[i].identity, &j->identity)) continue;
        j->has_calibration = true;
        j->calibration = s->calibrations[i];
    }
    table_put(&s->by_identity, key, (void *)(uintptr_t)++s->n_judges);
    return (uint32_t)s->n_judges - 1;
}

static uint32_t metric_index(struct summary *s, struct slice name) {
    uintptr_t found = (uintptr_t)table_get(&s->by_metric, name);
    if (found) return (uint32_t)(found - 1);
    s->metrics = grown(s->metrics, s->n_metrics, &s->metrics_capacity, sizeof *s->metrics);
    s->metrics[s->n_metrics] = own(name);
    table_put(&s->by_metric, name, (void *)(uintptr_t)++s->n_metrics);
    return (uint32_t)s->n_metrics - 1;
}

void summary_calibration(struct summary *s, const struct judge_calibration *c) {
    s->calibrations = grown(s->calibrations, s->n_calibrations, &s->calibrations_capacity, sizeof *c);
    s->calibrations[s->n_calibrations] = *c;
    s->calibrations[s->n_calibrations++].judge = own(c->judge);
    for (size_t i = 0; i < s->n_judges; i++) {
        if (!digest_eq(&s->judges[i].identity, &c->identity)) continue;
        s->judges[i].has_calibration = true;
        s->judges[i].calibration = *c;
        s->judges[i].calibration.judge = s->judges[i].name;
    }
}

void summary_stopped(struct summary *s, const char *why) {
    mem_free(s->stopped);
    s->stopped = why ? mem_text(why) : NULL;
}

static struct extra *add_extra(struct summary *s, struct row *r) {
    uint32_t at = s->free_extra;
    if (at != SUMMARY_NONE) s->free_extra = s->extras[at].next;
    else {
        s->extras = grown(s->extras, s->n_extras, &s->extras_capacity, sizeof *s->extras);
        at = (uint32_t)s->n_extras++;
    }
    s->extras[at] = (struct extra){.next = r->extras};
    r->extras = at;
    return &s->extras[at];
}

static void drop_extras(struct summary *s, struct row *r) {
    while (r->extras != SUMMARY_NONE) {
        uint32_t next = s->extras[r->extras].next;
        s->extras[r->extras].next = s->free_extra;
        s->free_extra = r->extras;
        r->extras = next;
    }
}

/* The named number of one run: the weighted mean of its checks that could tell; a weight of 0 counts as 1, since it is told here only. */
static void add_metric(struct summary *s, struct row *row, const struct result *r, unsigned first) {
    struct slice name = r->checks[first].metric;
    double sum = 0, weight = 0;
    for (unsigned i = 0; i < r->n_checks; i++) {
        const struct result_check *c = &r->checks[i];
        if (slice_is_null(c->metric) || !slice_eq(c->metric, name)) continue;
        if (i < first) return; /* told already */
        if (c->verdict == CHECK_ERROR) continue;
        double w = c->weight > 0 ? c->weight : 1;
        sum += w * c->score;
        weight += w;
    }
    if (weight <= 0) return;
    struct extra *e = add_extra(s, row);
    e->kind = EXTRA_METRIC;
    e->of = metric_index(s, name);
    e->score = (float)(sum / weight);
}

static void add_checks(struct summary *s, struct row *row, const struct result *r) {
    unsigned judged = 0;
    bool entangled = !isnan(s->suite->cases[row->case_at].threshold);
    for (unsigned i = 0; i < r->n_checks; i++) {
        const struct result_check *c = &r->checks[i];
        if (!slice_is_null(c->metric)) add_metric(s, row, r, i);
        if (c->by_judge) {
            uint32_t of = judge_index(s, c);
            struct extra *e = add_extra(s, row);
            e->kind = EXTRA_JUDGE;
            e->of = of;
            e->verdict = (uint8_t)c->verdict;
            e->counts = c->weight > 0;
            e->score = (float)c->score;
        }
        if (!(c->weight > 0)) continue;
        if (!c->by_judge) {
            row->flags |= ROW_OTHERS;
            if (c->verdict != CHECK_PASS) row->flags |= ROW_OTHERS_FAILED;
        } else if (++judged > 1 || slice_starts(c->type, SLICE("not-"))) entangled = true;
    }
    if (judged > 0) row->flags |= entangled ? ROW_ENTANGLED : ROW_JUDGED;
}

static void count(struct summary *s, const struct row *r, bool add) {
    struct summary_counts *c = &s->counts;
    size_t one = add ? 1 : (size_t)-1;
    int64_t sign = add ? 1 : -1;
    c->done += one;
    if (r->verdict == CHECK_PASS) c->passed += one;
    else if (r->verdict == CHECK_FAIL) c->failed += one;
    else c->errors += one;
    if (money_is_known(r->cost_nano)) c->cost_nano += sign * r->cost_nano;
    if (money_is_known(r->judge_cost_nano)) c->judge_cost_nano += sign * r->judge_cost_nano;
    if (!money_is_known(r->cost_nano) || !money_is_known(r->judge_cost_nano)) c->unpriced += one;
}

/* The row of this case and repeat, emptied, or a new one. */
static struct row *row_for(struct summary *s, const struct result *r) {
    for (uint32_t at = s->first[r->case_at]; at != SUMMARY_NONE; at = s->rows[at].next) {
        struct row *row = &s->rows[at];
        if (row->repeat != r->repeat) continue;
        count(s, row, false);
        drop_extras(s, row);
        row->flags = 0;
        return row;
    }
    s->rows = grown(s->rows, s->n_rows, &s->rows_capacity, sizeof *s->rows);
    struct row *row = &s->rows[s->n_rows];
    *row = (struct row){.case_at = r->case_at, .next = s->first[r->case_at], .extras = SUMMARY_NONE, .repeat = (uint16_t)r->repeat};
    s->first[r->case_at] = (uint32_t)s->n_rows++;
    return row;
}

void summary_add(struct summary *s, const struct result *r) {
    if (r->case_at >= s->suite->n_cases || r->repeat > UINT16_MAX) return;
    struct row *row = row_for(s, r);
    row->verdict = (uint8_t)r->verdict;
    row->score = (float)r->score;
    if (r->refused) row->flags |= ROW_REFUSED;
    row->latency_us = r->latency_us < 0 ? UINT32_MAX : r->latency_us >= UINT32_MAX ? UINT32_MAX - 1 : (uint32_t)r->latency_us;
    row->cost_nano = r->cost_nano;
    row->judge_cost_nano = r->judge_cost_nano;
    add_checks(s, row, r);
    count(s, row, true);
}

struct summary_counts summary_counts(const struct summary *s) {
    return s->counts;
}

bool summary_is_whole(const struct summary *s) {
    return s->counts.done >= s->planned && (s->stopped == NULL || s->planned > 0); /* stopped when nothing was left: it is whole */
}
