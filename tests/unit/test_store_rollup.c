/* Rollups against sums over the records themselves. */
#include "store/ledger_store.h"
#include "test_store_rig.h"

#include <math.h>

enum { RECORDS = 20000, GROUPS = 64 };
#define MINUTE 60000000LL
#define HOUR 3600000000LL

static const char *const applications[] = {"support", "search", NULL};
static const char *const types[] = {"summary", "chat"};
static const char *const models[] = {"chat", "chat-large", "other"};

static void random_record(struct rig *rig, struct record *r, unsigned i) {
    rig_record(r, RIG_START + RIG_DAY - 3 * HOUR + (int64_t)(rig_next(rig) % (uint64_t)(6 * HOUR)), i);
    if (rig_below(rig, 50) == 0) r->time_us += 90000000; /* over the minute, and at times over midnight */
    r->application = slice_of(applications[rig_below(rig, 16) % 3]);
    r->request_type = slice_of(types[rig_below(rig, 2)]);
    r->model = slice_of(models[rig_below(rig, 3)]);
    r->prompt_name = rig_below(rig, 2) ? SLICE("reply") : SLICE_NULL;
    r->prompt_version = !slice_is_null(r->prompt_name) && rig_below(rig, 2) ? SLICE("7") : SLICE_NULL;
    r->provider = rig_below(rig, 4) ? SLICE("main") : SLICE("spare");
    if (rig_below(rig, 9) == 0) r->cache = SLICE("exact"), r->saved_nano = (int64_t)rig_below(rig, 1000);
    r->status = (enum record_status)rig_below(rig, RECORD_STATUS_COUNT);
    r->cost_nano = rig_below(rig, 10) == 0 ? MONEY_UNKNOWN : (int64_t)rig_below(rig, 1000000);
    r->usage.input = rig_below(rig, 20) == 0 ? USAGE_NULL : (int64_t)rig_below(rig, 4000);
    r->usage.output = rig_below(rig, 20) == 0 ? USAGE_NULL : (int64_t)rig_below(rig, 500);
    r->usage.cache_read = rig_below(rig, 100);
    r->usage.reasoning = rig_below(rig, 10);
    r->duration_us = (int64_t)exp(10 + (double)rig_below(rig, 5000) / 1000);
    r->ttft_us = rig_below(rig, 3) == 0 ? -1 : r->duration_us / (2 + rig_below(rig, 9));
}

static struct record *fill(struct rig *rig, struct ledger *l) {
    struct record *all = test_calloc(RECORDS, sizeof *all);
    struct recorder *recorder = rig_recorder(rig);
    for (unsigned i = 0; i < RECORDS; i++) {
        random_record(rig, &all[i], i);
        rig_append_record(recorder, i % 2, &all[i]);
        if (rig_below(rig, 500) == 0)
            rig_append_record(recorder, 0, &all[rig_below(rig, i + 1)]); /* given twice */
        if (rig_below(rig, 300) == 0) rig_drain(l, recorder);
        if (rig_below(rig, 3000) == 0) { /* what the writer holds in memory is read again */
            rig_drain(l, recorder);
            drain_close_days(l->drain);
        }
    }
    rig_drain(l, recorder);
    recorder_close(recorder);
    return all;
}

struct naive {
    const struct record *all;
    struct rollup_query query;
    int64_t *values;
    unsigned groups;
    int64_t last_start;
    uint64_t total;
};

static bool same(struct slice asked, struct slice value) {
    return slice_is_null(asked) == slice_is_null(value) && slice_eq(asked, value);
}

static bool belongs(const struct naive *n, const struct rollup *g, const struct record *r) {
    const struct rollup_query *q = &n->query;
    int64_t minute = r->time_us - r->time_us % MINUTE;
    char text[64];
    struct buffer room;
    if (q->from_us > 0 && minute < q->from_us - q->from_us % MINUTE) return false;
    if (q->to_us > 0 && minute >= q->to_us) return false;
    if (!slice_is_null(q->application) && !slice_eq(q->application, r->application)) return false;
    if (!slice_is_null(q->model) && !slice_eq(q->model, r->model)) return false;
    if ((q->by & BY_TIME) && minute - minute % q->step_us != g->start_us) return false;
    if (!slice_is_null(q->provider) && !slice_eq(q->provider, r->provider)) return false;
    if (!slice_is_null(q->prompt) && !slice_eq(q->prompt, r->prompt_name)) return false;
    if ((q->by & BY_PROVIDER) && !same(g->provider, r->provider)) return false;
    if ((q->by & BY_APPLICATION) && !same(g->application, r->application)) return false;
    if ((q->by & BY_REQUEST_TYPE) && !same(g->request_type, r->request_type)) return false;
    if ((q->by & BY_MODEL) && !same(g->model, r->model)) return false;
    if (!(q->by & BY_PROMPT)) return true;
    buffer_init(&room, sizeof text);
    bool is = same(g->prompt, rollup_prompt(r, &room));
    buffer_deinit(&room);
    return is;
}

