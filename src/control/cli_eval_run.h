/* cli_eval_run.h - the steps of `quarterdeck eval run`. Private to control/.
 *
 * Each step returns -1 to go on, or the exit code after having said why. */
#ifndef CONTROL_CLI_EVAL_RUN_H
#define CONTROL_CLI_EVAL_RUN_H

#include "control/cli_eval.h"
#include "control/eval_owner.h"
#include "control/private_server.h"

struct eval_order { /* as typed */
    const char *server, *config, *gateway, *key;
    const char *suite, *prompt, *model, *max_cost, *resume;
    struct several filters, outs;
    int64_t repeat, concurrency, timeout_us, patience_us;
    bool fresh, json;
    int64_t max_cost_nano;  /* -1: none */
    const char *again;      /* the command that goes on with it */
};

struct eval_job {
    struct eval_order o;
    char *server, *gateway; /* URLs */
    struct private_server *private_server;
    struct client *client;
    struct arena arena;     /* suite, prompt, what is read on the way */
    struct suite suite;
    struct prompt prompt;
    struct slice prompt_label; /* "NAME@V" of a registered one; SLICE_NULL */
    uint8_t *chosen;        /* a byte a case */
    struct slice filter;    /* SLICE_NULL: none */
    unsigned n_chosen;
    char owner[EVAL_OWNER_TEXT];
    struct client_answer begun; /* the server's answer */
    const char *run;        /* "run-12" */
    int64_t begun_us, planned;
    unsigned repeat;
    bool resumed;
};

int eval_find_server(struct eval_job *j) MUST_CHECK;   /* cli_eval_server.c: URLs, client; perhaps a private server */
int eval_begin_run(struct eval_job *j) MUST_CHECK;     /* cli_eval_begin.c: suite, prompt, filter; the run at the server */
/* cli_eval_engine.c: asks until the end. *ret_stopped "": all was run; else why not, and the run is to be ended with what it has. */
#define EVAL_STOPPED_TEXT 512
int eval_run_engine(struct eval_job *j, char ret_stopped[EVAL_STOPPED_TEXT]) MUST_CHECK;

/* The line that tells how far it is; on a terminal in place, elsewhere one each tenth. */
struct eval_progress {
    const char *run;
    bool terminal, shown;
    int64_t planned, earlier, done, failed, errors; /* earlier: of a former life, not in `done` */
    int64_t cost_nano, started_us;
    unsigned tenth;
};
void eval_progress_show(struct eval_progress *p);
void eval_progress_end(struct eval_progress *p);

#endif
