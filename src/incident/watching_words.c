/* What an alert says: its evidence, one line, and its labels. */
#include "base/json.h"
#include "incident/watching_private.h"
#include "quality/watch_tell.h"
#include "stats/proportion.h"

#include <math.h>
#include <stdio.h>

enum { EVIDENCE_MOST = 32 << 10, CHART_STEPS = 30, EXAMPLES = 5, VALUE_TEXT = 48 };
#define SHORTEST_STEP_US 10000000LL
#define CONFIDENCE 0.95

static void value_words(const struct signal_info *s, double value, char out[VALUE_TEXT]) {
    struct buffer b;
    buffer_init(&b, 2 * VALUE_TEXT);
    if (isnan(value)) buffer_append(&b, SLICE("unknown"));
    else alert_value_write(s, value, &b);
    snprintf(out, VALUE_TEXT, SLICE_FMT, SLICE_ARG(buffer_slice(&b)));
    buffer_deinit(&b);
}

/* ---- evidence ---- */

static void write_chart(const struct alert_rule *r, const struct observation *o, struct json_writer *w) {
    struct signal_value cells[CHART_STEPS];
    int64_t step = r->when.window_us / (CHART_STEPS / 3);
    if (step < SHORTEST_STEP_US) step = SHORTEST_STEP_US;
    unsigned n = signal_view_chart(o->view, r->when.signal, r->when.of, o->series, step, CHART_STEPS, cells);
    json_key(w, "chart");
    json_object(w);
    json_member_double(w, "step_s", (double)step / 1e6);
    json_key(w, "values");
    json_array(w);
    for (unsigned i = 0; i < n; i++) json_put_double(w, cells[i].value);
    json_array_end(w);
    json_key(w, "n");
    json_array(w);
    for (unsigned i = 0; i < n; i++) json_put_double(w, cells[i].n);
    json_array_end(w);
    json_object_end(w);
}

static void write_examples(const struct alert_rule *r, const struct observation *o, struct json_writer *w) {
    struct record_id ids[EXAMPLES];
    char text[RECORD_ID_TEXT];
    unsigned n = signal_view_examples(o->view, r->when.signal, r->when.of, o->series, EXAMPLES, ids);
    json_key(w, "examples");
    json_array(w);
    for (unsigned i = 0; i < n; i++) {
        record_id_format(&ids[i], text);
        json_put_text(w, text);
    }
    json_array_end(w);
}

static void write_interval(const struct signal_info *s, const struct signal_value *v, struct json_writer *w) {
    if (s->shape != SIGNAL_SHARE || isnan(v->hits) || !(v->n > 0)) return;
    struct interval i = proportion_wilson(v->hits, v->n, CONFIDENCE);
    json_key(w, "interval");
    json_array(w);
    json_put_double(w, i.low);
    json_put_double(w, i.high);
    json_array_end(w);
    json_member_double(w, "confidence", CONFIDENCE);
}

static void write_threshold(const struct alert_rule *r, const struct observation *o, struct json_writer *w) {
    json_member_double(w, "threshold", o->threshold);
    json_member_double(w, "clear", o->clear);
    if (o->threshold_number > 0) {
        json_member_text(w, "threshold_from", "calibrated from this application's history, and accepted");
        json_member_i64(w, "threshold_number", o->threshold_number);
    } else if (r->when.test == ALERT_ANOMALY) {
        json_member_text(w, "threshold_from", "the series' own baseline");
    } else {
        json_member_text(w, "threshold_from", r->calibrate ? "the rule; not calibrated" : "the rule: a promise, never calibrated");
    }
}

static void write_notify(const struct alert_rule *r, struct json_writer *w) {
    json_key(w, "notify");
    json_array(w);
    for (unsigned i = 0; i < r->n_notify; i++) json_put_string(w, r->notify[i]);
    json_array_end(w);
}

static void write_finding(const struct finding *f, struct json_writer *w) {
    json_key(w, "finding");
    json_object(w);
    json_member_i64(w, "id", f->id);
    json_member_text(w, "kind", finding_kind_name(f->kind));
    json_member_string(w, "title", f->title);
    json_member_string(w, "command", f->command);
    json_member_raw(w, "evidence", f->evidence.len > 0 ? f->evidence : SLICE("null"));
    json_object_end(w);
}

static void write_signal(struct tick *t, const struct alert_rule *r, const struct observation *o, struct json_writer *w) {
    struct signal_info s = signal_info(r->when.signal);
    json_member_text(w, "metric", s.name);
    if (r->when.of.len > 0) json_member_string(w, "of", r->when.of);
    json_member_text(w, "unit", s.unit);
    json_member_double(w, "window_s", (double)r->when.window_us / 1e6);
    json_member_double(w, "value", o->value->value);
    json_member_double(w, "n", o->value->n);
    if (!isnan(o->value->hits)) json_member_double(w, "hits", o->value->hits);
    write_interval(&s, o->value, w);
    write_threshold(r, o, w);
    if (o->anomaly != NULL && t->s->anomalies != NULL) {
        json_key(w, "anomaly");
        json_object(w);
        anomaly_evidence(t->s->anomalies, r, o->series, w);
        json_object_end(w);
    }
    write_chart(r, o, w);
    write_examples(r, o, w);
}

