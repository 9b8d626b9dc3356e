/* Reading what a request gave into the values that its route's table asks for. Whatever is unknown, missing, given
 * twice or out of bounds is answered here, so that handlers need no checks of their own. */
#include "control/api.h"

#include "base/clock.h"
#include "control/suggest.h"
#include "model/quantity.h"

#include <stdio.h>

#define MINUTE_US 60000000LL
#define HOUR_US (60 * MINUTE_US)
#define SHOWN 80 /* bytes of a bad value that an error repeats */

static int index_of(const struct api_route *r, enum api_place place, struct slice name) {
    for (int i = 0; r->parameters && r->parameters[i].name; i++)
        if (r->parameters[i].place == place && slice_is(name, r->parameters[i].name)) return i;
    return -1;
}

static int any_index(const struct api_call *c, const char *name) {
    for (int i = 0; c->route->parameters && c->route->parameters[i].name; i++)
        if (strcmp(c->route->parameters[i].name, name) == 0) return i;
    return -1;
}

struct slice api_text(const struct api_call *c, const char *name) {
    int i = any_index(c, name);
    return i < 0 ? SLICE_NULL : c->values[i];
}

int64_t api_number(const struct api_call *c, const char *name, int64_t fallback) {
    int i = any_index(c, name);
    return i < 0 || slice_is_null(c->values[i]) ? fallback : c->numbers[i];
}

bool api_has_choice(const struct api_call *c, const char *name, const char *choice, bool fallback) {
    struct slice rest = api_text(c, name), one;
    if (slice_is_null(rest)) return fallback;
    while (rest.len > 0) {
        slice_cut(rest, ',', &one, &rest);
        if (slice_is(one, choice)) return true;
    }
    return false;
}

/* ---- percent-encoding ---- */

static int hex(char c) {
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool api_decode(struct slice raw, bool plus_is_space, struct arena *arena, struct slice *ret) {
    char *out = arena_alloc(arena, raw.len + 1);
    if (!out) return false;
    size_t n = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.at[i];
        if (c == '%') {
            int high = i + 2 < raw.len ? hex(raw.at[i + 1]) : -1, low = i + 2 < raw.len ? hex(raw.at[i + 2]) : -1;
            if (high < 0 || low < 0) return false;
            c = (char)(high << 4 | low);
            i += 2;
        } else if (c == '+' && plus_is_space) {
            c = ' ';
        }
        if (c == 0) return false;
        out[n++] = c;
    }
    *ret = slice_make(out, n);
    return slice_is_utf8(*ret);
}

/* ---- one value ---- */

static bool bad(struct api_call *c, const struct api_parameter *p, struct slice value, const char *expected) {
    size_t shown = value.len < SHOWN ? value.len : SHOWN;
    if (p->type == API_SECRET) {
        api_fail(c, FAULT_BAD_REQUEST, "%s: expected %s", p->name, expected);
        return false;
    }
    while (shown > 0 && shown < value.len && ((unsigned char)value.at[shown] & 0xC0) == 0x80) shown--;
    api_fail(c, FAULT_BAD_REQUEST, "%s: expected %s, found '%.*s'%s", p->name, expected, (int)shown, value.at ? value.at : "",
             shown < value.len ? "..." : "");
    return false;
}

static bool is_choice(const char *choices, struct slice value) {
    struct slice rest = slice_of(choices), one;
    while (rest.len > 0) {
        slice_cut(rest, '|', &one, &rest);
        if (slice_eq(one, value)) return true;
    }
    return false;
}

static bool check_choices(struct api_call *c, const struct api_parameter *p, struct slice value) {
    char expected[160];
    struct slice rest = value, one;
    bool several = p->type == API_CHOICES;
    snprintf(expected, sizeof expected, several ? "one or more of %s, separated by commas" : "one of %s", p->choices);
    do {
        if (several) slice_cut(rest, ',', &one, &rest);
        else one = rest;
        if (!is_choice(p->choices, one)) return bad(c, p, value, expected);
    } while (several && rest.len > 0);
    return true;
}

static bool check_step(struct api_call *c, const struct api_parameter *p, struct slice value, int64_t *ret) {
    bool good = duration_parse(value, ret) && *ret > 0 && *ret % MINUTE_US == 0 && (*ret < HOUR_US || *ret % HOUR_US == 0);
    return good || bad(c, p, value, "whole minutes below an hour or whole hours, such as 1m, 15m or 1h");
}

static bool check_integer(struct api_call *c, const struct api_parameter *p, struct slice value, int64_t *ret) {
    char expected[96];
    snprintf(expected, sizeof expected, "a whole number from %lld to %lld", (long long)p->low, (long long)p->high);
    bool good = slice_to_i64(value, ret) && *ret >= p->low && *ret <= p->high;
    return good || bad(c, p, value, expected);
}

