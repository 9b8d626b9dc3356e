/* JUnit's XML, as CI servers read it: a testcase a case (all its repeats), one a requirement, one of the verdict as a whole. A case
 * with a failed run is a failure, one without a failure and with an error is an error. */
#include "quality/report_private.h"

#include <math.h>

struct one_case { /* the repeats of one case */
    unsigned at, runs, failed, errors;
    int64_t latency_us;
    struct buffer reason;
};

struct cases {
    const struct report *r;
    struct report_out *out;
    bool write; /* else they are only counted */
    struct one_case now;
    size_t n, failures, errors;
};

static void raw(struct report_out *o, const char *xml) {
    buffer_append(&o->text, slice_of(xml));
}

static void attribute(struct report_out *o, const char *name, struct slice value) {
    buffer_printf(&o->text, " %s=\"", name);
    report_escape(&o->text, value);
    raw(o, "\"");
}

static void write_case(struct cases *c) {
    struct report_out *o = c->out;
    struct one_case *k = &c->now;
    const struct suite *s = c->r->suite;
    raw(o, "<testcase");
    attribute(o, "classname", s->name);
    attribute(o, "name", k->at < s->n_cases ? s->cases[k->at].id : SLICE("?"));
    buffer_printf(&o->text, " time=\"%.3f\">", (double)k->latency_us / 1e6);
    if (k->failed > 0) {
        raw(o, "<failure type=\"fail\" message=\"");
        if (k->runs > 1) buffer_printf(&o->text, "%u of %u runs failed: ", k->failed, k->runs);
        report_escape(&o->text, report_cut(buffer_slice(&k->reason), 1000));
        raw(o, "\"/>");
    } else if (k->errors > 0) {
        raw(o, "<error type=\"error\" message=\"");
        if (k->runs > 1) buffer_printf(&o->text, "%u of %u runs: ", k->errors, k->runs);
        report_escape(&o->text, report_cut(buffer_slice(&k->reason), 1000));
        raw(o, "\"/>");
    }
    raw(o, "</testcase>\n");
    report_flush(o);
}

static void end_case(struct cases *c) {
    if (c->now.runs == 0) return;
    c->n++;
    c->failures += c->now.failed > 0;
    c->errors += c->now.failed == 0 && c->now.errors > 0;
    if (c->write) write_case(c);
}

static bool see(void *to, const struct result *r) {
    struct cases *c = to;
    struct one_case *k = &c->now;
    if (k->runs == 0 || k->at != r->case_at) {
        end_case(c);
        struct buffer reason = k->reason;
        buffer_clear(&reason);
        *k = (struct one_case){.at = r->case_at, .reason = reason};
    }
    k->runs++;
    bool first = r->verdict == CHECK_FAIL ? k->failed == 0 : r->verdict == CHECK_ERROR && k->failed + k->errors == 0;
    if (first) {
        buffer_clear(&k->reason);
        buffer_append(&k->reason, report_cut(report_reason(r), 1000));
    }
    k->failed += r->verdict == CHECK_FAIL;
    k->errors += r->verdict == CHECK_ERROR;
    if (r->latency_us > 0) k->latency_us += r->latency_us;
    return c->out->fault == FAULT_NONE;
}

static void go_through(struct cases *c, bool write) {
    c->write = write;
    c->n = c->failures = c->errors = 0;
    c->now = (struct one_case){.reason = c->now.reason};
    report_each(c->r, c->out, see, c);
    if (c->out->fault == FAULT_NONE) end_case(c);
}

static void property(struct report_out *o, const char *name, struct slice value) {
    raw(o, "<property");
    attribute(o, "name", slice_of(name));
    attribute(o, "value", value);
    raw(o, "/>\n");
}

static void put_interval(const struct report *r, struct report_out *o, const char *path, const char *low, const char *high) {
    uint32_t interval = report_at(r, 0, path);
    if (json_size(r->summary, interval) != 2) return;
    property(o, low, json_raw(r->summary, json_item(r->summary, interval, 0)));
    property(o, high, json_raw(r->summary, json_item(r->summary, interval, 1)));
}

static void write_properties(const struct report *r, struct report_out *o) {
    static const char *const texts[] = {"verdict", "why", "scope", "stopped", "corrected.judged"};
    static const char *const numbers[] = {"pass_rate", "needed_cases", "cases", "runs", "errors", "cost_usd", "corrected.pass_rate"};
    char text[2 * DIGEST_BYTES + 1];
    raw(o, "<properties>\n");
    property(o, "run", r->run);
    digest_hex(r->suite->digest.bytes, DIGEST_BYTES, text);
    property(o, "suite_digest", slice_of(text));
    if (r->suite_version > 0) property(o, "suite_version", arena_printf(&o->arena, "%lld", (long long)r->suite_version));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct slice value = report_text(r, o, 0, texts[i]);
        if (!slice_is_null(value)) property(o, texts[i], value);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        uint32_t at = report_at(r, 0, numbers[i]);
        if (json_type(r->summary, at) == JSON_NUMBER) property(o, numbers[i], json_raw(r->summary, at));
    }
    put_interval(r, o, "interval", "interval_low", "interval_high");
    put_interval(r, o, "corrected.interval", "corrected_low", "corrected_high");
    raw(o, "</properties>\n");
    report_flush(o);
}

/* One testcase each: no is a failure, and so is "not enough", whose type says so. */
static void write_demand(const struct report *r, struct report_out *o, struct slice name, struct slice answer, struct slice why) {
    raw(o, "<testcase");
    attribute(o, "classname", arena_printf(&o->arena, SLICE_FMT ".requirements", SLICE_ARG(r->suite->name)));
    attribute(o, "name", name);
    raw(o, " time=\"0\">");
    if (!slice_is(answer, "yes") && !slice_is(answer, "passed")) {
        raw(o, "<failure");
        attribute(o, "type", answer);
        attribute(o, "message", why);
        raw(o, "/>");
    }
    raw(o, "</testcase>\n");
}

static size_t unmet(const struct report *r, struct report_out *o) {
    uint32_t q, at = JSON_NONE;
    size_t n = !slice_is(report_text(r, o, 0, "verdict"), "passed");
    while (json_each_item(r->summary, report_at(r, 0, "requirements"), &at, &q)) n += !slice_is(report_text(r, o, q, "answer"), "yes");
    return n;
}

void report_junit(const struct report *r, struct report_out *o) {
    struct cases c = {.r = r, .out = o};
    uint32_t q, at = JSON_NONE, demands = report_at(r, 0, "requirements");
    buffer_init(&c.now.reason, 64 << 10);
    go_through(&c, false);
    size_t tests = c.n + json_size(r->summary, demands) + 1, failures = c.failures + unmet(r, o), errors = c.errors;
    raw(o, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    buffer_printf(&o->text, "<testsuites tests=\"%zu\" failures=\"%zu\" errors=\"%zu\">\n<testsuite", tests, failures, errors);
    attribute(o, "name", r->suite->name);
    buffer_printf(&o->text, " tests=\"%zu\" failures=\"%zu\" errors=\"%zu\" skipped=\"0\">\n", tests, failures, errors);
    write_properties(r, o);
    write_demand(r, o, SLICE("verdict"), report_text(r, o, 0, "verdict"), report_text(r, o, 0, "why"));
    while (json_each_item(r->summary, demands, &at, &q)) {
        write_demand(r, o, report_text(r, o, q, "text"), report_text(r, o, q, "answer"), report_text(r, o, q, "why"));
        report_flush(o);
    }
    go_through(&c, true);
    raw(o, "</testsuite>\n</testsuites>\n");
    buffer_deinit(&c.now.reason);
}
