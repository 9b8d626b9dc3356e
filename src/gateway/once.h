/* once.h - what is asked once in all time (x-quarterdeck-once): names under way, and the answers they got. Shared by all loops,
 * thread-safe; a lock is held for pointer work alone.
 *
 * A name is of an application's key, and belongs to one request (endpoint, client dialect, body). Answers are kept for
 * ONCE_KEPT_US while LIMIT_CACHE_BYTES suffice for all of them (answers.h says whose go first), in memory: a restart forgets them. */
#ifndef GATEWAY_ONCE_H
#define GATEWAY_ONCE_H

#include "gateway/answers.h"

#define ONCE_KEPT_US (24 * 3600 * 1000000LL)

struct once;

enum once_found {
    ONCE_FIRST,         /* it runs; once_end follows, whatever comes of it */
    ONCE_UNDER_WAY,     /* the first one does */
    ONCE_OTHER_REQUEST, /* the name is of another request */
    ONCE_ANSWERED,      /* *ret, for answers_release */
};

struct once *once_new(void);
void once_free(struct once *o); /* accepts NULL; nothing may be held */
/* `asked` stands for the request. An answer that `may_give` (NULL: all may) refuses is as one that is not there; it must not wait. */
enum once_found once_begin(struct once *o, const struct answer_key *name, const uint8_t asked[ANSWER_KEY_BYTES], int64_t now_us,
                           bool (*may_give)(const void *ctx, const struct answer *a), const void *ctx, const struct answer **ret);
/* `answer` NULL: it failed, and the next of this name runs again. answer->asked must be set. */
void once_end(struct once *o, const struct answer_key *name, const struct answer *answer);

#endif
