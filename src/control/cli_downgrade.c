/* quarterdeck model downgrade-test: what the most capable tier answered, asked of the cheapest one again. */
#include "control/cli_route.h"

#include "base/clock.h"
#include "base/digest.h"
#include "cost/downgrade_ask.h"

#include <stdio.h>
#include <stdlib.h>

#define USAGE "quarterdeck model downgrade-test MODEL (--judge MODEL | --exec PROGRAM) [options]"
#define LOOK_UP_US 10000000LL /* the ledger takes records in its own time */
#define SCORES_AT_ONCE 100 /* the API takes up to 1,000 */

struct test {
    struct client *client;
    const char *key, *program[2];
    struct downgrade_ask ask;
    bool quiet;
    size_t done, n;
};

static enum fault send(void *ctx, const struct downgrade_case *c, struct arena *arena, struct slice *ret, struct error *error) {
    struct test *t = ctx;
    if (!t->quiet) fprintf(stderr, "\rpair %zu of %zu", ++t->done, t->n);
    return downgrade_ask_send(&t->ask, c, arena, ret, error);
}

static enum fault score(void *ctx, const struct downgrade_case *c, struct slice answer, double *ret_before, double *ret_after,
                        struct error *error) {
    struct test *t = ctx;
    return downgrade_ask_score(&t->ask, c, answer, ret_before, ret_after, error);
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
    snprintf(tag, sizeof tag, "downgrade-test=%s", l->test.ask.run);
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
    json_object(w);
    json_member_string(w, "record", after ? p->id : p->before->id);
    json_member_double(w, "value", downgrade_ask_value(&t->ask, p, after));
    json_member_text(w, "name", downgrade_ask_name(&t->ask));
    json_member_text(w, "source", downgrade_ask_source(&t->ask));
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
    downgrade_ask_write(&t->ask, model, r, seed, &w);
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
    t->ask.cheapest = cli_value(sample, 0, "cheapest");
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
    struct looking l = {.test = {.ask = {.program_timeout_us = 60000000}, .key = getenv("QUARTERDECK_KEY")}};
    struct test *t = &l.test;
    int64_t sample = 50, seed = 1;
    double most_loss = 0.05;
    const char *from = NULL, *to = NULL, *gateway = NULL, *application = NULL;
    const struct option_spec specs[] = {
        {.name = "judge", .type = OPTION_TEXT, .value = &t->ask.judge, .metavar = "MODEL", .help = "a model of the configuration compares both answers, in both orders"},
        {.name = "exec", .type = OPTION_TEXT, .value = &t->program[0], .metavar = "PROGRAM", .help = "or a program scores each: {request, answer, ...} in, {\"score\": 0..1} out"},
        {.name = "exec-timeout", .type = OPTION_DURATION, .value = &t->ask.program_timeout_us, .metavar = "TIME", .help = "of one run of it"},
        {.name = "key", .type = OPTION_TEXT, .value = &t->key, .metavar = "KEY", .help = "of an application that may use the cheapest tier and the judge; QUARTERDECK_KEY"},
        {.name = "sample", .type = OPTION_INTEGER, .value = &sample, .metavar = "N", .help = "exchanges, by request type"},
        {.name = "seed", .type = OPTION_INTEGER, .value = &seed, .metavar = "N", .help = "the same draws the same"},
        {.name = "most-loss", .type = OPTION_NUMBER, .value = &most_loss, .metavar = "SCORE", .help = "most that the mean score may lose"},
        {.name = "application", .letter = 'a', .type = OPTION_TEXT, .value = &application, .metavar = "NAME", .help = "whose exchanges are asked again; not needed where there is only one"},
        {.name = "from", .type = OPTION_TEXT, .value = &from, .metavar = "TIME", .help = "first exchange that may be drawn (default 7 days back)"},
        {.name = "to", .type = OPTION_TEXT, .value = &to, .metavar = "TIME", .help = "first time that no longer counts"},
        {.name = "gateway", .type = OPTION_TEXT, .value = &gateway, .metavar = "URL", .help = "where applications connect, when the control plane is elsewhere"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, USAGE, &n);
    if (code < 0) code = cli_expect(USAGE, n, 1, 1);
    if (code < 0 && (!t->ask.judge == !t->program[0] || sample < 1 || sample > DOWNGRADE_SAMPLE || seed < 0)) code = cli_expect(USAGE, 1, 0, 0);
    if (code >= 0) return code;
    if (!t->key || !*t->key) {
        fprintf(stderr, "quarterdeck: the requests need an application's key: --key or QUARTERDECK_KEY\n");
        return 2;
    }
    struct buffer path;
    struct client_answer a;
    struct arena keep;
    char number[24];
    if (!digest_start()) return 3;
    downgrade_ask_new_run(&t->ask);
    t->ask.url = data_plane(gateway, &o);
    t->ask.program = t->program;
    t->quiet = o.json;
    cli_route_path(&path, argv[0], "/route/sample");
    client_add_query(&path, "application", application);
    client_add_query(&path, "from", from);
    client_add_query(&path, "to", to);
    snprintf(number, sizeof number, "%lld", (long long)sample);
    client_add_query(&path, "sample", number);
    snprintf(number, sizeof number, "%lld", (long long)seed);
    client_add_query(&path, "seed", number);
    arena_init(&keep, 64 << 10, LIMIT_BODY_CEILING);
    client_answer_init(&a);
    l.keep = &keep;
    t->ask.who[0] = arena_text(&keep, arena_printf(&keep, "authorization: Bearer %s", t->key));
    t->client = client_open(&o, &code);
    if (t->client) code = client_call(t->client, "GET", buffer_text(&path), SLICE_NULL, &a);
    if (t->client && code < 0) code = run_test(&l, &a, argv[0], most_loss, seed, o.json);
    client_answer_deinit(&a);
    client_close(t->client);
    arena_deinit(&keep);
    buffer_deinit(&path);
    return code;
}
