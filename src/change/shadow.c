#include "change/shadow.h"

#include "base/mem.h"
#include "base/money.h"
#include "stats/pairs.h"
#include "stats/sequence.h"

#include <math.h>
#include <stdio.h>

enum rate_metric { RATE_ERROR, RATE_REFUSAL, RATE_FORMAT, RATE_CHECKS, RATES };
enum size_metric { SIZE_LATENCY, SIZE_COST, SIZE_TOKENS, SIZES };
static const char *const rate_names[] = {"error_rate", "refusal_rate", "format_failure", "check_failure"};
static const char *const size_names[] = {"latency", "cost_per_request", "output_tokens"};

struct sizes {
    struct mean_sums logs;       /* of ln(candidate / served) */
    double candidate, served;
};
struct shadow_sums {
    const struct rollout_plan *plan;
    uint64_t pairs, rated[RATES];
    struct pair_counts rates[RATES];
    struct sizes sizes[SIZES];
    uint64_t won, lost, ties;
    uint64_t compared, calls[2];
};

int shadow_judged(double one_order, double other_order) {
    double sum = one_order + other_order;
    return sum > 1 ? 1 : sum < 1 ? -1 : 0;
}

/* ---- a pair as JSON ---- */

static void write_count(struct json_writer *w, const char *key, int64_t n) {
    json_key(w, key);
    if (n < 0) json_put_null(w);
    else json_put_i64(w, n);
}

static void write_side(struct json_writer *w, const char *key, const struct shadow_side *s) {
    json_key(w, key);
    json_object(w);
    json_member_bool(w, "ok", s->ok);
    write_count(w, "output_tokens", s->output_tokens);
    write_count(w, "latency_us", s->latency_us);
    write_count(w, "ttft_us", s->ttft_us);
    write_count(w, "cost_nanousd", money_is_known(s->cost_nano) ? s->cost_nano : -1);
    write_count(w, "length", s->length);
    json_member_i64(w, "tool_calls", s->tool_calls);
    json_member_bool(w, "json", s->is_json);
    json_member_bool(w, "refusal", s->refusal);
    json_key(w, "checks");
    if (s->checks == SHADOW_UNCHECKED) json_put_null(w);
    else json_put_bool(w, s->checks == SHADOW_PASSES);
    json_object_end(w);
}

void shadow_pair_write(const struct shadow_measure *m, struct json_writer *w) {
    json_object(w);
    write_side(w, "served", &m->served);
    write_side(w, "candidate", &m->candidate);
    json_key(w, "judged");
    if (m->judged == SHADOW_NOT_JUDGED) json_put_null(w);
    else json_put_i64(w, m->judged);
    write_count(w, "judge_nanousd", money_is_known(m->judge_nano) ? m->judge_nano : -1);
    json_object_end(w);
}

static bool read_count(const struct json_doc *d, uint32_t side, const char *key, int64_t unknown, int64_t *ret) {
    uint32_t node = json_get(d, side, key);
    *ret = unknown;
    return json_type(d, node) == JSON_NULL || json_get_i64(d, node, ret);
}

static bool read_side(const struct json_doc *d, uint32_t side, struct shadow_side *s) {
    int64_t calls;
    bool passes;
    bool good = json_get_bool(d, json_get(d, side, "ok"), &s->ok) && json_get_bool(d, json_get(d, side, "json"), &s->is_json) &&
                json_get_bool(d, json_get(d, side, "refusal"), &s->refusal) && read_count(d, side, "output_tokens", -1, &s->output_tokens) &&
                read_count(d, side, "latency_us", -1, &s->latency_us) && read_count(d, side, "ttft_us", -1, &s->ttft_us) &&
                read_count(d, side, "cost_nanousd", MONEY_UNKNOWN, &s->cost_nano) && read_count(d, side, "length", -1, &s->length) &&
                read_count(d, side, "tool_calls", 0, &calls) && calls >= 0 && calls <= UINT16_MAX;
    if (good) s->tool_calls = (unsigned)calls;
    if (json_get_bool(d, json_get(d, side, "checks"), &passes)) s->checks = passes ? SHADOW_PASSES : SHADOW_FAILS;
    return good;
}

enum fault shadow_pair_read(struct slice json, struct arena *arena, struct shadow_measure *ret, struct error *error) {
    struct json_doc d;
    struct shadow_measure m = {.judged = SHADOW_NOT_JUDGED};
    int64_t judged = SHADOW_NOT_JUDGED;
    bool good = json_read(json, arena, UINT16_MAX, &d, NULL) == FAULT_NONE && read_side(&d, json_get(&d, 0, "served"), &m.served) &&
                read_side(&d, json_get(&d, 0, "candidate"), &m.candidate) &&
                read_count(&d, 0, "judged", SHADOW_NOT_JUDGED, &judged) && judged >= SHADOW_NOT_JUDGED && judged <= 1 &&
                read_count(&d, 0, "judge_nanousd", MONEY_UNKNOWN, &m.judge_nano);
    if (!good) return error_set(error, FAULT_CORRUPT, "a pair of the shadow cannot be read");
    m.judged = (int)judged;
    *ret = m;
    return FAULT_NONE;
}

