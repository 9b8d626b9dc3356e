/* Keys, the audit log, and the numbered schema beneath them. */
#include "store/database.h"
#include "store/migrate.h"
#include "store/registry.h"
#include "store/registry_allowances.h"
#include "test_store_rig.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/wait.h>

static struct registry *open_registry(const struct rig *rig) {
    struct error error = {0};
    struct registry *r = registry_open(rig->dir, &error);
    if (r == NULL) fail_msg("%s", error.text);
    return r;
}

static struct registry_key key_of(const char *application, const char *name, const char *secret) {
    struct registry_key k = {.application = slice_of(application),
                             .name = slice_of(name),
                             .hint = SLICE("qd-3f9a"),
                             .created_us = 77,
                             .created_by = SLICE("ann")};
    digest_sha256(slice_of(secret), &k.digest);
    return k;
}

static void keys_are_kept_and_revoked(void **state) {
    struct registry *r = open_registry(*state);
    struct error error = {0};
    struct registry_key a = key_of("support", "prod", "1"), b = key_of("search", "prod", "2"), *keys;
    struct arena arena;
    unsigned n = 9;
    arena_init(&arena, 1024, 64 << 10);
    assert_int_equal(registry_keys(r, &arena, &keys, &n, &error), FAULT_NONE);
    assert_int_equal(n, 0);
    assert_int_equal(registry_key_add(r, &a, &error), FAULT_NONE);
    assert_int_equal(registry_key_add(r, &b, &error), FAULT_NONE);
    assert_int_equal(registry_key_revoke(r, a.application, a.name, SLICE("bob"), 1234, &error), FAULT_NONE);
    assert_int_equal(registry_key_revoke(r, a.application, a.name, SLICE("eve"), 5678, &error), FAULT_NONE);
    registry_close(r);
    r = open_registry(*state);
    assert_int_equal(registry_keys(r, &arena, &keys, &n, &error), FAULT_NONE);
    assert_int_equal(n, 2);
    assert_true(slice_is(keys[0].application, "search") && slice_is(keys[1].application, "support"));
    assert_true(digest_eq(&keys[1].digest, &a.digest));
    assert_true(slice_is(keys[1].name, "prod") && slice_is(keys[1].hint, "qd-3f9a") &&
                slice_is(keys[1].created_by, "ann"));
    assert_int_equal(keys[1].created_us, 77);
    assert_int_equal(keys[1].revoked_us, 1234);
    assert_int_equal(keys[0].revoked_us, 0);
    arena_deinit(&arena);
    registry_close(r);
}

/* All of a change or none of it, each with its entry in the audit log; secrets stay. */
static void allowances_change_whole(void **state) {
    struct registry *r = open_registry(*state);
    struct error error = {0};
    struct registry_allowance *all, rows[2] = {{.kind = SLICE("budget"), .name = SLICE("a"), .body = SLICE("{}"), .set_us = 5, .set_by = SLICE("ann"), .reason = SLICE("why")},
                                               {.kind = SLICE("limit"), .name = SLICE("a"), .body = SLICE("{1}"), .set_us = 6}};
    struct audit_entry entries[2] = {{.at_us = 5, .action = SLICE("budget.set")}, {.at_us = 6, .action = SLICE("limit.set")}}, *log;
    uint8_t secret[DIGEST_KEY], again[DIGEST_KEY], other[DIGEST_KEY];
    struct arena arena;
    unsigned n = 9;
    arena_init(&arena, 1024, 64 << 10);
    assert_int_equal(registry_allowances_change(r, rows, entries, 2, &error), FAULT_NONE);
    rows[0].body = SLICE("{changed}");
    rows[1].name = SLICE("nobody");
    rows[1].body = SLICE_NULL;
    assert_int_equal(registry_allowances_change(r, rows, entries, 2, &error), FAULT_NOT_FOUND);
    assert_int_equal(registry_secret(r, "one", secret, &error), FAULT_NONE);
    registry_close(r);
    r = open_registry(*state);
    assert_int_equal(registry_allowances(r, &arena, &all, &n, &error), FAULT_NONE);
    assert_int_equal(n, 2);
    assert_true(slice_is(all[0].kind, "budget") && slice_is(all[0].body, "{}") && slice_is(all[0].reason, "why") && all[0].set_us == 5);
    assert_int_equal(registry_audit_list(r, 0, 10, &arena, &log, &n, &error), FAULT_NONE);
    assert_int_equal(n, 2); /* none of the change that failed */
    rows[1].name = SLICE("a");
    assert_int_equal(registry_allowances_change(r, rows, entries, 2, &error), FAULT_NONE);
    assert_int_equal(registry_allowances(r, &arena, &all, &n, &error), FAULT_NONE);
    assert_int_equal(n, 1);
    assert_true(slice_is(all[0].body, "{changed}"));
    assert_int_equal(registry_secret(r, "one", again, &error), FAULT_NONE);
    assert_memory_equal(secret, again, sizeof secret);
    assert_int_equal(registry_secret(r, "two", other, &error), FAULT_NONE);
    assert_memory_not_equal(secret, other, sizeof secret);
    arena_deinit(&arena);
    registry_close(r);
}

