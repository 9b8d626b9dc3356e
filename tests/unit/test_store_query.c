/* Listing and counting against a naive model: a shuffled set of records over several days, with ties in time.
 */
#include "store/sieve.h"
#include "store/ledger_store.h"
#include "test_store_rig.h"

enum { RECORDS = 4000, QUERIES = 250, DAYS = 4 };

struct model {
    struct record at[RECORDS];
    unsigned n;
    struct rig *rig;
    struct arena arena;
};

static const char *const applications[] = {"support", "search", "legal"};
static const char *const models[] = {"chat", "chat-large"};
static const char *const types[] = {"summary", "chat-short", NULL};
static const char *const keys[] = {"k1", "k2"};
static const char *const providers[] = {"openai", "anthropic", NULL};
static const char *const tags[] = {"env=prod", "env=dev,team=a", "debug", "env=prod,debug,x=1",
                                   NULL,       "env=,y"};
#define PICK(rig, list) slice_of(list[rig_below(rig, sizeof list / sizeof *list)])

static struct slice numbered(struct model *m, const char *name, unsigned n) {
    return arena_printf(&m->arena, "%s-%u", name, n);
}

/* Times crowd together: many share a millisecond, or a microsecond. */
static void random_record(struct model *m, struct record *r) {
    struct rig *rig = m->rig;
    int64_t at = RIG_START + rig_below(rig, DAYS) * RIG_DAY + rig_below(rig, 40) * (RIG_DAY / 40);
    if (rig_below(rig, 4) == 0) at += rig_below(rig, 3000);
    rig_record(r, at, 0);
    digest_fast128(slice_make((const char *)&rig->seed, sizeof rig->seed), r->id.bytes);
    struct record_id id;
    record_id_new(&id, at);
    memcpy(r->id.bytes, id.bytes, 6);
    r->time_us = at + (rig_below(rig, 5) == 0 ? (int64_t)rig_below(rig, 10000000) : rig_below(rig, 1000)) -
                 (rig_below(rig, 20) == 0 ? 3000000 : 0);
    r->application = PICK(rig, applications);
    r->model = PICK(rig, models);
    r->request_type = PICK(rig, types);
    r->key = PICK(rig, keys);
    r->provider = PICK(rig, providers);
    r->tags = PICK(rig, tags);
    r->user = rig_below(rig, 10) == 0 ? SLICE_NULL : numbered(m, "user", rig_below(rig, 300));
    r->session = numbered(m, "session", rig_below(rig, 2000));
    r->status = (enum record_status)rig_below(rig, RECORD_STATUS_COUNT);
}

static int by_id(const void *a, const void *b) {
    return memcmp(((const struct record *)a)->id.bytes, ((const struct record *)b)->id.bytes, 16);
}

static struct model *fill(struct rig *rig, struct ledger *l) {
    struct model *m = test_calloc(1, sizeof *m);
    struct recorder *recorder = rig_recorder(rig);
    m->rig = rig;
    arena_init(&m->arena, 1 << 20, 16 << 20);
    for (m->n = 0; m->n < RECORDS; m->n++) {
        random_record(m, &m->at[m->n]);
        rig_append_record(recorder, rig_below(rig, 2), &m->at[m->n]);
        if (rig_below(rig, 100) == 0) rig_drain(l, recorder);
    }
    rig_drain(l, recorder);
    recorder_close(recorder);
    qsort(m->at, m->n, sizeof *m->at, by_id);
    return m;
}

static bool has_tag(struct slice all, struct slice wanted) {
    struct slice one, key, value;
    for (bool more = all.len > 0; more;) {
        more = slice_cut(all, ',', &one, &all);
        if (slice_eq(one, wanted)) return true;
        if (slice_cut(one, '=', &key, &value) && slice_eq(key, wanted)) return true;
    }
    return false;
}

static bool fits(const struct record_filter *f, const struct record *r) {
    if (r->time_us < f->from_us || (f->to_us > 0 && r->time_us >= f->to_us)) return false;
    if (f->status >= 0 && (int)r->status != f->status) return false;
#define SAME(field)                                                                                          \
    if (!slice_is_null(f->field) && (slice_is_null(r->field) || !slice_eq(f->field, r->field))) return false;
    SAME(application)
        SAME(model) SAME(user) SAME(session) SAME(request_type) SAME(key) SAME(provider)
#undef SAME
            return slice_is_null(f->tag) ||
        has_tag(r->tags, f->tag);
}

