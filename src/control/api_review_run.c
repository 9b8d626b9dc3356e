/* Items of a review from the results of a run: what was asked as the run's own version of the suite says it, and what was answered. */
#include "control/api_reviews.h"

#include "control/eval_runs.h"
#include "quality/result.h"

#include <stdlib.h>

#define SUITE_ROOM (8 * (size_t)LIMIT_SUITE_FILE) /* a suite as it is read */

struct answer {
    uint32_t case_at, repeat;
    uint32_t with;               /* of a pair: where the baseline's stands among its answers */
    struct slice output, record; /* of those that are drawn */
};

struct source { /* one run */
    struct run_row row;
    struct suite suite;
    struct prompt prompt;
    bool has_prompt;
    struct answer *answers; /* in the order of case and repeat */
    size_t n, room;
    int64_t without;        /* results that have none */
    bool *wanted;           /* NULL: all, and their texts are not kept */
    size_t next;            /* while they are read */
    struct arena arena;     /* of the suite */
    struct arena one;       /* of one result */
    struct arena *keep;
    enum fault fault;
    struct error error;
};

/* ---- reading ---- */

static bool open_source(struct api_call *c, struct slice name, struct source *ret) {
    struct declared d;
    struct problems problems = {0};
    struct error error = {.fault = FAULT_NONE};
    int64_t number;
    if (!eval_run_number(name, &number)) {
        api_fail(c, FAULT_BAD_REQUEST, "run: expected a run such as run-12, found '%.*s'", (int)(name.len < 60 ? name.len : 60), name.at);
        return false;
    }
    if (!api_check(c, run_find(c->s->evaluations, number, c->arena, &ret->row, &error), &error) ||
        !api_check(c, eval_kept_suite(c->s->evaluations, &ret->row, &ret->arena, &ret->suite, &error), &error))
        return false;
    if (!slice_is_null(ret->row.prompt_body) && declared_from_json(ret->row.prompt_body, &ret->arena, &d, NULL) == FAULT_NONE)
        ret->has_prompt = prompt_read(&d, 0, "prompt", NULL, &ret->arena, &ret->prompt, &problems) == FAULT_NONE;
    ret->room = (size_t)ret->row.done;
    ret->keep = c->arena;
    ret->answers = arena_new_array(&ret->arena, struct answer, ret->room + 1);
    return ret->answers != NULL || api_check(c, FAULT_TOO_LARGE, NULL);
}

static void close_source(struct source *s) {
    suite_deinit(&s->suite);
    arena_deinit(&s->arena);
    arena_deinit(&s->one);
}

/* Twice: which results have an answer, then the texts of those that are drawn. */
static bool see(void *ctx, const struct run_result *r) {
    struct source *s = ctx;
    struct json_doc d;
    struct result result;
    bool again = s->wanted != NULL;
    if (again) {
        while (s->next < s->n && (s->answers[s->next].case_at < r->case_at ||
                                  (s->answers[s->next].case_at == r->case_at && s->answers[s->next].repeat < r->repeat)))
            s->next++;
        if (s->next == s->n) return false;
        if (s->answers[s->next].case_at != r->case_at || s->answers[s->next].repeat != r->repeat || !s->wanted[s->next]) return true;
    }
    arena_reset(&s->one);
    s->fault = json_read(r->body, &s->one, UINT16_MAX, &d, &s->error);
    if (s->fault == FAULT_NONE) s->fault = result_read(&d, 0, &s->one, &result, &s->error);
    if (s->fault != FAULT_NONE) return false;
    bool has = !slice_is_null(result.output) && r->case_at < s->suite.n_cases;
    if (again) {
        s->answers[s->next].output = arena_slice(s->keep, result.output);
        s->answers[s->next].record = slice_is_null(result.record) ? SLICE_NULL : arena_slice(s->keep, result.record);
        return !arena_is_full(s->keep);
    }
    s->without += !has;
    if (has && s->n < s->room) s->answers[s->n++] = (struct answer){.case_at = r->case_at, .repeat = r->repeat};
    return true;
}

static bool read_results(struct api_call *c, struct source *s, int verdict) {
    struct error error = {.fault = FAULT_NONE};
    s->next = 0;
    if (!api_check(c, run_results(c->s->evaluations, s->row.number, -1, -1, verdict, NULL, see, s, &error), &error)) return false;
    if (s->fault != FAULT_NONE) return api_check(c, s->fault, &s->error);
    if (!arena_is_full(c->arena)) return true;
    api_fail(c, FAULT_TOO_LARGE, "the answers take over 64 MiB: take a `sample` of them");
    return false;
}

/* ---- pairs ---- */

struct named {
    struct slice id;
    uint32_t at;
};

