/* watch_rules.c - see watch_rules.h. */
#include "incident/watch_rules.h"

#include "base/clock.h"
#include "base/date.h"
#include "base/mem.h"
#include "incident/calibrate.h"
#include "quality/watch_tell.h"

#define DAY_US 86400000000LL
#define PAST_US (14 * DAY_US) /* before the threshold was made: what it was learned from, about */
enum { LOOK_MEMORY = 64 << 20, RULE_MEMORY = 16 << 20 };

static struct finding *wolf_finding(struct watch_tell *t, const struct wolf *w, struct finding *f) {
    struct slice key = w->rule->name;
    *f = (struct finding){.kind = FINDING_RULE_CRIES_WOLF, .key = watch_tell_key(t, FINDING_RULE_CRIES_WOLF, &key, 1), .command = w->command};
    buffer_printf(watch_tell_text(t), "rule " SLICE_FMT " cries wolf: " SLICE_FMT, SLICE_ARG(w->rule->name), SLICE_ARG(w->proposal));
    f->title = watch_tell_take(t);
    struct json_writer *j = watch_tell_json(t);
    json_object(j);
    json_member_string(j, "rule", w->rule->name);
    json_member_i64(j, "acted", w->acted);
    json_member_i64(j, "n", w->fired);
    json_member_double(j, "statistic", (double)w->acted / (double)w->fired);
    json_member_double(j, "threshold", WOLF_ACTED);
    json_member_text(j, "threshold_from", "of the last 20 firings that ended, fewer than a fifth acted on; a rule of thumb");
    json_member_string(j, "proposal", w->proposal);
    json_object_end(j);
    f->evidence = watch_tell_take(t);
    return f;
}

static struct finding *shift_finding(struct watch_tell *t, const struct alert_rule *r, const struct threshold *th, const struct calibrate_shift *s,
                                     struct finding *f) {
    struct signal_info info = signal_info(r->when.signal);
    struct date d = date_of_days(s->since_us / DAY_US);
    struct slice key = r->name;
    *f = (struct finding){.kind = FINDING_BASELINE_SHIFTED, .key = watch_tell_key(t, FINDING_BASELINE_SHIFTED, &key, 1)};
    struct buffer *b = watch_tell_text(t);
    buffer_printf(b, "what is usual for rule " SLICE_FMT " moved about %04d-%02d-%02d, from ", SLICE_ARG(r->name), (int)d.year, d.month, d.day);
    alert_value_write(&info, s->before, b);
    buffer_append(b, SLICE(" to "));
    alert_value_write(&info, s->after, b);
    buffer_append(b, SLICE(": its threshold was learned before"));
    f->title = watch_tell_take(t);
    b = watch_tell_text(t);
    buffer_append(b, SLICE("quarterdeck alert calibrate"));
    watch_tell_argument(b, r->name);
    buffer_printf(b, " --from %04d-%02d-%02d", (int)d.year, d.month, d.day);
    f->command = watch_tell_take(t);
    struct json_writer *j = watch_tell_json(t);
    json_object(j);
    json_member_string(j, "rule", r->name);
    json_member_i64(j, "threshold_number", th->number);
    json_member_double(j, "learned", th->value);
    json_member_double(j, "before", s->before);
    json_member_double(j, "after", s->after);
    char since[CLOCK_TEXT];
    clock_format(s->since_us, since);
    json_member_text(j, "since", since);
    json_member_text(j, "statistic_is", "daily medians, a shift of their mean (Shiryaev-Roberts)");
    json_member_text(j, "threshold_from", "365 days to a false alarm");
    json_object_end(j);
    f->evidence = watch_tell_take(t);
    return f;
}

static enum fault look_at_shift(const struct watch_rules *w, struct watch_tell *t, const struct alert_rule *r, const struct threshold *accepted, unsigned n,
                                int64_t now_us, struct error *error) {
    struct threshold th, stale;
    struct calibrate_shift s;
    struct finding f;
    struct arena arena;
    if (!calibrate_in_force(accepted, n, r, &th, &stale)) return FAULT_NONE;
    int64_t learned_us = th.made_us;
    struct calibrate_request q = {.rule = r, .from_us = learned_us - PAST_US, .to_us = now_us, .history = w->history};
    if (q.from_us < 0) q.from_us = 0;
    if (now_us - q.from_us > 90 * DAY_US) q.from_us = now_us - 90 * DAY_US;
    arena_init(&arena, 64 << 10, RULE_MEMORY);
    enum fault fault = calibrate_shift(&q, learned_us - DAY_US, &arena, &s, error);
    arena_deinit(&arena);
    if (fault == FAULT_NONE && s.since_us != 0) watch_tell_finding(t, shift_finding(t, r, &th, &s, &f));
    return fault;
}

static enum fault look_at_rules(const struct watch_rules *w, struct watch_tell *t, struct arena *arena, int64_t now_us, struct error *error) {
    struct wolf *wolves;
    struct threshold *accepted;
    unsigned n_wolves, n, looked = 0;
    struct finding f;
    enum fault fault = calibrate_wolves(w->registry, w->policy, now_us, arena, &wolves, &n_wolves, error);
    if (fault == FAULT_NONE) fault = thresholds_list(w->registry, SLICE_NULL, SLICE("accepted"), arena, &accepted, &n, error);
    if (fault != FAULT_NONE) return fault;
    for (unsigned i = 0; i < n_wolves; i++) watch_tell_finding(t, wolf_finding(t, &wolves[i], &f));
    for (unsigned i = n; i-- > 0 && looked < WATCH_RULES_SHIFTS && fault == FAULT_NONE;) { /* newest first in the list */
        const struct alert_rule *r = alert_rule_find(w->policy, accepted[i].rule);
        if (r == NULL) continue;
        if (w->stopping(w->ctx)) return error_set(error, FAULT_SHUTTING_DOWN, "stopped while rules were looked at");
        looked++;
        fault = look_at_shift(w, t, r, accepted, n, now_us, error);
    }
    return fault;
}

enum fault watch_rules(const struct watch_rules *w, int64_t now_us, struct error *error) {
    struct arena arena;
    struct watch_tell t;
    struct findings_change change;
    arena_init(&arena, 64 << 10, LOOK_MEMORY);
    watch_tell_begin(&t, &arena);
    enum fault fault = look_at_rules(w, &t, &arena, now_us, error);
    if (fault == FAULT_NONE) fault = watch_tell_done(&t, error);
    int64_t *ids = mem_new_array(int64_t, t.n_seen + 1);
    if (fault == FAULT_NONE)
        fault = findings_put(w->registry,
                             &(struct findings_look){.kinds = FINDING_BIT(RULE_CRIES_WOLF) | FINDING_BIT(BASELINE_SHIFTED), .seen = t.seen, .n_seen = t.n_seen},
                             now_us, ids, &change, error);
    for (unsigned i = 0; fault == FAULT_NONE && i < t.n_seen; i++) {
        t.seen[i].id = ids[i];
        if (ids[i] != 0) w->opened(w->ctx, &t.seen[i]);
    }
    mem_free(ids);
    watch_tell_end(&t);
    arena_deinit(&arena);
    return fault;
}
