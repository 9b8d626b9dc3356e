/* Judges: which are known, and how far each says what people say. */
#include "control/api.h"

#include "base/clock.h"
#include "control/judge_book.h"
#include "control/judge_uses.h"
#include "store/definitions.h"

#define HEX (2 * DIGEST_BYTES + 1)

/* ---- one row ---- */

static void put_member(struct json_writer *w, const struct json_doc *d, uint32_t node, const char *key) {
    uint32_t at = json_get(d, node, key);
    json_key(w, key);
    if (at == JSON_NONE) json_put_null(w);
    else json_put_raw(w, json_raw(d, at));
}

/* A judge that drifted and has not enough new labels yet is that, and not merely short of labels. */
static struct slice state_of(const struct json_doc *d, int64_t drifted_us, struct arena *arena) {
    struct slice answer = json_string(d, json_get(d, json_get(d, 0, "in_force"), "answer"), arena);
    return drifted_us > 0 && !slice_is(answer, "calibrated") ? SLICE("drifted") : answer;
}

struct putting {
    struct api_call *c;
    struct slice identity;    /* only this one, in hex; SLICE_NULL: any */
    struct judge_uses *uses;  /* of registered suites; NULL: not looked for */
    bool known[JUDGE_USES];   /* of them: a calibration was put */
};

/* The suites whose registered version uses this judge. */
static void put_used_by(struct putting *p, const struct digest *identity) {
    json_key(&p->c->json, "used_by");
    json_array(&p->c->json);
    for (unsigned i = 0; p->uses != NULL && i < p->uses->n; i++) {
        if (!digest_eq(&p->uses->items[i].identity, identity)) continue;
        json_put_string(&p->c->json, p->uses->items[i].suite);
        p->known[i] = true;
    }
    json_array_end(&p->c->json);
}

static bool put_row(void *ctx, const struct calibration_row *r) {
    struct putting *p = ctx;
    struct json_writer *w = &p->c->json;
    struct json_doc d;
    struct arena own;
    char identity[HEX];
    int64_t drifted_us = 0;
    digest_hex(r->identity.bytes, DIGEST_BYTES, identity);
    if (!slice_is_null(p->identity) && !slice_is(p->identity, identity)) return true;
    arena_init(&own, 64 << 10, LIMIT_ARENA_EXCHANGE);
    if (json_read(r->body, &own, UINT16_MAX, &d, NULL) == FAULT_NONE) {
        (void)json_get_i64(&d, json_get(&d, 0, "drifted_us"), &drifted_us);
        json_object(w);
        json_member_string(w, "name", r->judge);
        json_member_text(w, "identity", identity);
        put_member(w, &d, 0, "judge");
        put_member(w, &d, 0, "check");
        json_member_string(w, "state", state_of(&d, drifted_us, &own));
        api_put_time(w, "calibrated_at", r->at_us);
        json_member_string(w, "by", r->by);
        json_member_string(w, "source", r->source);
        put_member(w, &d, 0, "in_force");
        put_member(w, &d, 0, "sitting");
        put_member(w, &d, 0, "drift");
        api_put_time(w, "drifted_at", drifted_us);
        put_member(w, &d, 0, "errors");
        put_member(w, &d, 0, "contested");
        put_used_by(p, &r->identity);
        json_object_end(w);
    }
    arena_deinit(&own);
    return !w->out->overflow;
}

/* ---- those that nobody has labelled ---- */

struct reading {
    struct api_call *c;
    struct judge_uses *uses;
    struct judge registered[JUDGE_USES];
    unsigned n;
};

static bool read_registered(void *ctx, const struct definition *definition) {
    struct reading *r = ctx;
    struct problems problems = {.count = 0};
    struct declared d;
    struct slice body = arena_slice(r->c->arena, definition->body), name = arena_slice(r->c->arena, definition->name), only = api_text(r->c, "name");
    if (slice_is_null(body) || slice_is_null(name) || r->n == JUDGE_USES) return false;
    if (!slice_is_null(only) && !slice_eq(only, name)) return true;
    r->n += declared_from_json(body, r->c->arena, &d, NULL) == FAULT_NONE &&
            judge_read(&d, 0, name, "judge", r->c->arena, &r->registered[r->n], &problems) == FAULT_NONE;
    return true;
}

/* A suite that cannot be read any more has no judges to tell of. */
static bool read_uses(void *ctx, const struct definition *definition) {
    struct reading *r = ctx;
    struct problems problems = {.count = 0};
    struct declared d;
    struct slice body = arena_slice(r->c->arena, definition->body), suite = arena_slice(r->c->arena, definition->name);
    if (slice_is_null(body) || declared_from_json(body, r->c->arena, &d, NULL) != FAULT_NONE) return !arena_is_full(r->c->arena);
    if (judge_uses_add(r->uses, &d, "suite", suite, api_text(r->c, "name"), r->c->arena, &problems) != FAULT_NONE) return true;
    for (unsigned i = 0; i < r->n; i++) /* those that it names and does not declare */
        if (json_get_slice(&d.doc, json_get(&d.doc, 0, "judges"), r->registered[i].name) == JSON_NONE)
            judge_uses_of(r->uses, &r->registered[i], &d, suite, r->c->arena);
    return !arena_is_full(r->c->arena);
}

