/* Taking: which records are scored. */
#include "quality/online.h"

#include "base/histogram.h"
#include "base/mem.h"

#include <math.h>

#define DAY_US 86400000000LL
#define LATE_US (2 * DAY_US) /* no exchange comes later than this */
#define OTHER_TYPES SLICE("(other)")
enum { STEP_ARENA_FIRST = 64 << 10, STEP_ARENA_MAX = 64 << 20, TAKEN_FIRST = 64 };

/* Output tokens of one request type. */
struct lengths {
    struct slice request_type;
    struct histogram before, today; /* of the days before `day`, and of it */
    bool changed;
};

struct taking {
    const struct scoring *s;
    int64_t definition;
    bool paused;
    struct arena arena;   /* of one step */
    struct arena names;   /* of request types */
    struct lengths *lengths;
    unsigned n_lengths;
    int64_t day;          /* of the lengths: the newest record's */
    int64_t window, used;
    struct scored *taken;
    size_t n_taken, capacity;
    struct scored_counts counts;
    int64_t records;
};

/* ---- lengths ---- */

static struct lengths *lengths_of(struct taking *t, struct slice request_type) {
    for (unsigned i = 0; i < t->n_lengths; i++)
        if (slice_eq(t->lengths[i].request_type, request_type)) return &t->lengths[i];
    if (t->n_lengths == ONLINE_TYPES) return &t->lengths[ONLINE_TYPES - 1];
    struct lengths *l = &t->lengths[t->n_lengths++];
    if (t->n_lengths == ONLINE_TYPES) request_type = OTHER_TYPES; /* the last place is everyone's */
    *l = (struct lengths){.request_type = arena_slice(&t->names, request_type.len > 0 ? request_type : SLICE(""))};
    histogram_init(&l->before);
    histogram_init(&l->today);
    return l;
}

static void remember(void *ctx, const struct scored_histogram *h) {
    struct taking *t = ctx;
    struct lengths *l = lengths_of(t, h->request_type);
    if (!histogram_decode(h->bytes, h->day < t->day ? &l->before : &l->today)) return; /* damaged: it is as if it were not known */
}

static void forget_lengths(struct taking *t) {
    for (unsigned i = 0; i < t->n_lengths; i++) {
        histogram_deinit(&t->lengths[i].before);
        histogram_deinit(&t->lengths[i].today);
    }
    t->n_lengths = 0;
    arena_reset(&t->names);
}

/* Those of the days before this one, and what is known of it. */
static enum fault load_lengths(struct taking *t, struct evaluations *e, int64_t day, struct error *error) {
    forget_lengths(t);
    t->day = day;
    return scored_histograms(e, t->s->name, day - ONLINE_LENGTH_DAYS, remember, t, error);
}

static enum scored_length judge_length(const struct histogram *h, int64_t tokens) {
    double less = (double)h->zero, more = 0, n = (double)h->count;
    int32_t at = tokens > 0 ? (int32_t)ceil(log2((double)tokens) * 32) - 1 : INT32_MIN;
    if (h->count < ONLINE_LENGTH_LEAST) return SCORED_LENGTH_UNKNOWN;
    if (tokens <= 0) less = 0;
    for (uint32_t i = 0; i < h->used; i++) {
        less += h->buckets[i].index < at ? (double)h->buckets[i].count : 0;
        more += h->buckets[i].index > at ? (double)h->buckets[i].count : 0;
    }
    if ((n - less + 1) / (n + 1) <= ONLINE_LENGTH_TAIL) return SCORED_LENGTH_LONG;
    if ((n - more + 1) / (n + 1) <= ONLINE_LENGTH_TAIL) return SCORED_LENGTH_SHORT;
    return SCORED_LENGTH_USUAL;
}

static enum scored_length see_length(struct taking *t, const struct record *r) {
    if (r->usage.output < 0) return SCORED_LENGTH_UNKNOWN;
    struct lengths *l = lengths_of(t, r->request_type);
    enum scored_length is = judge_length(&l->before, r->usage.output);
    histogram_add(&l->today, r->usage.output);
    l->changed = true;
    return is;
}

/* ---- one record ---- */

static struct slice keep(struct taking *t, struct slice s) { return slice_is_null(s) ? s : arena_slice(&t->arena, s); }

static void put(struct taking *t, const struct record *r, double chance, enum scored_length length) {
    if (t->n_taken == t->capacity) {
        t->capacity = t->capacity > 0 ? 2 * t->capacity : TAKEN_FIRST;
        t->taken = mem_resize(t->taken, t->capacity * sizeof *t->taken);
    }
    t->taken[t->n_taken++] = (struct scored){
        .record = r->id, .rule = t->s->name, .definition = t->definition, .time_us = r->time_us, .application = keep(t, r->application),
        .request_type = keep(t, r->request_type), .prompt = keep(t, r->prompt_name), .version = keep(t, r->prompt_version),
        .model = keep(t, r->target_model), .chance_e15 = (int64_t)(chance * SCORED_CHANCE_ONE + 0.5), .length = length, .state = SCORED_WAITING,
        .body = SLICE_NULL};
}

