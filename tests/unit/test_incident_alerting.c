/* The life of an alert, in tables and exhaustively; silences and inhibitions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "incident/alerting.h"

#include <math.h>
#include <string.h>

#define S 1000000LL
#define T0 (1700000000LL * S)

static enum alert_observed observed(char c) {
    return c == 'B' ? OBSERVED_BEYOND : c == '-' ? OBSERVED_BETWEEN : c == '.' ? OBSERVED_NOT : OBSERVED_NOTHING;
}
static char letter(enum alert_state s) { return "ipfarFn"[s]; } /* inactive pending firing acknowledged resolved Flapping nodata */
static char told_letter(enum alert_told t) { return " FRPN"[t]; }

/* One evaluation a second; "f2 k3" in seconds. */
struct row { const char *what; int for_s, keep_s; enum alert_no_data no_data; const char *seen, *states, *told; };
static const struct row table[] = {
    {"fires at once", 0, 0, NO_DATA_STATE, ".B.", "ifr", " FR"},
    {"for: beyond all the time", 2, 0, NO_DATA_STATE, "BBBB.", "ppffr", "  F R"},
    {"for: one well value begins anew", 2, 0, NO_DATA_STATE, "BB.BBB", "ppippf", "     F"},
    {"for: between is not beyond", 2, 0, NO_DATA_STATE, "BB-BBB", "ppippf", "     F"},
    {"hysteresis: between keeps it firing", 0, 0, NO_DATA_STATE, "B---.", "ffffr", "F   R"},
    {"hysteresis: between does not begin it", 0, 0, NO_DATA_STATE, "---", "iii", "   "},
    {"keep: well for long enough", 0, 2, NO_DATA_STATE, "B...", "fffr", "F  R"},
    {"keep: beyond begins it anew", 0, 2, NO_DATA_STATE, "B..B...", "ffffffr", "F     R"},
    {"keep: between is not well", 0, 2, NO_DATA_STATE, "B..-...", "ffffffr", "F     R"},
    {"no data starts nothing", 0, 0, NO_DATA_STATE, "??.", "nni", "N  "},
    {"no data ends nothing", 0, 0, NO_DATA_STATE, "B??B.", "fnnfr", "FN  R"},
    {"no data does not count for for: three heard", 2, 0, NO_DATA_STATE, "BB???BB", "ppnnnff", "  N  F "},
    {"the same, two heard", 2, 0, NO_DATA_STATE, "B???BB", "pnnnpf", " N   F"},
    {"no data does not count for keep", 0, 3, NO_DATA_STATE, "B..??..", "fffnnfr", "F  N  R"},
    {"no data fires", 2, 0, NO_DATA_FIRES, "???.", "ppfr", "  FR"},
    {"no data is well", 0, 1, NO_DATA_OK, "B??", "ffr", "F R"},
    {"resolved, and again", 1, 0, NO_DATA_STATE, "BB.BB", "pfrpf", " FR F"},
    {"pending falls silent, and is well then", 3, 0, NO_DATA_STATE, "BB?.", "ppni", "  N "},
};

static struct alert_rule rule_of(const struct row *r) {
    return (struct alert_rule){.name = SLICE("slow"), .for_us = r->for_s * S, .keep_us = r->keep_s * S, .no_data = r->no_data};
}

static void each_row_of_the_table(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        struct alert_rule rule = rule_of(&table[i]);
        struct alert_life life = {0};
        char states[32] = "", told[32] = "";
        for (size_t k = 0; table[i].seen[k]; k++) {
            told[k] = told_letter(alert_step(&rule, &life, observed(table[i].seen[k]), T0 + (int64_t)k * S));
            states[k] = letter(life.state);
        }
        if (strcmp(states, table[i].states) != 0 || strcmp(told, table[i].told) != 0)
            fail_msg("%s: %s: states %s for %s, told \"%s\" for \"%s\"", table[i].what, table[i].seen, states, table[i].states, told, table[i].told);
    }
}

/* What a row of the registry remembers of it. */
static struct alert_life restarted(const struct alert_life *life) {
    struct alert_life l = *life;
    l.period_us = 0;
    return l;
}

