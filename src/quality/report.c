#include "quality/report_private.h"

#include "base/clock.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "quality/summary_private.h"

#include <errno.h>
#include <math.h>
#include <unistd.h>

#define ITEM_MOST (256u << 20) /* one result, escaped: a text of LIMIT_CASE_TEXT in each place, six bytes a byte at worst */

static const struct {
    const char *suffix;
    void (*write)(const struct report *r, struct report_out *o);
} kinds[] = {{".jsonl", report_jsonl}, {".json", report_json}, {".html", report_html}, {".junit.xml", report_junit},
             {".xml", report_junit},   {".md", report_markdown}};

static int kind_of(const char *path) {
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (slice_ends(slice_of(path), slice_of(kinds[i].suffix))) return (int)i;
    return -1;
}

enum fault report_check(const char *path, struct error *error) {
    if (kind_of(path) >= 0) return FAULT_NONE;
    return error_set(error, FAULT_BAD_REQUEST, "%s: expected a name that ends in .json, .jsonl, .html, .junit.xml or .md", path);
}

static void failed(struct report_out *o, const char *what) {
    if (o->fault != FAULT_NONE) return;
    o->fault = errno == ENOSPC || errno == EDQUOT ? FAULT_NO_SPACE : FAULT_IO;
    o->fault = error_set(&o->error, o->fault, "%s: %s", what, strerror(errno));
}

void report_flush(struct report_out *o) {
    if (o->text.overflow && o->fault == FAULT_NONE)
        o->fault = error_set(&o->error, FAULT_TOO_LARGE, "one result is too large for a report");
    if (o->fault == FAULT_NONE && o->text.len > 0 && fwrite(o->text.at, 1, o->text.len, o->file) != o->text.len) failed(o, "writing");
    buffer_clear(&o->text);
    arena_reset(&o->arena);
}

void report_each(const struct report *r, struct report_out *o, bool (*give)(void *to, const struct result *r), void *to) {
    if (o->fault == FAULT_NONE) o->fault = r->each(r->ctx, give, to, &o->error);
}

enum fault report_write(const struct report *r, const char *path, struct error *error) {
    int kind = kind_of(path);
    struct report_out o = {.fault = FAULT_NONE};
    struct buffer part;
    if (kind < 0) return report_check(path, error);
    buffer_init(&part, 64 << 10);
    buffer_printf(&part, "%s.part-%ld", path, (long)getpid());
    const char *name = buffer_text(&part);
    o.file = fopen(name, "we");
    if (o.file == NULL) {
        failed(&o, name);
        goto out;
    }
    buffer_init(&o.text, ITEM_MOST);
    arena_init(&o.arena, 64 << 10, 64 << 20);
    kinds[kind].write(r, &o);
    report_flush(&o);
    if (o.fault == FAULT_NONE && (fflush(o.file) != 0 || fsync(fileno(o.file)) != 0) && errno != EINVAL) failed(&o, name);
    if (fclose(o.file) != 0) failed(&o, name);
    if (o.fault == FAULT_NONE && rename(name, path) != 0) failed(&o, path);
    if (o.fault != FAULT_NONE) unlink(name);
    buffer_deinit(&o.text);
    arena_deinit(&o.arena);
out:
    buffer_deinit(&part);
    if (o.fault != FAULT_NONE && error) *error = o.error;
    return o.fault;
}

/* ---- texts ---- */

void report_escape(struct buffer *out, struct slice text) {
    for (size_t i = 0; i < text.len;) {
        int n = utf8_next(text.at + i, text.len - i);
        unsigned char c = (unsigned char)text.at[i];
        struct slice as = slice_make(text.at + i, n > 0 ? (size_t)n : 0);
        if (n < 0 || (c < 0x20 && c != '\n' && c != '\t') || c == 0x7F) as = SLICE("\xef\xbf\xbd");
        else if (n == 2 && c == 0xC2 && (unsigned char)text.at[i + 1] < 0xA0) as = SLICE("\xef\xbf\xbd"); /* C1 */
        else if (n == 3 && c == 0xEF && (unsigned char)text.at[i + 1] == 0xBF && (unsigned char)text.at[i + 2] >= 0xBE) as = SLICE("\xef\xbf\xbd");
        else if (c == '&') as = SLICE("&amp;");
        else if (c == '<') as = SLICE("&lt;");
        else if (c == '>') as = SLICE("&gt;");
        else if (c == '"') as = SLICE("&quot;");
        else if (c == '\'') as = SLICE("&#39;");
        buffer_append(out, as);
        i += (size_t)(n > 0 ? n : -n);
    }
}

