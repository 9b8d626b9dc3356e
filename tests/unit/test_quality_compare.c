#include "quality/compare.h"
#include "test_quality_summary_rig.h"

static int write_compare(struct rig *r, struct compare *c) {
    struct json_writer w;
    struct error error;
    buffer_clear(&r->text);
    arena_reset(&r->arena);
    json_start(&w, &r->text);
    json_object(&w);
    int v = compare_write(c, &w);
    json_object_end(&w);
    assert_false(r->text.overflow);
    assert_int_equal(json_read(buffer_slice(&r->text), &r->arena, UINT16_MAX, &r->doc, &error), FAULT_NONE);
    return v;
}

static void give(struct compare *c, bool candidate, unsigned at, unsigned repeat, enum check_verdict v) {
    struct result r = rig_result(at, repeat, v);
    compare_add(c, candidate, &r);
}

/* 8 cases won and 1 lost of 40: McNemar's exact p is .0390625. 5 and 0: .0625, no evidence. */
static void mcnemar(void **state) {
    (void)state;
    static const struct {
        unsigned won, lost;
        int verdict;
        double p;
    } worlds[] = {{8, 1, 1, .0390625}, {1, 8, -1, .0390625}, {5, 0, 0, .0625}, {6, 0, 1, .03125}, {0, 0, 0, 1}};
    for (unsigned i = 0; i < COUNT_OF(worlds); i++) {
        struct rig *r = rig_new(40);
        struct compare *c = compare_new(&r->suite, &r->suite, 0.95);
        for (unsigned k = 0; k < 40; k++) {
            bool won = k < worlds[i].won, lost = !won && k < worlds[i].won + worlds[i].lost;
            give(c, false, k, 0, won ? CHECK_FAIL : CHECK_PASS);
            give(c, true, k, 0, lost ? CHECK_FAIL : CHECK_PASS);
        }
        assert_int_equal(write_compare(r, c), worlds[i].verdict);
        rig_says(r, "method", "mcnemar");
        rig_says(r, "verdict", worlds[i].verdict > 0 ? "better" : worlds[i].verdict < 0 ? "worse" : "no_evidence");
        near(rig_number(r, "p_value"), worlds[i].p, 1e-12);
        near(rig_number(r, "difference"), ((double)worlds[i].won - worlds[i].lost) / 40, 1e-12);
        near(rig_number(r, "flips"), worlds[i].won + worlds[i].lost, 0);
        if (i == 0) rig_says(r, "flipped.0.case", "case-9"); /* the one that got worse comes first */
        if (i == 2) assert_true(rig_number(r, "needed_cases") > 0 && rig_number(r, "minimum_detectable") > 0.1);
        if (i == 4) assert_true(rig_is_null(r, "needed_cases"));
        compare_free(c);
        rig_free(r);
    }
}

/* By id, whatever the order of the suites; what only one has, what changed and what has no answer is left out and counted. */
static void pairs_by_id(void **state) {
    (void)state;
    struct rig *a = rig_new(6), *b = rig_new(6);
    struct template_var var = {SLICE("q"), SLICE("one")}, other = {SLICE("q"), SLICE("two")};
    for (unsigned i = 0; i < 6; i++) b->cases[i].id = a->cases[5 - i].id; /* reversed */
    b->cases[0].id = SLICE("new");                                        /* of case-6 */
    a->cases[1].about.vars = b->cases[4].about.vars = &var;               /* case-2: the same */
    a->cases[2].about.vars = &var;                                        /* case-3: another question */
    b->cases[3].about.vars = &other;
    a->cases[1].about.n_vars = b->cases[4].about.n_vars = a->cases[2].about.n_vars = b->cases[3].about.n_vars = 1;
    b->suite.digest.bytes[0] = 1;
    a->suite.max_errors = b->suite.max_errors = 0.5;
    struct compare *c = compare_new(&a->suite, &b->suite, 0.95);
    for (unsigned i = 0; i < 6; i++) {
        give(c, false, i, 0, i == 4 ? CHECK_ERROR : CHECK_PASS);
        give(c, true, i, 0, i == 5 ? CHECK_FAIL : CHECK_PASS); /* case-1 */
    }
    write_compare(a, c);
    near(rig_number(a, "pairs"), 3, 0); /* 1, 2, 4 */
    near(rig_number(a, "left_out.only_baseline"), 1, 0);
    near(rig_number(a, "left_out.only_candidate"), 1, 0);
    near(rig_number(a, "left_out.changed"), 1, 0);
    near(rig_number(a, "left_out.unanswered"), 1, 0);
    rig_says(a, "flipped.0.case", "case-1");
    assert_true(slice_contains(buffer_slice(&a->text), SLICE("not the same version in both")));
    assert_int_equal(json_type(&a->doc, rig_at(a, "same_suite")), JSON_FALSE);
    compare_free(c);
    rig_free(a);
    rig_free(b);
}

