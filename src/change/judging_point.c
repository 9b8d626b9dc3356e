/* What is kept of a judging, so that its intervals can be seen to close. */
#include "change/judging.h"
#include "store/rollout_points.h"

enum { POINT_TEXT = 16 << 10 };

void judging_point(const struct judging *j, const struct rollout_row *row, int64_t at_us, struct arena *arena, struct rollout_point *ret) {
    struct buffer out;
    struct json_writer w;
    char mark[GUARDRAILS];
    buffer_init(&out, POINT_TEXT);
    json_start(&w, &out);
    json_array(&w);
    for (unsigned i = 0; i < j->n; i++) {
        const struct guard_answer *a = &j->answers[i];
        mark[i] = guard_verdict_name(a->verdict)[0];
        json_array(&w);
        json_put_string(&w, a->metric);
        json_put_double(&w, a->effect);
        json_put_double(&w, a->interval.low);
        json_put_double(&w, a->interval.high);
        json_put_double(&w, guard_limit(a));
        json_put_u64(&w, a->n_candidate);
        json_put_u64(&w, a->n_control);
        json_put_text(&w, guard_verdict_name(a->verdict));
        json_array_end(&w);
    }
    json_array_end(&w);
    *ret = (struct rollout_point){.at_us = at_us, .stage = row->stage, .step = row->step, .weight_ppm = row->weight_ppm,
                                  .mark = arena_slice(arena, slice_make(mark, j->n)),
                                  .body = out.overflow || j->n == 0 ? SLICE_NULL : arena_slice(arena, buffer_slice(&out))};
    buffer_deinit(&out);
}
