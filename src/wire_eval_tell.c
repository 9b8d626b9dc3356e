/* What a run that the server made means: findings, with what they rest on and how often they are wrong. */
#include "wire_eval.h"

#include "control/eval_runs.h"
#include "quality/compare.h"
#include "base/clock.h"
#include "store/findings.h"
#include "store/triggers.h"

#include <stdio.h>

#define CONFIDENCE 0.95
#define ALPHA_WORSE ((1 - CONFIDENCE) / 2) /* the interval is two-sided: this much lies below it by chance */
#define KINDS (FINDING_BIT(EVAL_FAILED) | FINDING_BIT(EVAL_WORSE) | FINDING_BIT(MODEL_CHANGED))
enum { SEEN = 3, ROOM_FIRST = 1 << 20 };
#define ROOM_MAX (8 * (size_t)LIMIT_SUITE_FILE)

struct telling {
    struct evaluations *e;
    const struct eval_told *t;
    struct arena *arena;
    struct finding seen[SEEN];
    unsigned n;
    struct slice comparison; /* JSON; SLICE_NULL: there is nothing to compare with */
    int64_t baseline;
    int answer;              /* of the comparison: -1 worse, 0 no evidence, 1 better */
};

/* ---- the run that it is held against ---- */

struct accepted {
    int64_t before, number;
};
static bool look_for_accepted(void *ctx, const struct run_row *r) {
    struct accepted *a = ctx;
    if (r->number < a->before && r->state == RUN_FINISHED && slice_is(r->verdict, "passed")) a->number = r->number;
    return a->number == 0;
}

/* The named reference, else the newest run before it that passed; 0: none. */
static enum fault find_baseline(struct telling *g, int64_t *ret, struct error *error) {
    struct accepted a = {.before = g->t->run->number};
    enum fault fault = run_reference(g->e, g->t->suite->name, ret, error);
    if (fault != FAULT_NONE || (*ret != 0 && *ret != g->t->run->number)) return fault;
    fault = run_list(g->e, g->t->suite->name, INT64_MAX, g->arena, look_for_accepted, &a, error);
    *ret = a.number;
    return fault;
}

struct adding {
    struct compare *compare;
    bool candidate;
    struct arena arena;
    enum fault fault;
    struct error *error;
};
static bool add(void *ctx, const struct run_result *r) {
    struct adding *a = ctx;
    struct json_doc d;
    struct result result;
    arena_reset(&a->arena);
    a->fault = json_read(r->body, &a->arena, UINT16_MAX, &d, a->error);
    if (a->fault == FAULT_NONE) a->fault = result_read(&d, 0, &a->arena, &result, a->error);
    if (a->fault == FAULT_NONE) compare_add(a->compare, a->candidate, &result);
    return a->fault == FAULT_NONE;
}

static enum fault add_all(struct evaluations *e, struct compare *c, bool candidate, int64_t number, struct error *error) {
    struct adding a = {.compare = c, .candidate = candidate, .error = error};
    arena_init(&a.arena, 64 << 10, 4 * (size_t)LIMIT_REPLY_BODY);
    enum fault fault = run_results(e, number, -1, -1, -1, NULL, add, &a, error);
    arena_deinit(&a.arena);
    return fault == FAULT_NONE ? a.fault : fault;
}

enum fault eval_compare(struct evaluations *e, int64_t baseline, const struct suite *of, int64_t candidate, const struct suite *with,
                        struct buffer *out, int *ret, struct error *error) {
    struct json_writer w;
    struct compare *c = compare_new(of, with, CONFIDENCE);
    enum fault fault = add_all(e, c, false, baseline, error);
    if (fault == FAULT_NONE) fault = add_all(e, c, true, candidate, error);
    if (fault == FAULT_NONE) {
        json_start(&w, out);
        json_object(&w);
        *ret = compare_write(c, &w);
        json_object_end(&w);
    }
    compare_free(c);
    return fault;
}

