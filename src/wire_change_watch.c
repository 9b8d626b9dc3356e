/* wire_change_watch.c - rollouts under way: what came into the ledger is counted once, each is judged at its interval, and what follows is
 * carried out. What is counted and how far the ledger was read are kept in one transaction (store/rollouts.h); when that fails, both are
 * forgotten here and read again. */
#include "wire_change_parts.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/mem.h"
#include "change/acts.h"
#include "change/judging.h"
#include "change/standing.h"
#include "control/console_topic.h"
#include "store/follow.h"
#include "store/rollout_points.h"
#include "wire_change_tell.h"

#define LEAST_US 100000LL        /* between two looks */
#define IDLE_US 60000000LL       /* without a rollout: whoever starts one wakes the thread */
#define STEPS 64                 /* transactions of the ledger that are counted before they are kept */
#define WATCHED (ROLLOUTS_AT_ONCE + 16) /* two that begin at once may pass what act_start allows */
#define GUARDS (16u << 20)       /* most bytes of one rollout's sums */

struct watched {
    int64_t number;
    struct arena arena;          /* of plan */
    struct judged_plan plan;
    enum rollout_stage stage;
    struct guardrails *g;
    bool dirty;
    unsigned step, epoch;        /* where held_us was counted */
    int64_t held_us, held_at_us; /* monotonic */
    int64_t judged_us;           /* monotonic; 0: never */
    struct judging_memory *memory;
};

struct change_watch {
    const struct change_sources *s;
    struct registry *registry;
    bool has_position;
    struct follow position, kept, end; /* kept: in the registry */
    struct watched *all[WATCHED];
    unsigned n;
    struct change_tell *tell;
    struct standings *standings; /* for those who look */
    bool points_failed;          /* told once, until it works again */
};

/* ---- what is remembered ---- */

static void forget(struct watched *w) {
    if (!w) return;
    guardrails_free(w->g);
    judging_memory_free(w->memory);
    arena_deinit(&w->arena);
    mem_free(w);
}

static void forget_all(struct change_watch *w) {
    for (unsigned i = 0; i < w->n; i++) forget(w->all[i]);
    w->n = 0;
    w->has_position = false;
}

static struct watched *find(struct change_watch *w, int64_t number) {
    for (unsigned i = 0; i < w->n; i++)
        if (w->all[i]->number == number) return w->all[i];
    return NULL;
}

static enum fault remember(struct change_watch *w, const struct rollout_row *row, struct error *error) {
    struct watched *x = mem_new(struct watched);
    struct slice sums = SLICE_NULL;
    arena_init(&x->arena, 8 << 10, GUARDS);
    x->number = row->number;
    x->stage = row->stage;
    x->step = row->step;
    x->epoch = row->epoch;
    x->held_us = row->step_held_us;
    x->held_at_us = clock_us();
    enum fault fault = judging_plan(row, &x->arena, &x->plan, error);
    if (fault == FAULT_NONE) fault = rollout_sums_find(w->registry, row->number, &x->arena, &sums, error);
    if (fault == FAULT_NONE) x->g = guardrails_new(&x->plan.plan);
    if (fault == FAULT_NONE && !slice_is_null(sums)) fault = guardrails_decode(sums, x->g, error);
    if (fault != FAULT_NONE) {
        forget(x);
        return fault;
    }
    x->memory = judging_memory_new();
    w->all[w->n++] = x;
    return FAULT_NONE;
}

static const struct rollout_row *row_of(const struct rollout_row *rows, unsigned n, int64_t number) {
    for (unsigned i = 0; i < n; i++)
        if (rows[i].number == number) return &rows[i];
    return NULL;
}

/* One whose plan or sums cannot be read is told (rollout_error) and left alone: it holds; a person aborts it. */
static enum fault sync_with(struct change_watch *w, const struct rollout_row *rows, unsigned n, struct error *error) {
    for (unsigned i = 0; i < w->n;) {
        if (row_of(rows, n, w->all[i]->number)) i++;
        else {
            forget(w->all[i]);
            w->all[i] = w->all[--w->n];
        }
    }
    for (unsigned i = 0; i < n; i++) {
        if (find(w, rows[i].number)) continue;
        if (w->n == WATCHED) break;
        enum fault fault = remember(w, &rows[i], error);
        if (fault == FAULT_NONE) continue;
        if (fault != FAULT_CORRUPT && fault != FAULT_CONFIG && fault != FAULT_BAD_JSON) return fault;
        if (change_tell_unwatched(w->tell, &rows[i], slice_of(error->text)))
            log_event(LOG_ERROR, "a rollout cannot be watched: what is kept of it cannot be read", "error", error->text, NULL);
    }
    return FAULT_NONE;
}

