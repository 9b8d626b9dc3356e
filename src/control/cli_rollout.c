/* `quarterdeck rollout` and `quarterdeck rollback`: a version on its way to production, and back. */
#include "control/cli_verbs.h"

#include "base/clock.h"

#include <stdlib.h>

#define START_USAGE "quarterdeck rollout start NAME@V [options]"
#define STATUS_USAGE "quarterdeck rollout status NAME [options]"
#define LIST_USAGE "quarterdeck rollout list [options]"
#define ROLLBACK_USAGE "quarterdeck rollback NAME [--to V] [options]"
#define WATCH_US 2000000

/* ---- sending ---- */

static void say_words(struct client_answer *a) {
    struct buffer out;
    buffer_init(&out, 64 << 10);
    sheet_clean(&out, cli_value(a, 0, "words"));
    printf(SLICE_FMT "\n", SLICE_ARG(buffer_slice(&out)));
    buffer_deinit(&out);
}

/* Refused because of who asks or of what another did: the answer is no. */
static int send_change(const struct client_options *o, const char *path, struct slice body, bool *ret_asked) {
    struct client_answer a;
    int code = 0;
    struct client *client = client_open(o, &code);
    client_answer_init(&a);
    if (client) code = client_call(client, "POST", path, body, &a);
    if (ret_asked) *ret_asked = client != NULL;
    if (client && code < 0) {
        if (o->json) cli_print_json(&a);
        else say_words(&a);
        code = 0;
    } else if (client && code == 3 && (a.status == 403 || a.status == 409)) {
        code = 1;
    }
    client_answer_deinit(&a);
    client_close(client);
    return code;
}

struct said {
    const char *why, *as;
    bool knowledge;
    struct client_options o;
};
#define SAID_OPTIONS(s)                                                                                       \
    {.name = "why", .type = OPTION_TEXT, .value = &(s).why, .metavar = "TEXT", .help = "kept in the audit log"}, \
        {.name = "as", .type = OPTION_TEXT, .value = &(s).as, .metavar = "PERSON", .help = "who does it, where no tokens are configured"}, \
        CLIENT_OPTIONS((s).o)

static void begin_body(struct json_writer *w, struct buffer *body, const struct said *s) {
    buffer_init(body, 64 << 10);
    json_start(w, body);
    json_object(w);
    if (s->why) json_member_text(w, "reason", s->why);
    if (s->as) json_member_text(w, "as", s->as);
}

/* ---- start ---- */

static int start(int argc, char **argv) {
    struct said s = {0};
    const char *metric = NULL, *effect = NULL, *longest = NULL;
    bool ab = false;
    const struct option_spec specs[] = {
        {.name = "ab", .type = OPTION_FLAG, .value = &ab, .help = "half of the users each, until one is shown to be better; a person promotes"},
        {.name = "metric", .type = OPTION_TEXT, .value = &metric, .metavar = "METRIC", .help = "of --ab: what they are compared by, such as score:helpful or error_rate"},
        {.name = "min-effect", .type = OPTION_TEXT, .value = &effect, .metavar = "X", .help = "of --ab: the smallest difference that matters, such as 0.05"},
        {.name = "longest", .type = OPTION_TEXT, .value = &longest, .metavar = "TIME", .help = "of --ab: when it ends without a winner, such as 14d"},
        {.name = "knowledge", .type = OPTION_FLAG, .value = &s.knowledge, .help = "NAME is a knowledge base"},
        SAID_OPTIONS(s),
    };
    struct buffer body;
    struct json_writer w;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, START_USAGE, &n);
    if (code < 0) code = cli_expect(START_USAGE, n, 1, 1);
    if (code >= 0) return code;
    char *at = strrchr(argv[0], '@');
    if (!at || at == argv[0] || !at[1]) {
        fprintf(stderr, "quarterdeck: expected NAME@V such as helpdesk-answer@3, found '%s'\n", argv[0]);
        return 2;
    }
    if (!ab && (metric || effect || longest)) {
        fprintf(stderr, "quarterdeck: --metric, --min-effect and --longest are of an A/B test: add --ab\n");
        return 2;
    }
    begin_body(&w, &body, &s);
    json_member_string(&w, "name", slice_make(argv[0], (size_t)(at - argv[0])));
    json_member_text(&w, "version", at + 1);
    if (s.knowledge) json_member_text(&w, "kind", "knowledge");
    if (ab) json_member_text(&w, "ab", "true");
    if (metric) json_member_text(&w, "metric", metric);
    if (effect) json_member_text(&w, "min_effect", effect);
    if (longest) json_member_text(&w, "longest", longest);
    json_object_end(&w);
    code = send_change(&s.o, "/api/v1/rollouts", buffer_slice(&body), NULL);
    buffer_deinit(&body);
    return code;
}

