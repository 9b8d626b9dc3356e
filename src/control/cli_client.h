/* cli_client.h - how a verb asks: the running server over HTTP, or, beside a stopped one, the same code in this process.
 *
 *   --server URL       that server, and nothing else
 *   --data-dir DIR     that folder, in this process
 *   -c FILE            the server that FILE describes; when nothing answers there, its data_dir
 *   QUARTERDECK_URL    without any of these: that server, and nothing else
 *   otherwise          as with -c, of ./quarterdeck.yaml; without it http://127.0.0.1:4000 and ./qd-data
 * The operator's token is QUARTERDECK_TOKEN. Records that a killed server left in its flight recorder show after its next start. */
#ifndef CONTROL_CLI_CLIENT_H
#define CONTROL_CLI_CLIENT_H

#include "base/json.h"
#include "control/options.h"
#include "model/policy.h"

struct client_options {
    const char *server, *config, *data_dir;
    bool offline; /* no server is looked for unless one is named; no data_dir is needed */
    bool json;
};

/* Rows for a verb's table of options. */
#define CLIENT_OPTIONS(o)                                                                                     \
    {.name = "server", .type = OPTION_TEXT, .value = &(o).server, .metavar = "URL", .help = "the server to ask; QUARTERDECK_URL"}, \
        {.name = "config", .letter = 'c', .type = OPTION_TEXT, .value = &(o).config, .metavar = "FILE",       \
         .help = "the configuration that says where server and data are"},                                    \
        {.name = "data-dir", .type = OPTION_TEXT, .value = &(o).data_dir, .metavar = "DIR",                   \
         .help = "read this folder, whether or not a server runs"},                                           \
    {.name = "json", .type = OPTION_FLAG, .value = &(o).json, .help = "the API's answer as it is"}

struct client;

struct client_answer {
    int status;
    struct buffer body;
    struct arena arena;   /* of the document */
    struct json_doc doc;  /* when the body is JSON; count is 0 otherwise */
};

/* NULL after having said why; *ret_code is the exit code then. */
struct client *client_open(const struct client_options *o, int *ret_code) MUST_CHECK;
void client_close(struct client *c);

/* One request; `path` with its query. -1: a 2xx answer is in *ret. Else the exit code, after the error was printed (2 for
 * 400, otherwise 3); *ret then has the answer where there was one. *ret is always to be released. */
int client_call(struct client *c, const char *method, const char *path, struct slice body, struct client_answer *ret) MUST_CHECK;
void client_answer_init(struct client_answer *a);
void client_answer_deinit(struct client_answer *a);

/* Where a server with these settings listens, as seen from this machine: its control plane, or its gateway. mem_free. */
char *client_url_of(const struct server_settings *s, bool control);
/* Where applications connect to the server that `c` asks: that of its configuration, else where it is asked itself. mem_free. */
char *client_gateway(const struct client *c);

/* "name=VALUE", percent-encoded, behind '?' or '&'; nothing when value is NULL. */
void client_add_query(struct buffer *path, const char *name, const char *value);
void client_add_segment(struct buffer *path, const char *value); /* "/VALUE" */

#endif
