#include "cost/learned.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/mem.h"

#include <stdio.h>

#define HEAD "quarterdeck learned 1 "
enum { HEX = 16, FIRST_LINE = sizeof HEAD - 1 + HEX + 1 };

/* ---- writing ---- */

static void put_hash(struct json_writer *w, uint64_t hash) {
    char text[HEX + 1];
    snprintf(text, sizeof text, "%016llx", (unsigned long long)hash);
    json_put_text(w, text);
}

/* [hash, [bin, count], ...] */
static void put_kind(void *ctx, uint64_t kind, const unsigned bins[EXPECT_BINS]) {
    struct json_writer *w = ctx;
    json_array(w);
    put_hash(w, kind);
    for (unsigned b = 0; b < EXPECT_BINS; b++) {
        if (bins[b] == 0) continue;
        json_array(w);
        json_put_i64(w, b);
        json_put_i64(w, bins[b]);
        json_array_end(w);
    }
    json_array_end(w);
}

static void put_models(struct json_writer *w, const struct token_calibration *c) {
    uint64_t model;
    double factor;
    uint32_t n;
    for (unsigned i = 0; i < TOKEN_CALIBRATION_MODELS; i++) {
        if (!token_calibration_row(c, i, &model, &factor, &n)) continue;
        json_array(w);
        put_hash(w, model);
        json_put_double(w, factor);
        json_put_i64(w, n);
        json_array_end(w);
    }
}

bool learned_encode(const struct token_calibration *c, const struct expect *e, struct buffer *out) {
    struct buffer body;
    struct json_writer w;
    buffer_init(&body, LEARNED_MOST - FIRST_LINE);
    json_start(&w, &body);
    json_object(&w);
    json_key(&w, "calibration");
    json_array(&w);
    put_models(&w, c);
    json_array_end(&w);
    json_key(&w, "expect");
    json_array(&w);
    expect_each(e, put_kind, &w);
    json_array_end(&w);
    json_object_end(&w);
    buffer_printf(out, HEAD "%016llx\n", (unsigned long long)digest_fast(buffer_slice(&body), 0));
    buffer_append(out, buffer_slice(&body));
    bool whole = !body.overflow && !out->overflow;
    buffer_deinit(&body);
    return whole;
}

/* ---- reading ---- */

static bool get_hash(const struct json_doc *d, uint32_t node, struct arena *arena, uint64_t *ret) {
    uint8_t bytes[HEX / 2];
    uint64_t hash = 0;
    if (!digest_from_hex(json_string(d, node, arena), bytes, sizeof bytes)) return false;
    for (unsigned i = 0; i < sizeof bytes; i++) hash = hash << 8 | bytes[i];
    *ret = hash;
    return true;
}

static bool take_models(const struct json_doc *d, uint32_t rows, struct arena *arena,
                        struct token_calibration *c) {
    uint32_t at = JSON_NONE, row;
    if (json_type(d, rows) != JSON_ARRAY) return false;
    while (json_each_item(d, rows, &at, &row)) {
        uint64_t model;
        double factor;
        int64_t n;
        if (!get_hash(d, json_item(d, row, 0), arena, &model) ||
            !json_get_double(d, json_item(d, row, 1), &factor) ||
            !json_get_i64(d, json_item(d, row, 2), &n) || n < 1 || n > UINT32_MAX ||
            !token_calibration_restore(c, model, factor, (uint32_t)n))
            return false;
    }
    return true;
}

static bool take_kind(const struct json_doc *d, uint32_t row, struct arena *arena, struct expect *e) {
    unsigned bins[EXPECT_BINS] = {0};
    uint64_t kind = 0;
    uint32_t at = JSON_NONE, item, index = 0;
    while (json_each_item(d, row, &at, &item)) {
        int64_t bin, n;
        if (index++ == 0) {
            if (!get_hash(d, item, arena, &kind)) return false;
            continue;
        }
        if (!json_get_i64(d, json_item(d, item, 0), &bin) || !json_get_i64(d, json_item(d, item, 1), &n) ||
            bin < 0 || bin >= EXPECT_BINS || n < 1 || n >= EXPECT_MOST || bins[bin] != 0)
            return false;
        bins[bin] = (unsigned)n;
    }
    return expect_restore(e, kind, bins);
}

static bool take_kinds(const struct json_doc *d, uint32_t rows, struct arena *arena, struct expect *e) {
    uint32_t at = JSON_NONE, row;
    if (json_type(d, rows) != JSON_ARRAY) return false;
    while (json_each_item(d, rows, &at, &row))
        if (!take_kind(d, row, arena, e)) return false;
    return true;
}

static bool check_head(struct slice bytes) {
    char want[FIRST_LINE + 1];
    if (bytes.len < FIRST_LINE || bytes.len > LEARNED_MOST) return false;
    snprintf(want, sizeof want, HEAD "%016llx\n",
             (unsigned long long)digest_fast(slice_make(bytes.at + FIRST_LINE, bytes.len - FIRST_LINE), 0));
    return memcmp(bytes.at, want, FIRST_LINE) == 0;
}

/* What was read goes into spare ones first, so that a mistake at the end leaves nothing behind. */
static bool take_all(const struct json_doc *d, struct arena *arena, struct token_calibration *c,
                     struct expect *e) {
    struct token_calibration *spare = mem_new(struct token_calibration);
    struct expect *tried = expect_new();
    uint32_t models = json_get(d, 0, "calibration"), kinds = json_get(d, 0, "expect");
    token_calibration_init(spare);
    bool good = take_models(d, models, arena, spare) && take_kinds(d, kinds, arena, tried) &&
                take_models(d, models, arena, c) && take_kinds(d, kinds, arena, e);
    expect_free(tried);
    mem_free(spare);
    return good;
}

enum fault learned_decode(struct slice bytes, struct token_calibration *c, struct expect *e,
                          struct error *error) {
    struct arena arena;
    struct json_doc d;
    if (!check_head(bytes)) return error_set(error, FAULT_CORRUPT, "it is of another version, or damaged");
    arena_init(&arena, 64 << 10, 32 * LEARNED_MOST);
    enum fault fault =
        json_read(slice_make(bytes.at + FIRST_LINE, bytes.len - FIRST_LINE), &arena, UINT16_MAX, &d, error);
    if (fault == FAULT_NONE && !take_all(&d, &arena, c, e))
        fault = error_set(error, FAULT_CORRUPT, "it holds what cannot have been learned");
    arena_deinit(&arena);
    return fault == FAULT_NONE ? fault : FAULT_CORRUPT;
}
