/* Baselines and detectors of providers over a restart: JSON. */
#include "incident/watch_provider_private.h"
#include "quality/watch_tell.h"

static void put_series(struct json_writer *w, const struct provider_series *s) {
    json_object(w);
    json_member_text(w, "provider", s->provider);
    json_member_text(w, "model", s->model);
    json_key(w, "normal");
    json_array(w);
    for (unsigned k = 0; k < 2; k++) {
        json_object(w);
        json_member_i64(w, "since", s->normal[k].since_us);
        json_member_double(w, "n", s->normal[k].n);
        json_member_double(w, "failed", s->normal[k].failed);
        json_key(w, "ttft");
        json_array(w);
        for (unsigned i = 0; i < PROVIDER_CONTEXTS; i++) watch_histogram_write(&s->normal[k].ttft[i], w);
        json_array_end(w);
        json_object_end(w);
    }
    json_array_end(w);
    json_member_i64(w, "refused_since", s->refused_since_us);
    json_member_i64(w, "failing", s->failing_us);
    json_member_i64(w, "slow", s->slow_since_us);
    json_member_bool(w, "rises", s->rises);
    json_member_double(w, "probes", s->probes);
    json_member_double(w, "probes_failed", s->probes_failed);
    if (s->rise_ready) {
        json_key(w, "rise");
        watch_detector_write(&s->rise, w);
    }
    json_object_end(w);
}

void watch_provider_write(const struct watch_provider *w, struct json_writer *out) {
    size_t cursor = 0;
    struct slice key;
    void *s;
    json_array(out);
    while (table_next(&w->by_name, &cursor, &key, &s)) put_series(out, s);
    json_array_end(out);
}

/* ---- reading ---- */

static bool read_normal(const struct json_doc *d, uint32_t at, struct arena *arena, struct provider_normal *n) {
    uint32_t ttft = json_get(d, at, "ttft");
    bool good = json_get_i64(d, json_get(d, at, "since"), &n->since_us) && json_get_double(d, json_get(d, at, "n"), &n->n) &&
                json_get_double(d, json_get(d, at, "failed"), &n->failed) && n->failed >= 0 && n->failed <= n->n;
    for (unsigned i = 0; good && i < PROVIDER_CONTEXTS; i++)
        good = watch_histogram_read(json_string(d, json_item(d, ttft, i), arena), &n->ttft[i]);
    return good;
}

static bool read_series(struct watch_provider *w, const struct json_doc *d, uint32_t at, struct arena *arena) {
    struct slice provider = json_string(d, json_get(d, at, "provider"), arena), model = json_string(d, json_get(d, at, "model"), arena);
    struct provider_series *s = slice_is_null(provider) || slice_is_null(model) ? NULL : provider_series_of(w, provider, model, true);
    uint32_t normal = json_get(d, at, "normal");
    if (s == NULL || json_size(d, normal) != 2) return false;
    bool good = json_get_i64(d, json_get(d, at, "refused_since"), &s->refused_since_us) && json_get_i64(d, json_get(d, at, "failing"), &s->failing_us) &&
                json_get_i64(d, json_get(d, at, "slow"), &s->slow_since_us) && json_get_bool(d, json_get(d, at, "rises"), &s->rises) &&
                json_get_double(d, json_get(d, at, "probes"), &s->probes) && json_get_double(d, json_get(d, at, "probes_failed"), &s->probes_failed);
    for (unsigned k = 0; good && k < 2; k++) good = read_normal(d, json_item(d, normal, k), arena, &s->normal[k]);
    s->rise_ready = good && watch_detector_read(d, json_get(d, at, "rise"), &s->rise);
    if (good) provider_series_learned(s);
    return good && s->probes_failed >= 0 && s->probes_failed <= s->probes;
}

enum fault watch_provider_read(struct watch_provider *w, struct slice json, struct error *error) {
    struct arena arena;
    struct json_doc d;
    uint32_t cursor = JSON_NONE, item;
    arena_init(&arena, 64 << 10, 64u << 20);
    enum fault fault = json_read(json, &arena, UINT16_MAX, &d, error);
    while (fault == FAULT_NONE && json_each_item(&d, 0, &cursor, &item))
        if (!read_series(w, &d, item, &arena)) fault = error_set(error, FAULT_CORRUPT, "what the watch remembers of providers cannot be read");
    arena_deinit(&arena);
    return fault;
}
