/* The verdict of each domain: by the worst fact about it, else by evidence, else unknown. */
#include "control/overview.h"

#include "stats/proportion.h"

#include <math.h>
#include <stdio.h>

#define CONFIDENCE 0.95
#define SCORED_LEAST 30 /* scored answers below which a mean is said, and nothing concluded */

static const char *const names[OVERVIEW_DOMAINS] = {"quality", "cost", "change", "incidents", "improvement"};
const char *overview_domain_name(enum overview_domain d) { return names[d]; }

struct judging {
    const struct overview *o;
    const struct overview_row *row;
    struct overview_verdict *v;
    struct arena *arena;
    const struct overview_fact *worst; /* NULL: there is none */
    unsigned n_worst;                  /* as bad as it */
    unsigned waits;                    /* for a person */
};

static void look_at_facts(struct judging *j, enum overview_domain d) {
    for (unsigned i = 0; i < j->o->n_facts; i++) {
        const struct overview_fact *f = &j->o->facts[i];
        if (f->domain != d || !overview_is_about(j->o, f, j->row->application)) continue;
        j->waits += f->needs_person;
        if (j->worst == NULL || f->severity > j->worst->severity) j->worst = f, j->n_worst = 0;
        j->n_worst += f->severity == j->worst->severity;
    }
}

static void number(struct judging *j, const char *label, const char *unit, struct series_point p, struct slice window, struct slice note) {
    if (j->v->n_numbers < OVERVIEW_NUMBERS) j->v->numbers[j->v->n_numbers++] = (struct overview_number){label, unit, window, note, p};
}
#define THIS_WINDOW SLICE("the window")
#define NOW SLICE("now")

static void count(struct judging *j, const char *label, double n) { number(j, label, "count", (struct series_point){n, NAN, NAN, NAN}, NOW, SLICE_NULL); }

static void metric(struct judging *j, const char *label, enum series_metric m, struct slice note) {
    number(j, label, series_unit(m), series_of_rollup(m, &j->row->sums), THIS_WINDOW, note);
}

/* True when a fact decides. */
static bool decided_by_fact(struct judging *j) {
    if (j->worst == NULL || j->worst->severity < TIMELINE_WARN) return false;
    j->v->state = j->worst->severity == TIMELINE_BAD ? "bad" : "warn";
    j->v->headline = j->n_worst > 1 ? arena_printf(j->arena, SLICE_FMT ", and %u more", SLICE_ARG(j->worst->title), j->n_worst - 1) : j->worst->title;
    return true;
}

static void say(struct judging *j, const char *state, struct slice headline) {
    j->v->state = state;
    j->v->headline = headline;
}

/* ---- quality ---- */

struct asked_score {
    const struct policy *policy;
    struct slice application;
    const struct alert_rule *rule; /* the one that asks for most */
    double least;
    bool learned;
};

/* A rule that says how good answers have to be, with the threshold in force where the watch runs. */
static void look_at_rule(void *arg, const struct rule_view *view) {
    struct asked_score *a = arg;
    const struct alert_rule *r = alert_rule_find(&a->policy->alerts, slice_of(view->name));
    if (r == NULL || r->when.test != ALERT_BELOW || r->when.signal != SIGNAL_QUALITY_SCORE) return;
    if (r->when.where.by & ~SIGNAL_BY_BIT(APPLICATION)) return; /* it is about a part */
    if (r->when.where.by & SIGNAL_BY_BIT(APPLICATION) && (slice_is_null(a->application) || !slice_eq(r->when.where.is[SIGNAL_BY_APPLICATION], a->application))) return;
    double threshold = isnan(view->threshold) ? r->when.threshold : view->threshold;
    if (a->rule != NULL && threshold <= a->least) return;
    a->rule = r;
    a->least = threshold;
    a->learned = view->threshold_number > 0;
}

static struct asked_score asked_of(const struct judging *j) {
    struct api_call *c = j->o->c;
    struct asked_score a = {.policy = c->policy, .application = j->row->application, .least = NAN};
    if (c->policy == NULL) return a;
    if (c->s->rules_seen != NULL) {
        c->s->rules_seen(c->s->alert_ctx, look_at_rule, &a);
        return a;
    }
    for (unsigned i = 0; i < c->policy->alerts.n_rules; i++) {
        struct rule_view view = {.threshold = NAN};
        struct slice name = c->policy->alerts.rules[i].name;
        snprintf(view.name, sizeof view.name, SLICE_FMT, SLICE_ARG(name));
        look_at_rule(&a, &view);
    }
    return a;
}

