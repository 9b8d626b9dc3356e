/* What the tests of cost reports share: records of many kinds over three days, through the real drain. */
#ifndef TEST_COST_RIG_H
#define TEST_COST_RIG_H

#include "test_store_rig.h"

#include "cost/report.h"
#include "store/ledger_store.h"

#define COST_HOUR (3600 * 1000000LL)
#define COST_SPAN (3 * RIG_DAY)
#define COST_RECORDS 6000

static const char *const cost_teams[] = {"growth", "legal, \"ops\"", NULL};
static const char *const cost_features[] = {"draft", "triage", NULL};
static const char *const cost_models[] = {"chat", "large"};
static const char *const cost_targets[][2] = {
    {"main", "gpt-4o-mini"}, {"main", "gpt-4o"}, {"spare", "claude-haiku-4-5"}};
static const char *const cost_users[] = {"anna", "bob", "carl", "dora", NULL};

static inline struct slice cost_pick(struct rig *rig, const char *const *names, unsigned n) {
    return slice_of(names[rig_below(rig, n)]);
}

/* By the meters input, cache_read and output; the parts are what they are, and sum to the cost. */
static inline void cost_charge(struct rig *rig, struct record *r) {
    r->usage.cache_read = rig_below(rig, 2) ? r->usage.input / 2 : 0;
    r->charge.meters = 1u << CHARGE_INPUT | 1u << CHARGE_OUTPUT;
    r->charge.nano[CHARGE_INPUT] = (r->usage.input - r->usage.cache_read) * 150 + rig_below(rig, 2);
    r->charge.nano[CHARGE_OUTPUT] = r->usage.output * 600;
    if (r->usage.cache_read > 0) {
        r->charge.meters |= 1u << CHARGE_CACHE_READ;
        r->charge.nano[CHARGE_CACHE_READ] = r->usage.cache_read * 75;
    }
    r->cost_nano =
        r->charge.nano[CHARGE_INPUT] + r->charge.nano[CHARGE_OUTPUT] + r->charge.nano[CHARGE_CACHE_READ];
}

static inline void cost_end(struct rig *rig, struct record *r) {
    switch (rig_below(rig, 12)) {
    case 0: /* refused: nothing was sent */
        r->status = RECORD_REFUSED;
        r->provider = r->target_model = SLICE_NULL;
        usage_init(&r->usage);
        r->cost_nano = 0;
        r->charge = (struct charge){0};
        break;
    case 1: r->status = RECORD_TRUNCATED; break; /* paid all the same */
    case 2:                                      /* no price is known */
        r->cost_nano = MONEY_UNKNOWN;
        r->charge = (struct charge){0};
        break;
    case 3: r->charge = (struct charge){0}; break; /* of an older program: a cost without meters */
    case 4:                                        /* a kept answer */
        r->cache = SLICE("hit");
        r->saved_nano = r->cost_nano;
        r->cost_nano = 0;
        r->charge = (struct charge){0};
        break;
    default: break;
    }
}

static inline void cost_record(struct rig *rig, struct record *r, unsigned i) {
    rig_record(r, RIG_START + (int64_t)(rig_next(rig) % (uint64_t)COST_SPAN), i);
    if (rig_below(rig, 40) == 0)
        r->time_us += 7 * 60 * 1000000LL; /* at times in another hour or day than its id */
    unsigned target = rig_below(rig, 3);
    r->application = rig_below(rig, 3) ? SLICE("support") : SLICE("search");
    r->team = cost_pick(rig, cost_teams, 3);
    r->feature = cost_pick(rig, cost_features, 3);
    r->model = cost_pick(rig, cost_models, 2);
    r->user = cost_pick(rig, cost_users, 5);
    r->request_type = rig_below(rig, 2) ? SLICE("summary") : SLICE_NULL;
    r->key = rig_below(rig, 2) ? SLICE("prod") : SLICE("ci");
    r->prompt_name = rig_below(rig, 2) ? SLICE("reply") : SLICE_NULL;
    r->prompt_version = slice_is_null(r->prompt_name) ? SLICE_NULL : SLICE("7");
    r->provider = slice_of(cost_targets[target][0]);
    r->target_model = slice_of(cost_targets[target][1]);
    r->has_system_prompt = rig_below(rig, 4) > 0;
    memset(r->system_prompt_hash, 0xa0 + (int)rig_below(rig, 2), sizeof r->system_prompt_hash);
    r->usage.input = 10 + rig_below(rig, 4000);
    r->usage.output = rig_below(rig, 900);
    cost_charge(rig, r);
    if (i % 3 == 0) r->history_tokens_saved = r->usage.output;
    if (i % 5 == 0) r->session = SLICE("s-1"), r->tags = SLICE("plan=pro,region=eu");
    if (i % 4 == 0) r->rollout = 1, r->arm = ARM_CANDIDATE;
    cost_end(rig, r);
}

/* All records, in the ledger and in memory; released with test_free. */
static inline struct record *cost_fill(struct rig *rig, struct ledger *l) {
    struct record *all = test_calloc(COST_RECORDS, sizeof *all);
    struct recorder *recorder = rig_recorder(rig);
    for (unsigned i = 0; i < COST_RECORDS; i++) {
        cost_record(rig, &all[i], i);
        rig_append_record(recorder, i % 2, &all[i]);
        if (rig_below(rig, 100) == 0)
            rig_append_record(recorder, 0, &all[rig_below(rig, i + 1)]); /* given twice */
        if (rig_below(rig, 200) == 0) rig_drain(l, recorder);
        if (rig_below(rig, 1000) == 0) { /* what the writer holds in memory is read again */
            rig_drain(l, recorder);
            drain_close_days(l->drain);
        }
    }
    rig_drain(l, recorder);
    recorder_close(recorder);
    return all;
}

static inline void cost_run(struct ledger *l, const struct cost_report_query *q, struct cost_report *ret) {
    struct error error = {0};
    if (cost_report_run(l, q, ret, &error) != FAULT_NONE) fail_msg("%s", error.text);
}

static inline struct cost_report_query cost_by(const char *by, int64_t from_us, int64_t to_us) {
    struct cost_report_query q = {.from_us = from_us, .to_us = to_us};
    struct error error = {0};
    if (!cost_report_parse_by(slice_of(by), &q, &error)) fail_msg("%s", error.text);
    return q;
}

#endif
