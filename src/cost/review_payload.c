/* What captured exchanges share, repeat and use. Each payload is read once, in order of time; groups keep
 * running state. */
#include "cost/review_payload.h"

#include "base/mem.h"
#include "base/table.h"
#include "cost/review_exchange.h"
#include "cost/token_count.h"
#include "cost/words.h"

#include <stdio.h>
#include <stdlib.h>

enum { EXCHANGE_MOST = 24 << 20, LINES_SHOWN = 12, MEETS = 2 /* words of its own that make a chunk used */ };

struct instruction {
    unsigned line, own; /* words that no other instruction has */
    bool met;
    int64_t tokens;
};
struct prompt_state {
    char *prefix; /* mem_ */
    size_t prefix_len;
    struct instruction *instructions; /* mem_ */
    unsigned n;
    struct table owners; /* stem -> place of its instruction plus one; SHARED */
    bool looked_at;
};
#define SHARED ((void *)UINTPTR_MAX)

struct measuring {
    struct review_build *b;
    struct review_sampled **at;
    size_t bytes;
    struct arena arena;
    struct token_counter counter;
    struct prompt_state *prompts; /* by row */
    struct table questions;       /* application and key -> time, plus one */
    struct chunk_state {
        uint64_t used_at[REVIEW_CHUNKS], tokens_at[REVIEW_CHUNKS];
    } * features; /* by row; NULL until needed */
};

/* ---- prompts ---- */

static void share_prefix(struct prompt_state *s, struct slice text) {
    if (s->prefix == NULL) {
        s->prefix = mem_copy(text.at, text.len > 0 ? text.len : 1);
        s->prefix_len = text.len;
        return;
    }
    size_t n = 0, most = s->prefix_len < text.len ? s->prefix_len : text.len;
    while (n < most && s->prefix[n] == text.at[n]) n++;
    s->prefix_len = n;
}

struct owning {
    struct prompt_state *state;
    unsigned place;
};

static bool own_word(void *ctx, struct slice stem) {
    struct owning *o = ctx;
    void *mine = (void *)(uintptr_t)(o->place + 1), *before = table_get(&o->state->owners, stem);
    if (before == mine || before == SHARED) return true;
    if (before != NULL) o->state->instructions[(uintptr_t)before - 1].own--;
    else o->state->instructions[o->place].own++;
    table_put(&o->state->owners, stem, before != NULL ? SHARED : mine);
    return true;
}

static void read_instructions(struct measuring *m, struct prompt_state *s, struct slice provider,
                              struct slice model, struct slice system) {
    struct slice rest = system, text;
    unsigned line = 0;
    s->looked_at = true;
    s->instructions = mem_new_array(struct instruction, REVIEW_INSTRUCTIONS);
    if (!words_are_told_apart(system)) return;
    while (s->n < REVIEW_INSTRUCTIONS && words_instruction(&rest, &text, &line)) {
        struct owning o = {s, s->n};
        struct instruction *i = &s->instructions[s->n++];
        i->line = line;
        i->tokens = token_count_text(&m->counter, provider, model, text).tokens;
        words_each(text, own_word, &o);
    }
}

static bool meet_word(void *ctx, struct slice stem) {
    struct prompt_state *s = ctx;
    void *owner = table_get(&s->owners, stem);
    if (owner != NULL && owner != SHARED) s->instructions[(uintptr_t)owner - 1].met = true;
    return true;
}

static void look_at_prompt(struct measuring *m, const struct review_sampled *e,
                           const struct review_exchange *x) {
    const struct review_row *row = &m->b->prompts.at[e->prompt];
    struct prompt_state *s = &m->prompts[e->prompt];
    struct review_prompt *p = row->prompt;
    struct slice provider = row->names[SPEND_BY_PROVIDER], model = row->names[SPEND_BY_TARGET_MODEL];
    share_prefix(s, x->prefix);
    p->exchanges++;
    p->example = e->id;
    if (slice_is_null(x->system)) return;
    if (!s->looked_at) {
        p->system_tokens = token_count_text(&m->counter, provider, model, x->system).tokens;
        read_instructions(m, s, provider, model, x->system);
    }
    if (slice_is_null(x->answer)) return;
    p->answered++;
    words_each(x->question, meet_word, s);
    words_each(x->answer, meet_word, s);
}

