#include "quality/judging.h"

#include "base/list.h"
#include "base/mem.h"
#include "dialect/dialect.h"

#include <stdio.h>

struct judge_call {
    struct ask ask;
    struct buffer body;
    struct judged_work *of;
    char once[128];
};

struct judged_work { /* one answer */
    struct list link;
    struct judging *j;
    struct judging_item *item;
    struct judge_verdict *verdicts;
    struct judge_call *calls;
    unsigned missing;
    struct arena arena;
};

struct judging {
    struct loop *loop;
    struct asker *asker;
    struct judging_options o;
    struct judging_item *items;
    size_t n, next, under_way;
    struct arena *arena;
    struct judging_calls calls;
    struct judging_counts counts;
    struct list works;
    unsigned n_calls; /* of one answer */
    const char *stopped;
    bool ended, filling;
    char tags[128];
};

struct judging *judging_new(struct loop *l, struct asker *a, const struct judging_options *o, struct judging_item *items, size_t n,
                            struct arena *arena, const struct judging_calls *c) {
    struct judging *j = mem_new(struct judging);
    *j = (struct judging){.loop = l, .asker = a, .o = *o, .items = items, .n = n, .arena = arena, .calls = *c,
                          .n_calls = judge_calls(o->judge, o->check)};
    list_init(&j->works);
    (void)snprintf(j->tags, sizeof j->tags, "judge-calibration=%.90s", o->name);
    return j;
}

static void work_free(struct judged_work *w) {
    for (unsigned i = 0; i < w->j->n_calls; i++) buffer_deinit(&w->calls[i].body);
    list_remove(&w->link);
    mem_free(w->calls);
    mem_free(w->verdicts);
    arena_deinit(&w->arena);
    mem_free(w);
}

void judging_free(struct judging *j) {
    if (j == NULL) return;
    while (!list_empty(&j->works)) work_free(list_item(j->works.next, struct judged_work, link));
    mem_free(j);
}

struct judging_counts judging_counts(const struct judging *j) { return j->counts; }

/* ---- what came back ---- */

static void read_verdict(struct judge_call *c, unsigned at) {
    struct judged_work *w = c->of;
    struct judge_verdict *v = &w->verdicts[at];
    struct reply reply = {0};
    struct upstream_error why = {.retry_after_us = -1, .should_retry = -1};
    struct check_answer answer;
    check_answer_init(&answer);
    if (c->ask.status == 0) {
        *v = (struct judge_verdict){.reason = arena_printf(&w->arena, "the judge did not answer: %s", c->ask.detail ? c->ask.detail : "no connection")};
        return;
    }
    struct slice body = arena_slice(&w->arena, c->ask.reply);
    if (c->ask.status != 200) {
        if (body.len > 200) body.len = 200;
        *v = (struct judge_verdict){.reason = arena_printf(&w->arena, "the gateway answered %d: " SLICE_FMT, c->ask.status, SLICE_ARG(body))};
        return;
    }
    enum fault fault = dialect_of(DIALECT_OPENAI)->read_reply(body, ENDPOINT_CHAT, true, &w->arena, &reply, &why);
    if (fault != FAULT_NONE) *v = (struct judge_verdict){.reason = arena_printf(&w->arena, "the judge's answer could not be read: %s", fault_text(fault))};
    else if (!check_answer_of(&reply, &w->arena, &answer)) *v = (struct judge_verdict){.reason = SLICE("the judge's answer takes too much memory")};
    else judge_read_verdict(w->j->o.judge, w->j->o.check, at, answer.text, &w->arena, v);
}

static void fill(struct judging *j);

static void settle(struct judged_work *w) {
    struct judging *j = w->j;
    struct check_outcome o;
    judge_conclude(j->o.judge, j->o.check, w->verdicts, j->n_calls, &w->arena, &o);
    o.reason = arena_slice(j->arena, o.reason);
    w->item->outcome = o;
    w->item->settled = true;
    j->counts.done++;
    j->counts.errors += o.verdict == CHECK_ERROR;
    j->under_way--;
    work_free(w);
    if (j->calls.progress != NULL) j->calls.progress(j->calls.ctx, &j->counts);
}

static void answered(struct ask *q) {
    struct judge_call *c = list_item(q, struct judge_call, ask);
    struct judged_work *w = c->of;
    struct judging *j = w->j;
    if (money_is_known(q->cost_nano)) j->counts.cost_nano += q->cost_nano;
    else if (q->status == 200) j->counts.unpriced++;
    read_verdict(c, (unsigned)(c - w->calls));
    buffer_deinit(&c->body);
    if (--w->missing == 0) settle(w);
    fill(j);
}

/* ---- what is asked ---- */

static void send(struct judged_work *w, unsigned at, const struct judge_question *q) {
    struct judging *j = w->j;
    struct judge_call *c = &w->calls[at];
    struct error error = {.fault = FAULT_NONE};
    c->of = w;
    buffer_init(&c->body, LIMIT_BODY_CEILING);
    if (judge_write_call(j->o.judge, q, at, &w->arena, &c->body, &error) != FAULT_NONE) {
        w->verdicts[at].reason = arena_printf(&w->arena, "%s", error.text);
        return;
    }
    (void)snprintf(c->once, sizeof c->once, "%.90s.%zu.%u", j->o.name, (size_t)(w->item - j->items), at);
    c->ask = (struct ask){.path = "/v1/chat/completions", .body = buffer_slice(&c->body), .feature = "eval-judge", .tags = j->tags,
                          .once = c->once, .done = answered};
    w->missing++;
    asker_send(j->asker, &c->ask);
}

static void begin(struct judging *j, struct judging_item *item) {
    struct judged_work *w = mem_new(struct judged_work);
    struct check_answer answer;
    *w = (struct judged_work){.j = j, .item = item, .verdicts = mem_new_array(struct judge_verdict, j->n_calls), .calls = mem_new_array(struct judge_call, j->n_calls),
                       .missing = 1};
    arena_init(&w->arena, 64 << 10, LIMIT_ARENA_EXCHANGE);
    list_push(&j->works, &w->link);
    j->under_way++;
    check_answer_init(&answer);
    answer.text = item->output;
    const struct judge_question q = {j->o.check, &answer, &item->about, item->asked};
    for (unsigned i = 0; i < j->n_calls; i++) send(w, i, &q);
    if (--w->missing == 0) settle(w); /* it could not be asked */
}

/* What is under way counts as the mean of what is done. */
static bool is_spent(const struct judging *j) {
    double mean = j->counts.done > 0 ? (double)j->counts.cost_nano / (double)j->counts.done : 0;
    return j->o.max_cost_nano >= 0 && (double)j->counts.cost_nano + mean * (double)j->under_way >= (double)j->o.max_cost_nano;
}

static void fill(struct judging *j) {
    if (j->filling || j->ended) return;
    j->filling = true; /* one that cannot be asked is settled at once, and does not fill again */
    while (j->stopped == NULL && j->next < j->n && asker_room(j->asker) > 0) {
        if (is_spent(j)) j->stopped = "the cap on cost is reached";
        else begin(j, &j->items[j->next++]);
    }
    j->filling = false;
    if (j->under_way > 0 || (j->next < j->n && j->stopped == NULL)) return;
    j->ended = true;
    j->calls.ended(j->calls.ctx, j->stopped);
}

static void start(void *arg) { fill(arg); }

void judging_start(struct judging *j) { loop_defer(j->loop, start, j); }
