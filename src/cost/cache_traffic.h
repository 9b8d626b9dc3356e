/* cache_traffic.h - recorded questions of one application as the semantic cache would have seen them, from
 * captured payloads (payloads.capture: full): the nearest earlier question of each, and whether the two
 * recorded answers say the same.
 *
 * That they do is a proxy, and is declared as one wherever it is used: the texts of both answers have the
 * same literals (model/literals.h) and are at least CACHE_ANSWERS_ALIKE alike. Answers of one meaning in
 * other words count as different, so precision by it is rather too low; two that differ by a word the lists
 * do not have count as the same.
 *
 * Questions are those that were paid for: chats and Responses that ended well, not out of a cache. Comparable
 * are those with the same dialect, endpoint, model, request type, prompt and version, and body but for the
 * text of the last message (dialect/question.h); with `per_user` the same user too. Beta headers are in no
 * record: applications that vary them see fewer hits. */
#ifndef COST_CACHE_TRAFFIC_H
#define COST_CACHE_TRAFFIC_H

#include "cost/cache_calibration.h"
#include "store/ledger.h"

#define CACHE_TRAFFIC_SEEN 200000  /* newest records that are looked at for them: the rest may be of other kinds */
#define CACHE_TRAFFIC_MOST 10000   /* newest records that are read; some 2 s of the control thread */
#define CACHE_ANSWERS_ALIKE 900000 /* millionths */

struct cache_traffic_query {
    struct slice application;
    int64_t from_us, to_us;
    int64_t ttl_us; /* questions further apart do not meet; 0: any */
    bool per_user;
};

struct cache_traffic {
    struct cache_asked *asked; /* oldest first */
    size_t n_asked;            /* of comparable shape, exact repeats included */
    size_t repeats;            /* the exact cache's: nearest -1 */
    struct cache_pair *pairs;  /* each with its nearest, judged by their answers */
    size_t n_pairs;
    uint32_t n_questions;
    size_t records;         /* seen */
    size_t without_payload; /* of those: not captured, cut, or gone by retention */
    size_t not_comparable;  /* images, tool results, long texts, ... */
    bool more;              /* there were more than these two let in */
};

/* Everything lives in `arena`. Faults as of ledger_list. */
enum fault cache_traffic_read(struct ledger *l, const struct cache_traffic_query *q, struct arena *arena,
                              struct cache_traffic *ret, struct error *error) MUST_CHECK;

#endif
