/* Readings of this process: what is well says nothing; each thing that is wrong says what it is and what to type. */
#include "incident/watch_self.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;
static struct finding *found;
static unsigned n_found;

static struct self_readings well(void) {
    return (struct self_readings){.recorder_lag_s = 0.4, .disk_free_bytes = 50LL << 30, .certificate_left_s = INFINITY};
}
static void look(const struct self_readings *r) {
    struct error error;
    arena_reset(&arena);
    assert_int_equal(watch_self_findings(r, 0, &arena, &found, &n_found, &error), FAULT_NONE);
}
static void tells(const struct self_readings *r, enum finding_kind kind, const char *title, const char *command) {
    look(r);
    assert_int_equal(n_found, 1);
    assert_int_equal(found[0].kind, kind);
    if (!slice_is(found[0].title, title)) fail_msg(SLICE_FMT, SLICE_ARG(found[0].title));
    if (!slice_is(found[0].command, command)) fail_msg(SLICE_FMT, SLICE_ARG(found[0].command));
}

static void each(void **state) {
    (void)state;
    struct self_readings r = well();
    arena_init(&arena, 1 << 14, 1 << 20);
    look(&r);
    assert_int_equal(n_found, 0);
    r.records_lost = 3;
    tells(&r, FINDING_SELF_RECORDS, "3 records were lost: the flight recorder had no room", "df -h; quarterdeck check");
    r = well();
    r.recorder_lag_s = 90;
    r.ledger_failures = 2;
    tells(&r, FINDING_SELF_RECORDS, "the ledger is behind: its oldest missing record is 90.0 s old; 2 batches could not be written", "df -h; quarterdeck finding list");
    r = well();
    r.disk_free_bytes = 100LL << 20;
    r.ledger_bytes = 7LL << 30;
    tells(&r, FINDING_SELF_ROOM, "100 MiB are left on the disk of data_dir; the ledger takes 7.0 GiB", "df -h; make room, or set ledger.retention lower");
    r.disk_free_bytes = -1; /* not known */
    look(&r);
    assert_int_equal(n_found, 0);
    r = well();
    r.clock_step_s = -3601.2;
    tells(&r, FINDING_SELF_CLOCK, "the machine's clock stepped by -3601.2 s: windows and budgets near it are not what they seem", "timedatectl timesync-status");
    r = well();
    r.policy_stale_s = 61;
    tells(&r, FINDING_SELF_POLICY, "the configuration file has differed from what is in force for 61.0 s", "quarterdeck check && quarterdeck policy reload");
    r = well();
    r.certificate_left_s = 3 * 86400;
    tells(&r, FINDING_SELF_CERTIFICATE, "the server's certificate expires in 3.0 days", "renew tls.cert, then restart quarterdeck");
    r.certificate_left_s = NAN; /* it cannot be read: nothing is said of it */
    look(&r);
    assert_int_equal(n_found, 0);
    arena_deinit(&arena);
}

static void silent(void **state) {
    (void)state;
    const struct self_watcher watchers[] = {{"pace", 0, 300000000, ""}, {"prices", 900000000, 300000000, "the disk is full"}};
    struct self_readings r = well();
    arena_init(&arena, 1 << 14, 1 << 20);
    r.watchers = watchers;
    r.n_watchers = 2;
    tells(&r, FINDING_WATCHER_SILENT, "watcher prices has not succeeded for 20 min, and should each 5 min: the disk is full", "quarterdeck finding list");
    assert_true(slice_is(found[0].key, "[\"watcher_silent\",\"prices\"]"));
    arena_deinit(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(each), cmocka_unit_test(silent)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
