#include "test_change_guardrail_rig.h"

static void fail_at(struct record *x) {
    x->status = RECORD_ERROR;
    x->error = FAULT_UP_SERVER;
}

/* `rate`s of failure of the current version and of the candidate. */
static void run(struct rig *r, unsigned records, uint32_t weight_ppm, double current, double candidate) {
    for (unsigned i = 0; i < records; i++) {
        struct record x = record_at(r, weight_ppm);
        if (draw(&r->random, x.arm == ARM_CANDIDATE ? candidate : current)) fail_at(&x);
        guardrails_take(r->g, &x, weight_ppm);
    }
}

static void says_nothing_of_nothing(void **state) {
    (void)state;
    struct guardrail rails[] = {rail_of("error_rate", GUARD_FAILURES, 1.5), rail_of("latency_p95", GUARD_QUANTILE, 1.2),
                                rail_of("cost_per_request", GUARD_MEAN, 1.2), rail_of("score:helpful", GUARD_SCORE, 0.05)};
    struct rig r;
    rig_open(&r, rails, COUNT_OF(rails), STICKY_USER, 1);
    struct guard_answer a[GUARDRAILS];
    struct slice why;
    struct arena arena;
    arena_init(&arena, 512, 4096);
    assert_int_equal(guardrails_judge(r.g, a), 4);
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(a[i].verdict, GUARD_INCONCLUSIVE);
        assert_true(isnan(a[i].effect) && isnan(a[i].candidate) && isinf(a[i].needed));
        assert_non_null(strstr(a[i].why, "of the candidate yet"));
    }
    assert_int_equal(guardrails_verdict(r.g, a, 4, &why, &arena), GUARD_INCONCLUSIVE);
    run(&r, 20, 1000000, 0, 1); /* everything to the candidate: there is nothing to compare it with */
    assert_int_equal(answer_of(&r, 0).verdict, GUARD_INCONCLUSIVE);
    arena_deinit(&arena);
    rig_close(&r);
}

static void healthy_without_failures(void **state) {
    (void)state;
    struct guardrail rail = rail_of("error_rate", GUARD_FAILURES, 1.5);
    struct rig r;
    rig_open(&r, &rail, 1, STICKY_USER, 2);
    run(&r, 2000, 50000, 0, 0); /* about 100 of the candidate */
    struct guard_answer a = answer_of(&r, 0);
    assert_int_equal(a.verdict, GUARD_INCONCLUSIVE);
    assert_true(a.needed > 5000 && a.needed < 30000);
    run(&r, (unsigned)(a.needed * 1.3), 50000, 0, 0); /* what it said is about what it takes */
    a = answer_of(&r, 0);
    assert_int_equal(a.verdict, GUARD_SUCCESSFUL);
    assert_non_null(strstr(a.why, "points above control's rate"));
    assert_true(a.needed == 0 && a.candidate == 0);
    rig_close(&r);
}

static void worse_and_no_worse(void **state) {
    (void)state;
    struct guardrail rail = rail_of("error_rate", GUARD_FAILURES, 1.5);
    struct rig r;
    rig_open(&r, &rail, 1, STICKY_USER, 3);
    run(&r, 60000, 100000, 0.02, 0.1);
    struct guard_answer a = answer_of(&r, 0);
    assert_int_equal(a.verdict, GUARD_FAILED);
    assert_true(a.evidence >= a.threshold && a.interval.low > 1.5 && holds(a.interval, 5));
    near(a.threshold, log(100), 1e-12);
    near(a.candidate, 0.1, 0.02);
    near(a.control, 0.02, 0.003);
    rig_close(&r);
    rig_open(&r, &rail, 1, STICKY_USER, 4);
    r.g->rails[0].tolerance = 0;
    run(&r, 60000, 250000, 0.02, 0.02);
    a = answer_of(&r, 0);
    assert_int_equal(a.verdict, GUARD_SUCCESSFUL);
    assert_true(a.interval.high < 1.5 && holds(a.interval, 1));
    rig_close(&r);
}

/* ---- what counts ---- */

struct kind {
    enum record_status status;
    enum fault error;
    unsigned failures, seen; /* of one record */
};

