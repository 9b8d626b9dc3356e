/* The engine of a run against a gateway that the test plays: what is asked, what comes of each answer, what it may cost, when
 * it stops, and how another life goes on. Suites are read as people write them. */
#include "test_quality_run_rig.h"

/* Whose request it is, from its name. */
static void whose(const struct http_request *r, unsigned *case_at, unsigned *repeat) {
    char once[256];
    copy(once, sizeof once, http_request_header(r, "x-quarterdeck-once"));
    assert_int_equal(sscanf(once, "run-7.99.%u.%u", case_at, repeat), 2);
}

static bool is_judge(const struct http_request *r) { return slice_is(http_request_header(r, "x-quarterdeck-feature"), "eval-judge"); }

/* ---- what is asked, and what is checked ---- */

static void play_plain(struct gate *g, struct http_request *r, struct gate_answer *a) {
    struct world *w = g->ctx;
    unsigned c, k;
    whose(r, &c, &k);
    assert_int_equal(c * 2 + k, g->asked - 1); /* one after the other: repeats near each other */
    w->seen[c * 2 + k]++;
    assert_true(slice_is(http_request_header(r, "x-quarterdeck-tags"), c == 0 ? "eval-run=run-7,eval-case=Grüße_ a=b" : "eval-run=run-7,eval-case=two"));
    assert_true(slice_is(http_request_header(r, "x-quarterdeck-feature"), "eval"));
    assert_true(slice_is(http_request_header(r, "x-quarterdeck-request-type"), "summary"));
    assert_true(slice_is(http_request_header(r, "x-quarterdeck-cache"), "no-store"));
    assert_true(slice_contains(r->body, c == 0 ? SLICE("\"content\":\"Say \\\"Ω\\\"\\n{{not}}\"") : SLICE("\"content\":\"Say two\"")));
    assert_true(slice_contains(r->body, SLICE("\"model\":\"m\"")));
    gate_says(a, k == 0 ? "\"yes, 日本\"" : "\"no\"", "0.000001");
}

static void asks_and_checks(void **state) {
    (void)state;
    struct world w;
    setup(&w,
          "suite: s\nmodel: m\nrepeat: 2\nrequest_type: summary\nmessages: [{role: user, content: \"Say {{what}}\"}]\n"
          "checks: [{type: icontains, value: yes}]\n"
          "cases:\n  - {id: \"Grüße, a=b\", vars: {what: \"\\\"Ω\\\"\\n{{not}}\"}, checks: [{type: equals, value: \"yes, 日本\", weight: 3}]}\n"
          "  - {id: two, vars: {what: two}}\n",
          1, play_plain);
    go(&w);
    assert_string_equal(w.stopped, "");
    assert_int_equal(w.n_kept, 4);
    assert_int_equal(w.g.asked, 4);
    struct kept *k = of(&w, 0, 0);
    assert_int_equal(k->verdict, CHECK_PASS);
    assert_int_equal(k->n_checks, 2);
    assert_string_equal(k->output, "yes, 日本");
    assert_int_equal(k->cost, 1000);
    assert_int_equal(k->judge_cost, 0);
    assert_int_equal(k->input, 3);
    assert_string_equal(k->record, "01J00000000000000000000000");
    assert_string_equal(k->target, "main/gpt");
    assert_string_equal(k->finish, "stop");
    assert_string_equal(k->error, "");
    assert_int_equal(of(&w, 0, 1)->verdict, CHECK_FAIL);
    assert_int_equal(of(&w, 1, 0)->verdict, CHECK_PASS);
    assert_int_equal(of(&w, 1, 1)->verdict, CHECK_FAIL);
    teardown(&w);
}

/* ---- failures ---- */

static void play_half(struct gate *g, struct http_request *r, struct gate_answer *a) {
    unsigned c, k;
    (void)g;
    whose(r, &c, &k);
    switch (c) {
    case 0: gate_says(a, "\"good\"", "0"); break;
    case 1: gate_refuses(a, 400, "context_length_exceeded", "too long by \\\"far\\\""); break;
    case 2: a->status = 200; (void)snprintf(a->body, sizeof a->body, "<html>"); break;
    case 3: a->status = 404; (void)snprintf(a->body, sizeof a->body, "nothing here"); break;
    case 4: gate_refuses(a, 503, "no_target_available", "all failed"); gate_header(a, "x-quarterdeck-last-error", "provider_error"); break;
    default: gate_says(a, "\"bad\"", "0"); break;
    }
}