struct slice report_cut(struct slice text, size_t most) {
    size_t len = text.len < most ? text.len : most;
    while (len < text.len && len > 0 && ((unsigned char)text.at[len] & 0xC0) == 0x80) len--;
    return slice_make(text.at, len);
}

void report_escape_cut(struct buffer *out, struct slice text) {
    struct slice shown = report_cut(text, REPORT_SHOWN);
    report_escape(out, shown);
    if (shown.len < text.len) buffer_printf(out, "\n[%zu more bytes]", text.len - shown.len);
}

/* ---- the summary ---- */

uint32_t report_at(const struct report *r, uint32_t node, const char *path) {
    struct slice left = slice_of(path), head;
    while (left.len > 0) {
        if (!slice_cut(left, '.', &head, &left)) left = SLICE("");
        node = json_get_slice(r->summary, node, head);
    }
    return node;
}

double report_number(const struct report *r, uint32_t node, const char *path) {
    double x = NAN;
    (void)json_get_double(r->summary, report_at(r, node, path), &x);
    return x;
}

struct slice report_text(const struct report *r, struct report_out *o, uint32_t node, const char *path) {
    return json_string(r->summary, report_at(r, node, path), &o->arena);
}

void report_percent(struct buffer *out, double x) {
    if (isnan(x)) {
        buffer_append(out, SLICE("unknown"));
        return;
    }
    summary_percent(out, x, NAN);
    buffer_append(out, SLICE(" %"));
}

void report_interval(struct buffer *out, const struct report *r, uint32_t node, const char *path) {
    uint32_t i = report_at(r, node, path);
    double low = NAN, high = NAN;
    (void)json_get_double(r->summary, json_item(r->summary, i, 0), &low);
    (void)json_get_double(r->summary, json_item(r->summary, i, 1), &high);
    if (isnan(low) || isnan(high)) {
        buffer_append(out, SLICE("unknown"));
        return;
    }
    summary_percent(out, low, NAN);
    buffer_append(out, SLICE(" to "));
    report_percent(out, high);
}

void report_corrected(struct buffer *out, const struct report *r, struct report_out *o, uint32_t node) {
    double x = report_number(r, node, "corrected.pass_rate");
    if (!isnan(x)) {
        buffer_append(out, SLICE(" (corrected "));
        report_percent(out, x);
        buffer_byte(out, ')');
    } else if (slice_is(report_text(r, o, node, "corrected.judged"), "uncalibrated")) buffer_append(out, SLICE(" (by an uncalibrated judge)"));
}

static void put_time(struct json_writer *w, const char *key, int64_t us) {
    char text[CLOCK_TEXT];
    if (us > 0) clock_format(us, text);
    json_member_text(w, key, us > 0 ? text : NULL);
}

void report_head(const struct report *r, struct json_writer *w) {
    char hex[2 * DIGEST_BYTES + 1];
    digest_hex(r->suite->digest.bytes, DIGEST_BYTES, hex);
    json_member_string(w, "run", r->run);
    json_member_string(w, "suite", r->suite->name);
    json_key(w, "suite_version");
    if (r->suite_version > 0) json_put_i64(w, r->suite_version);
    else json_put_null(w);
    json_member_text(w, "suite_digest", hex);
    json_member_string(w, "prompt", r->prompt);
    json_member_string(w, "model", r->model);
    put_time(w, "started", r->started_us);
    put_time(w, "ended", r->ended_us);
}

/* ---- results ---- */

struct slice report_reason(const struct result *r) {
    if (r->verdict == CHECK_ERROR && !slice_is_null(r->error)) return r->error;
    for (unsigned i = 0; i < r->n_checks; i++)
        if (r->checks[i].verdict == r->verdict && r->checks[i].weight > 0) return r->checks[i].reason;
    return SLICE("no reason was told");
}

struct slice report_check_name(const struct result_check *c, struct arena *arena) {
    if (slice_is_null(c->judge)) return c->type;
    return arena_printf(arena, SLICE_FMT " (" SLICE_FMT ")", SLICE_ARG(c->type), SLICE_ARG(c->judge));
}