static bool take(struct api_call *c, int i, struct slice value) {
    const struct api_parameter *p = &c->route->parameters[i];
    if (!slice_is_null(c->values[i])) {
        api_fail(c, FAULT_BAD_REQUEST, "%s: given twice", p->name);
        return false;
    }
    int64_t most = p->high > 0 && (p->type == API_TEXT || p->type == API_SECRET) ? p->high : LIMIT_LABEL;
    char expected[64];
    snprintf(expected, sizeof expected, "1 to %lld bytes", (long long)most);
    if (value.len == 0 || value.len > (size_t)most) return bad(c, p, value, expected);
    c->values[i] = value;
    switch (p->type) {
    case API_SECRET:
    case API_TEXT: return true;
    case API_INTEGER: return check_integer(c, p, value, &c->numbers[i]);
    case API_TIME:
        return clock_parse(value, &c->numbers[i]) ||
               bad(c, p, value, "a time such as 2026-01-31T12:00:00Z, 2026-01-31, -1h or -7d");
    case API_STEP: return check_step(c, p, value, &c->numbers[i]);
    case API_CHOICE:
    case API_CHOICES: return check_choices(c, p, value);
    case API_USD:
        return (money_parse(value, 9, &c->numbers[i]) && c->numbers[i] > 0) || bad(c, p, value, "US dollars above 0, such as 2.50");
    }
    return false;
}

/* ---- the three places ---- */

static bool unknown(struct api_call *c, enum api_place place, struct slice name) {
    struct suggestion near;
    char hint[SUGGESTION_TEXT];
    suggestion_start(&near, name);
    for (const struct api_parameter *p = c->route->parameters; p && p->name; p++)
        if (p->place == place) suggestion_offer(&near, p->name);
    api_fail(c, FAULT_BAD_REQUEST, "unknown %s `%.*s`%s", place == API_QUERY ? "parameter" : "member of the body",
             (int)(name.len < SHOWN ? name.len : SHOWN), name.at ? name.at : "", suggestion_text(&near, "", hint));
    return false;
}

static bool read_query(struct api_call *c) {
    struct slice rest = c->q->query, pair, name, value;
    while (rest.len > 0) {
        slice_cut(rest, '&', &pair, &rest);
        if (pair.len == 0) continue;
        slice_cut(pair, '=', &name, &value);
        bool good = api_decode(name, true, c->arena, &name);
        int i = good ? index_of(c->route, API_QUERY, name) : -1;
        bool time = i >= 0 && c->route->parameters[i].type == API_TIME; /* "+02:00" is an offset there */
        if (!good || !api_decode(value, !time, c->arena, &value)) {
            api_fail(c, FAULT_BAD_REQUEST, "the query is not well-formed percent-encoded UTF-8 at '%.*s'",
                     (int)(pair.len < SHOWN && slice_is_utf8(pair) ? pair.len : 0), pair.at);
            return false;
        }
        if (i < 0) return unknown(c, API_QUERY, name);
        if (!take(c, i, value)) return false;
    }
    return true;
}

static bool read_body(struct api_call *c) {
    struct json_doc doc;
    struct error error;
    uint32_t at = JSON_NONE, key, value;
    if (slice_trim(c->q->body).len == 0) return true;
    enum fault fault = json_read(c->q->body, c->arena, UINT16_MAX, &doc, &error);
    if (!api_check(c, fault, &error)) return false;
    if (json_type(&doc, 0) != JSON_OBJECT) {
        api_fail(c, FAULT_BAD_REQUEST, "expected a JSON object as the body");
        return false;
    }
    while (json_each_member(&doc, 0, &at, &key, &value)) {
        struct slice name = json_string(&doc, key, c->arena);
        int i = index_of(c->route, API_BODY, name);
        if (i < 0) return unknown(c, API_BODY, name);
        if (json_type(&doc, value) == JSON_NULL) continue;
        enum api_type type = c->route->parameters[i].type;
        bool number = type == API_INTEGER || (type == API_USD && json_type(&doc, value) == JSON_NUMBER);
        if (json_type(&doc, value) != (number ? JSON_NUMBER : JSON_STRING))
            return bad(c, &c->route->parameters[i], json_raw(&doc, value), number ? "a number" : "a string");
        if (!take(c, i, number ? json_raw(&doc, value) : json_string(&doc, value, c->arena))) return false;
    }
    return true;
}

static bool has_body_parameters(const struct api_route *r) {
    for (const struct api_parameter *p = r->parameters; p && p->name; p++)
        if (p->place == API_BODY) return true;
    return false;
}

bool api_read_parameters(struct api_call *c, struct slice *path_values) {
    const struct api_parameter *all = c->route->parameters;
    for (int i = 0; all && all[i].name; i++)
        if (all[i].place == API_PATH && !take(c, i, *path_values++)) return false;
    if (!read_query(c)) return false;
    if (has_body_parameters(c->route) && !read_body(c)) return false;
    for (int i = 0; all && all[i].name; i++)
        if (all[i].required && slice_is_null(c->values[i])) {
            api_fail(c, FAULT_BAD_REQUEST, "%s is missing: %s", all[i].name, all[i].help);
            return false;
        }
    return true;
}

bool api_window(struct api_call *c, int64_t span_us, int64_t *ret_from, int64_t *ret_to) {
    int64_t to = api_number(c, "to", clock_wall_us()), from = api_number(c, "from", to - span_us);
    if (from >= to) {
        char a[CLOCK_TEXT], b[CLOCK_TEXT];
        clock_format(from, a);
        clock_format(to, b);
        api_fail(c, FAULT_BAD_REQUEST, "from: expected a time before `to` (%s), found %s", b, a);
        return false;
    }
    *ret_from = from;
    *ret_to = to;
    return true;
}
