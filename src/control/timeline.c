#include "control/timeline.h"

#include "control/api.h"
#include "incident/action.h"
#include "store/happenings.h"
#include "store/live_prompts.h"
#include "store/rollouts.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const kinds[] = {
#define KIND(symbol, name) name,
    TIMELINE_KINDS(KIND)
#undef KIND
};
const char *timeline_kind_name(enum timeline_kind k) { return kinds[k]; }

const char *timeline_severity_name(enum timeline_severity s) {
    static const char *const names[] = {"info", "good", "warn", "bad"};
    return names[s];
}

void timeline_add(struct timeline *t, struct timeline_event e) {
    if (!timeline_wants(t, e.kind) || e.at_us < t->from_us || e.at_us >= t->to_us) return;
    if (t->n == t->capacity) {
        unsigned capacity = t->capacity > 0 ? 2 * t->capacity : 256;
        struct timeline_event *grown = arena_resize(t->arena, t->events, t->capacity * sizeof *grown, capacity * sizeof *grown);
        if (grown == NULL) return; /* the arena says so */
        t->events = grown;
        t->capacity = capacity;
    }
    t->events[t->n++] = e;
}

struct slice timeline_href(struct arena *arena, const char *path, struct slice name) {
    static const char hex[] = "0123456789ABCDEF";
    size_t head = strlen(path), n = head + 1;
    char *text = arena_alloc(arena, n + 3 * name.len);
    if (text == NULL) return SLICE_NULL;
    for (size_t i = 0; i < head; i++) text[i] = path[i];
    text[head] = '/';
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.at[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_' || c == '.' || c == '~';
        if (plain) text[n++] = (char)c;
        else text[n++] = '%', text[n++] = hex[c >> 4], text[n++] = hex[c & 15];
    }
    return slice_make(text, n);
}

/* ---- what an application uses ---- */

static bool note_labels(void *ctx, const struct rollup *r) {
    struct timeline *t = ctx;
    struct slice prompt = r->prompt, rest;
    char key[2 * LIMIT_LABEL];
    if (!slice_is_null(prompt)) slice_cut(r->prompt, '@', &prompt, &rest);
    const struct { const char *noun; struct slice name; } used[] = {{"prompt", prompt}, {"model", r->model}};
    for (unsigned i = 0; i < 2; i++) {
        if (slice_is_null(used[i].name)) continue;
        int n = snprintf(key, sizeof key, "%s:" SLICE_FMT, used[i].noun, SLICE_ARG(used[i].name));
        bool ours = !slice_is_null(r->application) && slice_eq(r->application, t->application);
        if (n > 0 && (size_t)n < sizeof key) table_put(ours ? &t->ours : &t->others, slice_make(key, (size_t)n), t);
    }
    return true;
}

/* What nobody has used in the window is everybody's. */
bool timeline_is_about(const struct timeline *t, const char *noun, struct slice name) {
    char key[2 * LIMIT_LABEL];
    if (slice_is_null(t->application)) return true;
    int n = snprintf(key, sizeof key, "%s:" SLICE_FMT, noun, SLICE_ARG(name));
    if (n <= 0 || (size_t)n >= sizeof key) return true;
    struct slice text = slice_make(key, (size_t)n);
    return table_get(&t->ours, text) != NULL || table_get(&t->others, text) == NULL;
}

static enum fault read_labels(struct timeline *t, struct error *error) {
    if (slice_is_null(t->application) || t->ledger == NULL) return FAULT_NONE;
    enum fault fault = ledger_labels(t->ledger, t->from_us, t->to_us, BY_APPLICATION | BY_PROMPT, note_labels, t, error);
    return fault == FAULT_NONE ? ledger_labels(t->ledger, t->from_us, t->to_us, BY_APPLICATION | BY_MODEL, note_labels, t, error) : fault;
}

/* ---- its sources ---- */

