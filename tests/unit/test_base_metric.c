#include "base/limits.h"
#include "base/mem.h"
#include "base/metric.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const char *const openai[METRIC_LABELS] = {"app", "gpt", "ok"};

static bool has_line(const char *text, const char *line) {
    struct slice head, tail = slice_of(text);
    while (slice_cut(tail, '\n', &head, &tail))
        if (slice_is(head, line)) return true;
    return false;
}

static const char *text_of(struct metric_set *s, struct buffer *b) {
    buffer_clear(b);
    metric_write(s, b);
    assert_false(b->overflow);
    return buffer_text(b);
}

static void cells(void **state) {
    struct metric_set *s = metric_set_new();
    struct metric_shard *a = metric_shard_new(s), *b = metric_shard_new(s);
    const char *const same[METRIC_LABELS] = {"app", "gpt", "ok"}, *const partial[METRIC_LABELS] = {
                                                                      "app", NULL, NULL};
    (void)state;
    struct metric_cell *cell = metric_cell(a, METRIC_EXCHANGES, openai);
    assert_ptr_equal(metric_cell(a, METRIC_EXCHANGES, same), cell); /* by value, not by address */
    assert_ptr_not_equal(metric_cell(b, METRIC_EXCHANGES, openai), cell);
    assert_ptr_not_equal(metric_cell(a, METRIC_TOKENS, openai), cell);
    assert_ptr_equal(metric_cell(a, METRIC_OVERHEAD, NULL),
                     metric_cell(a, METRIC_OVERHEAD, openai)); /* no labels */
    assert_ptr_equal(metric_cell(a, METRIC_EXCHANGES, NULL), metric_cell(a, METRIC_EXCHANGES, NULL));
    assert_ptr_not_equal(metric_cell(a, METRIC_EXCHANGES, NULL), metric_cell(a, METRIC_EXCHANGES, partial));
    /* where one value ends and the next begins is part of the name */
    const char *const x[METRIC_LABELS] = {"ab", "c", ""}, *const y[METRIC_LABELS] = {"a", "bc", ""};
    assert_ptr_not_equal(metric_cell(a, METRIC_EXCHANGES, x), metric_cell(a, METRIC_EXCHANGES, y));
    metric_set_free(s);
    metric_set_free(NULL);
}

static void numbers(void **state) {
    struct metric_set *s = metric_set_new();
    struct metric_shard *a = metric_shard_new(s), *b = metric_shard_new(s);
    struct buffer out;
    (void)state;
    buffer_init(&out, 16 << 20);
    metric_add(metric_cell(a, METRIC_EXCHANGES, openai), 3);
    metric_add(metric_cell(b, METRIC_EXCHANGES, openai), 4);
    metric_add(metric_cell(b, METRIC_EXCHANGES, openai), -100); /* a counter does not fall */
    metric_add(metric_cell(a, METRIC_COST, openai), 1500);
    metric_add(metric_cell(b, METRIC_COST, openai), 12000000000);
    metric_set(metric_cell(a, METRIC_ACTIVE, NULL), 5);
    metric_set(metric_cell(b, METRIC_ACTIVE, NULL), 2);
    metric_add(metric_cell(b, METRIC_ACTIVE, NULL), -4);
    metric_add(metric_cell(a, METRIC_CONNECTIONS, NULL), -1);
    const char *text = text_of(s, &out);
    assert_true(
        has_line(text, "quarterdeck_exchanges_total{application=\"app\",model=\"gpt\",status=\"ok\"} 7"));
    assert_true(has_line(text, "quarterdeck_cost_usd_total{application=\"app\",model=\"gpt\"} 12.0000015"));
    assert_true(has_line(text, "quarterdeck_exchanges_active 3"));
    assert_true(has_line(text, "quarterdeck_client_connections -1"));
    assert_true(has_line(text, "quarterdeck_records_lost_total 0")); /* not used yet, and shown */
    assert_true(has_line(text, "# TYPE quarterdeck_cost_usd_total counter"));
    assert_true(has_line(text, "# TYPE quarterdeck_exchanges_active gauge"));
    assert_true(has_line(text, "# TYPE quarterdeck_overhead_seconds histogram"));
    buffer_deinit(&out);
    metric_set_free(s);
}

