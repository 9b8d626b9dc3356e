/* See alert_reading.h. */
#include "model/alert_reading.h"

#include "model/quantity.h"

#include <math.h>
#include <stdio.h>

const char *alert_place(char out[ALERT_PLACE], const char *format, ...) {
    va_list args;
    va_start(args, format);
    vsnprintf(out, ALERT_PLACE, format, args);
    va_end(args);
    return out;
}

const char **alert_names(const struct alert_reader *a, unsigned n) {
    const char **names = arena_new_array(a->r->arena, const char *, n + 1);
    if (names != NULL) names[0] = NULL;
    return names;
}

bool alert_known(const struct alert_reader *a, uint32_t node, const char *place, const char *what, struct slice name, const char *const *known) {
    char hint[READER_HINT];
    if (known == NULL || name.len == 0) return true; /* an empty one was told already */
    for (const char *const *k = known; *k != NULL; k++)
        if (slice_is(name, *k)) return true;
    int shown = name.len > 60 ? 60 : (int)name.len;
    reader_problem(a->r, node, "%s: no such %s `%.*s`%s", place, what, shown, name.at, reader_hint(name, known, hint));
    return false;
}

void alert_word(const struct alert_reader *a, uint32_t node, const char *place, const char *const *words, int *ret) {
    struct slice text = reader_scalar(a->r, node);
    char hint[READER_HINT], expected[2 * READER_HINT] = "";
    size_t used = 0;
    if (node == JSON_NONE) return;
    for (int i = 0; words[i] != NULL; i++) {
        if (slice_is(text, words[i])) {
            *ret = i;
            return;
        }
        if (used < sizeof expected)
            used += (size_t)snprintf(expected + used, sizeof expected - used, "%s%s", i == 0 ? "" : words[i + 1] ? ", " : " or ", words[i]);
    }
    struct slice raw = json_raw(&a->r->d->doc, node);
    reader_problem(a->r, node, "%s: expected %s, found %.*s%s", place, expected, raw.len > 60 ? 60 : (int)raw.len, raw.at,
                   reader_hint(text, words, hint));
}

void alert_duration(const struct alert_reader *a, uint32_t node, const char *place, int64_t least_us, int64_t most_us, int64_t *ret) {
    char least[QUANTITY_TEXT], most[QUANTITY_TEXT], words[160];
    int64_t us;
    if (node == JSON_NONE) return;
    if (duration_parse(reader_scalar(a->r, node), &us) && us >= least_us && us <= most_us) {
        *ret = us;
        return;
    }
    duration_format(least_us, least);
    duration_format(most_us, most);
    snprintf(words, sizeof words, "a duration from %s to %s, such as 30s, 5m or 1h", least, most);
    reader_expected(a->r, node, place, words);
}

/* ---- dimensions ---- */

static void complain_of_dimension(const struct alert_reader *a, uint32_t node, const char *place, struct slice name, unsigned may, const char *of) {
    const char *known[SIGNAL_BYS + 1];
    char hint[READER_HINT], list[256] = "";
    size_t used = 0;
    unsigned n = 0;
    for (unsigned b = 0; b < SIGNAL_BYS; b++)
        if (may >> b & 1) {
            known[n++] = signal_by_name((enum signal_by)b);
            if (used < sizeof list) used += (size_t)snprintf(list + used, sizeof list - used, "%s%s", used > 0 ? ", " : "", known[n - 1]);
        }
    known[n] = NULL;
    int shown = name.len > 60 ? 60 : (int)name.len;
    reader_problem(a->r, node, "%s: %s cannot be told apart by `%.*s`%s (it can by %s)", place, of, shown, name.at, reader_hint(name, known, hint), list);
}

static bool dimension(const struct alert_reader *a, uint32_t node, const char *place, struct slice name, unsigned may, const char *of, enum signal_by *ret) {
    enum signal_by by;
    if (name.len > 0 && signal_by_from(name, &by) && (may >> by & 1)) {
        *ret = by;
        return true;
    }
    complain_of_dimension(a, node, place, name, may, of);
    return false;
}

