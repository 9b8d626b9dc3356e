/* The server itself: reload, audit log, status, health, metrics. */
#include "control/api.h"

#include "base/clock.h"

#include <stdio.h>

#define SECOND_US 1000000

/* ---- reload ---- */

void api_reload(struct api_call *c) {
    struct buffer problems;
    struct error error;
    uint64_t revision = 0;
    if (!c->s->reload) {
        api_fail(c, FAULT_NOT_RUNNING, "there is no running server to reload");
        return;
    }
    buffer_init(&problems, LIMIT_CONFIG_FILE);
    enum fault fault = c->s->reload(c->s->ctx, &revision, &problems);
    if (fault != FAULT_NONE) {
        api_fail_problems(c, fault, "the policy in force stays", buffer_slice(&problems));
    } else {
        struct slice detail = arena_printf(c->arena, "{\"revision\":%llu}", (unsigned long long)revision);
        fault = c->s->registry ? api_audit(c, "policy.reload", SLICE("policy"), detail, &error) : FAULT_NONE;
        if (api_check(c, fault, &error)) {
            json_object(&c->json);
            json_member_i64(&c->json, "revision", (int64_t)revision);
            json_object_end(&c->json);
        }
    }
    buffer_deinit(&problems);
}

/* ---- status ---- */

static bool is_ready(const struct api_call *c, const char **ret_why_not) {
    *ret_why_not = "no server is running";
    return c->s->ready && c->s->ready(c->s->ctx, ret_why_not);
}

static void put_readiness(struct api_call *c) {
    const char *why_not;
    bool ready = is_ready(c, &why_not);
    json_member_bool(&c->json, "ready", ready);
    json_member_text(&c->json, "why_not", ready ? NULL : why_not);
}

static void put_recorder(struct json_writer *w, const struct recorder *r) {
    struct recorder_stats stats;
    json_key(w, "recorder");
    if (!r) {
        json_put_null(w);
        return;
    }
    recorder_stats(r, &stats);
    json_object(w);
    json_member_i64(w, "appended", (int64_t)stats.appended);
    json_member_i64(w, "drained", (int64_t)stats.drained);
    json_member_i64(w, "lost", (int64_t)stats.lost);
    json_member_i64(w, "damaged", (int64_t)stats.damaged);
    json_member_i64(w, "pending_bytes", (int64_t)stats.pending_bytes);
    json_member_bool(w, "full", stats.full);
    json_object_end(w);
}

static void put_writer(struct json_writer *w, struct ledger_writer *writer) {
    struct ledger_writer_stats stats;
    json_key(w, "ledger");
    if (!writer) {
        json_put_null(w);
        return;
    }
    ledger_writer_stats(writer, &stats);
    json_object(w);
    json_member_i64(w, "records", (int64_t)stats.records);
    json_member_i64(w, "duplicates", (int64_t)stats.duplicates);
    json_member_i64(w, "payloads", (int64_t)stats.payloads);
    json_member_i64(w, "damaged", (int64_t)stats.damaged);
    json_member_i64(w, "failures", (int64_t)stats.failures);
    json_member_text(w, "last_error", stats.last_error[0] ? stats.last_error : NULL);
    json_object_end(w);
}

static void put_job(void *arg, const struct job_state *j) {
    struct json_writer *w = arg;
    json_object(w);
    json_member_text(w, "name", j->name);
    json_member_i64(w, "runs", j->runs);
    json_member_i64(w, "failures", j->failures);
    api_put_time(w, "last_run", j->started_us);
    api_put_time(w, "last_success", j->succeeded_us);
    json_member_double(w, "seconds", (double)j->took_us / SECOND_US);
    json_member_i64(w, "every_seconds", j->every_s);
    json_member_i64(w, "age_seconds", j->age_s);
    json_member_bool(w, "overdue", j->overdue);
    json_member_text(w, "error", j->error[0] ? j->error : NULL);
    json_object_end(w);
}

static void put_jobs(struct api_call *c) {
    json_key(&c->json, "jobs");
    if (!c->s->jobs) {
        json_put_null(&c->json);
        return;
    }
    json_array(&c->json);
    c->s->jobs(c->s->watch_ctx, put_job, &c->json);
    json_array_end(&c->json);
}

static void put_batches(struct api_call *c) {
    struct json_writer *w = &c->json;
    struct batch_queue_view v;
    json_key(w, "batches");
    if (!c->s->batch_queue) {
        json_put_null(w);
        return;
    }
    c->s->batch_queue(c->s->ctx, &v);
    json_object(w);
    json_member_i64(w, "under_way", v.batches);
    json_member_i64(w, "waiting", v.waiting);
    json_member_i64(w, "sent", v.sent);
    json_member_i64(w, "at_provider", v.at_provider);
    json_member_i64(w, "file_bytes", v.file_bytes);
    json_object_end(w);
}

static void put_count(struct json_writer *w, const char *key, bool known, unsigned n) {
    json_key(w, key);
    if (known) json_put_i64(w, n);
    else json_put_null(w);
}

void api_status(struct api_call *c) {
    struct json_writer *w = &c->json;
    const struct policy *p = c->policy;
    json_object(w);
    json_member_text(w, "version", VERSION);
    json_member_bool(w, "demo", c->s->demo);
    put_readiness(c);
    api_put_time(w, "started_at", c->s->started_us);
    json_key(w, "uptime_seconds");
    if (c->s->started_us) json_put_i64(w, (clock_wall_us() - c->s->started_us) / SECOND_US);
    else json_put_null(w);
    json_key(w, "revision");
    if (p && p->revision) json_put_u64(w, p->revision);
    else json_put_null(w);
    put_count(w, "applications", p, p ? p->n_applications : 0);
    put_count(w, "models", p, p ? p->n_models : 0);
    put_count(w, "providers", p, p ? p->n_providers : 0);
    put_count(w, "semantic_caches_off", p && c->s->reload, p ? policy_caches_off(p) : 0);
    put_recorder(w, c->s->recorder);
    put_writer(w, c->s->writer);
    put_batches(c);
    put_jobs(c);
    json_object_end(w);
}

void api_health(struct api_call *c) {
    json_object(&c->json);
    json_member_text(&c->json, "status", "ok");
    json_object_end(&c->json);
}

void api_ready(struct api_call *c) {
    const char *why_not;
    if (!is_ready(c, &why_not)) c->ret->status = 503;
    json_object(&c->json);
    put_readiness(c);
    json_object_end(&c->json);
}

void api_metrics(struct api_call *c) {
    if (c->s->metrics) metric_write(c->s->metrics, &c->ret->body);
    else api_fail(c, FAULT_NOT_RUNNING, "no server is running, so there is nothing to measure");
}
