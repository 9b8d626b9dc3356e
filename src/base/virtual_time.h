/* virtual_time.h - time that stands still while anybody works, and jumps to the next due time when all wait.
 *
 * For a process that is to live through weeks in a minute, its own threads, timers and loopback sockets being the real ones
 * (`quarterdeck demo`). While it is on, clock_us and clock_wall_us return the virtual time. A thread takes part from its first wait
 * in loop_run or mailbox_wait, or from virtual_time_enter, to its end or virtual_time_leave; it is busy unless it waits there. When
 * all that take part wait, and no loop has a descriptor that is ready, the clock is set to the earliest time that any of them waits
 * for, and those whose time has come are woken. So whoever blocks elsewhere (a lock, a join, a child process, the disk) holds time
 * back; a thread that never took part does not. Times are exact: a timer fires at the microsecond that it was due.
 *
 * Whoever posts to a waiting thread or writes to a descriptor of its loop makes it busy before its own wait can begin: nothing that
 * is under way inside the process is overtaken. Kernels that may deliver on loopback sockets late (before 6.4) are given a chance to,
 * and looked at again, before each jump of more than VIRTUAL_TIME_GLANCE_US.
 *
 * It ends when it has caught up with the real wall clock (from then on clock_wall_us is the system's again), or with
 * virtual_time_end: then both clocks flow as the system's do, on from the virtual time. It begins before the threads that are to
 * take part wait. Off, it costs a relaxed load per wait. Not for use with clock_fake. */
#ifndef BASE_VIRTUAL_TIME_H
#define BASE_VIRTUAL_TIME_H

#include "base/slice.h"

#define VIRTUAL_TIME_GLANCE_US 50000
#define VIRTUAL_TIME_LAZY_US 300000000 /* virtual time costs wake-ups, not seconds */

/* The wall clock is `wall_us` now, which is no later than the system's. The calling thread takes part, and is busy. False: it is on
 * already, or there is no descriptor left. */
bool virtual_time_begin(int64_t wall_us) __attribute__((warn_unused_result));
void virtual_time_end(void);  /* safe twice; whoever waits goes on to wait in real time */
bool virtual_time_is_on(void);

void virtual_time_enter(void); /* the calling thread takes part, busy; nothing while it is off */
/* And does not any more, so that it may block on others that need time to pass: which may then pass without it. Whether it had. */
bool virtual_time_leave(void);

/* A delay of work that is looked after now and then, and loses nothing by being late: as it is; under virtual time no shorter than to
 * the next full five minutes, so that all such looks fall together, or to where virtual time meets the real one. */
int64_t virtual_time_lazily(int64_t delay_us);
/* How often such work comes about: as it is; under virtual time a third as often, and no more than each five minutes; what comes
 * about each five minutes or more rarely no more than each half hour. */
int64_t virtual_time_cadence(int64_t cadence_us);
/* The same, and so for half an hour after the end: what was looked after so rarely is not late when time begins to flow. */
int64_t virtual_time_patience(int64_t cadence_us);

/* ---- for base/mailbox and io/loop ---- */
struct virtual_waiter;
/* Of the calling thread; NULL: virtual time is off, or no descriptor is left for it. */
struct virtual_waiter *virtual_waiter_mine(void);
/* Says that it waits, until clock_us() is due_us (INT64_MAX: for ever), fd (-1: none) is readable, or virtual_waiter_wake. What could
 * wake it by then has to be looked at between this and virtual_waiter_wait, or under the lock that the waking thread takes. */
void virtual_waiter_begin(struct virtual_waiter *w, int fd, int64_t due_us);
void virtual_waiter_wait(struct virtual_waiter *w); /* until one of these, or the end of virtual time; busy again */
void virtual_waiter_wake(struct virtual_waiter *w); /* any thread; nothing when it does not wait */

#endif