static void errors_are_no_failures(void **state) {
    (void)state;
    struct world w;
    setup(&w,
          "suite: s\nmodel: m\nmessages: [{role: user, content: \"{{input}}\"}]\nchecks: [{type: equals, value: good}]\n"
          "cases: [{input: a}, {input: b}, {input: c}, {input: d}, {input: e}, {input: f}]\n",
          4, play_half);
    go(&w);
    assert_string_equal(w.stopped, "");
    assert_int_equal(w.n_kept, 6);
    assert_int_equal(of(&w, 0, 0)->verdict, CHECK_PASS);
    for (unsigned i = 1; i < 5; i++) {
        assert_int_equal(of(&w, i, 0)->verdict, CHECK_ERROR);
        assert_int_equal(of(&w, i, 0)->n_checks, 0);
    }
    assert_string_equal(of(&w, 1, 0)->error, "context_length_exceeded: too long by \"far\"");
    assert_non_null(strstr(of(&w, 2, 0)->error, "provider_malformed: "));
    assert_string_equal(of(&w, 3, 0)->error, "http_404: nothing here");
    assert_string_equal(of(&w, 4, 0)->error, "no_target_available: all failed");
    assert_int_equal(of(&w, 5, 0)->verdict, CHECK_FAIL);
    assert_string_equal(of(&w, 5, 0)->error, "");
    teardown(&w);
}

static void play_end(struct gate *g, struct http_request *r, struct gate_answer *a) {
    (void)r;
    if (g->asked == 1) gate_says(a, "\"good\"", "0");
    else gate_refuses(a, 429, "budget_exceeded", "team growth");
}

static void stops_when_it_has_no_use(void **state) {
    (void)state;
    struct world w;
    setup(&w, "suite: s\nmodel: m\nrepeat: 5\nmessages: [{role: user, content: \"{{input}}\"}]\ncases: [{input: a}, {input: b}]\n", 2, play_end);
    go(&w);
    assert_string_equal(w.stopped, "budget_exceeded: team growth");
    assert_true(run_is_cut_off(w.run));
    assert_int_equal(w.n_kept, 1); /* the others are asked in another life */
    assert_true(w.g.asked <= 3);
    teardown(&w);
}

static void play_nobody(struct gate *g, struct http_request *r, struct gate_answer *a) {
    (void)g;
    (void)r;
    (void)a;
}

static void stops_without_a_gateway(void **state) {
    (void)state;
    struct world w;
    setup(&w, "suite: s\nmodel: m\nmessages: [{role: user, content: x}]\ncases: [{id: a}, {id: b}]\n", 1, play_nobody);
    go(&w);
    assert_non_null(strstr(w.stopped, "the gateway cannot be reached: no_answer: "));
    assert_int_equal(w.n_kept, 0);
    teardown(&w);
}

static void play_never(struct gate *g, struct http_request *r, struct gate_answer *a) {
    (void)g;
    (void)r;
    (void)a;
    fail_msg("nothing was to be asked");
}

static void tells_of_what_cannot_be_asked(void **state) {
    (void)state;
    static const char *const prompt = "prompt: other\nmodel: m\nmessages: [{role: user, content: \"{{unknown}}\"}]\n";
    struct world w;
    struct prompt p;
    struct problems problems = {0};
    setup(&w, "suite: s\nmodel: m\nmessages: [{role: user, content: x}]\ncases: [{id: a}, {id: b}]\n", 1, play_never);
    assert_int_equal(prompt_read_file(slice_of(prompt), "p.yaml", NULL, &w.arena, &p, &problems), FAULT_NONE);
    w.o.prompt = &p;
    go(&w);
    assert_int_equal(w.n_kept, 2);
    assert_int_equal(of(&w, 1, 0)->verdict, CHECK_ERROR);
    assert_non_null(strstr(of(&w, 1, 0)->error, "unknown"));
    teardown(&w);
}

/* ---- money ---- */

static void play_quarter(struct gate *g, struct http_request *r, struct gate_answer *a) {
    (void)g;
    (void)r;
    gate_says(a, "\"good\"", "0.25");
}

#define MANY "suite: s\nmodel: m\nrepeat: 40\nmessages: [{role: user, content: x}]\ncases: [{id: a}]\n"

