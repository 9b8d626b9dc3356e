/* Shapes of answers about runs of suites. */
#include "control/api.h"

#define RUN(S)                                                                                                \
    {S, "run", "string", "run-12"},                                                                           \
    {S, "suite", "string", "its name"},                                                                       \
    {S, "suite_version", "integer", "which version of the suite"},                                            \
    {S, "suite_digest", "string", "SHA-256 of that version's canonical form"},                                \
    {S, "prompt", "string?", "the prompt's name; null: it has none"},                                         \
    {S, "prompt_digest", "string?", "of its canonical form; null: it is known by name only"},                 \
    {S, "model", "string?", "asked in place of the suite's; null: the suite's own"},                          \
    {S, "chosen", "string?", "the filter; null: all cases"},                                                  \
    {S, "repeat", "integer", "runs of each case"},                                                            \
    {S, "max_cost_usd", "number?", "its cost cap; null: none"},                                               \
    {S, "trigger", "string?", "person, schedule, model-change or prompt-change"},                             \
    {S, "by", "string?", "who began it"},                                                                     \
    {S, "owner", "string?", "the process that runs it: host, number, start; null: it is over"},               \
    {S, "stop_by", "string?", "who asked it to stop"},                                                        \
    {S, "state", "string", "running, interrupted (its process is gone), finished or stopped"},                \
    {S, "started_at", "time?", "its begin"},                                                                  \
    {S, "seen_at", "time?", "when its process was heard of last"},                                            \
    {S, "ended_at", "time?", "null: it is not over"},                                                         \
    {S, "planned", "integer", "results that it will have"},                                                   \
    {S, "done", "integer", "results that it has"},                                                            \
    {S, "cost_usd", "number?", "exchanges and judges, what is known"},                                        \
    {S, "verdict", "string?", "passed, failed or inconclusive; null: it is not over"}

const struct api_field api_fields_eval_runs[] = {
    {"EvalRuns", "runs", "[EvalRunBrief]", "newest first"},
    {"EvalRuns", "reference", "string?", "of the one suite that was asked for; null: none was named"},
    {"EvalRuns", "next", "string?", "for `before`; null: this is the last page"},
    RUN("EvalRunBrief"),
    {"EvalRunBrief", "pass_rate", "number?", "of its summary"},
    {"EvalRunBrief", "interval", "[number]?", "95 %, two-sided"},
    {"EvalRunBrief", "cases", "integer?", "that have a result which is no error"},
    {"EvalRunBrief", "errors", "integer?", "runs that ended in an error"},
    {"EvalRunBrief", "why", "string?", "the verdict in a sentence"},
    RUN("EvalRun"),
    {"EvalRun", "summary", "EvalSummary?", "null: it is not over"},
    RUN("EvalBegun"),
    {"EvalBegun", "summary", "EvalSummary?", "null"},
    {"EvalBegun", "resumed", "boolean", "it goes on with an unfinished run"},
    {"EvalBegun", "results", "json", "what is there already: [case, repeat, cost in nano-dollars or null, verdict]; case and repeat from 0"},
    {"EvalResults", "results", "[json]", "docs/evaluation.md has the members"},
    {"EvalResults", "next", "string?", "for `after`; null: this is the last page"},
    {"EvalProgress", "done", "integer", "results that it has"},
    {"EvalProgress", "planned", "integer", "results that it will have"},
    {"EvalProgress", "cost_usd", "number?", "exchanges and judges, what is known"},
    {"EvalProgress", "stop", "boolean", "a person asked it to end"},
    {"EvalProgress", "stop_by", "string?", "who"},
    {"EvalSummary", "run", "string", "run-12"},
    {"EvalSummary", "suite", "string", "its name"},
    {"EvalSummary", "suite_version", "integer", "which version of the suite"},
    {"EvalSummary", "prompt", "string?", "the prompt's name"},
    {"EvalSummary", "model", "string?", "asked in place of the suite's"},
    {"EvalSummary", "chosen", "string?", "the filter"},
    {"EvalSummary", "stopped", "string?", "why not all was run; null: it was"},
    {"EvalSummary", "verdict", "passed|failed|inconclusive", "of all requirements"},
    {"EvalSummary", "why", "string", "the verdict in a sentence"},
    {"EvalSummary", "pass_rate", "number?", "weighted mean over cases of each one's share of passed runs; null: no run could tell"},
    {"EvalSummary", "interval", "[number]", "of the pass rate, 95 %, two-sided"},
    {"EvalSummary", "cases", "integer", "with a result that is no error"},
    {"EvalSummary", "runs", "integer", "results"},
    {"EvalSummary", "errors", "integer", "of them, which count neither as passed nor as failed"},
    {"EvalSummary", "cost_usd", "number?", "exchanges and judges"},
    {"EvalSummary", "by_tag", "json", "the same by tag"},
    {"EvalSummary", "requirements", "json", "what was required, and what holds"},
    {"EvalSummary", "needed_cases", "json", "how many more cases would settle it"},
    {"EvalSummary", "passed", "integer", "runs that passed"},
    {"EvalSummary", "failed", "integer", "runs that failed"},
    {"EvalSummary", "planned", "integer", "runs that it was to have"},
    {"EvalSummary", "scope", "cases-like-these|these-cases", "of what the rate is: of cases like these, or of these alone"},
    {"EvalSummary", "corrected", "json", "the pass rate as people would have said, where a judge decided; null: none did"},
    {"EvalSummary", "judges", "json", "each judge's word, and its calibration"},
    {"EvalSummary", "judges_left_out", "integer", "beyond those that are told"},
    {"EvalSummary", "refusals", "json", "unwanted refusals, a rate of their own"},
    {"EvalSummary", "score", "json", "mean score of the cases"},
    {"EvalSummary", "metrics", "json", "mean score by `metric`"},
    {"EvalSummary", "repeats", "json", "the chance that any, and that all, of k repeats pass"},
    {"EvalSummary", "latency_ms", "json", "percentiles of the answers' latency"},
    {"EvalSummary", "cost", "json", "of answers and of judges, percentiles, and how many have no known price"},
    {"EvalReference", "suite", "string", "its name"},
    {"EvalReference", "reference", "string", "the run"},
    {NULL, NULL, NULL, NULL},
};
