/* One price table as JSON:
 *
 *   {"models": [{"provider": "openai", "id": "gpt-4o", "context_window": 128000,
 *                "match": {"or": [{"equals": "gpt-4o"}, {"starts_with": "gpt-4o-2024-"}]},
 *                "prices": {"input_mtok": 2.5, "output_mtok": {"base": 10, "tiers": [{"start": 200000, "price": 20}]}},
 *                "batch_prices": {"input_mtok": 1.25, "output_mtok": 5}}],
 *    "aliases": {"xai": "x-ai"}, "fallbacks": {"azure": ["openai"]}}
 *
 * `prices` and `batch_prices` may be lists of {"constraint": {"type": "start_date", "start_date": "2026-07-30"} |
 * {"type": "time_of_date", "start_time": "01:00:00Z", "end_time": "04:00:00Z"}, "prices": {…}}. */
#include "model/price_table.h"

#include "base/clock.h"
#include "base/limits.h"

#include <stdio.h>

enum { MATCH_DEPTH = 8, MOST_PATTERN = 1024 };

static const struct {
    const char *key;
    int scale; /* decimal digits that bring the key's unit to 10^-15 USD */
} meter_keys[METER_COUNT] = {
#define METER(symbol, name, key, digits, parent, counter) [METER_##symbol] = {key, digits},
    PRICE_METER_TABLE(METER)
#undef METER
        [METER_REQUESTS] = {"requests_kcount", 12},
};

/* Meters of the table that no chat or embedding reply counts. What they cost is not in a quote. */
static const char *const uncounted[] = {
    "cache_audio_read_mtok", "cache_audio_write_mtok", "input_text_mtok",       "output_text_mtok",
    "cache_text_read_mtok",  "input_image_mtok",       "cache_image_read_mtok", "output_image_mtok",
    "input_video_mtok",      "output_video_mtok",      "input_tool_mtok",       "output_citation_mtok",
    "web_searches_kcount",   "storage_searches_kcount", "input_text_messages_kcount",
    "input_document_kpages", "input_annotated_document_kpages",
    "audio_hours",           "input_audio_hours",      "output_audio_hours",
};

struct reading {
    const struct json_doc *doc;
    struct arena *arena, scratch; /* what stays; what is only for messages */
    const char *name;
    const struct price_layer *older;
    struct error *error;
};

/* "prices.json: models[3].prices.input_mtok: expected a number, found `x`" */
static enum fault wrong(struct reading *r, uint32_t node, const char *expected) {
    struct slice path = json_path(r->doc, node, &r->scratch), found = json_raw(r->doc, node);
    const char *more = found.len > 60 ? "…" : "";
    if (found.len > 60) found.len = 60;
    if (json_type(r->doc, node) == JSON_ABSENT)
        return error_set(r->error, FAULT_CONFIG, "%s: expected %s, found nothing", r->name, expected);
    return error_set(r->error, FAULT_CONFIG, "%s: " SLICE_FMT ": expected %s, found `" SLICE_FMT "%s`", r->name,
                     SLICE_ARG(path), expected, SLICE_ARG(found), more);
}

static enum fault absent(struct reading *r, uint32_t object, const char *key) {
    struct slice path = json_path(r->doc, object, &r->scratch);
    return error_set(r->error, FAULT_CONFIG, "%s: " SLICE_FMT ": `%s` is required", r->name, SLICE_ARG(path), key);
}

static enum fault full(struct reading *r) {
    return error_set(r->error, FAULT_TOO_LARGE, "%s: the price table is too large", r->name);
}

static enum fault read_text(struct reading *r, uint32_t node, const char *what, const char **ret) {
    struct slice s = json_string(r->doc, node, &r->scratch);
    if (s.len == 0 || memchr(s.at, 0, s.len) != NULL) return wrong(r, node, what);
    const char *text = arena_text(r->arena, s);
    if (text == NULL) return full(r);
    *ret = text;
    return FAULT_NONE;
}

/* ===== rates ===== */

static enum fault read_number(struct reading *r, uint32_t node, int scale, int64_t *ret) {
    int64_t n;
    if (json_type(r->doc, node) != JSON_NUMBER || !money_parse(json_raw(r->doc, node), scale, &n) || n < 0) {
        char expected[64];
        snprintf(expected, sizeof expected, "a number from 0 with at most %d decimals", scale);
        return wrong(r, node, expected);
    }
    *ret = n;
    return FAULT_NONE;
}

