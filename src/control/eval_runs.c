#include "control/eval_runs.h"

#include "base/mem.h"
#include "control/eval_owner.h"
#include "control/judge_book.h"
#include "quality/summary.h"
#include "store/definitions.h"

#include <math.h>
#include <stdio.h>

#define SUITE_ROOM (8 * (size_t)LIMIT_SUITE_FILE) /* a suite as it is read: its text, a node a value, compiled checks */
#define JUDGES_MOST 64                            /* identities of judges in one run whose calibration is looked up */

bool eval_run_number(struct slice text, int64_t *ret) {
    if (slice_starts(text, SLICE("run-"))) text = slice_make(text.at + 4, text.len - 4);
    return text.len > 0 && text.at[0] >= '0' && text.at[0] <= '9' && slice_to_i64(text, ret) && *ret > 0;
}

/* ---- what is to be run ---- */

static enum fault find_suite(struct evaluations *e, const struct eval_wish *w, struct arena *arena, struct slice *ret_text, struct error *error) {
    struct definition d;
    if (!slice_is_null(w->suite)) {
        *ret_text = w->suite;
        return FAULT_NONE;
    }
    enum fault fault = definition_find(e, SLICE("suite"), w->suite_name, w->suite_version, arena, &d, error);
    if (fault == FAULT_NONE) *ret_text = d.body;
    return fault;
}

/* A suite that was only read from a file is kept too, so that the run can always show what it ran. */
static enum fault keep_suite(struct evaluations *e, const struct eval_wish *w, const struct suite *suite, int64_t now_us, struct run_row *row,
                             struct error *error) {
    struct definition d = {.kind = SLICE("suite"), .name = suite->name, .digest = suite->digest, .at_us = now_us, .by = w->by};
    struct json_writer writer;
    struct buffer body;
    bool is_new;
    buffer_init(&body, 2 * (size_t)LIMIT_SUITE_FILE);
    json_start(&writer, &body);
    suite_write(suite, &writer);
    d.body = buffer_slice(&body);
    enum fault fault = body.overflow ? error_set(error, FAULT_TOO_LARGE, "the suite is over %u bytes", 2 * LIMIT_SUITE_FILE)
                                     : definition_put(e, &d, &is_new, error);
    buffer_deinit(&body);
    row->definition = d.number;
    row->suite_version = d.version;
    return fault;
}

static enum fault read_prompt(const struct eval_wish *w, const struct suite *suite, struct arena *arena, struct run_row *row,
                              struct problems *problems, struct error *error) {
    struct declared d;
    struct prompt p;
    if (slice_is_null(w->prompt)) {
        row->prompt = suite->has_prompt ? suite->prompt.name : suite->prompt_name;
        if (suite->has_prompt) row->prompt_digest = suite->prompt.digest;
        if (!slice_is_null(w->prompt_label)) row->prompt = w->prompt_label;
        return FAULT_NONE;
    }
    enum fault fault = declared_from_json(w->prompt, arena, &d, error);
    if (fault == FAULT_NONE) fault = prompt_read(&d, 0, "prompt", NULL, arena, &p, problems);
    if (fault != FAULT_NONE) return fault;
    row->prompt = !slice_is_null(w->prompt_label) ? w->prompt_label : p.name;
    row->prompt_body = w->prompt;
    row->prompt_digest = p.digest;
    return FAULT_NONE;
}

static void add_part(struct buffer *b, struct slice part) {
    buffer_printf(b, slice_is_null(part) ? "-," : "%zu:", part.len);
    buffer_append(b, part);
}

/* Two runs of which all this is the same are the same run. */
static void digest_wish(struct run_row *r) {
    struct buffer b;
    buffer_init(&b, 1 << 20);
    add_part(&b, slice_make((const char *)r->suite_digest.bytes, DIGEST_BYTES));
    add_part(&b, slice_make((const char *)r->prompt_digest.bytes, DIGEST_BYTES));
    add_part(&b, r->model);
    add_part(&b, r->chosen);
    buffer_i64(&b, r->repeat);
    digest_sha256(buffer_slice(&b), &r->wanted);
    buffer_deinit(&b);
}