static void put_uncalibrated(struct putting *p, const struct judge_use *u) {
    struct json_writer *w = &p->c->json;
    char identity[HEX];
    digest_hex(u->identity.bytes, DIGEST_BYTES, identity);
    if (!slice_is_null(p->identity) && !slice_is(p->identity, identity)) return;
    json_object(w);
    json_member_string(w, "name", u->judge.name);
    json_member_text(w, "identity", identity);
    json_key(w, "judge");
    judge_write(&u->judge, w);
    json_key(w, "check");
    judge_check_write(&u->check, w);
    json_member_text(w, "state", "uncalibrated");
    static const char *const unknown[] = {"calibrated_at", "by", "source", "in_force", "sitting", "drift", "drifted_at"};
    for (size_t i = 0; i < sizeof unknown / sizeof *unknown; i++) json_member_text(w, unknown[i], NULL);
    json_member_i64(w, "errors", 0);
    json_member_i64(w, "contested", 0);
    put_used_by(p, &u->identity);
    json_object_end(w);
}

void api_judges_list(struct api_call *c) {
    struct putting p = {.c = c, .identity = api_text(c, "identity"), .uses = arena_new(c->arena, struct judge_uses)};
    struct reading *r = arena_new(c->arena, struct reading);
    struct error error;
    if (!api_need_evaluations(c)) return;
    if (r == NULL || p.uses == NULL) {
        api_fail(c, FAULT_TOO_LARGE, "there is no room for the judges");
        return;
    }
    r->c = c;
    r->uses = p.uses;
    if (!api_check(c, definition_list(c->s->evaluations, SLICE("judge"), SLICE_NULL, c->arena, read_registered, r, &error), &error) ||
        !api_check(c, definition_list(c->s->evaluations, SLICE("suite"), SLICE_NULL, c->arena, read_uses, r, &error), &error)) return;
    json_object(&c->json);
    json_key(&c->json, "judges");
    json_array(&c->json);
    if (!api_check(c, calibration_list(c->s->evaluations, api_text(c, "name"), false, put_row, &p, &error), &error)) return;
    for (unsigned i = 0; p.uses != NULL && i < p.uses->n; i++)
        if (!p.known[i]) put_uncalibrated(&p, &p.uses->items[i]);
    json_array_end(&c->json);
    json_object_end(&c->json);
}

void api_judges_show(struct api_call *c) {
    struct putting p = {.c = c};
    struct slice name = api_text(c, "name");
    struct error error;
    if (!api_need_evaluations(c)) return;
    json_object(&c->json);
    json_member_string(&c->json, "name", name);
    json_key(&c->json, "sittings");
    json_array(&c->json);
    size_t before = c->json.out->len;
    if (!api_check(c, calibration_list(c->s->evaluations, name, true, put_row, &p, &error), &error)) return;
    if (c->json.out->len == before) {
        api_fail(c, FAULT_NOT_FOUND, "nobody has calibrated a judge `" SLICE_FMT "`", SLICE_ARG(name));
        return;
    }
    json_array_end(&c->json);
    json_object_end(&c->json);
}

/* ---- a sitting ---- */

/* Of one of the two. */
static struct slice canonical(struct api_call *c, const struct judge *j, const struct check *check) {
    struct buffer text;
    struct json_writer w;
    buffer_init(&text, LIMIT_CASE_TEXT);
    json_start(&w, &text);
    if (j != NULL) judge_write(j, &w);
    else if (check != NULL) judge_check_write(check, &w);
    struct slice s = text.overflow ? SLICE_NULL : arena_slice(c->arena, buffer_slice(&text));
    buffer_deinit(&text);
    return s;
}

/* The caller has asked in the words of its own version: what it means by this judge must be what we mean. */
static bool same_identity(struct api_call *c, const struct json_doc *d, const struct digest *identity) {
    struct slice theirs = json_string(d, json_get(d, 0, "identity"), c->arena);
    char ours[HEX];
    digest_hex(identity->bytes, DIGEST_BYTES, ours);
    if (slice_is(theirs, ours)) return true;
    api_fail(c, FAULT_CONFLICT, "identity: expected %s of this judge and check; the question was worded by another version of quarterdeck", ours);
    return false;
}

/* What cannot be audited is not kept. */
static bool audit(struct api_call *c, const struct calibration_row *row, size_t n) {
    char identity[HEX];
    struct error error;
    digest_hex(row->identity.bytes, DIGEST_BYTES, identity);
    struct slice detail = arena_printf(c->arena, "{\"identity\":\"%s\",\"labels\":%zu}", identity, n);
    return api_check(c, api_audit(c, "judge.calibrate", row->judge, detail, &error), &error);
}

void api_judges_calibrate(struct api_call *c) {
    struct calibration_row row = {.judge = api_text(c, "name"), .at_us = clock_wall_us(), .by = slice_of(c->actor)};
    struct putting p = {.c = c};
    struct judge_sitting s;
    struct judge j;
    struct check check;
    struct json_doc d;
    struct error error = {.fault = FAULT_NONE};
    if (!api_need_evaluations(c) || !api_check(c, json_read(c->q->body, c->arena, UINT16_MAX, &d, &error), &error) ||
        !api_check(c, judge_sitting_read(&d, 0, c->arena, &s, &error), &error) ||
        !api_check(c, judge_sitting_judge(&s, row.judge, c->arena, &j, &check, &error), &error))
        return;
    row.source = json_string(&d, json_get(&d, 0, "source"), c->arena);
    if (row.source.len > LIMIT_LABEL) row.source.len = LIMIT_LABEL;
    judge_identity(&j, &check, &row.identity);
    if (!same_identity(c, &d, &row.identity)) return;
    s.judge = canonical(c, &j, NULL);
    s.check = canonical(c, NULL, &check);
    if (slice_is_null(s.judge) || slice_is_null(s.check)) api_fail(c, FAULT_TOO_LARGE, "the judge does not fit into its memory");
    else if (audit(c, &row, s.n) && api_check(c, judge_book_add(c->s->evaluations, &s, &row, c->arena, &error), &error)) (void)put_row(&p, &row);
}
