/* The command line in this process: beside a stopped server, and over HTTP to one. */
#include "test_control_rig.h"

#include "control/cli.h"
#include "io/http_server.h"

#include <pthread.h>

#define CONFIG_FILE "quarterdeck.yaml"

static int serve(int argc, char **argv) {
    (void)argc, (void)argv;
    printf("serving\n");
    return 0;
}
static const struct cli_verb wired[] = {{"serve", "serve [-c FILE]", "run the gateway", serve}, {0}};

/* ---- a verb and what it printed ---- */

static char out[64 << 10], err[8 << 10];

static FILE *divert(int fd, int *ret_saved) {
    FILE *f = tmpfile();
    assert_non_null(f);
    fflush(NULL);
    *ret_saved = dup(fd);
    dup2(fileno(f), fd);
    return f;
}

static void restore(int fd, int saved, FILE *f, char *text, size_t size) {
    fflush(NULL);
    dup2(saved, fd);
    close(saved);
    rewind(f);
    size_t n = fread(text, 1, size - 1, f);
    text[n] = 0;
    fclose(f);
}

static int run_words(const char *const *words) {
    char *argv[32] = {(char *)(uintptr_t) "quarterdeck"};
    int argc = 1, saved_out, saved_err;
    for (; *words; words++) argv[argc++] = (char *)(uintptr_t)*words;
    FILE *o = divert(1, &saved_out), *e = divert(2, &saved_err);
    int code = cli_main(argc, argv, wired);
    restore(1, saved_out, o, out, sizeof out);
    restore(2, saved_err, e, err, sizeof err);
    return code;
}
#define RUN(...) run_words((const char *const[]){__VA_ARGS__, NULL})
#define EXPECT_CODE(want, call)                                                                               \
    do {                                                                                                      \
        int code_ = (call);                                                                                   \
        if (code_ != (want)) fail_msg("wanted %d, found %d: %s%s", want, code_, out, err);                    \
    } while (0)
#define SAYS(text, words) \
    if (!strstr(text, words)) fail_msg("wanted \"%s\" in: %s", words, text)

/* ---- help and dispatch ---- */

static void help(void **state) {
    (void)state;
    EXPECT_CODE(2, run_words((const char *const[]){NULL}));
    SAYS(err, "usage: quarterdeck VERB");
    EXPECT_CODE(0, RUN("help"));
    for (const struct cli_verb *v = cli_verbs; v->name; v++) SAYS(out, v->usage);
    SAYS(out, "serve [-c FILE]");
    assert_null(strstr(out, "reference"));
    for (const struct cli_verb *v = cli_verbs; v->name; v++) {
        EXPECT_CODE(0, RUN("help", v->name));
        SAYS(out, "usage: quarterdeck ");
        EXPECT_CODE(0, RUN(v->name, "--help"));
        SAYS(out, v->name);
    }
    EXPECT_CODE(0, RUN("help", "record", "list"));
    SAYS(out, "--follow");
    EXPECT_CODE(0, RUN("serve"));
    SAYS(out, "serving");
    EXPECT_CODE(0, RUN("--version"));
    assert_string_equal(out, "quarterdeck " VERSION "\n");
    EXPECT_CODE(0, RUN("version", "--json"));
    assert_string_equal(out, "{\"version\":\"" VERSION "\"}\n");
}

static void mistakes(void **state) {
    (void)state;
    EXPECT_CODE(2, RUN("recrod"));
    SAYS(err, "did you mean `record`?");
    EXPECT_CODE(2, RUN("help", "sevre"));
    SAYS(err, "did you mean `serve`?");
    EXPECT_CODE(2, RUN("record"));
    EXPECT_CODE(2, RUN("record", "lisst"));
    SAYS(err, "did you mean `list`?");
    EXPECT_CODE(2, RUN("record", "show"));
    EXPECT_CODE(2, RUN("record", "list", "extra"));
    EXPECT_CODE(2, RUN("record", "list", "--modl", "x"));
    SAYS(err, "did you mean `--model`?");
    EXPECT_CODE(2, RUN("export", "keys"));
    EXPECT_CODE(2, RUN("export", "records", "--format", "xml"));
    EXPECT_CODE(2, RUN("key", "create", "only-one"));
}

/* ---- beside a stopped server ---- */