enum { LENGTH = 8, SYMBOLS = 4 };
static unsigned run_all(int for_s, int keep_s, enum alert_no_data no_data) {
    struct alert_rule rule = {.for_us = for_s * S, .keep_us = keep_s * S, .no_data = no_data, .when = {.window_us = 3600 * S}}; /* no flapping in 8 s */
    unsigned checked = 0;
    for (unsigned code = 0; code < 1u << (2 * LENGTH); code++) {
        struct alert_life life = {0}, back = {0}, again = {0};
        int lit = 0, beyond = 0, well = 0;
        for (unsigned k = 0; k < LENGTH; k++) {
            enum alert_observed seen = (enum alert_observed)(code >> (2 * k) & 3), means = seen;
            int64_t now = T0 + (int64_t)k * S;
            if (seen == OBSERVED_NOTHING && no_data != NO_DATA_STATE) means = no_data == NO_DATA_FIRES ? OBSERVED_BEYOND : OBSERVED_NOT;
            enum alert_told told = alert_step(&rule, &life, seen, now);
            /* the same in other words: seconds of it in a row, with data */
            if (means != OBSERVED_NOTHING) {
                beyond = means == OBSERVED_BEYOND ? beyond + 1 : 0;
                well = means == OBSERVED_NOT ? well + 1 : 0;
                enum alert_told expected = TELL_NOTHING;
                if (!lit && beyond > for_s) lit = 1, expected = TELL_FIRING;
                else if (lit && well > keep_s) lit = 0, expected = TELL_RESOLVED;
                assert_int_equal(told, expected);
                assert_int_equal(life.state == ALERT_FIRING, lit);
                assert_int_equal(life.state == ALERT_PENDING, !lit && beyond > 0);
            } else {
                assert_true(life.state == ALERT_NODATA && (told == TELL_NODATA || told == TELL_NOTHING));
            }
            assert_int_equal(alert_fires(&life), lit);
            /* killed and started again before this evaluation; and evaluated twice, the clock a second back: it stood still */
            again = restarted(&again);
            assert_int_equal(alert_step(&rule, &again, seen, now), told);
            assert_int_equal(alert_step(&rule, &back, seen, now), told);
            struct alert_life still = back;
            if (means != OBSERVED_NOTHING && !(for_s == 0 && keep_s == 0)) {
                enum alert_told twice = alert_step(&rule, &still, seen, now - 3 * S);
                assert_true(twice == TELL_NOTHING && still.state == back.state);
            }
            assert_memory_equal(&again.state, &life.state, sizeof life.state);
            checked++;
        }
    }
    return checked;
}

static void all_sequences_of_eight(void **state) {
    (void)state;
    unsigned n = 0;
    for (int f = 0; f < 4; f++)
        for (int k = 0; k < 4; k++)
            for (int d = 0; d < 3; d++) n += run_all(f, k, (enum alert_no_data)d);
    assert_int_equal(n, 4 * 4 * 3 * 65536 * LENGTH);
}

static void flapping_by_weights(void **state) {
    (void)state;
    /* 0.75 + 0.5 i / 19, i = 0 the oldest of twenty: their sum is 20 */
    assert_float_equal(alert_flapping(0xfffff), 1.0, 1e-12);
    assert_float_equal(alert_flapping(1), 1.25 / 20, 1e-12);
    assert_float_equal(alert_flapping(1 << 19), 0.75 / 20, 1e-12);
    assert_float_equal(alert_flapping(1 << 10), (1.25 - 0.5 * 10 / 19) / 20, 1e-12);
    struct alert_rule rule = {.for_us = 0};
    struct alert_life life = {0};
    unsigned told[5] = {0}, first = 0, k = 0;
    for (; k < 60; k++) { /* every evaluation a change */
        enum alert_told t = alert_step(&rule, &life, k % 2 ? OBSERVED_NOT : OBSERVED_BEYOND, T0 + k * S);
        told[t]++;
        if (t == TELL_FLAPPING) first = k;
    }
    /* the newest nine changes weigh 10.30, eight 9.26: more than half of 20 with the ninth */
    assert_true(first == 8 && told[TELL_FLAPPING] == 1 && told[TELL_FIRING] == 4 && told[TELL_RESOLVED] == 4);
    assert_int_equal(life.state, ALERT_FLAPPING);
    enum alert_told t = TELL_NOTHING;
    unsigned quiet = 0;
    for (; t == TELL_NOTHING && quiet < 40; quiet++, k++) t = alert_step(&rule, &life, OBSERVED_NOT, T0 + k * S);
    /* sixteen periods later the four or five oldest changes are left: below a quarter (the last of sixty was to not firing) */
    double left = 0;
    for (unsigned i = quiet; i < 20; i++) left += (1.25 - 0.5 * i / 19) / 20;
    assert_true(t == TELL_RESOLVED && left < 0.25 && left + (1.25 - 0.5 * (quiet - 1) / 19) / 20 >= 0.25);
    assert_int_equal(life.state, ALERT_RESOLVED);
}