static void see(void *ctx, const struct record *r) {
    struct taking *t = ctx;
    t->records++;
    if (t->paused || !scoring_matches(t->s, r)) return;
    enum scored_length length = see_length(t, r);
    int64_t window = t->s->per_us > 0 ? r->time_us / t->s->per_us : 0;
    bool set_back = (t->window - window) * t->s->per_us > LATE_US; /* the clock was ahead: that window would be open for as long */
    if (window > t->window || set_back) { /* records that come late count in the window that is open */
        t->window = window;
        t->used = 0;
    }
    double chance = scoring_chance(t->s, r, t->used);
    t->counts.matched++;
    t->counts.over += t->s->at_most >= 0 && t->used >= t->s->at_most;
    if (!scoring_draws(t->s, &r->id, chance)) return;
    t->used++;
    t->counts.taken++;
    put(t, r, chance, length);
}

/* ---- a step ---- */

static struct scored_histogram *changed_lengths(struct taking *t, size_t *ret_n) {
    struct scored_histogram *all = arena_new_array(&t->arena, struct scored_histogram, t->n_lengths + 1);
    *ret_n = 0;
    for (unsigned i = 0; i < t->n_lengths && all != NULL; i++) {
        struct buffer out;
        if (!t->lengths[i].changed) continue;
        buffer_init(&out, 1 << 20);
        histogram_encode(&t->lengths[i].today, &out);
        all[(*ret_n)++] = (struct scored_histogram){t->lengths[i].request_type, t->day, arena_slice(&t->arena, buffer_slice(&out))};
        buffer_deinit(&out);
        t->lengths[i].changed = false;
    }
    return all;
}

static enum fault step(struct taking *t, struct ledger *l, struct evaluations *e, struct follow *f, bool *ret_any, struct error *error) {
    char position[FOLLOW_TEXT];
    arena_reset(&t->arena);
    t->n_taken = 0;
    t->counts = (struct scored_counts){0};
    enum fault fault = ledger_follow(l, f, see, t, ret_any, error);
    if (fault != FAULT_NONE || !*ret_any) return fault;
    follow_format(f, position);
    struct scored_step k = {.rule = t->s->name, .position = slice_of(position), .window = t->window, .used = t->used, .day = t->day,
                            .counts = t->counts, .taken = t->taken, .n_taken = t->n_taken};
    k.histograms = changed_lengths(t, &k.n_histograms);
    if (arena_is_full(&t->arena) || arena_is_full(&t->names)) return error_set(error, FAULT_TOO_LARGE, "no room for the records that were taken");
    return scored_keep(e, &k, error);
}

static enum fault begin(struct ledger *l, struct evaluations *e, struct slice rule, struct error *error) {
    struct follow f = {.n = 0};
    char position[FOLLOW_TEXT];
    enum fault fault = ledger_follow_end(l, &f, error);
    if (fault != FAULT_NONE) return fault;
    follow_format(&f, position);
    return scored_keep(e, &(struct scored_step){.rule = rule, .position = slice_of(position)}, error);
}

static enum fault steps(struct taking *t, struct ledger *l, struct evaluations *e, const struct scored_rule *rule, int64_t day,
                        struct follow *f, const atomic_bool *stop, struct online_taken *ret, struct error *error) {
    bool any = true;
    if (!follow_resume(rule->position, f)) return error_set(error, FAULT_CORRUPT, "evaluations.db: the position of a scoring rule cannot be read");
    if (!ledger_follow_is_due(l, f)) return FAULT_NONE;
    t->paused = rule->paused;
    t->window = rule->window;
    t->used = rule->used;
    enum fault fault = load_lengths(t, e, day, error);
    while (fault == FAULT_NONE && any && !(stop != NULL && atomic_load(stop))) {
        fault = step(t, l, e, f, &any, error);
        if (fault != FAULT_NONE || !any) break;
        ret->counts.matched += t->counts.matched;
        ret->counts.taken += t->counts.taken;
        ret->counts.over += t->counts.over;
    }
    ret->records = t->records;
    return fault;
}

enum fault online_take(struct ledger *l, struct evaluations *e, const struct scoring *s, int64_t definition, int64_t now_us, struct follow *f,
                       const atomic_bool *stop, struct online_taken *ret, struct error *error) {
    struct scored_rule rule;
    struct arena arena;
    *ret = (struct online_taken){0};
    arena_init(&arena, 1 << 10, 1 << 20);
    enum fault fault = scored_rule_find(e, s->name, &arena, &rule, error);
    if (fault == FAULT_NONE && slice_is_null(rule.position)) fault = begin(l, e, s->name, error);
    else if (fault == FAULT_NONE) {
        struct taking *t = mem_new(struct taking);
        t->s = s;
        t->definition = definition;
        t->lengths = mem_new_array(struct lengths, ONLINE_TYPES);
        arena_init(&t->arena, STEP_ARENA_FIRST, STEP_ARENA_MAX);
        arena_init(&t->names, 4 << 10, 1 << 20);
        fault = steps(t, l, e, &rule, now_us / DAY_US, f, stop, ret, error);
        forget_lengths(t);
        arena_deinit(&t->names);
        arena_deinit(&t->arena);
        mem_free(t->lengths);
        mem_free(t->taken);
        mem_free(t);
    }
    arena_deinit(&arena);
    return fault;
}
