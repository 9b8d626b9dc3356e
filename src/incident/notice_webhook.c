/* Alertmanager's two shapes: what its webhook sends (version 4), and what its API takes. */
#include "incident/notice_parts.h"

static void put_labels(struct json_writer *w, const char *key, const struct notice_labels *l) {
    json_key(w, key);
    json_object(w);
    for (unsigned i = 0; i < l->n; i++) {
        json_key_slice(w, l->all[i].name);
        json_put_string(w, l->all[i].value);
    }
    json_object_end(w);
}

static void add(struct notice_labels *l, const char *name, struct slice value) {
    if (value.len > 0) l->all[l->n++] = (struct alert_label){slice_of(name), value};
}

enum { BRIEF_TEXT = 200 };

/* Its numbers and short words: charts, examples and what a watcher measured are behind `quarterdeck alert show`. Of a finding its id, kind and title. */
static struct slice brief_evidence(const struct notice_making *m, struct slice evidence) {
    struct json_doc d;
    struct json_writer w;
    struct buffer b;
    uint32_t key, value, at = JSON_NONE, inner = JSON_NONE, found;
    if (evidence.len == 0 || json_read(evidence, m->arena, UINT16_MAX, &d, NULL) != FAULT_NONE || json_type(&d, 0) != JSON_OBJECT) return SLICE_NULL;
    buffer_init(&b, 16 << 10);
    json_start(&w, &b);
    json_object(&w);
    while (json_each_member(&d, 0, &at, &key, &value)) {
        bool is_finding = json_is(&d, key, "finding") && json_type(&d, value) == JSON_OBJECT;
        bool is_short = json_type(&d, value) != JSON_OBJECT && json_type(&d, value) != JSON_ARRAY && json_raw(&d, value).len <= BRIEF_TEXT;
        if (!is_finding && !is_short) continue;
        json_key_slice(&w, json_string(&d, key, m->arena));
        if (is_short) json_put_raw(&w, json_raw(&d, value));
        if (!is_finding) continue;
        json_object(&w);
        for (inner = JSON_NONE; json_each_member(&d, value, &inner, &key, &found);)
            if (json_type(&d, found) != JSON_OBJECT && json_type(&d, found) != JSON_ARRAY) {
                json_key_slice(&w, json_string(&d, key, m->arena));
                json_put_raw(&w, json_raw(&d, found));
            }
        json_object_end(&w);
    }
    json_object_end(&w);
    struct slice brief = b.overflow ? SLICE_NULL : arena_slice(m->arena, buffer_slice(&b));
    buffer_deinit(&b);
    return brief;
}

static void annotations_of(const struct notice_making *m, const struct noticed_alert *a, struct notice_labels *ret) {
    ret->n = 0;
    add(ret, "summary", notice_summary(a));
    add(ret, "state", slice_of(alert_state_name(a->state)));
    add(ret, "why", m->n->why);
    add(ret, "runbook", a->runbook);
    add(ret, "commands", a->commands);
    add(ret, "acknowledged_by", a->acknowledged_by);
    add(ret, "called", m->n->called);
    if (!m->brief) add(ret, "evidence", brief_evidence(m, a->evidence));
}

static void put_alert(const struct notice_making *m, const struct noticed_alert *a, struct json_writer *w) {
    struct notice_labels labels, annotations;
    bool over = notice_is_over(a);
    notice_alert_labels(m, a, &labels);
    annotations_of(m, a, &annotations);
    json_object(w);
    json_member_text(w, "status", over ? "resolved" : "firing");
    put_labels(w, "labels", &labels);
    put_labels(w, "annotations", &annotations);
    json_member_string(w, "startsAt", notice_time(m, a->starts_us));
    json_member_string(w, "endsAt", notice_time(m, !over ? 0 : a->ends_us != 0 ? a->ends_us : m->made_us));
    json_member_string(w, "generatorURL", notice_alert_url(m, a));
    json_member_string(w, "fingerprint", a->fingerprint);
    json_object_end(w);
}

