/* The public form of a record. Every member is always there; what is unknown or does not apply is null. */
#include "model/record.h"

#include "base/clock.h"
#include "base/digest.h"

#include <stdio.h>

static void put_id_and_time(const struct record *r, struct json_writer *w) {
    char id[RECORD_ID_TEXT], time[CLOCK_TEXT];
    record_id_format(&r->id, id);
    clock_format(r->time_us, time);
    json_member_text(w, "id", id);
    json_member_text(w, "time", time);
}

/* "k=v,k=v" as an object; of a key that comes twice the last value counts. */
static void put_tags(struct slice tags, struct json_writer *w) {
    json_key(w, "tags");
    json_object(w);
    while (tags.len > 0) {
        struct slice one, key, value, rest, later, other, ignored;
        slice_cut(tags, ',', &one, &tags);
        slice_cut(one, '=', &key, &value);
        bool again = key.len == 0;
        for (rest = tags; rest.len > 0 && !again;) {
            slice_cut(rest, ',', &later, &rest);
            slice_cut(later, '=', &other, &ignored);
            again = slice_eq(key, other);
        }
        if (again) continue;
        json_key_slice(w, key);
        json_put_string(w, value.at != NULL ? value : SLICE(""));
    }
    json_object_end(w);
}

/* An object of two texts, or null when the first is. */
static void put_pair(struct json_writer *w, const char *name, const char *first, struct slice a, const char *second,
                     struct slice b) {
    json_key(w, name);
    if (slice_is_null(a)) {
        json_put_null(w);
        return;
    }
    json_object(w);
    json_member_string(w, first, a);
    json_member_string(w, second, b);
    json_object_end(w);
}

static void put_fault(struct json_writer *w, enum fault f) {
    json_member_text(w, "error", f != FAULT_NONE ? fault_name(f) : NULL);
}

static void put_nullable(struct json_writer *w, const char *key, int64_t n) {
    json_key(w, key);
    if (n >= 0)
        json_put_i64(w, n);
    else
        json_put_null(w);
}

static void put_attempts(const struct record *r, struct json_writer *w) {
    json_key(w, "attempts");
    json_array(w);
    for (unsigned i = 0; i < r->n_attempts && i < LIMIT_ATTEMPTS; i++) {
        const struct record_attempt *a = &r->attempts[i];
        json_object(w);
        json_member_string(w, "provider", a->provider);
        json_member_string(w, "model", a->model);
        put_nullable(w, "http_status", a->http_status > 0 ? a->http_status : -1);
        put_fault(w, a->error);
        json_member_i64(w, "ms", a->ms);
        json_object_end(w);
    }
    json_array_end(w);
}

static void put_usage(const struct usage *u, struct json_writer *w) {
    json_key(w, "usage");
    json_object(w);
    put_nullable(w, "input", u->input);
    put_nullable(w, "cache_read", u->cache_read);
    put_nullable(w, "cache_write", u->cache_write);
    put_nullable(w, "output", u->output);
    put_nullable(w, "reasoning", u->reasoning);
    /* counters that few providers have */
    if (u->cache_write_1h >= 0) json_member_i64(w, "cache_write_1h", u->cache_write_1h);
    if (u->input_audio >= 0) json_member_i64(w, "input_audio", u->input_audio);
    if (u->output_audio >= 0) json_member_i64(w, "output_audio", u->output_audio);
    json_object_end(w);
    json_member_bool(w, "usage_estimated", u->estimated);
}

static void put_money(int64_t nano, const char *nanousd_key, const char *usd_key, struct json_writer *w) {
    char usd[MONEY_TEXT];
    money_format(nano, usd); /* "null" when unknown */
    json_key(w, nanousd_key);
    if (money_is_known(nano))
        json_put_i64(w, nano);
    else
        json_put_null(w);
    json_member_raw(w, usd_key, slice_of(usd));
}

static void put_charge(const struct record *r, struct json_writer *w) {
    json_key(w, "charges_nanousd");
    json_object(w);
    for (unsigned m = 0; m < CHARGE_METERS && money_is_known(r->cost_nano); m++)
        if (r->charge.meters >> m & 1) json_member_i64(w, charge_meter_name((enum charge_meter)m), r->charge.nano[m]);
    json_object_end(w);
}

