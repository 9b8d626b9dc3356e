/* Signals: examples, so that whoever is woken has an exchange to look at. */
#include "quality/signals_private.h"

#include "base/mem.h"

#define LATELY_US 600000000LL /* after that the worst gives way to any */

void signal_example(struct signal_base *b, enum signal_example kind, const struct record_id *id, double worse, int64_t at_us) {
    struct signal_examples *e = b->examples[kind];
    unsigned at = 0;
    if (e == NULL) e = b->examples[kind] = mem_new(struct signal_examples);
    for (unsigned i = 0; i < EXAMPLES_KEPT; i++) /* an exchange has several attempts at one target */
        if (e->at_us[i] > 0 && memcmp(&e->id[i], id, sizeof *id) == 0) return;
    for (unsigned i = 1; i < EXAMPLES_KEPT; i++) {
        bool lesser = kind >= EXAMPLE_LONGEST && e->at_us[at] > at_us - LATELY_US && e->at_us[i] > at_us - LATELY_US ? e->worse[i] < e->worse[at]
                                                                                                                : e->at_us[i] < e->at_us[at];
        if (lesser) at = i;
    }
    bool stays = kind >= EXAMPLE_LONGEST ? e->at_us[at] > at_us - LATELY_US && e->worse[at] >= worse : e->at_us[at] > at_us;
    if (stays) return;
    e->id[at] = *id;
    e->at_us[at] = at_us;
    e->worse[at] = worse;
}

void signal_examples_exchange(struct signal_base *b, const struct record *r, const struct signal_marks *m, int64_t at_us) {
#define KEEP(kind, when)                                                                                                          \
    if (when) signal_example(b, EXAMPLE_##kind, &r->id, 0, at_us)
    KEEP(LATEST, true);
    KEEP(ERROR, r->status == RECORD_ERROR || r->status == RECORD_DEGRADED);
    KEEP(LIMITED, r->status == RECORD_REFUSED);
    KEEP(TRUNCATED, r->status == RECORD_TRUNCATED);
    KEEP(DECLINED, signal_is_declined(r));
    KEEP(SLOW, m->alike && m->slow);
    KEEP(AGAIN, m->asked && m->again);
    KEEP(GAVE_UP, m->gave_up);
#undef KEEP
    if (r->status == RECORD_REFUSED) return;
    signal_example(b, EXAMPLE_LONGEST, &r->id, (double)r->duration_us, at_us);
    if (r->ttft_us >= 0) signal_example(b, EXAMPLE_FIRST, &r->id, (double)r->ttft_us, at_us);
    if (r->ttft_us >= 0 && r->usage.output > 1)
        signal_example(b, EXAMPLE_TOKEN, &r->id, (double)(r->duration_us - r->ttft_us) / (double)(r->usage.output - 1), at_us);
    if (r->usage.output >= 0) signal_example(b, EXAMPLE_OUTPUT, &r->id, (double)r->usage.output, at_us);
    if (money_is_known(r->cost_nano)) signal_example(b, EXAMPLE_COST, &r->id, (double)r->cost_nano, at_us);
}

void signal_examples_attempt(struct signal_base *b, const struct record *r, unsigned attempt, int64_t at_us) {
    enum fault f = signal_attempt_fault(r, attempt);
    int64_t first_us = signal_attempt_first_us(r, attempt);
    signal_example(b, EXAMPLE_LATEST, &r->id, 0, at_us);
    if (signal_fault_is_theirs(f)) signal_example(b, EXAMPLE_ERROR, &r->id, 0, at_us);
    if (signal_fault_is_limit(f)) signal_example(b, EXAMPLE_LIMITED, &r->id, 0, at_us);
    if (signal_fault_is_timeout(r->attempts[attempt].error)) signal_example(b, EXAMPLE_TIMEOUT, &r->id, 0, at_us);
    if (f == FAULT_UP_TRUNCATED) signal_example(b, EXAMPLE_TRUNCATED, &r->id, 0, at_us);
    if (first_us >= 0) signal_example(b, EXAMPLE_FIRST, &r->id, (double)first_us, at_us);
}

enum signal_example signal_example_of(enum signal which) {
    switch (which) {
    case SIGNAL_ERRORS:
    case SIGNAL_PROVIDER_ERRORS:
    case SIGNAL_UNSUPPORTED:
    case SIGNAL_FORMAT_VALID:
    case SIGNAL_LENGTH_UNUSUAL:
    case SIGNAL_FEEDBACK_NEGATIVE: return EXAMPLE_ERROR;
    case SIGNAL_REFUSED:
    case SIGNAL_PROVIDER_LIMITED: return EXAMPLE_LIMITED;
    case SIGNAL_PROVIDER_TIMEOUTS: return EXAMPLE_TIMEOUT;
    case SIGNAL_TRUNCATED:
    case SIGNAL_PROVIDER_TRUNCATED: return EXAMPLE_TRUNCATED;
    case SIGNAL_REFUSALS:
    case SIGNAL_QUALITY_GOOD: return EXAMPLE_DECLINED;
    case SIGNAL_LATENCY_SLOW: return EXAMPLE_SLOW;
    case SIGNAL_RETRIES: return EXAMPLE_AGAIN;
    case SIGNAL_GAVE_UP: return EXAMPLE_GAVE_UP;
    case SIGNAL_QUALITY_SCORE:
    case SIGNAL_LATENCY_P50:
    case SIGNAL_LATENCY_P90:
    case SIGNAL_LATENCY_P95:
    case SIGNAL_LATENCY_P99: return EXAMPLE_LONGEST;
    case SIGNAL_PER_TOKEN_P50:
    case SIGNAL_PER_TOKEN_P95:
    case SIGNAL_PER_TOKEN_P99: return EXAMPLE_TOKEN;
    case SIGNAL_OUTPUT_TOKENS: return EXAMPLE_OUTPUT;
    case SIGNAL_COST_PER_REQUEST:
    case SIGNAL_COST_TOTAL: return EXAMPLE_COST;
    default: return signal_info(which).shape == SIGNAL_QUANTILE ? EXAMPLE_FIRST : EXAMPLE_LATEST;
    }
}
