#include "base/clock.h"
#include "base/mem.h"
#include "model/record.h"

#include "base/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define TIME_US 1795234581000123LL /* 2026-11-21T04:16:21.000123Z */

/* ===== ids ===== */

static void test_ids(void **state) {
    (void)state;
    struct record_id a, b;
    char text[RECORD_ID_TEXT], other[RECORD_ID_TEXT];
    record_id_new(&a, TIME_US);
    record_id_new(&b, TIME_US);
    assert_memory_not_equal(a.bytes, b.bytes, sizeof a.bytes);
    assert_int_equal(record_id_time_us(&a), TIME_US / 1000 * 1000);
    record_id_format(&a, text);
    assert_int_equal(strlen(text), 26);
    assert_true(record_id_parse(slice_of(text), &b));
    assert_memory_equal(a.bytes, b.bytes, sizeof a.bytes);
    for (int i = 0; i < 1000; i++) { /* later sorts behind, as bytes and as text */
        record_id_new(&a, TIME_US + i * 1000LL);
        record_id_new(&b, TIME_US + (i + 1) * 1000LL);
        record_id_format(&a, text);
        record_id_format(&b, other);
        assert_true(strcmp(text, other) < 0 && memcmp(a.bytes, b.bytes, sizeof a.bytes) < 0);
    }
}

static void test_id_text(void **state) {
    (void)state;
    struct record_id id;
    char text[RECORD_ID_TEXT];
    memset(&id, 0xFF, sizeof id);
    record_id_format(&id, text);
    assert_string_equal(text, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    memset(&id, 0, sizeof id);
    record_id_format(&id, text);
    assert_string_equal(text, "00000000000000000000000000");
    assert_true(record_id_parse(SLICE("01arz3ndektsv4rrffq69g5fav"), &id)); /* the specification's, in the other case */
    record_id_format(&id, text);
    assert_string_equal(text, "01ARZ3NDEKTSV4RRFFQ69G5FAV");
    assert_true(record_id_parse(SLICE("0lARZ3NDEKTSV4RRFFQ69G5FAV"), &id)); /* l is 1 */
    static const char *const bad[] = {"", "01ARZ3NDEKTSV4RRFFQ69G5FA", "01ARZ3NDEKTSV4RRFFQ69G5FAVX", "81ARZ3NDEKTSV4RRFFQ69G5FAV", "01ARZ3NDEKTSV4RRFFQ69G5FAU", "01ARZ3NDEKTSV4RRFFQ69G5F V"};
    for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) assert_false(record_id_parse(slice_of(bad[i]), &id));
    assert_false(record_id_parse(slice_make("01ARZ3NDEKTSV4RRFFQ69G5FA\0", 26), &id));
}

/* ===== samples ===== */

static void typical(struct record *r) {
    record_init(r);
    assert_true(record_id_parse(SLICE("01KAJKKPC80000000000000000"), &r->id));
    memset(r->id.bytes + 6, 0xA5, 10);
    r->time_us = record_id_time_us(&r->id) + 123;
    r->application = SLICE("helpdesk");
    r->key = SLICE("web");
    r->user = SLICE("user-48213");
    r->session = SLICE("7b0c8f7e-4c1b-4f53");
    r->feature = SLICE("reply-draft");
    r->request_type = SLICE("chat-short");
    r->dialect = SLICE("openai");
    r->model = SLICE("support-chat");
    r->provider = SLICE("openai");
    r->target_model = SLICE("gpt-4o-mini-2024-07-18");
    r->upstream_model = SLICE("gpt-4o-mini-2024-07-18");
    r->system_fingerprint = SLICE("fp_0aa8d3e20b");
    r->finish_reason = SLICE("stop");
    r->stream = true;
    r->http_status = 200;
    r->attempts[0] = (struct record_attempt){SLICE("openai"), SLICE("gpt-4o-mini-2024-07-18"), 200, FAULT_NONE, 2911};
    r->n_attempts = 1;
    r->usage.input = 1243;
    r->usage.cache_read = 1024;
    r->usage.output = 318;
    r->cost_nano = 300450;
    r->ttft_us = 412387;
    r->duration_us = 2911420;
    r->overhead_us = 87;
    r->request_bytes = 5120;
    r->response_bytes = 41233;
    r->has_system_prompt = true;
    memset(r->system_prompt_hash, 0x5A, sizeof r->system_prompt_hash);
}