static void a_slow_rule_flaps_in_its_own_time(void **state) {
    (void)state;
    struct alert_rule rule = {.for_us = 60 * S, .keep_us = 60 * S, .when = {.window_us = 300 * S}};
    struct alert_life life = {0};
    unsigned flapping = 0;
    assert_int_equal(alert_period(&rule), 90 * S);
    for (unsigned k = 0; k < 2000; k++) /* each 5 s; a turn of two minutes */
        flapping += alert_step(&rule, &life, k / 14 % 2 ? OBSERVED_NOT : OBSERVED_BEYOND, T0 + k * 5 * S) == TELL_FLAPPING;
    assert_int_equal(flapping, 1);
    struct alert_life calm = {0};
    for (unsigned k = 0; k < 4000; k++) /* a turn of ten minutes is two alerts an hour more, not flapping */
        assert_true(alert_step(&rule, &calm, k / 120 % 2 ? OBSERVED_NOT : OBSERVED_BEYOND, T0 + k * 5 * S) != TELL_FLAPPING);
}

static void flapping_may_end_firing(void **state) {
    (void)state;
    struct alert_rule rule = {.for_us = 0};
    struct alert_life life = {0};
    unsigned k = 0;
    for (; k < 20; k++) (void)alert_step(&rule, &life, k % 2 ? OBSERVED_NOT : OBSERVED_BEYOND, T0 + k * S);
    assert_int_equal(life.state, ALERT_FLAPPING);
    enum alert_told t = TELL_NOTHING;
    for (; t == TELL_NOTHING && k < 60; k++) t = alert_step(&rule, &life, OBSERVED_BEYOND, T0 + k * S);
    assert_true(t == TELL_FIRING && life.state == ALERT_FIRING && life.fired_us == T0 + (k - 1) * S);
}

static void a_person_takes_it_up(void **state) {
    (void)state;
    struct alert_rule rule = {.keep_us = 2 * S};
    struct alert_life life = {0};
    assert_false(alert_acknowledge(&life, T0));
    (void)alert_step(&rule, &life, OBSERVED_BEYOND, T0);
    assert_true(alert_acknowledge(&life, T0 + S) && life.state == ALERT_ACKNOWLEDGED && life.fired_us == T0);
    assert_false(alert_acknowledge(&life, T0 + S));
    assert_int_equal(alert_step(&rule, &life, OBSERVED_BEYOND, T0 + 2 * S), TELL_NOTHING);
    assert_int_equal(life.state, ALERT_ACKNOWLEDGED);
    (void)alert_step(&rule, &life, OBSERVED_NOT, T0 + 3 * S);
    assert_int_equal(alert_step(&rule, &life, OBSERVED_NOT, T0 + 5 * S), TELL_RESOLVED);
    assert_int_equal(alert_step(&rule, &life, OBSERVED_BEYOND, T0 + 6 * S), TELL_FIRING); /* a new one: nobody has it */
    assert_int_equal(life.state, ALERT_FIRING);
    /* while nothing is heard of it */
    (void)alert_step(&rule, &life, OBSERVED_NOTHING, T0 + 7 * S);
    assert_true(alert_acknowledge(&life, T0 + 8 * S) && life.state == ALERT_NODATA && alert_fires(&life));
    (void)alert_step(&rule, &life, OBSERVED_BEYOND, T0 + 9 * S);
    assert_int_equal(life.state, ALERT_ACKNOWLEDGED);
}

