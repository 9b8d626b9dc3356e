/* The audit log's part of the timeline: an entry in words. */
#include "control/timeline.h"

#include "control/api.h"
#include "model/change_policy.h"
#include "store/happenings.h"

enum { PAGES = 10 };

/* An action, or a group of them ("key."); verb NULL: it is not told, or something else tells of it. The first that fits. */
static const struct {
    const char *action;
    enum timeline_kind kind;
    enum timeline_severity severity;
    const char *verb, *page; /* page NULL: by the subject */
} rows[] = {
    {"prompt.apply", TIMELINE_PROMPT, TIMELINE_INFO, "applied", NULL},
    {"prompt.adopt", TIMELINE_PROMPT, TIMELINE_INFO, "adopted", NULL},
    {"prompt.submit", TIMELINE_PROMPT, TIMELINE_INFO, "submitted", NULL},
    {"prompt.approve", TIMELINE_PROMPT, TIMELINE_GOOD, "approved", NULL},
    {"prompt.reject", TIMELINE_PROMPT, TIMELINE_WARN, "rejected", NULL},
    {"prompt.override", TIMELINE_PROMPT, TIMELINE_WARN, "overrode review and gate of", NULL},
    {"prompt.gate", TIMELINE_PROMPT, TIMELINE_INFO, "gated", NULL},
    {"prompt.bind", TIMELINE_PROMPT, TIMELINE_INFO, "bound other suites to", NULL},
    {"prompt.", TIMELINE_PROMPT, TIMELINE_INFO, "changed", NULL},
    {"knowledge.apply", TIMELINE_PROMPT, TIMELINE_INFO, "applied", NULL},
    {"knowledge.approve", TIMELINE_PROMPT, TIMELINE_GOOD, "approved", NULL},
    {"knowledge.reject", TIMELINE_PROMPT, TIMELINE_WARN, "rejected", NULL},
    {"knowledge.", TIMELINE_PROMPT, TIMELINE_INFO, "changed", NULL},
    {"label", TIMELINE_PROMPT, TIMELINE_INFO, "moved a label of", NULL},
    {"rollback", TIMELINE_PROMPT, TIMELINE_WARN, "rolled back", NULL},
    {"rollout.start", TIMELINE_ROLLOUT, TIMELINE_INFO, NULL, NULL},
    {"rollout.step", TIMELINE_ROLLOUT, TIMELINE_INFO, "took the next step of", NULL},
    {"rollout.canary", TIMELINE_ROLLOUT, TIMELINE_INFO, "began the canary of", NULL},
    {"rollout.pause", TIMELINE_ROLLOUT, TIMELINE_WARN, "paused", NULL},
    {"rollout.resume", TIMELINE_ROLLOUT, TIMELINE_INFO, "had go on", NULL},
    {"rollout.promote", TIMELINE_ROLLOUT, TIMELINE_GOOD, "promoted", NULL},
    {"rollout.fail", TIMELINE_ROLLOUT, TIMELINE_BAD, "rolled back the candidate of", NULL},
    {"rollout.abort", TIMELINE_ROLLOUT, TIMELINE_WARN, "aborted", NULL},
    {"rollout.wait", TIMELINE_ROLLOUT, TIMELINE_INFO, NULL, NULL},
    {"rollout.", TIMELINE_ROLLOUT, TIMELINE_INFO, "changed the rollout of", NULL},
    {"model.change", TIMELINE_MODEL, TIMELINE_INFO, NULL, NULL},
    {"model.accept", TIMELINE_MODEL, TIMELINE_GOOD, "accepted the new version of", "/evaluation?tab=models"},
    {"model.hold", TIMELINE_MODEL, TIMELINE_WARN, "holds another model in the stead of", "/evaluation?tab=models"},
    {"model.release", TIMELINE_MODEL, TIMELINE_INFO, "ended the hold of", "/evaluation?tab=models"},
    {"action.", TIMELINE_ACTION, TIMELINE_INFO, NULL, NULL},
    {"alert.acknowledge", TIMELINE_ALERT, TIMELINE_INFO, "acknowledged", NULL},
    {"alert.", TIMELINE_ALERT, TIMELINE_INFO, NULL, NULL},
    {"silence.add", TIMELINE_ALERT, TIMELINE_INFO, "added", "/alerts"},
    {"silence.end", TIMELINE_ALERT, TIMELINE_INFO, "ended", "/alerts"},
    {"finding.dismiss", TIMELINE_FINDING, TIMELINE_INFO, "dismissed", NULL},
    {"threshold.accept", TIMELINE_CONFIGURATION, TIMELINE_INFO, "accepted a threshold of", NULL},
    {"threshold.", TIMELINE_CONFIGURATION, TIMELINE_INFO, NULL, NULL},
    {"budget.set", TIMELINE_BUDGET, TIMELINE_INFO, "set budget", "/cost?tab=budgets"},
    {"budget.remove", TIMELINE_BUDGET, TIMELINE_WARN, "removed budget", "/cost?tab=budgets"},
    {"limit.set", TIMELINE_BUDGET, TIMELINE_INFO, "set limit", "/cost?tab=budgets"},
    {"limit.remove", TIMELINE_BUDGET, TIMELINE_WARN, "removed limit", "/cost?tab=budgets"},
    {"approval.", TIMELINE_BUDGET, TIMELINE_INFO, "changed what may be spent without asking by", "/cost?tab=budgets"},
    {"policy.reload", TIMELINE_CONFIGURATION, TIMELINE_INFO, "reloaded", "/settings"},
    {"configuration.undone", TIMELINE_CONFIGURATION, TIMELINE_WARN, "undid the change of", "/settings"},
    {"policy.change", TIMELINE_CONFIGURATION, TIMELINE_INFO, "changed", "/settings"},
    {"key.create", TIMELINE_CONFIGURATION, TIMELINE_INFO, "made key", "/settings/keys"},
    {"key.revoke", TIMELINE_CONFIGURATION, TIMELINE_WARN, "revoked key", "/settings/keys"},
    {"route.on", TIMELINE_CONFIGURATION, TIMELINE_INFO, "turned on routing by difficulty of", "/cost?tab=optimise"},
    {"route.off", TIMELINE_CONFIGURATION, TIMELINE_INFO, "turned off routing by difficulty of", "/cost?tab=optimise"},
    {"scoring.pause", TIMELINE_EVALUATION, TIMELINE_WARN, "paused", "/evaluation"},
    {"scoring.resume", TIMELINE_EVALUATION, TIMELINE_INFO, "resumed", "/evaluation"},
    {"judge.calibrate", TIMELINE_EVALUATION, TIMELINE_INFO, "calibrated judge", "/evaluation"},
    {"eval.", TIMELINE_EVALUATION, TIMELINE_INFO, NULL, NULL},
    {"review.create", TIMELINE_EVALUATION, TIMELINE_INFO, "asked people about", NULL},
    {"review.close", TIMELINE_EVALUATION, TIMELINE_GOOD, "closed", NULL},
    {"review.", TIMELINE_EVALUATION, TIMELINE_INFO, NULL, NULL},
    {"receiver.", TIMELINE_CONFIGURATION, TIMELINE_INFO, NULL, NULL},
    {"session.", TIMELINE_CONFIGURATION, TIMELINE_INFO, NULL, NULL},
};
enum { ROWS = sizeof rows / sizeof *rows };

