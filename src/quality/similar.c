#include "quality/similar.h"

#include "base/digest.h"

#include <math.h>

struct vector {
    double *at;
    uint32_t n; /* 0: not told yet */
};

static unsigned count_values(const struct check *c) { return c->n_texts > 0 ? c->n_texts : 1; }

static enum fault text_at(const struct check *c, const struct check_case *k, unsigned i, struct arena *arena, struct slice *ret,
                          struct error *error) {
    struct slice missing;
    *ret = c->n_texts > 0 ? c->texts[i].text : k->expected;
    if (slice_is_null(*ret)) return error_set(error, FAULT_CONFIG, "the check has no value, and the case no `expected`");
    if (c->n_texts > 0 && c->texts[i].is_template) *ret = template_fill(*ret, k->vars, k->n_vars, arena, &missing);
    if (slice_is_null(*ret) && slice_is_null(missing)) return error_set(error, FAULT_TOO_LARGE, "the texts do not fit into their memory");
    if (slice_is_null(*ret)) return error_set(error, FAULT_CONFIG, "the case has no variable `" SLICE_FMT "`", SLICE_ARG(missing));
    if (slice_trim(*ret).len == 0) return error_set(error, FAULT_CONFIG, "the value is empty: there is nothing to compare with");
    return FAULT_NONE;
}

enum fault similar_write_call(const struct check *c, const struct check_answer *a, const struct check_case *k, struct arena *arena,
                              struct buffer *out, struct error *error) {
    struct json_writer w;
    struct slice text;
    if (slice_trim(a->text).len == 0) return error_set(error, FAULT_CONFIG, "the answer has no text to embed");
    json_start(&w, out);
    json_object(&w);
    json_member_string(&w, "model", c->model);
    json_key(&w, "input");
    json_array(&w);
    json_put_string(&w, a->text);
    for (unsigned i = 0; i < count_values(c); i++) {
        enum fault f = text_at(c, k, i, arena, &text, error);
        if (f != FAULT_NONE) return f;
        json_put_string(&w, text);
    }
    json_array_end(&w);
    json_object_end(&w);
    return out->overflow ? error_set(error, FAULT_TOO_LARGE, "the texts do not fit into one request") : FAULT_NONE;
}

/* ---- the reply ---- */

static enum fault bad(struct error *error, uint32_t index, const char *what) {
    return error_set(error, FAULT_UP_MALFORMED, "the embedding of text %u %s", index, what);
}

static enum fault read_numbers(const struct json_doc *d, uint32_t node, uint32_t index, struct arena *arena, struct vector *ret,
                               struct error *error) {
    uint32_t cursor = JSON_NONE, item, n = json_size(d, node), i = 0;
    if (n == 0 || n > SIMILAR_DIMENSIONS) return bad(error, index, "is empty or too long");
    double *at = arena_new_array(arena, double, n);
    if (at == NULL) return error_set(error, FAULT_TOO_LARGE, "the embeddings do not fit into their memory");
    while (json_each_item(d, node, &cursor, &item))
        if (json_type(d, item) != JSON_NUMBER || !json_get_double(d, item, &at[i++])) return bad(error, index, "holds what is no number");
    *ret = (struct vector){at, n};
    return FAULT_NONE;
}

