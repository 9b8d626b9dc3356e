/* returning.c - see returning.h. */
#include "incident/returning.h"

#include "base/clock.h"
#include "base/json.h"

#include <math.h>
#include <stdio.h>

#define SECOND_US 1000000LL
#define TEXT_MOST (64u << 10)
#define ITSELF SLICE("quarterdeck")

struct primary {                 /* of one fail-over */
    const struct action_row *row;
    struct intervention_spec spec;
    struct slice provider, upstream_model; /* upstream_model SLICE_NULL: all of the provider's */
    struct recovery_state state;
    struct recovery_seen seen;
};

/* ---- what is known of it ---- */

/* The longest window that lies behind the step's begin whole; 0: there is none yet. Windows reach back one cell more than they say. */
static int64_t window_since(int64_t at_it_us) {
    static const int longest[] = {7200, 3600, 1800, 900, 600, 300, 120, 60, 30, 10};
    for (unsigned i = 0; i < sizeof longest / sizeof *longest; i++) {
        int64_t cell = longest[i] > 900 ? 60 * SECOND_US : 10 * SECOND_US;
        if (longest[i] * SECOND_US + cell <= at_it_us) return longest[i] * SECOND_US;
    }
    return 0;
}

static void put(struct signal_series *where, unsigned may, enum signal_by by, struct slice is) {
    if (!(may >> by & 1) || is.len == 0) return;
    where->by |= 1u << by;
    where->is[by] = is;
}

static struct signal_value value_on(const struct returning_sources *s, enum signal which, struct slice of, const struct signal_series *where, int64_t window_us) {
    struct signal_view *v = signals_view(s->signals, where->by, where, window_us);
    return signal_view_value(v, which, of, where);
}

static void see_attempts(const struct returning_sources *s, struct primary *p, int64_t window_us) {
    struct signal_series where = {.by = 0};
    unsigned may = signal_info(SIGNAL_PROVIDER_ERRORS).by;
    put(&where, may, SIGNAL_BY_MODEL, p->spec.model);
    put(&where, may, SIGNAL_BY_PROVIDER, p->provider);
    put(&where, may, SIGNAL_BY_UPSTREAM_MODEL, p->upstream_model);
    struct signal_value v = value_on(s, SIGNAL_PROVIDER_ERRORS, SLICE_NULL, &where, window_us);
    if (isfinite(v.n) && v.n > 0) p->seen.attempts = v.n, p->seen.failures = isfinite(v.hits) ? v.hits : 0;
}

/* Fewer would make one slow answer a quantile. */
static double least_samples(const struct alert_when *w) {
    double q = signal_info(w->signal).quantile, least = fmax((double)w->min_samples, RECOVERY_SAMPLES);
    return q > 0 && q < 1 ? fmax(least, ceil(2 / (1 - q))) : least;
}

static double threshold_of(const struct returning_sources *s, const struct alert_rule *r) {
    for (unsigned i = 0; i < s->n_thresholds; i++) {
        const struct threshold *t = &s->thresholds[i];
        if (slice_eq(t->rule, r->name) && digest_eq(&t->of, &r->digest) && slice_is_null(t->series) && slice_is(t->state, "accepted")) return t->value;
    }
    return r->when.threshold;
}

/* The rule's own signal, of what the primary answered alone; where it can be told apart. */
static void see_signal(const struct returning_sources *s, struct primary *p, int64_t window_us) {
    const struct alert_rule *r = p->row->rule.len > 0 ? alert_rule_find(&s->policy->alerts, p->row->rule) : NULL;
    if (r == NULL || (r->when.test != ALERT_ABOVE && r->when.test != ALERT_BELOW)) return;
    struct signal_info info = signal_info(r->when.signal);
    struct signal_series where = r->when.where;
    if (!(info.by >> SIGNAL_BY_PROVIDER & 1)) return;
    put(&where, info.by, SIGNAL_BY_MODEL, p->spec.model);
    put(&where, info.by, SIGNAL_BY_PROVIDER, p->provider);
    put(&where, info.by, SIGNAL_BY_UPSTREAM_MODEL, p->upstream_model);
    struct signal_value v = value_on(s, r->when.signal, r->when.of, &where, window_us);
    if (!isfinite(v.value) || v.n < least_samples(&r->when)) return;
    p->seen.value = v.value;
    p->seen.threshold = threshold_of(s, r);
    p->seen.more_is_worse = r->when.test == ALERT_ABOVE;
}