static int by_id(const void *a, const void *b) {
    struct slice x = ((const struct named *)a)->id, y = ((const struct named *)b)->id;
    int order = memcmp(x.at, y.at, x.len < y.len ? x.len : y.len);
    return order != 0 ? order : x.len < y.len ? -1 : x.len > y.len;
}

static int by_place(const void *a, const void *b) {
    const struct answer *x = a, *y = b;
    if (x->case_at != y->case_at) return x->case_at < y->case_at ? -1 : 1;
    return x->repeat < y->repeat ? -1 : x->repeat > y->repeat;
}

/* The same id may be another question in another version of the suite. */
static bool is_same_question(const struct suite_case *a, const struct suite_case *b) {
    bool same = slice_eq(a->input, b->input) && slice_eq(a->about.context, b->about.context) && a->about.n_vars == b->about.n_vars;
    for (unsigned i = 0; same && i < a->about.n_vars; i++)
        same = slice_eq(a->about.vars[i].name, b->about.vars[i].name) && slice_eq(a->about.vars[i].value, b->about.vars[i].value);
    return same;
}

/* Leaves those answers that have one of the same case and repeat in the other run. */
static bool pair_up(struct api_call *c, struct source *s, const struct source *old) {
    struct named *names = arena_new_array(&s->arena, struct named, old->suite.n_cases + 1);
    size_t kept = 0;
    if (names == NULL) return api_check(c, FAULT_TOO_LARGE, NULL);
    for (uint32_t i = 0; i < old->suite.n_cases; i++) names[i] = (struct named){old->suite.cases[i].id, i};
    qsort(names, old->suite.n_cases, sizeof *names, by_id);
    for (size_t i = 0; i < s->n; i++) {
        const struct suite_case *k = &s->suite.cases[s->answers[i].case_at];
        const struct named wanted = {.id = k->id}, *name = bsearch(&wanted, names, old->suite.n_cases, sizeof *names, by_id);
        if (name == NULL || !is_same_question(k, &old->suite.cases[name->at])) continue;
        const struct answer place = {.case_at = name->at, .repeat = s->answers[i].repeat},
                            *found = bsearch(&place, old->answers, old->n, sizeof *old->answers, by_place);
        if (found == NULL) continue;
        s->answers[kept] = s->answers[i];
        s->answers[kept++].with = (uint32_t)(found - old->answers);
    }
    s->without += (int64_t)(s->n - kept);
    s->n = kept;
    return true;
}

/* ---- as items ---- */

static struct slice as_json(struct arena *arena, struct slice text) {
    struct buffer out;
    struct json_writer w;
    if (slice_is_null(text)) return SLICE_NULL;
    buffer_init(&out, LIMIT_REPLY_BODY);
    json_start(&w, &out);
    json_put_string(&w, text);
    struct slice s = out.overflow ? SLICE_NULL : arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return s;
}

/* The messages that the application was sent; SLICE_NULL where the prompt is not kept. */
static struct slice messages_of(const struct source *s, const struct suite_case *k, struct arena *arena) {
    struct buffer body;
    struct json_doc d;
    struct slice found = SLICE_NULL;
    buffer_init(&body, 2 * (size_t)LIMIT_CASE_TEXT);
    if (suite_write_request(&s->suite, k, s->has_prompt ? &s->prompt : NULL, SLICE("any"), arena, &body, NULL) == FAULT_NONE && !body.overflow &&
        json_read(arena_slice(arena, buffer_slice(&body)), arena, 1, &d, NULL) == FAULT_NONE)
        found = json_raw(&d, json_get(&d, 0, "messages"));
    buffer_deinit(&body);
    return found;
}

static struct slice vars_of(const struct suite_case *k, struct arena *arena) {
    struct buffer out;
    struct json_writer w;
    if (k->about.n_vars == 0) return SLICE_NULL;
    buffer_init(&out, 2 * (size_t)LIMIT_CASE_TEXT);
    json_start(&w, &out);
    json_object(&w);
    for (unsigned i = 0; i < k->about.n_vars; i++) {
        json_key_slice(&w, k->about.vars[i].name);
        json_put_string(&w, k->about.vars[i].value);
    }
    json_object_end(&w);
    struct slice s = out.overflow ? SLICE_NULL : arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return s;
}

