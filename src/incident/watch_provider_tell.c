/* What is said of a provider: the one line, its evidence, and findings. */
#include "base/clock.h"
#include "incident/watch_provider_private.h"
#include "quality/watch_tell.h"

#include <math.h>

#define SERIES_MOST 30u          /* cells of the chart, of a minute each */
#define EXAMPLES 5u
#define PAGE_OLD_US 600000000LL

const char *provider_cause_words(enum provider_cause c) {
    static const char *const words[PROVIDER_CAUSES] = {"server_error", "rate_limited", "timeout", "unreachable", "broken_off", "credential_refused"};
    return words[c];
}

/* ---- the line ---- */

static void print_cause(struct buffer *t, enum provider_cause cause, int status) {
    if (cause == CAUSE_SERVER && status > 0) buffer_printf(t, " (%d)", status);
    else if (cause == CAUSE_LIMITED) buffer_append(t, SLICE(" (rate limit or quota)"));
    else if (cause == CAUSE_TIMEOUT) buffer_append(t, SLICE(" (no answer in time)"));
    else if (cause == CAUSE_CONNECT) buffer_append(t, SLICE(" (no connection)"));
    else if (cause == CAUSE_BROKEN) buffer_append(t, SLICE(" (broken off or unreadable)"));
    else if (cause == CAUSE_AUTH) buffer_append(t, SLICE(" (credential refused)"));
}

/* Not while the last minute is the worst. */
static void print_worst(struct buffer *t, const struct provider_series *p) {
    enum provider_cause most = CAUSE_SERVER;
    buffer_printf(t, "at worst %.0f of %.0f requests failed", p->worst.failed, p->worst.n);
    for (unsigned i = 0; i < PROVIDER_CAUSES; i++)
        if (p->worst.causes[i] > p->worst.causes[most]) most = (enum provider_cause)i;
    print_cause(t, most, p->worst.status);
    buffer_append(t, SLICE(" in 60 s, at "));
    watch_tell_clock(t, p->worst_us);
    buffer_append(t, SLICE("; now "));
}

static void print_live(struct buffer *t, const struct provider_health *h, const struct provider_ground *g, const struct provider_sums *s) {
    const struct provider_series *p = g->series;
    if (p->failing_us != 0 && p->worst.n > 0 && (p->worst.failed > s->failed || p->worst.n > s->n)) print_worst(t, p);
    if (s->n == 0) {
        buffer_append(t, SLICE("no requests in the last 60 s"));
        return;
    }
    buffer_printf(t, "%.0f of %.0f requests failed", s->failed, s->n);
    if (s->failed > 0) print_cause(t, g->cause, s->status);
    buffer_append(t, SLICE(" in the last 60 s, "));
    if (isnan(h->normal_errors)) {
        buffer_append(t, SLICE("no baseline yet ("));
        watch_tell_share(t, g->normal);
        buffer_append(t, SLICE(" is held normal)"));
    } else {
        buffer_append(t, SLICE("baseline "));
        watch_tell_share(t, h->normal_errors);
    }
    if (g->by_rise && h->verdict != PROVIDER_WELL) {
        double now = detector_estimate(&g->series->rise);
        if (isfinite(now)) {
            buffer_append(t, SLICE("; risen to "));
            watch_tell_share(t, now);
        }
    }
}

static void print_slow(struct buffer *t, const struct provider_health *h) {
    if (h->slow.n == 0) return;
    buffer_printf(t, "%.0f of %.0f first tokens in the last 120 s came later than 95 %% of their like did", h->slow.hits, h->slow.n);
    if (isnan(h->normal_ttft_p95)) return;
    buffer_append(t, SLICE(" (baseline P95 "));
    watch_tell_time(t, h->normal_ttft_p95);
    if (isfinite(h->ttft_p95.value)) {
        buffer_append(t, SLICE(", now "));
        watch_tell_time(t, h->ttft_p95.value);
    }
    buffer_byte(t, ')');
}

static void print_probes(struct buffer *t, const struct provider_ground *g) {
    if (g->seen == NULL) return;
    if (g->probes > 0) buffer_printf(t, "; %u of %u probes failed", g->probes_failed, g->probes);
    else if (g->seen->n_probes == 0) buffer_append(t, SLICE("; no probes"));
    if (g->run > 0) buffer_printf(t, " (" SLICE_FMT ")", SLICE_ARG(g->seen->probes[0].why));
}

