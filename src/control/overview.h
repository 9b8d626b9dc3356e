/* overview.h - how each application is, by domain, and what needs a person: judged from what is, and only as far as there is evidence.
 * Private to control/.
 *
 * First all that is wrong or waits is collected as facts (overview_facts.c); then each domain of each application is judged by the facts about it,
 * and by its numbers (overview_judge.c). A domain is bad or warn by its worst fact, good only where something was looked at and nothing found, and
 * unknown otherwise: then the headline names the command that would give evidence. */
#ifndef CONTROL_OVERVIEW_H
#define CONTROL_OVERVIEW_H

#include "control/api.h"
#include "control/series.h"
#include "control/timeline.h"

enum overview_domain { OVERVIEW_QUALITY, OVERVIEW_COST, OVERVIEW_CHANGE, OVERVIEW_INCIDENTS, OVERVIEW_IMPROVEMENT, OVERVIEW_DOMAINS };
const char *overview_domain_name(enum overview_domain d);

struct overview_fact {
    enum overview_domain domain;
    enum timeline_severity severity; /* WARN and BAD make the domain that */
    bool needs_person;
    struct slice application;        /* SLICE_NULL: not about one */
    struct slice used;               /* "prompt:NAME" or "model:NAME": about the applications that use it; SLICE_NULL */
    struct slice about;              /* what it is: facts about one thing have the same */
    struct slice title, href, command;
    int64_t since_us;
};

#define OVERVIEW_FACTS 2000 /* more are left out, those read last: things that wait, not things that are wrong */
#define OVERVIEW_NEEDS 20
#define OVERVIEW_ROWS 50

struct overview {
    struct api_call *c;
    int64_t from_us, to_us, now_us;
    struct overview_fact *facts;
    unsigned n_facts;
    struct table uses;               /* "APPLICATION\nprompt:NAME": it was used in the window */
    struct table used;               /* "prompt:NAME": somebody used it */
    unsigned alerts_firing;          /* all together */
    int64_t prompts, prompts_served; /* registered; with a version in production */
    uint64_t feedback, negative;     /* of all applications */
    unsigned reviews_open;
};

/* False after having answered why. */
bool overview_collect(struct overview *o);
bool overview_is_about(const struct overview *o, const struct overview_fact *f, struct slice application);
void overview_deinit(struct overview *o);

/* ---- a row ---- */
struct overview_number {
    const char *label, *unit;
    struct slice window, note;       /* note: SLICE_NULL */
    struct series_point point;       /* n NAN: of nothing that is counted */
};
#define OVERVIEW_NUMBERS 6
struct overview_verdict {
    const char *state;
    struct slice headline;
    struct overview_number numbers[OVERVIEW_NUMBERS];
    unsigned n_numbers;
    const char *trend; /* a metric; NULL: none */
};
struct overview_row {
    struct slice application;        /* SLICE_NULL: all together */
    struct rollup sums;
    struct weighted_sums scores;     /* of scored traffic, all metrics together */
};
void overview_judge(const struct overview *o, const struct overview_row *row, enum overview_domain d, struct overview_verdict *ret);

#endif
