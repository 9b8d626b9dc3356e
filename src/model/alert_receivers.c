/* `receivers`: where alerts are told. Addresses and secrets are never shown in a problem. */
#include "model/alert_reading.h"

#include <stdio.h>

#define SECOND_US 1000000LL
#define PAGERDUTY_URL "https://events.pagerduty.com/v2/enqueue"
enum { MOST_RECEIVERS = 100 };

enum { URL, SECRET, ROUTING_KEY, PASSWORD, USER, FROM, TO, CHANNEL, PROXY, CA_FILE, SEND_RESOLVED, TIMEOUT, GIVE_UP, MEMBERS };
static const char *const member_names[MEMBERS] = {"url",     "secret",  "routing_key", "password",      "user",    "from",   "to",
                                                  "channel", "proxy",   "ca_file",     "send_resolved", "timeout", "give_up"};
#define BIT(m) (1u << (m))
#define ALL (BIT(URL) | BIT(CA_FILE) | BIT(SEND_RESOLVED) | BIT(TIMEOUT) | BIT(GIVE_UP))
static const struct {
    const char *name;
    unsigned has, needs;
} kinds[RECEIVER_KINDS] = {
    [RECEIVER_WEBHOOK] = {"webhook", ALL | BIT(SECRET) | BIT(PROXY), BIT(URL)},
    [RECEIVER_SLACK] = {"slack", ALL | BIT(CHANNEL) | BIT(PROXY), BIT(URL)},
    [RECEIVER_PAGERDUTY] = {"pagerduty", ALL | BIT(ROUTING_KEY) | BIT(PROXY), BIT(ROUTING_KEY)},
    [RECEIVER_ALERTMANAGER] = {"alertmanager", ALL | BIT(PROXY), BIT(URL)},
    [RECEIVER_EMAIL] = {"email", ALL | BIT(USER) | BIT(PASSWORD) | BIT(FROM) | BIT(TO), BIT(URL) | BIT(FROM) | BIT(TO)},
};

const char *receiver_kind_name(enum receiver_kind k) { return (unsigned)k < RECEIVER_KINDS ? kinds[k].name : "unknown"; }

static bool is_one_line(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] < 0x20 || s.at[i] == 0x7F) return false;
    return true;
}

/* SCHEME://HOST..., of one of two schemes, without white space. */
static bool is_url(struct slice s, const char *const schemes[2]) {
    for (unsigned i = 0; i < 2; i++) {
        struct slice scheme = slice_of(schemes[i]);
        if (!slice_starts(s, scheme) || s.len == scheme.len || strchr("/:?#", s.at[scheme.len]) != NULL) continue;
        for (size_t c = 0; c < s.len; c++)
            if ((unsigned char)s.at[c] <= ' ' || s.at[c] == 0x7F) return false;
        return true;
    }
    return false;
}

/* NUL-terminated, in the policy's arena; SLICE_NULL for none and for "${X:-}". */
static struct slice kept(const struct alert_reader *a, uint32_t node) {
    struct slice text = reader_scalar(a->r, node);
    const char *copy = text.len > 0 ? arena_text(a->r->arena, text) : NULL;
    return copy != NULL ? slice_make(copy, text.len) : SLICE_NULL;
}

static struct slice one_line(const struct alert_reader *a, uint32_t node, const char *self, int member) {
    char here[ALERT_PLACE];
    struct slice text = kept(a, node);
    if (node != JSON_NONE && ((slice_is_null(text) && json_type(&a->r->d->doc, node) != JSON_STRING) || !is_one_line(text)))
        reader_problem(a->r, node, "%s: expected one line of text (what was found is not shown)", alert_place(here, "%s.%s", self, member_names[member]));
    return text;
}

static struct slice read_url(const struct alert_reader *a, uint32_t node, const char *self, int member, enum receiver_kind kind) {
    static const char *const web[2] = {"https://", "http://"}, *const mail[2] = {"smtp://", "smtps://"};
    char here[ALERT_PLACE];
    struct slice url = kept(a, node);
    bool email = kind == RECEIVER_EMAIL;
    if (node != JSON_NONE && !slice_is_null(url) && !is_url(url, email ? mail : web))
        reader_problem(a->r, node, "%s: expected a URL as %s (what was found is not shown)", alert_place(here, "%s.%s", self, member_names[member]),
                       email ? "smtp://HOST:PORT or smtps://HOST:PORT" : "http(s)://HOST[:PORT]/PATH");
    return url;
}

static bool is_address(struct slice s) {
    struct slice name, host;
    return slice_cut(s, '@', &name, &host) && name.len > 0 && host.len > 0 && is_one_line(s) && memchr(s.at, ' ', s.len) == NULL &&
           memchr(s.at, ',', s.len) == NULL;
}

static void check_address(const struct alert_reader *a, uint32_t node, const char *place, struct slice one) {
    int shown = one.len > 60 ? 60 : (int)one.len;
    if (!is_address(one)) reader_problem(a->r, node, "%s: expected an address such as ops@example.org, found `%.*s`", place, shown, one.at);
}

/* One address or a list of them, as "a@x,b@y". */
static struct slice read_addresses(const struct alert_reader *a, uint32_t node, const char *self, int member) {
    struct slice *each = NULL, all = SLICE_NULL;
    unsigned n = 0;
    char here[ALERT_PLACE];
    reader_texts(a->r, node, alert_place(here, "%s.%s", self, member_names[member]), &each, &n);
    for (unsigned i = 0; i < n; i++) {
        check_address(a, node, here, each[i]);
        all = i == 0 ? each[i] : arena_printf(a->r->arena, SLICE_FMT "," SLICE_FMT, SLICE_ARG(all), SLICE_ARG(each[i]));
    }
    if (member == FROM && n > 1) reader_problem(a->r, node, "%s: expected one address, found %u", here, n);
    const char *copy = n > 0 ? arena_text(a->r->arena, all) : NULL;
    return copy != NULL ? slice_make(copy, all.len) : SLICE_NULL;
}

