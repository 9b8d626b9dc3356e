/* quarterdeck load: the staging load test, and whether the gateway recorded what was sent. */
#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/money.h"
#include "control/cli_verbs.h"
#include "sim/load_books.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { FILE_MAX = 1 << 30, FIRST_READ = 1 << 16 };

/* What the command line asks for. */
struct asked {
    struct load_options load;
    const char *trace, *json, *compare, *server, *token, *variables;
    bool anthropic, whole, exact, no_exact, totals;
    int64_t requests, max_in_flight, seed, users;
    struct buffer trace_text, compare_text, variables_text;
};

struct run {
    struct loop *loop;
    struct loop_watch signals;
    volatile int stop;
    bool terminal;
};

/* The JSON goes to standard output, and nothing else does. */
static bool prints_json(const struct asked *a) {
    return a->json != NULL && strcmp(a->json, "-") == 0;
}

static int fail(const char *text) {
    fprintf(stderr, "quarterdeck load: %s\n", text);
    return 3;
}

static bool read_file(const char *path, struct buffer *out) {
    FILE *file = fopen(path, "rb");
    size_t n = 1;
    while (file != NULL && n > 0) {
        char *at = buffer_reserve(out, FIRST_READ);
        n = at != NULL ? fread(at, 1, FIRST_READ, file) : 0;
        out->len += n;
    }
    bool good = file != NULL && ferror(file) == 0 && !out->overflow;
    if (!good)
        fprintf(stderr, "quarterdeck load: %s: %s\n", path, out->overflow ? "over 1 GiB" : strerror(errno));
    if (file != NULL) fclose(file);
    return good;
}

/* ---- progress and signals ---- */

static void on_signal(struct loop_watch *w, unsigned events) {
    struct run *run = (struct run *)((char *)w - offsetof(struct run, signals));
    struct signalfd_siginfo info;
    (void)events;
    while (read(w->fd, &info, sizeof info) == (ssize_t)sizeof info) run->stop = 1;
}

static void show_progress(void *ctx, const struct load_result *r) {
    const struct run *run = ctx;
    double p50 = histogram_quantile(&r->all.total, 0.5), p95 = histogram_quantile(&r->all.total, 0.95);
    if (!run->terminal) return;
    fprintf(stderr,
            "\r%6.0f s  sent %llu  ok %llu  failed %llu  under way %llu  p50 %.0f ms  p95 %.0f ms \x1b[K",
            r->seconds, (unsigned long long)r->sent, (unsigned long long)r->ok, (unsigned long long)r->failed,
            (unsigned long long)(r->sent - r->ok - r->failed), p50 < 0 ? 0 : p50 / 1000,
            p95 < 0 ? 0 : p95 / 1000);
}

/* ---- what the gateway recorded ---- */

/* False: the gateway's books do not show what was sent. */
static bool compare_books(const struct asked *a, const struct load_result *r, const struct load_books *t) {
    char cost[MONEY_TEXT];
    FILE *out = prints_json(a) ? stderr : stdout;
    bool equal =
        t->count == (int64_t)r->sent && t->input == r->all.input_tokens && t->output == r->all.output_tokens;
    money_format(t->cost_nano, cost);
    fprintf(out,
            "\nrecorded by the gateway: %lld records, %lld tokens in, %lld tokens out, cost %s%s (%lld "
            "unpriced)\n",
            (long long)t->count, (long long)t->input, (long long)t->output,
            money_is_known(t->cost_nano) ? cost : "unknown", money_is_known(t->cost_nano) ? " USD" : "",
            (long long)t->unpriced);
    if (equal) fprintf(out, "that is what was sent and answered\n");
    else
        fprintf(
            out,
            "that DIFFERS from what was sent and answered: %llu requests, %lld tokens in, %lld tokens out\n",
            (unsigned long long)r->sent, (long long)r->all.input_tokens, (long long)r->all.output_tokens);
    return equal;
}

/* ---- the report ---- */

static bool is_exact(const struct asked *a, const struct load_result *r) {
    if (!a->load.exact || r->failed > 0) return true;
    return r->all.input_tokens == r->expected_input_tokens &&
           r->all.output_tokens == r->expected_output_tokens;
}

static int write_json(const struct asked *a, const struct load_result *r) {
    struct buffer out;
    int code = 0;
    buffer_init(&out, 4 << 20);
    load_write_json(&a->load, r, &out);
    buffer_byte(&out, '\n');
    bool standard = prints_json(a);
    FILE *file = standard ? stdout : fopen(a->json, "wb");
    if (file == NULL || fwrite(out.at, 1, out.len, file) != out.len) code = fail(strerror(errno));
    if (file != NULL && !standard && fclose(file) != 0) code = fail(strerror(errno));
    buffer_deinit(&out);
    return code;
}

