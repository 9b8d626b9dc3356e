/* The pages of docs/reference, made from the tables that the program itself goes by. */
#include "control/cli_verbs.h"

#include "base/clock.h"
#include "base/metric.h"
#include "control/api.h"
#include "model/config.h"
#include "quality/check_table.h"

#include <stdio.h>

#define USAGE "quarterdeck reference settings|faults|metrics|api|cli|record|checks"

static void begin(const char *title) { printf("# %s\n\nMade by `scripts/gen_reference` from the program's own tables; do not edit.\n\n", title); }

/* The inside of a table's cell. */
static void cell(const char *text) {
    for (; *text; text++) {
        if (*text == '|') putchar('\\');
        putchar(*text == '\n' ? ' ' : *text);
    }
}

static void code_cell(const char *text) {
    if (!*text) return;
    putchar('`');
    cell(text);
    putchar('`');
}

/* ---- settings ---- */

static void setting_rows(const struct config_setting *s, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        printf("| ");
        code_cell(s[i].path);
        printf(" | ");
        cell(s[i].type);
        printf(" | ");
        if (s[i].fallback) code_cell(s[i].fallback);
        else printf("required");
        printf(" | %s | ", s[i].reloadable ? "reload" : "restart");
        cell(s[i].help);
        printf(" |\n");
    }
}

static void settings(const struct cli_verb *wired) {
    unsigned n;
    const struct config_setting *s = config_settings(&n);
    (void)wired;
    begin("Settings");
    printf("All of `quarterdeck.yaml`. `*` stands for a name of yours, `[]` for each item of a list. Secrets and other texts may be\n"
           "`${ENV}` or `file:PATH`. \"restart\" marks what a reload does not change. `quarterdeck check` says what is wrong, and where.\n\n"
           "| setting | type | default | in force | meaning |\n|---|---|---|---|---|\n");
    setting_rows(s, n);
    s = config_change_settings(&n);
    setting_rows(s, n);
    s = config_alert_settings(&n);
    setting_rows(s, n);
}

/* ---- faults ---- */

static void faults(const struct cli_verb *wired) {
    static const char *const retries[] = {
        [RETRY_NEVER] = "no", [RETRY_SAME] = "here after a pause, then the next target", [RETRY_NEXT] = "the next target at once",
        [RETRY_LARGER] = "a target with a larger window"};
    (void)wired;
    begin("Faults");
    printf("The stable names behind `error.code` of replies, `error` of records and the labels of metrics.\n\n"
           "| name | HTTP status | tried again | meaning |\n|---|---|---|---|\n");
    for (unsigned i = FAULT_NONE + 1; i < FAULT_COUNT; i++) {
        enum fault f = (enum fault)i;
        printf("| `%s` | %d | %s | ", fault_name(f), fault_status(f), retries[fault_retry(f)]);
        cell(fault_text(f));
        printf(" |\n");
    }
}

/* ---- metrics ---- */

static void metrics(const struct cli_verb *wired) {
    static const struct {
        const char *name, *type, *labels, *help;
    } rows[] = {
#define METRIC(symbol, name, type, labels, help) {name, #type, labels, help},
        METRIC_TABLE(METRIC)
#undef METRIC
    };
    (void)wired;
    begin("Metrics");
    printf("At `/metrics`, in Prometheus text format. Labels come from the configuration, never from requests. From the same machine no\n"
           "token is needed; from elsewhere one with the role viewer, as the names of applications and their cost are in it.\n\n"
           "| metric | type | labels | meaning |\n|---|---|---|---|\n");
    for (unsigned i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *type = strcmp(rows[i].type, "GAUGE") == 0 ? "gauge" : strcmp(rows[i].type, "HISTOGRAM") == 0 ? "histogram" : "counter";
        printf("| `%s` | %s | %s | ", rows[i].name, type, rows[i].labels);
        cell(rows[i].help);
        printf(" |\n");
    }
}

/* ---- checks ---- */

static void check_parameters(const struct check_kind *k) {
    static const char *const names[PARAMETER_COUNT] = {
#define CHECK_PARAMETER(symbol, name, expected) name,
        CHECK_PARAMETERS(CHECK_PARAMETER)
#undef CHECK_PARAMETER
    };
    const char *gap = "";
    if (k->value != VALUE_NONE) {
        printf("`value`");
        gap = ", ";
    }
    for (int p = 0; p < PARAMETER_COUNT; p++)
        if (k->parameters >> p & 1) {
            printf("%s`%s`", gap, names[p]);
            gap = ", ";
        }
}

