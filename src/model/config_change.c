/* `change_policy` and `rollouts`: tree to policy, through the reader that also reads the defaults and plans of rollouts. */
#include "model/config_table.h"

#include "base/limits.h"

/* ${NAME} in every value, as in the rest of the file. */
static void fill_in(struct config_reader *r, const char *place, struct yaml_node *node) {
    for (struct yaml_node *n = node->first; n != NULL; n = n->next) {
        const char *inside = n->key.at != NULL ? config_place(r, "%s." SLICE_FMT, place, SLICE_ARG(n->key)) : config_place(r, "%s[]", place);
        fill_in(r, inside, n);
    }
    if (node->type != YAML_SCALAR || !slice_contains(node->text, SLICE("${"))) return;
    const char *text = config_text(r, place, node, KIND_TEXT);
    if (text != NULL) node->text = slice_of(text);
    if (text != NULL) node->plain = true; /* quotes were needed for the ${ alone */
}

static struct yaml_node *as_member(struct config_reader *r, struct yaml_node *node, const char *key, struct yaml_node *next) {
    struct yaml_node *copy = arena_new(&r->temp, struct yaml_node);
    if (copy == NULL) return next;
    *copy = node != NULL ? *node : (struct yaml_node){.type = YAML_SCALAR, .plain = true, .line = 1, .column = 1};
    copy->key = slice_of(key);
    copy->next = next;
    return copy;
}

static void check_names(struct config_reader *r, const struct yaml_node *policy) {
    const struct change_policy *c = &r->policy->change;
    const struct yaml_node *run_as = yaml_get(policy, "run_as"), *held = yaml_get(policy, "on_model_change");
    if (c->run_as.application.len > 0 && run_as != NULL && table_get(&r->policy->application_by_name, c->run_as.application) == NULL)
        config_complain(r, run_as->line, 0, "change_policy.run_as.application: no such application `" SLICE_FMT "`",
                        SLICE_ARG(c->run_as.application));
    if (c->model_change.hold && held != NULL && table_get(&r->policy->model_by_name, c->model_change.to) == NULL)
        config_complain(r, held->line, 0, "change_policy.on_model_change.hold: no such model `" SLICE_FMT "`", SLICE_ARG(c->model_change.to));
}

void config_change(struct config_reader *r, struct yaml_node *policy, struct yaml_node *rollouts) {
    struct problems problems = {0};
    struct error error = {.fault = FAULT_NONE};
    struct declared d = {.lines = NULL};
    struct reader reader = {.d = &d, .file = r->file, .arena = &r->policy->arena, .problems = &problems, .plain_texts = true};
    if (policy != NULL) fill_in(r, "change_policy", policy);
    if (rollouts != NULL) fill_in(r, "rollouts", rollouts);
    const struct yaml_node both = {.type = YAML_MAP, .line = 1, .column = 1,
                                   .first = as_member(r, policy, "change_policy", as_member(r, rollouts, "rollouts", NULL))};
    if (declared_from_yaml(&both, reader.arena, &d, &error) != FAULT_NONE) {
        config_complain(r, 1, 1, "change_policy: %s", error.text);
        return;
    }
    uint32_t at[2] = {json_get(&d.doc, 0, "change_policy"), json_get(&d.doc, 0, "rollouts")};
    if (change_policy_read(&reader, at[0], at[1], &r->policy->change) == FAULT_NONE && policy != NULL) check_names(r, policy);
    for (unsigned i = 0; i < problems.count; i++) config_complain(r, problems.items[i].line, problems.items[i].column, "%s", problems.items[i].text);
}

/* ---- the reference documentation ---- */