/* ---- going on with one ---- */

static enum fault of_another_wish(const struct run_row *found, struct error *error) {
    return error_set(error, FAULT_CONFLICT, "run-%lld is of another suite version, prompt, model, repeat or filter: with --new another run begins",
                     (long long)found->number);
}

/* FAULT_NOT_FOUND: there is none to go on with. */
static enum fault find_former(struct evaluations *e, const struct eval_wish *w, const struct run_row *row, int64_t now_us, struct arena *arena,
                              struct run_row *ret, struct error *error) {
    enum fault fault = w->resume == EVAL_RESUME_NEVER  ? FAULT_NOT_FOUND
                       : w->resume == EVAL_RESUME_THIS ? run_find(e, w->number, arena, ret, error)
                                                       : run_find_unended(e, &row->wanted, arena, ret, error);
    if (fault != FAULT_NONE) return fault;
    if (ret->state != RUN_RUNNING)
        return error_set(error, FAULT_CONFLICT, "run-%lld is over (%s): what it found stays as it is", (long long)ret->number,
                         ret->state == RUN_STOPPED ? "it was stopped" : "it is finished");
    if (!digest_eq(&ret->wanted, &row->wanted)) return of_another_wish(ret, error);
    if (!slice_eq(ret->owner, w->owner) && eval_owner_is_alive(ret->owner, ret->seen_us, now_us))
        return error_set(error, FAULT_CONFLICT, "run-%lld is under way, by the process \"%.*s\": wait for it, stop it, or begin another with --new",
                         (long long)ret->number, SLICE_ARG(ret->owner));
    return FAULT_NONE;
}

static enum fault begin_new(struct evaluations *e, struct run_row *row, int64_t now_us, struct error *error) {
    row->state = RUN_RUNNING;
    row->started_us = row->seen_us = now_us;
    return run_add(e, row, error);
}

static enum fault begin(struct evaluations *e, const struct eval_wish *w, const struct suite *suite, int64_t now_us, struct arena *arena,
                        struct run_row *row, bool *ret_resumed, struct problems *problems, struct error *error) {
    struct run_row former;
    int64_t cases = w->cases > 0 ? w->cases : suite->n_cases;
    *row = (struct run_row){.suite = suite->name, .suite_digest = suite->digest, .model = w->model, .chosen = w->chosen,
                            .repeat = w->repeat > 0 ? w->repeat : suite->repeat, .max_cost_nano = w->max_cost_nano, .trigger = w->trigger,
                            .by = w->by, .owner = w->owner};
    if (cases > suite->n_cases || row->repeat > LIMIT_SUITE_REPEAT)
        return error_set(error, FAULT_BAD_REQUEST, "expected at most %u cases and a repeat of at most %d", suite->n_cases, LIMIT_SUITE_REPEAT);
    row->planned = cases * row->repeat;
    enum fault fault = read_prompt(w, suite, arena, row, problems, error);
    if (fault != FAULT_NONE) return fault;
    digest_wish(row);
    fault = find_former(e, w, row, now_us, arena, &former, error);
    bool resumed = fault == FAULT_NONE;
    if (fault != FAULT_NONE && (fault != FAULT_NOT_FOUND || w->resume == EVAL_RESUME_THIS)) return fault;
    if (!resumed) fault = keep_suite(e, w, suite, now_us, row, error);
    if (fault == FAULT_NONE || resumed) fault = resumed ? run_own(e, former.number, w->owner, now_us, error) : begin_new(e, row, now_us, error);
    if (fault == FAULT_NONE && resumed) {
        *row = former;
        row->owner = w->owner;
    }
    *ret_resumed = resumed;
    return fault;
}

