#include "quality/overlap.h"

#include "base/buffer.h"
#include "base/digest.h"
#include "quality/text.h"

#include <math.h>
#include <stdlib.h>

struct grams { /* sorted hashes */
    uint64_t *at;
    size_t n;
};

static int by_value(const void *a, const void *b) {
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

/* All n-grams of the words. at is NULL when the arena is full. */
static struct grams grams_of(struct grams words, int n, struct arena *arena) {
    struct grams g = {NULL, words.n >= (size_t)n ? words.n - (size_t)n + 1 : 0};
    g.at = arena_new_array(arena, uint64_t, g.n);
    for (size_t i = 0; g.at != NULL && i < g.n; i++)
        g.at[i] = digest_fast(slice_make((const char *)(words.at + i), (size_t)n * sizeof *words.at), 0);
    if (g.at != NULL && g.n > 0) qsort(g.at, g.n, sizeof *g.at, by_value);
    return g;
}

static size_t run_of(struct grams g, size_t from) {
    size_t n = 1;
    while (from + n < g.n && g.at[from + n] == g.at[from]) n++;
    return n;
}

/* ---- ROUGE ---- */

static struct grams rouge_words(struct slice text, struct arena *arena) {
    struct grams words = {NULL, 0};
    struct slice rest = text_lower(text, arena);
    if (!slice_is_null(rest)) words.at = arena_new_array(arena, uint64_t, rest.len + 1);
    const char *from = NULL;
    while (words.at != NULL && rest.len > 0) {
        const char *at = rest.at;
        uint32_t c = text_next(&rest);
        bool word = text_is_word(c), single = word && text_is_ideograph(c);
        if (from != NULL && (!word || single)) {
            words.at[words.n++] = digest_fast(slice_make(from, (size_t)(at - from)), 0);
            from = NULL;
        }
        if (single) words.at[words.n++] = digest_fast(slice_make(at, (size_t)(rest.at - at)), 0);
        else if (word && from == NULL) from = at;
    }
    if (from != NULL) words.at[words.n++] = digest_fast(slice_make(from, (size_t)(rest.at - from)), 0);
    return words;
}

static uint64_t common(struct grams a, struct grams b) {
    uint64_t n = 0;
    for (size_t i = 0, j = 0; i < a.n && j < b.n;) {
        if (a.at[i] == b.at[j]) i++, j++, n++;
        else if (a.at[i] < b.at[j]) i++;
        else j++;
    }
    return n;
}

bool rouge_n(struct slice answer, struct slice reference, int n, struct arena *arena, struct rouge *ret) {
    struct grams x = rouge_words(answer, arena), y = rouge_words(reference, arena);
    if (x.at == NULL || y.at == NULL) return false;
    x = grams_of(x, n, arena);
    y = grams_of(y, n, arena);
    if (x.at == NULL || y.at == NULL) return false;
    double matched = (double)common(x, y);
    *ret = (struct rouge){.precision = x.n > 0 ? matched / (double)x.n : 0,
                          .recall = y.n > 0 ? matched / (double)y.n : 0};
    if (matched > 0) ret->f1 = 2 * matched / (double)(x.n + y.n);
    return true;
}

/* ---- BLEU ---- */

static bool is_digit_at(struct slice s, size_t i) {
    return i < s.len && s.at[i] >= '0' && s.at[i] <= '9';
}

/* The ASCII signs that 13a always parts: all but the apostrophe, comma, hyphen and point. */
static bool is_sign(char c) {
    return (c >= '{' && c <= '~') || (c >= '[' && c <= '`') || (c >= ' ' && c <= '&') ||
           (c >= '(' && c <= '+') || (c >= ':' && c <= '@') || c == '/';
}

static void part(struct buffer *out, char c) {
    char parted[3] = {' ', c, ' '};
    buffer_append(out, slice_make(parted, sizeof parted));
}

/* mteval-v13a's language-independent part: entities, signs, points and commas but between digits, a hyphen
 * behind a digit. The text has a space at both ends, as there, so that a point at an end is parted. */
static void tokenize(struct slice text, struct buffer *out) {
    static const struct {
        struct slice name;
        char sign;
    } entities[] = {{{"&quot;", 6}, '"'}, {{"&amp;", 5}, '&'}, {{"&lt;", 4}, '<'}, {{"&gt;", 4}, '>'}};
    struct buffer plain;
    buffer_init(&plain, text.len + 2);
    buffer_byte(&plain, ' ');
    for (size_t i = 0; i < text.len; i++) {
        struct slice rest = slice_make(text.at + i, text.len - i);
        char c = *rest.at;
        bool special = c == '&' || c == '<' || c == '-';
        size_t taken = !special                                 ? 0
                       : slice_starts(rest, SLICE("<skipped>")) ? 9
                       : slice_starts(rest, SLICE("-\n"))       ? 2
                                                                : 0;
        for (size_t k = 0; k < sizeof entities / sizeof *entities && special && taken == 0; k++) {
            if (!slice_starts(rest, entities[k].name)) continue;
            i += entities[k].name.len - 1;
            c = entities[k].sign;
            break;
        }
        if (taken > 0) i += taken - 1;
        else buffer_byte(&plain, c == '\n' ? ' ' : c);
    }
    buffer_byte(&plain, ' ');
    struct slice s = buffer_slice(&plain);
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool inside = is_digit_at(s, i - 1) && is_digit_at(s, i + 1); /* i is never 0 for these */
        if (is_sign(c) || ((c == '.' || c == ',') && !inside) || (c == '-' && is_digit_at(s, i - 1)))
            part(out, c);
        else buffer_byte(out, c);
    }
    buffer_deinit(&plain);
}

