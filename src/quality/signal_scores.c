/* Signals: scores. What a rule found of a record counts under its metric, and under what it is by its kind, so that the signals' own metrics
 * need no names to be agreed upon: a judge's score on a scale of 1 to 5 is quality, `faithful` is faithfulness, valid JSON is format. */
#include "quality/signals_private.h"

#include "base/json.h"
#include "store/score.h"

#define GOOD 0.8
#define GOOD_OF_FIVE 0.75 /* 1-5 is (v - 1) / 4: a 4 is good */

struct finding_of_score {
    struct slice metric, type;
    const struct record_id *record;
    double score;
    bool good, failed;
};

static void name_scored(struct slice application, struct slice request_type, struct slice prompt, struct slice model, struct slice is[SIGNAL_BYS]) {
    for (unsigned i = 0; i < SIGNAL_BYS; i++) is[i] = SLICE_NULL;
    is[SIGNAL_BY_APPLICATION] = slice_is_null(application) ? SLICE("") : application;
    is[SIGNAL_BY_REQUEST_TYPE] = slice_is_null(request_type) ? SLICE("") : request_type;
    is[SIGNAL_BY_PROMPT] = slice_is_null(prompt) ? SLICE("") : prompt;
    is[SIGNAL_BY_UPSTREAM_MODEL] = slice_is_null(model) ? SLICE("") : model;
}

static void book(struct signals *s, const struct slice is[SIGNAL_BYS], const char *kind, struct slice name, const struct finding_of_score *f,
                 double weight, int64_t at_us) {
    buffer_clear(&s->of);
    buffer_append(&s->of, slice_of(kind));
    buffer_append(&s->of, name);
    struct signal_base *b = signals_base(s, FAMILY_SCORES, is, buffer_slice(&s->of));
    struct signal_sums *sums = signals_begin(s, b, at_us);
    signal_example(b, EXAMPLE_LONGEST, f->record, -f->score, at_us);
    if (f->failed) signal_example(b, EXAMPLE_ERROR, f->record, 0, at_us);
    if (!f->good) signal_example(b, EXAMPLE_DECLINED, f->record, 0, at_us);
    signal_sums_score(sums, f->score, weight, f->good, f->failed, at_us);
    signals_end(s, b, at_us, sums);
}

static struct slice kind_of(const struct json_doc *d, uint32_t node, const struct finding_of_score *f) {
    if (slice_is(f->type, "faithful") || slice_is(f->metric, "faithfulness")) return SLICE("faithfulness");
    if (slice_is(f->type, "is-json") || slice_is(f->type, "contains-json") || slice_is(f->metric, "format")) return SLICE("format");
    if (slice_is(f->metric, "quality") || (slice_is(f->type, "judge") && json_is(d, json_get(d, node, "scale"), "1-5"))) return SLICE("quality");
    return SLICE_NULL;
}

static bool read_finding(struct signals *s, const struct json_doc *d, uint32_t node, struct finding_of_score *ret) {
    *ret = (struct finding_of_score){.metric = json_string(d, json_get(d, node, "metric"), &s->scratch),
                                     .type = json_string(d, json_get(d, node, "type"), &s->scratch),
                                     .failed = json_is(d, json_get(d, node, "verdict"), "fail")};
    if (json_is(d, json_get(d, node, "verdict"), "error") || !json_get_double(d, json_get(d, node, "score"), &ret->score)) return false;
    ret->good = ret->score >= (json_is(d, json_get(d, node, "scale"), "1-5") ? GOOD_OF_FIVE : GOOD);
    return !slice_is_null(ret->metric);
}

void signals_scored(struct signals *s, const struct scored *row) {
    char room[SIGNAL_PROMPT_ROOM];
    struct slice is[SIGNAL_BYS];
    struct json_doc d;
    struct finding_of_score f;
    uint32_t cursor = JSON_NONE, item;
    if (row->state == SCORED_WAITING || row->chance_e15 <= 0) return;
    double weight = (double)SCORED_CHANCE_ONE / (double)row->chance_e15;
    name_scored(row->application, row->request_type, signal_prompt(row->prompt, row->version, room), row->model, is);
    if (row->length != SCORED_LENGTH_UNKNOWN) {
        bool unusual = row->length != SCORED_LENGTH_USUAL;
        f = (struct finding_of_score){.record = &row->record, .score = unusual, .failed = unusual};
        book(s, is, "default:", SLICE("length"), &f, weight, row->time_us);
    }
    arena_reset(&s->scratch);
    if (row->state != SCORED_DONE || slice_is_null(row->body) || json_read(row->body, &s->scratch, UINT16_MAX, &d, NULL) != FAULT_NONE) return;
    while (json_each_item(&d, 0, &cursor, &item)) {
        if (!read_finding(s, &d, item, &f)) continue;
        f.record = &row->record;
        struct slice kind = kind_of(&d, item, &f);
        book(s, is, "metric:", f.metric, &f, weight, row->time_us);
        if (!slice_is_null(kind)) book(s, is, "default:", kind, &f, weight, row->time_us);
    }
}

void signals_score(struct signals *s, const struct record *of, const struct score *score) {
    char room[SIGNAL_PROMPT_ROOM];
    struct slice is[SIGNAL_BYS];
    bool feedback = slice_is(score->source, "feedback");
    if (!feedback && !slice_is(score->source, "person")) return; /* those of rules come with their rows */
    struct finding_of_score f = {.record = &score->record, .score = (double)score->value_ppm / SCORE_PPM, .failed = 2 * score->value_ppm < SCORE_PPM};
    name_scored(of->application, of->request_type, signal_prompt(of->prompt_name, of->prompt_version, room), of->upstream_model, is);
    book(s, is, "feedback:", score->name, &f, 1, score->at_us);
    if (feedback || slice_is(score->name, "feedback")) book(s, is, "default:", SLICE("feedback"), &f, 1, score->at_us);
}