static void keeps_to_its_cap(void **state) {
    (void)state;
    static const unsigned at_once[] = {1, 2, 4, 8};
    for (unsigned i = 0; i < 4; i++) {
        struct world w;
        setup(&w, MANY, at_once[i], play_quarter);
        w.o.max_cost_nano = 2500000000; /* ten of them */
        go(&w);
        assert_non_null(strstr(w.stopped, "the cap on cost of USD 2.5"));
        assert_true(w.n_kept >= 10 && w.n_kept < 10 + at_once[i]);
        assert_int_equal(w.n_kept, w.g.asked);
        teardown(&w);
    }
}

static void counts_earlier_lives(void **state) {
    (void)state;
    struct world w;
    setup(&w, MANY, 1, play_quarter);
    w.o.max_cost_nano = 2500000000;
    make(&w);
    for (unsigned k = 0; k < 8; k++) run_skip(w.run, 0, k, 250000000);
    run_skip(w.run, 0, 3, 250000000); /* told twice: counts once */
    run_skip(w.run, 7, 0, 250000000); /* no such case */
    run_start(w.run);
    finish(&w);
    assert_int_equal(w.n_kept, 2);
    assert_int_equal(w.kept[0].repeat, 8);
    teardown(&w);
}

static void play_unpriced(struct gate *g, struct http_request *r, struct gate_answer *a) {
    (void)g;
    (void)r;
    gate_says(a, "\"good\"", NULL);
}

static void a_cap_needs_prices(void **state) {
    (void)state;
    struct world w;
    setup(&w, MANY, 1, play_unpriced);
    w.o.max_cost_nano = 2500000000;
    go(&w);
    assert_non_null(strstr(w.stopped, "is not known (main/gpt), so the cap on cost cannot be kept"));
    assert_int_equal(w.n_kept, 1);
    assert_int_equal(w.kept[0].cost, MONEY_UNKNOWN);
    teardown(&w);
    setup(&w, MANY, 4, play_unpriced); /* without a cap nobody minds */
    go(&w);
    assert_string_equal(w.stopped, "");
    assert_int_equal(w.n_kept, 40);
    teardown(&w);
}

/* ---- judges ---- */

static void play_judged(struct gate *g, struct http_request *r, struct gate_answer *a) {
    unsigned c, k;
    whose(r, &c, &k);
    if (!is_judge(r)) {
        gate_says(a, c == 0 ? "\"kind\"" : c == 1 ? "\"rude\"" : "\"odd\"", "0.001");
        return;
    }
    assert_true(slice_contains(r->body, SLICE("\"large\"")));
    assert_true(slice_ends(http_request_header(r, "x-quarterdeck-once"), SLICE(".j1.0")));
    assert_true(slice_starts(http_request_header(r, "x-quarterdeck-tags"), SLICE("eval-run=run-7,")));
    if (c == 2) gate_says(a, "\"I would say it is rather good!\"", "0.01");
    else if (c == 3) gate_refuses(a, 400, "content_policy_violation", "no");
    else gate_says(a, c == 0 ? "\"{\\\"reason\\\":\\\"warm\\\",\\\"verdict\\\":\\\"pass\\\"}\"" : "\"{\\\"reason\\\":\\\"cold\\\",\\\"verdict\\\":\\\"fail\\\"}\"", "0.01");
    (void)g;
}

static void judges_are_asked(void **state) {
    (void)state;
    struct world w;
    setup(&w,
          "suite: s\nmodel: m\nmessages: [{role: user, content: \"{{input}}\"}]\njudges: {tone: {model: large, scale: binary, rubric: is it kind}}\n"
          "checks: [{type: word-count, max: 5}, {type: judge}]\ncases: [{input: a}, {input: b}, {input: c}, {input: d}]\n",
          2, play_judged);
    go(&w);
    assert_int_equal(w.n_kept, 4);
    assert_int_equal(of(&w, 0, 0)->verdict, CHECK_PASS);
    assert_int_equal(of(&w, 0, 0)->cost, 1000000);
    assert_int_equal(of(&w, 0, 0)->judge_cost, 10000000);
    assert_int_equal(of(&w, 1, 0)->verdict, CHECK_FAIL);
    assert_int_equal(of(&w, 2, 0)->verdict, CHECK_ERROR); /* prose is no verdict, and never a pass */
    assert_int_equal(of(&w, 2, 0)->checks[0], CHECK_PASS);
    assert_int_equal(of(&w, 2, 0)->checks[1], CHECK_ERROR);
    assert_non_null(strstr(of(&w, 2, 0)->error, "check_error: judge: "));
    assert_int_equal(of(&w, 3, 0)->verdict, CHECK_ERROR);
    assert_non_null(strstr(of(&w, 3, 0)->error, "content_policy_violation"));
    assert_int_equal(of(&w, 3, 0)->judge_cost, MONEY_UNKNOWN); /* it was not said */
    assert_int_equal(w.g.asked, 8);
    teardown(&w);
}