static enum fault add_alerts(struct timeline *t, struct error *error) {
    struct firing_seen *all = NULL;
    unsigned n = 0;
    if (!timeline_wants(t, TIMELINE_ALERT)) return FAULT_NONE;
    enum fault fault = happened_firings(t->registry, t->application, t->from_us, t->to_us, t->limit + 1, t->arena, &all, &n, error);
    for (unsigned i = 0; i < n; i++) {
        const struct firing_seen *f = &all[i];
        timeline_add(t, (struct timeline_event){.at_us = f->at_us,
                                                .until_us = f->until_us,
                                                .kind = TIMELINE_ALERT,
                                                .severity = f->severity <= ALERT_ERROR ? TIMELINE_BAD : f->severity == ALERT_INFO ? TIMELINE_INFO : TIMELINE_WARN,
                                                .title = arena_printf(t->arena, SLICE_FMT " (alert %lld of rule " SLICE_FMT ")", SLICE_ARG(f->summary), (long long)f->alert, SLICE_ARG(f->rule)),
                                                .subject = f->rule,
                                                .state = f->state,
                                                .href = arena_printf(t->arena, "/alerts/%lld", (long long)f->alert)});
    }
    return fault;
}

/* "fail_over support-chat: rule vendor-down (alert 12)", in words. */
static struct slice action_title(struct timeline *t, const struct action_row *a, const struct intervention_spec *s) {
    struct arena *arena = t->arena;
    struct slice model = s->model, prompt = s->prompt, words;
    switch (s->kind) {
    case INTERVENTION_FAIL_OVER:
        words = slice_is_null(s->to) ? arena_printf(arena, SLICE_FMT " fails over to its next target", SLICE_ARG(model))
                                     : arena_printf(arena, SLICE_FMT " fails over to " SLICE_FMT, SLICE_ARG(model), SLICE_ARG(s->to));
        break;
    case INTERVENTION_ROLL_BACK: words = arena_printf(arena, SLICE_FMT " is rolled back", SLICE_ARG(prompt)); break;
    case INTERVENTION_ABORT: words = arena_printf(arena, "the rollout of " SLICE_FMT " is aborted", SLICE_ARG(prompt)); break;
    case INTERVENTION_OPEN_BREAKER: words = arena_printf(arena, "nothing is sent to " SLICE_FMT, SLICE_ARG(s->provider)); break;
    case INTERVENTION_CLOSE_BREAKER: words = arena_printf(arena, SLICE_FMT " is asked again though its breaker is open", SLICE_ARG(s->provider)); break;
    case INTERVENTION_THROTTLE: words = arena_printf(arena, "key " SLICE_FMT " is held to %lld requests a minute", SLICE_ARG(s->key), (long long)s->per_minute); break;
    case INTERVENTION_FREEZE: words = arena_printf(arena, "key " SLICE_FMT " is frozen", SLICE_ARG(s->key)); break;
    case INTERVENTION_ROUTE_DOWN: words = arena_printf(arena, SLICE_FMT " answers from its cheapest tier", SLICE_ARG(model)); break;
    case INTERVENTION_DEGRADE: words = arena_printf(arena, "the stand-in of " SLICE_FMT " is served", SLICE_ARG(model)); break;
    case INTERVENTION_QUARANTINE: words = arena_printf(arena, "kept answers of " SLICE_FMT " are not given again", SLICE_ARG(s->application)); break;
    case INTERVENTION_PAUSE_BATCH: words = arena_printf(arena, "batches of " SLICE_FMT " wait", SLICE_ARG(s->application)); break;
    default: words = slice_of(intervention_name(s->kind)); break;
    }
    if (a->state == ACTION_WOULD) words = arena_printf(arena, SLICE_FMT " (dry run: nothing was done)", SLICE_ARG(words));
    else if (a->state == ACTION_NOT_GRANTED || a->state == ACTION_TOO_OFTEN || a->state == ACTION_FAILED)
        words = arena_printf(arena, SLICE_FMT " (not done: %s)", SLICE_ARG(words), action_state_name(a->state));
    if (a->alert > 0) return arena_printf(arena, SLICE_FMT ": rule " SLICE_FMT " (alert %lld)", SLICE_ARG(words), SLICE_ARG(a->rule), (long long)a->alert);
    return a->why.len > 0 ? arena_printf(arena, SLICE_FMT ": " SLICE_FMT, SLICE_ARG(words), SLICE_ARG(a->why)) : words;
}

