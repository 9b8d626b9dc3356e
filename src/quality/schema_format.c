/* The formats that can be asserted. date-time and date: RFC 3339. email: RFC 5321's Mailbox in ASCII. uri:
 * RFC 3986 with a scheme (no IPvFuture). uuid: RFC 4122's text. ipv4: RFC 2673. */
#include "quality/schema_private.h"

#include "base/date.h"

const char *schema_format_name(enum schema_format f) {
    static const char *const names[] = {"", "date-time", "date", "email", "uri", "uuid", "ipv4"};
    return names[f];
}

static bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

static bool is_letter(char c) {
    return (c | 32) >= 'a' && (c | 32) <= 'z';
}

static bool is_hex(char c) {
    return is_digit(c) || ((c | 32) >= 'a' && (c | 32) <= 'f');
}

/* `n` digits off the front. */
static bool digits(struct slice *s, size_t n, int *ret) {
    int value = 0;
    if (s->len < n) return false;
    for (size_t i = 0; i < n; i++) {
        if (!is_digit(s->at[i])) return false;
        value = value * 10 + (s->at[i] - '0');
    }
    *s = slice_make(s->at + n, s->len - n);
    *ret = value;
    return true;
}

static bool sign(struct slice *s, const char *any) {
    if (s->len == 0 || strchr(any, *s->at) == NULL || *s->at == 0) return false;
    *s = slice_make(s->at + 1, s->len - 1);
    return true;
}

static bool date(struct slice *s) {
    int year, month, day;
    return digits(s, 4, &year) && sign(s, "-") && digits(s, 2, &month) && sign(s, "-") &&
           digits(s, 2, &day) && month >= 1 && month <= 12 && day >= 1 && day <= date_month_days(year, month);
}

/* A leap second is the last one of a day in UTC. */
static bool time_of_day(struct slice s) {
    int hour, minute, second, zone_hour = 0, zone_minute = 0, digit;
    if (!digits(&s, 2, &hour) || !sign(&s, ":") || !digits(&s, 2, &minute) || !sign(&s, ":") ||
        !digits(&s, 2, &second))
        return false;
    if (sign(&s, ".")) {
        if (!digits(&s, 1, &digit)) return false;
        while (digits(&s, 1, &digit)) {
        }
    }
    int towards = s.len > 0 && *s.at == '-' ? 1 : -1;
    if (sign(&s, "+-")) {
        if (!digits(&s, 2, &zone_hour) || !sign(&s, ":") || !digits(&s, 2, &zone_minute)) return false;
    } else if (!sign(&s, "zZ")) {
        return false;
    }
    if (s.len > 0 || hour > 23 || minute > 59 || second > 60 || zone_hour > 23 || zone_minute > 59)
        return false;
    int utc = (hour * 60 + minute + towards * (zone_hour * 60 + zone_minute) + 2 * 1440) % 1440;
    return second < 60 || utc == 1439;
}

static bool ipv4(struct slice s) {
    for (int part = 0; part < 4; part++) {
        size_t n = 0;
        int value = 0;
        while (n < s.len && n < 4 && is_digit(s.at[n])) value = value * 10 + (s.at[n++] - '0');
        if (n == 0 || n > 3 || value > 255 || (n > 1 && s.at[0] == '0')) return false;
        s = slice_make(s.at + n, s.len - n);
        if (part < 3 && !sign(&s, ".")) return false;
    }
    return s.len == 0;
}

/* RFC 3986's IPv6address: eight groups, `::` once for one or more of them, the last two as IPv4. */
static bool ipv6(struct slice s) {
    int groups = 0;
    bool gap = false;
    if (slice_starts(s, SLICE("::"))) {
        gap = true;
        s = slice_make(s.at + 2, s.len - 2);
    }
    while (s.len > 0) {
        size_t n = 0;
        while (n < s.len && n < 5 && is_hex(s.at[n])) n++;
        if (n < s.len && s.at[n] == '.') return ipv4(s) && (gap ? groups + 2 < 8 : groups + 2 == 8);
        if (n == 0 || n > 4) return false;
        groups++;
        s = slice_make(s.at + n, s.len - n);
        if (s.len == 0) break;
        if (!sign(&s, ":") || s.len == 0) return false;
        if (*s.at != ':') continue;
        if (gap) return false;
        gap = sign(&s, ":");
    }
    return gap ? groups < 8 : groups == 8;
}

static bool uuid(struct slice s) {
    if (s.len != 36) return false;
    for (size_t i = 0; i < 36; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? s.at[i] != '-' : !is_hex(s.at[i])) return false;
    }
    return true;
}

