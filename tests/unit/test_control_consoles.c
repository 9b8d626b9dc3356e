/* The hub of consoles on a real server and real sockets, with a clock that stands: what is sent when, to whom, and how it ends. */
#include "test_io_server_rig.h"

#include "control/consoles.h"
#include "control/shared_answers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/resource.h>

#define QUARTER 250000
#define MOST 1000 /* connections */

struct hall {
    struct site *site;
    struct consoles *consoles;
    struct console_wish wish;
    unsigned checks;
    uint64_t asked; /* the console that was asked about last */
    bool answers, allowed;
};
static struct hall hall; /* of the test that runs */

static void open_one(void *ctx, struct http_request *r) {
    struct hall *h = ctx;
    struct api_request who = {.method = r->method, .path = r->path, .token = SLICE("t"), .peer = r->peer};
    consoles_open(h->consoles, h->site->loop, r, &h->wish, &who);
}

static void gone(void *ctx, struct http_request *r) {
    struct hall *h = ctx;
    consoles_gone(h->consoles, h->site->loop, r);
}

static void check(void *ctx, struct loop *l, const struct api_request *who, uint64_t number) {
    struct hall *h = ctx;
    assert_true(slice_is(who->token, "t") && slice_is(who->path, "/live"));
    h->checks++;
    h->asked = number;
    if (h->answers) consoles_checked(h->consoles, l, number, h->allowed); /* within its own tick, too */
}

static int hall_setup(void **state) {
    struct error error;
    struct http_server_options o = options();
    if (setup(state) != 0) return -1;
    struct site *s = *state;
    o.max_connections = MOST;
    o.idle_timeout_us = 3600 * 1000000LL;
    hall = (struct hall){.site = s, .consoles = consoles_new(1, NULL), .wish = {.topics = CONSOLE_ALERTS | CONSOLE_ROLLOUTS, .filter.status = -1},
                         .answers = true, .allowed = true};
    consoles_add_loop(hall.consoles, 0, s->loop);
    consoles_check_with(hall.consoles, check, &hall);
    http_server_free(s->server);
    s->handler = (struct http_handler){.ctx = &hall, .on_request = open_one, .on_gone = gone};
    s->server = http_server_new(s->loop, &o, &s->handler, &error);
    assert_non_null(s->server);
    reconnect(s);
    return 0;
}

static int hall_teardown(void **state) {
    int result = teardown(state);
    assert_int_equal(consoles_count(hall.consoles), 0); /* the server told of everybody's end */
    consoles_free(hall.consoles);
    return result;
}

static void listen_to(int fd) { rig_say(fd, "GET /live HTTP/1.1\r\nHost: a\r\n\r\n"); }

static void open_peer(struct site *s, unsigned topics) {
    hall.wish.topics = topics;
    listen_to(s->peer);
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "event: hello"));
}

static void pass(struct site *s, int64_t us) {
    for (; us > 0; us -= QUARTER) {
        clock_advance(QUARTER);
        rig_turns(s->loop, 6);
    }
    rig_turns(s->loop, 20);
    (void)rig_take(s->peer, &s->in);
}

static void settle(const char *application, unsigned n) {
    struct record r;
    record_init(&r);
    r.application = slice_of(application);
    r.model = SLICE("m");
    for (unsigned i = 0; i < n; i++) consoles_settled(hall.consoles, 0, &r);
}

static void changes_are_told_once_a_second(void **state) {
    struct site *s = *state;
    open_peer(s, CONSOLE_ALERTS | CONSOLE_ROLLOUTS);
    assert_true(rig_has(&s->in, "\"topics\":[\"alerts\",\"rollouts\"]") && rig_has(&s->in, "text/event-stream"));
    consoles_changed(hall.consoles, CONSOLE_ALERTS);
    pass(s, QUARTER);
    assert_int_equal(rig_count(&s->in, "event: changed"), 1);
    for (int i = 0; i < 3; i++) {
        consoles_changed(hall.consoles, CONSOLE_ROLLOUTS | CONSOLE_REVIEWS);
        consoles_changed(hall.consoles, CONSOLE_ALERTS);
        pass(s, QUARTER);
    }
    assert_int_equal(rig_count(&s->in, "event: changed"), 1);
    pass(s, QUARTER);
    assert_int_equal(rig_count(&s->in, "event: changed"), 2);
    assert_true(rig_has(&s->in, "{\"topics\":[\"alerts\",\"rollouts\"],\"at\":\"")); /* joined; never what it did not ask for */
    consoles_changed(hall.consoles, CONSOLE_REVIEWS | CONSOLE_RECORDS);
    pass(s, 2000000);
    assert_int_equal(rig_count(&s->in, "event: changed"), 2);
}

