/* What the tests of the governor share: policies from YAML, an exchange in one call, records as a source. */
#ifndef TEST_COST_GOVERNOR_RIG_H
#define TEST_COST_GOVERNOR_RIG_H

#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "cost/governor.h"
#include "model/config.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define CENT 10000000LL
#define SECOND 1000000LL
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define MOST_ALERTS 4096
#define MONO (1000 * SECOND)

static const char rig_head[] =
    "providers: {p: {dialect: openai, base_url: http://h}}\n"
    "models: {chat: {targets: [{provider: p, model: x}]}, other: {targets: [{provider: p, model: y}]}}\n";

static inline struct policy *policy_of(const char *yaml) {
    static char text[65536];
    struct config_source source = {0};
    struct problems problems;
    struct arena arena;
    struct policy *p = NULL;
    snprintf(text, sizeof text, "%s%s", rig_head, yaml);
    arena_init(&arena, 4096, 1 << 20);
    if (config_read(slice_of(text), "test", &source, NULL, &arena, &p, &problems) != FAULT_NONE)
        fail_msg("line %d: %s", problems.items[0].line, problems.items[0].text);
    arena_deinit(&arena);
    return p;
}

static inline int64_t at(const char *text) {
    int64_t us = 0;
    assert_true(clock_parse(slice_of(text), &us));
    return us;
}

/* ===== records ===== */

struct books {
    struct record *records;
    unsigned n, most, asked;
    int64_t from_us; /* what was asked for */
    enum fault fault;
};

static inline enum fault books_each(void *ctx, int64_t from_us,
                                    void (*take)(void *arg, const struct record *r), void *arg,
                                    struct error *error) {
    struct books *b = ctx;
    b->asked++;
    b->from_us = from_us;
    for (unsigned i = 0; i < b->n; i++)
        if (b->records[i].time_us >= from_us) take(arg, &b->records[i]);
    return b->fault == FAULT_NONE ? FAULT_NONE : error_set(error, b->fault, "the ledger is away");
}

static inline void books_add(struct books *b, const struct settlement *s) {
    if (b->n == b->most)
        b->records = mem_resize(b->records, sizeof *b->records * (b->most = 2 * b->most + 16));
    struct record *r = &b->records[b->n++];
    record_init(r);
    r->id = s->id;
    r->time_us = s->wall_us;
    r->cost_nano = s->cost_nano;
    r->application = s->labels.application;
    r->user = s->labels.user;
    r->team = s->labels.team;
    r->feature = s->labels.feature;
    r->key = s->labels.key;
    r->model = s->labels.model;
    r->request_type = s->labels.request_type;
    r->tags = s->labels.tags;
}

static inline void fill(struct governor *g, int64_t wall_us, struct books *b) {
    struct books none = {0};
    struct error error = {0};
    struct record_source source = {b != NULL ? b : &none, books_each};
    if (governor_fill(g, wall_us, &source, &error) != FAULT_NONE) fail_msg("fill: %s", error.text);
}

/* ===== one exchange ===== */

struct rig {
    struct policy *policy;
    struct governor *governor;
    struct books books;
    int64_t wall_us, mono_us;
    struct verdict verdict;
    pthread_mutex_t lock; /* alerts come on any thread */
    unsigned n_alerts;
    struct {
        char name[64], value[64];
        double share;
        int64_t spent;
        bool replayed;
    } alerts[MOST_ALERTS];
};

static inline void on_alert(void *ctx, const struct budget_alert *a) {
    struct rig *r = ctx;
    pthread_mutex_lock(&r->lock);
    assert_true(r->n_alerts < MOST_ALERTS);
    const struct budget *b = a->view.budget;
    unsigned i = r->n_alerts++;
    snprintf(r->alerts[i].name, sizeof r->alerts[i].name, "%s", b->name);
    if (b->scope.n_terms > 0)
        snprintf(r->alerts[i].value, sizeof r->alerts[i].value, SLICE_FMT,
                 SLICE_ARG(a->view.values[b->scope.n_terms - 1]));
    r->alerts[i].share = a->share;
    r->alerts[i].spent = a->view.spent_nano;
    r->alerts[i].replayed = a->replayed;
    pthread_mutex_unlock(&r->lock);
}

