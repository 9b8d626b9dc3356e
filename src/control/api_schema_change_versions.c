/* Shapes of answers about versions of prompts and knowledge bases. */
#include "control/api.h"
#include "store/changes.h"

#define OR_STATE(symbol, name) "|" name
#define STATES (&(VERSION_STATE_TABLE(OR_STATE))[1])
#define CLASSES "minor|moderate|major"

#define HEAD(schema)                                                                                                          \
    {schema, "version", "integer", "1, 2, ... in the order in which they were made; 0 in a dry run of a new one"},             \
        {schema, "hash", "string", "SHA-256 of its canonical content, 64 hex digits: its identity"},                          \
        {schema, "state", STATES, "where it is on its way"},                                                                  \
        {schema, "class", CLASSES, "how much it changes: as computed, or higher where a person said so"},                     \
        {schema, "class_reasons", "[string]", "why it was computed so, the worst first"},                                     \
        {schema, "author", "string?", "who wrote it"}, {schema, "why", "string?", "why it was made"},                         \
        {schema, "ticket", "string?", "the ticket behind it"}, {schema, "created", "time?", "when it was made"},              \
        {schema, "tokens", "integer?", "of its messages and tools as they stand, placeholders as they are written; null: not counted"}, \
        {schema, "cost_per_call_usd", "number?", "these tokens as input, at the price of its model's first target when it was made; without variables and the answer. null: unknown"}, \
        {schema, "parent", "integer?", "the version that it was compared with: in production when it was made, else the newest. null: it is the first"}, \
        {schema, "human", "string?", "what people call it"}, {schema, "owner", "string?", "who answers for it"},              \
        {schema, "applied_by", "string?", "the token's name that brought it in"}, {schema, "commit", "string?", "the commit that it is of"}, \
        {schema, "class_computed", CLASSES, "as computed"}, {schema, "suites", "[string]", "that its gate runs"},             \
        {schema, "state_by", "string?", "who put it into its state"}, {schema, "state_why", "string?", "why"},                \
        {schema, "state_at", "time?", "when"}, {schema, "gate", "json", "what its gate says; null: it was not begun"}

#define SUBJECT(schema)                                                                                                       \
    {schema, "name", "string", "its name"}, {schema, "production", "integer?", "the version in production; null: none yet"},   \
        {schema, "labels", "{integer}", "other labels and the versions that they stand for"},                                 \
        {schema, "launched", "integer?", "the first version that ever was in production"},                                    \
        {schema, "newest", "integer", "the newest version"},                                                                  \
        {schema, "revision", "integer", "grows with each change: send it as if_revision to change only what you have seen"},  \
        {schema, "changed_at", "time?", "the last change"}, {schema, "changed_by", "string?", "whose it was"},                \
        {schema, "changed", "string?", "what it was, in words"}

#define FETCHED(schema)                                                                                                       \
    {schema, "name", "string", "its name"}, {schema, "version", "integer", "its number"},                                     \
        {schema, "hash", "string", "64 hex digits; the ETag is the same in quotation marks"},                                 \
        {schema, "label", "string?", "the label that was asked for; null: a version was"},                                    \
        {schema, "human", "string?", "what people call it"}

