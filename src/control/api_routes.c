/* The table of routes. What is not in here does not exist. */
#include "control/api_parameters.h"
#include "model/finding.h"

#include "cost/cache_pairs.h"
#include "cost/downgrade.h"
#include "store/users.h"

#define TOKENS_QUERY(n, h) {.name = n, .place = API_QUERY, .type = API_INTEGER, .high = MOST_TOKENS, .fallback = "0", .help = h}
#define RECORD_ID_PATH {.name = "id", .place = API_PATH, .type = API_TEXT, .required = true, .help = "the record's id"}
#define MOST_TOKENS 1000000000000
#define OR_STATUS(symbol, name) "|" name
#define STATUSES (&(RECORD_STATUS_TABLE(OR_STATUS))[1])

static const struct api_parameter record_list[] = {
    TIME_QUERY("from", NULL, "the first time that counts; RFC 3339, a date, or back from now: -1h"),
    TIME_QUERY("to", NULL, "the first time that no longer counts"),
    TEXT_QUERY("application", "the application"),
    TEXT_QUERY("model", "the model that was asked for"),
    TEXT_QUERY("user", "the end user's label"),
    TEXT_QUERY("session", "the session's label"),
    {.name = "status", .place = API_QUERY, .type = API_CHOICE, .choices = STATUSES, .help = "how the exchange ended"},
    TEXT_QUERY("request_type", "the request type's label"),
    TEXT_QUERY("tag", "a tag: k=v, or k for any value"),
    TEXT_QUERY("key", "the name of the key"),
    TEXT_QUERY("provider", "the provider that answered"),
    TEXT_QUERY("prompt", "the prompt: NAME, or NAME@VERSION"),
    {.name = "arm", .place = API_QUERY, .type = API_CHOICE, .choices = "rest|control|candidate", .help = "of a rollout"},
    {.name = "limit", .place = API_QUERY, .type = API_INTEGER, .low = 1, .high = LIMIT_PAGE, .fallback = "100", .help = "records of one page"},
    {.name = "cursor", .place = API_QUERY, .type = API_TEXT, .help = "next_cursor of the page before"},
    {.name = "order", .place = API_QUERY, .type = API_CHOICE, .choices = "newest|oldest", .fallback = "newest", .help = "which come first"},
    END};
static const struct api_parameter record_id[] = {RECORD_ID_PATH, END};
static const struct api_parameter record_again[] = {
    RECORD_ID_PATH, {.name = "model", .place = API_BODY, .type = API_TEXT, .help = "another model than it was for"},
    {.name = "prompt", .place = API_BODY, .type = API_TEXT, .help = "NAME@VERSION in front of its messages; in place of the one that it came with, with the same variables"},
    {.name = "reason", .place = API_BODY, .type = API_TEXT, .required = true, .high = LIMIT_ERROR_TEXT, .help = "why; kept in the audit log"}, END};
static const struct api_parameter suite_case_add[] = {
    {.name = "name", .place = API_PATH, .type = API_TEXT, .required = true, .help = "the suite"},
    {.name = "record", .place = API_BODY, .type = API_TEXT, .required = true, .help = "id of the record whose request is asked"},
    {.name = "id", .place = API_BODY, .type = API_TEXT, .fallback = "record-ID", .help = "of the case"},
    {.name = "expected", .place = API_BODY, .type = API_TEXT, .high = LIMIT_PAYLOAD, .help = "what a good answer is, for checks that compare"},
    {.name = "checks", .place = API_BODY, .type = API_TEXT, .high = LIMIT_PAYLOAD, .help = "its own checks, a list as JSON text, behind those of the suite"},
    {.name = "reason", .place = API_BODY, .type = API_TEXT, .required = true, .high = LIMIT_ERROR_TEXT, .help = "why; kept with the version and in the audit log"}, END};

#define COST_FILTERS                                                                                                      \
    TEXT_QUERY("application", "only this application"), TEXT_QUERY("team", "only this team"),                             \
        TEXT_QUERY("feature", "only this feature"), TEXT_QUERY("user", "only this end user; read from records"),          \
        TEXT_QUERY("key", "only this key, by its name"), TEXT_QUERY("model", "only this model, as it was asked for"),     \
        TEXT_QUERY("provider", "only what this provider answered"),                                                       \
        TEXT_QUERY("target_model", "only this model, as the provider names it"),                                          \
        TEXT_QUERY("request_type", "only this request type"), TEXT_QUERY("prompt", "only this prompt: name@version, or a name for all of its versions"), \
        TEXT_QUERY("system_prompt", "only this system prompt, by its hash of 32 hex digits")
static const struct api_parameter cost_report[] = {
    {.name = "by", .place = API_QUERY, .type = API_CHOICES,
     .choices = "application|team|feature|user|key|model|provider|target_model|request_type|prompt|system_prompt|day|hour",
     .fallback = "application", .help = "one row for each combination of these, up to four; days and hours are UTC"},
    TIME_QUERY("from", "7 days before `to`", "begin of the window; any time, to the microsecond"),
    TIME_QUERY("to", "now", "end of the window"),
    {.name = "format", .place = API_QUERY, .type = API_CHOICE, .choices = "json|csv|focus", .fallback = "json",
     .help = "csv and focus (columns of FOCUS 1.2, one row a meter) answer text/csv"},
    {.name = "limit", .place = API_QUERY, .type = API_INTEGER, .high = 1000000, .fallback = "0", .help = "rows; what is behind them is summed in `rest`; 0: all"},
    COST_FILTERS,
    TEXT_QUERY("session", "only this session; read from records"),
    TEXT_QUERY("tag", "only exchanges with this tag: k=v, or k for any value; read from records"),
    {.name = "status", .place = API_QUERY, .type = API_CHOICE, .choices = STATUSES, .help = "only exchanges that ended so; read from records"},
    {.name = "arm", .place = API_QUERY, .type = API_CHOICE, .choices = "rest|control|candidate", .help = "only this arm of rollouts; read from records"},
    END};
static const struct api_parameter cost_tokenizer[] = {
    {.name = "model", .place = API_QUERY, .type = API_TEXT, .required = true, .help = "of the configuration (its first target), or of a provider"},
    END};
static const struct api_parameter cost_explain[] = {
    TIME_QUERY("from", "a day before `to`", "begin of the window that is explained; any time, to the microsecond"),
    TIME_QUERY("to", "now", "its end"),
    TIME_QUERY("baseline_from", "as long before baseline_to as the window is", "begin of what it is compared with"),
    TIME_QUERY("baseline_to", "`from`", "its end"),
    COST_FILTERS,
    END};

static const struct api_parameter cost_anomalies[] = {
    TEXT_QUERY("application", "only this application"),
    TIME_QUERY("from", "60 whole days before `to`", "begin of the window; the days that lie in it whole are watched"),
    TIME_QUERY("to", "now", "its end"),
    {.name = "timezone", .place = API_QUERY, .type = API_TEXT, .fallback = "UTC", .help = "whose days, such as Europe/London"},
    END};
static const struct api_parameter cost_review[] = {
    TEXT_QUERY("application", "only this application"),
    TIME_QUERY("from", "30 days before `to`", "begin of the window; at most 400 days"),
    TIME_QUERY("to", "now", "its end"),
    END};
static const struct api_parameter cost_reconcile[] = {
    TEXT_QUERY("provider", "our provider whose invoice it is; without it openai or anthropic where there is one of that name, else all"),
    {.name = "tolerance", .place = API_QUERY, .type = API_TEXT, .fallback = "0.5", .help = "percent; smaller differences are none"},
    END};
static const struct api_parameter cost_cache[] = {TEXT_QUERY("application", "only this application"), END};
static const struct api_parameter cost_cache_calibrate[] = {
    {.name = "application", .place = API_QUERY, .type = API_TEXT, .required = true, .help = "whose threshold is measured"},
    {.name = "precision", .place = API_QUERY, .type = API_TEXT, .fallback = "0.99", .help = "the least share of right answers that is wanted"},
    {.name = "confidence", .place = API_QUERY, .type = API_TEXT, .fallback = "0.95", .help = "of its lower bound"},
    {.name = "threshold", .place = API_QUERY, .type = API_TEXT, .help = "verify this one; without it the lowest that can be"},
    TIME_QUERY("from", "30 days before `to`", "begin of the window of recorded traffic"),
    TIME_QUERY("to", "now", "its end"),
    {.name = "store", .place = API_QUERY, .type = API_CHOICE, .choices = "yes|no", .fallback = "yes", .help = "no: measure, and change nothing"},
    {.name = "pairs", .place = API_BODY, .type = API_TEXT, .high = CACHE_PAIRS_BYTES,
     .help = "labelled pairs as CSV (question_a,question_b,same) or JSON lines; without it recorded answers are compared"},
    REASON(API_BODY),
    END};
