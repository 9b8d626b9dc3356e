#include "sim/token.h"

enum { WHITE_MAX = 16, LETTERS_MAX = 6, DIGITS_MAX = 3, OTHERS_MAX = 3 };
enum kind { WHITE = 0, LETTER = 1, DIGIT = 2, OTHER = 3, WIDE = 4 };

static enum kind kind_of(unsigned char c) {
    if (c >= 0x80) return WIDE;
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') return LETTER;
    if (c >= '0' && c <= '9') return DIGIT;
    if (c == ' ' || c == '\n' || c == '\r' || c == '\t') return WHITE;
    return OTHER;
}

size_t token_length(struct slice text) {
    const unsigned char *s = (const unsigned char *)text.at;
    size_t i = 0, most;
    while (i < text.len && i < WHITE_MAX && kind_of(s[i]) == WHITE) i++;
    if (i == text.len) return i;
    enum kind kind = kind_of(s[i]);
    if (kind == WHITE) return i;
    if (kind == WIDE) {
        for (i++; i < text.len && (s[i] & 0xC0) == 0x80;) i++;
        return i;
    }
    most = i + (kind == LETTER ? LETTERS_MAX : kind == DIGIT ? DIGITS_MAX : OTHERS_MAX);
    for (i++; i < text.len && i < most && kind_of(s[i]) == kind;) i++;
    return i;
}

uint64_t token_count(struct slice text) {
    uint64_t n = 0;
    while (text.len > 0) {
        size_t len = token_length(text);
        text.at += len;
        text.len -= len;
        n++;
    }
    return n;
}

size_t token_cut(struct slice text, uint64_t tokens) {
    size_t at = 0;
    for (; tokens > 0 && at < text.len; tokens--) at += token_length(slice_make(text.at + at, text.len - at));
    return at;
}
