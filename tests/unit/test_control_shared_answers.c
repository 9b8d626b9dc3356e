/* Answers that many may share: computed once, never from before a change, never across roles. */
#include "test_control_rig.h"

#include "control/consoles.h"
#include "control/shared_answers.h"

#include <pthread.h>
#include <stdatomic.h>

static struct api_response answer_of(const char *text, int status) {
    struct api_response a = {.status = status, .content_type = "application/json", .etag = "\"tag\""};
    buffer_init(&a.body, 1 << 20);
    buffer_append(&a.body, slice_of(text));
    return a;
}

struct guest {
    struct shared_waiter waiter;
    struct buffer got;
    unsigned times;
};

static void give(struct shared_waiter *w, const struct api_response *answer) {
    struct guest *g = (struct guest *)w;
    g->times++;
    buffer_append(&g->got, buffer_slice(&answer->body));
}

static void guest_init(struct guest *g) {
    *g = (struct guest){.waiter.give = give};
    buffer_init(&g->got, 1 << 20);
}

static void expect(struct shared_answers *s, const char *key, int64_t now, enum shared_result wanted, const char *text) {
    struct shared_entry *e = NULL;
    struct api_response got = answer_of("", 0);
    assert_int_equal(shared_answers_ask(s, shared_answers_change(s), slice_of(key), now, NULL, &got, &e), wanted);
    if (wanted == SHARED_GIVEN) assert_string_equal(buffer_text(&got.body), text);
    if (wanted == SHARED_COMPUTE) {
        struct api_response made = answer_of(text, 200);
        shared_answers_done(s, e, &made, now);
        buffer_deinit(&made.body);
    }
    buffer_deinit(&got.body);
}

static void given_for_a_second(void **state) {
    (void)state;
    struct shared_answers *s = shared_answers_new();
    expect(s, "a", 0, SHARED_COMPUTE, "one");
    expect(s, "a", LIMIT_SHARED_US - 1, SHARED_GIVEN, "one");
    expect(s, "b", 1, SHARED_COMPUTE, "other");
    expect(s, "a", LIMIT_SHARED_US, SHARED_COMPUTE, "two");
    expect(s, "a", LIMIT_SHARED_US, SHARED_GIVEN, "two");
    shared_answers_drop(s);
    expect(s, "a", LIMIT_SHARED_US, SHARED_COMPUTE, "three");
    uint64_t before = shared_answers_change(s);
    shared_answers_drop(s);
    struct shared_entry *e = NULL;
    struct api_response got = answer_of("", 0);
    /* who began before the change may know the former policy: it computes, and nobody else is given that */
    assert_int_equal(shared_answers_ask(s, before, SLICE("a"), LIMIT_SHARED_US, NULL, &got, &e), SHARED_ALONE);
    assert_null(e);
    expect(s, "a", LIMIT_SHARED_US, SHARED_COMPUTE, "four");
    buffer_deinit(&got.body);
    shared_answers_free(s);
}

static void waiters_are_given_it_once(void **state) {
    (void)state;
    struct shared_answers *s = shared_answers_new();
    struct shared_entry *e = NULL, *later = NULL, *none = NULL;
    struct guest early, late;
    struct api_response ret = answer_of("", 0), made = answer_of("old", 200), newer = answer_of("new", 200);
    guest_init(&early);
    guest_init(&late);
    assert_int_equal(shared_answers_ask(s, shared_answers_change(s), SLICE("a"), 0, &early.waiter, &ret, &e), SHARED_COMPUTE);
    assert_int_equal(shared_answers_ask(s, shared_answers_change(s), SLICE("a"), 9, &early.waiter, &ret, &none), SHARED_WAITS);
    expect(s, "a", 9, SHARED_ALONE, NULL); /* who cannot wait */
    shared_answers_drop(s);                /* a change: who asks now is not given what was begun before it */
    assert_int_equal(shared_answers_ask(s, shared_answers_change(s), SLICE("a"), 10, &late.waiter, &ret, &later), SHARED_COMPUTE);
    shared_answers_done(s, e, &made, 11);
    assert_int_equal(early.times, 1);
    assert_string_equal(buffer_text(&early.got), "old");
    assert_int_equal(shared_answers_ask(s, shared_answers_change(s), SLICE("a"), 12, &late.waiter, &ret, &none), SHARED_WAITS);
    shared_answers_done(s, later, &newer, 13);
    assert_int_equal(late.times, 1);
    assert_string_equal(buffer_text(&late.got), "new");
    expect(s, "a", 14, SHARED_GIVEN, "new");
    shared_answers_free(s);
    buffer_deinit(&early.got);
    buffer_deinit(&late.got);
    buffer_deinit(&ret.body);
    buffer_deinit(&made.body);
    buffer_deinit(&newer.body);
}

