/* What is sent, what is tried again and when, and what its caller learns. */
#include "test_quality_gate_rig.h"

#include "base/money.h"

struct told {
    struct ask ask;
    int status, called;
    char reply[4096], detail[200], record[64], target[64];
};

static void done(struct ask *a) {
    struct told *t = (struct told *)a;
    t->called++;
    t->status = a->status;
    (void)snprintf(t->reply, sizeof t->reply, SLICE_FMT, SLICE_ARG(a->reply));
    (void)snprintf(t->detail, sizeof t->detail, "%s", a->detail);
    (void)snprintf(t->record, sizeof t->record, SLICE_FMT, SLICE_ARG(a->record));
    (void)snprintf(t->target, sizeof t->target, SLICE_FMT, SLICE_ARG(a->target));
}

static void send_one(struct gate *g, struct told *t) {
    t->called = 0;
    if (t->ask.path == NULL) t->ask.path = "/v1/chat/completions";
    t->ask.body = SLICE("{\"model\":\"m\"}");
    t->ask.feature = "eval";
    t->ask.done = done;
    asker_send(g->asker, &t->ask);
}

/* ---- what is sent ---- */

static bool has(const struct http_request *r, const char *name, const char *value) {
    struct slice v = http_request_header(r, name);
    return value != NULL ? slice_is(v, value) : slice_is_null(v);
}

static void play_headers(struct gate *g, struct http_request *r, struct gate_answer *a) {
    bool whole = g->asked == 1;
    assert_true(slice_is(r->path, whole ? "/v1/chat/completions" : "/v1/embeddings"));
    assert_true(slice_is(r->body, "{\"model\":\"m\"}"));
    assert_true(has(r, "content-type", "application/json"));
    assert_true(has(r, "authorization", "Bearer qd-test"));
    assert_true(has(r, "x-quarterdeck-feature", "eval"));
    assert_true(has(r, "x-quarterdeck-request-type", whole ? "summary" : NULL));
    assert_true(has(r, "x-quarterdeck-tags", whole ? "eval-run=run-1,eval-case=Grüße" : NULL));
    assert_true(has(r, "x-quarterdeck-once", whole ? "run-1.0.0" : NULL));
    assert_true(has(r, "x-quarterdeck-cache", whole ? "no-store" : NULL));
    assert_true(has(r, "x-quarterdeck-prompt", whole ? "helpdesk@3" : NULL)); /* of this request alone */
    gate_says(a, "\"hi\"", "0.000005");
}

static void sends_labels(void **state) {
    (void)state;
    static const char *const more[] = {"x-quarterdeck-prompt: helpdesk@3", NULL};
    struct gate g;
    struct told t = {.ask = {.request_type = "summary", .tags = "eval-run=run-1,eval-case=Grüße", .once = "run-1.0.0", .more = more}};
    struct told plain = {.ask = {.path = "/v1/embeddings", .may_cache = true}};
    gate_setup(&g, 4, play_headers);
    send_one(&g, &t);
    RIG_WAIT(g.loop, t.called);
    assert_int_equal(t.status, 200);
    assert_int_equal(t.ask.cost_nano, 5000);
    assert_string_equal(t.record, "01J00000000000000000000000");
    assert_string_equal(t.target, "main/gpt");
    assert_int_equal(t.ask.tries, 1);
    assert_int_equal(t.ask.latency_us, 0); /* the test's clock stands */
    assert_non_null(strstr(t.reply, "\"hi\""));
    send_one(&g, &plain);
    RIG_WAIT(g.loop, plain.called);
    assert_int_equal(plain.status, 200);
    gate_teardown(&g);
}

/* ---- the window ---- */

static void play_hold(struct gate *g, struct http_request *r, struct gate_answer *a) {
    (void)r;
    if (g->asked <= 3) a->status = -1;
    else gate_says(a, "\"late\"", NULL);
}

