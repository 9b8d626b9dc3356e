/* wire_change_tell.c - see wire_change_tell.h. */
#include "wire_change_tell.h"

#include "base/clock.h"
#include "base/mem.h"
#include "control/console_topic.h"
#include "store/findings.h"

#define STANDS (ROLLOUTS_AT_ONCE + 16)
#define AGAIN_US 60000000LL
#define ROWS 500               /* newest rollouts that are looked through for failed ones */
#define KINDS (FINDING_BIT(ROLLOUT_FAILED) | FINDING_BIT(ROLLOUT_WAITS) | FINDING_BIT(ROLLOUT_ERROR))

struct stand {
    int64_t number;
    enum finding_kind kind;    /* WAITS or ERROR */
    bool open, unwatched;
    const char *command;
    char why[256];
};
struct change_tell {
    const struct change_sources *s;
    struct stand stands[STANDS];
    unsigned n;
    uint64_t under_way;        /* of their numbers */
    bool news;
    int64_t told_us;           /* monotonic; 0: never */
};

struct change_tell *change_tell_new(const struct change_sources *s) {
    struct change_tell *t = mem_new(struct change_tell);
    t->s = s;
    return t;
}

void change_tell_free(struct change_tell *t) { mem_free(t); }

static struct stand *stand_of(struct change_tell *t, int64_t number) {
    for (unsigned i = 0; i < t->n; i++)
        if (t->stands[i].number == number) return &t->stands[i];
    return NULL;
}

/* NULL: there is no room. */
static struct stand *stand_for(struct change_tell *t, int64_t number) {
    struct stand *s = stand_of(t, number);
    if (s || t->n == STANDS) return s;
    s = &t->stands[t->n++];
    *s = (struct stand){.number = number};
    return s;
}

static void put_why(struct stand *s, struct slice why) {
    size_t len = why.len < sizeof s->why - 1 ? why.len : sizeof s->why - 1;
    if (len > 0) memcpy(s->why, why.at, len);
    s->why[len] = '\0';
}

/* What takes it on; where somebody has to choose: what shows between what. */
static const char *command_for(const struct rollout_row *row, const struct judging *j, const struct rollout_decision *d) {
    bool failed = slice_is(row->verdict, guard_verdict_name(GUARD_FAILED)); /* paused by a guardrail, or for one */
    if (j->evidence.verdict == GUARD_ERROR || row->stage == STAGE_AB || failed || !d->for_person) return "rollout status";
    return row->state == ROLLOUT_PAUSED && !slice_contains(row->why, SLICE("until somebody promotes")) ? "rollout resume" : "rollout promote";
}

void change_tell_judged(struct change_tell *t, const struct rollout_row *row, const struct judging *j, const struct rollout_decision *d) {
    struct stand *s = stand_for(t, row->number), before;
    if (!s) return;
    before = *s;
    bool over = j->report.over && row->stage == STAGE_AB;
    s->kind = j->evidence.verdict == GUARD_ERROR ? FINDING_ROLLOUT_ERROR : FINDING_ROLLOUT_WAITS;
    s->open = d->act == ROLLOUT_WAITS && (d->for_person || over);
    s->unwatched = false;
    s->command = command_for(row, j, d);
    put_why(s, d->why);
    t->news |= before.open != s->open || (s->open && (before.kind != s->kind || before.command != s->command));
}

bool change_tell_unwatched(struct change_tell *t, const struct rollout_row *row, struct slice why) {
    struct stand *s = stand_for(t, row->number);
    if (!s) return false;
    bool news = !s->unwatched;
    *s = (struct stand){.number = row->number, .kind = FINDING_ROLLOUT_ERROR, .open = true, .unwatched = true, .command = "rollout abort"};
    put_why(s, why);
    t->news |= news;
    return news;
}

void change_tell_under_way(struct change_tell *t, const struct rollout_row *rows, unsigned n) {
    uint64_t sum = n;
    for (unsigned i = 0; i < n; i++) sum += (uint64_t)rows[i].number * 0x9e3779b97f4a7c15ull;
    t->news |= sum != t->under_way;
    t->under_way = sum;
}

