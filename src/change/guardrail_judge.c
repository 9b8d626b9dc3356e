#include "change/guardrail_private.h"

#include <math.h>
#include <stdio.h>

/* Where the intervals are tightest. They hold whatever the numbers are. */
#define RATE_OPT 500
#define QUANTILE_OPT 500
#define MEAN_OPT 2000
#define LEAST_GROUPS 10 /* the design effect of fewer is a guess */
#define MISMATCH_CONCENTRATION 300 /* tightest about so many units */

static const char *const verdict_names[] = {"Inconclusive", "Successful", "Failed", "Error"};

const char *guard_verdict_name(enum guard_verdict v) { return verdict_names[v]; }

/* ---- how many values count as one ---- */

struct design {
    double effect; /* >= 1 */
    double groups; /* as many equal ones on the side that has fewer */
};

/* Units fall into groups at random. Were their values independent, the groups' sums would vary as much as single values do; by as
 * much as they vary more, fewer values count. Both sides together. */
static struct design design_of(const struct guard_sums *s, const double spread[SIDES]) {
    struct design d = {1, INFINITY};
    double between = 0, within = 0;
    for (int side = 0; side < SIDES; side++) {
        double n = 0, y = 0, squares = 0, sum = 0;
        for (unsigned i = 0; i < GUARD_GROUPS; i++) {
            n += s->groups[side][i].n;
            y += s->groups[side][i].y;
            squares += s->groups[side][i].n * s->groups[side][i].n;
        }
        if (n == 0) return (struct design){1, 0};
        for (unsigned i = 0; i < GUARD_GROUPS; i++) {
            double off = s->groups[side][i].y - s->groups[side][i].n * (y / n);
            sum += off * off;
        }
        double variance = spread != NULL ? spread[side] : y / n * (1 - y / n);
        d.groups = fmin(d.groups, n * n / squares);
        if (squares < n * n) between += sum / (1 - squares / (n * n)); /* as if their mean were known */
        within += n * variance;
    }
    if (within > 0 && between > within) d.effect = between / within;
    return d;
}

/* As many values as count. */
static struct mean_sums shrunk(const struct mean_sums *m, double design) {
    uint64_t n = (uint64_t)floor((double)m->n / design);
    double part = m->n > 0 ? (double)n / (double)m->n : 0;
    return (struct mean_sums){n, m->sum * part, m->squares * part};
}

static double variance_of(const struct mean_sums *m) {
    double n = (double)m->n, mean = m->sum / n;
    return n > 0 ? fmax(m->squares / n - mean * mean, 0) : 0;
}

static struct design design_of_rail(const struct guard_sums *s, enum guard_kind kind) {
    double spread[SIDES] = {variance_of(&s->sums[SIDE_CANDIDATE]), variance_of(&s->sums[SIDE_CONTROL])};
    return design_of(s, kind == GUARD_MEAN || kind == GUARD_SCORE ? spread : NULL);
}

static struct sequence_estimate compare_means(const struct guard_sums *s, const struct guardrail *rail, double design, double alpha) {
    struct mean_sums c = shrunk(&s->sums[SIDE_CANDIDATE], design), b = shrunk(&s->sums[SIDE_CONTROL], design);
    return rail->kind == GUARD_SCORE ? difference_sequence(&b, &c, false, rail->margin, MEAN_OPT, alpha)
                                     : difference_sequence(&c, &b, true, rail->margin - 1, MEAN_OPT, alpha);
}

/* The design effect of few groups is a guess. */
static bool too_few_groups(struct design d, uint64_t n_candidate, uint64_t n_control) {
    return d.groups < LEAST_GROUPS && n_candidate >= 50 && n_control >= 50;
}

double guard_evidence(const struct guardrails *g, unsigned i) {
    const struct guardrail *rail = &g->rails[i];
    const struct guard_sums *s = &g->sums[i];
    if (rail->kind == GUARD_FAILURES) return failures_log_e(s->cells, g->n_cells, rail->margin);
    struct design d = design_of_rail(s, rail->kind);
    if (too_few_groups(d, s->n[ARM_CANDIDATE], s->n[ARM_CONTROL])) return 0;
    if (rail->kind == GUARD_QUANTILE)
        return quantile_log_e_grouped(&s->of[SIDE_CANDIDATE], &s->of[SIDE_CONTROL], rail->quantile, rail->margin, QUANTILE_OPT, guard_alpha(g, i),
                                      d.effect);
    double log_e = compare_means(s, rail, d.effect, guard_alpha(g, i)).log_e;
    return isnan(log_e) ? 0 : log_e;
}

