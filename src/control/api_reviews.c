/* Reviews by people: made, shown, closed. What reviewers do is in api_review_labels.c. */
#include "control/api_reviews.h"

#include "base/clock.h"
#include "model/quantity.h"

#include <math.h>
#include <stdio.h>

/* ---- one review ---- */

static bool number_of(struct api_call *c, int64_t *ret) {
    struct slice id = api_text(c, "id");
    if (slice_starts(id, SLICE("review-"))) id = slice_make(id.at + 7, id.len - 7);
    if (slice_to_i64(id, ret) && *ret > 0) return true;
    api_fail(c, FAULT_BAD_REQUEST, "id: expected a review such as review-3, found '" SLICE_FMT "'", SLICE_ARG(api_text(c, "id")));
    return false;
}

static bool read_reviewers(struct api_call *c, struct review_view *v) {
    struct json_doc d;
    uint32_t at = JSON_NONE, item;
    if (json_read(v->row.reviewers, c->arena, UINT16_MAX, &d, NULL) != FAULT_NONE) return false;
    v->reviewers = arena_new_array(c->arena, struct slice, json_size(&d, 0) + 1);
    while (v->reviewers && json_each_item(&d, 0, &at, &item)) v->reviewers[v->n_reviewers++] = json_string(&d, item, c->arena);
    return v->reviewers != NULL;
}

static bool keep_label(void *ctx, const struct review_label *l) {
    struct review_view *v = ctx;
    for (unsigned r = 0; r < v->n_reviewers && (size_t)l->item < v->n_items; r++)
        if (slice_eq(v->reviewers[r], l->reviewer)) {
            v->given_to[r * v->n_items + (size_t)l->item] = true;
            if (l->given) v->labels[r * v->n_items + (size_t)l->item] = (int32_t)l->label;
        }
    return true;
}

static bool keep_item(void *ctx, const struct review_item *i) {
    struct review_view *v = ctx;
    if ((size_t)i->at >= v->n_items) return true;
    v->items[i->at] = (struct review_item){.at = i->at, .adjudicated = i->adjudicated, .label = i->label, .at_us = i->at_us};
    return true;
}

bool api_review_find(struct api_call *c, struct review_view *ret) {
    struct review_view v = {0};
    struct error error;
    if (!api_need_evaluations(c) || !number_of(c, &v.number) ||
        !api_check(c, reviews_find(c->s->evaluations, v.number, c->arena, &v.row, &error), &error))
        return false;
    v.scale = (enum review_scale)v.row.scale;
    v.n_items = (size_t)v.row.items;
    if (!read_reviewers(c, &v)) return api_check(c, FAULT_TOO_LARGE, NULL);
    *ret = v;
    return true;
}

bool api_review_load(struct api_call *c, struct review_view *ret) {
    struct review_view v = {0};
    struct error error;
    if (!api_review_find(c, &v)) return false;
    size_t cells = v.n_reviewers * v.n_items + 1;
    v.labels = arena_new_array(c->arena, int32_t, cells);
    v.given_to = arena_new_array(c->arena, bool, cells);
    v.items = arena_new_array(c->arena, struct review_item, v.n_items + 1);
    if (!v.labels || !v.given_to || !v.items) return api_check(c, FAULT_TOO_LARGE, NULL);
    for (size_t i = 0; i < cells; i++) v.labels[i] = REVIEW_NONE;
    memset(v.given_to, 0, cells * sizeof *v.given_to);
    if (!api_check(c, reviews_labels(c->s->evaluations, v.number, SLICE_NULL, -1, keep_label, &v, &error), &error) ||
        !api_check(c, reviews_items(c->s->evaluations, v.number, false, keep_item, &v, &error), &error))
        return false;
    *ret = v;
    return true;
}

bool api_review_need_open(struct api_call *c, const struct review_view *v) {
    if (v->row.closed_us != 0) api_fail(c, FAULT_CONFLICT, "review-%lld is closed", (long long)v->number);
    return v->row.closed_us == 0;
}

enum review_state api_review_state(const struct review_view *v, size_t item, int32_t *ret_label, bool *ret_adjudicated) {
    int32_t given[REVIEW_REVIEWERS_MOST];
    size_t n = 0, expected = 0;
    *ret_adjudicated = v->items[item].adjudicated;
    if (v->items[item].adjudicated) {
        *ret_label = (int32_t)v->items[item].label;
        return REVIEW_SETTLED;
    }
    for (unsigned r = 0; r < v->n_reviewers; r++) {
        int32_t label = v->labels[r * v->n_items + item];
        expected += v->given_to[r * v->n_items + item];
        if (label != REVIEW_NONE) given[n++] = label;
    }
    return review_settle(given, n, expected, ret_label);
}

/* ---- as JSON ---- */

