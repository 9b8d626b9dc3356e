/* The governor's books: windows, clock steps, reloads, restarts, threads. */
#include "test_cost_governor_rig.h"

#include <pthread.h>
#include <stdatomic.h>

#define APPLICATION "applications: {a: }\n"
#define DAILY(limit)                                                                                         \
    "  - {name: day, scope: {application: a}, limit_usd: " limit ", window: day, timezone: Europe/London}\n"
#define USERS(limit) "  - {name: users, scope: {user: \"*\"}, limit_usd: " limit ", window: month}\n"

/* ===== windows ===== */

static void test_settles_in_the_next_window(void **state) {
    struct rig r;
    struct reservation one;
    (void)state;
    rig_open(&r, APPLICATION "budgets:\n" DAILY("1") USERS("1"));
    r.wall_us = at("2026-11-21T23:59:59Z");
    assert_int_equal(admit(&r, by("ann", NULL), 40 * CENT, &one), VERDICT_ADMIT);
    r.wall_us += 2 * SECOND;
    check_view(&r, "day", NULL, 0, 0);
    check_view(&r, "users", "ann", 0, 40 * CENT);
    settle(&r, by("ann", NULL), &one, 30 * CENT); /* booked by the record's time */
    check_view(&r, "day", NULL, 30 * CENT, 0);
    check_view(&r, "users", "ann", 30 * CENT, 0);
    r.wall_us -= 2 * SECOND;
    check_view(&r, "day", NULL, 0, 0); /* released in the one it was made in */
    rig_close(&r);
}

static void test_once_and_summer_time(void **state) {
    struct rig r;
    (void)state;
    rig_open(&r, APPLICATION "budgets:\n"
                             "  - {name: launch, limit_usd: 1, window: once, from: 2026-10-25, to: "
                             "2026-10-26, timezone: Europe/London}\n" DAILY("1"));
    r.wall_us = at("2026-10-24T22:59:59Z");
    assert_int_equal(spend(&r, by(NULL, NULL), 60 * CENT), VERDICT_ADMIT);
    assert_int_equal(look(&r, "launch", NULL).spent_nano, 0); /* not begun, yet shown with its period */
    r.wall_us = at("2026-10-24T23:00:00Z");
    assert_int_equal(look(&r, "launch", NULL).window.start_us, r.wall_us);
    assert_int_equal(spend(&r, by(NULL, NULL), 60 * CENT), VERDICT_ADMIT);
    r.wall_us = at("2026-10-25T23:59:59Z"); /* the 25th hour */
    assert_int_equal(spend(&r, by(NULL, NULL), 60 * CENT), VERDICT_REFUSE);
    check_view(&r, "launch", NULL, 60 * CENT, 0);
    check_view(&r, "day", NULL, 60 * CENT, 0);
    r.wall_us = at("2026-10-26T00:00:00Z");
    assert_int_equal(spend(&r, by(NULL, NULL), 90 * CENT), VERDICT_ADMIT);
    check_view(&r, "launch", NULL, 60 * CENT, 0);
    rig_close(&r);
}

static void test_clock_steps(void **state) {
    struct rig r;
    struct reservation one;
    (void)state;
    rig_open(&r, APPLICATION "budgets:\n" DAILY("1"));
    assert_int_equal(spend(&r, by(NULL, NULL), 30 * CENT), VERDICT_ADMIT);
    int64_t today = r.wall_us;
    assert_int_equal(admit(&r, by(NULL, NULL), 50 * CENT, &one), VERDICT_ADMIT);
    r.wall_us = today + 400 * DAY; /* a step forward by a year, noticed hours later */
    for (int hour = 0; hour < 20; hour++) governor_sweep(r.governor, r.wall_us, r.mono_us += HOUR);
    assert_int_equal(spend(&r, by(NULL, NULL), 70 * CENT), VERDICT_ADMIT);
    r.wall_us = today;
    governor_sweep(r.governor, r.wall_us, r.mono_us += HOUR);
    check_view(&r, "day", NULL, 30 * CENT, 50 * CENT);
    assert_int_equal(spend(&r, by(NULL, NULL), 21 * CENT), VERDICT_REFUSE);
    r.wall_us = today - 2 * HOUR; /* back a little, over no window's start */
    assert_int_equal(spend(&r, by(NULL, NULL), 21 * CENT), VERDICT_REFUSE);
    r.wall_us = today - DAY; /* back into yesterday: its own books */
    assert_int_equal(spend(&r, by(NULL, NULL), 10 * CENT), VERDICT_ADMIT);
    r.wall_us = today;
    check_view(&r, "day", NULL, 30 * CENT, 50 * CENT);

    /* yesterday is kept through all of today; what is reserved is kept for ever */
    struct governor_stats s;
    r.wall_us = today + DAY;
    for (int hour = 0; hour < 30; hour++) governor_sweep(r.governor, r.wall_us, r.mono_us += HOUR);
    r.wall_us = today;
    check_view(&r, "day", NULL, 30 * CENT, 50 * CENT);
    r.wall_us = today + 900 * DAY;
    for (int hour = 0; hour < 60; hour++) governor_sweep(r.governor, r.wall_us, r.mono_us += HOUR);
    governor_stats(r.governor, &s);
    assert_int_equal(s.budget_counters, 1);
    r.wall_us = today;
    check_view(&r, "day", NULL, 30 * CENT, 50 * CENT);
    governor_release(r.governor, &one);
    r.wall_us = today + 900 * DAY;
    for (int hour = 0; hour < 60; hour++) governor_sweep(r.governor, r.wall_us, r.mono_us += HOUR);
    governor_stats(r.governor, &s);
    assert_int_equal(s.budget_counters, 0);
    rig_close(&r);
}