/* Time that the server served at this step: a sleeping machine and a stepped clock count as one look at most. */
static void count_time(struct watched *x, const struct rollout_row *row) {
    int64_t now = clock_us(), passed = now - x->held_at_us, most = 2 * x->plan.plan.interval_us + LEAST_US;
    x->held_at_us = now;
    if (x->step != row->step || x->epoch != row->epoch || x->stage != row->stage) {
        x->held_us = row->step_held_us;
        x->step = row->step;
        x->epoch = row->epoch;
        x->stage = row->stage;
    } else if (row->state == ROLLOUT_PROGRESSING) {
        x->held_us += passed < 0 ? 0 : passed < most ? passed : most;
    }
}

/* ---- the ledger ---- */

static void take(void *ctx, const struct record *r) {
    struct change_watch *w = ctx;
    struct watched *x = r->rollout != 0 && r->arm != ARM_NONE ? find(w, r->rollout) : NULL;
    if (!x) return;
    guardrails_take(x->g, r, rollout_weight_of(&x->plan.plan, x->plan.is_ab ? STAGE_AB : STAGE_CANARY, r->rollout_step));
    x->dirty = true;
}

static enum fault keep(struct change_watch *w, bool all, struct error *error) {
    struct rollout_sums sums[WATCHED];
    struct buffer bodies[WATCHED];
    char position[FOLLOW_TEXT];
    unsigned n = 0;
    bool overflow = false;
    for (unsigned i = 0; i < w->n; i++) {
        struct watched *x = w->all[i];
        if (!x->dirty && !all) continue;
        buffer_init(&bodies[n], GUARDS);
        guardrails_encode(x->g, &bodies[n]);
        overflow |= bodies[n].overflow;
        sums[n] = (struct rollout_sums){.number = x->number, .step = x->step, .epoch = x->epoch, .step_held_us = x->held_us, .body = buffer_slice(&bodies[n])};
        n++;
    }
    follow_format(&w->position, position);
    enum fault fault = overflow ? error_set(error, FAULT_TOO_LARGE, "the sums of a rollout are too long")
                                : rollout_sums_keep(w->registry, sums, n, slice_of(position), error);
    for (unsigned i = 0; i < n; i++) buffer_deinit(&bodies[i]);
    if (fault != FAULT_NONE) return fault;
    for (unsigned i = 0; i < w->n; i++) w->all[i]->dirty = false;
    w->kept = w->position;
    return FAULT_NONE;
}

static enum fault read_on(struct change_watch *w, struct error *error) {
    bool any = true;
    while (any) {
        enum fault fault = FAULT_NONE;
        for (unsigned i = 0; fault == FAULT_NONE && any && i < STEPS; i++) fault = ledger_follow(w->s->ledger, &w->position, take, w, &any, error);
        if (fault == FAULT_NONE) fault = keep(w, !any, error);
        if (fault != FAULT_NONE) return fault;
    }
    return FAULT_NONE;
}

static enum fault find_position(struct change_watch *w, struct error *error) {
    struct arena arena;
    struct slice text = SLICE_NULL;
    if (w->has_position) return FAULT_NONE;
    arena_init(&arena, 1 << 10, 64 << 10);
    enum fault fault = rollout_position(w->registry, &arena, &text, error);
    if (fault == FAULT_NONE) {
        w->kept = (struct follow){.n = 0};
        if (slice_is_null(text) || !follow_parse(text, &w->position)) w->position = w->end;
        else w->kept = w->position;
        w->has_position = true;
    }
    arena_deinit(&arena);
    return fault;
}

/* ---- judging ---- */

static bool is_gone(const struct policy *p, struct slice model) {
    const struct model_route *route;
    return model.len > 0 && !table_get(&p->model_by_name, model) && !policy_pinned(p, NULL, model, &route);
}

