#include "quality/summary_private.h"

#include "base/mem.h"

#include <math.h>

bool summary_passed(const struct summary *s, const struct row *r, uint32_t of, double *ret) {
    (void)s, (void)of;
    *ret = r->verdict == CHECK_PASS;
    return r->verdict != CHECK_ERROR;
}

bool summary_score(const struct summary *s, const struct row *r, uint32_t of, double *ret) {
    (void)s, (void)of;
    *ret = fmin(1, fmax(0, (double)r->score));
    return r->verdict != CHECK_ERROR;
}

bool summary_refused(const struct summary *s, const struct row *r, uint32_t of, double *ret) {
    (void)of;
    *ret = (r->flags & ROW_REFUSED) != 0;
    return r->verdict != CHECK_ERROR && !suite_case_may_refuse(s->suite, &s->suite->cases[r->case_at]);
}

bool summary_metric(const struct summary *s, const struct row *r, uint32_t of, double *ret) {
    for (uint32_t at = r->extras; at != SUMMARY_NONE; at = s->extras[at].next) {
        const struct extra *e = &s->extras[at];
        if (e->kind != EXTRA_METRIC || e->of != of) continue;
        *ret = fmin(1, fmax(0, (double)e->score));
        return true;
    }
    return false;
}

/* The share of its checks in this run that pass. */
bool summary_judged(const struct summary *s, const struct row *r, uint32_t of, double *ret) {
    double passed = 0, told = 0;
    for (uint32_t at = r->extras; at != SUMMARY_NONE; at = s->extras[at].next) {
        const struct extra *e = &s->extras[at];
        if (e->kind != EXTRA_JUDGE || e->of != of || e->verdict == CHECK_ERROR) continue;
        passed += e->verdict == CHECK_PASS;
        told++;
    }
    *ret = told > 0 ? passed / told : 0;
    return told > 0;
}

/* One case's runs. `missing`: those of a run that is not whole that have not come. */
static void add_case(const struct summary *s, uint32_t at, summary_value value, uint32_t about, struct case_rates *c, double *bounds,
                     double *weights) {
    const struct suite_case *k = &s->suite->cases[at];
    double sum = 0, runs = 0, rows = 0, errors = 0;
    for (uint32_t i = s->first[at]; i != SUMMARY_NONE; i = s->rows[i].next) {
        const struct row *r = &s->rows[i];
        double v;
        rows++;
        errors += r->verdict == CHECK_ERROR;
        if (!value(s, r, about, &v)) continue;
        sum += v;
        runs++;
    }
    c->cases += rows > 0;
    c->results += (size_t)rows;
    c->errors += (size_t)errors;
    double missing = summary_is_whole(s) ? 0 : fmax(0, s->repeat - rows);
    c->unasked += rows == 0 && missing > 0;
    if (runs == 0 && rows > 0 && errors == rows) c->blank++;
    bool unknown = rows == 0 ? missing > 0 : runs == 0 && errors == rows;
    if (runs > 0 || unknown) {
        double of = runs > 0 ? runs + missing : 1;
        bounds[0] += k->weight * sum / of;
        bounds[1] += k->weight * (runs > 0 ? sum + missing : 1) / of;
        *weights += k->weight;
    }
    if (runs == 0) return;
    c->value[c->n] = sum / runs;
    c->weight[c->n] = k->weight;
    c->runs[c->n] = runs;
    c->of[c->n] = at;
    c->weighted |= c->n > 0 && k->weight != c->weight[0];
    c->once &= runs == 1;
    c->passed += sum;
    c->n++;
}

void case_rates_of(const struct summary *s, const struct cases_of *of, summary_value value, uint32_t about, struct case_rates *ret) {
    size_t n = of->at ? of->n : s->suite->n_cases;
    double bounds[2] = {0}, weights = 0;
    *ret = (struct case_rates){.once = true};
    ret->value = mem_new_array(double, n + 1);
    ret->weight = mem_new_array(double, n + 1);
    ret->runs = mem_new_array(double, n + 1);
    ret->cluster = mem_new_array(uint32_t, n + 1);
    ret->of = mem_new_array(uint32_t, n + 1);
    for (size_t i = 0; i < n; i++) add_case(s, of->at ? of->at[i] : (uint32_t)i, value, about, ret, bounds, &weights);
    ret->lowest = weights > 0 ? bounds[0] / weights : 0;
    ret->highest = weights > 0 ? bounds[1] / weights : 1;
    for (size_t i = 0; i < ret->n; i++) ret->cluster[i] = s->cluster[ret->of[i]];
    ret->clustered = s->clustered && summary_families_again(ret->cluster, ret->n, s->suite->n_cases) < ret->n;
}

void case_rates_free(struct case_rates *c) {
    mem_free(c->value);
    mem_free(c->weight);
    mem_free(c->runs);
    mem_free(c->cluster);
    mem_free(c->of);
    *c = (struct case_rates){0};
}

struct sample case_rates_sample(const struct case_rates *c) {
    return (struct sample){c->value, c->weighted ? c->weight : NULL, c->clustered ? c->cluster : NULL, c->n, 0, 1};
}

struct rate case_rates_rate(const struct summary *s, const struct case_rates *c, double confidence) {
    struct sample sample = case_rates_sample(c);
    return rate_of_cases(&sample, c->runs, s->suite->scope, confidence);
}

struct estimate case_rates_mean(const struct case_rates *c, double confidence) {
    struct sample sample = case_rates_sample(c);
    return mean_estimate(&sample, confidence);
}

struct tag_cases *summary_tags(const struct suite *s, size_t *ret_n) {
    struct table seen;
    struct tag_cases *tags = NULL;
    size_t n = 0, capacity = 0;
    table_init(&seen);
    for (uint32_t i = 0; i < s->n_cases; i++) {
        const struct suite_case *c = &s->cases[i];
        for (unsigned k = 0; k < c->n_tags; k++) {
            uintptr_t at = (uintptr_t)table_get(&seen, c->tags[k]);
            if (at == 0) {
                if (n == capacity) tags = mem_resize(tags, (capacity = capacity ? capacity * 2 : 16) * sizeof *tags);
                tags[n] = (struct tag_cases){.tag = c->tags[k]};
                at = ++n;
                table_put(&seen, c->tags[k], (void *)at);
            }
            struct tag_cases *t = &tags[at - 1];
            if (t->n > 0 && t->at[t->n - 1] == i) continue; /* the same tag twice */
            if (t->n == t->capacity)
                t->at = mem_resize(t->at, (t->capacity = t->capacity ? t->capacity * 2 : 8) * sizeof *t->at);
            t->at[t->n++] = i;
        }
    }
    table_deinit(&seen);
    *ret_n = n;
    return tags;
}

void summary_tags_free(struct tag_cases *t, size_t n) {
    for (size_t i = 0; i < n; i++) mem_free(t[i].at);
    mem_free(t);
}
