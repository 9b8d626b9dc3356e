/* `quarterdeck oncall`: whose turn it is, and who takes it instead. */
#include "control/cli_verbs.h"

#include "base/clock.h"
#include "model/quantity.h"

#define NOW_USAGE "quarterdeck oncall now [SCHEDULE] [options]"
#define SHOW_USAGE "quarterdeck oncall show SCHEDULE [options]"
#define OVERRIDE_USAGE "quarterdeck oncall override SCHEDULE PERSON (--to TIME | --for DURATION) [options]"
#define REMOVE_USAGE "quarterdeck oncall remove NUMBER [options]"
#define WHY(v) {.name = "why", .type = OPTION_TEXT, .value = &(v), .metavar = "TEXT", .help = "kept in the audit log"}

static void put_person(struct sheet *s, struct client_answer *a, uint32_t turn) {
    struct slice person = cli_value(a, turn, "person");
    sheet_put(s, slice_is_null(person) ? SLICE("nobody") : person);
}

static void write_now(struct client_answer *a) {
    static const char *const headers[] = {"SCHEDULE", "ON CALL", "TOLD BY", "UNTIL (UTC)", "THEN", "OVERRIDE"};
    uint32_t s, at = JSON_NONE;
    struct sheet sheet;
    sheet_init(&sheet, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "schedules"), &at, &s)) {
        uint32_t next = cli_at(a, s, "next");
        cli_put(&sheet, a, s, "schedule");
        put_person(&sheet, a, s);
        cli_put(&sheet, a, s, "receiver");
        cli_put_time(&sheet, a, s, "to");
        if (json_type(&a->doc, next) == JSON_OBJECT) put_person(&sheet, a, next);
        else sheet_put(&sheet, SLICE_NULL);
        cli_put(&sheet, a, s, "override");
    }
    if (sheet_rows(&sheet) > 0) sheet_write(&sheet, stdout, true);
    else printf("no schedule is configured: `oncall.schedules` in the configuration has them\n");
    sheet_deinit(&sheet);
}

static int any_nobody(struct client_answer *a) {
    uint32_t s, at = JSON_NONE;
    bool any = false;
    while (json_each_item(&a->doc, cli_at(a, 0, "schedules"), &at, &s)) {
        any = true;
        if (slice_is_null(cli_value(a, s, "receiver"))) return 1;
    }
    return any ? 0 : 1;
}

static int now(int argc, char **argv) {
    struct client_options o = {0};
    const char *when = NULL;
    const struct option_spec specs[] = {
        {.name = "at", .type = OPTION_TEXT, .value = &when, .metavar = "TIME", .help = "at another time than now: RFC 3339, or a date"},
        CLIENT_OPTIONS(o),
    };
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, NOW_USAGE, &n);
    if (code < 0) code = cli_expect(NOW_USAGE, n, 0, 1);
    if (code >= 0) return code;
    buffer_init(&path, 16 << 10);
    buffer_append(&path, SLICE("/api/v1/oncall"));
    client_add_query(&path, "schedule", n > 0 ? argv[0] : NULL);
    client_add_query(&path, "at", when);
    code = cli_get(&o, buffer_text(&path), write_now, any_nobody);
    buffer_deinit(&path);
    return code;
}

static void write_turns(struct client_answer *a) {
    static const char *const headers[] = {"FROM (UTC)", "TO (UTC)", "ON CALL", "TOLD BY", "OVERRIDE"};
    uint32_t t, at = JSON_NONE;
    struct sheet s;
    printf(SLICE_FMT ", by the clocks of " SLICE_FMT "\n", SLICE_ARG(cli_value(a, 0, "schedule")), SLICE_ARG(cli_value(a, 0, "timezone")));
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "turns"), &at, &t)) {
        cli_put_time(&s, a, t, "from");
        cli_put_time(&s, a, t, "to");
        put_person(&s, a, t);
        cli_put(&s, a, t, "receiver");
        cli_put(&s, a, t, "override");
    }
    sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static int show(int argc, char **argv) {
    struct client_options o = {0};
    const char *from = NULL, *to = NULL;
    const struct option_spec specs[] = {
        {.name = "from", .type = OPTION_TEXT, .value = &from, .metavar = "TIME", .help = "begin (now)"},
        {.name = "to", .type = OPTION_TEXT, .value = &to, .metavar = "TIME", .help = "end (14 days later)"},
        CLIENT_OPTIONS(o),
    };
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, SHOW_USAGE, &n);
    if (code < 0) code = cli_expect(SHOW_USAGE, n, 1, 1);
    if (code >= 0) return code;
    buffer_init(&path, 16 << 10);
    buffer_append(&path, SLICE("/api/v1/oncall"));
    client_add_segment(&path, argv[0]);
    client_add_query(&path, "from", from);
    client_add_query(&path, "to", to);
    code = cli_get(&o, buffer_text(&path), write_turns, NULL);
    buffer_deinit(&path);
    return code;
}