static void print_page(struct buffer *t, const struct provider_ground *g, int64_t now_us) {
    const struct provider_seen *s = g->seen;
    if (s == NULL || !s->has_page) return;
    buffer_append(t, SLICE("; status page: "));
    if (s->page_failed || s->page_us < now_us - PAGE_OLD_US) {
        buffer_printf(t, "not read (" SLICE_FMT ")", SLICE_ARG(slice_is_null(s->page_error) ? SLICE("it is old") : s->page_error));
        return;
    }
    buffer_append(t, s->page.words.len > 0 ? s->page.words : slice_of(vendor_indicator_name(s->page.indicator)));
    if (s->page.n_incidents == 0) return;
    const struct vendor_incident *i = &s->page.incidents[0];
    buffer_printf(t, ", \"" SLICE_FMT "\"", SLICE_ARG(i->name));
    if (i->started_us <= 0) return;
    buffer_append(t, SLICE(" since "));
    watch_tell_clock(t, i->started_us);
}

static void print_network(struct buffer *t, const struct provider_health *h, const struct provider_ground *g) {
    bool dark = g->cause == CAUSE_CONNECT || g->cause == CAUSE_TIMEOUT;
    if (h->since_us == 0 || !dark) return;
    if (g->asked == 0) buffer_append(t, SLICE("; no other host was asked, so it may be our own network"));
    else if (g->reached == 0) buffer_printf(t, "; none of %u other hosts can be reached either: our own network", g->asked);
    else buffer_printf(t, "; %u of %u other hosts answer", g->reached, g->asked);
}

static void write_line(struct watch_tell *w, struct provider_health *h, const struct provider_ground *g, int64_t now_us) {
    static const char *const heads[] = {"well", "THEM", "US", "SLOW", "UNSURE", "idle"};
    struct buffer *t = watch_tell_text(w);
    buffer_append(t, h->provider);
    if (!slice_is_null(h->upstream_model)) buffer_printf(t, "/" SLICE_FMT, SLICE_ARG(h->upstream_model));
    buffer_printf(t, ": %s: ", heads[h->verdict]);
    if (h->verdict == PROVIDER_SLOW) print_slow(t, h);
    else print_live(t, h, g, &g->sums);
    print_network(t, h, g);
    print_probes(t, g);
    print_page(t, g, now_us);
    h->words = watch_tell_take(w);
}

/* ---- evidence ---- */

static void put_time(struct json_writer *w, const char *key, int64_t at_us) {
    char text[CLOCK_TEXT];
    if (at_us > 0) clock_format(at_us, text);
    json_member_text(w, key, at_us > 0 ? text : NULL);
}

static void put_live(struct json_writer *w, const struct provider_health *h, const struct provider_ground *g) {
    json_key(w, "live");
    json_object(w);
    json_member_i64(w, "window_s", 60);
    json_member_double(w, "requests", g->sums.n);
    json_member_double(w, "failed", g->sums.failed);
    json_key(w, "causes");
    json_object(w);
    for (unsigned i = 0; i < PROVIDER_CAUSES; i++) json_member_double(w, provider_cause_words((enum provider_cause)i), g->sums.causes[i]);
    json_object_end(w);
    json_member_double(w, "normal_failure_rate", h->normal_errors);
    json_member_double(w, "baseline_requests", provider_series_trials(g->series));
    json_member_double(w, "held_normal", g->normal);
    json_member_text(w, "held_normal_from", g->learned ? "upper 95 % limit of the baseline's failure rate" : "generic: fewer than 200 requests of baseline");
    json_member_double(w, "slow_first_tokens", h->slow.hits);
    json_member_double(w, "first_tokens", h->slow.n);
    json_member_double(w, "normal_ttft_p95_s", h->normal_ttft_p95);
    json_member_double(w, "ttft_p95_s", h->ttft_p95.value);
    json_object_end(w);
}

static void put_probes(struct json_writer *w, const struct provider_ground *g) {
    json_key(w, "probes");
    json_array(w);
    for (unsigned i = 0; g->seen != NULL && i < g->seen->n_probes && i < PROVIDER_PROBES; i++) {
        const struct provider_probe *p = &g->seen->probes[i];
        json_object(w);
        put_time(w, "at", p->at_us);
        json_member_bool(w, "ok", p->ok);
        json_member_double(w, "took_s", (double)p->took_us / 1e6);
        json_member_string(w, "why", p->why);
        json_object_end(w);
    }
    json_array_end(w);
}

