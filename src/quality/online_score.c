/* Scoring: how good what was taken is. */
#include "quality/online.h"

#include "base/json.h"
#include "base/mem.h"
#include "quality/captured.h"
#include "store/score.h"

#include <stdio.h>

#define PAYLOAD_PATIENCE_US 120000000LL /* a payload comes into the ledger beside its record, perhaps a moment later */
#define MOST_COMMENT 1000
enum { ONE_FIRST = 64 << 10, LIST_FIRST = 64 << 10, LIST_MAX = 16 << 20, ONCE_TEXT = 160 };
#define ONE_MAX ((size_t)LIMIT_PAYLOAD * 64) /* a payload, its JSON, and what judges are asked */

/* One call of a judge. */
struct judge_asked {
    struct online_question q;
    unsigned check, call;
    char once[ONCE_TEXT];
};

struct scoring_one {
    struct ledger *ledger;
    struct evaluations *evaluations;
    const struct scoring *s;
    int64_t now_us;
    struct scored *row;
    struct arena *arena;
    struct record record;
    char id[RECORD_ID_TEXT];
    struct captured captured;
    struct check_outcome outcomes[LIMIT_SCORING_CHECKS];
    struct judge_verdict *verdicts[LIMIT_SCORING_CHECKS];
    bool early, there;
    bool again, budget; /* a judge could not be asked, as the budget is used up */
};

/* Those that are scored together, and what is asked about them. */
struct group {
    struct scoring_one *ones[ONLINE_AT_ONCE];
    struct arena arenas[ONLINE_AT_ONCE];
    unsigned n;
    struct online_question **questions;
    size_t n_questions, capacity;
};

/* ---- judges ---- */

static void add_question(struct group *g, struct online_question *q) {
    if (g->n_questions == g->capacity) {
        g->capacity = g->capacity > 0 ? 2 * g->capacity : 32;
        g->questions = mem_resize(g->questions, g->capacity * sizeof(struct online_question *));
    }
    g->questions[g->n_questions++] = q;
}

static void name_call(struct judge_asked *a, const struct scoring_one *o, const struct judge *j) {
    char hex[17];
    uint8_t identity[8];
    struct digest d;
    judge_identity(j, &o->s->checks[a->check], &d);
    memcpy(identity, d.bytes, sizeof identity);
    digest_hex(identity, sizeof identity, hex);
    /* another judge, or another rubric, is another question */
    (void)snprintf(a->once, sizeof a->once, "scoring-%016llx-%s-%s-%u.%u", (unsigned long long)o->s->seed, o->id, hex, a->check, a->call);
}

static void ask_about(struct group *g, struct scoring_one *o, unsigned at, const struct check_case *about) {
    const struct check *c = &o->s->checks[at];
    const struct judge *j = scoring_judge(o->s, c);
    const struct judge_question question = {.check = c, .answer = &o->captured.answer, .about = about, .asked = o->captured.asked};
    unsigned n = judge_calls(j, c);
    o->verdicts[at] = arena_new_array(o->arena, struct judge_verdict, n);
    for (unsigned i = 0; i < n && o->verdicts[at] != NULL; i++) {
        struct buffer body;
        struct error error = {.fault = FAULT_NONE};
        struct judge_asked *a = arena_new(o->arena, struct judge_asked);
        if (a == NULL) return;
        *a = (struct judge_asked){.q = {.record = o->id, .arena = o->arena}, .check = at, .call = i};
        buffer_init(&body, 8 * LIMIT_PAYLOAD);
        if (judge_write_call(j, &question, i, o->arena, &body, &error) != FAULT_NONE) {
            o->verdicts[at][i] = (struct judge_verdict){.reason = arena_slice(o->arena, slice_of(error.text))};
        } else {
            name_call(a, o, j);
            a->q.once = a->once;
            a->q.body = arena_slice(o->arena, buffer_slice(&body));
            if (!slice_is_null(a->q.body)) add_question(g, &a->q);
        }
        buffer_deinit(&body);
    }
}

/* An error of the check when the gateway could not, or would not; and another try may be better. */
static void take_answer(struct scoring_one *o, const struct judge_asked *a) {
    const struct check *c = &o->s->checks[a->check];
    struct judge_verdict *v = &o->verdicts[a->check][a->call];
    if (a->q.why.fault == FAULT_NONE) {
        judge_read_verdict(scoring_judge(o->s, c), c, a->call, a->q.answer, o->arena, v);
        return;
    }
    o->again = true;
    o->budget |= a->q.why.fault == FAULT_BUDGET_EXCEEDED;
    *v = (struct judge_verdict){.reason = arena_printf(o->arena, "the judge could not be asked: %s", a->q.why.text)};
}

