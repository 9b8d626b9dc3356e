/* Shapes of answers about reviews of versions. */
#include "control/api.h"
#include "store/changes.h"

#define OR_STATE(symbol, name) "|" name
#define STATES (&(VERSION_STATE_TABLE(OR_STATE))[1])

const struct api_field api_fields_change_review[] = {
    {"Changed", "kind", "prompt|knowledge", "what it is"},
    {"Changed", "name", "string", "its name"},
    {"Changed", "version", "integer?", "the version that it is about; null: about none alone"},
    {"Changed", "state", "string?", "where that is now"},
    {"Changed", "class", "minor|moderate|major?", "its class, as it counts"},
    {"Changed", "production", "integer?", "the version that serves; null: none yet"},
    {"Changed", "revision", "integer", "of all of it, from now on: `if_revision` of the next change"},
    {"Changed", "already", "boolean", "it was so before; nothing was written"},
    {"Changed", "in_force", "boolean", "what serves is as it says; false: when the server starts, or as `words` say"},
    {"Changed", "words", "string", "what holds now, and what is missing"},
    {"ReviewOfVersion", "kind", "prompt|knowledge", "what it is"},
    {"ReviewOfVersion", "name", "string", "its name"},
    {"ReviewOfVersion", "version", "integer", "its number"},
    {"ReviewOfVersion", "state", STATES, "where it is"},
    {"ReviewOfVersion", "class", "minor|moderate|major", "as it counts"},
    {"ReviewOfVersion", "approvals_needed", "integer", "by people who are not its author"},
    {"ReviewOfVersion", "approvals", "integer", "that it has, in this round"},
    {"ReviewOfVersion", "author", "string?", "who may not review it,"},
    {"ReviewOfVersion", "applied_by", "string?", "nor who brought it in"},
    {"ReviewOfVersion", "gate_says", "not asked|waiting|running|yes|no|not enough evidence", "only yes is a pass"},
    {"ReviewOfVersion", "gate", "json", "{state, verdict, why, control, max_drop, suites: [{suite, version, run, control_run, required, pass_rate, control_pass_rate, compared, lost_at_most, why}], begun, ended}; null: never asked"},
    {"ReviewOfVersion", "progress", "[GateRun]", "its runs that are under way"},
    {"GateRun", "run", "string", "run-12"},
    {"GateRun", "suite", "string", "which suite"},
    {"GateRun", "of", "string", "NAME@V: the candidate, or what is in production"},
    {"GateRun", "done", "integer", "answers that are there"},
    {"GateRun", "planned", "integer", "of so many"},
    {NULL, NULL, NULL, NULL},
};