static struct slice encode(const struct record *r, struct buffer *out) {
    buffer_init(out, LIMIT_RECORD);
    assert_true(record_encode(r, out));
    return buffer_slice(out);
}

/* Null and empty differ, whatever the pointers. */
static void same_text(struct slice a, struct slice b) {
    assert_true(slice_eq(a, b));
    assert_int_equal(slice_is_null(a), slice_is_null(b));
}

static void same(const struct record *a, const struct record *b) {
    assert_memory_equal(a->id.bytes, b->id.bytes, sizeof a->id.bytes);
    assert_int_equal(a->time_us, b->time_us);
    const struct slice *const texts[][2] = {
        {&a->application, &b->application}, {&a->key, &b->key}, {&a->user, &b->user}, {&a->session, &b->session}, {&a->feature, &b->feature},
        {&a->team, &b->team}, {&a->request_type, &b->request_type}, {&a->tags, &b->tags}, {&a->dialect, &b->dialect}, {&a->model, &b->model},
        {&a->provider, &b->provider}, {&a->target_model, &b->target_model}, {&a->upstream_model, &b->upstream_model},
        {&a->system_fingerprint, &b->system_fingerprint}, {&a->finish_reason, &b->finish_reason}, {&a->prompt_name, &b->prompt_name},
        {&a->prompt_version, &b->prompt_version}, {&a->error_text, &b->error_text}, {&a->cache, &b->cache}};
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) same_text(*texts[i][0], *texts[i][1]);
    assert_int_equal(a->endpoint, b->endpoint);
    assert_int_equal(a->stream, b->stream);
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->http_status, b->http_status);
    assert_int_equal(a->error, b->error);
    assert_int_equal(a->n_attempts, b->n_attempts);
    for (unsigned i = 0; i < a->n_attempts; i++) {
        assert_true(slice_eq(a->attempts[i].provider, b->attempts[i].provider));
        assert_true(slice_eq(a->attempts[i].model, b->attempts[i].model));
        assert_int_equal(a->attempts[i].http_status, b->attempts[i].http_status);
        assert_int_equal(a->attempts[i].error, b->attempts[i].error);
        assert_int_equal(a->attempts[i].ms, b->attempts[i].ms);
    }
#define USAGE(field) assert_int_equal(a->usage.field, b->usage.field);
    USAGE_TABLE(USAGE)
#undef USAGE
    assert_int_equal(a->usage.estimated, b->usage.estimated);
    assert_int_equal(a->cost_nano, b->cost_nano);
    assert_int_equal(a->charge.meters, b->charge.meters);
    assert_memory_equal(a->charge.nano, b->charge.nano, sizeof a->charge.nano);
    assert_int_equal(a->ttft_us, b->ttft_us);
    assert_int_equal(a->duration_us, b->duration_us);
    assert_int_equal(a->overhead_us, b->overhead_us);
    assert_true(a->request_bytes == b->request_bytes && a->response_bytes == b->response_bytes);
    assert_int_equal(a->has_system_prompt, b->has_system_prompt);
    if (a->has_system_prompt) assert_memory_equal(a->system_prompt_hash, b->system_prompt_hash, sizeof a->system_prompt_hash);
    assert_int_equal(a->dropped_events, b->dropped_events);
    assert_int_equal(a->back_to_primary, b->back_to_primary);
    assert_int_equal(a->saved_nano, b->saved_nano);
    assert_int_equal(a->history_tokens_saved, b->history_tokens_saved);
    assert_int_equal(a->output_cap, b->output_cap);
    assert_int_equal(a->cache_similarity_ppm, b->cache_similarity_ppm);
    assert_int_equal(a->difficulty_ppm, b->difficulty_ppm);
    assert_int_equal(a->tier_applied, b->tier_applied);
    assert_true(slice_eq(a->tier, b->tier) && slice_eq(a->batch, b->batch) && slice_eq(a->knowledge, b->knowledge) && a->input_hash == b->input_hash);
    assert_true(a->rollout == b->rollout && a->arm == b->arm && a->rollout_step == b->rollout_step);
}

