/* Server-sent events in any split: the events are the same, and their raw bytes are the input. The first byte
 * says how the rest is split. */
#include "fuzz.h"
#include "io/sse.h"

struct seen {
    struct buffer raw;  /* all raws */
    struct buffer told; /* the events, told */
};

static void take(struct seen *s, const struct sse_event *e) {
    buffer_append(&s->raw, e->raw);
    if (!e->has_data) return;
    buffer_printf(&s->told, "%zu %zu\n", e->name.len, e->data.len);
    buffer_append(&s->told, e->name);
    buffer_append(&s->told, e->data);
}

static void read_all(struct slice text, size_t step, struct seen *s) {
    struct sse_reader r;
    struct sse_event e;
    buffer_init(&s->raw, 16u << 20);
    buffer_init(&s->told, 64u << 20);
    sse_reader_init(&r);
    for (size_t at = 0; at < text.len; at += step) {
        size_t n = text.len - at < step ? text.len - at : step;
        MUST(sse_reader_feed(&r, slice_make(text.at + at, n)) == FAULT_NONE);
        while (sse_reader_next(&r, &e)) take(s, &e);
    }
    if (sse_reader_end(&r, &e)) take(s, &e);
    MUST(!sse_reader_next(&r, &e));
    sse_reader_deinit(&r);
}

static void drop(struct seen *s) {
    buffer_deinit(&s->raw);
    buffer_deinit(&s->told);
}

/* What sse_write wrote is read as it was given. */
static void write_and_read(struct slice data) {
    struct buffer out;
    struct sse_reader r;
    struct sse_event e;
    buffer_init(&out, 16u << 20);
    sse_write(&out, SLICE("name"), data);
    sse_reader_init(&r);
    MUST(sse_reader_feed(&r, buffer_slice(&out)) == FAULT_NONE);
    MUST(sse_reader_next(&r, &e) || sse_reader_end(&r, &e));
    MUST(slice_is(e.name, "name"));
    if (memchr(data.at, '\r', data.len) == NULL) MUST(slice_eq(e.data, data));
    sse_reader_deinit(&r);
    buffer_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct seen at_once, split;
    if (size < 1 || size > 100000) return 0;
    struct slice text = fuzz_text(data + 1, size - 1);
    read_all(text, text.len + 1, &at_once);
    read_all(text, data[0] % 32 + 1u, &split);
    MUST(slice_eq(buffer_slice(&at_once.raw), text));
    MUST(slice_eq(buffer_slice(&split.raw), text));
    MUST(slice_eq(buffer_slice(&at_once.told), buffer_slice(&split.told)));
    drop(&at_once);
    drop(&split);
    if (text.len > 0) write_and_read(text);
    return 0;
}