static struct grams bleu_words(struct slice text, struct arena *arena) {
    struct grams words = {NULL, 0};
    struct buffer tokens;
    buffer_init(&tokens, (text.len + 2) * 3);
    tokenize(text, &tokens);
    struct slice rest = buffer_slice(&tokens), word;
    words.at = arena_new_array(arena, uint64_t, text.len + 1);
    while (words.at != NULL && !slice_is_null(word = text_next_run(&rest)))
        words.at[words.n++] = digest_fast(word, 0);
    buffer_deinit(&tokens);
    return words;
}

/* Of each different n-gram of the answer as many as the reference with most of them has, at most its own. */
static bool clip(struct grams answer, const struct grams *references, unsigned n, int order,
                 struct arena *arena, uint64_t *matched) {
    uint64_t *most = arena_new_array(arena, uint64_t, answer.n);
    if (most == NULL) return false;
    for (unsigned k = 0; k < n; k++) {
        struct grams r = grams_of(references[k], order, arena);
        if (r.at == NULL) return false;
        for (size_t i = 0, j = 0; i < answer.n && j < r.n;) {
            if (answer.at[i] < r.at[j]) i += run_of(answer, i);
            else if (answer.at[i] > r.at[j]) j++;
            else {
                size_t run = run_of(r, j);
                if (run > most[i]) most[i] = run;
                i += run_of(answer, i);
                j += run;
            }
        }
    }
    for (size_t i = 0, run; i < answer.n; i += run) {
        run = run_of(answer, i);
        *matched += most[i] < run ? most[i] : run;
    }
    return true;
}

bool bleu_add(struct bleu *b, struct slice answer, const struct slice *references, unsigned n_references,
              struct arena *arena) {
    struct grams words = bleu_words(answer, arena),
                 *refs = arena_new_array(arena, struct grams, n_references);
    struct bleu sum = *b;
    size_t closest = 0, far = SIZE_MAX;
    if (words.at == NULL || refs == NULL) return false;
    for (unsigned i = 0; i < n_references; i++) {
        refs[i] = bleu_words(references[i], arena);
        if (refs[i].at == NULL) return false;
        size_t d = refs[i].n > words.n ? refs[i].n - words.n : words.n - refs[i].n;
        if (d < far || (d == far && refs[i].n < closest)) closest = refs[i].n, far = d;
    }
    for (int order = 1; order <= BLEU_ORDER; order++) {
        struct grams g = grams_of(words, order, arena);
        if (g.at == NULL || !clip(g, refs, n_references, order, arena, &sum.matched[order - 1])) return false;
        sum.total[order - 1] += g.n;
    }
    sum.length += words.n;
    sum.reference_length += closest;
    *b = sum;
    return true;
}

double bleu_score(const struct bleu *b, bool effective_order) {
    double logs = 0, smooth = 1, any = 0;
    int order = 0;
    for (int n = 0; n < BLEU_ORDER; n++) any += (double)b->matched[n];
    if (any == 0) return 0;
    for (int n = 0; n < BLEU_ORDER && b->total[n] > 0; n++) {
        double total = (double)b->total[n];
        order = n + 1;
        if (b->matched[n] == 0) smooth *= 2;
        logs += log(b->matched[n] > 0 ? (double)b->matched[n] / total : 1 / (smooth * total));
    }
    if (!effective_order && order < BLEU_ORDER) return 0;
    double c = (double)b->length, r = (double)b->reference_length;
    return (c < r ? exp(1 - r / c) : 1) * exp(logs / order);
}
