/* Status pages: Statuspage's JSON, RSS and Atom as vendors write them, and what is none of these. */
#include "base/buffer.h"
#include "base/clock.h"
#include "incident/vendor_status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct arena arena;
static int64_t now_us;

static struct vendor_status must_read(const char *text) {
    struct vendor_status s;
    struct error error = {.fault = FAULT_NONE};
    if (vendor_status_read(slice_of(text), now_us, &arena, &s, &error) != FAULT_NONE) fail_msg("%s", error.text);
    return s;
}
static void is_text(struct slice s, const char *text) {
    if (!slice_is(s, text)) fail_msg("`" SLICE_FMT "` is not `%s`", SLICE_ARG(s), text);
}
static int64_t at(const char *text) {
    int64_t t = 0;
    assert_true(clock_parse(slice_of(text), &t));
    return t;
}

static const char summary[] =
    "{\"page\":{\"id\":\"01JMDK\",\"name\":\"OpenAI\",\"url\":\"https://status.openai.com\"},"
    "\"status\":{\"indicator\":\"major\",\"description\":\"Partial System Outage\"},\"components\":[{\"name\":\"Chat\",\"status\":\"partial_outage\"}],"
    "\"incidents\":[{\"id\":\"a1\",\"name\":\"Old \\u001b[31mred\",\"status\":\"resolved\",\"impact\":\"minor\",\"started_at\":\"2026-11-20T10:00:00Z\"},"
    "{\"id\":\"b2\",\"name\":\"Elevated error rates\\non chat\",\"status\":\"investigating\",\"impact\":\"major\",\"shortlink\":\"https://stspg.io/b2\","
    "\"created_at\":\"2026-11-21T14:02:00.000-08:00\",\"updated_at\":\"2026-11-21T22:10:00Z\"},"
    "{\"id\":\"c3\",\"name\":\"Login\",\"status\":\"monitoring\",\"impact\":\"minor\",\"shortlink\":\"javascript:alert(1)\",\"started_at\":\"2026-11-21T21:00:00Z\"}]}";

static void statuspage(void **state) {
    (void)state;
    struct vendor_status s = must_read(summary);
    assert_int_equal(s.indicator, VENDOR_MAJOR);
    is_text(s.words, "Partial System Outage");
    assert_int_equal(s.n_incidents, 2);
    is_text(s.incidents[0].name, "Elevated error rates on chat");
    is_text(s.incidents[0].status, "investigating");
    is_text(s.incidents[0].url, "https://stspg.io/b2");
    assert_int_equal(s.incidents[0].impact, VENDOR_MAJOR);
    assert_int_equal(s.incidents[0].started_us, at("2026-11-21T22:02:00Z"));
    is_text(s.incidents[1].name, "Login");
    assert_true(slice_is_null(s.incidents[1].url));
    s = must_read("\xef\xbb\xbf {\"status\":{\"indicator\":\"none\",\"description\":\"All Systems Operational\"}}");
    assert_int_equal(s.indicator, VENDOR_NONE);
    assert_int_equal(s.n_incidents, 0);
    s = must_read("{\"status\":{\"indicator\":\"purple\",\"description\":null}}");
    assert_int_equal(s.indicator, VENDOR_UNKNOWN);
}

static void rss(void **state) {
    (void)state;
    struct vendor_status s = must_read(
        "<?xml version=\"1.0\"?><!DOCTYPE rss [<!ENTITY a \"b\">]><rss version=\"2.0\"><channel><title>Status</title>"
        "<item><title>Errors &amp; delays &#x1F525;</title><pubDate>Sat, 21 Nov 2026 14:02:00 -0800</pubDate><link>https://status.example/i/1</link>"
        "<guid>g1</guid><description><![CDATA[<p><strong>Investigating</strong> - we look</p>]]></description></item>"
        "<item><title>Slow logins</title><pubDate>Sat, 21 Nov 2026 20:00:00 GMT</pubDate><description>&lt;b&gt;Resolved&lt;/b&gt; - gone</description></item>"
        "<item><title>Yesterday's</title><pubDate>Fri, 20 Nov 2026 01:00:00 GMT</pubDate><description>Investigating</description></item>"
        "<item><title>Without a date</title></item>"
        "<item><title>Scheduled maintenance</title><pubDate>21 Nov 2026 20:30 EST</pubDate><description>in progress</description></item>"
        "<item><title>Cut off, still read</title><pubDate>Sat, 21 Nov 2026 21:00:00 +0000</pubDate>");
    assert_int_equal(s.indicator, VENDOR_MINOR);
    assert_int_equal(s.n_incidents, 2);
    is_text(s.incidents[0].name, "Errors & delays \xf0\x9f\x94\xa5");
    is_text(s.incidents[0].id, "g1");
    is_text(s.incidents[0].url, "https://status.example/i/1");
    assert_int_equal(s.incidents[0].started_us, at("2026-11-21T22:02:00Z"));
    is_text(s.incidents[1].name, "Cut off, still read");
    now_us += 3 * 3600000000LL; /* 20:30 EST is 01:30 UTC of the next day */
    s = must_read("<rss><item><title>Scheduled maintenance</title><pubDate>21 Nov 2026 20:30 EST</pubDate></item></rss>");
    assert_int_equal(s.indicator, VENDOR_MAINTENANCE);
    assert_int_equal(must_read("<rss></rss>").indicator, VENDOR_NONE);
    now_us -= 3 * 3600000000LL;
}