/* Without a reservation to hold it: a day of the monotonic clock does, begun anew when the clock comes back.
 */
static void test_counters_outlive_a_step(void **state) {
    struct rig r;
    struct governor_stats s;
    (void)state;
    rig_open(&r, APPLICATION "budgets:\n" DAILY("1"));
    assert_int_equal(spend(&r, by(NULL, NULL), 30 * CENT), VERDICT_ADMIT);
    int64_t today = r.wall_us;
    for (int again = 0; again < 3; again++) {
        for (int hour = 0; hour < 24; hour++)
            governor_sweep(r.governor, today + 400 * DAY, r.mono_us += HOUR);
        governor_sweep(r.governor, today, r.mono_us += HOUR);
        check_view(&r, "day", NULL, 30 * CENT, 0);
    }
    /* the whole of the next window, and a day more */
    int64_t end = look(&r, "day", NULL).window.end_us;
    for (int hour = 0; hour < 60; hour++) governor_sweep(r.governor, end + DAY - 1, r.mono_us += HOUR);
    governor_stats(r.governor, &s);
    assert_int_equal(s.budget_counters, 1);
    for (int hour = 0; hour < 25; hour++) governor_sweep(r.governor, end + DAY, r.mono_us += HOUR);
    governor_stats(r.governor, &s);
    assert_int_equal(s.budget_counters, 0);
    rig_close(&r);
}

static void test_idle_limits_go(void **state) {
    struct rig r;
    struct reservation one;
    struct governor_stats s;
    (void)state;
    rig_open(&r, APPLICATION "limits: [{scope: {user: \"*\"}, requests_per_minute: 60}]\n");
    assert_int_equal(admit(&r, by("ann", NULL), 0, &one), VERDICT_ADMIT);
    governor_sweep(r.governor, r.wall_us, r.mono_us + HOUR);
    governor_stats(r.governor, &s);
    assert_int_equal(s.rate_counters, 1);
    governor_release(r.governor, &one);
    governor_sweep(r.governor, r.wall_us, r.mono_us);
    governor_stats(r.governor, &s);
    assert_int_equal(s.rate_counters, 1);
    governor_sweep(r.governor, r.wall_us, r.mono_us + SECOND);
    governor_stats(r.governor, &s);
    assert_int_equal(s.rate_counters, 0);
    rig_close(&r);
}

/* ===== reloads ===== */

static void test_reload_keeps(void **state) {
    struct rig r;
    struct reservation one, two;
    (void)state;
    rig_open(&r, APPLICATION "budgets:\n" DAILY("1"));
    assert_int_equal(spend(&r, by(NULL, NULL), 60 * CENT), VERDICT_ADMIT);
    assert_int_equal(admit(&r, by(NULL, NULL), 30 * CENT, &one), VERDICT_ADMIT);
    assert_false(rig_reload(&r, APPLICATION "budgets:\n" DAILY("2"))); /* another limit: the same books */
    check_view(&r, "day", NULL, 60 * CENT, 30 * CENT);
    assert_int_equal(admit(&r, by(NULL, NULL), 110 * CENT, &two), VERDICT_ADMIT);
    assert_int_equal(admit(&r, by(NULL, NULL), 1, &(struct reservation){0}), VERDICT_REFUSE);
    settle(&r, by(NULL, NULL), &one, 10 * CENT); /* made before the reload */
    check_view(&r, "day", NULL, 70 * CENT, 110 * CENT);
    governor_sweep(r.governor, r.wall_us, r.mono_us);
    assert_false(rig_reload(&r, APPLICATION)); /* gone; and back */
    assert_int_equal(spend(&r, by(NULL, NULL), 1000 * CENT), VERDICT_ADMIT);
    governor_sweep(r.governor, r.wall_us, r.mono_us);
    governor_release(r.governor, &two);
    assert_true(rig_reload(&r, APPLICATION "budgets:\n" DAILY("2")));
    fill(r.governor, r.wall_us, &r.books);
    check_view(&r, "day", NULL, 1070 * CENT, 0); /* what was spent while it was not there, too */
    rig_close(&r);
}