static void conflicts_and_unknown_keys(void **state) {
    struct registry *r = open_registry(*state);
    struct error error = {0};
    struct registry_key a = key_of("support", "prod", "1"), same_name = key_of("support", "prod", "2"),
                        same_key = key_of("search", "prod", "1"), nameless = key_of("search", NULL, "3");
    assert_int_equal(registry_key_add(r, &a, &error), FAULT_NONE);
    assert_int_equal(registry_key_add(r, &same_name, &error), FAULT_CONFLICT);
    assert_non_null(strstr(error.text, "support"));
    assert_int_equal(registry_key_add(r, &same_key, &error), FAULT_CONFLICT);
    assert_int_equal(registry_key_add(r, &nameless, &error), FAULT_BAD_REQUEST);
    assert_int_equal(registry_key_revoke(r, SLICE("support"), SLICE("none"), SLICE("bob"), 1, &error),
                     FAULT_NOT_FOUND);
    assert_non_null(strstr(error.text, "none"));
    registry_close(r);
}

/* ---- audit ---- */

static void audit(struct registry *r, unsigned i) {
    char subject[32];
    struct error error = {0};
    snprintf(subject, sizeof subject, "key/support/%u", i);
    struct audit_entry e = {.at_us = 1000 + i,
                            .actor = SLICE("ann"),
                            .action = SLICE("key.add"),
                            .subject = slice_of(subject),
                            .reason = i % 2 ? SLICE("rotation") : SLICE_NULL,
                            .detail = SLICE("{}")};
    if (registry_audit(r, &e, &error) != FAULT_NONE) fail_msg("%s", error.text);
}

static uint64_t first_bad(struct registry *r) {
    uint64_t bad = 12345;
    assert_int_equal(registry_audit_verify(r, &bad, NULL), FAULT_NONE);
    return bad;
}

static void the_audit_log_is_a_chain(void **state) {
    struct registry *r = open_registry(*state);
    struct arena arena;
    struct audit_entry *e;
    unsigned n;
    arena_init(&arena, 1024, 64 << 10);
    assert_int_equal(first_bad(r), 0);
    for (unsigned i = 1; i <= 30; i++) audit(r, i);
    assert_int_equal(first_bad(r), 0);
    assert_int_equal(registry_audit_list(r, 0, 10, &arena, &e, &n, NULL), FAULT_NONE);
    assert_int_equal(n, 10);
    assert_int_equal(e[0].number, 30);
    assert_int_equal(e[9].number, 21);
    assert_true(slice_is(e[0].subject, "key/support/30") && slice_is_null(e[0].reason) &&
                slice_is(e[1].reason, "rotation"));
    assert_int_equal(registry_audit_list(r, 4, 10, &arena, &e, &n, NULL), FAULT_NONE);
    assert_int_equal(n, 3);
    assert_int_equal(e[0].number, 3);
    assert_int_equal(registry_audit_list(r, 0, 0, &arena, &e, &n, NULL), FAULT_BAD_REQUEST);
    arena_deinit(&arena);
    registry_close(r);
}

