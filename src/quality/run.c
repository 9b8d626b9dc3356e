/* run.c - which case is asked next, what it may cost, and the end. */
#include "quality/run_private.h"

#include "base/mem.h"
#include "base/utf8.h"

#include <stdio.h>

#define KEEP_BODY (64u << 10)

/* ---- labels ---- */

bool run_label(struct slice text, char *out, size_t size) {
    size_t n = utf8_cut(text, size - 1);
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text.at[i];
        out[i] = c < 0x20 || c == 0x7F || c == ',' ? '_' : text.at[i];
    }
    out[n] = 0;
    return n > 0;
}

/* ---- money ---- */

void run_paid(struct run_item *i, const struct ask *q) {
    if (money_is_known(q->cost_nano)) i->spent_nano += q->cost_nano;
    else i->unpriced = true;
}

void run_paid_beside(struct run_item *i, const struct ask *q) {
    run_paid(i, q);
    if (!money_is_known(q->cost_nano)) i->result.judge_cost_nano = MONEY_UNKNOWN;
    else if (money_is_known(i->result.judge_cost_nano)) i->result.judge_cost_nano += q->cost_nano;
}

static void cannot_tell_cost(struct run *r, struct slice what) {
    char why[LIMIT_ERROR_TEXT];
    if (what.len == 0) what = SLICE("one without an answer");
    (void)snprintf(why, sizeof why, "what an exchange cost is not known (" SLICE_FMT "), so the cap on cost cannot be kept", SLICE_ARG(what));
    run_stop(r, why);
}

static int64_t spent_so_far(const struct run *r) {
    int64_t mean = r->n_ended > 0 ? r->ended_nano / (int64_t)r->n_ended : 0, sum = r->ended_nano;
    for (const struct list *node = r->active.next; node != &r->active; node = node->next) {
        const struct run_item *i = list_item(node, struct run_item, link);
        sum += i->spent_nano > mean ? i->spent_nano : mean;
    }
    return sum;
}

/* False: not now. With nothing under way it is then never. */
static bool may_spend(struct run *r) {
    if (r->o.max_cost_nano < 0 || spent_so_far(r) < r->o.max_cost_nano) return true;
    if (r->n_active == 0) {
        char usd[MONEY_TEXT], why[LIMIT_ERROR_TEXT];
        money_format(r->o.max_cost_nano, usd);
        (void)snprintf(why, sizeof why, "the cap on cost of USD %s is reached", usd);
        run_stop(r, why);
    }
    return false;
}

/* ---- items ---- */

static struct run_item *take_item(struct run *r) {
    struct list *node = list_shift(&r->idle);
    struct run_item *i = node != NULL ? list_item(node, struct run_item, link) : NULL;
    if (i == NULL) {
        i = mem_new(struct run_item);
        list_init(&i->link);
        arena_init(&i->arena, 16 << 10, LIMIT_ARENA_EXCHANGE);
        buffer_init(&i->body, LIMIT_BODY_CEILING);
    }
    i->run = r;
    i->outcomes = NULL;
    i->n_checks = i->pending = 0;
    i->spent_nano = 0;
    i->unpriced = i->cut_short = false;
    list_init(&i->judgings);
    list_init(&i->similars);
    check_answer_init(&i->answer);
    return i;
}

static void free_item(struct run_item *i) {
    run_judge_free(i);
    run_similar_free(i);
    list_remove(&i->link);
    arena_deinit(&i->arena);
    buffer_deinit(&i->body);
    mem_free(i);
}

void run_item_left(struct run_item *i) {
    struct run *r = i->run;
    list_remove(&i->link);
    r->n_active--;
    r->ended_nano += i->spent_nano;
    r->n_ended++;
    if (i->unpriced && r->o.max_cost_nano >= 0) cannot_tell_cost(r, i->result.target);
}

void run_item_over(struct run_item *i, bool keep) {
    struct run *r = i->run;
    if (keep) r->calls.result(r->calls.ctx, &i->result);
    run_judge_free(i);
    run_similar_free(i);
    arena_reset(&i->arena);
    buffer_clear(&i->body);
    buffer_shrink(&i->body, KEEP_BODY);
    list_remove(&i->link);
    list_push(&r->idle, &i->link);
}

static bool is_skipped(const struct run *r, size_t at) { return r->skipped[at / 8] >> at % 8 & 1; }

