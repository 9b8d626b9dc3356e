#include "cost/downgrade.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#define CONFIDENCE 0.95

const char *downgrade_answer_name(enum downgrade_answer a) {
    static const char *const names[] = {"within", "worse", "not_enough_evidence"};
    return (unsigned)a <= DOWNGRADE_NOT_ENOUGH ? names[a] : "unknown";
}

/* ---- running ---- */

static void failed(struct downgrade_result *r, const struct downgrade_case *c, const struct error *error) {
    if (r->errors++ > 0) return;
    (void)snprintf(r->first_error, sizeof r->first_error, SLICE_FMT ": %.400s", SLICE_ARG(c->id),
                   error->text[0] ? error->text : fault_text(error->fault));
}

static void run_one(const struct downgrade_calls *calls, struct arena *arena, struct downgrade_pair *p, struct downgrade_result *ret) {
    struct error error = {.fault = FAULT_INTERNAL};
    enum fault fault = calls->send(calls->ctx, p->before, arena, &p->answer, &error);
    if (fault == FAULT_NONE) fault = calls->score(calls->ctx, p->before, p->answer, &p->score_before, &p->score_after, &error);
    if (fault == FAULT_NONE && !(p->score_before >= 0 && p->score_before <= 1 && p->score_after >= 0 && p->score_after <= 1))
        fault = error_set(&error, FAULT_INTERNAL, "a score is not within 0 to 1");
    p->scored = fault == FAULT_NONE;
    if (!p->scored) failed(ret, p->before, &error);
}

/* ---- the sums ---- */

static void add_up(struct downgrade_result *r) {
    double before = 0, after = 0, slow_before = 0, slow_after = 0;
    for (size_t i = 0; i < r->n; i++) {
        const struct downgrade_pair *p = &r->pairs[i];
        if (p->scored) {
            before += p->score_before;
            after += p->score_after;
            r->scored++;
        }
        if (money_is_known(p->before->cost_nano) && money_is_known(p->cost_nano)) {
            r->cost_before_nano += p->before->cost_nano;
            r->cost_after_nano += p->cost_nano;
            r->priced++;
        }
        if (p->duration_us >= 0) {
            slow_before += (double)p->before->duration_us;
            slow_after += (double)p->duration_us;
            r->timed++;
        }
    }
    r->mean_before = r->scored > 0 ? before / (double)r->scored : NAN;
    r->mean_after = r->scored > 0 ? after / (double)r->scored : NAN;
    r->seconds_before = r->timed > 0 ? slow_before / 1e6 / (double)r->timed : NAN;
    r->seconds_after = r->timed > 0 ? slow_after / 1e6 / (double)r->timed : NAN;
}

/* ---- the answer ---- */

