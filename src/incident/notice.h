/* notice.h - what receivers are told: from alerts to the body of a notice, and from a notice to the request of each kind of receiver. Pure.
 *
 *   webhook        POST, Alertmanager's webhook JSON, version 4; x-quarterdeck-signature: t=UNIX,v1=HEX, HMAC-SHA256 over "t.body";
 *                  x-quarterdeck-notice: the notice's id
 *   alertmanager   POST /api/v2/alerts, an array
 *   pagerduty      POST events API v2: trigger, acknowledge, resolve; dedup_key is the alert's fingerprint, one event an alert
 *   slack          POST an incoming webhook: text and one attachment a notice
 *   email          a message (RFC 5322), for io/mail.h
 *
 * Of webhook and alertmanager the annotation `evidence` has its numbers and short words alone: annotations are copied into every message of
 * whatever stands behind. All of it is what `commands` and the alert's address show.
 */
#ifndef INCIDENT_NOTICE_H
#define INCIDENT_NOTICE_H

#include "incident/alerting.h"

struct noticed_alert {           /* as it was when the notice was made; kept as JSON in notice.body */
    int64_t alert;
    struct slice rule, series, fingerprint, summary, runbook, commands; /* commands: what to type next, a line each */
    struct slice labels;         /* JSON object of texts: alertname, severity, application, ... */
    struct slice evidence;       /* JSON object */
    enum alert_severity severity;
    enum alert_state state;
    int64_t starts_us, ends_us;  /* 0: not over */
    struct slice acknowledged_by;
};
#define NOTICE_ALERTS 200        /* in one notice; `left_out` counts the rest */
struct notice_alerts {
    const struct noticed_alert *alerts;
    unsigned n;
    int64_t left_out;
    struct slice status, group;  /* as in store/alerts.h; a group that is a JSON object of texts is told as the group's labels */
    struct slice why;            /* "first", "resolved", "repeat", "escalation 2: primary (anna)" */
    struct slice called;         /* person whose turn it is; SLICE_NULL */
};
void notice_write(const struct notice_alerts *n, struct buffer *out);
/* *ret borrows from `body` and `arena`. */
enum fault notice_read(struct slice body, struct arena *arena, struct notice_alerts *ret, struct error *error) MUST_CHECK;

struct notice_request {          /* one request; pagerduty makes one for each alert */
    struct slice url;            /* NUL-terminated */
    const char *const *headers;  /* NULL-terminated; email: the addresses it goes to */
    struct slice body;           /* email: the whole message */
};
#define LIMIT_NOTICE_BODY (1u << 20)  /* of a request; evidence is left out of one that would be larger */
#define PAGERDUTY_BODY 512000         /* as Alertmanager holds it */
#define ALERTMANAGER_HOLD_US (15 * 60 * 1000000LL) /* a firing alert's endsAt: it is told again every two minutes, and over there when it is not */
/* `external_url`: where people find this server, "http://HOST:PORT". `id`: the notice's; `made_us`, `now_us`: wall. */
enum fault notice_requests(const struct alert_receiver *r, const struct notice_alerts *n, struct slice id, struct slice external_url,
                           int64_t made_us, int64_t now_us, struct arena *arena, struct notice_request **ret, unsigned *ret_n,
                           struct error *error) MUST_CHECK;
/* Is it taken, to be tried again (and after which time, -1: by our own backoff), or refused for good: what is in it is not wanted, and never will
 * be. What a person may mend meanwhile (an address, a credential) is tried again. Status 0: there was no answer; of email the SMTP reply code. */
enum notice_answer { NOTICE_TAKEN, NOTICE_AGAIN, NOTICE_REFUSED };
#define NOTICE_RETRY_AFTER_MOST_US 3600000000LL
enum notice_answer notice_answer(enum receiver_kind kind, int status, struct slice retry_after, int64_t now_us, int64_t *ret_after_us);
int64_t notice_backoff(int64_t tries); /* 1 s, doubling, at most 5 min, up to a quarter more by the number of tries */
/* "t=UNIX,v1=HEX" */
#define NOTICE_SIGNATURE 96
void notice_sign(struct slice secret, int64_t unix_s, struct slice body, char out[NOTICE_SIGNATURE]);

#endif
