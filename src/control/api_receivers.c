/* Receivers of alerts, what they were told, and a test of one. */
#include "control/api.h"

#include "base/clock.h"
#include "control/suggest.h"
#include "incident/notice.h"
#include "store/alerts.h"

#define NOTICES_PAGE 50
enum { READ_MOST = 16 << 20, LAST = 20 };

/* ---- notices ---- */

static const char *state_of(const struct notice *n) { return n->taken_us != 0 ? "taken" : n->given_up_us != 0 ? "given up" : "waiting"; }

/* What it is about; a body that cannot be read is about nothing. */
static void put_about(struct json_writer *w, const struct notice *n) {
    struct arena arena;
    struct notice_alerts alerts = {.n = 0};
    arena_init(&arena, 16 << 10, READ_MOST);
    if (notice_read(n->body, &arena, &alerts, NULL) != FAULT_NONE) alerts.n = 0;
    json_member_string(w, "why", alerts.n > 0 ? alerts.why : SLICE_NULL);
    json_member_string(w, "summary", alerts.n > 0 ? alerts.alerts[0].summary : SLICE_NULL);
    json_key(w, "alerts");
    json_array(w);
    for (unsigned i = 0; i < alerts.n; i++)
        if (alerts.alerts[i].alert > 0) json_put_i64(w, alerts.alerts[i].alert);
    json_array_end(w);
    json_member_i64(w, "left_out", n->left_out + (alerts.n > 0 ? alerts.left_out : 0));
    arena_deinit(&arena);
}

static void put_notice(struct json_writer *w, const struct notice *n) {
    json_object(w);
    json_member_i64(w, "number", n->number);
    json_member_string(w, "id", n->id);
    json_member_string(w, "receiver", n->receiver);
    json_member_string(w, "group", n->group);
    json_member_string(w, "status", n->status);
    json_member_text(w, "state", state_of(n));
    put_about(w, n);
    api_put_time(w, "made", n->made_us);
    api_put_time(w, "due", n->taken_us == 0 && n->given_up_us == 0 ? n->due_us : 0);
    json_member_i64(w, "tries", n->tries);
    api_put_time(w, "taken", n->taken_us);
    api_put_time(w, "given_up", n->given_up_us);
    json_member_string(w, "last_error", n->last_error);
    json_object_end(w);
}

void api_notices(struct api_call *c) {
    struct notice *all = NULL;
    unsigned n = 0;
    struct error error;
    unsigned limit = (unsigned)api_number(c, "limit", NOTICES_PAGE);
    if (!api_need_registry(c) || !api_check(c, notices_list(c->s->registry, api_text(c, "receiver"), limit, c->arena, &all, &n, &error), &error)) return;
    json_object(&c->json);
    json_key(&c->json, "notices");
    json_array(&c->json);
    for (unsigned i = 0; i < n; i++) put_notice(&c->json, &all[i]);
    json_array_end(&c->json);
    json_object_end(&c->json);
}

/* ---- receivers ---- */

static bool reaches(const struct alert_policy *p, struct slice person, struct slice receiver) {
    const struct oncall_person *who = person_find(p, person);
    return who != NULL && slice_eq(who->receiver, receiver);
}

/* Also by whoever may have the turn; who has it by an override alone is not in the configuration. */
static bool escalates_to(const struct alert_policy *p, const struct escalation *e, struct slice receiver) {
    for (unsigned i = 0; i < e->n_steps; i++) {
        const struct escalation_step *step = &e->steps[i];
        const struct oncall_schedule *s = step->kind == ESCALATE_SCHEDULE ? schedule_find(p, step->name) : NULL;
        if (step->kind == ESCALATE_RECEIVER && slice_eq(step->name, receiver)) return true;
        if (step->kind == ESCALATE_PERSON && reaches(p, step->name, receiver)) return true;
        for (unsigned k = 0; s != NULL && k < s->n_rotations; k++)
            for (unsigned j = 0; j < s->rotations[k].n_people; j++)
                if (reaches(p, s->rotations[k].people[j], receiver)) return true;
    }
    return false;
}

static bool is_told(const struct alert_policy *p, const struct alert_rule *rule, struct slice receiver) {
    for (unsigned i = 0; i < rule->n_notify; i++) {
        const struct escalation *e = escalation_find(p, rule->notify[i]);
        if (slice_eq(rule->notify[i], receiver) || (e != NULL && escalates_to(p, e, receiver))) return true;
    }
    return false;
}

/* "https://hooks.slack.com": what is behind it may be a secret. An e-mail's are its addresses. */
static struct slice place_of(const struct alert_receiver *r) {
    struct slice scheme, rest, host, user;
    if (r->kind == RECEIVER_EMAIL) return r->to;
    if (!slice_cut(r->url, ':', &scheme, &rest) || rest.len < 2) return SLICE("");
    rest = slice_make(rest.at + 2, rest.len - 2);
    (void)slice_cut(rest, '/', &host, &rest);
    if (slice_cut(host, '@', &user, &rest)) return rest;
    return slice_make(r->url.at, (size_t)(host.at + host.len - r->url.at));
}

