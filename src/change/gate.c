#include "change/gate.h"

#include "base/clock.h"

#include <math.h>
#include <stdio.h>

const char *gate_verdict_name(enum gate_verdict v) {
    return v == GATE_SAYS_NO ? "no" : v == GATE_SAYS_YES ? "yes" : "not enough evidence";
}

/* Of one suite; *ret_why: what it lacks, "" for yes. */
static enum gate_verdict decide_suite(const struct gate *g, const struct gate_suite *s, struct arena *arena, struct slice *ret_why) {
    bool loses = !isnan(g->max_drop) && s->control_run != 0 && !(s->lost_at_most <= g->max_drop);
    *ret_why = SLICE("");
    if (s->required == GATE_SAYS_NO || s->compared < 0) return GATE_SAYS_NO;
    if (s->required != GATE_SAYS_YES || s->run == 0) return GATE_SAYS_NOTHING;
    if (s->rate < g->pass_rate) {
        *ret_why = arena_printf(arena, "%.1f %% passed, and its class asks for %.1f %% (change_policy)", 100 * s->rate, 100 * g->pass_rate);
        return GATE_SAYS_NO;
    }
    if (!loses) return GATE_SAYS_YES;
    if (isnan(s->lost_at_most)) *ret_why = SLICE("how much of the pass rate is lost against production is not known");
    else
        *ret_why = arena_printf(arena, "up to %.1f points of the pass rate may be lost against production, and max_drop is %.1f: more cases would tell",
                                100 * s->lost_at_most, 100 * g->max_drop);
    return GATE_SAYS_NOTHING;
}

static struct slice sentence(const struct gate_suite *s, struct slice more, struct arena *arena) {
    return arena_printf(arena, "suite " SLICE_FMT ": " SLICE_FMT "%s" SLICE_FMT, SLICE_ARG(s->suite), SLICE_ARG(s->why),
                        s->why.len > 0 && more.len > 0 ? "; " : "", SLICE_ARG(more));
}

enum gate_verdict gate_decide(const struct gate *g, struct arena *arena, struct slice *ret_why) {
    enum gate_verdict all = GATE_SAYS_YES;
    struct slice why = SLICE("");
    if (!slice_is_null(g->problem) || g->n == 0) {
        *ret_why = !slice_is_null(g->problem) ? g->problem : SLICE("no suite is bound: name one in `suites` of the prompt, or in `suites` of its class in change_policy");
        return GATE_SAYS_NOTHING;
    }
    for (unsigned i = 0; i < g->n; i++) { /* the worst decides, and all that are as bad are told */
        struct slice more;
        enum gate_verdict v = decide_suite(g, &g->suites[i], arena, &more);
        struct slice words = sentence(&g->suites[i], more, arena);
        if (v > all) continue;
        why = v < all || why.len == 0 ? words : arena_printf(arena, SLICE_FMT ". " SLICE_FMT, SLICE_ARG(why), SLICE_ARG(words));
        all = v;
    }
    *ret_why = why;
    return all;
}

static void put_time(struct json_writer *w, const char *key, int64_t us) {
    char text[CLOCK_TEXT];
    if (us > 0) clock_format(us, text);
    json_member_text(w, key, us > 0 ? text : NULL);
}

static void put_run(struct json_writer *w, const char *key, int64_t number) {
    char text[32];
    snprintf(text, sizeof text, "run-%lld", (long long)number);
    json_member_text(w, key, number > 0 ? text : NULL);
}

static void put_suite(struct json_writer *w, const struct gate_suite *s) {
    json_object(w);
    json_member_string(w, "suite", s->suite);
    json_member_i64(w, "version", s->version);
    put_run(w, "run", s->run);
    put_run(w, "control_run", s->control_run);
    json_member_text(w, "required", gate_verdict_name(s->required));
    json_member_double(w, "pass_rate", s->rate);
    json_member_double(w, "control_pass_rate", s->control_rate);
    json_member_text(w, "compared", s->control_run == 0 ? NULL : s->compared < 0 ? "worse" : s->compared > 0 ? "better" : "no_evidence");
    json_member_double(w, "lost_at_most", s->lost_at_most);
    json_member_string(w, "why", s->why);
    json_object_end(w);
}

void gate_write(const struct gate *g, const char *state, enum gate_verdict v, struct slice why, int64_t begun_us, int64_t ended_us, struct json_writer *w) {
    bool done = strcmp(state, "done") == 0;
    json_object(w);
    json_member_text(w, "state", state);
    json_member_text(w, "verdict", done ? gate_verdict_name(v) : NULL);
    json_member_string(w, "why", why);
    json_key(w, "control");
    if (g->control > 0) json_put_i64(w, g->control);
    else json_put_null(w);
    json_member_double(w, "max_drop", g->max_drop);
    json_key(w, "suites");
    json_array(w);
    for (unsigned i = 0; i < g->n; i++) put_suite(w, &g->suites[i]);
    json_array_end(w);
    put_time(w, "begun", begun_us);
    put_time(w, "ended", ended_us);
    json_object_end(w);
}

/* ---- later ---- */

static void add_name(struct slice *names, unsigned *n, struct slice name) {
    for (unsigned i = 0; i < *n; i++)
        if (slice_eq(names[i], name)) return;
    if (name.len > 0 && *n < GATE_SUITES) names[(*n)++] = name;
}

unsigned gate_suites(struct slice facts, const struct class_policy *p, struct arena *arena, struct slice names[GATE_SUITES]) {
    struct json_doc d;
    uint32_t cursor = JSON_NONE, item;
    unsigned n = 0;
    if (!slice_is_null(facts) && json_read(facts, arena, UINT16_MAX, &d, NULL) == FAULT_NONE)
        while (json_each_item(&d, json_get(&d, 0, "suites"), &cursor, &item)) add_name(names, &n, json_string(&d, item, arena));
    for (unsigned i = 0; i < p->n_suites; i++) add_name(names, &n, p->suites[i]);
    return n;
}

static bool was_run(const struct json_doc *d, struct slice suite, struct arena *arena) {
    uint32_t cursor = JSON_NONE, item;
    while (json_each_item(d, json_get(d, 0, "suites"), &cursor, &item))
        if (slice_eq(json_string(d, json_get(d, item, "suite"), arena), suite)) return true;
    return false;
}

bool gate_stands(struct slice gate, int64_t production, struct slice facts, const struct class_policy *p, struct arena *arena, struct slice *ret_why) {
    struct slice names[GATE_SUITES];
    struct json_doc d;
    int64_t control = 0;
    unsigned n = gate_suites(facts, p, arena, names);
    *ret_why = SLICE("what it said cannot be read");
    if (slice_is_null(gate) || json_read(gate, arena, UINT16_MAX, &d, NULL) != FAULT_NONE) return false;
    if (!json_get_i64(&d, json_get(&d, 0, "control"), &control)) control = 0;
    if (control != production) {
        *ret_why = SLICE("another version went into production since it was asked");
        return false;
    }
    for (unsigned i = 0; i < n; i++) {
        if (was_run(&d, names[i], arena)) continue;
        *ret_why = arena_printf(arena, "the suite " SLICE_FMT " was bound since it was asked", SLICE_ARG(names[i]));
        return false;
    }
    return true;
}
