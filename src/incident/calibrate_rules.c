/* calibrate_rules.c - calibrated thresholds and what became of alerts, as the registry has them (calibrate.h). */
#include "incident/calibrate_private.h"

#include "store/alert_firings.h"

#include <string.h>

#define LIMIT_FIRINGS 1000

enum fault calibrate_incidents(struct registry *r, struct slice rule, int64_t from_us, int64_t to_us, struct arena *arena,
                               struct calibrate_span **ret, unsigned *ret_n, struct error *error) {
    struct firing *all;
    unsigned n;
    enum fault fault = firings_list(r, rule, from_us, LIMIT_FIRINGS, arena, &all, &n, error);
    if (fault != FAULT_NONE) return fault;
    struct calibrate_span *spans = arena_new_array(arena, struct calibrate_span, n + 1);
    if (spans == NULL) return error_set(error, FAULT_TOO_LARGE, "too many firings to look at");
    unsigned kept = 0;
    for (unsigned i = n; i-- > 0;) /* by start */
        if (slice_is(all[i].useful, "acted") && all[i].from_us <= to_us)
            spans[kept++] = (struct calibrate_span){all[i].from_us, all[i].to_us > 0 ? all[i].to_us : to_us};
    *ret = spans;
    *ret_n = kept;
    return FAULT_NONE;
}

bool calibrate_in_force(const struct threshold *accepted, unsigned n, const struct alert_rule *rule, struct threshold *ret, struct threshold *ret_stale) {
    *ret_stale = (struct threshold){.number = 0};
    for (unsigned i = 0; i < n; i++) {
        const struct threshold *t = &accepted[i];
        if (!slice_eq(t->rule, rule->name) || !slice_is(t->state, "accepted") || !slice_is_null(t->series)) continue;
        if (!rule->calibrate || memcmp(&t->of, &rule->digest, sizeof t->of) != 0) {
            *ret_stale = *t;
            continue;
        }
        *ret = *t;
        return true;
    }
    return false;
}

/* ---- crying wolf ---- */

static bool cries(const struct firing *f, unsigned n, struct wolf *w) {
    for (unsigned i = 0; i < n && w->fired < WOLF_FIRINGS; i++) {
        bool acted = slice_is(f[i].useful, "acted");
        if (f[i].to_us == 0 && !acted) continue; /* somebody may yet */
        w->fired++;
        w->acted += acted;
    }
    return w->fired == WOLF_FIRINGS && (double)w->acted < WOLF_ACTED * WOLF_FIRINGS;
}

static void propose(struct wolf *w, struct arena *arena) {
    const struct alert_rule *r = w->rule;
    bool learns = (r->when.test == ALERT_ABOVE || r->when.test == ALERT_BELOW) && r->calibrate;
    enum alert_severity lower = r->severity + 1 < ALERT_SEVERITIES ? r->severity + 1 : r->severity;
    w->command = learns ? arena_printf(arena, "quarterdeck alert calibrate '" SLICE_FMT "'", SLICE_ARG(r->name))
                        : arena_printf(arena, "quarterdeck alert list --rule '" SLICE_FMT "'", SLICE_ARG(r->name));
    const char *first = learns                           ? "a threshold from its own history"
                        : r->when.test == ALERT_ANOMALY ? "fewer of them, by a smaller anomaly.alarms_per_month"
                        : r->when.test == ALERT_FINDING ? "fewer kinds of findings"
                                                        : "a longer `for`, or another number: it says `calibrate: never`";
    w->proposal = arena_printf(arena, "%lld of its last %d alerts were acted on. Proposed: %s; until then `severity: %s` instead of %s", (long long)w->acted,
                               WOLF_FIRINGS, first, alert_severity_name(lower), alert_severity_name(r->severity));
}

enum fault calibrate_wolves(struct registry *r, const struct alert_policy *p, int64_t now_us, struct arena *arena, struct wolf **ret, unsigned *ret_n,
                            struct error *error) {
    struct wolf *wolves = arena_new_array(arena, struct wolf, p->n_rules + 1);
    unsigned n = 0;
    if (wolves == NULL) return error_set(error, FAULT_TOO_LARGE, "too many rules to look at");
    for (unsigned i = 0; i < p->n_rules; i++) {
        struct firing *f;
        unsigned n_f;
        enum fault fault = firings_list(r, p->rules[i].name, now_us - WOLF_DAYS * DAY_US, 3 * WOLF_FIRINGS, arena, &f, &n_f, error);
        if (fault != FAULT_NONE) return fault;
        struct wolf w = {.rule = &p->rules[i]};
        if (!cries(f, n_f, &w)) continue;
        propose(&w, arena);
        wolves[n++] = w;
    }
    *ret = wolves;
    *ret_n = n;
    return FAULT_NONE;
}
