/* retry_storms.c - see retry_storms.h. */
#include "quality/retry_storms.h"

#include "base/mem.h"
#include "quality/scoring.h"

enum { WAYS = 8, SETS = STORMS_KEPT / WAYS, TURNS = 3 };

struct asked {
    uint64_t who;              /* hash of application, user and body; 0: none */
    int64_t began_us[TURNS];   /* newest first; 0: none */
    int64_t ended_us;          /* of the one that ended last */
    int64_t told_us;           /* when the newest of those who gave up began; 0 */
};
struct retry_storms {
    uint64_t seed;
    struct asked sets[SETS][WAYS];
};

struct retry_storms *retry_storms_new(void) {
    struct retry_storms *s = mem_new(struct retry_storms);
    digest_random(&s->seed, sizeof s->seed);
    return s;
}
void retry_storms_free(struct retry_storms *s) { mem_free(s); }

static uint64_t who_of(const struct retry_storms *s, const struct record *r, struct slice user) {
    uint64_t hash = digest_fast(user, digest_fast(r->application, s->seed ^ r->input_hash));
    return hash != 0 ? hash : 1;
}

/* The pair's place; that of the one quiet longest when it is new. */
static struct asked *find(struct retry_storms *s, uint64_t who) {
    struct asked *set = s->sets[who % SETS], *least = set;
    for (unsigned i = 0; i < WAYS; i++) {
        if (set[i].who == who) return &set[i];
        if (set[i].began_us[0] < least->began_us[0]) least = &set[i];
    }
    *least = (struct asked){.who = who};
    return least;
}

static void keep(struct asked *a, int64_t began_us, int64_t ended_us) {
    unsigned at = TURNS;
    while (at > 0 && began_us > a->began_us[at - 1]) at--;
    for (unsigned i = TURNS; i-- > at + 1;) a->began_us[i] = a->began_us[i - 1];
    if (at < TURNS) a->began_us[at] = began_us;
    if (ended_us > a->ended_us) a->ended_us = ended_us;
}

struct retried retry_storms_see(struct retry_storms *s, const struct record *r) {
    struct slice user = r->user.len > 0 ? r->user : r->session;
    struct retried ret = {.known = user.len > 0 && r->input_hash != 0 && slice_is_null(r->batch) && !scoring_is_own_traffic(r)};
    if (!ret.known) return ret;
    struct asked *a = find(s, who_of(s, r, user));
    int64_t ended_us = r->time_us + (r->duration_us > 0 ? r->duration_us : 0);
    /* the other one may have begun later and ended, and come, earlier */
    ret.again = a->began_us[0] > 0 && r->time_us - a->ended_us <= RETRY_WITHIN_US && a->began_us[0] - ended_us <= RETRY_WITHIN_US;
    keep(a, r->time_us, ended_us);
    bool third = a->began_us[TURNS - 1] > 0 && a->began_us[0] - a->began_us[TURNS - 1] <= GAVE_UP_WITHIN_US;
    ret.gave_up = third && (a->told_us == 0 || a->began_us[0] - a->told_us > GAVE_UP_WITHIN_US);
    if (third) a->told_us = a->began_us[0];
    return ret;
}
