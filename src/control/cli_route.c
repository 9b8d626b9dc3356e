/* quarterdeck model route, route-train, route-on, route-off: routing by difficulty. */
#include "control/cli_route.h"

#include <stdio.h>
#include <stdlib.h>

#define SHOW_USAGE "quarterdeck model route MODEL [options]"
#define TRAIN_USAGE "quarterdeck model route-train MODEL [options]"
#define ON_USAGE "quarterdeck model route-on MODEL --why TEXT [options]"
#define OFF_USAGE "quarterdeck model route-off MODEL [options]"

void cli_route_path(struct buffer *path, const char *model, const char *rest) {
    buffer_init(path, 16 << 10);
    buffer_append(path, SLICE("/api/v1/models"));
    client_add_segment(path, model);
    buffer_append(path, slice_of(rest));
}

/* "0.123" of a number, or "-". */
static void put_number(struct sheet *s, struct client_answer *a, uint32_t node, const char *path, const char *format, double by) {
    double n;
    if (json_get_double(&a->doc, cli_at(a, node, path), &n)) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        sheet_print_cell(s, format, n * by);
#pragma GCC diagnostic pop
    } else {
        sheet_put(s, SLICE_NULL);
    }
}

/* ---- the curve ---- */

static void put_point(struct sheet *s, struct client_answer *a, uint32_t point, const char *name) {
    sheet_put(s, slice_of(name));
    put_number(s, a, point, "share_cheap", "%.0f %%", 100);
    put_number(s, a, point, "cost_usd_per_thousand", "%.4f", 1);
    put_number(s, a, point, "quality", "%.3f", 1);
    put_number(s, a, point, "quality_low", "%.3f", 1);
    put_number(s, a, point, "quality_high", "%.3f", 1);
    put_number(s, a, point, "change", "%+.4f", 1);
    put_number(s, a, point, "change_low", "%+.4f", 1);
    put_number(s, a, point, "change_high", "%+.4f", 1);
    cli_put(s, a, point, "scored_cheap");
    cli_put(s, a, point, "scored_premium");
}

static void write_curve(struct client_answer *a, uint32_t node) {
    static const char *const headers[] = {"", ">TO CHEAPEST", ">USD/1000", ">QUALITY", ">LOW", ">HIGH", ">CHANGE", ">LOW", ">HIGH",
                                          ">SCORED CHEAP", ">SCORED BEST"};
    struct sheet s;
    uint32_t at = JSON_NONE, point;
    double chosen = -1, share;
    (void)json_get_double(&a->doc, cli_at(a, node, "point.share_cheap"), &chosen);
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, node, "curve"), &at, &point)) {
        bool is = json_get_double(&a->doc, cli_at(a, point, "share_cheap"), &share) && share == chosen;
        put_point(&s, a, point, is ? "> chosen" : "");
    }
    if (sheet_rows(&s) > 0) {
        put_point(&s, a, cli_at(a, node, "rules"), "rules alone");
        put_point(&s, a, cli_at(a, node, "all_cheap"), "all to the cheapest");
        sheet_write(&s, stdout, true);
        printf("quality: mean score, 95 %% intervals, out of fold; change: against all to the most capable tier\n");
    }
    sheet_deinit(&s);
}

static void write_weights(struct client_answer *a, uint32_t features) {
    uint32_t at = JSON_NONE, one;
    double weight;
    while (json_each_item(&a->doc, features, &at, &one)) {
        if (!json_get_double(&a->doc, cli_at(a, one, "weight"), &weight) || (weight < 0.05 && weight > -0.05)) continue;
        printf("  %-10.*s %+.2f  %s when " SLICE_FMT "\n", (int)cli_value(a, one, "name").len, cli_value(a, one, "name").at, weight,
               weight > 0 ? "rather cheapest" : "rather best    ", SLICE_ARG(cli_value(a, one, "words")));
    }
}

/* ---- train ---- */

static int trained_code(const struct client_answer *a) {
    uint32_t answer = cli_at(a, 0, "answer");
    return json_is(&a->doc, answer, "trained") ? 0 : json_is(&a->doc, answer, "not_better") ? 1 : 3;
}

