/* `quarterdeck alert list`, `show`, `ack`, `judge`, `rules`, `silence`, `silences`, `unsilence`. */
#include "control/cli_alert.h"

#include "control/cli_verbs.h"
#include "model/alert_policy.h"

#define LIST_USAGE "quarterdeck alert list [options]"
#define SHOW_USAGE "quarterdeck alert show NUMBER [options]"
#define ACK_USAGE "quarterdeck alert ack NUMBER --why TEXT [options]"
#define JUDGE_USAGE "quarterdeck alert judge NUMBER acted|ignored|noise --why TEXT [options]"
#define RULES_USAGE "quarterdeck alert rules [options]"
#define SILENCE_USAGE "quarterdeck alert silence MATCHER... --for TIME --why TEXT [options]"
#define SILENCES_USAGE "quarterdeck alert silences [options]"
#define UNSILENCE_USAGE "quarterdeck alert unsilence NUMBER --why TEXT [options]"
#define WHY(v) {.name = "why", .type = OPTION_TEXT, .required = true, .value = &(v), .metavar = "TEXT", .help = "kept with it and in the audit log"}

/* Labels and summaries hold words of clients: nothing in them may reach the terminal as control characters. */
static void print_clean(const char *before, struct slice text, const char *behind) {
    struct buffer out;
    if (text.len == 0) return;
    buffer_init(&out, 256 << 10);
    sheet_clean(&out, text);
    printf("%s" SLICE_FMT "%s", before, SLICE_ARG(buffer_slice(&out)), behind);
    buffer_deinit(&out);
}

static void print_time(struct client_answer *a, uint32_t node, const char *key, const char *before) {
    struct slice time = cli_value(a, node, key);
    if (time.len >= 19) printf("%s%.10s %.8s UTC", before, time.at, time.at + 11);
}

static bool is_active(struct slice state) { return slice_is(state, "firing") || slice_is(state, "flapping") || slice_is(state, "acknowledged"); }

/* A number as people read it: 391 ms, 4.2 %. */
static void put_value(struct buffer *out, struct slice metric, struct slice number) {
    enum signal which;
    double value;
    if (slice_is_null(number)) return;
    if (!slice_to_double(number, &value) || !signal_from(metric, &which)) {
        buffer_append(out, number);
        return;
    }
    struct signal_info info = signal_info(which);
    alert_value_write(&info, value, out);
}

static void print_value(struct client_answer *a, uint32_t node, const char *key, struct slice metric, const char *before) {
    struct buffer out;
    buffer_init(&out, 256);
    put_value(&out, metric, cli_value(a, node, key));
    if (out.len > 0) printf("%s" SLICE_FMT, before, SLICE_ARG(buffer_slice(&out)));
    buffer_deinit(&out);
}

static void cell_value(struct sheet *s, struct client_answer *a, uint32_t node, const char *key) {
    struct buffer out;
    buffer_init(&out, 256);
    put_value(&out, cli_value(a, node, "metric"), cli_value(a, node, key));
    sheet_print_cell(s, SLICE_FMT, SLICE_ARG(buffer_slice(&out)));
    buffer_deinit(&out);
}

/* ---- list ---- */

static void write_list(struct client_answer *a) {
    static const char *const headers[] = {">NO", "STATE", "SEVERITY", "RULE", "SINCE", "WHAT", "WHO HAS IT"};
    uint32_t n, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "alerts"), &at, &n)) {
        cli_put(&s, a, n, "number");
        cli_put(&s, a, n, "state");
        cli_put(&s, a, n, "severity");
        cli_put(&s, a, n, "rule");
        cli_put_time(&s, a, n, "since");
        cli_put(&s, a, n, "summary");
        if (!slice_is_null(cli_value(a, n, "silence"))) sheet_print_cell(&s, "silence " SLICE_FMT, SLICE_ARG(cli_value(a, n, "silence")));
        else if (!slice_is_null(cli_value(a, n, "muted_by"))) sheet_print_cell(&s, "muted by " SLICE_FMT, SLICE_ARG(cli_value(a, n, "muted_by")));
        else cli_put(&s, a, n, "acknowledged.by");
    }
    if (sheet_rows(&s) == 0) printf("no alerts; with --all those that are over show, too\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
    if (slice_is(cli_value(a, 0, "watching"), "false")) printf("no server is running: this is what was when it stopped\n");
}

