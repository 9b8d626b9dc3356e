/* What lint notices, and what it must not take for something: a note that is wrong twice is read no more. */
#include "change/lint.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;

static int set_up(void **state) {
    (void)state;
    arena_init(&arena, 64 << 10, 64 << 20);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static unsigned notes_of(const char *text, struct lint_note **ret) {
    struct prompt_message m = {.role = SLICE("system"), .content = slice_of(text)};
    struct prompt p = {.name = SLICE("p"), .messages = &m, .n_messages = 1};
    unsigned n = 0;
    assert_int_equal(lint_prompt(&p, -1, -1, &arena, ret, &n), FAULT_NONE);
    return n;
}

struct row {
    const char *text;
    int rule; /* -1: nothing */
};

static void look(const struct row *rows, size_t n) {
    for (size_t i = 0; i < n; i++) {
        struct lint_note *notes;
        unsigned found = notes_of(rows[i].text, &notes);
        bool has = false;
        for (unsigned k = 0; k < found; k++) has = has || (int)notes[k].rule == rows[i].rule;
        if (rows[i].rule < 0 && found > 0) fail_msg("%s: expected nothing, found " SLICE_FMT, rows[i].text, SLICE_ARG(notes[0].words));
        if (rows[i].rule >= 0 && !has) fail_msg("%s: rule %d has not noticed it", rows[i].text, rows[i].rule);
    }
}

static void contradictions(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"Always apologise. Be kind. Never apologise.", LINT_CONTRADICTION},
        {"Use bullet points.\nDo not use bullet points.", LINT_CONTRADICTION},
        {"You must name the price.\nYou must not name the price.", LINT_CONTRADICTION},
        {"Be brief. Name the source. Answer in detail.", LINT_CONTRADICTION},
        {"Keep answers concise.\nGive comprehensive explanations.", LINT_CONTRADICTION},
        {"Answer in English. Always reply in German.", LINT_CONTRADICTION},
        {"Answer in at most 50 words. Reply with no more than 100 words.", LINT_CONTRADICTION},
        {"Write at least 200 words. Answer in at most 3 sentences and 100 words.", LINT_CONTRADICTION},
        {"Write exactly 3 bullets. Keep it to at most 2 bullets.", LINT_CONTRADICTION},
        {"Be formal. Write in a casual tone.", LINT_CONTRADICTION},
        /* none of these is one */
        {"Always apologise. Never promise a refund.", -1},
        {"Be brief. If the customer asks, answer in detail.", -1},
        {"Answer in English. If the customer writes German, reply in German.", -1},
        {"Answer in English. Texts in German are quoted as they are.", -1},
        {"Answer in at most 50 words. Use at most 3 sentences.", -1},
        {"Answer in at least 20 words. Answer in at most 50 words.", -1},
        {"Read the terms in detail. Be brief.", -1},
        {"Do not guess. Guess the language from the greeting.", -1},
        {"Never give legal advice. When asked for legal advice, name a lawyer.", -1},
    };
    look(rows, sizeof rows / sizeof *rows);
}

static void duplicates(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"Never share data of other customers.\nBe kind.\nNever share data of other customers.", LINT_DUPLICATE},
        {"Name the order number in each answer. Be kind. In each answer, please name the order number!", LINT_DUPLICATE},
        {"Offer 10 USD as credit to the customer. Offer 20 USD as credit to the customer.", -1},
        {"Ask for the order number. Ask for the mail address.", -1},
        {"Be kind. Be kind.", -1}, /* too short to matter */
    };
    look(rows, sizeof rows / sizeof *rows);
}

/* Put together here, so that none of them stands in a file. */
static void secrets(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"key " "AKIA" "Q3EGRIIZ5LXM7TPN", LINT_SECRET},
        {"use " "sk-proj-" "a8Fk2LmQ9zXc7VbN4pRt6YwE1uIo", LINT_SECRET},
        {"use " "sk-ant-" "api03-Zk9qPw3LmX7vBn5RtY2cUe8iOa", LINT_SECRET},
        {"token " "ghp_" "x7Kq9ZmL2vBn4RtY6cUe8iOaW3sDfGhJ5kPq", LINT_SECRET},
        {"qd" "-" "3f9a71c0d2e84b56a1f7", -1}, /* too short for one of ours */
        {"our key is " "qd-" "3f9a71c0d2e84b56a1f7c9d03b82e6aa", LINT_SECRET},
        {"password: " "Tr0ub4dor&3xYz9Qw", LINT_SECRET},
        {"-----BEGIN RSA " "PRIVATE KEY-----\nMIIE", LINT_SECRET},
        {"Send {{api_key}} with the request; api_key: {{api_key}}", -1},
        {"The key looks like sk-your-key-here-please-replace-it-now", -1},
        {"Never ask for a password: customers must not tell it.", -1},
        {"api_key = \"<your key>\"", -1},
        {"AKIAXXXXXXXXXXXXXXXX", -1},
        {"-----BEGIN PUBLIC KEY-----", -1},
        {"The order has the number 4f3c2b1a-9d8e-7f6a-5b4c-3d2e1f0a9b8c.", -1},
    };
    look(rows, sizeof rows / sizeof *rows);
    struct lint_note *notes;
    assert_int_equal(notes_of("our key is " "qd-" "3f9a71c0d2e84b56a1f7c9d03b82e6aa", &notes), 1);
    assert_true(notes[0].error && !slice_contains(notes[0].words, SLICE("3f9a71c0")));
}

