#include "quality/check_run.h"

#include "model/embedding.h"
#include "quality/overlap.h"
#include "quality/pattern.h"
#include "quality/text.h"

#include <stdio.h>

static bool ignores_case(enum check_type t) {
    return t == CHECK_TYPE_IEQUALS || t == CHECK_TYPE_ICONTAINS || t == CHECK_TYPE_ICONTAINS_ANY ||
           t == CHECK_TYPE_ICONTAINS_ALL;
}

/* The answer and the i-th text, in lower case where the type ignores case. */
static struct slice answer_text(struct check_run *run) {
    return ignores_case(run->c->type) ? text_lower(run->a->text, run->arena) : run->a->text;
}

static bool compared_text(struct check_run *run, unsigned i, struct slice *ret) {
    if (i < run->c->n_texts && !slice_is_null(run->c->texts[i].folded)) {
        *ret = run->c->texts[i].folded;
        return true;
    }
    if (!check_text_at(run, i, ret)) return false;
    if (ignores_case(run->c->type)) *ret = text_lower(*ret, run->arena);
    return true;
}

void check_run_equals(struct check_run *run) {
    struct slice want;
    if (run->c->json_node != JSON_NONE) {
        check_run_equals_json(run);
        return;
    }
    if (!compared_text(run, 0, &want)) return;
    run->wanted = arena_printf(run->arena, "equal " SLICE_FMT "%s", SLICE_ARG(check_quote(run, want)),
                               ignores_case(run->c->type) ? " in whatever case" : "");
    check_score(run, slice_eq(answer_text(run), want), check_quote(run, run->a->text));
}

void check_run_contains(struct check_run *run) {
    struct slice want;
    bool start = run->c->type == CHECK_TYPE_STARTS_WITH;
    if (!compared_text(run, 0, &want)) return;
    run->wanted = arena_printf(run->arena, "%s " SLICE_FMT "%s", start ? "begin with" : "contain",
                               SLICE_ARG(check_quote(run, want)),
                               ignores_case(run->c->type) ? " in whatever case" : "");
    bool holds = start ? slice_starts(run->a->text, want) : slice_contains(answer_text(run), want);
    check_score(run, holds, check_quote(run, run->a->text));
}

void check_run_contains_many(struct check_run *run) {
    const struct check *c = run->c;
    bool all = c->type == CHECK_TYPE_CONTAINS_ALL || c->type == CHECK_TYPE_ICONTAINS_ALL;
    struct slice text = answer_text(run), want, first = SLICE_NULL, missing = SLICE_NULL;
    unsigned held = 0;
    for (unsigned i = 0; i < c->n_texts; i++) {
        if (!compared_text(run, i, &want)) return;
        bool in = slice_contains(text, want);
        held += in;
        if (in && slice_is_null(first)) first = want;
        if (!in && slice_is_null(missing)) missing = want;
    }
    run->wanted = arena_printf(run->arena, "contain %s of %u texts%s", all ? "all" : "one", c->n_texts,
                               ignores_case(c->type) ? " in whatever case" : "");
    struct slice found = arena_printf(
        run->arena, "%u of them%s" SLICE_FMT, held,
        held == c->n_texts ? ""
        : all || held == 0 ? ", but not "
                           : ", such as ",
        SLICE_ARG(held == c->n_texts ? SLICE("") : check_quote(run, all || held == 0 ? missing : first)));
    check_score(run, all ? held == c->n_texts : held > 0, found);
}

void check_run_regex(struct check_run *run) {
    const char *why = NULL;
    enum pattern_answer answer = pattern_find(run->c->pattern, run->a->text, &why);
    run->wanted = SLICE("match the pattern");
    if (answer == PATTERN_GAVE_UP) check_cannot(run, "the pattern cannot be searched: %s", why);
    else check_score(run, answer == PATTERN_YES, check_quote(run, run->a->text));
}