static void round_trip(const struct record *r) {
    struct buffer out;
    struct arena arena;
    struct record back;
    struct slice bytes = encode(r, &out);
    arena_init(&arena, 1024, 1 << 20);
    assert_true(record_decode(bytes, &arena, &back));
    memset(out.at, 0xEE, out.len); /* what was read does not point into what it was read from */
    same(r, &back);
    arena_deinit(&arena);
    buffer_deinit(&out);
}

/* ===== the compact form ===== */

static void test_sizes(void **state) {
    (void)state;
    struct record r;
    struct buffer out;
    typical(&r);
    size_t size = encode(&r, &out).len;
    buffer_deinit(&out);
    print_message("a typical record: %zu bytes\n", size);
    assert_true(size <= 200);
    record_init(&r);
    size = encode(&r, &out).len;
    buffer_deinit(&out);
    print_message("an empty record: %zu bytes\n", size);
    assert_true(size <= 50);
}

static void test_round_trips(void **state) {
    (void)state;
    struct record r;
    record_init(&r);
    round_trip(&r);
    typical(&r);
    round_trip(&r);
    r.error = FAULT_UP_TRUNCATED;
    r.error_text = SLICE("the stream ended without its last event");
    r.status = RECORD_TRUNCATED;
    r.cost_nano = 0; /* known to be nothing is not unknown */
    r.user = SLICE("");
    r.usage.input = 0;
    r.usage.estimated = true;
    r.dropped_events = UINT32_MAX;
    r.back_to_primary = true;
    r.time_us = -1;
    r.attempts[1] = (struct record_attempt){SLICE("anthropic"), SLICE("gpt-4o-mini-2024-07-18"), 0, FAULT_UP_CONNECT, UINT32_MAX};
    r.n_attempts = 2;
    round_trip(&r);
}

static void charge_to(struct record *r) {
    r->charge.meters = 3;
    r->charge.nano[0] = 450;
    r->charge.nano[1] = r->cost_nano - 450;
}

/* The bytes are a promise to old files: this text may only change together with the version byte. */
static const char golden[] =
        "01019aa539d988a5a5a5a5a5a5a5a5a5a50fff5ff6011068656c706465736b0677656214636861742d73686f727401187375"
        "70706f72742d636861742c6770742d346f2d6d696e692d323032342d30372d31380914757365722d34383231330141243762"
        "3063386637652d346331622d34663533167265706c792d64726166741a66705f306161386433653230622319900323db0980"
        "08be02c4d624c6ab32f8b2e302ae018050a284055a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a010141a006df16";

static void test_golden_bytes(void **state) {
    (void)state;
    struct record r;
    struct buffer out;
    typical(&r);
    struct slice bytes = encode(&r, &out);
    char hex[2 * 256 + 1];
    assert_true(bytes.len <= 256);
    digest_hex((const uint8_t *)bytes.at, bytes.len, hex);
    assert_string_equal(hex, golden);
    buffer_deinit(&out);
}

