/* Who is told what, now: groups, repetitions, escalations; and the notices that come of it. */
#include "base/json.h"
#include "incident/action.h"
#include "incident/notice.h"
#include "incident/oncall.h"
#include "incident/watching_private.h"

#include <stdio.h>

enum { NOTICE_MOST = 1 << 20, KEY_MOST = 4096, CALLS = 16, CALLED = 64, WORD_PASSES = 6 };

struct group {                   /* what one receiver is told together */
    struct slice receiver, key, status, why, called;
    const struct alert *alerts[NOTICE_ALERTS], *last;
    unsigned n;
    int64_t left_out;
    bool useless;                /* no receiver of this name */
};
struct groups {
    struct tick *t;
    struct table by_key;
    struct group **in_order;
    unsigned n, room;
    struct buffer key;
};

static struct slice owed_word(const struct alert *a, unsigned at) {
    struct slice rest = a->row.owed, head = SLICE_NULL;
    for (unsigned i = 0; i <= at; i++) {
        if (rest.len == 0) return SLICE_NULL;
        (void)slice_cut(rest, ',', &head, &rest);
    }
    return head;
}

static bool muted(const struct alert *a) { return a->row.silence != 0 || !slice_is_null(a->row.muted_by); }

static struct slice label_of(const struct alert *a, struct slice name) {
    for (unsigned i = 0; i < a->n_labels; i++)
        if (slice_eq(a->labels[i].name, name)) return a->labels[i].value;
    return SLICE("");
}

/* {"alertname":"slow-chat","provider":"openai"} */
static void write_group(const struct tick *t, const struct alert *a, struct buffer *out) {
    struct json_writer w;
    buffer_clear(out);
    json_start(&w, out);
    json_object(&w);
    json_member_string(&w, "alertname", a->row.rule);
    for (unsigned i = 0; i < SIGNAL_BYS; i++) {
        struct slice name = slice_of(signal_by_name((enum signal_by)i)), value = label_of(a, name);
        if (t->s->policy->grouping.by >> i & 1 && value.len > 0) json_member_string(&w, signal_by_name((enum signal_by)i), value);
    }
    json_object_end(&w);
}

/* ---- collecting ---- */

struct telling { struct slice receiver, status, why, called; unsigned pass; };

static void collect(struct groups *g, const struct alert *a, const struct telling *how) {
    struct tick *t = g->t;
    write_group(t, a, &g->key);
    size_t key_len = g->key.len;
    buffer_printf(&g->key, "\n%u\n" SLICE_FMT "\n" SLICE_FMT "\n" SLICE_FMT "\n" SLICE_FMT, how->pass, SLICE_ARG(how->receiver), SLICE_ARG(how->status),
                  SLICE_ARG(how->why), SLICE_ARG(how->called));
    struct group *one = table_get(&g->by_key, buffer_slice(&g->key));
    if (one == NULL) {
        one = arena_new(t->arena, struct group);
        if (one == NULL || !watching_room(t, (void **)&g->in_order, g->n, &g->room, sizeof *g->in_order)) return;
        one->key = arena_slice(t->arena, slice_make(g->key.at, key_len));
        one->receiver = how->receiver;
        one->status = arena_slice(t->arena, how->status);
        one->why = how->why;
        one->called = how->called;
        one->useless = alert_receiver_find(t->s->policy, how->receiver) == NULL;
        g->in_order[g->n++] = one;
        table_put(&g->by_key, buffer_slice(&g->key), one);
    }
    if (one->last == a) return; /* by the rule and by its escalation */
    one->last = a;
    if (one->n < NOTICE_ALERTS) one->alerts[one->n++] = a;
    else one->left_out++;
}

/* ---- notices ---- */

/* What the finding behind it says to type, on a line of its own; else nothing. */
static struct slice finding_command(const struct tick *t, struct slice evidence) {
    struct json_doc d;
    if (evidence.len == 0 || json_read(evidence, t->arena, UINT16_MAX, &d, NULL) != FAULT_NONE) return SLICE("");
    struct slice command = json_string(&d, json_get(&d, json_get(&d, 0, "finding"), "command"), t->arena);
    return command.len > 0 ? arena_printf(t->arena, SLICE_FMT "\n", SLICE_ARG(command)) : SLICE("");
}