static enum fault compare_with(struct telling *g, const struct run_row *baseline, const struct suite *of, struct error *error) {
    struct buffer out;
    buffer_init(&out, 4 << 20);
    enum fault fault = eval_compare(g->e, baseline->number, of, g->t->run->number, g->t->suite, &out, &g->answer, error);
    if (fault == FAULT_NONE) g->comparison = out.overflow ? SLICE_NULL : arena_slice(g->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return fault;
}

static enum fault compare_runs(struct telling *g, struct error *error) {
    struct run_row baseline;
    struct suite of = {.n_cases = 0};
    enum fault fault = find_baseline(g, &g->baseline, error);
    if (fault != FAULT_NONE || g->baseline == 0) return fault;
    fault = run_find(g->e, g->baseline, g->arena, &baseline, error);
    if (fault == FAULT_NONE) fault = eval_kept_suite(g->e, &baseline, g->arena, &of, error);
    if (fault == FAULT_NONE) fault = compare_with(g, &baseline, &of, error);
    suite_deinit(&of);
    return fault;
}

/* ---- findings ---- */

static struct slice key_of(struct arena *arena, struct slice suite, const char *kind) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 4 << 10);
    json_start(&w, &out);
    json_array(&w);
    json_put_text(&w, kind);
    json_put_string(&w, suite);
    json_array_end(&w);
    struct slice key = arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return key;
}

/* The change as it was kept, and how much of the traffic has come from the new version since. */
static void put_change(struct evaluations *e, struct slice change, struct arena *arena, struct json_writer *w) {
    struct json_doc d;
    struct model_share s;
    char at[CLOCK_TEXT];
    json_member_raw(w, "change", change);
    json_key(w, "traffic");
    struct model_answer a = {.model = SLICE_NULL};
    bool good = json_read(change, arena, 2, &d, NULL) == FAULT_NONE;
    if (good)
        a = (struct model_answer){json_string(&d, json_get(&d, 0, "model"), arena), json_string(&d, json_get(&d, 0, "provider"), arena),
                                  json_string(&d, json_get(&d, 0, "target_model"), arena), json_string(&d, json_get(&d, 0, "upstream_model"), arena),
                                  json_string(&d, json_get(&d, 0, "system_fingerprint"), arena)};
    if (!good || model_share(e, &a, &s, NULL) != FAULT_NONE) {
        json_put_null(w);
        return;
    }
    clock_format(s.first_us, at);
    json_object(w);
    json_member_text(w, "first_seen", at);
    json_member_i64(w, "answers", s.answers);
    json_member_i64(w, "answers_of_the_target_since", s.of);
    json_key(w, "share");
    if (s.of > 0) json_put_double(w, (double)s.answers / (double)s.of);
    else json_put_null(w);
    json_object_end(w);
}

