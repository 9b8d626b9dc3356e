/* slice.h - a borrowed run of bytes: pointer and length, never NUL-terminated by promise.
 *
 * A slice owns nothing and must not outlive what it points into. The empty slice may have a NULL
 * pointer; `slice_is_null` tells "absent" (NULL) from "empty" ("") where that matters. */
#ifndef BASE_SLICE_H
#define BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const char *at;
    size_t len;
};

#define SLICE(literal) ((struct slice){(literal), sizeof(literal) - 1})
#define SLICE_NULL ((struct slice){NULL, 0})
#define SLICE_FMT "%.*s"
#define SLICE_ARG(s) (int)(s).len, (s).at ? (s).at : ""

static inline struct slice slice_make(const char *at, size_t len) { return (struct slice){at, len}; }
static inline struct slice slice_of(const char *text) {
    return (struct slice){text, text ? strlen(text) : 0};
}
static inline bool slice_is_null(struct slice s) { return s.at == NULL; }
static inline bool slice_eq(struct slice a, struct slice b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.at, b.at, a.len) == 0);
}
static inline bool slice_is(struct slice a, const char *text) { return slice_eq(a, slice_of(text)); }

bool slice_eq_nocase(struct slice a, struct slice b);          /* ASCII only */
bool slice_starts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
bool slice_contains(struct slice s, struct slice needle);
bool slice_contains_nocase(struct slice s, struct slice needle); /* ASCII only */
struct slice slice_trim(struct slice s);                       /* ASCII white space, both ends */

/* Splits at the first `separator`: *ret_head before it, *ret_tail after it. False when there is none;
 * then head is the whole and tail is empty. */
bool slice_cut(struct slice s, char separator, struct slice *ret_head, struct slice *ret_tail);

/* Decimal, whole slice, no sign for the unsigned one. False (and *ret untouched) on anything else. */
bool slice_to_u64(struct slice s, uint64_t *ret);
bool slice_to_i64(struct slice s, int64_t *ret);
bool slice_to_double(struct slice s, double *ret);

/* Changes, insertions, deletions and swaps of neighbours that make `a` of `b` (optimal string alignment), in bytes: for
 * "did you mean". SLICE_FAR when one is longer than a name is. */
#define SLICE_FAR 1000u
unsigned slice_distance(struct slice a, struct slice b);

/* True when the bytes are well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates). */
bool slice_is_utf8(struct slice s);

#endif
