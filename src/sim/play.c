/* A play is a chain of steps. A step does its work and says when the next one is due; 0 means at once.
 * Frames of a step gather in the stage's scratch buffer and leave when the play has to wait, so that a
 * token costs one write, and answers "at once" cost one write for many.
 *
 * What is done at a position (behind N tokens) comes in this order: malformed event, stream error, stall,
 * reset, cut. */
#include "sim/play.h"
#include "base/digest.h"
#include "base/mem.h"

enum {
    SPARE_PLAYS = 256,
    PLAY_ARENA = 8192,
    FLUSH_BYTES = 32 * 1024,
    FLOOD_PIECE = 64 * 1024,
    DRAIN_US = 2000, /* between looks whether what was written is out, before a connection is closed */
    TICK_US = 1000,
    CATCH_UP_US = 50 * 1000, /* a play further behind its plan starts a new one */
    SPLIT_MAX = 1 << 24,
};

/* When the next step is due, beside a time in microseconds. */
#define PLAY_WAIT (-1) /* when the client has read more, or never */
#define PLAY_OVER (-2) /* the request is concluded */

enum step {
    STEP_DELAY,
    STEP_DECIDE,
    STEP_WHOLE,
    STEP_HEAD,
    STEP_TOKENS,
    STEP_FLOOD,
    STEP_PART,
    STEP_RESET,
    STEP_END
};

struct play {
    struct play_stage *stage;
    struct http_request *request;
    struct list spare;
    struct arena arena;
    struct ask ask;
    struct book_verdict verdict;
    struct answer answer;
    struct frames frames;
    struct dice times; /* unlike the answer, times differ from request to request */
    struct loop_timer timer;
    struct slice request_id;
    enum step step;
    enum book_outcome outcome;
    bool began, stalled, malformed, concluded;
    bool blocked; /* on_drained goes on */
    int64_t flooded;
    uint64_t drained;    /* looks at an empty queue before a reset */
    struct buffer split; /* bytes that wait to go out one by one */
    size_t split_at;
    int64_t due;     /* what comes behind them */
    int64_t plan_us; /* when the running step was to be */
};

static void run(struct play *p);

/* ---- times ---- */

/* Times of the model's law vanish at speed 0. */
static int64_t law_us(const struct play *p, double us) {
    return p->stage->speed > 0 ? (int64_t)(us * p->verdict.act.slower / p->stage->speed) : 0;
}

/* Times that a script names are taken as they stand at speed 0. */
static int64_t script_us(const struct play *p, int64_t us) {
    return p->stage->speed > 0 ? (int64_t)((double)us / p->stage->speed) : us;
}

static int64_t first_token_us(struct play *p) {
    double us = dice_spread(&p->times, p->verdict.profile.first_token);
    if (p->verdict.act.first_token >= 0) return script_us(p, p->verdict.act.first_token);
    return law_us(p, us);
}

static int64_t next_token_us(struct play *p) {
    if (p->stage->speed <= 0) return 0;
    return law_us(p, dice_spread(&p->times, p->verdict.profile.per_token));
}

static void fired(struct loop_timer *t) {
    run(list_item(t, struct play, timer));
}

/* ---- concluding ---- */

/* Before the request is concluded: the play may be gone when that returns. */
static void settle(struct play *p) {
    bool streamed = p->frames.wire != NULL, whole = p->outcome == BOOK_ANSWERED;
    loop_timer_stop(p->stage->loop, &p->timer);
    p->concluded = true;
    book_end(p->stage->book, &p->verdict, p->outcome, p->answer.input,
             whole      ? p->answer.output
             : streamed ? p->frames.sent
                        : 0);
}

static int64_t respond(struct play *p, int status, struct slice body) {
    struct play_head h;
    play_head_make(&h, &p->ask, &p->verdict.act, false, loop_now_us(p->stage->loop) - p->request->body_us,
                   p->request_id, p->answer.input, &p->arena);
    settle(p);
    http_respond(p->request, status, h.headers, h.n, body);
    return PLAY_OVER;
}

static int64_t refuse(struct play *p, int status, struct act_error words) {
    struct wire_error e = {status, words, p->request_id, p->ask.model};
    struct buffer *out = &p->stage->scratch;
    p->outcome = BOOK_REFUSED;
    buffer_clear(out);
    wire_of(p->ask.api)->write_error(&e, out);
    int64_t next = respond(p, status, buffer_slice(out));
    buffer_clear(out);
    return next;
}

