/* The table of verbs, help, and what verbs share. */
#include "control/cli_verbs.h"

#include "control/suggest.h"

#include <stdarg.h>

static int version(int argc, char **argv) {
    bool json = false;
    const struct option_spec specs[] = {{.name = "json", .type = OPTION_FLAG, .value = &json, .help = "as JSON"}};
    int n, code = options_parse(argc, argv, specs, 1, "quarterdeck version [options]", &n);
    if (code < 0) code = cli_expect("quarterdeck version", n, 0, 0);
    if (code >= 0) return code;
    printf(json ? "{\"version\":\"%s\"}\n" : "quarterdeck %s\n", VERSION);
    return 0;
}

const struct cli_verb cli_verbs[] = {
    {"check", "check [-c FILE]", "say everything that is wrong with a configuration", cli_check},
    {"record", "record list|show|score|latency|totals", "what happened: exchanges, one exchange, latencies, sums", cli_record},
    {"export", "export records --format jsonl|csv", "all records that match, for other tools", cli_export},
    {"model", "model list|price|route", "models with their targets and prices; routing by difficulty", cli_model},
    {"key", "key create|list|revoke", "keys of applications", cli_key},
    {"user", "user list|add|role|password|...", "who may sign in to the console, and what they may", cli_user},
    {"cost", "cost report|explain|findings|...", "where the money went, why it changed, who noticed, how to spend less", cli_cost},
    {"suite", "suite check|import|add|list|show|remove", "evaluation sets: in files, and registered", cli_suite},
    {"apply", "apply -f DIR|FILE", "bring files of suites, judges, scoring rules, prompts and knowledge bases into the registry", cli_apply},
    {"prompt", "prompt list|show|diff|lint|label|submit|...", "prompts and their versions", cli_prompt},
    {"knowledge", "knowledge list|show|diff|label|submit|...", "knowledge bases and their versions", cli_knowledge},
    {"prompt", "prompt list|show", "prompts and their versions", cli_prompt},
    {"knowledge", "knowledge list|show", "knowledge bases and their versions", cli_knowledge},
    {"rollout", "rollout start|status|list|promote|pause|resume|abort", "a version on its way to production", cli_rollout},
    {"rollback", "rollback NAME [--to V]", "what was in production before serves again, at once", cli_rollback},
    {"action", "action list|show|take|undo", "what was done to live traffic, by itself or by a person; doing and undoing it", cli_action},
    {"finding", "finding list|dismiss", "what the watchers noticed, of cost and of quality", cli_finding},
    {"alert", "alert list|show|ack|rules|...", "what is wrong now, who was told, and what rules watch", cli_alert},
    {"provider", "provider list|show", "is it us or them: providers by live traffic, probes and status pages", cli_provider},
    {"oncall", "oncall now|show|override|remove", "whose turn it is, and who takes it instead", cli_oncall},
    {"review", "review create|list|show|next|label|unlabel|disputed|adjudicate|labels|close", "answers that wait for people", cli_review},
    {"batch", "batch list|show|cancel", "work that can wait: files of requests", cli_batch},
    {"eval", "eval run|list|show|history|...", "how good the answers are: run a suite, read what came of it", cli_eval},
    {"budget", "budget list|show|set|remove|approve", "what may be spent, what was, and what expensive work is approved", cli_budget},
    {"limit", "limit list|show|set|remove", "how fast and how much at once", cli_limit},
    {"policy", "policy show|reload|audit", "what is in force: state, reading it again, who changed what", cli_policy},
    {"audit", "audit list|verify|export", "who changed what and why, and whether the log of it is whole", cli_audit},
    {"sim", "sim [options]", "a model provider that never was, for trying out and testing", cli_sim},
    {"load", "load [options]", "a load test from a trace or at a rate", cli_load},
    {"version", "version", "print the version", version},
    {NULL, NULL, NULL, NULL},
};

/* ---- help ---- */

#define SUMMARY_COLUMN 40

static void print_verb(FILE *out, const struct cli_verb *v) {
    bool fits = strlen(v->usage) <= SUMMARY_COLUMN - 3; /* else the summary stands below */
    fprintf(out, "  %-*s%s%*s%s\n", SUMMARY_COLUMN - 3, v->usage, fits ? " " : "\n", fits ? 0 : SUMMARY_COLUMN, "", v->summary);
}

