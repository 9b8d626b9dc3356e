/* `quarterdeck alert calibrate|replay|thresholds|accept|refuse`. */
#include "control/cli_alert.h"

#include "control/cli_verbs.h"

#define CALIBRATE_USAGE "quarterdeck alert calibrate RULE|--all [options]"
#define REPLAY_USAGE "quarterdeck alert replay RULE [options]"
#define THRESHOLDS_USAGE "quarterdeck alert thresholds [options]"
#define ACCEPT_USAGE "quarterdeck alert accept NUMBER [options]"
#define REFUSE_USAGE "quarterdeck alert refuse NUMBER [options]"

static void say(struct client_answer *a, uint32_t node, const char *key, const char *before) {
    struct buffer out;
    struct slice value = cli_value(a, node, key);
    if (slice_is_null(value)) return;
    buffer_init(&out, 64 << 10);
    sheet_clean(&out, value);
    printf("%s" SLICE_FMT "\n", before, SLICE_ARG(buffer_slice(&out)));
    buffer_deinit(&out);
}

static double number(struct client_answer *a, uint32_t node, const char *key) {
    double n = 0;
    (void)json_get_double(&a->doc, cli_at(a, node, key), &n);
    return n;
}

static void say_replay(struct client_answer *a, uint32_t r, const char *what) {
    if (json_type(&a->doc, r) != JSON_OBJECT) return;
    if (number(a, r, "days") <= 0) {
        printf("   %s %.6g: no data in this time\n", what, number(a, r, "threshold"));
        return;
    }
    printf("   %s %.6g: %.0f alarms in %.1f days", what, number(a, r, "threshold"), number(a, r, "alarms"), number(a, r, "days"));
    if (!slice_is_null(cli_value(a, r, "alarms_per_month")))
        printf(", %.2g a month (%.2g to %.2g)", number(a, r, "alarms_per_month"), number(a, r, "low"), number(a, r, "high"));
    putchar('\n');
}

static void write_calibration(struct client_answer *a) {
    say(a, 0, "words", "");
    say_replay(a, cli_at(a, 0, "now"), "as it is,");
    say_replay(a, cli_at(a, 0, "then"), "proposed,");
    say(a, 0, "command", "next: ");
}

static int is_proposed(struct client_answer *a) { return slice_is(cli_value(a, 0, "enough"), "true") ? 0 : 1; }

struct past { const char *from, *to, *alarms, *threshold, *why; };

static void body_of(const struct past *p, struct buffer *body) {
    struct json_writer w;
    buffer_init(body, 16 << 10);
    json_start(&w, body);
    json_object(&w);
    if (p->from) json_member_text(&w, "from", p->from);
    if (p->to) json_member_text(&w, "to", p->to);
    if (p->alarms) json_member_text(&w, "alarms_per_month", p->alarms);
    if (p->threshold) json_member_text(&w, "threshold", p->threshold);
    if (p->why) json_member_text(&w, "reason", p->why);
    json_object_end(&w);
}

static int post(struct client *client, const struct client_options *o, const char *rule, const char *verb, const struct past *p,
                void (*write)(struct client_answer *a), int (*verdict)(struct client_answer *a)) {
    struct buffer path, body;
    struct client_answer a;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/alert-rules"));
    client_add_segment(&path, rule);
    client_add_segment(&path, verb);
    body_of(p, &body);
    client_answer_init(&a);
    int code = client_call(client, "POST", buffer_text(&path), buffer_slice(&body), &a);
    if (code < 0) {
        if (o->json) cli_print_json(&a);
        else write(&a);
        code = verdict ? verdict(&a) : 0;
    }
    client_answer_deinit(&a);
    buffer_deinit(&body);
    buffer_deinit(&path);
    return code;
}