/* ---- sums ---- */

struct shadow_sums *shadow_sums_new(const struct rollout_plan *plan) {
    struct shadow_sums *s = mem_new(struct shadow_sums);
    s->plan = plan;
    return s;
}

void shadow_sums_free(struct shadow_sums *s) { mem_free(s); }
uint64_t shadow_sums_pairs(const struct shadow_sums *s) { return s->pairs; }

static void count(struct shadow_sums *s, enum rate_metric i, bool candidate, bool served) {
    s->rated[i]++;
    s->rates[i].candidate += candidate && !served;
    s->rates[i].other += served && !candidate;
    s->rates[i].both += served && candidate;
}

/* One is added to both, so that what costs nothing has a ratio too. */
static void measure(struct shadow_sums *s, enum size_metric i, int64_t candidate, int64_t served) {
    struct sizes *z = &s->sizes[i];
    if (candidate < 0 || served < 0) return;
    double x = log(((double)candidate + 1) / ((double)served + 1));
    z->logs.n++;
    z->logs.sum += x;
    z->logs.squares += x * x;
    z->candidate += (double)candidate;
    z->served += (double)served;
}

static int64_t known(int64_t nano) { return money_is_known(nano) ? nano : -1; }

void shadow_sums_take(struct shadow_sums *s, const struct shadow_measure *m) {
    const struct shadow_side *c = &m->candidate, *o = &m->served;
    s->pairs++;
    count(s, RATE_ERROR, !c->ok, !o->ok);
    if (!c->ok || !o->ok) return;
    count(s, RATE_REFUSAL, c->refusal, o->refusal);
    if (o->is_json || c->is_json) count(s, RATE_FORMAT, !c->is_json, !o->is_json);
    if (c->checks != SHADOW_UNCHECKED && o->checks != SHADOW_UNCHECKED) count(s, RATE_CHECKS, c->checks == SHADOW_FAILS, o->checks == SHADOW_FAILS);
    measure(s, SIZE_LATENCY, c->latency_us, o->latency_us);
    measure(s, SIZE_COST, known(c->cost_nano), known(o->cost_nano));
    measure(s, SIZE_TOKENS, c->output_tokens, o->output_tokens);
    s->compared++;
    s->calls[0] += c->tool_calls;
    s->calls[1] += o->tool_calls;
    s->won += m->judged == 1;
    s->lost += m->judged == -1;
    s->ties += m->judged == 0;
}

/* ---- what they say ---- */

static bool starts(struct slice text, const char *with) { return slice_starts(text, slice_of(with)); }

/* The plan's guardrail about the same; NULL: it has none. */
static const struct guardrail *guard_of(const struct rollout_plan *p, const char *metric) {
    bool latency = strcmp(metric, "latency") == 0;
    for (unsigned i = 0; i < p->n_guardrails; i++)
        if (slice_is(p->guardrails[i].metric, metric) || (latency && starts(p->guardrails[i].metric, "latency_p"))) return &p->guardrails[i];
    return NULL;
}

/* Those that may fail: the rates, the judge, and of the sizes what the plan guards. */
static unsigned judging(const struct rollout_plan *p) {
    unsigned n = RATES + (p->shadow.judge.len > 0);
    for (unsigned i = 0; i < SIZES; i++) n += guard_of(p, size_names[i]) != NULL;
    return n;
}

static void begin(const struct shadow_sums *s, struct guard_answer *a, struct slice metric, double margin, uint64_t n) {
    double alpha = s->plan->alpha / judging(s->plan);
    *a = (struct guard_answer){.metric = metric, .verdict = GUARD_INCONCLUSIVE, .effect = NAN, .interval = {0, INFINITY}, .evidence = NAN,
                               .threshold = log(1 / alpha), .alpha = alpha, .margin = margin, .n_candidate = n, .n_control = n,
                               .needed = INFINITY, .candidate = NAN, .control = NAN};
}

static void conclude(const struct shadow_sums *s, struct guard_answer *a, bool no_worse) {
    bool enough = s->pairs >= (uint64_t)s->plan->shadow.min_samples;
    if (a->evidence >= a->threshold) a->verdict = GUARD_FAILED;
    else if (enough && no_worse) a->verdict = GUARD_SUCCESSFUL;
    if (a->verdict != GUARD_INCONCLUSIVE) a->needed = 0;
    else if (!enough) a->needed = (double)s->plan->shadow.min_samples - (double)s->pairs;
}

