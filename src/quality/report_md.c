/* Markdown for a job summary or a comment on a pull request: GitHub takes 65,536 characters of a comment, so failures end before that. */
#include "quality/report_private.h"

#include <math.h>

#define MOST_BYTES 50000 /* behind it no more failures are told */
#define SHOWN 300        /* bytes of an answer */

/* On one line, nothing in it Markdown, HTML, a cell's end or a mention of somebody. */
static void plain(struct buffer *out, struct slice text) {
    struct buffer safe;
    buffer_init(&safe, 64 << 20);
    report_escape(&safe, text);
    for (size_t i = 0; i < safe.len; i++) {
        char c = safe.at[i];
        if (c == '\n' || c == '\t') buffer_byte(out, ' ');
        else if (strchr("\\`*_[]|~#!@", c)) buffer_printf(out, "&#%d;", c);
        else buffer_byte(out, c);
    }
    buffer_deinit(&safe);
}

static void raw(struct report_out *o, const char *text) {
    buffer_append(&o->text, slice_of(text));
}

static void write_head(const struct report *r, struct report_out *o) {
    struct slice verdict = report_text(r, o, 0, "verdict");
    double cost = report_number(r, 0, "cost_usd");
    raw(o, slice_is(verdict, "passed") ? "## ✅ " : slice_is(verdict, "failed") ? "## ❌ " : "## ❓ ");
    plain(&o->text, r->suite->name);
    raw(o, ": ");
    plain(&o->text, verdict);
    raw(o, "\n\n");
    plain(&o->text, report_text(r, o, 0, "why"));
    raw(o, ".\n\nPass rate ");
    report_percent(&o->text, report_number(r, 0, "pass_rate"));
    raw(o, " (95 % interval ");
    report_interval(&o->text, r, 0, "interval");
    buffer_printf(&o->text, "), %.0f cases, %.0f runs, %.0f errors, cost ", report_number(r, 0, "cases"), report_number(r, 0, "runs"),
                  report_number(r, 0, "errors"));
    if (isnan(cost)) raw(o, "unknown");
    else buffer_printf(&o->text, "%.6g USD", cost);
    raw(o, ".\n");
    if (json_type(r->summary, report_at(r, 0, "corrected")) == JSON_OBJECT) {
        raw(o, "\nCorrected for the judge's errors: ");
        report_percent(&o->text, report_number(r, 0, "corrected.pass_rate"));
        raw(o, " (");
        if (isnan(report_number(r, 0, "corrected.pass_rate"))) plain(&o->text, report_text(r, o, 0, "corrected.why"));
        else report_interval(&o->text, r, 0, "corrected.interval");
        raw(o, ").\n");
    }
}

static void write_tables(const struct report *r, struct report_out *o) {
    uint32_t q, key, at = JSON_NONE, tags = report_at(r, 0, "by_tag");
    raw(o, "\n| required | answer | why |\n|---|---|---|\n");
    while (json_each_item(r->summary, report_at(r, 0, "requirements"), &at, &q)) {
        struct slice answer = report_text(r, o, q, "answer");
        raw(o, "| ");
        plain(&o->text, report_text(r, o, q, "text"));
        raw(o, slice_is(answer, "yes") ? " | yes | " : slice_is(answer, "no") ? " | **no** | " : " | **not enough evidence** | ");
        plain(&o->text, report_text(r, o, q, "why"));
        raw(o, " |\n");
    }
    if (json_size(r->summary, tags) == 0) return;
    raw(o, "\n| tag | pass rate | 95 % interval | cases | errors |\n|---|---|---|---|---|\n");
    at = JSON_NONE;
    while (json_each_member(r->summary, tags, &at, &key, &q)) {
        if (o->text.len > MOST_BYTES / 2) break;
        raw(o, "| ");
        plain(&o->text, json_string(r->summary, key, &o->arena));
        raw(o, " | ");
        report_percent(&o->text, report_number(r, q, "pass_rate"));
        report_corrected(&o->text, r, o, q);
        raw(o, " | ");
        report_interval(&o->text, r, q, "interval");
        buffer_printf(&o->text, " | %.0f | %.0f |\n", report_number(r, q, "cases"), report_number(r, q, "errors"));
    }
}

struct failures {
    struct report_out *out;
    size_t told, more;
};

static bool put_failure(void *to, const struct result *r) {
    struct failures *f = to;
    struct report_out *o = f->out;
    if (r->verdict == CHECK_PASS) return true;
    if (o->text.len > MOST_BYTES) {
        f->more++;
        return true;
    }
    if (f->told++ == 0) raw(o, "\n<details><summary>Failing answers and errors</summary>\n\n");
    raw(o, r->verdict == CHECK_FAIL ? "- **" : "- error in **");
    plain(&o->text, report_cut(r->case_id, SHOWN));
    raw(o, "**");
    if (r->repeat > 0) buffer_printf(&o->text, " (repeat %u)", r->repeat + 1);
    raw(o, ": ");
    plain(&o->text, report_cut(report_reason(r), SHOWN));
    if (r->output.len > 0) {
        raw(o, "<br>answer: ");
        plain(&o->text, report_cut(r->output, SHOWN));
        if (r->output.len > SHOWN) raw(o, " ...");
    }
    raw(o, "\n");
    return true;
}

void report_markdown(const struct report *r, struct report_out *o) {
    struct failures f = {.out = o};
    char hex[2 * DIGEST_BYTES + 1];
    write_head(r, o);
    write_tables(r, o);
    report_each(r, o, put_failure, &f);
    if (f.more > 0) buffer_printf(&o->text, "- and %zu more\n", f.more);
    if (f.told > 0) raw(o, "\n</details>\n");
    digest_hex(r->suite->digest.bytes, DIGEST_BYTES, hex);
    raw(o, "\n");
    plain(&o->text, r->run);
    if (r->suite_version > 0) buffer_printf(&o->text, ", version %lld of the suite", (long long)r->suite_version);
    buffer_printf(&o->text, ", suite `%.16s`\n", hex);
}
