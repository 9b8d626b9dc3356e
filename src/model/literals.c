#include "model/literals.h"

#include "model/words.h"

enum kind { KIND_NONE, KIND_WORD, KIND_QUOTED, KIND_NEGATION, KIND_NUMBER, KIND_TURNING, KIND_DIRECTION };

enum { LONGEST_LISTED = 24 }; /* bytes of the longest word in the lists, and a little */

static const char *const negations[] = {"not",
                                        "no",
                                        "never",
                                        "none",
                                        "nothing",
                                        "nobody",
                                        "nowhere",
                                        "neither",
                                        "nor",
                                        "without",
                                        "cannot",
                                        "cant",
                                        "dont",
                                        "doesnt",
                                        "didnt",
                                        "wont",
                                        "isnt",
                                        "arent",
                                        "wasnt",
                                        "werent",
                                        "hasnt",
                                        "havent",
                                        "hadnt",
                                        "couldnt",
                                        "wouldnt",
                                        "shouldnt",
                                        "unable",
                                        "mustnt",
                                        "neednt",
                                        "mightnt",
                                        "shant",
                                        "aint",
                                        "hardly",
                                        "barely",
                                        "scarcely",
                                        "rarely",
                                        "seldom",
                                        "excluding",
                                        "avoid",
                                        "except",
                                        "unless",
                                        "instead",
                                        /* de */ "nicht",
                                        "kein",
                                        "keine",
                                        "keinen",
                                        "keinem",
                                        "keiner",
                                        "keines",
                                        "nie",
                                        "niemals",
                                        "ohne",
                                        "nichts",
                                        "weder",
                                        "niemand",
                                        "niemanden",
                                        "niemandem",
                                        /* fr */ "ne",
                                        "pas",
                                        "jamais",
                                        "sans",
                                        "aucun",
                                        "aucune",
                                        "rien",
                                        "non",
                                        "ni",
                                        /* es it pt */ "nunca",
                                        "jamás",
                                        "sin",
                                        "nada",
                                        "ningún",
                                        "ninguna",
                                        "ninguno",
                                        "tampoco",
                                        "mai",
                                        "senza",
                                        "niente",
                                        "nessun",
                                        "nessuno",
                                        "nessuna",
                                        "não",
                                        "sem",
                                        "nenhum",
                                        "nenhuma",
                                        "nadie",
                                        "ninguém",
                                        "nem",
                                        /* nl sv da no */ "niet",
                                        "geen",
                                        "nooit",
                                        "zonder",
                                        "inte",
                                        "ingen",
                                        "inget",
                                        "inga",
                                        "aldrig",
                                        "utan",
                                        "ikke",
                                        "uden",
                                        "ikkje",
                                        "uten",
                                        "ej",
                                        "niets",
                                        "intet",
                                        "icke",
                                        /* pl ru */ "bez",
                                        "brak",
                                        "żaden",
                                        "nigdy",
                                        "nic",
                                        "не",
                                        "нет",
                                        "без",
                                        "никогда",
                                        "ни",
                                        "ничего",
                                        "нельзя",
                                        /* uk bg sr */ "ні",
                                        "немає",
                                        "ніколи",
                                        "няма",
                                        "нема",
                                        /* el */ "δεν",
                                        "δε",
                                        "μην",
                                        "όχι",
                                        "χωρίς",
                                        "ποτέ",
                                        /* cs sk hr */ "není",
                                        "nie",
                                        "nejsou",
                                        "nemá",
                                        "nemám",
                                        "nelze",
                                        "nejde",
                                        "nefunguje",
                                        "nikdy",
                                        "nije",
                                        "nisu",
                                        "nema",
                                        /* hu ro fi tr id */ "nincs",
                                        "soha",
                                        "nélkül",
                                        "nu",
                                        "fără",
                                        "niciodată",
                                        "ei",
                                        "eivät",
                                        "ilman",
                                        "değil",
                                        "yok",
                                        "hayır",
                                        "hiç",
                                        "tidak",
                                        "bukan",
                                        "jangan",
                                        "tanpa",
                                        "belum",
                                        NULL};

