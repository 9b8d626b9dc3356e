/* wire_gate_run.c - one gate, see wire_gate_parts.h: each suite with the candidate and with what is in production, by turns. */
#include "wire_eval.h"
#include "wire_gate_parts.h"

#include "base/clock.h"
#include "change/gate.h"
#include "control/eval_runs.h"
#include "store/definitions.h"

#include <math.h>
#include <stdio.h>

#define DAY_US (24 * 3600 * 1000000LL)
enum { WHO_MOST = 192, AS_MOST = 2 * DIGEST_BYTES + 64, HEADER_MOST = 400 };

struct work {
    const struct gate_order *o;
    struct arena *arena;
    struct gate_suite *at;      /* the suite that is looked at */
    struct suite suite;
    struct slice application, key; /* who asks */
    struct change_version asks;    /* of a knowledge base's suite that only names a prompt: what of it is in production; version 0 */
    char who[WHO_MOST], as[AS_MOST];
};

static bool is_knowledge(const struct work *k) { return slice_is(k->o->candidate->kind, "knowledge"); }

/* ---- which suites, and who asks ---- */

static bool asks_programs(const struct suite *s) {
    for (unsigned c = 0; c < s->n_cases; c++)
        for (unsigned i = 0; i < suite_check_count(s, &s->cases[c]); i++)
            if (check_by(suite_check_at(s, &s->cases[c], i)) == CHECK_BY_PROGRAM) return true;
    return false;
}

static const struct api_key *key_of(const struct work *k) {
    size_t cursor = 0;
    struct slice digest;
    void *value;
    while (table_next(&k->o->policy->key_by_digest, &cursor, &digest, &value)) {
        const struct api_key *key = value;
        if (slice_is(k->key, key->name) && slice_is(k->application, key->application->name)) return key;
    }
    return NULL;
}

/* Whose key asks; SLICE_NULL: it can be asked. Else what to do about it. */
static struct slice who_asks(struct work *k) {
    const struct change_policy *c = &k->o->policy->change;
    bool own = !slice_is_null(k->suite.run_as_application);
    char hex[2 * DIGEST_BYTES + 1];
    k->application = own ? k->suite.run_as_application : c->run_as.application;
    k->key = own ? k->suite.run_as_key : c->run_as.key;
    if (k->key.len == 0 || k->application.len == 0)
        return SLICE("nobody is named whose key asks: add `run_as: {application: NAME, key: NAME}` to the suite, or to change_policy in quarterdeck.yaml");
    const struct api_key *key = key_of(k);
    if (key == NULL)
        return arena_printf(k->arena, "the application " SLICE_FMT " has no valid key of the name " SLICE_FMT " (`run_as` of %s)", SLICE_ARG(k->application),
                            SLICE_ARG(k->key), own ? "the suite" : "change_policy");
    if (!k->o->policy->server.evaluation.programs && asks_programs(&k->suite))
        return SLICE("it has checks by programs, which the server starts only with `evaluation: {programs: allow}`");
    digest_hex(key->digest.bytes, DIGEST_BYTES, hex);
    (void)snprintf(k->who, sizeof k->who, "authorization: Bearer %s", k->o->credential);
    (void)snprintf(k->as, sizeof k->as, "x-quarterdeck-inside-key: %s", hex);
    return SLICE_NULL;
}

/* ---- runs ---- */

/* Of a run's summary. *ret_whole: nothing ended it, and each case has an answer. */
static void read_summary(const struct run_row *r, struct arena *arena, double *ret_rate, struct slice *ret_why, bool *ret_whole) {
    struct json_doc d;
    *ret_rate = NAN;
    int64_t errors = 0;
    *ret_why = SLICE("");
    *ret_whole = false;
    if (slice_is_null(r->summary) || json_read(r->summary, arena, 2, &d, NULL) != FAULT_NONE) return;
    if (!json_get_double(&d, json_get(&d, 0, "pass_rate"), ret_rate)) *ret_rate = NAN;
    struct slice why = json_string(&d, json_get(&d, 0, "why"), arena);
    if (!slice_is_null(why)) *ret_why = why;
    struct slice stopped = json_string(&d, json_get(&d, 0, "stopped"), arena);
    *ret_whole = r->state == RUN_FINISHED && slice_is_null(stopped) && json_get_i64(&d, json_get(&d, 0, "errors"), &errors) && errors == 0;
}

