/* What of a text is form: white space, punctuation, lists, headings, emphasis and quotation marks. Everything that could be meant is
 * kept: words as they are spelled, numbers with their signs and separators, operators, names with signs in them, code between fences.
 * In doubt a sign is kept, for a change that is called minor by mistake is worse than one that is not. */
#include "change/text_diff.h"

#include "quality/text.h"

struct form {
    struct slice rest;
    bool fenced, line_start, sentence_start;
    bool number_before;      /* the word before ends with a digit */
    uint64_t item;           /* the last of a numbered list; 0: none */
};

struct word {
    struct slice text;
    bool begins;             /* a sentence or a line */
    bool variable, raw;
};

static bool among(uint32_t c, const uint32_t *set) {
    while (*set != 0 && *set != c) set++;
    return *set != 0;
}

/* Before a word, behind one, alone, and where no space need be. */
static const uint32_t leading[] = {'*', '`', '#', '(', '[', '"', '\'', 0x201C, 0x201E, 0x2018, 0xAB, 0xA1, 0xBF, 0};
static const uint32_t trailing[] = {'.', ',', ';', ':', '!', '?', ')', ']', '"', '\'', '*', '`', 0x201C, 0x201D, 0x2019, 0xBB, 0};
static const uint32_t lone[] = {'.', ',', ';', ':', '!', '?', '-', 0x2013, 0};
static const uint32_t parting[] = {0x2014, 0x2026, 0x3001, 0x3002, 0xFF0C, 0xFF01, 0xFF1F, 0xFF1B, 0xFF1A, 0x300C, 0x300D, 0x300E, 0x300F, 0xFF08, 0xFF09, 0};
static const uint32_t ending[] = {'.', '!', '?', ':', 0x2026, 0x3002, 0xFF01, 0xFF1F, 0};

static uint32_t first_of(struct slice s) { return s.len > 0 ? text_next(&s) : 0; }

static uint32_t last_of(struct slice s, size_t *ret_size) {
    size_t from = s.len - 1;
    while (from > 0 && s.len - from < 4 && ((unsigned char)s.at[from] & 0xC0) == 0x80) from--;
    *ret_size = s.len - from;
    return first_of(slice_make(s.at + from, *ret_size));
}

static bool is_digit(uint32_t c) { return c >= '0' && c <= '9'; }

static void skip_space(struct form *f) {
    while (f->rest.len > 0) {
        struct slice ahead = f->rest;
        uint32_t c = text_next(&ahead);
        if (!text_is_space(c)) return;
        f->rest = ahead;
        if (c == '\n') f->line_start = f->sentence_start = true;
        if (c == '\n' && f->fenced) return;
    }
}

static struct slice line_of(struct slice s) {
    const char *end = s.len > 0 ? memchr(s.at, '\n', s.len) : NULL;
    return slice_make(s.at, end != NULL ? (size_t)(end - s.at) : s.len);
}

static struct slice behind(struct slice s, size_t n) { return slice_make(s.at + n, s.len - n); }

/* A line of code, or of its fence, is one word. */
static bool take_code(struct form *f, struct word *ret) {
    struct slice line = line_of(f->rest), shown = slice_trim(line);
    bool fence = slice_starts(shown, SLICE("```")) || slice_starts(shown, SLICE("~~~"));
    if (!f->line_start || (!f->fenced && !fence)) return false;
    while (line.len > 0 && text_is_space((unsigned char)line.at[line.len - 1])) line.len--;
    *ret = (struct word){.text = fence ? shown : line, .raw = true};
    f->rest = behind(f->rest, line_of(f->rest).len);
    if (fence) f->fenced = !f->fenced;
    f->line_start = false;
    f->item = 0;
    return true;
}

/* What stands up to white space, a variable, or a sign that parts words without one. */
static struct slice take_run(struct form *f) {
    struct slice from = f->rest;
    while (f->rest.len > 0) {
        struct slice ahead = f->rest;
        uint32_t c = text_next(&ahead);
        if (text_is_space(c) || among(c, parting) || (f->rest.at != from.at && slice_starts(f->rest, SLICE("{{")))) break;
        f->rest = ahead;
    }
    return slice_make(from.at, (size_t)(f->rest.at - from.at));
}

static bool is_all(struct slice s, const char *signs) {
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] == 0 || strchr(signs, s.at[i]) == NULL) return false;
    return s.len > 0;
}

/* At a line's start: a bullet, a heading's mark, a rule, or the next number of a list. */
static bool is_mark(struct form *f, struct slice run) {
    static const uint32_t bullets[] = {'-', '*', '+', 0x2022, 0xB7, 0x25E6, 0x2013, 0};
    struct slice behind_it = slice_trim(line_of(f->rest));
    uint64_t number;
    struct slice ahead = run;
    if (text_next(&ahead) != 0 && ahead.len == 0 && among(first_of(run), bullets)) return true;
    if (run.len <= 6 && is_all(run, "#")) return true;
    if (behind_it.len == 0) return run.len >= 3 && (is_all(run, "-") || is_all(run, "*") || is_all(run, "_") || is_all(run, "="));
    bool numbered = run.len >= 2 && run.len <= 4 && strchr(".)", run.at[run.len - 1]) != NULL && slice_to_u64(slice_make(run.at, run.len - 1), &number);
    if (!numbered || (number != 1 && number != f->item + 1)) return false;
    f->item = number;
    return true;
}

