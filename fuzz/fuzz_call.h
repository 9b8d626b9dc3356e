/* Requests of one wire, across to the other and back: whatever can be read and written there is valid there,
 * and can be read again. */
#ifndef FUZZ_CALL_H
#define FUZZ_CALL_H

#include "dialect/dialect.h"
#include "fuzz.h"

static void cross(const struct call *call, enum dialect_id to, struct arena *arena) {
    struct provider provider = {
        .name = "p", .dialect = to, .base_url = "https://llm.example/v1", .stream_usage = true};
    struct target target = {.provider = &provider, .model = "target \"model\"", .max_output = -1};
    struct error error = {.fault = FAULT_NONE};
    struct buffer out;
    struct call back = {.endpoint = ENDPOINT_CHAT};
    const struct dialect *there = dialect_of(to);
    buffer_init(&out, 64u << 20);
    if (there->write_call(call, &target, &out, &error) == FAULT_NONE) {
        fuzz_json(buffer_slice(&out), arena);
        MUST(there->read_head(buffer_slice(&out), arena, &back, &error) == FAULT_NONE);
        MUST(slice_is(back.model, target.model));
        MUST(back.stream == call->stream);
        MUST(slice_eq(back.end_user, call->end_user));
        MUST(slice_eq(back.system_text, call->system_text));
        enum fault f = there->read_body(arena, &back, &error);
        if (f != FAULT_NONE)
            fprintf(stderr, "%s\n" SLICE_FMT "\n", error.text, SLICE_ARG(buffer_slice(&out)));
        MUST(f == FAULT_NONE);
        MUST(back.n_tools == call->n_tools && back.n_stop == call->n_stop);
    } else {
        MUST(error.fault != FAULT_NONE && error.text[0] != 0);
    }
    buffer_deinit(&out);
}

static void fuzz_call(enum dialect_id from, enum dialect_id to, const uint8_t *data, size_t size) {
    const struct dialect *d = dialect_of(from);
    for (unsigned e = 0; e < ENDPOINT_COUNT; e++) {
        struct arena arena;
        struct call call = {.endpoint = (enum endpoint)e};
        struct error error = {.fault = FAULT_NONE};
        arena_init(&arena, 4096, FUZZ_ARENA);
        enum fault f = d->read_head(fuzz_text(data, size), &arena, &call, &error);
        if (f == FAULT_NONE) {
            MUST(call.model.len > 0 && call.endpoint == e);
            f = d->read_body(&arena, &call, &error);
            if (f == FAULT_NONE) cross(&call, to, &arena);
        }
        MUST((f == FAULT_NONE) == (error.fault == FAULT_NONE) || call.has_body);
        MUST(f == FAULT_NONE || fault_status(f) < 500);
        arena_deinit(&arena);
    }
}

#endif
