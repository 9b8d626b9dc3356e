/* What is wrong and what waits, from wherever it is kept. */
#include "control/overview.h"

#include "store/findings.h"
#include "store/happenings.h"
#include "store/live_prompts.h"
#include "store/reviews.h"
#include "store/rollouts.h"
#include "store/score.h"

#include <stdio.h>

static void add(struct overview *o, struct overview_fact f) {
    if (o->n_facts < OVERVIEW_FACTS) o->facts[o->n_facts++] = f;
}

/* ---- who uses what ---- */

static void note_use(struct overview *o, struct slice application, const char *noun, struct slice name) {
    char key[3 * LIMIT_LABEL + 16];
    int n = snprintf(key, sizeof key, SLICE_FMT "\n%s:" SLICE_FMT, SLICE_ARG(application), noun, SLICE_ARG(name));
    if (n <= 0 || (size_t)n >= sizeof key) return;
    struct slice whole = slice_make(key, (size_t)n), before, used;
    slice_cut(whole, '\n', &before, &used);
    table_put(&o->uses, whole, o);
    table_put(&o->used, used, o);
}

static bool note_labels(void *ctx, const struct rollup *r) {
    struct overview *o = ctx;
    struct slice application = slice_is_null(r->application) ? SLICE("") : r->application, prompt, version;
    if (!slice_is_null(r->prompt)) {
        slice_cut(r->prompt, '@', &prompt, &version);
        note_use(o, application, "prompt", prompt);
    }
    if (!slice_is_null(r->model)) note_use(o, application, "model", r->model);
    return true;
}

/* What nobody uses is nobody's; without an application all counts. */
bool overview_is_about(const struct overview *o, const struct overview_fact *f, struct slice application) {
    char key[3 * LIMIT_LABEL + 16];
    if (slice_is_null(application)) return true;
    if (!slice_is_null(f->application)) return slice_eq(f->application, application);
    if (slice_is_null(f->used)) return false;
    int n = snprintf(key, sizeof key, SLICE_FMT "\n" SLICE_FMT, SLICE_ARG(application), SLICE_ARG(f->used));
    return n > 0 && (size_t)n < sizeof key && table_get(&o->uses, slice_make(key, (size_t)n)) != NULL;
}

/* ---- findings and alerts ---- */

static enum overview_domain domain_of(enum finding_kind k) {
    const char *name = finding_kind_domain(k);
    for (enum overview_domain d = OVERVIEW_QUALITY; d < OVERVIEW_DOMAINS; d++)
        if (strcmp(name, overview_domain_name(d)) == 0) return d;
    return OVERVIEW_INCIDENTS;
}

#define BAD_FINDINGS                                                                                                          \
    (FINDING_BIT(BUDGET_REFUSING) | FINDING_BIT(EVAL_FAILED) | FINDING_BIT(EVAL_WORSE) | FINDING_BIT(OUTPUT_WORSE) | FINDING_BIT(LATENCY_OVER_BUDGET) | \
     FINDING_BIT(ROLLOUT_ERROR) | FINDING_BIT(PROVIDER_FAILING) | FINDING_BIT(SELF_RECORDS) | FINDING_BIT(SELF_ROOM) | FINDING_BIT(DOWNGRADE_WORSE))
#define MILD_FINDINGS (FINDING_BIT(DOWNGRADE_POSSIBLE) | FINDING_BIT(RULE_CRIES_WOLF) | FINDING_BIT(PRIMARY_RETURNS) | FINDING_BIT(MODEL_CHANGED))
/* Of these the thing itself is read. */
#define READ_ELSEWHERE (FINDING_BIT(MODEL_CHANGE_WAITS) | FINDING_BIT(REVIEW_OVERDUE))

