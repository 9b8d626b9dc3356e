/* Which records are looked at, and the lengths and repeats of them; what is in their payloads is
 * review_payload.c's. */
#include "cost/review_payload.h"

#include "base/digest.h"
#include "base/mem.h"

#include <stdlib.h>

struct sampling {
    struct review_build *b;
    struct review_sampled *at; /* mem_; in order of id within a run */
    size_t n, capacity, most;
    uint32_t run;
};

/* ---- records ---- */

static uint32_t place_of_names(const struct review_rows *rows, const struct slice *names, unsigned by) {
    struct review_row key = {0};
    for (int d = 0; d < SPEND_DIMENSIONS; d++)
        if (by >> d & 1) key.names[d] = names[d];
    const struct review_row *found =
        rows->n > 0 ? bsearch(&key, rows->at, rows->n, sizeof *rows->at, review_compare_rows) : NULL;
    return found != NULL ? (uint32_t)(found - rows->at) : REVIEW_NOWHERE;
}

static bool take_record(void *ctx, const struct record *r) {
    struct sampling *s = ctx;
    char hash[2 * sizeof r->system_prompt_hash + 1];
    if (slice_is_null(r->provider) || !slice_is_null(r->cache)) return true; /* nobody was paid */
    if (s->n == s->capacity) {
        s->capacity = s->capacity > 0 ? 2 * s->capacity : 1024;
        s->at = mem_resize(s->at, s->capacity * sizeof *s->at);
    }
    struct slice names[SPEND_DIMENSIONS] = {0};
    names[SPEND_BY_APPLICATION] = r->application, names[SPEND_BY_REQUEST_TYPE] = r->request_type;
    names[SPEND_BY_MODEL] = r->model, names[SPEND_BY_PROVIDER] = r->provider;
    names[SPEND_BY_TARGET_MODEL] = r->target_model, names[SPEND_BY_FEATURE] = r->feature;
    digest_hex(r->system_prompt_hash, sizeof r->system_prompt_hash, hash);
    if (r->has_system_prompt) names[SPEND_BY_SYSTEM_PROMPT] = slice_of(hash);
    struct review_sampled *e = &s->at[s->n++];
    *e = (struct review_sampled){r->id, r->time_us, r->usage.output, r->cost_nano, s->run};
    e->whole = r->status == RECORD_OK;
    e->endpoint = (uint8_t)r->endpoint;
    enum dialect_id dialect = DIALECT_OPENAI;
    (void)dialect_from_name(r->dialect, &dialect);
    e->dialect = (uint8_t)dialect;
    e->type = place_of_names(&s->b->types, names, REVIEW_BY_TYPE);
    e->feature = place_of_names(&s->b->features, names, REVIEW_BY_FEATURE);
    e->prompt =
        r->has_system_prompt ? place_of_names(&s->b->prompts, names, REVIEW_BY_PROMPT) : REVIEW_NOWHERE;
    return s->n < s->most;
}

/* Records in a row from `from_us` on and before `to_us`, until there are `most` in all. */
static enum fault read_run(struct sampling *s, struct ledger *l, const struct review_query *q,
                           int64_t from_us, int64_t to_us, size_t most, struct error *error) {
    struct record_filter f = {.from_us = from_us, .to_us = to_us, .application = q->application};
    struct arena arena;
    struct slice cursor = SLICE_NULL;
    enum fault fault = FAULT_NONE;
    arena_init(&arena, 1 << 10, 1 << 20);
    f.status = -1, f.limit = LIMIT_PAGE, f.oldest_first = true;
    s->most = most;
    do {
        f.cursor = cursor;
        fault = ledger_list(l, &f, &arena, take_record, s, &cursor, error);
    } while (fault == FAULT_NONE && !slice_is_null(cursor) && s->n < most);
    s->run++;
    arena_deinit(&arena);
    return fault;
}

/* When this part of the window's requests was over: to the hour, and evenly within it. */
static int64_t moment_of(const struct review_build *b, double part) {
    double left = part * (double)b->total.requests;
    for (size_t h = 0; h < b->n_hours; h++) {
        double here = (double)b->requests_by_hour[h];
        int64_t start = (b->out->from_us / REVIEW_HOUR_US + (int64_t)h) * REVIEW_HOUR_US;
        if (left < here) return start + (int64_t)(left / here * (double)REVIEW_HOUR_US);
        left -= here;
    }
    return b->out->from_us;
}

static enum fault read_sample(struct sampling *s, struct ledger *l, const struct review_query *q,
                              struct error *error) {
    if (s->b->total.requests <= REVIEW_RECORDS) return read_run(s, l, q, q->from_us, q->to_us, REVIEW_RECORDS, error);
    enum fault fault = FAULT_NONE;
    for (unsigned i = 0; i < REVIEW_RUNS && fault == FAULT_NONE; i++) {
        int64_t from = moment_of(s->b, (double)i / REVIEW_RUNS);
        int64_t after = s->n > 0 ? s->at[s->n - 1].time_us + 1 : q->from_us; /* nothing twice */
        int64_t end = i + 1 < REVIEW_RUNS ? moment_of(s->b, (double)(i + 1) / REVIEW_RUNS) : q->to_us;
        if (from < after) from = after;
        if (from < end) fault = read_run(s, l, q, from, end, s->n + REVIEW_RECORDS / REVIEW_RUNS, error);
    }
    return fault;
}

/* ---- lengths ---- */

