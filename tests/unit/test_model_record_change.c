/* What a record says of the change that its exchange was part of: rollout, arm, weights and documents. */
#include "model/record.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void round_trip(const struct record *r, const char *json) {
    struct arena arena;
    struct buffer out;
    struct record back;
    struct json_writer w;
    arena_init(&arena, 1024, 1 << 20);
    buffer_init(&out, 1 << 20);
    assert_true(record_encode(r, &out));
    assert_int_equal(out.at[0], 3); /* the version that has extras */
    assert_true(record_decode(buffer_slice(&out), &arena, &back));
    assert_int_equal(back.rollout, r->rollout);
    assert_int_equal(back.arm, r->arm);
    assert_int_equal(back.rollout_step, r->rollout_step);
    assert_true(slice_eq(back.knowledge, r->knowledge) && slice_is_null(back.knowledge) == slice_is_null(r->knowledge));
    buffer_clear(&out);
    json_start(&w, &out);
    record_write_json(&back, &w);
    if (strstr(buffer_text(&out), json) == NULL) fail_msg("%s", buffer_text(&out));
    buffer_deinit(&out);
    arena_deinit(&arena);
}

static void arms_and_documents(void **state) {
    (void)state;
    struct record r;
    record_init(&r);
    r.rollout = 12;
    r.rollout_step = 3;
    r.arm = ARM_CANDIDATE;
    r.knowledge = SLICE("handbook@4");
    round_trip(&r, "\"rollout\":12,\"arm\":\"candidate\",\"rollout_step\":3,\"knowledge\":\"handbook@4\",\"input_hash\":null}");
    r.knowledge = SLICE_NULL;
    r.arm = ARM_CONTROL;
    round_trip(&r, "\"rollout\":12,\"arm\":\"control\",\"rollout_step\":3,\"knowledge\":null,\"input_hash\":null}");
    r.arm = ARM_REST;
    round_trip(&r, "\"arm\":\"rest\"");
    r.arm = ARM_NONE; /* its shadow stage */
    r.rollout_step = 0;
    round_trip(&r, "\"rollout\":12,\"arm\":null,\"rollout_step\":0,");
    r.rollout = 0;
    r.knowledge = SLICE("handbook@4");
    round_trip(&r, "\"rollout\":null,\"arm\":null,\"rollout_step\":null,\"knowledge\":\"handbook@4\",\"input_hash\":null}");
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(arms_and_documents)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
