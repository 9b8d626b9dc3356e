/* What a play does, step by step.
 *
 * At a position (behind N tokens) the script's doings come in this order: malformed event, stream error,
 * stall, reset, cut. */
#include "sim/play_private.h"

enum {
    FLOOD_PIECE = 64 * 1024,
    DRAIN_US = 2000, /* between looks whether what was written is out, before a connection is closed */
};

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

/* ---- concluding ---- */

/* Before the request is concluded: the play may be gone when that returns. */
void play_settle(struct play *p) {
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
    play_make_head(p, false, &h);
    play_settle(p);
    http_respond(p->request, status, h.headers, h.n, body);
    return PLAY_OVER;
}

int64_t play_refuse(struct play *p, int status, struct act_error words) {
    struct wire_error e = {status, words, p->request_id, p->ask.model};
    struct buffer *out = &p->stage->scratch;
    p->outcome = BOOK_REFUSED;
    buffer_clear(out);
    wire_of(p->ask.api)->write_error(&e, out);
    int64_t next = respond(p, status, buffer_slice(out));
    buffer_clear(out);
    return next;
}

int64_t play_abandon(struct play *p) {
    play_settle(p);
    http_abandon(p->request);
    return PLAY_OVER;
}

/* ---- the steps ---- */

static int64_t go(struct play *p, enum play_step next, int64_t us) {
    p->step = next;
    return us;
}

/* Falls silent once; then on with `next` after stall_for, or never. */
static int64_t stall(struct play *p, enum play_step next) {
    play_flush(p);
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
        *ret = play_refuse(p, 401, (struct act_error){.message = SLICE_NULL});
    } else if (!slice_is_null(p->verdict.bad_word)) {
        words.message = arena_printf(&p->arena, "no fault is called '" SLICE_FMT "'; see docs/simulator.md",
                                     SLICE_ARG(p->verdict.bad_word));
        *ret = play_refuse(p, 404, words);
    } else if (!slice_is_null(a->body)) {
        p->outcome = BOOK_BROKEN;
        *ret = respond(p, a->status > 0 ? (int)a->status : 200, a->body);
    } else if (a->status > 0 && a->status != 200) {
        *ret = play_refuse(p, (int)a->status, words);
    } else if (a->content_filter == ACT_FILTER_PROMPT) {
        words.code = SLICE("content_filter");
        *ret = play_refuse(p, 400, words);
    } else if (over_context(p)) {
        words.code = SLICE("context_length_exceeded");
        words.param = SLICE("messages");
        *ret = play_refuse(p, 400, words);
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
        return play_abandon(p);
    }
    if (decide_refusal(p, &next)) return next;
    answer_make(&p->ask, a, &p->verdict.profile, p->stage->seed, &p->arena, &p->answer);
    if (p->answer.n_choices == 0 || arena_is_full(&p->arena))
        return play_refuse(p, 413, (struct act_error){.message = SLICE_NULL});
    if (a->flood > 0) return go(p, STEP_FLOOD, first_token_us(p));
    if (!p->ask.stream) return go(p, STEP_WHOLE, whole_us(p));
    if (a->early_head) play_begin(p);
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
        return play_refuse(p, 400, (struct act_error){.param = SLICE("input")});
    }
    if (a->reset >= 0 || a->stall >= 0 || a->cut >= 0) { /* half of it, and then what comes at a position */
        play_begin(p);
        http_stream_write(p->request, slice_make(body.at, body.len / 2));
        buffer_deinit(&body);
        return go(p, STEP_PART, 0);
    }
    play_make_head(p, false, &h);
    play_settle(p);
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
    play_begin(p);
    if (p->flooded == 0)
        http_stream_write(p->request, p->ask.stream ? SLICE("data: {\"x\":\"") : SLICE("{\"x\":\""));
    while (p->flooded < p->verdict.act.flood && !play_is_full(p)) {
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
    return play_abandon(p);
}

static int64_t step_end(struct play *p) {
    play_begin(p);
    play_settle(p);
    http_stream_end(p->request);
    return PLAY_OVER;
}

int64_t play_step(struct play *p) {
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
