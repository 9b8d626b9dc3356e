/* `quarterdeck eval compare`. */
#include "control/cli_eval.h"

#include <math.h>
#include <stdio.h>

#define USAGE "quarterdeck eval compare RUN_A RUN_B [options]"
#define FLIPS_SHOWN 10

static double number(struct client_answer *a, uint32_t node, const char *path) {
    double x = NAN;
    (void)json_get_double(&a->doc, cli_at(a, node, path), &x);
    return x;
}

static double end_of(struct client_answer *a, uint32_t node, uint32_t which) {
    double x = NAN;
    (void)json_get_double(&a->doc, json_item(&a->doc, cli_at(a, node, "interval"), which), &x);
    return x;
}

/* What answers hold must not reach the terminal as it is. */
static void say(struct client_answer *a, uint32_t node, const char *key, const char *before) {
    struct buffer out;
    struct slice value = cli_value(a, node, key);
    if (value.len == 0) return;
    buffer_init(&out, 64 << 10);
    sheet_clean(&out, value);
    printf("%s" SLICE_FMT "\n", before, SLICE_ARG(buffer_slice(&out)));
    buffer_deinit(&out);
}

static void say_difference(struct client_answer *a, uint32_t node, const char *what) {
    double low = end_of(a, node, 0), high = end_of(a, node, 1), least = number(a, node, "minimum_detectable");
    if (isnan(number(a, node, "difference"))) return;
    printf("%s %+.1f points", what, 100 * number(a, node, "difference"));
    if (!isnan(low)) printf(" (%+.1f to %+.1f)", 100 * low, 100 * high);
    printf(", p = %.3g by " SLICE_FMT, number(a, node, "p_value"), SLICE_ARG(cli_value(a, node, "method")));
    if (!isnan(least)) printf(", too few cases to see less than %.1f", 100 * least);
    putchar('\n');
}

static void say_ratio(struct client_answer *a, const char *what, const char *before, const char *after, const char *unit) {
    if (isnan(number(a, 0, before)) || isnan(number(a, 0, after))) return;
    printf("%s an answer: %.4g -> %.4g %s\n", what, number(a, 0, before), number(a, 0, after), unit);
}

static void say_flips(struct client_answer *a) {
    uint32_t flip, at = JSON_NONE;
    unsigned shown = 0;
    double all = number(a, 0, "flips");
    if (!(all > 0)) return;
    printf("\nFLIPPED (%.0f)\n", all);
    while (shown++ < FLIPS_SHOWN && json_each_item(&a->doc, cli_at(a, 0, "flipped"), &at, &flip)) {
        double before = number(a, flip, "baseline"), after = number(a, flip, "candidate");
        bool worse = after < before;
        char texts[2][CLI_EVAL_PERCENT];
        printf("%s%s%s %s -> %s", sheet_color_on(stdout, worse ? SHEET_BAD : SHEET_GOOD), worse ? "worse " : "better",
               sheet_color_off(stdout), cli_eval_percent(before, texts[0]), cli_eval_percent(after, texts[1]));
        say(a, flip, "case", "  ");
        say(a, flip, "baseline_output", "  before: ");
        say(a, flip, "candidate_output", "  now:    ");
        say(a, flip, worse ? "candidate_reason" : "baseline_reason", "  why:    ");
    }
    if (all > FLIPS_SHOWN) printf("and %.0f more: --json has them\n", all - FLIPS_SHOWN);
}

static void say_tags(struct client_answer *a) {
    static const char *const headers[] = {"TAG", ">DIFFERENCE", "95 %", ">CASES", ">P, ALL TAGS", "VERDICT"};
    uint32_t key, tag, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_member(&a->doc, cli_at(a, 0, "by_tag"), &at, &key, &tag)) {
        double low = end_of(a, tag, 0);
        struct slice verdict = cli_value(a, tag, "verdict");
        sheet_put(&s, json_string(&a->doc, key, &a->arena));
        sheet_print_cell(&s, "%+.1f", 100 * number(a, tag, "difference"));
        if (isnan(low)) sheet_put(&s, SLICE_NULL);
        else sheet_print_cell(&s, "%+.1f to %+.1f", 100 * low, 100 * end_of(a, tag, 1));
        cli_put(&s, a, tag, "pairs");
        sheet_print_cell(&s, "%.3g", number(a, tag, "p_adjusted"));
        sheet_put(&s, slice_is(verdict, "no_evidence") ? SLICE("no evidence") : verdict);
        sheet_paint(&s, slice_is(verdict, "worse") ? SHEET_BAD : slice_is(verdict, "better") ? SHEET_GOOD : SHEET_PLAIN);
    }
    if (sheet_rows(&s) > 0) {
        putchar('\n');
        sheet_write(&s, stdout, true);
    }
    sheet_deinit(&s);
}

