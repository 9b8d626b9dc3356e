/* Reviews as they are kept: all or nothing, labels until they are closed, and over a restart. */
#include "store/reviews.h"

#include "test_store_rig.h"

struct world {
    struct rig *rig;
    struct evaluations *e;
    struct arena arena;
};

static int setup(void **state) {
    struct world *w = test_calloc(1, sizeof *w);
    struct error error = {0};
    void *rig = NULL;
    if (rig_setup(&rig) != 0) return -1;
    w->rig = rig;
    arena_init(&w->arena, 4096, 16 << 20);
    w->e = evaluations_open(w->rig->dir, &error);
    *state = w;
    return w->e ? 0 : -1;
}

static int teardown(void **state) {
    struct world *w = *state;
    void *rig = w->rig;
    evaluations_close(w->e);
    arena_deinit(&w->arena);
    rig_teardown(&rig);
    test_free(w);
    return 0;
}

static int64_t add(struct world *w) {
    static const struct slice bodies[] = {{"{\"a\":1}", 7}, {"{\"a\":2}", 7}};
    const struct review_label labels[] = {{.item = 0, .reviewer = SLICE("anna"), .position = 1, .flipped = true},
                                          {.item = 1, .reviewer = SLICE("anna"), .position = 0},
                                          {.item = 0, .reviewer = SLICE("b\xc3\xa4r"), .position = 0}};
    struct review_row r = {.rubric = SLICE("polite"), .source = SLICE("run-12"), .reviewers = SLICE("[\"anna\",\"b\xc3\xa4r\"]"), .scale = 1,
                       .per_item = 2, .created_us = 5, .due_us = 9, .by = SLICE("ops")};
    assert_int_equal(reviews_add(w->e, &r, bodies, 2, labels, 3, NULL), FAULT_NONE);
    return r.number;
}

struct seen {
    unsigned n;
    int64_t item[8], position[8], label[8];
    bool given[8], flipped[8];
};

static bool see(void *ctx, const struct review_label *l) {
    struct seen *s = ctx;
    s->item[s->n] = l->item, s->position[s->n] = l->position, s->label[s->n] = l->label;
    s->given[s->n] = l->given, s->flipped[s->n++] = l->flipped;
    return true;
}

static void kept(void **state) {
    struct world *w = *state;
    struct error error = {0};
    struct review_row r;
    struct seen s = {0};
    int64_t n = add(w);
    evaluations_close(w->e);
    w->e = evaluations_open(w->rig->dir, &error);
    assert_int_equal(reviews_find(w->e, n, &w->arena, &r, &error), FAULT_NONE);
    assert_true(slice_is(r.rubric, "polite") && slice_is(r.source, "run-12") && slice_is_null(r.name));
    assert_true(r.items == 2 && r.labels == 3 && r.given == 0 && r.due_us == 9 && r.closed_us == 0);
    assert_int_equal(reviews_labels(w->e, n, SLICE("anna"), -1, see, &s, &error), FAULT_NONE);
    assert_true(s.n == 2 && s.item[0] == 1 && s.item[1] == 0 && s.flipped[1] && !s.flipped[0]); /* in the reviewer's order */
    assert_int_equal(reviews_find(w->e, n + 1, &w->arena, &r, &error), FAULT_NOT_FOUND);
}

static void labelled(void **state) {
    struct world *w = *state;
    struct error error = {0};
    struct review_row r;
    struct review_item item;
    struct seen s = {0};
    int64_t n = add(w);
    struct review_label l = {.item = 0, .reviewer = SLICE("anna"), .given = true, .label = 4, .at_us = 7};
    assert_int_equal(reviews_label(w->e, n, &l, &error), FAULT_NONE);
    l.label = 3; /* changed one's mind */
    assert_int_equal(reviews_label(w->e, n, &l, &error), FAULT_NONE);
    assert_int_equal(reviews_labels(w->e, n, SLICE_NULL, -1, see, &s, &error), FAULT_NONE);
    assert_true(s.n == 3 && s.given[0] && s.label[0] == 3 && !s.given[1] && !s.given[2]);
    l.given = false;
    assert_int_equal(reviews_label(w->e, n, &l, &error), FAULT_NONE);
    assert_int_equal(reviews_find(w->e, n, &w->arena, &r, &error), FAULT_NONE);
    assert_int_equal(r.given, 0);
    l = (struct review_label){.item = 1, .reviewer = SLICE("b\xc3\xa4r"), .given = true};
    assert_int_equal(reviews_label(w->e, n, &l, &error), FAULT_NOT_FOUND); /* was not given that one */
    struct review_item i = {.at = 1, .adjudicated = true, .label = 2, .by = SLICE("carl"), .comment = SLICE("both right")};
    assert_int_equal(reviews_adjudicate(w->e, n, &i, &error), FAULT_NONE);
    assert_int_equal(reviews_item(w->e, n, 1, &w->arena, &item, &error), FAULT_NONE);
    assert_true(item.adjudicated && item.label == 2 && slice_is(item.by, "carl") && slice_is(item.body, "{\"a\":2}"));
    assert_int_equal(reviews_item(w->e, n, 2, &w->arena, &item, &error), FAULT_NOT_FOUND);
}