static void see_probes(const struct returning_sources *s, struct primary *p) {
    for (unsigned i = 0; i < s->n_seen; i++) {
        const struct provider_seen *e = &s->seen[i];
        if (!slice_eq(e->provider, p->provider)) continue;
        for (unsigned k = 0; k < e->n_probes && e->probes[k].ok == e->probes[0].ok; k++) {
            if (e->probes[k].at_us < p->row->at_us) break; /* what was before the fail-over proves nothing */
            if (e->probes[k].ok) p->seen.probes_good++;
            else p->seen.probes_bad++;
        }
    }
}

static void see(const struct returning_sources *s, struct primary *p) {
    int64_t window_us = window_since(s->now_us - p->state.step_us);
    p->seen = (struct recovery_seen){.normal_failure_rate = NAN, .value = NAN, .threshold = NAN};
    for (unsigned i = 0; i < s->n_health; i++)
        if (slice_eq(s->health[i].provider, p->provider) && slice_eq(s->health[i].upstream_model, p->upstream_model)) p->seen.normal_failure_rate = s->health[i].normal_errors;
    see_probes(s, p);
    if (window_us == 0) return;
    see_attempts(s, p, window_us);
    see_signal(s, p, window_us);
}

static enum fault find_primary(const struct returning_sources *s, const struct action_row *row, struct primary *ret, struct error *error) {
    struct primary p = {.row = row, .spec = {.kind = INTERVENTION_FAIL_OVER}, .state = {.step = row->step, .step_us = row->step_us}};
    enum fault fault = intervention_spec_read(row->scope, s->arena, &p.spec, error);
    if (fault != FAULT_NONE) return fault;
    const struct model_route *m = table_get(&s->policy->model_by_name, p.spec.model);
    p.provider = p.spec.from;
    for (unsigned t = 0; m != NULL && t < m->n_targets; t++)
        if (slice_is(p.spec.from, m->targets[t].health_key)) p.provider = slice_of(m->targets[t].provider->name), p.upstream_model = slice_of(m->targets[t].model);
    p.state.relapses = action_relapses(row->evidence, s->arena);
    *ret = p;
    return FAULT_NONE;
}

/* ---- one step ---- */

static void put_known(struct json_writer *w, const char *key, double value) {
    json_key(w, key);
    json_put_double(w, value); /* NAN: null */
}