static const struct api_parameter cost_cache_withdraw[] = {
    {.name = "application", .place = API_QUERY, .type = API_TEXT, .required = true, .help = "whose verification is withdrawn"},
    REASON(API_QUERY),
    END};

static const struct api_parameter quote[] = {
    TEXT_QUERY("provider", "a provider of the configuration or of the price table; also as PROVIDER/MODEL in `model`"),
    {.name = "model", .place = API_QUERY, .type = API_TEXT, .required = true, .help = "the model's name at the provider"},
    TOKENS_QUERY("input", "all input tokens, cached ones included"),
    TOKENS_QUERY("output", "all output tokens"),
    TOKENS_QUERY("cache_read", "input tokens read from the provider's cache"),
    TOKENS_QUERY("cache_write", "input tokens written to the provider's cache"),
    TIME_QUERY("at", "now", "the time whose prices apply"),
    END};

#define MODEL_PATH {.name = "model", .place = API_PATH, .type = API_TEXT, .required = true, .help = "a model with `tiers`"}
static const struct api_parameter route_show[] = {
    MODEL_PATH,
    TIME_QUERY("from", "7 days before `to`", "begin of the traffic that is looked at"),
    TIME_QUERY("to", "now", "its end"),
    END};
static const struct api_parameter route_switch[] = {
    MODEL_PATH,
    {.name = "state", .place = API_BODY, .type = API_CHOICE, .choices = "on|shadow", .required = true, .help = "on: it decides who answers; shadow: it is only recorded"},
    REASON(API_BODY),
    END};
static const struct api_parameter route_train[] = {
    MODEL_PATH,
    TIME_QUERY("from", "90 days before `to`", "begin of the scored exchanges"),
    TIME_QUERY("to", "now", "their end"),
    {.name = "quality", .place = API_QUERY, .type = API_TEXT, .fallback = "quality", .help = "name of the score that is learned from"},
    {.name = "good", .place = API_QUERY, .type = API_TEXT, .fallback = "0.7", .help = "a score from which an answer is good enough"},
    {.name = "most_loss", .place = API_QUERY, .type = API_TEXT, .fallback = "0.02", .help = "most that the mean score may lose against the most capable tier, surely"},
    {.name = "least_quality", .place = API_QUERY, .type = API_TEXT, .help = "what the mean score must surely be"},
    REASON(API_QUERY),
    END};
static const struct api_parameter route_sample[] = {
    MODEL_PATH,
    TEXT_QUERY("application", "whose exchanges may be drawn; not needed where there is only one"),
    TIME_QUERY("from", "7 days before `to`", "begin of the exchanges that may be drawn"),
    TIME_QUERY("to", "now", "their end"),
    {.name = "sample", .place = API_QUERY, .type = API_INTEGER, .low = 1, .high = DOWNGRADE_SAMPLE, .fallback = "50", .help = "how many"},
    {.name = "seed", .place = API_QUERY, .type = API_INTEGER, .high = INT64_MAX, .fallback = "1", .help = "the same draws the same"},
    END};
static const struct api_parameter route_downgrade[] = {MODEL_PATH, REASON(API_QUERY), END};
static const struct api_parameter score_list[] = {
    {.name = "record", .place = API_QUERY, .type = API_TEXT, .required = true, .help = "the record's id"},
    END};

static const struct api_parameter key_list[] = {TEXT_QUERY("application", "only this application"), END};
static const struct api_parameter key_create[] = {
    {.name = "application", .place = API_BODY, .type = API_TEXT, .required = true, .help = "the application that the key belongs to"},
    {.name = "name", .place = API_BODY, .type = API_TEXT, .required = true, .high = 64, .help = "the key's name, unique in its application: letters, digits, - _ ."},
    REASON(API_BODY),
    END};
static const struct api_parameter key_revoke[] = {
    {.name = "application", .place = API_PATH, .type = API_TEXT, .required = true, .help = "the application"},
    {.name = "name", .place = API_PATH, .type = API_TEXT, .required = true, .help = "the key's name"},
    REASON(API_QUERY),
    END};
/* users and sessions */
#define SECRET_BODY(n, need, h) {.name = n, .place = API_BODY, .type = API_SECRET, .required = need, .high = 1024, .help = h}
#define USER_PATH {.name = "name", .place = API_PATH, .type = API_TEXT, .required = true, .help = "the user's name"}
#define ROLE_BODY {.name = "role", .place = API_BODY, .type = API_CHOICE, .choices = USER_ROLE_NAMES, .required = true, .help = "what they may"}
static const struct api_parameter session_begin[] = {
    {.name = "name", .place = API_BODY, .type = API_TEXT, .help = "a user's; with `password`"},
    SECRET_BODY("password", false, "theirs"), SECRET_BODY("token", false, "an operator's, in place of both"), END};
static const struct api_parameter session_password[] = {SECRET_BODY("old", true, "the password until now"), SECRET_BODY("new", true, "at least 12 characters"), END};
static const struct api_parameter setup[] = {
    SECRET_BODY("secret", true, "behind the # of the set-up link"),
    {.name = "name", .place = API_BODY, .type = API_TEXT, .required = true, .high = LIMIT_USER_NAME, .help = "of the first admin"},
    SECRET_BODY("password", true, "at least 12 characters"), END};
static const struct api_parameter user_add[] = {
    {.name = "name", .place = API_BODY, .type = API_TEXT, .required = true, .high = LIMIT_USER_NAME, .help = "a letter or digit, then a-z 0-9 - _ . @ +"},
    ROLE_BODY, SECRET_BODY("password", true, "at least 12 characters"), REASON(API_BODY), END};
static const struct api_parameter user_role[] = {USER_PATH, ROLE_BODY, REASON(API_BODY), END};
static const struct api_parameter user_password[] = {USER_PATH, SECRET_BODY("password", true, "at least 12 characters"), REASON(API_BODY), END};
static const struct api_parameter user_said[] = {USER_PATH, REASON(API_BODY), END};
static const struct api_parameter user_named[] = {USER_PATH, END};
static const struct api_parameter session_end_one[] = {{.name = "id", .place = API_PATH, .type = API_TEXT, .required = true, .help = "as the list says"}, REASON(API_QUERY), END};
static const struct api_parameter session_end_others[] = {REASON(API_QUERY), END};
static const struct api_parameter user_remove[] = {USER_PATH, REASON(API_QUERY), END};

static const struct api_parameter budgets[] = {
    {.name = "name", .place = API_QUERY, .type = API_TEXT, .help = "only this budget"},
    {.name = "forecasts", .place = API_QUERY, .type = API_INTEGER, .high = 1000, .fallback = "100", .help = "how many are forecast, those nearest to their limit"},
    END};
#define NAME_PATH(what) {.name = "name", .place = API_PATH, .type = API_TEXT, .required = true, .help = "the " what "'s name"}
#define DRY_RUN                                                                                                           \
    {.name = "dry_run", .place = API_QUERY, .type = API_CHOICE, .choices = "true|false", .fallback = "false",             \
     .help = "check, and say what would change; nothing is changed"}
#define FILE_QUERY TEXT_QUERY("file", "what problems call the body")
static const struct api_parameter budget_name[] = {NAME_PATH("budget"), END};
static const struct api_parameter limit_name[] = {NAME_PATH("limit"), END};
static const struct api_parameter budget_set[] = {NAME_PATH("budget"), DRY_RUN, FILE_QUERY, REASON(API_QUERY), END};
static const struct api_parameter limit_set[] = {NAME_PATH("limit"), DRY_RUN, FILE_QUERY, REASON(API_QUERY), END};
static const struct api_parameter allowances_set[] = {DRY_RUN, FILE_QUERY, REASON(API_QUERY), END};
static const struct api_parameter budget_remove[] = {NAME_PATH("budget"), DRY_RUN, REASON(API_QUERY), END};
static const struct api_parameter limit_remove[] = {NAME_PATH("limit"), DRY_RUN, REASON(API_QUERY), END};
#define APPROVAL_PATH                                                                                                     \
    {.name = "application", .place = API_PATH, .type = API_TEXT, .required = true, .help = "the application"},            \
        {.name = "request_type", .place = API_PATH, .type = API_TEXT, .required = true, .help = "the kind of work, as in x-quarterdeck-request-type"}
