/* The end of a review, with what stands as scores of production records; and what one reviewer was given passed on to another. */
#include "control/api_reviews.h"

#include "base/clock.h"
#include "store/score.h"

/* ---- scores ---- */

struct scoring {
    struct api_call *c;
    const struct review_view *v;
    struct slice name;
    struct score *scores;
    size_t n;
    int64_t now_us, without_record, unknown;
    struct arena one; /* of one item */
    enum fault fault;
    struct error error;
};

static int32_t value_of(enum review_scale s, int32_t label) { return s == REVIEW_1_TO_5 ? (label - 1) * (SCORE_PPM / 4) : label * SCORE_PPM; }

static bool take(void *ctx, const struct review_item *i) {
    struct scoring *s = ctx;
    struct score score = {.name = s->name, .source = SLICE("person"), .at_us = s->now_us};
    struct record record;
    struct json_doc d;
    int32_t label = 0;
    bool adjudicated;
    if (api_review_state(s->v, (size_t)i->at, &label, &adjudicated) != REVIEW_SETTLED) return true;
    arena_reset(&s->one);
    s->fault = json_read(i->body, &s->one, UINT16_MAX, &d, &s->error);
    if (s->fault != FAULT_NONE) return false;
    struct slice id = json_string(&d, json_get(&d, 0, "record"), &s->one);
    if (slice_is_null(id) || !record_id_parse(id, &score.record)) {
        s->without_record++;
        return true;
    }
    s->fault = ledger_find(s->c->s->ledger, &score.record, &s->one, &record, &s->error);
    if (s->fault == FAULT_NONE) {
        score.value_ppm = value_of(s->v->scale, label);
        s->scores[s->n++] = score;
    } else if (s->fault == FAULT_NOT_FOUND) { /* it is older than what is kept */
        s->unknown++;
        s->fault = FAULT_NONE;
    }
    return s->fault == FAULT_NONE;
}

static bool put_scores(struct scoring *s) {
    struct api_call *c = s->c;
    struct error error = {.fault = FAULT_NONE};
    size_t bad = 0;
    s->scores = arena_new_array(c->arena, struct score, s->v->n_items + 1);
    if (!s->scores) return api_check(c, FAULT_TOO_LARGE, NULL);
    arena_init(&s->one, 64 << 10, LIMIT_ARENA_EXCHANGE);
    bool good = api_check(c, reviews_items(c->s->evaluations, s->v->number, true, take, s, &error), &error) && api_check(c, s->fault, &s->error);
    arena_deinit(&s->one);
    return good && api_check(c, s->n > 0 ? ledger_scores_put(c->s->ledger, s->scores, s->n, &bad, &error) : FAULT_NONE, &error);
}

static bool may_score(struct api_call *c, const struct review_view *v, struct slice name) {
    const char *why = !c->s->ledger ? "there is no ledger: start the server, or name its data_dir"
                      : name.len == 0 || name.len > 64 ? "score: expected a name of 1 to 64 bytes"
                      : v->scale == REVIEW_PAIRWISE ? "score: which of two answers is better is no score of a record" : NULL;
    if (why) api_fail(c, c->s->ledger ? FAULT_BAD_REQUEST : FAULT_NOT_RUNNING, "%s", why);
    return why == NULL;
}

void api_review_close(struct api_call *c) {
    struct review_view v = {0};
    struct error error;
    struct scoring s = {.c = c, .v = &v, .name = api_text(c, "score"), .now_us = clock_wall_us()};
    bool scored = !slice_is_null(s.name);
    if (!api_review_load(c, &v) || (scored && !may_score(c, &v, s.name))) return;
    if (v.row.closed_us == 0 || scored) {
        struct slice subject = arena_printf(c->arena, "review/%lld", (long long)v.number);
        if (!api_check(c, api_audit(c, v.row.closed_us == 0 ? "review.close" : "review.score", subject, SLICE_NULL, &error), &error) ||
            !api_check(c, reviews_close(c->s->evaluations, v.number, s.now_us, &error), &error) || !api_review_load(c, &v))
            return;
    }
    if (scored && !put_scores(&s)) return;
    json_object(&c->json);
    if (!api_review_put(c, &v)) return;
    json_key(&c->json, "scores");
    if (scored) {
        json_object(&c->json);
        json_member_string(&c->json, "name", s.name);
        json_member_i64(&c->json, "given", (int64_t)s.n);
        json_member_i64(&c->json, "without_record", s.without_record);
        json_member_i64(&c->json, "unknown_records", s.unknown);
        json_object_end(&c->json);
    } else {
        json_put_null(&c->json);
    }
    json_object_end(&c->json);
}

/* ---- someone is away ---- */

static struct slice names_with(struct api_call *c, const struct review_view *v, struct slice to) {
    struct buffer out;
    struct json_writer w;
    bool known = false;
    buffer_init(&out, 64 << 10);
    json_start(&w, &out);
    json_array(&w);
    for (unsigned r = 0; r < v->n_reviewers; r++) {
        json_put_string(&w, v->reviewers[r]);
        known = known || slice_eq(v->reviewers[r], to);
    }
    if (!known) json_put_string(&w, to);
    json_array_end(&w);
    struct slice names = arena_slice(c->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return names;
}

static const char *why_not(const struct review_view *v, struct slice from, struct slice to) {
    bool is_reviewer = false, known = false;
    for (unsigned r = 0; r < v->n_reviewers; r++) {
        is_reviewer = is_reviewer || slice_eq(v->reviewers[r], from);
        known = known || slice_eq(v->reviewers[r], to);
    }
    if (!is_reviewer) return "from: there is no such reviewer of this review";
    if (to.len == 0 || !api_review_is_name(to)) return "to: expected a name without commas and control characters";
    if (slice_eq(from, to)) return "to: expected another reviewer";
    if (slice_eq(to, v->row.adjudicator)) return "to: who decides where reviewers differ cannot review";
    return !known && v->n_reviewers == REVIEW_REVIEWERS_MOST ? "to: there are 50 reviewers already" : NULL;
}

void api_review_reassign(struct api_call *c) {
    struct review_view v = {0};
    struct error error;
    struct slice from = api_text(c, "from"), to = api_text(c, "to");
    int64_t moved = 0, left = 0;
    if (!api_review_load(c, &v) || !api_review_need_open(c, &v)) return;
    const char *why = why_not(&v, from, to);
    if (why) {
        api_fail(c, FAULT_BAD_REQUEST, "%s", why);
        return;
    }
    struct slice names = names_with(c, &v, to), subject = arena_printf(c->arena, "review/%lld", (long long)v.number);
    struct slice list = arena_printf(c->arena, "{\"reviewers\":" SLICE_FMT "}", SLICE_ARG(names));
    if (!api_check(c, api_audit(c, "review.reassign", subject, list, &error), &error) ||
        !api_check(c, reviews_reassign(c->s->evaluations, v.number, from, to, names, &moved, &error), &error) || !api_review_load(c, &v))
        return;
    for (unsigned r = 0; r < v.n_reviewers; r++)
        for (size_t i = 0; i < v.n_items && slice_eq(v.reviewers[r], from); i++)
            left += v.given_to[r * v.n_items + i] && v.labels[r * v.n_items + i] == REVIEW_NONE;
    json_object(&c->json);
    json_member_i64(&c->json, "moved", moved);
    json_member_i64(&c->json, "left", left);
    json_object_end(&c->json);
}
