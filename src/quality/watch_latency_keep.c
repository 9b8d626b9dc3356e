/* Baselines and detectors of latency over a restart: JSON. */
#include "quality/watch_latency_private.h"
#include "quality/watch_tell.h"

static void put_all(struct json_writer *w, const char *key, const int64_t values[QUANTILES]) {
    json_key(w, key);
    json_array(w);
    for (unsigned i = 0; i < QUANTILES; i++) json_put_i64(w, values[i]);
    json_array_end(w);
}

static void put_series(struct json_writer *w, const struct latency_series *s) {
    json_object(w);
    json_member_text(w, "application", s->application);
    json_member_text(w, "request_type", s->request_type);
    json_member_i64(w, "since", s->since_us);
    json_member_i64(w, "refused", s->refused_us);
    json_member_i64(w, "worse", s->worse_us);
    json_member_double(w, "trials", s->trials);
    json_member_double(w, "worse_n", s->worse_known);
    json_member_double(w, "worse_slow", s->worse_slow);
    json_member_i64(w, "week", s->week_us);
    json_member_double(w, "week_n", s->week_known);
    json_member_double(w, "week_slow", s->week_slow);
    put_all(w, "budgets", s->budgets);
    put_all(w, "over", s->over_us);
    json_key(w, "normal");
    json_array(w);
    for (unsigned i = 0; i < CONTEXTS; i++) {
        watch_histogram_write(&s->likes[i].normal[0], w);
        watch_histogram_write(&s->likes[i].normal[1], w);
    }
    json_array_end(w);
    if (s->ready) {
        json_key(w, "rise");
        watch_detector_write(&s->rise, w);
    }
    json_object_end(w);
}

void watch_latency_write(const struct watch_latency *w, struct json_writer *out) {
    size_t cursor = 0;
    struct slice key;
    void *s;
    json_array(out);
    while (table_next(&w->by_name, &cursor, &key, &s)) put_series(out, s);
    json_array_end(out);
}

/* As they were: what is read again of before the start counts against them, and what was above is so until it surely is not. */
static bool read_budgets(const struct json_doc *d, uint32_t at, struct latency_series *s) {
    uint32_t budgets = json_get(d, at, "budgets"), over = json_get(d, at, "over");
    if (budgets == JSON_NONE && over == JSON_NONE) return true; /* of a version that did not keep them */
    bool good = json_size(d, budgets) == QUANTILES && json_size(d, over) == QUANTILES;
    for (unsigned i = 0; good && i < QUANTILES; i++)
        good = json_get_i64(d, json_item(d, budgets, i), &s->budgets[i]) && json_get_i64(d, json_item(d, over, i), &s->over_us[i]);
    return good;
}

static bool read_since(const struct json_doc *d, uint32_t at, struct latency_series *s) {
    if (json_get(d, at, "week") == JSON_NONE) { /* of a version that did not keep it: the week begins with what is found since */
        s->week_us = s->worse_us;
        return true;
    }
    return json_get_i64(d, json_get(d, at, "week"), &s->week_us) && json_get_double(d, json_get(d, at, "worse_n"), &s->worse_known) &&
           json_get_double(d, json_get(d, at, "worse_slow"), &s->worse_slow) && json_get_double(d, json_get(d, at, "week_n"), &s->week_known) &&
           json_get_double(d, json_get(d, at, "week_slow"), &s->week_slow);
}

static bool read_series(struct watch_latency *w, const struct json_doc *d, uint32_t at, struct arena *arena) {
    struct slice application = json_string(d, json_get(d, at, "application"), arena), type = json_string(d, json_get(d, at, "request_type"), arena);
    struct latency_series *s = slice_is_null(application) || slice_is_null(type) ? NULL : latency_series_of(w, application, type);
    uint32_t normal = json_get(d, at, "normal");
    bool good = s != NULL && json_size(d, normal) == 2 * CONTEXTS && json_get_i64(d, json_get(d, at, "since"), &s->since_us) &&
                json_get_i64(d, json_get(d, at, "refused"), &s->refused_us) && json_get_i64(d, json_get(d, at, "worse"), &s->worse_us) &&
                json_get_double(d, json_get(d, at, "trials"), &s->trials) && read_budgets(d, at, s);
    for (unsigned i = 0; good && i < 2 * CONTEXTS; i++) good = watch_histogram_read(json_string(d, json_item(d, normal, i), arena), &s->likes[i / 2].normal[i % 2]);
    if (!good) return false;
    if (!read_since(d, at, s)) return false;
    s->ready = watch_detector_read(d, json_get(d, at, "rise"), &s->rise);
    latency_series_learned(s);
    return true;
}

enum fault watch_latency_read(struct watch_latency *w, struct slice json, struct error *error) {
    struct arena arena;
    struct json_doc d;
    uint32_t cursor = JSON_NONE, item;
    arena_init(&arena, 64 << 10, 64u << 20);
    enum fault fault = json_read(json, &arena, UINT16_MAX, &d, error);
    while (fault == FAULT_NONE && json_each_item(&d, 0, &cursor, &item))
        if (!read_series(w, &d, item, &arena)) fault = error_set(error, FAULT_CORRUPT, "what the watch remembers of latency cannot be read");
    arena_deinit(&arena);
    return fault;
}