static void random_filter(struct model *m, struct record_filter *f) {
    struct rig *rig = m->rig;
    static const char *const wanted_tags[] = {"env=prod", "env", "debug", "x=1", "nope", "env=", "y"};
    *f = (struct record_filter){
        .status = -1, .limit = 1 + rig_below(rig, 400), .oldest_first = rig_below(rig, 2)};
    if (rig_below(rig, 2)) f->from_us = m->at[rig_below(rig, m->n)].time_us + rig_below(rig, 2);
    if (rig_below(rig, 2)) f->to_us = m->at[rig_below(rig, m->n)].time_us + rig_below(rig, 2);
    if (rig_below(rig, 4) == 0) f->application = PICK(rig, applications);
    if (rig_below(rig, 4) == 0) f->model = PICK(rig, models);
    if (rig_below(rig, 4) == 0) f->request_type = PICK(rig, types);
    if (rig_below(rig, 6) == 0) f->key = PICK(rig, keys);
    if (rig_below(rig, 6) == 0) f->provider = PICK(rig, providers);
    if (rig_below(rig, 4) == 0) f->user = numbered(m, "user", rig_below(rig, 310));
    if (rig_below(rig, 8) == 0) f->session = numbered(m, "session", rig_below(rig, 2010));
    if (rig_below(rig, 5) == 0) f->tag = PICK(rig, wanted_tags);
    if (rig_below(rig, 5) == 0) f->status = (int)rig_below(rig, RECORD_STATUS_COUNT);
}

struct expected {
    const struct record *at[RECORDS];
    unsigned n, seen;
};

static bool check(void *ctx, const struct record *r) {
    struct expected *e = ctx;
    assert_true(e->seen < e->n);
    const struct record *want = e->at[e->seen++];
    assert_memory_equal(r->id.bytes, want->id.bytes, 16);
    assert_true(r->time_us == want->time_us);
    assert_true(slice_eq(r->session, want->session));
    assert_true(slice_eq(r->tags, want->tags));
    return true;
}

static void listing_is_what_a_naive_model_says(void **state) {
    struct rig *rig = *state;
    struct ledger *l = rig_ledger(rig);
    struct model *m = fill(rig, l);
    struct expected *e = test_calloc(1, sizeof *e);
    struct error error = {0};
    unsigned pages = 0, hits = 0;
    for (unsigned i = 0; i < QUERIES; i++) {
        struct record_filter f;
        struct arena arena;
        uint64_t count = 0;
        random_filter(m, &f);
        l->looked_at_most = i % 3 == 0 ? 1 + i % 97 : 0; /* pages that end early leave nothing out */
        arena_init(&arena, 256, 64 << 10);
        e->n = e->seen = 0;
        for (unsigned k = 0; k < m->n; k++) {
            const struct record *r = &m->at[f.oldest_first ? k : m->n - 1 - k];
            if (fits(&f, r)) e->at[e->n++] = r;
        }
        if (ledger_count(l, &f, &count, &error) != FAULT_NONE) fail_msg("%s", error.text);
        assert_int_equal(count, e->n);
        do {
            unsigned before = e->seen;
            if (ledger_list(l, &f, &arena, check, e, &f.cursor, &error) != FAULT_NONE)
                fail_msg("%s", error.text);
            assert_true(e->seen - before <= f.limit);
            assert_true(slice_is_null(f.cursor) || l->looked_at_most > 0 || e->seen - before == f.limit);
            pages++;
        } while (!slice_is_null(f.cursor));
        assert_int_equal(e->seen, e->n);
        hits += e->n > 0;
        arena_deinit(&arena);
    }
    assert_true(pages > QUERIES + 100 && hits > QUERIES / 4);
    arena_deinit(&m->arena);
    test_free(e);
    test_free(m);
    ledger_close(l);
}

static bool stop_at_three(void *ctx, const struct record *r) {
    (void)r;
    return ++*(unsigned *)ctx % 3 != 0;
}

