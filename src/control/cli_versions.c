/* Versions of prompts and knowledge bases: list and show. */
#include "control/cli_versions.h"

#include <math.h>

const struct version_noun cli_prompt_noun = {"prompt", "/api/v1/prompts"}, cli_knowledge_noun = {"knowledge", "/api/v1/knowledge"};

void cli_versions_path(const struct version_noun *n, char *word, struct buffer *path, bool *ret_version) {
    char *version = strchr(word, '@');
    if (version != NULL) *version++ = 0;
    *ret_version = version != NULL;
    buffer_append(path, slice_of(n->collection));
    client_add_segment(path, word);
    buffer_append(path, SLICE("/versions"));
    if (version != NULL) client_add_segment(path, *version ? version : "production");
}

/* ---- list ---- */

static void write_list(struct client_answer *a) {
    static const char *const headers[] = {"NAME", ">PRODUCTION", ">NEWEST", "LAST CHANGE", "BY", "WHAT"};
    uint32_t item, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "subjects"), &at, &item)) {
        cli_put(&s, a, item, "name");
        cli_put(&s, a, item, "production");
        cli_put(&s, a, item, "newest");
        cli_put_time(&s, a, item, "changed_at");
        cli_put(&s, a, item, "changed_by");
        cli_put(&s, a, item, "changed");
    }
    if (sheet_rows(&s) == 0) printf("there is none yet; `quarterdeck apply -f DIR` makes versions of files\n");
    else sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

int cli_versions_list(const struct version_noun *n, int argc, char **argv) {
    char usage[96];
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    snprintf(usage, sizeof usage, "quarterdeck %s list [options]", n->noun);
    int found, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, usage, &found);
    if (code < 0) code = cli_expect(usage, found, 0, 0);
    return code >= 0 ? code : cli_get(&o, n->collection, write_list, NULL);
}

/* ---- what a version is ---- */

static void say(struct buffer *out, const char *what, struct slice value) {
    if (value.len == 0) return;
    buffer_printf(out, "  %-10s ", what);
    sheet_clean(out, value);
    buffer_byte(out, '\n');
}

/* "+120 tokens (+31 %), +0.0003 USD a call against version 4 (parent)" */
static void say_against(struct client_answer *a, uint32_t compared, const char *as, struct buffer *out) {
    uint32_t one = cli_at(a, compared, as);
    struct slice version = cli_value(a, one, "version"), tokens = cli_value(a, one, "tokens_more"), cost = cli_value(a, one, "cost_more_usd");
    struct slice class = cli_value(a, one, "class");
    double share = NAN;
    if (version.len == 0 || tokens.len == 0) return;
    buffer_printf(out, "  %-10s %s" SLICE_FMT " tokens", "", tokens.at[0] == '-' ? "" : "+", SLICE_ARG(tokens));
    if (json_get_double(&a->doc, cli_at(a, one, "tokens_more_share"), &share)) buffer_printf(out, " (%+.0f %%)", 100 * share);
    if (cost.len > 0) buffer_printf(out, ", %s" SLICE_FMT " USD a call", cost.at[0] == '-' ? "" : "+", SLICE_ARG(cost));
    buffer_printf(out, " against version " SLICE_FMT " (%s%s" SLICE_FMT ")\n", SLICE_ARG(version), as, class.len > 0 ? ", from which it is " : "", SLICE_ARG(class));
}

static void say_notes(struct client_answer *a, uint32_t node, struct buffer *out) {
    uint32_t note, at = JSON_NONE;
    while (json_each_item(&a->doc, cli_at(a, node, "lint"), &at, &note)) {
        buffer_printf(out, "  %-10s ", "lint");
        buffer_printf(out, SLICE_FMT ": ", SLICE_ARG(cli_value(a, note, "rule")));
        sheet_clean(out, cli_value(a, note, "words"));
        buffer_byte(out, '\n');
    }
}

void cli_version_say(struct client_answer *a, uint32_t node, struct buffer *out) {
    uint32_t reason, at = JSON_NONE;
    struct slice tokens = cli_value(a, node, "tokens"), cost = cli_value(a, node, "cost_per_call_usd");
    say(out, "class", cli_value(a, node, "class"));
    while (json_each_item(&a->doc, cli_at(a, node, "class_reasons"), &at, &reason)) say(out, "", json_string(&a->doc, reason, &a->arena));
    if (tokens.len > 0) {
        buffer_printf(out, "  %-10s " SLICE_FMT " as it stands, ", "tokens", SLICE_ARG(tokens));
        if (cost.len > 0) buffer_printf(out, SLICE_FMT " USD a call\n", SLICE_ARG(cost));
        else buffer_append(out, SLICE("the price is not known\n"));
    }
    uint32_t compared = cli_at(a, node, "compared");
    say_against(a, compared, "parent", out);
    if (!slice_eq(cli_value(a, compared, "launched.version"), cli_value(a, compared, "parent.version"))) say_against(a, compared, "launched", out);
    if (!slice_eq(cli_value(a, compared, "best.version"), cli_value(a, compared, "parent.version"))) say_against(a, compared, "best", out);
    say_notes(a, node, out);
}

/* ---- show ---- */

