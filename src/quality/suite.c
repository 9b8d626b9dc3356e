/* See suite.h. */
#include "quality/suite_reading.h"

#include <math.h>

void suite_deinit(struct suite *s) {
    for (unsigned i = 0; i < s->n_checks; i++) check_deinit(&s->checks[i]);
    for (unsigned i = 0; i < s->n_cases; i++)
        for (unsigned j = 0; j < s->cases[i].n_checks; j++) check_deinit(&s->cases[i].checks[j]);
    s->n_checks = s->n_cases = 0;
}

bool suite_case_has_tag(const struct suite_case *c, struct slice tag) {
    for (unsigned i = 0; i < c->n_tags; i++)
        if (slice_eq(c->tags[i], tag)) return true;
    return false;
}

/* ---- judges ---- */

bool suite_case_may_refuse(const struct suite *s, const struct suite_case *c) {
    for (unsigned i = 0; i < suite_check_count(s, c); i++)
        if (suite_check_at(s, c, i)->type == CHECK_TYPE_IS_REFUSAL && !suite_check_at(s, c, i)->negated) return true;
    return false;
}

const struct judge *suite_judge(const struct suite *s, const struct check *c) {
    for (unsigned i = 0; i < s->n_judges; i++)
        if (slice_eq(s->judges[i].name, c->judge)) return &s->judges[i];
    return NULL;
}

/* The cursor counts checks: the suite's, then each case's own. */
bool suite_next_missing_judge(const struct suite *s, size_t *cursor, struct slice *ret) {
    size_t at = 0;
    for (unsigned i = 0; i <= s->n_cases; i++) {
        const struct check *checks = i == 0 ? s->checks : s->cases[i - 1].checks;
        unsigned n = i == 0 ? s->n_checks : s->cases[i - 1].n_checks;
        if (at + n <= *cursor) {
            at += n;
            continue;
        }
        for (unsigned j = (unsigned)(*cursor - at); j < n; j++, (*cursor)++) {
            if (check_by(&checks[j]) != CHECK_BY_JUDGE || suite_judge(s, &checks[j]) != NULL) continue;
            *ret = checks[j].judge;
            (*cursor)++;
            return true;
        }
        at += n;
    }
    return false;
}

bool suite_lend_judge(struct suite *s, const struct judge *j, struct arena *arena) {
    struct judge *all = arena_new_array(arena, struct judge, s->n_judges + 1);
    if (all == NULL) return false;
    if (s->n_judges > 0) memcpy(all, s->judges, s->n_judges * sizeof *all);
    all[s->n_judges++] = *j;
    s->judges = all;
    return true;
}

/* ---- the canonical form ---- */

