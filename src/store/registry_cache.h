/* registry_cache.h - what calibrations of the semantic cache have verified, one row an application. */
#ifndef STORE_REGISTRY_CACHE_H
#define STORE_REGISTRY_CACHE_H

#include "store/registry.h"

struct cache_verification {
    struct slice application;
    int32_t threshold;             /* the least similarity; all shares here are in millionths */
    int32_t precision, confidence; /* that were wanted */
    int32_t bound;                 /* the lower bound of the precision that was found */
    int64_t n, right;              /* pairs, and right ones */
    struct slice method;           /* "labelled pairs", "recorded answers" */
    int64_t embedding;             /* EMBEDDING_VERSION: says nothing of another's similarities */
    int64_t at_us;
    struct slice by;
};

/* In place of what the application had. */
enum fault registry_cache_verify(struct registry *r, const struct cache_verification *v,
                                 struct error *error) MUST_CHECK;
enum fault registry_cache_withdraw(struct registry *r, struct slice application,
                                   struct error *error) MUST_CHECK; /* FAULT_NOT_FOUND */
enum fault registry_cache_verifications(struct registry *r, struct arena *arena,
                                        struct cache_verification **ret, unsigned *ret_n,
                                        struct error *error) MUST_CHECK; /* by application */

#endif
