/* json_text.h - what reading and writing JSON strings share. Private to base/json_*.c. */
#ifndef BASE_JSON_TEXT_H
#define BASE_JSON_TEXT_H

#include "base/slice.h"

#include <endian.h>

/* What a byte is inside a string; 0 is plain. */
enum { STRING_PLAIN, STRING_QUOTE, STRING_BACKSLASH, STRING_CONTROL, STRING_HIGH };

static inline int json_string_class(unsigned char c) {
    if (c >= 0x80) return STRING_HIGH;
    if (c < 0x20) return STRING_CONTROL;
    return c == '"' ? STRING_QUOTE : c == '\\' ? STRING_BACKSLASH : STRING_PLAIN;
}

/* The first byte that is not plain, or `end`. Eight bytes at a time: each term raises the top bit of the
 * bytes that it looks for. A borrow, and a byte of 0x80 or above, may raise more of them, but only in or
 * behind a byte that is not plain: so the lowest one is exact. */
static inline const char *json_plain_end(const char *at, const char *end) {
    const uint64_t ones = 0x0101010101010101u, tops = 0x8080808080808080u;
    for (; end - at >= 8; at += 8) {
        uint64_t w;
        memcpy(&w, at, sizeof w);
        w = le64toh(w);
        uint64_t quote = w ^ (ones * '"'), slash = w ^ (ones * '\\');
        uint64_t hit = (((w - ones * 0x20) | (quote - ones) | (slash - ones)) | w) & tops;
        if (hit == 0) continue;
        return at + (__builtin_ctzll(hit) >> 3);
    }
    while (at < end && json_string_class((unsigned char)*at) == STRING_PLAIN) at++;
    return at;
}

#endif