static void keeps_the_window(void **state) {
    (void)state;
    struct gate g;
    struct told t[6] = {{.called = 0}};
    gate_setup(&g, 3, play_hold);
    for (unsigned i = 0; i < 6; i++) {
        assert_int_equal(asker_room(g.asker), i < 3 ? 3 - i : 0);
        send_one(&g, &t[i]);
    }
    RIG_WAIT(g.loop, g.held == 3);
    rig_turns(g.loop, 200);
    assert_int_equal(g.asked, 3);
    http_respond(g.holds[0], 200, NULL, 0, SLICE("{}"));
    g.holds[0] = NULL;
    RIG_WAIT(g.loop, t[3].called && t[4].called && t[5].called); /* in the one place that came free */
    assert_int_equal(t[0].called + t[1].called + t[2].called, 1);
    assert_int_equal(t[5].ask.cost_nano, MONEY_UNKNOWN);
    assert_int_equal(asker_room(g.asker), 1);
    gate_teardown(&g); /* the two that are under way are given up */
    assert_int_equal(t[0].called + t[1].called + t[2].called, 1);
}

/* ---- trying again ---- */

struct script {
    int status;
    const char *code, *header, *value;
};

static void play_script(struct gate *g, struct http_request *r, struct gate_answer *a) {
    const struct script *s = (const struct script *)g->ctx + (g->asked - 1);
    (void)r;
    if (s->status == 200) gate_says(a, "\"at last\"", "0");
    else if (s->status > 0) gate_refuses(a, s->status, s->code, "no");
    if (s->header != NULL) gate_header(a, s->header, s->value);
}

/* Sends, and lets pauses pass: *ret_waited is the sum of what was asked to be waited. */
static void through(struct gate *g, struct told *t, const struct script *s, int64_t *ret_waited) {
    int64_t begin;
    gate_setup(g, 1, play_script);
    g->ctx = (void *)s;
    begin = clock_us();
    send_one(g, t);
    for (unsigned before = 0; t->called == 0;) {
        if (g->asked > before) {
            before = g->asked;
            rig_turns(g->loop, 300); /* its answer arrives */
        } else {
            clock_advance(250000);
            rig_turns(g->loop, 50);
        }
    }
    *ret_waited = clock_us() - begin;
}

static void tries_again(void **state) {
    (void)state;
    static const struct {
        struct script s[6];
        int status;
        unsigned tries;
        int64_t least_us, most_us;
    } rows[] = {
        {{{429, "rate_limited", NULL, NULL}, {429, "rate_limited", NULL, NULL}, {200}}, 200, 3, 3000000, 4500000},
        {{{429, "rate_limited", "retry-after", "20"}, {200}}, 200, 2, 20000000, 21000000},
        {{{503, "overloaded", NULL, NULL}, {200}}, 200, 2, 1000000, 2000000},
        {{{409, "conflict", "retry-after", "1"}, {409, "conflict", "retry-after", "1"}, {409, "conflict", "retry-after", "1"}, {200}}, 200, 4, 3000000, 5000000},
        {{{409, "conflict", NULL, NULL}}, 409, 1, 0, 900000},
        {{{0}, {200}}, 200, 2, 1000000, 2000000},
        {{{429, "budget_exceeded", NULL, NULL}}, 429, 1, 0, 900000},
        {{{429, "provider_quota", NULL, NULL}}, 429, 1, 0, 900000},
        {{{402, "approval_required", NULL, NULL}}, 402, 1, 0, 900000},
        {{{400, "context_length_exceeded", NULL, NULL}}, 400, 1, 0, 900000},
        {{{401, "invalid_api_key", NULL, NULL}}, 401, 1, 0, 900000},
        {{{503, "no_target_available", "x-quarterdeck-last-error", "provider_error"},
          {503, "no_target_available", "x-quarterdeck-last-error", "provider_reset"},
          {503, "no_target_available", "x-quarterdeck-last-error", "provider_error"}}, 503, ASK_TRIES, 3000000, 4500000},
        {{{503, "no_target_available", "x-quarterdeck-last-error", "provider_auth"}}, 503, 1, 0, 900000},
        {{{503, "no_target_available", "x-quarterdeck-last-error", "provider_rate_limited"},
          {503, "no_target_available", "x-quarterdeck-last-error", "provider_rate_limited"},
          {503, "no_target_available", "x-quarterdeck-last-error", "provider_rate_limited"},
          {503, "no_target_available", NULL, NULL}, {200}}, 200, 5, 15000000, 18000000},
        {{{503, "no_target_available", "retry-after", "2"}, {503, "no_target_available", "retry-after", "2"}, {503, "no_target_available", "retry-after", "2"},
          {503, "no_target_available", "retry-after", "2"}, {503, "no_target_available", "retry-after", "2"}, {503, "no_target_available", "retry-after", "2"}},
         503, ASK_TRIES_RESTING, 16000000, 18000000},
        {{{429, "rate_limited", "retry-after", "3600"}}, 429, 1, 0, 900000}, /* longer than patience */
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct gate g;
        struct told t = {.called = 0};
        int64_t waited;
        through(&g, &t, rows[i].s, &waited);
        if (t.status != rows[i].status || t.ask.tries != rows[i].tries || g.asked != rows[i].tries || waited < rows[i].least_us || waited > rows[i].most_us)
            fail_msg("row %u: status %d, %u tries, %u asked, waited %lld us", i, t.status, t.ask.tries, g.asked, (long long)waited);
        assert_int_equal(t.called, 1);
        gate_teardown(&g);
    }
}