/* What was written before a field was there is read as without it, and written as it was. */
static void test_old_records(void **state) {
    (void)state;
    struct arena arena;
    struct buffer old, again;
    struct record r;
    arena_init(&arena, 1 << 12, 1 << 16);
    buffer_init(&old, LIMIT_RECORD);
    for (size_t i = 0; i + 1 < sizeof golden; i += 2)
        buffer_byte(&old, (char)strtol((const char[]){golden[i], golden[i + 1], 0}, NULL, 16));
    assert_true(record_decode(buffer_slice(&old), &arena, &r));
    assert_int_equal(r.cost_nano, 300450);
    assert_int_equal(r.history_tokens_saved, -1);
    assert_int_equal(r.output_cap, -1);

    charge_to(&r);
    struct slice charged = encode(&r, &again);
    assert_int_equal(charged.at[0], 2);
    assert_true(record_decode(charged, &arena, &r));
    assert_int_equal(r.charge.meters, 3);
    assert_int_equal(r.history_tokens_saved, -1);
    assert_int_equal(r.output_cap, -1);
    buffer_deinit(&again);

    r.history_tokens_saved = 0; /* a policy that had nothing to cut is not none */
    r.output_cap = 500;
    charged = encode(&r, &again);
    assert_int_equal(charged.at[0], 3);
    assert_true(record_decode(charged, &arena, &r));
    assert_int_equal(r.charge.nano[1], 300000);
    assert_int_equal(r.history_tokens_saved, 0);
    assert_int_equal(r.output_cap, 500);
    buffer_deinit(&again);
    buffer_deinit(&old);
    arena_deinit(&arena);
}

/* A cache hit: version 3, and old versions keep their bytes. */
static void test_extras(void **state) {
    (void)state;
    struct record r;
    struct buffer out;
    record_init(&r);
    r.saved_nano = 4500;
    round_trip(&r);
    struct slice bytes = encode(&r, &out);
    assert_int_equal(bytes.at[0], 3);
    buffer_deinit(&out);
    r.cost_nano = r.charge.nano[CHARGE_INPUT] = 7;
    r.charge.meters = 1u << CHARGE_INPUT;
    round_trip(&r);
    r.saved_nano = MONEY_UNKNOWN;
    assert_int_equal(encode(&r, &out).at[0], 2);
    buffer_deinit(&out);
    r.charge = (struct charge){0};
    assert_int_equal(encode(&r, &out).at[0], 1);
    buffer_deinit(&out);
    r.saved_nano = 0; /* known to be nothing is not unknown */
    round_trip(&r);
}

static const char *const words[] = {"openai", "anthropic", "gpt-4o", "stop", "chat", "x", "", "a much longer text than the others have", "ü", "web"};

static struct slice any_text(void) {
    return rand() % 3 == 0 ? SLICE_NULL : slice_of(words[(size_t)rand() % (sizeof words / sizeof words[0])]);
}

static int64_t any_number(void) {
    uint64_t n = (uint64_t)rand() << 42 ^ (uint64_t)rand() << 21 ^ (uint64_t)rand();
    return (int64_t)(n >> (rand() % 64)) & INT64_MAX;
}

/* Any meters; the parts sum to the cost, as they always do. */
static void any_charge(struct record *r) {
    if (!money_is_known(r->cost_nano) || rand() % 4 == 0) return;
    int64_t rest = r->cost_nano;
    r->charge.meters = (unsigned)rand() % (1u << CHARGE_METERS);
    for (unsigned m = 0; m < CHARGE_METERS; m++) {
        if (!(r->charge.meters >> m & 1)) continue;
        r->charge.nano[m] = r->charge.meters >> m > 1 ? rand() % 100000 - 100 : rest;
        rest -= r->charge.nano[m];
    }
}