static const struct api_parameter approve[] = {
    APPROVAL_PATH,
    {.name = "up_to_usd", .place = API_BODY, .type = API_USD, .required = true, .help = "what one such request may cost without asking"},
    {.name = "until", .place = API_BODY, .type = API_TIME, .help = "when it ends; RFC 3339 or a date (midnight UTC); without it, when it is revoked"},
    REASON(API_BODY),
    END};
static const struct api_parameter approval_revoke[] = {APPROVAL_PATH, REASON(API_QUERY), END};

#define OR_KIND(symbol, domain, name, meaning) "|" name
#define OR_STATE(symbol, name) "|" name
static const struct api_parameter findings[] = {
    {.name = "domain", .place = API_QUERY, .type = API_CHOICE, .choices = "cost|quality|change|incidents", .help = "only of this domain"},
    {.name = "state", .place = API_QUERY, .type = API_CHOICE, .choices = &(FINDING_STATE_TABLE(OR_STATE))[1], .help = "only in this state"},
    TEXT_QUERY("application", "only about this application"),
    {.name = "kind", .place = API_QUERY, .type = API_CHOICE, .choices = &(FINDING_KIND_TABLE(OR_KIND))[1], .help = "only of this kind"},
    {.name = "limit", .place = API_QUERY, .type = API_INTEGER, .low = 1, .high = LIMIT_PAGE, .fallback = "100", .help = "findings at most, open ones first, then those seen last"},
    END};
static const struct api_parameter finding_dismiss[] = {
    {.name = "id", .place = API_PATH, .type = API_INTEGER, .required = true, .low = 1, .high = INT64_MAX, .help = "the finding"},
    {.name = "reason", .place = API_BODY, .type = API_TEXT, .required = true, .high = LIMIT_ERROR_TEXT, .help = "why it needs no answer; kept with it and in the audit log"},
    END};
static const struct api_parameter batch_list[] = {
    TEXT_QUERY("application", "only this application's"),
    {.name = "unfinished", .place = API_QUERY, .type = API_CHOICE, .choices = "true|false", .fallback = "false", .help = "only those that are not over"},
    {.name = "limit", .place = API_QUERY, .type = API_INTEGER, .low = 1, .high = LIMIT_PAGE, .fallback = "100", .help = "most that are listed"},
    END};
static const struct api_parameter batch_id[] = {
    {.name = "id", .place = API_PATH, .type = API_TEXT, .required = true, .help = "the batch's id"},
    END};
static const struct api_parameter batch_cancel[] = {
    {.name = "id", .place = API_PATH, .type = API_TEXT, .required = true, .help = "the batch's id"},
    REASON(API_BODY),
    END};

/* definitions: suites, judges, scoring rules */
static const struct api_parameter definition_name[] = {
    {.name = "name", .place = API_PATH, .type = API_TEXT, .required = true, .help = "its name"},
    TEXT_QUERY("version", "a version's number, or 8 hex digits or more of its digest; without it the current one"), END};
static const struct api_parameter definition_versions[] = {
    {.name = "name", .place = API_PATH, .type = API_TEXT, .required = true, .help = "its name"}, END};
static const struct api_parameter definition_put[] = {
    DRY_RUN, FILE_QUERY, REASON(API_QUERY), TEXT_QUERY("ticket", "the ticket behind it"),
    TEXT_QUERY("author", "who wrote it; without it, who calls"), END};
static const struct api_parameter definition_remove[] = {
    {.name = "name", .place = API_PATH, .type = API_TEXT, .required = true, .help = "its name"}, REASON(API_QUERY), END};
#define DEFINITION_ROUTES(path, one, what)                                                                                \
    {"GET", path, API_VIEWER, 200, api_definitions_list, "All " what " that are registered.", NULL, "Definitions", NULL}, \
    {"POST", path, API_OPERATOR, 200, api_definitions_put, "Registers " one ": the body is its file, JSON or YAML, without other files. The same content again changes nothing.", definition_put, "DefinitionChange", NULL}, \
    {"GET", path "/{name}", API_VIEWER, 200, api_definitions_show, "The current version of " one ", or another.", definition_name, "Definition", NULL}, \
    {"GET", path "/{name}/versions", API_VIEWER, 200, api_definitions_versions, "All versions of " one ", those that were only run from a file too.", definition_versions, "Definitions", NULL}, \
    {"DELETE", path "/{name}", API_OPERATOR, 200, api_definitions_remove, "Takes a name away; its versions stay.", definition_remove, "DefinitionChange", NULL},

/* prompts and knowledge bases: versions */
#define VERSIONED {.name = "name", .place = API_PATH, .type = API_TEXT, .required = true, .help = "its name"}
#define VERSION_PATH {.name = "version", .place = API_PATH, .type = API_TEXT, .required = true, .help = "a number, 8 hex digits or more of the hash, what people call it, or a label"}
static const struct api_parameter version_apply[] = {
    DRY_RUN, FILE_QUERY, REASON(API_QUERY), TEXT_QUERY("ticket", "the ticket behind it"),
    TEXT_QUERY("author", "who wrote it; without it, who calls"), TEXT_QUERY("commit", "the commit that it is of"),
    {.name = "allow_secrets", .place = API_QUERY, .type = API_CHOICE, .choices = "true|false", .fallback = "false", .help = "what lint takes for a secret is none"}, END};
static const struct api_parameter version_pages[] = {
    VERSIONED, {.name = "limit", .place = API_QUERY, .type = API_INTEGER, .low = 1, .high = 1000, .help = "versions of one page; without it all of them"},
    {.name = "before", .place = API_QUERY, .type = API_INTEGER, .low = 1, .high = INT64_MAX, .help = "only versions below this one: `next` of the page before"}, END};
static const struct api_parameter version_fetch[] = {
    VERSIONED, TEXT_QUERY("label", "a label; without it, and without `version`: production"), TEXT_QUERY("version", "a number, 8 hex digits or more of the hash, or what people call it"), END};
static const struct api_parameter version_one[] = {VERSIONED, VERSION_PATH, END};
static const struct api_parameter version_diff[] = {VERSIONED, VERSION_PATH, TEXT_QUERY("to", "the version that it is compared with; without it: from its parent to it"), END};
static const struct api_parameter version_label[] = {
    VERSIONED, {.name = "label", .place = API_PATH, .type = API_TEXT, .required = true, .help = "the label, such as staging; not production"},
    {.name = "version", .place = API_BODY, .type = API_TEXT, .help = "what it stands for from now on; without it: for nothing"},
    {.name = "if_revision", .place = API_BODY, .type = API_INTEGER, .low = 1, .high = INT64_MAX, .help = "refused when the revision is another one by now"}, REASON(API_BODY), END};
#define VERSION_ROUTES(path, one, what, fetched)                                                                              \
    {"GET", path, API_VIEWER, 200, api_versions_list, "All " what ", with what is in production.", NULL, "Subjects", NULL},    \
    {"POST", path, API_OPERATOR, 200, api_versions_apply, "Makes a version of " one ": the body is its file, without other files. The same content again makes none.", version_apply, "VersionMade", NULL}, \
    {"GET", path "/{name}", API_KEY, 200, api_version_fetch, "For applications, with their own key: the content in production, or of another label or version. With an ETag; 304 where If-None-Match has it.", version_fetch, fetched, NULL}, \
    {"GET", path "/{name}/versions", API_VIEWER, 200, api_versions_show, "All versions of " one ", newest first.", version_pages, "Versions", NULL}, \
    {"GET", path "/{name}/versions/{version}", API_VIEWER, 200, api_version_show, "One version, with its content, its reviews and what is known of it.", version_one, "VersionWhole", NULL}, \
    {"GET", path "/{name}/versions/{version}/diff", API_VIEWER, 200, api_version_diff, "What differs between it and another one.", version_diff, "VersionDiff", NULL}, \
    {"POST", path "/{name}/labels/{label}", API_OPERATOR, 200, api_version_label, "Points a label at a version: who asks for name@label gets it. What is in production is a rollout's to say.", version_label, "Labelled", NULL},

/* reviews of versions */
#define CHANGED_NAME {.name = "name", .place = API_PATH, .type = API_TEXT, .required = true, .help = "of the prompt or knowledge base"}
#define CHANGED_VERSION {.name = "version", .place = API_PATH, .type = API_TEXT, .required = true, .help = "a number, 8 hex digits or more of the hash, what people call it, or a label"}
#define CHANGED_WHY {.name = "reason", .place = API_BODY, .type = API_TEXT, .required = true, .high = LIMIT_ERROR_TEXT, .help = "why; kept in the audit log"}
#define CHANGED_BY {.name = "as", .place = API_BODY, .type = API_TEXT, .fallback = "the token's name", .help = "who does it, where no tokens are configured"}, \
    {.name = "if_revision", .place = API_BODY, .type = API_INTEGER, .low = 0, .high = INT64_MAX, .help = "only when it is still at this revision"}