static void atom(void **state) {
    (void)state;
    struct vendor_status s = must_read(
        "<feed xmlns=\"http://www.w3.org/2005/Atom\"><title>Anthropic Status - Incident History</title>"
        "<entry><id>tag:1</id><published>2026-11-21T21:00:00Z</published><updated>2026-11-21T22:00:00Z</updated>"
        "<link rel=\"alternate\" type=\"text/html\" href=\"https://status.anthropic.com/incidents/x\"/><title>Elevated errors on Claude</title>"
        "<content type=\"html\">&lt;p&gt;Identified&lt;/p&gt;</content></entry>"
        "<entry><id>tag:2</id><updated>2026-11-21T20:00:00Z</updated><title>Old</title><content>All systems operational</content></entry></feed>");
    assert_int_equal(s.indicator, VENDOR_MINOR);
    assert_int_equal(s.n_incidents, 1);
    is_text(s.incidents[0].url, "https://status.anthropic.com/incidents/x");
    assert_int_equal(s.incidents[0].started_us, at("2026-11-21T21:00:00Z"));
}

static void neither(void **state) {
    (void)state;
    struct vendor_status s = {.n_incidents = 7};
    struct error error;
    assert_int_equal(vendor_status_read(SLICE("<html><body>Status</body></html>"), now_us, &arena, &s, &error), FAULT_UP_MALFORMED);
    assert_non_null(strstr(error.text, "summary.json"));
    assert_int_equal(vendor_status_read(SLICE("{\"ok\":true}"), now_us, &arena, &s, &error), FAULT_UP_MALFORMED);
    assert_int_equal(vendor_status_read(SLICE("{\"status\":{\"indi"), now_us, &arena, &s, &error), FAULT_BAD_JSON);
    assert_int_equal(vendor_status_read(SLICE(""), now_us, &arena, &s, &error), FAULT_UP_MALFORMED);
    char *large = calloc(1, LIMIT_STATUS_PAGE + 1);
    assert_int_equal(vendor_status_read(slice_make(large, LIMIT_STATUS_PAGE + 1), now_us, &arena, &s, &error), FAULT_TOO_LARGE);
    free(large);
    assert_int_equal(s.n_incidents, 7); /* untouched */
}

/* Sixty are open: the fifty newest, newest first. */
static void many(void **state) {
    (void)state;
    struct buffer b;
    buffer_init(&b, 1 << 20);
    buffer_append(&b, SLICE("{\"status\":{\"indicator\":\"minor\",\"description\":\"d\"},\"incidents\":["));
    for (int i = 0; i < 60; i++) buffer_printf(&b, "%s{\"name\":\"i%d\",\"status\":\"identified\",\"updated_at\":\"2026-11-21T10:%02d:00Z\"}", i > 0 ? "," : "", i, i);
    buffer_append(&b, SLICE("]}"));
    struct vendor_status s = must_read(buffer_text(&b));
    assert_int_equal(s.n_incidents, 50);
    is_text(s.incidents[0].name, "i59");
    is_text(s.incidents[49].name, "i10");
    buffer_deinit(&b);
}

static int begin(void **state) {
    (void)state;
    arena_init(&arena, 1 << 16, 64 << 20);
    now_us = at("2026-11-21T22:30:00Z");
    return 0;
}
static int end(void **state) {
    (void)state;
    arena_deinit(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(statuspage), cmocka_unit_test(rss), cmocka_unit_test(atom), cmocka_unit_test(neither),
                                       cmocka_unit_test(many)};
    return cmocka_run_group_tests(tests, begin, end);
}
