/* wire_review.h - reviews that are due and not done, as findings. On the scheduler's thread. */
#ifndef WIRE_REVIEW_H
#define WIRE_REVIEW_H

#include "store/evaluations.h"
#include "store/findings.h"

/* Opens those that are overdue and clears those that no longer are; `opened` is called of new ones. */
enum fault review_wire_look(struct evaluations *e, struct registry *r, int64_t now_us, void (*opened)(void *ctx, const struct finding *f), void *ctx,
                            struct error *error) MUST_CHECK;

#endif
