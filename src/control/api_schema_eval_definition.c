/* Shapes of answers about what is defined: suites, judges, scoring rules. */
#include "control/api.h"

#define HEAD(schema)                                                                                                          \
    {schema, "kind", "suite|judge|scoring", "what it is"}, {schema, "name", "string", "its name"},                            \
        {schema, "version", "integer", "1, 2, ... in the order in which contents of this name were first seen; 0 in a dry run"}, \
        {schema, "digest", "string", "SHA-256 of its canonical form, 64 hex digits"},                                         \
        {schema, "registered", "boolean", "false: it was only run from a file"},                                              \
        {schema, "at", "time", "when it became the current one; not registered: when it was first seen"},                     \
        {schema, "by", "string?", "its author"}, {schema, "why", "string?", "why it was changed"},                            \
        {schema, "ticket", "string?", "the ticket behind it"}, {schema, "removed_at", "time?", "when its name was removed"}

const struct api_field api_fields_eval_definition[] = {
    {"Definitions", "definitions", "[DefinitionHead]", "current ones by name, or all versions of one, newest first"},
    HEAD("DefinitionHead"),
    HEAD("Definition"),
    {"Definition", "definition", "json", "the canonical form"},
    HEAD("DefinitionChange"),
    {"DefinitionChange", "change", "new|changed|same|removed", "what came of it; same: it was the current one already, nothing was changed"},
    {"DefinitionChange", "dry_run", "boolean", "nothing was changed, only checked"},
    {NULL, NULL, NULL, NULL},
};
