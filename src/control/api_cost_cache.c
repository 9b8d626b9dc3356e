/* The semantic cache's threshold: what calibrations have verified, and a new one. */
#include "control/api.h"

#include "base/clock.h"
#include "cost/cache_pairs.h"
#include "cost/cache_traffic.h"
#include "store/registry_cache.h"

#define DAY_US (86400 * 1000000LL)
#define TRAFFIC_SPAN (30 * DAY_US)
#define WORK_MOST                                                                                            \
    (512u << 20) /* questions, answers and pairs of one calibration: both maxima take some 100 MB */
#define UNIT "pairs of distinct questions; a question is in at most one pair"

static double share_of(int64_t ppm) {
    return (double)ppm / 1e6;
}

static int32_t ppm_of(double share) {
    return (int32_t)(share * 1e6 + 0.5);
}

/* The application of the call as the configuration has it. */
static bool find_application(struct api_call *c, const struct application **ret) {
    struct slice name = api_text(c, "application");
    if (!api_knows_application(c, name)) return false;
    *ret = c->policy ? table_get(&c->policy->application_by_name, name) : NULL;
    if (!*ret) api_fail(c, FAULT_NOT_RUNNING, "there is no configuration: name it, or ask the server");
    return *ret != NULL;
}

/* ---- what is verified ---- */

static const struct cache_verification *verification_of(const struct cache_verification *all, unsigned n,
                                                        const char *application) {
    for (unsigned i = 0; i < n; i++)
        if (slice_is(all[i].application, application)) return &all[i];
    return NULL;
}

static void put_verification(struct json_writer *w, const struct cache_verification *v) {
    json_key(w, "verification");
    if (!v) {
        json_put_null(w);
        return;
    }
    json_object(w);
    json_member_double(w, "threshold", share_of(v->threshold));
    json_member_double(w, "precision", share_of(v->precision));
    json_member_double(w, "confidence", share_of(v->confidence));
    json_member_double(w, "lower_bound", share_of(v->bound));
    json_member_i64(w, "n", v->n);
    json_member_i64(w, "right", v->right);
    json_member_text(w, "unit", UNIT);
    json_member_string(w, "method", v->method);
    json_member_i64(w, "embedding_version", v->embedding);
    api_put_time(w, "at", v->at_us);
    json_member_string(w, "by", v->by);
    json_object_end(w);
}

static void put_declared(struct json_writer *w, const struct request_policy *r,
                         const struct cache_verification *v) {
    int32_t given = ppm_of(r->cache.semantic.threshold);
    bool other = v && v->embedding != EMBEDDING_VERSION, low = v && given > 0 && given < v->threshold;
    if (r->cache.semantic.ttl <= 0) return;
    json_object(w);
    json_member_text(w, "request_type", r->request_type);
    json_key(w, "threshold");
    if (given > 0) json_put_double(w, share_of(given));
    else json_put_null(w);
    json_key(w, "in_force");
    if (v && !other && !low) json_put_double(w, share_of(given > 0 ? given : v->threshold));
    else json_put_null(w);
    json_member_text(w, "why_off",
                     !v      ? "no calibration has verified a threshold"
                     : other ? "the calibration is of another version of the embedding: calibrate again"
                     : low   ? "the threshold is below the verified one"
                             : NULL);
    json_object_end(w);
}

