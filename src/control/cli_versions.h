/* cli_versions.h - verbs about versions, for `prompt` and `knowledge`: the same but for the noun. Private to control/. */
#ifndef CONTROL_CLI_VERSIONS_H
#define CONTROL_CLI_VERSIONS_H

#include "control/cli_verbs.h"

struct version_noun {
    const char *noun, *collection; /* "prompt", "/api/v1/prompts" */
};
extern const struct version_noun cli_prompt_noun, cli_knowledge_noun;

int cli_versions_list(const struct version_noun *n, int argc, char **argv);
int cli_versions_diff(const struct version_noun *n, int argc, char **argv);
int cli_versions_label(const struct version_noun *n, int argc, char **argv);
int cli_versions_lint(const struct version_noun *n, int argc, char **argv);
int cli_versions_show(const struct version_noun *n, int argc, char **argv);

/* The path of NAME or NAME@V: collection/NAME/versions[/V]. *ret_version: there is a V. `word` is changed. */
void cli_versions_path(const struct version_noun *n, char *word, struct buffer *path, bool *ret_version);
/* A verb about one NAME or NAME@V: its options, and the path of what it names (the caller's buffer from then on). -1: go on; else the exit code. */
int cli_versions_begin(const struct version_noun *n, const char *rest, const struct option_spec *specs, unsigned n_specs, int argc, char **argv,
                       struct buffer *path, bool *ret_version);
void cli_diff_say(struct slice text, struct buffer *out); /* lines of a difference, coloured on a terminal */
/* Class, reasons, tokens, cost and notes of the version that stands in the answer at `node`, a line each, indented. */
void cli_version_say(struct client_answer *a, uint32_t node, struct buffer *out);

#endif