/* The next that is to be asked; `total` when there is none. */
static size_t find_next(struct run *r) {
    for (; r->next < r->total; r->next++) {
        if (r->o.chosen != NULL && r->o.chosen[r->next / r->o.repeat] == 0) r->next += r->o.repeat - 1 - r->next % r->o.repeat;
        else if (!is_skipped(r, r->next)) break;
    }
    return r->next;
}

static void start_one(struct run *r, size_t at) {
    struct run_item *i = take_item(r);
    i->case_at = (unsigned)(at / r->o.repeat);
    i->repeat = (unsigned)(at % r->o.repeat);
    i->about = &r->o.suite->cases[i->case_at];
    list_push(&r->active, &i->link);
    r->n_active++;
    if (run_compares(r->o.suite, i->about)) run_repeats_expect(r, i->case_at);
    run_item_start(i);
}

void run_pump(struct run *r) {
    if (!r->started || r->over || r->pumping) return;
    r->pumping = true; /* one that cannot even be sent ends at once, and comes back here */
    while (!r->is_stopped && r->n_active < r->window && (r->n_active == 0 || asker_room(r->asker) > 0) &&
           find_next(r) < r->total && may_spend(r))
        start_one(r, r->next++);
    r->pumping = false;
    if (r->n_active > 0 || (!r->is_stopped && find_next(r) < r->total)) return;
    run_repeats_end(r);
    r->over = true;
    loop_timer_start(r->loop, &r->ending, 0);
}

static void end(struct loop_timer *t) {
    struct run *r = list_item(t, struct run, ending);
    if (!r->over) {
        run_pump(r);
        return;
    }
    r->calls.ended(r->calls.ctx, r->is_stopped ? r->stopped : NULL);
}

/* ---- the face ---- */

struct run *run_new(struct loop *l, struct asker *a, struct programs *p, const struct run_options *o, const struct run_calls *c) {
    struct run *r = mem_new(struct run);
    r->loop = l;
    r->asker = a;
    r->programs = p;
    r->o = *o;
    r->calls = *c;
    r->total = (size_t)o->suite->n_cases * o->repeat;
    r->skipped = mem_alloc(r->total / 8 + 1);
    r->cases = mem_new_array(struct run_case *, o->suite->n_cases + 1);
    r->ending.fired = end;
    list_init(&r->active);
    list_init(&r->idle);
    (void)run_label(o->suite->request_type, r->request_type, sizeof r->request_type);
    return r;
}

void run_free(struct run *r) {
    if (r == NULL) return;
    loop_timer_stop(r->loop, &r->ending);
    while (!list_empty(&r->active)) free_item(list_item(r->active.next, struct run_item, link));
    for (unsigned i = 0; i < r->o.suite->n_cases; i++) {
        struct run_case *c = r->cases[i];
        while (c != NULL && !list_empty(&c->parked)) free_item(list_item(c->parked.next, struct run_item, link));
        run_repeats_free(c);
    }
    while (!list_empty(&r->idle)) free_item(list_item(r->idle.next, struct run_item, link));
    mem_free(r->cases);
    mem_free(r->skipped);
    mem_free(r);
}

void run_skip(struct run *r, unsigned case_at, unsigned repeat, int64_t cost_nano) {
    if (case_at >= r->o.suite->n_cases || repeat >= r->o.repeat) return;
    size_t at = (size_t)case_at * r->o.repeat + repeat;
    if (is_skipped(r, at)) return;
    r->skipped[at / 8] |= (uint8_t)(1u << at % 8);
    if (money_is_known(cost_nano)) r->ended_nano += cost_nano;
    else if (r->o.max_cost_nano >= 0) cannot_tell_cost(r, SLICE("one of an earlier result"));
    r->n_ended++;
}

void run_start(struct run *r) {
    unsigned room = asker_room(r->asker);
    r->window = room > 0 ? 2 * room : 1; /* as many are judged as are asked */
    r->started = true;
    run_pump(r);
}

void run_stop(struct run *r, const char *why) {
    if (r->is_stopped || r->over) return;
    r->is_stopped = true;
    (void)snprintf(r->stopped, sizeof r->stopped, "%s", why);
    asker_no_more(r->asker);
    if (r->started && r->n_active == 0) loop_timer_start(r->loop, &r->ending, 0);
}

bool run_is_cut_off(const struct run *r) { return r->is_cut_off; }
