/* One look: texts, keys, and the way into the registry. The watchers are in watch_budgets.c, watch_pace.c,
 * watch_prices.c and watch_anomalies.c. */
#include "base/clock.h"
#include "base/mem.h"
#include "cost/watch_private.h"

#define TEXT_MOST (256 << 10)
#define ARENA_MOST (64u << 20)

void watch_look_begin(struct watch_look *l, const struct watch *w, int64_t now_us) {
    *l = (struct watch_look){.w = w, .now_us = now_us, .policy = w->policy(w->ctx)};
    arena_init(&l->arena, 16 << 10, ARENA_MOST);
    buffer_init(&l->text, TEXT_MOST);
}

void watch_look_end(struct watch_look *l) {
    mem_free(l->seen);
    mem_free(l->unsure);
    buffer_deinit(&l->text);
    arena_deinit(&l->arena);
    policy_drop(l->policy);
}

void watch_saw(struct watch_look *l, const struct finding *f) {
    if (l->n_seen == l->cap_seen)
        l->seen = mem_resize(l->seen, (l->cap_seen += 16 + l->cap_seen) * sizeof *l->seen);
    l->seen[l->n_seen++] = *f;
}

void watch_is_unsure(struct watch_look *l, struct slice key) {
    if (l->n_unsure == l->cap_unsure)
        l->unsure = mem_resize(l->unsure, (l->cap_unsure += 16 + l->cap_unsure) * sizeof *l->unsure);
    l->unsure[l->n_unsure++] = key;
}

enum fault watch_look_put(struct watch_look *l, uint64_t kinds, struct slice application,
                          struct error *error) {
    struct findings_look look = {kinds, application, l->seen, l->n_seen, l->unsure, l->n_unsure};
    struct findings_change change = {0};
    if (arena_is_full(&l->arena)) return error_set(error, FAULT_TOO_LARGE, "too many findings for one look");
    int64_t *ids = mem_new_array(int64_t, l->n_seen + 1);
    enum fault fault = findings_put(l->w->registry, &look, l->now_us, ids, &change, error);
    for (size_t i = 0; fault == FAULT_NONE && i < l->n_seen; i++) {
        if (ids[i] == 0) continue;
        l->seen[i].id = ids[i];
        if (l->w->opened != NULL) l->w->opened(l->w->ctx, &l->seen[i]);
    }
    mem_free(ids);
    if (fault == FAULT_NONE && change.left_off > 0)
        fault = error_set(error, FAULT_NO_SPACE,
                          "%u findings could not be kept: %u are, all of them open; dismiss some",
                          change.left_off, LIMIT_FINDINGS);
    return fault;
}

/* ---- texts ---- */

struct buffer *watch_text(struct watch_look *l) {
    buffer_clear(&l->text);
    return &l->text;
}

struct json_writer *watch_json(struct watch_look *l) {
    json_start(&l->json, watch_text(l));
    return &l->json;
}

struct slice watch_take(struct watch_look *l) {
    return arena_slice(&l->arena, buffer_slice(&l->text));
}

void watch_put_usd(struct json_writer *w, const char *key, int64_t nano) {
    char text[MONEY_TEXT];
    money_format(nano, text);
    json_member_raw(w, key, slice_of(text));
}

void watch_put_time(struct json_writer *w, const char *key, int64_t wall_us) {
    char text[CLOCK_TEXT];
    clock_format(wall_us, text);
    json_member_text(w, key, text);
}

void watch_print_usd(struct buffer *out, int64_t nano) {
    char text[MONEY_TEXT];
    money_words(nano, text);
    buffer_append(out, slice_of(text));
}

void watch_print_when(struct buffer *out, int64_t wall_us) {
    char text[CLOCK_TEXT];
    clock_words(wall_us, text);
    buffer_append(out, slice_of(text));
}

void watch_print_time(struct buffer *out, int64_t wall_us) {
    char text[CLOCK_TEXT];
    clock_format(wall_us, text);
    if (wall_us % 1000000 == 0) buffer_printf(out, "%.19sZ", text);
    else buffer_append(out, slice_of(text));
}

