/* watch_provider.h - is it us or them: each provider and upstream model by live traffic, by probes, and by the vendor's own word.
 *
 * Live: of each exchange the first attempt at a target is one trial (its retries say nothing of their own). Trials of the last minute and probes
 * are held against the baseline's failure rate by the exact binomial tail, so that a handful of failures is enough when all fail; slow rises
 * by an e-detector (stats/detect.h), minute by minute. First tokens: the share that came later than 95 % of their like (model, input size)
 * did, in the last two minutes. The baseline is what was normal: blocks of time that are surely worse than it are not learned, unless that has
 * lasted a day. Until there is one, generic rates hold, and the words say so.
 * The verdict is one line: "openai: THEM: 96 of 100 requests failed (503) in the last 60 s, baseline 0.4 %; 3 of 3 probes failed; status page:
 * partial outage since 2026-11-20 14:02 UTC". US: nothing outside can be reached, our credential is refused, or our rate or quota is used up. */
#ifndef INCIDENT_WATCH_PROVIDER_H
#define INCIDENT_WATCH_PROVIDER_H

#include "incident/vendor_status.h"
#include "model/policy.h"
#include "model/record.h"
#include "quality/signals.h"
#include "store/findings.h"

#define PROVIDER_PROBES 20
#define PROVIDER_LOOK_US 5000000LL
struct provider_probe {
    int64_t at_us;               /* wall, when it ended */
    bool ok;                     /* the provider answered as it should */
    enum fault fault;            /* else: UP_CONNECT nothing was reached, UP_AUTH, UP_RATE_LIMITED, UP_TIMEOUT, UP_SERVER, ... */
    int64_t took_us;
    struct slice why;            /* in words */
};
struct provider_seen {           /* by wire_probe; texts valid inside the call */
    struct slice provider;
    struct provider_probe probes[PROVIDER_PROBES]; /* newest first */
    unsigned n_probes;
    bool has_page, page_failed;
    struct vendor_status page;
    int64_t page_us;             /* when it was read */
    struct slice page_error;
};
enum provider_verdict { PROVIDER_WELL, PROVIDER_THEM, PROVIDER_US, PROVIDER_SLOW, PROVIDER_UNSURE, PROVIDER_IDLE };
const char *provider_verdict_name(enum provider_verdict v); /* "well", "them", "us", "slow", "unsure", "idle" */
struct provider_health {
    struct slice provider, upstream_model; /* upstream_model SLICE_NULL: all of the provider's */
    enum provider_verdict verdict;
    struct signal_value errors, limited, timeouts, truncated; /* of trials of the last minute; hits: how many */
    struct signal_value slow;    /* first tokens of the last two minutes: later than 95 % of their like were; n 0: none was streamed, or no baseline */
    struct signal_value ttft_p95; /* as the signal has it; NAN without signals */
    double normal_errors, normal_ttft_p95; /* baseline; NAN: none yet, and what is used instead is said */
    int64_t since_us;            /* it has failed, or been slow, since; 0: it is not */
    double chance;               /* P of what was seen, were all as normal; NAN: nothing is said by chance */
    double threshold;            /* that it was held against */
    struct slice words;          /* the one line */
    struct slice evidence;       /* JSON */
};
struct watch_provider;
struct watch_provider *watch_provider_new(void);
void watch_provider_free(struct watch_provider *w);
/* Each record as it comes into the ledger, in any order. */
void watch_provider_record(struct watch_provider *w, const struct record *r);
/* One of before the start: it counts in the last minutes alone, as what is normal was kept with it in it. */
void watch_provider_former(struct watch_provider *w, const struct record *r);
/* One look, at most each few seconds (PROVIDER_LOOK_US: that many are promised for); `s` may be NULL; providers in the order of the policy, each followed by its models that had traffic. In the arena. */
enum fault watch_provider_look(struct watch_provider *w, const struct policy *p, struct signals *s, const struct provider_seen *seen, unsigned n_seen,
                               int64_t now_us, struct arena *arena, struct provider_health **ret, unsigned *ret_n, struct error *error) MUST_CHECK;
/* Findings of a look: provider_failing, provider_slow, vendor_incident. */
enum fault watch_provider_findings(const struct provider_health *h, unsigned n, const struct provider_seen *seen, unsigned n_seen,
                                   struct arena *arena, struct finding **ret, unsigned *ret_n, struct error *error) MUST_CHECK;
/* Baselines and detectors, to be kept over a restart. */
void watch_provider_write(const struct watch_provider *w, struct json_writer *out);
enum fault watch_provider_read(struct watch_provider *w, struct slice json, struct error *error) MUST_CHECK;

#endif