static int report(const struct asked *a, const struct load_result *r) {
    struct buffer out;
    struct error error;
    int code = 0;
    if (a->json != NULL) code = write_json(a, r);
    if (code != 0 || prints_json(a)) return code;
    buffer_init(&out, 1 << 20);
    if (load_write_table(r, a->compare != NULL ? buffer_slice(&a->compare_text) : SLICE_NULL, &out, &error) !=
        FAULT_NONE)
        code = fail(error.text);
    else fwrite(out.at, 1, out.len, stdout);
    buffer_deinit(&out);
    if (!is_exact(a, r))
        printf("reported usage differs from what was asked for: %lld tokens in of %lld, %lld out of %lld\n",
               (long long)r->all.input_tokens, (long long)r->expected_input_tokens,
               (long long)r->all.output_tokens, (long long)r->expected_output_tokens);
    return code;
}

/* The gateway's sums and costs once they are all there. */
static enum fault read_books(const struct load_books_query *q, const struct load_books *before,
                             struct load_result *r, struct load_books *ret, struct error *error) {
    enum fault f = load_books_settled(q, before, r->sent, ret, error);
    return f == FAULT_NONE ? load_books_costs(q, r, error) : f;
}

static int run_load(struct asked *a, struct run *run) {
    struct error error = {0};
    struct load_result result;
    struct load_books before = {0}, after = {0};
    struct load_books_query q = {a->server != NULL ? a->server : a->load.url, a->token, a->load.model,
                                 a->load.request_type, clock_wall_us()};
    if (a->totals && load_books_sums(&q, &before, &error) != FAULT_NONE) return fail(error.text);
    if (load_run(run->loop, &a->load, &run->stop, show_progress, run, &result, &error) != FAULT_NONE)
        return fail(error.text);
    if (run->terminal) fprintf(stderr, "\r\x1b[K");
    enum fault f = a->totals ? read_books(&q, &before, &result, &after, &error) : FAULT_NONE;
    int code = report(a, &result);
    bool good = result.failed == 0 && result.not_sent == 0 && result.sent > 0 && is_exact(a, &result);
    if (f != FAULT_NONE) code = fail(error.text);
    else if (a->totals && code == 0) good = compare_books(a, &result, &after) && good;
    load_result_deinit(&result);
    return code != 0 ? code : good ? 0 : 1;
}

/* ---- the command line ---- */

/* Puts the options together; 0 or the exit code. */
static int check_options(struct asked *a, int positional) {
    struct load_options *o = &a->load;
    const char *mistake = NULL;
    if ((o->model == NULL) == (o->prompt == NULL)) mistake = "expected one of --model and --prompt";
    if (a->variables != NULL && o->prompt == NULL) mistake = "--vars are a prompt's: expected --prompt";
    if (o->prompt != NULL && (a->exact || a->totals)) mistake = "--exact and --totals are of requests with a model";
    if (a->users < 0) mistake = "expected numbers from 0";
    if (a->trace == NULL && !(o->rate > 0)) mistake = "expected --trace FILE or --rate N";
    if (a->trace != NULL && o->rate > 0) mistake = "expected one of --trace and --rate";
    if (!(o->speed > 0) || !(o->context_growth > 0))
        mistake = "expected --speed and --context-growth above 0";
    if (a->trace == NULL && a->requests == 0 && o->duration_us == 0)
        mistake = "a rate needs --requests or --duration";
    if (a->requests < 0 || a->max_in_flight < 0 || o->input_tokens < 0 || o->output_tokens < 0)
        mistake = "expected numbers from 0";
    if (positional > 0) mistake = "no arguments are expected beside the options";
    if (mistake != NULL) {
        fprintf(stderr, "quarterdeck load: %s (see quarterdeck load --help)\n", mistake);
        return 2;
    }
    if (a->trace != NULL && !read_file(a->trace, &a->trace_text)) return 3;
    if (a->compare != NULL && !read_file(a->compare, &a->compare_text)) return 3;
    if (a->variables != NULL && !read_file(a->variables, &a->variables_text)) return 3;
    if (a->variables != NULL) o->variables = a->variables_text.len > 0 ? buffer_slice(&a->variables_text) : SLICE("");
    o->variables_name = a->variables;
    o->users = (uint64_t)a->users;
    if (a->trace != NULL) o->trace = a->trace_text.len > 0 ? buffer_slice(&a->trace_text) : SLICE("");
    o->trace_name = a->trace;
    o->anthropic = a->anthropic;
    o->stream = !a->whole;
    o->exact = a->exact || (a->trace != NULL && !a->no_exact && o->prompt == NULL);
    o->requests = (uint64_t)a->requests;
    o->max_in_flight = (unsigned)a->max_in_flight;
    o->seed = (uint64_t)a->seed;
    a->totals |= a->token != NULL && o->prompt == NULL;
    if (a->totals && o->request_type == NULL) o->request_type = "load";
    return 0;
}

