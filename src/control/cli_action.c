/* `quarterdeck action`: what was done to live traffic, by itself or by a person; doing it, and undoing it. */
#include "control/cli_change.h"
#include "control/cli_verbs.h"
#include "model/intervention.h"
#include "control/suggest.h"
#include "store/actions.h"

#include <stdio.h>

#define LIST_USAGE "quarterdeck action list [options]"
#define SHOW_USAGE "quarterdeck action show N [options]"
#define TAKE_USAGE "quarterdeck action take KIND [options]"
#define UNDO_USAGE "quarterdeck action undo N [options]"

static void print_clean(const char *before, struct slice text) {
    struct buffer out;
    buffer_init(&out, 256 << 10);
    sheet_clean(&out, text);
    printf("%s" SLICE_FMT "\n", before, SLICE_ARG(buffer_slice(&out)));
    buffer_deinit(&out);
}

static enum sheet_color color_of(struct slice state) {
    if (slice_is(state, "in force")) return SHEET_BAD;
    return slice_is(state, "returning") || slice_is(state, "not granted") || slice_is(state, "too often") || slice_is(state, "failed") ? SHEET_WARN : SHEET_GOOD;
}

/* ---- list and show ---- */

static void write_list(struct client_answer *a) {
    static const char *const headers[] = {">ACTION", "KIND", "OF", "STATE", ">BACK", "AT", "UNTIL", "BY", "RULE", ">ALERT", "UNDO"};
    struct sheet s;
    uint32_t at = JSON_NONE, r;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "actions"), &at, &r)) {
        double share;
        cli_put(&s, a, r, "number");
        cli_put(&s, a, r, "kind");
        cli_put(&s, a, r, "about");
        cli_put(&s, a, r, "state");
        sheet_paint(&s, color_of(cli_value(a, r, "state")));
        if (json_get_double(&a->doc, cli_at(a, r, "share"), &share)) sheet_print_cell(&s, "%g %%", share * 100);
        else sheet_put(&s, SLICE_NULL);
        cli_put_time(&s, a, r, "at");
        cli_put_time(&s, a, r, "until");
        cli_put(&s, a, r, "by");
        cli_put(&s, a, r, "rule");
        cli_put(&s, a, r, "alert");
        cli_put(&s, a, r, "undo");
    }
    if (sheet_rows(&s) > 0) sheet_write(&s, stdout, true);
    else printf("nothing was done to live traffic\n");
    sheet_deinit(&s);
}

static int list(int argc, char **argv) {
    struct client_options o = {0};
    const char *state = NULL, *rule = NULL, *alert = NULL, *limit = NULL, *from = NULL, *before = NULL;
    bool in_force = false;
    const struct option_spec specs[] = {
        {.name = "in-force", .type = OPTION_FLAG, .value = &in_force, .help = "only those that the loops hold"},
        {.name = "state", .type = OPTION_TEXT, .value = &state, .metavar = "STATE", .help = "only these: done, undone, would, 'not granted', ..."},
        {.name = "rule", .type = OPTION_TEXT, .value = &rule, .metavar = "NAME", .help = "only those that follow its alerts"},
        {.name = "alert", .type = OPTION_TEXT, .value = &alert, .metavar = "N", .help = "only those that follow this alert"},
        {.name = "from", .type = OPTION_TEXT, .value = &from, .metavar = "TIME", .help = "only those begun since: RFC 3339, a date, or -1h"},
        {.name = "before", .type = OPTION_TEXT, .value = &before, .metavar = "N", .help = "only numbers below: the next page"},
        {.name = "limit", .type = OPTION_TEXT, .value = &limit, .metavar = "N", .help = "at most so many (100)"},
        CLIENT_OPTIONS(o),
    };
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LIST_USAGE, &n);
    if (code < 0) code = cli_expect(LIST_USAGE, n, 0, 0);
    if (code >= 0) return code;
    buffer_init(&path, 16 << 10);
    buffer_append(&path, SLICE("/api/v1/actions"));
    client_add_query(&path, "in_force", in_force ? "true" : NULL);
    client_add_query(&path, "state", state);
    client_add_query(&path, "rule", rule);
    client_add_query(&path, "alert", alert);
    client_add_query(&path, "from", from);
    client_add_query(&path, "before", before);
    client_add_query(&path, "limit", limit);
    code = cli_get(&o, buffer_text(&path), write_list, NULL);
    buffer_deinit(&path);
    return code;
}

static void write_time(struct client_answer *a, const char *key, const char *before) {
    struct slice when = cli_value(a, 0, key);
    if (when.len >= 19) printf("%s%.10s %.8s UTC\n", before, when.at, when.at + 11);
}