static void put_page(struct json_writer *w, const struct provider_seen *s) {
    json_key(w, "status_page");
    if (s == NULL || !s->has_page) {
        json_put_null(w);
        return;
    }
    json_object(w);
    put_time(w, "read", s->page_us);
    json_member_string(w, "error", s->page_failed ? s->page_error : SLICE_NULL);
    json_member_text(w, "indicator", vendor_indicator_name(s->page.indicator));
    json_member_string(w, "words", s->page.words);
    json_key(w, "incidents");
    json_array(w);
    for (unsigned i = 0; i < s->page.n_incidents; i++) {
        const struct vendor_incident *x = &s->page.incidents[i];
        json_object(w);
        json_member_string(w, "name", x->name);
        json_member_string(w, "status", x->status);
        json_member_text(w, "impact", vendor_indicator_name(x->impact));
        json_member_string(w, "url", x->url);
        put_time(w, "started", x->started_us);
        put_time(w, "updated", x->updated_us);
        json_object_end(w);
    }
    json_array_end(w);
    json_object_end(w);
}

/* From the signals: the failure rate of the last half an hour, and exchanges to look at. */
static void put_past(struct json_writer *w, struct signals *s, const struct provider_health *h) {
    if (s == NULL) return;
    struct signal_series series = {.by = SIGNAL_BY_BIT(PROVIDER)};
    struct signal_value values[SERIES_MOST];
    struct record_id ids[EXAMPLES];
    char id[RECORD_ID_TEXT];
    series.is[SIGNAL_BY_PROVIDER] = h->provider;
    if (!slice_is_null(h->upstream_model)) {
        series.by |= SIGNAL_BY_BIT(UPSTREAM_MODEL);
        series.is[SIGNAL_BY_UPSTREAM_MODEL] = h->upstream_model;
    }
    struct signal_view *v = signals_view(s, series.by, NULL, 60000000);
    enum signal which = h->verdict == PROVIDER_SLOW ? SIGNAL_PROVIDER_TTFT_P95 : SIGNAL_PROVIDER_ERRORS;
    unsigned n = signal_view_chart(v, which, SLICE_NULL, &series, 60000000, SERIES_MOST, values);
    json_key(w, "chart");
    json_object(w);
    json_member_text(w, "signal", signal_info(which).name);
    json_member_i64(w, "step_s", 60);
    json_key(w, "values");
    json_array(w);
    for (unsigned i = 0; i < n; i++) json_put_double(w, values[i].value);
    json_array_end(w);
    json_object_end(w);
    n = signal_view_examples(v, SIGNAL_PROVIDER_ERRORS, SLICE_NULL, &series, EXAMPLES, ids);
    json_key(w, "examples");
    json_array(w);
    for (unsigned i = 0; i < n; i++) {
        record_id_format(&ids[i], id);
        json_put_text(w, id);
    }
    json_array_end(w);
}

static void write_evidence(struct watch_tell *t, struct provider_health *h, const struct provider_ground *g, struct signals *s) {
    struct json_writer *w = watch_tell_json(t);
    json_object(w);
    json_member_string(w, "provider", h->provider);
    json_member_string(w, "upstream_model", h->upstream_model);
    json_member_text(w, "verdict", provider_verdict_name(h->verdict));
    json_member_text(w, "cause", h->since_us != 0 && h->verdict != PROVIDER_SLOW ? provider_cause_words(g->cause) : NULL);
    put_time(w, "since", h->since_us);
    json_member_double(w, "statistic", g->by_rise ? detector_statistic(&g->series->rise) : h->chance);
    json_member_text(w, "statistic_is", g->by_rise ? "e-detector of the failure rate, minute by minute"
                                                   : "chance of at least so many failures (slow first tokens), were all as normal: exact binomial tail");
    json_member_double(w, "threshold", g->by_rise ? g->series->rise.threshold : h->threshold);
    json_member_text(w, "threshold_from", "the false alarms a month that alerts may make, divided among watchers, statistics, series and looks");
    json_member_i64(w, "hosts_asked", g->asked);
    json_member_i64(w, "hosts_reached", g->reached);
    put_live(w, h, g);
    put_probes(w, g);
    put_page(w, g->seen);
    if (h->since_us != 0) put_past(w, s, h);
    json_object_end(w);
    h->evidence = watch_tell_take(t);
}

