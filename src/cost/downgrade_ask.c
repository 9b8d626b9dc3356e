#include "cost/downgrade_ask.h"

#include "base/digest.h"
#include "cost/downgrade_draw.h"
#include "cost/judge_pair.h"
#include "dialect/dialect.h"
#include "io/http_client.h"
#include "io/program.h"

#include <stdio.h>

#define REQUEST_TIMEOUT_US 600000000LL
#define SCORE_MOST (64u << 10)

void downgrade_ask_new_run(struct downgrade_ask *a) {
    uint64_t random;
    digest_random(&random, sizeof random);
    (void)snprintf(a->run, sizeof a->run, "%016llx", (unsigned long long)random);
}

/* ---- the data plane ---- */

static void count(struct downgrade_ask *a, const char *usd) {
    int64_t nano;
    if (money_parse(slice_of(usd), 9, &nano)) a->spent_nano += nano;
    else a->unpriced++;
}

/* POSTs to the gateway as an application does, and gives the answer's text. */
static enum fault ask(struct downgrade_ask *a, enum dialect_id dialect, struct slice body, const char *tags, struct arena *arena,
                      struct slice *ret, struct error *error) {
    bool anthropic = dialect_of(dialect)->wire == WIRE_ANTHROPIC;
    const char *headers[] = {"content-type: application/json", "x-quarterdeck-feature: downgrade-test", "x-quarterdeck-cache: no-store",
                             tags, a->who[0], a->who[1], NULL};
    struct slice url = arena_printf(arena, "%s%s", a->url, anthropic ? "/v1/messages" : "/v1/chat/completions");
    char cost[MONEY_TEXT] = "";
    const struct http_fetch_watch watch = {a->stop, "x-quarterdeck-cost-usd", cost, sizeof cost};
    struct buffer answer;
    int status = 0;
    if (slice_is_null(url)) return error_set(error, FAULT_TOO_LARGE, "no room for a request");
    buffer_init(&answer, LIMIT_REPLY_BODY);
    enum fault fault = http_fetch_watched("POST", arena_text(arena, url), headers, body, REQUEST_TIMEOUT_US, &watch, &status, &answer, error);
    bool maybe_paid = fault == FAULT_NONE ? status == 200 || cost[0] != 0 : fault != FAULT_UP_CONNECT && fault != FAULT_SHUTTING_DOWN;
    if (maybe_paid) count(a, cost);
    if (fault == FAULT_NONE && status != 200)
        fault = error_set(error, FAULT_IO, "the gateway answered %d: %.*s", status, (int)(answer.len < 300 ? answer.len : 300), answer.at);
    if (fault == FAULT_NONE && !downgrade_answer_text(dialect, buffer_slice(&answer), arena, ret))
        fault = error_set(error, FAULT_UP_MALFORMED, "the answer has no words");
    buffer_deinit(&answer);
    return fault;
}

/* The request as it was, but for the model, and not as a stream. */
static bool rewrite(struct slice request, struct slice model, struct arena *arena, struct buffer *out) {
    struct json_doc d;
    struct json_writer w;
    uint32_t cursor = JSON_NONE, key, value;
    if (json_read(request, arena, 1, &d, NULL) != FAULT_NONE || json_type(&d, 0) != JSON_OBJECT) return false;
    json_start(&w, out);
    json_object(&w);
    json_member_string(&w, "model", model);
    while (json_each_member(&d, 0, &cursor, &key, &value)) {
        if (json_is(&d, key, "model") || json_is(&d, key, "stream") || json_is(&d, key, "stream_options")) continue;
        json_key_slice(&w, json_string(&d, key, arena));
        json_put_raw(&w, json_raw(&d, value));
    }
    json_object_end(&w);
    return !out->overflow;
}

enum fault downgrade_ask_send(struct downgrade_ask *a, const struct downgrade_case *c, struct arena *arena, struct slice *ret,
                              struct error *error) {
    struct buffer body;
    char tags[200];
    buffer_init(&body, LIMIT_BODY_CEILING);
    (void)snprintf(tags, sizeof tags, "x-quarterdeck-tags: downgrade-test=%s,downgrade-of=" SLICE_FMT, a->run, SLICE_ARG(c->id));
    enum fault fault = rewrite(c->request, a->cheapest, arena, &body)
                           ? ask(a, c->dialect, buffer_slice(&body), tags, arena, ret, error)
                           : error_set(error, FAULT_BAD_JSON, "the captured request cannot be read");
    buffer_deinit(&body);
    return fault;
}

/* ---- scores ---- */

