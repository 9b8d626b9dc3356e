/* `quarterdeck provider list|show`: is it us or them. */
#include "control/cli_verbs.h"

#define LIST_USAGE "quarterdeck provider list [options]"
#define SHOW_USAGE "quarterdeck provider show NAME [options]"

static bool is_wrong(struct client_answer *a, uint32_t p) {
    struct slice v = cli_value(a, p, "verdict");
    return !slice_is(v, "well") && !slice_is(v, "idle");
}

/* ---- list ---- */

static void write_lines(struct client_answer *a) {
    uint32_t p, at = JSON_NONE;
    unsigned n = 0;
    while (json_each_item(&a->doc, cli_at(a, 0, "providers"), &at, &p)) {
        if (!slice_is_null(cli_value(a, p, "upstream_model")) && !is_wrong(a, p)) continue;
        printf(SLICE_FMT "\n", SLICE_ARG(cli_value(a, p, "line")));
        n++;
    }
    if (n == 0) printf("no provider was looked at yet: the watch looks each 5 s\n");
}
static int any_wrong(struct client_answer *a) {
    uint32_t p, at = JSON_NONE;
    while (json_each_item(&a->doc, cli_at(a, 0, "providers"), &at, &p))
        if (is_wrong(a, p)) return 1;
    return 0;
}
static int list(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LIST_USAGE, &n);
    if (code < 0) code = cli_expect(LIST_USAGE, n, 0, 0);
    return code >= 0 ? code : cli_get(&o, "/api/v1/providers", write_lines, any_wrong);
}

/* ---- show ---- */

static void write_details(struct client_answer *a, uint32_t p) {
    uint32_t x, at = JSON_NONE;
    printf(SLICE_FMT "\n", SLICE_ARG(cli_value(a, p, "line")));
    while (json_each_item(&a->doc, cli_at(a, p, "evidence.probes"), &at, &x))
        printf("  probe " SLICE_FMT "  %s  " SLICE_FMT "\n", SLICE_ARG(cli_value(a, x, "at")), slice_is(cli_value(a, x, "ok"), "true") ? "ok    " : "failed", SLICE_ARG(cli_value(a, x, "why")));
    at = JSON_NONE;
    while (json_each_item(&a->doc, cli_at(a, p, "evidence.status_page.incidents"), &at, &x))
        printf("  status page: " SLICE_FMT " (" SLICE_FMT ", " SLICE_FMT ") " SLICE_FMT "\n", SLICE_ARG(cli_value(a, x, "name")), SLICE_ARG(cli_value(a, x, "impact")),
               SLICE_ARG(cli_value(a, x, "status")), SLICE_ARG(cli_value(a, x, "url")));
    at = JSON_NONE;
    while (json_each_item(&a->doc, cli_at(a, p, "evidence.examples"), &at, &x)) printf("  quarterdeck record show " SLICE_FMT "\n", SLICE_ARG(cli_value(a, x, "")));
    if (slice_is(cli_value(a, p, "verdict"), "them") && slice_is_null(cli_value(a, p, "upstream_model")))
        printf("  to send nothing there: quarterdeck action take open_breaker --provider " SLICE_FMT "\n", SLICE_ARG(cli_value(a, p, "provider")));
}
static void write_all(struct client_answer *a) {
    uint32_t p, at = JSON_NONE;
    while (json_each_item(&a->doc, cli_at(a, 0, "providers"), &at, &p)) write_details(a, p);
}
static int show(int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, SHOW_USAGE, &n);
    if (code < 0) code = cli_expect(SHOW_USAGE, n, 1, 1);
    if (code >= 0) return code;
    struct buffer path;
    buffer_init(&path, 4096);
    buffer_append(&path, SLICE("/api/v1/providers"));
    client_add_query(&path, "provider", argv[0]);
    code = cli_get(&o, buffer_text(&path), write_all, any_wrong);
    buffer_deinit(&path);
    return code;
}

const struct cli_verb cli_provider_parts[] = {
    {"list", "provider list [options]", "is it us or them, a line each; exit 1 when something is wrong", list},
    {"show", "provider show NAME [options]", "one with its probes, status page and models; exit 1 when something is wrong", show},
    {NULL, NULL, NULL, NULL},
};
int cli_provider(int argc, char **argv) { return cli_dispatch("provider", cli_provider_parts, argc, argv); }