/* ---- promote, pause, resume, abort ---- */

static int say(int argc, char **argv, const char *verb, const char *usage) {
    struct said s = {0};
    const struct option_spec specs[] = {SAID_OPTIONS(s)};
    struct buffer path, body;
    struct json_writer w;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, usage, &n);
    if (code < 0) code = cli_expect(usage, n, 1, 1);
    if (code >= 0) return code;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/rollouts"));
    client_add_segment(&path, argv[0]);
    client_add_segment(&path, verb);
    begin_body(&w, &body, &s);
    json_object_end(&w);
    code = send_change(&s.o, buffer_text(&path), buffer_slice(&body), NULL);
    buffer_deinit(&body);
    buffer_deinit(&path);
    return code;
}

static int promote(int argc, char **argv) { return say(argc, argv, "promote", "quarterdeck rollout promote NAME [options]"); }
static int pause_it(int argc, char **argv) { return say(argc, argv, "pause", "quarterdeck rollout pause NAME [options]"); }
static int resume(int argc, char **argv) { return say(argc, argv, "resume", "quarterdeck rollout resume NAME [options]"); }
static int abort_it(int argc, char **argv) { return say(argc, argv, "abort", "quarterdeck rollout abort NAME [options]"); }

/* ---- status and list ---- */

static void put_double(struct sheet *s, struct client_answer *a, uint32_t node, const char *path) {
    double n;
    if (json_get_double(&a->doc, cli_at(a, node, path), &n)) sheet_print_cell(s, "%.3g", n);
    else sheet_put(s, SLICE_NULL);
}

/* What each side has, in the unit of the metric: "2.4 %", "812 ms", "0.000231 USD". */
static void put_side(struct sheet *s, struct client_answer *a, uint32_t g, const char *side) {
    struct slice metric = cli_value(a, g, "metric");
    double n;
    if (!json_get_double(&a->doc, cli_at(a, g, side), &n)) sheet_put(s, SLICE_NULL);
    else if (slice_starts(metric, SLICE("latency")) || slice_starts(metric, SLICE("first_token")) || slice_starts(metric, SLICE("per_token")))
        sheet_print_cell(s, "%.4g ms", n / 1e3);
    else if (slice_starts(metric, SLICE("cost"))) sheet_print_cell(s, "%.3g USD", n / 1e9);
    else if (slice_starts(metric, SLICE("score:")) || slice_is(metric, "output_tokens") || slice_is(metric, "tool_calls")) sheet_print_cell(s, "%.4g", n);
    else sheet_print_cell(s, "%.3g %%", n * 100);
}

/* "1.07 to 1.1"; an end that is not known: "any" */
static void put_interval(struct sheet *s, struct client_answer *a, uint32_t interval) {
    double low, high;
    bool has_low = json_get_double(&a->doc, json_item(&a->doc, interval, 0), &low), has_high = json_get_double(&a->doc, json_item(&a->doc, interval, 1), &high);
    if (has_low && has_high) sheet_print_cell(s, "%.3g to %.3g", low, high);
    else if (has_low && low > 0) sheet_print_cell(s, "%.3g and more", low);
    else if (has_high) sheet_print_cell(s, "up to %.3g", high);
    else sheet_put(s, SLICE_NULL);
}

static enum sheet_color color_of(struct slice verdict) {
    return slice_is(verdict, "Failed") || slice_is(verdict, "Error") ? SHEET_BAD : slice_is(verdict, "Successful") ? SHEET_GOOD : SHEET_WARN;
}

