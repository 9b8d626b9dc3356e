#include "quality/compare_private.h"

#include "base/mem.h"
#include "quality/summary_private.h"

#include <math.h>

static bool same_text(struct slice a, struct slice b) {
    return slice_is_null(a) == slice_is_null(b) && slice_eq(a, b);
}

/* Are both asked the same, and held against the same? Checks are not looked at: a suite that only changed these is compared, and says so. */
static bool asks_the_same(const struct suite_case *a, const struct suite_case *b) {
    if (!same_text(a->input, b->input) || !same_text(a->about.expected, b->about.expected) || !same_text(a->about.context, b->about.context) ||
        a->about.n_vars != b->about.n_vars)
        return false;
    for (unsigned i = 0; i < a->about.n_vars; i++) {
        bool found = false;
        for (unsigned k = 0; k < b->about.n_vars && !found; k++)
            found = slice_eq(a->about.vars[i].name, b->about.vars[k].name) && same_text(a->about.vars[i].value, b->about.vars[k].value);
        if (!found) return false;
    }
    return true;
}

static void pair_up(struct compare *c) {
    const struct suite *a = c->run[0].suite, *b = c->run[1].suite;
    struct table by_id;
    table_init(&by_id);
    c->only[1] = b->n_cases;
    for (uint32_t i = 0; i < b->n_cases; i++) table_put(&by_id, b->cases[i].id, (void *)((uintptr_t)i + 1));
    for (uint32_t i = 0; i < a->n_cases; i++) {
        uintptr_t at = (uintptr_t)table_get(&by_id, a->cases[i].id);
        c->other[i] = UINT32_MAX;
        if (at == 0) {
            c->only[0]++;
            continue;
        }
        c->only[1]--;
        if (a == b || asks_the_same(&a->cases[i], &b->cases[at - 1])) c->other[i] = (uint32_t)(at - 1);
        else c->changed++;
    }
    table_deinit(&by_id);
}

struct compare *compare_new(const struct suite *baseline, const struct suite *candidate, double confidence) {
    struct compare *c = mem_new(struct compare);
    c->confidence = confidence;
    c->run[0].suite = baseline;
    c->run[1].suite = candidate;
    for (unsigned i = 0; i < 2; i++) c->run[i].cases = mem_new_array(struct compared_case, c->run[i].suite->n_cases + 1);
    c->other = mem_new_array(uint32_t, baseline->n_cases + 1);
    c->cluster = mem_new_array(uint32_t, baseline->n_cases + 1);
    pair_up(c);
    c->clustered = summary_families(baseline, c->cluster);
    return c;
}

void compare_free(struct compare *c) {
    if (c == NULL) return;
    for (unsigned i = 0; i < 2; i++) {
        for (unsigned k = 0; k < c->run[i].suite->n_cases; k++) {
            mem_free(c->run[i].cases[k].output);
            mem_free(c->run[i].cases[k].reason);
        }
        mem_free(c->run[i].cases);
    }
    mem_free(c->other);
    mem_free(c->cluster);
    mem_free(c);
}

/* The beginning, cut between characters. */
static char *excerpt(struct compare *c, struct slice text) {
    size_t len = text.len < COMPARE_EXCERPT ? text.len : COMPARE_EXCERPT;
    while (len < text.len && len > 0 && ((unsigned char)text.at[len] & 0xC0) == 0x80) len--;
    if (slice_is_null(text) || c->excerpts + len + 1 > COMPARE_EXCERPTS) return NULL;
    c->excerpts += len + 1;
    char *copy = mem_alloc(len + 1);
    memcpy(copy, text.at, len);
    for (size_t i = 0; i < len; i++)
        if (copy[i] == 0) copy[i] = ' ';
    return copy;
}