static void a_stopped_listing_can_go_on(void **state) {
    struct rig *rig = *state;
    struct ledger *l = rig_ledger(rig);
    struct recorder *recorder = rig_recorder(rig);
    struct record_filter f = {.status = -1, .limit = 1000};
    struct arena arena;
    unsigned n = 0, pages = 0;
    arena_init(&arena, 256, 4096);
    for (unsigned i = 0; i < 7; i++) {
        struct record r;
        rig_record(&r, RIG_START + i, i);
        rig_append_record(recorder, 0, &r);
    }
    rig_drain(l, recorder);
    do {
        assert_int_equal(ledger_list(l, &f, &arena, stop_at_three, &n, &f.cursor, NULL), FAULT_NONE);
        pages++;
    } while (!slice_is_null(f.cursor));
    assert_int_equal(n, 7);
    assert_int_equal(pages, 3);
    arena_deinit(&arena);
    recorder_close(recorder);
    ledger_close(l);
}

static void bad_questions_are_refused(void **state) {
    struct ledger *l = rig_ledger(*state);
    struct error error = {0};
    struct slice cursor = SLICE("untouched");
    struct arena arena;
    unsigned n = 0;
    arena_init(&arena, 256, 4096);
    struct record_filter f = {.status = -1, .limit = 0};
    assert_int_equal(ledger_list(l, &f, &arena, stop_at_three, &n, &cursor, &error), FAULT_BAD_REQUEST);
    f.limit = LIMIT_PAGE + 1;
    assert_int_equal(ledger_list(l, &f, &arena, stop_at_three, &n, &cursor, &error), FAULT_BAD_REQUEST);
    f.limit = 1;
    static const char *const bad[] = {
        "", "x", "1", "1.", ".1", "-1.3", "1.-3", "1.2.3", "99999999999999999999.1"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        f.cursor = slice_of(bad[i]);
        assert_int_equal(ledger_list(l, &f, &arena, stop_at_three, &n, &cursor, &error), FAULT_BAD_REQUEST);
        assert_non_null(strstr(error.text, "cursor"));
    }
    assert_true(slice_is(cursor, "untouched"));
    f.cursor = SLICE_NULL;
    assert_int_equal(ledger_list(l, &f, &arena, stop_at_three, &n, &cursor, &error), FAULT_NONE);
    assert_true(slice_is_null(cursor));
    assert_int_equal(n, 0);
    arena_deinit(&arena);
    ledger_close(l);
}

static void a_record_with_very_many_tags_is_found(void **state) {
    struct rig *rig = *state;
    struct ledger *l = rig_ledger(rig);
    struct recorder *recorder = rig_recorder(rig);
    char tags_text[3000];
    for (unsigned i = 0; i < 60; i++) {
        struct record r;
        size_t len = 0;
        rig_record(&r, RIG_START + i, i);
        for (unsigned k = 0; len < sizeof tags_text - 20; k++)
            len += (size_t)snprintf(tags_text + len, sizeof tags_text - len, "%s%x=%x", k > 0 ? "," : "",
                                    i * 600 + k, k);
        r.tags = slice_make(tags_text, len);
        rig_append_record(recorder, 0, &r);
        if (i % 7 == 0) rig_drain(l, recorder);
    }
    rig_drain(l, recorder);
    char wanted[32];
    for (unsigned i = 0; i < 60; i++) {
        uint64_t n = 0;
        snprintf(wanted, sizeof wanted, "%x=%x", i * 600 + 99, 99);
        struct record_filter f = {.status = -1, .tag = slice_of(wanted)};
        assert_int_equal(ledger_count(l, &f, &n, NULL), FAULT_NONE);
        assert_int_equal(n, 1);
    }
    recorder_close(recorder);
    ledger_close(l);
}

static void a_sieve_never_misses(void **state) {
    (void)state;
    uint32_t wanted[2] = {5, 300};
    assert_true(sieve_may_hold(SLICE("\x05\xa7\x02"), wanted, 2)); /* 5, then 295 more */
    assert_false(sieve_may_hold(SLICE("\x05\xa6\x02"), wanted, 2));
    assert_false(sieve_may_hold(SLICE_NULL, wanted, 2));
    assert_true(sieve_may_hold(SLICE_NULL, wanted, 0));
    assert_true(sieve_may_hold(SLICE("\x80"), wanted, 2)); /* damaged: may hold anything */
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(listing_is_what_a_naive_model_says),
        TEST(a_stopped_listing_can_go_on),
        TEST(bad_questions_are_refused),
        TEST(a_record_with_very_many_tags_is_found),
        TEST(a_sieve_never_misses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
