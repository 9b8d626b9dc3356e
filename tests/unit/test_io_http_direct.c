/* What only a client with its own framing and its own pool can get wrong. */
#include "test_io_client_rig.h"

#include "base/clock.h"

static void a_pause_on_the_last_byte_ends_all_the_same(void **state) {
    struct rig *r = *state;
    struct call c;
    call_init(&c, r);
    c.in_body = PAUSE;
    assert_non_null(start(r, &c, NULL, SLICE("x")));
    receive(r, "\r\n\r\nx");
    reply(r, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
    RIG_WAIT(r->loop, c.body.len == 3);
    rig_turns(r->loop, 20);
    assert_false(c.done);
    http_transfer_resume(c.t);
    RIG_WAIT(r->loop, c.done);
    assert_int_equal(c.result, HTTP_OK);
    call_deinit(&c);
}

/* Only an orderly close ends a body that lasts until the close. */
static void a_reset_cuts_a_body_without_length(void **state) {
    struct rig *r = *state;
    struct call c;
    struct linger hard = {1, 0};
    call_init(&c, r);
    assert_non_null(start(r, &c, NULL, SLICE("x")));
    receive(r, "\r\n\r\nx");
    reply(r, "HTTP/1.1 200 OK\r\n\r\nhalf of");
    RIG_WAIT(r->loop, c.body.len == 7);
    (void)setsockopt(r->up, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    hang_up(r);
    RIG_WAIT(r->loop, c.done);
    assert_int_equal(c.result, HTTP_CUT);
    call_deinit(&c);
}

/* Bytes that arrive on an idle connection in the very turn that would reuse it. */
static struct call *next_caller;

static void talk_out_of_turn(void *arg) {
    struct rig *r = arg;
    rig_say(r->up, "HTTP/1.1 408 Request Timeout\r\nContent-Length: 5\r\n\r\nstray");
    (void)!start(r, next_caller, NULL, SLICE("mine"));
}

static void stray_bytes_answer_nobody(void **state) {
    struct rig *r = *state;
    struct call a, b;
    call_init(&a, r);
    call_init(&b, r);
    assert_non_null(start(r, &a, NULL, SLICE("x")));
    receive(r, "\r\n\r\nx");
    reply(r, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    RIG_WAIT(r->loop, a.done);
    next_caller = &b;
    loop_defer(r->loop, talk_out_of_turn, r);
    int fd;
    RIG_WAIT(r->loop, rig_accept(r->listener, &fd)); /* a new connection */
    close(r->up);
    r->up = fd;
    receive(r, "\r\n\r\nmine");
    assert_int_equal(b.log.len, 0);
    reply(r, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ntrue");
    RIG_WAIT(r->loop, b.done);
    assert_string_equal(buffer_text(&b.body), "true");
    call_deinit(&a);
    call_deinit(&b);
}

/* A close long after the request did not cross it: the provider was at work, and a second request would be paid twice. */
static void a_late_close_is_not_tried_again(void **state) {
    struct rig *r = *state;
    struct call a, b;
    call_init(&a, r);
    call_init(&b, r);
    assert_non_null(start(r, &a, NULL, SLICE("x")));
    receive(r, "\r\n\r\nx");
    reply(r, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    RIG_WAIT(r->loop, a.done);
    assert_non_null(start(r, &b, NULL, SLICE("y")));
    receive(r, "\r\n\r\ny");
    clock_advance(2000000); /* the clock stands from here on: this test is the last */
    rig_turns(r->loop, 2);
    hang_up(r);
    RIG_WAIT(r->loop, b.done);
    assert_int_equal(b.result, HTTP_RESET);
    call_deinit(&a);
    call_deinit(&b);
}

/* All connections of the rig's client are taken by c[0..3], c[4..] wait. */
static void crowd(struct rig *r, struct call *c, unsigned n, int ups[4], const struct http_transfer_events *first) {
    for (unsigned i = 0; i < n; i++) {
        call_init(&c[i], r);
        c[i].t = http_transfer_start(r->route, NULL, i < 4 ? SLICE("x") : SLICE("z"), i == 0 ? first : &events, &c[i]);
        assert_non_null(c[i].t);
        if (i >= 4) continue;
        RIG_WAIT(r->loop, rig_accept(r->listener, &ups[i]));
        buffer_clear(&r->in);
        RIG_WAIT(r->loop, rig_took(ups[i], &r->in, "\r\n\r\nx"));
    }
    rig_turns(r->loop, 20);
}

static struct call *victim;

static void cancel_the_woken(void *ctx, struct http_transfer *t, enum http_result result, const char *detail) {
    on_done(ctx, t, result, detail);
    http_transfer_cancel(victim->t);
    victim->t = NULL;
}

/* The transfer that a free connection was given to is cancelled before its turn: the next one gets it. */
static void a_cancelled_waiter_wakes_the_next(void **state) {
    struct rig *r = *state;
    struct call c[6];
    int ups[4];
    const struct http_transfer_events first = {on_head, on_body, cancel_the_woken};
    crowd(r, c, 6, ups, &first);
    victim = &c[4];
    rig_say(ups[0], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    buffer_clear(&r->in);
    RIG_WAIT(r->loop, rig_took(ups[0], &r->in, "\r\n\r\nz"));
    rig_say(ups[0], "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    RIG_WAIT(r->loop, c[5].done);
    for (int i = 0; i < 6; i++) {
        if (c[i].t != NULL && !c[i].done) http_transfer_cancel(c[i].t);
        call_deinit(&c[i]);
    }
    for (int i = 0; i < 4; i++) close(ups[i]);
}

static void freeing_the_client_forgets_who_waits(void **state) {
    struct rig *r = *state;
    struct call *c = mem_new_array(struct call, 8);
    int ups[4], fd;
    crowd(r, c, 8, ups, &events);
    http_client_free(r->client);
    for (int i = 0; i < 8; i++) call_deinit(&c[i]);
    mem_free(c); /* the owner is gone too: the sanitizer sees who still calls it */
    rig_turns(r->loop, 200);
    assert_false(rig_accept(r->listener, &fd));
    r->client = http_client_new(r->loop, 4);
    r->route = route_to(r, "POST", "/");
    for (int i = 0; i < 4; i++) close(ups[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_pause_on_the_last_byte_ends_all_the_same),
        TEST(a_reset_cuts_a_body_without_length),
        TEST(stray_bytes_answer_nobody),
        TEST(a_cancelled_waiter_wakes_the_next),
        TEST(freeing_the_client_forgets_who_waits),
        TEST(a_late_close_is_not_tried_again),
    };
    return cmocka_run_group_tests_name("io/http_direct", tests, NULL, NULL);
}
