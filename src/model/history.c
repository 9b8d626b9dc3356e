#include "model/history.h"

enum { BYTES_PER_TOKEN = 4, TOKENS_PER_IMAGE = 800 };

bool history_is_declared(const struct history_policy *h) {
    return h->keep_last >= 0 || h->max_tokens >= 0;
}

int64_t history_estimate(uint64_t text_bytes, unsigned n_images) {
    return (int64_t)((text_bytes + BYTES_PER_TOKEN - 1) / BYTES_PER_TOKEN) +
           (int64_t)n_images * TOKENS_PER_IMAGE;
}

/* Numbers the turns. */
static bool number(struct history_message *messages, uint32_t n, uint32_t *ret_last) {
    uint64_t open = 0; /* calls that wait for their results */
    uint32_t turn = 0;
    bool begun = false;
    for (uint32_t i = 0; i < n; i++) {
        struct history_message *m = &messages[i];
        if (m->role == HISTORY_USER && m->results == 0 && open == 0) {
            if (begun) turn++;
            begun = true;
        }
        if (m->results > open) return false;
        open = open - m->results + m->calls;
        m->turn = turn;
    }
    *ret_last = turn;
    return begun;
}

/* It stays, whatever the turns between the first and the last do. */
static bool is_fixed(const struct history_policy *h, const struct history_message *m, uint32_t last) {
    return m->turn == last || (m->role == HISTORY_SYSTEM && h->keep_system) ||
           (m->turn == 0 && h->keep_first);
}

/* The oldest turn that stays, with all that follow it. */
static uint32_t oldest(const struct history_policy *h, const struct history_message *messages, uint32_t n,
                       uint32_t last) {
    int64_t left = h->max_tokens >= 0 ? h->max_tokens : INT64_MAX;
    for (uint32_t i = 0; i < n; i++)
        if (is_fixed(h, &messages[i], last)) left -= messages[i].tokens;
    uint32_t turn = last, i = n;
    while (turn > 0) {
        int64_t tokens = 0;
        if (h->keep_last >= 0 && last - turn + 1 >= h->keep_last) break;
        for (; i > 0 && messages[i - 1].turn >= turn - 1; i--)
            if (messages[i - 1].turn == turn - 1 && !is_fixed(h, &messages[i - 1], last))
                tokens += messages[i - 1].tokens;
        if (tokens > left) break;
        left -= tokens;
        turn--;
    }
    return turn;
}

bool history_cut(const struct history_policy *h, struct history_message *messages, uint32_t n,
                 int64_t *ret_tokens_saved) {
    uint32_t last;
    if (!number(messages, n, &last)) return false;
    uint32_t from = oldest(h, messages, n, last);
    int64_t saved = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct history_message *m = &messages[i];
        m->dropped = m->turn < from && !is_fixed(h, m, last);
        if (m->dropped) saved += m->tokens;
    }
    *ret_tokens_saved = saved;
    return true;
}
