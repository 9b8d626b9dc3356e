/* A cost report as JSON and as CSV. */
#include "base/clock.h"
#include "cost/report.h"

/* ---- JSON ---- */

static void put_money(struct json_writer *w, const char *nano_key, const char *usd_key, int64_t nano) {
    char text[MONEY_TEXT];
    money_format(nano, text); /* "null" when unknown */
    if (nano_key != NULL) {
        json_key(w, nano_key);
        if (money_is_known(nano)) json_put_i64(w, nano);
        else json_put_null(w);
    }
    json_member_raw(w, usd_key, slice_of(text));
}

static void put_charges(struct json_writer *w, const struct spend_sums *s) {
    json_key(w, "charges_nanousd");
    json_object(w);
    for (unsigned m = 0; m < CHARGE_METERS; m++)
        if (s->quantity[m] != 0 || s->nano[m] != 0)
            json_member_i64(w, charge_meter_name((enum charge_meter)m), s->nano[m]);
    if (s->nano[CHARGE_METERS] != 0) json_member_i64(w, "unsplit", s->nano[CHARGE_METERS]);
    json_object_end(w);
}

static void put_sums(struct json_writer *w, const struct spend_sums *s, const struct spend_sums *total) {
    json_member_i64(w, "count", (int64_t)s->requests);
    json_key(w, "by_status");
    json_object(w);
    for (unsigned i = 0; i < RECORD_STATUS_COUNT; i++)
        json_member_i64(w, record_status_name((enum record_status)i), (int64_t)s->by_status[i]);
    json_object_end(w);
    json_member_i64(w, "input", s->usage.input);
    json_member_i64(w, "cache_read", s->usage.cache_read);
    json_member_i64(w, "cache_write", s->usage.cache_write);
    json_member_i64(w, "output", s->usage.output);
    json_member_i64(w, "reasoning", s->usage.reasoning);
    put_money(w, "cost_nanousd", "cost_usd", cost_known(s));
    put_money(w, "lost_nanousd", "lost_usd", spend_sums_is_known(s) ? s->lost_nano : MONEY_UNKNOWN);
    json_member_i64(w, "cache_hits", (int64_t)s->cache_hits);
    put_money(w, "saved_nanousd", "saved_usd", s->saved_nano);
    json_member_i64(w, "history_tokens_saved", s->history_saved);
    put_money(w, NULL, "cost_per_request_usd", cost_per_request(s));
    json_key(w, "share");
    if (spend_sums_is_known(s) && total->cost_nano != 0)
        json_put_double(w, (double)s->cost_nano / (double)total->cost_nano);
    else json_put_null(w);
    json_member_i64(w, "unpriced", (int64_t)s->unpriced);
    put_charges(w, s);
}

static void put_names(struct json_writer *w, const struct cost_report *r, const struct cost_row *row) {
    char start[COST_START_TEXT];
    for (unsigned i = 0; i < r->query.n_by; i++) {
        int d = r->query.by[i];
        const char *key = spend_dimension_name((enum spend_dimension)d);
        if (d < SPEND_DIMENSIONS) {
            json_member_string(w, key, row->names[d]);
        } else {
            cost_start_text(row->start_us, d == SPEND_BY_HOUR, start);
            json_member_text(w, key, start);
        }
    }
}

static void put_time(struct json_writer *w, const char *key, int64_t wall_us) {
    char text[CLOCK_TEXT];
    clock_format(wall_us, text);
    json_member_text(w, key, text);
}

static void put_rest(struct json_writer *w, const struct cost_report *r) {
    json_key(w, "rest");
    if (r->n_rest == 0) {
        json_put_null(w);
        return;
    }
    json_object(w);
    json_member_i64(w, "rows", (int64_t)r->n_rest);
    put_sums(w, &r->rest, &r->total);
    json_object_end(w);
}

void cost_report_write_json(const struct cost_report *r, struct json_writer *w) {
    json_object(w);
    put_time(w, "from", r->query.from_us);
    put_time(w, "to", r->query.to_us);
    json_key(w, "by");
    json_array(w);
    for (unsigned i = 0; i < r->query.n_by; i++)
        json_put_text(w, spend_dimension_name((enum spend_dimension)r->query.by[i]));
    json_array_end(w);
    json_key(w, "rows");
    json_array(w);
    for (size_t i = 0; i < r->n && !w->out->overflow; i++) {
        json_object(w);
        put_names(w, r, &r->rows[i]);
        put_sums(w, &r->rows[i].sums, &r->total);
        json_object_end(w);
    }
    json_array_end(w);
    put_rest(w, r);
    json_key(w, "total");
    json_object(w);
    put_sums(w, &r->total, &r->total);
    json_object_end(w);
    json_object_end(w);
}