static int any_active(struct client_answer *a) {
    uint32_t n, at = JSON_NONE;
    while (json_each_item(&a->doc, cli_at(a, 0, "alerts"), &at, &n))
        if (is_active(cli_value(a, n, "state"))) return 1;
    return 0;
}

int cli_alert_list(int argc, char **argv) {
    struct client_options o = {0};
    const char *rule = NULL, *application = NULL, *state = NULL;
    bool all = false;
    const struct option_spec specs[] = {
        {.name = "all", .type = OPTION_FLAG, .value = &all, .help = "also those that are pending, over, or without data"},
        {.name = "state", .type = OPTION_TEXT, .value = &state, .metavar = "STATE", .help = "only in this state, such as pending"},
        {.name = "rule", .letter = 'r', .type = OPTION_TEXT, .value = &rule, .metavar = "NAME", .help = "only of this rule"},
        {.name = "application", .letter = 'a', .type = OPTION_TEXT, .value = &application, .metavar = "NAME", .help = "only about this application"},
        CLIENT_OPTIONS(o),
    };
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LIST_USAGE, &n);
    if (code < 0) code = cli_expect(LIST_USAGE, n, 0, 0);
    if (code >= 0) return code;
    buffer_init(&path, 16 << 10);
    buffer_append(&path, SLICE("/api/v1/alerts"));
    client_add_query(&path, "state", state != NULL ? state : all ? NULL : "active");
    client_add_query(&path, "rule", rule);
    client_add_query(&path, "application", application);
    client_add_query(&path, "limit", "1000");
    code = cli_get(&o, buffer_text(&path), write_list, any_active);
    buffer_deinit(&path);
    return code;
}

/* ---- show ---- */

static void print_number(struct client_answer *a, uint32_t node, const char *key, const char *before) {
    struct slice value = cli_value(a, node, key);
    if (!slice_is_null(value)) printf("%s" SLICE_FMT, before, SLICE_ARG(value));
}

static void print_evidence(struct client_answer *a) {
    uint32_t e = cli_at(a, 0, "evidence"), i = cli_at(a, e, "interval");
    struct slice metric = cli_value(a, e, "metric");
    print_clean("  condition    ", cli_value(a, e, "condition"), "\n");
    if (!slice_is_null(cli_value(a, e, "metric"))) {
        print_value(a, e, "value", metric, "  value        ");
        print_number(a, e, "n", ", of n = ");
        if (json_size(&a->doc, i) == 2) {
            struct buffer out;
            buffer_init(&out, 256);
            put_value(&out, metric, json_raw(&a->doc, json_item(&a->doc, i, 0)));
            buffer_append(&out, SLICE(" to "));
            put_value(&out, metric, json_raw(&a->doc, json_item(&a->doc, i, 1)));
            printf(" (95 %%: " SLICE_FMT ")", SLICE_ARG(buffer_slice(&out)));
            buffer_deinit(&out);
        }
        print_value(a, e, "threshold", metric, "\n  threshold    ");
        print_number(a, e, "threshold_from", ": ");
        print_number(a, e, "threshold_number", " (threshold ");
        if (!slice_is_null(cli_value(a, e, "threshold_number"))) putchar(')');
        putchar('\n');
    }
    print_clean("  finding      ", cli_value(a, e, "finding.title"), "\n");
}

