/* vendor_status.c - see vendor_status.h. Feeds are read by looking for the few elements that matter, as feed readers do: half of the world's are not
 * well-formed XML, and an expanding parser is nothing for strangers' bytes. Each byte is looked at a few times at most. */
#include "incident/vendor_status.h"

#include "base/clock.h"
#include "base/date.h"
#include "base/json.h"

#include <stdlib.h>

#define INCIDENTS 50u
#define TEXT_MOST 300u           /* bytes of a text that is shown */
#define URL_MOST 500u
#define DAY_US 86400000000LL
#define AHEAD_US 3600000000LL    /* clocks differ */
#define ITEMS_MOST 2000u

static const char *const indicators[] = {"unknown", "none", "minor", "major", "critical", "maintenance"};
const char *vendor_indicator_name(enum vendor_indicator i) { return indicators[i]; }

static enum vendor_indicator indicator_of(struct slice name) {
    for (unsigned i = VENDOR_NONE; i <= VENDOR_MAINTENANCE; i++)
        if (slice_is(name, indicators[i])) return (enum vendor_indicator)i;
    return VENDOR_UNKNOWN;
}

/* For a terminal and a page: one line, no control characters, well-formed, not long. */
static struct slice clean(struct slice s, struct arena *arena) {
    s = slice_trim(s);
    size_t n = s.len > TEXT_MOST ? TEXT_MOST : s.len, to = 0;
    while (n > 0 && n < s.len && ((unsigned char)s.at[n] & 0xc0) == 0x80) n--;
    char *out = arena_alloc(arena, n + 1);
    if (out == NULL) return SLICE_NULL;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s.at[i];
        bool blank = c < 0x20 || c == 0x7f;
        if (!blank || (to > 0 && out[to - 1] != ' ')) out[to++] = blank ? ' ' : (char)c;
    }
    struct slice text = slice_make(out, to);
    if (slice_is_utf8(text)) return text;
    for (size_t i = 0; i < to; i++)
        if ((unsigned char)out[i] >= 0x80) out[i] = '?';
    return text;
}

static struct slice clean_url(struct slice s) {
    s = slice_trim(s);
    if (s.len > URL_MOST || (!slice_starts(s, SLICE("https://")) && !slice_starts(s, SLICE("http://")))) return SLICE_NULL;
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] <= 0x20 || (unsigned char)s.at[i] >= 0x7f || strchr("\"'<>`\\", s.at[i]) != NULL) return SLICE_NULL;
    return s;
}

static int newer_first(const void *a, const void *b) {
    const struct vendor_incident *x = a, *y = b;
    return x->updated_us < y->updated_us ? 1 : x->updated_us > y->updated_us ? -1 : 0;
}

/* Of more than there is room for, the newest. */
static void add(struct vendor_status *st, const struct vendor_incident *i) {
    if (st->n_incidents < INCIDENTS) {
        st->incidents[st->n_incidents++] = *i;
        return;
    }
    unsigned oldest = 0;
    for (unsigned k = 1; k < INCIDENTS; k++)
        if (st->incidents[k].updated_us < st->incidents[oldest].updated_us) oldest = k;
    if (st->incidents[oldest].updated_us < i->updated_us) st->incidents[oldest] = *i;
}

/* ---- Statuspage ---- */

static int64_t time_of(const struct json_doc *d, uint32_t at, struct arena *arena) {
    int64_t t = 0;
    struct slice text = json_string(d, at, arena);
    return text.len > 0 && text.at[0] != '-' && clock_parse(text, &t) ? t : 0;
}

static void read_incidents(const struct json_doc *d, uint32_t list, struct arena *arena, struct vendor_status *st) {
    uint32_t cursor = JSON_NONE, at;
    while (json_each_item(d, list, &cursor, &at)) {
        struct vendor_incident i = {.id = clean(json_string(d, json_get(d, at, "id"), arena), arena),
                                    .name = clean(json_string(d, json_get(d, at, "name"), arena), arena),
                                    .status = clean(json_string(d, json_get(d, at, "status"), arena), arena),
                                    .url = clean_url(json_string(d, json_get(d, at, "shortlink"), arena)),
                                    .impact = indicator_of(json_string(d, json_get(d, at, "impact"), arena)),
                                    .started_us = time_of(d, json_get(d, at, "started_at"), arena),
                                    .updated_us = time_of(d, json_get(d, at, "updated_at"), arena)};
        if (i.started_us == 0) i.started_us = time_of(d, json_get(d, at, "created_at"), arena);
        if (i.updated_us == 0) i.updated_us = i.started_us;
        if (!slice_is(i.status, "resolved") && !slice_is(i.status, "postmortem") && !slice_is(i.status, "completed")) add(st, &i);
    }
}

