/* Slack's incoming webhooks, and PagerDuty's events. */
#include "incident/notice_parts.h"

enum {
    SHOWN = 10,                 /* alerts that one message of Slack spells out */
    LINE = 300, BLOCK = 1000,   /* characters */
    SUMMARY = 1024, DEDUP = 255 /* PagerDuty's own limits, in characters */
};

/* ---- Slack ---- */

/* Its three control characters, so that no text of a client mentions a channel or hides a link. */
static void put_slack(struct buffer *out, struct slice text) {
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        (void)buffer_append(out, c == '&' ? SLICE("&amp;") : c == '<' ? SLICE("&lt;") : c == '>' ? SLICE("&gt;") : slice_make(&text.at[i], 1));
    }
}

static struct slice slack(const struct notice_making *m, struct slice text, size_t most) {
    struct buffer out;
    buffer_init(&out, 5 * 4 * most + 64);
    put_slack(&out, notice_line(m->arena, text, most));
    struct slice copy = arena_slice(m->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return copy;
}

/* What is to be typed, a line each, in a block that nothing in it can end. */
static void put_commands(const struct notice_making *m, struct slice commands, struct buffer *out) {
    struct slice line, rest = commands;
    if (commands.len == 0) return;
    (void)buffer_append(out, SLICE("```"));
    for (bool more = true; more;) {
        more = slice_cut(rest, '\n', &line, &rest);
        struct slice clean = slack(m, line, BLOCK);
        for (size_t i = 0; i < clean.len; i++) (void)buffer_byte(out, clean.at[i] == '`' ? '\'' : clean.at[i]);
        if (more) (void)buffer_byte(out, '\n');
    }
    (void)buffer_append(out, SLICE("```\n"));
}

static void put_slack_alert(const struct notice_making *m, const struct noticed_alert *a, struct buffer *out) {
    struct slice summary = slack(m, notice_summary(a), LINE), runbook = slack(m, a->runbook, LINE), who = slack(m, a->acknowledged_by, LINE);
    (void)buffer_printf(out, "%s %s: " SLICE_FMT "\n", alert_severity_name(a->severity), alert_state_name(a->state), SLICE_ARG(summary));
    if (who.len > 0) (void)buffer_printf(out, "acknowledged by " SLICE_FMT "\n", SLICE_ARG(who));
    if (runbook.len > 0) (void)buffer_printf(out, "runbook: " SLICE_FMT "\n", SLICE_ARG(runbook));
    put_commands(m, a->commands, out);
}

static const char *color_of(const struct notice_making *m) {
    const char *color = "good";
    for (unsigned i = 0; i < m->n->n; i++) {
        const struct noticed_alert *a = &m->n->alerts[i];
        if (notice_is_over(a)) continue;
        if (a->severity <= ALERT_ERROR) return "danger";
        color = a->severity == ALERT_WARNING || strcmp(color, "warning") == 0 ? "warning" : "#439FE0";
    }
    return color;
}

static struct slice slack_text(const struct notice_making *m) {
    struct buffer out;
    unsigned shown = m->n->n < SHOWN ? m->n->n : SHOWN;
    int64_t more = (int64_t)(m->n->n - shown) + m->n->left_out;
    buffer_init(&out, LIMIT_NOTICE_BODY / 2);
    if (m->n->called.len > 0) (void)buffer_printf(&out, "called: " SLICE_FMT "\n", SLICE_ARG(slack(m, m->n->called, LINE)));
    for (unsigned i = 0; i < shown; i++) put_slack_alert(m, &m->n->alerts[i], &out);
    if (more > 0) (void)buffer_printf(&out, "and %lld more: `quarterdeck alert list`\n", (long long)more);
    struct slice text = arena_slice(m->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return text;
}

bool notice_slack_body(const struct notice_making *m, struct buffer *out) {
    struct json_writer w;
    struct slice title = slack(m, notice_title(m), 2 * LINE);
    json_start(&w, out);
    json_object(&w);
    if (m->r->channel.len > 0) json_member_string(&w, "channel", m->r->channel);
    json_member_string(&w, "text", title);
    json_key(&w, "attachments");
    json_array(&w);
    json_object(&w);
    json_member_string(&w, "fallback", title);
    json_member_string(&w, "title", slack(m, notice_summary(&m->n->alerts[0]), LINE));
    json_member_string(&w, "title_link", notice_alert_url(m, &m->n->alerts[0]));
    json_member_string(&w, "text", slack_text(m));
    json_member_text(&w, "color", color_of(m));
    json_member_string(&w, "footer", arena_printf(m->arena, "quarterdeck, " SLICE_FMT, SLICE_ARG(slack(m, slice_is_null(m->n->why) ? m->n->status : m->n->why, LINE))));
    json_member_i64(&w, "ts", m->made_us / 1000000);
    json_key(&w, "mrkdwn_in");
    json_array(&w);
    json_put_text(&w, "text");
    json_array_end(&w);
    json_object_end(&w);
    json_array_end(&w);
    json_object_end(&w);
    return !out->overflow;
}

/* ---- PagerDuty ---- */

static void put_details(const struct notice_making *m, const struct noticed_alert *a, const struct notice_labels *labels, struct json_writer *w) {
    json_key(w, "custom_details");
    json_object(w);
    json_member_i64(w, "alert", a->alert);
    json_member_string(w, "why", m->n->why);
    if (m->n->called.len > 0) json_member_string(w, "called", m->n->called);
    if (a->runbook.len > 0) json_member_string(w, "runbook", a->runbook);
    json_key(w, "labels");
    json_object(w);
    for (unsigned i = 0; i < labels->n; i++) {
        json_key_slice(w, labels->all[i].name);
        json_put_string(w, labels->all[i].value);
    }
    json_object_end(w);
    if (!m->brief && a->commands.len > 0) json_member_string(w, "commands", a->commands);
    if (!m->brief && a->evidence.len > 0) json_member_raw(w, "evidence", a->evidence);
    json_object_end(w);
}

static void put_payload(const struct notice_making *m, const struct noticed_alert *a, struct json_writer *w) {
    struct notice_labels labels;
    notice_alert_labels(m, a, &labels);
    struct slice application = notice_label(&labels, "application"), model = notice_label(&labels, "model"), provider = notice_label(&labels, "provider");
    json_key(w, "payload");
    json_object(w);
    json_member_string(w, "summary", notice_line(m->arena, notice_summary(a), SUMMARY));
    json_member_string(w, "source", notice_line(m->arena, application.len > 0 ? application : m->external_url, SUMMARY));
    json_member_text(w, "severity", alert_severity_name(a->severity));
    json_member_string(w, "timestamp", notice_time(m, a->starts_us != 0 ? a->starts_us : m->made_us));
    if (model.len > 0 || provider.len > 0) json_member_string(w, "component", notice_line(m->arena, model.len > 0 ? model : provider, DEDUP));
    json_member_string(w, "class", notice_line(m->arena, a->rule, DEDUP));
    put_details(m, a, &labels, w);
    json_object_end(w);
}

bool notice_pagerduty_body(const struct notice_making *m, const struct noticed_alert *a, bool over, struct buffer *out) {
    struct json_writer w;
    const char *act = over ? "resolve" : a->state == ALERT_ACKNOWLEDGED ? "acknowledge" : "trigger";
    json_start(&w, out);
    json_object(&w);
    json_member_string(&w, "routing_key", m->r->secret);
    json_member_text(&w, "event_action", act);
    json_member_string(&w, "dedup_key", notice_line(m->arena, a->fingerprint, DEDUP));
    if (strcmp(act, "trigger") == 0) {
        put_payload(m, a, &w);
        json_key(&w, "links");
        json_array(&w);
        json_object(&w);
        json_member_string(&w, "href", notice_alert_url(m, a));
        json_member_text(&w, "text", "the alert, with its evidence");
        json_object_end(&w);
        json_array_end(&w);
        json_member_text(&w, "client", "Quarterdeck");
        json_member_string(&w, "client_url", m->external_url);
    }
    json_object_end(&w);
    return !out->overflow;
}
