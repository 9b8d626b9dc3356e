/* Whose turn it is: by hand, and against a count minute by minute over clock changes; and who is called next. */
#include "incident/oncall.h"

#include "base/date.h"
#include "model/alert_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define MINUTE_US 60000000LL
#define HOUR_US (60 * MINUTE_US)

static struct arena arena;

static int setup(void **state) {
    (void)state;
    arena_init(&arena, 64 << 10, 64 << 20);
    return 0;
}
static int teardown(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static const struct zone *zone(const char *name) {
    const struct zone *z;
    struct error error;
    assert_int_equal(zone_load(&arena, name, &z, &error), FAULT_NONE);
    return z;
}

static int64_t local_s(int64_t year, int month, int day, int hour, int minute) {
    return date_to_days((struct date){year, month, day}) * 86400 + hour * 3600 + minute * 60;
}

/* ---- by hand ---- */

static struct slice two[] = {{"anna", 4}, {"ben", 3}};

static void expect(const struct oncall_schedule *s, const struct oncall_override *o, unsigned n, int64_t utc_s, const char *person, int64_t from_s, int64_t to_s) {
    struct oncall_turn turn;
    oncall_at(s, o, n, utc_s * 1000000, &turn);
    if (person == NULL) assert_true(slice_is_null(turn.person));
    else assert_true(slice_is(turn.person, person));
    assert_int_equal(turn.from_us, from_s * 1000000);
    assert_int_equal(turn.to_us, to_s * 1000000);
}

/* London's clocks went forward on 29 March 2026 at 01:00 UTC. */
static void test_weeks_over_a_clock_change(void **state) {
    (void)state;
    struct oncall_rotation r = {.people = two, .n_people = 2, .starts_s = local_s(2026, 3, 23, 9, 0), .turn_s = 7 * 86400, .to_minute = 1440};
    const struct oncall_schedule s = {.name = SLICE("primary"), .zone = zone("Europe/London"), .rotations = &r, .n_rotations = 1};
    int64_t first = local_s(2026, 3, 23, 9, 0), second = local_s(2026, 3, 30, 8, 0), third = local_s(2026, 4, 6, 8, 0); /* in UTC */
    expect(&s, NULL, 0, first - 1, NULL, 0, first);
    expect(&s, NULL, 0, first, "anna", first, second);
    expect(&s, NULL, 0, second - 1, "anna", first, second);
    expect(&s, NULL, 0, second, "ben", second, third);
    struct oncall_turn turns[8];
    assert_int_equal(oncall_turns(&s, NULL, 0, first * 1000000, (third + 1) * 1000000, 8, turns), 3);
    assert_true(slice_is(turns[2].person, "anna"));
    assert_int_equal(oncall_turns(&s, NULL, 0, first * 1000000, (third + 1) * 1000000, 2, turns), 2);
}

static void test_overrides(void **state) {
    (void)state;
    struct oncall_rotation r = {.people = two, .n_people = 2, .starts_s = local_s(2026, 1, 5, 0, 0), .turn_s = 86400, .to_minute = 1440};
    const struct oncall_schedule s = {.name = SLICE("primary"), .zone = zone("UTC"), .rotations = &r, .n_rotations = 1};
    int64_t day = local_s(2026, 1, 5, 0, 0);
    struct oncall_override o[] = {
        {.number = 1, .schedule = SLICE("primary"), .person = SLICE("cleo"), .from_us = (day + 3600) * 1000000, .to_us = (day + 9 * 3600) * 1000000, .made_us = 10},
        {.number = 2, .schedule = SLICE("primary"), .person = SLICE("dora"), .from_us = (day + 4 * 3600) * 1000000, .to_us = (day + 5 * 3600) * 1000000, .made_us = 20},
        {.number = 3, .schedule = SLICE("other"), .person = SLICE("eve"), .from_us = 0, .to_us = INT64_MAX, .made_us = 30},
        {.number = 4, .schedule = SLICE("primary"), .person = SLICE("fay"), .from_us = 0, .to_us = INT64_MAX, .made_us = 40, .removed = true},
    };
    expect(&s, o, 4, day, "anna", day, day + 3600);
    expect(&s, o, 4, day + 3600, "cleo", day + 3600, day + 4 * 3600);
    expect(&s, o, 4, day + 4 * 3600, "dora", day + 4 * 3600, day + 5 * 3600);
    expect(&s, o, 4, day + 5 * 3600, "cleo", day + 5 * 3600, day + 9 * 3600);
    expect(&s, o, 4, day + 9 * 3600, "anna", day + 9 * 3600, day + 24 * 3600);
    o[0].made_us = 20; /* of two at once the one of the higher number */
    expect(&s, o, 4, day + 4 * 3600, "dora", day + 4 * 3600, day + 5 * 3600);
    o[0].made_us = 21;
    expect(&s, o, 4, day + 4 * 3600, "cleo", day + 3600, day + 9 * 3600);
}

static void test_nights_and_weekends(void **state) {
    (void)state;
    /* nights from Monday to Friday, begun before midnight; else nobody */
    struct oncall_rotation r = {.people = two, .n_people = 1, .starts_s = local_s(2026, 1, 1, 0, 0), .turn_s = 365 * 86400, .weekdays = 0x1F,
                                .from_minute = 18 * 60, .to_minute = 8 * 60};
    const struct oncall_schedule s = {.name = SLICE("nights"), .zone = zone("UTC"), .rotations = &r, .n_rotations = 1};
    int64_t friday = local_s(2026, 1, 9, 0, 0);
    expect(&s, NULL, 0, friday + 19 * 3600, "anna", friday + 18 * 3600, friday + 32 * 3600);
    expect(&s, NULL, 0, friday + 31 * 3600, "anna", friday + 18 * 3600, friday + 32 * 3600); /* Saturday morning is Friday's night */
    expect(&s, NULL, 0, friday + 50 * 3600, NULL, friday + 32 * 3600, friday + (72 + 18) * 3600);
    r.weekdays = 0x60; /* whole days that touch are one turn */
    r.from_minute = 0;
    r.to_minute = 1440;
    expect(&s, NULL, 0, friday + 30 * 3600, "anna", friday + 24 * 3600, friday + 72 * 3600);
    expect(&s, NULL, 0, friday + 12 * 3600, NULL, friday - 96 * 3600, friday + 24 * 3600);
}

/* ---- minute by minute ---- */

enum { DAYS = 24, MINUTES = DAYS * 1440, MOST = 3 };
struct world {
    int64_t begin_s;                 /* UTC, a whole minute */
    int64_t latest[MINUTES];         /* local seconds that clocks have shown by then at the most */
    int64_t id[MINUTES];             /* who, and by which turn: the same while it is one */
    const struct slice *person[MINUTES];
};
static struct world world;

static uint64_t seed;
static unsigned draw(unsigned below) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return (unsigned)(seed >> 33) % below;
}

