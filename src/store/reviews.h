/* reviews.h - answers that wait for people, and what people said of them.
 *
 * A review is a fixed list of items, each given to some reviewers by name; a label is what one of them said of one item. A label may
 * be changed or taken back until the review is closed; the audit log says who did what. */
#ifndef STORE_REVIEWS_H
#define STORE_REVIEWS_H

#include "store/evaluations.h"

struct review_row {
    int64_t number;       /* "review-3" */
    struct slice name;    /* SLICE_NULL */
    struct slice rubric, source; /* source: "run-12", "run-12 against run-11", "items" */
    struct slice reviewers;      /* a JSON array of names */
    struct slice adjudicator;    /* SLICE_NULL: none */
    int64_t scale;        /* enum review_scale (quality/review.h) */
    int64_t per_item;
    int64_t items, labels, given; /* counts; labels: that are to come altogether. Filled in by reviews_find and reviews_list */
    int64_t due_us;       /* 0: none */
    int64_t created_us, closed_us; /* closed_us 0: open */
    struct slice by;
};

struct review_item {
    int64_t at;           /* from 0 */
    struct slice body;    /* JSON: input, context, expected, answers [1 or 2], case, repeat, record */
    bool adjudicated;
    int64_t label;        /* when adjudicated */
    struct slice comment, by;
    int64_t at_us;
};

struct review_label {
    int64_t item;
    struct slice reviewer;
    int64_t position;     /* in the reviewer's order */
    bool flipped;
    bool given;
    int64_t label;        /* when given */
    struct slice comment, by; /* by: whose token, where it is not the reviewer's */
    int64_t at_us;
};

/* *r gets its number; bodies and assigned labels (item, reviewer, position, flipped) come with it, all or nothing. */
enum fault reviews_add(struct evaluations *e, struct review_row *r, const struct slice *bodies, size_t n_items,
                      const struct review_label *labels, size_t n_labels, struct error *error) MUST_CHECK;
enum fault reviews_find(struct evaluations *e, int64_t number, struct arena *arena, struct review_row *ret, struct error *error) MUST_CHECK; /* FAULT_NOT_FOUND */
/* Newest first; `open`: only those. `each` returns false to stop. */
enum fault reviews_list(struct evaluations *e, bool open, struct arena *arena, bool (*each)(void *ctx, const struct review_row *r), void *ctx,
                       struct error *error) MUST_CHECK;
enum fault reviews_item(struct evaluations *e, int64_t number, int64_t item, struct arena *arena, struct review_item *ret,
                            struct error *error) MUST_CHECK; /* FAULT_NOT_FOUND */
/* In order. Bodies (SLICE_NULL unless asked for) are valid inside the call, like all texts. */
enum fault reviews_items(struct evaluations *e, int64_t number, bool bodies, bool (*each)(void *ctx, const struct review_item *i), void *ctx,
                        struct error *error) MUST_CHECK;
/* By item, then reviewer; reviewer SLICE_NULL: all, else this one's in the order of positions. item < 0: of all items. */
enum fault reviews_labels(struct evaluations *e, int64_t number, struct slice reviewer, int64_t item, bool (*each)(void *ctx, const struct review_label *l),
                         void *ctx, struct error *error) MUST_CHECK;
/* l->given false takes it back. FAULT_NOT_FOUND: this reviewer was not given that item. FAULT_CONFLICT: the review is closed. */
enum fault reviews_label(struct evaluations *e, int64_t number, const struct review_label *l, struct error *error) MUST_CHECK;
/* Of item i->at; adjudicated false takes it back. Faults as above. */
enum fault reviews_adjudicate(struct evaluations *e, int64_t number, const struct review_item *i, struct error *error) MUST_CHECK;
/* What `from` has not labelled goes to `to`, behind what `to` has; what `to` has too stays. `reviewers`: all names from now on, JSON. FAULT_CONFLICT: it is closed. */
enum fault reviews_reassign(struct evaluations *e, int64_t number, struct slice from, struct slice to, struct slice reviewers, int64_t *ret_moved,
                            struct error *error) MUST_CHECK;
enum fault reviews_close(struct evaluations *e, int64_t number, int64_t at_us, struct error *error) MUST_CHECK; /* again: the first time stays */

#endif