void check_run_levenshtein(struct check_run *run) {
    struct slice want;
    if (!check_text_at(run, 0, &want)) return;
    uint64_t most = run->c->threshold < 1e15 ? (uint64_t)run->c->threshold : (uint64_t)1e15;
    uint64_t distance = text_distance(run->a->text, want, most, run->arena);
    if (distance == TEXT_TOO_LONG) {
        check_cannot(run, "the texts are too long for a distance of up to %llu", (unsigned long long)most);
        return;
    }
    run->wanted = arena_printf(run->arena, "come within %llu edits of " SLICE_FMT, (unsigned long long)most,
                               SLICE_ARG(check_quote(run, want)));
    struct slice found = distance == TEXT_FARTHER
                             ? arena_printf(run->arena, "more than %llu", (unsigned long long)most)
                             : arena_printf(run->arena, "%llu", (unsigned long long)distance);
    check_measured(run, distance != TEXT_FARTHER, found);
}

static void conclude_overlap(struct check_run *run, const char *name, double score) {
    run->wanted = arena_printf(run->arena, "have a %s of at least %g", name, run->c->threshold);
    check_score(run, score, arena_printf(run->arena, "%.4f", score));
}

void check_run_rouge(struct check_run *run) {
    static const char *const names[] = {"F1", "precision", "recall"};
    char name[32];
    struct slice want;
    struct rouge r;
    if (!check_text_at(run, 0, &want) || !rouge_n(run->a->text, want, run->c->n, run->arena, &r)) return;
    double scores[] = {r.f1, r.precision, r.recall};
    (void)snprintf(name, sizeof name, "ROUGE-%d %s", run->c->n, names[run->c->measure]);
    conclude_overlap(run, name, scores[run->c->measure]);
}

void check_run_bleu(struct check_run *run) {
    unsigned n = run->c->n_texts > 0 ? run->c->n_texts : 1;
    struct slice *references = arena_new_array(run->arena, struct slice, n);
    struct bleu b = {.length = 0};
    for (unsigned i = 0; references != NULL && i < n; i++)
        if (!check_text_at(run, i, &references[i])) return;
    if (references != NULL && bleu_add(&b, run->a->text, references, n, run->arena))
        conclude_overlap(run, "BLEU", bleu_score(&b, true));
}

void check_run_similar(struct check_run *run) {
    struct embedding answer, value;
    struct embedding_probe probe;
    struct slice want;
    double best = 0;
    bool worded = slice_is_utf8(run->a->text) && embedding_of(run->a->text, &answer);
    if (!slice_is_utf8(run->a->text)) {
        check_cannot(run, "the answer is not well-formed UTF-8");
        return;
    }
    if (worded) embedding_probe(&answer, &probe);
    for (unsigned i = 0; i == 0 || i < run->c->n_texts; i++) {
        if (!check_text_at(run, i, &want)) return;
        bool known = slice_is_utf8(want) && embedding_of(want, &value);
        if (!known) {
            check_cannot(run, "there is no word in " SLICE_FMT " to compare with", SLICE_ARG(check_quote(run, want)));
            return;
        }
        double cosine = worded ? (double)embedding_cosine(&probe, &value) : 0;
        if (cosine > best) best = cosine;
    }
    conclude_overlap(run, "similarity of wording", best < 1 ? best : 1);
}

void check_run_words(struct check_run *run) {
    const struct check *c = run->c;
    uint64_t n = text_count_runs(run->a->text);
    bool holds = (c->min < 0 || n >= (uint64_t)c->min) && (c->max < 0 || n <= (uint64_t)c->max);
    if (c->min == c->max) run->wanted = arena_printf(run->arena, "have %lld words", (long long)c->min);
    else if (c->max < 0)
        run->wanted = arena_printf(run->arena, "have at least %lld words", (long long)c->min);
    else if (c->min < 0) run->wanted = arena_printf(run->arena, "have at most %lld words", (long long)c->max);
    else
        run->wanted =
            arena_printf(run->arena, "have %lld to %lld words", (long long)c->min, (long long)c->max);
    check_score(run, holds, arena_printf(run->arena, "%llu", (unsigned long long)n));
}
