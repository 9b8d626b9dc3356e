/* usage.h - what a provider says it counted, in one meaning for all dialects.
 *
 * Every counter is nullable: USAGE_NULL is "not reported", zero is zero. `input` is ALL input tokens,
 * cached ones included, whatever the dialect's own convention; `output` is all output tokens, reasoning
 * included. cache_write_1h and the audio counters are parts of the counters they refine. */
#ifndef MODEL_USAGE_H
#define MODEL_USAGE_H

#include "base/slice.h"

#define USAGE_NULL (-1)

/* USAGE(field, JSON name) in the order they are stored */
#define USAGE_TABLE(USAGE)                                                                                    \
    USAGE(input)          /* all input tokens */                                                              \
    USAGE(cache_read)     /* part of input: read from the provider's cache */                                 \
    USAGE(cache_write)    /* part of input: written to the provider's cache, all lifetimes */                 \
    USAGE(cache_write_1h) /* part of cache_write: the one-hour kind */                                        \
    USAGE(input_audio)    /* part of input */                                                                 \
    USAGE(output)         /* all output tokens */                                                             \
    USAGE(reasoning)      /* part of output */                                                                \
    USAGE(output_audio)   /* part of output */

struct usage {
#define USAGE(field) int64_t field;
    USAGE_TABLE(USAGE)
#undef USAGE
    bool estimated; /* at least one counter is our estimate, not the provider's count */
};

#define USAGE_FIELDS 8
void usage_init(struct usage *u);                                  /* every counter null */
bool usage_is_null(const struct usage *u);                         /* nothing reported at all */
/* Cumulative reports: every counter that `later` has replaces ours; nulls leave it. */
void usage_update(struct usage *u, const struct usage *later);

#endif