static void add_action(struct timeline *t, const struct action_row *a) {
    struct intervention_spec s = {.kind = (enum intervention_kind)a->kind, .per_minute = -1};
    struct error unused;
    if (intervention_spec_read(a->scope, t->arena, &s, &unused) != FAULT_NONE) s = (struct intervention_spec){.per_minute = -1};
    s.kind = (enum intervention_kind)a->kind;
    if (!slice_is_null(t->application)) {
        if (!slice_is_null(s.application) && !slice_eq(s.application, t->application)) return;
        if (!slice_is_null(s.model) && !timeline_is_about(t, "model", s.model)) return;
        if (!slice_is_null(s.prompt) && !timeline_is_about(t, "prompt", s.prompt)) return;
    }
    bool undone = a->state == ACTION_WOULD || a->state == ACTION_NOT_GRANTED || a->state == ACTION_TOO_OFTEN || a->state == ACTION_FAILED;
    timeline_add(t, (struct timeline_event){.at_us = a->at_us,
                                            .until_us = a->ended_us,
                                            .kind = TIMELINE_ACTION,
                                            .severity = undone ? TIMELINE_INFO : TIMELINE_WARN,
                                            .title = action_title(t, a, &s),
                                            .subject = arena_printf(t->arena, "action:%lld", (long long)a->number),
                                            .actor = a->by,
                                            .state = slice_of(action_state_name(a->state)),
                                            .href = a->alert > 0 ? arena_printf(t->arena, "/alerts/%lld", (long long)a->alert) : SLICE("/alerts")});
}

static enum fault add_actions(struct timeline *t, struct error *error) {
    struct actions_filter f = {.from_us = t->from_us, .limit = TIMELINE_MOST};
    struct action_row *all = NULL;
    unsigned n = 0;
    if (!timeline_wants(t, TIMELINE_ACTION)) return FAULT_NONE;
    enum fault fault = actions_list(t->registry, &f, t->arena, &all, &n, error);
    for (unsigned i = 0; i < n; i++) add_action(t, &all[i]);
    return fault;
}

static enum fault add_models(struct timeline *t, struct error *error) {
    struct model_change *all = NULL;
    unsigned n = 0;
    if (!timeline_wants(t, TIMELINE_MODEL)) return FAULT_NONE;
    enum fault fault = model_changes(t->registry, SLICE_NULL, t->arena, &all, &n, error);
    for (unsigned i = 0; i < n; i++) {
        const struct model_change *m = &all[i];
        if (slice_is(m->state, "seen") || !timeline_is_about(t, "model", m->model)) continue;
        timeline_add(t, (struct timeline_event){.at_us = m->seen_us,
                                                .kind = TIMELINE_MODEL,
                                                .severity = slice_is(m->state, "accepted") ? TIMELINE_INFO : TIMELINE_WARN,
                                                .title = arena_printf(t->arena, SLICE_FMT ": " SLICE_FMT " of " SLICE_FMT " answers as " SLICE_FMT ", before as " SLICE_FMT, SLICE_ARG(m->model),
                                                                      SLICE_ARG(m->target), SLICE_ARG(m->provider), SLICE_ARG(m->after), SLICE_ARG(m->before)),
                                                .subject = arena_printf(t->arena, "model:" SLICE_FMT, SLICE_ARG(m->model)),
                                                .state = m->state,
                                                .href = SLICE("/evaluation?tab=models")});
    }
    return fault;
}