static void histograms(void **state) {
    struct metric_set *s = metric_set_new();
    struct metric_shard *a = metric_shard_new(s), *b = metric_shard_new(s);
    struct buffer out;
    (void)state;
    buffer_init(&out, 16 << 20);
    static const int64_t values[] = {0, -5, 100, 101, 250, 120000000, 120000001, INT32_MAX};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        metric_observe_us(metric_cell(i % 2 ? a : b, METRIC_OVERHEAD, NULL), values[i]);
    metric_observe_us(metric_cell(a, METRIC_ACTIVE, NULL), 5); /* no histogram: nothing, and no harm */
    const char *text = text_of(s, &out);
    assert_true(has_line(
        text, "quarterdeck_overhead_seconds_bucket{le=\"0.0001\"} 3")); /* bounds belong to their bucket */
    assert_true(has_line(text, "quarterdeck_overhead_seconds_bucket{le=\"0.00025\"} 5"));
    assert_true(has_line(text, "quarterdeck_overhead_seconds_bucket{le=\"60\"} 5"));
    assert_true(has_line(text, "quarterdeck_overhead_seconds_bucket{le=\"120\"} 6"));
    assert_true(has_line(text, "quarterdeck_overhead_seconds_bucket{le=\"+Inf\"} 8"));
    assert_true(has_line(text, "quarterdeck_overhead_seconds_count 8"));
    assert_true(has_line(text, "quarterdeck_overhead_seconds_sum 2387.484099"));
    metric_observe_us(metric_cell(a, METRIC_DURATION, openai), 7500);
    text = text_of(s, &out);
    assert_true(has_line(text,
                         "quarterdeck_exchange_duration_seconds_bucket{application=\"app\",model=\"gpt\","
                         "le=\"0.01\"} 1"));
    assert_true(has_line(
        text, "quarterdeck_exchange_duration_seconds_sum{application=\"app\",model=\"gpt\"} 0.007500"));
    buffer_deinit(&out);
    metric_set_free(s);
}

static void label_values(void **state) {
    struct metric_set *s = metric_set_new();
    struct metric_shard *a = metric_shard_new(s);
    struct buffer out;
    static char wide[1000];
    (void)state;
    buffer_init(&out, 16 << 20);
    const char *const odd[METRIC_LABELS] = {"a\"b\\c\nd"}, *const broken[METRIC_LABELS] = {"x\xFF\xC3\xA4"};
    metric_add(metric_cell(a, METRIC_REFUSED, odd), 1);
    metric_add(metric_cell(a, METRIC_REFUSED, broken), 1);
    memset(wide, 'w', sizeof wide - 1);
    memcpy(wide + LIMIT_LABEL - 1, "\xC3\xA4", 2); /* would be cut in two */
    const char *const long_one[METRIC_LABELS] = {wide};
    metric_add(metric_cell(a, METRIC_REFUSED, long_one), 1);
    assert_ptr_equal(metric_cell(a, METRIC_REFUSED, long_one), metric_cell(a, METRIC_REFUSED, long_one));
    const char *text = text_of(s, &out);
    assert_true(has_line(text, "quarterdeck_refused_total{reason=\"a\\\"b\\\\c\\nd\"} 1"));
    assert_true(has_line(text, "quarterdeck_refused_total{reason=\"x\xEF\xBF\xBD\xC3\xA4\"} 1"));
    assert_true(slice_is_utf8(slice_of(text)));
    wide[LIMIT_LABEL - 1] = 0;
    char line[1100];
    snprintf(line, sizeof line, "quarterdeck_refused_total{reason=\"%s\"} 1", wide);
    assert_true(has_line(text, line));
    buffer_deinit(&out);
    metric_set_free(s);
}

static void too_many_series(void **state) {
    struct metric_set *s = metric_set_new();
    struct metric_shard *shards[2] = {metric_shard_new(s), metric_shard_new(s)};
    struct buffer out;
    char name[32];
    const char *const labels[METRIC_LABELS] = {name};
    (void)state;
    buffer_init(&out, 64 << 20);
    for (int i = 0; i < LIMIT_METRIC_SERIES + 500; i++) /* each shard sees all; the limit is over both */
        for (int k = 0; k < 2; k++) {
            snprintf(name, sizeof name, "r%d", k == 0 ? i : LIMIT_METRIC_SERIES + 499 - i);
            metric_add(metric_cell(shards[k], METRIC_REFUSED, labels), 1);
        }
    const char *text = text_of(s, &out);
    struct slice head, tail = slice_of(text);
    size_t lines = 0, total = 0;
    while (slice_cut(tail, '\n', &head, &tail)) {
        struct slice number, before;
        uint64_t n;
        if (!slice_starts(head, SLICE("quarterdeck_refused_total{"))) continue;
        assert_true(slice_cut(head, '}', &before, &number) && slice_to_u64(slice_trim(number), &n));
        lines++;
        total += n;
    }
    assert_int_equal(lines, LIMIT_METRIC_SERIES + 1);
    assert_int_equal(total, 2 * (LIMIT_METRIC_SERIES + 500)); /* none is lost */
    assert_true(slice_contains(slice_of(text), SLICE("{reason=\"other\"} 1000")));
    snprintf(name, sizeof name, "r0");
    struct metric_cell *kept = metric_cell(shards[0], METRIC_REFUSED, labels);
    snprintf(name, sizeof name, "new one");
    assert_ptr_not_equal(metric_cell(shards[0], METRIC_REFUSED, labels), kept);
    struct metric_cell *other = metric_cell(shards[0], METRIC_REFUSED, labels);
    snprintf(name, sizeof name, "and another");
    assert_ptr_equal(metric_cell(shards[0], METRIC_REFUSED, labels), other);
    buffer_deinit(&out);
    metric_set_free(s);
}