static void play_never(struct gate *g, struct http_request *r, struct gate_answer *a) {
    (void)g;
    (void)r;
    (void)a; /* status 0 */
}

static void patience_ends(void **state) {
    (void)state;
    struct gate g;
    struct told t = {.called = 0};
    gate_setup(&g, 1, play_never);
    send_one(&g, &t);
    while (t.called == 0) {
        clock_advance(500000);
        rig_turns(g.loop, 60);
    }
    assert_int_equal(t.status, 0);
    assert_true(t.ask.unreachable);
    assert_true(t.detail[0] != 0);
    assert_true(t.ask.tries >= 5 && t.ask.tries <= 8); /* 1, 2, 4, 8, 16, 30, 30 s within 100 s */
    assert_int_equal(t.ask.latency_us, -1);
    gate_teardown(&g);
}

/* ---- what was asked in an earlier life ---- */

static void play_replay(struct gate *g, struct http_request *r, struct gate_answer *a) {
    (void)g;
    (void)r;
    gate_says(a, "\"again\"", "0");
    gate_header(a, "x-quarterdeck-cache", "once");
    gate_header(a, "x-quarterdeck-once-usd", "0.25");
    gate_header(a, "x-quarterdeck-once-us", "1234567");
}

static void replays_tell_of_the_first(void **state) {
    (void)state;
    struct gate g;
    struct told t = {.ask = {.once = "n"}};
    gate_setup(&g, 1, play_replay);
    send_one(&g, &t);
    RIG_WAIT(g.loop, t.called);
    assert_int_equal(t.ask.cost_nano, 250000000);
    assert_int_equal(t.ask.latency_us, 1234567);
    gate_teardown(&g);
}

static void refuses_an_address(void **state) {
    (void)state;
    struct error error;
    struct loop *l = loop_new(&error);
    assert_null(asker_new(l, &(struct asker_options){.url = "http://127.0.0.1:1", .concurrency = 0}, &error));
    assert_non_null(strstr(error.text, "cannot be the gateway's address"));
    loop_free(l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sends_labels),  cmocka_unit_test(keeps_the_window),          cmocka_unit_test(tries_again),
        cmocka_unit_test(patience_ends), cmocka_unit_test(replays_tell_of_the_first), cmocka_unit_test(refuses_an_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