static enum fault add_rollouts(struct timeline *t, struct error *error) {
    struct rollout_row *all = NULL;
    unsigned n = 0;
    if (!timeline_wants(t, TIMELINE_ROLLOUT)) return FAULT_NONE;
    enum fault fault = rollouts_list(t->registry, SLICE_NULL, SLICE_NULL, false, TIMELINE_MOST, t->arena, &all, &n, error);
    for (unsigned i = 0; i < n; i++) {
        const struct rollout_row *r = &all[i];
        if (slice_is(r->kind, "prompt") && !timeline_is_about(t, "prompt", r->name)) continue;
        timeline_add(t, (struct timeline_event){.at_us = r->started_us,
                                                .until_us = r->ended_us,
                                                .kind = TIMELINE_ROLLOUT,
                                                .severity = r->state == ROLLOUT_ROLLED_BACK ? TIMELINE_BAD : r->state == ROLLOUT_PROMOTED ? TIMELINE_GOOD : TIMELINE_INFO,
                                                .title = arena_printf(t->arena, SLICE_FMT " began to roll out " SLICE_FMT " version %lld in place of %lld", SLICE_ARG(r->started_by),
                                                                      SLICE_ARG(r->name), (long long)r->candidate, (long long)r->control),
                                                .subject = arena_printf(t->arena, SLICE_FMT ":" SLICE_FMT, SLICE_ARG(r->kind), SLICE_ARG(r->name)),
                                                .actor = r->started_by,
                                                .state = slice_of(rollout_state_name(r->state)),
                                                .href = timeline_href(t->arena, "/rollouts", r->name)});
    }
    return fault;
}

/* Of these something else on the list tells. */
#define TOLD_ELSEWHERE                                                                                                        \
    (FINDING_BIT(MODEL_CHANGED) | FINDING_BIT(MODEL_CHANGE_WAITS) | FINDING_BIT(ROLLOUT_FAILED) | FINDING_BIT(PRIMARY_RETURNS) | FINDING_BIT(CHANGE_OVERRIDE))

static enum timeline_kind kind_of(enum finding_kind k) {
    switch (k) {
    case FINDING_BUDGET_THRESHOLD: case FINDING_BUDGET_REFUSING: case FINDING_BUDGET_FORECAST: case FINDING_BUDGET_BURN: case FINDING_OVER_PLAN: return TIMELINE_BUDGET;
    case FINDING_PROVIDER_FAILING: case FINDING_PROVIDER_SLOW: case FINDING_VENDOR_INCIDENT: return TIMELINE_PROVIDER;
    default: return TIMELINE_FINDING;
    }
}

const char *timeline_finding_page(enum finding_kind k) {
    if (kind_of(k) == TIMELINE_PROVIDER) return "/providers";
    const char *domain = finding_kind_domain(k);
    if (kind_of(k) == TIMELINE_BUDGET) return "/cost?tab=budgets";
    if (k == FINDING_COST_ANOMALY) return "/cost?tab=anomalies";
    if (k == FINDING_UNKNOWN_PRICE) return "/settings/models";
    if (k == FINDING_DOWNGRADE_POSSIBLE || k == FINDING_DOWNGRADE_WORSE) return "/cost?tab=optimise";
    if (strcmp(domain, "cost") == 0) return "/cost";
    if (k == FINDING_MODEL_CHANGED || k == FINDING_MODEL_CHANGE_WAITS) return "/evaluation?tab=models";
    if (strcmp(domain, "change") == 0) return "/prompts";
    if (strcmp(domain, "incidents") == 0) return "/alerts";
    return k == FINDING_LATENCY_OVER_BUDGET || k == FINDING_LATENCY_WORSE || k == FINDING_USERS_GAVE_UP ? "/latency" : "/evaluation";
}

