/* words.h - code points, letters and lower case, as far as questions are told apart by them. Private to
 * embedding.c and literals.c.
 *
 * Letters are those of the Latin (to U+024F), Greek and Cyrillic scripts. Of other scripts neither case nor
 * negation is known here. */
#ifndef MODEL_WORDS_H
#define MODEL_WORDS_H

#include "base/slice.h"

/* The code point at `at` of well-formed UTF-8; *ret_size its bytes. A broken byte is itself. */
static inline uint32_t words_code(const char *at, size_t len, size_t *ret_size) {
    const unsigned char *s = (const unsigned char *)at;
    size_t size = s[0] < 0xC0 ? 1 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : 4;
    uint32_t code = size == 1 ? s[0] : s[0] & (0x7Fu >> size);
    if (size > len) size = 1, code = s[0];
    for (size_t i = 1; i < size; i++) code = code << 6 | (s[i] & 0x3Fu);
    *ret_size = size;
    return code;
}

static inline bool words_is_upper(uint32_t c) {
    if (c < 0x80) return c >= 'A' && c <= 'Z';
    if (c < 0x100) return c >= 0xC0 && c <= 0xDE && c != 0xD7;
    if (c < 0x180) return c < 0x138 || (c >= 0x14A && c < 0x178) ? (c & 1) == 0 : (c & 1) == 1; /* pairs */
    return (c >= 0x386 && c <= 0x3AB && c != 0x390) || (c >= 0x400 && c <= 0x42F);
}

static inline bool words_is_letter(uint32_t c) {
    if (c < 0x80) return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    return (c >= 0xC0 && c <= 0x24F && c != 0xD7 && c != 0xF7) || (c >= 0x370 && c <= 0x3FF && c != 0x37E) ||
           (c >= 0x400 && c <= 0x52F);
}

static inline uint32_t words_lower(uint32_t c) {
    if (!words_is_upper(c)) return c;
    if (c < 0x80) return c | 0x20;
    if (c < 0x100) return c + 0x20;
    if (c == 0x178) return 0xFF;
    if (c < 0x180) return c + 1;
    if (c >= 0x391 && c <= 0x3AB) return c + 0x20;
    if (c >= 0x400 && c <= 0x40F) return c + 0x50;
    return c >= 0x410 && c <= 0x42F ? c + 0x20 : c;
}

static inline bool words_is_apostrophe(uint32_t c) {
    return c == '\'' || c == 0x2019;
}

#endif