/* ---- words ---- */

static void say(struct guard_answer *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void say(struct guard_answer *a, const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(a->why, sizeof a->why, format, args);
    va_end(args);
}

/* "3100", "3.1 million" */
static const char *count_words(double n, char out[32]) {
    if (n < 1e6) snprintf(out, 32, "%.0f", n);
    else snprintf(out, 32, "%.1f million", n / 1e6);
    return out;
}

struct look { /* what judging one guardrail needs */
    const struct guardrails *g;
    const struct guardrail *rail;
    const struct guard_sums *s;
    struct guard_answer *a;
    double exchanges_each; /* exchanges under the rollout for one value of the candidate */
};

static double weight_now(const struct guardrails *g) { return g->weight_ppm / 1e6; }

static bool has_samples(const struct look *k) {
    return k->a->n_candidate > 0 && k->a->n_candidate >= k->g->min_samples;
}

/* An interval of half width `half` about `effect`, on a scale where it shrinks as 1 / sqrt(n), lets go of a limit that lies `away`. */
static double more_for(const struct look *k, double half, double away) {
    double times = half / fabs(away);
    if (!isfinite(times) || times > 1e4) return INFINITY;
    return fmax(0, times * times - 1) * (double)k->a->n_candidate * k->exchanges_each;
}

static void need(const struct look *k, double more) {
    double missing = (double)k->g->min_samples - (double)k->a->n_candidate;
    if (missing > 0) more = fmax(isfinite(more) ? more : 0, missing * k->exchanges_each);
    k->a->needed = fmax(ceil(more), 1);
}

static void say_waiting(const struct look *k, const char *of) {
    struct guard_answer *a = k->a;
    char count[32], effect[64] = "";
    if (isfinite(a->effect) && k->rail->kind == GUARD_SCORE)
        snprintf(effect, sizeof effect, "%+.3f (%+.3f to %+.3f); ", a->effect, a->interval.low, a->interval.high);
    else if (isfinite(a->effect))
        snprintf(effect, sizeof effect, "%.2f times control's (%.2f to %.2f); ", a->effect, a->interval.low, a->interval.high);
    if (a->n_candidate == 0) say(a, "no %s of the candidate yet", of);
    else if (!has_samples(k))
        say(a, "%s%llu of %llu %s of the candidate", effect, (unsigned long long)a->n_candidate, (unsigned long long)k->g->min_samples, of);
    else if (!isfinite(a->needed)) say(a, "%stoo close to the margin of %g to tell; no number of exchanges is in sight", effect, a->margin);
    else say(a, "%sabout %s more exchanges tell", effect, count_words(a->needed, count));
}

static void settle(const struct look *k, bool no_worse, const char *of, const char *good) {
    struct guard_answer *a = k->a;
    bool difference = k->rail->kind == GUARD_SCORE;
    a->needed = 0;
    if (a->evidence >= a->threshold) {
        a->verdict = GUARD_FAILED;
        if (k->rail->kind == GUARD_FAILURES)
            say(a, "surely worse: %.3g %% of %llu of the candidate's and %.3g %% of %llu of control's; %g times as many are allowed", a->candidate * 100,
                (unsigned long long)a->n_candidate, a->control * 100, (unsigned long long)a->n_control, a->margin);
        else if (difference) say(a, "surely worse: %+.3f (%+.3f to %+.3f), %g may be lost", a->effect, a->interval.low, a->interval.high, a->margin);
        else say(a, "surely worse: %.2f times control's (%.2f to %.2f), %g times is allowed", a->effect, a->interval.low, a->interval.high, a->margin);
    } else if (has_samples(k) && no_worse) {
        a->verdict = GUARD_SUCCESSFUL;
        say(a, "no worse: %s", good);
    } else {
        a->verdict = GUARD_INCONCLUSIVE;
        say_waiting(k, of);
    }
}

static bool too_few_units(const struct look *k, struct design d) {
    if (!too_few_groups(d, k->a->n_candidate, k->a->n_control)) return false;
    k->a->needed = INFINITY;
    say(k->a, "nearly all exchanges come from about %.0f users or sessions an arm; it takes %d to tell a version from its users", d.groups,
        LEAST_GROUPS);
    return true;
}

/* ---- failures ---- */

/* Of control and candidate, side by side: the candidate's rate at most, less control's at least. The half that would shrink is in *ret_width. */
static double rate_gap(const struct look *k, double *ret_width) {
    const struct guard_sums *s = k->s;
    double design = design_of(s, NULL).effect, n[SIDES], hits[SIDES];
    struct interval rate[SIDES];
    for (int side = 0; side < SIDES; side++) {
        n[side] = hits[side] = 0;
        for (unsigned i = 0; i < GUARD_GROUPS; i++) {
            n[side] += s->groups[side][i].n;
            hits[side] += s->groups[side][i].y;
        }
        double counted = side == SIDE_CANDIDATE ? ceil(hits[side] / design) : floor(hits[side] / design);
        uint64_t of = (uint64_t)fmax(floor(n[side] / design), counted);
        rate[side] = rate_sequence((uint64_t)counted, of, RATE_OPT, k->a->alpha);
    }
    double gap = rate[SIDE_CANDIDATE].high - rate[SIDE_CONTROL].low;
    double seen = n[0] > 0 && n[1] > 0 ? hits[SIDE_CANDIDATE] / n[SIDE_CANDIDATE] - hits[SIDE_CONTROL] / n[SIDE_CONTROL] : 0;
    *ret_width = gap - seen;
    return gap;
}

static void failures_need(const struct look *k, double gap, double width) {
    struct guard_answer *a = k->a;
    double failures = 0, tolerance = k->rail->tolerance;
    for (unsigned i = 0; i < k->g->n_cells; i++) failures += (double)(k->s->cells[i].candidate + k->s->cells[i].control);
    double each = failures > 0 ? (double)(a->n_candidate + a->n_control) / failures : INFINITY; /* observations a failure */
    double more = INFINITY;
    if (a->effect > a->margin) {
        more = failures_needed(k->s->cells, k->g->n_cells, a->margin, weight_now(k->g), a->alpha) * each;
        if (a->n_candidate > 0) more *= weight_now(k->g) * k->exchanges_each; /* observations -> exchanges */
    } else if (a->effect > 0) more = more_for(k, log(a->interval.high / a->effect), log(a->margin / a->effect));
    if (tolerance > 0 && gap - width < tolerance && a->n_candidate > 0) { /* a rate that never failed: the width goes as 1 / n */
        double room = tolerance - (gap - width);
        double by_rate = failures == 0 ? (width / room - 1) * (double)a->n_candidate * k->exchanges_each : more_for(k, width, room);
        more = fmin(more, fmax(by_rate, 1));
    }
    need(k, more);
}

static void judge_failures(const struct look *k) {
    struct guard_answer *a = k->a;
    const struct guard_sums *s = k->s;
    double width, gap, current = (double)(s->failures[ARM_CONTROL] + s->failures[ARM_REST]);
    char good[160];
    a->n_candidate = s->n[ARM_CANDIDATE];
    a->n_control = s->n[ARM_CONTROL] + s->n[ARM_REST];
    if (a->n_candidate > 0) a->candidate = (double)s->failures[ARM_CANDIDATE] / (double)a->n_candidate;
    if (a->n_control > 0) a->control = current / (double)a->n_control;
    a->interval = failures_ratio(s->cells, k->g->n_cells, a->alpha);
    a->effect = failures_ratio_estimate(s->cells, k->g->n_cells);
    bool below = a->interval.high < a->margin, settled = below || a->evidence >= a->threshold;
    gap = width = INFINITY;
    if (!settled) gap = rate_gap(k, &width);
    bool few = !settled && too_few_groups(design_of(s, NULL), a->n_candidate, s->n[ARM_CONTROL]);
    bool tolerated = gap < k->rail->tolerance && !few;
    if (below) snprintf(good, sizeof good, "%.2f times control's, at most %.2f; %g times is allowed", a->effect, a->interval.high, a->margin);
    else snprintf(good, sizeof good, "at most %.2f points above control's rate, %.2f are tolerated", gap * 100, k->rail->tolerance * 100);
    settle(k, below || tolerated, "exchanges", good);
    if (a->verdict == GUARD_INCONCLUSIVE) {
        failures_need(k, few ? INFINITY : gap, few ? INFINITY : width);
        say_waiting(k, "exchanges");
        if (few && has_samples(k)) (void)too_few_units(k, design_of(s, NULL));
    }
    if (s->failed.level > 0 && strlen(a->why) + 40 < sizeof a->why)
        snprintf(a->why + strlen(a->why), sizeof a->why - strlen(a->why), " (failures of one in %u units)", 1u << s->failed.level);
}

/* ---- values of equal arms ---- */

static void say_good_ratio(const struct look *k, char good[160]) {
    snprintf(good, 160, "%.2f times control's, at most %.2f; %g times is allowed", k->a->effect, k->a->interval.high, k->a->margin);
}

/* Wants a ratio: which side of the margin it is on, and how far. */
static void ratio_need(const struct look *k) {
    const struct guard_answer *a = k->a;
    double edge = a->effect > a->margin ? a->effect / a->interval.low : a->interval.high / a->effect;
    need(k, a->effect > 0 ? more_for(k, log(edge), log(a->effect / a->margin)) : INFINITY);
}

static void judge_quantile(const struct look *k) {
    struct guard_answer *a = k->a;
    const struct histogram *c = &k->s->of[SIDE_CANDIDATE], *b = &k->s->of[SIDE_CONTROL];
    double q = k->rail->quantile;
    struct design d = design_of_rail(k->s, GUARD_QUANTILE);
    char good[160];
    a->n_candidate = c->count;
    a->n_control = b->count;
    if (c->count > 0) a->candidate = histogram_quantile(c, q);
    if (b->count > 0) a->control = histogram_quantile(b, q);
    if (a->candidate >= 0 && a->control > 0) a->effect = a->candidate / a->control;
    if (too_few_units(k, d)) return;
    a->interval = quantile_ratio_grouped(c, b, q, QUANTILE_OPT, a->alpha, d.effect);
    say_good_ratio(k, good);
    settle(k, a->interval.high < a->margin, "answers", good);
    if (a->verdict != GUARD_INCONCLUSIVE) return;
    ratio_need(k);
    say_waiting(k, "answers");
}

static void judge_mean(const struct look *k) {
    struct guard_answer *a = k->a;
    const struct mean_sums *c = &k->s->sums[SIDE_CANDIDATE], *b = &k->s->sums[SIDE_CONTROL];
    bool score = k->rail->kind == GUARD_SCORE;
    struct design d = design_of_rail(k->s, k->rail->kind);
    char good[160];
    a->n_candidate = c->n;
    a->n_control = b->n;
    if (c->n > 0) a->candidate = c->sum / (double)c->n;
    if (b->n > 0) a->control = b->sum / (double)b->n;
    struct sequence_estimate e = compare_means(k->s, k->rail, d.effect, a->alpha);
    if (!isnan(e.value)) a->effect = score ? -e.value : 1 + e.value;
    if (too_few_units(k, d)) return;
    if (!isnan(e.log_e))
        a->interval = score ? (struct interval){-e.interval.high, -e.interval.low}
                            : (struct interval){fmax(0, 1 + e.interval.low), 1 + e.interval.high};
    if (score) snprintf(good, sizeof good, "%+.3f, at worst %+.3f; %g may be lost", a->effect, a->interval.low, a->margin);
    else say_good_ratio(k, good);
    settle(k, score ? a->interval.low > -a->margin : a->interval.high < a->margin, score ? "scores" : "answers", good);
    if (a->verdict != GUARD_INCONCLUSIVE) return;
    if (score) need(k, more_for(k, (a->interval.high - a->interval.low) / 2, a->effect + a->margin));
    else ratio_need(k);
    say_waiting(k, score ? "scores" : "answers");
}

/* ---- all of them ---- */

/* Candidate, control and, below one half, rest. */
static unsigned shares_of(const struct guard_cell *c, double expected[3], uint64_t counts[3]) {
    double w = c->weight_ppm / 1e6, control = fmin(w, 1 - w), rest = 1 - w - control;
    expected[0] = w;
    expected[1] = control;
    expected[2] = rest;
    counts[0] = c->units[ARM_CANDIDATE];
    counts[1] = c->units[ARM_CONTROL];
    counts[2] = c->units[ARM_REST];
    return control <= 0 ? 0 : rest <= 1e-9 ? 2 : 3;
}

double guardrails_mismatch(const struct guardrails *g) {
    double log_e = 0;
    for (unsigned i = 0; i < g->n_cells; i++) {
        double expected[3];
        uint64_t counts[3];
        unsigned n = shares_of(&g->cells[i], expected, counts);
        if (n > 0) log_e += ratio_mismatch_log_e(counts, expected, n, MISMATCH_CONCENTRATION);
    }
    return log_e;
}

/* Of the weight that is furthest off. */
static void say_mismatch(const struct guardrails *g, char out[256]) {
    double worst = -INFINITY;
    for (unsigned i = 0; i < g->n_cells; i++) {
        double expected[3];
        uint64_t counts[3];
        unsigned n = shares_of(&g->cells[i], expected, counts);
        double log_e = n > 0 ? ratio_mismatch_log_e(counts, expected, n, MISMATCH_CONCENTRATION) : -INFINITY;
        if (log_e <= worst) continue;
        worst = log_e;
        snprintf(out, 256, "at %g %% %llu users, sessions or requests went to the candidate, %llu to control and %llu to neither: not as they were drawn; "
                           "routing or records are at fault, so nothing is judged",
                 g->cells[i].weight_ppm / 1e4, (unsigned long long)counts[0], (unsigned long long)counts[1], (unsigned long long)counts[2]);
    }
}

unsigned guardrails_judge(const struct guardrails *g, struct guard_answer out[GUARDRAILS]) {
    bool mismatch = guardrails_mismatch(g) >= -log(GUARD_MISMATCH_ALPHA);
    uint64_t candidates = 0;
    for (unsigned i = 0; i < g->n_cells; i++) candidates += g->cells[i].exchanges[ARM_CANDIDATE];
    for (unsigned i = 0; i < g->n; i++) {
        struct guard_answer *a = &out[i];
        double alpha = guard_alpha(g, i), margin = g->rails[i].margin;
        *a = (struct guard_answer){.metric = g->rails[i].metric, .effect = NAN, .interval = {-INFINITY, INFINITY}, .threshold = -log(alpha),
                                   .alpha = alpha, .margin = margin, .needed = INFINITY, .candidate = NAN, .control = NAN};
        a->evidence = guard_evidence(g, i);
        if (g->rails[i].kind != GUARD_SCORE) a->interval.low = 0;
        struct look k = {g, &g->rails[i], &g->sums[i], a, g->weight_ppm > 0 ? 1 / weight_now(g) : INFINITY};
        uint64_t seen = g->sums[i].n[ARM_CANDIDATE];
        if (seen > 0 && candidates > seen) k.exchanges_each *= (double)candidates / (double)seen; /* not every exchange has a score */
        if (g->rails[i].kind == GUARD_FAILURES) judge_failures(&k);
        else if (g->rails[i].kind == GUARD_QUANTILE) judge_quantile(&k);
        else judge_mean(&k);
        if (!mismatch) continue;
        a->verdict = GUARD_ERROR;
        a->needed = INFINITY;
        say_mismatch(g, a->why);
    }
    return g->n;
}

static int rank_of(const struct guardrail *rail, const struct guard_answer *a) {
    if (a->verdict == GUARD_ERROR) return 3;
    if (rail->on_failure == GUARD_NOTIFY || a->verdict == GUARD_SUCCESSFUL) return 0;
    return a->verdict == GUARD_FAILED && rail->on_failure == GUARD_ROLLBACK ? 2 : 1;
}

enum guard_verdict guardrails_verdict(const struct guardrails *g, const struct guard_answer *a, unsigned n, struct slice *ret_why,
                                      struct arena *arena) {
    static const enum guard_verdict verdicts[] = {GUARD_SUCCESSFUL, GUARD_INCONCLUSIVE, GUARD_FAILED, GUARD_ERROR};
    int worst = 0;
    unsigned at = 0;
    for (unsigned i = 0; i < n && i < g->n; i++) {
        int rank = rank_of(&g->rails[i], &a[i]);
        if (rank <= worst) continue;
        worst = rank;
        at = i;
    }
    if (n == 0 && guardrails_mismatch(g) >= -log(GUARD_MISMATCH_ALPHA)) worst = 3;
    if (ret_why == NULL) return verdicts[worst];
    if (n == 0 && worst > 0) {
        char text[256];
        say_mismatch(g, text);
        *ret_why = arena_printf(arena, "%s", text);
    } else if (worst > 0) *ret_why = arena_printf(arena, SLICE_FMT ": %s", SLICE_ARG(a[at].metric), a[at].why);
    else *ret_why = arena_printf(arena, n > 0 ? "all guardrails are no worse than their margins" : "no guardrail is declared");
    return verdicts[worst];
}

bool guardrails_spread(const struct guardrails *g, unsigned i, double *ret_mean, double *ret_variance) {
    enum { LEAST = 50 };
    const struct guard_sums *s = &g->sums[i];
    const struct mean_sums *m = &s->sums[SIDE_CONTROL];
    bool counts = g->rails[i].kind == GUARD_FAILURES;
    double n = counts ? (double)s->n[ARM_CONTROL] : (double)m->n;
    if (n < LEAST || g->rails[i].kind == GUARD_QUANTILE) return false;
    double mean = counts ? (double)s->failures[ARM_CONTROL] / n : m->sum / n;
    *ret_mean = mean;
    *ret_variance = counts ? mean * (1 - mean) : variance_of(m);
    return true;
}
