/* `quarterdeck eval online`: how good production traffic is, as rules have scored it. */
#include "control/cli_eval.h"

#include <stdio.h>

#define LIST_USAGE "quarterdeck eval online list [options]"
#define SHOW_USAGE "quarterdeck eval online show RULE [options]"
#define REPORT_USAGE "quarterdeck eval online report [RULE] [--from TIME] [--to TIME] [--by request_type|prompt|model] [options]"
#define PAUSE_USAGE "quarterdeck eval online pause RULE --why TEXT [options]"
#define RESUME_USAGE "quarterdeck eval online resume RULE [options]"

static double number_at(struct client_answer *a, uint32_t node, const char *path) {
    double n = 0;
    (void)!json_get_double(&a->doc, cli_at(a, node, path), &n);
    return n;
}

/* ---- list, show ---- */

static void write_states(struct client_answer *a) {
    static const char *const headers[] = {"RULE", "APPLICATION", "STATE", ">MATCHED 7d", ">TAKEN 7d", ">WAITING"};
    struct sheet s;
    uint32_t at = JSON_NONE, rule;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "rules"), &at, &rule)) {
        cli_put(&s, a, rule, "name");
        cli_put(&s, a, rule, "application");
        cli_put(&s, a, rule, "state");
        sheet_paint(&s, slice_is(cli_value(a, rule, "state"), "on") ? SHEET_GOOD : SHEET_WARN);
        cli_put(&s, a, rule, "last_7_days.matched");
        cli_put(&s, a, rule, "last_7_days.taken");
        cli_put(&s, a, rule, "waiting");
    }
    if (sheet_rows(&s) == 0) printf("no rule scores production traffic; `quarterdeck apply -f rule.yaml` registers one\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static int list(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LIST_USAGE, &n);
    if (code < 0) code = cli_expect(LIST_USAGE, n, 0, 0);
    return code >= 0 ? code : cli_get(&o, "/api/v1/scoring-states", write_states, NULL);
}

static void print_text(struct client_answer *a, uint32_t node, const char *path, const char *word) {
    struct buffer out;
    struct slice value = cli_value(a, node, path);
    if (slice_is_null(value)) return;
    buffer_init(&out, 64 << 10);
    sheet_clean(&out, value);
    printf("%s" SLICE_FMT, word, SLICE_ARG(buffer_slice(&out)));
    buffer_deinit(&out);
}

static void write_state(struct client_answer *a) {
    uint32_t at = JSON_NONE, rule;
    while (json_each_item(&a->doc, cli_at(a, 0, "rules"), &at, &rule)) {
        print_text(a, rule, "name", "");
        print_text(a, rule, "version", ", version ");
        print_text(a, rule, "application", ", of ");
        print_text(a, rule, "state", ": ");
        print_text(a, rule, "changed_by", " by ");
        print_text(a, rule, "why", ", because: ");
        print_text(a, rule, "last_7_days.matched", "\nlast 7 days: ");
        print_text(a, rule, "last_7_days.taken", " records it is about, taken ");
        print_text(a, rule, "last_7_days.beyond_at_most", ", passed by once at_most was used up ");
        print_text(a, rule, "waiting", "; to be scored yet ");
        printf("\nwhat they say: quarterdeck eval online report " SLICE_FMT "\n", SLICE_ARG(cli_value(a, rule, "name")));
    }
}

static int show(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, SHOW_USAGE, &n);
    if (code < 0) code = cli_expect(SHOW_USAGE, n, 1, 1);
    if (code >= 0) return code;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/scoring-states"));
    client_add_query(&path, "rule", argv[0]);
    code = cli_get(&o, buffer_text(&path), write_state, NULL);
    buffer_deinit(&path);
    return code;
}

/* ---- report ---- */

static void put_bounds(struct sheet *s, struct client_answer *a, uint32_t node, double scale, const char *unit) {
    uint32_t interval = json_get(&a->doc, node, "interval");
    double low, high;
    if (json_get_double(&a->doc, json_item(&a->doc, interval, 0), &low) && json_get_double(&a->doc, json_item(&a->doc, interval, 1), &high))
        sheet_print_cell(s, "%.*f to %.*f%s", scale > 1 ? 1 : 2, low * scale, scale > 1 ? 1 : 2, high * scale, unit);
    else sheet_put(s, SLICE_NULL);
}

