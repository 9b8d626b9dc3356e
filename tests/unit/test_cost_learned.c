/* What was learned comes back as it was; no bytes make the reader fall over, and what is damaged changes
 * nothing. */
#include "cost/learned.h"

#include "base/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define APPLICATION SLICE("helpdesk")
#define MODEL SLICE("chat")

struct mind {
    struct token_calibration c;
    struct expect *e;
};

static struct mind *mind_new(void) {
    struct mind *m = test_calloc(1, sizeof *m);
    token_calibration_init(&m->c);
    m->e = expect_new();
    return m;
}

static void mind_free(struct mind *m) {
    expect_free(m->e);
    test_free(m);
}

static struct slice name_of(unsigned i, char room[16]) {
    snprintf(room, 16, "kind-%u", i);
    return slice_of(room);
}

static struct mind *taught(void) {
    struct mind *m = mind_new();
    char room[16];
    for (unsigned i = 0; i < 40; i++)
        for (int64_t n = 0; n < 150; n++) {
            expect_learn(m->e, APPLICATION, MODEL, name_of(i, room), n * (i + 1));
            assert_true(token_calibration_update(&m->c, name_of(i, room), 1000, 1000 + 10 * i + n));
        }
    return m;
}

static void encode(const struct mind *m, struct buffer *out) {
    buffer_init(out, LEARNED_MOST);
    assert_true(learned_encode(&m->c, m->e, out));
}

static enum fault decode(struct mind *m, struct slice bytes) {
    struct error error = {0};
    return learned_decode(bytes, &m->c, m->e, &error);
}

static void expect_same(const struct mind *a, const struct mind *b) {
    char room[16];
    for (unsigned i = 0; i < 41; i++) {
        uint32_t n_a, n_b;
        struct slice name = name_of(i, room);
        assert_int_equal(expect_output(a->e, APPLICATION, MODEL, name),
                         expect_output(b->e, APPLICATION, MODEL, name));
        assert_true(token_calibration_factor(&a->c, name, &n_a) ==
                    token_calibration_factor(&b->c, name, &n_b));
        assert_int_equal(n_a, n_b);
    }
}

static void round_trip(void **state) {
    (void)state;
    struct mind *a = taught(), *b = mind_new();
    struct buffer bytes, again;
    char room[16];
    encode(a, &bytes);
    assert_int_equal(decode(b, buffer_slice(&bytes)), FAULT_NONE);
    expect_same(a, b);
    assert_true(expect_output(b->e, APPLICATION, MODEL, SLICE("kind-7")) > 0);
    encode(b, &again);
    assert_int_equal(again.len, bytes.len);
    for (int64_t n = 0; n < 3000; n++) /* and both go on from there in the same way */
        expect_learn(a->e, APPLICATION, MODEL, name_of(7, room), 9000),
            expect_learn(b->e, APPLICATION, MODEL, name_of(7, room), 9000);
    expect_same(a, b);
    buffer_deinit(&again);
    buffer_deinit(&bytes);
    mind_free(a);
    mind_free(b);
}

static void take_kind(void *ctx, uint64_t kind, const unsigned bins[EXPECT_BINS]) {
    (void)bins;
    *(uint64_t *)ctx = kind;
}

/* A kind that was kept while it was full is halved as answers come, so that old ones fade; else they would
 * rule for ever. */
static void a_full_kind_is_halved(void **state) {
    (void)state;
    struct mind *m = mind_new(), *other = mind_new();
    unsigned bins[EXPECT_BINS] = {[80] = EXPECT_HALVE + 5};
    uint64_t kind = 0;
    expect_learn(other->e, APPLICATION, MODEL, SLICE("t"), 4);
    expect_each(other->e, take_kind, &kind);
    assert_true(expect_restore(m->e, kind, bins));
    int64_t before = expect_output(m->e, APPLICATION, MODEL, SLICE("t"));
    for (int i = 0; i < 10 * EXPECT_HALVE; i++) expect_learn(m->e, APPLICATION, MODEL, SLICE("t"), 4);
    assert_true(before > 1000 && expect_output(m->e, APPLICATION, MODEL, SLICE("t")) < 10);
    bins[80] = EXPECT_MOST;
    assert_false(expect_restore(other->e, 98, bins));
    assert_false(expect_restore(other->e, 0, (unsigned[EXPECT_BINS]){1}));
    mind_free(m);
    mind_free(other);
}

static void nothing_is_something_too(void **state) {
    (void)state;
    struct mind *a = mind_new(), *b = mind_new();
    struct buffer bytes;
    encode(a, &bytes);
    assert_int_equal(decode(b, buffer_slice(&bytes)), FAULT_NONE);
    assert_int_equal(decode(b, SLICE("")), FAULT_CORRUPT);
    assert_int_equal(decode(b, SLICE_NULL), FAULT_CORRUPT);
    buffer_deinit(&bytes);
    mind_free(a);
    mind_free(b);
}

/* Every cut and thousands of flipped bytes: refused, and nothing was learned. */
static void damage(void **state) {
    (void)state;
    struct mind *a = taught(), *b = mind_new(), *fresh = mind_new();
    struct buffer bytes;
    encode(a, &bytes);
    for (size_t n = 0; n < bytes.len; n += n < 100 ? 1 : 997)
        assert_int_equal(decode(b, slice_make(bytes.at, n)), FAULT_CORRUPT);
    uint64_t seed = 5;
    for (unsigned i = 0; i < 5000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        size_t at = (size_t)(seed >> 33) % bytes.len;
        char was = bytes.at[at];
        bytes.at[at] = (char)(was ^ (1 << (seed >> 29 & 7)));
        assert_int_equal(decode(b, buffer_slice(&bytes)), FAULT_CORRUPT);
        bytes.at[at] = was;
    }
    expect_same(b, fresh);
    buffer_deinit(&bytes);
    mind_free(a);
    mind_free(b);
    mind_free(fresh);
}