/* The first minute at which clocks show it, or later. */
static int minute_of(int64_t local) {
    int low = 0, high = MINUTES;
    while (low < high) {
        int middle = (low + high) / 2;
        if (world.latest[middle] >= local) high = middle;
        else low = middle + 1;
    }
    return low;
}

static void begin_world(const struct zone *z, int64_t begin_s) {
    world.begin_s = begin_s;
    for (int m = 0; m < MINUTES; m++) {
        int64_t s = begin_s + 60LL * m, local = s + zone_offset(z, s);
        world.latest[m] = m > 0 && world.latest[m - 1] > local ? world.latest[m - 1] : local;
        world.id[m] = -1;
        world.person[m] = NULL;
    }
}

static void mark_rotation(const struct zone *z, const struct oncall_rotation *r, int number) {
    static bool in[MINUTES];
    static int run[MINUTES];
    int64_t first_day = (world.begin_s + zone_offset(z, world.begin_s)) / 86400 - 2;
    memset(in, 0, sizeof in);
    for (int64_t d = first_day; d < first_day + DAYS + 4; d++) {
        if (r->weekdays != 0 && !(r->weekdays >> ((date_weekday(d) + 6) % 7) & 1)) continue;
        int64_t from = d * 86400 + r->from_minute * 60, to = (r->from_minute >= r->to_minute ? d + 1 : d) * 86400 + r->to_minute * 60;
        for (int m = minute_of(from); m < minute_of(to); m++) in[m] = true;
    }
    for (int m = 0; m < MINUTES; m++) run[m] = m > 0 && in[m] == in[m - 1] ? run[m - 1] : m;
    int64_t k = -1;
    for (int m = 0; m < MINUTES; m++) {
        while (world.latest[m] >= r->starts_s + (k + 1) * r->turn_s) k++;
        if (k < 0 || !in[m] || world.id[m] >= 0) continue;
        world.id[m] = ((int64_t)(number + 1) << 48) + (k << 24) + run[m];
        world.person[m] = &r->people[k % r->n_people];
    }
}

