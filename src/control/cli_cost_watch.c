/* `quarterdeck cost anomalies` and `cost review`. */
#include "control/cli_cost_watch.h"

#include "control/cli_verbs.h"

#define ANOMALIES_USAGE "quarterdeck cost anomalies [options]"
#define REVIEW_USAGE "quarterdeck cost review [options]"

struct watch_options {
    struct client_options client;
    const char *from, *to, *application, *timezone;
};

#define WATCH_OPTIONS(o, begin)                                                                              \
    {.name = "application",                                                                                  \
     .letter = 'a',                                                                                          \
     .type = OPTION_TEXT,                                                                                    \
     .value = &(o).application,                                                                              \
     .metavar = "NAME",                                                                                      \
     .help = "only this application"},                                                                       \
        {.name = "from", .type = OPTION_TEXT, .value = &(o).from, .metavar = "TIME", .help = begin},         \
        {.name = "to",                                                                                       \
         .type = OPTION_TEXT,                                                                                \
         .value = &(o).to,                                                                                   \
         .metavar = "TIME",                                                                                  \
         .help = "end (default now)"},                                                                       \
        CLIENT_OPTIONS((o).client)

/* Asks and prints; `write` gives the exit code of a 2xx answer, with --json too (then it prints nothing). */
static int ask(const struct watch_options *o, const char *path_text,
               int (*write)(struct client_answer *a, bool print)) {
    int code = 0;
    struct client_answer a;
    struct buffer path;
    struct client *client = client_open(&o->client, &code);
    if (!client) return code;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, slice_of(path_text));
    client_add_query(&path, "application", o->application);
    client_add_query(&path, "from", o->from);
    client_add_query(&path, "to", o->to);
    client_add_query(&path, "timezone", o->timezone);
    client_answer_init(&a);
    code = client_call(client, "GET", buffer_text(&path), SLICE_NULL, &a);
    if (code < 0) {
        if (o->client.json) cli_print_json(&a);
        code = write(&a, !o->client.json);
    }
    client_answer_deinit(&a);
    buffer_deinit(&path);
    client_close(client);
    return code;
}

static double number_at(struct client_answer *a, uint32_t node, const char *path) {
    double n = 0;
    (void)json_get_double(&a->doc, cli_at(a, node, path), &n);
    return n;
}

/* Labels are the clients': nothing in them may reach the terminal as control characters. */
static void print_clean(struct slice text) {
    struct buffer out;
    buffer_init(&out, 64 << 10);
    sheet_clean(&out, text);
    fwrite(out.at, 1, out.len, stdout);
    buffer_deinit(&out);
}

static void print_value(struct client_answer *a, uint32_t node, const char *path) {
    struct slice value = cli_value(a, node, path);
    print_clean(value.len > 0 ? value : SLICE("-"));
}

/* Cents, and of less than a dollar what is there. */
static int digits_of(double usd) {
    return usd > -1 && usd < 1 ? 6 : 2;
}

/* ---- anomalies ---- */

static void print_label(struct client_answer *a, uint32_t shift, const char *key, const char *word) {
    uint32_t label = cli_at(a, shift, key);
    if (json_type(&a->doc, label) != JSON_OBJECT) return;
    printf("; %s ", word);
    print_value(a, label, "value");
    printf(" (%.0f %% -> %.0f %% of requests)", 100 * number_at(a, label, "share_before"),
           100 * number_at(a, label, "share_after"));
}

static void print_shift(struct client_answer *a, uint32_t type, uint32_t shift) {
    print_value(a, type, "application");
    printf(" / ");
    print_value(a, type, "request_type");
    printf(": ");
    print_value(a, shift, "text");
    printf(" on ");
    print_value(a, shift, "first_day");
    double usd = number_at(a, shift, "usd_month");
    printf(", %+.*f USD a month (%.6f -> %.6f USD a request)", digits_of(usd), usd,
           number_at(a, shift, "usd_per_request_before"), number_at(a, shift, "usd_per_request_after"));
    print_label(a, shift, "prompt", "prompt");
    print_label(a, shift, "system_prompt", "system prompt");
    print_label(a, shift, "model", "model");
    putchar('\n');
}

