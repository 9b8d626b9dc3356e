/* What a judge said. Read strictly: the answer is one JSON object, white space or one markdown fence around it and nothing else, that
 * has each member that was asked for once, of its type and on its scale; members that were not asked for mean nothing. */
#include "quality/judge.h"

#include "quality/text.h"

#include <math.h>
#include <stdio.h>

struct reading {
    struct json_doc d;
    struct slice said;
    struct arena *arena;
    struct judge_verdict *v;
};

static void bad(struct reading *r, const char *why) {
    struct slice excerpt = text_excerpt(r->said, 120, r->arena);
    *r->v = (struct judge_verdict){.good = false};
    r->v->reason = r->said.len == 0 ? SLICE("the judge said nothing")
                                    : arena_printf(r->arena, "%s: `" SLICE_FMT "`", why, SLICE_ARG(excerpt));
}

static void conclude(struct reading *r, double score, bool pass, const char *words) {
    struct slice reason = text_excerpt(json_string(&r->d, json_get(&r->d, 0, "reason"), r->arena), LIMIT_JUDGE_REASON, r->arena);
    *r->v = (struct judge_verdict){
        .good = true, .score = score, .pass = pass, .reason = arena_printf(r->arena, "%s: " SLICE_FMT, words, SLICE_ARG(reason))};
}

/* The inside of ```json ... ``` when that is all there is. */
static struct slice unfence(struct slice text) {
    static const char mark[] = "```";
    struct slice first, rest;
    if (!slice_starts(text, slice_of(mark)) || !slice_cut(text, '\n', &first, &rest)) return text;
    first = slice_trim(slice_make(first.at + 3, first.len - 3));
    if (first.len > 0 && !slice_eq_nocase(first, SLICE("json"))) return text;
    return slice_ends(rest, slice_of(mark)) ? slice_trim(slice_make(rest.at, rest.len - 3)) : text;
}

static uint32_t only(struct reading *r, const char *member) {
    return json_count_key(&r->d, 0, member) == 1 ? json_get(&r->d, 0, member) : JSON_NONE;
}

/* ---- each form ---- */

static void read_binary(struct reading *r) {
    uint32_t verdict = only(r, "verdict");
    bool pass = json_is(&r->d, verdict, "pass");
    if (!pass && !json_is(&r->d, verdict, "fail")) bad(r, "expected a `verdict` of pass or fail");
    else conclude(r, pass, pass, pass ? "pass" : "fail");
}

static void read_score(struct reading *r) {
    char words[32];
    int64_t n = 0;
    if (!json_get_i64(&r->d, only(r, "score"), &n) || n < 1 || n > 5) {
        bad(r, "expected a `score` of 1, 2, 3, 4 or 5");
        return;
    }
    (void)snprintf(words, sizeof words, "%d of 5", (int)n);
    conclude(r, (double)(n - 1) / 4, n >= 4, words);
}

static void read_pair(struct reading *r, bool swapped) {
    uint32_t verdict = only(r, "verdict");
    bool first = json_is(&r->d, verdict, "A"), second = json_is(&r->d, verdict, "B");
    if (!first && !second && !json_is(&r->d, verdict, "tie")) bad(r, "expected a `verdict` of A, B or tie");
    else if (!first && !second) conclude(r, 0.5, true, "as good as the expected answer");
    else if (first != swapped) conclude(r, 1, true, "better than the expected answer");
    else conclude(r, 0, false, "worse than the expected answer");
}

/* One claim. False: it cannot be read. */
static bool read_claim(struct reading *r, uint32_t node, bool *ret_supported, struct slice *ret_claim) {
    struct slice quote = json_string(&r->d, json_get(&r->d, node, "quote"), r->arena);
    *ret_claim = json_string(&r->d, json_get(&r->d, node, "claim"), r->arena);
    if (!json_get_bool(&r->d, json_get(&r->d, node, "supported"), ret_supported)) return false;
    if (json_count_key(&r->d, node, "claim") != 1 || json_count_key(&r->d, node, "supported") != 1) return false;
    return slice_trim(*ret_claim).len > 0 && !slice_is_null(quote) && (!*ret_supported || slice_trim(quote).len > 0);
}

static void read_claims(struct reading *r) {
    uint32_t list = only(r, "claims"), cursor = JSON_NONE, item;
    unsigned n = 0, supported = 0;
    struct slice first = SLICE_NULL; /* that is not supported */
    if (json_type(&r->d, list) != JSON_ARRAY) {
        bad(r, "expected `claims`, a list");
        return;
    }
    for (; json_each_item(&r->d, list, &cursor, &item); n++) {
        struct slice claim;
        bool yes = false;
        if (!read_claim(r, item, &yes, &claim)) {
            bad(r, "expected each claim with `claim`, `supported` and, when it is supported, a `quote`");
            return;
        }
        supported += yes;
        if (!yes && slice_is_null(first)) first = claim;
    }
    struct slice claim = text_excerpt(first, 200, r->arena);
    *r->v = (struct judge_verdict){.good = true, .score = n > 0 ? (double)supported / n : 1, .pass = supported == n};
    r->v->reason = n == 0 ? SLICE("the answer makes no claim")
                          : arena_printf(r->arena, "%u of %u claims supported%s" SLICE_FMT "%s", supported, n,
                                         supported < n ? "; not `" : "", SLICE_ARG(claim), supported < n ? "`" : "");
}

