#include "base/json.h"
#include "base/json_text.h"
#include "base/utf8.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { DEEPEST = 63 };
#define EXACT 1e15 /* whole numbers below it have the same text as integers */

void json_start(struct json_writer *w, struct buffer *out) {
    *w = (struct json_writer){.out = out};
}

/* The comma that a value or a key needs before it. */
static void separate(struct json_writer *w) {
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->depth > DEEPEST) return;
    uint64_t bit = (uint64_t)1 << w->depth;
    if (w->depth > 0 && (w->open_bits & bit) != 0) buffer_byte(w->out, ',');
    w->open_bits |= bit;
}

static void open_level(struct json_writer *w, char bracket) {
    separate(w);
    buffer_byte(w->out, bracket);
    if (++w->depth > DEEPEST) w->out->overflow = true; /* the caller's check at the end sees it */
    else w->open_bits &= ~((uint64_t)1 << w->depth);
}

static void close_level(struct json_writer *w, char bracket) {
    if (w->depth > 0) w->depth--;
    buffer_byte(w->out, bracket);
}

void json_object(struct json_writer *w) {
    open_level(w, '{');
}
void json_object_end(struct json_writer *w) {
    close_level(w, '}');
}
void json_array(struct json_writer *w) {
    open_level(w, '[');
}
void json_array_end(struct json_writer *w) {
    close_level(w, ']');
}

static void quoted(struct buffer *out, struct slice text) {
    buffer_byte(out, '"');
    json_escape(out, text);
    buffer_byte(out, '"');
}

void json_key_slice(struct json_writer *w, struct slice key) {
    separate(w);
    quoted(w->out, key);
    buffer_byte(w->out, ':');
    w->after_key = true;
}

void json_key(struct json_writer *w, const char *key) {
    json_key_slice(w, slice_of(key));
}

void json_put_string(struct json_writer *w, struct slice text) {
    separate(w);
    quoted(w->out, text);
}

void json_put_text(struct json_writer *w, const char *text) {
    if (text == NULL) json_put_null(w);
    else json_put_string(w, slice_of(text));
}

void json_put_i64(struct json_writer *w, int64_t n) {
    separate(w);
    buffer_i64(w->out, n);
}

void json_put_u64(struct json_writer *w, uint64_t n) {
    separate(w);
    buffer_u64(w->out, n);
}

void json_put_double(struct json_writer *w, double n) {
    char text[32];
    int len = 0;
    if (n - n != 0) { /* NaN or infinite */
        json_put_null(w);
        return;
    }
    if (n > -EXACT && n < EXACT && n == (double)(int64_t)n && (n != 0 || !signbit(n))) /* the same text, sooner */
        len = snprintf(text, sizeof text, "%lld", (long long)n);
    for (int digits = 15; len == 0 && digits <= 17; digits++) {
        len = snprintf(text, sizeof text, "%.*g", digits, n);
        if (digits < 17 && strtod(text, NULL) != n) len = 0;
    }
    separate(w);
    buffer_append(w->out, slice_make(text, (size_t)len));
}

void json_put_raw(struct json_writer *w, struct slice json) {
    separate(w);
    buffer_append(w->out, json.len > 0 ? json : SLICE("null"));
}

void json_put_bool(struct json_writer *w, bool b) {
    json_put_raw(w, b ? SLICE("true") : SLICE("false"));
}
void json_put_null(struct json_writer *w) {
    json_put_raw(w, SLICE("null"));
}

void json_member_string(struct json_writer *w, const char *key, struct slice text) {
    json_key(w, key);
    if (slice_is_null(text)) json_put_null(w);
    else json_put_string(w, text);
}

void json_member_text(struct json_writer *w, const char *key, const char *text) {
    json_key(w, key);
    json_put_text(w, text);
}

void json_member_i64(struct json_writer *w, const char *key, int64_t n) {
    json_key(w, key);
    json_put_i64(w, n);
}

void json_member_double(struct json_writer *w, const char *key, double n) {
    json_key(w, key);
    json_put_double(w, n);
}

void json_member_bool(struct json_writer *w, const char *key, bool b) {
    json_key(w, key);
    json_put_bool(w, b);
}

void json_member_raw(struct json_writer *w, const char *key, struct slice json) {
    json_key(w, key);
    json_put_raw(w, json);
}

/* One byte that may not stand bare: a control character, a quote or a backslash. */
static void escape_byte(struct buffer *out, unsigned char c) {
    static const char special[] = "\b\f\n\r\t\"\\", letter[] = "bfnrt\"\\", hex[] = "0123456789abcdef";
    const char *p = c != 0 ? strchr(special, c) : NULL;
    char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    if (p != NULL) text[1] = letter[p - special];
    buffer_append(out, slice_make(text, p != NULL ? 2 : 6));
}

void json_escape(struct buffer *out, struct slice text) {
    if (text.len == 0) return;
    const char *from = text.at, *at = from, *end = from + text.len;
    while ((at = json_plain_end(at, end)) < end) {
        unsigned char c = (unsigned char)*at;
        int n = c < 0x80 ? 0 : utf8_next(at, (size_t)(end - at));
        if (n > 0) { /* well-formed: part of the run */
            at += n;
            continue;
        }
        buffer_append(out, slice_make(from, (size_t)(at - from)));
        if (n == 0) escape_byte(out, c);
        else buffer_append(out, SLICE("\xEF\xBF\xBD"));
        at += n == 0 ? 1 : -n;
        from = at;
    }
    buffer_append(out, slice_make(from, (size_t)(end - from)));
}
