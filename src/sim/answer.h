/* answer.h - what the simulated model says: a function of the seed and of the request's content alone, so
 * the same question gets the same answer at any time, in any order, streamed or not, in every API. */
#ifndef SIM_ANSWER_H
#define SIM_ANSWER_H

#include "sim/act.h"
#include "sim/ask.h"
#include "sim/profile.h"

enum answer_kind { ANSWER_TEXT, ANSWER_REFUSAL, ANSWER_TOOL };
enum answer_finish {
    ANSWER_STOP,
    ANSWER_STOP_SEQUENCE,
    ANSWER_LENGTH,
    ANSWER_TOOLS,
    ANSWER_REFUSED,
    ANSWER_FILTERED
};

struct answer_part {
    enum answer_kind kind;
    struct slice text;     /* TOOL: the arguments as JSON text */
    struct slice id, name; /* TOOL */
};

#define ANSWER_PARTS 4 /* of one choice: a text, or up to this many calls */

struct answer_choice {
    struct answer_part parts[ANSWER_PARTS];
    unsigned n_parts; /* 0: an empty answer */
    enum answer_finish finish;
    struct slice stop; /* STOP_SEQUENCE */
};

struct answer {
    struct answer_choice *choices;
    unsigned n_choices;
    struct slice id; /* 24 letters and digits; the APIs put their prefix before it */
    struct slice model, fingerprint;
    int64_t created; /* seconds; made from the content too */
    uint64_t input, output, cached, cache_written,
        reasoning;   /* input holds cached and written, output holds reasoning */
    uint64_t tokens; /* tokens that a stream emits; `output` less reasoning, but for hints on tool calls */
};

void answer_make(const struct ask *ask, const struct act *act, const struct profile *p, uint64_t seed,
                 struct arena *arena, struct answer *ret);

/* An embedding of `dimensions` numbers with length 1: texts that share words are near each other. */
void answer_embedding(struct slice text, uint64_t seed, unsigned dimensions, float *ret);

#endif
