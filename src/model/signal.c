/* signal.c - see signal.h. */
#include "model/signal.h"

#include "base/json.h"

#define TOLD_APART(by) SIGNAL_BY_BIT(by)
#define OF_EXCHANGES                                                                                                               \
    (TOLD_APART(APPLICATION) | TOLD_APART(REQUEST_TYPE) | TOLD_APART(MODEL) | TOLD_APART(PROVIDER) | TOLD_APART(UPSTREAM_MODEL) |  \
     TOLD_APART(PROMPT) | TOLD_APART(CONTEXT) | TOLD_APART(FEATURE) | TOLD_APART(TEAM))

/* What each source's numbers know of themselves. */
static const unsigned by_source[] = {
    [SIGNAL_OF_RECORDS] = OF_EXCHANGES,
    [SIGNAL_OF_ATTEMPTS] = OF_EXCHANGES,
    [SIGNAL_OF_SCORES] = TOLD_APART(APPLICATION) | TOLD_APART(REQUEST_TYPE) | TOLD_APART(PROMPT) | TOLD_APART(UPSTREAM_MODEL),
    [SIGNAL_OF_SPENDING] = TOLD_APART(APPLICATION) | TOLD_APART(BUDGET),
    [SIGNAL_OF_SELF] = TOLD_APART(WATCHER) | TOLD_APART(RECEIVER),
};

static const struct {
    const char *name, *unit, *meaning;
    enum signal_source source;
    enum signal_shape shape;
    unsigned per_mille;
    bool more_is_worse;
} rows[] = {
#define SIGNAL(symbol, name, source, shape, quantile, unit, worse, meaning)                                                        \
    {name, unit, meaning, SIGNAL_OF_##source, SIGNAL_##shape, quantile, worse},
    SIGNAL_TABLE(SIGNAL)
#undef SIGNAL
};

static const char *const bys[] = {
#define BY(symbol, name) name,
    SIGNAL_BY_TABLE(BY)
#undef BY
};

struct signal_info signal_info(enum signal s) {
    return (struct signal_info){.name = rows[s].name,
                                .unit = rows[s].unit,
                                .meaning = rows[s].meaning,
                                .source = rows[s].source,
                                .shape = rows[s].shape,
                                .quantile = rows[s].per_mille / 1000.0,
                                .more_is_worse = rows[s].more_is_worse,
                                .by = by_source[rows[s].source]};
}

bool signal_from(struct slice name, enum signal *ret) {
    for (unsigned i = 0; i < SIGNALS; i++)
        if (slice_is(name, rows[i].name)) {
            *ret = (enum signal)i;
            return true;
        }
    return false;
}

const char *signal_by_name(enum signal_by b) { return bys[b]; }

bool signal_by_from(struct slice name, enum signal_by *ret) {
    for (unsigned i = 0; i < SIGNAL_BYS; i++)
        if (slice_is(name, bys[i])) {
            *ret = (enum signal_by)i;
            return true;
        }
    return false;
}

void signal_series_write(const struct signal_series *s, struct buffer *out) {
    struct json_writer w;
    json_start(&w, out);
    json_object(&w);
    for (unsigned i = 0; i < SIGNAL_BYS; i++)
        if (s->by >> i & 1) json_member_string(&w, bys[i], slice_is_null(s->is[i]) ? SLICE("") : s->is[i]);
    json_object_end(&w);
}

bool signal_series_read(struct slice json, struct arena *arena, struct signal_series *ret) {
    struct json_doc d;
    struct error error;
    struct signal_series s = {.by = 0};
    uint32_t cursor = JSON_NONE, key, value;
    enum signal_by by;
    if (json_read(json, arena, 1, &d, &error) != FAULT_NONE || json_type(&d, 0) != JSON_OBJECT) return false;
    while (json_each_member(&d, 0, &cursor, &key, &value)) {
        if (!signal_by_from(json_string(&d, key, arena), &by) || json_type(&d, value) != JSON_STRING) return false;
        s.by |= 1u << by;
        s.is[by] = json_string(&d, value, arena);
    }
    *ret = s;
    return true;
}

struct slice signal_context(int64_t input_tokens) {
    if (input_tokens < 0) return SLICE("");
    if (input_tokens < 1000) return SLICE("<1k");
    if (input_tokens < 4000) return SLICE("1k-4k");
    if (input_tokens < 16000) return SLICE("4k-16k");
    return input_tokens < 64000 ? SLICE("16k-64k") : SLICE(">=64k");
}
