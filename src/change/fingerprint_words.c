/* A text as words: runs of letters and digits, each other sign by itself, each character of a script that does without spaces. */
#include "base/digest.h"
#include "base/utf8.h"
#include "change/fingerprint_parts.h"

#include <ctype.h>
#include <stdlib.h>

#define HASH_VALUE 0x56414c5545ULL
#define NARROW_MORE 12 /* words that a value within a sentence may have more than any before */
enum { BIG_NUMBER = 4, YEAR_DIGITS = 4, WEEKDAY_MOST = 9 };

/* ---- characters ---- */

enum character { SPACE, NEWLINE, LETTER, ALONE, SIGN };

static uint32_t decode(const unsigned char *s, int len) {
    if (len == 1) return s[0];
    if (len == 2) return (uint32_t)(s[0] & 0x1F) << 6 | (s[1] & 0x3F);
    if (len == 3) return (uint32_t)(s[0] & 0x0F) << 12 | (uint32_t)(s[1] & 0x3F) << 6 | (s[2] & 0x3F);
    return (uint32_t)(s[0] & 0x07) << 18 | (uint32_t)(s[1] & 0x3F) << 12 | (uint32_t)(s[2] & 0x3F) << 6 | (s[3] & 0x3F);
}

/* Han, kana, Thai, Lao, Burmese, Khmer: no spaces between words. */
static bool is_unspaced(uint32_t c) {
    static const uint32_t ranges[][2] = {{0x0E00, 0x0EFF}, {0x1000, 0x109F}, {0x1780, 0x17FF}, {0x3040, 0x30FF},
                                         {0x3400, 0x4DBF}, {0x4E00, 0x9FFF}, {0xF900, 0xFAFF}, {0x20000, 0x323AF}};
    for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1]) return true;
    return false;
}

static bool is_sign(uint32_t c) {
    return (c >= 0x2010 && c <= 0x205E) || (c >= 0x3001 && c <= 0x303F) || (c >= 0xFF01 && c <= 0xFF0F) || (c >= 0xFF1A && c <= 0xFF20) ||
           c == 0xA1 || c == 0xBF || c == 0xAB || c == 0xBB;
}

static enum character character_at(struct slice text, size_t at, int *ret_len) {
    const unsigned char *s = (const unsigned char *)text.at + at;
    int len = utf8_next(text.at + at, text.len - at);
    *ret_len = len < 0 ? -len : len;
    if (len < 0) return LETTER;
    if (len == 1) {
        if (s[0] == '\n' || s[0] == '\r') return NEWLINE;
        if (s[0] == 1) return SIGN; /* stands for a gap: fingerprint.c */
        if (s[0] <= ' ') return SPACE;
        return isalnum(s[0]) || s[0] == '_' ? LETTER : SIGN;
    }
    uint32_t c = decode(s, len);
    if (c == 0xA0 || c == 0x3000 || c == 0x202F || (c >= 0x2000 && c <= 0x200B) || c == 0xFEFF) return SPACE;
    return is_sign(c) ? SIGN : is_unspaced(c) ? ALONE : LETTER;
}

static bool ends_sentence(struct slice word) {
    return slice_is(word, ".") || slice_is(word, "!") || slice_is(word, "?") || slice_is(word, "\xE3\x80\x82") /* 。 */ ||
           slice_is(word, "\xEF\xBC\x81") /* ！ */ || slice_is(word, "\xEF\xBC\x9F") /* ？ */;
}

/* ---- values ---- */

/* An address reaches to the next white space; what ends a sentence or a bracket behind it is not of it. */
static size_t address_at(struct slice text, size_t at) {
    size_t to = at;
    while (to < text.len && (unsigned char)text.at[to] > ' ' && strchr("\"'<>()[]{}|`,;", text.at[to]) == NULL) to++;
    while (to > at && strchr(".:!?", text.at[to - 1]) != NULL) to--;
    struct slice word = {text.at + at, to - at}, head, tail;
    if (slice_contains(word, SLICE("://")) || slice_starts(word, SLICE("www."))) return to;
    return slice_cut(word, '@', &head, &tail) && head.len > 0 && slice_contains(tail, SLICE(".")) ? to : at;
}