static void errors_and_giants_are_not_kept(void **state) {
    (void)state;
    struct shared_answers *s = shared_answers_new();
    struct shared_entry *e = NULL;
    struct api_response ret = answer_of("", 0), bad = answer_of("no", 500), giant = answer_of("", 200);
    assert_int_equal(shared_answers_ask(s, shared_answers_change(s), SLICE("a"), 0, NULL, &ret, &e), SHARED_COMPUTE);
    shared_answers_done(s, e, &bad, 0);
    assert_int_equal(shared_answers_ask(s, shared_answers_change(s), SLICE("a"), 0, NULL, &ret, &e), SHARED_COMPUTE);
    giant.body.max = 2 * LIMIT_SHARED_ANSWER;
    giant.body.len += buffer_reserve(&giant.body, LIMIT_SHARED_ANSWER + 1) != NULL ? LIMIT_SHARED_ANSWER + 1 : 0;
    shared_answers_done(s, e, &giant, 0);
    expect(s, "a", 0, SHARED_COMPUTE, "small");
    for (int i = 0; i < 2 * LIMIT_SHARED_ANSWERS; i++) { /* no room: each computes for itself */
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        expect(s, key, 1, i < LIMIT_SHARED_ANSWERS - 1 ? SHARED_COMPUTE : SHARED_ALONE, "x");
    }
    expect(s, "fresh", LIMIT_SHARED_US + 1, SHARED_COMPUTE, "y"); /* room again, a second later */
    shared_answers_free(s);
    buffer_deinit(&ret.body);
    buffer_deinit(&bad.body);
    buffer_deinit(&giant.body);
}

/* ---- many threads ---- */

enum { THREADS = 3, TURNS = 3000 };
struct crowd {
    struct shared_answers *s;
    atomic_int truth, said; /* said: what somebody was told of */
};

/* Each asks, changes now and then, and is never given what was true before a change that it knows of. */
static void *member(void *arg) {
    struct crowd *c = arg;
    for (int i = 0; i < TURNS; i++) {
        struct shared_entry *e = NULL;
        struct api_response ret = answer_of("", 0);
        char text[16];
        int known = atomic_load(&c->said);
        enum shared_result r = shared_answers_ask(c->s, shared_answers_change(c->s), i % 3 == 0 ? SLICE("a") : SLICE("b"), 0, NULL, &ret, &e);
        int64_t said = 0;
        if (r == SHARED_GIVEN && (!slice_to_i64(buffer_slice(&ret.body), &said) || said < known)) return c; /* from before a change */
        if (r == SHARED_COMPUTE) {
            snprintf(text, sizeof text, "%d", atomic_load(&c->truth));
            buffer_clear(&ret.body);
            buffer_append(&ret.body, slice_of(text));
            ret.status = 200;
            shared_answers_done(c->s, e, &ret, 0);
        }
        buffer_deinit(&ret.body);
        if (i % 50 != 0) continue;
        int now = atomic_fetch_add(&c->truth, 1) + 1; /* it is in force, then what was before is dropped, then it is said */
        shared_answers_drop(c->s);
        for (int was = atomic_load(&c->said); was < now && !atomic_compare_exchange_weak(&c->said, &was, now);) continue;
    }
    return NULL;
}

