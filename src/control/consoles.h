/* consoles.h - the consoles that are open: event streams (GET /api/v1/live), and what is sent to each.
 *
 * A console is on the loop that accepted it, and only that loop touches it. What happens elsewhere comes as a bit (consoles_changed, from any thread) or as a
 * batch of settled exchanges (consoles_settled, on the loop that settled them), and is sent at the next of CONSOLE_TICKS a second. Nobody
 * listens: a bit is an atomic load, and so is an exchange. Everything is bounded (base/limits.h): a console that does not read is sent nothing more, is told
 * later how many exchanges it missed, and never misses that something changed.
 *
 * Events: hello {topics, sampled, shown_per_s}, changed {topics, at} at most once a second, exchange (console_tail.h),
 * sampled {seen, shown, skipped, over_s} for a second in which some were left out, end {reason}; a comment each 15 s. Who may not read any
 * more (the session, user or role ended) is sent `end`: it is asked each 30 s, and at once when people or the configuration changed. */
#ifndef CONTROL_CONSOLES_H
#define CONTROL_CONSOLES_H

#include "control/console_tail.h"
#include "control/console_topic.h"
#include "control/control.h"
#include "io/http_server.h"

struct console_wish {
    unsigned topics; /* bits */
    struct console_filter filter;
    struct slice who; /* as in the audit log; LIMIT_CONSOLES_OF_ONE of one name. SLICE_NULL: not counted */
};

struct consoles;
struct shared_answers;
/* `answers` (NULL: there are none) are dropped with each change. */
struct consoles *consoles_new(unsigned n_loops, struct shared_answers *answers);
void consoles_add_loop(struct consoles *c, unsigned index, struct loop *l); /* before its thread runs */
/* `check` asks whether `who` (valid inside the call) may read still, and answers on the loop, now or in a later turn, by consoles_checked. */
void consoles_check_with(struct consoles *c, void (*check)(void *ctx, struct loop *l, const struct api_request *who, uint64_t number), void *ctx);
void consoles_close(struct consoles *c); /* any thread; accepts NULL: all streams end, no more are opened */
void consoles_free(struct consoles *c);  /* when the loops have ended */

/* ---- on the loop ---- */
/* Takes the request over; texts of `wish` and `who` are copied. Too many, or closed: it is answered 503. */
void consoles_open(struct consoles *c, struct loop *l, struct http_request *r, const struct console_wish *wish, const struct api_request *who);
void consoles_gone(struct consoles *c, struct loop *l, struct http_request *r); /* of any request: no console's is passed over */
void consoles_checked(struct consoles *c, struct loop *l, uint64_t number, bool allowed);
void consoles_settled(struct consoles *c, unsigned index, const struct record *r);

/* ---- any thread; accept NULL ---- */
void consoles_changed(struct consoles *c, unsigned topics);
unsigned consoles_count(const struct consoles *c);

#endif
