#include "model/change_policy.h"

#include "base/money.h"
#include "model/change_reading.h"
#include "model/policy.h"
#include "model/quantity.h"

#include <math.h>
#include <stdio.h>

enum { MOST_REVIEWERS = 20 };

static const char *const class_names[CHANGE_CLASSES + 1] = {"minor", "moderate", "major", NULL};

const char *change_class_name(enum change_class c) { return (unsigned)c < CHANGE_CLASSES ? class_names[c] : "unknown"; }

bool change_class_from(struct slice name, enum change_class *ret) {
    for (unsigned i = 0; i < CHANGE_CLASSES; i++)
        if (slice_is(name, class_names[i])) {
            *ret = (enum change_class)i;
            return true;
        }
    return false;
}

/* ---- values ---- */

void change_read_word(const struct reader *r, uint32_t node, const char *what, const char *const *words, int *ret) {
    struct slice text = reader_scalar(r, node), raw;
    char hint[READER_HINT], expected[READER_HINT] = "";
    size_t used = 0;
    if (node == JSON_NONE) return;
    for (int i = 0; words[i] != NULL; i++)
        if (slice_is(text, words[i])) {
            *ret = i;
            return;
        }
    for (int i = 0; words[i] != NULL && used < sizeof expected; i++)
        used += (size_t)snprintf(expected + used, sizeof expected - used, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
    raw = json_raw(&r->d->doc, node);
    reader_problem(r, node, "%s: expected %s, found %.*s%s", what, expected, raw.len > 60 ? 60 : (int)raw.len, raw.at,
                   reader_hint(text, words, hint));
}

void change_read_duration(const struct reader *r, uint32_t node, const char *what, int64_t least_us, int64_t *ret) {
    int64_t us;
    char least[QUANTITY_TEXT], words[96];
    if (node == JSON_NONE) return;
    if (duration_parse(reader_scalar(r, node), &us) && us >= least_us) {
        *ret = us;
        return;
    }
    duration_format(least_us, least);
    snprintf(words, sizeof words, "a duration of at least %s, such as 24h, 30m or 2s", least);
    reader_expected(r, node, what, words);
}

void change_read_share(const struct reader *r, uint32_t node, const char *what, double least, double *ret) {
    struct slice text = reader_scalar(r, node), digits, rest;
    double n = NAN;
    char words[96];
    if (node == JSON_NONE) return;
    if (slice_cut(text, '%', &digits, &rest)) n = rest.len == 0 && slice_to_double(slice_trim(digits), &n) ? n / 100 : NAN;
    else if (!slice_to_double(text, &n)) n = NAN;
    if (n >= least && n <= 1) {
        *ret = n;
        return;
    }
    snprintf(words, sizeof words, "a share from %g to 1, such as 10%% or 0.1", least);
    reader_expected(r, node, what, words);
}

void change_read_usd(const struct reader *r, uint32_t node, const char *what, int64_t *ret_nano) {
    int64_t nano;
    if (node == JSON_NONE) return;
    if (money_parse(reader_scalar(r, node), 9, &nano) && nano >= 0) *ret_nano = nano;
    else reader_expected(r, node, what, "US dollars such as 10 or 0.50");
}

/* ---- classes ---- */

static void read_class(const struct reader *r, uint32_t node, enum change_class c, struct class_policy *p) {
    static const char *const names[] = {"reviewers", "gate", "max_drop", "rollout", "promote", "suites", "pass_rate", NULL};
    static const char *const gates[] = {"none", "required", NULL}, *const promotes[] = {"auto", "person", NULL};
    static const char *const ways[] = {"direct", "canary", "shadow-then-canary", NULL};
    uint32_t at[7];
    int64_t reviewers = p->reviewers;
    int gate = p->gate, way = (int)p->rollout, promote = p->person_promotes;
    char what[7][64];
    if (node == JSON_NONE) return;
    for (unsigned i = 0; i < 7; i++) snprintf(what[i], sizeof what[i], "change_policy.%s.%s", class_names[c], names[i]);
    char self[64];
    snprintf(self, sizeof self, "change_policy.%s", class_names[c]);
    if (!reader_map(r, node, self, names, at)) return;
    reader_count(r, at[0], what[0], 0, MOST_REVIEWERS, &reviewers);
    change_read_word(r, at[1], what[1], gates, &gate);
    change_read_share(r, at[2], what[2], 0, &p->max_drop);
    change_read_word(r, at[3], what[3], ways, &way);
    change_read_word(r, at[4], what[4], promotes, &promote);
    reader_texts(r, at[5], what[5], &p->suites, &p->n_suites);
    change_read_share(r, at[6], what[6], 0, &p->pass_rate);
    p->reviewers = (unsigned)reviewers;
    p->gate = gate == 1;
    p->rollout = (enum rollout_way)way;
    p->person_promotes = promote == 1;
}

static void read_rollback(const struct reader *r, uint32_t node, int rollback[SEVERITIES]) {
    static const char *const names[] = {"SEV-1", "SEV-2", "SEV-3", "SEV-4", "else", NULL};
    static const char *const roles[] = {"operator", "approver", "admin", "editor", NULL}; /* a viewer changes nothing */
    uint32_t at[SEVERITIES];
    char what[48];
    if (node == JSON_NONE || !reader_map(r, node, "change_policy.rollback", names, at)) return;
    for (unsigned i = 0; i < SEVERITIES; i++) {
        int role = -1;
        snprintf(what, sizeof what, "change_policy.rollback.%s", names[i]);
        change_read_word(r, at[i], what, roles, &role);
        enum user_role least;
        if (role >= 0 && user_role_from(slice_of(roles[role]), &least)) rollback[i] = (int)least;
    }
}

static void read_model_change(const struct reader *r, uint32_t node, struct change_policy *p) {
    static const char *const names[] = {"hold", NULL};
    uint32_t at[1];
    if (node == JSON_NONE) return;
    if (slice_is(reader_scalar(r, node), "observe")) {
        p->model_change.hold = false;
        p->model_change.to = SLICE_NULL;
    } else if (json_type(&r->d->doc, node) != JSON_OBJECT) {
        reader_expected(r, node, "change_policy.on_model_change", "observe, or {hold: MODEL} with the model that answers meanwhile");
    } else if (reader_map(r, node, "change_policy.on_model_change", names, at)) {
        if (at[0] == JSON_NONE) reader_problem(r, node, "change_policy.on_model_change: expected `hold`, the model that answers meanwhile");
        reader_text(r, at[0], "change_policy.on_model_change.hold", &p->model_change.to);
        p->model_change.hold = p->model_change.to.len > 0;
    }
}

static void read_run_as(const struct reader *r, uint32_t node, struct change_policy *p) {
    static const char *const names[] = {"application", "key", NULL};
    uint32_t at[2];
    if (node == JSON_NONE || !reader_map(r, node, "change_policy.run_as", names, at)) return;
    if (at[0] == JSON_NONE || at[1] == JSON_NONE)
        reader_problem(r, node, "change_policy.run_as: `application` and `key` are required: who asks, and pays");
    reader_text(r, at[0], "change_policy.run_as.application", &p->run_as.application);
    reader_text(r, at[1], "change_policy.run_as.key", &p->run_as.key);
}

/* ---- all of it ---- */

static void read_over(const struct reader *r, uint32_t policy, uint32_t rollouts, struct change_policy *p) {
    static const char *const names[] = {"minor", "moderate", "major", "rollback", "on_model_change", "run_as", NULL};
    static const char *const plans[] = {"canary", "shadow", "ab", NULL};
    uint32_t at[6], plan[3];
    if (policy != JSON_NONE && json_type(&r->d->doc, policy) != JSON_NULL && reader_map(r, policy, "change_policy", names, at)) {
        for (unsigned i = 0; i < CHANGE_CLASSES; i++) read_class(r, at[i], (enum change_class)i, &p->of[i]);
        read_rollback(r, at[3], p->rollback);
        read_model_change(r, at[4], p);
        read_run_as(r, at[5], p);
    }
    if (rollouts != JSON_NONE && json_type(&r->d->doc, rollouts) != JSON_NULL && reader_map(r, rollouts, "rollouts", plans, plan)) {
        plan_read_canary(r, plan[0], &p->canary);
        plan_read_shadow(r, plan[1], &p->canary);
        plan_read_ab(r, plan[2], &p->ab);
    }
}

extern const char embed_data_change_defaults_yaml[];
extern const uint64_t embed_data_change_defaults_yaml_size;

/* As strict as can be, until the defaults are read: a full memory must not make a change easier. */
static void strictest(struct change_policy *p) {
    *p = (struct change_policy){.canary = {.way = ROLLOUT_CANARY, .alpha = 0.01, .shadow = {.max_cost_nano = -1}}};
    for (unsigned i = 0; i < CHANGE_CLASSES; i++)
        p->of[i] = (struct class_policy){.reviewers = 1, .gate = true, .max_drop = NAN, .rollout = ROLLOUT_SHADOW_THEN_CANARY, .person_promotes = true};
    for (unsigned i = 0; i < SEVERITIES; i++) p->rollback[i] = USER_ADMIN;
}

static void read_defaults(struct arena *arena, struct change_policy *ret) {
    struct problems problems = {0};
    struct declared *d = arena_new(arena, struct declared);
    struct reader r = {.file = "data/change/defaults.yaml", .arena = arena, .problems = &problems, .plain_texts = true};
    struct slice text = slice_make(embed_data_change_defaults_yaml, embed_data_change_defaults_yaml_size);
    strictest(ret);
    if (d == NULL || reader_open(&r, text, d) != FAULT_NONE) return;
    read_over(&r, json_get(&d->doc, 0, "change_policy"), json_get(&d->doc, 0, "rollouts"), ret);
}

void change_policy_defaults(struct arena *arena, struct change_policy *ret) {
    read_defaults(arena, ret);
    plan_settle(&ret->canary);
}

enum fault change_policy_read(struct reader *r, uint32_t policy, uint32_t rollouts, struct change_policy *ret) {
    unsigned before = r->problems->count;
    read_defaults(r->arena, ret);
    read_over(r, policy, rollouts, ret);
    plan_settle(&ret->canary);
    if (arena_is_full(r->arena)) reader_problem(r, policy != JSON_NONE ? policy : rollouts, "the change policy does not fit into its memory");
    return r->problems->count == before && !r->problems->more ? FAULT_NONE : FAULT_CONFIG;
}