static void any_record(struct record *r) {
    record_init(r);
    for (unsigned i = 0; i < sizeof r->id.bytes; i++) r->id.bytes[i] = (uint8_t)rand();
    r->time_us = rand() % 8 == 0 ? any_number() : record_id_time_us(&r->id) + rand() % 1000;
    struct slice *const texts[] = {&r->application, &r->key, &r->user, &r->session, &r->feature, &r->team, &r->request_type, &r->tags, &r->dialect,
                                   &r->model, &r->provider, &r->target_model, &r->upstream_model, &r->system_fingerprint, &r->finish_reason,
                                   &r->prompt_name, &r->prompt_version, &r->error_text, &r->cache};
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) *texts[i] = any_text();
    r->endpoint = (enum endpoint)(rand() % ENDPOINT_COUNT);
    r->stream = rand() % 2;
    r->status = (enum record_status)(rand() % RECORD_STATUS_COUNT);
    r->http_status = rand() % 600;
    r->error = (enum fault)(rand() % FAULT_COUNT);
    r->n_attempts = (unsigned)rand() % (LIMIT_ATTEMPTS + 1);
    for (unsigned i = 0; i < r->n_attempts; i++)
        r->attempts[i] = (struct record_attempt){any_text(), any_text(), rand() % 600, (enum fault)(rand() % FAULT_COUNT), (uint32_t)any_number()};
#define USAGE(field) r->usage.field = rand() % 3 == 0 ? USAGE_NULL : any_number();
    USAGE_TABLE(USAGE)
#undef USAGE
    r->usage.estimated = rand() % 2;
    r->cost_nano = rand() % 3 == 0 ? MONEY_UNKNOWN : any_number() * (rand() % 2 ? 1 : -1);
    if (r->cost_nano > -(INT64_C(1) << 60) && r->cost_nano < INT64_C(1) << 60) any_charge(r);
    r->ttft_us = rand() % 3 == 0 ? -1 : any_number();
    r->duration_us = any_number();
    r->overhead_us = any_number();
    r->request_bytes = any_number(), r->response_bytes = any_number();
    r->has_system_prompt = rand() % 2;
    for (unsigned i = 0; i < sizeof r->system_prompt_hash; i++) r->system_prompt_hash[i] = (uint8_t)rand();
    r->dropped_events = rand() % 2 ? (uint32_t)any_number() : 0;
    r->back_to_primary = rand() % 2;
    if (rand() % 3 == 0) r->saved_nano = any_number();
    if (rand() % 3 == 0) r->history_tokens_saved = any_number();
    if (rand() % 3 == 0) r->output_cap = any_number();
    if (rand() % 3 == 0) r->cache_similarity_ppm = rand() % 1000001;
    if (rand() % 3 == 0) r->batch = SLICE("batch_01"), r->knowledge = SLICE("handbook@4"), r->input_hash = ((uint64_t)rand() << 33) + (uint64_t)rand();
    if (rand() % 3 == 0) r->rollout = any_number() | 1, r->arm = (enum arm)(rand() % ARMS), r->rollout_step = (uint32_t)any_number();
    if (rand() % 3 == 0) r->difficulty_ppm = rand() % 1000001, r->tier = SLICE("premium"), r->tier_applied = rand() % 2;
}

static void test_any(void **state) {
    (void)state;
    struct record r;
    srand(20261121);
    for (int i = 0; i < 20000; i++) {
        any_record(&r);
        round_trip(&r);
    }
}

/* Cut anywhere, it is refused; and so is one byte too many. */
static void test_truncation(void **state) {
    (void)state;
    struct record r, back;
    struct buffer out;
    struct arena arena;
    srand(5);
    arena_init(&arena, 1 << 16, 1 << 20);
    for (int round = 0; round < 50; round++) {
        if (round == 0)
            typical(&r);
        else
            any_record(&r);
        struct slice bytes = encode(&r, &out);
        record_init(&back);
        for (size_t n = 0; n < bytes.len; n++) {
            /* a copy of just that size, so that the sanitizer sees a read behind it */
            char *cut = mem_copy(bytes.at, n);
            assert_false(record_decode(slice_make(cut, n), &arena, &back));
            mem_free(cut);
            arena_reset(&arena);
        }
        assert_true(slice_is_null(back.application)); /* untouched */
        buffer_deinit(&out);
        buffer_init(&out, LIMIT_RECORD + 1);
        assert_true(record_encode(&r, &out));
        buffer_byte(&out, 0);
        assert_false(record_decode(buffer_slice(&out), &arena, &back));
        buffer_deinit(&out);
    }
    arena_deinit(&arena);
}