static const char *const numbers[] = {
    "zero",      "one",       "two",      "three",     "four",    "five",     "six",      "seven",
    "eight",     "nine",      "ten",      "eleven",    "twelve",  "thirteen", "fourteen", "fifteen",
    "sixteen",   "seventeen", "eighteen", "nineteen",  "twenty",  "thirty",   "forty",    "fifty",
    "sixty",     "seventy",   "eighty",   "ninety",    "hundred", "thousand", "million",  "billion",
    "dozen",     "half",      "quarter",  "once",      "twice",   "double",   "triple",   "first",
    "second",    "third",     "fourth",   "fifth",     "single",  "both",     "monday",   "tuesday",
    "wednesday", "thursday",  "friday",   "saturday",  "sunday",  "january",  "february", "april",
    "june",      "july",      "august",   "september", "october", "november", "december", "today",
    "tomorrow",  "yesterday", "tonight",  "noon",      "midnight", "morning",  "evening",  "night",
    "week",      "weekly",    "weekend",  "month",     "monthly", "year",     "yearly",   "annual",
    "daily",     "hourly",    NULL};

static const char *const turning[] = {
    "before",     "after",    "more",      "less",        "fewer",      "above",      "below",    "enable",
    "disable",    "enabled",  "disabled",  "activate",    "deactivate", "increase",   "decrease", "raise",
    "lower",      "buy",      "sell",      "add",         "remove",     "open",       "close",    "start",
    "stop",       "send",     "receive",   "lend",        "borrow",     "allow",      "deny",     "accept",
    "reject",     "encrypt",  "decrypt",   "import",      "export",     "upload",     "download", "install",
    "uninstall",  "maximum",  "minimum",   "max",         "min",        "last",       "next",     "previous",
    "only",       "all",      "any",       "always",      "lock",       "unlock",     "block",    "unblock",
    "freeze",     "unfreeze", "subscribe", "unsubscribe", "login",      "logout",     "deposit",  "withdraw",
    "safe",       "unsafe",   "legal",     "illegal",     "possible",   "impossible", "with",     "hot",
    "cold",       "best",     "worst",     "highest",     "lowest",     "old",        "new",      "ascending",
    "descending", "off",      "out",       "down",        "under",      "outside",  "left",     "right",
    "yes",        "false",    "earlier",   "later",       "longer",     "shorter",  "larger",   "smaller",
    "bigger",     "cheaper",  "dearer",    "faster",      "slower",     "higher",   "better",   "worse",
    "older",      "younger",  "newer",     "heavier",     "lighter",    "stronger", "weaker",   "most",
    "least",      "few",      "incoming",  "outgoing",    "inbound",    "outbound", "invalid",  "inactive",
    "incorrect",  "include",  "including", "exclude",     "incomplete", "prepaid",  "postpaid", "private",
    "internal",   "external", "fail",      "failed",      "lose",       "loss",     "fall",     "debit",
    "pull",       "insert",   "she",       "hers",        "female",     "cons",     NULL};

/* "From savings to checking" and "from checking to savings" have all their words in common; and what a short word like these
 * leads to is what the question is about: "to french", "in celsius", "of spain". */
static const char *const directions[] = {"from", "to", "than", "into", "onto", "until",   "since",   "through", "via",     "using",
                                         "in",   "of", "for",  "on",   "by",   "between", "against", "toward",  "towards", NULL};

/* Stand between those and the word that counts. */
static const char *const articles[] = {"the",  "a",    "an",   "my", "your", "our", "his", "her", "its", "their", "this",
                                       "that", "be",   "been", "i",  "you",  "we",  "he",  "it",  "they", "me",   NULL};

