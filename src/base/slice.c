#include "base/slice.h"
#include "base/utf8.h"

#include <stdlib.h>

enum { DOUBLE_TEXT = 512 }; /* longest number that is converted; JSON stops at LIMIT_JSON_NUMBER digits */

static inline unsigned char lower(char c) {
    unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? (unsigned char)(u + 32) : u;
}

static inline bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool slice_eq_nocase(struct slice a, struct slice b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (lower(a.at[i]) != lower(b.at[i])) return false;
    return true;
}

bool slice_starts(struct slice s, struct slice prefix) {
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.at, prefix.at, prefix.len) == 0);
}

bool slice_ends(struct slice s, struct slice suffix) {
    return s.len >= suffix.len &&
           (suffix.len == 0 || memcmp(s.at + s.len - suffix.len, suffix.at, suffix.len) == 0);
}

bool slice_contains(struct slice s, struct slice needle) {
    if (needle.len == 0) return true;
    return s.len >= needle.len && memmem(s.at, s.len, needle.at, needle.len) != NULL;
}

bool slice_contains_nocase(struct slice s, struct slice needle) {
    if (needle.len == 0) return true;
    for (size_t i = 0; i + needle.len <= s.len; i++)
        if (lower(s.at[i]) == lower(needle.at[0]) &&
            slice_eq_nocase(slice_make(s.at + i, needle.len), needle))
            return true;
    return false;
}

static bool is_space(char c) {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct slice slice_trim(struct slice s) {
    while (s.len > 0 && is_space(s.at[0])) s.at++, s.len--;
    while (s.len > 0 && is_space(s.at[s.len - 1])) s.len--;
    return s;
}

bool slice_cut(struct slice s, char separator, struct slice *ret_head, struct slice *ret_tail) {
    const char *at = s.len > 0 ? memchr(s.at, separator, s.len) : NULL;
    if (at == NULL) {
        *ret_head = s;
        *ret_tail = slice_make(s.len > 0 ? s.at + s.len : s.at, 0);
        return false;
    }
    size_t head = (size_t)(at - s.at);
    *ret_head = slice_make(s.at, head);
    *ret_tail = slice_make(at + 1, s.len - head - 1);
    return true;
}

bool slice_to_u64(struct slice s, uint64_t *ret) {
    uint64_t n = 0;
    if (s.len == 0) return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.at[i])) return false;
        if (__builtin_mul_overflow(n, 10u, &n)) return false;
        if (__builtin_add_overflow(n, (uint64_t)(s.at[i] - '0'), &n)) return false;
    }
    *ret = n;
    return true;
}

bool slice_to_i64(struct slice s, int64_t *ret) {
    bool negative = s.len > 0 && s.at[0] == '-';
    uint64_t n;
    if (negative) s.at++, s.len--;
    if (!slice_to_u64(s, &n)) return false;
    if (n > (uint64_t)INT64_MAX + negative) return false;
    *ret = negative ? (int64_t)(0 - n) : (int64_t)n;
    return true;
}

static size_t skip_digits(struct slice s, size_t i) {
    while (i < s.len && is_digit(s.at[i])) i++;
    return i;
}

/* -?digits[.digits][e[+-]digits]: strtod alone would take "inf", hex, blanks and a locale's comma. */
static bool is_decimal(struct slice s) {
    size_t i = s.len > 0 && s.at[0] == '-', from = i;
    i = skip_digits(s, i);
    if (i == from) return false;
    if (i < s.len && s.at[i] == '.') {
        from = ++i;
        i = skip_digits(s, i);
        if (i == from) return false;
    }
    if (i < s.len && (s.at[i] == 'e' || s.at[i] == 'E')) {
        i++;
        if (i < s.len && (s.at[i] == '+' || s.at[i] == '-')) i++;
        from = i;
        i = skip_digits(s, i);
        if (i == from) return false;
    }
    return i == s.len;
}

bool slice_to_double(struct slice s, double *ret) {
    char text[DOUBLE_TEXT];
    if (s.len >= sizeof text || !is_decimal(s)) return false;
    memcpy(text, s.at, s.len);
    text[s.len] = 0;
    double n = strtod(text, NULL);
    if (n - n != 0) return false; /* too large for a double */
    *ret = n;
    return true;
}

bool slice_is_utf8(struct slice s) {
    size_t i = 0;
    while (i < s.len) {
        uint64_t eight;
        if (s.len - i >= sizeof eight) {
            memcpy(&eight, s.at + i, sizeof eight);
            if ((eight & 0x8080808080808080u) == 0) {
                i += sizeof eight;
                continue;
            }
        }
        int n = utf8_next(s.at + i, s.len - i);
        if (n < 0) return false;
        i += (size_t)n;
    }
    return true;
}

#define LONGEST_NAME 64 /* of settings, verbs, zones; a longer word is no typing mistake */

static unsigned least(unsigned a, unsigned b, unsigned c) {
    unsigned m = a < b ? a : b;
    return m < c ? m : c;
}

unsigned slice_distance(struct slice a, struct slice b) {
    unsigned rows[3][LONGEST_NAME + 1]; /* the row before the last, the last, this one */
    unsigned *before = rows[0], *last = rows[1], *now = rows[2];
    if (a.len > LONGEST_NAME || b.len > LONGEST_NAME) return SLICE_FAR;
    for (unsigned j = 0; j <= b.len; j++) before[j] = last[j] = j;
    for (unsigned i = 1; i <= a.len; i++) {
        now[0] = i;
        for (unsigned j = 1; j <= b.len; j++) {
            unsigned changed = a.at[i - 1] != b.at[j - 1];
            now[j] = least(last[j] + 1, now[j - 1] + 1, last[j - 1] + changed);
            bool swapped = i > 1 && j > 1 && a.at[i - 1] == b.at[j - 2] && a.at[i - 2] == b.at[j - 1];
            if (swapped && before[j - 2] + 1 < now[j]) now[j] = before[j - 2] + 1;
        }
        unsigned *spare = before;
        before = last;
        last = now;
        now = spare;
    }
    return last[b.len];
}