static struct finding finding_of(enum finding_kind kind, const struct rollout_row *r, struct slice why, const char *words, const char *command,
                                 struct arena *arena) {
    struct buffer key, evidence;
    struct json_writer w;
    buffer_init(&key, 4 << 10);
    buffer_init(&evidence, 512 << 10);
    json_start(&w, &key);
    json_array(&w);
    json_put_text(&w, finding_kind_name(kind));
    json_put_i64(&w, r->number);
    json_array_end(&w);
    json_start(&w, &evidence);
    json_object(&w);
    json_member_string(&w, "prompt", r->name);
    json_member_i64(&w, "rollout", r->number);
    json_member_i64(&w, "candidate", r->candidate);
    json_member_i64(&w, "control", r->control);
    json_member_text(&w, "stage", rollout_stage_name(r->stage));
    json_member_string(&w, "why", why);
    if (r->evidence.len > 0) json_member_raw(&w, "guardrails", r->evidence);
    json_object_end(&w);
    struct finding f = {.kind = kind, .key = arena_slice(arena, buffer_slice(&key)), .evidence = arena_slice(arena, buffer_slice(&evidence)),
                        .title = arena_printf(arena, SLICE_FMT "@%lld %s: " SLICE_FMT, SLICE_ARG(r->name), (long long)r->candidate, words, SLICE_ARG(why)),
                        .command = arena_printf(arena, "quarterdeck %s " SLICE_FMT, command, SLICE_ARG(r->name))};
    buffer_deinit(&key);
    buffer_deinit(&evidence);
    return f;
}

/* A failed one is told until its subject has a newer rollout. */
static bool is_newest(const struct rollout_row *rows, unsigned i) {
    for (unsigned k = 0; k < i; k++)
        if (slice_eq(rows[k].kind, rows[i].kind) && slice_eq(rows[k].name, rows[i].name)) return false;
    return true;
}

static unsigned collect(struct change_tell *t, const struct rollout_row *open, unsigned n_open, const struct rollout_row *rows, unsigned n, struct finding *seen,
                        struct arena *arena) {
    unsigned found = 0;
    for (unsigned i = 0; i < n_open; i++) {
        const struct stand *s = stand_of(t, open[i].number);
        if (!s || !s->open) continue;
        seen[found++] = finding_of(s->kind, &open[i], slice_of(s->why), s->kind == FINDING_ROLLOUT_ERROR ? "cannot be judged" : "waits for a person", s->command, arena);
    }
    for (unsigned i = 0; i < n; i++)
        if (rows[i].state == ROLLOUT_ROLLED_BACK && rows[i].weight_ppm == 0 && is_newest(rows, i))
            seen[found++] = finding_of(FINDING_ROLLOUT_FAILED, &rows[i], rows[i].why, "failed and was rolled back", "rollout status", arena);
    return found;
}

static void prune(struct change_tell *t, const struct rollout_row *open, unsigned n) {
    for (unsigned i = 0; i < t->n;) {
        bool under_way = false;
        for (unsigned k = 0; k < n; k++) under_way |= open[k].number == t->stands[i].number;
        if (under_way) i++;
        else t->stands[i] = t->stands[--t->n];
    }
}

enum fault change_tell_findings(struct change_tell *t, struct registry *r, bool changed, struct error *error) {
    struct arena arena;
    struct rollout_row *rows = NULL, *open = NULL;
    struct findings_change change;
    unsigned n = 0, n_open = 0;
    int64_t now = clock_us();
    if (!changed && !t->news && t->told_us != 0 && now - t->told_us < AGAIN_US) return FAULT_NONE;
    arena_init(&arena, 64 << 10, 256 << 20);
    enum fault fault = rollouts_list(r, SLICE_NULL, SLICE_NULL, false, ROWS, &arena, &rows, &n, error);
    if (fault == FAULT_NONE) fault = rollouts_list(r, SLICE_NULL, SLICE_NULL, true, 0, &arena, &open, &n_open, error);
    struct finding *seen = fault == FAULT_NONE ? arena_new_array(&arena, struct finding, n + n_open + 1) : NULL;
    int64_t *ids = seen ? arena_new_array(&arena, int64_t, n + n_open + 1) : NULL;
    if (fault == FAULT_NONE && !ids) fault = error_set(error, FAULT_TOO_LARGE, "no room for findings of rollouts");
    if (fault == FAULT_NONE && seen) {
        unsigned found = collect(t, open, n_open, rows, n, seen, &arena);
        fault = findings_put(r, &(struct findings_look){.kinds = KINDS, .seen = seen, .n_seen = found}, clock_wall_us(), ids, &change, error);
        for (unsigned i = 0; fault == FAULT_NONE && i < found; i++) {
            seen[i].id = ids[i];
            if (ids[i] != 0 && t->s->opened) t->s->opened(t->s->ctx, &seen[i]);
        }
        prune(t, open, n_open);
        if (fault == FAULT_NONE && change.cleared > 0 && t->s->changed) t->s->changed(t->s->ctx, CONSOLE_FINDINGS);
    }
    if (fault == FAULT_NONE) {
        t->told_us = now;
        t->news = false;
    }
    arena_deinit(&arena);
    return fault;
}
