#include "control/cli_client.h"

#include "base/mem.h"
#include "control/config_file.h"
#include "control/control.h"
#include "io/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_URL "http://127.0.0.1:4000"
#define DEFAULT_CONFIG "quarterdeck.yaml"
#define DEFAULT_DATA "qd-data"
#define TIMEOUT_US 60000000 /* a report over months reads many files */

struct client {
    char *url;               /* NULL: in this process */
    bool may_fall_back;      /* no server was named: look at data_dir when none answers */
    bool offline;
    char *data_dir;
    struct arena arena;      /* problems of the configuration */
    struct policy *policy;   /* NULL without a configuration */
    struct ledger *ledger;
    struct registry *registry;
    struct evaluations *evaluations;
    bool opened;
    bool told_demo;
};

/* ---- the configuration ---- */

static int complain(const struct error *e) {
    fprintf(stderr, "quarterdeck: %s\n", e->text[0] ? e->text : fault_text(e->fault));
    return 3;
}

static void print_problems(const struct problems *problems) {
    struct buffer text;
    buffer_init(&text, LIMIT_CONFIG_FILE);
    problems_write(problems, &text);
    fprintf(stderr, SLICE_FMT, SLICE_ARG(buffer_slice(&text)));
    buffer_deinit(&text);
}

/* A named file must be good; the one that happens to lie here only helps when it is. */
static int read_config(struct client *c, const struct client_options *o) {
    struct problems problems = {0};
    struct error error = {.fault = FAULT_NONE};
    if (!o->config && (o->data_dir || access(DEFAULT_CONFIG, R_OK) != 0)) return -1;
    const char *path = o->config ? o->config : DEFAULT_CONFIG;
    enum fault fault = config_file_read(path, NULL, &c->arena, &c->policy, &problems, &error);
    if (fault == FAULT_NONE) return -1;
    if (!o->config) {
        fprintf(stderr, "quarterdeck: %s is left aside: %s (see quarterdeck check)\n", path, error.text);
        return -1;
    }
    if (fault != FAULT_CONFIG) return complain(&error);
    print_problems(&problems);
    return 3;
}

char *client_url_of(const struct server_settings *s, bool control) {
    char text[320];
    bool apart = control && s->admin_host;
    const char *host = apart ? s->admin_host : s->listen_host;
    uint16_t port = apart ? s->admin_port : s->listen_port;
    if (!host || !*host || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0) host = "127.0.0.1";
    bool v6 = strchr(host, ':') && host[0] != '[';
    snprintf(text, sizeof text, "%s://%s%s%s:%u", s->tls_cert ? "https" : "http", v6 ? "[" : "", host, v6 ? "]" : "", port);
    return mem_text(text);
}

char *client_gateway(const struct client *c) {
    return c->policy ? client_url_of(&c->policy->server, false) : mem_text(c->url ? c->url : DEFAULT_URL);
}

static char *trimmed(const char *url) {
    char *text = mem_text(url);
    for (size_t n = strlen(text); n > 0 && text[n - 1] == '/';) text[--n] = 0;
    return text;
}

struct client *client_open(const struct client_options *o, int *ret_code) {
    struct client *c = mem_new(struct client);
    const char *named = o->server || o->config || o->data_dir ? o->server : getenv("QUARTERDECK_URL");
    arena_init(&c->arena, 16 << 10, 2 * LIMIT_CONFIG_FILE);
    c->offline = o->offline;
    if (named && *named) {
        c->url = trimmed(named);
        return c;
    }
    int code = read_config(c, o);
    if (code >= 0) {
        client_close(c);
        *ret_code = code;
        return NULL;
    }
    const char *data_dir = o->data_dir ? o->data_dir : c->policy ? c->policy->server.data_dir : DEFAULT_DATA;
    c->data_dir = mem_text(data_dir);
    if (!o->data_dir && !o->offline) {
        c->url = c->policy ? client_url_of(&c->policy->server, true) : mem_text(DEFAULT_URL);
        c->may_fall_back = true;
    }
    return c;
}

void client_close(struct client *c) {
    if (!c) return;
    ledger_close(c->ledger);
    registry_close(c->registry);
    evaluations_close(c->evaluations);
    policy_drop(c->policy);
    arena_deinit(&c->arena);
    mem_free(c->url);
    mem_free(c->data_dir);
    mem_free(c);
}

