/* Exchanges on their way to consoles: what is packed comes out as it was, and whatever a console is not shown is counted. */
#include "base/clock.h"
#include "base/mem.h"
#include "control/console_tail.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct record record_of(const char *application, enum record_status status) {
    struct record r;
    record_init(&r);
    record_id_new(&r.id, 1000000);
    r.time_us = 1790000000123456;
    r.application = slice_of(application);
    r.model = SLICE("chat");
    r.status = status;
    r.cost_nano = 1500000;
    r.duration_us = 1234567;
    r.ttft_us = -1;
    return r;
}

static void round_trip(void **state) {
    (void)state;
    struct console_batch *b = console_batch_new();
    struct record first = record_of("shop", RECORD_OK), second = record_of("", RECORD_ERROR);
    char longest[LIMIT_LABEL + 50];
    memset(longest, 'x', sizeof longest);
    first.user = SLICE("zo\xc3\xa9 \"</script>\xff");
    first.prompt_name = SLICE("greet");
    first.prompt_version = SLICE("7");
    second.error = FAULT_UP_SERVER;
    second.cost_nano = MONEY_UNKNOWN;
    second.request_type = slice_make(longest, sizeof longest);
    console_batch_add(b, &first);
    console_batch_add(b, &second);
    struct console_exchange x;
    size_t at = 0;
    assert_int_equal(console_batch_count(b), 2);
    assert_true(console_batch_next(b, &at, &x));
    struct buffer out;
    struct json_writer w;
    buffer_init(&out, 4096);
    json_start(&w, &out);
    console_exchange_write(&x, &w);
    char id[RECORD_ID_TEXT], wanted[512];
    record_id_format(&first.id, id);
    snprintf(wanted, sizeof wanted,
             "{\"id\":\"%s\",\"time\":\"2026-09-21T14:13:20.123456Z\",\"application\":\"shop\",\"model\":\"chat\",\"provider\":null,\"request_type\":null,"
             "\"status\":\"ok\",\"cost_usd\":0.0015,\"duration_ms\":1234.567,\"ttft_ms\":null,\"user\":\"zo\xc3\xa9 \\\"</script>\xef\xbf\xbd\",\"prompt\":\"greet@7\",\"error\":null}", id);
    assert_string_equal(buffer_text(&out), wanted);
    assert_true(console_batch_next(b, &at, &x));
    assert_true(!slice_is_null(x.application) && x.application.len == 0 && slice_is_null(x.user)); /* empty is not absent */
    assert_true(x.error == FAULT_UP_SERVER && x.status == RECORD_ERROR && x.cost_nano == MONEY_UNKNOWN);
    assert_int_equal(x.request_type.len, LIMIT_LABEL);
    assert_false(console_batch_next(b, &at, &x));
    buffer_deinit(&out);
    console_batch_drop(console_batch_hold(b));
    console_batch_drop(b);
}

static void full(void **state) {
    (void)state;
    struct console_batch *b = console_batch_new();
    struct record r = record_of("shop", RECORD_OK);
    enum { MANY = 5000 };
    for (int i = 0; i < MANY; i++) console_batch_add(b, &r);
    struct console_exchange x;
    unsigned n = 0;
    for (size_t at = 0; console_batch_next(b, &at, &x);) n++;
    assert_int_equal(n, console_batch_count(b));
    assert_true(n > 1300 && console_batch_skipped(b) == MANY - n); /* as the limit's reason says */
    console_batch_drop(b);
}

static void filter(void **state) {
    (void)state;
    struct console_exchange x = {.application = SLICE("shop"), .model = SLICE("chat"), .status = RECORD_OK};
    struct console_filter f = {.status = -1};
    assert_true(console_filter_takes(&f, &x));
    f.application = SLICE("shop");
    f.status = RECORD_OK;
    assert_true(console_filter_takes(&f, &x));
    f.status = RECORD_TRUNCATED;
    assert_false(console_filter_takes(&f, &x));
    f = (struct console_filter){.request_type = SLICE("summary"), .status = -1};
    assert_false(console_filter_takes(&f, &x)); /* it has none */
    f = (struct console_filter){.model = SLICE("cha"), .status = -1};
    assert_false(console_filter_takes(&f, &x));
}

static void picks_are_spread(void **state) {
    (void)state;
    for (uint64_t matching = 0; matching < 60; matching++)
        for (unsigned showing = 0; showing <= matching && showing <= 20; showing++) {
            unsigned n = 0;
            for (uint64_t i = 0; i < matching; i++) n += console_meter_picks(i, matching, showing);
            assert_int_equal(n, showing);
        }
    assert_true(!console_meter_picks(0, 100, 5) && console_meter_picks(19, 100, 5) && console_meter_picks(99, 100, 5));
}

/* Whatever comes in whatever ticks, blocked or not: no second of four ticks shows more than it may, what was told and what was shown add up to what came, and a
 * flood is spread over its seconds. */
static void nothing_is_lost_uncounted(void **state) {
    (void)state;
    uint32_t seed = 7;
    struct console_meter m, told;
    int64_t now = 0;
    uint64_t came = 0, shown = 0, left = 0, skipped = 0;
    unsigned last[4] = {0};
    console_meter_start(&m, now);
    for (unsigned i = 0; i < 20000; i++) {
        seed = seed * 1103515245 + 12345;
        uint64_t n = (seed >> 16) % 3 == 0 ? 0 : (seed >> 8) % (i % 2000 < 1000 ? 4 : 400);
        bool blocked = (seed >> 20) % 5 == 0;
        came += n;
        if (blocked) m.seen += n;
        unsigned now_shown = blocked ? 0 : console_meter_tick(&m, n);
        if (!blocked) {
            memmove(last, last + 1, 3 * sizeof *last);
            last[3] = now_shown;
            assert_true(last[0] + last[1] + last[2] + last[3] <= LIMIT_CONSOLE_SHOWN);
            if (m.flooded) assert_true(now_shown <= LIMIT_CONSOLE_SHOWN / 4);
        }
        shown += now_shown;
        m.skipped += i % 100 == 0;
        now += 250000;
        if (!console_meter_tell(&m, now, blocked, &told)) continue;
        assert_true(!blocked && now - told.since_us >= 1000000 && (told.seen > told.shown || told.skipped > 0));
        left += told.seen - told.shown;
        skipped += told.skipped;
    }
    left += m.seen - m.shown; /* of the second under way */
    assert_true(left > 0 && came == shown + left);
    assert_int_equal(skipped + m.skipped, 200);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trip), cmocka_unit_test(full), cmocka_unit_test(filter), cmocka_unit_test(picks_are_spread),
        cmocka_unit_test(nothing_is_lost_uncounted),
    };
    return cmocka_run_group_tests_name("control/console_tail", tests, NULL, NULL);
}
