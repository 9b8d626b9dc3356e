/* Draining: what reaches the ledger, once, whatever happens on the way. */
#include "store/ledger_store.h"
#include "test_store_rig.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#define TODAY "2025-11-08" /* RIG_START */

static void encoded(const struct record *r, struct buffer *out) {
    buffer_init(out, LIMIT_RECORD);
    assert_true(record_encode(r, out));
}

static void assert_same_record(const struct record *a, const struct record *b) {
    struct buffer x, y;
    encoded(a, &x);
    encoded(b, &y);
    assert_int_equal(x.len, y.len);
    assert_memory_equal(x.at, y.at, x.len);
    buffer_deinit(&x);
    buffer_deinit(&y);
}

static enum fault find(struct ledger *l, const struct record_id *id, struct arena *arena,
                       struct record *ret) {
    struct error error = {0};
    enum fault fault = ledger_find(l, id, arena, ret, &error);
    if (fault != FAULT_NONE && fault != FAULT_NOT_FOUND) fail_msg("%s", error.text);
    return fault;
}

static void full_record(struct record *r, uint64_t n) {
    rig_record(r, RIG_START + 5000, n);
    r->user = SLICE("user-1");
    r->session = SLICE("");
    r->feature = SLICE("draft");
    r->team = SLICE("x");
    r->request_type = SLICE("summary");
    r->tags = SLICE("env=prod,k");
    r->provider = SLICE("openai-main");
    r->target_model = SLICE("gpt-4o-mini");
    r->upstream_model = SLICE("gpt-4o-mini-2024-07-18");
    r->system_fingerprint = SLICE("fp_1");
    r->finish_reason = SLICE("stop");
    r->prompt_name = SLICE("reply");
    r->prompt_version = SLICE("7");
    r->error = FAULT_UP_SERVER;
    r->error_text = SLICE("words");
    r->cache = SLICE("hit");
    r->stream = true;
    r->n_attempts = 2;
    r->attempts[0] = (struct record_attempt){SLICE("openai-main"), SLICE("gpt-4o"), 500, FAULT_UP_SERVER, 12};
    r->attempts[1] = (struct record_attempt){SLICE("other"), SLICE("gpt-4o-mini"), 200, FAULT_NONE, 900};
    r->has_system_prompt = true;
    memset(r->system_prompt_hash, 9, sizeof r->system_prompt_hash);
    r->dropped_events = 3;
    r->back_to_primary = true;
}

static void a_record_comes_back_as_it_was(void **state) {
    struct rig *rig = *state;
    struct recorder *recorder = rig_recorder(rig);
    struct ledger *l = rig_ledger(rig);
    struct arena arena;
    struct record full, bare, token, found;
    arena_init(&arena, 1024, 64 << 10);
    full_record(&full, 1);
    record_init(&bare);
    bare.id = rig_id(RIG_START + 1, 2);
    bare.time_us = RIG_START + 1999;
    full_record(&token, 3);
    token.feature = SLICE("\x01\x02"); /* looks like what the ledger puts for a name */
    rig_append_record(recorder, 0, &full);
    rig_append_record(recorder, 1, &bare);
    rig_append_record(recorder, 1, &token);
    assert_int_equal(rig_drain(l, recorder), 3);
    const struct record *all[] = {&full, &bare, &token};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(find(l, &all[i]->id, &arena, &found), FAULT_NONE);
        assert_same_record(&found, all[i]);
    }
    struct record_id unknown = rig_id(RIG_START + 5000, 99), other_day = rig_id(RIG_START + 9 * RIG_DAY, 1);
    assert_int_equal(find(l, &unknown, &arena, &found), FAULT_NOT_FOUND);
    assert_int_equal(find(l, &other_day, &arena, &found), FAULT_NOT_FOUND);
    arena_deinit(&arena);
    ledger_close(l);
    recorder_close(recorder);
}

