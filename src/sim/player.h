/* player.h - plays a world over HTTP: its requests as clients send them, its acts as people make them, on one loop.
 *
 * An open loop: what is due is sent, whatever became of what was sent before. All functions but player_state belong to the loop's
 * thread. Nothing is retried: an error that an application would see is one. */
#ifndef SIM_PLAYER_H
#define SIM_PLAYER_H

#include "io/loop.h"
#include "sim/world.h"

#include <stdatomic.h>

struct player;

struct player_options {
    struct loop *loop;
    struct world *world; /* the player's, until player_free */
    const char *url;     /* "http://127.0.0.1:4000" */
    int64_t start_us;    /* wall time of the world's day 1 */
    void *ctx;
    const char *(*token)(void *ctx, struct slice person); /* NULL: nobody of that name */
    void (*moved)(void *ctx);                             /* something happened: for a progress line; may be called often */
    void (*failed)(void *ctx, const char *text);          /* an act, in words */
    bool (*verb)(void *ctx, struct slice person, struct slice words, struct error *error); /* to its end; false: *error says why */
};

/* Counts, which any thread may read. Requests are answered by any status; failed are those that got no whole answer, a 5xx or 4xx. */
struct player_counts {
    atomic_ulong requests, answered, failed, scores, acts, acts_failed;
    _Atomic(const struct world_act *) last; /* whose `say` is to be shown; NULL: none yet */
};

struct player *player_new(const struct player_options *o, struct error *error) MUST_CHECK;
void player_perform(struct player *p, const struct world_act *act); /* now; `act` outlives the player */
void player_start(struct player *p);             /* from now on: what lies before now is left out */
void player_go_live(struct player *p);           /* time is the real one: no more acts, requests at the pace of `live` */
void player_stop(struct player *p);              /* no more requests or acts; those under way go on */
bool player_is_idle(const struct player *p);     /* no call is open */
const struct player_counts *player_counts(const struct player *p);
void player_free(struct player *p);              /* cancels what is under way */

#endif
