/* varint.h - LEB128 numbers on a buffer and off a slice. Private to store/. */
#ifndef STORE_VARINT_H
#define STORE_VARINT_H

#include "base/buffer.h"

enum { VARINT_MAX = 10 };

static inline unsigned varint_write(uint64_t n, char *out) {
    unsigned len = 0;
    for (; n >= 0x80; n >>= 7) out[len++] = (char)(n | 0x80);
    out[len++] = (char)n;
    return len;
}

static inline void varint_put(struct buffer *b, uint64_t n) {
    char text[VARINT_MAX];
    buffer_append(b, slice_make(text, varint_write(n, text)));
}

/* Takes a number off the front of *s. False: it does not end, and *s is spoilt. */
static inline bool varint_take(struct slice *s, uint64_t *ret) {
    uint64_t n = 0;
    for (unsigned shift = 0; s->len > 0 && shift < 64; shift += 7) {
        unsigned char c = (unsigned char)*s->at;
        s->at++, s->len--;
        n |= (uint64_t)(c & 0x7f) << shift;
        if (c < 0x80) {
            *ret = n;
            return true;
        }
    }
    return false;
}

static inline uint64_t varint_from_signed(int64_t n) {
    return ((uint64_t)n << 1) ^ (uint64_t)(n >> 63);
}
static inline int64_t varint_to_signed(uint64_t n) {
    return (int64_t)(n >> 1) ^ -(int64_t)(n & 1);
}

/* Bytes with their length in front; and such bytes off the front of *s. */
static inline void varint_put_bytes(struct buffer *b, struct slice bytes) {
    varint_put(b, bytes.len);
    buffer_append(b, bytes);
}
static inline bool varint_take_bytes(struct slice *s, struct slice *ret) {
    uint64_t len;
    if (!varint_take(s, &len) || len > s->len) return false;
    *ret = slice_make(s->at, (size_t)len);
    s->at += len, s->len -= (size_t)len;
    return true;
}

#endif
