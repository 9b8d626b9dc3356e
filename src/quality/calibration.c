#include "quality/calibration.h"

#include "base/mem.h"
#include "stats/corrected.h"
#include "stats/fisher.h"
#include "stats/proportion.h"

#include <math.h>
#include <stdlib.h>

static const struct {
    const char *name;
    unsigned levels;
    const char *level[CALIBRATION_LEVELS];
} scales[] = {
    {"pass", 2, {"fail", "pass"}},
    {"1-5", 5, {"1", "2", "3", "4", "5"}},
    {"pairwise", 3, {"worse", "tie", "better"}},
};

const char *calibration_scale_name(enum calibration_scale s) { return scales[s].name; }
unsigned calibration_levels(enum calibration_scale s) { return scales[s].levels; }
const char *calibration_level_name(enum calibration_scale s, unsigned level) { return scales[s].level[level]; }

const char *calibration_answer_name(enum calibration_answer a) {
    static const char *const names[] = {"calibrated", "too_few_labels", "too_unlike_people"};
    return names[a];
}

/* So many more, at the share of failures seen so far (with one of each added: none seen is not none there), that each side has enough. */
static double needed(const struct calibration *c) {
    double pass = c->both_pass + c->missed, fail = c->n - pass;
    double share = (fmin(pass, fail) + 1) / (c->n + 2);
    double more = (CALIBRATION_SIDE_LEAST - fmin(pass, fail)) / share;
    return ceil(fmax(fmax(more, JUDGE_LABELS_LEAST - c->n), 0));
}

static void count(const struct calibration_pair *p, unsigned levels, struct calibration *c) {
    if (p->label >= levels || p->verdict >= levels) return;
    c->n++;
    c->table[p->label * levels + p->verdict]++;
    if (p->should_pass) *(p->passes ? &c->both_pass : &c->missed) += 1;
    else *(p->passes ? &c->let_through : &c->both_fail) += 1;
}

static double share(double k, double n) { return n > 0 ? k / n : NAN; }

bool calibration_tells(double sensitivity, double sensitivity_n, double specificity, double specificity_n) {
    double q1 = (sensitivity * sensitivity_n + 1) / (sensitivity_n + 2), q0 = (specificity * specificity_n + 1) / (specificity_n + 2);
    return sensitivity + specificity - 1 >= CORRECTED_LEAST && q1 + q0 - 1 >= CORRECTED_LEAST;
}

void calibration_of(const struct calibration_pair *pairs, size_t n, enum calibration_scale scale, struct calibration *ret) {
    struct calibration c = {.scale = scale};
    for (size_t i = 0; i < n; i++) count(&pairs[i], scales[scale].levels, &c);
    double pass = c.both_pass + c.missed, fail = c.both_fail + c.let_through;
    c.kappa = agreement_kappa(c.table, scales[scale].levels, scale == CALIBRATION_PASS ? AGREEMENT_NONE : AGREEMENT_QUADRATIC,
                              CALIBRATION_CONFIDENCE);
    c.agreement = share(c.both_pass + c.both_fail, c.n);
    c.prevalence = share(pass, c.n);
    c.judged = share(c.both_pass + c.let_through, c.n);
    c.sensitivity = share(c.both_pass, pass);
    c.specificity = share(c.both_fail, fail);
    c.agreement_interval = proportion_exact(c.both_pass + c.both_fail, c.n, CALIBRATION_CONFIDENCE);
    c.sensitivity_interval = proportion_exact(c.both_pass, pass, CALIBRATION_CONFIDENCE);
    c.specificity_interval = proportion_exact(c.both_fail, fail, CALIBRATION_CONFIDENCE);
    bool few = c.n < JUDGE_LABELS_LEAST || pass < CALIBRATION_SIDE_LEAST || fail < CALIBRATION_SIDE_LEAST;
    c.needed = few ? needed(&c) : 0;
    c.answer = few ? CALIBRATION_FEW : calibration_tells(c.sensitivity, pass, c.specificity, fail) ? CALIBRATION_GOOD : CALIBRATION_UNLIKE;
    *ret = c;
}

/* ---- as JSON ---- */

static void put_interval(struct json_writer *w, const char *key, struct interval i) {
    json_key(w, key);
    json_array(w);
    json_put_double(w, i.low);
    json_put_double(w, i.high);
    json_array_end(w);
}

