/* api_reviews.h - one review as its routes see it. Private to control/api_review*.c. */
#ifndef CONTROL_API_REVIEWS_H
#define CONTROL_API_REVIEWS_H

#include "control/api.h"
#include "quality/review.h"
#include "store/reviews.h"

#define REVIEW_ITEMS_MOST 10000
#define REVIEW_REVIEWERS_MOST 50

struct review_view {
    struct review_row row;
    int64_t number;
    enum review_scale scale;
    struct slice *reviewers;
    unsigned n_reviewers;
    size_t n_items;
    int32_t *labels; /* [reviewer * n_items + item]; REVIEW_NONE: not given (yet) */
    bool *given_to;  /* likewise: assigned */
    struct review_item *items; /* bodies not read */
};

/* The review of the path's "id"; false after having said what is wrong. */
bool api_review_load(struct api_call *c, struct review_view *ret);
bool api_review_find(struct api_call *c, struct review_view *ret); /* without items and labels */
/* Whoever reviews or decides is not told, while it is open, what the answers are from nor what others said. */
bool api_review_is_blind(const struct api_call *c, const struct review_view *v);
bool api_review_put(struct api_call *c, const struct review_view *v); /* members of an open object (schema Review); false after an error */
bool api_review_need_open(struct api_call *c, const struct review_view *v); /* before the audit log says that it was changed */
bool api_review_is_name(struct slice s);
/* Of one item: its state, and the label that stands (adjudicated or agreed). */
enum review_state api_review_state(const struct review_view *v, size_t item, int32_t *ret_label, bool *ret_adjudicated);
/* Its reviewer of that name; -1 after having said that there is none, or that the caller may not speak for them. */
int api_review_reviewer(struct api_call *c, const struct review_view *v, struct slice name);

/* Member `people_would_say`: of a review of a run's answers, pass or fail, the run's pass rate as people would have found it (PPI++,
 * stats/corrected.h), from the labels that stand and the verdicts on all its answers; null for any other review. False after an error. */
bool api_review_put_rate(struct api_call *c, const struct review_view *v);

/* What a person is shown of an item: input, context, expected, answers; nothing that tells whose they are. */
/* False after an error. */
bool api_review_put_shown(struct api_call *c, struct slice body, bool flipped);

/* ---- what a new review is of (api_review_items.c, api_review_run.c) ---- */
struct review_items {
    struct api_call *c;
    struct slice *at; /* JSON objects */
    size_t n;
    struct slice source;
    int64_t drawn_from, left_out; /* answers that there are; results without one */
};
/* From the body's `items` or `run`. false after an error. */
bool api_review_read_items(struct api_call *c, const struct json_doc *d, struct review_items *ret);
/* verdict < 0: any; sample 0: all. */
bool api_review_from_run(struct review_items *all, struct slice run, struct slice against, int verdict, int64_t sample);
/* One item; values and answers are JSON texts, SLICE_NULL: it has no such member. Room for it is in `at`. */
bool api_review_keep(struct review_items *all, const struct slice names[], const struct slice values[], unsigned n_values,
                     const struct slice *answers, unsigned n_answers);
uint64_t api_review_seed(void); /* chance that nobody can foresee */

#endif