static int by_number(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static struct review_lengths *lengths_of(struct review_build *b, const struct sampling *s, uint32_t type) {
    struct review_lengths *ret = arena_new(b->arena, struct review_lengths);
    int64_t *all = mem_new_array(int64_t, s->n + 1);
    size_t n = 0;
    double sum = 0, excess = 0;
    if (ret == NULL) goto out;
    for (size_t i = 0; i < s->n; i++)
        if (s->at[i].type == type && s->at[i].whole && s->at[i].output > 0) all[n++] = s->at[i].output;
    if (n > 1) qsort(all, n, sizeof *all, by_number);
    ret->records = n;
    if (n == 0) goto out;
    ret->p50 = all[(n - 1) / 2];
    ret->p99 = all[(n * 99 + 99) / 100 - 1]; /* nearest rank */
    ret->longest = all[n - 1];
    for (size_t i = 0; i < n; i++) {
        sum += (double)all[i];
        if (all[i] <= ret->p99) continue;
        excess += (double)(all[i] - ret->p99);
        ret->longer++;
    }
    ret->excess = excess / sum;
out:
    mem_free(all);
    return ret;
}

/* How often a request with a system prompt came while the prefix of the one before was still kept. */
static void count_warm(struct review_build *b, const struct sampling *s) {
    int64_t *last = mem_new_array(int64_t, b->prompts.n + 1);
    uint32_t run = UINT32_MAX;
    for (size_t i = 0; i < s->n; i++) {
        const struct review_sampled *e = &s->at[i];
        if (e->run != run) memset(last, 0, (b->prompts.n + 1) * sizeof *last);
        run = e->run;
        if (e->prompt == REVIEW_NOWHERE) continue;
        struct review_prompt *p = b->prompts.at[e->prompt].prompt;
        if (p != NULL && last[e->prompt] > 0) {
            p->pairs++;
            p->warm += e->time_us - last[e->prompt] <= REVIEW_WARM_US;
        }
        last[e->prompt] = e->time_us;
    }
    mem_free(last);
}

/* ---- which payloads ---- */

/* The costliest rows; their number. */
static unsigned costliest(const struct review_rows *rows, enum spend_dimension needs,
                          uint32_t ret[REVIEW_GROUPS]) {
    unsigned n = 0;
    for (size_t i = 0; i < rows->n; i++) {
        const struct review_row *row = &rows->at[i];
        unsigned at = n < REVIEW_GROUPS ? n : REVIEW_GROUPS;
        if (slice_is_null(row->names[needs]) || row->sums.cost_nano <= 0) continue;
        while (at > 0 && rows->at[ret[at - 1]].sums.cost_nano < row->sums.cost_nano) at--;
        if (at >= REVIEW_GROUPS) continue;
        unsigned last = n < REVIEW_GROUPS ? n : REVIEW_GROUPS - 1;
        memmove(&ret[at + 1], &ret[at], (last - at) * sizeof *ret);
        ret[at] = (uint32_t)i;
        if (n < REVIEW_GROUPS) n++;
    }
    return n;
}

static uint32_t group_in(const struct review_sampled *e, enum review_look look) {
    return look == REVIEW_LOOK_PROMPT ? e->prompt : look == REVIEW_LOOK_CHUNKS ? e->feature : e->type;
}

/* Marks up to `most` of a group's records: spread evenly, or the newest in a row. */
static void mark(struct sampling *s, uint32_t group, enum review_look look, size_t most, bool in_a_row) {
    size_t n = 0, seen = 0;
    for (size_t i = 0; i < s->n; i++) n += group_in(&s->at[i], look) == group;
    for (size_t i = 0; i < s->n; i++) {
        if (group_in(&s->at[i], look) != group) continue;
        bool chosen = n <= most || (in_a_row ? seen + most >= n : seen * most / n != (seen + 1) * most / n);
        if (chosen) s->at[i].looks |= 1u << look;
        seen++;
    }
}

static void choose(struct sampling *s) {
    struct review_build *b = s->b;
    uint32_t at[REVIEW_GROUPS + 1];
    unsigned n = costliest(&b->prompts, SPEND_BY_SYSTEM_PROMPT, at);
    for (unsigned i = 0; i < n; i++) {
        b->prompts.at[at[i]].prompt = arena_new(b->arena, struct review_prompt);
        mark(s, at[i], REVIEW_LOOK_PROMPT, REVIEW_EXCHANGES, false);
    }
    n = costliest(&b->features, SPEND_BY_FEATURE, at);
    for (unsigned i = 0; i < n; i++) {
        b->features.at[at[i]].chunks = arena_new(b->arena, struct review_chunks);
        mark(s, at[i], REVIEW_LOOK_CHUNKS, REVIEW_EXCHANGES, false);
    }
    n = costliest(&b->types, SPEND_BY_APPLICATION, at);
    for (unsigned i = 0; i < n; i++) {
        b->types.at[at[i]].lengths = lengths_of(b, s, at[i]);
        mark(s, at[i], REVIEW_LOOK_REPEATS, REVIEW_REPEATS, true);
    }
}

enum fault review_sample(struct review_build *b, struct ledger *l, const struct review_query *q,
                         struct error *error) {
    struct sampling s = {.b = b};
    enum fault fault = read_sample(&s, l, q, error);
    if (fault == FAULT_NONE) {
        b->out->n_sampled = s.n;
        choose(&s);
    }
    if (fault == FAULT_NONE && arena_is_full(b->arena))
        fault = error_set(error, FAULT_TOO_LARGE, "too many combinations of names: take a shorter window");
    if (fault == FAULT_NONE) {
        count_warm(b, &s);
        fault = review_read_payloads(b, l, s.at, s.n, error);
    }
    mem_free(s.at);
    return fault;
}
