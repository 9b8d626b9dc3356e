/* watch_output.c - see watch_output.h. Everything is a badness in 0..1, of which less is better, and one detector a series. */
#include "quality/watch_output_private.h"

#include "base/mem.h"
#include "quality/watch_tell.h"
#include "stats/proportion.h"
#include "store/score.h"

#include <math.h>
#include <stdio.h>

#define DAY_US 86400000000LL
#define SERIES 2000
#define MOVED 0.15               /* of what is held normal: then the detector begins anew */
#define LATELY 50.0
#define HEARD_US DAY_US          /* longer without a value: nothing is known */
#define BAD 0.5

static const struct { enum signal signal; double margin; const char *is; } outputs[OUT_SIGNALS] = {
#define OUT(symbol, signal, margin, is) {SIGNAL_##signal, margin, is},
    WATCH_OUTPUT_TABLE(OUT)
#undef OUT
};

struct watch_output *watch_output_new(void) {
    struct watch_output *w = mem_new(struct watch_output);
    table_init(&w->by_name);
    return w;
}

void watch_output_free(struct watch_output *w) {
    size_t cursor = 0;
    struct slice key;
    void *value;
    if (w == NULL) return;
    while (table_next(&w->by_name, &cursor, &key, &value)) {
        struct output_series *s = value;
        for (unsigned i = 0; i < 4; i++) mem_free(s->names[i]);
        mem_free(s);
    }
    table_deinit(&w->by_name);
    mem_free(w);
}

/* A new version begins with what was normal for the one before. */
static void inherit(struct watch_output *w, struct output_series *s) {
    size_t cursor = 0;
    struct slice key;
    void *value;
    const struct output_series *from = NULL;
    if (s->names[2][0] == 0) return;
    while (table_next(&w->by_name, &cursor, &key, &value)) {
        const struct output_series *x = value;
        bool same = x != s && x->signal == s->signal && x->n_normal > 0;
        for (unsigned i = 0; i < 3 && same; i++) same = strcmp(x->names[i], s->names[i]) == 0;
        if (same && (from == NULL || x->last_us > from->last_us)) from = x;
    }
    if (from == NULL) return;
    s->normal = from->normal;
    s->n_normal = from->n_normal;
    s->inherited = true;
}

struct output_series *output_series_of(struct watch_output *w, const struct slice names[4], enum watch_output_signal signal) {
    struct buffer key;
    buffer_init(&key, 4 * LIMIT_LABEL + 32);
    buffer_printf(&key, "%d", (int)signal);
    for (unsigned i = 0; i < 4; i++) {
        buffer_byte(&key, '\n');
        buffer_append(&key, names[i]);
    }
    struct output_series *s = key.overflow ? NULL : table_get(&w->by_name, buffer_slice(&key));
    if (s == NULL && !key.overflow && w->by_name.count < SERIES) {
        s = mem_new(struct output_series);
        s->signal = signal;
        for (unsigned i = 0; i < 4; i++) {
            s->names[i] = mem_alloc(names[i].len + 1);
            if (names[i].len > 0) memcpy(s->names[i], names[i].at, names[i].len);
        }
        table_put(&w->by_name, buffer_slice(&key), s);
        inherit(w, s);
    }
    buffer_deinit(&key);
    return s;
}

/* ---- what is normal ---- */

static double held_normal(struct output_series *s) {
    if (s->held_of != s->normal || s->held_n != s->n_normal || s->held_n == 0) {
        s->held_of = s->normal;
        s->held_n = s->n_normal;
        s->held = proportion_at_most(s->normal * s->n_normal, s->n_normal, 0.95);
    }
    return s->held;
}

/* Of the days from three weeks to one week ago; all days when these are too few; what was inherited, until it has as much of its own. */
static void learn(struct output_series *s, int64_t day) {
    double old_n = 0, old = 0, all_n = 0, all = 0;
    for (unsigned i = 0; i < OUTPUT_DAYS; i++) {
        if (s->days[i].n == 0 || day - s->days[i].day >= OUTPUT_DAYS) continue;
        all_n += s->days[i].n;
        all += s->days[i].bad;
        if (day - s->days[i].day < 7) continue;
        old_n += s->days[i].n;
        old += s->days[i].bad;
    }
    bool is_old = old_n >= WATCH_OUTPUT_LEAST;
    double n = is_old ? old_n : all_n, bad = is_old ? old : all;
    if (n < WATCH_OUTPUT_LEAST || s->worse_us != 0 || (s->n_normal > 0 && !is_old)) return;
    s->normal = bad / n;
    s->n_normal = n;
    s->inherited = false;
    if (s->ready && fabs(held_normal(s) + outputs[s->signal].margin - s->rise.normal) > MOVED * s->rise.normal) s->ready = false;
}

