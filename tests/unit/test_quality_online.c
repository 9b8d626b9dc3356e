/* Scoring of production traffic: each record decided about once whatever is killed in between, each question to a judge asked under one
 * name, weights that make the sample speak for the traffic. */
#include "quality/online.h"

#include "stats/rate.h"
#include "store/score.h"
#include "stats/weighted.h"
#include "test_store_rig.h"

#include <math.h>

#define REQUEST "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"Open 9 to 5.\"},{\"role\":\"user\",\"content\":\"When?\"}]}"

struct world {
    struct rig *rig;
    struct recorder *recorder;
    struct ledger *ledger;
    struct evaluations *evaluations;
    struct follow follow;
    struct arena arena;
    struct scoring s;
    uint64_t next;
    int64_t now;
    unsigned asked, batches; /* by the fake judge */
    enum fault judge_fault;  /* FAULT_NONE: it answers */
    unsigned fails_each;     /* of so many the last, with judge_fault */
    const char *verdict;
    char last_once[200], last_body[8192];
};

static void open_all(struct world *w) {
    struct error error = {0};
    w->recorder = rig_recorder_with(w->rig, 1, 4 << 20, 30);
    w->ledger = rig_ledger(w->rig);
    w->follow = (struct follow){.n = 0};
    w->evaluations = evaluations_open(w->rig->dir, &error);
    if (w->evaluations == NULL) fail_msg("%s", error.text);
}
static void close_all(struct world *w) {
    evaluations_close(w->evaluations);
    ledger_close(w->ledger);
    recorder_close(w->recorder);
}

static int setup(void **state) {
    struct world *w = test_calloc(1, sizeof *w);
    if (rig_setup((void **)&w->rig) != 0) return -1;
    arena_init(&w->arena, 64 << 10, 16 << 20);
    w->now = RIG_START + RIG_DAY / 2;
    w->fails_each = 1;
    w->verdict = "{\"reason\":\"clear\",\"score\":4}";
    open_all(w);
    *state = w;
    return 0;
}
static int teardown(void **state) {
    struct world *w = *state;
    scoring_deinit(&w->s);
    close_all(w);
    arena_deinit(&w->arena);
    rig_teardown((void **)&w->rig);
    test_free(w);
    return 0;
}

static void use(struct world *w, const char *text) {
    struct problems p = {0};
    scoring_deinit(&w->s);
    if (scoring_read(slice_of(text), "rule", &w->arena, &w->s, &p) != FAULT_NONE) fail_msg("%s", p.items[0].text);
}

/* An exchange of production; reply NULL: no payload. */
static void serve(struct world *w, const char *type, int64_t tokens, const char *reply) {
    struct record r;
    struct buffer b;
    rig_record(&r, w->now, w->next++);
    w->now += 1000;
    r.request_type = slice_of(type);
    r.dialect = SLICE("openai");
    r.endpoint = ENDPOINT_CHAT;
    r.status = RECORD_OK;
    r.feature = SLICE_NULL;
    r.usage.output = tokens;
    r.duration_us = 1000;
    rig_append_record(w->recorder, 0, &r);
    if (reply == NULL) return;
    struct payload p = {.id = r.id, .application = r.application, .request = SLICE(REQUEST), .reply = slice_of(reply)};
    buffer_init(&b, 4 << 20);
    assert_true(payload_encode(&p, &b));
    assert_int_equal(recorder_append(w->recorder, 0, FRAME_PAYLOAD, buffer_slice(&b)), FAULT_NONE);
    buffer_deinit(&b);
}
static void drain(struct world *w) { rig_drain(w->ledger, w->recorder); }

static struct online_taken take(struct world *w) {
    struct online_taken t;
    struct error error = {0};
    if (online_take(w->ledger, w->evaluations, &w->s, 7, w->now, &w->follow, NULL, &t, &error) != FAULT_NONE) fail_msg("%s", error.text);
    return t;
}