static void fill(struct desk *d) {
    for (unsigned i = 0; i < 3; i++) {
        struct record r;
        rig_record(&r, DESK_NOW - (int64_t)(3 - i) * 60 * SECOND, i);
        r.provider = SLICE("main");
        r.user = SLICE("evil\x1b[31m,\"quoted\"\n");
        r.n_attempts = 2;
        r.attempts[0] = (struct record_attempt){SLICE("main"), SLICE("gpt-4o-mini"), 503, FAULT_UP_OVERLOADED, 200};
        r.attempts[1] = (struct record_attempt){SLICE("spare"), SLICE("b\x1b[2J"), 200, FAULT_NONE, 1000};
        if (i == 2) r.status = RECORD_ERROR, r.error = FAULT_NO_TARGET;
        desk_keep(d, &r);
    }
    desk_drain(d);
}

static void lists_and_reports(void **state) {
    struct desk *d = *state;
    const char *dir = d->rig->dir;
    char id[RECORD_ID_TEXT];
    struct record_id first = rig_id(DESK_NOW - 180 * SECOND, 0);
    fill(d);
    record_id_format(&first, id);
    EXPECT_CODE(0, RUN("record", "list", "--data-dir", dir));
    SAYS(out, "COST (USD)");
    SAYS(out, id);
    SAYS(out, "no_target_available");
    assert_null(strchr(out, 27)); /* no terminal, no colours */
    EXPECT_CODE(0, RUN("record", "list", "--data-dir", dir, "-n", "1", "--json"));
    SAYS(out, "{\"records\":[{\"id\":");
    EXPECT_CODE(0, RUN("record", "list", "--data-dir", dir, "-n", "1"));
    SAYS(err, "there are more: --cursor ");
    EXPECT_CODE(0, RUN("record", "list", "--data-dir", dir, "--model", "none"));
    SAYS(err, "no records match");
    EXPECT_CODE(2, RUN("record", "list", "--data-dir", dir, "--from", "soon"));
    SAYS(err, "from: expected a time");
    EXPECT_CODE(0, RUN("record", "show", id, "--data-dir", dir));
    SAYS(out, "provider_overloaded (503)");
    SAYS(out, "spare/b?[2J");
    SAYS(out, "evil?[31m");
    assert_null(strchr(out, 27));
    EXPECT_CODE(3, RUN("record", "show", "01K9J0QJ8EXAMP0EREC0RD0000", "--data-dir", dir));
    EXPECT_CODE(0, RUN("record", "latency", "--data-dir", dir, "--by", "application,model"));
    SAYS(out, "TOTAL p50");
    SAYS(out, "support-chat");
    EXPECT_CODE(0, RUN("record", "latency", "--data-dir", dir, "--application", "none"));
    SAYS(out, "no exchanges in this window");
    EXPECT_CODE(0, RUN("record", "totals", "--data-dir", dir, "--step", "30m"));
    SAYS(out, "cost (USD)           0.000003");
    SAYS(out, "2025-11-08 09:30:00");
}

static void exports(void **state) {
    struct desk *d = *state;
    const char *dir = d->rig->dir;
    char file[400];
    fill(d);
    EXPECT_CODE(0, RUN("export", "records", "--data-dir", dir));
    unsigned lines = 0;
    for (const char *c = out; *c; c++) lines += *c == '\n';
    assert_int_equal(lines, 3);
    EXPECT_CODE(0, RUN("export", "records", "--data-dir", dir, "--format", "csv", "--status", "ok"));
    SAYS(out, "id,time,application,key,user,");
    SAYS(out, ",target_provider,");
    SAYS(out, "\"evil\x1b[31m,\"\"quoted\"\"\n\"");
    snprintf(file, sizeof file, "%s", rig_path(d->rig, "out.jsonl"));
    EXPECT_CODE(0, RUN("export", "records", "--data-dir", dir, "--out", file));
    assert_string_equal(out, "");
    SAYS(err, "3 records");
    EXPECT_CODE(3, RUN("export", "records", "--data-dir", dir, "--out", "/nowhere/at/all"));
}

