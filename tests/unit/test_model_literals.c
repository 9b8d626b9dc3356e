/* What two questions must have in common, letter by letter. */
#include "model/literals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool equal(const char *a, const char *b) {
    struct buffer x, y;
    buffer_init(&x, 1 << 16);
    buffer_init(&y, 1 << 16);
    literals_of(slice_of(a), &x);
    literals_of(slice_of(b), &y);
    bool same = slice_eq(buffer_slice(&x), buffer_slice(&y));
    buffer_deinit(&x);
    buffer_deinit(&y);
    return same;
}

static void none(const char *text) {
    assert_true(equal(text, ""));
}

static void ordinary_words_are_none(void **state) {
    (void)state;
    none("How do I reset my password, please?");
    none("Hello. Where is it? I'm lost; I've tried. Please!");
    none("It's the customer's card — a known thing…");
    none("größer und schwerer?");
    none("где моя карта");
}

static void numbers_differ(void **state) {
    static const char *const texts[] = {
        "5",  "7",     "-5", "5%", "$5",   "1,000",  "1.000", "1 000", "10:30", "10.30",  "1e5",     "x2",
        "2x", "21/11", "٣",  "³",  "five", "twelve", "first", "half",  "twice", "Monday", "Tuesday", NULL};
    (void)state;
    for (unsigned i = 0; texts[i]; i++)
        for (unsigned k = 0; texts[k]; k++) assert_int_equal(equal(texts[i], texts[k]), i == k);
    assert_true(equal("is it 5?", "Is it 5."));
    assert_false(equal("is it (5)", "is it 5")); /* what brackets say is not known here */
    assert_true(equal("5 of the cards", "5 of my cards"));
    assert_true(equal("the 5 cards", "my 5 cards"));
    assert_false(equal("5 to 7", "7 to 5"));
    assert_false(equal("5 7", "57"));
}

static void negations_differ(void **state) {
    (void)state;
    assert_false(equal("can I cancel", "can I not cancel"));
    assert_true(equal("it isn't working", "it is not working"));
    assert_true(equal("it isn’t working", "It ISN'T working"));
    assert_true(equal("I cannot see it", "I can't see it"));
    assert_true(equal("dont do it", "don't do it"));
    assert_false(equal("send it, not receive it", "not send it, receive it"));
    assert_false(
        equal("it is not the card", "it is not the pin")); /* what is denied counts, articles do not */
    assert_true(equal("it is not the card", "it is not my card"));
    assert_false(equal("with sugar", "without sugar"));
    assert_false(equal("Ist das möglich?", "Ist das nicht möglich?"));
    assert_false(equal("c'est possible", "ce n'est pas possible"));
    assert_false(equal("es posible", "no es posible"));
    assert_false(equal("это возможно", "это не возможно"));
}

static void names_quotations_and_addresses_differ(void **state) {
    (void)state;
    assert_false(equal("the capital of France", "the capital of Spain"));
    assert_true(equal("Where is it", "where is it")); /* a sentence begins with a capital */
    assert_true(equal("Hello! Can I pay, please", "hello! can I pay, please"));
    assert_false(equal("Spain is where I live", "France is where I live")); /* and may begin with a name */
    assert_false(equal("from EUR to USD", "from USD to EUR"));
    assert_false(equal("what is \"foo\"", "what is \"bar\""));
    assert_false(equal("what is `foo bar`", "what is `foo baz`"));
    assert_false(equal("what is 'foo'", "what is 'bar'"));
    assert_false(equal("what is “foo”", "what is “bar”"));
    assert_false(equal("was ist „foo“", "was ist „bar“"));
    assert_true(equal("the users' cards", "the user's cards"));
    assert_false(equal("mail bob@x.org", "mail eve@x.org"));
    assert_false(equal("open https://a.example/b?c=1", "open https://a.example/b?c=2"));
    assert_false(equal("call get_user now", "call set_user now"));
    assert_false(equal("delete /etc/hosts", "delete /etc/passwd"));
    assert_false(equal("如何取消订单", "如何更改订单")); /* a script whose negations are not known */
}

static void what_turns_a_question_around_differs(void **state) {
    (void)state;
    assert_false(equal("enable it", "disable it"));
    assert_false(equal("before lunch", "after lunch"));
    assert_false(equal("from my savings to checking", "from my checking to savings"));
    assert_false(equal("is gold heavier than lead", "is lead heavier than gold"));
}

/* The list is a code: two texts never meet because one literal ends where another begins. */
static void lists_are_not_confused(void **state) {
    (void)state;
    assert_false(equal("1 23", "12 3"));
    assert_false(equal("\"5\"", "5"));
    assert_false(equal("5", "5 5"));
    assert_false(equal("\"a\" \"b\"", "\"a b\""));
}

static void any_bytes_are_survived(void **state) {
    struct buffer out;
    char bytes[256];
    (void)state;
    buffer_init(&out, 1 << 16);
    for (unsigned i = 0; i < sizeof bytes; i++) bytes[i] = (char)(i * 151 + 7);
    for (size_t n = 0; n <= sizeof bytes; n++) literals_of(slice_make(bytes, n), &out);
    literals_of(SLICE("\"never closed 'nor this `nor"), &out);
    buffer_deinit(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ordinary_words_are_none),
        cmocka_unit_test(numbers_differ),
        cmocka_unit_test(negations_differ),
        cmocka_unit_test(names_quotations_and_addresses_differ),
        cmocka_unit_test(what_turns_a_question_around_differs),
        cmocka_unit_test(lists_are_not_confused),
        cmocka_unit_test(any_bytes_are_survived),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