static void put_versions(struct client_answer *a) {
    static const char *const headers[] = {">VERSION", "HUMAN", "STATE", "CLASS", ">TOKENS", ">USD A CALL", "MADE", "AUTHOR", "WHY"};
    uint32_t item, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "versions"), &at, &item)) {
        struct slice state = cli_value(a, item, "state");
        cli_put(&s, a, item, "version");
        cli_put(&s, a, item, "human");
        sheet_put(&s, state);
        if (slice_is(state, "production")) sheet_paint(&s, SHEET_GOOD);
        cli_put(&s, a, item, "class");
        cli_put(&s, a, item, "tokens");
        cli_put(&s, a, item, "cost_per_call_usd");
        cli_put_time(&s, a, item, "created");
        cli_put(&s, a, item, "author");
        cli_put(&s, a, item, "why");
    }
    sheet_write(&s, stdout, true);
    sheet_deinit(&s);
}

static void write_all(struct client_answer *a) {
    struct slice production = cli_value(a, 0, "production");
    uint32_t cursor = JSON_NONE, key, value;
    put_versions(a);
    if (production.len > 0) printf("in production: version " SLICE_FMT, SLICE_ARG(production));
    else printf("in production: none yet");
    while (json_each_member(&a->doc, cli_at(a, 0, "labels"), &cursor, &key, &value))
        printf("; " SLICE_FMT ": " SLICE_FMT, SLICE_ARG(json_string(&a->doc, key, &a->arena)), SLICE_ARG(json_raw(&a->doc, value)));
    printf("\n");
}

static void put_messages(struct client_answer *a, struct buffer *out) {
    uint32_t item, at = JSON_NONE, content = cli_at(a, 0, "content");
    while (json_each_item(&a->doc, cli_at(a, content, "messages"), &at, &item)) {
        struct slice text = cli_value(a, item, "content"), line;
        buffer_printf(out, "\n[" SLICE_FMT "]\n", SLICE_ARG(cli_value(a, item, "role")));
        while (text.len > 0) {
            slice_cut(text, '\n', &line, &text);
            sheet_clean(out, line);
            buffer_byte(out, '\n');
        }
    }
}

static void write_one(struct client_answer *a) {
    static const char *const members[] = {"state", "state_why", "author", "why", "ticket", "commit", "created", "owner", "hash"};
    struct buffer out;
    uint32_t item, at = JSON_NONE;
    struct slice human = cli_value(a, 0, "human");
    buffer_init(&out, LIMIT_REPLY_BODY);
    buffer_printf(&out, SLICE_FMT "@" SLICE_FMT "%s" SLICE_FMT "\n", SLICE_ARG(cli_value(a, 0, "name")), SLICE_ARG(cli_value(a, 0, "version")), human.len > 0 ? ", " : "", SLICE_ARG(human));
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) say(&out, slice_is(slice_of(members[i]), "state_why") ? "because" : members[i], cli_value(a, 0, members[i]));
    cli_version_say(a, 0, &out);
    while (json_each_item(&a->doc, cli_at(a, 0, "suites"), &at, &item)) say(&out, "suite", json_string(&a->doc, item, &a->arena));
    for (at = JSON_NONE; json_each_item(&a->doc, cli_at(a, 0, "approvals"), &at, &item);)
        say(&out, arena_text(&a->arena, cli_value(a, item, "verdict")), arena_printf(&a->arena, SLICE_FMT ": " SLICE_FMT, SLICE_ARG(cli_value(a, item, "by")), SLICE_ARG(cli_value(a, item, "why"))));
    struct slice verdict = cli_value(a, 0, "gate.verdict"), why = cli_value(a, 0, "gate.why");
    if (verdict.len > 0) say(&out, "gate", arena_printf(&a->arena, SLICE_FMT ": " SLICE_FMT, SLICE_ARG(verdict), SLICE_ARG(why)));
    for (at = JSON_NONE; json_each_item(&a->doc, cli_at(a, 0, "progress"), &at, &item);)
        say(&out, "gate runs", arena_printf(&a->arena, "suite " SLICE_FMT ": " SLICE_FMT " of " SLICE_FMT " (" SLICE_FMT ")", SLICE_ARG(cli_value(a, item, "suite")),
                                            SLICE_ARG(cli_value(a, item, "done")), SLICE_ARG(cli_value(a, item, "planned")), SLICE_ARG(cli_value(a, item, "of"))));
    uint32_t documents = cli_at(a, 0, "content.documents");
    if (documents != JSON_NONE) buffer_printf(&out, "  %-10s %u\n", "documents", json_size(&a->doc, documents));
    else put_messages(a, &out);
    printf(SLICE_FMT, SLICE_ARG(buffer_slice(&out)));
    buffer_deinit(&out);
}

int cli_versions_begin(const struct version_noun *n, const char *rest, const struct option_spec *specs, unsigned n_specs, int argc, char **argv,
                       struct buffer *path, bool *ret_version) {
    char usage[96];
    int found;
    snprintf(usage, sizeof usage, "quarterdeck %s %s", n->noun, rest);
    int code = options_parse(argc, argv, specs, n_specs, usage, &found);
    if (code < 0) code = cli_expect(usage, found, 1, 1);
    if (code >= 0) return code;
    buffer_init(path, 16 << 10);
    cli_versions_path(n, argv[0], path, ret_version);
    return -1;
}

int cli_versions_show(const struct version_noun *n, int argc, char **argv) {
    struct client_options o = {0};
    const struct option_spec specs[] = {CLIENT_OPTIONS(o)};
    struct buffer path;
    bool one = false;
    int code = cli_versions_begin(n, "show NAME[@V] [options]", specs, sizeof specs / sizeof *specs, argc, argv, &path, &one);
    if (code >= 0) return code;
    code = cli_get(&o, buffer_text(&path), one ? write_one : write_all, NULL);
    buffer_deinit(&path);
    return code;
}