static void put_row(struct sheet *s, struct client_answer *a, uint32_t m, struct slice group) {
    double value;
    bool judged = json_type(&a->doc, json_get(&a->doc, m, "judge")) == JSON_OBJECT;
    sheet_put(s, group);
    cli_put(s, a, m, "metric");
    cli_put(s, a, m, "share_of");
    if (json_get_double(&a->doc, cli_at(a, m, "share"), &value)) sheet_print_cell(s, "%.1f %%", 100 * value);
    else sheet_put(s, SLICE_NULL);
    put_bounds(s, a, m, 100, " %");
    if (json_get_double(&a->doc, cli_at(a, m, "mean.value"), &value)) sheet_print_cell(s, "%.2f", value);
    else sheet_put(s, SLICE_NULL);
    put_bounds(s, a, json_get(&a->doc, m, "mean"), 1, "");
    cli_put(s, a, m, "n");
    cli_put(s, a, m, "errors");
    if (json_get_double(&a->doc, cli_at(a, m, "judge.corrected.share"), &value))
        sheet_print_cell(s, "%.1f %% passed", 100 * value);
    else sheet_put(s, SLICE_NULL);
    put_bounds(s, a, cli_at(a, m, "judge.corrected"), 100, " %");
    if (!judged) sheet_put(s, SLICE_NULL);
    else if (slice_is(cli_value(a, m, "judge.calibrated"), "true")) cli_put(s, a, m, "judge.name");
    else sheet_print_cell(s, SLICE_FMT " (uncalibrated)", SLICE_ARG(cli_value(a, m, "judge.name")));
}

static void put_metrics(struct sheet *s, struct client_answer *a, uint32_t node, struct slice group) {
    uint32_t at = JSON_NONE, m;
    while (json_each_item(&a->doc, json_get(&a->doc, node, "metrics"), &at, &m)) put_row(s, a, m, group);
}

static void print_length(struct client_answer *a) {
    double share;
    if (!json_get_double(&a->doc, cli_at(a, 0, "length.share"), &share)) {
        printf("length: no request type has enough history yet\n");
        return;
    }
    printf("length: %.1f %% unusual of %.0f (%.0f short, %.0f long); of ordinary answers at most %.1f %% are called that: %s\n", 100 * share,
           number_at(a, 0, "length.n"), number_at(a, 0, "length.short"), number_at(a, 0, "length.long"), 100 * number_at(a, 0, "length.expected_at_most"),
           slice_is(cli_value(a, 0, "length.verdict"), "more_than_expected") ? "more than expected" : "no evidence of a change");
}

