/* wire_alert_feed.c - what the watch reads: records and scores as they come into the ledger, and, at the start, those of before. */
#include "wire_alert_parts.h"

#include "base/clock.h"
#include "base/virtual_time.h"
#include "store/score.h"
#include "store/scored.h"

#include <stdio.h>

#define SECOND_US 1000000LL
#define AT_ONCE_US SECOND_US             /* of following, before rules are held again */
#define REFILL_LEAST_US (900 * SECOND_US)
#define REFILL_MOST 400000               /* records: more are not read again, the newest are */
#define SCORED_EVERY_US (10 * SECOND_US)
#define SCORED_SHARE 50 /* very many are read less often: reading takes a fiftieth of the time */
#define SCORED_LONGEST_US (600 * SECOND_US)
#define SCORED_LATE_US (7200 * SECOND_US) /* a record may be scored so long after it was made */
#define DAY_US (86400 * SECOND_US)
#define BETWEEN_US (60 * SECOND_US)      /* what ended longer ago was in the ledger when its end was taken: it had been drained */
enum { PAGE_ROOM = 64 << 20 };

static struct slice id_of(const struct record *r) { return slice_make((const char *)&r->id, sizeof r->id); }

static void take_record(void *ctx, const struct record *r) {
    struct alert_wire *w = ctx;
    if (w->refilled.count > 0 && table_get(&w->refilled, id_of(r)) != NULL) return; /* it came while the refill was read */
    signals_record(w->signals, r);
    watch_provider_record(w->providers, r);
    watch_latency_record(w->latency, r);
    watch_output_record(w->output, r);
}

/* ---- before the start ---- */

static int64_t longest_window(const struct policy *p) {
    int64_t longest = REFILL_LEAST_US;
    for (unsigned i = 0; i < p->alerts.n_rules; i++) {
        const struct alert_when *when = &p->alerts.rules[i].when;
        if (when->test != ALERT_FINDING && when->window_us > longest) longest = when->window_us;
    }
    return longest;
}

struct refill { struct alert_wire *w; int64_t now_us; unsigned n; };

static bool each_former(void *ctx, const struct record *r) {
    struct refill *f = ctx;
    signals_record(f->w->signals, r);
    watch_provider_former(f->w->providers, r);
    watch_latency_former(f->w->latency, r);
    if (r->time_us + r->duration_us > f->now_us - BETWEEN_US) table_put(&f->w->refilled, id_of(r), f->w);
    return ++f->n < REFILL_MOST && !atomic_load(&f->w->stopping);
}

/* Newest first, as far as the longest window of a rule reaches. A record that comes between the end and this is met again when the ledger is followed:
 * `refilled` has those that may be. What watchers learned of them is kept over a restart, so that they only fill their windows. */
static enum fault refill(struct alert_wire *w, const struct policy *p, int64_t now_us, struct error *error) {
    struct refill f = {.w = w, .now_us = now_us};
    struct arena arena;
    struct slice cursor = SLICE_NULL;
    struct record_filter q = {.from_us = now_us - longest_window(p), .status = -1, .limit = LIMIT_PAGE};
    arena_init(&arena, 64 << 10, PAGE_ROOM);
    enum fault fault = FAULT_NONE;
    do {
        char held[256];
        size_t n = cursor.len < sizeof held ? cursor.len : 0;
        if (n > 0) memcpy(held, cursor.at, n);
        arena_reset(&arena);
        q.cursor = n > 0 ? arena_slice(&arena, slice_make(held, n)) : SLICE_NULL;
        fault = ledger_list(w->s.ledger, &q, &arena, each_former, &f, &cursor, error);
    } while (fault == FAULT_NONE && !slice_is_null(cursor) && f.n < REFILL_MOST && !atomic_load(&w->stopping));
    arena_deinit(&arena);
    return fault;
}

/* ---- scores ---- */

struct scores { struct alert_wire *w; int64_t from_us; bool former; struct error *error; enum fault fault; };

/* Counted once: of two generations the older one goes after a time in which none of it is met any more. */
static bool is_new(struct alert_wire *w, struct slice name) {
    if (table_get(&w->scored[0], name) != NULL || table_get(&w->scored[1], name) != NULL) return false;
    table_put(&w->scored[0], name, w);
    return true;
}

static void forget_scored(struct alert_wire *w, int64_t now_us) {
    if (now_us - w->scored_swept_us < 2 * SCORED_LATE_US) return;
    table_deinit(&w->scored[1]);
    w->scored[1] = w->scored[0];
    table_init(&w->scored[0]);
    w->scored_swept_us = now_us;
}

