/* `quarterdeck cost cache-calibrate`. */
#include "control/cli_cost_cache.h"

#include "control/cli_verbs.h"
#include "control/config_file.h"
#include "cost/cache_pairs.h"

#define USAGE "quarterdeck cost cache-calibrate [--application A] [options]"
#define PATH "/api/v1/cost/cache-calibration"

struct cache_options {
    struct client_options client;
    const char *application, *precision, *confidence, *threshold, *from, *to, *pairs, *reason;
    bool dry_run, show, withdraw;
};

static double number_at(struct client_answer *a, uint32_t node, const char *path) {
    double n = 0;
    (void)json_get_double(&a->doc, cli_at(a, node, path), &n);
    return n;
}

static void put_number(struct sheet *s, struct client_answer *a, uint32_t node, const char *path, int digits,
                       double times) {
    double n;
    if (json_get_double(&a->doc, cli_at(a, node, path), &n)) sheet_print_cell(s, "%.*f", digits, n * times);
    else sheet_put(s, SLICE_NULL);
}

/* ---- what is in force ---- */

static void print_thresholds(struct client_answer *a) {
    static const char *const headers[] = {"APPLICATION", "REQUEST TYPE", ">VERIFIED", ">LOWER BOUND",
                                          ">WANTED",     ">PAIRS",       "METHOD",    "WHEN (UTC)",
                                          ">DECLARED",   ">IN FORCE"};
    uint32_t application, declared, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "applications"), &at, &application)) {
        uint32_t all = cli_at(a, application, "declared"), i = JSON_NONE;
        bool any = json_size(&a->doc, all) > 0;
        while (json_each_item(&a->doc, all, &i, &declared) || !any) {
            any = true;
            uint32_t row = json_size(&a->doc, all) > 0 ? declared : JSON_NONE;
            cli_put(&s, a, application, "application");
            cli_put(&s, a, row, "request_type");
            cli_put(&s, a, application, "verification.threshold");
            put_number(&s, a, application, "verification.lower_bound", 4, 1);
            cli_put(&s, a, application, "verification.precision");
            cli_put(&s, a, application, "verification.n");
            cli_put(&s, a, application, "verification.method");
            cli_put_time(&s, a, application, "verification.at");
            cli_put(&s, a, row, "threshold");
            struct slice force = cli_value(a, row, "in_force");
            sheet_put(&s, row == JSON_NONE       ? SLICE("not declared")
                          : slice_is_null(force) ? SLICE("off")
                                                 : force);
            sheet_paint(&s, row == JSON_NONE ? SHEET_DIM : slice_is_null(force) ? SHEET_WARN : SHEET_GOOD);
            if (row == JSON_NONE) break;
        }
    }
    if (sheet_rows(&s) > 0) sheet_write(&s, stdout, true);
    else printf("no such application\n");
    sheet_deinit(&s);
}

/* ---- a calibration ---- */

