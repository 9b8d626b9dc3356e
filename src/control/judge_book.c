#include "control/judge_book.h"

#include <math.h>
#include <stdio.h>

/* ---- what a sitting is ---- */

static bool read_scale(const struct json_doc *d, uint32_t node, enum calibration_scale *ret) {
    for (int s = CALIBRATION_PASS; s <= CALIBRATION_PAIR; s++)
        if (json_is(d, node, calibration_scale_name((enum calibration_scale)s))) {
            *ret = (enum calibration_scale)s;
            return true;
        }
    return false;
}

static bool read_level(const struct json_doc *d, uint32_t node, unsigned levels, uint8_t *ret) {
    int64_t n;
    if (!json_get_i64(d, node, &n) || n < 0 || n >= (int64_t)levels) return false;
    *ret = (uint8_t)n;
    return true;
}

static bool read_pair(const struct json_doc *d, uint32_t node, unsigned levels, struct arena *arena, struct calibration_pair *ret) {
    uint8_t bytes[8];
    struct slice hex = json_string(d, json_item(d, node, 0), arena);
    if (json_type(d, node) != JSON_ARRAY || json_size(d, node) != 5 || slice_is_null(hex) || !digest_from_hex(hex, bytes, sizeof bytes)) return false;
    ret->example = 0;
    for (size_t i = 0; i < sizeof bytes; i++) ret->example = ret->example << 8 | bytes[i];
    return read_level(d, json_item(d, node, 1), levels, &ret->label) && read_level(d, json_item(d, node, 2), levels, &ret->verdict) &&
           json_get_bool(d, json_item(d, node, 3), &ret->should_pass) && json_get_bool(d, json_item(d, node, 4), &ret->passes);
}

static enum fault read_pairs(const struct json_doc *d, uint32_t list, struct arena *arena, struct judge_sitting *s, struct error *error) {
    uint32_t cursor = JSON_NONE, item, n = json_size(d, list);
    if (json_type(d, list) != JSON_ARRAY || n == 0 || n > LIMIT_JUDGE_LABELS)
        return error_set(error, FAULT_BAD_REQUEST, "pairs: expected a list of 1 to %d", LIMIT_JUDGE_LABELS);
    s->pairs = arena_new_array(arena, struct calibration_pair, n);
    if (s->pairs == NULL) return error_set(error, FAULT_TOO_LARGE, "the labels do not fit into their memory");
    for (s->n = 0; json_each_item(d, list, &cursor, &item); s->n++)
        if (!read_pair(d, item, calibration_levels(s->scale), arena, &s->pairs[s->n]))
            return error_set(error, FAULT_BAD_REQUEST, "pairs[%zu]: expected [16 hex digits, label, verdict, true or false, true or false], with levels of 0 to %u",
                             s->n, calibration_levels(s->scale) - 1);
    return FAULT_NONE;
}

static bool read_count(const struct json_doc *d, uint32_t node, int64_t *ret) {
    *ret = 0;
    return node == JSON_NONE || (json_get_i64(d, node, ret) && *ret >= 0);
}

enum fault judge_sitting_read(const struct json_doc *d, uint32_t node, struct arena *arena, struct judge_sitting *ret, struct error *error) {
    struct judge_sitting s = {.judge = json_raw(d, json_get(d, node, "judge")), .check = json_raw(d, json_get(d, node, "check"))};
    if (json_type(d, json_get(d, node, "judge")) != JSON_OBJECT || json_type(d, json_get(d, node, "check")) != JSON_OBJECT)
        return error_set(error, FAULT_BAD_REQUEST, "expected `judge` and `check`, objects");
    if (!read_scale(d, json_get(d, node, "scale"), &s.scale)) return error_set(error, FAULT_BAD_REQUEST, "scale: expected pass, 1-5 or pairwise");
    if (!read_count(d, json_get(d, node, "errors"), &s.errors) || !read_count(d, json_get(d, node, "contested"), &s.contested))
        return error_set(error, FAULT_BAD_REQUEST, "errors and contested: expected whole numbers of at least 0");
    enum fault fault = read_pairs(d, json_get(d, node, "pairs"), arena, &s, error);
    if (fault == FAULT_NONE) *ret = s;
    return fault;
}

