/* run_item.c - one repeat of one case: its exchange, what is checked at once, and its result. */
#include "quality/run_private.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/utf8.h"
#include "dialect/dialect.h"
#include "quality/refusal.h"

#include <stdio.h>

#define REASON 500 /* bytes of an error's words that a result keeps */

/* ---- failures ---- */

struct slice run_failure(const struct ask *q, struct arena *arena) {
    struct json_doc d;
    if (q->status == 0) return arena_printf(arena, "no_answer: %s", q->detail);
    if (json_read(q->reply, arena, UINT16_MAX, &d, NULL) == FAULT_NONE) {
        uint32_t error = json_get(&d, 0, "error");
        struct slice code = json_string(&d, json_get(&d, error, "code"), arena);
        struct slice words = json_string(&d, json_get(&d, error, "message"), arena);
        words.len = utf8_cut(words, REASON);
        if (code.len > 0) return arena_printf(arena, SLICE_FMT ": " SLICE_FMT, SLICE_ARG(code), SLICE_ARG(words));
        if (words.len > 0) return arena_printf(arena, "http_%d: " SLICE_FMT, q->status, SLICE_ARG(words));
    }
    struct slice text = slice_make(q->reply.at, utf8_cut(q->reply, REASON));
    return arena_printf(arena, "http_%d: " SLICE_FMT, q->status, SLICE_ARG(text));
}

/* Asking on has no use: the same would happen to every case. */
static bool is_the_end(const struct ask *q, struct slice failure) {
    static const enum fault ends[] = {FAULT_UNAUTHENTICATED, FAULT_KEY_FROZEN, FAULT_BUDGET_EXCEEDED, FAULT_NO_SPACE, FAULT_RECORDER_FULL, FAULT_SHUTTING_DOWN};
    struct slice code, words;
    if (q->unreachable) return true;
    (void)slice_cut(failure, ':', &code, &words);
    for (unsigned i = 0; i < sizeof ends / sizeof ends[0]; i++)
        if (slice_is(code, fault_name(ends[i]))) return true;
    return false;
}

static void stop_all(struct run_item *i, const struct ask *q, struct slice failure) {
    char why[LIMIT_ERROR_TEXT];
    (void)snprintf(why, sizeof why, "%s" SLICE_FMT, q->unreachable ? "the gateway cannot be reached: " : "", SLICE_ARG(failure));
    i->run->is_cut_off |= !i->run->is_stopped;
    run_stop(i->run, why);
}

/* Some cases may always fail, and be many: the run ends all the same, and soon. A provider that is down for hours is another thing: the rest may
 * be asked when it is back. */
static void count_in_vain(struct run_item *i, const struct ask *q) {
    struct run *r = i->run;
    char why[LIMIT_ERROR_TEXT];
    int64_t now = clock_us();
    if (q->status == 200) r->in_vain = 0;
    if (q->status == 200) r->answered_us = now;
    r->in_vain += q->in_vain && !q->cut_short;
    asker_hurry(r->asker, r->in_vain >= RUN_IN_VAIN);
    if (r->in_vain < RUN_IN_VAIN || r->is_stopped || (r->answered_us > 0 && now - r->answered_us < RUN_IN_VAIN_US)) return;
    (void)snprintf(why, sizeof why, "%u cases one after the other got no answer, the last: " SLICE_FMT, r->in_vain, SLICE_ARG(run_failure(q, &i->arena)));
    r->is_cut_off = true;
    run_stop(r, why);
}

/* ---- the result ---- */

static bool is_unwanted_refusal(struct run_item *i) {
    struct slice phrase;
    if (suite_case_may_refuse(i->run->o.suite, i->about)) return false;
    return i->answer.refused || (i->answer.text.len > 0 && refusal_find(i->answer.text, &i->arena, &phrase) == REFUSAL_YES);
}

