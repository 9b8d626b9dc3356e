/* `quarterdeck audit list|verify|export`: who changed what, and whether the log of it is whole. `policy audit` is an older name. */
#include "control/cli_verbs.h"

#include <errno.h>

#define LIST_USAGE "quarterdeck audit list [options]"
#define VERIFY_USAGE "quarterdeck audit verify [options]"
#define EXPORT_USAGE "quarterdeck audit export [options]"
#define POLICY_USAGE "quarterdeck policy audit [options]"

/* ---- list ---- */

static void write_list(struct client_answer *a) {
    static const char *const headers[] = {">NO", "TIME (UTC)", "ACTOR", "ACTION", "SUBJECT", "REASON"};
    static const char *const paths[] = {"actor", "action", "subject", "reason"};
    uint32_t entry, at = JSON_NONE;
    struct sheet s;
    sheet_init(&s, headers, sizeof headers / sizeof *headers);
    while (json_each_item(&a->doc, cli_at(a, 0, "entries"), &at, &entry)) {
        cli_put(&s, a, entry, "number");
        cli_put_time(&s, a, entry, "at");
        for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) cli_put(&s, a, entry, paths[i]);
    }
    if (sheet_rows(&s) == 0) printf("no entry: nothing that this asks for was changed yet\n");
    else sheet_write(&s, stdout, true);
    struct slice before = cli_value(a, 0, "next_before");
    if (!slice_is_null(before)) fprintf(stderr, "there are more: --before " SLICE_FMT "\n", SLICE_ARG(before));
    sheet_deinit(&s);
}

struct list_options {
    const char *subject, *actor, *action, *from, *to, *before, *limit;
};

static int get_list(const struct client_options *o, const struct list_options *l) {
    struct buffer path;
    buffer_init(&path, 16 << 10);
    buffer_append(&path, SLICE("/api/v1/audit"));
    client_add_query(&path, "subject", l->subject);
    client_add_query(&path, "actor", l->actor);
    client_add_query(&path, "action", l->action);
    client_add_query(&path, "from", l->from);
    client_add_query(&path, "to", l->to);
    client_add_query(&path, "before", l->before);
    client_add_query(&path, "limit", l->limit);
    int code = cli_get(o, buffer_text(&path), write_list, NULL);
    buffer_deinit(&path);
    return code;
}

#define PAGE_OPTIONS(l)                                                                                       \
    {.name = "before", .type = OPTION_TEXT, .value = &(l).before, .metavar = "NO", .help = "entries before this one"}, \
        {.name = "limit", .letter = 'n', .type = OPTION_TEXT, .value = &(l).limit, .metavar = "N", .help = "at most so many; 100"}

static int list(int argc, char **argv) {
    struct client_options o = {0};
    struct list_options l = {0};
    const struct option_spec specs[] = {
        {.name = "subject", .letter = 's', .type = OPTION_TEXT, .value = &l.subject, .metavar = "SUBJECT",
         .help = "what was changed: prompt:NAME (its versions too), prompt:NAME@3"},
        {.name = "actor", .type = OPTION_TEXT, .value = &l.actor, .metavar = "NAME", .help = "who changed it"},
        {.name = "action", .type = OPTION_TEXT, .value = &l.action, .metavar = "ACTION", .help = "rollout.start, or rollout for all of its kind"},
        {.name = "from", .type = OPTION_TEXT, .value = &l.from, .metavar = "TIME", .help = "first time: RFC 3339, a date, or -1h"},
        {.name = "to", .type = OPTION_TEXT, .value = &l.to, .metavar = "TIME", .help = "first time that no longer counts"},
        PAGE_OPTIONS(l),
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, LIST_USAGE, &n);
    if (code < 0) code = cli_expect(LIST_USAGE, n, 0, 0);
    return code >= 0 ? code : get_list(&o, &l);
}

/* ---- verify ---- */

static void write_verdict(struct client_answer *a) {
    struct slice entries = cli_value(a, 0, "entries"), bad = cli_value(a, 0, "first_bad"), head = cli_value(a, 0, "head"),
                 kept = cli_value(a, 0, "kept_head"), kept_at = cli_value(a, 0, "kept_head_entry");
    if (!slice_is_null(bad))
        printf("the audit log was changed: entry " SLICE_FMT " of " SLICE_FMT " is the first that does not fit\n",
               SLICE_ARG(bad), SLICE_ARG(entries));
    else if (!slice_is_null(kept) && slice_is_null(kept_at))
        printf("the audit log was cut or written anew since that head was kept: none of its " SLICE_FMT " entries has it\n", SLICE_ARG(entries));
    else if (slice_is_null(kept_at))
        printf("the audit log is whole: " SLICE_FMT " entries\n", SLICE_ARG(entries));
    else
        printf("the audit log is whole: " SLICE_FMT " entries, the kept head is that of entry " SLICE_FMT "\n", SLICE_ARG(entries), SLICE_ARG(kept_at));
    if (slice_is_null(head)) return;
    printf("head " SLICE_FMT "\n", SLICE_ARG(head));
    if (slice_is_null(kept)) printf("keep it elsewhere: `quarterdeck audit verify --head " SLICE_FMT "` then shows that no later entry was cut off\n", SLICE_ARG(head));
}