/* ---- answers ---- */

void client_answer_init(struct client_answer *a) {
    *a = (struct client_answer){.status = 0};
    buffer_init(&a->body, LIMIT_REPLY_BODY);
    arena_init(&a->arena, 16 << 10, 4 * (size_t)LIMIT_REPLY_BODY);
}

void client_answer_deinit(struct client_answer *a) {
    buffer_deinit(&a->body);
    arena_deinit(&a->arena);
}

/* The exit code of an answer; errors are printed. */
static int judge(const struct client *c, struct client_answer *a) {
    if (json_read(buffer_slice(&a->body), &a->arena, UINT16_MAX, &a->doc, NULL) != FAULT_NONE) a->doc = (struct json_doc){.count = 0};
    if (a->status >= 200 && a->status < 300) return -1;
    const struct json_doc *d = &a->doc;
    uint32_t error = d->count ? json_get(d, 0, "error") : JSON_NONE, item, at = JSON_NONE;
    struct slice message = d->count ? json_string(d, json_get(d, error, "message"), &a->arena) : SLICE_NULL;
    if (slice_is_null(message)) {
        fprintf(stderr, "quarterdeck: %s answered %d, but not as a Quarterdeck does\n", c->url ? c->url : "the API", a->status);
        return 3;
    }
    while (json_each_item(d, json_get(d, error, "problems"), &at, &item))
        fprintf(stderr, SLICE_FMT "\n", SLICE_ARG(json_string(d, item, &a->arena)));
    fprintf(stderr, "quarterdeck: " SLICE_FMT "\n", SLICE_ARG(message));
    if (a->status == 401 && c->url && !getenv("QUARTERDECK_TOKEN"))
        fprintf(stderr, "quarterdeck: set QUARTERDECK_TOKEN to an operator's token (`tokens` in the configuration)\n");
    return a->status == 400 ? 2 : 3;
}

/* ---- over HTTP ---- */

static enum fault over_http(struct client *c, const char *method, const char *path, struct slice body,
                            struct client_answer *ret, struct error *error) {
    const char *token = getenv("QUARTERDECK_TOKEN"), *headers[3] = {"content-type: application/json"};
    struct buffer url, bearer;
    buffer_init(&url, 64 << 10);
    buffer_init(&bearer, 4 << 10);
    buffer_printf(&url, "%s%s", c->url, path);
    if (token && *token) {
        buffer_printf(&bearer, "authorization: Bearer %s", token);
        headers[1] = buffer_text(&bearer);
    }
    char demo[8] = "";
    const struct http_fetch_watch watch = {.header = "x-quarterdeck-demo", .value = demo, .size = sizeof demo};
    enum fault fault = http_fetch_watched(method, buffer_text(&url), headers, body, TIMEOUT_US, &watch, &ret->status, &ret->body, error);
    if (demo[0] != '\0' && !c->told_demo) fprintf(stderr, "(a demo: provider, traffic and people are simulated)\n");
    c->told_demo |= demo[0] != '\0';
    buffer_deinit(&url);
    buffer_deinit(&bearer);
    return fault;
}

/* ---- in this process ---- */

static struct policy *held_policy(void *ctx) { return policy_hold(((struct client *)ctx)->policy); }

static bool begins_with_one(const char *path, const char *const *beginnings) {
    for (; *beginnings; beginnings++)
        if (strncmp(path, *beginnings, strlen(*beginnings)) == 0) return true;
    return false;
}

static const char *const of_evaluations[] = {"/api/v1/suites", "/api/v1/evals", "/api/v1/judges", "/api/v1/calibrations", "/api/v1/reviews", "/api/v1/scoring", NULL};
static const char *const of_registry[] = {"/api/v1/actions", "/api/v1/alerts", "/api/v1/alert-rules", "/api/v1/silences", "/api/v1/thresholds", "/api/v1/receivers", "/api/v1/notices", "/api/v1/oncall",
                                          "/api/v1/prompts", "/api/v1/rollouts", "/api/v1/knowledge", "/api/v1/keys", "/api/v1/users", "/api/v1/audit", "/api/v1/budgets", "/api/v1/limits", "/api/v1/approvals", "/api/v1/models/",
                                          "/api/v1/cost/cache-calibration", "/api/v1/cost/tokenizer", "/api/v1/findings", NULL};