void alert_dimensions(const struct alert_reader *a, uint32_t node, const char *place, unsigned may, const char *of, unsigned *ret) {
    struct slice *names = NULL;
    unsigned n = 0, bits = 0;
    enum signal_by by;
    reader_texts(a->r, node, place, &names, &n);
    for (unsigned i = 0; i < n; i++)
        if (dimension(a, node, place, names[i], may, of, &by)) bits |= 1u << by;
    if (node != JSON_NONE) *ret = bits;
}

void alert_series_member(const struct alert_reader *a, uint32_t node, const char *place, enum signal_by by, struct slice *ret) {
    static const char *const sizes[] = {"<1k", "1k-4k", "4k-16k", "16k-64k", ">=64k", NULL};
    const char *const *known = by == SIGNAL_BY_APPLICATION      ? (const char *const *)a->applications
                               : by == SIGNAL_BY_MODEL          ? (const char *const *)a->models
                               : by == SIGNAL_BY_PROVIDER       ? (const char *const *)a->providers
                               : by == SIGNAL_BY_UPSTREAM_MODEL ? (const char *const *)a->upstream_models
                               : by == SIGNAL_BY_RECEIVER       ? (const char *const *)a->receivers
                               : by == SIGNAL_BY_CONTEXT        ? sizes
                                                                : NULL;
    char what[32];
    reader_text(a->r, node, place, ret);
    for (unsigned i = 0; i <= strlen(signal_by_name(by)); i++) what[i] = signal_by_name(by)[i] == '_' ? ' ' : signal_by_name(by)[i];
    (void)alert_known(a, node, place, what, *ret, known);
}

/* ---- values ---- */

static bool read_share(struct slice text, double *ret) {
    struct slice digits, rest;
    if (!slice_cut(text, '%', &digits, &rest)) return slice_to_double(text, ret);
    if (rest.len > 0 || !slice_to_double(slice_trim(digits), ret)) return false;
    *ret /= 100;
    return true;
}

static bool read_seconds(struct slice text, double *ret) {
    int64_t us;
    if (slice_to_double(text, ret)) return true;
    if (!duration_parse(text, &us)) return false;
    *ret = (double)us / 1e6;
    return true;
}

static bool read_bytes(struct slice text, double *ret) {
    int64_t n;
    if (!bytes_parse(text, &n)) return false;
    *ret = (double)n;
    return true;
}

bool alert_value_read(struct slice text, const struct signal_info *of, double *ret, const char **ret_expected) {
    double n = NAN, most = INFINITY;
    bool good;
    text = slice_trim(text);
    *ret_expected = "a number such as 100";
    if (strcmp(of->unit, "s") == 0) {
        *ret_expected = "a time such as 2s or 500ms (a plain number is seconds)";
        good = read_seconds(text, &n);
    } else if (strcmp(of->unit, "share") == 0) {
        *ret_expected = "a share such as 5% or 0.05";
        if (of->shape == SIGNAL_SHARE) most = 1;
        good = read_share(text, &n);
    } else if (strcmp(of->unit, "0..1") == 0) {
        *ret_expected = "a score from 0 to 1, such as 0.80";
        most = 1;
        good = read_share(text, &n);
    } else if (strcmp(of->unit, "USD") == 0) {
        *ret_expected = "US dollars such as $1.50 or 1.5";
        if (text.len > 0 && text.at[0] == '$') text = slice_make(text.at + 1, text.len - 1);
        good = slice_to_double(text, &n);
    } else if (strcmp(of->unit, "B") == 0) {
        *ret_expected = "a size such as 10GiB";
        good = read_bytes(text, &n);
    } else {
        good = slice_to_double(text, &n);
    }
    if (!good || !(n >= 0 && n <= most) || !isfinite(n)) return false;
    *ret = n;
    return true;
}

bool alert_value(const struct alert_reader *a, uint32_t node, const char *place, const struct signal_info *of, double *ret) {
    const char *words;
    if (alert_value_read(reader_scalar(a->r, node), of, ret, &words)) return true;
    char expected[128];
    snprintf(expected, sizeof expected, "%s, for %s", words, of->name);
    reader_expected(a->r, node, place, expected);
    return false;
}
