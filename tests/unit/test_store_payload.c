/* Payloads: their encoding, their way into the ledger and back, and how long they stay. */
#include "store/ledger_store.h"
#include "test_store_rig.h"

static struct payload payload_of(int64_t wall_us, uint64_t n, const char *application) {
    return (struct payload){.id = rig_id(wall_us, n), .application = slice_of(application)};
}

static void append(struct recorder *r, const struct payload *p) {
    struct buffer b;
    buffer_init(&b, 4 << 20);
    assert_true(payload_encode(p, &b));
    assert_int_equal(recorder_append(r, 0, FRAME_PAYLOAD, buffer_slice(&b)), FAULT_NONE);
    buffer_deinit(&b);
}

static bool has(struct ledger *l, const struct record_id *id) {
    struct arena arena;
    struct payload p;
    struct error error = {0};
    arena_init(&arena, 4096, 8 << 20);
    enum fault fault = ledger_payload(l, id, &arena, &p, &error);
    arena_deinit(&arena);
    if (fault != FAULT_NONE && fault != FAULT_NOT_FOUND) fail_msg("%s", error.text);
    return fault == FAULT_NONE;
}

static bool same(struct slice a, struct slice b) {
    return slice_is_null(a) == slice_is_null(b) && slice_eq(a, b);
}

static void any_payload_comes_back(void **state) {
    struct rig *rig = *state;
    struct recorder *recorder = rig_recorder_with(rig, 1, 4 << 20, 30);
    struct ledger *l = rig_ledger(rig);
    struct arena arena;
    char *bytes = test_calloc(1, LIMIT_PAYLOAD);
    arena_init(&arena, 4096, 8 << 20);
    for (unsigned i = 0; i < 100; i++) {
        struct payload p = payload_of(RIG_START + i, i, i % 5 ? "support" : NULL), back = {0};
        for (unsigned k = 0; k < 4000; k++) bytes[k] = (char)(i % 3 ? 'a' + k % 7 : rig_below(rig, 256));
        if (i % 4) p.request = slice_make(bytes, rig_below(rig, i == 50 ? LIMIT_PAYLOAD : 4000));
        if (i % 3) p.reply = slice_make(bytes + 5, rig_below(rig, 3000));
        p.reply_cut = i % 7 == 0;
        append(recorder, &p);
        append(recorder, &p); /* kept once */
        while (ledger_drain_once(l, recorder, NULL) > 0) continue;
        assert_int_equal(ledger_payload(l, &p.id, &arena, &back, NULL), FAULT_NONE);
        assert_memory_equal(back.id.bytes, p.id.bytes, sizeof p.id.bytes);
        assert_true(same(back.application, p.application) && same(back.request, p.request) &&
                    same(back.reply, p.reply));
        assert_true(back.reply_cut == p.reply_cut && !back.request_cut);
        arena_reset(&arena);
    }
    struct record_id unknown = rig_id(RIG_START, 1000), other_day = rig_id(RIG_START + RIG_DAY, 1);
    assert_false(has(l, &unknown));
    assert_false(has(l, &other_day));
    arena_deinit(&arena);
    test_free(bytes);
    ledger_close(l);
    recorder_close(recorder);
}

static void long_bodies_are_cut_at_a_character(void **state) {
    (void)state;
    size_t n = LIMIT_PAYLOAD + 100;
    char *text = test_calloc(1, n);
    for (size_t i = 0; i + 2 < n; i += 3)
        memcpy(text + i, "\xe2\x82\xac", 3); /* three bytes each: 2^20 falls inside one */
    struct payload p = payload_of(RIG_START, 1, "a"), back;
    struct buffer b;
    p.request = slice_make(text, LIMIT_PAYLOAD);
    p.reply = slice_make(text, n);
    buffer_init(&b, 4 << 20);
    assert_true(payload_encode(&p, &b));
    assert_true(payload_decode(buffer_slice(&b), &back));
    assert_false(back.request_cut);
    assert_int_equal(back.request.len, LIMIT_PAYLOAD);
    assert_true(back.reply_cut);
    assert_int_equal(back.reply.len, LIMIT_PAYLOAD - LIMIT_PAYLOAD % 3);
    buffer_deinit(&b);
    buffer_init(&b, 1000);
    assert_false(payload_encode(&p, &b));
    assert_int_equal(b.len, 0);
    buffer_deinit(&b);
    test_free(text);
}

