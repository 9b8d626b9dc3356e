/* recovery.h - how a primary comes back after a fail-over: in steps, each with its own checks. Pure.
 *
 * 0 % for REST_US at least, and until its latest probes (where it has any) are good -> 1 % -> 10 % -> 50 % -> returned. At each step it has to have
 * had RECOVERY_SAMPLES attempts and STEP_US (those that hang take time to fail), or at little traffic one attempt or good probes in PATIENCE_US, or, when
 * nothing is known of it at all, LONGEST_REST_US; and it has to be well: failures not surely above its normal, no bad probe, and the signal of the
 * rule that moved it not beyond its threshold. Surely: the binomial tail of as many failures by its normal rate (0.01 at least) is below
 * RECOVERY_ALPHA; small, because it is looked at every few seconds. Not well: back to 0 %, and each time it rests twice as long, at most an hour.
 * A clock that went back counts as one that stood still. */
#ifndef INCIDENT_RECOVERY_H
#define INCIDENT_RECOVERY_H

#include <stdbool.h>
#include <stdint.h>

#define RECOVERY_SAMPLES 30
#define RECOVERY_REST_US 60000000LL
#define RECOVERY_STEP_US 30000000LL
#define RECOVERY_ALPHA 0.001
#define RECOVERY_NORMAL 0.01
#define RECOVERY_PROBES_GOOD 3
#define RECOVERY_PROBES_BAD 2 /* in a row: not well; fewer: it goes no further */
#define RECOVERY_PATIENCE_US 300000000LL
#define RECOVERY_LONGEST_REST_US 3600000000LL
#define RECOVERY_STEPS 4
extern const uint32_t recovery_share_ppm[RECOVERY_STEPS]; /* 0, 10000, 100000, 500000 */

struct recovery_seen {           /* of the primary since the step began */
    double attempts, failures;
    double normal_failure_rate;  /* of its baseline; NAN: 0.01 */
    double value, threshold;     /* of the rule's signal on the primary; NAN: not known */
    bool more_is_worse;
    int probes_good, probes_bad; /* in a row, the latest */
};
struct recovery_state { int step; int64_t step_us; unsigned relapses; };
enum recovery_move { RECOVERY_STAYS, RECOVERY_NEXT, RECOVERY_BACK, RECOVERY_RETURNED };
/* *ret_why: in words, for the audit log ("62 attempts at 10 %: 0 failed; p99 1.2 s of 2 s"). */
int64_t recovery_rest_us(unsigned relapses);
enum recovery_move recovery_decide(const struct recovery_state *s, const struct recovery_seen *seen, int64_t now_us, char ret_why[256]);

#endif