static void nobody_is_given_the_past(void **state) {
    (void)state;
    struct crowd c = {.s = shared_answers_new()};
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) assert_int_equal(pthread_create(&threads[i], NULL, member, &c), 0);
    for (int i = 0; i < THREADS; i++) {
        void *said = NULL;
        pthread_join(threads[i], &said);
        assert_null(said);
    }
    shared_answers_free(c.s);
}

/* ---- the API ---- */

static int as(struct desk *d, const char *token, const char *method, const char *target, const char *body) {
    struct slice known = d->q.if_none_match;
    d->q = (struct api_request){.token = slice_of(token), .peer = "10.0.0.1", .if_none_match = known, .may_be_shared = true};
    return desk_send(d, method, target, body);
}
#define ADA "admin-token-00000"
#define VERA "viewer-token-0000"

static unsigned computed(struct desk *d) {
    struct shared_stats stats;
    shared_answers_stats(d->s.shared, &stats);
    return (unsigned)stats.computed;
}

static void the_api_shares(void **state) {
    struct desk *d = *state;
    d->s.shared = shared_answers_new();
    d->s.consoles = consoles_new(1, d->s.shared);
    desk_configure(d, DESK_CONFIG DESK_TOKENS);
    assert_int_equal(as(d, ADA, "GET", "/api/v1/findings", ""), 200);
    assert_int_equal(computed(d), 1);
    char tag[40];
    snprintf(tag, sizeof tag, "%s", d->answer.etag);
    assert_int_equal(strlen(tag), 34);
    d->q = (struct api_request){.token = SLICE(ADA), .peer = "10.0.0.1"}; /* who does not say that a moment old will do */
    assert_int_equal(desk_send(d, "GET", "/api/v1/findings", ""), 200);
    assert_string_equal(d->answer.etag, "");
    assert_int_equal(computed(d), 1); /* told anew, and to nobody else */
    (void)as(d, ADA, "GET", "/api/v1/findings", "");
    assert_true(computed(d) == 1 && strcmp(d->answer.etag, tag) == 0);
    (void)as(d, ADA, "GET", "/api/v1/findings?limit=1", "");
    assert_int_equal(computed(d), 2);
    (void)as(d, VERA, "GET", "/api/v1/findings", ""); /* another role */
    assert_int_equal(computed(d), 3);
    d->q.if_none_match = slice_of(tag);
    (void)as(d, VERA, "GET", "/api/v1/findings", "");
    assert_true(d->answer.status == 304 && d->answer.body.len == 0);
    d->q.if_none_match = SLICE_NULL;
    (void)as(d, VERA, "GET", "/api/v1/keys", ""); /* not among those that are shared */
    assert_true(computed(d) == 3 && d->answer.etag[0] == '\0');
    EXPECT_STATUS(200, as(d, ADA, "POST", "/api/v1/silences", "{\"matchers\":\"rule=x\",\"lasts\":\"1h\",\"reason\":\"a test\"}"));
    (void)as(d, ADA, "GET", "/api/v1/findings", "");
    assert_int_equal(computed(d), 4); /* whatever was changed */
    consoles_free(d->s.consoles);
    shared_answers_free(d->s.shared);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given_for_a_second),
        cmocka_unit_test(waiters_are_given_it_once),
        cmocka_unit_test(errors_and_giants_are_not_kept),
        cmocka_unit_test(nobody_is_given_the_past),
        cmocka_unit_test_setup_teardown(the_api_shares, desk_setup, desk_teardown),
    };
    return cmocka_run_group_tests_name("control/shared_answers", tests, NULL, NULL);
}
