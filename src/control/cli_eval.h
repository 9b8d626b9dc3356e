/* cli_eval.h - what the parts of `quarterdeck eval` share. Private to control/. */
#ifndef CONTROL_CLI_EVAL_H
#define CONTROL_CLI_EVAL_H

#include "control/cli_verbs.h"
#include "quality/result.h"
#include "quality/suite.h"

int cli_eval_compare(int argc, char **argv);  /* cli_eval_compare.c */
int cli_eval_power(int argc, char **argv);    /* cli_eval_power.c */
int cli_eval_run(int argc, char **argv);      /* cli_eval_run.c */
int cli_eval_show(int argc, char **argv);     /* cli_eval_show.c */
int cli_eval_history(int argc, char **argv);  /* cli_eval_history.c */
int cli_eval_online(int argc, char **argv);   /* cli_eval_online.c */
int cli_eval_schedule(int argc, char **argv); /* cli_eval_schedule.c */

/* "/api/v1/evals/run-12" and what follows, onto an initialised buffer; RUN as it was typed. */
void cli_eval_path(struct buffer *path, const char *run, const char *rest);

/* The options called --NAME, out of argv, in their order; the caller parses the rest. False: one has no value (told). */
#define CLI_EVAL_SEVERAL 16
struct several {
    const char *name;
    const char *values[CLI_EVAL_SEVERAL];
    unsigned n;
};
bool cli_eval_take_several(struct several *s, int *argc, char **argv) MUST_CHECK;

/* ---- a suite and a prompt, by file or by name (cli_eval_load.c) ---- */
/* SUITE is a file, or the name (NAME, NAME@V) of a registered one. -1: *ret is read; it lies in the arena, and suite_deinit comes before that one's
 * end. Else the exit code, after having said why. */
int cli_eval_load_suite(struct client *client, const char *word, struct arena *arena, struct suite *ret) MUST_CHECK;
/* The very version that a run names, registered or not. */
int cli_eval_load_version(struct client *client, struct slice name, struct slice version, struct arena *arena, struct suite *ret) MUST_CHECK;
/* The judge that is registered by this name; texts in the arena. 2: there is none, and nothing was said. -1: *ret is it. */
int cli_eval_registered_judge(struct client *client, struct slice name, struct arena *arena, struct judge *ret) MUST_CHECK;
/* Judges that it names and does not declare are taken from the registry; 2: there is no such one, which is told with its line. */
int cli_eval_find_judges(struct client *client, const char *file, struct arena *arena, struct suite *suite) MUST_CHECK;
/* A file, or the name of a prompt: NAME.yaml, NAME.yml or NAME.md, or one of these below `prompts/`, beside the suite's file or one folder up;
 * else, and for NAME@V, what is registered: production's version of NAME. *ret_label: "NAME@V" of a registered one; else SLICE_NULL. */
int cli_eval_load_prompt(struct client *client, const char *word, const char *suite, struct arena *arena, struct prompt *ret,
                         struct slice *ret_label) MUST_CHECK;

/* ---- results of a run, page by page ---- */
/* `verdict`: "pass", "fail", "error"; NULL: any. `each` returns false to stop; the result is valid inside the call. -1, or the exit code. */
int cli_eval_results(struct client *client, const char *run, const char *verdict, unsigned page,
                     bool (*each)(void *ctx, const struct result *r, const struct json_doc *d, uint32_t node), void *ctx) MUST_CHECK;

/* ---- reports ---- */
bool cli_eval_report_known(const char *file); /* by the name's end */
/* The report of a run that is over, to the file, in whole or not at all. `suite`: its version; NULL: as the server keeps it. -1, or the exit code. */
int cli_eval_report(struct client *client, const char *run, const struct suite *suite, const char *file) MUST_CHECK;

/* ---- telling (cli_eval_show.c) ---- */
/* "93.3 %"; 99.99 is not 100. Into `text`. */
#define CLI_EVAL_PERCENT 32
const char *cli_eval_percent(double share, char text[CLI_EVAL_PERCENT]);
enum sheet_color cli_eval_color(struct slice verdict);
/* The summary at `node` for people: the verdict and why, requirements, tags, what failed, errors, cost, what to type next. */
void cli_eval_tell(struct client *client, struct client_answer *a, uint32_t node);
int cli_eval_exit(struct slice verdict); /* 0 passed, 1 else */

#endif
