/* charge.h - what one exchange cost, meter by meter: kept in the record when it is settled, since nobody can
 * say later which rates, tiers and overlays applied.
 *
 * The parts sum to the cost exactly. A quote's lines are finer than a nano-dollar, so each part is its line
 * rounded down, and what is then missing to the cost goes, a nano-dollar each, to the lines with the largest
 * rests (of equal ones to the first of the table): every part is less than one nano-dollar from its exact
 * product. */
#ifndef MODEL_CHARGE_H
#define MODEL_CHARGE_H

#include "model/price.h"

/* METER(symbol, name as in quotes, meter that it is a part of (itself: of none), counter in struct usage or
 * NONE) The order is that of the bits in records and rollups: only ever appended to. */
#define CHARGE_TABLE(METER)                                                                                  \
    METER(INPUT, "input", INPUT, input)                                                                      \
    METER(OUTPUT, "output", OUTPUT, output)                                                                  \
    METER(CACHE_READ, "cache_read", INPUT, cache_read)                                                       \
    METER(CACHE_WRITE, "cache_write", INPUT, cache_write)                                                    \
    METER(CACHE_WRITE_1H, "cache_write_1h", CACHE_WRITE, cache_write_1h)                                     \
    METER(REASONING, "reasoning", OUTPUT, reasoning)                                                         \
    METER(INPUT_AUDIO, "input_audio", INPUT, input_audio)                                                    \
    METER(OUTPUT_AUDIO, "output_audio", OUTPUT, output_audio)

enum charge_meter {
#define METER(symbol, name, parent, counter) CHARGE_##symbol,
    CHARGE_TABLE(METER)
#undef METER
        CHARGE_REQUESTS, /* a price for each request */
    CHARGE_METERS
};
const char *charge_meter_name(enum charge_meter m);

struct charge {
    unsigned meters; /* bits 1 << enum charge_meter: what was charged apart, if only with 0; 0: nothing */
    int64_t nano[CHARGE_METERS]; /* 0 for others */
};

/* An unknown cost, or one without lines, has no meters. */
void charge_of_quote(const struct price_quote *q, struct charge *ret);

/* How much of `usage` each meter of `c` was charged for (tokens, or 1 request): parts that were charged apart
 * are taken out of their wholes. Without meters all is `input` and `output` as reported. */
void charge_quantities(const struct charge *c, const struct usage *usage, int64_t ret[CHARGE_METERS]);

#endif
