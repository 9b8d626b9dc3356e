/* Shapes of answers about rollouts. */
#include "control/api.h"

#define ROW(S)                                                                                                \
    {S, "rollout", "integer", "its number: records have it"}, {S, "kind", "prompt|knowledge", "what it is of"}, \
        {S, "prompt", "string", "its name"}, {S, "candidate", "integer", "the version that is tried"},        \
        {S, "control", "integer?", "the version that it is held against; null: none served"},                 \
        {S, "stage", "shadow|canary|ab|direct", "how it is tried"},                                           \
        {S, "state", "progressing|paused|promoted|rolled back|aborted", "where it is"},                       \
        {S, "step", "integer", "index of the plan's steps"}, {S, "weight", "number", "percent of the exchanges that are the candidate's"}, \
        {S, "verdict", "string?", "of all guardrails: Successful, Failed, Inconclusive, Error"},                         \
        {S, "why", "string?", "of its last change"}, {S, "started_by", "string?", "who began it"},            \
        {S, "started", "time", "when"}, {S, "ended", "time?", "null: under way"}

const struct api_field api_fields_change_rollouts[] = {
    {"Rollouts", "rollouts", "[RolloutRow]", "newest first"},
    ROW("RolloutRow"),
    ROW("Rollout"),
    {"Rollout", "guardrails", "json", "[{metric, verdict, effect, interval, evidence, threshold, alpha, n_candidate, n_control, needed, scale, limit, ...}]; of one that is over as they were then"},
    {"Rollout", "waits_for", "string?", "what has to come before it goes on; null: it is over"},
    {"Rollout", "for_person", "boolean", "time and traffic alone do not take it further"},
    {"Rollout", "step_of", "integer?", "steps of its plan; null: it has none"},
    {"Rollout", "exchanges", "integer", "of the candidate at this weight; in shadow: pairs"},
    {"Rollout", "exchanges_needed", "integer", "that each weight takes at least"},
    {"Rollout", "held_s", "number", "served seconds at this step"},
    {"Rollout", "hold_s", "number?", "that the step takes; null: no time is set"},
    {"Rollout", "ab", "json?", "of an A/B test: {verdict, over, detectable, why, needed_an_arm}"},
    {"Rollout", "plan", "json", "what it was begun with: {way, steps, guardrails, ...}; of an A/B test {metric, min_effect, alpha, power, longest_us, beside}"},
    {"Rollout", "revision", "integer", "of the prompt: `if_revision` of the next change"},
    {"Rollout", "production", "integer?", "the version that serves"},
    {"Rollout", "history", "json", "[{at, actor, action, why, stage, step, weight, verdict}], oldest first"},
    {"RolloutHistory", "rollout", "integer", "its number"},
    {"RolloutHistory", "points", "[RolloutPoint]", "oldest first, by judging, then as its guardrails are declared; empty: it was never judged, or is older than the last 500"},
    {"RolloutPoint", "at", "time", "when it was judged"},
    {"RolloutPoint", "stage", "shadow|canary|ab|direct", "how it was tried then"},
    {"RolloutPoint", "step", "integer", "index of the plan's steps"},
    {"RolloutPoint", "weight", "number", "percent of the exchanges that were the candidate's"},
    {"RolloutPoint", "metric", "string", "the guardrail"},
    {"RolloutPoint", "scale", "ratio|difference|share", "what effect is: candidate to control, candidate less control, share of the pairs that the candidate won"},
    {"RolloutPoint", "effect", "number?", "estimate; null: none yet"},
    {"RolloutPoint", "low", "number?", "of the interval that holds at all looks together; null: without an end"},
    {"RolloutPoint", "high", "number?", "of the interval; null: without an end"},
    {"RolloutPoint", "threshold", "number?", "effect beyond which it is worse than allowed: above it for a ratio, else below; null: it is shown only"},
    {"RolloutPoint", "n_candidate", "integer", "exchanges, answers, scores or pairs that were compared"},
    {"RolloutPoint", "n_control", "integer", "the same of control"},
    {"RolloutPoint", "verdict", "string", "what it said then: Inconclusive, Successful, Failed, Error"},
    {NULL, NULL, NULL, NULL},
};