const struct api_field api_fields_change_versions[] = {
    {"Subjects", "subjects", "[Subject]", "by name"},
    {"Subject", "kind", "prompt|knowledge", "what it is"},
    SUBJECT("Subject"),
    {"Subject", "serving", "VersionGlance?", "the version in production"},
    {"Subject", "latest", "VersionGlance?", "the newest version"},
    {"Subject", "on_their_way", "[VersionGlance]", "versions in review, evaluated, or in a rollout; newest first"},
    {"VersionGlance", "version", "integer", "its number"},
    {"VersionGlance", "human", "string?", "what people call it"},
    {"VersionGlance", "state", STATES, "where it is on its way"},
    {"VersionGlance", "class", CLASSES, "how much it changes"},
    {"VersionGlance", "author", "string?", "who wrote it"},
    {"VersionGlance", "owner", "string?", "who answers for it"},
    {"VersionGlance", "tokens", "integer?", "of its messages and tools as they stand; null: not counted"},
    {"VersionGlance", "cost_per_call_usd", "number?", "these tokens as input; null: unknown"},
    {"VersionGlance", "state_at", "time?", "since when it is in its state"},
    SUBJECT("Versions"),
    {"Versions", "versions", "[Version]", "newest first: all of them, or one page"},
    {"Versions", "next", "integer?", "`before` of the page after; null: this is the last"},
    HEAD("Version"),
    HEAD("VersionWhole"),
    {"VersionWhole", "kind", "prompt|knowledge", "what it is"},
    {"VersionWhole", "name", "string", "its name"},
    {"VersionWhole", "approvals", "[VersionReview]", "what reviewers said"},
    {"VersionWhole", "lint", "[LintNote]", "what was noticed in it when it was made"},
    {"VersionWhole", "counted", "json", "how its tokens were counted: encoding, exact, provider, model"},
    {"VersionWhole", "compared", "VersionCompared?", "with other versions, as they were when it was made"},
    {"VersionWhole", "content", "json", "the canonical content"},
    {"VersionWhole", "progress", "[GateRun]", "runs of its gate that are under way"},
    {"VersionReview", "by", "string", "who"},
    {"VersionReview", "verdict", "submit|approve|reject|override|review-override", "what was said; submit begins a round"},
    {"VersionReview", "why", "string?", "why"},
    {"VersionReview", "at", "time?", "when"},
    {"LintNote", "rule", "contradiction|duplicate|unused-variable|undeclared-variable|secret|personal-data|growth", "what kind of note"},
    {"LintNote", "level", "error|warning", "error: the version is refused"},
    {"LintNote", "message", "integer?", "which message, from 0; null: none alone"},
    {"LintNote", "words", "string", "what was noticed; never a secret itself"},
    {"VersionCompared", "parent", "VersionAgainst?", "with its parent"},
    {"VersionCompared", "launched", "VersionAgainst?", "with the first version that was in production"},
    {"VersionCompared", "best", "VersionAgainst?", "with the version whose last gate passed most of the suites that the file names; null: no gate has run all of them"},
    {"VersionAgainst", "version", "integer", "that one"},
    {"VersionAgainst", "tokens", "integer?", "its tokens"},
    {"VersionAgainst", "cost_per_call_usd", "number?", "its cost"},
    {"VersionAgainst", "tokens_more", "integer?", "how many more tokens the new one has"},
    {"VersionAgainst", "tokens_more_share", "number?", "the same as a share: 0.31 is 31 % more"},
    {"VersionAgainst", "cost_more_usd", "number?", "how much more a call costs"},
    {"VersionAgainst", "class", "minor|moderate|major?", "the class of the change from that one: many small ones may add up. null: not known"},
    {"VersionAgainst", "pass_rate", "number?", "of `best`: the mean pass rate of the file's suites in its last gate; else null"},
    {"VersionMade", "kind", "prompt|knowledge", "what it is"},
    {"VersionMade", "name", "string", "its name"},
    {"VersionMade", "change", "new|changed|same|bound", "new: the first of its name; changed: another version; same: this content was there, nothing was made; bound: it was, and is bound to other suites or has another owner now"},
    {"VersionMade", "dry_run", "boolean", "nothing was made, only said what would be"},
    HEAD("VersionMade"),
    {"VersionMade", "lint", "[LintNote]", "what was noticed in it"},
    {"VersionMade", "compared", "VersionCompared?", "with other versions"},
    {"VersionMade", "diff", "string?", "in a dry run: unified lines against its parent; null: it has none, or nothing differs"},
    {"Labelled", "name", "string", "the prompt or knowledge base"},
    {"Labelled", "label", "string", "the label"},
    {"Labelled", "version", "integer?", "what it stands for; null: nothing"},
    {"Labelled", "before", "integer?", "what it stood for"},
    {"Labelled", "revision", "integer", "of its name, by now"},
    {"VersionDiff", "kind", "prompt|knowledge", "what it is"},
    {"VersionDiff", "name", "string", "its name"},
    {"VersionDiff", "from", "integer", "the version before"},
    {"VersionDiff", "to", "integer", "the version after"},
    {"VersionDiff", "class", CLASSES, "how much it is"},
    {"VersionDiff", "class_reasons", "[string]", "why, the worst first"},
    {"VersionDiff", "text", "string", "for people: unified lines over all that shapes an answer, or documents"},
    {"VersionDiff", "messages", "[MessageDiff]?", "by words, of each message that differs; null: not of a prompt"},
    {"VersionDiff", "documents", "DocumentsDiff?", "of a knowledge base"},
    {"MessageDiff", "message", "integer", "which, from 0"},
    {"MessageDiff", "role", "string", "its role"},
    {"MessageDiff", "pieces", "[TextPiece]", "in order"},
    {"TextPiece", "op", "same|remove|add", "what became of it"},
    {"TextPiece", "text", "string", "the words"},
    {"DocumentsDiff", "added", "integer", "how many"},
    {"DocumentsDiff", "removed", "integer", "how many"},
    {"DocumentsDiff", "changed", "integer", "how many"},
    {"DocumentsDiff", "documents", "[DocumentDiff]", "the first thousand of each"},
    {"DocumentDiff", "change", "added|removed|changed", "what became of it"},
    {"DocumentDiff", "id", "string", "the document"},
    {"DocumentDiff", "hash", "string", "its hash: after, or of a removed one as it was"},
    {"DocumentDiff", "before", "string?", "the hash that a changed one had"},
    {"DocumentDiff", "source", "string?", "where it comes from"},
    {"DocumentDiff", "date", "string?", "its date"},
    FETCHED("PromptFetched"),
    {"PromptFetched", "model", "string?", "the model to ask; null: whoever calls says"},
    {"PromptFetched", "parameters", "json", "members of the request"},
    {"PromptFetched", "messages", "json", "role and content of each; {{name}} stands for a variable"},
    {"PromptFetched", "tools", "json", "a list"},
    {"PromptFetched", "variables", "json", "by name: required, default, max_chars"},
    FETCHED("KnowledgeFetched"),
    {"KnowledgeFetched", "documents", "json", "id, hash, source and date of each"},
    {NULL, NULL, NULL, NULL},
};
