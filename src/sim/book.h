/* book.h - what the simulator remembers: the script in force, how often each rule was met, and what every
 * model was asked. Shared by all workers and thread-safe; touched twice a request, never for a token. */
#ifndef SIM_BOOK_H
#define SIM_BOOK_H

#include "base/buffer.h"
#include "sim/named.h"
#include "sim/script.h"

struct book;
struct book_model; /* one model's statistics; stable until the book is freed */

/* A new book has one holder. `speed` scales the script's from and to. */
struct book *book_new(uint64_t seed, double speed);
struct book *book_hold(struct book *b);
void book_free(struct book *b);

/* Puts a script in force (takes the reference; NULL: none) and starts its clock and counters anew. */
void book_load(struct book *b, struct script *s);
void book_reset(struct book *b); /* counters, clock and statistics */

struct book_request {
    const struct ask *ask;
    struct script_request match;
    struct slice key; /* the credential */
};

/* What to do to a request. Its slices are good until book_release. */
struct book_verdict {
    struct act act;
    struct profile profile;
    struct script *script;
    struct book_model *model;
    uint64_t serial; /* of all requests, from 1 */
    bool bad_key;
    struct slice bad_word; /* of the model's name; SLICE_NULL: none */
};
void book_begin(struct book *b, const struct book_request *r, struct book_verdict *ret);

enum book_outcome { BOOK_ANSWERED, BOOK_REFUSED, BOOK_BROKEN, BOOK_ABORTED, BOOK_OUTCOMES };
/* `input` and `output` are what was read and really written. */
void book_end(struct book *b, struct book_verdict *v, enum book_outcome outcome, uint64_t input,
              uint64_t output);
void book_release(struct book_verdict *v);

/* The status with which a listing of models is refused: that of the last rule that has `match.path` and holds; 0: none. */
int64_t book_listing(struct book *b, const struct script_request *r, struct slice key);
/* The vendor's status page as it is now: a Statuspage v2 summary. */
void book_write_status(struct book *b, struct buffer *out);

void book_write_stats(struct book *b, struct buffer *out);

#endif
