#include "quality/check_run.h"
#include "quality/json_find.h"
#include "quality/json_value.h"
#include "quality/schema.h"
#include "quality/text.h"

enum against { AGAINST_VALID, AGAINST_INVALID, AGAINST_UNKNOWN };

/* A value against the check's schema, when it has one; *ret_why in words unless it is valid. */
static enum against hold(struct check_run *run, const struct json_doc *d, struct slice *ret_why) {
    struct schema_problem problem = {.node = JSON_NONE};
    if (run->c->schema == NULL) return AGAINST_VALID;
    enum schema_verdict v = schema_check(run->c->schema, d, 0, run->arena, &problem);
    *ret_why = problem.text;
    return v == SCHEMA_VALID ? AGAINST_VALID : v == SCHEMA_INVALID ? AGAINST_INVALID : AGAINST_UNKNOWN;
}

static bool parse(struct check_run *run, struct slice text, struct json_doc *ret, struct error *why) {
    enum fault f = json_read(text, run->arena, UINT16_MAX, ret, why);
    if (f == FAULT_TOO_LARGE) check_cannot(run, "the JSON of the answer: %s", why->text);
    return f == FAULT_NONE;
}

void check_run_equals_json(struct check_run *run) {
    const struct check *c = run->c;
    struct error why = {.fault = FAULT_NONE};
    struct json_doc d;
    run->wanted = arena_printf(run->arena, "equal " SLICE_FMT " as JSON",
                               SLICE_ARG(check_quote(run, json_raw(&c->json, c->json_node))));
    bool read = parse(run, run->a->text, &d, &why);
    if (run->failed) return;
    check_score(run, read && json_value_equal(&c->json, c->json_node, &d, 0, run->arena),
                check_quote(run, run->a->text));
}

void check_run_is_json(struct check_run *run) {
    struct error why = {.fault = FAULT_NONE};
    struct slice problem = SLICE_NULL;
    struct json_doc d;
    run->wanted = run->c->schema != NULL ? SLICE("be JSON that is valid by the schema") : SLICE("be JSON");
    if (!parse(run, run->a->text, &d, &why)) {
        if (!run->failed)
            check_score(run, 0,
                        arena_printf(run->arena, SLICE_FMT ": %s", SLICE_ARG(check_quote(run, run->a->text)),
                                     why.text));
        return;
    }
    enum against a = hold(run, &d, &problem);
    if (a == AGAINST_UNKNOWN) check_cannot(run, "the schema cannot tell: " SLICE_FMT, SLICE_ARG(problem));
    else check_score(run, a == AGAINST_VALID, a == AGAINST_VALID ? SLICE("just that") : problem);
}

void check_run_contains_json(struct check_run *run) {
    struct json_finder finder;
    struct json_doc d;
    struct slice problem = SLICE_NULL, first = SLICE_NULL;
    unsigned n = 0;
    enum json_found found;
    json_finder_init(&finder, run->a->text, run->c->schema != NULL);
    run->wanted =
        run->c->schema != NULL ? SLICE("contain JSON that is valid by the schema") : SLICE("contain JSON");
    while ((found = json_find(&finder, run->arena, &d)) == JSON_FOUND) {
        enum against a = hold(run, &d, &problem);
        if (a == AGAINST_UNKNOWN) {
            check_cannot(run, "the schema cannot tell: " SLICE_FMT, SLICE_ARG(problem));
            return;
        }
        if (a == AGAINST_VALID) {
            check_score(run, 1, check_quote(run, d.text));
            return;
        }
        if (n++ == 0) first = problem;
    }
    if (found == JSON_FOUND_TOO_MUCH) {
        check_cannot(run, "the JSON in the answer takes too much work to find");
        return;
    }
    check_score(
        run, 0,
        n == 0 ? arena_printf(run->arena, "none in " SLICE_FMT, SLICE_ARG(check_quote(run, run->a->text)))
               : arena_printf(run->arena, "%u of which none is valid; of the first: " SLICE_FMT, n,
                              SLICE_ARG(first)));
}

/* ---- tool calls ---- */

