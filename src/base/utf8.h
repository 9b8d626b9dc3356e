/* utf8.h - one UTF-8 sequence at a time (RFC 3629). For a whole text, slice_is_utf8. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/slice.h"

/* Length of the well-formed sequence at `at` (1 to 4), or, when it is broken, minus the bytes that one
 * U+FFFD stands for (the "maximal subpart" of the Unicode standard, 1 to 3). `len` is at least 1. */
static inline int utf8_next(const char *at, size_t len) {
    const unsigned char *s = (const unsigned char *)at;
    unsigned char low = 0x80, high = 0xBF; /* bounds of the second byte, which exclude overlong and surrogate */
    int size;
    if (s[0] < 0x80) return 1;
    if (s[0] < 0xC2 || s[0] > 0xF4) return -1;
    if (s[0] < 0xE0) {
        size = 2;
    } else if (s[0] < 0xF0) {
        size = 3;
        if (s[0] == 0xE0) low = 0xA0;
        if (s[0] == 0xED) high = 0x9F;
    } else {
        size = 4;
        if (s[0] == 0xF0) low = 0x90;
        if (s[0] == 0xF4) high = 0x8F;
    }
    if (len < 2 || s[1] < low || s[1] > high) return -1;
    for (int i = 2; i < size; i++)
        if ((size_t)i >= len || (s[i] & 0xC0) != 0x80) return -i;
    return size;
}

/* Writes a code point (a valid scalar value) and returns its length. */
static inline int utf8_put(char *out, uint32_t c) {
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

/* The longest length up to `most` that does not cut a sequence of `s` in two. */
static inline size_t utf8_cut(struct slice s, size_t most) {
    if (s.len <= most) return s.len;
    size_t n = most;
    while (n > 0 && most - n < 3 && ((unsigned char)s.at[n] & 0xC0) == 0x80) n--;
    return ((unsigned char)s.at[n] & 0xC0) == 0x80 ? most : n;
}

#endif
