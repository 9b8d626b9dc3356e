#include "sim/answer.h"
#include "base/digest.h"
#include "sim/schema.h"
#include "sim/token.h"

#include <ctype.h>
#include <math.h>

enum {
    ID_LENGTH = 24,
    STREAM_ID = 1,      /* salts of the dice, so that one draw more here changes nothing there */
    STREAM_CHOICE = 16, /* + choice */
    FB_TOKENS = 60,     /* failoverbench counts on an answer of about this length */
    SCHEMA_TEXT = 1 << 20,
    EPOCH = 1767225600, /* 2026-01-01: `created` is EPOCH and some seconds of that month */
    MONTH = 30 * 86400,
};

struct making {
    const struct ask *ask;
    const struct act *act;
    const struct profile *profile;
    struct arena *arena;
    struct dice dice;
    struct echo echo;
    struct buffer text; /* scratch */
    uint64_t limit;     /* most tokens of a choice */
};

static struct slice make_id(struct dice *d, struct arena *arena) {
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    char id[ID_LENGTH];
    for (size_t i = 0; i < ID_LENGTH; i++) id[i] = letters[dice_below(d, sizeof letters - 1)];
    return arena_slice(arena, slice_make(id, ID_LENGTH));
}

static struct slice make_fingerprint(struct slice version, uint64_t seed, struct arena *arena) {
    return arena_printf(arena, "fp_%010llx",
                        (unsigned long long)(digest_fast(version, seed) & 0xFFFFFFFFFFu));
}

/* ---- text ---- */

/* At the first stop sequence, then at the limit. */
static void cut_text(struct making *m, struct answer_choice *c) {
    struct slice text = buffer_slice(&m->text);
    for (unsigned i = 0; text.len > 0 && i < m->ask->n_stops; i++) {
        const char *at = memmem(text.at, text.len, m->ask->stops[i].at, m->ask->stops[i].len);
        if (at == NULL) continue;
        text.len = (size_t)(at - text.at);
        c->finish = ANSWER_STOP_SEQUENCE;
        c->stop = m->ask->stops[i];
    }
    size_t most = token_cut(text, m->limit);
    if (most < text.len) {
        text.len = most;
        c->finish = ANSWER_LENGTH;
        c->stop = SLICE_NULL;
    }
    c->parts[0].text = arena_slice(m->arena, text);
}

static uint64_t wanted_tokens(struct making *m, bool *ret_exact) {
    *ret_exact = true;
    if (m->ask->hint_output >= 0) return (uint64_t)m->ask->hint_output;
    if (slice_starts(m->ask->model, SLICE("fb-")) || slice_contains(m->ask->model, SLICE("/fb-")))
        return FB_TOKENS;
    *ret_exact = false;
    double tokens = dice_spread(&m->dice, m->profile->output) * m->act->longer;
    return tokens < 1 ? 1 : tokens > SIM_TOKENS ? SIM_TOKENS : (uint64_t)tokens;
}

static void write_json(struct making *m) {
    struct json_writer w;
    json_start(&w, &m->text);
    schema_write(&m->ask->doc, m->ask->format == ASK_FORMAT_SCHEMA ? m->ask->schema : JSON_NONE, &m->dice,
                 &m->echo, m->arena, &w);
    if (!m->text.overflow) return;
    buffer_clear(&m->text); /* a schema that branches without end */
    buffer_append(&m->text, SLICE("{}"));
}

static void make_text(struct making *m, struct answer_choice *c) {
    bool exact;
    uint64_t tokens = wanted_tokens(m, &exact);
    if (tokens > m->limit + 64) tokens = m->limit + 64; /* no use in writing what is cut */
    if (exact && tokens > m->limit) tokens = m->limit + 1;
    c->n_parts = 1;
    c->parts[0].kind = ANSWER_TEXT;
    if (!slice_is_null(m->act->lead)) buffer_append(&m->text, m->act->lead);
    if (!slice_is_null(m->act->say)) buffer_append(&m->text, m->act->say);
    else if (m->ask->format != ASK_FORMAT_TEXT) write_json(m);
    else prose_write(&m->dice, &m->echo, tokens, exact, m->act->worse, &m->text);
    cut_text(m, c);
    if (m->act->content_filter == ACT_FILTER_OUTPUT) c->finish = ANSWER_FILTERED;
    if (c->parts[0].text.len == 0) c->n_parts = 0;
}

