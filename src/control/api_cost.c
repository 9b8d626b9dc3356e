/* Cost: where the money went, and why it changed. */
#include "control/api.h"

#include "base/clock.h"
#include "cost/cell_read.h"
#include "cost/explain.h"
#include "cost/focus.h"

#define DAY_US (86400 * 1000000LL)
#define REPORT_SPAN (7 * DAY_US)

static bool need_ledger(struct api_call *c) {
    if (c->s->ledger) return true;
    api_fail(c, FAULT_NOT_RUNNING, "there is no ledger: start the server, or name its data_dir");
    return false;
}

static void only_of(const struct api_call *c, struct slice only[SPEND_DIMENSIONS]) {
    for (int d = 0; d < SPEND_DIMENSIONS; d++)
        only[d] = api_text(c, spend_dimension_name((enum spend_dimension)d));
}

/* ---- report ---- */

static bool query_of(struct api_call *c, struct cost_report_query *ret) {
    struct slice by = api_text(c, "by");
    struct error error;
    *ret = (struct cost_report_query){.limit = (uint64_t)api_number(c, "limit", 0)};
    only_of(c, ret->only);
    if (!cost_report_parse_by(slice_is_null(by) ? SLICE("application") : by, ret, &error))
        return api_check(c, error.fault, &error);
    return api_window(c, REPORT_SPAN, &ret->from_us, &ret->to_us);
}

static void answer_focus(struct api_call *c, const struct cost_report_query *q) {
    struct error error;
    c->ret->content_type = "text/csv; charset=utf-8";
    (void)api_check(c, cost_focus_write(c->s->ledger, q, &c->ret->body, &error), &error);
}

void api_cost_report(struct api_call *c) {
    struct cost_report_query q;
    struct cost_report report;
    struct error error;
    struct record_filter filter = api_record_filter(c);
    if (!need_ledger(c) || !query_of(c, &q)) return;
    if (!slice_is_null(filter.session) || !slice_is_null(filter.tag) || filter.arm != ARM_NONE || filter.status >= 0) q.records = &filter;
    if (api_has_choice(c, "format", "focus", false)) {
        answer_focus(c, &q);
        return;
    }
    bool csv = api_has_choice(c, "format", "csv", false);
    if (api_check(c, cost_report_run(c->s->ledger, &q, &report, &error), &error)) {
        if (csv) c->ret->content_type = "text/csv; charset=utf-8";
        if (csv) cost_report_write_csv(&report, &c->ret->body);
        else cost_report_write_json(&report, &c->json);
    }
    cost_report_deinit(&report);
}

/* ---- explain ---- */

struct windows {
    int64_t from, to, baseline_from, baseline_to;
};

/* Without a baseline: the window of equal length just before. */
static bool windows_of(struct api_call *c, struct windows *ret) {
    if (!api_window(c, DAY_US, &ret->from, &ret->to)) return false;
    ret->baseline_to = api_number(c, "baseline_to", ret->from);
    ret->baseline_from = api_number(c, "baseline_from", ret->baseline_to - (ret->to - ret->from));
    if (ret->baseline_from < ret->baseline_to) return true;
    api_fail(c, FAULT_BAD_REQUEST, "baseline_from: expected a time before baseline_to");
    return false;
}

static bool read_cells(struct api_call *c, int64_t from, int64_t to, struct cost_cell **ret, size_t *ret_n) {
    struct cell_query q = {.from_us = from, .to_us = to};
    struct error error;
    only_of(c, q.only);
    return api_check(c, cell_read(c->s->ledger, &q, c->arena, ret, ret_n, &error), &error);
}

static void put_time(struct buffer *out, const char *key, int64_t wall_us) {
    char text[CLOCK_TEXT];
    clock_format(wall_us, text);
    buffer_printf(out, ",\"%s\":\"%s\"", key, text);
}

void api_cost_explain(struct api_call *c) {
    struct windows w;
    struct cost_cell *before, *after;
    struct explain_result result;
    struct error error;
    struct buffer *out = &c->ret->body;
    size_t n_before = 0, n_after = 0;
    if (!need_ledger(c) || !windows_of(c, &w)) return;
    if (!read_cells(c, w.baseline_from, w.baseline_to, &before, &n_before)) return;
    if (!read_cells(c, w.from, w.to, &after, &n_after)) return;
    if (!api_check(c, explain_cost(before, n_before, after, n_after, &result, &error), &error)) return;
    explain_write_json(&result, &c->json);
    if (out->len > 0 && out->at[out->len - 1] == '}') out->len--; /* the windows go into the same object */
    put_time(out, "from", w.from);
    put_time(out, "to", w.to);
    put_time(out, "baseline_from", w.baseline_from);
    put_time(out, "baseline_to", w.baseline_to);
    buffer_byte(out, '}');
}
