/* See cli_allowance.h. */
#include "control/cli_allowance.h"

#include "base/limits.h"
#include "control/cli_verbs.h"
#include "control/config_file.h"

/* ---- telling a change ---- */

static void write_changes(struct client_answer *a) {
    bool dry_run = slice_is(cli_value(a, 0, "dry_run"), "true");
    uint32_t change, at = JSON_NONE;
    while (json_each_item(&a->doc, cli_at(a, 0, "changes"), &at, &change)) {
        struct slice before = json_raw(&a->doc, cli_at(a, change, "before")), after = json_raw(&a->doc, cli_at(a, change, "after"));
        printf("%s" SLICE_FMT ": " SLICE_FMT " " SLICE_FMT "\n", dry_run ? "would be " : "", SLICE_ARG(cli_value(a, change, "change")),
               SLICE_ARG(cli_value(a, change, "kind")), SLICE_ARG(cli_value(a, change, "name")));
        if (slice_eq(before, after)) continue;
        if (!slice_is(before, "null")) printf("  - " SLICE_FMT "\n", SLICE_ARG(before));
        if (!slice_is(after, "null")) printf("  + " SLICE_FMT "\n", SLICE_ARG(after));
    }
    struct slice why = cli_value(a, 0, "why_not");
    if (!dry_run && !slice_is_null(why)) fprintf(stderr, "not in force yet: " SLICE_FMT "\n", SLICE_ARG(slice_trim(why)));
}

static void path_to(struct buffer *path, const char *kind, const char *name) {
    buffer_init(path, 16 << 10);
    (void)buffer_printf(path, "/api/v1/%ss", kind);
    if (name) client_add_segment(path, name);
}

/* ---- set ---- */

static void put_number(struct json_writer *w, const char *key, const char *text) {
    double n;
    if (!text) return;
    if (slice_to_double(slice_of(text), &n)) json_member_raw(w, key, slice_of(text));
    else json_member_text(w, key, text); /* the reader says what it expected */
}

static void put_text(struct json_writer *w, const char *key, const char *text) {
    if (text) json_member_text(w, key, text);
}

static void put_flags(struct json_writer *w, const struct allowance_options *a) {
    json_object(w);
    json_member_text(w, "name", a->name);
    json_key(w, "scope");
    json_object(w);
    put_text(w, "application", a->application);
    put_text(w, "team", a->team);
    put_text(w, "user", a->user);
    put_text(w, "feature", a->feature);
    put_text(w, "key", a->key);
    put_text(w, "model", a->model);
    put_text(w, "request_type", a->request_type);
    put_text(w, "tag", a->tag);
    json_object_end(w);
    put_number(w, "limit_usd", a->limit_usd);
    put_text(w, "window", a->window);
    put_text(w, "mode", a->mode);
    put_text(w, "timezone", a->timezone);
    put_text(w, "from", a->from);
    put_text(w, "to", a->to);
    put_number(w, "requests_per_minute", a->requests_per_minute);
    put_number(w, "tokens_per_minute", a->tokens_per_minute);
    put_number(w, "concurrent", a->concurrent);
    json_object_end(w);
}

static bool read_input(const char *path, struct buffer *out) {
    struct error error = {.fault = FAULT_NONE};
    if (config_file_load(strcmp(path, "-") == 0 ? "/dev/stdin" : path, out, &error) == FAULT_NONE) return true;
    fprintf(stderr, "quarterdeck: %s\n", error.text);
    return false;
}

int allowance_set(struct allowance_options *a, const struct option_spec *specs, unsigned n_specs, const char *usage, int argc, char **argv) {
    struct buffer path, body;
    struct json_writer w;
    int n, code = options_parse(argc, argv, specs, n_specs, usage, &n);
    if (code < 0) code = cli_expect(usage, n, a->name ? 0 : 1, a->name ? 0 : 1);
    if (code >= 0) return code;
    path_to(&path, a->kind, a->name);
    client_add_query(&path, "dry_run", a->dry_run ? "true" : NULL);
    client_add_query(&path, "reason", a->reason);
    buffer_init(&body, LIMIT_CONFIG_FILE);
    if (a->name) {
        json_start(&w, &body);
        put_flags(&w, a);
    } else if (!read_input(argv[0], &body)) {
        code = 3;
    } else {
        client_add_query(&path, "file", strcmp(argv[0], "-") == 0 ? "standard input" : argv[0]);
    }
    if (code < 0) code = cli_send(&a->client, "PUT", buffer_text(&path), buffer_slice(&body), write_changes);
    buffer_deinit(&body);
    buffer_deinit(&path);
    return code;
}

/* ---- show, remove ---- */

static void write_object(struct client_answer *a) {
    struct slice object = json_raw(&a->doc, cli_at(a, 0, "budget")), place = cli_value(a, 0, "place"), why = cli_value(a, 0, "why_not");
    if (object.len == 0) object = json_raw(&a->doc, cli_at(a, 0, "limit"));
    printf(SLICE_FMT "\n", SLICE_ARG(object));
    if (place.len > 0) {
        printf("in " SLICE_FMT "\n", SLICE_ARG(place));
    } else {
        printf("set " SLICE_FMT " by " SLICE_FMT, SLICE_ARG(cli_value(a, 0, "set_at")), SLICE_ARG(cli_value(a, 0, "set_by")));
        if (cli_value(a, 0, "reason").len > 0) printf(": " SLICE_FMT, SLICE_ARG(cli_value(a, 0, "reason")));
        printf("\n");
    }
    if (why.len > 0) printf("not in force: " SLICE_FMT "\n", SLICE_ARG(why));
}

int allowance_show(const char *kind, int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    bool budget = strcmp(kind, "budget") == 0;
    const char *usage = budget ? "quarterdeck budget show NAME [options]" : "quarterdeck limit show NAME [options]";
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, usage, &n);
    if (code < 0) code = cli_expect(usage, n, 1, 1);
    if (code >= 0) return code;
    path_to(&path, kind, argv[0]);
    code = cli_get(&o, buffer_text(&path), write_object, NULL);
    buffer_deinit(&path);
    return code;
}

int allowance_remove(const char *kind, int argc, char **argv) {
    struct client_options o = {0};
    const char *reason = NULL;
    bool dry_run = false, budget = strcmp(kind, "budget") == 0;
    const struct option_spec specs[] = {
        {.name = "reason", .type = OPTION_TEXT, .value = &reason, .metavar = "TEXT", .help = "why; kept in the audit log"},
        {.name = "dry-run", .type = OPTION_FLAG, .value = &dry_run, .help = "say what would change, and change nothing"},
        CLIENT_OPTIONS(o),
    };
    const char *usage = budget ? "quarterdeck budget remove NAME [options]" : "quarterdeck limit remove NAME [options]";
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, usage, &n);
    if (code < 0) code = cli_expect(usage, n, 1, 1);
    if (code >= 0) return code;
    path_to(&path, kind, argv[0]);
    client_add_query(&path, "dry_run", dry_run ? "true" : NULL);
    client_add_query(&path, "reason", reason);
    code = cli_send(&o, "DELETE", buffer_text(&path), SLICE_NULL, write_changes);
    buffer_deinit(&path);
    return code;
}
