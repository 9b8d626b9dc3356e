/* consistent.c - each answer is reduced to a few numbers once, so that pairs are cheap: a thousand answers are half a million of them. */
#include "quality/consistent.h"

#include "base/digest.h"
#include "model/embedding.h"
#include "model/literals.h"
#include "quality/json_value.h"
#include "quality/text.h"

#include <math.h>

struct reduced {
    bool present, worded;
    uint8_t folded[16];   /* of the text in lower case, white space as one blank */
    uint8_t literals[16];
    uint64_t hash;        /* of the value, when it is JSON */
    unsigned json;        /* 1 + the first answer that is equal to it as JSON; 0: it is no JSON */
    struct embedding embedding;
};

/* Scratch for one answer at a time: `text` is well-formed. */
static bool fold(struct slice text, struct arena *scratch, uint8_t out[16]) {
    struct slice rest = text_lower(text, scratch), run;
    char *joined = arena_alloc(scratch, rest.len + 1);
    size_t n = 0;
    if (joined == NULL || slice_is_null(rest)) return false;
    while (!slice_is_null(run = text_next_run(&rest))) {
        if (n > 0) joined[n++] = ' ';
        memcpy(joined + n, run.at, run.len);
        n += run.len;
    }
    digest_fast128(slice_make(joined, n), out);
    return true;
}

static bool digest_literals(struct slice text, uint8_t out[16]) {
    struct buffer b;
    buffer_init(&b, 16 * text.len + 4096);
    literals_of(text, &b);
    digest_fast128(buffer_slice(&b), out);
    bool good = !b.overflow;
    buffer_deinit(&b);
    return good;
}

/* Which answer before `at` is the same value? Equal hashes are looked at again. */
static bool find_json(const struct slice *answers, struct reduced *all, unsigned at, struct arena *scratch) {
    struct json_doc own, other;
    struct error why;
    enum fault f = json_read(answers[at], scratch, UINT16_MAX, &own, &why);
    if (f != FAULT_NONE) return f != FAULT_TOO_LARGE || !arena_is_full(scratch);
    all[at].hash = json_value_hash(&own, 0, scratch);
    all[at].json = at + 1;
    for (unsigned i = 0; i < at; i++) {
        if (all[i].json != i + 1 || all[i].hash != all[at].hash) continue;
        if (json_read(answers[i], scratch, UINT16_MAX, &other, &why) != FAULT_NONE) return false;
        if (!json_value_equal(&own, 0, &other, 0, scratch)) continue;
        all[at].json = i + 1;
        break;
    }
    return !arena_is_full(scratch);
}

static bool reduce(const struct slice *answers, struct reduced *all, unsigned at, struct arena *scratch) {
    struct slice text = answers[at];
    struct reduced *r = &all[at];
    if (slice_is_null(text)) return true;
    r->present = true;
    if (!slice_is_utf8(text)) text = text_excerpt(text, SIZE_MAX, scratch);
    if (slice_is_null(text) || !fold(text, scratch, r->folded) || !digest_literals(text, r->literals)) return false;
    r->worded = embedding_of(text, &r->embedding);
    return find_json(answers, all, at, scratch);
}

static double agreement(const struct reduced *a, const struct reduced *b) {
    if (memcmp(a->folded, b->folded, sizeof a->folded) == 0 || (a->json != 0 && a->json == b->json)) return 1;
    if (!a->worded || !b->worded || memcmp(a->literals, b->literals, sizeof a->literals) != 0) return 0;
    return (double)embedding_similarity(&a->embedding, &b->embedding) / EMBEDDING_SAME;
}

bool consistent_scores(const struct slice *answers, unsigned n, struct arena *arena, double *scores) {
    struct arena scratch;
    struct reduced *all = arena_new_array(arena, struct reduced, n);
    bool good = all != NULL;
    unsigned present = 0;
    arena_init(&scratch, 64 << 10, LIMIT_ARENA_EXCHANGE);
    for (unsigned i = 0; good && i < n; i++) {
        arena_reset(&scratch);
        good = reduce(answers, all, i, &scratch);
        present += !slice_is_null(answers[i]);
    }
    arena_deinit(&scratch);
    for (unsigned i = 0; good && i < n; i++) scores[i] = all[i].present && present > 1 ? 0 : (double)NAN;
    for (unsigned i = 0; good && present > 1 && i < n; i++)
        for (unsigned j = i + 1; all[i].present && j < n; j++) {
            if (!all[j].present) continue;
            double one = agreement(&all[i], &all[j]) / (present - 1);
            scores[i] += one;
            scores[j] += one;
        }
    for (unsigned i = 0; good && i < n; i++)
        if (scores[i] > 1) scores[i] = 1; /* of rounding */
    return good;
}