static void write_guardrails(struct client_answer *a) {
    static const char *const headers[] = {"GUARDRAIL", "VERDICT", ">CANDIDATE", ">CONTROL", ">EFFECT", ">INTERVAL", ">MARGIN", ">EVIDENCE", ">FAILS AT", ">N CAND.", ">N CONTROL", ">NEEDS MORE"};
    struct sheet s;
    uint32_t at = JSON_NONE, g;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "guardrails"), &at, &g)) {
        cli_put(&s, a, g, "metric");
        cli_put(&s, a, g, "verdict");
        sheet_paint(&s, color_of(cli_value(a, g, "verdict")));
        put_side(&s, a, g, "candidate");
        put_side(&s, a, g, "control");
        put_double(&s, a, g, "effect");
        put_interval(&s, a, cli_at(a, g, "interval"));
        put_double(&s, a, g, "margin");
        put_double(&s, a, g, "evidence");
        put_double(&s, a, g, "threshold");
        cli_put(&s, a, g, "n_candidate");
        cli_put(&s, a, g, "n_control");
        put_double(&s, a, g, "needed");
    }
    if (sheet_rows(&s) > 0) sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static void print_clean(const char *before, struct slice text) {
    struct buffer out;
    buffer_init(&out, 64 << 10);
    sheet_clean(&out, text);
    printf("%s" SLICE_FMT, before, SLICE_ARG(buffer_slice(&out)));
    buffer_deinit(&out);
}

static void write_history(struct client_answer *a) {
    uint32_t at = JSON_NONE, h;
    while (json_each_item(&a->doc, cli_at(a, 0, "history"), &at, &h)) {
        struct slice when = cli_value(a, h, "at"), weight = cli_value(a, h, "weight");
        printf("%.*s  ", when.len >= 19 ? 19 : (int)when.len, when.at ? when.at : "");
        print_clean("", cli_value(a, h, "action"));
        print_clean(" by ", cli_value(a, h, "actor"));
        if (weight.len > 0) printf(", at " SLICE_FMT " %%", SLICE_ARG(weight));
        print_clean(": ", cli_value(a, h, "why"));
        putchar('\n');
    }
}

static void write_status(struct client_answer *a) {
    struct slice waits = cli_value(a, 0, "waits_for"), state = cli_value(a, 0, "state");
    print_clean("", cli_value(a, 0, "prompt"));
    printf("@" SLICE_FMT " against @" SLICE_FMT ": " SLICE_FMT ", " SLICE_FMT ", at " SLICE_FMT " %%, ", SLICE_ARG(cli_value(a, 0, "candidate")),
           SLICE_ARG(cli_value(a, 0, "control")), SLICE_ARG(cli_value(a, 0, "stage")), SLICE_ARG(state), SLICE_ARG(cli_value(a, 0, "weight")));
    struct slice verdict = cli_value(a, 0, "verdict");
    printf("%s" SLICE_FMT "%s\n", sheet_color_on(stdout, color_of(verdict)), SLICE_ARG(verdict), sheet_color_off(stdout));
    if (waits.len > 0) print_clean("waits for: ", waits), putchar('\n');
    else print_clean("why: ", cli_value(a, 0, "why")), putchar('\n');
    write_guardrails(a);
    write_history(a);
}

/* 1: it failed, or was taken back. */
static int verdict_code(struct client_answer *a) {
    struct slice state = cli_value(a, 0, "state"), verdict = cli_value(a, 0, "verdict");
    return slice_is(state, "rolled back") || slice_is(state, "aborted") || slice_is(verdict, "Failed") || slice_is(verdict, "Error");
}

static int watch(const struct client_options *o, const char *path) {
    for (;;) {
        struct client_answer a;
        int code = 0;
        struct client *client = client_open(o, &code);
        bool open = false;
        client_answer_init(&a);
        if (client) code = client_call(client, "GET", path, SLICE_NULL, &a);
        if (client && code < 0) {
            struct slice state = cli_value(&a, 0, "state");
            open = slice_is(state, "progressing") || slice_is(state, "paused");
            if (o->json) cli_print_json(&a);
            else write_status(&a), putchar('\n');
            fflush(stdout);
            code = verdict_code(&a);
        }
        client_answer_deinit(&a);
        client_close(client);
        if (!open) return code;
        clock_sleep_us(WATCH_US);
    }
}

static int status(int argc, char **argv) {
    struct said s = {0};
    bool watching = false;
    const struct option_spec specs[] = {
        {.name = "watch", .type = OPTION_FLAG, .value = &watching, .help = "again every 2 s until it is over"},
        {.name = "knowledge", .type = OPTION_FLAG, .value = &s.knowledge, .help = "NAME is a knowledge base"},
        CLIENT_OPTIONS(s.o),
    };
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, STATUS_USAGE, &n);
    if (code < 0) code = cli_expect(STATUS_USAGE, n, 1, 1);
    if (code >= 0) return code;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/rollouts"));
    client_add_segment(&path, argv[0]);
    client_add_query(&path, "kind", s.knowledge ? "knowledge" : NULL);
    code = watching ? watch(&s.o, buffer_text(&path)) : cli_get(&s.o, buffer_text(&path), write_status, verdict_code);
    buffer_deinit(&path);
    return code;
}

