/* What of an exchange that is captured goes into a flight recorder, however short its segments are. */
#include "test_store_rig.h"
#include "wire_lanes.h"

enum { SEGMENT = 64 << 10, BODY = 40 << 10 };

static void see(void *ctx, enum frame_kind kind, struct slice bytes) {
    assert_int_equal(kind, FRAME_PAYLOAD);
    assert_true(payload_decode(bytes, ctx));
}

/* Where both do not fit what the client wrote is let go, and no capture is lost for it. */
static void short_segments(void **state) {
    static char text[BODY];
    struct recorder *r = rig_recorder_with(*state, 1, SEGMENT, 10);
    struct lane lane = {.index = 0};
    struct slice body = slice_make(text, BODY), few = slice_make(text, 1 << 10);
    struct record record;
    struct payload p;
    memset(text, 'x', sizeof text);
    rig_record(&record, RIG_START, 1);
    buffer_init(&lane.frame, 3 * LIMIT_PAYLOAD);
    assert_int_equal(lane_payload(&lane, r, &record, body, SLICE("{}"), few), FAULT_NONE);
    assert_int_equal(recorder_read(r, 1, see, &p), 1);
    assert_true(p.request.len == BODY && p.asked.len == few.len);
    recorder_release(r);
    assert_int_equal(lane_payload(&lane, r, &record, body, SLICE("{}"), body), FAULT_NONE);
    assert_int_equal(recorder_read(r, 1, see, &p), 1);
    assert_true(p.request.len == BODY && slice_is_null(p.asked) && !p.request_cut);
    recorder_release(r);
    buffer_deinit(&lane.frame);
    recorder_close(r);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(short_segments, rig_setup, rig_teardown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