/* What to type next, what the finding says first: also what its rule wants and nothing lets it do, or where to see what it did. */
static struct slice commands_of(const struct tick *t, const struct alert *a) {
    const struct alert_row *r = &a->row;
    struct slice first = a->rule != NULL && a->rule->when.test == ALERT_FINDING ? finding_command(t, r->evidence) : SLICE("");
    struct slice text = arena_printf(t->arena, SLICE_FMT "quarterdeck alert show %lld\nquarterdeck alert ack %lld --why WHY", SLICE_ARG(first), (long long)r->number,
                                     (long long)r->number);
    bool granted = false;
    for (unsigned i = 0; a->rule != NULL && i < a->rule->n_actions; i++) {
        struct intervention_spec spec = watching_action(t->arena, a, i);
        const struct alert_grant *g = grant_for(t->s->policy, a->rule, &spec);
        granted |= g != NULL;
        if (g == NULL) text = arena_printf(t->arena, SLICE_FMT "\n" SLICE_FMT, SLICE_ARG(text), SLICE_ARG(intervention_command(&spec, t->arena)));
    }
    if (granted) text = arena_printf(t->arena, SLICE_FMT "\nquarterdeck action list --alert %lld", SLICE_ARG(text), (long long)r->number);
    return text;
}

static struct noticed_alert noticed(const struct tick *t, const struct alert *a, struct slice status) {
    const struct alert_row *r = &a->row;
    bool over = slice_is(status, "resolved");
    return (struct noticed_alert){.alert = r->number, .rule = r->rule, .series = r->series, .fingerprint = r->fingerprint, .summary = r->summary,
                                  .runbook = a->rule != NULL ? a->rule->runbook : SLICE_NULL, .commands = over ? SLICE_NULL : commands_of(t, a), .labels = r->labels,
                                  .evidence = r->evidence, .severity = (enum alert_severity)r->severity,
                                  .state = over ? ALERT_RESOLVED : slice_is(status, "flapping") ? ALERT_FLAPPING : r->state == ALERT_ACKNOWLEDGED ? r->state : ALERT_FIRING,
                                  .starts_us = r->fired_us, .ends_us = over ? r->resolved_us : 0, .acknowledged_by = r->acknowledged_by};
}

static void write_notice(struct groups *g, const struct group *one) {
    struct tick *t = g->t;
    struct noticed_alert *all = arena_new_array(t->arena, struct noticed_alert, one->n + 1);
    struct buffer body;
    char id[NOTICE_ID];
    if (all == NULL || one->useless || !watching_room(t, (void **)&t->notices, t->n_notices, &t->notice_room, sizeof *t->notices)) return;
    for (unsigned i = 0; i < one->n; i++) all[i] = noticed(t, one->alerts[i], one->status);
    struct notice_alerts n = {.alerts = all, .n = one->n, .left_out = one->left_out, .status = one->status, .group = one->key, .why = one->why, .called = one->called};
    buffer_init(&body, NOTICE_MOST);
    for (;;) { /* evidence first, then alerts, make way */
        buffer_clear(&body);
        notice_write(&n, &body);
        if (!body.overflow || n.n == 1) break;
        n.left_out += n.n - n.n / 2;
        n.n /= 2;
    }
    struct notice *notice = &t->notices[t->n_notices++];
    *notice = (struct notice){.number = t->n_notices, .receiver = one->receiver, .group = one->key, .status = one->status, .body = arena_slice(t->arena, buffer_slice(&body)),
                              .made_us = t->s->now_us, .due_us = t->s->now_us, .left_out = one->left_out};
    notice_id(notice, id);
    notice->id = arena_slice(t->arena, slice_of(id));
    buffer_deinit(&body);
}

/* ---- who hears of an alert ---- */

static bool wants(const struct tick *t, struct slice receiver, struct slice status) {
    const struct alert_receiver *r = alert_receiver_find(t->s->policy, receiver);
    return r != NULL && (r->send_resolved || !slice_is(status, "resolved"));
}

/* Those that were called hear how it ended, whoever's turn it is by now. */
static void collect_called(struct groups *g, const struct alert *a, const struct telling *how) {
    const struct watching_sources *s = g->t->s;
    const struct escalation *e = escalation_find(s->policy, a->row.escalation);
    const struct escalation_state at = {.step = a->row.escalation_step, .round = a->row.escalation_round};
    struct escalation_call calls[CALLED];
    unsigned n = e != NULL ? escalation_called(s->policy, e, s->overrides, s->n_overrides, &at, a->row.fired_us, g->t->now_us, calls, CALLED) : 0;
    for (unsigned i = 0; i < n; i++) {
        struct telling to = *how;
        to.receiver = calls[i].receiver;
        to.called = calls[i].person;
        if (wants(g->t, to.receiver, how->status)) collect(g, a, &to);
    }
}