static bool dot_atoms(struct slice s) {
    if (s.len == 0 || s.at[0] == '.' || s.at[s.len - 1] == '.') return false;
    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] == '.' && s.at[i - 1] == '.') return false;
        if (!is_letter(s.at[i]) && !is_digit(s.at[i]) &&
            (s.at[i] == 0 || strchr("!#$%&'*+-/=?^_`{|}~.", s.at[i]) == NULL))
            return false;
    }
    return true;
}

static bool quoted_local(struct slice s) {
    if (s.len < 2 || s.at[0] != '"' || s.at[s.len - 1] != '"') return false;
    for (size_t i = 1; i + 1 < s.len; i++) {
        if (s.at[i] == '"' || s.at[i] < ' ' || s.at[i] > '~') return false;
        if (s.at[i] == '\\' && ++i + 1 >= s.len) return false;
    }
    return true;
}

static bool domain(struct slice s) {
    if (s.len == 0 || s.len > 253) return false;
    for (struct slice label, rest = s; rest.len > 0 || !slice_is_null(rest);) {
        bool more = slice_cut(rest, '.', &label, &rest);
        if (label.len == 0 || label.len > 63 || label.at[0] == '-' || label.at[label.len - 1] == '-')
            return false;
        for (size_t i = 0; i < label.len; i++)
            if (!is_letter(label.at[i]) && !is_digit(label.at[i]) && label.at[i] != '-') return false;
        if (!more) return true;
    }
    return false;
}

static bool email(struct slice s) {
    size_t at = s.len;
    while (at > 0 && s.at[at - 1] != '@') at--;
    if (at < 2) return false;
    struct slice local = slice_make(s.at, at - 1), host = slice_make(s.at + at, s.len - at);
    if (!dot_atoms(local) && !quoted_local(local)) return false;
    if (host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']') {
        struct slice literal = slice_make(host.at + 1, host.len - 2);
        return slice_starts(literal, SLICE("IPv6:")) ? ipv6(slice_make(literal.at + 5, literal.len - 5))
                                                     : ipv4(literal);
    }
    return domain(host);
}

/* Letters of a part of a URI, of which `more` may stand there beside the unreserved ones and the
 * sub-delimiters. */
static bool uri_letters(struct slice s, const char *more) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        if (c == '%') {
            if (s.len - i < 3 || !is_hex(s.at[i + 1]) || !is_hex(s.at[i + 2])) return false;
            i += 2;
        } else if (!is_letter(c) && !is_digit(c) &&
                   (c == 0 || (!strchr("-._~!$&'()*+,;=", c) && !strchr(more, c)))) {
            return false;
        }
    }
    return true;
}

static bool authority(struct slice s) {
    struct slice user, host, port;
    bool good = true;
    if (slice_cut(s, '@', &user, &host)) good = uri_letters(user, ":");
    else host = s;
    if (host.len > 0 && host.at[0] == '[') {
        struct slice inside;
        if (!slice_cut(slice_make(host.at + 1, host.len - 1), ']', &inside, &host) || !ipv6(inside))
            return false;
        if (host.len > 0 && host.at[0] != ':') return false;
    }
    if (slice_cut(host, ':', &host, &port))
        for (size_t i = 0; i < port.len; i++) good = good && is_digit(port.at[i]);
    return good && uri_letters(host, "");
}

static bool uri(struct slice s) {
    struct slice scheme, rest, fragment, query;
    if (!slice_cut(s, ':', &scheme, &rest) || scheme.len == 0 || !is_letter(scheme.at[0])) return false;
    for (size_t i = 1; i < scheme.len; i++)
        if (!is_letter(scheme.at[i]) && !is_digit(scheme.at[i]) && !strchr("+-.", scheme.at[i])) return false;
    if (slice_cut(rest, '#', &rest, &fragment) && !uri_letters(fragment, ":@/?")) return false;
    if (slice_cut(rest, '?', &rest, &query) && !uri_letters(query, ":@/?")) return false;
    if (slice_starts(rest, SLICE("//"))) {
        size_t n = 2;
        while (n < rest.len && rest.at[n] != '/') n++;
        if (!authority(slice_make(rest.at + 2, n - 2))) return false;
        rest = slice_make(rest.at + n, rest.len - n);
    }
    return uri_letters(rest, ":@/");
}

bool schema_format_holds(enum schema_format f, struct slice text) {
    struct slice rest = text;
    switch (f) {
    case FORMAT_DATE: return date(&rest) && rest.len == 0;
    case FORMAT_DATE_TIME: return date(&rest) && sign(&rest, "tT") && time_of_day(rest);
    case FORMAT_EMAIL: return email(text);
    case FORMAT_URI: return uri(text);
    case FORMAT_UUID: return uuid(text);
    case FORMAT_IPV4: return ipv4(text);
    case FORMAT_ANY: break;
    }
    return true;
}
