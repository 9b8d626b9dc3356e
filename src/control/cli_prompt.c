/* `quarterdeck prompt` and `quarterdeck knowledge`: the tables of their parts. */
#include "control/cli_versions.h"

static int prompt_list(int argc, char **argv) { return cli_versions_list(&cli_prompt_noun, argc, argv); }
static int prompt_show(int argc, char **argv) { return cli_versions_show(&cli_prompt_noun, argc, argv); }
static int knowledge_list(int argc, char **argv) { return cli_versions_list(&cli_knowledge_noun, argc, argv); }
static int knowledge_show(int argc, char **argv) { return cli_versions_show(&cli_knowledge_noun, argc, argv); }

const struct cli_verb cli_prompt_parts[] = {
    {"list", "prompt list", "all prompts, with what is in production", prompt_list},
    {"show", "prompt show NAME[@V]", "all versions of one, or one with its text and what is known of it", prompt_show},
    {NULL, NULL, NULL, NULL},
};

const struct cli_verb cli_knowledge_parts[] = {
    {"list", "knowledge list", "all knowledge bases, with what is in production", knowledge_list},
    {"show", "knowledge show NAME[@V]", "all versions of one, or one with what is known of it", knowledge_show},
    {NULL, NULL, NULL, NULL},
};

int cli_prompt(int argc, char **argv) { return cli_dispatch("prompt", cli_prompt_parts, argc, argv); }
int cli_knowledge(int argc, char **argv) { return cli_dispatch("knowledge", cli_knowledge_parts, argc, argv); }