static struct slice tool_calls(struct run_item *i) {
    struct json_writer w;
    struct buffer out;
    if (i->answer.n_calls == 0) return SLICE_NULL;
    buffer_init(&out, LIMIT_REPLY_BODY);
    json_start(&w, &out);
    json_array(&w);
    for (unsigned k = 0; k < i->answer.n_calls; k++) {
        json_object(&w);
        json_member_string(&w, "name", i->answer.calls[k].name);
        json_member_string(&w, "arguments", i->answer.calls[k].arguments);
        json_object_end(&w);
    }
    json_array_end(&w);
    struct slice calls = out.overflow ? SLICE_NULL : arena_slice(&i->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return calls;
}

static void list_checks(struct run_item *i) {
    const struct suite *s = i->run->o.suite;
    struct result *r = &i->result;
    r->checks = arena_new_array(&i->arena, struct result_check, i->n_checks + 1);
    for (unsigned k = 0; r->checks != NULL && k < i->n_checks; k++) {
        const struct check *c = suite_check_at(s, i->about, k);
        const struct check_outcome *o = &i->outcomes[k];
        struct result_check *to = &r->checks[r->n_checks++];
        *to = (struct result_check){.type = check_name(c, &i->arena), .metric = c->metric, .weight = c->weight, .verdict = o->verdict,
                                    .score = o->verdict == CHECK_ERROR ? 0 : o->score, .reason = o->reason};
        const struct judge *j = check_by(c) == CHECK_BY_JUDGE ? suite_judge(s, c) : NULL;
        if (j == NULL) continue;
        to->by_judge = true;
        to->judge = j->name;
        judge_identity(j, c, &to->judge_identity);
    }
}

/* The words of the first check that could not tell, when the result is an error for that. */
static struct slice first_error(struct run_item *i) {
    for (unsigned k = 0; k < i->result.n_checks; k++) {
        const struct result_check *c = &i->result.checks[k];
        if (c->verdict == CHECK_ERROR && c->weight > 0)
            return arena_printf(&i->arena, "check_error: " SLICE_FMT ": " SLICE_FMT, SLICE_ARG(c->type), SLICE_ARG(c->reason));
    }
    return SLICE_NULL;
}

void run_item_conclude(struct run_item *i) {
    if (slice_is_null(i->result.error) && !arena_is_full(&i->arena)) list_checks(i);
    if (arena_is_full(&i->arena)) {
        i->result.n_checks = 0;
        i->result.error = SLICE("too_large: the answer and its checks take more memory than one case may");
    }
    result_conclude(&i->result, i->about->threshold);
    if (i->result.verdict == CHECK_ERROR && slice_is_null(i->result.error)) i->result.error = first_error(i);
}

static void finish(struct run_item *i) {
    struct run *r = i->run;
    run_item_left(i);
    if (i->cut_short) {
        run_item_over(i, false);
    } else if (run_compares(r->o.suite, i->about)) {
        run_repeats_come(i);
    } else {
        run_item_conclude(i);
        run_item_over(i, true);
    }
    run_pump(r);
}

static void fail(struct run_item *i, struct slice why) {
    i->result.error = slice_is_null(why) ? SLICE("too_large: no memory is left for the words") : why;
    finish(i);
}

void run_item_progress(struct run_item *i) {
    if (--i->pending == 0) finish(i);
}

/* ---- checks ---- */

struct run_program {
    struct program_check check;
    struct run_item *item;
    unsigned at;
};

static void program_done(struct program_check *p) {
    struct run_program *g = list_item(p, struct run_program, check);
    g->item->outcomes[g->at] = p->outcome;
    run_item_progress(g->item);
}

static void start_program(struct run_item *i, unsigned at) {
    struct run_program *g = arena_new(&i->arena, struct run_program);
    if (g == NULL) return; /* the arena is full: the result will say so */
    *g = (struct run_program){.item = i, .at = at,
                              .check = {.check = suite_check_at(i->run->o.suite, i->about, at), .answer = &i->answer,
                                        .about = &i->about->about, .case_id = i->about->id, .arena = &i->arena, .done = program_done}};
    i->pending++;
    programs_start(i->run->programs, &g->check);
}

static void check_all(struct run_item *i) {
    const struct suite *s = i->run->o.suite;
    i->outcomes = arena_new_array(&i->arena, struct check_outcome, i->n_checks + 1);
    i->pending = 1; /* ours */
    for (unsigned k = 0; i->outcomes != NULL && k < i->n_checks; k++) {
        const struct check *c = suite_check_at(s, i->about, k);
        i->outcomes[k] = (struct check_outcome){.verdict = CHECK_ERROR, .reason = SLICE("it was not decided")};
        switch (check_by(c)) {
        case CHECK_BY_PROGRAM: start_program(i, k); break;
        case CHECK_BY_JUDGE: run_judge_start(i, k); break;
        case CHECK_BY_REPEATS: break;
        case CHECK_BY_EMBED: run_similar_start(i, k); break;
        case CHECK_BY_ANSWER: check_run(c, &i->answer, &i->about->about, &i->arena, &i->outcomes[k]); break;
        }
    }
    run_item_progress(i);
}

/* ---- the exchange ---- */

static bool read_answer(struct run_item *i, struct slice body, struct slice *ret_why) {
    const struct dialect *openai = dialect_of(DIALECT_OPENAI);
    struct reply reply = {0};
    struct upstream_error why = {.retry_after_us = -1, .should_retry = -1};
    struct slice own = arena_slice(&i->arena, body);
    if (slice_is_null(own)) return false;
    enum fault fault = openai->read_reply(own, ENDPOINT_CHAT, true, &i->arena, &reply, &why);
    if (fault != FAULT_NONE) {
        *ret_why = arena_printf(&i->arena, "%s: " SLICE_FMT, fault_name(fault), SLICE_ARG(why.message.len > 0 ? why.message : slice_of(fault_text(fault))));
        return false;
    }
    return check_answer_of(&reply, &i->arena, &i->answer);
}

static void note_answer(struct run_item *i) {
    struct result *r = &i->result;
    const struct check_answer *a = &i->answer;
    r->output = a->text;
    r->calls = tool_calls(i);
    r->finish = slice_of(finish_name(a->finish));
    r->input_tokens = a->usage.input;
    r->output_tokens = a->usage.output;
    r->refused = is_unwanted_refusal(i);
}

static void answered(struct ask *q) {
    struct run_item *i = list_item(q, struct run_item, ask);
    struct slice why = SLICE_NULL;
    run_paid(i, q);
    count_in_vain(i, q);
    i->result.cost_nano = i->answer.cost_nano = q->cost_nano;
    i->result.latency_us = i->answer.latency_us = q->latency_us;
    i->result.record = q->record.len > 0 ? arena_slice(&i->arena, q->record) : SLICE_NULL;
    i->result.target = q->target.len > 0 ? arena_slice(&i->arena, q->target) : SLICE_NULL;
    i->cut_short = q->cut_short;
    if (q->status != 200) {
        why = run_failure(q, &i->arena);
        if (is_the_end(q, why)) {
            struct run *r = i->run;
            stop_all(i, q, why);
            run_item_left(i);
            run_item_over(i, false);
            run_pump(r);
            return;
        }
        fail(i, why);
    } else if (!read_answer(i, q->reply, &why)) {
        fail(i, why);
    } else {
        note_answer(i);
        check_all(i);
    }
}

static void make_ask(struct run_item *i) {
    struct run *r = i->run;
    char id[LIMIT_LABEL + 1];
    (void)run_label(i->about->id, id, sizeof id);
    (void)snprintf(i->tags, sizeof i->tags, "eval-run=" SLICE_FMT ",eval-case=%s", SLICE_ARG(r->o.name), id);
    (void)snprintf(i->once, sizeof i->once, SLICE_FMT ".%lld.%u.%u", SLICE_ARG(r->o.name), (long long)r->o.begun_us, i->case_at, i->repeat);
    i->ask = (struct ask){.path = "/v1/chat/completions", .body = buffer_slice(&i->body), .feature = "eval",
                          .request_type = r->request_type[0] != 0 ? r->request_type : NULL, .tags = i->tags, .once = i->once,
                          .done = answered};
}

void run_item_start(struct run_item *i) {
    struct run *r = i->run;
    struct error error = {.fault = FAULT_NONE};
    i->result = (struct result){.case_id = i->about->id, .case_at = i->case_at, .repeat = i->repeat, .latency_us = -1,
                                .cost_nano = 0, .judge_cost_nano = 0, .input_tokens = -1, .output_tokens = -1};
    i->n_checks = suite_check_count(r->o.suite, i->about);
    enum fault fault = suite_write_request(r->o.suite, i->about, r->o.prompt, r->o.model, &i->arena, &i->body, &error);
    if (fault == FAULT_NONE && !i->body.overflow) {
        make_ask(i);
        asker_send(r->asker, &i->ask);
        return;
    }
    if (fault == FAULT_NONE) (void)!error_set(&error, fault = FAULT_TOO_LARGE, "the request is over the limit");
    fail(i, arena_printf(&i->arena, "%s: %s", fault_name(fault), error.text));
}