/* ---- repeats ---- */

static void play_repeats(struct gate *g, struct http_request *r, struct gate_answer *a) {
    unsigned c, k;
    (void)g;
    whose(r, &c, &k);
    if (c == 0) gate_says(a, k < 2 ? "\"It costs 7 EUR.\"" : "\"it costs 8 EUR.\"", "0.25");
    else if (k == 1) gate_refuses(a, 400, "context_length_exceeded", "no");
    else gate_says(a, "\"Yes.\"", "0.25");
}

#define AGREE "suite: s\nmodel: m\nrepeat: 3\nmessages: [{role: user, content: x}]\nchecks: [{type: consistent}]\ncases: [{id: a}, {id: b}]\n"

static void repeats_are_compared(void **state) {
    (void)state;
    struct world w;
    setup(&w, AGREE, 2, play_repeats);
    go(&w);
    assert_int_equal(w.n_kept, 6);
    assert_true(of(&w, 0, 0)->scores[0] == 0.5 && of(&w, 0, 1)->scores[0] == 0.5 && of(&w, 0, 2)->scores[0] == 0); /* numbers differ */
    assert_int_equal(of(&w, 0, 0)->verdict, CHECK_FAIL);
    assert_string_equal(of(&w, 0, 0)->reasons[0], "mean agreement with 2 other answers: 0.500");
    assert_int_equal(of(&w, 1, 0)->verdict, CHECK_PASS);
    assert_int_equal(of(&w, 1, 1)->verdict, CHECK_ERROR); /* it has no answer */
    assert_string_equal(of(&w, 1, 2)->reasons[0], "mean agreement with 1 other answer: 1.000");
    teardown(&w);
}

static void repeats_of_an_earlier_life_count(void **state) {
    (void)state;
    struct world w;
    setup(&w, AGREE, 2, play_repeats);
    make(&w);
    run_skip_answer(w.run, 0, 0, SLICE("It costs 7 EUR."));
    run_skip(w.run, 0, 0, 0);
    run_skip(w.run, 0, 2, 0);
    run_skip_answer(w.run, 0, 2, SLICE("IT COSTS 7 EUR."));
    for (unsigned k = 0; k < 3; k++) run_skip(w.run, 1, k, 0);
    run_start(w.run);
    finish(&w);
    assert_int_equal(w.n_kept, 1);
    assert_int_equal(w.g.asked, 1);
    assert_true(of(&w, 0, 1)->scores[0] == 1);
    teardown(&w);
}

static void stopped_repeats_are_told(void **state) {
    (void)state;
    struct world w;
    setup(&w, AGREE, 1, play_repeats);
    w.o.max_cost_nano = 500000000; /* two answers of the first case */
    go(&w);
    assert_int_equal(w.n_kept, 2); /* what was paid is told, compared with what there is */
    assert_true(of(&w, 0, 0)->scores[0] == 1);
    assert_non_null(strstr(w.stopped, "cap on cost"));
    assert_false(run_is_cut_off(w.run));
    teardown(&w);
}

/* ---- the rest ---- */

static void play_sorry(struct gate *g, struct http_request *r, struct gate_answer *a) {
    (void)g;
    (void)r;
    gate_says(a, "\"I'm sorry, but I can't help with that.\"", "0");
}

static void refusals_are_seen(void **state) {
    (void)state;
    struct world w;
    setup(&w, "suite: s\nmodel: m\nmessages: [{role: user, content: x}]\ncases: [{id: a}, {id: b, checks: [{type: is-refusal}]}]\n", 1, play_sorry);
    go(&w);
    assert_true(of(&w, 0, 0)->refused);
    assert_int_equal(of(&w, 0, 0)->verdict, CHECK_PASS); /* nothing was asked of it */
    assert_false(of(&w, 1, 0)->refused);                 /* it was wanted */
    assert_int_equal(of(&w, 1, 0)->verdict, CHECK_PASS);
    teardown(&w);
}