/* One that is under way goes on; one that is over, without anybody's word, begins anew when it is time to repeat. */
static void begin_escalation(struct groups *g, struct alert *a, struct slice name, bool repeat) {
    if (!slice_is_null(a->row.escalation) && !(repeat && a->row.escalation_due_us == 0)) return;
    a->row.escalation = name;
    a->row.escalation_step = -1;
    a->row.escalation_round = 0;
    a->row.escalation_due_us = g->t->now_us;
}

static void tell_one(struct groups *g, struct alert *a, struct slice status, struct slice why, unsigned pass) {
    struct telling how = {.status = status, .why = why, .called = SLICE_NULL, .pass = pass};
    const struct alert_rule *r = a->rule;
    for (unsigned i = 0; r != NULL && i < r->n_notify; i++) {
        how.receiver = r->notify[i];
        if (escalation_find(g->t->s->policy, how.receiver) != NULL) {
            if (!slice_is(status, "resolved")) begin_escalation(g, a, how.receiver, slice_is(why, "repeat"));
        } else if (wants(g->t, how.receiver, status)) {
            collect(g, a, &how);
        }
    }
    if (slice_is(status, "resolved")) collect_called(g, a, &how);
}

/* The rule is gone: its alert's evidence says who was told. */
static void tell_former(struct groups *g, const struct alert *a) {
    struct json_doc d;
    struct error error;
    uint32_t cursor = JSON_NONE, item;
    if (json_read(a->row.evidence, g->t->arena, UINT16_MAX, &d, &error) != FAULT_NONE) return;
    while (json_each_item(&d, json_get(&d, 0, "notify"), &cursor, &item)) {
        struct telling how = {.receiver = json_string(&d, item, g->t->arena), .status = SLICE("resolved"), .why = SLICE("resolved"), .called = SLICE_NULL};
        if (wants(g->t, how.receiver, how.status)) collect(g, a, &how);
    }
    struct telling how = {.status = SLICE("resolved"), .why = SLICE("resolved"), .called = SLICE_NULL};
    collect_called(g, a, &how);
}

/* ---- what is due ---- */

static void next(struct tick *t, int64_t due_us) {
    if (t->ret->next_us == 0 || due_us < t->ret->next_us) t->ret->next_us = due_us;
}

/* Critical ones do not wait; the others of a group are told with the first of them. */
static int64_t due_of(const struct tick *t, const struct alert *a) {
    return a->row.severity == ALERT_CRITICAL ? a->row.owed_us : a->row.owed_us + t->s->policy->grouping.wait_us;
}

static bool may_tell(const struct alert *a) { /* how a known one ended is told through a silence too */
    return !slice_is_null(a->row.owed) && (!muted(a) || (slice_is(a->row.owed, "resolved") && a->row.told_us >= a->row.fired_us));
}

static void find_due_groups(struct groups *g, struct table *due) {
    for (unsigned i = 0; i < g->t->w->n; i++) {
        const struct alert *a = g->t->w->all[i];
        if (!may_tell(a)) continue;
        if (due_of(g->t, a) > g->t->now_us) {
            next(g->t, due_of(g->t, a));
            continue;
        }
        write_group(g->t, a, &g->key);
        table_put(due, buffer_slice(&g->key), g);
    }
}

static void tell_owed(struct groups *g) {
    struct table due;
    table_init(&due);
    find_due_groups(g, &due);
    for (unsigned pass = 0; due.count > 0 && pass < WORD_PASSES; pass++)
        for (unsigned i = 0; i < g->t->w->n; i++) {
            struct alert *a = g->t->w->all[i];
            struct slice word = may_tell(a) ? owed_word(a, pass) : SLICE_NULL;
            if (slice_is_null(word)) continue;
            write_group(g->t, a, &g->key);
            if (table_get(&due, buffer_slice(&g->key)) == NULL) continue;
            if (a->rule == NULL) tell_former(g, a);
            else tell_one(g, a, word, slice_is(word, "firing") ? SLICE("first") : word, pass);
            watching_dirty(a);
        }
    for (unsigned i = 0; due.count > 0 && i < g->t->w->n; i++) {
        struct alert *a = g->t->w->all[i];
        if (!may_tell(a)) continue;
        write_group(g->t, a, &g->key);
        if (table_get(&due, buffer_slice(&g->key)) == NULL) continue;
        a->row.owed = SLICE_NULL;
        a->row.owed_us = 0;
        a->row.told_us = g->t->now_us;
    }
    table_deinit(&due);
}