static void write_report(struct client_answer *a) {
    static const char *const headers[] = {"GROUP", "METRIC", "SHARE OF", ">SHARE", "95 %", ">MEAN", "95 %", ">N", ">ERRORS", ">CORRECTED", "95 %", "JUDGE"};
    struct sheet s;
    uint32_t at = JSON_NONE, g;
    print_text(a, 0, "rule", "");
    print_text(a, 0, "records.taken", ": sampled ");
    print_text(a, 0, "records.matched", " of ");
    print_text(a, 0, "records.scored", " records, scored ");
    print_text(a, 0, "records.not_scorable", ", without a payload to score ");
    print_text(a, 0, "records.waiting", ", waiting ");
    putchar('\n');
    if (number_at(a, 0, "records.beyond_at_most") > 0)
        printf("at_most was used up when %.0f records came: nothing below is about them\n", number_at(a, 0, "records.beyond_at_most"));
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    put_metrics(&s, a, 0, SLICE("all"));
    while (json_each_item(&a->doc, cli_at(a, 0, "groups"), &at, &g)) put_metrics(&s, a, g, cli_value(a, g, "name"));
    if (sheet_rows(&s) == 0) printf("nothing is scored yet\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
    print_length(a);
}

/* The only rule there is; NULL after having said why not, with *ret_code. */
static const char *only_rule(const struct client_options *o, struct client_answer *a, int *ret_code) {
    struct client *client = client_open(o, ret_code);
    if (!client) return NULL;
    *ret_code = client_call(client, "GET", "/api/v1/scoring-states", SLICE_NULL, a);
    client_close(client);
    if (*ret_code >= 0) return NULL;
    uint32_t rules = cli_at(a, 0, "rules");
    *ret_code = 2;
    if (json_size(&a->doc, rules) == 1) return arena_text(&a->arena, cli_value(a, json_item(&a->doc, rules, 0), "name"));
    fprintf(stderr, "quarterdeck: there are %u rules; name one (`quarterdeck eval online list`)\n", json_size(&a->doc, rules));
    return NULL;
}

static int report(int argc, char **argv) {
    struct client_options o = {0};
    const char *rule = NULL, *from = NULL, *to = NULL, *by = NULL;
    const struct option_spec specs[] = {
        {.name = "rule", .type = OPTION_TEXT, .value = &rule, .metavar = "RULE", .help = "which; the only one when there is one"},
        {.name = "from", .type = OPTION_TEXT, .value = &from, .metavar = "TIME", .help = "first time of the records: RFC 3339, a date, or -7d (the default)"},
        {.name = "to", .type = OPTION_TEXT, .value = &to, .metavar = "TIME", .help = "first time that no longer counts"},
        {.name = "by", .type = OPTION_TEXT, .value = &by, .metavar = "WHAT", .help = "also by request_type, prompt or model"},
        CLIENT_OPTIONS(o),
    };
    struct buffer path;
    struct client_answer states;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, REPORT_USAGE, &n);
    if (code < 0) code = cli_expect(REPORT_USAGE, n, 0, rule ? 0 : 1);
    if (code >= 0) return code;
    client_answer_init(&states);
    buffer_init(&path, 4 << 10);
    if (!rule) rule = n == 1 ? argv[0] : only_rule(&o, &states, &code);
    if (rule) {
        buffer_append(&path, SLICE("/api/v1/scoring"));
        client_add_segment(&path, rule);
        buffer_append(&path, SLICE("/report"));
        client_add_query(&path, "from", from);
        client_add_query(&path, "to", to);
        client_add_query(&path, "by", by);
        code = cli_get(&o, buffer_text(&path), write_report, NULL);
    }
    buffer_deinit(&path);
    client_answer_deinit(&states);
    return code;
}

/* ---- pause, resume ---- */

static void say_state(struct client_answer *a) {
    print_text(a, 0, "name", "");
    print_text(a, 0, "state", " is ");
    putchar('\n');
}

static int change(int argc, char **argv, const char *usage, const char *verb, bool why_required) {
    struct client_options o = {0};
    const char *why = NULL;
    const struct option_spec specs[] = {
        {.name = "why", .type = OPTION_TEXT, .required = why_required, .value = &why, .metavar = "TEXT", .help = "why; kept with it and in the audit log"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, usage, &n);
    if (code < 0) code = cli_expect(usage, n, 1, 1);
    return code >= 0 ? code : cli_post_reason(&o, "/api/v1/scoring", argv[0], verb, why, say_state);
}

static int pause_rule(int argc, char **argv) { return change(argc, argv, PAUSE_USAGE, "/pause", true); }
static int resume_rule(int argc, char **argv) { return change(argc, argv, RESUME_USAGE, "/resume", false); }

static const struct cli_verb parts[] = {
    {"list", "eval online list [options]", "rules, and how they are doing", list},
    {"show", "eval online show RULE [options]", "one rule", show},
    {"report", "eval online report [RULE] [--by WHAT] [options]", "what the scores say of the traffic", report},
    {"pause", "eval online pause RULE --why TEXT", "score nothing until it is resumed", pause_rule},
    {"resume", "eval online resume RULE", "score what comes from now on", resume_rule},
    {NULL, NULL, NULL, NULL},
};
int cli_eval_online(int argc, char **argv) { return cli_dispatch("eval online", parts, argc, argv); }
