/* cli_definition.h - files of definitions on their way to the registry, for `apply` and `suite add`. Private to control/. */
#ifndef CONTROL_CLI_DEFINITION_H
#define CONTROL_CLI_DEFINITION_H

#include "control/cli_verbs.h"
#include "control/definition_kind.h"

struct definition_options {
    struct client_options client;
    const char *author, *why, *ticket; /* NULL: those of the Git commit that the files are of, where there is one */
    bool dry_run, allow_secrets;
    const char *only; /* the kind that is expected; NULL: any */
};
#define DEFINITION_OPTIONS(o)                                                                                 \
    {.name = "author", .type = OPTION_TEXT, .value = &(o).author, .metavar = "NAME", .help = "who wrote it; else the Git commit's author"}, \
        {.name = "why", .type = OPTION_TEXT, .value = &(o).why, .metavar = "TEXT", .help = "why it is changed; else the Git commit's subject"}, \
        {.name = "ticket", .type = OPTION_TEXT, .value = &(o).ticket, .metavar = "ID", .help = "the ticket behind it; else one that the commit names"}, \
        {.name = "allow-secrets", .type = OPTION_FLAG, .value = &(o).allow_secrets, .help = "what lint takes for a secret in a prompt is none"}, \
        {.name = "dry-run", .type = OPTION_FLAG, .value = &(o).dry_run, .help = "say what would change; nothing is changed"}, \
        CLIENT_OPTIONS((o).client)

/* All or none: nothing is sent before every file is read. The exit code. */
int cli_definitions_apply(const struct definition_options *o, char **paths, int n);

int cli_suite_check(int argc, char **argv); /* cli_suite_check.c */

/* Says what is wrong with files that were read. */
void cli_tell_problems(const struct problems *problems);

/* Author, subject, ticket and id of the last commit of the repository that touched one of `files` (the first says which repository); SLICE_NULL
 * where there is none. `changed`: what they hold is not what was committed; then nothing of that commit is theirs but the author, who is Git's
 * user here. */
struct definition_origin {
    struct slice author, why, ticket, commit;
    bool changed;
};
void cli_git_origin(const char *const *files, unsigned n, struct arena *arena, struct definition_origin *ret);
/* "OPS-12" or "#12" in a text; SLICE_NULL. */
struct slice cli_find_ticket(struct slice text);

#endif
