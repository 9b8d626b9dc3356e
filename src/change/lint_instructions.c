/* Instructions that contradict each other, or are there twice: by words, without a model. It says what it saw, and a person decides.
 * Sentences with a condition ("if", "unless", ...) contradict nothing here: what holds in one case need not hold in another. */
#include "change/lint_notes.h"

#include "quality/text.h"

#include <limits.h>
#include <stdio.h>

enum { SENTENCES = 400, WORDS = 40, SHOWN = 60 };
#define TWICE 0.8             /* share of words in common from which on two instructions are the same */
#define OPPOSITE 0.75         /* the same but for "always" and "never" */

struct sentence {
    struct slice text, flat;     /* flat: lower-case words, one space before and behind each */
    struct slice words[WORDS];   /* those that carry meaning, in flat */
    unsigned n, message;
    bool conditional, negated, firm; /* firm: always, never, must */
};

struct sentences {
    struct sentence *at;
    unsigned n;
};

/* ---- words ---- */

static bool is_in(struct slice word, const char *const *list) {
    for (; *list != NULL; list++)
        if (slice_is(word, *list)) return true;
    return false;
}

static const char *const plain_words[] = {
    "a", "an", "the", "to", "of", "in", "on", "at", "is", "are", "be", "and", "or", "you", "your", "it", "its", "that", "this", "with", "as", "for", "all", "any",
    "please", "should", "must", "shall", "will", "always", "never", "not", "no", "do", "don't", "does", "make", "sure", "ever", "cannot", "can't", "avoid", "need", "have",
    "der", "die", "das", "ein", "eine", "und", "oder", "bitte", "immer", "nie", "niemals", "nicht", "kein", "keine", "zu", "sie", "ihr", "ihre", NULL};
static const char *const negations[] = {"never", "not", "no", "don't", "cannot", "can't", "avoid", "without", "nie", "niemals", "nicht", "kein", "keine", "keinen", "mustn't", "won't", "refrain", NULL};
static const char *const firm_words[] = {"always", "never", "must", "immer", "nie", "niemals", "mustn't", NULL};
static const char *const conditions[] = {"if", "when", "unless", "except", "otherwise", "until", "where", "whenever", "wenn", "falls", "sofern", "außer", "but", "or", "instead", NULL};

static bool says(const struct sentence *s, const char *phrase) {
    char padded[64];
    int n = snprintf(padded, sizeof padded, " %s ", phrase);
    return n > 0 && (size_t)n < sizeof padded && s->flat.len > 0 && memmem(s->flat.at, s->flat.len, padded, (size_t)n) != NULL;
}

static const char *says_any(const struct sentence *s, const char *const *phrases) {
    for (; *phrases != NULL; phrases++)
        if (says(s, *phrases)) return *phrases;
    return NULL;
}

/* ---- sentences ---- */

static bool is_joint(struct slice rest, uint32_t c) {
    struct slice ahead = rest;
    bool apostrophe = c == '\'' || c == 0x2019;
    return apostrophe && ahead.len > 0 && text_is_word(text_next(&ahead));
}

static struct slice flatten(struct slice text, struct arena *arena) {
    struct slice lower = text_lower(text, arena);
    struct buffer out;
    buffer_init(&out, lower.len + 8 > 4096 ? 2 * lower.len : 8192);
    buffer_byte(&out, ' ');
    for (bool word = false; lower.len > 0;) {
        struct slice from = lower;
        uint32_t c = text_next(&lower);
        bool here = text_is_word(c) || (word && is_joint(lower, c));
        if (here && c == 0x2019) buffer_byte(&out, '\'');
        else if (here) buffer_append(&out, slice_make(from.at, from.len - lower.len));
        else if (word) buffer_byte(&out, ' ');
        word = here;
    }
    if (out.len > 1 && out.at[out.len - 1] != ' ') buffer_byte(&out, ' ');
    struct slice flat = arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return flat;
}

static void add_sentence(struct sentences *all, struct slice text, unsigned message, struct arena *arena) {
    struct slice word, rest;
    if (all->n == SENTENCES || slice_trim(text).len < 4) return;
    struct sentence *s = &all->at[all->n];
    *s = (struct sentence){.text = slice_trim(text), .message = message};
    s->flat = flatten(s->text, arena);
    for (rest = s->flat; rest.len > 0;) {
        slice_cut(rest, ' ', &word, &rest);
        if (word.len == 0) continue;
        s->conditional = s->conditional || is_in(word, conditions);
        s->negated = s->negated || is_in(word, negations);
        s->firm = s->firm || is_in(word, firm_words);
        if (s->n < WORDS && !is_in(word, plain_words)) s->words[s->n++] = word;
    }
    if (s->flat.len > 2) all->n++;
}