/* What all have, by one of the two ways to read labels off an alert. */
static void common(const struct notice_making *m, void (*of)(const struct notice_making *m, const struct noticed_alert *a, struct notice_labels *ret),
                   struct notice_labels *ret) {
    struct notice_labels other;
    of(m, &m->n->alerts[0], ret);
    for (unsigned i = 1; i < m->n->n; i++) {
        unsigned kept = 0;
        of(m, &m->n->alerts[i], &other);
        for (unsigned k = 0; k < ret->n; k++)
            for (unsigned o = 0; o < other.n; o++)
                if (slice_eq(ret->all[k].name, other.all[o].name) && slice_eq(ret->all[k].value, other.all[o].value)) {
                    ret->all[kept++] = ret->all[k];
                    break;
                }
        ret->n = kept;
    }
}

/* {}:{alertname="slow-chat", application="helpdesk"}, as Alertmanager names its groups. */
static struct slice group_key(const struct notice_making *m, const struct notice_labels *group) {
    struct buffer out;
    buffer_init(&out, 64 << 10);
    (void)buffer_append(&out, SLICE("{}:{"));
    for (unsigned i = 0; i < group->n; i++) {
        (void)buffer_printf(&out, "%s" SLICE_FMT "=\"", i > 0 ? ", " : "", SLICE_ARG(group->all[i].name));
        json_escape(&out, group->all[i].value);
        (void)buffer_byte(&out, '"');
    }
    (void)buffer_byte(&out, '}');
    struct slice key = arena_slice(m->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return key;
}

bool notice_webhook_body(const struct notice_making *m, struct buffer *out) {
    struct notice_labels group, labels, annotations;
    struct json_writer w;
    bool firing = false;
    for (unsigned i = 0; i < m->n->n; i++) firing |= !notice_is_over(&m->n->alerts[i]);
    common(m, notice_alert_labels, &labels);
    common(m, annotations_of, &annotations);
    notice_labels_of(m->n->group, m->arena, &group);
    if (group.n == 0) add(&group, "alertname", notice_label(&labels, "alertname"));
    json_start(&w, out);
    json_object(&w);
    json_member_string(&w, "receiver", m->r->name);
    json_member_text(&w, "status", firing ? "firing" : "resolved");
    json_key(&w, "alerts");
    json_array(&w);
    for (unsigned i = 0; i < m->n->n; i++) put_alert(m, &m->n->alerts[i], &w);
    json_array_end(&w);
    put_labels(&w, "groupLabels", &group);
    put_labels(&w, "commonLabels", &labels);
    put_labels(&w, "commonAnnotations", &annotations);
    json_member_string(&w, "externalURL", m->external_url);
    json_member_text(&w, "version", "4");
    json_member_string(&w, "groupKey", group_key(m, &group));
    json_member_i64(&w, "truncatedAlerts", m->n->left_out);
    json_member_string(&w, "notification_reason", slice_is_null(m->n->why) ? m->n->status : m->n->why);
    json_object_end(&w);
    return !out->overflow;
}

/* A firing alert is over for Alertmanager when its endsAt has passed without its having been told again (wire_notify.c does). */
bool notice_alertmanager_body(const struct notice_making *m, struct buffer *out) {
    static const int64_t test_us = 300000000;
    struct json_writer w;
    bool test = slice_is(m->n->status, "test");
    json_start(&w, out);
    json_array(&w);
    for (unsigned i = 0; i < m->n->n; i++) {
        const struct noticed_alert *a = &m->n->alerts[i];
        struct notice_labels labels, annotations;
        bool over = notice_is_over(a);
        notice_alert_labels(m, a, &labels);
        annotations_of(m, a, &annotations);
        json_object(&w);
        put_labels(&w, "labels", &labels);
        put_labels(&w, "annotations", &annotations);
        json_member_string(&w, "startsAt", notice_time(m, a->starts_us != 0 ? a->starts_us : m->made_us));
        json_member_string(&w, "endsAt", notice_time(m, !over ? m->now_us + (test ? test_us : ALERTMANAGER_HOLD_US) : a->ends_us != 0 ? a->ends_us : m->made_us));
        json_member_string(&w, "generatorURL", notice_alert_url(m, a));
        json_object_end(&w);
    }
    json_array_end(&w);
    return !out->overflow;
}
