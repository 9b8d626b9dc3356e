#include "quality/pattern.h"

#include "base/buffer.h"
#include "base/mem.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

/* The first search: steps over all starts together, and the longest text whose plain repeats cannot hurt. The
 * counted one: characters moved plus items tried, some 0.5 s. */
enum {
    QUICK_TEXT = 16 << 10,
    QUICK_STEPS = 1 << 21,
    QUICK_LEAST = 64,
    COUNTED_WORK = 20 << 20,
    HEAP_KIB = 8 << 10
};
enum { PATTERN_LONGEST = 64 << 10 };

struct pattern {
    pcre2_code *quick, *counted;
    pcre2_match_context *limits; /* of the counted search but for its callout */
};

struct work {
    size_t left, at;
};

static pcre2_code *compile(struct slice text, uint32_t more, int *ret_code, PCRE2_SIZE *ret_at) {
    const uint32_t ecma = PCRE2_UTF | PCRE2_DOLLAR_ENDONLY | PCRE2_ALLOW_EMPTY_CLASS | PCRE2_ALT_BSUX |
                          PCRE2_MATCH_UNSET_BACKREF | PCRE2_NEVER_BACKSLASH_C;
    pcre2_compile_context *context = pcre2_compile_context_create(NULL);
    if (context != NULL) {
        pcre2_set_compile_extra_options(context, PCRE2_EXTRA_ALT_BSUX);
        pcre2_set_newline(context, PCRE2_NEWLINE_LF);
        pcre2_set_max_pattern_length(context, PATTERN_LONGEST);
    }
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)(text.at != NULL ? text.at : ""), text.len, ecma | more,
                                     ret_code, ret_at, context);
    pcre2_compile_context_free(context);
    if (code != NULL)
        (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* without it the interpreter matches */
    return code;
}

/* JavaScript's long names of general categories, which PCRE2 knows by their short ones only. */
static const char *short_name(struct slice name) {
    static const char *const names[][2] = {
        {"Letter", "L"},
        {"Cased_Letter", "L&"},
        {"Uppercase_Letter", "Lu"},
        {"Lowercase_Letter", "Ll"},
        {"Titlecase_Letter", "Lt"},
        {"Modifier_Letter", "Lm"},
        {"Other_Letter", "Lo"},
        {"Mark", "M"},
        {"Nonspacing_Mark", "Mn"},
        {"Spacing_Mark", "Mc"},
        {"Enclosing_Mark", "Me"},
        {"Number", "N"},
        {"Decimal_Number", "Nd"},
        {"Letter_Number", "Nl"},
        {"Other_Number", "No"},
        {"Punctuation", "P"},
        {"Connector_Punctuation", "Pc"},
        {"Dash_Punctuation", "Pd"},
        {"Open_Punctuation", "Ps"},
        {"Close_Punctuation", "Pe"},
        {"Initial_Punctuation", "Pi"},
        {"Final_Punctuation", "Pf"},
        {"Other_Punctuation", "Po"},
        {"Symbol", "S"},
        {"Math_Symbol", "Sm"},
        {"Currency_Symbol", "Sc"},
        {"Modifier_Symbol", "Sk"},
        {"Other_Symbol", "So"},
        {"Separator", "Z"},
        {"Space_Separator", "Zs"},
        {"Line_Separator", "Zl"},
        {"Paragraph_Separator", "Zp"},
        {"Other", "C"},
        {"Control", "Cc"},
        {"Format", "Cf"},
        {"Surrogate", "Cs"},
        {"Private_Use", "Co"},
        {"Unassigned", "Cn"},
        {"punct", "P"},
        {"digit", "Nd"},
    };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (slice_is(name, names[i][0])) return names[i][1];
    return NULL;
}

/* The pattern with those names made short; anything else as it is. */
static void translate(struct slice text, struct buffer *out) {
    for (size_t i = 0; i < text.len; i++) {
        buffer_byte(out, text.at[i]);
        if (text.at[i] != '\\' || i + 1 == text.len) continue;
        buffer_byte(out, text.at[++i]);
        if ((text.at[i] != 'p' && text.at[i] != 'P') || i + 1 == text.len || text.at[i + 1] != '{') continue;
        struct slice name, rest = slice_make(text.at + i + 2, text.len - i - 2);
        if (!slice_cut(rest, '}', &name, &rest)) continue;
        struct slice value = name, ignored;
        if (slice_starts(name, SLICE("gc=")) || slice_starts(name, SLICE("General_Category=")))
            (void)slice_cut(name, '=', &ignored, &value);
        const char *brief = short_name(value);
        buffer_printf(out, "{" SLICE_FMT "}", SLICE_ARG(brief != NULL ? slice_of(brief) : value));
        i += name.len + 2;
    }
}

