/* What reviewers and adjudicators do: the next item, a label, what differs, what stands. */
#include "control/api_reviews.h"

#include "base/clock.h"

#define COMMENT_MOST 4000

int api_review_reviewer(struct api_call *c, const struct review_view *v, struct slice name) {
    if (slice_is_null(name)) name = slice_of(c->actor);
    for (unsigned r = 0; r < v->n_reviewers; r++) {
        if (!slice_eq(v->reviewers[r], name)) continue;
        if (api_speaks_for(c, name)) return (int)r;
        api_fail(c, FAULT_NOT_PERMITTED, "only " SLICE_FMT " or an admin may label as " SLICE_FMT, SLICE_ARG(name), SLICE_ARG(name));
        return -1;
    }
    api_fail(c, FAULT_BAD_REQUEST, "reviewer: " SLICE_FMT " is none of review-%lld", SLICE_ARG(name), (long long)v->number);
    return -1;
}

/* Without the prompt's own words: these would tell which version answered. */
static void put_asked(struct json_writer *w, const struct json_doc *d, uint32_t input) {
    uint32_t at = JSON_NONE, message;
    json_key(w, "input");
    if (json_type(d, input) == JSON_ARRAY) {
        json_array(w);
        while (json_each_item(d, input, &at, &message)) {
            uint32_t role = json_get(d, message, "role");
            if (json_is(d, role, "system") || json_is(d, role, "developer")) continue;
            json_put_raw(w, json_raw(d, message));
        }
        json_array_end(w);
    } else if (input == JSON_NONE) {
        json_put_null(w);
    } else {
        json_put_raw(w, json_raw(d, input));
    }
}

bool api_review_put_shown(struct api_call *c, struct slice body, bool flipped) {
    static const char *const shown[] = {"context", "expected"};
    struct json_writer *w = &c->json;
    struct json_doc d;
    struct arena own;
    struct error error;
    arena_init(&own, 64 << 10, LIMIT_ARENA_EXCHANGE);
    bool good = api_check(c, json_read(body, &own, UINT16_MAX, &d, &error), &error);
    if (good) put_asked(w, &d, json_get(&d, 0, "input"));
    for (unsigned i = 0; good && i < sizeof shown / sizeof *shown; i++) {
        uint32_t at = json_get(&d, 0, shown[i]);
        json_key(w, shown[i]);
        if (at == JSON_NONE) json_put_null(w);
        else json_put_raw(w, json_raw(&d, at));
    }
    uint32_t answers = good ? json_get(&d, 0, "answers") : JSON_NONE;
    size_t n = good ? json_size(&d, answers) : 0;
    if (good) json_key(w, "answers"), json_array(w);
    for (size_t i = 0; i < n; i++) json_put_raw(w, json_raw(&d, json_item(&d, answers, (uint32_t)(flipped ? n - 1 - i : i))));
    if (good) json_array_end(w);
    arena_deinit(&own);
    return good;
}

/* ---- the next one ---- */

struct next {
    struct review_label found;
    bool any;
    int64_t done, all;
};

static bool see_next(void *ctx, const struct review_label *l) {
    struct next *n = ctx;
    n->all++;
    n->done += l->given;
    if (n->any || l->given) return true;
    n->any = true;
    n->found = (struct review_label){.item = l->item, .flipped = l->flipped};
    return true;
}

void api_review_next(struct api_call *c) {
    struct review_view v = {0};
    struct next n = {0};
    struct review_item item;
    struct error error;
    if (!api_review_find(c, &v)) return;
    int r = api_review_reviewer(c, &v, api_text(c, "reviewer"));
    if (r < 0 || !api_check(c, reviews_labels(c->s->evaluations, v.number, v.reviewers[r], -1, see_next, &n, &error), &error)) return;
    if (n.any && !api_check(c, reviews_item(c->s->evaluations, v.number, n.found.item, c->arena, &item, &error), &error)) return;
    struct json_writer *w = &c->json;
    json_object(w);
    json_member_text(w, "scale", review_scale_name(v.scale));
    json_member_text(w, "say", review_label_words(v.scale));
    json_member_string(w, "rubric", v.row.rubric);
    json_member_i64(w, "done", n.done);
    json_member_i64(w, "items", n.all);
    api_put_time(w, "due", v.row.due_us);
    json_key(w, "item");
    if (n.any) json_put_i64(w, n.found.item);
    else json_put_null(w);
    if (!n.any || api_review_put_shown(c, item.body, n.found.flipped)) json_object_end(w);
}

/* ---- labels ---- */

struct one {
    int64_t item;
    bool found, flipped;
};

static bool see_one(void *ctx, const struct review_label *l) {
    struct one *o = ctx;
    o->found = true;
    o->flipped = l->flipped;
    return false;
}

