#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/mem.h"
#include "cost/bpe.h"
#include "cost/bpe_merge.h"
#include "cost/bpe_split.h"

static uint64_t count(enum bpe_encoding e, struct slice text, size_t longest, bool *exact) {
    struct bpe_work work;
    bpe_work_init(&work, longest);
    *exact = true;
    uint64_t first = bpe_count(e, text, &work, exact), again = bpe_count(e, text, &work, exact);
    assert_int_equal(first, again); /* what the first left in the work changes nothing */
    bpe_work_deinit(&work);
    return first;
}

/* On the heap without a byte to spare, for the sanitizers. */
static void expect(struct slice text, uint64_t o200k, uint64_t cl100k) {
    char *copy = mem_copy(text.at, text.len ? text.len : 1);
    bool exact;
    assert_int_equal(count(BPE_O200K, slice_make(copy, text.len), BPE_LONGEST_LOOP, &exact), o200k);
    assert_true(exact);
    assert_int_equal(count(BPE_CL100K, slice_make(copy, text.len), BPE_LONGEST_LOOP, &exact), cl100k);
    assert_true(exact);
    mem_free(copy);
}

/* The counts of gpt-tokenizer 4.0.0, o200k_base and cl100k_base, special tokens as text. */
#define TEXT(literal)                                                                                        \
    { (literal), sizeof(literal) - 1 }
static const struct {
    struct slice text;
    unsigned o200k, cl100k;
} vectors[] = {
    {TEXT(""), 0, 0},
    {TEXT("hello world"), 2, 2},
    {TEXT("Hello, world! It's 2024 and I'LL be there."), 14, 16},
    {TEXT("don't DON'T we're they've y'all's 'tis"), 9, 14},
    {TEXT("  leading   spaces\012\012\012  and\011tabs \015\012 end  "), 12, 12},
    {TEXT("1234567890 12 345678"), 9, 9},
    {TEXT("na\303\257ve fa\303\247ade Stra\303\237e \304\260stanbul \307\205 \302\252 \302\272"), 12, 16},
    {TEXT("\346\274\242\345\255\227\343\201\213\343\201\252\344\272\244\343\201\230\343\202\212\346\226\207"
          "\343\200\201\343\203\206\343\202\271\343\203\210\343\200\202"),
     11, 13},
    {TEXT("\320\237\321\200\320\270\320\262\320\265\321\202, \320\272\320\260\320\272 "
          "\320\264\320\265\320\273\320\260?"),
     6, 8},
    {TEXT(
         "\331\205\330\261\330\255\330\250\330\247 \330\250\330\247\331\204\330\271\330\247\331\204\331\205"),
     4, 10},
    {TEXT("\340\244\271\340\244\277\340\244\250\340\245\215\340\244\246\340\245\200 "
          "\340\244\256\340\245\207\340\244\202 \340\244\262\340\244\277\340\244\226\340\244\276"),
     5, 14},
    {TEXT("\355\225\234\352\265\255\354\226\264 \355\205\215\354\212\244\355\212\270"), 5, 7},
    {TEXT("\360\237\221\251\342\200\215\360\237\221\251\342\200\215\360\237\221\247\342\200\215\360\237\221"
          "\246 \360\237\221\215\360\237\217\275 \360\237\207\251\360\237\207\252!"),
     19, 30},
    {TEXT("e\314\201a\314\210 \314\201\314\201 !\314\201x"), 10, 11},
    {TEXT("for (int i = 0; i < n; i++) { sum += a[i]; } // total\012"), 24, 24},
    {TEXT("https://example.com/a/b?c=d&e=%20f\012/\012/"), 15, 16},
    {TEXT("camelCaseHTTPServerXMLParser"), 6, 6},
    {TEXT("<|endoftext|><|im_start|>user"), 13, 13},
    {TEXT("\357\273\277using System;"), 5, 5},
    {TEXT("a\357\273\277\357\273\277 b"), 6, 6},
    {TEXT("\302\240\343\200\200x\342\200\250\342\200\251y\302\205z"), 10, 11},
    {TEXT("antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis"), 19, 21},
    {TEXT("ZZZZZZZZZZZZZZZZZZZZ"), 10, 10},
    {TEXT("\000\001\177"), 3, 3},
    {TEXT("   "), 1, 1},
    {TEXT("\200"), 1, 1},
    {TEXT("\377\376A"), 2, 2},
    {TEXT("\342\202"), 1, 1},
    {TEXT("\360\237\230 \360\237\230\200"), 2, 2},
    {TEXT("\355\240\200"), 1, 1},
    {TEXT("\300\257"), 1, 1},
    {TEXT("a\303("), 3, 3},
    {TEXT("\357\273\277\200"), 3, 3},
    {TEXT("\357\273\277\345\220\215"), 1,
     3}, /* as theirs: the mark is dropped from a pair that begins with it */
    {TEXT("\357\273\277\341\236\204\341\236\266"), 2, 5},
};

