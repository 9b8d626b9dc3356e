#include "control/cli_eval_filter.h"

#include "base/mem.h"
#include "control/suggest.h"
#include "stats/random.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>

#define TERMS_MOST 64

enum kind { BY_TAG, BY_ID, BY_FAILING, BY_ERRORS, BY_FIRST, BY_SAMPLE, KINDS };
static const char *const names[KINDS] = {"tag", "id", "failing", "errors", "first", "sample"};

struct term {
    enum kind kind;
    struct slice value;
    uint64_t n, seed;
};

static int refuse(const char *what, struct slice word, const char *hint) {
    fprintf(stderr, "quarterdeck: --filter: %s, found `" SLICE_FMT "`%s\n", what, SLICE_ARG(word), hint);
    return 2;
}

static int read_term(struct slice word, struct term *ret) {
    struct slice name, seed;
    struct suggestion near;
    char hint[SUGGESTION_TEXT];
    bool has_value = slice_cut(word, '=', &name, &ret->value);
    unsigned k = 0;
    while (k < KINDS && !slice_is(name, names[k])) k++;
    suggestion_start(&near, name);
    for (unsigned i = 0; i < KINDS; i++) suggestion_offer(&near, names[i]);
    if (k == KINDS) return refuse("expected tag=, id=, failing=, errors=, first= or sample=", word, suggestion_text(&near, "", hint));
    if (!has_value || ret->value.len == 0) return refuse("expected a value", word, "");
    ret->kind = (enum kind)k;
    ret->seed = 1;
    if (k != BY_FIRST && k != BY_SAMPLE) return -1;
    bool seeded = slice_cut(ret->value, ':', &name, &seed);
    if (!slice_to_u64(name, &ret->n) || ret->n == 0 || (seeded && (k == BY_FIRST || !slice_to_u64(seed, &ret->seed))))
        return refuse(k == BY_FIRST ? "expected a number of cases, as in first=10" : "expected a number of cases, as in sample=50 or sample=50:7", word, "");
    return -1;
}

static int compare(const void *a, const void *b) {
    const struct term *x = a, *y = b;
    size_t n = x->value.len < y->value.len ? x->value.len : y->value.len;
    if (x->kind != y->kind) return x->kind < y->kind ? -1 : 1;
    int order = n > 0 ? memcmp(x->value.at, y->value.at, n) : 0;
    return order != 0 ? order : (x->value.len > y->value.len) - (x->value.len < y->value.len);
}

static int read_terms(const char *const *typed, unsigned n, struct term *terms, unsigned *ret_n) {
    int code = -1;
    for (unsigned i = 0; i < n; i++) {
        struct slice rest = slice_of(typed[i]), word;
        while (code < 0 && rest.len > 0) {
            slice_cut(rest, '&', &word, &rest);
            if (*ret_n == TERMS_MOST) return refuse("expected at most 64 terms", word, "");
            code = read_term(slice_trim(word), &terms[(*ret_n)++]);
        }
    }
    qsort(terms, *ret_n, sizeof *terms, compare);
    for (unsigned i = 1; code < 0 && i < *ret_n; i++)
        if (terms[i].kind == terms[i - 1].kind && terms[i].kind >= BY_FIRST) code = refuse("expected one such number", terms[i].value, "");
    return code;
}

/* ---- choosing ---- */

static bool matches(const struct term *t, const struct suite_case *c, struct arena *arena) {
    if (t->kind == BY_TAG) return suite_case_has_tag(c, t->value);
    const char *pattern = arena_text(arena, t->value), *id = arena_text(arena, c->id);
    return pattern && id && fnmatch(pattern, id, 0) == 0;
}

/* Terms of one kind: any of them. */
static int keep_kind(const struct term *terms, unsigned n, const struct suite *suite, const struct eval_filter_runs *runs, uint8_t *chosen) {
    uint8_t *marks = mem_alloc(suite->n_cases + 1);
    struct arena arena;
    int code = -1;
    arena_init(&arena, 4 << 10, 64 << 20);
    for (unsigned t = 0; t < n && code < 0; t++) {
        if (terms[t].kind == BY_FAILING || terms[t].kind == BY_ERRORS) {
            code = runs->mark(runs->ctx, terms[t].value, terms[t].kind == BY_ERRORS, suite, marks);
            continue;
        }
        for (unsigned i = 0; i < suite->n_cases; i++) {
            if (!marks[i]) marks[i] = matches(&terms[t], &suite->cases[i], &arena);
            arena_reset(&arena);
        }
    }
    for (unsigned i = 0; i < suite->n_cases; i++) chosen[i] = chosen[i] && marks[i];
    arena_deinit(&arena);
    mem_free(marks);
    return code;
}

/* n of what is left: the first ones, or drawn without putting back (selection sampling, Knuth's algorithm S). */
static void keep_some(const struct term *t, const struct suite *suite, uint8_t *chosen) {
    struct random random = {t->seed};
    uint64_t left = 0, wanted = t->n;
    for (unsigned i = 0; i < suite->n_cases; i++) left += chosen[i];
    for (unsigned i = 0; i < suite->n_cases; i++) {
        if (!chosen[i]) continue;
        bool take = t->kind == BY_FIRST ? wanted > 0 : random_below(&random, left) < wanted;
        chosen[i] = take;
        wanted -= take;
        left--;
    }
}

int eval_filter_read(const char *const *typed, unsigned n, const struct suite *suite, const struct eval_filter_runs *runs, struct arena *arena,
                     uint8_t *chosen, struct slice *ret_text, unsigned *ret_n) {
    struct term terms[TERMS_MOST] = {{.kind = 0}};
    struct slice text = SLICE_NULL;
    unsigned count = 0;
    memset(chosen, 1, suite->n_cases);
    int code = read_terms(typed, n, terms, &count);
    for (unsigned i = 0, end; code < 0 && i < count; i = end) {
        for (end = i + 1; end < count && terms[end].kind == terms[i].kind;) end++;
        if (terms[i].kind < BY_FIRST) code = keep_kind(&terms[i], end - i, suite, runs, chosen);
        else keep_some(&terms[i], suite, chosen);
    }
    for (unsigned i = 0; code < 0 && i < count; i++)
        text = arena_printf(arena, SLICE_FMT "%s%s=" SLICE_FMT, SLICE_ARG(text), i > 0 ? "&" : "", names[terms[i].kind], SLICE_ARG(terms[i].value));
    *ret_text = text;
    *ret_n = 0;
    for (unsigned i = 0; i < suite->n_cases; i++) *ret_n += chosen[i];
    return code;
}
