#include "quality/check.h"

#include "quality/check_run.h"
#include "quality/pattern.h"
#include "quality/refusal.h"
#include "model/template.h"
#include "quality/text.h"

#include <math.h>
#include <stdio.h>

void check_answer_init(struct check_answer *a) {
    *a = (struct check_answer){.latency_us = -1, .cost_nano = MONEY_UNKNOWN};
    usage_init(&a->usage);
}

bool check_answer_of(const struct reply *r, struct arena *arena, struct check_answer *ret) {
    struct check_answer a = *ret;
    unsigned n_texts = 0;
    size_t length = 0;
    a.calls = arena_new_array(arena, struct check_tool_call, r->n_parts);
    a.n_calls = 0;
    a.text = SLICE_NULL;
    a.finish = r->finish;
    a.finish_raw = r->finish_raw;
    a.usage = r->usage;
    a.refused = r->finish == FINISH_REFUSAL;
    if (a.calls == NULL) return false;
    for (unsigned i = 0; i < r->n_parts; i++) {
        const struct part *p = &r->parts[i];
        if (p->type == PART_TOOL_CALL) a.calls[a.n_calls++] = (struct check_tool_call){p->name, p->arguments};
        if (p->type == PART_REFUSAL) a.refused = true;
        if (p->type != PART_TEXT && p->type != PART_REFUSAL) continue;
        a.text = p->text;
        length += p->text.len;
        n_texts++;
    }
    if (n_texts > 1) {
        char *joined = arena_alloc(arena, length + 1);
        if (joined == NULL) return false;
        a.text = slice_make(joined, 0);
        for (unsigned i = 0; i < r->n_parts; i++) {
            const struct part *p = &r->parts[i];
            if ((p->type != PART_TEXT && p->type != PART_REFUSAL) || p->text.len == 0) continue;
            memcpy(joined + a.text.len, p->text.at, p->text.len);
            a.text.len += p->text.len;
        }
    }
    *ret = a;
    return true;
}

/* ---- what a check says ---- */

void check_cannot(struct check_run *run, const char *format, ...) {
    char words[LIMIT_ERROR_TEXT];
    va_list list;
    va_start(list, format);
    vsnprintf(words, sizeof words, format, list);
    va_end(list);
    run->failed = true;
    run->out->reason = arena_printf(run->arena, "%s", words);
}

/* Scores count against the threshold; measured numbers come with their own verdict. */
static void conclude(struct check_run *run, double score, bool holds, struct slice found) {
    const struct check *c = run->c;
    run->out->verdict = holds != c->negated ? CHECK_PASS : CHECK_FAIL;
    run->out->score = c->negated ? 1 - score : score;
    run->out->reason = arena_printf(run->arena, "expected the answer %sto " SLICE_FMT ", found " SLICE_FMT,
                                    c->negated ? "not " : "", SLICE_ARG(run->wanted), SLICE_ARG(found));
}

void check_score(struct check_run *run, double score, struct slice found) {
    conclude(run, score, score >= run->c->threshold, found);
}

void check_measured(struct check_run *run, bool holds, struct slice found) {
    conclude(run, holds ? 1 : 0, holds, found);
}

struct slice check_quote(struct check_run *run, struct slice text) {
    struct slice s = text_excerpt(text, 80, run->arena);
    return arena_printf(run->arena, "`" SLICE_FMT "`", SLICE_ARG(s));
}

bool check_text_at(struct check_run *run, unsigned i, struct slice *ret) {
    const struct check *c = run->c;
    struct slice missing;
    if (c->n_texts == 0) {
        if (slice_is_null(run->k->expected)) {
            check_cannot(run, "the check has no value, and the case no `expected`");
            return false;
        }
        *ret = run->k->expected;
        return true;
    }
    *ret = c->texts[i].text;
    if (!c->texts[i].is_template) return true;
    *ret = template_fill(c->texts[i].text, run->k->vars, run->k->n_vars, run->arena, &missing);
    if (!slice_is_null(*ret)) return true;
    if (slice_is_null(missing)) check_cannot(run, "the answer does not fit into its memory");
    else check_cannot(run, "the case has no variable `" SLICE_FMT "`", SLICE_ARG(missing));
    return false;
}

/* ---- latency, cost, the end ---- */

static void run_latency(struct check_run *run) {
    const struct check_answer *a = run->a;
    if (a->latency_us < 0) {
        check_cannot(run, "no latency of this answer is known");
        return;
    }
    run->wanted = arena_printf(run->arena, "come within %g ms", run->c->threshold);
    check_measured(run, (double)a->latency_us / 1e3 <= run->c->threshold,
                   arena_printf(run->arena, "%g ms", (double)a->latency_us / 1e3));
}

static void run_cost(struct check_run *run) {
    char cost[MONEY_TEXT];
    int64_t nano = run->a->cost_nano;
    bool bounded = !isnan(run->c->threshold);
    if (!money_is_known(nano) && bounded) {
        check_cannot(run, "no cost of this answer is known");
        return;
    }
    money_format(nano, cost);
    run->wanted =
        bounded ? arena_printf(run->arena, "cost at most %g USD", run->c->threshold) : SLICE("have a cost");
    check_measured(run, !bounded || (double)nano / (double)MONEY_USD <= run->c->threshold,
                   money_is_known(nano) ? arena_printf(run->arena, "%s USD", cost)
                                        : SLICE("none that is known"));
}