static struct slice label_of(const struct work *k, const struct change_version *v) {
    return arena_printf(k->arena, "%s" SLICE_FMT "@%lld", is_knowledge(k) ? "knowledge " : "", SLICE_ARG(v->name), (long long)v->version);
}

/* The prompt that is run; version 0: the suite's own. */
static const struct change_version *prompt_of(const struct work *k, const struct change_version *v) { return is_knowledge(k) ? &k->asks : v; }

struct looking {
    const struct work *k;
    const struct change_version *of, *v; /* v: of the prompt; version 0: the suite's own */
    struct slice label;
    int64_t since_us, number;
    struct arena *arena;
};
/* A run of the very same: suite, version, all cases. Production's is taken again when it is whole: else the provider's hour would last a day. */
static bool look_for_run(void *ctx, const struct run_row *r) {
    struct looking *l = ctx;
    double rate;
    struct slice why;
    bool whole;
    if (r->started_us < l->since_us - DAY_US) return false;
    bool same = digest_eq(&r->suite_digest, &l->k->suite.digest) && slice_eq(r->prompt, l->label) && slice_is_null(r->chosen) &&
                r->repeat == l->k->suite.repeat && (l->v->version == 0 || digest_eq(&r->prompt_digest, &l->v->digest));
    if (!same || r->state != RUN_FINISHED || r->started_us < l->since_us) return true;
    read_summary(r, l->arena, &rate, &why, &whole);
    if (whole || l->of == l->k->o->candidate) l->number = r->number;
    return l->number == 0;
}

static enum fault find_run(struct work *k, const struct change_version *v, int64_t since_us, int64_t *ret, struct error *error) {
    struct arena rows;
    struct looking l = {.k = k, .of = v, .v = prompt_of(k, v), .label = label_of(k, v), .since_us = since_us, .arena = k->arena};
    arena_init(&rows, 64 << 10, 64 << 20);
    enum fault fault = run_list(k->o->evaluations, k->suite.name, INT64_MAX, &rows, look_for_run, &l, error);
    arena_deinit(&rows);
    if (fault == FAULT_NONE) *ret = l.number;
    return fault;
}

static struct slice model_of(const struct change_version *v, struct arena *arena) {
    struct json_doc d;
    return json_read(v->body, arena, 1, &d, NULL) == FAULT_NONE ? json_string(&d, json_get(&d, 0, "model"), arena) : SLICE_NULL;
}

/* The run of `v`: one that is there already and began after `since_us`, or a new one. */
static enum fault run_of(struct work *k, const struct change_version *v, int64_t since_us, struct run_row *ret, struct error *error) {
    char kb[HEADER_MOST];
    int64_t found = 0;
    bool knowledge = is_knowledge(k);
    const struct change_version *prompt = prompt_of(k, v);
    const char *headers[] = {k->who, k->as, knowledge ? kb : NULL, NULL};
    const struct gate_order *o = k->o;
    enum fault fault = find_run(k, v, since_us, &found, error);
    if (fault != FAULT_NONE) return fault;
    if (found != 0) return run_find(o->evaluations, found, k->arena, ret, error);
    if (!o->wanted(o->ctx)) return error_set(error, FAULT_CONFLICT, "nobody waits for it any more");
    (void)snprintf(kb, sizeof kb, "x-quarterdeck-kb: " SLICE_FMT "@%lld", SLICE_ARG(v->name), (long long)v->version);
    const struct eval_run_order order = {.evaluations = o->evaluations, .url = o->url, .who = headers, .suite = k->suite.name, .trigger = "gate",
                                         .prompt = prompt->body, .label = label_of(k, v),
                                         .model = prompt->version != 0 ? model_of(prompt, k->arena) : SLICE_NULL, .since_us = since_us,
                                         .concurrent = o->policy->server.evaluation.concurrent,
                                         .max_cost_nano = o->policy->server.evaluation.max_cost_nano, .stop = o->stop, .wanted = o->wanted, .ctx = o->ctx};
    return eval_run_make(&order, k->arena, ret, error);
}

/* ---- what they say ---- */

