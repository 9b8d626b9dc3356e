#include "cost/route_fit.h"

static void put_usd(struct json_writer *w, const char *key, int64_t nano) {
    char text[MONEY_TEXT];
    money_format(nano, text); /* "null" when unknown */
    json_member_raw(w, key, slice_of(text));
}

static void put_point(struct json_writer *w, const struct route_point *p) {
    json_object(w);
    json_member_double(w, "share_cheap", p->share);
    json_member_double(w, "threshold", p->threshold);
    json_member_i64(w, "scored_cheap", (int64_t)p->n_cheap);
    json_member_i64(w, "scored_premium", (int64_t)p->n_premium);
    put_usd(w, "cost_usd_per_thousand", p->cost_nano);
    json_member_double(w, "quality", p->quality);
    json_member_double(w, "quality_low", p->quality_low);
    json_member_double(w, "quality_high", p->quality_high);
    json_member_double(w, "change", p->change.mean);
    json_member_double(w, "change_low", p->change.low);
    json_member_double(w, "change_high", p->change.high);
    json_member_bool(w, "allowed", p->allowed);
    json_object_end(w);
}

static void put_count(struct json_writer *w, const char *key, size_t n) {
    json_key(w, key);
    if (n > 0) json_put_i64(w, (int64_t)n);
    else json_put_null(w);
}

void route_fit_write_json(const struct route_fit *f, const struct route_wish *wish, struct json_writer *w) {
    json_member_text(w, "answer", route_answer_name(f->answer));
    json_member_text(w, "why", f->why);
    json_member_double(w, "good", wish->good);
    json_member_double(w, "most_loss", wish->most_loss);
    json_member_double(w, "least_quality", wish->least_quality);
    json_member_i64(w, "scored_cheap", (int64_t)f->n_cheap);
    json_member_i64(w, "scored_cheap_good", (int64_t)f->n_good);
    json_member_i64(w, "scored_premium", (int64_t)f->n_premium);
    put_count(w, "needed_cheap", f->needed_cheap);
    put_count(w, "needed_premium", f->needed_premium);
    json_member_double(w, "auc", f->auc);
    json_member_double(w, "auc_low", f->auc_low);
    json_key(w, "weights");
    if (f->answer == ROUTE_TRAINED) difficulty_write_json(&f->weights, w);
    else json_put_null(w);
    json_key(w, "point");
    if (f->chosen > 0) put_point(w, &f->curve[f->chosen]);
    else json_put_null(w);
    json_key(w, "all_cheap");
    put_point(w, &f->all_cheap);
    json_key(w, "rules");
    put_point(w, &f->rules);
    json_key(w, "curve");
    json_array(w);
    for (unsigned i = 0; i < f->n_curve; i++) put_point(w, &f->curve[i]);
    json_array_end(w);
}
