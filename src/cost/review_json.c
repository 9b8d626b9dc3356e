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
    {"how many questions resemble each other", "only equal ones are counted"},
    {"what attempts cost that a retry replaced", "a record holds the usage of the attempt that answered"},
    {"whether the cheaper target answers well enough", "run `quarterdeck model downgrade-test MODEL --judge MODEL`"},
    {"how much of a growing history could be cached", "the sample does not follow conversations"},
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
    json_member_string(w, "feature", a->feature);
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

static void put_prefix(struct json_writer *w, const struct review_prefix *p) {
    json_object(w);
    json_member_string(w, "application", p->application);
    json_member_string(w, "request_type", p->request_type);
    json_member_string(w, "model", p->model);
    json_member_string(w, "provider", p->provider);
    json_member_string(w, "target_model", p->target_model);
    json_member_string(w, "system_prompt", p->system_prompt);
    json_member_i64(w, "requests", p->requests);
    json_member_i64(w, "input_tokens", p->input);
    json_member_i64(w, "cache_read_tokens", p->cache_read);
    json_member_i64(w, "prefix_tokens", p->tokens);
    json_member_bool(w, "at_most", p->exchanges == 0);
    json_member_i64(w, "sampled", (int64_t)p->exchanges);
    json_member_double(w, "within_five_minutes", p->warm);
    json_member_i64(w, "missed_tokens", p->missed);
    put_usd(w, "usd_month", p->month_nano);
    json_object_end(w);
}

static void put_unanswered_all(struct json_writer *w, const struct review *r) {
    if (!r->has_policy)
        put_unanswered(w, "caches, caps and cheaper targets",
                       "there is no configuration: name it with --config");
    if (r->n_exchanges == 0)
        put_unanswered(w, "the shared prefix, instructions and chunks that nothing uses, questions that repeat",
                       "no payload is captured: applications: {NAME: {payloads: {capture: full}}}");
    for (size_t i = 0; i < sizeof not_answered / sizeof *not_answered; i++)
        put_unanswered(w, not_answered[i].question, not_answered[i].why);
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
    json_key(w, "prefixes");
    json_array(w);
    for (size_t i = 0; i < r->n_prefixes; i++) put_prefix(w, &r->prefixes[i]);
    json_array_end(w);
    json_key(w, "sample");
    json_object(w);
    json_member_i64(w, "records", (int64_t)r->n_sampled);
    json_member_i64(w, "exchanges", (int64_t)r->n_exchanges);
    json_object_end(w);
    json_key(w, "not_answered");
    json_array(w);
    put_unanswered_all(w, r);
    json_array_end(w);
    json_object_end(w);
}