/* What was asked, alike for both of a pair: where two prompts word it differently, the case as it is. */
static struct slice asked_of(const struct source *s, const struct source *old, const struct answer *a, struct arena *arena) {
    const struct suite_case *k = &s->suite.cases[a->case_at];
    struct slice asked = messages_of(s, k, arena);
    if (old != NULL && !slice_eq(asked, messages_of(old, &old->suite.cases[old->answers[a->with].case_at], arena))) asked = SLICE_NULL;
    if (!slice_is_null(asked) || slice_is_null(k->input)) return !slice_is_null(asked) ? asked : vars_of(k, arena);
    return k->input_is_messages ? arena_printf(arena, "[" SLICE_FMT "]", SLICE_ARG(k->input)) : as_json(arena, k->input);
}

static bool keep(struct review_items *all, struct source *s, const struct source *old, const struct answer *a, double chance) {
    const struct slice names[] = {SLICE("input"), SLICE("context"), SLICE("expected"), SLICE("vars"), SLICE("run"), SLICE("case"),
                                  SLICE("repeat"), SLICE("record"), SLICE("chance")};
    const struct suite_case *k = &s->suite.cases[a->case_at];
    struct arena *one = &s->one;
    arena_reset(one);
    const struct slice values[] = {asked_of(s, old, a, one), as_json(one, k->about.context), as_json(one, k->about.expected), vars_of(k, one),
                                   arena_printf(one, "\"run-%lld\"", (long long)s->row.number), as_json(one, k->id),
                                   arena_printf(one, "%u", a->repeat), as_json(one, a->record), arena_printf(one, "%.9g", chance)};
    struct slice answers[2] = {as_json(one, old != NULL ? old->answers[a->with].output : a->output), as_json(one, a->output)};
    if (!arena_is_full(one)) return api_review_keep(all, names, values, sizeof names / sizeof *names, answers, old != NULL ? 2 : 1);
    api_fail(all->c, FAULT_TOO_LARGE, "case " SLICE_FMT " does not fit into its memory", SLICE_ARG(k->id));
    return false;
}

static bool draw(struct review_items *all, struct source *s, struct source *old, int64_t sample) {
    struct api_call *c = all->c;
    size_t n = sample > 0 && (size_t)sample < s->n ? (size_t)sample : s->n;
    all->drawn_from = (int64_t)s->n;
    if (n == 0 || n > REVIEW_ITEMS_MOST) {
        api_fail(c, FAULT_BAD_REQUEST, n == 0 ? "run: there is no such answer to look at: %lld results are without one" :
                 "run: it has more answers than a review may have (%lld are without); take a `sample` of at most 10000", (long long)all->left_out);
        return false;
    }
    uint32_t *drawn = review_draw((uint32_t)s->n, (uint32_t)n, api_review_seed(), c->arena);
    s->wanted = arena_new_array(&s->arena, bool, s->n + 1);
    if (old != NULL) old->wanted = arena_new_array(&old->arena, bool, old->n + 1);
    all->at = arena_new_array(c->arena, struct slice, n);
    if (!drawn || !s->wanted || !all->at || (old != NULL && !old->wanted)) return api_check(c, FAULT_TOO_LARGE, NULL);
    memset(s->wanted, 0, s->n);
    if (old != NULL) memset(old->wanted, 0, old->n);
    for (size_t i = 0; i < n; i++) {
        s->wanted[drawn[i]] = true;
        if (old != NULL) old->wanted[s->answers[drawn[i]].with] = true;
    }
    if (!read_results(c, s, -1) || (old != NULL && !read_results(c, old, -1))) return false;
    for (size_t i = 0; i < n; i++)
        if (!keep(all, s, old, &s->answers[drawn[i]], (double)n / (double)s->n)) return false;
    return true;
}

bool api_review_from_run(struct review_items *all, struct slice run, struct slice against, int verdict, int64_t sample) {
    struct api_call *c = all->c;
    struct source s = {.n = 0}, old = {.n = 0};
    bool paired = !slice_is_null(against);
    arena_init(&s.arena, 1 << 20, SUITE_ROOM), arena_init(&old.arena, 1 << 20, SUITE_ROOM);
    arena_init(&s.one, 64 << 10, LIMIT_REPLY_BODY), arena_init(&old.one, 64 << 10, LIMIT_REPLY_BODY);
    bool good = open_source(c, run, &s) && read_results(c, &s, verdict);
    if (good && paired) good = open_source(c, against, &old) && read_results(c, &old, -1) && pair_up(c, &s, &old);
    all->left_out = s.without;
    if (good) good = draw(all, &s, paired ? &old : NULL, sample);
    if (good && paired)
        all->source = arena_printf(c->arena, "run-%lld against run-%lld", (long long)s.row.number, (long long)old.row.number);
    else if (good)
        all->source = arena_printf(c->arena, "run-%lld%s", (long long)s.row.number, verdict < 0 ? "" : verdict == CHECK_PASS ? ", passed" : ", failed");
    close_source(&s);
    close_source(&old);
    return good;
}
