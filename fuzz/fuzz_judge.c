/* A form (one byte) and what a judge said: a verdict within its bounds with words, or none; and never one from what holds no JSON
 * object. What all calls say together is an outcome, and an error when no call said anything. */
#include "fuzz.h"
#include "quality/judge.h"

#include <math.h>

static void conclude(const struct judge *j, const struct check *c, const struct judge_verdict *v) {
    struct judge_verdict all[4] = {*v, *v, *v, *v};
    struct check_outcome o, negated;
    struct arena arena;
    arena_init(&arena, 4096, FUZZ_ARENA);
    judge_conclude(j, c, all, judge_calls(j, c), &arena, &o);
    MUST(o.reason.len > 0 && slice_is_utf8(o.reason) && o.score >= 0 && o.score <= 1);
    MUST((o.verdict == CHECK_ERROR) == !v->good);
    struct check not = *c;
    not.negated = true;
    judge_conclude(j, &not, all, judge_calls(j, c), &arena, &negated);
    MUST(o.verdict == CHECK_ERROR ? negated.verdict == CHECK_ERROR : negated.verdict != o.verdict && negated.verdict != CHECK_ERROR);
    arena_deinit(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    static const double thresholds[] = {NAN, 0.5, 1};
    struct slice text = fuzz_text(data, size);
    struct judge j = {.name = SLICE("j"), .n_models = 1, .models = {SLICE("a"), SLICE("b")}};
    struct check c = {.type = CHECK_TYPE_JUDGE};
    struct judge_verdict v;
    struct arena arena;
    if (size < 2 || size > 20000) return 0;
    unsigned form = data[0];
    j.scale = (enum judge_scale)(form % 3);
    j.n_models = 1 + form / 3 % 2;
    c.threshold = thresholds[form / 6 % 3];
    if (form / 18 % 2 == 1) c.type = CHECK_TYPE_FAITHFUL;
    text = slice_make(text.at + 1, text.len - 1);
    arena_init(&arena, 4096, FUZZ_ARENA);
    judge_read_verdict(&j, &c, form / 36, text, &arena, &v);
    MUST(v.reason.len > 0 && slice_is_utf8(v.reason) && v.score >= 0 && v.score <= 1);
    if (v.good) MUST(memchr(text.at, '{', text.len) != NULL);
    else MUST(!v.pass && v.score == 0);
    conclude(&j, &c, &v);
    arena_deinit(&arena);
    return 0;
}