/* ---- one record ---- */

static void run_checks(struct group *g, struct scoring_one *o) {
    struct check_case about = {.expected = SLICE_NULL, .context = o->captured.context};
    for (unsigned i = 0; i < o->s->n_checks; i++) {
        if (check_by(&o->s->checks[i]) == CHECK_BY_JUDGE) ask_about(g, o, i, &about);
        else check_run(&o->s->checks[i], &o->captured.answer, &about, o->arena, &o->outcomes[i]);
    }
}

static void judge_all(struct scoring_one *o) {
    for (unsigned i = 0; i < o->s->n_checks; i++) {
        const struct check *c = &o->s->checks[i];
        const struct judge *j = scoring_judge(o->s, c);
        if (check_by(c) == CHECK_BY_JUDGE && o->verdicts[i] != NULL)
            judge_conclude(j, c, o->verdicts[i], judge_calls(j, c), o->arena, &o->outcomes[i]);
    }
}

static void write_one(struct json_writer *w, const struct scoring_one *o, unsigned i) {
    static const char *const verdicts[] = {[CHECK_PASS] = "pass", [CHECK_FAIL] = "fail", [CHECK_ERROR] = "error"};
    const struct check *c = &o->s->checks[i];
    const struct check_outcome *out = &o->outcomes[i];
    json_object(w);
    json_member_string(w, "metric", scoring_metric(c));
    json_member_string(w, "type", check_name(c, o->arena));
    json_member_text(w, "verdict", verdicts[out->verdict]);
    json_key(w, "score");
    if (out->verdict == CHECK_ERROR) json_put_null(w);
    else json_put_double(w, out->score);
    if (check_by(c) == CHECK_BY_JUDGE) {
        const struct judge *j = scoring_judge(o->s, c);
        struct digest identity;
        char hex[2 * DIGEST_BYTES + 1];
        judge_identity(j, c, &identity);
        digest_hex(identity.bytes, DIGEST_BYTES, hex);
        json_member_string(w, "judge", j->name);
        json_member_text(w, "scale", judge_scale_name(j->scale));
        json_member_text(w, "identity", hex);
    }
    json_object_end(w);
}

static struct slice write_body(const struct scoring_one *o) {
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 1 << 20);
    json_start(&w, &out);
    json_array(&w);
    for (unsigned i = 0; i < o->s->n_checks; i++) write_one(&w, o, i);
    json_array_end(&w);
    struct slice body = out.overflow ? SLICE_NULL : arena_slice(o->arena, buffer_slice(&out));
    buffer_deinit(&out);
    return body;
}

static struct slice comment_of(struct slice reason) {
    size_t n = reason.len < MOST_COMMENT ? reason.len : MOST_COMMENT;
    while (n > 0 && n < reason.len && ((unsigned char)reason.at[n] & 0xC0) == 0x80) n--;
    return n > 0 ? slice_make(reason.at, n) : SLICE_NULL;
}

/* Beside the record, where the reasons may stay as long as it does. A record that is gone needs none. */
static enum fault put_scores(struct scoring_one *o, struct error *error) {
    struct score scores[LIMIT_SCORING_CHECKS];
    size_t n = 0, bad;
    for (unsigned i = 0; i < o->s->n_checks; i++) {
        const struct check_outcome *out = &o->outcomes[i];
        bool judged = check_by(&o->s->checks[i]) == CHECK_BY_JUDGE;
        if (out->verdict == CHECK_ERROR) continue;
        scores[n++] = (struct score){.record = o->record.id, .name = scoring_metric(&o->s->checks[i]), .source = judged ? SLICE("judge") : SLICE("eval"),
                                     .value_ppm = (int32_t)(out->score * SCORE_PPM + 0.5), .at_us = o->now_us, .comment = comment_of(out->reason)};
    }
    enum fault fault = n > 0 ? ledger_scores_put(o->ledger, scores, n, &bad, error) : FAULT_NONE;
    return fault == FAULT_NOT_FOUND ? FAULT_NONE : fault;
}

