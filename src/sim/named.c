#include "sim/named.h"

enum { OUTAGE_US = 60 * 1000000, SECOND = 1000000 };

static struct slice bare_name(struct slice model) {
    struct slice head, tail;
    while (slice_cut(model, '/', &head, &tail)) model = tail;
    slice_cut(model, '@', &head, &tail);
    return head;
}

bool named_is(struct slice model) {
    struct slice name = bare_name(model);
    return slice_starts(name, SLICE("sim-")) || slice_starts(name, SLICE("fb-"));
}

static void refuse(struct act *a, int status, struct slice code) {
    a->status = status;
    a->error.code = code;
}

/* ---- words ---- */

enum word {
    WORD_OK,
    WORD_RETRY_AFTER,
    WORD_RESET,
    WORD_STALL,
    WORD_CUT,
    WORD_BAD,
    WORD_ERROR,
    WORD_NO_DONE,
    WORD_NO_FINISH,
    WORD_EMPTY,
    WORD_REFUSAL,
    WORD_FILTER,
    WORD_FILTER_OUTPUT,
    WORD_CONTEXT,
    WORD_QUOTA,
    WORD_NO_JSON,
    WORD_NO_USAGE,
    WORD_CRLF,
    WORD_CR,
    WORD_SPLIT,
    WORD_FLOOD,
    WORD_AZURE,
    WORD_PING,
    WORD_SLOW,
    WORD_POLLS,
    WORD_FAST,
};

static const struct {
    const char *text;
    enum word word;
    bool number; /* digits may follow */
} words[] = {
    {"ok", WORD_OK, false},
    {"ra", WORD_RETRY_AFTER, true},
    {"reset", WORD_RESET, true},
    {"stall", WORD_STALL, true},
    {"cut", WORD_CUT, true},
    {"bad", WORD_BAD, true},
    {"err", WORD_ERROR, true},
    {"nodone", WORD_NO_DONE, false},
    {"nofinish", WORD_NO_FINISH, false},
    {"empty", WORD_EMPTY, false},
    {"refusal", WORD_REFUSAL, false},
    {"filter", WORD_FILTER, false},
    {"filterout", WORD_FILTER_OUTPUT, false},
    {"context", WORD_CONTEXT, false},
    {"quota", WORD_QUOTA, false},
    {"nojson", WORD_NO_JSON, false},
    {"nousage", WORD_NO_USAGE, false},
    {"crlf", WORD_CRLF, false},
    {"cr", WORD_CR, false},
    {"split", WORD_SPLIT, false},
    {"flood", WORD_FLOOD, true},
    {"azure", WORD_AZURE, false},
    {"ping", WORD_PING, false},
    {"slow", WORD_SLOW, true},
    {"polls", WORD_POLLS, true},
    {"fast", WORD_FAST, false},
};

/* `n` is the word's number, -1 without one. */
static void apply(enum word word, int64_t n, struct act *a, struct profile *p) {
    switch (word) {
    case WORD_OK: break;
    case WORD_RETRY_AFTER: a->retry_after = n < 0 ? SECOND : n * SECOND; break;
    case WORD_RESET: a->reset = n < 0 ? ACT_HEAD : n; break;
    case WORD_STALL: a->stall = n < 0 ? ACT_HEAD : n; break;
    case WORD_CUT: a->cut = n < 0 ? 10 : n; break;
    case WORD_BAD: a->malformed = n < 0 ? 10 : n; break;
    case WORD_ERROR: a->stream_error = n < 0 ? 0 : n; break;
    case WORD_NO_DONE: a->no_done = true; break;
    case WORD_NO_FINISH: a->no_finish = true; break;
    case WORD_EMPTY: a->empty = true; break;
    case WORD_REFUSAL: a->refusal = SLICE("I cannot help with that."); break;
    case WORD_FILTER: a->content_filter = ACT_FILTER_PROMPT; break;
    case WORD_FILTER_OUTPUT: a->content_filter = ACT_FILTER_OUTPUT; break;
    case WORD_CONTEXT: refuse(a, 400, SLICE("context_length_exceeded")); break;
    case WORD_QUOTA:
        refuse(a, 429, SLICE("insufficient_quota"));
        a->error.type = SLICE("insufficient_quota");
        break;
    case WORD_NO_JSON: a->body = SLICE("<html><body>200 but no JSON</body></html>"); break;
    case WORD_NO_USAGE: a->usage = ACT_USAGE_NONE; break;
    case WORD_CRLF: a->framing = ACT_FRAMING_CRLF; break;
    case WORD_CR: a->framing = ACT_FRAMING_CR; break;
    case WORD_SPLIT: a->split = true; break;
    case WORD_FLOOD: a->flood = (n < 0 ? 100 : n) * 1000000; break;
    case WORD_AZURE: a->azure = true; break;
    case WORD_PING: a->comments = true; break;
    case WORD_SLOW:
        a->first_token = (n < 0 ? 10000 : n) * 1000; /* milliseconds */
        a->early_head = true;
        break;
    case WORD_POLLS: a->polls = n < 0 ? 1 : n; break;
    case WORD_FAST: p->first_token = p->per_token = (struct spread){0, 0}; break;
    }
}