static void a_silent_stream_has_a_heart(void **state) {
    struct site *s = *state;
    open_peer(s, CONSOLE_ALERTS);
    pass(s, 14 * 1000000LL);
    assert_int_equal(rig_count(&s->in, ":\n\n"), 0);
    pass(s, 1000000);
    assert_int_equal(rig_count(&s->in, ":\n\n"), 1);
}

static void exchanges_are_filtered_and_sampled(void **state) {
    struct site *s = *state;
    settle("shop", 5); /* nobody listens: nothing is kept */
    hall.wish.filter.application = SLICE("shop");
    open_peer(s, CONSOLE_RECORDS);
    settle("shop", 2);
    settle("other", 300);
    pass(s, QUARTER);
    assert_int_equal(rig_count(&s->in, "event: exchange"), 2);
    settle("shop", 48);
    settle("other", 1000);
    pass(s, 1000000);
    assert_int_equal(rig_count(&s->in, "event: exchange"), LIMIT_CONSOLE_SHOWN);
    assert_true(rig_has(&s->in, "{\"seen\":50,\"shown\":20,\"skipped\":0,\"over_s\":1"));
    assert_int_equal(rig_count(&s->in, "event: sampled"), 1); /* only of a second in which some were left out */
    pass(s, 2000000);
    settle("shop", 1);
    pass(s, 1000000);
    assert_int_equal(rig_count(&s->in, "event: exchange"), LIMIT_CONSOLE_SHOWN + 1);
    assert_int_equal(rig_count(&s->in, "event: sampled"), 1);
    settle("other", 5000); /* more than a batch holds */
    pass(s, 1000000);
    assert_int_equal(rig_count(&s->in, "event: sampled"), 2);
    assert_false(rig_has(&s->in, "\"seen\":0,\"shown\":0,\"skipped\":0"));
}

/* What was shown, and what was told to be left out. */
static void counted(struct buffer *in, int *ret_shown, int *ret_left) {
    *ret_shown = rig_count(in, "event: exchange");
    *ret_left = 0;
    for (const char *at = buffer_text(in); (at = strstr(at, "{\"seen\":")) != NULL; at++) {
        int seen = 0, shown = 0;
        assert_int_equal(sscanf(at, "{\"seen\":%d,\"shown\":%d", &seen, &shown), 2);
        *ret_left += seen - shown;
    }
}

/* It loses exchanges, each of them counted, never memory, and no change. */
static void a_slow_console_is_sent_nothing(void **state) {
    struct site *s = *state;
    int n = 0;
    char id[600];
    memset(id, 'u', sizeof id - 1);
    id[sizeof id - 1] = '\0';
    open_peer(s, CONSOLE_RECORDS | CONSOLE_ALERTS);
    struct record r;
    record_init(&r);
    r.user = r.application = r.model = r.request_type = slice_make(id, LIMIT_LABEL);
    enum { EACH = 30, TIMES = 4000 };
    for (int i = 0; i < TIMES; i++) {
        for (int k = 0; k < EACH; k++) consoles_settled(hall.consoles, 0, &r);
        n += EACH;
        clock_advance(QUARTER);
        rig_turns(s->loop, 3);
    }
    consoles_changed(hall.consoles, CONSOLE_ALERTS);
    clock_advance(2000000);
    rig_turns(s->loop, 20);
    int shown = 0, left = 0;
    for (int i = 0; i < TURNS && shown + left < n; i++) { /* it reads again */
        size_t before = s->in.len;
        rig_turns(s->loop, 6);
        (void)rig_take(s->peer, &s->in);
        if (s->in.len > before) counted(&s->in, &shown, &left);
        if (i % 100 == 0) clock_advance(QUARTER);
    }
    assert_true(rig_has(&s->in, "event: changed"));
    assert_true(shown < TIMES * LIMIT_CONSOLE_SHOWN / CONSOLE_TICKS / 2); /* what the kernel holds, and LIMIT_CONSOLE_UNSENT */
    assert_int_equal(shown + left, n);
}

