/* The control thread: whoever asks whether we are alive does not wait for it. */
#include "test_io_server_rig.h"

#include "control/consoles.h"
#include "control/desk.h"

#include <stdatomic.h>

struct office {
    struct site *site;
    struct desk *desk;
    struct control_services services, urgent, door;
    bool ready;
    atomic_bool busy, release;
    atomic_int policies; /* how often the policy was asked for */
    struct consoles *consoles;
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

static void left(void *ctx, struct http_request *r) {
    struct office *o = ctx;
    if (o->consoles) consoles_gone(o->consoles, o->site->loop, r);
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
    o->urgent = o->door = o->services;
    o->desk = desk_new(&o->services, &o->urgent, &o->door);
    assert_non_null(o->desk);
    http_server_free(s->server);
    s->handler = (struct http_handler){.ctx = o, .on_request = take, .on_gone = left, .on_finished = finished};
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

/* ---- readers ---- */

struct clerk_rig {
    struct control_services services;
    atomic_bool wait; /* its next call takes until then */
    atomic_int calls;
};
static struct clerk_rig readers[2];
static struct {
    struct site *site;
    int peer;
    const char *words;
    atomic_bool *release; /* once the loop goes */
} wanted;

static struct policy *slow_policy(void *ctx) {
    struct clerk_rig *r = ctx;
    atomic_fetch_add(&r->calls, 1);
    while (atomic_load(&r->wait)) clock_sleep_us(100);
    return NULL;
}

static void until_awaited(void *arg) {
    struct site *s = wanted.site;
    if (wanted.release) atomic_store(wanted.release, false);
    if (rig_took(wanted.peer, &s->in, wanted.words)) loop_stop(s->loop);
    else loop_defer(s->loop, until_awaited, arg);
}

static void go_on_until(struct site *s, int peer, atomic_bool *release, const char *words) {
    wanted.site = s;
    wanted.peer = peer;
    wanted.words = words;
    wanted.release = release;
    loop_defer(s->loop, until_awaited, NULL);
    loop_run(s->loop);
}

static void quickly(struct site *s, const char *request, const char *words) {
    buffer_clear(&s->in);
    rig_say(s->peer, request);
    go_on_until(s, s->peer, NULL, words);
}

#define ASK(path) "GET /api/v1/" path " HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
#define ANSWERED "\"error\"" /* in its own words: there is no registry here */

static void begin_with_readers(struct office *o, struct site *s) {
    begin(o, s); /* the control thread is busy from now on */
    for (unsigned i = 0; i < 2; i++) {
        atomic_store(&readers[i].wait, false);
        atomic_store(&readers[i].calls, 0);
        readers[i].services = (struct control_services){.ctx = &readers[i], .policy = slow_policy};
        assert_true(desk_add_reader(o->desk, &readers[i].services));
    }
}

/* `reader` is at it, and it takes its time. */
static void begin_report(struct site *s, int peer, unsigned reader) {
    int before = atomic_load(&readers[reader].calls);
    atomic_store(&readers[reader].wait, true);
    rig_say(peer, ASK("keys"));
    RIG_WAIT(s->loop, atomic_load(&readers[reader].calls) > before);
}

static void end_report(struct site *s, int peer, unsigned reader) {
    buffer_clear(&s->in);
    go_on_until(s, peer, &readers[reader].wait, ANSWERED);
}

/* A report that takes its time holds up nobody; and what took long once leaves a reader to the others. */
static void a_report_holds_up_nobody(void **state) {
    struct site *s = *state;
    struct office o;
    begin_with_readers(&o, s);
    int peer = rig_connect(http_server_port(s->server));
    begin_report(s, peer, 1);
    for (int i = 0; i < 3; i++) quickly(s, ASK("budgets"), ANSWERED);
    assert_int_equal(atomic_load(&readers[0].calls), 3);
    clock_advance(10 * DESK_HEAVY_US); /* that long it took */
    end_report(s, peer, 1);
    begin_report(s, peer, 0); /* though the other one is as idle */
    for (int i = 0; i < 3; i++) quickly(s, ASK("budgets"), ANSWERED);
    assert_int_equal(atomic_load(&readers[1].calls), 4);
    end_report(s, peer, 0);
    assert_true(atomic_load(&o.busy) && !atomic_load(&o.release)); /* and what changes something was under way all the time */
    close(peer);
    end(&o);
}

/* Through the desk: a stream is begun on the loop, and the console is asked again when people may have changed. */
static void a_stream_is_handed_on(void **state) {
    struct site *s = *state;
    struct office o;
    begin_with_readers(&o, s);
    struct consoles *consoles = o.consoles = consoles_new(1, NULL);
    consoles_add_loop(consoles, 0, s->loop);
    desk_lend(o.desk, consoles);
    for (unsigned i = 0; i < 2; i++) readers[i].services.consoles = consoles;
    quickly(s, ASK("live?topics=alerts"), "event: hello");
    assert_true(rig_has(&s->in, "{\"topics\":[\"alerts\"],\"sampled\":false"));
    int calls = atomic_load(&readers[0].calls) + atomic_load(&readers[1].calls);
    consoles_changed(consoles, CONSOLE_ALERTS | CONSOLE_PEOPLE);
    clock_advance(1000000);
    go_on_until(s, s->peer, NULL, "event: changed");
    RIG_WAIT(s->loop, atomic_load(&readers[0].calls) + atomic_load(&readers[1].calls) > calls);
    assert_int_equal(consoles_count(consoles), 1);
    http_server_free(s->server);
    s->server = NULL;
    end(&o);
    rig_turns(s->loop, 10);
    consoles_free(consoles);
}

/* What hashes passwords waits for no report, and the console's files for nobody; each says what a browser may not do. */
static void a_sign_in_and_the_console_do_not_wait(void **state) {
    struct site *s = *state;
    struct office o;
    begin(&o, s);
    buffer_clear(&s->in);
    rig_say(s->peer, "POST /api/v1/session HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 29\r\n\r\n{\"name\":\"ada\",\"password\":\"x\"}");
    loop_defer(s->loop, until_refused, &o);
    loop_run(s->loop);
    assert_true(rig_has(&s->in, "content-security-policy: default-src 'none'; script-src 'self'") && rig_has(&s->in, "cache-control: no-store\r\n"));
    ask(s, "GET /prompts/x HTTP/1.1\r\nHost: a\r\n\r\n", "</html>");
    assert_true(rig_has(&s->in, "frame-ancestors 'none'") && rig_has(&s->in, "cache-control: no-cache\r\n") && !rig_has(&s->in, "no-store"));
    assert_true(atomic_load(&o.busy) && !atomic_load(&o.release));
    end(&o);
}

int main(void) {
    clock_fake(1000000, 1790000000000000);
    const struct CMUnitTest tests[] = {
        TEST(probes_are_answered_while_the_desk_is_busy),
        TEST(all_else_waits_for_the_desk),
        TEST(a_rollback_does_not_wait),
        TEST(a_report_holds_up_nobody),
        TEST(a_stream_is_handed_on),
        TEST(a_sign_in_and_the_console_do_not_wait),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
