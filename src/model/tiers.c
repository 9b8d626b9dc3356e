#include "model/tiers.h"

enum { PPM = 1000000 };

static bool holds(int wanted, bool is) { return wanted < 0 || (wanted != 0) == is; }

static bool matches(const struct tier_rule *r, const struct difficulty *d, struct slice request_type, struct slice feature) {
    if (r->min_input_chars >= 0 && d->input_chars < (uint64_t)r->min_input_chars) return false;
    if (r->max_input_chars >= 0 && d->input_chars > (uint64_t)r->max_input_chars) return false;
    if (r->min_turns >= 0 && (int64_t)d->turns < r->min_turns) return false;
    if (r->request_type && !slice_is(request_type, r->request_type)) return false;
    if (r->feature && !slice_is(feature, r->feature)) return false;
    return holds(r->has_code, d->has_code) && holds(r->has_images, d->has_images) && holds(r->has_tools, d->has_tools);
}

struct tier_choice tiers_choose(const struct tiering *t, const struct difficulty *d, struct slice request_type,
                                struct slice feature) {
    unsigned last = t->n_tiers - 1;
    struct tier_choice c = {.tier = last, .rule = -1};
    double good = t->weights ? difficulty_good_enough(t->weights, d) : 0;
    for (unsigned i = 0; i < t->n_rules && c.rule < 0; i++)
        if (matches(&t->rules[i], d, request_type, feature)) c.rule = (int)i;
    if (c.rule >= 0) c.tier = t->rules[c.rule].tier;
    else if (t->weights && good >= t->weights->threshold) c.tier = 0;
    c.difficulty_ppm = t->weights ? (int32_t)((1 - good) * PPM + 0.5) : (int32_t)(c.tier * PPM / last);
    return c;
}

static bool is_for(const struct json_doc *d, uint32_t names, const struct tiering *t) {
    uint32_t cursor = JSON_NONE, name;
    unsigned n = 0;
    while (json_each_item(d, names, &cursor, &name))
        if (n == t->n_tiers || !json_is(d, name, t->tiers[n++].name)) return false;
    return n == t->n_tiers;
}

bool tiers_install(struct policy *p, const struct tier_state *s) {
    struct model_route *m = table_get(&p->model_by_name, s->model);
    struct tiering *t = m ? m->tiering : NULL;
    struct json_doc doc;
    struct arena scratch;
    bool good = t != NULL;
    if (good && !slice_is_null(s->trained)) {
        struct difficulty_weights *w = arena_new(&p->arena, struct difficulty_weights);
        arena_init(&scratch, 16 << 10, 4 << 20);
        good = w && json_read(s->trained, &scratch, UINT16_MAX, &doc, NULL) == FAULT_NONE &&
               is_for(&doc, json_get(&doc, 0, "tiers"), t) && difficulty_read_json(&doc, json_get(&doc, 0, "weights"), w);
        if (good) t->weights = w;
        arena_deinit(&scratch);
    }
    if (good) t->on = s->on;
    return good;
}
