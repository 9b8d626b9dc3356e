/* Shapes of answers about prompts of live traffic and versions of providers' models. */
#include "control/api.h"

#define LIVE(schema)                                                                                                                   \
    {schema, "hash", "string", "of its most used text, 32 hex digits: as in records' system_prompt_hash"},                            \
    {schema, "group", "integer", "number of its template"}, {schema, "application", "string", "who uses it"},                         \
    {schema, "request_type", "string?", "of its first answer"}, {schema, "registered_as", "string?", "NAME@V of the version whose system message it is; null: none"}, \
    {schema, "change_of_group", "integer?", "the template that it seems to be a change of"}, {schema, "answers", "integer", "that were counted"}, \
    {schema, "share", "number", "of the answers of its application that came without a version; 0 where one alone is shown"},         \
    {schema, "texts", "integer", "different texts of the template"}, {schema, "variable_parts", "integer?", "gaps of the template; null: it is not kept"}, \
    {schema, "first_seen", "time?", "when"}, {schema, "last_seen", "time?", "when"}
#define CHANGE(schema)                                                                                                                 \
    {schema, "number", "integer", "its number"}, {schema, "model", "string", "that was asked for"}, {schema, "provider", "string", "who answered"}, \
    {schema, "target", "string", "the provider's model that was asked"}, {schema, "before", "string?", "what answered before: its own name and fingerprint"}, \
    {schema, "after", "string", "what answers now"}, {schema, "seen", "time", "first"}, {schema, "answers", "integer", "of it when it was opened"}, \
    {schema, "state", "open|accepted|held", "open: it waits for a person"}, {schema, "held_to", "string?", "the model that answers meanwhile"}, \
    {schema, "runs", "json", "[{suite, run, verdict, compared_with, answer}]: what bound suites said; answer is better, worse or not enough evidence"}, \
    {schema, "decided_by", "string?", "who"}, {schema, "why", "string?", "why"}, {schema, "decided", "time?", "when"}

const struct api_field api_fields_change_live[] = {
    {"LivePrompts", "prompts", "[LivePrompt]", "by application, oldest first"},
    LIVE("LivePrompt"),
    LIVE("LivePromptShown"),
    {"LivePromptShown", "text", "string?", "as it was sent; null: it is not kept"},
    {"LivePromptShown", "template", "string?", "with {{gap_1}}, ... where it varies; null: it is not kept"},
    {"LivePromptShown", "diff", "json", "[{op: same|add|remove, text}] against the template that it seems to be a change of; null: none is known"},
    {"LivePromptAdopted", "already", "boolean", "it was registered before; nothing was written"},
    LIVE("LivePromptAdopted"),
    {"ModelChanges", "changes", "[ModelChange]", "newest first"},
    CHANGE("ModelChange"),
    CHANGE("ModelDecided"),
    {"ModelDecided", "already", "boolean", "it was so before; nothing was written"},
    {NULL, NULL, NULL, NULL},
};