static enum fault judge(void *ctx, const struct scoring *s, struct online_question *const *q, size_t n, struct error *error) {
    struct world *w = ctx;
    (void)s;
    w->batches++;
    for (size_t i = 0; i < n; i++) {
        w->asked++;
        snprintf(w->last_once, sizeof w->last_once, "%s", q[i]->once);
        snprintf(w->last_body, sizeof w->last_body, SLICE_FMT, SLICE_ARG(q[i]->body));
        bool fails = w->judge_fault != FAULT_NONE && w->asked % w->fails_each == 0;
        if (fails && w->judge_fault == FAULT_SHUTTING_DOWN) return error_set(error, FAULT_SHUTTING_DOWN, "stopping");
        if (fails) error_set(&q[i]->why, w->judge_fault, "not now");
        else q[i]->answer = slice_of(w->verdict);
    }
    return FAULT_NONE;
}
static struct online_scored score(struct world *w) {
    struct online_ask ask = {w, judge};
    struct online_scored s;
    struct error error = {0};
    enum fault fault = online_score(w->ledger, w->evaluations, &w->s, &ask, 1000, w->now, NULL, &s, &error);
    if (fault != FAULT_NONE && fault != FAULT_SHUTTING_DOWN) fail_msg("%s", error.text);
    return s;
}

#define CHAT(text) "{\"id\":\"1\",\"object\":\"chat.completion\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\"," \
                   "\"content\":\"" text "\"},\"finish_reason\":\"stop\"}]}"
#define STREAM                                                                                                \
    "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"{\\\"a\\\":\"},\"finish_reason\":null}]}\n\n" \
    "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"1}\"},\"finish_reason\":null}]}\n\n" \
    "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n" \
    "data: [DONE]\n\n"

struct sums {
    unsigned rows, waiting, done, unreadable, longs, shorts, known;
    double value[20000], chance[20000];
    char body[4096];
};
static bool sum(void *ctx, const struct scored *s) {
    struct sums *all = ctx;
    all->value[all->rows] = slice_contains(s->body, SLICE("\"verdict\":\"pass\""));
    all->chance[all->rows] = (double)s->chance_e15 / SCORED_CHANCE_ONE;
    all->rows++;
    all->waiting += s->state == SCORED_WAITING;
    all->done += s->state == SCORED_DONE;
    all->unreadable += s->state == SCORED_UNREADABLE;
    all->longs += s->length == SCORED_LENGTH_LONG;
    all->shorts += s->length == SCORED_LENGTH_SHORT;
    all->known += s->length != SCORED_LENGTH_UNKNOWN;
    snprintf(all->body, sizeof all->body, SLICE_FMT, SLICE_ARG(s->body));
    return true;
}
static struct sums *sums(struct world *w) {
    static struct sums all;
    struct error error = {0};
    memset(&all, 0, sizeof all);
    if (scored_each(w->evaluations, w->s.name, 0, INT64_MAX, sum, &all, &error) != FAULT_NONE) fail_msg("%s", error.text);
    return &all;
}

#define RULE(sample, checks) "scoring: r\napplication: support\nkey: k\nsample: " sample "\nchecks: " checks "\njudges: {j: {model: large, scale: 1-5, rubric: good}}\n"

static void from_record_to_scores(void **state) {
    struct world *w = *state;
    use(w, RULE("{rate: 1}", "[{type: is-json, metric: format}, {type: judge, judge: j, metric: quality}]"));
    serve(w, "chat", 10, CHAT("too early")); /* before the rule: not its business */
    drain(w);
    take(w);
    serve(w, "chat", 10, CHAT("not json"));
    serve(w, "chat", 10, STREAM);
    serve(w, "chat", 10, NULL);
    drain(w);
    struct online_taken t = take(w);
    assert_true(t.counts.matched == 3 && t.counts.taken == 3);
    w->now += 600000000;
    struct online_scored s = score(w);
    assert_true(s.done == 2 && s.unreadable == 1 && w->asked == 2);
    assert_non_null(strstr(w->last_body, "When?"));
    struct sums *all = sums(w);
    assert_true(all->rows == 3 && all->done == 2 && all->unreadable == 1);
    s = score(w); /* nothing is done twice */
    assert_true(s.done == 0 && w->asked == 2);
}

static bool count_score(void *ctx, const struct score *s) {
    unsigned *n = ctx;
    n[0]++;
    n[1] += slice_is(s->source, "judge") && s->value_ppm == 750000 && slice_is(s->name, "quality") && slice_ends(s->comment, SLICE("clear"));
    n[2] += slice_is(s->source, "eval") && s->value_ppm == SCORE_PPM;
    return true;
}