/* there: it can be scored; early: its payload may still come. */
static enum fault read_exchange(struct scoring_one *o, struct error *error) {
    struct payload payload;
    const char *why;
    enum fault fault = ledger_find(o->ledger, &o->row->record, o->arena, &o->record, error);
    if (fault == FAULT_NOT_FOUND) return FAULT_NONE;
    if (fault == FAULT_NONE) fault = ledger_payload(o->ledger, &o->row->record, o->arena, &payload, error);
    if (fault == FAULT_NOT_FOUND) {
        o->early = o->now_us - (o->record.time_us + o->record.duration_us) < PAYLOAD_PATIENCE_US;
        return FAULT_NONE;
    }
    if (fault == FAULT_NONE) o->there = captured_read(&o->record, &payload, o->arena, &o->captured, &why);
    return fault;
}

static enum fault conclude(struct scoring_one *o, struct online_scored *ret, struct error *error) {
    struct scored *row = o->row;
    enum fault fault = FAULT_NONE;
    if (o->early) return FAULT_NONE;
    if (o->there) judge_all(o);
    row->state = o->there ? SCORED_DONE : SCORED_UNREADABLE;
    row->tries += !o->budget;
    ret->budget |= o->budget;
    if (o->budget || (o->again && row->tries < ONLINE_TRIES)) {
        row->state = SCORED_WAITING;
        ret->again++;
    } else {
        if (o->there) row->body = write_body(o);
        if (arena_is_full(o->arena)) {
            row->state = SCORED_UNREADABLE;
            row->body = SLICE_NULL;
        }
        if (row->state == SCORED_DONE) fault = put_scores(o, error);
        ret->done += row->state == SCORED_DONE;
        ret->unreadable += row->state == SCORED_UNREADABLE;
    }
    return fault == FAULT_NONE ? scored_conclude(o->evaluations, row, error) : fault;
}

/* ---- several ---- */

static enum fault score_group(struct group *g, const struct scoring *s, const struct online_ask *ask, struct online_scored *ret, struct error *error) {
    enum fault fault = FAULT_NONE;
    g->n_questions = 0;
    for (unsigned i = 0; i < g->n && fault == FAULT_NONE; i++) {
        struct scoring_one *o = g->ones[i];
        record_id_format(&o->row->record, o->id);
        fault = read_exchange(o, error);
        if (fault == FAULT_NONE && o->there) run_checks(g, o);
    }
    if (fault == FAULT_NONE && g->n_questions > 0) fault = ask->ask(ask->ctx, s, g->questions, g->n_questions, error);
    for (size_t q = 0, i = 0; fault == FAULT_NONE && q < g->n_questions; q++) {
        const struct judge_asked *a = (const struct judge_asked *)(const void *)g->questions[q]; /* its first member */
        while (g->ones[i]->id != a->q.record) i++;
        take_answer(g->ones[i], a);
    }
    for (unsigned i = 0; i < g->n && fault == FAULT_NONE; i++) fault = conclude(g->ones[i], ret, error);
    return fault;
}

enum fault online_score(struct ledger *l, struct evaluations *e, const struct scoring *s, const struct online_ask *ask, unsigned limit,
                        int64_t now_us, const atomic_bool *stop, struct online_scored *ret, struct error *error) {
    struct arena list;
    struct scored *rows = NULL;
    struct group *g = mem_new(struct group);
    unsigned n = 0;
    *ret = (struct online_scored){0};
    arena_init(&list, LIST_FIRST, LIST_MAX);
    for (unsigned i = 0; i < ONLINE_AT_ONCE; i++) arena_init(&g->arenas[i], ONE_FIRST, ONE_MAX);
    enum fault fault = scored_waiting(e, s->name, limit, &list, &rows, &n, error);
    for (unsigned from = 0; from < n && fault == FAULT_NONE && !(stop != NULL && atomic_load(stop)); from += g->n) {
        unsigned done_before = ret->done, again_before = ret->again;
        g->n = n - from < ONLINE_AT_ONCE ? n - from : ONLINE_AT_ONCE;
        for (unsigned i = 0; i < g->n; i++) {
            arena_reset(&g->arenas[i]);
            g->ones[i] = arena_new(&g->arenas[i], struct scoring_one);
            *g->ones[i] = (struct scoring_one){.ledger = l, .evaluations = e, .s = s, .now_us = now_us, .row = &rows[from + i], .arena = &g->arenas[i]};
        }
        fault = score_group(g, s, ask, ret, error);
        if (ret->budget || (ret->again > again_before && ret->done == done_before)) break; /* the next ones would fare no better */
    }
    for (unsigned i = 0; i < ONLINE_AT_ONCE; i++) arena_deinit(&g->arenas[i]);
    arena_deinit(&list);
    mem_free(g->questions);
    mem_free(g);
    return fault;
}
