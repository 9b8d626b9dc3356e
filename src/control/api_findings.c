/* Findings: what the watchers noticed, and a person's word on it. */
#include "control/api.h"

#include "base/clock.h"
#include "store/findings.h"

#define FINDINGS_PAGE 100

static bool need_registry(struct api_call *c) {
    if (c->s->registry) return true;
    api_fail(c, FAULT_NOT_RUNNING, "there is no registry: start the server, or name its data_dir");
    return false;
}

static void put_finding(struct json_writer *w, const struct finding *f) {
    json_object(w);
    json_member_i64(w, "id", f->id);
    json_member_text(w, "domain", finding_kind_domain(f->kind));
    json_member_text(w, "kind", finding_kind_name(f->kind));
    json_member_text(w, "state", finding_state_name(f->state));
    json_member_string(w, "application", f->application);
    json_member_string(w, "title", f->title);
    json_member_string(w, "command", f->command);
    api_put_time(w, "first_seen", f->first_seen_us);
    api_put_time(w, "last_seen", f->last_seen_us);
    json_member_i64(w, "times", f->times);
    api_put_time(w, "cleared_at", f->cleared_us);
    json_key(w, "dismissed");
    if (f->state == FINDING_DISMISSED) {
        json_object(w);
        json_member_string(w, "by", f->dismissed_by);
        json_member_string(w, "reason", f->reason);
        api_put_time(w, "at", f->dismissed_us);
        json_object_end(w);
    } else {
        json_put_null(w);
    }
    json_member_raw(w, "evidence", f->evidence);
    json_object_end(w);
}

/* Of the wanted kinds, those of the wanted domain. */
static uint64_t kinds_of(struct slice kind, struct slice domain) {
    uint64_t bits = 0;
    for (unsigned k = 0; k < FINDING_KINDS; k++)
        if ((slice_is_null(kind) || slice_is(kind, finding_kind_name((enum finding_kind)k))) &&
            (slice_is_null(domain) || slice_is(domain, finding_kind_domain((enum finding_kind)k))))
            bits |= (uint64_t)1 << k;
    return bits;
}

void api_findings(struct api_call *c) {
    struct findings_filter f = {.kinds = kinds_of(api_text(c, "kind"), api_text(c, "domain")),
                                .application = api_text(c, "application"),
                                .limit = (unsigned)api_number(c, "limit", FINDINGS_PAGE)};
    struct finding *all = NULL;
    unsigned n = 0;
    enum finding_state state;
    int64_t open[FINDING_KINDS];
    struct error error;
    if (finding_state_from(api_text(c, "state"), &state)) f.states = 1u << state;
    if (!need_registry(c) ||
        !api_check(c, findings_list(c->s->registry, &f, c->arena, &all, &n, &error), &error) ||
        !api_check(c, findings_count_open(c->s->registry, open, &error), &error))
        return;
    /* no findings of a name that nobody has would be good news of nothing */
    if (n == 0 && f.application.len > 0 && !api_knows_application(c, f.application)) return;
    json_object(&c->json);
    json_key(&c->json, "findings");
    json_array(&c->json);
    for (unsigned i = 0; i < n; i++) put_finding(&c->json, &all[i]);
    json_array_end(&c->json);
    json_key(&c->json, "open");
    json_object(&c->json);
    for (unsigned k = 0; k < FINDING_KINDS; k++)
        json_member_i64(&c->json, finding_kind_name((enum finding_kind)k), open[k]);
    json_object_end(&c->json);
    json_object_end(&c->json);
}

/* NULL after having said that there is none. */
static struct finding *find(struct api_call *c, int64_t id) {
    struct findings_filter f = {.id = id, .limit = 1};
    struct finding *found = NULL;
    unsigned n = 0;
    struct error error;
    if (!api_check(c, findings_list(c->s->registry, &f, c->arena, &found, &n, &error), &error)) return NULL;
    if (n == 1) return found;
    api_fail(c, FAULT_NOT_FOUND, "there is no finding %lld", (long long)id);
    return NULL;
}

/* What cannot be audited is not done. */
void api_findings_dismiss(struct api_call *c) {
    int64_t id = api_number(c, "id", 0);
    struct slice reason = slice_trim(api_text(c, "reason"));
    struct error error;
    if (!need_registry(c)) return;
    if (reason.len == 0) {
        api_fail(c, FAULT_BAD_REQUEST, "reason: expected why it is dismissed, found nothing");
        return;
    }
    struct finding *f = find(c, id);
    if (f == NULL) return;
    if (f->kind == FINDING_CHANGE_OVERRIDE && f->state == FINDING_OPEN) {
        api_fail(c, FAULT_CONFLICT, "an override is looked at, not dismissed: " SLICE_FMT, SLICE_ARG(f->command));
        return;
    }
    if (f->state != FINDING_DISMISSED) {
        struct audit_entry e = {.at_us = clock_wall_us(), .actor = slice_of(c->actor), .action = SLICE("finding.dismiss"),
                                .subject = arena_printf(c->arena, "finding/%lld", (long long)id), .reason = reason};
        if (!api_check(c, findings_dismiss_audited(c->s->registry, id, &e, &error), &error)) return;
        if (c->s->findings_changed) c->s->findings_changed(c->s->watch_ctx);
        f = find(c, id);
    }
    if (f != NULL) put_finding(&c->json, f);
}
