/* cli_verbs.h - what the command-line verbs share. Private to control/. */
#ifndef CONTROL_CLI_VERBS_H
#define CONTROL_CLI_VERBS_H

#include "control/cli.h"
#include "control/cli_client.h"
#include "control/cli_sheet.h"

/* The part behind the noun: "list" of "record list". Tables end with a NULL name. */
int cli_dispatch(const char *noun, const struct cli_verb *parts, int argc, char **argv);
void cli_print_parts(const char *noun, const struct cli_verb *parts, FILE *out);

int cli_check(int argc, char **argv);
int cli_record(int argc, char **argv);
int cli_export(int argc, char **argv);
int cli_model(int argc, char **argv);
int cli_key(int argc, char **argv);
int cli_user(int argc, char **argv);
int cli_policy(int argc, char **argv);
int cli_audit(int argc, char **argv);
int cli_policy_audit(int argc, char **argv); /* cli_audit.c */
int cli_cost(int argc, char **argv);
int cli_batch(int argc, char **argv);
int cli_eval(int argc, char **argv);
int cli_budget(int argc, char **argv);
int cli_limit(int argc, char **argv);
int cli_alert(int argc, char **argv);
int cli_oncall(int argc, char **argv);
int cli_provider(int argc, char **argv);
int cli_finding(int argc, char **argv); /* cli_findings.c */
int cli_review(int argc, char **argv);
int cli_suite(int argc, char **argv);
int cli_prompt(int argc, char **argv);
int cli_knowledge(int argc, char **argv); /* cli_prompt.c */
int cli_action(int argc, char **argv);
int cli_rollout(int argc, char **argv);
int cli_rollback(int argc, char **argv); /* cli_rollout.c */
int cli_apply(int argc, char **argv); /* cli_definition.c */
int cli_sim(int argc, char **argv);  /* cli_sim.c */
int cli_load(int argc, char **argv); /* cli_load.c */
/* Hidden: the pages of docs/reference on standard output. `wired` are wire's verbs. */
int cli_reference(int argc, char **argv, const struct cli_verb *wired);

/* Tables of their parts, for the reference. */
extern const struct cli_verb cli_action_parts[], cli_record_parts[], cli_model_parts[], cli_key_parts[], cli_policy_parts[], cli_cost_parts[], cli_budget_parts[],
    cli_limit_parts[], cli_batch_parts[], cli_review_parts[], cli_finding_parts[], cli_eval_parts[], cli_suite_parts[],
    cli_rollout_parts[], cli_audit_parts[], cli_prompt_parts[], cli_knowledge_parts[], cli_alert_parts[], cli_oncall_parts[],
    cli_user_parts[], cli_provider_parts[];

/* Exactly `least` to `most` positional arguments, or the exit code 2 after having said what is expected; -1: good. */
int cli_expect(const char *usage, int found, int least, int most);
/* The body of an answer as it came, with a line's end. */
void cli_print_json(const struct client_answer *a);

/* GETs `path`. A 2xx answer is printed as JSON where that is asked for, else told by `write`; then `verdict` (NULL: 0)
 * gives the exit code. Other answers have been told, and give theirs. */
int cli_get(const struct client_options *o, const char *path, void (*write)(struct client_answer *a),
            int (*verdict)(struct client_answer *a));

/* The same of a call that changes something. */
int cli_send(const struct client_options *o, const char *method, const char *path, struct slice body,
             void (*write)(struct client_answer *a));

/* POSTs {"reason": ...} (NULL: null) to collection/id/verb; `write` as above. The exit code. */
int cli_post_reason(const struct client_options *o, const char *collection, const char *id, const char *verb, const char *reason,
                    void (*write)(struct client_answer *a));

/* Reading an answer. `path` is "usage.input"; JSON_NONE when it is not there. */
uint32_t cli_at(const struct client_answer *a, uint32_t node, const char *path);
/* A string decoded, anything else as it was written; SLICE_NULL for null or absent. */
struct slice cli_value(struct client_answer *a, uint32_t node, const char *path);
void cli_put(struct sheet *s, struct client_answer *a, uint32_t node, const char *path); /* as a cell */
void cli_put_time(struct sheet *s, struct client_answer *a, uint32_t node, const char *path); /* "2026-11-21 04:16:21" */
enum sheet_color cli_status_color(struct slice status);

/* Options that filter records, for `record list` and `export records`. */
struct record_options {
    const char *from, *to, *application, *model, *user, *session, *status, *request_type, *tag, *key, *provider, *prompt, *arm;
};
#define RECORD_OPTIONS(o)                                                                                     \
    {.name = "from", .type = OPTION_TEXT, .value = &(o).from, .metavar = "TIME", .help = "first time: RFC 3339, a date, or -1h"}, \
    {.name = "to", .type = OPTION_TEXT, .value = &(o).to, .metavar = "TIME", .help = "first time that no longer counts"}, \
    {.name = "application", .letter = 'a', .type = OPTION_TEXT, .value = &(o).application, .metavar = "NAME", .help = "only this application"}, \
    {.name = "model", .letter = 'm', .type = OPTION_TEXT, .value = &(o).model, .metavar = "NAME", .help = "only this model"}, \
    {.name = "user", .type = OPTION_TEXT, .value = &(o).user, .metavar = "LABEL", .help = "only this end user"}, \
    {.name = "session", .type = OPTION_TEXT, .value = &(o).session, .metavar = "LABEL", .help = "only this session"}, \
    {.name = "status", .type = OPTION_TEXT, .value = &(o).status, .metavar = "STATUS",                        \
     .help = "ok, truncated, refused, error, cancelled or degraded"},                                         \
    {.name = "request-type", .type = OPTION_TEXT, .value = &(o).request_type, .metavar = "LABEL", .help = "only this kind of work"}, \
    {.name = "tag", .type = OPTION_TEXT, .value = &(o).tag, .metavar = "K[=V]", .help = "only with this tag"}, \
    {.name = "key", .type = OPTION_TEXT, .value = &(o).key, .metavar = "NAME", .help = "only by this key"},   \
    {.name = "provider", .type = OPTION_TEXT, .value = &(o).provider, .metavar = "NAME", .help = "only answered by this provider"}, \
    {.name = "prompt", .type = OPTION_TEXT, .value = &(o).prompt, .metavar = "NAME[@V]", .help = "only of this prompt"}, \
    {.name = "arm", .type = OPTION_TEXT, .value = &(o).arm, .metavar = "ARM", .help = "only of this arm of a rollout: rest, control or candidate"}
void cli_add_filters(struct buffer *path, const struct record_options *o);

#endif
