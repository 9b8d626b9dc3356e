/* Silences and inhibitions (alerting.h). */
#include "incident/alerting.h"

#include "base/json.h"
#include "quality/pattern.h"

enum { LIMIT_MATCHER = 512 };

/* "*" is any run of characters, also none. */
static bool glob(struct slice pattern, struct slice text) {
    size_t p = 0, t = 0, star = SIZE_MAX, mark = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.at[p] == '*') {
            star = p++;
            mark = t;
        } else if (p < pattern.len && pattern.at[p] == text.at[t]) {
            p++, t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.at[p] == '*') p++;
    return p == pattern.len;
}

static struct slice label_of(const struct alert_identity *a, struct slice name) {
    if (slice_is(name, "rule") || slice_is(name, "alertname")) return a->rule;
    if (slice_is(name, "severity")) return slice_of(alert_severity_name(a->severity));
    for (unsigned i = 0; i < a->n_labels; i++)
        if (slice_eq(a->labels[i].name, name)) return a->labels[i].value;
    return SLICE("");
}

bool silence_matches(const struct silence_matcher *m, unsigned n, const struct alert_identity *a) {
    for (unsigned i = 0; i < n; i++) {
        struct slice value = label_of(a, m[i].label);
        bool is = m[i].is_regex ? pattern_find(m[i].pattern, value, NULL) == PATTERN_YES : glob(m[i].value, value);
        if (is == m[i].negated) return false;
    }
    return n > 0;
}

static bool is_label(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
        if (!letter && !(i > 0 && ((c >= '0' && c <= '9') || c == '.' || c == '-'))) return false;
    }
    return s.len > 0;
}

static enum fault compile(struct silence_matcher *m, struct arena *arena, struct error *error) {
    struct slice whole = arena_printf(arena, "^(?:" SLICE_FMT ")$", SLICE_ARG(m->value));
    if (slice_is_null(whole)) return error_set(error, FAULT_TOO_LARGE, "no room for a matcher");
    return pattern_new(whole, &m->pattern, error);
}

enum fault silence_matcher_read(struct slice text, struct arena *arena, struct silence_matcher *ret, struct error *error) {
    struct silence_matcher m = {0};
    text = slice_trim(text);
    const char *equal = text.len > 0 ? memchr(text.at, '=', text.len) : NULL;
    size_t at = equal == NULL ? 0 : (size_t)(equal - text.at), behind = at + 1;
    if (at > 0 && text.at[at - 1] == '!') {
        m.negated = true;
        at--;
    }
    if (behind < text.len && text.at[behind] == '~') m.is_regex = true;
    else if (m.negated == false && at > 0 && behind < text.len && text.at[behind] == '=') behind++; /* "==" is meant as "=" */
    if (m.is_regex) behind++;
    m.label = slice_trim(slice_make(text.at, at));
    if (equal == NULL && text.len > 0) { /* label!~regex */
        struct slice head, tail;
        if (slice_cut(text, '~', &head, &tail) && slice_ends(head, SLICE("!"))) {
            m.negated = m.is_regex = true;
            m.label = slice_trim(slice_make(head.at, head.len - 1));
            behind = (size_t)(tail.at - text.at);
            equal = head.at;
        }
    }
    if (equal == NULL || !is_label(m.label) || text.len > LIMIT_MATCHER || !slice_is_utf8(text))
        return error_set(error, FAULT_BAD_REQUEST, "expected LABEL=VALUE, LABEL!=VALUE, LABEL=~REGEX or LABEL!~REGEX (as rule=slow-*), found \"" SLICE_FMT "\"",
                         SLICE_ARG(text.len > LIMIT_MATCHER ? slice_make(text.at, LIMIT_MATCHER) : text));
    m.label = arena_slice(arena, m.label);
    m.value = arena_slice(arena, slice_trim(slice_make(text.at + behind, text.len - behind)));
    if (arena_is_full(arena)) return error_set(error, FAULT_TOO_LARGE, "no room for a matcher");
    if (m.is_regex && compile(&m, arena, error) != FAULT_NONE) {
        struct error inner = *error;
        return error_set(error, FAULT_BAD_REQUEST, "\"" SLICE_FMT "\": %s", SLICE_ARG(text), inner.text);
    }
    *ret = m;
    return FAULT_NONE;
}

enum fault silence_matchers_read(struct slice json, struct arena *arena, struct silence_matcher **ret, unsigned *ret_n, struct error *error) {
    struct json_doc d;
    uint32_t cursor = JSON_NONE, item;
    unsigned n = 0;
    enum fault fault = json_read(json, arena, UINT16_MAX, &d, error);
    if (fault != FAULT_NONE) return fault;
    if (json_type(&d, 0) != JSON_ARRAY || json_size(&d, 0) == 0 || json_size(&d, 0) > SILENCE_MATCHERS)
        return error_set(error, FAULT_BAD_REQUEST, "expected 1 to %d matchers (as rule=slow-*)", SILENCE_MATCHERS);
    struct silence_matcher *all = arena_new_array(arena, struct silence_matcher, SILENCE_MATCHERS);
    if (all == NULL) return error_set(error, FAULT_TOO_LARGE, "no room for matchers");
    while (fault == FAULT_NONE && json_each_item(&d, 0, &cursor, &item)) {
        struct slice text = json_string(&d, item, arena);
        fault = silence_matcher_read(slice_is_null(text) ? json_raw(&d, item) : text, arena, &all[n], error);
        if (fault == FAULT_NONE) n++;
    }
    if (fault != FAULT_NONE) {
        silence_matchers_free(all, n);
        return fault;
    }
    *ret = all;
    *ret_n = n;
    return FAULT_NONE;
}

void silence_matchers_free(struct silence_matcher *m, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        pattern_free(m[i].pattern);
        m[i].pattern = NULL;
    }
}

/* ---- inhibitions ---- */

static bool same(const struct alert_identity *a, const struct alert_identity *b) {
    if (!slice_eq(a->rule, b->rule) || a->n_labels != b->n_labels) return false;
    for (unsigned i = 0; i < a->n_labels; i++)
        if (!slice_eq(label_of(b, a->labels[i].name), a->labels[i].value)) return false;
    return true;
}

bool inhibits(const struct alert_inhibition *i, const struct alert_identity *source, const struct alert_identity *target) {
    if (!glob(i->source, source->rule) || !glob(i->target, target->rule) || same(source, target)) return false;
    for (unsigned b = 0; b < SIGNAL_BYS; b++) {
        if (!(i->equal >> b & 1)) continue;
        struct slice name = slice_of(signal_by_name((enum signal_by)b)), s = label_of(source, name), t = label_of(target, name);
        if (s.len == 0 || !slice_eq(s, t)) return false;
    }
    return true;
}