/* May begin a sentence with a capital without being a name. */
static const char *const openers[] = {
    "a",      "about",  "add",   "after",  "all",    "also",   "am",      "an",     "and",    "any",    "are",       "as",
    "at",     "be",     "been",  "before", "but",    "by",     "can",     "cancel", "change", "check",     "could",
    "create", "delete", "dear",  "did",    "do",     "does",   "explain", "find",   "for",    "from",   "get",       "give",
    "good",   "had",    "has",   "have",   "he",     "hello",  "help",    "here",   "hey",    "hi",     "how",       "if",
    "in",     "is",     "it",    "its",    "just",   "let",    "list",    "make",   "may",    "me",     "might",     "must",
    "my",     "need",   "now",   "of",     "ok",     "okay",   "on",      "once",   "open",   "or",     "our",       "please",
    "reset",  "shall",  "she",   "should", "show",   "since",  "so",      "some",   "still",  "tell",   "thank",     "thanks",
    "that",   "the",    "their", "then",   "there",  "these",  "they",    "this",   "those",  "to",     "translate", "update",
    "us",     "want",   "was",   "we",     "were",   "what",   "whats",   "when",   "where",  "which",  "while",     "who",
    "whose",  "why",    "will",  "with",   "would",  "write",  "yes",     "you",    "your",   NULL};

struct reading {
    struct buffer *out;
    bool bound;  /* the next word belongs to a negation, a direction or a number */
    bool begins; /* the next word begins a sentence */
    struct slice last;   /* the word before, where it was a plain one */
    struct slice unsaid; /* the same, where it was not put */
};

static void put(struct buffer *out, enum kind kind, struct slice text) {
    uint32_t head[2] = {kind, (uint32_t)text.len};
    (void)buffer_append(out, slice_make((const char *)head, sizeof head));
    (void)buffer_append(out, text);
}

static bool is_listed(const char *const *list, struct slice word) {
    for (; word.len > 0 && *list; list++)
        if (**list == word.at[0] && slice_is(word, *list)) return true;
    return false;
}

/* In lower case and without apostrophes; too long for the lists: null. */
static struct slice lowered(struct slice word, char out[LONGEST_LISTED]) {
    size_t n = 0;
    for (size_t at = 0, size; at < word.len; at += size) {
        uint32_t code = words_code(word.at + at, word.len - at, &size), lower = words_lower(code);
        if (words_is_apostrophe(code)) continue;
        if (n + 2 > LONGEST_LISTED) return SLICE_NULL;
        if (lower < 0x80) out[n++] = (char)lower;
        else if (lower < 0x800)
            out[n++] = (char)(0xC0 | lower >> 6), out[n++] = (char)(0x80 | (lower & 0x3F));
    }
    return slice_make(out, n);
}

/* "isn't", "isnt" and "is not" are one negation. */
static bool ends_in_not(struct slice word) {
    return slice_ends(word, SLICE("n't")) || slice_ends(word, SLICE("n’t")) ||
           slice_ends(word, SLICE("N'T")) || slice_ends(word, SLICE("N’T"));
}

static enum kind kind_of(struct slice word, struct slice lower) {
    if (ends_in_not(word) || is_listed(negations, lower)) return KIND_NEGATION;
    if (is_listed(numbers, lower)) return KIND_NUMBER;
    if (is_listed(turning, lower)) return KIND_TURNING;
    return is_listed(directions, lower) ? KIND_DIRECTION : KIND_NONE;
}

/* All negations that only deny what follows are one; others say something of their own. */
static struct slice negation_word(struct slice word, struct slice lower) {
    bool plain = ends_in_not(word) || slice_is(lower, "cannot") ||
                 (lower.len > 3 && slice_ends(lower, SLICE("nt")) && lower.len < sizeof "shouldnt");
    return plain ? SLICE("not") : lower;
}