static void who_may_not_read_any_more_is_let_go(void **state) {
    struct site *s = *state;
    open_peer(s, CONSOLE_ALERTS);
    pass(s, 29 * 1000000LL);
    assert_int_equal(hall.checks, 0);
    pass(s, 1000000);
    assert_int_equal(hall.checks, 1);
    consoles_changed(hall.consoles, CONSOLE_PEOPLE);
    pass(s, QUARTER);
    assert_int_equal(hall.checks, 2);
    assert_int_equal(consoles_count(hall.consoles), 1);
    hall.allowed = false;
    consoles_changed(hall.consoles, CONSOLE_PEOPLE);
    pass(s, QUARTER);
    assert_true(rig_has(&s->in, "event: end\ndata: {\"reason\":\"whoever opened this may not read it any more"));
    assert_true(rig_has(&s->in, "\r\n0\r\n\r\n")); /* a whole answer */
    assert_int_equal(consoles_count(hall.consoles), 0);
    consoles_checked(hall.consoles, s->loop, hall.asked, true); /* a late word about who is gone */
}

static void what_nobody_can_say_is_no(void **state) {
    struct site *s = *state;
    hall.answers = false;
    open_peer(s, CONSOLE_ALERTS);
    pass(s, 89 * 1000000LL);
    assert_int_equal(consoles_count(hall.consoles), 1);
    pass(s, 1000000);
    assert_int_equal(consoles_count(hall.consoles), 0);
    assert_true(rig_has(&s->in, "event: end"));
}

static void there_is_room_for_so_many(void **state) {
    struct site *s = *state;
    struct rlimit limit;
    static int peers[LIMIT_CONSOLES];
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < 3 * LIMIT_CONSOLES) skip();
    for (unsigned i = 0; i < LIMIT_CONSOLES; i++) {
        peers[i] = rig_connect(http_server_port(s->server));
        listen_to(peers[i]);
    }
    RIG_WAIT(s->loop, consoles_count(hall.consoles) == LIMIT_CONSOLES);
    listen_to(s->peer);
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "too many consoles"));
    assert_true(rig_has(&s->in, "HTTP/1.1 503 ") && rig_has(&s->in, "retry-after: 5"));
    close(peers[0]);
    RIG_WAIT(s->loop, consoles_count(hall.consoles) == LIMIT_CONSOLES - 1);
    buffer_clear(&s->in);
    listen_to(s->peer);
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "event: hello"));
    for (unsigned i = 1; i < LIMIT_CONSOLES; i++) close(peers[i]);
    RIG_WAIT(s->loop, consoles_count(hall.consoles) == 1);
}

static void one_person_does_not_take_all_places(void **state) {
    struct site *s = *state;
    static int peers[LIMIT_CONSOLES_OF_ONE];
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    if (limit.rlim_cur < 3 * LIMIT_CONSOLES) skip();
    hall.wish.who = SLICE("vera");
    for (unsigned i = 0; i < LIMIT_CONSOLES_OF_ONE; i++) {
        peers[i] = rig_connect(http_server_port(s->server));
        listen_to(peers[i]);
    }
    RIG_WAIT(s->loop, consoles_count(hall.consoles) == LIMIT_CONSOLES_OF_ONE);
    listen_to(s->peer);
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "too many consoles open yourself"));
    assert_true(rig_has(&s->in, "HTTP/1.1 503 "));
    buffer_clear(&s->in);
    hall.wish.who = SLICE("olga");
    listen_to(s->peer);
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "event: hello"));
    close(peers[0]);
    RIG_WAIT(s->loop, consoles_count(hall.consoles) == LIMIT_CONSOLES_OF_ONE);
    hall.wish.who = SLICE("vera");
    peers[0] = rig_connect(http_server_port(s->server));
    listen_to(peers[0]);
    RIG_WAIT(s->loop, consoles_count(hall.consoles) == LIMIT_CONSOLES_OF_ONE + 1); /* one went, one may come */
    for (unsigned i = 0; i < LIMIT_CONSOLES_OF_ONE; i++) close(peers[i]);
    RIG_WAIT(s->loop, consoles_count(hall.consoles) == 1);
}

