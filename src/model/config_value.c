/* Texts to values, by the type's text in the settings table: what the documentation says is what is read here. */
#include "model/config_table.h"

#include "base/limits.h"
#include "base/money.h"
#include "model/quantity.h"

#include <stdio.h>

enum { MOST_NAME = 128 };

/* "integer 1..10" -> "1", "10". False when the type has no bounds. */
static bool bounds(const char *type, struct slice *ret_low, struct slice *ret_high) {
    struct slice kind, range;
    const char *dots;
    if (!slice_cut(slice_of(type), ' ', &kind, &range) || (dots = strstr(range.at, "..")) == NULL) return false; /* `type` ends in NUL */
    *ret_low = slice_make(range.at, (size_t)(dots - range.at));
    *ret_high = slice_of(dots + 2);
    return true;
}

static bool parse_number(enum config_kind kind, struct slice text, int64_t *ret) {
    switch (kind) {
    case KIND_DURATION: return duration_parse(text, ret);
    case KIND_BYTES: return bytes_parse(text, ret);
    case KIND_USD: return money_parse(text, 9, ret);
    default: return slice_to_i64(text, ret);
    }
}

static void store_integer(const struct config_row *row, int64_t n, void *field) {
    switch (row->size) {
    case sizeof(uint8_t): memcpy(field, &(uint8_t){(uint8_t)n}, 1); break;
    case sizeof(uint16_t): memcpy(field, &(uint16_t){(uint16_t)n}, 2); break;
    case sizeof(uint32_t): memcpy(field, &(uint32_t){(uint32_t)n}, 4); break;
    default: memcpy(field, &n, sizeof n); break;
    }
}

static bool store_quantity(const struct config_row *row, const char *type, struct slice text, void *field, char *expected) {
    struct slice low, high;
    int64_t n, least = INT64_MIN, most = INT64_MAX;
    const char *words = row->kind == KIND_DURATION ? "a duration such as 250ms, 30s or 2m"
                        : row->kind == KIND_BYTES  ? "a size such as 64KiB or 32MiB"
                        : row->kind == KIND_USD    ? "US dollars such as 100 or 0.50"
                                                   : "a whole number";
    snprintf(expected, LIMIT_ERROR_TEXT, "%s", words);
    if (bounds(type, &low, &high)) {
        if (!parse_number(row->kind, low, &least) || !parse_number(row->kind, high, &most)) return false;
        snprintf(expected, LIMIT_ERROR_TEXT, "%s, from " SLICE_FMT " to " SLICE_FMT, words, SLICE_ARG(low), SLICE_ARG(high));
    }
    if (!parse_number(row->kind, text, &n) || n < least || n > most) return false;
    store_integer(row, n, field);
    return true;
}

static bool store_number(const char *type, struct slice text, void *field, char *expected) {
    struct slice low, high;
    double n, least, most;
    if (!bounds(type, &low, &high) || !slice_to_double(low, &least) || !slice_to_double(high, &most)) return false;
    snprintf(expected, LIMIT_ERROR_TEXT, "a number from " SLICE_FMT " to " SLICE_FMT, SLICE_ARG(low), SLICE_ARG(high));
    if (!slice_to_double(text, &n) || !(n >= least && n <= most)) return false;
    memcpy(field, &n, sizeof n);
    return true;
}

static bool store_text(struct arena *arena, struct slice text, void *field) {
    const char *copy = arena_text(arena, text);
    memcpy(field, &copy, sizeof copy);
    return true; /* a full arena is seen once, at the end */
}

/* "one of a | b": the index of the text, or the text itself when the field is a pointer. */
static bool store_choice(struct arena *arena, const struct config_row *row, const char *type, struct slice text, void *field,
                         char *expected) {
    struct slice rest = slice_of(type + sizeof "one of " - 1), one;
    snprintf(expected, LIMIT_ERROR_TEXT, "%s", type);
    for (int64_t i = 0; rest.len > 0; i++) {
        slice_cut(rest, '|', &one, &rest);
        if (!slice_eq(slice_trim(one), text)) continue;
        if (row->size == sizeof(const char *)) return store_text(arena, text, field);
        store_integer(row, i, field);
        return true;
    }
    return false;
}