static void keys_and_audit(void **state) {
    struct desk *d = *state;
    const char *dir = d->rig->dir;
    EXPECT_CODE(0, RUN("key", "list", "--data-dir", dir));
    SAYS(out, "no keys; make one");
    EXPECT_CODE(0, RUN("key", "create", "shop", "ci", "--reason", "tests", "--data-dir", dir));
    assert_int_equal(strlen(out), 47); /* the key and nothing else */
    assert_memory_equal(out, "qd-", 3);
    SAYS(err, "not in force yet");
    EXPECT_CODE(3, RUN("key", "create", "shop", "ci", "--data-dir", dir));
    EXPECT_CODE(0, RUN("key", "list", "shop", "--data-dir", dir));
    SAYS(out, "valid");
    EXPECT_CODE(0, RUN("key", "revoke", "shop", "ci", "--data-dir", dir));
    EXPECT_CODE(3, RUN("key", "revoke", "shop", "none", "--data-dir", dir));
    EXPECT_CODE(0, RUN("key", "list", "--json", "--data-dir", dir));
    SAYS(out, "\"revoked_at\":\"2025-11-08T10:00:00");
    EXPECT_CODE(0, RUN("policy", "audit", "--data-dir", dir));
    SAYS(out, "key.revoke");
    SAYS(out, "tests");
    EXPECT_CODE(0, RUN("policy", "audit", "--verify", "--data-dir", dir));
    EXPECT_CODE(0, RUN("policy", "show", "--data-dir", dir));
    SAYS(out, "no server is running");
    EXPECT_CODE(3, RUN("policy", "reload", "--data-dir", dir));
    EXPECT_CODE(3, RUN("key", "list", "--data-dir", "/nowhere/at/all"));
    SAYS(err, "/nowhere/at/all does not exist");
}

/* ---- configurations and prices ---- */

static const char *config_file(struct desk *d, const char *text) {
    static char path[400];
    snprintf(path, sizeof path, "%s", rig_path(d->rig, CONFIG_FILE));
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
    return path;
}

static void checks(void **state) {
    struct desk *d = *state;
    const char *path = config_file(d, DESK_CONFIG);
    EXPECT_CODE(0, RUN("check", "-c", path));
    SAYS(out, "is good: 2 applications, 3 models, 6 targets, 2 providers");
    SAYS(out, "no price is known for spare/no-such-model");
    EXPECT_CODE(0, RUN("check", "-c", path, "--json"));
    assert_string_equal(out, "{\"good\":true,\"more\":false,\"problems\":[]}\n");
    path = config_file(d, "lisen: x\nmodels: {a: {targets: []}}\nworkers: many\n");
    EXPECT_CODE(1, RUN("check", "-c", path));
    SAYS(out, CONFIG_FILE ":1:1: lisen: unknown key");
    SAYS(out, CONFIG_FILE ":3:10: workers: ");
    EXPECT_CODE(1, RUN("check", "-c", path, "--json"));
    SAYS(out, "\"line\":3,\"column\":10");
    EXPECT_CODE(3, RUN("record", "list", "-c", path));
    SAYS(err, CONFIG_FILE ":1:1");
    EXPECT_CODE(3, RUN("check", "-c", "/nowhere.yaml"));
}

static void prices(void **state) {
    struct desk *d = *state;
    const char *path = config_file(d, DESK_CONFIG);
    EXPECT_CODE(0, RUN("model", "price", "openai/gpt-4o-mini", "--input", "1000", "--output", "500", "-c", path));
    SAYS(out, "cost 0.00045 USD");
    EXPECT_CODE(0, RUN("model", "price", "main/gpt-4o-mini", "-i", "1000", "-o", "500", "--cache-read", "100", "-c", path, "--json"));
    SAYS(out, "\"cost_usd\":0.0004425");
    EXPECT_CODE(3, RUN("model", "price", "openai/none", "-c", path));
    EXPECT_CODE(2, RUN("model", "price", "openai/gpt-4o-mini", "--input", "-5", "-c", path));
    EXPECT_CODE(2, RUN("model", "price", "openai/gpt-4o-mini", "--at", "someday", "-c", path));
}

/* ---- cost ---- */