static void tampering_shows(void **state) {
    struct rig *rig = *state;
    static const struct {
        const char *sql;
        unsigned bad;
    } cases[] = {
        {"UPDATE audit SET actor = 'eve' WHERE number = 7", 7},
        {"UPDATE audit SET reason = '' WHERE number = 8", 8}, /* null is not empty */
        {"UPDATE audit SET subject = subject || 'x', action = 'key.ad' WHERE number = 9", 9},
        {"DELETE FROM audit WHERE number = 5", 5},
        {"UPDATE audit SET number = number - 1 WHERE number > 5", 5},
        {"UPDATE audit SET chain = x'00' WHERE number = 3", 3},
        {"DELETE FROM audit WHERE number = 1", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct registry *r = open_registry(rig);
        struct error error = {0};
        enum fault fault = FAULT_NONE;
        for (unsigned k = 1; k <= 12; k++) audit(r, k);
        struct database *db =
            database_open(rig_path(rig, "registry.db"), &(struct database_options){0}, &fault, &error);
        assert_non_null(db);
        assert_int_equal(database_exec(db, "UPDATE audit SET actor = 'eve' WHERE number = 7", &error),
                         FAULT_CONFLICT);
        assert_non_null(strstr(error.text, "append-only"));
        assert_int_equal(database_exec(db, "DELETE FROM audit", &error), FAULT_CONFLICT);
        assert_int_equal(
            database_exec(db, "DROP TRIGGER audit_no_update; DROP TRIGGER audit_no_delete;", &error),
            FAULT_NONE);
        if (i == 4)
            assert_int_equal(database_exec(db, "DELETE FROM audit WHERE number = 5", &error), FAULT_NONE);
        if (database_exec(db, cases[i].sql, &error) != FAULT_NONE) fail_msg("%s", error.text);
        assert_int_equal(first_bad(r), cases[i].bad);
        database_close(db);
        registry_close(r);
        assert_int_equal(unlink(rig_path(rig, "registry.db")), 0);
    }
}

static void *audit_hundred(void *ctx) {
    struct registry *r = open_registry(ctx);
    for (unsigned i = 0; i < 50; i++) audit(r, i);
    registry_close(r);
    return NULL;
}

static void two_writers_make_one_chain(void **state) {
    pthread_t threads[2];
    for (int i = 0; i < 2; i++) assert_int_equal(pthread_create(&threads[i], NULL, audit_hundred, *state), 0);
    for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
    struct registry *r = open_registry(*state);
    struct arena arena;
    struct audit_entry *e;
    unsigned n;
    arena_init(&arena, 1024, 64 << 10);
    assert_int_equal(first_bad(r), 0);
    assert_int_equal(registry_audit_list(r, 0, 1, &arena, &e, &n, NULL), FAULT_NONE);
    assert_int_equal(e[0].number, 100);
    arena_deinit(&arena);
    registry_close(r);
}

/* ---- the schema ---- */

static const char *const steps[] = {"CREATE TABLE a(x)", "CREATE TABLE b(y); INSERT INTO b VALUES(1);",
                                    "ALTER TABLE a ADD COLUMN z",
                                    "CREATE TABLE c(w); INSERT INTO nowhere VALUES(1)"};

static int64_t number(struct database *db, const char *sql) {
    int64_t n = -1;
    struct error error = {0};
    if (database_number(db, sql, &n, &error) != FAULT_NONE) fail_msg("%s", error.text);
    return n;
}

static void schemas_run_forward(void **state) {
    struct rig *rig = *state;
    struct error error = {0};
    enum fault fault = FAULT_NONE;
    struct database *db = database_open(rig_path(rig, "x.db"), &(struct database_options){0}, &fault, &error);
    assert_non_null(db);
    assert_int_equal(number(db, "PRAGMA user_version"), 0);
    assert_int_equal(migrate(db, &(struct schema){steps, 1}, &error), FAULT_NONE);
    assert_int_equal(database_exec(db, "INSERT INTO a VALUES(5)", &error), FAULT_NONE);
    assert_int_equal(migrate_check(db, &(struct schema){steps, 3}, &error), FAULT_CONFLICT);
    assert_int_equal(migrate(db, &(struct schema){steps, 3}, &error), FAULT_NONE);
    assert_int_equal(migrate(db, &(struct schema){steps, 3}, &error), FAULT_NONE);
    assert_int_equal(migrate_check(db, &(struct schema){steps, 3}, &error), FAULT_NONE);
    assert_int_equal(number(db, "SELECT x FROM a WHERE z IS NULL"), 5);
    assert_int_equal(number(db, "SELECT count(*) FROM b"), 1);
    assert_int_equal(number(db, "PRAGMA user_version"), 3);
    assert_int_equal(migrate(db, &(struct schema){steps, 4}, &error),
                     FAULT_IO); /* a failing step changes nothing */
    assert_int_equal(number(db, "PRAGMA user_version"), 3);
    assert_int_equal(number(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'c'"), 0);
    assert_int_equal(migrate(db, &(struct schema){steps, 2}, &error), FAULT_CONFLICT);
    assert_string_equal(error.text,
                        "x.db has schema version 3 and this program knows version 2: use the newer program");
    database_close(db);
}

static void a_newer_registry_is_refused(void **state) {
    struct rig *rig = *state;
    struct error error = {0};
    enum fault fault = FAULT_NONE;
    registry_close(open_registry(rig));
    struct database *db =
        database_open(rig_path(rig, "registry.db"), &(struct database_options){0}, &fault, &error);
    assert_int_equal(database_exec(db, "PRAGMA user_version=42", &error), FAULT_NONE);
    database_close(db);
    assert_null(registry_open(rig->dir, &error));
    assert_int_equal(error.fault, FAULT_CONFLICT);
    assert_non_null(strstr(error.text, "registry.db has schema version 42"));
}

static void what_is_no_database_is_said_to_be_none(void **state) {
    struct rig *rig = *state;
    struct error error = {0};
    enum fault fault = FAULT_NONE;
    FILE *f = fopen(rig_path(rig, "registry.db"), "w");
    for (int i = 0; i < 1000; i++) fputs("this is no database ", f);
    fclose(f);
    assert_null(registry_open(rig->dir, &error));
    assert_int_equal(error.fault, FAULT_CORRUPT);
    assert_non_null(strstr(error.text, "registry.db"));
    assert_null(database_open(rig_path(rig, "none.db"), &(struct database_options){.read_only = true}, &fault,
                              &error));
    assert_int_equal(fault, FAULT_NOT_FOUND);
}

static void statements_hold_every_kind_of_value(void **state) {
    struct rig *rig = *state;
    struct error error = {0};
    enum fault fault = FAULT_NONE;
    struct statement *s;
    struct arena arena;
    bool row = false;
    arena_init(&arena, 256, 4096);
    struct database *db = database_open(rig_path(rig, "x.db"), &(struct database_options){0}, &fault, &error);
    assert_int_equal(database_exec(db, "CREATE TABLE t(a, b, c, d, e)", &error), FAULT_NONE);
    assert_int_equal(statement_of(db, "INSERT INTO t VALUES(?1, ?2, ?3, ?4, ?5)", &s, &error), FAULT_NONE);
    statement_bind_i64(s, 1, INT64_MIN);
    statement_bind_text(s, 2, SLICE("a\0b"));
    statement_bind_text(s, 3, SLICE_NULL);
    statement_bind_blob(s, 4, SLICE(""));
    statement_bind_text(s, 5, SLICE(""));
    assert_int_equal(statement_run(s, &error), FAULT_NONE);
    assert_int_equal(database_changes(db), 1);
    assert_int_equal(statement_of(db, "SELECT a, b, c, d, e FROM t", &s, &error), FAULT_NONE);
    assert_int_equal(statement_step(s, &row, &error), FAULT_NONE);
    assert_true(row);
    assert_true(statement_i64(s, 0) == INT64_MIN);
    assert_true(slice_eq(statement_copy(s, 1, &arena), SLICE("a\0b")));
    assert_true(slice_is_null(statement_bytes(s, 2)) && statement_is_null(s, 2));
    assert_true(!slice_is_null(statement_bytes(s, 3)) && statement_bytes(s, 3).len == 0);
    assert_true(!slice_is_null(statement_bytes(s, 4)) && statement_bytes(s, 4).len == 0);
    statement_reset(s);
    assert_int_equal(statement_of(db, "SELECT missing FROM nowhere", &s, &error), FAULT_IO);
    assert_string_equal(error.text, "x.db: no such table: nowhere");
    arena_deinit(&arena);
    database_close(db);
}

/* Another process sees that the first connection still holds the file, when this one has opened it once more: else it would take itself for the last
 * one and remove the log that we write. */
static void a_second_connection_leaves_the_locks(void **state) {
    const struct rig *rig = *state;
    struct registry *a = open_registry(rig), *b = open_registry(rig);
    char path[512];
    int status = -1;
    (void)snprintf(path, sizeof path, "%s/registry.db", rig->dir);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
        int fd = open(path, O_RDWR);
        _exit(fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    registry_close(a);
    registry_close(b);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)
    const struct CMUnitTest tests[] = {
        TEST(keys_are_kept_and_revoked),
        TEST(allowances_change_whole),
        TEST(allowances_change_whole),
        TEST(conflicts_and_unknown_keys),
        TEST(the_audit_log_is_a_chain),
        TEST(tampering_shows),
        TEST(two_writers_make_one_chain),
        TEST(a_second_connection_leaves_the_locks),
        TEST(schemas_run_forward),
        TEST(a_newer_registry_is_refused),
        TEST(what_is_no_database_is_said_to_be_none),
        TEST(statements_hold_every_kind_of_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
