/* Prompts in live traffic, in groups, with the place in the ledger; versions of providers' models. */
#include "store/live_prompts.h"
#include "test_store_changes_rig.h"

static struct arena arena;

static struct live_group group_of(const char *application, int64_t last_us) {
    return (struct live_group){.application = slice_of(application), .request_type = SLICE("chat"), .template_json = SLICE("[\"you are\"]"),
                               .first_us = 1, .last_us = last_us, .answers = 3, .texts = 1};
}

static struct live_text text_of(uint8_t first, uint8_t last, int64_t group, int64_t at_us, int64_t answers) {
    struct live_text t = {.application = SLICE("support"), .group = group, .text = SLICE("You are kind."), .first_us = at_us, .last_us = at_us, .answers = answers};
    memset(t.hash, first, sizeof t.hash);
    t.hash[15] = last;
    return t;
}

static void keep(struct registry *r, struct live_group *groups, unsigned n, struct live_text *texts, unsigned n_texts, const char *position) {
    struct live_look l = {groups, n, texts, n_texts, slice_of(position)};
    struct error error = {0};
    if (live_keep(r, &l, &error) != FAULT_NONE) fail_msg("%s", error.text);
}

static void a_look_is_kept_with_its_place(void **state) {
    struct registry *r = open_registry(*state);
    struct live_group groups[2] = {group_of("support", 10), group_of("search", 11)}, *all, one;
    struct live_text texts[2] = {text_of(0xab, 1, -1, 5, 2), text_of(0xab, 2, -2, 6, 1)}, t, *some;
    struct slice position = SLICE("x");
    struct error error = {0};
    unsigned n;
    assert_int_equal(live_position(r, &arena, &position, NULL), FAULT_NONE);
    assert_true(slice_is_null(position));
    texts[1].text = SLICE_NULL;
    keep(r, groups, 2, texts, 2, "20778:1");
    assert_true(groups[0].number == 1 && groups[1].number == 2 && texts[0].group == 1 && texts[1].group == 2);
    assert_int_equal(live_groups(r, SLICE("support"), &arena, &all, &n, NULL), FAULT_NONE);
    assert_true(n == 1 && slice_is(all[0].template_json, "[\"you are\"]") && slice_is_null(all[0].prompt) && all[0].answers == 3);

    groups[0].prompt = SLICE("helpdesk-answer@1"); /* again: the row is as given, answers of texts are added */
    groups[0].answers = 9;
    texts[0].answers = 6;
    texts[0].first_us = 7;
    texts[0].last_us = 8;
    texts[0].text = SLICE_NULL;
    keep(r, groups, 1, texts, 1, "20778:2");
    assert_int_equal(live_group_find(r, 1, &arena, &one, NULL), FAULT_NONE);
    assert_true(one.answers == 9 && slice_is(one.prompt, "helpdesk-answer@1"));
    assert_int_equal(live_texts(r, 1, 0, &arena, &some, &n, NULL), FAULT_NONE);
    assert_true(n == 1 && some[0].answers == 8 && some[0].first_us == 5 && some[0].last_us == 8 && slice_is(some[0].text, "You are kind."));
    assert_int_equal(live_position(r, &arena, &position, NULL), FAULT_NONE);
    assert_true(slice_is(position, "20778:2"));

    assert_int_equal(live_text_find(r, SLICE("abababab"), &arena, &t, &error), FAULT_BAD_REQUEST);
    assert_non_null(strstr(error.text, "more than one"));
    assert_int_equal(live_text_find(r, SLICE("ABABABABABABABABABABABABABABAB02"), &arena, &t, &error), FAULT_NONE);
    assert_true(t.hash[15] == 2 && slice_is_null(t.text) && slice_is(t.application, "support"));
    assert_int_equal(live_text_find(r, SLICE("abababa"), &arena, &t, &error), FAULT_BAD_REQUEST);
    assert_int_equal(live_text_find(r, SLICE("ababababz"), &arena, &t, &error), FAULT_BAD_REQUEST);
    assert_int_equal(live_text_find(r, SLICE("ffffffff"), &arena, &t, &error), FAULT_NOT_FOUND);
    assert_int_equal(live_group_find(r, 77, &arena, &one, &error), FAULT_NOT_FOUND);

    struct live_text lost = text_of(1, 1, -2, 5, 2); /* of a group that is not there: nothing of the look is kept */
    struct live_look l = {groups, 1, &lost, 1, SLICE("20778:3")};
    groups[0].answers = 1000;
    assert_int_equal(live_keep(r, &l, &error), FAULT_INTERNAL);
    assert_int_equal(live_group_find(r, 1, &arena, &one, NULL), FAULT_NONE);
    assert_int_equal(one.answers, 9);
    assert_int_equal(live_position(r, &arena, &position, NULL), FAULT_NONE);
    assert_true(slice_is(position, "20778:2"));
    registry_close(r);
}

