/* histogram.h - base-2 exponential histogram, scale 5 (bucket width 2^(1/32), about 2.2 %), exact merge.
 *
 * Index of v is ceil(log2(v) * 32) - 1, as in the OpenTelemetry data model ("exponential histogram").
 * Values are positive integers (microseconds, tokens); zero has its own count. Buckets are kept sparse
 * and sorted. Percentiles are read off merged histograms, never averaged. */
#ifndef BASE_HISTOGRAM_H
#define BASE_HISTOGRAM_H

#include "base/buffer.h"

#define HISTOGRAM_SCALE 5

struct histogram_bucket {
    int32_t index;
    uint64_t count;
};

struct histogram {
    uint64_t count, zero;
    int64_t sum, min, max; /* min and max mean nothing while count is 0 */
    struct histogram_bucket *buckets;
    uint32_t used, capacity;
};

void histogram_init(struct histogram *h);
void histogram_deinit(struct histogram *h);
void histogram_add(struct histogram *h, int64_t value); /* negative counts as zero */
void histogram_merge(struct histogram *into, const struct histogram *from);

/* Value at rank q*count (0..1): geometric middle of its bucket, held within min..max. -1 when empty. */
double histogram_quantile(const struct histogram *h, double q);
/* Between which values the one at this rank (1..count) lies: its bucket's ends, held within min..max. 0 and 0 when empty. */
void histogram_rank(const struct histogram *h, uint64_t rank, double *ret_low, double *ret_high);

/* Compact bytes for storage (varints), and back. Decode adds into *into; false on damaged bytes, and
 * then *into is unchanged. */
void histogram_encode(const struct histogram *h, struct buffer *out);
bool histogram_decode(struct slice bytes, struct histogram *into) __attribute__((warn_unused_result));

#endif
