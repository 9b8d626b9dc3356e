#include "incident/notice.h"

#include "base/clock.h"
#include "base/json.h"

#include <stdio.h>

/* ---- as it is kept ---- */

static void put_text(struct json_writer *w, const char *key, struct slice text) {
    if (!slice_is_null(text)) json_member_string(w, key, text);
}

static void put_object(struct json_writer *w, const char *key, struct slice json) {
    if (json.len > 0) json_member_raw(w, key, json);
}

static void put_alert(struct json_writer *w, const struct noticed_alert *a) {
    json_object(w);
    json_member_i64(w, "alert", a->alert);
    put_text(w, "rule", a->rule);
    put_text(w, "series", a->series);
    put_text(w, "fingerprint", a->fingerprint);
    put_text(w, "summary", a->summary);
    put_text(w, "runbook", a->runbook);
    put_text(w, "commands", a->commands);
    put_object(w, "labels", a->labels);
    put_object(w, "evidence", a->evidence);
    json_member_text(w, "severity", alert_severity_name(a->severity));
    json_member_text(w, "state", alert_state_name(a->state));
    json_member_i64(w, "starts_us", a->starts_us);
    json_member_i64(w, "ends_us", a->ends_us);
    put_text(w, "acknowledged_by", a->acknowledged_by);
    json_object_end(w);
}

void notice_write(const struct notice_alerts *n, struct buffer *out) {
    struct json_writer w;
    json_start(&w, out);
    json_object(&w);
    put_text(&w, "status", n->status);
    put_text(&w, "group", n->group);
    put_text(&w, "why", n->why);
    put_text(&w, "called", n->called);
    json_member_i64(&w, "left_out", n->left_out);
    json_key(&w, "alerts");
    json_array(&w);
    for (unsigned i = 0; i < n->n; i++) put_alert(&w, &n->alerts[i]);
    json_array_end(&w);
    json_object_end(&w);
}

static struct slice text_of(const struct json_doc *d, uint32_t node, const char *key, struct arena *arena) {
    return json_string(d, json_get(d, node, key), arena);
}

static bool object_of(const struct json_doc *d, uint32_t node, const char *key, struct slice *ret) {
    uint32_t value = json_get(d, node, key);
    *ret = json_type(d, value) == JSON_OBJECT ? json_raw(d, value) : SLICE_NULL;
    return value == JSON_NONE || json_type(d, value) == JSON_OBJECT;
}

static bool read_alert(const struct json_doc *d, uint32_t node, struct arena *arena, struct noticed_alert *ret) {
    *ret = (struct noticed_alert){.rule = text_of(d, node, "rule", arena), .series = text_of(d, node, "series", arena),
                                  .fingerprint = text_of(d, node, "fingerprint", arena), .summary = text_of(d, node, "summary", arena),
                                  .runbook = text_of(d, node, "runbook", arena), .commands = text_of(d, node, "commands", arena),
                                  .acknowledged_by = text_of(d, node, "acknowledged_by", arena)};
    return json_type(d, node) == JSON_OBJECT && !slice_is_null(ret->rule) && json_get_i64(d, json_get(d, node, "alert"), &ret->alert) &&
           json_get_i64(d, json_get(d, node, "starts_us"), &ret->starts_us) && json_get_i64(d, json_get(d, node, "ends_us"), &ret->ends_us) &&
           object_of(d, node, "labels", &ret->labels) && object_of(d, node, "evidence", &ret->evidence) &&
           alert_severity_from(text_of(d, node, "severity", arena), &ret->severity) &&
           alert_state_from(text_of(d, node, "state", arena), &ret->state);
}