static bool fits(const char *row, struct slice action) {
    size_t n = strlen(row);
    return row[n - 1] == '.' ? slice_starts(action, slice_of(row)) : slice_is(action, row);
}

/* "prompt:helpdesk-answer@7": its noun, name and version (0: none). */
struct about {
    struct slice noun, name;
    int64_t version;
};
static struct about about_of(struct slice subject) {
    struct about a = {SLICE_NULL, subject, 0};
    struct slice noun, rest, name, version;
    int64_t number;
    if (slice_cut(subject, ':', &noun, &rest)) a = (struct about){noun, rest, 0};
    else if (slice_cut(subject, '/', &noun, &rest) && (slice_is(noun, "finding") || slice_is(noun, "review") || slice_is(noun, "alert-rule") || slice_is(noun, "scoring")))
        a = (struct about){noun, rest, 0};
    if (slice_cut(a.name, '@', &name, &version) && slice_to_i64(version, &number)) a.name = name, a.version = number;
    return a;
}

static struct slice words_of(struct timeline *t, const struct about *a, struct error *error, enum fault *fault) {
    int class = -1;
    if (slice_is_null(a->noun)) return a->name;
    if (!slice_is(a->noun, "prompt") && !slice_is(a->noun, "knowledge")) {
        bool plain = slice_is(a->noun, "model");
        return plain ? a->name : arena_printf(t->arena, SLICE_FMT " " SLICE_FMT, SLICE_ARG(a->noun), SLICE_ARG(a->name));
    }
    if (a->version == 0) return a->name;
    *fault = version_class(t->registry, a->noun, a->name, a->version, &class, error);
    if (class < 0) return arena_printf(t->arena, SLICE_FMT " version %lld", SLICE_ARG(a->name), (long long)a->version);
    return arena_printf(t->arena, SLICE_FMT " version %lld (%s)", SLICE_ARG(a->name), (long long)a->version, change_class_name((enum change_class)class));
}