void judge_sitting_write_pairs(const struct judge_sitting *s, struct json_writer *w) {
    json_array(w);
    for (size_t i = 0; i < s->n; i++) {
        const struct calibration_pair *p = &s->pairs[i];
        uint8_t bytes[8];
        char hex[17];
        for (unsigned b = 0; b < sizeof bytes; b++) bytes[b] = (uint8_t)(p->example >> (56 - 8 * b));
        digest_hex(bytes, sizeof bytes, hex);
        json_array(w);
        json_put_text(w, hex);
        json_put_i64(w, p->label);
        json_put_i64(w, p->verdict);
        json_put_bool(w, p->should_pass);
        json_put_bool(w, p->passes);
        json_array_end(w);
    }
    json_array_end(w);
}

enum fault judge_check_read(const struct json_doc *d, uint32_t node, struct arena *arena, struct check *ret, struct error *error) {
    struct check c = {.json_node = JSON_NONE, .min = -1, .max = -1, .weight = 1, .threshold = NAN};
    struct slice type = json_string(d, json_get(d, node, "type"), arena);
    uint32_t threshold = json_get(d, node, "threshold"), rubric = json_get(d, node, "rubric");
    c.negated = slice_starts(type, SLICE("not-"));
    if (c.negated) type = slice_make(type.at + 4, type.len - 4);
    c.type = slice_is(type, "judge")      ? CHECK_TYPE_JUDGE
             : slice_is(type, "faithful") ? CHECK_TYPE_FAITHFUL
             : slice_is(type, "relevant") ? CHECK_TYPE_RELEVANT
                                          : CHECK_TYPE_COUNT;
    if (c.type == CHECK_TYPE_COUNT)
        return error_set(error, FAULT_BAD_REQUEST, "check.type: expected judge, faithful or relevant, or one of them with not-");
    c.threshold = check_kinds[c.type].threshold;
    if (threshold != JSON_NONE && json_type(d, threshold) != JSON_NULL &&
        (!json_get_double(d, threshold, &c.threshold) || !(c.threshold >= 0 && c.threshold <= 1)))
        return error_set(error, FAULT_BAD_REQUEST, "check.threshold: expected a score from 0 to 1");
    c.rubric = json_string(d, rubric, arena);
    if (slice_is_null(c.rubric) && rubric != JSON_NONE && json_type(d, rubric) != JSON_NULL)
        return error_set(error, FAULT_BAD_REQUEST, "check.rubric: expected a text");
    *ret = c;
    return FAULT_NONE;
}

void judge_check_write(const struct check *c, struct json_writer *w) {
    char type[32];
    (void)snprintf(type, sizeof type, "%s%s", c->negated ? "not-" : "", check_kinds[c->type].name);
    json_object(w);
    json_member_text(w, "type", type);
    json_member_string(w, "rubric", c->rubric);
    json_member_double(w, "threshold", c->threshold);
    json_object_end(w);
}

enum fault judge_sitting_judge(const struct judge_sitting *s, struct slice name, struct arena *arena, struct judge *ret_judge,
                               struct check *ret_check, struct error *error) {
    struct declared d;
    struct json_doc check;
    struct problems problems = {.count = 0};
    enum fault fault = declared_from_json(s->judge, arena, &d, error);
    if (fault == FAULT_NONE && judge_read(&d, 0, name, "judge", arena, ret_judge, &problems) != FAULT_NONE)
        fault = error_set(error, FAULT_BAD_REQUEST, "%s", problems.count > 0 ? problems.items[0].text : "judge: it cannot be read");
    if (fault == FAULT_NONE) fault = json_read(s->check, arena, UINT16_MAX, &check, error);
    return fault == FAULT_NONE ? judge_check_read(&check, 0, arena, ret_check, error) : fault;
}

/* ---- the book ---- */

struct earlier {
    struct arena *arena;
    struct calibration_pair *pairs; /* of the rows since `since`, joined */
    size_t n;
    struct calibration_batch *batches;
    size_t n_batches;
    enum calibration_scale scale;
    int64_t since, drifted_us; /* since: number of the first row that counts */
    struct error *error;
    enum fault fault;
};

static double agreed(const struct calibration_pair *pairs, size_t n) {
    double sum = 0;
    for (size_t i = 0; i < n; i++) sum += pairs[i].should_pass == pairs[i].passes;
    return sum;
}

