/* Names of models to entries of the table. All comparing is in lower case, as the table's rules want it. */
#include "model/price_table.h"

#include "base/limits.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* A pattern comes from the operator's file and a name from the configuration, so these only stop accidents. */
enum { MATCH_STEPS = 100000, MATCH_HEAP_KIB = 1024 };

static char lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static pcre2_code *compile(struct slice pattern) {
    int code;
    PCRE2_SIZE at;
    return pcre2_compile((PCRE2_SPTR)pattern.at, pattern.len, 0, &code, &at, NULL);
}

bool price_pattern_is_valid(struct slice pattern) {
    pcre2_code *code = compile(pattern);
    pcre2_code_free(code);
    return code != NULL;
}

/* Compiled where it is used: a list is searched when a policy is built and at no other time, so nothing
 * has to be kept and released. */
static bool pattern_matches(struct slice pattern, struct slice name) {
    pcre2_code *code = compile(pattern);
    pcre2_match_data *data = code != NULL ? pcre2_match_data_create_from_pattern(code, NULL) : NULL;
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    bool found = false;
    if (data != NULL && limits != NULL) {
        pcre2_set_match_limit(limits, MATCH_STEPS);
        pcre2_set_heap_limit(limits, MATCH_HEAP_KIB);
        found = pcre2_match(code, (PCRE2_SPTR)name.at, name.len, 0, 0, data, limits) >= 0;
    }
    pcre2_match_context_free(limits);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return found;
}

/* Depth is bounded by the reader. */
static bool matches(const struct price_match *m, struct slice name) {
    switch (m->type) {
    case MATCH_EQUALS: return slice_eq(name, m->text);
    case MATCH_STARTS: return slice_starts(name, m->text);
    case MATCH_ENDS: return slice_ends(name, m->text);
    case MATCH_CONTAINS: return slice_contains(name, m->text);
    case MATCH_REGEX: return pattern_matches(m->text, name);
    case MATCH_OR:
        for (unsigned i = 0; i < m->n_clauses; i++)
            if (matches(&m->clauses[i], name)) return true;
        return false;
    case MATCH_AND:
        for (unsigned i = 0; i < m->n_clauses; i++)
            if (!matches(&m->clauses[i], name)) return false;
        return true;
    }
    return false;
}

const struct price_model *price_by_id(const struct price_layer *newest, struct slice provider, struct slice id) {
    for (const struct price_layer *l = newest; l != NULL; l = l->older)
        for (unsigned i = l->n_models; i-- > 0;)
            if (slice_eq_nocase(slice_of(l->models[i].id), id) && slice_eq_nocase(slice_of(l->models[i].provider), provider))
                return &l->models[i];
    return NULL;
}

/* The first rule that fits, newer tables first. An entry that a newer one replaced does not count. */
static const struct price_model *by_rule(const struct price_layer *newest, struct slice provider, struct slice name) {
    for (const struct price_layer *l = newest; l != NULL; l = l->older)
        for (unsigned i = 0; i < l->n_models; i++) {
            const struct price_model *m = &l->models[i];
            if (m->match == NULL || !slice_eq_nocase(slice_of(m->provider), provider) || !matches(m->match, name)) continue;
            if (price_by_id(newest, provider, slice_of(m->id)) == m) return m;
        }
    return NULL;
}

static bool digits(const char *at, unsigned n) {
    for (unsigned i = 0; i < n; i++)
        if (at[i] < '0' || at[i] > '9') return false;
    return true;
}

static bool is_month_and_day(const char *month, const char *day) {
    int m = (month[0] - '0') * 10 + month[1] - '0', d = (day[0] - '0') * 10 + day[1] - '0';
    return m >= 1 && m <= 12 && d >= 1 && d <= 31;
}

/* Without a date at the end: -2024-07-18, -20240718, @20240718, -0718. False when there is none. */
static bool without_date(struct slice name, struct slice *ret) {
    const char *end = name.at + name.len;
    size_t cut = 0;
    if (name.len > 11 && end[-11] == '-' && end[-6] == '-' && end[-3] == '-' && end[-10] == '2' && end[-9] == '0' &&
        digits(end - 8, 2) && digits(end - 5, 2) && digits(end - 2, 2) && is_month_and_day(end - 5, end - 2))
        cut = 11;
    else if (name.len > 9 && (end[-9] == '-' || end[-9] == '@') && end[-8] == '2' && end[-7] == '0' && digits(end - 8, 8) &&
             is_month_and_day(end - 4, end - 2))
        cut = 9;
    else if (name.len > 5 && end[-5] == '-' && digits(end - 4, 4) && is_month_and_day(end - 4, end - 2))
        cut = 5;
    *ret = slice_make(name.at, name.len - cut);
    return cut > 0;
}