static void write_trained(struct client_answer *a) {
    int code = trained_code(a);
    printf("%s: " SLICE_FMT "\n", code == 0 ? "trained" : code == 1 ? "not better" : "not enough evidence", SLICE_ARG(cli_value(a, 0, "why")));
    printf("scored answers: " SLICE_FMT " of the cheapest tier (" SLICE_FMT " good), " SLICE_FMT " of the most capable one",
           SLICE_ARG(cli_value(a, 0, "scored_cheap")), SLICE_ARG(cli_value(a, 0, "scored_cheap_good")), SLICE_ARG(cli_value(a, 0, "scored_premium")));
    printf("; without a captured request: " SLICE_FMT ", of others: " SLICE_FMT "\n", SLICE_ARG(cli_value(a, 0, "without_request")),
           SLICE_ARG(cli_value(a, 0, "others")));
    write_curve(a, 0);
    if (code != 0) return;
    write_weights(a, cli_at(a, 0, "weights.features"));
    printf("kept, and in shadow: `quarterdeck model route-on " SLICE_FMT " --why ...` lets it decide\n", SLICE_ARG(cli_value(a, 0, "model")));
}

int cli_route_train(int argc, char **argv) {
    struct client_options o = {0};
    const char *from = NULL, *to = NULL, *quality = NULL, *good = NULL, *loss = NULL, *least = NULL, *why = NULL;
    const struct option_spec specs[] = {
        {.name = "from", .type = OPTION_TEXT, .value = &from, .metavar = "TIME", .help = "first scored exchange (default 90 days back)"},
        {.name = "to", .type = OPTION_TEXT, .value = &to, .metavar = "TIME", .help = "first time that no longer counts"},
        {.name = "quality", .type = OPTION_TEXT, .value = &quality, .metavar = "NAME", .help = "the score that is learned from (default quality)"},
        {.name = "good", .type = OPTION_TEXT, .value = &good, .metavar = "SCORE", .help = "from which an answer is good enough (default 0.7)"},
        {.name = "most-loss", .type = OPTION_TEXT, .value = &loss, .metavar = "SCORE", .help = "most that the mean score may lose, surely (default 0.02)"},
        {.name = "least-quality", .type = OPTION_TEXT, .value = &least, .metavar = "SCORE", .help = "and what the mean score must surely be"},
        {.name = "why", .type = OPTION_TEXT, .value = &why, .metavar = "TEXT", .help = "kept in the audit log"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, TRAIN_USAGE, &n);
    if (code < 0) code = cli_expect(TRAIN_USAGE, n, 1, 1);
    if (code >= 0) return code;
    struct buffer path;
    cli_route_path(&path, argv[0], "/route/train");
    client_add_query(&path, "from", from);
    client_add_query(&path, "to", to);
    client_add_query(&path, "quality", quality);
    client_add_query(&path, "good", good);
    client_add_query(&path, "most_loss", loss);
    client_add_query(&path, "least_quality", least);
    client_add_query(&path, "reason", why);
    struct client *client = client_open(&o, &code);
    struct client_answer a;
    client_answer_init(&a);
    if (client) code = client_call(client, "POST", buffer_text(&path), SLICE_NULL, &a);
    if (client && code < 0) {
        if (o.json) cli_print_json(&a);
        else write_trained(&a);
        code = trained_code(&a);
    }
    client_answer_deinit(&a);
    client_close(client);
    buffer_deinit(&path);
    return code;
}

/* ---- on and off ---- */

static int turn(const char *model, const char *state, const char *why, const struct client_options *o) {
    struct buffer path, body;
    struct json_writer w;
    struct client_answer a;
    int code = 0;
    cli_route_path(&path, model, "/route");
    buffer_init(&body, 16 << 10);
    json_start(&w, &body);
    json_object(&w);
    json_member_text(&w, "state", state);
    json_member_text(&w, "reason", why);
    json_object_end(&w);
    struct client *client = client_open(o, &code);
    client_answer_init(&a);
    if (client) code = client_call(client, "POST", buffer_text(&path), buffer_slice(&body), &a);
    if (client && code < 0) {
        if (o->json) cli_print_json(&a);
        else printf("routing of %s by difficulty is %s%s" SLICE_FMT "\n", model, strcmp(state, "on") == 0 ? "on" : "in shadow",
                    slice_is(cli_value(&a, 0, "in_force"), "true") ? "" : "; ", SLICE_ARG(cli_value(&a, 0, "why_not")));
        code = 0;
    }
    client_answer_deinit(&a);
    client_close(client);
    buffer_deinit(&body);
    buffer_deinit(&path);
    return code;
}

static int turn_verb(int argc, char **argv, const char *usage, const char *state, bool needs_why) {
    struct client_options o = {0};
    const char *why = NULL;
    const struct option_spec specs[] = {
        {.name = "why", .type = OPTION_TEXT, .required = needs_why, .value = &why, .metavar = "TEXT", .help = "kept in the audit log"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, usage, &n);
    if (code < 0) code = cli_expect(usage, n, 1, 1);
    return code >= 0 ? code : turn(argv[0], state, why, &o);
}

int cli_route_on(int argc, char **argv) { return turn_verb(argc, argv, ON_USAGE, "on", true); }
int cli_route_off(int argc, char **argv) { return turn_verb(argc, argv, OFF_USAGE, "shadow", false); }

/* ---- show ---- */

static void write_rules(struct client_answer *a) {
    uint32_t at = JSON_NONE, rule;
    while (json_each_item(&a->doc, cli_at(a, 0, "rules"), &at, &rule)) {
        struct slice when = json_raw(&a->doc, cli_at(a, rule, "when"));
        printf("  rule: " SLICE_FMT " when " SLICE_FMT "\n", SLICE_ARG(cli_value(a, rule, "tier")), SLICE_ARG(when));
    }
}

static void write_seen(struct client_answer *a) {
    uint32_t at = JSON_NONE, tier, n;
    printf("seen from " SLICE_FMT " on: " SLICE_FMT " answers, " SLICE_FMT " routed so; chosen:", SLICE_ARG(cli_value(a, 0, "seen.from")),
           SLICE_ARG(cli_value(a, 0, "seen.records")), SLICE_ARG(cli_value(a, 0, "seen.applied")));
    while (json_each_member(&a->doc, cli_at(a, 0, "seen.chosen"), &at, &tier, &n))
        printf(" " SLICE_FMT " " SLICE_FMT, SLICE_ARG(json_string(&a->doc, tier, &a->arena)), SLICE_ARG(json_raw(&a->doc, n)));
    printf("; " SLICE_FMT " answered by the tier chosen\n", SLICE_ARG(cli_value(a, 0, "seen.agreed")));
    printf("the other " SLICE_FMT " with a price would have cost " SLICE_FMT " USD less of " SLICE_FMT "\n",
           SLICE_ARG(cli_value(a, 0, "seen.would_save_records")), SLICE_ARG(cli_value(a, 0, "seen.would_save_usd")),
           SLICE_ARG(cli_value(a, 0, "seen.cost_usd")));
}

static void write_route(struct client_answer *a) {
    uint32_t at = JSON_NONE, tier;
    struct slice by = cli_value(a, 0, "changed_by"), why = cli_value(a, 0, "why");
    printf(SLICE_FMT ": " SLICE_FMT, SLICE_ARG(cli_value(a, 0, "model")), SLICE_ARG(cli_value(a, 0, "state")));
    if (slice_is(cli_value(a, 0, "in_force"), "false")) printf(" (not in force: its tiers are not those that it was trained for)");
    if (by.len > 0) printf(", by " SLICE_FMT "%s" SLICE_FMT, SLICE_ARG(by), why.len > 0 ? ": " : "", SLICE_ARG(why));
    printf("\ntiers, cheapest first:");
    while (json_each_item(&a->doc, cli_at(a, 0, "tiers"), &at, &tier)) printf(" " SLICE_FMT, SLICE_ARG(json_string(&a->doc, tier, &a->arena)));
    printf("\n");
    write_rules(a);
    if (slice_is_null(cli_value(a, 0, "trained"))) {
        printf("never trained: without a rule that matches, the most capable tier\n");
    } else {
        printf("trained " SLICE_FMT " by " SLICE_FMT ": " SLICE_FMT "\n", SLICE_ARG(cli_value(a, 0, "trained_at")),
               SLICE_ARG(cli_value(a, 0, "trained_by")), SLICE_ARG(cli_value(a, 0, "trained.why")));
        write_weights(a, cli_at(a, 0, "trained.weights.features"));
        write_curve(a, cli_at(a, 0, "trained"));
    }
    if (!slice_is_null(cli_value(a, 0, "downgrade_test")))
        printf("downgrade test " SLICE_FMT ": " SLICE_FMT "\n", SLICE_ARG(cli_value(a, 0, "downgrade_test_at")),
               SLICE_ARG(cli_value(a, 0, "downgrade_test.why")));
    write_seen(a);
}

int cli_route_show(int argc, char **argv) {
    struct client_options o = {0};
    const char *from = NULL, *to = NULL;
    const struct option_spec specs[] = {
        {.name = "from", .type = OPTION_TEXT, .value = &from, .metavar = "TIME", .help = "first traffic that is looked at (default 7 days back)"},
        {.name = "to", .type = OPTION_TEXT, .value = &to, .metavar = "TIME", .help = "first time that no longer counts"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, SHOW_USAGE, &n);
    if (code < 0) code = cli_expect(SHOW_USAGE, n, 1, 1);
    if (code >= 0) return code;
    struct buffer path;
    cli_route_path(&path, argv[0], "/route");
    client_add_query(&path, "from", from);
    client_add_query(&path, "to", to);
    code = cli_get(&o, buffer_text(&path), write_route, NULL);
    buffer_deinit(&path);
    return code;
}