static void errors_give_no_verdict(void **state) {
    (void)state;
    struct rig *r = rig_new(60);
    struct compare *c = compare_new(&r->suite, &r->suite, 0.95);
    for (unsigned i = 0; i < 60; i++) {
        give(c, false, i, 0, CHECK_PASS);
        give(c, true, i, 0, i < 30 ? CHECK_ERROR : CHECK_FAIL);
    }
    assert_int_equal(write_compare(r, c), 0);
    near(rig_number(r, "difference"), -1, 0); /* told, not judged */
    assert_true(rig_is_null(r, "needed_cases")); /* nothing is settled */
    rig_says(r, "why",
             "30 of the candidate's 60 runs ended in an error, more than the 5 % up to which a verdict is given (max_errors): what is left may "
             "not be like the rest");
    compare_free(c);
    c = compare_new(&r->suite, &r->suite, 0.95);
    assert_int_equal(write_compare(r, c), 0);
    rig_says(r, "why", "there is no case that both runs answered");
    assert_true(rig_is_null(r, "difference") && rig_is_null(r, "interval"));
    compare_free(c);
    rig_free(r);
}

/* Twenty tags of which none changed: tested one by one, one in twenty would be "worse"; under Holm's limits hardly any is. */
static void many_tags(void **state) {
    (void)state;
    enum { WORLDS = 100, TAGS = 20, EACH = 30 };
    struct random random = {4};
    unsigned wrong = 0, naive = 0;
    char names[TAGS][8];
    struct rig *r = rig_new(TAGS * EACH);
    for (unsigned i = 0; i < TAGS * EACH; i++) {
        snprintf(names[i / EACH], sizeof *names, "t%u", i / EACH);
        rig_tag(r, i, names[i / EACH]);
    }
    for (unsigned world = 0; world < WORLDS; world++) {
        struct compare *c = compare_new(&r->suite, &r->suite, 0.9);
        for (unsigned i = 0; i < TAGS * EACH; i++)
            for (unsigned side = 0; side < 2; side++) give(c, side, i, 0, draw(&random, 0.6) ? CHECK_PASS : CHECK_FAIL);
        write_compare(r, c);
        bool any = false, any_naive = false;
        uint32_t at = JSON_NONE, key, tag;
        while (json_each_member(&r->doc, rig_at(r, "by_tag"), &at, &key, &tag)) {
            double p = NAN;
            assert_true(json_get_double(&r->doc, json_get(&r->doc, tag, "p_value"), &p));
            any |= !json_is(&r->doc, json_get(&r->doc, tag, "verdict"), "no_evidence");
            any_naive |= p <= 0.1;
        }
        wrong += any;
        naive += any_naive;
        compare_free(c);
    }
    at_most(wrong, WORLDS, 0.1);
    assert_true(naive > WORLDS / 2);
    rig_free(r);
}

/* Two runs of the same prompt: "better" and "worse" together are at most as frequent as 1 - confidence; and where it is really better
 * by 15 points, that is seen. Cases differ from each other, and are asked three times. */
static void wrong_verdicts_are_rare(void **state) {
    (void)state;
    enum { WORLDS = 150, CASES = 80 };
    for (unsigned repeat = 1; repeat <= 3; repeat += 2) {
        struct random random = {repeat};
        unsigned wrong = 0, seen = 0;
        struct rig *r = rig_new(CASES);
        for (unsigned world = 0; world < 2 * WORLDS; world++) {
            struct compare *c = compare_new(&r->suite, &r->suite, 0.95);
            for (unsigned i = 0; i < CASES; i++) {
                double own = pow(random_unit(&random), 0.5), better = world < WORLDS ? own : own + 0.6 * (1 - own);
                for (unsigned k = 0; k < repeat; k++) {
                    give(c, false, i, k, draw(&random, own) ? CHECK_PASS : CHECK_FAIL);
                    give(c, true, i, k, draw(&random, better) ? CHECK_PASS : CHECK_FAIL);
                }
            }
            int v = write_compare(r, c);
            if (world < WORLDS) wrong += v != 0;
            else seen += v > 0;
            compare_free(c);
        }
        at_most(wrong, WORLDS, 0.05);
        assert_true(seen > WORLDS * 7 / 10);
        rig_free(r);
    }
}

