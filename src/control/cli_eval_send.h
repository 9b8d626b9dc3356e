/* cli_eval_send.h - the results of a run on their way to the server, by a thread of its own. Private to control/.
 *
 * What is added goes out as soon as the former batch is in, many at once; when there is nothing to send, a sign of life does. A server that does not
 * answer is tried again for `patience_us`; then, and when it refuses the run, that is said once and nothing more is sent. */
#ifndef CONTROL_CLI_EVAL_SEND_H
#define CONTROL_CLI_EVAL_SEND_H

#include "base/buffer.h"
#include "io/loop.h"

enum eval_word {
    EVAL_STOP,    /* a person asked the run to end */
    EVAL_LOST,    /* the server does not answer any more */
    EVAL_REFUSED, /* it will not have these results: the run is over, or another process has it */
};

struct eval_sender;
struct eval_sender_options { /* texts outlive the sender */
    const char *server, *run, *owner; /* URL, "run-12" */
    int64_t patience_us;
    struct loop *loop;
    /* In a turn of the loop; at most once each. */
    void (*said)(void *ctx, enum eval_word word, const char *text);
    void *ctx;
};

struct eval_sender *eval_sender_start(const struct eval_sender_options *o, struct error *error) MUST_CHECK;
/* One result as JSON; copied. Waits while too much is on its way. */
void eval_sender_add(struct eval_sender *s, struct slice result);
/* Everything is with the server, or it will not be: false, and why. The thread has ended. */
bool eval_sender_finish(struct eval_sender *s, struct error *error) MUST_CHECK;
void eval_sender_free(struct eval_sender *s); /* ends the thread within a second, whatever is left; the loop is not run any more */

/* POSTs as the sender does, once. `ret_body` has its maximum. *ret_status 0: no answer came. */
enum fault eval_post(const char *server, const char *run, const char *verb, struct slice body, int64_t timeout_us, int *ret_status,
                     struct buffer *ret_body, struct error *error) MUST_CHECK;

#endif