static void put_verdict(struct sheet *s, struct slice verdict) {
    bool few = slice_is(verdict, "not_enough_data");
    sheet_put(s, few ? SLICE("not enough data") : verdict);
    sheet_paint(s, few ? SHEET_DIM : slice_is(verdict, "shifted") ? SHEET_BAD : SHEET_GOOD);
}

static void print_verdicts(struct client_answer *a) {
    static const char *const headers[] = {
        "APPLICATION", "REQUEST TYPE", "VERDICT", ">DAYS", ">REQUESTS", ">UNPRICED", ">SEEN IN A WEEK (%)"};
    uint32_t type, at = JSON_NONE;
    double seen;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "types"), &at, &type)) {
        cli_put(&s, a, type, "application");
        cli_put(&s, a, type, "request_type");
        put_verdict(&s, cli_value(a, type, "verdict"));
        cli_put(&s, a, type, "evidence.days");
        cli_put(&s, a, type, "evidence.requests");
        cli_put(&s, a, type, "evidence.unpriced");
        if (json_get_double(&a->doc, cli_at(a, type, "evidence.detectable_in_a_week"), &seen))
            sheet_print_cell(&s, "%.1f", 100 * seen);
        else sheet_put(&s, SLICE_NULL);
    }
    if (sheet_rows(&s) > 0) sheet_write(&s, stdout, true);
    else printf("not enough data: no exchanges in this window\n");
    sheet_deinit(&s);
}

static int write_anomalies(struct client_answer *a, bool print) {
    int code = number_at(a, 0, "findings") > 0 ? 1 : 0;
    uint32_t type, shift, at = JSON_NONE;
    if (!print) return code;
    print_value(a, 0, "first_day");
    printf(" to ");
    print_value(a, 0, "last_day");
    printf(", days of ");
    print_value(a, 0, "timezone");
    printf("\n\n");
    while (json_each_item(&a->doc, cli_at(a, 0, "types"), &at, &type))
        for (uint32_t i = JSON_NONE; json_each_item(&a->doc, cli_at(a, type, "shifts"), &i, &shift);)
            print_shift(a, type, shift);
    if (code == 1) putchar('\n');
    print_verdicts(a);
    printf("\nfalse alarms: on average %.0f days or more from one to the next, all request types together\n",
           number_at(a, 0, "false_alarm_days"));
    return code;
}

int cli_cost_anomalies(int argc, char **argv) {
    struct watch_options o = {0};
    const struct option_spec specs[] = {
        {.name = "timezone",
         .type = OPTION_TEXT,
         .value = &o.timezone,
         .metavar = "ZONE",
         .help = "whose days, such as Europe/London (default UTC)"},
        WATCH_OPTIONS(o, "begin: RFC 3339, a date, or -60d (default the last 60 whole days)"),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, ANOMALIES_USAGE, &n);
    if (code < 0) code = cli_expect(ANOMALIES_USAGE, n, 0, 0);
    return code >= 0 ? code : ask(&o, "/api/v1/cost/anomalies", write_anomalies);
}

/* ---- review ---- */

static void print_named(struct client_answer *a, uint32_t node, const char *key, const char *word,
                        bool *any) {
    struct slice value = cli_value(a, node, key);
    if (slice_is_null(value)) return;
    printf("%s%s ", *any ? ", " : "   ", word);
    print_clean(value);
    *any = true;
}

static void print_line(struct client_answer *a, uint32_t node, const char *key, const char *word) {
    printf("   %s: ", word);
    print_value(a, node, key);
    putchar('\n');
}

static void print_action(struct client_answer *a, uint32_t action, unsigned number) {
    double usd;
    bool at_most = false, any = false;
    (void)json_get_bool(&a->doc, cli_at(a, action, "at_most"), &at_most);
    printf("%u. ", number);
    if (json_get_double(&a->doc, cli_at(a, action, "usd_month"), &usd))
        printf("%s%.*f USD a month: ", at_most ? "at most " : "", digits_of(usd), usd);
    else printf("unknown amount: ");
    print_value(a, action, "text");
    putchar('\n');
    print_named(a, action, "application", "application", &any);
    print_named(a, action, "request_type", "request type", &any);
    print_named(a, action, "feature", "feature", &any);
    print_named(a, action, "model", "model", &any);
    print_named(a, action, "provider", "provider", &any);
    print_named(a, action, "target_model", "target", &any);
    print_named(a, action, "system_prompt", "system prompt", &any);
    if (any) putchar('\n');
    print_line(a, action, "why", "why");
    print_line(a, action, "act", "do");
    putchar('\n');
}

