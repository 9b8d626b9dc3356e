#include "base/csv.h"

void csv_init(struct csv *c, struct slice text, struct arena *arena) {
    if (slice_starts(text, SLICE("\xEF\xBB\xBF"))) text = slice_make(text.at + 3, text.len - 3);
    *c = (struct csv){.rest = text, .arena = arena, .next_line = 1, .separator = ','};
}

char csv_separator(struct slice text) {
    static const char separators[] = {',', ';', '\t'};
    size_t count[sizeof separators] = {0}, best = 0;
    bool quoted = false;
    text = slice_trim(text);
    for (size_t i = 0; i < text.len && (quoted || (text.at[i] != '\n' && text.at[i] != '\r')); i++) {
        if (text.at[i] == '"') quoted = !quoted;
        for (size_t s = 0; s < sizeof separators && !quoted; s++) count[s] += text.at[i] == separators[s];
    }
    for (size_t s = 1; s < sizeof separators; s++)
        if (count[s] > count[best]) best = s;
    return separators[best];
}

static void skip(struct csv *c, size_t n) {
    c->rest = slice_make(c->rest.at + n, c->rest.len - n);
}

static bool is_line_end(char b) {
    return b == '\n' || b == '\r';
}

static void skip_line_end(struct csv *c) {
    if (c->rest.len == 0) return;
    bool crlf = c->rest.len > 1 && c->rest.at[0] == '\r' && c->rest.at[1] == '\n';
    skip(c, crlf ? 2 : 1);
    c->next_line++;
}

static void skip_spaces(struct csv *c) {
    while (c->rest.len > 0 && (*c->rest.at == ' ' || *c->rest.at == '\t') && *c->rest.at != c->separator) skip(c, 1);
}

/* Behind the opening quote. */
static enum fault quoted(struct csv *c, struct slice *ret, struct error *error) {
    const char *at = c->rest.at, *end = at + c->rest.len, *from = at;
    size_t doubled = 0;
    for (; at < end; at++) {
        if (*at == '\n' || (*at == '\r' && !(at + 1 < end && at[1] == '\n'))) c->next_line++;
        if (*at != '"') continue;
        if (at + 1 == end || at[1] != '"') break;
        at++;
        doubled++;
    }
    if (at >= end) skip(c, c->rest.len); /* where it should have closed, nobody knows */
    if (at >= end)
        return error_set(error, FAULT_BAD_REQUEST, "line %zu: a quote opens and does not close", c->line);
    struct slice raw = slice_make(from, (size_t)(at - from));
    skip(c, raw.len + 1);
    *ret = raw;
    if (doubled == 0) return FAULT_NONE;
    char *text = arena_alloc(c->arena, raw.len);
    if (!text)
        return error_set(error, FAULT_TOO_LARGE, "line %zu: the file needs more memory than it may have",
                         c->line);
    size_t n = 0;
    for (size_t i = 0; i < raw.len; i++) {
        text[n++] = raw.at[i];
        if (raw.at[i] == '"') i++;
    }
    *ret = slice_make(text, n);
    return FAULT_NONE;
}

static struct slice plain(struct csv *c) {
    size_t n = 0;
    while (n < c->rest.len && c->rest.at[n] != c->separator && !is_line_end(c->rest.at[n])) n++;
    struct slice field = slice_make(c->rest.at, n);
    skip(c, n);
    return slice_trim(field);
}

static enum fault field(struct csv *c, struct slice *ret, struct error *error) {
    skip_spaces(c);
    if (c->rest.len == 0 || *c->rest.at != '"') {
        *ret = plain(c);
        return FAULT_NONE;
    }
    skip(c, 1);
    enum fault f = quoted(c, ret, error);
    if (f) return f;
    skip_spaces(c);
    if (c->rest.len > 0 && *c->rest.at != c->separator && !is_line_end(*c->rest.at))
        return error_set(error, FAULT_BAD_REQUEST, "line %zu: expected a %s after a closing quote", c->line,
                         c->separator == ',' ? "comma" : c->separator == ';' ? "semicolon" : "tab");
    return FAULT_NONE;
}

enum fault csv_next(struct csv *c, struct csv_row *ret, bool *ret_end, struct error *error) {
    while (c->rest.len > 0 && is_line_end(*c->rest.at)) skip_line_end(c);
    *ret_end = c->rest.len == 0;
    if (*ret_end) return FAULT_NONE;
    c->line = c->next_line;
    ret->n = 0;
    for (;;) {
        if (ret->n == CSV_COLUMNS)
            return error_set(error, FAULT_TOO_LARGE, "line %zu: more than %d columns", c->line, CSV_COLUMNS);
        enum fault f = field(c, &ret->fields[ret->n], error);
        if (f) return f;
        ret->n++;
        if (c->rest.len == 0 || is_line_end(*c->rest.at)) break;
        skip(c, 1); /* the separator */
    }
    skip_line_end(c);
    return FAULT_NONE;
}

void csv_skip_line(struct csv *c) {
    while (c->rest.len > 0 && !is_line_end(*c->rest.at)) skip(c, 1);
    skip_line_end(c);
}
