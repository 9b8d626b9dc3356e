/* What came of a run, for people. */
#include "control/cli_eval.h"

#include "base/utf8.h"
#include "quality/summary.h"

#include <math.h>
#include <stdio.h>

#define USAGE "quarterdeck eval show RUN [options]"
#define CASES_TOLD 10   /* that fail, and that end in an error */
#define LOOKED_AT 200   /* results that are looked through for them */
#define EXCERPT 160     /* bytes of a reason */

enum sheet_color cli_eval_color(struct slice verdict) {
    if (slice_is(verdict, "passed") || slice_is(verdict, "pass")) return SHEET_GOOD;
    if (slice_is(verdict, "failed") || slice_is(verdict, "fail")) return SHEET_BAD;
    return slice_is_null(verdict) ? SHEET_DIM : SHEET_WARN;
}

int cli_eval_exit(struct slice verdict) { return slice_is(verdict, "passed") ? 0 : 1; }

/* ---- numbers ---- */

const char *cli_eval_percent(double share, char text[CLI_EVAL_PERCENT]) {
    struct buffer b;
    buffer_init(&b, 256);
    summary_percent(&b, share, NAN);
    snprintf(text, CLI_EVAL_PERCENT, SLICE_FMT " %%", SLICE_ARG(buffer_slice(&b)));
    buffer_deinit(&b);
    return text;
}

/* False: it is not known. */
static bool say_percent(struct buffer *out, struct client_answer *a, uint32_t number) {
    double x;
    if (!json_get_double(&a->doc, number, &x)) return false;
    summary_percent(out, x, NAN);
    buffer_append(out, SLICE(" %"));
    return true;
}

/* "71.6 to 99.5 %" */
static bool say_interval(struct buffer *out, struct client_answer *a, uint32_t list) {
    double low;
    if (!json_get_double(&a->doc, json_item(&a->doc, list, 0), &low)) return false;
    summary_percent(out, low, NAN);
    buffer_append(out, SLICE(" to "));
    return say_percent(out, a, json_item(&a->doc, list, 1));
}

/* "75 % (corrected 81.2 %)" */
static bool say_tag(struct buffer *out, struct client_answer *a, uint32_t tag) {
    double x;
    if (!say_percent(out, a, cli_at(a, tag, "pass_rate"))) return false;
    if (json_get_double(&a->doc, cli_at(a, tag, "corrected.pass_rate"), &x)) {
        buffer_append(out, SLICE(" (corrected "));
        say_percent(out, a, cli_at(a, tag, "corrected.pass_rate"));
        buffer_byte(out, ')');
    } else if (slice_is(cli_value(a, tag, "corrected.judged"), "uncalibrated")) buffer_append(out, SLICE(" (by an uncalibrated judge)"));
    return true;
}

/* "-" when it is not known. */
static void put_said(struct sheet *s, struct client_answer *a, uint32_t at, bool (*say)(struct buffer *out, struct client_answer *a, uint32_t at)) {
    struct buffer text;
    buffer_init(&text, 256);
    sheet_put(s, say(&text, a, at) ? buffer_slice(&text) : SLICE_NULL);
    buffer_deinit(&text);
}

static int64_t whole(struct client_answer *a, uint32_t node, const char *path) {
    int64_t n = 0;
    (void)json_get_i64(&a->doc, cli_at(a, node, path), &n);
    return n;
}

/* One line of what a model or a program may have said. */
static void print_clean(struct slice text, size_t most) {
    struct buffer b;
    bool cut = text.len > most;
    if (cut) text.len = utf8_cut(text, most);
    buffer_init(&b, 1 << 20);
    while (text.len > 0) { /* lines side by side */
        struct slice line;
        slice_cut(text, '\n', &line, &text);
        sheet_clean(&b, slice_trim(line));
        if (slice_trim(text).len > 0) buffer_byte(&b, ' ');
    }
    printf(SLICE_FMT "%s", SLICE_ARG(buffer_slice(&b)), cut ? "..." : "");
    buffer_deinit(&b);
}

/* ---- the parts ---- */