static enum fault read_tiers(struct reading *r, uint32_t list, int scale, struct price_rate *rate) {
    if (json_type(r->doc, list) != JSON_ARRAY) return wrong(r, list, "a list of {start, price}");
    struct price_tier *tiers = arena_new_array(r->arena, struct price_tier, json_size(r->doc, list));
    if (tiers == NULL) return full(r);
    uint32_t cursor = JSON_NONE, item;
    unsigned n = 0;
    while (json_each_item(r->doc, list, &cursor, &item)) {
        struct price_tier t;
        uint32_t start = json_get(r->doc, item, "start");
        if (!json_get_i64(r->doc, start, &t.start) || t.start < 0) return wrong(r, item, "a tier with `start`, whole tokens from 0");
        enum fault fault = read_number(r, json_get(r->doc, item, "price"), scale, &t.rate);
        if (fault != FAULT_NONE) return fault;
        unsigned at = n++; /* kept ascending */
        for (; at > 0 && tiers[at - 1].start > t.start; at--) tiers[at] = tiers[at - 1];
        tiers[at] = t;
    }
    rate->tiers = tiers;
    rate->n_tiers = n;
    return FAULT_NONE;
}

static enum fault read_rate(struct reading *r, uint32_t node, int scale, struct price_rate *rate) {
    if (json_type(r->doc, node) == JSON_NULL) return FAULT_NONE;
    if (json_type(r->doc, node) != JSON_OBJECT) return read_number(r, node, scale, &rate->base);
    uint32_t base = json_get(r->doc, node, "base");
    if (base == JSON_NONE) return absent(r, node, "base");
    enum fault fault = read_number(r, base, scale, &rate->base);
    uint32_t tiers = json_get(r->doc, node, "tiers");
    if (fault == FAULT_NONE && tiers != JSON_NONE) fault = read_tiers(r, tiers, scale, rate);
    return fault;
}

static bool is_uncounted(const struct json_doc *d, uint32_t key) {
    for (unsigned i = 0; i < sizeof uncounted / sizeof uncounted[0]; i++)
        if (json_is(d, key, uncounted[i])) return true;
    return false;
}

static enum fault read_set(struct reading *r, uint32_t object, struct price_set *set) {
    if (json_type(r->doc, object) != JSON_OBJECT) return wrong(r, object, "an object of rates");
    for (unsigned m = 0; m < METER_COUNT; m++) set->rates[m].base = RATE_NONE;
    set->empty = json_size(r->doc, object) == 0;
    uint32_t cursor = JSON_NONE, key, value;
    while (json_each_member(r->doc, object, &cursor, &key, &value)) {
        unsigned m = 0;
        while (m < METER_COUNT && !json_is(r->doc, key, meter_keys[m].key)) m++;
        if (m == METER_COUNT && !is_uncounted(r->doc, key)) return wrong(r, key, "the name of a price such as input_mtok");
        enum fault fault = m < METER_COUNT ? read_rate(r, value, meter_keys[m].scale, &set->rates[m]) : FAULT_NONE;
        if (fault != FAULT_NONE) return fault;
    }
    return FAULT_NONE;
}

/* ===== periods ===== */

/* "01:00:00Z": microseconds of the UTC day. */
static enum fault read_time(struct reading *r, uint32_t node, int64_t *ret) {
    struct slice s = json_string(r->doc, node, &r->scratch), stamp = arena_printf(&r->scratch, "1970-01-01T" SLICE_FMT, SLICE_ARG(s));
    int64_t at;
    if (s.len < 8 || !clock_parse(stamp, &at)) return wrong(r, node, "a time such as 01:00:00Z");
    *ret = (at % 86400000000 + 86400000000) % 86400000000;
    return FAULT_NONE;
}

static enum fault read_constraint(struct reading *r, uint32_t node, struct price_period *p) {
    if (json_type(r->doc, node) == JSON_ABSENT || json_type(r->doc, node) == JSON_NULL) return FAULT_NONE;
    uint32_t type = json_get(r->doc, node, "type"), date = json_get(r->doc, node, "start_date");
    if (json_is(r->doc, type, "start_date")) {
        p->type = PERIOD_SINCE;
        if (date == JSON_NONE) return absent(r, node, "start_date");
        if (json_string(r->doc, date, &r->scratch).len != 10 || !clock_parse(json_string(r->doc, date, &r->scratch), &p->from))
            return wrong(r, date, "a date such as 2026-07-30");
        return read_text(r, date, "a date", &p->since);
    }
    if (json_is(r->doc, type, "time_of_date")) {
        p->type = PERIOD_DAILY;
        enum fault fault = read_time(r, json_get(r->doc, node, "start_time"), &p->from);
        return fault == FAULT_NONE ? read_time(r, json_get(r->doc, node, "end_time"), &p->until) : fault;
    }
    return wrong(r, node, "a constraint of type start_date or time_of_date");
}