static void what_flaps_and_is_taken_up_stays_quiet(void **state) {
    (void)state;
    struct alert_rule rule = {0};
    struct alert_life life = {0};
    unsigned k = 0;
    for (; life.state != ALERT_FLAPPING; k++) (void)alert_step(&rule, &life, k % 2 ? OBSERVED_NOT : OBSERVED_BEYOND, T0 + k * S);
    assert_true(alert_acknowledge(&life, T0 + k * S));
    for (unsigned end = k + 4; k < end; k++) {
        assert_int_equal(alert_step(&rule, &life, k % 2 ? OBSERVED_NOT : OBSERVED_BEYOND, T0 + k * S), TELL_NOTHING);
        assert_int_equal(life.state, ALERT_ACKNOWLEDGED);
    }
    enum alert_told t = TELL_NOTHING;
    for (unsigned end = k + 30; t == TELL_NOTHING && k < end; k++) t = alert_step(&rule, &life, OBSERVED_NOT, T0 + k * S);
    assert_true(t == TELL_RESOLVED && life.state == ALERT_RESOLVED);
}

static void what_a_value_is(void **state) {
    (void)state;
    struct alert_when above = {.test = ALERT_ABOVE, .min_samples = 50}, below = {.test = ALERT_BELOW}, finding = {.test = ALERT_FINDING};
    assert_int_equal(alert_observe(&above, 2, 1.6, 2.1, 50), OBSERVED_BEYOND);
    assert_int_equal(alert_observe(&above, 2, 1.6, 2.0, 50), OBSERVED_BETWEEN);
    assert_int_equal(alert_observe(&above, 2, 1.6, 1.6, 50), OBSERVED_NOT);
    assert_int_equal(alert_observe(&above, 2, 1.6, 9, 49), OBSERVED_NOTHING);
    assert_int_equal(alert_observe(&above, 2, 1.6, NAN, 50), OBSERVED_NOTHING);
    assert_int_equal(alert_observe(&above, 2, 1.6, 9, NAN), OBSERVED_NOTHING);
    assert_int_equal(alert_observe(&above, NAN, NAN, 9, 50), OBSERVED_NOTHING);
    assert_int_equal(alert_observe(&above, 2, NAN, 1.9, 50), OBSERVED_NOT);
    assert_int_equal(alert_observe(&below, 0.8, 0.85, 0.79, 1), OBSERVED_BEYOND);
    assert_int_equal(alert_observe(&below, 0.8, 0.85, 0.8, 1), OBSERVED_BETWEEN);
    assert_int_equal(alert_observe(&below, 0.8, 0.85, 0.85, 1), OBSERVED_NOT);
    assert_int_equal(alert_observe(&finding, 0, 0, 1, 1), OBSERVED_BEYOND);
    assert_int_equal(alert_observe(&finding, 0, 0, 0, 1), OBSERVED_NOT);
}

/* ---- muting ---- */

static struct alert_label labels_of(const char *name, const char *value) {
    return (struct alert_label){slice_of(name), slice_of(value)};
}

static bool matches(const char *text, const struct alert_identity *a) {
    struct arena arena;
    struct silence_matcher m = {0};
    struct error error = {0};
    arena_init(&arena, 1 << 10, 1 << 16);
    if (silence_matcher_read(slice_of(text), &arena, &m, &error) != FAULT_NONE) fail_msg("%s", error.text);
    bool is = silence_matches(&m, 1, a);
    silence_matchers_free(&m, 1);
    arena_deinit(&arena);
    return is;
}