static bool add_findings(struct overview *o) {
    struct finding *all = NULL;
    unsigned n = 0;
    struct error error;
    if (!api_check(o->c, findings_open(o->c->s->registry, o->c->arena, &all, &n, &error), &error)) return false;
    for (unsigned i = 0; i < n; i++) {
        const struct finding *f = &all[i];
        if (READ_ELSEWHERE >> f->kind & 1) continue;
        add(o, (struct overview_fact){.domain = f->kind == FINDING_DOWNGRADE_POSSIBLE ? OVERVIEW_IMPROVEMENT : domain_of(f->kind),
                                      .severity = BAD_FINDINGS >> f->kind & 1    ? TIMELINE_BAD
                                                  : MILD_FINDINGS >> f->kind & 1 ? TIMELINE_INFO
                                                                                 : TIMELINE_WARN,
                                      .needs_person = true,
                                      .application = f->application,
                                      .about = arena_printf(o->c->arena, "finding %lld", (long long)f->id),
                                      .title = f->title,
                                      .href = slice_of(timeline_finding_page(f->kind)),
                                      .command = f->command,
                                      .since_us = f->first_seen_us});
    }
    return true;
}

/* One that follows a finding is about that. */
static struct slice about_alert(const struct alert_row *a, struct arena *arena) {
    struct json_doc series;
    int64_t finding = 0;
    bool follows = json_read(a->series, arena, 1, &series, NULL) == FAULT_NONE && json_get_i64(&series, json_get(&series, 0, "finding"), &finding);
    return follows ? arena_printf(arena, "finding %lld", (long long)finding) : arena_printf(arena, "alert %lld", (long long)a->number);
}

static bool add_alerts(struct overview *o) {
    struct alerts_filter f = {.states = ALERT_ACTIVE, .limit = LIMIT_PAGE};
    struct alert_row *all = NULL;
    unsigned n = 0;
    struct error error;
    struct arena *arena = o->c->arena;
    if (!api_check(o->c, alerts_list(o->c->s->registry, &f, arena, &all, &n, &error), &error)) return false;
    o->alerts_firing = n;
    for (unsigned i = 0; i < n; i++) {
        const struct alert_row *a = &all[i];
        bool taken = a->acknowledged_us != 0, muted = a->silence > 0 || a->muted_by.len > 0;
        bool grave = a->severity <= ALERT_ERROR && !taken && !muted;
        add(o, (struct overview_fact){.domain = OVERVIEW_INCIDENTS,
                                      .severity = grave ? TIMELINE_BAD : a->severity == ALERT_INFO ? TIMELINE_INFO : TIMELINE_WARN,
                                      .needs_person = !taken && !muted,
                                      .application = a->application,
                                      .about = about_alert(a, arena),
                                      .title = a->summary,
                                      .href = arena_printf(arena, "/alerts/%lld", (long long)a->number),
                                      .command = arena_printf(arena, "quarterdeck alert ack %lld --why \"I have it\"", (long long)a->number),
                                      .since_us = a->fired_us > 0 ? a->fired_us : a->since_us});
    }
    return true;
}

/* ---- what waits for somebody's word ---- */

static bool add_versions(struct overview *o) {
    struct version_waiting *all = NULL;
    unsigned n = 0;
    struct error error;
    struct arena *arena = o->c->arena;
    if (!api_check(o->c, versions_waiting(o->c->s->registry, 1u << VERSION_IN_REVIEW | 1u << VERSION_EVALUATED, LIMIT_PAGE, arena, &all, &n, &error), &error)) return false;
    for (unsigned i = 0; i < n; i++) {
        const struct version_waiting *v = &all[i];
        bool review = v->state == VERSION_IN_REVIEW;
        add(o, (struct overview_fact){
                   .domain = OVERVIEW_CHANGE,
                   .severity = TIMELINE_INFO,
                   .needs_person = true,
                   .used = arena_printf(arena, SLICE_FMT ":" SLICE_FMT, SLICE_ARG(v->kind), SLICE_ARG(v->name)),
                   .about = arena_printf(arena, "version " SLICE_FMT ":" SLICE_FMT "@%lld", SLICE_ARG(v->kind), SLICE_ARG(v->name), (long long)v->version),
                   .title = arena_printf(arena, SLICE_FMT " version %lld by " SLICE_FMT " %s", SLICE_ARG(v->name), (long long)v->version, SLICE_ARG(v->author.len > 0 ? v->author : SLICE("nobody named")),
                                         review ? "waits for review and gate" : "is ready to be rolled out"),
                   .href = timeline_href(arena, "/prompts", v->name),
                   .command = review ? arena_printf(arena, "quarterdeck " SLICE_FMT " approve " SLICE_FMT "@%lld --why \"...\"", SLICE_ARG(v->kind), SLICE_ARG(v->name), (long long)v->version)
                                     : arena_printf(arena, "quarterdeck rollout start " SLICE_FMT "@%lld", SLICE_ARG(v->name), (long long)v->version),
                   .since_us = v->since_us});
    }
    return true;
}