static void personal_data(void **state) {
    (void)state;
    static const struct row rows[] = {
        {"Write to maria.meier@firma.de.", LINT_PERSONAL_DATA},
        {"Write to support@example.org.", -1}, /* RFC 2606 */
        {"Call +49 30 901820 for help.", LINT_PERSONAL_DATA},
        {"Add +10 points, +20 if late.", -1},
        {"Pay to DE89 3704 0044 0532 0130 00.", LINT_PERSONAL_DATA},
        {"Pay to GB82WEST12345698765432 NOW", LINT_PERSONAL_DATA},
        {"Pay to DE88 3704 0044 0532 0130 00.", -1}, /* its checksum is wrong */
        {"Card 4111 1111 1111 1111.", LINT_PERSONAL_DATA},
        {"Card 4111 1111 1111 1112.", -1},
        {"Ticket 123456789012345678.", -1},
        {"Version 3.14159265358979", -1},
    };
    look(rows, sizeof rows / sizeof *rows);
}

static void variables_and_growth(void **state) {
    (void)state;
    struct prompt_variable v[] = {{.name = SLICE("question"), .max_chars = -1}, {.name = SLICE("tone"), .max_chars = -1}};
    struct prompt_message m = {.role = SLICE("user"), .content = SLICE("{{question}} and {{quetsion}}"), .is_template = true};
    struct prompt p = {.messages = &m, .n_messages = 1, .variables = v, .n_variables = 2};
    struct lint_note *notes;
    unsigned n;
    assert_int_equal(lint_prompt(&p, 200, 100, &arena, &notes, &n), FAULT_NONE);
    assert_int_equal(n, 3);
    assert_int_equal(notes[0].rule, LINT_UNUSED_VARIABLE);
    assert_true(slice_contains(notes[0].words, SLICE("tone")) && notes[0].message == UINT_MAX);
    assert_int_equal(notes[1].rule, LINT_UNDECLARED_VARIABLE);
    assert_true(notes[1].error && slice_contains(notes[1].words, SLICE("quetsion")));
    assert_int_equal(notes[2].rule, LINT_GROWTH);
    assert_true(slice_contains(notes[2].words, SLICE("200 tokens, 100 % more than the 100")));
    assert_int_equal(lint_prompt(&p, 140, 100, &arena, &notes, &n), FAULT_NONE); /* forty tokens are not worth a word */
    assert_int_equal(n, 2);
    assert_int_equal(lint_prompt(&p, -1, 100, &arena, &notes, &n), FAULT_NONE);
    assert_int_equal(n, 2);
}

/* A text of a megabyte of anything is looked at in bounded time, and told in bounded words. */
static void anything(void **state) {
    (void)state;
    struct buffer b;
    struct lint_note *notes;
    buffer_init(&b, 2 << 20);
    for (int i = 0; i < 40000; i++) buffer_printf(&b, "Rule %d is to be kept at all times. ", i);
    struct prompt_message m = {.role = SLICE("system"), .content = buffer_slice(&b)};
    struct prompt p = {.messages = &m, .n_messages = 1};
    unsigned n;
    assert_int_equal(lint_prompt(&p, -1, -1, &arena, &notes, &n), FAULT_NONE);
    assert_true(n <= 64);
    m.content = SLICE("\xFF\xFE@\x80.\xC3 +\xE2\x82 4111 DE8");
    assert_int_equal(lint_prompt(&p, -1, -1, &arena, &notes, &n), FAULT_NONE);
    buffer_deinit(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(contradictions), cmocka_unit_test(duplicates), cmocka_unit_test(secrets), cmocka_unit_test(personal_data),
                                       cmocka_unit_test(variables_and_growth), cmocka_unit_test(anything)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