static bool is_plain(struct slice s) {
    for (size_t i = 0; i < s.len; i++) {
        char c = s.at[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    (c != 0 && strchr("-_./@:", c) != NULL);
        if (!word) return false;
    }
    return s.len > 0 && s.at[0] != '-';
}

void watch_print_option(struct buffer *out, const char *option, struct slice value) {
    if (slice_is_null(value)) return;
    buffer_printf(out, " %s", option);
    if (is_plain(value)) {
        buffer_printf(out, "%s" SLICE_FMT, option[0] != 0 ? " " : "", SLICE_ARG(value));
        return;
    }
    if (option[0] != 0) buffer_byte(out, value.len > 0 && value.at[0] == '-' ? '=' : ' ');
    buffer_byte(out, '\'');
    for (size_t i = 0; i < value.len; i++)
        if (value.at[i] == '\'') buffer_append(out, SLICE("'\\''"));
        else buffer_byte(out, value.at[i]);
    buffer_byte(out, '\'');
}

/* ---- budgets ---- */

struct own {
    const struct policy *policy;
    void (*each)(void *arg, const struct budget_view *v);
    void *arg;
    bool others;
};

static void pass_own(void *arg, const struct budget_view *v) {
    struct own *o = arg;
    uintptr_t at = (uintptr_t)v->budget, from = (uintptr_t)o->policy->budgets;
    if (o->policy->n_budgets > 0 && at >= from && at < from + o->policy->n_budgets * sizeof *v->budget)
        o->each(o->arg, v);
    else o->others = true;
}

void watch_each_budget(struct watch_look *l, void (*each)(void *arg, const struct budget_view *v), void *arg,
                       bool *ret_others) {
    struct own o = {l->policy, each, arg, false};
    l->w->budgets(l->w->ctx, pass_own, &o);
    *ret_others = o.others;
}

struct slice watch_application(const struct budget_view *v) {
    const struct scope *s = &v->budget->scope;
    for (unsigned i = 0; i < s->n_terms; i++)
        if (s->terms[i].by == SCOPE_BY_APPLICATION) return v->values[i];
    return SLICE_NULL;
}

void watch_print_scope(struct buffer *out, const struct budget_view *v) {
    const struct scope *s = &v->budget->scope;
    for (unsigned i = 0; i < s->n_terms; i++) {
        const struct scope_term *t = &s->terms[i];
        buffer_printf(out, "%s%s=%s%s" SLICE_FMT, i > 0 ? ", " : "", scope_dimension_name(t->by),
                      t->tag != NULL ? t->tag : "", t->tag != NULL ? "=" : "",
                      SLICE_ARG(slice_is_null(v->values[i]) ? SLICE("*") : v->values[i]));
    }
    if (s->n_terms == 0) buffer_append(out, SLICE("everything"));
}

void watch_print_filters(struct buffer *out, const struct budget_view *v) {
    static const char *const options[SCOPE_DIMENSIONS] = {
        [SCOPE_BY_APPLICATION] = "--application",  [SCOPE_BY_TEAM] = "--team", [SCOPE_BY_USER] = "--user",
        [SCOPE_BY_FEATURE] = "--feature",          [SCOPE_BY_KEY] = "--key",   [SCOPE_BY_MODEL] = "--model",
        [SCOPE_BY_REQUEST_TYPE] = "--request-type"};
    const struct scope *s = &v->budget->scope;
    for (unsigned i = 0; i < s->n_terms; i++)
        if (options[s->terms[i].by] != NULL) watch_print_option(out, options[s->terms[i].by], v->values[i]);
}

struct slice watch_budget_key(struct watch_look *l, enum finding_kind kind, const struct budget_view *v,
                              double share, bool many) {
    struct json_writer *w = watch_json(l);
    json_array(w);
    json_put_text(w, finding_kind_name(kind));
    json_put_text(w, v->budget->name);
    json_put_i64(w, v->window.start_us / 1000000);
    json_put_double(w, share);
    for (unsigned i = 0; i < v->budget->scope.n_terms && !many; i++) json_put_string(w, v->values[i]);
    json_array_end(w);
    return watch_take(l);
}

void watch_put_budget(struct json_writer *w, const struct budget_view *v) {
    struct buffer scope;
    buffer_init(&scope, TEXT_MOST);
    watch_print_scope(&scope, v);
    json_member_text(w, "budget", v->budget->name);
    json_member_string(w, "scope", buffer_slice(&scope));
    watch_put_time(w, "window_start", v->window.start_us);
    watch_put_time(w, "window_end", v->window.end_us);
    watch_put_usd(w, "limit_usd", v->budget->limit_nano);
    watch_put_usd(w, "spent_usd", v->spent_nano);
    json_member_i64(w, "unpriced", (int64_t)v->unpriced);
    buffer_deinit(&scope);
}
