/* Shapes of the answer about two runs. */
#include "control/api.h"

#define DIFFERENCE(S)                                                                                         \
    {S, "difference", "number?", "candidate less baseline, of the weighted mean over cases; null: no pair"},  \
    {S, "interval", "json", "[low, high] at `confidence`; null: unknown"},                                    \
    {S, "p_value", "number?", "two-sided, of no difference"},                                                 \
    {S, "method", "string?", "mcnemar (one run of each case), t (few cases) or bootstrap"},                   \
    {S, "verdict", "better|worse|no_evidence", "no_evidence is not `equal`"},                                 \
    {S, "minimum_detectable", "number?", "the smallest difference that so many cases show with a chance of 80 %"}, \
    {S, "needed_cases", "integer?", "more cases that would probably settle a difference as large as this; null: unknown"}, \
    {S, "pairs", "integer", "cases that both runs answered"},                                                 \
    {S, "higher", "integer", "cases on which the candidate did better"},                                      \
    {S, "lower", "integer", "cases on which it did worse"}

const struct api_field api_fields_eval_compare[] = {
    {"EvalComparison", "a", "EvalCompared", "the baseline"},
    {"EvalComparison", "b", "EvalCompared", "the candidate"},
    DIFFERENCE("EvalComparison"),
    {"EvalComparison", "why", "string", "the verdict in a sentence"},
    {"EvalComparison", "reliable", "boolean", "false: more errors than the suite allows, or no pair; no verdict is given"},
    {"EvalComparison", "confidence", "number", "of the interval and the verdict"},
    {"EvalComparison", "baseline", "EvalSide", "over the pairs"},
    {"EvalComparison", "candidate", "EvalSide", "over the pairs"},
    {"EvalComparison", "left_out", "EvalLeftOut", "cases that cannot be compared"},
    {"EvalComparison", "same_suite", "boolean", "one version of the suite; else its checks may differ"},
    {"EvalComparison", "flipped", "[EvalFlip]", "cases whose share of passed runs moved by half or more, worse ones first; at most 1,000"},
    {"EvalComparison", "flips", "integer", "how many there are"},
    {"EvalComparison", "by_tag", "{EvalTagDifference}", "verdicts by Holm's adjusted p-values"},
    {"EvalComparison", "score", "EvalDifference", "the same of scores"},
    {"EvalComparison", "cost", "EvalCostRatio", "means over cases, of an answer"},
    {"EvalComparison", "latency", "EvalLatencyRatio", "means over cases, of an answer"},
    {"EvalCompared", "run", "string", "run-12"},
    {"EvalCompared", "suite", "string", "its name"},
    {"EvalCompared", "suite_version", "integer", "which version of it"},
    {"EvalCompared", "prompt", "string?", "null: the suite's own"},
    {"EvalCompared", "model", "string?", "null: the suite's own"},
    {"EvalCompared", "whole", "boolean", "false: it was stopped early"},
    DIFFERENCE("EvalDifference"),
    DIFFERENCE("EvalTagDifference"),
    {"EvalTagDifference", "p_adjusted", "number?", "Holm's, for all tags together"},
    {"EvalSide", "pass_rate", "number?", "weighted mean over the pairs"},
    {"EvalSide", "score", "number?", "the same of scores"},
    {"EvalSide", "runs", "integer", "results of the whole run"},
    {"EvalSide", "errors", "integer", "of these"},
    {"EvalLeftOut", "only_baseline", "integer", "cases that the candidate's suite does not have"},
    {"EvalLeftOut", "only_candidate", "integer", "cases that the baseline's suite does not have"},
    {"EvalLeftOut", "changed", "integer", "cases of one id that ask something else"},
    {"EvalLeftOut", "unanswered", "integer", "cases with no answer, or errors alone, in one of the runs"},
    {"EvalFlip", "case", "string", "its id"},
    {"EvalFlip", "baseline", "number", "share of its runs that passed"},
    {"EvalFlip", "candidate", "number", "the same"},
    {"EvalFlip", "baseline_output", "string?", "the beginning of an answer, a failed one where there is one"},
    {"EvalFlip", "candidate_output", "string?", "the same"},
    {"EvalFlip", "baseline_reason", "string?", "why that one failed"},
    {"EvalFlip", "candidate_reason", "string?", "the same"},
    {"EvalCostRatio", "baseline_usd", "number?", "null: no known price"},
    {"EvalCostRatio", "candidate_usd", "number?", "the same"},
    {"EvalCostRatio", "ratio", "number?", "candidate to baseline"},
    {"EvalCostRatio", "pairs", "integer", "cases with a known price in both"},
    {"EvalLatencyRatio", "baseline_ms", "number?", "null: not known"},
    {"EvalLatencyRatio", "candidate_ms", "number?", "the same"},
    {"EvalLatencyRatio", "ratio", "number?", "candidate to baseline"},
    {"EvalLatencyRatio", "pairs", "integer", "cases with a known latency in both"},
    {NULL, NULL, NULL, NULL},
};
