/* program.h - one run of a program of the operator's: bytes in, bytes out, a time limit. For command-line verbs and job
 * threads, never on a loop thread. No shell is in between. */
#ifndef IO_PROGRAM_H
#define IO_PROGRAM_H

#include "base/buffer.h"
#include "base/fault.h"

#include <stdatomic.h>

/* `path` is looked for as a shell does, and gets no arguments; its standard error is ours. *ret_out (which has its
 * maximum) gets its standard output. FAULT_IO: it could not be started, or ended with another status than 0;
 * FAULT_UP_TIMEOUT: it was killed after timeout_us; FAULT_UP_TOO_LARGE: it says more than fits. */
enum fault program_run(const char *path, struct slice input, int64_t timeout_us, struct buffer *ret_out, struct error *error) MUST_CHECK;

/* The same with arguments. *stop (NULL: none) true, from any thread: it is killed within a tenth of a second,
 * FAULT_SHUTTING_DOWN. */
struct program_call {
    const char *const *argv; /* the program first; NULL-terminated */
    struct slice input;
    int64_t timeout_us;
    const atomic_bool *stop;
};
enum fault program_call(const struct program_call *c, struct buffer *ret_out, struct error *error) MUST_CHECK;

#endif
