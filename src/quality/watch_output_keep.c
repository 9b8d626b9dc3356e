/* Baselines and detectors of output quality over a restart: JSON. */
#include "quality/watch_output_private.h"
#include "quality/watch_tell.h"

static void put_series(struct json_writer *w, const struct output_series *s) {
    json_object(w);
    json_key(w, "names");
    json_array(w);
    for (unsigned i = 0; i < 4; i++) json_put_text(w, s->names[i]);
    json_array_end(w);
    json_member_i64(w, "signal", s->signal);
    json_member_double(w, "normal", s->normal);
    json_member_double(w, "n_normal", s->n_normal);
    json_member_bool(w, "inherited", s->inherited);
    json_member_i64(w, "first", s->first_us);
    json_member_i64(w, "last", s->last_us);
    json_member_double(w, "lately", s->lately);
    json_member_i64(w, "worse", s->worse_us);
    json_key(w, "days");
    json_array(w);
    for (unsigned i = 0; i < OUTPUT_DAYS; i++) {
        if (s->days[i].n == 0) continue;
        json_array(w);
        json_put_i64(w, s->days[i].day);
        json_put_double(w, s->days[i].n);
        json_put_double(w, s->days[i].bad);
        json_array_end(w);
    }
    json_array_end(w);
    if (s->ready) {
        json_key(w, "rise");
        watch_detector_write(&s->rise, w);
    }
    json_object_end(w);
}

void watch_output_write(const struct watch_output *w, struct json_writer *out) {
    size_t cursor = 0;
    struct slice key;
    void *s;
    json_array(out);
    while (table_next(&w->by_name, &cursor, &key, &s)) put_series(out, s);
    json_array_end(out);
}

static bool read_days(const struct json_doc *d, uint32_t days, struct output_series *s) {
    uint32_t cursor = JSON_NONE, item;
    while (json_each_item(d, days, &cursor, &item)) {
        int64_t day;
        double n, bad;
        if (!json_get_i64(d, json_item(d, item, 0), &day) || !json_get_double(d, json_item(d, item, 1), &n) || !json_get_double(d, json_item(d, item, 2), &bad) ||
            day < 0 || !(n >= 0) || !(bad >= 0 && bad <= n))
            return false;
        unsigned at = (unsigned)((uint64_t)day % OUTPUT_DAYS);
        s->days[at].day = day;
        s->days[at].n = n;
        s->days[at].bad = bad;
    }
    return true;
}

static bool read_series(struct watch_output *w, const struct json_doc *d, uint32_t at, struct arena *arena) {
    struct slice names[4];
    int64_t signal;
    for (unsigned i = 0; i < 4; i++) {
        names[i] = json_string(d, json_item(d, json_get(d, at, "names"), i), arena);
        if (slice_is_null(names[i])) return false;
    }
    if (!json_get_i64(d, json_get(d, at, "signal"), &signal) || signal < 0 || signal >= OUT_SIGNALS) return false;
    struct output_series *s = output_series_of(w, names, (enum watch_output_signal)signal);
    if (s == NULL || !json_get_double(d, json_get(d, at, "normal"), &s->normal) || !json_get_double(d, json_get(d, at, "n_normal"), &s->n_normal) ||
        !json_get_bool(d, json_get(d, at, "inherited"), &s->inherited) || !json_get_i64(d, json_get(d, at, "first"), &s->first_us) ||
        !json_get_i64(d, json_get(d, at, "last"), &s->last_us) || !json_get_double(d, json_get(d, at, "lately"), &s->lately) ||
        !json_get_i64(d, json_get(d, at, "worse"), &s->worse_us) || !(s->normal >= 0 && s->normal <= 1 && s->n_normal >= 0) ||
        !read_days(d, json_get(d, at, "days"), s))
        return false;
    s->had_us = s->last_us;
    s->ready = watch_detector_read(d, json_get(d, at, "rise"), &s->rise);
    return true;
}

enum fault watch_output_read(struct watch_output *w, struct slice json, struct error *error) {
    struct arena arena;
    struct json_doc d;
    uint32_t cursor = JSON_NONE, item;
    arena_init(&arena, 64 << 10, 64u << 20);
    enum fault fault = json_read(json, &arena, UINT16_MAX, &d, error);
    while (fault == FAULT_NONE && json_each_item(&d, 0, &cursor, &item))
        if (!read_series(w, &d, item, &arena)) fault = error_set(error, FAULT_CORRUPT, "what the watch remembers of answers cannot be read");
    arena_deinit(&arena);
    return fault;
}
