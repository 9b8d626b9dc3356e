/* From a notice to the requests of its receiver's kind. */
#include "incident/notice_parts.h"

#include "base/mem.h"

#define PAGERDUTY_URL "https://events.pagerduty.com/v2/enqueue"
enum { ADDRESSES = 50 };

static enum fault too_large(struct error *error) { return error_set(error, FAULT_TOO_LARGE, "a notice is larger than its receiver takes, even without its evidence"); }

/* By `make`, with evidence and, where that is too large, without. */
static enum fault body_of(struct notice_making *m, bool (*make)(const struct notice_making *m, struct buffer *out), size_t most, struct slice *ret,
                          struct error *error) {
    struct buffer out;
    buffer_init(&out, most);
    m->brief = false;
    bool good = make(m, &out);
    if (!good) {
        buffer_clear(&out);
        m->brief = true;
        good = make(m, &out);
    }
    *ret = good ? arena_slice(m->arena, buffer_slice(&out)) : SLICE_NULL;
    buffer_deinit(&out);
    return slice_is_null(*ret) ? too_large(error) : FAULT_NONE;
}

static const char **headers_of(struct notice_making *m, struct slice body) {
    const char **h = arena_new_array(m->arena, const char *, 5);
    char signature[NOTICE_SIGNATURE];
    unsigned n = 0;
    if (h == NULL) return NULL;
    h[n++] = "content-type: application/json";
    h[n++] = "user-agent: quarterdeck/" VERSION;
    h[n++] = arena_text(m->arena, arena_printf(m->arena, "x-quarterdeck-notice: " SLICE_FMT, SLICE_ARG(notice_line(m->arena, m->id, 100))));
    if (m->r->kind == RECEIVER_WEBHOOK && m->r->secret.len > 0) {
        notice_sign(m->r->secret, m->now_us / 1000000, body, signature);
        h[n++] = arena_text(m->arena, arena_printf(m->arena, "x-quarterdeck-signature: %s", signature));
    }
    return h;
}

static struct slice url_of(struct notice_making *m) {
    struct slice url = m->r->url, tail = SLICE("/api/v2/alerts");
    if (m->r->kind == RECEIVER_PAGERDUTY && url.len == 0) return SLICE(PAGERDUTY_URL);
    if (m->r->kind == RECEIVER_ALERTMANAGER && !slice_ends(url, tail)) {
        while (url.len > 0 && url.at[url.len - 1] == '/') url.len--;
        return arena_printf(m->arena, SLICE_FMT SLICE_FMT, SLICE_ARG(url), SLICE_ARG(tail));
    }
    char *text = arena_text(m->arena, url);
    return slice_make(text, text != NULL ? url.len : 0);
}

static enum fault one(struct notice_making *m, bool (*make)(const struct notice_making *m, struct buffer *out), struct notice_request **ret,
                      unsigned *ret_n, struct error *error) {
    struct notice_request *q = arena_new(m->arena, struct notice_request);
    if (q == NULL) return too_large(error);
    enum fault fault = body_of(m, make, LIMIT_NOTICE_BODY, &q->body, error);
    if (fault != FAULT_NONE) return fault;
    q->url = url_of(m);
    q->headers = headers_of(m, q->body);
    *ret = q;
    *ret_n = 1;
    return FAULT_NONE;
}

static enum fault event(struct notice_making *m, const struct noticed_alert *a, bool over, struct notice_request *q, struct error *error) {
    struct buffer out;
    buffer_init(&out, PAGERDUTY_BODY);
    m->brief = false;
    bool good = notice_pagerduty_body(m, a, over, &out);
    if (!good) {
        buffer_clear(&out);
        m->brief = true;
        good = notice_pagerduty_body(m, a, over, &out);
    }
    q->body = good ? arena_slice(m->arena, buffer_slice(&out)) : SLICE_NULL;
    buffer_deinit(&out);
    if (slice_is_null(q->body)) return too_large(error);
    q->url = url_of(m);
    q->headers = headers_of(m, q->body);
    return FAULT_NONE;
}