static void write_value(struct client_answer *a, const char *key, const char *before) {
    struct slice text = cli_value(a, 0, key);
    if (text.len > 0) print_clean(before, text);
}

static void write_steps(struct client_answer *a) {
    uint32_t at = JSON_NONE, step;
    while (json_each_item(&a->doc, cli_at(a, 0, "evidence.coming_back"), &at, &step)) {
        struct slice when = cli_value(a, step, "at");
        double share = 0;
        (void)json_get_double(&a->doc, cli_at(a, step, "share"), &share);
        printf("  %.19s  %g %% back: ", when.len >= 19 ? when.at : "", share * 100);
        print_clean("", cli_value(a, step, "why"));
    }
}

static void write_one(struct client_answer *a) {
    struct slice state = cli_value(a, 0, "state");
    printf("action " SLICE_FMT ": " SLICE_FMT " of ", SLICE_ARG(cli_value(a, 0, "number")), SLICE_ARG(cli_value(a, 0, "kind")));
    print_clean("", cli_value(a, 0, "about"));
    printf("%s" SLICE_FMT "%s\n", sheet_color_on(stdout, color_of(state)), SLICE_ARG(state), sheet_color_off(stdout));
    write_time(a, "at", "since    ");
    write_time(a, "until", "until    ");
    write_time(a, "ended", "ended    ");
    write_value(a, "by", "by       ");
    write_value(a, "rule", "rule     ");
    write_value(a, "alert", "alert    ");
    write_value(a, "why", "why      ");
    write_value(a, "ended_by", "ended by ");
    write_value(a, "ended_why", "because  ");
    write_value(a, "undo", "undo     ");
    write_steps(a);
}

static int show(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, SHOW_USAGE, &n);
    if (code < 0) code = cli_expect(SHOW_USAGE, n, 1, 1);
    if (code >= 0) return code;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/actions"));
    client_add_segment(&path, argv[0]);
    code = cli_get(&o, buffer_text(&path), write_one, NULL);
    buffer_deinit(&path);
    return code;
}

/* ---- take and undo ---- */

/* Refused because of who asks, or of what is so already: the answer is no. */
static int send(const struct client_options *o, const char *path, struct slice body) {
    struct client_answer a;
    int code = 0;
    struct client *client = client_open(o, &code);
    client_answer_init(&a);
    if (client) code = client_call(client, "POST", path, body, &a);
    if (client && code < 0) {
        if (o->json) cli_print_json(&a);
        else print_clean("", cli_value(&a, 0, "words"));
        code = 0;
    } else if (client) {
        code = cli_change_code(code, &a);
    }
    client_answer_deinit(&a);
    client_close(client);
    return code;
}

static int unknown_kind(const char *word) {
    struct suggestion s;
    char hint[SUGGESTION_TEXT];
    suggestion_start(&s, slice_of(word));
    for (unsigned k = 0; k < INTERVENTION_KINDS; k++) suggestion_offer(&s, intervention_name((enum intervention_kind)k));
    fprintf(stderr, "quarterdeck: there is no action `%s`%s\n", word, suggestion_text(&s, "", hint));
    fprintf(stderr, "quarterdeck: they are:");
    for (unsigned k = 0; k < INTERVENTION_KINDS; k++) fprintf(stderr, "%s %s", k > 0 ? "," : "", intervention_name((enum intervention_kind)k));
    fputc('\n', stderr);
    return 2;
}

/* What the members of a scope are to people; in the order of INTERVENTION_SCOPE. */
static const char *const member_help[] = {
    "of a key, of kept answers, of batches",
    "whose traffic: fail_over, route_down, serve_degraded, quarantine",
    "whose breaker",
    "of the provider, as it names it",
    "to roll back, to abort the rollout of; of kept answers",
    "the name of the application's key",
    "of fail_over: PROVIDER/MODEL or PROVIDER that is asked last (the first target)",
    "of fail_over: who is asked first, another model too; of roll_back: the version",
    "of route_down: the most capable tier that answers (the cheapest)",
    "of quarantine: the one answer, by its record",
    "of pause_batch: only this one",
};
_Static_assert(sizeof member_help / sizeof *member_help == INTERVENTION_MEMBERS, "help of each member");