static void what_an_error_is(void **state) {
    (void)state;
    static const struct kind kinds[] = {
        {RECORD_OK, FAULT_NONE, 0, 1},
        {RECORD_TRUNCATED, FAULT_UP_TRUNCATED, 1, 1},
        {RECORD_ERROR, FAULT_UP_SERVER, 1, 1},
        {RECORD_ERROR, FAULT_UP_BAD_REQUEST, 1, 1},
        {RECORD_ERROR, FAULT_UP_CONTEXT, 1, 1},
        {RECORD_ERROR, FAULT_NO_TARGET, 1, 1},
        {RECORD_ERROR, FAULT_INTERNAL, 1, 1},
        {RECORD_DEGRADED, FAULT_NO_TARGET, 1, 1},
        {RECORD_REFUSED, FAULT_UNTRANSLATABLE, 1, 1},
        {RECORD_REFUSED, FAULT_BUDGET_EXCEEDED, 0, 0},
        {RECORD_REFUSED, FAULT_RATE_LIMITED, 0, 0},
        {RECORD_REFUSED, FAULT_BAD_REQUEST, 0, 0},
        {RECORD_ERROR, FAULT_BAD_JSON, 0, 0},
        {RECORD_ERROR, FAULT_OVERLOADED, 0, 0},
        {RECORD_ERROR, FAULT_SHUTTING_DOWN, 0, 0},
        {RECORD_CANCELLED, FAULT_CANCELLED, 0, 0},
    };
    struct guardrail rail = rail_of("error_rate", GUARD_FAILURES, 1.5);
    for (unsigned i = 0; i < COUNT_OF(kinds); i++) {
        struct rig r;
        rig_open(&r, &rail, 1, STICKY_USER, i);
        struct record x = record_at(&r, 50000);
        x.arm = ARM_CANDIDATE;
        x.status = kinds[i].status;
        x.error = kinds[i].error;
        guardrails_take(r.g, &x, 50000);
        assert_int_equal(r.g->sums[0].failures[ARM_CANDIDATE], kinds[i].failures);
        assert_int_equal(r.g->sums[0].cells[0].candidate, kinds[i].failures);
        assert_int_equal(guardrails_candidates(r.g, 50000), kinds[i].seen);
        assert_int_equal(guardrails_candidates(r.g, 250000), 0);
        rig_close(&r);
    }
}

static void once_a_unit(void **state) {
    (void)state;
    struct guardrail rails[] = {rail_of("error_rate", GUARD_FAILURES, 1.5), rail_of("refusal_rate", GUARD_FAILURES, 1.5),
                                rail_of("negative_feedback", GUARD_FAILURES, 1.5), rail_of("check:json", GUARD_FAILURES, 1.5)};
    struct rig r;
    rig_open(&r, rails, COUNT_OF(rails), STICKY_USER, 9);
    struct record x = record_at(&r, 50000);
    x.arm = ARM_CANDIDATE;
    x.user = SLICE("\xC3\xA4nna");
    uint64_t unit = guard_unit(&x, STICKY_USER);
    fail_at(&x);
    for (int i = 0; i < 5; i++) guardrails_take(r.g, &x, 50000);
    x.status = RECORD_OK;
    x.error = FAULT_NONE;
    x.finish_reason = SLICE("refusal");
    for (int i = 0; i < 3; i++) guardrails_take(r.g, &x, 50000);
    x.cache = SLICE("hit");
    guardrails_take(r.g, &x, 50000); /* an earlier answer */
    for (int i = 0; i < 4; i++) guardrails_score(r.g, SLICE("feedback"), 0, ARM_CANDIDATE, 50000, unit);
    guardrails_score(r.g, SLICE("feedback"), 1, ARM_CONTROL, 50000, unit + 1);
    guardrails_score(r.g, SLICE("json"), 0.4, ARM_REST, 50000, unit);
    guardrails_score(r.g, SLICE("check:json"), 0.5, ARM_REST, 50000, unit);
    guardrails_score(r.g, SLICE("other"), 0, ARM_REST, 50000, unit);
    guardrails_score(r.g, SLICE("json"), NAN, ARM_REST, 50000, unit);
    static const uint64_t all[] = {5, 3, 4, 0}, seen[] = {8, 3, 4, 0};
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(r.g->sums[i].failures[ARM_CANDIDATE], all[i]);
        assert_int_equal(r.g->sums[i].n[ARM_CANDIDATE], seen[i]);
        assert_int_equal(r.g->sums[i].cells[0].candidate, i < 3);
    }
    assert_int_equal(r.g->sums[3].n[ARM_REST], 2);
    assert_int_equal(r.g->sums[3].cells[0].control, 1);
    assert_int_equal(r.g->sums[2].n[ARM_CONTROL], 1);
    assert_int_equal(r.g->cells[0].units[ARM_CANDIDATE], 1);
    rig_close(&r);
}

