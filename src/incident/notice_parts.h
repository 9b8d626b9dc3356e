/* notice_parts.h - what the files of notices share. Private to incident/notice*.c. */
#ifndef INCIDENT_NOTICE_PARTS_H
#define INCIDENT_NOTICE_PARTS_H

#include "base/json.h"
#include "incident/notice.h"

/* One notice on its way into the shape of one kind of receiver. */
struct notice_making {
    const struct alert_receiver *r;
    const struct notice_alerts *n;
    struct slice id, external_url;
    int64_t made_us, now_us;
    struct arena *arena;
    bool brief;                     /* without evidence */
};

#define NOTICE_LABELS 40
struct notice_labels {
    struct alert_label all[NOTICE_LABELS];
    unsigned n;
};
/* Texts of a JSON object as labels that Prometheus and Alertmanager accept: names of [a-zA-Z_][a-zA-Z0-9_]*, none twice, no empty value. */
void notice_labels_of(struct slice json, struct arena *arena, struct notice_labels *ret);
/* The alert's own, with alertname and severity whatever the rule said. */
void notice_alert_labels(const struct notice_making *m, const struct noticed_alert *a, struct notice_labels *ret);
struct slice notice_label(const struct notice_labels *l, const char *name); /* SLICE_NULL */

bool notice_is_over(const struct noticed_alert *a);
struct slice notice_summary(const struct noticed_alert *a); /* never empty */
struct slice notice_alert_url(const struct notice_making *m, const struct noticed_alert *a);
struct slice notice_time(const struct notice_making *m, int64_t us); /* RFC 3339; 0: the year 1, as Alertmanager says "none" */
/* "[firing] slow-chat: P99 of chat is 3.1 s (and 2 more)": one line. */
struct slice notice_title(const struct notice_making *m);

/* One line of text: no control character, no broken sequence; at most `most` characters, "…" for the rest. */
struct slice notice_line(struct arena *arena, struct slice text, size_t most);

/* The body of each kind; false: it is too large. */
bool notice_webhook_body(const struct notice_making *m, struct buffer *out);
bool notice_alertmanager_body(const struct notice_making *m, struct buffer *out);
bool notice_slack_body(const struct notice_making *m, struct buffer *out);
bool notice_pagerduty_body(const struct notice_making *m, const struct noticed_alert *a, bool over, struct buffer *out);
bool notice_mail_message(const struct notice_making *m, struct slice from, struct buffer *out);

#endif
