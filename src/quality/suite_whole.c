/* What can only be seen beside the rest: what a case lacks for its checks and its prompt, what a requirement is of. */
#include "quality/suite_reading.h"

#include <math.h>

static void tell(struct reader *r, int line, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void tell(struct reader *r, int line, const char *format, ...) {
    va_list args;
    va_start(args, format);
    problems_add_list(r->problems, r->arena, r->file, line, 0, format, args);
    va_end(args);
}

/* ---- requirements ---- */

static bool any_tag(const struct suite *s, struct slice tag) {
    for (unsigned i = 0; i < s->n_cases; i++)
        if (suite_case_has_tag(&s->cases[i], tag)) return true;
    return false;
}

static bool any_metric(const struct suite *s, struct slice metric) {
    for (unsigned i = 0; i < s->n_checks; i++)
        if (slice_eq(s->checks[i].metric, metric)) return true;
    for (unsigned i = 0; i < s->n_cases; i++)
        for (unsigned j = 0; j < s->cases[i].n_checks; j++)
            if (slice_eq(s->cases[i].checks[j].metric, metric)) return true;
    return false;
}

/* A name that is not there was mistyped; a requirement of nothing would never fail. */
void suite_check_requirements(const struct suite *s, struct reader *r) {
    char hint[READER_HINT];
    for (unsigned i = 0; i < s->n_requirements; i++) {
        const struct suite_requirement *q = &s->requirements[i];
        if (q->metric.at != NULL && !any_metric(s, q->metric))
            tell(r, q->line, "require: no check has the metric `" SLICE_FMT "`", SLICE_ARG(q->metric));
        if (q->tag.at == NULL || any_tag(s, q->tag)) continue;
        const char *names[2] = {NULL, NULL};
        hint[0] = 0;
        for (unsigned c = 0; c < s->n_cases && hint[0] == 0; c++)
            for (unsigned t = 0; t < s->cases[c].n_tags && hint[0] == 0; t++) {
                names[0] = arena_text(r->arena, s->cases[c].tags[t]);
                if (names[0] != NULL) reader_hint(q->tag, names, hint);
            }
        tell(r, q->line, "require: no case has the tag `" SLICE_FMT "`%s", SLICE_ARG(q->tag), hint);
    }
}

/* ---- checks that could never tell ---- */

static bool needs_expected(const struct suite *s, const struct check *c) {
    const struct check_kind *kind = &check_kinds[c->type];
    const struct judge *j = kind->by == CHECK_BY_JUDGE ? suite_judge(s, c) : NULL;
    if (j != NULL && c->type == CHECK_TYPE_JUDGE && j->scale == JUDGE_PAIRWISE) return true;
    bool compares = kind->value == VALUE_TEXT || kind->value == VALUE_TEXTS || kind->value == VALUE_ANY;
    return compares && kind->by != CHECK_BY_PROGRAM && c->n_texts == 0 && c->json_node == JSON_NONE;
}

static void check_check(const struct suite *s, struct reader *r, const struct suite_case *k, const struct check *c, struct arena *scratch) {
    const char *name = check_kinds[c->type].name;
    struct slice missing;
    if (needs_expected(s, c) && k->about.expected.at == NULL)
        tell(r, k->line, "case " SLICE_FMT ": %s at line %d compares with `expected`, which the case does not have", SLICE_ARG(k->id), name, c->line);
    if (c->type == CHECK_TYPE_FAITHFUL && k->about.context.len == 0)
        tell(r, k->line, "case " SLICE_FMT ": faithful at line %d needs a `context`", SLICE_ARG(k->id), c->line);
    for (unsigned i = 0; i < c->n_texts; i++)
        if (c->texts[i].is_template &&
            slice_is_null(template_fill(c->texts[i].text, k->about.vars, k->about.n_vars, scratch, &missing)) && missing.at != NULL)
            tell(r, k->line, "case " SLICE_FMT ": %s at line %d holds {{" SLICE_FMT "}}, and the case has no such variable", SLICE_ARG(k->id), name,
                 c->line, SLICE_ARG(missing));
}

/* ---- requests ---- */

static void check_request(struct suite_reading *g, struct reader *r, const struct suite_case *k, struct buffer *body) {
    struct error error = {.fault = FAULT_NONE};
    struct slice model = g->s->model.len > 0 || g->s->prompt.model.len > 0 ? SLICE_NULL : SLICE("any");
    buffer_clear(body);
    if (suite_write_request(g->s, k, NULL, model, &g->scratch, body, &error) != FAULT_NONE)
        tell(r, k->line, "case " SLICE_FMT ": %s", SLICE_ARG(k->id), error.text);
}

void suite_check_case(struct suite_reading *g, struct reader *r, const struct suite_case *k) {
    const struct suite *s = g->s;
    for (unsigned j = 0; j < suite_check_count(s, k); j++) check_check(s, r, k, suite_check_at(s, k, j), &g->scratch);
    if (s->has_prompt) check_request(g, r, k, &g->body);
}