/* Those whose condition is a number and may be learned, by the list of rules. */
static int all_rules(struct client *client, const struct client_options *o, const struct past *p) {
    struct client_answer rules;
    uint32_t r, at = JSON_NONE;
    client_answer_init(&rules);
    bool any = false;
    int worst = 0, code = client_call(client, "GET", "/api/v1/alert-rules", SLICE_NULL, &rules);
    while (code < 0 && json_each_item(&rules.doc, cli_at(&rules, 0, "rules"), &at, &r)) {
        struct slice name = cli_value(&rules, r, "name"), from = cli_value(&rules, r, "threshold_from");
        if (!slice_is(from, "rule") && !slice_is(from, "calibrated")) continue;
        any = true;
        if (!o->json) printf(SLICE_FMT ": ", SLICE_ARG(name));
        (void)fflush(stdout);
        int one = post(client, o, arena_text(&rules.arena, name), "calibrate", p, write_calibration, is_proposed);
        if (one > worst) worst = one;
    }
    client_answer_deinit(&rules);
    if (code < 0 && !any) {
        fprintf(stderr, "quarterdeck: no rule has a number that may be learned\n");
        return 1;
    }
    return code < 0 ? worst : code;
}

#define PAST_OPTIONS(p)                                                                                       \
    {.name = "from", .type = OPTION_TEXT, .value = &(p).from, .metavar = "TIME", .help = "begin of the history, such as -14d; 28 days unless said"}, \
        {.name = "to", .type = OPTION_TEXT, .value = &(p).to, .metavar = "TIME", .help = "its end; now unless said"}

int cli_alert_calibrate(int argc, char **argv) {
    struct client_options o = {0};
    struct past p = {0};
    bool all = false;
    const struct option_spec specs[] = {
        {.name = "all", .type = OPTION_FLAG, .value = &all, .help = "every rule with a number, but those that say `calibrate: never`"},
        PAST_OPTIONS(p),
        {.name = "alarms-per-month", .type = OPTION_TEXT, .value = &p.alarms, .metavar = "N", .help = "false alarms of all series together; the rule's own unless said, else 1"},
        {.name = "why", .type = OPTION_TEXT, .value = &p.why, .metavar = "TEXT", .help = "kept in the audit log"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, CALIBRATE_USAGE, &n);
    if (code < 0) code = cli_expect(CALIBRATE_USAGE, n, all ? 0 : 1, all ? 0 : 1);
    if (code >= 0) return code;
    struct client *client = client_open(&o, &code);
    if (client) code = all ? all_rules(client, &o, &p) : post(client, &o, argv[0], "calibrate", &p, write_calibration, is_proposed);
    client_close(client);
    return code;
}

/* ---- replay ---- */

static void put_series(struct sheet *s, struct client_answer *a, uint32_t series) {
    struct buffer out;
    uint32_t key, value, at = JSON_NONE;
    buffer_init(&out, 16 << 10);
    while (json_each_member(&a->doc, series, &at, &key, &value))
        buffer_printf(&out, "%s" SLICE_FMT "=" SLICE_FMT, out.len > 0 ? ", " : "", SLICE_ARG(json_string(&a->doc, key, &a->arena)),
                      SLICE_ARG(json_string(&a->doc, value, &a->arena)));
    sheet_put(s, buffer_slice(&out));
    buffer_deinit(&out);
}

static void write_replay(struct client_answer *a) {
    static const char *const headers[] = {"FROM", "TO", ">WORST", "SERIES"};
    uint32_t r = cli_at(a, 0, "replay"), f, at = JSON_NONE;
    struct sheet s;
    say_replay(a, r, "with");
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, r, "firings"), &at, &f)) {
        cli_put_time(&s, a, f, "from");
        cli_put_time(&s, a, f, "to");
        sheet_print_cell(&s, "%.4g", number(a, f, "worst"));
        put_series(&s, a, cli_at(a, f, "series"));
    }
    if (sheet_rows(&s) > 0) sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

int cli_alert_replay(int argc, char **argv) {
    struct client_options o = {0};
    struct past p = {0};
    const char *above = NULL, *below = NULL;
    const struct option_spec specs[] = {
        {.name = "above", .type = OPTION_TEXT, .value = &above, .metavar = "X", .help = "another threshold to try, such as 2.5s or 5%"},
        {.name = "below", .type = OPTION_TEXT, .value = &below, .metavar = "X", .help = "the same, of a rule that says below"},
        PAST_OPTIONS(p),
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, REPLAY_USAGE, &n);
    if (code < 0) code = cli_expect(REPLAY_USAGE, n, 1, 1);
    if (code >= 0) return code;
    if (above && below) {
        fprintf(stderr, "quarterdeck: expected --above or --below, as the rule has it, found both\n");
        return 2;
    }
    p.threshold = above ? above : below;
    struct client *client = client_open(&o, &code);
    if (client) code = post(client, &o, argv[0], "replay", &p, write_replay, NULL);
    client_close(client);
    return code;
}

