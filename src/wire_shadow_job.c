#include "wire_shadow_job.h"

#include "base/mem.h"
#include "base/money.h"
#include "quality/captured.h"
#include "quality/refusal.h"

#include <math.h>
#include <stdio.h>

enum { JUDGES_MOST = 2 * JUDGE_PANEL, FIRST = 64 << 10, NAME = 64 };

struct judge_call {
    struct ask ask;
    struct shadow_job *job;
    unsigned at;
    struct buffer body;
    char once[LIMIT_ONCE_NAME];
    struct judge_verdict verdict;
};

struct shadow_asking {
    struct shadow_job_way way;
    struct arena arena;
    struct ask ask;
    struct shadow_job *job;
    struct buffer body;
    struct slice asked;          /* what a judge is shown as the request */
    struct check_answer served, candidate;
    struct judge_call *calls;
    unsigned n_calls, missing;
    char once[LIMIT_ONCE_NAME], tags[128], prompt[2 * LIMIT_LABEL], key[2 * DIGEST_BYTES + 64];
    const char *as[2], *more[3];
};

/* ---- what is measured ---- */

static bool is_json(struct slice text, struct arena *arena) {
    struct json_doc d;
    text = slice_trim(text);
    return text.len > 0 && (text.at[0] == '{' || text.at[0] == '[') && json_read(text, arena, 0, &d, NULL) == FAULT_NONE;
}

/* What a check needs a case for (its words, its variables), a model, a program or the time says nothing here. */
static enum shadow_checks checked(const struct shadow_job_way *way, const struct check_answer *a, struct arena *arena) {
    static const struct check_case none;
    enum shadow_checks all = SHADOW_UNCHECKED;
    for (unsigned i = 0; i < way->n_checks; i++) {
        struct check_outcome o;
        check_run(&way->checks[i], a, &none, arena, &o);
        if (o.verdict == CHECK_FAIL) return SHADOW_FAILS;
        if (o.verdict == CHECK_PASS) all = SHADOW_PASSES;
    }
    return all;
}

static void measure(const struct shadow_job_way *way, struct shadow_side *s, const struct check_answer *a, struct arena *arena) {
    struct slice phrase;
    s->checks = checked(way, a, arena);
    s->length = (int64_t)a->text.len;
    s->tool_calls = a->n_calls;
    s->is_json = is_json(a->text, arena);
    s->refusal = a->refused || refusal_find(a->text, arena, &phrase) == REFUSAL_YES;
}

static bool measure_served(struct shadow_job *j, struct slice reply) {
    const struct record *r = &j->record;
    struct shadow_side *s = &j->measure.served;
    *s = (struct shadow_side){.ok = r->status == RECORD_OK, .output_tokens = r->usage.output, .latency_us = r->duration_us,
                              .ttft_us = r->ttft_us, .cost_nano = r->cost_nano, .length = -1};
    if (!s->ok) return true;
    if (!captured_answer(r, reply, &j->asking->arena, &j->asking->served)) return false;
    measure(&j->asking->way, s, &j->asking->served, &j->asking->arena);
    return true;
}

static void spend(struct shadow_job *j, int64_t nano) {
    j->spent_nano = money_is_known(nano) && money_is_known(j->spent_nano) ? money_add(j->spent_nano, nano) : MONEY_UNKNOWN;
}

/* ---- the judge ---- */

static const struct check pairwise = {.type = CHECK_TYPE_JUDGE, .weight = 1, .threshold = NAN};

static void conclude_judges(struct shadow_job *j) {
    struct shadow_asking *a = j->asking;
    double of_order[2] = {0, 0};
    bool good = a->n_calls > 0;
    for (unsigned i = 0; i < a->n_calls; i++) {
        good = good && a->calls[i].verdict.good;
        of_order[i % 2] += a->calls[i].verdict.score;
    }
    if (good) j->measure.judged = shadow_judged(2 * of_order[0] / a->n_calls, 2 * of_order[1] / a->n_calls);
    a->way.done(j);
}

static void judged(struct ask *ask) {
    struct judge_call *c = (struct judge_call *)((char *)ask - offsetof(struct judge_call, ask));
    struct shadow_job *j = c->job;
    struct shadow_asking *a = j->asking;
    struct check_answer said;
    const struct record chat = {.dialect = SLICE("openai"), .endpoint = ENDPOINT_CHAT};
    if (ask->status == 200) {
        spend(j, ask->cost_nano);
        j->measure.judge_nano = money_is_known(ask->cost_nano) ? money_add(j->measure.judge_nano, ask->cost_nano) : MONEY_UNKNOWN;
        if (captured_answer(&chat, arena_slice(&a->arena, ask->reply), &a->arena, &said))
            judge_read_verdict(a->way.judge, &pairwise, c->at, said.text, &a->arena, &c->verdict);
    }
    if (--a->missing == 0) conclude_judges(j);
}

