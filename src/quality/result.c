#include "quality/result.h"

#include <math.h>

#define CLOSE 1e-9 /* a mean of equal scores may miss them by a rounding */

/* ---- the verdict ---- */

/* With a threshold the checks that could not tell might have scored anything: only where that changes nothing there is a verdict. */
static enum check_verdict by_threshold(double sum, double told, double untold, double threshold) {
    double whole = told + untold;
    if (sum / whole + CLOSE >= threshold) return CHECK_PASS;
    return (sum + untold) / whole + CLOSE >= threshold ? CHECK_ERROR : CHECK_FAIL;
}

void result_conclude(struct result *r, double threshold) {
    double sum = 0, told = 0, untold = 0;
    bool failed = false;
    for (unsigned i = 0; i < r->n_checks; i++) {
        const struct result_check *c = &r->checks[i];
        if (!(c->weight > 0)) continue;
        if (c->verdict == CHECK_ERROR) {
            untold += c->weight;
            continue;
        }
        failed |= c->verdict == CHECK_FAIL;
        sum += c->weight * c->score;
        told += c->weight;
    }
    r->score = told > 0 ? sum / told : untold > 0 ? 0 : 1;
    if (!slice_is_null(r->error)) {
        r->verdict = CHECK_ERROR;
        r->score = 0;
    } else if (!isnan(threshold) && told + untold > 0) {
        r->verdict = by_threshold(sum, told, untold, threshold);
    } else {
        r->verdict = failed ? CHECK_FAIL : untold > 0 ? CHECK_ERROR : CHECK_PASS;
    }
}

/* ---- JSON ---- */

static const char *const verdicts[] = {[CHECK_PASS] = "pass", [CHECK_FAIL] = "fail", [CHECK_ERROR] = "error"};

static void put_known(struct json_writer *w, const char *key, int64_t n, int64_t unknown) {
    json_key(w, key);
    if (n == unknown) json_put_null(w);
    else json_put_i64(w, n);
}

static void write_check(const struct result_check *c, struct json_writer *w) {
    json_object(w);
    json_member_string(w, "type", c->type);
    if (!slice_is_null(c->metric)) json_member_string(w, "metric", c->metric);
    json_member_double(w, "weight", c->weight);
    json_member_text(w, "verdict", verdicts[c->verdict]);
    json_member_double(w, "score", c->score);
    json_member_string(w, "reason", c->reason);
    if (c->by_judge) {
        char hex[2 * DIGEST_BYTES + 1];
        digest_hex(c->judge_identity.bytes, DIGEST_BYTES, hex);
        json_member_string(w, "judge", c->judge);
        json_member_text(w, "judge_identity", hex);
    }
    json_object_end(w);
}

void result_write(const struct result *r, struct json_writer *w) {
    json_object(w);
    json_member_string(w, "case", r->case_id);
    json_member_i64(w, "case_at", r->case_at);
    json_member_i64(w, "repeat", r->repeat);
    json_member_text(w, "verdict", verdicts[r->verdict]);
    json_member_double(w, "score", r->score);
    json_member_bool(w, "refused", r->refused);
    json_member_string(w, "output", r->output);
    if (!slice_is_null(r->calls)) json_member_raw(w, "tool_calls", r->calls);
    json_member_string(w, "finish_reason", r->finish);
    json_member_string(w, "record", r->record);
    json_member_string(w, "target", r->target);
    put_known(w, "latency_us", r->latency_us, -1);
    put_known(w, "cost_nanousd", r->cost_nano, MONEY_UNKNOWN);
    put_known(w, "judge_cost_nanousd", r->judge_cost_nano, MONEY_UNKNOWN);
    put_known(w, "input_tokens", r->input_tokens, -1);
    put_known(w, "output_tokens", r->output_tokens, -1);
    json_member_string(w, "error", r->error);
    json_key(w, "checks");
    json_array(w);
    for (unsigned i = 0; i < r->n_checks; i++) write_check(&r->checks[i], w);
    json_array_end(w);
    json_object_end(w);
}

struct reading {
    const struct json_doc *d;
    struct arena *arena;
    struct error *error;
    bool wrong;
};

static void wrong(struct reading *r, const char *key, const char *expected) {
    if (!r->wrong) (void)!error_set(r->error, FAULT_BAD_REQUEST, "%s: expected %s", key, expected);
    r->wrong = true;
}

static struct slice text_at(struct reading *r, uint32_t object, const char *key, bool required) {
    uint32_t node = json_get(r->d, object, key);
    enum json_type type = json_type(r->d, node);
    if (type == JSON_STRING) {
        struct slice s = json_string(r->d, node, r->arena);
        if (slice_is_null(s)) wrong(r, key, "less text: there is no more room");
        return s;
    }
    if (required || (type != JSON_NULL && type != JSON_ABSENT)) wrong(r, key, "a text");
    return SLICE_NULL;
}