static void put_reviewers(struct json_writer *w, const struct review_view *v) {
    json_key(w, "reviewers");
    json_array(w);
    for (unsigned r = 0; r < v->n_reviewers; r++) {
        int64_t done = 0, all = 0;
        for (size_t i = 0; i < v->n_items; i++) {
            all += v->given_to[r * v->n_items + i];
            done += v->labels[r * v->n_items + i] != REVIEW_NONE;
        }
        json_object(w);
        json_member_string(w, "name", v->reviewers[r]);
        json_member_i64(w, "done", done);
        json_member_i64(w, "items", all);
        json_object_end(w);
    }
    json_array_end(w);
}

static void put_states(struct json_writer *w, const struct review_view *v) {
    static const char *const names[] = {"waiting", "settled", "disputed"};
    int64_t counts[3] = {0}, by_label[11] = {0}, adjudicated = 0;
    for (size_t i = 0; i < v->n_items; i++) {
        int32_t label = 0;
        bool by_person;
        enum review_state s = api_review_state(v, i, &label, &by_person);
        counts[s]++;
        adjudicated += by_person;
        if (s == REVIEW_SETTLED && label >= -5 && label <= 5) by_label[label + 5]++;
    }
    for (unsigned i = 0; i < 3; i++) json_member_i64(w, names[i], counts[i]);
    json_member_i64(w, "adjudicated", adjudicated);
    json_key(w, "labels");
    json_object(w);
    int32_t low = v->scale == REVIEW_PAIRWISE ? -1 : v->scale == REVIEW_1_TO_5 ? 1 : 0, high = v->scale == REVIEW_1_TO_5 ? 5 : 1;
    for (int32_t l = low; l <= high; l++) json_member_i64(w, review_label_name(v->scale, l), by_label[l + 5]);
    json_object_end(w);
}

static bool put_agreement(struct api_call *c, const struct review_view *v) {
    struct json_writer *w = &c->json;
    struct review_agreement a;
    struct error error = {.text = "no room for the labels"};
    if (!api_check(c, review_agree(v->labels, v->n_reviewers, v->n_items, v->scale, (uint64_t)v->number, c->arena, &a), &error)) return false;
    json_key(w, "agreement");
    json_object(w);
    json_member_i64(w, "items", (int64_t)a.items);
    json_member_i64(w, "agreed", (int64_t)a.agreed);
    json_member_double(w, "alpha", a.alpha.alpha);
    json_key(w, "interval");
    if (isnan(a.alpha.interval.low)) {
        json_put_null(w);
    } else {
        json_array(w);
        json_put_double(w, a.alpha.interval.low);
        json_put_double(w, a.alpha.interval.high);
        json_array_end(w);
    }
    json_member_double(w, "confidence", 0.95);
    json_object_end(w);
    return true;
}

bool api_review_is_blind(const struct api_call *c, const struct review_view *v) {
    bool takes_part = slice_is(v->row.adjudicator, c->actor);
    for (unsigned r = 0; r < v->n_reviewers; r++) takes_part = takes_part || slice_is(v->reviewers[r], c->actor);
    return takes_part && v->row.closed_us == 0;
}

/* `blind`: whoever takes part is not told what the answers are from. */
static void put_head(struct json_writer *w, const struct review_row *r, bool blind) {
    char id[32];
    snprintf(id, sizeof id, "review-%lld", (long long)r->number);
    json_member_text(w, "review", id);
    json_member_string(w, "name", r->name);
    json_member_string(w, "source", blind ? SLICE_NULL : r->source);
    json_member_string(w, "rubric", r->rubric);
    json_member_text(w, "scale", review_scale_name((enum review_scale)r->scale));
    json_member_i64(w, "items", r->items);
    json_member_i64(w, "per_item", r->per_item);
    json_member_i64(w, "labels_given", r->given);
    json_member_i64(w, "labels_expected", r->labels);
    json_member_string(w, "adjudicator", r->adjudicator);
    json_member_string(w, "by", r->by);
    api_put_time(w, "created_at", r->created_us);
    api_put_time(w, "due", r->due_us);
    json_member_bool(w, "overdue", r->due_us > 0 && r->closed_us == 0 && r->given < r->labels && clock_wall_us() > r->due_us);
    api_put_time(w, "closed_at", r->closed_us);
}

bool api_review_put(struct api_call *c, const struct review_view *v) {
    static const char *const hidden[] = {"waiting", "settled", "disputed", "adjudicated", "labels", "agreement", "people_would_say"};
    bool blind = api_review_is_blind(c, v);
    put_head(&c->json, &v->row, blind);
    put_reviewers(&c->json, v);
    if (!blind) put_states(&c->json, v);
    for (unsigned i = 0; blind && i < sizeof hidden / sizeof *hidden; i++) json_member_text(&c->json, hidden[i], NULL);
    return blind || (put_agreement(c, v) && api_review_put_rate(c, v));
}