enum fault pattern_new(struct slice text, struct pattern **ret, struct error *error) {
    int code = 0;
    PCRE2_SIZE at = 0;
    struct pattern *p = mem_new(struct pattern);
    struct buffer translated;
    if (text.len > PATTERN_LONGEST) {
        mem_free(p);
        return error_set(error, FAULT_CONFIG, "expected a regular expression of at most %d bytes, found %zu",
                         PATTERN_LONGEST, text.len);
    }
    buffer_init(&translated, PATTERN_LONGEST);
    translate(text, &translated);
    text = buffer_slice(&translated);
    p->quick = compile(text, 0, &code, &at);
    if (p->quick != NULL) p->counted = compile(text, PCRE2_AUTO_CALLOUT, &code, &at);
    if (p->counted == NULL) {
        PCRE2_UCHAR words[160];
        if (pcre2_get_error_message(code, words, sizeof words) < 0) memcpy(words, "it is invalid", 14);
        size_t character = 1;
        for (size_t i = 0; i < at && i < text.len; i++)
            character += ((unsigned char)text.at[i] & 0xC0) != 0x80;
        size_t shown = text.len < 80 ? text.len : 80;
        while (shown > 0 && shown < text.len && ((unsigned char)text.at[shown] & 0xC0) == 0x80) shown--;
        error_set(error, FAULT_CONFIG, "expected a regular expression, but at character %zu of `%.*s`: %s",
                  character, (int)shown, text.at != NULL ? text.at : "", (char *)words);
        buffer_deinit(&translated);
        pattern_free(p);
        return FAULT_CONFIG;
    }
    buffer_deinit(&translated);
    p->limits = pcre2_match_context_create(NULL);
    if (p->limits == NULL) {
        pattern_free(p);
        return error_set(error, FAULT_INTERNAL, "no memory for a regular expression");
    }
    *ret = p;
    return FAULT_NONE;
}

void pattern_free(struct pattern *p) {
    if (p == NULL) return;
    pcre2_code_free(p->quick);
    pcre2_code_free(p->counted);
    pcre2_match_context_free(p->limits);
    mem_free(p);
}

static int count_work(pcre2_callout_block *block, void *context) {
    struct work *w = context;
    size_t moved =
        block->current_position > w->at ? block->current_position - w->at : w->at - block->current_position;
    w->at = block->current_position;
    if (moved >= w->left) return PCRE2_ERROR_CALLOUT;
    w->left -= moved + 1;
    return 0;
}

/* The interpreter takes over where the compiled search has no stack left. */
static int search(const pcre2_code *code, struct slice text, pcre2_match_context *limits) {
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    if (data == NULL) return PCRE2_ERROR_NOMEMORY;
    int found = pcre2_match(code, (PCRE2_SPTR)text.at, text.len, 0, 0, data, limits);
    if (found == PCRE2_ERROR_JIT_STACKLIMIT)
        found = pcre2_match(code, (PCRE2_SPTR)text.at, text.len, 0, PCRE2_NO_JIT, data, limits);
    pcre2_match_data_free(data);
    return found;
}

static bool is_limit(int found) {
    return found == PCRE2_ERROR_MATCHLIMIT || found == PCRE2_ERROR_HEAPLIMIT ||
           found == PCRE2_ERROR_DEPTHLIMIT || found == PCRE2_ERROR_CALLOUT;
}

enum pattern_answer pattern_find(const struct pattern *p, struct slice text, const char **ret_why) {
    int found = PCRE2_ERROR_MATCHLIMIT;
    const char *none = NULL;
    if (ret_why == NULL) ret_why = &none;
    if (text.at == NULL) text.at = "";
    pcre2_match_context *limits = pcre2_match_context_copy(p->limits);
    if (limits == NULL) found = PCRE2_ERROR_NOMEMORY;
    if (limits != NULL && text.len <= QUICK_TEXT) {
        uint32_t steps = QUICK_STEPS / (uint32_t)(text.len + 1);
        pcre2_set_match_limit(limits, steps < QUICK_LEAST ? QUICK_LEAST : steps);
        pcre2_set_heap_limit(limits, HEAP_KIB);
        found = search(p->quick, text, limits);
    }
    if (is_limit(found)) {
        struct work work = {.left = COUNTED_WORK};
        pcre2_set_match_limit(limits, COUNTED_WORK);
        pcre2_set_heap_limit(limits, HEAP_KIB);
        pcre2_set_callout(limits, count_work, &work);
        found = search(p->counted, text, limits);
    }
    pcre2_match_context_free(limits);
    if (found >= 0) return PATTERN_YES;
    if (found == PCRE2_ERROR_NOMATCH) return PATTERN_NO;
    *ret_why = is_limit(found)                 ? "the search takes too many steps on this text"
               : found == PCRE2_ERROR_NOMEMORY ? "no memory for the search"
                                               : "the text is not well-formed UTF-8";
    return PATTERN_GAVE_UP;
}
