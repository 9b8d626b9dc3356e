/* run_similar.c - checks that compare the meaning of answer and value: one call for embeddings each. */
#include "quality/run_private.h"

#include "quality/similar.h"

#include <stdio.h>

struct run_similar {
    struct list link; /* item.similars */
    struct run_item *item;
    const struct check *check;
    unsigned at;
    struct ask ask;
    struct buffer body;
    char once[RUN_ONCE];
};

static void answered(struct ask *q) {
    struct run_similar *g = list_item(q, struct run_similar, ask);
    struct run_item *i = g->item;
    run_paid_beside(i, q);
    i->cut_short |= q->cut_short && i->run->is_cut_off;
    if (q->status == 200) similar_conclude(g->check, q->reply, &i->arena, &i->outcomes[g->at]);
    else i->outcomes[g->at] = (struct check_outcome){.verdict = CHECK_ERROR, .reason = run_failure(q, &i->arena)};
    run_item_progress(i);
}

void run_similar_start(struct run_item *i, unsigned at) {
    struct run_similar *g = arena_new(&i->arena, struct run_similar);
    struct error error = {.fault = FAULT_NONE};
    if (g == NULL) return; /* the arena is full: the result will say so */
    *g = (struct run_similar){.item = i, .check = suite_check_at(i->run->o.suite, i->about, at), .at = at};
    buffer_init(&g->body, LIMIT_BODY_CEILING);
    list_push(&i->similars, &g->link);
    if (similar_write_call(g->check, &i->answer, &i->about->about, &i->arena, &g->body, &error) != FAULT_NONE) {
        i->outcomes[at].reason = arena_printf(&i->arena, "%s", error.text);
        return;
    }
    (void)snprintf(g->once, sizeof g->once, "%.150s.e%u", i->once, at);
    g->ask = (struct ask){.path = "/v1/embeddings", .body = buffer_slice(&g->body), .feature = "eval-judge",
                          .request_type = i->ask.request_type, .tags = i->tags, .once = g->once, .done = answered};
    i->pending++;
    asker_send(i->run->asker, &g->ask);
}

void run_similar_free(struct run_item *i) {
    struct list *node;
    while ((node = list_shift(&i->similars)) != NULL) buffer_deinit(&list_item(node, struct run_similar, link)->body);
}