static void print_who(struct client_answer *a) {
    if (!slice_is_null(cli_value(a, 0, "acknowledged.by"))) {
        print_clean("  who has it   ", cli_value(a, 0, "acknowledged.by"), "");
        print_time(a, 0, "acknowledged.at", ", since ");
        print_clean(": ", cli_value(a, 0, "acknowledged.why"), "");
        putchar('\n');
    } else if (is_active(cli_value(a, 0, "state"))) {
        printf("  who has it   nobody");
        print_time(a, 0, "next_call", "; the next one is called ");
        putchar('\n');
    }
    print_clean("  silenced     by silence ", cli_value(a, 0, "silence"), "\n");
    print_clean("  muted        by the alert of rule ", cli_value(a, 0, "muted_by"), ", which explains it\n");
    print_time(a, 0, "told", "  told         ");
    if (!slice_is_null(cli_value(a, 0, "told"))) putchar('\n');
    print_clean("  runbook      ", cli_value(a, 0, "runbook"), "\n");
}

static void print_parts(struct client_answer *a) {
    uint32_t n, at = JSON_NONE;
    bool any = false;
    while (json_each_item(&a->doc, cli_at(a, 0, "changes"), &at, &n)) {
        if (!any) printf("\nwhat changed in the two hours before\n");
        any = true;
        print_time(a, n, "at", "  ");
        print_clean("  ", cli_value(a, n, "action"), "");
        print_clean(" ", cli_value(a, n, "subject"), "");
        print_clean(" by ", cli_value(a, n, "by"), "");
        print_clean(": ", cli_value(a, n, "why"), "");
        putchar('\n');
    }
    if (!any) printf("\nnothing is in the audit log of the two hours before\n");
    for (at = JSON_NONE, any = false; json_each_item(&a->doc, cli_at(a, 0, "actions"), &at, &n); any = true) {
        if (!any) printf("\nwhat was done\n");
        print_time(a, n, "at", "  ");
        print_clean("  action ", cli_value(a, n, "number"), "");
        print_clean(" ", cli_value(a, n, "kind"), "");
        print_clean(", ", cli_value(a, n, "state"), "");
        print_clean("; undo: ", cli_value(a, n, "undo"), "");
        putchar('\n');
    }
    printf("\nhistory\n");
    for (at = JSON_NONE; json_each_item(&a->doc, cli_at(a, 0, "history"), &at, &n);) {
        print_time(a, n, "at", "  ");
        print_clean("  ", cli_value(a, n, "from"), "");
        print_clean(" -> ", cli_value(a, n, "to"), "");
        print_clean(" by ", cli_value(a, n, "by"), "");
        print_clean(": ", cli_value(a, n, "why"), "");
        putchar('\n');
    }
    printf("\nwhat to type\n");
    for (at = JSON_NONE; json_each_item(&a->doc, cli_at(a, 0, "commands"), &at, &n);) {
        print_clean("  ", cli_value(a, n, "command"), "\n");
        print_clean("      ", cli_value(a, n, "what"), "\n");
    }
}

static void write_alert(struct client_answer *a) {
    struct slice state = cli_value(a, 0, "state");
    enum sheet_color color = slice_is(state, "firing") || slice_is(state, "flapping") ? SHEET_BAD : SHEET_DIM;
    printf("%salert " SLICE_FMT "%s " SLICE_FMT ", " SLICE_FMT ", " SLICE_FMT, sheet_color_on(stdout, color), SLICE_ARG(cli_value(a, 0, "number")),
           sheet_color_off(stdout), SLICE_ARG(cli_value(a, 0, "rule")), SLICE_ARG(state), SLICE_ARG(cli_value(a, 0, "severity")));
    print_time(a, 0, "since", " since ");
    print_time(a, 0, "fired", ", fired ");
    print_number(a, 0, "times", ", times: ");
    printf("\n");
    print_clean("  ", cli_value(a, 0, "summary"), "\n");
    print_evidence(a);
    print_who(a);
    print_parts(a);
}

static int is_firing(struct client_answer *a) { return is_active(cli_value(a, 0, "state")) ? 1 : 0; }