/* A text of a model that only called tools is none: there is nothing that a judge could read. */
static bool ask_judges(struct shadow_job *j) {
    struct shadow_asking *a = j->asking;
    const struct check_case about = {.expected = a->served.text, .context = SLICE_NULL};
    const struct judge_question q = {.check = &pairwise, .answer = &a->candidate, .about = &about, .asked = a->asked};
    if (a->way.judge == NULL || !j->measure.served.ok || a->served.text.len == 0 || a->candidate.text.len == 0) return false;
    a->n_calls = judge_calls(a->way.judge, &pairwise);
    a->calls = mem_new_array(struct judge_call, a->n_calls);
    for (unsigned i = 0; i < a->n_calls; i++) {
        struct judge_call *c = &a->calls[i];
        buffer_init(&c->body, LIMIT_BODY_CEILING);
        c->job = j;
        c->at = i;
        if (judge_write_call(a->way.judge, &q, i, &a->arena, &c->body, NULL) != FAULT_NONE) return false;
        (void)snprintf(c->once, sizeof c->once, "shadow-judge-%s-%u", a->once + sizeof "shadow-" - 1, i);
        c->ask = (struct ask){.path = "/v1/chat/completions", .body = buffer_slice(&c->body), .feature = "shadow-judge", .tags = a->tags,
                              .once = c->once, .more = a->as, .done = judged};
    }
    a->missing = a->n_calls;
    for (unsigned i = 0; i < a->n_calls; i++) asker_send(a->way.judges, &a->calls[i].ask);
    return true;
}

/* ---- the candidate ---- */

/* Of the gateway's own refusals: none of them is an answer of the candidate's. */
static const char *not_its_fault(const struct shadow_job *j, const struct ask *ask) {
    struct json_doc d;
    enum fault fault = FAULT_NONE;
    struct arena *arena = &j->asking->arena;
    if (ask->status == 0) return ask->unreachable ? "the gateway could not be reached" : NULL;
    if (ask->cut_short) return "the server is stopping";
    if (json_read(ask->reply, arena, 3, &d, NULL) != FAULT_NONE ||
        !fault_from_name(json_string(&d, json_get(&d, json_get(&d, 0, "error"), "code"), arena), &fault))
        return NULL;
    switch (fault) {
    case FAULT_BUDGET_EXCEEDED: return "a budget of its key is used up";
    case FAULT_RATE_LIMITED: return "a rate limit of its key left no room";
    case FAULT_KEY_THROTTLED: return "its key is throttled by an action";
    case FAULT_KEY_FROZEN: return "its key is frozen by an action";
    case FAULT_UNAUTHENTICATED: return "its key is no longer valid";
    case FAULT_NOT_FOUND: return "the candidate is not deployed";
    case FAULT_APPROVAL_REQUIRED: return "its cost needs an approval";
    case FAULT_OVERLOADED:
    case FAULT_SHUTTING_DOWN: return "the server is at its limit, or stopping";
    case FAULT_RECORDER_FULL:
    case FAULT_NO_SPACE: return "the flight recorder is full";
    default: return NULL;
    }
}

static void answered(struct ask *ask) {
    struct shadow_asking *a = (struct shadow_asking *)((char *)ask - offsetof(struct shadow_asking, ask));
    struct shadow_job *j = a->job;
    struct shadow_side *s = &j->measure.candidate;
    *s = (struct shadow_side){.output_tokens = -1, .latency_us = ask->latency_us, .ttft_us = -1, .cost_nano = ask->cost_nano, .length = -1};
    spend(j, ask->status == 200 ? ask->cost_nano : money_is_known(ask->cost_nano) ? ask->cost_nano : 0);
    j->why = ask->status == 200 ? NULL : not_its_fault(j, ask);
    j->is_pair = j->why == NULL;
    s->ok = ask->status == 200 && captured_answer(&j->record, arena_slice(&a->arena, ask->reply), &a->arena, &a->candidate);
    if (s->ok) {
        s->output_tokens = a->candidate.usage.output;
        measure(&a->way, s, &a->candidate, &a->arena);
    }
    if (!s->ok || !ask_judges(j)) a->way.done(j);
}

