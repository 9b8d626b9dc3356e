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
    [SIGNAL_OF_SELF] = 0,
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

static unsigned by_of(enum signal s) {
    if (s == SIGNAL_WATCH_SILENT) return TOLD_APART(WATCHER);
    return s == SIGNAL_NOTICES_LATE ? TOLD_APART(RECEIVER) : by_source[rows[s].source];
}

struct signal_info signal_info(enum signal s) {
    return (struct signal_info){.name = rows[s].name,
                                .unit = rows[s].unit,
                                .meaning = rows[s].meaning,
                                .source = rows[s].source,
                                .shape = rows[s].shape,
                                .quantile = rows[s].per_mille / 1000.0,
                                .more_is_worse = rows[s].more_is_worse,
                                .by = by_of(s)};
}

bool signal_from(struct slice name, enum signal *ret) {
    for (unsigned i = 0; i < SIGNALS; i++)
        if (slice_is(name, rows[i].name)) {
            *ret = (enum signal)i;
            return true;
        }
    return false;
}

const char *signal_source_name(enum signal_source s) {
    static const char *const names[] = {"records", "attempts", "scores", "spending", "self"};
    return names[s];
}

const char *signal_shape_name(enum signal_shape s) {
    static const char *const names[] = {"share", "quantile", "mean", "sum", "reading"};
    return names[s];
}

const char *signal_of_default(enum signal s) {
    switch (s) {
    case SIGNAL_QUALITY_SCORE:
    case SIGNAL_QUALITY_GOOD: return "quality";
    case SIGNAL_UNSUPPORTED: return "faithfulness";
    case SIGNAL_FORMAT_VALID: return "format";
    case SIGNAL_FEEDBACK_NEGATIVE: return "feedback";
    default: return NULL;
    }
}

void signal_write_json(enum signal s, struct json_writer *w) {
    struct signal_info i = signal_info(s);
    json_object(w);
    json_member_text(w, "name", i.name);
    json_member_text(w, "unit", i.unit);
    json_member_text(w, "source", signal_source_name(i.source));
    json_member_text(w, "shape", signal_shape_name(i.shape));
    json_member_bool(w, "more_is_worse", i.more_is_worse);
    json_member_text(w, "of", signal_of_default(s));
    json_key(w, "by");
    json_array(w);
    for (unsigned b = 0; b < SIGNAL_BYS; b++)
        if (i.by >> b & 1) json_put_string(w, slice_of(bys[b]));
    json_array_end(w);
    json_member_text(w, "meaning", i.meaning);
    json_object_end(w);
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
