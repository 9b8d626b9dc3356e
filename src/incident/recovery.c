/* recovery.c - see recovery.h. */
#include "incident/recovery.h"

#include "stats/special.h"

#include <math.h>
#include <stdio.h>

const uint32_t recovery_share_ppm[RECOVERY_STEPS] = {0, 10000, 100000, 500000};

int64_t recovery_rest_us(unsigned relapses) {
    int64_t rest = RECOVERY_REST_US;
    while (relapses-- > 0 && rest < RECOVERY_LONGEST_REST_US) rest *= 2;
    return rest < RECOVERY_LONGEST_REST_US ? rest : RECOVERY_LONGEST_REST_US;
}

/* P(X >= failures) of `attempts` that fail by `rate`. */
static double tail(double failures, double attempts, double rate) {
    if (!(failures > 0)) return 1;
    return special_beta_cdf(rate, failures, fmax(attempts - failures, 0) + 1);
}

static double normal_of(const struct recovery_seen *s) {
    return isfinite(s->normal_failure_rate) && s->normal_failure_rate > RECOVERY_NORMAL ? fmin(s->normal_failure_rate, 1) : RECOVERY_NORMAL;
}

static bool fails(const struct recovery_seen *s) {
    return s->attempts > 0 && tail(fmin(s->failures, s->attempts), s->attempts, normal_of(s)) < RECOVERY_ALPHA;
}

static bool is_beyond(const struct recovery_seen *s) {
    if (!isfinite(s->value) || !isfinite(s->threshold)) return false;
    return s->more_is_worse ? s->value > s->threshold : s->value < s->threshold;
}

/* True, with *ret_why: it is not well. */
static bool is_unwell(const struct recovery_seen *s, char why[256]) {
    if (fails(s)) snprintf(why, 256, "%.0f of %.0f attempts failed; normal is %.2g %%", s->failures, s->attempts, normal_of(s) * 100);
    else if (s->probes_bad >= RECOVERY_PROBES_BAD) snprintf(why, 256, "its last %d probes failed", s->probes_bad);
    else if (is_beyond(s)) snprintf(why, 256, "the rule's signal is %.4g, %s its threshold %.4g", s->value, s->more_is_worse ? "above" : "below", s->threshold);
    else return false;
    return true;
}

static bool has_enough(const struct recovery_seen *s, int64_t at_it_us) {
    if (s->attempts >= RECOVERY_SAMPLES && at_it_us >= RECOVERY_STEP_US) return true;
    if ((s->attempts >= 1 || s->probes_good > 0) && at_it_us >= RECOVERY_PATIENCE_US) return true;
    return at_it_us >= RECOVERY_LONGEST_REST_US;
}

/* "62 attempts at 10 %: 0 failed; the rule's signal 1.2 of 2; 3 good probes" */
static void say(const struct recovery_state *s, const struct recovery_seen *seen, char why[256]) {
    int n = snprintf(why, 256, "%.0f attempts at %g %%: %.0f failed", seen->attempts, recovery_share_ppm[s->step] / 1e4, seen->failures);
    if (n > 0 && isfinite(seen->value) && isfinite(seen->threshold))
        n += snprintf(why + n, 256 - (size_t)n, "; the rule's signal %.4g of %.4g", seen->value, seen->threshold);
    if (n > 0 && n < 256 && seen->probes_good > 0) snprintf(why + n, 256 - (size_t)n, "; its last %d probes were good", seen->probes_good);
}

static enum recovery_move at_rest(const struct recovery_state *s, const struct recovery_seen *seen, int64_t rested_us, char why[256]) {
    int64_t rest = recovery_rest_us(s->relapses);
    if (rested_us < rest) {
        snprintf(why, 256, "it rests for %lld s, of which %lld have passed", (long long)(rest / 1000000), (long long)(rested_us / 1000000));
        return RECOVERY_STAYS;
    }
    if (is_unwell(seen, why)) return RECOVERY_STAYS;
    if (seen->probes_bad > 0 || (seen->probes_good > 0 && seen->probes_good < RECOVERY_PROBES_GOOD)) {
        snprintf(why, 256, "it needs %d good probes in a row and has %d", RECOVERY_PROBES_GOOD, seen->probes_bad > 0 ? 0 : seen->probes_good);
        return RECOVERY_STAYS;
    }
    if (seen->probes_good > 0) snprintf(why, 256, "it has rested for %lld s and its last %d probes were good", (long long)(rested_us / 1000000), seen->probes_good);
    else snprintf(why, 256, "it has rested for %lld s; nothing probes it", (long long)(rested_us / 1000000));
    return RECOVERY_NEXT;
}

enum recovery_move recovery_decide(const struct recovery_state *s, const struct recovery_seen *seen, int64_t now_us, char ret_why[256]) {
    int64_t at_it_us = now_us > s->step_us ? now_us - s->step_us : 0;
    if (s->step <= 0) return at_rest(s, seen, at_it_us, ret_why);
    if (s->step >= RECOVERY_STEPS) {
        snprintf(ret_why, 256, "it is back");
        return RECOVERY_RETURNED;
    }
    if (is_unwell(seen, ret_why)) return RECOVERY_BACK;
    say(s, seen, ret_why);
    if (!has_enough(seen, at_it_us) || seen->probes_bad > 0) return RECOVERY_STAYS;
    return s->step == RECOVERY_STEPS - 1 ? RECOVERY_RETURNED : RECOVERY_NEXT;
}