static void read_members(const struct alert_reader *a, uint32_t map, const char *self, struct alert_receiver *v) {
    const char *names[MEMBERS + 1];
    uint32_t given[MEMBERS], at[MEMBERS];
    unsigned n = 0;
    char here[ALERT_PLACE];
    for (unsigned i = 0; i < MEMBERS; i++)
        if (kinds[v->kind].has & BIT(i)) names[n++] = member_names[i];
    names[n] = NULL;
    if (!reader_map(a->r, map, self, names, given)) return;
    for (unsigned i = 0, g = 0; i < MEMBERS; i++) {
        at[i] = kinds[v->kind].has & BIT(i) ? given[g++] : JSON_NONE;
        if ((kinds[v->kind].needs & BIT(i)) && slice_is_null(kept(a, at[i])) && json_type(&a->r->d->doc, at[i]) != JSON_ARRAY)
            reader_problem(a->r, map, "%s.%s: this is required", self, member_names[i]);
    }
    v->url = read_url(a, at[URL], self, URL, v->kind);
    if (v->kind == RECEIVER_PAGERDUTY && slice_is_null(v->url)) v->url = SLICE(PAGERDUTY_URL);
    v->secret = one_line(a, at[SECRET], self, SECRET);
    if (at[ROUTING_KEY] != JSON_NONE) v->secret = one_line(a, at[ROUTING_KEY], self, ROUTING_KEY);
    if (at[PASSWORD] != JSON_NONE) v->secret = one_line(a, at[PASSWORD], self, PASSWORD);
    v->user = one_line(a, at[USER], self, USER);
    v->from = read_addresses(a, at[FROM], self, FROM);
    v->to = read_addresses(a, at[TO], self, TO);
    v->channel = one_line(a, at[CHANNEL], self, CHANNEL);
    v->proxy = one_line(a, at[PROXY], self, PROXY);
    v->ca_file = one_line(a, at[CA_FILE], self, CA_FILE);
    reader_flag(a->r, at[SEND_RESOLVED], alert_place(here, "%s.send_resolved", self), &v->send_resolved);
    alert_duration(a, at[TIMEOUT], alert_place(here, "%s.timeout", self), SECOND_US / 10, 120 * SECOND_US, &v->timeout_us);
    alert_duration(a, at[GIVE_UP], alert_place(here, "%s.give_up", self), 60 * SECOND_US, 7 * 86400 * SECOND_US, &v->give_up_us);
}

static bool kind_from(struct slice name, enum receiver_kind *ret) {
    for (unsigned k = 0; k < RECEIVER_KINDS; k++)
        if (slice_is(name, kinds[k].name)) {
            *ret = (enum receiver_kind)k;
            return true;
        }
    return false;
}

static void read_receiver(const struct alert_reader *a, uint32_t node, const char *self, struct alert_receiver *v) {
    const struct json_doc *d = &a->r->d->doc;
    const char *known[RECEIVER_KINDS + 1];
    uint32_t cursor = JSON_NONE, key, map;
    char here[ALERT_PLACE];
    for (unsigned k = 0; k < RECEIVER_KINDS; k++) known[k] = kinds[k].name;
    known[RECEIVER_KINDS] = NULL;
    if (json_type(d, node) != JSON_OBJECT || json_size(d, node) != 1 || !json_each_member(d, node, &cursor, &key, &map)) {
        reader_problem(a->r, node, "%s: expected one of webhook, slack, pagerduty, alertmanager or email, such as {webhook: {url: \"https://...\"}}", self);
        return;
    }
    struct slice kind = json_string(d, key, a->r->arena);
    if (!alert_known(a, key, self, "kind of receivers", kind, known) || !kind_from(kind, &v->kind)) return;
    read_members(a, map, alert_place(here, "%s.%s", self, kinds[v->kind].name), v);
}

void alert_read_receivers(struct alert_reader *a, uint32_t map) {
    const struct json_doc *d = &a->r->d->doc;
    uint32_t cursor = JSON_NONE, key, value;
    unsigned n = json_type(d, map) == JSON_OBJECT ? json_size(d, map) : 0;
    char self[ALERT_PLACE];
    if (map != JSON_NONE && json_type(d, map) != JSON_OBJECT) reader_expected(a->r, map, "receivers", "a map of receivers by name");
    if (n > MOST_RECEIVERS) reader_problem(a->r, map, "receivers: expected at most %d, found %u", MOST_RECEIVERS, n);
    a->p->receivers = arena_new_array(a->r->arena, struct alert_receiver, n + 1);
    a->receivers = alert_names(a, n);
    if (a->p->receivers == NULL || a->receivers == NULL) return;
    while (n > 0 && json_each_member(d, map, &cursor, &key, &value)) {
        struct alert_receiver *v = &a->p->receivers[a->p->n_receivers];
        *v = (struct alert_receiver){.send_resolved = true, .timeout_us = 10 * SECOND_US, .give_up_us = 24 * 3600 * SECOND_US};
        reader_name(a->r, key, "receivers: a receiver's name", &v->name);
        if (slice_is_null(v->name)) continue;
        a->receivers[a->p->n_receivers++] = arena_text(a->r->arena, v->name);
        a->receivers[a->p->n_receivers] = NULL;
        read_receiver(a, value, alert_place(self, "receivers." SLICE_FMT, SLICE_ARG(v->name)), v);
    }
}
