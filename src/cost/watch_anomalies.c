/* Shifts of the cost of a request, application by application. */
#include "base/clock.h"
#include "cost/anomaly_read.h"
#include "cost/watch_private.h"

#include <math.h>
#include <stdlib.h>

#define DAY_US (86400 * 1000000LL)
#define SAME_DAYS                                                                                            \
    3 /* an alarm this near to a former one of the same work is the same: more days move it a little */
#define FORMER_MOST 200

struct type_of_work {
    struct watch_look *look;
    const struct zone *zone;
    const struct anomaly_days *days;
    const struct anomaly_report *report;
    const struct finding *former; /* of this application */
    unsigned n_former;
};

static void print_day(struct buffer *out, int64_t day) {
    char text[CLOCK_TEXT];
    clock_format(day * DAY_US, text);
    buffer_printf(out, "%.10s", text);
}

static int64_t start_of(const struct zone *z, int64_t day) {
    return zone_to_utc(z, day * (DAY_US / 1000000)) * 1000000;
}

/* ---- the same again ---- */

/* A key is [kind, application, request type, alarm day as a number]. False: it is about another type of work.
 */
static bool read_key(struct slice key, struct slice request_type, int64_t *ret_day) {
    struct arena arena;
    struct json_doc d;
    arena_init(&arena, 1 << 10, 64 << 10);
    bool good = json_read(key, &arena, UINT16_MAX, &d, NULL) == FAULT_NONE;
    uint32_t type = good ? json_item(&d, 0, 2) : JSON_NONE;
    struct slice name = good ? json_string(&d, type, &arena) : SLICE_NULL;
    good = good && slice_is_null(name) == slice_is_null(request_type) && slice_eq(name, request_type) &&
           json_get_i64(&d, json_item(&d, 0, 3), ret_day);
    arena_deinit(&arena);
    return good;
}

static struct slice key_of(struct type_of_work *t, const struct anomaly_type *type, int64_t alarm_day) {
    int64_t day;
    for (unsigned i = 0; i < t->n_former; i++)
        if (read_key(t->former[i].key, type->request_type, &day) && llabs(day - alarm_day) <= SAME_DAYS)
            return t->former[i].key;
    struct json_writer *w = watch_json(t->look);
    json_array(w);
    json_put_text(w, finding_kind_name(FINDING_COST_ANOMALY));
    json_put_string(w, type->application);
    if (slice_is_null(type->request_type)) json_put_null(w);
    else json_put_string(w, type->request_type);
    json_put_i64(w, alarm_day);
    json_array_end(w);
    return watch_take(t->look);
}

/* Types that were not judged this time: what stands of them is neither so nor gone. */
static void keep_unjudged(struct type_of_work *t) {
    int64_t day;
    for (unsigned i = 0; i < t->n_former; i++) {
        bool judged = false;
        for (size_t k = 0; k < t->report->n_types && !judged; k++)
            judged = t->report->types[k].verdict != ANOMALY_NOT_ENOUGH &&
                     read_key(t->former[i].key, t->report->types[k].request_type, &day);
        if (!judged && t->former[i].state == FINDING_OPEN) watch_is_unsure(t->look, t->former[i].key);
    }
}

/* ---- words ---- */

static void print_label(struct buffer *out, const char *word, const struct anomaly_label *l) {
    enum { HASH = 32, ENOUGH = 12 }; /* digits of a system prompt's, and those that tell it apart for people */
    struct slice value = l->value;
    if (strcmp(word, "system prompt") == 0 && value.len == HASH) value.len = ENOUGH;
    if (!slice_is_null(value)) buffer_printf(out, "; %s " SLICE_FMT " came with it", word, SLICE_ARG(value));
}

static struct slice title_of(struct watch_look *l, const struct anomaly_type *type,
                             const struct anomaly_shift *s) {
    struct buffer *t = watch_text(l);
    buffer_printf(
        t, SLICE_FMT ", " SLICE_FMT ": %s on ", SLICE_ARG(type->application),
        SLICE_ARG(slice_is_null(type->request_type) ? SLICE("no request type") : type->request_type),
        anomaly_words(s));
    print_day(t, s->first_day);
    buffer_append(t, s->month_nano < 0 ? SLICE(", ") : SLICE(", +"));
    watch_print_usd(t, s->month_nano);
    buffer_append(t, SLICE(" USD a month ("));
    watch_print_usd(t, llround(s->before_nano));
    buffer_append(t, SLICE(" -> "));
    watch_print_usd(t, llround(s->after_nano));
    buffer_append(t, SLICE(" USD a request)"));
    print_label(t, "prompt", &s->prompt);
    print_label(t, "system prompt", &s->system_prompt);
    print_label(t, "model", &s->model);
    return watch_take(l);
}

/* Up to a week after the shift is compared with the same weekdays before it, more with as long before. */
static struct slice command_of(struct type_of_work *x, const struct anomaly_type *type,
                               const struct anomaly_shift *s) {
    struct buffer *t = watch_text(x->look);
    bool short_time = x->days->end_day - s->first_day <= 7;
    buffer_append(t, SLICE("quarterdeck cost explain"));
    watch_print_option(t, "--application", type->application);
    watch_print_option(t, "--request-type", type->request_type);
    buffer_append(t, SLICE(" --from "));
    watch_print_time(t, start_of(x->zone, s->first_day));
    buffer_append(t, SLICE(" --to "));
    watch_print_time(t, start_of(x->zone, x->days->end_day));
    if (short_time) {
        buffer_append(t, SLICE(" --baseline-from "));
        watch_print_time(t, start_of(x->zone, s->first_day - 7));
        buffer_append(t, SLICE(" --baseline-to "));
        watch_print_time(t, start_of(x->zone, x->days->end_day - 7));
    }
    return watch_take(x->look);
}