static void one_that_leaves_is_forgotten(void **state) {
    struct site *s = *state;
    open_peer(s, CONSOLE_RECORDS);
    settle("shop", 10);
    close(s->peer);
    s->peer = -1;
    clock_advance(QUARTER);
    RIG_WAIT(s->loop, consoles_count(hall.consoles) == 0);
    settle("shop", 10);
    clock_advance(QUARTER);
    rig_turns(s->loop, 10);
}

static void close_all(void *arg) {
    (void)arg;
    consoles_close(hall.consoles);
}

static void the_end_of_the_server(void **state) {
    struct site *s = *state;
    open_peer(s, CONSOLE_RECORDS | CONSOLE_ALERTS);
    settle("shop", 10);
    loop_defer(s->loop, close_all, NULL); /* between two turns of the rig the loop takes nothing */
    pass(s, QUARTER);
    assert_true(rig_has(&s->in, "this server is stopping"));
    assert_int_equal(consoles_count(hall.consoles), 0);
    reconnect(s);
    listen_to(s->peer);
    RIG_WAIT(s->loop, rig_took(s->peer, &s->in, "HTTP/1.1 503 "));
    settle("shop", 10);
    pass(s, QUARTER);
}

/* ---- several loops, each on its thread ---- */

enum { LOOPS = 3, ROUNDS = 60, BURST = 7 };
struct wing {
    struct loop *loop;
    struct http_server *server;
    struct http_handler handler;
    struct consoles *consoles;
    unsigned index;
    pthread_t thread;
    int peer;
    struct buffer in;
    atomic_uint turned;
};

static void wing_open(void *ctx, struct http_request *r) {
    struct wing *w = ctx;
    struct api_request who = {.peer = r->peer};
    consoles_open(w->consoles, w->loop, r, &(struct console_wish){.topics = CONSOLE_RECORDS | CONSOLE_ALERTS, .filter.status = -1}, &who);
}

static void wing_gone(void *ctx, struct http_request *r) {
    struct wing *w = ctx;
    consoles_gone(w->consoles, w->loop, r);
}

static void wing_settles(void *arg) {
    struct wing *w = arg;
    struct record r;
    record_init(&r);
    r.application = SLICE("shop");
    for (int i = 0; i < BURST; i++) consoles_settled(w->consoles, w->index, &r);
    atomic_fetch_add(&w->turned, 1);
}

static void wing_turns(void *arg) { atomic_fetch_add(&((struct wing *)arg)->turned, 1); }

static void *wing_main(void *arg) {
    loop_run(((struct wing *)arg)->loop);
    return NULL;
}

/* Each loop has done it, and has looked at the clock since. */
static void everywhere(struct wing *wings, void (*run)(void *arg)) {
    for (unsigned i = 0; i < LOOPS; i++) {
        unsigned before = atomic_load(&wings[i].turned);
        assert_true(loop_post(wings[i].loop, run, &wings[i]));
        while (atomic_load(&wings[i].turned) == before) clock_sleep_us(10);
    }
}

static void wing_start(struct wing *w, struct consoles *consoles, unsigned index) {
    struct http_server_options o = options();
    struct error error;
    *w = (struct wing){.consoles = consoles, .index = index, .loop = loop_new(&error)};
    o.idle_timeout_us = 3600 * 1000000LL;
    w->handler = (struct http_handler){.ctx = w, .on_request = wing_open, .on_gone = wing_gone};
    w->server = http_server_new(w->loop, &o, &w->handler, &error);
    assert_non_null(w->server);
    buffer_init(&w->in, 16 << 20);
    consoles_add_loop(consoles, index, w->loop);
    w->peer = rig_connect(http_server_port(w->server));
    assert_int_equal(pthread_create(&w->thread, NULL, wing_main, w), 0);
    listen_to(w->peer);
    while (!rig_took(w->peer, &w->in, "event: hello")) clock_sleep_us(100);
}