static void play_tool(struct gate *g, struct http_request *r, struct gate_answer *a) {
    (void)g;
    (void)r;
    a->status = 200;
    (void)snprintf(a->body, sizeof a->body,
                   "{\"id\":\"x\",\"object\":\"chat.completion\",\"model\":\"g\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":null,"
                   "\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":{\"name\":\"refund\",\"arguments\":\"{\\\"order\\\":7}\"}}]},"
                   "\"finish_reason\":\"tool_calls\"}]}");
}

static void tools_are_kept(void **state) {
    (void)state;
    struct world w;
    setup(&w, "suite: s\nmodel: m\nmessages: [{role: user, content: x}]\ncases: [{id: a, checks: [{type: tool-call, name: refund, arguments: {order: 7}}]}]\n", 1, play_tool);
    go(&w);
    assert_int_equal(of(&w, 0, 0)->verdict, CHECK_PASS);
    assert_string_equal(of(&w, 0, 0)->output, "");
    assert_string_equal(of(&w, 0, 0)->calls, "[{\"name\":\"refund\",\"arguments\":\"{\\\"order\\\":7}\"}]");
    assert_int_equal(of(&w, 0, 0)->input, -1);
    teardown(&w);
}

static void filtered_and_done_are_not_asked(void **state) {
    (void)state;
    static const uint8_t chosen[] = {0, 1, 0}, none[] = {0, 0, 0};
    struct world w;
    const char *yaml = "suite: s\nmodel: m\nrepeat: 3\nmessages: [{role: user, content: x}]\ncases: [{id: a}, {id: b}, {id: c}]\n";
    setup(&w, yaml, 2, play_quarter);
    w.o.chosen = chosen;
    make(&w);
    run_skip(w.run, 1, 1, 0);
    run_start(w.run);
    finish(&w);
    assert_int_equal(w.n_kept, 2);
    assert_int_equal(of(&w, 1, 0)->verdict, CHECK_PASS);
    assert_int_equal(of(&w, 1, 2)->verdict, CHECK_PASS);
    teardown(&w);
    setup(&w, yaml, 2, play_never);
    w.o.chosen = none;
    go(&w);
    assert_string_equal(w.stopped, "");
    teardown(&w);
}

static void play_until_stopped(struct gate *g, struct http_request *r, struct gate_answer *a) {
    struct world *w = g->ctx;
    (void)r;
    gate_says(a, "\"good\"", "0");
    if (g->asked == 5) run_stop(w->run, "enough");
}

static void a_person_stops_it(void **state) {
    (void)state;
    struct world w;
    setup(&w, MANY, 2, play_until_stopped);
    go(&w);
    assert_string_equal(w.stopped, "enough");
    assert_int_equal(w.n_kept, w.g.asked); /* what is under way ends */
    assert_true(w.n_kept >= 5 && w.n_kept <= 6);
    teardown(&w);
    setup(&w, MANY, 2, play_never);
    make(&w);
    run_stop(w.run, "before it began");
    run_start(w.run);
    finish(&w);
    assert_string_equal(w.stopped, "before it began");
    teardown(&w);
}

static void play_hold(struct gate *g, struct http_request *r, struct gate_answer *a) {
    (void)g;
    (void)r;
    a->status = -1;
}

static void it_is_freed_half_way(void **state) {
    (void)state;
    struct world w;
    setup(&w, AGREE, 2, play_hold);
    make(&w);
    run_start(w.run);
    RIG_WAIT(w.g.loop, w.g.held == 2);
    teardown(&w);
    assert_int_equal(w.n_kept + w.ended, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(asks_and_checks),
        cmocka_unit_test(errors_are_no_failures),
        cmocka_unit_test(stops_when_it_has_no_use),
        cmocka_unit_test(stops_without_a_gateway),
        cmocka_unit_test(tells_of_what_cannot_be_asked),
        cmocka_unit_test(keeps_to_its_cap),
        cmocka_unit_test(counts_earlier_lives),
        cmocka_unit_test(a_cap_needs_prices),
        cmocka_unit_test(judges_are_asked),
        cmocka_unit_test(repeats_are_compared),
        cmocka_unit_test(repeats_of_an_earlier_life_count),
        cmocka_unit_test(stopped_repeats_are_told),
        cmocka_unit_test(refusals_are_seen),
        cmocka_unit_test(tools_are_kept),
        cmocka_unit_test(filtered_and_done_are_not_asked),
        cmocka_unit_test(a_person_stops_it),
        cmocka_unit_test(it_is_freed_half_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