static void damaged_bytes_are_no_payload(void **state) {
    (void)state;
    struct payload p = payload_of(RIG_START, 1, "app"), back;
    struct buffer b;
    p.request = SLICE("question");
    p.reply = SLICE("answer");
    buffer_init(&b, 4096);
    assert_true(payload_encode(&p, &b));
    for (size_t n = 0; n < b.len; n++) assert_false(payload_decode(slice_make(b.at, n), &back));
    b.at[0] = 9;
    assert_false(payload_decode(buffer_slice(&b), &back));
    buffer_deinit(&b);
}

static int64_t retention_of(void *ctx, struct slice application) {
    (void)ctx;
    if (slice_is(application, "short")) return 3600 * 1000000LL;
    if (slice_is(application, "long")) return 2 * RIG_DAY;
    return 0;
}

static void each_application_has_its_own_retention(void **state) {
    struct rig *rig = *state;
    struct recorder *recorder = rig_recorder(rig);
    struct ledger *l = rig_ledger(rig);
    static const char *const names[] = {"short", "long", "for ever"};
    struct payload all[3][4]; /* by application; at 00:00, 12:00 of two days */
    for (unsigned a = 0; a < 3; a++)
        for (unsigned i = 0; i < 4; i++) {
            all[a][i] = payload_of(RIG_START + i * (RIG_DAY / 2), 10 * a + i, names[a]);
            all[a][i].reply = SLICE("reply");
            append(recorder, &all[a][i]);
        }
    rig_drain(l, recorder);
    payload_expire(l, RIG_START + RIG_DAY / 2 + 60000000, retention_of,
                   NULL); /* 12:01: only the short one of 00:00 is old */
    for (unsigned a = 0; a < 3; a++)
        for (unsigned i = 0; i < 4; i++) assert_int_equal(has(l, &all[a][i].id), !(a == 0 && i == 0));
    payload_expire(l, RIG_START + 2 * RIG_DAY + RIG_DAY / 4, retention_of, NULL);
    for (unsigned a = 0; a < 3; a++)
        for (unsigned i = 0; i < 4; i++) assert_int_equal(has(l, &all[a][i].id), a == 2 || (a == 1 && i > 0));
    append(recorder, &all[0][3]); /* an application whose rows are gone may come back */
    rig_drain(l, recorder);
    assert_true(has(l, &all[0][3].id));
    ledger_close(l);
    recorder_close(recorder);
}

static void a_file_with_nothing_left_is_deleted(void **state) {
    struct rig *rig = *state;
    struct recorder *recorder = rig_recorder(rig);
    struct ledger *l = rig_ledger(rig);
    struct payload secret = payload_of(RIG_START, 1, "short"),
                   other = payload_of(RIG_START + RIG_DAY, 2, "short"),
                   kept = payload_of(RIG_START + RIG_DAY + 1, 3, "for ever");
    secret.request = other.request = SLICE("0123456789 a text that must not be found afterwards");
    append(recorder, &secret);
    append(recorder, &other);
    append(recorder, &kept);
    rig_drain(l, recorder);
    assert_int_equal(rig_files(rig, "payload-", ".db"), 2);
    payload_expire(l, RIG_START + 3 * RIG_DAY, retention_of, NULL);
    assert_int_equal(rig_files(rig, "payload-", ".db"), 1);
    assert_int_equal(rig_files(rig, "payload-2025-11-08", ""), 0);
    assert_false(has(l, &other.id));
    assert_true(has(l, &kept.id));
    ledger_close(l);
    int fd = open(rig_path(rig, "payload-2025-11-09.db"), O_RDONLY);
    char *bytes = test_calloc(1, 1 << 20);
    ssize_t n = read(fd, bytes, 1 << 20);
    assert_true(n > 0);
    assert_null(memmem(bytes, (size_t)n, "must not be found", 17));
    close(fd);
    test_free(bytes);
    recorder_close(recorder);
}

static void files_are_the_owners_alone(void **state) {
    struct rig *rig = *state;
    struct recorder *recorder = rig_recorder(rig);
    struct ledger *l = rig_ledger(rig);
    struct payload p = payload_of(RIG_START, 1, "a");
    struct record r;
    rig_record(&r, RIG_START, 1);
    append(recorder, &p);
    rig_append_record(recorder, 0, &r);
    rig_drain(l, recorder);
    DIR *d = opendir(rig->dir);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        struct stat st;
        if (e->d_name[0] == '.') continue;
        assert_int_equal(stat(rig_path(rig, e->d_name), &st), 0);
        assert_int_equal(st.st_mode & 0077, 0);
    }
    closedir(d);
    ledger_close(l);
    recorder_close(recorder);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(any_payload_comes_back),
        TEST(long_bodies_are_cut_at_a_character),
        TEST(damaged_bytes_are_no_payload),
        TEST(each_application_has_its_own_retention),
        TEST(a_file_with_nothing_left_is_deleted),
        TEST(files_are_the_owners_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