static int64_t number_at(struct reading *r, uint32_t object, const char *key, int64_t unknown) {
    uint32_t node = json_get(r->d, object, key);
    enum json_type type = json_type(r->d, node);
    int64_t n = unknown;
    if (type == JSON_NULL || type == JSON_ABSENT) return unknown;
    if (!json_get_i64(r->d, node, &n) || n < 0) wrong(r, key, "a whole number of at least 0");
    return n;
}

static unsigned index_at(struct reading *r, uint32_t object, const char *key) {
    int64_t n = number_at(r, object, key, -1);
    if (n < 0 || n > UINT32_MAX) wrong(r, key, "a whole number of at least 0");
    return (unsigned)n;
}

static double double_at(struct reading *r, uint32_t object, const char *key, double most) {
    double n = 0;
    if (!json_get_double(r->d, json_get(r->d, object, key), &n) || !(n >= 0 && n <= most)) wrong(r, key, "a number in its range");
    return n;
}

static enum check_verdict verdict_at(struct reading *r, uint32_t object) {
    uint32_t node = json_get(r->d, object, "verdict");
    for (unsigned i = 0; i < sizeof verdicts / sizeof verdicts[0]; i++)
        if (json_is(r->d, node, verdicts[i])) return (enum check_verdict)i;
    wrong(r, "verdict", "pass, fail or error");
    return CHECK_ERROR;
}

static void read_check(struct reading *r, uint32_t node, struct result_check *c) {
    *c = (struct result_check){.type = text_at(r, node, "type", true),
                               .metric = text_at(r, node, "metric", false),
                               .weight = double_at(r, node, "weight", HUGE_VAL),
                               .verdict = verdict_at(r, node),
                               .score = double_at(r, node, "score", 1),
                               .reason = text_at(r, node, "reason", false),
                               .judge = text_at(r, node, "judge", false)};
    struct slice identity = text_at(r, node, "judge_identity", false);
    c->by_judge = !slice_is_null(identity);
    if (c->by_judge && !digest_from_hex(identity, c->judge_identity.bytes, DIGEST_BYTES))
        wrong(r, "judge_identity", "64 hexadecimal digits");
}

static void read_checks(struct reading *r, uint32_t node, struct result *ret) {
    uint32_t list = json_get(r->d, node, "checks"), cursor = JSON_NONE, item;
    if (json_type(r->d, list) != JSON_ARRAY) {
        wrong(r, "checks", "a list");
        return;
    }
    ret->checks = arena_new_array(r->arena, struct result_check, json_size(r->d, list));
    if (ret->checks == NULL) {
        wrong(r, "checks", "fewer: there is no more room");
        return;
    }
    while (json_each_item(r->d, list, &cursor, &item)) read_check(r, item, &ret->checks[ret->n_checks++]);
}

enum fault result_read(const struct json_doc *d, uint32_t node, struct arena *arena, struct result *ret, struct error *error) {
    struct reading r = {.d = d, .arena = arena, .error = error};
    uint32_t calls = json_get(d, node, "tool_calls");
    struct result x = {.case_id = text_at(&r, node, "case", true),
                       .case_at = index_at(&r, node, "case_at"),
                       .repeat = index_at(&r, node, "repeat"),
                       .verdict = verdict_at(&r, node),
                       .score = double_at(&r, node, "score", 1),
                       .output = text_at(&r, node, "output", false),
                       .calls = json_type(d, calls) == JSON_ARRAY ? json_raw(d, calls) : SLICE_NULL,
                       .finish = text_at(&r, node, "finish_reason", false),
                       .record = text_at(&r, node, "record", false),
                       .target = text_at(&r, node, "target", false),
                       .latency_us = number_at(&r, node, "latency_us", -1),
                       .cost_nano = number_at(&r, node, "cost_nanousd", MONEY_UNKNOWN),
                       .judge_cost_nano = number_at(&r, node, "judge_cost_nanousd", MONEY_UNKNOWN),
                       .input_tokens = number_at(&r, node, "input_tokens", -1),
                       .output_tokens = number_at(&r, node, "output_tokens", -1),
                       .error = text_at(&r, node, "error", false)};
    if (!json_get_bool(d, json_get(d, node, "refused"), &x.refused)) wrong(&r, "refused", "true or false");
    read_checks(&r, node, &x);
    if (r.wrong) return FAULT_BAD_REQUEST;
    *ret = x;
    return FAULT_NONE;
}