static void say(struct downgrade_result *r, enum downgrade_answer answer, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void say(struct downgrade_result *r, enum downgrade_answer answer, const char *format, ...) {
    va_list args;
    va_start(args, format);
    (void)vsnprintf(r->why, sizeof r->why, format, args);
    va_end(args);
    r->answer = answer;
}

static void judge(struct downgrade_result *r) {
    const struct difference *d = &r->difference;
    if (r->n == 0) {
        say(r, DOWNGRADE_NOT_ENOUGH, "there was nothing to test");
    } else if ((double)r->errors > DOWNGRADE_MOST_ERRORS * (double)r->n) {
        say(r, DOWNGRADE_NOT_ENOUGH, "%zu of %zu pairs failed, the first: %.300s", r->errors, r->n, r->first_error);
    } else if (r->scored < DOWNGRADE_LEAST) {
        r->needed = DOWNGRADE_LEAST;
        say(r, DOWNGRADE_NOT_ENOUGH, "%zu scored pairs; at least %d are needed", r->scored, DOWNGRADE_LEAST);
    } else if (d->low >= -r->most_loss) {
        say(r, DOWNGRADE_WITHIN, "the mean score changes by %+.4f (%+.4f to %+.4f): surely within a loss of %.4f", d->mean, d->low, d->high,
            r->most_loss);
    } else if (d->high < -r->most_loss) {
        say(r, DOWNGRADE_WORSE, "the mean score changes by %+.4f (%+.4f to %+.4f): surely a loss of more than %.4f", d->mean, d->low, d->high,
            r->most_loss);
    } else {
        double room = fabs(d->mean + r->most_loss), half = d->mean + r->most_loss > 0 ? d->mean - d->low : d->high - d->mean;
        if (room > 0.001) r->needed = (size_t)ceil((double)r->scored * fmax(half / room * (half / room), 1.05));
        say(r, DOWNGRADE_NOT_ENOUGH, "the mean score changes by %+.4f (%+.4f to %+.4f): whether that is a loss of more than %.4f cannot be told",
            d->mean, d->low, d->high, r->most_loss);
    }
}

enum fault downgrade_run(const struct downgrade_case *cases, size_t n, double most_loss, uint64_t seed,
                         const struct downgrade_calls *calls, struct arena *arena, struct downgrade_result *ret,
                         struct error *error) {
    struct downgrade_result r = {.n = n, .most_loss = most_loss};
    double *d = arena_new_array(arena, double, n + 1);
    size_t k = 0;
    r.pairs = arena_new_array(arena, struct downgrade_pair, n + 1);
    if (arena_is_full(arena)) return error_set(error, FAULT_TOO_LARGE, "no room for %zu pairs", n);
    for (size_t i = 0; i < n; i++) {
        if (calls->more && !calls->more(calls->ctx)) {
            r.n = n = i;
            break;
        }
        r.pairs[i] = (struct downgrade_pair){.before = &cases[i], .cost_nano = MONEY_UNKNOWN, .duration_us = -1};
        run_one(calls, arena, &r.pairs[i], &r);
        if (r.pairs[i].scored) d[k++] = r.pairs[i].score_after - r.pairs[i].score_before;
    }
    if (calls->look_up) calls->look_up(calls->ctx, r.pairs, n);
    add_up(&r);
    r.difference = difference_paired(d, k, CONFIDENCE, seed);
    judge(&r);
    *ret = r;
    return FAULT_NONE;
}

/* ---- telling ---- */

static void put_usd(struct json_writer *w, const char *key, int64_t nano) {
    char text[MONEY_TEXT];
    money_format(nano, text);
    json_member_raw(w, key, slice_of(text));
}

void downgrade_write_json(const struct downgrade_result *r, struct json_writer *w) {
    json_member_text(w, "answer", downgrade_answer_name(r->answer));
    json_member_text(w, "why", r->why);
    json_member_i64(w, "sample", (int64_t)r->n);
    json_member_i64(w, "scored", (int64_t)r->scored);
    json_member_i64(w, "errors", (int64_t)r->errors);
    json_member_text(w, "first_error", r->errors > 0 ? r->first_error : NULL);
    json_key(w, "needed");
    if (r->needed > 0) json_put_i64(w, (int64_t)r->needed);
    else json_put_null(w);
    json_member_double(w, "most_loss", r->most_loss);
    json_member_double(w, "score_before", r->mean_before);
    json_member_double(w, "score_after", r->mean_after);
    json_member_double(w, "change", r->difference.mean);
    json_member_double(w, "change_low", r->difference.low);
    json_member_double(w, "change_high", r->difference.high);
    json_member_text(w, "interval", "95 %, BCa bootstrap of the pairs, or wider");
    json_member_i64(w, "priced", (int64_t)r->priced);
    put_usd(w, "cost_before_usd", r->priced > 0 ? r->cost_before_nano : MONEY_UNKNOWN);
    put_usd(w, "cost_after_usd", r->priced > 0 ? r->cost_after_nano : MONEY_UNKNOWN);
    json_member_i64(w, "timed", (int64_t)r->timed);
    json_member_double(w, "seconds_before", r->seconds_before);
    json_member_double(w, "seconds_after", r->seconds_after);
}