static enum fault read_statuspage(struct slice text, struct arena *arena, struct vendor_status *st, struct error *error) {
    struct json_doc d;
    enum fault fault = json_read(text, arena, 4, &d, error);
    if (fault != FAULT_NONE) return fault;
    uint32_t status = json_get(&d, 0, "status");
    struct slice indicator = json_string(&d, json_get(&d, status, "indicator"), arena);
    if (slice_is_null(indicator))
        return error_set(error, FAULT_UP_MALFORMED, "expected a Statuspage document with status.indicator (https://PAGE/api/v2/summary.json), found other JSON");
    st->indicator = indicator_of(indicator);
    st->words = clean(json_string(&d, json_get(&d, status, "description"), arena), arena);
    read_incidents(&d, json_get(&d, 0, "incidents"), arena, st);
    return FAULT_NONE;
}

/* ---- RSS and Atom ---- */

static size_t find(struct slice s, size_t from, const char *what) {
    size_t n = strlen(what);
    if (from >= s.len || s.len - from < n) return SIZE_MAX;
    const char *at = memmem(s.at + from, s.len - from, what, n);
    return at == NULL ? SIZE_MAX : (size_t)(at - s.at);
}

/* The next "<name" that is a whole name; where its tag begins. */
static size_t find_tag(struct slice s, size_t from, const char *name) {
    char open[24] = "<";
    size_t n = strlen(name);
    memcpy(open + 1, name, n + 1);
    for (size_t at = find(s, from, open); at != SIZE_MAX; at = find(s, at + 1, open)) {
        char behind = at + 1 + n < s.len ? s.at[at + 1 + n] : 0;
        if (behind == '>' || behind == '/' || behind == ' ' || behind == '\t' || behind == '\n' || behind == '\r') return at;
    }
    return SIZE_MAX;
}

/* What stands in the first element `name` of `s`; SLICE_NULL: there is none. */
static struct slice element(struct slice s, const char *name) {
    char close[24] = "</";
    size_t at = find_tag(s, 0, name), end;
    if (at == SIZE_MAX || (at = find(s, at, ">")) == SIZE_MAX || s.at[at - 1] == '/') return SLICE_NULL;
    memcpy(close + 2, name, strlen(name) + 1);
    end = find(s, at, close);
    return end == SIZE_MAX ? SLICE_NULL : slice_make(s.at + at + 1, end - at - 1);
}

static size_t put_code(uint32_t c, char *out) {
    if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return (size_t)(*out = ' ', 1);
    if (c < 0x80) return (size_t)(*out = (char)c, 1);
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--, c >>= 6) out[i] = (char)(0x80 | (c & 0x3f));
    out[0] = (char)((0xf00u >> n) | c);
    return n;
}

