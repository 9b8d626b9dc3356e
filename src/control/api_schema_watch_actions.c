/* Shapes of answers about actions on live traffic. */
#include "control/api.h"

#include "model/intervention.h"
#include "store/actions.h"

#define OR_KIND(symbol, name, needs, meaning) "|" name
#define OR_STATE(symbol, name) "|" name
#define KINDS (&(INTERVENTION_TABLE(OR_KIND))[1])
#define STATES (&(ACTION_STATE_TABLE(OR_STATE))[1])

#define ACTION(schema)                                                                                                                  \
    {schema, "number", "integer?", "its number; null: the disk is full, and a rollback is in the emergency file"},                     \
    {schema, "kind", KINDS, "what was done"}, {schema, "about", "string", "to what, in words"},                                        \
    {schema, "scope", "json", "to what: {application, model, provider, upstream_model, prompt, key, from, to, tier, record, batch, per_minute}, those that it has"}, \
    {schema, "state", STATES, "in force and returning: the loops hold it; done: it was one step"},                                     \
    {schema, "share", "number?", "of a fail-over: how much of the traffic asks the primary first again"},                              \
    {schema, "at", "time", "when"}, {schema, "until", "time?", "when it ends by itself"}, {schema, "ended", "time?", "when it ended"},  \
    {schema, "rule", "string?", "whose alert it follows; null: a person's own"}, {schema, "alert", "integer?", "the alert"},            \
    {schema, "by", "string?", "who did it; quarterdeck: by itself"}, {schema, "why", "string?", "why"},                                \
    {schema, "ended_by", "string?", "who ended it"}, {schema, "ended_why", "string?", "why; of what was not done: why not"},            \
    {schema, "undo", "string?", "the command that undoes it"}, {schema, "command", "string?", "the command that does the same"}

const struct api_field api_fields_watch_actions[] = {
    {"Actions", "actions", "[Action]", "newest first"},
    ACTION("Action"),
    ACTION("ActionShown"),
    {"ActionShown", "evidence", "json", "of the alert; of a fail-over {alert, relapses, coming_back: [{at, share, why, ...}]}; null: none"},
    ACTION("ActionTaken"),
    {"ActionTaken", "already", "boolean", "it was so before; nothing was written"},
    {"ActionTaken", "published", "boolean", "it is in force on every loop"},
    {"ActionTaken", "words", "string", "what happened, and what undoes it"},
    {NULL, NULL, NULL, NULL},
};