static void silences(void **state) {
    (void)state;
    struct alert_label labels[] = {labels_of("application", "hélp=desk"), labels_of("model", "gpt-4o")};
    struct alert_identity a = {SLICE("slow-chat"), ALERT_CRITICAL, labels, 2};
    static const struct { const char *text; bool is; } cases[] = {
        {"rule=slow-chat", true}, {"rule=slow-*", true}, {"rule=*chat", true}, {"rule=*", true}, {"rule=s*w*t", true}, {"rule=slow", false},
        {"alertname=slow-chat", true}, {"severity=critical", true}, {"severity!=critical", false}, {"application=hélp=desk", true},
        {"application!=x", true}, {"model=~gpt.*", true}, {"model=~gpt", false}, {"model!~gpt.*", false}, {"model!~claude.*", true},
        {"team=", true}, {"team=x", false}, {" rule = slow-* ", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (matches(cases[i].text, &a) != cases[i].is) fail_msg("%s", cases[i].text);
    assert_false(silence_matches(NULL, 0, &a)); /* nothing said mutes nothing */
    struct arena arena;
    struct silence_matcher *m = NULL, one;
    struct error error = {0};
    unsigned n = 0;
    arena_init(&arena, 1 << 10, 1 << 16);
    assert_int_equal(silence_matchers_read(SLICE("[\"rule=slow-*\",\"model=~gpt.*\"]"), &arena, &m, &n, &error), FAULT_NONE);
    assert_true(n == 2 && silence_matches(m, n, &a));
    labels[1] = labels_of("model", "claude");
    assert_false(silence_matches(m, n, &a));
    silence_matchers_free(m, n);
    static const char *const bad[] = {"rule", "", "=x", "a b=c", "1a=b", "model=~(", "model=~[", "~x", "!=x"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (silence_matcher_read(slice_of(bad[i]), &arena, &one, &error) != FAULT_BAD_REQUEST) fail_msg("%s", bad[i]);
    static const char *const bad_lists[] = {"[]", "{}", "[1]", "[\"rule\"]", "[\"a=b\",\"model=~(\"]"};
    for (size_t i = 0; i < sizeof bad_lists / sizeof *bad_lists; i++)
        if (silence_matchers_read(slice_of(bad_lists[i]), &arena, &m, &n, &error) != FAULT_BAD_REQUEST) fail_msg("%s", bad_lists[i]);
    arena_deinit(&arena);
}

static void inhibition(void **state) {
    (void)state;
    struct alert_label openai[] = {labels_of("provider", "openai")}, azure[] = {labels_of("provider", "azure")}, none[] = {labels_of("model", "m")};
    struct alert_identity outage = {SLICE("provider-down"), ALERT_CRITICAL, openai, 1}, slow = {SLICE("slow-chat"), ALERT_ERROR, openai, 1},
                          other = {SLICE("slow-chat"), ALERT_ERROR, azure, 1}, without = {SLICE("slow-chat"), ALERT_ERROR, none, 1};
    struct alert_inhibition i = {SLICE("provider-*"), SLICE("slow-*"), SIGNAL_BY_BIT(PROVIDER)}, any = {SLICE("provider-*"), SLICE("*"), 0};
    assert_true(inhibits(&i, &outage, &slow));
    assert_false(inhibits(&i, &outage, &other));
    assert_false(inhibits(&i, &outage, &without)); /* both have to have it */
    assert_false(inhibits(&i, &slow, &outage));
    assert_true(inhibits(&any, &outage, &without));
    assert_false(inhibits(&any, &outage, &outage));
    struct alert_identity outage_azure = {SLICE("provider-down"), ALERT_CRITICAL, azure, 1};
    assert_true(inhibits(&any, &outage, &outage_azure));
}

static void fingerprints(void **state) {
    (void)state;
    char a[17], b[17], c[17];
    alert_fingerprint(SLICE("slow"), SLICE("{\"a\":1}"), a);
    alert_fingerprint(SLICE("slow"), SLICE("{\"a\":1}"), b);
    alert_fingerprint(SLICE("slow{"), SLICE("\"a\":1}"), c);
    assert_true(strlen(a) == 16 && strcmp(a, b) == 0 && strcmp(a, c) != 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_of_the_table),
        cmocka_unit_test(all_sequences_of_eight),
        cmocka_unit_test(flapping_by_weights),
        cmocka_unit_test(a_slow_rule_flaps_in_its_own_time),
        cmocka_unit_test(flapping_may_end_firing),
        cmocka_unit_test(a_person_takes_it_up),
        cmocka_unit_test(what_flaps_and_is_taken_up_stays_quiet),
        cmocka_unit_test(what_a_value_is),
        cmocka_unit_test(silences),
        cmocka_unit_test(inhibition),
        cmocka_unit_test(fingerprints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
