/* profile.h - how one simulated model behaves when nothing is wrong. Times are microseconds. */
#ifndef SIM_PROFILE_H
#define SIM_PROFILE_H

#include "sim/dice.h"

struct profile {
    struct slice pattern;     /* of model names, with '*' */
    struct slice version;     /* the resolved model; SLICE_NULL: from profile_version */
    struct slice fingerprint; /* SLICE_NULL: made from seed and version */
    struct spread first_token, per_token;
    struct spread output; /* tokens of an answer without a limit */
    int64_t context;      /* context window in tokens; 0: no limit */
};

void profile_init(struct profile *p); /* the defaults of docs/simulator.md */
struct slice
profile_version(struct slice model); /* "gpt-4o-mini" -> "gpt-4o-mini-2024-07-18"; unknown: itself */
bool profile_matches(struct slice pattern, struct slice text); /* '*' is any run of bytes */

/* The models that /v1/models lists: NULL at the end. */
const char *profile_model(unsigned i);

#endif
