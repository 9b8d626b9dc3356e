/* Which messages stay. A conversation is written as a word: S system, u user, a assistant, c assistant with
 * one tool call, C with two, r result, t user's message that is a result alone. Each message has 10 tokens.
 */
#include "model/history.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { MOST = 64, EACH = 10 };

static const struct history_policy nothing = {.keep_last = -1, .max_tokens = -1, .keep_system = true};

static uint32_t conversation(const char *word, struct history_message *ret) {
    uint32_t n = 0;
    for (; word[n] != 0; n++) {
        char c = word[n];
        ret[n] = (struct history_message){.role = c == 'S'               ? HISTORY_SYSTEM
                                                  : c == 'u' || c == 't' ? HISTORY_USER
                                                                         : HISTORY_OTHER,
                                          .calls = c == 'c'   ? 1
                                                   : c == 'C' ? 2
                                                              : 0,
                                          .results = c == 'r' || c == 't',
                                          .tokens = EACH};
    }
    return n;
}

/* `want` has a dot for each that is dropped; NULL: no cut is known to be safe. */
static void cuts(struct history_policy h, const char *word, const char *want) {
    struct history_message m[MOST];
    char found[MOST + 1] = "";
    int64_t saved = -7, dropped = 0;
    uint32_t n = conversation(word, m);
    bool good = history_cut(&h, m, n, &saved);
    for (uint32_t i = 0; i < n; i++) {
        found[i] = word[i];
        if (m[i].dropped) found[i] = '.', dropped++;
    }
    if (good != (want != NULL) || strcmp(found, want != NULL ? want : word) != 0)
        fail_msg("%s: wanted %s, found %s", word, want != NULL ? want : "no cut", good ? found : "no cut");
    assert_int_equal(saved, good ? dropped * EACH : -7);
}

static struct history_policy last(int64_t turns) {
    struct history_policy h = nothing;
    h.keep_last = turns;
    return h;
}

static struct history_policy most(int64_t tokens) {
    struct history_policy h = nothing;
    h.max_tokens = tokens;
    return h;
}

static void the_last_turns_stay(void **state) {
    (void)state;
    cuts(last(1), "uauau", "....u");
    cuts(last(2), "uauau", "..uau");
    cuts(last(3), "uauau", "uauau");
    cuts(last(9), "uauau", "uauau");
    cuts(last(1), "u", "u");
    cuts(last(1), "uaua", "..ua");   /* the answer has begun */
    cuts(last(1), "auau", "...u");   /* a greeting belongs to the first turn */
    cuts(last(1), "uuu", "..u");     /* each is a turn */
    cuts(nothing, "uauau", "uauau"); /* not declared */
    assert_false(history_is_declared(&nothing));
    struct history_policy h = last(1);
    assert_true(history_is_declared(&h));
    h = most(1);
    assert_true(history_is_declared(&h));
}

static void system_and_first_stay_where_asked(void **state) {
    (void)state;
    struct history_policy h = last(1);
    cuts(h, "SuaSuau", "S..S..u");
    h.keep_system = false;
    cuts(h, "SuaSuau", "......u");
    cuts(h, "SuauS", "...uS"); /* of the last turn */
    h.keep_first = true;
    cuts(h, "SuaSuau", "SuaS..u"); /* what comes before the first user is the first turn's */
    h.keep_system = true;
    cuts(h, "uauau", "ua..u");
    cuts(h, "u", "u");
}

static void calls_and_results_go_together(void **state) {
    (void)state;
    cuts(last(1), "ucrau", "....u");
    cuts(last(1), "uaucra", "..ucra");
    cuts(last(1), "uaucrcr", "..ucrcr"); /* an agent's long turn is one */
    cuts(last(1), "uauct", "..uct");     /* results in a user's message */
    cuts(last(1), "uauctatau", NULL);    /* the second has no call */
    cuts(last(1), "uCrrau", ".....u");
    cuts(last(1), "uCrurau", "......u"); /* between a call and its result no turn begins */
    cuts(last(1), "uaCrur", "uaCrur");   /* one turn */
    cuts(last(1), "ucu", "ucu");         /* the result never came: nobody can tell where to cut */
}

static void the_newest_fit_into_the_tokens(void **state) {
    (void)state;
    cuts(most(50), "uauau", "uauau");
    cuts(most(49), "uauau", "..uau");
    cuts(most(30), "uauau", "..uau");
    cuts(most(29), "uauau", "....u");
    cuts(most(1), "uauau", "....u"); /* the last turn stays above it */
    cuts(most(40), "Suauau", "S..uau");
    cuts(most(39), "Suauau", "S....u"); /* system messages count */
    struct history_policy h = most(50);
    h.keep_first = true;
    cuts(h, "uauauau", "ua..uau");
    h.keep_last = 1;
    cuts(h, "uauauau", "ua....u"); /* both bounds hold */
    cuts(most(40), "uauauaua", "....uaua");
}