static void checks(const struct cli_verb *wired) {
    static const char *const values[] = {
        [VALUE_NONE] = "", [VALUE_TEXT] = "a text", [VALUE_ANY] = "a text, a list or a map", [VALUE_PATTERN] = "a regular expression",
        [VALUE_TEXTS] = "a text or a list of texts", [VALUE_LIST] = "a list, or a text that is parted at commas",
        [VALUE_SCHEMA] = "a JSON Schema, or nothing", [VALUE_COUNT] = "a number, or {min, max}", [VALUE_CODE] = "code"};
    static const char *const deciders[] = {
        [CHECK_BY_ANSWER] = "the answer alone", [CHECK_BY_EMBED] = "a model's embeddings; without `model` the answer alone", [CHECK_BY_JUDGE] = "a judge",
        [CHECK_BY_PROGRAM] = "a program", [CHECK_BY_REPEATS] = "the other answers to the case"};
    static const struct {
        const char *name, *expected;
    } parameters[] = {
#define CHECK_PARAMETER(symbol, name, expected) {name, expected},
        CHECK_PARAMETERS(CHECK_PARAMETER)
#undef CHECK_PARAMETER
    };
    (void)wired;
    begin("Checks");
    printf("The types of checks that a suite may hold its answers against; [evaluation.md](../evaluation.md#checks) says when to use which.\n"
           "`not-` before a type turns its verdict round. Every check takes `weight` (1), `threshold` and `metric` beside what is named\n"
           "here. One that compares with a text or several and has no `value` takes the case's `expected`.\n\n"
           "| type | passes when | parameters | value | threshold | decided by |\n|---|---|---|---|---|---|\n");
    for (unsigned t = 0; t < CHECK_TYPE_COUNT; t++) {
        const struct check_kind *k = &check_kinds[t];
        printf("| `%s` | ", k->name);
        cell(k->what);
        printf(" | ");
        check_parameters(k);
        printf(" | %s | ", values[k->value]);
        if (k->threshold == k->threshold) printf("%s%g", k->bound == BOUND_MOST ? "at most " : "", k->threshold);
        else printf("%s", k->bound == BOUND_MOST ? "at most what you say" : "none");
        printf(" | %s |\n", deciders[k->by]);
    }
    printf("\nA threshold is the least score, from 0 to 1, with which a check passes, unless it says \"at most\". Where it is none, what a judge or\n"
           "a program said decides, until you declare one.\n\n## Parameters\n\n| parameter | what is expected |\n|---|---|\n");
    for (unsigned p = 0; p < PARAMETER_COUNT; p++) {
        printf("| `%s` | ", parameters[p].name);
        cell(parameters[p].expected);
        printf(" |\n");
    }
}

/* ---- api ---- */

static void parameter_type(const struct api_parameter *p) {
    switch (p->type) {
    case API_TEXT: printf("text"); break;
    case API_SECRET: printf("secret"); break;
    case API_TIME: printf("time"); break;
    case API_STEP: printf("duration"); break;
    case API_USD: printf("USD"); break;
    case API_INTEGER:
        if (p->high == INT64_MAX) printf("integer from %lld", (long long)p->low);
        else printf("integer %lld..%lld", (long long)p->low, (long long)p->high);
        break;
    case API_CHOICE:
        printf("one of ");
        cell(p->choices);
        break;
    case API_CHOICES:
        printf("some of ");
        cell(p->choices);
        break;
    }
}

static void route(const struct api_route *r) {
    static const char *const places[] = {[API_PATH] = "path", [API_QUERY] = "query", [API_BODY] = "body"};
    printf("## %s %s\n\n%s ", r->method, r->path, r->summary);
    if (r->access == API_OPEN) printf("No token is needed.");
    else if (r->access == API_LOCAL) printf("Role: viewer, or none from the same machine.");
    else if (r->access == API_KEY) printf("Role: viewer, or an application's own key.");
    else printf("Role: %s.", api_access_name(r->access));
    if (r->answer) {
        printf(" Answer: %d, [%s](#", r->status, r->answer);
        for (const char *c = r->answer; *c; c++) putchar(*c | 0x20); /* a heading's anchor is in lower case */
        printf(").\n\n");
    } else {
        printf(" Answer: %d, %s.\n\n", r->status, r->content_type);
    }
    if (!r->parameters) return;
    printf("| parameter | in | type | default | meaning |\n|---|---|---|---|---|\n");
    for (const struct api_parameter *p = r->parameters; p->name; p++) {
        printf("| `%s` | %s | ", p->name, places[p->place]);
        parameter_type(p);
        printf(" | ");
        if (p->required) printf("required");
        else cell(p->fallback ? p->fallback : "");
        printf(" | ");
        cell(p->help);
        printf(" |\n");
    }
    printf("\n");
}

