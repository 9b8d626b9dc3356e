/* The demo's own world: its files are read, its script is one whatever weekday it begins on, and its traffic is what the stories need. */
#include "base/digest.h"
#include "base/yaml.h"
#include "sim/script.h"
#include "sim/world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { DAYS = 28 };
#define DAY_US 86400000000LL
#define MONDAY_US (20395 * DAY_US) /* 2025-11-03 */

static struct arena arena;

static bool file_of(void *ctx, const char *name, struct slice *ret) {
    char path[512];
    (void)ctx;
    (void)snprintf(path, sizeof path, "examples/demo/%s", name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) return false;
    char *at = arena_alloc(&arena, 1 << 20);
    assert_non_null(at);
    *ret = slice_make(at, fread(at, 1, 1 << 20, file));
    (void)fclose(file);
    return true;
}

static int open_arena(void **state) {
    (void)state;
    arena_init(&arena, 1 << 20, 1 << 30);
    return 0;
}

static int close_arena(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static struct world_options from(int64_t start_us) {
    return (struct world_options){.file = file_of, .arena = &arena, .seed = 1, .start_us = start_us, .days = DAYS};
}

static void its_script_is_one_on_every_weekday(void **state) {
    (void)state;
    for (int weekday = 0; weekday < 7; weekday++) {
        struct world_options o = from(MONDAY_US + weekday * DAY_US);
        struct buffer text;
        struct error error = {0};
        buffer_init(&text, 1 << 20);
        assert_int_equal(world_fill_in(&o, "simulator.yaml", &text, &error), FAULT_NONE);
        struct script *s = script_new(buffer_slice(&text), "simulator.yaml", &error);
        if (s == NULL) fail_msg("%s", error.text);
        const struct script_rule *outage = NULL;
        for (unsigned i = 0; i < script_rules(s); i++)
            if (slice_starts(script_rule(s, i)->name, SLICE("a vendor outage"))) outage = script_rule(s, i);
        assert_non_null(outage);
        assert_int_equal((outage->to_us - outage->from_us) / 60000000, 40);
        assert_true((weekday + outage->from_us / DAY_US) % 7 < 5); /* from Monday: no weekend has a peak */
        script_free(s);
        buffer_deinit(&text);
    }
}

static void its_people_act_on_its_days(void **state) {
    (void)state;
    struct world_options o = from(MONDAY_US);
    struct world *w = NULL;
    struct error error = {0};
    if (world_new(&o, &w, &error) != FAULT_NONE) fail_msg("%s", error.text);
    assert_true(world_people(w) >= 4 && world_acts(w) > 60);
    for (unsigned i = 0; i < world_acts(w); i++) assert_true(world_act_at(w, i)->at_us < DAYS * DAY_US);
}

/* What an act fills in was kept before, whatever weekday the world begins on: the first weekdays from two days on may be one day. */
static void its_people_know_what_they_speak_of(void **state) {
    (void)state;
    for (int weekday = 0; weekday < 7; weekday++) {
        struct world_options o = from(MONDAY_US + weekday * DAY_US);
        struct world *w = NULL;
        struct error error = {0};
        if (world_new(&o, &w, &error) != FAULT_NONE) fail_msg("%s", error.text);
        for (unsigned late = 0; late < world_acts(w); late++) {
            const struct world_act *keeps = world_act_at(w, late);
            for (const struct yaml_node *name = keeps->keep != NULL ? keeps->keep->first : NULL; name != NULL; name = name->next) {
                struct slice hole = arena_printf(&arena, "{" SLICE_FMT "}", SLICE_ARG(name->key));
                for (unsigned i = 0; i <= late; i++) {
                    const struct world_act *act = world_act_at(w, i);
                    if (slice_contains(act->path, hole) || slice_contains(act->body, hole) || slice_contains(act->verb, hole))
                        fail_msg("begun on weekday %d: " SLICE_FMT " is filled in before it is kept", weekday, SLICE_ARG(hole));
                }
            }
        }
    }
}

/* Passages a question of the handbook brings along, on this day. */
static void its_traffic_is_what_the_stories_need(void **state) {
    (void)state;
    struct world_options o = from(MONDAY_US);
    struct world *w = NULL;
    struct world_request q;
    struct error error = {0};
    struct arena of_one;
    unsigned all = 0, peak = 0, passages = 0;
    unsigned long bytes[4] = {0}, asked[4] = {0};
    assert_int_equal(world_new(&o, &w, &error), FAULT_NONE);
    arena_init(&of_one, 1 << 16, 16 << 20);
    while (world_request_next(w, false, &of_one, &q)) {
        int64_t day = q.at_us / DAY_US, minute = q.at_us % DAY_US / 60000000;
        all++;
        if (slice_starts(q.kind, SLICE("handbook with"))) {
            bytes[day / 7] += q.body.len;
            asked[day / 7]++;
            passages++;
        }
        if (day == 8 && minute >= 660 && minute < 700) peak++; /* the outage: the ninth day is a Tuesday here */
        arena_reset(&of_one);
    }
    arena_deinit(&of_one);
    assert_in_range(all, 25000, 31000);
    assert_true(peak > 45);
    assert_true(passages > 2100);
    for (int week = 1; week < 4; week++) assert_true((double)bytes[week] / (double)asked[week] > 1.08 * (double)bytes[week - 1] / (double)asked[week - 1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(its_script_is_one_on_every_weekday, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(its_people_act_on_its_days, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(its_people_know_what_they_speak_of, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(its_traffic_is_what_the_stories_need, open_arena, close_arena),
    };
    return digest_start() ? cmocka_run_group_tests(tests, NULL, NULL) : 1;
}
