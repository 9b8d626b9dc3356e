/* Sums of money and tokens, and how they lie in a day file. */
#include "store/rollup.h"
#include "store/spend_cell.h"
#include "store/varint.h"

enum { ROW_VERSION = 1, MASK_MOST = 64 };

static const char *const names[] = {
#define DIMENSION(symbol, name) name,
    SPEND_DIMENSION_TABLE(DIMENSION)
#undef DIMENSION
        "day",
    "hour",
};

const char *spend_dimension_name(enum spend_dimension d) {
    return (unsigned)d < sizeof names / sizeof *names ? names[d] : "unknown";
}

/* The members in four lists, each with a mask of its own in the file: only ever appended to. */
static const size_t plain[] = {
    offsetof(struct spend_sums, requests),
    offsetof(struct spend_sums, unpriced),
    offsetof(struct spend_sums, cost_nano),
    offsetof(struct spend_sums, lost_nano),
    offsetof(struct spend_sums, unpriced_input),
    offsetof(struct spend_sums, unpriced_output),
#define USAGE(field) offsetof(struct spend_sums, usage.field),
    USAGE_TABLE(USAGE)
#undef USAGE
        offsetof(struct spend_sums, cache_hits),
    offsetof(struct spend_sums, saved_nano),
    offsetof(struct spend_sums, history_saved),
};
enum { N_PLAIN = sizeof plain / sizeof *plain, CHARGES = CHARGE_METERS + 1, LISTS = 4 };
static const unsigned list_lengths[LISTS] = {N_PLAIN, RECORD_STATUS_COUNT, CHARGES, CHARGES};

static int64_t *member(struct spend_sums *s, unsigned list, unsigned i) {
    switch (list) {
    case 0: return (int64_t *)((char *)s + plain[i]);
    case 1: return (int64_t *)&s->by_status[i];
    case 2: return &s->nano[i];
    default: return &s->quantity[i];
    }
}

/* Providers report counts: a silly one must not wrap the sum. */
static void add(int64_t *sum, int64_t n) {
    if (__builtin_add_overflow(*sum, n, sum)) *sum = n < 0 ? INT64_MIN : INT64_MAX;
}

void spend_sums_init(struct spend_sums *s) {
    memset(s, 0, sizeof *s);
}

/* Kept answers that were served: nobody counted or charged their tokens again. */
static bool is_hit(const struct record *r) {
    return r->cache.len > 0;
}

static void add_money(struct spend_sums *s, const struct record *r) {
    int64_t quantities[CHARGE_METERS];
    add(&s->cost_nano, r->cost_nano);
    if (r->status != RECORD_OK) add(&s->lost_nano, r->cost_nano);
    if (r->charge.meters == 0) {
        if (r->cost_nano == 0) return; /* nothing was charged */
        add(&s->nano[CHARGE_METERS], r->cost_nano);
        add(&s->quantity[CHARGE_METERS], 1);
        return;
    }
    charge_quantities(&r->charge, &r->usage, quantities);
    for (unsigned m = 0; m < CHARGE_METERS && r->charge.meters >> m != 0; m++)
        if (r->charge.meters >> m & 1) {
            add(&s->nano[m], r->charge.nano[m]);
            add(&s->quantity[m], quantities[m]);
        }
}

void spend_sums_add(struct spend_sums *s, const struct record *r) {
    const struct usage *u = &r->usage;
    s->requests++;
    if ((unsigned)r->status < RECORD_STATUS_COUNT) s->by_status[r->status]++;
    if (is_hit(r)) {
        s->cache_hits++;
        if (r->saved_nano > 0) add(&s->saved_nano, r->saved_nano); /* MONEY_UNKNOWN is negative */
        if (money_is_known(r->cost_nano)) add_money(s, r);
        else s->unpriced++;
        return;
    }
    if (r->history_tokens_saved > 0 && r->status != RECORD_REFUSED) add(&s->history_saved, r->history_tokens_saved);
#define USAGE(field)                                                                                         \
    if (u->field > 0) add(&s->usage.field, u->field); /* USAGE_NULL is negative */
    USAGE_TABLE(USAGE)
#undef USAGE
    if (money_is_known(r->cost_nano)) {
        add_money(s, r);
        return;
    }
    s->unpriced++;
    if (u->input > 0) add(&s->unpriced_input, u->input);
    if (u->output > 0) add(&s->unpriced_output, u->output);
}

void spend_sums_merge(struct spend_sums *into, const struct spend_sums *from) {
    struct spend_sums copy = *from;
    for (unsigned list = 0; list < LISTS; list++)
        for (unsigned i = 0; i < list_lengths[list]; i++) add(member(into, list, i), *member(&copy, list, i));
}

/* ---- in the file ---- */

static void encode_sums(const struct spend_sums *s, struct buffer *out) {
    struct spend_sums copy = *s;
    for (unsigned list = 0; list < LISTS; list++) {
        uint64_t mask = 0;
        for (unsigned i = 0; i < list_lengths[list]; i++)
            if (*member(&copy, list, i) != 0) mask |= 1ull << i;
        varint_put(out, mask);
        for (unsigned i = 0; mask >> i != 0; i++)
            if (mask >> i & 1) varint_put(out, varint_from_signed(*member(&copy, list, i)));
    }
}

static bool take_sums(struct slice *bytes, struct spend_sums *into) {
    uint64_t mask, value;
    for (unsigned list = 0; list < LISTS; list++) {
        if (!varint_take(bytes, &mask) || mask >> list_lengths[list] != 0) return false;
        for (unsigned i = 0; i < list_lengths[list] && mask >> i != 0; i++) {
            if (!(mask >> i & 1)) continue;
            if (!varint_take(bytes, &value)) return false;
            if (into != NULL) add(member(into, list, i), varint_to_signed(value));
        }
    }
    return true;
}

void spend_row_encode(const struct spend_sums cells[CELLS_PER_ROW], struct buffer *out) {
    varint_put(out, ROW_VERSION);
    for (unsigned i = 0; i < CELLS_PER_ROW; i++) {
        if (cells[i].requests == 0) continue;
        varint_put(out, i);
        encode_sums(&cells[i], out);
    }
}

bool spend_row_decode(struct slice body, struct spend_sums *(*sums_of)(void *ctx, unsigned place),
                      void *ctx) {
    uint64_t version, place;
    if (!varint_take(&body, &version) || version != ROW_VERSION) return false;
    while (body.len > 0) {
        if (!varint_take(&body, &place) || place >= CELLS_PER_ROW) return false;
        if (!take_sums(&body, sums_of(ctx, (unsigned)place))) return false;
    }
    return true;
}

void spend_texts(const struct record *r, struct buffer *room, struct slice ret[SPEND_TEXTS]) {
    ret[SPEND_BY_APPLICATION] = r->application;
    ret[SPEND_BY_REQUEST_TYPE] = r->request_type;
    ret[SPEND_BY_MODEL] = r->model;
    ret[SPEND_BY_PROVIDER] = r->provider;
    ret[SPEND_BY_TARGET_MODEL] = r->target_model;
    ret[SPEND_BY_PROMPT] = rollup_prompt(r, room);
    ret[SPEND_BY_FEATURE] = r->feature;
    ret[SPEND_BY_TEAM] = r->team;
    ret[SPEND_BY_KEY] = r->key;
    ret[SPEND_BY_SYSTEM_PROMPT] =
        r->has_system_prompt ? slice_make((const char *)r->system_prompt_hash, sizeof r->system_prompt_hash)
                             : SLICE_NULL;
}
