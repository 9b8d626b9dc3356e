/* The table of signals, and the names of series. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "model/signal.h"

static void the_table_is_sound(void **state) {
    (void)state;
    for (unsigned i = 0; i < SIGNALS; i++) {
        struct signal_info info = signal_info((enum signal)i);
        enum signal found = SIGNALS;
        assert_true(signal_from(slice_of(info.name), &found));
        assert_int_equal(found, i);
        assert_int_equal(info.shape == SIGNAL_QUANTILE, info.quantile > 0);
        assert_true(info.quantile < 1 && *info.unit && *info.meaning);
        assert_true(info.source != SIGNAL_OF_SCORES || (info.by & SIGNAL_BY_BIT(PROVIDER)) == 0); /* scores do not know it */
        assert_false(slice_is(slice_of(info.meaning), "the same"));
    }
    assert_int_equal(signal_info(SIGNAL_WATCH_SILENT).by, SIGNAL_BY_BIT(WATCHER));
    assert_int_equal(signal_info(SIGNAL_RECORDER_LAG).by, 0);
    assert_string_equal(signal_of_default(SIGNAL_UNSUPPORTED), "faithfulness");
    assert_null(signal_of_default(SIGNAL_ERRORS));
}

static void series_go_there_and_back(void **state) {
    (void)state;
    struct signal_series s = {.by = SIGNAL_BY_BIT(APPLICATION) | SIGNAL_BY_BIT(CONTEXT) | SIGNAL_BY_BIT(TEAM)}, back;
    struct buffer out;
    struct arena arena;
    s.is[SIGNAL_BY_APPLICATION] = SLICE("helpdesk \"Zürich\"\n");
    s.is[SIGNAL_BY_CONTEXT] = SLICE("<1k");
    buffer_init(&out, 4096);
    arena_init(&arena, 1024, 1 << 16);
    signal_series_write(&s, &out);
    assert_true(slice_is(buffer_slice(&out), "{\"application\":\"helpdesk \\\"Zürich\\\"\\n\",\"context\":\"<1k\",\"team\":\"\"}"));
    assert_true(signal_series_read(buffer_slice(&out), &arena, &back));
    assert_int_equal(back.by, s.by);
    assert_true(slice_eq(back.is[SIGNAL_BY_APPLICATION], s.is[SIGNAL_BY_APPLICATION]));
    assert_true(back.is[SIGNAL_BY_TEAM].len == 0 && slice_is_null(back.is[SIGNAL_BY_MODEL]));
    assert_false(signal_series_read(SLICE("{\"colour\":\"red\"}"), &arena, &back));
    assert_false(signal_series_read(SLICE("{\"team\":1}"), &arena, &back));
    assert_false(signal_series_read(SLICE("[]"), &arena, &back));
    arena_deinit(&arena);
    buffer_deinit(&out);
}

static void sizes_of_inputs(void **state) {
    (void)state;
    assert_true(slice_is(signal_context(-1), "") && slice_is(signal_context(0), "<1k") && slice_is(signal_context(999), "<1k"));
    assert_true(slice_is(signal_context(1000), "1k-4k") && slice_is(signal_context(15999), "4k-16k") && slice_is(signal_context(64000), ">=64k"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_table_is_sound), cmocka_unit_test(series_go_there_and_back), cmocka_unit_test(sizes_of_inputs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
