/* System texts from several loops at once to the one thread that groups them. */
#include "store/live_prompts.h"
#include "test_store_rig.h"
#include "wire_live.h"

#include "base/mem.h"

#include <pthread.h>
#include <sched.h>

enum { LOOPS = 3, TEXTS = 1500 };

static struct policy *policy_of(void *ctx) { return policy_hold(ctx); }

static void take(struct live_wire *w, unsigned loop, unsigned i) {
    struct record r;
    char text[256];
    record_init(&r);
    (void)snprintf(text, sizeof text, "You are the assistant of Acme. You talk to customer c%u%c%c and are to give a short answer.", loop, 'a' + i % 26, 'a' + i / 26 % 26);
    r.application = SLICE("support");
    r.time_us = 1763740803000000LL + i;
    digest_fast128(slice_of(text), r.system_prompt_hash);
    live_wire_take(w, &r, slice_of(text));
}

struct one_loop {
    struct live_wire *w;
    unsigned number;
};
static void *loop_main(void *arg) {
    const struct one_loop *l = arg;
    for (unsigned i = 0; i < TEXTS; i++) take(l->w, l->number, i);
    return NULL;
}

static void loops_at_once(void **state) {
    struct rig *rig = *state;
    struct ledger *ledger = rig_ledger(rig);
    struct policy *policy = policy_new();
    struct error error = {0};
    const struct change_sources s = {.ctx = policy, .policy = policy_of, .ledger = ledger, .data_dir = rig->dir};
    struct live_wire *w = live_wire_new(&s, &error);
    struct registry *r = registry_open(rig->dir, &error);
    struct arena arena;
    pthread_t threads[LOOPS];
    struct one_loop loops[LOOPS];
    unsigned n = 0;
    if (w == NULL || r == NULL) fail_msg("%s", error.text);
    take(w, 0, 0);
    assert_int_equal(live_wire_start(w, &error), FAULT_NONE);
    for (unsigned i = 0; i < LOOPS; i++) {
        loops[i] = (struct one_loop){w, i};
        assert_int_equal(pthread_create(&threads[i], NULL, loop_main, &loops[i]), 0);
    }
    for (unsigned i = 0; i < LOOPS; i++) pthread_join(threads[i], NULL);
    arena_init(&arena, 1 << 16, 1 << 24);
    for (struct live_group *groups; n == 0; sched_yield()) {
        arena_reset(&arena);
        assert_int_equal(live_groups(r, SLICE_NULL, &arena, &groups, &n, &error), FAULT_NONE);
    }
    live_wire_stop(w);
    live_wire_free(w);
    arena_deinit(&arena);
    registry_close(r);
    ledger_close(ledger);
    policy_drop(policy);
}

int main(void) {
    if (!digest_start()) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(loops_at_once, rig_setup, rig_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