/* ---- list and show ---- */

struct listing {
    struct api_call *c;
    struct slice reviewer;
};

static bool put_row(void *ctx, const struct review_row *r) {
    struct listing *l = ctx;
    struct review_view v = {.row = *r};
    bool wanted = slice_is_null(l->reviewer);
    if (!read_reviewers(l->c, &v)) return true;
    for (unsigned i = 0; i < v.n_reviewers; i++) wanted = wanted || slice_eq(v.reviewers[i], l->reviewer);
    if (!wanted) return true;
    json_object(&l->c->json);
    put_head(&l->c->json, r, api_review_is_blind(l->c, &v));
    json_member_raw(&l->c->json, "reviewers", r->reviewers);
    json_object_end(&l->c->json);
    return true;
}

void api_reviews_list(struct api_call *c) {
    struct listing l = {c, api_text(c, "reviewer")};
    struct error error;
    if (!api_need_evaluations(c)) return;
    json_object(&c->json);
    json_key(&c->json, "reviews");
    json_array(&c->json);
    if (!api_check(c, reviews_list(c->s->evaluations, !slice_is(api_text(c, "state"), "all"), c->arena, put_row, &l, &error), &error)) return;
    json_array_end(&c->json);
    json_object_end(&c->json);
}

void api_review_show(struct api_call *c) {
    struct review_view v = {0};
    if (!api_review_load(c, &v)) return;
    json_object(&c->json);
    if (api_review_put(c, &v)) json_object_end(&c->json);
}

/* ---- a new one ---- */

#define DUE_MOST_US (3650 * 86400000000LL) /* from now */

struct creating {
    struct review_row row;
    struct review_items of;
    struct slice *reviewers;
    unsigned n_reviewers;
};

static bool wrong(struct api_call *c, const char *what) {
    api_fail(c, FAULT_BAD_REQUEST, "%s", what);
    return false;
}

static bool text_member(struct api_call *c, const struct json_doc *d, const char *key, size_t most, struct slice *ret) {
    uint32_t at = json_get(d, 0, key);
    *ret = SLICE_NULL;
    if (at == JSON_NONE || json_type(d, at) == JSON_NULL) return true;
    *ret = json_string(d, at, c->arena);
    if (!slice_is_null(*ret)) *ret = slice_trim(*ret);
    if (ret->len > 0 && ret->len <= most) return true;
    api_fail(c, FAULT_BAD_REQUEST, "%s: expected a text of 1 to %zu bytes", key, most);
    return false;
}

/* It is typed on command lines and shown on terminals. */
bool api_review_is_name(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        unsigned char a = (unsigned char)s.at[i], b = i + 1 < s.len ? (unsigned char)s.at[i + 1] : 0;
        if (a < 0x20 || a == 0x7F || a == ',' || (a == 0xC2 && b < 0xA0)) return false;
    }
    return slice_is_utf8(s) && slice_eq(s, slice_trim(s));
}

static bool read_names(struct api_call *c, const struct json_doc *d, struct creating *n) {
    uint32_t list = json_get(d, 0, "reviewers"), at = JSON_NONE, item;
    size_t count = json_size(d, list);
    if (json_type(d, list) != JSON_ARRAY || count == 0 || count > REVIEW_REVIEWERS_MOST)
        return wrong(c, "reviewers: expected a list of 1 to 50 names");
    n->reviewers = arena_new_array(c->arena, struct slice, count);
    if (!n->reviewers) return api_check(c, FAULT_TOO_LARGE, NULL);
    while (json_each_item(d, list, &at, &item)) {
        struct slice name = json_string(d, item, c->arena);
        if (name.len == 0 || name.len > LIMIT_LABEL || !api_review_is_name(name)) return wrong(c, "reviewers: expected names without commas and control characters");
        for (unsigned i = 0; i < n->n_reviewers; i++)
            if (slice_eq(n->reviewers[i], name)) return wrong(c, "reviewers: the same name stands there twice");
        if (slice_eq(name, n->row.adjudicator)) return wrong(c, "adjudicator: who reviews cannot decide where reviewers differ");
        n->reviewers[n->n_reviewers++] = name;
    }
    n->row.reviewers = json_raw(d, list);
    return true;
}

