/* See lint.h. */
#include "change/lint_notes.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>

#define GROWTH_SHARE 0.25 /* above this, */
#define GROWTH_TOKENS 50  /* and so many tokens more than what was launched, growth is told */

static const char *const rules[] = {
#define RULE(symbol, name) [LINT_##symbol] = name,
    LINT_TABLE(RULE)
#undef RULE
};

void lint_add(struct lint_notes *l, enum lint_rule rule, bool error, unsigned message, const char *format, ...) {
    char text[LIMIT_ERROR_TEXT];
    va_list args;
    if (l->n == LINT_MOST) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    struct slice words = arena_slice(l->arena, slice_of(text));
    for (unsigned i = 0; i < l->n; i++)
        if (l->at[i].rule == rule && l->at[i].message == message && slice_eq(l->at[i].words, words)) return;
    l->at[l->n++] = (struct lint_note){.rule = rule, .error = error, .message = message, .words = words};
}

static bool declares(const struct prompt *p, struct slice name) {
    for (unsigned i = 0; i < p->n_variables; i++)
        if (slice_eq(p->variables[i].name, name)) return true;
    return false;
}

static void look_at_variables(struct lint_notes *l, const struct prompt *p) {
    for (unsigned i = 0; i < p->n_variables; i++)
        if (!prompt_uses(p, p->variables[i].name))
            lint_add(l, LINT_UNUSED_VARIABLE, false, UINT_MAX, "the variable `" SLICE_FMT "` is declared and no message uses it", SLICE_ARG(p->variables[i].name));
    for (unsigned i = 0; i < p->n_messages; i++) {
        struct slice rest = p->messages[i].raw.at != NULL ? p->messages[i].raw : p->messages[i].content, text, name;
        while (p->messages[i].is_template && template_next(&rest, &text, &name))
            if (!declares(p, name)) lint_add(l, LINT_UNDECLARED_VARIABLE, true, i, "{{" SLICE_FMT "}} is not declared", SLICE_ARG(name));
    }
}

enum fault lint_prompt(const struct prompt *p, int64_t tokens, int64_t launched_tokens, struct arena *arena, struct lint_note **ret, unsigned *ret_n) {
    struct lint_notes *l = arena_new(arena, struct lint_notes);
    if (l == NULL) return FAULT_TOO_LARGE;
    l->arena = arena;
    for (unsigned i = 0; i < p->n_messages; i++) {
        struct slice text = p->messages[i].raw.at != NULL ? p->messages[i].raw : p->messages[i].content;
        lint_secrets(l, text, i);
        lint_personal(l, text, i);
    }
    if (p->tools.at != NULL) lint_secrets(l, p->tools, UINT_MAX);
    if (p->parameters.at != NULL) lint_secrets(l, p->parameters, UINT_MAX);
    for (unsigned i = 0; i < p->n_variables; i++) lint_secrets(l, p->variables[i].fallback, UINT_MAX);
    look_at_variables(l, p);
    lint_instructions(l, p);
    if (tokens >= 0 && launched_tokens > 0 && tokens - launched_tokens > GROWTH_TOKENS && (double)tokens > (1 + GROWTH_SHARE) * (double)launched_tokens)
        lint_add(l, LINT_GROWTH, false, UINT_MAX, "%lld tokens, %.0f %% more than the %lld that were launched", (long long)tokens,
                 100 * ((double)tokens / (double)launched_tokens - 1), (long long)launched_tokens);
    if (arena_is_full(arena)) return FAULT_TOO_LARGE;
    *ret = l->at;
    *ret_n = l->n;
    return FAULT_NONE;
}

void lint_write(const struct lint_note *notes, unsigned n, struct json_writer *w) {
    json_array(w);
    for (unsigned i = 0; i < n; i++) {
        json_object(w);
        json_member_text(w, "rule", rules[notes[i].rule]);
        json_member_text(w, "level", notes[i].error ? "error" : "warning");
        json_key(w, "message");
        if (notes[i].message == UINT_MAX) json_put_null(w);
        else json_put_i64(w, notes[i].message);
        json_member_string(w, "words", notes[i].words);
        json_object_end(w);
    }
    json_array_end(w);
}
