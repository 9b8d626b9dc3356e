/* shared_answers.h - what many consoles ask at the same time is computed once: answers that are given again for LIMIT_SHARED_US.
 *
 * A key says all that an answer depends on; whoever makes it sees to that. An answer that is being computed has waiters, who are given it when it is
 * there. shared_answers_drop ends the time of all that was begun before it: what changes something calls it before it says that it did, so nobody
 * is given what was true before that. Any thread. */
#ifndef CONTROL_SHARED_ANSWERS_H
#define CONTROL_SHARED_ANSWERS_H

#include "control/control.h"

struct shared_answers;
struct shared_entry;

/* Embedded in whoever waits. `give` is called once, on the thread that computed it; `answer` is valid inside the call. */
struct shared_waiter {
    struct shared_waiter *next; /* private */
    void (*give)(struct shared_waiter *w, const struct api_response *answer);
};

enum shared_result {
    SHARED_GIVEN,   /* *ret has a copy of status, type, tag and body */
    SHARED_WAITS,   /* the waiter is given it; it may have been already */
    SHARED_COMPUTE, /* the caller does, and ends it with shared_answers_done */
    SHARED_ALONE,   /* the caller does, for itself: there is no room, it cannot wait, or it began before a change */
};

struct shared_answers *shared_answers_new(void);
void shared_answers_free(struct shared_answers *s); /* accepts NULL; nobody waits any more */

/* Which change was the last. Who asks takes it before it looks at anything that changes (the policy, who may what). */
uint64_t shared_answers_change(struct shared_answers *s); /* accepts NULL */
/* `now_us`: monotonic. `waiter` NULL: it cannot wait. Where something changed since `change`, the caller may hold what was before: ALONE. */
enum shared_result shared_answers_ask(struct shared_answers *s, uint64_t change, struct slice key, int64_t now_us, struct shared_waiter *waiter,
                                      struct api_response *ret, struct shared_entry **ret_entry);
/* Gives it to who waits, and keeps it when it is a good one (200) of at most LIMIT_SHARED_ANSWER, and nothing was dropped since it was begun. */
void shared_answers_done(struct shared_answers *s, struct shared_entry *e, const struct api_response *answer, int64_t now_us);
void shared_answers_drop(struct shared_answers *s); /* accepts NULL */

struct shared_stats {
    uint64_t given, waited, computed; /* alone counts as computed */
};
void shared_answers_stats(struct shared_answers *s, struct shared_stats *ret);

#endif