/* Damaged bytes are refused or read as some record: never anything worse. */
static void test_damage(void **state) {
    (void)state;
    struct record r, back;
    struct buffer out, json;
    struct arena arena;
    struct json_writer w;
    srand(9);
    arena_init(&arena, 1 << 16, 1 << 20);
    buffer_init(&json, 1 << 20);
    for (int round = 0; round < 20000; round++) {
        any_record(&r);
        encode(&r, &out);
        for (int i = rand() % 4; i >= 0; i--) out.at[(size_t)rand() % out.len] = (char)rand();
        if (record_decode(buffer_slice(&out), &arena, &back)) {
            json_start(&w, &json);
            record_write_json(&back, &w);
            buffer_clear(&json);
        }
        arena_reset(&arena);
        buffer_deinit(&out);
    }
    buffer_deinit(&json);
    arena_deinit(&arena);
}

static void test_refused(void **state) {
    (void)state;
    struct record r, back;
    struct buffer out;
    struct arena arena;
    arena_init(&arena, 64, 16); /* too small for what it should hold */
    typical(&r);
    struct slice bytes = encode(&r, &out);
    assert_false(record_decode(bytes, &arena, &back));
    arena_deinit(&arena);
    arena_init(&arena, 64, 1 << 20);
    out.at[0] = 4; /* another version */
    assert_false(record_decode(bytes, &arena, &back));
    assert_false(record_decode(SLICE_NULL, &arena, &back));
    arena_deinit(&arena);
    buffer_deinit(&out);
    buffer_init(&out, 20); /* no room: nothing is appended */
    assert_false(record_encode(&r, &out));
    assert_int_equal(out.len, 0);
    buffer_deinit(&out);
}

/* Whatever callers and providers send, the record fits. */
static void test_longest(void **state) {
    (void)state;
    struct record r, back;
    struct buffer out;
    struct arena arena;
    enum { LONG = 40000 };
    enum { NAMES = 52 };
    char *names[NAMES];
    unsigned n = 0;
    any_record(&r);
    for (unsigned i = 0; i < NAMES; i++) {
        names[i] = mem_alloc(LONG);
        for (unsigned j = 0; j < LONG; j += 2) memcpy(names[i] + j, "ü", 2);
        names[i][0] = (char)('A' + i % 26), names[i][1] = (char)('0' + i / 26); /* no two the same */
    }
    struct slice *const texts[] = {&r.application, &r.key, &r.user, &r.session, &r.feature, &r.team, &r.request_type, &r.tags, &r.dialect, &r.model, &r.provider, &r.target_model,
                                   &r.upstream_model, &r.system_fingerprint, &r.finish_reason, &r.prompt_name, &r.prompt_version, &r.error_text, &r.cache};
    for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) *texts[i] = slice_make(names[n++], LONG - 1);
    r.n_attempts = LIMIT_ATTEMPTS;
    for (unsigned i = 0; i < LIMIT_ATTEMPTS; i++)
        r.attempts[i] = (struct record_attempt){slice_make(names[n], LONG), slice_make(names[n + 1], LONG), -599, FAULT_UP_CONTENT_POLICY, UINT32_MAX}, n += 2;
    r.tags = SLICE("k=v");
    char *tags = mem_alloc(LONG);
    for (unsigned i = 0; i + 8 <= LONG; i += 8) memcpy(tags + i, "key=abc,", 8);
    r.tags = slice_make(tags, LONG);
    struct slice bytes = encode(&r, &out);
    assert_true(bytes.len <= LIMIT_RECORD);
    print_message("the longest record: %zu bytes\n", bytes.len);
    arena_init(&arena, 1024, 1 << 20);
    assert_true(record_decode(bytes, &arena, &back));
    assert_true(back.user.len <= LIMIT_LABEL && back.user.len >= LIMIT_LABEL - 1);
    assert_true(slice_is_utf8(back.user));
    assert_true(slice_ends(back.tags, SLICE("key=abc"))); /* no pair is left in half */
    assert_true(back.error_text.len <= LIMIT_ERROR_TEXT);
    arena_deinit(&arena);
    buffer_deinit(&out);
    mem_free(tags);
    for (unsigned i = 0; i < NAMES; i++) mem_free(names[i]);
}

