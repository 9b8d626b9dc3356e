#include "sim/act.h"

#include <stddef.h>

enum type {
    INTEGER,
    STATUS,
    NUMBER,
    DURATION,
    SIZE,
    POSITION,
    FLAG,
    TEXT,
    ERROR,
    HEADERS,
    RETRY_FORM,
    FILTER,
    FRAMING,
    USAGE
};

struct action {
    const char *name;
    enum type type;
    size_t at;
};

static const struct action actions[] = {
#define ACT(name, type, field, help) {#name, type, offsetof(struct act, field)},
    ACT_TABLE(ACT)
#undef ACT
};
enum { N_ACTIONS = sizeof actions / sizeof actions[0] };

static const char *const action_names[] = {
#define ACT(name, type, field, help) #name,
    ACT_TABLE(ACT)
#undef ACT
};

static const char *const usage_words[] = {"normal", "none", "always", "finish", "every", "first", NULL};
static const char *const framing_words[] = {"lf", "crlf", "cr", NULL};
static const char *const filter_words[] = {"off", "prompt", "output", NULL};
static const char *const retry_words[] = {"seconds", "date", "ms", "azure_ms", NULL};
static const char *const flag_words[] = {"false", "true", NULL};

void act_init(struct act *a) {
    *a = (struct act){.retry_after = -1,
                      .delay = 0,
                      .first_token = -1,
                      .stall_for = -1,
                      .reset = ACT_NEVER,
                      .stall = ACT_NEVER,
                      .cut = ACT_NEVER,
                      .malformed = ACT_NEVER,
                      .stream_error = ACT_NEVER,
                      .slower = 1,
                      .longer = 1};
}

/* ---- words ---- */

const char *act_nearest(struct slice word, const char *const *names, unsigned n) {
    const char *best = NULL;
    unsigned least = 3;
    for (unsigned i = 0; i < n; i++) {
        unsigned d = slice_distance(word, slice_of(names[i]));
        if (d >= least) continue;
        least = d;
        best = names[i];
    }
    return best;
}

static bool scaled(struct slice text, const char *const *units, const double *factors, unsigned n,
                   double bare, int64_t *ret) {
    size_t digits = 0;
    double value, factor = bare;
    while (digits < text.len &&
           ((text.at[digits] >= '0' && text.at[digits] <= '9') || text.at[digits] == '.'))
        digits++;
    struct slice unit = slice_make(text.at + digits, text.len - digits);
    if (!slice_to_double(slice_make(text.at, digits), &value)) return false;
    if (unit.len > 0) {
        unsigned i = 0;
        while (i < n && !slice_is(unit, units[i])) i++;
        if (i == n) return false;
        factor = factors[i];
    } else if (value != 0 && bare == 0) {
        return false;
    }
    if (value * factor > 9e15) return false;
    *ret = (int64_t)(value * factor + 0.5);
    return true;
}

bool act_duration(struct slice text, int64_t *ret_us) {
    static const char *const units[] = {"us", "ms", "s", "m", "h", "d"};
    static const double factors[] = {1, 1e3, 1e6, 60e6, 3600e6, 86400e6};
    return scaled(text, units, factors, 6, 0, ret_us);
}

static bool read_size(struct slice text, int64_t *ret) {
    static const char *const units[] = {"B", "KB", "MB", "GB"};
    static const double factors[] = {1, 1e3, 1e6, 1e9};
    return scaled(text, units, factors, 4, 1, ret);
}

/* ---- values ---- */

static enum fault expected(struct error *e, const struct yaml_node *n, const char *what) {
    if (n->type != YAML_SCALAR)
        return error_set(e, FAULT_CONFIG, SLICE_FMT ": expected %s, found a %s", SLICE_ARG(n->key), what,
                         n->type == YAML_MAP ? "map" : "list");
    return error_set(e, FAULT_CONFIG, SLICE_FMT ": expected %s, found \"" SLICE_FMT "\"", SLICE_ARG(n->key),
                     what, SLICE_ARG(n->text));
}

static enum fault read_word(const struct yaml_node *n, const char *const *words, unsigned *ret,
                            struct error *e) {
    char list[128];
    size_t len = 0;
    for (unsigned i = 0; words[i] != NULL; i++) {
        if (n->type == YAML_SCALAR && slice_is(n->text, words[i])) {
            *ret = i;
            return FAULT_NONE;
        }
        size_t more = strlen(words[i]);
        if (len + more + 3 > sizeof list) break;
        if (i > 0) memcpy(list + len, ", ", 2);
        if (i > 0) len += 2;
        memcpy(list + len, words[i], more);
        len += more;
    }
    list[len] = '\0';
    return expected(e, n, list);
}

static enum fault read_position(const struct yaml_node *n, int64_t *ret, struct error *e) {
    uint64_t tokens;
    if (slice_is(n->text, "head")) *ret = ACT_HEAD;
    else if (slice_to_u64(n->text, &tokens) && tokens <= SIM_TOKENS) *ret = (int64_t)tokens;
    else return expected(e, n, "`head` or a number of tokens");
    return FAULT_NONE;
}

