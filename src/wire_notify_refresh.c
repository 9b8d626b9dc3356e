/* What still fires, told again. An Alertmanager keeps alerts in memory alone, and takes one that it does not hear of for over: so it hears every two
 * minutes, with an `endsAt` some of them ahead. Nothing of it is kept: what fires is in the registry. */
#include "wire_notify_parts.h"

#include "base/clock.h"

#define EVERY_US 120000000LL
enum { ROOM = 64 << 20 };

static bool is_told(const struct alert_policy *p, const struct alert_row *a, struct slice receiver) {
    const struct alert_rule *r = alert_rule_find(p, a->rule);
    for (unsigned i = 0; r != NULL && i < r->n_notify; i++) {
        const struct escalation *e = escalation_find(p, r->notify[i]);
        if (slice_eq(r->notify[i], receiver)) return true;
        for (unsigned k = 0; e != NULL && k < e->n_steps; k++)
            if (e->steps[k].kind == ESCALATE_RECEIVER && slice_eq(e->steps[k].name, receiver)) return true;
    }
    return false;
}

/* It was told, and its end was not: muted or not, it is not over. */
static bool still_fires(const struct alert_row *a) {
    const struct alert_life life = {.state = a->state, .before = a->before};
    return alert_fires(&life) && a->told_us > 0 && a->told_us >= a->fired_us;
}

static struct noticed_alert noticed(const struct alert_policy *p, const struct alert_row *a, struct arena *arena) {
    return (struct noticed_alert){.alert = a->number, .rule = a->rule, .series = a->series, .fingerprint = a->fingerprint, .summary = a->summary,
                                  .runbook = alert_rule_find(p, a->rule)->runbook, .labels = a->labels, .evidence = a->evidence,
                                  .commands = arena_printf(arena, "quarterdeck alert show %lld", (long long)a->number),
                                  .severity = (enum alert_severity)a->severity, .state = a->state == ALERT_NODATA ? a->before : a->state,
                                  .starts_us = a->fired_us, .acknowledged_by = a->acknowledged_by};
}

static void send(struct notify_door *d, const struct alert_receiver *r, const struct noticed_alert *all, unsigned n, int64_t now_us) {
    struct buffer body;
    buffer_init(&body, LIMIT_NOTICE_BODY);
    notice_write(&(struct notice_alerts){.alerts = all, .n = n, .status = SLICE("firing"), .group = SLICE("{}"), .why = SLICE("still firing")}, &body);
    notify_door_send(d, r, &(struct notice){.id = SLICE("still-firing"), .body = buffer_slice(&body), .made_us = now_us, .tries = d->failures}, URGENT_REFRESH);
    buffer_deinit(&body);
}

enum fault notify_refresh(struct notify_door *d, const struct alert_receiver *r, const struct policy *p, int64_t now_us, struct error *error) {
    struct arena arena;
    unsigned n = NOTICE_ALERTS, told = 0;
    enum fault fault = FAULT_NONE;
    if (r->kind != RECEIVER_ALERTMANAGER || clock_us() < d->refresh_us) return FAULT_NONE;
    arena_init(&arena, 64 << 10, ROOM);
    while (fault == FAULT_NONE && told == 0 && n == NOTICE_ALERTS) {
        struct noticed_alert all[NOTICE_ALERTS];
        struct alert_row *rows = NULL;
        const struct alerts_filter f = {.states = ALERT_ACTIVE | ALERT_BIT(NODATA), .skip = d->refreshed, .limit = NOTICE_ALERTS};
        arena_reset(&arena);
        fault = alerts_list(d->w->registry, &f, &arena, &rows, &n, error);
        for (unsigned i = 0; fault == FAULT_NONE && i < n; i++)
            if (still_fires(&rows[i]) && is_told(&p->alerts, &rows[i], r->name)) all[told++] = noticed(&p->alerts, &rows[i], &arena);
        if (fault == FAULT_NONE && told > 0) send(d, r, all, told, now_us);
        d->refreshed += n;
    }
    if (fault == FAULT_NONE && n < NOTICE_ALERTS) {
        d->refreshed = 0;
        d->refresh_us = clock_us() + EVERY_US;
    }
    arena_deinit(&arena);
    return fault;
}
