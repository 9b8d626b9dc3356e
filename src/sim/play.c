#include "sim/play.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/virtual_time.h"
#include "sim/play_private.h"

enum {
    SPARE_PLAYS = 256,
    PLAY_ARENA = 8192,
    FLUSH_BYTES = 32 * 1024,
    TICK_US = 1000,
    VIRTUAL_TICK_US = 500 * 1000, /* behind the first token, where each moment costs wake-ups and no time */
    CATCH_UP_US = 50 * 1000, /* a play further behind its plan starts a new one */
    SPLIT_MAX = 1 << 24,
};

/* ---- the clock of a play ---- */

/* Steps are planned from each other, not from when they really ran, so that delays do not add up; and they
 * run on whole milliseconds, so that one turn of the loop serves many streams. */
static int64_t until_planned(struct play *p, int64_t delay) {
    int64_t now = loop_now_us(p->stage->loop);
    int64_t grain = virtual_time_is_on() && p->frames.sent > 0 ? VIRTUAL_TICK_US : TICK_US;
    if (now - p->plan_us > CATCH_UP_US + grain) p->plan_us = now;
    p->plan_us += delay;
    int64_t tick = (p->plan_us + grain - 1) / grain * grain;
    return tick > now ? tick - now : 0;
}

/* Frames gather while the next step is due at once, but not over the end of the answer. */
static bool gathers(const struct play *p) {
    return p->stage->scratch.len < FLUSH_BYTES && p->step != STEP_END && p->step != STEP_RESET &&
           p->step != STEP_PART;
}

/* Waits for the next step. False: it is due at once. */
static bool wait(struct play *p, int64_t next) {
    p->due = next;
    if (p->split.len > 0) {
        loop_timer_start(p->stage->loop, &p->timer, 0);
        return true;
    }
    p->blocked = p->began && (next >= 0 || p->step == STEP_FLOOD) && play_is_full(p);
    if (next > 0 && !p->blocked) loop_timer_start(p->stage->loop, &p->timer, next);
    return next != 0 || p->blocked;
}

static void run(struct play *p) {
    p->blocked = false;
    if (p->split.len > 0) {
        play_send_split(p);
        if (wait(p, p->due)) return;
    }
    for (;;) {
        int64_t next = play_step(p);
        if (next == PLAY_OVER) return;
        if (next > 0) next = until_planned(p, next);
        if (next == 0 && gathers(p)) continue;
        play_flush(p);
        if (wait(p, next)) return;
    }
}

static void fired(struct loop_timer *t) {
    run(list_item(t, struct play, timer));
}

/* ---- the life of a play ---- */

void play_stage_init(struct play_stage *s, struct loop *l, struct book *b, uint64_t seed, double speed) {
    *s = (struct play_stage){.loop = l, .book = b, .seed = seed, .speed = speed};
    buffer_init(&s->scratch, SIM_ANSWER);
    list_init(&s->spare);
}

void play_stage_deinit(struct play_stage *s) {
    struct list *node;
    while ((node = list_shift(&s->spare)) != NULL) {
        struct play *p = list_item(node, struct play, spare);
        arena_deinit(&p->arena);
        mem_free(p);
    }
    buffer_deinit(&s->scratch);
}

static struct play *take_play(struct play_stage *s, struct http_request *r) {
    struct list *node = list_shift(&s->spare);
    struct play *p = node != NULL ? list_item(node, struct play, spare) : mem_new(struct play);
    struct arena arena = p->arena;
    *p = (struct play){.stage = s, .request = r, .arena = arena, .timer.fired = fired};
    if (node == NULL) arena_init(&p->arena, PLAY_ARENA, SIM_ARENA);
    else s->n_spare--;
    list_init(&p->spare);
    buffer_init(&p->split, SPLIT_MAX);
    act_init(&p->verdict.act);
    r->owner = p;
    return p;
}

static struct slice request_header(void *ctx, const char *name) {
    return http_request_header(ctx, name);
}

struct slice play_credential(const struct http_request *r) {
    struct slice key = http_request_header(r, "authorization");
    if (slice_starts(key, SLICE("Bearer "))) return slice_make(key.at + 7, key.len - 7);
    key = http_request_header(r, "x-api-key");
    return slice_is_null(key) ? http_request_header(r, "api-key") : key;
}

void play_start(struct play_stage *s, struct http_request *r, enum ask_api api, struct slice model,
                bool azure) {
    struct play *p = take_play(s, r);
    struct ask_problem problem = {0};
    uint64_t mark = s->seed;
    p->ask.api = api;
    if (!ask_read(api, r->body, model, s->seed, &p->arena, &p->ask, &problem)) {
        p->request_id = SLICE("req_malformed");
        play_refuse(p, 400,
                    (struct act_error){.message = slice_of(problem.text), .param = slice_of(problem.param)});
        return;
    }
    struct book_request b = {
        &p->ask, {r->path, p->ask.model, p->ask.question, p->ask.stream, r, request_header, p->ask.system,
                                  p->ask.input_tokens, p->ask.format != ASK_FORMAT_TEXT, clock_wall_us()}, play_credential(r)};
    book_begin(s->book, &b, &p->verdict);
    p->verdict.act.azure |= azure;
    p->times = dice_of(p->ask.content, p->verdict.serial);
    p->plan_us = loop_now_us(s->loop);
    mark ^= dice_next(&(struct dice){p->verdict.serial});
    p->request_id = arena_printf(&p->arena, "req_%016llx", (unsigned long long)mark);
    run(p);
}

void play_gone(struct http_request *r) {
    struct play *p = r->owner;
    if (p == NULL || p->concluded) return;
    p->outcome = BOOK_ABORTED;
    play_abandon(p);
}

void play_drained(struct http_request *r) {
    struct play *p = r->owner;
    if (p != NULL && p->blocked && !p->concluded) run(p);
}

void play_finished(struct http_request *r) {
    struct play *p = r->owner;
    if (p == NULL) return;
    r->owner = NULL;
    if (!p->concluded) {
        p->outcome = BOOK_ABORTED;
        play_settle(p);
    }
    book_release(&p->verdict);
    buffer_deinit(&p->split);
    if (p->stage->n_spare == SPARE_PLAYS) {
        arena_deinit(&p->arena);
        mem_free(p);
        return;
    }
    arena_reset(&p->arena);
    list_push(&p->stage->spare, &p->spare);
    p->stage->n_spare++;
}