static void write_list(struct client_answer *a) {
    static const char *const headers[] = {"PROMPT", ">CANDIDATE", ">CONTROL", "STAGE", "STATE", ">WEIGHT %", "VERDICT", "STARTED", "WHY"};
    static const char *const members[] = {"prompt", "candidate", "control", "stage", "state", "weight", "verdict", NULL};
    struct sheet s;
    uint32_t at = JSON_NONE, r;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "rollouts"), &at, &r)) {
        for (unsigned i = 0; members[i]; i++) cli_put(&s, a, r, members[i]);
        cli_put_time(&s, a, r, "started");
        cli_put(&s, a, r, "why");
    }
    if (sheet_rows(&s) > 0) sheet_write(&s, stdout, true);
    else printf("no rollouts: `quarterdeck rollout start NAME@V` begins one\n");
    sheet_deinit(&s);
}

static int list(int argc, char **argv) {
    struct client_options o = {0};
    bool open = false;
    const struct option_spec specs[] = {
        {.name = "under-way", .type = OPTION_FLAG, .value = &open, .help = "only those that are not over"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LIST_USAGE, &n);
    if (code < 0) code = cli_expect(LIST_USAGE, n, 0, 0);
    return code >= 0 ? code : cli_get(&o, open ? "/api/v1/rollouts?under_way=true" : "/api/v1/rollouts", write_list, NULL);
}

const struct cli_verb cli_rollout_parts[] = {
    {"start", "rollout start NAME@V [options]", "begin: direct, canary, or shadow and canary, by the class of the version; --ab for a test", start},
    {"status", "rollout status NAME [options]", "how it stands and what it waits for; exit 1 when it failed or was taken back", status},
    {"list", "rollout list [options]", "rollouts, newest first", list},
    {"promote", "rollout promote NAME [options]", "the next step now; from the last one: production", promote},
    {"pause", "rollout pause NAME [options]", "stay at this step; guardrails still roll back", pause_it},
    {"resume", "rollout resume NAME [options]", "go on after a pause", resume},
    {"abort", "rollout abort NAME [options]", "end it: what was in production serves everybody", abort_it},
    {NULL, NULL, NULL, NULL},
};

int cli_rollout(int argc, char **argv) { return cli_dispatch("rollout", cli_rollout_parts, argc, argv); }

/* ---- back ---- */

int cli_rollback(int argc, char **argv) {
    struct said s = {0};
    const char *to = NULL, *severity = NULL;
    const struct option_spec specs[] = {
        {.name = "to", .type = OPTION_TEXT, .value = &to, .metavar = "V", .help = "the version that is to serve; without it, what was in production before"},
        {.name = "severity", .type = OPTION_TEXT, .value = &severity, .metavar = "SEV-n", .help = "of the incident, SEV-1 to SEV-5; decides who may (change_policy.rollback)"},
        {.name = "knowledge", .type = OPTION_FLAG, .value = &s.knowledge, .help = "NAME is a knowledge base"},
        SAID_OPTIONS(s),
    };
    struct buffer path, body;
    struct json_writer w;
    bool asked = false;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, ROLLBACK_USAGE, &n);
    if (code < 0) code = cli_expect(ROLLBACK_USAGE, n, 1, 1);
    if (code >= 0) return code;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, s.knowledge ? SLICE("/api/v1/knowledge") : SLICE("/api/v1/prompts"));
    client_add_segment(&path, argv[0]);
    buffer_append(&path, SLICE("/rollback"));
    begin_body(&w, &body, &s);
    if (to) json_member_text(&w, "to", to);
    if (severity) json_member_text(&w, "severity", severity);
    json_object_end(&w);
    code = send_change(&s.o, buffer_text(&path), buffer_slice(&body), &asked);
    if (code == 3 && !asked && !s.o.server && !getenv("QUARTERDECK_URL"))
        fprintf(stderr, "quarterdeck: with --server URL a rollback needs no configuration file\n");
    buffer_deinit(&body);
    buffer_deinit(&path);
    return code;
}
