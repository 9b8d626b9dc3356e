#include "quality/check.h"

#include "model/quantity.h"
#include "model/template.h"
#include "quality/pattern.h"
#include "quality/schema.h"
#include "quality/text.h"

#include <math.h>
#include <stdio.h>

const struct check_kind check_kinds[CHECK_TYPE_COUNT] = {
#define CHECK_KIND(symbol, name, by, value, parameters, bound, threshold, what)                                  \
    {name, CHECK_BY_##by, VALUE_##value, parameters, BOUND_##bound, threshold, what},
    CHECK_TABLE(CHECK_KIND)
#undef CHECK_KIND
};

static const struct {
    const char *name, *expected;
} parameters[PARAMETER_COUNT] = {
#define CHECK_PARAMETER(symbol, name, expected) {name, expected},
    CHECK_PARAMETERS(CHECK_PARAMETER)
#undef CHECK_PARAMETER
};

struct reading {
    const struct declared *d;
    const struct json_doc *doc;
    struct arena *arena;
    struct check *c;
    const struct check_kind *kind;
    uint32_t at[PARAMETER_COUNT]; /* each parameter's value, JSON_NONE: not declared */
    uint32_t bad;
    struct error *error;
};

static bool fail(struct reading *r, uint32_t node, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static bool fail(struct reading *r, uint32_t node, const char *format, ...) {
    char words[LIMIT_ERROR_TEXT];
    va_list list;
    va_start(list, format);
    vsnprintf(words, sizeof words, format, list);
    va_end(list);
    r->bad = node;
    error_set(r->error, FAULT_CONFIG, "%s", words);
    return false;
}

/* What stands there, short, for a message. */
static struct slice found(struct reading *r, uint32_t node) {
    struct slice raw = json_raw(r->doc, node);
    if (raw.len <= 60) return raw;
    size_t n = 60;
    while (n > 0 && ((unsigned char)raw.at[n] & 0xC0) == 0x80) n--;
    return slice_make(raw.at, n);
}

static bool wrong(struct reading *r, enum check_parameter p) {
    struct slice raw = found(r, r->at[p]);
    return fail(r, r->at[p], "`%s` of %s: expected %s, found " SLICE_FMT, parameters[p].name, r->kind->name,
                parameters[p].expected, SLICE_ARG(raw));
}

/* ---- names ---- */

static bool nearer(struct slice word, const char *name, unsigned *nearest) {
    unsigned d = slice_distance(word, slice_of(name));
    if (word.len > 2 && slice_starts(slice_of(name), word)) d = d < 2 ? d : 2;
    if (d >= *nearest) return false;
    *nearest = d;
    return true;
}

static bool read_type(struct reading *r, uint32_t node) {
    struct slice name = json_string(r->doc, json_get(r->doc, node, "type"), r->arena), word = name;
    if (slice_is_null(name)) return fail(r, node, "expected a check with a `type`");
    r->c->negated = slice_starts(word, SLICE("not-"));
    if (r->c->negated) word = slice_make(word.at + 4, word.len - 4);
    const char *best = NULL;
    unsigned nearest = word.len < 3 ? 2 : (unsigned)word.len / 3 + 1;
    for (enum check_type t = 0; t < CHECK_TYPE_COUNT; t++) {
        if (!slice_is(word, check_kinds[t].name)) continue;
        r->c->type = t;
        r->kind = &check_kinds[t];
        return true;
    }
    for (enum check_type t = 0; t < CHECK_TYPE_COUNT; t++)
        if (nearer(word, check_kinds[t].name, &nearest)) best = check_kinds[t].name;
    struct slice raw = found(r, json_get(r->doc, node, "type"));
    return fail(r, json_get(r->doc, node, "type"), "unknown type of check " SLICE_FMT "%s%s%s%s",
                SLICE_ARG(raw), best ? ", did you mean `" : "", best && r->c->negated ? "not-" : "",
                best ? best : "", best ? "`?" : "");
}

static unsigned allowed(const struct check_kind *kind) {
    unsigned all = CHECK_P(TYPE) | CHECK_P(WEIGHT) | CHECK_P(THRESHOLD) | CHECK_P(METRIC) | kind->parameters;
    return kind->value != VALUE_NONE ? all | CHECK_P(VALUE) : all;
}

static bool read_parameters(struct reading *r, uint32_t node) {
    uint32_t cursor = JSON_NONE, key, value;
    unsigned may = allowed(r->kind);
    for (int p = 0; p < PARAMETER_COUNT; p++) r->at[p] = JSON_NONE;
    while (json_each_member(r->doc, node, &cursor, &key, &value)) {
        struct slice name = json_string(r->doc, key, r->arena);
        const char *best = NULL;
        unsigned nearest = name.len < 3 ? 2 : (unsigned)name.len / 3 + 1;
        int p = 0;
        while (p < PARAMETER_COUNT && !((may >> p & 1) && slice_is(name, parameters[p].name))) p++;
        if (p < PARAMETER_COUNT) {
            if (r->at[p] != JSON_NONE) return fail(r, key, "`%s` is declared twice", parameters[p].name);
            r->at[p] = value;
            continue;
        }
        for (p = 0; p < PARAMETER_COUNT; p++)
            if ((may >> p & 1) && nearer(name, parameters[p].name, &nearest)) best = parameters[p].name;
        struct slice raw = found(r, key);
        return fail(r, key, "%s has no parameter " SLICE_FMT "%s%s%s", r->kind->name, SLICE_ARG(raw),
                    best ? ", did you mean `" : "", best ? best : "", best ? "`?" : "");
    }
    return true;
}

/* ---- texts ---- */

static bool ignores_case(enum check_type t) {
    return t == CHECK_TYPE_IEQUALS || t == CHECK_TYPE_ICONTAINS || t == CHECK_TYPE_ICONTAINS_ANY ||
           t == CHECK_TYPE_ICONTAINS_ALL;
}

static bool put_text(struct reading *r, struct slice text, uint32_t node, struct check_text *ret) {
    struct error why = {.fault = FAULT_NONE};
    ret->text = text;
    if (!template_check(text, &ret->is_template, &why))
        return fail(r, node, "`value` of %s: %s", r->kind->name, why.text);
    ret->folded = ignores_case(r->c->type) && !ret->is_template ? text_lower(text, r->arena) : SLICE_NULL;
    return true;
}

/* A text, a number or a truth value as it is written. SLICE_NULL for anything else. */
static struct slice scalar(struct reading *r, uint32_t node) {
    enum json_type type = json_type(r->doc, node);
    if (type == JSON_STRING) return json_string(r->doc, node, r->arena);
    return type == JSON_NUMBER || type == JSON_TRUE || type == JSON_FALSE ? json_raw(r->doc, node)
                                                                          : SLICE_NULL;
}

/* As promptfoo parts it: commas, but not within double quotes; a pair of quotes around an item falls off. */
static bool split(struct reading *r, struct slice text, uint32_t node) {
    size_t most = 1;
    for (size_t i = 0; i < text.len; i++) most += text.at[i] == ',';
    r->c->texts = arena_new_array(r->arena, struct check_text, most);
    if (r->c->texts == NULL) return fail(r, node, "the declaration does not fit into its memory");
    for (size_t i = 0, from = 0; i <= text.len; i++) {
        static const char quote = '"';
        if (i < text.len && text.at[i] == quote) {
            const char *close = memchr(text.at + i + 1, quote, text.len - i - 1);
            if (close != NULL) i = (size_t)(close - text.at);
            continue;
        }
        if (i < text.len && text.at[i] != ',') continue;
        struct slice item = slice_trim(slice_make(text.at + from, i - from));
        if (item.len >= 2 && item.at[0] == quote && item.at[item.len - 1] == quote)
            item = slice_make(item.at + 1, item.len - 2);
        from = i + 1;
        if (item.len > 0 && !put_text(r, item, node, &r->c->texts[r->c->n_texts++])) return false;
    }
    return r->c->n_texts > 0 || wrong(r, PARAMETER_VALUE);
}

static bool read_list(struct reading *r, uint32_t node) {
    uint32_t cursor = JSON_NONE, item;
    if (json_size(r->doc, node) == 0)
        return fail(r, node, "`value` of %s: expected at least one text", r->kind->name);
    r->c->texts = arena_new_array(r->arena, struct check_text, json_size(r->doc, node));
    if (r->c->texts == NULL) return fail(r, node, "the declaration does not fit into its memory");
    while (json_each_item(r->doc, node, &cursor, &item)) {
        struct slice text = scalar(r, item);
        if (text.len == 0)
            return fail(r, item, "`value` of %s: expected texts that are not empty", r->kind->name);
        if (!put_text(r, text, item, &r->c->texts[r->c->n_texts++])) return false;
    }
    return true;
}

static bool read_texts(struct reading *r, uint32_t node) {
    bool list = json_type(r->doc, node) == JSON_ARRAY;
    enum check_value v = r->kind->value;
    struct slice text = scalar(r, node);
    if (node == JSON_NONE && v == VALUE_LIST)
        return fail(r, JSON_NONE, "%s needs a `value`: a list of texts", r->kind->name);
    if (node == JSON_NONE) return true;
    if (list && (v == VALUE_LIST || v == VALUE_TEXTS)) return read_list(r, node);
    bool may_be_empty = r->c->type == CHECK_TYPE_EQUALS || r->c->type == CHECK_TYPE_IEQUALS ||
                        r->c->type == CHECK_TYPE_LEVENSHTEIN;
    if (slice_is_null(text) || (text.len == 0 && !may_be_empty))
        return fail(r, node, "`value` of %s: expected a text%s, found " SLICE_FMT, r->kind->name,
                    may_be_empty ? "" : " that is not empty", SLICE_ARG(found(r, node)));
    if (v == VALUE_LIST && json_type(r->doc, node) == JSON_STRING) return split(r, text, node);
    r->c->texts = arena_new(r->arena, struct check_text);
    if (r->c->texts == NULL) return fail(r, node, "the declaration does not fit into its memory");
    r->c->n_texts = 1;
    return put_text(r, text, node, r->c->texts);
}

/* ---- what is compiled ---- */

static bool read_pattern(struct reading *r) {
    uint32_t node = r->at[PARAMETER_VALUE];
    struct error why = {.fault = FAULT_NONE};
    struct slice text = json_string(r->doc, node, r->arena);
    if (slice_is_null(text))
        return fail(r, node, "%s needs a `value`: a regular expression as text", r->kind->name);
    if (pattern_new(text, &r->c->pattern, &why) != FAULT_NONE)
        return fail(r, node, "`value` of %s: %s", r->kind->name, why.text);
    return true;
}

/* A schema as a map stands in the declaration's own document, so that its lines are known. As a text it is a
 * document of its own, and the line is the text's. */
static bool read_schema(struct reading *r) {
    uint32_t node = r->at[PARAMETER_SCHEMA], formats = r->at[PARAMETER_FORMATS], where = JSON_NONE;
    const struct json_doc *doc = r->doc;
    struct error why = {.fault = FAULT_NONE};
    if (node == JSON_NONE && r->kind->value == VALUE_SCHEMA) node = r->at[PARAMETER_VALUE];
    if (r->at[PARAMETER_SCHEMA] != JSON_NONE && r->at[PARAMETER_VALUE] != JSON_NONE)
        return fail(r, r->at[PARAMETER_SCHEMA],
                    "%s has a schema as `value` and as `schema`: expected one of them", r->kind->name);
    bool asserts = json_is(doc, formats, "assert");
    if (formats != JSON_NONE && !asserts && !json_is(doc, formats, "annotate"))
        return wrong(r, PARAMETER_FORMATS);
    if (formats != JSON_NONE && node == JSON_NONE)
        return fail(r, formats, "%s has `formats` but no schema", r->kind->name);
    if (node == JSON_NONE) return true;
    if (json_type(doc, node) == JSON_STRING) {
        struct json_doc *own = arena_new(r->arena, struct json_doc);
        struct slice text = json_string(doc, node, r->arena);
        if (own == NULL || json_read(text, r->arena, UINT16_MAX, own, &why) != FAULT_NONE)
            return fail(r, node, "expected a JSON Schema, found a text that is not JSON: %s", why.text);
        if (schema_new(own, 0, asserts ? SCHEMA_ASSERT_FORMATS : 0, &r->c->schema, &where, &why) !=
            FAULT_NONE)
            return fail(r, node, "the schema of %s: %s", r->kind->name, why.text);
        return true;
    }
    if (schema_new(doc, node, asserts ? SCHEMA_ASSERT_FORMATS : 0, &r->c->schema, &where, &why) != FAULT_NONE)
        return fail(r, where, "the schema of %s: %s", r->kind->name, why.text);
    return true;
}

/* ---- numbers and words ---- */

static bool read_count(struct reading *r, uint32_t node, enum check_parameter p, int64_t least, int64_t most,
                       int64_t *ret) {
    if (node == JSON_NONE) return true;
    if (json_get_i64(r->doc, node, ret) && *ret >= least && *ret <= most) return true;
    r->at[p] = node;
    return wrong(r, p);
}

/* word-count: a number is exact; a map, or the check itself, has min and max. */
static bool read_range(struct reading *r) {
    uint32_t value = r->at[PARAMETER_VALUE], min = r->at[PARAMETER_MIN], max = r->at[PARAMETER_MAX];
    struct check *c = r->c;
    if (json_type(r->doc, value) == JSON_OBJECT) {
        uint32_t low = json_get(r->doc, value, "min"), high = json_get(r->doc, value, "max");
        if (json_size(r->doc, value) != (low != JSON_NONE) + (unsigned)(high != JSON_NONE))
            return fail(r, value, "`value` of %s: expected min and max, found " SLICE_FMT, r->kind->name,
                        SLICE_ARG(found(r, value)));
        if (min == JSON_NONE) min = low;
        if (max == JSON_NONE) max = high;
    } else if (value != JSON_NONE) {
        int64_t n;
        struct slice text = scalar(r, value); /* promptfoo takes "50" too */
        if (!slice_to_i64(text, &n) || n < 0)
            return fail(r, value, "`value` of %s: expected a whole number, or min and max, found " SLICE_FMT,
                        r->kind->name, SLICE_ARG(found(r, value)));
        c->min = c->max = n;
    }
    if (!read_count(r, min, PARAMETER_MIN, 0, INT64_MAX, &c->min) ||
        !read_count(r, max, PARAMETER_MAX, 0, INT64_MAX, &c->max))
        return false;
    if (c->min < 0 && c->max < 0 && r->kind->value == VALUE_COUNT)
        return fail(r, value, "%s needs min, max or a number as `value`", r->kind->name);
    if (c->min >= 0 && c->max >= 0 && c->min > c->max)
        return fail(r, max, "%s: expected a max of at least min, found min %lld and max %lld", r->kind->name,
                    (long long)c->min, (long long)c->max);
    return true;
}

static bool read_number(struct reading *r, enum check_parameter p, double *ret) {
    if (r->at[p] == JSON_NONE) return true;
    return (json_get_double(r->doc, r->at[p], ret) && *ret >= 0) || wrong(r, p);
}

static bool read_common(struct reading *r) {
    struct check *c = r->c;
    c->weight = 1;
    c->threshold = r->kind->threshold;
    if (!read_number(r, PARAMETER_WEIGHT, &c->weight) || !read_number(r, PARAMETER_THRESHOLD, &c->threshold))
        return false;
    if (r->kind->bound == BOUND_SCORE && c->threshold > 1)
        return fail(r, r->at[PARAMETER_THRESHOLD],
                    "`threshold` of %s: expected a score from 0 to 1, found " SLICE_FMT, r->kind->name,
                    SLICE_ARG(found(r, r->at[PARAMETER_THRESHOLD])));
    if (c->type == CHECK_TYPE_LATENCY && isnan(c->threshold))
        return fail(r, JSON_NONE, "latency needs a `threshold` in milliseconds");
    if (r->at[PARAMETER_METRIC] == JSON_NONE) return true;
    c->metric = json_string(r->doc, r->at[PARAMETER_METRIC], r->arena);
    return c->metric.len > 0 || wrong(r, PARAMETER_METRIC);
}

static bool read_measure(struct reading *r) {
    static const char *const names[] = {"f1", "precision", "recall"};
    uint32_t node = r->at[PARAMETER_MEASURE];
    int64_t n = 1;
    if (!read_count(r, r->at[PARAMETER_N], PARAMETER_N, 1, 9, &n)) return false;
    r->c->n = (int)n;
    if (node == JSON_NONE) return true;
    for (enum check_measure m = MEASURE_F1; m <= MEASURE_RECALL; m++)
        if (json_is(r->doc, node, names[m])) {
            r->c->measure = m;
            return true;
        }
    return wrong(r, PARAMETER_MEASURE);
}

static bool read_tool_call(struct reading *r) {
    struct check *c = r->c;
    uint32_t mode = r->at[PARAMETER_MODE], arguments = r->at[PARAMETER_ARGUMENTS];
    struct slice name = json_string(r->doc, r->at[PARAMETER_NAME], r->arena);
    if (r->at[PARAMETER_NAME] == JSON_NONE) return fail(r, JSON_NONE, "tool-call needs the `name` of a tool");
    if (name.len == 0) return wrong(r, PARAMETER_NAME);
    c->texts = arena_new(r->arena, struct check_text);
    if (c->texts == NULL) return fail(r, JSON_NONE, "the declaration does not fit into its memory");
    c->texts[c->n_texts++].text = name;
    if (arguments != JSON_NONE && json_type(r->doc, arguments) != JSON_OBJECT)
        return wrong(r, PARAMETER_ARGUMENTS);
    c->json = *r->doc;
    c->json_node = arguments;
    c->partial = json_is(r->doc, mode, "partial");
    if (mode != JSON_NONE && !c->partial && !json_is(r->doc, mode, "exact")) return wrong(r, PARAMETER_MODE);
    if (mode != JSON_NONE && arguments == JSON_NONE)
        return fail(r, mode, "tool-call has a `mode` but no `arguments`");
    if (!read_range(r) || !read_schema(r)) return false;
    if (c->min < 0) c->min = c->max == 0 ? 0 : 1;
    return true;
}

/* ---- what a judge, a model or a process decides ---- */

#define LONGEST_TIMEOUT_US (600 * INT64_C(1000000))

static bool read_words(struct reading *r, enum check_parameter p, struct slice *ret) {
    if (r->at[p] == JSON_NONE) return true;
    *ret = json_string(r->doc, r->at[p], r->arena);
    return slice_trim(*ret).len > 0 || wrong(r, p);
}

static bool read_judged(struct reading *r) {
    struct error why = {.fault = FAULT_NONE};
    struct check *c = r->c;
    bool any;
    if (!read_words(r, PARAMETER_MODEL, &c->model) || !read_words(r, PARAMETER_JUDGE, &c->judge) ||
        !read_words(r, PARAMETER_RUBRIC, &c->rubric))
        return false;
    return template_check(c->rubric, &any, &why) ||
           fail(r, r->at[PARAMETER_RUBRIC], "`rubric` of %s: %s", r->kind->name, why.text);
}

static bool read_timeout(struct reading *r) {
    uint32_t node = r->at[PARAMETER_TIMEOUT];
    r->c->timeout_us = 10 * INT64_C(1000000);
    if (node == JSON_NONE) return true;
    return (duration_parse(json_string(r->doc, node, r->arena), &r->c->timeout_us) && r->c->timeout_us > 0 &&
            r->c->timeout_us <= LONGEST_TIMEOUT_US) ||
           wrong(r, PARAMETER_TIMEOUT);
}

/* The next word of *rest into `out`, which has room for all of it: blanks part words, quotes and backslashes do what they do in
 * sh, and nothing else is special. False: a quote is not closed, or nothing stands behind a backslash. */
static bool next_word(struct slice *rest, char *out, size_t *ret_len) {
    char quote = 0;
    size_t n = 0;
    *rest = slice_trim(*rest);
    const char *at = rest->at, *end = rest->at + rest->len;
    for (; at < end; at++) {
        bool blank = *at == ' ' || (*at >= '\t' && *at <= '\r');
        bool escapes = *at == '\\' && quote != '\'' &&
                       (quote == 0 || (at + 1 < end && strchr("\\\"$`", at[1]) != NULL));
        if (quote == 0 && blank) break;
        if (*at == quote) quote = 0;
        else if (quote == 0 && (*at == '"' || *at == '\'')) quote = *at;
        else if (!escapes) out[n++] = *at;
        else if (++at == end) return false;
        else out[n++] = *at;
    }
    *rest = slice_make(at, (size_t)(end - at));
    *ret_len = n;
    return quote == 0;
}

static bool add_word(struct reading *r, const char **words, unsigned *n, struct slice text) {
    uint32_t node = r->at[PARAMETER_RUN];
    if (*n == LIMIT_PROGRAM_WORDS)
        return fail(r, node, "`run` of exec: expected at most %d words", LIMIT_PROGRAM_WORDS);
    if (text.len > 0 && memchr(text.at, 0, text.len) != NULL) return wrong(r, PARAMETER_RUN);
    words[*n] = arena_text(r->arena, text);
    return words[(*n)++] != NULL || fail(r, node, "the declaration does not fit into its memory");
}

static bool split_run(struct reading *r, struct slice text, const char **words, unsigned *n) {
    char *word = arena_alloc(r->arena, text.len + 1);
    size_t len;
    if (word == NULL) return fail(r, r->at[PARAMETER_RUN], "the declaration does not fit into its memory");
    while (slice_trim(text).len > 0) {
        if (!next_word(&text, word, &len))
            return fail(r, r->at[PARAMETER_RUN], "`run` of exec: a quote or backslash stands open in " SLICE_FMT,
                        SLICE_ARG(found(r, r->at[PARAMETER_RUN])));
        if (!add_word(r, words, n, slice_make(word, len))) return false;
    }
    return true;
}

static bool read_run(struct reading *r) {
    uint32_t node = r->at[PARAMETER_RUN], cursor = JSON_NONE, item;
    unsigned n = 0;
    if (node == JSON_NONE)
        return fail(r, JSON_NONE, "exec needs `run`: a program and its arguments, as a text or a list");
    if (slice_contains(json_raw(r->doc, node), SLICE("{{")))
        return fail(r, node, "`run` of exec takes no {{name}}: the program gets `vars` on its standard input");
    const char **words = arena_new_array(r->arena, const char *, LIMIT_PROGRAM_WORDS + 1);
    if (words == NULL) return fail(r, node, "the declaration does not fit into its memory");
    if (json_type(r->doc, node) == JSON_STRING) {
        if (!split_run(r, json_string(r->doc, node, r->arena), words, &n)) return false;
    } else {
        while (json_each_item(r->doc, node, &cursor, &item)) {
            struct slice word = scalar(r, item);
            if (slice_is_null(word)) return wrong(r, PARAMETER_RUN);
            if (!add_word(r, words, &n, word)) return false;
        }
    }
    r->c->run = words;
    return (n > 0 && words[0][0] != 0) || wrong(r, PARAMETER_RUN);
}

/* The first {{name}} in it, SLICE_NULL: there is none. Other braces mean nothing. */
static struct slice find_variable(struct slice code) {
    const char *end = code.at + code.len;
    bool any;
    for (const char *at = code.at, *open; at < end && (open = memmem(at, (size_t)(end - at), "{{", 2)) != NULL; at = open + 2) {
        const char *close = memmem(open, (size_t)(end - open), "}}", 2);
        struct slice name = close != NULL ? slice_make(open, (size_t)(close - open) + 2) : SLICE_NULL;
        if (close == NULL || template_check(name, &any, NULL)) return name;
    }
    return SLICE_NULL;
}

/* Code is no template: a value that is pasted into it would be run. */
static bool read_code(struct reading *r) {
    uint32_t node = r->at[PARAMETER_VALUE];
    struct slice code = scalar(r, node);
    if (slice_is_null(code) || slice_trim(code).len == 0)
        return fail(r, node, "%s needs a `value`: an expression or a function body, as text", r->kind->name);
    if (slice_starts(code, SLICE("file:")))
        return fail(r, node, "`value` of %s: expected code, found the name of a file, and none can be read here", r->kind->name);
    struct slice variable = find_variable(code);
    if (!slice_is_null(variable))
        return fail(r, node, "`value` of %s: expected code without " SLICE_FMT ", which is in `context.vars`%s", r->kind->name,
                    SLICE_ARG(variable), r->c->type == CHECK_TYPE_PYTHON ? " as context[\"vars\"][...]" : "");
    r->c->texts = arena_new(r->arena, struct check_text);
    if (r->c->texts == NULL) return fail(r, node, "the declaration does not fit into its memory");
    r->c->texts[r->c->n_texts++].text = code;
    return true;
}

static bool read_value(struct reading *r) {
    enum json_type type = json_type(r->doc, r->at[PARAMETER_VALUE]);
    enum check_type t = r->c->type;
    if (!read_judged(r) || !read_timeout(r)) return false;
    if (t == CHECK_TYPE_EXEC) return read_run(r);
    switch (r->kind->value) {
    case VALUE_ANY:
        if (type != JSON_OBJECT && type != JSON_ARRAY) return read_texts(r, r->at[PARAMETER_VALUE]);
        r->c->json = *r->doc;
        r->c->json_node = r->at[PARAMETER_VALUE];
        return true;
    case VALUE_TEXT:
    case VALUE_TEXTS:
    case VALUE_LIST: return read_texts(r, r->at[PARAMETER_VALUE]);
    case VALUE_PATTERN: return read_pattern(r);
    case VALUE_SCHEMA: return read_schema(r);
    case VALUE_COUNT: return read_range(r);
    case VALUE_CODE: return read_code(r);
    case VALUE_NONE: break;
    }
    return t != CHECK_TYPE_TOOL_CALL || read_tool_call(r);
}

enum fault check_read(const struct declared *d, uint32_t node, struct arena *arena, struct check *ret,
                      int *ret_line, struct error *error) {
    struct error own = {.fault = FAULT_NONE};
    struct check c = {.json_node = JSON_NONE, .min = -1, .max = -1, .n = 1, .line = declared_line(d, node)};
    struct reading r = {
        .d = d, .doc = &d->doc, .arena = arena, .c = &c, .bad = JSON_NONE, .error = error ? error : &own};
    bool good =
        json_type(&d->doc, node) == JSON_OBJECT ||
        fail(&r, node, "expected a check: a map with a `type`, found " SLICE_FMT, SLICE_ARG(found(&r, node)));
    good = good && read_type(&r, node) && read_parameters(&r, node) && read_common(&r) && read_measure(&r) &&
           read_value(&r);
    if (good && arena_is_full(arena)) good = fail(&r, node, "the declaration does not fit into its memory");
    if (good) {
        *ret = c;
        return FAULT_NONE;
    }
    check_deinit(&c);
    if (ret_line != NULL) *ret_line = declared_line(d, r.bad != JSON_NONE ? r.bad : node);
    return FAULT_CONFIG;
}

void check_deinit(struct check *c) {
    pattern_free(c->pattern);
    schema_free(c->schema);
    c->pattern = NULL;
    c->schema = NULL;
}

struct slice check_name(const struct check *c, struct arena *arena) {
    return arena_printf(arena, "%s%s", c->negated ? "not-" : "", check_kinds[c->type].name);
}