static void keep_words(struct compare *c, struct compared_case *k, const struct result *r) {
    bool failed = r->verdict == CHECK_FAIL;
    if (k->output != NULL && (k->failed || !failed)) return;
    if (k->output) c->excerpts -= strlen(k->output) + 1;
    if (k->reason) c->excerpts -= strlen(k->reason) + 1;
    mem_free(k->output);
    mem_free(k->reason);
    k->failed = failed;
    k->output = excerpt(c, slice_is_null(r->output) ? SLICE("") : r->output);
    k->reason = NULL;
    for (unsigned i = 0; i < r->n_checks && failed; i++) {
        if (r->checks[i].verdict != CHECK_FAIL) continue;
        k->reason = excerpt(c, r->checks[i].reason);
        break;
    }
}

void compare_add(struct compare *c, bool candidate, const struct result *r) {
    struct compared_run *run = &c->run[candidate];
    if (r->case_at >= run->suite->n_cases) return;
    struct compared_case *k = &run->cases[r->case_at];
    run->results++;
    if (r->verdict == CHECK_ERROR) {
        run->errors++;
        k->errors++;
        return;
    }
    k->answered++;
    k->passed += r->verdict == CHECK_PASS;
    k->score += fmin(1, fmax(0, r->score));
    if (money_is_known(r->cost_nano)) {
        k->cost += (double)r->cost_nano;
        k->priced++;
    }
    if (r->latency_us >= 0) {
        k->latency += (double)r->latency_us;
        k->timed++;
    }
    keep_words(c, k, r);
}

void compare_pairs(const struct compare *c, struct slice tag, struct compared_pairs *ret) {
    const struct suite *a = c->run[0].suite;
    size_t n = a->n_cases + 1;
    *ret = (struct compared_pairs){.weight = mem_new_array(double, n), .cluster = mem_new_array(uint32_t, n), .at = mem_new_array(uint32_t, n)};
    for (unsigned side = 0; side < 2; side++) {
        ret->value[side] = mem_new_array(double, n);
        ret->score[side] = mem_new_array(double, n);
    }
    for (uint32_t i = 0; i < a->n_cases; i++) {
        if (c->other[i] == UINT32_MAX || (!slice_is_null(tag) && !suite_case_has_tag(&a->cases[i], tag))) continue;
        const struct compared_case *both[2] = {&c->run[0].cases[i], &c->run[1].cases[c->other[i]]};
        if (both[0]->answered == 0 || both[1]->answered == 0) {
            ret->blank += both[0]->answered + both[0]->errors + both[1]->answered + both[1]->errors > 0;
            continue;
        }
        for (unsigned side = 0; side < 2; side++) {
            ret->value[side][ret->n] = (double)both[side]->passed / both[side]->answered;
            ret->score[side][ret->n] = both[side]->score / both[side]->answered;
        }
        ret->weight[ret->n] = a->cases[i].weight;
        ret->weighted |= ret->weight[ret->n] != ret->weight[0];
        ret->cluster[ret->n] = c->cluster[i];
        ret->at[ret->n++] = i;
    }
    if (c->clustered) (void)summary_families_again(ret->cluster, ret->n, a->n_cases);
}

void compare_pairs_free(struct compared_pairs *p) {
    for (unsigned side = 0; side < 2; side++) {
        mem_free(p->value[side]);
        mem_free(p->score[side]);
    }
    mem_free(p->weight);
    mem_free(p->cluster);
    mem_free(p->at);
    *p = (struct compared_pairs){0};
}

struct paired_result compare_ask(const struct compare *c, const struct compared_pairs *p, bool score, unsigned resamples) {
    struct paired_question q = {.baseline = score ? p->score[0] : p->value[0], .candidate = score ? p->score[1] : p->value[1],
                                .weight = p->weighted ? p->weight : NULL, .cluster = c->clustered ? p->cluster : NULL, .n = p->n,
                                .confidence = c->confidence, .power = COMPARE_POWER, .resamples = resamples, .seed = 1};
    return paired_compare(&q);
}
