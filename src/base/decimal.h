/* decimal.h - exact decimal text to a scaled integer. Private to base/: others use money_parse, json_get_i64. */
#ifndef BASE_DECIMAL_H
#define BASE_DECIMAL_H

#include "base/slice.h"

/* -?digits[.digits][e[+-]digits], times 10^scale. False, and *ret untouched, when a digit would be lost,
 * on overflow, and on anything but a number. */
bool decimal_parse(struct slice text, int scale, int64_t *ret);

#endif
