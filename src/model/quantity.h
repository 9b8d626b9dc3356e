/* quantity.h - durations and sizes as people write them.
 *
 * A duration is numbers with units, largest first or not: "250ms", "1.5s", "1h30m", "90d"; units us, ms, s, m, h, d;
 * "0" needs none. A size is a whole number with B, KiB, MiB, GiB, KB, MB or GB, in any case; without a unit
 * it is bytes. Exact or refused: "1.5us" is no duration. False leaves *ret untouched. */
#ifndef MODEL_QUANTITY_H
#define MODEL_QUANTITY_H

#include "base/slice.h"

#define QUANTITY_TEXT 32

bool duration_parse(struct slice text, int64_t *ret_us);
bool bytes_parse(struct slice text, int64_t *ret);

/* The largest unit that divides it: 1500000 -> "1500ms", 90000000 -> "90s", 7200000000 -> "2h". */
void duration_format(int64_t us, char out[QUANTITY_TEXT]);
void bytes_format(int64_t bytes, char out[QUANTITY_TEXT]); /* "32MiB", "1000B" */

#endif
