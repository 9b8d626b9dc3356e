/* watch_provider.h - is it us or them: each provider and upstream model by live traffic, by probes, and by the vendor's own word.
 *
 * Live: failures of the last minutes against the baseline rate, with an e-detector for slow rises (stats/detect.h) and an exact binomial tail for
 * outages, so that ten failures of ten are enough within a minute. Probes: see wire_probe.h. The verdict is one line:
 * "openai: THEM: 96 of 100 attempts failed (503) in the last 60 s, baseline 0.4 %; 3 of 3 probes failed; status page: partial outage since 14:02". */
#ifndef INCIDENT_WATCH_PROVIDER_H
#define INCIDENT_WATCH_PROVIDER_H

#include "incident/vendor_status.h"
#include "model/policy.h"
#include "quality/signals.h"
#include "store/findings.h"

#define PROVIDER_PROBES 20
struct provider_probe { int64_t at_us; bool ok; int64_t took_us; struct slice why; };
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
    struct signal_value errors, limited, timeouts, truncated, ttft_p95;
    double normal_errors, normal_ttft_p95; /* baseline; NAN: none yet, and what is used instead is said */
    struct slice words;          /* the one line */
    struct slice evidence;       /* JSON */
};
struct watch_provider;
struct watch_provider *watch_provider_new(void);
void watch_provider_free(struct watch_provider *w);
/* One look, at most each few seconds; providers in the order of the policy, each followed by its models that had traffic. In the arena. */
enum fault watch_provider_look(struct watch_provider *w, const struct policy *p, struct signals *s, const struct provider_seen *seen, unsigned n_seen,
                               int64_t now_us, struct arena *arena, struct provider_health **ret, unsigned *ret_n, struct error *error) MUST_CHECK;
/* Findings of a look: provider_failing, provider_slow, vendor_incident. */
enum fault watch_provider_findings(const struct provider_health *h, unsigned n, const struct provider_seen *seen, unsigned n_seen,
                                   struct arena *arena, struct finding **ret, unsigned *ret_n, struct error *error) MUST_CHECK;
/* Baselines and detectors, to be kept over a restart. */
void watch_provider_write(const struct watch_provider *w, struct json_writer *out);
enum fault watch_provider_read(struct watch_provider *w, struct slice json, struct error *error) MUST_CHECK;

#endif
