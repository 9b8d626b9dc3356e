/* loop.h - one thread's event loop: descriptors, timers, work posted from other threads.
 *
 * A loop belongs to the thread that runs it; only loop_post and loop_stop may be called from elsewhere.
 * Callbacks run one at a time and may start or stop any watch or timer, their own included. What a callback must not do is
 * free something that a caller up the stack still uses: hand it to loop_defer, which runs the function
 * at the end of the turn, after all events of this turn were delivered. What is deferred meanwhile runs in the
 * same turn too, for a few rounds; the rest waits for the next turn, which then does not sleep. */
#ifndef IO_LOOP_H
#define IO_LOOP_H

#include "base/fault.h"

struct loop;

enum loop_events { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_HANGUP = 4 }; /* HANGUP: peer closed or error */

/* Embedded in its owner; `ready` gets the events that hold. Level-triggered, but edge-triggered when
 * `events` is LOOP_HANGUP alone. */
struct loop_watch {
    int fd;
    unsigned events;
    void (*ready)(struct loop_watch *w, unsigned events);
    bool on; /* private */
};

/* Embedded in its owner. One-shot. Moving a timer to later is O(1): it is re-sorted when its old time
 * comes. */
struct loop_timer {
    int64_t due_us;   /* read only; meaningful while on */
    void (*fired)(struct loop_timer *t);
    int64_t sorted_us; /* private: the time it stands under in the heap */
    uint32_t slot;     /* private: 0 = not in the heap */
    bool on;
};

struct loop *loop_new(struct error *error) MUST_CHECK; /* NULL on failure, *error says why */
void loop_free(struct loop *l);
void loop_run(struct loop *l);                          /* until loop_stop */
void loop_stop(struct loop *l);                         /* any thread, async-signal-safe */
int64_t loop_now_us(const struct loop *l);              /* monotonic, read once a turn */

enum fault loop_watch_start(struct loop *l, struct loop_watch *w, struct error *error) MUST_CHECK;
enum fault loop_watch_change(struct loop *l, struct loop_watch *w, unsigned events) MUST_CHECK;
void loop_watch_stop(struct loop *l, struct loop_watch *w); /* safe twice; before close(fd) */

/* SIGINT and SIGTERM as readings of w->fd (signalfd_siginfo), which the caller closes: for command-line verbs. They are blocked from
 * now on, so it is called before any thread is started. */
enum fault loop_watch_interrupts(struct loop *l, struct loop_watch *w, void (*ready)(struct loop_watch *w, unsigned events),
                                 struct error *error) MUST_CHECK;

void loop_timer_start(struct loop *l, struct loop_timer *t, int64_t delay_us); /* again: moves it */
void loop_timer_stop(struct loop *l, struct loop_timer *t);                    /* safe twice */

void loop_defer(struct loop *l, void (*run)(void *arg), void *arg);            /* end of this turn */
bool loop_post(struct loop *l, void (*run)(void *arg), void *arg);             /* any thread; false: loop is stopped */

#endif