static void what_any_loop_settles_every_console_hears(void **state) {
    (void)state;
    static struct wing wings[LOOPS];
    struct shared_answers *answers = shared_answers_new();
    struct consoles *consoles = consoles_new(LOOPS, answers);
    for (unsigned i = 0; i < LOOPS; i++) wing_start(&wings[i], consoles, i);
    for (int round = 0; round < ROUNDS; round++) {
        everywhere(wings, wing_settles);
        consoles_changed(consoles, CONSOLE_ALERTS);
        clock_advance(QUARTER);
        everywhere(wings, wing_turns);
        everywhere(wings, wing_turns);
        for (unsigned i = 0; i < LOOPS; i++) (void)rig_take(wings[i].peer, &wings[i].in);
    }
    for (int i = 0; i < 12; i++) {
        clock_advance(QUARTER);
        everywhere(wings, wing_turns);
        everywhere(wings, wing_turns);
    }
    for (unsigned i = 0; i < LOOPS; i++)
        for (int shown = 0, left = 0; rig_take(wings[i].peer, &wings[i].in) && shown + left < LOOPS * BURST * ROUNDS; clock_sleep_us(1000))
            counted(&wings[i].in, &shown, &left);
    for (unsigned i = 0; i < LOOPS; i++) {
        int shown, left;
        counted(&wings[i].in, &shown, &left);
        assert_int_equal(shown + left, LOOPS * BURST * ROUNDS);
        assert_true(rig_count(&wings[i].in, "event: changed") >= ROUNDS / CONSOLE_TICKS);
    }
    close(wings[0].peer); /* one leaves by itself */
    consoles_close(consoles);
    while (consoles_count(consoles) > 0) clock_sleep_us(100);
    for (unsigned i = 0; i < LOOPS; i++) {
        loop_stop(wings[i].loop);
        pthread_join(wings[i].thread, NULL);
        http_server_free(wings[i].server);
        loop_free(wings[i].loop);
        buffer_deinit(&wings[i].in);
        if (i > 0) close(wings[i].peer);
    }
    consoles_free(consoles);
    shared_answers_free(answers);
}

static void paths_have_topics(void **state) {
    (void)state;
    assert_int_equal(console_topics_of(SLICE("/api/v1/silences/3/end")), CONSOLE_ALERTS | CONSOLE_AUDIT);
    assert_int_equal(console_topics_of(SLICE("/api/v1/prompts/greet/rollback")), CONSOLE_ROLLOUTS | CONSOLE_AUDIT);
    assert_int_equal(console_topics_of(SLICE("/api/v1/budgets/month")), CONSOLE_CONFIGURATION | CONSOLE_AUDIT); /* what is not listed */
    assert_true(console_topics_of(SLICE("/api/v1/session")) & CONSOLE_PEOPLE);
}

#define HALL(name) cmocka_unit_test_setup_teardown(name, hall_setup, hall_teardown)

int main(void) {
    clock_fake(1000000, 1790000000000000);
    const struct CMUnitTest tests[] = {
        HALL(changes_are_told_once_a_second),
        HALL(a_silent_stream_has_a_heart),
        HALL(exchanges_are_filtered_and_sampled),
        HALL(a_slow_console_is_sent_nothing),
        HALL(who_may_not_read_any_more_is_let_go),
        HALL(what_nobody_can_say_is_no),
        HALL(there_is_room_for_so_many),
        HALL(one_person_does_not_take_all_places),
        HALL(one_that_leaves_is_forgotten),
        HALL(the_end_of_the_server),
        cmocka_unit_test(what_any_loop_settles_every_console_hears),
        cmocka_unit_test(paths_have_topics),
    };
    return cmocka_run_group_tests_name("control/consoles", tests, NULL, NULL);
}
