/* What a new review is of: items that come with it, or the results of a run. */
#include "control/api_reviews.h"

struct items {
    struct api_call *c;
    struct slice *at;
    size_t n, most;
};

static bool bad(struct api_call *c, size_t i, const char *what) {
    api_fail(c, FAULT_BAD_REQUEST, "items[%zu]: %s", i, what);
    return false;
}

/* One item as it is kept. `members`: a JSON object with what it is of; *answers are JSON texts. */
static bool keep(struct items *all, const struct slice names[], const struct slice values[], unsigned n_values, const struct slice *answers,
                 unsigned n_answers) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 2 * LIMIT_CASE_TEXT);
    json_start(&w, &out);
    json_object(&w);
    for (unsigned i = 0; i < n_values; i++) {
        if (slice_is_null(values[i])) continue;
        json_key_slice(&w, names[i]);
        json_put_raw(&w, values[i]);
    }
    json_key(&w, "answers");
    json_array(&w);
    for (unsigned i = 0; i < n_answers; i++) json_put_raw(&w, answers[i]);
    json_array_end(&w);
    json_object_end(&w);
    struct slice text = out.overflow ? SLICE_NULL : arena_slice(all->c->arena, buffer_slice(&out));
    buffer_deinit(&out);
    if (slice_is_null(text)) {
        api_fail(all->c, FAULT_TOO_LARGE, "item %zu does not fit: over %u MiB", all->n, 2 * LIMIT_CASE_TEXT >> 20);
        return false;
    }
    all->at[all->n++] = text;
    return true;
}

/* ---- items that come with it ---- */

static const struct slice members[] = {{"input", 5}, {"context", 7}, {"expected", 8}, {"case", 4}, {"repeat", 6}, {"record", 6}, {"run", 3}};
enum { MEMBERS = sizeof members / sizeof *members };

static bool is_text(const struct json_doc *d, uint32_t node) { return json_type(d, node) == JSON_STRING; }

static bool read_item(struct items *all, const struct json_doc *d, uint32_t node, size_t i, unsigned wanted) {
    struct slice values[MEMBERS], answers[2];
    uint32_t list = json_get(d, node, "answers"), output = json_get(d, node, "output"), at = JSON_NONE, key, value;
    unsigned n = 0;
    if (json_type(d, node) != JSON_OBJECT) return bad(all->c, i, "expected an object");
    while (json_each_member(d, node, &at, &key, &value)) {
        bool known = json_is(d, key, "answers") || json_is(d, key, "output");
        for (unsigned m = 0; m < MEMBERS; m++) known |= slice_eq(json_string(d, key, all->c->arena), members[m]);
        if (!known) return bad(all->c, i, "expected input, context, expected, output or answers, case, repeat, record, run");
    }
    for (unsigned m = 0; m < MEMBERS; m++) values[m] = json_raw(d, json_get_slice(d, node, members[m]));
    if (output != JSON_NONE && is_text(d, output)) answers[n++] = json_raw(d, output);
    at = JSON_NONE;
    while (output == JSON_NONE && n < 2 && json_each_item(d, list, &at, &value) && is_text(d, value)) answers[n++] = json_raw(d, value);
    if (n != wanted || (output == JSON_NONE && json_size(d, list) != wanted))
        return bad(all->c, i, wanted == 2 ? "expected `answers` with two texts, since the scale is pairwise" : "expected `output`, a text");
    return keep(all, members, values, MEMBERS, answers, n);
}

static bool from_items(struct items *all, const struct json_doc *d, uint32_t list, unsigned wanted) {
    uint32_t at = JSON_NONE, item;
    size_t i = 0;
    while (json_each_item(d, list, &at, &item))
        if (!read_item(all, d, item, i++, wanted)) return false;
    return true;
}

bool api_review_read_items(struct api_call *c, const struct json_doc *d, struct slice **ret, size_t *ret_n, struct slice *ret_source) {
    uint32_t list = json_get(d, 0, "items");
    struct items all = {.c = c, .most = json_size(d, list)};
    if (json_type(d, list) != JSON_ARRAY || all.most == 0 || all.most > REVIEW_ITEMS_MOST) {
        api_fail(c, FAULT_BAD_REQUEST, "items: expected a list of 1 to %d", REVIEW_ITEMS_MOST);
        return false;
    }
    all.at = arena_new_array(c->arena, struct slice, all.most);
    if (!all.at) return api_check(c, FAULT_TOO_LARGE, NULL);
    if (!from_items(&all, d, list, json_is(d, json_get(d, 0, "scale"), "pairwise") ? 2 : 1)) return false;
    *ret = all.at;
    *ret_n = all.n;
    *ret_source = SLICE("items");
    return true;
}
