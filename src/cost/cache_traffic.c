#include "cost/cache_traffic.h"

#include "base/digest.h"
#include "base/mem.h"
#include "base/table.h"
#include "cost/cache_answer.h"
#include "cost/cache_pairs.h"
#include "dialect/question.h"
#include "model/literals.h"

#define PAYLOAD_ROOM                                                                                         \
    (64u << 20) /* one payload unpacked and read: bounded by LIMIT_PAYLOAD, many times over */

/* One recorded question. */
struct asked {
    struct record_id id;
    enum endpoint endpoint;
    enum dialect_id dialect;
    bool stream;
    struct slice model, request_type, prompt_name, prompt_version, user;
    int64_t time_us, cost_nano;
    /* from its payload */
    bool comparable, has_answer;
    uint8_t class[16],
        text[16]; /* digests: all but the wording, its literals among it; the wording as it is */
    struct cache_question question, answer;
    uint32_t number; /* of the question */
};

struct reading {
    struct ledger *ledger;
    const struct cache_traffic_query *query;
    struct arena *arena;
    struct asked *all;
    size_t n, seen;
    struct cache_traffic *to;
};

/* ---- records ---- */

static bool take_record(void *ctx, const struct record *r) {
    struct reading *g = ctx;
    struct asked *a = &g->all[g->n];
    if (g->n == CACHE_TRAFFIC_MOST || ++g->seen > CACHE_TRAFFIC_SEEN) {
        g->to->more = true;
        return false;
    }
    *a = (struct asked){.id = r->id,
                        .endpoint = r->endpoint,
                        .stream = r->stream,
                        .time_us = r->time_us,
                        .cost_nano = r->cost_nano};
    bool good = r->status == RECORD_OK && r->cache.len == 0 && dialect_from_name(r->dialect, &a->dialect) &&
                (r->endpoint == ENDPOINT_CHAT || r->endpoint == ENDPOINT_RESPONSES);
    if (!good) return true;
    a->model = arena_slice(g->arena, r->model);
    a->request_type = arena_slice(g->arena, r->request_type);
    a->prompt_name = arena_slice(g->arena, r->prompt_name);
    a->prompt_version = arena_slice(g->arena, r->prompt_version);
    a->user = arena_slice(g->arena, r->user);
    g->n++;
    return true;
}

static enum fault read_records(struct reading *g, struct error *error) {
    struct record_filter f = {.from_us = g->query->from_us,
                              .to_us = g->query->to_us,
                              .application = g->query->application,
                              .status = RECORD_OK,
                              .limit = LIMIT_PAGE};
    enum fault fault;
    do {
        fault = ledger_list(g->ledger, &f, g->arena, take_record, g, &f.cursor, error);
    } while (fault == FAULT_NONE && !slice_is_null(f.cursor) && !g->to->more);
    if (fault == FAULT_NONE && arena_is_full(g->arena))
        fault =
            error_set(error, FAULT_TOO_LARGE, "no room for the records of this window: take a shorter one");
    return fault;
}

/* ---- payloads ---- */

static void write_class(const struct reading *g, const struct asked *a, const struct call *call,
                        uint32_t wording, struct slice text, struct buffer *out) {
    const struct dialect *d = dialect_of(a->dialect);
    const int64_t numbers[] = {a->endpoint, a->dialect};
    buffer_clear(out);
    question_put(out, slice_make((const char *)numbers, sizeof numbers));
    question_put(out, a->model);
    question_put(out, a->request_type);
    question_put(out, a->prompt_name);
    question_put(out, a->prompt_version);
    if (g->query->per_user) question_put(out, a->user);
    question_write(d, call, g->query->per_user, wording, out);
    literals_of(text, out);
}

static void read_question(const struct reading *g, struct asked *a, struct slice body, struct arena *temp,
                          struct buffer *room) {
    const struct dialect *d = dialect_of(a->dialect);
    struct call call = {.endpoint = a->endpoint};
    struct error error;
    uint32_t node = JSON_NONE;
    if (d->read_head(body, temp, &call, &error) == FAULT_NONE) node = question_wording(&call);
    struct slice text = node == JSON_NONE ? SLICE_NULL : json_string(&call.doc, node, temp);
    cache_question_of(text, room, &a->question);
    a->comparable = text.len > 0 && a->question.can_match;
    if (!a->comparable) return;
    write_class(g, a, &call, node, text, room);
    digest_fast128(buffer_slice(room), a->class);
    digest_fast128(slice_trim(text), a->text);
}

/* Answers may be longer than questions: their likeness is a proxy of either length. */
static void read_answer(struct asked *a, struct slice body, struct arena *temp, struct buffer *room) {
    struct slice text = cache_answer_text(dialect_of(a->dialect), a->endpoint, a->stream, body, temp);
    a->has_answer = text.len > 0 && embedding_of(text, &a->answer.at);
    if (!a->has_answer) return;
    buffer_clear(room);
    literals_of(text, room);
    digest_fast128(buffer_slice(room), a->answer.literals);
}

struct unpacking {
    struct reading *to;
    struct arena temp;
    struct buffer room;
    size_t found;
};

/* Payloads come oldest first, records are newest first. */
static bool take_payload(void *ctx, size_t i, const struct payload *p) {
    struct unpacking *u = ctx;
    struct asked *a = &u->to->all[u->to->n - 1 - i];
    if (p->request.len == 0 || p->request_cut) return true;
    u->found++;
    arena_reset(&u->temp);
    read_question(u->to, a, p->request, &u->temp, &u->room);
    if (!a->comparable) u->to->to->not_comparable++;
    else if (!p->reply_cut) read_answer(a, p->reply, &u->temp, &u->room);
    return true;
}