/* With the right checksum: whoever wrote that was no program of ours. */
static enum fault decode_body(struct mind *m, const char *body) {
    struct buffer b;
    buffer_init(&b, 1 << 20);
    buffer_printf(&b, "quarterdeck learned 1 %016llx\n%s", (unsigned long long)digest_fast(slice_of(body), 0),
                  body);
    enum fault fault = decode(m, buffer_slice(&b));
    buffer_deinit(&b);
    return fault;
}

#define MODELS(rows) "{\"calibration\":[" rows "],\"expect\":[]}"
#define KINDS(rows) "{\"calibration\":[[\"00000000000000aa\",2,9]],\"expect\":[" rows "]}"

static void absurdities(void **state) {
    (void)state;
    static const char *const bad[] = {"",
                                      "[]",
                                      "{}",
                                      "null",
                                      "{\"calibration\":[]}",
                                      "{\"calibration\":{},\"expect\":[]}",
                                      "{\"calibration\":[],\"expect\":7}",
                                      MODELS("[]"),
                                      MODELS("7"),
                                      MODELS("[\"00000000000000aa\"]"),
                                      MODELS("[\"00000000000000aa\",5,9]"),
                                      MODELS("[\"00000000000000aa\",0.1,9]"),
                                      MODELS("[\"00000000000000aa\",1,0]"),
                                      MODELS("[\"00000000000000aa\",1,-3]"),
                                      MODELS("[\"00000000000000aa\",1,4294967296]"),
                                      MODELS("[\"0000000000000000\",1,9]"),
                                      MODELS("[\"aa\",1,9]"),
                                      MODELS("[\"zz000000000000aa\",1,9]"),
                                      MODELS("[170,1,9]"),
                                      MODELS("[\"00000000000000aa\",null,9]"),
                                      MODELS("[\"00000000000000aa\",1e999,9]"),
                                      KINDS("[]"),
                                      KINDS("[7]"),
                                      KINDS("[\"0000000000000000\",[1,1]]"),
                                      KINDS("[\"00000000000000bb\",[168,1]]"),
                                      KINDS("[\"00000000000000bb\",[-1,1]]"),
                                      KINDS("[\"00000000000000bb\",[1,0]]"),
                                      KINDS("[\"00000000000000bb\",[1,40000]]"),
                                      KINDS("[\"00000000000000bb\",[1,5],[1,5]]"),
                                      KINDS("[\"00000000000000bb\",[1,39999],[2,39999]]"),
                                      KINDS("[\"00000000000000bb\",3]"),
                                      KINDS("[\"00000000000000bb\",[1]]"),
                                      KINDS("[\"00000000000000bb\",[1,9223372036854775807]]"),
                                      KINDS("[\"00000000000000bb\",[9223372036854775807,1]]")};
    struct mind *m = mind_new();
    uint64_t model;
    double factor;
    uint32_t n;
    for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++)
        if (decode_body(m, bad[i]) != FAULT_CORRUPT) fail_msg("taken: %s", bad[i]);
    for (unsigned i = 0; i < TOKEN_CALIBRATION_MODELS; i++)
        assert_false(token_calibration_row(&m->c, i, &model, &factor, &n));
    assert_int_equal(decode_body(m, KINDS("[\"00000000000000bb\",[1,5],[2,7]]")), FAULT_NONE);
    mind_free(m);
}

static void more_rows_than_there_is_room_for(void **state) {
    (void)state;
    struct mind *m = mind_new();
    struct buffer b;
    buffer_init(&b, 1 << 20);
    buffer_append(&b, SLICE("{\"calibration\":["));
    for (unsigned i = 1; i <= TOKEN_CALIBRATION_MODELS + 1; i++)
        buffer_printf(&b, "%s[\"%016x\",1,9]", i > 1 ? "," : "", i);
    buffer_append(&b, SLICE("],\"expect\":[]}"));
    assert_int_equal(decode_body(m, buffer_text(&b)), FAULT_CORRUPT);
    buffer_clear(&b);
    buffer_append(&b, SLICE("{\"calibration\":[],\"expect\":["));
    for (unsigned i = 0; i < 17; i++)
        buffer_printf(&b, "%s[\"%016x\",[1,9]]", i > 0 ? "," : "", 64 * (i + 1)); /* all of one block */
    buffer_append(&b, SLICE("]}"));
    assert_int_equal(decode_body(m, buffer_text(&b)), FAULT_CORRUPT);
    buffer_deinit(&b);
    mind_free(m);
}

static void a_full_buffer_is_said(void **state) {
    (void)state;
    struct mind *m = taught();
    struct buffer small;
    buffer_init(&small, 100);
    assert_false(learned_encode(&m->c, m->e, &small));
    buffer_deinit(&small);
    mind_free(m);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip),
        cmocka_unit_test(a_full_kind_is_halved),
        cmocka_unit_test(nothing_is_something_too),
        cmocka_unit_test(damage),
        cmocka_unit_test(absurdities),
        cmocka_unit_test(more_rows_than_there_is_room_for),
        cmocka_unit_test(a_full_buffer_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