static void repeat(struct groups *g) {
    int64_t every = g->t->s->policy->grouping.repeat_us;
    for (unsigned i = 0; every > 0 && i < g->t->w->n; i++) {
        struct alert *a = g->t->w->all[i];
        bool open = a->row.state == ALERT_FIRING || a->row.state == ALERT_FLAPPING;
        if (!open || muted(a) || a->rule == NULL || !slice_is_null(a->row.owed) || a->row.told_us == 0) continue;
        if (a->row.told_us + every > g->t->now_us) {
            next(g->t, a->row.told_us + every);
            continue;
        }
        tell_one(g, a, a->row.state == ALERT_FLAPPING ? SLICE("flapping") : SLICE("firing"), SLICE("repeat"), WORD_PASSES);
        a->row.told_us = g->t->now_us;
        watching_dirty(a);
    }
}

static bool may_escalate(const struct alert *a) {
    struct alert_life life = {.state = a->row.state, .before = a->row.before};
    bool taken_up = a->row.state == ALERT_ACKNOWLEDGED || (a->row.state == ALERT_NODATA && a->row.before == ALERT_ACKNOWLEDGED);
    return a->row.escalation_due_us > 0 && alert_fires(&life) && !taken_up && !muted(a);
}

/* The last step, and nobody can be reached: everybody who may be called is told, rather than no one. */
static void call_everybody(struct groups *g, const struct alert *a, struct telling how) {
    const struct alert_policy *p = g->t->s->policy;
    for (unsigned i = 0; i < p->n_people; i++) {
        how.receiver = p->people[i].receiver;
        how.called = p->people[i].name;
        if (wants(g->t, how.receiver, how.status)) collect(g, a, &how);
    }
}

/* The steps that are due; one at which nobody can be reached is told with the next one. */
static void call(struct groups *g, struct alert *a, const struct escalation *e, struct escalation_state *state) {
    struct tick *t = g->t;
    struct escalation_call calls[CALLS];
    unsigned n = escalation_step(t->s->policy, e, t->s->overrides, t->s->n_overrides, state, t->now_us, t->arena, calls, CALLS);
    struct telling how = {.status = SLICE("firing"), .pass = WORD_PASSES};
    bool reached = false;
    how.why = arena_printf(t->arena, "escalation " SLICE_FMT ": ", SLICE_ARG(e->name));
    for (unsigned k = 0; k < n; k++) {
        how.why = arena_printf(t->arena, SLICE_FMT "%s" SLICE_FMT, SLICE_ARG(how.why), k > 0 ? "; " : "", SLICE_ARG(calls[k].why));
        how.receiver = calls[k].receiver;
        how.called = calls[k].person;
        if (slice_is_null(how.receiver) || !wants(t, how.receiver, how.status)) continue;
        collect(g, a, &how);
        reached = true;
    }
    if (n > 0 && !reached && state->due_us == 0) call_everybody(g, a, how);
}

static void escalate(struct groups *g) {
    struct tick *t = g->t;
    for (unsigned i = 0; i < t->w->n; i++) {
        struct alert *a = t->w->all[i];
        if (!may_escalate(a)) continue;
        if (a->row.escalation_due_us > t->now_us) {
            next(t, a->row.escalation_due_us);
            continue;
        }
        const struct escalation *e = escalation_find(t->s->policy, a->row.escalation);
        struct escalation_state state = {a->row.escalation_step, a->row.escalation_round, a->row.escalation_due_us};
        if (e == NULL) state.due_us = 0;
        else call(g, a, e, &state);
        a->row.escalation_step = state.step;
        a->row.escalation_round = state.round;
        a->row.escalation_due_us = state.due_us;
        if (state.due_us > 0) next(t, state.due_us);
        watching_dirty(a);
    }
}

void watching_tell(struct tick *t) {
    struct groups g = {.t = t};
    table_init(&g.by_key);
    buffer_init(&g.key, KEY_MOST);
    tell_owed(&g);
    repeat(&g);
    escalate(&g);
    for (unsigned i = 0; i < g.n; i++) write_notice(&g, g.in_order[i]);
    table_deinit(&g.by_key);
    buffer_deinit(&g.key);
}