struct slice watching_evidence(struct tick *t, const struct alert_rule *r, const struct observation *o) {
    struct buffer b, words;
    struct json_writer w;
    buffer_init(&b, EVIDENCE_MOST);
    buffer_init(&words, EVIDENCE_MOST);
    alert_when_words(&r->when, &words);
    json_start(&w, &b);
    json_object(&w);
    json_member_string(&w, "condition", buffer_slice(&words));
    json_member_double(&w, "for_s", (double)r->for_us / 1e6);
    if (o->finding != NULL) write_finding(o->finding, &w);
    else write_signal(t, r, o, &w);
    write_notify(r, &w);
    json_object_end(&w);
    struct slice json = b.overflow ? arena_slice(t->arena, SLICE("{\"too_large\":true}")) : arena_slice(t->arena, buffer_slice(&b));
    buffer_deinit(&b);
    buffer_deinit(&words);
    return json;
}

/* ---- one line ---- */

struct slice watching_summary(struct tick *t, const struct alert_rule *r, const struct observation *o) {
    char value[VALUE_TEXT], limit[VALUE_TEXT];
    struct buffer b;
    buffer_init(&b, EVIDENCE_MOST);
    if (r->summary.len > 0) buffer_printf(&b, SLICE_FMT ": ", SLICE_ARG(r->summary));
    if (o->finding != NULL) {
        buffer_append(&b, o->finding->title);
    } else {
        struct signal_info s = signal_info(r->when.signal);
        value_words(&s, o->value->value, value);
        value_words(&s, o->threshold, limit);
        buffer_printf(&b, "%s is %s", s.name, value);
        if (r->when.test == ALERT_ANOMALY) buffer_printf(&b, ", normal is up to %s", limit);
        else buffer_printf(&b, ", threshold %s%s", limit, o->threshold_number > 0 ? " (calibrated)" : "");
        if (s.shape != SIGNAL_READING) {
            buffer_printf(&b, ", of %.0f in ", o->value->n);
            watch_tell_time(&b, (double)r->when.window_us / 1e6);
        }
        for (unsigned i = 0, n = 0; i < SIGNAL_BYS; i++)
            if (o->series->by >> i & 1)
                buffer_printf(&b, "%s%s " SLICE_FMT, n++ == 0 ? "; " : ", ", signal_by_name((enum signal_by)i), SLICE_ARG(o->series->is[i]));
    }
    struct slice words = arena_slice(t->arena, buffer_slice(&b));
    buffer_deinit(&b);
    return words;
}

/* ---- labels ---- */

/* What a finding is about, as its evidence names it: what is a dimension's name there is that dimension. Beside a provider, `model` is the
 * provider's name for it; a prompt's version stands beside it. */
static struct signal_series about(struct tick *t, const struct finding *f) {
    struct signal_series is = {.by = 0};
    struct json_doc d;
    struct error error;
    if (f == NULL) return is;
    is.is[SIGNAL_BY_APPLICATION] = f->application;
    if (f->evidence.len > 0 && json_read(f->evidence, t->arena, UINT16_MAX, &d, &error) == FAULT_NONE && json_type(&d, 0) == JSON_OBJECT) {
        for (unsigned i = 0; i < SIGNAL_BYS; i++) {
            struct slice text = json_string(&d, json_get(&d, 0, signal_by_name((enum signal_by)i)), t->arena);
            if (is.is[i].len == 0) is.is[i] = text;
        }
        struct slice version = json_string(&d, json_get(&d, 0, "version"), t->arena), *prompt = &is.is[SIGNAL_BY_PROMPT], *model = &is.is[SIGNAL_BY_MODEL];
        if (prompt->len > 0 && version.len > 0) *prompt = arena_printf(t->arena, SLICE_FMT "@" SLICE_FMT, SLICE_ARG(*prompt), SLICE_ARG(version));
        if (is.is[SIGNAL_BY_PROVIDER].len > 0 && model->len > 0) {
            if (is.is[SIGNAL_BY_UPSTREAM_MODEL].len == 0) is.is[SIGNAL_BY_UPSTREAM_MODEL] = *model;
            *model = SLICE_NULL;
        }
    }
    for (unsigned i = 0; i < SIGNAL_BYS; i++) is.by |= is.is[i].len > 0 ? 1u << i : 0;
    return is;
}

struct slice watching_labels(struct tick *t, const struct alert_rule *r, const struct observation *o) {
    struct buffer b;
    struct json_writer w;
    struct signal_series of = o->series != NULL ? *o->series : about(t, o->finding);
    buffer_init(&b, EVIDENCE_MOST);
    json_start(&w, &b);
    json_object(&w);
    json_member_string(&w, "alertname", r->name);
    json_member_text(&w, "severity", alert_severity_name(r->severity));
    for (unsigned i = 0; i < SIGNAL_BYS; i++) {
        const char *name = signal_by_name((enum signal_by)i);
        if (of.by >> i & 1) json_member_string(&w, name, of.is[i]);
        else if (r->when.where.by >> i & 1) json_member_string(&w, name, r->when.where.is[i]);
    }
    if (o->finding != NULL) json_member_text(&w, "finding", finding_kind_name(o->finding->kind));
    for (unsigned i = 0; i < r->n_labels; i++) {
        enum signal_by by;
        if (signal_by_from(r->labels[i].name, &by) && (of.by | r->when.where.by) >> by & 1) continue;
        json_key_slice(&w, r->labels[i].name);
        json_put_string(&w, r->labels[i].value);
    }
    json_object_end(&w);
    struct slice json = arena_slice(t->arena, buffer_slice(&b));
    buffer_deinit(&b);
    return json;
}