/* ---- tools ---- */

/* The question names a tool as it is written or with spaces for its underscores. */
static bool names_tool(struct slice question, struct slice name) {
    if (slice_contains_nocase(question, name)) return true;
    for (size_t i = 0; i + name.len <= question.len; i++) {
        size_t j = 0;
        while (j < name.len) {
            char q = (char)tolower((unsigned char)question.at[i + j]),
                 t = (char)tolower((unsigned char)name.at[j]);
            if (q != t && !(q == ' ' && (t == '_' || t == '-'))) break;
            j++;
        }
        if (j == name.len) return true;
    }
    return false;
}

static unsigned choose_tools(struct making *m, unsigned chosen[ANSWER_PARTS]) {
    const struct ask *ask = m->ask;
    unsigned n = 0;
    if (ask->n_tools == 0 || ask->choice == ASK_TOOL_NONE) return 0;
    if (ask->choice == ASK_TOOL_NAMED) {
        while (!slice_eq(ask->tools[chosen[0]].name, ask->choice_name)) chosen[0]++;
        return 1;
    }
    if (ask->choice == ASK_TOOL_AUTO && ask->after_tool) return 0; /* the result is there: answer with it */
    for (unsigned i = 0; i < ask->n_tools && n < ANSWER_PARTS; i++)
        if (names_tool(ask->question, ask->tools[i].name)) chosen[n++] = i;
    if (n == 0 && ask->choice == ASK_TOOL_REQUIRED)
        chosen[n++] = (unsigned)dice_below(&m->dice, ask->n_tools);
    if (!ask->parallel && n > 1) n = 1;
    if (ask->parallel && n == 1 && dice_chance(&m->dice, 0.25))
        chosen[n++] = (unsigned)dice_below(&m->dice, ask->n_tools);
    return n;
}

static void make_calls(struct making *m, struct answer_choice *c, const unsigned *chosen, unsigned n) {
    uint64_t left = m->limit;
    c->finish = ANSWER_TOOLS;
    for (unsigned i = 0; i < n; i++) {
        const struct ask_tool *tool = &m->ask->tools[chosen[i]];
        struct answer_part *p = &c->parts[c->n_parts++];
        struct json_writer w;
        buffer_clear(&m->text);
        json_start(&w, &m->text);
        if (json_size(&m->ask->doc, tool->schema) == 0) buffer_append(&m->text, SLICE("{}"));
        else schema_write(&m->ask->doc, tool->schema, &m->dice, &m->echo, m->arena, &w);
        struct slice text = m->text.overflow ? SLICE("{}") : buffer_slice(&m->text);
        size_t most = token_cut(text, left);
        *p = (struct answer_part){ANSWER_TOOL, arena_slice(m->arena, slice_make(text.at, most)),
                                  make_id(&m->dice, m->arena), tool->name};
        left -= token_count(p->text);
        if (most == text.len) continue;
        c->finish = ANSWER_LENGTH;
        return;
    }
}

/* ---- the whole ---- */

static void make_choice(struct making *m, struct answer_choice *c) {
    unsigned chosen[ANSWER_PARTS] = {0};
    buffer_clear(&m->text);
    *c = (struct answer_choice){.finish = ANSWER_STOP};
    if (m->act->empty || m->ask->api == ASK_EMBEDDINGS || m->ask->api == ASK_COUNT_TOKENS) return;
    if (!slice_is_null(m->act->refusal)) {
        c->n_parts = 1;
        c->parts[0] = (struct answer_part){.kind = ANSWER_REFUSAL, .text = m->act->refusal};
        c->finish = ANSWER_REFUSED;
        return;
    }
    unsigned n = slice_is_null(m->act->say) ? choose_tools(m, chosen) : 0;
    if (n > 0) make_calls(m, c, chosen, n);
    else make_text(m, c);
}

static uint64_t share(double part, uint64_t of) {
    return part >= 1 ? of : (uint64_t)(part * (double)of);
}

