/* play.h - one request being answered at the simulated times, with what the script does to it.
 *
 * A play lives from play_start to play_finished and holds its http_request in between. Everything
 * happens on the loop's thread. */
#ifndef SIM_PLAY_H
#define SIM_PLAY_H

#include "base/list.h"
#include "io/http_server.h"
#include "sim/book.h"
#include "sim/wire.h"

/* What plays of one simulator share. */
struct play_stage {
    struct loop *loop;
    struct book *book;
    uint64_t seed;
    double speed;
    struct buffer scratch; /* frames of the running step */
    struct list spare;     /* finished plays, with their memory */
    unsigned n_spare;
};

void play_stage_init(struct play_stage *s, struct loop *l, struct book *b, uint64_t seed, double speed);
void play_stage_deinit(struct play_stage *s);

/* Owns the request from here on; r->owner is the play. `model` is Azure's deployment or SLICE_NULL. */
void play_start(struct play_stage *s, struct http_request *r, enum ask_api api, struct slice model,
                bool azure);
/* The credential of a request, in whichever header it came; SLICE_NULL: none. */
struct slice play_credential(const struct http_request *r);
void play_gone(struct http_request *r);
void play_drained(struct http_request *r);
void play_finished(struct http_request *r);

/* ---- play_head.c ---- */
#define PLAY_HEADERS (16 + SIM_HEADERS)
struct play_head {
    struct http_header headers[PLAY_HEADERS];
    unsigned n;
};
/* The provider's usual headers, then the script's. Values are in the arena. */
void play_head_make(struct play_head *h, const struct ask *ask, const struct act *act, bool stream,
                    int64_t processing_us, struct slice request_id, uint64_t input_tokens,
                    struct arena *arena);

#endif
