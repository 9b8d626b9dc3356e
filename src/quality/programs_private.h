/* programs_private.h - checks in the hands of processes, under way. Of programs*.c only. */
#ifndef QUALITY_PROGRAMS_PRIVATE_H
#define QUALITY_PROGRAMS_PRIVATE_H

#include "base/list.h"
#include "base/table.h"
#include "io/child.h"
#include "quality/programs.h"

struct program_work { /* of one check, from its start until done */
    struct list link; /* in `waiting`, `running` or `finished` of programs, or `waiting` of a host */
    struct programs *owner;
    struct program_check *check;
    struct child child; /* of exec */
    unsigned tries;     /* of a host */
};

/* A long-lived node or python3: one check at a time, so that the one under way is the one to blame. */
struct host {
    struct programs *owner;
    const char *const *argv;
    struct child child;
    struct list waiting;
    struct program_work *asked; /* NULL: none is under way */
    struct table known;         /* digests of code that this process has compiled */
    bool is_ready;
    uint64_t id;                /* of what was asked last */
};

struct programs {
    struct loop *loop;
    char *dir;
    unsigned at_once, n_running;
    struct list waiting, running, finished;
    struct loop_timer soon; /* tells of the finished */
    struct host node, python;
};

/* programs.c: the outcome is there; done follows. */
void programs_finish(struct program_work *w);
/* CHECK_ERROR with these words; then as above. */
void programs_fail(struct program_work *w, struct slice why);

/* programs_host.c */
void host_init(struct host *h, struct programs *owner, const char *const *argv);
void host_deinit(struct host *h); /* what waits is freed */
void host_add(struct host *h, struct program_work *w);

/* programs_talk.c: what a program is told, and what it says. */
void program_write_about(const struct program_check *p, struct json_writer *w);
/* A verdict to the outcome of the check; false and words when it is none. */
bool program_read_verdict(const struct program_check *p, const struct json_doc *d, uint32_t node, struct check_outcome *ret,
                          struct error *error) MUST_CHECK;

#endif
