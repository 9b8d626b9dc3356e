/* report_private.h - what the kinds of reports share: the file under way, texts made safe, the summary's members. */
#ifndef QUALITY_REPORT_PRIVATE_H
#define QUALITY_REPORT_PRIVATE_H

#include "base/json.h"
#include "quality/report.h"

#include <stdio.h>

#define REPORT_SHOWN 4000   /* bytes of a prompt or answer in a page for people; the rest is counted */
#define REPORT_FAILURES 500 /* runs that a page tells in full, of failures and of errors each */

struct report_out {
    FILE *file;
    struct buffer text;  /* what is not in the file yet */
    struct arena arena;  /* of the item under way */
    struct error error;
    enum fault fault;
};
void report_flush(struct report_out *o); /* text to the file; the arena is empty again */

/* `write` of each kind. Faults stay in o->fault. */
void report_json(const struct report *r, struct report_out *o);
void report_jsonl(const struct report *r, struct report_out *o);
void report_html(const struct report *r, struct report_out *o);
void report_junit(const struct report *r, struct report_out *o);
void report_markdown(const struct report *r, struct report_out *o);
void report_each(const struct report *r, struct report_out *o, bool (*give)(void *to, const struct result *r), void *to);

/* For HTML and XML, text and attributes: what is not well-formed and control characters but line ends and tabs become U+FFFD. */
void report_escape(struct buffer *out, struct slice text);
void report_escape_cut(struct buffer *out, struct slice text); /* REPORT_SHOWN of it, and how much is missing */
struct slice report_cut(struct slice text, size_t most);       /* between characters */

/* Of the summary; `path` is "corrected.pass_rate". */
uint32_t report_at(const struct report *r, uint32_t node, const char *path);
double report_number(const struct report *r, uint32_t node, const char *path);       /* NAN: null or absent */
struct slice report_text(const struct report *r, struct report_out *o, uint32_t node, const char *path);
void report_percent(struct buffer *out, double x);      /* "83.3 %", "unknown" */
void report_interval(struct buffer *out, const struct report *r, uint32_t node, const char *path); /* "28.4 to 99.5 %" */
void report_corrected(struct buffer *out, const struct report *r, struct report_out *o, uint32_t node); /* of a tag: " (corrected 81.2 %)", " (by an uncalibrated judge)"; or nothing */
void report_head(const struct report *r, struct json_writer *w); /* run, suite, suite_version, ... as members */

/* Why a result failed: the first failing check's reason, or the error. */
struct slice report_reason(const struct result *r);
struct slice report_check_name(const struct result_check *c, struct arena *arena); /* "judge (support-judge)" */

#endif