/* All rows of one schema; returns what is behind them. */
static const struct api_field *schema(const struct api_field *f) {
    const char *name = f->schema;
    printf("### %s\n\n| member | type | meaning |\n|---|---|---|\n", name);
    for (; f->schema && strcmp(f->schema, name) == 0; f++) {
        bool optional = f->type[0] == '~';
        size_t len = strlen(f->type);
        printf("| `%s` | ", f->name);
        for (const char *t = f->type + optional; *t; t++) {
            if (*t == '|') putchar('\\');
            if (*t != '?') putchar(*t);
        }
        printf("%s%s | ", f->type[len - 1] == '?' ? ", or null" : "", optional ? "; may be absent" : "");
        cell(f->help);
        printf(" |\n");
    }
    printf("\n");
    return f;
}

static void api(const struct cli_verb *wired) {
    (void)wired;
    begin("API");
    printf("The control plane, JSON over HTTP; `/api/v1/openapi.json` says the same for machines. Times in answers are RFC 3339 in UTC.\n"
           "A wrong or unknown parameter is a 400 that names it.\n\n"
           "Who may: people sign in (`POST /api/v1/session`) and send the cookie, and with a change also the header `x-quarterdeck-csrf`;\n"
           "tools send `authorization: Bearer TOKEN` with a token of the setting `tokens`. A viewer reads, an operator also changes, an\n"
           "approver also says yes or no to what others made, an admin may do everything. While there are neither tokens nor users, the\n"
           "control plane answers only to this machine: to peers on a loopback address, not through a proxy, and not for web pages of other\n"
           "origins.\n\n"
           "Errors are `{\"error\":{\"code\",\"message\"}}`; `code` is a name of [faults.md](faults.md).\n"
           "Each answer of a demo has the header `x-quarterdeck-demo: true`.\n\n");
    for (const struct api_route *r = api_routes; r->method; r++) route(r);
    printf("## Shapes\n\n`[T]` is an array of T, `{T}` an object with members of your own.\n\n");
    for (const struct api_field *const *all = api_schemas; *all; all++)
        for (const struct api_field *f = *all; f->schema;) f = schema(f);
}

/* ---- cli ---- */

static void help_of(const struct cli_verb *v) {
    static char flag[] = "--help";
    char *arguments[] = {flag, NULL};
    printf("%c%s.\n\n```\n", v->summary[0] & ~0x20, v->summary + 1);
    (void)v->run(1, arguments);
    printf("```\n\n");
}

static const struct cli_verb *parts_of(const char *verb) {
    static const struct {
        const char *verb;
        const struct cli_verb *parts;
    } all[] = {{"action", cli_action_parts}, {"record", cli_record_parts}, {"model", cli_model_parts}, {"key", cli_key_parts}, {"user", cli_user_parts}, {"policy", cli_policy_parts},
               {"cost", cli_cost_parts}, {"budget", cli_budget_parts}, {"limit", cli_limit_parts}, {"batch", cli_batch_parts},
               {"review", cli_review_parts}, {"finding", cli_finding_parts}, {"eval", cli_eval_parts}, {"suite", cli_suite_parts},
               {"audit", cli_audit_parts}, {"prompt", cli_prompt_parts}, {"knowledge", cli_knowledge_parts}, {"rollout", cli_rollout_parts},
               {"alert", cli_alert_parts}, {"oncall", cli_oncall_parts}, {"provider", cli_provider_parts}};
    for (unsigned i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].verb, verb) == 0) return all[i].parts;
    return NULL;
}

static void cli(const struct cli_verb *wired) {
    begin("Command line");
    printf("`quarterdeck VERB`. Exit codes: 0 good, 1 the answer is \"no\", 2 usage, 3 could not. Tables are for people; `--json` prints\n"
           "what the API answered.\n\n"
           "Verbs that ask or change something talk to a server, or read the data beside a stopped one with the same code: `--server URL`\n"
           "is that server; `--data-dir DIR` is that folder; `-c FILE` is the server that FILE describes, or its `data_dir` when it does\n"
           "not answer. Without any of these it is QUARTERDECK_URL, else as with `-c quarterdeck.yaml`, else http://127.0.0.1:4000 and\n"
           "`./qd-data`. The operator's token is QUARTERDECK_TOKEN.\n\n");
    for (; wired->name; wired++) {
        printf("## %s\n\n", wired->name);
        help_of(wired);
    }
    for (const struct cli_verb *v = cli_verbs; v->name; v++) {
        const struct cli_verb *parts = parts_of(v->name);
        printf("## %s\n\n", v->name);
        if (!parts) help_of(v);
        for (; parts && parts->name; parts++) {
            printf("### %s %s\n\n", v->name, parts->name);
            help_of(parts);
        }
    }
}