/* The candidate asks for a model that is not there any more, and control does not: no exchange of it can be served. */
static enum fault lacks_model(struct change_watch *w, const struct rollout_row *row, const struct policy *p, struct arena *arena, struct slice *ret,
                              struct error *error) {
    struct slice model[2] = {SLICE_NULL, SLICE_NULL};
    int64_t versions[2] = {row->candidate, row->control};
    *ret = SLICE_NULL;
    for (unsigned i = 0; i < 2; i++) {
        struct change_version v;
        struct json_doc d;
        enum fault fault = changes_version(w->registry, row->kind, row->name, arena_printf(arena, "%lld", (long long)versions[i]), arena, &v, error);
        if (fault == FAULT_NONE) fault = json_read(v.body, arena, 1, &d, error);
        if (fault != FAULT_NONE) return fault;
        model[i] = json_string(&d, json_get(&d, 0, "model"), arena);
    }
    if (is_gone(p, model[0]) && !is_gone(p, model[1]))
        *ret = arena_printf(arena, "its model `" SLICE_FMT "` is not in the configuration", SLICE_ARG(model[0]));
    return FAULT_NONE;
}

static struct slice evidence_of(const struct judging *j, struct arena *arena) {
    struct buffer out;
    struct json_writer jw;
    buffer_init(&out, 256 << 10);
    json_start(&jw, &out);
    guardrails_write(j->answers, j->n, &jw);
    struct slice s = out.overflow ? SLICE_NULL : arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return s;
}

static enum fault act_on(struct change_watch *w, struct rollout_row *row, const struct judging *j, const struct rollout_decision *d,
                         const struct policy *p, struct arena *arena, bool *ret_changed, struct error *error) {
    struct act_outcome outcome;
    const struct act a = {.registry = w->registry, .policy = &p->change, .kind = row->kind, .name = row->name,
                          .who = {.name = SLICE("quarterdeck"), .role = USER_ADMIN, .automatic = true}, .why = d->why, .at_us = clock_wall_us(), .arena = arena};
    row->verdict = slice_of(guard_verdict_name(d->act == ROLLOUT_ROLLS_BACK || (d->act == ROLLOUT_PAUSES && !slice_is_null(j->evidence.pause_why)) ? GUARD_FAILED : j->evidence.verdict));
    enum fault fault = act_step(&a, row, d, evidence_of(j, arena), &outcome, error);
    if (fault == FAULT_CONFLICT) return FAULT_NONE; /* a person was faster: the next look sees it */
    if (fault != FAULT_NONE) return fault;
    *ret_changed = true;
    log_event(d->act == ROLLOUT_ROLLS_BACK ? LOG_WARN : LOG_INFO, "a rollout moved", "prompt", arena_text(arena, row->name), "how", arena_text(arena, outcome.words), NULL);
    return FAULT_NONE;
}

/* For charts: that it cannot be kept keeps nobody from judging. */
static void keep_point(struct change_watch *w, const struct rollout_row *row, const struct judging *j, struct arena *arena) {
    struct rollout_point p;
    struct error error;
    judging_point(j, row, clock_wall_us(), arena, &p);
    bool failed = !slice_is_null(p.body) && rollout_point_put(w->registry, row->number, &p, &error) != FAULT_NONE;
    if (failed && !w->points_failed) log_event(LOG_WARN, "how a rollout stands is not kept for its chart", "error", error.text, NULL);
    w->points_failed = failed;
}

static enum fault judge(struct change_watch *w, struct watched *x, struct rollout_row row, const struct policy *p, struct arena *arena,
                        bool *ret_changed, struct error *error) {
    const struct judging_sources from = {w->registry, w->s->ledger, &p->change, x->memory};
    struct judging j;
    struct rollout_decision d;
    struct buffer counted;
    struct slice lacks;
    buffer_init(&counted, GUARDS);
    guardrails_encode(x->g, &counted);
    row.step_held_us = x->held_us;
    enum fault fault = judging_of(&from, &row, &x->plan, buffer_slice(&counted), arena, &j, error);
    buffer_deinit(&counted);
    if (fault == FAULT_NONE) fault = lacks_model(w, &row, p, arena, &lacks, error);
    if (fault != FAULT_NONE) return fault;
    if (!slice_is_null(lacks)) {
        j.evidence.verdict = GUARD_FAILED;
        j.evidence.why = lacks;
    }
    rollout_decide(&x->plan.plan, &row, &j.evidence, arena, &d);
    x->judged_us = clock_us();
    keep_point(w, &row, &j, arena);
    standings_put(w->standings, &row, &j);
    change_tell_judged(w->tell, &row, &j, &d);
    return d.act == ROLLOUT_WAITS ? FAULT_NONE : act_on(w, &row, &j, &d, p, arena, ret_changed, error);
}