static void write_requirements(const struct suite *s, struct json_writer *w) {
    static const char *const measures[] = {"pass_rate", "score", "refusal_rate"};
    json_key(w, "require");
    json_array(w);
    for (unsigned i = 0; i < s->n_requirements; i++) {
        const struct suite_requirement *q = &s->requirements[i];
        json_object(w);
        if (q->tag.at != NULL) json_member_string(w, "tag", q->tag);
        if (q->metric.at != NULL) json_member_string(w, "metric", q->metric);
        json_key(w, measures[q->measure]);
        json_object(w);
        json_member_double(w, q->at_most ? "at_most" : "at_least", q->bound);
        json_object_end(w);
        if (q->confidence > 0) json_member_double(w, "confidence", q->confidence);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_prompt(const struct suite *s, struct json_writer *w) {
    const struct prompt *p = &s->prompt;
    if (s->prompt_name.at != NULL) json_member_string(w, "prompt", s->prompt_name);
    if (!s->has_prompt) return;
    if (p->n_messages > 0) {
        json_key(w, "prompt");
        prompt_write(p, w);
        return;
    }
    if (p->parameters.at != NULL) json_member_raw(w, "parameters", p->parameters); /* cases bring their messages */
    if (p->tools.at != NULL) json_member_raw(w, "tools", p->tools);
}

static void write_head(const struct suite *s, struct json_writer *w) {
    json_member_string(w, "suite", s->name);
    if (s->description.at != NULL) json_member_string(w, "description", s->description);
    write_prompt(s, w);
    if (s->model.at != NULL) json_member_string(w, "model", s->model);
    if (s->request_type.at != NULL) json_member_string(w, "request_type", s->request_type);
    if (s->repeat != 1) json_member_i64(w, "repeat", s->repeat);
    if (s->scope == RATE_THESE_CASES) json_member_text(w, "scope", "these-cases");
    if (s->max_errors != 0.05) json_member_double(w, "max_errors", s->max_errors);
    if (s->n_requirements > 0) write_requirements(s, w);
}

static void write_list(struct json_writer *w, const char *key, const struct buffer *items) {
    if (items->len == 0) return;
    json_key(w, key);
    json_array(w);
    json_put_raw(w, buffer_slice(items));
    json_array_end(w);
}

static void write_judges(const struct suite *s, struct json_writer *w) {
    if (s->n_judges == 0) return;
    json_key(w, "judges");
    json_object(w);
    for (unsigned i = 0; i < s->n_judges; i++) { /* by name: the next one behind the last */
        const struct judge *next = NULL;
        unsigned rank = 0;
        for (unsigned j = 0; j < s->n_judges && next == NULL; j++) {
            rank = 0;
            for (unsigned k = 0; k < s->n_judges; k++) {
                struct slice a = s->judges[k].name, b = s->judges[j].name;
                int order = memcmp(a.at, b.at, a.len < b.len ? a.len : b.len);
                rank += order < 0 || (order == 0 && a.len < b.len);
            }
            if (rank == i) next = &s->judges[j];
        }
        if (next == NULL) break;
        json_key_slice(w, next->name);
        judge_write(next, w);
    }
    json_object_end(w);
}

bool suite_seal(struct suite_reading *g) {
    struct suite *s = g->s;
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, LIMIT_SUITE_FILE);
    json_start(&w, &out);
    json_object(&w);
    write_head(s, &w);
    write_judges(s, &w);
    write_list(&w, "checks", &g->checks);
    write_list(&w, "cases", &g->cases);
    write_list(&w, "triggers", &g->triggers);
    if (s->run_as_application.at != NULL) {
        json_key(&w, "run_as");
        json_object(&w);
        json_member_string(&w, "application", s->run_as_application);
        json_member_string(&w, "key", s->run_as_key);
        json_object_end(&w);
    }
    if (g->names_files) json_member_bool(&w, "files", false);
    json_object_end(&w);
    bool good = !out.overflow && !g->cases.overflow && !g->checks.overflow;
    if (good) s->canonical = arena_slice(g->arena, buffer_slice(&out));
    if (good) digest_sha256(s->canonical, &s->digest);
    buffer_deinit(&out);
    return good && s->canonical.at != NULL;
}

void suite_write(const struct suite *s, struct json_writer *w) {
    json_put_raw(w, s->canonical);
}

/* ---- one exchange ---- */

enum fault suite_write_request(const struct suite *s, const struct suite_case *c, const struct prompt *prompt, struct slice model,
                               struct arena *arena, struct buffer *out, struct error *error) {
    struct slice more = SLICE_NULL;
    if (prompt == NULL && !s->has_prompt)
        return error_set(error, FAULT_CONFIG, "the prompt `" SLICE_FMT "` is not known", SLICE_ARG(s->prompt_name));
    if (prompt == NULL) prompt = &s->prompt;
    if (model.len == 0) model = s->model;
    bool uses = c->input.at != NULL && prompt_uses(prompt, SLICE("input"));
    if (uses && c->input_is_messages) return error_set(error, FAULT_CONFIG, "the prompt holds {{input}}, and the case's `input` is no text but messages");
    if (c->input_is_messages) {
        more = c->input;
    } else if (c->input.at != NULL && !uses) {
        struct buffer text;
        buffer_init(&text, arena->max);
        buffer_append(&text, SLICE("{\"role\":\"user\",\"content\":\""));
        json_escape(&text, c->input);
        buffer_append(&text, SLICE("\"}"));
        more = text.overflow ? SLICE_NULL : arena_slice(arena, buffer_slice(&text));
        buffer_deinit(&text);
        if (more.at == NULL) return error_set(error, FAULT_TOO_LARGE, "the request does not fit into its memory");
    }
    if (prompt->n_messages == 0 && more.at == NULL) return error_set(error, FAULT_CONFIG, "there is neither a prompt nor an `input`: say `prompt:` or `messages:` in the suite, with {{name}} for its variables");
    return prompt_write_request(prompt, model, c->about.vars, c->about.n_vars, more, arena, out, error);
}
