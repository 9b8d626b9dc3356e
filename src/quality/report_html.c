/* The page: verdict and why first, then what was required, by tag, judges, and every failing answer with each check's reason. One
 * file, no script, nothing fetched (and a policy that says so), so that what an answer holds is text and nothing else. */
#include "quality/report_private.h"

#include "base/clock.h"

#include <math.h>

static const char head[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";

static const char style[] =
    "<style>\n"
    ":root{color-scheme:light dark;--bg:#fff;--text:#1a1d21;--soft:#5b6470;--line:#d9dee4;--card:#f6f8fa;"
    "--good:#18794e;--bad:#c0292b;--open:#8a5a00;--bar:#9db4d0;--mark:#1d4f91}\n"
    "@media(prefers-color-scheme:dark){:root{--bg:#111418;--text:#e6e9ee;--soft:#9aa4b2;--line:#2c333c;--card:#191e24;"
    "--good:#4cc38a;--bad:#ff6b6b;--open:#e5b454;--bar:#46628a;--mark:#a9c7f0}}\n"
    "body{margin:0 auto;max-width:60rem;padding:1.5rem;background:var(--bg);color:var(--text);"
    "font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif}\n"
    "h1{font-size:1.4rem;margin:0}h2{font-size:1.1rem;margin:2rem 0 .5rem}p{margin:.5rem 0}\n"
    ".soft{color:var(--soft)}.verdict{border-left:.4rem solid;padding:.6rem 1rem;margin:1rem 0;background:var(--card)}\n"
    ".verdict b{font-size:1.25rem}.passed,.yes{color:var(--good)}.failed,.no{color:var(--bad)}"
    ".inconclusive,.not_enough{color:var(--open)}.verdict p{color:var(--text)}\n"
    "table{border-collapse:collapse;width:100%}th{text-align:left;font-weight:600;color:var(--soft);font-size:.85rem}\n"
    "th,td{padding:.35rem .6rem .35rem 0;border-bottom:1px solid var(--line);vertical-align:top}td.n{white-space:nowrap}\n"
    ".bar{position:relative;height:1.1rem;min-width:9rem;background:var(--card);border:1px solid var(--line);margin-top:.2rem}\n"
    ".bar i{position:absolute;top:.2rem;bottom:.2rem;background:var(--bar);min-width:2px}"
    ".bar b{position:absolute;top:0;bottom:0;width:3px;margin-left:-1px;background:var(--mark)}"
    ".bar s{position:absolute;top:-.25rem;bottom:-.25rem;width:0;border-left:2px dashed var(--bad)}\n"
    "details{border:1px solid var(--line);margin:.5rem 0;background:var(--card)}summary{cursor:pointer;padding:.4rem .7rem;overflow-wrap:anywhere}\n"
    "details>div{padding:0 .7rem .7rem}pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:.2rem 0 .7rem;padding:.5rem;"
    "background:var(--bg);border:1px solid var(--line);font:13px/1.45 ui-monospace,monospace;max-height:24rem;overflow:auto}\n"
    "h3{font-size:.85rem;color:var(--soft);margin:.6rem 0 0}ul{margin:.2rem 0;padding-left:1.2rem}li{overflow-wrap:anywhere}"
    "code{font:13px ui-monospace,monospace;overflow-wrap:anywhere}\n"
    "</style>\n";

static void raw(struct report_out *o, const char *html) {
    buffer_append(&o->text, slice_of(html));
}

static void text(struct report_out *o, struct slice t) {
    report_escape(&o->text, t);
}

static void percent_cell(struct report_out *o, double x) {
    raw(o, "<td class=n>");
    report_percent(&o->text, x);
    raw(o, "</td>");
}

static double clip(double x) {
    return fmin(1, fmax(0, x));
}

/* The interval as a bar on 0..1, the value on it, and what is required as a dashed line. Drawn for the eye: the numbers stand beside it. */
static void bar(struct report_out *o, double low, double high, double value, double required) {
    raw(o, "<div class=bar aria-hidden=true>");
    if (!isnan(low) && !isnan(high))
        buffer_printf(&o->text, "<i style=\"left:%.2f%%;width:%.2f%%\"></i>", 100 * clip(low), 100 * (clip(high) - clip(low)));
    if (!isnan(value)) buffer_printf(&o->text, "<b style=\"left:%.2f%%\"></b>", 100 * clip(value));
    if (!isnan(required)) buffer_printf(&o->text, "<s style=\"left:%.2f%%\"></s>", 100 * clip(required));
    raw(o, "</div>");
}

static void write_head(const struct report *r, struct report_out *o) {
    struct slice verdict = report_text(r, o, 0, "verdict");
    raw(o, head);
    raw(o, "<title>");
    text(o, r->suite->name);
    raw(o, ": ");
    text(o, verdict);
    raw(o, "</title>\n");
    raw(o, style);
    raw(o, "</head><body>\n<h1>");
    text(o, r->suite->name);
    raw(o, "</h1>\n<p class=soft>");
    text(o, r->run);
    if (r->suite_version > 0) buffer_printf(&o->text, ", version %lld of the suite", (long long)r->suite_version);
    if (!slice_is_null(r->prompt)) raw(o, ", prompt "), text(o, r->prompt);
    if (!slice_is_null(r->model)) raw(o, ", model "), text(o, r->model);
    raw(o, "</p>\n<div class=\"verdict ");
    text(o, verdict);
    raw(o, "\"><b>");
    text(o, verdict);
    raw(o, "</b><p>");
    text(o, report_text(r, o, 0, "why"));
    raw(o, "</p></div>\n");
    report_flush(o);
}

/* An interval of the summary onto two numbers. */
static void limits(const struct report *r, uint32_t node, const char *path, double *low, double *high) {
    uint32_t i = report_at(r, node, path);
    *low = *high = NAN;
    (void)json_get_double(r->summary, json_item(r->summary, i, 0), low);
    (void)json_get_double(r->summary, json_item(r->summary, i, 1), high);
}

static void write_numbers(const struct report *r, struct report_out *o) {
    double low, high, cost = report_number(r, 0, "cost_usd"), corrected = report_number(r, 0, "corrected.pass_rate");
    limits(r, 0, "interval", &low, &high);
    raw(o, "<p>Pass rate <b>");
    report_percent(&o->text, report_number(r, 0, "pass_rate"));
    bool judged = json_type(r->summary, report_at(r, 0, "corrected")) == JSON_OBJECT;
    raw(o, judged ? "</b> as the judge has it; with 95 % confidence it would pass, of all answers like these, " : "</b>; with 95 % confidence the true rate is from ");
    report_interval(&o->text, r, 0, "interval");
    raw(o, ".</p>");
    bar(o, low, high, report_number(r, 0, "pass_rate"), NAN);
    if (!isnan(corrected)) {
        raw(o, "<p>Corrected for what the judge got wrong on people's labels: <b>");
        report_percent(&o->text, corrected);
        raw(o, "</b>, ");
        report_interval(&o->text, r, 0, "corrected.interval");
        raw(o, ".</p>");
    } else if (judged) {
        raw(o, "<p class=inconclusive>Not corrected for the judge's errors: ");
        text(o, report_text(r, o, 0, "corrected.why"));
        raw(o, ".</p>");
    }
    buffer_printf(&o->text, "<p>%.0f cases, %.0f runs: %.0f passed, %.0f failed, %.0f ended in an error and count for nothing. ",
                  report_number(r, 0, "cases"), report_number(r, 0, "runs"), report_number(r, 0, "passed"), report_number(r, 0, "failed"),
                  report_number(r, 0, "errors"));
    if (isnan(cost)) raw(o, "Cost: unknown.</p>\n");
    else {
        buffer_printf(&o->text, "Cost: %.6g USD", cost);
        if (report_number(r, 0, "cost.unpriced") > 0) buffer_printf(&o->text, ", and %.0f runs without a known price", report_number(r, 0, "cost.unpriced"));
        raw(o, ".</p>\n");
    }
}

static void write_requirements(const struct report *r, struct report_out *o) {
    uint32_t q, at = JSON_NONE;
    raw(o, "<h2>What is required</h2>\n<table><tr><th>requirement</th><th>found, its limits, and the bound (dashed)</th><th>answer</th></tr>\n");
    while (json_each_item(r->summary, report_at(r, 0, "requirements"), &at, &q)) {
        struct slice answer = report_text(r, o, q, "answer");
        raw(o, "<tr><td>");
        text(o, report_text(r, o, q, "text"));
        if (slice_is(report_text(r, o, q, "origin"), "default")) raw(o, "<br><span class=soft>the suite requires nothing else</span>");
        raw(o, "</td><td>");
        bar(o, report_number(r, q, "low"), report_number(r, q, "high"), report_number(r, q, "value"), report_number(r, q, "required"));
        raw(o, "<span class=soft>");
        text(o, report_text(r, o, q, "why"));
        raw(o, "</span></td><td class=\"n ");
        text(o, answer);
        raw(o, "\">");
        raw(o, slice_is(answer, "yes") ? "yes" : slice_is(answer, "no") ? "no" : "not enough evidence");
        raw(o, "</td></tr>\n");
        report_flush(o);
    }
    raw(o, "</table>\n");
}

static void write_tags(const struct report *r, struct report_out *o) {
    uint32_t key, tag, at = JSON_NONE, tags = report_at(r, 0, "by_tag");
    if (json_size(r->summary, tags) == 0) return;
    raw(o, "<h2>By tag</h2>\n<table><tr><th>tag</th><th>pass rate</th><th>95 % interval</th><th></th><th>cases</th><th>errors</th></tr>\n");
    while (json_each_member(r->summary, tags, &at, &key, &tag)) {
        double low, high;
        limits(r, tag, "interval", &low, &high);
        raw(o, "<tr><td>");
        text(o, json_string(r->summary, key, &o->arena));
        raw(o, "</td>");
        raw(o, "<td>");
        report_percent(&o->text, report_number(r, tag, "pass_rate"));
        report_corrected(&o->text, r, o, tag);
        raw(o, "</td>");
        raw(o, "<td class=n>");
        report_interval(&o->text, r, tag, "interval");
        raw(o, "</td><td>");
        bar(o, low, high, report_number(r, tag, "pass_rate"), NAN);
        buffer_printf(&o->text, "</td><td>%.0f</td><td>%.0f</td></tr>\n", report_number(r, tag, "cases"), report_number(r, tag, "errors"));
        report_flush(o);
    }
    raw(o, "</table>\n");
}

static void write_judges(const struct report *r, struct report_out *o) {
    uint32_t j, at = JSON_NONE, judges = report_at(r, 0, "judges");
    if (json_size(r->summary, judges) == 0) return;
    raw(o, "<h2>Judges</h2>\n<table><tr><th>judge</th><th>passes</th><th>calibration against people</th></tr>\n");
    while (json_each_item(r->summary, judges, &at, &j)) {
        bool good = slice_is(report_text(r, o, j, "calibration"), "calibrated");
        raw(o, "<tr><td>");
        text(o, report_text(r, o, j, "judge"));
        raw(o, "</td>");
        percent_cell(o, report_number(r, j, "pass_rate"));
        if (good) {
            buffer_printf(&o->text, "<td class=yes>calibrated on %.0f labels: finds ", report_number(r, j, "labels"));
            report_percent(&o->text, report_number(r, j, "sensitivity"));
            raw(o, " of the good answers and ");
            report_percent(&o->text, report_number(r, j, "specificity"));
            raw(o, " of the bad ones</td></tr>\n");
        } else {
            buffer_printf(&o->text, "<td class=not_enough>uncalibrated (%.0f labels): ", report_number(r, j, "labels"));
            text(o, report_text(r, o, j, "calibration_why"));
            raw(o, "</td></tr>\n");
        }
        report_flush(o);
    }
    raw(o, "</table>\n");
}

/* ---- results ---- */

struct list {
    const struct report *r;
    struct report_out *out;
    enum check_verdict which;
    size_t told, more;
};

static void block(struct report_out *o, const char *title, struct slice t) {
    if (slice_is_null(t)) return;
    buffer_printf(&o->text, "<h3>%s</h3><pre dir=auto>", title);
    report_escape_cut(&o->text, t);
    raw(o, "</pre>");
}

static void write_asked(const struct suite_case *c, struct report_out *o) {
    for (unsigned i = 0; i < c->about.n_vars; i++) {
        raw(o, "<h3>");
        text(o, c->about.vars[i].name);
        raw(o, "</h3><pre dir=auto>");
        report_escape_cut(&o->text, c->about.vars[i].value);
        raw(o, "</pre>");
    }
    bool told = false; /* a text input is a variable, too */
    for (unsigned i = 0; i < c->about.n_vars; i++) told |= slice_is(c->about.vars[i].name, "input");
    if (!told) block(o, "input", c->input);
    block(o, "expected", c->about.expected);
    block(o, "context", c->about.context);
}

static void write_checks(const struct result *r, struct report_out *o) {
    static const char *const words[] = {"pass", "fail", "could not tell"}, *const classes[] = {"yes", "no", "not_enough"};
    if (r->n_checks == 0) return;
    raw(o, "<h3>checks</h3><ul>");
    for (unsigned i = 0; i < r->n_checks; i++) {
        const struct result_check *c = &r->checks[i];
        buffer_printf(&o->text, "<li><span class=%s>%s</span> <code>", classes[c->verdict], words[c->verdict]);
        text(o, report_check_name(c, &o->arena));
        raw(o, "</code> ");
        report_escape_cut(&o->text, c->reason);
        raw(o, "</li>");
    }
    raw(o, "</ul>");
}

static bool put_result(void *to, const struct result *r) {
    struct list *l = to;
    struct report_out *o = l->out;
    if (r->verdict != l->which) return true;
    if (l->told >= REPORT_FAILURES) {
        l->more++;
        return true;
    }
    l->told++;
    raw(o, "<details open><summary><b>");
    text(o, r->case_id);
    raw(o, "</b>");
    if (r->repeat > 0) buffer_printf(&o->text, ", repeat %u", r->repeat + 1);
    raw(o, ": ");
    report_escape(&o->text, report_cut(report_reason(r), 300));
    raw(o, "</summary><div>");
    if (r->case_at < l->r->suite->n_cases) write_asked(&l->r->suite->cases[r->case_at], o);
    block(o, "answer", r->output);
    block(o, "tool calls", r->calls);
    write_checks(r, o);
    if (!slice_is_null(r->error)) block(o, "error", r->error);
    if (!slice_is_null(r->record)) {
        raw(o, "<p class=soft>the exchange: <code>quarterdeck record show ");
        text(o, r->record);
        raw(o, "</code></p>");
    }
    raw(o, "</div></details>\n");
    report_flush(o);
    return o->fault == FAULT_NONE;
}

static void write_list(const struct report *r, struct report_out *o, const char *title, const char *words, enum check_verdict which, double n) {
    struct list l = {r, o, which, 0, 0};
    if (!(n > 0)) return;
    buffer_printf(&o->text, "<h2>%s (%.0f)</h2>\n", title, n);
    raw(o, words);
    report_flush(o);
    report_each(r, o, put_result, &l);
    if (l.more > 0)
        buffer_printf(&o->text, "<p>%zu more are not shown here; a report of kind .jsonl has all of them.</p>\n", l.more);
}

static void write_foot(const struct report *r, struct report_out *o) {
    char hex[2 * DIGEST_BYTES + 1], time[CLOCK_TEXT];
    digest_hex(r->suite->digest.bytes, DIGEST_BYTES, hex);
    buffer_printf(&o->text, "<h2>What was run</h2><p class=soft>suite <code>%s</code>", hex);
    if (r->started_us > 0) {
        clock_format(r->started_us, time);
        buffer_printf(&o->text, "<br>started %.19s UTC", time);
    }
    if (r->ended_us > 0) {
        clock_format(r->ended_us, time);
        buffer_printf(&o->text, ", ended %.19s UTC", time);
    }
    if (!isnan(report_number(r, 0, "latency_ms.p50")))
        buffer_printf(&o->text, "<br>answers took %.4g ms (half of them at most), %.4g ms (95 of 100)", report_number(r, 0, "latency_ms.p50"),
                      report_number(r, 0, "latency_ms.p95"));
    raw(o, "</p>\n</body></html>\n");
}

void report_html(const struct report *r, struct report_out *o) {
    write_head(r, o);
    write_numbers(r, o);
    write_requirements(r, o);
    write_tags(r, o);
    write_judges(r, o);
    write_list(r, o, "Failing answers", "", CHECK_FAIL, report_number(r, 0, "failed"));
    write_list(r, o, "Errors", "<p class=soft>No answer, or a check that could not tell: these are neither passes nor failures.</p>\n", CHECK_ERROR,
               report_number(r, 0, "errors"));
    write_foot(r, o);
}
