/* run_judge.c - checks that judges decide: each call an exchange of its own, in the same queue. */
#include "quality/run_private.h"

#include "base/json.h"
#include "dialect/dialect.h"

#include <stdio.h>

struct run_judge_call {
    struct run_judging *of;
    struct ask ask;
    struct buffer body;
    char once[RUN_ONCE];
};

/* One check of one item. */
struct run_judging {
    struct list link; /* item.judgings */
    struct run_item *item;
    const struct check *check;
    const struct judge *judge;
    unsigned at, n, missing;
    struct judge_verdict *verdicts;
    struct run_judge_call *calls;
};

static void cannot(struct run_item *i, unsigned at, struct slice why) {
    i->outcomes[at] = (struct check_outcome){.verdict = CHECK_ERROR, .reason = why};
}

/* What the application was asked. */
static struct slice messages_of(struct run_item *i) {
    struct json_doc d;
    if (json_read(buffer_slice(&i->body), &i->arena, 1, &d, NULL) != FAULT_NONE) return SLICE("[]");
    return json_raw(&d, json_get(&d, 0, "messages"));
}

static void conclude(struct run_judging *g) {
    struct run_item *i = g->item;
    judge_conclude(g->judge, g->check, g->verdicts, g->n, &i->arena, &i->outcomes[g->at]);
    run_item_progress(i);
}

static void read_verdict(struct run_judge_call *c, unsigned at) {
    struct run_judging *g = c->of;
    struct arena *arena = &g->item->arena;
    struct judge_verdict *v = &g->verdicts[at];
    const struct dialect *openai = dialect_of(DIALECT_OPENAI);
    struct reply reply = {0};
    struct upstream_error why = {.retry_after_us = -1, .should_retry = -1};
    struct check_answer answer;
    check_answer_init(&answer);
    struct slice own = arena_slice(arena, c->ask.reply);
    enum fault fault = openai->read_reply(own, ENDPOINT_CHAT, true, arena, &reply, &why);
    if (fault != FAULT_NONE) {
        *v = (struct judge_verdict){.reason = arena_printf(arena, "the judge's answer could not be read: %s", fault_text(fault))};
    } else if (!check_answer_of(&reply, arena, &answer)) {
        *v = (struct judge_verdict){.reason = SLICE("the judge's answer takes too much memory")};
    } else {
        judge_read_verdict(g->judge, g->check, at, answer.text, arena, v);
    }
}

static void answered(struct ask *q) {
    struct run_judge_call *c = list_item(q, struct run_judge_call, ask);
    struct run_judging *g = c->of;
    unsigned at = (unsigned)(c - g->calls);
    run_paid_beside(g->item, q);
    g->item->cut_short |= q->cut_short && g->item->run->is_cut_off; /* else it was paid for, and is told */
    if (q->status == 200) read_verdict(c, at);
    else g->verdicts[at] = (struct judge_verdict){.reason = run_failure(q, &g->item->arena)};
    buffer_deinit(&c->body);
    if (--g->missing == 0) conclude(g);
}

static void send(struct run_judging *g, unsigned at, struct judge_question *asked) {
    struct run_judge_call *c = &g->calls[at];
    struct run_item *i = g->item;
    struct error error = {.fault = FAULT_NONE};
    c->of = g;
    buffer_init(&c->body, LIMIT_BODY_CEILING);
    enum fault fault = judge_write_call(g->judge, asked, at, &i->arena, &c->body, &error);
    if (fault != FAULT_NONE || c->body.overflow) {
        g->verdicts[at].reason = arena_printf(&i->arena, "%s", fault != FAULT_NONE ? error.text : "the question to the judge is over the limit");
        buffer_deinit(&c->body);
        return;
    }
    (void)snprintf(c->once, sizeof c->once, "%.150s.j%u.%u", i->once, g->at, at);
    c->ask = (struct ask){.path = "/v1/chat/completions", .body = buffer_slice(&c->body), .feature = "eval-judge",
                          .request_type = i->ask.request_type, .tags = i->tags, .once = c->once, .done = answered};
    g->missing++;
    asker_send(i->run->asker, &c->ask);
}

void run_judge_start(struct run_item *i, unsigned at) {
    const struct suite *s = i->run->o.suite;
    const struct check *check = suite_check_at(s, i->about, at);
    const struct judge *judge = suite_judge(s, check);
    struct run_judging *g = arena_new(&i->arena, struct run_judging);
    if (judge == NULL || g == NULL) {
        cannot(i, at, SLICE("no judge is declared for it"));
        return;
    }
    *g = (struct run_judging){.item = i, .check = check, .judge = judge, .at = at, .n = judge_calls(judge, check)};
    g->verdicts = arena_new_array(&i->arena, struct judge_verdict, g->n);
    g->calls = arena_new_array(&i->arena, struct run_judge_call, g->n);
    if (g->verdicts == NULL || g->calls == NULL) return;
    struct judge_question asked = {.check = check, .answer = &i->answer, .about = &i->about->about, .asked = messages_of(i)};
    list_push(&i->judgings, &g->link);
    i->pending++;
    g->missing = 1; /* ours: an answer does not come before the last is sent, but none may be */
    for (unsigned k = 0; k < g->n; k++) send(g, k, &asked);
    if (--g->missing == 0) conclude(g);
}

void run_judge_free(struct run_item *i) {
    struct list *node;
    while ((node = list_shift(&i->judgings)) != NULL) {
        struct run_judging *g = list_item(node, struct run_judging, link);
        for (unsigned k = 0; k < g->n; k++) buffer_deinit(&g->calls[k].body);
    }
}