static size_t put_entity(struct slice name, char *out) {
    static const struct { const char *name; char c; } known[] = {{"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}, {"nbsp", ' '}};
    uint32_t c = 0;
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (slice_is(name, known[i].name)) return (size_t)(*out = known[i].c, 1);
    if (name.len < 2 || name.at[0] != '#') return 0;
    bool hex = name.at[1] == 'x' || name.at[1] == 'X';
    for (size_t i = hex ? 2 : 1; i < name.len; i++) {
        char d = name.at[i];
        uint32_t v = d >= '0' && d <= '9' ? (uint32_t)(d - '0') : hex && (d | 32) >= 'a' && (d | 32) <= 'f' ? (uint32_t)((d | 32) - 'a' + 10) : 99;
        if (v == 99 || c > 0x10ffff) return 0;
        c = c * (hex ? 16 : 10) + v;
    }
    return put_code(c, out);
}

/* Text of an element: CDATA opened, entities made characters. An entity is never shorter than what it says, so it fits. */
static struct slice text_of(struct slice s, struct arena *arena) {
    struct slice t = slice_trim(s);
    if (slice_starts(t, SLICE("<![CDATA["))) {
        size_t end = find(t, 9, "]]>");
        return slice_make(t.at + 9, (end == SIZE_MAX ? t.len : end) - 9);
    }
    if (t.len == 0 || memchr(t.at, '&', t.len) == NULL) return t;
    char *out = arena_alloc(arena, t.len + 4);
    size_t to = 0;
    for (size_t i = 0; out != NULL && i < t.len; i++) {
        size_t end = i + 1, n = 0;
        while (t.at[i] == '&' && end < t.len && end - i < 12 && t.at[end] != ';') end++;
        if (t.at[i] == '&' && end < t.len && t.at[end] == ';') n = put_entity(slice_make(t.at + i + 1, end - i - 1), out + to);
        if (n > 0) i = end;
        else out[to] = t.at[i], n = 1;
        to += n;
    }
    return out == NULL ? SLICE_NULL : slice_make(out, to);
}

/* "Tue, 21 Nov 2026 14:02:00 -0800" (RFC 822), or RFC 3339. 0: neither. */
static int zone_minutes(struct slice z, bool *ret_known) {
    static const struct { const char *name; int minutes; } zones[] = {{"GMT", 0}, {"UTC", 0}, {"UT", 0}, {"Z", 0}, {"EST", -300}, {"EDT", -240},
                                                                     {"CST", -360}, {"CDT", -300}, {"MST", -420}, {"MDT", -360}, {"PST", -480}, {"PDT", -420}};
    uint64_t n;
    *ret_known = true;
    for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
        if (slice_is(z, zones[i].name)) return zones[i].minutes;
    *ret_known = z.len == 5 && (z.at[0] == '+' || z.at[0] == '-') && slice_to_u64(slice_make(z.at + 1, 4), &n) && n < 2400;
    return *ret_known ? (z.at[0] == '-' ? -1 : 1) * (int)(n / 100 * 60 + n % 100) : 0;
}

static struct slice word(struct slice *s) {
    struct slice head, tail;
    *s = slice_trim(*s);
    (void)slice_cut(*s, ' ', &head, &tail);
    *s = tail;
    return head;
}

static int64_t feed_time(struct slice s) {
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t t;
    uint64_t day, year, clock[3] = {0, 0, 0};
    bool known;
    s = slice_trim(s);
    if (s.len == 0 || s.len > 64 || s.at[0] == '-') return 0;
    if (clock_parse(s, &t)) return t;
    struct slice w = word(&s), part, rest;
    if (slice_ends(w, SLICE(","))) w = word(&s);
    if (!slice_to_u64(w, &day) || day < 1 || day > 31) return 0;
    w = word(&s);
    size_t month = w.len == 3 ? find(slice_of(months), 0, (char[4]){w.at[0], w.at[1], w.at[2], 0}) : SIZE_MAX;
    if (month == SIZE_MAX || month % 3 != 0 || !slice_to_u64(word(&s), &year) || year < 1990 || year > 2200) return 0;
    rest = word(&s);
    for (unsigned i = 0; i < 3 && rest.len > 0; i++) {
        (void)slice_cut(rest, ':', &part, &rest);
        if (!slice_to_u64(part, &clock[i]) || clock[i] > 60) return 0;
    }
    int zone = zone_minutes(slice_trim(s), &known);
    if (!known) return 0;
    int64_t days = date_to_days((struct date){(int64_t)year, (int)month / 3 + 1, (int)day});
    return ((days * 1440 + (int64_t)clock[0] * 60 + (int64_t)clock[1] - zone) * 60 + (int64_t)clock[2]) * 1000000;
}

static struct slice href_of(struct slice item) {
    size_t at = find_tag(item, 0, "link"), end = at == SIZE_MAX ? SIZE_MAX : find(item, at, ">");
    if (end == SIZE_MAX) return SLICE_NULL;
    struct slice tag = slice_make(item.at + at, end - at);
    if ((at = find(tag, 0, "href=")) == SIZE_MAX || at + 6 >= tag.len) return SLICE_NULL;
    char quote[2] = {tag.at[at + 5], 0};
    end = quote[0] == '"' || quote[0] == '\'' ? find(tag, at + 6, quote) : SIZE_MAX;
    return end == SIZE_MAX ? SLICE_NULL : slice_make(tag.at + at + 6, end - at - 6);
}

static bool is_over(struct slice s) {
    return slice_contains_nocase(s, SLICE("resolved")) || slice_contains_nocase(s, SLICE("completed")) || slice_contains_nocase(s, SLICE("operational"));
}

static void read_item(struct slice item, bool atom, int64_t now_us, struct arena *arena, struct vendor_status *st) {
    struct slice title = text_of(element(item, "title"), arena), body = element(item, atom ? "content" : "description");
    if (atom && slice_is_null(body)) body = element(item, "summary");
    body = text_of(body, arena);
    struct vendor_incident i = {.id = clean(text_of(element(item, atom ? "id" : "guid"), arena), arena), .name = clean(title, arena),
                                .status = SLICE_NULL, .impact = VENDOR_MINOR,
                                .started_us = feed_time(text_of(element(item, atom ? "published" : "pubDate"), arena)),
                                .updated_us = feed_time(text_of(element(item, "updated"), arena))};
    if (i.updated_us == 0) i.updated_us = i.started_us;
    if (i.started_us == 0) i.started_us = i.updated_us;
    if (i.updated_us <= now_us - DAY_US || i.updated_us > now_us + AHEAD_US || is_over(title) || is_over(body)) return;
    i.url = clean_url(atom ? href_of(item) : text_of(element(item, "link"), arena));
    if (slice_contains_nocase(title, SLICE("maintenance")) || slice_contains_nocase(body, SLICE("maintenance"))) i.impact = VENDOR_MAINTENANCE;
    add(st, &i);
}

static enum fault read_feed(struct slice text, bool atom, int64_t now_us, struct arena *arena, struct vendor_status *st) {
    const char *name = atom ? "entry" : "item", *close = atom ? "</entry" : "</item";
    size_t at = 0;
    for (unsigned n = 0; n < ITEMS_MOST && (at = find_tag(text, at, name)) != SIZE_MAX; n++) {
        size_t end = find(text, at, close);
        if (end == SIZE_MAX) end = text.len; /* cut off: what is there */
        read_item(slice_make(text.at + at + 1, end - at - 1), atom, now_us, arena, st);
        at = end;
    }
    st->indicator = VENDOR_NONE;
    for (unsigned i = 0; i < st->n_incidents; i++)
        if (st->incidents[i].impact == VENDOR_MINOR) st->indicator = VENDOR_MINOR;
        else if (st->indicator == VENDOR_NONE) st->indicator = VENDOR_MAINTENANCE;
    st->words = st->indicator == VENDOR_MINOR ? SLICE("an incident is open") : st->indicator == VENDOR_MAINTENANCE ? SLICE("maintenance") : SLICE("no open incident");
    return FAULT_NONE;
}

enum fault vendor_status_read(struct slice text, int64_t now_us, struct arena *arena, struct vendor_status *ret, struct error *error) {
    struct vendor_status st = {.indicator = VENDOR_UNKNOWN};
    enum fault fault;
    if (text.len > LIMIT_STATUS_PAGE) return error_set(error, FAULT_TOO_LARGE, "a status page of more than %u bytes", LIMIT_STATUS_PAGE);
    if (slice_starts(text, SLICE("\xef\xbb\xbf"))) text = slice_make(text.at + 3, text.len - 3);
    text = slice_trim(text);
    st.incidents = arena_new_array(arena, struct vendor_incident, INCIDENTS);
    if (st.incidents == NULL) return error_set(error, FAULT_TOO_LARGE, "no room for a status page");
    size_t rss = find_tag(text, 0, "rss"), feed = find_tag(text, 0, "feed");
    if (text.len > 0 && text.at[0] == '{') fault = read_statuspage(text, arena, &st, error);
    else if (rss != SIZE_MAX || feed != SIZE_MAX) fault = read_feed(text, feed < rss, now_us, arena, &st);
    else fault = error_set(error, FAULT_UP_MALFORMED, "expected a Statuspage document (https://PAGE/api/v2/summary.json), RSS or Atom, found something else");
    if (fault == FAULT_NONE && arena_is_full(arena)) fault = error_set(error, FAULT_TOO_LARGE, "no room for a status page");
    if (fault != FAULT_NONE) return fault;
    qsort(st.incidents, st.n_incidents, sizeof *st.incidents, newer_first);
    *ret = st;
    return FAULT_NONE;
}