/* Which rows count is what the newest one says. */
static bool note_since(void *ctx, const struct calibration_row *c) {
    struct earlier *e = ctx;
    struct json_doc d;
    struct arena own;
    arena_init(&own, 16 << 10, LIMIT_ARENA_EXCHANGE);
    e->fault = json_read(c->body, &own, 1, &d, e->error);
    if (e->fault == FAULT_NONE) {
        if (!json_get_i64(&d, json_get(&d, 0, "since"), &e->since) || e->since == 0) e->since = c->number;
        if (!json_get_i64(&d, json_get(&d, 0, "drifted_us"), &e->drifted_us)) e->drifted_us = 0;
    }
    arena_deinit(&own);
    return e->fault == FAULT_NONE;
}

/* Labels of another scale (true or false of a judge of 1 to 5) are another matter: they count by what they mean for the check alone. */
static void as_passes(struct calibration_pair *pairs, size_t n) {
    for (size_t i = 0; i < n; i++) {
        pairs[i].label = pairs[i].should_pass;
        pairs[i].verdict = pairs[i].passes;
    }
}

static bool gather(void *ctx, const struct calibration_row *c) {
    struct earlier *e = ctx;
    struct judge_sitting s = {.n = 0};
    struct json_doc body, pairs;
    struct arena own;
    if (c->number < e->since) return true;
    arena_init(&own, 64 << 10, LIMIT_ARENA_EXCHANGE);
    e->fault = json_read(c->body, &own, 1, &body, e->error);
    if (e->fault == FAULT_NONE) e->fault = json_read(c->pairs, &own, UINT16_MAX, &pairs, e->error);
    if (e->fault == FAULT_NONE && !read_scale(&body, json_get(&body, 0, "scale"), &s.scale))
        e->fault = error_set(e->error, FAULT_CORRUPT, "evaluations.db: a calibration's scale is damaged");
    if (e->fault == FAULT_NONE) e->fault = read_pairs(&pairs, 0, &own, &s, e->error);
    struct calibration_pair *joined = arena_new_array(e->arena, struct calibration_pair, e->n + s.n + 1);
    struct calibration_batch *batches = arena_new_array(e->arena, struct calibration_batch, e->n_batches + 2);
    if (e->fault == FAULT_NONE && (joined == NULL || batches == NULL)) e->fault = error_set(e->error, FAULT_TOO_LARGE, "the labels do not fit into their memory");
    if (e->fault == FAULT_NONE) {
        if (e->n_batches == 0) e->scale = s.scale;
        if (s.scale != e->scale) {
            as_passes(s.pairs, s.n);
            as_passes(e->pairs, e->n);
            e->scale = CALIBRATION_PASS;
        }
        if (e->n_batches > 0) memcpy(batches, e->batches, e->n_batches * sizeof *batches);
        batches[e->n_batches++] = (struct calibration_batch){agreed(s.pairs, s.n), (double)s.n};
        e->n = calibration_join(e->pairs, e->n, s.pairs, s.n, joined);
        e->pairs = joined;
        e->batches = batches;
    }
    arena_deinit(&own);
    return e->fault == FAULT_NONE;
}

static void put_calibration(struct json_writer *w, const char *key, const struct calibration *c) {
    json_key(w, key);
    json_object(w);
    calibration_write(c, w);
    json_object_end(w);
}

static void put_drift(struct json_writer *w, const struct calibration_drift *d) {
    json_key(w, "drift");
    if (!d->known) {
        json_put_null(w);
        return;
    }
    json_object(w);
    json_member_bool(w, "drifted", d->drifted);
    json_member_double(w, "p_value", d->p_value);
    json_member_double(w, "alpha", CALIBRATION_DRIFT_ALPHA);
    json_member_double(w, "before_agreement", d->before_agreement);
    json_member_double(w, "before_n", d->before_n);
    json_member_double(w, "agreement", d->agreement);
    json_member_double(w, "n", d->n);
    json_object_end(w);
}