/* I, I'm, I've, I'll, I'd */
static bool is_me(struct slice lower) {
    static const char *const list[] = {"i", "im", "ive", "ill", "id", NULL};
    return is_listed(list, lower);
}

/* Turned into its opposite by how it begins or ends ("unpaid", "disconnect", "невозможно"), or a superlative: which of them are,
 * nobody needs to know. */
static bool is_turned(struct slice lower) {
    static const char *const heads[] = {"un", "dis", "non", "mis", "не", "ні", NULL}, *const tails[] = {"less", "est", NULL};
    for (unsigned i = 0; heads[i]; i++)
        if (lower.len >= 5 && slice_starts(lower, slice_of(heads[i]))) return true;
    for (unsigned i = 0; tails[i]; i++)
        if (lower.len >= 5 && slice_ends(lower, slice_of(tails[i]))) return true;
    return false;
}

struct shape {
    size_t from, to; /* without what stands around */
    bool plain;      /* letters, apostrophes and hyphens alone */
    bool capital;    /* one of them is */
    bool inner;      /* one behind the first is */
    bool hyphen;     /* one of them is */
    bool digit;
    bool ends;       /* a sentence ends behind it */
};

static bool is_name(const struct reading *r, struct slice lower, const struct shape *shape) {
    return shape->capital && !is_me(lower) && (shape->inner || !r->begins || !is_listed(openers, lower));
}

/* A word of letters alone, apostrophes and hyphens inside. */
static void read_plain(struct reading *r, struct slice word, const struct shape *shape) {
    char space[LONGEST_LISTED];
    struct slice lower = lowered(word, space), text = slice_is_null(lower) ? word : lower;
    bool bound = r->bound, again = slice_eq_nocase(word, r->last), article = is_listed(articles, lower);
    enum kind kind = kind_of(word, lower);
    r->bound = kind == KIND_NEGATION || kind == KIND_DIRECTION || kind == KIND_NUMBER || (bound && article);
    r->unsaid = SLICE_NULL;
    if (kind != KIND_NONE) put(r->out, kind, kind == KIND_NEGATION ? negation_word(word, lower) : lower);
    else if (is_name(r, lower, shape)) put(r->out, KIND_WORD, word);
    else if ((bound && !r->bound) || again || shape->hyphen || slice_is_null(lower) || is_turned(lower)) put(r->out, KIND_WORD, text);
    else if (!article) r->unsaid = word;
    r->begins = false;
    r->last = word;
}

/* A word with anything else in it. What stands before and behind a number is what it is of: "usd 5", "5 miles". */
static void read_other(struct reading *r, struct slice word, const struct shape *shape) {
    char space[LONGEST_LISTED];
    struct slice lower = lowered(r->unsaid, space);
    if (shape->digit && r->unsaid.len > 0) put(r->out, KIND_WORD, lower);
    put(r->out, KIND_WORD, word);
    r->begins = false;
    r->bound = shape->digit;
    r->last = r->unsaid = SLICE_NULL;
}

/* ---- cutting the text into words ---- */