static void fill_ttft(struct provider_health *h, struct signals *s) {
    struct signal_series series = {.by = SIGNAL_BY_BIT(PROVIDER)};
    if (s == NULL) return;
    series.is[SIGNAL_BY_PROVIDER] = h->provider;
    if (!slice_is_null(h->upstream_model)) {
        series.by |= SIGNAL_BY_BIT(UPSTREAM_MODEL);
        series.is[SIGNAL_BY_UPSTREAM_MODEL] = h->upstream_model;
    }
    h->ttft_p95 = signal_view_value(signals_view(s, series.by, NULL, 120000000), SIGNAL_PROVIDER_TTFT_P95, SLICE_NULL, &series);
}

void provider_tell(struct provider_health *h, const struct provider_ground *g, struct signals *s, int64_t now_us, struct arena *arena) {
    struct watch_tell t;
    watch_tell_begin(&t, arena);
    fill_ttft(h, s);
    write_line(&t, h, g, now_us);
    write_evidence(&t, h, g, s);
    watch_tell_end(&t);
}

/* ---- findings ---- */

static void tell_provider(struct watch_tell *t, const struct provider_health *h) {
    struct finding f = {.kind = h->verdict == PROVIDER_SLOW ? FINDING_PROVIDER_SLOW : FINDING_PROVIDER_FAILING, .title = h->words, .evidence = h->evidence};
    const struct slice parts[] = {h->provider, h->upstream_model};
    f.key = watch_tell_key(t, f.kind, parts, slice_is_null(h->upstream_model) ? 1 : 2);
    struct buffer *b = watch_tell_text(t);
    buffer_append(b, SLICE("quarterdeck provider show"));
    watch_tell_argument(b, h->provider);
    f.command = watch_tell_take(t);
    watch_tell_finding(t, &f);
}

static void tell_incident(struct watch_tell *t, const struct provider_seen *s) {
    const struct slice parts[] = {s->provider};
    struct finding f = {.kind = FINDING_VENDOR_INCIDENT};
    f.key = watch_tell_key(t, f.kind, parts, 1);
    struct json_writer *w = watch_tell_json(t);
    json_object(w);
    json_member_string(w, "provider", s->provider);
    put_page(w, s);
    json_object_end(w);
    f.evidence = watch_tell_take(t);
    struct buffer *b = watch_tell_text(t);
    buffer_printf(b, "the status page of " SLICE_FMT " says: " SLICE_FMT, SLICE_ARG(s->provider), SLICE_ARG(s->page.words));
    if (s->page.n_incidents > 0) {
        buffer_printf(b, ", \"" SLICE_FMT "\"", SLICE_ARG(s->page.incidents[0].name));
        if (s->page.incidents[0].status.len > 0) buffer_printf(b, " (" SLICE_FMT ")", SLICE_ARG(s->page.incidents[0].status));
        if (s->page.n_incidents > 1) buffer_printf(b, " and %u more", s->page.n_incidents - 1);
    }
    f.title = watch_tell_take(t);
    b = watch_tell_text(t);
    buffer_append(b, SLICE("quarterdeck provider show"));
    watch_tell_argument(b, s->provider);
    f.command = watch_tell_take(t);
    watch_tell_finding(t, &f);
}

/* Its models are not told apart while all of a provider fails. */
static bool is_part_of(const struct provider_health *h, unsigned n, const struct provider_health *model) {
    for (unsigned i = 0; i < n && !slice_is_null(model->upstream_model); i++)
        if (slice_is_null(h[i].upstream_model) && slice_eq(h[i].provider, model->provider))
            return h[i].since_us != 0 && (h[i].verdict == PROVIDER_SLOW) == (model->verdict == PROVIDER_SLOW);
    return false;
}

enum fault watch_provider_findings(const struct provider_health *h, unsigned n, const struct provider_seen *seen, unsigned n_seen,
                                   struct arena *arena, struct finding **ret, unsigned *ret_n, struct error *error) {
    struct watch_tell t;
    watch_tell_begin(&t, arena);
    for (unsigned i = 0; i < n; i++)
        if (h[i].since_us != 0 && !is_part_of(h, n, &h[i])) tell_provider(&t, &h[i]);
    for (unsigned i = 0; i < n_seen; i++) {
        const struct provider_seen *s = &seen[i];
        bool tells = s->page.indicator == VENDOR_MINOR || s->page.indicator == VENDOR_MAJOR || s->page.indicator == VENDOR_CRITICAL;
        if (s->has_page && tells) tell_incident(&t, s); /* also while the page cannot be read again: what it said last */
    }
    enum fault fault = watch_tell_done(&t, error);
    *ret = t.seen;
    *ret_n = t.n_seen;
    watch_tell_end(&t);
    return fault;
}