static bool store_boolean(struct slice text, void *field, char *expected) {
    bool yes = slice_is(text, "true");
    snprintf(expected, LIMIT_ERROR_TEXT, "true or false");
    if (!yes && !slice_is(text, "false")) return false;
    memcpy(field, &yes, sizeof yes);
    return true;
}

static bool has_control(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if ((unsigned char)s.at[i] < 0x20 || s.at[i] == 0x7F) return true;
    return false;
}

bool config_name_is_valid(struct slice name) {
    return name.len > 0 && name.len <= MOST_NAME && slice_is_utf8(name) && !has_control(name) &&
           slice_trim(name).len == name.len;
}

bool config_address(struct slice text, struct slice *ret_host, uint16_t *ret_port) {
    size_t colon = text.len;
    uint64_t port;
    while (colon > 0 && text.at[colon - 1] != ':') colon--;
    if (colon == 0 || !slice_to_u64(slice_make(text.at + colon, text.len - colon), &port) || port > UINT16_MAX) return false;
    struct slice host = slice_make(text.at, colon - 1);
    if (host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']')
        host = slice_make(host.at + 1, host.len - 2);
    else if (memchr(host.at, ':', host.len) != NULL || memchr(host.at, '/', host.len) != NULL)
        return false; /* IPv6 needs brackets; a URL is no address */
    if (has_control(host) || memchr(host.at, ' ', host.len) != NULL) return false;
    *ret_host = host.len > 0 ? host : SLICE("0.0.0.0");
    *ret_port = (uint16_t)port;
    return true;
}

/* http(s)://host[:port][/path] without user, query or fragment. */
bool config_url(struct slice text) {
    struct slice rest, host, path, user, name;
    uint64_t port;
    if (slice_starts(text, SLICE("https://")))
        rest = slice_make(text.at + 8, text.len - 8);
    else if (slice_starts(text, SLICE("http://")))
        rest = slice_make(text.at + 7, text.len - 7);
    else
        return false;
    for (size_t i = 0; i < rest.len; i++)
        if ((unsigned char)rest.at[i] <= ' ' || strchr("?#\"<>\\^`{|}\x7f", rest.at[i]) != NULL) return false;
    slice_cut(rest, '/', &host, &path);
    if (host.len == 0 || slice_cut(host, '@', &user, &name)) return false;
    if (host.at[0] == '[') {
        if (!slice_cut(host, ']', &user, &name)) return false;
        return user.len > 1 && (name.len == 0 || (name.at[0] == ':' && slice_to_u64(slice_make(name.at + 1, name.len - 1), &port) && port <= UINT16_MAX));
    }
    return !slice_cut(host, ':', &name, &user) || (name.len > 0 && slice_to_u64(user, &port) && port > 0 && port <= UINT16_MAX);
}

bool config_store(struct arena *arena, const struct config_row *row, const char *type, struct slice text, void *raw,
                  char expected[LIMIT_ERROR_TEXT]) {
    void *field = (char *)raw + row->offset;
    struct slice host;
    uint16_t port;
    const char *words = "a text that is not empty";
    bool good = text.len > 0;
    switch (row->kind) {
    case KIND_INTEGER:
    case KIND_DURATION:
    case KIND_BYTES:
    case KIND_USD: return store_quantity(row, type, text, field, expected);
    case KIND_NUMBER: return store_number(type, text, field, expected);
    case KIND_BOOLEAN: return store_boolean(text, field, expected);
    case KIND_ONE: return store_choice(arena, row, type, text, field, expected);
    case KIND_NAME:
        words = "a name of at most 128 printable bytes";
        good = config_name_is_valid(text);
        break;
    case KIND_ADDRESS:
        words = "an address as host:port";
        good = config_address(text, &host, &port);
        break;
    case KIND_URL:
        words = "a URL as http(s)://host[:port][/path]";
        good = config_url(text);
        break;
    case KIND_PEM:
        words = "PEM, or file:PATH of it";
        good = slice_contains(text, SLICE("-----BEGIN "));
        break;
    case KIND_SECRET: return store_text(arena, text, field); /* what is too short is its user's business */
    default: good = good && memchr(text.at, 0, text.len) == NULL; break;
    }
    snprintf(expected, LIMIT_ERROR_TEXT, "%s", words);
    return good && store_text(arena, text, field);
}
