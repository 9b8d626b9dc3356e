/* Which version serves whom: names, versions and labels; arms that are fair, sticky and independent. */
#include "base/mem.h"
#include "model/deployment.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct served_version *version(int64_t number, const char *human, const char *content) {
    struct served_version *v = NULL;
    struct error error = {.fault = FAULT_NONE};
    char body[512];
    snprintf(body, sizeof body, "{\"prompt\":\"helpdesk-answer\",\"messages\":[{\"role\":\"system\",\"content\":\"%s\"}]}", content);
    if (served_version_new(number, human ? slice_of(human) : SLICE_NULL, slice_of(body), &v, &error) != FAULT_NONE) fail_msg("%s", error.text);
    return v;
}

struct fixture {
    struct deployments *d;
    struct served_version *v[3]; /* 3 is the newest and the candidate, 2 in production */
    struct deployed *prompt;
    struct deployed_rollout *rollout;
};

static void keep(struct fixture *f) {
    struct deployments *d = f->d;
    const struct served_version **versions = arena_new_array(&d->arena, const struct served_version *, 3);
    d->kept = arena_new_array(&d->arena, struct served_version *, 3);
    for (unsigned i = 0; i < 3; i++) {
        versions[i] = f->v[2 - i];
        d->kept[d->n_kept++] = f->v[i];
    }
    f->prompt->versions = versions;
    f->prompt->n_versions = 3;
}

static struct fixture fixture(void) {
    struct fixture f = {.d = deployments_new()};
    f.v[0] = version(1, "v1.0.0", "You help.");
    f.v[1] = version(2, NULL, "You help well.");
    f.v[2] = version(3, "v1.2.3", "You help best.");
    f.prompt = arena_new(&f.d->arena, struct deployed);
    f.prompt->name = SLICE("helpdesk-answer");
    f.prompt->production = f.v[1];
    keep(&f);
    struct deployed_label *label = arena_new(&f.d->arena, struct deployed_label);
    *label = (struct deployed_label){SLICE("staging"), f.v[0]};
    f.prompt->labels = label;
    f.prompt->n_labels = 1;
    f.rollout = arena_new(&f.d->arena, struct deployed_rollout);
    *f.rollout = (struct deployed_rollout){.id = 9, .step = 2, .candidate = f.v[2], .weight_ppm = 50000, .sticky = STICKY_USER, .salt = 7};
    (void)table_put(&f.d->by_name, f.prompt->name, f.prompt);
    return f;
}

static const struct deployment_unit anna = {.application = SLICE("app"), .user = SLICE("anna"), .request = SLICE("r1")};

static int64_t number_of(const struct fixture *f, const char *asked) {
    struct deployment_choice c;
    struct error error;
    enum fault fault = deployment_choose(f->d, slice_of(asked), &anna, &c, &error);
    return fault == FAULT_NONE ? c.version->number : -(int64_t)fault;
}

static void versions_by_all_their_names(void **state) {
    (void)state;
    struct fixture f = fixture();
    char hex[2 * DIGEST_BYTES + 1], asked[128];
    digest_hex(f.v[0]->prompt.digest.bytes, DIGEST_BYTES, hex);
    assert_int_equal(number_of(&f, "helpdesk-answer"), 2);
    assert_int_equal(number_of(&f, "helpdesk-answer@production"), 2);
    assert_int_equal(number_of(&f, "helpdesk-answer@1"), 1);
    assert_int_equal(number_of(&f, "helpdesk-answer@v1.2.3"), 3);
    assert_int_equal(number_of(&f, "helpdesk-answer@staging"), 1);
    snprintf(asked, sizeof asked, "helpdesk-answer@%.8s", hex);
    assert_int_equal(number_of(&f, asked), 1);
    snprintf(asked, sizeof asked, "helpdesk-answer@%s", hex);
    assert_int_equal(number_of(&f, asked), 1);
    snprintf(asked, sizeof asked, "helpdesk-answer@%.7s", hex); /* too short to be meant */
    assert_int_equal(number_of(&f, asked), -FAULT_NO_SUCH_VERSION);
    assert_int_equal(number_of(&f, "helpdesk-answer@4"), -FAULT_NO_SUCH_VERSION);
    assert_int_equal(number_of(&f, "helpdesk-answer@01"), -FAULT_NO_SUCH_VERSION);
    assert_int_equal(number_of(&f, "helpdesk-answer@"), -FAULT_NO_SUCH_VERSION);
    deployments_drop(f.d);
}