static void part(struct sentences *all, struct slice text, unsigned message, struct arena *arena) {
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        bool end = c == '\n' || (strchr(".!?;", c) != NULL && c != 0 && (i + 1 == text.len || strchr(" \n\t\"')", text.at[i + 1]) != NULL));
        if (!end) continue;
        add_sentence(all, slice_make(text.at + from, i - from), message, arena);
        from = i + 1;
    }
    add_sentence(all, slice_make(text.at + from, text.len - from), message, arena);
}

/* ---- twice, and the opposite ---- */

static double in_common(const struct sentence *a, const struct sentence *b) {
    unsigned both = 0;
    for (unsigned i = 0; i < a->n; i++)
        for (unsigned j = 0; j < b->n; j++)
            if (slice_eq(a->words[i], b->words[j])) {
                both++;
                break;
            }
    unsigned either = a->n + b->n - both;
    return either > 0 ? (double)both / (double)either : 0;
}

/* What is a number in both has to be the same one. */
static bool same_numbers(const struct sentence *a, const struct sentence *b) {
    for (unsigned i = 0; i < a->n; i++) {
        bool found = a->words[i].at[0] < '0' || a->words[i].at[0] > '9';
        for (unsigned j = 0; !found && j < b->n; j++) found = slice_eq(a->words[i], b->words[j]);
        if (!found) return false;
    }
    return true;
}

static void tell(struct lint_notes *l, enum lint_rule rule, const char *what, const struct sentence *a, const struct sentence *b) {
    struct slice x = text_excerpt(a->text, SHOWN, l->arena), y = text_excerpt(b->text, SHOWN, l->arena);
    if (x.at == NULL || y.at == NULL) return;
    lint_add(l, rule, false, b->message, "%s: \"" SLICE_FMT "\" and \"" SLICE_FMT "\"", what, SLICE_ARG(x), SLICE_ARG(y));
}

static void compare_two(struct lint_notes *l, const struct sentence *a, const struct sentence *b) {
    double common = in_common(a, b);
    if (a->negated == b->negated && a->n >= 3 && b->n >= 3 && common >= TWICE && same_numbers(a, b) && same_numbers(b, a))
        tell(l, LINT_DUPLICATE, "said twice", a, b);
    bool enough = (a->firm && b->firm) || (a->n >= 2 && b->n >= 2);
    if (a->negated != b->negated && !a->conditional && !b->conditional && enough && common >= OPPOSITE)
        tell(l, LINT_CONTRADICTION, "one says to do it, one not to", a, b);
}

/* ---- answers of two kinds ---- */

static const char *const asks_answer[] = {"be", "answer", "answers", "reply", "replies", "respond", "response", "responses", "write", "explain", "explanation", "explanations", "keep", "give",
                                          "provide", "speak", "summary", "summaries", "antworte", "antworten", "schreibe", "tone", "style", NULL};
static const struct {
    const char *what;
    const char *one[10], *other[12];
} opposites[] = {
    {"short and long", {"brief", "briefly", "concise", "concisely", "short", "succinct", "succinctly", "terse", NULL},
     {"in detail", "detailed", "thorough", "thoroughly", "comprehensive", "comprehensively", "elaborate", "exhaustive", "at length", "lengthy", NULL}},
    {"formal and informal", {"formal", "formally", NULL}, {"informal", "informally", "casual", "casually", NULL}},
    {"plain text and Markdown", {"plain text", NULL}, {"markdown", NULL}},
};

static void look_for_opposites(struct lint_notes *l, const struct sentences *all) {
    for (size_t o = 0; o < sizeof opposites / sizeof *opposites; o++) {
        const struct sentence *one = NULL, *other = NULL;
        for (unsigned i = 0; i < all->n; i++) {
            const struct sentence *s = &all->at[i];
            if (s->conditional || s->negated || says_any(s, asks_answer) == NULL) continue;
            if (one == NULL && says_any(s, opposites[o].one) != NULL) one = s;
            if (other == NULL && says_any(s, opposites[o].other) != NULL) other = s;
        }
        char what[80];
        snprintf(what, sizeof what, "answers are asked to be %s", opposites[o].what);
        if (one != NULL && other != NULL && one != other) tell(l, LINT_CONTRADICTION, what, one < other ? one : other, one < other ? other : one);
    }
}