static enum fault judge_once(struct downgrade_ask *a, const struct downgrade_case *c, struct slice first, struct slice second,
                             struct arena *arena, enum judge_verdict *ret, struct error *error) {
    struct buffer body;
    struct json_writer w;
    struct slice said = SLICE_NULL;
    char tags[200];
    buffer_init(&body, 4 << 20);
    json_start(&w, &body);
    judge_pair_ask(slice_of(a->judge), c->request, first, second, &w);
    (void)snprintf(tags, sizeof tags, "x-quarterdeck-tags: downgrade-judge=%s", a->run);
    enum fault fault = ask(a, DIALECT_OPENAI, buffer_slice(&body), tags, arena, &said, error);
    if (fault == FAULT_NONE && !judge_pair_read(said, arena, ret))
        fault = error_set(error, FAULT_UP_MALFORMED, "the judge gave no verdict: %.*s", (int)(said.len < 200 ? said.len : 200), said.at);
    buffer_deinit(&body);
    return fault;
}

/* Both orders count half: a win 1, a tie 0.5, a loss 0. */
static enum fault judge(struct downgrade_ask *a, const struct downgrade_case *c, struct slice after, double *ret_before, double *ret_after,
                        struct error *error) {
    static const double first[] = {[JUDGE_FIRST] = 1, [JUDGE_SECOND] = 0, [JUDGE_TIE] = 0.5};
    enum judge_verdict one = JUDGE_TIE, two = JUDGE_TIE;
    struct arena arena;
    arena_init(&arena, 64 << 10, 16 << 20);
    enum fault fault = judge_once(a, c, c->answer, after, &arena, &one, error);
    if (fault == FAULT_NONE) fault = judge_once(a, c, after, c->answer, &arena, &two, error);
    if (fault == FAULT_NONE) {
        *ret_after = (1 - first[one] + first[two]) / 2;
        *ret_before = 1 - *ret_after;
    }
    arena_deinit(&arena);
    return fault;
}

static enum fault execute_once(const struct downgrade_ask *a, const struct downgrade_case *c, const char *tier, struct slice answer, double *ret,
                               struct error *error) {
    struct buffer in, out;
    struct json_writer w;
    struct arena arena;
    struct json_doc d;
    arena_init(&arena, 16 << 10, 1 << 20);
    buffer_init(&in, LIMIT_BODY_CEILING);
    buffer_init(&out, SCORE_MOST);
    json_start(&w, &in);
    json_object(&w);
    json_member_string(&w, "record", c->id);
    json_member_text(&w, "which", tier);
    json_member_raw(&w, "request", slice_trim(c->request));
    json_member_string(&w, "answer", answer);
    json_object_end(&w);
    enum fault fault = program_call(&(struct program_call){.argv = a->program, .input = buffer_slice(&in),
                                                           .timeout_us = a->program_timeout_us, .stop = a->stop},
                                    &out, error);
    if (fault == FAULT_NONE &&
        (json_read(slice_trim(buffer_slice(&out)), &arena, UINT16_MAX, &d, NULL) != FAULT_NONE ||
         !json_get_double(&d, json_get(&d, 0, "score"), ret) || !(*ret >= 0 && *ret <= 1)))
        fault = error_set(error, FAULT_UP_MALFORMED, "%s: expected {\"score\": 0..1}, found %.*s", a->program[0],
                          (int)(out.len < 200 ? out.len : 200), out.len > 0 ? out.at : "");
    buffer_deinit(&in);
    buffer_deinit(&out);
    arena_deinit(&arena);
    return fault;
}

enum fault downgrade_ask_score(struct downgrade_ask *a, const struct downgrade_case *c, struct slice answer, double *ret_before,
                               double *ret_after, struct error *error) {
    if (a->judge != NULL) return judge(a, c, answer, ret_before, ret_after, error);
    enum fault fault = execute_once(a, c, "best", c->answer, ret_before, error);
    return fault == FAULT_NONE ? execute_once(a, c, "cheapest", answer, ret_after, error) : fault;
}

/* ---- what is kept ---- */

double downgrade_ask_value(const struct downgrade_ask *a, const struct downgrade_pair *p, bool after) {
    if (a->judge != NULL) return !after || p->score_after >= p->score_before;
    return after ? p->score_after : p->score_before;
}

const char *downgrade_ask_name(const struct downgrade_ask *a) { return a->judge != NULL ? "not_worse" : "quality"; }
const char *downgrade_ask_source(const struct downgrade_ask *a) { return a->judge != NULL ? "judge" : "eval"; }

void downgrade_ask_write(const struct downgrade_ask *a, const char *model, const struct downgrade_result *r, int64_t seed,
                         struct json_writer *w) {
    json_object(w);
    json_member_text(w, "model", model);
    json_member_string(w, "cheapest", a->cheapest);
    json_member_text(w, "run", a->run);
    json_member_i64(w, "seed", seed);
    json_member_text(w, "judge", a->judge);
    json_member_text(w, "program", a->judge == NULL ? a->program[0] : NULL);
    downgrade_write_json(r, w);
    json_object_end(w);
}
