/* The control thread: whoever asks whether we are alive does not wait for it. */
#include "test_io_server_rig.h"

#include "control/desk.h"

#include <stdatomic.h>

struct office {
    struct site *site;
    struct desk *desk;
    struct control_services services, urgent;
    bool ready;
    atomic_bool busy, release;
    atomic_int policies; /* how often the policy was asked for */
};

static void take(void *ctx, struct http_request *r) {
    struct office *o = ctx;
    desk_take(o->desk, o->site->loop, r);
}

static bool is_ready(void *ctx, const char **ret_why_not) {
    struct office *o = ctx;
    if (!o->ready) *ret_why_not = "the flight recorder is full";
    return o->ready;
}

static struct policy *no_policy(void *ctx) {
    atomic_fetch_add(&((struct office *)ctx)->policies, 1);
    return NULL;
}

/* A report that takes as long as the test wants. */
static void be_busy(void *arg) {
    struct office *o = arg;
    atomic_store(&o->busy, true);
    while (!atomic_load(&o->release)) clock_sleep_us(100);
}

static void nothing(void *ctx, struct http_request *r) {
    (void)ctx;
    (void)r;
}

static void finished(void *ctx, struct http_request *r, bool sent) {
    (void)ctx;
    (void)r;
    (void)sent;
}

static void begin(struct office *o, struct site *s) {
    struct http_server_options how = options();
    struct error error;
    *o = (struct office){.site = s, .ready = true};
    o->services = (struct control_services){.ctx = o, .ready = is_ready, .policy = no_policy};
    o->urgent = o->services;
    o->desk = desk_new(&o->services, &o->urgent, NULL);
    assert_non_null(o->desk);
    http_server_free(s->server);
    s->handler = (struct http_handler){.ctx = o, .on_request = take, .on_gone = nothing, .on_finished = finished};
    s->server = http_server_new(s->loop, &how, &s->handler, &error);
    assert_non_null(s->server);
    reconnect(s);
    assert_true(desk_run(o->desk, be_busy, o));
    while (!atomic_load(&o->busy)) clock_sleep_us(100);
}

static void end(struct office *o) {
    atomic_store(&o->release, true);
    desk_stop(o->desk);
    rig_turns(o->site->loop, 10);
    desk_free(o->desk);
}

static void probes_are_answered_while_the_desk_is_busy(void **state) {
    struct site *s = *state;
    struct office o;
    begin(&o, s);
    ask(s, "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n", "{\"status\":\"ok\"}");
    assert_true(rig_has(&s->in, "HTTP/1.1 200 OK\r\n"));
    ask(s, "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n", "\"ready\":true");
    o.ready = false;
    ask(s, "GET /readyz HTTP/1.1\r\nHost: a\r\n\r\n", "the flight recorder is full");
    assert_true(rig_has(&s->in, "HTTP/1.1 503 "));
    ask(s, "POST /healthz HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", "expected GET");
    assert_true(rig_has(&s->in, "HTTP/1.1 405 "));
    assert_int_equal(atomic_load(&o.policies), 0); /* it is behind a lock that a reload holds */
    end(&o);
}

/* A loop between two turns of the rig is one that has ended, to which nobody delivers: here it goes on until the answer is there. */
static void until_answered(void *arg) {
    struct office *o = arg;
    atomic_store(&o->release, true);
    if (rig_took(o->site->peer, &o->site->in, "HTTP/1.1 404 "))
        loop_stop(o->site->loop);
    else
        loop_defer(o->site->loop, until_answered, o);
}

static void all_else_waits_for_the_desk(void **state) {
    struct site *s = *state;
    struct office o;
    begin(&o, s);
    buffer_clear(&s->in);
    rig_say(s->peer, "GET /healthz/ HTTP/1.1\r\nHost: a\r\n\r\n");
    rig_turns(s->loop, 1000);
    assert_int_equal(s->in.len, 0);
    assert_false(rig_took(s->peer, &s->in, "HTTP/1.1"));
    loop_defer(s->loop, until_answered, &o);
    loop_run(s->loop);
    end(&o);
}

/* A rollback has a thread of its own: here it gets as far as being refused, as there is no registry. */
static void until_refused(void *arg) {
    struct office *o = arg;
    if (rig_took(o->site->peer, &o->site->in, "no registry"))
        loop_stop(o->site->loop);
    else
        loop_defer(o->site->loop, until_refused, o);
}

static void a_rollback_does_not_wait(void **state) {
    struct site *s = *state;
    struct office o;
    begin(&o, s);
    buffer_clear(&s->in);
    rig_say(s->peer, "POST /api/v1/prompts/greet/rollback HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 2\r\n\r\n{}");
    loop_defer(s->loop, until_refused, &o);
    loop_run(s->loop);
    assert_true(atomic_load(&o.busy) && !atomic_load(&o.release));
    end(&o);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(probes_are_answered_while_the_desk_is_busy),
        TEST(all_else_waits_for_the_desk),
        TEST(a_rollback_does_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
