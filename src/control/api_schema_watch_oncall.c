/* Shapes of answers about who is on call. */
#include "control/api.h"

#define TURN(of)                                                                                                                   \
    {of, "person", "string?", "whose turn it is; null: nobody's"}, {of, "receiver", "string?", "where that person is told; null: nowhere"},      \
        {of, "from", "time?", "when the turn began or begins; null: no beginning is in sight"},                                    \
        {of, "to", "time?", "when it ends; null: no end is in sight"}, {of, "override", "integer?", "number of the override that has it; null: by rotation"}

const struct api_field api_fields_watch_oncall[] = {
    {"OncallNow", "at", "time", "the time that is told of"},
    {"OncallNow", "schedules", "[OncallStanding]", "as in the configuration"},
    {"OncallStanding", "schedule", "string", "its name"},
    {"OncallStanding", "timezone", "string", "whose clocks it goes by"},
    TURN("OncallStanding"),
    {"OncallStanding", "next", "OncallTurn?", "the turn behind it; null: there is none in sight"},
    TURN("OncallTurn"),
    {"OncallSchedule", "schedule", "string", "its name"},
    {"OncallSchedule", "timezone", "string", "whose clocks it goes by"},
    {"OncallSchedule", "turns", "[OncallTurn]", "in order, also those of nobody; at most 500"},
    {"OncallSchedule", "overrides", "[OncallOverride]", "that touch this time"},
    {"OncallOverride", "number", "integer", "its number"},
    {"OncallOverride", "schedule", "string", "of which schedule"},
    {"OncallOverride", "person", "string", "who has this time"},
    {"OncallOverride", "from", "time", "its begin"},
    {"OncallOverride", "to", "time", "its end, which is not in it any more"},
    {"OncallOverride", "by", "string", "who made it"},
    {"OncallOverride", "why", "string?", "and why"},
    {"OncallOverride", "made", "time", "when"},
    {"OncallRemoved", "number", "integer", "its number"},
    {"OncallRemoved", "removed", "boolean", "true"},
    {NULL, NULL, NULL, NULL},
};