/* The same in worlds that are less kind: few cases, weights, families that pass or fail together, errors here and there, repeats that differ in number. */
static void wrong_verdicts_in_other_worlds(void **state) {
    (void)state;
    enum { WORLDS = 200, FAMILY = 4 };
    static const struct {
        unsigned cases, repeat;
        bool weighted, families;
    } kinds[] = {{8, 3, false, false}, {20, 3, true, false}, {20, 1, true, false}, {100, 1, false, true}, {60, 2, true, true}};
    char names[100][16];
    for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; kind++) {
        struct random random = {kind + 1};
        unsigned wrong = 0;
        struct rig *r = rig_new(kinds[kind].cases);
        r->suite.max_errors = 1;
        for (unsigned i = 0; i < kinds[kind].cases; i++) {
            snprintf(names[i], sizeof *names, "f%u", i / FAMILY);
            if (kinds[kind].families) r->cases[i].cluster = slice_of(names[i]);
            if (kinds[kind].weighted) r->cases[i].weight = 1 + i % 3;
        }
        for (unsigned world = 0; world < WORLDS; world++) {
            struct compare *c = compare_new(&r->suite, &r->suite, 0.95);
            double own = 0, luck[2] = {0, 0};
            for (unsigned i = 0; i < kinds[kind].cases; i++) {
                if (!kinds[kind].families || i % FAMILY == 0) own = random_unit(&random);
                for (unsigned side = 0; side < 2; side++) {
                    if (!kinds[kind].families || i % FAMILY == 0) luck[side] = draw(&random, own);
                    for (unsigned k = 0; k < kinds[kind].repeat; k++) {
                        bool pass = kinds[kind].families ? luck[side] > 0 : draw(&random, own);
                        give(c, side, i, k, draw(&random, 0.05) ? CHECK_ERROR : pass ? CHECK_PASS : CHECK_FAIL);
                    }
                }
            }
            wrong += write_compare(r, c) != 0;
            compare_free(c);
        }
        at_most(wrong, WORLDS, 0.05);
        rig_free(r);
    }
}

/* Excerpts are cut between characters, of a failed answer rather than a passed one. */
static void excerpts(void **state) {
    (void)state;
    struct rig *r = rig_new(1);
    char text[1000];
    for (unsigned i = 0; i + 3 <= sizeof text; i += 3) memcpy(text + i, "\xe2\x82\xac", 3);
    struct compare *c = compare_new(&r->suite, &r->suite, 0.95);
    struct result_check check = {.type = SLICE("equals"), .weight = 1, .verdict = CHECK_FAIL, .reason = SLICE("found euros")};
    for (unsigned k = 0; k < 3; k++) {
        struct result x = rig_result(0, k, k == 1 ? CHECK_FAIL : CHECK_PASS);
        x.output = k == 1 ? slice_make(text, 999) : SLICE("fine");
        x.checks = &check;
        x.n_checks = k == 1;
        compare_add(c, true, &x);
    }
    give(c, false, 0, 0, CHECK_PASS);
    give(c, false, 0, 1, CHECK_PASS);
    struct result failed = rig_result(0, 2, CHECK_FAIL);
    compare_add(c, true, &failed);
    failed.repeat = 3;
    compare_add(c, true, &failed);
    write_compare(r, c);
    struct slice found = json_string(&r->doc, rig_at(r, "flipped.0.candidate_output"), &r->arena);
    assert_int_equal((int)found.len, 300);
    assert_true(slice_is_utf8(found));
    rig_says(r, "flipped.0.candidate_reason", "found euros");
    near(rig_number(r, "flipped.0.candidate"), 0.4, 1e-12);
    compare_free(c);
    rig_free(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mcnemar),   cmocka_unit_test(pairs_by_id),             cmocka_unit_test(errors_give_no_verdict),
        cmocka_unit_test(many_tags), cmocka_unit_test(wrong_verdicts_are_rare), cmocka_unit_test(wrong_verdicts_in_other_worlds), cmocka_unit_test(excerpts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