static void test_other_window_is_another_budget(void **state) {
    struct rig r;
    (void)state;
    rig_open(&r, APPLICATION "budgets: [{name: x, limit_usd: 9, window: day}]\n");
    r.wall_us = at("2026-11-21T01:00:00Z");
    assert_int_equal(spend(&r, by("ann", NULL), 10 * CENT), VERDICT_ADMIT);
    r.wall_us = at("2026-11-23T01:00:00Z"); /* a Monday: day and week begin at once */
    assert_int_equal(spend(&r, by("bob", NULL), 20 * CENT), VERDICT_ADMIT);
    static const struct {
        const char *yaml, *value;
        int64_t spent;
    } others[] = {
        {"budgets: [{name: x, limit_usd: 9, window: month}]\n", NULL, 30 * CENT},
        {"budgets: [{name: x, limit_usd: 9, window: month, scope: {user: bob}}]\n", "bob", 20 * CENT},
        {"budgets: [{name: x, limit_usd: 9, window: month, scope: {user: \"*\"}}]\n", "ann", 10 * CENT},
        {"budgets: [{name: x, limit_usd: 9, window: week, scope: {user: \"*\"}}]\n", "ann", 0},
        {"budgets: [{name: x, limit_usd: 9, window: week, timezone: America/New_York}]\n", NULL, 30 * CENT},
        {"budgets: [{name: x, limit_usd: 9, window: day, timezone: America/New_York}]\n", NULL, 20 * CENT}};
    for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
        char yaml[512];
        snprintf(yaml, sizeof yaml, APPLICATION "%s", others[i].yaml);
        assert_true(rig_reload(&r, yaml));
        fill(r.governor, r.wall_us, &r.books);
        assert_false(rig_reload(&r, yaml)); /* filled once is filled */
        check_view(&r, "x", others[i].value, others[i].spent, 0);
    }
    rig_close(&r);
}

/* A budget that comes while exchanges are under way: each is counted once, whether the ledger had it or not.
 */
static void test_fill_while_serving(void **state) {
    struct rig r;
    struct reservation open[3];
    (void)state;
    rig_open(&r, APPLICATION "budgets:\n" DAILY("100"));
    assert_int_equal(spend(&r, by("ann", NULL), 10 * CENT), VERDICT_ADMIT);
    for (int i = 0; i < 3; i++)
        assert_int_equal(admit(&r, by("ann", NULL), 50 * CENT, &open[i]), VERDICT_ADMIT);
    settle(&r, by("ann", NULL), &open[0], 1 * CENT); /* before the reload: in the ledger */
    assert_true(rig_reload(&r, APPLICATION "budgets:\n" DAILY("100") USERS("100")));
    settle(&r, by("ann", NULL), &open[1], 2 * CENT); /* after it, and in the ledger before it is read */
    check_view(&r, "users", "ann", 2 * CENT, 0);
    fill(r.governor, r.wall_us, &r.books);
    assert_int_equal(r.books.asked, 1);
    assert_int_equal(r.books.from_us,
                     at("2026-11-01T00:00:00Z")); /* the month's start; the day's were there */
    check_view(&r, "users", "ann", 13 * CENT, 0);
    check_view(&r, "day", NULL, 13 * CENT, 50 * CENT);
    settle(&r, by("ann", NULL), &open[2], 4 * CENT); /* after all of it */
    check_view(&r, "users", "ann", 17 * CENT, 0);
    check_view(&r, "day", NULL, 17 * CENT, 0);
    fill(r.governor, r.wall_us, &r.books); /* nothing to fill: nobody is asked */
    assert_int_equal(r.books.asked, 1);
    rig_close(&r);
}