static void costs(void **state) {
    struct desk *d = *state;
    struct record r;
    for (unsigned i = 0; i < 4; i++) {
        rig_record(&r, DESK_NOW - (int64_t)(1 + i * 20) * 3600 * SECOND, i);
        r.team = i < 2 ? SLICE("growth") : SLICE("legal");
        r.provider = SLICE("openai"), r.target_model = SLICE("gpt-4o-mini");
        r.cost_nano = i == 3 ? MONEY_UNKNOWN : 1500000 * (i + 1);
        desk_keep(d, &r);
    }
    desk_drain(d);
    const char *dir = d->rig->dir;
    EXPECT_CODE(0, RUN("cost", "report", "--by", "team,day", "--data-dir", dir));
    SAYS(out, "TEAM");
    SAYS(out, "0.004500");
    SAYS(out, "unknown");
    SAYS(out, "TOTAL");
    SAYS(out, "0.009000");
    SAYS(out, "UNPRICED");
    if (strstr(out, "SAVED")) fail_msg("a column of zeros: %s", out);
    SAYS(out, "1 request has no known price and is in no sum");
    EXPECT_CODE(0, RUN("cost", "report", "--by", "team", "--limit", "1", "--from", "-2d", "--data-dir", dir));
    SAYS(out, "(rest)");
    EXPECT_CODE(0, RUN("cost", "report", "--team", "growth", "--json", "--data-dir", dir));
    SAYS(out, "\"total\":{\"count\":2,");
    EXPECT_CODE(0, RUN("cost", "report", "--csv", "--by", "team", "--data-dir", dir));
    SAYS(out, "team,cost_usd,");
    EXPECT_CODE(0, RUN("cost", "report", "--focus", "--data-dir", dir));
    SAYS(out, "All Meters,"); /* these costs were recorded without meters */
    EXPECT_CODE(0, RUN("cost", "report", "--from", "-1m", "--data-dir", dir));
    SAYS(out, "no exchanges in this window");
    EXPECT_CODE(0, RUN("cost", "explain", "--team", "nobody", "--from", "2026-01-02T00:00:00.25Z", "--to", "2026-01-03", "--data-dir", dir));
    SAYS(out, "after:  2026-01-02 00:00:00.25 to 2026-01-03 00:00:00 UTC");
    SAYS(out, "nothing was spent in either window");
    EXPECT_CODE(2, RUN("cost", "report", "--csv", "--json", "--data-dir", dir));
    EXPECT_CODE(2, RUN("cost", "report", "--by", "team,team", "--data-dir", dir));
    EXPECT_CODE(0, RUN("help", "budget"));
    SAYS(out, "[--why TEXT]\n                                        let one kind of work cost more");
    EXPECT_CODE(0, RUN("cost", "explain", "--data-dir", dir));
    SAYS(out, "0.004500 USD before, 0.004500 USD after");
    SAYS(out, "volume");
    EXPECT_CODE(3, RUN("cost", "report", "--data-dir", "/nowhere/at/all"));
}

/* Answers of 100 tokens, a little more or less, and 300 in the last ten of 50 days; a label that would ring. */
static void cost_watch(void **state) {
    struct desk *d = *state;
    const char *dir = d->rig->dir;
    struct record r;
    for (unsigned i = 0; i < 50 * 24; i++) {
        rig_record(&r, DESK_NOW - (int64_t)(50 * 24 - i) * 3600 * SECOND, i);
        r.request_type = SLICE("a\ab");
        r.provider = SLICE("main"), r.target_model = SLICE("gpt-4o-mini");
        r.usage.output = (i < 40 * 24 ? 100 : 300) + (int64_t)(i * 7 % 21) - 10;
        r.charge = (struct charge){1u << CHARGE_OUTPUT, {[CHARGE_OUTPUT] = r.usage.output * 600}};
        r.cost_nano = r.usage.output * 600;
        desk_keep(d, &r);
    }
    desk_drain(d);
    EXPECT_CODE(1, RUN("cost", "anomalies", "--data-dir", dir));
    SAYS(out, "support / a?b: answers grew on 2025-10-29, +");
    SAYS(out, "shifted");
    SAYS(out, "false alarms: on average 365 days or more");
    EXPECT_CODE(1, RUN("cost", "anomalies", "--json", "--data-dir", dir));
    SAYS(out, "\"findings\":1");
    EXPECT_CODE(0, RUN("cost", "anomalies", "--to", "-11d", "--data-dir", dir));
    SAYS(out, "none");
    EXPECT_CODE(0, RUN("cost", "anomalies", "--from", "-4d", "--data-dir", dir));
    SAYS(out, "not enough data");
    EXPECT_CODE(2, RUN("cost", "anomalies", "--timezone", "Nowhere/Else", "--data-dir", dir));
    EXPECT_CODE(0, RUN("cost", "review", "--data-dir", dir));
    SAYS(out, "unknown amount: ask for a commitment on this steady load");
    SAYS(out, "caches, caps and cheaper targets (there is no configuration: name it with --config)");
    EXPECT_CODE(0, RUN("cost", "review", "--application", "nobody", "--data-dir", dir));
    SAYS(out, "not enough data: less than a day of exchanges");
    EXPECT_CODE(0, RUN("cost", "review", "--json", "--data-dir", dir));
    SAYS(out, "\"verdict\":\"actions\"");
}