static enum fault read_base64(struct slice text, uint32_t index, struct arena *arena, struct vector *ret, struct error *error) {
    size_t cap = text.len / 4 * 3, len = 0;
    uint8_t *bytes = arena_alloc(arena, cap + 1);
    if (bytes == NULL) return error_set(error, FAULT_TOO_LARGE, "the embeddings do not fit into their memory");
    if (!digest_from_base64(text, bytes, cap + 1, &len) || len % 4 != 0) return bad(error, index, "is not base64 of float32 numbers");
    if (len == 0 || len / 4 > SIMILAR_DIMENSIONS) return bad(error, index, "is empty or too long");
    double *at = arena_new_array(arena, double, len / 4);
    if (at == NULL) return error_set(error, FAULT_TOO_LARGE, "the embeddings do not fit into their memory");
    for (size_t i = 0; i < len / 4; i++) {
        const uint8_t *b = bytes + 4 * i;
        uint32_t bits = (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
        float number;
        memcpy(&number, &bits, sizeof number);
        at[i] = (double)number;
    }
    *ret = (struct vector){at, (uint32_t)(len / 4)};
    return FAULT_NONE;
}

static enum fault read_vector(const struct json_doc *d, uint32_t item, unsigned n, struct arena *arena, struct vector *all,
                              struct error *error) {
    uint32_t node = json_get(d, item, "embedding");
    int64_t index = -1;
    if (!json_get_i64(d, json_get(d, item, "index"), &index) || index < 0 || index >= (int64_t)n)
        return error_set(error, FAULT_UP_MALFORMED, "expected embeddings with an `index` of 0 to %u", n - 1);
    struct vector *v = &all[index];
    if (v->n > 0) return bad(error, (uint32_t)index, "came twice");
    if (json_type(d, node) == JSON_ARRAY) return read_numbers(d, node, (uint32_t)index, arena, v, error);
    if (json_type(d, node) == JSON_STRING) return read_base64(json_string(d, node, arena), (uint32_t)index, arena, v, error);
    return bad(error, (uint32_t)index, "is neither a list of numbers nor base64");
}

/* Scaled by the largest first, so that no square leaves the range of a double. False: zero, or not finite. */
static bool make_unit(struct vector *v) {
    double most = 0, square = 0;
    for (uint32_t i = 0; i < v->n; i++) {
        if (!isfinite(v->at[i])) return false;
        most = fmax(most, fabs(v->at[i]));
    }
    if (most == 0) return false;
    for (uint32_t i = 0; i < v->n; i++) {
        v->at[i] /= most;
        square += v->at[i] * v->at[i];
    }
    for (uint32_t i = 0; i < v->n; i++) v->at[i] /= sqrt(square);
    return true;
}

enum fault similar_read(struct slice reply, unsigned n_values, struct arena *arena, double *ret, struct error *error) {
    struct json_doc d;
    uint32_t cursor = JSON_NONE, item;
    unsigned n = n_values + 1;
    double best = 0;
    struct vector *all = arena_new_array(arena, struct vector, n);
    if (all == NULL) return error_set(error, FAULT_TOO_LARGE, "the embeddings do not fit into their memory");
    enum fault f = json_read(reply, arena, UINT16_MAX, &d, error);
    if (f != FAULT_NONE) return f == FAULT_TOO_LARGE ? f : error_set(error, FAULT_UP_MALFORMED, "the embeddings are not JSON");
    uint32_t data = json_get(&d, 0, "data");
    if (json_type(&d, data) != JSON_ARRAY || json_size(&d, data) != n)
        return error_set(error, FAULT_UP_MALFORMED, "expected `data` with %u embeddings, found %u", n, json_size(&d, data));
    while (json_each_item(&d, data, &cursor, &item)) {
        f = read_vector(&d, item, n, arena, all, error);
        if (f != FAULT_NONE) return f;
    }
    for (uint32_t i = 0; i < n; i++) {
        double cosine = 0;
        if (all[i].n != all[0].n) return bad(error, i, "has another length than the first");
        if (!make_unit(&all[i])) return bad(error, i, "is zero or not finite");
        for (uint32_t j = 0; i > 0 && j < all[0].n; j++) cosine += all[0].at[j] * all[i].at[j];
        best = fmax(best, cosine);
    }
    *ret = fmin(best, 1);
    return FAULT_NONE;
}

void similar_conclude(const struct check *c, struct slice reply, struct arena *arena, struct check_outcome *ret) {
    struct error why = {.fault = FAULT_NONE};
    double score = 0;
    if (similar_read(reply, count_values(c), arena, &score, &why) != FAULT_NONE) {
        *ret = (struct check_outcome){.verdict = CHECK_ERROR, .reason = arena_printf(arena, "%s", why.text)};
        return;
    }
    check_conclude(c, score, false,
                   arena_printf(arena, "expected the answer %sto have a cosine of at least %g by the embeddings of " SLICE_FMT ", found %.4f",
                                c->negated ? "not " : "", c->threshold, SLICE_ARG(c->model), score),
                   ret);
}
