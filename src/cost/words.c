#include "cost/words.h"

enum { LONGEST = 40 };

static bool is_letter(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 128;
}

/* Padded with NUL, to be compared at once. */
static const char function_words[][8] = {
    "about",  "after",  "again",  "also",   "always", "answer", "anythi", "based", "becaus", "been",
    "before", "being",  "below",  "betwee", "both",   "cannot", "could",  "does",  "each",   "every",
    "follow", "from",   "give",   "given",  "have",   "here",   "into",   "just",  "like",   "made",
    "make",   "many",   "more",   "most",   "much",   "must",   "need",   "never", "only",   "other",
    "over",   "please", "provid", "questi", "reply",  "respon", "same",   "shall", "should", "some",
    "such",   "sure",   "than",   "that",   "their",  "them",   "then",   "there", "these",  "they",
    "this",   "those",  "throug", "unless", "upon",   "used",   "user",   "using", "very",   "want",
    "well",   "were",   "what",   "when",   "where",  "whethe", "which",  "while", "will",   "with",
    "withou", "would",  "write",  "your",   "yours",
};

static bool is_function_word(struct slice stem) {
    char padded[8] = {0};
    uint64_t wanted, one;
    memcpy(padded, stem.at, stem.len);
    memcpy(&wanted, padded, sizeof wanted);
    for (size_t i = 0; i < sizeof function_words / sizeof *function_words; i++) {
        memcpy(&one, function_words[i], sizeof one);
        if (one == wanted) return true;
    }
    return false;
}

/* The next run of letters; its bytes as they are. */
static bool next_word(struct slice *rest, struct slice *ret) {
    size_t from = 0, to;
    while (from < rest->len && !is_letter((unsigned char)rest->at[from])) from++;
    for (to = from; to < rest->len && is_letter((unsigned char)rest->at[to]);) to++;
    if (from == to) return false;
    *ret = slice_make(rest->at + from, to - from);
    *rest = slice_make(rest->at + to, rest->len - to);
    return true;
}

void words_each(struct slice text, bool (*each)(void *ctx, struct slice stem), void *ctx) {
    struct slice word;
    char stem[WORDS_STEM];
    while (next_word(&text, &word)) {
        if (word.len < WORDS_LEAST) continue;
        size_t n = word.len < WORDS_STEM ? word.len : WORDS_STEM;
        for (size_t i = 0; i < n; i++)
            stem[i] = word.at[i] >= 'A' && word.at[i] <= 'Z' ? (char)(word.at[i] | 32) : word.at[i];
        struct slice s = slice_make(stem, n);
        if (!is_function_word(s) && !each(ctx, s)) return;
    }
}

bool words_are_told_apart(struct slice text) {
    size_t all = text.len, in_long = 0;
    struct slice word;
    while (next_word(&text, &word)) in_long += word.len > LONGEST ? word.len : 0;
    return in_long * 20 < all + 1;
}

/* ---- pieces ---- */

static struct slice take_line(struct slice *rest) {
    struct slice line;
    if (!slice_cut(*rest, '\n', &line, rest)) *rest = slice_make(rest->at + rest->len, 0);
    return line;
}

static bool is_item(struct slice line) {
    size_t i = 0;
    line = slice_trim(line);
    if (line.len > 1 && (line.at[0] == '-' || line.at[0] == '*' || line.at[0] == '#')) return true;
    if (slice_starts(line, SLICE("\xe2\x80\xa2"))) return true;
    while (i < line.len && line.at[i] >= '0' && line.at[i] <= '9') i++;
    return i > 0 && i < 4 && i < line.len && (line.at[i] == '.' || line.at[i] == ')');
}

/* Where the first sentence ends. */
static size_t sentence_of(struct slice line) {
    for (size_t i = 0; i + 1 < line.len; i++) {
        char c = line.at[i];
        if ((c == '.' || c == '!' || c == '?') && line.at[i + 1] == ' ') return i + 1;
    }
    return line.len;
}

bool words_instruction(struct slice *rest, struct slice *ret, unsigned *line) {
    while (rest->len > 0) {
        const char *start = rest->at;
        bool begins = *line == 0 || start[-1] == '\n'; /* of a line, not a sentence within one */
        struct slice after = *rest, text = take_line(&after);
        *line += begins;
        if (slice_trim(text).len == 0) {
            *rest = after;
            continue;
        }
        if (begins && is_item(text)) {
            *ret = slice_trim(text);
            *rest = after;
            return true;
        }
        size_t n = sentence_of(text);
        *ret = slice_trim(slice_make(start, n));
        *rest = n < text.len ? slice_make(start + n, rest->len - n) : after;
        return true;
    }
    return false;
}

bool words_paragraph(struct slice *rest, struct slice *ret) {
    const char *start = NULL, *end = NULL;
    while (rest->len > 0) {
        struct slice line = take_line(rest);
        if (slice_trim(line).len > 0) {
            if (start == NULL) start = line.at;
            end = line.at + line.len;
        } else if (start != NULL) {
            break;
        }
    }
    if (start == NULL) return false;
    *ret = slice_make(start, (size_t)(end - start));
    return true;
}
