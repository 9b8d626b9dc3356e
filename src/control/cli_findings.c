/* `quarterdeck finding list` and `finding dismiss`; `cost findings` and `cost dismiss` are the same of one domain. */
#include "control/cli_cost_watch.h"

#include "control/cli_verbs.h"


/* Titles hold labels of clients: nothing in them may reach the terminal as control characters. */
static void print_line(struct client_answer *a, uint32_t node, const char *key, const char *word) {
    struct buffer out;
    struct slice value = cli_value(a, node, key);
    if (slice_is_null(value)) return;
    buffer_init(&out, 256 << 10);
    sheet_clean(&out, value);
    printf("   %s" SLICE_FMT "\n", word, SLICE_ARG(buffer_slice(&out)));
    buffer_deinit(&out);
}

static void print_time(struct client_answer *a, uint32_t node, const char *key, const char *word) {
    struct slice time = cli_value(a, node, key);
    if (time.len >= 19) printf("%s%.10s %.8s", word, time.at, time.at + 11);
}

static void print_finding(struct client_answer *a, uint32_t f) {
    struct slice state = cli_value(a, f, "state"), times = cli_value(a, f, "times");
    bool open = slice_is(state, "open");
    enum sheet_color color = open ? SHEET_BAD : SHEET_DIM;
    printf("%s" SLICE_FMT "%s " SLICE_FMT ", " SLICE_FMT, sheet_color_on(stdout, color),
           SLICE_ARG(cli_value(a, f, "id")), sheet_color_off(stdout), SLICE_ARG(cli_value(a, f, "kind")),
           SLICE_ARG(state));
    print_time(a, f, "first_seen", ", first seen ");
    print_time(a, f, "last_seen", ", last ");
    printf(" UTC");
    if (!slice_is(times, "1")) printf(", opened " SLICE_FMT " times", SLICE_ARG(times));
    putchar('\n');
    print_line(a, f, "title", "");
    print_line(a, f, "dismissed.by", "dismissed by ");
    print_line(a, f, "dismissed.reason", "because: ");
    if (open) print_line(a, f, "command", "next: ");
}

static int any_open(struct client_answer *a) {
    uint32_t f, at = JSON_NONE;
    while (json_each_item(&a->doc, cli_at(a, 0, "findings"), &at, &f))
        if (slice_is(cli_value(a, f, "state"), "open")) return 1;
    return 0;
}

static void write_findings(struct client_answer *a) {
    uint32_t f, at = JSON_NONE;
    bool any = false;
    while (json_each_item(&a->doc, cli_at(a, 0, "findings"), &at, &f)) {
        if (any) putchar('\n');
        print_finding(a, f);
        any = true;
    }
    if (!any) printf("no findings; with --all those that were cleared or dismissed show, too\n");
}

/* `domain` NULL: any, and an option says which. */
static int list(int argc, char **argv, const char *domain, const char *usage) {
    struct client_options o = {0};
    const char *application = NULL, *kind = NULL;
    bool all = false;
    const struct option_spec specs[] = {
        {.name = "all", .type = OPTION_FLAG, .value = &all, .help = "also those that were cleared or dismissed"},
        {.name = "application", .letter = 'a', .type = OPTION_TEXT, .value = &application, .metavar = "NAME", .help = "only this application"},
        {.name = "kind", .type = OPTION_TEXT, .value = &kind, .metavar = "KIND", .help = "only this kind, such as unknown_price"},
        CLIENT_OPTIONS(o),
        {.name = "domain", .type = OPTION_TEXT, .value = &domain, .metavar = "NAME", .help = "only cost, quality or change"},
    };
    unsigned n_specs = sizeof specs / sizeof *specs - (domain != NULL);
    struct buffer path;
    int n, code = options_parse(argc, argv, specs, n_specs, usage, &n);
    if (code < 0) code = cli_expect(usage, n, 0, 0);
    if (code >= 0) return code;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/findings"));
    client_add_query(&path, "domain", domain);
    client_add_query(&path, "state", all ? NULL : "open");
    client_add_query(&path, "application", application);
    client_add_query(&path, "kind", kind);
    client_add_query(&path, "limit", "1000");
    code = cli_get(&o, buffer_text(&path), write_findings, any_open);
    buffer_deinit(&path);
    return code;
}

int cli_cost_findings(int argc, char **argv) { return list(argc, argv, "cost", "quarterdeck cost findings [options]"); }
static int list_all(int argc, char **argv) { return list(argc, argv, NULL, "quarterdeck finding list [options]"); }

static void say_dismissed(struct client_answer *a) {
    printf("finding " SLICE_FMT " is dismissed\n", SLICE_ARG(cli_value(a, 0, "id")));
}

static int dismiss(int argc, char **argv, const char *usage) {
    struct client_options o = {0};
    const char *why = NULL;
    const struct option_spec specs[] = {
        {.name = "why",
         .type = OPTION_TEXT,
         .required = true,
         .value = &why,
         .metavar = "TEXT",
         .help = "why it needs no answer; kept with it and in the audit log"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, usage, &n);
    if (code < 0) code = cli_expect(usage, n, 1, 1);
    if (code >= 0) return code;
    return cli_post_reason(&o, "/api/v1/findings", argv[0], "/dismiss", why, say_dismissed);
}

int cli_cost_dismiss(int argc, char **argv) { return dismiss(argc, argv, "quarterdeck cost dismiss ID --why TEXT [options]"); }
static int dismiss_any(int argc, char **argv) { return dismiss(argc, argv, "quarterdeck finding dismiss ID --why TEXT [options]"); }

const struct cli_verb cli_finding_parts[] = {
    {"list", "finding list [options]", "what the watchers noticed, of cost, quality and change; exit 1 when any is open", list_all},
    {"dismiss", "finding dismiss ID --why TEXT [options]", "it needs no answer: it is not told again", dismiss_any},
    {NULL, NULL, NULL, NULL},
};

int cli_finding(int argc, char **argv) { return cli_dispatch("finding", cli_finding_parts, argc, argv); }
