/* What the dialects' tests share: an arena, a call read from text, replies and streams as readable text. */
#ifndef TEST_DIALECT_SUPPORT_H
#define TEST_DIALECT_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "dialect/dialect.h"

struct kit {
    struct arena arena, scratch;
    struct buffer out;
    struct call call;
    struct error error;
    struct reply reply;
    struct upstream_error failure;
    struct stream_reader reader;
    struct stream_writer writer;
};

static inline void kit_start(struct kit *k) {
    *k = (struct kit){.error.fault = FAULT_NONE};
    arena_init(&k->arena, 4096, 64 << 20);
    arena_init(&k->scratch, 4096, 8 << 20);
    buffer_init(&k->out, 64 << 20);
}

static inline void kit_end(struct kit *k) {
    arena_deinit(&k->arena);
    arena_deinit(&k->scratch);
    buffer_deinit(&k->out);
}

static inline enum fault kit_head(struct kit *k, enum dialect_id id, enum endpoint e, const char *body) {
    k->call.endpoint = e;
    return dialect_of(id)->read_head(slice_of(body), &k->arena, &k->call, &k->error);
}

static inline void assert_text(struct slice found, const char *want) {
    char text[4096];
    snprintf(text, sizeof text, SLICE_FMT, SLICE_ARG(found));
    if (want == NULL) assert_true(slice_is_null(found));
    else assert_string_equal(text, want);
}

#define CHECK_OUT(k, want) assert_string_equal(buffer_text(&(k)->out), (want))

#endif