int cli_alert_show(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, SHOW_USAGE, &n);
    if (code < 0) code = cli_expect(SHOW_USAGE, n, 1, 1);
    if (code >= 0) return code;
    buffer_init(&path, 16 << 10);
    buffer_append(&path, SLICE("/api/v1/alerts"));
    client_add_segment(&path, argv[0]);
    code = cli_get(&o, buffer_text(&path), write_alert, is_firing);
    buffer_deinit(&path);
    return code;
}

/* ---- a person's word ---- */

static void say_taken(struct client_answer *a) {
    printf("alert " SLICE_FMT " is yours: nobody else is called. It ends by itself; see `quarterdeck alert show " SLICE_FMT "`\n", SLICE_ARG(cli_value(a, 0, "number")),
           SLICE_ARG(cli_value(a, 0, "number")));
}

int cli_alert_ack(int argc, char **argv) {
    struct client_options o = {0};
    const char *why = NULL;
    const struct option_spec specs[] = {WHY(why), CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, ACK_USAGE, &n);
    if (code < 0) code = cli_expect(ACK_USAGE, n, 1, 1);
    return code >= 0 ? code : cli_post_reason(&o, "/api/v1/alerts", argv[0], "/acknowledge", why, say_taken);
}

static void say_judged(struct client_answer *a) {
    printf("alert " SLICE_FMT " is counted as " SLICE_FMT "; `quarterdeck alert rules` shows the precision of its rule\n", SLICE_ARG(cli_value(a, 0, "number")),
           SLICE_ARG(cli_value(a, 0, "useful")));
}

int cli_alert_judge(int argc, char **argv) {
    struct client_options o = {0};
    const char *why = NULL;
    const struct option_spec specs[] = {WHY(why), CLIENT_OPTIONS(o)};
    struct buffer path, body;
    struct json_writer w;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, JUDGE_USAGE, &n);
    if (code < 0) code = cli_expect(JUDGE_USAGE, n, 2, 2);
    if (code >= 0) return code;
    buffer_init(&path, 16 << 10);
    buffer_init(&body, 64 << 10);
    buffer_append(&path, SLICE("/api/v1/alerts"));
    client_add_segment(&path, argv[0]);
    buffer_append(&path, SLICE("/judge"));
    json_start(&w, &body);
    json_object(&w);
    json_member_text(&w, "useful", argv[1]);
    json_member_text(&w, "reason", why);
    json_object_end(&w);
    code = cli_send(&o, "POST", buffer_text(&path), buffer_slice(&body), say_judged);
    buffer_deinit(&path);
    buffer_deinit(&body);
    return code;
}

/* ---- rules ---- */

static void write_rules(struct client_answer *a) {
    static const char *const headers[] = {"RULE", "STATE", "CONDITION", ">SERIES", ">WORST", ">THRESHOLD", "FROM", ">FIRED 90D", ">ACTED", "WHY IDLE"};
    uint32_t n, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "rules"), &at, &n)) {
        cli_put(&s, a, n, "name");
        cli_put(&s, a, n, "state");
        cli_put(&s, a, n, "condition");
        cli_put(&s, a, n, "series");
        cell_value(&s, a, n, "worst");
        cell_value(&s, a, n, "threshold");
        cli_put(&s, a, n, "threshold_from");
        cli_put(&s, a, n, "precision.fired");
        cli_put(&s, a, n, "precision.acted");
        cli_put(&s, a, n, "idle");
    }
    if (sheet_rows(&s) == 0) printf("no rules: `alerts` in quarterdeck.yaml declares them\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static int any_idle(struct client_answer *a) {
    uint32_t n, at = JSON_NONE;
    while (json_each_item(&a->doc, cli_at(a, 0, "rules"), &at, &n))
        if (slice_is(cli_value(a, n, "state"), "idle") || slice_is(cli_value(a, n, "state"), "not watched")) return 1;
    return 0;
}