/* ---- thresholds ---- */

static void write_thresholds(struct client_answer *a) {
    uint32_t t, at = JSON_NONE;
    bool any = false;
    while (json_each_item(&a->doc, cli_at(a, 0, "thresholds"), &at, &t)) {
        struct slice state = cli_value(a, t, "state"), n = cli_value(a, t, "number");
        bool in_force = slice_is(cli_value(a, t, "in_force"), "true");
        printf("%s" SLICE_FMT " " SLICE_FMT ", " SLICE_FMT "%s\n", any ? "\n" : "", SLICE_ARG(n), SLICE_ARG(cli_value(a, t, "rule")), SLICE_ARG(state),
               in_force ? ", in force" : "");
        say(a, t, "words", "   ");
        say(a, t, "not_in_force_because", "   not in force: ");
        say(a, t, "by", "   by ");
        say(a, t, "why", "   because: ");
        if (slice_is(state, "proposed")) printf("   next: quarterdeck alert accept " SLICE_FMT "\n", SLICE_ARG(n));
        any = true;
    }
    if (!any) printf("no thresholds: `quarterdeck alert calibrate RULE` proposes one\n");
}

static int any_proposed(struct client_answer *a) {
    uint32_t t, at = JSON_NONE;
    while (json_each_item(&a->doc, cli_at(a, 0, "thresholds"), &at, &t))
        if (slice_is(cli_value(a, t, "state"), "proposed")) return 1;
    return 0;
}

int cli_alert_thresholds(int argc, char **argv) {
    struct client_options o = {0};
    const char *rule = NULL, *state = NULL;
    const struct option_spec specs[] = {
        {.name = "rule", .type = OPTION_TEXT, .value = &rule, .metavar = "RULE", .help = "only this rule's"},
        {.name = "state", .type = OPTION_TEXT, .value = &state, .metavar = "STATE", .help = "proposed, accepted, refused or replaced"},
        CLIENT_OPTIONS(o),
    };
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, THRESHOLDS_USAGE, &n);
    if (code < 0) code = cli_expect(THRESHOLDS_USAGE, n, 0, 0);
    if (code >= 0) return code;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/thresholds"));
    client_add_query(&path, "rule", rule);
    client_add_query(&path, "state", state);
    code = cli_get(&o, buffer_text(&path), write_thresholds, any_proposed);
    buffer_deinit(&path);
    return code;
}

static void say_decided(struct client_answer *a) {
    bool in_force = slice_is(cli_value(a, 0, "in_force"), "true");
    printf("threshold " SLICE_FMT " of " SLICE_FMT " is " SLICE_FMT "%s\n", SLICE_ARG(cli_value(a, 0, "number")), SLICE_ARG(cli_value(a, 0, "rule")),
           SLICE_ARG(cli_value(a, 0, "state")), in_force ? ", and in force from the watch's next look on" : "");
}

static int decide(int argc, char **argv, const char *verb, const char *usage) {
    struct client_options o = {0};
    const char *why = NULL;
    const struct option_spec specs[] = {
        {.name = "why", .type = OPTION_TEXT, .value = &why, .metavar = "TEXT", .help = "kept with it and in the audit log"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, usage, &n);
    if (code < 0) code = cli_expect(usage, n, 1, 1);
    if (code >= 0) return code;
    return cli_post_reason(&o, "/api/v1/thresholds", argv[0], verb, why, say_decided);
}

int cli_alert_accept(int argc, char **argv) { return decide(argc, argv, "/accept", ACCEPT_USAGE); }
int cli_alert_refuse(int argc, char **argv) { return decide(argc, argv, "/refuse", REFUSE_USAGE); }