static void say_left_out(struct client_answer *a) {
    static const struct {
        const char *path, *words;
    } kinds[] = {{"left_out.only_baseline", "in the first run's suite only"},
                 {"left_out.only_candidate", "in the second run's suite only"},
                 {"left_out.changed", "ask something else now"},
                 {"left_out.unanswered", "have no answer in one of the runs"}};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (number(a, 0, kinds[i].path) > 0) printf("left out: %.0f cases %s\n", number(a, 0, kinds[i].path), kinds[i].words);
    if (slice_is(cli_value(a, 0, "same_suite"), "false")) printf("the suites are not the same version: checks may differ\n");
}

static void write_comparison(struct client_answer *a) {
    struct slice verdict = cli_value(a, 0, "verdict");
    enum sheet_color color = slice_is(verdict, "worse") ? SHEET_BAD : slice_is(verdict, "better") ? SHEET_GOOD : SHEET_WARN;
    printf(SLICE_FMT " -> " SLICE_FMT ": %s%s%s\n", SLICE_ARG(cli_value(a, 0, "a.run")), SLICE_ARG(cli_value(a, 0, "b.run")),
           sheet_color_on(stdout, color), slice_is(verdict, "no_evidence") ? "no evidence" : slice_is(verdict, "worse") ? "worse" : "better",
           sheet_color_off(stdout));
    say(a, 0, "why", "");
    say_difference(a, 0, "pass rate");
    say_difference(a, cli_at(a, 0, "score"), "score");
    say_ratio(a, "cost of", "cost.baseline_usd", "cost.candidate_usd", "USD");
    say_ratio(a, "latency of", "latency.baseline_ms", "latency.candidate_ms", "ms");
    say_left_out(a);
    say_flips(a);
    say_tags(a);
}

/* What is asked of the second run, beside not being shown to be worse. */
static int answer_to(struct client_answer *a, const char *require, double margin) {
    struct slice verdict = cli_value(a, 0, "verdict");
    if (require == NULL) return slice_is(verdict, "worse");
    if (strcmp(require, "better") == 0) return !slice_is(verdict, "better");
    return !(slice_is(cli_value(a, 0, "reliable"), "true") && end_of(a, 0, 0) >= -margin);
}

static void say_demand(struct client_answer *a, const char *require, double margin, int code) {
    if (require == NULL) return;
    if (strcmp(require, "better") == 0) printf("\nrequired: better; %s\n", code ? "not shown" : "shown");
    else
        printf("\nrequired: not worse by more than %g points; %s (the interval begins at %+.1f)\n", 100 * margin, code ? "not shown" : "shown",
               100 * end_of(a, 0, 0));
}

static int ask(const struct client_options *o, const char *path, const char *require, double margin) {
    struct client_answer a;
    int code;
    struct client *client = client_open(o, &code);
    if (client == NULL) return code;
    client_answer_init(&a);
    code = client_call(client, "GET", path, SLICE_NULL, &a);
    if (code < 0) {
        code = answer_to(&a, require, margin);
        if (o->json) cli_print_json(&a);
        else {
            write_comparison(&a);
            say_demand(&a, require, margin, code);
        }
    }
    client_answer_deinit(&a);
    client_close(client);
    return code;
}

int cli_eval_compare(int argc, char **argv) {
    struct client_options o = {0};
    const char *require = NULL, *confidence = NULL;
    double margin = 0.05;
    const struct option_spec specs[] = {
        {.name = "require", .type = OPTION_TEXT, .value = &require, .metavar = "better|not-worse",
         .help = "exit 1 unless this is shown; without it exit 1 only when the second run is shown to be worse"},
        {.name = "margin", .type = OPTION_NUMBER, .value = &margin, .metavar = "SHARE",
         .help = "of not-worse: a loss up to this counts as none"},
        {.name = "confidence", .type = OPTION_TEXT, .value = &confidence, .metavar = "SHARE", .help = "of interval and verdict (0.95)"},
        CLIENT_OPTIONS(o)};
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, USAGE, &n);
    if (code < 0) code = cli_expect(USAGE, n, 2, 2);
    if (code >= 0) return code;
    if (require && strcmp(require, "better") != 0 && strcmp(require, "not-worse") != 0) {
        fprintf(stderr, "quarterdeck: --require: expected better or not-worse, found '%s'\n", require);
        return 2;
    }
    if (!(margin >= 0 && margin <= 1)) {
        fprintf(stderr, "quarterdeck: --margin: expected a share from 0 to 1, such as 0.05 for five points\n");
        return 2;
    }
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/evals/compare"));
    client_add_query(&path, "a", argv[0]);
    client_add_query(&path, "b", argv[1]);
    client_add_query(&path, "confidence", confidence);
    code = ask(&o, buffer_text(&path), require, margin);
    buffer_deinit(&path);
    return code;
}