/* ===== the public form ===== */

static void expect_json(const struct record *r, const char *want) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 1 << 16);
    json_start(&w, &out);
    record_write_json(r, &w);
    assert_string_equal(buffer_text(&out), want);
    buffer_deinit(&out);
}

static void test_json(void **state) {
    (void)state;
    struct record r;
    typical(&r);
    r.team = SLICE("care \"north\"");
    r.tags = SLICE("env=old,plan=pro,env=prod,flag=");
    r.prompt_name = SLICE("greeting");
    r.prompt_version = SLICE("7");
    r.attempts[1] = r.attempts[0];
    r.attempts[0] = (struct record_attempt){SLICE("azure"), SLICE("mini"), 0, FAULT_UP_CONNECT, 12};
    r.n_attempts = 2;
    r.cache = SLICE("hit");
    r.usage.cache_write = 0;
    r.usage.cache_write_1h = 0;
    r.usage.reasoning = 64;
    r.usage.input_audio = 3;
    r.usage.output_audio = 4;
    expect_json(&r,
                "{\"id\":\"01KAJKKPC8MPJTB9D5MPJTB9D5\",\"time\":\"2025-11-21T07:03:43.240123Z\",\"application\":\"helpdesk\",\"key\":\"web\","
                "\"user\":\"user-48213\",\"session\":\"7b0c8f7e-4c1b-4f53\",\"feature\":\"reply-draft\",\"team\":\"care \\\"north\\\"\","
                "\"request_type\":\"chat-short\",\"tags\":{\"plan\":\"pro\",\"env\":\"prod\",\"flag\":\"\"},\"dialect\":\"openai\",\"endpoint\":\"chat\","
                "\"model\":\"support-chat\",\"target\":{\"provider\":\"openai\",\"model\":\"gpt-4o-mini-2024-07-18\"},"
                "\"upstream_model\":\"gpt-4o-mini-2024-07-18\",\"system_fingerprint\":\"fp_0aa8d3e20b\",\"prompt\":{\"name\":\"greeting\",\"version\":\"7\"},"
                "\"stream\":true,\"status\":\"ok\",\"http_status\":200,\"error\":null,\"error_text\":null,"
                "\"attempts\":[{\"provider\":\"azure\",\"model\":\"mini\",\"http_status\":null,\"error\":\"provider_unreachable\",\"ms\":12},"
                "{\"provider\":\"openai\",\"model\":\"gpt-4o-mini-2024-07-18\",\"http_status\":200,\"error\":null,\"ms\":2911}],\"cache\":\"hit\","
                "\"usage\":{\"input\":1243,\"cache_read\":1024,\"cache_write\":0,\"output\":318,\"reasoning\":64,\"cache_write_1h\":0,\"input_audio\":3,\"output_audio\":4},"
                "\"usage_estimated\":false,\"cost_nanousd\":300450,\"cost_usd\":0.00030045,\"charges_nanousd\":{},\"ttft_ms\":412.387,\"duration_ms\":2911.420,\"overhead_us\":87,"
                "\"finish_reason\":\"stop\",\"request_bytes\":5120,\"response_bytes\":41233,\"system_prompt_hash\":\"5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a\","
                "\"dropped_events\":0,\"back_to_primary\":false,\"saved_nanousd\":null,\"saved_usd\":null,"
                "\"history_tokens_saved\":null,\"output_cap\":null,\"cache_similarity\":null,\"difficulty\":null,"
                "\"tier\":null,\"tier_applied\":null,\"batch\":null,\"rollout\":null,\"arm\":null,\"rollout_step\":null,\"knowledge\":null,\"input_hash\":null}");
}

