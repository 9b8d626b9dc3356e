/* json_value.h - JSON as values: exact numbers, equality, a hash that agrees with it.
 *
 * Numbers are compared as the decimals they are, not as doubles: 1, 1.0 and 1e0 are equal, 0.1 is not 0.1000000000000000055,
 * and nothing is lost at any size (exponents beyond 2^60 count as 2^60). Strings are equal by code points, whatever was
 * escaped; objects whatever the order of members. Of a key that comes twice the last value counts, but the hash takes
 * both. */
#ifndef QUALITY_JSON_VALUE_H
#define QUALITY_JSON_VALUE_H

#include "base/json.h"

/* (negative ? -1 : 1) * digits * 10^exponent, where the digits neither begin nor end with 0. Zero has no digits. Borrows
 * the text it was read from: a point may stand among the digits. */
struct json_number {
    struct slice digits;
    unsigned count; /* of digits, without the point */
    bool negative;
    int64_t exponent;
};

struct json_number json_number_read(struct slice text); /* `text` is a number as JSON writes it */
int json_number_compare(const struct json_number *a, const struct json_number *b);
bool json_number_is_whole(const struct json_number *n);

/* A divisor, made ready once. */
struct json_divisor {
    uint64_t digits; /* > 0, not divisible by 10 */
    int64_t exponent;
};
/* False when it is not above 0 or has more than 18 significant digits. */
bool json_divisor_read(struct slice text, struct json_divisor *ret);
bool json_number_is_multiple(const struct json_number *n, const struct json_divisor *of);

/* The arena takes strings that had to be unescaped and the order of large objects. When it is full they answer false
 * (and some hash); arena_is_full tells. */
bool json_value_equal(const struct json_doc *a, uint32_t at_a, const struct json_doc *b, uint32_t at_b, struct arena *arena);
uint64_t json_value_hash(const struct json_doc *d, uint32_t node, struct arena *arena);

/* True when every member of `part` (and of the maps in it, by name) is in `whole` and equal; what is no map is equal. */
bool json_value_within(const struct json_doc *part, uint32_t at_part, const struct json_doc *whole, uint32_t at_whole,
                       struct arena *arena);

#endif
