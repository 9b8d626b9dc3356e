#include "base/clock.h"
#include "cost/review.h"

#include <math.h>

static const char *const names[] = {
#define ACTION(symbol, name, words) name,
    REVIEW_TABLE(ACTION)
#undef ACTION
};
static const char *const kind_words[] = {
#define ACTION(symbol, name, words) words,
    REVIEW_TABLE(ACTION)
#undef ACTION
};

const char *review_kind_name(enum review_kind k) {
    return names[k];
}
const char *review_kind_words(enum review_kind k) {
    return kind_words[k];
}

static const struct {
    const char *question, *why;
} not_answered[] = {
    {"which instructions of a prompt are never used", "no sum holds prompts"},
    {"which output cap loses nothing", "the sums hold no distribution of lengths"},
    {"how many questions repeat, or resemble each other", "records hold no questions"},
    {"what attempts cost that a retry replaced", "a record holds the usage of the attempt that answered"},
    {"whether the cheaper target answers well enough", "no sum holds quality"},
    {"how much of a growing history could be cached", "the sums do not follow conversations"},
    {"what a commitment costs", "no price table holds commitments"},
};

static void put_time(struct json_writer *w, const char *key, int64_t at_us) {
    char text[CLOCK_TEXT];
    clock_format(at_us, text);
    json_member_text(w, key, text);
}

static void put_usd(struct json_writer *w, const char *key, int64_t nano) {
    char text[MONEY_TEXT];
    money_format(nano, text);
    json_member_raw(w, key, slice_of(text));
}

static void put_action(struct json_writer *w, const struct review_action *a) {
    json_object(w);
    json_member_text(w, "action", review_kind_name(a->kind));
    json_member_text(w, "text", review_kind_words(a->kind));
    put_usd(w, "usd_month", a->month_nano);
    json_member_bool(w, "at_most", a->at_most);
    json_member_string(w, "application", a->application);
    json_member_string(w, "request_type", a->request_type);
    json_member_string(w, "model", a->model);
    json_member_string(w, "provider", a->provider);
    json_member_string(w, "target_model", a->target_model);
    json_member_string(w, "system_prompt", a->system_prompt);
    json_member_string(w, "why", a->why);
    json_member_string(w, "act", a->act);
    json_key(w, "evidence");
    json_object(w);
    for (unsigned i = 0; i < a->n_facts; i++) json_member_double(w, a->facts[i].name, a->facts[i].value);
    json_object_end(w);
    json_object_end(w);
}

static void put_unanswered(struct json_writer *w, const char *question, const char *why) {
    json_object(w);
    json_member_text(w, "question", question);
    json_member_text(w, "why", why);
    json_object_end(w);
}

void review_write_json(const struct review *r, struct json_writer *w) {
    static const char *const verdicts[] = {"nothing", "actions", "not_enough_data"};
    json_object(w);
    put_time(w, "from", r->from_us);
    put_time(w, "to", r->to_us);
    if (r->first_us < r->to_us) put_time(w, "first", r->first_us);
    else json_member_text(w, "first", NULL);
    json_member_text(w, "verdict", verdicts[r->verdict]);
    put_usd(w, "spend_usd_month", r->month_nano);
    json_key(w, "actions");
    json_array(w);
    for (size_t i = 0; i < r->n; i++) put_action(w, &r->actions[i]);
    json_array_end(w);
    json_member_i64(w, "left_off", (int64_t)r->n_left_off);
    json_key(w, "not_answered");
    json_array(w);
    if (!r->has_policy)
        put_unanswered(w, "caches, caps and cheaper targets",
                       "there is no configuration: name it with --config");
    for (size_t i = 0; i < sizeof not_answered / sizeof *not_answered; i++)
        put_unanswered(w, not_answered[i].question, not_answered[i].why);
    json_array_end(w);
    json_object_end(w);
}