static void a_gap_is_not_jumped(void **state) {
    (void)state;
    struct history_message m[MOST];
    int64_t saved;
    struct history_policy h = most(100);
    uint32_t n = conversation("uauau", m);
    m[2].tokens = 1000; /* the turn in the middle; the one before it would fit */
    assert_true(history_cut(&h, m, n, &saved));
    assert_true(m[0].dropped && m[1].dropped && m[2].dropped && m[3].dropped);
    assert_int_equal(saved, 1000 + 3 * EACH);
}

static void unknown_shapes_are_left_alone(void **state) {
    (void)state;
    cuts(last(1), "", NULL);
    cuts(last(1), "S", NULL);
    cuts(last(1), "aa", NULL);
    cuts(last(1), "ru", NULL);
    cuts(last(1), "uaur", NULL);
    cuts(last(1), "ucrrau", NULL);
}

/* Any conversation and policy: no result without its call, the last turn whole, order and bounds as declared.
 */
static void check_any(const struct history_policy *h, const struct history_message *m, uint32_t n) {
    int64_t open = 0, tokens = 0, loose = 0;
    uint32_t turns = 0, before = UINT32_MAX, last_turn = m[n - 1].turn;
    assert_false(m[n - 1].dropped);
    for (uint32_t i = 0; i < n; i++) {
        bool system = m[i].role == HISTORY_SYSTEM && h->keep_system;
        if (m[i].turn == last_turn || system || (h->keep_first && m[i].turn == 0)) assert_false(m[i].dropped);
        if (i > 0 && m[i].turn == m[i - 1].turn && !system &&
            !(m[i - 1].role == HISTORY_SYSTEM && h->keep_system))
            assert_int_equal(m[i].dropped, m[i - 1].dropped);
        if (m[i].dropped) continue;
        open += (int64_t)m[i].calls - m[i].results;
        assert_true(open >= 0);
        tokens += m[i].tokens;
        if (system) continue;
        if (m[i].turn != before && !(h->keep_first && m[i].turn == 0)) turns++;
        if (m[i].turn != last_turn && !(h->keep_first && m[i].turn == 0)) loose += m[i].tokens;
        before = m[i].turn;
    }
    if (h->keep_last >= 0) assert_true(turns <= h->keep_last);
    if (h->max_tokens >= 0) assert_true(tokens <= h->max_tokens || loose == 0);
}

static void any_conversation(void **state) {
    (void)state;
    unsigned cut = 0;
    srand(20261121);
    for (unsigned round = 0; round < 20000; round++) {
        struct history_message m[MOST];
        char word[MOST] = "";
        uint32_t n = 1 + (uint32_t)rand() % 30;
        int open = 0;
        for (uint32_t i = 0; i < n; i++) {
            word[i] = open > 0 && rand() % 4 != 0 ? "rt"[rand() % 2] : "uuuuaaacSC"[rand() % 10];
            if (rand() % 200 == 0) word[i] = 'r'; /* at times without a call */
            open += word[i] == 'c' ? 1 : word[i] == 'C' ? 2 : word[i] == 'r' || word[i] == 't' ? -1 : 0;
        }
        struct history_policy h = {.keep_last = rand() % 3 == 0 ? -1 : 1 + rand() % 6,
                                   .max_tokens = rand() % 3 == 0 ? -1 : rand() % 300,
                                   .keep_system = rand() % 2,
                                   .keep_first = rand() % 2};
        int64_t saved;
        (void)conversation(word, m);
        for (uint32_t i = 0; i < n; i++) m[i].tokens = rand() % 40;
        if (!history_cut(&h, m, n, &saved)) continue;
        check_any(&h, m, n);
        cut += saved > 0;
    }
    assert_true(cut > 1000);
}

static void estimates(void **state) {
    (void)state;
    assert_int_equal(history_estimate(0, 0), 0);
    assert_int_equal(history_estimate(1, 0), 1);
    assert_int_equal(history_estimate(4, 0), 1);
    assert_int_equal(history_estimate(5, 2), 2 + 1600);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_last_turns_stay),
        cmocka_unit_test(system_and_first_stay_where_asked),
        cmocka_unit_test(calls_and_results_go_together),
        cmocka_unit_test(the_newest_fit_into_the_tokens),
        cmocka_unit_test(a_gap_is_not_jumped),
        cmocka_unit_test(unknown_shapes_are_left_alone),
        cmocka_unit_test(any_conversation),
        cmocka_unit_test(estimates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
