/* Recorded questions as the semantic cache would have seen them. */
#include "cost/cache_traffic.h"
#include "test_store_rig.h"

struct traffic {
    struct rig *rig;
    struct recorder *recorder;
    struct ledger *ledger;
    uint64_t n;
};

static void begin(struct traffic *t, void **state) {
    *t = (struct traffic){.rig = *state};
    t->recorder = rig_recorder(t->rig);
    t->ledger = rig_ledger(t->rig);
}

static void finish(struct traffic *t) {
    ledger_close(t->ledger);
    recorder_close(t->recorder);
}

static void put(struct traffic *t, const struct record *r, const char *request, const char *reply) {
    struct buffer b;
    struct payload p = {.id = r->id,
                        .application = r->application,
                        .request = slice_of(request),
                        .reply = reply ? slice_of(reply) : SLICE_NULL};
    rig_append_record(t->recorder, 0, r);
    if (!request) return;
    buffer_init(&b, 4 << 20);
    assert_true(payload_encode(&p, &b));
    assert_int_equal(recorder_append(t->recorder, 0, FRAME_PAYLOAD, buffer_slice(&b)), FAULT_NONE);
    buffer_deinit(&b);
}

static struct record record_of(struct traffic *t) {
    struct record r;
    t->n++;
    rig_record(&r, RIG_START + (int64_t)t->n * 1000000, t->n);
    return r;
}

#define ASK(text)                                                                                            \
    "{\"model\":\"m\",\"messages\":[{\"role\":\"system\",\"content\":\"s\"},{\"role\":\"user\",\"content\":" \
    "\"" text "\"}]}"
#define SAY(text)                                                                                            \
    "{\"id\":\"1\",\"object\":\"chat.completion\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,"  \
    "\"message\":{\"role\":"                                                                                 \
    "\"assistant\",\"content\":\"" text "\"},\"finish_reason\":\"stop\"}]}"

static void chat(struct traffic *t, const char *request, const char *reply) {
    struct record r = record_of(t);
    put(t, &r, request, reply);
}

static struct cache_traffic read_traffic(struct traffic *t, struct arena *arena, int64_t ttl_us,
                                         bool per_user) {
    struct cache_traffic ret;
    struct error error = {0};
    struct cache_traffic_query q = {.application = SLICE("support"),
                                    .from_us = RIG_START,
                                    .to_us = RIG_START + RIG_DAY,
                                    .ttl_us = ttl_us,
                                    .per_user = per_user};
    rig_drain(t->ledger, t->recorder);
    if (cache_traffic_read(t->ledger, &q, arena, &ret, &error) != FAULT_NONE) fail_msg("%s", error.text);
    return ret;
}

#define RESET "How do I reset my password?"
#define RESET_2 "How can I reset my password"
#define RESET_3 "how do i reset my password, please"

static void pairs_are_judged_by_their_answers(void **state) {
    struct traffic t;
    struct arena arena;
    begin(&t, state);
    arena_init(&arena, 1 << 16, 64 << 20);
    chat(&t, ASK(RESET), SAY("Open the settings and choose a new one."));
    chat(&t, ASK(RESET_2), SAY("Open the settings and choose a new one!"));
    chat(&t, ASK(RESET_3), SAY("Open the settings and do not choose a new one."));
    chat(&t, ASK(RESET), SAY("whatever")); /* word for word */
    struct cache_traffic c = read_traffic(&t, &arena, 0, false);
    assert_int_equal(c.records, 4);
    assert_int_equal(c.n_asked, 4);
    assert_int_equal(c.repeats, 1);
    assert_int_equal(c.n_questions, 3);
    assert_int_equal(c.n_pairs, 2);
    assert_int_equal(c.asked[0].nearest, -1);
    assert_int_equal(c.asked[1].nearest, 881605);
    assert_int_equal(c.asked[1].cost_nano, 1000);
    assert_int_equal(c.asked[3].nearest, -1);
    assert_true(c.pairs[0].right && c.pairs[0].a == 0 && c.pairs[0].b == 1);
    assert_false(c.pairs[1].right); /* a negation more */
    arena_deinit(&arena);
    finish(&t);
}

