#include "base/digest.h"
#include "base/histogram.h"
#include "base/mem.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t draw(uint64_t *seed) { /* splitmix64 */
    uint64_t z = *seed += 0x9E3779B97F4A7C15u;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9u;
    z = (z ^ z >> 27) * 0x94D049BB133111EBu;
    return z ^ z >> 31;
}

static int32_t index_of(int64_t value) {
    struct histogram h;
    histogram_init(&h);
    histogram_add(&h, value);
    assert_int_equal(h.used, 1);
    int32_t index = h.buckets[0].index;
    histogram_deinit(&h);
    return index;
}

static void indices(void **state) {
    uint64_t seed = 1;
    (void)state;
    assert_int_equal(index_of(1), -1);
    for (int k = 1; k < 63; k++) { /* upper-inclusive: the power itself ends its bucket */
        int64_t power = INT64_C(1) << k;
        assert_int_equal(index_of(power), 32 * k - 1);
        assert_int_equal(index_of(power - 1), k == 1 ? -1 : k < 6 ? index_of(power - 1) : 32 * k - 1);
        assert_int_equal(index_of(power + 1), k < 6 ? index_of(power + 1) : 32 * k);
    }
    assert_int_equal(index_of(INT64_MAX), 63 * 32 - 1);
    assert_int_equal(index_of(3), (int32_t)ceil(log2(3) * 32) - 1);
    for (int64_t v = 2; v < 200000; v++) { /* the definition, where long double is far from an edge */
        long double exact = log2l((long double)v) * 32;
        if (fabsl(exact - roundl(exact)) < 1e-9L) continue;
        assert_int_equal(index_of(v), (int32_t)ceill(exact) - 1);
    }
    for (int i = 0; i < 100000; i++) {
        int64_t v = (int64_t)(draw(&seed) >> (1 + draw(&seed) % 62));
        if (v < 2) continue;
        long double exact = log2l((long double)v) * 32;
        if (fabsl(exact - roundl(exact)) < 1e-9L) continue;
        assert_int_equal(index_of(v), (int32_t)ceill(exact) - 1);
    }
}

static void counting(void **state) {
    struct histogram h;
    (void)state;
    histogram_init(&h);
    assert_true(histogram_quantile(&h, 0.5) == -1);
    histogram_add(&h, 100); /* one value is told exactly: min and max hold the middle */
    assert_true(histogram_quantile(&h, 0) == 100 && histogram_quantile(&h, 0.5) == 100);
    histogram_deinit(&h);
    histogram_add(&h, -5);
    histogram_add(&h, 0);
    assert_int_equal(h.zero, 2);
    assert_true(h.count == 2 && h.sum == 0 && h.min == 0 && h.max == 0 && h.used == 0);
    assert_true(histogram_quantile(&h, 0.99) == 0);
    histogram_add(&h, 100);
    assert_true(h.count == 3 && h.sum == 100 && h.min == 0 && h.max == 100);
    assert_true(histogram_quantile(&h, 0.5) == 0);
    assert_true(histogram_quantile(&h, 1) > 97.8 && histogram_quantile(&h, 1) <= 100);
    histogram_add(&h, INT64_MAX);
    histogram_add(&h, INT64_MAX);
    assert_int_equal(h.sum, INT64_MAX); /* held, not wrapped */
    assert_true(histogram_quantile(&h, NAN) == 0);
    assert_true(histogram_quantile(&h, -3) == 0 && histogram_quantile(&h, 7) > 9e18);
    histogram_deinit(&h);
    histogram_deinit(&h);
    histogram_deinit(NULL);
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void quantiles(void **state) {
    enum { N = 20000 };
    static int64_t values[N];
    uint64_t seed = 42;
    (void)state;
    for (int shape = 0; shape < 4; shape++) {
        struct histogram h;
        histogram_init(&h);
        for (int i = 0; i < N; i++) {
            double u = (double)(draw(&seed) >> 11) / 9007199254740992.0;
            values[i] = shape == 0   ? (int64_t)(1 + u * 1e6)
                        : shape == 1 ? (int64_t)(exp(u * 30) + 1)
                        : shape == 2 ? (int64_t)(1 + u * 10)
                                     : (i % 2 ? 1000 : 1000000);
            histogram_add(&h, values[i]);
        }
        qsort(values, N, sizeof *values, by_value);
        for (double q = 0; q <= 1.0001; q += 0.001) {
            size_t rank = (size_t)ceil(q * N);
            double want = (double)values[rank < 1   ? 0
                                         : rank > N ? N - 1
                                                    : rank - 1],
                   got = histogram_quantile(&h, q);
            if (fabs(got - want) > want * 0.022)
                fail_msg("shape %d, q %.3f: %.1f, not %.1f", shape, q, got, want);
        }
        histogram_deinit(&h);
    }
}

static void fill(struct histogram *h, uint64_t *seed, int n) {
    for (int i = 0; i < n; i++) {
        uint64_t bits = draw(seed);
        histogram_add(h, (int64_t)bits >> draw(seed) % 64); /* negative ones too */
    }
}

static void assert_same(const struct histogram *a, const struct histogram *b) {
    assert_true(a->count == b->count && a->zero == b->zero && a->sum == b->sum && a->used == b->used);
    if (a->count > 0) assert_true(a->min == b->min && a->max == b->max);
    for (uint32_t i = 0; i < a->used; i++) {
        assert_int_equal(a->buckets[i].index, b->buckets[i].index);
        assert_int_equal(a->buckets[i].count, b->buckets[i].count);
        if (i > 0) assert_true(a->buckets[i].index > a->buckets[i - 1].index);
    }
}

static void merging(void **state) {
    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct histogram parts[3], merged, whole;
        uint64_t s = seed, again = seed;
        histogram_init(&merged);
        histogram_init(&whole);
        for (int p = 0; p < 3; p++) {
            int n = (int)((seed * 7 + (uint64_t)p * 31) % 90);
            histogram_init(&parts[p]);
            fill(&parts[p], &s, n);
            fill(&whole, &again, n);
        }
        for (int p = 2; p >= 0; p--) histogram_merge(&merged, &parts[p]);
        assert_same(&merged, &whole);
        uint64_t count = whole.count;
        if (whole.sum < INT64_MAX / 2) {
            histogram_merge(&whole, &whole); /* with itself */
            assert_int_equal(whole.count, 2 * count);
        }
        for (int p = 0; p < 3; p++) histogram_deinit(&parts[p]);
        histogram_deinit(&merged);
        histogram_deinit(&whole);
    }
}