static const struct api_parameter change_version[] = {CHANGED_NAME, CHANGED_VERSION, END};
static const struct api_parameter change_said[] = {CHANGED_NAME, CHANGED_VERSION, CHANGED_WHY, CHANGED_BY, END};
static const struct api_parameter change_submit[] = {
    CHANGED_NAME, CHANGED_VERSION, CHANGED_WHY, CHANGED_BY,
    {.name = "class", .place = API_BODY, .type = API_CHOICE, .choices = "minor|moderate|major", .help = "raises the class; it is never lowered"}, END};
#define REVIEW_ROUTES(path)                                                                                                   \
    {"GET", path "/review", API_VIEWER, 200, api_change_review, "How its review stands: approvals, what its gate says, and runs that are under way.", change_version, "ReviewOfVersion", NULL}, \
    {"POST", path "/submit", API_OPERATOR, 200, api_change_submit, "From a draft, or from one that was rejected or rolled back, into review; its gate begins.", change_submit, "Changed", NULL}, \
    {"POST", path "/approve", API_APPROVER, 200, api_change_approve, "One approval. Refused (403) to its author and to whoever applied it.", change_said, "Changed", NULL}, \
    {"POST", path "/reject", API_APPROVER, 200, api_change_reject, "Out of review; it can be submitted again.", change_said, "Changed", NULL}, \
    {"POST", path "/override", API_ADMIN, 200, api_change_override, "Past review and gate, in an emergency; a finding stays open until somebody else has looked.", change_said, "Changed", NULL}, \
    {"POST", path "/review-override", API_APPROVER, 200, api_change_review_override, "Somebody else has looked at the override: its finding is closed.", change_said, "Changed", NULL}, \
    {"POST", path "/gate", API_OPERATOR, 200, api_change_gate, "Its gate is asked once more; what the suites said before does not count.", change_said, "Changed", NULL},

/* rollouts and rollback */
#define ROLLED_WHY {.name = "reason", .place = API_BODY, .type = API_TEXT, .high = LIMIT_ERROR_TEXT, .help = "why; kept in the audit log"}
#define ROLLED_KIND(where) {.name = "kind", .place = where, .type = API_CHOICE, .choices = "prompt|knowledge", .fallback = "prompt", .help = "what it is a version of"}
static const struct api_parameter rollout_list[] = {
    TEXT_QUERY("prompt", "only of this one"),
    {.name = "under_way", .place = API_QUERY, .type = API_CHOICE, .choices = "true|false", .fallback = "false", .help = "only those that are not over"},
    {.name = "limit", .place = API_QUERY, .type = API_INTEGER, .low = 1, .high = 1000, .fallback = "100", .help = "newest first, at most so many"}, END};
static const struct api_parameter rollout_one[] = {
    CHANGED_NAME, ROLLED_KIND(API_QUERY),
    {.name = "rollout", .place = API_QUERY, .type = API_INTEGER, .low = 1, .high = INT64_MAX, .help = "the number of one before; without it the newest"}, END};
static const struct api_parameter rollout_start[] = {
    {.name = "name", .place = API_BODY, .type = API_TEXT, .required = true, .help = "of the prompt or knowledge base"},
    {.name = "version", .place = API_BODY, .type = API_TEXT, .required = true, .help = "a number, 8 hex digits or more of the hash, what people call it, or a label"},
    ROLLED_KIND(API_BODY), ROLLED_WHY, CHANGED_BY,
    {.name = "ab", .place = API_BODY, .type = API_CHOICE, .choices = "true|false", .fallback = "false", .help = "half of the users each, until one is shown to be better; a person promotes"},
    {.name = "metric", .place = API_BODY, .type = API_TEXT, .help = "of an A/B test: what the two are compared by; without it rollouts.ab.metric"},
    {.name = "min_effect", .place = API_BODY, .type = API_TEXT, .help = "of an A/B test: the smallest difference that matters, such as 0.05"},
    {.name = "longest", .place = API_BODY, .type = API_STEP, .help = "of an A/B test: when it ends without a winner"}, END};
static const struct api_parameter rollout_said[] = {CHANGED_NAME, ROLLED_WHY, CHANGED_BY, END};
static const struct api_parameter roll_back[] = {
    CHANGED_NAME, {.name = "to", .place = API_BODY, .type = API_TEXT, .help = "the version that is to serve; without it, what was in production before"}, ROLLED_WHY, CHANGED_BY,
    {.name = "severity", .place = API_BODY, .type = API_CHOICE, .choices = "SEV-1|SEV-2|SEV-3|SEV-4|SEV-5", .help = "of the incident; decides who may (change_policy.rollback)"}, END};
/* prompts of live traffic, and versions of models */
#define LIVE_HASH {.name = "hash", .place = API_PATH, .type = API_TEXT, .required = true, .help = "8 or more hex digits of a text's hash"}
#define MODEL_CHANGE {.name = "number", .place = API_PATH, .type = API_INTEGER, .low = 1, .high = INT64_MAX, .required = true, .help = "of the change"}
static const struct api_parameter live_list[] = {TEXT_QUERY("application", "only this application"), END};
static const struct api_parameter live_show[] = {LIVE_HASH, END};
static const struct api_parameter live_adopt[] = {
    LIVE_HASH, CHANGED_WHY, {.name = "name", .place = API_BODY, .type = API_TEXT, .high = LIMIT_LABEL, .fallback = "that of the one before it, else the application's", .help = "of the prompt"},
    {.name = "owner", .place = API_BODY, .type = API_TEXT, .high = LIMIT_LABEL, .help = "whose prompt it is"}, END};
static const struct api_parameter model_change_list[] = {
    {.name = "state", .place = API_QUERY, .type = API_CHOICE, .choices = "open|accepted|held", .help = "only these"}, END};
static const struct api_parameter model_change_said[] = {MODEL_CHANGE, CHANGED_WHY, END};
static const struct api_parameter model_change_hold[] = {
    MODEL_CHANGE, CHANGED_WHY, {.name = "to", .place = API_BODY, .type = API_TEXT, .required = true, .high = LIMIT_LABEL, .help = "the model that answers meanwhile"}, END};

/* reviews by people */
#define REVIEW_ID {.name = "id", .place = API_PATH, .type = API_TEXT, .required = true, .help = "the review: review-3, or 3"}
#define REVIEWER(where) {.name = "reviewer", .place = where, .type = API_TEXT, .fallback = "the token's name", .help = "as whom; another's name takes an admin"}
#define REVIEW_ITEM(where) {.name = "item", .place = where, .type = API_INTEGER, .required = true, .high = 1000000, .help = "the item's number"}
#define REVIEW_LABEL {.name = "label", .place = API_BODY, .type = API_TEXT, .required = true, .help = "pass or fail; 1 to 5; first, second or tie"}
#define REVIEW_COMMENT {.name = "comment", .place = API_BODY, .type = API_TEXT, .high = 4000, .help = "why"}
static const struct api_parameter review_list[] = {
    {.name = "state", .place = API_QUERY, .type = API_CHOICE, .choices = "open|all", .fallback = "open", .help = "which"},
    TEXT_QUERY("reviewer", "only those of this reviewer"), END};
static const struct api_parameter review_id[] = {REVIEW_ID, END};
static const struct api_parameter review_close[] = {
    REVIEW_ID, {.name = "score", .place = API_BODY, .type = API_TEXT, .high = 64, .help = "keep what stands as scores of this name, from people, of the items' records"},
    REASON(API_BODY), END};
static const struct api_parameter review_reassign[] = {
    REVIEW_ID, {.name = "from", .place = API_BODY, .type = API_TEXT, .required = true, .help = "the reviewer who is away"},
    {.name = "to", .place = API_BODY, .type = API_TEXT, .required = true, .help = "who takes what that one has not labelled"}, REASON(API_BODY), END};
static const struct api_parameter review_next[] = {REVIEW_ID, REVIEWER(API_QUERY), END};
static const struct api_parameter review_label[] = {REVIEW_ID, REVIEW_ITEM(API_BODY), REVIEWER(API_BODY), REVIEW_LABEL, REVIEW_COMMENT, END};
static const struct api_parameter review_unlabel[] = {REVIEW_ID, REVIEW_ITEM(API_PATH), REVIEWER(API_QUERY), END};
static const struct api_parameter review_decide[] = {REVIEW_ID, REVIEW_ITEM(API_BODY), REVIEW_LABEL, REVIEW_COMMENT, END};
#define RUN_PATH {.name = "run", .place = API_PATH, .type = API_TEXT, .required = true, .help = "the run: run-12, or 12"}
static const struct api_parameter eval_list[] = {
    TEXT_QUERY("suite", "only of this suite; then the answer has its reference run too"),
    {.name = "limit", .place = API_QUERY, .type = API_INTEGER, .low = 1, .high = LIMIT_PAGE, .fallback = "100", .help = "runs of one page"},
    TEXT_QUERY("before", "only runs before this one: `next` of the page before"),
    END};
