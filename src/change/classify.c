/* Each part of a prompt is compared by a function of its own, which notes a reason with its class; the worst of them is the class. */
#include "change/classify.h"

#include "change/text_diff.h"
#include "quality/text.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

/* A key that is not here has no band: a change of it is major. */
const struct parameter_band parameter_bands[] = {
    {"temperature", 0.3},       {"top_p", 0.1},      {"frequency_penalty", 0.3},        {"presence_penalty", 0.3},
    {"top_k", 10},              {"max_tokens", 256}, {"max_completion_tokens", 256},    {"seed", INFINITY}, /* another draw of the same */
    {NULL, 0},
};

#define MOST_REASONS 64
#define SHOWN 60              /* characters of a text in a reason */
#define REWRITE_WORDS 40      /* from this length on, */
#define REWRITE_SAME 0.5      /* with less than this in common, a text is another one */
#define DOCUMENTS_MAJOR 10    /* one in so many */

struct work {
    struct arena *arena;
    struct { enum change_class class; struct slice words; } notes[MOST_REASONS];
    unsigned n;
    enum change_class worst;
};

static void note(struct work *k, enum change_class class, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void note(struct work *k, enum change_class class, const char *format, ...) {
    char text[LIMIT_ERROR_TEXT];
    va_list args;
    if (class > k->worst) k->worst = class;
    if (k->n == MOST_REASONS) return;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    k->notes[k->n].class = class;
    k->notes[k->n++].words = arena_printf(k->arena, "%s (%s)", text, change_class_name(class));
}

static struct slice shown(struct work *k, struct slice s) {
    struct slice e = text_excerpt(slice_trim(s), SHOWN, k->arena);
    return e.at != NULL ? e : SLICE("...");
}

/* ---- texts ---- */

/* Words that name the form of an answer: where one comes or goes, whoever reads the answers by program must know. */
static bool is_format_word(struct slice word) {
    static const char *const words[] = {"json", "xml", "yaml", "csv", "html", "schema", "markdown", "jsonl", "toml", "latex", NULL};
    for (int i = 0; words[i] != NULL; i++)
        if (slice_eq_nocase(word, slice_of(words[i]))) return true;
    return false;
}

/* "{{": braces part words here. */
static struct slice next_plain_word(struct slice *rest) {
    while (rest->len > 0) {
        struct slice ahead = *rest;
        if (text_is_word(text_next(&ahead))) break;
        *rest = ahead;
    }
    struct slice from = *rest;
    while (rest->len > 0) {
        struct slice ahead = *rest;
        if (!text_is_word(text_next(&ahead))) break;
        *rest = ahead;
    }
    return slice_make(from.at, (size_t)(rest->at - from.at));
}

static bool has_format_word(const struct text_piece *p, unsigned n) {
    for (unsigned i = 0; i < n; i++) {
        struct slice rest = p[i].text, word;
        while (p[i].kind != TEXT_SAME && (word = next_plain_word(&rest)).len > 0)
            if (is_format_word(word)) return true;
    }
    return false;
}

static bool any_number(struct slice s) {
    for (size_t i = 0; i < s.len; i++)
        if (s.at[i] >= '0' && s.at[i] <= '9') return true;
    return false;
}

static bool any_negation(struct slice s) {
    static const char *const words[] = {"not", "no", "never", "none", "nothing", "without", "don't", "cannot", "can't", "nicht", "kein", "keine", "keinen",
                                        "nie", "niemals", "ohne", "ne", "pas", "jamais", "sans", "nunca", "sin", "non", "mai", "niet", "geen", NULL};
    struct slice word;
    while ((word = next_plain_word(&s)).len > 0)
        for (int i = 0; words[i] != NULL; i++)
            if (slice_eq_nocase(word, slice_of(words[i]))) return true;
    return false;
}

static uint64_t words_of(struct slice s) { return text_count_runs(s); }

/* The first change in words: what went and what came. */
static struct slice first_change(struct work *k, const struct text_piece *p, unsigned n) {
    unsigned i = 0;
    while (i < n && p[i].kind == TEXT_SAME) i++;
    while (i + 1 < n && slice_trim(p[i].text).len == 0 && p[i + 1].kind != TEXT_SAME) i++;
    if (i >= n) return SLICE("");
    struct slice text = shown(k, p[i].text);
    if (p[i].kind == TEXT_ADDED) return arena_printf(k->arena, "added \"" SLICE_FMT "\"", SLICE_ARG(text));
    if (i + 1 == n || p[i + 1].kind != TEXT_ADDED) return arena_printf(k->arena, "removed \"" SLICE_FMT "\"", SLICE_ARG(text));
    return arena_printf(k->arena, "\"" SLICE_FMT "\" -> \"" SLICE_FMT "\"", SLICE_ARG(text), SLICE_ARG(shown(k, p[i + 1].text)));
}

static const char *what_kind(const struct text_piece *p, unsigned n) {
    bool number = false, negation = false;
    for (unsigned i = 0; i < n; i++) {
        number = number || (p[i].kind != TEXT_SAME && any_number(p[i].text));
        negation = negation || (p[i].kind != TEXT_SAME && any_negation(p[i].text));
    }
    return negation && number ? "a negation and a number changed" : negation ? "a negation changed" : number ? "a number changed" : "the wording changed";
}

static bool compare_text(struct work *k, struct slice where, struct slice before, struct slice after) {
    struct text_piece *p;
    unsigned n;
    if (slice_eq(before, after)) return true;
    if (text_differs_only_in_form(before, after)) {
        note(k, CHANGE_MINOR, SLICE_FMT ": only white space, punctuation or formatting", SLICE_ARG(where));
        return true;
    }
    if (text_diff(before, after, k->arena, &p, &n) != FAULT_NONE) return false;
    struct slice first = first_change(k, p, n);
    uint64_t words = words_of(before) > words_of(after) ? words_of(before) : words_of(after);
    if (has_format_word(p, n)) note(k, CHANGE_MAJOR, SLICE_FMT ": the form of the answer is spoken of: " SLICE_FMT, SLICE_ARG(where), SLICE_ARG(first));
    else if (words >= REWRITE_WORDS && text_same(p, n) < REWRITE_SAME)
        note(k, CHANGE_MAJOR, SLICE_FMT ": rewritten, only %.0f %% of the words are as before", SLICE_ARG(where), 100 * text_same(p, n));
    else note(k, CHANGE_MODERATE, SLICE_FMT ": %s: " SLICE_FMT, SLICE_ARG(where), what_kind(p, n), SLICE_ARG(first));
    return true;
}

/* ---- messages ---- */

/* Messages but for examples: pairs of user and assistant that a user's message still follows. */
struct skeleton {
    const struct prompt_message **bones, **examples;
    unsigned n_bones, n_examples;
};

static bool part_messages(struct work *k, const struct prompt *p, struct skeleton *ret) {
    *ret = (struct skeleton){.bones = arena_new_array(k->arena, const struct prompt_message *, p->n_messages + 1),
                             .examples = arena_new_array(k->arena, const struct prompt_message *, p->n_messages + 1)};
    if (ret->bones == NULL || ret->examples == NULL) return false;
    for (unsigned i = 0; i < p->n_messages; i++) {
        const struct prompt_message *m = &p->messages[i];
        bool pair = i + 2 < p->n_messages && slice_is(m->role, "user") && slice_is(m[1].role, "assistant") && slice_is(m[2].role, "user");
        if (!pair) {
            ret->bones[ret->n_bones++] = m;
            continue;
        }
        ret->examples[ret->n_examples++] = m;
        ret->examples[ret->n_examples++] = &m[1];
        i++;
    }
    return true;
}

static struct slice content_of(const struct prompt_message *m) { return m->raw.at != NULL ? m->raw : m->content; }

static bool same_message(const struct prompt_message *a, const struct prompt_message *b) {
    return (a->raw.at != NULL) == (b->raw.at != NULL) && slice_eq(content_of(a), content_of(b));
}

static void compare_examples(struct work *k, const struct skeleton *a, const struct skeleton *b) {
    if (a->n_examples != b->n_examples) {
        note(k, CHANGE_MODERATE, "examples: %u before, %u now", a->n_examples / 2, b->n_examples / 2);
        return;
    }
    for (unsigned i = 0; i < a->n_examples; i++) {
        const struct prompt_message *x = a->examples[i], *y = b->examples[i];
        if (same_message(x, y)) continue;
        bool form = x->raw.at == NULL && y->raw.at == NULL && text_differs_only_in_form(x->content, y->content);
        note(k, form ? CHANGE_MINOR : CHANGE_MODERATE, "example %u: %s", i / 2 + 1, form ? "only white space, punctuation or formatting" : "changed");
    }
}

static bool same_roles(const struct skeleton *a, const struct skeleton *b) {
    bool same = a->n_bones == b->n_bones;
    for (unsigned i = 0; same && i < a->n_bones; i++) same = slice_eq(a->bones[i]->role, b->bones[i]->role);
    return same;
}

static struct slice roles_of(struct work *k, const struct skeleton *s) {
    struct slice all = SLICE("none");
    for (unsigned i = 0; i < s->n_bones && i < 12; i++)
        all = i == 0 ? s->bones[i]->role : arena_printf(k->arena, SLICE_FMT ", " SLICE_FMT, SLICE_ARG(all), SLICE_ARG(s->bones[i]->role));
    return all;
}

static bool compare_messages(struct work *k, const struct prompt *before, const struct prompt *after) {
    struct skeleton a, b;
    bool good = part_messages(k, before, &a) && part_messages(k, after, &b);
    if (!good) return false;
    compare_examples(k, &a, &b);
    if (!same_roles(&a, &b)) {
        note(k, CHANGE_MAJOR, "messages: " SLICE_FMT " before, " SLICE_FMT " now", SLICE_ARG(roles_of(k, &a)), SLICE_ARG(roles_of(k, &b)));
        return true;
    }
    for (unsigned i = 0; good && i < a.n_bones; i++) {
        const struct prompt_message *x = a.bones[i], *y = b.bones[i];
        struct slice where = arena_printf(k->arena, "message %u (" SLICE_FMT ")", i + 1, SLICE_ARG(y->role));
        if (same_message(x, y)) continue;
        if (x->raw.at != NULL || y->raw.at != NULL) note(k, CHANGE_MAJOR, SLICE_FMT ": its parts changed", SLICE_ARG(where));
        else good = compare_text(k, where, x->content, y->content);
    }
    return good;
}

/* ---- model, parameters, tools, variables ---- */

static void compare_model(struct work *k, struct slice before, struct slice after) {
    if (slice_eq(before, after)) return;
    note(k, CHANGE_MAJOR, "model: " SLICE_FMT " -> " SLICE_FMT, SLICE_ARG(before.len > 0 ? before : SLICE("whatever the caller says")),
         SLICE_ARG(after.len > 0 ? after : SLICE("whatever the caller says")));
}

static double band_of(struct slice name) {
    for (const struct parameter_band *b = parameter_bands; b->name != NULL; b++)
        if (slice_is(name, b->name)) return b->within;
    return -1;
}

static void compare_parameter(struct work *k, struct slice name, struct slice before, struct slice after) {
    double x, y, band = band_of(name);
    struct slice from = shown(k, before), to = shown(k, after);
    if (before.at != NULL && after.at != NULL && slice_eq(before, after)) return;
    if (before.at == NULL || after.at == NULL) {
        note(k, isinf(band) ? CHANGE_MODERATE : CHANGE_MAJOR, "parameter " SLICE_FMT ": %s " SLICE_FMT ", and what holds without it is the provider's to say", SLICE_ARG(name),
             before.at == NULL ? "set to" : "no longer", SLICE_ARG(before.at == NULL ? to : from));
    } else if (band < 0 || !slice_to_double(before, &x) || !slice_to_double(after, &y)) {
        note(k, CHANGE_MAJOR, "parameter " SLICE_FMT ": " SLICE_FMT " -> " SLICE_FMT, SLICE_ARG(name), SLICE_ARG(from), SLICE_ARG(to));
    } else if (fabs(x - y) <= band * (1 + 1e-9)) {
        if (x == y) note(k, CHANGE_MINOR, "parameter " SLICE_FMT ": written another way", SLICE_ARG(name));
        else note(k, CHANGE_MODERATE, "parameter " SLICE_FMT ": " SLICE_FMT " -> " SLICE_FMT, SLICE_ARG(name), SLICE_ARG(from), SLICE_ARG(to));
    } else {
        note(k, CHANGE_MAJOR, "parameter " SLICE_FMT ": " SLICE_FMT " -> " SLICE_FMT ", more than %g apart", SLICE_ARG(name), SLICE_ARG(from), SLICE_ARG(to), band);
    }
}

static bool open_object(struct work *k, struct slice text, struct json_doc *ret) {
    return json_read(text.at != NULL ? text : SLICE("{}"), k->arena, UINT16_MAX, ret, NULL) == FAULT_NONE;
}

static bool compare_parameters(struct work *k, struct slice before, struct slice after) {
    struct json_doc a, b;
    uint32_t at = JSON_NONE, key, value;
    if (slice_eq(before, after)) return true;
    if (!open_object(k, before, &a) || !open_object(k, after, &b)) return false;
    while (json_each_member(&a, 0, &at, &key, &value)) {
        struct slice name = json_string(&a, key, k->arena);
        compare_parameter(k, name, json_raw(&a, value), json_raw(&b, json_get_slice(&b, 0, name)));
    }
    for (at = JSON_NONE; json_each_member(&b, 0, &at, &key, &value);) {
        struct slice name = json_string(&b, key, k->arena);
        if (json_get_slice(&a, 0, name) == JSON_NONE) compare_parameter(k, name, SLICE_NULL, json_raw(&b, value));
    }
    return true;
}

static unsigned count_items(struct work *k, struct slice list) {
    struct json_doc d;
    return list.at != NULL && json_read(list, k->arena, 1, &d, NULL) == FAULT_NONE ? json_size(&d, 0) : 0;
}

static void compare_tools(struct work *k, struct slice before, struct slice after) {
    if (slice_eq(before, after)) return;
    unsigned x = count_items(k, before), y = count_items(k, after);
    if (x != y) note(k, CHANGE_MAJOR, "tools: %u before, %u now", x, y);
    else note(k, CHANGE_MAJOR, "tools: changed");
}

static const struct prompt_variable *variable_of(const struct prompt *p, struct slice name) {
    for (unsigned i = 0; i < p->n_variables; i++)
        if (slice_eq(p->variables[i].name, name)) return &p->variables[i];
    return NULL;
}

static void compare_variables(struct work *k, const struct prompt *before, const struct prompt *after) {
    for (unsigned i = 0; i < after->n_variables; i++) {
        const struct prompt_variable *y = &after->variables[i], *x = variable_of(before, y->name);
        if (x == NULL) note(k, CHANGE_MAJOR, "variable " SLICE_FMT ": added%s", SLICE_ARG(y->name), y->required ? ", and required: requests without it are refused" : "");
        else if (x->required != y->required) note(k, CHANGE_MAJOR, "variable " SLICE_FMT ": %s required", SLICE_ARG(y->name), y->required ? "now" : "no longer");
        else if (slice_is_null(x->fallback) != slice_is_null(y->fallback) || (x->fallback.len > 0 && !slice_eq(x->fallback, y->fallback)) || x->fallback.len != y->fallback.len)
            note(k, CHANGE_MODERATE, "variable " SLICE_FMT ": another default", SLICE_ARG(y->name));
        if (x != NULL && x->max_chars != y->max_chars)
            note(k, CHANGE_MODERATE, "variable " SLICE_FMT ": max_chars %lld -> %lld", SLICE_ARG(y->name), (long long)x->max_chars, (long long)y->max_chars);
    }
    for (unsigned i = 0; i < before->n_variables; i++)
        if (variable_of(after, before->variables[i].name) == NULL) note(k, CHANGE_MAJOR, "variable " SLICE_FMT ": removed", SLICE_ARG(before->variables[i].name));
}

/* ---- together ---- */

static enum fault finish(struct work *k, struct classification *ret) {
    if (k->n == 0) note(k, CHANGE_MINOR, "the order of keys, or nothing that shapes an answer");
    struct slice *all = arena_new_array(k->arena, struct slice, k->n);
    unsigned n = 0;
    if (all == NULL) return FAULT_TOO_LARGE;
    for (int class = CHANGE_MAJOR; class >= CHANGE_MINOR; class--)
        for (unsigned i = 0; i < k->n; i++)
            if ((int)k->notes[i].class == class) all[n++] = k->notes[i].words;
    if (arena_is_full(k->arena)) return FAULT_TOO_LARGE;
    *ret = (struct classification){.class = k->worst, .reasons = all, .n_reasons = n};
    return FAULT_NONE;
}

enum fault classify_prompt(const struct prompt *before, const struct prompt *after, struct arena *arena, struct classification *ret) {
    struct work k = {.arena = arena};
    if (before == NULL) {
        note(&k, CHANGE_MAJOR, "the first version: everything is new");
        return finish(&k, ret);
    }
    compare_model(&k, before->model, after->model);
    compare_tools(&k, before->tools, after->tools);
    compare_variables(&k, before, after);
    if (!compare_parameters(&k, before->parameters, after->parameters) || !compare_messages(&k, before, after)) return FAULT_TOO_LARGE;
    return finish(&k, ret);
}

enum fault classify_manifest(const struct manifest *before, const struct manifest *after, struct arena *arena, struct classification *ret) {
    struct work k = {.arena = arena};
    struct manifest_difference d;
    if (before == NULL) {
        note(&k, CHANGE_MAJOR, "the first version: everything is new");
        return finish(&k, ret);
    }
    if (manifest_compare(before, after, arena, &d) != FAULT_NONE) return FAULT_TOO_LARGE;
    const struct { const char *how; const struct document **at; size_t n; } parts[] = {
        {"added", d.added, d.n_added}, {"removed", d.removed, d.n_removed}, {"changed", d.changed, d.n_changed}};
    size_t all = d.n_added + d.n_removed + d.n_changed;
    enum change_class class = all * DOCUMENTS_MAJOR > before->n_documents ? CHANGE_MAJOR : CHANGE_MODERATE;
    if (all > 0) note(&k, class, "documents: %zu of %zu are other ones, %s a tenth", all, before->n_documents, class == CHANGE_MAJOR ? "more than" : "at most");
    for (size_t i = 0; i < 3; i++)
        if (parts[i].n > 0)
            note(&k, CHANGE_MODERATE, "documents: %zu %s, such as " SLICE_FMT, parts[i].n, parts[i].how, SLICE_ARG(shown(&k, parts[i].at[0]->id)));
    return finish(&k, ret);
}