static enum gate_verdict verdict_of(const struct run_row *r) {
    return slice_is(r->verdict, "passed") ? GATE_SAYS_YES : slice_is(r->verdict, "failed") ? GATE_SAYS_NO : GATE_SAYS_NOTHING;
}

static enum fault compare(struct work *k, const struct run_row *control, struct slice *ret_why, struct error *error) {
    struct buffer out;
    struct json_doc d;
    double low = NAN;
    bool reliable = false;
    buffer_init(&out, 16 << 20);
    enum fault fault = eval_compare(k->o->evaluations, control->number, &k->suite, k->at->run, &k->suite, &out, &k->at->compared, error);
    struct slice text = fault == FAULT_NONE && !out.overflow ? arena_slice(k->arena, buffer_slice(&out)) : SLICE_NULL;
    buffer_deinit(&out);
    if (fault != FAULT_NONE || slice_is_null(text) || json_read(text, k->arena, 3, &d, NULL) != FAULT_NONE) return fault;
    uint32_t interval = json_get(&d, 0, "interval");
    if (json_get_bool(&d, json_get(&d, 0, "reliable"), &reliable) && reliable && json_get_double(&d, json_item(&d, interval, 0), &low)) k->at->lost_at_most = -low;
    *ret_why = json_string(&d, json_get(&d, 0, "why"), k->arena);
    return fault;
}

static struct slice words(const struct work *k, const struct run_row *run, struct slice why, const struct run_row *control, struct slice compared) {
    struct slice first = arena_printf(k->arena, "run-%lld " SLICE_FMT "%s" SLICE_FMT, (long long)run->number, SLICE_ARG(run->verdict), why.len > 0 ? " (" : "",
                                      SLICE_ARG(why));
    if (why.len > 0) first = arena_printf(k->arena, SLICE_FMT ")", SLICE_ARG(first));
    if (control == NULL) return first;
    return arena_printf(k->arena, SLICE_FMT "; against " SLICE_FMT " in production (run-%lld): " SLICE_FMT, SLICE_ARG(first),
                        SLICE_ARG(label_of(k, k->o->control)), (long long)control->number, SLICE_ARG(compared));
}

/* The candidate first: what is surely not met needs no other run. */
static enum fault run_both(struct work *k, struct error *error) {
    struct run_row run = {.number = 0}, control = {.number = 0};
    struct slice why, compared = SLICE("");
    struct slice problem;
    bool whole;
    enum fault fault = run_of(k, k->o->candidate, k->o->begun_us, &run, error);
    if (fault != FAULT_NONE) return fault;
    k->at->run = run.number;
    k->at->required = verdict_of(&run);
    read_summary(&run, k->arena, &k->at->rate, &why, &whole);
    if (k->o->control == NULL || k->at->required == GATE_SAYS_NO) {
        k->at->why = words(k, &run, why, NULL, compared);
        return FAULT_NONE;
    }
    fault = run_of(k, k->o->control, k->o->now_us - DAY_US, &control, error);
    if (fault != FAULT_NONE) return fault;
    k->at->control_run = control.number;
    read_summary(&control, k->arena, &k->at->control_rate, &problem, &whole);
    fault = compare(k, &control, &compared, error);
    if (fault != FAULT_NONE) return fault;
    k->at->why = words(k, &run, why, &control, compared);
    if (whole) return FAULT_NONE;
    if (k->at->required == GATE_SAYS_YES) k->at->required = GATE_SAYS_NOTHING; /* what it lost cannot be seen */
    k->at->why = arena_printf(k->arena, SLICE_FMT ". The run of production's version is not whole (" SLICE_FMT "): ask again when it can be", SLICE_ARG(k->at->why), SLICE_ARG(problem));
    return FAULT_NONE;
}

/* ---- one suite ---- */

static enum fault read_suite(struct work *k, struct arena *room, struct error *error) {
    struct definition d;
    struct problems problems = {0};
    enum fault fault = definition_find(k->o->evaluations, SLICE("suite"), k->at->suite, SLICE_NULL, room, &d, error);
    if (fault == FAULT_NONE && suite_read(d.body, "suite", NULL, room, &k->suite, &problems) != FAULT_NONE)
        fault = error_set(error, FAULT_CONFIG, "it cannot be read: %s", problems.count > 0 ? problems.items[0].text : "no reason is known");
    if (fault == FAULT_NONE) k->at->version = d.version;
    return fault;
}

