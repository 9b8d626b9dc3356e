/* What the routes of the configuration and of the audit log take. */
#include "control/api_parameters.h"

const struct api_parameter api_parameters_configuration_set[] = {
    {.name = "section", .place = API_PATH, .type = API_TEXT, .required = true, .help = "a key of the file, such as providers; general: settings that are in no section"},
    {.name = "name", .place = API_PATH, .type = API_TEXT, .required = true, .help = "below it: a name, #3 for an item without one, a setting such as tls.cert; one that is new is added"},
    {.name = "value", .place = API_BODY, .type = API_TEXT, .high = 1 << 20, .help = "as JSON or YAML, in a text; without it, or null: it is taken out. A secret that is (kept) stays"},
    {.name = "hash", .place = API_BODY, .type = API_TEXT, .help = "refused (409) when the file is another one by now"},
    {.name = "dry_run", .place = API_QUERY, .type = API_CHOICE, .choices = "true|false", .fallback = "false", .help = "only say what would differ, and what would be wrong"},
    {.name = "reason", .place = API_BODY, .type = API_TEXT, .required = true, .high = LIMIT_ERROR_TEXT, .help = "why; kept in the audit log"}, END};
const struct api_parameter api_parameters_reload[] = {REASON(API_BODY), END};
const struct api_parameter api_parameters_audit_list[] = {
    TEXT_QUERY("subject", "what was changed, such as prompt:helpdesk-answer (its versions too)"),
    TEXT_QUERY("actor", "who changed it"),
    TEXT_QUERY("action", "what was done: rollout.start, or rollout for all that begin with `rollout.`"),
    TIME_QUERY("from", NULL, "the first time that counts; RFC 3339, a date, or back from now: -1h"),
    TIME_QUERY("to", NULL, "the first time that no longer counts"),
    {.name = "before", .place = API_QUERY, .type = API_INTEGER, .low = 1, .high = INT64_MAX, .help = "next_before of the page before"},
    {.name = "limit", .place = API_QUERY, .type = API_INTEGER, .low = 1, .high = LIMIT_PAGE, .fallback = "100", .help = "entries of one page"},
    END};
const struct api_parameter api_parameters_audit_verify[] = {
    TEXT_QUERY("head", "a head that was kept elsewhere, 64 hex digits: is it in the log still?"), END};
const struct api_parameter api_parameters_audit_export[] = {
    {.name = "after", .place = API_QUERY, .type = API_INTEGER, .high = INT64_MAX, .fallback = "0", .help = "number of the last line of the page before"},
    {.name = "limit", .place = API_QUERY, .type = API_INTEGER, .low = 1, .high = 10000, .fallback = "10000", .help = "lines at most; fewer where they are long"},
    END};