static enum fault compose(const struct judge_sitting *s, const struct earlier *e, int64_t now_us, struct arena *arena, struct slice *ret,
                          struct error *error) {
    struct calibration own, in_force;
    struct calibration_drift drift = calibration_drift_of(e->batches, e->n_batches);
    struct buffer text;
    struct json_writer w;
    calibration_of(s->pairs, s->n, s->scale, &own);
    if (drift.drifted) in_force = own;
    else calibration_of(e->pairs, e->n, e->scale, &in_force);
    buffer_init(&text, LIMIT_REPLY_BODY);
    json_start(&w, &text);
    json_object(&w);
    json_member_raw(&w, "judge", s->judge);
    json_member_raw(&w, "check", s->check);
    json_member_i64(&w, "wording", JUDGE_WORDING);
    json_member_text(&w, "scale", calibration_scale_name(s->scale));
    json_member_i64(&w, "errors", s->errors);
    json_member_i64(&w, "contested", s->contested);
    json_member_i64(&w, "since", drift.drifted ? 0 : e->since);
    json_member_i64(&w, "drifted_us", drift.drifted ? now_us : e->drifted_us);
    put_calibration(&w, "sitting", &own);
    put_calibration(&w, "in_force", &in_force);
    put_drift(&w, &drift);
    json_object_end(&w);
    *ret = text.overflow ? SLICE_NULL : arena_slice(arena, buffer_slice(&text));
    buffer_deinit(&text);
    return slice_is_null(*ret) ? error_set(error, FAULT_TOO_LARGE, "the calibration does not fit into its memory") : FAULT_NONE;
}

/* The newest sitting is the last of the batches, and joined like the others. */
static enum fault add_newest(const struct judge_sitting *s, const struct calibration_row *c, struct earlier *e) {
    struct buffer text;
    struct json_writer w;
    struct calibration_row row = {.number = INT64_MAX};
    buffer_init(&text, LIMIT_REPLY_BODY);
    json_start(&w, &text);
    json_object(&w);
    json_member_text(&w, "scale", calibration_scale_name(s->scale));
    json_object_end(&w);
    row.body = buffer_slice(&text);
    row.pairs = c->pairs;
    (void)gather(e, &row);
    buffer_deinit(&text);
    return e->fault;
}

enum fault judge_book_add(struct evaluations *evaluations, const struct judge_sitting *s, struct calibration_row *c, struct arena *arena,
                          struct error *error) {
    struct earlier e = {.arena = arena, .error = error};
    struct buffer text;
    struct json_writer w;
    buffer_init(&text, LIMIT_REPLY_BODY);
    json_start(&w, &text);
    judge_sitting_write_pairs(s, &w);
    c->pairs = arena_slice(arena, buffer_slice(&text));
    buffer_deinit(&text);
    enum fault fault = slice_is_null(c->pairs) ? error_set(error, FAULT_TOO_LARGE, "the labels do not fit into their memory") : FAULT_NONE;
    if (fault == FAULT_NONE) fault = calibration_each(evaluations, &c->identity, note_since, &e, error);
    if (fault == FAULT_NONE) fault = e.fault;
    if (fault == FAULT_NONE) fault = calibration_each(evaluations, &c->identity, gather, &e, error);
    if (fault == FAULT_NONE) fault = e.fault;
    if (fault == FAULT_NONE) fault = add_newest(s, c, &e);
    if (fault == FAULT_NONE) fault = compose(s, &e, c->at_us, arena, &c->body, error);
    return fault == FAULT_NONE ? calibration_add(evaluations, c, error) : fault;
}

static void read_rate(const struct json_doc *d, uint32_t node, double *ret_value, double *ret_n) {
    if (!json_get_double(d, json_get(d, node, "value"), ret_value)) *ret_value = NAN;
    if (!json_get_double(d, json_get(d, node, "n"), ret_n)) *ret_n = 0;
}

enum fault judge_book_find(struct evaluations *e, const struct digest *identity, struct arena *arena, struct judge_calibration *ret,
                           struct error *error) {
    struct judge_calibration j = {.identity = *identity, .sensitivity = NAN, .specificity = NAN, .kappa = NAN};
    struct calibration_row row;
    struct json_doc d;
    double n;
    enum fault fault = calibration_find(e, identity, arena, &row, error);
    if (fault == FAULT_NOT_FOUND) {
        *ret = j;
        return FAULT_NONE;
    }
    if (fault == FAULT_NONE) fault = json_read(row.body, arena, UINT16_MAX, &d, error);
    if (fault != FAULT_NONE) return fault;
    uint32_t now = json_get(&d, 0, "in_force");
    j.judge = row.judge;
    j.at_us = row.at_us;
    if (!json_get_double(&d, json_get(&d, now, "n"), &j.n)) j.n = 0;
    read_rate(&d, json_get(&d, now, "sensitivity"), &j.sensitivity, &j.sensitivity_n);
    read_rate(&d, json_get(&d, now, "specificity"), &j.specificity, &j.specificity_n);
    read_rate(&d, json_get(&d, now, "kappa"), &j.kappa, &n);
    *ret = j;
    return FAULT_NONE;
}