/* Each family once, its help and type before its samples, nothing else. */
static void form(void **state) {
    struct metric_set *s = metric_set_new();
    struct buffer out;
    struct slice head, tail, family = SLICE_NULL;
    int types = 0;
    (void)state;
    buffer_init(&out, 16 << 20);
    metric_add(metric_cell(metric_shard_new(s), METRIC_ATTEMPTS, openai), 1);
    tail = slice_of(text_of(s, &out));
    assert_true(slice_ends(tail, SLICE("\n")));
    while (slice_cut(tail, '\n', &head, &tail)) {
        struct slice word, rest;
        if (slice_starts(head, SLICE("# HELP "))) {
            slice_cut(slice_make(head.at + 7, head.len - 7), ' ', &family, &rest);
            assert_true(rest.len > 0);
        } else if (slice_starts(head, SLICE("# TYPE "))) {
            slice_cut(slice_make(head.at + 7, head.len - 7), ' ', &word, &rest);
            assert_true(slice_eq(word, family));
            types++;
        } else {
            assert_true(slice_starts(head, family));
        }
    }
    assert_int_equal(types, METRIC_COUNT);
    buffer_deinit(&out);
    metric_set_free(s);
}

/* ---- writers and readers at once: TSan watches, and the sums must come out ---- */

enum { WRITERS = 4, ROUNDS = 20000 };

struct writer {
    struct metric_set *set;
    int number;
};

static void *write_many(void *p) {
    struct writer *w = p;
    struct metric_shard *shard = metric_shard_new(w->set);
    struct metric_cell *overhead = metric_cell(shard, METRIC_OVERHEAD, NULL);
    for (int i = 0; i < ROUNDS; i++) {
        char name[32];
        const char *const labels[METRIC_LABELS] = {"app", name, "ok"};
        snprintf(name, sizeof name, "m%d", i % 300 + w->number * 100);
        metric_add(metric_cell(shard, METRIC_EXCHANGES, labels), 1);
        metric_observe_us(overhead, i);
    }
    return NULL;
}

struct scraper {
    struct metric_set *set;
    atomic_bool stop;
};

static void *scrape(void *p) {
    struct scraper *c = p;
    struct buffer out;
    buffer_init(&out, 16 << 20);
    while (!atomic_load(&c->stop)) {
        buffer_clear(&out);
        metric_write(c->set, &out);
        if (out.overflow || out.len == 0) abort();
    }
    buffer_deinit(&out);
    return NULL;
}

static void threads(void **state) {
    struct metric_set *s = metric_set_new();
    struct writer writers[WRITERS];
    struct scraper scraper = {.set = s};
    pthread_t ids[WRITERS], reader;
    struct buffer out;
    (void)state;
    pthread_create(&reader, NULL, scrape, &scraper);
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (struct writer){s, i};
        pthread_create(&ids[i], NULL, write_many, &writers[i]);
    }
    for (int i = 0; i < WRITERS; i++) pthread_join(ids[i], NULL);
    atomic_store(&scraper.stop, true);
    pthread_join(reader, NULL);
    buffer_init(&out, 16 << 20);
    struct slice head, tail = slice_of(text_of(s, &out));
    uint64_t total = 0, lines = 0, n;
    char line[100];
    snprintf(line, sizeof line, "quarterdeck_overhead_seconds_count %d", WRITERS * ROUNDS);
    assert_true(has_line(buffer_text(&out), line));
    while (slice_cut(tail, '\n', &head, &tail)) {
        struct slice number, before;
        if (!slice_starts(head, SLICE("quarterdeck_exchanges_total{"))) continue;
        assert_true(slice_cut(head, '}', &before, &number) && slice_to_u64(slice_trim(number), &n));
        total += n;
        lines++;
    }
    assert_int_equal(total, WRITERS * ROUNDS);
    assert_int_equal(lines, 600);
    buffer_deinit(&out);
    metric_set_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(cells),           cmocka_unit_test(numbers),
                                       cmocka_unit_test(histograms),      cmocka_unit_test(label_values),
                                       cmocka_unit_test(too_many_series), cmocka_unit_test(form),
                                       cmocka_unit_test(threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
