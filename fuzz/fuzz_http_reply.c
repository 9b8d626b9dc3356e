/* An upstream's reply in any split: the same status, body and end. The first byte says how it is split. */
#include "fuzz.h"
#include "io/http_reply.h"

struct seen {
    struct buffer body;
    int status;
    size_t rest; /* bytes behind the reply */
    bool heard, ended, bad, keep_alive;
};

static void read_all(struct slice text, size_t step, struct seen *s) {
    struct http_reply r;
    http_reply_init(&r);
    *s = (struct seen){0};
    buffer_init(&s->body, 16u << 20);
    for (size_t at = 0; at < text.len && !s->bad && !s->ended; at += step) {
        struct slice in = slice_make(text.at + at, text.len - at < step ? text.len - at : step), piece;
        for (enum http_reply_step told = HTTP_REPLY_BODY; told != HTTP_REPLY_MORE && !s->bad && !s->ended;) {
            told = http_reply_feed(&r, &in, &piece);
            if (told == HTTP_REPLY_HEAD) {
                MUST(!s->heard && r.status >= 200);
                MUST(http_reply_has_head(&r));
                (void)http_reply_header(&r, "content-type");
                s->heard = true;
            }
            if (told == HTTP_REPLY_BODY) {
                MUST(s->heard && piece.len > 0);
                buffer_append(&s->body, piece);
            }
            s->bad = told == HTTP_REPLY_BAD;
            s->ended = told == HTTP_REPLY_END;
        }
        if (s->ended) s->rest = text.len - at - (text.len - at < step ? text.len - at : step) + in.len;
    }
    MUST(!s->bad || r.why != NULL);
    MUST(!s->ended || http_reply_ended(&r));
    s->status = r.status;
    s->keep_alive = r.keep_alive;
    http_reply_deinit(&r);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct seen at_once, split;
    if (size < 1 || size > 100000) return 0;
    struct slice text = fuzz_text(data + 1, size - 1);
    read_all(text, text.len + 1, &at_once);
    read_all(text, data[0] % 32 + 1u, &split);
    MUST(at_once.bad == split.bad && at_once.ended == split.ended && at_once.heard == split.heard);
    MUST(at_once.rest == split.rest || at_once.bad);
    MUST(at_once.status == split.status || at_once.bad);
    MUST(at_once.keep_alive == split.keep_alive);
    MUST(slice_eq(buffer_slice(&at_once.body), buffer_slice(&split.body)));
    buffer_deinit(&at_once.body);
    buffer_deinit(&split.body);
    return 0;
}