static enum fault read_periods(struct reading *r, uint32_t node, struct price_periods *ret) {
    bool list = json_type(r->doc, node) == JSON_ARRAY;
    unsigned n = list ? json_size(r->doc, node) : 1;
    struct price_period *at = arena_new_array(r->arena, struct price_period, n);
    if (n == 0) return wrong(r, node, "at least one price");
    if (at == NULL) return full(r);
    enum fault fault = FAULT_NONE;
    uint32_t cursor = JSON_NONE, item;
    if (!list) fault = read_set(r, node, &at[0].set);
    for (unsigned i = 0; list && fault == FAULT_NONE && json_each_item(r->doc, node, &cursor, &item); i++) {
        uint32_t prices = json_get(r->doc, item, "prices");
        fault = read_constraint(r, json_get(r->doc, item, "constraint"), &at[i]);
        if (fault == FAULT_NONE && prices == JSON_NONE) fault = absent(r, item, "prices");
        if (fault == FAULT_NONE) fault = read_set(r, prices, &at[i].set);
    }
    if (fault == FAULT_NONE) *ret = (struct price_periods){at, n};
    return fault;
}

/* ===== rules ===== */

static enum fault read_rule_text(struct reading *r, uint32_t node, struct price_match *m) {
    const char *text = "";
    enum fault fault = read_text(r, node, "a text", &text);
    if (fault != FAULT_NONE) return fault;
    m->text = slice_of(text);
    if (m->type == MATCH_REGEX)
        return m->text.len <= MOST_PATTERN && price_pattern_is_valid(m->text) ? FAULT_NONE : wrong(r, node, "a regular expression");
    char *at = (char *)(uintptr_t)text; /* our own copy */
    for (; *at != 0; at++)
        if (*at >= 'A' && *at <= 'Z') *at = (char)(*at - 'A' + 'a');
    return FAULT_NONE;
}

static enum fault read_rule(struct reading *r, uint32_t node, struct price_match *m, unsigned depth);

static enum fault read_clauses(struct reading *r, uint32_t list, struct price_match *m, unsigned depth) {
    if (json_type(r->doc, list) != JSON_ARRAY || depth == MATCH_DEPTH) return wrong(r, list, "a list of rules");
    m->clauses = arena_new_array(r->arena, struct price_match, json_size(r->doc, list));
    if (m->clauses == NULL) return full(r);
    uint32_t cursor = JSON_NONE, item;
    enum fault fault = FAULT_NONE;
    while (fault == FAULT_NONE && json_each_item(r->doc, list, &cursor, &item))
        fault = read_rule(r, item, &m->clauses[m->n_clauses++], depth + 1);
    return fault;
}

static enum fault read_rule(struct reading *r, uint32_t node, struct price_match *m, unsigned depth) {
    static const char *const types[] = {"equals", "starts_with", "ends_with", "contains", "regex", "or", "and"};
    uint32_t cursor = JSON_NONE, key, value;
    if (json_size(r->doc, node) == 1 && json_each_member(r->doc, node, &cursor, &key, &value))
        for (unsigned i = 0; i < sizeof types / sizeof types[0]; i++)
            if (json_is(r->doc, key, types[i])) {
                m->type = (enum match_type)i;
                return i >= MATCH_OR ? read_clauses(r, value, m, depth) : read_rule_text(r, value, m);
            }
    return wrong(r, node, "one of equals, starts_with, ends_with, contains, regex, or, and");
}

/* ===== entries ===== */

static enum fault read_match(struct reading *r, uint32_t node, struct price_model *m) {
    struct price_match *match = arena_new(r->arena, struct price_match);
    if (match == NULL) return full(r);
    m->match = match;
    return read_rule(r, node, match, 0);
}

