/* Which server runs the exchanges of an evaluation. */
#include "control/cli_eval_run.h"

#include "base/mem.h"
#include "control/config_file.h"
#include "io/http_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DEFAULT_URL "http://127.0.0.1:4000"
#define DEFAULT_CONFIG "quarterdeck.yaml"
#define LOOK_US 5000000LL

static char *trimmed(const char *url) {
    char *text = mem_text(url);
    for (size_t n = strlen(text); n > 0 && text[n - 1] == '/';) text[--n] = 0;
    return text;
}

static bool answers(const char *server) {
    struct buffer url, body;
    struct error error;
    int status = 0;
    buffer_init(&url, 64 << 10);
    buffer_init(&body, 1 << 20);
    buffer_printf(&url, "%s/healthz", server);
    bool good = http_fetch("GET", buffer_text(&url), NULL, SLICE_NULL, LOOK_US, &status, &body, &error) == FAULT_NONE;
    buffer_deinit(&url);
    buffer_deinit(&body);
    return good;
}

static int start_private(struct eval_job *j, const char *config) {
    struct error error;
    fprintf(stderr, "no server answers at %s: one is started for this run, with %s\n", j->server, config);
    j->private_server = private_server_start(config, &error);
    if (!j->private_server) {
        fprintf(stderr, "quarterdeck: %s\n", error.text);
        return 3;
    }
    mem_free(j->server);
    mem_free(j->gateway);
    j->server = mem_text(private_server_url(j->private_server));
    j->gateway = mem_text(j->server);
    return -1;
}

static int by_config(struct eval_job *j, const char *config) {
    struct policy *policy = NULL;
    struct problems problems = {0};
    struct error error = {.fault = FAULT_NONE};
    enum fault fault = config_file_read(config, NULL, &j->arena, &policy, &problems, &error);
    if (fault != FAULT_NONE) {
        struct buffer text;
        buffer_init(&text, LIMIT_CONFIG_FILE);
        problems_write(&problems, &text);
        fprintf(stderr, SLICE_FMT "quarterdeck: %s\n", SLICE_ARG(buffer_slice(&text)), error.text);
        buffer_deinit(&text);
        return 3;
    }
    j->server = client_url_of(&policy->server, true);
    j->gateway = client_url_of(&policy->server, false);
    bool free_port = policy->server.listen_port == 0; /* whoever listens there cannot be found */
    policy_drop(policy);
    return !free_port && answers(j->server) ? -1 : start_private(j, config);
}

int eval_find_server(struct eval_job *j) {
    const char *env = getenv("QUARTERDECK_URL");
    const char *named = j->o.server ? j->o.server : !j->o.config && env && *env ? env : NULL;
    const char *config = j->o.config ? j->o.config : access(DEFAULT_CONFIG, R_OK) == 0 ? DEFAULT_CONFIG : NULL;
    int code = -1;
    if (named || !config) {
        j->server = trimmed(named ? named : DEFAULT_URL);
        j->gateway = mem_text(j->server);
    }
    if (!named && config) code = by_config(j, config);
    if (!named && !config && !answers(j->server)) {
        fprintf(stderr, "quarterdeck: no server answers at %s, and there is no " DEFAULT_CONFIG " here with which to start one: "
                        "say --server URL or -c FILE\n", j->server);
        code = 3;
    }
    if (code >= 0) return code;
    if (j->o.gateway) {
        mem_free(j->gateway);
        j->gateway = trimmed(j->o.gateway);
    }
    struct client_options o = {.server = j->server, .json = j->o.json};
    j->client = client_open(&o, &code);
    return j->client ? -1 : code;
}
