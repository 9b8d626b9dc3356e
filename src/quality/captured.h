/* captured.h - an exchange of production as checks see it, from its record and its captured payload. Pure. */
#ifndef QUALITY_CAPTURED_H
#define QUALITY_CAPTURED_H

#include "quality/check.h"
#include "store/ledger.h"

struct captured {
    struct check_answer answer; /* latency, cost and usage are the record's */
    struct slice asked;         /* the request's messages as a JSON array, a system prompt first */
    struct slice context;       /* the texts of all of them: what an answer can be held against */
};

/* An answer as the client got it, a stream or not, in r's dialect and endpoint; without r's usage, latency and cost. Borrows from the body. */
bool captured_answer(const struct record *r, struct slice body, struct arena *arena, struct check_answer *ret) MUST_CHECK;

/* False: *ret_why says what is missing ("the reply is longer than what is kept"). Borrows from the payload; the rest is in the arena. */
bool captured_read(const struct record *r, const struct payload *p, struct arena *arena, struct captured *ret, const char **ret_why) MUST_CHECK;

#endif