static bool add_rollouts(struct overview *o) {
    struct rollout_row *all = NULL;
    unsigned n = 0;
    struct error error;
    struct arena *arena = o->c->arena;
    if (!api_check(o->c, rollouts_list(o->c->s->registry, SLICE_NULL, SLICE_NULL, true, ROLLOUTS_AT_ONCE, arena, &all, &n, &error), &error)) return false;
    for (unsigned i = 0; i < n; i++) {
        const struct rollout_row *r = &all[i];
        bool paused = r->state == ROLLOUT_PAUSED;
        add(o, (struct overview_fact){.domain = OVERVIEW_CHANGE,
                                      .severity = paused ? TIMELINE_WARN : TIMELINE_INFO,
                                      .needs_person = paused,
                                      .used = arena_printf(arena, SLICE_FMT ":" SLICE_FMT, SLICE_ARG(r->kind), SLICE_ARG(r->name)),
                                      .about = arena_printf(arena, "rollout %lld", (long long)r->number),
                                      .title = arena_printf(arena, "%s of " SLICE_FMT " version %lld at %.3g %%%s", rollout_stage_name(r->stage), SLICE_ARG(r->name), (long long)r->candidate,
                                                            r->weight_ppm / 1e4, paused ? " is paused" : ""),
                                      .href = timeline_href(arena, "/rollouts", r->name),
                                      .command = arena_printf(arena, "quarterdeck rollout %s " SLICE_FMT "%s", paused ? "resume" : "status", SLICE_ARG(r->name), paused ? " --why \"...\"" : ""),
                                      .since_us = r->started_us});
    }
    return true;
}

static bool add_models(struct overview *o) {
    struct model_change *all = NULL;
    unsigned n = 0;
    struct error error;
    struct arena *arena = o->c->arena;
    if (!api_check(o->c, model_changes(o->c->s->registry, SLICE_NULL, arena, &all, &n, &error), &error)) return false;
    for (unsigned i = 0; i < n; i++) {
        const struct model_change *m = &all[i];
        bool held = slice_is(m->state, "held");
        if (!held && !slice_is(m->state, "open")) continue;
        add(o, (struct overview_fact){.domain = OVERVIEW_CHANGE,
                                      .severity = TIMELINE_WARN,
                                      .needs_person = true,
                                      .used = arena_printf(arena, "model:" SLICE_FMT, SLICE_ARG(m->model)),
                                      .about = arena_printf(arena, "model change %lld", (long long)m->number),
                                      .title = arena_printf(arena, SLICE_FMT " answers as " SLICE_FMT ", before as " SLICE_FMT "%s" SLICE_FMT, SLICE_ARG(m->target), SLICE_ARG(m->after), SLICE_ARG(m->before),
                                                            held ? "; meanwhile asked: " : "", SLICE_ARG(held ? m->held_to : SLICE(""))),
                                      .href = SLICE("/evaluation?tab=models"),
                                      .command = arena_printf(arena, "quarterdeck model accept %lld --why \"...\"", (long long)m->number),
                                      .since_us = m->seen_us});
    }
    return true;
}