static void judge_score(struct judging *j, const struct series_point *p, const struct asked_score *a) {
    struct slice is = isnan(p->low) ? arena_printf(j->arena, "score %.3g of %.0f answers", p->value, p->n)
                                    : arena_printf(j->arena, "score %.3g (%.3g to %.3g) of %.0f answers", p->value, p->low, p->high, p->n);
    if (a->rule != NULL && p->low >= a->least) say(j, "good", arena_printf(j->arena, SLICE_FMT ", and %.3g is asked", SLICE_ARG(is), a->least));
    else if (a->rule != NULL && p->high < a->least) say(j, "bad", arena_printf(j->arena, SLICE_FMT ", and %.3g is asked", SLICE_ARG(is), a->least));
    else if (a->rule != NULL) say(j, "unknown", arena_printf(j->arena, SLICE_FMT ": not enough evidence that it is %.3g or more", SLICE_ARG(is), a->least));
    else if (p->n < SCORED_LEAST) say(j, "unknown", arena_printf(j->arena, SLICE_FMT ": too few to say anything", SLICE_ARG(is)));
    else say(j, "good", arena_printf(j->arena, SLICE_FMT "; nothing was found worse than it was", SLICE_ARG(is)));
}

static void judge_quality(struct judging *j) {
    struct series_point p = series_of_scores(&j->row->scores);
    struct asked_score a = asked_of(j);
    struct slice note = a.rule == NULL ? SLICE("no rule asks for a score: a rule on quality.score does")
                                       : arena_printf(j->arena, "at least %.3g: %s rule " SLICE_FMT, a.least, a.learned ? "accepted for" : "of", SLICE_ARG(a.rule->name));
    number(j, "score", "score", p, THIS_WINDOW, note);
    metric(j, "latency p95", SERIES_LATENCY_P95, SLICE_NULL);
    metric(j, "first token p95", SERIES_TTFT_P95, SLICE_NULL);
    j->v->trend = p.n > 0 ? "quality" : "latency.p95";
    if (decided_by_fact(j)) return;
    if (p.n > 0) judge_score(j, &p, &a);
    else say(j, "unknown", SLICE("no answer was scored: `quarterdeck apply -f DIR` with a scoring rule has some of the traffic scored"));
}

/* ---- cost ---- */

struct budgets {
    struct slice application;
    unsigned n;
    double worst; /* share of the limit that is spent */
    const char *name;
    int64_t limit_nano;
};

static void look_at_budget(void *arg, const struct budget_view *v) {
    struct budgets *b = arg;
    const struct scope *s = &v->budget->scope;
    bool whole = s->n_terms == 0, ours = false; /* of everything; of this application and nothing narrower */
    for (unsigned i = 0; i < s->n_terms; i++)
        if (s->terms[i].by == SCOPE_BY_APPLICATION && s->n_terms == 1)
            ours = slice_is_null(b->application) || (!slice_is_null(v->values[i]) && slice_eq(v->values[i], b->application));
    if (!whole && !ours) return;
    double share = v->budget->limit_nano > 0 ? (double)(v->spent_nano + v->reserved_nano) / (double)v->budget->limit_nano : NAN;
    b->n++;
    if (!(share > b->worst)) return;
    b->worst = share;
    b->name = v->budget->name;
    b->limit_nano = v->budget->limit_nano;
}

static void judge_cost(struct judging *j) {
    struct api_call *c = j->o->c;
    struct budgets b = {.application = j->row->application, .worst = -1};
    if (c->s->budgets != NULL) c->s->budgets(c->s->ctx, look_at_budget, &b);
    metric(j, "spent", SERIES_COST, j->row->sums.unpriced > 0 ? arena_printf(j->arena, "without %llu exchanges whose price is not known", (unsigned long long)j->row->sums.unpriced) : SLICE_NULL);
    metric(j, "an exchange", SERIES_COST_PER_REQUEST, SLICE_NULL);
    if (b.name != NULL)
        number(j, "of its tightest budget", "share", (struct series_point){b.worst, NAN, NAN, NAN}, SLICE("the budget's window"),
               arena_printf(j->arena, "budget %s of %.6g USD", b.name, (double)b.limit_nano / 1e9));
    j->v->trend = "cost";
    if (decided_by_fact(j)) return;
    if (b.name != NULL && b.worst >= 1) say(j, "bad", arena_printf(j->arena, "budget %s is used up", b.name));
    else if (b.name != NULL) say(j, "good", arena_printf(j->arena, "%.3g %% of budget %s is used, and nothing says that it will not hold", 100 * b.worst, b.name));
    else if (c->s->budgets == NULL) say(j, "unknown", SLICE("what is spent of budgets is known to the running server only: `quarterdeck serve`"));
    else say(j, "unknown", SLICE("no budget bounds it: `quarterdeck budget set --name NAME --application NAME --limit-usd USD --window month`"));
}

/* ---- change ---- */

