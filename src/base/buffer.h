/* buffer.h - growable bytes with a maximum given at birth.
 *
 * An append that would pass the maximum appends nothing, returns false, and sets `overflow`, which
 * stays until buffer_clear: a writer may ignore single results and check once at its end. The content
 * is not NUL-terminated; buffer_text adds a NUL behind it without counting it. */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include "base/slice.h"

#include <stdarg.h>

struct buffer {
    char *at;
    size_t len, cap, max;
    bool overflow;
};

void buffer_init(struct buffer *b, size_t max);
void buffer_deinit(struct buffer *b);
void buffer_clear(struct buffer *b);                    /* keeps the memory */
void buffer_shrink(struct buffer *b, size_t keep);      /* releases capacity above `keep` when len <= keep */
bool buffer_append(struct buffer *b, struct slice s);
bool buffer_byte(struct buffer *b, char c);
bool buffer_printf(struct buffer *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool buffer_u64(struct buffer *b, uint64_t n);          /* decimal */
bool buffer_i64(struct buffer *b, int64_t n);
char *buffer_reserve(struct buffer *b, size_t n);       /* room for n bytes behind len, or NULL; then add to len */
void buffer_consume(struct buffer *b, size_t n);        /* drops n bytes from the front */
const char *buffer_text(struct buffer *b);              /* NUL-terminated view; "" on overflow of the NUL */
static inline struct slice buffer_slice(const struct buffer *b) { return (struct slice){b->at, b->len}; }

#endif