/* A number, date, time or identifier; `at` if what is there may as well be an instruction. */
static size_t number_at(struct slice text, size_t at) {
    unsigned digits = 0, letters = 0;
    bool parts = false;
    size_t to = at;
    for (; to < text.len; to++) {
        unsigned char c = (unsigned char)text.at[to];
        bool between = strchr("-/:.,+_", c) != NULL && c != 0 && to > at && to + 1 < text.len && isalnum((unsigned char)text.at[to + 1]);
        if (isdigit(c)) digits++;
        else if (isalpha(c)) letters++;
        else if (!between) break;
        else parts |= strchr("-/:", c) != NULL && isdigit((unsigned char)text.at[to - 1]) && isdigit((unsigned char)text.at[to + 1]);
    }
    bool long_one = digits >= BIG_NUMBER || (digits == BIG_NUMBER - 1 && letters > 0);
    return digits > 1 && (long_one || parts) ? to : at;
}

static bool is_any(struct slice word, const char *const *names) {
    for (; *names != NULL; names++)
        if (slice_is(word, *names)) return true;
    return false;
}

static bool is_weekday(struct slice word) {
    static const char *const days[] = {"Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "Montag", "Dienstag", "Mittwoch",
                                       "Donnerstag", "Freitag", "Samstag", "Sonntag", "lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi",
                                       "dimanche", "lunes", "martes", "jueves", "viernes", "domingo", NULL};
    return is_any(word, days);
}

static bool is_month(struct slice word) {
    static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November",
                                         "December", "Jan", "Feb", "Mar", "Apr", "Jun", "Jul", "Aug", "Sep", "Sept", "Oct", "Nov", "Dec", NULL};
    return is_any(word, months);
}

static struct slice text_of(const struct words *w, const struct word *x) { return (struct slice){w->text.at + x->at, x->to - x->at}; }

/* "3", "3rd" */
static bool is_day(struct slice s) {
    size_t n = 0;
    while (n < s.len && isdigit((unsigned char)s.at[n])) n++;
    struct slice rest = {s.at + n, s.len - n};
    return n > 0 && n <= 2 && (rest.len == 0 || slice_is(rest, "st") || slice_is(rest, "nd") || slice_is(rest, "rd") || slice_is(rest, "th"));
}

static void make_value(struct word *x) {
    x->kind = WORD_VALUE;
    x->hash = HASH_VALUE;
}

/* Dates that are written in words: "3 March 2026", "March 3, 2026", "3. M\u00e4rz 2026", "3 de marzo de 2026", "2026年3月1日". */
static void find_dates(struct words *w) {
    for (unsigned i = 0; i < w->n; i++) {
        struct slice s = text_of(w, &w->at[i]);
        if (w->at[i].kind == WORD_GAP) continue;
        bool year_behind = false;
        for (unsigned k = 1; k <= 2 && i + k < w->n; k++) year_behind |= w->at[i + k].kind == WORD_VALUE && text_of(w, &w->at[i + k]).len == YEAR_DIGITS;
        if (is_weekday(s)) make_value(&w->at[i]);
        if (is_day(s) && i + 1 < w->n) {
            struct slice unit = text_of(w, &w->at[i + 1]);
            static const char *const units[] = {"\u5e74", "\u6708", "\u65e5", "\u6642", "\u65f6", "\u5206", NULL};
            if (is_any(unit, units)) make_value(&w->at[i]);
        }
        bool between = i > 0 && year_behind && isalpha((unsigned char)s.at[0]); /* a month in whatever language, between day and year */
        unsigned before = i > 0 ? i - 1 : i;
        if (before > 0 && between && (slice_is(text_of(w, &w->at[before]), ".") || slice_is(text_of(w, &w->at[before]), "de"))) before--;
        bool day_before = i > 0 && is_day(text_of(w, &w->at[before]));
        bool day_behind = i + 1 < w->n && is_day(text_of(w, &w->at[i + 1]));
        if (!(is_month(s) && (day_before || day_behind || year_behind)) && !(between && day_before && s.len > 2)) continue;
        make_value(&w->at[i]);
        if (day_before) make_value(&w->at[before]);
        if (day_behind) make_value(&w->at[i + 1]);
    }
}

