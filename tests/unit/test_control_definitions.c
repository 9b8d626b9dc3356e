/* Definitions over the API: every kind by the same rules, once each, with all that is wrong and an entry in the audit log. */
#include "test_control_rig.h"

static const char suite[] = "suite: x\nmodel: m\ncases: [{id: a, input: hi}]\n", other[] = "{\"suite\":\"x\",\"model\":\"m\",\"repeat\":2,\"cases\":[{\"id\":\"a\",\"input\":\"hi\"}]}",
                  judge[] = "judge: x\nmodel: m\nscale: binary\n",
                  scoring[] = "scoring: x\napplication: support\nsample: {rate: 0.5}\nchecks: [{type: is-json, metric: format}]\n";

static int64_t number(struct desk *d, const char *path) {
    int64_t n = -1;
    (void)json_get_i64(&d->doc, json_get(&d->doc, 0, path), &n);
    return n;
}

static bool says(struct desk *d, const char *path, const char *text) { return json_is(&d->doc, json_get(&d->doc, 0, path), text); }

static void test_kinds(void **state) {
    struct desk *d = *state;
    static const char *const kinds[][2] = {{"/api/v1/suites", suite}, {"/api/v1/judges", judge}, {"/api/v1/scoring", scoring}};
    for (size_t i = 0; i < 3; i++) {
        char path[128];
        EXPECT_STATUS(200, desk_do(d, "POST", kinds[i][0], kinds[i][1]));
        assert_true(says(d, "change", "new") && number(d, "version") == 1);
        EXPECT_STATUS(200, desk_do(d, "POST", kinds[i][0], kinds[i][1]));
        assert_true(says(d, "change", "same") && number(d, "version") == 1);
        EXPECT_STATUS(200, desk_get(d, kinds[i][0]));
        assert_int_equal(json_size(&d->doc, json_get(&d->doc, 0, "definitions")), 1);
        snprintf(path, sizeof path, "%s/x", kinds[i][0]);
        EXPECT_STATUS(200, desk_get(d, path));
        assert_int_equal(json_type(&d->doc, json_get(&d->doc, 0, "definition")), JSON_OBJECT);
        char *canonical = arena_text(&d->arena, json_raw(&d->doc, json_get(&d->doc, 0, "definition")));
        EXPECT_STATUS(200, desk_do(d, "POST", kinds[i][0], canonical)); /* what is kept is the same again */
        assert_true(says(d, "change", "same"));
        EXPECT_STATUS(200, desk_do(d, "DELETE", path, ""));
        EXPECT_STATUS(404, desk_get(d, path));
        EXPECT_STATUS(404, desk_do(d, "DELETE", path, ""));
    }
}

static void test_versions(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/suites?reason=first&ticket=OPS-1&author=Ann", suite));
    assert_true(says(d, "by", "Ann") && says(d, "why", "first") && says(d, "ticket", "OPS-1"));
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/suites?dry_run=true", other));
    assert_true(says(d, "change", "changed"));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/suites/x/versions"));
    assert_int_equal(json_size(&d->doc, json_get(&d->doc, 0, "definitions")), 1);
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/suites", other));
    assert_int_equal(number(d, "version"), 2);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/suites/x?version=1"));
    assert_int_equal(number(d, "version"), 1);
    EXPECT_STATUS(404, desk_get(d, "/api/v1/suites/x?version=3"));
    EXPECT_STATUS(400, desk_get(d, "/api/v1/suites/x?version=new"));
    EXPECT_STATUS(404, desk_get(d, "/api/v1/suites/y"));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit"));
    assert_int_equal(json_size(&d->doc, json_get(&d->doc, 0, "entries")), 2); /* a dry run is no change */
}

static void test_problems(void **state) {
    struct desk *d = *state;
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/suites?file=s.yaml", "suite: x\nmodel: m\nreapet: 2\ncases: [{input: 'file:/etc/passwd'}]\n"));
    struct slice told = buffer_slice(&d->answer.body);
    assert_true(slice_contains(told, SLICE("s.yaml:3: ")) && slice_contains(told, SLICE("did you mean `repeat`?")));
    assert_true(slice_contains(told, SLICE("s.yaml:4: file:/etc/passwd: no file can be read here")));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/suites", ""));
    EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/judges", suite));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/suites"));
    assert_int_equal(json_size(&d->doc, json_get(&d->doc, 0, "definitions")), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_kinds, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(test_versions, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(test_problems, desk_setup, desk_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