static void take(struct watch_output *w, const struct slice names[4], enum watch_output_signal signal, double bad, const struct record_id *id, int64_t at_us, bool former) {
    struct slice plain[4];
    for (unsigned i = 0; i < 4; i++) plain[i] = slice_is_null(names[i]) ? SLICE("") : names[i];
    struct output_series *s = output_series_of(w, plain, signal);
    if (s == NULL || !(bad >= 0 && bad <= 1) || (former && at_us <= s->had_us)) return;
    int64_t day = at_us / DAY_US;
    unsigned at = (unsigned)((uint64_t)day % OUTPUT_DAYS);
    if (s->days[at].day != day) {
        s->days[at].day = day;
        s->days[at].n = s->days[at].bad = 0;
    }
    s->days[at].n++;
    s->days[at].bad += bad;
    if (s->first_us == 0) s->first_us = at_us;
    if (at_us > s->last_us) s->last_us = at_us;
    if (bad >= BAD) {
        if (s->n_examples == OUTPUT_EXAMPLES) memmove(s->examples, s->examples + 1, --s->n_examples * sizeof *s->examples);
        s->examples[s->n_examples++] = *id;
    }
    if (s->ready) {
        if (detector_take(&s->rise, bad) && s->worse_us == 0) {
            s->worse_us = at_us;
            s->lately = detector_estimate(&s->rise);
        }
        s->lately += (bad - s->lately) / LATELY;
    } else if (s->n_normal == 0 || s->learned_day != day) {
        learn(s, day);
        s->learned_day = day;
    }
}

void watch_output_record(struct watch_output *w, const struct record *r) {
    const struct slice names[4] = {r->application, r->request_type, r->prompt_name, r->prompt_version};
    bool declined = slice_is(r->finish_reason, "refusal") || slice_is(r->finish_reason, "content_filter") || r->error == FAULT_UP_CONTENT_POLICY;
    if ((r->status == RECORD_OK || declined) && slice_is_null(r->cache)) take(w, names, OUT_REFUSAL, declined, &r->id, r->time_us, false);
}

void watch_output_scored(struct watch_output *w, const struct scored *row, bool former) {
    const struct slice names[4] = {row->application, row->request_type, row->prompt, row->version};
    struct arena arena;
    struct json_doc d;
    uint32_t cursor = JSON_NONE, item;
    double score;
    if (row->state == SCORED_WAITING) return;
    if (row->length != SCORED_LENGTH_UNKNOWN) take(w, names, OUT_LENGTH, row->length != SCORED_LENGTH_USUAL, &row->record, row->time_us, former);
    arena_init(&arena, 16 << 10, 4 << 20);
    if (row->state == SCORED_DONE && !slice_is_null(row->body) && json_read(row->body, &arena, UINT16_MAX, &d, NULL) == FAULT_NONE)
        while (json_each_item(&d, 0, &cursor, &item)) {
            struct slice metric = json_string(&d, json_get(&d, item, "metric"), &arena), type = json_string(&d, json_get(&d, item, "type"), &arena);
            uint32_t verdict = json_get(&d, item, "verdict");
            bool judged = slice_is(metric, "quality") || (slice_is(type, "judge") && json_is(&d, json_get(&d, item, "scale"), "1-5"));
            if (json_is(&d, verdict, "error") || !json_get_double(&d, json_get(&d, item, "score"), &score)) continue;
            if (slice_is(type, "faithful") || slice_is(metric, "faithfulness")) take(w, names, OUT_UNSUPPORTED, json_is(&d, verdict, "fail"), &row->record, row->time_us, former);
            else if (slice_is(type, "is-json") || slice_is(type, "contains-json") || slice_is(metric, "format"))
                take(w, names, OUT_FORMAT, json_is(&d, verdict, "fail"), &row->record, row->time_us, former);
            else if (judged) take(w, names, OUT_SCORE, 1 - score, &row->record, row->time_us, former);
        }
    arena_deinit(&arena);
}

void watch_output_score(struct watch_output *w, const struct record *of, const struct score *score, bool former) {
    const struct slice names[4] = {of->application, of->request_type, of->prompt_name, of->prompt_version};
    if (slice_is(score->source, "feedback")) take(w, names, OUT_FEEDBACK, 2 * score->value_ppm < SCORE_PPM, &score->record, score->at_us, former);
}

/* ---- a look ---- */

static void write_evidence(struct watch_tell *t, const struct output_series *s, double now, double held) {
    static const char *const keys[4] = {"application", "request_type", "prompt", "version"};
    struct json_writer *w = watch_tell_json(t);
    char id[RECORD_ID_TEXT];
    json_object(w);
    json_member_text(w, "signal", signal_info(outputs[s->signal].signal).name);
    json_member_text(w, "value_is", outputs[s->signal].is);
    for (unsigned i = 0; i < 4; i++) json_member_text(w, keys[i], s->names[i]);
    json_member_double(w, "now", now);
    json_member_i64(w, "n", (int64_t)s->rise.since);
    struct interval i = proportion_exact(fmin(s->rise.sum_since, (double)s->rise.since), (double)s->rise.since, 0.95);
    json_member_double(w, "now_low", i.low);
    json_member_double(w, "now_high", i.high);
    json_member_double(w, "baseline", s->normal);
    json_member_double(w, "baseline_n", s->n_normal);
    json_member_text(w, "baseline_from", s->inherited ? "the version before" : "its own last days");
    json_member_double(w, "held_normal", held);
    json_member_double(w, "statistic", detector_statistic(&s->rise));
    json_member_text(w, "statistic_is", "e-detector of the mean of values in 0..1");
    json_member_double(w, "threshold", s->rise.threshold);
    json_member_text(w, "threshold_from", "values a month over the false alarms a month that are allowed to this series");
    json_key(w, "examples");
    json_array(w);
    for (unsigned k = s->n_examples; k-- > 0;) {
        record_id_format(&s->examples[k], id);
        json_put_text(w, id);
    }
    json_array_end(w);
    json_key(w, "chart");        /* daily means, oldest first; of days without a value null */
    json_array(w);
    for (int64_t day = s->last_us / DAY_US - OUTPUT_DAYS + 1; day <= s->last_us / DAY_US; day++) {
        unsigned at = (unsigned)((uint64_t)day % OUTPUT_DAYS);
        bool had = day >= 0 && s->days[at].day == day && s->days[at].n > 0;
        json_put_double(w, had ? s->days[at].bad / s->days[at].n : NAN);
    }
    json_array_end(w);
    json_object_end(w);
}

