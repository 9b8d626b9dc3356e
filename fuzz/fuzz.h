/* What the fuzz targets share. A broken property stops the program, as a sanitizer's finding does. */
#ifndef FUZZ_H
#define FUZZ_H

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"

#define MUST(property)                                                                                       \
    do {                                                                                                     \
        if (!(property)) {                                                                                   \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #property);                                   \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_ARENA (64u << 20)

static inline struct slice fuzz_text(const uint8_t *data, size_t size) {
    return slice_make((const char *)data, size);
}

/* Valid JSON, read into `arena`. */
static inline struct json_doc fuzz_json(struct slice text, struct arena *arena) {
    struct json_doc d = {.count = 0};
    struct error error = {.fault = FAULT_NONE};
    if (json_read(text, arena, UINT16_MAX, &d, &error) != FAULT_NONE) {
        fprintf(stderr, "%s in: " SLICE_FMT "\n", error.text, SLICE_ARG(text));
        abort();
    }
    return d;
}

#endif