static void conclude_prompt(struct measuring *m, const struct review_row *row, struct prompt_state *s) {
    struct review_prompt *p = row->prompt;
    struct token_count n =
        token_count_text(&m->counter, row->names[SPEND_BY_PROVIDER], row->names[SPEND_BY_TARGET_MODEL],
                         slice_make(s->prefix, s->prefix_len));
    char lines[256];
    size_t len = 0;
    p->prefix_tokens = n.tokens;
    p->exact = n.exact;
    p->instructions = s->n;
    for (unsigned i = 0; i < s->n; i++) {
        const struct instruction *one = &s->instructions[i];
        if (one->own < MEETS) continue;
        p->told++;
        if (one->met) continue;
        p->unused_tokens += one->tokens;
        if (p->unused++ < LINES_SHOWN)
            len += (size_t)snprintf(lines + len, sizeof lines - len, "%s%u", len > 0 ? ", " : "", one->line);
    }
    if (p->unused > LINES_SHOWN) len += (size_t)snprintf(lines + len, sizeof lines - len, ", ...");
    p->unused_lines = arena_slice(m->b->arena, slice_make(lines, len));
}

/* ---- chunks ---- */

struct chunk_words {
    struct table owners; /* stem -> place of its chunk plus one; SHARED: others have it, or the question */
    unsigned place, met[REVIEW_CHUNKS];
};

static bool own_chunk_word(void *ctx, struct slice stem) {
    struct chunk_words *w = ctx;
    void *mine = (void *)(uintptr_t)(w->place + 1), *before = table_get(&w->owners, stem);
    if (before != mine) table_put(&w->owners, stem, before != NULL ? SHARED : mine);
    return true;
}

static bool meet_chunk_word(void *ctx, struct slice stem) {
    struct chunk_words *w = ctx;
    void *owner = table_get(&w->owners, stem);
    if (owner == NULL || owner == SHARED) return true;
    w->met[(uintptr_t)owner - 1]++;
    table_put(&w->owners, stem, SHARED); /* each word once */
    return true;
}

static void look_at_chunks(struct measuring *m, const struct review_sampled *e,
                           const struct review_exchange *x) {
    const struct review_row *row = &m->b->features.at[e->feature];
    struct review_chunks *c = row->chunks;
    struct chunk_words w = {0};
    if (slice_is_null(x->answer) || !words_are_told_apart(x->question)) return;
    c->sampled++;
    if (x->n_chunks < 2) return;
    table_init(&w.owners);
    for (w.place = 0; w.place < x->n_chunks; w.place++) words_each(x->chunks[w.place], own_chunk_word, &w);
    words_each(x->answer, meet_chunk_word, &w);
    table_deinit(&w.owners);
    struct chunk_state *s = &m->features[e->feature];
    c->exchanges++;
    c->example = e->id;
    for (unsigned i = 0; i < x->n_chunks; i++) {
        int64_t tokens = token_count_text(&m->counter, SLICE_NULL, SLICE("gpt-4o"), x->chunks[i]).tokens;
        c->chunks++;
        c->tokens += tokens;
        s->tokens_at[i] += (uint64_t)tokens;
        if (w.met[i] < MEETS) continue;
        c->used++;
        s->used_at[i]++;
    }
}

static void conclude_chunks(struct review_chunks *c, const struct chunk_state *s) {
    uint64_t used = 0;
    while (c->enough < REVIEW_CHUNKS && used * 100 < (uint64_t)c->used * 95) used += s->used_at[c->enough++];
    for (unsigned i = c->enough; i < REVIEW_CHUNKS; i++) c->beyond_tokens += (int64_t)s->tokens_at[i];
}

/* ---- repeats ---- */