static void print_help(FILE *out, const struct cli_verb *wired) {
    fprintf(out, "quarterdeck " VERSION ": a gateway between applications and model providers.\n\n"
                 "usage: quarterdeck VERB [options]\n\n");
    for (const struct cli_verb *v = wired; v->name; v++) print_verb(out, v);
    for (const struct cli_verb *v = cli_verbs; v->name; v++) print_verb(out, v);
    fprintf(out, "\n`quarterdeck help VERB` says more. Verbs ask the running server (--server URL or QUARTERDECK_URL, token in\n"
                 "QUARTERDECK_TOKEN), or open data_dir when none runs. Exit codes: 0 good, 1 the answer is \"no\", 2 usage,\n"
                 "3 could not.\n");
}

void cli_print_parts(const char *noun, const struct cli_verb *parts, FILE *out) {
    fprintf(out, "usage: quarterdeck %s PART [options]\n\n", noun);
    for (const struct cli_verb *p = parts; p->name; p++) print_verb(out, p);
    fprintf(out, "\n`quarterdeck %s PART --help` lists the options.\n", noun);
}

static int is_help(const char *word) { return strcmp(word, "help") == 0 || strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0; }

/* ---- dispatch ---- */

static const struct cli_verb *find(const struct cli_verb *verbs, const char *name) {
    for (; verbs->name; verbs++)
        if (strcmp(verbs->name, name) == 0) return verbs;
    return NULL;
}

static int unknown(const char *what, const char *word, const struct cli_verb *verbs, const struct cli_verb *more) {
    struct suggestion near;
    char hint[SUGGESTION_TEXT];
    suggestion_start(&near, slice_of(word));
    for (; verbs->name; verbs++) suggestion_offer(&near, verbs->name);
    for (; more && more->name; more++) suggestion_offer(&near, more->name);
    fprintf(stderr, "quarterdeck%s: no `%.60s` here%s (see quarterdeck%s --help)\n", what, word, suggestion_text(&near, "", hint), what);
    return 2;
}

int cli_dispatch(const char *noun, const struct cli_verb *parts, int argc, char **argv) {
    char what[64];
    if (argc == 0 || is_help(argv[0])) {
        cli_print_parts(noun, parts, argc == 0 ? stderr : stdout);
        return argc == 0 ? 2 : 0;
    }
    const struct cli_verb *part = find(parts, argv[0]);
    snprintf(what, sizeof what, " %s", noun);
    return part ? part->run(argc - 1, argv + 1) : unknown(what, argv[0], parts, NULL);
}

static int help_of(const struct cli_verb *v, int argc, char **argv) {
    static char flag[] = "--help";
    char *part_first[] = {argc > 0 ? argv[0] : flag, flag};
    return v->run(argc > 0 ? 2 : 1, part_first);
}

int cli_main(int argc, char **argv, const struct cli_verb *wired) {
    int code;
    const char *word = argc > 1 ? argv[1] : "help";
    bool help = is_help(word);
    const char *name = help && argc > 2 ? argv[2] : word;
    const struct cli_verb *v = find(wired, name);
    if (!v) v = find(cli_verbs, name);
    if (argc < 2) {
        print_help(stderr, wired);
        return 2;
    }
    if (strcmp(word, "--version") == 0) {
        code = version(0, NULL);
    } else if (strcmp(word, "reference") == 0) {
        code = cli_reference(argc - 2, argv + 2, wired);
    } else if (help && argc == 2) {
        print_help(stdout, wired);
        code = 0;
    } else if (!v) {
        code = unknown("", name, cli_verbs, wired);
    } else {
        code = help ? help_of(v, argc - 3, argv + 3) : v->run(argc - 2, argv + 2);
    }
    if (fflush(stdout) == 0 && !ferror(stdout)) return code;
    fprintf(stderr, "quarterdeck: the output could not be written\n");
    return 3;
}

/* ---- what verbs share ---- */

