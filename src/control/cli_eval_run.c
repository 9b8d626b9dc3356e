/* `quarterdeck eval run`: what is typed, and what is told at the end. */
#include "control/cli_eval_run.h"

#include "base/clock.h"
#include "base/mem.h"
#include "control/cli_eval_send.h"

#include <stdio.h>
#include <stdlib.h>

#define USAGE "quarterdeck eval run SUITE [options]"
#define JOB_ROOM (12 * (size_t)LIMIT_SUITE_FILE)

/* ---- the command that goes on with it ---- */

static void add_quoted(struct buffer *b, const char *word) {
    bool plain = *word != 0;
    for (const char *at = word; *at; at++)
        plain &= (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || (*at >= '0' && *at <= '9') || strchr("-_./=:@,+%", *at) != NULL;
    if (plain) {
        buffer_append(b, slice_of(word));
        return;
    }
    buffer_byte(b, '\'');
    for (const char *at = word; *at; at++) buffer_append(b, *at == '\'' ? SLICE("'\\''") : slice_make(at, 1));
    buffer_byte(b, '\'');
}

/* As typed, without the key, and without --new, which would begin another. */
static const char *same_again(struct arena *arena, int argc, char **argv) {
    struct buffer b;
    buffer_init(&b, 64 << 10);
    buffer_append(&b, SLICE("quarterdeck eval run"));
    for (int i = 0; i < argc; i++) {
        bool key = strcmp(argv[i], "--key") == 0;
        i += key;
        if (key || strncmp(argv[i], "--key=", 6) == 0 || strcmp(argv[i], "--new") == 0) continue;
        buffer_byte(&b, ' ');
        add_quoted(&b, argv[i]);
    }
    const char *text = arena_text(arena, buffer_slice(&b));
    buffer_deinit(&b);
    return text ? text : "the same command again";
}

/* ---- reading the order ---- */

static int mistake(const char *words, const char *found) {
    fprintf(stderr, "quarterdeck eval run: %s, found %s (see quarterdeck eval run --help)\n", words, found);
    return 2;
}

static int check_order(struct eval_order *o) {
    char text[32];
    int64_t number;
    snprintf(text, sizeof text, "%lld", (long long)(o->repeat < 0 || o->repeat > LIMIT_SUITE_REPEAT ? o->repeat : o->concurrency));
    if (o->repeat < 0 || o->repeat > LIMIT_SUITE_REPEAT) return mistake("--repeat: expected 1 to 1000", text);
    if (o->concurrency < 1 || o->concurrency > LIMIT_EVAL_CONCURRENT) return mistake("--concurrency: expected 1 to 256", text);
    if (o->max_cost && (!money_parse(slice_of(o->max_cost), 9, &o->max_cost_nano) || o->max_cost_nano <= 0))
        return mistake("--max-cost: expected US dollars above 0, such as 2.50", o->max_cost);
    if (o->resume && o->fresh) return mistake("expected --resume or --new", "both");
    struct slice run = slice_of(o->resume);
    if (slice_starts(run, SLICE("run-"))) run = slice_make(run.at + 4, run.len - 4);
    if (o->resume && (!slice_to_i64(run, &number) || number < 1)) return mistake("--resume: expected a run such as run-12", o->resume);
    for (unsigned i = 0; i < o->outs.n; i++)
        if (!cli_eval_report_known(o->outs.values[i]))
            return mistake("--out: expected a file whose name ends in .json, .jsonl, .html, .junit.xml or .md", o->outs.values[i]);
    if (o->key && *o->key) return -1;
    fprintf(stderr, "quarterdeck: the cases are asked as an application asks, with its key: --key KEY or QUARTERDECK_KEY.\n"
                    "To make one: quarterdeck key create APPLICATION NAME\n");
    return 2;
}

static int read_order(int argc, char **argv, struct eval_order *o) {
    int n;
    o->filters.name = "filter";
    o->outs.name = "out";
    if (!cli_eval_take_several(&o->filters, &argc, argv) || !cli_eval_take_several(&o->outs, &argc, argv)) return 2;
    const char *none = NULL, *also = NULL;
    const struct option_spec specs[] = {
        {.name = "prompt", .letter = 'p', .type = OPTION_TEXT, .value = &o->prompt, .metavar = "NAME", .help = "a file, the name of one beside the suite, or NAME@V of a registered one, in place of the suite's"},
        {.name = "model", .letter = 'm', .type = OPTION_TEXT, .value = &o->model, .metavar = "MODEL", .help = "in place of the suite's or the prompt's"},
        {.name = "repeat", .letter = 'r', .type = OPTION_INTEGER, .value = &o->repeat, .metavar = "N", .help = "runs of each case, in place of the suite's"},
        {.name = "filter", .type = OPTION_TEXT, .value = &none, .metavar = "EXPR", .help = "tag=safety, id=reset-*, failing=run-11, errors=run-11, first=10, sample=50; several must all hold"},
        {.name = "max-cost", .type = OPTION_TEXT, .value = &o->max_cost, .metavar = "USD", .help = "no new case is asked once this is spent, judges included"},
        {.name = "out", .letter = 0, .type = OPTION_TEXT, .value = &also, .metavar = "FILE", .help = "a report too: .json, .jsonl, .html, .junit.xml or .md; may be given several times"},
        {.name = "key", .type = OPTION_TEXT, .value = &o->key, .metavar = "KEY", .help = "of the application as which the cases are asked; QUARTERDECK_KEY"},
        {.name = "concurrency", .type = OPTION_INTEGER, .value = &o->concurrency, .metavar = "N", .help = "exchanges at once, at most 256"},
        {.name = "timeout", .type = OPTION_DURATION, .value = &o->timeout_us, .metavar = "TIME", .help = "of one exchange"},
        {.name = "patience", .type = OPTION_DURATION, .value = &o->patience_us, .metavar = "TIME", .help = "how long a server that is away is waited for"},
        {.name = "resume", .type = OPTION_TEXT, .value = &o->resume, .metavar = "RUN", .help = "go on with this one (without it: with the unfinished run of the same command, if there is one)"},
        {.name = "new", .type = OPTION_FLAG, .value = &o->fresh, .help = "begin another run"},
        {.name = "server", .type = OPTION_TEXT, .value = &o->server, .metavar = "URL", .help = "the running server; QUARTERDECK_URL"},
        {.name = "gateway", .type = OPTION_TEXT, .value = &o->gateway, .metavar = "URL", .help = "where applications connect, when the control plane is elsewhere"},
        {.name = "config", .letter = 'c', .type = OPTION_TEXT, .value = &o->config, .metavar = "FILE", .help = "says where the server is; when none answers there, one is started for the run"},
        {.name = "json", .type = OPTION_FLAG, .value = &o->json, .help = "the result as one JSON object, and nothing else on standard output"},
    };
    int code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, USAGE, &n);
    if (code < 0) code = cli_expect(USAGE, n, 1, 1);
    if (code >= 0) return code;
    o->suite = argv[0];
    if (!o->key) o->key = getenv("QUARTERDECK_KEY"); /* not before: --help shows defaults */
    return check_order(o);
}

