/* retry_storms.h - who asks the same again, as somebody does who has no answer: the same user of the same application with the same body.
 *
 * Within RETRY_WITHIN_US of the end of the one before (or before it ended) it is a retry; the third that began within GAVE_UP_WITHIN_US is a user who
 * gave up, counted once until that user has not asked it for as long. Users and bodies are told apart by 64 bit hashes: of the
 * STORMS_KEPT pairs that may be remembered two meet with a probability below 1 in 10^9. Beyond, of those in one place of 8
 * the one that was quiet longest is forgotten: at 1,000 users and bodies a second some 4 % before their minute is over. */
#ifndef QUALITY_RETRY_STORMS_H
#define QUALITY_RETRY_STORMS_H

#include "model/record.h"

#define RETRY_WITHIN_US 10000000LL
#define GAVE_UP_WITHIN_US 60000000LL
#define STORMS_KEPT (1u << 17)

struct retry_storms;
struct retry_storms *retry_storms_new(void);
void retry_storms_free(struct retry_storms *s);
struct retried {
    bool known;   /* it has a user (or a session) and a body to compare */
    bool again;
    bool gave_up; /* this one is the third */
};
/* Each record once, in any order of a minute's length. */
struct retried retry_storms_see(struct retry_storms *s, const struct record *r);

#endif