static bool is_space(uint32_t c) {
    return c <= ' ' || c == 0xA0 || (c >= 0x2000 && c <= 0x200B) || c == 0x2028 || c == 0x2029 ||
           c == 0x202F || c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

static bool is_end(uint32_t c) {
    return c == '.' || c == '!' || c == '?' || c == ':' || c == 0x2026;
}

/* Stands around words and says nothing of them. A minus, a dollar or a bracket does: not in here. */
static bool is_around(uint32_t c) {
    return is_end(c) || c == ',' || c == ';' || c == 0xBF || c == 0xA1 || c == 0x2013 || c == 0x2014 || words_is_apostrophe(c);
}

static bool is_digit(uint32_t c) {
    return c >= '0' && c <= '9';
}

/* Except where it belongs to a number or to code: ".5", "–5", "!ready"; "5!", "6'". */
static bool belongs(uint32_t before, uint32_t c, uint32_t after, bool leads) {
    if (leads && c == '!') return words_is_letter(after) || is_digit(after);
    if (leads) return is_digit(after) && (c == '.' || c == ',' || c == 0x2013 || c == 0x2014);
    return is_digit(before) && (c == '!' || words_is_apostrophe(c));
}

/* The closing mark of a quotation that `open` begins; 0: it begins none. */
static uint32_t closing(uint32_t open, bool at_word) {
    switch (open) {
    case '"': return '"';
    case '`': return '`';
    case 0xAB: return 0xBB;     /* « » */
    case 0x201C: return 0x201D; /* “ ” */
    case 0x201E: return 0x201C; /* „ “ */
    case '\'': return at_word ? '\'' : 0;
    case 0x2018: return at_word ? 0x2019 : 0;
    default: return 0;
    }
}

/* Bytes up to and with the closing mark, or 0: it never comes. A single quote closes only where a word ends.
 */
static size_t quotation(struct slice rest, uint32_t close) {
    for (size_t at = 0, size; at < rest.len; at += size) {
        uint32_t code = words_code(rest.at + at, rest.len - at, &size);
        if (code != close) continue;
        size_t after = at + size, unused;
        bool inside_word = words_is_apostrophe(close) && after < rest.len &&
                           words_is_letter(words_code(rest.at + after, rest.len - after, &unused));
        if (!inside_word) return after;
    }
    return 0;
}

static void look(struct slice word, struct shape *ret) {
    *ret = (struct shape){.from = word.len, .plain = true};
    uint32_t before = 0, after = 0;
    for (size_t at = 0, size, unused; at < word.len; at += size) {
        uint32_t code = words_code(word.at + at, word.len - at, &size);
        after = at + size < word.len ? words_code(word.at + at + size, word.len - at - size, &unused) : 0;
        bool around = is_around(code) && !belongs(before, code, after, ret->from == word.len);
        before = code;
        if (around) {
            if (ret->from < at) ret->ends |= is_end(code);
            continue;
        }
        if (ret->from > at) ret->from = at;
        ret->to = at + size;
        ret->ends = false;
    }
    if (ret->from > ret->to) ret->from = ret->to = 0;
    for (size_t at = ret->from, size; at < ret->to; at += size) {
        uint32_t code = words_code(word.at + at, word.len - at, &size);
        bool hyphen = code == '-' && at > ret->from;
        ret->capital |= words_is_upper(code);
        ret->inner |= words_is_upper(code) && at > ret->from;
        ret->hyphen |= hyphen;
        ret->digit |= is_digit(code);
        ret->plain &= words_is_letter(code) || words_is_apostrophe(code) || hyphen;
    }
}

static void read_word(struct reading *r, struct slice word) {
    struct shape shape;
    look(word, &shape);
    struct slice core = slice_make(word.at + shape.from, shape.to - shape.from);
    if (core.len > 0 && shape.plain) read_plain(r, core, &shape);
    else if (core.len > 0) read_other(r, core, &shape);
    r->begins |= shape.ends;
}

void literals_of(struct slice text, struct buffer *out) {
    struct reading r = {.out = out, .begins = true};
    size_t at = 0, begin = 0, size;
    for (; at < text.len; at += size) {
        uint32_t code = words_code(text.at + at, text.len - at, &size);
        uint32_t close = closing(code, at == begin);
        struct slice rest = slice_make(text.at + at + size, text.len - at - size);
        size_t quoted = close ? quotation(rest, close) : 0;
        if (!quoted && !is_space(code)) continue;
        if (at > begin) read_word(&r, slice_make(text.at + begin, at - begin));
        if (quoted) put(out, KIND_QUOTED, slice_make(rest.at, quoted));
        r.begins |= quoted > 0;
        begin = at + size + quoted;
        size = begin - at;
    }
    if (at > begin) read_word(&r, slice_make(text.at + begin, at - begin));
}
