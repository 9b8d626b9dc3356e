/* watch_self.c - see watch_self.h. Nothing here is an estimate: each threshold is a fact that somebody has to act on, with its origin beside it. */
#include "incident/watch_self.h"

#include "quality/watch_tell.h"

#include <math.h>

#define LAG_LEAST_S 30.0
#define ROOM_LEAST (1LL << 30)
#define STEP_LEAST_S 2.0
#define STALE_LEAST_S 60.0
#define CERTIFICATE_LEAST_S (14 * 86400.0)

struct told { enum finding_kind kind; const char *about, *unit, *threshold_from, *command; double value, threshold; struct slice detail; };

static void tell(struct watch_tell *t, const struct told *x, struct slice title) {
    const struct slice parts[] = {slice_of(x->about)};
    struct finding f = {.kind = x->kind, .title = title, .command = slice_of(x->command)};
    f.key = watch_tell_key(t, x->kind, parts, 1);
    struct json_writer *w = watch_tell_json(t);
    json_object(w);
    json_member_text(w, "about", x->about);
    json_member_double(w, "value", x->value);
    json_member_text(w, "unit", x->unit);
    json_member_double(w, "threshold", x->threshold);
    json_member_text(w, "threshold_from", x->threshold_from);
    json_member_i64(w, "false_alarm_rate", 0);
    json_member_text(w, "false_alarm_why", "a reading, not an estimate");
    if (!slice_is_null(x->detail)) json_member_string(w, "detail", x->detail);
    json_object_end(w);
    f.evidence = watch_tell_take(t);
    watch_tell_finding(t, &f);
}

static void records(struct watch_tell *t, const struct self_readings *r) {
    struct buffer *b;
    if (r->records_lost > 0) {
        b = watch_tell_text(t);
        buffer_printf(b, "%llu records were lost: the flight recorder had no room", (unsigned long long)r->records_lost);
        struct slice title = watch_tell_take(t);
        tell(t, &(struct told){FINDING_SELF_RECORDS, "lost", "1", "none may be lost", "df -h; quarterdeck check", (double)r->records_lost, 0, SLICE_NULL}, title);
    }
    if (r->recorder_full)
        tell(t, &(struct told){FINDING_SELF_RECORDS, "full", "1", "it must have room", "df -h; quarterdeck check", 1, 0, SLICE_NULL},
             SLICE("the flight recorder is full: records are being lost, or requests refused (recorder.on_full)"));
    if (!(r->recorder_lag_s >= LAG_LEAST_S)) return;
    b = watch_tell_text(t);
    buffer_append(b, SLICE("the ledger is behind: its oldest missing record is "));
    watch_tell_time(b, r->recorder_lag_s);
    buffer_append(b, SLICE(" old"));
    if (r->ledger_failures > 0) buffer_printf(b, "; %llu batches could not be written", (unsigned long long)r->ledger_failures);
    struct slice title = watch_tell_take(t);
    tell(t, &(struct told){FINDING_SELF_RECORDS, "late", "s", "records come within a second or so", "df -h; quarterdeck finding list",
                           r->recorder_lag_s, LAG_LEAST_S, SLICE_NULL}, title);
}

static void room(struct watch_tell *t, const struct self_readings *r) {
    if (r->disk_free_bytes < 0 || r->disk_free_bytes >= ROOM_LEAST) return;
    struct buffer *b = watch_tell_text(t);
    bool large = r->ledger_bytes >= ROOM_LEAST;
    buffer_printf(b, "%lld MiB are left on the disk of data_dir; the ledger takes %.1f %s", (long long)(r->disk_free_bytes >> 20), (double)r->ledger_bytes / (large ? 1 << 30 : 1 << 20), large ? "GiB" : "MiB");
    struct slice title = watch_tell_take(t);
    tell(t, &(struct told){FINDING_SELF_ROOM, "disk", "B", "1 GiB: some hours of records at 1,000 requests a second", "df -h; make room, or set ledger.retention lower",
                           (double)r->disk_free_bytes, (double)ROOM_LEAST, SLICE_NULL}, title);
}

static void time_and_policy(struct watch_tell *t, const struct self_readings *r) {
    if (fabs(r->clock_step_s) >= STEP_LEAST_S) {
        struct buffer *b = watch_tell_text(t);
        buffer_printf(b, "the machine's clock stepped by %+.1f s: windows and budgets near it are not what they seem", r->clock_step_s);
        struct slice title = watch_tell_take(t);
        tell(t, &(struct told){FINDING_SELF_CLOCK, "step", "s", "time services slew; steps are larger", "timedatectl timesync-status", r->clock_step_s, STEP_LEAST_S, SLICE_NULL}, title);
    }
    if (r->policy_stale_s >= STALE_LEAST_S) {
        struct buffer *b = watch_tell_text(t);
        buffer_append(b, SLICE("the configuration file has differed from what is in force for "));
        watch_tell_time(b, r->policy_stale_s);
        struct slice title = watch_tell_take(t);
        tell(t, &(struct told){FINDING_SELF_POLICY, "stale", "s", "a minute to reload it", "quarterdeck check && quarterdeck policy reload", r->policy_stale_s, STALE_LEAST_S, SLICE_NULL}, title);
    }
    if (r->certificate_left_s < CERTIFICATE_LEAST_S) {
        struct buffer *b = watch_tell_text(t);
        if (r->certificate_left_s <= 0) buffer_append(b, SLICE("the server's certificate has expired"));
        else buffer_printf(b, "the server's certificate expires in %.1f days", r->certificate_left_s / 86400);
        struct slice title = watch_tell_take(t);
        tell(t, &(struct told){FINDING_SELF_CERTIFICATE, "server", "s", "14 days to renew it", "renew tls.cert, then restart quarterdeck", r->certificate_left_s, CERTIFICATE_LEAST_S, SLICE_NULL}, title);
    }
}

static void watchers(struct watch_tell *t, const struct self_readings *r) {
    for (unsigned i = 0; i < r->n_watchers; i++) {
        const struct self_watcher *x = &r->watchers[i];
        if (x->late_us <= 0) continue;
        struct buffer *b = watch_tell_text(t);
        buffer_printf(b, "watcher %s has not succeeded for ", x->name);
        watch_tell_time(b, (double)(x->late_us + x->every_us) / 1e6);
        buffer_append(b, SLICE(", and should each "));
        watch_tell_time(b, (double)x->every_us / 1e6);
        if (x->error != NULL && x->error[0] != 0) buffer_printf(b, ": %s", x->error);
        struct slice title = watch_tell_take(t);
        tell(t, &(struct told){FINDING_WATCHER_SILENT, x->name, "s", "its own cadence, three times", "quarterdeck finding list", (double)x->late_us / 1e6, 0,
                               slice_of(x->error)}, title);
    }
}

enum fault watch_self_findings(const struct self_readings *r, int64_t now_us, struct arena *arena, struct finding **ret, unsigned *ret_n,
                               struct error *error) {
    struct watch_tell t;
    (void)now_us;
    watch_tell_begin(&t, arena);
    records(&t, r);
    room(&t, r);
    time_and_policy(&t, r);
    watchers(&t, r);
    enum fault fault = watch_tell_done(&t, error);
    *ret = t.seen;
    *ret_n = t.n_seen;
    watch_tell_end(&t);
    return fault;
}