static void scores_stand_beside_the_record(void **state) {
    struct world *w = *state;
    unsigned n[3] = {0};
    struct record_id id = rig_id(w->now, 0);
    use(w, RULE("{rate: 1}", "[{type: is-json, metric: format}, {type: judge, judge: j, metric: quality}]"));
    take(w);
    serve(w, "chat", 10, STREAM);
    drain(w);
    take(w);
    score(w);
    assert_int_equal(ledger_scores(w->ledger, 0, 0, &id, SLICE_NULL, count_score, n, NULL), FAULT_NONE);
    assert_true(n[0] == 2 && n[1] == 1 && n[2] == 1);
    assert_non_null(strstr(sums(w)->body, "\"identity\":\""));
}

/* Closed at any step and opened again: neither twice nor not at all. */
static void exactly_once_over_restarts(void **state) {
    struct world *w = *state;
    use(w, RULE("{rate: 0.5}", "[{type: is-json}]"));
    take(w);
    int64_t matched = 0, taken = 0;
    for (unsigned round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 50; i++) serve(w, i % 2 ? "chat" : "summary", 10, CHAT("{}"));
        drain(w);
        struct online_taken t = take(w);
        matched += t.counts.matched;
        taken += t.counts.taken;
        close_all(w);
        open_all(w);
        if (round % 3 == 0) score(w);
    }
    score(w);
    struct sums *all = sums(w);
    struct scored_counts c = {0};
    assert_int_equal(scored_count(w->evaluations, w->s.name, 0, w->now, &c, NULL), FAULT_NONE);
    assert_true(matched == 1000 && c.matched == 1000 && c.taken == taken && all->rows == taken && all->done == taken);
    assert_true(taken > 430 && taken < 570);
    assert_int_equal(take(w).records, 0);
}

/* A step that could not be kept is made again, and counts once. */
static void a_failed_step_is_made_again(void **state) {
    struct world *w = *state;
    struct online_taken t;
    struct error error = {0};
    use(w, RULE("{rate: 1}", "[{type: is-json}]"));
    take(w);
    for (unsigned i = 0; i < 30; i++) serve(w, "chat", 10, CHAT("{}"));
    drain(w);
    enum fault fault = FAULT_NONE;
    struct database *db = database_open(rig_path(w->rig, "evaluations.db"), &(struct database_options){0}, &fault, &error);
    assert_int_equal(database_exec(db, "CREATE TRIGGER no BEFORE INSERT ON scored WHEN (SELECT count(*) FROM scored) > 10"
                                       " BEGIN SELECT RAISE(ABORT, 'disk full'); END", &error), FAULT_NONE);
    assert_int_not_equal(online_take(w->ledger, w->evaluations, &w->s, 7, w->now, &w->follow, NULL, &t, &error), FAULT_NONE);
    assert_int_equal(sums(w)->rows, 0); /* nothing of it */
    assert_int_equal(database_exec(db, "DROP TRIGGER no", &error), FAULT_NONE);
    database_close(db);
    assert_int_equal(take(w).counts.taken, 30);
    assert_int_equal(sums(w)->rows, 30);
}

static void a_judge_that_cannot_be_asked(void **state) {
    struct world *w = *state;
    use(w, RULE("{rate: 1}", "[{type: judge, judge: j, metric: quality}]"));
    take(w);
    serve(w, "chat", 10, CHAT("hello"));
    drain(w);
    take(w);
    w->judge_fault = FAULT_SHUTTING_DOWN; /* no try of the record's */
    score(w);
    assert_int_equal(sums(w)->waiting, 1);
    w->judge_fault = FAULT_IO;
    assert_int_equal(score(w).again, 1);
    char once[200];
    snprintf(once, sizeof once, "%s", w->last_once);
    assert_int_equal(score(w).again, 1);
    assert_string_equal(once, w->last_once); /* the same request: it is not paid for twice */
    assert_int_equal(score(w).done, 1);
    assert_non_null(strstr(sums(w)->body, "\"verdict\":\"error\""));
    serve(w, "chat", 10, CHAT("hello"));
    drain(w);
    take(w);
    w->judge_fault = FAULT_NONE;
    w->verdict = "It is quite good, I would say.";
    score(w);
    assert_non_null(strstr(sums(w)->body, "\"verdict\":\"error\"")); /* prose is no verdict */
}

