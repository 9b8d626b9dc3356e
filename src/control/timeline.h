/* timeline.h - what happened, as one list for people: from the audit log, firings of alerts, actions, versions of models, rollouts, findings and
 * runs of suites. Private to control/.
 *
 * Titles say who did what to what and why; they are made of names and reasons that people gave, never of the entries' details, so no secret is
 * in them. Nothing is told twice: what an action, a model change or a rollout has a row for is not taken from the audit log too. */
#ifndef CONTROL_TIMELINE_H
#define CONTROL_TIMELINE_H

#include "base/table.h"
#include "model/finding.h"
#include "store/evaluations.h"
#include "store/ledger.h"
#include "store/registry.h"

/* KIND(symbol, name) */
#define TIMELINE_KINDS(KIND)                                                                                                  \
    KIND(PROMPT, "prompt") KIND(ROLLOUT, "rollout") KIND(MODEL, "model") KIND(ALERT, "alert") KIND(ACTION, "action")          \
    KIND(CONFIGURATION, "configuration") KIND(BUDGET, "budget") KIND(FINDING, "finding") KIND(PROVIDER, "provider")           \
    KIND(EVALUATION, "evaluation")
#define TIMELINE_OR(symbol, name) "|" name
enum timeline_kind {
#define KIND(symbol, name) TIMELINE_##symbol,
    TIMELINE_KINDS(KIND)
#undef KIND
        TIMELINE_KIND_COUNT
};
const char *timeline_kind_name(enum timeline_kind k);

enum timeline_severity { TIMELINE_INFO, TIMELINE_GOOD, TIMELINE_WARN, TIMELINE_BAD };
#define TIMELINE_SEVERITIES "info|good|warn|bad"
const char *timeline_severity_name(enum timeline_severity s);

#define TIMELINE_MOST 1000

struct timeline_event {
    int64_t at_us, until_us; /* until 0: it has no length, or has not ended */
    enum timeline_kind kind;
    enum timeline_severity severity;
    struct slice title, subject, actor, state, href; /* actor, state: SLICE_NULL where there is none; href: a path of the console */
};
struct timeline {
    struct registry *registry;
    struct evaluations *evaluations; /* NULL: none */
    struct ledger *ledger;           /* NULL: what is about an application's prompts and models is not known, and all is told */
    int64_t from_us, to_us;
    struct slice application;        /* of it and of what is about all; SLICE_NULL: any */
    unsigned kinds;                  /* bits 1u << enum timeline_kind */
    unsigned limit;                  /* 1..TIMELINE_MOST */
    struct arena *arena;
    /* filled in */
    struct timeline_event *events;   /* newest first */
    unsigned n, capacity;
    bool more;                       /* there are older ones in the window */
    struct table ours, others;       /* "prompt:NAME" and "model:NAME" that the application used in the window; that others did */
};
enum fault timeline_read(struct timeline *t, struct error *error) MUST_CHECK;
/* Its tables; what was read stays in the arena. */
void timeline_deinit(struct timeline *t);

/* ---- for its sources ---- */
static inline bool timeline_wants(const struct timeline *t, enum timeline_kind k) { return t->kinds >> k & 1; }
void timeline_add(struct timeline *t, struct timeline_event e);
/* Is what is about this prompt or model to be told? `noun`: "prompt" or "model". */
bool timeline_is_about(const struct timeline *t, const char *noun, struct slice name);
/* The console's page of findings of a kind. */
const char *timeline_finding_page(enum finding_kind k);
/* PATH/name, percent-encoded. */
struct slice timeline_href(struct arena *arena, const char *path, struct slice name);
enum fault timeline_audit(struct timeline *t, struct error *error) MUST_CHECK; /* timeline_audit.c */

#endif