static void tell_verdict(struct client_answer *a, uint32_t node) {
    static const char *const words[] = {"PASSED", "FAILED", "NOT ENOUGH EVIDENCE"};
    struct slice verdict = cli_value(a, node, "verdict"), prompt = cli_value(a, node, "prompt"), model = cli_value(a, node, "model");
    int at = slice_is(verdict, "passed") ? 0 : slice_is(verdict, "failed") ? 1 : 2;
    printf("%s%s%s  ", sheet_color_on(stdout, cli_eval_color(verdict)), words[at], sheet_color_off(stdout));
    print_clean(cli_value(a, node, "why"), 2000);
    printf("\n\n" SLICE_FMT ": suite ", SLICE_ARG(cli_value(a, node, "run")));
    print_clean(cli_value(a, node, "suite"), EXCERPT);
    printf(" version " SLICE_FMT, SLICE_ARG(cli_value(a, node, "suite_version")));
    if (!slice_is_null(prompt)) printf(", prompt ");
    print_clean(prompt, EXCERPT);
    if (!slice_is_null(model)) printf(", model ");
    print_clean(model, EXCERPT);
    struct slice chosen = cli_value(a, node, "chosen");
    if (!slice_is_null(chosen)) printf(", only ");
    print_clean(chosen, EXCERPT);
    printf("\n");
}

static void tell_count(int64_t n, const char *what) { printf(", %lld %s%s", (long long)n, what, n == 1 ? "" : "s"); }

static void tell_rate(struct client_answer *a, uint32_t node) {
    struct buffer b;
    buffer_init(&b, 4 << 10);
    buffer_append(&b, SLICE("pass rate "));
    if (!say_percent(&b, a, cli_at(a, node, "pass_rate"))) buffer_append(&b, SLICE("unknown: no run could tell"));
    else {
        buffer_append(&b, SLICE(" (95 % interval "));
        say_interval(&b, a, cli_at(a, node, "interval"));
        buffer_append(&b, SLICE(")"));
    }
    printf(SLICE_FMT, SLICE_ARG(buffer_slice(&b)));
    buffer_deinit(&b);
    struct slice cost = cli_value(a, node, "cost_usd");
    tell_count(whole(a, node, "cases"), "case");
    tell_count(whole(a, node, "runs"), "run");
    tell_count(whole(a, node, "errors"), "error");
    printf(", cost ");
    printf(slice_is_null(cost) ? "unknown%.*s\n" : SLICE_FMT " USD\n", SLICE_ARG(cost));
}

/* As people would have passed it, by what their labels say of the judge. */
static void tell_corrected(struct client_answer *a, uint32_t at) {
    struct buffer b;
    if (json_type(&a->doc, at) != JSON_OBJECT) return;
    buffer_init(&b, 4 << 10);
    buffer_append(&b, SLICE("corrected for the judge's errors: "));
    if (say_percent(&b, a, cli_at(a, at, "pass_rate"))) {
        buffer_append(&b, SLICE(" (95 % interval "));
        say_interval(&b, a, cli_at(a, at, "interval"));
        buffer_append(&b, SLICE(")"));
    } else {
        buffer_append(&b, SLICE("not possible, "));
        buffer_append(&b, cli_value(a, at, "why"));
    }
    printf(SLICE_FMT "\n", SLICE_ARG(buffer_slice(&b)));
    buffer_deinit(&b);
}

static void tell_requirements(struct client_answer *a, uint32_t list) {
    static const char *const headers[] = {"", "REQUIRED", ">FOUND", "WHY"};
    uint32_t at = JSON_NONE, one;
    struct sheet s;
    sheet_init(&s, headers, 4);
    while (json_each_item(&a->doc, list, &at, &one)) {
        struct slice answer = cli_value(a, one, "answer");
        bool yes = slice_is(answer, "yes"), no = slice_is(answer, "no");
        sheet_put(&s, yes ? SLICE("  yes") : no ? SLICE("  no") : SLICE("  not enough"));
        sheet_paint(&s, yes ? SHEET_GOOD : no ? SHEET_BAD : SHEET_WARN);
        cli_put(&s, a, one, "text");
        put_said(&s, a, cli_at(a, one, "value"), say_percent);
        cli_put(&s, a, one, "why");
    }
    printf("\nrequirements\n");
    sheet_write(&s, stdout, false);
    sheet_deinit(&s);
}

static void tell_tags(struct client_answer *a, uint32_t tags) {
    static const char *const headers[] = {"  TAG", ">PASS RATE", "95 %", ">CASES", ">RUNS", ">ERRORS"};
    uint32_t at = JSON_NONE, key, tag;
    struct sheet s;
    sheet_init(&s, headers, 6);
    while (json_each_member(&a->doc, tags, &at, &key, &tag)) {
        struct slice name = json_string(&a->doc, key, &a->arena);
        sheet_print_cell(&s, "  " SLICE_FMT, SLICE_ARG(name));
        put_said(&s, a, tag, say_tag);
        put_said(&s, a, cli_at(a, tag, "interval"), say_interval);
        cli_put(&s, a, tag, "cases");
        cli_put(&s, a, tag, "runs");
        cli_put(&s, a, tag, "errors");
    }
    if (sheet_rows(&s) > 0) {
        printf("\nby tag\n");
        sheet_write(&s, stdout, true);
    }
    sheet_deinit(&s);
}