static struct slice write_evidence(struct telling *g, bool compared) {
    struct buffer out;
    struct json_writer w;
    char run[32];
    const struct eval_told *t = g->t;
    buffer_init(&out, 8 << 20);
    json_start(&w, &out);
    json_object(&w);
    (void)snprintf(run, sizeof run, "run-%lld", (long long)t->run->number);
    json_member_text(&w, "run", run);
    json_member_string(&w, "suite", t->suite->name);
    json_member_i64(&w, "suite_version", t->run->suite_version);
    json_member_text(&w, "trigger", t->trigger);
    json_member_string(&w, "verdict", t->run->verdict);
    if (!slice_is_null(t->run->summary)) json_member_raw(&w, "summary", t->run->summary);
    if (compared) {
        (void)snprintf(run, sizeof run, "run-%lld", (long long)g->baseline);
        json_member_text(&w, "compared_with", run);
        json_member_raw(&w, "comparison", g->comparison);
        json_key(&w, "false_alarms");
        json_object(&w);
        json_member_double(&w, "each_look_at_most", ALPHA_WORSE);
        json_member_text(&w, "threshold_from", "the 95 % interval of the paired difference lies below 0");
        json_key(&w, "looks_a_month");
        if (t->runs_a_month > 0) json_put_i64(&w, t->runs_a_month);
        else json_put_null(&w);
        json_key(&w, "expected_a_month_at_most");
        if (t->runs_a_month > 0) json_put_double(&w, ALPHA_WORSE * t->runs_a_month);
        else json_put_null(&w);
        json_object_end(&w);
    }
    if (!slice_is_null(t->change)) put_change(g->e, t->change, g->arena, &w);
    json_object_end(&w);
    struct slice evidence = out.overflow ? SLICE("{}") : arena_slice(g->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return evidence;
}

static void put(struct telling *g, enum finding_kind kind, struct slice title, struct slice command) {
    g->seen[g->n++] = (struct finding){.kind = kind, .key = key_of(g->arena, g->t->suite->name, finding_kind_name(kind)), .application = g->t->suite->run_as_application,
                                       .title = title, .evidence = write_evidence(g, g->baseline != 0 && !slice_is_null(g->comparison)), .command = command};
}

static void find(struct telling *g) {
    const struct eval_told *t = g->t;
    long long run = (long long)t->run->number;
    struct slice show = arena_printf(g->arena, "quarterdeck eval show run-%lld", run);
    struct slice compare = arena_printf(g->arena, "quarterdeck eval compare run-%lld run-%lld", (long long)g->baseline, run);
    bool worse = g->baseline != 0 && g->answer < 0, well = slice_is(t->run->verdict, "passed") && !worse;
    if (slice_is(t->run->verdict, "failed"))
        put(g, FINDING_EVAL_FAILED,
            arena_printf(g->arena, "suite " SLICE_FMT " does not hold what it requires: run-%lld failed", SLICE_ARG(t->suite->name), run), show);
    if (worse)
        put(g, FINDING_EVAL_WORSE,
            arena_printf(g->arena, "suite " SLICE_FMT ": run-%lld is surely worse than run-%lld", SLICE_ARG(t->suite->name), run, (long long)g->baseline), compare);
    if (!slice_is_null(t->change) && !well)
        put(g, FINDING_MODEL_CHANGED,
            arena_printf(g->arena, "another version of a model answers, and suite " SLICE_FMT " is not shown to be as good with it (run-%lld: " SLICE_FMT ")",
                         SLICE_ARG(t->suite->name), run, SLICE_ARG(t->run->verdict)),
            g->baseline != 0 ? compare : show);
}

/* Those of other suites stay as they are; so do this one's where the run has no answer. */
static enum fault keep_others(struct telling *g, struct registry *r, struct slice **ret, size_t *ret_n, struct error *error) {
    struct finding *open = NULL;
    unsigned n = 0;
    bool passed = slice_is(g->t->run->verdict, "passed"), worse = g->baseline != 0 && g->answer < 0;
    enum fault fault = findings_list(r, &(struct findings_filter){.kinds = KINDS, .states = 1u << FINDING_OPEN, .limit = LIMIT_PAGE}, g->arena, &open, &n, error);
    *ret = arena_new_array(g->arena, struct slice, n + 1);
    *ret_n = 0;
    for (unsigned i = 0; i < n && fault == FAULT_NONE && *ret != NULL; i++) {
        bool ours = slice_eq(open[i].key, key_of(g->arena, g->t->suite->name, finding_kind_name(open[i].kind)));
        bool answered = open[i].kind == FINDING_EVAL_FAILED ? !slice_is(g->t->run->verdict, "inconclusive") : passed && !worse;
        if (!ours || !answered) (*ret)[(*ret_n)++] = open[i].key;
    }
    return fault;
}

enum fault eval_tell(struct evaluations *e, struct registry *r, const struct eval_told *t, int64_t now_us,
                     void (*opened)(void *ctx, const struct finding *f), void *ctx, struct error *error) {
    struct arena arena;
    struct findings_change change;
    struct slice *unsure = NULL;
    size_t n_unsure = 0;
    int64_t ids[SEEN] = {0};
    arena_init(&arena, ROOM_FIRST, ROOM_MAX);
    struct telling g = {.e = e, .t = t, .arena = &arena};
    enum fault fault = compare_runs(&g, error);
    if (t->ret_baseline != NULL) *t->ret_baseline = slice_is_null(g.comparison) ? 0 : g.baseline;
    if (t->ret_answer != NULL) *t->ret_answer = g.answer;
    if (fault == FAULT_NONE) find(&g);
    if (fault == FAULT_NONE) fault = keep_others(&g, r, &unsure, &n_unsure, error);
    if (fault == FAULT_NONE && arena_is_full(&arena)) fault = error_set(error, FAULT_TOO_LARGE, "no room for what the run means");
    if (fault == FAULT_NONE)
        fault = findings_put(r, &(struct findings_look){.kinds = KINDS, .seen = g.seen, .n_seen = g.n, .unsure = unsure, .n_unsure = n_unsure}, now_us, ids,
                             &change, error);
    for (unsigned i = 0; i < g.n && fault == FAULT_NONE; i++) {
        g.seen[i].id = ids[i];
        if (ids[i] != 0) opened(ctx, &g.seen[i]);
    }
    arena_deinit(&arena);
    return fault;
}

enum fault eval_tell_change(struct evaluations *e, struct registry *r, struct slice suite, struct slice application, struct slice change,
                            int64_t now_us, void (*opened)(void *ctx, const struct finding *f), void *ctx, struct error *error) {
    struct arena arena;
    struct buffer out;
    struct json_writer w;
    struct findings_change done;
    struct finding *open = NULL;
    unsigned n = 0;
    size_t n_unsure = 0;
    int64_t id = 0;
    const char *kind = finding_kind_name(FINDING_MODEL_CHANGED);
    arena_init(&arena, 64 << 10, ROOM_MAX);
    buffer_init(&out, 1 << 20);
    json_start(&w, &out);
    json_object(&w);
    json_member_string(&w, "suite", suite);
    put_change(e, change, &arena, &w);
    json_object_end(&w);
    struct finding f = {.kind = FINDING_MODEL_CHANGED, .key = key_of(&arena, suite, kind), .application = application,
                        .title = arena_printf(&arena, "another version of a model answers, and suite " SLICE_FMT " is being run for it", SLICE_ARG(suite)),
                        .evidence = arena_slice(&arena, buffer_slice(&out)), .command = SLICE("quarterdeck eval schedule list")};
    buffer_deinit(&out);
    enum fault fault = findings_list(r, &(struct findings_filter){.kinds = FINDING_BIT(MODEL_CHANGED), .states = 1u << FINDING_OPEN, .limit = LIMIT_PAGE},
                                     &arena, &open, &n, error);
    struct slice *unsure = arena_new_array(&arena, struct slice, n + 1);
    for (unsigned i = 0; fault == FAULT_NONE && unsure != NULL && i < n; i++)
        if (!slice_eq(open[i].key, f.key)) unsure[n_unsure++] = open[i].key;
    if (fault == FAULT_NONE && arena_is_full(&arena)) fault = error_set(error, FAULT_TOO_LARGE, "no room for the change of a model");
    if (fault == FAULT_NONE)
        fault = findings_put(r, &(struct findings_look){.kinds = FINDING_BIT(MODEL_CHANGED), .seen = &f, .n_seen = 1, .unsure = unsure, .n_unsure = n_unsure},
                             now_us, &id, &done, error);
    f.id = id;
    if (fault == FAULT_NONE && id != 0) opened(ctx, &f);
    arena_deinit(&arena);
    return fault;
}