static struct slice href_of(struct timeline *t, const struct about *a, enum timeline_kind kind) {
    if (kind == TIMELINE_ROLLOUT) return timeline_href(t->arena, "/rollouts", a->name);
    if (slice_is(a->noun, "prompt")) return timeline_href(t->arena, "/prompts", a->name);
    if (slice_is(a->noun, "alert")) return timeline_href(t->arena, "/alerts", a->name);
    if (slice_is(a->noun, "alert-rule")) return timeline_href(t->arena, "/alerts/rules", a->name);
    if (slice_is(a->noun, "review")) return timeline_href(t->arena, "/evaluation/review", a->name);
    return SLICE("/audit");
}

static bool is_about(const struct timeline *t, const struct about *a) {
    struct slice application, rest;
    if (slice_is(a->noun, "prompt")) return timeline_is_about(t, "prompt", a->name);
    if (slice_is(a->noun, "model")) return timeline_is_about(t, "model", a->name);
    /* APPLICATION/KEY */
    return slice_is_null(t->application) || !slice_is_null(a->noun) || !slice_cut(a->name, '/', &application, &rest) || slice_eq(application, t->application);
}

static enum fault add_entry(struct timeline *t, const struct audit_entry *e, struct error *error) {
    enum fault fault = FAULT_NONE;
    unsigned i = 0;
    while (i < ROWS && !fits(rows[i].action, e->action)) i++;
    bool known = i < ROWS;
    enum timeline_kind kind = known ? rows[i].kind : TIMELINE_CONFIGURATION;
    struct about about = about_of(slice_is_null(e->subject) ? SLICE("") : e->subject);
    if ((known && rows[i].verb == NULL) || !timeline_wants(t, kind) || !is_about(t, &about)) return FAULT_NONE;
    struct slice verb = known ? slice_of(rows[i].verb) : arena_printf(t->arena, "did " SLICE_FMT " to", SLICE_ARG(e->action));
    struct slice title = arena_printf(t->arena, SLICE_FMT " " SLICE_FMT " ", SLICE_ARG(e->actor), SLICE_ARG(verb)), words = words_of(t, &about, error, &fault);
    title = e->reason.len > 0 ? arena_printf(t->arena, SLICE_FMT SLICE_FMT ": " SLICE_FMT, SLICE_ARG(title), SLICE_ARG(words), SLICE_ARG(e->reason))
                              : arena_printf(t->arena, SLICE_FMT SLICE_FMT, SLICE_ARG(title), SLICE_ARG(words));
    timeline_add(t, (struct timeline_event){.at_us = e->at_us,
                                            .kind = kind,
                                            .severity = known ? rows[i].severity : TIMELINE_INFO,
                                            .title = title,
                                            .subject = e->subject,
                                            .actor = e->actor,
                                            .state = e->action,
                                            .href = known && rows[i].page != NULL ? slice_of(rows[i].page) : href_of(t, &about, kind)});
    return fault;
}

enum fault timeline_audit(struct timeline *t, struct error *error) {
    struct audit_filter f = {.from_us = t->from_us, .to_us = t->to_us};
    enum fault fault = FAULT_NONE;
    for (unsigned page = 0; fault == FAULT_NONE; page++) {
        struct audit_entry *all = NULL;
        unsigned n = 0;
        fault = registry_audit_find(t->registry, &f, LIMIT_PAGE, t->arena, &all, &n, error);
        for (unsigned i = 0; i < n && fault == FAULT_NONE; i++) fault = add_entry(t, &all[i], error);
        if (n < LIMIT_PAGE) break;
        t->more = page + 1 == PAGES || t->n > t->limit;
        if (t->more) break;
        f.before = all[n - 1].number;
    }
    return fault;
}