/* ---- the end ---- */

/* Until the server has heard it: what is there already is its answer when it is said twice. */
static int end_run(struct eval_job *j, const char *stopped, struct client_answer *ret) {
    struct buffer body;
    struct json_writer w;
    struct error error = {.fault = FAULT_NONE};
    enum fault fault;
    int64_t until = clock_us() + j->o.patience_us, pause = 200000;
    buffer_init(&body, 64 << 10);
    json_start(&w, &body);
    json_object(&w);
    json_member_text(&w, "state", *stopped ? "stopped" : "finished");
    json_member_text(&w, "why", *stopped ? stopped : NULL);
    json_member_text(&w, "owner", j->owner);
    json_object_end(&w);
    for (;;) {
        buffer_clear(&ret->body);
        fault = eval_post(j->server, j->run, "end", buffer_slice(&body), 120000000, &ret->status, &ret->body, &error);
        if (fault == FAULT_NONE && ret->status < 500) break;
        if (clock_us() + pause > until) break;
        clock_sleep_us(pause);
        pause = pause < 3000000 ? 2 * pause : pause;
    }
    buffer_deinit(&body);
    if (json_read(buffer_slice(&ret->body), &ret->arena, UINT16_MAX, &ret->doc, NULL) != FAULT_NONE) ret->doc = (struct json_doc){.count = 0};
    if (fault == FAULT_NONE && ret->status == 200 && ret->doc.count > 0) return -1;
    struct slice words = ret->doc.count > 0 ? cli_value(ret, 0, "error.message") : SLICE_NULL;
    fprintf(stderr, "quarterdeck: %s has all its results, but was not ended: %.*s\nto end it: %s\n", j->run,
            slice_is_null(words) ? (int)strlen(error.text) : (int)words.len, slice_is_null(words) ? error.text : words.at, j->o.again);
    return 3;
}

static int write_reports(struct eval_job *j) {
    int code = -1;
    for (unsigned i = 0; i < j->o.outs.n && code < 0; i++) {
        code = cli_eval_report(j->client, j->run, &j->suite, j->o.outs.values[i]);
        if (code < 0) fprintf(stderr, "report: %s\n", j->o.outs.values[i]);
    }
    return code;
}

static int conclude(struct eval_job *j, const char *stopped) {
    struct client_answer a;
    client_answer_init(&a);
    int code = end_run(j, stopped, &a);
    if (code < 0 && j->o.json) cli_print_json(&a);
    else if (code < 0) cli_eval_tell(j->client, &a, 0);
    if (code < 0) code = write_reports(j);
    if (code < 0) code = cli_eval_exit(cli_value(&a, 0, "verdict"));
    client_answer_deinit(&a);
    return code;
}

int cli_eval_run(int argc, char **argv) {
    struct eval_job j = {.o = {.concurrency = 32, .timeout_us = 120000000, .patience_us = 60000000, .max_cost_nano = -1}};
    char stopped[EVAL_STOPPED_TEXT] = "";
    arena_init(&j.arena, 1 << 20, JOB_ROOM);
    j.o.again = same_again(&j.arena, argc, argv);
    int code = read_order(argc, argv, &j.o);
    if (code < 0 && !digest_start()) code = 3;
    if (code < 0) code = eval_find_server(&j);
    if (code < 0) code = eval_begin_run(&j);
    if (code < 0) code = eval_run_engine(&j, stopped);
    if (code < 0) code = conclude(&j, stopped);
    if (j.begun.body.max > 0) client_answer_deinit(&j.begun);
    client_close(j.client);
    private_server_stop(j.private_server);
    suite_deinit(&j.suite);
    mem_free(j.chosen);
    mem_free(j.server);
    mem_free(j.gateway);
    arena_deinit(&j.arena);
    return code;
}