static void ids_that_share_a_place_are_kept_apart(void **state) {
    struct rig *rig = *state;
    struct recorder *recorder = rig_recorder(rig);
    struct ledger *l = rig_ledger(rig);
    struct arena arena;
    struct record r, found;
    arena_init(&arena, 1024, 64 << 10);
    for (int round = 0; round < 2; round++)
        for (unsigned i = 0; i < 200; i++) {
            rig_record(&r, RIG_START + 7000, 5);
            r.id.bytes[15] = (uint8_t)i; /* the same milliseconds and the same first random bits */
            r.usage.output = i;
            rig_append_record(recorder, 0, &r);
        }
    assert_int_equal(rig_drain(l, recorder), 400);
    assert_int_equal(rig_count(l), 200);
    for (unsigned i = 0; i < 200; i++) {
        r.id.bytes[15] = (uint8_t)i;
        assert_int_equal(find(l, &r.id, &arena, &found), FAULT_NONE);
        assert_int_equal(found.usage.output, i);
        arena_reset(&arena);
    }
    r.id.bytes[15] = 200;
    assert_int_equal(find(l, &r.id, &arena, &found), FAULT_NOT_FOUND);
    arena_deinit(&arena);
    ledger_close(l);
    recorder_close(recorder);
}

/* ---- exactly once ---- */

static bool sum_up(void *ctx, const struct rollup *r) {
    struct buffer *out = ctx;
    buffer_printf(out, "%lld " SLICE_FMT " %llu %lld %llu %lld %lld\n", (long long)r->start_us,
                  SLICE_ARG(r->application), (unsigned long long)r->count, (long long)r->cost_nano,
                  (unsigned long long)r->unpriced, (long long)r->output,
                  (long long)histogram_quantile(&r->histograms[ROLLUP_DURATION], 0.9));
    return true;
}

static bool sum_counts(void *ctx, const struct rollup *r) {
    *(uint64_t *)ctx += r->count;
    return true;
}

static void sums(struct ledger *l, struct buffer *out) {
    struct error error = {0};
    struct rollup_query q = {.by = BY_APPLICATION | BY_MODEL | BY_TIME, .step_us = 60000000};
    buffer_init(out, 1 << 20);
    if (ledger_rollup(l, &q, sum_up, out, &error) != FAULT_NONE) fail_msg("%s", error.text);
}

static void replay_changes_nothing(void **state) {
    struct rig *rig = *state;
    struct recorder *recorder = rig_recorder(rig);
    struct record r;
    struct buffer before, after;
    for (unsigned i = 0; i < 6000; i++) {
        rig_record(&r, RIG_START + RIG_DAY / 2 + i * 31000, i);
        r.duration_us = 1000 + rig_below(rig, 1000000);
        if (i % 50 == 0) r.application = SLICE("other");
        rig_append_record(recorder, i % 2, &r);
    }
    recorder_close(recorder);
    rig_copy_segments(rig, false);

    recorder = rig_recorder(rig);
    struct ledger *l = rig_ledger(rig);
    assert_int_equal(rig_drain(l, recorder), 6000);
    sums(l, &before);
    recorder_close(recorder);
    ledger_close(l);
    rig_copy_segments(rig, true); /* as if it had ended between commit and release */

    recorder = rig_recorder(rig);
    l = rig_ledger(rig);
    struct ledger_writer *w = ledger_writer_start(l, recorder, NULL, NULL, NULL);
    struct ledger_writer_stats stats;
    assert_non_null(w);
    ledger_writer_drain(w);
    ledger_writer_stats(w, &stats);
    assert_int_equal(stats.duplicates, 6000);
    assert_int_equal(stats.records, 0);
    ledger_writer_stop(w);
    assert_int_equal(rig_count(l), 6000);
    sums(l, &after);
    assert_true(before.len > 100);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.at, after.at, before.len);
    buffer_deinit(&before);
    buffer_deinit(&after);
    recorder_close(recorder);
    ledger_close(l);
}

enum { ROUNDS = 20, LANES = 2, NUMBERS = 1 << 16 };

struct shared {
    atomic_uint done[ROUNDS][LANES];
};

struct pusher {
    struct recorder *recorder;
    struct shared *shared;
    unsigned round, lane;
};

static uint64_t name_number(unsigned round, unsigned lane, unsigned i) {
    return ((uint64_t)round * LANES + lane) * NUMBERS + i;
}