static void put_progress(struct api_call *c, const struct review_view *v, struct slice reviewer) {
    struct next n = {0};
    struct error error;
    if (!api_check(c, reviews_labels(c->s->evaluations, v->number, reviewer, -1, see_next, &n, &error), &error)) return;
    json_object(&c->json);
    json_member_i64(&c->json, "done", n.done);
    json_member_i64(&c->json, "items", n.all);
    json_object_end(&c->json);
}

static void put_label(struct api_call *c, bool given) {
    struct review_view v = {0};
    struct error error;
    struct slice word = given ? api_text(c, "label") : SLICE_NULL;
    int32_t label = 0;
    if (!api_review_find(c, &v)) return;
    int r = api_review_reviewer(c, &v, api_text(c, "reviewer"));
    if (r < 0) return;
    struct one o = {.item = api_number(c, "item", -1)};
    if (!api_check(c, reviews_labels(c->s->evaluations, v.number, v.reviewers[r], o.item < 0 ? INT64_MAX : o.item, see_one, &o, &error), &error)) return;
    if (given && o.found && !review_label_read(v.scale, o.flipped, word, &label)) {
        api_fail(c, FAULT_BAD_REQUEST, "label: expected %s, found '" SLICE_FMT "'", review_label_words(v.scale), SLICE_ARG(word));
        return;
    }
    struct review_label l = {.item = o.item, .reviewer = v.reviewers[r], .given = given, .label = label, .at_us = clock_wall_us(),
                             .comment = given ? api_text(c, "comment") : SLICE_NULL, .by = slice_of(c->actor)};
    if (api_check(c, reviews_label(c->s->evaluations, v.number, &l, &error), &error)) put_progress(c, &v, v.reviewers[r]);
}

void api_review_label(struct api_call *c) { put_label(c, true); }
void api_review_unlabel(struct api_call *c) { put_label(c, false); }

/* ---- what stands ---- */

/* An adjudicator sees a pair in an order of their own, which stays: drawn from the item itself. */
static bool is_turned(const struct review_view *v, struct slice body) {
    struct digest d;
    digest_sha256(body, &d);
    return v->scale == REVIEW_PAIRWISE && (d.bytes[0] & 1) != 0;
}

static const char *word_of(const struct review_view *v, int32_t label, bool turned) {
    if (v->scale != REVIEW_PAIRWISE || label == 0) return review_label_name(v->scale, label);
    return (label < 0) != turned ? "first" : "second";
}

struct showing {
    struct api_call *c;
    const struct review_view *v;
    bool disputed; /* only these, and not who said what */
    bool turned;   /* of the item under way */
};

static bool see_label(void *ctx, const struct review_label *l) {
    struct showing *s = ctx;
    struct json_writer *w = &s->c->json;
    if (!l->given) return true;
    json_object(w);
    if (!s->disputed) json_member_string(w, "reviewer", l->reviewer);
    json_member_text(w, "label", s->disputed ? word_of(s->v, (int32_t)l->label, s->turned) : review_label_name(s->v->scale, (int32_t)l->label));
    json_member_string(w, "comment", l->comment);
    if (s->disputed && s->v->scale == REVIEW_PAIRWISE) json_member_bool(w, "turned", l->flipped != s->turned);
    if (!s->disputed) api_put_time(w, "at", l->at_us);
    json_object_end(w);
    return true;
}

static void put_labels(struct showing *s, int64_t item) {
    struct error error;
    json_key(&s->c->json, "labels");
    json_array(&s->c->json);
    if (api_check(s->c, reviews_labels(s->c->s->evaluations, s->v->number, SLICE_NULL, item, see_label, s, &error), &error))
        json_array_end(&s->c->json);
}

static bool put_whole(struct api_call *c, struct slice body) {
    struct json_doc d;
    struct arena own;
    struct error error;
    uint32_t at = JSON_NONE, key, value;
    arena_init(&own, 64 << 10, LIMIT_ARENA_EXCHANGE);
    bool good = api_check(c, json_read(body, &own, UINT16_MAX, &d, &error), &error);
    while (good && json_each_member(&d, 0, &at, &key, &value)) {
        json_key_slice(&c->json, json_string(&d, key, &own));
        json_put_raw(&c->json, json_raw(&d, value));
    }
    arena_deinit(&own);
    return good;
}

