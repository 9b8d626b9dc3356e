/* A report of the cost watch as JSON: every verdict with its statistic, n, threshold, where that came from,
 * what is promised, what could have been seen, and what would change it. */
#include "base/clock.h"
#include "base/money.h"
#include "cost/anomaly.h"

#include <math.h>

static const int64_t DAY_US = 86400000000;

const char *anomaly_meter_name(enum anomaly_meter m) {
    static const char *const names[] = {
#define METER(symbol, name, rose, fell) name,
        ANOMALY_METER_TABLE(METER)
#undef METER
    };
    return names[m];
}

const char *anomaly_words(const struct anomaly_shift *s) {
    static const char *const words[][2] = {
#define METER(symbol, name, rose, fell) {rose, fell},
        ANOMALY_METER_TABLE(METER)
#undef METER
    };
    return words[s->meter][s->after_nano < s->before_nano];
}

static void put_day(struct json_writer *w, const char *key, int64_t day) {
    char text[CLOCK_TEXT];
    clock_format(day * DAY_US, text);
    json_member_string(w, key, slice_make(text, 10));
}

static void put_usd(struct json_writer *w, const char *key, int64_t nano) {
    char text[MONEY_TEXT];
    money_format(nano, text);
    json_member_raw(w, key, slice_of(text));
}

static void put_label(struct json_writer *w, const char *key, const struct anomaly_label *l) {
    json_key(w, key);
    if (slice_is_null(l->value)) {
        json_put_null(w);
        return;
    }
    json_object(w);
    json_member_string(w, "value", l->value);
    json_member_double(w, "share_before", l->share_before);
    json_member_double(w, "share_after", l->share_after);
    json_object_end(w);
}

static void put_shift(struct json_writer *w, const struct anomaly_shift *s) {
    json_object(w);
    json_member_text(w, "meter", anomaly_meter_name(s->meter));
    json_member_text(w, "text", anomaly_words(s));
    put_day(w, "first_day", s->first_day);
    put_day(w, "alarm_day", s->alarm_day);
    put_usd(w, "usd_month", s->month_nano);
    json_member_double(w, "usd_per_request_before", s->before_nano / (double)MONEY_USD);
    json_member_double(w, "usd_per_request_after", s->after_nano / (double)MONEY_USD);
    json_key(w, "contributions");
    json_array(w);
    for (unsigned f = COST_FACTOR_MIX; f < COST_FACTORS; f++) {
        json_object(w);
        json_member_text(w, "factor", cost_factor_name((enum cost_factor)f));
        json_member_double(w, "usd_per_request", s->contributions[f] / (double)MONEY_USD);
        json_object_end(w);
    }
    json_array_end(w);
    put_label(w, "prompt", &s->prompt);
    put_label(w, "system_prompt", &s->system_prompt);
    put_label(w, "model", &s->model);
    json_member_double(w, "statistic", s->statistic);
    json_object_end(w);
}

static void put_evidence(struct json_writer *w, const struct anomaly_report *r,
                         const struct anomaly_type *t) {
    json_key(w, "evidence");
    json_object(w);
    json_member_text(w, "method",
                     "Shiryaev-Roberts sum of Bayes factors for a shift of the logarithm of the daily "
                     "cost per request, each weekday against itself");
    json_member_double(w, "statistic", t->statistic);
    json_member_double(w, "threshold", t->threshold);
    json_member_text(w, "threshold_from", "false_alarm_days times the number of request types watched");
    json_member_double(w, "false_alarm_days", r->options.false_alarm_days);
    json_member_text(w, "promise",
                     "on average at least false_alarm_days between false alarms, all request types "
                     "together, if days are independent and near log-normal given the weekday");
    json_member_i64(w, "days", (int64_t)t->days);
    json_member_i64(w, "requests", t->requests);
    json_member_i64(w, "unpriced", t->unpriced);
    json_member_double(w, "min_effect", r->options.min_effect);
    json_member_double(w, "detectable_in_a_week", t->detectable);
    json_member_text(w, "would_change_it",
                     t->verdict == ANOMALY_NOT_ENOUGH ? "more whole days with enough priced requests"
                     : t->verdict == ANOMALY_SHIFTED
                         ? "days back at the former cost per request begin a new shift"
                         : "a lasting change above detectable_in_a_week");
    json_object_end(w);
}

void anomaly_write_json(const struct anomaly_report *r, struct json_writer *w) {
    static const char *const verdicts[] = {"none", "shifted", "not_enough_data"};
    json_array(w);
    for (size_t i = 0; i < r->n_types; i++) {
        const struct anomaly_type *t = &r->types[i];
        json_object(w);
        json_member_string(w, "application", t->application);
        json_member_string(w, "request_type", t->request_type);
        json_member_text(w, "verdict", verdicts[t->verdict]);
        json_key(w, "shifts");
        json_array(w);
        for (size_t j = 0; j < t->n_shifts; j++) put_shift(w, &t->shifts[j]);
        json_array_end(w);
        put_evidence(w, r, t);
        json_object_end(w);
    }
    json_array_end(w);
}