static void test_fill_fails(void **state) {
    struct rig r;
    struct error error = {0};
    (void)state;
    rig_open(&r, APPLICATION);
    assert_int_equal(spend(&r, by("ann", NULL), 10 * CENT), VERDICT_ADMIT);
    assert_true(rig_reload(&r, APPLICATION "budgets:\n" USERS("100")));
    r.books.fault = FAULT_IO; /* after it gave its records */
    const struct record_source source = {&r.books, books_each};
    assert_int_equal(governor_fill(r.governor, r.wall_us, &source, &error), FAULT_IO);
    r.books.fault = FAULT_NONE;
    assert_int_equal(governor_fill(r.governor, r.wall_us, &source, &error),
                     FAULT_CONFLICT); /* would count twice */
    assert_true(governor_install(r.governor, r.policy));
    assert_int_equal(governor_fill(r.governor, r.wall_us, &source, &error), FAULT_NONE);
    check_view(&r, "users", "ann", 10 * CENT, 0);
    rig_close(&r);
}

/* ===== restarts ===== */

static uint64_t next(uint64_t *seed) { /* splitmix64 */
    uint64_t z = *seed += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static const char three[] = APPLICATION
    "budgets:\n"
    "  - {name: all, scope: {application: a}, limit_usd: 1000000, window: month, timezone: Europe/London}\n"
    "  - {name: users, scope: {user: \"*\"}, limit_usd: 1000000, window: day, mode: soft, alert_at: "
    "[0.0000005]}\n"
    "  - {name: teams, scope: {team: \"*\", tag: \"env=*\"}, limit_usd: 3, window: week, timezone: "
    "America/New_York}\n";

struct same {
    struct governor *other;
    int64_t wall_us;
    const struct budget_view *mine;
    unsigned compared, matched;
};

static void compare(void *ctx, const struct budget_view *v) {
    struct same *s = ctx;
    if (strcmp(v->budget->name, s->mine->budget->name) != 0) return;
    for (unsigned i = 0; i < v->budget->scope.n_terms; i++)
        if (!slice_eq(v->values[i], s->mine->values[i])) return;
    s->matched++;
    assert_int_equal(v->window.start_us, s->mine->window.start_us);
    assert_int_equal(v->spent_nano, s->mine->spent_nano);
    assert_int_equal(v->unpriced, s->mine->unpriced);
    assert_int_equal(v->reserved_nano, 0); /* orphans come back */
}

/* What has no record leaves nothing to find again. */
static void compare_each(void *ctx, const struct budget_view *v) {
    struct same *s = ctx;
    if (v->spent_nano == 0 && v->unpriced == 0) return;
    s->mine = v;
    s->compared++;
    governor_each_budget(s->other, s->wall_us, compare, s);
    assert_int_equal(s->matched, s->compared);
}

static void test_restart(void **state) {
    static const char *const users[] = {"ann", "bob", "cat", NULL}, *const teams[] = {"red", "blue", NULL};
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        uint64_t dice = seed;
        struct rig r, again;
        rig_open(&r, three);
        r.wall_us = at("2026-10-20T00:00:00Z");
        for (int i = 0; i < 3000; i++) {
            struct admission_labels l = by(users[next(&dice) % 4], teams[next(&dice) % 3]);
            l.tags = next(&dice) % 2 ? SLICE("env=prod") : SLICE("env=dev,x=y");
            struct reservation one;
            int64_t worst = (int64_t)(next(&dice) % (3 * CENT)),
                    cost = worst - worst / (1 + (int64_t)(next(&dice) % 9));
            r.wall_us += (int64_t)(next(&dice) % (1800 * SECOND)) -
                         300 * SECOND; /* some steps back, over windows too */
            uint64_t end = next(&dice) % 20;
            if (admit(&r, l, end == 0 ? MONEY_UNKNOWN : worst, &one) == VERDICT_REFUSE) continue;
            if (end == 1) governor_release(r.governor, &one);
            else if (end > 2) /* 2: the crash finds it open */
                settle(&r, l, &one, end == 3 ? MONEY_UNKNOWN : cost);
        }
        rig_open(&again, APPLICATION);
        again.wall_us = r.wall_us;
        assert_true(rig_reload(&again, three));
        fill(again.governor, r.wall_us, &r.books);
        struct same s = {.other = again.governor, .wall_us = r.wall_us};
        assert_true(look(&r, "all", NULL).reserved_nano > 0); /* orphans */
        governor_each_budget(r.governor, r.wall_us, compare_each, &s);
        assert_true(s.compared >= 5);
        rig_close(&again);
        rig_close(&r);
    }
}