static void test_vectors(void **state) {
    (void)state;
    for (unsigned i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        expect(vectors[i].text, vectors[i].o200k, vectors[i].cl100k);
}

/* One work for both encodings, as a loop thread has it: what one has kept is not the other's. */
static void test_shared_work(void **state) {
    struct bpe_work work;
    bool exact = true;
    (void)state;
    bpe_work_init(&work, BPE_LONGEST_LOOP);
    for (unsigned i = 0; i < 2 * sizeof vectors / sizeof vectors[0]; i++) {
        unsigned v = i % (sizeof vectors / sizeof vectors[0]);
        assert_int_equal(bpe_count(BPE_O200K, vectors[v].text, &work, &exact), vectors[v].o200k);
        assert_int_equal(bpe_count(BPE_CL100K, vectors[v].text, &work, &exact), vectors[v].cl100k);
    }
    bpe_work_deinit(&work);
    bpe_work_deinit(&work);
    bpe_work_deinit(NULL);
}

static void test_runs(void **state) {
    static const struct {
        const char *unit;
        unsigned times, o200k, cl100k;
    } runs[] = {{"a", 1000, 125, 125}, {"a", 1001, 126, 126}, {" ", 1000, 9, 9},
                {"ab", 700, 350, 700}, {"=", 999, 16, 17},    {"\345\245\275", 500, 500, 500}};
    (void)state;
    for (unsigned i = 0; i < sizeof runs / sizeof runs[0]; i++) {
        struct buffer b;
        buffer_init(&b, 1u << 16);
        for (unsigned n = 0; n < runs[i].times; n++) assert_true(buffer_append(&b, slice_of(runs[i].unit)));
        expect(buffer_slice(&b), runs[i].o200k, runs[i].cl100k);
        buffer_deinit(&b);
    }
}

/* The rule as it reads: again and again the leftmost pair of the lowest rank. Quadratic. */
static size_t merge_plainly(const struct bpe_table *t, const unsigned char *piece, size_t n) {
    size_t starts[600], parts = n;
    for (size_t i = 0; i <= n; i++) starts[i] = i;
    for (;;) {
        uint32_t low = BPE_NO_RANK;
        size_t at = 0;
        for (size_t i = 0; i + 1 < parts; i++) {
            uint32_t rank = bpe_rank(t, piece + starts[i], starts[i + 2] - starts[i]);
            if (rank < low) low = rank, at = i;
        }
        if (low == BPE_NO_RANK) return parts;
        memmove(starts + at + 1, starts + at + 2, (parts - at - 1) * sizeof starts[0]);
        parts--;
    }
}

static void test_merge_against_the_rule(void **state) {
    static const char *const alphabets[] = {"a",    "ab",   "etaoinshrdlu",    " \t\n",
                                            "=-_#", "ACGT", "\xE2\x80\x93\x94"};
    uint32_t scratch[2048];
    unsigned char piece[512];
    (void)state;
    srand(7);
    assert_true(bpe_merge_size(sizeof piece) <= sizeof scratch);
    for (unsigned round = 0; round < 4000; round++) {
        const char *letters = alphabets[(unsigned)rand() % (sizeof alphabets / sizeof alphabets[0])];
        size_t n = 1 + (size_t)rand() % (round % 10 ? 40 : sizeof piece);
        for (size_t i = 0; i < n; i++) piece[i] = (unsigned char)letters[(size_t)rand() % strlen(letters)];
        struct bpe_table t = bpe_table_of(round % 2 ? BPE_O200K : BPE_CL100K);
        assert_int_equal(bpe_merge(&t, piece, n, scratch), merge_plainly(&t, piece, n));
    }
}

/* Each byte is a token, the ranks of the tables are a permutation, and what is in them is found. */
static void test_tables(void **state) {
    static const uint32_t tokens[BPE_ENCODINGS] = {199998, 100256};
    (void)state;
    for (enum bpe_encoding e = 0; e < BPE_ENCODINGS; e++) {
        struct bpe_table t = bpe_table_of(e);
        unsigned char *met = mem_alloc(tokens[e]);
        uint32_t found = 0;
        for (unsigned c = 0; c < 256; c++)
            assert_int_not_equal(bpe_rank(&t, &(unsigned char){(unsigned char)c}, 1), BPE_NO_RANK);
        for (uint32_t i = 0; i < t.n_slots; i++) {
            struct bpe_slot s = t.slots[i];
            if (s.place == 0) continue;
            uint32_t rank = bpe_rank(&t, t.bytes + (s.place & 0xFFFFFF), s.place >> 24);
            assert_int_equal(rank, s.mark & 0x3FFFF);
            assert_true(rank < tokens[e] && !met[rank]);
            met[rank] = 1;
            found++;
        }
        assert_int_equal(t.longest, 128);
        assert_in_range(tokens[e] - found, 1, 16); /* those that begin with U+FEFF are left out */
        mem_free(met);
    }
}

static void test_split(void **state) {
    static const struct {
        struct slice text;
        unsigned o200k, cl100k; /* bytes of the first piece */
    } cases[] = {
        {TEXT("don't"), 5, 3},      {TEXT("'re"), 3, 3},           {TEXT("'rex"), 4, 3},
        {TEXT("ABCdef gh"), 6, 6},  {TEXT("camelCase"), 5, 9},     {TEXT("\302\252AB"), 2, 4},
        {TEXT("A\302\252B"), 3, 4}, {TEXT("e\314\201x"), 4, 1},    {TEXT("!\314\201x"), 4, 3},
        {TEXT("12345"), 3, 3},      {TEXT("  x"), 1, 1},           {TEXT("  "), 2, 2},
        {TEXT(" \n \n  "), 4, 6},   {TEXT(" \n \n  x"), 4, 4},     {TEXT("\tx"), 2, 2},
        {TEXT(" !!\n\n/"), 6, 5},   {TEXT("\357\273\277x"), 4, 4}, {TEXT("\302\205x"), 3, 3},
        {TEXT("\n\nx"), 2, 2},      {TEXT("\200\200a"), 2, 2},
    };
    (void)state;
    for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const unsigned char *at = (const unsigned char *)cases[i].text.at;
        struct bpe_split s = {.classes = bpe_classes_get(), .end = at + cases[i].text.len};
        assert_int_equal(bpe_split_o200k(&s, at) - at, cases[i].o200k);
        assert_int_equal(bpe_split_cl100k(&s, at) - at, cases[i].cl100k);
    }
}

/* A piece above `longest` is cut and says so; the count is that of its parts. */
static void test_cut(void **state) {
    char text[1024];
    bool exact;
    (void)state;
    memset(text, 'a', sizeof text);
    assert_int_equal(count(BPE_O200K, slice_make(text, 1024), 1024, &exact), 128);
    assert_true(exact);
    assert_int_equal(count(BPE_O200K, slice_make(text, 1024), 300, &exact), 3 * 38 + 16);
    assert_false(exact);
    memset(text, 0xFF, sizeof text); /* 3 KiB of U+FFFD: eight of them are a token, four are one, ... */
    uint64_t whole = count(BPE_O200K, slice_make(text, 1024), 4096, &exact);
    assert_true(exact);
    uint64_t parts = count(BPE_O200K, slice_make(text, 1024), 300, &exact);
    assert_false(exact);
    assert_in_range(parts, whole, whole + 11);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),     cmocka_unit_test(test_runs),
        cmocka_unit_test(test_shared_work), cmocka_unit_test(test_merge_against_the_rule),
        cmocka_unit_test(test_tables),      cmocka_unit_test(test_split),
        cmocka_unit_test(test_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