static bool each_scored(void *ctx, const struct scored *row) {
    struct scores *s = ctx;
    char key[RECORD_ID_TEXT + 1 + 128], id[RECORD_ID_TEXT];
    if (row->state != SCORED_DONE) return true;
    record_id_format(&row->record, id);
    int n = snprintf(key, sizeof key, "%s " SLICE_FMT, id, SLICE_ARG(row->rule));
    struct slice name = slice_make(key, n < (int)sizeof key ? (size_t)n : sizeof key - 1);
    if (!is_new(s->w, name)) return true;
    signals_scored(s->w->signals, row);
    watch_output_scored(s->w->output, row, s->former);
    return true;
}

static bool each_score(void *ctx, const struct score *score) {
    struct scores *s = ctx;
    char key[RECORD_ID_TEXT + 1 + 96], id[RECORD_ID_TEXT];
    struct arena arena;
    struct record r;
    if (score->at_us < s->from_us || (!slice_is(score->source, "feedback") && !slice_is(score->source, "person"))) return true;
    record_id_format(&score->record, id);
    int n = snprintf(key, sizeof key, "%s/" SLICE_FMT "/%lld", id, SLICE_ARG(score->name), (long long)score->at_us);
    struct slice name = slice_make(key, n < (int)sizeof key ? (size_t)n : sizeof key - 1);
    if (!is_new(s->w, name)) return true;
    arena_init(&arena, 4 << 10, 4 << 20);
    enum fault fault = ledger_find(s->w->s.ledger, &score->record, &arena, &r, s->error);
    if (fault == FAULT_NONE) {
        signals_score(s->w->signals, &r, score);
        watch_output_score(s->w->output, &r, score, s->former);
    }
    arena_deinit(&arena);
    s->fault = fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
    return s->fault == FAULT_NONE;
}

static enum fault feed_scores(struct alert_wire *w, const struct policy *p, int64_t now_us, struct error *error) {
    bool first = w->scored_us == 0;
    int64_t from_us = now_us - (first ? longest_window(p) + SCORED_LATE_US : SCORED_LATE_US);
    struct scores s = {.w = w, .from_us = from_us, .former = first, .error = error, .fault = FAULT_NONE};
    int64_t begun_us = clock_us();
    if (!first && now_us - w->scored_us < w->scored_pause_us && now_us >= w->scored_us) return FAULT_NONE;
    forget_scored(w, now_us);
    enum fault fault = scored_each(w->evaluations, SLICE_NULL, from_us, now_us + DAY_US, each_scored, &s, error);
    if (fault == FAULT_NONE) fault = ledger_scores(w->s.ledger, now_us - DAY_US, 0, NULL, SLICE_NULL, each_score, &s, error);
    if (fault == FAULT_NONE) fault = s.fault;
    if (fault == FAULT_NONE) w->scored_us = now_us;
    w->scored_pause_us = SCORED_SHARE * (clock_us() - begun_us);
    int64_t every_us = virtual_time_cadence(SCORED_EVERY_US);
    if (w->scored_pause_us < every_us) w->scored_pause_us = every_us;
    if (w->scored_pause_us > SCORED_LONGEST_US) w->scored_pause_us = SCORED_LONGEST_US;
    return fault;
}

/* ---- each tick ---- */

enum fault alert_wire_feed(struct alert_wire *w, const struct policy *p, int64_t now_us, bool *ret_complete, struct error *error) {
    const int64_t until_us = clock_us() + AT_ONCE_US;
    enum fault fault = FAULT_NONE;
    bool any = true;
    *ret_complete = false;
    ledger_writer_drain(w->s.writer);
    if (!w->following) {
        fault = ledger_follow_end(w->s.ledger, &w->follow, error);
        if (fault == FAULT_NONE) fault = refill(w, p, now_us, error);
        if (fault != FAULT_NONE) return fault;
        w->following = true;
    }
    while (fault == FAULT_NONE && any && clock_us() < until_us) fault = ledger_follow(w->s.ledger, &w->follow, take_record, w, &any, error);
    if (fault == FAULT_NONE) fault = feed_scores(w, p, now_us, error);
    if (fault != FAULT_NONE) return fault;
    if (!any) signals_at(w->signals, now_us);
    if (!any && w->refilled.count > 0) {
        table_deinit(&w->refilled);
        table_init(&w->refilled);
    }
    *ret_complete = !any;
    return FAULT_NONE;
}