/* Of a prompt that a knowledge base's suite names and does not have: both runs ask what is in production of it. */
static enum fault find_prompt(struct work *k, struct error *error) {
    struct slice name = k->suite.prompt_name;
    k->asks = (struct change_version){.version = 0, .body = SLICE_NULL};
    if (!is_knowledge(k) || k->suite.has_prompt || slice_is_null(name)) return FAULT_NONE;
    enum fault fault = changes_version(k->o->registry, SLICE("prompt"), name, SLICE("production"), k->arena, &k->asks, error);
    if (fault != FAULT_NOT_FOUND) return fault;
    return error_set(error, FAULT_CONFIG, "it names the prompt " SLICE_FMT ", of which no version is in production", SLICE_ARG(name));
}

/* What cannot be run is told in `why`, and is no pass; FAULT_NONE. */
static enum fault one_suite(struct work *k, struct error *error) {
    struct arena room;
    struct slice problem;
    arena_init(&room, 1 << 20, 8 * (size_t)LIMIT_SUITE_FILE);
    k->suite = (struct suite){.n_cases = 0};
    enum fault fault = read_suite(k, &room, error);
    if (fault == FAULT_NOT_FOUND)
        k->at->why = SLICE("no suite of this name is registered: `quarterdeck apply` it, or take it out of `suites`");
    else if (fault == FAULT_NONE && !slice_is_null(problem = who_asks(k)))
        k->at->why = problem;
    else if (fault == FAULT_NONE && (fault = find_prompt(k, error)) == FAULT_NONE)
        fault = run_both(k, error);
    if (fault == FAULT_CONFIG || fault == FAULT_BAD_REQUEST || fault == FAULT_TOO_LARGE) k->at->why = arena_printf(k->arena, "%s", error->text);
    bool told = fault == FAULT_NOT_FOUND || fault == FAULT_CONFIG || fault == FAULT_BAD_REQUEST || fault == FAULT_TOO_LARGE;
    if (told && slice_is_null(k->at->why)) k->at->why = SLICE("it could not be run");
    if (told) k->at->required = GATE_SAYS_NOTHING;
    suite_deinit(&k->suite);
    arena_deinit(&room);
    return told ? FAULT_NONE : fault;
}

enum fault gate_make(const struct gate_order *o, struct arena *arena, struct slice *ret_json, struct slice *ret_why, struct error *error) {
    struct slice names[GATE_SUITES];
    struct gate_suite suites[GATE_SUITES];
    struct gate g = {.suites = suites, .n = gate_suites(o->candidate->facts, o->class, arena, names), .pass_rate = o->class->pass_rate, .max_drop = o->class->max_drop, .control = o->subject->production};
    struct work *k = arena_new(arena, struct work);
    struct buffer out;
    struct json_writer w;
    enum fault fault = k == NULL ? error_set(error, FAULT_TOO_LARGE, "no room for a gate") : FAULT_NONE;
    for (unsigned i = 0; i < g.n && fault == FAULT_NONE; i++) {
        suites[i] = (struct gate_suite){.suite = names[i], .required = GATE_SAYS_NOTHING, .rate = NAN, .control_rate = NAN, .lost_at_most = NAN, .why = SLICE_NULL};
        *k = (struct work){.o = o, .arena = arena, .at = &suites[i]};
        fault = atomic_load(o->stop) ? error_set(error, FAULT_SHUTTING_DOWN, "the server is stopping") : one_suite(k, error);
    }
    if (fault != FAULT_NONE) return fault;
    enum gate_verdict v = gate_decide(&g, arena, ret_why);
    buffer_init(&out, 4 << 20);
    json_start(&w, &out);
    gate_write(&g, "done", v, *ret_why, o->begun_us, clock_wall_us(), &w);
    *ret_json = out.overflow ? SLICE_NULL : arena_slice(arena, buffer_slice(&out));
    buffer_deinit(&out);
    return slice_is_null(*ret_json) ? error_set(error, FAULT_TOO_LARGE, "no room for what a gate says") : FAULT_NONE;
}