static void who_a_unit_is(void **state) {
    (void)state;
    struct rig r;
    rig_open(&r, NULL, 0, STICKY_USER, 10);
    struct record a = record_at(&r, 50000), b = record_at(&r, 50000);
    assert_true(guard_unit(&a, STICKY_USER) != guard_unit(&b, STICKY_USER));
    a.session = b.session = SLICE("s");
    assert_true(guard_unit(&a, STICKY_USER) == guard_unit(&b, STICKY_USER) && guard_unit(&a, STICKY_REQUEST) != guard_unit(&b, STICKY_REQUEST));
    a.user = SLICE("u");
    assert_true(guard_unit(&a, STICKY_USER) != guard_unit(&b, STICKY_USER) && guard_unit(&a, STICKY_SESSION) == guard_unit(&b, STICKY_SESSION));
    b.user = a.user;
    b.application = SLICE("other");
    assert_true(guard_unit(&a, STICKY_USER) != guard_unit(&b, STICKY_USER));
    rig_close(&r);
}

static void full_sets_go_on(void **state) {
    (void)state;
    struct unit_set s = {0};
    struct random random = {12};
    unsigned kept = 0;
    for (unsigned i = 0; i < 10 * GUARD_UNITS; i++) kept += unit_set_add(&s, random_next(&random));
    assert_true(s.n <= GUARD_UNITS && s.n > GUARD_UNITS / 3 && s.level >= 3 && s.level <= 5);
    assert_true(kept > s.n);
    random.state = 12;
    for (unsigned i = 0; i < 10 * GUARD_UNITS; i++) assert_false(unit_set_add(&s, random_next(&random))); /* none twice */
    mem_free(s.slots);
}

/* ---- values ---- */

static void latency_cost_and_scores(void **state) {
    (void)state;
    struct guardrail rails[] = {rail_of("latency_p95", GUARD_QUANTILE, 1.2), rail_of("first_token_p50", GUARD_QUANTILE, 1.2), rail_of("per_token_p95", GUARD_QUANTILE, 1.2),
                                rail_of("cost_per_request", GUARD_MEAN, 1.2), rail_of("output_tokens", GUARD_MEAN, 1.2), rail_of("score:helpful", GUARD_SCORE, 0.05)};
    struct rig r;
    rails[1].quantile = 0.5;
    rig_open(&r, rails, COUNT_OF(rails), STICKY_USER, 13);
    for (unsigned i = 0; i < 40000; i++) {
        struct record x = record_at(&r, 200000);
        double slow = x.arm == ARM_CANDIDATE ? 2 : 1, z = exp(0.3 * draw_normal(&r.random));
        x.stream = true;
        x.ttft_us = (int64_t)(2e5 * z);
        x.usage.output = (int64_t)(200 / slow);
        x.duration_us = x.ttft_us + (int64_t)(1e4 * z * slow) * (x.usage.output - 1);
        x.cost_nano = i % 10 == 0 ? MONEY_UNKNOWN : (int64_t)(1e6 * slow * z);
        guardrails_take(r.g, &x, 200000);
        guardrails_score(r.g, SLICE("score:helpful"), draw(&r.random, x.arm == ARM_CANDIDATE ? 0.6 : 0.8), x.arm, 200000, guard_unit(&x, STICKY_USER));
    }
    struct guard_answer a[GUARDRAILS];
    static const enum guard_verdict verdicts[] = {GUARD_SUCCESSFUL, GUARD_SUCCESSFUL, GUARD_FAILED, GUARD_FAILED, GUARD_SUCCESSFUL, GUARD_FAILED};
    static const double effects[] = {1, 1, 2, 2, 0.5, -0.2};
    guardrails_judge(r.g, a);
    for (unsigned i = 0; i < COUNT_OF(rails); i++) {
        assert_int_equal(a[i].verdict, verdicts[i]);
        near(a[i].effect, effects[i], 0.1);
        assert_true(holds(a[i].interval, effects[i]) && a[i].needed == 0);
    }
    near(a[4].candidate, 100, 1e-9);
    assert_true(a[3].n_control > 6500 && a[3].n_control < 7500); /* of 8,000, without the unknown ones */
    rig_close(&r);
}