static void count(const struct ask *ask, const struct act *act, struct answer *a) {
    for (unsigned i = 0; i < a->n_choices; i++)
        for (unsigned j = 0; j < a->choices[i].n_parts; j++) {
            const struct answer_part *p = &a->choices[i].parts[j];
            a->tokens += token_count(p->text);
            if (p->kind == ANSWER_TOOL) a->output += token_count(p->name) + 4; /* the call's frame */
        }
    a->output += a->tokens;
    uint64_t most = ask->max_tokens >= 0 ? (uint64_t)ask->max_tokens : UINT64_MAX;
    if (ask->hint_output >= 0)
        a->output = ((uint64_t)ask->hint_output < most ? (uint64_t)ask->hint_output : most) * a->n_choices;
    a->reasoning = act->reasoning > 0 ? (uint64_t)act->reasoning : 0;
    a->output += a->reasoning;
    a->input = ask->input_tokens;
    a->cached = ask->hint_cached >= 0 ? (uint64_t)ask->hint_cached : share(act->cached, a->input);
    if (a->cached > a->input) a->cached = a->input;
    a->cache_written = share(act->cache_written, a->input - a->cached);
}

void answer_make(const struct ask *ask, const struct act *act, const struct profile *p, uint64_t seed,
                 struct arena *arena, struct answer *ret) {
    struct making m = {.ask = ask, .act = act, .profile = p, .arena = arena};
    struct dice d = dice_of(ask->content, STREAM_ID);
    uint64_t most =
        ask->max_tokens >= 0 && ask->max_tokens < SIM_TOKENS ? (uint64_t)ask->max_tokens : SIM_TOKENS;
    *ret = (struct answer){.id = make_id(&d, arena), .created = EPOCH + (int64_t)dice_below(&d, MONTH)};
    ret->model = !slice_is_null(act->version) ? act->version
                 : !slice_is_null(p->version) ? p->version
                                              : profile_version(ask->model);
    ret->fingerprint = !slice_is_null(act->fingerprint) ? act->fingerprint
                       : !slice_is_null(p->fingerprint) ? p->fingerprint
                                                        : make_fingerprint(ret->model, seed, arena);
    echo_of(ask->question, &m.echo);
    buffer_init(&m.text, ask->format == ASK_FORMAT_TEXT && ask->n_tools == 0 ? SIM_TOKENS * 8 : SCHEMA_TEXT);
    ret->choices = arena_new_array(arena, struct answer_choice, ask->n);
    for (unsigned i = 0; ret->choices != NULL && i < ask->n; i++) {
        m.dice = dice_of(ask->content, STREAM_CHOICE + i);
        m.limit = most;
        make_choice(&m, &ret->choices[i]);
        ret->n_choices++;
    }
    buffer_deinit(&m.text);
    count(ask, act, ret);
}

/* ---- embeddings ---- */

/* Every word throws its weight on a few dimensions that it always has, as in random indexing. */
static void add_word(struct slice word, uint64_t seed, unsigned dimensions, float *v) {
    enum { PER_WORD = 24 };
    char low[32];
    if (word.len > sizeof low) word.len = sizeof low;
    for (size_t i = 0; i < word.len; i++) low[i] = (char)tolower((unsigned char)word.at[i]);
    struct dice d = dice_of(digest_fast(slice_make(low, word.len), seed), 0);
    for (int i = 0; i < PER_WORD; i++) v[dice_below(&d, dimensions)] += (float)dice_normal(&d);
}

void answer_embedding(struct slice text, uint64_t seed, unsigned dimensions, float *ret) {
    double sum = 0;
    memset(ret, 0, sizeof *ret * dimensions);
    add_word(SLICE(""), seed, dimensions, ret);
    for (size_t i = 0; i < text.len;) {
        size_t start = i;
        while (i < text.len && (isalnum((unsigned char)text.at[i]) || (unsigned char)text.at[i] >= 0x80)) i++;
        if (i > start) add_word(slice_make(text.at + start, i - start), seed, dimensions, ret);
        else i++;
    }
    for (unsigned i = 0; i < dimensions; i++) sum += (double)ret[i] * ret[i];
    float scale = sum > 0 ? (float)(1 / sqrt(sum)) : 0;
    for (unsigned i = 0; i < dimensions; i++) ret[i] *= scale;
}