/* A test opens an incident and closes it: nobody has to. */
static enum fault events(struct notice_making *m, struct notice_request **ret, unsigned *ret_n, struct error *error) {
    bool test = slice_is(m->n->status, "test");
    struct notice_request *all = arena_new_array(m->arena, struct notice_request, m->n->n * 2);
    unsigned n = 0;
    enum fault fault = all == NULL ? too_large(error) : FAULT_NONE;
    for (unsigned i = 0; fault == FAULT_NONE && i < m->n->n; i++) {
        const struct noticed_alert *a = &m->n->alerts[i];
        fault = event(m, a, notice_is_over(a), &all[n++], error);
        if (fault == FAULT_NONE && test) fault = event(m, a, true, &all[n++], error);
    }
    if (fault != FAULT_NONE) return fault;
    *ret = all;
    *ret_n = n;
    return FAULT_NONE;
}

/* ---- e-mail ---- */

static bool mail_body(const struct notice_making *m, struct buffer *out) {
    struct slice from = m->r->from.len > 0 ? m->r->from : SLICE("quarterdeck@localhost");
    return notice_mail_message(m, from, out);
}

static bool is_address(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] <= 0x20 || s.at[i] == 0x7F || s.at[i] == '<' || s.at[i] == '>') return false;
    return s.len > 0;
}

static enum fault mail_request(struct notice_making *m, struct notice_request **ret, unsigned *ret_n, struct error *error) {
    const char **to = arena_new_array(m->arena, const char *, ADDRESSES + 1);
    struct slice each, rest = m->r->to;
    unsigned n = 0;
    if (to == NULL) return too_large(error);
    for (bool more = true; more;) {
        more = slice_cut(rest, ',', &each, &rest);
        each = slice_trim(each);
        if (each.len == 0) continue;
        if (n == ADDRESSES || !is_address(each)) return error_set(error, FAULT_CONFIG, "expected up to %d addresses with commas between them in `to`", ADDRESSES);
        to[n++] = arena_text(m->arena, each);
    }
    if (n == 0) return error_set(error, FAULT_CONFIG, "`to` names no address");
    enum fault fault = one(m, mail_body, ret, ret_n, error);
    if (fault == FAULT_NONE && *ret != NULL) (*ret)->headers = to;
    return fault;
}

enum fault notice_requests(const struct alert_receiver *r, const struct notice_alerts *n, struct slice id, struct slice external_url,
                           int64_t made_us, int64_t now_us, struct arena *arena, struct notice_request **ret, unsigned *ret_n,
                           struct error *error) {
    struct notice_making m = {.r = r, .n = n, .id = id, .external_url = external_url, .made_us = made_us, .now_us = now_us, .arena = arena};
    struct notice_request *all = NULL;
    unsigned count = 0;
    enum fault fault = FAULT_INTERNAL;
    if (n->n == 0) return error_set(error, FAULT_CORRUPT, "a notice without an alert");
    switch (r->kind) {
    case RECEIVER_WEBHOOK: fault = one(&m, notice_webhook_body, &all, &count, error); break;
    case RECEIVER_ALERTMANAGER: fault = one(&m, notice_alertmanager_body, &all, &count, error); break;
    case RECEIVER_SLACK: fault = one(&m, notice_slack_body, &all, &count, error); break;
    case RECEIVER_PAGERDUTY: fault = events(&m, &all, &count, error); break;
    case RECEIVER_EMAIL: fault = mail_request(&m, &all, &count, error); break;
    case RECEIVER_KINDS: break;
    }
    if (fault == FAULT_NONE && arena_is_full(arena)) fault = too_large(error);
    if (fault != FAULT_NONE) return fault;
    *ret = all;
    *ret_n = count;
    return FAULT_NONE;
}
