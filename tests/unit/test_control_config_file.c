/* Configuration files: what is read from where, and what is said when it cannot be. */
#include "test_store_rig.h"

#include "control/config_file.h"

#define KEY "qd-0123456789abcdef"

static void write_file(const struct rig *rig, const char *name, const char *text) {
    FILE *f = fopen(rig_path(rig, name), "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

struct reading {
    struct arena arena;
    struct policy *policy;
    struct problems problems;
    struct error error;
    char path[400];
};

static enum fault read_it(struct reading *r, const struct rig *rig, const char *name) {
    *r = (struct reading){.error.fault = FAULT_NONE};
    arena_init(&r->arena, 4096, LIMIT_CONFIG_FILE);
    snprintf(r->path, sizeof r->path, "%s", rig_path(rig, name));
    return config_file_read(r->path, NULL, &r->arena, &r->policy, &r->problems, &r->error);
}

static void end(struct reading *r) {
    policy_drop(r->policy);
    arena_deinit(&r->arena);
}

static void named_files_lie_beside_it(void **state) {
    const struct rig *rig = *state;
    struct reading r;
    struct digest digest;
    assert_int_equal(mkdir(rig_path(rig, "secrets"), 0700), 0);
    write_file(rig, "secrets/key", KEY "\n");
    write_file(rig, "a.yaml", "applications:\n  shop:\n    keys: [{name: web, key: 'file:secrets/key'}, {name: env, key: '${DESK_KEY}'}]\n");
    assert_int_equal(setenv("DESK_KEY", "qd-from-the-environment", 1), 0);
    enum fault fault = read_it(&r, rig, "a.yaml");
    if (fault != FAULT_NONE) fail_msg("%s", r.problems.count ? r.problems.items[0].text : r.error.text);
    digest_sha256(SLICE(KEY), &digest);
    assert_non_null(table_get(&r.policy->key_by_digest, slice_make((const char *)digest.bytes, sizeof digest.bytes)));
    digest_sha256(SLICE("qd-from-the-environment"), &digest);
    assert_non_null(table_get(&r.policy->key_by_digest, slice_make((const char *)digest.bytes, sizeof digest.bytes)));
    end(&r);
    assert_int_equal(unsetenv("DESK_KEY"), 0);
    assert_int_equal(read_it(&r, rig, "a.yaml"), FAULT_CONFIG);
    assert_int_equal(r.problems.count, 1);
    assert_string_equal(r.problems.items[0].file, r.path);
    assert_int_equal(r.problems.items[0].line, 3);
    assert_null(r.policy);
    end(&r);
}

static void what_cannot_be_read_is_told(void **state) {
    const struct rig *rig = *state;
    struct reading r;
    assert_int_equal(read_it(&r, rig, "none.yaml"), FAULT_NOT_FOUND);
    assert_non_null(strstr(r.error.text, "none.yaml: no such file"));
    end(&r);
    assert_int_equal(mkdir(rig_path(rig, "folder.yaml"), 0700), 0);
    assert_int_equal(read_it(&r, rig, "folder.yaml"), FAULT_IO);
    assert_non_null(strstr(r.error.text, "expected a file, found a folder"));
    end(&r);
    write_file(rig, "bad.yaml", "lisen: x\nmodels: {a: {}}\n");
    assert_int_equal(read_it(&r, rig, "bad.yaml"), FAULT_CONFIG);
    assert_int_equal(r.problems.count, 2);
    assert_non_null(strstr(r.error.text, "bad.yaml has 2 problems"));
    end(&r);
    write_file(rig, "secret.yaml", "applications: {a: {keys: [{name: k, key: 'file:gone'}]}}\n");
    assert_int_equal(read_it(&r, rig, "secret.yaml"), FAULT_CONFIG);
    assert_non_null(strstr(r.problems.items[0].text, "gone"));
    end(&r);
}

static void a_file_may_be_full_but_not_over(void **state) {
    const struct rig *rig = *state;
    struct buffer out;
    struct error error;
    write_file(rig, "ten", "0123456789");
    buffer_init(&out, 10);
    assert_int_equal(config_file_load(rig_path(rig, "ten"), &out, &error), FAULT_NONE);
    assert_int_equal(out.len, 10);
    buffer_deinit(&out);
    buffer_init(&out, 9);
    assert_int_equal(config_file_load(rig_path(rig, "ten"), &out, &error), FAULT_TOO_LARGE);
    buffer_deinit(&out);
    write_file(rig, "nothing", "");
    buffer_init(&out, 9);
    assert_int_equal(config_file_load(rig_path(rig, "nothing"), &out, &error), FAULT_NONE);
    assert_int_equal(out.len, 0);
    buffer_deinit(&out);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, rig_setup, rig_teardown)

int main(void) {
    const struct CMUnitTest tests[] = {TEST(named_files_lie_beside_it), TEST(what_cannot_be_read_is_told), TEST(a_file_may_be_full_but_not_over)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