/* ---- reading ---- */

static size_t gap_at(struct slice text, size_t at) {
    if (text.len - at < 4 || memcmp(text.at + at, "{{", 2) != 0) return at;
    for (size_t to = at + 2; to + 1 < text.len && text.at[to] != '\n'; to++)
        if (text.at[to] == '}' && text.at[to + 1] == '}') return to + 2;
    return at;
}

/* "Dr.", "J.": a point that ends no sentence. */
static bool is_abbreviation(struct slice word) {
    static const char *const names[] = {"Dr", "Mr", "Mrs", "Ms", "Prof", "St", "Jr", "Sr", "Inc", "Ltd", "Co", "Corp", "No", NULL};
    int len = word.len > 0 ? utf8_next(word.at, word.len) : 0;
    return is_any(word, names) || (len > 0 && (size_t)len == word.len && isupper((unsigned char)word.at[0]));
}

/* One word from `at`, which is no white space. */
static void read_word(struct slice text, size_t at, bool template, struct word *x) {
    int len;
    size_t to = template ? gap_at(text, at) : at;
    x->kind = to > at ? WORD_GAP : WORD_VALUE;
    if (to == at && (isalnum((unsigned char)text.at[at]))) {
        to = address_at(text, at);
        if (to == at) to = number_at(text, at);
    }
    if (to == at) {
        enum character c = character_at(text, at, &len);
        x->kind = WORD_PLAIN;
        to = at + (size_t)len;
        while (c == LETTER && to < text.len && character_at(text, to, &len) == LETTER) to += (size_t)len;
    }
    x->at = (uint32_t)at;
    x->to = (uint32_t)to;
    uint64_t h = digest_fast((struct slice){text.at + at, to - at}, 0);
    x->hash = x->kind == WORD_GAP ? 0 : x->kind == WORD_VALUE ? HASH_VALUE : h != 0 ? h : 1;
    if (x->kind == WORD_GAP) x->longest = UINT16_MAX;
    x->breaks |= x->kind == WORD_GAP || ends_sentence((struct slice){text.at + at, to - at});
}

bool words_read(struct slice text, bool template, struct arena *arena, struct words *ret) {
    unsigned cap = 256;
    struct words w = {text, arena_new_array(arena, struct word, cap), 0};
    size_t at = 0;
    if (w.at == NULL) return false;
    for (;;) {
        struct word x = {.from = (uint32_t)at};
        int len;
        enum character c = SIGN;
        for (; at < text.len && ((c = character_at(text, at, &len)) == SPACE || c == NEWLINE); at += (size_t)len) x.breaks |= c == NEWLINE;
        if (at == text.len) break;
        if (w.n == cap) {
            w.at = arena_resize(arena, w.at, cap * sizeof *w.at, 2 * (size_t)cap * sizeof *w.at);
            cap *= 2;
            if (w.at == NULL) return false;
        }
        read_word(text, at, template, &x);
        if (w.n == FINGERPRINT_WORDS - 1) {
            x.kind = WORD_PLAIN;
            x.to = (uint32_t)text.len;
            x.hash = digest_fast((struct slice){text.at + at, text.len - at}, 0) | 1;
        }
        if (w.n > 0 && slice_is((struct slice){text.at + at, x.to - at}, ".") && is_abbreviation(text_of(&w, &w.at[w.n - 1]))) x.breaks = false;
        at = x.to;
        w.at[w.n++] = x;
    }
    find_dates(&w);
    *ret = w;
    return true;
}

bool gap_takes(const struct word *gap, const struct words *w, unsigned from, unsigned to) {
    if (gap->breaks) return true;
    if (to - from > gap->longest + (unsigned)NARROW_MORE) return false;
    for (unsigned i = from; i < to; i++)
        if (w->at[i].breaks) return false;
    return true;
}