static int open_stores(struct client *c, const char *path) {
    struct error error = {.fault = FAULT_NONE};
    if (c->offline) return -1;
    if (!c->opened && access(c->data_dir, F_OK) != 0) {
        if (c->url)
            fprintf(stderr, "quarterdeck: no server answers at %s, and there is no data in %s: start one with `quarterdeck serve`, "
                            "or say --server URL or --data-dir DIR\n", c->url, c->data_dir);
        else
            fprintf(stderr, "quarterdeck: %s does not exist\n", c->data_dir);
        return 3;
    }
    if (!c->opened && !digest_start()) return complain(&(struct error){.text = "the system has no random source"});
    bool writes = strncmp(path, "/api/v1/scores", 14) == 0; /* nobody else does: no server runs */
    if (!c->opened) c->ledger = ledger_open(&(struct ledger_options){.dir = c->data_dir, .read_only = !writes}, &error);
    if (!c->ledger) return complain(&error);
    c->opened = true;
    bool evaluates = begins_with_one(path, of_evaluations), needs_registry = evaluates || begins_with_one(path, of_registry);
    if (needs_registry && !c->registry) c->registry = registry_open(c->data_dir, &error);
    if (needs_registry && !c->registry) return complain(&error);
    if (evaluates && !c->evaluations) c->evaluations = evaluations_open(c->data_dir, &error);
    return evaluates && !c->evaluations ? complain(&error) : -1;
}

static int in_process(struct client *c, const char *method, const char *path, struct slice body, struct client_answer *ret) {
    int code = open_stores(c, path);
    if (code >= 0) return code;
    struct control_services services = {.ctx = c, .policy = c->policy ? held_policy : NULL, .ledger = c->ledger, .registry = c->registry, .evaluations = c->evaluations};
    struct api_request request = {.method = slice_of(method), .body = body, .trusted = true, .token = SLICE_NULL};
    struct api_response response;
    struct arena arena;
    slice_cut(slice_of(path), '?', &request.path, &request.query);
    arena_init(&arena, 64 << 10, 4 * (size_t)LIMIT_REPLY_BODY);
    control_answer(&services, &request, &arena, &response);
    ret->status = response.status;
    buffer_deinit(&ret->body);
    ret->body = response.body;
    arena_deinit(&arena);
    return -1;
}

int client_call(struct client *c, const char *method, const char *path, struct slice body, struct client_answer *ret) {
    struct error error = {.fault = FAULT_NONE};
    bool http = c->url && !c->opened;
    enum fault fault = http ? over_http(c, method, path, body, ret, &error) : FAULT_NONE;
    if (http && fault != FAULT_NONE && !(c->may_fall_back && fault == FAULT_UP_CONNECT)) {
        int failed = complain(&error);
        if (fault == FAULT_UP_CONNECT)
            fprintf(stderr, "quarterdeck: no server answers there: `quarterdeck serve` starts one; --server or QUARTERDECK_URL says another\n");
        return failed;
    }
    if (http && fault == FAULT_NONE) {
        c->may_fall_back = false; /* it is there: from now on it alone is asked */
        return judge(c, ret);
    }
    int code = in_process(c, method, path, body, ret);
    return code >= 0 ? code : judge(c, ret);
}

/* ---- addresses ---- */

static void add_encoded(struct buffer *path, const char *text) {
    static const char hex[] = "0123456789ABCDEF";
    for (const unsigned char *a = (const unsigned char *)text; *a; a++) {
        bool plain = (*a >= 'a' && *a <= 'z') || (*a >= 'A' && *a <= 'Z') || (*a >= '0' && *a <= '9') || strchr("-_.~", *a);
        if (plain) {
            buffer_byte(path, (char)*a);
        } else {
            buffer_byte(path, '%');
            buffer_byte(path, hex[*a >> 4]);
            buffer_byte(path, hex[*a & 15]);
        }
    }
}

void client_add_query(struct buffer *path, const char *name, const char *value) {
    if (!value) return;
    buffer_byte(path, slice_contains(buffer_slice(path), SLICE("?")) ? '&' : '?');
    buffer_append(path, slice_of(name));
    buffer_byte(path, '=');
    add_encoded(path, value);
}

void client_add_segment(struct buffer *path, const char *value) {
    buffer_byte(path, '/');
    add_encoded(path, value);
}
