#include "cost/downgrade_draw.h"

#include "base/digest.h"
#include "cost/route_seen.h"
#include "dialect/dialect.h"
#include "io/sse.h"

#include <stdlib.h>

/* ---- answers in text ---- */

static void put_part(struct buffer *out, const struct part *p) {
    if (p->type == PART_TEXT || p->type == PART_REFUSAL) (void)buffer_append(out, p->text);
    else if (p->type == PART_TOOL_CALL)
        (void)buffer_printf(out, "\n[tool call] " SLICE_FMT " " SLICE_FMT, SLICE_ARG(p->name), SLICE_ARG(p->arguments));
}

static void put_event(struct buffer *out, const struct event *e) {
    if (e->type == EVENT_TEXT || e->type == EVENT_REFUSAL || e->type == EVENT_TOOL_ARGS) (void)buffer_append(out, e->text);
    else if (e->type == EVENT_TOOL_BEGIN) (void)buffer_printf(out, "\n[tool call] " SLICE_FMT " ", SLICE_ARG(e->name));
}

static void read_stream(const struct dialect *d, struct slice body, struct arena *scratch, struct buffer *out) {
    struct sse_reader sse;
    struct sse_event one;
    struct stream_reader reader = {.arena = scratch, .endpoint = ENDPOINT_CHAT};
    struct event events[LIMIT_EVENTS_PER_CHUNK];
    unsigned n;
    bool usage_only;
    sse_reader_init(&sse);
    bool more = sse_reader_feed(&sse, body) == FAULT_NONE;
    while (more && (sse_reader_next(&sse, &one) || sse_reader_end(&sse, &one))) {
        n = 0;
        if (one.has_data && d->read_event(&reader, one.name, one.data, events, &n, &usage_only) == FAULT_NONE)
            for (unsigned i = 0; i < n; i++) put_event(out, &events[i]);
        arena_reset(scratch);
    }
    sse_reader_deinit(&sse);
}

static void read_whole(const struct dialect *d, struct slice body, struct arena *scratch, struct buffer *out) {
    struct reply reply;
    struct upstream_error why;
    if (d->read_reply(body, ENDPOINT_CHAT, true, scratch, &reply, &why) != FAULT_NONE) return;
    for (unsigned i = 0; i < reply.n_parts; i++) put_part(out, &reply.parts[i]);
}

bool downgrade_answer_text(enum dialect_id dialect, struct slice body, struct arena *arena, struct slice *ret) {
    struct buffer out;
    struct arena scratch;
    struct slice start = slice_trim(body);
    buffer_init(&out, 2 * LIMIT_PAYLOAD);
    arena_init(&scratch, 64 << 10, 32 * (size_t)LIMIT_PAYLOAD);
    if (start.len > 0 && start.at[0] == '{') read_whole(dialect_of(dialect), body, &scratch, &out);
    else read_stream(dialect_of(dialect), body, &scratch, &out);
    bool good = !out.overflow && slice_trim(buffer_slice(&out)).len > 0;
    if (good) *ret = arena_slice(arena, buffer_slice(&out));
    arena_deinit(&scratch);
    buffer_deinit(&out);
    return good && !slice_is_null(*ret);
}

/* ---- candidates ---- */

struct candidate {
    struct record_id id;
    uint64_t type, order; /* hashes of the request type, and of id and seed */
    enum dialect_id dialect;
    int64_t cost_nano, duration_us;
};

struct candidates {
    const struct model_route *m;
    struct candidate *ring; /* the newest */
    size_t n;
    uint64_t seed;
};

static bool add(void *ctx, const struct record *r) {
    struct candidates *all = ctx;
    struct candidate c = {.id = r->id, .cost_nano = r->cost_nano, .duration_us = r->duration_us};
    if (r->endpoint != ENDPOINT_CHAT || r->cache.len > 0 || !slice_is(r->model, all->m->name)) return true;
    if (route_tier_of(all->m, r) != (int)all->m->tiering->n_tiers - 1 || !dialect_from_name(r->dialect, &c.dialect)) return true;
    c.type = digest_fast(r->request_type, 1);
    c.order = digest_fast(slice_make((const char *)r->id.bytes, sizeof r->id.bytes), all->seed);
    all->ring[all->n++ % DOWNGRADE_LOOKED_AT] = c;
    return true;
}

static int by_type_and_order(const void *a, const void *b) {
    const struct candidate *l = a, *r = b;
    if (l->type != r->type) return l->type < r->type ? -1 : 1;
    return l->order < r->order ? -1 : l->order > r->order;
}

/* False: its bodies are not there. */
static bool take(struct ledger *l, const struct candidate *c, struct arena *arena, struct downgrade_case *ret, enum fault *fault,
                 struct error *error) {
    struct payload p;
    struct arena scratch;
    char id[RECORD_ID_TEXT];
    arena_init(&scratch, 64 << 10, 8 * (size_t)LIMIT_PAYLOAD);
    *fault = ledger_payload(l, &c->id, &scratch, &p, error);
    bool good = *fault == FAULT_NONE && !slice_is_null(p.request) && !slice_is_null(p.reply) && !p.request_cut && !p.reply_cut &&
                downgrade_answer_text(c->dialect, p.reply, arena, &ret->answer);
    if (*fault == FAULT_NOT_FOUND) *fault = FAULT_NONE;
    if (good) {
        record_id_format(&c->id, id);
        ret->id = arena_slice(arena, slice_of(id));
        ret->dialect = c->dialect;
        ret->request = arena_slice(arena, p.request);
        ret->cost_nano = c->cost_nano;
        ret->duration_us = c->duration_us;
    }
    arena_deinit(&scratch);
    return good;
}

enum fault downgrade_draw(struct ledger *l, const struct model_route *m, struct slice application, int64_t from_us, int64_t to_us, size_t want, uint64_t seed,
                          struct arena *arena, struct downgrade_draw *ret, struct error *error) {
    struct candidates all = {.m = m, .ring = arena_new_array(arena, struct candidate, DOWNGRADE_LOOKED_AT), .seed = seed};
    struct record_filter f = {.from_us = from_us, .to_us = to_us, .application = application, .model = slice_of(m->name), .status = RECORD_OK};
    *ret = (struct downgrade_draw){.cases = arena_new_array(arena, struct downgrade_case, want + 1)};
    if (arena_is_full(arena)) return error_set(error, FAULT_TOO_LARGE, "no room for a sample");
    enum fault fault = route_each_record(l, &f, add, &all, error);
    size_t n = ret->candidates = all.n < DOWNGRADE_LOOKED_AT ? all.n : DOWNGRADE_LOOKED_AT;
    if (n > 1) qsort(all.ring, n, sizeof *all.ring, by_type_and_order);
    size_t start = n > 0 ? digest_fast(SLICE("start"), seed) % n : 0;
    if (want > n) want = n;
    for (size_t i = 0; i < want && fault == FAULT_NONE; i++) { /* the first of each of `want` equal parts that has bodies */
        bool taken = false;
        for (size_t k = i * n / want; k < (i + 1) * n / want && !taken && fault == FAULT_NONE; k++) {
            taken = take(l, &all.ring[(start + k) % n], arena, &ret->cases[ret->n], &fault, error);
            ret->without_bodies += !taken && fault == FAULT_NONE;
        }
        ret->n += taken;
    }
    return fault != FAULT_NONE ? fault : arena_is_full(arena) ? error_set(error, FAULT_TOO_LARGE, "the sample's bodies need too much room") : FAULT_NONE;
}
