/* wire_score.h - scoring of production traffic in a running server: one thread that takes what has come by each registered rule
 * (quality/scoring.h) and scores what waits, with judges asked through the inside listener (gateway.h) as the key that the rule names.
 *
 * It waits for judges, `evaluation.concurrent` of them at once, so it has a thread of its own beside the scheduler's, which asks it to look; its stores
 * are its own too. */
#ifndef WIRE_SCORE_H
#define WIRE_SCORE_H

#include "base/fault.h"
#include "base/slice.h"
#include "model/policy.h"
#include "store/ledger.h"

struct score_wire;
struct score_sources { /* all of it outlives the thread */
    void *ctx;
    struct policy *(*policy)(void *ctx); /* a held reference */
    struct ledger *ledger;
    struct ledger_writer *writer;
    const char *data_dir;
    void (*changed)(void *ctx, unsigned topics); /* control/console_topic.h; on the thread that changed it; NULL: nobody listens */
};

struct score_wire *score_wire_new(const struct score_sources *s, struct error *error) MUST_CHECK;
/* Once lanes listen inside, at `port`, to `credential` (copied). */
enum fault score_wire_start(struct score_wire *w, uint16_t port, struct slice credential, struct error *error) MUST_CHECK;
void score_wire_look(struct score_wire *w); /* from any thread; does not wait; accepts NULL and one that is not started */
/* A question under way is given up within about a second, and asked again under its name after the next start. */
void score_wire_stop(struct score_wire *w);
void score_wire_free(struct score_wire *w);

#endif