/* ---- record ---- */

static void indent(unsigned depth) { printf("\n%*s", (int)(2 * depth), ""); }

static void pretty(const struct json_doc *d, uint32_t node, unsigned depth) {
    enum json_type type = json_type(d, node);
    bool object = type == JSON_OBJECT;
    uint32_t at = JSON_NONE, key = JSON_NONE, value, n = 0;
    if ((!object && type != JSON_ARRAY) || json_size(d, node) == 0 || (depth > 0 && json_raw(d, node).len < 72)) {
        printf(SLICE_FMT, SLICE_ARG(json_raw(d, node)));
        return;
    }
    putchar(object ? '{' : '[');
    while (object ? json_each_member(d, node, &at, &key, &value) : json_each_item(d, node, &at, &value)) {
        if (n++ > 0) putchar(',');
        indent(depth + 1);
        if (object) printf(SLICE_FMT ": ", SLICE_ARG(json_raw(d, key)));
        pretty(d, value, depth + 1);
    }
    indent(depth);
    putchar(object ? '}' : ']');
}

static void example(struct record *r) {
    record_init(r);
    (void)record_id_parse(SLICE("01M7Y53JGEXAMP1EREC0RD0000"), &r->id);
    (void)clock_parse(SLICE("2026-11-21T04:16:21.006Z"), &r->time_us);
    r->application = SLICE("shop"), r->key = SLICE("web"), r->user = SLICE("u-17"), r->session = SLICE("s-9");
    r->request_type = SLICE("chat-short"), r->tags = SLICE("region=eu"), r->dialect = SLICE("openai");
    r->model = SLICE("support-chat"), r->provider = SLICE("anthropic"), r->target_model = SLICE("claude-haiku-4-5");
    r->upstream_model = SLICE("claude-haiku-4-5-20251001"), r->finish_reason = SLICE("end_turn");
    r->stream = true, r->http_status = 200, r->n_attempts = 2;
    r->attempts[0] = (struct record_attempt){SLICE("openai"), SLICE("gpt-4o-mini"), 503, FAULT_UP_OVERLOADED, 212};
    r->attempts[1] = (struct record_attempt){SLICE("anthropic"), SLICE("claude-haiku-4-5"), 200, FAULT_NONE, 1480};
    r->usage.input = 1200, r->usage.cache_read = 1024, r->usage.cache_write = 0, r->usage.output = 240;
    r->charge = (struct charge){1u << CHARGE_INPUT | 1u << CHARGE_CACHE_READ | 1u << CHARGE_OUTPUT,
                                {[CHARGE_INPUT] = 176000, [CHARGE_CACHE_READ] = 102400, [CHARGE_OUTPUT] = 1200000}};
    r->cost_nano = 1478400, r->ttft_us = 640250, r->duration_us = 1945120, r->overhead_us = 310;
    r->request_bytes = 5120, r->response_bytes = 18044;
}

static void record(const struct cli_verb *wired) {
    struct record sample;
    struct buffer text;
    struct json_writer w;
    struct json_doc doc;
    struct arena arena;
    (void)wired;
    begin("Record");
    printf("The one row that every exchange leaves, as `GET /api/v1/records` and `quarterdeck export records` give it. Every member is\n"
           "always there; what is unknown or does not apply is null: zero is not null. In CSV, `target.provider` is the column\n"
           "`target_provider`, and so on.\n\n");
    for (const struct api_field *f = api_schemas[0]; f->schema && strcmp(f->schema, "RecordPage") != 0;) f = schema(f);
    buffer_init(&text, LIMIT_RECORD * 2);
    arena_init(&arena, 4 << 10, 1 << 20);
    example(&sample);
    json_start(&w, &text);
    record_write_json(&sample, &w);
    printf("## Example\n\n```json\n");
    if (json_read(buffer_slice(&text), &arena, UINT16_MAX, &doc, NULL) == FAULT_NONE) pretty(&doc, 0, 0);
    printf("\n```\n");
    arena_deinit(&arena);
    buffer_deinit(&text);
}

int cli_reference(int argc, char **argv, const struct cli_verb *wired) {
    static const struct {
        const char *name;
        void (*write)(const struct cli_verb *wired);
    } pages[] = {{"settings", settings}, {"faults", faults}, {"metrics", metrics}, {"api", api}, {"cli", cli}, {"record", record}, {"checks", checks}};
    for (unsigned i = 0; argc == 1 && i < sizeof pages / sizeof *pages; i++)
        if (strcmp(argv[0], pages[i].name) == 0) {
            pages[i].write(wired);
            return 0;
        }
    fprintf(stderr, "usage: %s\n", USAGE);
    return 2;
}
