/* quarterdeck eval judge: which judges are known, and how far each says what people say. */
#include "control/cli_judge.h"

#include <stdio.h>

#define LIST_USAGE "quarterdeck eval judge list [options]"
#define SHOW_USAGE "quarterdeck eval judge show NAME [options]"

static double number(struct client_answer *a, uint32_t node, const char *path) {
    double x = 0;
    return json_get_double(&a->doc, cli_at(a, node, path), &x) ? x : 0;
}

static enum sheet_color color_of(struct slice state) {
    return slice_is(state, "calibrated") ? SHEET_GOOD : slice_is(state, "too_few_labels") || slice_is(state, "uncalibrated") ? SHEET_WARN : SHEET_BAD;
}

static void words_of(struct slice state, char out[32]) {
    (void)snprintf(out, 32, SLICE_FMT, SLICE_ARG(state));
    for (char *c = out; *c; c++) *c = (char)(*c == '_' ? ' ' : *c);
}

/* "large, medium" of a list of texts; cut where it is long. */
static void join(struct client_answer *a, uint32_t list, char *out, size_t size) {
    uint32_t at = JSON_NONE, item;
    size_t n = 0;
    out[0] = 0;
    while (json_each_item(&a->doc, list, &at, &item) && n + 1 < size) {
        struct slice text = json_string(&a->doc, item, &a->arena);
        int put = snprintf(out + n, size - n, "%s" SLICE_FMT, n > 0 ? ", " : "", SLICE_ARG(text));
        n += put > 0 ? (size_t)put : 0;
    }
}

/* ---- one judge in full ---- */

static void tell_rate(struct client_answer *a, uint32_t of, const char *key, double scale, const char *unit, const char *what) {
    uint32_t rate = cli_at(a, of, key), interval = cli_at(a, rate, "interval");
    double value, low = 0, high = 0;
    if (!json_get_double(&a->doc, cli_at(a, rate, "value"), &value)) {
        printf("%-14s unknown: no label of that kind\n", key);
        return;
    }
    bool bounded = json_get_double(&a->doc, json_item(&a->doc, interval, 0), &low) && json_get_double(&a->doc, json_item(&a->doc, interval, 1), &high);
    printf("%-14s %6.*f%s", key, scale > 1 ? 1 : 2, scale * value, unit);
    if (bounded) printf("  (95 %%: %.*f to %.*f)", scale > 1 ? 1 : 2, scale * low, scale > 1 ? 1 : 2, scale * high);
    printf("  %s\n", what);
}

static void tell_table(struct client_answer *a, uint32_t of) {
    uint32_t levels = cli_at(a, of, "levels"), table = cli_at(a, of, "table"), row = JSON_NONE, at = JSON_NONE, cell, level;
    uint32_t n = 0;
    printf("\n%-16s", "");
    while (json_each_item(&a->doc, levels, &at, &level)) printf("  judge " SLICE_FMT, SLICE_ARG(json_string(&a->doc, level, &a->arena)));
    putchar('\n');
    for (at = JSON_NONE; json_each_item(&a->doc, table, &at, &row); n++) {
        uint32_t column = 0, cursor = JSON_NONE;
        printf("people %-9.*s", SLICE_ARG(json_string(&a->doc, json_item(&a->doc, levels, n), &a->arena)));
        for (; json_each_item(&a->doc, row, &cursor, &cell); column++) {
            struct slice name = json_string(&a->doc, json_item(&a->doc, levels, column), &a->arena), count = json_raw(&a->doc, cell);
            printf("%*.*s", (int)name.len + 8, (int)count.len, count.at);
        }
        putchar('\n');
    }
}

static void tell_state(struct client_answer *a, uint32_t node, struct slice state) {
    char words[32];
    words_of(state, words);
    printf("%s%s%s", sheet_color_on(stdout, color_of(state)), words, sheet_color_off(stdout));
    if (number(a, node, "in_force.needed_labels") > 0)
        printf(": about %.0f more labels are needed, drawn as these were", number(a, node, "in_force.needed_labels"));
    else if (slice_is(state, "drifted")) printf(": it no longer tells what people pass from what they fail");
    else if (slice_is(state, "too_unlike_people")) printf(": sensitivity + specificity - 1 is under 0.2; a judge that throws a coin has 0");
    putchar('\n');
}

void cli_judge_tell(struct client_answer *a, uint32_t node) {
    uint32_t now = cli_at(a, node, "in_force");
    char models[200], rubric[200];
    struct buffer clean;
    join(a, cli_at(a, node, "judge.models"), models, sizeof models);
    struct slice own = cli_value(a, node, "check.rubric");
    (void)snprintf(rubric, sizeof rubric, SLICE_FMT, SLICE_ARG(slice_is_null(own) ? cli_value(a, node, "judge.rubric") : own));
    buffer_init(&clean, 4 << 10);
    sheet_clean(&clean, slice_of(rubric));
    printf("judge " SLICE_FMT " (%s, " SLICE_FMT "), check " SLICE_FMT "%s%s\n", SLICE_ARG(cli_value(a, node, "name")), models,
           SLICE_ARG(cli_value(a, node, "judge.scale")), SLICE_ARG(cli_value(a, node, "check.type")), rubric[0] ? ": " : "", buffer_text(&clean));
    buffer_deinit(&clean);
    printf("%.0f labels: ", number(a, now, "n"));
    tell_state(a, node, cli_value(a, node, "state"));
    tell_rate(a, now, "agreement", 100, " %", "both say pass, or both fail");
    tell_rate(a, now, "kappa", 1, "", "agreement beyond chance: 0 none, 1 all");
    tell_rate(a, now, "sensitivity", 100, " %", "of what people pass, the judge passes");
    tell_rate(a, now, "specificity", 100, " %", "of what people fail, the judge fails");
    tell_table(a, now);
    if (json_is(&a->doc, cli_at(a, node, "drift"), "") || json_type(&a->doc, cli_at(a, node, "drift")) != JSON_OBJECT) return;
    bool drifted = json_type(&a->doc, cli_at(a, node, "drift.drifted")) == JSON_TRUE;
    printf("\n%s: agreement %.1f %% of %.0f before, %.1f %% of %.0f since (p = %.2g; a false alarm in at most 1 of 100 times)\n",
           drifted ? "drifted: what was labelled before no longer counts" : "no sign of drift", 100 * number(a, node, "drift.before_agreement"),
           number(a, node, "drift.before_n"), 100 * number(a, node, "drift.agreement"), number(a, node, "drift.n"), number(a, node, "drift.p_value"));
}