static void test_json_of_nothing(void **state) {
    (void)state;
    struct record r;
    record_init(&r);
    r.status = RECORD_REFUSED;
    r.error = FAULT_UNAUTHENTICATED;
    r.error_text = SLICE("no such key");
    r.http_status = 401;
    r.usage.estimated = true;
    expect_json(&r,
                "{\"id\":\"00000000000000000000000000\",\"time\":\"1970-01-01T00:00:00.000000Z\",\"application\":null,\"key\":null,\"user\":null,\"session\":null,"
                "\"feature\":null,\"team\":null,\"request_type\":null,\"tags\":{},\"dialect\":null,\"endpoint\":\"chat\",\"model\":null,\"target\":null,"
                "\"upstream_model\":null,\"system_fingerprint\":null,\"prompt\":null,\"stream\":false,\"status\":\"refused\",\"http_status\":401,"
                "\"error\":\"invalid_api_key\",\"error_text\":\"no such key\",\"attempts\":[],\"cache\":null,"
                "\"usage\":{\"input\":null,\"cache_read\":null,\"cache_write\":null,\"output\":null,\"reasoning\":null},\"usage_estimated\":true,"
                "\"cost_nanousd\":null,\"cost_usd\":null,\"charges_nanousd\":{},\"ttft_ms\":null,\"duration_ms\":0.000,\"overhead_us\":0,\"finish_reason\":null,\"request_bytes\":0,"
                "\"response_bytes\":0,\"system_prompt_hash\":null,\"dropped_events\":0,\"back_to_primary\":false,\"saved_nanousd\":null,\"saved_usd\":null,"
                "\"history_tokens_saved\":null,\"output_cap\":null,\"cache_similarity\":null,\"difficulty\":null,"
                "\"tier\":null,\"tier_applied\":null,\"batch\":null,\"rollout\":null,\"arm\":null,\"rollout_step\":null,\"knowledge\":null,\"input_hash\":null}");
}

/* Any record is well-formed JSON. */
static void test_any_json(void **state) {
    (void)state;
    struct record r;
    struct buffer out;
    struct json_writer w;
    struct json_doc d;
    struct arena arena;
    srand(3);
    buffer_init(&out, 1 << 18);
    arena_init(&arena, 1 << 14, 1 << 20);
    for (int i = 0; i < 2000; i++) {
        any_record(&r);
        r.tags = i % 2 ? SLICE("a=1,b=\"2\",,=x,a,c=d=e") : r.tags;
        json_start(&w, &out);
        record_write_json(&r, &w);
        assert_int_equal(json_read(buffer_slice(&out), &arena, UINT16_MAX, &d, NULL), FAULT_NONE);
        buffer_clear(&out);
        arena_reset(&arena);
    }
    arena_deinit(&arena);
    buffer_deinit(&out);
}

static void test_status_names(void **state) {
    (void)state;
    for (unsigned i = 0; i < RECORD_STATUS_COUNT; i++) {
        enum record_status s = RECORD_STATUS_COUNT;
        assert_true(record_status_from_name(slice_of(record_status_name((enum record_status)i)), &s));
        assert_int_equal(s, i);
    }
    enum record_status s;
    assert_false(record_status_from_name(SLICE("fine"), &s));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ids),        cmocka_unit_test(test_id_text),    cmocka_unit_test(test_sizes),   cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_extras), cmocka_unit_test(test_golden_bytes), cmocka_unit_test(test_old_records), cmocka_unit_test(test_any),      cmocka_unit_test(test_truncation), cmocka_unit_test(test_damage),
        cmocka_unit_test(test_refused),    cmocka_unit_test(test_longest),    cmocka_unit_test(test_json),    cmocka_unit_test(test_json_of_nothing),
        cmocka_unit_test(test_any_json),   cmocka_unit_test(test_status_names),
    };
    if (!digest_start()) return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
