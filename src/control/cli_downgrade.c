/* quarterdeck model downgrade-test: what the most capable tier answered, asked of the cheapest one again. */
#include "control/cli_route.h"

#include "base/clock.h"
#include "base/digest.h"
#include "cost/downgrade_draw.h"
#include "cost/judge_pair.h"
#include "dialect/dialect.h"
#include "io/http_client.h"
#include "io/program.h"

#include <stdio.h>
#include <stdlib.h>

#define USAGE "quarterdeck model downgrade-test MODEL (--judge MODEL | --exec PROGRAM) [options]"
#define REQUEST_TIMEOUT_US 600000000LL
#define LOOK_UP_US 10000000LL /* the ledger takes records in its own time */
#define SCORE_MOST (64u << 10)
#define RUN_TEXT 17
#define SCORES_AT_ONCE 100 /* the API takes up to 1,000 */

struct test {
    struct client *client;
    const char *server, *key, *judge, *program;
    int64_t program_timeout_us;
    struct slice cheapest;
    char run[RUN_TEXT]; /* tells this test's records from others */
    bool quiet;
    size_t done, n;
};

/* ---- the data plane ---- */

/* POSTs to the gateway as an application does, and gives the answer's text. */
static enum fault ask(const struct test *t, enum dialect_id dialect, struct slice body, const char *tags, struct arena *arena,
                      struct slice *ret, struct error *error) {
    bool anthropic = dialect_of(dialect)->wire == WIRE_ANTHROPIC;
    const char *headers[6] = {"content-type: application/json", "x-quarterdeck-feature: downgrade-test", "x-quarterdeck-cache: no-store",
                              arena_text(arena, slice_of(tags)), NULL, NULL};
    struct slice bearer = arena_printf(arena, "authorization: Bearer %s", t->key);
    struct slice url = arena_printf(arena, "%s%s", t->server, anthropic ? "/v1/messages" : "/v1/chat/completions");
    struct buffer answer;
    int status = 0;
    headers[4] = arena_text(arena, bearer);
    if (!headers[3] || !headers[4] || slice_is_null(url)) return error_set(error, FAULT_TOO_LARGE, "no room for a request");
    buffer_init(&answer, LIMIT_REPLY_BODY);
    enum fault fault = http_fetch("POST", arena_text(arena, url), headers, body, REQUEST_TIMEOUT_US, &status, &answer, error);
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

static enum fault send(void *ctx, const struct downgrade_case *c, struct arena *arena, struct slice *ret, struct error *error) {
    struct test *t = ctx;
    struct buffer body;
    char tags[200];
    if (!t->quiet) fprintf(stderr, "\rpair %zu of %zu", ++t->done, t->n);
    buffer_init(&body, LIMIT_BODY_CEILING);
    snprintf(tags, sizeof tags, "x-quarterdeck-tags: downgrade-test=%s,downgrade-of=" SLICE_FMT, t->run, SLICE_ARG(c->id));
    enum fault fault = rewrite(c->request, t->cheapest, arena, &body)
                           ? ask(t, c->dialect, buffer_slice(&body), tags, arena, ret, error)
                           : error_set(error, FAULT_BAD_JSON, "the captured request cannot be read");
    buffer_deinit(&body);
    return fault;
}

/* ---- scores ---- */

static enum fault judge_once(const struct test *t, const struct downgrade_case *c, struct slice first, struct slice second,
                             struct arena *arena, enum judge_verdict *ret, struct error *error) {
    struct buffer body;
    struct json_writer w;
    struct slice said = SLICE_NULL;
    char tags[200];
    buffer_init(&body, 4 << 20);
    json_start(&w, &body);
    judge_pair_ask(slice_of(t->judge), c->request, first, second, &w);
    snprintf(tags, sizeof tags, "x-quarterdeck-tags: downgrade-judge=%s", t->run);
    enum fault fault = ask(t, DIALECT_OPENAI, buffer_slice(&body), tags, arena, &said, error);
    if (fault == FAULT_NONE && !judge_pair_read(said, arena, ret))
        fault = error_set(error, FAULT_UP_MALFORMED, "the judge gave no verdict: %.*s", (int)(said.len < 200 ? said.len : 200), said.at);
    buffer_deinit(&body);
    return fault;
}

/* Both orders count half: a win 1, a tie 0.5, a loss 0. */
static enum fault judge(const struct test *t, const struct downgrade_case *c, struct slice after, double *ret_before, double *ret_after,
                        struct error *error) {
    static const double first[] = {[JUDGE_FIRST] = 1, [JUDGE_SECOND] = 0, [JUDGE_TIE] = 0.5};
    enum judge_verdict one = JUDGE_TIE, two = JUDGE_TIE;
    struct arena arena;
    arena_init(&arena, 64 << 10, 16 << 20);
    enum fault fault = judge_once(t, c, c->answer, after, &arena, &one, error);
    if (fault == FAULT_NONE) fault = judge_once(t, c, after, c->answer, &arena, &two, error);
    if (fault == FAULT_NONE) {
        *ret_after = (1 - first[one] + first[two]) / 2;
        *ret_before = 1 - *ret_after;
    }
    arena_deinit(&arena);
    return fault;
}

static enum fault execute_once(const struct test *t, const struct downgrade_case *c, const char *tier, struct slice answer, double *ret,
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
    enum fault fault = program_run(t->program, buffer_slice(&in), t->program_timeout_us, &out, error);
    if (fault == FAULT_NONE &&
        (json_read(slice_trim(buffer_slice(&out)), &arena, UINT16_MAX, &d, NULL) != FAULT_NONE ||
         !json_get_double(&d, json_get(&d, 0, "score"), ret) || !(*ret >= 0 && *ret <= 1)))
        fault = error_set(error, FAULT_UP_MALFORMED, "%s: expected {\"score\": 0..1}, found %.*s", t->program,
                          (int)(out.len < 200 ? out.len : 200), out.len > 0 ? out.at : "");
    buffer_deinit(&in);
    buffer_deinit(&out);
    arena_deinit(&arena);
    return fault;
}

static enum fault score(void *ctx, const struct downgrade_case *c, struct slice answer, double *ret_before, double *ret_after,
                        struct error *error) {
    const struct test *t = ctx;
    if (t->judge) return judge(t, c, answer, ret_before, ret_after, error);
    enum fault fault = execute_once(t, c, "best", c->answer, ret_before, error);
    return fault == FAULT_NONE ? execute_once(t, c, "cheapest", answer, ret_after, error) : fault;
}

/* ---- the records behind the answers ---- */

static void note(struct client_answer *a, uint32_t record, struct downgrade_pair *pairs, size_t n, struct arena *keep) {
    struct slice of = cli_value(a, record, "tags.downgrade-of");
    double ms;
    for (size_t i = 0; i < n; i++) {
        if (!slice_eq(of, pairs[i].before->id) || !slice_is(cli_value(a, record, "status"), "ok")) continue;
        pairs[i].id = arena_slice(keep, cli_value(a, record, "id"));
        (void)json_get_i64(&a->doc, cli_at(a, record, "cost_nanousd"), &pairs[i].cost_nano);
        if (json_get_double(&a->doc, cli_at(a, record, "duration_ms"), &ms)) pairs[i].duration_us = (int64_t)(ms * 1000);
    }
}

struct looking {
    struct test test; /* first: what the calls get */
    struct arena *keep;
};

static void look_up(void *ctx, struct downgrade_pair *pairs, size_t n) {
    struct looking *l = ctx;
    struct buffer path;
    char tag[64];
    size_t answered = 0, found = 0;
    snprintf(tag, sizeof tag, "downgrade-test=%s", l->test.run);
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/records?limit=1000"));
    client_add_query(&path, "tag", tag);
    for (size_t i = 0; i < n; i++) answered += !slice_is_null(pairs[i].answer);
    for (int64_t until = clock_us() + LOOK_UP_US; found < answered && clock_us() < until; clock_sleep_us(100000)) {
        struct client_answer a;
        uint32_t at = JSON_NONE, record;
        client_answer_init(&a);
        bool good = client_call(l->test.client, "GET", buffer_text(&path), SLICE_NULL, &a) < 0;
        found = good ? json_size(&a.doc, cli_at(&a, 0, "records")) : answered;
        while (good && found >= answered && json_each_item(&a.doc, cli_at(&a, 0, "records"), &at, &record))
            note(&a, record, pairs, n, l->keep);
        client_answer_deinit(&a);
        if (found >= answered) break;
    }
    buffer_deinit(&path);
}

static void put_score(struct json_writer *w, const struct test *t, const struct downgrade_pair *p, bool after) {
    double value = t->judge ? !after || p->score_after >= p->score_before : after ? p->score_after : p->score_before;
    json_object(w);
    json_member_string(w, "record", after ? p->id : p->before->id);
    json_member_double(w, "value", value);
    json_member_text(w, "name", t->judge ? "not_worse" : "quality");
    json_member_text(w, "source", t->judge ? "judge" : "eval");
    json_object_end(w);
}

/* Those of the pairs from *at on, as many as go at once; < 0: taken, or there are none. */
static int keep_some(const struct test *t, const struct downgrade_result *r, size_t *at) {
    struct buffer body;
    struct json_writer w;
    struct client_answer a;
    size_t n = 0;
    buffer_init(&body, 4 << 20);
    json_start(&w, &body);
    json_array(&w);
    for (; *at < r->n && n + 2 <= SCORES_AT_ONCE; ++*at) {
        const struct downgrade_pair *p = &r->pairs[*at];
        if (!p->scored || slice_is_null(p->id)) continue;
        put_score(&w, t, p, false);
        put_score(&w, t, p, true);
        n += 2;
    }
    json_array_end(&w);
    client_answer_init(&a);
    int code = n > 0 ? client_call(t->client, "POST", "/api/v1/scores", buffer_slice(&body), &a) : -1;
    client_answer_deinit(&a);
    buffer_deinit(&body);
    return code;
}

/* What was found out is kept as scores, for route-train: a program's as `quality`, a judge's verdict as `not_worse`. */
static int keep_scores(const struct test *t, const struct downgrade_result *r) {
    int code = -1;
    for (size_t at = 0; code < 0 && at < r->n;) code = keep_some(t, r, &at);
    return code;
}

/* ---- the verb ---- */

static size_t read_cases(struct client_answer *a, struct arena *arena, struct downgrade_case **ret) {
    uint32_t list = cli_at(a, 0, "sample"), at = JSON_NONE, one;
    struct downgrade_case *all = arena_new_array(arena, struct downgrade_case, json_size(&a->doc, list) + 1);
    size_t n = 0;
    double ms = 0;
    while (all && json_each_item(&a->doc, list, &at, &one)) {
        struct downgrade_case c = {.cost_nano = MONEY_UNKNOWN};
        if (!dialect_from_name(cli_value(a, one, "dialect"), &c.dialect)) continue;
        c.id = cli_value(a, one, "record");
        c.request = cli_value(a, one, "request");
        c.answer = cli_value(a, one, "answer");
        (void)json_get_i64(&a->doc, cli_at(a, one, "cost_nanousd"), &c.cost_nano);
        if (json_get_double(&a->doc, cli_at(a, one, "duration_ms"), &ms)) c.duration_us = (int64_t)(ms * 1000);
        all[n++] = c;
    }
    *ret = all;
    return n;
}

static void write_text(const struct downgrade_result *r) {
    static const char *const words[] = {"within", "worse", "not enough evidence"};
    printf("%s: %s\n", words[r->answer], r->why);
    if (r->needed > 0) printf("about %zu scored pairs would tell\n", r->needed);
    printf("pairs %zu, scored %zu, errors %zu%s%s\n", r->n, r->scored, r->errors, r->errors > 0 ? "; the first: " : "", r->first_error);
    if (r->scored > 0) printf("mean score %.4f before, %.4f after (interval: 95 %%, BCa bootstrap of the pairs, or wider)\n", r->mean_before, r->mean_after);
    if (r->priced > 0) {
        char before[MONEY_TEXT], after[MONEY_TEXT];
        money_format(r->cost_before_nano, before);
        money_format(r->cost_after_nano, after);
        printf("cost of %zu: %s USD before, %s after\n", r->priced, before, after);
    }
    if (r->timed > 0) printf("mean time of %zu: %.2f s before, %.2f s after\n", r->timed, r->seconds_before, r->seconds_after);
}

static int keep_result(struct test *t, const char *model, const struct downgrade_result *r, int64_t seed, bool json) {
    struct buffer body, path;
    struct json_writer w;
    struct client_answer a;
    buffer_init(&body, 64 << 10);
    json_start(&w, &body);
    json_object(&w);
    json_member_text(&w, "model", model);
    json_member_string(&w, "cheapest", t->cheapest);
    json_member_text(&w, "run", t->run);
    json_member_i64(&w, "seed", seed);
    json_member_text(&w, "judge", t->judge);
    json_member_text(&w, "program", t->program);
    downgrade_write_json(r, &w);
    json_object_end(&w);
    cli_route_path(&path, model, "/route/downgrade");
    client_answer_init(&a);
    int code = client_call(t->client, "POST", buffer_text(&path), buffer_slice(&body), &a);
    if (json) printf("%s\n", buffer_text(&body));
    client_answer_deinit(&a);
    buffer_deinit(&path);
    buffer_deinit(&body);
    return code;
}

static int run_test(struct looking *l, struct client_answer *sample, const char *model, double most_loss, int64_t seed, bool json) {
    struct test *t = &l->test;
    struct downgrade_case *cases = NULL;
    struct downgrade_result r;
    struct error error;
    t->cheapest = cli_value(sample, 0, "cheapest");
    t->n = read_cases(sample, l->keep, &cases);
    const struct downgrade_calls calls = {.ctx = l, .send = send, .score = score, .look_up = look_up};
    if (!cases || downgrade_run(cases, t->n, most_loss, (uint64_t)seed, &calls, l->keep, &r, &error) != FAULT_NONE) {
        fprintf(stderr, "quarterdeck: %s\n", cases ? error.text : "no room");
        return 3;
    }
    if (!t->quiet) fprintf(stderr, "\r%*s\r", 40, "");
    if (!json) write_text(&r);
    if (t->n == 0)
        fprintf(stderr, "quarterdeck: " SLICE_FMT " exchanges of the most capable tier, none with bodies: the application needs "
                        "`payloads: {capture: full}`\n", SLICE_ARG(cli_value(sample, 0, "candidates")));
    int code = keep_result(t, model, &r, seed, json), scores = keep_scores(t, &r);
    if (code >= 0 || scores >= 0) return 3;
    return r.answer == DOWNGRADE_WITHIN ? 0 : r.answer == DOWNGRADE_WORSE ? 1 : 3;
}

/* Where applications connect: what was named, else as the control plane. */
static const char *data_plane(const char *named, const struct client_options *o) {
    const char *env = getenv("QUARTERDECK_URL");
    return named ? named : o->server ? o->server : env && *env ? env : "http://127.0.0.1:4000";
}

int cli_downgrade(int argc, char **argv) {
    struct client_options o = {0};
    struct looking l = {.test = {.program_timeout_us = 60000000, .key = getenv("QUARTERDECK_KEY")}};
    struct test *t = &l.test;
    int64_t sample = 50, seed = 1;
    double most_loss = 0.05;
    const char *from = NULL, *to = NULL, *gateway = NULL;
    const struct option_spec specs[] = {
        {.name = "judge", .type = OPTION_TEXT, .value = &t->judge, .metavar = "MODEL", .help = "a model of the configuration compares both answers, in both orders"},
        {.name = "exec", .type = OPTION_TEXT, .value = &t->program, .metavar = "PROGRAM", .help = "or a program scores each: {request, answer, ...} in, {\"score\": 0..1} out"},
        {.name = "exec-timeout", .type = OPTION_DURATION, .value = &t->program_timeout_us, .metavar = "TIME", .help = "of one run of it"},
        {.name = "key", .type = OPTION_TEXT, .value = &t->key, .metavar = "KEY", .help = "of an application that may use the cheapest tier and the judge; QUARTERDECK_KEY"},
        {.name = "sample", .type = OPTION_INTEGER, .value = &sample, .metavar = "N", .help = "exchanges, by request type"},
        {.name = "seed", .type = OPTION_INTEGER, .value = &seed, .metavar = "N", .help = "the same draws the same"},
        {.name = "most-loss", .type = OPTION_NUMBER, .value = &most_loss, .metavar = "SCORE", .help = "most that the mean score may lose"},
        {.name = "from", .type = OPTION_TEXT, .value = &from, .metavar = "TIME", .help = "first exchange that may be drawn (default 7 days back)"},
        {.name = "to", .type = OPTION_TEXT, .value = &to, .metavar = "TIME", .help = "first time that no longer counts"},
        {.name = "gateway", .type = OPTION_TEXT, .value = &gateway, .metavar = "URL", .help = "where applications connect, when the control plane is elsewhere"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, USAGE, &n);
    if (code < 0) code = cli_expect(USAGE, n, 1, 1);
    if (code < 0 && (!t->judge == !t->program || sample < 1 || sample > DOWNGRADE_SAMPLE || seed < 0)) code = cli_expect(USAGE, 1, 0, 0);
    if (code >= 0) return code;
    if (!t->key || !*t->key) {
        fprintf(stderr, "quarterdeck: the requests need an application's key: --key or QUARTERDECK_KEY\n");
        return 2;
    }
    struct buffer path;
    struct client_answer a;
    struct arena keep;
    char number[24];
    uint64_t random;
    if (!digest_start()) return 3;
    digest_random(&random, sizeof random);
    snprintf(t->run, sizeof t->run, "%016llx", (unsigned long long)random);
    t->server = data_plane(gateway, &o);
    t->quiet = o.json;
    cli_route_path(&path, argv[0], "/route/sample");
    client_add_query(&path, "from", from);
    client_add_query(&path, "to", to);
    snprintf(number, sizeof number, "%lld", (long long)sample);
    client_add_query(&path, "sample", number);
    snprintf(number, sizeof number, "%lld", (long long)seed);
    client_add_query(&path, "seed", number);
    arena_init(&keep, 64 << 10, LIMIT_BODY_CEILING);
    client_answer_init(&a);
    l.keep = &keep;
    t->client = client_open(&o, &code);
    if (t->client) code = client_call(t->client, "GET", buffer_text(&path), SLICE_NULL, &a);
    if (t->client && code < 0) code = run_test(&l, &a, argv[0], most_loss, seed, o.json);
    client_answer_deinit(&a);
    client_close(t->client);
    arena_deinit(&keep);
    buffer_deinit(&path);
    return code;
}
