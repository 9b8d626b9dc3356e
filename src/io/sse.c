/* sse.c - finds events by searching for line ends with memchr, then reads the lines of a whole event.
 *
 * Invariants: start <= line <= scanned <= pending.len. pending[start, line) holds whole, non-empty
 * lines of the unfinished event; in pending[line, scanned) there is no line end. Bytes are moved to the
 * front only while they belong to the unfinished event and something was taken before them, so no byte
 * is moved twice. */
#include "io/sse.h"

#include <string.h>

void sse_reader_init(struct sse_reader *r) {
    *r = (struct sse_reader){0};
    buffer_init(&r->pending, LIMIT_SSE_EVENT);
    buffer_init(&r->data, LIMIT_SSE_EVENT);
}

void sse_reader_deinit(struct sse_reader *r) {
    if (r == NULL) return;
    buffer_deinit(&r->pending);
    buffer_deinit(&r->data);
}

void sse_reader_reset(struct sse_reader *r) {
    buffer_clear(&r->pending);
    buffer_clear(&r->data);
    r->start = r->line = r->scanned = 0;
    r->started = false;
}

/* Finds the end of the line that begins at `from`, looking from `searched` on. *ret_end is where its
 * text stops; returns where the next line begins, or 0 when the end is not here (then *ret_end is how
 * far the search got). A CR that is the last byte decides nothing: an LF may follow. */
static size_t line_end(struct slice s, size_t from, size_t searched, bool last, size_t *ret_end) {
    if (searched < from) searched = from;
    size_t left = s.len - searched;
    const char *at = left == 0 ? "" : s.at + searched;
    const char *lf = left == 0 ? NULL : memchr(at, '\n', left);
    size_t before = lf == NULL ? left : (size_t)(lf - at);
    const char *cr = before == 0 ? NULL : memchr(at, '\r', before);
    if (cr != NULL) {
        size_t end = (size_t)(cr - s.at);
        *ret_end = end;
        if (lf == cr + 1) return end + 2;
        return end + 1 < s.len || last ? end + 1 : 0;
    }
    *ret_end = searched + before;
    if (lf != NULL) return *ret_end + 1;
    return last && s.len > from ? s.len : 0;
}

/* Moves line and scanned on to the end of the unfinished event. False: it is not here yet. */
static bool find_event(struct sse_reader *r, size_t *ret_next) {
    struct slice s = buffer_slice(&r->pending);
    for (;;) {
        size_t end, next = line_end(s, r->line, r->scanned, false, &end);
        if (next == 0) {
            r->scanned = end;
            return false;
        }
        if (end == r->line) {
            *ret_next = next;
            return true;
        }
        r->line = r->scanned = next;
    }
}

/* True when an event in `pending`, complete or not, is over its limit. */
static bool over_limit(const struct sse_reader *r) {
    struct sse_reader copy = *r;
    size_t next;
    while (find_event(&copy, &next)) {
        if (next - copy.start > LIMIT_SSE_EVENT) return true;
        copy.start = copy.line = copy.scanned = next;
    }
    return copy.pending.len - copy.start > LIMIT_SSE_EVENT;
}

enum fault sse_reader_feed(struct sse_reader *r, struct slice bytes) {
    if (r->start > 0) { /* something was taken: what is left is short, or nothing */
        buffer_consume(&r->pending, r->start);
        r->line -= r->start;
        r->scanned -= r->start;
        r->start = 0;
    }
    /* The caller bounds what it feeds; what may stay unfinished is bounded here. */
    r->pending.max = LIMIT_SSE_EVENT + bytes.len;
    if (!buffer_append(&r->pending, bytes)) return FAULT_UP_TOO_LARGE;
    if (r->pending.len > LIMIT_SSE_EVENT && over_limit(r)) return FAULT_UP_TOO_LARGE;
    return FAULT_NONE;
}

static void add_data(struct sse_reader *r, struct sse_event *e, struct slice value) {
    if (!e->has_data) {
        e->has_data = true;
        e->data = value;
        return;
    }
    if (r->data.len == 0) (void)buffer_append(&r->data, e->data); /* fits: it is part of one event */
    (void)buffer_byte(&r->data, '\n');
    (void)buffer_append(&r->data, value);
    e->data = buffer_slice(&r->data);
}

static void read_line(struct sse_reader *r, struct sse_event *e, struct slice line) {
    struct slice name, value;
    (void)slice_cut(line, ':', &name, &value);
    if (value.len > 0 && value.at[0] == ' ') value = slice_make(value.at + 1, value.len - 1);
    if (slice_eq(name, SLICE("data")))
        add_data(r, e, value);
    else if (slice_eq(name, SLICE("event")))
        e->name = value;
}

static void read_event(struct sse_reader *r, struct slice raw, struct sse_event *ret) {
    *ret = (struct sse_event){.raw = raw};
    buffer_clear(&r->data);
    size_t from = 0;
    if (!r->started && slice_starts(raw, SLICE("\xEF\xBB\xBF"))) from = 3;
    r->started = true;
    for (size_t end, next; (next = line_end(raw, from, from, true, &end)) != 0; from = next)
        if (end > from) read_line(r, ret, slice_make(raw.at + from, end - from));
}

bool sse_reader_next(struct sse_reader *r, struct sse_event *ret) {
    size_t next;
    if (!find_event(r, &next)) return false;
    struct slice raw = slice_make(r->pending.at + r->start, next - r->start);
    r->start = r->line = r->scanned = next;
    read_event(r, raw, ret);
    return true;
}

bool sse_reader_end(struct sse_reader *r, struct sse_event *ret) {
    if (r->start == r->pending.len) return false;
    struct slice raw = slice_make(r->pending.at + r->start, r->pending.len - r->start);
    r->start = r->line = r->scanned = r->pending.len;
    read_event(r, raw, ret);
    return true;
}

void sse_write(struct buffer *out, struct slice name, struct slice data) {
    if (name.len > 0) {
        (void)buffer_append(out, SLICE("event: "));
        (void)buffer_append(out, name);
        (void)buffer_byte(out, '\n');
    }
    if (slice_is_null(data)) data = SLICE("");
    /* A CR in the data would end the line at the reader: it becomes a line break of ours. */
    for (size_t from = 0, end, next;; from = next) {
        next = line_end(data, from, from, true, &end);
        if (next == 0) end = data.len;
        (void)buffer_append(out, SLICE("data: "));
        (void)buffer_append(out, slice_make(data.at + from, end - from));
        (void)buffer_byte(out, '\n');
        if (next == 0 || end == data.len) break;
    }
    (void)buffer_byte(out, '\n');
}