int cli_expect(const char *usage, int found, int least, int most) {
    if (found >= least && found <= most) return -1;
    fprintf(stderr, "usage: %s\n", usage);
    return 2;
}

void cli_print_json(const struct client_answer *a) {
    struct slice body = slice_trim(buffer_slice(&a->body));
    fwrite(body.at, 1, body.len, stdout);
    putchar('\n');
}

static int exchange(const struct client_options *o, const char *method, const char *path, struct slice body,
                    void (*write)(struct client_answer *a), int (*verdict)(struct client_answer *a)) {
    int code = 0;
    struct client *client = client_open(o, &code);
    if (!client) return code;
    struct client_answer a;
    client_answer_init(&a);
    code = client_call(client, method, path, body, &a);
    if (code < 0) {
        if (o->json) cli_print_json(&a);
        else write(&a);
        code = verdict ? verdict(&a) : 0;
    }
    client_answer_deinit(&a);
    client_close(client);
    return code;
}

int cli_get(const struct client_options *o, const char *path, void (*write)(struct client_answer *a),
            int (*verdict)(struct client_answer *a)) {
    return exchange(o, "GET", path, SLICE_NULL, write, verdict);
}

int cli_send(const struct client_options *o, const char *method, const char *path, struct slice body,
             void (*write)(struct client_answer *a)) {
    return exchange(o, method, path, body, write, NULL);
}

int cli_post_reason(const struct client_options *o, const char *collection, const char *id, const char *verb, const char *reason,
                    void (*write)(struct client_answer *a)) {
    struct buffer path, body;
    struct json_writer w;
    buffer_init(&path, 64 << 10);
    buffer_init(&body, 64 << 10);
    buffer_append(&path, slice_of(collection));
    client_add_segment(&path, id);
    buffer_append(&path, slice_of(verb));
    json_start(&w, &body);
    json_object(&w);
    json_member_text(&w, "reason", reason);
    json_object_end(&w);
    int code = cli_send(o, "POST", buffer_text(&path), buffer_slice(&body), write);
    buffer_deinit(&body);
    buffer_deinit(&path);
    return code;
}

uint32_t cli_at(const struct client_answer *a, uint32_t node, const char *path) {
    struct slice rest = slice_of(path), name;
    while (rest.len > 0 && node != JSON_NONE) {
        slice_cut(rest, '.', &name, &rest);
        node = json_get_slice(&a->doc, node, name);
    }
    return node;
}

struct slice cli_value(struct client_answer *a, uint32_t node, const char *path) {
    uint32_t at = cli_at(a, node, path);
    enum json_type type = json_type(&a->doc, at);
    if (type == JSON_ABSENT || type == JSON_NULL) return SLICE_NULL;
    return type == JSON_STRING ? json_string(&a->doc, at, &a->arena) : json_raw(&a->doc, at);
}

void cli_put(struct sheet *s, struct client_answer *a, uint32_t node, const char *path) { sheet_put(s, cli_value(a, node, path)); }

void cli_put_time(struct sheet *s, struct client_answer *a, uint32_t node, const char *path) {
    struct slice time = cli_value(a, node, path);
    if (time.len >= 19) sheet_print_cell(s, "%.10s %.8s", time.at, time.at + 11);
    else sheet_put(s, time);
}

enum sheet_color cli_status_color(struct slice status) {
    if (slice_is(status, "ok")) return SHEET_GOOD;
    return slice_is(status, "error") || slice_is(status, "truncated") ? SHEET_BAD : SHEET_WARN;
}

void cli_add_filters(struct buffer *path, const struct record_options *o) {
    client_add_query(path, "from", o->from);
    client_add_query(path, "to", o->to);
    client_add_query(path, "application", o->application);
    client_add_query(path, "model", o->model);
    client_add_query(path, "user", o->user);
    client_add_query(path, "session", o->session);
    client_add_query(path, "status", o->status);
    client_add_query(path, "request_type", o->request_type);
    client_add_query(path, "tag", o->tag);
    client_add_query(path, "key", o->key);
    client_add_query(path, "provider", o->provider);
    client_add_query(path, "prompt", o->prompt);
    client_add_query(path, "arm", o->arm);
}