#define CLASS "change_policy.minor|moderate|major."
#define CANARY "rollouts.canary."
#define GUARDRAIL "rollouts.canary.analysis.guardrails[]."
static const struct config_setting settings[] = {
    {CLASS "reviewers", "integer 0..20", "0 | 1 | 1", "Approvals that a version of this class needs, by others than its author.", true},
    {CLASS "gate", "one of required | none", "required", "Whether its suites must say yes before it is evaluated.", true},
    {CLASS "pass_rate", "share 0..1", "", "Least pass rate of each suite of the gate, as a plain number, beside what the suites require: 95% or 0.95.", true},
    {CLASS "max_drop", "share 0..1", "", "The gate also wants it shown that no more of the pass rate is lost against production: 2% or 0.02.", true},
    {CLASS "rollout", "one of direct | canary | shadow-then-canary", "direct | canary | shadow-then-canary", "How it comes into production.", true},
    {CLASS "promote", "one of auto | person", "auto | auto | person", "Whether the last step of a rollout waits for somebody.", true},
    {CLASS "suites", "list of names", "", "Suites of its gate, beside those that the version is bound to.", true},
    {"change_policy.rollback.SEV-1|SEV-2|SEV-3|SEV-4|else", "one of operator | approver | admin", "operator",
     "Who may roll back on their own word, by the severity they say; `else`: none, or a lesser one. editor is another name of approver.", true},
    {"change_policy.on_model_change", "observe, or {hold: model}", "observe",
     "A provider's model answers as another version: run its suites and wait for a person; or hold its traffic on another model meanwhile.", true},
    {"change_policy.run_as.application", "name", "", "Who asks in gates whose suite has no `run_as` of its own.", true},
    {"change_policy.run_as.key", "name", "", "The name of its key, of the file or the registry.", true},
    {CANARY "sticky", "one of user | session | request", "user", "What an arm is drawn for. user: else its session, else the request.", true},
    {CANARY "steps", "list of {setWeight: 1..100} and {pause: {duration: D}}", "5, 24h, 25, 24h, 100",
     "Weights of the candidate in percent, which rise, and least times between them; {pause: {}} is until somebody promotes. {setWeight: 100} is the promotion.", true},
    {CANARY "analysis.interval", "duration from 1ms", "1m", "Between two looks.", true},
    {CANARY "analysis.alpha", "number 0..0.5", "0.01", "Chance that a version that is no worse is rolled back, in the whole rollout.", true},
    {CANARY "analysis.min_samples", "integer from 1", "200", "Exchanges of the candidate at each weight before it goes on.", true},
    {CANARY "analysis.guardrails", "list of 1 to 16 guardrails", "error_rate 1.5, latency_p95 1.2, cost_per_request 1.2", "What must not become worse.", true},
    {GUARDRAIL "metric", "text", NULL,
     "error_rate, refusal_rate, negative_feedback, check:NAME, latency_p95, first_token_p95, per_token_p95 (p1 to p99), cost_per_request, "
     "output_tokens or score:NAME.", true},
    {GUARDRAIL "margin", "number 1..100; of a score 0..1", "1.5 of rates, 1.2, 0.05 of scores",
     "How much worse is still no worse: a ratio; of a score, what may be lost.", true},
    {GUARDRAIL "alpha", "number 0..0.5", "", "Its own chance of a false failure; analysis.alpha divided among all unless given.", true},
    {GUARDRAIL "tolerance", "share 0..1", "0.01", "A rate that is shown to be above by less than this is good too.", true},
    {GUARDRAIL "on_failure", "one of rollback | pause | notify", "rollback", "What happens when it has failed.", true},
    {"rollouts.shadow.share", "share 0..1", "10%", "Of requests that are also sent to the candidate.", true},
    {"rollouts.shadow.min_samples", "integer from 1", "100", "Pairs before it goes on to the canary.", true},
    {"rollouts.shadow.max_cost_usd", "USD from 0", "10", "What the candidate's unseen answers may cost.", true},
    {"rollouts.shadow.judge", "name", "", "A registered pairwise judge that compares both answers without knowing which is which.", true},
    {"rollouts.ab.metric", "text", "", "What an A/B test is about, as of guardrails; `rollout start --ab` may say another.", true},
    {"rollouts.ab.min_effect", "share 0..1", "", "The smallest difference that matters.", true},
    {"rollouts.ab.alpha", "number 0..0.5", "0.05", "Chance that a difference is declared where there is none.", true},
    {"rollouts.ab.power", "number 0.5..0.999", "0.8", "Chance that min_effect is seen where it is there.", true},
    {"rollouts.ab.longest", "duration from 1ms", "14d", "When it ends without a winner.", true},
};

const struct config_setting *config_change_settings(unsigned *ret_count) {
    *ret_count = sizeof settings / sizeof settings[0];
    return settings;
}