void api_cost_cache(struct api_call *c) {
    struct cache_verification *all = NULL;
    struct slice only = api_text(c, "application");
    struct json_writer *w = &c->json;
    struct error error;
    unsigned n = 0;
    if (!api_need_registry(c)) return;
    if (!api_check(c, registry_cache_verifications(c->s->registry, c->arena, &all, &n, &error), &error))
        return;
    json_object(w);
    json_key(w, "applications");
    json_array(w);
    for (unsigned i = 0; c->policy && i < c->policy->n_applications; i++) {
        const struct application *a = &c->policy->applications[i];
        const struct cache_verification *v = verification_of(all, n, a->name);
        if (!slice_is_null(only) && !slice_is(only, a->name)) continue;
        json_object(w);
        json_member_text(w, "application", a->name);
        put_verification(w, v);
        json_key(w, "declared");
        json_array(w);
        put_declared(w, &a->requests, v);
        for (unsigned t = 0; t < a->n_request_types; t++) put_declared(w, &a->request_types[t], v);
        json_array_end(w);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

/* ---- a new calibration ---- */

struct calibration {
    struct api_call *c;
    const struct application *application;
    struct arena arena;
    struct cache_calibration_input in;
    struct cache_traffic traffic;
    struct cache_pairs pairs;
    bool labelled, has_traffic;
    struct cache_calibration result;
    bool stored, in_force;
    struct buffer problems;
};

static bool read_share(struct api_call *c, const char *name, double fallback, double *ret) {
    struct slice text = api_text(c, name);
    *ret = fallback;
    if (slice_is_null(text)) return true;
    if (slice_to_double(text, ret) && *ret >= 0.5 && *ret <= 1) return true;
    api_fail(c, FAULT_BAD_REQUEST, "%s: expected a share of 0.5 to 1, such as 0.99, found '" SLICE_FMT "'",
             name, SLICE_ARG(text));
    return false;
}

static bool read_options(struct calibration *k) {
    double threshold;
    if (!read_share(k->c, "precision", CACHE_PRECISION, &k->in.precision)) return false;
    if (!read_share(k->c, "confidence", CACHE_CONFIDENCE, &k->in.confidence)) return false;
    if (!read_share(k->c, "threshold", 0, &threshold)) return false;
    k->in.threshold = ppm_of(threshold);
    return true;
}

static bool read_traffic(struct calibration *k) {
    const struct cache_policy *p = &k->application->requests.cache;
    struct cache_traffic_query q = {.application = api_text(k->c, "application"),
                                    .ttl_us = p->semantic.ttl,
                                    .per_user = cache_semantic_per_user(p)};
    struct error error;
    if (!k->c->s->ledger) return true;
    if (!api_window(k->c, TRAFFIC_SPAN, &q.from_us, &q.to_us)) return false;
    if (!api_check(k->c, cache_traffic_read(k->c->s->ledger, &q, &k->arena, &k->traffic, &error), &error))
        return false;
    k->has_traffic = true;
    k->in.asked = k->traffic.asked;
    k->in.n_asked = k->traffic.n_asked;
    return true;
}

static bool read_pairs(struct calibration *k) {
    struct slice text = api_text(k->c, "pairs");
    struct error error;
    k->labelled = !slice_is_null(text);
    if (!k->labelled) {
        k->in.pairs = k->traffic.pairs;
        k->in.n_pairs = k->traffic.n_pairs;
        k->in.n_questions = k->traffic.n_questions;
        return true;
    }
    if (!api_check(k->c, cache_pairs_read(text, &k->arena, &k->pairs, &error), &error)) return false;
    k->in.pairs = k->pairs.pairs;
    k->in.n_pairs = k->pairs.n;
    k->in.n_questions = k->pairs.n_questions;
    return true;
}

static const char *method_of(const struct calibration *k) {
    return k->labelled ? "labelled pairs" : "recorded answers";
}

/* What is stored is audited, or taken back. */
static bool store(struct calibration *k) {
    struct api_call *c = k->c;
    const struct cache_threshold *row = k->result.row;
    struct error error;
    struct cache_verification v = {.application = api_text(c, "application"),
                                   .threshold = row->threshold,
                                   .precision = ppm_of(k->in.precision),
                                   .confidence = ppm_of(k->in.confidence),
                                   .bound = (int32_t)(row->lower * 1e6),
                                   .n = (int64_t)row->n,
                                   .right = (int64_t)row->right,
                                   .method = slice_of(method_of(k)),
                                   .embedding = EMBEDDING_VERSION,
                                   .at_us = clock_wall_us(),
                                   .by = slice_of(c->actor)};
    struct slice detail =
        arena_printf(c->arena,
                     "{\"threshold\":%.6f,\"precision\":%.6f,\"confidence\":%.6f,\"lower_bound\":%.6f,\"n\":%"
                     "lld,\"right\":%lld,"
                     "\"method\":\"%s\",\"embedding_version\":%d}",
                     share_of(v.threshold), share_of(v.precision), share_of(v.confidence), share_of(v.bound),
                     (long long)v.n, (long long)v.right, method_of(k), EMBEDDING_VERSION);
    if (!api_check(c, registry_cache_verify(c->s->registry, &v, &error), &error)) return false;
    enum fault fault = api_audit(c, "cache.calibrate", v.application, detail, &error);
    if (fault == FAULT_NONE) return true;
    bool undone = registry_cache_withdraw(c->s->registry, v.application, NULL) == FAULT_NONE;
    api_fail(c, fault, "the audit log could not be written (%s); the verification was %s", error.text,
             undone ? "withdrawn" : "kept");
    return false;
}

static void put_row(struct json_writer *w, const struct calibration *k, const struct cache_threshold *r) {
    bool asked = k->has_traffic && k->traffic.n_asked > 0;
    json_object(w);
    json_member_double(w, "threshold", share_of(r->threshold));
    json_member_i64(w, "n", (int64_t)r->n);
    json_member_i64(w, "right", (int64_t)r->right);
    json_key(w, "precision");
    if (r->n > 0) json_put_double(w, (double)r->right / (double)r->n);
    else json_put_null(w);
    json_member_double(w, "lower_bound", r->lower);
    json_member_double(w, "upper_bound", r->upper);
    json_member_bool(w, "tested", r->tested);
    json_key(w, "hit_rate");
    if (asked) json_put_double(w, (double)r->hits / (double)k->traffic.n_asked);
    else json_put_null(w);
    api_put_usd(w, "saved_usd", asked ? r->saved_nano : MONEY_UNKNOWN);
    json_object_end(w);
}

static void put_traffic(struct json_writer *w, const struct calibration *k) {
    const struct cache_traffic *t = &k->traffic;
    json_key(w, "traffic");
    if (!k->has_traffic) {
        json_put_null(w);
        return;
    }
    json_object(w);
    json_member_i64(w, "records", (int64_t)t->records);
    json_member_bool(w, "more", t->more);
    json_member_i64(w, "without_payload", (int64_t)t->without_payload);
    json_member_i64(w, "not_comparable", (int64_t)t->not_comparable);
    json_member_i64(w, "questions", (int64_t)t->n_asked);
    json_member_i64(w, "repeats", (int64_t)t->repeats);
    json_object_end(w);
}

static struct slice words_of(struct calibration *k) {
    const struct cache_calibration *r = &k->result;
    const struct cache_threshold *row = r->row;
    struct arena *a = &k->arena;
    if (r->verdict == CACHE_VERIFIED)
        return arena_printf(
            a, "%.4g is verified: %llu of %llu pairs right, so at least %.4f are, with confidence %g",
            share_of(row->threshold), (unsigned long long)row->right, (unsigned long long)row->n, row->lower,
            k->in.confidence);
    if (r->verdict == CACHE_REFUSED)
        return arena_printf(
            a,
            "%s: %llu of %llu pairs right at %.4g, so at most %.4f are, with confidence %g, and %g is wanted",
            k->in.threshold > 0 ? "refused" : "refused at every threshold with enough pairs",
            (unsigned long long)row->right, (unsigned long long)row->n, share_of(row->threshold), row->upper,
            k->in.confidence, k->in.precision);
    if (r->more < 0)
        return arena_printf(a, "not enough evidence, and over a million more pairs would be needed");
    return arena_printf(
        a,
        "not enough evidence: at least %lld more pairs that reach %.4g, all of them right, would be needed",
        (long long)r->more, share_of(row ? row->threshold : CACHE_GRID_FROM));
}

static void put_calibration(struct calibration *k) {
    struct json_writer *w = &k->c->json;
    const struct cache_calibration *r = &k->result;
    json_object(w);
    json_member_string(w, "application", api_text(k->c, "application"));
    json_member_text(w, "verdict", cache_verdict_name(r->verdict));
    json_member_string(w, "text", words_of(k));
    json_key(w, "threshold");
    if (r->verdict == CACHE_VERIFIED) json_put_double(w, share_of(r->row->threshold));
    else json_put_null(w);
    json_member_double(w, "precision", k->in.precision);
    json_member_double(w, "confidence", k->in.confidence);
    json_member_double(w, "row_confidence", r->confidence);
    json_member_text(w, "method", method_of(k));
    json_key(w, "answers_alike");
    if (k->labelled) json_put_null(w);
    else json_put_double(w, share_of(CACHE_ANSWERS_ALIKE));
    json_member_text(w, "unit", UNIT);
    json_member_i64(w, "embedding_version", EMBEDDING_VERSION);
    json_member_i64(w, "pairs", (int64_t)k->in.n_pairs);
    json_member_i64(w, "kept_apart", (int64_t)k->pairs.apart);
    json_member_i64(w, "same_question", (int64_t)k->pairs.same);
    json_member_i64(w, "least_pairs", (int64_t)r->least);
    json_key(w, "more_pairs");
    if (r->verdict == CACHE_NOT_ENOUGH && r->more >= 0) json_put_i64(w, r->more);
    else json_put_null(w);
    json_key(w, "rows");
    json_array(w);
    for (unsigned i = 0; i < r->n_rows; i++) put_row(w, k, &r->rows[i]);
    json_array_end(w);
    put_traffic(w, k);
    json_member_bool(w, "stored", k->stored);
    json_member_bool(w, "in_force", k->in_force);
    json_member_string(w, "why_not", k->problems.len > 0 ? buffer_slice(&k->problems) : SLICE_NULL);
    json_object_end(w);
}

static void calibrate(struct calibration *k) {
    struct api_call *c = k->c;
    struct error error;
    if (!read_traffic(k) || !read_pairs(k)) return;
    if (!api_check(c, cache_calibrate(&k->in, &k->arena, &k->result, &error), &error)) return;
    if (k->result.verdict == CACHE_VERIFIED && api_has_choice(c, "store", "yes", true)) {
        if (!store(k)) return;
        k->stored = true;
        k->in_force = api_put_in_force(c, &k->problems);
    }
    put_calibration(k);
}

void api_cost_cache_calibrate(struct api_call *c) {
    struct calibration k = {.c = c};
    if (!api_need_registry(c) || !find_application(c, &k.application) || !read_options(&k)) return;
    arena_init(&k.arena, 1 << 20, WORK_MOST);
    buffer_init(&k.problems, LIMIT_CONFIG_FILE);
    calibrate(&k);
    buffer_deinit(&k.problems);
    arena_deinit(&k.arena);
}

void api_cost_cache_withdraw(struct api_call *c) {
    struct slice application = api_text(c, "application");
    struct buffer problems;
    struct error error;
    if (!api_need_registry(c)) return;
    if (!api_check(c, registry_cache_withdraw(c->s->registry, application, &error), &error)) return;
    if (!api_check(c, api_audit(c, "cache.withdraw", application, SLICE_NULL, &error), &error)) return;
    buffer_init(&problems, LIMIT_CONFIG_FILE);
    bool in_force = api_put_in_force(c, &problems);
    if (!in_force && c->s->reload) {
        api_fail_problems(c, FAULT_CONFIG,
                          "the verification is withdrawn in the registry, but the cache is still on: the "
                          "policy could not be read "
                          "again; mend the configuration and reload",
                          buffer_slice(&problems));
    } else {
        json_object(&c->json);
        json_member_string(&c->json, "application", application);
        json_member_bool(&c->json, "in_force", in_force);
        json_member_string(&c->json, "why_not", in_force ? SLICE_NULL : buffer_slice(&problems));
        json_object_end(&c->json);
    }
    buffer_deinit(&problems);
}