static const struct api_parameter eval_run[] = {RUN_PATH, END};
static const struct api_parameter eval_results[] = {
    RUN_PATH,
    {.name = "verdict", .place = API_QUERY, .type = API_CHOICE, .choices = "pass|fail|error", .help = "only with this verdict"},
    {.name = "limit", .place = API_QUERY, .type = API_INTEGER, .low = 1, .high = LIMIT_PAGE, .fallback = "100", .help = "results of one page; a page ends at some 8 MiB too"},
    TEXT_QUERY("after", "only behind this one: `next` of the page before"),
    END};
static const struct api_parameter eval_end[] = {
    RUN_PATH,
    {.name = "state", .place = API_BODY, .type = API_CHOICE, .choices = "finished|stopped", .fallback = "finished", .help = "stopped: not all that was planned was run"},
    {.name = "why", .place = API_BODY, .type = API_TEXT, .high = LIMIT_ERROR_TEXT, .help = "why it was stopped"},
    {.name = "owner", .place = API_BODY, .type = API_TEXT, .high = LIMIT_ERROR_TEXT, .help = "who ends it; refused when another process has taken the run over"},
    END};
static const struct api_parameter eval_stop[] = {RUN_PATH, REASON(API_BODY), END};
static const struct api_parameter eval_reference[] = {
    RUN_PATH,
    {.name = "suite", .place = API_BODY, .type = API_TEXT, .help = "refused unless the run is of this suite"},
    REASON(API_BODY),
    END};

#define JUDGE_NAME {.name = "name", .place = API_PATH, .type = API_TEXT, .required = true, .help = "the judge's name"}
static const struct api_parameter judge_list[] = {TEXT_QUERY("name", "only of this name"), TEXT_QUERY("identity", "only this one, in 64 hex digits"), END};
static const struct api_parameter judge_name[] = {JUDGE_NAME, END};
/* scoring of production traffic */
#define SCORING_NAME {.name = "name", .place = API_PATH, .type = API_TEXT, .required = true, .help = "the rule"}
static const struct api_parameter scoring_states[] = {TEXT_QUERY("rule", "only this rule"), END};
static const struct api_parameter scoring_report[] = {
    SCORING_NAME, TIME_QUERY("from", "7 days before `to`", "first time of the records"), TIME_QUERY("to", "now", "first time that no longer counts"),
    {.name = "by", .place = API_QUERY, .type = API_CHOICE, .choices = "request_type|prompt|model", .help = "also by request type, prompt version or target model"}, END};
static const struct api_parameter scoring_change[] = {SCORING_NAME, REASON(API_BODY), END};

static const struct api_parameter eval_compare[] = {
    {.name = "a", .place = API_QUERY, .type = API_TEXT, .required = true, .help = "the baseline: run-12"},
    {.name = "b", .place = API_QUERY, .type = API_TEXT, .required = true, .help = "the candidate"},
    {.name = "confidence", .place = API_QUERY, .type = API_TEXT, .fallback = "0.95", .help = "of the interval and the verdict, from 0.5 to below 1"},
    END};

static const struct api_parameter providers[] = {TEXT_QUERY("provider", "only this one and its models"), END};

