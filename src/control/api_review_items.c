/* What a new review is of: items that come with it, or the results of a run. */
#include "control/api_reviews.h"

static bool bad(struct api_call *c, size_t i, const char *what) {
    api_fail(c, FAULT_BAD_REQUEST, "items[%zu]: %s", i, what);
    return false;
}

bool api_review_keep(struct review_items *all, const struct slice names[], const struct slice values[], unsigned n_values,
                     const struct slice *answers, unsigned n_answers) {
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

static const struct slice members[] = {{"input", 5}, {"context", 7}, {"expected", 8}, {"case", 4}, {"repeat", 6}, {"record", 6}, {"run", 3}, {"vars", 4}, {"chance", 6}};
enum { MEMBERS = sizeof members / sizeof *members };

static bool is_text(const struct json_doc *d, uint32_t node) { return json_type(d, node) == JSON_STRING; }

static bool read_item(struct review_items *all, const struct json_doc *d, uint32_t node, size_t i, unsigned wanted, struct slice chance) {
    struct slice values[MEMBERS], answers[2];
    uint32_t list = json_get(d, node, "answers"), output = json_get(d, node, "output"), at = JSON_NONE, key, value;
    unsigned n = 0;
    if (json_type(d, node) != JSON_OBJECT) return bad(all->c, i, "expected an object");
    while (json_each_member(d, node, &at, &key, &value)) {
        bool known = json_is(d, key, "answers") || json_is(d, key, "output");
        for (unsigned m = 0; m < MEMBERS; m++) known |= slice_eq(json_string(d, key, all->c->arena), members[m]);
        if (!known) return bad(all->c, i, "expected input, context, expected, output or answers, case, repeat, record, run, vars, chance");
    }
    for (unsigned m = 0; m < MEMBERS; m++) values[m] = json_raw(d, json_get_slice(d, node, members[m]));
    if (!slice_is_null(chance)) values[MEMBERS - 1] = chance;
    if (output != JSON_NONE && is_text(d, output)) answers[n++] = json_raw(d, output);
    at = JSON_NONE;
    while (output == JSON_NONE && n < 2 && json_each_item(d, list, &at, &value) && is_text(d, value)) answers[n++] = json_raw(d, value);
    if (n != wanted || (output == JSON_NONE && json_size(d, list) != wanted))
        return bad(all->c, i, wanted == 2 ? "expected `answers` with two texts, since the scale is pairwise" : "expected `output`, a text");
    return api_review_keep(all, members, values, MEMBERS, answers, n);
}

static bool from_items(struct review_items *all, const struct json_doc *d, uint32_t list, unsigned wanted, int64_t sample) {
    uint32_t at = JSON_NONE, item, n = json_size(d, list), next = 0, taken = 0;
    if (json_type(d, list) != JSON_ARRAY || n == 0 || n > REVIEW_ITEMS_MOST) {
        api_fail(all->c, FAULT_BAD_REQUEST, "items: expected a list of 1 to %d", REVIEW_ITEMS_MOST);
        return false;
    }
    uint32_t k = sample > 0 && sample < n ? (uint32_t)sample : n;
    uint32_t *drawn = review_draw(n, k, api_review_seed(), all->c->arena);
    all->at = arena_new_array(all->c->arena, struct slice, n);
    if (!drawn || !all->at) return api_check(all->c, FAULT_TOO_LARGE, NULL);
    struct slice chance = k < n ? arena_printf(all->c->arena, "%.9g", (double)k / n) : SLICE_NULL;
    while (json_each_item(d, list, &at, &item)) {
        if (!read_item(all, d, item, next, wanted, chance)) return false;
        bool is_drawn = taken < k && drawn[taken] == next;
        next++;
        if (!is_drawn) all->n--; /* read, so that a mistake is told whatever is drawn */
        if (is_drawn) taken++;
    }
    all->source = SLICE("items");
    all->drawn_from = n;
    return true;
}

/* ---- either ---- */

uint64_t api_review_seed(void) {
    uint64_t seed;
    digest_random(&seed, sizeof seed);
    return seed;
}

static bool refuse(struct api_call *c, const char *what) {
    api_fail(c, FAULT_BAD_REQUEST, "%s", what);
    return false;
}

bool api_review_read_items(struct api_call *c, const struct json_doc *d, struct review_items *ret) {
    uint32_t list = json_get(d, 0, "items"), run = json_get(d, 0, "run"), against = json_get(d, 0, "against"), some = json_get(d, 0, "sample"),
             verdict = json_get(d, 0, "verdict");
    bool pairs = json_is(d, json_get(d, 0, "scale"), "pairwise");
    int64_t sample = 0;
    *ret = (struct review_items){.c = c};
    if ((list == JSON_NONE) == (run == JSON_NONE)) return refuse(c, "expected `items` or `run`, and one of them");
    if (some != JSON_NONE && (!json_get_i64(d, some, &sample) || sample < 1)) return refuse(c, "sample: expected a whole number of 1 or more");
    if (list != JSON_NONE && (against != JSON_NONE || verdict != JSON_NONE)) return refuse(c, "against and verdict: expected with `run` alone");
    if (list != JSON_NONE) return from_items(ret, d, list, pairs ? 2 : 1, sample);
    if (json_type(d, run) != JSON_STRING || (against != JSON_NONE && json_type(d, against) != JSON_STRING))
        return refuse(c, "run and against: expected a run such as run-12");
    if (pairs != (against != JSON_NONE)) return refuse(c, pairs ? "against: expected the run that is the baseline, since the scale is pairwise" :
                                                                  "scale: expected pairwise, since there are two runs");
    int wanted = verdict == JSON_NONE ? -1 : json_is(d, verdict, "pass") ? 0 : json_is(d, verdict, "fail") ? 1 : -2;
    if (wanted == -2) return refuse(c, "verdict: expected pass or fail");
    return api_review_from_run(ret, json_string(d, run, c->arena), against == JSON_NONE ? SLICE_NULL : json_string(d, against, c->arena), wanted, sample);
}