static bool put_receiver(struct api_call *c, const struct alert_receiver *r) {
    struct json_writer *w = &c->json;
    struct notice *last = NULL;
    unsigned n = 0, taken = 0, failed = 0;
    int64_t waiting = 0, oldest_us = 0;
    struct error error;
    if (!api_check(c, notices_waiting(c->s->registry, r->name, &waiting, &oldest_us, &error), &error) ||
        !api_check(c, notices_list(c->s->registry, r->name, LAST, c->arena, &last, &n, &error), &error))
        return false;
    while (taken < n && last[taken].taken_us == 0) taken++;
    while (failed < n && last[failed].last_error.len == 0) failed++;
    json_object(w);
    json_member_string(w, "name", r->name);
    json_member_text(w, "kind", receiver_kind_name(r->kind));
    json_member_string(w, "to", place_of(r));
    json_member_bool(w, "signed", r->kind == RECEIVER_WEBHOOK && r->secret.len > 0);
    json_member_bool(w, "send_resolved", r->send_resolved);
    json_key(w, "rules");
    json_array(w);
    for (unsigned i = 0; i < c->policy->alerts.n_rules; i++)
        if (is_told(&c->policy->alerts, &c->policy->alerts.rules[i], r->name)) json_put_string(w, c->policy->alerts.rules[i].name);
    json_array_end(w);
    json_member_i64(w, "waiting", waiting);
    api_put_time(w, "oldest_waiting", oldest_us);
    api_put_time(w, "last_taken", taken < n ? last[taken].taken_us : 0);
    json_member_string(w, "last_error", failed < n && failed < taken ? last[failed].last_error : SLICE_NULL);
    json_object_end(w);
    return true;
}

static bool need_policy(struct api_call *c) {
    if (c->policy != NULL) return true;
    api_fail(c, FAULT_NOT_RUNNING, "receivers are in the configuration: start the server, or name its file with -c");
    return false;
}

void api_receivers(struct api_call *c) {
    if (!need_policy(c) || !api_need_registry(c)) return;
    json_object(&c->json);
    json_key(&c->json, "receivers");
    json_array(&c->json);
    for (unsigned i = 0; i < c->policy->alerts.n_receivers; i++)
        if (!put_receiver(c, &c->policy->alerts.receivers[i])) return;
    json_array_end(&c->json);
    json_object_end(&c->json);
}

static const struct alert_receiver *find(struct api_call *c, struct slice name) {
    const struct alert_policy *p = &c->policy->alerts;
    const struct alert_receiver *r = alert_receiver_find(p, name);
    if (r != NULL) return r;
    struct suggestion near;
    char text[SUGGESTION_TEXT];
    suggestion_start(&near, name);
    for (unsigned i = 0; i < p->n_receivers; i++) suggestion_offer(&near, arena_text(c->arena, p->receivers[i].name));
    api_fail(c, FAULT_NOT_FOUND, "no receiver `" SLICE_FMT "` is configured under `receivers`%s", SLICE_ARG(name), suggestion_text(&near, "", text));
    return NULL;
}

/* The notice of a test goes the way of all others, but is tried once. */
static struct slice test_body(struct api_call *c, struct slice group, int64_t now_us) {
    struct buffer body;
    char hex[17];
    alert_fingerprint(SLICE("quarterdeck-test"), group, hex);
    const struct noticed_alert alert = {.rule = SLICE("quarterdeck-test"), .series = SLICE("{}"), .fingerprint = slice_of(hex), .severity = ALERT_INFO, .state = ALERT_FIRING,
                                        .summary = arena_printf(c->arena, "a test by %s: nothing is wrong", c->actor), .commands = SLICE("quarterdeck alert notices"),
                                        .labels = SLICE("{\"alertname\":\"quarterdeck-test\",\"severity\":\"info\"}"), .starts_us = now_us};
    buffer_init(&body, 64 << 10);
    notice_write(&(struct notice_alerts){.alerts = &alert, .n = 1, .status = SLICE("test"), .group = group, .why = SLICE("test")}, &body);
    struct slice kept = arena_slice(c->arena, buffer_slice(&body));
    buffer_deinit(&body);
    return kept;
}

void api_receiver_test(struct api_call *c) {
    struct error error;
    uint8_t random[8];
    char hex[2 * sizeof random + 1], id[NOTICE_ID];
    int64_t now_us = clock_wall_us();
    if (c->s->notices_left == NULL) {
        api_fail(c, FAULT_NOT_RUNNING, "nothing is sent without a running server: start it, then type this again");
        return;
    }
    if (!need_policy(c) || !api_need_registry(c)) return;
    const struct alert_receiver *r = find(c, api_text(c, "name"));
    if (r == NULL) return;
    digest_random(random, sizeof random);
    digest_hex(random, sizeof random, hex);
    struct notice n = {.receiver = r->name, .status = SLICE("test"), .made_us = now_us, .due_us = now_us};
    n.group = arena_printf(c->arena, "{\"alertname\":\"quarterdeck-test\",\"test\":\"%s\"}", hex);
    n.body = test_body(c, n.group, now_us);
    notice_id(&n, id);
    n.id = slice_of(id);
    struct audit_entry audit = {.at_us = now_us, .actor = slice_of(c->actor), .action = SLICE("receiver.test"),
                                .subject = arena_printf(c->arena, "receiver:" SLICE_FMT, SLICE_ARG(r->name)), .reason = api_text(c, "reason")};
    const struct alerts_look look = {.notices = &n, .n_notices = 1, .audits = &audit, .n_audits = 1, .now_us = now_us};
    if (!api_check(c, alerts_commit(c->s->registry, &look, NULL, &error), &error)) return;
    c->s->notices_left(c->s->notify_ctx);
    json_object(&c->json);
    json_member_string(&c->json, "receiver", r->name);
    json_member_string(&c->json, "notice", n.id);
    json_member_i64(&c->json, "answer_within_ms", (r->timeout_us > 0 ? r->timeout_us : 10000000) / 1000);
    json_object_end(&c->json);
}