/* Microseconds as milliseconds with three decimals; negative is null. */
static void put_ms(struct json_writer *w, const char *key, int64_t us) {
    char text[32];
    if (us >= 0)
        snprintf(text, sizeof text, "%lld.%03d", (long long)(us / 1000), (int)(us % 1000));
    else
        snprintf(text, sizeof text, "null");
    json_member_raw(w, key, slice_of(text));
}

/* Parts of a million as a number with six decimals; negative is null. */
static void put_share(struct json_writer *w, const char *key, int32_t ppm) {
    char text[32];
    if (ppm >= 0)
        snprintf(text, sizeof text, "%d.%06d", ppm / 1000000, ppm % 1000000);
    else
        snprintf(text, sizeof text, "null");
    json_member_raw(w, key, slice_of(text));
}

static void put_input(const struct record *r, struct json_writer *w) {
    char hash[17];
    snprintf(hash, sizeof hash, "%016llx", (unsigned long long)r->input_hash);
    json_member_text(w, "input_hash", r->input_hash != 0 ? hash : NULL);
}

static void put_measures(const struct record *r, struct json_writer *w) {
    char hash[2 * sizeof r->system_prompt_hash + 1];
    digest_hex(r->system_prompt_hash, sizeof r->system_prompt_hash, hash);
    put_ms(w, "ttft_ms", r->ttft_us);
    put_ms(w, "duration_ms", r->duration_us);
    json_member_i64(w, "overhead_us", r->overhead_us);
    json_member_string(w, "finish_reason", r->finish_reason);
    json_member_i64(w, "request_bytes", r->request_bytes);
    json_member_i64(w, "response_bytes", r->response_bytes);
    json_member_text(w, "system_prompt_hash", r->has_system_prompt ? hash : NULL);
    json_member_i64(w, "dropped_events", r->dropped_events);
    json_member_bool(w, "back_to_primary", r->back_to_primary);
    put_money(r->saved_nano, "saved_nanousd", "saved_usd", w);
    put_nullable(w, "history_tokens_saved", r->history_tokens_saved);
    put_nullable(w, "output_cap", r->output_cap);
    put_share(w, "cache_similarity", r->cache_similarity_ppm);
    put_share(w, "difficulty", r->difficulty_ppm);
    json_member_string(w, "tier", r->tier);
    json_key(w, "tier_applied");
    if (r->difficulty_ppm >= 0)
        json_put_bool(w, r->tier_applied);
    else
        json_put_null(w);
    json_member_string(w, "batch", r->batch);
    put_nullable(w, "rollout", r->rollout > 0 ? r->rollout : -1);
    json_member_text(w, "arm", arm_name(r->arm));
    put_nullable(w, "rollout_step", r->rollout > 0 ? (int64_t)r->rollout_step : -1);
    json_member_string(w, "knowledge", r->knowledge);
    put_input(r, w);
}

void record_write_json(const struct record *r, struct json_writer *w) {
    json_object(w);
    put_id_and_time(r, w);
    json_member_string(w, "application", r->application);
    json_member_string(w, "key", r->key);
    json_member_string(w, "user", r->user);
    json_member_string(w, "session", r->session);
    json_member_string(w, "feature", r->feature);
    json_member_string(w, "team", r->team);
    json_member_string(w, "request_type", r->request_type);
    put_tags(r->tags, w);
    json_member_string(w, "dialect", r->dialect);
    json_member_text(w, "endpoint", endpoint_name(r->endpoint));
    json_member_string(w, "model", r->model);
    put_pair(w, "target", "provider", r->provider, "model", r->target_model);
    json_member_string(w, "upstream_model", r->upstream_model);
    json_member_string(w, "system_fingerprint", r->system_fingerprint);
    put_pair(w, "prompt", "name", r->prompt_name, "version", r->prompt_version);
    json_member_bool(w, "stream", r->stream);
    json_member_text(w, "status", record_status_name(r->status));
    json_member_i64(w, "http_status", r->http_status);
    put_fault(w, r->error);
    json_member_string(w, "error_text", r->error_text);
    put_attempts(r, w);
    json_member_string(w, "cache", r->cache);
    put_usage(&r->usage, w);
    put_money(r->cost_nano, "cost_nanousd", "cost_usd", w);
    put_charge(r, w);
    put_measures(r, w);
    json_object_end(w);
}
