/* Pairs that no threshold may ever let one answer serve: what a caller would call a wrong answer, whatever else the two share. */
#include "model/embedding.h"
#include "model/literals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static bool may_meet(const char *a, const char *b) {
    struct embedding x, y;
    struct buffer m, n;
    buffer_init(&m, 1 << 16);
    buffer_init(&n, 1 << 16);
    literals_of(slice_of(a), &m);
    literals_of(slice_of(b), &n);
    bool same = slice_eq(buffer_slice(&m), buffer_slice(&n)) && embedding_of(slice_of(a), &x) && embedding_of(slice_of(b), &y) &&
                embedding_similarity(&x, &y) > 0;
    buffer_deinit(&m);
    buffer_deinit(&n);
    return same;
}

static const char *const apart[][2] = {
    /* numbers and what they are of */
    {"what happens after 5 days without payment", "what happens after 5 weeks without payment"},
    {"how long does it take for 10 miles on foot", "how long does it take for 10 kilometers on foot"},
    {"is the shop open at 5 am on weekdays", "is the shop open at 5 pm on weekdays"},
    {"convert 10 euros please", "convert 10 dollars please"},
    {"convert usd 10 please", "convert eur 10 please"},
    {"where is chapter 5 of it", "where is page 5 of it"},
    {"two hours ago it failed", "two days ago it failed"},
    {"take .5 mg of it", "take 5 mg of it"},
    {"take ,5 mg of it", "take 5 mg of it"},
    {"was it –5 outside", "was it 5 outside"},
    {"What is 5!", "What is 5?"},
    {"is someone of 6' tall", "is someone of 6 tall"},
    {"What is 2 * (3 + 4)?", "What is 2 * 3 + 4?"},
    {"is a * (b + c) positive", "is a * b + c positive"},
    {"Is 1 in [0, 1)?", "Is 1 in [0, 1]?"},
    {"is !ready true here", "is ready true here"},
    {"the twenty-one rules of it", "the twenty-two rules of it"},
    {"on 3 may", "on 3 june"},
    {"le 5 janvier", "le 5 février"},
    {"arrives at noon", "arrives at midnight"},
    {"how many words: spam spam spam", "how many words: spam spam spam spam"},
    /* direction and order */
    {"translate this letter about my holidays to french", "translate this letter about my holidays to german"},
    {"move money to savings from checking", "move money to checking from savings"},
    {"how do I convert euros to dollars", "how do I convert dollars to euros"},
    {"does the dog chase the cat every morning", "does the cat chase the dog every morning"},
    {"boiling point of water in celsius", "boiling point of water in fahrenheit"},
    {"what is the capital of france", "what is the capital of spain"},
    {"how do I set this up for android", "how do I set this up for iphone"},
    {"eat breakfast before the run", "eat breakfast after the run"},
    {"is it under the limit", "is it over the limit"},
    {"how do I turn on dark mode in the settings", "how do I turn off dark mode in the settings"},
    {"what is cheaper over a year", "what is dearer over a year"},
    {"who was the youngest president", "who was the oldest president"},
    {"show my incoming payments", "show my outgoing payments"},
    /* polarity */
    {"yes", "no"},
    {"Yes.", "No."},
    {"is it true that it works", "is it false that it works"},
    {"why does it work", "why doesn't it work"},
    {"why does it work", "why doesnt it work"},
    {"you must pay now", "you mustnt pay now"},
    {"why can I pay", "why can’t I pay"},
    {"why can I pay", "why can\u200Bnot I pay"},
    {"I have ever paid", "I have never paid"},
    {"delete all files with a copy", "delete all files without a copy"},
    {"list the items including sold ones", "list the items excluding sold ones"},
    {"did it hardly work", "did it work"},
    {"is the ticket refundable", "is the ticket non-refundable"},
    {"is my account verified", "is my account unverified"},
    {"what makes an email valid", "what makes an email invalid"},
    {"how do I connect my phone", "how do I disconnect my phone"},
    {"is the sim prepaid", "is the sim postpaid"},
    {"👍 ship the release", "👎 ship the release"},
    /* names, also where a capital says nothing */
    {"Paris: what shall I see there on a rainy day with children", "London: what shall I see there on a rainy day with children"},
    {"City: Paris. What shall I see?", "City: Rome. What shall I see?"},
    {"I want an appointment with Dr. Smith tomorrow", "I want an appointment with Dr. Jones tomorrow"},
    {"IBM shares: what are they worth?", "AMD shares: what are they worth?"},
    {"translate atgcatgcatgcatgcatgcatgcatgcatgcatgcatgcatgcatgcatgcatgcatgcatgcatgca",
     "translate atgcatgcatgcatgcatgcatgcatgcatgcatgcatgcatgcatgcatgcatgcatgcatgcatgct"},
    /* other languages */
    {"είναι δυνατόν", "δεν είναι δυνατόν"},
    {"це можливо", "це неможливо"},
    {"je to možné", "není to možné"},
    {"lehet fizetni", "nem lehet fizetni"},
    {"se poate plăti", "nu se poate plăti"},
    {"bu ürün iade edilir", "bu ürün iade edilir değil"},
    {"boleh bayar", "tidak boleh bayar"},
    {"puede pagar alguien", "puede pagar nadie"},
    {"注文をキャンセルする", "注文をキャンセルしない"},
    {"هل يمكن الدفع", "هل لا يمكن الدفع"},
};

/* And these must still be told to be alike, or the rule would be no use. */
static const char *const alike[][2] = {
    {"How do I reset my password?", "How can I reset my password"},
    {"What is my balance?", "what's my balance"},
    {"Where is my parcel?", "where is my parcel please"},
    {"I can't pay", "I cannot pay."},
    {"Why was my card declined", "why has my card been declined?"},
};

static void never_the_same(void **state) {
    unsigned wrong = 0;
    (void)state;
    for (size_t i = 0; i < sizeof apart / sizeof *apart; i++) {
        if (!may_meet(apart[i][0], apart[i][1])) continue;
        print_message("may meet: %s | %s\n", apart[i][0], apart[i][1]);
        wrong++;
    }
    assert_int_equal(wrong, 0);
}

static void still_alike(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof alike / sizeof *alike; i++)
        if (!may_meet(alike[i][0], alike[i][1])) fail_msg("kept apart: %s | %s", alike[i][0], alike[i][1]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(never_the_same),
        cmocka_unit_test(still_alike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