static void *push(void *ctx) {
    struct pusher *p = ctx;
    struct buffer b;
    buffer_init(&b, LIMIT_RECORD);
    for (unsigned i = 0; i < NUMBERS; i++) {
        struct record r;
        rig_record(&r, RIG_START + i * 1000, name_number(p->round, p->lane, i));
        memset(r.id.bytes + 14, (int)p->round, 2); /* the rest of the id is known to the parent too */
        buffer_clear(&b);
        if (!record_encode(&r, &b) ||
            recorder_append(p->recorder, p->lane, FRAME_RECORD, buffer_slice(&b)) != FAULT_NONE)
            _exit(2);
        atomic_store(&p->shared->done[p->round][p->lane], i + 1);
    }
    return NULL;
}

static void __attribute__((noreturn))
append_until_killed(struct rig *rig, struct shared *shared, unsigned round) {
    struct recorder_options o = {rig->dir, LANES, 64 << 10, 10000, RECORDER_SYNC_OS, 0};
    struct recorder *recorder = recorder_open(&o, NULL);
    struct ledger *l = ledger_open(&(struct ledger_options){.dir = rig->dir}, NULL);
    struct pusher pushers[LANES];
    pthread_t threads[LANES];
    if (recorder == NULL || l == NULL) _exit(1);
    if (round % 2 == 0 && ledger_writer_start(l, recorder, NULL, NULL, NULL) == NULL) _exit(1);
    for (unsigned lane = 0; lane < LANES; lane++) {
        pushers[lane] = (struct pusher){recorder, shared, round, lane};
        pthread_create(&threads[lane], NULL, push, &pushers[lane]);
    }
    for (;;) pause();
}

static void kill_somewhere(struct rig *rig, struct shared *shared, unsigned round) {
    unsigned target = rig_below(rig, 6000), done = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) append_until_killed(rig, shared, round);
    int status = 0;
    while (done < target && waitpid(pid, &status, WNOHANG) == 0) {
        done = atomic_load(&shared->done[round][0]) + atomic_load(&shared->done[round][1]);
        sched_yield();
    }
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void kill_9_loses_nothing(void **state) {
    struct rig *rig = *state;
    struct shared *shared =
        mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(shared != MAP_FAILED);
    for (unsigned round = 0; round < ROUNDS; round++) kill_somewhere(rig, shared, round);
    struct recorder *recorder = rig_recorder(rig);
    struct ledger *l = rig_ledger(rig);
    struct recorder_stats stats;
    rig_drain(l, recorder);
    recorder_stats(recorder, &stats);
    assert_int_equal(stats.lost, 0);
    assert_int_equal(stats.damaged, 0);
    uint64_t done = 0, stored = rig_count(l);
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned lane = 0; lane < LANES; lane++) done += atomic_load(&shared->done[round][lane]);
    /* an append may have been whole and its return not yet noted */
    assert_in_range(stored, done, done + ROUNDS * LANES);
    struct arena arena;
    arena_init(&arena, 4096, 64 << 10);
    for (unsigned round = 0; round < ROUNDS; round++)
        for (unsigned lane = 0; lane < LANES; lane++) {
            unsigned n = atomic_load(&shared->done[round][lane]);
            for (unsigned i = 0; i < n; i += i + 40 < n ? 37 : 1) {
                struct record found;
                struct record_id id = rig_id(RIG_START + i * 1000, name_number(round, lane, i));
                memset(id.bytes + 14, (int)round, 2);
                assert_int_equal(find(l, &id, &arena, &found), FAULT_NONE);
                arena_reset(&arena);
            }
        }
    struct rollup_query q = {0};
    uint64_t rolled = 0;
    assert_int_equal(ledger_rollup(l, &q, sum_counts, &rolled, NULL), FAULT_NONE);
    assert_int_equal(rolled, stored);
    arena_deinit(&arena);
    recorder_close(recorder);
    ledger_close(l);
    munmap(shared, sizeof *shared);
}

/* ---- days ---- */

static void late_records_go_to_their_day(void **state) {
    struct rig *rig = *state;
    struct recorder *recorder = rig_recorder(rig);
    struct ledger *l = rig_ledger(rig);
    for (unsigned i = 0; i < 300; i++) {
        struct record r;
        rig_record(&r, RIG_START - (int64_t)rig_below(rig, 10) * RIG_DAY + i, i);
        rig_append_record(recorder, i % 2, &r);
    }
    assert_int_equal(rig_drain(l, recorder), 300);
    assert_int_equal(rig_count(l), 300);
    ledger_close(l);
    assert_int_equal(rig_files(rig, "ledger-", ".db"), 10);
    assert_int_equal(rig_files(rig, "ledger-", "-wal"), 0);
    recorder_close(recorder);
}