enum fault eval_begin(struct evaluations *e, const struct eval_wish *wish, int64_t now_us, struct arena *arena, struct run_row *ret,
                      bool *ret_resumed, struct problems *problems, struct error *error) {
    struct suite suite = {.n_cases = 0};
    struct slice text = SLICE_NULL;
    struct run_row row;
    struct arena room;
    arena_init(&room, 1 << 20, SUITE_ROOM);
    enum fault fault = find_suite(e, wish, &room, &text, error);
    if (fault == FAULT_NONE) fault = suite_read(text, "suite", NULL, &room, &suite, problems);
    if (fault == FAULT_NONE) fault = begin(e, wish, &suite, now_us, &room, &row, ret_resumed, problems, error);
    int64_t number = fault == FAULT_NONE ? row.number : 0;
    for (unsigned i = 0; i < problems->count; i++) problems->items[i].file = "suite";
    struct problem *kept = arena_new_array(arena, struct problem, problems->count + 1);
    if (kept && problems->count > 0) memcpy(kept, problems->items, problems->count * sizeof *kept);
    problems->items = kept;
    if (!kept) problems->count = 0;
    suite_deinit(&suite);
    arena_deinit(&room);
    return fault == FAULT_NONE ? run_find(e, number, arena, ret, error) : fault;
}

/* ---- the summary ---- */

struct conclusion {
    struct evaluations *e;
    struct summary *summary;
    struct arena arena;  /* of one result */
    struct arena keep;   /* of calibrations */
    struct digest judges[JUDGES_MOST];
    unsigned n_judges;
    enum fault fault;
    struct error *error;
};

/* What people's labels say of it, when they do. */
static void add_calibration(struct conclusion *c, const struct digest *identity) {
    struct judge_calibration known;
    for (unsigned i = 0; i < c->n_judges; i++)
        if (digest_eq(&c->judges[i], identity)) return;
    if (c->n_judges == JUDGES_MOST) return;
    c->judges[c->n_judges++] = *identity;
    c->fault = judge_book_find(c->e, identity, &c->keep, &known, c->error);
    if (c->fault == FAULT_NONE && known.n > 0) summary_calibration(c->summary, &known);
}

static bool take_result(void *ctx, const struct run_result *r) {
    struct conclusion *c = ctx;
    struct json_doc d;
    struct result result;
    arena_reset(&c->arena);
    c->fault = json_read(r->body, &c->arena, UINT16_MAX, &d, c->error);
    if (c->fault == FAULT_NONE) c->fault = result_read(&d, 0, &c->arena, &result, c->error);
    if (c->fault != FAULT_NONE) return false;
    for (unsigned i = 0; i < result.n_checks && c->fault == FAULT_NONE; i++)
        if (result.checks[i].by_judge) add_calibration(c, &result.checks[i].judge_identity);
    if (c->fault == FAULT_NONE) summary_add(c->summary, &result);
    return c->fault == FAULT_NONE;
}

static enum fault summarize(struct evaluations *e, const struct run_row *row, const struct suite *suite, struct slice why, struct buffer *out,
                            enum summary_verdict *ret, struct error *error) {
    char text[LIMIT_ERROR_TEXT];
    struct json_writer w;
    struct conclusion c = {.e = e, .error = error, .summary = summary_new(suite, (unsigned)row->repeat, (size_t)row->planned)};
    arena_init(&c.arena, 64 << 10, 4 * (size_t)LIMIT_REPLY_BODY);
    arena_init(&c.keep, 4 << 10, 16 << 20);
    enum fault fault = run_results(e, row->number, -1, -1, -1, NULL, take_result, &c, error);
    if (fault == FAULT_NONE) fault = c.fault;
    snprintf(text, sizeof text, SLICE_FMT, SLICE_ARG(why));
    if (fault == FAULT_NONE && !slice_is_null(why)) summary_stopped(c.summary, text);
    if (fault == FAULT_NONE) {
        snprintf(text, sizeof text, "run-%lld", (long long)row->number);
        json_start(&w, out);
        json_object(&w);
        json_member_text(&w, "run", text);
        json_member_string(&w, "suite", row->suite);
        json_member_i64(&w, "suite_version", row->suite_version);
        json_member_string(&w, "prompt", row->prompt);
        json_member_string(&w, "model", row->model);
        json_member_string(&w, "chosen", row->chosen);
        *ret = summary_write(c.summary, &w);
        json_object_end(&w);
    }
    summary_free(c.summary);
    arena_deinit(&c.arena);
    arena_deinit(&c.keep);
    return fault == FAULT_NONE && out->overflow ? error_set(error, FAULT_TOO_LARGE, "the summary is over %zu bytes", out->max) : fault;
}