static bool apply_word(struct slice word, struct act *a, struct profile *p) {
    uint64_t n;
    if (slice_to_u64(word, &n) && n >= 400 && n <= 599) {
        a->status = (int64_t)n;
        return true;
    }
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        struct slice text = slice_of(words[i].text);
        if (slice_eq(word, text)) {
            apply(words[i].word, -1, a, p);
            return true;
        }
        if (!words[i].number || !slice_starts(word, text)) continue;
        if (!slice_to_u64(slice_make(word.at + text.len, word.len - text.len), &n) || n > SIM_TOKENS)
            continue;
        apply(words[i].word, (int64_t)n, a, p);
        return true;
    }
    return false;
}

static bool repeats(struct slice word, uint64_t *ret) {
    return word.len > 1 && word.at[0] == 'x' && slice_to_u64(slice_make(word.at + 1, word.len - 1), ret) &&
           *ret > 0;
}

/* Cuts the first step off `steps`, up to "-then-". */
static struct slice take_step(struct slice *steps, uint64_t *ret_times) {
    struct slice rest = *steps, word, step = slice_make(rest.at, 0);
    *ret_times = 1;
    for (;;) {
        bool more = slice_cut(rest, '-', &word, &rest);
        bool then = slice_is(word, "then");
        if (!then && !repeats(word, ret_times)) step.len = (size_t)(word.at + word.len - step.at);
        if (then || !more) {
            *steps = rest;
            return step;
        }
    }
}

static bool words_act(struct slice steps, uint64_t nth, struct act *a, struct profile *p,
                      struct slice *ret_word) {
    struct slice step, word;
    uint64_t times;
    do {
        step = take_step(&steps, &times);
        if (nth <= times) break;
        nth -= times;
    } while (steps.len > 0);
    while (step.len > 0) {
        slice_cut(step, '-', &word, &step);
        if (apply_word(word, a, p)) continue;
        *ret_word = word;
        return false;
    }
    return true;
}

/* ---- failoverbench ---- */

static bool bench_act(const struct ask *ask, struct slice name, uint64_t nth, int64_t since_first_us,
                      struct act *a, struct profile *p, struct slice *ret_word) {
    struct slice tag, rest;
    uint64_t scenario = 0;
    slice_cut(name, '-', &tag, &rest);
    *ret_word = tag;
    p->first_token = (struct spread){100e3, 0};
    p->per_token = (struct spread){15e3, 0};
    if (slice_is(tag, "ok")) {
        if (!slice_is(rest, "noprefill") || !ask->prefill) return true;
        a->status = 400;
        a->error.message = SLICE("This model does not support assistant message prefill. The conversation "
                                 "must end with a user message.");
        return true;
    }
    if (tag.len != 3 || tag.at[0] != 's' || !slice_to_u64(slice_make(tag.at + 1, 2), &scenario)) return false;
    bool first = nth == 1;
    switch (scenario) {
    case 1:
        if (first) a->status = 429;
        if (first) a->retry_after = 2 * SECOND;
        break;
    case 2: a->status = 429; break;
    case 3: a->status = first ? 500 : 0; break;
    case 4:
    case 16: a->status = 503; break;
    case 5: a->reset = first ? ACT_HEAD : ACT_NEVER; break;
    case 6:
        a->stall = a->reset = ACT_HEAD;
        a->stall_for = 120 * (int64_t)SECOND;
        break;
    case 7:
        a->early_head = true;
        a->first_token = 20 * SECOND;
        break;
    case 8:
    case 14: a->reset = 40; break;
    case 9:
        a->stall = a->reset = 20;
        a->stall_for = 30 * SECOND;
        break;
    case 10: a->malformed = 8; break; /* the tenth event: the role and eight tokens come before it */
    case 11: a->no_done = true; break;
    case 12: refuse(a, 400, SLICE("context_length_exceeded")); break;
    case 13: refuse(a, 400, SLICE("content_policy_violation")); break;
    case 15: a->status = since_first_us < OUTAGE_US ? 503 : 0; break;
    default: return false;
    }
    return true;
}

bool named_act(const struct ask *ask, uint64_t nth, int64_t since_first_us, struct act *act,
               struct profile *profile, struct slice *ret_word) {
    struct slice name = bare_name(ask->model);
    if (slice_starts(name, SLICE("fb-")))
        return bench_act(ask, slice_make(name.at + 3, name.len - 3), nth, since_first_us, act, profile,
                         ret_word);
    return words_act(slice_make(name.at + 4, name.len - 4), nth, act, profile, ret_word);
}