static int by_value(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Within half a bucket: 2^(1/64), 1.1 %; the promise is 2.3 %. */
static void check_percentiles(const struct histogram *h, int64_t *values, unsigned n) {
    static const double quantiles[] = {0.01, 0.25, 0.5, 0.9, 0.95, 0.99, 1};
    assert_int_equal(h->count, n);
    if (n == 0) return;
    qsort(values, n, sizeof *values, by_value);
    for (unsigned i = 0; i < sizeof quantiles / sizeof *quantiles; i++) {
        double rank = ceil(quantiles[i] * n);
        double exact = (double)values[rank < 1 ? 0 : (unsigned)rank - 1],
               read = histogram_quantile(h, quantiles[i]);
        assert_true(fabs(read - exact) <= 0.023 * exact + 0.5);
    }
}

static bool check(void *ctx, const struct rollup *g) {
    struct naive *n = ctx;
    struct rollup sum = {0};
    unsigned durations = 0;
    for (unsigned i = 0; i < RECORDS; i++) {
        const struct record *r = &n->all[i];
        if (!belongs(n, g, r)) continue;
        sum.count++;
        sum.by_status[r->status]++;
        if (r->cost_nano == MONEY_UNKNOWN) sum.unpriced++;
        else sum.cost_nano += r->cost_nano, sum.cost_square += (double)r->cost_nano * (double)r->cost_nano;
        if (r->cache.len > 0) sum.cache_hits++, sum.saved_nano += r->saved_nano;
        sum.input += r->usage.input > 0 ? r->usage.input : 0;
        sum.output += r->usage.output > 0 ? r->usage.output : 0;
        sum.cache_read += r->usage.cache_read;
        sum.reasoning += r->usage.reasoning;
        if (r->status != RECORD_REFUSED) n->values[durations++] = r->duration_us;
    }
    assert_true(sum.count > 0);
    assert_int_equal(g->count, sum.count);
    assert_memory_equal(g->by_status, sum.by_status, sizeof sum.by_status);
    assert_true(g->unpriced == sum.unpriced && g->cost_nano == sum.cost_nano);
    assert_true(g->cache_hits == sum.cache_hits && g->saved_nano == sum.saved_nano && g->plain == 0);
    assert_true(fabs(g->cost_square - sum.cost_square) <= 1e-9 * sum.cost_square);
    assert_true(g->input == sum.input && g->output == sum.output);
    assert_true(g->cache_read == sum.cache_read && g->reasoning == sum.reasoning && g->cache_write == 0);
    check_percentiles(&g->histograms[ROLLUP_DURATION], n->values, durations);
    assert_true(g->start_us >= n->last_start);
    n->last_start = g->start_us;
    n->groups++;
    n->total += g->count;
    return true;
}

static void rollups_are_the_sums_of_their_records(void **state) {
    struct rig *rig = *state;
    struct ledger *l = rig_ledger(rig);
    struct error error = {0};
    struct naive n = {.all = fill(rig, l), .values = test_calloc(RECORDS, sizeof(int64_t))};
    const int64_t midnight = RIG_START + RIG_DAY;
    const struct rollup_query queries[] = {
        {0},
        {.by = BY_APPLICATION},
        {.by = BY_APPLICATION | BY_REQUEST_TYPE | BY_MODEL | BY_PROMPT},
        {.by = BY_MODEL, .application = SLICE("search")},
        {.by = BY_TIME, .step_us = HOUR},
        {.by = BY_TIME | BY_MODEL,
         .step_us = 2 * HOUR,
         .from_us = midnight - HOUR,
         .to_us = midnight + 2 * HOUR},
        {.by = BY_TIME,
         .step_us = 5 * MINUTE,
         .from_us = midnight - 17 * MINUTE - 1,
         .to_us = midnight + 31 * MINUTE + 1,
         .model = SLICE("chat")},
        {.by = BY_TIME, .step_us = 90 * MINUTE},
        {.by = BY_APPLICATION, .from_us = midnight - 90 * MINUTE, .to_us = midnight + 47 * MINUTE},
        {.by = BY_TIME, .step_us = 24 * HOUR},
        {.by = BY_TIME | BY_REQUEST_TYPE, .step_us = 10 * MINUTE, .application = SLICE("support")},
        {.by = BY_TIME | BY_PROVIDER, .step_us = HOUR, .application = SLICE("support"), .from_us = midnight - 90 * MINUTE},
        {.by = BY_TIME | BY_PROMPT, .step_us = HOUR, .from_us = midnight - 90 * MINUTE},
        {.by = BY_PROMPT, .prompt = SLICE("reply")},
        {.by = BY_TIME | BY_PROMPT, .step_us = 30 * MINUTE, .prompt = SLICE("reply"), .provider = SLICE("spare")},
        {.by = BY_REQUEST_TYPE, .provider = SLICE("spare")},
    };
    for (unsigned i = 0; i < sizeof queries / sizeof *queries; i++) {
        n.query = queries[i];
        n.groups = 0;
        n.total = 0;
        n.last_start = 0;
        if (ledger_rollup(l, &n.query, check, &n, &error) != FAULT_NONE) fail_msg("%s", error.text);
        struct record_filter f = {.status = -1, .application = n.query.application, .model = n.query.model};
        uint64_t count = 0;
        f.provider = n.query.provider;
        if (n.query.from_us > 0) f.from_us = n.query.from_us - n.query.from_us % MINUTE;
        if (n.query.to_us > 0) f.to_us = (n.query.to_us + MINUTE - 1) / MINUTE * MINUTE;
        assert_int_equal(ledger_count(l, &f, &count, &error), FAULT_NONE);
        if (slice_is_null(n.query.prompt)) assert_int_equal(n.total, count); /* records are not counted by it */
        assert_true(n.groups > 0);
    }
    n.query = (struct rollup_query){.by = BY_APPLICATION | BY_REQUEST_TYPE | BY_MODEL};
    n.groups = 0;
    n.last_start = 0;
    assert_int_equal(ledger_rollup(l, &n.query, check, &n, &error), FAULT_NONE);
    assert_int_equal(n.groups, 18); /* null is a group of its own */
    test_free((void *)n.all);
    test_free(n.values);
    ledger_close(l);
}

struct order {
    char last[256];
    unsigned n;
};

static bool in_order(void *ctx, const struct rollup *r) {
    struct order *o = ctx;
    char text[256];
    snprintf(text, sizeof text, "%020lld\x01" SLICE_FMT "\x01" SLICE_FMT, (long long)r->start_us,
             SLICE_ARG(r->application), SLICE_ARG(r->model));
    assert_true(strcmp(o->last, text) < 0);
    memcpy(o->last, text, sizeof text);
    return ++o->n < 20;
}

static void groups_come_in_order_until_one_has_enough(void **state) {
    struct rig *rig = *state;
    struct ledger *l = rig_ledger(rig);
    struct order o = {"", 0};
    struct record *all = fill(rig, l);
    struct rollup_query q = {.by = BY_TIME | BY_APPLICATION | BY_MODEL, .step_us = 10 * MINUTE};
    assert_int_equal(ledger_rollup(l, &q, in_order, &o, NULL), FAULT_NONE);
    assert_int_equal(o.n, 20);
    test_free(all);
    ledger_close(l);
}

static bool none(void *ctx, const struct rollup *r) {
    (void)ctx, (void)r;
    fail_msg("a group where there are none");
    return false;
}

static void bad_steps_are_refused_and_nothing_is_nothing(void **state) {
    struct ledger *l = rig_ledger(*state);
    struct rollup_query q = {.by = BY_TIME, .step_us = 1000};
    struct error error = {0};
    assert_int_equal(ledger_rollup(l, &q, none, NULL, &error), FAULT_BAD_REQUEST);
    q.step_us = 0;
    assert_int_equal(ledger_rollup(l, &q, none, NULL, &error), FAULT_BAD_REQUEST);
    q.step_us = MINUTE;
    assert_int_equal(ledger_rollup(l, &q, none, NULL, &error), FAULT_NONE);
    ledger_close(l);
}

static bool count_groups(void *ctx, const struct rollup *r) {
    struct order *o = ctx;
    o->n++;
    if (slice_eq(r->feature, ROLLUP_OTHER))
        snprintf(o->last, sizeof o->last, "%llu", (unsigned long long)r->count);
    return true;
}

static void too_many_dimensions_are_summed_under_other(void **state) {
    struct rig *rig = *state;
    struct ledger *l = rig_ledger(rig);
    struct recorder *recorder = rig_recorder(rig);
    char feature[32];
    for (unsigned i = 0; i < LIMIT_DIMENSIONS + 500; i++) {
        struct record r;
        rig_record(&r, RIG_START + i * 100, i);
        snprintf(feature, sizeof feature, "feature-%u", i);
        r.feature = slice_of(feature);
        rig_append_record(recorder, i % 2, &r);
    }
    rig_drain(l, recorder);
    struct order o = {"", 0};
    struct rollup_query q = {.by = BY_FEATURE}, view = {.by = BY_APPLICATION | BY_MODEL};
    assert_int_equal(ledger_rollup(l, &q, count_groups, &o, NULL), FAULT_NONE);
    assert_int_equal(o.n, LIMIT_DIMENSIONS + 1);
    assert_string_equal(o.last, "500");
    o = (struct order){"", 0};
    assert_int_equal(ledger_rollup(l, &view, count_groups, &o, NULL), FAULT_NONE);
    assert_int_equal(o.n, 1); /* a view that does not tell features apart has room */
    recorder_close(recorder);
    ledger_close(l);
}

/* A day that an older program began: its sums are right, what they did not hold is said to be unknown. */
static void views_are_not_read_unless_they_are_whole(void **state) {
    struct rig *rig = *state;
    struct ledger *l = rig_ledger(rig);
    struct recorder *recorder = rig_recorder(rig);
    struct record r;
    struct order o = {"", 0};
    enum fault fault;
    struct error error;
    struct rollup_query q = {.by = BY_APPLICATION};
    rig_record(&r, RIG_START, 1);
    rig_append_record(recorder, 0, &r);
    rig_drain(l, recorder);
    ledger_close(l);
    struct database *db = database_open(rig_path(rig, "ledger-2025-11-08.db"), &(struct database_options){0}, &fault, &error);
    assert_non_null(db);
    assert_int_equal(database_exec(db, "DELETE FROM view_hour; DELETE FROM view_minute; DELETE FROM view_day WHERE view > 0", &error), FAULT_NONE);
    l = rig_ledger(rig);
    assert_int_equal(ledger_rollup(l, &q, count_groups, &o, NULL), FAULT_NONE);
    assert_int_equal(o.n, 0); /* it was a view that was read */
    assert_int_equal(database_exec(db, "UPDATE view_state SET whole = 0", &error), FAULT_NONE);
    assert_int_equal(ledger_rollup(l, &q, count_groups, &o, NULL), FAULT_NONE);
    assert_int_equal(o.n, 1);
    assert_int_equal(database_exec(db, "DELETE FROM view_day", &error), FAULT_NONE);
    assert_int_equal(ledger_rollup(l, &q, count_groups, &o, NULL), FAULT_NONE);
    assert_int_equal(o.n, 1); /* the day's sum was read */
    assert_int_equal(database_exec(db, "UPDATE view_state SET days = 0", &error), FAULT_NONE);
    assert_int_equal(ledger_rollup(l, &q, count_groups, &o, NULL), FAULT_NONE);
    assert_int_equal(o.n, 2);
    database_close(db);
    recorder_close(recorder);
    ledger_close(l);
}

static void silly_counts_do_not_wrap(void **state) {
    (void)state;
    struct rollup r, copy;
    struct record record;
    struct buffer b;
    rollup_init(&r);
    rollup_init(&copy);
    rig_record(&record, RIG_START, 1);
    record.usage.input = INT64_MAX;
    record.cost_nano = INT64_MAX;
    rollup_add(&r, &record);
    rollup_add(&r, &record);
    rollup_merge(&r, &r);
    assert_true(r.input == INT64_MAX && r.cost_nano == INT64_MAX && r.count == 4);
    buffer_init(&b, 4096);
    rollup_encode(&r, &b);
    assert_true(rollup_decode(buffer_slice(&b), 0, &copy));
    assert_true(copy.input == r.input && copy.count == 4 && copy.by_status[RECORD_OK] == 4);
    assert_int_equal(copy.histograms[ROLLUP_DURATION].count, r.histograms[ROLLUP_DURATION].count);
    assert_true(copy.cost_square == r.cost_square && copy.plain == 0);
    b.at[0] = 1; /* as an older program wrote it, which did not know what comes last */
    rollup_deinit(&copy);
    rollup_init(&copy);
    assert_true(rollup_decode(buffer_slice(&b), 0, &copy));
    assert_true(copy.plain == 4 && copy.count == 4);
    b.at[0] = 2;
    for (size_t n = 0; n < b.len; n++) {
        struct rollup part;
        rollup_init(&part);
        assert_false(rollup_decode(slice_make(b.at, n), 0, &part));
        rollup_deinit(&part);
    }
    buffer_deinit(&b);
    rollup_deinit(&r);
    rollup_deinit(&copy);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(rollups_are_the_sums_of_their_records),
        TEST(groups_come_in_order_until_one_has_enough),
        TEST(bad_steps_are_refused_and_nothing_is_nothing),
        TEST(too_many_dimensions_are_summed_under_other),
        TEST(views_are_not_read_unless_they_are_whole),
        TEST(silly_counts_do_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