static void test_restart_tells_again(void **state) {
    struct rig r, again;
    (void)state;
    rig_open(&r, APPLICATION "budgets:\n" DAILY("1"));
    assert_int_equal(spend(&r, by(NULL, NULL), 85 * CENT), VERDICT_ADMIT);
    assert_int_equal(r.n_alerts, 1);
    rig_open(&again, APPLICATION);
    assert_true(rig_reload(&again, APPLICATION "budgets:\n" DAILY("1")));
    fill(again.governor, r.wall_us, &r.books);
    assert_int_equal(again.n_alerts, 1);
    assert_true(again.alerts[0].replayed && again.alerts[0].share == 0.8);
    assert_int_equal(spend(&again, by(NULL, NULL), 15 * CENT), VERDICT_ADMIT);
    assert_int_equal(again.n_alerts, 2);
    assert_false(again.alerts[1].replayed);
    rig_close(&again);
    rig_close(&r);
}

/* ===== threads ===== */

enum { THREADS = 8, USERS_N = 5, STEPS = 4000 };

struct crowd {
    struct governor *g;
    const struct application *application;
    const char *other; /* policy that takes turns with `hard` */
    uint64_t seed;
    int64_t wall_us, spent[USERS_N];
    unsigned admitted;
    atomic_bool *stop;
    pthread_barrier_t *start;
};

static const char *const names[USERS_N] = {"ann", "bob", "cat", "dan", "eve"};
static const char hard[] = APPLICATION
    "budgets:\n"
    "  - {name: whole, scope: {application: a}, limit_usd: 40, window: month, timezone: Europe/London}\n"
    "  - {name: users, scope: {application: a, user: \"*\"}, limit_usd: 9, window: day, on_error: allow}\n"
    "limits: [{scope: {user: \"*\"}, concurrent: 1000, tokens_per_minute: 1000000000}]\n";

static const char less[] = APPLICATION
    "budgets:\n"
    "  - {name: whole, scope: {application: a}, limit_usd: 40, window: month, timezone: Europe/London}\n";

static void *exchanges(void *arg) {
    struct crowd *m = arg;
    struct reservation open[6];
    unsigned of[6], n = 0;
    int64_t worst[6];
    struct verdict v;
    for (unsigned step = 0; step < STEPS || n > 0; step++) {
        uint64_t dice = next(&m->seed);
        if (step < STEPS && n < 6 && dice % 3 == 0) {
            of[n] = (unsigned)(dice >> 8) % USERS_N;
            worst[n] = 1 + (int64_t)(dice >> 16) % (5 * CENT);
            struct admission_request q = {
                by(names[of[n]], NULL), m->application, m->wall_us, MONO, worst[n], 10, -1};
            governor_admit(m->g, &q, &v, &open[n]);
            if (v.outcome == VERDICT_ADMIT) n++;
        } else if (n > 0 && dice % 3 == 1) {
            n--;
            struct settlement s = {.labels = by(names[of[n]], NULL), .wall_us = m->wall_us, .tokens = 5};
            s.cost_nano = worst[n] - (int64_t)(dice >> 16) % worst[n];
            governor_settle(m->g, &open[n], &s);
            m->spent[of[n]] += s.cost_nano;
        } else if (n > 0) {
            governor_release(m->g, &open[--n]);
        }
    }
    return NULL;
}

/* But for a budget that comes and goes: nobody fills it, and on_error: allow lets all pass until then. */
static void never_over(void *ctx, const struct budget_view *v) {
    const struct crowd *m = ctx;
    if (m->other != hard && strcmp(v->budget->name, "users") == 0) return;
    assert_true(v->spent_nano + v->reserved_nano <= v->budget->limit_nano);
}

/* What the slow threads do meanwhile: reloads of the same budgets, sweeps, looks. */
static void *bother(void *arg) {
    struct crowd *m = arg;
    struct policy *p[2] = {policy_of(hard), policy_of(m->other)};
    for (unsigned i = 0; !atomic_load(m->stop); i++) {
        (void)governor_install(m->g, p[i % 2]);
        governor_sweep(m->g, m->wall_us, MONO + (int64_t)i * HOUR);
        governor_each_budget(m->g, m->wall_us, never_over, m);
    }
    policy_drop(p[0]);
    policy_drop(p[1]);
    return NULL;
}