static void tell_judges(struct client_answer *a, uint32_t list) {
    uint32_t at = JSON_NONE, one;
    while (json_each_item(&a->doc, list, &at, &one)) {
        if (!slice_is(cli_value(a, one, "calibration"), "uncalibrated")) continue;
        struct slice name = cli_value(a, one, "judge");
        printf("\njudge ");
        print_clean(name, EXCERPT);
        printf(": its verdicts count as it says them, since ");
        print_clean(cli_value(a, one, "calibration_why"), EXCERPT);
        printf(" (`quarterdeck eval judge calibrate`)\n");
    }
}

/* ---- cases ---- */

struct cases {
    bool errors;
    unsigned n, looked_at;
    char last[256]; /* results of one case come one after the other */
    unsigned times;
};

static struct slice first_reason(const struct result *r, bool errors, struct slice *ret_type) {
    *ret_type = SLICE_NULL;
    if (errors && !slice_is_null(r->error)) return r->error;
    for (unsigned i = 0; i < r->n_checks; i++) {
        if (r->checks[i].verdict != (errors ? CHECK_ERROR : CHECK_FAIL)) continue;
        *ret_type = r->checks[i].type;
        return r->checks[i].reason;
    }
    return SLICE("the score is below the case's threshold");
}

static bool tell_case(void *ctx, const struct result *r, const struct json_doc *d, uint32_t node) {
    struct cases *c = ctx;
    struct slice type, reason = first_reason(r, c->errors, &type);
    char id[sizeof c->last];
    (void)d;
    (void)node;
    snprintf(id, sizeof id, SLICE_FMT, SLICE_ARG(r->case_id));
    bool same = c->n > 0 && strcmp(id, c->last) == 0;
    c->looked_at++;
    if (same) return c->looked_at < LOOKED_AT;
    if (c->n == CASES_TOLD) {
        printf("  ...\n");
        return false;
    }
    if (c->n == 0) printf(c->errors ? "\nerrors, which count neither as passed nor as failed\n" : "\nfailing cases, each with its first reason\n");
    snprintf(c->last, sizeof c->last, "%s", id);
    c->n++;
    printf("  ");
    print_clean(slice_of(id), EXCERPT);
    printf(": ");
    if (!slice_is_null(type)) printf(SLICE_FMT ": ", SLICE_ARG(type));
    print_clean(reason, EXCERPT);
    if (!c->errors && !slice_is_null(r->output)) {
        printf("\n      answer: ");
        print_clean(r->output, EXCERPT);
    }
    printf("\n");
    return c->looked_at < LOOKED_AT;
}

static void tell_next(struct client_answer *a, uint32_t node) {
    struct slice run = cli_value(a, node, "run"), suite = cli_value(a, node, "suite");
    bool only_errors = whole(a, node, "failed") == 0 && whole(a, node, "errors") > 0;
    printf("\nquarterdeck eval show " SLICE_FMT " --results %s\n", SLICE_ARG(run), only_errors ? "errors" : "failing");
    printf("quarterdeck eval show " SLICE_FMT " --out report.html\n", SLICE_ARG(run));
    printf("quarterdeck eval history ");
    print_clean(suite, EXCERPT);
    printf("\n");
}

void cli_eval_tell(struct client *client, struct client_answer *a, uint32_t node) {
    struct cases failing = {.errors = false}, errors = {.errors = true};
    struct slice run = cli_value(a, node, "run");
    const char *name = arena_text(&a->arena, run);
    tell_verdict(a, node);
    tell_rate(a, node);
    tell_corrected(a, cli_at(a, node, "corrected"));
    tell_requirements(a, cli_at(a, node, "requirements"));
    tell_tags(a, cli_at(a, node, "by_tag"));
    tell_judges(a, cli_at(a, node, "judges"));
    fflush(stdout);
    if (name && whole(a, node, "failed") > 0) (void)!cli_eval_results(client, name, "fail", 20, tell_case, &failing);
    if (name && whole(a, node, "errors") > 0) (void)!cli_eval_results(client, name, "error", 20, tell_case, &errors);
    tell_next(a, node);
}

/* ---- show ---- */