static int64_t abandon(struct play *p) {
    settle(p);
    http_abandon(p->request);
    return PLAY_OVER;
}

/* ---- sending ---- */

static void begin(struct play *p) {
    struct play_head h;
    if (p->began) return;
    p->began = true;
    play_head_make(&h, &p->ask, &p->verdict.act, p->ask.stream,
                   loop_now_us(p->stage->loop) - p->request->body_us, p->request_id, p->answer.input,
                   &p->arena);
    http_stream_begin(p->request, 200, h.headers, h.n);
}

/* Line ends of another kind. JSON holds no raw line feeds, so all of them are the framing's. */
static void reframe(struct play *p, struct buffer *b) {
    if (p->verdict.act.framing == ACT_FRAMING_CR) {
        for (size_t i = 0; i < b->len; i++)
            if (b->at[i] == '\n') b->at[i] = '\r';
        return;
    }
    struct buffer out;
    buffer_init(&out, SIM_ANSWER);
    for (size_t i = 0; i < b->len; i++) {
        if (b->at[i] == '\n') buffer_byte(&out, '\r');
        buffer_byte(&out, b->at[i]);
    }
    buffer_clear(b);
    buffer_append(b, buffer_slice(&out));
    buffer_deinit(&out);
}

static void flush(struct play *p) {
    struct buffer *b = &p->stage->scratch;
    if (b->len == 0) return;
    begin(p);
    if (p->ask.stream && p->verdict.act.framing != ACT_FRAMING_LF) reframe(p, b);
    if (p->verdict.act.split) buffer_append(&p->split, buffer_slice(b));
    else http_stream_write(p->request, buffer_slice(b));
    buffer_clear(b);
}

static bool is_full(const struct play *p) {
    return http_stream_unsent(p->request) > LIMIT_UNSENT;
}

/* One byte a turn. */
static void send_split(struct play *p) {
    http_stream_write(p->request, slice_make(p->split.at + p->split_at, 1));
    if (++p->split_at < p->split.len) return;
    buffer_clear(&p->split);
    p->split_at = 0;
}

/* ---- the steps ---- */

static int64_t go(struct play *p, enum step next, int64_t us) {
    p->step = next;
    return us;
}

/* Falls silent once; then on with `next` after stall_for, or never. */
static int64_t stall(struct play *p, enum step next) {
    flush(p);
    p->stalled = true;
    p->step = next;
    return p->verdict.act.stall_for < 0 ? PLAY_WAIT : script_us(p, p->verdict.act.stall_for) + 1;
}

static bool over_context(const struct play *p) {
    int64_t window = p->verdict.profile.context, limit = p->ask.max_tokens > 0 ? p->ask.max_tokens : 0;
    return window > 0 && (int64_t)p->ask.input_tokens + limit > window;
}

/* Answers that are no answers: errors, bodies of the script's own. */
static bool decide_refusal(struct play *p, int64_t *ret) {
    const struct act *a = &p->verdict.act;
    struct act_error words = a->error;
    if (p->verdict.bad_key) {
        *ret = refuse(p, 401, (struct act_error){.message = SLICE_NULL});
    } else if (!slice_is_null(p->verdict.bad_word)) {
        words.message = arena_printf(&p->arena, "no fault is called '" SLICE_FMT "'; see docs/simulator.md",
                                     SLICE_ARG(p->verdict.bad_word));
        *ret = refuse(p, 404, words);
    } else if (!slice_is_null(a->body)) {
        p->outcome = BOOK_BROKEN;
        *ret = respond(p, a->status > 0 ? (int)a->status : 200, a->body);
    } else if (a->status > 0 && a->status != 200) {
        *ret = refuse(p, (int)a->status, words);
    } else if (a->content_filter == ACT_FILTER_PROMPT) {
        words.code = SLICE("content_filter");
        *ret = refuse(p, 400, words);
    } else if (over_context(p)) {
        words.code = SLICE("context_length_exceeded");
        words.param = SLICE("messages");
        *ret = refuse(p, 400, words);
    } else {
        return false;
    }
    return true;
}

static int64_t whole_us(struct play *p) {
    int64_t us = first_token_us(p);
    if (p->stage->speed <= 0) return us;
    for (uint64_t i = 1; i < p->answer.tokens; i++) us += next_token_us(p);
    return us;
}