static void encoding(void **state) {
    struct buffer b;
    (void)state;
    buffer_init(&b, 1 << 20);
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct histogram h, back;
        uint64_t s = seed;
        histogram_init(&h);
        histogram_init(&back);
        fill(&h, &s, (int)(seed * seed % 3000));
        buffer_clear(&b);
        histogram_encode(&h, &b);
        assert_true(histogram_decode(buffer_slice(&b), &back));
        assert_same(&h, &back);
        histogram_add(&back, 5); /* decoding adds */
        histogram_add(&h, 5);
        assert_true(histogram_decode(buffer_slice(&b), &back));
        assert_int_equal(back.count, 2 * h.count - 1);
        histogram_deinit(&h);
        histogram_deinit(&back);
    }
    struct histogram h;
    histogram_init(&h);
    for (int i = 0; i < 1000; i++) histogram_add(&h, 1000 + i);
    buffer_clear(&b);
    histogram_encode(&h, &b);
    assert_true(b.len < 120); /* compact: some three bytes a bucket */
    histogram_deinit(&h);
    buffer_deinit(&b);
}

/* Changed, cut and prolonged bytes: each refused, and the target left as it was. */
static void damage(void **state) {
    struct histogram h, into, before;
    struct buffer b;
    uint64_t seed = 9;
    (void)state;
    buffer_init(&b, 1 << 16);
    histogram_init(&h);
    histogram_init(&into);
    histogram_init(&before);
    fill(&h, &seed, 300);
    histogram_add(&into, 77);
    histogram_add(&before, 77);
    histogram_encode(&h, &b);
    char *copy = mem_alloc(b.len + 8);
    for (size_t n = 0; n < b.len; n++) {
        char *exact = mem_copy(b.at, n); /* so that the sanitizer sees one byte too far */
        assert_false(histogram_decode(slice_make(exact, n), &into));
        mem_free(exact);
        for (int bit = 0; bit < 8; bit++) {
            memcpy(copy, b.at, b.len);
            copy[n] = (char)(copy[n] ^ 1 << bit);
            assert_false(histogram_decode(slice_make(copy, b.len), &into));
        }
    }
    for (int i = 0; i < 200000; i++) {
        size_t len = b.len;
        memcpy(copy, b.at, len);
        memset(copy + len, 0, 8);
        for (uint64_t k = draw(&seed) % 8 + 1; k > 0; k--) copy[draw(&seed) % len] = (char)draw(&seed);
        if (i % 3 == 0) len = draw(&seed) % (len + 8);
        if (len == b.len && memcmp(copy, b.at, len) == 0) continue;
        assert_false(histogram_decode(slice_make(copy, len), &into));
    }
    assert_same(&into, &before);
    mem_free(copy);
    histogram_deinit(&h);
    histogram_deinit(&into);
    histogram_deinit(&before);
    buffer_deinit(&b);
}

/* Bytes with a right checksum and wrong sense, as a wrong writer would make them. */
static void nonsense(void **state) {
    struct histogram into;
    uint64_t seed = 4;
    (void)state;
    histogram_init(&into);
    for (int i = 0; i < 300000; i++) {
        char bytes[40];
        size_t len = draw(&seed) % 32;
        for (size_t k = 0; k < len; k++) bytes[k] = (char)(draw(&seed) % (draw(&seed) % 3 ? 6 : 256));
        if (len > 0 && i % 8 != 0) bytes[0] = 1;
        uint64_t hash = digest_fast(slice_make(bytes, len), 1);
        for (int k = 0; k < 4; k++) bytes[len++] = (char)(hash >> (8 * k));
        if (!histogram_decode(slice_make(bytes, len), &into)) continue;
        uint64_t total = into.zero; /* what is let in is sound */
        for (uint32_t k = 0; k < into.used; k++) total += into.buckets[k].count;
        assert_int_equal(total, into.count);
        assert_true(into.count == 0 || (into.min >= 0 && into.min <= into.max));
        histogram_deinit(&into);
    }
    histogram_deinit(&into);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(indices),   cmocka_unit_test(counting),
                                       cmocka_unit_test(quantiles), cmocka_unit_test(merging),
                                       cmocka_unit_test(encoding),  cmocka_unit_test(damage),
                                       cmocka_unit_test(nonsense)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
