#include "base/buffer.h"
#include "base/mem.h"

#include <stdio.h>

enum { FIRST_CAPACITY = 256 };

void buffer_init(struct buffer *b, size_t max) {
    *b = (struct buffer){.max = max};
}

void buffer_deinit(struct buffer *b) {
    if (b == NULL) return;
    mem_free(b->at);
    *b = (struct buffer){.max = b->max};
}

void buffer_clear(struct buffer *b) {
    b->len = 0;
    b->overflow = false;
}

void buffer_shrink(struct buffer *b, size_t keep) {
    if (b->len > keep || b->cap <= keep) return;
    if (keep == 0) {
        mem_free(b->at);
        b->at = NULL;
    } else {
        b->at = mem_resize(b->at, keep);
    }
    b->cap = keep;
}

/* `need` is at most max, plus one for the NUL of buffer_text. */
static void grow(struct buffer *b, size_t need) {
    size_t cap = b->cap < FIRST_CAPACITY / 2 ? FIRST_CAPACITY : b->cap > SIZE_MAX / 2 ? SIZE_MAX : b->cap * 2;
    if (cap > b->max) cap = b->max;
    if (cap < need) cap = need;
    b->at = mem_resize(b->at, cap);
    b->cap = cap;
}

char *buffer_reserve(struct buffer *b, size_t n) {
    if (n > b->max || b->len > b->max - n) {
        b->overflow = true;
        return NULL;
    }
    if (b->at == NULL || b->cap - b->len < n) grow(b, b->len + n);
    return b->at + b->len;
}

bool buffer_append(struct buffer *b, struct slice s) {
    if (s.len == 0) return true;
    char *at = buffer_reserve(b, s.len);
    if (at == NULL) return false;
    memcpy(at, s.at, s.len);
    b->len += s.len;
    return true;
}

bool buffer_byte(struct buffer *b, char c) {
    if (b->len >= b->cap && buffer_reserve(b, 1) == NULL) return false;
    if (b->len >= b->max) { /* the one byte above max belongs to the NUL of buffer_text */
        b->overflow = true;
        return false;
    }
    b->at[b->len++] = c;
    return true;
}

bool buffer_printf(struct buffer *b, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    size_t room = b->cap - b->len;
    int n = vsnprintf(b->at == NULL ? NULL : b->at + b->len, b->at == NULL ? 0 : room, format, args);
    bool fits = n >= 0 && (size_t)n <= b->max && b->len <= b->max - (size_t)n;
    if (!fits) {
        b->overflow = true;
    } else {
        if (b->at == NULL || (size_t)n >= room) { /* vsnprintf wants room for its NUL */
            grow(b, b->len + (size_t)n + 1);
            vsnprintf(b->at + b->len, (size_t)n + 1, format, again);
        }
        b->len += (size_t)n;
    }
    va_end(again);
    va_end(args);
    return fits;
}

bool buffer_u64(struct buffer *b, uint64_t n) {
    char digits[20];
    size_t at = sizeof digits;
    do digits[--at] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    return buffer_append(b, slice_make(digits + at, sizeof digits - at));
}

bool buffer_i64(struct buffer *b, int64_t n) {
    if (n >= 0) return buffer_u64(b, (uint64_t)n);
    char text[24];
    int len = snprintf(text, sizeof text, "%lld", (long long)n);
    return buffer_append(b, slice_make(text, (size_t)len));
}

void buffer_consume(struct buffer *b, size_t n) {
    if (n >= b->len) {
        b->len = 0;
    } else if (n > 0) {
        memmove(b->at, b->at + n, b->len - n);
        b->len -= n;
    }
}

const char *buffer_text(struct buffer *b) {
    if (b->len == SIZE_MAX) return "";
    if (b->at == NULL || b->cap == b->len) grow(b, b->len + 1);
    b->at[b->len] = 0;
    return b->at;
}