static bool has_word(struct slice s) {
    while (s.len > 0)
        if (text_is_word(text_next(&s))) return true;
    return false;
}

/* Signs alone: dropped but between numbers, where they may be a minus. */
static bool is_punctuation(const struct form *f, struct slice run) {
    struct form ahead = *f;
    skip_space(&ahead);
    bool number_behind = is_digit(first_of(ahead.rest));
    while (run.len > 0) {
        uint32_t c = text_next(&run);
        if (!among(c, lone) || (f->number_before && number_behind)) return false;
    }
    return true;
}

static bool ends_sentence(struct slice run) {
    while (run.len > 0)
        if (among(text_next(&run), ending)) return true;
    return false;
}

static struct slice bare(struct slice run, bool *ret_ends) {
    struct slice head = run;
    size_t size;
    while (head.len > 0 && among(first_of(head), leading)) (void)text_next(&head);
    if (text_is_word(first_of(head))) run = head;
    size_t full = run.len;
    while (run.len > 0 && among(last_of(run, &size), trailing)) run.len -= size;
    *ret_ends = ends_sentence(slice_make(run.at + run.len, full - run.len));
    return run;
}

static bool take_variable(struct form *f, struct word *ret) {
    const char *end = slice_starts(f->rest, SLICE("{{")) ? memmem(f->rest.at, f->rest.len, "}}", 2) : NULL;
    if (end == NULL) return false;
    *ret = (struct word){.text = slice_trim(slice_make(f->rest.at + 2, (size_t)(end - f->rest.at) - 2)), .variable = true};
    f->rest = behind(f->rest, (size_t)(end - f->rest.at) + 2);
    f->line_start = f->sentence_start = f->number_before = false;
    return true;
}

/* The next word that counts; false: there is none. */
static bool next_word(struct form *f, struct word *ret) {
    for (;;) {
        if (!(f->fenced && f->line_start)) skip_space(f);
        if (f->rest.len == 0) return false;
        if (take_code(f, ret) || take_variable(f, ret)) return true;
        struct slice ahead = f->rest;
        if (among(text_next(&ahead), parting)) {
            f->sentence_start = f->sentence_start || among(first_of(f->rest), ending);
            f->rest = ahead;
            continue;
        }
        struct slice run = take_run(f);
        bool mark = f->line_start && is_mark(f, run), ends = false;
        f->line_start = false;
        if (mark) continue;
        if (!has_word(run)) {
            f->sentence_start = f->sentence_start || ends_sentence(run);
            if (is_punctuation(f, run)) continue;
            *ret = (struct word){.text = run};
            f->number_before = false;
            return true;
        }
        *ret = (struct word){.text = bare(run, &ends), .begins = f->sentence_start};
        size_t size;
        f->sentence_start = ends;
        f->number_before = ret->text.len > 0 && is_digit(last_of(ret->text, &size));
        return true;
    }
}

/* Typographic signs within words are the typewriter's. */
static uint32_t plain(uint32_t c) {
    if (c == 0x2019 || c == 0x2018) return '\'';
    return c == 0x2010 || c == 0x2011 || c == 0x2013 || c == 0x2212 ? '-' : c;
}

static bool is_lower(uint32_t c) { return (c >= 'a' && c <= 'z') || (c >= 0xDF && c <= 0xFF && c != 0xF7); }
static bool is_upper(uint32_t c) { return (c >= 'A' && c <= 'Z') || (c >= 0xC0 && c <= 0xDE && c != 0xD7); }

/* "Then" that begins a sentence and "then" are one; "US" and "us" are not. */
static bool same_word(const struct word *a, const struct word *b) {
    struct slice x = a->text, y = b->text;
    if (a->raw != b->raw || a->variable != b->variable) return false;
    if (a->raw || a->variable) return slice_eq(x, y);
    for (bool first = true; x.len > 0 && y.len > 0; first = false) {
        uint32_t c = plain(text_next(&x)), d = plain(text_next(&y));
        if (c == d) continue;
        bool capital = first && is_lower(first_of(x)) && ((is_upper(c) && c + 32 == d && a->begins) || (is_upper(d) && d + 32 == c && b->begins));
        if (!capital) return false;
    }
    return x.len == 0 && y.len == 0;
}

bool text_differs_only_in_form(struct slice before, struct slice after) {
    struct form a = {.rest = before, .line_start = true, .sentence_start = true}, b = a;
    b.rest = after;
    for (;;) {
        struct word x, y;
        bool more = next_word(&a, &x), other = next_word(&b, &y);
        if (!more || !other) return more == other;
        if (!same_word(&x, &y)) return false;
    }
}
