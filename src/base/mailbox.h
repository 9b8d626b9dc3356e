/* mailbox.h - a bounded queue of pointers between threads, with a descriptor that becomes readable.
 *
 * Any thread may post; one thread takes. Full means mailbox_post returns false and the sender decides;
 * nothing is dropped in here. The descriptor (an eventfd) is for an event loop; a thread without one
 * uses mailbox_wait. */
#ifndef BASE_MAILBOX_H
#define BASE_MAILBOX_H

#include "base/slice.h"

struct mailbox;

struct mailbox *mailbox_new(size_t capacity);
void mailbox_free(struct mailbox *m);                        /* what is still inside is the caller's business */
bool mailbox_post(struct mailbox *m, void *item) __attribute__((warn_unused_result));
void *mailbox_take(struct mailbox *m);                       /* NULL when empty */
void *mailbox_wait(struct mailbox *m, int64_t timeout_us);   /* NULL after the timeout; -1 waits for ever */
int mailbox_fd(struct mailbox *m);
void mailbox_ack(struct mailbox *m);                         /* call when the descriptor fired, before taking */

#endif