static void run_finish(struct check_run *run) {
    const struct check_answer *a = run->a;
    const char *name = finish_name(a->finish);
    bool holds = false;
    struct buffer list;
    if (name == NULL && slice_is_null(a->finish_raw)) {
        check_cannot(run, "no finish reason of this answer is known");
        return;
    }
    buffer_init(&list, 4096);
    for (unsigned i = 0; i < run->c->n_texts && !run->failed; i++) {
        struct slice want;
        if (!check_text_at(run, i, &want)) break;
        holds = holds || slice_eq_nocase(want, slice_of(name)) || slice_eq_nocase(want, a->finish_raw) ||
                (a->finish == FINISH_REFUSAL && slice_eq_nocase(want, SLICE("content_filter")));
        buffer_printf(&list, "%s" SLICE_FMT, i > 0 ? " or " : "", SLICE_ARG(want));
    }
    run->wanted = arena_printf(run->arena, "end with " SLICE_FMT, SLICE_ARG(buffer_slice(&list)));
    buffer_deinit(&list);
    struct slice raw = text_excerpt(a->finish_raw, 40, run->arena);
    if (!run->failed)
        check_score(run, holds,
                    arena_printf(run->arena, "%s%s" SLICE_FMT "%s", name ? name : "", raw.len > 0 ? " (" : "",
                                 SLICE_ARG(raw), raw.len > 0 ? ")" : ""));
}

static void run_refusal(struct check_run *run) {
    struct slice phrase;
    const struct check_answer *a = run->a;
    run->wanted = SLICE("decline the request");
    if (a->refused) {
        check_score(run, 1, SLICE("the provider's own mark of a refusal"));
        return;
    }
    if (slice_trim(a->text).len == 0) { /* a tool call is an answer */
        check_score(run, a->n_calls == 0, a->n_calls == 0 ? SLICE("no text at all") : SLICE("a tool call"));
        return;
    }
    switch (refusal_find(a->text, run->arena, &phrase)) {
    case REFUSAL_YES: check_score(run, 1, check_quote(run, phrase)); break;
    case REFUSAL_NO: check_score(run, 0, check_quote(run, a->text)); break;
    case REFUSAL_NO_MEMORY: check_cannot(run, "the answer does not fit into its memory");
    }
}

/* ---- one check ---- */

static void run_type(struct check_run *run) {
    switch (run->c->type) {
    case CHECK_TYPE_EQUALS:
    case CHECK_TYPE_IEQUALS: check_run_equals(run); break;
    case CHECK_TYPE_CONTAINS:
    case CHECK_TYPE_ICONTAINS:
    case CHECK_TYPE_STARTS_WITH: check_run_contains(run); break;
    case CHECK_TYPE_CONTAINS_ANY:
    case CHECK_TYPE_CONTAINS_ALL:
    case CHECK_TYPE_ICONTAINS_ANY:
    case CHECK_TYPE_ICONTAINS_ALL: check_run_contains_many(run); break;
    case CHECK_TYPE_REGEX: check_run_regex(run); break;
    case CHECK_TYPE_IS_JSON: check_run_is_json(run); break;
    case CHECK_TYPE_CONTAINS_JSON: check_run_contains_json(run); break;
    case CHECK_TYPE_LEVENSHTEIN: check_run_levenshtein(run); break;
    case CHECK_TYPE_ROUGE_N: check_run_rouge(run); break;
    case CHECK_TYPE_BLEU: check_run_bleu(run); break;
    case CHECK_TYPE_WORD_COUNT: check_run_words(run); break;
    case CHECK_TYPE_IS_REFUSAL: run_refusal(run); break;
    case CHECK_TYPE_LATENCY: run_latency(run); break;
    case CHECK_TYPE_COST: run_cost(run); break;
    case CHECK_TYPE_FINISH_REASON: run_finish(run); break;
    case CHECK_TYPE_TOOL_CALL: check_run_tool_call(run); break;
    case CHECK_TYPE_TOOL_CALL_F1: check_run_tool_f1(run); break;
    case CHECK_TYPE_SIMILAR:
        if (slice_is_null(run->c->model)) check_run_similar(run);
        else check_cannot(run, "similar by a model cannot be told from the answer alone");
        break;
    case CHECK_TYPE_JUDGE:
    case CHECK_TYPE_FAITHFUL:
    case CHECK_TYPE_RELEVANT:
    case CHECK_TYPE_CONSISTENT:
    case CHECK_TYPE_EXEC:
    case CHECK_TYPE_JAVASCRIPT:
    case CHECK_TYPE_PYTHON: check_cannot(run, "%s cannot be told from the answer alone", check_kinds[run->c->type].name); break;
    case CHECK_TYPE_COUNT: break;
    }
}

enum check_by check_by(const struct check *c) {
    if (c->type == CHECK_TYPE_SIMILAR && slice_is_null(c->model)) return CHECK_BY_ANSWER;
    return check_kinds[c->type].by;
}

void check_conclude(const struct check *c, double score, bool said, struct slice reason, struct check_outcome *ret) {
    bool holds = isnan(c->threshold) ? said : score >= c->threshold;
    *ret = (struct check_outcome){.verdict = holds != c->negated ? CHECK_PASS : CHECK_FAIL,
                                  .score = c->negated ? 1 - score : score,
                                  .reason = reason};
}

void check_run(const struct check *c, const struct check_answer *a, const struct check_case *k,
               struct arena *arena, struct check_outcome *ret) {
    struct check_outcome out = {.verdict = CHECK_ERROR};
    struct check_run run = {.c = c, .a = a, .k = k, .arena = arena, .out = &out};
    run_type(&run);
    if (run.failed) out = (struct check_outcome){.verdict = CHECK_ERROR, .reason = out.reason};
    if (arena_is_full(arena))
        out = (struct check_outcome){.verdict = CHECK_ERROR,
                                     .reason = SLICE("the answer does not fit into the memory of a check")};
    *ret = out;
}