int cli_alert_rules(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, RULES_USAGE, &n);
    if (code < 0) code = cli_expect(RULES_USAGE, n, 0, 0);
    return code >= 0 ? code : cli_get(&o, "/api/v1/alert-rules", write_rules, any_idle);
}

/* ---- silences ---- */

static void say_silenced(struct client_answer *a) {
    print_clean("silence ", cli_value(a, 0, "number"), " until ");
    print_time(a, 0, "to", "");
    printf("; to end it: quarterdeck alert unsilence " SLICE_FMT " --why TEXT\n", SLICE_ARG(cli_value(a, 0, "number")));
}

int cli_alert_silence(int argc, char **argv) {
    struct client_options o = {0};
    const char *why = NULL, *lasts = NULL, *from = NULL;
    const struct option_spec specs[] = {
        {.name = "for", .type = OPTION_TEXT, .required = true, .value = &lasts, .metavar = "TIME", .help = "how long: 30m, 2h, 1d"},
        {.name = "from", .type = OPTION_TEXT, .value = &from, .metavar = "TIME", .help = "when it begins: RFC 3339; now unless given"},
        WHY(why),
        CLIENT_OPTIONS(o),
    };
    struct buffer body, matchers;
    struct json_writer w;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, SILENCE_USAGE, &n);
    if (code < 0) code = cli_expect(SILENCE_USAGE, n, 1, 16);
    if (code >= 0) return code;
    buffer_init(&body, 64 << 10);
    buffer_init(&matchers, 16 << 10);
    for (int i = 0; i < n; i++) buffer_printf(&matchers, "%s\n", argv[i]);
    json_start(&w, &body);
    json_object(&w);
    json_member_string(&w, "matchers", buffer_slice(&matchers));
    json_member_text(&w, "lasts", lasts);
    if (from != NULL) json_member_text(&w, "from", from);
    json_member_text(&w, "reason", why);
    json_object_end(&w);
    code = cli_send(&o, "POST", "/api/v1/silences", buffer_slice(&body), say_silenced);
    buffer_deinit(&matchers);
    buffer_deinit(&body);
    return code;
}

static void write_silences(struct client_answer *a) {
    static const char *const headers[] = {">NO", "STATE", "MATCHERS", "FROM", "TO", "BY", "WHY"};
    uint32_t n, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "silences"), &at, &n)) {
        cli_put(&s, a, n, "number");
        cli_put(&s, a, n, "state");
        cli_put(&s, a, n, "matchers");
        cli_put_time(&s, a, n, "from");
        cli_put_time(&s, a, n, "to");
        cli_put(&s, a, n, "by");
        cli_put(&s, a, n, "why");
    }
    if (sheet_rows(&s) == 0) printf("nothing is silenced; with --all those that are over show, too\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

int cli_alert_silences(int argc, char **argv) {
    struct client_options o = {0};
    bool all = false;
    const struct option_spec specs[] = {
        {.name = "all", .type = OPTION_FLAG, .value = &all, .help = "also those that are over"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, SILENCES_USAGE, &n);
    if (code < 0) code = cli_expect(SILENCES_USAGE, n, 0, 0);
    return code >= 0 ? code : cli_get(&o, all ? "/api/v1/silences?all=true" : "/api/v1/silences", write_silences, NULL);
}

static void say_unsilenced(struct client_answer *a) { printf("silence " SLICE_FMT " has ended\n", SLICE_ARG(cli_value(a, 0, "number"))); }

int cli_alert_unsilence(int argc, char **argv) {
    struct client_options o = {0};
    const char *why = NULL;
    const struct option_spec specs[] = {WHY(why), CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, UNSILENCE_USAGE, &n);
    if (code < 0) code = cli_expect(UNSILENCE_USAGE, n, 1, 1);
    return code >= 0 ? code : cli_post_reason(&o, "/api/v1/silences", argv[0], "/end", why, say_unsilenced);
}