static void costs_and_files(void **state) {
    struct desk *d = *state;
    const char *dir = d->rig->dir;
    struct record r;
    rig_record(&r, DESK_NOW - 3600 * SECOND, 1);
    r.provider = SLICE("openai"), r.target_model = SLICE("gpt-4o-mini");
    desk_keep(d, &r);
    rig_record(&r, DESK_NOW - 3600 * SECOND, 2);
    r.provider = SLICE("anthropic"), r.target_model = SLICE("claude-haiku-4-5"); /* not on this invoice */
    desk_keep(d, &r);
    desk_drain(d);
    const char *path = config_file(d, "hello world");
    EXPECT_CODE(0, RUN("cost", "count", path, "--model", "gpt-4o-mini"));
    assert_string_equal(out, "2 tokens of gpt-4o-mini (o200k_base, exact)\n");
    EXPECT_CODE(2, RUN("cost", "count", path));
    EXPECT_CODE(3, RUN("cost", "count", "/nowhere", "--model", "gpt-4o"));
    EXPECT_CODE(0, RUN("cost", "count", path, "--model", "claude-x"));
    SAYS(out, "tokens of claude-x (an estimate: by o200k_base; with -c or --server");
    path = config_file(d, "start_time,model,input_tokens,output_tokens,num_model_requests\n1762560000,gpt-4o-mini,100,11,1\n");
    EXPECT_CODE(0, RUN("cost", "reconcile", path, "--data-dir", dir));
    SAYS(out, "2025-11-08 to 2025-11-08 UTC: 1 day and model compared, 0 with gaps");
    path = config_file(d, "start_time,model,input_tokens,output_tokens,num_model_requests\n1762560000,gpt-4o-mini,150,11,1\n");
    EXPECT_CODE(1, RUN("cost", "reconcile", path, "--data-dir", dir));
    SAYS(out, "differs");
    EXPECT_CODE(1, RUN("cost", "reconcile", path, "--json", "--data-dir", dir));
    SAYS(out, "\"gap\":\"differs\"");
    EXPECT_CODE(0, RUN("cost", "reconcile", path, "--tolerance", "50", "--data-dir", dir));
    EXPECT_CODE(2, RUN("cost", "reconcile", path, "--tolerance", "-1", "--data-dir", dir));
    SAYS(err, "expected percent from 0 to 100, found -1");
    EXPECT_CODE(1, RUN("cost", "reconcile", path, "--provider", "opnai", "--data-dir", dir));
    SAYS(err, "no record of these days is of provider `opnai`, did you mean `openai`?");
    path = config_file(d, "colour\nred\n");
    EXPECT_CODE(2, RUN("cost", "reconcile", path, "--data-dir", dir));
}

/* ---- over HTTP ---- */

struct host {
    struct desk *desk;
    struct loop *loop;
    struct http_server *server;
    pthread_t thread;
    char url[64];
    unsigned calls;
};

static void on_request(void *ctx, struct http_request *r) {
    struct host *h = ctx;
    struct api_response answer;
    struct arena arena;
    struct slice bearer = http_request_header(r, "authorization");
    struct api_request q = {.method = r->method, .path = r->path, .query = r->query, .body = r->body, .peer = r->peer};
    if (bearer.len > 7) q.token = slice_make(bearer.at + 7, bearer.len - 7);
    arena_init(&arena, 4096, LIMIT_REPLY_BODY);
    control_answer(&h->desk->s, &q, &arena, &answer);
    struct http_header type = {SLICE("content-type"), slice_of(answer.content_type)};
    http_respond_take(r, answer.status, &type, 1, &answer.body);
    buffer_deinit(&answer.body);
    arena_deinit(&arena);
    h->calls++;
}

static void on_gone(void *ctx, struct http_request *r) { (void)ctx, (void)r; }

static void *run_loop(void *arg) {
    loop_run(arg);
    return NULL;
}

