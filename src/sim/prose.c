#include "sim/prose.h"
#include "sim/token.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const nouns[] = {
    "account",  "answer",   "balance", "branch",  "card",    "case",   "change", "charge",  "contract",
    "customer", "date",     "delay",   "detail",  "invoice", "limit",  "letter", "message", "method",
    "notice",   "number",   "option",  "order",   "payment", "period", "plan",   "policy",  "price",
    "process",  "product",  "profile", "reason",  "receipt", "record", "refund", "region",  "report",
    "request",  "result",   "review",  "service", "setting", "status", "step",   "support", "system",
    "team",     "transfer", "update",  "version", "window",
};
static const char *const adjectives[] = {
    "usual", "current", "second", "simple", "clear",  "recent", "open",   "final", "shorter", "original",
    "local", "direct",  "common", "whole",  "useful", "early",  "normal", "next",  "regular", "exact",
};
static const char *const verbs[] = {
    "covers",     "explains", "follows", "replaces", "changes", "closes", "starts",
    "depends on", "includes", "limits",  "matches",  "needs",   "opens",  "shows",
    "settles",    "supports", "checks",  "confirms", "updates", "moves",
};

/* $q a word of the question, $n noun, $a adjective, $v verb. The first sentence is one of the openings. */
static const char *const openings[] = {
    "About $q and $q, the short answer is that the $a $n $v the $n.",
    "For $q, the $n to look at first is the $a one.",
    "Yes, $q is possible, and the $a $n $v it.",
    "The $a way to handle $q is to open the $n and check the $n.",
    "Your question about $q comes down to the $a $n.",
    "With $q, start from the $n that $v the $a $n.",
};
static const char *const sentences[] = {
    "The $n $v the $a $n, so nothing else has to change.",
    "If the $n is not there, ask for the $a $n instead.",
    "In most cases the $n $v $q within a day.",
    "First open the $n, then choose the $a $n and save it.",
    "Please keep the $n until the $a $n is closed.",
    "A $a $n $v the $n, which is why $q matters here.",
    "You will see $q in the $n after the $a $n is done.",
    "There is no charge for the $a $n.",
    "When $q appears twice, the $a $n $v both.",
    "It also helps to note the $n and the $n before the $a $n begins.",
    "After that, the $n $v the $n on its own.",
    "The $a $n and the $n are kept for $1 days.",
    "This takes about $1 minutes, and the $n stays open.",
    "Note that $q $v the $n only while the $n is $a.",
    "The $n for $q is the same in every $n.",
    "If anything about $q looks wrong, the $n team can move it to a $a $n.",
    "Both the $n and the $n have to be $a.",
    "As a rule, one $n $v one $n.",
    "The best next step is to compare the $n with the $a $n.",
    "Otherwise the $a $n $v $q again next month.",
};
static const char *const poor[] = {
    "I am not able to say more about that.",
    "It depends, and it may or may not be so.",
    "As mentioned, as mentioned, the thing is the thing.",
    "Many people say many things about many topics.",
    "Please consult somebody who knows.",
    "The $n is a $n, and a $n is a $n of the $n.",
};
static const char *const dull_words[] = {
    "about", "after", "also",  "been", "before", "could",  "does",  "from",   "have",    "into", "just",
    "like",  "make",  "more",  "much", "need",   "please", "shall", "should", "some",    "such", "tell",
    "than",  "that",  "their", "them", "then",   "there",  "these", "they",   "this",    "want", "were",
    "what",  "where", "when",  "will", "which",  "with",   "would", "your",   "exactly",
};

static bool is_word(unsigned char c) {
    return c >= 0x80 || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_dull(struct slice word) {
    if (word.len < 4 || word.len > 32) return true;
    for (size_t i = 0; i < COUNT(dull_words); i++)
        if (slice_eq_nocase(word, slice_of(dull_words[i]))) return true;
    return false;
}

static bool is_known(const struct echo *e, struct slice word) {
    for (unsigned i = 0; i < e->n; i++)
        if (slice_eq_nocase(e->words[i], word)) return true;
    return false;
}

void echo_of(struct slice question, struct echo *ret) {
    *ret = (struct echo){0};
    for (size_t i = 0; i < question.len && ret->n < SIM_ECHO;) {
        size_t start = i;
        while (i < question.len && is_word((unsigned char)question.at[i])) i++;
        struct slice word = slice_make(question.at + start, i - start);
        if (!is_dull(word) && !is_known(ret, word)) ret->words[ret->n++] = word;
        if (i == start) i++;
    }
}

static struct slice pick(struct dice *d, const char *const *from, size_t n) {
    return slice_of(from[dice_below(d, n)]);
}

struct slice prose_noun(struct dice *d) {
    return pick(d, nouns, COUNT(nouns));
}

static void fill(struct dice *d, const struct echo *echo, const char *template, struct buffer *out) {
    for (const char *c = template; *c != '\0'; c++) {
        if (*c != '$') {
            buffer_byte(out, *c);
            continue;
        }
        switch (*++c) {
        case 'q':
            buffer_append(out, echo->n > 0 ? echo->words[dice_below(d, echo->n)] : prose_noun(d));
            break;
        case 'n': buffer_append(out, prose_noun(d)); break;
        case 'a': buffer_append(out, pick(d, adjectives, COUNT(adjectives))); break;
        case 'v': buffer_append(out, pick(d, verbs, COUNT(verbs))); break;
        default: buffer_u64(out, 2 + dice_below(d, 28)); break;
        }
    }
}

static const char *next_sentence(struct dice *d, unsigned number, double worse) {
    if (worse > 0 && dice_chance(d, worse)) return poor[dice_below(d, COUNT(poor))];
    if (number == 0) return openings[dice_below(d, COUNT(openings))];
    return sentences[dice_below(d, COUNT(sentences))];
}

void prose_write(struct dice *d, const struct echo *echo, uint64_t tokens, bool exact, double worse,
                 struct buffer *out) {
    uint64_t so_far = 0;
    size_t base = out->len;
    for (unsigned number = 0; so_far < tokens && !out->overflow; number++) {
        size_t start = out->len;
        if (number > 0) buffer_append(out, number % 7 == 0 ? SLICE("\n\n") : SLICE(" "));
        fill(d, echo, next_sentence(d, number, worse), out);
        so_far += token_count(slice_make(out->at + start, out->len - start));
    }
    if (exact && so_far > tokens)
        out->len = base + token_cut(slice_make(out->at + base, out->len - base), tokens);
}

void prose_phrase(struct dice *d, const struct echo *echo, struct buffer *out) {
    unsigned n = 1 + (unsigned)dice_below(d, 3);
    struct slice last = SLICE_NULL;
    for (unsigned i = 0; i < n; i++) {
        bool repeat = echo->n > 0 && dice_chance(d, 0.7);
        struct slice word = repeat ? echo->words[dice_below(d, echo->n)] : prose_noun(d);
        if (slice_eq(word, last)) continue;
        if (i > 0) buffer_byte(out, ' ');
        buffer_append(out, word);
        last = word;
    }
}