/* ---- CSV ---- */

void cost_csv_cell(struct buffer *out, struct slice text) {
    bool quote = false;
    for (size_t i = 0; i < text.len; i++) quote |= text.at[i] != 0 && strchr(",\"\r\n", text.at[i]) != NULL;
    if (quote) buffer_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.at[i] == '"') buffer_byte(out, '"');
        buffer_byte(out, text.at[i]);
    }
    if (quote) buffer_byte(out, '"');
}

static void csv_i64(struct buffer *out, int64_t n) {
    buffer_byte(out, ',');
    buffer_i64(out, n);
}

/* An unknown sum is an empty cell. */
static void csv_money(struct buffer *out, int64_t nano) {
    char text[MONEY_TEXT];
    money_format(nano, text);
    buffer_byte(out, ',');
    if (money_is_known(nano)) buffer_append(out, slice_of(text));
}

static void csv_sums(struct buffer *out, const struct spend_sums *s, const struct spend_sums *total) {
    csv_money(out, cost_known(s));
    buffer_byte(out, ',');
    if (spend_sums_is_known(s) && total->cost_nano != 0)
        buffer_printf(out, "%.6f", (double)s->cost_nano / (double)total->cost_nano);
    csv_money(out, cost_per_request(s));
    csv_i64(out, (int64_t)s->requests);
    csv_i64(out, (int64_t)s->unpriced);
    csv_i64(out, (int64_t)(s->requests - s->by_status[RECORD_OK]));
    csv_money(out, spend_sums_is_known(s) ? s->lost_nano : MONEY_UNKNOWN);
    csv_i64(out, s->usage.input);
    csv_i64(out, s->usage.cache_read);
    csv_i64(out, s->usage.cache_write);
    csv_i64(out, s->usage.output);
    csv_i64(out, s->usage.reasoning);
    csv_money(out, s->saved_nano);
    csv_i64(out, s->history_saved);
    buffer_append(out, SLICE("\r\n"));
}

static void csv_names(struct buffer *out, const struct cost_report *r, const struct cost_row *row) {
    char start[COST_START_TEXT];
    for (unsigned i = 0; i < r->query.n_by; i++) {
        int d = r->query.by[i];
        if (i > 0) buffer_byte(out, ',');
        if (d >= SPEND_DIMENSIONS) cost_start_text(row->start_us, d == SPEND_BY_HOUR, start);
        cost_csv_cell(out, d < SPEND_DIMENSIONS ? row->names[d] : slice_of(start));
    }
}

/* A row that sums up: its word in the first column. */
static void csv_summary(struct buffer *out, const struct cost_report *r, const char *word,
                        const struct spend_sums *s) {
    buffer_append(out, slice_of(word));
    for (unsigned i = 1; i < r->query.n_by; i++) buffer_byte(out, ',');
    csv_sums(out, s, &r->total);
}

void cost_report_write_csv(const struct cost_report *r, struct buffer *out) {
    for (unsigned i = 0; i < r->query.n_by; i++) {
        if (i > 0) buffer_byte(out, ',');
        buffer_append(out, slice_of(spend_dimension_name((enum spend_dimension)r->query.by[i])));
    }
    if (r->query.n_by == 0) buffer_append(out, SLICE("total"));
    buffer_append(out, SLICE(",cost_usd,share,cost_per_request_usd,requests,unpriced,not_ok,lost_usd,input,"
                             "cache_read,cache_write,output,reasoning,saved_usd,history_tokens_saved\r\n"));
    for (size_t i = 0; i < r->n && r->query.n_by > 0; i++) {
        csv_names(out, r, &r->rows[i]);
        csv_sums(out, &r->rows[i].sums, &r->total);
    }
    if (r->n_rest > 0) csv_summary(out, r, "(rest)", &r->rest);
    csv_summary(out, r, "(total)", &r->total);
}