/* What was taken waits for as long as it takes, and few requests are made in vain. */
static void a_budget_that_is_used_up(void **state) {
    struct world *w = *state;
    use(w, RULE("{rate: 1}", "[{type: judge, judge: j, metric: quality}]"));
    take(w);
    for (unsigned i = 0; i < 40; i++) serve(w, "chat", 10, CHAT("hello"));
    drain(w);
    take(w);
    w->judge_fault = FAULT_BUDGET_EXCEEDED;
    for (unsigned i = 0; i < 10; i++) {
        struct online_scored s = score(w);
        assert_true(s.budget && s.done == 0);
    }
    assert_int_equal(w->asked, 10 * ONLINE_AT_ONCE);
    assert_true(sums(w)->waiting == 40);
    w->judge_fault = FAULT_NONE;
    assert_int_equal(score(w).done, 40);
    assert_null(strstr(sums(w)->body, "error"));
}

/* Each answer is of its own record, also where some of those that are asked together fail. */
static void several_are_asked_together(void **state) {
    struct world *w = *state;
    use(w, RULE("{rate: 1}", "[{type: judge, judge: j, metric: quality}, {type: relevant, judge: j, metric: fit}]"));
    take(w);
    for (unsigned i = 0; i < 20; i++) serve(w, "chat", 10, i % 5 == 4 ? NULL : CHAT("hello"));
    drain(w);
    take(w);
    w->now += 600000000;
    w->judge_fault = FAULT_IO;
    w->fails_each = 4; /* the last of each second record's two and two */
    struct online_scored s = score(w);
    assert_true(s.unreadable == 4 && s.done == 8 && s.again == 8 && w->asked == 32 && w->batches == 3);
    w->judge_fault = FAULT_NONE;
    s = score(w);
    assert_true(s.done == 8 && s.again == 0 && w->asked == 48);
}

/* A clock that was a year ahead has opened a day that would last as long. */
static void the_cap_after_a_clock_that_was_ahead(void **state) {
    struct world *w = *state;
    int64_t now = w->now;
    use(w, RULE("{rate: 1, at_most: 20/d}", "[{type: is-json}]"));
    take(w);
    w->now += 365 * RIG_DAY;
    for (unsigned i = 0; i < 600; i++) serve(w, "chat", 10, NULL);
    drain(w);
    assert_true(take(w).counts.taken >= 16);
    w->now = now;
    for (unsigned i = 0; i < 5; i++) serve(w, "chat", 10, NULL);
    drain(w);
    assert_int_equal(take(w).counts.taken, 5);
}

static void paused_it_passes_by(void **state) {
    struct world *w = *state;
    use(w, RULE("{rate: 1}", "[{type: is-json}]"));
    take(w);
    assert_int_equal(scored_rule_pause(w->evaluations, SLICE("r"), true, SLICE("ann"), SLICE("costs"), 5, NULL), FAULT_NONE);
    serve(w, "chat", 10, CHAT("{}"));
    drain(w);
    assert_true(take(w).counts.matched == 0 && sums(w)->rows == 0);
    assert_int_equal(scored_rule_pause(w->evaluations, SLICE("r"), false, SLICE("ann"), SLICE_NULL, 6, NULL), FAULT_NONE);
    serve(w, "chat", 10, CHAT("{}"));
    drain(w);
    assert_true(take(w).counts.matched == 1);
}

static void the_cap_holds(void **state) {
    struct world *w = *state;
    use(w, RULE("{rate: 1, at_most: 20/d}", "[{type: is-json}]"));
    take(w);
    for (unsigned i = 0; i < 600; i++) serve(w, "chat", 10, NULL);
    drain(w);
    struct online_taken t = take(w);
    assert_true(t.counts.taken <= 20 && t.counts.taken >= 16);
    w->now += RIG_DAY;
    for (unsigned i = 0; i < 5; i++) serve(w, "chat", 10, NULL);
    drain(w);
    assert_int_equal(take(w).counts.taken, 5);
}

/* Many worlds: rates that differ by type, types that differ in quality, a cap. Intervals of the weighted share cover the traffic's own
 * share about as often as they say; the plain share does not. */
