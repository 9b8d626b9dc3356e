#include "model/embedding.h"

#include "base/digest.h"
#include "model/words.h"

#include <math.h>
#include <stdlib.h>

/* Weights were chosen by hand on Banking77, where the share of right neighbours changes little around them.
 * Pairs of words cost hits there, and are what tells the order of words apart. */
enum {
    LONGEST_WORD = 64, /* bytes; of a longer one only these count */
    LEAST_PIECE = 3,
    MOST_PIECE = 5,
    WEIGHT_WORD = 12,
    WEIGHT_SHORT = 4, /* a word of up to three letters is seldom what a question is about */
    WEIGHT_PAIR = 6,
    WEIGHT_PIECE = 3,
    SEED_WORD = 1,
    SEED_PAIR = 2,
    SEED_PIECE = 3,
};

struct folding {
    int32_t sums[EMBEDDING_DIMENSION];
    char word[LONGEST_WORD + 2]; /* with a blank on each side */
    size_t len;                  /* of it, the first blank included; 0: none is open */
    uint64_t former;             /* hash of the word before */
    uint64_t bag, order;
    unsigned words;
};

/* One bit of the hash is the sign, so that what falls together cancels on average instead of adding up. */
static void add(struct folding *f, uint64_t hash, int32_t weight) {
    f->sums[hash % EMBEDDING_DIMENSION] += hash >> 63 ? weight : -weight;
}

static void add_pieces(struct folding *f) {
    for (size_t n = LEAST_PIECE; n <= MOST_PIECE; n++)
        for (size_t at = 0; at + n <= f->len; at++)
            add(f, digest_fast(slice_make(f->word + at, n), SEED_PIECE), WEIGHT_PIECE);
}

static void end_word(struct folding *f) {
    if (f->len == 0) return;
    uint64_t hash = digest_fast(slice_make(f->word + 1, f->len - 1), SEED_WORD);
    uint64_t pair[2] = {f->former, hash};
    add(f, hash, f->len - 1 <= 3 ? WEIGHT_SHORT : WEIGHT_WORD);
    add(f, digest_fast(slice_make((const char *)pair, sizeof pair), SEED_PAIR), WEIGHT_PAIR);
    if (f->len - 1 >= LEAST_PIECE) {
        f->bag += hash;
        f->order = (f->order ^ hash) * 0x9E3779B97F4A7C15u; /* odd, so nothing is lost */
        f->order ^= f->order >> 29;
    }
    f->word[f->len++] = ' ';
    add_pieces(f);
    f->former = hash;
    f->words++;
    f->len = 0;
}

static void put_code(struct folding *f, uint32_t code, const char *as, size_t size) {
    char folded[2];
    uint32_t lower = words_lower(code);
    if (lower != code) { /* all such are of one or two bytes, before and after */
        size = lower < 0x80 ? 1 : 2;
        folded[0] = size == 1 ? (char)lower : (char)(0xC0 | lower >> 6);
        folded[1] = (char)(0x80 | (lower & 0x3F));
        as = folded;
    }
    if (f->len == 0) f->word[f->len++] = ' ';
    if (f->len + size > LONGEST_WORD) return;
    memcpy(f->word + f->len, as, size);
    f->len += size;
}

static void read_words(struct folding *f, struct slice text) {
    for (size_t at = 0, size; at < text.len; at += size) {
        uint32_t code = words_code(text.at + at, text.len - at, &size);
        bool inside = words_is_letter(code) || code >= 0x250 || (code >= '0' && code <= '9');
        if (words_is_apostrophe(code)) continue; /* don't, dont */
        if (inside && !(code >= 0x2000 && code <= 0x206F)) put_code(f, code, text.at + at, size);
        else end_word(f);
    }
    end_word(f);
}

static int32_t largest(const int32_t *sums) {
    int32_t most = 0;
    for (unsigned i = 0; i < EMBEDDING_DIMENSION; i++) most = abs(sums[i]) > most ? abs(sums[i]) : most;
    return most;
}

static int32_t dot(const int16_t *restrict a, const int8_t *restrict b) {
    int32_t sum = 0;
    for (unsigned i = 0; i < EMBEDDING_DIMENSION; i++) sum += a[i] * (int16_t)b[i];
    return sum;
}

void embedding_probe(const struct embedding *e, struct embedding_probe *ret) {
    for (unsigned i = 0; i < EMBEDDING_DIMENSION; i++) ret->at[i] = (int16_t)(int)e->at[i];
    ret->scale = e->scale;
}

bool embedding_of(struct slice text, struct embedding *ret) {
    struct folding f = {.len = 0};
    read_words(&f, text);
    int32_t most = largest(f.sums);
    if (f.words == 0 || most == 0) return false;
    ret->words = (uint32_t)(f.bag >> 32);
    ret->order = (uint32_t)(f.order >> 32);
    for (unsigned i = 0; i < EMBEDDING_DIMENSION; i++)
        ret->at[i] = (int8_t)(((int64_t)f.sums[i] * 254 / most + (f.sums[i] < 0 ? -1 : 1)) / 2);
    struct embedding_probe own;
    embedding_probe(ret, &own);
    ret->scale = 1 / sqrtf((float)dot(own.at, ret->at));
    return true;
}

float embedding_cosine(const struct embedding_probe *a, const struct embedding *b) {
    return (float)dot(a->at, b->at) * (a->scale * b->scale); /* the same from either side */
}

bool embedding_is_reordered(const struct embedding *a, const struct embedding *b) {
    return a->words == b->words && a->order != b->order;
}

int32_t embedding_similarity(const struct embedding *a, const struct embedding *b) {
    if (embedding_is_reordered(a, b)) return 0;
    struct embedding_probe probe;
    embedding_probe(a, &probe);
    double cosine = (double)embedding_cosine(&probe, b);
    return cosine <= 0 ? 0 : cosine >= 1 ? EMBEDDING_SAME : (int32_t)(cosine * EMBEDDING_SAME + 0.5);
}