static const struct price_model *of_provider(const struct price_layer *newest, struct slice provider, struct slice name) {
    struct slice dateless;
    const struct price_model *m = price_by_id(newest, provider, name);
    if (m == NULL) m = by_rule(newest, provider, name);
    if (m == NULL && without_date(name, &dateless)) {
        m = price_by_id(newest, provider, dateless);
        if (m == NULL) m = by_rule(newest, provider, dateless);
    }
    return m;
}

static bool is_provider(const struct price_layer *newest, struct slice provider) {
    for (const struct price_layer *l = newest; l != NULL; l = l->older)
        for (unsigned i = 0; i < l->n_models; i++)
            if (slice_eq_nocase(slice_of(l->models[i].provider), provider)) return true;
    return false;
}

/* The name under which the table has this provider; SLICE_NULL when it has not. */
static struct slice resolve_provider(const struct price_layer *newest, struct slice provider) {
    if (is_provider(newest, provider)) return provider;
    for (const struct price_layer *l = newest; l != NULL; l = l->older)
        for (unsigned i = 0; i < l->n_aliases; i++)
            if (slice_eq_nocase(slice_of(l->aliases[i].from), provider)) return slice_of(l->aliases[i].to);
    return SLICE_NULL;
}

/* Its own entries, then those that it shares with others. */
static const struct price_model *with_fallbacks(const struct price_layer *newest, struct slice provider, struct slice name) {
    const struct price_model *m = of_provider(newest, provider, name);
    for (const struct price_layer *l = newest; l != NULL && m == NULL; l = l->older)
        for (unsigned i = 0; i < l->n_fallbacks && m == NULL; i++)
            if (slice_eq_nocase(slice_of(l->fallbacks[i].from), provider))
                m = of_provider(newest, slice_of(l->fallbacks[i].to), name);
    return m;
}

static bool same_rates(const struct price_set *a, const struct price_set *b) {
    if (a->empty != b->empty) return false;
    for (unsigned i = 0; i < METER_COUNT; i++) {
        const struct price_rate *x = &a->rates[i], *y = &b->rates[i];
        if (x->base != y->base || x->n_tiers != y->n_tiers) return false;
        if (x->n_tiers > 0 && memcmp(x->tiers, y->tiers, x->n_tiers * sizeof *x->tiers) != 0) return false;
    }
    return true;
}

static bool same_periods(const struct price_periods *a, const struct price_periods *b) {
    if (a->n != b->n) return false;
    for (unsigned i = 0; i < a->n; i++) {
        const struct price_period *x = &a->at[i], *y = &b->at[i];
        if (x->type != y->type || x->from != y->from || x->until != y->until || !same_rates(&x->set, &y->set)) return false;
    }
    return true;
}

/* A name without a provider: everybody who has it must ask the same. */
static const struct price_model *of_anyone(const struct price_layer *newest, struct slice name) {
    const struct price_model *found = NULL;
    for (const struct price_layer *l = newest; l != NULL; l = l->older)
        for (unsigned i = 0; i < l->n_models; i++) {
            if (i > 0 && strcmp(l->models[i].provider, l->models[i - 1].provider) == 0) continue; /* asked already */
            const struct price_model *m = of_provider(newest, slice_of(l->models[i].provider), name);
            if (m == NULL || m == found) continue;
            if (found != NULL && !(same_periods(&found->standard, &m->standard) && same_periods(&found->batch, &m->batch)))
                return NULL;
            found = m;
        }
    return found;
}

const struct price_model *price_find(const struct price_list *list, struct slice provider, struct slice model) {
    char text[LIMIT_LABEL];
    struct slice name = {text, model.len}, head, rest;
    if (list == NULL || model.len == 0 || model.len > sizeof text) return NULL;
    for (size_t i = 0; i < model.len; i++) text[i] = lower(model.at[i]);
    const struct price_model *m = NULL;
    struct slice known = provider.len > 0 ? resolve_provider(list->newest, provider) : SLICE_NULL;
    if (known.len > 0)
        m = with_fallbacks(list->newest, known, name);
    else if (provider.len == 0)
        m = of_anyone(list->newest, name);
    if (m == NULL && slice_cut(name, '/', &head, &rest) && head.len > 0 && rest.len > 0) {
        known = resolve_provider(list->newest, head);
        if (known.len > 0) m = with_fallbacks(list->newest, known, rest);
    }
    return m;
}

bool price_has_provider(const struct price_list *list, struct slice provider) {
    return provider.len > 0 && resolve_provider(list->newest, provider).len > 0;
}