static void print_rows(struct client_answer *a) {
    static const char *const headers[] = {">THRESHOLD",     ">PAIRS",        ">RIGHT",
                                          ">PRECISION (%)", ">AT LEAST (%)", ">AT MOST (%)",
                                          ">HIT RATE (%)",  ">SAVED (USD)",  "TESTED"};
    uint32_t row, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    double verified = number_at(a, 0, "threshold");
    while (json_each_item(&a->doc, cli_at(a, 0, "rows"), &at, &row)) {
        bool is_it = verified > 0 && number_at(a, row, "threshold") == verified;
        put_number(&s, a, row, "threshold", 2, 1);
        if (is_it) sheet_paint(&s, SHEET_GOOD);
        cli_put(&s, a, row, "n");
        cli_put(&s, a, row, "right");
        put_number(&s, a, row, "precision", 2, 100);
        put_number(&s, a, row, "lower_bound", 2, 100);
        put_number(&s, a, row, "upper_bound", 2, 100);
        put_number(&s, a, row, "hit_rate", 2, 100);
        put_number(&s, a, row, "saved_usd", 6, 1);
        bool tested = slice_is(cli_value(a, row, "tested"), "true");
        sheet_put(&s, is_it ? SLICE("verified") : tested ? SLICE("yes") : SLICE("no"));
    }
    sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static void print_evidence(struct client_answer *a) {
    printf("method: " SLICE_FMT, SLICE_ARG(cli_value(a, 0, "method")));
    struct slice alike = cli_value(a, 0, "answers_alike");
    if (!slice_is_null(alike))
        printf(", a proxy: two answers say the same when their numbers, names and negations are equal and "
               "their wording is at "
               "least " SLICE_FMT " alike",
               SLICE_ARG(alike));
    printf("\nunit: " SLICE_FMT "; " SLICE_FMT " in all\n", SLICE_ARG(cli_value(a, 0, "unit")),
           SLICE_ARG(cli_value(a, 0, "pairs")));
    if (number_at(a, 0, "kept_apart") > 0)
        printf("kept apart, whatever the threshold: " SLICE_FMT
               " pairs, whose numbers, names, negations or quotations differ\n",
               SLICE_ARG(cli_value(a, 0, "kept_apart")));
    if (json_type(&a->doc, cli_at(a, 0, "traffic")) != JSON_OBJECT) return;
    printf("traffic: " SLICE_FMT " questions of " SLICE_FMT " records%s; " SLICE_FMT
           " without payload, " SLICE_FMT " not comparable, " SLICE_FMT " word for word as before\n",
           SLICE_ARG(cli_value(a, 0, "traffic.questions")), SLICE_ARG(cli_value(a, 0, "traffic.records")),
           slice_is(cli_value(a, 0, "traffic.more"), "true") ? ", the newest" : "",
           SLICE_ARG(cli_value(a, 0, "traffic.without_payload")),
           SLICE_ARG(cli_value(a, 0, "traffic.not_comparable")),
           SLICE_ARG(cli_value(a, 0, "traffic.repeats")));
}

static int write_calibration(struct client_answer *a, bool print) {
    int code = slice_is(cli_value(a, 0, "verdict"), "verified") ? 0 : 1;
    if (!print) return code;
    print_rows(a);
    putchar('\n');
    print_evidence(a);
    printf("\n" SLICE_FMT "\n", SLICE_ARG(cli_value(a, 0, "text")));
    bool stored = slice_is(cli_value(a, 0, "stored"), "true");
    struct slice why = cli_value(a, 0, "why_not");
    if (stored && slice_is_null(why))
        printf("stored, and in force where the configuration declares cache.semantic\n");
    else if (stored) printf("stored; not in force yet: " SLICE_FMT "\n", SLICE_ARG(slice_trim(why)));
    else printf("nothing was changed\n");
    return code;
}

/* The file as {"pairs": ..., "reason": ...}. False after having said why. */
static bool write_body(const struct cache_options *o, struct buffer *out) {
    struct error error = {.fault = FAULT_NONE};
    struct buffer text;
    struct json_writer w;
    buffer_init(&text, CACHE_PAIRS_BYTES);
    bool good = !o->pairs || config_file_load(strcmp(o->pairs, "-") == 0 ? "/dev/stdin" : o->pairs, &text,
                                              &error) == FAULT_NONE;
    if (good) {
        json_start(&w, out);
        json_object(&w);
        if (o->pairs) json_member_string(&w, "pairs", buffer_slice(&text));
        if (o->reason) json_member_text(&w, "reason", o->reason);
        json_object_end(&w);
    } else {
        fprintf(stderr, "quarterdeck: %s\n", error.text);
    }
    buffer_deinit(&text);
    return good;
}

static int call(const struct cache_options *o, const char *method, struct buffer *path, struct slice body) {
    int code = 0;
    struct client_answer a;
    struct client *client = client_open(&o->client, &code);
    if (!client) return code;
    client_answer_init(&a);
    code = client_call(client, method, buffer_text(path), body, &a);
    if (code < 0) {
        if (o->client.json) cli_print_json(&a);
        if (o->show) {
            if (!o->client.json) print_thresholds(&a);
            code = 0;
        } else if (o->withdraw) {
            if (!o->client.json) printf("withdrawn: the semantic cache of %s is off\n", o->application);
            code = 0;
        } else {
            code = write_calibration(&a, !o->client.json);
        }
    }
    client_answer_deinit(&a);
    client_close(client);
    return code;
}

static int run(const struct cache_options *o) {
    struct buffer path, body;
    int code = 3;
    buffer_init(&path, 8 << 10);
    buffer_init(&body, 8 * (size_t)CACHE_PAIRS_BYTES); /* escaped, a byte may become six */
    buffer_append(&path, SLICE(PATH));
    client_add_query(&path, "application", o->application);
    if (o->withdraw) {
        client_add_query(&path, "reason", o->reason);
    } else if (!o->show) {
        client_add_query(&path, "precision", o->precision);
        client_add_query(&path, "confidence", o->confidence);
        client_add_query(&path, "threshold", o->threshold);
        client_add_query(&path, "from", o->from);
        client_add_query(&path, "to", o->to);
        client_add_query(&path, "store", o->dry_run ? "no" : NULL);
    }
    bool posts = !o->show && !o->withdraw;
    if (!posts || write_body(o, &body))
        code = call(o,
                    posts     ? "POST"
                    : o->show ? "GET"
                              : "DELETE",
                    &path, posts ? buffer_slice(&body) : SLICE_NULL);
    buffer_deinit(&body);
    buffer_deinit(&path);
    return code;
}

int cli_cost_cache_calibrate(int argc, char **argv) {
    struct cache_options o = {0};
    const struct option_spec specs[] = {
        {.name = "application",
         .letter = 'a',
         .type = OPTION_TEXT,
         .value = &o.application,
         .metavar = "NAME",
         .help = "whose threshold is measured"},
        {.name = "precision",
         .type = OPTION_TEXT,
         .value = &o.precision,
         .metavar = "SHARE",
         .help = "the least share of right answers that is wanted (default 0.99)"},
        {.name = "confidence",
         .type = OPTION_TEXT,
         .value = &o.confidence,
         .metavar = "SHARE",
         .help = "of its lower bound (default 0.95)"},
        {.name = "threshold",
         .type = OPTION_TEXT,
         .value = &o.threshold,
         .metavar = "SIMILARITY",
         .help = "verify this one (default the lowest that can be)"},
        {.name = "pairs",
         .type = OPTION_TEXT,
         .value = &o.pairs,
         .metavar = "FILE",
         .help = "labelled pairs, CSV (question_a,question_b,same) or JSON lines; - is the standard input"},
        {.name = "from",
         .type = OPTION_TEXT,
         .value = &o.from,
         .metavar = "TIME",
         .help = "begin of the recorded traffic: RFC 3339, a date, or -30d (default -30d)"},
        {.name = "to",
         .type = OPTION_TEXT,
         .value = &o.to,
         .metavar = "TIME",
         .help = "its end (default now)"},
        {.name = "dry-run", .type = OPTION_FLAG, .value = &o.dry_run, .help = "measure, and change nothing"},
        {.name = "show",
         .type = OPTION_FLAG,
         .value = &o.show,
         .help = "what is verified and in force, and measure nothing"},
        {.name = "withdraw",
         .type = OPTION_FLAG,
         .value = &o.withdraw,
         .help = "take the verification back: the semantic cache is off"},
        {.name = "reason",
         .type = OPTION_TEXT,
         .value = &o.reason,
         .metavar = "TEXT",
         .help = "why; kept in the audit log"},
        CLIENT_OPTIONS(o.client),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, USAGE, &n);
    if (code < 0) code = cli_expect(USAGE, n, 0, 0);
    if (code >= 0) return code;
    if ((!o.show && !o.application) || (o.show && o.withdraw)) {
        fprintf(stderr, "quarterdeck cost cache-calibrate: expected --application NAME, and at most one of "
                        "--show and --withdraw\n");
        return 2;
    }
    return run(&o);
}