static void what_is_kept_is_bounded(void **state) {
    struct registry *r = open_registry(*state);
    static struct live_group groups[LIVE_GROUPS + 3];
    static struct live_text texts[LIVE_TEXTS + 6], *some;
    struct live_group *all;
    unsigned n;
    for (unsigned i = 0; i < LIVE_GROUPS + 3; i++) groups[i] = group_of("support", 1000 + i);
    groups[0].prompt = SLICE("a@1"); /* registered: it stays, though it is the oldest */
    keep(r, groups, 1, (struct live_text[]){text_of(1, 0, -1, 1, 1)}, 1, "1");
    keep(r, groups + 1, 1, (struct live_text[]){text_of(2, 0, -1, 1, 1)}, 1, "1");
    keep(r, groups + 2, LIVE_GROUPS + 1, NULL, 0, "1");
    assert_int_equal(live_groups(r, SLICE_NULL, &arena, &all, &n, NULL), FAULT_NONE);
    assert_int_equal(n, LIVE_GROUPS + 1);
    assert_true(all[0].number == 1 && all[1].last_us == 1003);
    assert_int_equal(rig_number(*state, "registry.db", "SELECT count(*) FROM live_text"), 1);

    for (unsigned i = 0; i < LIVE_TEXTS + 6; i++) texts[i] = text_of(3, (uint8_t)i, 1, 10 + i, i == 0 ? 5 : 1 + (int64_t)i);
    keep(r, groups, 1, texts, LIVE_TEXTS + 6, "2");
    assert_int_equal(live_texts(r, 1, 0, &arena, &some, &n, NULL), FAULT_NONE);
    assert_int_equal(n, LIVE_TEXTS);
    assert_int_equal(some[0].answers, LIVE_TEXTS + 6);
    struct live_text late = text_of(4, 1, 1, 10000, 1); /* the newest stays, however little used */
    keep(r, NULL, 0, &late, 1, "3");
    struct live_text found;
    assert_int_equal(live_text_find(r, SLICE("04040404"), &arena, &found, NULL), FAULT_NONE);
    registry_close(r);
}

/* ---- versions of models ---- */

static void a_model_change_is_decided_once(void **state) {
    struct registry *r = open_registry(*state);
    struct model_change c = {.model = SLICE("support-chat"), .provider = SLICE("main"), .target = SLICE("gpt-5.1"), .before = SLICE("gpt-5.1-2026-03-01"),
                             .after = SLICE("gpt-5.1-2026-09-01"), .seen_us = AT, .answers = 4, .state = SLICE("open")},
                        again = c, *all;
    struct audit_entry e = {.at_us = AT, .actor = SLICE("quarterdeck"), .action = SLICE("model.change"), .subject = SLICE("model:support-chat")};
    struct error error = {0};
    unsigned n;
    assert_int_equal(model_change_put(r, &c, &e, NULL), FAULT_NONE);
    assert_int_equal(model_change_put(r, &again, &e, NULL), FAULT_NONE);
    assert_true(c.number == 1 && again.number == 1);
    assert_int_equal(rig_number(*state, "registry.db", "SELECT count(*) FROM audit"), 1);
    assert_int_equal(model_changes(r, SLICE("open"), &arena, &all, &n, NULL), FAULT_NONE);
    assert_true(n == 1 && slice_is(all[0].after, "gpt-5.1-2026-09-01") && slice_is_null(all[0].held_to) && all[0].answers == 4);

    struct model_change by_ann = all[0], by_bob = all[0];
    by_ann.state = SLICE("held");
    by_ann.held_to = SLICE("pinned");
    by_ann.decided_by = SLICE("ann");
    by_ann.decided_us = AT;
    by_ann.why = SLICE("worse");
    e.action = SLICE("model.hold");
    assert_int_equal(model_change_put(r, &by_ann, &e, NULL), FAULT_NONE);
    by_bob.state = SLICE("accepted");
    assert_int_equal(model_change_put(r, &by_bob, &e, &error), FAULT_CONFLICT);
    assert_string_equal(error.text, "model change 1 is not open any more but held, by ann at 2025-11-21T16:00:03Z (worse)");
    assert_int_equal(rig_number(*state, "registry.db", "SELECT count(*) FROM audit"), 2);
    assert_int_equal(model_changes(r, SLICE_NULL, &arena, &all, &n, NULL), FAULT_NONE);
    assert_true(n == 1 && slice_is(all[0].state, "held") && slice_is(all[0].held_to, "pinned") && slice_is(all[0].was, "held"));
    again.number = 0;
    assert_int_equal(model_change_put(r, &again, NULL, NULL), FAULT_NONE); /* it is held: no second one */
    assert_int_equal(again.number, 1);
    all[0].state = SLICE("accepted");
    assert_int_equal(model_change_put(r, &all[0], &e, NULL), FAULT_NONE);
    again.number = 0;
    assert_int_equal(model_change_put(r, &again, NULL, NULL), FAULT_NONE);
    assert_int_equal(again.number, 2);
    again.number = 9;
    assert_int_equal(model_change_put(r, &again, NULL, &error), FAULT_NOT_FOUND);
    assert_int_equal(first_bad(r), 0);
    registry_close(r);
}

static int setup(void **state) {
    arena_init(&arena, 4096, 8 << 20);
    return rig_setup(state);
}
static int teardown(void **state) {
    arena_deinit(&arena);
    return rig_teardown(state);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(a_look_is_kept_with_its_place), TEST(what_is_kept_is_bounded), TEST(a_model_change_is_decided_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