static void write_override(struct client_answer *a) {
    printf("override " SLICE_FMT ": " SLICE_FMT " has " SLICE_FMT " from %.16s to %.16s UTC; undo: quarterdeck oncall remove " SLICE_FMT "\n",
           SLICE_ARG(cli_value(a, 0, "number")), SLICE_ARG(cli_value(a, 0, "person")), SLICE_ARG(cli_value(a, 0, "schedule")),
           cli_value(a, 0, "from").at, cli_value(a, 0, "to").at, SLICE_ARG(cli_value(a, 0, "number")));
}

/* A time, or a duration from `base`. */
static bool read_time(const char *text, int64_t *ret_us) { return text == NULL || clock_parse(slice_of(text), ret_us); }

static int override(int argc, char **argv) {
    struct client_options o = {0};
    const char *from = NULL, *to = NULL, *lasts = NULL, *why = NULL;
    const struct option_spec specs[] = {
        {.name = "from", .type = OPTION_TEXT, .value = &from, .metavar = "TIME", .help = "begin: RFC 3339, or a date (now)"},
        {.name = "to", .type = OPTION_TEXT, .value = &to, .metavar = "TIME", .help = "end"},
        {.name = "for", .type = OPTION_TEXT, .value = &lasts, .metavar = "DURATION", .help = "or how long, such as 8h"},
        WHY(why),
        CLIENT_OPTIONS(o),
    };
    struct buffer path, body;
    struct json_writer w;
    char text[CLOCK_TEXT];
    int64_t from_us = clock_wall_us(), to_us = 0, for_us = 0;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, OVERRIDE_USAGE, &n);
    if (code < 0) code = cli_expect(OVERRIDE_USAGE, n, 2, 2);
    if (code >= 0) return code;
    bool good = (to == NULL) != (lasts == NULL) && read_time(from, &from_us) && read_time(to, &to_us);
    if (!good || (lasts != NULL && (!duration_parse(slice_of(lasts), &for_us) || for_us <= 0))) {
        fprintf(stderr, "quarterdeck: expected either --to TIME or --for DURATION, times such as 2026-01-05T09:00:00Z, durations such as 8h\nusage: %s\n", OVERRIDE_USAGE);
        return 2;
    }
    buffer_init(&path, 16 << 10);
    buffer_init(&body, 64 << 10);
    buffer_append(&path, SLICE("/api/v1/oncall"));
    client_add_segment(&path, argv[0]);
    buffer_append(&path, SLICE("/overrides"));
    json_start(&w, &body);
    json_object(&w);
    json_member_text(&w, "person", argv[1]);
    clock_format(from_us, text);
    json_member_text(&w, "from", text);
    clock_format(lasts != NULL ? from_us + for_us : to_us, text);
    json_member_text(&w, "to", text);
    if (why != NULL) json_member_text(&w, "reason", why);
    json_object_end(&w);
    code = cli_send(&o, "POST", buffer_text(&path), buffer_slice(&body), write_override);
    buffer_deinit(&body);
    buffer_deinit(&path);
    return code;
}

static void write_removed(struct client_answer *a) {
    printf("override " SLICE_FMT " is removed; quarterdeck oncall now says whose turn it is\n", SLICE_ARG(cli_value(a, 0, "number")));
}

static int take_away(int argc, char **argv) {
    struct client_options o = {0};
    const char *why = NULL;
    const struct option_spec specs[] = {WHY(why), CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, REMOVE_USAGE, &n);
    if (code < 0) code = cli_expect(REMOVE_USAGE, n, 1, 1);
    return code >= 0 ? code : cli_post_reason(&o, "/api/v1/oncall-overrides", argv[0], "/remove", why, write_removed);
}

const struct cli_verb cli_oncall_parts[] = {
    {"now", "oncall now [SCHEDULE] [options]", "whose turn it is, and who is next; exit 1 when nobody can be reached", now},
    {"show", "oncall show SCHEDULE [options]", "turns of the days to come, overrides and gaps among them", show},
    {"override", "oncall override SCHEDULE PERSON (--to TIME | --for DURATION)", "somebody takes a time instead of whoever has it", override},
    {"remove", "oncall remove NUMBER [options]", "an override does not hold any more", take_away},
    {NULL, NULL, NULL, NULL},
};

int cli_oncall(int argc, char **argv) { return cli_dispatch("oncall", cli_oncall_parts, argc, argv); }