static void retention_deletes_whole_old_days(void **state) {
    struct rig *rig = *state;
    struct recorder *recorder = rig_recorder(rig);
    struct ledger *l =
        ledger_open(&(struct ledger_options){.dir = rig->dir, .retention_us = 3 * RIG_DAY}, NULL);
    assert_non_null(l);
    for (unsigned day = 0; day < 8; day++) {
        struct record r;
        rig_record(&r, RIG_START - day * RIG_DAY + RIG_DAY - 1, day);
        rig_append_record(recorder, 0, &r);
    }
    rig_drain(l, recorder);
    close(open(rig_path(rig, "ledger-2025-11-01.db.damaged-1"), O_CREAT | O_WRONLY, 0600));
    close(open(rig_path(rig, "ledger-notes.txt"), O_CREAT | O_WRONLY, 0600));
    ledger_expire(l, RIG_START + RIG_DAY / 2); /* 11-05 12:00 is the line: 11-04 ended before it */
    assert_int_equal(rig_count(l), 4);
    assert_int_equal(rig_files(rig, "ledger-2025-11-05", ".db"), 1);
    assert_int_equal(rig_files(rig, "ledger-2025-11-04", ""), 0);
    assert_int_equal(rig_files(rig, "ledger-2025-11-01", ""), 0);
    assert_int_equal(rig_files(rig, "ledger-notes", ""), 1);
    ledger_expire(l, RIG_START + RIG_DAY - 1);
    assert_int_equal(rig_count(l), 4);
    ledger_expire(l, RIG_START + RIG_DAY);
    assert_int_equal(rig_count(l), 3);
    struct record r;
    rig_record(&r, RIG_START, 77);
    rig_append_record(recorder, 0, &r);
    assert_int_equal(rig_drain(l, recorder), 1); /* the writer goes on */
    ledger_close(l);
    recorder_close(recorder);
}

/* ---- reading beside the writer ---- */

static void a_reader_beside_the_writer(void **state) {
    struct rig *rig = *state;
    struct error error = {0};
    assert_null(
        ledger_open(&(struct ledger_options){.dir = rig_path(rig, "nowhere"), .read_only = true}, &error));
    assert_int_equal(error.fault, FAULT_NOT_FOUND);
    assert_non_null(strstr(error.text, "nowhere does not exist"));

    struct recorder *recorder = rig_recorder(rig);
    struct ledger *writer = rig_ledger(rig);
    struct ledger *reader = ledger_open(&(struct ledger_options){.dir = rig->dir, .read_only = true}, &error);
    assert_non_null(reader);
    assert_int_equal(rig_count(reader), 0);
    for (unsigned i = 1; i <= 50; i++) {
        struct record r;
        rig_record(&r, RIG_START + i, i);
        rig_append_record(recorder, 0, &r);
        assert_int_equal(rig_drain(writer, recorder), 1);
        assert_int_equal(rig_count(reader), i);
    }
    struct record r;
    rig_record(&r, RIG_START, 99);
    rig_append_record(recorder, 0, &r);
    assert_int_equal(ledger_drain_once(reader, recorder, &error), 0);
    assert_int_equal(error.fault, FAULT_INTERNAL);
    ledger_close(reader);
    ledger_close(writer);
    recorder_close(recorder);
}

struct counting {
    struct rig *rig;
    atomic_bool stop;
    uint64_t last;
};

static void *count_all_along(void *ctx) {
    struct counting *c = ctx;
    struct ledger *l = ledger_open(&(struct ledger_options){.dir = c->rig->dir, .read_only = true}, NULL);
    struct record_filter all = {.status = -1};
    uint64_t n = 0, rolled = 0;
    struct rollup_query q = {0};
    while (!atomic_load(&c->stop)) {
        rolled = 0;
        if (ledger_rollup(l, &q, sum_counts, &rolled, NULL) != FAULT_NONE ||
            ledger_count(l, &all, &n, NULL) != FAULT_NONE)
            abort();
        if (n < rolled || rolled < c->last) abort(); /* later views hold no less */
        c->last = n;
    }
    ledger_close(l);
    return NULL;
}