static int64_t step_decide(struct play *p) {
    const struct act *a = &p->verdict.act;
    int64_t next;
    if (a->stall == ACT_HEAD && !p->stalled) return stall(p, STEP_DECIDE);
    if (a->reset == ACT_HEAD) {
        p->outcome = BOOK_BROKEN;
        return abandon(p);
    }
    if (decide_refusal(p, &next)) return next;
    answer_make(&p->ask, a, &p->verdict.profile, p->stage->seed, &p->arena, &p->answer);
    if (p->answer.n_choices == 0 || arena_is_full(&p->arena))
        return refuse(p, 413, (struct act_error){.message = SLICE_NULL});
    if (a->flood > 0) return go(p, STEP_FLOOD, first_token_us(p));
    if (!p->ask.stream) return go(p, STEP_WHOLE, whole_us(p));
    if (a->early_head) begin(p);
    return go(p, STEP_HEAD, first_token_us(p));
}

/* False: the request's input is not what the API takes. */
static bool write_whole(struct play *p, struct buffer *body) {
    const struct act *a = &p->verdict.act;
    if (a->stream_error >= 0) {
        struct wire_error e = {500, a->error, p->request_id, p->ask.model};
        p->outcome = BOOK_BROKEN;
        wire_of(p->ask.api)->write_error(&e, body);
    } else if (p->ask.api == ASK_EMBEDDINGS) {
        return wire_write_embeddings(&p->ask, &p->answer, p->stage->seed, &p->arena, body);
    } else {
        wire_of(p->ask.api)->write_answer(&p->ask, a, &p->answer, body);
    }
    if (a->malformed >= 0 && body->len > 2) body->len -= 2;
    return true;
}

static int64_t step_whole(struct play *p) {
    const struct act *a = &p->verdict.act;
    struct play_head h;
    struct buffer body;
    buffer_init(&body, SIM_ANSWER);
    if (!write_whole(p, &body)) {
        buffer_deinit(&body);
        return refuse(p, 400, (struct act_error){.param = SLICE("input")});
    }
    if (a->reset >= 0 || a->stall >= 0 || a->cut >= 0) { /* half of it, and then what comes at a position */
        begin(p);
        http_stream_write(p->request, slice_make(body.at, body.len / 2));
        buffer_deinit(&body);
        return go(p, STEP_PART, 0);
    }
    play_head_make(&h, &p->ask, a, false, loop_now_us(p->stage->loop) - p->request->body_us, p->request_id,
                   p->answer.input, &p->arena);
    settle(p);
    http_respond_take(p->request, 200, h.headers, h.n, &body);
    return PLAY_OVER;
}

static int64_t step_part(struct play *p) {
    const struct act *a = &p->verdict.act;
    struct buffer body;
    if (a->stall >= 0 && !p->stalled) return stall(p, STEP_PART);
    if (a->reset >= 0 || a->cut >= 0) {
        p->outcome = BOOK_BROKEN;
        return go(p, a->reset >= 0 ? STEP_RESET : STEP_END, 0);
    }
    buffer_init(&body, SIM_ANSWER); /* the same bytes again, as every answer is the same again */
    if (write_whole(p, &body))
        http_stream_write(p->request, slice_make(body.at + body.len / 2, body.len - body.len / 2));
    buffer_deinit(&body);
    return go(p, STEP_END, 0);
}

static int64_t step_head(struct play *p) {
    frames_open(&p->frames, &p->ask, &p->verdict.act, &p->answer, &p->arena, &p->stage->scratch);
    return go(p, STEP_TOKENS, 0);
}

static bool at(const struct play *p, int64_t position) {
    return position >= 0 && p->frames.sent >= (uint64_t)position;
}

/* What the script does behind the tokens sent so far. False: nothing, go on with the next one. */
static bool at_position(struct play *p, int64_t *ret) {
    const struct act *a = &p->verdict.act;
    if (at(p, a->malformed) && !p->malformed) {
        p->malformed = true;
        frames_malformed(&p->frames);
    }
    if (at(p, a->stream_error)) {
        struct wire_error e = {500, a->error, p->request_id, p->ask.model};
        p->outcome = BOOK_BROKEN;
        p->frames.wire->fail(&p->frames, &e);
        *ret = go(p, STEP_END, 0);
        return true;
    }
    if (at(p, a->stall) && !p->stalled) {
        *ret = stall(p, STEP_TOKENS);
        return true;
    }
    if (!at(p, a->reset) && !at(p, a->cut)) return false;
    p->outcome = BOOK_BROKEN;
    *ret = go(p, at(p, a->reset) ? STEP_RESET : STEP_END, 0);
    return true;
}