static void few_users_are_no_evidence(void **state) {
    (void)state;
    struct guardrail rail = rail_of("latency_p95", GUARD_QUANTILE, 1.2);
    struct rig r;
    rig_open(&r, &rail, 1, STICKY_USER, 14);
    for (unsigned i = 0; i < 20000; i++) { /* six users, the candidate's three of them are slow ones */
        struct record x = record_at(&r, 500000);
        char name[8];
        snprintf(name, sizeof name, "u%u", (unsigned)random_below(&r.random, 3) + (x.arm == ARM_CANDIDATE ? 3 : 0));
        x.user = slice_of(name);
        x.duration_us = x.arm == ARM_CANDIDATE ? 3000000 : 1000000;
        guardrails_take(r.g, &x, 500000);
    }
    struct guard_answer a = answer_of(&r, 0);
    assert_int_equal(a.verdict, GUARD_INCONCLUSIVE);
    assert_non_null(strstr(a.why, "about 3 users"));
    rig_close(&r);
}

/* One huge bill is one bill: the mean is taken at what control's do not pass. */
static void one_bill(void **state) {
    (void)state;
    struct guardrail rail = rail_of("cost_per_request", GUARD_MEAN, 1.2);
    struct rig r;
    rig_open(&r, &rail, 1, STICKY_USER, 15);
    for (unsigned i = 0; i < 8000; i++) {
        struct record x = record_at(&r, 250000);
        x.cost_nano = (int64_t)(1e6 * exp(0.3 * draw_normal(&r.random)));
        if (i == 4000) {
            x.arm = ARM_CANDIDATE;
            x.cost_nano = INT64_MAX / 2;
        }
        guardrails_take(r.g, &x, 250000);
    }
    struct guard_answer a = answer_of(&r, 0);
    assert_int_equal(a.verdict, GUARD_SUCCESSFUL);
    near(a.effect, 1, 0.1);
    rig_close(&r);
}

/* And where all cost the same, twice that is no outlier. */
static void all_dearer(void **state) {
    (void)state;
    struct guardrail rail = rail_of("cost_per_request", GUARD_MEAN, 1.2);
    struct rig r;
    rig_open(&r, &rail, 1, STICKY_USER, 19);
    for (unsigned i = 0; i < 4000; i++) {
        struct record x = record_at(&r, 250000);
        x.cost_nano = x.arm == ARM_CANDIDATE ? 2000000 : 1000000;
        guardrails_take(r.g, &x, 250000);
    }
    struct guard_answer a = answer_of(&r, 0);
    assert_int_equal(a.verdict, GUARD_FAILED);
    near(a.effect, 2, 1e-9);
    rig_close(&r);
}

/* ---- shares, and all together ---- */

static void wrong_shares(void **state) {
    (void)state;
    struct guardrail rails[] = {rail_of("error_rate", GUARD_FAILURES, 1.5), rail_of("latency_p95", GUARD_QUANTILE, 1.2)};
    struct rig r;
    struct guard_answer a[GUARDRAILS];
    struct slice why;
    struct arena arena;
    arena_init(&arena, 512, 4096);
    rig_open(&r, rails, 2, STICKY_USER, 16);
    for (unsigned i = 0; i < 4000; i++) {
        struct record x = record_at(&r, 100000);
        if (x.arm == ARM_CANDIDATE && i % 2) continue; /* every second record of the candidate is lost */
        if (x.arm == ARM_CANDIDATE) fail_at(&x);
        guardrails_take(r.g, &x, 100000);
    }
    guardrails_judge(r.g, a);
    assert_int_equal(a[0].verdict, GUARD_ERROR);
    assert_int_equal(a[1].verdict, GUARD_ERROR);
    assert_non_null(strstr(a[0].why, "routing or records"));
    assert_int_equal(guardrails_verdict(r.g, a, 2, &why, &arena), GUARD_ERROR);
    arena_deinit(&arena);
    rig_close(&r);
}