/* Does this call have such arguments? *ret_why when not. */
static bool fits(struct check_run *run, struct slice arguments, struct slice *ret_why) {
    const struct check *c = run->c;
    struct error why = {.fault = FAULT_NONE};
    struct json_doc d;
    if (c->schema == NULL && c->json_node == JSON_NONE) return true;
    if (slice_trim(arguments).len == 0)
        arguments = SLICE("{}"); /* some providers say nothing for no arguments */
    if (!parse(run, arguments, &d, &why)) {
        *ret_why = arena_printf(run->arena, "arguments that are not JSON: %s", why.text);
        return false;
    }
    enum against a = hold(run, &d, ret_why);
    if (a == AGAINST_UNKNOWN) check_cannot(run, "the schema cannot tell: " SLICE_FMT, SLICE_ARG(*ret_why));
    if (a != AGAINST_VALID) return false;
    if (c->json_node == JSON_NONE) return true;
    bool equal = c->partial ? json_value_within(&c->json, c->json_node, &d, 0, run->arena)
                            : json_value_equal(&c->json, c->json_node, &d, 0, run->arena);
    if (!equal)
        *ret_why =
            arena_printf(run->arena, "the arguments " SLICE_FMT, SLICE_ARG(check_quote(run, arguments)));
    return equal;
}

static struct slice called_names(struct check_run *run) {
    struct buffer names;
    buffer_init(&names, 400);
    for (unsigned i = 0; i < run->a->n_calls; i++)
        buffer_printf(&names, "%s" SLICE_FMT, i > 0 ? ", " : "",
                      SLICE_ARG(text_excerpt(run->a->calls[i].name, 40, run->arena)));
    struct slice all = run->a->n_calls == 0
                           ? SLICE("no tool call")
                           : arena_printf(run->arena, "calls of " SLICE_FMT, SLICE_ARG(buffer_slice(&names)));
    buffer_deinit(&names);
    return all;
}

void check_run_tool_call(struct check_run *run) {
    const struct check *c = run->c;
    struct slice name = c->texts[0].text, why = SLICE_NULL, first = SLICE_NULL;
    int64_t named = 0, fitting = 0;
    for (unsigned i = 0; i < run->a->n_calls && !run->failed; i++) {
        if (!slice_eq(run->a->calls[i].name, name)) continue;
        named++;
        if (fits(run, run->a->calls[i].arguments, &why)) fitting++;
        else if (slice_is_null(first)) first = why;
    }
    if (run->failed) return;
    bool holds = fitting >= c->min && (c->max < 0 || fitting <= c->max);
    struct slice times = c->max < 0 ? arena_printf(run->arena, "at least %lld times", (long long)c->min)
                         : c->min == c->max ? arena_printf(run->arena, "%lld times", (long long)c->min)
                                            : arena_printf(run->arena, "%lld to %lld times",
                                                           (long long)c->min, (long long)c->max);
    run->wanted = arena_printf(
        run->arena, "call " SLICE_FMT "%s " SLICE_FMT, SLICE_ARG(check_quote(run, name)),
        c->schema != NULL || c->json_node != JSON_NONE ? " with such arguments" : "", SLICE_ARG(times));
    check_score(run, holds,
                named == 0 ? called_names(run)
                : slice_is_null(first)
                    ? arena_printf(run->arena, "%lld", (long long)fitting)
                    : arena_printf(run->arena, "%lld of %lld calls; of another: " SLICE_FMT,
                                   (long long)fitting, (long long)named, SLICE_ARG(first)));
}

static bool is_among(const struct slice *names, unsigned n, struct slice name) {
    for (unsigned i = 0; i < n; i++)
        if (slice_eq(names[i], name)) return true;
    return false;
}

void check_run_tool_f1(struct check_run *run) {
    const struct check *c = run->c;
    struct slice *want = arena_new_array(run->arena, struct slice, c->n_texts);
    struct slice *have = arena_new_array(run->arena, struct slice, run->a->n_calls);
    unsigned wanted = 0, had = 0, both = 0;
    if (want == NULL || have == NULL) return;
    for (unsigned i = 0; i < c->n_texts; i++) {
        struct slice name;
        if (!check_text_at(run, i, &name)) return;
        if (!is_among(want, wanted, name)) want[wanted++] = name;
    }
    for (unsigned i = 0; i < run->a->n_calls; i++)
        if (!is_among(have, had, run->a->calls[i].name)) have[had++] = run->a->calls[i].name;
    for (unsigned i = 0; i < had; i++) both += is_among(want, wanted, have[i]);
    double f1 = both > 0 ? 2.0 * both / (wanted + had) : 0;
    run->wanted =
        arena_printf(run->arena, "call the %u tools named, with an F1 of at least %g", wanted, c->threshold);
    check_score(run, f1, arena_printf(run->arena, "%.4f: " SLICE_FMT, f1, SLICE_ARG(called_names(run))));
}