static bool count(void *ctx, const struct review_row *r) {
    (void)r;
    ++*(unsigned *)ctx;
    return true;
}

static void closed(void **state) {
    struct world *w = *state;
    struct error error = {0};
    struct review_row r;
    unsigned open = 0, all = 0;
    int64_t n = add(w);
    (void)add(w);
    struct review_label l = {.item = 0, .reviewer = SLICE("anna"), .given = true, .label = 4};
    assert_int_equal(reviews_close(w->e, n, 100, &error), FAULT_NONE);
    assert_int_equal(reviews_close(w->e, n, 200, &error), FAULT_NONE);
    assert_int_equal(reviews_find(w->e, n, &w->arena, &r, &error), FAULT_NONE);
    assert_int_equal(r.closed_us, 100);
    assert_int_equal(reviews_label(w->e, n, &l, &error), FAULT_CONFLICT);
    assert_int_equal(reviews_adjudicate(w->e, n, &(struct review_item){.at = 0}, &error), FAULT_CONFLICT);
    assert_int_equal(reviews_list(w->e, true, &w->arena, count, &open, &error), FAULT_NONE);
    assert_int_equal(reviews_list(w->e, false, &w->arena, count, &all, &error), FAULT_NONE);
    assert_true(open == 1 && all == 2);
    assert_int_equal(reviews_close(w->e, 99, 1, &error), FAULT_NOT_FOUND);
}

static void all_or_nothing(void **state) {
    struct world *w = *state;
    struct error error = {0};
    unsigned all = 0;
    const struct slice body = SLICE("{}");
    const struct review_label twice[] = {{.item = 0, .reviewer = SLICE("anna")}, {.item = 0, .reviewer = SLICE("anna")}};
    struct review_row r = {.rubric = SLICE("x"), .reviewers = SLICE("[]")};
    assert_int_equal(reviews_add(w->e, &r, &body, 1, twice, 2, &error), FAULT_CONFLICT);
    assert_int_equal(reviews_list(w->e, false, &w->arena, count, &all, &error), FAULT_NONE);
    assert_int_equal(all, 0);
}

/* What is labelled stays, what both have stays, the rest goes behind what the other has. */
static void reassigned(void **state) {
    struct world *w = *state;
    const struct slice bodies[] = {SLICE("{}"), SLICE("{}"), SLICE("{}"), SLICE("{}")};
    const struct review_label labels[] = {{.item = 0, .reviewer = SLICE("a"), .position = 2}, {.item = 1, .reviewer = SLICE("a"), .position = 0},
                                          {.item = 2, .reviewer = SLICE("a"), .position = 1}, {.item = 3, .reviewer = SLICE("a"), .position = 3, .flipped = true},
                                          {.item = 2, .reviewer = SLICE("b"), .position = 0}};
    struct review_row r = {.rubric = SLICE("x"), .source = SLICE("items"), .reviewers = SLICE("[\"a\",\"b\"]"), .per_item = 1}, found;
    struct review_label one = {.item = 1, .reviewer = SLICE("a"), .given = true, .label = 1};
    struct seen seen = {0};
    int64_t moved = -1;
    assert_int_equal(reviews_add(w->e, &r, bodies, 4, labels, 5, NULL), FAULT_NONE);
    assert_int_equal(reviews_label(w->e, r.number, &one, NULL), FAULT_NONE);
    assert_int_equal(reviews_reassign(w->e, r.number, SLICE("a"), SLICE("b"), SLICE("[\"b\"]"), &moved, NULL), FAULT_NONE);
    assert_int_equal(moved, 2);
    assert_int_equal(reviews_labels(w->e, r.number, SLICE("b"), -1, see, &seen, NULL), FAULT_NONE);
    assert_int_equal(seen.n, 3);
    assert_true(seen.item[0] == 2 && seen.item[1] == 0 && seen.item[2] == 3 && seen.flipped[2]);
    seen.n = 0;
    assert_int_equal(reviews_labels(w->e, r.number, SLICE("a"), -1, see, &seen, NULL), FAULT_NONE);
    assert_true(seen.n == 2 && seen.item[0] == 1 && seen.given[0] && seen.item[1] == 2 && !seen.given[1]);
    assert_int_equal(reviews_find(w->e, r.number, &w->arena, &found, NULL), FAULT_NONE);
    assert_true(slice_is(found.reviewers, "[\"b\"]") && found.items == 4 && found.labels == 5 && found.given == 1);
    assert_int_equal(reviews_close(w->e, r.number, 7, NULL), FAULT_NONE);
    assert_int_equal(reviews_reassign(w->e, r.number, SLICE("a"), SLICE("b"), SLICE("[]"), &moved, NULL), FAULT_CONFLICT);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {TEST(kept), TEST(labelled), TEST(closed), TEST(all_or_nothing), TEST(reassigned)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
