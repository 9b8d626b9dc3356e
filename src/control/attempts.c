#include "control/attempts.h"

#include "base/digest.h"
#include "base/mem.h"

#include <stdio.h>

#define SETS 512 /* of 8: 4,096 names and addresses, 128 KiB; where one goes nobody outside can tell */
#define WAYS 8
#define SECOND_US 1000000LL

struct tries {
    uint64_t who;    /* 0: free */
    int64_t last_us; /* of the last failure */
    uint32_t failures;
};
struct attempts {
    uint8_t key[DIGEST_KEY];
    struct tries all[SETS][WAYS];
};

struct attempts *attempts_new(void) {
    struct attempts *a = mem_new(struct attempts);
    digest_random(a->key, sizeof a->key);
    return a;
}

void attempts_free(struct attempts *a) { mem_free(a); }

/* ---- who ---- */

static uint64_t hash(const struct attempts *a, char kind, struct slice text) {
    char all[160];
    size_t n = text.len < sizeof all - 1 ? text.len : sizeof all - 1;
    all[0] = kind;
    if (n > 0) memcpy(all + 1, text.at, n);
    uint64_t h = digest_keyed_fast(slice_make(all, n + 1), a->key);
    return h != 0 ? h : 1;
}

#define GROUPS 8
#define NETWORK 4 /* groups */

static unsigned split(struct slice text, struct slice out[GROUPS]) {
    unsigned n = 0;
    while (text.len > 0 && n < GROUPS) slice_cut(text, ':', &out[n++], &text);
    return n;
}

struct slice attempts_network(const char *peer, char out[ATTEMPTS_NETWORK]) {
    struct slice p = slice_of(peer ? peer : ""), head[GROUPS], tail[GROUPS], rest = SLICE_NULL;
    size_t at = 0, n = 0;
    if (!slice_contains(p, SLICE(":")) || slice_contains(p, SLICE("."))) return p;
    while (at < p.len && !slice_starts(slice_make(p.at + at, p.len - at), SLICE("::"))) at++;
    if (at < p.len) rest = slice_make(p.at + at + 2, p.len - at - 2);
    unsigned h = split(slice_make(p.at, at), head), t = split(rest, tail), zeros = h + t < GROUPS ? GROUPS - h - t : 0;
    for (unsigned i = 0; i < NETWORK; i++) {
        struct slice group = i < h ? head[i] : i < h + zeros ? SLICE("0") : tail[i - h - zeros];
        n += (size_t)snprintf(out + n, ATTEMPTS_NETWORK - n, "%.*s:", (int)(group.len < 4 ? group.len : 4), group.at);
    }
    return slice_make(out, n);
}

static uint64_t hash_peer(const struct attempts *a, const char *peer) {
    char text[ATTEMPTS_NETWORK];
    return hash(a, 'p', attempts_network(peer, text));
}

static struct tries *find(const struct attempts *a, uint64_t who) {
    const struct tries *set = a->all[who % SETS];
    for (unsigned i = 0; i < WAYS; i++)
        if (set[i].who == who) return (struct tries *)(uintptr_t)&set[i];
    return NULL;
}

/* ---- how long ---- */

static int64_t wait_s(const struct tries *t, unsigned free, int64_t most_s, int64_t now_us) {
    if (!t || t->failures < free || now_us - t->last_us > ATTEMPTS_FORGET_S * SECOND_US) return 0;
    unsigned over = t->failures - free;
    int64_t whole = over < 10 && (1LL << over) < most_s ? 1LL << over : most_s;
    int64_t left_us = t->last_us + whole * SECOND_US - now_us;
    return left_us > 0 ? (left_us + SECOND_US - 1) / SECOND_US : 0;
}

int64_t attempts_wait_s(const struct attempts *a, struct slice name, const char *peer, int64_t now_us) {
    if (!a) return 0;
    int64_t of_peer = wait_s(find(a, hash_peer(a, peer)), ATTEMPTS_PEER_FREE, ATTEMPTS_PEER_MOST_S, now_us);
    int64_t of_name = slice_is_null(name) ? 0 : wait_s(find(a, hash(a, 'n', name)), ATTEMPTS_NAME_FREE, ATTEMPTS_NAME_MOST_S, now_us);
    return of_peer > of_name ? of_peer : of_name;
}

static void count(struct attempts *a, uint64_t who, int64_t now_us) {
    struct tries *t = find(a, who), *set = a->all[who % SETS];
    if (!t) {
        t = set;
        for (unsigned i = 1; i < WAYS; i++)
            if (set[i].who == 0 ? t->who != 0 : t->who != 0 && set[i].last_us < t->last_us) t = &set[i];
        *t = (struct tries){.who = who};
    }
    if (now_us - t->last_us > ATTEMPTS_FORGET_S * SECOND_US) t->failures = 0;
    t->failures += t->failures < UINT32_MAX;
    t->last_us = now_us;
}

void attempts_failed(struct attempts *a, struct slice name, const char *peer, int64_t now_us) {
    if (!a) return;
    count(a, hash_peer(a, peer), now_us);
    if (!slice_is_null(name)) count(a, hash(a, 'n', name), now_us);
}

void attempts_good(struct attempts *a, struct slice name) {
    struct tries *t = a ? find(a, hash(a, 'n', name)) : NULL;
    if (t) *t = (struct tries){0};
}