void judge_read_verdict(const struct judge *j, const struct check *c, unsigned i, struct slice answer, struct arena *arena,
                        struct judge_verdict *ret) {
    struct reading r = {.said = slice_trim(answer), .arena = arena, .v = ret};
    enum judge_form form = judge_form(j, c);
    if (json_read(unfence(r.said), arena, UINT16_MAX, &r.d, NULL) != FAULT_NONE)
        bad(&r, slice_starts(unfence(r.said), SLICE("{")) ? "expected JSON alone, found what is cut short or goes on behind it"
                                                          : "expected JSON alone, found prose");
    else if (json_type(&r.d, 0) != JSON_OBJECT) bad(&r, "expected a JSON object");
    else if (form != JUDGE_FORM_CLAIMS && json_type(&r.d, only(&r, "reason")) != JSON_STRING) bad(&r, "expected a `reason`");
    else if (form == JUDGE_FORM_BINARY) read_binary(&r);
    else if (form == JUDGE_FORM_1_TO_5) read_score(&r);
    else if (form == JUDGE_FORM_PAIRWISE) read_pair(&r, i % 2 == 1);
    else read_claims(&r);
    if (arena_is_full(arena)) *ret = (struct judge_verdict){.reason = SLICE("the judge's answer does not fit into its memory")};
}

/* ---- all of them ---- */

/* A win counts when it is one in both orders: where they differ, the order decided. */
static struct judge_verdict both_orders(const struct judge_verdict *first, const struct judge_verdict *second, struct arena *arena) {
    if (!first->good) return *first;
    if (!second->good) return *second;
    struct judge_verdict v = *first;
    if (first->score == second->score) return v;
    v.score = 0.5;
    v.pass = true;
    v.reason = arena_printf(arena, "a tie, since the order decides: shown first " SLICE_FMT "; shown second " SLICE_FMT,
                            SLICE_ARG(first->reason), SLICE_ARG(second->reason));
    return v;
}

static const struct judge_verdict none = {.reason = {"it was not asked", 16}};

static struct judge_verdict of_model(const struct judge *j, const struct check *c, const struct judge_verdict *verdicts, unsigned n,
                                     unsigned model, struct arena *arena) {
    bool pair = judge_form(j, c) == JUDGE_FORM_PAIRWISE;
    unsigned at = pair ? 2 * model : model;
    if (!pair) return at < n ? verdicts[at] : none;
    return at + 1 < n ? both_orders(&verdicts[at], &verdicts[at + 1], arena) : none;
}

void judge_conclude(const struct judge *j, const struct check *c, const struct judge_verdict *verdicts, unsigned n, struct arena *arena,
                    struct check_outcome *ret) {
    unsigned good = 0, passed = 0;
    double sum = 0;
    struct slice reasons = SLICE_NULL, only = SLICE_NULL;
    for (unsigned m = 0; m < j->n_models; m++) {
        struct judge_verdict v = of_model(j, c, verdicts, n, m, arena);
        good += v.good;
        passed += v.good && v.pass;
        sum += v.good ? v.score : 0;
        only = v.reason;
        struct slice reason = text_excerpt(v.reason, j->n_models > 1 ? 200 : LIMIT_JUDGE_REASON + 60, arena);
        reasons = arena_printf(arena, SLICE_FMT "%s" SLICE_FMT ": " SLICE_FMT, SLICE_ARG(reasons), m > 0 ? "; " : "", SLICE_ARG(j->models[m]),
                               SLICE_ARG(reason));
    }
    if (good == 0 || good + 1 < j->n_models) {
        *ret = (struct check_outcome){.verdict = CHECK_ERROR, .reason = reasons};
    } else if (j->n_models == 1) {
        check_conclude(c, sum, passed > 0, only, ret);
    } else {
        double mean = round(sum / good * 1e9) / 1e9; /* so that a threshold of 0.8 is met by three scores of 0.8 */
        check_conclude(c, mean, 2 * passed > good, arena_printf(arena, "%u of %u pass, mean %.2f: " SLICE_FMT, passed, good, mean, SLICE_ARG(reasons)),
                       ret);
    }
    if (arena_is_full(arena)) *ret = (struct check_outcome){.verdict = CHECK_ERROR, .reason = SLICE("the judge's verdict does not fit into the memory of a check")};
}
