/* run_repeats.c - checks that compare the answers to one case: its repeats wait until all of them are there. */
#include "quality/run_private.h"

#include "base/mem.h"
#include "quality/consistent.h"

#include <math.h>

struct run_earlier {
    struct list link;
    size_t len;
    char text[];
};

bool run_compares(const struct suite *s, const struct suite_case *c) {
    for (unsigned k = 0; k < suite_check_count(s, c); k++)
        if (check_by(suite_check_at(s, c, k)) == CHECK_BY_REPEATS) return true;
    return false;
}

static struct run_case *case_of(struct run *r, unsigned case_at) {
    struct run_case *c = r->cases[case_at];
    if (c != NULL) return c;
    c = r->cases[case_at] = mem_new(struct run_case);
    list_init(&c->parked);
    list_init(&c->earlier);
    return c;
}

void run_repeats_expect(struct run *r, unsigned case_at) {
    struct run_case *c = case_of(r, case_at);
    if (c->is_expected) return;
    c->is_expected = true;
    for (unsigned k = 0; k < r->o.repeat; k++) {
        size_t at = (size_t)case_at * r->o.repeat + k;
        c->missing += !(r->skipped[at / 8] >> at % 8 & 1);
    }
}

void run_skip_answer(struct run *r, unsigned case_at, unsigned repeat, struct slice output) {
    if (case_at >= r->o.suite->n_cases || repeat >= r->o.repeat || slice_is_null(output)) return;
    if (!run_compares(r->o.suite, &r->o.suite->cases[case_at])) return;
    struct run_case *c = case_of(r, case_at);
    struct run_earlier *e = mem_alloc(sizeof *e + output.len + 1);
    e->len = output.len;
    memcpy(e->text, output.at, output.len);
    list_push(&c->earlier, &e->link);
    c->n_earlier++;
}

/* ---- all are there ---- */

static void decide(struct run_item *i, double agreement, unsigned others) {
    const struct suite *s = i->run->o.suite;
    for (unsigned k = 0; i->outcomes != NULL && k < i->n_checks; k++) {
        const struct check *c = suite_check_at(s, i->about, k);
        if (check_by(c) != CHECK_BY_REPEATS) continue;
        if (isnan(agreement))
            i->outcomes[k] = (struct check_outcome){.verdict = CHECK_ERROR, .reason = SLICE("there is no other answer to this case to compare with")};
        else
            check_conclude(c, agreement, false,
                           arena_printf(&i->arena, "mean agreement with %u other answer%s: %.3f", others, others == 1 ? "" : "s", agreement), &i->outcomes[k]);
    }
}

static void conclude(struct run_case *c) {
    unsigned n = c->n_parked + c->n_earlier, at = 0, given = 0;
    struct slice *texts = mem_new_array(struct slice, n + 1);
    double *scores = mem_new_array(double, n + 1);
    struct arena arena;
    struct list *node;
    for (node = c->parked.next; node != &c->parked; node = node->next) texts[at++] = list_item(node, struct run_item, link)->answer.text;
    for (node = c->earlier.next; node != &c->earlier; node = node->next) {
        struct run_earlier *e = list_item(node, struct run_earlier, link);
        texts[at++] = slice_make(e->text, e->len);
    }
    for (unsigned k = 0; k < n; k++) given += !slice_is_null(texts[k]);
    arena_init(&arena, 64 << 10, LIMIT_ARENA_EXCHANGE);
    bool told = consistent_scores(texts, n, &arena, scores);
    arena_deinit(&arena);
    at = 0;
    while (!list_empty(&c->parked)) {
        struct run_item *i = list_item(c->parked.next, struct run_item, link);
        decide(i, told && given > 1 ? scores[at] : (double)NAN, given - 1);
        at++;
        run_item_conclude(i);
        run_item_over(i, true); /* leaves `parked` */
    }
    mem_free(texts);
    mem_free(scores);
}

void run_repeats_free(struct run_case *c) {
    struct list *node;
    if (c == NULL) return;
    while ((node = list_shift(&c->earlier)) != NULL) mem_free(list_item(node, struct run_earlier, link));
    mem_free(c);
}

static void forget(struct run *r, unsigned case_at) {
    struct run_case *c = r->cases[case_at];
    r->cases[case_at] = NULL;
    if (c->n_parked > 0) conclude(c);
    run_repeats_free(c);
}

void run_repeats_come(struct run_item *i) {
    struct run *r = i->run;
    struct run_case *c = case_of(r, i->case_at);
    list_push(&c->parked, &i->link);
    c->n_parked++;
    if (--c->missing == 0) forget(r, i->case_at);
}

/* A run that was stopped: what there is is compared. */
void run_repeats_end(struct run *r) {
    for (unsigned k = 0; k < r->o.suite->n_cases; k++)
        if (r->cases[k] != NULL) forget(r, k);
}