static inline void rig_open(struct rig *r, const char *yaml) {
    *r = (struct rig){.wall_us = at("2026-11-21T08:00:00Z"), .mono_us = MONO};
    pthread_mutex_init(&r->lock, NULL);
    r->policy = policy_of(yaml);
    r->governor = governor_new(&(struct governor_events){r, on_alert});
    if (governor_install(r->governor, r->policy)) fill(r->governor, r->wall_us, NULL);
}

static inline void rig_close(struct rig *r) {
    governor_free(r->governor);
    policy_drop(r->policy);
    mem_free(r->books.records);
    pthread_mutex_destroy(&r->lock);
}

/* A new policy; true: it has budgets to fill. */
static inline bool rig_reload(struct rig *r, const char *yaml) {
    struct policy *p = policy_of(yaml);
    bool needs = governor_install(r->governor, p);
    policy_drop(r->policy);
    r->policy = p;
    return needs;
}

/* Application a, the first of the policy, unless the labels say otherwise. */
static inline struct admission_labels by(const char *user, const char *team) {
    return (struct admission_labels){
        .application = SLICE("a"), .user = slice_of(user), .team = slice_of(team), .model = SLICE("chat")};
}

static inline struct admission_request ask(struct rig *r, struct admission_labels l, int64_t worst) {
    return (struct admission_request){l, &r->policy->applications[0], r->wall_us, r->mono_us, worst, 0, -1};
}

static inline enum verdict_outcome admit(struct rig *r, struct admission_labels l, int64_t worst,
                                         struct reservation *ret) {
    struct admission_request q = ask(r, l, worst);
    governor_admit(r->governor, &q, &r->verdict, ret);
    if (r->verdict.outcome == VERDICT_REFUSE) {
        assert_int_equal(ret->n, 0);
        assert_true(r->verdict.fault != FAULT_NONE && r->verdict.text[0] != 0);
    } else {
        assert_int_equal(r->verdict.fault, FAULT_NONE);
    }
    return r->verdict.outcome;
}

/* Settles at the rig's time, and writes the record. */
static inline void settle(struct rig *r, struct admission_labels l, struct reservation *reservation,
                          int64_t cost) {
    struct settlement s = {.labels = l, .wall_us = r->wall_us, .cost_nano = cost, .tokens = -1};
    record_id_new(&s.id, r->wall_us);
    governor_settle(r->governor, reservation, &s);
    books_add(&r->books, &s);
}

static inline enum verdict_outcome spend(struct rig *r, struct admission_labels l, int64_t cost) {
    struct reservation reservation;
    enum verdict_outcome outcome = admit(r, l, cost, &reservation);
    if (outcome != VERDICT_REFUSE) settle(r, l, &reservation, cost);
    return outcome;
}

/* ===== what a budget shows ===== */

struct look {
    const char *name, *value; /* of the last term; NULL: any */
    struct budget_view view;
    unsigned found;
};

static inline void look_at(void *ctx, const struct budget_view *v) {
    struct look *l = ctx;
    unsigned n = v->budget->scope.n_terms;
    if (strcmp(v->budget->name, l->name) != 0) return;
    if (l->value != NULL && (n == 0 || !slice_is(v->values[n - 1], l->value))) return;
    l->view = *v;
    l->found++;
}

static inline struct budget_view look(struct rig *r, const char *name, const char *value) {
    struct look l = {.name = name, .value = value};
    governor_each_budget(r->governor, r->wall_us, look_at, &l);
    if (l.found > 1) fail_msg("%u of %s %s", l.found, name, value != NULL ? value : "");
    return l.view;
}

static inline void check_view(struct rig *r, const char *name, const char *value, int64_t spent,
                              int64_t reserved) {
    struct budget_view v = look(r, name, value);
    assert_int_equal(v.spent_nano, spent);
    assert_int_equal(v.reserved_nano, reserved);
}

#endif