static void what_is_not_comparable_is_counted(void **state) {
    struct traffic t;
    struct arena arena;
    begin(&t, state);
    arena_init(&arena, 1 << 16, 64 << 20);
    chat(&t, ASK(RESET), SAY("a"));
    chat(&t, "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"" RESET_2 "\"}]}",
         SAY("a")); /* no system prompt */
    chat(&t, NULL, NULL);
    chat(&t, "{\"model\":\"m\",\"messages\":[{\"role\":\"tool\",\"content\":\"x\",\"tool_call_id\":\"c\"}]}",
         SAY("a"));
    chat(&t, "no JSON", SAY("a"));
    struct record other = record_of(&t), hit = record_of(&t), failed = record_of(&t),
                  stranger = record_of(&t);
    other.request_type = SLICE("faq");
    put(&t, &other, ASK(RESET_2), SAY("a"));
    hit.cache = SLICE("hit");
    put(&t, &hit, ASK(RESET_2), SAY("a"));
    failed.status = RECORD_ERROR;
    put(&t, &failed, ASK(RESET_2), SAY("a"));
    stranger.application = SLICE("other");
    put(&t, &stranger, ASK(RESET_2), SAY("a"));
    struct cache_traffic c = read_traffic(&t, &arena, 0, false);
    assert_int_equal(c.records, 6);
    assert_int_equal(c.without_payload, 1);
    assert_int_equal(c.not_comparable, 2);
    assert_int_equal(c.n_asked, 3);
    assert_int_equal(c.n_pairs, 0);
    for (size_t i = 0; i < c.n_asked; i++) assert_int_equal(c.asked[i].nearest, -1);
    arena_deinit(&arena);
    finish(&t);
}

static void time_and_user_keep_questions_apart(void **state) {
    struct traffic t;
    struct arena arena;
    begin(&t, state);
    arena_init(&arena, 1 << 16, 64 << 20);
    struct record anna = record_of(&t), otto = record_of(&t);
    anna.user = SLICE("anna"), otto.user = SLICE("otto");
    put(&t, &anna, ASK(RESET), SAY("a"));
    put(&t, &otto, ASK(RESET_2), SAY("a"));
    assert_int_equal(read_traffic(&t, &arena, 0, false).asked[1].nearest, 881605);
    assert_int_equal(read_traffic(&t, &arena, 1000000, false).asked[1].nearest, 881605); /* a second apart */
    assert_int_equal(read_traffic(&t, &arena, 999999, false).asked[1].nearest, -1);
    assert_int_equal(read_traffic(&t, &arena, 0, true).asked[1].nearest, -1);
    arena_deinit(&arena);
    finish(&t);
}

static void streams_have_answers_too(void **state) {
#define CHUNK(text)                                                                                          \
    "data: "                                                                                                 \
    "{\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{"        \
    "\"index\":0,\"delta\":{\"content\":\"" text "\"},\"finish_reason\":null}]}\n\n"
    struct traffic t;
    struct arena arena;
    begin(&t, state);
    arena_init(&arena, 1 << 16, 64 << 20);
    struct record a = record_of(&t), b = record_of(&t);
    a.stream = b.stream = true;
    put(&t, &a, ASK(RESET), CHUNK("Open the ") CHUNK("settings.") "data: [DONE]\n\n");
    put(&t, &b, ASK(RESET_2), CHUNK("Open the settings") "data: [DONE]\n\n");
    struct cache_traffic c = read_traffic(&t, &arena, 0, false);
    assert_int_equal(c.n_pairs, 1);
    assert_true(c.pairs[0].right);
    arena_deinit(&arena);
    finish(&t);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(pairs_are_judged_by_their_answers, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(what_is_not_comparable_is_counted, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(time_and_user_keep_questions_apart, rig_setup, rig_teardown),
        cmocka_unit_test_setup_teardown(streams_have_answers_too, rig_setup, rig_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