enum fault eval_kept_suite(struct evaluations *e, const struct run_row *row, struct arena *arena, struct suite *ret, struct error *error) {
    char hex[2 * DIGEST_BYTES + 1];
    struct definition d;
    struct problems problems = {0};
    digest_hex(row->suite_digest.bytes, DIGEST_BYTES, hex);
    enum fault fault = definition_find(e, SLICE("suite"), row->suite, slice_of(hex), arena, &d, error);
    if (fault == FAULT_NONE) fault = suite_read(d.body, "suite", NULL, arena, ret, &problems);
    if (fault == FAULT_CONFIG)
        return error_set(error, FAULT_CORRUPT, "the kept suite cannot be read: %s", problems.count > 0 ? problems.items[0].text : "");
    return fault;
}

enum fault eval_lend_judges(struct evaluations *e, struct suite *suite, struct arena *arena, struct error *error) {
    struct slice name;
    size_t cursor = 0;
    while (suite_next_missing_judge(suite, &cursor, &name)) {
        struct definition found;
        struct declared d;
        struct judge j;
        struct problems problems = {0};
        enum fault fault = definition_find(e, SLICE("judge"), name, SLICE_NULL, arena, &found, error);
        if (fault == FAULT_NOT_FOUND)
            return error_set(error, FAULT_CONFIG, "the judge `" SLICE_FMT "` is neither declared in the suite nor registered", SLICE_ARG(name));
        if (fault == FAULT_NONE) fault = declared_from_json(found.body, arena, &d, error);
        if (fault != FAULT_NONE) return fault;
        if (judge_read(&d, 0, name, "judge", arena, &j, &problems) != FAULT_NONE || !suite_lend_judge(suite, &j, arena))
            return error_set(error, FAULT_CORRUPT, "the registered judge `" SLICE_FMT "` cannot be read", SLICE_ARG(name));
    }
    return FAULT_NONE;
}

enum fault eval_conclude(struct evaluations *e, int64_t number, struct slice why, int64_t now_us, struct buffer *summary, struct error *error) {
    struct suite suite = {.n_cases = 0};
    struct run_row row;
    struct arena room;
    enum summary_verdict verdict = SUMMARY_INCONCLUSIVE;
    arena_init(&room, 1 << 20, SUITE_ROOM);
    enum fault fault = run_find(e, number, &room, &row, error);
    if (fault == FAULT_NONE && row.state != RUN_RUNNING) fault = error_set(error, FAULT_CONFLICT, "run-%lld is over", (long long)number);
    if (fault == FAULT_NONE && slice_is_null(why) && row.done < row.planned) why = SLICE("not all results came");
    if (fault == FAULT_NONE && row.planned > 0 && row.done >= row.planned) why = SLICE_NULL; /* stopped when nothing was left */
    if (fault == FAULT_NONE) fault = eval_kept_suite(e, &row, &room, &suite, error);
    if (fault == FAULT_NONE) fault = summarize(e, &row, &suite, why, summary, &verdict, error);
    if (fault == FAULT_NONE)
        fault = run_end(e, number, slice_is_null(why) ? RUN_FINISHED : RUN_STOPPED, slice_of(summary_verdict_name(verdict)),
                        buffer_slice(summary), now_us, error);
    suite_deinit(&suite);
    arena_deinit(&room);
    return fault;
}