static void write_body(struct buffer *body, const char *kind, const char *const *members, int64_t per_minute, const char *lasts, bool dry_run,
                       const char *why, const char *as) {
    struct json_writer w;
    buffer_init(body, 64 << 10);
    json_start(&w, body);
    json_object(&w);
    if (kind) json_member_text(&w, "kind", kind);
    for (unsigned m = 0; members && m < INTERVENTION_MEMBERS; m++)
        if (members[m]) json_member_text(&w, intervention_member_name((enum intervention_member)m), members[m]);
    if (per_minute >= 0) json_member_i64(&w, "per_minute", per_minute);
    if (lasts) json_member_text(&w, "for", lasts);
    if (dry_run) json_member_text(&w, "dry_run", "true");
    if (why) json_member_text(&w, "reason", why);
    if (as) json_member_text(&w, "as", as);
    json_object_end(&w);
}

static int take(int argc, char **argv) {
    struct client_options o = {0};
    const char *members[INTERVENTION_MEMBERS] = {NULL}, *lasts = NULL, *why = NULL, *as = NULL;
    bool dry_run = false;
    int64_t per_minute = -1;
    const struct option_spec own[] = {
        {.name = "per-minute", .type = OPTION_INTEGER, .value = &per_minute, .metavar = "N", .help = "of throttle_key: requests that the key may send"},
        {.name = "for", .type = OPTION_TEXT, .value = &lasts, .metavar = "TIME", .help = "it ends by itself after this long: 1h, 30m (until it is undone)"},
        {.name = "dry-run", .type = OPTION_FLAG, .value = &dry_run, .help = "say what would be done; nothing is"},
        {.name = "why", .type = OPTION_TEXT, .value = &why, .metavar = "TEXT", .help = "kept with it and in the audit log"},
        {.name = "as", .type = OPTION_TEXT, .value = &as, .metavar = "PERSON", .help = "who does it, where no tokens are configured"},
        CLIENT_OPTIONS(o),
    };
    enum { N_OWN = sizeof own / sizeof *own };
    struct option_spec specs[INTERVENTION_MEMBERS + N_OWN];
    struct buffer body;
    enum intervention_kind kind;
    for (unsigned m = 0; m < INTERVENTION_MEMBERS; m++) {
        const char *name = intervention_member_name((enum intervention_member)m);
        specs[m] = (struct option_spec){.name = strcmp(name, "upstream_model") == 0 ? "upstream-model" : name, .type = OPTION_TEXT, .value = &members[m],
                                        .metavar = "NAME", .help = member_help[m]};
    }
    memcpy(&specs[INTERVENTION_MEMBERS], own, sizeof own);
    int n, code = options_parse(argc, argv, specs, INTERVENTION_MEMBERS + N_OWN, TAKE_USAGE, &n);
    if (code < 0) code = cli_expect(TAKE_USAGE, n, 1, 1);
    if (code >= 0) return code;
    if (!intervention_from(slice_of(argv[0]), &kind)) return unknown_kind(argv[0]);
    write_body(&body, argv[0], members, per_minute, lasts, dry_run, why, as);
    code = send(&o, "/api/v1/actions", buffer_slice(&body));
    buffer_deinit(&body);
    return code;
}

static int undo(int argc, char **argv) {
    struct client_options o = {0};
    const char *why = NULL, *as = NULL;
    const struct option_spec specs[] = {
        {.name = "why", .type = OPTION_TEXT, .value = &why, .metavar = "TEXT", .help = "kept with it and in the audit log"},
        {.name = "as", .type = OPTION_TEXT, .value = &as, .metavar = "PERSON", .help = "who does it, where no tokens are configured"},
        CLIENT_OPTIONS(o),
    };
    struct buffer path, body;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, UNDO_USAGE, &n);
    if (code < 0) code = cli_expect(UNDO_USAGE, n, 1, 1);
    if (code >= 0) return code;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/actions"));
    client_add_segment(&path, argv[0]);
    buffer_append(&path, SLICE("/undo"));
    write_body(&body, NULL, NULL, -1, NULL, false, why, as);
    code = send(&o, buffer_text(&path), buffer_slice(&body));
    buffer_deinit(&body);
    buffer_deinit(&path);
    return code;
}

const struct cli_verb cli_action_parts[] = {
    {"list", "action list [options]", "what was done to live traffic, and what was not and why; newest first", list},
    {"show", "action show N [options]", "one action: its evidence, and each step of its coming back", show},
    {"take", "action take KIND [options]", "do it: roll_back, abort_rollout, fail_over, open_breaker, close_breaker, throttle_key, freeze_key, route_down, serve_degraded, quarantine, pause_batch", take},
    {"undo", "action undo N [options]", "end it: everything is as before from the next exchange on", undo},
    {NULL, NULL, NULL, NULL},
};

int cli_action(int argc, char **argv) { return cli_dispatch("action", cli_action_parts, argc, argv); }
