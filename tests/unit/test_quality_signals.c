/* Signals against the same numbers summed by brute force from the same records, in any order of coming. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/digest.h"
#include "base/mem.h"
#include "quality/signals.h"

#include <math.h>
#include <stdlib.h>

#define SECOND_US 1000000LL
#define MINUTE_US (60 * SECOND_US)
#define HOUR_US (60 * MINUTE_US)
#define START_US (490000 * HOUR_US) /* at the edge of every ring's cell */
enum { RECORDS = 6000 };

struct rig {
    uint64_t seed;
    struct record *records;
    int64_t *ended_us;
    unsigned n;
};

static uint64_t next(struct rig *rig) { /* splitmix64 */
    uint64_t z = (rig->seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static struct slice pick(struct rig *rig, const char *const *names, unsigned n) { return slice_of(names[next(rig) % n]); }

static void make(struct rig *rig, struct record *r, int64_t ended_us) {
    static const char *const types[] = {"chat", "summary", "extract"}, *const models[] = {"support", "draft"},
                      *const providers[] = {"openai", "anthropic"}, *const finishes[] = {"stop", "stop", "refusal"};
    static const enum record_status statuses[] = {RECORD_OK, RECORD_OK, RECORD_OK, RECORD_OK, RECORD_ERROR, RECORD_REFUSED, RECORD_TRUNCATED, RECORD_CANCELLED};
    static const enum fault faults[] = {FAULT_NONE, FAULT_UP_SERVER, FAULT_UP_RATE_LIMITED, FAULT_UP_TIMEOUT, FAULT_UP_AUTH, FAULT_CANCELLED};
    record_init(r);
    r->status = statuses[next(rig) % 8];
    r->application = SLICE("helpdesk");
    r->request_type = next(rig) % 7 ? pick(rig, types, 3) : SLICE_NULL;
    r->model = pick(rig, models, 2);
    r->provider = pick(rig, providers, 2);
    r->target_model = SLICE("large");
    r->finish_reason = pick(rig, finishes, 3);
    r->duration_us = (int64_t)(next(rig) % 9000000) + 1000;
    r->ttft_us = next(rig) % 3 ? r->duration_us / 3 : -1;
    r->usage.output = next(rig) % 5 ? (int64_t)(next(rig) % 700) : USAGE_NULL;
    r->usage.input = (int64_t)(next(rig) % 90000);
    if (next(rig) % 6) r->cost_nano = (int64_t)(next(rig) % 5000000);
    r->time_us = ended_us - r->duration_us;
    r->n_attempts = 1 + next(rig) % 2;
    for (unsigned i = 0; i < r->n_attempts; i++)
        r->attempts[i] = (struct record_attempt){.provider = pick(rig, providers, 2), .model = SLICE("large"), .error = faults[next(rig) % 6],
                                                 .ms = (uint32_t)(r->duration_us / 1000 / r->n_attempts)};
}

/* Six hours; the last ones in the last minutes, so that each ring has something. */
static int setup(void **state) {
    struct rig *rig = mem_new(struct rig);
    rig->seed = 7;
    rig->records = mem_new_array(struct record, RECORDS);
    rig->ended_us = mem_new_array(int64_t, RECORDS);
    if (!digest_start()) return -1;
    for (unsigned i = 0; i < RECORDS; i++) {
        int64_t span = i < RECORDS / 2 ? 6 * HOUR_US : 20 * MINUTE_US;
        rig->ended_us[i] = START_US + 6 * HOUR_US - (int64_t)(next(rig) % (uint64_t)span) - 1;
        make(rig, &rig->records[i], rig->ended_us[i]);
    }
    rig->n = RECORDS;
    *state = rig;
    return 0;
}

static int teardown(void **state) {
    struct rig *rig = *state;
    mem_free(rig->records);
    mem_free(rig->ended_us);
    mem_free(rig);
    return 0;
}

static const struct rig *sorting;
static int by_end(const void *a, const void *b) {
    int64_t x = sorting->ended_us[*(const unsigned *)a], y = sorting->ended_us[*(const unsigned *)b];
    return x < y ? -1 : x > y;
}

/* In the order in which they ended, but for some that come up to `late_us` later. */
static void fill(struct rig *rig, struct signals *s, unsigned one_late_in, unsigned behind) {
    unsigned order[RECORDS];
    for (unsigned i = 0; i < rig->n; i++) order[i] = i;
    sorting = rig;
    qsort(order, rig->n, sizeof order[0], by_end);
    for (unsigned i = 0; one_late_in > 0 && i + behind < rig->n; i += one_late_in) {
        unsigned swap = order[i];
        order[i] = order[i + behind];
        order[i + behind] = swap;
    }
    for (unsigned i = 0; i < rig->n; i++) signals_record(s, &rig->records[order[i]]);
}

struct brute {
    int64_t all, refused, cancelled, errors, truncated, finished, declined, counted, output, priced, cost;
    struct histogram whole, first;
    int64_t tried, judged, failed, limited;
};

static void brute_add(struct brute *b, const struct record *r, struct slice provider) {
    bool answered = r->status == RECORD_OK || r->status == RECORD_TRUNCATED, declined = slice_is(r->finish_reason, "refusal");
    b->all++;
    b->refused += r->status == RECORD_REFUSED;
    b->cancelled += r->status == RECORD_CANCELLED;
    b->errors += r->status == RECORD_ERROR;
    b->truncated += r->status == RECORD_TRUNCATED;
    b->finished += answered || declined;
    b->declined += declined;
    if (answered && r->usage.output >= 0) b->counted++, b->output += r->usage.output;
    if (money_is_known(r->cost_nano)) b->priced++, b->cost += r->cost_nano;
    if (r->status != RECORD_REFUSED) histogram_add(&b->whole, r->duration_us);
    if (r->ttft_us >= 0) histogram_add(&b->first, r->ttft_us);
    for (unsigned i = 0; i < r->n_attempts; i++) {
        enum fault f = r->attempts[i].error;
        if (provider.len > 0 && !slice_eq(provider, r->attempts[i].provider)) continue;
        b->tried++;
        b->judged += f != FAULT_CANCELLED;
        b->failed += f == FAULT_UP_SERVER || f == FAULT_UP_RATE_LIMITED || f == FAULT_UP_TIMEOUT;
        b->limited += f == FAULT_UP_RATE_LIMITED;
    }
}

/* Of the window as the header says it: whole cells of the finest ring that spans it, and the one that fills. */
static int64_t window_from(int64_t now_us, int64_t window_us) {
    int64_t cell = window_us <= 15 * MINUTE_US ? 10 * SECOND_US : window_us <= 3 * HOUR_US ? MINUTE_US : window_us <= 26 * HOUR_US ? 10 * MINUTE_US : HOUR_US;
    return now_us - now_us % cell - window_us;
}

static void same(struct signal_value v, double value, double n) {
    if (v.n != n || !(fabs(v.value - value) <= 1e-9 * fabs(value) || (isnan(value) && isnan(v.value))))
        print_error("expected %.12g of %.12g, found %.12g of %.12g\n", value, n, v.value, v.n);
    assert_true(v.n == n);
    assert_true(isnan(value) ? isnan(v.value) : fabs(v.value - value) <= 1e-9 * fabs(value));
}

/* Seconds; NAN of none. */
static double seconds(const struct histogram *h, double q) { return h->count > 0 ? histogram_quantile(h, q) * 1e-6 : NAN; }

static double ratio(int64_t a, int64_t b) { return b > 0 ? (double)a / (double)b : NAN; }

static void hold_against(struct signals *s, struct rig *rig, int64_t now_us, int64_t window_us, struct slice type, struct slice provider) {
    struct signal_series where = {.by = 0};
    struct brute b = {.all = 0};
    unsigned by = SIGNAL_BY_BIT(REQUEST_TYPE);
    if (provider.len > 0) {
        where.by = SIGNAL_BY_BIT(PROVIDER);
        where.is[SIGNAL_BY_PROVIDER] = provider;
    }
    for (unsigned i = 0; i < rig->n; i++) {
        const struct record *r = &rig->records[i];
        if (rig->ended_us[i] < window_from(now_us, window_us) || rig->ended_us[i] > now_us || !slice_eq(r->request_type, type)) continue;
        if (provider.len == 0) brute_add(&b, r, SLICE(""));
    }
    for (unsigned i = 0; i < rig->n && provider.len > 0; i++) {
        const struct record *r = &rig->records[i];
        if (rig->ended_us[i] < window_from(now_us, window_us) || rig->ended_us[i] > now_us || !slice_eq(r->request_type, type)) continue;
        struct brute other = {.all = 0};
        brute_add(slice_eq(r->provider, provider) ? &b : &other, r, provider);
        if (other.all > 0) b.tried += other.tried, b.judged += other.judged, b.failed += other.failed, b.limited += other.limited;
        histogram_deinit(&other.whole);
        histogram_deinit(&other.first);
    }
    struct signal_view *v = signals_view(s, by, &where, window_us);
    struct signal_series of = {.by = by, .is[SIGNAL_BY_REQUEST_TYPE] = type};
#define VALUE(which) signal_view_value(v, SIGNAL_##which, SLICE_NULL, &of)
    int64_t judged = b.all - b.refused - b.cancelled;
    same(VALUE(REQUESTS), (double)b.all, (double)b.all);
    same(VALUE(ERRORS), ratio(b.errors, judged), (double)judged);
    same(VALUE(REFUSED), ratio(b.refused, b.all), (double)b.all);
    same(VALUE(TRUNCATED), ratio(b.truncated, judged), (double)judged);
    same(VALUE(REFUSALS), ratio(b.declined, b.finished), (double)b.finished);
    same(VALUE(OUTPUT_TOKENS), ratio(b.output, b.counted), (double)b.counted);
    same(VALUE(COST_PER_REQUEST), ratio(b.cost, b.priced) * 1e-9, (double)b.priced);
    same(VALUE(LATENCY_P50), seconds(&b.whole, 0.5), (double)b.whole.count);
    same(VALUE(LATENCY_P99), seconds(&b.whole, 0.99), (double)b.whole.count);
    same(VALUE(TTFT_P95), seconds(&b.first, 0.95), (double)b.first.count);
    same(VALUE(PROVIDER_REQUESTS), (double)b.tried, (double)b.tried);
    same(VALUE(PROVIDER_ERRORS), ratio(b.failed, b.judged), (double)b.judged);
    same(VALUE(PROVIDER_LIMITED), ratio(b.limited, b.judged), (double)b.judged);
    histogram_deinit(&b.whole);
    histogram_deinit(&b.first);
}

static const int64_t windows[] = {10 * SECOND_US, 70 * SECOND_US, 5 * MINUTE_US, 15 * MINUTE_US, 17 * MINUTE_US, 2 * HOUR_US, 5 * HOUR_US, 48 * HOUR_US};
enum { WINDOWS = sizeof windows / sizeof windows[0] };

static void check_all(struct rig *rig, struct signals *s, int64_t now_us) {
    signals_at(s, now_us);
    for (unsigned i = 0; i < WINDOWS; i++) {
        hold_against(s, rig, now_us, windows[i], SLICE("chat"), SLICE(""));
        hold_against(s, rig, now_us, windows[i], SLICE(""), SLICE(""));
        hold_against(s, rig, now_us, windows[i], SLICE("summary"), SLICE("anthropic"));
    }
}

static void values_are_those_of_the_records(void **state) {
    struct rig *rig = *state;
    struct signals *s = signals_new();
    fill(rig, s, 0, 0);
    check_all(rig, s, START_US + 6 * HOUR_US - 1);
    check_all(rig, s, START_US + 6 * HOUR_US + 3 * SECOND_US);
    signals_free(s);
}

static void order_does_not_matter(void **state) {
    struct rig *rig = *state;
    struct signals *s = signals_new();
    struct signals_stats stats;
    fill(rig, s, 7, 40); /* 40 records are some 16 s, or some 5 minutes of the first hours */
    check_all(rig, s, START_US + 6 * HOUR_US - 1);
    signals_stats(s, &stats);
    assert_int_equal(stats.records, RECORDS);
    assert_int_equal(stats.late, 0);
    signals_free(s);
}

static void a_view_made_before_or_behind_sees_the_same(void **state) {
    struct rig *rig = *state;
    struct signals *s = signals_new();
    for (unsigned i = 0; i < WINDOWS; i++) (void)signals_view(s, SIGNAL_BY_BIT(REQUEST_TYPE), NULL, windows[i]);
    fill(rig, s, 0, 0);
    check_all(rig, s, START_US + 6 * HOUR_US - 1);
    assert_ptr_equal(signals_view(s, SIGNAL_BY_BIT(REQUEST_TYPE), NULL, windows[3]), signals_view(s, SIGNAL_BY_BIT(REQUEST_TYPE), NULL, windows[3]));
    assert_ptr_not_equal(signals_view(s, SIGNAL_BY_BIT(REQUEST_TYPE), NULL, windows[3]), signals_view(s, SIGNAL_BY_BIT(MODEL), NULL, windows[3]));
    signals_free(s);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(values_are_those_of_the_records, setup, teardown),
        cmocka_unit_test_setup_teardown(order_does_not_matter, setup, teardown),
        cmocka_unit_test_setup_teardown(a_view_made_before_or_behind_sees_the_same, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