static void open_host(struct host *h, struct desk *d) {
    struct error error = {0};
    struct http_handler handler = {.ctx = h, .on_request = on_request, .on_gone = on_gone};
    struct http_server_options o = {.host = "127.0.0.1", .max_body = 1 << 20, .max_header = 64 << 10, .head_timeout_us = 10 * SECOND,
                                    .body_timeout_us = 10 * SECOND, .idle_timeout_us = 10 * SECOND, .max_connections = 16};
    *h = (struct host){.desk = d, .loop = loop_new(&error)};
    h->server = http_server_new(h->loop, &o, &handler, &error);
    if (!h->server) fail_msg("%s", error.text);
    snprintf(h->url, sizeof h->url, "http://127.0.0.1:%u", http_server_port(h->server));
    assert_int_equal(pthread_create(&h->thread, NULL, run_loop, h->loop), 0);
}

static void close_host(struct host *h) {
    loop_stop(h->loop);
    pthread_join(h->thread, NULL);
    http_server_free(h->server);
    loop_free(h->loop);
}

static void over_http_it_is_the_same(void **state) {
    struct desk *d = *state;
    struct host h;
    static char local[sizeof out];
    fill(d);
    open_host(&h, d);
    EXPECT_CODE(0, RUN("record", "list", "--json", "--data-dir", d->rig->dir));
    memcpy(local, out, sizeof out);
    EXPECT_CODE(0, RUN("record", "list", "--json", "--server", h.url));
    assert_string_equal(out, local);
    assert_int_equal(h.calls, 1);
    EXPECT_CODE(0, RUN("model", "list", "--server", h.url));
    SAYS(out, "open");
    SAYS(out, "75 %");
    EXPECT_CODE(0, RUN("policy", "reload", "--server", h.url));
    SAYS(out, "policy revision 2 is in force");
    d->reload_fault = FAULT_CONFIG;
    EXPECT_CODE(1, RUN("policy", "reload", "--server", h.url));
    SAYS(err, "quarterdeck.yaml:3:1: lisen");
    d->reload_fault = FAULT_NONE;
    assert_int_equal(setenv("QUARTERDECK_URL", h.url, 1), 0);
    EXPECT_CODE(0, RUN("key", "create", "support", "ci"));
    assert_null(strstr(err, "not in force"));
    desk_configure(d, DESK_CONFIG DESK_TOKENS);
    EXPECT_CODE(3, RUN("key", "list"));
    SAYS(err, "QUARTERDECK_TOKEN");
    assert_int_equal(setenv("QUARTERDECK_TOKEN", "viewer-token-0000", 1), 0);
    EXPECT_CODE(0, RUN("key", "list"));
    EXPECT_CODE(3, RUN("key", "revoke", "support", "ci"));
    SAYS(err, "needs the role operator");
    assert_int_equal(setenv("QUARTERDECK_TOKEN", "editor-token-0000", 1), 0);
    EXPECT_CODE(0, RUN("key", "revoke", "support", "ci"));
    close_host(&h);
    EXPECT_CODE(3, RUN("key", "list")); /* a named server is the only one that is asked */
    assert_int_equal(unsetenv("QUARTERDECK_URL"), 0);
    assert_int_equal(unsetenv("QUARTERDECK_TOKEN"), 0);
}

/* A configuration names its server; when that does not answer, its data is read. */
static void a_configuration_leads_to_its_data(void **state) {
    struct desk *d = *state;
    struct host h;
    char text[4096];
    fill(d);
    open_host(&h, d);
    snprintf(text, sizeof text, "listen: %s\ndata_dir: %s\n%s", h.url + strlen("http://"), d->rig->dir, DESK_CONFIG);
    const char *path = config_file(d, text);
    EXPECT_CODE(0, RUN("record", "list", "-c", path));
    assert_int_equal(h.calls, 1);
    close_host(&h);
    EXPECT_CODE(0, RUN("record", "list", "-c", path));
    SAYS(out, "support-chat");
    EXPECT_CODE(0, RUN("model", "list", "-c", path));
    SAYS(out, "gpt-4o-mini");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, desk_setup, desk_teardown)

int main(void) {
    unsetenv("QUARTERDECK_URL");
    unsetenv("QUARTERDECK_TOKEN");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(help), cmocka_unit_test(mistakes), TEST(lists_and_reports), TEST(exports), TEST(keys_and_audit), TEST(checks), TEST(costs), TEST(cost_watch), TEST(costs_and_files),
        TEST(prices), TEST(over_http_it_is_the_same), TEST(a_configuration_leads_to_its_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