static void worst_of_all(void **state) {
    (void)state;
    struct guardrail rails[] = {rail_of("error_rate", GUARD_FAILURES, 1.5), rail_of("latency_p95", GUARD_QUANTILE, 1.2), rail_of("cost_per_request", GUARD_MEAN, 1.2)};
    struct rig r;
    struct slice why;
    struct arena arena;
    arena_init(&arena, 512, 8192);
    rails[1].on_failure = GUARD_PAUSE;
    rails[2].on_failure = GUARD_NOTIFY;
    rig_open(&r, rails, 3, STICKY_USER, 17);
    struct guard_answer a[3] = {{.verdict = GUARD_SUCCESSFUL}, {.verdict = GUARD_SUCCESSFUL}, {.verdict = GUARD_FAILED}};
    for (int i = 0; i < 3; i++) a[i].metric = rails[i].metric;
    assert_int_equal(guardrails_verdict(r.g, a, 3, &why, &arena), GUARD_SUCCESSFUL); /* it only notifies */
    a[1].verdict = GUARD_FAILED;
    snprintf(a[1].why, sizeof a[1].why, "slow");
    assert_int_equal(guardrails_verdict(r.g, a, 3, &why, &arena), GUARD_INCONCLUSIVE); /* it pauses, and does not roll back */
    assert_true(slice_is(why, "latency_p95: slow"));
    a[0].verdict = GUARD_FAILED;
    assert_int_equal(guardrails_verdict(r.g, a, 3, &why, &arena), GUARD_FAILED);
    a[2].verdict = GUARD_ERROR;
    assert_int_equal(guardrails_verdict(r.g, a, 3, NULL, NULL), GUARD_ERROR);
    arena_deinit(&arena);
    rig_close(&r);
}

/* ---- kept and shown ---- */

static void feed(struct rig *r, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        uint32_t weight = i < n / 2 ? 200000 : 750000;
        struct record x = record_at(r, weight);
        char name[16];
        snprintf(name, sizeof name, "u%u", (unsigned)random_below(&r->random, 900));
        x.user = slice_of(name);
        x.cost_nano = (int64_t)random_below(&r->random, 1000000);
        if (draw(&r->random, 0.1)) fail_at(&x);
        guardrails_take(r->g, &x, weight);
        guardrails_score(r->g, SLICE("helpful"), random_unit(&r->random), x.arm, weight, guard_unit(&x, STICKY_USER));
    }
}

static void kept(void **state) {
    (void)state;
    struct guardrail rails[] = {rail_of("error_rate", GUARD_FAILURES, 1.5), rail_of("latency_p95", GUARD_QUANTILE, 1.2), rail_of("cost_per_request", GUARD_MEAN, 1.2),
                                rail_of("score:helpful", GUARD_SCORE, 0.05)};
    struct rig whole, first, second, other;
    struct buffer bytes, again;
    struct error error;
    buffer_init(&bytes, 1 << 20);
    buffer_init(&again, 1 << 20);
    rig_open(&whole, rails, 4, STICKY_USER, 18);
    rig_open(&first, rails, 4, STICKY_USER, 18);
    rig_open(&second, rails, 4, STICKY_USER, 0);
    rig_open(&other, rails, 3, STICKY_USER, 0);
    feed(&whole, 3000);
    feed(&whole, 3000);
    feed(&first, 3000);
    guardrails_encode(first.g, &bytes);
    assert_int_equal(guardrails_decode(buffer_slice(&bytes), second.g, &error), FAULT_NONE);
    second.random = first.random;
    feed(&second, 3000); /* killed in between, and it makes no difference */
    struct guard_answer a[GUARDRAILS], b[GUARDRAILS];
    guardrails_judge(whole.g, a);
    guardrails_judge(second.g, b);
    for (unsigned i = 0; i < 4; i++) {
        assert_string_equal(a[i].why, b[i].why);
        assert_true(a[i].evidence == b[i].evidence && a[i].n_candidate == b[i].n_candidate && a[i].n_control == b[i].n_control);
    }
    assert_int_equal(guardrails_decode(buffer_slice(&bytes), other.g, &error), FAULT_CORRUPT); /* of another plan */
    buffer_clear(&bytes);
    guardrails_encode(second.g, &bytes);
    for (size_t i = 0; i < bytes.len; i += bytes.len / 97) { /* damaged, or cut short: refused, and what is there stays */
        bytes.at[i] ^= 0x20;
        assert_int_equal(guardrails_decode(buffer_slice(&bytes), second.g, &error), FAULT_CORRUPT);
        bytes.at[i] ^= 0x20;
        assert_int_equal(guardrails_decode(slice_make(bytes.at, i), second.g, &error), FAULT_CORRUPT);
    }
    guardrails_encode(second.g, &again);
    assert_true(slice_eq(buffer_slice(&bytes), buffer_slice(&again)));
    buffer_deinit(&bytes);
    buffer_deinit(&again);
    rig_close(&whole);
    rig_close(&first);
    rig_close(&second);
    rig_close(&other);
}