static void tell(struct watch_tell *t, const struct output_series *s, struct finding *f, double held) {
    struct signal_info info = signal_info(outputs[s->signal].signal);
    double now = s->lately > s->normal ? s->lately : detector_estimate(&s->rise);
    write_evidence(t, s, now, held);
    f->evidence = watch_tell_take(t);
    struct buffer *b = watch_tell_text(t);
    buffer_printf(b, "%s%s%s", s->names[0], s->names[1][0] != 0 ? "/" : "", s->names[1]);
    if (s->names[2][0] != 0) buffer_printf(b, ", prompt %s@%s", s->names[2], s->names[3]);
    buffer_printf(b, ": %s is surely worse: ", info.name);
    watch_tell_share(b, info.more_is_worse ? now : 1 - now);
    if (s->rise.since > 0) buffer_printf(b, " over the last %llu or so, it was ", (unsigned long long)s->rise.since);
    else buffer_append(b, SLICE(" lately, it was "));
    watch_tell_share(b, info.more_is_worse ? s->normal : 1 - s->normal);
    f->title = watch_tell_take(t);
    b = watch_tell_text(t);
    if (s->names[2][0] != 0) {
        buffer_append(b, SLICE("quarterdeck prompt show"));
        watch_tell_argument(b, slice_of(s->names[2]));
    } else {
        buffer_append(b, SLICE("quarterdeck record list --from -1d"));
        watch_tell_option(b, "application", slice_of(s->names[0]));
        if (s->names[1][0] != 0) watch_tell_option(b, "request-type", slice_of(s->names[1]));
    }
    f->command = watch_tell_take(t);
    watch_tell_finding(t, f);
}

static void look_at(struct watch_tell *t, struct output_series *s, double alarms, int64_t now_us) {
    const double margin = outputs[s->signal].margin;
    if (s->n_normal == 0) return;
    double held = held_normal(s);
    if (!s->ready) {
        double n = 0, span = (double)(now_us - s->first_us);
        for (unsigned i = 0; i < OUTPUT_DAYS; i++) n += s->days[i].n;
        double most = OUTPUT_DAYS * (double)DAY_US, month = n * (double)WATCH_MONTH_US / fmin(fmax(span, 3600e6), most);
        detector_begin(&s->rise, held, margin, detector_threshold(fmax(month, WATCH_OUTPUT_LEAST), alarms));
        s->ready = true;
        s->lately = s->normal;
    }
    int64_t day = now_us / DAY_US;
    if (s->learned_day != day) learn(s, day);
    s->learned_day = day;
    if (s->worse_us == 0) return;
    const struct slice parts[] = {slice_of(signal_info(outputs[s->signal].signal).name), slice_of(s->names[0]), slice_of(s->names[1]), slice_of(s->names[2]), slice_of(s->names[3])};
    struct finding f = {.kind = FINDING_OUTPUT_WORSE, .application = slice_of(s->names[0])};
    f.key = watch_tell_key(t, f.kind, parts, 5);
    if (now_us - s->last_us > HEARD_US) {
        watch_tell_unsure(t, f.key);
    } else if (s->lately <= held + margin / 2) {
        s->worse_us = 0;
        s->ready = false;
    } else {
        tell(t, s, &f, held);
    }
}

enum fault watch_output_look(struct watch_output *w, const struct policy *p, double alarms_per_month, int64_t now_us, struct arena *arena,
                             struct finding **ret, unsigned *ret_n, struct slice **ret_unsure, unsigned *ret_n_unsure, struct error *error) {
    struct watch_tell t;
    size_t cursor = 0;
    struct slice key;
    void *value;
    (void)p;
    watch_tell_begin(&t, arena);
    while (table_next(&w->by_name, &cursor, &key, &value)) look_at(&t, value, alarms_per_month / (double)w->by_name.count, now_us);
    enum fault fault = watch_tell_done(&t, error);
    *ret = t.seen;
    *ret_n = t.n_seen;
    *ret_unsure = t.unsure;
    *ret_n_unsure = t.n_unsure;
    watch_tell_end(&t);
    return fault;
}
