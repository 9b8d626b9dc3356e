/* Bytes of plays on their way: framing, splitting, backpressure. */
#include "sim/play_private.h"

void play_make_head(struct play *p, bool stream, struct play_head *ret) {
    int64_t processing_us = loop_now_us(p->stage->loop) - p->request->body_us;
    play_head_make(ret, &p->ask, &p->verdict.act, stream, processing_us, p->request_id, p->answer.input,
                   &p->arena);
}

void play_begin(struct play *p) {
    struct play_head h;
    if (p->began) return;
    p->began = true;
    play_make_head(p, p->ask.stream, &h);
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

void play_flush(struct play *p) {
    struct buffer *b = &p->stage->scratch;
    if (b->len == 0) return;
    play_begin(p);
    if (p->ask.stream && p->verdict.act.framing != ACT_FRAMING_LF) reframe(p, b);
    if (p->verdict.act.split) buffer_append(&p->split, buffer_slice(b));
    else http_stream_write(p->request, buffer_slice(b));
    buffer_clear(b);
}

bool play_is_full(const struct play *p) {
    return http_stream_unsent(p->request) > LIMIT_UNSENT;
}

/* One byte a turn. */
void play_send_split(struct play *p) {
    http_stream_write(p->request, slice_make(p->split.at + p->split_at, 1));
    if (++p->split_at < p->split.len) return;
    buffer_clear(&p->split);
    p->split_at = 0;
}
