/* judging.h - a judge asked about answers that are there already: for calibration, outside of a run.
 *
 * On one loop's thread; as many calls under way as the asker takes. Once `max_cost_nano` is spent no further answer is asked about, those under
 * way end, and `ended` says why. What is asked twice is paid twice: a judge that is asked again must answer again. */
#ifndef QUALITY_JUDGING_H
#define QUALITY_JUDGING_H

#include "quality/asker.h"
#include "quality/judge.h"

struct judging_item { /* the caller's; kept until judging_free */
    struct check_case about;
    struct slice asked, output;
    struct check_outcome outcome; /* once `settled`; texts in the arena of judging_new */
    bool settled;
};

struct judging_options {
    const struct judge *judge;
    const struct check *check;
    int64_t max_cost_nano; /* < 0: none */
    const char *name;      /* of this judging, unique in all time, printable: in tags, and in the names of requests */
};
struct judging_counts {
    size_t done, errors;
    int64_t cost_nano;     /* what is known */
    size_t unpriced;       /* calls whose cost is not known */
};
struct judging_calls {
    void *ctx;
    void (*progress)(void *ctx, const struct judging_counts *c);
    void (*ended)(void *ctx, const char *stopped); /* NULL: all were asked about */
};

struct judging;
struct judging *judging_new(struct loop *l, struct asker *a, const struct judging_options *o, struct judging_item *items, size_t n,
                            struct arena *arena, const struct judging_calls *c);
void judging_free(struct judging *j); /* after asker_free: what is under way still has its bodies here */
void judging_start(struct judging *j); /* `ended` follows in a later turn */
struct judging_counts judging_counts(const struct judging *j);

#endif