static bool put_item(void *ctx, const struct review_item *i) {
    static const char *const states[] = {"waiting", "settled", "disputed"};
    struct showing *s = ctx;
    struct json_writer *w = &s->c->json;
    int32_t label = 0;
    bool adjudicated;
    enum review_state state = api_review_state(s->v, (size_t)i->at, &label, &adjudicated);
    if (s->c->failed || (s->disputed && state != REVIEW_DISPUTED)) return !s->c->failed;
    json_object(w);
    json_member_i64(w, "item", i->at);
    if (!s->disputed) {
        json_member_text(w, "state", adjudicated ? "adjudicated" : states[state]);
        json_key(w, "label");
        if (state == REVIEW_SETTLED) json_put_text(w, review_label_name(s->v->scale, label));
        else json_put_null(w);
        json_member_string(w, "adjudicated_by", i->by);
        json_member_string(w, "comment", i->comment);
        if (!put_whole(s->c, i->body)) return false;
    } else {
        s->turned = is_turned(s->v, i->body);
        if (!api_review_put_shown(s->c, i->body, s->turned)) return false;
    }
    put_labels(s, i->at);
    json_object_end(w);
    return !s->c->failed;
}

static void put_items(struct api_call *c, const struct review_view *v, bool disputed) {
    struct showing s = {c, v, disputed, false};
    struct error error;
    json_object(&c->json);
    json_member_text(&c->json, "scale", review_scale_name(v->scale));
    json_member_string(&c->json, "rubric", v->row.rubric);
    json_key(&c->json, disputed ? "disputed" : "items");
    json_array(&c->json);
    if (!api_check(c, reviews_items(c->s->evaluations, v->number, true, put_item, &s, &error), &error) || c->failed) return;
    json_array_end(&c->json);
    json_object_end(&c->json);
}

void api_review_labels(struct api_call *c) {
    struct review_view v = {0};
    if (!api_review_load(c, &v)) return;
    if (api_review_is_blind(c, &v))
        api_fail(c, FAULT_NOT_PERMITTED, "%s reviews it or decides: what was said of each answer, and whose it is, is shown once it is closed", c->actor);
    else put_items(c, &v, false);
}

void api_review_disputed(struct api_call *c) {
    struct review_view v = {0};
    if (!api_review_load(c, &v)) return;
    for (unsigned r = 0; r < v.n_reviewers && v.row.closed_us == 0; r++)
        if (slice_is(v.reviewers[r], c->actor)) {
            api_fail(c, FAULT_NOT_PERMITTED, "%s reviews it: an adjudicator sees where reviewers differ", c->actor);
            return;
        }
    put_items(c, &v, true);
}

/* `label` is of the answers as `disputed` shows them. */
void api_review_adjudicate(struct api_call *c) {
    struct review_view v = {0};
    struct error error;
    struct slice word = api_text(c, "label");
    int64_t item = api_number(c, "item", -1);
    int32_t label, settled = 0;
    bool adjudicated;
    if (!api_review_load(c, &v) || !api_review_need_open(c, &v)) return;
    for (unsigned r = 0; r < v.n_reviewers; r++)
        if (slice_is(v.reviewers[r], c->actor)) {
            api_fail(c, FAULT_NOT_PERMITTED, "%s reviews it: who reviews cannot decide where reviewers differ", c->actor);
            return;
        }
    if (!slice_is_null(v.row.adjudicator) && !api_speaks_for(c, v.row.adjudicator)) {
        api_fail(c, FAULT_NOT_PERMITTED, "only " SLICE_FMT " or an admin decides where reviewers differ", SLICE_ARG(v.row.adjudicator));
        return;
    }
    if (item < 0 || (size_t)item >= v.n_items || (api_review_state(&v, (size_t)item, &settled, &adjudicated) != REVIEW_DISPUTED && !adjudicated)) {
        api_fail(c, FAULT_CONFLICT, "item %lld of review-%lld is not one on which reviewers differ", (long long)item, (long long)v.number);
        return;
    }
    struct review_item about;
    if (!api_check(c, reviews_item(c->s->evaluations, v.number, item, c->arena, &about, &error), &error)) return;
    bool turned = is_turned(&v, about.body);
    if (!review_label_read(v.scale, turned, word, &label)) {
        api_fail(c, FAULT_BAD_REQUEST, "label: expected %s, found '" SLICE_FMT "'", review_label_words(v.scale), SLICE_ARG(word));
        return;
    }
    struct slice subject = arena_printf(c->arena, "review/%lld/%lld", (long long)v.number, (long long)item);
    struct review_item i = {.at = item, .adjudicated = true, .label = label, .comment = api_text(c, "comment"), .by = slice_of(c->actor),
                            .at_us = clock_wall_us()};
    if (!api_check(c, api_audit(c, "review.adjudicate", subject, SLICE_NULL, &error), &error) ||
        !api_check(c, reviews_adjudicate(c->s->evaluations, v.number, &i, &error), &error))
        return;
    json_object(&c->json);
    json_member_i64(&c->json, "item", item);
    json_member_text(&c->json, "label", word_of(&v, label, turned));
    json_object_end(&c->json);
}