static bool read_numbers(struct api_call *c, const struct json_doc *d, struct creating *n) {
    struct slice scale = json_string(d, json_get(d, 0, "scale"), c->arena), due = json_string(d, json_get(d, 0, "due"), c->arena);
    enum review_scale s = REVIEW_BINARY;
    uint32_t per = json_get(d, 0, "per_item");
    if (!slice_is_null(scale) && !review_scale_from(scale, &s)) return wrong(c, "scale: expected binary, 1-5 or pairwise");
    n->row.scale = s;
    n->row.per_item = 1;
    if (per != JSON_NONE && (!json_get_i64(d, per, &n->row.per_item) || n->row.per_item < 1 || n->row.per_item > n->n_reviewers)) {
        api_fail(c, FAULT_BAD_REQUEST, "per_item: expected 1 to %u, since there are %u reviewers", n->n_reviewers, n->n_reviewers);
        return false;
    }
    bool lasts = duration_parse(due, &n->row.due_us);
    if (lasts ? n->row.due_us > DUE_MOST_US : !slice_is_null(due) && !clock_parse(due, &n->row.due_us))
        return wrong(c, "due: expected a time: RFC 3339, a date, or a duration from now such as 2d");
    if (lasts) n->row.due_us += clock_wall_us();
    return true;
}

static bool check_members(struct api_call *c, const struct json_doc *d) {
    static const char *const known[] = {"name", "rubric", "scale", "reviewers", "per_item", "adjudicator", "due", "items", "run",
                                        "against", "verdict", "sample", "reason"};
    uint32_t at = JSON_NONE, key, value;
    if (json_type(d, 0) != JSON_OBJECT) return wrong(c, "expected a review as a JSON object in the body");
    while (json_each_member(d, 0, &at, &key, &value)) {
        bool found = false;
        for (unsigned i = 0; i < sizeof known / sizeof *known; i++) found |= json_is(d, key, known[i]);
        if (found) continue;
        struct slice raw = json_raw(d, key);
        api_fail(c, FAULT_BAD_REQUEST, "unknown member %.*s; expected name, rubric, scale, reviewers, per_item, adjudicator, due, items, run, "
                 "against, verdict or sample", (int)(raw.len < 60 ? raw.len : 60), raw.at);
        return false;
    }
    return true;
}

static bool read_all(struct api_call *c, const struct json_doc *d, struct creating *n) {
    struct slice reason;
    if (!check_members(c, d) || !text_member(c, d, "name", LIMIT_LABEL, &n->row.name) || !text_member(c, d, "rubric", 64 << 10, &n->row.rubric) ||
        !text_member(c, d, "adjudicator", LIMIT_LABEL, &n->row.adjudicator) || !text_member(c, d, "reason", LIMIT_ERROR_TEXT, &reason) ||
        !read_names(c, d, n) || !read_numbers(c, d, n))
        return false;
    if (slice_is_null(n->row.rubric)) return wrong(c, "rubric: expected what reviewers are to look for, found nothing");
    if (!api_review_read_items(c, d, &n->of)) return false;
    n->row.source = n->of.source;
    return true;
}

static struct review_label *assign(struct api_call *c, const struct creating *n, size_t *ret_n) {
    size_t all = n->of.n * (size_t)n->row.per_item;
    struct review_assignment *a = review_assign((uint32_t)n->of.n, n->n_reviewers, (uint32_t)n->row.per_item, api_review_seed(), c->arena);
    struct review_label *labels = a ? arena_new_array(c->arena, struct review_label, all + 1) : NULL;
    for (size_t i = 0; labels && i < all; i++)
        labels[i] = (struct review_label){.item = a[i].item, .reviewer = n->reviewers[a[i].reviewer], .position = a[i].position,
                                          .flipped = n->row.scale == REVIEW_PAIRWISE && a[i].flipped};
    *ret_n = all;
    return labels;
}

void api_reviews_create(struct api_call *c) {
    struct creating n = {.row = {.created_us = clock_wall_us(), .by = slice_of(c->actor)}};
    struct json_doc d;
    struct error error = {.text = "no room for the review"};
    size_t n_labels = 0;
    if (!api_need_evaluations(c) || !api_check(c, json_read(c->q->body, c->arena, UINT16_MAX, &d, &error), &error) || !read_all(c, &d, &n)) return;
    struct review_label *labels = assign(c, &n, &n_labels);
    if (!labels) {
        api_fail(c, FAULT_TOO_LARGE, "no room for %zu items", n.of.n);
        return;
    }
    if (!api_check(c, reviews_add(c->s->evaluations, &n.row, n.of.at, n.of.n, labels, n_labels, &error), &error)) return;
    struct slice subject = arena_printf(c->arena, "review/%lld", (long long)n.row.number);
    if (!api_check(c, api_audit(c, "review.create", subject, SLICE_NULL, &error), &error)) return;
    n.row.items = (int64_t)n.of.n;
    n.row.labels = (int64_t)n_labels;
    json_object(&c->json);
    put_head(&c->json, &n.row, false);
    json_member_raw(&c->json, "reviewers", n.row.reviewers);
    json_member_i64(&c->json, "drawn_from", n.of.drawn_from);
    json_member_i64(&c->json, "left_out", n.of.left_out);
    json_object_end(&c->json);
}