static void print_prefixes(struct client_answer *a) {
    static const char *const headers[] = {"APPLICATION", "REQUEST TYPE", "TARGET",  "SYSTEM PROMPT",  ">INPUT",
                                          ">CACHED %",   ">PREFIX",      ">MISSED", ">USD A MONTH"};
    uint32_t row, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "prefixes"), &at, &row)) {
        bool at_most = false;
        double usd, input = number_at(a, row, "input_tokens");
        (void)json_get_bool(&a->doc, cli_at(a, row, "at_most"), &at_most);
        const char *most = at_most ? "at most " : "";
        cli_put(&s, a, row, "application");
        cli_put(&s, a, row, "request_type");
        cli_put(&s, a, row, "target_model");
        cli_put(&s, a, row, "system_prompt");
        cli_put(&s, a, row, "input_tokens");
        sheet_print_cell(&s, "%.1f", input > 0 ? 100 * number_at(a, row, "cache_read_tokens") / input : 0);
        sheet_print_cell(&s, "%s%.0f", most, number_at(a, row, "prefix_tokens"));
        sheet_print_cell(&s, "%s%.0f", most, number_at(a, row, "missed_tokens"));
        if (json_get_double(&a->doc, cli_at(a, row, "usd_month"), &usd))
            sheet_print_cell(&s, "%s%.*f", most, digits_of(usd), usd);
        else sheet_put(&s, SLICE_NULL);
    }
    if (sheet_rows(&s) > 0) {
        printf("cacheable prefixes, in tokens\n");
        sheet_write(&s, stdout, true);
        putchar('\n');
    }
    sheet_deinit(&s);
}

static void print_unanswered(struct client_answer *a) {
    uint32_t row, at = JSON_NONE;
    printf("not answered here:\n");
    while (json_each_item(&a->doc, cli_at(a, 0, "not_answered"), &at, &row)) {
        printf("   ");
        print_value(a, row, "question");
        printf(" (");
        print_value(a, row, "why");
        printf(")\n");
    }
}

static int write_review(struct client_answer *a, bool print) {
    uint32_t action, at = JSON_NONE;
    unsigned number = 0;
    double usd;
    if (!print) return 0;
    struct slice first = cli_value(a, 0, "first"), verdict = cli_value(a, 0, "verdict");
    if (slice_is(verdict, "not_enough_data")) {
        printf("not enough data: less than a day of exchanges in this window\n");
        return 0;
    }
    if (json_get_double(&a->doc, cli_at(a, 0, "spend_usd_month"), &usd))
        printf("%.*f USD a month", digits_of(usd), usd);
    else printf("spend unknown: no price is known");
    printf(", from what was seen since %.10s\n\n", first.len >= 10 ? first.at : "-");
    while (json_each_item(&a->doc, cli_at(a, 0, "actions"), &at, &action)) print_action(a, action, ++number);
    if (number == 0) printf("nothing found\n\n");
    print_prefixes(a);
    struct slice left_off = cli_value(a, 0, "left_off");
    if (!slice_is(left_off, "0")) {
        printf("left off, each below 1 %% of the spend: ");
        print_clean(left_off);
        printf("\n\n");
    }
    printf("read beside the sums: %.0f records, %.0f captured exchanges\n", number_at(a, 0, "sample.records"),
           number_at(a, 0, "sample.exchanges"));
    print_unanswered(a);
    return 0;
}

int cli_cost_review(int argc, char **argv) {
    struct watch_options o = {0};
    const struct option_spec specs[] = {
        WATCH_OPTIONS(o, "begin: RFC 3339, a date, or -30d (default -30d)"),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, REVIEW_USAGE, &n);
    if (code < 0) code = cli_expect(REVIEW_USAGE, n, 0, 0);
    return code >= 0 ? code : ask(&o, "/api/v1/cost/review", write_review);
}
