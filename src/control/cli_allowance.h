/* cli_allowance.h - what `quarterdeck budget` and `quarterdeck limit` share: showing, setting and removing one.
 * cli_approval.c's verbs are here too. Private to control/. */
#ifndef CONTROL_CLI_ALLOWANCE_H
#define CONTROL_CLI_ALLOWANCE_H

#include "control/cli_client.h"

/* What the flags of `set` say; NULL: not given. Together they are the object of the configuration. */
struct allowance_options {
    const char *kind; /* "budget", "limit" */
    const char *name, *application, *team, *user, *feature, *key, *model, *request_type, *tag;
    const char *limit_usd, *window, *mode, *timezone, *from, *to;      /* a budget's */
    const char *requests_per_minute, *tokens_per_minute, *concurrent; /* a limit's */
    const char *reason;
    bool dry_run;
    struct client_options client;
};

#define ALLOWANCE_OPTIONS(a)                                                                                  \
    {.name = "name", .type = OPTION_TEXT, .value = &(a).name, .metavar = "NAME", .help = "what it is called"}, \
        {.name = "application", .letter = 'a', .type = OPTION_TEXT, .value = &(a).application, .metavar = "NAME", \
         .help = "only this application, or '*': one for each; so for all below"},                            \
        {.name = "team", .type = OPTION_TEXT, .value = &(a).team, .metavar = "LABEL", .help = "only this team"}, \
        {.name = "user", .type = OPTION_TEXT, .value = &(a).user, .metavar = "LABEL", .help = "only this end user"}, \
        {.name = "feature", .type = OPTION_TEXT, .value = &(a).feature, .metavar = "LABEL", .help = "only this feature"}, \
        {.name = "key", .type = OPTION_TEXT, .value = &(a).key, .metavar = "NAME", .help = "only this key"},  \
        {.name = "model", .letter = 'm', .type = OPTION_TEXT, .value = &(a).model, .metavar = "NAME", .help = "only this model"}, \
        {.name = "request-type", .type = OPTION_TEXT, .value = &(a).request_type, .metavar = "LABEL", .help = "only this kind of work"}, \
        {.name = "tag", .type = OPTION_TEXT, .value = &(a).tag, .metavar = "K=V", .help = "only with this tag"}, \
        {.name = "reason", .type = OPTION_TEXT, .value = &(a).reason, .metavar = "TEXT", .help = "why; kept in the audit log"}, \
        {.name = "dry-run", .type = OPTION_FLAG, .value = &(a).dry_run, .help = "say what would change, and change nothing"}

int allowance_set(struct allowance_options *a, const struct option_spec *specs, unsigned n_specs, const char *usage, int argc, char **argv);
int allowance_show(const char *kind, int argc, char **argv);
int allowance_remove(const char *kind, int argc, char **argv);

int cli_approve(int argc, char **argv);
int cli_approvals(int argc, char **argv);

#endif