static void look_for_languages(struct lint_notes *l, const struct sentences *all) {
    static const char *const languages[][2] = {{"in english", "auf englisch"}, {"in german", "auf deutsch"}, {"in french", "auf französisch"}, {"in spanish", "auf spanisch"}, {"in italian", "auf italienisch"},
                                               {"in portuguese", "em português"}, {"in dutch", "in het nederlands"}, {"in japanese", "日本語"}, {"in chinese", "中文"}, {"in russian", "auf russisch"},
                                               {"in polish", "po polsku"}, {"in turkish", "türkçe"}, {"in arabic", "بالعربية"}, {"in korean", "한국어"}};
    const struct sentence *first = NULL;
    size_t which = 0;
    for (unsigned i = 0; i < all->n; i++) {
        const struct sentence *s = &all->at[i];
        if (s->conditional || s->negated || says_any(s, asks_answer) == NULL) continue;
        for (size_t k = 0; k < sizeof languages / sizeof *languages; k++) {
            if (!says(s, languages[k][0]) && !says(s, languages[k][1])) continue;
            if (first != NULL && first != s && which != k) {
                tell(l, LINT_CONTRADICTION, "answers are asked for in two languages", first, s);
                return;
            }
            if (first == NULL) first = s, which = k;
        }
    }
}

/* ---- limits ---- */

enum limit_kind { LIMIT_NONE, LIMIT_AT_MOST, LIMIT_AT_LEAST, LIMIT_EXACTLY };
struct said_limit {
    enum limit_kind kind;
    uint64_t number;
};

static enum limit_kind limit_kind_of(const struct sentence *s) {
    static const char *const most[] = {"at most", "maximum", "max", "no more than", "not more than", "under", "fewer than", "less than", "up to", "within", "limit", "below", "höchstens", "maximal", NULL};
    static const char *const least[] = {"at least", "minimum", "no fewer than", "no less than", "mindestens", "more than", NULL};
    if (says_any(s, most) != NULL) return LIMIT_AT_MOST;
    if (says_any(s, least) != NULL) return LIMIT_AT_LEAST;
    return says(s, "exactly") || says(s, "genau") || says_any(s, asks_answer) != NULL ? LIMIT_EXACTLY : LIMIT_NONE;
}

static const char *const units[][4] = {{"words", "word", "wörter", NULL}, {"sentences", "sentence", "sätze", NULL}, {"characters", "character", "zeichen", NULL},
                                       {"paragraphs", "paragraph", "absätze", NULL}, {"bullets", "bullet", "points", NULL}, {"lines", "line", "zeilen", NULL}};
enum { UNITS = sizeof units / sizeof *units };

static bool find_limit(const struct sentence *s, unsigned unit, struct said_limit *ret) {
    struct slice rest = s->flat, word, before = SLICE_NULL;
    while (!s->conditional && rest.len > 0) {
        uint64_t number;
        slice_cut(rest, ' ', &word, &rest);
        if (before.len > 0 && slice_to_u64(before, &number) && is_in(word, units[unit])) {
            *ret = (struct said_limit){limit_kind_of(s), number};
            return ret->kind != LIMIT_NONE;
        }
        before = word;
    }
    return false;
}

static uint64_t low(const struct said_limit *a) { return a->kind == LIMIT_AT_MOST ? 0 : a->number; }
static uint64_t high(const struct said_limit *a) { return a->kind == LIMIT_AT_LEAST ? UINT64_MAX : a->number; }

static bool clash(const struct said_limit *a, const struct said_limit *b) {
    return a->kind == b->kind ? a->number != b->number : low(a) > high(b) || low(b) > high(a);
}

static void look_for_limits(struct lint_notes *l, const struct sentences *all, unsigned unit) {
    for (unsigned i = 0; i < all->n; i++) {
        struct said_limit a, b;
        if (!find_limit(&all->at[i], unit, &a)) continue;
        for (unsigned j = i + 1; j < all->n; j++)
            if (find_limit(&all->at[j], unit, &b) && clash(&a, &b)) tell(l, LINT_CONTRADICTION, "two limits that do not agree", &all->at[i], &all->at[j]);
    }
}

/* Instructions: what system and developer say, and the last message of the user; the rest are examples. */
void lint_instructions(struct lint_notes *l, const struct prompt *p) {
    struct sentences all = {.at = arena_new_array(l->arena, struct sentence, SENTENCES)};
    if (all.at == NULL) return;
    for (unsigned i = 0; i < p->n_messages; i++) {
        const struct prompt_message *m = &p->messages[i];
        bool told = slice_is(m->role, "system") || slice_is(m->role, "developer") || (slice_is(m->role, "user") && i + 1 == p->n_messages);
        if (told && m->raw.at == NULL) part(&all, m->content, i, l->arena);
    }
    for (unsigned i = 0; i < all.n; i++)
        for (unsigned j = i + 1; j < all.n; j++) compare_two(l, &all.at[i], &all.at[j]);
    look_for_opposites(l, &all);
    look_for_languages(l, &all);
    for (unsigned unit = 0; unit < UNITS; unit++) look_for_limits(l, &all, unit);
}
