/* The API of who is on call: turns, overrides, refusals, the audit log. */
#include "test_control_rig.h"

#define SCHEDULES                                                                                                                  \
    "applications: {support: {}}\nreceivers: {ops: {webhook: {url: 'http://127.0.0.1:9/'}}}\n"                                     \
    "oncall:\n  people: {anna: {receiver: ops}, ben: {receiver: ops}}\n"                                                           \
    "  schedules:\n    primary: {rotations: [{people: [anna, ben], starts: 2026-01-05T09:00, turn: 7d}]}\n"                       \
    "    later: {rotations: [{people: [ben], starts: 2100-01-01}]}\n"

static void turns_and_overrides(void **state) {
    struct desk *d = *state;
    desk_configure(d, SCHEDULES);
    EXPECT_STATUS(200, desk_get(d, "/api/v1/oncall?at=2026-01-13T00:00:00Z"));
    EXPECT(d, "schedules.0.person", "ben");
    EXPECT(d, "schedules.0.from", "2026-01-12T09:00:00.000000Z");
    EXPECT(d, "schedules.0.next.person", "anna");
    EXPECT(d, "schedules.1.person", "null");
    EXPECT(d, "schedules.1.from", "null");
    EXPECT(d, "schedules.1.to", "2100-01-01T00:00:00.000000Z");
    EXPECT_STATUS(404, desk_get(d, "/api/v1/oncall?schedule=primry"));
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/oncall/primary/overrides",
                               "{\"person\":\"anna\",\"from\":\"2099-01-01T00:00:00Z\",\"to\":\"2099-01-01T08:00:00Z\",\"reason\":\"a swap\"}"));
    EXPECT(d, "number", "1");
    EXPECT_STATUS(200, desk_get(d, "/api/v1/oncall/primary?from=2098-12-31T23:00:00Z&to=2099-01-01T09:00:00Z"));
    EXPECT(d, "turns.1.person", "anna");
    EXPECT(d, "turns.1.override", "1");
    EXPECT(d, "turns.2.from", "2099-01-01T08:00:00.000000Z");
    EXPECT(d, "overrides.0.why", "a swap");
    EXPECT_STATUS(200, desk_do(d, "POST", "/api/v1/oncall-overrides/1/remove", "{\"reason\":\"back\"}"));
    EXPECT_STATUS(409, desk_do(d, "POST", "/api/v1/oncall-overrides/1/remove", "{}"));
    EXPECT_STATUS(404, desk_do(d, "POST", "/api/v1/oncall-overrides/2/remove", "{}"));
    EXPECT_STATUS(200, desk_get(d, "/api/v1/audit?action=oncall"));
    EXPECT(d, "entries.0.action", "oncall.remove");
    EXPECT(d, "entries.1.reason", "a swap");
}

static void what_is_refused(void **state) {
    struct desk *d = *state;
    desk_configure(d, SCHEDULES);
    static const char *const bodies[] = {
        "{\"person\":\"zoe\",\"to\":\"2099-01-01\"}",
        "{\"person\":\"anna\"}",
        "{\"person\":\"anna\",\"to\":\"2020-01-01\"}",
        "{\"person\":\"anna\",\"from\":\"2099-01-02\",\"to\":\"2099-01-01\"}",
        "{\"person\":\"anna\",\"from\":\"2097-01-02\",\"to\":\"2099-01-01\"}",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) EXPECT_STATUS(400, desk_do(d, "POST", "/api/v1/oncall/primary/overrides", bodies[i]));
    EXPECT_STATUS(404, desk_do(d, "POST", "/api/v1/oncall/primry/overrides", "{\"person\":\"anna\",\"to\":\"2099-01-01\"}"));
    EXPECT_STATUS(400, desk_get(d, "/api/v1/oncall/primary?from=2026-01-01&to=2030-01-01"));
    EXPECT_STATUS(404, desk_get(d, "/api/v1/oncall/primry"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(turns_and_overrides, desk_setup, desk_teardown),
        cmocka_unit_test_setup_teardown(what_is_refused, desk_setup, desk_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