static void put_rate(struct json_writer *w, const char *key, double value, double n, struct interval i) {
    json_key(w, key);
    json_object(w);
    json_member_double(w, "value", value);
    json_member_double(w, "n", n);
    put_interval(w, "interval", i);
    json_object_end(w);
}

static void put_table(const struct calibration *c, struct json_writer *w) {
    unsigned levels = scales[c->scale].levels;
    json_key(w, "levels");
    json_array(w);
    for (unsigned i = 0; i < levels; i++) json_put_text(w, scales[c->scale].level[i]);
    json_array_end(w);
    json_key(w, "table");
    json_array(w);
    for (unsigned i = 0; i < levels; i++) {
        json_array(w);
        for (unsigned j = 0; j < levels; j++) json_put_double(w, c->table[i * levels + j]);
        json_array_end(w);
    }
    json_array_end(w);
}

void calibration_write(const struct calibration *c, struct json_writer *w) {
    json_member_text(w, "scale", scales[c->scale].name);
    json_member_double(w, "n", c->n);
    json_member_text(w, "answer", calibration_answer_name(c->answer));
    json_member_double(w, "needed_labels", c->needed);
    put_rate(w, "agreement", c->agreement, c->n, c->agreement_interval);
    put_rate(w, "kappa", c->kappa.kappa, c->n, c->kappa.interval);
    json_member_text(w, "kappa_weights", c->scale == CALIBRATION_PASS ? "none" : "quadratic");
    put_rate(w, "sensitivity", c->sensitivity, c->both_pass + c->missed, c->sensitivity_interval);
    put_rate(w, "specificity", c->specificity, c->both_fail + c->let_through, c->specificity_interval);
    json_member_double(w, "prevalence", c->prevalence);
    json_member_double(w, "judge_pass_rate", c->judged);
    json_key(w, "counts");
    json_object(w);
    json_member_double(w, "both_pass", c->both_pass);
    json_member_double(w, "missed", c->missed);
    json_member_double(w, "let_through", c->let_through);
    json_member_double(w, "both_fail", c->both_fail);
    json_object_end(w);
    put_table(c, w);
}

/* ---- labels of several sittings ---- */

struct ranked {
    const struct calibration_pair *pair;
    size_t at;
};

static int by_example(const void *a, const void *b) {
    const struct ranked *x = a, *y = b;
    if (x->pair->example != y->pair->example) return x->pair->example < y->pair->example ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

size_t calibration_join(const struct calibration_pair *old, size_t n_old, const struct calibration_pair *new, size_t n_new,
                        struct calibration_pair *ret) {
    size_t n = n_old + n_new, kept = 0;
    struct ranked *all = mem_new_array(struct ranked, n + 1);
    for (size_t i = 0; i < n; i++) all[i] = (struct ranked){i < n_old ? &old[i] : &new[i - n_old], i};
    qsort(all, n, sizeof *all, by_example);
    for (size_t i = 0; i < n; i++)
        if (i + 1 == n || all[i + 1].pair->example != all[i].pair->example) ret[kept++] = *all[i].pair;
    mem_free(all);
    return kept;
}

struct calibration_drift calibration_drift_of(const struct calibration_batch *batches, size_t n) {
    struct calibration_batch before = {0, 0}, since = {0, 0};
    if (n < 2) return (struct calibration_drift){.p_value = NAN, .before_agreement = NAN, .agreement = NAN};
    const struct calibration_batch *first = &batches[0], *last = &batches[n - 1];
    for (size_t i = 0; i + 1 < n; i++) before = (struct calibration_batch){before.agreed + batches[i].agreed, before.n + batches[i].n};
    for (size_t i = 1; i < n; i++) since = (struct calibration_batch){since.agreed + batches[i].agreed, since.n + batches[i].n};
    double newest = fisher_lower(last->agreed, last->n, before.agreed, before.n);
    double all = fisher_lower(since.agreed, since.n, first->agreed, first->n);
    bool pooled = all < newest;
    struct calibration_drift d = {.known = true, .p_value = fmin(1, 2 * fmin(newest, all))};
    if (n == 2) d.p_value = newest; /* there both are the same */
    d.drifted = d.p_value < CALIBRATION_DRIFT_ALPHA;
    const struct calibration_batch *a = pooled ? first : &before, *b = pooled ? &since : last;
    d.before_n = a->n;
    d.before_agreement = share(a->agreed, a->n);
    d.n = b->n;
    d.agreement = share(b->agreed, b->n);
    return d;
}
