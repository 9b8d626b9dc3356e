/* Models with tiers whose cheapest tier was measured, against what is in force. */
#include "cost/downgrade_read.h"
#include "cost/route_seen.h"
#include "cost/watch_private.h"

#define WEEK_US (7 * 86400 * 1000000LL)
#define MONTH_US (365.25 / 12 * 86400e6)

/* What routing would save a month, at the traffic of the last 7 days; MONEY_UNKNOWN: nothing priced is recorded. */
static enum fault saving(struct watch_look *l, const struct model_route *m, int64_t *ret_month, uint64_t *ret_n, struct error *error) {
    struct route_seen seen;
    enum fault fault = route_seen_read(l->w->ledger, m, l->now_us - WEEK_US, l->now_us, &seen, error);
    if (fault != FAULT_NONE) return fault;
    *ret_n = seen.would_save_records;
    *ret_month = seen.would_save_records > 0 ? (int64_t)((double)seen.would_save_nano * MONTH_US / (double)WEEK_US) : MONEY_UNKNOWN;
    return FAULT_NONE;
}

static struct slice evidence_of(struct watch_look *l, const struct downgrade_read *d, int64_t month_nano, uint64_t n) {
    struct json_writer *w = watch_json(l);
    json_object(w);
    json_member_string(w, "run", d->run);
    watch_put_time(w, "measured_at", d->at_us);
    json_member_double(w, "statistic", d->change);
    json_member_text(w, "statistic_is", "mean change of the score, cheapest tier less most capable, over pairs of answers");
    json_member_double(w, "low", d->low);
    json_member_double(w, "high", d->high);
    json_member_text(w, "interval", "95 %, BCa bootstrap of the pairs");
    json_member_i64(w, "n", d->scored);
    json_member_text(w, "n_is", "scored pairs");
    json_member_double(w, "threshold", -d->most_loss);
    json_member_text(w, "threshold_from", "most_loss of the test");
    json_member_double(w, "false_alarm_rate", 0.025);
    json_member_text(w, "false_alarm_rate_is", "of one test: the interval's end lies beyond the threshold by chance alone");
    watch_put_usd(w, "usd_month", month_nano);
    json_member_i64(w, "usd_month_of_requests", (int64_t)n);
    json_member_text(w, "usd_month_is", "what the choices recorded in the last 7 days would save, the same tokens at the tier's price");
    json_member_text(w, "would_change_it", "another downgrade test, or turning routing on or off");
    json_object_end(w);
    return watch_take(l);
}

static struct slice title_of(struct watch_look *l, const struct model_route *m, const struct downgrade_read *d, bool worse, int64_t month_nano) {
    struct buffer *t = watch_text(l);
    buffer_printf(t, "%s: the cheapest tier %s changes the mean score by %+.3f (%+.3f to %+.3f, %lld pairs): surely %s a loss of %.3g",
                  m->name, m->tiering->tiers[0].name, d->change, d->low, d->high, (long long)d->scored, worse ? "beyond" : "within",
                  d->most_loss);
    if (worse) {
        buffer_append(t, SLICE(", and routing is on"));
    } else if (money_is_known(month_nano)) {
        buffer_append(t, SLICE("; routing would save "));
        watch_print_usd(t, month_nano);
        buffer_append(t, SLICE(" USD a month"));
    }
    return watch_take(l);
}

static struct slice command_of(struct watch_look *l, const struct model_route *m, const struct downgrade_read *d, bool worse) {
    struct buffer *t = watch_text(l);
    bool chooses = m->tiering->n_rules > 0 || m->tiering->weights != NULL;
    buffer_append(t, worse ? SLICE("quarterdeck model route-off") : chooses ? SLICE("quarterdeck model route-on") : SLICE("quarterdeck model route-train"));
    watch_print_option(t, "", slice_of(m->name));
    if (!worse && chooses) buffer_printf(t, " --why 'downgrade test " SLICE_FMT "'", SLICE_ARG(d->run));
    if (!worse && !chooses && d->judged) buffer_append(t, SLICE(" --quality not_worse --good 1"));
    return watch_take(l);
}

static enum fault look_at(struct watch_look *l, const struct model_route *m, struct error *error) {
    struct registry_tiering state;
    struct downgrade_read d;
    int64_t month_nano = MONEY_UNKNOWN;
    uint64_t n = 0;
    enum fault fault = registry_tiering_find(l->w->registry, slice_of(m->name), &l->arena, &state, error);
    if (fault != FAULT_NONE || !downgrade_read(&state, m, &l->arena, &d)) return fault;
    bool worse = d.answer == DOWNGRADE_WORSE && state.on, possible = d.answer == DOWNGRADE_WITHIN && !state.on;
    for (int i = 0; i < 2; i++) {
        struct finding f = {.kind = i == 0 ? FINDING_DOWNGRADE_POSSIBLE : FINDING_DOWNGRADE_WORSE};
        struct json_writer *w = watch_json(l);
        json_array(w);
        json_put_text(w, finding_kind_name(f.kind));
        json_put_text(w, m->name);
        json_array_end(w);
        f.key = watch_take(l);
        if (d.answer == DOWNGRADE_NOT_ENOUGH && state.on == (i == 1)) watch_is_unsure(l, f.key);
        if (i == 0 ? !possible : !worse) continue;
        fault = saving(l, m, &month_nano, &n, error);
        if (fault != FAULT_NONE) return fault;
        f.title = title_of(l, m, &d, worse, month_nano);
        f.evidence = evidence_of(l, &d, month_nano, n);
        f.command = command_of(l, m, &d, worse);
        watch_saw(l, &f);
    }
    return FAULT_NONE;
}

enum fault watch_downgrades(const struct watch *w, int64_t now_us, struct error *error) {
    struct watch_look l;
    enum fault fault = FAULT_NONE;
    watch_look_begin(&l, w, now_us);
    for (unsigned i = 0; i < l.policy->n_models && fault == FAULT_NONE; i++)
        if (l.policy->models[i].tiering != NULL) fault = look_at(&l, &l.policy->models[i], error);
    if (fault == FAULT_NONE)
        fault = watch_look_put(&l, FINDING_BIT(DOWNGRADE_POSSIBLE) | FINDING_BIT(DOWNGRADE_WORSE), SLICE_NULL, error);
    watch_look_end(&l);
    return fault;
}
