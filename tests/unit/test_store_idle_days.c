/* Connections to day files that wait for their next reader: lent once, gone with their file, without a transaction. */
#include "store/idle_days.h"

#include "base/mem.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[64];

static const char *path(int day) {
    static char text[128];
    snprintf(text, sizeof text, "%s/day-%d.db", folder, day);
    return text;
}

static struct database *open_one(int day, bool read_only) {
    enum fault fault = FAULT_NONE;
    struct error error;
    struct database *db = database_open(path(day), &(struct database_options){.read_only = read_only}, &fault, &error);
    if (db == NULL) fail_msg("%s", error.text);
    return db;
}

static void make_day(int day, int64_t value) {
    char sql[128];
    struct error error;
    struct database *db = open_one(day, false);
    snprintf(sql, sizeof sql, "CREATE TABLE IF NOT EXISTS t(v); INSERT INTO t VALUES(%lld)", (long long)value);
    assert_int_equal(database_exec(db, sql, &error), FAULT_NONE);
    database_close(db);
}

static int64_t sum(struct database *db) {
    int64_t n = -1;
    struct error error;
    assert_int_equal(database_number(db, "SELECT sum(v) FROM t", &n, &error), FAULT_NONE);
    return n;
}

static int setup(void **state) {
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/qd-idle-XXXXXX");
    return mkdtemp(folder) == NULL;
}

static int teardown(void **state) {
    (void)state;
    for (int day = 0; day < 12; day++) {
        char text[160];
        static const char *const suffixes[] = {"", "-wal", "-shm"};
        for (int i = 0; i < 3; i++) {
            snprintf(text, sizeof text, "%s%s", path(day), suffixes[i]);
            unlink(text);
        }
    }
    return rmdir(folder);
}

static void lent_once_and_sees_what_is_new(void **state) {
    struct error error;
    (void)state;
    make_day(1, 5);
    struct idle_days *d = idle_days_new();
    assert_null(idle_days_take(d, path(1)));
    struct database *db = open_one(1, true);
    idle_days_adopt(d, db);
    assert_int_equal(sum(db), 5);
    assert_int_equal(database_begin_read(db, &error), FAULT_NONE);
    database_close(db); /* with a transaction open */
    make_day(1, 6);
    assert_ptr_equal(idle_days_take(d, path(1)), db);
    assert_null(idle_days_take(d, path(1))); /* it is lent */
    assert_false(database_in_transaction(db));
    assert_int_equal(sum(db), 11);
    database_close(db);
    idle_days_free(d);
}

static void another_file_of_the_name_is_opened_anew(void **state) {
    char aside[160];
    (void)state;
    make_day(2, 1);
    struct idle_days *d = idle_days_new();
    struct database *db = open_one(2, true);
    idle_days_adopt(d, db);
    database_close(db);
    snprintf(aside, sizeof aside, "%s", path(3));
    assert_int_equal(rename(path(2), aside), 0);
    assert_null(idle_days_take(d, path(2))); /* there is none */
    db = open_one(3, true);
    idle_days_adopt(d, db);
    database_close(db);
    make_day(4, 9);
    assert_int_equal(rename(path(4), aside), 0); /* in the place of day 3 */
    assert_null(idle_days_take(d, aside));
    idle_days_free(d);
}

static void few_are_kept_and_those_of_a_deleted_day_are_not(void **state) {
    (void)state;
    struct idle_days *d = idle_days_new();
    for (int i = 0; i <= IDLE_DAYS_KEPT; i++) { /* day 0 once, then the others in turn */
        int day = i == 0 ? 0 : 1 + i % 11;
        make_day(day, 1);
        struct database *db = open_one(day, true);
        idle_days_adopt(d, db);
        database_close(db);
    }
    assert_null(idle_days_take(d, path(0))); /* the oldest made room */
    idle_days_forget(d, path(11));
    assert_null(idle_days_take(d, path(11)));
    struct database *db = idle_days_take(d, path(10));
    assert_non_null(db);
    database_close(db);
    idle_days_free(d);
    idle_days_free(NULL);
}

static unsigned descriptors(void) {
    unsigned n = 0;
    DIR *dir = opendir("/proc/self/fd");
    while (dir != NULL && readdir(dir) != NULL) n++;
    if (dir != NULL) closedir(dir);
    return n;
}

/* What was lent while retention deleted the day: its room on the disk is free when it comes back. */
static void of_a_deleted_file_none_stays_open(void **state) {
    (void)state;
    make_day(5, 1);
    struct idle_days *d = idle_days_new();
    unsigned before = descriptors();
    struct database *db = open_one(5, true);
    idle_days_adopt(d, db);
    assert_int_equal(sum(db), 1);
    idle_days_forget(d, path(5));
    assert_int_equal(unlink(path(5)), 0);
    database_close(db);
    assert_int_equal(descriptors(), before);
    idle_days_free(d);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lent_once_and_sees_what_is_new, setup, teardown),
        cmocka_unit_test_setup_teardown(another_file_of_the_name_is_opened_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(few_are_kept_and_those_of_a_deleted_day_are_not, setup, teardown),
        cmocka_unit_test_setup_teardown(of_a_deleted_file_none_stays_open, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