static void what_is_not_there_is_told(void **state) {
    (void)state;
    struct fixture f = fixture();
    struct deployment_choice c;
    struct error error;
    assert_int_equal(deployment_choose(f.d, SLICE("helpdesk-anwser"), &anna, &c, &error), FAULT_NO_SUCH_PROMPT);
    assert_non_null(strstr(error.text, "did you mean `helpdesk-answer`?"));
    assert_int_equal(deployment_choose(f.d, SLICE("other-thing"), &anna, &c, &error), FAULT_NO_SUCH_PROMPT);
    assert_null(strstr(error.text, "did you mean"));
    assert_int_equal(deployment_choose(NULL, SLICE("x"), &anna, &c, &error), FAULT_NO_SUCH_PROMPT);
    assert_non_null(strstr(error.text, "no prompt is registered"));
    f.prompt->production = NULL;
    assert_int_equal(deployment_choose(f.d, SLICE("helpdesk-answer"), &anna, &c, &error), FAULT_NO_SUCH_VERSION);
    assert_non_null(strstr(error.text, "in production yet"));
    assert_int_equal(number_of(&f, "helpdesk-answer@3"), 3);
    deployments_drop(f.d);
}

static void only_a_bare_name_is_rolled_out(void **state) {
    (void)state;
    struct fixture f = fixture();
    struct deployment_choice c;
    f.prompt->rollout = f.rollout;
    f.rollout->weight_ppm = 1000000;
    f.rollout->shadow_ppm = 1000000;
    assert_int_equal(deployment_choose(f.d, SLICE("helpdesk-answer"), &anna, &c, NULL), FAULT_NONE);
    assert_ptr_equal(c.version, f.v[2]);
    assert_int_equal(c.arm, ARM_CANDIDATE);
    assert_ptr_equal(c.rollout, f.rollout);
    assert_true(c.shadow);
    assert_int_equal(number_of(&f, "helpdesk-answer@production"), 3);
    static const char *const chosen[] = {"helpdesk-answer@2", "helpdesk-answer@3", "helpdesk-answer@staging"};
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(deployment_choose(f.d, slice_of(chosen[i]), &anna, &c, NULL), FAULT_NONE);
        assert_int_equal(c.arm, ARM_NONE);
        assert_null(c.rollout);
        assert_false(c.shadow);
    }
    f.rollout->weight_ppm = 0; /* the shadow stage: served as ever, and known to be under way */
    assert_int_equal(deployment_choose(f.d, SLICE("helpdesk-answer"), &anna, &c, NULL), FAULT_NONE);
    assert_ptr_equal(c.version, f.v[1]);
    assert_int_equal(c.arm, ARM_NONE);
    assert_ptr_equal(c.rollout, f.rollout);
    assert_true(c.shadow);
    deployments_drop(f.d);
}

static void arms_of_a_draw(void **state) {
    (void)state;
    assert_int_equal(deployment_arm(0.0499, 50000), ARM_CANDIDATE);
    assert_int_equal(deployment_arm(0.0501, 50000), ARM_CONTROL);
    assert_int_equal(deployment_arm(0.0999, 50000), ARM_CONTROL);
    assert_int_equal(deployment_arm(0.1001, 50000), ARM_REST);
    assert_int_equal(deployment_arm(0.74, 750000), ARM_CANDIDATE);
    assert_int_equal(deployment_arm(0.76, 750000), ARM_CONTROL); /* no more than there are */
    assert_int_equal(deployment_arm(0.999999, 750000), ARM_CONTROL);
    assert_int_equal(deployment_arm(0.999999, 1000000), ARM_CANDIDATE);
    assert_int_equal(deployment_arm(1e-9, 0), ARM_NONE);
}

enum { UNITS = 100000, CELLS = 100 };

static double draw_of(uint64_t salt, unsigned i) {
    char user[32];
    snprintf(user, sizeof user, "user-%u", i);
    struct deployed_rollout r = {.salt = salt, .sticky = STICKY_USER};
    return deployment_draw(&r, &(struct deployment_unit){.application = SLICE("app"), .user = slice_of(user)});
}

/* chi-square with 99 degrees of freedom: above 161 once in 10,000 tries; units and salts are fixed, so it never flickers */
static void draws_are_uniform(void **state) {
    (void)state;
    for (uint64_t salt = 1; salt <= 5; salt++) {
        unsigned counts[CELLS] = {0};
        double sum = 0;
        for (unsigned i = 0; i < UNITS; i++) {
            double u = draw_of(salt, i);
            assert_true(u > 0 && u < 1);
            counts[(unsigned)(u * CELLS)]++;
        }
        for (unsigned c = 0; c < CELLS; c++) {
            double apart = counts[c] - (double)UNITS / CELLS;
            sum += apart * apart / ((double)UNITS / CELLS);
        }
        assert_true(sum < 161);
    }
}

