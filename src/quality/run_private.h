/* run_private.h - the inside of a run: one repeat of one case (an item) and what it waits for. */
#ifndef QUALITY_RUN_PRIVATE_H
#define QUALITY_RUN_PRIVATE_H

#include "base/list.h"
#include "quality/run.h"

#define RUN_ONCE 200 /* a name for x-quarterdeck-once; the gateway takes no longer one */

/* One case once: from its request to its result. */
struct run_item {
    struct list link;              /* run.active, or its case's `parked` */
    struct run *run;
    const struct suite_case *about;
    unsigned case_at, repeat;
    struct arena arena;            /* all that lives as long as the item */
    struct buffer body;            /* its request, kept for the judges */
    struct ask ask;
    char tags[2 * LIMIT_LABEL + 32], once[RUN_ONCE];
    struct check_answer answer;
    struct check_outcome *outcomes; /* of each check, in order */
    unsigned n_checks, pending;     /* pending: programs, judges and embeddings under way */
    struct list judgings, similars; /* struct run_judging, struct run_similar: their buffers go with the item */
    struct result result;
    int64_t spent_nano;             /* exchange and judges, what is known of it */
    bool unpriced, cut_short;      /* cut_short: something of it was not tried again, as the run was stopped */
};

/* The repeats of a case whose answers are compared with each other. */
struct run_case {
    unsigned missing;              /* items of this life that have not come so far */
    struct list parked;            /* those that have */
    struct list earlier;           /* answers of earlier lives */
    unsigned n_parked, n_earlier;
    bool is_expected;              /* `missing` is counted */
};

struct run {
    struct loop *loop;
    struct asker *asker;
    struct programs *programs;
    struct run_options o;
    struct run_calls calls;
    char request_type[LIMIT_LABEL + 1];
    size_t next, total;            /* case_at * repeat + repeat */
    uint8_t *skipped;              /* a bit each */
    struct run_case **cases;       /* by case_at; NULL where none is under way */
    struct list active, idle;
    unsigned n_active, window;
    int64_t ended_nano;            /* of what has ended, what is known */
    size_t n_ended;
    unsigned in_vain;              /* requests since the last answer that might have got one, and did not */
    int64_t answered_us;           /* the last answer; 0: none */
    bool started, is_stopped, is_cut_off, pumping, over;
    char stopped[LIMIT_ERROR_TEXT];
    struct loop_timer ending;      /* so that `ended` comes in a turn of its own */
};

/* run.c */
void run_pump(struct run *r);      /* starts what may start; the end, when nothing is left */
void run_paid(struct run_item *i, const struct ask *q);
void run_paid_beside(struct run_item *i, const struct ask *q); /* for judging: the result tells it apart */
void run_item_left(struct run_item *i); /* nothing more is paid for it: it counts as ended, and makes room */
void run_item_over(struct run_item *i, bool keep); /* its result is told, unless it is to be asked again in another life */
bool run_label(struct slice text, char *out, size_t size); /* as a label or a tag's value may be; false: empty */
/* run_item.c */
void run_item_start(struct run_item *i);
void run_item_progress(struct run_item *i); /* after each thing that was waited for */
void run_item_conclude(struct run_item *i);
struct slice run_failure(const struct ask *q, struct arena *arena); /* "code: words" */
/* run_judge.c */
void run_judge_start(struct run_item *i, unsigned check);
void run_judge_free(struct run_item *i);
/* run_similar.c */
void run_similar_start(struct run_item *i, unsigned check);
void run_similar_free(struct run_item *i);
/* run_repeats.c */
bool run_compares(const struct suite *s, const struct suite_case *c); /* has it a check of its repeats? */
void run_repeats_expect(struct run *r, unsigned case_at);
void run_repeats_come(struct run_item *i);  /* it has all else: waits for the others, or ends with them */
void run_repeats_end(struct run *r);        /* no more will come */
void run_repeats_free(struct run_case *c);

#endif