const struct api_route api_routes[] = {
    {"GET", "/api/v1/records", API_VIEWER, 200, api_records_list, "Records, newest first, a page at a time.", record_list, "RecordPage", NULL},
    {"GET", "/api/v1/records/{id}", API_VIEWER, 200, api_records_show, "One record.", record_id, "Record", NULL},
    {"GET", "/api/v1/records/{id}/payload", API_VIEWER, 200, api_records_payload, "The captured request and reply of a record.", record_id, "Payload", NULL},
    {"POST", "/api/v1/records/{id}/again", API_OPERATOR, 200, api_record_again, "Sends the captured request once more, as the application's: to the same model or another one.", record_again, "RecordAgain", NULL},
    {"GET", "/api/v1/latency", API_VIEWER, 200, api_latency, "Percentiles of total time, time to first token and time per token.", api_parameters_latency, "Latency", NULL},
    {"GET", "/api/v1/totals", API_VIEWER, 200, api_totals, "Counts, tokens and cost over a window, and as a time series.", api_parameters_totals, "Totals", NULL},
    {"GET", "/api/v1/series", API_VIEWER, 200, api_series, "Metrics over time, each point with what it rests on.", api_parameters_series, "Series", NULL},
    {"GET", "/api/v1/hours", API_VIEWER, 200, api_hours, "A metric by the hour of the day: what averages hide.", api_parameters_hours, "Hours", NULL},
    {"GET", "/api/v1/timeline", API_VIEWER, 200, api_timeline, "What happened: changes, alerts, actions and findings in one list.", api_parameters_timeline, "Timeline", NULL},
    {"GET", "/api/v1/overview", API_VIEWER, 200, api_overview, "How each application is, by domain, and what needs a person.", api_parameters_overview, "Overview", NULL},
    {"GET", "/api/v1/cost/report", API_VIEWER, 200, api_cost_report, "Where the money went, by any dimensions.", cost_report, "CostReport", NULL},
    {"GET", "/api/v1/cost/explain", API_VIEWER, 200, api_cost_explain, "Why cost differs between two windows, and where.", cost_explain, "CostExplanation", NULL},
    {"GET", "/api/v1/cost/anomalies", API_VIEWER, 200, api_cost_anomalies, "Whether the cost of a request shifted, by request type, since when, and what moved it.", cost_anomalies, "CostAnomalies", NULL},
    {"GET", "/api/v1/cost/review", API_VIEWER, 200, api_cost_review, "What would lower the cost: actions by USD a month, with their evidence.", cost_review, "CostReview", NULL},
    {"POST", "/api/v1/cost/reconcile", API_VIEWER, 200, api_cost_reconcile, "Compares a usage export of OpenAI or Anthropic, sent as the body (CSV), with the records.", cost_reconcile, "Reconciliation", NULL},
    {"GET", "/api/v1/cost/tokenizer", API_VIEWER, 200, api_cost_tokenizer, "How tokens of a model are counted, and the factor learned from the provider's own counts.", cost_tokenizer, "Tokenizer", NULL},
    {"GET", "/api/v1/cost/cache-calibration", API_VIEWER, 200, api_cost_cache, "Thresholds of the semantic cache: what is verified, declared and in force.", cost_cache, "CacheThresholds", NULL},
    {"POST", "/api/v1/cost/cache-calibration", API_OPERATOR, 200, api_cost_cache_calibrate, "Measures the semantic cache's precision by threshold, and verifies one.", cost_cache_calibrate, "CacheCalibration", NULL},
    {"DELETE", "/api/v1/cost/cache-calibration", API_OPERATOR, 200, api_cost_cache_withdraw, "Withdraws what is verified: the semantic cache is off.", cost_cache_withdraw, "CacheWithdrawn", NULL},
    {"GET", "/api/v1/budgets", API_VIEWER, 200, api_budgets, "What each budget has spent, holds, and will have spent.", budgets, "Budgets", NULL},
    {"PUT", "/api/v1/budgets", API_OPERATOR, 200, api_budgets_set, "Sets budgets and limits, all or none: a list of budgets, or an object with `budgets` and `limits`, as in the configuration, JSON or YAML.", allowances_set, "Changes", NULL},
    {"GET", "/api/v1/budgets/{name}", API_VIEWER, 200, api_budget_show, "One budget as it is declared, and by whom.", budget_name, "DeclaredBudget", NULL},
    {"PUT", "/api/v1/budgets/{name}", API_OPERATOR, 200, api_budgets_set, "Sets a budget: the body is the same object as in the configuration, JSON or YAML, and may have a `reason`.", budget_set, "Changes", NULL},
    {"DELETE", "/api/v1/budgets/{name}", API_OPERATOR, 200, api_budget_remove, "Removes a budget of the registry.", budget_remove, "Changes", NULL},
    {"GET", "/api/v1/limits", API_VIEWER, 200, api_limits, "All limits as they are declared.", NULL, "Limits", NULL},
    {"PUT", "/api/v1/limits", API_OPERATOR, 200, api_limits_set, "Sets limits and budgets, all or none: a list of limits, or an object with `budgets` and `limits`.", allowances_set, "Changes", NULL},
    {"GET", "/api/v1/limits/{name}", API_VIEWER, 200, api_limit_show, "One limit as it is declared, and by whom.", limit_name, "DeclaredLimit", NULL},
    {"PUT", "/api/v1/limits/{name}", API_OPERATOR, 200, api_limits_set, "Sets a limit: the body is the same object as in the configuration, and may have a `reason`.", limit_set, "Changes", NULL},
    {"DELETE", "/api/v1/limits/{name}", API_OPERATOR, 200, api_limit_remove, "Removes a limit of the registry.", limit_remove, "Changes", NULL},
    {"GET", "/api/v1/approvals", API_VIEWER, 200, api_approvals, "What kinds of expensive work are approved, up to what and until when.", NULL, "Approvals", NULL},
    {"PUT", "/api/v1/approvals/{application}/{request_type}", API_APPROVER, 200, api_approve, "Approves requests of this type up to a cost.", approve, "ApprovalChange", NULL},
    {"DELETE", "/api/v1/approvals/{application}/{request_type}", API_OPERATOR, 200, api_approval_revoke, "Takes an approval back.", approval_revoke, "ApprovalChange", NULL},
    {"GET", "/api/v1/findings", API_VIEWER, 200, api_findings, "What the watchers noticed, with evidence and what to type next.", findings, "Findings", NULL},
    {"POST", "/api/v1/findings/{id}/dismiss", API_OPERATOR, 200, api_findings_dismiss, "A finding needs no answer: it is not told again.", finding_dismiss, "Finding", NULL},
    {"GET", "/api/v1/alert-metrics", API_VIEWER, 200, api_alert_metrics, "What rules can watch: each metric with its unit, and what its series can be told apart by.", NULL, "AlertMetrics", NULL},
    {"POST", "/api/v1/alert-rules/{name}/calibrate", API_OPERATOR, 200, api_alert_rule_calibrate, "Proposes a threshold from the rule's own history, for a wanted number of false alarms; in force once accepted.", api_parameters_rule_calibrate, "Calibration", NULL},
    {"POST", "/api/v1/alert-rules/{name}/replay", API_VIEWER, 200, api_alert_rule_replay, "What the rule would have done on past data. Changes nothing.", api_parameters_rule_replay, "RuleReplay", NULL},
    {"GET", "/api/v1/thresholds", API_VIEWER, 200, api_thresholds, "Learned thresholds, newest first, with what they rest on.", api_parameters_thresholds, "Thresholds", NULL},
    {"POST", "/api/v1/thresholds/{number}/accept", API_APPROVER, 200, api_threshold_accept, "Puts a proposed threshold in force; the one before is replaced.", api_parameters_threshold_decide_it, "Threshold", NULL},
    {"POST", "/api/v1/thresholds/{number}/refuse", API_APPROVER, 200, api_threshold_refuse, "The rule stays as it is.", api_parameters_threshold_decide_it, "Threshold", NULL},
    {"GET", "/api/v1/alerts", API_VIEWER, 200, api_alerts, "What is wrong now, and was.", api_parameters_alerts, "Alerts", NULL},
    {"GET", "/api/v1/alerts/{number}", API_VIEWER, 200, api_alert_show, "One alert: since when, how bad, of how much, what changed before, what to type.", api_parameters_alert_number, "AlertShown", NULL},
    {"POST", "/api/v1/alerts/{number}/acknowledge", API_OPERATOR, 200, api_alert_acknowledge, "The caller has it: nobody else is called.", api_parameters_alert_acknowledge, "AlertShown", NULL},
    {"POST", "/api/v1/alerts/{number}/judge", API_OPERATOR, 200, api_alert_judge, "What its last firing came to: the rule's precision counts it.", api_parameters_alert_judge, "AlertShown", NULL},
    {"GET", "/api/v1/alert-rules", API_VIEWER, 200, api_alert_rules, "Rules: how they stand, by which threshold and where it is from, how precise they were.", NULL, "AlertRules", NULL},
    {"GET", "/api/v1/silences", API_VIEWER, 200, api_silences, "What is muted, until when, and why.", api_parameters_silences, "Silences", NULL},
    {"POST", "/api/v1/silences", API_OPERATOR, 200, api_silence_add, "Mutes alerts for a time. They are still seen and listed.", api_parameters_silence_add, "Silence", NULL},
    {"POST", "/api/v1/silences/{number}/end", API_OPERATOR, 200, api_silence_end, "Ends a silence before its time.", api_parameters_silence_end, "SilenceEnded", NULL},
    {"GET", "/api/v1/providers", API_VIEWER, 200, api_providers, "Is it us or them: each provider by live traffic, probes and its status page.", providers, "Providers", NULL},
    {"GET", "/api/v1/receivers", API_VIEWER, 200, api_receivers, "Who is told of alerts, by which rules, and whether they take it.", NULL, "Receivers", NULL},
    {"POST", "/api/v1/receivers/{name}/test", API_OPERATOR, 202, api_receiver_test, "Sends it a notice of a test, which is tried once.", api_parameters_receiver_test, "ReceiverTest", NULL},
    {"GET", "/api/v1/notices", API_VIEWER, 200, api_notices, "What receivers were told, newest first, and what came back.", api_parameters_notices, "Notices", NULL},
    {"GET", "/api/v1/oncall", API_VIEWER, 200, api_oncall_now, "Whose turn it is in each schedule, and who is next.", api_parameters_oncall_now, "OncallNow", NULL},
    {"GET", "/api/v1/oncall/{schedule}", API_VIEWER, 200, api_oncall_show, "The turns of a schedule, overrides and gaps among them.", api_parameters_oncall_show, "OncallSchedule", NULL},
    {"POST", "/api/v1/oncall/{schedule}/overrides", API_OPERATOR, 200, api_oncall_override, "Somebody takes a time instead of whoever has it; of two overrides the one made later holds.", api_parameters_oncall_override_new, "OncallOverride", NULL},
    {"POST", "/api/v1/oncall-overrides/{number}/remove", API_OPERATOR, 200, api_oncall_remove, "An override does not hold any more.", api_parameters_oncall_remove, "OncallRemoved", NULL},
    {"GET", "/api/v1/batches", API_VIEWER, 200, api_batches_list, "Batches of all applications, newest first.", batch_list, "Batches", NULL},
    {"GET", "/api/v1/batches/{id}", API_VIEWER, 200, api_batches_show, "One batch.", batch_id, "Batch", NULL},
    {"POST", "/api/v1/batches/{id}/cancel", API_OPERATOR, 200, api_batches_cancel, "Cancels a batch, in its own time: lines under way are finished.", batch_cancel, "Batch", NULL},
    {"GET", "/api/v1/calibrations", API_VIEWER, 200, api_judges_list, "Judges that people's labels are known of, and how far each says what people say.", judge_list, "Judges", NULL},
    {"GET", "/api/v1/judges/{name}/calibrations", API_VIEWER, 200, api_judges_show, "A judge's labels, sitting by sitting.", judge_name, "JudgeSittings", NULL},
    {"POST", "/api/v1/judges/{name}/calibrations", API_OPERATOR, 201, api_judges_calibrate, "Adds people's labels with the judge's verdicts: {judge, check, identity, scale, source, errors, contested, pairs: [[example, label, verdict, should_pass, passes]]}.", judge_name, "Judge", NULL},
    {"GET", "/api/v1/eval-schedule", API_VIEWER, 200, api_eval_schedule, "What the server runs by itself: each trigger of the registered suites, its next turn and its last run.", NULL, "EvalSchedule", NULL},
    {"GET", "/api/v1/scoring-states", API_VIEWER, 200, api_scoring_states, "How the rules that score production traffic are doing.", scoring_states, "ScoringStates", NULL},
    {"GET", "/api/v1/scoring/{name}/report", API_VIEWER, 200, api_scoring_report, "What the scores of production traffic say, with the sampling weights honoured.", scoring_report, "ScoringReport", NULL},
    {"POST", "/api/v1/scoring/{name}/pause", API_OPERATOR, 200, api_scoring_pause, "What comes is passed by until the rule is resumed.", scoring_change, "ScoringState", NULL},
    {"POST", "/api/v1/scoring/{name}/resume", API_OPERATOR, 200, api_scoring_resume, "Scores what comes from now on.", scoring_change, "ScoringState", NULL},
    {"GET", "/api/v1/evals", API_VIEWER, 200, api_evals_list, "Runs of suites, newest first.", eval_list, "EvalRuns", NULL},
    {"POST", "/api/v1/evals", API_OPERATOR, 200, api_evals_begin, "Begins a run, or goes on with the unfinished one of the same suite, prompt, model, repeat and filter: {suite or suite_name, suite_version, prompt, prompt_label, model, repeat, chosen, cases, max_cost_usd, trigger, owner, resume}.", NULL, "EvalBegun", NULL},
    {"GET", "/api/v1/evals/compare", API_VIEWER, 200, api_evals_compare, "One run against another: the paired difference, what flipped, and what more cases would settle it.", eval_compare, "EvalComparison", NULL},
    {"GET", "/api/v1/evals/{run}", API_VIEWER, 200, api_evals_show, "One run, with its summary once it is over.", eval_run, "EvalRun", NULL},
    {"GET", "/api/v1/evals/{run}/results", API_VIEWER, 200, api_evals_results, "Its results, by case and repeat, a page at a time.", eval_results, "EvalResults", NULL},
    {"POST", "/api/v1/evals/{run}/results", API_OPERATOR, 200, api_evals_results_put, "Takes up to 1,000 results, {owner, results}; one that is there already stays as it is. Without results a sign of life.", eval_run, "EvalProgress", NULL},
    {"POST", "/api/v1/evals/{run}/end", API_OPERATOR, 200, api_evals_end, "Ends a run: the summary is made from the results that are kept.", eval_end, "EvalSummary", NULL},
    {"POST", "/api/v1/evals/{run}/stop", API_OPERATOR, 200, api_evals_stop, "Asks the process that runs it to end it early, with what it has.", eval_stop, "EvalRun", NULL},
    {"POST", "/api/v1/evals/{run}/reference", API_OPERATOR, 200, api_evals_reference, "Makes it the run that others of its suite are compared with.", eval_reference, "EvalReference", NULL},
    {"GET", "/api/v1/models", API_VIEWER, 200, api_models, "Models, their targets, prices and breakers.", NULL, "Models", NULL},
    {"GET", "/api/v1/models/{model}/route", API_VIEWER, 200, api_route_show, "Routing by difficulty of a model: rules, weights, what it chose.", route_show, "Route", NULL},
    {"POST", "/api/v1/models/{model}/route", API_ADMIN, 200, api_route_switch, "Turns routing by difficulty on, or back into shadow.", route_switch, "RouteSwitch", NULL},
    {"POST", "/api/v1/models/{model}/route/train", API_OPERATOR, 200, api_route_train, "Learns from scores when the cheapest tier is good enough. What is kept is in shadow.", route_train, "RouteTraining", NULL},
    {"GET", "/api/v1/models/{model}/route/sample", API_VIEWER, 200, api_route_sample, "Exchanges of the most capable tier for a downgrade test, with what was captured, drawn by request type.", route_sample, "RouteSample", NULL},
    {"POST", "/api/v1/models/{model}/route/downgrade", API_OPERATOR, 200, api_route_downgrade, "Keeps the result of a downgrade test: the JSON object of `model downgrade-test --json`.", route_downgrade, "RouteKept", NULL},
    VERSION_ROUTES("/api/v1/prompts", "a prompt", "prompts", "PromptFetched")
    VERSION_ROUTES("/api/v1/knowledge", "a knowledge base", "knowledge bases", "KnowledgeFetched")
    {"GET", "/api/v1/rollouts", API_VIEWER, 200, api_rollouts_list, "Rollouts, newest first.", rollout_list, "Rollouts", NULL},
    {"POST", "/api/v1/rollouts", API_OPERATOR, 200, api_rollout_start, "Begins the rollout of an evaluated version, by the way of its class; or an A/B test. In force on every loop when it answers.", rollout_start, "Changed", NULL},
    {"GET", "/api/v1/rollouts/{name}", API_VIEWER, 200, api_rollout_show, "How the newest rollout, or one before, stands: its guardrails with their intervals, what it waits for, and what happened.", rollout_one, "Rollout", NULL},
    {"GET", "/api/v1/rollouts/{name}/history", API_VIEWER, 200, api_rollout_history, "How its guardrails stood over time: a point a metric and judging, thinned evenly to about 200 of each.", rollout_one, "RolloutHistory", NULL},
    {"POST", "/api/v1/rollouts/{name}/promote", API_OPERATOR, 200, api_rollout_promote, "The next step now; from the last one: production. Refused (409) when Failed, Error, or with too few samples.", rollout_said, "Changed", NULL},
    {"POST", "/api/v1/rollouts/{name}/pause", API_OPERATOR, 200, api_rollout_pause, "Stays where it is; guardrails still roll back.", rollout_said, "Changed", NULL},
    {"POST", "/api/v1/rollouts/{name}/resume", API_OPERATOR, 200, api_rollout_resume, "Goes on after a pause.", rollout_said, "Changed", NULL},
    {"POST", "/api/v1/rollouts/{name}/abort", API_OPERATOR, 200, api_rollout_abort, "Ends it; what was in production serves everybody.", rollout_said, "Changed", NULL},
    {"POST", "/api/v1/prompts/{name}/rollback", API_OPERATOR, 200, api_roll_back, "What was in production before, or another version, serves from the next exchange on; ends a rollout that is under way. Also while the disk is full.", roll_back, "Changed", NULL},
    {"POST", "/api/v1/knowledge/{name}/rollback", API_OPERATOR, 200, api_roll_back, "The same of a knowledge base; its documents are restored by whoever keeps them.", roll_back, "Changed", NULL},
    REVIEW_ROUTES("/api/v1/prompts/{name}/versions/{version}")
    REVIEW_ROUTES("/api/v1/knowledge/{name}/versions/{version}")
    {"GET", "/api/v1/actions", API_VIEWER, 200, api_actions_list, "What was done to live traffic, by itself or by a person, and what was not and why; newest first.", api_parameters_action_list, "Actions", NULL},
    {"POST", "/api/v1/actions", API_OPERATOR, 200, api_action_take, "Does one: in force on every loop when it answers. Names are checked; a rollback needs the role that change_policy.rollback says.", api_parameters_action_take, "ActionTaken", NULL},
    {"GET", "/api/v1/actions/{number}", API_VIEWER, 200, api_action_show, "One of them, with its evidence and each step of its coming back.", api_parameters_action_one, "ActionShown", NULL},
    {"POST", "/api/v1/actions/{number}/undo", API_OPERATOR, 200, api_action_undo, "Ends it: everything is as before from the next exchange on. A rollback (409) says the command that undoes it.", api_parameters_action_undo, "ActionTaken", NULL},
    {"GET", "/api/v1/live", API_VIEWER, 200, api_events, "What happens, as it happens: a stream of events. See docs/console.md.", api_parameters_events, NULL, "text/event-stream"},
    {"GET", "/api/v1/live-prompts", API_VIEWER, 200, api_live_prompts, "System prompts of traffic that came with no version, by template.", live_list, "LivePrompts", NULL},
    {"GET", "/api/v1/live-prompts/{hash}", API_VIEWER, 200, api_live_prompt_show, "One of them: its text, its template, and what it changed.", live_show, "LivePromptShown", NULL},
    {"POST", "/api/v1/live-prompts/{hash}/adopt", API_APPROVER, 200, api_live_prompt_adopt, "Registers it as the version in production, because it is what serves. A second time changes nothing.", live_adopt, "LivePromptAdopted", NULL},
    {"GET", "/api/v1/model-changes", API_VIEWER, 200, api_model_changes, "Versions of providers' models that came in the place of others.", model_change_list, "ModelChanges", NULL},
    {"POST", "/api/v1/model-changes/{number}/accept", API_APPROVER, 200, api_model_accept, "The new version is good; a hold of it ends.", model_change_said, "ModelDecided", NULL},
    {"POST", "/api/v1/model-changes/{number}/hold", API_OPERATOR, 200, api_model_hold, "Another model answers in its stead until it is accepted or released.", model_change_hold, "ModelDecided", NULL},
    {"POST", "/api/v1/model-changes/{number}/release", API_OPERATOR, 200, api_model_release, "The end of a hold; the change waits for a word again.", model_change_said, "ModelDecided", NULL},
    DEFINITION_ROUTES("/api/v1/suites", "a suite", "suites")
    {"POST", "/api/v1/suites/{name}/cases", API_OPERATOR, 200, api_suite_case_add, "Makes a new version of a suite, with one more case: what a captured request asked. A record that is in it already is a 409.", suite_case_add, "SuiteCaseAdded", NULL},
    DEFINITION_ROUTES("/api/v1/judges", "a judge", "judges")
    DEFINITION_ROUTES("/api/v1/scoring", "a rule", "rules by which production traffic is scored")
    {"GET", "/api/v1/reviews", API_VIEWER, 200, api_reviews_list, "Answers that wait for people.", review_list, "Reviews", NULL},
    {"POST", "/api/v1/reviews", API_OPERATOR, 201, api_reviews_create, "Gives answers to reviewers: {rubric, scale, reviewers, per_item, adjudicator, due (a time, or 2d from now), name} and `items` [{input, context, expected, output}] or `run` (with verdict, sample, against).", NULL, "ReviewHead", NULL},
    {"GET", "/api/v1/reviews/{id}", API_VIEWER, 200, api_review_show, "How far it is, and how far its reviewers agree.", review_id, "Review", NULL},
    {"POST", "/api/v1/reviews/{id}/close", API_OPERATOR, 200, api_review_close, "No label is taken any more. Again with `score`: gives the scores.", review_close, "ReviewClosed", NULL},
    {"POST", "/api/v1/reviews/{id}/reassign", API_OPERATOR, 200, api_review_reassign, "What a reviewer has not labelled goes to another.", review_reassign, "ReviewReassigned", NULL},
    {"GET", "/api/v1/reviews/{id}/next", API_VIEWER, 200, api_review_next, "The reviewer's next item, without a word on whose answer it is.", review_next, "ReviewNext", NULL},
    {"GET", "/api/v1/reviews/{id}/labels", API_VIEWER, 200, api_review_labels, "What was said of each item; while it is open, not for those who review it.", review_id, "ReviewLabels", NULL},
    {"POST", "/api/v1/reviews/{id}/labels", API_OPERATOR, 200, api_review_label, "Labels an item; again: changes it.", review_label, "ReviewProgress", NULL},
    {"DELETE", "/api/v1/reviews/{id}/labels/{item}", API_OPERATOR, 200, api_review_unlabel, "Takes a label back.", review_unlabel, "ReviewProgress", NULL},
    {"GET", "/api/v1/reviews/{id}/disputed", API_VIEWER, 200, api_review_disputed, "Items on which reviewers differ, without their names.", review_id, "ReviewDisputes", NULL},
    {"POST", "/api/v1/reviews/{id}/adjudications", API_OPERATOR, 200, api_review_adjudicate, "Decides where reviewers differ.", review_decide, "ReviewDecision", NULL},
    {"GET", "/api/v1/scores", API_VIEWER, 200, api_scores_list, "How good the answer of a record was.", score_list, "Scores", NULL},
    {"POST", "/api/v1/scores", API_OPERATOR, 200, api_scores_put, "Scores of records: one {record, value 0..1, name, source, comment}, or a list of up to 1,000. The same twice is once.", NULL, "ScoresTaken", NULL},
    {"GET", "/api/v1/prices/quote", API_VIEWER, 200, api_quote, "What a usage costs, and how that comes about.", quote, "Quote", NULL},
    {"GET", "/api/v1/session", API_OPEN, 200, api_session_show, "Who the caller is, and what the console needs before it asks for anything else.", NULL, "Session", NULL},
    {"POST", "/api/v1/session", API_OPEN, 200, api_session_begin, "Signs in, by name and password or by an operator's token: a new session, in the cookie quarterdeck_session. Failures make the next try wait (429, retry-after).", session_begin, "Session", NULL},
    {"DELETE", "/api/v1/session", API_VIEWER, 200, api_session_end, "Signs out.", NULL, "Session", NULL},
    {"POST", "/api/v1/session/password", API_VIEWER, 200, api_session_password, "A new password of one's own. All sessions end, and a new one begins.", session_password, "Session", NULL},
    {"GET", "/api/v1/sessions", API_VIEWER, 200, api_sessions_list, "One's own open sessions, last used first. A token has those that were begun with it.", NULL, "Sessions", NULL},
    {"DELETE", "/api/v1/sessions", API_VIEWER, 200, api_sessions_end_others, "Ends all of one's own sessions but the one that asks.", session_end_others, "EndedSessions", NULL},
    {"DELETE", "/api/v1/sessions/{id}", API_VIEWER, 200, api_sessions_end_one, "Ends one of one's own sessions; its pages are told within seconds.", session_end_one, "EndedSessions", NULL},
    {"POST", "/api/v1/setup", API_OPEN, 200, api_setup, "Makes the first admin, once, with the secret of the link that the server printed; and signs in.", setup, "Session", NULL},
    {"GET", "/api/v1/users", API_ADMIN, 200, api_users_list, "Who may sign in.", NULL, "Users", NULL},
    {"POST", "/api/v1/users", API_ADMIN, 201, api_user_add, "Adds a user. The first one has to be an admin; from then on everybody signs in or has a token, this machine too.", user_add, "User", NULL},
    {"POST", "/api/v1/users/{name}/role", API_ADMIN, 200, api_user_role, "Another role; a lower one ends the user's sessions. An admin who may sign in is always left (409).", user_role, "User", NULL},
    {"POST", "/api/v1/users/{name}/password", API_ADMIN, 200, api_user_password, "Another password; ends the user's sessions.", user_password, "User", NULL},
    {"POST", "/api/v1/users/{name}/disable", API_ADMIN, 200, api_user_disable, "May not sign in any more, and is signed out.", user_said, "User", NULL},
    {"POST", "/api/v1/users/{name}/enable", API_ADMIN, 200, api_user_enable, "May sign in again.", user_said, "User", NULL},
    {"DELETE", "/api/v1/users/{name}", API_ADMIN, 200, api_user_remove, "Removes a user, who is signed out. What they did stays under their name.", user_remove, "RemovedUser", NULL},
    {"GET", "/api/v1/users/{name}/sessions", API_ADMIN, 200, api_user_sessions, "A user's open sessions, last used first.", user_named, "Sessions", NULL},
    {"DELETE", "/api/v1/users/{name}/sessions", API_ADMIN, 200, api_user_sessions_end, "Ends a user's sessions, but for the one that asks.", user_remove, "EndedSessions", NULL},
    {"GET", "/api/v1/keys", API_VIEWER, 200, api_keys_list, "Keys of applications, revoked ones included; never the secret.", key_list, "Keys", NULL},
    {"POST", "/api/v1/keys", API_OPERATOR, 201, api_keys_create, "Makes a key. The answer is the only place where it is ever shown.", key_create, "NewKey", NULL},
    {"DELETE", "/api/v1/keys/{application}/{name}", API_OPERATOR, 200, api_keys_revoke, "Revokes a key.", key_revoke, "RevokedKey", NULL},
    {"GET", "/api/v1/settings", API_VIEWER, 200, api_settings, "Every setting: what it does, its default, its value in the configuration file. Never a secret.", NULL, "Settings", NULL},
    {"GET", "/api/v1/configuration", API_VIEWER, 200, api_configuration, "What the configuration file says, by section and name. Never a secret.", NULL, "Configuration", NULL},
    {"PUT", "/api/v1/configuration/{section}/{name}", API_ADMIN, 200, api_configuration_set, "Changes one part of the configuration file where it stands, and reads it again. All else, comments too, stays; the file before is kept as FILE.before.", api_parameters_configuration_set, "ConfigurationChange", NULL},
    {"POST", "/api/v1/reload", API_ADMIN, 200, api_reload, "Reads the configuration again. With errors, the policy in force stays.", api_parameters_reload, "Revision", NULL},
    {"GET", "/api/v1/audit", API_VIEWER, 200, api_audit_list, "The audit log, newest first.", api_parameters_audit_list, "Audit", NULL},
    {"GET", "/api/v1/audit/verify", API_VIEWER, 200, api_audit_verify, "Whether the audit log's chain of hashes is whole.", api_parameters_audit_verify, "AuditVerdict", NULL},
    {"GET", "/api/v1/audit/export", API_VIEWER, 200, api_audit_export, "The audit log with its hashes, oldest first, one entry a line, so that anybody can verify it. No line: there are no more.", api_parameters_audit_export, NULL, "application/jsonl"},
    {"GET", "/api/v1/status", API_VIEWER, 200, api_status, "Version, revision, flight recorder and ledger.", NULL, "Status", NULL},
    {"GET", "/api/v1/openapi.json", API_VIEWER, 200, api_openapi, "This document.", NULL, NULL, "application/json"},
    {"GET", "/metrics", API_LOCAL, 200, api_metrics, "Metrics in Prometheus text format.", NULL, NULL, "text/plain; version=0.0.4; charset=utf-8"},
    {"GET", "/healthz", API_OPEN, 200, api_health, "Whether the process is alive.", NULL, "Health", NULL},
    {"GET", "/readyz", API_OPEN, 200, api_ready, "Whether it takes requests; 503 when not.", NULL, "Readiness", NULL},
    {NULL, NULL, API_OPEN, 0, NULL, NULL, NULL, NULL, NULL},
};
