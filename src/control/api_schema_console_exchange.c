/* Shapes of what is done with one exchange: run again, made a case of a suite. */
#include "control/api.h"

const struct api_field api_fields_console_exchange[] = {
    {"RecordAgain", "of", "string", "the record whose request was sent once more"},
    {"RecordAgain", "record", "string?", "the record of this time; null: it did not get that far"},
    {"RecordAgain", "status", "string?", "how it ended, as in records"},
    {"RecordAgain", "http_status", "integer", "as an application would have got it"},
    {"RecordAgain", "model", "string?", "the model that was asked for"},
    {"RecordAgain", "provider", "string?", "who answered"},
    {"RecordAgain", "target_model", "string?", "and the model's name there"},
    {"RecordAgain", "prompt", "string?", "NAME@VERSION that it was asked with; null: none"},
    {"RecordAgain", "key", "string", "the application's key that paid"},
    {"RecordAgain", "cost_nanousd", "integer?", "what it cost in 10^-9 US dollars; null: unknown"},
    {"RecordAgain", "cost_usd", "number?", "the same in US dollars"},
    {"RecordAgain", "duration_ms", "number?", "how long it took"},
    {"RecordAgain", "output", "string?", "the text of the answer; null: it has none"},
    {"RecordAgain", "tool_calls", "integer", "calls of tools in it"},
    {"RecordAgain", "error", "string?", "name of the fault; null: it was answered"},
    {"RecordAgain", "error_text", "string?", "the words behind it"},
    {"RecordAgain", "reply", "json", "the whole answer"},
    {"SuiteCaseAdded", "suite", "string", "the suite"},
    {"SuiteCaseAdded", "version", "integer", "its version that has the case, from now on the current one"},
    {"SuiteCaseAdded", "digest", "string", "of that version"},
    {"SuiteCaseAdded", "case", "string", "the case's id"},
    {"SuiteCaseAdded", "record", "string", "the record that it was made from; the case has the tag record:ID"},
    {"SuiteCaseAdded", "cases", "integer", "how many cases it has now"},
    {NULL, NULL, NULL, NULL},
};