static int64_t step_tokens(struct play *p) {
    int64_t next;
    if (at_position(p, &next)) return next;
    if (!frames_next(&p->frames)) {
        frames_close(&p->frames);
        return go(p, STEP_END, 0);
    }
    const struct frames *f = &p->frames;
    /* the last token brings the end with it, unless something is to happen there */
    if (f->choice == f->answer->n_choices && !at_position(p, &next)) {
        frames_close(&p->frames);
        return go(p, STEP_END, 0);
    }
    if (f->choice == f->answer->n_choices) return next;
    return next_token_us(p);
}

static int64_t step_flood(struct play *p) {
    char piece[FLOOD_PIECE];
    memset(piece, 'x', sizeof piece);
    p->outcome = BOOK_BROKEN;
    begin(p);
    if (p->flooded == 0)
        http_stream_write(p->request, p->ask.stream ? SLICE("data: {\"x\":\"") : SLICE("{\"x\":\""));
    while (p->flooded < p->verdict.act.flood && !is_full(p)) {
        int64_t n = p->verdict.act.flood - p->flooded;
        if (n > FLOOD_PIECE) n = FLOOD_PIECE;
        http_stream_write(p->request, slice_make(piece, (size_t)n));
        p->flooded += n;
    }
    return p->flooded < p->verdict.act.flood ? PLAY_WAIT : go(p, STEP_END, 0);
}

/* Closing drops what the kernel was not given yet: so that goes out first. */
static int64_t step_reset(struct play *p) {
    if (http_stream_unsent(p->request) > 0 || p->drained++ == 0) return DRAIN_US;
    return abandon(p);
}

static int64_t step_end(struct play *p) {
    begin(p);
    settle(p);
    http_stream_end(p->request);
    return PLAY_OVER;
}

static int64_t step(struct play *p) {
    switch (p->step) {
    case STEP_DELAY: return go(p, STEP_DECIDE, script_us(p, p->verdict.act.delay));
    case STEP_DECIDE: return step_decide(p);
    case STEP_WHOLE: return step_whole(p);
    case STEP_HEAD: return step_head(p);
    case STEP_TOKENS: return step_tokens(p);
    case STEP_FLOOD: return step_flood(p);
    case STEP_PART: return step_part(p);
    case STEP_RESET: return step_reset(p);
    case STEP_END: break;
    }
    return step_end(p);
}

/* Steps are planned from each other, not from when they really ran, so that delays do not add up; and they
 * run on whole milliseconds, so that one turn of the loop serves many streams. */
static int64_t until_planned(struct play *p, int64_t delay) {
    int64_t now = loop_now_us(p->stage->loop);
    if (now - p->plan_us > CATCH_UP_US) p->plan_us = now;
    p->plan_us += delay;
    int64_t tick = (p->plan_us + TICK_US - 1) / TICK_US * TICK_US;
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
    p->blocked = p->began && (next >= 0 || p->step == STEP_FLOOD) && is_full(p);
    if (next > 0 && !p->blocked) loop_timer_start(p->stage->loop, &p->timer, next);
    return next != 0 || p->blocked;
}

static void run(struct play *p) {
    p->blocked = false;
    if (p->split.len > 0) {
        send_split(p);
        if (wait(p, p->due)) return;
    }
    for (;;) {
        int64_t next = step(p);
        if (next == PLAY_OVER) return;
        if (next > 0) next = until_planned(p, next);
        if (next == 0 && gathers(p)) continue;
        flush(p);
        if (wait(p, next)) return;
    }
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

static struct slice credential(const struct http_request *r) {
    struct slice key = http_request_header(r, "authorization");
    if (slice_starts(key, SLICE("Bearer "))) return slice_make(key.at + 7, key.len - 7);
    key = http_request_header(r, "x-api-key");
    return slice_is_null(key) ? http_request_header(r, "api-key") : key;
}

void play_start(struct play_stage *s, struct http_request *r, enum ask_api api, struct slice model,
                bool azure) {
    struct play *p = take_play(s, r);
    struct ask_problem problem;
    uint64_t mark = s->seed;
    p->ask.api = api;
    if (!ask_read(api, r->body, model, s->seed, &p->arena, &p->ask, &problem)) {
        p->request_id = SLICE("req_malformed");
        refuse(p, 400,
               (struct act_error){.message = slice_of(problem.text), .param = slice_of(problem.param)});
        return;
    }
    struct book_request b = {
        &p->ask, {r->path, p->ask.model, p->ask.question, p->ask.stream, r, request_header}, credential(r)};
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
    abandon(p);
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
        settle(p);
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