static void check_world(const struct oncall_schedule *s, const struct oncall_override *o, unsigned n) {
    static struct oncall_turn turns[4096];
    int64_t begin_us = world.begin_s * 1000000, end_us = begin_us + MINUTES * MINUTE_US;
    unsigned count = oncall_turns(s, o, n, begin_us + 5 * 1440 * MINUTE_US, end_us - 5 * 1440 * MINUTE_US, 4096, turns);
    assert_in_range(count, 1, 4095);
    for (unsigned i = 0; i + 1 < count; i++) assert_int_equal(turns[i].to_us, turns[i + 1].from_us);
    unsigned at = 0;
    for (int m = 5 * 1440; m < MINUTES - 5 * 1440; m++) {
        int64_t us = begin_us + m * MINUTE_US;
        while (turns[at].to_us != 0 && turns[at].to_us <= us) at++;
        if (world.person[m] == NULL ? !slice_is_null(turns[at].person) : !slice_eq(*world.person[m], turns[at].person))
            fail_msg("seed %llu, minute %d", (unsigned long long)seed, m);
        /* one turn exactly as long as it is one */
        if (world.id[m] != world.id[m - 1] && turns[at].from_us != us) fail_msg("seed %llu: a turn begins in minute %d", (unsigned long long)seed, m);
        if (world.id[m] == world.id[m - 1] && turns[at].from_us == us) fail_msg("seed %llu: no turn begins in minute %d", (unsigned long long)seed, m);
        if (m % 97 != 0) continue;
        struct oncall_turn one;
        oncall_at(s, o, n, us + draw(60000000), &one);
        assert_int_equal(one.from_us, turns[at].from_us);
        assert_int_equal(one.to_us, turns[at].to_us);
        assert_int_equal(one.override, turns[at].override);
    }
}

static void one_world(const char *name, int64_t around_s) {
    static struct slice people[] = {{"anna", 4}, {"ben", 3}, {"cleo", 4}, {"dora", 4}, {"eve", 3}};
    static const int64_t turns[] = {3600, 5400, 8 * 3600, 12 * 3600, 86400, 3 * 86400, 7 * 86400};
    struct oncall_rotation r[MOST];
    struct oncall_override o[4];
    struct oncall_schedule s = {.name = SLICE("primary"), .zone = zone(name), .rotations = r, .n_rotations = 1 + draw(MOST)};
    unsigned n = draw(5);
    begin_world(s.zone, around_s - DAYS * 43200LL);
    for (unsigned i = 0; i < n; i++) {
        int from = (int)draw(MINUTES - 3000), to = from + 1 + (int)draw(3000);
        o[i] = (struct oncall_override){.number = i + 1, .schedule = s.name, .person = people[draw(5)], .made_us = draw(3), .removed = draw(5) == 0,
                                        .from_us = (world.begin_s + from * 60LL) * 1000000, .to_us = (world.begin_s + to * 60LL) * 1000000};
    }
    for (int made = 2; made >= 0; made--)
        for (unsigned i = n; i-- > 0;)
            for (int m = 0; o[i].made_us == made && !o[i].removed && m < MINUTES; m++) {
                int64_t us = (world.begin_s + 60LL * m) * 1000000;
                if (us < o[i].from_us || us >= o[i].to_us || world.id[m] >= 0) continue;
                world.id[m] = o[i].number;
                world.person[m] = &o[i].person;
            }
    for (unsigned i = 0; i < s.n_rotations; i++) {
        int64_t begins = world.begin_s + (int64_t)draw(8) * 86400 + draw(96) * 900; /* read as local: near enough anywhere */
        r[i] = (struct oncall_rotation){.people = people + draw(3), .n_people = 1 + draw(3), .starts_s = begins, .turn_s = turns[draw(7)], .to_minute = 1440};
        if (draw(3) > 0) r[i].weekdays = 1 + draw(0x7E);
        if (draw(2) > 0) {
            r[i].from_minute = (int)draw(96) * 15;
            do r[i].to_minute = 15 + (int)draw(96) * 15;
            while (r[i].to_minute == r[i].from_minute);
        }
        mark_rotation(s.zone, &r[i], (int)i);
    }
    check_world(&s, o, n);
}

static void test_against_minutes(void **state) {
    (void)state;
    static const struct { const char *zone; int64_t year; int month, day; } changes[] = {
        {"Europe/London", 2026, 3, 29},   {"Europe/London", 2026, 10, 25},      {"America/New_York", 2026, 3, 8},     {"America/New_York", 2026, 11, 1},
        {"Australia/Lord_Howe", 2026, 4, 5}, {"Australia/Lord_Howe", 2026, 10, 4}, {"Asia/Kathmandu", 2026, 6, 1}, {"UTC", 2026, 1, 1},
    };
    for (unsigned i = 0; i < sizeof changes / sizeof *changes; i++)
        for (unsigned k = 0; k < 60; k++) {
            seed = 1000 * i + k + 1;
            one_world(changes[i].zone, local_s(changes[i].year, changes[i].month, changes[i].day, 0, 0));
        }
}

/* ---- escalations ---- */