static void look_at_question(struct measuring *m, const struct review_sampled *e,
                             const struct review_exchange *x) {
    struct review_lengths *r = m->b->types.at[e->type].lengths;
    uint8_t key[sizeof e->type + sizeof x->question_key];
    memcpy(key, &e->type, sizeof e->type);
    memcpy(key + sizeof e->type, x->question_key, sizeof x->question_key);
    struct slice text = slice_make((const char *)key, sizeof key);
    int64_t before = (int64_t)(uintptr_t)table_put(&m->questions, text, (void *)(uintptr_t)e->time_us);
    double cost = money_is_known(e->cost_nano) ? (double)e->cost_nano : 0;
    bool again = before > 0 && e->time_us - before <= REVIEW_REPEAT_US;
    r->asked++;
    r->repeated += again;
    r->cost += cost;
    r->repeated_cost += again ? cost : 0;
}

/* ---- reading ---- */

static bool read_payload(void *ctx, size_t i, const struct payload *p) {
    struct measuring *m = ctx;
    const struct review_sampled *e = m->at[i];
    struct review_exchange x;
    m->bytes += p->request.len + p->reply.len;
    arena_reset(&m->arena);
    struct slice reply = p->reply_cut ? SLICE_NULL : p->reply;
    if (!p->request_cut && review_exchange_read((enum dialect_id)e->dialect, (enum endpoint)e->endpoint,
                                                p->request, reply, &m->arena, &x)) {
        m->b->out->n_exchanges++;
        if (e->looks >> REVIEW_LOOK_PROMPT & 1) look_at_prompt(m, e, &x);
        if (e->looks >> REVIEW_LOOK_CHUNKS & 1) look_at_chunks(m, e, &x);
        if (e->looks >> REVIEW_LOOK_REPEATS & 1) look_at_question(m, e, &x);
    }
    return m->bytes < REVIEW_BYTES;
}

static int by_id(const void *a, const void *b) {
    return memcmp(&((const struct review_sampled *)a)->id, &((const struct review_sampled *)b)->id,
                  sizeof(struct record_id));
}

static void conclude(struct measuring *m) {
    struct review_build *b = m->b;
    for (size_t i = 0; i < b->prompts.n; i++) {
        struct prompt_state *s = &m->prompts[i];
        if (s->prefix != NULL) conclude_prompt(m, &b->prompts.at[i], s);
        mem_free(s->prefix);
        mem_free(s->instructions);
        table_deinit(&s->owners);
    }
    for (size_t i = 0; i < b->features.n; i++)
        if (b->features.at[i].chunks != NULL) conclude_chunks(b->features.at[i].chunks, &m->features[i]);
}

enum fault review_read_payloads(struct review_build *b, struct ledger *l, struct review_sampled *at, size_t n,
                                struct error *error) {
    struct measuring m = {.b = b};
    struct record_id *ids = mem_new_array(struct record_id, n + 1);
    size_t marked = 0;
    m.at = mem_new_array(struct review_sampled *, n + 1);
    m.prompts = mem_new_array(struct prompt_state, b->prompts.n + 1);
    m.features = mem_new_array(struct chunk_state, b->features.n + 1);
    for (size_t i = 0; i < b->prompts.n; i++) table_init(&m.prompts[i].owners);
    table_init(&m.questions);
    arena_init(&m.arena, 256 << 10, EXCHANGE_MOST);
    token_counter_init(&m.counter, BPE_LONGEST_LOOP, TOKEN_WHOLE_TOOL, NULL);
    if (n > 1) qsort(at, n, sizeof *at, by_id);
    for (size_t i = 0; i < n; i++)
        if (at[i].looks != 0) {
            m.at[marked] = &at[i];
            ids[marked++] = at[i].id;
        }
    enum fault fault = ledger_payloads(l, ids, marked, read_payload, &m, error);
    conclude(&m);
    token_counter_deinit(&m.counter);
    arena_deinit(&m.arena);
    table_deinit(&m.questions);
    mem_free(m.features);
    mem_free(m.prompts);
    mem_free(m.at);
    mem_free(ids);
    return fault;
}
