/* `quarterdeck prompt` and `quarterdeck knowledge`: the tables of their parts. */
#include "control/cli_change.h"
#include "control/cli_live.h"
#include "control/cli_versions.h"

static int prompt_list(int argc, char **argv) { return cli_versions_list(&cli_prompt_noun, argc, argv); }
static int prompt_show(int argc, char **argv) { return cli_versions_show(&cli_prompt_noun, argc, argv); }
static int prompt_diff(int argc, char **argv) { return cli_versions_diff(&cli_prompt_noun, argc, argv); }
static int prompt_lint(int argc, char **argv) { return cli_versions_lint(&cli_prompt_noun, argc, argv); }
static int prompt_label(int argc, char **argv) { return cli_versions_label(&cli_prompt_noun, argc, argv); }
static int knowledge_label(int argc, char **argv) { return cli_versions_label(&cli_knowledge_noun, argc, argv); }
static int knowledge_diff(int argc, char **argv) { return cli_versions_diff(&cli_knowledge_noun, argc, argv); }
static int knowledge_list(int argc, char **argv) { return cli_versions_list(&cli_knowledge_noun, argc, argv); }
static int knowledge_show(int argc, char **argv) { return cli_versions_show(&cli_knowledge_noun, argc, argv); }
static int prompt_submit(int argc, char **argv) { return cli_change_submit(&cli_prompt_noun, argc, argv); }
static int prompt_approve(int argc, char **argv) { return cli_change_approve(&cli_prompt_noun, argc, argv); }
static int prompt_reject(int argc, char **argv) { return cli_change_reject(&cli_prompt_noun, argc, argv); }
static int prompt_override(int argc, char **argv) { return cli_change_override(&cli_prompt_noun, argc, argv); }
static int prompt_review_override(int argc, char **argv) { return cli_change_review_override(&cli_prompt_noun, argc, argv); }
static int prompt_gate(int argc, char **argv) { return cli_change_gate(&cli_prompt_noun, argc, argv); }
static int knowledge_submit(int argc, char **argv) { return cli_change_submit(&cli_knowledge_noun, argc, argv); }
static int knowledge_approve(int argc, char **argv) { return cli_change_approve(&cli_knowledge_noun, argc, argv); }
static int knowledge_reject(int argc, char **argv) { return cli_change_reject(&cli_knowledge_noun, argc, argv); }
static int knowledge_override(int argc, char **argv) { return cli_change_override(&cli_knowledge_noun, argc, argv); }
static int knowledge_review_override(int argc, char **argv) { return cli_change_review_override(&cli_knowledge_noun, argc, argv); }
static int knowledge_gate(int argc, char **argv) { return cli_change_gate(&cli_knowledge_noun, argc, argv); }

const struct cli_verb cli_prompt_parts[] = {
    {"list", "prompt list", "all prompts, with what is in production", prompt_list},
    {"show", "prompt show NAME[@V]", "all versions of one, or one with its text and what is known of it", prompt_show},
    {"diff", "prompt diff NAME@V [--to V]", "what differs between a version and its parent, or another one", prompt_diff},
    {"lint", "prompt lint NAME@V", "what was noticed in a version: contradictions, duplicates, personal data, growth", prompt_lint},
    {"label", "prompt label NAME@V LABEL", "point a label such as staging at a version, or at none", prompt_label},
    {"submit", "prompt submit NAME@V --why TEXT", "into review; its gate begins", prompt_submit},
    {"approve", "prompt approve NAME@V --why TEXT", "one approval, by somebody who did not write it", prompt_approve},
    {"reject", "prompt reject NAME@V --why TEXT", "out of review", prompt_reject},
    {"override", "prompt override NAME@V --why TEXT", "past review and gate, in an emergency", prompt_override},
    {"review-override", "prompt review-override NAME@V --why TEXT", "somebody else has looked at an override", prompt_review_override},
    {"gate", "prompt gate NAME@V --why TEXT", "ask its gate once more", prompt_gate},
    {"live", "prompt live [HASH]", "system prompts of traffic that came with no version: who uses them, how often, since when", cli_prompt_live},
    {"adopt", "prompt adopt HASH [--name NAME] --why TEXT", "registers one of them as the version in production, because it is what serves", cli_prompt_adopt},
    {NULL, NULL, NULL, NULL},
};

const struct cli_verb cli_knowledge_parts[] = {
    {"list", "knowledge list", "all knowledge bases, with what is in production", knowledge_list},
    {"show", "knowledge show NAME[@V]", "all versions of one, or one with what is known of it", knowledge_show},
    {"diff", "knowledge diff NAME@V [--to V]", "which documents came, went and changed", knowledge_diff},
    {"label", "knowledge label NAME@V LABEL", "point a label such as staging at a version, or at none", knowledge_label},
    {"submit", "knowledge submit NAME@V --why TEXT", "into review; its gate begins", knowledge_submit},
    {"approve", "knowledge approve NAME@V --why TEXT", "one approval, by somebody who did not write it", knowledge_approve},
    {"reject", "knowledge reject NAME@V --why TEXT", "out of review", knowledge_reject},
    {"override", "knowledge override NAME@V --why TEXT", "past review and gate, in an emergency", knowledge_override},
    {"review-override", "knowledge review-override NAME@V --why TEXT", "somebody else has looked at an override", knowledge_review_override},
    {"gate", "knowledge gate NAME@V --why TEXT", "ask its gate once more", knowledge_gate},
    {NULL, NULL, NULL, NULL},
};

int cli_prompt(int argc, char **argv) { return cli_dispatch("prompt", cli_prompt_parts, argc, argv); }
int cli_knowledge(int argc, char **argv) { return cli_dispatch("knowledge", cli_knowledge_parts, argc, argv); }