static enum fault read_payloads(struct reading *g, struct error *error) {
    struct unpacking u = {.to = g};
    struct record_id *ids = mem_new_array(struct record_id, g->n + 1);
    for (size_t i = 0; i < g->n; i++) ids[i] = g->all[g->n - 1 - i].id;
    arena_init(&u.temp, 1 << 20, PAYLOAD_ROOM);
    buffer_init(&u.room, PAYLOAD_ROOM);
    enum fault fault = ledger_payloads(g->ledger, ids, g->n, take_payload, &u, error);
    g->to->without_payload = g->n - u.found;
    buffer_deinit(&u.room);
    arena_deinit(&u.temp);
    mem_free(ids);
    return fault;
}

/* ---- who is near whom ---- */

/* Questions of one class so far. */
struct class {
    struct class *before; /* made before this one */
    uint32_t *members;    /* of `all`, oldest first; one for each text */
    size_t n, room;
};

static bool says_the_same(const struct asked *a, const struct asked *b) {
    return a->has_answer && b->has_answer &&
           memcmp(a->answer.literals, b->answer.literals, sizeof a->answer.literals) == 0 &&
           embedding_similarity(&a->answer.at, &b->answer.at) >= CACHE_ANSWERS_ALIKE;
}

static struct asked *nearest_of(const struct reading *g, const struct class *c, const struct asked *a,
                                int32_t *ret_similarity) {
    struct asked *nearest = NULL;
    size_t from = c->n > LIMIT_CACHE_ALIKE ? c->n - LIMIT_CACHE_ALIKE : 0;
    struct embedding_probe probe;
    float most = -2;
    embedding_probe(&a->question.at, &probe);
    for (size_t i = from; i < c->n; i++) {
        struct asked *b = &g->all[c->members[i]];
        if (g->query->ttl_us > 0 && b->time_us < a->time_us - g->query->ttl_us) continue;
        if (embedding_is_reordered(&a->question.at, &b->question.at)) continue;
        float cosine = embedding_cosine(&probe, &b->question.at);
        if (cosine > most) most = cosine, nearest = b;
    }
    *ret_similarity = nearest ? embedding_similarity(&a->question.at, &nearest->question.at) : -1;
    return nearest;
}

static void add_member(struct class *c, uint32_t index) {
    if (c->n == c->room) {
        c->room = c->room > 0 ? 2 * c->room : 4;
        c->members = mem_resize(c->members, c->room * sizeof *c->members);
    }
    c->members[c->n++] = index;
}

static void compare(struct reading *g, struct table *classes, struct table *texts, struct class **last,
                    uint32_t index) {
    struct asked *a = &g->all[index];
    struct cache_traffic *to = g->to;
    struct slice class = slice_make((const char *)a->class, sizeof a->class);
    struct class *c = table_get(classes, class);
    if (!c) {
        c = mem_new(struct class);
        c->before = *last;
        *last = c;
        table_put(classes, class, c);
    }
    uint8_t both[32];
    memcpy(both, a->class, 16);
    memcpy(both + 16, a->text, 16);
    struct slice text = slice_make((const char *)both, sizeof both);
    struct cache_asked *asked = &to->asked[to->n_asked++];
    *asked = (struct cache_asked){.nearest = -1, .cost_nano = a->cost_nano};
    if (table_get(texts, text)) { /* the exact cache's */
        to->repeats++;
        return;
    }
    table_put(texts, text, a);
    a->number = to->n_questions++;
    const struct asked *b = nearest_of(g, c, a, &asked->nearest);
    if (b && a->has_answer && b->has_answer)
        to->pairs[to->n_pairs++] = (struct cache_pair){
            .a = b->number, .b = a->number, .similarity = asked->nearest, .right = says_the_same(a, b)};
    add_member(c, index);
}

static void compare_all(struct reading *g) {
    struct table classes, texts;
    struct class *last = NULL;
    table_init(&classes);
    table_init(&texts);
    for (size_t i = g->n; i-- > 0;) /* the ledger gave the newest first */
        if (g->all[i].comparable) compare(g, &classes, &texts, &last, (uint32_t)i);
    table_deinit(&texts);
    table_deinit(&classes);
    while (last) {
        struct class *before = last->before;
        mem_free(last->members);
        mem_free(last);
        last = before;
    }
}

enum fault cache_traffic_read(struct ledger *l, const struct cache_traffic_query *q, struct arena *arena,
                              struct cache_traffic *ret, struct error *error) {
    struct cache_traffic traffic = {0};
    struct reading g = {.ledger = l, .query = q, .arena = arena, .to = &traffic};
    g.all = mem_new_array(struct asked, CACHE_TRAFFIC_MOST + 1);
    enum fault fault = read_records(&g, error);
    if (fault == FAULT_NONE) fault = read_payloads(&g, error);
    traffic.records = g.n;
    traffic.asked = arena_new_array(arena, struct cache_asked, g.n + 1);
    traffic.pairs = arena_new_array(arena, struct cache_pair, g.n + 1);
    if (fault == FAULT_NONE && (!traffic.asked || !traffic.pairs))
        fault = error_set(error, FAULT_TOO_LARGE, "no room for %zu questions", g.n);
    if (fault == FAULT_NONE) {
        compare_all(&g);
        *ret = traffic;
    }
    mem_free(g.all);
    return fault;
}