/* One that cannot be judged now does not keep the others from it; it is asked again soon. */
static enum fault judge_all(struct change_watch *w, const struct rollout_row *rows, unsigned n, const struct policy *p, bool *ret_changed,
                            int64_t *ret_wait_us, struct error *error) {
    enum fault fault = FAULT_NONE;
    struct error own;
    for (unsigned i = 0; i < n; i++) {
        struct watched *x = find(w, rows[i].number);
        if (!x) continue;
        int64_t interval = x->plan.plan.interval_us > LEAST_US ? x->plan.plan.interval_us : LEAST_US, since = clock_us() - x->judged_us;
        if (x->judged_us == 0 || since >= interval) {
            struct arena arena;
            arena_init(&arena, 64 << 10, 64 << 20);
            enum fault judged = judge(w, x, rows[i], p, &arena, ret_changed, &own);
            arena_deinit(&arena);
            if (w->s->changed != NULL) w->s->changed(w->s->ctx, CONSOLE_ROLLOUTS); /* what it knows is more than before */
            if (fault == FAULT_NONE && judged != FAULT_NONE) fault = error_set(error, judged, SLICE_FMT ": %s", SLICE_ARG(rows[i].name), own.text);
            since = 0;
        }
        if (interval - since < *ret_wait_us) *ret_wait_us = interval - since;
    }
    return fault;
}

/* ---- one look ---- */

static enum fault watch(struct change_watch *w, const struct rollout_row *rows, unsigned n, bool *ret_changed, int64_t *ret_wait_us,
                        struct error *error) {
    enum fault fault = find_position(w, error);
    if (fault == FAULT_NONE && n == 0) {
        while (w->n > 0) forget(w->all[--w->n]);
        w->position = w->end;
        return w->position.n == w->kept.n && memcmp(w->position.at, w->kept.at, sizeof w->kept.at) == 0 ? FAULT_NONE : keep(w, false, error);
    }
    if (fault == FAULT_NONE) fault = sync_with(w, rows, n, error);
    for (unsigned i = 0; fault == FAULT_NONE && i < n; i++) {
        struct watched *x = find(w, rows[i].number);
        if (x) count_time(x, &rows[i]);
    }
    if (fault == FAULT_NONE) {
        ledger_writer_drain(w->s->writer);
        fault = read_on(w, error);
    }
    if (fault != FAULT_NONE) {
        forget_all(w); /* what was counted and not kept */
        return fault;
    }
    struct policy *p = w->s->policy(w->s->ctx);
    fault = judge_all(w, rows, n, p, ret_changed, ret_wait_us, error);
    policy_drop(p);
    return fault;
}

/* The end is read before the rollouts: what one brings that begins meanwhile is behind it. */
enum fault change_watch_look(struct change_watch *w, bool *ret_changed, int64_t *ret_wait_us, struct error *error) {
    struct arena arena;
    struct rollout_row *rows = NULL;
    unsigned n = 0;
    *ret_wait_us = IDLE_US;
    arena_init(&arena, 64 << 10, 64 << 20);
    enum fault fault = ledger_follow_end(w->s->ledger, &w->end, error);
    if (fault == FAULT_NONE) fault = rollouts_list(w->registry, SLICE("prompt"), SLICE_NULL, true, WATCHED, &arena, &rows, &n, error);
    if (fault == FAULT_NONE) change_tell_under_way(w->tell, rows, n);
    if (fault == FAULT_NONE) standings_keep(w->standings, rows, n);
    if (fault == FAULT_NONE) fault = watch(w, rows, n, ret_changed, ret_wait_us, error);
    if (fault == FAULT_NONE) fault = change_tell_findings(w->tell, w->registry, *ret_changed, error);
    if (*ret_changed || *ret_wait_us < LEAST_US) *ret_wait_us = LEAST_US;
    arena_deinit(&arena);
    return fault;
}

struct change_watch *change_watch_new(const struct change_sources *s, struct registry *r, struct standings *standings) {
    struct change_watch *w = mem_new(struct change_watch);
    w->s = s;
    w->registry = r;
    w->tell = change_tell_new(s);
    w->standings = standings;
    return w;
}

void change_watch_free(struct change_watch *w) {
    if (!w) return;
    forget_all(w);
    change_tell_free(w->tell);
    mem_free(w);
}
