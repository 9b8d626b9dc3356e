/* oncall.h - whose turn it is, and who is called next. Pure: a schedule, its overrides and a time.
 *
 * Turns hand over at the same local hour whatever the clocks do. An override has its time alone; of two the one made later. Nobody on call is
 * an answer (it is told, and the escalation goes on to its next step). */
#ifndef INCIDENT_ONCALL_H
#define INCIDENT_ONCALL_H

#include "model/alert_policy.h"
#include "store/alerts.h"

struct oncall_turn {
    struct slice person;         /* SLICE_NULL: nobody */
    int64_t from_us, to_us;      /* wall; of this turn, as it stands with overrides; 0: no beginning, no end in sight */
    int64_t override;            /* number; 0: by rotation */
};
void oncall_at(const struct oncall_schedule *s, const struct oncall_override *overrides, unsigned n, int64_t at_us, struct oncall_turn *ret);
/* Turns that lie in from <= time < to, those of nobody too, in order, at most `limit`. */
unsigned oncall_turns(const struct oncall_schedule *s, const struct oncall_override *overrides, unsigned n, int64_t from_us, int64_t to_us,
                      unsigned limit, struct oncall_turn *ret);

struct escalation_call {         /* whom to tell now */
    struct slice receiver;       /* a receiver's name; SLICE_NULL: nobody can be reached at this step, which `why` says */
    struct slice person, schedule;
    struct slice why;            /* "step 2 of 3: primary (anna)" */
};
struct escalation_state { int step, round; int64_t due_us; }; /* step -1: not begun; due 0: it has ended */
/* The calls of the step that is due, at most `limit`, and the state after it: of one at which nobody can be reached, and of the next one at once. Ended:
 * all rounds are over. Begins with {.step = -1}. An escalation that is gone from the policy is the caller's to end. */
unsigned escalation_step(const struct alert_policy *p, const struct escalation *e, const struct oncall_override *overrides, unsigned n_overrides,
                         struct escalation_state *state, int64_t now_us, struct arena *arena, struct escalation_call *ret, unsigned limit);
/* Whoever may have been called until now: receivers of the steps that were taken (`at`), and of a schedule's those of all that had a turn of it from
 * `from_us` to `to_us`. None: all of
 * oncall.people, who are told then. None twice; `person` where that person has an address of their own there. */
unsigned escalation_called(const struct alert_policy *p, const struct escalation *e, const struct oncall_override *overrides, unsigned n_overrides,
                           const struct escalation_state *at, int64_t from_us, int64_t to_us, struct escalation_call *ret, unsigned limit);

#endif