enum fault notice_read(struct slice body, struct arena *arena, struct notice_alerts *ret, struct error *error) {
    struct json_doc d;
    uint32_t item, at = JSON_NONE;
    enum fault fault = json_read(body, arena, UINT16_MAX, &d, error);
    if (fault != FAULT_NONE) return fault == FAULT_TOO_LARGE ? fault : error_set(error, FAULT_CORRUPT, "a notice that is kept is not JSON");
    uint32_t list = json_get(&d, 0, "alerts");
    unsigned n = json_type(&d, list) == JSON_ARRAY ? (unsigned)json_size(&d, list) : 0;
    struct notice_alerts read = {.n = n, .status = text_of(&d, 0, "status", arena), .group = text_of(&d, 0, "group", arena),
                                 .why = text_of(&d, 0, "why", arena), .called = text_of(&d, 0, "called", arena)};
    struct noticed_alert *alerts = n > 0 && n <= NOTICE_ALERTS ? arena_new_array(arena, struct noticed_alert, n) : NULL;
    bool good = alerts != NULL && !slice_is_null(read.status) && json_get_i64(&d, json_get(&d, 0, "left_out"), &read.left_out);
    for (unsigned i = 0; good && json_each_item(&d, list, &at, &item); i++) good = read_alert(&d, item, arena, &alerts[i]);
    if (arena_is_full(arena)) return error_set(error, FAULT_TOO_LARGE, "no room to read a notice");
    if (!good) return error_set(error, FAULT_CORRUPT, "a notice that is kept is not one: it lacks members, or has %u alerts", n);
    read.alerts = alerts;
    *ret = read;
    return FAULT_NONE;
}

/* ---- what came back ---- */

static int64_t after_of(struct slice retry_after, int64_t now_us) {
    uint64_t seconds;
    int64_t at_us, after_us = -1;
    retry_after = slice_trim(retry_after);
    if (slice_to_u64(retry_after, &seconds)) after_us = seconds > 3600 ? NOTICE_RETRY_AFTER_MOST_US : (int64_t)seconds * 1000000;
    else if (clock_parse_http_date(retry_after, &at_us)) after_us = at_us > now_us ? at_us - now_us : 0;
    return after_us > NOTICE_RETRY_AFTER_MOST_US ? NOTICE_RETRY_AFTER_MOST_US : after_us;
}

static enum notice_answer mail_answer(int code) {
    if (code >= 200 && code < 300) return NOTICE_TAKEN;
    /* credentials, and what a server wants of the connection: a person may mend that */
    bool login = code == 530 || code == 534 || code == 535 || code == 538;
    return code >= 550 && !login ? NOTICE_REFUSED : NOTICE_AGAIN;
}

enum notice_answer notice_answer(enum receiver_kind kind, int status, struct slice retry_after, int64_t now_us, int64_t *ret_after_us) {
    *ret_after_us = -1;
    if (kind == RECEIVER_EMAIL) return mail_answer(status);
    if (status >= 200 && status < 300) return NOTICE_TAKEN;
    bool content = status == 400 || status == 413 || status == 415 || status == 422;
    bool gone = status == 410 || (kind == RECEIVER_SLACK && status == 404); /* Slack's: no_service, channel_not_found */
    if (content || gone) return NOTICE_REFUSED;
    if (!slice_is_null(retry_after)) *ret_after_us = after_of(retry_after, now_us);
    return NOTICE_AGAIN;
}

int64_t notice_backoff(int64_t tries) {
    static const int64_t most_us = 300000000;
    int64_t us = 1000000;
    for (int64_t i = 1; i < tries && us < most_us; i++) us *= 2;
    if (us > most_us) us = most_us;
    return us + us / 4 * (tries * 7919 % 101) / 100; /* receivers that failed together do not come back together */
}

void notice_sign(struct slice secret, int64_t unix_s, struct slice body, char out[NOTICE_SIGNATURE]) {
    struct digest mac;
    char head[32], hex[2 * DIGEST_BYTES + 1];
    int n = snprintf(head, sizeof head, "%lld.", (long long)unix_s);
    digest_hmac256(secret, slice_make(head, (size_t)n), body, &mac);
    digest_hex(mac.bytes, DIGEST_BYTES, hex);
    (void)snprintf(out, NOTICE_SIGNATURE, "t=%lld,v1=%s", (long long)unix_s, hex);
}