static void *push_some(void *ctx) {
    struct pusher *p = ctx;
    struct buffer b;
    buffer_init(&b, LIMIT_RECORD);
    for (unsigned i = 0; i < 10000; i++) {
        struct record r;
        rig_record(&r, RIG_START + i * 100, name_number(0, p->lane, i));
        buffer_clear(&b);
        if (!record_encode(&r, &b)) abort();
        while (recorder_append(p->recorder, p->lane, FRAME_RECORD, buffer_slice(&b)) != FAULT_NONE)
            sched_yield();
    }
    buffer_deinit(&b);
    return NULL;
}

static void threads_append_write_and_read(void **state) {
    struct rig *rig = *state;
    struct recorder *recorder = rig_recorder_with(rig, LANES, 64 << 10, 6);
    struct ledger *l = rig_ledger(rig);
    struct ledger_writer *w = ledger_writer_start(l, recorder, NULL, NULL, NULL);
    struct counting counting = {.rig = rig};
    struct pusher pushers[LANES];
    pthread_t threads[LANES], reader;
    struct ledger_writer_stats stats;
    assert_non_null(w);
    pthread_create(&reader, NULL, count_all_along, &counting);
    for (unsigned i = 0; i < LANES; i++) {
        pushers[i] = (struct pusher){.recorder = recorder, .lane = i};
        pthread_create(&threads[i], NULL, push_some, &pushers[i]);
    }
    for (unsigned i = 0; i < LANES; i++) pthread_join(threads[i], NULL);
    ledger_writer_drain(w);
    ledger_writer_stats(w, &stats);
    assert_int_equal(stats.records, LANES * 10000);
    atomic_store(&counting.stop, true);
    pthread_join(reader, NULL);
    ledger_writer_stop(w);
    assert_int_equal(rig_count(l), LANES * 10000);
    ledger_close(l);
    recorder_close(recorder);
}

static void stopping_drains(void **state) {
    struct rig *rig = *state;
    struct recorder *recorder = rig_recorder(rig);
    struct ledger *l = rig_ledger(rig);
    struct ledger_writer *w = ledger_writer_start(l, recorder, NULL, NULL, NULL);
    assert_non_null(w);
    rig_append_many(recorder, 100);
    ledger_writer_stop(w);
    assert_int_equal(rig_count(l), 100);
    ledger_close(l);
    recorder_close(recorder);
}

static void many_different_texts_are_kept(void **state) {
    struct rig *rig = *state;
    struct recorder *recorder = rig_recorder(rig);
    struct ledger *l = rig_ledger(rig);
    struct arena arena;
    struct record r, found;
    char feature[32];
    arena_init(&arena, 4096, 64 << 10);
    for (unsigned i = 0; i < 3000; i++) {
        rig_record(&r, RIG_START + i * 1000, i);
        snprintf(feature, sizeof feature, "feature-%u", i);
        r.feature = slice_of(feature);
        rig_append_record(recorder, i % 2, &r);
    }
    rig_drain(l, recorder);
    assert_in_range(rig_number(rig, "ledger-" TODAY ".db", "SELECT count(*) FROM name"), 1000,
                    LIMIT_NAMES_PER_FIELD + 10);
    for (unsigned i = 0; i < 3000; i += 100) {
        struct record_id id = rig_id(RIG_START + i * 1000, i);
        snprintf(feature, sizeof feature, "feature-%u", i);
        assert_int_equal(find(l, &id, &arena, &found), FAULT_NONE);
        assert_true(slice_is(found.feature, feature));
        arena_reset(&arena);
    }
    arena_deinit(&arena);
    ledger_close(l);
    recorder_close(recorder);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_record_comes_back_as_it_was),
        TEST(ids_that_share_a_place_are_kept_apart),
        TEST(replay_changes_nothing),
        TEST(kill_9_loses_nothing),
        TEST(late_records_go_to_their_day),
        TEST(retention_deletes_whole_old_days),
        TEST(a_reader_beside_the_writer),
        TEST(threads_append_write_and_read),
        TEST(stopping_drains),
        TEST(many_different_texts_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
