#include "cost/downgrade_read.h"

#include <math.h>

static double number(const struct json_doc *d, const char *key) {
    double v = NAN;
    return json_get_double(d, json_get(d, 0, key), &v) ? v : NAN;
}

bool downgrade_read(const struct registry_tiering *state, const struct model_route *m, struct arena *arena,
                    struct downgrade_read *ret) {
    struct downgrade_read r = {.at_us = state->downgrade_us};
    struct json_doc d;
    bool known = false;
    if (slice_is_null(state->downgrade) || json_read(state->downgrade, arena, UINT16_MAX, &d, NULL) != FAULT_NONE) return false;
    if (!json_is(&d, json_get(&d, 0, "cheapest"), m->tiering->tiers[0].name)) return false;
    for (int a = DOWNGRADE_WITHIN; a <= DOWNGRADE_NOT_ENOUGH && !known; a++) {
        r.answer = (enum downgrade_answer)a;
        known = json_is(&d, json_get(&d, 0, "answer"), downgrade_answer_name(r.answer));
    }
    (void)json_get_i64(&d, json_get(&d, 0, "scored"), &r.scored);
    r.change = number(&d, "change");
    r.low = number(&d, "change_low");
    r.high = number(&d, "change_high");
    r.most_loss = number(&d, "most_loss");
    r.judged = json_type(&d, json_get(&d, 0, "judge")) == JSON_STRING;
    r.run = json_string(&d, json_get(&d, 0, "run"), arena);
    if (!known || (r.answer != DOWNGRADE_NOT_ENOUGH && (isnan(r.change) || isnan(r.low) || isnan(r.high) || isnan(r.most_loss))))
        return false;
    *ret = r;
    return true;
}