static void test_threads(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 4; seed++) {
        bool comes_and_goes =
            seed % 2 == 0; /* the users' budget: nobody fills it, so its books are left aside */
        struct crowd crowd[THREADS] = {{0}};
        pthread_t threads[THREADS], slow;
        atomic_bool stop = false;
        struct rig r;
        int64_t spent[USERS_N] = {0}, whole = 0;
        rig_open(&r, hard);
        struct crowd meanwhile = {
            .g = r.governor, .wall_us = r.wall_us, .stop = &stop, .other = comes_and_goes ? less : hard};
        assert_int_equal(pthread_create(&slow, NULL, bother, &meanwhile), 0);
        for (unsigned i = 0; i < THREADS; i++) {
            crowd[i] = (struct crowd){.g = r.governor,
                                      .application = &r.policy->applications[0],
                                      .seed = seed * 100 + i,
                                      .wall_us = r.wall_us,
                                      .stop = &stop};
            assert_int_equal(pthread_create(&threads[i], NULL, exchanges, &crowd[i]), 0);
        }
        for (unsigned i = 0; i < THREADS; i++) pthread_join(threads[i], NULL);
        atomic_store(&stop, true);
        pthread_join(slow, NULL);
        for (unsigned u = 0; u < USERS_N; u++) {
            for (unsigned i = 0; i < THREADS; i++) spent[u] += crowd[i].spent[u];
            whole += spent[u];
            if (!comes_and_goes) check_view(&r, "users", names[u], spent[u], 0);
        }
        check_view(&r, "whole", NULL, whole, 0);
        assert_true(whole > 35 * MONEY_USD); /* the budgets were felt */
        assert_true(r.n_alerts >= 1);
        for (unsigned i = 0; i < r.n_alerts && !comes_and_goes; i++) /* each once */
            for (unsigned k = 0; k < i; k++)
                assert_false(strcmp(r.alerts[i].name, r.alerts[k].name) == 0 &&
                             strcmp(r.alerts[i].value, r.alerts[k].value) == 0 &&
                             r.alerts[i].share == r.alerts[k].share);
        rig_close(&r);
    }
}

static void *one_of_200(void *arg) {
    struct crowd *m = arg;
    struct reservation one;
    struct verdict v;
    pthread_barrier_wait(m->start);
    for (unsigned i = 0; i < 25; i++) {
        struct admission_request q = {by("ann", NULL), m->application, m->wall_us, MONO, CENT, 0, -1};
        governor_admit(m->g, &q, &v, &one); /* held: the exchange is under way */
        m->admitted += v.outcome == VERDICT_ADMIT;
    }
    return NULL;
}

static void test_200_for_50(void **state) {
    (void)state;
    for (int round = 0; round < 50; round++) {
        struct crowd crowd[THREADS] = {{0}};
        pthread_t threads[THREADS];
        pthread_barrier_t start;
        struct rig r;
        unsigned admitted = 0;
        rig_open(&r, APPLICATION
                 "budgets: [{name: h, scope: {application: a}, limit_usd: 0.505, window: day}]\n");
        pthread_barrier_init(&start, NULL, THREADS);
        for (unsigned i = 0; i < THREADS; i++) {
            crowd[i] = (struct crowd){.g = r.governor,
                                      .application = &r.policy->applications[0],
                                      .wall_us = r.wall_us,
                                      .start = &start};
            assert_int_equal(pthread_create(&threads[i], NULL, one_of_200, &crowd[i]), 0);
        }
        for (unsigned i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
            admitted += crowd[i].admitted;
        }
        assert_int_equal(admitted, 50);
        check_view(&r, "h", NULL, 0, 50 * CENT);
        pthread_barrier_destroy(&start);
        rig_close(&r);
    }
}

static int start(void **state) {
    (void)state;
    return digest_start() ? 0 : -1;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_settles_in_the_next_window),
                                       cmocka_unit_test(test_once_and_summer_time),
                                       cmocka_unit_test(test_clock_steps),
                                       cmocka_unit_test(test_idle_limits_go),
                                       cmocka_unit_test(test_counters_outlive_a_step),
                                       cmocka_unit_test(test_reload_keeps),
                                       cmocka_unit_test(test_other_window_is_another_budget),
                                       cmocka_unit_test(test_fill_while_serving),
                                       cmocka_unit_test(test_fill_fails),
                                       cmocka_unit_test(test_restart),
                                       cmocka_unit_test(test_restart_tells_again),
                                       cmocka_unit_test(test_threads),
                                       cmocka_unit_test(test_200_for_50)};
    return cmocka_run_group_tests(tests, start, NULL);
}