/* "2.84 s": in the unit of what its rule watches, where that is still what it was made for. */
static struct slice threshold_words(const struct api_call *c, const struct threshold *t) {
    const struct alert_rule *r = c->policy != NULL ? alert_rule_find(&c->policy->alerts, t->rule) : NULL;
    if (r != NULL && !digest_eq(&r->digest, &t->of)) r = NULL;
    struct signal_info info = r != NULL ? signal_info(r->when.signal) : (struct signal_info){.unit = ""};
    struct buffer out;
    buffer_init(&out, 64);
    if (r != NULL) alert_value_write(&info, t->value, &out);
    else buffer_printf(&out, "%.6g", t->value);
    struct slice words = arena_slice(c->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return words;
}

static bool add_thresholds(struct overview *o) {
    struct threshold *all = NULL;
    unsigned n = 0;
    struct error error;
    struct arena *arena = o->c->arena;
    if (!api_check(o->c, thresholds_list(o->c->s->registry, SLICE_NULL, SLICE("proposed"), arena, &all, &n, &error), &error)) return false;
    for (unsigned i = 0; i < n; i++)
        add(o, (struct overview_fact){.domain = OVERVIEW_INCIDENTS,
                                      .severity = TIMELINE_INFO,
                                      .needs_person = true,
                                      .about = arena_printf(arena, "threshold %lld", (long long)all[i].number),
                                      .title = arena_printf(arena, "a threshold of " SLICE_FMT " is proposed for rule " SLICE_FMT, SLICE_ARG(threshold_words(o->c, &all[i])), SLICE_ARG(all[i].rule)),
                                      .href = timeline_href(arena, "/alerts/rules", all[i].rule),
                                      .command = arena_printf(arena, "quarterdeck alert accept %lld --why \"...\"", (long long)all[i].number),
                                      .since_us = all[i].made_us});
    return true;
}

static bool add_review(void *ctx, const struct review_row *r) {
    struct overview *o = ctx;
    struct arena *arena = o->c->arena;
    bool late = r->due_us != 0 && r->due_us < o->now_us;
    o->reviews_open++;
    if (r->given >= r->labels) return true;
    add(o, (struct overview_fact){.domain = OVERVIEW_IMPROVEMENT,
                                  .severity = late ? TIMELINE_WARN : TIMELINE_INFO,
                                  .needs_person = true,
                                  .about = arena_printf(arena, "review %lld", (long long)r->number),
                                  .title = arena_printf(arena, "review-%lld (" SLICE_FMT "): %lld of %lld labels are to come%s", (long long)r->number, SLICE_ARG(r->rubric),
                                                        (long long)(r->labels - r->given), (long long)r->labels, late ? ", and it is overdue" : ""),
                                  .href = arena_printf(arena, "/evaluation/review/%lld", (long long)r->number),
                                  .command = arena_printf(arena, "quarterdeck review next review-%lld", (long long)r->number),
                                  .since_us = r->created_us});
    return o->n_facts < OVERVIEW_FACTS;
}

static bool add_reviews(struct overview *o) {
    struct error error;
    return o->c->s->evaluations == NULL || api_check(o->c, reviews_list(o->c->s->evaluations, true, o->c->arena, add_review, o, &error), &error);
}

/* ---- all ---- */

static bool read_uses(struct overview *o) {
    struct ledger *l = o->c->s->ledger;
    struct error error;
    return api_check(o->c, ledger_labels(l, o->from_us, o->to_us, BY_APPLICATION | BY_PROMPT, note_labels, o, &error), &error) &&
           api_check(o->c, ledger_labels(l, o->from_us, o->to_us, BY_APPLICATION | BY_MODEL, note_labels, o, &error), &error) &&
           api_check(o->c, ledger_feedback(l, o->from_us, o->to_us, &o->feedback, &o->negative, &error), &error);
}

bool overview_collect(struct overview *o) {
    struct error error;
    table_init(&o->uses);
    table_init(&o->used);
    o->facts = arena_new_array(o->c->arena, struct overview_fact, OVERVIEW_FACTS);
    if (o->facts == NULL) {
        api_fail(o->c, FAULT_TOO_LARGE, "no room for what waits");
        return false;
    }
    return read_uses(o) && add_findings(o) && add_alerts(o) && add_rollouts(o) && add_models(o) && add_versions(o) && add_thresholds(o) && add_reviews(o) &&
           api_check(o->c, subjects_count(o->c->s->registry, SLICE("prompt"), &o->prompts, &o->prompts_served, &error), &error);
}

void overview_deinit(struct overview *o) {
    table_deinit(&o->uses);
    table_deinit(&o->used);
}