static enum fault read_whole(const struct yaml_node *n, int64_t least, int64_t most, const char *what,
                             int64_t *ret, struct error *e) {
    int64_t x;
    if (!slice_to_i64(n->text, &x) || x < least || x > most) return expected(e, n, what);
    *ret = x;
    return FAULT_NONE;
}

static enum fault read_error(const struct yaml_node *map, struct act_error *ret,
                             const struct yaml_node **ret_at, struct error *e) {
    if (map->type != YAML_MAP) return expected(e, map, "a map of type, code, message, param");
    for (const struct yaml_node *n = map->first; n != NULL; n = n->next) {
        *ret_at = n;
        if (n->type != YAML_SCALAR) return expected(e, n, "text");
        if (slice_is(n->key, "type")) ret->type = n->text;
        else if (slice_is(n->key, "code")) ret->code = n->text;
        else if (slice_is(n->key, "message")) ret->message = n->text;
        else if (slice_is(n->key, "param")) ret->param = n->text;
        else
            return error_set(e, FAULT_CONFIG,
                             "unknown key \"" SLICE_FMT "\" in error; expected type, code, message, param",
                             SLICE_ARG(n->key));
    }
    return FAULT_NONE;
}

static enum fault read_headers(const struct yaml_node *map, struct act *a, const struct yaml_node **ret_at,
                               struct error *e) {
    if (map->type != YAML_MAP) return expected(e, map, "a map of header names and values");
    for (const struct yaml_node *n = map->first; n != NULL; n = n->next) {
        *ret_at = n;
        if (n->type != YAML_SCALAR) return expected(e, n, "text");
        if (a->n_headers == SIM_HEADERS)
            return error_set(e, FAULT_CONFIG, "headers: at most %d", SIM_HEADERS);
        a->headers[a->n_headers++] = (struct act_header){n->key, n->text};
    }
    return FAULT_NONE;
}

static enum fault read_scalar(const struct yaml_node *n, enum type type, void *at, struct error *e) {
    double number;
    unsigned word = 0;
    enum fault f = FAULT_NONE;
    if (n->type != YAML_SCALAR) return expected(e, n, "one value");
    switch (type) {
    case INTEGER: return read_whole(n, 0, INT32_MAX, "a whole number", at, e);
    case STATUS: return read_whole(n, 200, 599, "a status from 200 to 599", at, e);
    case NUMBER:
        if (!slice_to_double(n->text, &number) || number < 0) return expected(e, n, "a number of at least 0");
        *(double *)at = number;
        return FAULT_NONE;
    case DURATION:
        return act_duration(n->text, at) ? FAULT_NONE : expected(e, n, "a duration such as 350ms or 2s");
    case SIZE: return read_size(n->text, at) ? FAULT_NONE : expected(e, n, "a size such as 100MB");
    case POSITION: return read_position(n, at, e);
    case TEXT: *(struct slice *)at = n->text; return FAULT_NONE;
    case FLAG:
        if ((f = read_word(n, flag_words, &word, e)) == FAULT_NONE) *(bool *)at = word == 1;
        return f;
    case RETRY_FORM:
        if ((f = read_word(n, retry_words, &word, e)) == FAULT_NONE)
            *(enum act_retry_form *)at = (enum act_retry_form)word;
        return f;
    case FILTER:
        if ((f = read_word(n, filter_words, &word, e)) == FAULT_NONE)
            *(enum act_filter *)at = (enum act_filter)word;
        return f;
    case FRAMING:
        if ((f = read_word(n, framing_words, &word, e)) == FAULT_NONE)
            *(enum act_framing *)at = (enum act_framing)word;
        return f;
    case USAGE:
        if ((f = read_word(n, usage_words, &word, e)) == FAULT_NONE)
            *(enum act_usage *)at = (enum act_usage)word;
        return f;
    case ERROR:
    case HEADERS: break;
    }
    return FAULT_NONE;
}

static enum fault unknown(const struct yaml_node *n, struct error *e) {
    const char *near = act_nearest(n->key, action_names, N_ACTIONS);
    return error_set(e, FAULT_CONFIG, "unknown action \"" SLICE_FMT "\"%s%s%s", SLICE_ARG(n->key),
                     near ? "; did you mean \"" : "", near ? near : "", near ? "\"?" : "");
}

enum fault act_read(const struct yaml_node *map, struct act *a, const struct yaml_node **ret_at,
                    struct error *error) {
    *ret_at = map;
    if (map->type != YAML_MAP) return expected(error, map, "a map of actions");
    for (const struct yaml_node *n = map->first; n != NULL; n = n->next) {
        unsigned i = 0;
        enum fault f;
        *ret_at = n;
        while (i < N_ACTIONS && !slice_is(n->key, actions[i].name)) i++;
        if (i == N_ACTIONS) return unknown(n, error);
        if (actions[i].type == ERROR) f = read_error(n, &a->error, ret_at, error);
        else if (actions[i].type == HEADERS) f = read_headers(n, a, ret_at, error);
        else f = read_scalar(n, actions[i].type, (char *)a + actions[i].at, error);
        if (f != FAULT_NONE) return f;
    }
    return FAULT_NONE;
}