static int verdict(struct client_answer *a) { return slice_is(cli_value(a, 0, "whole"), "true") ? 0 : 1; }

static int verify(int argc, char **argv) {
    struct client_options o = {0};
    const char *head = NULL;
    struct buffer path;
    const struct option_spec specs[] = {
        {.name = "head", .type = OPTION_TEXT, .value = &head, .metavar = "HASH", .help = "a head that was kept elsewhere: is it in the log still?"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, VERIFY_USAGE, &n);
    if (code < 0) code = cli_expect(VERIFY_USAGE, n, 0, 0);
    if (code >= 0) return code;
    buffer_init(&path, 4 << 10);
    buffer_append(&path, SLICE("/api/v1/audit/verify"));
    client_add_query(&path, "head", head);
    code = cli_get(&o, buffer_text(&path), write_verdict, verdict);
    buffer_deinit(&path);
    return code;
}

/* ---- export ---- */

/* Number of the last line; 0: there is none. */
static uint64_t last_number(struct client_answer *a) {
    struct slice body = slice_trim(buffer_slice(&a->body)), last = body;
    uint64_t number = 0;
    for (size_t i = body.len; i > 0 && body.at[i - 1] != '\n'; i--) last = slice_make(body.at + i - 1, body.len - i + 1);
    int64_t n = 0;
    if (last.len > 0 && json_read(last, &a->arena, UINT16_MAX, &a->doc, NULL) == FAULT_NONE && json_get_i64(&a->doc, json_get(&a->doc, 0, "number"), &n))
        number = (uint64_t)n;
    return number;
}

static int export_pages(struct client *client, FILE *out) {
    uint64_t after = 0;
    int code;
    do {
        struct client_answer a;
        char path[64];
        snprintf(path, sizeof path, "/api/v1/audit/export?after=%llu", (unsigned long long)after);
        client_answer_init(&a);
        code = client_call(client, "GET", path, SLICE_NULL, &a);
        if (code < 0) fwrite(a.body.at, 1, a.body.len, out);
        after = code < 0 ? last_number(&a) : 0;
        client_answer_deinit(&a);
    } while (after > 0 && !ferror(out));
    return code;
}

static int export(int argc, char **argv) {
    struct client_options o = {0};
    const char *file = NULL;
    const struct option_spec specs[] = {
        {.name = "output", .letter = 'o', .type = OPTION_TEXT, .value = &file, .metavar = "FILE", .help = "instead of standard output"},
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, EXPORT_USAGE, &n);
    if (code < 0) code = cli_expect(EXPORT_USAGE, n, 0, 0);
    if (code >= 0) return code;
    struct client *client = client_open(&o, &code);
    if (!client) return code;
    FILE *out = file ? fopen(file, "we") : stdout;
    if (!out) {
        fprintf(stderr, "quarterdeck: %s: cannot be written: %s\n", file, strerror(errno));
        client_close(client);
        return 3;
    }
    code = export_pages(client, out);
    client_close(client);
    bool failed = fflush(out) != 0 || ferror(out) != 0;
    if (file && fclose(out) != 0) failed = true;
    if (code < 0 && failed) fprintf(stderr, "quarterdeck: the output could not be written\n");
    return code >= 0 ? code : failed ? 3 : 0;
}

/* ---- the table ---- */

int cli_policy_audit(int argc, char **argv) {
    struct client_options o = {0};
    struct list_options l = {0};
    bool check = false;
    const struct option_spec specs[] = {
        {.name = "verify", .type = OPTION_FLAG, .value = &check, .help = "whether it is whole; exit 1 when not"},
        PAGE_OPTIONS(l),
        CLIENT_OPTIONS(o),
    };
    int n, code = options_parse(argc, argv, specs, sizeof specs / sizeof *specs, POLICY_USAGE, &n);
    if (code < 0) code = cli_expect(POLICY_USAGE, n, 0, 0);
    if (code >= 0) return code;
    return check ? cli_get(&o, "/api/v1/audit/verify", write_verdict, verdict) : get_list(&o, &l);
}

const struct cli_verb cli_audit_parts[] = {
    {"list", "audit list [options]", "who changed what, when and why, newest first", list},
    {"verify", "audit verify [options]", "whether the log's chain of hashes is whole; exit 1 when not", verify},
    {"export", "audit export [options]", "all of it with its hashes, one entry a line, for others to verify", export},
    {NULL, NULL, NULL, NULL},
};

int cli_audit(int argc, char **argv) { return cli_dispatch("audit", cli_audit_parts, argc, argv); }