/* One option: name, letter, type, where its value goes, what stands for the value, what it is. */
#define ROW(n, l, t, v, m, h)                                                                                \
    { .name = (n), .letter = (l), .type = OPTION_##t, .value = (v), .metavar = (m), .help = (h) }

static int parse(int argc, char **argv, struct asked *a) {
    struct load_options *o = &a->load;
    int positional;
    const struct option_spec specs[] = {
        ROW("url", 'u', TEXT, &o->url, "URL", "the gateway, or any provider"),
        ROW("key", 'k', TEXT, &o->key, "KEY", "API key; else QUARTERDECK_KEY"),
        ROW("model", 'm', TEXT, &o->model, "NAME", "model to ask for"),
        ROW("anthropic", 0, FLAG, &a->anthropic, NULL, "speak Anthropic's dialect, not OpenAI's"),
        ROW("no-stream", 0, FLAG, &a->whole, NULL, "ask for whole answers"),
        ROW("trace", 't', TEXT, &a->trace, "FILE", "arrivals and tokens from a CSV trace"),
        ROW("rate", 'r', NUMBER, &o->rate, "N", "requests a second, at random, instead of a trace"),
        ROW("speed", 0, NUMBER, &o->speed, "X", "divides the trace's gaps"),
        ROW("context-growth", 0, NUMBER, &o->context_growth, "X",
            "multiplies input tokens: 1.3 is next quarter"),
        ROW("input", 0, INTEGER, &o->input_tokens, "N", "input tokens of each request at a --rate; 0: drawn"),
        ROW("output", 0, INTEGER, &o->output_tokens, "N",
            "output tokens of each request at a --rate; 0: drawn"),
        ROW("exact", 0, FLAG, &a->exact, NULL,
            "prompts tell the simulator what to count (default with --trace)"),
        ROW("no-exact", 0, FLAG, &a->no_exact, NULL, "not with --trace either"),
        ROW("requests", 'n', INTEGER, &a->requests, "N", "stop after so many; 0: all of the trace"),
        ROW("duration", 'd', DURATION, &o->duration_us, "TIME", "stop sending after this long"),
        ROW("timeout", 0, DURATION, &o->timeout_us, "TIME", "a request that takes longer has failed"),
        ROW("max-in-flight", 0, INTEGER, &a->max_in_flight, "N", "requests at a time; more are not sent"),
        ROW("request-type", 0, TEXT, &o->request_type, "NAME", "label of the requests"),
        ROW("user", 0, TEXT, &o->user, "NAME", "label of the requests"),
        ROW("prompt", 'p', TEXT, &o->prompt, "NAME", "name this prompt instead of a model (name, name@V, name@label)"),
        ROW("vars", 0, TEXT, &a->variables, "FILE", "the prompt's variables: JSON lines, taken in turn"),
        ROW("users", 0, INTEGER, &a->users, "N", "each request is of one of so many users, at random"),
        ROW("seed", 's', INTEGER, &a->seed, "N", "of arrivals and prompts"),
        ROW("totals", 0, FLAG, &a->totals, NULL, "compare with what the gateway recorded"),
        ROW("server", 0, TEXT, &a->server, "URL", "the gateway's control plane, where it is another address"),
        ROW("token", 0, TEXT, &a->token, "TOKEN", "operator token for --totals; else QUARTERDECK_TOKEN"),
        ROW("json", 0, TEXT, &a->json, "FILE", "write the result as JSON; - for standard output"),
        ROW("compare", 0, TEXT, &a->compare, "FILE", "show the ratio to a former run's JSON"),
    };
    int code = options_parse(argc, argv, specs, sizeof specs / sizeof specs[0], "quarterdeck load [options]",
                             &positional);
    if (code >= 0) return code;
    code = check_options(a, positional);
    return code > 0 ? code : -1;
}

int cli_load(int argc, char **argv) {
    struct asked a = {.load = {.url = getenv("QUARTERDECK_URL"),
                               .key = getenv("QUARTERDECK_KEY"),
                               .speed = 1,
                               .context_growth = 1},
                      .max_in_flight = 20000,
                      .seed = 1};
    struct run run = {.terminal = isatty(STDERR_FILENO) == 1};
    struct error error = {0};
    if (a.load.url == NULL) a.load.url = "http://127.0.0.1:4000";
    a.load.timeout_us = 120 * 1000000;
    buffer_init(&a.trace_text, FILE_MAX);
    buffer_init(&a.compare_text, FILE_MAX);
    buffer_init(&a.variables_text, FILE_MAX);
    int code = parse(argc, argv, &a);
    if (a.token == NULL) a.token = getenv("QUARTERDECK_TOKEN");
    if (code < 0 && !digest_start()) code = fail("the system has no random source");
    if (code < 0) {
        run.loop = loop_new(&error);
        if (run.loop == NULL || loop_watch_interrupts(run.loop, &run.signals, on_signal, &error) != FAULT_NONE) code = fail(error.text);
        else code = run_load(&a, &run);
    }
    if (run.signals.ready != NULL) {
        loop_watch_stop(run.loop, &run.signals);
        close(run.signals.fd);
    }
    loop_free(run.loop);
    buffer_deinit(&a.trace_text);
    buffer_deinit(&a.compare_text);
    buffer_deinit(&a.variables_text);
    return code;
}