static void shown(void **state) {
    (void)state;
    struct guard_answer a = {.metric = SLICE("error_rate"), .verdict = GUARD_FAILED, .effect = 3, .interval = {1.75, INFINITY}, .evidence = 6.5, .threshold = 4.5,
                             .alpha = 0.01, .margin = 1.5, .n_candidate = 900, .n_control = 17000, .needed = 0, .candidate = 0.03, .control = NAN, .why = "w"};
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 4096);
    json_start(&w, &out);
    guardrails_write(&a, 1, &w);
    assert_true(slice_is(buffer_slice(&out), "[{\"metric\":\"error_rate\",\"verdict\":\"Failed\",\"effect\":3,\"interval\":[1.75,null],\"evidence\":6.5,"
                                             "\"threshold\":4.5,\"alpha\":0.01,\"margin\":1.5,\"scale\":\"ratio\",\"limit\":1.5,\"n_candidate\":900,\"n_control\":17000,\"needed\":0,"
                                             "\"candidate\":0.03,\"control\":null,\"why\":\"w\"}]"));
    buffer_deinit(&out);
}

/* Nothing failed, and four users a side do not speak for the others. */
static void few_users_tolerate_nothing(void **state) {
    (void)state;
    struct guardrail rail = rail_of("error_rate", GUARD_FAILURES, 1.5);
    for (unsigned users = 8; users <= 800; users *= 100) {
        struct rig r;
        char name[24];
        rig_open(&r, &rail, 1, STICKY_USER, 1);
        for (unsigned i = 0; i < 4000; i++) {
            struct record x = record_at(&r, 500000);
            snprintf(name, sizeof name, "user-%u", i % users);
            x.user = slice_of(name);
            x.arm = i % users % 2 ? ARM_CANDIDATE : ARM_CONTROL;
            guardrails_take(r.g, &x, 500000);
        }
        struct guard_answer a = answer_of(&r, 0);
        assert_int_equal(a.verdict, users > 8 ? GUARD_SUCCESSFUL : GUARD_INCONCLUSIVE);
        if (users == 8) assert_true(isinf(a.needed) && strstr(a.why, "users") != NULL);
        rig_close(&r);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(says_nothing_of_nothing),
        cmocka_unit_test(healthy_without_failures),
        cmocka_unit_test(worse_and_no_worse),
        cmocka_unit_test(what_an_error_is),
        cmocka_unit_test(once_a_unit),
        cmocka_unit_test(who_a_unit_is),
        cmocka_unit_test(full_sets_go_on),
        cmocka_unit_test(latency_cost_and_scores),
        cmocka_unit_test(few_users_are_no_evidence),
        cmocka_unit_test(one_bill),
        cmocka_unit_test(all_dearer),
        cmocka_unit_test(wrong_shares),
        cmocka_unit_test(worst_of_all),
        cmocka_unit_test(kept),
        cmocka_unit_test(few_users_tolerate_nothing),
        cmocka_unit_test(shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