static bool print_result(void *ctx, const struct result *r, const struct json_doc *d, uint32_t node) {
    (void)d;
    (void)node;
    bool *any = ctx;
    static const char *const verdicts[] = {[CHECK_PASS] = "pass", [CHECK_FAIL] = "fail", [CHECK_ERROR] = "error"};
    printf("%s%s%s  ", sheet_color_on(stdout, cli_eval_color(slice_of(verdicts[r->verdict]))), verdicts[r->verdict], sheet_color_off(stdout));
    print_clean(r->case_id, 4 * EXCERPT);
    printf("  repeat %u  score %.2f", r->repeat, r->score);
    if (!slice_is_null(r->record)) printf("  record " SLICE_FMT, SLICE_ARG(r->record));
    printf("\n");
    for (unsigned i = 0; i < r->n_checks; i++) {
        if (r->checks[i].verdict == CHECK_PASS) continue;
        printf("  %s " SLICE_FMT ": ", verdicts[r->checks[i].verdict], SLICE_ARG(r->checks[i].type));
        print_clean(r->checks[i].reason, 16 * EXCERPT);
        printf("\n");
    }
    if (!slice_is_null(r->error)) printf("  ");
    print_clean(r->error, 16 * EXCERPT);
    printf("%s  answer: ", slice_is_null(r->error) ? "" : "\n");
    print_clean(slice_is_null(r->output) ? SLICE("none") : r->output, 16 * EXCERPT);
    printf("\n");
    *any = true;
    return true;
}

static bool json_result(void *ctx, const struct result *r, const struct json_doc *d, uint32_t node) {
    struct slice raw = json_raw(d, node);
    (void)ctx;
    (void)r;
    fwrite(raw.at, 1, raw.len, stdout);
    putchar('\n');
    return true;
}

static int show_results(struct client *client, const char *run, const char *which, bool json) {
    bool any = false;
    const char *verdict = strcmp(which, "failing") == 0 ? "fail" : strcmp(which, "errors") == 0 ? "error" : NULL;
    int code = cli_eval_results(client, run, verdict, 100, json ? json_result : print_result, &any);
    if (code < 0 && !any && !json) printf("no such results\n");
    return code < 0 ? 0 : code;
}

/* One that is not over has no verdict yet: 0. */
static int show_run(struct client *client, const char *run, bool json) {
    struct client_answer a;
    struct buffer path;
    cli_eval_path(&path, run, "");
    client_answer_init(&a);
    int code = client_call(client, "GET", buffer_text(&path), SLICE_NULL, &a);
    if (code < 0) {
        uint32_t summary = cli_at(&a, 0, "summary");
        bool over = json_type(&a.doc, summary) == JSON_OBJECT;
        struct slice raw = json_raw(&a.doc, summary);
        if (json && over) printf(SLICE_FMT "\n", SLICE_ARG(raw));
        else if (json) cli_print_json(&a);
        else if (over) cli_eval_tell(client, &a, summary);
        else printf(SLICE_FMT " is " SLICE_FMT ": %lld of %lld results, cost " SLICE_FMT " USD\n", SLICE_ARG(cli_value(&a, 0, "run")),
                    SLICE_ARG(cli_value(&a, 0, "state")), (long long)whole(&a, 0, "done"), (long long)whole(&a, 0, "planned"),
                    SLICE_ARG(cli_value(&a, 0, "cost_usd")));
        code = over ? cli_eval_exit(cli_value(&a, summary, "verdict")) : 0;
    }
    client_answer_deinit(&a);
    buffer_deinit(&path);
    return code;
}

int cli_eval_show(int argc, char **argv) {
    struct client_options o = {0};
    struct several outs = {.name = "out"};
    const char *results = NULL, *out = NULL;
    const struct option_spec specs[] = {
        {.name = "results", .type = OPTION_TEXT, .value = &results, .metavar = "WHICH", .help = "single results instead: failing, errors or all; with --json one a line"},
        {.name = "out", .type = OPTION_TEXT, .value = &out, .metavar = "FILE", .help = "a report: .json, .jsonl, .html, .junit.xml or .md; may be given several times"},
        CLIENT_OPTIONS(o)};
    int n, code = cli_eval_take_several(&outs, &argc, argv) ? -1 : 2;
    if (code < 0) code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, USAGE, &n);
    if (code < 0) code = cli_expect(USAGE, n, 1, 1);
    if (code >= 0) return code;
    bool known = !results || strcmp(results, "failing") == 0 || strcmp(results, "errors") == 0 || strcmp(results, "all") == 0;
    for (unsigned i = 0; i < outs.n; i++) known &= cli_eval_report_known(outs.values[i]);
    if (!known) {
        fprintf(stderr, "quarterdeck eval show: expected --results failing, errors or all, and --out FILE.json, .jsonl, .html, .junit.xml or .md\n");
        return 2;
    }
    struct client *client = client_open(&o, &code);
    if (!client) return code;
    code = results ? show_results(client, argv[0], results, o.json) : show_run(client, argv[0], o.json);
    for (unsigned i = 0; i < outs.n && code < 2; i++) {
        int written = cli_eval_report(client, argv[0], NULL, outs.values[i]);
        if (written >= 0) code = written;
    }
    client_close(client);
    return code;
}