/* Ten by ten cells of the draws of the same units with two salts, next to each other as rollouts' may be: 81 degrees of freedom. */
static void salts_are_independent(void **state) {
    (void)state;
    static const uint64_t pairs[][2] = {{1, 2}, {7, 8}, {0, UINT64_MAX}, {1u << 20, 1u << 21}};
    for (unsigned p = 0; p < sizeof pairs / sizeof pairs[0]; p++) {
        unsigned counts[10][10] = {{0}};
        double sum = 0;
        for (unsigned i = 0; i < UNITS; i++) counts[(unsigned)(draw_of(pairs[p][0], i) * 10)][(unsigned)(draw_of(pairs[p][1], i) * 10)]++;
        for (unsigned a = 0; a < 100; a++) {
            double apart = counts[a / 10][a % 10] - UNITS / 100.0;
            sum += apart * apart / (UNITS / 100.0);
        }
        assert_true(sum < 164); /* 99 degrees, 1 in 20,000 */
    }
}

static void units_stay(void **state) {
    (void)state;
    struct deployed_rollout r = {.salt = 3, .sticky = STICKY_USER};
    struct deployment_unit a = {SLICE("app"), SLICE("anna"), SLICE("s1"), SLICE("r1")}, b = a;
    b.session = SLICE("s2");
    b.request = SLICE("r2");
    assert_true(deployment_draw(&r, &a) == deployment_draw(&r, &b)); /* the user, whatever session */
    a.user = b.user = SLICE_NULL;
    assert_true(deployment_draw(&r, &a) != deployment_draw(&r, &b)); /* without one its session */
    b.session = SLICE("s1");
    assert_true(deployment_draw(&r, &a) == deployment_draw(&r, &b));
    a.session = b.session = SLICE_NULL;
    assert_true(deployment_draw(&r, &a) != deployment_draw(&r, &b)); /* else each request */
    r.sticky = STICKY_SESSION;
    a.user = SLICE("anna"), b.user = SLICE("ben");
    a.session = b.session = SLICE("s1");
    assert_true(deployment_draw(&r, &a) == deployment_draw(&r, &b));
    r.sticky = STICKY_REQUEST;
    assert_true(deployment_draw(&r, &a) != deployment_draw(&r, &b));
    b = a;
    b.application = SLICE("other");
    assert_true(deployment_draw(&r, &a) != deployment_draw(&r, &b));
}

static void shadow_is_drawn_apart(void **state) {
    (void)state;
    struct fixture f = fixture();
    unsigned of[2][2] = {{0}}; /* candidate?, shadow? */
    f.prompt->rollout = f.rollout;
    f.rollout->weight_ppm = 500000;
    f.rollout->shadow_ppm = 200000;
    f.rollout->sticky = STICKY_REQUEST;
    for (unsigned i = 0; i < 20000; i++) {
        char request[16];
        struct deployment_choice c;
        snprintf(request, sizeof request, "r%u", i);
        struct deployment_unit who = {.application = SLICE("app"), .request = slice_of(request)};
        assert_int_equal(deployment_choose(f.d, SLICE("helpdesk-answer"), &who, &c, NULL), FAULT_NONE);
        of[c.arm == ARM_CANDIDATE][c.shadow]++;
    }
    for (unsigned arm = 0; arm < 2; arm++) { /* a fifth of each, within five standard errors */
        double n = of[arm][0] + of[arm][1];
        assert_true(fabs(of[arm][1] / n - 0.2) < 5 * sqrt(0.2 * 0.8 / n));
    }
    deployments_drop(f.d);
}

static void versions_are_shared(void **state) {
    (void)state;
    struct fixture f = fixture();
    struct served_version *kept = served_version_hold(f.v[0]);
    struct deployments *same = deployments_hold(f.d);
    deployments_drop(same);
    deployments_drop(f.d);
    assert_int_equal(kept->number, 1); /* outlives them */
    served_version_drop(kept);
    deployments_drop(NULL);
    served_version_drop(NULL);
}

static void a_broken_body_is_told(void **state) {
    (void)state;
    struct served_version *v = NULL;
    struct error error;
    assert_int_equal(served_version_new(4, SLICE_NULL, SLICE("{\"messages\":[{\"role\":\"king\",\"content\":\"x\"}]}"), &v, &error), FAULT_CORRUPT);
    assert_non_null(strstr(error.text, "version 4"));
    assert_int_equal(served_version_new(4, SLICE_NULL, SLICE("{"), &v, &error), FAULT_CORRUPT);
    assert_int_equal(served_version_new(4, SLICE_NULL, SLICE(""), &v, &error), FAULT_CORRUPT);
    assert_null(v);
}

int main(void) {
    if (!digest_start()) return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(versions_by_all_their_names), cmocka_unit_test(what_is_not_there_is_told),
        cmocka_unit_test(only_a_bare_name_is_rolled_out), cmocka_unit_test(arms_of_a_draw),
        cmocka_unit_test(draws_are_uniform),           cmocka_unit_test(salts_are_independent),
        cmocka_unit_test(units_stay),                  cmocka_unit_test(shadow_is_drawn_apart),
        cmocka_unit_test(versions_are_shared),         cmocka_unit_test(a_broken_body_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