static void test_escalation(void **state) {
    (void)state;
    struct oncall_person people[] = {{SLICE("anna"), SLICE("pager-anna"), SLICE_NULL}};
    struct oncall_rotation r = {.people = two, .n_people = 1, .starts_s = 1000, .turn_s = 86400, .to_minute = 1440};
    struct oncall_schedule s[] = {{.name = SLICE("primary"), .zone = zone("UTC"), .rotations = &r, .n_rotations = 1},
                                  {.name = SLICE("empty"), .zone = zone("UTC")}};
    struct escalation_step steps[] = {{ESCALATE_SCHEDULE, SLICE("primary"), 10 * MINUTE_US}, {ESCALATE_SCHEDULE, SLICE("empty"), 10 * MINUTE_US},
                                      {ESCALATE_PERSON, SLICE("anna"), 5 * MINUTE_US}, {ESCALATE_RECEIVER, SLICE("ops"), MINUTE_US}};
    const struct escalation e = {.name = SLICE("pager"), .steps = steps, .n_steps = 4, .repeat = 1};
    const struct alert_policy p = {.people = people, .n_people = 1, .schedules = s, .n_schedules = 2};
    struct escalation_state at = {.step = -1};
    struct escalation_call calls[8];
    int64_t now = HOUR_US;
    assert_int_equal(escalation_step(&p, &e, NULL, 0, &at, now, &arena, calls, 8), 1);
    assert_true(slice_is(calls[0].receiver, "pager-anna") && slice_is(calls[0].person, "anna") && slice_is(calls[0].schedule, "primary"));
    assert_true(slice_is(calls[0].why, "step 1 of 4: primary (anna)"));
    assert_int_equal(at.due_us, now + 10 * MINUTE_US);
    assert_int_equal(escalation_step(&p, &e, NULL, 0, &at, at.due_us - 1, &arena, calls, 8), 0);
    /* nobody has the second step: it is said, and the third is taken at once */
    now = at.due_us;
    assert_int_equal(escalation_step(&p, &e, NULL, 0, &at, now, &arena, calls, 8), 2);
    assert_true(slice_is_null(calls[0].receiver) && slice_is(calls[0].why, "step 2 of 4: nobody is on call in empty"));
    assert_true(slice_is(calls[1].receiver, "pager-anna") && slice_is(calls[1].why, "step 3 of 4: anna"));
    assert_int_equal(at.due_us, now + 5 * MINUTE_US);
    now = at.due_us;
    assert_int_equal(escalation_step(&p, &e, NULL, 0, &at, now, &arena, calls, 8), 1);
    assert_true(slice_is(calls[0].receiver, "ops") && slice_is_null(calls[0].person));
    now = at.due_us;
    assert_int_equal(escalation_step(&p, &e, NULL, 0, &at, now, &arena, calls, 8), 1);
    assert_true(slice_is(calls[0].why, "round 2, step 1 of 4: primary (anna)"));
    assert_int_equal(at.round, 1);
    now = at.due_us;
    (void)escalation_step(&p, &e, NULL, 0, &at, now, &arena, calls, 8);
    assert_int_equal(escalation_step(&p, &e, NULL, 0, &at, at.due_us, &arena, calls, 8), 1);
    assert_int_equal(at.due_us, 0);
    assert_int_equal(escalation_step(&p, &e, NULL, 0, &at, now + 100 * HOUR_US, &arena, calls, 8), 0);
}

static void test_nobody_at_all(void **state) {
    (void)state;
    struct escalation_step steps[] = {{ESCALATE_SCHEDULE, SLICE("gone"), MINUTE_US}, {ESCALATE_PERSON, SLICE("gone"), MINUTE_US}};
    const struct escalation e = {.steps = steps, .n_steps = 2, .repeat = 1}, none = {.n_steps = 0};
    const struct alert_policy p = {.n_people = 0};
    struct escalation_state at = {.step = -1};
    struct escalation_call calls[8];
    assert_int_equal(escalation_step(&p, &e, NULL, 0, &at, HOUR_US, &arena, calls, 8), 4);
    for (unsigned i = 0; i < 4; i++) assert_true(slice_is_null(calls[i].receiver));
    assert_true(slice_is(calls[1].why, "step 2 of 2: gone, who is not in oncall.people"));
    assert_int_equal(at.due_us, 0);
    at = (struct escalation_state){.step = -1};
    assert_int_equal(escalation_step(&p, &e, NULL, 0, &at, HOUR_US, &arena, calls, 1), 1); /* no room for more: the rest is due at once */
    assert_int_equal(at.due_us, HOUR_US);
    at = (struct escalation_state){.step = -1};
    assert_int_equal(escalation_step(&p, &none, NULL, 0, &at, HOUR_US, &arena, calls, 8), 0);
    assert_int_equal(at.due_us, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weeks_over_a_clock_change), cmocka_unit_test(test_overrides),  cmocka_unit_test(test_nights_and_weekends),
        cmocka_unit_test(test_against_minutes),           cmocka_unit_test(test_escalation), cmocka_unit_test(test_nobody_at_all),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