/* Of prompts whoever uses a registered one is named NAME@V in its records. */
static bool uses_prompts(const struct judging *j) {
    size_t cursor = 0;
    void *value;
    struct slice key, application, used;
    const struct table *t = &j->o->uses;
    while (table_next(t, &cursor, &key, &value)) {
        slice_cut(key, '\n', &application, &used);
        if (slice_starts(used, SLICE("prompt:")) && (slice_is_null(j->row->application) || slice_eq(application, j->row->application))) return true;
    }
    return false;
}

static void judge_change(struct judging *j) {
    unsigned rollouts = 0, versions = 0;
    for (unsigned i = 0; i < j->o->n_facts; i++) {
        const struct overview_fact *f = &j->o->facts[i];
        if (f->domain != OVERVIEW_CHANGE || !overview_is_about(j->o, f, j->row->application)) continue;
        rollouts += slice_starts(f->href, SLICE("/rollouts/"));
        versions += slice_starts(f->href, SLICE("/prompts/"));
    }
    count(j, "rollouts under way", rollouts);
    count(j, "versions that wait", versions);
    if (slice_is_null(j->row->application)) {
        count(j, "prompts", (double)j->o->prompts);
        count(j, "with a version in production", (double)j->o->prompts_served);
    }
    if (decided_by_fact(j)) return;
    if (j->row->sums.count > 0 && uses_prompts(j))
        say(j, "good", rollouts + versions > 0 ? arena_printf(j->arena, "%u rollouts under way, %u versions wait; nothing was found wrong", rollouts, versions)
                                               : SLICE("registered prompts answer; no change waits"));
    else say(j, "unknown", SLICE("no exchange used a registered prompt: `quarterdeck apply -f DIR` registers them, and the header x-quarterdeck-prompt uses one"));
}

/* ---- incidents ---- */

static void judge_incidents(struct judging *j) {
    struct api_call *c = j->o->c;
    unsigned rules = c->policy != NULL ? c->policy->alerts.n_rules : 0, firing = 0;
    for (unsigned i = 0; i < j->o->n_facts; i++)
        firing += j->o->facts[i].domain == OVERVIEW_INCIDENTS && slice_starts(j->o->facts[i].href, SLICE("/alerts/")) && !slice_starts(j->o->facts[i].href, SLICE("/alerts/rules/")) &&
                  overview_is_about(j->o, &j->o->facts[i], j->row->application);
    count(j, "alerts", firing);
    metric(j, "errors", SERIES_ERROR_RATE, SLICE("of those not refused and not cancelled"));
    metric(j, "refused", SERIES_REFUSED, SLICE_NULL);
    j->v->trend = "error_rate";
    if (decided_by_fact(j)) return;
    if (rules == 0) say(j, "unknown", SLICE("no rule watches it: add `alerts` to quarterdeck.yaml, then `quarterdeck alert metrics` lists what can be watched"));
    else if (c->s->rules_seen == NULL) say(j, "unknown", SLICE("nothing is watched while no server runs: `quarterdeck serve`"));
    else if (j->row->sums.count == 0) say(j, "unknown", SLICE("no exchange in the window: nothing to watch"));
    else say(j, "good", arena_printf(j->arena, "none of %u rules fires", rules));
}

/* ---- improvement ---- */

static void judge_improvement(struct judging *j) {
    const struct overview *o = j->o;
    bool all = slice_is_null(j->row->application);
    if (all && o->feedback > 0) {
        struct interval i = proportion_wilson((double)o->negative, (double)o->feedback, CONFIDENCE);
        number(j, "negative feedback", "share", (struct series_point){(double)o->negative / (double)o->feedback, (double)o->feedback, i.low, i.high}, THIS_WINDOW,
               SLICE("feedback scores under 0.5"));
    } else {
        number(j, "negative feedback", "share", SERIES_UNKNOWN, THIS_WINDOW, all ? SLICE_NULL : SLICE("kept for all applications together"));
    }
    if (all) count(j, "reviews open", o->reviews_open);
    count(j, "that wait", j->waits);
    if (decided_by_fact(j)) return;
    if (j->waits > 0) say(j, "unknown", arena_printf(j->arena, "%u reviews or suggestions wait; triage and the improvement cycle are not part of this version", j->waits));
    else say(j, "unknown", SLICE("feedback, reviews and `quarterdeck cost review` are here; triage and the improvement cycle are not part of this version"));
}

void overview_judge(const struct overview *o, const struct overview_row *row, enum overview_domain d, struct overview_verdict *ret) {
    static void (*const judges[OVERVIEW_DOMAINS])(struct judging *j) = {judge_quality, judge_cost, judge_change, judge_incidents, judge_improvement};
    struct judging j = {.o = o, .row = row, .v = ret, .arena = o->c->arena};
    *ret = (struct overview_verdict){.state = "unknown", .headline = SLICE("")};
    look_at_facts(&j, d);
    judges[d](&j);
}