static struct slice step_text(const struct returning_sources *s, const struct primary *p, const struct action_row *to, unsigned relapses, const char *why) {
    struct buffer out;
    struct json_writer w;
    char at[CLOCK_TEXT];
    clock_format(s->now_us, at);
    buffer_init(&out, TEXT_MOST);
    json_start(&w, &out);
    json_object(&w);
    json_member_text(&w, "at", at);
    json_member_text(&w, "state", action_state_name(to->state));
    json_member_double(&w, "share", to->share_ppm / 1e6);
    json_member_text(&w, "why", why);
    json_member_i64(&w, "relapses", relapses);
    json_member_double(&w, "attempts", p->seen.attempts);
    json_member_double(&w, "failures", p->seen.failures);
    put_known(&w, "normal_failure_rate", p->seen.normal_failure_rate);
    put_known(&w, "value", p->seen.value);
    put_known(&w, "threshold", p->seen.threshold);
    json_member_i64(&w, "probes_good", p->seen.probes_good);
    json_member_i64(&w, "probes_bad", p->seen.probes_bad);
    json_object_end(&w);
    struct slice text = out.overflow ? SLICE_NULL : arena_slice(s->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return text;
}

static enum fault move(const struct returning_sources *s, struct primary *p, enum recovery_move m, const char *why, struct action_row *ret, struct error *error) {
    struct action_row row = *p->row;
    unsigned relapses = p->state.relapses + (m == RECOVERY_BACK);
    row.step = m == RECOVERY_NEXT ? row.step + 1 : m == RECOVERY_BACK ? 0 : row.step;
    row.step_us = s->now_us;
    row.share_ppm = m == RECOVERY_RETURNED ? 1000000 : recovery_share_ppm[row.step];
    row.state = m == RECOVERY_RETURNED ? ACTION_RETURNED : row.step > 0 ? ACTION_RETURNING : ACTION_IN_FORCE;
    if (m == RECOVERY_RETURNED) row.ended_us = s->now_us, row.ended_by = ITSELF, row.ended_why = arena_printf(s->arena, "%s", why);
    struct slice step = step_text(s, p, &row, relapses, why);
    row.evidence = action_return_evidence(p->row->evidence, relapses, step, s->arena);
    if (slice_is_null(step) || slice_is_null(row.evidence)) return error_set(error, FAULT_TOO_LARGE, "no room for the evidence of a step");
    const struct audit_entry entry = {.at_us = s->now_us, .actor = ITSELF, .reason = slice_of(why), .detail = step,
                                      .action = m == RECOVERY_BACK ? SLICE("action.relapse") : m == RECOVERY_RETURNED ? SLICE("action.returned") : SLICE("action.return")};
    enum fault fault = action_move(s->registry, &row, p->row->state, &entry, error);
    if (fault == FAULT_NONE) *ret = row;
    return fault;
}

static struct finding finding_of(const struct returning_sources *s, const struct primary *p, const struct action_row *row) {
    struct buffer key;
    struct json_writer w;
    buffer_init(&key, TEXT_MOST);
    json_start(&w, &key);
    json_array(&w);
    json_put_text(&w, finding_kind_name(FINDING_PRIMARY_RETURNS));
    json_put_i64(&w, row->number);
    json_array_end(&w);
    struct finding f = {.kind = FINDING_PRIMARY_RETURNS, .key = arena_slice(s->arena, buffer_slice(&key)),
                        .title = arena_printf(s->arena, "traffic of " SLICE_FMT " was moved away from " SLICE_FMT "; %.3g %% of it is back", SLICE_ARG(p->spec.model),
                                              SLICE_ARG(p->spec.from), row->share_ppm / 1e4),
                        .evidence = row->evidence.len > 0 ? row->evidence : SLICE("{}"),
                        .command = arena_printf(s->arena, "quarterdeck action show %lld", (long long)row->number)};
    buffer_deinit(&key);
    return f;
}

static enum fault look_at(const struct returning_sources *s, const struct action_row *row, struct returning_result *r, struct error *error) {
    struct primary p;
    char why[256];
    struct action_row now = *row;
    enum fault fault = find_primary(s, row, &p, error);
    if (fault != FAULT_NONE) return fault;
    see(s, &p);
    enum recovery_move m = recovery_decide(&p.state, &p.seen, s->now_us, why);
    if (m == RECOVERY_BACK || (m != RECOVERY_STAYS && s->complete)) {
        fault = move(s, &p, m, why, &now, error);
        if (fault == FAULT_CONFLICT) return FAULT_NONE; /* a person was faster */
        if (fault == FAULT_NONE) r->moved++;
    }
    if (now.state != ACTION_RETURNED) r->findings[r->n_findings++] = finding_of(s, &p, &now);
    return fault;
}

static enum fault all(const struct returning_sources *s, struct returning_result *r, struct error *error) {
    const struct actions_filter f = {.states = ACTIONS_IN_FORCE, .kinds = 1u << INTERVENTION_FAIL_OVER};
    struct action_row *rows;
    unsigned n;
    enum fault worst = FAULT_NONE, fault = actions_list(s->registry, &f, s->arena, &rows, &n, error);
    if (fault != FAULT_NONE) return fault;
    r->findings = arena_new_array(s->arena, struct finding, n + 1);
    if (r->findings == NULL) return error_set(error, FAULT_TOO_LARGE, "no room for the findings of fail-overs");
    for (unsigned i = 0; i < n; i++) {
        if (rows[i].until_us != 0) continue;
        fault = look_at(s, &rows[i], r, error);
        if (fault != FAULT_NONE) worst = fault; /* one that cannot be read or kept does not keep the others */
    }
    return worst;
}

enum fault returning_look(const struct returning_sources *s, struct returning_result *ret, struct error *error) {
    struct returning_result r = {.n_findings = 0};
    enum fault fault = action_expire(s->registry, s->now_us, s->arena, &r.expired, error), published = FAULT_NONE;
    if (fault == FAULT_NONE) fault = all(s, &r, error);
    if (r.expired + r.moved > 0 && s->services != NULL && s->services->publish != NULL) {
        struct error publishing;
        published = s->services->publish(s->services->ctx, &publishing);
        if (published != FAULT_NONE && fault == FAULT_NONE) fault = error_set(error, published, "%s", publishing.text);
    }
    *ret = r;
    return fault;
}
