/* Scores: how good answers were, by whoever knows. */
#include "control/api.h"

#include "base/clock.h"
#include "store/score.h"

#include <math.h>

#define SCORES_MOST 1000  /* of one request */
#define NAME_MOST 64
#define COMMENT_MOST 1000
#define DEFAULT_NAME "quality"

static bool need_ledger(struct api_call *c) {
    if (c->s->ledger) return true;
    api_fail(c, FAULT_NOT_RUNNING, "there is no ledger: start the server, or name its data_dir");
    return false;
}

/* ---- reading one ---- */

static bool is_source(struct slice s) {
    struct slice rest = SLICE(SCORE_SOURCES), one;
    while (rest.len > 0) {
        slice_cut(rest, '|', &one, &rest);
        if (slice_eq(one, s)) return true;
    }
    return false;
}

/* A text member, or `fallback` when it is absent or null; false after a problem. */
static bool read_text(struct api_call *c, const struct json_doc *d, uint32_t node, unsigned index, const char *key, size_t most,
                      struct slice fallback, struct slice *ret) {
    uint32_t at = json_get(d, node, key);
    *ret = fallback;
    if (at == JSON_NONE || json_type(d, at) == JSON_NULL) return true;
    *ret = json_string(d, at, c->arena);
    if (ret->len > 0 && ret->len <= most) return true;
    api_fail(c, FAULT_BAD_REQUEST, "scores[%u].%s: expected a text of 1 to %zu bytes", index, key, most);
    return false;
}

static bool check_members(struct api_call *c, const struct json_doc *d, uint32_t node, unsigned index) {
    static const char *const known[] = {"record", "value", "name", "source", "comment"};
    uint32_t cursor = JSON_NONE, key, value;
    while (json_each_member(d, node, &cursor, &key, &value)) {
        bool found = false;
        for (unsigned i = 0; i < sizeof known / sizeof *known; i++) found |= json_is(d, key, known[i]);
        if (found) continue;
        struct slice raw = json_raw(d, key);
        api_fail(c, FAULT_BAD_REQUEST, "scores[%u]: unknown member %.*s; expected record, value, name, source, comment", index,
                 (int)(raw.len < 60 ? raw.len : 60), raw.at);
        return false;
    }
    return true;
}

static bool read_score(struct api_call *c, const struct json_doc *d, uint32_t node, unsigned index, struct score *ret) {
    struct slice id = json_string(d, json_get(d, node, "record"), c->arena);
    double value = NAN;
    if (!check_members(c, d, node, index)) return false;
    if (!record_id_parse(id, &ret->record)) {
        api_fail(c, FAULT_BAD_REQUEST, "scores[%u].record: expected the 26 characters of a record's id", index);
        return false;
    }
    if (!json_get_double(d, json_get(d, node, "value"), &value) || !(value >= 0 && value <= 1)) {
        api_fail(c, FAULT_BAD_REQUEST, "scores[%u].value: expected a number from 0 to 1", index);
        return false;
    }
    if (!read_text(c, d, node, index, "name", NAME_MOST, SLICE(DEFAULT_NAME), &ret->name) ||
        !read_text(c, d, node, index, "source", NAME_MOST, SLICE("person"), &ret->source) ||
        !read_text(c, d, node, index, "comment", COMMENT_MOST, SLICE_NULL, &ret->comment))
        return false;
    if (!is_source(ret->source)) {
        api_fail(c, FAULT_BAD_REQUEST, "scores[%u].source: expected one of " SCORE_SOURCES, index);
        return false;
    }
    ret->value_ppm = (int32_t)(value * SCORE_PPM + 0.5);
    ret->at_us = clock_wall_us();
    return true;
}

/* ---- writing ---- */

/* A record that was answered a moment ago may still be on its way into the ledger. */
static enum fault put(struct api_call *c, const struct score *s, unsigned n, size_t *ret_bad, struct error *error) {
    enum fault fault = ledger_scores_put(c->s->ledger, s, n, ret_bad, error);
    if (fault != FAULT_NOT_FOUND || !c->s->writer) return fault;
    ledger_writer_drain(c->s->writer);
    return ledger_scores_put(c->s->ledger, s, n, ret_bad, error);
}

/* All are read before the first is written: a list with a mistake in it changes nothing. */
static struct score *read_all(struct api_call *c, const struct json_doc *d, unsigned *ret_n) {
    bool one = json_type(d, 0) == JSON_OBJECT && json_get(d, 0, "scores") == JSON_NONE;
    uint32_t list = json_type(d, 0) == JSON_ARRAY ? 0 : json_get(d, 0, "scores"), cursor = JSON_NONE, item;
    unsigned n = one ? 1 : (unsigned)json_size(d, list), i = 0;
    if (n == 0 || n > SCORES_MOST || (!one && json_type(d, list) != JSON_ARRAY)) {
        api_fail(c, FAULT_BAD_REQUEST, "expected one score, or a list of 1 to %d, in the body", SCORES_MOST);
        return NULL;
    }
    struct score *all = arena_new_array(c->arena, struct score, n);
    if (!all) return NULL;
    *ret_n = n;
    if (one) return read_score(c, d, 0, 0, all) ? all : NULL;
    while (json_each_item(d, list, &cursor, &item)) {
        if (!read_score(c, d, item, i, &all[i])) return NULL;
        i++;
    }
    return all;
}

void api_scores_put(struct api_call *c) {
    struct json_doc doc;
    struct error error;
    unsigned n = 0;
    size_t bad = 0;
    char id[RECORD_ID_TEXT];
    if (!need_ledger(c) || !api_check(c, json_read(c->q->body, c->arena, UINT16_MAX, &doc, &error), &error)) return;
    struct score *all = read_all(c, &doc, &n);
    if (!all) return;
    enum fault fault = put(c, all, n, &bad, &error);
    if (fault == FAULT_NOT_FOUND) {
        record_id_format(&all[bad].record, id);
        api_fail(c, fault, "scores[%zu]: no record %s is kept; none was taken", bad, id);
        return;
    }
    if (!api_check(c, fault, &error)) return;
    json_object(&c->json);
    json_member_i64(&c->json, "taken", n);
    json_object_end(&c->json);
}

/* ---- list ---- */

static bool put_score(void *ctx, const struct score *s) {
    struct json_writer *w = ctx;
    char id[RECORD_ID_TEXT];
    record_id_format(&s->record, id);
    json_object(w);
    json_member_text(w, "record", id);
    json_member_string(w, "name", s->name);
    json_member_string(w, "source", s->source);
    json_member_double(w, "value", (double)s->value_ppm / SCORE_PPM);
    api_put_time(w, "at", s->at_us);
    json_member_string(w, "comment", s->comment);
    json_object_end(w);
    return !w->out->overflow;
}

void api_scores_list(struct api_call *c) {
    struct slice text = api_text(c, "record");
    struct record_id id;
    struct error error;
    if (!need_ledger(c)) return;
    if (!record_id_parse(text, &id)) {
        api_fail(c, FAULT_BAD_REQUEST, "record: expected the 26 characters of a record's id, found '" SLICE_FMT "'", SLICE_ARG(text));
        return;
    }
    json_object(&c->json);
    json_key(&c->json, "scores");
    json_array(&c->json);
    if (!api_check(c, ledger_scores(c->s->ledger, 0, 0, &id, SLICE_NULL, put_score, &c->json, &error), &error)) return;
    json_array_end(&c->json);
    json_object_end(&c->json);
}