static enum fault add_findings(struct timeline *t, struct error *error) {
    struct finding *all = NULL;
    unsigned n = 0;
    if (!timeline_wants(t, TIMELINE_FINDING) && !timeline_wants(t, TIMELINE_BUDGET) && !timeline_wants(t, TIMELINE_PROVIDER)) return FAULT_NONE;
    enum fault fault = happened_findings(t->registry, t->application, t->from_us, t->to_us, TIMELINE_MOST, t->arena, &all, &n, error);
    for (unsigned i = 0; i < n; i++) {
        const struct finding *f = &all[i];
        if (TOLD_ELSEWHERE >> f->kind & 1) continue;
        bool bad = f->kind == FINDING_BUDGET_REFUSING || f->kind == FINDING_PROVIDER_FAILING || f->kind == FINDING_SELF_RECORDS;
        timeline_add(t, (struct timeline_event){.at_us = f->first_seen_us,
                                                .until_us = f->cleared_us,
                                                .kind = kind_of(f->kind),
                                                .severity = bad ? TIMELINE_BAD : f->kind == FINDING_DOWNGRADE_POSSIBLE ? TIMELINE_INFO : TIMELINE_WARN,
                                                .title = f->title,
                                                .subject = arena_printf(t->arena, "finding:%lld", (long long)f->id),
                                                .state = slice_of(finding_state_name(f->state)),
                                                .href = slice_of(timeline_finding_page(f->kind))});
    }
    return fault;
}

static enum fault add_runs(struct timeline *t, struct error *error) {
    struct run_seen *all = NULL;
    unsigned n = 0;
    if (t->evaluations == NULL || !timeline_wants(t, TIMELINE_EVALUATION)) return FAULT_NONE;
    enum fault fault = happened_runs(t->evaluations, t->from_us, t->to_us, t->limit + 1, t->arena, &all, &n, error);
    for (unsigned i = 0; i < n; i++) {
        const struct run_seen *r = &all[i];
        struct slice said = r->state == RUN_RUNNING ? SLICE("is running") : slice_is_null(r->verdict) ? SLICE("was stopped") : r->verdict;
        timeline_add(t, (struct timeline_event){.at_us = r->started_us,
                                                .until_us = r->ended_us,
                                                .kind = TIMELINE_EVALUATION,
                                                .severity = slice_is(said, "failed") ? TIMELINE_BAD : slice_is(said, "passed") ? TIMELINE_GOOD : TIMELINE_INFO,
                                                .title = arena_printf(t->arena, "run-%lld of suite " SLICE_FMT " (" SLICE_FMT "): " SLICE_FMT, (long long)r->number,
                                                                      SLICE_ARG(r->suite), SLICE_ARG(r->trigger), SLICE_ARG(said)),
                                                .subject = arena_printf(t->arena, "run-%lld", (long long)r->number),
                                                .actor = r->by,
                                                .state = r->verdict,
                                                .href = arena_printf(t->arena, "/evaluation/runs/%lld", (long long)r->number)});
    }
    return fault;
}

/* ---- all ---- */

static int newest_first(const void *a, const void *b) {
    const struct timeline_event *x = a, *y = b;
    if (x->at_us != y->at_us) return x->at_us < y->at_us ? 1 : -1;
    return x->kind != y->kind ? (x->kind < y->kind ? -1 : 1) : 0;
}

enum fault timeline_read(struct timeline *t, struct error *error) {
    t->events = NULL;
    t->n = t->capacity = 0;
    t->more = false;
    table_init(&t->ours);
    table_init(&t->others);
    enum fault fault = read_labels(t, error);
    if (fault == FAULT_NONE) fault = timeline_audit(t, error);
    if (fault == FAULT_NONE) fault = add_alerts(t, error);
    if (fault == FAULT_NONE) fault = add_actions(t, error);
    if (fault == FAULT_NONE) fault = add_models(t, error);
    if (fault == FAULT_NONE) fault = add_rollouts(t, error);
    if (fault == FAULT_NONE) fault = add_findings(t, error);
    if (fault == FAULT_NONE) fault = add_runs(t, error);
    if (fault == FAULT_NONE && arena_is_full(t->arena)) fault = error_set(error, FAULT_TOO_LARGE, "no room for all that happened: ask for a shorter window");
    if (fault != FAULT_NONE) return fault;
    if (t->n > 1) qsort(t->events, t->n, sizeof *t->events, newest_first);
    t->more = t->more || t->n > t->limit;
    if (t->n > t->limit) t->n = t->limit;
    return FAULT_NONE;
}

void timeline_deinit(struct timeline *t) {
    table_deinit(&t->ours);
    table_deinit(&t->others);
}