static void judge_rate(const struct shadow_sums *s, enum rate_metric i, struct guard_answer *a) {
    const struct guardrail *g = guard_of(s->plan, rate_names[i]);
    const struct pair_counts *c = &s->rates[i];
    double n = (double)s->rated[i], failed = (double)(c->candidate + c->both), before = (double)(c->other + c->both);
    begin(s, a, slice_of(rate_names[i]), g != NULL ? g->margin : SHADOW_MARGIN, s->rated[i]);
    a->evidence = pairs_log_e(c, a->margin);
    a->interval = pairs_ratio(c, a->alpha);
    if (n > 0) {
        a->candidate = failed / n;
        a->control = before / n;
    }
    if (failed + before > 0) a->effect = failed / before;
    double tolerance = g != NULL ? g->tolerance : 0;
    bool few = n > 0 && rate_sequence(c->candidate, s->rated[i], n, a->alpha).high < tolerance;
    conclude(s, a, a->interval.high < a->margin || few);
    (void)snprintf(a->why, sizeof a->why, "of %llu pairs in %llu only the candidate's answer, in %llu only what was served, in %llu both",
                   (unsigned long long)s->rated[i], (unsigned long long)c->candidate, (unsigned long long)c->other, (unsigned long long)c->both);
}

static void judge_size(const struct shadow_sums *s, enum size_metric i, struct guard_answer *a) {
    const struct guardrail *g = guard_of(s->plan, size_names[i]);
    const struct sizes *z = &s->sizes[i];
    const struct mean_sums none = {.n = z->logs.n};
    begin(s, a, slice_of(size_names[i]), g != NULL ? g->margin : NAN, z->logs.n);
    if (z->logs.n > 0) {
        a->candidate = z->candidate / (double)z->logs.n;
        a->control = z->served / (double)z->logs.n;
        a->effect = exp(z->logs.sum / (double)z->logs.n);
    }
    double n_opt = fmax(4.0 * (double)s->plan->shadow.min_samples, 400);
    struct sequence_estimate e = difference_sequence(&z->logs, &none, false, g != NULL ? log(g->margin) : 0, n_opt, a->alpha);
    if (!isnan(e.interval.low)) a->interval = (struct interval){exp(e.interval.low), exp(e.interval.high)};
    if (g == NULL) {
        (void)snprintf(a->why, sizeof a->why, "shown only: no guardrail of the rollout is about it");
        return;
    }
    a->evidence = e.log_e;
    conclude(s, a, a->interval.high < a->margin);
    if (isnan(e.log_e)) (void)snprintf(a->why, sizeof a->why, "too few pairs in which both answered for an interval");
    else (void)snprintf(a->why, sizeof a->why, "the candidate's against what was served, in %llu pairs: times %.2f", (unsigned long long)z->logs.n, a->effect);
}

static void judge_judge(const struct shadow_sums *s, struct slice metric, struct guard_answer *a) {
    uint64_t decided = s->won + s->lost;
    const struct pair_counts lost = {s->lost, s->won, 0};
    begin(s, a, metric, SHADOW_LOST, decided);
    a->interval = (struct interval){0, 1};
    a->evidence = pairs_log_e(&lost, (0.5 + SHADOW_LOST) / (0.5 - SHADOW_LOST));
    if (decided > 0) {
        a->candidate = (double)s->won / (double)decided;
        a->control = 1 - a->candidate;
        a->effect = a->candidate;
        a->interval = rate_sequence(s->won, decided, fmax((double)s->plan->shadow.min_samples, 50), a->alpha);
    }
    conclude(s, a, a->interval.low > 0.5 - SHADOW_LOST);
    (void)snprintf(a->why, sizeof a->why, "the judge preferred the candidate's answer in %llu pairs, what was served in %llu, neither in %llu",
                   (unsigned long long)s->won, (unsigned long long)s->lost, (unsigned long long)s->ties);
}

static void show_calls(const struct shadow_sums *s, struct guard_answer *a) {
    begin(s, a, SLICE("tool_calls"), NAN, s->compared);
    a->interval = (struct interval){NAN, NAN};
    a->candidate = (double)s->calls[0] / (double)s->compared;
    a->control = (double)s->calls[1] / (double)s->compared;
    a->effect = a->candidate - a->control;
    (void)snprintf(a->why, sizeof a->why, "shown only: calls of tools in an answer; nothing answers the candidate's");
}

unsigned shadow_sums_judge(const struct shadow_sums *s, struct guard_answer out[GUARDRAILS]) {
    unsigned n = 0;
    for (unsigned i = 0; i < RATES; i++)
        if (i < RATE_FORMAT || s->rated[i] > 0) judge_rate(s, (enum rate_metric)i, &out[n++]);
    for (unsigned i = 0; i < SIZES; i++) judge_size(s, (enum size_metric)i, &out[n++]);
    if (s->plan->shadow.judge.len > 0) judge_judge(s, SLICE("judge"), &out[n++]);
    if (s->calls[0] + s->calls[1] > 0) show_calls(s, &out[n++]);
    return n;
}

bool shadow_sums_worse(const struct shadow_sums *s, const struct guard_answer *a, unsigned n, const struct guard_answer **ret_why) {
    for (unsigned i = 0; i < n; i++) {
        char metric[64];
        (void)snprintf(metric, sizeof metric, SLICE_FMT, SLICE_ARG(a[i].metric));
        const struct guardrail *g = guard_of(s->plan, metric);
        if (a[i].verdict != GUARD_FAILED || (g != NULL && g->on_failure != GUARD_ROLLBACK)) continue;
        *ret_why = &a[i];
        return true;
    }
    return false;
}