/* The evidence of the type as `cost anomalies --json` has it, with this shift alone, and how to see it again.
 */
static struct slice evidence_of(struct type_of_work *x, const struct anomaly_type *type,
                                const struct anomaly_shift *s) {
    struct watch_look *l = x->look;
    struct anomaly_shift shift = *s;
    struct anomaly_type one = *type;
    one.shifts = &shift;
    one.n_shifts = 1;
    struct buffer *t = watch_text(l);
    buffer_append(t, SLICE("quarterdeck cost anomalies"));
    watch_print_option(t, "--application", type->application);
    buffer_append(t, SLICE(" --from "));
    watch_print_time(t, start_of(x->zone, x->days->first_day));
    buffer_append(t, SLICE(" --to "));
    watch_print_time(t, start_of(x->zone, x->days->end_day));
    watch_print_option(t, "--timezone", slice_of(zone_name(x->zone)));
    struct slice again = watch_take(l);
    struct json_writer *w = watch_json(l);
    json_object(w);
    json_member_double(w, "statistic", s->statistic);
    json_member_i64(w, "n", (int64_t)type->days);
    json_member_text(w, "n_is", "days that counted");
    json_member_double(w, "threshold", type->threshold);
    json_member_text(w, "threshold_from",
                     "false_alarm_days times the number of request types of the application");
    json_member_double(w, "false_alarm_rate", 2 / x->report->options.false_alarm_days);
    json_member_text(w, "false_alarm_why",
                     "a day, at worst, for the application: one in false_alarm_days, and each day is looked "
                     "at in two segments");
    json_member_string(w, "computed_by", again);
    json_key(w, "report");
    anomaly_write_json(&(struct anomaly_report){x->report->options, &one, 1}, w);
    json_object_end(w);
    return watch_take(l);
}

static void tell(struct type_of_work *x, const struct anomaly_type *type) {
    for (size_t i = 0; i < type->n_shifts; i++) {
        const struct anomaly_shift *s = &type->shifts[i];
        struct finding f = {.kind = FINDING_COST_ANOMALY, .application = type->application};
        f.key = key_of(x, type, s->alarm_day);
        f.title = title_of(x->look, type, s);
        f.evidence = evidence_of(x, type, s);
        f.command = command_of(x, type, s);
        watch_saw(x->look, &f);
    }
}

/* ---- one application ---- */

static enum fault look_at(struct watch_look *l, const char *application, struct error *error) {
    const struct zone *zone = l->policy->server.watch.zone;
    bool utc = strcmp(zone_name(zone), "UTC") == 0; /* read in one pass */
    struct anomaly_days days;
    struct anomaly_report report;
    struct finding *former = NULL;
    unsigned n_former = 0;
    int64_t today = (l->now_us / 1000000 + zone_offset(zone, l->now_us / 1000000)) / 86400;
    int64_t since = today - today % WATCH_SEGMENT - WATCH_SEGMENT;
    struct cell_query q = {.from_us = start_of(zone, since), .to_us = l->now_us};
    q.only[SPEND_BY_APPLICATION] = slice_of(application);
    enum fault fault = anomaly_search(l->w->ledger, &q, utc ? NULL : zone, &ANOMALY_DEFAULTS, &l->arena, &days, &report, error);
    struct findings_filter f = {
        .kinds = FINDING_BIT(COST_ANOMALY), .application = slice_of(application), .limit = FORMER_MOST};
    if (fault == FAULT_NONE) fault = findings_list(l->w->registry, &f, &l->arena, &former, &n_former, error);
    if (fault != FAULT_NONE) return fault;
    struct type_of_work x = {l, zone, &days, &report, former, n_former};
    for (size_t i = 0; i < report.n_types; i++) tell(&x, &report.types[i]);
    keep_unjudged(&x);
    return watch_look_put(l, FINDING_BIT(COST_ANOMALY), slice_of(application), error);
}

enum fault watch_anomalies(const struct watch *w, int64_t now_us, struct error *error) {
    struct policy *p = w->policy(w->ctx);
    enum fault fault = FAULT_NONE, first = FAULT_NONE;
    struct error ignored;
    for (unsigned i = 0; i < p->n_applications && fault != FAULT_SHUTTING_DOWN; i++) {
        struct watch_look l;
        if (w->stopping != NULL && w->stopping(w->ctx)) {
            fault = error_set(error, FAULT_SHUTTING_DOWN, "the server is stopping");
            break;
        }
        watch_look_begin(&l, w, now_us);
        fault = look_at(&l, p->applications[i].name,
                        first == FAULT_NONE ? error : &ignored); /* the others are looked at all the same */
        if (first == FAULT_NONE) first = fault;
        watch_look_end(&l);
    }
    policy_drop(p);
    return fault == FAULT_SHUTTING_DOWN ? fault : first;
}
