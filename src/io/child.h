/* child.h - a program of the user's on a loop: what it is told, what it says, how it ends. Nothing blocks, no shell is in between.
 * (A verb or a job that may wait has program.h.)
 *
 * It runs in a process group of its own, which it cannot leave where the kernel has seccomp (setsid and setpgid do nothing in it), and
 * when it ends, is killed, or its time is up, all that is left of the group is killed with it: so nothing that it began outlives
 * it. It has none of our descriptors, no rights beyond ours (no_new_privs), leaves no core dump, and is killed when the thread that
 * started it ends; what it had begun may then live on, unless it is the program itself. There is no SIGCHLD handler: a pidfd tells.
 *
 * Embedded in its owner. `ended` is called once for each start that succeeded, from the loop, with no process left; unless child_deinit
 * came first. `said` holds all that it wrote, up to the maximum. On its loop's thread. */
#ifndef IO_CHILD_H
#define IO_CHILD_H

#include "base/buffer.h"
#include "io/loop.h"

#include <sys/types.h>

struct child_options {
    const char *const *argv; /* looked for in PATH unless there is a slash in it; NULL-terminated */
    const char *dir;         /* where it runs, and argv[0] with a slash is looked for; NULL: where we do */
    size_t max_said;         /* more than this, and it is killed */
    size_t max_memory;       /* of each process, as RLIMIT_DATA has it; 0: no limit */
    bool apart;              /* it is told on descriptor 3 and answers on 4; its standard input is empty and its standard output
                                goes with its standard error: so nothing that it prints can pass for an answer */
};

enum child_end {
    CHILD_EXITED,   /* by itself: `status` */
    CHILD_SIGNALLED, /* by a signal that was not ours: `status` is its number */
    CHILD_LATE,     /* the time of child_limit was up */
    CHILD_LOUD,     /* it said more than max_said */
    CHILD_STOPPED,  /* by child_kill */
};

#define CHILD_COMPLAINT 400 /* bytes of its standard error that are kept: the last ones */

struct child {
    /* the owner's, set before the start */
    void (*heard)(struct child *c);  /* there is more in `said`, which may be consumed; NULL: not asked for */
    void (*ended)(struct child *c);
    /* read only */
    struct buffer said;
    enum child_end end;
    int status;
    /* private */
    struct loop *loop;
    pid_t pid; /* 0: none runs */
    size_t max_said;
    struct loop_watch in, out, err, over;
    struct loop_timer timer;
    struct buffer untold;
    bool is_told; /* nothing follows: its input ends with what is untold */
    bool is_killed;
    char complaint[CHILD_COMPLAINT];
    size_t complained; /* bytes in all */
};

/* FAULT_NOT_FOUND: there is no such program, "node was not found in PATH". FAULT_IO: it may not be executed, or no process could be
 * made. Neither is followed by `ended`. A child that ended may be started again. */
enum fault child_start(struct child *c, struct loop *l, const struct child_options *o, struct error *error) MUST_CHECK;
void child_tell(struct child *c, struct slice bytes); /* copied; dropped when it no longer listens */
void child_end_input(struct child *c);                /* behind what it was told */
void child_limit(struct child *c, int64_t us);        /* killed after so long; <= 0: no limit */
void child_kill(struct child *c);                     /* `ended` follows */
/* Kills and reaps, which takes as long as the kernel needs to take a process down. Accepts one that is all zero. */
void child_deinit(struct child *c);
static inline bool child_is_running(const struct child *c) { return c->pid != 0; }

/* How it ended, in words: "check.py ended with status 3: <the last it said on standard error>". */
void child_describe(const struct child *c, const char *name, struct buffer *out);

#endif
