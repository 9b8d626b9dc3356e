/* money.h - money is int64 nano-dollars (1 USD = 1,000,000,000), so one holds up to 9.2 billion USD.
 *
 * MONEY_UNKNOWN is "no price known", never zero: it absorbs every operation. Overflow gives
 * MONEY_UNKNOWN too. */
#ifndef BASE_MONEY_H
#define BASE_MONEY_H

#include "base/slice.h"

#define MONEY_UNKNOWN INT64_MIN
#define MONEY_USD 1000000000LL

static inline bool money_is_known(int64_t nano) { return nano != MONEY_UNKNOWN; }
int64_t money_add(int64_t a, int64_t b);

/* Decimal text of USD ("0.15", "1e-7", "-2") to nano-dollars, or to a finer unit of 10^-`scale` USD
 * (9 = nano, 15 = femto). Exact: false when digits would be lost or on anything but a number. */
bool money_parse(struct slice text, int scale, int64_t *ret);

/* Shortest exact decimal of USD: 1500 -> "0.0000015", 0 -> "0". "null" when unknown. */
#define MONEY_TEXT 32
void money_format(int64_t nano, char out[MONEY_TEXT]);
/* For people: at most four digits that count behind the first, or whole dollars: "1.467", "0.001321", "12346". "unknown". */
void money_words(int64_t nano, char out[MONEY_TEXT]);

#endif