/* As the client sent it, but not as a stream; and what a judge is shown of it. */
static bool write_bodies(struct shadow_asking *a, struct slice request) {
    struct json_doc d;
    struct json_writer w, shown;
    struct buffer asked;
    uint32_t cursor = JSON_NONE, key, value;
    if (json_read(request, &a->arena, 1, &d, NULL) != FAULT_NONE || json_type(&d, 0) != JSON_OBJECT) return false;
    buffer_init(&asked, LIMIT_BODY_CEILING);
    json_start(&w, &a->body);
    json_start(&shown, &asked);
    json_object(&w);
    json_object(&shown);
    while (json_each_member(&d, 0, &cursor, &key, &value)) {
        if (json_is(&d, key, "stream") || json_is(&d, key, "stream_options")) continue;
        struct slice name = json_string(&d, key, &a->arena);
        json_key_slice(&w, name);
        json_put_raw(&w, json_raw(&d, value));
        if (!slice_is(name, "prompt_variables") && !slice_is(name, "messages") && !slice_is(name, "input")) continue;
        json_key_slice(&shown, name);
        json_put_raw(&shown, json_raw(&d, value));
    }
    json_object_end(&w);
    json_object_end(&shown);
    a->asked = arena_slice(&a->arena, buffer_slice(&asked));
    buffer_deinit(&asked);
    return !a->body.overflow && !arena_is_full(&a->arena);
}

static const char *path_of(const struct record *r) {
    if (r->endpoint == ENDPOINT_RESPONSES) return "/v1/responses";
    return slice_is(r->dialect, "anthropic") ? "/v1/messages" : "/v1/chat/completions";
}

static void prepare(struct shadow_job *j) {
    struct shadow_asking *a = j->asking;
    char id[RECORD_ID_TEXT];
    record_id_format(&j->record.id, id);
    (void)snprintf(a->once, sizeof a->once, "shadow-%lld-%s", (long long)a->way.rollout, id);
    (void)snprintf(a->tags, sizeof a->tags, "shadow-of=%s,rollout=%lld", id, (long long)a->way.rollout);
    (void)snprintf(a->prompt, sizeof a->prompt, "x-quarterdeck-prompt: %s", a->way.prompt);
    (void)snprintf(a->key, sizeof a->key, "x-quarterdeck-inside-key: %s", a->way.key_hex);
    a->as[0] = a->more[0] = a->key;
    a->more[1] = a->prompt;
    a->ask = (struct ask){.path = path_of(&j->record), .body = buffer_slice(&a->body), .feature = "shadow",
                          .request_type = slice_is_null(j->record.request_type) ? NULL : arena_text(&a->arena, j->record.request_type),
                          .tags = a->tags, .more = a->more, .once = a->once, .done = answered};
}

enum fault shadow_job_start(const struct shadow_job_way *way, struct slice record, struct slice request, struct slice reply,
                            struct shadow_job **ret, struct error *error) {
    struct shadow_job *j = mem_new(struct shadow_job);
    struct shadow_asking *a = j->asking = mem_new(struct shadow_asking);
    enum fault fault = FAULT_NONE;
    list_init(&j->link);
    arena_init(&a->arena, FIRST, LIMIT_ARENA_EXCHANGE);
    buffer_init(&a->body, LIMIT_BODY_CEILING);
    a->way = *way;
    a->job = j;
    j->measure.judged = SHADOW_NOT_JUDGED;
    if (!record_decode(arena_slice(&a->arena, record), &a->arena, &j->record)) fault = error_set(error, FAULT_CORRUPT, "the record cannot be read");
    else if (!measure_served(j, arena_slice(&a->arena, reply))) fault = error_set(error, FAULT_BAD_REQUEST, "what was served cannot be read");
    else if (!write_bodies(a, request)) fault = error_set(error, FAULT_BAD_REQUEST, "the request cannot be read");
    if (fault != FAULT_NONE) {
        shadow_job_free(j);
        return fault;
    }
    prepare(j);
    a->way.prompt = a->way.key_hex = NULL; /* they are in the headers now */
    *ret = j;
    asker_send(way->asker, &a->ask);
    return FAULT_NONE;
}

void shadow_job_free(struct shadow_job *j) {
    if (j == NULL) return;
    struct shadow_asking *a = j->asking;
    for (unsigned i = 0; i < a->n_calls; i++) buffer_deinit(&a->calls[i].body);
    mem_free(a->calls);
    buffer_deinit(&a->body);
    arena_deinit(&a->arena);
    list_remove(&j->link);
    mem_free(a);
    mem_free(j);
}
