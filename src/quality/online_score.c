/* Scoring: how good what was taken is. */
#include "quality/online.h"

#include "base/json.h"
#include "quality/captured.h"
#include "store/score.h"

#include <stdio.h>

#define PAYLOAD_PATIENCE_US 120000000LL /* a payload comes into the ledger beside its record, perhaps a moment later */
#define MOST_COMMENT 1000
enum { ONE_FIRST = 256 << 10, LIST_FIRST = 64 << 10, LIST_MAX = 16 << 20, ONCE_TEXT = 160 };
#define ONE_MAX ((size_t)LIMIT_PAYLOAD * 64) /* a payload, its JSON, and what judges are asked */

struct scoring_one {
    struct ledger *ledger;
    struct evaluations *evaluations;
    const struct scoring *s;
    const struct online_ask *ask;
    int64_t now_us;
    struct arena *arena;
    struct record record;
    char id[RECORD_ID_TEXT];
    struct captured captured;
    struct check_outcome outcomes[LIMIT_SCORING_CHECKS];
    bool again; /* a judge could not be asked */
};

/* ---- judges ---- */

/* The gateway could not, or would not: an error of the check, and another try may be better. */
static struct judge_verdict unanswered(struct scoring_one *o, const struct error *error) {
    o->again = true;
    return (struct judge_verdict){.reason = arena_printf(o->arena, "the judge could not be asked: %s", error->text)};
}

static enum fault ask_once(struct scoring_one *o, unsigned at, const struct judge *j, const struct judge_question *q, unsigned call,
                           struct judge_verdict *ret, struct error *error) {
    struct buffer body;
    struct slice answer = SLICE_NULL;
    char once[ONCE_TEXT], hex[17];
    uint8_t identity[8];
    struct digest d;
    judge_identity(j, q->check, &d);
    memcpy(identity, d.bytes, sizeof identity);
    digest_hex(identity, sizeof identity, hex);
    /* another judge, or another rubric, is another question */
    (void)snprintf(once, sizeof once, "scoring-%016llx-%s-%s-%u.%u", (unsigned long long)o->s->seed, o->id, hex, at, call);
    buffer_init(&body, 8 * LIMIT_PAYLOAD);
    enum fault fault = judge_write_call(j, q, call, o->arena, &body, error);
    if (fault != FAULT_NONE) {
        *ret = (struct judge_verdict){.reason = arena_slice(o->arena, slice_of(error->text))};
        fault = FAULT_NONE;
    } else {
        fault = o->ask->ask(o->ask->ctx, o->s, buffer_slice(&body), once, o->id, o->arena, &answer, error);
        if (fault == FAULT_NONE) judge_read_verdict(j, q->check, call, answer, o->arena, ret);
        else if (fault != FAULT_SHUTTING_DOWN) {
            *ret = unanswered(o, error);
            fault = FAULT_NONE;
        }
    }
    buffer_deinit(&body);
    return fault;
}

static enum fault judge_one(struct scoring_one *o, unsigned at, const struct check_case *about, struct error *error) {
    const struct check *c = &o->s->checks[at];
    const struct judge *j = scoring_judge(o->s, c);
    struct judge_question q = {.check = c, .answer = &o->captured.answer, .about = about, .asked = o->captured.asked};
    struct judge_verdict verdicts[2 * JUDGE_PANEL];
    unsigned n = judge_calls(j, c);
    for (unsigned i = 0; i < n; i++) {
        enum fault fault = ask_once(o, at, j, &q, i, &verdicts[i], error);
        if (fault != FAULT_NONE) return fault;
    }
    judge_conclude(j, c, verdicts, n, o->arena, &o->outcomes[at]);
    return FAULT_NONE;
}

/* ---- one record ---- */

static enum fault run_checks(struct scoring_one *o, struct error *error) {
    struct check_case about = {.expected = SLICE_NULL, .context = o->captured.context};
    enum fault fault = FAULT_NONE;
    for (unsigned i = 0; i < o->s->n_checks && fault == FAULT_NONE; i++) {
        if (check_by(&o->s->checks[i]) == CHECK_BY_JUDGE) fault = judge_one(o, i, &about, error);
        else check_run(&o->s->checks[i], &o->captured.answer, &about, o->arena, &o->outcomes[i]);
    }
    return fault;
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

/* False: nobody can say how good it is. */
static enum fault read_exchange(struct scoring_one *o, const struct scored *row, bool *ret_there, bool *ret_early, struct error *error) {
    struct payload payload;
    const char *why;
    *ret_there = *ret_early = false;
    enum fault fault = ledger_find(o->ledger, &row->record, o->arena, &o->record, error);
    if (fault == FAULT_NOT_FOUND) return FAULT_NONE;
    if (fault == FAULT_NONE) fault = ledger_payload(o->ledger, &row->record, o->arena, &payload, error);
    if (fault == FAULT_NOT_FOUND) {
        *ret_early = o->now_us - (o->record.time_us + o->record.duration_us) < PAYLOAD_PATIENCE_US;
        return FAULT_NONE;
    }
    if (fault == FAULT_NONE) *ret_there = captured_read(&o->record, &payload, o->arena, &o->captured, &why);
    return fault;
}

static enum fault score_one(struct scoring_one *o, struct scored *row, struct online_scored *ret, struct error *error) {
    bool there, early;
    record_id_format(&row->record, o->id);
    enum fault fault = read_exchange(o, row, &there, &early, error);
    if (fault != FAULT_NONE || early) return fault;
    row->state = there ? SCORED_DONE : SCORED_UNREADABLE;
    if (there) fault = run_checks(o, error);
    if (fault != FAULT_NONE) return fault;
    if (there) row->body = write_body(o);
    row->tries++;
    if (o->again && row->tries < ONLINE_TRIES) {
        row->state = SCORED_WAITING;
        row->body = SLICE_NULL;
        ret->again++;
    } else {
        if (arena_is_full(o->arena)) row->state = SCORED_UNREADABLE;
        if (row->state == SCORED_DONE) fault = put_scores(o, error);
        ret->done += row->state == SCORED_DONE;
        ret->unreadable += row->state == SCORED_UNREADABLE;
    }
    return fault == FAULT_NONE ? scored_conclude(o->evaluations, row, error) : fault;
}

enum fault online_score(struct ledger *l, struct evaluations *e, const struct scoring *s, const struct online_ask *ask, unsigned limit,
                        int64_t now_us, const atomic_bool *stop, struct online_scored *ret, struct error *error) {
    struct arena list, one;
    struct scored *rows = NULL;
    unsigned n = 0;
    *ret = (struct online_scored){0};
    arena_init(&list, LIST_FIRST, LIST_MAX);
    arena_init(&one, ONE_FIRST, ONE_MAX);
    enum fault fault = scored_waiting(e, s->name, limit, &list, &rows, &n, error);
    for (unsigned i = 0; i < n && fault == FAULT_NONE && !(stop != NULL && atomic_load(stop)); i++) {
        arena_reset(&one);
        struct scoring_one *o = arena_new(&one, struct scoring_one);
        *o = (struct scoring_one){.ledger = l, .evaluations = e, .s = s, .ask = ask, .now_us = now_us, .arena = &one};
        fault = score_one(o, &rows[i], ret, error);
    }
    arena_deinit(&one);
    arena_deinit(&list);
    return fault;
}