static enum fault read_model(struct reading *r, uint32_t node, struct price_model *m) {
    const struct json_doc *d = r->doc;
    uint32_t window = json_get(d, node, "context_window"), match = json_get(d, node, "match");
    uint32_t prices = json_get(d, node, "prices"), batch = json_get(d, node, "batch_prices");
    if (json_type(d, node) != JSON_OBJECT) return wrong(r, node, "an object");
    if (json_get(d, node, "provider") == JSON_NONE) return absent(r, node, "provider");
    if (json_get(d, node, "id") == JSON_NONE) return absent(r, node, "id");
    if (prices == JSON_NONE) return absent(r, node, "prices");
    enum fault fault = read_text(r, json_get(d, node, "provider"), "the name of a provider", &m->provider);
    if (fault == FAULT_NONE) fault = read_text(r, json_get(d, node, "id"), "the name of a model", &m->id);
    if (fault != FAULT_NONE) return fault;
    /* what a replacement does not say about names and size stays as it was */
    const struct price_model *former = price_by_id(r->older, slice_of(m->provider), slice_of(m->id));
    m->context_window = former != NULL ? former->context_window : -1;
    m->match = former != NULL ? former->match : NULL;
    if (window != JSON_NONE && json_type(d, window) != JSON_NULL && (!json_get_i64(d, window, &m->context_window) || m->context_window < 1))
        return wrong(r, window, "whole tokens from 1");
    if (match != JSON_NONE && json_type(d, match) != JSON_NULL) fault = read_match(r, match, m);
    if (fault == FAULT_NONE) fault = read_periods(r, prices, &m->standard);
    if (fault == FAULT_NONE && batch != JSON_NONE && json_type(d, batch) != JSON_NULL) fault = read_periods(r, batch, &m->batch);
    return fault;
}

static enum fault read_models(struct reading *r, uint32_t list, struct price_layer *layer) {
    if (json_type(r->doc, list) != JSON_ARRAY)
        return error_set(r->error, FAULT_CONFIG, "%s: expected {\"models\": [...]}", r->name);
    layer->models = arena_new_array(r->arena, struct price_model, json_size(r->doc, list));
    if (layer->models == NULL) return full(r);
    uint32_t cursor = JSON_NONE, item;
    enum fault fault = FAULT_NONE;
    while (fault == FAULT_NONE && json_each_item(r->doc, list, &cursor, &item))
        fault = read_model(r, item, &layer->models[layer->n_models++]);
    return fault;
}

/* {"from": "to"} or {"from": ["to", …]}, one pair each. */
static enum fault read_names(struct reading *r, uint32_t object, struct price_name **ret, unsigned *ret_n) {
    uint32_t cursor = JSON_NONE, key, value;
    unsigned n = 0;
    while (json_each_member(r->doc, object, &cursor, &key, &value)) n += json_type(r->doc, value) == JSON_ARRAY ? json_size(r->doc, value) : 1;
    struct price_name *names = arena_new_array(r->arena, struct price_name, n);
    if (names == NULL) return full(r);
    n = 0;
    enum fault fault = FAULT_NONE;
    for (cursor = JSON_NONE; fault == FAULT_NONE && json_each_member(r->doc, object, &cursor, &key, &value);) {
        bool list = json_type(r->doc, value) == JSON_ARRAY;
        uint32_t item = value, items = JSON_NONE;
        while (fault == FAULT_NONE && (!list || json_each_item(r->doc, value, &items, &item))) {
            fault = read_text(r, key, "the name of a provider", &names[n].from);
            if (fault == FAULT_NONE) fault = read_text(r, item, "the name of a provider", &names[n++].to);
            if (!list) break;
        }
    }
    *ret = names;
    *ret_n = n;
    return fault;
}

enum fault price_layer_read(struct slice text, const char *name, const struct price_layer *older, struct arena *arena,
                            const struct price_layer **ret, struct error *error) {
    struct arena nodes;
    struct json_doc doc;
    struct error found = {0};
    struct reading r = {.doc = &doc, .arena = arena, .name = name, .older = older, .error = error};
    arena_init(&nodes, 512u << 10, 16 * (size_t)LIMIT_CONFIG_FILE);
    arena_init(&r.scratch, 4096, LIMIT_CONFIG_FILE);
    struct price_layer *layer = arena_new(arena, struct price_layer);
    enum fault fault = json_read(text, &nodes, UINT16_MAX, &doc, &found);
    if (fault != FAULT_NONE) fault = error_set(error, FAULT_CONFIG, "%s: %s", name, found.text);
    if (fault == FAULT_NONE && layer == NULL) fault = full(&r);
    if (fault == FAULT_NONE) fault = read_models(&r, json_get(&doc, 0, "models"), layer);
    if (fault == FAULT_NONE) fault = read_names(&r, json_get(&doc, 0, "aliases"), &layer->aliases, &layer->n_aliases);
    if (fault == FAULT_NONE) fault = read_names(&r, json_get(&doc, 0, "fallbacks"), &layer->fallbacks, &layer->n_fallbacks);
    if (fault == FAULT_NONE) {
        layer->older = older;
        *ret = layer;
    }
    arena_deinit(&r.scratch);
    arena_deinit(&nodes);
    return fault;
}