/* ---- list, show ---- */

static void put_percent(struct sheet *s, struct client_answer *a, uint32_t node, const char *path) {
    double x;
    if (json_get_double(&a->doc, cli_at(a, node, path), &x)) sheet_print_cell(s, "%.1f %%", 100 * x);
    else sheet_put(s, SLICE_NULL);
}

static void put_judge(struct sheet *s, struct client_answer *a, uint32_t judge) {
    char models[100], words[32];
    struct slice rubric = cli_value(a, judge, "check.rubric"), state = cli_value(a, judge, "state");
    join(a, cli_at(a, judge, "judge.models"), models, sizeof models);
    words_of(state, words);
    cli_put(s, a, judge, "name");
    sheet_put(s, slice_of(models));
    cli_put(s, a, judge, "judge.scale");
    cli_put(s, a, judge, "check.type");
    if (slice_is_null(rubric)) rubric = cli_value(a, judge, "judge.rubric");
    sheet_print_cell(s, SLICE_FMT "%s", (int)(rubric.len < 40 ? rubric.len : 37), rubric.at ? rubric.at : "", rubric.len < 40 ? "" : "...");
    sheet_put(s, slice_of(words));
    sheet_paint(s, color_of(state));
    cli_put(s, a, judge, "in_force.n");
    put_percent(s, a, judge, "in_force.sensitivity.value");
    put_percent(s, a, judge, "in_force.specificity.value");
    cli_put_time(s, a, judge, "calibrated_at");
}

static void write_list(struct client_answer *a) {
    static const char *const headers[] = {"JUDGE", "MODELS", "SCALE", "CHECK", "RUBRIC", "STATE", ">LABELS", ">SENSITIVITY", ">SPECIFICITY", "SINCE"};
    uint32_t at = JSON_NONE, judge;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "judges"), &at, &judge)) put_judge(&s, a, judge);
    if (sheet_rows(&s) == 0) printf("no judge is known: none is calibrated, and no registered suite has one (quarterdeck eval judge calibrate)\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static int list(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LIST_USAGE, &n);
    if (code < 0) code = cli_expect(LIST_USAGE, n, 0, 0);
    return code < 0 ? cli_get(&o, "/api/v1/calibrations", write_list, NULL) : code;
}

static bool seen_before(struct client_answer *a, uint32_t list_, uint32_t item) {
    uint32_t at = JSON_NONE, other;
    struct slice identity = cli_value(a, item, "identity");
    while (json_each_item(&a->doc, list_, &at, &other) && other != item)
        if (slice_eq(cli_value(a, other, "identity"), identity)) return true;
    return false;
}

/* Each identity as it is now, then how it came about. */
static void write_show(struct client_answer *a) {
    uint32_t sittings = cli_at(a, 0, "sittings"), at = JSON_NONE, one;
    static const char *const headers[] = {"AT", "BY", "FROM", ">LABELS", ">AGREEMENT", ">ERRORS", "IDENTITY"};
    struct sheet s;
    bool first = true;
    while (json_each_item(&a->doc, sittings, &at, &one)) {
        if (seen_before(a, sittings, one)) continue;
        if (!first) putchar('\n');
        first = false;
        cli_judge_tell(a, one);
    }
    putchar('\n');
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    for (at = JSON_NONE; json_each_item(&a->doc, sittings, &at, &one);) {
        struct slice identity = cli_value(a, one, "identity");
        cli_put_time(&s, a, one, "calibrated_at");
        cli_put(&s, a, one, "by");
        cli_put(&s, a, one, "source");
        cli_put(&s, a, one, "sitting.n");
        put_percent(&s, a, one, "sitting.agreement.value");
        cli_put(&s, a, one, "errors");
        sheet_put(&s, slice_make(identity.at, identity.len < 12 ? identity.len : 12));
    }
    sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static int show(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, SHOW_USAGE, &n);
    if (code < 0) code = cli_expect(SHOW_USAGE, n, 1, 1);
    if (code >= 0) return code;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/judges"));
    client_add_segment(&path, argv[0]);
    buffer_append(&path, SLICE("/calibrations"));
    code = cli_get(&o, buffer_text(&path), write_show, NULL);
    buffer_deinit(&path);
    return code;
}

const struct cli_verb cli_judge_parts[] = {
    {"calibrate", "eval judge calibrate JUDGE (--labels FILE | --from-review REVIEW)", "hold a judge against people's labels: exit 0 calibrated, 1 not", cli_judge_calibrate},
    {"list", "eval judge list [options]", "judges that were held against people, and how far each says what they say", list},
    {"show", "eval judge show NAME [options]", "one judge in full, with each sitting of labelling", show},
    {NULL, NULL, NULL, NULL},
};

int cli_eval_judge(int argc, char **argv) { return cli_dispatch("eval judge", cli_judge_parts, argc, argv); }