static void the_weights_are_honoured(void **state) {
    enum { WORLDS = 200, RECORDS = 4000 };
    struct world *w = *state;
    unsigned covered = 0, plain_covered = 0;
    double bias = 0;
    use(w, RULE("{rate: 0.1, by_request_type: {rare: 0.8}, at_most: 900/d}", "[{type: is-json}]"));
    static double value[RECORDS], inverse[RECORDS];
    for (unsigned k = 0; k < WORLDS; k++) {
        size_t n = 0;
        double truth = 0;
        int64_t used = 0;
        for (unsigned i = 0; i < RECORDS; i++) {
            struct record r;
            rig_record(&r, w->now, rig_next(w->rig));
            r.id = (struct record_id){{0}};
            uint64_t random = rig_next(w->rig);
            memcpy(r.id.bytes + 6, &random, sizeof random);
            bool rare = rig_below(w->rig, 10) == 0, good = rig_below(w->rig, 100) < (rare ? 40u : 90u);
            r.request_type = rare ? SLICE("rare") : SLICE("common");
            truth += good;
            double p = scoring_chance(&w->s, &r, used);
            if (!scoring_draws(&w->s, &r.id, p)) continue;
            used++;
            value[n] = good;
            inverse[n++] = 1 / p;
        }
        truth /= RECORDS;
        struct rate weighted = rate_of_cases(&(struct sample){value, inverse, NULL, n, 0, 1}, NULL, RATE_CASES_LIKE_THESE, 0.95);
        struct rate plain = rate_of_cases(&(struct sample){value, NULL, NULL, n, 0, 1}, NULL, RATE_CASES_LIKE_THESE, 0.95);
        covered += truth >= weighted.interval.low && truth <= weighted.interval.high;
        plain_covered += truth >= plain.interval.low && truth <= plain.interval.high;
        bias += (weighted.value - truth) / WORLDS;
    }
    assert_true(covered >= 184 && plain_covered < 20); /* .95 of 200 less 2 standard deviations */
    assert_true(fabs(bias) < 0.005);
}

/* Ordinary answers are rarely called unusual, and unusual ones are. */
static void lengths_that_are_unusual(void **state) {
    struct world *w = *state;
    use(w, RULE("{rate: 1}", "[{type: is-json}]"));
    take(w);
    w->now = RIG_START + 1000000;
    for (unsigned i = 0; i < 3000; i++) serve(w, "chat", 100 + rig_below(w->rig, 200), NULL);
    drain(w);
    take(w);
    assert_int_equal(sums(w)->known, 0); /* of the first day nothing is known */
    w->now += RIG_DAY;
    for (unsigned i = 0; i < 3000; i++) serve(w, "chat", 100 + rig_below(w->rig, 200), NULL);
    serve(w, "other", 100, NULL); /* has no history of its own */
    drain(w);
    take(w);
    struct sums *all = sums(w);
    assert_true(all->known == 3000 && all->longs + all->shorts <= 60); /* 1 % promised, at most; 2 % here is 5 standard deviations */
    unsigned before = all->longs, short_before = all->shorts;
    for (unsigned i = 0; i < 10; i++) serve(w, "chat", 5000, NULL);
    for (unsigned i = 0; i < 7; i++) serve(w, "chat", 3, NULL);
    drain(w);
    take(w);
    all = sums(w);
    assert_true(all->longs == before + 10 && all->shorts == short_before + 7);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(from_record_to_scores, setup, teardown),
        cmocka_unit_test_setup_teardown(scores_stand_beside_the_record, setup, teardown),
        cmocka_unit_test_setup_teardown(exactly_once_over_restarts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_failed_step_is_made_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_judge_that_cannot_be_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(a_budget_that_is_used_up, setup, teardown),
        cmocka_unit_test_setup_teardown(several_are_asked_together, setup, teardown),
        cmocka_unit_test_setup_teardown(the_cap_after_a_clock_that_was_ahead, setup, teardown),
        cmocka_unit_test_setup_teardown(paused_it_passes_by, setup, teardown),
        cmocka_unit_test_setup_teardown(the_cap_holds, setup, teardown),
        cmocka_unit_test_setup_teardown(the_weights_are_honoured, setup, teardown),
        cmocka_unit_test_setup_teardown(lengths_that_are_unusual, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
